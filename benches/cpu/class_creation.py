"""Making classes and instances, with generated methods as a data class has them."""


def record(name, *fields):
    def init(self, *values):
        for field, value in zip(fields, values):
            setattr(self, field, value)

    def eq(self, other):
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, f) == getattr(other, f) for f in fields)

    def show(self):
        return name + "(" + ", ".join(f"{f}={getattr(self, f)!r}" for f in fields) + ")"

    return type(name, (), {"__init__": init, "__eq__": eq, "__repr__": show})


def nested(i):
    class Base:
        tag = i

        def get(self):
            return self.tag

    class Derived(Base):
        def get(self):
            return super().get() + 1

    return Derived().get()


class Money:
    def __init__(self, units, currency="EUR"):
        self.units = units
        self.currency = currency

    def __add__(self, other):
        return Money(self.units + other.units, self.currency)

    def __eq__(self, other):
        return self.units == other.units and self.currency == other.currency

    def __hash__(self):
        return hash((self.units, self.currency))


total = sum(nested(i) for i in range(12000))
Pair = record("Pair", "a", "b")
equal = 0
for i in range(120000):
    equal += Pair(i, 1) == Pair(i, i & 1)
purse = Money(0)
seen = set()
for i in range(350000):
    purse = purse + Money(i & 3)
    if i & 7 == 0:
        seen.add(Money(i & 255))
print(total, equal, Pair(1, "x"), purse.units, len(seen))
