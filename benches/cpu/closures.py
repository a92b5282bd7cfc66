"""Closures that share and change cells, functions made in loops, higher-order functions."""


def counter(step):
    n = 0

    def bump():
        nonlocal n
        n += step
        return n

    return bump


def compose(*functions):
    def composed(x):
        for f in functions:
            x = f(x)
        return x

    return composed


def adder(k):
    return lambda x: x + k


def main(n):
    a, b = counter(1), counter(3)
    total = 0
    for _ in range(n):
        total += a() + b()
    chain = compose(adder(1), adder(2), lambda x: x * 2, adder(-3))
    for i in range(n):
        total += chain(i)
    for i in range(n):
        total += adder(i)(1)
    return total


print(main(1000000))
