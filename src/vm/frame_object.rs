//! What scripts see of frames: `sys._getframe()`, `gi_frame`, `tb_frame`.
//!
//! A frame object of a running frame knows where that runs (a [`Level`]); when the frame is left, the object takes what
//! it needs (`frame_left`).

use super::exception::{Exception, Traceback};
use super::frame::{ThreadState, frame_flag};
use super::function::{CellObject, CodeObject, Function};
use super::generator::Generator;
use super::level::{Level, handle_of};
use super::object::{Header, Ref};
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
        /// The frame below, once this one is left.
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
        /// A script has had it. Else it is only known as what is below another one, and keeps no local variables.
        pub asked: bool,
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
    /// What runs, from the running frame on. A chain of generators counts as its parts.
    pub fn running(&self) -> impl Iterator<Item = FrameInfo> + '_ {
        self.thread.levels().filter_map(|level| {
            let (code, func, pc) = self.thread.at(level)?;
            // SAFETY: a running level's code and function are alive.
            let function: Ref<Function> = unsafe { handle_of(func) };
            let globals = function.get(self).globals.value().clone();
            // SAFETY: as above.
            Some(FrameInfo { code: unsafe { handle_of(code) }, pc, globals, function })
        })
    }

    /// What runs `n` frames below the running one.
    pub fn frame_info(&self, n: usize) -> Option<FrameInfo> {
        self.running().nth(n)
    }

    /// The code that runs `n` frames below the running one, and the number of the instruction.
    pub fn code_at(&self, n: usize) -> Option<(Ref<CodeObject>, u32)> {
        let level = self.thread.levels().nth(n)?;
        let (code, _, pc) = self.thread.at(level)?;
        // SAFETY: a running level's code is alive.
        Some((unsafe { handle_of(code) }, pc))
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

    /// The frame object of the frame `n` below the running one, or `None`.
    pub fn frame_object_at(&mut self, n: usize) -> Value {
        let level = self.thread.levels().nth(n);
        level.map_or(Value::NONE, |level| self.level_object(level, true))
    }

    /// The frame object of the level that a traceback begins with, if that runs and handles the exception.
    pub fn handling_frame(&mut self, tb: &Ref<Traceback>) -> Option<Value> {
        let t = tb.get(self);
        let depth = t.depth as usize;
        let first = self.thread.level_at(depth)?;
        let mut levels = std::iter::successors(Some(first), |level| self.thread.level_below(*level))
            .take_while(|level| level.depth == depth);
        let level = levels.find(|level| {
            let Some((code, _, pc)) = self.thread.at(*level) else { return false };
            // Handlers stand behind all that they are for, and hold the exception until they are left.
            let entry = t.code.get(self).code.exception_entry(t.pc).filter(|entry| pc >= entry.target);
            let held = entry.and_then(|entry| self.thread.register(*level, entry.exc));
            let held = held.filter(|_| std::ptr::eq(code, t.code.as_ptr()));
            held.and_then(|v| v.cast::<Exception>()).is_some_and(|x| x.get(self).traceback.is(tb.value()))
        })?;
        drop(levels);
        Some(self.level_object(level, true))
    }

    /// The frame object of the running frame, if there is one.
    pub(super) fn known_frame_object(&self) -> Value {
        let known = self.thread.level().and_then(|level| self.thread.frame_objects.get(&level.key()));
        known.cloned().unwrap_or(Value::UNDEF)
    }

    /// The frame object of a level of the running thread; `asked`: a script gets it.
    fn level_object(&mut self, level: Level, asked: bool) -> Value {
        let Some(f) = self.thread.frame_at(level.depth) else { return Value::NONE };
        if f.flags & frame_flag::OBSERVED != 0
            && let Some(v) = self.thread.frame_objects.get(&level.key()).cloned()
        {
            if asked && let Some(o) = v.cast::<FrameObject>() {
                o.get_mut(self).asked = true;
            }
            return v;
        }
        let Some((_, func, _)) = self.thread.at(level) else { return Value::NONE };
        // SAFETY: a running level's function is alive, and so is its generator.
        let (func, generator) = unsafe {
            let generator = if level.generator.is_null() {
                Value::UNDEF
            } else {
                Header::inc(level.generator);
                Value::from_ptr(level.generator)
            };
            (handle_of(func), generator)
        };
        let namespace =
            if level.generator.is_null() && f.flags & frame_flag::INIT == 0 { f.aux.clone() } else { Value::UNDEF };
        let mut object = self.describe_function(&func, generator, namespace);
        (object.depth, object.thread, object.asked) = (level.depth, self.thread.ident(), asked);
        let v = self.alloc(object).into_value();
        self.thread.observe(level, v.clone());
        v
    }

    fn describe_function(&self, func: &Ref<Function>, generator: Value, namespace: Value) -> FrameObject {
        let func = func.get(self);
        FrameObject {
            code: func.code.clone(),
            globals: func.globals.value().clone(),
            builtins: func.builtins.value().clone(),
            back: Value::NONE,
            closure: func.closure.clone(),
            namespace,
            generator,
            registers: Vec::new(),
            depth: 0,
            thread: 0,
            pc: 0,
            trace: Value::NONE,
            asked: true,
        }
    }

    /// Where the frame runs that a frame object is about, and on which thread, if it runs.
    fn place(&self, o: &FrameObject) -> Option<(&ThreadState, Level)> {
        let generator = o.generator.header().map_or(std::ptr::null_mut(), |h| std::ptr::from_ref(h).cast_mut());
        if o.depth > 0 {
            let t = self.threads().find(|t| t.ident() == o.thread)?;
            return Some((t, Level { depth: o.depth, generator }));
        }
        self.running_level(o.generator.cast::<Generator>()?)
    }

    /// Where a generator runs, if it does.
    fn running_level(&self, g: &Ref<Generator>) -> Option<(&ThreadState, Level)> {
        let generator = g.value().ptr();
        // SAFETY: `g` is alive, and so are those that await it.
        let root = unsafe { self.chain_running(generator) }?;
        self.threads().find_map(|t| {
            let depth = (1..=t.depth()).rev().find(|&d| t.frame_at(d).is_some_and(|f| f.root == root))?;
            Some((t, Level { depth, generator }))
        })
    }

    /// The states of all threads, the running one first.
    fn threads(&self) -> impl Iterator<Item = &ThreadState> {
        std::iter::once(&self.thread).chain(self.parked.iter().flatten())
    }

    /// Called when a frame with a frame object is left: its objects take what they need of it.
    #[cold]
    pub(super) fn frame_left(&mut self) {
        let depth = self.thread.depth();
        while let Some(level) = self.thread.observed(depth) {
            self.level_left(level, true);
        }
    }

    /// Called where a generator leaves a chain that has frame objects: it ended, or (not `ended`) is suspended.
    #[cold]
    pub(super) fn generator_left(&mut self, ended: bool) {
        if let Some(level) = self.thread.level() {
            self.level_left(level, !ended);
        }
    }

    /// The frame object of a level that is left knows no running frame any more. Of one that ends, it takes over the
    /// local variables; `suspended`: a generator keeps its own.
    fn level_left(&mut self, level: Level, suspended: bool) {
        let Some(v) = self.thread.frame_objects.remove(&level.key()) else { return };
        // Nobody else has it.
        if v.header().is_none_or(|h| h.ref_count() == 1) {
            return;
        }
        let Ok(o) = v.try_into_ref::<FrameObject>() else { return };
        let is_generator = !level.generator.is_null();
        if is_generator && suspended {
            o.get_mut(self).depth = 0;
            return;
        }
        let Some((_, _, pc)) = self.thread.at(level) else { return };
        let back = match self.thread.level_below(level) {
            Some(below) if !is_generator => self.level_object(below, false),
            _ => Value::NONE,
        };
        let mut registers = Vec::new();
        if o.get(self).asked
            && let Some(f) = self.thread.current()
        {
            // SAFETY: the frame is still there; its registers are alive.
            registers = unsafe {
                let n = (*f.code).first_temp as usize;
                (0..n).map(|i| (*f.regs.add(i)).clone()).collect()
            };
        }
        let mut o = o.get_mut(self);
        (o.depth, o.pc, o.back, o.registers) = (0, pc, back, registers);
        let generator = std::mem::replace(&mut o.generator, Value::UNDEF);
        drop(o);
        drop(generator);
    }

    /// The instruction that a frame object's frame is at.
    pub fn frame_pc(&self, o: &Ref<FrameObject>) -> u32 {
        let this = o.get(self);
        if let Some((t, level)) = self.place(this) {
            return t.at(level).map_or(0, |(_, _, pc)| pc);
        }
        match this.generator.cast::<Generator>() {
            Some(g) => g.get(self).current_pc(),
            None => this.pc,
        }
    }

    /// `f_back`.
    pub fn frame_back(&mut self, o: &Ref<FrameObject>) -> Value {
        let Some((t, level)) = self.place(o.get(self)) else { return o.get(self).back.clone() };
        let (slot, below) = (t.slot, t.level_below(level));
        match below {
            Some(below) => self.with_thread(slot, |vm| vm.level_object(below, true)),
            None => Value::NONE,
        }
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
        if let Some(g) = generator.cast::<Generator>() {
            registers = self.gen_registers(g);
        } else if let Some((t, level)) = self.place(this)
            && let Some(f) = t.frame_at(level.depth)
        {
            // SAFETY: the frame's registers are alive.
            registers = unsafe { (0..code.nregs as usize).map(|i| (*f.regs.add(i)).clone()).collect() };
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

    /// The frame object of a generator that has not ended.
    pub fn generator_frame(&mut self, g: &Ref<Generator>) -> Value {
        if let Some((t, level)) = self.running_level(g) {
            let slot = t.slot;
            return self.with_thread(slot, |vm| vm.level_object(level, true));
        }
        let func = self.gen_function(g);
        let object = self.describe_function(&func, g.value().clone(), Value::UNDEF);
        self.alloc(object).into()
    }
}
