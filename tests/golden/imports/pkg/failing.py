print("failing starts")
before = 1
raise ValueError("cannot import me")
