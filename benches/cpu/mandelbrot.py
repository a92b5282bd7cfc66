"""Escape times over a grid with plain floats."""


def escape(cr, ci, limit):
    zr = zi = 0.0
    for step in range(limit):
        zr2 = zr * zr
        zi2 = zi * zi
        if zr2 + zi2 > 4.0:
            return step
        zi = 2.0 * zr * zi + ci
        zr = zr2 - zi2 + cr
    return limit


def picture(width, height, limit):
    total = 0
    inside = 0
    for row in range(height):
        ci = 2.0 * row / height - 1.0
        for column in range(width):
            steps = escape(3.0 * column / width - 2.0, ci, limit)
            total += steps * (row + 1)
            if steps == limit:
                inside += 1
    return total, inside


print(picture(400, 260, 220))
