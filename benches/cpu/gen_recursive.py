"""Walking a tree with a recursive generator and yield from."""


class Tree:
    def __init__(self, left, value, right):
        self.left = left
        self.value = value
        self.right = right

    def __iter__(self):
        if self.left is not None:
            yield from self.left
        yield self.value
        if self.right is not None:
            yield from self.right


def build(low, high):
    if low >= high:
        return None
    middle = (low + high) // 2
    return Tree(build(low, middle), middle, build(middle + 1, high))


def permutations(items):
    if len(items) <= 1:
        yield tuple(items)
        return
    for i in range(len(items)):
        head = items[i]
        for rest in permutations(items[:i] + items[i + 1:]):
            yield (head,) + rest


tree = build(0, 1 << 15)
total = 0
for _ in range(35):
    for value in tree:
        total = (total * 3 + value) % 1000003
print(total)
count = check = 0
for p in permutations(list(range(9))):
    count += 1
    check = (check * 7 + p[0] * p[-1]) % 1000003
print(count, check)
