//! Comparisons.

use super::CmpOp;
use crate::vm::object::Kind;
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::value::Value;
use crate::vm::{R, Vm};
use std::cmp::Ordering;

impl CmpOp {
    /// The comparison with its sides exchanged.
    pub fn swapped(self) -> CmpOp {
        match self {
            CmpOp::Lt => CmpOp::Gt,
            CmpOp::Le => CmpOp::Ge,
            CmpOp::Eq => CmpOp::Eq,
            CmpOp::Ne => CmpOp::Ne,
            CmpOp::Gt => CmpOp::Lt,
            CmpOp::Ge => CmpOp::Le,
        }
    }

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            CmpOp::Lt => "<",
            CmpOp::Le => "<=",
            CmpOp::Eq => "==",
            CmpOp::Ne => "!=",
            CmpOp::Gt => ">",
            CmpOp::Ge => ">=",
        }
    }

    /// The special method.
    pub fn special(self) -> Special {
        match self {
            CmpOp::Lt => Special::Lt,
            CmpOp::Le => Special::Le,
            CmpOp::Eq => Special::Eq,
            CmpOp::Ne => Special::Ne,
            CmpOp::Gt => Special::Gt,
            CmpOp::Ge => Special::Ge,
        }
    }

    /// What it says of two things in this order.
    #[inline]
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            CmpOp::Lt => order.is_lt(),
            CmpOp::Le => order.is_le(),
            CmpOp::Eq => order.is_eq(),
            CmpOp::Ne => order.is_ne(),
            CmpOp::Gt => order.is_gt(),
            CmpOp::Ge => order.is_ge(),
        }
    }

    #[inline]
    fn holds_for_floats(self, a: f64, b: f64) -> bool {
        match self {
            CmpOp::Lt => a < b,
            CmpOp::Le => a <= b,
            CmpOp::Eq => a == b,
            CmpOp::Ne => a != b,
            CmpOp::Gt => a > b,
            CmpOp::Ge => a >= b,
        }
    }
}

/// Whether two texts are equal; the first bytes differ most often.
#[inline(always)]
pub(in crate::vm) fn same_text(x: &[u8], y: &[u8]) -> bool {
    x.len() == y.len() && x.first() == y.first() && (x.len() <= 1 || x == y)
}

impl Vm {
    /// `a == b` as containers ask it: identical objects are equal without a question.
    ///
    /// # Errors
    /// What the comparison or the truth of its result raises.
    #[inline]
    pub fn equal(&mut self, a: &Value, b: &Value) -> R<bool> {
        if a.is(b) { Ok(true) } else { self.compare(a, b, CmpOp::Eq) }
    }

    /// The truth of `a op b`.
    ///
    /// # Errors
    /// What the comparison or the truth of its result raises.
    #[inline]
    pub fn compare(&mut self, a: &Value, b: &Value, op: CmpOp) -> R<bool> {
        if let Some(b) = self.quick_compare(a, b, op) {
            return Ok(b);
        }
        let v = self.compare_slow(a, b, op)?;
        self.truth(&v)
    }

    /// `a op b`.
    ///
    /// # Errors
    /// TypeError when neither side knows how; what the special methods raise.
    #[inline]
    pub fn rich_compare(&mut self, a: &Value, b: &Value, op: CmpOp) -> R {
        match self.quick_compare(a, b, op) {
            Some(b) => Ok(Value::bool(b)),
            None => self.compare_slow(a, b, op),
        }
    }

    /// `a == b` as containers ask it, where that needs no call.
    #[inline]
    pub(in crate::vm) fn equal_plainly(&self, a: &Value, b: &Value) -> Option<bool> {
        if a.is(b) { Some(true) } else { self.quick_compare(a, b, CmpOp::Eq) }
    }

    /// Comparisons of inline numbers and of plain strings.
    #[inline]
    fn quick_compare(&self, a: &Value, b: &Value, op: CmpOp) -> Option<bool> {
        if let (Some(a), Some(b)) = (a.as_small_int(), b.as_small_int()) {
            return Some(op.holds(a.cmp(&b)));
        }
        if let (Some(a), Some(b)) = (a.as_small_float(), b.as_small_float()) {
            return Some(op.holds_for_floats(a, b));
        }
        let (x, y) = (a.cast::<Str>()?, b.cast::<Str>()?);
        if !x.header().layout().is_exact() || !y.header().layout().is_exact() {
            return None;
        }
        let (x, y) = (x.get(self).as_bytes(), y.get(self).as_bytes());
        const LONG: usize = 4096;
        if x.len() >= LONG {
            self.charge(x.len().min(y.len()) / LONG);
        }
        Some(match op {
            CmpOp::Eq => same_text(x, y),
            CmpOp::Ne => !same_text(x, y),
            _ => op.holds(x.cmp(y)),
        })
    }

    fn compare_slow(&mut self, a: &Value, b: &Value, op: CmpOp) -> R {
        self.enter_native()?;
        let result = self.compare_by_methods(a, b, op);
        self.leave_native();
        result
    }

    fn compare_by_methods(&mut self, a: &Value, b: &Value, op: CmpOp) -> R {
        if let (Some(x), Some(y)) = (a.header(), b.header())
            && x.kind == Kind::Tuple
            && std::ptr::eq(x.layout(), y.layout())
            && x.layout().is_exact()
        {
            return crate::objects::tuple::compare(self, &[a.clone(), b.clone()], op);
        }
        let (ca, cb) = (self.class_of(a), self.class_of(b));
        let swap_first = !ca.is(cb) && cb.is_subclass(self, ca);
        if swap_first {
            let result = self.compare_method(b, a, op.swapped())?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        let result = self.compare_method(a, b, op)?;
        if !result.is_not_implemented() {
            return Ok(result);
        }
        if !swap_first {
            let result = self.compare_method(b, a, op.swapped())?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        match op {
            CmpOp::Eq => Ok(Value::bool(a.is(b))),
            CmpOp::Ne => Ok(Value::bool(!a.is(b))),
            _ => Err(self.type_error(format!(
                "'{}' not supported between instances of '{}' and '{}'",
                op.symbol(),
                self.class_name(a),
                self.class_name(b)
            ))),
        }
    }

    /// One side's answer; `object`'s own methods are not called but known.
    fn compare_method(&mut self, a: &Value, b: &Value, op: CmpOp) -> R {
        let special = op.special();
        let Some(f) = self.special(a, special) else { return Ok(Value::NOT_IMPLEMENTED) };
        if f.kind() == Some(Kind::Native) && self.is_objects_own(&f, special) {
            return match op {
                CmpOp::Eq if a.is(b) => Ok(Value::TRUE),
                CmpOp::Ne => {
                    // The opposite of `==`, by whatever `__eq__` the class has.
                    let equal = self.compare_method(a, b, CmpOp::Eq)?;
                    if equal.is_not_implemented() { Ok(equal) } else { Ok(Value::bool(!self.truth(&equal)?)) }
                }
                _ => Ok(Value::NOT_IMPLEMENTED),
            };
        }
        self.call_special(&f, a, std::slice::from_ref(b))
    }
}
