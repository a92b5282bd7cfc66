//! `_IOBase` and its three kinds: what every stream can do in terms of what a subclass provides.
//!
//! Native streams derive from these classes too and replace what they do faster.

use super::errors::unsupported;
use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Bytes;
use crate::vm::{R, Raised, Value, Vm};

/// The four classes.
#[derive(Clone)]
pub struct Bases {
    /// `_IOBase`.
    pub io: Ref<Class>,
    /// `_RawIOBase`.
    pub raw: Ref<Class>,
    /// `_BufferedIOBase`.
    pub buffered: Ref<Class>,
    /// `_TextIOBase`.
    pub text: Ref<Class>,
}

#[derive(Default)]
struct Made(Option<Bases>);

/// The flags of the classes of streams. As heap classes their `__del__` counts for subclasses.
pub const FLAGS: u32 = class_flag::HEAP | class_flag::STATIC | class_flag::BASE | class_flag::WEAKREF;

const IO: &[NativeDef] = &[
    NativeDef::new("seek(self, offset, whence=0, /)", "Change the stream position.", |vm, _| no(vm, "seek")),
    NativeDef::new("tell(self, /)", "Return current stream position.", |vm, a| {
        vm.call_method(&a[0], "seek", &[Value::int32(0), Value::int32(1)])
    }),
    NativeDef::new("truncate(self, size=None, /)", "Truncate file to size bytes.", |vm, _| no(vm, "truncate")),
    NativeDef::new("fileno(self, /)", "Return underlying file descriptor if one exists.", |vm, _| no(vm, "fileno")),
    NativeDef::new("flush(self, /)", "Flush write buffers, if applicable.", |vm, a| {
        if marked_closed(vm, &a[0])? {
            return Err(vm.value_error("I/O operation on closed file."));
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("close(self, /)", "Flush and close the IO object.", close),
    NativeDef::new("__del__(self, /)", "", del),
    NativeDef::new("seekable(self, /)", "Return whether object supports random access.", |_, _| Ok(Value::FALSE)),
    NativeDef::new("readable(self, /)", "Return whether object was opened for reading.", |_, _| Ok(Value::FALSE)),
    NativeDef::new("writable(self, /)", "Return whether object was opened for writing.", |_, _| Ok(Value::FALSE)),
    NativeDef::new("_checkClosed(self, /)", "", |vm, a| check_closed(vm, &a[0]).map(|()| Value::NONE)),
    NativeDef::new("_checkSeekable(self, /)", "", |vm, a| check(vm, &a[0], "seekable", "not seekable")),
    NativeDef::new("_checkReadable(self, /)", "", |vm, a| check(vm, &a[0], "readable", "not readable")),
    NativeDef::new("_checkWritable(self, /)", "", |vm, a| check(vm, &a[0], "writable", "not writable")),
    NativeDef::new("isatty(self, /)", "Return whether this is an 'interactive' stream.", |vm, a| {
        check_closed(vm, &a[0])?;
        Ok(Value::FALSE)
    }),
    NativeDef::new("__enter__(self, /)", "", |vm, a| {
        check_closed(vm, &a[0])?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__exit__(self, /, *args)", "", |vm, a| vm.call_method(&a[0], "close", &[]).map(|_| Value::NONE)),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        check_closed(vm, &a[0])?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let line = vm.call_method(&a[0], "readline", &[])?;
        if vm.len(&line)? == 0 { Err(Raised::stop_iteration()) } else { Ok(line) }
    }),
    NativeDef::new("readline(self, size=-1, /)", "Read and return a line from the stream.", readline),
    NativeDef::new("readlines(self, hint=-1, /)", "Return a list of lines from the stream.", readlines),
    NativeDef::new("writelines(self, lines, /)", "Write a list of lines to stream.", writelines),
];

const IO_GETSETS: &[GetSetDef] = &[GetSetDef::new("closed", "", |vm, v| Ok(marked_closed(vm, v)?.into()))];

const RAW: &[NativeDef] = &[
    NativeDef::new("read(self, size=-1, /)", "", raw_read),
    NativeDef::new("readall(self, /)", "Read until EOF, using multiple read() call.", raw_readall),
    NativeDef::new("readinto(self, buffer, /)", "", |vm, _| {
        let class = vm.exc.NotImplementedError.clone();
        Err(vm.raise_call(&class, &[]))
    }),
    NativeDef::new("write(self, b, /)", "", |vm, _| {
        let class = vm.exc.NotImplementedError.clone();
        Err(vm.raise_call(&class, &[]))
    }),
];

const BUFFERED: &[NativeDef] = &[
    NativeDef::new("detach(self, /)", "", |vm, _| no(vm, "detach")),
    NativeDef::new("read(self, size=-1, /)", "Read and return up to n bytes.", |vm, _| no(vm, "read")),
    NativeDef::new("read1(self, size=-1, /)", "Read and return up to size bytes.", |vm, _| no(vm, "read1")),
    NativeDef::new("readinto(self, buffer, /)", "", |vm, a| read_into(vm, a, "read", "readinto")),
    NativeDef::new("readinto1(self, buffer, /)", "", |vm, a| read_into(vm, a, "read1", "readinto1")),
    NativeDef::new("write(self, b, /)", "Write buffer b to the IO stream.", |vm, _| no(vm, "write")),
];

const TEXT: &[NativeDef] = &[
    NativeDef::new("detach(self, /)", "", |vm, _| no(vm, "detach")),
    NativeDef::new("read(self, size=-1, /)", "Read at most size characters from stream.", |vm, _| no(vm, "read")),
    NativeDef::new("readline(self, size=-1, /)", "Read until newline or EOF.", |vm, _| no(vm, "readline")),
    NativeDef::new("write(self, s, /)", "Write string s to stream.", |vm, _| no(vm, "write")),
];

const TEXT_GETSETS: &[GetSetDef] = &[
    GetSetDef::new("encoding", "Encoding of the text stream.", |_, _| Ok(Value::NONE)),
    GetSetDef::new("newlines", "Line endings translated so far.", |_, _| Ok(Value::NONE)),
    GetSetDef::new("errors", "The error setting of the decoder or encoder.", |_, _| Ok(Value::NONE)),
];

/// The classes, made when first asked for.
///
/// # Errors
/// None in a sound build.
pub fn classes(vm: &mut Vm) -> R<Bases> {
    if let Some(b) = &vm.state::<Made>().0 {
        return Ok(b.clone());
    }
    let io = plain_class(vm, "_IOBase", None)?;
    vm.extend_class(&io, IO, IO_GETSETS);
    let raw = plain_class(vm, "_RawIOBase", Some(&io))?;
    vm.extend_class(&raw, RAW, &[]);
    let buffered = plain_class(vm, "_BufferedIOBase", Some(&io))?;
    vm.extend_class(&buffered, BUFFERED, &[]);
    let text = plain_class(vm, "_TextIOBase", Some(&io))?;
    vm.extend_class(&text, TEXT, TEXT_GETSETS);
    let bases = Bases { io, raw, buffered, text };
    vm.state::<Made>().0 = Some(bases.clone());
    Ok(bases)
}

fn plain_class(vm: &mut Vm, name: &str, base: Option<&Ref<Class>>) -> R<Ref<Class>> {
    let base = base.cloned().unwrap_or_else(|| vm.types.object.clone());
    let spec = ClassSpec { name, bases: vec![base], meta: None, flags: FLAGS, slots: 0, dict: true };
    let class = vm.new_class(spec, None)?;
    let (attr, module) = (vm.names.__module__.clone(), vm.intern("_io").into_value());
    vm.set_class_attr(&class, &attr, module);
    Ok(class)
}

fn no(vm: &mut Vm, what: &str) -> R {
    Err(unsupported(vm, what))
}

/// The mark that `close` of `_IOBase` leaves.
fn marked_closed(vm: &mut Vm, v: &Value) -> R<bool> {
    let name = vm.intern("__IOBase_closed");
    Ok(vm.get_attr_opt(v, &name)?.is_some())
}

/// Whether the stream says that it is closed.
///
/// # Errors
/// What its attribute `closed` raises.
pub fn is_closed(vm: &mut Vm, v: &Value) -> R<bool> {
    let closed = vm.get_attr_str(v, "closed")?;
    vm.truth(&closed)
}

/// Refuses closed streams.
///
/// # Errors
/// ValueError when it is closed.
pub fn check_closed(vm: &mut Vm, v: &Value) -> R<()> {
    if is_closed(vm, v)? { Err(vm.value_error("I/O operation on closed file.")) } else { Ok(()) }
}

fn check(vm: &mut Vm, v: &Value, method: &str, text: &str) -> R {
    let answer = vm.call_method(v, method, &[])?;
    if answer.is_true() { Ok(answer) } else { no(vm, &format!("File or stream is {text}.")) }
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    if marked_closed(vm, &a[0])? {
        return Ok(Value::NONE);
    }
    let flushed = vm.call_method(&a[0], "flush", &[]);
    let name = vm.intern("__IOBase_closed");
    vm.set_attr(&a[0], &name, Value::TRUE)?;
    flushed.map(|_| Value::NONE)
}

/// A stream that nobody refers to any more is closed, and what was written to it is not lost.
pub fn del(vm: &mut Vm, a: &[Value]) -> R {
    let name = vm.intern("closed");
    // One that was never initialized has no such attribute.
    match vm.get_attr_opt(&a[0], &name) {
        Ok(Some(closed)) if !vm.truth(&closed)? => {}
        _ => return Ok(Value::NONE),
    }
    super::warn_unclosed(vm, &a[0])?;
    vm.call_method(&a[0], "close", &[])?;
    Ok(Value::NONE)
}

/// A size argument: `None` and negative numbers mean "no bound".
///
/// # Errors
/// TypeError for what is no integer.
pub fn size_arg(vm: &mut Vm, v: Option<&Value>) -> R<Option<usize>> {
    let Some(v) = v.filter(|v| !v.is_none()) else { return Ok(None) };
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("argument should be integer or None, not '{got}'")));
    }
    let n = vm.index_i64(v)?;
    Ok(usize::try_from(n).ok())
}

fn readline(vm: &mut Vm, a: &[Value]) -> R {
    let limit = size_arg(vm, arg(a, 1))?.unwrap_or(usize::MAX);
    let peek_name = vm.intern("peek");
    let peek = vm.get_attr_opt(&a[0], &peek_name)?;
    let mut line = Vec::new();
    while line.len() < limit {
        let mut want = 1;
        if let Some(peek) = &peek {
            let ahead = vm.call(peek, &[Value::int32(1)])?;
            let Some(b) = ahead.cast::<Bytes>() else {
                let got = vm.class_name(&ahead);
                return Err(vm.os_error_plain(&format!("peek() should have returned a bytes object, not '{got}'")));
            };
            let bytes = b.get(vm).as_bytes();
            if !bytes.is_empty() {
                want = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |i| i + 1).min(limit - line.len());
            }
        }
        let got = vm.call_method(&a[0], "read", &[Value::len(want)])?;
        let Some(b) = got.cast::<Bytes>() else {
            let got = vm.class_name(&got);
            return Err(vm.os_error_plain(&format!("read() should have returned a bytes object, not '{got}'")));
        };
        let bytes = b.get(vm).as_bytes();
        if bytes.is_empty() {
            break;
        }
        line.extend_from_slice(bytes);
        if line.last() == Some(&b'\n') {
            break;
        }
    }
    Ok(vm.new_bytes(&line).into())
}

fn readlines(vm: &mut Vm, a: &[Value]) -> R {
    let hint = size_arg(vm, arg(a, 1))?.filter(|n| *n > 0);
    let it = vm.iter(&a[0])?;
    let (mut lines, mut total) = (Vec::new(), 0);
    while let Some(line) = vm.next(&it)? {
        total += vm.len(&line)?;
        lines.push(line);
        if hint.is_some_and(|h| total >= h) {
            break;
        }
    }
    Ok(vm.list(lines).into())
}

fn writelines(vm: &mut Vm, a: &[Value]) -> R {
    check_closed(vm, &a[0])?;
    let it = vm.iter(arg_or_none(a, 1))?;
    while let Some(line) = vm.next(&it)? {
        vm.call_method(&a[0], "write", &[line])?;
    }
    Ok(Value::NONE)
}

/// A `bytearray` of so many zeros.
///
/// # Errors
/// MemoryError.
pub fn new_bytearray(vm: &mut Vm, n: usize) -> R {
    vm.check_alloc(n)?;
    Ok(crate::objects::bytearray::new(vm, vec![0; n]).into())
}

fn raw_read(vm: &mut Vm, a: &[Value]) -> R {
    let Some(n) = size_arg(vm, arg(a, 1))? else { return vm.call_method(&a[0], "readall", &[]) };
    let buffer = new_bytearray(vm, n)?;
    let got = vm.call_method(&a[0], "readinto", std::slice::from_ref(&buffer))?;
    if got.is_none() {
        return Ok(got);
    }
    let count = vm.index_i64(&got)?;
    let Some(count) = usize::try_from(count).ok().filter(|c| *c <= n) else {
        return Err(vm.value_error(format!("readinto returned {count} outside buffer size {n}")));
    };
    let mut bytes = super::buffer::bytes_like(vm, &buffer)?;
    bytes.truncate(count);
    Ok(vm.new_bytes(&bytes).into())
}

fn raw_readall(vm: &mut Vm, a: &[Value]) -> R {
    let mut all = Vec::new();
    loop {
        let got = vm.call_method(&a[0], "read", &[Value::len(super::DEFAULT_BUFFER_SIZE)])?;
        if got.is_none() {
            if all.is_empty() {
                return Ok(got);
            }
            break;
        }
        let Some(b) = got.cast::<Bytes>() else { return Err(vm.type_error("read() should return bytes")) };
        let bytes = b.get(vm).as_bytes();
        if bytes.is_empty() {
            break;
        }
        all.extend_from_slice(bytes);
    }
    Ok(vm.new_bytes(&all).into())
}

fn read_into(vm: &mut Vm, a: &[Value], method: &str, own: &str) -> R {
    let target = super::buffer::Target::of(vm, arg_or_none(a, 1), own)?;
    let got = vm.call_method(&a[0], method, &[Value::len(target.len)])?;
    let Some(b) = got.cast::<Bytes>() else { return Err(vm.type_error(format!("{method}() should return bytes"))) };
    let bytes = b.get(vm).as_bytes().to_vec();
    if bytes.len() > target.len {
        return Err(vm.value_error(format!(
            "{method}() returned too much data: {} bytes requested, {} returned",
            target.len,
            bytes.len()
        )));
    }
    let n = target.fill(vm, &bytes)?;
    Ok(Value::len(n))
}

impl Vm {
    /// An `OSError` that is only a text.
    #[cold]
    pub fn os_error_plain(&mut self, text: &str) -> Raised {
        let class = self.exc.OSError.clone();
        self.raise_text(&class, text)
    }
}
