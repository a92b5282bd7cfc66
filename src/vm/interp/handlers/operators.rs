//! Operators of script classes: the left operand's method becomes a frame. The operands stay in their registers until
//! it has returned, since the right side is asked when it refuses.

use super::super::dispatch::{At, Exit, Handler, Here, quick};
use super::calls::push;
use super::returns::{bound_or_none, drop_locals, return_full};
use crate::compiler::opcodes::{FLAG_B, FLAG_C};
use crate::vm::frame::frame_flag;
use crate::vm::function::{CodeObject, Function};
use crate::vm::object::{Header, Kind};
use crate::vm::ops::BinOp;
use crate::vm::value::Value;

/// Enters the left operand's script method, if it was looked up before and the right operand's class has no say; all else
/// is for the full handler.
#[inline(always)]
pub fn enter_operator(mut m: At<'_>, a: &Value, b: &Value, op: BinOp, full: Handler) -> Exit {
    let (ca, cb) = (m.vm.class_of(a), m.vm.class_of(b));
    let others = !ca.is(cb) && (cb.get(m.vm).is_heap() || b.kind() == Some(Kind::Type));
    let in_place = m.variant() && op.in_place().is_some_and(|s| !m.vm.known_absent(a, s));
    let Some(f) = m.vm.known_special(a, op.special()) else { return m.leave_to(full) };
    // SAFETY: the class keeps its method alive, and this its code. The window above the running frame is free, and its
    // size is checked.
    unsafe {
        if others || in_place || (*f).kind != Kind::Function {
            return m.leave_to(full);
        }
        let func: *const Function = Header::payload(f);
        let code: *const CodeObject = (*func).code.as_ptr();
        let window = (*m.frame).top.add(1);
        let top = window.wrapping_add((*code).nregs as usize);
        let ticks = m.vm.heap.ticks.get() - 1;
        if (*code).simple_args != 2 || !m.vm.thread.has_room(top) || ticks < 0 {
            return m.leave_to(full);
        }
        m.vm.heap.ticks.set(ticks);
        Header::inc(f);
        window.sub(1).write(Value::from_ptr(f));
        window.write(a.clone());
        window.add(1).write(b.clone());
        let dst = m.ins.a();
        push(&mut m, code, func, window, top, 2);
        (*m.frame).dst = dst;
        (*m.frame).flags = frame_flag::OPERATOR;
    }
    m.next()
}

quick! {
    /// The method of an operator returns: its result goes where the operator's goes, and the operands are dropped.
    #[inline(never)]
    pub fn return_operator(m) {
        let v = m.take(m.ins.a());
        // SAFETY: `frame` is the running frame.
        let only = unsafe { (*m.frame).flags } == frame_flag::OPERATOR;
        if !only || v.is_not_implemented() || !drop_locals(&m) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_full);
        }
        let v = bound_or_none(v);
        // SAFETY: the caller's frame is below; it stands behind the operator, whose operands the verifier has checked.
        unsafe { m.pop_frame() };
        // Constants are not consumed.
        m.ins = Here::before(m.pc);
        let a = if m.flag(FLAG_B) { m.take(m.ins.b()) } else { Value::UNDEF };
        let b = if m.flag(FLAG_C) { m.take(m.ins.c()) } else { Value::UNDEF };
        let old = std::mem::replace(m.a(), v);
        if old.is_object() {
            drop(a);
            drop(b);
            drop(old);
            return if m.vm.heap.pending.get() { m.back() } else { m.next() };
        }
        std::mem::forget(old);
        m.release_both(a, b)
    }
}
