"""Building and walking many short-lived trees: allocation and recursion."""


class Node:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left = left
        self.right = right


def build(depth):
    if depth == 0:
        return Node(None, None)
    return Node(build(depth - 1), build(depth - 1))


def count(node):
    if node.left is None:
        return 1
    return 1 + count(node.left) + count(node.right)


def main(deepest):
    print("stretch", count(build(deepest + 1)))
    keep = build(deepest)
    for depth in range(4, deepest + 1, 4):
        rounds = 1 << (deepest - depth + 4)
        print(rounds, depth, sum(count(build(depth)) for _ in range(rounds)))
    print("kept", count(keep))


main(15)
