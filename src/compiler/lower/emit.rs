//! One code object under construction: instructions with labels, registers, handlers, and which locals are bound.
//!
//! Instructions that can not be reached are not emitted. Code that runs rarely (handlers) goes to streams of their own,
//! which the assembler puts behind the main one. Invariant: when an expression leaves its value in a temp, that temp is
//! the one that was next when the expression began.

use super::consts::ConstPool;
use crate::compiler::code::{Cache, CacheKind, HiddenLocal, LocalKind};
use crate::compiler::opcodes::{ENDS, FLAG_A, FLAG_B, FLAG_C, Op};
use crate::compiler::scope::{BlockId, NameId};
use apy_grammar::ast::{Expr, Span, Stmt};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A register as operand. `take`: an input is consumed, an output is a dead temp.
#[derive(Clone, Copy, Debug)]
pub struct Val {
    pub reg: u32,
    pub take: bool,
}

impl Val {
    /// A temp that is consumed or dead.
    pub fn temp(reg: u32) -> Self {
        Val { reg, take: true }
    }

    /// A register that is copied from, or whose old value is dropped.
    pub fn keep(reg: u32) -> Self {
        Val { reg, take: false }
    }
}

/// Where the value of an expression is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// Anywhere: a local stays where it is, all else goes to the next temp.
    Any,
    /// In the next temp.
    Temp,
    /// In this register.
    To(Val),
}

/// An operand of an instruction.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// A register.
    R(Val),
    /// A number.
    N(u32),
    /// None.
    X,
}

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(pub u32);

/// An instruction before assembly.
#[derive(Clone, Copy, Debug)]
pub struct Ir {
    pub op: Op,
    pub flags: u8,
    pub a: u32,
    pub b: u32,
    pub c: u32,
    pub label: Option<Label>,
    pub span: Span,
    /// The handler that covers it, counted from 1; 0 for none.
    pub handler: u32,
}

/// Which locals are certainly bound, as bits by register.
#[derive(Clone, Default, Debug)]
pub struct State {
    bits: Vec<u64>,
}

impl State {
    pub fn has(&self, reg: u32) -> bool {
        self.bits.get(reg as usize / 64).is_some_and(|word| word >> (reg % 64) & 1 != 0)
    }

    pub fn set(&mut self, reg: u32) {
        let index = reg as usize / 64;
        if index >= self.bits.len() {
            self.bits.resize(index + 1, 0);
        }
        self.bits[index] |= 1 << (reg % 64);
    }

    pub fn clear(&mut self, reg: u32) {
        if let Some(word) = self.bits.get_mut(reg as usize / 64) {
            *word &= !(1 << (reg % 64));
        }
    }

    fn meet(&mut self, other: &State) {
        self.bits.truncate(other.bits.len());
        for (word, other) in self.bits.iter_mut().zip(&other.bits) {
            *word &= other;
        }
    }
}

/// Where a label is, and what is bound when one jumps there.
#[derive(Default)]
pub struct LabelInfo {
    /// Stream and index.
    pub at: Option<(usize, usize)>,
    state: Option<State>,
}

/// A handler of exceptions.
pub struct Handler {
    pub label: Label,
    pub depth: u32,
    pub exc: u32,
    state: State,
    used: bool,
}

/// What `break`, `continue` and `return` must undo on their way out.
#[derive(Clone, Copy)]
pub enum Frame<'a> {
    /// A loop; the iterator of `for` is in a temp.
    Loop { break_to: Label, continue_to: Label, iterator: Option<u32> },
    /// The body of `try … finally`.
    Finally { body: &'a [Stmt<'a>], outer: u32 },
    /// The body of `try … except`.
    Try { outer: u32 },
    /// A clause of `except`, or else a `finally` that an exception entered.
    Handling { saved: u32, exc: u32, name: Option<(NameId, Span)>, outer: u32, clause: bool },
    /// A value on its way out while a `finally` runs.
    Held { reg: u32 },
    /// A clause of `except*`, which nothing may leave.
    HandlingStar,
    /// The body of `with`; `exit` is the first of the two registers of the exit function.
    With { is_async: bool, exit: u32, outer: u32, span: Span },
}

/// A variable of an inlined comprehension.
#[derive(Clone, Copy, Debug)]
pub struct Hidden {
    pub reg: u32,
    pub cell: bool,
}

/// An inlined comprehension that is being lowered.
pub struct CompScope {
    pub block: BlockId,
    pub variables: HashMap<NameId, Hidden>,
}

/// Where a hidden local lives, before assembly.
pub struct HiddenRange {
    pub name: Arc<str>,
    pub kind: LocalKind,
    pub reg: u32,
    pub start: Label,
    pub end: Label,
}

/// A code object under construction.
pub struct Unit<'a> {
    pub block: BlockId,
    pub name: Arc<str>,
    pub qualname: String,
    /// The class whose private names are mangled.
    pub private: Option<&'a str>,
    pub first_line: u32,
    pub flags: u32,
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub consts: ConstPool,
    pub name_list: Vec<NameId>,
    name_index: HashMap<NameId, u32>,
    pub caches: Vec<Cache>,
    shared_caches: HashMap<(CacheKind, u32), u32>,
    /// Registers of locals.
    pub registers: HashMap<NameId, u32>,
    pub locals: Vec<(NameId, LocalKind)>,
    pub cell_registers: Vec<u32>,
    pub free: Vec<NameId>,
    pub free_index: HashMap<NameId, u32>,
    pub streams: Vec<Vec<Ir>>,
    stream: usize,
    pub count: usize,
    pub labels: Vec<LabelInfo>,
    pub handlers: Vec<Handler>,
    pub handler: u32,
    pub first_temp: u32,
    pub next_temp: u32,
    pub max_temp: u32,
    pub bound: State,
    pub reachable: bool,
    pub frames: Vec<Frame<'a>>,
    pub span: Span,
    pub hidden: Vec<HiddenRange>,
    pub comps: Vec<CompScope>,
    /// Registers that some statement may unbind.
    pub deletable: Vec<u32>,
    /// Attributes set on `self` by methods (for a class body).
    pub static_attributes: BTreeSet<String>,
    /// Whether the lowering is inside a `finally`, and inside a loop of it.
    pub in_finally: (bool, bool),
    /// Annotations whose place must be recorded when reached: address of the annotation and number.
    pub conditional_annotations: HashMap<usize, i64>,
    /// The first parameter, for `super()`.
    pub first_param: Option<NameId>,
    /// The annotations collected for the block's `__annotate__`.
    pub annotations: Vec<(NameId, &'a Expr<'a>, i64)>,
}

impl<'a> Unit<'a> {
    pub fn new(block: BlockId, name: Arc<str>, qualname: String, first_line: u32) -> Self {
        Unit {
            block,
            name,
            qualname,
            private: None,
            first_line,
            flags: 0,
            argcount: 0,
            posonlyargcount: 0,
            kwonlyargcount: 0,
            consts: ConstPool::default(),
            name_list: Vec::new(),
            name_index: HashMap::new(),
            caches: Vec::new(),
            shared_caches: HashMap::new(),
            registers: HashMap::new(),
            locals: Vec::new(),
            cell_registers: Vec::new(),
            free: Vec::new(),
            free_index: HashMap::new(),
            streams: vec![Vec::new()],
            stream: 0,
            count: 0,
            labels: Vec::new(),
            handlers: Vec::new(),
            handler: 0,
            first_temp: 0,
            next_temp: 0,
            max_temp: 0,
            bound: State::default(),
            reachable: true,
            frames: Vec::new(),
            span: Span::default(),
            hidden: Vec::new(),
            comps: Vec::new(),
            deletable: Vec::new(),
            static_attributes: BTreeSet::new(),
            in_finally: (false, false),
            conditional_annotations: HashMap::new(),
            first_param: None,
            annotations: Vec::new(),
        }
    }

    // ---- registers

    /// Takes `count` consecutive temps; the first is returned.
    pub fn alloc(&mut self, count: u32) -> u32 {
        let first = self.next_temp;
        self.next_temp = self.next_temp.saturating_add(count);
        self.max_temp = self.max_temp.max(self.next_temp);
        first
    }

    /// Gives back the temps from `to` up.
    pub fn release(&mut self, to: u32) {
        self.next_temp = to;
    }

    /// The register for a result.
    pub fn dest(&mut self, want: Want) -> Val {
        match want {
            Want::Any | Want::Temp => Val::temp(self.alloc(1)),
            Want::To(to) => to,
        }
    }

    /// Brings a value that was computed to where it is wanted.
    pub fn settle(&mut self, value: Val, want: Want) -> Val {
        match want {
            Want::Any => value,
            Want::Temp if value.take => value,
            Want::Temp => {
                let dst = Val::temp(self.alloc(1));
                self.op2(Op::Move, dst, value);
                dst
            }
            Want::To(to) => {
                if to.reg != value.reg {
                    self.op2(Op::Move, to, value);
                }
                if value.take {
                    self.release(value.reg);
                }
                to
            }
        }
    }

    // ---- instructions

    pub fn emit_full(&mut self, op: Op, flags: u8, args: [Arg; 3], label: Option<Label>) {
        if !self.reachable {
            return;
        }
        let mut ir = Ir { op, flags, a: 0, b: 0, c: 0, label, span: self.span, handler: self.handler };
        let bits = [FLAG_A, FLAG_B, FLAG_C];
        for ((place, arg), bit) in [&mut ir.a, &mut ir.b, &mut ir.c].into_iter().zip(args).zip(bits) {
            match arg {
                Arg::R(val) => {
                    *place = val.reg;
                    if val.take {
                        ir.flags |= bit;
                    }
                }
                Arg::N(number) => *place = number,
                Arg::X => {}
            }
        }
        if let Some(handler) = self.handler.checked_sub(1).and_then(|i| self.handlers.get_mut(i as usize)) {
            handler.used = true;
        }
        self.streams[self.stream].push(ir);
        self.count += 1;
        if op.info().effects & ENDS != 0 {
            self.reachable = false;
        }
    }

    pub fn emit(&mut self, op: Op, a: Arg, b: Arg, c: Arg) {
        self.emit_full(op, 0, [a, b, c], None);
    }

    pub fn op1(&mut self, op: Op, a: Val) {
        self.emit(op, Arg::R(a), Arg::X, Arg::X);
    }

    pub fn op2(&mut self, op: Op, a: Val, b: Val) {
        self.emit(op, Arg::R(a), Arg::R(b), Arg::X);
    }

    pub fn op3(&mut self, op: Op, a: Val, b: Val, c: Val) {
        self.emit(op, Arg::R(a), Arg::R(b), Arg::R(c));
    }

    /// An instruction with a register and a number (which may be 32 bits wide).
    pub fn op_n(&mut self, op: Op, a: Val, n: u32) {
        self.emit(op, Arg::R(a), Arg::N(n), Arg::X);
    }

    pub fn op2_n(&mut self, op: Op, a: Val, b: Val, n: u32) {
        self.emit(op, Arg::R(a), Arg::R(b), Arg::N(n));
    }

    pub fn drop_temp(&mut self, reg: u32) {
        self.op1(Op::Drop, Val::temp(reg));
    }

    // ---- labels

    pub fn label(&mut self) -> Label {
        self.labels.push(LabelInfo::default());
        Label(self.labels.len() as u32 - 1)
    }

    fn note_jump(&mut self, label: Label) {
        if !self.reachable {
            return;
        }
        if let Some(info) = self.labels.get_mut(label.0 as usize) {
            match &mut info.state {
                Some(state) => state.meet(&self.bound),
                None => info.state = Some(self.bound.clone()),
            }
        }
    }

    pub fn jump(&mut self, label: Label) {
        self.note_jump(label);
        self.emit_full(Op::Jump, 0, [Arg::X; 3], Some(label));
    }

    /// A jump that depends on registers a (and b).
    pub fn branch(&mut self, op: Op, flags: u8, a: Arg, b: Arg, label: Label) {
        self.note_jump(label);
        self.emit_full(op, flags, [a, b, Arg::X], Some(label));
    }

    /// Puts the label here.
    pub fn bind(&mut self, label: Label) {
        let at = (self.stream, self.streams[self.stream].len());
        let Some(info) = self.labels.get_mut(label.0 as usize) else { return };
        info.at = Some(at);
        if let Some(state) = info.state.take() {
            if self.reachable {
                self.bound.meet(&state);
            } else {
                self.bound = state;
                self.reachable = true;
            }
        }
    }

    /// Puts the head of a loop here: what the loop may unbind is not certainly bound.
    pub fn bind_loop(&mut self, label: Label) {
        self.forget_deletable();
        self.bind(label);
    }

    fn forget_deletable(&mut self) {
        for i in 0..self.deletable.len() {
            self.bound.clear(self.deletable[i]);
        }
    }

    // ---- handlers

    /// Covers what follows with a new handler; gives its number.
    pub fn begin_handler(&mut self, depth: u32, exc: u32) -> u32 {
        let label = self.label();
        let mut state = self.bound.clone();
        for reg in &self.deletable {
            state.clear(*reg);
        }
        self.max_temp = self.max_temp.max(exc + 1);
        self.handlers.push(Handler { label, depth, exc, state, used: false });
        self.handler = self.handlers.len() as u32;
        self.handler
    }

    /// Starts the code of a handler in a colder stream. Gives what `leave_cold` needs.
    pub fn enter_handler(&mut self, number: u32) -> (bool, State) {
        let saved = self.enter_cold();
        if let Some(handler) = number.checked_sub(1).and_then(|i| self.handlers.get(i as usize)) {
            let label = handler.label;
            if handler.used {
                self.bound = handler.state.clone();
                self.reachable = true;
            }
            self.bind(label);
        }
        saved
    }

    /// Starts unreachable code in a colder stream.
    pub fn enter_cold(&mut self) -> (bool, State) {
        self.stream += 1;
        if self.stream == self.streams.len() {
            self.streams.push(Vec::new());
        }
        (std::mem::replace(&mut self.reachable, false), std::mem::take(&mut self.bound))
    }

    /// Goes back to the warmer stream; the cold code must have ended with a jump.
    pub fn leave_cold(&mut self, saved: (bool, State)) {
        debug_assert!(!self.reachable, "cold code must not fall through");
        self.stream = self.stream.saturating_sub(1);
        (self.reachable, self.bound) = saved;
    }

    // ---- tables

    pub fn name_index(&mut self, name: NameId) -> u32 {
        let next = self.name_list.len() as u32;
        let index = *self.name_index.entry(name).or_insert(next);
        if index == next {
            self.name_list.push(name);
        }
        index
    }

    /// A cache for a name. Sites that load or store one global share it; attributes have one for each site (until
    /// those run out and sites of one name share too).
    pub fn cache(&mut self, kind: CacheKind, name: NameId) -> u32 {
        const MANY: usize = 60_000;
        let name = self.name_index(name);
        let global =
            !matches!(kind, CacheKind::GetAttr | CacheKind::SetAttr | CacheKind::LoadMethod | CacheKind::Super);
        if (global || self.caches.len() > MANY)
            && let Some(index) = self.shared_caches.get(&(kind, name))
        {
            return *index;
        }
        let index = self.caches.len() as u32;
        self.caches.push(Cache { kind, name });
        self.shared_caches.insert((kind, name), index);
        index
    }
}

/// Turns hidden ranges into the form of the code object.
pub fn hidden_local(range: &HiddenRange, start: u32, end: u32) -> HiddenLocal {
    HiddenLocal { name: range.name.clone(), kind: range.kind, register: range.reg as u16, start, end }
}
