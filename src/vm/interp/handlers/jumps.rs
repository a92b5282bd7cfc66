//! Jumps and loops.

use super::super::Next;
use super::super::arith::plain_truth;
use super::super::dispatch::{full, quick};
use super::suspend::resume_for;
use crate::compiler::opcodes::{FLAG_A, FLAG_B, FLAG_BACKWARD, Op};
use crate::vm::Vm;
use crate::vm::object::Kind;
use crate::vm::ops::CmpOp;
use crate::vm::seq::{SeqIter, SeqSource};
use crate::vm::value::Value;

// ---- jumps ----

quick! {
    pub fn jump(m) {
        m.skip(m.ins.offset32());
        if m.flag(FLAG_BACKWARD) {
            return m.next_ticked();
        }
        m.next()
    }
}

/// A jump on the truth of a register.
macro_rules! jump_if {
    ($name:ident, $want:literal) => {
        quick! {
            pub fn $name(m) {
                match plain_truth(m.a()) {
                    Some($want) => {
                        m.skip(m.ins.offset32());
                        if m.flag(FLAG_BACKWARD) {
                            return m.next_ticked();
                        }
                        m.next()
                    }
                    Some(_) => m.next(),
                    None => m.leave_to(jump_if_full),
                }
            }
        }
    };
}

jump_if! { jump_if_true, true }
jump_if! { jump_if_false, false }

full! {
    fn jump_if_full(m) {
        let v = m.in_a();
        let t = m.vm.truth(&v)?;
        drop(v);
        if t == (m.ins.op_byte() == Op::JumpIfTrue as u8) {
            m.jump(m.ins.offset32());
            if m.flag(FLAG_BACKWARD) {
                m.tick()?;
            }
        }
        Ok(Next::Reload)
    }
}

/// A jump that keeps its condition.
macro_rules! jump_keep {
    ($name:ident, $want:literal) => {
        quick! {
            pub fn $name(m) {
                match plain_truth(m.a()) {
                    Some($want) => m.skip(m.ins.offset32()),
                    Some(_) => {}
                    None => return m.leave_to(jump_keep_full),
                }
                m.next()
            }
        }
    };
}

jump_keep! { jump_if_true_keep, true }
jump_keep! { jump_if_false_keep, false }

full! {
    fn jump_keep_full(m) {
        let v = m.a().clone();
        let t = m.vm.truth(&v)?;
        if t == (m.ins.op_byte() == Op::JumpIfTrueKeep as u8) {
            m.jump(m.ins.offset32());
        } else {
            m.set(Value::UNDEF);
        }
        Ok(Next::Reload)
    }
}

/// A jump on `None`.
macro_rules! jump_none {
    ($name:ident, $want:literal) => {
        quick! {
            pub fn $name(m) {
                let t = m.a().is_none();
                let spent = m.spent_a();
                if t == $want {
                    m.skip(m.ins.offset32());
                    if m.flag(FLAG_BACKWARD) && !spent.is_object() {
                        std::mem::forget(spent);
                        return m.next_ticked();
                    }
                }
                m.release(spent)
            }
        }
    };
}

jump_none! { jump_if_none, true }
jump_none! { jump_if_not_none, false }

/// The handlers of a fused comparison and jump.
macro_rules! compare_jump {
    ($op:ident: $reg:ident $konst:ident, $full:ident $full_konst:ident, $cmp:tt) => {
        compare_jump! { @quick $op $reg(b) $full, $cmp }
        compare_jump! { @quick $op $konst(k) $full_konst, $cmp }
        full! {
            fn $full(m) {
                let (a, b) = (m.in_a(), m.in_b());
                let t = m.vm.compare_truth(a, b, CmpOp::$op)?;
                m.branch(t)
            }
        }
        full! {
            fn $full_konst(m) {
                let a = m.in_a();
                let b = m.k(m.ins.b()).clone();
                let t = m.vm.compare_truth(a, b, CmpOp::$op)?;
                m.branch(t)
            }
        }
    };
    (@quick $op:ident $name:ident($right:ident) $full:ident, $cmp:tt) => {
        quick! {
            pub fn $name(m) {
                let (a, b) = (&*m.a(), right!(m $right));
                let t = if Value::both_small_ints(a, b) {
                    a.int_word() $cmp b.int_word()
                } else if Value::both_small_floats(a, b) {
                    a.float_unchecked() $cmp b.float_unchecked()
                } else {
                    return m.leave_to($full);
                };
                m.branch_next(t)
            }
        }
    };
}

/// The right operand: a register or a constant.
macro_rules! right {
    ($m:ident b) => {
        &*$m.b()
    };
    ($m:ident k) => {
        $m.k($m.ins.b())
    };
}

compare_jump! { Lt: jump_if_lt jump_if_lt_k, jump_if_lt_full jump_if_lt_k_full, < }
compare_jump! { Le: jump_if_le jump_if_le_k, jump_if_le_full jump_if_le_k_full, <= }
compare_jump! { Eq: jump_if_eq jump_if_eq_k, jump_if_eq_full jump_if_eq_k_full, == }
compare_jump! { Ne: jump_if_ne jump_if_ne_k, jump_if_ne_full jump_if_ne_k_full, != }
compare_jump! { Gt: jump_if_gt jump_if_gt_k, jump_if_gt_full jump_if_gt_k_full, > }
compare_jump! { Ge: jump_if_ge jump_if_ge_k, jump_if_ge_full jump_if_ge_k_full, >= }

quick! {
    pub fn jump_if_is(m) {
        let consumed = m.flag(FLAG_A) && m.a().is_object() || m.flag(FLAG_B) && m.b().is_object();
        if consumed {
            return m.leave_to(jump_if_is_full);
        }
        let t = m.a().is(m.b());
        m.branch_next(t)
    }
}

full! {
    fn jump_if_is_full(m) {
        let (a, b) = (m.in_a(), m.in_b());
        let t = a.is(&b);
        drop((a, b));
        m.branch(t)
    }
}

full! {
    pub fn jump_if_in(m) {
        let (a, b) = (m.in_a(), m.in_b());
        let t = m.vm.contains_op(&b, &a)?;
        drop((a, b));
        m.branch(t)
    }
}

// ---- loops ----

full! {
    pub fn get_iter(m) {
        let v = m.in_b();
        let it = m.vm.get_iter_op(v)?;
        m.set(it);
        Ok(Next::Reload)
    }
}

/// The next item of the iterators that the loop knows by heart; `None` at the end, and for everything else.
#[inline(always)]
fn advance(vm: &Vm, it: &Value) -> Option<Value> {
    if it.kind() != Some(Kind::SeqIter) {
        return None;
    }
    // SAFETY: of this kind are these alone. The source is another object than the iterator, and nothing else refers
    // to the payloads meanwhile.
    unsafe {
        let it = &mut *it.cast::<SeqIter>()?.as_ptr();
        match &mut it.source {
            SeqSource::Range { next, step, left } => {
                if *left == 0 {
                    return None;
                }
                let v = Value::small_int(*next)?;
                *left -= 1;
                *next = next.wrapping_add(*step);
                Some(v)
            }
            SeqSource::List(l) => {
                let items = &(*l.as_ptr()).items;
                let v = items.get(it.at)?.clone();
                it.at += 1;
                Some(v)
            }
            SeqSource::Tuple(t) => {
                let t = &*t.as_ptr();
                let v = t.items().get(it.at)?.clone();
                it.at += 1;
                Some(v)
            }
            SeqSource::Str(s) => {
                let b = *(*s.as_ptr()).as_bytes().get(it.at)?;
                if b >= 0x80 {
                    return None;
                }
                it.at += 1;
                Some(vm.latin1_char(b))
            }
            SeqSource::Done => None,
        }
    }
}

quick! {
    pub fn for_iter(m) {
        match advance(m.vm, m.b()) {
            Some(v) => m.put(v),
            None => m.leave_to(for_iter_other),
        }
    }
}

quick! {
    #[inline(never)]
    fn for_iter_other(m) {
        if m.b().kind() == Some(Kind::Generator) {
            return resume_for(m, for_iter_full);
        }
        m.leave_to(for_iter_full)
    }
}

full! {
    fn for_iter_full(m) {
        if let Some(s) = m.b().cast::<SeqIter>() {
            match SeqIter::advance(s, m.vm) {
                Some(v) => m.set(v),
                None => {
                    *m.b() = Value::UNDEF;
                    m.jump(m.ins.offset16());
                }
            }
            return Ok(Next::Reload);
        }
        m.vm.for_iter(m.ins, false)
    }
}

quick! {
    pub fn for_loop(m) {
        let ticks = m.vm.heap.ticks.get() - 1;
        if ticks < 0 {
            return m.leave_to(for_loop_full);
        }
        match advance(m.vm, m.b()) {
            Some(v) => {
                m.vm.heap.ticks.set(ticks);
                m.skip(m.ins.offset16());
                m.put(v)
            }
            None => m.leave_to(for_loop_other),
        }
    }
}

quick! {
    #[inline(never)]
    fn for_loop_other(m) {
        if m.b().kind() == Some(Kind::Generator) {
            return resume_for(m, for_loop_full);
        }
        m.leave_to(for_loop_full)
    }
}

full! {
    fn for_loop_full(m) {
        if let Some(s) = m.b().cast::<SeqIter>() {
            match SeqIter::advance(s, m.vm) {
                Some(v) => {
                    m.set(v);
                    m.jump(m.ins.offset16());
                    m.tick()?;
                }
                None => *m.b() = Value::UNDEF,
            }
            return Ok(Next::Reload);
        }
        m.tick()?;
        m.vm.for_iter(m.ins, true)
    }
}
