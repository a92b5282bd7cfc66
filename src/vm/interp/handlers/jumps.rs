//! Jumps and loops.

use super::super::Next;
use super::super::arith::{compare_plain, plain_truth};
use super::super::dispatch::{full, quick};
use crate::compiler::opcodes::{FLAG_A, FLAG_B, FLAG_BACKWARD, Op};
use crate::vm::Vm;
use crate::vm::dict::Dict;
use crate::vm::keys::exact_str;
use crate::vm::object::{Header, Kind};
use crate::vm::ops::CmpOp;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str, Tuple};
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
                    None => m.leave_to(jump_if_object),
                }
            }
        }
    };
}

quick! {
    /// A jump on the truth of an object that tells it without a call.
    #[inline(never)]
    fn jump_if_object(m) {
        let Some(t) = object_truth(m.vm, m.a()) else { return m.leave_to(jump_if_full) };
        let jumps = t == (m.ins.op_byte() == Op::JumpIfTrue as u8);
        if jumps && m.flag(FLAG_BACKWARD) {
            return m.leave_to(jump_if_full);
        }
        let spent = m.spent_a();
        if jumps {
            m.skip(m.ins.offset32());
        }
        m.release(spent)
    }
}

/// The truth of built-in containers, and of objects whose class is known to have no say in it.
#[inline(always)]
pub fn object_truth(vm: &Vm, v: &Value) -> Option<bool> {
    let h = v.header()?;
    if h.kind == Kind::Instance {
        let silent = vm.known_absent(v, Special::Bool) && vm.known_absent(v, Special::Len);
        return silent.then_some(true);
    }
    known_len(v).map(|len| len > 0)
}

/// The length of a built-in container that just has it.
#[inline(always)]
pub fn known_len(v: &Value) -> Option<usize> {
    let h = v.header().filter(|h| h.layout().is_exact())?;
    // SAFETY: kinds tell payloads; the object is alive.
    unsafe {
        match h.kind {
            Kind::List => Some((*Header::payload::<List>(v.ptr())).items.len()),
            Kind::Tuple => Some((*Header::payload::<Tuple>(v.ptr())).items().len()),
            Kind::Dict => Some((*Header::payload::<Dict>(v.ptr())).len()),
            Kind::Str => Some((*Header::payload::<Str>(v.ptr())).char_len()),
            Kind::Bytes => Some((*Header::payload::<Bytes>(v.ptr())).as_bytes().len()),
            _ => None,
        }
    }
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

/// Whether two strings are equal or differ, where their lengths and first bytes tell.
#[inline(always)]
fn told_apart(a: &Value, b: &Value, op: CmpOp) -> Option<bool> {
    if !matches!(op, CmpOp::Eq | CmpOp::Ne) {
        return None;
    }
    let (x, y) = (exact_str(a)?.pinned(), exact_str(b)?.pinned());
    let same = a.is(b) || x.len() == y.len() && x.first() == y.first();
    let told = !same || a.is(b) || x.len() <= 1;
    told.then_some(same == (op == CmpOp::Eq))
}

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
                quick! {
                    #[inline(never)]
                    fn plain(m) {
                        match told_apart(m.a(), right!(m $right), CmpOp::$op) {
                            Some(t) => m.branch_spent(t, $full),
                            None => m.leave_to(compared),
                        }
                    }
                }
                quick! {
                    #[inline(never)]
                    fn compared(m) {
                        match compare_plain(m.a(), right!(m $right), CmpOp::$op) {
                            Some(t) => m.branch_spent(t, $full),
                            None => m.leave_to($full),
                        }
                    }
                }
                let (a, b) = (&*m.a(), right!(m $right));
                let t = if Value::both_small_ints(a, b) {
                    a.int_word() $cmp b.int_word()
                } else if Value::both_small_floats(a, b) {
                    a.float_unchecked() $cmp b.float_unchecked()
                } else {
                    return m.leave_to(plain);
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

quick! {
    /// A character in a short string.
    pub fn jump_if_in(m) {
        let (Some(text), Some(part)) = (exact_str(m.b()), exact_str(m.a())) else { return m.leave_to(jump_if_in_plain) };
        let (text, &[byte]) = (text.pinned(), part.pinned()) else { return m.leave_to(jump_if_in_plain) };
        if text.len() > 16 {
            return m.leave_to(jump_if_in_plain);
        }
        let t = has_byte(text, byte);
        m.branch_spent(t, jump_if_in_full)
    }
}

/// Whether a short text has a byte in it.
#[inline(always)]
fn has_byte(text: &[u8], byte: u8) -> bool {
    let ones = u64::MAX / 255;
    let in_word = |word: [u8; 8]| {
        // A zero byte is where they are equal; borrows only reach bytes above it.
        let differs = u64::from_ne_bytes(word) ^ (ones * u64::from(byte));
        differs.wrapping_sub(ones) & !differs & (ones << 7) != 0
    };
    match (text.first_chunk(), text.last_chunk()) {
        (Some(&first), Some(&last)) => in_word(first) || in_word(last),
        _ => text.contains(&byte),
    }
}

quick! {
    #[inline(never)]
    fn jump_if_in_plain(m) {
        match m.vm.contains_plain(m.b(), m.a()) {
            Some(t) => m.branch_spent(t, jump_if_in_full),
            None => m.leave_to(jump_if_in_full),
        }
    }
}

full! {
    fn jump_if_in_full(m) {
        let (a, b) = (m.in_a(), m.in_b());
        let t = m.vm.contains_op(&b, &a)?;
        drop((a, b));
        m.branch(t)
    }
}
