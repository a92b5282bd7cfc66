#!/usr/bin/env python3
"""How fast the prompt answers, measured through a pseudo-terminal.

    benches/prompt/run.py [-n ROUNDS] [--history LINES] [--paste LINES] NAME=BINARY ...

For each binary: the time from starting the process to the first prompt; the time from a key press to its echo on an
empty line, with a long history behind it; the time until a pasted block stands in the editor, and until a key press
inside of it is answered, up to the last byte of the answer. Times are milliseconds; the goals: a prompt within 20 ms, a
key press within a frame (16 ms).

A machine that does other things, too, wakes processes late. What that costs the first rows tell: the answers of a program
that does nothing but send each key back. On Linux the time that the program worked on its answer (of all its threads) stands
beside the time that passed.

Only a terminal is needed: the answer to the cursor's position, which some editors ask for, is given.
"""
import argparse
import fcntl
import glob
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time

PROMPT = b'>>> '
PATIENCE = 30.0


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, command, env):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, env)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 50, 120, 0, 0))
        self.seen = b''

    def read(self, until):
        """Reads what has come until the deadline; False when nothing came."""
        ready, _, _ = select.select([self.fd], [], [], max(0.0, until - time.perf_counter()))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return False
        if not data:
            return False
        if b'\x1b[6n' in data:
            os.write(self.fd, b'\x1b[1;1R')
        self.seen += data
        return True

    def wait_for(self, text):
        until = time.perf_counter() + PATIENCE
        while text not in self.seen:
            if not self.read(until):
                raise SystemExit(f'waited in vain for {text!r}; seen: {self.seen[-300:]!r}')
        return time.perf_counter()

    def settle(self, quiet=0.15):
        """Reads until nothing comes for a while; gives the time of the last byte."""
        last = time.perf_counter()
        until = last + PATIENCE
        while time.perf_counter() < until and self.read(time.perf_counter() + quiet):
            last = time.perf_counter()
        self.seen = b''
        return last

    def write(self, data):
        """Writes all of it, reading meanwhile: an editor that answers each key must not be blocked."""
        os.set_blocking(self.fd, False)
        at = 0
        while at < len(data):
            _, writable, _ = select.select([], [self.fd], [], 0.01)
            if writable:
                try:
                    at += os.write(self.fd, data[at:at + 4096])
                except BlockingIOError:
                    pass
            self.read(time.perf_counter())
        os.set_blocking(self.fd, True)

    def key(self, data):
        """Presses a key; gives the milliseconds until the last byte of the answer."""
        self.seen = b''
        begin, worked = time.perf_counter(), self.worked()
        os.write(self.fd, data)
        if not self.read(begin + PATIENCE):
            raise SystemExit(f'no answer to {data!r}')
        last = max(time.perf_counter(), self.settle(0.03))
        return (last - begin) * 1000, self.worked() - worked

    def worked(self):
        """Milliseconds of processor time that the process's threads have used."""
        total = 0
        for path in glob.glob(f'/proc/{self.pid}/task/*/schedstat'):
            try:
                with open(path, encoding='ascii') as f:
                    total += int(f.read().split()[0])
            except OSError:
                pass
        return total / 1e6

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def show(label, pairs):
    def row(values):
        ordered = sorted(values)
        high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        return f'{statistics.median(values):8.2f} {high:8.2f} {ordered[-1]:8.2f}'
    print(f'  {label:42} {row([took for took, _ in pairs])}  |  {row([worked for _, worked in pairs])}')


def environment(folder, history):
    path = os.path.join(folder, 'history')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('#V2\n')
        for i in range(history):
            f.write(f'value_{i} = compute(row_{i % 97}, "text {i}", key={i * 7})\n')
    env = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'PYTHON_COLORS', 'FORCE_COLOR')}
    return env | {'TERM': 'xterm-256color', 'PYTHON_HISTORY': path, 'HOME': folder}


def block(lines):
    text = ['def pasted(a, b):']
    while len(text) < lines - 1:
        n = len(text)
        text.append(f'    value_{n} = [a + {n}, "some text {n}", b * {n}.5]  # line {n}')
    return '\n'.join([*text, '    return a'])


def measure(name, binary, options):
    print(f'{name:44} {"median":>8} {"95%":>8} {"worst":>8}  |  {"processor time":>26}')
    with tempfile.TemporaryDirectory() as folder:
        env = environment(folder, options.history)
        empty = environment(tempfile.mkdtemp(dir=folder), 0)
        for label, env_of in (('prompt ready, no history', empty), (f'prompt ready, history of {options.history}', env)):
            times = []
            for _ in range(options.n):
                t = Terminal([binary, '-q'], env_of)
                times.append(((t.wait_for(PROMPT) - t.started) * 1000, t.worked()))
                t.close()
            show(label, times)
        t = Terminal([binary, '-q'], env)
        t.wait_for(PROMPT)
        t.settle()
        show(f'key on a line, history of {options.history}', [t.key(b'x') for _ in range(options.keys)])
        t.write(b'\x15')
        t.settle()
        show('arrow up through the history', [t.key(b'\x1b[A') for _ in range(options.keys)])
        t.write(b'\x15')
        t.settle()
        show('search in the history (Ctrl-R, each key)', [t.key(bytes([k])) for k in b'\x12value_99'])
        t.write(b'\x07')
        t.settle()
        t.write(b'\x15')
        t.settle()
        begin = time.perf_counter()
        t.write(b'\x1b[200~' + block(options.paste).encode() + b'\x1b[201~')
        pasted = t.settle(1.0)
        print(f'  {f"paste of {options.paste} lines, all drawn":42} {(pasted - begin) * 1000:8.2f}')
        show('key at its end', [t.key(b'x') for _ in range(min(options.keys, 40))])
        show('arrow up inside of it', [t.key(b'\x1b[A') for _ in range(min(options.keys, 40))])
        show('key inside of it', [t.key(b'x') for _ in range(min(options.keys, 40))])
        t.close()


def measure_echo(options):
    """The least that any program needs on this machine: one that sends back what it reads."""
    echo = 'import os, tty; tty.setraw(0); print(">>> ", end="", flush=True)\nwhile d := os.read(0, 100): os.write(1, d)'
    t = Terminal([sys.executable, '-c', echo], dict(os.environ))
    t.wait_for(PROMPT)
    t.settle()
    print(f'{"a program that sends keys back":44} {"median":>8} {"95%":>8} {"worst":>8}  |  {"processor time":>26}')
    show('key', [t.key(b'x') for _ in range(options.keys)])
    t.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('-n', type=int, default=20, help='how often the process is started (20)')
    parser.add_argument('--keys', type=int, default=100, help='key presses of each kind (100)')
    parser.add_argument('--history', type=int, default=10_000, help='lines of history (10000)')
    parser.add_argument('--paste', type=int, default=1000, help='lines of the pasted block (1000)')
    parser.add_argument('binaries', nargs='+', metavar='NAME=BINARY')
    options = parser.parse_args()
    measure_echo(options)
    for item in options.binaries:
        name, _, binary = item.partition('=')
        if not binary:
            sys.exit(f'{item}: NAME=BINARY is wanted')
        measure(name, binary, options)


if __name__ == '__main__':
    main()
