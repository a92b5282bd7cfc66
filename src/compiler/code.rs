//! The compiled form of a module, class body or function.
//!
//! A [`Code`] is immutable and `Send + Sync`: interpreters share it, and keep their caches and quickened copies apart.
//! It knows nothing of run-time values: constants are described by [`Const`]. Invariant: what the compiler returns has
//! passed the checks of `verify` (every register, index and jump is in range).

use super::opcodes::Instr;
use super::packed;
use std::sync::{Arc, OnceLock};

/// A constant.
#[derive(Clone, Debug)]
pub enum Const {
    /// `None`.
    None,
    /// `True`, `False`.
    Bool(bool),
    /// `...`.
    Ellipsis,
    /// An int that fits.
    Int(i64),
    /// A larger int: sign and digits in a radix (2, 8, 10 or 16), without prefix.
    BigInt {
        /// Whether it is below zero.
        negative: bool,
        /// The digits.
        digits: Arc<str>,
        /// Their radix.
        radix: u32,
    },
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A str, in WTF-8.
    Str(Arc<[u8]>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A tuple.
    Tuple(Arc<[Const]>),
    /// A frozenset.
    FrozenSet(Arc<[Const]>),
    /// The code of a function, class body, comprehension or annotation scope.
    Code(Arc<Code>),
}

/// CPython's `CO_` bits, and a few of our own from bit 28 up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CodeFlags(pub u32);

impl CodeFlags {
    /// `CO_OPTIMIZED`.
    pub const OPTIMIZED: u32 = 0x1;
    /// `CO_NEWLOCALS`.
    pub const NEWLOCALS: u32 = 0x2;
    /// `CO_VARARGS`.
    pub const VARARGS: u32 = 0x4;
    /// `CO_VARKEYWORDS`.
    pub const VARKEYWORDS: u32 = 0x8;
    /// `CO_NESTED`.
    pub const NESTED: u32 = 0x10;
    /// `CO_GENERATOR`.
    pub const GENERATOR: u32 = 0x20;
    /// `CO_COROUTINE`.
    pub const COROUTINE: u32 = 0x80;
    /// `CO_ITERABLE_COROUTINE`.
    pub const ITERABLE_COROUTINE: u32 = 0x100;
    /// `CO_ASYNC_GENERATOR`.
    pub const ASYNC_GENERATOR: u32 = 0x200;
    /// `CO_FUTURE_DIVISION`.
    pub const FUTURE_DIVISION: u32 = 0x20000;
    /// `CO_FUTURE_ABSOLUTE_IMPORT`.
    pub const FUTURE_ABSOLUTE_IMPORT: u32 = 0x40000;
    /// `CO_FUTURE_WITH_STATEMENT`.
    pub const FUTURE_WITH_STATEMENT: u32 = 0x80000;
    /// `CO_FUTURE_PRINT_FUNCTION`.
    pub const FUTURE_PRINT_FUNCTION: u32 = 0x100000;
    /// `CO_FUTURE_UNICODE_LITERALS`.
    pub const FUTURE_UNICODE_LITERALS: u32 = 0x200000;
    /// `CO_FUTURE_BARRY_AS_BDFL`.
    pub const FUTURE_BARRY_AS_BDFL: u32 = 0x400000;
    /// `CO_FUTURE_GENERATOR_STOP`.
    pub const FUTURE_GENERATOR_STOP: u32 = 0x800000;
    /// `CO_FUTURE_ANNOTATIONS`.
    pub const FUTURE_ANNOTATIONS: u32 = 0x1000000;
    /// `CO_HAS_DOCSTRING`.
    pub const HAS_DOCSTRING: u32 = 0x4000000;
    /// `CO_METHOD`.
    pub const METHOD: u32 = 0x8000000;
    /// A class body: the frame has a namespace mapping.
    pub const CLASS_BODY: u32 = 0x1000_0000;
    /// A module's code, or `exec`, `eval` and prompt code: the frame may have a namespace mapping.
    pub const MODULE: u32 = 0x2000_0000;
    /// The code stands for what is written in C in CPython: it is in no traceback.
    pub const IN_C: u32 = 0x4000_0000;

    /// Whether any of the bits is set.
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// What `co_flags` shows.
    pub const fn public(self) -> u32 {
        self.0 & 0x0fff_ffff
    }
}

/// How a local variable is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalKind {
    /// The register holds the value.
    Plain,
    /// The register holds a cell with the value (after the `MakeCell` at entry).
    Cell,
}

/// A local variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name (mangled where names are).
    pub name: Arc<str>,
    /// How it is kept.
    pub kind: LocalKind,
}

/// A variable of an inlined comprehension, which lives in a temp for a range of instructions.
#[derive(Clone, Debug)]
pub struct HiddenLocal {
    /// Its name.
    pub name: Arc<str>,
    /// How it is kept.
    pub kind: LocalKind,
    /// Its register.
    pub register: u16,
    /// The first instruction of its life.
    pub start: u32,
    /// The instruction after the last.
    pub end: u32,
}

/// What an inline cache is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CacheKind {
    /// `LoadGlobal`.
    LoadGlobal,
    /// `StoreGlobal`, `DeleteGlobal`.
    StoreGlobal,
    /// `LoadName`.
    LoadName,
    /// `StoreName`, `DeleteName`.
    StoreName,
    /// `GetAttr`.
    GetAttr,
    /// `SetAttr`, `DelAttr`.
    SetAttr,
    /// `LoadMethod`.
    LoadMethod,
    /// `LoadSuperAttr`, `LoadSuperMethod`.
    Super,
}

/// One inline cache.
#[derive(Clone, Copy, Debug)]
pub struct Cache {
    /// What it is for.
    pub kind: CacheKind,
    /// The name, an index into the names.
    pub name: u32,
}

/// An entry of the exception table. The entries are sorted and do not overlap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExceptionEntry {
    /// The first instruction it covers.
    pub start: u32,
    /// The instruction after the last.
    pub end: u32,
    /// Where to continue.
    pub target: u32,
    /// Temps from here up are dropped.
    pub depth: u16,
    /// The register that gets the exception: a temp at or above `depth`.
    pub exc: u16,
}

/// A place in the source. Lines count from 1, columns are bytes from 0. Line 0 means: none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// The first line.
    pub line: u32,
    /// The last line.
    pub end_line: u32,
    /// The first column.
    pub col: u32,
    /// The column after the last.
    pub end_col: u32,
}

/// The places of all instructions: one row for each run of instructions at the same place.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    /// Made from the packed form when first asked for.
    rows: OnceLock<Vec<(u32, Position)>>,
    packed: &'static [u8],
}

impl Positions {
    /// Places in the form of [`packed`](super::packed).
    pub(super) fn packed(packed: &'static [u8]) -> Positions {
        Positions { rows: OnceLock::new(), packed }
    }

    /// All of them.
    pub fn new(rows: Vec<(u32, Position)>) -> Positions {
        Positions { rows: OnceLock::from(rows), packed: &[] }
    }

    /// The place of an instruction.
    pub fn at(&self, pc: u32) -> Position {
        let rows = self.rows();
        let after = rows.partition_point(|(start, _)| *start <= pc);
        after.checked_sub(1).and_then(|i| rows.get(i)).map_or(Position::default(), |row| row.1)
    }

    /// The rows: first instruction and place.
    pub fn rows(&self) -> &[(u32, Position)] {
        self.rows.get_or_init(|| packed::places(self.packed))
    }
}

/// A code object.
#[derive(Debug)]
pub struct Code {
    /// `co_name`.
    pub name: Arc<str>,
    /// `co_qualname`.
    pub qualname: Arc<str>,
    /// `co_filename`.
    pub filename: Arc<str>,
    /// `co_firstlineno`.
    pub first_line: u32,
    /// `co_flags` and more.
    pub flags: CodeFlags,
    /// `co_argcount`: positional parameters, the positional-only ones included.
    pub argcount: u32,
    /// `co_posonlyargcount`.
    pub posonlyargcount: u32,
    /// `co_kwonlyargcount`.
    pub kwonlyargcount: u32,
    /// `co_consts`. With `HAS_DOCSTRING` the first is the docstring.
    pub consts: Vec<Const>,
    /// `co_names`.
    pub names: Vec<Arc<str>>,
    /// The locals by register: parameters (positional, keyword-only, `*args`, `**kwargs`), others, cells that are no
    /// parameters. Its length is `first_temp`.
    pub locals: Vec<Local>,
    /// `co_cellvars`: registers of the cells among `locals`, in CPython's order.
    pub cell_registers: Vec<u16>,
    /// `co_freevars`; the function's closure has as many cells.
    pub freevars: Vec<Arc<str>>,
    /// Variables of inlined comprehensions.
    pub hidden: Vec<HiddenLocal>,
    /// The instructions.
    pub instrs: Vec<Instr>,
    /// What to do when one raises.
    pub exceptions: Vec<ExceptionEntry>,
    /// Where they come from.
    pub positions: Positions,
    /// How many registers a frame has.
    pub nregs: u16,
    /// The first register that is a temp.
    pub first_temp: u16,
    /// The inline caches.
    pub caches: Vec<Cache>,
}

impl Code {
    /// How many parameters the frame starts with, `*args` and `**kwargs` included.
    pub fn param_count(&self) -> usize {
        self.argcount as usize
            + self.kwonlyargcount as usize
            + usize::from(self.flags.has(CodeFlags::VARARGS))
            + usize::from(self.flags.has(CodeFlags::VARKEYWORDS))
    }

    /// The variable that a register holds at an instruction, for messages and `f_locals`.
    pub fn register_name(&self, register: u16, pc: u32) -> Option<&Arc<str>> {
        if let Some(local) = self.locals.get(register as usize) {
            return Some(&local.name);
        }
        let covers = |h: &&HiddenLocal| h.register == register && h.start <= pc && pc < h.end;
        self.hidden.iter().find(covers).map(|h| &h.name)
    }

    /// The entry of the exception table for an instruction.
    pub fn exception_entry(&self, pc: u32) -> Option<&ExceptionEntry> {
        let after = self.exceptions.partition_point(|entry| entry.start <= pc);
        after.checked_sub(1).and_then(|i| self.exceptions.get(i)).filter(|entry| pc < entry.end)
    }

    /// The name that a cache is about.
    pub fn cache_name(&self, cache: u32) -> Option<&Arc<str>> {
        self.caches.get(cache as usize).and_then(|cache| self.names.get(cache.name as usize))
    }

    /// `co_varnames`: parameters, plain locals, and variables of inlined comprehensions.
    pub fn varnames(&self) -> impl Iterator<Item = &Arc<str>> {
        let params = self.param_count();
        self.locals
            .iter()
            .enumerate()
            .filter(move |(i, local)| *i < params || local.kind == LocalKind::Plain)
            .map(|(_, local)| &local.name)
            .chain(self.hidden_names())
    }

    /// The names that only inlined comprehensions have, each once.
    fn hidden_names(&self) -> impl Iterator<Item = &Arc<str>> {
        let known = |name: &Arc<str>| self.locals.iter().any(|local| local.name == *name);
        let earlier = |i: usize, name: &Arc<str>| self.hidden.iter().take(i).any(|other| other.name == *name);
        self.hidden
            .iter()
            .enumerate()
            .filter(move |(i, h)| h.kind == LocalKind::Plain && !known(&h.name) && !earlier(*i, &h.name))
            .map(|(_, h)| &h.name)
    }

    /// `co_cellvars`.
    pub fn cellvars(&self) -> impl Iterator<Item = &Arc<str>> {
        self.cell_registers.iter().filter_map(|r| self.locals.get(*r as usize)).map(|local| &local.name)
    }
}
