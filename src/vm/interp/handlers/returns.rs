//! Returning from functions.

use super::super::dispatch::{At, Exit, Handler, full, quick};
use super::drive::{return_const_generator, return_generator};
use super::operators::return_operator;
use crate::vm::frame::frame_flag;
use crate::vm::object::IMMORTAL;
use crate::vm::value::Value;

/// Drops the locals and the function of a frame that is an ordinary call, an `__init__` or an operator's method, if that
/// frees nothing. What is left to do otherwise can be done by `Vm::return_op`: dropped registers are `UNDEF`.
#[inline(always)]
pub fn drop_locals(m: &At<'_>) -> bool {
    // SAFETY: the frame's registers are its own; the call put the function below its window.
    unsafe {
        let mut at = m.regs.add((*(*m.frame).code).first_temp as usize);
        let end = m.regs.sub(1);
        while at > end {
            at = at.sub(1);
            let Some(h) = (*at).header() else { continue };
            let n = h.rc.get();
            if n <= 1 {
                return false;
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
            at.write(Value::UNDEF);
        }
    }
    true
}

/// Drops the locals of a plain frame that [`drop_locals`] has left, and frees what they alone hold. Its function goes
/// too, unless nobody else holds it: with it would go the code that is running. That, and what the others make due,
/// is for `Vm::return_op`: false then.
#[inline(always)]
fn free_locals(m: &At<'_>) -> bool {
    // SAFETY: as for `drop_locals`.
    unsafe {
        if (*m.frame).flags & !frame_flag::INIT != 0 {
            return false;
        }
        let mut at = m.regs.add((*(*m.frame).code).first_temp as usize);
        while at > m.regs {
            at = at.sub(1);
            *at = Value::UNDEF;
        }
        let function = m.regs.sub(1);
        if let Some(h) = (*function).header() {
            let n = h.rc.get();
            if n <= 1 {
                return false;
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
            function.write(Value::UNDEF);
        }
    }
    !m.vm.heap.pending.get()
}

/// The running frame's flags.
#[inline(always)]
fn flags(m: &At<'_>) -> u8 {
    // SAFETY: `frame` is the running frame.
    unsafe { (*m.frame).flags }
}

/// What an `__init__` that returns `None` gives: the instance.
#[inline(always)]
fn instance(m: &At<'_>) -> Value {
    // SAFETY: as above.
    unsafe { std::mem::replace(&mut (*m.frame).aux, Value::UNDEF) }
}

/// What a function returns: the value, or `None` for a name that is not bound.
#[inline(always)]
pub fn bound_or_none(v: Value) -> Value {
    if v.is_undef() {
        // Dropped later, it would keep the next handler from being entered by a jump.
        std::mem::forget(v);
        return Value::NONE;
    }
    v
}

/// Gives the result to the frame below.
#[inline(always)]
fn deliver(mut m: At<'_>, v: Value) -> Exit {
    // SAFETY: a frame without other flags has its caller's frame below it.
    unsafe {
        let dst = (*m.frame).dst;
        m.pop_frame();
        let old = std::mem::replace(m.reg(dst), v);
        m.release(old)
    }
}

/// Returns from what is no ordinary call, by the handlers for generators, for operators' methods, for an `__init__` whose
/// locals die, and for everything else. `none`: the result is `None`.
#[inline(always)]
fn leave_flagged(m: At<'_>, none: bool, [generator, operator, freeing, full]: [Handler; 4]) -> Exit {
    let flags = flags(&m);
    if flags & frame_flag::GENERATOR != 0 {
        return m.leave_to(generator);
    }
    if flags == frame_flag::OPERATOR {
        return m.leave_to(operator);
    }
    if flags != frame_flag::INIT || !none {
        return m.leave_to(full);
    }
    if !drop_locals(&m) {
        return m.leave_to(freeing);
    }
    let v = instance(&m);
    deliver(m, v)
}

quick! {
    pub fn return_(m) {
        if flags(&m) != 0 {
            return m.leave_to(return_flagged);
        }
        // A local is moved out too: the frame's registers are dropped anyway.
        let v = m.take(m.ins.a());
        if !drop_locals(&m) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_freeing);
        }
        deliver(m, bound_or_none(v))
    }
}

quick! {
    /// From what is no ordinary call.
    #[inline(never)]
    fn return_flagged(m) {
        let none = m.a().is_none();
        leave_flagged(m, none, [return_generator, return_operator, return_freeing, return_full])
    }
}

quick! {
    /// Where locals die.
    #[inline(never)]
    fn return_freeing(m) {
        let v = m.take(m.ins.a());
        if !free_locals(&m) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_full);
        }
        if flags(&m) != 0 {
            // That of an `__init__`, which is `None`.
            std::mem::forget(v);
            let v = instance(&m);
            return deliver(m, v);
        }
        deliver(m, bound_or_none(v))
    }
}

full! {
    pub fn return_full(m) {
        let v = m.take(m.ins.a());
        let v = if v.is_undef() { Value::NONE } else { v };
        m.vm.return_op(v)
    }
}

quick! {
    pub fn return_const(m) {
        if flags(&m) != 0 {
            return m.leave_to(return_const_flagged);
        }
        if !drop_locals(&m) {
            return m.leave_to(return_const_freeing);
        }
        let v = m.k(m.ins.bc()).clone();
        deliver(m, v)
    }
}

quick! {
    /// From what is no ordinary call.
    #[inline(never)]
    fn return_const_flagged(m) {
        let none = m.k(m.ins.bc()).is_none();
        leave_flagged(m, none, [return_const_generator, return_const_full, return_const_freeing, return_const_full])
    }
}

quick! {
    #[inline(never)]
    fn return_const_freeing(m) {
        if !free_locals(&m) {
            return m.leave_to(return_const_full);
        }
        let v = if flags(&m) != 0 { instance(&m) } else { m.k(m.ins.bc()).clone() };
        deliver(m, v)
    }
}

full! {
    pub fn return_const_full(m) {
        let v = m.k(m.ins.bc()).clone();
        m.vm.return_op(v)
    }
}
