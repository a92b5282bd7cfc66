//! From one instruction to the next: the place where the machine stands, and how a handler goes on from there.
//!
//! Every opcode has a handler, a function of its own. Two kinds of handlers exist:
//!
//! * **Quick** ones ([`quick!`]) look at tags and kinds, call nothing that could raise or run script code, and end in
//!   one of the finishing methods of [`At`], which call the next instruction's handler *as their last act*. The
//!   optimizer makes a jump of that call, so that the machine's variables stay in the processor's registers and each
//!   handler has its own indirect jump. What a quick handler cannot do, it leaves to a full one ([`At::leave_to`]).
//! * **Full** ones ([`full!`]) are ordinary code with `?`. The frame knows its `pc` while they run; they return to
//!   `Vm::run`, which reads the machine's variables from the running frame anew.
//!
//! The jump needs rules, because the language does not promise it: a quick handler holds nothing that wants dropping
//! when it goes on, and passes no pointer to a local variable to anybody. Builds that do not optimize (`tail_calls` is
//! not set, see `build.rs`) return to `Vm::run` after each instruction instead, with the same meaning.
//!
//! Should the optimizer leave a call after all, the native stack grows until the next checkpoint at most.
//!
//! Measured on a loop of three instructions: 40 machine instructions for each in one `loop { match }`, whose
//! variables the compiler kept in memory, and 21 this way.
//!
//! Invariants: an `At` is made only for verified code, so that every register, constant, cache and jump is in range;
//! `pc` is behind the instruction; `frame` is the thread's running frame.

use super::super::frame::Frame;
use super::super::object::IMMORTAL;
use super::super::value::Value;
use super::super::{R, Vm};
use super::Next;
use super::handlers::TABLE;
use crate::compiler::opcodes::{FLAG_A, FLAG_B, FLAG_BACKWARD, FLAG_C, FLAG_POLARITY, FLAG_VARIANT, Instr};

/// Why handlers returned to `Vm::run`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Exit {
    /// Go on with the running frame, which may be another one.
    Reload,
    /// The entry frame was left; `ThreadState::passed` is its value.
    Leave,
    /// `ThreadState::passed` was raised.
    Raised,
}

/// The code of an opcode: the machine, the next instruction, the registers, the running frame.
pub(super) type Handler = fn(&mut Vm, *const Instr, *mut Value, *mut Frame) -> Exit;

/// Where the machine stands, inside a handler.
pub(super) struct At<'a> {
    pub vm: &'a mut Vm,
    pub pc: *const Instr,
    pub regs: *mut Value,
    pub frame: *mut Frame,
    /// This instruction.
    pub ins: Here,
}

/// The instruction that a handler does. Its parts are read from the code one by one, where they are wanted: that takes
/// fewer steps than cutting them out of a word, and no processor register for the word.
///
/// Invariant: the code is alive, as that of a running frame is.
#[derive(Clone, Copy)]
pub(super) struct Here(*const Instr);

impl Here {
    /// The instruction before `pc`.
    #[inline(always)]
    pub fn before(pc: *const Instr) -> Here {
        Here(pc.wrapping_sub(1))
    }

    /// All of it.
    #[inline(always)]
    pub fn whole(self) -> Instr {
        // SAFETY: the type's invariant.
        unsafe { *self.0 }
    }

    /// The bytes from the given one on.
    #[inline(always)]
    fn part<T: Copy>(self, at: usize) -> T {
        // SAFETY: the type's invariant; the callers read inside of the word, at multiples of the part's size.
        unsafe { *self.0.byte_add(at).cast::<T>() }
    }

    /// The opcode's number.
    #[inline(always)]
    pub fn op_byte(self) -> u8 {
        if cfg!(target_endian = "little") { self.part(0) } else { self.whole().op_byte() }
    }

    /// The flags.
    #[inline(always)]
    pub fn flags(self) -> u8 {
        if cfg!(target_endian = "little") { self.part(1) } else { self.whole().flags() }
    }

    /// Operand a.
    #[inline(always)]
    pub fn a(self) -> u16 {
        if cfg!(target_endian = "little") { self.part(2) } else { self.whole().a() }
    }

    /// Operand b.
    #[inline(always)]
    pub fn b(self) -> u16 {
        if cfg!(target_endian = "little") { self.part(4) } else { self.whole().b() }
    }

    /// Operand c.
    #[inline(always)]
    pub fn c(self) -> u16 {
        if cfg!(target_endian = "little") { self.part(6) } else { self.whole().c() }
    }

    /// Operands b and c as one number.
    #[inline(always)]
    pub fn bc(self) -> u32 {
        if cfg!(target_endian = "little") { self.part(4) } else { self.whole().bc() }
    }

    /// Operands b and c as the offset of a far jump.
    #[inline(always)]
    pub fn offset32(self) -> i32 {
        self.bc() as i32
    }

    /// Operand c as a signed number.
    #[inline(always)]
    pub fn offset16(self) -> i16 {
        self.c() as i16
    }
}

/// A handler that ends in a finishing method of `At`.
macro_rules! quick {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($m:ident) $body:block) => {
        $(#[$meta])*
        $vis fn $name(
            vm: &mut $crate::vm::Vm,
            pc: *const $crate::compiler::opcodes::Instr,
            regs: *mut $crate::vm::Value,
            frame: *mut $crate::vm::frame::Frame,
        ) -> $crate::vm::interp::dispatch::Exit {
            #[allow(unused_mut)]
            let mut $m = $crate::vm::interp::dispatch::At { vm, pc, regs, frame, ins: $crate::vm::interp::dispatch::Here::before(pc) };
            $body
        }
    };
}
pub(super) use quick;

/// A handler whose body is a function to `R<Next>`.
macro_rules! full {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($m:ident) $body:block) => {
        $(#[$meta])*
        #[inline(never)]
        $vis fn $name(
            vm: &mut $crate::vm::Vm,
            pc: *const $crate::compiler::opcodes::Instr,
            regs: *mut $crate::vm::Value,
            frame: *mut $crate::vm::frame::Frame,
        ) -> $crate::vm::interp::dispatch::Exit {
            #[inline(always)]
            fn body($m: &mut $crate::vm::interp::dispatch::At<'_>) -> $crate::vm::R<$crate::vm::interp::Next> $body
            let mut at = $crate::vm::interp::dispatch::At { vm, pc, regs, frame, ins: $crate::vm::interp::dispatch::Here::before(pc) };
            at.store_pc();
            let done = body(&mut at);
            at.finish(done)
        }
    };
}
pub(super) use full;

impl At<'_> {
    // ---- operands ----

    /// A register.
    #[inline(always)]
    pub fn reg<'r>(&self, i: u16) -> &'r mut Value {
        // SAFETY: the verifier has checked that every operand is below the code's registers; the reference is dead
        // before anything else touches the register.
        unsafe { &mut *self.regs.add(i as usize) }
    }

    /// Where a run of registers begins.
    #[inline(always)]
    pub fn run(&self, i: u16) -> *mut Value {
        self.regs.wrapping_add(i as usize)
    }

    /// The register of operand a.
    #[inline(always)]
    pub fn a<'r>(&self) -> &'r mut Value {
        self.reg(self.ins.a())
    }

    /// The register of operand b.
    #[inline(always)]
    pub fn b<'r>(&self) -> &'r mut Value {
        self.reg(self.ins.b())
    }

    /// The register of operand c.
    #[inline(always)]
    pub fn c<'r>(&self) -> &'r mut Value {
        self.reg(self.ins.c())
    }

    /// A constant.
    #[inline(always)]
    pub fn k<'r>(&self, i: impl Into<u32>) -> &'r Value {
        // SAFETY: the verifier has checked the index; a frame keeps its code alive.
        unsafe { &*(*self.frame).consts.add(i.into() as usize) }
    }

    /// Moves a register out.
    #[inline(always)]
    pub fn take(&self, i: u16) -> Value {
        std::mem::replace(self.reg(i), Value::UNDEF)
    }

    /// Moves operand a out if it is consumed, else copies it.
    #[inline(always)]
    pub fn in_a(&self) -> Value {
        if self.ins.flags() & FLAG_A != 0 { self.take(self.ins.a()) } else { self.a().clone() }
    }

    /// The same for operand b.
    #[inline(always)]
    pub fn in_b(&self) -> Value {
        if self.ins.flags() & FLAG_B != 0 { self.take(self.ins.b()) } else { self.b().clone() }
    }

    /// The same for operand c.
    #[inline(always)]
    pub fn in_c(&self) -> Value {
        if self.ins.flags() & FLAG_C != 0 { self.take(self.ins.c()) } else { self.c().clone() }
    }

    /// Whether a bit of the flags is set.
    #[inline(always)]
    pub fn flag(&self, f: u8) -> bool {
        self.ins.flags() & f != 0
    }

    /// Whether the variant bit is set.
    #[inline(always)]
    pub fn variant(&self) -> bool {
        self.flag(FLAG_VARIANT)
    }

    /// What the drop of operand b costs: the value, if it is consumed, else nothing.
    #[inline(always)]
    pub fn spent_b(&self) -> Value {
        if self.flag(FLAG_B) { self.take(self.ins.b()) } else { Value::UNDEF }
    }

    /// The same for operand c.
    #[inline(always)]
    pub fn spent_c(&self) -> Value {
        if self.flag(FLAG_C) { self.take(self.ins.c()) } else { Value::UNDEF }
    }

    /// The same for operand a.
    #[inline(always)]
    pub fn spent_a(&self) -> Value {
        if self.flag(FLAG_A) { self.take(self.ins.a()) } else { Value::UNDEF }
    }

    // ---- for full handlers ----

    /// Tells the frame where it stands.
    #[inline(always)]
    pub fn store_pc(&self) {
        // SAFETY: `frame` is the running frame.
        unsafe { (*self.frame).pc = self.pc };
    }

    /// Writes the register of operand a; an old value is dropped.
    #[inline(always)]
    pub fn set(&self, v: Value) {
        *self.a() = v;
    }

    /// Moves the frame's `pc`.
    #[inline(always)]
    pub fn jump(&mut self, offset: impl Into<i64>) {
        // SAFETY: the verifier has checked that jumps stay in the code.
        self.pc = unsafe { self.pc.offset(offset.into() as isize) };
        self.store_pc();
    }

    /// Jumps if `t` is what the polarity flag says; a back-edge costs a tick.
    pub fn branch(&mut self, t: bool) -> R<Next> {
        if t == self.flag(FLAG_POLARITY) {
            self.jump(self.ins.offset16());
            if self.flag(FLAG_BACKWARD) {
                self.tick()?;
            }
        }
        Ok(Next::Reload)
    }

    /// A back-edge or call costs a tick.
    #[inline(always)]
    pub fn tick(&mut self) -> R<()> {
        let left = self.vm.heap.ticks.get() - 1;
        self.vm.heap.ticks.set(left);
        if left < 0 { self.vm.checkpoint() } else { Ok(()) }
    }

    /// The end of a full handler.
    #[inline(always)]
    pub fn finish(self, done: R<Next>) -> Exit {
        match done {
            Ok(Next::Reload) => Exit::Reload,
            Ok(Next::Leave(v)) => {
                self.vm.thread.passed = v;
                Exit::Leave
            }
            Err(e) => {
                self.vm.thread.passed = e.0;
                Exit::Raised
            }
        }
    }

    // ---- the ends of quick handlers ----

    /// Goes on with the next instruction.
    #[inline(always)]
    pub fn next(self) -> Exit {
        if cfg!(all(tail_calls, not(debug_assertions))) {
            // `pc` is in the code: the verifier has checked that no path leaves it.
            let op = Here(self.pc).op_byte();
            TABLE[op as usize](self.vm, self.pc.wrapping_add(1), self.regs, self.frame)
        } else {
            self.store_pc();
            Exit::Reload
        }
    }

    /// Goes back to the frame below, whose registers are then these.
    ///
    /// # Safety
    /// There is one, of code.
    #[inline(always)]
    pub unsafe fn pop_frame(&mut self) {
        self.frame = self.frame.wrapping_sub(1);
        self.vm.thread.frame = self.frame;
        // SAFETY: the caller's promise.
        unsafe {
            self.pc = (*self.frame).pc;
            self.regs = (*self.frame).regs;
        }
    }

    /// Lets another handler do this instruction.
    #[inline(always)]
    pub fn leave_to(self, handler: Handler) -> Exit {
        handler(self.vm, self.pc, self.regs, self.frame)
    }

    /// Goes on through `Vm::run`: for what may have called something.
    #[inline(always)]
    pub fn back(self) -> Exit {
        self.store_pc();
        Exit::Reload
    }

    /// R[a] = v, which is no pointer or was counted already.
    #[inline(always)]
    pub fn put(self, v: Value) -> Exit {
        let old = std::mem::replace(self.a(), v);
        self.release(old)
    }

    /// R[a] = v, and a consumed operand is dropped.
    #[inline(always)]
    pub fn put_spent(self, v: Value, spent: Value) -> Exit {
        let old = std::mem::replace(self.a(), v);
        self.release_both(spent, old)
    }

    /// Drops a value and goes on.
    #[inline(always)]
    pub fn release(self, old: Value) -> Exit {
        if let Some(h) = old.header() {
            let n = h.rc.get();
            if n <= 1 {
                return release_last(self.vm, self.pc, self.regs, self.frame, old);
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
        }
        std::mem::forget(old);
        self.next()
    }

    /// Drops two values and goes on.
    #[inline(always)]
    pub fn release_both(self, first: Value, second: Value) -> Exit {
        if let Some(h) = first.header() {
            let n = h.rc.get();
            if n <= 1 {
                return release_first(self.vm, self.pc, self.regs, self.frame, first, second);
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
        }
        std::mem::forget(first);
        self.release(second)
    }

    /// Moves the next instruction.
    #[inline(always)]
    pub fn skip(&mut self, offset: impl Into<i64>) {
        // SAFETY: the verifier has checked that jumps stay in the code.
        self.pc = unsafe { self.pc.offset(offset.into() as isize) };
    }

    /// Goes on after a back-edge, which costs a tick.
    #[inline(always)]
    pub fn next_ticked(self) -> Exit {
        let left = self.vm.heap.ticks.get() - 1;
        self.vm.heap.ticks.set(left);
        if left < 0 {
            return self.leave_to(look_up);
        }
        self.next()
    }

    /// Ends a fused compare-and-jump.
    #[inline(always)]
    pub fn branch_next(mut self, t: bool) -> Exit {
        if t == self.flag(FLAG_POLARITY) {
            self.skip(self.ins.offset16());
            if self.flag(FLAG_BACKWARD) {
                return self.next_ticked();
            }
        }
        self.next()
    }
}

impl At<'_> {
    /// Ends a fused test and jump that may consume operand a or b. Where a back-edge wants a look around, `full` does all
    /// of it again.
    #[inline(always)]
    pub fn branch_spent(mut self, t: bool, full: Handler) -> Exit {
        let jumps = t == self.flag(FLAG_POLARITY);
        if jumps && self.flag(FLAG_BACKWARD) {
            let left = self.vm.heap.ticks.get() - 1;
            if left < 0 {
                return self.leave_to(full);
            }
            self.vm.heap.ticks.set(left);
        }
        let (first, second) = (self.spent_a(), self.spent_b());
        if jumps {
            self.skip(self.ins.offset16());
        }
        self.release_both(first, second)
    }
}

full! {
    /// The safe point of a back-edge.
    #[cold]
    fn look_up(m) {
        m.vm.checkpoint()?;
        Ok(Next::Reload)
    }
}

/// Drops the last reference to an object and goes on, through `Vm::run` if that made something due.
#[inline(never)]
fn release_last(vm: &mut Vm, pc: *const Instr, regs: *mut Value, frame: *mut Frame, old: Value) -> Exit {
    drop(old);
    let at = At { vm, pc, regs, frame, ins: Here(pc) };
    if at.vm.heap.pending.get() { at.back() } else { at.next() }
}

/// Drops two values and goes on.
#[inline(never)]
fn release_first(
    vm: &mut Vm,
    pc: *const Instr,
    regs: *mut Value,
    frame: *mut Frame,
    first: Value,
    second: Value,
) -> Exit {
    drop(first);
    drop(second);
    let at = At { vm, pc, regs, frame, ins: Here(pc) };
    if at.vm.heap.pending.get() { at.back() } else { at.next() }
}
