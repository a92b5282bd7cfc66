"""Method calls: bound, inherited, overridden, through super, class and static methods."""


class Shape:
    made = 0

    def __init__(self, size):
        self.size = size
        Shape.made += 1

    def area(self):
        return self.size

    def scaled(self, factor, offset=0):
        return self.area() * factor + offset

    @classmethod
    def unit(cls):
        return cls(1)

    @staticmethod
    def clamp(x):
        return x if x < 1000 else 1000


class Square(Shape):
    def area(self):
        return self.size * self.size


class Doubled(Square):
    def area(self):
        return super().area() * 2


def main(n):
    shapes = [Shape(2), Square(3), Doubled(4)]
    total = 0
    for i in range(n):
        shape = shapes[i % 3]
        total += shape.area()
        total += shape.scaled(2)
        total += shape.scaled(3, offset=i & 1)
        total += Shape.clamp(i)
    bound = shapes[2].area
    for _ in range(n):
        total += bound()
    for _ in range(n // 4):
        total += Square.unit().area()
    return total, Shape.made


print(main(700000))
