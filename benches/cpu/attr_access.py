"""Reading and writing attributes of instances, classes, slots and properties."""


class Account:
    rate = 3

    def __init__(self, balance):
        self.balance = balance
        self.moves = 0
        self.high = balance

    @property
    def rich(self):
        return self.balance > 1000


class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y


class Missing:
    def __getattr__(self, name):
        return len(name)


def main(n):
    account = Account(100)
    p = Point(1, 2)
    missing = Missing()
    total = 0
    for i in range(n):
        account.balance += account.rate
        account.moves += 1
        if account.balance > account.high:
            account.high = account.balance
        if account.rich:
            account.balance -= 900
        p.x, p.y = p.y, p.x + 1 & 1023
        total += p.x
        if i & 15 == 0:
            total += missing.absent + getattr(account, "moves") - hasattr(p, "z")
            setattr(account, "extra", i)
    return total, account.balance, account.moves, account.high, account.extra


print(main(2300000))
