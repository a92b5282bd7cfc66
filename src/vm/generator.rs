//! Generators, coroutines and async generators: suspended frames.
//!
//! The registers follow the payload in the same object. A suspended generator that awaits another has its `pc`
//! at the `Await` instruction, whose operand names the register with the delegate.
//!
//! **Chains.** When a generator awaits another one, the child is *linked*: its `link` points to the awaiting
//! parent (not counted; the parent's register holds the child). The generator at the top of a chain, its *root*,
//! remembers in its own `link` the innermost generator, so that resuming the root costs the same at any depth.
//! Driving a middle generator by hand forgets what the root remembers; the next resume walks down again.
//!
//! The running state of a chain is kept at its root: a linked generator runs if the top of its chain runs.

mod linked;

use super::exception::Raised;
use super::frame::frame_flag;
use super::function::{CodeObject, Function};
use super::heap::Heap;
use super::object::{Header, Kind, Object, Ref, Trace, Tracer, flag};
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{Instr, Op};

/// Where a generator stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum GenState {
    /// Not started.
    Created,
    /// Waiting at a yield or await.
    Suspended,
    /// Running (the root of a running chain).
    Running,
    /// Finished.
    Closed,
}

/// Bits of [`Generator::flags`].
pub(super) mod gen_flag {
    /// `link` is the awaiting parent.
    pub const LINKED: u8 = 1;
    /// An async generator whose hooks have been called.
    pub const HOOKED: u8 = 2;
    /// An async generator being closed.
    pub const CLOSING: u8 = 4;
    /// An async generator with an `asend`, `athrow` or `aclose` under way. One that is resumed by an `async for` is
    /// linked instead.
    pub const BUSY: u8 = 8;
}

/// Rarely needed attributes.
#[derive(Default)]
pub struct GenExtra {
    /// `__name__`, once set.
    pub name: Option<Value>,
    /// `__qualname__`, once set.
    pub qualname: Option<Value>,
    /// `cr_origin`.
    pub origin: Option<Value>,
    /// The finalizer of an async generator.
    pub finalizer: Option<Value>,
}

/// The payload of generators, coroutines and async generators.
#[repr(C)]
pub struct Generator {
    /// The function: code, globals, closure.
    pub(super) func: Ref<Function>,
    /// The number of the next instruction.
    pub(super) pc: u32,
    pub(super) state: GenState,
    pub(super) flags: u8,
    pub(super) nregs: u16,
    /// See the module's documentation.
    pub(super) link: *mut Header,
    /// What this generator handles; `INHERITED` outside handlers.
    pub(super) handled: Value,
    /// Attributes that few generators have.
    pub(super) extra: Option<Box<GenExtra>>,
}

/// Size of a generator without registers, header included.
pub const GENERATOR_SIZE: usize = size_of::<Header>() + size_of::<Generator>();

const _: () = assert!(GENERATOR_SIZE == 56);

impl Object for Generator {
    const KIND: Kind = Kind::Generator;
}

impl Generator {
    pub(super) fn regs(this: *mut Generator) -> *mut Value {
        this.wrapping_add(1).cast()
    }

    /// How many generators await it, directly or not, in the chain that it was linked into last; no more than
    /// 65535 are counted. So recursion that goes a level deeper each time the chain is resumed comes to an end.
    ///
    /// # Safety
    /// `this` is a generator object.
    #[inline(always)]
    pub(super) unsafe fn depth(this: *mut Header) -> usize {
        // SAFETY: the caller's promise. Generators have no attribute slots, which others count here.
        unsafe { (*this).aux.get() as usize }
    }

    pub(super) fn registers(&self) -> &[Value] {
        let start = self as *const Generator as usize + size_of::<Generator>();
        // SAFETY: every generator is made by `new_generator`, with its registers behind it.
        unsafe { std::slice::from_raw_parts(start as *const Value, self.nregs as usize) }
    }

    /// Drops the registers for good. Whatever is still linked to this generator is unlinked first, since its parent
    /// may be gone soon.
    fn drop_registers(&mut self) {
        let start = self as *mut Generator as usize + size_of::<Generator>();
        let me = Header::of_payload(self);
        for i in (0..self.nregs as usize).rev() {
            // SAFETY: as above; `&mut self` makes it exclusive.
            unsafe {
                let v = std::mem::replace(&mut *(start as *mut Value).add(i), Value::UNDEF);
                if v.kind() == Some(Kind::Generator) {
                    Generator::unlink(&v, me);
                }
            }
        }
    }

    /// Closes one that never ran.
    pub(super) fn end_unstarted(&mut self) {
        self.state = GenState::Closed;
        self.drop_registers();
    }

    /// Takes the link to `parent` away from a generator that has it: it is not awaited any more.
    fn unlink(child: &Value, parent: *mut Header) {
        let Some(child) = child.cast::<Generator>() else { return };
        // SAFETY: the child is alive, and no reference to its payload is held by the callers.
        unsafe {
            let child = child.as_ptr();
            if (*child).flags & gen_flag::LINKED != 0 && (*child).link == parent {
                (*child).flags &= !gen_flag::LINKED;
                (*child).link = std::ptr::null_mut();
            }
        }
    }

    /// Where it stands, as far as the generator itself knows (see `Vm::gen_state`).
    pub fn state(&self) -> GenState {
        self.state
    }

    fn instr(&self) -> Instr {
        // SAFETY: the code is alive as long as the function, and `pc` is in range.
        unsafe {
            let code = (*self.func.as_ptr()).code.as_ptr();
            *(*code).instrs.add(self.pc as usize)
        }
    }

    fn code(&self) -> *const CodeObject {
        // SAFETY: the function is alive.
        unsafe { (*self.func.as_ptr()).code.as_ptr() }
    }

    /// The instruction that it stands at: while it is suspended, the `Await` itself or the `Yield` before its `pc`.
    pub(super) fn current_pc(&self) -> u32 {
        if self.instr().op_byte() == Op::Await as u8 { self.pc } else { self.pc.saturating_sub(1) }
    }

    /// What it awaits, when it is suspended at an `Await`.
    pub(super) fn delegate(&self) -> Option<&Value> {
        if self.state != GenState::Suspended {
            return None;
        }
        let i = self.instr();
        if i.op_byte() != Op::Await as u8 {
            return None;
        }
        let v = self.registers().get(i.b() as usize)?;
        if v.is_object() { Some(v) } else { None }
    }

    fn unlink_delegate(&mut self) {
        let me = Header::of_payload(self);
        if let Some(d) = self.delegate() {
            Generator::unlink(d, me);
        }
    }
}

impl Trace for Generator {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.func.trace(tracer);
        for v in self.registers() {
            tracer.value(v);
        }
        self.handled.trace(tracer);
        if let Some(e) = &self.extra {
            for v in [&e.name, &e.qualname, &e.origin, &e.finalizer].into_iter().flatten() {
                tracer.value(v);
            }
        }
    }

    fn clear(&mut self) {
        self.state = GenState::Closed;
        self.drop_registers();
        self.handled = Value::INHERITED;
        self.extra = None;
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.drop_registers();
    }
}

/// Makes a generator forget the others of its chain, before everything is torn down in no particular order.
///
/// # Safety
/// `p` is a generator object, and nothing runs any more.
pub(super) unsafe fn abandon(p: *mut Header) {
    // SAFETY: the caller's promise.
    let g = unsafe { &mut *Header::payload::<Generator>(p) };
    g.state = GenState::Closed;
    g.flags &= !gen_flag::LINKED;
    g.link = std::ptr::null_mut();
    g.drop_registers();
}

/// Whether freeing a generator must run script code: a `finally` or `with` that it is inside of, a coroutine
/// that was never awaited, an async generator with a finalizer hook.
///
/// # Safety
/// `p` is a generator object.
pub(super) unsafe fn needs_finalizer(p: *mut Header) -> bool {
    // SAFETY: the caller's promise.
    let g = unsafe { &*Header::payload::<Generator>(p) };
    // SAFETY: the code is alive.
    let code = unsafe { &(*g.code()).code };
    match g.state {
        GenState::Created => code.flags.has(CodeFlags::COROUTINE),
        GenState::Suspended => {
            code.flags.has(CodeFlags::ASYNC_GENERATOR)
                || code.exception_entry(g.pc.saturating_sub(1)).is_some()
                || code.exception_entry(g.pc).is_some()
        }
        _ => false,
    }
}

/// Whether all that a generator has left is its function: it has ended, and nobody gave it attributes or weak
/// references.
///
/// # Safety
/// `p` is a generator object.
#[inline(always)]
pub(super) unsafe fn is_spent(p: *mut Header) -> bool {
    // SAFETY: the caller's promise. One that has ended has dropped its registers.
    unsafe {
        let g = &*Header::payload::<Generator>(p);
        g.state == GenState::Closed && g.extra.is_none() && !g.handled.is_object() && !(*p).has_flag(flag::WEAKREF)
    }
}

/// How a resumption ended.
#[derive(Debug)]
pub enum GenStep {
    /// It yielded.
    Yielded(Value),
    /// It returned.
    Returned(Value),
}

impl Vm {
    /// A generator, coroutine or async generator (as the function's code says) whose first registers are the
    /// values at `args`, which are moved.
    ///
    /// # Safety
    /// `args` points to as many initialised parameters as the code has; the caller forgets them.
    pub(super) unsafe fn new_generator(&mut self, func: Ref<Function>, args: *mut Value) -> Value {
        // SAFETY: the function keeps its code alive, and nothing changes either meanwhile.
        let c = unsafe { &*(*func.as_ptr()).code.as_ptr() };
        let flags = c.code.flags;
        let (n, given) = (c.nregs as usize, c.params as usize);
        let class = if flags.has(CodeFlags::ASYNC_GENERATOR) {
            &self.types.async_generator
        } else if flags.has(CodeFlags::COROUTINE) {
            &self.types.coroutine
        } else {
            &self.types.generator
        };
        // SAFETY: layouts live as long as their class; the block has room for the registers.
        unsafe {
            let layout = &*class.get(self).layouts.root();
            let p = self.heap.allocate(layout, Kind::Generator, size_of::<Generator>() + n * 8);
            let payload = Header::payload::<Generator>(p);
            payload.write(Generator {
                func,
                pc: 0,
                state: GenState::Created,
                flags: 0,
                nregs: n as u16,
                link: std::ptr::null_mut(),
                handled: Value::INHERITED,
                extra: None,
            });
            let regs = Generator::regs(payload);
            for i in 0..given {
                regs.add(i).write(args.add(i).read());
                args.add(i).write_volatile(Value::UNDEF);
            }
            for i in given..n {
                regs.add(i).write_volatile(Value::UNDEF);
            }
            let v = Value::from_ptr(p);
            if flags.has(CodeFlags::COROUTINE) && self.coroutine_origin_depth() > 0 {
                self.note_coroutine_origin(&v);
            }
            v
        }
    }

    /// The generator at the top of the chain that this one is linked into.
    ///
    /// # Safety
    /// `g` is alive.
    unsafe fn chain_top(&self, mut g: *mut Header) -> *mut Header {
        // SAFETY: linked parents are alive: a parent that dies unlinks its child.
        unsafe {
            loop {
                let p = Header::payload::<Generator>(g);
                if (*p).flags & gen_flag::LINKED == 0 {
                    return g;
                }
                g = (*p).link;
            }
        }
    }

    /// Where a generator stands; a linked one runs when its chain runs.
    pub fn gen_state(&self, g: &Ref<Generator>) -> GenState {
        let this = g.get(self);
        if this.state != GenState::Suspended || this.flags & gen_flag::LINKED == 0 {
            return this.state;
        }
        // SAFETY: `g` is alive.
        unsafe {
            let top = self.chain_top(g.value().ptr());
            if (*Header::payload::<Generator>(top)).state == GenState::Running {
                GenState::Running
            } else {
                GenState::Suspended
            }
        }
    }

    /// What a suspended generator awaits (`gi_yieldfrom`, `cr_await`, `ag_await`).
    pub fn gen_delegate(&self, g: &Ref<Generator>) -> Option<Value> {
        g.get(self).delegate().cloned()
    }

    /// The word for a generator's kind in messages.
    pub fn gen_kind(&self, g: &Ref<Generator>) -> &'static str {
        let f = self.gen_flags(g);
        if f.has(CodeFlags::ASYNC_GENERATOR) {
            "async generator"
        } else if f.has(CodeFlags::COROUTINE) {
            "coroutine"
        } else {
            "generator"
        }
    }

    /// The flags of a generator's code.
    pub fn gen_flags(&self, g: &Ref<Generator>) -> CodeFlags {
        // SAFETY: the code is alive.
        unsafe { (*g.get(self).code()).flags() }
    }

    /// Prepares a generator for running: finds the innermost of its chain and pushes the chain's frame.
    ///
    /// # Errors
    /// ValueError or RuntimeError when it runs already; RecursionError.
    pub(super) fn enter_generator(&mut self, g: &Ref<Generator>, dst: u16, flags: u8) -> R<()> {
        let p = g.value().ptr();
        // SAFETY: the generator is alive, and so are all generators of its chain.
        unsafe {
            let root = Header::payload::<Generator>(p);
            if matches!((*root).state, GenState::Running | GenState::Closed) {
                return Err(self.cannot_enter(g));
            }
            if (*root).flags & gen_flag::LINKED != 0 {
                return self.enter_linked(g, dst, flags);
            }
            let current = if (*root).link.is_null() { p } else { (*root).link };
            self.enter_chain(p, current, dst, flags)
        }
    }

    /// Scripts that run while a generator is about to be resumed may have resumed or finished it themselves.
    #[cold]
    fn cannot_enter(&mut self, g: &Ref<Generator>) -> Raised {
        if g.get(self).state == GenState::Closed {
            return self.resumed_closed(g);
        }
        let kind = self.gen_kind(g);
        self.value_error(format!("{kind} already executing"))
    }

    /// Resumes a generator in the middle of somebody's chain by hand.
    #[cold]
    fn enter_linked(&mut self, g: &Ref<Generator>, dst: u16, flags: u8) -> R<()> {
        if self.gen_state(g) == GenState::Running {
            let kind = self.gen_kind(g);
            return Err(self.value_error(format!("{kind} already executing")));
        }
        let p = g.value().ptr();
        // SAFETY: all generators of the chain are alive.
        unsafe {
            // The top must look for its innermost anew.
            let top = self.chain_top(p);
            (*Header::payload::<Generator>(top)).link = std::ptr::null_mut();
            let current = Vm::innermost(p);
            self.enter_chain(p, current, dst, flags)
        }
    }

    /// Walks down a suspended chain.
    unsafe fn innermost(mut g: *mut Header) -> *mut Header {
        // SAFETY: delegates are alive: registers hold them.
        unsafe {
            loop {
                let this = &*Header::payload::<Generator>(g);
                let Some(d) = this.delegate().and_then(|d| d.cast::<Generator>()) else { return g };
                let child = d.as_ptr();
                if (*child).flags & gen_flag::LINKED == 0 || (*child).link != g || (*child).state != GenState::Suspended
                {
                    return g;
                }
                g = d.value().ptr();
            }
        }
    }

    unsafe fn enter_chain(&mut self, root: *mut Header, current: *mut Header, dst: u16, flags: u8) -> R<()> {
        // SAFETY: the caller has checked that both are alive and suspended or new.
        unsafe {
            let mut current = current;
            let r = Header::payload::<Generator>(root);
            if (*r).flags & gen_flag::LINKED == 0 && (*r).link.is_null() && (*r).state == GenState::Suspended {
                current = Vm::innermost(root);
            }
            let this = Header::payload::<Generator>(current);
            let func = (*this).func.as_ptr();
            let code: *const CodeObject = (*func).code.as_ptr();
            let top = self.thread.top();
            let flags = flags | frame_flag::GENERATOR;
            let frame = self.push_frame(code, func, Generator::regs(this), top, dst, flags)?;
            (*frame).generator = current;
            (*frame).root = root;
            (*frame).pc = (*code).instrs.add((*this).pc as usize);
            (*r).state = GenState::Running;
            if (*r).flags & gen_flag::LINKED == 0 {
                (*root).aux.set(0);
            }
            // The chain stays alive while it runs.
            Header::inc(root);
            let handled = std::mem::replace(&mut (*this).handled, Value::UNDEF);
            (*frame).aux = std::mem::replace(&mut self.thread.handled, handled);
            Ok(())
        }
    }

    /// Makes `child` the running generator of the running chain, as what the running one awaits.
    ///
    /// # Safety
    /// The running frame is a chain whose running generator is suspended at an `Await` of `child` (its `pc` is
    /// stored); `child` is neither running, linked nor closed.
    pub(super) unsafe fn descend(&mut self, child: *mut Header) {
        // SAFETY: the caller's promise.
        unsafe {
            let frame = self.thread.frame;
            let parent = (*frame).generator;
            let pp = Header::payload::<Generator>(parent);
            (*pp).handled = std::mem::replace(&mut self.thread.handled, Value::UNDEF);
            if parent != (*frame).root {
                (*pp).state = GenState::Suspended;
            }
            (*child).aux.set((*parent).aux.get().saturating_add(1));
            let c = Header::payload::<Generator>(child);
            let mut inner = (*c).link;
            (*c).link = parent;
            (*c).flags |= gen_flag::LINKED;
            if inner.is_null() {
                inner = if (*c).state == GenState::Suspended { Vm::innermost(child) } else { child };
            }
            if (*c).state == GenState::Created {
                (*c).state = GenState::Suspended;
            }
            (*frame).chain += 1;
            self.switch_to(inner);
        }
    }

    /// Makes a generator of the running chain the one that runs.
    unsafe fn switch_to(&mut self, g: *mut Header) {
        // SAFETY: the caller's promise: `g` belongs to the running chain and is suspended.
        unsafe {
            let frame = self.thread.frame;
            let this = Header::payload::<Generator>(g);
            let func = (*this).func.as_ptr();
            (*frame).generator = g;
            (*frame).func = func;
            (*frame).code = (*func).code.as_ptr();
            (*frame).consts = (*(*frame).code).consts.as_ptr();
            (*frame).regs = Generator::regs(this);
            (*frame).pc = (*(*frame).code).instrs.add((*this).pc as usize);
            self.thread.handled = std::mem::replace(&mut (*this).handled, Value::UNDEF);
        }
    }

    /// Suspends the running chain at `pc`: its frame is popped and given back.
    pub(super) fn suspend_chain(&mut self, pc: u32) -> super::frame::Frame {
        let mut frame = self.pop_frame();
        // SAFETY: the chain's generators are alive.
        unsafe {
            let this = Header::payload::<Generator>(frame.generator);
            (*this).pc = pc;
            (*this).state = GenState::Suspended;
            let saved = std::mem::replace(&mut frame.aux, Value::UNDEF);
            (*this).handled = std::mem::replace(&mut self.thread.handled, saved);
            let root = Header::payload::<Generator>(frame.root);
            (*root).state = GenState::Suspended;
            if (*root).flags & gen_flag::LINKED == 0 {
                (*root).link = if frame.generator == frame.root { std::ptr::null_mut() } else { frame.generator };
            }
            // `root` was counted by `enter_chain`; its driver holds it too.
            Heap::dec(frame.root);
        }
        frame
    }

    /// Ends the running generator, whose registers are dropped. Gives the chain's frame when the root ended,
    /// else switches to the parent.
    pub(super) fn end_generator(&mut self) -> Option<super::frame::Frame> {
        // SAFETY: the chain's generators are alive; registers are dropped once.
        unsafe {
            let frame = self.thread.frame;
            let g = (*frame).generator;
            let this = Header::payload::<Generator>(g);
            if (*frame).flags & frame_flag::OBSERVED != 0 {
                self.generator_left(true);
            }
            (*this).state = GenState::Closed;
            (*this).drop_registers();
            self.thread.handled = Value::NONE;
            if g == (*frame).root {
                let mut frame = self.pop_frame();
                self.thread.handled = std::mem::replace(&mut frame.aux, Value::UNDEF);
                if (*this).flags & gen_flag::LINKED == 0 {
                    (*this).link = std::ptr::null_mut();
                }
                (*this).handled = Value::INHERITED;
                Heap::dec(frame.root);
                return Some(frame);
            }
            (*this).handled = Value::INHERITED;
            (*this).flags &= !gen_flag::LINKED;
            let parent = (*this).link;
            (*this).link = std::ptr::null_mut();
            (*frame).chain = (*frame).chain.saturating_sub(1);
            self.switch_to(parent);
            None
        }
    }

    /// Resumes a generator by sending a value (native code does this; the loop has ways of its own).
    ///
    /// # Errors
    /// TypeError when a value other than `None` is sent to a new generator; what the generator raises.
    pub fn gen_send(&mut self, g: &Ref<Generator>, value: Value) -> R<GenStep> {
        match self.gen_state(g) {
            GenState::Closed => return Err(self.resumed_closed(g)),
            GenState::Created if !value.is_none() => {
                let kind = self.gen_kind(g);
                return Err(self.type_error(format!("can't send non-None value to a just-started {kind}")));
            }
            _ => {}
        }
        self.guarded(|vm| {
            vm.enter_generator(g, 0, frame_flag::ENTRY)?;
            vm.put_sent(value);
            let result = vm.run(None)?;
            Ok(if std::mem::take(&mut vm.thread.yielded) {
                GenStep::Yielded(result)
            } else {
                GenStep::Returned(result)
            })
        })
    }

    /// What resuming a finished generator raises: StopIteration, or RuntimeError for a coroutine.
    #[cold]
    pub(super) fn resumed_closed(&mut self, g: &Ref<Generator>) -> Raised {
        let flags = self.gen_flags(g);
        if flags.has(CodeFlags::COROUTINE) {
            return self.runtime_error("cannot reuse already awaited coroutine");
        }
        if flags.has(CodeFlags::ASYNC_GENERATOR) {
            let class = self.exc.StopAsyncIteration.clone();
            let e = self.new_exception(&class, Vec::new());
            return self.raise(e.into_value());
        }
        Raised::stop_iteration()
    }

    /// Delivers a sent value to the generator that was just entered: into the register of its `Yield`.
    #[inline]
    pub(super) fn put_sent(&mut self, value: Value) {
        // SAFETY: the running frame is a generator's, and `pc` is in its code.
        unsafe {
            let frame = self.thread.frame;
            if (*(*frame).pc).op_byte() == Op::Await as u8 {
                self.thread.sent = value;
            } else if (*frame).pc > (*(*frame).code).instrs {
                let yielded = *(*frame).pc.sub(1);
                *(*frame).regs.add(yielded.a() as usize) = value;
            }
        }
    }

    /// Throws an exception into a generator.
    ///
    /// # Errors
    /// What the generator raises, that exception itself included.
    pub fn gen_throw(&mut self, g: &Ref<Generator>, exception: Value) -> R<GenStep> {
        let given = exception.clone();
        self.gen_throw_given(g, exception, std::slice::from_ref(&given))
    }

    /// The same for an exception that a script has described by arguments of `throw`. What is no generator gets those
    /// where it is awaited.
    ///
    /// # Errors
    /// As [`Vm::gen_throw`].
    pub fn gen_throw_given(&mut self, g: &Ref<Generator>, exception: Value, given: &[Value]) -> R<GenStep> {
        match self.gen_state(g) {
            GenState::Closed => {
                if self.gen_flags(g).has(CodeFlags::COROUTINE) {
                    return Err(self.runtime_error("cannot reuse already awaited coroutine"));
                }
                return Err(self.raise(exception));
            }
            GenState::Running => {
                let kind = self.gen_kind(g);
                return Err(self.value_error(format!("{kind} already executing")));
            }
            _ => {}
        }
        let is_exit = self.is_instance(&exception, &self.exc.GeneratorExit.clone());
        // GeneratorExit closes what is awaited, level by level, and then goes to this generator itself.
        if is_exit && let Some(d) = self.gen_delegate(g) {
            // What is being closed is driven by hand from here on; linked, it would count as running with `g`.
            self.detach_delegate(g);
            self.mark_running(g, true);
            let closed = self.close_delegate(&d);
            self.mark_running(g, false);
            // Where this was all that held it, it ends before handlers run.
            drop(d);
            if let Err(e) = closed {
                return self.resume_raising(g, e, true);
            }
            let e = self.raise(exception);
            return self.resume_raising(g, e, true);
        }
        // An awaited object that is no generator gets the exception by its own `throw`.
        let inner = self.innermost_of(g);
        if let Some(d) = self.gen_delegate(&inner) {
            if let Some(child) = d.cast::<Generator>()
                && self.gen_state(child) == GenState::Running
            {
                let kind = self.gen_kind(child);
                let e = self.value_error(format!("{kind} already executing"));
                return self.resume_raising(g, e, false);
            }
            let name = self.intern("throw");
            // While the delegate deals with it, the generator counts as running.
            self.mark_running(g, true);
            let throw = self.get_attr_opt(&d, &name);
            self.mark_running(g, false);
            let throw = match throw {
                Ok(t) => t,
                Err(e) => return self.resume_raising(g, e, false),
            };
            if let Some(throw) = throw {
                self.mark_running(g, true);
                let result = self.call(&throw, given);
                self.mark_running(g, false);
                drop((throw, d));
                return match result {
                    Ok(v) => Ok(GenStep::Yielded(v)),
                    Err(e) if self.raised_is(&e, &self.exc.StopIteration.clone()) => {
                        let value = self.stop_value(e);
                        self.resume_with_result(g, value)
                    }
                    Err(e) => self.resume_raising(g, e, false),
                };
            }
        }
        let e = self.raise(exception);
        self.resume_raising(g, e, false)
    }

    /// Takes what a suspended generator awaits out of the chain, which forgets its innermost generator.
    fn detach_delegate(&mut self, g: &Ref<Generator>) {
        g.get_mut(self).unlink_delegate();
        // SAFETY: all generators of the chain are alive, and none of them is borrowed.
        unsafe {
            let top = self.chain_top(g.value().ptr());
            (*Header::payload::<Generator>(top)).link = std::ptr::null_mut();
        }
    }

    fn mark_running(&mut self, g: &Ref<Generator>, running: bool) {
        let mut g = g.get_mut(self);
        g.state = if running { GenState::Running } else { GenState::Suspended };
    }

    fn innermost_of(&self, g: &Ref<Generator>) -> Ref<Generator> {
        // SAFETY: the chain's generators are alive.
        unsafe {
            let p = Vm::innermost(g.value().ptr());
            Header::inc(p);
            Ref::from_value_unchecked(Value::from_ptr(p))
        }
    }

    /// Resumes with an exception that arises where the chain is suspended; `at_root` in the generator itself,
    /// whatever it awaits.
    fn resume_raising(&mut self, g: &Ref<Generator>, e: Raised, at_root: bool) -> R<GenStep> {
        if g.get(self).state == GenState::Created {
            // It never ran: it is closed without running.
            g.get_mut(self).end_unstarted();
            return Err(self.with_generator_traceback(g, e));
        }
        if at_root {
            self.detach_delegate(g);
        }
        self.guarded(|vm| {
            vm.enter_generator(g, 0, frame_flag::ENTRY | frame_flag::THROWN)?;
            let awaits = vm.step_over_for_throw();
            let result = if awaits && vm.raised_is(&e, &vm.exc.StopIteration.clone()) {
                // Where something is awaited, StopIteration is its result, wherever it comes from.
                let value = vm.stop_value(e);
                // SAFETY: the frame was just pushed, and stands behind its `Await`.
                unsafe { (*vm.thread.frame).pc = (*vm.thread.frame).pc.sub(1) };
                vm.finish_await(value);
                vm.run(None)?
            } else if e.is_halt() {
                vm.run(Some(e))?
            } else {
                let e = vm.exception_value(e);
                vm.chain_own_context(&e);
                // What the code that calls `throw` handles is no context of what it throws.
                vm.thread.context_done = true;
                vm.run(Some(Raised(e)))?
            };
            Ok(if std::mem::take(&mut vm.thread.yielded) {
                GenStep::Yielded(result)
            } else {
                GenStep::Returned(result)
            })
        })
    }

    /// Errors are attributed to the instruction before `pc`: when an `Await` is about to be executed again,
    /// `pc` moves past it. True when it was one.
    fn step_over_for_throw(&mut self) -> bool {
        // SAFETY: the running frame is a generator's, and `pc` is in its code.
        unsafe {
            let frame = self.thread.frame;
            let awaits = (*(*frame).pc).op_byte() == Op::Await as u8;
            if awaits {
                (*frame).pc = (*frame).pc.add(1);
                self.abandon_delegate();
            }
            awaits
        }
    }

    /// The running generator does not await any more what the `Await` before its `pc` awaited.
    pub(super) fn abandon_delegate(&mut self) {
        // SAFETY: the running frame is a generator's, `pc` is behind an `Await`, and registers are in range.
        unsafe {
            let frame = self.thread.frame;
            let i = *(*frame).pc.sub(1);
            Generator::unlink(&*(*frame).regs.add(i.b() as usize), (*frame).generator);
        }
    }

    /// Resumes after the awaited object has returned `value`.
    fn resume_with_result(&mut self, g: &Ref<Generator>, value: Value) -> R<GenStep> {
        self.guarded(|vm| {
            vm.enter_generator(g, 0, frame_flag::ENTRY)?;
            // SAFETY: the frame was just pushed, and stands at its `Await`.
            unsafe { (*vm.thread.frame).pc = (*vm.thread.frame).pc.add(1) };
            vm.abandon_delegate();
            // SAFETY: as above.
            unsafe { (*vm.thread.frame).pc = (*vm.thread.frame).pc.sub(1) };
            vm.finish_await(value);
            let result = vm.run(None)?;
            Ok(if std::mem::take(&mut vm.thread.yielded) {
                GenStep::Yielded(result)
            } else {
                GenStep::Returned(result)
            })
        })
    }

    /// Completes the `Await` at the running generator's `pc` with a value.
    pub(super) fn finish_await(&mut self, value: Value) {
        // SAFETY: the running frame is a generator's and stands at an `Await`; registers are in range.
        unsafe {
            let frame = self.thread.frame;
            let i = *(*frame).pc;
            *(*frame).regs.add(i.b() as usize) = Value::UNDEF;
            *(*frame).regs.add(i.a() as usize) = value;
            (*frame).pc = (*frame).pc.add(1);
        }
    }

    /// Closes what a generator awaits (before GeneratorExit is thrown into it).
    fn close_delegate(&mut self, d: &Value) -> R<()> {
        if let Some(g) = d.cast::<Generator>() {
            if self.gen_flags(g).has(CodeFlags::ASYNC_GENERATOR) {
                return self.guarded(|vm| crate::objects::asyncgen::close_awaited(vm, g));
            }
            return self.guarded(|vm| vm.gen_close(g).map(drop));
        }
        let name = self.intern("close");
        match self.get_attr_opt(d, &name) {
            Ok(Some(close)) => self.call(&close, &[]).map(drop),
            Ok(None) => Ok(()),
            Err(e) => {
                self.unraisable(e, d, None);
                Ok(())
            }
        }
    }

    /// `close()`: gives the value that the generator returned (None for most).
    ///
    /// # Errors
    /// RuntimeError when it ignores GeneratorExit; what it raises.
    pub fn gen_close(&mut self, g: &Ref<Generator>) -> R {
        match self.gen_state(g) {
            GenState::Closed => return Ok(Value::NONE),
            GenState::Created => {
                g.get_mut(self).end_unstarted();
                return Ok(Value::NONE);
            }
            _ => {}
        }
        let class = self.exc.GeneratorExit.clone();
        let exit = self.new_exception(&class, Vec::new()).into_value();
        match self.gen_throw(g, exit) {
            Ok(GenStep::Yielded(_)) => {
                let kind = self.gen_kind(g);
                Err(self.runtime_error(format!("{kind} ignored GeneratorExit")))
            }
            Ok(GenStep::Returned(v)) => Ok(v),
            Err(e) if self.raised_is(&e, &class) => Ok(Value::NONE),
            Err(e) if self.raised_is(&e, &self.exc.StopIteration.clone()) => Ok(self.stop_value(e)),
            Err(e) => Err(e),
        }
    }

    /// What freeing a generator runs: see [`needs_finalizer`].
    pub fn finalize_generator(&mut self, v: &Value) {
        let Some(g) = v.cast::<Generator>() else { return };
        let flags = self.gen_flags(g);
        if flags.has(CodeFlags::ASYNC_GENERATOR) {
            let hook = g.get(self).extra.as_ref().and_then(|e| e.finalizer.clone());
            if let Some(hook) = hook
                && g.get(self).flags & gen_flag::CLOSING == 0
            {
                if let Err(e) = self.call(&hook, std::slice::from_ref(v)) {
                    self.unraisable(e, &hook, None);
                }
                return;
            }
        }
        if g.get(self).state == GenState::Created {
            if flags.has(CodeFlags::COROUTINE) {
                self.warn_never_awaited(g);
            }
            return;
        }
        if let Err(e) = self.gen_close(g) {
            self.unraisable(e, v, Some("Exception ignored while closing generator"));
        }
    }

    /// Makes the attributes that few generators have.
    pub fn gen_extra<T>(&mut self, g: &Ref<Generator>, f: impl FnOnce(&mut GenExtra) -> T) -> T {
        let mut this = g.get_mut(self);
        f(this.extra.get_or_insert_default())
    }

    /// Gives a function other code (`f.__code__ = …`). Generators that the old code runs in keep it: they get a
    /// function of their own. Frames that run the old code do not own it; it is kept until none does.
    pub fn replace_code(&mut self, f: &Ref<Function>, code: Ref<CodeObject>) {
        let old = f.get(self).code.clone();
        let mut gone = vec![old.value().clone()];
        if old.get(self).makes_generator {
            let mut own: Vec<*mut Header> = Vec::new();
            self.heap.for_each(|p| {
                // SAFETY: `for_each` gives live objects.
                let mine = unsafe {
                    (*p).kind == Kind::Generator && {
                        let g = Header::payload::<Generator>(p);
                        (*g).func.is(f) && (*g).state != GenState::Closed
                    }
                };
                if mine {
                    own.push(p);
                }
            });
            if !own.is_empty() {
                let copy = self.copy_function(f);
                // Running frames point to the old function.
                gone.push(f.value().clone());
                for p in own {
                    // SAFETY: the generators are alive: nothing was freed since they were found.
                    unsafe { (*Header::payload::<Generator>(p)).func = copy.clone() };
                }
            }
        }
        f.get_mut(self).code = code;
        self.retire(gone);
    }

    fn copy_function(&mut self, f: &Ref<Function>) -> Ref<Function> {
        let copy = {
            let f = f.get(self);
            Function {
                code: f.code.clone(),
                globals: f.globals.clone(),
                builtins: f.builtins.clone(),
                closure: f.closure.clone(),
                defaults: f.defaults.clone(),
                kwdefaults: f.kwdefaults.clone(),
                name: f.name.clone(),
                qualname: f.qualname.clone(),
                doc: f.doc.clone(),
                module: f.module.clone(),
                annotate: f.annotate.clone(),
                annotations: f.annotations.clone(),
                type_params: f.type_params.clone(),
            }
        };
        self.alloc(copy)
    }

    /// The function whose frame this is.
    pub fn gen_function(&self, g: &Ref<Generator>) -> Ref<Function> {
        g.get(self).func.clone()
    }

    /// Its `__qualname__`.
    pub fn gen_qualname(&self, g: &Ref<Generator>) -> Value {
        let own = g.get(self).extra.as_ref().and_then(|e| e.qualname.clone());
        own.unwrap_or_else(|| self.gen_function(g).get(self).qualname.clone())
    }

    /// The instruction that a suspended generator will execute next.
    pub fn gen_pc(&self, g: &Ref<Generator>) -> u32 {
        g.get(self).pc
    }

    /// The values of a suspended generator's registers.
    pub fn gen_registers(&self, g: &Ref<Generator>) -> Vec<Value> {
        g.get(self).registers().to_vec()
    }
}
