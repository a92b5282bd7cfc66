//! Script values for items of buffers, and back: what `memoryview`, `struct` and `array` share.

use crate::objects::complex;
use crate::text::struct_pack::{self, Class, Field};
use crate::vm::special::Special;
use crate::vm::str::Bytes;
use crate::vm::{R, Value, Vm};

/// The script's value of an item.
pub fn to_script(vm: &Vm, v: struct_pack::Value<'_>) -> Value {
    match v {
        struct_pack::Value::Int(n) => vm.int_from(n),
        struct_pack::Value::Float(x) => vm.float(x),
        struct_pack::Value::Complex(re, im) => complex::new_complex(vm, re, im),
        struct_pack::Value::Bool(b) => Value::bool(b),
        struct_pack::Value::Bytes(b) => vm.new_bytes(b).into(),
        struct_pack::Value::Huge | struct_pack::Value::Wrong => Value::NONE,
    }
}

/// What a script's value is for a field: the primitive, with the bytes that it may borrow.
pub enum Primitive {
    /// Anything but bytes.
    Plain(struct_pack::Value<'static>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Primitive {
    /// As `text::struct_pack` takes it.
    pub fn value(&self) -> struct_pack::Value<'_> {
        match self {
            Primitive::Plain(v) => *v,
            Primitive::Bytes(b) => struct_pack::Value::Bytes(b),
        }
    }
}

/// An integer as a primitive.
pub fn int_primitive(vm: &Vm, v: &Value) -> struct_pack::Value<'static> {
    match vm.as_i64(v) {
        Some(n) => struct_pack::Value::Int(i128::from(n)),
        None => match vm.as_big_int(v).and_then(|b| b.to_i128()) {
            Some(n) => struct_pack::Value::Int(n),
            None => struct_pack::Value::Huge,
        },
    }
}

/// The primitive that a field takes from a script's value; `Wrong` when it is of another kind.
///
/// # Errors
/// What `__index__`, `__float__` and `__bool__` raise, TypeError excepted.
pub fn from_script(vm: &mut Vm, field: &Field, v: &Value) -> R<Primitive> {
    let wrong = Primitive::Plain(struct_pack::Value::Wrong);
    let made = match field.class() {
        Class::Int | Class::Pointer => {
            if !vm.is_int(v) && vm.special(v, Special::Index).is_none() {
                return Ok(wrong);
            }
            let n = vm.index(v)?;
            int_primitive(vm, &n)
        }
        Class::Float => match crate::objects::float::to_f64(vm, v) {
            Ok(x) => struct_pack::Value::Float(x),
            Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => struct_pack::Value::Wrong,
            Err(e) => return Err(e),
        },
        Class::Complex => match complex::as_complex(vm, v) {
            Some((re, im)) => struct_pack::Value::Complex(re, im),
            None => match crate::objects::float::to_f64(vm, v) {
                Ok(x) => struct_pack::Value::Complex(x, 0.0),
                Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => struct_pack::Value::Wrong,
                Err(e) => return Err(e),
            },
        },
        Class::Bool => struct_pack::Value::Bool(vm.truth(v)?),
        Class::Char => {
            return Ok(v.cast::<Bytes>().map_or(wrong, |b| Primitive::Bytes(b.get(vm).as_bytes().to_vec())));
        }
        Class::Bytes => return Ok(super::plain(vm, v).map_or(wrong, |b| Primitive::Bytes(b.to_vec()))),
    };
    Ok(Primitive::Plain(made))
}

/// The field of a buffer's format of one character, native byte order; none for other formats.
pub fn native_field(format: &str) -> Option<Field> {
    let code = match format.as_bytes() {
        [code] | [b'@', code] => *code,
        _ => return None,
    };
    let size = match code {
        b'c' | b'b' | b'B' | b'?' => 1,
        b'h' | b'H' | b'e' => 2,
        b'i' | b'I' | b'f' => 4,
        b'l' | b'L' | b'q' | b'Q' | b'n' | b'N' | b'P' | b'd' => 8,
        b'F' => 8,
        b'D' => 16,
        _ => return None,
    };
    Some(Field { code, offset: 0, size })
}
