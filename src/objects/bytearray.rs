//! `bytearray`.
//!
//! What it shares with `bytes` is in `objects::bytes`; here are construction and everything that changes it.
//!
//! Invariant: while memory views of it exist its size does not change, so every method that could change it calls
//! [`resizable`] after all script code that it runs.

use crate::heap_object;
use crate::objects::bytes::{IN_COMMON, byte_of, bytes_of_iterable, contents_of_source, encoded_source, read_buffer};
use crate::objects::complex::Complex;
use crate::objects::slice::{Span, unpack};
use crate::objects::str::{is_index, item_index, position, repetitions};
use crate::vm::class::class_flag;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::seq::SliceObject;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::sync::Arc;

heap_object! {
    /// The payload of `bytearray`.
    pub struct ByteArray { }
    skip {
        /// The bytes.
        pub data: Vec<u8>,
        /// Shared with each memory view.
        pub exports: Arc<()>,
    }
    external = |this| this.data.capacity();
}

/// A new `bytearray`.
pub fn new(vm: &Vm, data: Vec<u8>) -> Ref<ByteArray> {
    vm.alloc(ByteArray { data, exports: Arc::new(()) })
}

/// The contents of a `bytearray`.
pub fn contents(vm: &Vm, v: &Value) -> Option<Vec<u8>> {
    v.cast::<ByteArray>().map(|b| b.get(vm).data.clone())
}

/// Makes the class.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class =
        vm.define_class::<ByteArray>("builtins", "bytearray", None, class_flag::BASE | class_flag::MATCH_SELF)?;
    for methods in IN_COMMON {
        vm.extend_class(&class, methods, &[]);
    }
    vm.extend_class(&class, METHODS, &[]);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &hash, Value::NONE);
    Ok(())
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let cls = match args.pos.first() {
            Some(cls) => vm.class_arg(cls)?,
            None => return Err(vm.type_error("bytearray.__new__(): not enough arguments")),
        };
        Ok(vm.alloc_as(&cls, ByteArray { data: Vec::new(), exports: Arc::new(()) }).into())
    }),
    NativeDef::new("__init__(self, /, source=b'', encoding='utf-8', errors='strict')", "", array_init),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", |vm, a| set_item(vm, a, Some(&a[2]))),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", |vm, a| set_item(vm, a, None)),
    NativeDef::new("__iadd__(self, value, /)", "Implement self+=value.", iadd),
    NativeDef::new("__imul__(self, value, /)", "Implement self*=value.", imul),
    NativeDef::new("__alloc__(self, /)", "Return the number of bytes actually allocated.", |vm, a| {
        let b = vm.this::<ByteArray>(a, "__alloc__")?.get(vm);
        Ok(Value::len(if b.data.is_empty() { b.data.capacity() } else { b.data.capacity() + 1 }))
    }),
    NativeDef::new("__sizeof__(self, /)", "Returns the size of the bytearray object in memory, in bytes.", |vm, a| {
        let b = vm.this::<ByteArray>(a, "__sizeof__")?.get(vm);
        Ok(Value::len(56 + if b.data.is_empty() { b.data.capacity() } else { b.data.capacity() + 1 }))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| reduce(vm, a, 2)),
    NativeDef::new("__reduce_ex__(self, proto=0, /)", "Return state information for pickling.", |vm, a| {
        let protocol = match arg(a, 1) {
            Some(v) => vm.index_i64(v)?,
            None => 0,
        };
        reduce(vm, a, protocol)
    }),
    NativeDef::new(
        "__release_buffer__(self, buffer, /)",
        "Release the buffer object that exposes the underlying memory of the object.",
        crate::objects::memoryview::release_buffer,
    ),
    NativeDef::new("append(self, item, /)", "Append a single item to the end of the bytearray.", |vm, a| {
        let b = vm.this::<ByteArray>(a, "append")?;
        let byte = byte_of(vm, &a[1], "byte")?;
        grow(vm, b, 1)?;
        b.get_mut(vm).data.push(byte);
        Ok(Value::NONE)
    }),
    NativeDef::new("insert(self, index, item, /)", "Insert a single item into the bytearray before index.", insert),
    NativeDef::new("extend(self, iterable_of_ints, /)", "Append all the items to the end of the bytearray.", extend),
    NativeDef::new("pop(self, index=-1, /)", "Remove and return a single item from the bytearray.", pop),
    NativeDef::new("remove(self, value, /)", "Remove the first occurrence of a value in the bytearray.", remove),
    NativeDef::new("reverse(self, /)", "Reverse the order of the values in place.", |vm, a| {
        vm.this::<ByteArray>(a, "reverse")?.get_mut(vm).data.reverse();
        Ok(Value::NONE)
    }),
    NativeDef::new("clear(self, /)", "Remove all items from the bytearray.", |vm, a| {
        let b = vm.this::<ByteArray>(a, "clear")?;
        resizable(vm, b)?;
        b.get_mut(vm).data = Vec::new();
        Ok(Value::NONE)
    }),
    NativeDef::new("copy(self, /)", "Return a copy of the bytearray.", |vm, a| {
        let b = vm.this::<ByteArray>(a, "copy")?;
        let size = b.get(vm).data.len();
        vm.check_alloc(size)?;
        let data = b.get(vm).data.clone();
        Ok(new(vm, data).into())
    }),
    NativeDef::new("resize(self, size, /)", "Resize the internal buffer of the bytearray to size.", resize),
];

/// Makes sure that the size may change.
///
/// # Errors
/// BufferError while memory views exist.
pub fn resizable(vm: &mut Vm, b: &Ref<ByteArray>) -> R<()> {
    if Arc::strong_count(&b.get(vm).exports) > 1 {
        return Err(vm.buffer_error("Existing exports of data: object cannot be re-sized"));
    }
    Ok(())
}

/// Makes sure that it may grow by so many bytes.
fn grow(vm: &mut Vm, b: &Ref<ByteArray>, more: usize) -> R<()> {
    resizable(vm, b)?;
    let data = &b.get(vm).data;
    let (len, room) = (data.len(), data.capacity());
    if room - len >= more {
        return Ok(());
    }
    vm.check_alloc(len.saturating_add(more))?;
    vm.check_growth(len, room, more, 1)
}

fn array_init(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "__init__")?;
    let data = match encoded_source(vm, a, "bytearray")? {
        Some(made) => made.cast::<Bytes>().map(|m| m.get(vm).as_bytes().to_vec()).unwrap_or_default(),
        None => match arg(a, 1) {
            Some(source) => contents_of_source(vm, source, "bytearray")?,
            None => Vec::new(),
        },
    };
    if b.get(vm).data.len() != data.len() {
        resizable(vm, b)?;
    }
    b.get_mut(vm).data = data;
    Ok(Value::NONE)
}

fn bad_key(vm: &mut Vm, key: &Value) -> crate::vm::exception::Raised {
    let got = vm.class_name(key);
    vm.type_error(format!("bytearray indices must be integers or slices, not {got}"))
}

/// What is no source of bytes, because it is a number.
fn is_number(vm: &Vm, v: &Value) -> bool {
    let converts = |s| vm.special(v, s).is_some();
    vm.is_int(v) || v.is_a::<Complex>() || [Special::Index, Special::Int, Special::Float].into_iter().any(converts)
}

fn set_item(vm: &mut Vm, a: &[Value], value: Option<&Value>) -> R {
    let b = vm.this::<ByteArray>(a, if value.is_some() { "__setitem__" } else { "__delitem__" })?;
    let key = &a[1];
    if is_index(vm, key) {
        let i = item_index(vm, key)?;
        let byte = match value {
            // Asking the value for its number may change the size.
            Some(v) => Some(byte_of(vm, v, "byte")?),
            None => None,
        };
        let Some(at) = position(i, b.get(vm).data.len()) else {
            return Err(vm.index_error("bytearray index out of range"));
        };
        match byte {
            Some(byte) => {
                if let Some(place) = b.get_mut(vm).data.get_mut(at) {
                    *place = byte;
                }
            }
            None => {
                resizable(vm, b)?;
                pay_for_moving(vm, b, at);
                b.get_mut(vm).data.remove(at);
            }
        }
        return Ok(Value::NONE);
    }
    let Some(slice) = key.cast::<SliceObject>() else { return Err(bad_key(vm, key)) };
    let numbers = unpack(vm, slice)?;
    let fresh = match value {
        None => Vec::new(),
        Some(v) => match read_buffer(vm, v)? {
            Some(contents) => contents,
            None if !is_number(vm, v) && !vm.is_iterable(v) => {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("cannot convert '{got}' object to bytearray")));
            }
            None if is_number(vm, v) || v.is_a::<Str>() => {
                return Err(vm.type_error("can assign only bytes, buffers, or iterables of ints in range(0, 256)"));
            }
            None => bytes_of_iterable(vm, v, "byte")?,
        },
    };
    assign_span(vm, b, numbers, &fresh, value.is_none())?;
    Ok(Value::NONE)
}

/// Pays for moving all that stands behind a place.
fn pay_for_moving(vm: &Vm, b: &Ref<ByteArray>, at: usize) {
    vm.charge(b.get(vm).data.len().saturating_sub(at) / 512);
}

fn assign_span(vm: &mut Vm, b: &Ref<ByteArray>, numbers: (i64, i64, i64), fresh: &[u8], delete: bool) -> R<()> {
    let span = Span::new(numbers, b.get(vm).data.len());
    if span.step == 1 {
        if fresh.len() != span.len {
            grow(vm, b, fresh.len().saturating_sub(span.len))?;
        }
        let range = span.range();
        pay_for_moving(vm, b, range.start);
        b.get_mut(vm).data.splice(range, fresh.iter().copied());
        return Ok(());
    }
    if delete {
        if span.len > 0 {
            resizable(vm, b)?;
        }
        let mut gone: Vec<usize> = span.positions().collect();
        gone.sort_unstable();
        let mut next = gone.into_iter().peekable();
        let mut at = 0;
        b.get_mut(vm).data.retain(|_| {
            let drop = next.peek() == Some(&at);
            if drop {
                next.next();
            }
            at += 1;
            !drop
        });
        return Ok(());
    }
    if fresh.len() != span.len {
        return Err(vm.value_error(format!(
            "attempt to assign bytes of size {} to extended slice of size {}",
            fresh.len(),
            span.len
        )));
    }
    let mut b = b.get_mut(vm);
    for (at, &byte) in span.positions().zip(fresh) {
        if let Some(place) = b.data.get_mut(at) {
            *place = byte;
        }
    }
    Ok(())
}

fn iadd(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "__iadd__")?;
    let Some(more) = read_buffer(vm, &a[1])? else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can't concat {got} to bytearray")));
    };
    if !more.is_empty() {
        grow(vm, b, more.len())?;
        b.get_mut(vm).data.extend_from_slice(&more);
    }
    Ok(a[0].clone())
}

fn imul(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "__imul__")?;
    let n = repetitions(vm, &a[1])?;
    let len = b.get(vm).data.len();
    let total = len.saturating_mul(n);
    if total != len {
        grow(vm, b, total.saturating_sub(len))?;
        vm.tick(total >> 12)?;
        let mut b = b.get_mut(vm);
        b.data = b.data.repeat(n);
    }
    Ok(a[0].clone())
}

fn insert(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "insert")?;
    let at = vm.index_i64(&a[1])?;
    let byte = byte_of(vm, &a[2], "byte")?;
    grow(vm, b, 1)?;
    let len = b.get(vm).data.len();
    let at = crate::text::algorithms::clip(Some(at), None, len).0.min(len);
    pay_for_moving(vm, b, at);
    b.get_mut(vm).data.insert(at, byte);
    Ok(Value::NONE)
}

fn extend(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "extend")?;
    let more = match read_buffer(vm, &a[1])? {
        Some(contents) => contents,
        None if a[1].is_a::<Str>() => {
            return Err(vm.type_error("expected iterable of integers; got: 'str'"));
        }
        None if !vm.is_iterable(&a[1]) => {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("can't extend bytearray with {got}")));
        }
        None => bytes_of_iterable(vm, &a[1], "byte")?,
    };
    if !more.is_empty() {
        grow(vm, b, more.len())?;
        b.get_mut(vm).data.extend_from_slice(&more);
    }
    Ok(Value::NONE)
}

fn pop(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "pop")?;
    let i = match arg(a, 1) {
        Some(v) => vm.index_i64(v)?,
        None => -1,
    };
    let len = b.get(vm).data.len();
    if len == 0 {
        return Err(vm.index_error("pop from empty bytearray"));
    }
    let Some(at) = position(i, len) else { return Err(vm.index_error("pop index out of range")) };
    resizable(vm, b)?;
    pay_for_moving(vm, b, at);
    let byte = b.get_mut(vm).data.remove(at);
    Ok(Value::int32(i32::from(byte)))
}

fn remove(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "remove")?;
    let byte = byte_of(vm, &a[1], "byte")?;
    let Some(at) = memchr::memchr(byte, &b.get(vm).data) else {
        return Err(vm.value_error("value not found in bytearray"));
    };
    resizable(vm, b)?;
    pay_for_moving(vm, b, at);
    b.get_mut(vm).data.remove(at);
    Ok(Value::NONE)
}

fn resize(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<ByteArray>(a, "resize")?;
    let size = vm.index_i64(&a[1])?;
    let Ok(size) = usize::try_from(size) else {
        return Err(vm.value_error(format!("Can only resize to positive sizes, got {size}")));
    };
    let len = b.get(vm).data.len();
    if size != len {
        grow(vm, b, size.saturating_sub(len))?;
        b.get_mut(vm).data.resize(size, 0);
    }
    Ok(Value::NONE)
}

fn reduce(vm: &mut Vm, a: &[Value], protocol: i64) -> R {
    let b = vm.this::<ByteArray>(a, "__reduce__")?;
    let data = b.get(vm).data.clone();
    let args = if protocol < 3 {
        let text = crate::text::gutf8::from_code_points(data.iter().map(|&b| u32::from(b)));
        let text = if data.is_empty() { None } else { Some(vm.new_str_bytes(&text).into_value()) };
        match text {
            Some(text) => vec![text, vm.new_str("latin-1").into_value()],
            None => Vec::new(),
        }
    } else {
        vec![vm.new_bytes(&data).into_value()]
    };
    let args = vm.tuple(args).into_value();
    let state = if vm.has_instance_dict(&a[0]) {
        let name = vm.names.__dict__.clone();
        let dict = vm.get_attr_opt(&a[0], &name)?.unwrap_or(Value::NONE);
        if vm.truth(&dict)? { dict } else { Value::NONE }
    } else {
        Value::NONE
    };
    let class = vm.class_of(&a[0]).value().clone();
    Ok(vm.tuple(vec![class, args, state]).into())
}
