"""Compares the headlines of the reports beside this file with what CPython 3.14 says about the same texts.

    python3.14 tests/reports/headlines.py

Prints the reports whose headline differs; its exit status is 1 if there are any. Programs that CPython accepts
(top-level `await`) have no place here.
"""

import pathlib
import sys
import traceback


def message(path):
    try:
        # Top-level await is apy's on purpose.
        compile(path.read_bytes(), path.name, "exec", flags=0x2000, dont_inherit=True)
    except SyntaxError as e:
        return traceback.format_exception_only(e)[-1].rstrip("\n")
    return None


def main():
    wrong = 0
    for path in sorted(pathlib.Path(__file__).parent.glob("*.apy")):
        wanted = message(path)
        got = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0]
        if wanted != got:
            wrong += 1
            print(f"{path.stem}\n  CPython: {wanted}\n  here:    {got}")
    print(f"{wrong} differ")
    return wrong > 0


sys.exit(main())
