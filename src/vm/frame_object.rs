//! What scripts see of frames: `sys._getframe()`, `gi_frame`, `tb_frame`.
//!
//! A frame object of a running frame knows the frame's depth and an identity; when the frame is left, the
//! object takes what it needs (`frame_left`).

use super::frame::{Frame, frame_flag};
use super::function::{CellObject, CodeObject, Function};
use super::generator::{GenState, Generator};
use super::object::Ref;
use super::str::Tuple;
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::{CodeFlags, LocalKind};
use crate::heap_object;

heap_object! {
    /// The payload of `frame`.
    pub struct FrameObject {
        /// The code.
        pub code: Ref<CodeObject>,
        /// The globals.
        pub globals: Value,
        /// The builtins.
        pub builtins: Value,
        /// The frame below, once this one is left; `UNDEF` while it runs.
        pub back: Value,
        /// The function's closure.
        pub closure: Value,
        /// The namespace mapping, or `UNDEF`.
        pub namespace: Value,
        /// The generator whose frame it is, or `UNDEF`.
        pub generator: Value,
        /// Registers, once the frame is left.
        pub registers: Vec<Value>,
        /// The depth of the running frame plus one; 0 when it is left.
        pub depth: usize,
        /// The thread that runs it.
        pub thread: u64,
        /// The instruction reached, once the frame is left.
        pub pc: u32,
        /// `f_trace`.
        pub trace: Value,
    }
}

/// What tools ask of a running frame.
pub struct FrameInfo {
    /// Its code.
    pub code: Ref<CodeObject>,
    /// The number of the instruction that runs.
    pub pc: u32,
    /// Its globals.
    pub globals: Value,
    /// Its function.
    pub function: Ref<Function>,
}

impl Vm {
    /// What runs `n` frames below the running one. A chain of generators counts as its parts.
    pub fn frame_info(&self, n: usize) -> Option<FrameInfo> {
        let f = self.thread.nth(n)?;
        // SAFETY: the frame's code and function are alive.
        unsafe {
            let pc = (f.pc.offset_from((*f.code).instrs) as u32).saturating_sub(1);
            Some(FrameInfo {
                code: self.frame_code(f),
                pc,
                globals: (*f.func).globals.value().clone(),
                function: self.frame_function(f),
            })
        }
    }

    /// The code that runs `n` frames below the running one, and the number of the instruction.
    pub fn code_at(&self, n: usize) -> Option<(Ref<CodeObject>, u32)> {
        let f = self.thread.nth(n)?;
        // SAFETY: the frame's code is alive.
        let pc = unsafe { f.pc.offset_from((*f.code).instrs) as u32 };
        Some((self.frame_code(f), pc.saturating_sub(1)))
    }

    /// The running frame's `super()` arguments: the class cell's contents and the first argument.
    ///
    /// # Errors
    /// What a RuntimeError says where the frame has none.
    pub fn super_arguments(&self) -> Result<(Value, Value), &'static str> {
        let f = self.thread.current().ok_or("super(): no current frame")?;
        // SAFETY: the frame's code, function and registers are alive.
        unsafe {
            let code = &(*f.code).code;
            if code.argcount == 0 {
                return Err("super(): no arguments");
            }
            let first = &*f.regs;
            let this = match first.cast::<CellObject>() {
                Some(c) if code.locals.first().is_some_and(|l| l.kind == LocalKind::Cell) => c.get(self).value.clone(),
                _ => first.clone(),
            };
            if this.is_undef() {
                return Err("super(): arg[0] deleted");
            }
            let closure = (*f.func).closure.cast::<Tuple>();
            let cell = code.freevars.iter().position(|n| &**n == "__class__");
            let cell = cell.and_then(|at| closure?.get(self).items().get(at).cloned());
            let Some(cell) = cell else { return Err("super(): __class__ cell not found") };
            let class = cell.cast::<CellObject>().map_or(Value::UNDEF, |c| c.get(self).value.clone());
            if class.is_undef() {
                return Err("super(): empty __class__ cell");
            }
            Ok((class, this))
        }
    }

    /// The frame object of the frame `n` below the running one.
    pub fn frame_object_at(&mut self, n: usize) -> Value {
        let Some(f) = self.thread.nth(n) else { return Value::NONE };
        let depth = self.thread.depth() - n;
        if f.flags & frame_flag::OBSERVED != 0 {
            let known = self.thread.frame_objects.iter().rev().find(|(d, v)| {
                // One frame runs all generators of a chain, one after the other.
                *d == depth && v.cast::<FrameObject>().is_some_and(|o| Self::shows(o.get(self), f))
            });
            if let Some((_, v)) = known {
                return v.clone();
            }
        }
        let object = self.describe_frame(f, depth);
        let v = self.alloc(object).into_value();
        // SAFETY: the frame exists.
        unsafe { (*self.thread.frame.sub(n)).flags |= frame_flag::OBSERVED };
        self.thread.frame_objects.push((depth, v.clone()));
        v
    }

    /// Whether a frame object of the frame's depth is about what the frame runs now.
    fn shows(o: &FrameObject, f: &Frame) -> bool {
        let generator = o.generator.header().map_or(std::ptr::null(), |h| h as *const _);
        std::ptr::eq(o.code.as_ptr(), f.code) && std::ptr::eq(generator, f.generator)
    }

    /// The running frame that a frame object is about, if it is that one's generator's turn.
    fn frame_shown(&self, o: &FrameObject) -> Option<&Frame> {
        if o.depth == 0 || o.depth > self.thread.depth() || o.thread != self.thread.ident() {
            return None;
        }
        self.thread.nth(self.thread.depth() - o.depth).filter(|f| Self::shows(o, f))
    }

    fn describe_frame(&self, f: &Frame, depth: usize) -> FrameObject {
        // SAFETY: the frame's function is alive.
        let func = unsafe { &*f.func };
        let generator = if f.generator.is_null() {
            Value::UNDEF
        } else {
            // SAFETY: a running chain's generators are alive.
            unsafe { super::object::Header::inc(f.generator) };
            Value::from_ptr(f.generator)
        };
        FrameObject {
            code: self.frame_code(f),
            globals: func.globals.value().clone(),
            builtins: func.builtins.value().clone(),
            back: Value::UNDEF,
            closure: func.closure.clone(),
            namespace: if f.generator.is_null() && f.flags & frame_flag::INIT == 0 {
                f.aux.clone()
            } else {
                Value::UNDEF
            },
            generator,
            registers: Vec::new(),
            depth,
            thread: self.thread.ident(),
            pc: 0,
            trace: Value::NONE,
        }
    }

    /// How far below the running frame a generator runs, if it does on this thread.
    fn running_frame(&self, g: &Ref<Generator>) -> Option<usize> {
        let generator = g.value().header().map_or(std::ptr::null(), |h| h as *const _);
        (0..self.thread.depth()).find(|&n| self.thread.nth(n).is_some_and(|f| std::ptr::eq(f.generator, generator)))
    }

    /// Called when a frame with a frame object is left: the object takes a snapshot.
    #[cold]
    pub(super) fn frame_left(&mut self) {
        let depth = self.thread.depth();
        while let Some(at) = self.thread.frame_objects.iter().rposition(|(d, _)| *d == depth) {
            let (_, v) = self.thread.frame_objects.swap_remove(at);
            if let Ok(o) = v.try_into_ref::<FrameObject>() {
                self.take_snapshot(&o);
            }
        }
    }

    /// Takes over what a frame object needs of the running frame, which is about to be left.
    fn take_snapshot(&mut self, o: &Ref<FrameObject>) {
        let Some(f) = self.thread.current() else { return };
        if !Self::shows(o.get(self), f) {
            // Another generator of the chain: it knows its own registers.
            let mut o = o.get_mut(self);
            (o.depth, o.back) = (0, Value::NONE);
            return;
        }
        // SAFETY: the frame is still there; its registers are alive.
        let (pc, registers) = unsafe {
            let pc = (f.pc.offset_from((*f.code).instrs) as u32).saturating_sub(1);
            let n = (*f.code).first_temp as usize;
            (pc, (0..n).map(|i| (*f.regs.add(i)).clone()).collect())
        };
        let is_generator = !f.generator.is_null();
        let mut o = o.get_mut(self);
        o.depth = 0;
        o.pc = pc;
        if !is_generator {
            o.registers = registers;
        }
        o.back = Value::NONE;
    }

    /// The instruction that a frame object's frame is at.
    pub fn frame_pc(&self, o: &Ref<FrameObject>) -> u32 {
        let this = o.get(self);
        if let Some(f) = self.frame_shown(this) {
            // SAFETY: the frame's `pc` is in its code.
            return unsafe { (f.pc.offset_from((*f.code).instrs) as u32).saturating_sub(1) };
        }
        if let Some(g) = this.generator.cast::<Generator>() {
            let pc = self.gen_pc(g);
            // At an `Await` the instruction itself is current.
            return if self.gen_delegate(g).is_some() { pc } else { pc.saturating_sub(1) };
        }
        this.pc
    }

    /// `f_back`.
    pub fn frame_back(&mut self, o: &Ref<FrameObject>) -> Value {
        let depth = o.get(self).depth;
        if depth > 1 && depth <= self.thread.depth() && o.get(self).thread == self.thread.ident() {
            let n = self.thread.depth() - depth + 1;
            return self.frame_object_at(n);
        }
        let back = o.get(self).back.clone();
        if back.is_undef() { Value::NONE } else { back }
    }

    /// `f_locals` of function frames: names and values of the bound variables. The namespace mapping itself for
    /// module and class frames.
    ///
    /// # Errors
    /// None at present.
    pub fn frame_locals(&mut self, o: &Ref<FrameObject>) -> R {
        let this = o.get(self);
        let code = this.code.get(self).code.clone();
        if !code.flags.has(CodeFlags::OPTIMIZED) {
            let ns = this.namespace.clone();
            return Ok(if ns.is_undef() { this.globals.clone() } else { ns });
        }
        let (closure, generator) = (this.closure.clone(), this.generator.clone());
        let mut registers = this.registers.clone();
        let pc = self.frame_pc(o);
        if let Some(f) = self.frame_shown(this) {
            // SAFETY: the frame's registers are alive.
            registers = unsafe { (0..code.nregs as usize).map(|i| (*f.regs.add(i)).clone()).collect() };
        } else if let Some(g) = generator.cast::<Generator>() {
            registers = self.gen_registers(g);
        }
        let d = self.new_dict();
        let contents = |vm: &Vm, v: &Value, kind: LocalKind| match v.cast::<CellObject>() {
            Some(c) if kind == LocalKind::Cell => c.get(vm).value.clone(),
            _ => v.clone(),
        };
        for (i, local) in code.locals.iter().enumerate() {
            let v = registers.get(i).map_or(Value::UNDEF, |v| contents(self, v, local.kind));
            if !v.is_undef() && !local.name.starts_with('.') {
                let name = self.intern(&local.name);
                d.set_str(self, &name, v);
            }
        }
        for h in code.hidden.iter().filter(|h| h.start <= pc && pc < h.end) {
            let v = registers.get(h.register as usize).map_or(Value::UNDEF, |v| contents(self, v, h.kind));
            if !v.is_undef() && !h.name.starts_with('.') {
                let name = self.intern(&h.name);
                d.set_str(self, &name, v);
            }
        }
        for (i, name) in code.freevars.iter().enumerate() {
            let cell = closure.cast::<Tuple>().and_then(|t| t.get(self).items().get(i).cloned());
            let v = cell.as_ref().map_or(Value::UNDEF, |c| contents(self, c, LocalKind::Cell));
            if !v.is_undef() {
                let name = self.intern(name);
                d.set_str(self, &name, v);
            }
        }
        Ok(d.into())
    }

    /// `locals()` of the running frame.
    ///
    /// # Errors
    /// RuntimeError when nothing runs.
    pub fn current_locals(&mut self) -> R {
        if self.thread.depth() == 0 {
            return Err(self.system_error("frame does not exist"));
        }
        let v = self.frame_object_at(0);
        match v.cast::<FrameObject>() {
            Some(o) => {
                let o = o.clone();
                self.frame_locals(&o)
            }
            None => Ok(Value::NONE),
        }
    }

    /// The globals of the running frame.
    pub fn current_globals(&self) -> Option<Value> {
        let f = self.thread.current()?;
        // SAFETY: the frame's function is alive.
        Some(unsafe { (*f.func).globals.value().clone() })
    }

    /// The frame object of a suspended generator.
    pub fn generator_frame(&mut self, g: &Ref<Generator>) -> Value {
        if self.gen_state(g) == GenState::Running
            && let Some(n) = self.running_frame(g)
        {
            return self.frame_object_at(n);
        }
        let func = self.gen_function(g);
        let func = func.get(self);
        let object = FrameObject {
            code: func.code.clone(),
            globals: func.globals.value().clone(),
            builtins: func.builtins.value().clone(),
            back: Value::UNDEF,
            closure: func.closure.clone(),
            namespace: Value::UNDEF,
            generator: g.value().clone(),
            registers: Vec::new(),
            depth: 0,
            thread: 0,
            pc: 0,
            trace: Value::NONE,
        };
        self.alloc(object).into()
    }
}
