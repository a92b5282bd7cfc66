//! The syntax tree: what the parser makes and the compiler reads.
//!
//! Node names and fields follow the ASDL of CPython's `ast` module, so that
//! whoever knows that module knows this tree. Every node lives in one
//! [`bumpalo::Bump`] arena and owns nothing, so dropping a tree of any depth
//! is freeing the arena: no recursion. Nodes are `Copy`.
//!
//! What ASDL calls `expr_context` is not stored: the place of an expression
//! (the target of an assignment, of `del`, …) says it.

/// A range of the source text, in bytes, end exclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`.
    pub const fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Self {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A name as it stands in the source (after NFKC), with its place.
#[derive(Clone, Copy, Debug)]
pub struct Ident<'a> {
    /// The name.
    pub id: &'a str,
    /// Where it stands.
    pub span: Span,
}

/// A whole source text.
#[derive(Clone, Copy, Debug)]
pub enum Mod<'a> {
    /// A file, or the text given to `exec`.
    Module(&'a [Stmt<'a>]),
    /// One input at a prompt (`compile(…, 'single')`).
    Interactive(&'a [Stmt<'a>]),
    /// One expression (`eval`).
    Expression(&'a Expr<'a>),
}

/// A statement.
#[derive(Clone, Copy, Debug)]
pub struct Stmt<'a> {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: StmtKind<'a>,
}

impl StmtKind<'_> {
    /// Whether the statement has a block.
    pub fn is_compound(&self) -> bool {
        matches!(
            self,
            StmtKind::FunctionDef(_)
                | StmtKind::ClassDef(_)
                | StmtKind::If { .. }
                | StmtKind::For { .. }
                | StmtKind::While { .. }
                | StmtKind::With { .. }
                | StmtKind::Try { .. }
                | StmtKind::Match { .. }
        )
    }
}

/// The statements.
#[derive(Clone, Copy, Debug)]
pub enum StmtKind<'a> {
    /// `def`, and `async def` when `is_async`.
    FunctionDef(&'a FunctionDef<'a>),
    /// `class`.
    ClassDef(&'a ClassDef<'a>),
    /// `return value`.
    Return(Option<&'a Expr<'a>>),
    /// `del targets`.
    Delete(&'a [Expr<'a>]),
    /// `targets[0] = targets[1] = value`.
    Assign { targets: &'a [Expr<'a>], value: &'a Expr<'a> },
    /// `type name[params] = value`.
    TypeAlias { name: Ident<'a>, type_params: &'a [TypeParam<'a>], value: &'a Expr<'a> },
    /// `target op= value`.
    AugAssign { target: &'a Expr<'a>, op: Operator, value: &'a Expr<'a> },
    /// `target: annotation = value`; `simple` when the target is a bare name without parentheses.
    AnnAssign { target: &'a Expr<'a>, annotation: &'a Expr<'a>, value: Option<&'a Expr<'a>>, simple: bool },
    /// `for`, and `async for` when `is_async`.
    For { is_async: bool, target: &'a Expr<'a>, iter: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>] },
    /// `while`.
    While { test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>] },
    /// `if`; an `elif` is an `If` alone in `orelse`.
    If { test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>] },
    /// `with`, and `async with` when `is_async`.
    With { is_async: bool, items: &'a [WithItem<'a>], body: &'a [Stmt<'a>] },
    /// `match`.
    Match { subject: &'a Expr<'a>, cases: &'a [MatchCase<'a>] },
    /// `raise exc from cause`.
    Raise { exc: Option<&'a Expr<'a>>, cause: Option<&'a Expr<'a>> },
    /// `try`; `except*` when `is_star`.
    Try {
        is_star: bool,
        body: &'a [Stmt<'a>],
        handlers: &'a [ExceptHandler<'a>],
        orelse: &'a [Stmt<'a>],
        finalbody: &'a [Stmt<'a>],
    },
    /// `assert test, msg`.
    Assert { test: &'a Expr<'a>, msg: Option<&'a Expr<'a>> },
    /// `import names`.
    Import(&'a [Alias<'a>]),
    /// `from module import names`; `level` counts the leading dots; `*` is an alias named `*`.
    ImportFrom { module: Option<Ident<'a>>, names: &'a [Alias<'a>], level: u32 },
    /// `global names`.
    Global(&'a [Ident<'a>]),
    /// `nonlocal names`.
    Nonlocal(&'a [Ident<'a>]),
    /// An expression evaluated for its effect.
    Expr(&'a Expr<'a>),
    /// `pass`.
    Pass,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// `def` or `async def`.
#[derive(Clone, Copy, Debug)]
pub struct FunctionDef<'a> {
    /// Whether it is `async def`.
    pub is_async: bool,
    /// The function's name.
    pub name: Ident<'a>,
    /// The parameters.
    pub args: &'a Arguments<'a>,
    /// The statements.
    pub body: &'a [Stmt<'a>],
    /// The decorators, outermost first.
    pub decorators: &'a [Expr<'a>],
    /// The annotation after `->`.
    pub returns: Option<&'a Expr<'a>>,
    /// PEP 695 type parameters.
    pub type_params: &'a [TypeParam<'a>],
}

/// `class`.
#[derive(Clone, Copy, Debug)]
pub struct ClassDef<'a> {
    /// The class's name.
    pub name: Ident<'a>,
    /// The bases, starred ones included.
    pub bases: &'a [Expr<'a>],
    /// `metaclass=…`, other keywords, and `**mapping` (no `arg`).
    pub keywords: &'a [Keyword<'a>],
    /// The statements.
    pub body: &'a [Stmt<'a>],
    /// The decorators, outermost first.
    pub decorators: &'a [Expr<'a>],
    /// PEP 695 type parameters.
    pub type_params: &'a [TypeParam<'a>],
}

/// An expression.
#[derive(Clone, Copy, Debug)]
pub struct Expr<'a> {
    /// Where it stands, without the parentheses around it.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind<'a>,
}

/// The expressions.
#[derive(Clone, Copy, Debug)]
pub enum ExprKind<'a> {
    /// `a and b and c`.
    BoolOp { op: BoolOp, values: &'a [Expr<'a>] },
    /// `target := value`; the target is a `Name`.
    NamedExpr { target: &'a Expr<'a>, value: &'a Expr<'a> },
    /// `left op right`.
    BinOp { left: &'a Expr<'a>, op: Operator, right: &'a Expr<'a> },
    /// `op operand`.
    UnaryOp { op: UnaryOp, operand: &'a Expr<'a> },
    /// `lambda args: body`.
    Lambda { args: &'a Arguments<'a>, body: &'a Expr<'a> },
    /// `body if test else orelse`.
    IfExp { test: &'a Expr<'a>, body: &'a Expr<'a>, orelse: &'a Expr<'a> },
    /// `{k: v, **m}`; a `None` key is a `**` item.
    Dict(&'a [DictItem<'a>]),
    /// `{a, *b}`.
    Set(&'a [Expr<'a>]),
    /// `[elt for …]`.
    ListComp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    /// `{elt for …}`.
    SetComp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    /// `{key: value for …}`.
    DictComp { key: &'a Expr<'a>, value: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    /// `(elt for …)`; the span includes the parentheses.
    GeneratorExp { elt: &'a Expr<'a>, generators: &'a [Comprehension<'a>] },
    /// `await value`.
    Await(&'a Expr<'a>),
    /// `yield value`.
    Yield(Option<&'a Expr<'a>>),
    /// `yield from value`.
    YieldFrom(&'a Expr<'a>),
    /// `left ops[0] comparators[0] ops[1] …`.
    Compare { left: &'a Expr<'a>, ops: &'a [CmpOp], comparators: &'a [Expr<'a>] },
    /// `func(args, keywords)`.
    Call { func: &'a Expr<'a>, args: &'a [Expr<'a>], keywords: &'a [Keyword<'a>] },
    /// An f-string, with neighbouring literals joined to it (PEP 701).
    JoinedStr(&'a [StringPart<'a>]),
    /// A template string (PEP 750).
    TemplateStr(&'a [StringPart<'a>]),
    /// A literal.
    Constant(Constant<'a>),
    /// `value.attr`.
    Attribute { value: &'a Expr<'a>, attr: Ident<'a> },
    /// `value[slice]`; several subscripts are a `Tuple`.
    Subscript { value: &'a Expr<'a>, slice: &'a Expr<'a> },
    /// `*value`.
    Starred(&'a Expr<'a>),
    /// A name.
    Name(&'a str),
    /// `[elts]`.
    List(&'a [Expr<'a>]),
    /// `elts`; the span includes parentheses where there are any.
    Tuple { elts: &'a [Expr<'a>], parenthesized: bool },
    /// `lower:upper:step`, only inside a subscript.
    Slice { lower: Option<&'a Expr<'a>>, upper: Option<&'a Expr<'a>>, step: Option<&'a Expr<'a>> },
}

/// One item of a dict display.
#[derive(Clone, Copy, Debug)]
pub struct DictItem<'a> {
    /// The key; `None` for `**value`.
    pub key: Option<Expr<'a>>,
    /// The value.
    pub value: Expr<'a>,
}

/// A literal's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant<'a> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// `...`.
    Ellipsis,
    /// An integer that fits.
    Int(i64),
    /// A larger integer: `digits` in `radix` (2, 8, 10, 16), no prefix, no underscores.
    BigInt { digits: &'a str, radix: u32 },
    /// A float.
    Float(f64),
    /// The imaginary part of an imaginary literal.
    Imaginary(f64),
    /// Text in WTF-8 (UTF-8 that may also encode lone surrogates). `unicode_prefix` when written `u'…'`.
    Str { value: &'a [u8], unicode_prefix: bool },
    /// Bytes.
    Bytes(&'a [u8]),
}

/// One part of an f-string or template string.
#[derive(Clone, Copy, Debug)]
pub enum StringPart<'a> {
    /// Literal text, in WTF-8.
    Literal { value: &'a [u8], span: Span },
    /// `{value!conversion:format_spec}`. (For `{value=}` the parser adds the text before it as a `Literal` and
    /// sets conversion to `Repr` where the source gave neither a conversion nor a spec.)
    Interpolation(&'a Interpolation<'a>),
}

/// A replacement field.
#[derive(Clone, Copy, Debug)]
pub struct Interpolation<'a> {
    /// Where it stands, braces included.
    pub span: Span,
    /// The expression.
    pub value: Expr<'a>,
    /// The source text from the brace to the `=`, `!`, `:` or brace after the expression, white space included and
    /// comments left out (`Interpolation.expression` of PEP 750).
    pub text: &'a str,
    /// `!s`, `!r`, `!a`.
    pub conversion: Conversion,
    /// What follows the colon; fields may nest.
    pub format_spec: Option<&'a [StringPart<'a>]>,
}

/// The conversion of a replacement field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// None.
    None,
    /// `!s`.
    Str,
    /// `!r`.
    Repr,
    /// `!a`.
    Ascii,
}

/// `and`, `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BoolOp {
    And,
    Or,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Add,
    Sub,
    Mult,
    MatMult,
    Div,
    Mod,
    Pow,
    LShift,
    RShift,
    BitOr,
    BitXor,
    BitAnd,
    FloorDiv,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UnaryOp {
    Invert,
    Not,
    UAdd,
    USub,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CmpOp {
    Eq,
    NotEq,
    Lt,
    LtE,
    Gt,
    GtE,
    Is,
    IsNot,
    In,
    NotIn,
}

/// One `for target in iter if …` of a comprehension.
#[derive(Clone, Copy, Debug)]
pub struct Comprehension<'a> {
    /// Where it stands.
    pub span: Span,
    /// The target.
    pub target: Expr<'a>,
    /// What is iterated.
    pub iter: Expr<'a>,
    /// The conditions.
    pub ifs: &'a [Expr<'a>],
    /// Whether it is `async for`.
    pub is_async: bool,
}

/// An `except` clause.
#[derive(Clone, Copy, Debug)]
pub struct ExceptHandler<'a> {
    /// Where it stands.
    pub span: Span,
    /// The exceptions; a `Tuple` where several are named (PEP 758 allows it bare).
    pub type_: Option<&'a Expr<'a>>,
    /// The name after `as`.
    pub name: Option<Ident<'a>>,
    /// The statements.
    pub body: &'a [Stmt<'a>],
}

/// The parameters of a function or lambda.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    /// Where they stand.
    pub span: Span,
    /// Those before `/`.
    pub posonlyargs: &'a [Param<'a>],
    /// Those after it, before `*`.
    pub args: &'a [Param<'a>],
    /// `*args`.
    pub vararg: Option<&'a Param<'a>>,
    /// Those after `*`.
    pub kwonlyargs: &'a [Param<'a>],
    /// `**kwargs`.
    pub kwarg: Option<&'a Param<'a>>,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param<'a> {
    /// Its name.
    pub name: Ident<'a>,
    /// Its annotation (`*args: *Ts` gives a `Starred`).
    pub annotation: Option<&'a Expr<'a>>,
    /// Its default.
    pub default: Option<&'a Expr<'a>>,
}

/// A keyword argument.
#[derive(Clone, Copy, Debug)]
pub struct Keyword<'a> {
    /// Where it stands.
    pub span: Span,
    /// Its name; `None` for `**value`.
    pub arg: Option<Ident<'a>>,
    /// Its value.
    pub value: Expr<'a>,
}

/// `name as asname` of an import; the name may be dotted.
#[derive(Clone, Copy, Debug)]
pub struct Alias<'a> {
    /// Where it stands.
    pub span: Span,
    /// What is imported.
    pub name: Ident<'a>,
    /// The name after `as`.
    pub asname: Option<Ident<'a>>,
}

/// `context_expr as optional_vars` of a `with`.
#[derive(Clone, Copy, Debug)]
pub struct WithItem<'a> {
    /// The context manager.
    pub context_expr: Expr<'a>,
    /// The target.
    pub optional_vars: Option<&'a Expr<'a>>,
}

/// A `case` of a `match`.
#[derive(Clone, Copy, Debug)]
pub struct MatchCase<'a> {
    /// Where it stands.
    pub span: Span,
    /// The pattern.
    pub pattern: Pattern<'a>,
    /// The condition after `if`.
    pub guard: Option<&'a Expr<'a>>,
    /// The statements.
    pub body: &'a [Stmt<'a>],
}

/// A pattern.
#[derive(Clone, Copy, Debug)]
pub struct Pattern<'a> {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: PatternKind<'a>,
}

/// The patterns.
#[derive(Clone, Copy, Debug)]
pub enum PatternKind<'a> {
    /// A literal (not a singleton) or a dotted name, compared with `==`.
    Value(&'a Expr<'a>),
    /// `None`, `True`, `False`, compared with `is`.
    Singleton(Constant<'a>),
    /// `[a, *b]`.
    Sequence(&'a [Pattern<'a>]),
    /// `{key: pattern, **rest}`.
    Mapping { keys: &'a [Expr<'a>], patterns: &'a [Pattern<'a>], rest: Option<Ident<'a>> },
    /// `cls(patterns, kwd=pattern)`.
    Class {
        cls: &'a Expr<'a>,
        patterns: &'a [Pattern<'a>],
        kwd_attrs: &'a [Ident<'a>],
        kwd_patterns: &'a [Pattern<'a>],
    },
    /// `*name` inside a sequence; `*_` has no name.
    Star(Option<Ident<'a>>),
    /// `pattern as name`; a bare capture has no pattern; `_` has neither.
    As { pattern: Option<&'a Pattern<'a>>, name: Option<Ident<'a>> },
    /// `a | b`.
    Or(&'a [Pattern<'a>]),
}

/// A PEP 695 type parameter.
#[derive(Clone, Copy, Debug)]
pub struct TypeParam<'a> {
    /// Where it stands.
    pub span: Span,
    /// Its name.
    pub name: Ident<'a>,
    /// Which kind it is.
    pub kind: TypeParamKind,
    /// The bound or constraints after the colon (`TypeVar` only).
    pub bound: Option<&'a Expr<'a>>,
    /// The default (PEP 696).
    pub default: Option<&'a Expr<'a>>,
}

/// The kinds of type parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeParamKind {
    /// `T`.
    TypeVar,
    /// `*Ts`.
    TypeVarTuple,
    /// `**P`.
    ParamSpec,
}
