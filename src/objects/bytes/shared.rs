//! Items, operators and conversions that `bytes` and `bytearray` have in common.

use super::{bytes_from, is_bytes_like, iterator, plain};
use crate::objects::bytearray;
use crate::objects::slice::{Span, unpack};
use crate::objects::str::{codec, is_index, item_index, named_text, percent, position, repetitions};
use crate::text::algorithms::{self as alg, Flavor};
use crate::text::{codecs, repr};
use crate::vm::native::{NativeDef, arg};
use crate::vm::ops::CmpOp;
use crate::vm::seq::SliceObject;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

pub(crate) const METHODS: &[NativeDef] = &[
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| Ok(Value::len(own(vm, a).len()))),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", iterator::iter),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", getitem),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", contains),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", mul),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", mul),
    NativeDef::new("__mod__(self, value, /)", "Return self%value.", |vm, a| modulo(vm, &a[0], &a[1])),
    NativeDef::new("__rmod__(self, value, /)", "Return value%self.", |vm, a| modulo(vm, &a[1], &a[0])),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", show),
    NativeDef::new("__str__(self, /)", "Return str(self).", show),
    NativeDef::new(
        "__buffer__(self, flags, /)",
        "Return a buffer object that exposes the underlying memory of the object.",
        crate::objects::memoryview::native_buffer,
    ),
    NativeDef::new(
        "decode(self, /, encoding='utf-8', errors='strict')",
        "Decode the bytes using the codec registered for encoding.",
        decode,
    ),
    NativeDef::new(
        "hex(self, sep=None, bytes_per_sep=1)",
        "Create a string of hexadecimal numbers from a bytes object.",
        |vm, a| {
            let text = hex_text(vm, a, |vm| own(vm, a).to_vec())?;
            Ok(vm.new_str(&text).into())
        },
    ),
    NativeDef::new("fromhex(cls, string, /)", "Create bytes from a string of hexadecimal numbers.", from_hex),
];

/// The receiver's contents.
#[inline]
pub(crate) fn own<'a>(vm: &'a Vm, a: &'a [Value]) -> &'a [u8] {
    a.first().and_then(|v| plain(vm, v)).unwrap_or_default()
}

/// New contents for an object of the receiver's kind.
pub(crate) fn like(vm: &Vm, receiver: &Value, contents: &[u8]) -> Value {
    if receiver.is_a::<Bytes>() { vm.new_bytes(contents).into() } else { bytearray::new(vm, contents.to_vec()).into() }
}

/// The receiver itself where it cannot change and is exactly `bytes`, else a copy.
pub(crate) fn same(vm: &Vm, a: &[Value]) -> Value {
    if vm.is_exact(&a[0], &vm.types.bytes) { a[0].clone() } else { like(vm, &a[0], own(vm, a)) }
}

/// A part of the receiver; the receiver itself when it is all of it and cannot change.
pub(crate) fn part_of(vm: &Vm, a: &[Value], part: &[u8]) -> Value {
    if part.len() == own(vm, a).len() { same(vm, a) } else { like(vm, &a[0], part) }
}

/// What messages call the receiver's kind.
fn kind(a: &[Value]) -> &'static str {
    if a[0].is_a::<Bytes>() { "bytes" } else { "bytearray" }
}

fn getitem(vm: &mut Vm, a: &[Value]) -> R {
    let key = &a[1];
    if is_index(vm, key) {
        let i = item_index(vm, key)?;
        let contents = own(vm, a);
        return match position(i, contents.len()).and_then(|at| contents.get(at)) {
            Some(&byte) => Ok(Value::int32(i32::from(byte))),
            None if a[0].is_a::<Bytes>() => Err(vm.index_error("index out of range")),
            None => Err(vm.index_error("bytearray index out of range")),
        };
    }
    let Some(slice) = key.cast::<SliceObject>() else {
        let got = vm.class_name(key);
        let what = if a[0].is_a::<Bytes>() { "byte" } else { "bytearray" };
        return Err(vm.type_error(format!("{what} indices must be integers or slices, not {got}")));
    };
    let numbers = unpack(vm, slice)?;
    let contents = own(vm, a);
    let span = Span::new(numbers, contents.len());
    if span.step == 1 {
        return Ok(part_of(vm, a, contents.get(span.range()).unwrap_or_default()));
    }
    let picked: Vec<u8> = span.positions().filter_map(|at| contents.get(at).copied()).collect();
    Ok(like(vm, &a[0], &picked))
}

fn contains(vm: &mut Vm, a: &[Value]) -> R {
    vm.charge(own(vm, a).len() >> 8);
    if is_index(vm, &a[1]) && !is_bytes_like(vm, &a[1]) {
        let byte = super::byte_of(vm, &a[1], "byte")?;
        return Ok(Value::bool(memchr::memchr(byte, own(vm, a)).is_some()));
    }
    let part = bytes_from(vm, &a[1])?;
    Ok(Value::bool(alg::find(own(vm, a), &part).is_some()))
}

fn add(vm: &mut Vm, a: &[Value]) -> R {
    if !is_bytes_like(vm, &a[1]) {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can't concat {got} to {}", kind(a))));
    }
    if a[0].is_a::<Bytes>()
        && let Some(more) = a[1].cast::<Bytes>()
    {
        let total = own(vm, a).len() + more.get(vm).as_bytes().len();
        vm.check_alloc(total)?;
        return Ok(vm.new_bytes_parts(&[own(vm, a), more.get(vm).as_bytes()]).into());
    }
    let more = bytes_from(vm, &a[1])?;
    let total = own(vm, a).len() + more.len();
    vm.check_alloc(total)?;
    Ok(like(vm, &a[0], &[own(vm, a), &more].concat()))
}

fn mul(vm: &mut Vm, a: &[Value]) -> R {
    let n = repetitions(vm, &a[1])?;
    let len = own(vm, a).len();
    if n == 1 {
        return Ok(same(vm, a));
    }
    let total = len.checked_mul(n).filter(|&total| total <= isize::MAX as usize);
    let Some(total) = total else {
        return Err(if a[0].is_a::<Bytes>() {
            vm.overflow_error("repeated bytes are too long")
        } else {
            vm.memory_error("")
        });
    };
    vm.check_alloc(total)?;
    vm.tick(total >> 12)?;
    Ok(like(vm, &a[0], &own(vm, a).repeat(n)))
}

fn modulo(vm: &mut Vm, format: &Value, args: &Value) -> R {
    let Some(text) = plain(vm, format) else { return Ok(Value::NOT_IMPLEMENTED) };
    let text = text.to_vec();
    let made = percent::format_all(vm, &text, args, Flavor::Bytes)?;
    Ok(like(vm, format, &made))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let other;
    let y = match plain(vm, &a[1]) {
        Some(y) if !a[0].is_a::<Bytes>() || a[1].is_a::<Bytes>() => y,
        _ if a[0].is_a::<Bytes>() => return Ok(Value::NOT_IMPLEMENTED),
        _ => match super::read_buffer(vm, &a[1])? {
            Some(contents) => {
                other = contents;
                &other
            }
            None => return Ok(Value::NOT_IMPLEMENTED),
        },
    };
    let x = own(vm, a);
    Ok(Value::bool(match op {
        CmpOp::Eq => x == y,
        CmpOp::Ne => x != y,
        _ => op.holds(x.cmp(y)),
    }))
}

fn show(vm: &mut Vm, a: &[Value]) -> R {
    let size = own(vm, a).len();
    vm.check_alloc(size.saturating_mul(2))?;
    vm.tick(size >> 8)?;
    let mut out = Vec::new();
    if a[0].is_a::<Bytes>() {
        repr::push_bytes_repr(&mut out, own(vm, a));
    } else {
        let name = vm.class_name(&a[0]);
        out.extend_from_slice(name.as_bytes());
        out.push(b'(');
        let mut literal = Vec::new();
        repr::push_bytes_repr(&mut literal, own(vm, a));
        if literal.starts_with(b"b\"") {
            // A bytearray escapes single quotes even between double ones.
            literal = alg::replace(&literal, b"'", b"\\'", None, Flavor::Bytes, usize::MAX).unwrap_or_default();
        }
        out.extend_from_slice(&literal);
        out.push(b')');
    }
    Ok(vm.new_str_bytes(&out).into())
}

fn decode(vm: &mut Vm, a: &[Value]) -> R {
    let encoding = named_text(vm, arg(a, 1), "decode", "encoding")?;
    let errors = named_text(vm, arg(a, 2), "decode", "errors")?;
    codec::decode(vm, &a[0], encoding.as_deref(), errors.as_deref())
}

/// The text of `hex(sep, bytes_per_sep)`, whose arguments are `a[1]` and `a[2]`.
///
/// # Errors
/// TypeError and ValueError for a separator that is not one ASCII character.
pub(crate) fn hex_text(vm: &mut Vm, a: &[Value], contents: impl FnOnce(&Vm) -> Vec<u8>) -> R<String> {
    let separator = match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => Some(hex_separator(vm, v)?),
        None => None,
    };
    let group = match arg(a, 2) {
        Some(v) => crate::objects::str::c_int(vm, v)?,
        None => 1,
    };
    let contents = contents(vm);
    vm.check_alloc(contents.len().saturating_mul(3))?;
    vm.tick(contents.len() >> 8)?;
    let Some(separator) = separator.filter(|_| group != 0) else { return Ok(codecs::to_hex(&contents)) };
    let size = usize::try_from(group.unsigned_abs()).unwrap_or(usize::MAX);
    // Groups are counted from the right for a positive number.
    let first = if group > 0 { contents.len() % size } else { 0 };
    let (head, tail) = contents.split_at(first.min(contents.len()));
    let head = Some(head).filter(|h| !h.is_empty());
    let groups: Vec<String> = head.into_iter().chain(tail.chunks(size)).map(codecs::to_hex).collect();
    Ok(groups.join(&separator.to_string()))
}

fn hex_separator(vm: &mut Vm, v: &Value) -> R<char> {
    let len = vm.len(v)?;
    if len != 1 {
        return Err(vm.value_error("sep must be length 1."));
    }
    let byte = match (v.cast::<Str>(), v.cast::<Bytes>()) {
        (Some(s), _) => s.get(vm).as_bytes().first().copied(),
        (_, Some(b)) => b.get(vm).as_bytes().first().copied(),
        _ => return Err(vm.type_error("sep must be str or bytes.")),
    };
    match byte.filter(u8::is_ascii) {
        Some(byte) => Ok(char::from(byte)),
        None => Err(vm.value_error("sep must be ASCII.")),
    }
}

fn from_hex(vm: &mut Vm, a: &[Value]) -> R {
    let text = match a[1].cast::<Str>() {
        Some(s) => s.get(vm).as_bytes().to_vec(),
        None => match super::read_buffer(vm, &a[1])? {
            // Bytes beyond ASCII are no digits either way.
            Some(bytes) => bytes.iter().map(|b| b.min(&0x7F)).copied().collect(),
            None => {
                let got = crate::objects::str::shown_type(vm, &a[1]);
                return Err(vm.type_error(format!("fromhex() argument must be str or bytes-like, not {got}")));
            }
        },
    };
    let contents = match codecs::from_hex(&text) {
        Ok(contents) => contents,
        Err(e) => return Err(vm.text_error(e)),
    };
    let cls = vm.class_arg(&a[0])?;
    if cls.is(&vm.types.bytes) {
        return Ok(vm.new_bytes(&contents).into());
    }
    let of_bytes = cls.is_subclass(vm, &vm.types.bytes.clone());
    let plain = if of_bytes { vm.new_bytes(&contents).into_value() } else { bytearray::new(vm, contents).into_value() };
    if vm.is_exact(&plain, &cls) { Ok(plain) } else { vm.call(&a[0], &[plain]) }
}
