"""An LRU cache on a dict, tuple keys, memo tables, merging and deleting."""


class Lru:
    def __init__(self, size):
        self.size = size
        self.data = {}
        self.hits = self.misses = 0

    def get(self, key, make):
        data = self.data
        if key in data:
            value = data.pop(key)
            self.hits += 1
        else:
            self.misses += 1
            value = make(key)
            if len(data) >= self.size:
                del data[next(iter(data))]
        data[key] = value
        return value


def caching(n):
    cache = Lru(500)
    seed = 1
    total = 0
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        key = (seed >> 8) % 1000 if seed & 64 else (seed >> 8) % 100
        total += cache.get(key, lambda k: k * k)
    return total, cache.hits, cache.misses


def paths(n):
    memo = {}
    for x in range(n):
        for y in range(n):
            if x == 0 or y == 0:
                memo[x, y] = 1
            else:
                memo[x, y] = (memo[x - 1, y] + memo[x, y - 1]) % 1000000007
    return memo[n - 1, n - 1]


def merging(n):
    total = 0
    for i in range(n):
        a = {"x": i, "y": 2, "z": 3}
        b = {**a, "w": 4}
        b |= {"x": 0, "v": i}
        for key, value in b.items():
            if key != "z":
                total += value
        b.pop("v")
        total += len(b)
    return total


print(caching(500000), paths(450), merging(250000))
