print("importing", __name__, "package", __package__)
name = "early"
