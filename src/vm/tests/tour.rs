//! A tour of the machine's memory in small scripts: each room that holds raw pointers is entered, filled beyond its first
//! size, emptied and left by an exception. They check little of what they compute (golden scripts do); Miri checks what
//! they touch.

use super::run;

#[test]
fn strings() {
    run("
ascii, wide, broken = 'abc' * 20, 'äöü€😀' * 20, 'a\\ud800b'
for s in (ascii, wide, broken, ''):
    parts = [s[i] for i in range(len(s))]
    assert ''.join(parts) == s
    assert s[::-1][::-1] == s and s[3:9] + s[9:] == s[3:]
    assert (s + 'x')[:-1] == s and s * 2 == s + s
    assert s.replace('a', 'bb').count('b') >= s.count('b')
    assert hash(s) == hash(''.join(parts)) and {s: 1}[''.join(parts)] == 1
    for i in range(0, len(s), 7): assert s.find(s[i]) <= i
t = ''
for i in range(200): t += chr(i * 50)
assert len(t) == 200 and f'{t!s:>210}'.strip(' ')[-1] == t[-1]
b = bytearray()
for i in range(300): b.append(i % 256)
m = memoryview(b)
m[5:10] = b'hello'
assert bytes(m[5:10]) == b'hello'
try: b.append(1)
except BufferError: pass
m.release()
del b[::2]
b[3:3] = b'x' * 500
assert len(b) == 650
");
}

#[test]
fn dicts_and_sets() {
    run("
d = {}
for i in range(300): d[i] = d[str(i)] = d[i, i] = i
for i in range(0, 300, 2): del d[i], d[str(i)]
for i in range(300): assert d[i, i] == i and d.get(i) == (None if i % 2 == 0 else i)
assert len(d) == 600 and list(reversed(d))[0] == (299, 299)
d |= {'new': 1}
assert d.popitem() == ('new', 1) and d.pop((0, 0)) == 0
e = d.copy()
e.clear()
s = set()
for i in range(300): s.add(i * 64)
for i in range(0, 300, 2): s.discard(i * 64)
assert len(s & set(range(0, 6400))) == 50 and len(s | {1}) == 151 and len(s ^ s) == 0
assert frozenset(s) == s and s.pop() is not None
class K:
    def __init__(self, n): self.n = n
    def __hash__(self): return self.n % 3
    def __eq__(self, other): return self.n == other.n
k = {K(n): n for n in range(30)}
assert [k[K(n)] for n in range(30)] == list(range(30))
for n in range(30): del k[K(n)]
assert not k
");
}

#[test]
fn lists_tuples_and_iterators() {
    run("
x = []
for i in range(300): x.append(i)
x[10:20] = range(100)
del x[::3]
x[::2] = [None] * len(x[::2])
x.sort(key=lambda v: (v is None, v or 0))
x.insert(0, x)
x.pop(); x.reverse(); x.extend(x[:5]); x *= 2
assert x.count(None) > 0 and x[x.index(None)] is None
t = tuple(x) + (1,) * 3
a, *b, c = t
first, (second, *rest), last = 1, t, 3
assert len(b) == len(t) - 2 and t[1:-1] == tuple(b)
for it in (iter(x), iter(t), reversed(x), iter('abc'), iter(range(3)), iter({1: 2}), iter({1}), zip(x, t), enumerate(x)):
    next(it)
    del it
y = [1, 2, 3]
for v in y:
    if len(y) < 300: y.append(v)
assert len(y) == 300
deep = None
for i in range(2000): deep = [deep]
del deep
deep = ()
for i in range(2000): deep = (deep, {1: deep})
del deep
assert sorted([3, 1, 2], reverse=True) == [3, 2, 1] and max(1.5, 2) == 2
big = [0] * 3000
assert len(big[1:]) == 2999
");
}

#[test]
fn instances_and_classes() {
    run("
import weakref
class A:
    def __init__(self): self.a = 1
class S: __slots__ = ('p', 'q')
class L(list): pass
class D(dict):
    def __missing__(self, key): return key
class N(int): pass
class T(tuple): pass
class B(bytes): pass
for cls in (A, L, D, N, T, B):
    o = cls()
    for i in range(40): setattr(o, f'x{i}', [i])
    for i in range(0, 40, 3): delattr(o, f'x{i}')
    assert o.x1 == [1] and len(vars(o)) in (26, 27)
    dead = []
    if cls is A or cls is L or cls is D: r = weakref.ref(o, lambda r: dead.append(cls))
    else: dead.append(cls)
    o.__dict__['y'] = 2
    assert o.y == 2
    o.me = o
    del o.me, o
    assert dead == [cls]
s = S()
s.p = s.q = [1]
del s.p
try: s.p
except AttributeError: pass
class P(A):
    x = property(lambda self: self._x, lambda self, v: setattr(self, '_x', v))
    @classmethod
    def c(cls): return cls
    @staticmethod
    def s(): return 1
    def __getattr__(self, name): return name
    def __call__(self, *a, **k): return a, k
    def __add__(self, other): return self.a
    def __getitem__(self, i): return i
    def __len__(self): return 3
    def __iter__(self): return iter((1, 2))
    def __enter__(self): return self
    def __exit__(self, *e): return True
p = P()
for i in range(5):
    p.x = [i]
    assert p.x == [i] and p.c() is P and p.s() == 1 and p.nothing == 'nothing'
    assert p(1, *[2], k=3) == ((1, 2), {'k': 3}) and p + 1 == 1 and p[i] == i and len(p) == 3 and [*p] == [1, 2]
    with p as q: raise ValueError
    A.__init__(p)
    P.extra = i
    assert p.extra == i
    f = p.c
    del P.extra
match p:
    case P(a=1): pass
    case _: raise SystemError
match [1, {'k': (2, 3)}, 4]:
    case [1, {'k': (u, v), **rest}, *others]: assert (u, v, others) == (2, 3, [4])
");
}

#[test]
fn calls_and_closures() {
    run("
def f(a, b=2, *args, c, d=4, **kw): return a, b, args, c, d, kw
assert f(1, c=3) == (1, 2, (), 3, 4, {})
assert f(1, 5, 6, 7, c=3, z=9) == (1, 5, (6, 7), 3, 4, {'z': 9})
assert f(*(1, 2, 3), **{'c': 1, 'q': 2}) == (1, 2, (3,), 1, 4, {'q': 2})
for wrong in (lambda: f(), lambda: f(1), lambda: f(1, a=1, c=2), lambda: (lambda: 0)(1), lambda: (lambda *, k: 0)(j=1)):
    try: wrong()
    except TypeError: continue
    raise SystemError
def counter():
    n = [0]
    m = 0
    def step():
        nonlocal m
        m += 1
        n.append(m)
        return len(n)
    return step
c, e = counter(), counter()
assert [c(), c(), e()] == [2, 3, 2]
def deep(n): return 0 if n == 0 else 1 + deep(n - 1)
assert deep(300) == 300
def endless(n): return endless(n + 1)
try: endless(0)
except RecursionError: pass
def long(*a): return sum(a)
assert long(*range(500)) == 124750
def many(a=1, b=2, c=3):
    x = y = z = [a, b, c]
    try:
        del x
        return x
    except UnboundLocalError:
        return y + z
assert many(*[4], **{'c': 6}) == [4, 2, 6] * 2
import functools
assert functools.partial(f, 1, c=2)(3)[:2] == (1, 3)
assert functools.reduce(lambda a, b: a + b, map(lambda x: x * 2, filter(None, range(9)))) == 72
assert sorted('bca', key=lambda ch: (deep(5), ch)) == ['a', 'b', 'c']
");
}

#[test]
fn exceptions_and_frames() {
    run("
import sys
def fail(n):
    x = [n]
    if n == 0: raise KeyError(n)
    try:
        fail(n - 1)
    finally:
        x.append(sys._getframe().f_locals['n'])
try:
    fail(5)
except KeyError as e:
    tb, depth = e.__traceback__, 0
    while tb:
        assert tb.tb_frame.f_code and tb.tb_lineno > 0
        kept = tb.tb_frame.f_locals
        tb, depth = tb.tb_next, depth + 1
    assert depth == 7
    try: raise ValueError from e
    except ValueError as v: assert v.__cause__ is e and v.__context__ is e
try:
    raise ExceptionGroup('g', [ValueError(1), KeyError(2), ExceptionGroup('h', [ValueError(3)])])
except* ValueError as group: assert len(group.exceptions) == 2
except* KeyError as group: group = None
class D:
    def __del__(self):
        try: raise IndexError
        except IndexError: log.append(1)
log = []
def scope():
    d = D()
    raise RuntimeError
for i in range(3):
    try: scope()
    except RuntimeError: pass
assert log == [1, 1, 1]
def all_ways():
    for i in range(4):
        try:
            if i == 0: continue
            if i == 3: return i
            [1][i]
        except IndexError as e:
            del e
        finally:
            kept = [i]
assert all_ways() == 3
assert [n for n in range(3) if any(m == n for m in range(2))] == [0, 1]
");
}

#[test]
fn generators_and_coroutines() {
    run("
def g(n):
    try:
        got = yield n
        while True: got = yield got
    except KeyError as e:
        yield e.args
    finally:
        log.append('end')
log = []
it = g(1)
assert [next(it), it.send(5), it.send([6])] == [1, 5, [6]]
assert it.throw(KeyError('k')) == ('k',)
it.close()
def outer(n):
    if n: return (yield from outer(n - 1)) + 1
    x = yield 'bottom'
    return x
o = outer(50)
assert next(o) == 'bottom'
try: o.send(1)
except StopIteration as e: assert e.value == 51
o = outer(50)
next(o)
del o
class Once:
    def __await__(self): return (yield self)
async def leaf(n):
    async with Manager(): return n + await Once()
class Manager:
    async def __aenter__(self): return self
    async def __aexit__(self, *e): return False
async def agen(n):
    for i in range(n):
        yield await leaf(i)
async def main():
    total = [x async for x in agen(3)]
    async for x in agen(10):
        if x: break
    return total, await leaf(1)
c = main()
steps = 0
value = None
try:
    while True:
        c.send(value)
        value, steps = 1, steps + 1
except StopIteration as e: assert e.value == ([1, 2, 3], 2), e.value
c = main()
c.send(None)
try: c.throw(RuntimeError)
except RuntimeError: pass
c = main()
c.send(None)
c.close()
never = leaf(1)
never.close()
kept = [g(i) for i in range(20)]
for it in kept: next(it)
kept.append(kept)
del kept, it
import gc
gc.collect()
assert log.count('end') == 21
");
}

#[test]
fn numbers_and_formatting() {
    run("
n = 3 ** 300
assert (n * n) // n == n and n % 7 == pow(3, 300, 7) and int(str(n)) == n
assert [1e300 * 2, -0.0, 5e-324, 1.5][3] == 1.5 and -(-2 ** 61) - 1 == 2 ** 61 - 1
total = 0
for i in range(200): total += (i << 60) - i * 0.5
x = 2 ** 61
for i in range(5): x += x
assert x == 2 ** 66 and float(x) == 2.0 ** 66
assert f'{n:,}'[:2] == str(n)[0] + f'{n:,}'[1] and '%s %r %5.2f' % ('a', 'b', 1.5) == \"a 'b'  1.50\"
assert '{0[k]} {1.real}'.format({'k': 1}, 2) == '1 2' and repr([n])[1:-1] == str(n)
assert complex(1, 2) * 1j == -2 + 1j and round(2.5) == 2 and divmod(-7, 2) == (-4, 1)
");
}
