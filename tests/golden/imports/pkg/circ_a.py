print("a starts")
from . import circ_b
A = "a"
def get(): return circ_b.B
print("a ends", circ_b.B)
