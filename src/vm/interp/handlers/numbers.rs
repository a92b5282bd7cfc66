//! Arithmetic and comparisons: quick on inline ints and floats, full on everything else.

use super::super::Next;
use super::super::arith::{self, mixed};
use super::super::dispatch::{full, quick};
use super::jumps::object_truth;
use super::operators::enter_operator;
use crate::compiler::opcodes::FLAG_C;
use crate::vm::object::Kind;
use crate::vm::ops::{BinOp, CmpOp, UnOp};
use crate::vm::value::Value;

/// Three handlers of an operator that is quick on two ints and on two floats: on registers, with a constant, and on an
/// int beside a float; and the full ones.
macro_rules! arithmetic {
    ($op:ident: $reg:ident $konst:ident, $mixed_reg:ident $mixed_konst:ident, $full:ident $full_konst:ident,
     |$x:ident, $y:ident| $int:expr, |$f:ident, $g:ident| $float:expr) => {
        arithmetic! { @quick $op $reg(c) $mixed_reg $full, |$x, $y| $int, |$f, $g| $float }
        arithmetic! { @quick $op $konst(k) $mixed_konst $full_konst, |$x, $y| $int, |$f, $g| $float }
        full_binary! { $op $full $full_konst }
    };
    (@quick $op:ident $name:ident($right:ident) $mixed:ident $full:ident,
     |$x:ident, $y:ident| $int:expr, |$f:ident, $g:ident| $float:expr) => {
        quick! {
            pub fn $name(m) {
                let (a, b) = (&*m.b(), right!(m $right));
                if Value::both_small_ints(a, b) {
                    let ($x, $y) = (a.int_word(), b.int_word());
                    return match $int {
                        Some(w) => m.put(Value::from_int_word(w)),
                        None => m.leave_to($full),
                    };
                }
                if Value::both_small_floats(a, b) {
                    let ($f, $g) = (a.float_unchecked(), b.float_unchecked());
                    return match Value::small_float($float) {
                        Some(v) => m.put(v),
                        None => m.leave_to($full),
                    };
                }
                m.leave_to($mixed)
            }
        }
        arithmetic! { @mixed $op $mixed($right) $full, |$f, $g| $float }
    };
    (@mixed $op:ident $mixed:ident($right:ident) $full:ident, |$f:ident, $g:ident| $float:expr) => {
        quick! {
            #[inline(never)]
            fn $mixed(m) {
                let (a, b) = (&*m.b(), right!(m $right));
                if let (Some($f), Some($g)) = (mixed(a), mixed(b))
                    && let Some(v) = Value::small_float($float)
                {
                    return m.put(v);
                }
                if a.kind() == Some(Kind::Instance) {
                    return enter_operator(m, a, b, BinOp::$op, $full);
                }
                m.leave_to($full)
            }
        }
    };
}

/// The right operand: a register or a constant.
macro_rules! right {
    ($m:ident c) => {
        &*$m.c()
    };
    ($m:ident k) => {
        $m.k($m.ins.c())
    };
}

/// The full handlers of an operator.
macro_rules! full_binary {
    ($op:ident $full:ident $full_konst:ident) => {
        full! {
            pub fn $full(m) {
                if m.b().kind() == Some(Kind::Instance) && m.vm.enter_operator(m.ins.whole(), BinOp::$op, m.b(), m.c())? {
                    return Ok(Next::Reload);
                }
                let (a, b) = (m.in_b(), m.in_c());
                let v = m.vm.arith(m.variant(), BinOp::$op, a, b)?;
                m.set(v);
                Ok(Next::Reload)
            }
        }
        full! {
            pub fn $full_konst(m) {
                if m.b().kind() == Some(Kind::Instance)
                    && m.vm.enter_operator(m.ins.whole(), BinOp::$op, m.b(), m.k(m.ins.c()))?
                {
                    return Ok(Next::Reload);
                }
                let a = m.in_b();
                let b = m.k(m.ins.c()).clone();
                let v = m.vm.arith(m.variant(), BinOp::$op, a, b)?;
                m.set(v);
                Ok(Next::Reload)
            }
        }
    };
}

/// The handlers of an operator that is quick on ints alone; the function works on int words.
macro_rules! integers {
    ($op:ident: $reg:ident $konst:ident, $full:ident $full_konst:ident, $int:expr) => {
        integers! { @quick $reg(c) $full, $int }
        integers! { @quick $konst(k) $full_konst, $int }
        full_binary! { $op $full $full_konst }
    };
    (@quick $name:ident($right:ident) $full:ident, $int:expr) => {
        quick! {
            pub fn $name(m) {
                let (a, b) = (&*m.b(), right!(m $right));
                if Value::both_small_ints(a, b)
                    && let Some(w) = $int(a.int_word(), b.int_word())
                {
                    return m.put(Value::from_int_word(w));
                }
                m.leave_to($full)
            }
        }
    };
}

/// The handlers of a comparison.
macro_rules! comparison {
    ($op:ident: $reg:ident $konst:ident, $full:ident $full_konst:ident, $cmp:tt) => {
        comparison! { @quick $op $reg(c) $full, $cmp }
        comparison! { @quick $op $konst(k) $full_konst, $cmp }
        full! {
            fn $full(m) {
                let (a, b) = (m.in_b(), m.in_c());
                let v = m.vm.rich_compare(&a, &b, CmpOp::$op)?;
                m.set(v);
                Ok(Next::Reload)
            }
        }
        full! {
            fn $full_konst(m) {
                let a = m.in_b();
                let b = m.k(m.ins.c()).clone();
                let v = m.vm.rich_compare(&a, &b, CmpOp::$op)?;
                m.set(v);
                Ok(Next::Reload)
            }
        }
    };
    (@quick $op:ident $name:ident($right:ident) $full:ident, $cmp:tt) => {
        quick! {
            pub fn $name(m) {
                quick! {
                    #[inline(never)]
                    fn plain(m) {
                        let Some(t) = arith::compare_plain(m.b(), right!(m $right), CmpOp::$op) else {
                            return m.leave_to($full);
                        };
                        if m.flag(FLAG_C) && m.c().is_object() {
                            drop(m.spent_c());
                        }
                        let spent = m.spent_b();
                        m.put_spent(Value::bool(t), spent)
                    }
                }
                let (a, b) = (&*m.b(), right!(m $right));
                let t = if Value::both_small_ints(a, b) {
                    a.int_word() $cmp b.int_word()
                } else if Value::both_small_floats(a, b) {
                    a.float_unchecked() $cmp b.float_unchecked()
                } else {
                    return m.leave_to(plain);
                };
                m.put(Value::bool(t))
            }
        }
    };
}

// ---- arithmetic ----

arithmetic! { @mixed Add add_mixed(c) add_full, |f, g| f + g }
arithmetic! { @quick Add add_k(k) add_k_mixed add_k_full, |x, y| x.checked_add(y), |f, g| f + g }
full_binary! { Add add_full add_k_full }
arithmetic! {
    Sub: sub sub_k, sub_mixed sub_k_mixed, sub_full sub_k_full, |x, y| x.checked_sub(y), |f, g| f - g
}
arithmetic! {
    Mul: mul mul_k, mul_mixed mul_k_mixed, mul_full mul_k_full, |x, y| (x >> 2).checked_mul(y), |f, g| f * g
}

quick! {
    pub fn add(m) {
        let (a, b) = (&*m.b(), &*m.c());
        if Value::both_small_ints(a, b)
            && let Some(w) = a.int_word().checked_add(b.int_word())
        {
            return m.put(Value::from_int_word(w));
        }
        if Value::both_small_floats(a, b)
            && let Some(v) = Value::small_float(a.float_unchecked() + b.float_unchecked())
        {
            return m.put(v);
        }
        m.leave_to(add_others)
    }
}

quick! {
    #[inline(never)]
    fn add_others(m) {
        if let (Some(x), Some(y)) = (arith::truth_as_int(m.b()), arith::truth_as_int(m.c()))
            && let Some(v) = x.checked_add(y).and_then(Value::small_int)
        {
            return m.put(v);
        }
        if m.ins.a() == m.ins.b() && m.b().kind() == Some(Kind::Str) {
            return m.leave_to(append);
        }
        m.leave_to(add_mixed)
    }
}

full! {
    /// `text += more`.
    fn append(m) {
        let more = m.in_c();
        if m.vm.append_str(m.a(), &more)? {
            return Ok(Next::Reload);
        }
        let a = m.a().clone();
        let v = m.vm.arith(m.variant(), BinOp::Add, a, more)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn true_div(m) {
        match arith::true_div_fast(m.b(), m.c()) {
            Some(v) => m.put(v),
            None => m.leave_to(true_div_other),
        }
    }
}

quick! {
    #[inline(never)]
    fn true_div_other(m) {
        let (a, b) = (&*m.b(), &*m.c());
        if a.kind() == Some(Kind::Instance) {
            return enter_operator(m, a, b, BinOp::TrueDiv, true_div_full);
        }
        m.leave_to(true_div_full)
    }
}

quick! {
    pub fn true_div_k(m) {
        match arith::true_div_fast(m.b(), m.k(m.ins.c())) {
            Some(v) => m.put(v),
            None => m.leave_to(true_div_k_full),
        }
    }
}

full_binary! { TrueDiv true_div_full true_div_k_full }
full_binary! { Pow pow pow_k }
full! {
    pub fn mat_mul(m) {
        let (a, b) = (m.in_b(), m.in_c());
        let v = m.vm.arith(m.variant(), BinOp::MatMul, a, b)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

integers! { FloorDiv: floor_div floor_div_k, floor_div_full floor_div_k_full, arith::floor_div_words }
integers! { Mod: modulo modulo_k, modulo_full modulo_k_full, arith::mod_words }
integers! { LShift: shift_left shift_left_k, shift_left_full shift_left_k_full, arith::shl_words }
integers! { RShift: shift_right shift_right_k, shift_right_full shift_right_k_full, arith::shr_words }
integers! { And: and and_k, and_full and_k_full, |x: i64, y: i64| Some(x & y) }
integers! { Or: or or_k, or_full or_k_full, |x: i64, y: i64| Some(x | y) }
integers! { Xor: xor xor_k, xor_full xor_k_full, |x: i64, y: i64| Some(x ^ y) }

quick! {
    pub fn neg(m) {
        let a = &*m.b();
        if a.is_small_int()
            && let Some(w) = a.int_word().checked_neg()
        {
            return m.put(Value::from_int_word(w));
        }
        match a.as_small_float().and_then(|f| Value::small_float(-f)) {
            Some(v) => m.put(v),
            None => m.leave_to(neg_full),
        }
    }
}

full! {
    fn neg_full(m) {
        let a = m.in_b();
        let v = m.vm.unary(UnOp::Neg, &a)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn pos(m) {
        let a = m.in_b();
        let v = m.vm.unary(UnOp::Pos, &a)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn invert(m) {
        let a = m.in_b();
        let v = m.vm.unary(UnOp::Invert, &a)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn not(m) {
        match arith::plain_truth(m.b()) {
            Some(t) => m.put(Value::bool(!t)),
            None => m.leave_to(not_object),
        }
    }
}

quick! {
    #[inline(never)]
    fn not_object(m) {
        let Some(t) = object_truth(m.vm, m.b()) else { return m.leave_to(not_full) };
        let spent = m.spent_b();
        m.put_spent(Value::bool(!t), spent)
    }
}

full! {
    fn not_full(m) {
        let v = m.in_b();
        let t = m.vm.truth(&v)?;
        m.set(Value::bool(!t));
        Ok(Next::Reload)
    }
}

// ---- comparisons into a register ----

comparison! { Lt: lt lt_k, lt_full lt_k_full, < }
comparison! { Le: le le_k, le_full le_k_full, <= }
comparison! { Eq: eq eq_k, eq_full eq_k_full, == }
comparison! { Ne: ne ne_k, ne_full ne_k_full, != }
comparison! { Gt: gt gt_k, gt_full gt_k_full, > }
comparison! { Ge: ge ge_k, ge_full ge_k_full, >= }

/// The handlers of `is` or `is not`.
macro_rules! identity {
    ($name:ident $full:ident, $same:literal) => {
        quick! {
            pub fn $name(m) {
                if m.flag(FLAG_C) && m.c().is_object() {
                    return m.leave_to($full);
                }
                let t = m.b().is(m.c()) == $same;
                let spent = m.spent_b();
                m.put_spent(Value::bool(t), spent)
            }
        }
        full! {
            fn $full(m) {
                let (left, right) = (m.in_b(), m.in_c());
                m.set(Value::bool(left.is(&right) == $same));
                Ok(Next::Reload)
            }
        }
    };
}

identity! { is is_full, true }
identity! { is_not is_not_full, false }

/// The handlers of `in` or `not in`.
macro_rules! containment {
    ($name:ident $full:ident, $inside:literal) => {
        quick! {
            pub fn $name(m) {
                if m.flag(FLAG_C) && m.c().is_object() {
                    return m.leave_to($full);
                }
                let Some(t) = m.vm.contains_plain(m.c(), m.b()) else { return m.leave_to($full) };
                let spent = m.spent_b();
                m.put_spent(Value::bool(t == $inside), spent)
            }
        }
        full! {
            fn $full(m) {
                let (a, b) = (m.in_b(), m.in_c());
                let t = m.vm.contains_op(&b, &a)?;
                m.set(Value::bool(t == $inside));
                Ok(Next::Reload)
            }
        }
    };
}

containment! { contains contains_full, true }
containment! { contains_not contains_not_full, false }
