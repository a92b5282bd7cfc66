#!/usr/bin/env python3
"""Makes the expected outputs of golden scripts from a CPython 3.14.

usage: remake.py [--python COMMAND] [--check] [SCRIPT.apy ...]       (all scripts when none is named)

Each script runs twice with different hash seeds; one whose output varies, or holds an address or a path of this
machine, is reported and makes the exit status 1. --check writes nothing and reports the scripts whose files differ.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))

# CPython runs the scripts of the area `top_level` as `python -m asyncio` would.
TOP_LEVEL = """
import ast, asyncio, sys
sys.argv.pop(0)
__file__ = sys.argv[0]
with open(__file__) as f:
    code = compile(f.read(), __file__, 'exec', flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
asyncio.run(eval(code, globals()))
"""


def run(python, script, seed):
    env = dict(os.environ, PYTHONHASHSEED=seed, PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
    if os.path.basename(os.path.dirname(script)) == "top_level":
        python = python + ["-c", TOP_LEVEL]
    return subprocess.run(python + [script], cwd=os.path.dirname(script), env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)


def expected_files(result):
    """What should stand in the files beside the script, by extension; None for no file."""
    files = {".out": result.stdout, ".exit": None, ".err": None}
    if result.returncode:
        files[".exit"] = b"%d\n" % result.returncode
        lines = result.stderr.strip().splitlines()
        files[".err"] = lines[-1] + b"\n" if lines else None
    return files


def complaints(first, second):
    if (first.stdout, first.returncode) != (second.stdout, second.returncode):
        yield "varies from run to run"
    if re.search(rb" at 0x[0-9a-f]{6,}", first.stdout):
        yield "prints an address"
    if HERE.encode() in first.stdout:
        yield "prints a path of this machine"


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def remake(python, script, check):
    try:
        first, second = run(python, script, "0"), run(python, script, "77")
    except subprocess.TimeoutExpired:
        return ["does not end"]
    trouble = list(complaints(first, second))
    for extension, wanted in expected_files(first).items():
        path = os.path.splitext(script)[0] + extension
        if read(path) == wanted:
            continue
        if check:
            trouble.append(f"{extension} differs")
        elif wanted is None:
            os.remove(path)
        else:
            with open(path, "wb") as file:
                file.write(wanted)
    return trouble


def all_scripts():
    for folder, _, files in os.walk(HERE):
        yield from (os.path.join(folder, f) for f in files if f.endswith(".apy"))


def main():
    parser = argparse.ArgumentParser(description="makes expected outputs from a CPython 3.14")
    parser.add_argument("--python", default="python3.14", help="the command that runs CPython 3.14")
    parser.add_argument("--check", action="store_true", help="write nothing, report differences")
    parser.add_argument("scripts", nargs="*")
    args = parser.parse_args()
    python = shlex.split(args.python)
    scripts = [os.path.abspath(s) for s in args.scripts] or sorted(all_scripts())
    failed = False
    with ThreadPoolExecutor(2) as pool:
        for script, trouble in zip(scripts, pool.map(lambda s: remake(python, s, args.check), scripts)):
            if trouble:
                failed = True
                print(f"{os.path.relpath(script, HERE)}: {'; '.join(trouble)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
