//! Arithmetic beyond the loop's fast paths.

use super::super::keys::exact_str;
use super::super::object::Kind;
use super::super::ops::{BinOp, CmpOp, same_text};
use super::super::str::Str;
use super::super::value::Value;
use super::super::{R, Vm};

/// `//` on int words.
#[inline(always)]
pub(super) fn floor_div_words(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    // The words are multiples of four, so the quotient is that of the numbers. It cannot overflow `i64`, but it
    // can leave the 62 bits (least int divided by -1).
    let mut q = x.checked_div(y)?;
    if x % y != 0 && (x < 0) != (y < 0) {
        q -= 1;
    }
    q.checked_mul(4)
}

/// `%` on int words.
#[inline(always)]
pub(super) fn mod_words(x: i64, y: i64) -> Option<i64> {
    if y == 0 {
        return None;
    }
    let m = x.checked_rem(y)?;
    Some(if m != 0 && (m < 0) != (y < 0) { m + y } else { m })
}

/// `<<` on int words.
#[inline(always)]
pub(super) fn shl_words(x: i64, y: i64) -> Option<i64> {
    let n = y >> 2;
    if !(0..62).contains(&n) {
        return None;
    }
    let shifted = x << n;
    if shifted >> n == x { Some(shifted) } else { None }
}

/// `>>` on int words.
#[inline(always)]
pub(super) fn shr_words(x: i64, y: i64) -> Option<i64> {
    let n = y >> 2;
    if n < 0 {
        return None;
    }
    Some((x >> n.min(63)) & !3)
}

/// `/` of small numbers.
#[inline(always)]
pub(super) fn true_div_fast(a: &Value, b: &Value) -> Option<Value> {
    /// Up to here every int is a float exactly, so that one division rounds right.
    const EXACT: i64 = 1 << 53;
    let number = |v: &Value| match v.as_small_int() {
        Some(i) if (-EXACT..=EXACT).contains(&i) => Some(i as f64),
        _ => v.as_small_float(),
    };
    let (x, y) = (number(a)?, number(b)?);
    if y == 0.0 { None } else { Value::small_float(x / y) }
}

/// A small int, or a truth value as one.
#[inline(always)]
pub(super) fn truth_as_int(v: &Value) -> Option<i64> {
    v.as_small_int().or_else(|| v.as_bool().map(i64::from))
}

impl Vm {
    /// A binary operation on values that the loop's fast paths did not cover.
    #[inline(never)]
    pub(super) fn arith(&mut self, inplace: bool, op: BinOp, a: Value, b: Value) -> R {
        // An int with a float, and floats whose result has no inline form.
        if let (Some(x), Some(y)) = (mixed(&a), mixed(&b))
            && (a.is_small_float() || b.is_small_float())
        {
            let f = match op {
                BinOp::Add => Some(x + y),
                BinOp::Sub => Some(x - y),
                BinOp::Mul => Some(x * y),
                BinOp::TrueDiv if y != 0.0 => Some(x / y),
                BinOp::Pow if x >= 0.0 && y == 2.0 => Some(x * x),
                BinOp::Pow if x > 0.0 && y == 0.5 => Some(x.sqrt()),
                _ => None,
            };
            if let Some(f) = f
                && (f.is_finite() || matches!(op, BinOp::Add | BinOp::Sub | BinOp::Mul))
            {
                return Ok(self.float(f));
            }
        }
        if let (Some(x), Some(y)) = (truth_as_int(&a), truth_as_int(&b))
            && let Some(n) = match op {
                BinOp::Add => x.checked_add(y),
                BinOp::Sub => x.checked_sub(y),
                BinOp::Mul => x.checked_mul(y),
                _ => None,
            }
        {
            return Ok(self.int(n));
        }
        if matches!(op, BinOp::Add)
            && a.kind() == Some(Kind::Str)
            && let (Some(x), Some(y)) = (exact_str(&a), exact_str(&b))
        {
            return self.concat(x, y);
        }
        if matches!(op, BinOp::Add)
            && !inplace
            && let (Some(x), Some(y)) = (a.header(), b.header())
            && std::ptr::eq(x.layout(), y.layout())
            && x.layout().is_exact()
        {
            match x.kind {
                Kind::List => return crate::objects::list::add(self, &[a, b]),
                Kind::Tuple => return crate::objects::tuple::add(self, &[a, b]),
                _ => {}
            }
        }
        if inplace { self.inplace(op, &a, &b) } else { self.binary(op, &a, &b) }
    }

    fn concat(&mut self, a: &super::super::object::Ref<Str>, b: &super::super::object::Ref<Str>) -> R {
        let total = a.get(self).byte_len().saturating_add(b.get(self).byte_len());
        if total > 1 << 20 {
            self.check_alloc(total)?;
        }
        let layout = a.header().layout();
        let (x, y) = (a.get(self), b.get(self));
        let chars = x.char_len() + y.char_len();
        Ok(self.heap.alloc_str_pair(layout, x.as_bytes(), y.as_bytes(), chars).into())
    }

    /// `target += more` on strings: appends in place when nobody else holds the target, else makes a new string
    /// there; false (and nothing done) when one is an instance of a subclass.
    #[inline(never)]
    pub(super) fn append_str(&mut self, target: &mut Value, more: &Value) -> R<bool> {
        let (Some(t), Some(m)) = (exact_str(target), exact_str(more)) else { return Ok(false) };
        let h = t.header();
        let (x, y) = (t.get(self), m.get(self));
        let chars = x.char_len() + y.char_len();
        let total = x.byte_len().saturating_add(y.byte_len());
        let unshared = h.ref_count() == 1 && !h.has_flag(super::super::object::flag::INTERNED);
        if unshared && self.heap.append_in_place(target, y.as_bytes(), y.char_len()) {
            return Ok(true);
        }
        if total > 1 << 20 {
            self.check_alloc(total)?;
        }
        let (x, y) = (t.get(self), m.get(self));
        let layout = h.layout();
        let joined = if unshared && total > 64 {
            self.heap.alloc_str_growing(layout, x.as_bytes(), y.as_bytes(), chars)
        } else {
            self.heap.alloc_str_pair(layout, x.as_bytes(), y.as_bytes(), chars)
        };
        *target = joined.into_value();
        Ok(true)
    }

    /// The truth of a comparison that the loop's fast paths did not cover.
    #[inline(never)]
    pub(super) fn compare_truth(&mut self, a: Value, b: Value, op: CmpOp) -> R<bool> {
        if let Some(t) = compare_plain(&a, &b, op) {
            return Ok(t);
        }
        let v = self.rich_compare(&a, &b, op)?;
        match v.as_bool() {
            Some(t) => Ok(t),
            None => self.truth(&v),
        }
    }
}

/// The comparison of two strings, or of numbers of which at least one is a float.
#[inline]
pub(super) fn compare_plain(a: &Value, b: &Value, op: CmpOp) -> Option<bool> {
    let (Some(x), Some(y)) = (exact_str(a), exact_str(b)) else {
        let (x, y) = (plain_float(a)?, plain_float(b)?);
        return Some(match op {
            CmpOp::Eq => x == y,
            CmpOp::Ne => x != y,
            CmpOp::Lt => x < y,
            CmpOp::Le => x <= y,
            CmpOp::Gt => x > y,
            CmpOp::Ge => x >= y,
        });
    };
    // SAFETY: the handles keep the strings alive, which never change.
    let (x, y) = unsafe { ((*x.as_ptr()).as_bytes(), (*y.as_ptr()).as_bytes()) };
    // Generalized UTF-8 sorts as its code points do.
    Some(match op {
        CmpOp::Eq => a.is(b) || same_text(x, y),
        CmpOp::Ne => !a.is(b) && !same_text(x, y),
        CmpOp::Lt => x < y,
        CmpOp::Le => x <= y,
        CmpOp::Gt => x > y,
        CmpOp::Ge => x >= y,
    })
}

/// A float, or an int that a float can be, as the float.
#[inline]
fn plain_float(v: &Value) -> Option<f64> {
    const EXACT: u64 = 1 << 53;
    match v.as_small_int() {
        Some(i) => (i.unsigned_abs() <= EXACT).then_some(i as f64),
        None => v.as_small_float(),
    }
}

/// The truth of what needs no look at an object.
#[inline(always)]
pub(super) fn plain_truth(v: &Value) -> Option<bool> {
    match v.as_bool() {
        Some(t) => Some(t),
        None => match v.as_small_int() {
            Some(i) => Some(i != 0),
            None if v.is_none() => Some(false),
            None => None,
        },
    }
}

/// An inline float, or an int that is a float exactly.
#[inline(always)]
pub(super) fn mixed(v: &Value) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    match v.as_small_int() {
        Some(i) if (-EXACT..=EXACT).contains(&i) => Some(i as f64),
        Some(_) => None,
        None => v.as_small_float(),
    }
}
