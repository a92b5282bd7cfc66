//! Programs made from the grammar's pieces: containers, generators and classes whose special methods do what they
//! should not, in statements of every kind.
//!
//! They are correct texts nearly always, so all of them reach the machine. Not here: changes to scripts from disk
//! (`mutate`).

use crate::mutate::Rng;

/// Objects that a program begins with, by name.
const SETUP: &str = "import gc, sys, weakref, copy, itertools, functools, collections, operator, types
L = [1, 2.5, 'x', None, (1, 2), [3]]
D = {'a': 1, 2: 'b', (3,): [4], None: {}}
S = {1, 2, 'three', (4,)}
T = (1, 'a', [2], {})
B = bytearray(b'hello world')
M = memoryview(B)
Q = collections.deque([1, 2, 3], 5)
O = collections.OrderedDict(a=1, b=2)
X = 'text é \\ud800 字'
N = 2**70
R = range(-5, 50, 3)
def F(*a, x=1, **k): return a, k
def gen(n=3):
    try:
        for i in range(n):
            got = yield i
            if got: L.append(got)
    finally: D['end'] = 1
async def co(v=1):
    await aw()
    return v
@types.coroutine
def aw(): return (yield 7)
async def agen():
    try:
        yield 1
        yield 2
    finally: await aw()
G = gen()
P = co()
A = agen()
W = []
E = ValueError('e')
deep = 0
";

/// Names that programs use.
const NAMES: &[&str] = &[
    "L", "D", "S", "T", "B", "M", "Q", "O", "X", "N", "R", "F", "G", "P", "A", "E", "H0", "H1", "H2", "C0", "C1", "C2",
    "v", "w", "it", "W",
];

/// What a special method's body does.
const DEEDS: &[&str] = &[
    "L.clear()",
    "L.append(H0)",
    "L[:] = [self, self]",
    "L.sort()",
    "del L[0]",
    "D.clear()",
    "D[self] = 1",
    "D['k%d' % len(D)] = self",
    "D.popitem()",
    "D.update({i: i for i in range(30)})",
    "S.clear()",
    "S.add(self)",
    "S.update(range(40))",
    "S.pop()",
    "B.extend(b'x' * 100)",
    "B.clear()",
    "M.release()",
    "Q.append(self)",
    "Q.clear()",
    "O.clear()",
    "O.move_to_end('a')",
    "gc.collect()",
    "next(G)",
    "G.send(self)",
    "G.close()",
    "G.throw(E)",
    "P.send(None)",
    "P.close()",
    "A.aclose().send(None)",
    "raise E",
    "raise E from self",
    "raise StopIteration(1)",
    "raise KeyError(self)",
    "raise BaseException",
    "type(self).__len__ = lambda s: 3",
    "del type(self).__eq__",
    "type(self).__bases__ = (C0,)",
    "self.__class__ = C1",
    "self.__dict__ = {}",
    "self.x = self",
    "object.__setattr__(self, 'y', L)",
    "global v; v = self",
    "global H0; del H0",
    "W.append(weakref.ref(self, W.append))",
    "W.clear()",
    "sys._getframe(1).f_locals.clear()",
    "sys._getframe(1).f_locals['x'] = 1",
    "W.append(sys._getframe())",
    "W.append(sys.exc_info())",
    "F.__code__ = gen.__code__",
    "F.__defaults__ = (self,) * 5",
    "gen.__code__ = F.__code__",
    "sys.setrecursionlimit(60)",
    "sys.settrace(H0)",
    "sys.setprofile(H1)",
    "L.append(copy.copy(self))",
    "super().__init__(1, 2)",
    "repr(self)",
    "hash(self)",
    "self == H1",
    "self()",
    "len(self)",
    "exec('L.append(1)', D)",
    "L.__init__(L)",
    "D.__init__(self)",
    "S.__init__(S)",
    "G.__del__()",
    "E.__traceback__ = None",
    "E.__context__ = E",
    "E.args = self",
    "raise ExceptionGroup('g', [E, ValueError(self)])",
    "yield 1",
    "pass",
];

/// What it gives back.
const RESULTS: &[&str] = &[
    "self",
    "None",
    "NotImplemented",
    "-1",
    "0",
    "1",
    "2**100",
    "True",
    "False",
    "1.5",
    "'s'",
    "b'b'",
    "L",
    "D",
    "()",
    "(1, 2)",
    "(int, ())",
    "iter(L)",
    "iter(self)",
    "H0",
    "type(self)",
    "C0",
    "object()",
    "G",
    "a",
    "a[0] if a else 1",
    "[self]",
    "lambda *a: self",
    "len(L)",
    "float('nan')",
];

const SPECIAL: &[&str] = &[
    "__eq__",
    "__ne__",
    "__lt__",
    "__le__",
    "__gt__",
    "__hash__",
    "__bool__",
    "__len__",
    "__length_hint__",
    "__iter__",
    "__next__",
    "__reversed__",
    "__contains__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__missing__",
    "__getattr__",
    "__getattribute__",
    "__setattr__",
    "__delattr__",
    "__dir__",
    "__get__",
    "__set__",
    "__delete__",
    "__set_name__",
    "__call__",
    "__index__",
    "__int__",
    "__float__",
    "__complex__",
    "__add__",
    "__radd__",
    "__iadd__",
    "__mul__",
    "__rmul__",
    "__mod__",
    "__pow__",
    "__or__",
    "__ror__",
    "__sub__",
    "__and__",
    "__neg__",
    "__invert__",
    "__abs__",
    "__round__",
    "__divmod__",
    "__str__",
    "__repr__",
    "__format__",
    "__bytes__",
    "__fspath__",
    "__enter__",
    "__exit__",
    "__aenter__",
    "__aexit__",
    "__await__",
    "__aiter__",
    "__anext__",
    "__del__",
    "__init__",
    "__new__",
    "__init_subclass__",
    "__class_getitem__",
    "__instancecheck__",
    "__subclasscheck__",
    "__mro_entries__",
    "__prepare__",
    "mro",
    "__reduce__",
    "__reduce_ex__",
    "__copy__",
    "__deepcopy__",
    "__getstate__",
    "__setstate__",
    "__buffer__",
    "__release_buffer__",
    "__sizeof__",
    "__match_args__",
    "send",
    "throw",
    "close",
    "keys",
    "items",
    "write",
    "read",
];

const BASES: &[&str] = &[
    "object",
    "list",
    "dict",
    "set",
    "frozenset",
    "tuple",
    "str",
    "bytes",
    "bytearray",
    "int",
    "float",
    "complex",
    "type",
    "Exception",
    "BaseException",
    "ExceptionGroup",
    "property",
    "classmethod",
    "types.ModuleType",
    "types.SimpleNamespace",
    "collections.deque",
    "collections.OrderedDict",
    "collections.defaultdict",
    "weakref.ref",
    "functools.partial",
    "itertools.count",
    "C0",
    "C1",
    "C0, C1",
    "C1, list",
    "metaclass=C2",
    "metaclass=type",
    "H0",
    "list[int]",
    "super",
    "enumerate",
];

/// Functions that take anything.
const FUNCTIONS: &[&str] = &[
    "len",
    "repr",
    "str",
    "hash",
    "iter",
    "next",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "sorted",
    "sum",
    "min",
    "max",
    "any",
    "all",
    "abs",
    "bool",
    "int",
    "float",
    "complex",
    "bytes",
    "bytearray",
    "memoryview",
    "range",
    "slice",
    "zip",
    "map",
    "filter",
    "enumerate",
    "reversed",
    "type",
    "isinstance",
    "issubclass",
    "getattr",
    "setattr",
    "delattr",
    "hasattr",
    "dir",
    "vars",
    "id",
    "callable",
    "format",
    "divmod",
    "pow",
    "round",
    "chr",
    "ord",
    "hex",
    "ascii",
    "print",
    "property",
    "classmethod",
    "staticmethod",
    "super",
    "object",
    "exec",
    "eval",
    "compile",
    "aiter",
    "anext",
    "copy.copy",
    "copy.deepcopy",
    "itertools.chain",
    "itertools.cycle",
    "itertools.islice",
    "itertools.product",
    "itertools.permutations",
    "itertools.groupby",
    "itertools.tee",
    "itertools.zip_longest",
    "itertools.accumulate",
    "itertools.starmap",
    "itertools.batched",
    "functools.reduce",
    "functools.partial",
    "functools.lru_cache",
    "functools.cmp_to_key",
    "functools.singledispatch",
    "functools.cached_property",
    "functools.wraps",
    "collections.Counter",
    "collections.deque",
    "collections.ChainMap",
    "collections.defaultdict",
    "collections.OrderedDict",
    "collections.namedtuple",
    "operator.itemgetter",
    "operator.attrgetter",
    "operator.methodcaller",
    "operator.length_hint",
    "operator.index",
    "weakref.ref",
    "weakref.proxy",
    "weakref.WeakKeyDictionary",
    "weakref.WeakValueDictionary",
    "weakref.WeakSet",
    "weakref.finalize",
    "types.MethodType",
    "types.FunctionType",
    "types.MappingProxyType",
    "types.GenericAlias",
    "types.new_class",
    "types.SimpleNamespace",
    "types.coroutine",
    "sys.getsizeof",
    "sys.intern",
    "gc.get_referrers",
    "gc.get_referents",
    "gc.is_tracked",
    "ExceptionGroup",
    "BaseExceptionGroup",
    "StopIteration",
    "ImportError",
    "OSError",
    "SyntaxError",
    "UnicodeDecodeError",
    "''.join",
    "b''.join",
    "'{}{!r:>9}'.format",
    "'%s %d %r'.__mod__",
    "X.translate",
    "X.split",
    "X.replace",
    "X.encode",
    "int.from_bytes",
    "dict.fromkeys",
    "str.maketrans",
    "type.__call__",
    "type.mro",
    "object.__new__",
    "object.__reduce_ex__",
    "tuple.__new__",
    "C0",
    "C1",
    "C2",
];

const METHODS: &[&str] = &[
    "append",
    "extend",
    "insert",
    "pop",
    "remove",
    "index",
    "count",
    "sort",
    "reverse",
    "copy",
    "clear",
    "update",
    "setdefault",
    "get",
    "keys",
    "values",
    "items",
    "popitem",
    "add",
    "discard",
    "union",
    "intersection",
    "difference_update",
    "symmetric_difference_update",
    "issubset",
    "send",
    "throw",
    "close",
    "asend",
    "athrow",
    "aclose",
    "__next__",
    "__iter__",
    "__reduce__",
    "__reduce_ex__",
    "__setstate__",
    "__init__",
    "__new__",
    "__call__",
    "__get__",
    "__set__",
    "__eq__",
    "__hash__",
    "__repr__",
    "__format__",
    "__class_getitem__",
    "__subclasses__",
    "__getitem__",
    "__setitem__",
    "__delitem__",
    "__contains__",
    "__length_hint__",
    "__sizeof__",
    "__dir__",
    "__enter__",
    "__exit__",
    "__await__",
    "split",
    "join",
    "replace",
    "translate",
    "encode",
    "decode",
    "find",
    "strip",
    "startswith",
    "format",
    "format_map",
    "hex",
    "cast",
    "tolist",
    "toreadonly",
    "release",
    "tobytes",
    "rotate",
    "appendleft",
    "popleft",
    "extendleft",
    "maxlen",
    "move_to_end",
    "with_traceback",
    "add_note",
    "split",
    "subgroup",
    "derive",
    "mro",
    "to_bytes",
    "bit_length",
    "as_integer_ratio",
    "cr_frame",
    "gi_frame",
    "gi_yieldfrom",
    "f_locals",
    "__code__",
    "__dict__",
    "__class__",
    "__mro__",
    "__globals__",
    "__closure__",
    "__traceback__",
    "__context__",
    "args",
];

struct Program<'r> {
    rng: &'r mut Rng,
    out: String,
    depth: usize,
}

/// A program that nobody would write.
pub fn program(rng: &mut Rng) -> String {
    let mut p = Program { rng, out: SETUP.to_owned(), depth: 0 };
    for n in 0..3 {
        p.class(n);
    }
    for n in 0..3 {
        let class = p.rng.below(3);
        let args = if p.chance(3) { p.args() } else { String::new() };
        p.out.push_str(&format!(
            "try: H{n} = C{class}({args})\nexcept BaseException as x: H{n} = x.with_traceback(None) if isinstance(x, Exception) else 1\n"
        ));
    }
    p.out.push_str("v = w = it = iter(L)\n");
    for _ in 0..8 + p.rng.below(25) {
        p.out.push_str("try:\n");
        p.statement(1);
        p.out.push_str("except BaseException as x: v = x\n");
    }
    p.out
}

impl Program<'_> {
    fn chance(&mut self, n: usize) -> bool {
        self.rng.below(n) == 0
    }

    fn one(&mut self, items: &[&'static str]) -> &'static str {
        items.get(self.rng.below(items.len())).copied().unwrap_or("None")
    }

    fn class(&mut self, n: usize) {
        let mut base = if self.chance(2) { "object" } else { self.one(BASES) };
        if n == 2 && self.chance(2) {
            base = "type";
        }
        let decorated = if self.chance(12) { "@functools.total_ordering\n" } else { "" };
        let mut body = String::new();
        if self.chance(8) {
            body.push_str("    __slots__ = ('x', 'y', '__weakref__')\n");
        }
        for _ in 0..self.rng.below(9) {
            let name = self.one(SPECIAL);
            match self.rng.below(12) {
                0 => {
                    let value = self.one(RESULTS).replace("self", "L").replace("a[0] if a else 1", "a");
                    body.push_str(&format!("    {name} = {value}\n"));
                    continue;
                }
                1 => body.push_str("    @property\n"),
                2 => body.push_str("    @staticmethod\n"),
                3 => body.push_str("    @classmethod\n"),
                _ => {}
            }
            let kind = if self.chance(15) { "async def" } else { "def" };
            body.push_str(&format!("    {kind} {name}(self=None, *a, **k):\n        global deep\n        deep += 1\n"));
            body.push_str("        if deep > 300: return 1\n");
            for _ in 0..self.rng.below(3) {
                let deed = self.one(DEEDS);
                // Only here and there a generator.
                if deed.starts_with("yield") && !self.chance(3) {
                    continue;
                }
                if self.chance(2) {
                    body.push_str(&format!("        try: {deed}\n        except Exception: pass\n"));
                } else {
                    body.push_str(&format!("        {deed}\n"));
                }
            }
            let result = self.one(RESULTS);
            match self.rng.below(6) {
                0 => body.push_str(&format!("        return super().{name}(*a, **k)\n")),
                1 => {
                    let e = self.expression();
                    body.push_str(&format!("        return {e}\n"));
                }
                _ => body.push_str(&format!("        return {result}\n")),
            }
        }
        if body.is_empty() {
            body.push_str("    pass\n");
        }
        self.out.push_str(&format!(
            "try:\n    class C{n}(object): pass\n    {}class C{n}({base}):\n",
            decorated.replace('\n', "\n    ")
        ));
        for line in body.lines() {
            self.out.push_str("    ");
            self.out.push_str(line);
            self.out.push('\n');
        }
        self.out.push_str("except BaseException as x: v = x\n");
    }

    fn name(&mut self) -> &'static str {
        self.one(NAMES)
    }

    fn args(&mut self) -> String {
        let n = [0, 1, 1, 1, 2, 2, 3][self.rng.below(7)];
        let mut parts = Vec::new();
        for _ in 0..n {
            let e = self.expression();
            parts.push(match self.rng.below(14) {
                0 => format!("*{}", self.name()),
                1 => format!("key={e}"),
                _ => e,
            });
        }
        if self.chance(25) {
            parts.push(format!("**{}", self.name()));
        }
        parts.sort_by_key(|p| if p.starts_with("**") { 2 } else { usize::from(p.starts_with("key=")) });
        parts.dedup_by(|a, b| a.starts_with("key=") && b.starts_with("key="));
        parts.join(", ")
    }

    fn expression(&mut self) -> String {
        self.depth += 1;
        let text = if self.depth > 4 { self.name().to_owned() } else { self.compound() };
        self.depth -= 1;
        text
    }

    fn compound(&mut self) -> String {
        match self.rng.below(24) {
            0..=4 => self.name().to_owned(),
            5 => self.one(RESULTS).replace("self", "H0").replace("a[0] if a else 1", "v").replace('a', "w").to_owned(),
            6..=9 => format!("{}({})", self.one(FUNCTIONS), self.args()),
            10..=12 => format!("{}.{}({})", self.name(), self.one(METHODS), self.args()),
            13 => format!("{}.{}", self.name(), self.one(METHODS)),
            14 => {
                let op = self.one(&[
                    "+", "-", "*", "/", "//", "%", "@", "&", "|", "^", "<<", ">>", "**", "and", "or", "==", "!=", "<",
                    ">=", "in", "not in", "is",
                ]);
                format!("({} {op} {})", self.expression(), self.expression())
            }
            15 => format!("{}[{}]", self.name(), self.expression()),
            16 => format!("{}[{}:{}:{}]", self.name(), self.expression(), self.one(&["", "-1", "5"]), self.name()),
            17 => format!("[{} for v in {} if {}]", self.expression(), self.name(), self.expression()),
            18 => format!("{{{}: {} for v in {}}}", self.expression(), self.name(), self.name()),
            19 => format!("({} for v in {})", self.expression(), self.name()),
            20 => format!("f'{{{}!r:>{{{}}}}}'", self.name(), self.name()),
            21 => format!("(lambda v=v, *w, **k: {})", self.expression()),
            22 => format!("[{}, *{}]", self.expression(), self.name()),
            _ => format!("({} if {} else {})", self.expression(), self.name(), self.expression()),
        }
    }

    fn target(&mut self) -> String {
        match self.rng.below(10) {
            0..=3 => self.one(&["v", "w", "it"]).to_owned(),
            4 => format!("{}[{}]", self.name(), self.expression()),
            5 => format!("{}.{}", self.name(), self.one(&["x", "y", "__class__", "__dict__", "__bases__", "args"])),
            6 => "v, *w".to_owned(),
            7 => "[v, (w, it)]".to_owned(),
            8 => format!("{}[{}:{}]", self.name(), self.expression(), self.name()),
            _ => format!("{}.{}", self.name(), self.one(SPECIAL)),
        }
    }

    fn statement(&mut self, level: usize) {
        let pad = "    ".repeat(level);
        let kind = if level > 3 { self.rng.below(8) } else { self.rng.below(22) };
        let (a, b) = (self.expression(), self.name());
        let head = match kind {
            0..=2 => format!("v = {a}"),
            3 => a,
            4 => format!("{} = {a}", self.target()),
            5 => format!(
                "{} {} {a}",
                self.one(&["v", "L", "D", "S", "B", "Q", "X", "H0"]),
                self.one(&["+=", "*=", "|=", "-="])
            ),
            6 => format!("del {}", self.target().replace('*', "")),
            7 => format!("raise {b}"),
            8..=10 => {
                format!("for {} in itertools.islice({b}, 50):", self.one(&["v", "w", "v, w", "L[0]", "H0.x", "D[v]"]))
            }
            11 => format!("for v in {b}:"),
            12 => format!("if {a}:"),
            13 => format!("with {b} as {}:", self.target()),
            14 => "try:".to_owned(),
            15 => format!("match {b}:\n{pad}    case [v, *_] | {{'a': v}}:"),
            16 => format!("match {b}:\n{pad}    case C0(x=v) | C1(v) | int(v) | (v, _):"),
            17 => format!(
                "def g(v={b}):\n{pad}    yield {a}\n{pad}    yield from {b}\n{pad}it = g()\n{pad}for w in itertools.islice(it, 20):"
            ),
            18 => format!(
                "async def c():\n{pad}    async with {b} as v: await v\n{pad}    async for w in {b}: L.append(w)\n{pad}    return [x async for x in {a}]\n{pad}it = c()\n{pad}it.send(None)\n{pad}if 1:"
            ),
            19 => format!("class C1({}):", self.one(BASES)),
            20 => format!(
                "def f(v, /, w={b}, *a, k=None, **kw):\n{pad}    nonlocals = lambda: (v, w)\n{pad}    del v\n{pad}    return {a}\n{pad}v = f(1, {b})\n{pad}if 1:"
            ),
            _ => format!("while len(W) < {}:\n{pad}    W.append({b})", self.rng.below(30)),
        };
        self.out.push_str(&format!("{pad}{head}\n"));
        let try_block = kind == 14;
        if kind >= 8 && kind != 21 {
            let deeper = if matches!(kind, 15 | 16) { level + 2 } else { level + 1 };
            for _ in 0..=self.rng.below(3) {
                self.statement(deeper);
            }
        }
        if try_block {
            let (c, d) = (self.name(), self.name());
            let handler = match self.rng.below(6) {
                0 => format!("except {c}: v = 1"),
                1 => format!("except ({c}, {d}) as v: raise"),
                2 => "except* ValueError as v: L.append(v)".to_owned(),
                3 => format!("except* {c}: v = {d}"),
                4 => format!("except Exception as v: raise {c} from {d}"),
                _ => "finally: W.append(sys.exc_info())".to_owned(),
            };
            self.out.push_str(&format!("{pad}{handler}\n"));
        }
    }
}
