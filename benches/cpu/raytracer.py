"""Spheres over a floor: vectors as objects with operators."""
from math import sqrt


class Vec:
    __slots__ = ("x", "y", "z")

    def __init__(self, x, y, z):
        self.x = x
        self.y = y
        self.z = z

    def __add__(self, o):
        return Vec(self.x + o.x, self.y + o.y, self.z + o.z)

    def __sub__(self, o):
        return Vec(self.x - o.x, self.y - o.y, self.z - o.z)

    def __mul__(self, k):
        return Vec(self.x * k, self.y * k, self.z * k)

    def dot(self, o):
        return self.x * o.x + self.y * o.y + self.z * o.z

    def unit(self):
        return self * (1.0 / sqrt(self.dot(self)))


class Sphere:
    def __init__(self, centre, radius, colour, shine):
        self.centre = centre
        self.radius = radius
        self.colour = colour
        self.shine = shine

    def hit(self, origin, direction):
        to = self.centre - origin
        along = to.dot(direction)
        off = to.dot(to) - along * along
        inside = self.radius * self.radius - off
        if inside < 0:
            return None
        t = along - sqrt(inside)
        return t if t > 1e-4 else None

    def normal(self, point):
        return (point - self.centre).unit()

    def colour_at(self, point):
        return self.colour


class Floor:
    shine = 0.1

    def __init__(self, height):
        self.height = height

    def hit(self, origin, direction):
        if -1e-6 < direction.y < 1e-6:
            return None
        t = (self.height - origin.y) / direction.y
        return t if t > 1e-4 else None

    def normal(self, point):
        return Vec(0.0, 1.0, 0.0)

    def colour_at(self, point):
        return 0.9 if (int(point.x // 1) + int(point.z // 1)) % 2 else 0.2


class Scene:
    def __init__(self, things, light):
        self.things = things
        self.light = light

    def nearest(self, origin, direction):
        best, thing = None, None
        for candidate in self.things:
            t = candidate.hit(origin, direction)
            if t is not None and (best is None or t < best):
                best, thing = t, candidate
        return best, thing

    def shade(self, origin, direction, depth):
        t, thing = self.nearest(origin, direction)
        if thing is None:
            return 0.5 + 0.3 * direction.y
        point = origin + direction * t
        normal = thing.normal(point)
        to_light = (self.light - point).unit()
        lit = 0.1
        if self.nearest(point, to_light)[1] is None:
            lit += max(0.0, normal.dot(to_light))
        value = lit * thing.colour_at(point)
        if depth and thing.shine:
            mirror = direction - normal * (2.0 * normal.dot(direction))
            value = value * (1 - thing.shine) + thing.shine * self.shade(point, mirror.unit(), depth - 1)
        return value


def render(width, height):
    spheres = [Sphere(Vec(i - 1.5, 0.1 * i, 4.0 + i % 2), 0.6, 0.3 + 0.2 * i, 0.3) for i in range(4)]
    scene = Scene(spheres + [Floor(-0.7)], Vec(5.0, 8.0, -3.0))
    eye = Vec(0.0, 0.5, -2.0)
    total = 0
    for row in range(height):
        for column in range(width):
            ray = Vec((column - width / 2) / width * 2, (height / 2 - row) / height * 1.5, 1.5).unit()
            total += int(255 * scene.shade(eye, ray, 2)) * ((row + column) % 7 + 1)
    return total


print(render(330, 220))
