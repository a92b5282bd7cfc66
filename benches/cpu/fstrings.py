"""Formatted string literals with conversions, specs and nested specs."""


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __format__(self, spec):
        return f"({self.x:{spec}},{self.y:{spec}})"


def main(n):
    total = 0
    p = Point(1.5, 2.25)
    for i in range(n):
        name = f"item{i}"
        s = f"{name}: {i:>8d} {i / 7:.3f} {name!r} {i:x}"
        total += len(s)
        t = f"{i}{name}{i + 1}"
        total += len(t)
        if i % 8 == 0:
            width = 5 + i % 10
            total += len(f"{p:.2f}|{name:^{width}}|{i:,}|{i:08b}")
    return total


print(main(550000))
