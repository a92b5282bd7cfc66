"""A pipeline of six generators, each feeding the next."""


def numbers(n):
    i = 0
    while i < n:
        yield i
        i += 1


def squares(source):
    for x in source:
        yield x * x


def keep(source, divisor):
    for x in source:
        if x % divisor != 0:
            yield x


def running(source):
    total = 0
    for x in source:
        total = (total + x) & 0xFFFFFF
        yield total


def pairs(source):
    previous = None
    for x in source:
        if previous is not None:
            yield previous, x
        previous = x


def main(n):
    checksum = 0
    for a, b in pairs(running(keep(keep(squares(numbers(n)), 3), 5))):
        checksum = (checksum * 31 + (a ^ b)) & 0x7FFFFFFF
    return checksum


print(main(1800000))
