//! `BytesIO`: a stream over bytes in memory.
//!
//! The bytes lie in a `bytearray` of their own, so that `getbuffer` is an ordinary memory view of it; while such
//! views exist the size cannot change.

use super::base::{self, size_arg};
use super::buffer::{self, Target};
use crate::heap_object;
use crate::objects::bytearray::ByteArray;
use crate::objects::bytes;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// The payload of `BytesIO`.
    pub struct BytesIo {
        /// The bytes: a `bytearray`; `UNDEF` when closed.
        data: Value,
        at: usize,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new(
        "__init__(self, initial_bytes=b'')",
        "Buffered I/O implementation using an in-memory bytes buffer.",
        init,
    ),
    NativeDef::new("read(self, size=-1, /)", "Read at most size bytes, returned as a bytes object.", read),
    NativeDef::new("read1(self, size=-1, /)", "Read at most size bytes, returned as a bytes object.", read),
    NativeDef::new("readline(self, size=-1, /)", "Next line from the file, as a bytes object.", |vm, a| {
        let b = open(vm, a)?;
        let limit = size_arg(vm, arg(a, 1))?;
        Ok(line(vm, &b, limit))
    }),
    NativeDef::new("readlines(self, size=None, /)", "List of bytes objects, each a line from the file.", |vm, a| {
        let b = open(vm, a)?;
        let hint = size_arg(vm, arg(a, 1))?.filter(|n| *n > 0);
        let (mut lines, mut total) = (Vec::new(), 0);
        loop {
            let l = line(vm, &b, None);
            let n = vm.len(&l)?;
            if n == 0 {
                break;
            }
            vm.tick(1)?;
            total += n;
            lines.push(l);
            if hint.is_some_and(|h| total >= h) {
                break;
            }
        }
        Ok(vm.list(lines).into())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let b = open(vm, a)?;
        let l = line(vm, &b, None);
        if vm.len(&l)? == 0 { Err(Raised::stop_iteration()) } else { Ok(l) }
    }),
    NativeDef::new("readinto(self, buffer, /)", "Read bytes into buffer.", |vm, a| {
        let b = open(vm, a)?;
        let target = Target::of(vm, arg_or_none(a, 1), "readinto")?;
        let part = take(vm, &b, target.len);
        let n = target.fill(vm, &part)?;
        Ok(Value::len(n))
    }),
    NativeDef::new("write(self, b, /)", "Write bytes to file.", |vm, a| {
        let b = open(vm, a)?;
        let bytes = buffer::bytes_like(vm, arg_or_none(a, 1))?;
        // The source's hooks may have closed it.
        let b = if b.get(vm).data.is_undef() { open(vm, a)? } else { b };
        write(vm, &b, &bytes)?;
        Ok(Value::len(bytes.len()))
    }),
    NativeDef::new("seek(self, pos, whence=0, /)", "Change stream position.", seek),
    NativeDef::new("tell(self, /)", "Current file position, an integer.", |vm, a| {
        let b = open(vm, a)?;
        Ok(Value::len(b.get(vm).at))
    }),
    NativeDef::new("truncate(self, size=None, /)", "Truncate the file to at most size bytes.", truncate),
    NativeDef::new("getvalue(self, /)", "Retrieve the entire contents of the BytesIO object.", |vm, a| {
        let b = open(vm, a)?;
        let data = b.get(vm).data.clone();
        Ok(vm.new_bytes(bytes::plain(vm, &data).unwrap_or_default()).into())
    }),
    NativeDef::new("getbuffer(self, /)", "Get a read-write view over the contents of the BytesIO object.", |vm, a| {
        let b = open(vm, a)?;
        let data = b.get(vm).data.clone();
        Ok(bytes::view_of(vm, &data)?.into())
    }),
    NativeDef::new("readable(self, /)", "Returns True if the IO object can be read.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("writable(self, /)", "Returns True if the IO object can be written.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("seekable(self, /)", "Returns True if the IO object can be seeked.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("isatty(self, /)", "Always returns False.", |vm, a| open(vm, a).map(|_| Value::FALSE)),
    NativeDef::new("flush(self, /)", "Does nothing.", |vm, a| open(vm, a).map(|_| Value::NONE)),
    NativeDef::new("close(self, /)", "Disable all I/O operations.", |vm, a| {
        let b = vm.this::<BytesIo>(a, "close")?.clone();
        let data = b.get(vm).data.clone();
        if !data.is_undef() {
            resizable(vm, &data)?;
            let old = std::mem::replace(&mut b.get_mut(vm).data, Value::UNDEF);
            drop(old);
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("__getstate__(self, /)", "", |vm, a| {
        let b = open(vm, a)?;
        let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
        let bytes = vm.new_bytes(bytes::plain(vm, &data).unwrap_or_default()).into_value();
        let dict = match vm.materialize_dict(&a[0]) {
            Some(d) if !d.get(vm).is_empty() => d.get(vm).copy(),
            _ => return Ok(vm.tuple(vec![bytes, Value::len(at), Value::NONE]).into()),
        };
        let dict = vm.alloc(dict).into_value();
        Ok(vm.tuple(vec![bytes, Value::len(at), dict]).into())
    }),
    NativeDef::new("__setstate__(self, state, /)", "", setstate),
];

const GETSETS: &[GetSetDef] = &[GetSetDef::new("closed", "True if the file is closed.", |vm, v| {
    Ok(vm.this::<BytesIo>(std::slice::from_ref(v), "closed")?.get(vm).data.is_undef().into())
})];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R<Ref<Class>> {
    let base = base::classes(vm)?.buffered;
    let flags = class_flag::BASE | class_flag::WEAKREF;
    let class = vm.define_class_with_dict::<BytesIo>("_io", "BytesIO", Some(&base), flags)?;
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(class)
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let data = base::new_bytearray(vm, 0)?;
    Ok(vm.alloc_as(&class, BytesIo { data, at: 0 }).into())
}

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<BytesIo>(a, "__init__")?.clone();
    let data = base::new_bytearray(vm, 0)?;
    let old = std::mem::replace(&mut b.get_mut(vm).data, data);
    drop(old);
    b.get_mut(vm).at = 0;
    if let Some(initial) = arg(a, 1).filter(|v| !v.is_none()) {
        let bytes = buffer::bytes_like(vm, initial)?;
        write(vm, &b, &bytes)?;
        b.get_mut(vm).at = 0;
    }
    Ok(Value::NONE)
}

fn open(vm: &mut Vm, a: &[Value]) -> R<Ref<BytesIo>> {
    let b = vm.this::<BytesIo>(a, "read")?.clone();
    if b.get(vm).data.is_undef() {
        return Err(vm.value_error("I/O operation on closed file."));
    }
    Ok(b)
}

/// Refuses to change the size while views exist.
fn resizable(vm: &mut Vm, data: &Value) -> R<()> {
    match data.cast::<ByteArray>().cloned() {
        Some(b) => crate::objects::bytearray::resizable(vm, &b),
        None => Ok(()),
    }
}

fn take(vm: &mut Vm, b: &Ref<BytesIo>, n: usize) -> Vec<u8> {
    let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
    let all = bytes::plain(vm, &data).unwrap_or_default();
    let rest = all.get(at..).unwrap_or_default();
    let part = rest.get(..n.min(rest.len())).unwrap_or_default().to_vec();
    b.get_mut(vm).at = at + part.len();
    part
}

fn read(vm: &mut Vm, a: &[Value]) -> R {
    let b = open(vm, a)?;
    let n = size_arg(vm, arg(a, 1))?.unwrap_or(usize::MAX);
    let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
    let all = bytes::plain(vm, &data).unwrap_or_default();
    let rest = all.get(at..).unwrap_or_default();
    let part = rest.get(..n.min(rest.len())).unwrap_or_default();
    let (made, len) = (vm.new_bytes(part), part.len());
    b.get_mut(vm).at = at + len;
    Ok(made.into())
}

fn line(vm: &mut Vm, b: &Ref<BytesIo>, limit: Option<usize>) -> Value {
    let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
    let all = bytes::plain(vm, &data).unwrap_or_default();
    let rest = all.get(at..).unwrap_or_default();
    let rest = rest.get(..limit.unwrap_or(usize::MAX).min(rest.len())).unwrap_or_default();
    let n = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
    let made = vm.new_bytes(rest.get(..n).unwrap_or_default());
    b.get_mut(vm).at = at + n;
    made.into()
}

fn write(vm: &mut Vm, b: &Ref<BytesIo>, bytes: &[u8]) -> R<()> {
    let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
    resizable(vm, &data)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let Some(array) = data.cast::<ByteArray>() else { return Ok(()) };
    let Some(end) = at.checked_add(bytes.len()) else {
        return Err(vm.overflow_error("new position too large"));
    };
    let len = array.get(vm).data.len();
    vm.check_alloc(end.saturating_sub(len))?;
    vm.check_growth(len, array.get(vm).data.capacity(), end.saturating_sub(len), 1)?;
    vm.tick(bytes.len() / 1024)?;
    {
        let mut array = array.get_mut(vm);
        array.data.reserve(end.saturating_sub(len));
        if at > len {
            array.data.resize(at, 0);
        }
        let inside = array.data.len().saturating_sub(at).min(bytes.len());
        if let (Some(to), Some(from)) = (array.data.get_mut(at..at + inside), bytes.get(..inside)) {
            to.copy_from_slice(from);
        }
        array.data.extend_from_slice(bytes.get(inside..).unwrap_or_default());
    }
    b.get_mut(vm).at = end;
    Ok(())
}

fn seek(vm: &mut Vm, a: &[Value]) -> R {
    let b = open(vm, a)?;
    let (pos, whence) = (super::fileio::offset_arg(vm, &a[1])?, super::fileio::whence_arg(vm, arg(a, 2))?);
    let (data, at) = (b.get(vm).data.clone(), b.get(vm).at);
    let len = bytes::plain(vm, &data).map_or(0, <[u8]>::len);
    let from = match whence {
        0 if pos < 0 => return Err(vm.value_error(format!("negative seek value {pos}"))),
        0 => 0,
        1 => at,
        2 => len,
        _ => return Err(vm.value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
    };
    let Some(to) = (from as i64).checked_add(pos) else {
        return Err(vm.overflow_error("new position too large"));
    };
    let to = usize::try_from(to).unwrap_or(0);
    b.get_mut(vm).at = to;
    Ok(Value::len(to))
}

fn truncate(vm: &mut Vm, a: &[Value]) -> R {
    let b = open(vm, a)?;
    let data = b.get(vm).data.clone();
    resizable(vm, &data)?;
    let size = match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => vm.index_i64(v)?,
        None => b.get(vm).at as i64,
    };
    let Ok(size) = usize::try_from(size) else {
        return Err(vm.value_error(format!("negative size value {size}")));
    };
    if let Some(array) = data.cast::<ByteArray>() {
        array.get_mut(vm).data.truncate(size);
    }
    Ok(Value::len(size))
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let b = open(vm, a)?;
    let state = vm.tuple_clone(&a[1]).unwrap_or_default();
    let [data, at, dict] = state.as_slice() else {
        let (class, got) = (vm.class_name(&a[0]), vm.class_name(&a[1]));
        return Err(vm.type_error(format!("{class}.__setstate__ argument should be 3-tuple, got {got}")));
    };
    let bytes = buffer::bytes_like(vm, data)?;
    let at = vm.index_i64(at)?;
    let Ok(at) = usize::try_from(at) else {
        return Err(vm.value_error("position value cannot be negative"));
    };
    let old = b.get(vm).data.clone();
    resizable(vm, &old)?;
    if let Some(array) = old.cast::<ByteArray>() {
        array.get_mut(vm).data.clear();
    }
    b.get_mut(vm).at = 0;
    write(vm, &b, &bytes)?;
    b.get_mut(vm).at = at;
    if let Some(d) = dict.cast::<Dict>() {
        let items: Vec<(Value, Value)> = d.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some(own) = vm.materialize_dict(&a[0]) {
            for (k, v) in items {
                own.set_item(vm, k, v)?;
            }
        }
    }
    Ok(Value::NONE)
}
