"""Prime sieve with a bytearray and with a plain list of flags."""


def sliced(limit):
    flags = bytearray([1]) * (limit + 1)
    flags[0] = flags[1] = 0
    for i in range(2, int(limit ** 0.5) + 1):
        if flags[i]:
            flags[i * i::i] = bytes(len(range(i * i, limit + 1, i)))
    return sum(flags)


def looped(limit):
    flags = [True] * (limit + 1)
    flags[0] = flags[1] = False
    i = 2
    while i * i <= limit:
        if flags[i]:
            for j in range(i * i, limit + 1, i):
                flags[j] = False
        i += 1
    count = 0
    total = 0
    for i, flag in enumerate(flags):
        if flag:
            count += 1
            total += i
    return count, total


print(sliced(5000000))
print(looped(5000000))
