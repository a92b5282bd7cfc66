"""A module with __getattr__ and __dir__."""
def __getattr__(name):
    if name.startswith("dyn"): return "dynamic " + name
    raise AttributeError(f"module has no {name}")
def __dir__(): return ["dyn1", "real"]
real = 1
