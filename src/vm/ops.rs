//! The operations that every object has: truth, length, hash, text, and the operators by way of special methods.
//!
//! Here are the small ones and the enums; operators are in `ops/arith`, comparisons in `ops/compare`, iteration in
//! `ops/iterate`, items in `ops/items`, `isinstance` and its like in `ops/check`. What a type itself does is in
//! `objects`.
//!
//! Invariant: everything that may call back into scripts counts as native recursion, so that no nesting of objects
//! can use up the native stack.

mod arith;
mod check;
mod compare;
mod items;
mod iterate;

use super::dict::Dict;
use super::keys::exact_str;
use super::numbers::{Float, Int};
use super::object::{Kind, Ref};
use super::seq::List;
use super::set::{FrozenSet, Set};
use super::special::Special;
use super::str::{Bytes, Str, Tuple};
use super::value::Value;
use super::{R, Vm};
use crate::text::hash;

pub(super) use compare::same_text;
pub(super) use iterate::init as init_iterators;

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum CmpOp {
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

/// A binary operator, in CPython's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    MatMul,
    TrueDiv,
    FloorDiv,
    Mod,
    Pow,
    LShift,
    RShift,
    And,
    Or,
    Xor,
    DivMod,
}

/// A unary operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
#[repr(u8)]
pub enum UnOp {
    Neg,
    Pos,
    Invert,
    Abs,
}

impl Vm {
    // ---- truth and length ----

    /// Whether a value counts as true.
    ///
    /// # Errors
    /// What `__bool__` and `__len__` raise; TypeError when they give something else than a bool or a length.
    #[inline]
    pub fn truth(&mut self, v: &Value) -> R<bool> {
        if v.is_constant() && !v.is(&Value::NOT_IMPLEMENTED) {
            return Ok(!v.is_false() && !v.is_none());
        }
        if let Some(i) = v.as_small_int() {
            return Ok(i != 0);
        }
        self.truth_slow(v)
    }

    fn truth_slow(&mut self, v: &Value) -> R<bool> {
        if let Some(f) = v.as_small_float() {
            return Ok(f != 0.0);
        }
        if let Some(n) = self.builtin_len(v) {
            return Ok(n != 0);
        }
        if let Some(f) = self.special(v, Special::Bool) {
            let result = self.guarded(|vm| vm.call_special(&f, v, &[]))?;
            return match result.as_bool() {
                Some(b) => Ok(b),
                None => {
                    Err(self.type_error(format!("__bool__ should return bool, returned {}", self.class_name(&result))))
                }
            };
        }
        match self.special(v, Special::Len) {
            Some(f) => Ok(self.call_len(&f, v)? != 0),
            None => Ok(true),
        }
    }

    /// The length of an object that is exactly of a built-in container type.
    #[inline]
    pub(super) fn builtin_len(&self, v: &Value) -> Option<usize> {
        let h = v.header()?;
        if !h.layout().is_exact() {
            return None;
        }
        match h.kind {
            Kind::Str => v.cast::<Str>().map(|s| s.get(self).char_len()),
            Kind::Bytes => v.cast::<Bytes>().map(|b| b.get(self).as_bytes().len()),
            Kind::List => v.cast::<List>().map(|l| l.get(self).items.len()),
            Kind::Tuple => v.cast::<Tuple>().map(|t| t.get(self).items().len()),
            Kind::Dict if self.is_exact(v, &self.types.dict) => v.cast::<Dict>().map(|d| d.get(self).len()),
            Kind::Set => v.cast::<Set>().map(|s| s.get(self).table.len()),
            Kind::FrozenSet => v.cast::<FrozenSet>().map(|s| s.get(self).table.len()),
            _ => None,
        }
    }

    /// `len(v)`.
    ///
    /// # Errors
    /// TypeError when there is no length; what `__len__` raises.
    pub fn len(&mut self, v: &Value) -> R<usize> {
        if let Some(n) = self.builtin_len(v) {
            return Ok(n);
        }
        match self.special(v, Special::Len) {
            Some(f) if !f.is_none() => self.call_len(&f, v),
            Some(_) => Err(self.type_error("'NoneType' object is not callable")),
            None => Err(self.type_error(format!("object of type '{}' has no len()", self.class_name(v)))),
        }
    }

    fn call_len(&mut self, f: &Value, v: &Value) -> R<usize> {
        let result = self.guarded(|vm| vm.call_special(f, v, &[]))?;
        let n = self.index(&result)?;
        match self.as_big_int(&n) {
            Some(big) if big.is_negative() => Err(self.value_error("__len__() should return >= 0")),
            _ => {
                match self.as_i64(&n) {
                    Some(n) => Ok(n as usize),
                    None => Err(self
                        .overflow_error(format!("cannot fit '{}' into an index-sized integer", self.class_name(&n)))),
                }
            }
        }
    }

    /// `operator.length_hint(v, default)`.
    ///
    /// # Errors
    /// What `__len__` and `__length_hint__` raise, TypeError excepted; TypeError or ValueError for a bad hint.
    pub fn length_hint(&mut self, v: &Value, default: usize) -> R<usize> {
        if self.special(v, Special::Len).is_some() {
            match self.len(v) {
                Ok(n) => return Ok(n),
                Err(e) if self.raised_is(&e, &self.exc.TypeError) => {}
                Err(e) => return Err(e),
            }
        }
        let Some(f) = self.special(v, Special::LengthHint) else { return Ok(default) };
        let hint = match self.guarded(|vm| vm.call_special(&f, v, &[])) {
            Ok(hint) => hint,
            Err(e) if self.raised_is(&e, &self.exc.TypeError) => return Ok(default),
            Err(e) => return Err(e),
        };
        if hint.is_not_implemented() {
            return Ok(default);
        }
        if !self.is_int(&hint) {
            let class = self.class_name(&hint);
            return Err(self.type_error(format!("__length_hint__ must be an integer, not {class}")));
        }
        match self.as_i64(&hint) {
            Some(n) if n >= 0 => Ok(n as usize),
            Some(_) => Err(self.value_error("__length_hint__() should return >= 0")),
            None => Err(self.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }

    // ---- hash ----

    /// `hash(v)`, as the bits of the signed number that scripts see.
    ///
    /// # Errors
    /// TypeError for an unhashable object; what `__hash__` raises.
    #[inline]
    pub fn hash(&mut self, v: &Value) -> R<u64> {
        if let Some(i) = v.as_small_int() {
            return Ok(hash::hash_i64(i) as u64);
        }
        match v.cast::<Str>() {
            Some(s) if s.header().layout().is_exact() => Ok(self.str_hash(s)),
            _ => self.hash_slow(v),
        }
    }

    /// The hash of an inline int.
    #[inline(always)]
    pub(super) fn hash_small_int(&self, i: i64) -> u64 {
        hash::hash_i64(i) as u64
    }

    fn hash_slow(&mut self, v: &Value) -> R<u64> {
        if let Some(f) = v.as_small_float() {
            return Ok(hash::hash_f64(f, 0) as u64);
        }
        let Some(h) = v.header() else {
            return Ok(match v.as_bool() {
                Some(b) => u64::from(b),
                None => hash::hash_identity(v.bits()) as u64,
            });
        };
        if h.layout().is_exact() {
            match h.kind {
                Kind::Int => {
                    if let Some(i) = v.cast::<Int>() {
                        self.charge(i.get(self).big.heap_size() / 256);
                        return Ok(hash::hash_big(&i.get(self).big) as u64);
                    }
                }
                Kind::Float => {
                    if let Some(f) = v.cast::<Float>() {
                        let identity = hash::hash_identity(f.address() as u64);
                        return Ok(hash::hash_f64(f.get(self).value, identity) as u64);
                    }
                }
                Kind::Bytes => {
                    if let Some(b) = v.cast::<Bytes>() {
                        return Ok(self.bytes_hash(b));
                    }
                }
                Kind::Tuple => {
                    if let Some(hash) = self.plain_hash(v) {
                        return Ok(hash);
                    }
                    if let Some(t) = v.cast::<Tuple>() {
                        return self.guarded(|vm| crate::objects::tuple::hash_items(vm, t)).map(|h| h as u64);
                    }
                }
                _ => {}
            }
        }
        match self.special(v, Special::Hash) {
            Some(f) if f.is_none() => {
                let text = format!("unhashable type: '{}'", self.full_class_name(v));
                Err(self.type_error(text))
            }
            Some(f) if self.is_objects_own(&f, Special::Hash) => Ok(self.identity_hash(v)),
            Some(f) => {
                let result = self.guarded(|vm| vm.call_special(&f, v, &[]))?;
                self.hash_result(&result)
            }
            None => Ok(self.identity_hash(v)),
        }
    }

    /// What a `__hash__` gave, brought into range.
    fn hash_result(&mut self, result: &Value) -> R<u64> {
        if let Some(i) = self.as_i64(result) {
            return Ok(if i == -1 { -2i64 as u64 } else { i as u64 });
        }
        match self.as_big_int(result) {
            Some(big) => Ok(hash::hash_big(&big) as u64),
            None => Err(self.type_error("__hash__ method should return an integer")),
        }
    }

    /// The hash of an object that is only equal to itself.
    #[inline]
    pub fn identity_hash(&self, v: &Value) -> u64 {
        hash::hash_identity(v.header().map_or(v.bits(), |h| h as *const _ as u64)) as u64
    }

    /// The hash of a dict key.
    ///
    /// # Errors
    /// As [`hash`](Self::hash); a TypeError says what the key was for.
    #[inline]
    pub fn hash_as_dict_key(&mut self, v: &Value) -> R<u64> {
        match self.hash(v) {
            Err(e) => Err(self.unhashable(e, v, "dict key")),
            hash => hash,
        }
    }

    /// The hash of an element of a set.
    ///
    /// # Errors
    /// As [`hash`](Self::hash); a TypeError says what the element was for.
    #[inline]
    pub fn hash_as_set_element(&mut self, v: &Value) -> R<u64> {
        match self.hash(v) {
            Err(e) => Err(self.unhashable(e, v, "set element")),
            hash => hash,
        }
    }

    #[cold]
    fn unhashable(&mut self, e: super::Raised, v: &Value, what: &str) -> super::Raised {
        if e.is_halt() || !self.is_exact(&e.0, &self.exc.TypeError) {
            return e;
        }
        match self.str(&e.0) {
            Ok(text) => {
                let text =
                    format!("cannot use '{}' as a {what} ({})", self.full_class_name(v), self.str_of(text.value()));
                self.type_error(text)
            }
            Err(e) => e,
        }
    }

    /// The class's name with its module in front, unless that is `builtins` or `__main__`.
    pub fn full_class_name(&self, v: &Value) -> String {
        let class = self.class_of(v);
        let name = self.str_of(class.get(self).qualname.value());
        match self.lookup(class, &self.names.__module__) {
            Some(m) if m.is_a::<Str>() => match self.str_of(&m).as_str() {
                "builtins" | "__main__" => name,
                module => format!("{module}.{name}"),
            },
            _ => name,
        }
    }

    /// Whether a special method is `object`'s own.
    #[inline]
    pub(super) fn is_objects_own(&self, f: &Value, special: Special) -> bool {
        self.class_special(&self.types.object, special).is_some_and(|own| own.is(f))
    }

    // ---- text ----

    /// `repr(v)`.
    ///
    /// # Errors
    /// What `__repr__` raises; TypeError when it gives no string.
    pub fn repr(&mut self, v: &Value) -> R<Ref<Str>> {
        if let Some(i) = v.as_small_int() {
            return Ok(self.int_str(i));
        }
        if let Some(x) = v.as_small_float() {
            return Ok(self.float_str(x));
        }
        match v.cast::<Str>() {
            Some(s) if s.header().layout().is_exact() => {
                return self.written(|_, out| {
                    crate::text::repr::push_str_repr(out, s.pinned());
                    Ok(())
                });
            }
            _ => {}
        }
        self.text_by(v, Special::Repr)
    }

    /// `str(v)`.
    ///
    /// # Errors
    /// What `__str__` or `__repr__` raises; TypeError when it gives no string.
    pub fn str(&mut self, v: &Value) -> R<Ref<Str>> {
        match v.cast::<Str>() {
            Some(s) if s.header().layout().is_exact() => return Ok(s.clone()),
            _ => {}
        }
        if v.is_small_int() || v.is_small_float() {
            return self.repr(v);
        }
        match self.special(v, Special::Str) {
            Some(f) if !self.is_objects_own(&f, Special::Str) => self.text_by(v, Special::Str),
            _ => self.repr(v),
        }
    }

    fn text_by(&mut self, v: &Value, special: Special) -> R<Ref<Str>> {
        let Some(f) = self.special(v, special) else {
            let class = self.class_name(v);
            return Ok(self.new_str(&format!("<{class} object at {:#x}>", v.bits() & !3)));
        };
        let result = self.guarded(|vm| vm.call_special(&f, v, &[]))?;
        match result.try_into_ref::<Str>() {
            Ok(s) => Ok(s),
            Err(other) => {
                let text = format!("{} returned non-string (type {})", special.name(), self.class_name(&other));
                Err(self.type_error(text))
            }
        }
    }

    /// `ascii(v)`.
    ///
    /// # Errors
    /// As [`repr`](Self::repr).
    pub fn ascii(&mut self, v: &Value) -> R<Ref<Str>> {
        let s = self.repr(v)?;
        if s.get(self).is_ascii() {
            return Ok(s);
        }
        let text = crate::text::repr::ascii_of_repr(s.get(self).as_bytes());
        Ok(self.new_str_bytes(&text))
    }

    /// Appends `format(v, spec)`, if the value is exactly a small `int` or `float` or a `str`, and so does not need
    /// to be asked.
    #[inline]
    pub fn format_plainly(&mut self, out: &mut Vec<u8>, v: &Value, spec: &[u8]) -> Option<R<()>> {
        use crate::text::format_spec::{Int, write_float, write_int, write_str};
        // Three characters make no large number.
        if spec.len() > 3
            && let Err(e) = crate::objects::str::format::check_spec_text(self, spec)
        {
            return Some(Err(e));
        }
        let result = if let Some(i) = v.as_small_int() {
            // No word has too many digits.
            write_int(out, Int::Small(i), spec, "int", 0)
        } else if let Some(x) = v.as_small_float() {
            write_float(out, x, spec, "float")
        } else {
            let s = v.cast::<Str>().filter(|s| s.header().layout().is_exact())?;
            write_str(out, s.pinned(), spec, "str")
        };
        Some(result.map_err(|e| self.text_error(e)))
    }

    /// `format(v, spec)`; `spec` is a string.
    ///
    /// # Errors
    /// What `__format__` raises; TypeError when it gives no string.
    pub fn format(&mut self, v: &Value, spec: &Value) -> R<Ref<Str>> {
        let empty = spec.cast::<Str>().is_none_or(|s| s.get(self).byte_len() == 0);
        let plain = v.is_small_int() || v.is_small_float() || exact_str(v).is_some();
        if empty && plain {
            return self.str(v);
        }
        if plain && let Some(spec) = exact_str(spec) {
            return self.written(|vm, out| vm.format_plainly(out, v, spec.pinned()).unwrap_or(Ok(())));
        }
        let Some(f) = self.special(v, Special::Format) else {
            let class = self.class_name(v);
            return Err(self.type_error(format!("Type {class} doesn't define __format__")));
        };
        if empty && self.is_objects_own(&f, Special::Format) {
            return self.str(v);
        }
        let result = self.guarded(|vm| vm.call_special(&f, v, std::slice::from_ref(spec)))?;
        match result.try_into_ref::<Str>() {
            Ok(s) => Ok(s),
            Err(other) => {
                let class = self.class_name(&other);
                Err(self.type_error(format!("__format__ must return a str, not {class}")))
            }
        }
    }

    /// `repr(v)` for messages, with U+FFFD for lone surrogates.
    ///
    /// # Errors
    /// As [`repr`](Self::repr).
    pub fn repr_string(&mut self, v: &Value) -> R<String> {
        let s = self.repr(v)?;
        Ok(self.str_of(s.value()))
    }

    /// Says that the `repr` of a container begins; false when it is under way already (the container is in itself).
    pub fn enter_repr(&mut self, v: &Value) -> bool {
        let fresh = !self.thread.repr_active.contains(&v.bits());
        if fresh {
            self.thread.repr_active.push(v.bits());
        }
        fresh
    }

    /// Says that the `repr` of a container is over.
    pub fn leave_repr(&mut self, v: &Value) {
        if let Some(at) = self.thread.repr_active.iter().rposition(|&b| b == v.bits()) {
            self.thread.repr_active.remove(at);
        }
    }
}
