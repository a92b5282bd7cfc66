"""Parsing and writing a JSON-like language with objects and recursive descent."""


class Parser:
    def __init__(self, text):
        self.text = text
        self.pos = 0

    def peek(self):
        text = self.text
        while text[self.pos] in " \n":
            self.pos += 1
        return text[self.pos]

    def value(self):
        c = self.peek()
        if c == "{":
            return self.mapping()
        if c == "[":
            return self.sequence()
        if c == '"':
            return self.string()
        if c in "-0123456789":
            return self.number()
        for word, meaning in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.pos):
                self.pos += len(word)
                return meaning
        raise SyntaxError(f"unexpected {c!r} at {self.pos}")

    def mapping(self):
        out = {}
        self.pos += 1
        while self.peek() != "}":
            key = self.string()
            if self.peek() != ":":
                raise SyntaxError("colon expected")
            self.pos += 1
            out[key] = self.value()
            if self.peek() == ",":
                self.pos += 1
        self.pos += 1
        return out

    def sequence(self):
        out = []
        self.pos += 1
        while self.peek() != "]":
            out.append(self.value())
            if self.peek() == ",":
                self.pos += 1
        self.pos += 1
        return out

    def string(self):
        self.peek()
        start = self.pos + 1
        end = self.text.index('"', start)
        self.pos = end + 1
        return self.text[start:end]

    def number(self):
        start = self.pos
        text = self.text
        while text[self.pos] in "-+.eE0123456789":
            self.pos += 1
        piece = text[start:self.pos]
        return float(piece) if "." in piece or "e" in piece else int(piece)


def write(value):
    match value:
        case None:
            return "null"
        case True:
            return "true"
        case False:
            return "false"
        case int() | float():
            return repr(value)
        case str():
            return f'"{value}"'
        case list():
            return "[" + ", ".join(write(v) for v in value) + "]"
        case dict():
            return "{" + ", ".join(f'"{k}": {write(v)}' for k, v in value.items()) + "}"


def sample(n):
    return [
        {"id": i, "name": f"name {i}", "tags": ["a", "b", i % 3 == 0, None], "pos": {"x": i * 0.5, "y": -i}}
        for i in range(n)
    ]


data = sample(2500)
text = write(data)
for _ in range(14):
    parsed = Parser(text).value()
    again = write(parsed)
print(len(text), parsed == data, again == text, parsed[77])
