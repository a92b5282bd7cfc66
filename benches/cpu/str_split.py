"""Cutting lines and fields, searching, and converting numbers."""


def lines(n):
    seed = 7
    out = []
    for i in range(n):
        seed = (seed * 69069 + 1) & 0xFFFFFFFF
        out.append(f"{i};user{seed % 1000};{seed >> 12};GET /path/{seed % 77}/index.html;{seed % 5}.{seed % 100:02d}")
    return "\n".join(out)


def parse(text):
    total = 0
    users = {}
    paths = set()
    for line in text.splitlines():
        number, user, size, request, took = line.split(";")
        verb, _, path = request.partition(" ")
        if verb == "GET" and path.startswith("/path/") and path.endswith(".html"):
            paths.add(path[6:path.index("/", 6)])
        total += int(number) + int(size)
        users[user] = users.get(user, 0.0) + float(took)
    return total, len(users), len(paths), round(sum(users.values()), 2)


text = lines(120000)
for _ in range(3):
    result = parse(text)
print(len(text), result)
