//! The value: one machine word that is an int, a float, a constant or a counted pointer.
//!
//! Encoding (the only place that knows it):
//!
//! | low bits | meaning |
//! |---|---|
//! | `00` | int: 62 bits, two's complement, shifted left by two |
//! | `01` | pointer to a heap object (its address plus one) |
//! | `10` | float: the IEEE bits rotated so that the exponent's top bits are implied |
//! | `11` | constant: `None`, `False`, `True`, … |
//!
//! Ints are tagged `00` so that addition and comparison work on the raw word. Floats whose exponent is
//! unusual (beyond about 1e±77, infinities, NaN, −0.0) live on the heap.
//!
//! A `Value` owns one count of the object it points to: `clone` counts up, `drop` counts down.

use super::heap::Heap;
use super::object::{Header, Kind, Object, Ref};
use std::marker::PhantomData;

/// A script value. Eight bytes; see the module's documentation for the encoding.
#[repr(transparent)]
pub struct Value(u64, NotSend);

/// Counts are not atomic: values stay with the thread that holds the interpreter's lock.
type NotSend = PhantomData<*const ()>;

const TAG_MASK: u64 = 3;
const TAG_INT: u64 = 0;
const TAG_PTR: u64 = 1;
const TAG_FLOAT: u64 = 2;
const TAG_CONST: u64 = 3;

/// The bits of `0.0`, whose exponent the rotation cannot express.
const FLOAT_ZERO: u64 = 0x8000_0000_0000_0002;

const fn constant(n: u64) -> Value {
    Value::raw(n << 2 | TAG_CONST)
}

impl Value {
    #[inline(always)]
    const fn raw(bits: u64) -> Value {
        Value(bits, PhantomData)
    }

    /// "No value": an unbound register, a missing argument. Script code never sees it.
    pub const UNDEF: Value = constant(0);
    /// `None`.
    pub const NONE: Value = constant(1);
    /// `False`.
    pub const FALSE: Value = constant(2);
    /// `True`.
    pub const TRUE: Value = constant(3);
    /// `NotImplemented`.
    pub const NOT_IMPLEMENTED: Value = constant(4);
    /// `...`.
    pub const ELLIPSIS: Value = constant(5);
    /// A `StopIteration` without a value that nobody has looked at yet (only inside `Raised`).
    pub const STOP_ITERATION: Value = constant(6);
    /// "Whatever the frames below handle": see `Vm::handled`.
    pub const INHERITED: Value = constant(7);
    /// A deleted entry of a dict or set.
    pub const TOMBSTONE: Value = constant(8);
    /// The VM is being stopped; carried by `Raised`, no handler sees it.
    pub const HALT: Value = constant(9);

    /// The least int that is not on the heap.
    pub const MIN_INT: i64 = -(1 << 61);
    /// The greatest int that is not on the heap.
    pub const MAX_INT: i64 = (1 << 61) - 1;

    /// An int, if 62 bits hold it.
    #[inline(always)]
    pub const fn small_int(i: i64) -> Option<Value> {
        if i >= Self::MIN_INT && i <= Self::MAX_INT { Some(Value::raw((i << 2) as u64)) } else { None }
    }

    /// An int that always fits.
    #[inline(always)]
    pub const fn int32(i: i32) -> Value {
        Value::raw(((i as i64) << 2) as u64)
    }

    /// A length or index; those of real containers always fit.
    #[inline(always)]
    pub const fn len(n: usize) -> Value {
        Value::raw(((n as i64) << 2) as u64)
    }

    /// `True` or `False`.
    #[inline(always)]
    pub const fn bool(b: bool) -> Value {
        Value::raw(((2 + b as u64) << 2) | TAG_CONST)
    }

    /// A float, if it has an inline form.
    #[inline(always)]
    pub fn small_float(f: f64) -> Option<Value> {
        let bits = f.to_bits();
        // The three bits below the sign must be 011 or 100.
        let top = (bits >> 60) & 7;
        if (top == 3 || top == 4) && bits != 0x3000_0000_0000_0000 {
            Some(Value::raw((bits.rotate_left(3) & !TAG_MASK) | TAG_FLOAT))
        } else if bits == 0 {
            Some(Value::raw(FLOAT_ZERO))
        } else {
            None
        }
    }

    /// Whether it is "no value".
    #[inline(always)]
    pub fn is_undef(&self) -> bool {
        self.0 == Self::UNDEF.0
    }

    /// Whether it is `None`.
    #[inline(always)]
    pub fn is_none(&self) -> bool {
        self.0 == Self::NONE.0
    }

    /// Whether it is `True`.
    #[inline(always)]
    pub fn is_true(&self) -> bool {
        self.0 == Self::TRUE.0
    }

    /// Whether it is `False`.
    #[inline(always)]
    pub fn is_false(&self) -> bool {
        self.0 == Self::FALSE.0
    }

    /// Whether it is `NotImplemented`.
    #[inline(always)]
    pub fn is_not_implemented(&self) -> bool {
        self.0 == Self::NOT_IMPLEMENTED.0
    }

    /// Whether both are the same object (`is`).
    #[inline(always)]
    pub const fn is(&self, other: &Value) -> bool {
        self.0 == other.0
    }

    /// The bool, if it is one.
    #[inline(always)]
    pub fn as_bool(&self) -> Option<bool> {
        if self.0 == Self::TRUE.0 {
            Some(true)
        } else if self.0 == Self::FALSE.0 {
            Some(false)
        } else {
            None
        }
    }

    /// Whether it is an inline int (not a bool, not a big int).
    #[inline(always)]
    pub const fn is_small_int(&self) -> bool {
        self.0 & TAG_MASK == TAG_INT
    }

    /// The inline int.
    #[inline(always)]
    pub const fn as_small_int(&self) -> Option<i64> {
        if self.is_small_int() { Some((self.0 as i64) >> 2) } else { None }
    }

    /// Whether both are inline ints.
    #[inline(always)]
    pub const fn both_small_ints(a: &Value, b: &Value) -> bool {
        (a.0 | b.0) & TAG_MASK == TAG_INT
    }

    /// Whether it is an inline float.
    #[inline(always)]
    pub const fn is_small_float(&self) -> bool {
        self.0 & TAG_MASK == TAG_FLOAT
    }

    /// Whether both are inline floats.
    #[inline(always)]
    pub const fn both_small_floats(a: &Value, b: &Value) -> bool {
        // `&` keeps bit 1 and the `|` test rejects constants (11) and pointers (01).
        a.0 & b.0 & 2 != 0 && (a.0 | b.0) & 1 == 0
    }

    /// The inline float.
    #[inline(always)]
    pub fn as_small_float(&self) -> Option<f64> {
        if self.is_small_float() { Some(self.small_float_bits()) } else { None }
    }

    #[inline(always)]
    fn small_float_bits(&self) -> f64 {
        if self.0 == FLOAT_ZERO {
            return 0.0;
        }
        // Bit 63 of the rotated word is the exponent's second bit: it says whether 011 or 100 was dropped.
        let b63 = self.0 >> 63;
        f64::from_bits(((2 - b63) | (self.0 & !TAG_MASK)).rotate_right(3))
    }

    /// Whether it points to a heap object.
    #[inline(always)]
    pub const fn is_object(&self) -> bool {
        self.0 & TAG_MASK == TAG_PTR
    }

    /// Whether it is one of the constants.
    #[inline(always)]
    pub const fn is_constant(&self) -> bool {
        self.0 & TAG_MASK == TAG_CONST
    }

    /// The raw word; equal words are identical objects.
    #[inline(always)]
    pub const fn bits(&self) -> u64 {
        self.0
    }

    /// The kind of the heap object it points to.
    #[inline(always)]
    pub fn kind(&self) -> Option<Kind> {
        self.header().map(|h| h.kind)
    }

    /// The object's header.
    #[inline(always)]
    pub fn header(&self) -> Option<&Header> {
        if self.is_object() {
            // SAFETY: a pointer value owns a count of a live object, which starts with a header. (Without the hint the
            // optimizer keeps a test for null, which no reference is.)
            unsafe {
                std::hint::assert_unchecked(!self.ptr().is_null());
                Some(&*self.ptr())
            }
        } else {
            None
        }
    }

    /// The typed handle, if it points to an object with payload `T` (subclasses included).
    #[inline(always)]
    pub fn cast<T: Object>(&self) -> Option<&Ref<T>> {
        let h = self.header()?;
        if T::is(h) {
            // SAFETY: `Ref<T>` is a transparent wrapper of `Value`, and the payload was just checked.
            Some(unsafe { &*(self as *const Value as *const Ref<T>) })
        } else {
            None
        }
    }

    /// The typed handle, consuming the value; gives it back when it is something else.
    #[inline(always)]
    pub fn try_into_ref<T: Object>(self) -> Result<Ref<T>, Value> {
        if self.cast::<T>().is_some() { Ok(Ref::from_value_unchecked(self)) } else { Err(self) }
    }

    /// Whether it points to an object with payload `T`.
    #[inline(always)]
    pub fn is_a<T: Object>(&self) -> bool {
        self.cast::<T>().is_some()
    }

    // What follows is for `vm` itself.

    #[inline(always)]
    pub(super) const fn ptr(&self) -> *mut Header {
        (self.0 - TAG_PTR) as *mut Header
    }

    /// The object that a word points to, without counting.
    #[inline(always)]
    pub(super) const fn ptr_of(bits: u64) -> *mut Header {
        (bits - TAG_PTR) as *mut Header
    }

    /// The object that a word points to, if it points to one, without counting.
    #[inline(always)]
    pub(super) const fn object_at(bits: u64) -> Option<*mut Header> {
        if bits & TAG_MASK == TAG_PTR { Some(Value::ptr_of(bits)) } else { None }
    }

    /// Takes over one count of `p`.
    #[inline(always)]
    pub(super) fn from_ptr(p: *mut Header) -> Value {
        Value::raw(p as u64 | TAG_PTR)
    }

    /// A value for a word without counting: the caller keeps the counts right.
    #[inline(always)]
    pub(super) const unsafe fn from_bits(bits: u64) -> Value {
        Value::raw(bits)
    }

    /// The raw int word (both tags are zero): for arithmetic without shifting.
    #[inline(always)]
    pub(super) const fn int_word(&self) -> i64 {
        self.0 as i64
    }

    #[inline(always)]
    pub(super) const fn from_int_word(w: i64) -> Value {
        Value::raw(w as u64)
    }

    /// The float of a value known to be an inline float.
    #[inline(always)]
    pub(super) fn float_unchecked(&self) -> f64 {
        self.small_float_bits()
    }
}

impl Clone for Value {
    #[inline(always)]
    fn clone(&self) -> Value {
        if self.is_object() {
            // SAFETY: the object is alive; counts are only touched under the interpreter's lock.
            unsafe { Header::inc(self.ptr()) };
        }
        Value::raw(self.0)
    }
}

impl Drop for Value {
    #[inline(always)]
    fn drop(&mut self) {
        if self.is_object() {
            // SAFETY: this value owns one count, which is given up here.
            unsafe { Heap::dec(self.ptr()) };
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(i) = self.as_small_int() {
            return write!(f, "{i}");
        }
        if let Some(x) = self.as_small_float() {
            return write!(f, "{x:?}");
        }
        match self.header() {
            Some(h) => write!(f, "<{:?} at {:x}>", h.kind, self.0),
            None => write!(f, "<const {}>", self.0 >> 2),
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::bool(b)
    }
}

impl From<i32> for Value {
    fn from(i: i32) -> Value {
        Value::int32(i)
    }
}

const _: () = assert!(size_of::<Value>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_round_trip() {
        for i in [0, 1, -1, 42, Value::MIN_INT, Value::MAX_INT] {
            assert_eq!(Value::small_int(i).unwrap().as_small_int(), Some(i));
        }
        assert!(Value::small_int(Value::MAX_INT + 1).is_none());
        assert!(Value::small_int(Value::MIN_INT - 1).is_none());
    }

    #[test]
    fn usual_floats_are_inline() {
        for f in [0.0, 1.0, -1.0, 0.1, -2.5e30, 1e-70, 1e76, 3.0, f64::EPSILON, 123456789.125] {
            let v = Value::small_float(f).unwrap();
            assert_eq!(v.as_small_float().unwrap().to_bits(), f.to_bits());
            assert!(!v.is_object() && !v.is_small_int() && !v.is_constant());
        }
        for f in [-0.0, f64::INFINITY, f64::NAN, 1e300, 1e-300, f64::MIN_POSITIVE] {
            assert!(Value::small_float(f).is_none());
        }
    }
}
