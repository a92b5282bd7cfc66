"""All placements of queens by backtracking with sets of used lines."""


def place(n, row, columns, ups, downs):
    if row == n:
        return 1
    total = 0
    for column in range(n):
        if column in columns or row + column in ups or row - column in downs:
            continue
        columns.add(column)
        ups.add(row + column)
        downs.add(row - column)
        total += place(n, row + 1, columns, ups, downs)
        columns.remove(column)
        ups.remove(row + column)
        downs.remove(row - column)
    return total


print([place(n, 0, set(), set(), set()) for n in range(4, 13)])
