"""Coroutines stepped by a small round-robin loop written in the script."""


class Pause:
    def __await__(self):
        value = yield self
        return value


class Mailbox:
    def __init__(self):
        self.items = []
        self.waiting = []

    async def get(self):
        while not self.items:
            await Pause()
        return self.items.pop(0)

    def put(self, item):
        self.items.append(item)


async def add(a, b):
    return a + b


async def worker(source, target, rounds):
    total = 0
    for _ in range(rounds):
        item = await source.get()
        total = await add(total, item)
        target.put(item + 1)
    return total


async def ticker(n):
    total = 0
    for i in range(n):
        total += await Pause()
    return total


def drive(coroutines):
    ready = list(coroutines)
    results = []
    turn = 0
    while ready:
        following = []
        for c in ready:
            turn += 1
            try:
                c.send(None if turn < len(ready) + 1 else turn & 7)
            except StopIteration as stop:
                results.append(stop.value)
            else:
                following.append(c)
        ready = following
    return results


boxes = [Mailbox() for _ in range(20)]
for box in boxes[:10]:
    box.put(1)
results = drive([worker(boxes[i], boxes[(i + 1) % 20], 16000) for i in range(20)])
print(sum(results))
print(sum(drive([ticker(24000) for _ in range(60)])))
