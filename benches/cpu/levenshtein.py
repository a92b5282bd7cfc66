"""Edit distance with two rows: string indexing and small-int arithmetic."""


def distance(a, b):
    previous = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        current = [i]
        for j, cb in enumerate(b, 1):
            cost = previous[j - 1] + (ca != cb)
            up = previous[j] + 1
            left = current[j - 1] + 1
            if up < cost:
                cost = up
            if left < cost:
                cost = left
            current.append(cost)
        previous = current
    return previous[-1]


def word(seed, n):
    out = []
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append("abcdefgh"[(seed >> 12) % 8])
    return "".join(out)


total = 0
for k in range(26):
    total += distance(word(k + 1, 400 + 10 * k), word(k + 100, 420))
print(total)
print(distance("汉字编辑距离" * 40, "汉语编程距离" * 40))
