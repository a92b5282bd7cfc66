print("b starts")
from . import circ_a
print("b sees", hasattr(circ_a, "A"))
try:
    from .circ_a import A
except ImportError as e:
    print("ImportError", str(e).split(" (")[0])
B = "b"
