"""Reads the files named in a list, under any interpreter: `worker.py MODE LIST`.

`parse` times `ast.parse`, `compile` times `compile(..., 'exec')`, both in seconds of this process's CPU; `judge` prints
for each file whether it is accepted, and otherwise the error.
"""
import sys
import time
import warnings

ERRORS = (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError)


def compiled(text, path):
    return compile(text, path, 'exec', dont_inherit=True)


def judge(paths):
    for path in paths:
        with open(path, 'rb') as f:
            text = f.read()
        try:
            compiled(text, path)
            print(path, 'accepted', sep='\t')
        except ERRORS as e:
            print(path, 'refused', type(e).__name__, ascii(str(getattr(e, 'msg', e))), getattr(e, 'lineno', None), sep='\t')


def measure(paths, work):
    texts = []
    for path in paths:
        with open(path, 'rb') as f:
            texts.append((path, f.read()))
    lines = sum(text.count(b'\n') for _, text in texts)
    begin = time.process_time()
    for path, text in texts:
        try:
            work(text, path)
        except ERRORS:
            pass
    print(lines, time.process_time() - begin)


def main():
    mode, listing = sys.argv[1:]
    warnings.simplefilter('ignore')
    with open(listing, encoding='utf-8') as f:
        paths = f.read().splitlines()
    if mode == 'judge':
        judge(paths)
    elif mode == 'parse':
        import ast
        measure(paths, ast.parse)
    else:
        measure(paths, compiled)


main()
