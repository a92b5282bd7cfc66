"""List, set, dict comprehensions and generator expressions."""


def main(rounds):
    total = 0
    base = list(range(1000))
    for r in range(rounds):
        squares = [x * x for x in base if x % 3]
        evens = {x & 255 for x in squares}
        lookup = {x: x + r for x in base}
        pairs = [(a, b) for a in base[:30] for b in base[:30] if a < b]
        total += sum(lookup[x] for x in base if x % 2)
        total += len(squares) + len(evens) + len(pairs)
        total += max(y for row in [[i * j for j in range(10)] for i in range(30)] for y in row)
    return total


print(main(2600))
