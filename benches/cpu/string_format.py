"""Percent formatting, str.format and conversions of numbers to text and back."""


def main(n):
    total = 0
    for i in range(n):
        s = "%05d %s %.2f %x" % (i, "abc", i / 3, i)
        total += len(s)
        s = "{0:>10} {1:<8} {name}".format(i, "left", name=s[:5])
        total += len(s)
        s = "%-10s|%+d|%r" % ("n%d" % i, i - 50, "q")
        total += len(s)
        total += int(str(i)) + int(float(repr(i * 0.5)))
    return total


print(main(330000))
