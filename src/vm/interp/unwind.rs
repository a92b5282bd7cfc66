//! Unwinding: from a raised exception to the handler that gets it.

use super::super::Vm;
use super::super::exception::{Exception, Raised, Traceback};
use super::super::frame::frame_flag;
use super::super::value::Value;
use crate::compiler::code::CodeFlags;

/// Where unwinding ended.
pub(super) enum Unwound {
    /// The running frame goes on at a handler (its `pc` says where).
    Handler,
    /// The native caller of the loop gets the exception.
    Leave(Raised),
}

impl Vm {
    /// Finds the handler of an exception that arose at the instruction before the running frame's `pc`.
    #[cold]
    #[inline(never)]
    pub(super) fn unwind(&mut self, raised: Raised) -> Unwound {
        if std::mem::take(&mut self.thread.leaving) {
            return Unwound::Leave(raised);
        }
        let mut reraising = std::mem::take(&mut self.thread.reraising);
        let context_done = std::mem::take(&mut self.thread.context_done);
        if raised.is_halt() {
            return self.unwind_halt();
        }
        let e = self.exception_value(raised);
        if !reraising
            && !context_done
            && e.cast::<Exception>().is_some_and(|x| {
                let x = x.get(self);
                x.traceback.is_none() && x.context.is_none()
            })
        {
            self.chain_context(&e);
        }
        let mut e = e;
        loop {
            // SAFETY: there is a running frame, its code is alive, its `pc` is in the code.
            let (pc, entry) = unsafe {
                let f = &*self.thread.frame;
                let pc = (f.pc.offset_from((*f.code).instrs) as u32).saturating_sub(1);
                (pc, (*f.code).code.exception_entry(pc).copied())
            };
            if !reraising {
                self.add_traceback(&e, pc);
            }
            reraising = false;
            if let Some(entry) = entry {
                // SAFETY: registers of the exception table are in range (the verifier).
                unsafe {
                    let f = &*self.thread.frame;
                    for i in entry.depth..(*f.code).nregs {
                        *f.regs.add(i as usize) = Value::UNDEF;
                    }
                }
                self.finalize_where_raised();
                // SAFETY: as above; whatever ran meanwhile has left the frame as it was.
                unsafe {
                    let f = &mut *self.thread.frame;
                    *f.regs.add(entry.exc as usize) = e;
                    f.pc = (*f.code).instrs.add(entry.target as usize);
                }
                return Unwound::Handler;
            }
            match self.leave_raising(e) {
                Left::Frame(x) => e = x,
                Left::Entry(x) => return Unwound::Leave(Raised(x)),
            }
        }
    }

    /// Finalizers of what the running frame has just let go of; what they warn of is told with the line of the error.
    #[inline]
    fn finalize_where_raised(&mut self) {
        if self.heap.pending.get() {
            self.run_finalizers();
        }
    }

    /// Drops the running frame because of an exception.
    fn leave_raising(&mut self, e: Value) -> Left {
        // SAFETY: the running frame's registers are its own.
        unsafe {
            let frame = self.thread.frame;
            if (*frame).flags & frame_flag::GENERATOR != 0 {
                if (*frame).flags & frame_flag::OBSERVED == 0 {
                    for i in (0..(*(*frame).code).nregs as usize).rev() {
                        *(*frame).regs.add(i) = Value::UNDEF;
                    }
                    self.finalize_where_raised();
                }
                let e = self.generator_failure(e);
                let thrown = (*frame).flags & frame_flag::THROWN != 0 && (*frame).chain == 0;
                let Some(f) = self.end_generator() else {
                    if thrown {
                        self.chain_own_context(&e);
                    }
                    // The parent stands at its `Await`: errors are attributed to the instruction before `pc`.
                    (*self.thread.frame).pc = (*self.thread.frame).pc.add(1);
                    return Left::Frame(e);
                };
                return if f.flags & frame_flag::ENTRY != 0 { Left::Entry(e) } else { Left::Frame(e) };
            }
            let (regs, n) = ((*frame).regs, (*(*frame).code).nregs as usize);
            if (*frame).flags & frame_flag::OBSERVED != 0 {
                self.frame_left();
            }
            for i in (0..n).rev() {
                *regs.add(i) = Value::UNDEF;
            }
            self.finalize_where_raised();
            let f = self.pop_frame();
            *regs.sub(1) = Value::UNDEF;
            let entry = f.flags & frame_flag::ENTRY != 0;
            drop(f.aux);
            if entry { Left::Entry(e) } else { Left::Frame(e) }
        }
    }

    /// What an exception that leaves a generator becomes (PEP 479). The new one begins outside of the generator.
    fn generator_failure(&mut self, e: Value) -> Value {
        use crate::compiler::code::CodeFlags;
        // SAFETY: the running frame's code is alive.
        let flags = unsafe { (*(*self.thread.frame).code).flags() };
        let kind = if flags.has(CodeFlags::ASYNC_GENERATOR) {
            "async generator"
        } else if flags.has(CodeFlags::COROUTINE) {
            "coroutine"
        } else {
            "generator"
        };
        let name = if self.is_instance(&e, &self.exc.StopIteration) {
            "StopIteration"
        } else if flags.has(CodeFlags::ASYNC_GENERATOR) && self.is_instance(&e, &self.exc.StopAsyncIteration) {
            "StopAsyncIteration"
        } else {
            return e;
        };
        let new = self.runtime_error(format!("{kind} raised {name}"));
        let new = self.exception_value(new);
        if let Some(x) = new.cast::<Exception>() {
            let mut x = x.get_mut(self);
            x.cause = e.clone();
            x.context = e;
            x.suppress_context = true;
        }
        new
    }

    /// Adds the running frame to an exception's traceback, if CPython has such a frame.
    pub(super) fn add_traceback(&mut self, e: &Value, pc: u32) {
        let Some(x) = e.cast::<Exception>() else { return };
        let Some(f) = self.thread.current() else { return };
        let code = self.frame_code(f);
        if code.get(self).code.flags.has(CodeFlags::IN_C) {
            return;
        }
        // SAFETY: a frame's function is alive.
        let globals = unsafe { (*f.func).globals.value().clone() };
        let frame = if f.flags & frame_flag::OBSERVED != 0 { self.known_frame_object() } else { Value::UNDEF };
        let next = x.get(self).traceback.clone();
        let depth = self.thread.depth() as u32;
        let tb = self.alloc(Traceback { next, code, globals, frame, pc, line: 0, depth, task: Value::UNDEF });
        let old = std::mem::replace(&mut x.get_mut(self).traceback, tb.into_value());
        drop(old);
    }

    /// Leaves all frames down to the native caller: the interpreter is being stopped.
    fn unwind_halt(&mut self) -> Unwound {
        loop {
            // SAFETY: the running frame's registers are its own.
            let entry = unsafe {
                let frame = self.thread.frame;
                let flags = (*frame).flags;
                if flags & frame_flag::GENERATOR != 0 {
                    match self.end_generator() {
                        Some(f) => f.flags & frame_flag::ENTRY != 0,
                        None => false,
                    }
                } else {
                    let (regs, n) = ((*frame).regs, (*(*frame).code).nregs as usize);
                    for i in (0..n).rev() {
                        *regs.add(i) = Value::UNDEF;
                    }
                    drop(self.pop_frame());
                    *regs.sub(1) = Value::UNDEF;
                    flags & frame_flag::ENTRY != 0
                }
            };
            if entry {
                if self.thread.depth() == 0 {
                    // Nothing is being handled any more: no handler has said so.
                    self.thread.handled = Value::NONE;
                }
                return Unwound::Leave(Raised::halt());
            }
        }
    }
}

enum Left {
    /// The exception goes on in the frame below (or the awaiting generator).
    Frame(Value),
    /// The native caller of the loop gets it.
    Entry(Value),
}
