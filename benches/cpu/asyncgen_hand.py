"""Asynchronous generators, async for and async with, driven by send."""


class Pause:
    def __await__(self):
        yield


class Guard:
    entered = 0

    async def __aenter__(self):
        Guard.entered += 1
        return self

    async def __aexit__(self, *exc):
        return False


async def source(n):
    for i in range(n):
        if i % 4 == 0:
            await Pause()
        yield i


async def doubled(values):
    async for v in values:
        yield v * 2


async def consume(n):
    total = 0
    async for v in doubled(source(n)):
        total += v
        if v % 16 == 0:
            async with Guard():
                total += 1
    return total


async def collected(n):
    return sum([v async for v in source(n) if v % 3])


def drive(coroutine):
    steps = 0
    try:
        while True:
            coroutine.send(None)
            steps += 1
    except StopIteration as stop:
        return stop.value, steps


print(drive(consume(550000)), drive(collected(550000)), Guard.entered)
