"""Suspending and resuming a chain of a hundred awaiting coroutines."""


class Suspend:
    def __await__(self):
        return (yield 1)


async def leaf(n, suspend):
    total = 0
    for _ in range(n):
        total += await suspend
    return total


async def chain(depth, n, suspend):
    if depth == 0:
        return await leaf(n, suspend)
    return 1 + await chain(depth - 1, n, suspend)


def drive(coroutine):
    steps = coroutine.send(None)
    send = coroutine.send
    try:
        while True:
            steps += send(2)
    except StopIteration as stop:
        return steps, stop.value


print(drive(chain(100, 600000, Suspend())))
