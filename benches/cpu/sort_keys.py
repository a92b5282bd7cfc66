"""Sorting with key functions, lambdas and tuples."""


def records(n):
    seed = 99
    out = []
    for i in range(n):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append({"id": i, "score": seed % 10007, "name": "n%05d" % (seed % 30011)})
    return out


def main():
    data = records(50000)
    checksum = 0
    for turn in range(4):
        by_score = sorted(data, key=lambda r: (r["score"], -r["id"]))
        by_name = sorted(data, key=lambda r: r["name"], reverse=True)
        data.sort(key=lambda r: r["id"] * 7919 % 50021)
        checksum += by_score[turn * 100]["id"] + by_name[turn * 200]["id"] + data[turn]["id"]
        numbers = sorted(r["score"] for r in data)
        checksum += numbers[1000]
    return checksum


print(main())
