#!/usr/bin/env python3
"""Parsing: how many lines a second, and whether the same files are accepted as by CPython.

    cargo build --release -p apy-grammar --example check
    benches/parse/run.py --py python3.14 --check target/release/examples/check --apy target/release/apy [FOLDER ...]

The files are those of CPython's own library (as `--py` says where it is) and of the folders named besides. Three things
are timed in turn, several rounds, in seconds of CPU time, and the fastest round counts: apy's parser (`check --time`:
text to tree, errors with their messages), CPython's `ast.parse`, and, where `--apy` is given, `compile()` under both.
Then both compile every file, and the two lists of accepted and refused files are compared, with the errors' texts.
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, 'worker.py')


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sources(folders):
    found = []
    for folder in folders:
        for parent, subfolders, names in os.walk(folder):
            subfolders[:] = sorted(s for s in subfolders if s not in ('__pycache__', 'site-packages'))
            paths = [os.path.join(parent, name) for name in sorted(names) if name.endswith('.py')]
            found.extend(p for p in paths if os.path.isfile(p))
    return found


def timed(command):
    """Lines and seconds: the last two numbers that a worker prints."""
    lines, seconds = output(*command).split()[-2:]
    return int(lines), float(seconds)


def speed(options, listing):
    contestants = [
        ('apy: text to tree', [options.check, '--time', '--list', listing]),
        ('CPython: ast.parse', [options.py, WORKER, 'parse', listing]),
    ]
    if options.apy:
        contestants += [
            ('apy: compile()', [options.apy, WORKER, 'compile', listing]),
            ('CPython: compile()', [options.py, WORKER, 'compile', listing]),
        ]
    best = {}
    for _ in range(options.n):
        for name, command in contestants:
            lines, seconds = timed(command)
            best[name] = min(best.get(name, (lines, seconds)), (lines, seconds), key=lambda pair: pair[1])
    rates = {name: lines / seconds for name, (lines, seconds) in best.items()}
    for name, (lines, seconds) in best.items():
        print(f'{name:22} {lines:9} lines {seconds:8.3f} s {rates[name]:12,.0f} lines/s')
    names = [name for name, _ in contestants]
    for ours, theirs in zip(names[::2], names[1::2]):
        print(f'ratio, {ours} over {theirs}: {rates[ours] / rates[theirs]:.1f}')


def acceptance(options, listing):
    ours, theirs = (output(binary, WORKER, 'judge', listing).splitlines() for binary in (options.apy, options.py))
    different = 0
    refused = sum('\trefused\t' in line for line in theirs)
    texts = 0
    for a, b in zip(ours, theirs, strict=True):
        if a.split('\t')[1] != b.split('\t')[1]:
            different += 1
            print('DIFFERENT', a, '| CPython:', b)
        elif a != b:
            texts += 1
            print('other error', a, '| CPython:', b)
    print(f'{len(theirs)} files, {refused} refused by CPython, {different} judged otherwise by apy, '
          f'{texts} refused with another text or line')
    return different


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--py', default='python3.14', help='CPython 3.14')
    parser.add_argument('--check', default='target/release/examples/check', help="the grammar's example `check`")
    parser.add_argument('--apy', help='the apy binary, for compile() and for what is accepted')
    parser.add_argument('-n', type=int, default=5, help='rounds (5)')
    parser.add_argument('folders', nargs='*', help='folders with more sources, for what is accepted')
    options = parser.parse_args()
    library = os.path.dirname(output(options.py, '-c', 'import os; print(os.__file__)').strip())
    with tempfile.TemporaryDirectory() as folder:
        def listing(name, folders):
            path = os.path.join(folder, name)
            with open(path, 'w', encoding='utf-8') as f:
                f.writelines(p + '\n' for p in sources(folders))
            return path
        print(f'the library: {library}')
        speed(options, listing('library', [library]))
        if options.apy:
            sys.exit(1 if acceptance(options, listing('all', [library, *options.folders])) else 0)


main()
