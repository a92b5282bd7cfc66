"""Counting words of a generated text with dicts."""


def generate(count):
    seed = 12345
    syllables = ["ka", "to", "mi", "re", "lu", "so", "ne", "vi", "da", "po", "shu", "ran"]
    words = []
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        length = 1 + (seed >> 16) % 3
        word = ""
        for k in range(length):
            word += syllables[(seed >> (4 * k + 3)) % 12]
        words.append(word)
        if seed % 11 == 0:
            words.append(word.capitalize() + ",")
    return " ".join(words)


def count_words(text):
    counts = {}
    for raw in text.split():
        word = raw.strip(",.").lower()
        if word in counts:
            counts[word] += 1
        else:
            counts[word] = 1
    return counts


def by_first(text):
    groups = {}
    for word in text.split():
        groups.setdefault(word[0], []).append(len(word))
    return {key: sum(values) for key, values in groups.items()}


text = generate(750000)
counts = count_words(text)
top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]
print(len(text), len(counts))
for word, n in top:
    print(word, n)
print(sorted(by_first(text).items())[:5])
