//! Iteration, generators, awaiting, raising and catching inside the loop.

use super::super::class::{Class, class_flag};
use super::super::exception::{Exception, Raised};
use super::super::frame::{Frame, frame_flag};
use super::super::function::Function;
use super::super::generator::{GenState, GenStep, Generator, gen_flag};
use super::super::native::Args;
use super::super::object::Header;
use super::super::seq::DictIter;
use super::super::special::Special;
use super::super::str::Tuple;
use super::super::value::Value;
use super::super::{R, Vm};
use super::Next;
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{Instr, Op};

impl Vm {
    // ---- iteration ----

    /// `iter(v)`; a generator is its own iterator.
    pub(super) fn get_iter_op(&mut self, v: Value) -> R {
        let generator = v.cast::<Generator>();
        if generator.is_some_and(|g| !self.gen_flags(g).has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)) {
            return Ok(v);
        }
        self.iter(&v)
    }

    /// ForIter and ForLoop on anything but the iterators that the loop knows.
    #[inline(never)]
    pub(super) fn for_iter(&mut self, ins: Instr, foot: bool) -> R<Next> {
        // SAFETY: the verifier has checked the operand; the register belongs to the loop, and what runs meanwhile has
        // registers of its own.
        let it = unsafe { &*(*self.thread.frame).regs.add(ins.b() as usize) };
        let item = if let Some(g) = it.cast::<Generator>() {
            let this = g.get(self);
            if this.flags & gen_flag::LINKED == 0
                && !self.gen_flags(g).has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
            {
                match this.state() {
                    GenState::Closed => None,
                    state => {
                        self.enter_generator(g, ins.a(), frame_flag::FOR)?;
                        if state == GenState::Suspended {
                            self.put_sent(Value::NONE);
                        }
                        return Ok(Next::Reload);
                    }
                }
            } else {
                self.next(it)?
            }
        } else if let Some(d) = it.cast::<DictIter>() {
            DictIter::advance(d, self)?
        } else {
            self.next(it)?
        };
        match item {
            Some(v) => {
                self.put_result(ins.a(), v);
                if foot {
                    self.jump_running(ins.offset16());
                }
            }
            None => {
                self.put_result(ins.b(), Value::UNDEF);
                if !foot {
                    self.jump_running(ins.offset16());
                }
            }
        }
        Ok(Next::Reload)
    }

    /// Moves the running frame's stored `pc`.
    fn jump_running(&mut self, offset: i16) {
        // SAFETY: the verifier has checked that jumps stay in the code.
        unsafe { (*self.thread.frame).pc = (*self.thread.frame).pc.offset(offset as isize) };
    }

    /// The number of the running frame's next instruction.
    fn running_pc(&self) -> u32 {
        // SAFETY: the frame's `pc` is in its code.
        unsafe {
            let f = self.thread.frame;
            (*f).pc.offset_from((*(*f).code).instrs) as u32
        }
    }

    // ---- yielding ----

    /// The running chain yields `v` to whoever resumed it.
    pub(super) fn yield_op(&mut self, v: Value) -> R<Next> {
        let pc = self.running_pc();
        let frame = self.suspend_chain(pc);
        self.deliver_yield(&frame, v)
    }

    fn deliver_yield(&mut self, frame: &Frame, v: Value) -> R<Next> {
        if frame.flags & frame_flag::ENTRY != 0 {
            self.thread.yielded = true;
            return Ok(Next::Leave(v));
        }
        self.put_result(frame.dst, v);
        if frame.flags & frame_flag::FOR != 0 {
            // SAFETY: the driver stands behind its `ForIter` or `ForLoop`.
            unsafe {
                let driver = self.thread.frame;
                let ins = *(*driver).pc.sub(1);
                if ins.op_byte() == Op::ForLoop as u8 {
                    (*driver).pc = (*driver).pc.offset(ins.offset16() as isize);
                }
            }
        }
        Ok(Next::Reload)
    }

    /// An async generator gives an item to the loop over it that resumed it, or to its `asend`.
    pub(super) fn yield_async_op(&mut self, v: Value) -> R<Next> {
        let pc = self.running_pc();
        // SAFETY: the running frame is a chain; the generators that are linked in it await one another.
        unsafe {
            let frame = self.thread.frame;
            if (*frame).generator != (*frame).root {
                self.suspend_linked(pc);
                self.finish_await(v);
                return Ok(Next::Reload);
            }
        }
        self.thread.async_item = true;
        self.yield_op(v)
    }

    /// The running generator, which another one awaits, returns to it. For an async generator that is the end of the
    /// loop over it.
    pub(super) fn return_to_parent(&mut self, v: Value) -> R<Next> {
        let generator = self.running_code().flags().has(CodeFlags::ASYNC_GENERATOR);
        if generator {
            let ended = self.end_generator();
            debug_assert!(ended.is_none());
            return self.end_async_for();
        }
        // SAFETY: the running generator is linked: its parent stands at an `Await` of it.
        unsafe { self.end_awaited(v) };
        Ok(Next::Reload)
    }

    /// The async generator at whose `Await` the running frame stands has ended: StopAsyncIteration, which need not be
    /// made where an `async for` takes it.
    fn end_async_for(&mut self) -> R<Next> {
        // SAFETY: the running frame stands at an `Await`; the verifier has checked targets and registers.
        unsafe {
            let frame = self.thread.frame;
            let code = (*frame).code;
            if let Some(g) = (*(*frame).regs.add((*(*frame).pc).b() as usize)).cast::<Generator>().cloned() {
                self.set_agen_closed(&g);
            }
            let entry = (*code).code.exception_entry((*frame).pc.offset_from((*code).instrs) as u32).copied();
            if let Some(entry) = entry {
                let target = (*code).instrs.add(entry.target as usize);
                if (*target).op_byte() == Op::EndAsyncFor as u8 && (*target).a() == entry.exc {
                    for i in entry.depth..(*code).nregs {
                        *(*frame).regs.add(i as usize) = Value::UNDEF;
                    }
                    *(*frame).regs.add((*target).b() as usize) = Value::UNDEF;
                    (*frame).pc = target.add(1);
                    return Ok(Next::Reload);
                }
            }
            (*frame).pc = (*frame).pc.add(1);
        }
        let class = self.exc.StopAsyncIteration.clone();
        let e = self.new_exception(&class, Vec::new());
        Err(self.raise(e.into_value()))
    }

    /// Whether an `async for` may resume what it iterates as if it awaited it: an async generator that was iterated
    /// before, and of which nobody awaits an item.
    #[inline]
    pub(super) fn is_resting_async_generator(&self, v: &Value) -> bool {
        let Some(g) = v.cast::<Generator>() else { return false };
        let this = g.get(self);
        let bits = gen_flag::HOOKED | gen_flag::CLOSING | gen_flag::BUSY | gen_flag::LINKED;
        this.flags & bits == gen_flag::HOOKED
            && matches!(this.state, GenState::Created | GenState::Suspended)
            && self.gen_flags(g).has(CodeFlags::ASYNC_GENERATOR)
    }

    // ---- awaiting ----

    /// Whether the value is a coroutine that nobody awaits yet.
    #[inline(always)]
    pub(super) fn is_fresh_coroutine(&self, v: &Value) -> bool {
        v.cast::<Generator>()
            .is_some_and(|g| g.get(self).state() == GenState::Created && self.gen_flags(g).has(CodeFlags::COROUTINE))
    }

    /// The iterator that `await v` drives.
    #[inline(never)]
    pub(super) fn get_awaitable(&mut self, v: Value, which: u16) -> R {
        if let Some(g) = v.cast::<Generator>() {
            let flags = self.gen_flags(g);
            if flags.has(CodeFlags::COROUTINE) {
                // One that runs is refused where it is resumed.
                if self.gen_state(g) == GenState::Suspended {
                    return Err(self.runtime_error("coroutine is being awaited already"));
                }
                return Ok(v);
            }
            if flags.has(CodeFlags::ITERABLE_COROUTINE) {
                return Ok(v);
            }
        }
        if let Some(how) = self.native_await
            && (how.accepts)(self, &v)?
        {
            return Ok(v);
        }
        let Some(f) = self.special(&v, Special::Await) else {
            let name = self.class_name(&v);
            let text = match which {
                0 => format!("'{name}' object can't be awaited"),
                n => {
                    let method = if n == 1 { "__aenter__" } else { "__aexit__" };
                    format!("'async with' received an object from {method} that does not implement __await__: {name}")
                }
            };
            return Err(self.type_error(text));
        };
        let it = match self.generator_of(&f, &v)? {
            Some(it) => it,
            None => self.call_special(&f, &v, &[])?,
        };
        if let Some(g) = it.cast::<Generator>()
            && self.gen_flags(g).has(CodeFlags::COROUTINE | CodeFlags::ITERABLE_COROUTINE)
        {
            return Err(self.type_error("__await__() returned a coroutine"));
        }
        if self.special(&it, Special::Next).is_none() {
            let name = self.class_name(&it);
            return Err(self.type_error(format!("__await__() returned non-iterator of type '{name}'")));
        }
        Ok(it)
    }

    /// The generator that a generator function of one parameter makes; `None` for everything else.
    fn generator_of(&mut self, f: &Value, arg: &Value) -> R<Option<Value>> {
        let Some(func) = f.cast::<Function>() else { return Ok(None) };
        let code = func.get(self).code.get(self);
        if !code.makes_generator || code.exact_args != 1 {
            return Ok(None);
        }
        self.enter_function(f.clone(), &Args::positional(std::slice::from_ref(arg)), 0, 0)
    }

    /// The iterator that `yield from v` drives.
    #[inline(never)]
    pub(super) fn get_yield_from_iter(&mut self, v: Value) -> R {
        let flags = v.cast::<Generator>().map(|g| self.gen_flags(g));
        let is_coroutine = match flags {
            Some(flags) => flags.has(CodeFlags::COROUTINE),
            None => v.is_object() && self.is_instance(&v, &self.types.coroutine),
        };
        if is_coroutine {
            let mine = self.running_code().code.flags;
            if !mine.has(CodeFlags::COROUTINE | CodeFlags::ITERABLE_COROUTINE) {
                return Err(self.type_error("cannot 'yield from' a coroutine object in a non-coroutine generator"));
            }
            return Ok(v);
        }
        if flags.is_some_and(|flags| !flags.has(CodeFlags::ASYNC_GENERATOR)) {
            return Ok(v);
        }
        self.get_iter_op(v)
    }

    /// Await: sends what was sent to the delegate and suspends with what it yields, or goes on with its value.
    #[inline(never)]
    pub(super) fn await_op(&mut self, ins: Instr) -> R<Next> {
        // SAFETY: the running frame is a generator's; the verifier has checked the operand.
        let (frame, delegate) = unsafe {
            let frame = self.thread.frame;
            (frame, (*(*frame).regs.add(ins.b() as usize)).clone())
        };
        let sent = std::mem::replace(&mut self.thread.sent, Value::NONE);
        // SAFETY: as above: `pc` is behind this instruction; while suspended it must be at it.
        let here = unsafe { (*frame).pc.sub(1) };
        if let Some(g) = delegate.cast::<Generator>() {
            let flags = self.gen_flags(g);
            if flags.has(CodeFlags::ASYNC_GENERATOR) && !self.is_resting_async_generator(&delegate) {
                // `GetANext` left it here, and somebody else has taken it up since.
                return Err(self.runtime_error("anext(): asynchronous generator is already running"));
            }
            let (state, linked) = (g.get(self).state(), g.get(self).flags & gen_flag::LINKED != 0);
            match state {
                GenState::Closed if flags.has(CodeFlags::COROUTINE) => {
                    return Err(self.runtime_error("cannot reuse already awaited coroutine"));
                }
                GenState::Closed => return Ok(self.await_done(here, Value::NONE)),
                GenState::Running => {
                    let kind = self.gen_kind(g);
                    self.abandon_delegate();
                    return Err(self.value_error(format!("{kind} already executing")));
                }
                _ if !linked => {
                    // SAFETY: the chain runs; the child is new or suspended, and not linked.
                    unsafe {
                        if Generator::depth((*frame).generator) + self.thread.depth() >= self.thread.recursion_limit() {
                            if state == GenState::Created {
                                // It has been begun, as far as scripts see.
                                g.get_mut(self).end_unstarted();
                            }
                            return Err(self.recursion_error("maximum recursion depth exceeded"));
                        }
                        let current = Header::payload::<Generator>((*frame).generator);
                        let code = (*frame).code;
                        (*current).pc = here.offset_from((*code).instrs) as u32;
                        (*frame).pc = here;
                        self.descend(delegate.ptr());
                    }
                    if state == GenState::Suspended {
                        self.put_sent(sent);
                    }
                    return Ok(Next::Reload);
                }
                _ => {
                    if flags.has(CodeFlags::COROUTINE) && !self.is_linked_to_running(g) {
                        if self.gen_state(g) == GenState::Running {
                            return Err(self.value_error("coroutine already executing"));
                        }
                        return Err(self.runtime_error("coroutine is being awaited already"));
                    }
                }
            }
        }
        let step = match self.native_await.and_then(|how| (how.resume)(self, &delegate)) {
            Some(step) => step,
            None => match crate::objects::asyncgen::resume(self, &delegate, &sent) {
                Some(step) => step,
                None => self.send_to(&delegate, sent),
            },
        };
        match step {
            Ok(GenStep::Yielded(v)) => {
                // SAFETY: as above.
                unsafe { (*self.thread.frame).pc = here };
                self.yield_op(v)
            }
            Ok(GenStep::Returned(v)) => Ok(self.await_done(here, v)),
            Err(e) => {
                // `pc` is behind this instruction again: its delegate is awaited no longer.
                self.abandon_delegate();
                Err(e)
            }
        }
    }

    fn is_linked_to_running(&self, g: &super::super::object::Ref<Generator>) -> bool {
        // SAFETY: something runs.
        unsafe { g.get(self).link == (*self.thread.frame).generator }
    }

    fn await_done(&mut self, here: *const Instr, v: Value) -> Next {
        // SAFETY: the running frame is a generator's, and `here` is its `Await`.
        unsafe { (*self.thread.frame).pc = here };
        self.finish_await(v);
        Next::Reload
    }

    /// Sends a value to any iterator: `send` for values and generators, `__next__` for None.
    pub fn send_to(&mut self, it: &Value, value: Value) -> R<GenStep> {
        if let Some(g) = it.cast::<Generator>()
            && !self.gen_flags(g).has(CodeFlags::ASYNC_GENERATOR)
        {
            return match self.gen_send(g, value) {
                Err(e) if self.raised_is(&e, &self.exc.StopIteration.clone()) => {
                    Ok(GenStep::Returned(self.stop_value(e)))
                }
                other => other,
            };
        }
        let result = if value.is_none() {
            match self.special(it, Special::Next) {
                Some(f) => self.call_special(&f, it, &[]),
                None => {
                    let name = self.class_name(it);
                    Err(self.type_error(format!("'{name}' object is not an iterator")))
                }
            }
        } else {
            let name = self.intern("send");
            match self.get_attr(it, &name) {
                Ok(f) => self.call(&f, &[value]),
                Err(e) => Err(e),
            }
        };
        match result {
            Ok(v) => Ok(GenStep::Yielded(v)),
            Err(e) if self.raised_is(&e, &self.exc.StopIteration.clone()) => Ok(GenStep::Returned(self.stop_value(e))),
            Err(e) => Err(e),
        }
    }

    /// `aiter(v)` for `async for`.
    #[inline(never)]
    pub(super) fn get_aiter(&mut self, v: Value) -> R {
        let Some(f) = self.special(&v, Special::AIter) else {
            let name = self.class_name(&v);
            return Err(self.type_error(format!("'async for' requires an object with __aiter__ method, got {name}")));
        };
        let it = self.call_special(&f, &v, &[])?;
        if self.special(&it, Special::ANext).is_none() {
            let name = self.class_name(&it);
            return Err(self.type_error(format!(
                "'async for' received an object from __aiter__ that does not implement __anext__: {name}"
            )));
        }
        Ok(it)
    }

    /// The awaitable of `anext(it)`, ready for Await.
    #[inline(never)]
    pub(super) fn get_anext(&mut self, it: &Value) -> R {
        let Some(f) = self.special(it, Special::ANext) else {
            let name = self.class_name(it);
            return Err(self.type_error(format!("'async for' requires an iterator with __anext__ method, got {name}")));
        };
        let v = self.call_special(&f, it, &[])?;
        let name = self.class_name(&v);
        match self.get_awaitable(v, 0) {
            Ok(it) => Ok(it),
            Err(cause) => {
                let cause = self.exception_value(cause);
                let e = self.type_error(format!("'async for' received an invalid object from __anext__: {name}"));
                if let Some(x) = e.0.cast::<Exception>() {
                    let mut x = x.get_mut(self);
                    x.cause = cause.clone();
                    x.context = cause;
                    x.suppress_context = true;
                }
                Err(e)
            }
        }
    }

    // ---- raising and catching ----

    /// `raise e [from cause]`.
    #[inline(never)]
    pub(super) fn raise_op(&mut self, e: Value, cause: Option<Value>) -> Raised {
        let instance = match self.exception_instance(e, "exceptions must derive from BaseException") {
            Ok(v) => v,
            Err(e) => return e,
        };
        if let Some(cause) = cause {
            let cause = if cause.is_none() {
                Value::NONE
            } else {
                match self.exception_instance(cause, "exception causes must derive from BaseException") {
                    Ok(v) => v,
                    Err(e) => return e,
                }
            };
            if let Some(x) = instance.cast::<Exception>() {
                let mut x = x.get_mut(self);
                let old = std::mem::replace(&mut x.cause, cause);
                x.suppress_context = true;
                drop(x);
                drop(old);
            }
        }
        self.chain_context(&instance);
        self.thread.context_done = true;
        Raised(instance)
    }

    fn exception_instance(&mut self, e: Value, otherwise: &str) -> R {
        if e.is_a::<Exception>() {
            return Ok(e);
        }
        if let Some(c) = e.cast::<Class>()
            && c.get(self).has(class_flag::EXCEPTION)
        {
            let v = self.call(&e, &[])?;
            if v.is_a::<Exception>() {
                return Ok(v);
            }
            let (class, got) = (self.repr_string(&e)?, self.class_of(&v).value().clone());
            let got = self.repr_string(&got)?;
            return Err(self
                .type_error(format!("calling {class} should have returned an instance of BaseException, not {got}")));
        }
        Err(self.type_error(otherwise))
    }

    /// `raise` alone.
    pub(super) fn raise_bare(&mut self) -> Raised {
        let e = self.handled();
        if e.is_a::<Exception>() {
            self.thread.context_done = true;
            // The traceback does not get the place of the bare `raise`.
            self.thread.reraising = true;
            Raised(e)
        } else {
            self.runtime_error("No active exception to reraise")
        }
    }

    /// Whether `except kind` catches `e`.
    pub(super) fn exc_match(&mut self, e: &Value, kind: &Value) -> R<bool> {
        if let Some(c) = kind.cast::<Class>()
            && c.get(self).has(class_flag::EXCEPTION)
        {
            return Ok(self.is_instance(e, c));
        }
        let bad = "catching classes that do not inherit from BaseException is not allowed";
        let Some(t) = kind.cast::<Tuple>() else { return Err(self.type_error(bad)) };
        let kinds = t.get(self).items().to_vec();
        if !kinds.iter().all(|k| self.is_exception_class(k)) {
            return Err(self.type_error(bad));
        }
        Ok(kinds.iter().filter_map(|k| k.cast::<Class>()).any(|c| self.is_instance(e, c)))
    }

    /// Splits what an `except*` clause catches from the rest.
    pub(super) fn exc_star_match(&mut self, rest: &Value, kind: &Value) -> R<(Value, Value)> {
        let (matched, left) = crate::objects::exceptions::except_star_match(self, rest, kind)?;
        if left.is_none() && !matched.is_none() && !matched.is(rest) {
            // SAFETY: there is a running frame, and its `pc` is in its code.
            let pc = unsafe {
                let f = &*self.thread.frame;
                (f.pc.offset_from((*f.code).instrs) as u32).saturating_sub(1)
            };
            // A group that was made for a plain exception comes from here.
            if !self.is_instance(rest, &self.exc.BaseExceptionGroup) {
                self.add_traceback(&matched, pc);
            }
        }
        Ok((matched, left))
    }

    /// Type and traceback of an exception, for `__exit__`.
    pub(super) fn exc_triple(&mut self, e: &Value) -> (Value, Value) {
        let class = self.class_of(e).value().clone();
        let tb = e.cast::<Exception>().map_or(Value::NONE, |x| x.get(self).traceback.clone());
        (class, tb)
    }
}
