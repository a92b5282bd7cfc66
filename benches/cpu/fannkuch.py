"""Pancake flipping over all permutations: list slices and index loops."""


def fannkuch(n):
    perm1 = list(range(n))
    count = [0] * n
    max_flips = checksum = index = 0
    r = n
    while True:
        while r != 1:
            count[r - 1] = r
            r -= 1
        first = perm1[0]
        if first:
            perm = perm1[:]
            flips = 1
            while True:
                perm[:first + 1] = perm[first::-1]
                first = perm[0]
                if not first:
                    break
                flips += 1
            if flips > max_flips:
                max_flips = flips
            checksum += -flips if index & 1 else flips
        while True:
            if r == n:
                return checksum, max_flips
            head = perm1[0]
            for i in range(r):
                perm1[i] = perm1[i + 1]
            perm1[r] = head
            count[r] -= 1
            if count[r] > 0:
                break
            r += 1
        index += 1


print(fannkuch(9))
