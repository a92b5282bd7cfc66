"""Strings built by appending, joining and replacing."""


def appended(n):
    s = ""
    for i in range(n):
        s += chr(97 + i % 26)
        if i % 997 == 0:
            s += "-"
    return s


def joined(n):
    parts = []
    for i in range(n):
        parts.append(str(i))
    return ",".join(parts)


def escaped(text):
    out = []
    for c in text:
        if c == "<":
            out.append("&lt;")
        elif c == "&":
            out.append("&amp;")
        else:
            out.append(c)
    return "".join(out)


checksum = 0
for round_number in range(6):
    s = appended(400000)
    checksum += len(s) + s.count("-") + ord(s[1234])
    j = joined(300000)
    checksum += len(j)
    e = escaped("a<b & c<d " * 40000)
    checksum += len(e)
    checksum += len(e.replace("&lt;", "<").replace("&amp;", "&"))
print(checksum)
