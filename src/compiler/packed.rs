//! Code as bytes: how the binary carries the modules that are compiled when it is built.
//!
//! [`pack`] writes what [`unpack`] reads. The form has no version and no checksum: both sides are built from the same
//! source, and bytes from elsewhere are never read. Numbers are written seven bits at a time, strings once for each
//! module. Places of instructions stay packed until somebody asks for them.

use super::code::{
    Cache, CacheKind, Code, CodeFlags, Const, ExceptionEntry, HiddenLocal, Local, LocalKind, Position, Positions,
};
use super::opcodes::Instr;
use std::collections::HashMap;
use std::sync::Arc;

/// Code may stand inside of code so often; the compiler refuses deeper programs.
const MAX_NESTING: usize = 200;

/// The kinds of caches, by number.
const CACHE_KINDS: [CacheKind; 8] = [
    CacheKind::LoadGlobal,
    CacheKind::StoreGlobal,
    CacheKind::LoadName,
    CacheKind::StoreName,
    CacheKind::GetAttr,
    CacheKind::SetAttr,
    CacheKind::LoadMethod,
    CacheKind::Super,
];

/// First bytes of constants.
mod tag {
    pub const NONE: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const ELLIPSIS: u8 = 3;
    pub const INT: u8 = 4;
    pub const BIG: u8 = 5;
    pub const NEGATIVE_BIG: u8 = 6;
    pub const FLOAT: u8 = 7;
    pub const COMPLEX: u8 = 8;
    pub const STR: u8 = 9;
    pub const BYTES: u8 = 10;
    pub const TUPLE: u8 = 11;
    pub const FROZEN_SET: u8 = 12;
    pub const CODE: u8 = 13;
}

// ---- writing ----

/// Writes code, with the code among its constants.
pub fn pack(code: &Code) -> Vec<u8> {
    let mut p = Packer::default();
    p.code(code);
    let mut out = Vec::new();
    number(&mut out, p.strings.len() as u64);
    for s in &p.strings {
        number(&mut out, s.len() as u64);
        out.extend_from_slice(s.as_bytes());
    }
    out.extend_from_slice(&p.out);
    out
}

#[derive(Default)]
struct Packer {
    out: Vec<u8>,
    strings: Vec<Arc<str>>,
    known: HashMap<Arc<str>, usize>,
}

fn number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

impl Packer {
    fn number(&mut self, n: usize) {
        number(&mut self.out, n as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    fn string(&mut self, s: &Arc<str>) {
        let next = self.strings.len();
        let at = *self.known.entry(s.clone()).or_insert(next);
        if at == next {
            self.strings.push(s.clone());
        }
        self.number(at);
    }

    fn kind(&mut self, kind: LocalKind) {
        self.out.push(u8::from(kind == LocalKind::Cell));
    }

    fn code(&mut self, code: &Code) {
        for s in [&code.name, &code.qualname, &code.filename] {
            self.string(s);
        }
        for n in [code.first_line, code.flags.0, code.argcount, code.posonlyargcount, code.kwonlyargcount] {
            self.number(n as usize);
        }
        self.number(usize::from(code.nregs));
        self.number(usize::from(code.first_temp));
        self.number(code.consts.len());
        for c in &code.consts {
            self.constant(c);
        }
        for names in [&code.names, &code.freevars] {
            self.number(names.len());
            for s in names {
                self.string(s);
            }
        }
        self.number(code.locals.len());
        for l in &code.locals {
            self.string(&l.name);
            self.kind(l.kind);
        }
        self.number(code.cell_registers.len());
        for r in &code.cell_registers {
            self.number(usize::from(*r));
        }
        self.number(code.hidden.len());
        for h in &code.hidden {
            self.string(&h.name);
            self.kind(h.kind);
            for n in [u32::from(h.register), h.start, h.end] {
                self.number(n as usize);
            }
        }
        self.number(code.instrs.len());
        for i in &code.instrs {
            self.out.extend_from_slice(&i.0.to_le_bytes());
        }
        self.number(code.exceptions.len());
        for e in &code.exceptions {
            for n in [e.start, e.end, e.target, u32::from(e.depth), u32::from(e.exc)] {
                self.number(n as usize);
            }
        }
        let mut places = Vec::new();
        for (pc, p) in code.positions.rows() {
            for n in [*pc, p.line, p.end_line, p.col, p.end_col] {
                number(&mut places, u64::from(n));
            }
        }
        self.bytes(&places);
        self.number(code.caches.len());
        for c in &code.caches {
            self.out.push(CACHE_KINDS.iter().position(|k| *k == c.kind).unwrap_or_default() as u8);
            self.number(c.name as usize);
        }
    }

    fn constant(&mut self, c: &Const) {
        match c {
            Const::None => self.out.push(tag::NONE),
            Const::Bool(b) => self.out.push(if *b { tag::TRUE } else { tag::FALSE }),
            Const::Ellipsis => self.out.push(tag::ELLIPSIS),
            Const::Int(i) => {
                self.out.push(tag::INT);
                self.out.extend_from_slice(&i.to_le_bytes());
            }
            Const::BigInt { negative, digits, radix } => {
                self.out.push(if *negative { tag::NEGATIVE_BIG } else { tag::BIG });
                self.number(*radix as usize);
                self.string(digits);
            }
            Const::Float(f) => {
                self.out.push(tag::FLOAT);
                self.out.extend_from_slice(&f.to_le_bytes());
            }
            Const::Complex(re, im) => {
                self.out.push(tag::COMPLEX);
                self.out.extend_from_slice(&re.to_le_bytes());
                self.out.extend_from_slice(&im.to_le_bytes());
            }
            Const::Str(s) => {
                self.out.push(tag::STR);
                self.bytes(s);
            }
            Const::Bytes(b) => {
                self.out.push(tag::BYTES);
                self.bytes(b);
            }
            Const::Tuple(items) => self.constants(tag::TUPLE, items),
            Const::FrozenSet(items) => self.constants(tag::FROZEN_SET, items),
            Const::Code(code) => {
                self.out.push(tag::CODE);
                self.code(code);
            }
        }
    }

    fn constants(&mut self, tag: u8, items: &[Const]) {
        self.out.push(tag);
        self.number(items.len());
        for c in items {
            self.constant(c);
        }
    }
}

// ---- reading ----

/// Reads what [`pack`] wrote; nothing where it is something else.
pub fn unpack(bytes: &'static [u8]) -> Option<Arc<Code>> {
    let mut u = Unpacker { rest: bytes, strings: Vec::new() };
    for _ in 0..u.number()? {
        let s = Arc::from(std::str::from_utf8(u.bytes()?).ok()?);
        u.strings.push(s);
    }
    u.code(0)
}

/// The places of instructions, which were packed with their code.
pub(super) fn places(bytes: &'static [u8]) -> Vec<(u32, Position)> {
    let mut u = Unpacker { rest: bytes, strings: Vec::new() };
    let mut rows = Vec::new();
    while let Some(row) = u.place() {
        rows.push(row);
    }
    rows
}

struct Unpacker {
    rest: &'static [u8],
    strings: Vec<Arc<str>>,
}

impl Unpacker {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let (mut n, mut shift) = (0, 0);
        loop {
            let b = self.byte()?;
            n |= u64::from(b & 0x7f).checked_shl(shift)?;
            if b < 0x80 {
                return usize::try_from(n).ok();
            }
            shift += 7;
        }
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn register(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    fn take(&mut self, n: usize) -> Option<&'static [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'static [u8]> {
        let n = self.number()?;
        self.take(n)
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn string(&mut self) -> Option<Arc<str>> {
        let at = self.number()?;
        self.strings.get(at).cloned()
    }

    fn kind(&mut self) -> Option<LocalKind> {
        Some(if self.byte()? == 0 { LocalKind::Plain } else { LocalKind::Cell })
    }

    /// A counted row of things. A wrong count ends where the bytes end.
    fn all<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.number()?;
        let mut all = Vec::with_capacity(n.min(self.rest.len()));
        for _ in 0..n {
            all.push(one(self)?);
        }
        Some(all)
    }

    fn place(&mut self) -> Option<(u32, Position)> {
        let pc = self.small()?;
        let (line, end_line, col, end_col) = (self.small()?, self.small()?, self.small()?, self.small()?);
        Some((pc, Position { line, end_line, col, end_col }))
    }

    fn code(&mut self, depth: usize) -> Option<Arc<Code>> {
        if depth > MAX_NESTING {
            return None;
        }
        let (name, qualname, filename) = (self.string()?, self.string()?, self.string()?);
        let (first_line, flags) = (self.small()?, CodeFlags(self.small()?));
        let (argcount, posonlyargcount, kwonlyargcount) = (self.small()?, self.small()?, self.small()?);
        let (nregs, first_temp) = (self.register()?, self.register()?);
        let consts = self.all(|u| u.constant(depth))?;
        let (names, freevars) = (self.all(Self::string)?, self.all(Self::string)?);
        let locals = self.all(|u| Some(Local { name: u.string()?, kind: u.kind()? }))?;
        let cell_registers = self.all(Self::register)?;
        let hidden = self.all(|u| {
            let (name, kind, register) = (u.string()?, u.kind()?, u.register()?);
            Some(HiddenLocal { name, kind, register, start: u.small()?, end: u.small()? })
        })?;
        let n = self.number()?;
        let words = self.take(n.checked_mul(8)?)?;
        let word = |w: &[u8]| w.try_into().map(|w| Instr(u64::from_le_bytes(w))).ok();
        let instrs = words.chunks_exact(8).map(word).collect::<Option<Vec<Instr>>>()?;
        let exceptions = self.all(|u| {
            let (start, end, target) = (u.small()?, u.small()?, u.small()?);
            Some(ExceptionEntry { start, end, target, depth: u.register()?, exc: u.register()? })
        })?;
        let positions = Positions::packed(self.bytes()?);
        let caches = self.all(|u| {
            let kind = *CACHE_KINDS.get(usize::from(u.byte()?))?;
            Some(Cache { kind, name: u.small()? })
        })?;
        Some(Arc::new(Code {
            name,
            qualname,
            filename,
            first_line,
            flags,
            argcount,
            posonlyargcount,
            kwonlyargcount,
            consts,
            names,
            locals,
            cell_registers,
            freevars,
            hidden,
            instrs,
            exceptions,
            positions,
            nregs,
            first_temp,
            caches,
        }))
    }

    fn constant(&mut self, depth: usize) -> Option<Const> {
        if depth > MAX_NESTING {
            return None;
        }
        Some(match self.byte()? {
            tag::NONE => Const::None,
            tag::FALSE => Const::Bool(false),
            tag::TRUE => Const::Bool(true),
            tag::ELLIPSIS => Const::Ellipsis,
            tag::INT => Const::Int(i64::from_le_bytes(self.eight()?)),
            sign @ (tag::BIG | tag::NEGATIVE_BIG) => {
                let radix = self.small()?;
                Const::BigInt { negative: sign == tag::NEGATIVE_BIG, digits: self.string()?, radix }
            }
            tag::FLOAT => Const::Float(f64::from_le_bytes(self.eight()?)),
            tag::COMPLEX => Const::Complex(f64::from_le_bytes(self.eight()?), f64::from_le_bytes(self.eight()?)),
            tag::STR => Const::Str(Arc::from(self.bytes()?)),
            tag::BYTES => Const::Bytes(Arc::from(self.bytes()?)),
            tag::TUPLE => Const::Tuple(self.all(|u| u.constant(depth + 1))?.into()),
            tag::FROZEN_SET => Const::FrozenSet(self.all(|u| u.constant(depth + 1))?.into()),
            tag::CODE => Const::Code(self.code(depth + 1)?),
            _ => return None,
        })
    }
}
