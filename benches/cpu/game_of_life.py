"""Conway's life on an unbounded board: sets of tuples."""


def step(alive):
    neighbours = {}
    for x, y in alive:
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if dx or dy:
                    cell = (x + dx, y + dy)
                    neighbours[cell] = neighbours.get(cell, 0) + 1
    return {cell for cell, n in neighbours.items() if n == 3 or (n == 2 and cell in alive)}


def main(generations):
    alive = {(1, 0), (3, 1), (0, 2), (1, 2), (4, 2), (5, 2), (6, 2)}
    peak = 0
    for _ in range(generations):
        alive = step(alive)
        peak = max(peak, len(alive))
    return len(alive), peak, sum(x * 3 + y for x, y in alive)


print(main(1300))
