print("importing", __name__)
from .. import value as from_parent
from ..early import name
from . import leaf
