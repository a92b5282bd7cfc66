print("importing", __name__)
from ..early import name as up
