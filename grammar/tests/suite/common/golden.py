"""Rewrites the expectations in tests/suite/data from CPython 3.14: `python3.14 tests/suite/common/golden.py`.

Each record is a source text on one line (escaped as in a Python string) and on the next, after two spaces, what CPython
makes of it: an error in errors.txt, the tree in trees.txt.
"""

import ast
import pathlib
import sys
import warnings

sys.argv = sys.argv[:1]
here = pathlib.Path(__file__).parent
warnings.simplefilter("ignore")
tree = {"__name__": "tree"}
exec(compile((here / "dump.py").read_text().split("\ndef of(path)")[0], "dump.py", "exec"), tree)


def error(source):
    try:
        compile(source, "<s>", "exec", ast.PyCF_ONLY_AST)
    except SyntaxError as e:
        return f"{type(e).__name__} {e.lineno}:{e.offset}-{e.end_lineno}:{e.end_offset} {e.msg}"
    return "accepted"


def rewrite(name, expect):
    path = here.parent / "data" / name
    sources = [line for line in path.read_text().split("\n") if line and not line.startswith("  ")]
    out = ""
    for line in dict.fromkeys(sources):
        source = line.encode("latin-1", "backslashreplace").decode("unicode_escape")
        out += f"{line}\n  {expect(source)}\n"
    path.write_text(out)


rewrite("errors.txt", error)
rewrite("trees.txt", lambda source: tree["stmts"](ast.parse(source).body))
