//! `bytes`, and what all bytes-like types share.
//!
//! `buffer` reads and writes bytes-like objects of any type, `items` turns bytes into script values and back,
//! `shared` and `layout` hold the methods that `bytes` and `bytearray` have in common, `iterator` their iterators.
//! Here are the methods of `bytes` alone, and making bytes from objects.
//!
//! Invariant: the methods in common see their receiver through [`plain`] only, so that both types behave alike.

pub mod array_data;
pub mod buffer;
pub mod items;
pub(crate) mod iterator;
mod layout;
mod search;
pub(crate) mod shared;

pub use buffer::{bytes_from, is_bytes_like, is_plain, plain, read_buffer, view_of, writable_len, write};

use crate::objects::str::{codec, named_text};
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// Gives `bytes` its methods and makes its iterator.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.bytes.clone();
    for methods in [shared::METHODS, search::METHODS, layout::METHODS, METHODS] {
        vm.extend_class(&class, methods, &[]);
    }
    iterator::init(vm)
}

/// The methods that `bytes` and `bytearray` have in common.
pub(crate) const IN_COMMON: [&[NativeDef]; 3] = [shared::METHODS, search::METHODS, layout::METHODS];

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, source=b'', encoding='utf-8', errors='strict')", "", bytes_new),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let b = vm.this::<Bytes>(a, "__hash__")?;
        Ok(vm.int(vm.bytes_hash(b) as i64))
    }),
    NativeDef::new("__bytes__(self, /)", "Convert this value to exact type bytes.", |vm, a| {
        let b = vm.this::<Bytes>(a, "__bytes__")?;
        Ok(exact(vm, b))
    }),
    NativeDef::new("__getnewargs__(self, /)", "", |vm, a| {
        let b = vm.this::<Bytes>(a, "__getnewargs__")?;
        let copy = vm.new_bytes(b.get(vm).as_bytes()).into_value();
        Ok(vm.tuple(vec![copy]).into())
    }),
    NativeDef::new("__sizeof__(self, /)", "Returns the size of the object in memory, in bytes.", |vm, a| {
        let b = vm.this::<Bytes>(a, "__sizeof__")?;
        Ok(Value::len(33 + b.get(vm).as_bytes().len()))
    }),
];

/// The object itself if it is exactly `bytes`, else a copy that is.
fn exact(vm: &Vm, b: &Ref<Bytes>) -> Value {
    if vm.is_exact(b.value(), &vm.types.bytes) { b.value().clone() } else { vm.new_bytes(b.get(vm).as_bytes()).into() }
}

fn bytes_new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(&a[0])?;
    let made = new_contents(vm, a)?;
    match made.cast::<Bytes>() {
        Some(b) if !cls.is(&vm.types.bytes) => Ok(vm.bytes_as(&cls, b.get(vm).as_bytes()).into()),
        _ => Ok(made),
    }
}

/// `bytes(source, encoding, errors)`: an object that is exactly `bytes`.
fn new_contents(vm: &mut Vm, a: &[Value]) -> R {
    if let Some(made) = encoded_source(vm, a, "bytes")? {
        return Ok(made);
    }
    let Some(source) = arg(a, 1) else { return Ok(vm.new_bytes(b"").into()) };
    if vm.is_exact(source, &vm.types.bytes) {
        return Ok(source.clone());
    }
    let name = vm.names.__bytes__.clone();
    let class = vm.class_of(source).clone();
    if let Some(f) = vm.lookup(&class, &name).filter(|f| !f.is_none()) {
        let made = vm.guarded(|vm| vm.call_special(&f, source, &[]))?;
        return match made.cast::<Bytes>() {
            Some(b) => Ok(exact(vm, b)),
            None => {
                let got = vm.class_name(&made);
                Err(vm.type_error(format!("__bytes__ returned non-bytes (type {got})")))
            }
        };
    }
    let contents = contents_of_source(vm, source, "bytes")?;
    Ok(vm.new_bytes(&contents).into())
}

/// The part of the constructors that deals with text: an encoded string, or nothing when the source is no text.
///
/// # Errors
/// TypeError when source, encoding and errors do not go together.
pub(crate) fn encoded_source(vm: &mut Vm, a: &[Value], kind: &str) -> R<Option<Value>> {
    let encoding = named_text(vm, arg(a, 2), kind, "encoding")?;
    let errors = named_text(vm, arg(a, 3), kind, "errors")?;
    let text = arg(a, 1).and_then(|v| v.cast::<Str>());
    match (text, &encoding) {
        (Some(s), Some(_)) => codec::encode(vm, s, encoding.as_deref(), errors.as_deref()).map(Some),
        (Some(_), None) => Err(vm.type_error("string argument without an encoding")),
        (None, Some(_)) => Err(vm.type_error("encoding without a string argument")),
        (None, None) if errors.is_some() => Err(vm.type_error("errors without a string argument")),
        (None, None) => Ok(None),
    }
}

/// What a source that is no text stands for: a number of zeros, a buffer, or an iterable of numbers.
///
/// # Errors
/// TypeError, ValueError, OverflowError, MemoryError; what the source's methods raise.
pub(crate) fn contents_of_source(vm: &mut Vm, source: &Value, kind: &str) -> R<Vec<u8>> {
    if vm.is_int(source) || vm.special(source, Special::Index).is_some() {
        match count_of(vm, source) {
            Ok(n) => {
                vm.check_alloc(n)?;
                return Ok(vec![0; n]);
            }
            Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => {}
            Err(e) => return Err(e),
        }
    }
    if let Some(contents) = read_buffer(vm, source)? {
        return Ok(contents);
    }
    if source.is_a::<Str>() || !vm.is_iterable(source) {
        let got = vm.class_name(source);
        return Err(vm.type_error(format!("cannot convert '{got}' object to {kind}")));
    }
    let what = if kind == "bytes" { "bytes" } else { "byte" };
    bytes_of_iterable(vm, source, what)
}

fn count_of(vm: &mut Vm, source: &Value) -> R<usize> {
    let n = vm.index(source)?;
    match vm.as_i64(&n) {
        Some(n) => match usize::try_from(n) {
            Ok(n) => Ok(n),
            Err(_) => Err(vm.value_error("negative count")),
        },
        None => {
            let got = vm.class_name(source);
            Err(vm.overflow_error(format!("cannot fit '{got}' into an index-sized integer")))
        }
    }
}

/// The numbers of an iterable as bytes.
///
/// # Errors
/// What iterating raises; TypeError for items that are no integers, ValueError for those out of range.
pub(crate) fn bytes_of_iterable(vm: &mut Vm, iterable: &Value, what: &str) -> R<Vec<u8>> {
    let it = vm.iter(iterable)?;
    let mut out = Vec::with_capacity(vm.length_hint(iterable, 0)?.min(1 << 16));
    while let Some(item) = vm.next(&it)? {
        if out.len() == out.capacity() {
            vm.check_alloc(out.len() * 2)?;
        }
        out.push(byte_of(vm, &item, what)?);
    }
    Ok(out)
}

/// A byte from an integer.
///
/// # Errors
/// TypeError when it is none, ValueError when it is out of range.
pub(crate) fn byte_of(vm: &mut Vm, v: &Value, what: &str) -> R<u8> {
    let n = vm.index_clamped(v)?;
    match u8::try_from(n) {
        Ok(b) => Ok(b),
        Err(_) => Err(vm.value_error(format!("{what} must be in range(0, 256)"))),
    }
}
