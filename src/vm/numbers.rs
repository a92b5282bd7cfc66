//! Payloads of numbers that do not fit a word: big ints and unusual floats.

use super::object::{Kind, Object, Ref, Trace, Tracer};
use super::value::Value;
use super::{R, Vm};
use crate::bigint::BigInt;
use crate::heap_object;

/// The payload of an `int` on the heap: one beyond 62 bits, or an instance of a subclass.
pub struct Int {
    /// The number.
    pub big: BigInt,
}

impl Trace for Int {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

impl Object for Int {
    const KIND: Kind = Kind::Int;
    fn external(&self) -> usize {
        self.big.heap_size()
    }
}

heap_object! {
    /// The payload of a `float` on the heap: without an inline form, or an instance of a subclass.
    pub struct Float {
        /// The number.
        pub value: f64,
    }
    kind = Float;
}

heap_object! {
    /// The payload of classes whose only instance is a constant.
    pub struct Nothing {}
}

impl Vm {
    /// An int.
    #[inline]
    pub fn int(&self, i: i64) -> Value {
        match Value::small_int(i) {
            Some(v) => v,
            None => self.alloc(Int { big: BigInt::from(i) }).into(),
        }
    }

    /// An int from any Rust integer that an `i128` holds.
    pub fn int_from(&self, i: impl Into<i128>) -> Value {
        let i: i128 = i.into();
        match i64::try_from(i) {
            Ok(i) => self.int(i),
            Err(_) => self.alloc(Int { big: BigInt::from(i) }).into(),
        }
    }

    /// An int from a big one, inline where it fits.
    pub fn big_int(&self, big: BigInt) -> Value {
        match big.to_i64() {
            Some(i) => match Value::small_int(i) {
                Some(v) => v,
                None => self.alloc(Int { big }).into(),
            },
            None => {
                self.charge(big.heap_size() / 256);
                self.alloc(Int { big }).into()
            }
        }
    }

    /// A float.
    #[inline]
    pub fn float(&self, f: f64) -> Value {
        match Value::small_float(f) {
            Some(v) => v,
            None => self.alloc(Float { value: f }).into(),
        }
    }

    /// The number, if the value is a `float` or an instance of a subclass.
    #[inline]
    pub fn as_float(&self, v: &Value) -> Option<f64> {
        v.as_small_float().or_else(|| v.cast::<Float>().map(|f| f.get(self).value))
    }

    /// The number, if the value is an `int`, `bool` or an instance of a subclass, and an `i64` holds it.
    #[inline]
    pub fn as_i64(&self, v: &Value) -> Option<i64> {
        match v.as_small_int() {
            Some(i) => Some(i),
            None => v.as_bool().map(i64::from).or_else(|| v.cast::<Int>()?.get(self).big.to_i64()),
        }
    }

    /// The number as a big int, if the value is an `int`, `bool` or an instance of a subclass.
    pub fn as_big_int(&self, v: &Value) -> Option<BigInt> {
        match self.as_i64(v) {
            Some(i) => Some(BigInt::from(i)),
            None => v.cast::<Int>().map(|i| i.get(self).big.clone()),
        }
    }

    /// Whether the value is an `int`, `bool` or an instance of a subclass.
    #[inline]
    pub fn is_int(&self, v: &Value) -> bool {
        v.is_small_int() || v.as_bool().is_some() || v.is_a::<Int>()
    }

    /// `operator.index(v)`: the int that the value is or that its `__index__` gives.
    ///
    /// # Errors
    /// TypeError when it is no integer; what `__index__` raises.
    pub fn index(&mut self, v: &Value) -> R {
        if v.is_small_int() {
            return Ok(v.clone());
        }
        if let Some(b) = v.as_bool() {
            return Ok(Value::int32(b as i32));
        }
        if v.is_a::<Int>() {
            return Ok(v.clone());
        }
        let Some(f) = self.special(v, super::special::Special::Index) else {
            return Err(self.type_error(format!("'{}' object cannot be interpreted as an integer", self.class_name(v))));
        };
        let result = self.call_special(&f, v, &[])?;
        if !self.is_int(&result) {
            return Err(self.type_error(format!("__index__ returned non-int (type {})", self.class_name(&result))));
        }
        if !self.is_exact(&result, &self.types.int) {
            let text = format!(
                "__index__ returned non-int (type {}).  The ability to return an instance of a strict subclass of int \
                 is deprecated, and may be removed in a future version of Python.",
                self.class_name(&result)
            );
            let category = self.exc.DeprecationWarning.clone();
            self.warn(&category, &text, 1)?;
            if let Some(big) = self.as_big_int(&result) {
                return Ok(self.big_int(big));
            }
        }
        Ok(result)
    }

    /// `index` as an `i64`, clamped to its range: for positions in slices and searches.
    ///
    /// # Errors
    /// As [`index`](Self::index).
    pub fn index_clamped(&mut self, v: &Value) -> R<i64> {
        let v = self.index(v)?;
        Ok(match self.as_i64(&v) {
            Some(i) => i,
            None => match self.as_big_int(&v) {
                Some(b) if b.is_negative() => i64::MIN,
                _ => i64::MAX,
            },
        })
    }

    /// `index` as an `i64`.
    ///
    /// # Errors
    /// As [`index`](Self::index); OverflowError ("Python int too large to convert to C ssize_t").
    pub fn index_i64(&mut self, v: &Value) -> R<i64> {
        let i = self.index(v)?;
        match self.as_i64(&i) {
            Some(i) => Ok(i),
            None => Err(self.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }

    /// The int handle, if the value is a heap int.
    pub fn heap_int<'a>(&self, v: &'a Value) -> Option<&'a Ref<Int>> {
        v.cast::<Int>()
    }
}
