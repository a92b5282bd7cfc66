"""Digits of pi by a spigot on big integers."""


def pi_digits():
    q, r, t, k, n, l = 1, 0, 1, 1, 3, 3
    while True:
        if 4 * q + r - t < n * t:
            yield n
            q, r, n = 10 * q, 10 * (r - n * t), (10 * (3 * q + r)) // t - 10 * n
        else:
            n_next = (q * (7 * k + 2) + r * l) // (t * l)
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, n_next, l + 2


def main(count):
    digits = []
    for d in pi_digits():
        digits.append(str(d))
        if len(digits) == count:
            break
    return "".join(digits)


text = main(2600)
print(text[:30], text[-10:])
factorial = 1
for i in range(1, 6000):
    factorial *= i
print(factorial.bit_length(), factorial % 1000000007, len(str(factorial >> 60000)))
a, b = 0, 1
for _ in range(90000):
    a, b = b, a + b
print(a % (10 ** 20), a.bit_length())
print(sum(pow(3, 10 ** 6 + k, 2 ** 521 - 1) for k in range(600)) % 10 ** 15)
