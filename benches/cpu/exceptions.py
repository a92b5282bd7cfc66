"""Raising and catching through several frames, finally clauses, no-raise try blocks."""


class Odd(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


def check(i):
    if i % 3 == 0:
        raise Odd(i)
    if i % 5 == 0:
        raise ValueError("five")
    return i


def through(i):
    try:
        return check(i)
    finally:
        through.count += 1


through.count = 0


def main(n):
    total = 0
    for i in range(n):
        try:
            total += through(i)
        except Odd as error:
            total -= error.value
        except (KeyError, ValueError):
            total += 1
        else:
            total += 2
    return total


def plain(n):
    total = 0
    for i in range(n):
        try:
            total += i & 3
        except IndexError:
            total = 0
    return total


def lookups(n):
    d = {i: i for i in range(0, 100, 2)}
    missing = 0
    for i in range(n):
        try:
            d[i % 100]
        except KeyError:
            missing += 1
    return missing


print(main(700000), through.count, plain(2000000), lookups(900000))
