#!/usr/bin/env python3
"""Loads the echo and line servers of several interpreters, one after the other, and prints a table.

usage: compare.py [-c CONNECTIONS] [-s SECONDS] [-b BYTES] [-p MESSAGES] [-n ROUNDS] [--free] NAME=CMD ...

    cargo build --release --manifest-path benches/network/load/Cargo.toml
    benches/network/compare.py cpython=python3.14 apy=target/release/apy

A name that ends in `uvloop` runs the server on uvloop. The bare mio server is always among them. The servers take turns,
and of each the best round is shown, with the processor time that a request took the server. Server and client have a
processor each, unless `--free` lets the system choose, which may put both on one.

With one message under way on each connection nearly all the time goes to the system's TCP, in all servers alike. With
`-p 16` a connection sends so many at once, and what the servers do themselves shows.
"""
import argparse
import os
import re
import shlex
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def on(processor):
    """What puts a program on one of the processors that this one may use."""
    return None if processor is None else lambda: os.sched_setaffinity(0, {processor})


def processor_time(pid):
    """The seconds that a process has used."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def measure(load, command, arguments, processors):
    """One round against one server: requests per second, p50, p99 and the server's time for one, in microseconds."""
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=on(processors[0]))
    try:
        port = server.stdout.readline().strip()
        before = processor_time(server.pid)
        out = subprocess.run([load, 'client', f'127.0.0.1:{port}', *arguments], capture_output=True, text=True,
                             preexec_fn=on(processors[1]))
        used = processor_time(server.pid) - before
        found = re.match(r'(\d+) requests/s, p50 (\d+) us, p99 (\d+) us', out.stdout)
        if not found:
            raise SystemExit(f'{shlex.join(command)}: {out.stdout}{out.stderr}')
        rate, p50, p99 = map(int, found.groups())
        return rate, p50, p99, used / (rate * float(arguments[1])) * 1e6
    finally:
        server.kill()
        server.wait()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('-c', default='64')
    parser.add_argument('-s', default='3')
    parser.add_argument('-b', default='64')
    parser.add_argument('-p', default='1')
    parser.add_argument('-n', type=int, default=2)
    parser.add_argument('--free', action='store_true')
    parser.add_argument('--load', default=os.path.join(HERE, 'load/target/release/load'))
    parser.add_argument('servers', nargs='+')
    options = parser.parse_args()
    script = os.path.join(HERE, 'echo_server.apy')
    processors = [None, None]
    if not options.free and len(os.sched_getaffinity(0)) > 1:
        processors = sorted(os.sched_getaffinity(0))[:2]
    for kind in ('echo', 'lines'):
        commands = {'mio': [options.load, 'server', '127.0.0.1:0']}
        for text in options.servers:
            name, command = text.split('=', 1)
            extra = ['uvloop'] if name.endswith('uvloop') else []
            commands[name] = [*shlex.split(command), script, kind, *extra]
        best = {}
        for _ in range(options.n):
            for name, command in commands.items():
                result = measure(options.load, command, [options.c, options.s, options.b, options.p], processors)
                best[name] = max(best.get(name, result), result)
        print(f'{kind:<16}{"requests/s":>12}{"p50 us":>8}{"p99 us":>8}{"cpu us":>8}{"of mio":>8}')
        for name, (rate, p50, p99, used) in best.items():
            print(f'{name:<16}{rate:>12}{p50:>8}{p99:>8}{used:>8.2f}{rate / best["mio"][0]:>8.2f}')


if __name__ == '__main__':
    main()
