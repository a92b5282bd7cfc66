"""Matrix product and a determinant with lists of lists."""


def matrix(n, seed):
    rows = []
    for i in range(n):
        row = []
        for j in range(n):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            row.append(seed % 10 - 4)
        rows.append(row)
    return rows


def multiply(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


def multiply_loops(a, b):
    n, m, k = len(a), len(b[0]), len(b)
    out = [[0] * m for _ in range(n)]
    for i in range(n):
        row, target = a[i], out[i]
        for p in range(k):
            factor, other = row[p], b[p]
            for j in range(m):
                target[j] += factor * other[j]
    return out


def determinant(a, prime):
    a = [[x % prime for x in row] for row in a]
    n = len(a)
    result = 1
    for i in range(n):
        pivot = next((r for r in range(i, n) if a[r][i]), None)
        if pivot is None:
            return 0
        if pivot != i:
            a[i], a[pivot] = a[pivot], a[i]
            result = -result
        result = result * a[i][i] % prime
        inverse = pow(a[i][i], -1, prime)
        for r in range(i + 1, n):
            factor = a[r][i] * inverse % prime
            if factor:
                a[r] = [(x - factor * y) % prime for x, y in zip(a[r], a[i])]
    return result % prime


a, b = matrix(170, 1), matrix(170, 2)
first, second = multiply(a, b), multiply_loops(a, b)
print(first == second, sum(map(sum, first)), determinant(first[:110], 1000000007))
