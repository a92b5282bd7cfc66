"""The package."""
print("importing pkg as", __name__)
value = "pkg value"
from . import early
from .early import name as early_name
__all__ = ["value", "sub", "_hidden"]
_hidden = "hidden but listed"
not_listed = 1
