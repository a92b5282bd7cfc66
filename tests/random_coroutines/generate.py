#!/usr/bin/env python3
"""Writes random programs of nested generators and coroutines that log every step they take.

usage: generate.py SEED                        prints the program of one seed
       generate.py --golden DIR COUNT          writes COUNT programs (seeds 1..COUNT) to DIR/case_NNN.apy
       generate.py --compare A B [--seeds N] [--first N] [--keep DIR]
                                               runs programs on the interpreters A and B and compares what they print

A program holds a handful of generators, coroutines and asynchronous generators that delegate to each other, catch,
re-raise and clean up at random, and a driver that sends, throws and closes at random, at times into a middle frame
instead of the outermost one. Every step is printed, so the first line that differs shows where two interpreters part.
Programs are finite: every loop and every driver has a bounded number of steps.
"""
import argparse
import os
import random
import shlex
import subprocess
import sys
import tempfile

HEAD = '''\
"""A random program of generators and coroutines, written by tests/random_coroutines/generate.py {seed}."""
import gc
import os
import sys
import warnings

warnings.simplefilter("ignore")
sys.unraisablehook = lambda u: log("unraisable", show(u.exc_value))
steps = 0
alive = {{}}


def log(*words):
    print(*words)


def show(x):
    if isinstance(x, BaseException):
        chain = [repr(x)]
        while len(chain) < 4 and (x.__cause__ or x.__context__):
            chain.append(("<=" if x.__cause__ else "<-") + repr(x.__cause__ or x.__context__))
            x = x.__cause__ or x.__context__
        return " ".join(chain)
    return repr(x) if isinstance(x, (int, str, tuple, type(None))) else type(x).__name__


def tick():
    global steps
    steps += 1
    if steps > 400:
        raise SystemExit("enough")


class Pause:
    def __init__(self, tag):
        self.tag = tag

    def __await__(self):
        log("  pause", self.tag)
        try:
            got = yield self.tag
        except BaseException as e:
            log("  pause", self.tag, "got", show(e))
            raise
        log("  pause", self.tag, "resumed with", show(got))
        return got


class Twice:
    """An awaitable of its own kind: no generator, it only has __next__ and sometimes throw."""

    def __init__(self, tag):
        self.tag, self.left = tag, 2

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        self.left -= 1
        if self.left < 0:
            raise StopIteration("twice " + self.tag)
        return (self.tag, self.left)


class Manager:
    def __init__(self, tag, swallow):
        self.tag, self.swallow = tag, swallow

    def __enter__(self):
        log("  enter", self.tag)
        return self.tag

    def __exit__(self, kind, value, tb):
        log("  exit", self.tag, show(value))
        return self.swallow and isinstance(value, self.swallow)

    async def __aenter__(self):
        await Pause(self.tag + ".in")
        return self.__enter__()

    async def __aexit__(self, kind, value, tb):
        await Pause(self.tag + ".out")
        return self.__exit__(kind, value, tb)

'''

DRIVER = '''

def step(name, how, value=None):
    """One move of the driver on the object called name."""
    target = alive.get(name)
    if target is None:
        return
    try:
        if how == "send":
            out = target.send(value)
        elif how == "next":
            out = next(target)
        elif how == "throw":
            out = target.throw(value)
        else:
            out = target.close()
        log(name, how, show(value), "->", show(out))
    except StopIteration as e:
        log(name, how, show(value), "ended with", show(e.value))
    except BaseException as e:
        if isinstance(e, SystemExit):
            raise
        log(name, how, show(value), "raised", show(e))


def state(name):
    x = alive.get(name)
    prefix = {"coroutine": "cr", "generator": "gi", "async_generator": "ag"}.get(type(x).__name__)
    if prefix:
        inner = getattr(x, prefix + ("_yieldfrom" if prefix == "gi" else "_await"))
        log(name, "suspended", getattr(x, prefix + "_suspended"), "running", getattr(x, prefix + "_running"),
            "finished", getattr(x, prefix + "_frame") is None, "waits on", getattr(inner, "__name__", type(inner).__name__))

'''

ERRORS = ["ValueError", "KeyError", "LookupError", "TypeError", "RuntimeError", "StopIteration", "StopAsyncIteration",
          "GeneratorExit"]
CATCHES = ["ValueError", "LookupError", "(KeyError, TypeError)", "Exception", "GeneratorExit", "BaseException"]


class Writer:
    """Builds one program; kind is 'gen', 'coro' or 'agen', names only refer to functions defined before."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.functions = {"gen": [], "coro": [], "agen": []}
        self.counter = 0

    def fresh(self, prefix):
        self.counter += 1
        return f"{prefix}{self.counter}"

    def emit(self, depth, text):
        self.lines.append("    " * depth + text)

    def pick(self, *weighted):
        return self.random.choices([w[0] for w in weighted], [w[1] for w in weighted])[0]

    def error(self):
        return f'{self.random.choice(ERRORS)}("{self.fresh("e")}")'

    # Bodies

    def function(self, kind):
        name = self.fresh({"gen": "gen", "coro": "coro", "agen": "agen"}[kind])
        self.emit(0, "")
        self.emit(0, "")
        self.emit(0, f"{'def' if kind == 'gen' else 'async def'} {name}(arg):")
        self.emit(1, "tick()")
        self.emit(1, f'log("  {name} starts with", show(arg))')
        self.emit(1, "x = arg")
        if self.random.random() < 0.5:
            self.emit(1, "try:")
            self.block(kind, name, 2, self.random.randint(2, 4))
            self.emit(1, "finally:")
            self.emit(2, f'log("  {name} cleans up")')
        else:
            self.block(kind, name, 1, self.random.randint(2, 4))
        if kind == "gen":
            self.emit(1, "if False:")
            self.emit(2, "yield")
        if kind == "agen":
            self.emit(1, f'yield "{name} last"')
        if kind != "agen":
            self.emit(1, f'return ("{name}", x)')
        self.functions[kind].append(name)

    def block(self, kind, name, depth, count):
        for _ in range(count):
            self.statement(kind, name, depth)

    def statement(self, kind, name, depth):
        choices = [("suspend", 5), ("delegate", 5), ("raise", 1), ("log", 1)]
        if depth < 5:
            choices += [("try", 4), ("loop", 2), ("with", 2)]
        if kind != "gen":
            choices += [("iterate", 2)]
        getattr(self, "put_" + self.pick(*choices))(kind, name, depth)

    def put_log(self, kind, name, depth):
        self.emit(depth, f'log("  {name} has", show(x))')

    def put_raise(self, kind, name, depth):
        self.emit(depth, f"if x == {self.random.randint(0, 3)}:")
        self.emit(depth + 1, f"raise {self.error()}" + self.pick(("", 3), (" from None", 1), (' from OSError("c")', 1)))

    def put_suspend(self, kind, name, depth):
        tag = self.fresh("s")
        if kind == "gen":
            self.emit(depth, f'x = yield "{tag}"')
        elif kind == "agen" and self.random.random() < 0.6:
            self.emit(depth, f'x = yield "{tag}"')
        else:
            self.emit(depth, f"x = await {self.pick(('Pause', 4), ('Twice', 1))}(\"{tag}\")")
        self.emit(depth, f'log("  {name} received", show(x))')

    def put_delegate(self, kind, name, depth):
        if kind == "gen":
            source = self.random.choice(self.functions["gen"] or [None])
            target = f"{source}(x)" if source else self.pick(('iter(["i1", "i2"])', 1), ('("t1", "t2")', 1))
            keyword = "yield from"
        else:
            source = self.random.choice(self.functions["coro"] or [None])
            target = f"{source}(x)" if source else f'Pause("{self.fresh("p")}")'
            keyword = "await"
        if source and self.random.random() < 0.5:
            key = self.fresh("m")
            self.emit(depth, f'alive["{key}"] = {target}')
            self.emit(depth, f'x = {keyword} alive["{key}"]')
        else:
            self.emit(depth, f"x = {keyword} {target}")

    def put_try(self, kind, name, depth):
        self.emit(depth, "try:")
        self.block(kind, name, depth + 1, self.random.randint(1, 2))
        if self.random.random() < 0.8:
            self.emit(depth, f"except {self.random.choice(CATCHES)} as e:")
            self.emit(depth + 1, f'log("  {name} caught", show(e))')
            action = self.pick(("pass", 4), ("raise", 2), ("other", 1), ("suspend", 2), ("return", 1))
            if action == "raise":
                self.emit(depth + 1, "raise")
            elif action == "other":
                self.emit(depth + 1, f"raise {self.error()}")
            elif action == "suspend":
                self.put_suspend(kind, name, depth + 1)
            elif action == "return":
                self.emit(depth + 1, "return" if kind == "agen" else f'return "{name} early"')
            if self.random.random() < 0.3:
                self.emit(depth, "else:")
                self.emit(depth + 1, f'log("  {name} else")')
            if self.random.random() < 0.4:
                self.cleanup(kind, name, depth)
        else:
            self.cleanup(kind, name, depth)

    def cleanup(self, kind, name, depth):
        self.emit(depth, "finally:")
        self.emit(depth + 1, f'log("  {name} finally")')
        if self.random.random() < 0.3:
            self.put_suspend(kind, name, depth + 1)

    def put_loop(self, kind, name, depth):
        self.emit(depth, f"for i in range({self.random.randint(1, 3)}):")
        self.emit(depth + 1, "tick()")
        self.block(kind, name, depth + 1, self.random.randint(1, 2))
        if self.random.random() < 0.3:
            self.emit(depth + 1, "if x is None:")
            self.emit(depth + 2, self.pick(("break", 1), ("continue", 1)))

    def put_with(self, kind, name, depth):
        swallow = self.pick(("()", 2), ("ValueError", 1), ("LookupError", 1))
        word = "with" if kind == "gen" or self.random.random() < 0.4 else "async with"
        self.emit(depth, f'{word} Manager("{self.fresh("w")}", {swallow}) as w:')
        self.block(kind, name, depth + 1, self.random.randint(1, 2))

    def put_iterate(self, kind, name, depth):
        if self.functions["agen"]:
            source = f"{self.random.choice(self.functions['agen'])}(x)"
            if self.random.random() < 0.25:
                self.emit(depth, f"x = len([v async for v in {source} if v])")
                return
            self.emit(depth, f"async for v in {source}:")
        elif self.functions["gen"]:
            self.emit(depth, f"for v in {self.random.choice(self.functions['gen'])}(x):")
        else:
            self.emit(depth, "for v in (1, 2):")
        self.emit(depth + 1, "tick()")
        self.emit(depth + 1, f'log("  {name} iterates", show(v))')
        if self.random.random() < 0.4:
            self.put_suspend("coro" if kind == "coro" else kind, name, depth + 1)
        if self.random.random() < 0.3:
            self.emit(depth + 1, "break")

    # The driver

    def drive(self):
        roots = []
        for kind in ("gen", "coro", "coro", "agen", "gen"):
            if self.functions[kind]:
                name = self.functions[kind][-1] if self.random.random() < 0.5 else self.random.choice(self.functions[kind])
                roots.append((self.fresh("root"), kind, name))
        self.emit(0, "try:")
        for key, kind, name in roots:
            if kind == "agen":
                self.emit(1, f'alive["{key}.ag"] = {name}({self.random.randint(0, 3)})')
            else:
                self.emit(1, f'alive["{key}"] = {name}({self.random.randint(0, 3)})')
        for _ in range(self.random.randint(14, 30)):
            self.move(self.random.choice(roots))
        for key, kind, _ in roots:
            self.emit(1, f'state("{key}{".ag" if kind == "agen" else ""}")')
        self.emit(1, "for key in list(alive):")
        self.emit(2, 'step(key, "close") if hasattr(alive[key], "close") else None')
        self.emit(0, "except SystemExit as e:")
        self.emit(1, "log(e)")
        # What becomes of unfinished objects when an interpreter shuts down is nobody's promise: leave before that.
        self.emit(0, "alive.clear()")
        self.emit(0, "gc.collect()")
        self.emit(0, 'log("end")')
        self.emit(0, "sys.stdout.flush()")
        self.emit(0, "os._exit(0)")

    def move(self, root):
        key, kind, _ = root
        if kind == "agen":
            call = self.pick(("__anext__()", 4), (f"asend({self.random.randint(0, 3)})", 2), (f"athrow({self.error()})", 1),
                             ("aclose()", 1))
            self.emit(1, f'alive["{key}"] = alive["{key}.ag"].{call}')
            for _ in range(self.random.randint(1, 3)):
                self.one_step(key)
            return
        middles = [f"m{n}" for n in range(1, self.counter) if any(f'alive["m{n}"]' in line for line in self.lines)]
        if middles and self.random.random() < 0.25:
            key = self.random.choice(middles)
        if self.random.random() < 0.15:
            self.emit(1, f'state("{key}")')
        self.one_step(key)

    def one_step(self, key):
        how = self.pick(("send", 8), ("throw", 2), ("close", 1), ("next", 1))
        if how == "send":
            value = self.pick(("None", 5), (str(self.random.randint(0, 3)), 3))
            self.emit(1, f'step("{key}", "send", {value})')
        elif how == "throw":
            self.emit(1, f'step("{key}", "throw", {self.error()})')
        else:
            self.emit(1, f'step("{key}", "{how}")')


def program(seed):
    writer = Writer(seed)
    for _ in range(writer.random.randint(2, 3)):
        writer.function("gen")
    for kind in writer.random.sample(["coro", "coro", "agen", "coro", "agen", "gen"], k=writer.random.randint(4, 6)):
        writer.function(kind)
    functions = len(writer.lines)
    writer.drive()
    body, main = "\n".join(writer.lines[:functions]), "\n".join(writer.lines[functions:])
    return HEAD.format(seed=seed).rstrip("\n") + "\n" + body + "\n" + DRIVER + "\n" + main + "\n"


def run(command, path):
    try:
        p = subprocess.run(command + [path], stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                           env=dict(os.environ, PYTHONHASHSEED="0"))
    except subprocess.TimeoutExpired:
        return "no end within 30 s"
    text = p.stdout.decode("utf-8", "replace")
    if p.returncode:
        text += f"exit status {p.returncode}: {p.stderr.decode('utf-8', 'replace').strip().splitlines()[-1:]}\n"
    return text


def first_difference(a, b):
    a, b = a.splitlines(), b.splitlines()
    for number in range(max(len(a), len(b))):
        x = a[number] if number < len(a) else "(end)"
        y = b[number] if number < len(b) else "(end)"
        if x != y:
            return f"line {number + 1}: {x!r} against {y!r}"
    return "only the line ends differ"


def compare(a, b, first, count, keep):
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            path = os.path.join(folder, f"seed_{seed}.py")
            with open(path, "w", encoding="utf-8") as file:
                file.write(program(seed))
            x, y = run(a, path), run(b, path)
            if x != y:
                differ += 1
                print(f"seed {seed}: {first_difference(x, y)}", flush=True)
                if keep:
                    os.makedirs(keep, exist_ok=True)
                    os.replace(path, os.path.join(keep, f"seed_{seed}.apy"))
    print(f"{count - differ} of {count} programs agree")
    return differ > 0


def main():
    parser = argparse.ArgumentParser(description="random programs of generators and coroutines")
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--golden", nargs=2, metavar=("DIR", "COUNT"))
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="two interpreter commands")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--keep", metavar="DIR", help="keep the programs that differ here")
    args = parser.parse_args()
    if args.compare:
        a, b = (shlex.split(c) for c in args.compare)
        return compare(a, b, args.first, args.seeds, args.keep)
    if args.golden:
        folder, count = args.golden[0], int(args.golden[1])
        os.makedirs(folder, exist_ok=True)
        for seed in range(1, count + 1):
            with open(os.path.join(folder, f"case_{seed:03d}.apy"), "w", encoding="utf-8") as file:
                file.write(program(seed))
        return 0
    if args.seed is None:
        parser.error("a seed, --golden or --compare")
    print(program(args.seed), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
