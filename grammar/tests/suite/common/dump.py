"""CPython's trees in the form of tests/suite/common/dump.rs, one line for each file: `dump.py FILE...`."""

import ast
import struct
import sys
import warnings

sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")

sys.setrecursionlimit(20000)
warnings.simplefilter("ignore")


def place(n):
    return f"@{n.lineno}:{n.col_offset}-{n.end_lineno}:{n.end_col_offset}"


def name(s):
    return f"'{'~' if s is None else s}' "


def const(v, kind=None):
    match v:
        case None | True | False:
            return str(v)
        case int():
            if -(2**63) <= v < 2**63:
                return f"{v:x}"
            return "BIG"
        case float():
            return "f" + struct.pack(">d", v).hex()
        case complex():
            return "j" + struct.pack(">d", v.imag).hex()
        case str():
            return ("u" if kind == "u" else "s") + v.encode("utf-8", "surrogatepass").hex()
        case bytes():
            return "b" + v.hex()
        case _:
            return "Ellipsis"


def maybe(n):
    return "~" if n is None else expr(n)


def exprs(v):
    return "[" + "".join(map(expr, v)) + "]"


def stmts(v):
    return "[" + "".join(map(stmt, v)) + "]"


def patterns(v):
    return "[" + "".join(map(pattern, v)) + "]"


def aliases(v):
    return "[" + "".join(f"(alias{place(a)}{name(a.name)}{name(a.asname)})" for a in v) + "]"


def keywords(v):
    return "[" + "".join(f"(keyword{place(k)}{name(k.arg)}{expr(k.value)})" for k in v) + "]"


def type_params(v):
    out = "["
    for p in v:
        out += f"({type(p).__name__}{place(p)}{name(p.name)}"
        if isinstance(p, ast.TypeVar):
            out += maybe(p.bound)
        out += maybe(p.default_value) + ")"
    return out + "]"


def param(p, default=None):
    return f"(arg {name(p.arg)}{maybe(p.annotation)}={maybe(default)})"


def arguments(a):
    plain = a.posonlyargs + a.args
    defaults = [None] * (len(plain) - len(a.defaults)) + a.defaults
    every = [param(p, d) for p, d in zip(plain, defaults)]
    n = len(a.posonlyargs)
    out = "[" + "".join(every[:n]) + "][" + "".join(every[n:]) + "]"
    out += param(a.vararg) if a.vararg else "~"
    out += "[" + "".join(param(p, d) for p, d in zip(a.kwonlyargs, a.kw_defaults)) + "]"
    return out + (param(a.kwarg) if a.kwarg else "~")


def stmt(s):
    out = "(" + type(s).__name__ + place(s)
    match s:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            out += name(s.name) + arguments(s.args) + stmts(s.body) + exprs(s.decorator_list)
            out += maybe(s.returns) + type_params(s.type_params)
        case ast.ClassDef():
            out += name(s.name) + exprs(s.bases) + keywords(s.keywords) + stmts(s.body) + exprs(s.decorator_list)
            out += type_params(s.type_params)
        case ast.Return():
            out += maybe(s.value)
        case ast.Delete():
            out += exprs(s.targets)
        case ast.Assign():
            out += exprs(s.targets) + expr(s.value)
        case ast.TypeAlias():
            out += name(s.name.id) + type_params(s.type_params) + expr(s.value)
        case ast.AugAssign():
            out += expr(s.target) + type(s.op).__name__ + " " + expr(s.value)
        case ast.AnnAssign():
            out += expr(s.target) + expr(s.annotation) + maybe(s.value) + str(s.simple)
        case ast.For() | ast.AsyncFor():
            out += expr(s.target) + expr(s.iter) + stmts(s.body) + stmts(s.orelse)
        case ast.While() | ast.If():
            out += expr(s.test) + stmts(s.body) + stmts(s.orelse)
        case ast.With() | ast.AsyncWith():
            out += "".join(expr(i.context_expr) + maybe(i.optional_vars) for i in s.items) + stmts(s.body)
        case ast.Match():
            out += expr(s.subject)
            for c in s.cases:
                out += pattern(c.pattern) + maybe(c.guard) + stmts(c.body)
        case ast.Raise():
            out += maybe(s.exc) + maybe(s.cause)
        case ast.Try() | ast.TryStar():
            out += stmts(s.body)
            for h in s.handlers:
                out += f"(handler{place(h)}{maybe(h.type)}{name(h.name)}{stmts(h.body)})"
            out += stmts(s.orelse) + stmts(s.finalbody)
        case ast.Assert():
            out += expr(s.test) + maybe(s.msg)
        case ast.Import():
            out += aliases(s.names)
        case ast.ImportFrom():
            out += name(s.module) + aliases(s.names) + str(s.level)
        case ast.Global() | ast.Nonlocal():
            out += "[" + "".join(map(name, s.names)) + "]"
        case ast.Expr():
            out += expr(s.value)
    return out + ")"


def comprehensions(v):
    return "".join(f"(for {expr(c.target)}{expr(c.iter)}{exprs(c.ifs)}{c.is_async})" for c in v)


def parts(values, template):
    out = "["
    for p in values:
        if isinstance(p, ast.Constant):
            out += const(p.value)
            continue
        out += "(field " + expr(p.value)
        if isinstance(p, ast.Interpolation):
            out += p.str.encode().hex()
        out += {-1: " None ", 115: " Str ", 114: " Repr ", 97: " Ascii "}[p.conversion]
        out += "~" if p.format_spec is None else parts(p.format_spec.values, template)
        out += ")"
    return out + "]"


def op(o):
    return type(o).__name__ + " "


def expr(e):
    out = "(" + type(e).__name__ + place(e)
    match e:
        case ast.BoolOp():
            out += op(e.op) + exprs(e.values)
        case ast.NamedExpr():
            out += expr(e.target) + expr(e.value)
        case ast.BinOp():
            out += expr(e.left) + op(e.op) + expr(e.right)
        case ast.UnaryOp():
            out += op(e.op) + expr(e.operand)
        case ast.Lambda():
            out += arguments(e.args) + expr(e.body)
        case ast.IfExp():
            out += expr(e.test) + expr(e.body) + expr(e.orelse)
        case ast.Dict():
            out += "".join(maybe(k) + expr(v) for k, v in zip(e.keys, e.values))
        case ast.Compare():
            out += expr(e.left) + "".join(op(o) + expr(v) for o, v in zip(e.ops, e.comparators))
        case ast.Call():
            out += expr(e.func) + exprs(e.args) + keywords(e.keywords)
        case ast.Slice():
            out += maybe(e.lower) + maybe(e.upper) + maybe(e.step)
        case ast.Set() | ast.List() | ast.Tuple():
            out += exprs(e.elts)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            out += expr(e.elt) + comprehensions(e.generators)
        case ast.DictComp():
            out += expr(e.key) + expr(e.value) + comprehensions(e.generators)
        case ast.Await() | ast.YieldFrom() | ast.Starred():
            out += expr(e.value)
        case ast.Yield():
            out += maybe(e.value)
        case ast.JoinedStr():
            out += parts(e.values, False)
        case ast.TemplateStr():
            out += parts(e.values, True)
        case ast.Constant():
            out += const(e.value, e.kind)
        case ast.Attribute():
            out += expr(e.value) + name(e.attr)
        case ast.Subscript():
            out += expr(e.value) + expr(e.slice)
        case ast.Name():
            out += name(e.id)
    return out + ")"


def pattern(p):
    out = "(" + type(p).__name__ + place(p)
    match p:
        case ast.MatchValue():
            out += expr(p.value)
        case ast.MatchSingleton():
            out += const(p.value)
        case ast.MatchSequence() | ast.MatchOr():
            out += patterns(p.patterns)
        case ast.MatchMapping():
            out += exprs(p.keys) + patterns(p.patterns) + name(p.rest)
        case ast.MatchClass():
            out += expr(p.cls) + patterns(p.patterns)
            out += "[" + "".join(map(name, p.kwd_attrs)) + "]" + patterns(p.kwd_patterns)
        case ast.MatchStar():
            out += name(p.name)
        case ast.MatchAs():
            out += ("~" if p.pattern is None else pattern(p.pattern)) + name(p.name)
    return out + ")"


def of(path):
    try:
        with open(path, "rb") as f:
            return stmts(ast.parse(f.read()).body)
    except (OSError, SyntaxError, ValueError) as e:
        return "error " + str(getattr(e, "msg", e))


for path in sys.argv[1:]:
    print(of(path))
