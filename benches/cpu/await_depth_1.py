"""Suspending and resuming one coroutine, one await deep."""


class Suspend:
    def __await__(self):
        return (yield 1)


async def leaf(n, suspend):
    total = 0
    for _ in range(n):
        total += await suspend
    return total


def drive(coroutine):
    steps = coroutine.send(None)
    send = coroutine.send
    try:
        while True:
            steps += send(2)
    except StopIteration as stop:
        return steps, stop.value


print(drive(leaf(3500000, Suspend())))
