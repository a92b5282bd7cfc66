//! `BufferedReader`, `BufferedWriter`, `BufferedRandom`: a raw stream with a buffer; `BufferedRWPair`: two of them.
//!
//! One payload serves the three classes. Invariant: read-ahead and waiting output are never both there: what reads
//! writes out first, and what writes gives up the read-ahead and moves the raw stream back.

use super::base::{self, size_arg};
use super::buffer::{self, Target};
use super::errors::unsupported;
use super::fileio;
use crate::heap_object;
use crate::modules::thread::wait::{Until, WaitQueue, wait};
use crate::vm::class::Class;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Bytes;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// The payload of the three buffered classes.
    pub struct Buffered {
        /// The raw stream; `UNDEF` before `__init__` and after `detach`.
        raw: Value,
        detached: bool,
        /// The class reads, and writes.
        reads: bool,
        writes: bool,
        /// The buffer's size.
        size: usize,
        /// The next byte in the read-ahead.
        at: usize,
    }
    skip { ahead: Vec<u8>, waiting: Vec<u8>, owner: u64, queue: WaitQueue }
    external = |this| this.ahead.capacity() + this.waiting.capacity();
}

heap_object! {
    /// The payload of `BufferedRWPair`.
    pub struct Pair { reader: Value, writer: Value }
}

/// The classes.
#[derive(Clone)]
pub struct Classes {
    /// `BufferedReader`.
    pub reader: Ref<Class>,
    /// `BufferedWriter`.
    pub writer: Ref<Class>,
    /// `BufferedRandom`.
    pub random: Ref<Class>,
    /// `BufferedRWPair`.
    pub pair: Ref<Class>,
}

#[derive(Default)]
struct Made(Option<Classes>);

const COMMON: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new("__init__(self, raw, buffer_size=8192)", "Initialize self.", init),
    NativeDef::new("flush(self, /)", "", |vm, a| {
        let b = checked(vm, a, "flush of closed file")?;
        flush(vm, &b)?;
        if b.get(vm).reads {
            rewind(vm, &b)?;
        }
        let raw = b.get(vm).raw.clone();
        vm.call_method(&raw, "flush", &[])
    }),
    NativeDef::new("close(self, /)", "", close),
    NativeDef::new("detach(self, /)", "", |vm, a| {
        let b = ready(vm, a)?;
        vm.call_method(&a[0], "flush", &[])?;
        let mut this = b.get_mut(vm);
        this.detached = true;
        Ok(std::mem::replace(&mut this.raw, Value::UNDEF))
    }),
    NativeDef::new("seekable(self, /)", "", |vm, a| forward(vm, a, "seekable")),
    NativeDef::new("readable(self, /)", "", |vm, a| forward(vm, a, "readable")),
    NativeDef::new("writable(self, /)", "", |vm, a| forward(vm, a, "writable")),
    NativeDef::new("fileno(self, /)", "", |vm, a| forward(vm, a, "fileno")),
    NativeDef::new("isatty(self, /)", "", |vm, a| forward(vm, a, "isatty")),
    NativeDef::new("_dealloc_warn(self, source, /)", "", |vm, a| {
        super::warn_unclosed(vm, &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("seek(self, target, whence=0, /)", "", seek),
    NativeDef::new("tell(self, /)", "", |vm, a| {
        let b = checked(vm, a, "tell of closed file")?;
        let at = tell(vm, &b)?;
        Ok(vm.int(at))
    }),
    NativeDef::new("truncate(self, pos=None, /)", "", truncate),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__getstate__(self, /)", "", |vm, a| {
        let class = super::shown_class(vm, &a[0]);
        Err(vm.type_error(format!("cannot pickle '{class}' object")))
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("raw", "", |vm, v| {
        let raw = vm.this::<Buffered>(std::slice::from_ref(v), "raw")?.get(vm).raw.clone();
        Ok(if raw.is_undef() { Value::NONE } else { raw })
    }),
    GetSetDef::new("closed", "", |vm, v| attr(vm, v, "closed")),
    GetSetDef::new("name", "", |vm, v| attr(vm, v, "name")),
    GetSetDef::new("mode", "", |vm, v| attr(vm, v, "mode")),
];

const READING: &[NativeDef] = &[
    NativeDef::new("read(self, size=-1, /)", "", |vm, a| {
        let n = size_bounded(vm, arg(a, 1), "read length must be non-negative or -1")?;
        let b = checked(vm, a, "read of closed file")?;
        Ok(read(vm, &b, n)?.map_or(Value::NONE, |v| vm.new_bytes(&v).into()))
    }),
    NativeDef::new("read1(self, size=-1, /)", "", |vm, a| {
        let n = size_arg(vm, arg(a, 1))?;
        let b = checked(vm, a, "read of closed file")?;
        let got = read1(vm, &b, n)?;
        Ok(vm.new_bytes(&got).into())
    }),
    NativeDef::new("peek(self, size=0, /)", "", |vm, a| {
        let b = checked(vm, a, "peek of closed file")?;
        flush(vm, &b)?;
        exclusive(vm, &b, |vm| if available(vm, &b) == 0 { fill(vm, &b) } else { Ok(true) })?;
        let this = b.get(vm);
        Ok(vm.new_bytes(this.ahead.get(this.at..).unwrap_or_default()).into())
    }),
    NativeDef::new("readinto(self, buffer, /)", "", |vm, a| readinto(vm, a, false)),
    NativeDef::new("readinto1(self, buffer, /)", "", |vm, a| readinto(vm, a, true)),
    NativeDef::new("readline(self, size=-1, /)", "", |vm, a| {
        let limit = size_arg(vm, arg(a, 1))?;
        let b = checked(vm, a, "readline of closed file")?;
        let line = read_line(vm, &b, limit)?;
        Ok(vm.new_bytes(&line).into())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let b = checked(vm, a, "readline of closed file")?;
        let class = vm.class_of(&a[0]).clone();
        if class.get(vm).name.get(vm).as_bytes().starts_with(b"Buffered") {
            let line = read_line(vm, &b, None)?;
            return if line.is_empty() { Err(Raised::stop_iteration()) } else { Ok(vm.new_bytes(&line).into()) };
        }
        // A subclass may have its own `readline`.
        let line = vm.call_method(&a[0], "readline", &[])?;
        if vm.len(&line)? == 0 { Err(Raised::stop_iteration()) } else { Ok(line) }
    }),
];

const WRITING: &[NativeDef] =
    &[NativeDef::new("write(self, buffer, /)", "Write buffer b to the IO stream.", |vm, a| {
        let b = ready(vm, a)?;
        let bytes = buffer::bytes_like(vm, arg_or_none(a, 1))?;
        if raw_closed(vm, &b)? {
            return Err(vm.value_error("write to closed file"));
        }
        write(vm, &b, &bytes)?;
        Ok(Value::len(bytes.len()))
    })];

const PAIR: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, Pair { reader: Value::UNDEF, writer: Value::UNDEF }).into())
    }),
    NativeDef::new("__init__(self, reader, writer, buffer_size=8192, /)", "Initialize self.", pair_init),
    NativeDef::raw("read(self, size=-1, /)", "", |vm, a| pair_call(vm, a, true, "read")),
    NativeDef::raw("peek(self, size=0, /)", "", |vm, a| pair_call(vm, a, true, "peek")),
    NativeDef::raw("read1(self, size=-1, /)", "", |vm, a| pair_call(vm, a, true, "read1")),
    NativeDef::raw("readinto(self, buffer, /)", "", |vm, a| pair_call(vm, a, true, "readinto")),
    NativeDef::raw("readinto1(self, buffer, /)", "", |vm, a| pair_call(vm, a, true, "readinto1")),
    NativeDef::raw("readable(self, /)", "", |vm, a| pair_call(vm, a, true, "readable")),
    NativeDef::raw("write(self, buffer, /)", "", |vm, a| pair_call(vm, a, false, "write")),
    NativeDef::raw("flush(self, /)", "", |vm, a| pair_call(vm, a, false, "flush")),
    NativeDef::raw("writable(self, /)", "", |vm, a| pair_call(vm, a, false, "writable")),
    NativeDef::new("close(self, /)", "", |vm, a| {
        let written = pair_call(vm, &Args::positional(a), false, "close");
        let read = pair_call(vm, &Args::positional(a), true, "close");
        written.and(read)
    }),
    NativeDef::new("isatty(self, /)", "", |vm, a| {
        let writer = pair_call(vm, &Args::positional(a), false, "isatty")?;
        if writer.is_true() { Ok(writer) } else { pair_call(vm, &Args::positional(a), true, "isatty") }
    }),
];

const PAIR_GETSETS: &[GetSetDef] = &[GetSetDef::new("closed", "", |vm, v| {
    let p = vm.this::<Pair>(std::slice::from_ref(v), "closed")?;
    let writer = p.get(vm).writer.clone();
    if writer.is_undef() {
        return Err(vm.runtime_error("the BufferedRWPair object is being garbage-collected"));
    }
    vm.get_attr_str(&writer, "closed")
})];

/// The classes, made when first asked for.
///
/// # Errors
/// None in a sound build.
pub fn classes(vm: &mut Vm) -> R<Classes> {
    if let Some(c) = &vm.state::<Made>().0 {
        return Ok(c.clone());
    }
    let base = base::classes(vm)?.buffered;
    let define = |vm: &mut Vm, name: &str, reads: bool, writes: bool| -> R<Ref<Class>> {
        let class = vm.define_class_with_dict::<Buffered>("_io", name, Some(&base), base::FLAGS)?;
        vm.extend_class(&class, COMMON, GETSETS);
        if reads {
            vm.extend_class(&class, READING, &[]);
        }
        if writes {
            vm.extend_class(&class, WRITING, &[]);
        }
        Ok(class)
    };
    let reader = define(vm, "BufferedReader", true, false)?;
    let writer = define(vm, "BufferedWriter", false, true)?;
    let random = define(vm, "BufferedRandom", true, true)?;
    let pair = vm.define_class_with_dict::<Pair>("_io", "BufferedRWPair", Some(&base), base::FLAGS)?;
    vm.extend_class(&pair, PAIR, PAIR_GETSETS);
    let classes = Classes { reader, writer, random, pair };
    vm.state::<Made>().0 = Some(classes.clone());
    Ok(classes)
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let known = classes(vm)?;
    let reads = !class.is_subclass(vm, &known.writer);
    let writes = !class.is_subclass(vm, &known.reader);
    Ok(vm.alloc_as(&class, blank(Value::UNDEF, reads, writes, super::DEFAULT_BUFFER_SIZE)).into())
}

fn blank(raw: Value, reads: bool, writes: bool, size: usize) -> Buffered {
    Buffered {
        raw,
        detached: false,
        reads,
        writes,
        size,
        at: 0,
        ahead: Vec::new(),
        waiting: Vec::new(),
        owner: 0,
        queue: WaitQueue::default(),
    }
}

/// A buffered stream over a raw one that is known to fit.
///
/// # Errors
/// None in a sound build.
pub fn over(vm: &mut Vm, raw: Value, reads: bool, writes: bool, size: usize) -> R {
    let c = classes(vm)?;
    let class = match (reads, writes) {
        (true, true) => c.random,
        (true, false) => c.reader,
        _ => c.writer,
    };
    Ok(vm.alloc_as(&class, blank(raw, reads, writes, size)).into())
}

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let b = vm.this::<Buffered>(a, "__init__")?.clone();
    let size = match arg(a, 2) {
        Some(v) => vm.index_i64(v)?,
        None => super::DEFAULT_BUFFER_SIZE as i64,
    };
    let raw = a[1].clone();
    let (reads, writes) = {
        let this = b.get(vm);
        (this.reads, this.writes)
    };
    let mut wanted = Vec::new();
    if reads && writes {
        wanted.push("seekable");
    }
    if reads {
        wanted.push("readable");
    }
    if writes {
        wanted.push("writable");
    }
    for what in wanted {
        let yes = vm.call_method(&raw, what, &[])?;
        if !vm.truth(&yes)? {
            return Err(unsupported(vm, &format!("File or stream is not {what}.")));
        }
    }
    let Some(size) = usize::try_from(size).ok().filter(|s| *s > 0) else {
        return Err(vm.value_error("buffer size must be strictly positive"));
    };
    vm.check_alloc(size)?;
    let mut this = b.get_mut(vm);
    let old = std::mem::replace(&mut this.raw, raw);
    this.detached = false;
    this.size = size;
    this.at = 0;
    this.ahead.clear();
    this.waiting.clear();
    drop(this);
    drop(old);
    Ok(Value::NONE)
}

fn ready(vm: &mut Vm, a: &[Value]) -> R<Ref<Buffered>> {
    let b = vm.this::<Buffered>(a, "raw")?.clone();
    let this = b.get(vm);
    if this.detached {
        return Err(vm.value_error("raw stream has been detached"));
    }
    if this.raw.is_undef() {
        return Err(vm.value_error("I/O operation on uninitialized object"));
    }
    Ok(b)
}

fn checked(vm: &mut Vm, a: &[Value], text: &str) -> R<Ref<Buffered>> {
    let b = ready(vm, a)?;
    if raw_closed(vm, &b)? { Err(vm.value_error(text)) } else { Ok(b) }
}

fn raw_closed(vm: &mut Vm, b: &Ref<Buffered>) -> R<bool> {
    let raw = b.get(vm).raw.clone();
    if fileio::exact(vm, &raw).is_some() {
        return Ok(false);
    }
    base::is_closed(vm, &raw)
}

/// The open stream behind a value that is exactly of one of the classes, for text streams that go around its methods.
pub fn exact(vm: &mut Vm, v: &Value) -> R<Option<Ref<Buffered>>> {
    let Some(b) = v.cast::<Buffered>().cloned() else { return Ok(None) };
    let c = classes(vm)?;
    let plain = [&c.reader, &c.writer, &c.random].iter().any(|k| vm.is_exact(v, k));
    let raw = b.get(vm).raw.clone();
    Ok((plain && fileio::exact(vm, &raw).is_some()).then_some(b))
}

fn forward(vm: &mut Vm, a: &[Value], method: &str) -> R {
    let raw = ready(vm, a)?.get(vm).raw.clone();
    vm.call_method(&raw, method, &[])
}

fn attr(vm: &mut Vm, v: &Value, name: &str) -> R {
    let raw = ready(vm, std::slice::from_ref(v))?.get(vm).raw.clone();
    vm.get_attr_str(&raw, name)
}

/// A size that must be -1, `None` or not negative.
fn size_bounded(vm: &mut Vm, v: Option<&Value>, text: &str) -> R<Option<usize>> {
    if let Some(v) = v.filter(|v| !v.is_none()) {
        let n = vm.index_i64(v)?;
        if n < -1 {
            return Err(vm.value_error(text));
        }
    }
    size_arg(vm, v)
}

/// Runs `f` while no other thread works on the stream: it may let the interpreter's lock go in the middle.
fn exclusive<T>(vm: &mut Vm, b: &Ref<Buffered>, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    let me = vm.thread_ident();
    let owner = b.get(vm).owner;
    if owner == me {
        return f(vm);
    }
    if owner != 0 {
        let stream = b.clone();
        let ready = |vm: &mut Vm| {
            let free = stream.get(vm).owner == 0;
            if free {
                stream.get_mut(vm).owner = me;
            }
            free
        };
        wait(vm, b, |this| &mut this.queue, Until::Forever, ready, |_| ())?;
    }
    b.get_mut(vm).owner = me;
    let result = f(vm);
    let mut this = b.get_mut(vm);
    this.owner = 0;
    this.queue.wake_next();
    drop(this);
    result
}

// ---- reading ----

fn available(vm: &Vm, b: &Ref<Buffered>) -> usize {
    let this = b.get(vm);
    this.ahead.len().saturating_sub(this.at)
}

/// One read of the raw stream; nothing when it would have to wait.
fn raw_read(vm: &mut Vm, raw: &Value, n: usize) -> R<Option<Vec<u8>>> {
    if let Some(f) = fileio::exact(vm, raw)
        && fileio::abilities(vm, &f).0
    {
        return fileio::read_some(vm, &f, n);
    }
    let space = base::new_bytearray(vm, n)?;
    let got = vm.call_method(raw, "readinto", std::slice::from_ref(&space))?;
    if got.is_none() {
        return Ok(None);
    }
    let count = vm.index_i64(&got)?;
    let Some(count) = usize::try_from(count).ok().filter(|c| *c <= n) else {
        return Err(vm.os_error_plain(&format!(
            "raw readinto() returned invalid length {count} (should have been between 0 and {n})"
        )));
    };
    let mut bytes = buffer::bytes_like(vm, &space)?;
    bytes.truncate(count);
    Ok(Some(bytes))
}

/// Replaces an empty read-ahead by the next block; false when nothing could be read now.
fn fill(vm: &mut Vm, b: &Ref<Buffered>) -> R<bool> {
    let (raw, size) = {
        let this = b.get(vm);
        (this.raw.clone(), this.size)
    };
    if let Some(f) = fileio::exact(vm, &raw)
        && fileio::abilities(vm, &f).0
    {
        // The room of the buffer is used again.
        let mut ahead = std::mem::take(&mut b.get_mut(vm).ahead);
        ahead.resize(size, 0);
        let got = fileio::read_into(vm, &f, &mut ahead);
        ahead.truncate(match &got {
            Ok(Some(n)) => *n,
            _ => 0,
        });
        let mut this = b.get_mut(vm);
        this.ahead = ahead;
        this.at = 0;
        drop(this);
        return got.map(|n| n.is_some());
    }
    let got = raw_read(vm, &raw, size)?;
    let some = got.is_some();
    let mut this = b.get_mut(vm);
    this.ahead = got.unwrap_or_default();
    this.at = 0;
    Ok(some)
}

/// Takes up to `n` bytes from the read-ahead.
fn take(vm: &mut Vm, b: &Ref<Buffered>, n: usize) -> Vec<u8> {
    let mut this = b.get_mut(vm);
    let from = this.at;
    let to = from.saturating_add(n).min(this.ahead.len());
    let part = this.ahead.get(from..to).unwrap_or_default().to_vec();
    this.at = to;
    part
}

/// Reads `n` bytes, or all; nothing when the raw stream would have to wait and none are there.
///
/// # Errors
/// What the raw stream raises; MemoryError.
pub fn read(vm: &mut Vm, b: &Ref<Buffered>, n: Option<usize>) -> R<Option<Vec<u8>>> {
    exclusive(vm, b, |vm| read_now(vm, b, n))
}

fn read_now(vm: &mut Vm, b: &Ref<Buffered>, n: Option<usize>) -> R<Option<Vec<u8>>> {
    if let Some(n) = n
        && n <= available(vm, b)
    {
        return Ok(Some(take(vm, b, n)));
    }
    flush(vm, b)?;
    let Some(n) = n else { return read_to_end(vm, b) };
    let mut out = take(vm, b, n);
    let (raw, size) = {
        let this = b.get(vm);
        (this.raw.clone(), this.size)
    };
    while out.len() < n {
        let left = n - out.len();
        // Whole blocks go past the buffer.
        if left >= size {
            match raw_read(vm, &raw, (left - left % size).min(1 << 24))? {
                None => return Ok(if out.is_empty() { None } else { Some(out) }),
                Some(got) if got.is_empty() => break,
                Some(got) => {
                    vm.check_alloc(got.len())?;
                    out.extend_from_slice(&got);
                }
            }
            continue;
        }
        if !fill(vm, b)? {
            return Ok(if out.is_empty() { None } else { Some(out) });
        }
        let got = take(vm, b, left);
        if got.is_empty() {
            break;
        }
        out.extend_from_slice(&got);
    }
    Ok(Some(out))
}

fn read_to_end(vm: &mut Vm, b: &Ref<Buffered>) -> R<Option<Vec<u8>>> {
    let mut out = take(vm, b, usize::MAX);
    let raw = b.get(vm).raw.clone();
    if let Some(f) = fileio::exact(vm, &raw)
        && fileio::abilities(vm, &f).0
    {
        return Ok(match fileio::read_all(vm, &f)? {
            Some(rest) if out.is_empty() => Some(rest),
            Some(rest) => {
                out.extend_from_slice(&rest);
                Some(out)
            }
            None if out.is_empty() => None,
            None => Some(out),
        });
    }
    let name = vm.intern("readall");
    if let Some(readall) = vm.get_attr_opt(&raw, &name)? {
        let rest = vm.call(&readall, &[])?;
        if rest.is_none() {
            return Ok(if out.is_empty() { None } else { Some(out) });
        }
        let Some(r) = rest.cast::<Bytes>() else { return Err(vm.type_error("readall() should return bytes")) };
        out.extend_from_slice(r.get(vm).as_bytes());
        return Ok(Some(out));
    }
    loop {
        let got = vm.call_method(&raw, "read", &[])?;
        if got.is_none() {
            return Ok(if out.is_empty() { None } else { Some(out) });
        }
        let Some(r) = got.cast::<Bytes>() else { return Err(vm.type_error("read() should return bytes")) };
        let bytes = r.get(vm).as_bytes();
        if bytes.is_empty() {
            return Ok(Some(out));
        }
        out.extend_from_slice(bytes);
        vm.check_buffer(&out, 0)?;
    }
}

/// Reads what is there, with at most one read of the raw stream.
///
/// # Errors
/// What the raw stream raises.
pub fn read1(vm: &mut Vm, b: &Ref<Buffered>, n: Option<usize>) -> R<Vec<u8>> {
    exclusive(vm, b, |vm| read1_now(vm, b, n))
}

fn read1_now(vm: &mut Vm, b: &Ref<Buffered>, n: Option<usize>) -> R<Vec<u8>> {
    let n = n.unwrap_or(b.get(vm).size);
    if n == 0 {
        return Ok(Vec::new());
    }
    flush(vm, b)?;
    if available(vm, b) > 0 {
        return Ok(take(vm, b, n));
    }
    let raw = b.get(vm).raw.clone();
    Ok(raw_read(vm, &raw, n)?.unwrap_or_default())
}

fn read_line(vm: &mut Vm, b: &Ref<Buffered>, limit: Option<usize>) -> R<Vec<u8>> {
    exclusive(vm, b, |vm| read_line_now(vm, b, limit))
}

fn read_line_now(vm: &mut Vm, b: &Ref<Buffered>, limit: Option<usize>) -> R<Vec<u8>> {
    let limit = limit.unwrap_or(usize::MAX);
    flush(vm, b)?;
    let mut line = Vec::new();
    loop {
        let left = limit - line.len();
        let n = {
            let this = b.get(vm);
            let ahead = this.ahead.get(this.at..).unwrap_or_default();
            let ahead = ahead.get(..left.min(ahead.len())).unwrap_or_default();
            match memchr::memchr(b'\n', ahead) {
                Some(i) => Err(i + 1),
                None => Ok(ahead.len()),
            }
        };
        match n {
            Err(n) => {
                line.extend_from_slice(&take(vm, b, n));
                return Ok(line);
            }
            Ok(n) => line.extend_from_slice(&take(vm, b, n)),
        }
        if line.len() >= limit {
            return Ok(line);
        }
        vm.tick(1)?;
        vm.check_buffer(&line, 0)?;
        if !fill(vm, b)? || available(vm, b) == 0 {
            return Ok(line);
        }
    }
}

fn readinto(vm: &mut Vm, a: &[Value], once: bool) -> R {
    let b = checked(vm, a, "readinto of closed file")?;
    let target = Target::of(vm, arg_or_none(a, 1), if once { "readinto1" } else { "readinto" })?;
    let got = if once { Some(read1(vm, &b, Some(target.len))?) } else { read(vm, &b, Some(target.len))? };
    match got {
        Some(bytes) => {
            let n = target.fill(vm, &bytes)?;
            Ok(Value::len(n))
        }
        None => Ok(Value::NONE),
    }
}

// ---- writing ----

/// One write of the raw stream; nothing when it would have to wait.
fn raw_write(vm: &mut Vm, raw: &Value, bytes: &[u8]) -> R<Option<usize>> {
    if let Some(f) = fileio::exact(vm, raw)
        && fileio::abilities(vm, &f).1
    {
        return fileio::write_some(vm, &f, bytes);
    }
    let data = vm.new_bytes(bytes).into_value();
    let got = vm.call_method(raw, "write", &[data])?;
    if got.is_none() {
        return Ok(None);
    }
    let count = vm.index_i64(&got)?;
    match usize::try_from(count).ok().filter(|c| *c <= bytes.len()) {
        Some(n) => Ok(Some(n)),
        None => Err(vm.os_error_plain(&format!(
            "raw write() returned invalid length {count} (should have been between 0 and {})",
            bytes.len()
        ))),
    }
}

/// Writes out what waits.
///
/// # Errors
/// What the raw stream raises; BlockingIOError. What could not be written waits on.
pub fn flush(vm: &mut Vm, b: &Ref<Buffered>) -> R<()> {
    exclusive(vm, b, |vm| flush_now(vm, b))
}

fn flush_now(vm: &mut Vm, b: &Ref<Buffered>) -> R<()> {
    if b.get(vm).waiting.is_empty() {
        return Ok(());
    }
    let waiting = std::mem::take(&mut b.get_mut(vm).waiting);
    let (written, result) = write_out(vm, b, &waiting);
    let mut rest = waiting;
    rest.drain(..written);
    let mut this = b.get_mut(vm);
    if this.waiting.is_empty() {
        this.waiting = rest;
    } else {
        // Something wrote meanwhile: it comes after.
        rest.append(&mut this.waiting);
        this.waiting = rest;
    }
    drop(this);
    result
}

/// Writes to the raw stream until all is out: how much was, and why it ended.
fn write_out(vm: &mut Vm, b: &Ref<Buffered>, bytes: &[u8]) -> (usize, R<()>) {
    let raw = b.get(vm).raw.clone();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
        match raw_write(vm, &raw, rest) {
            Ok(Some(n)) => at += n,
            Ok(None) => return (at, Err(would_block(vm, 0))),
            Err(e) => return (at, Err(e)),
        }
        if let Err(e) = vm.tick(1) {
            return (at, Err(e));
        }
    }
    (at, Ok(()))
}

/// The BlockingIOError of a write that would have to wait.
fn would_block(vm: &mut Vm, written: usize) -> Raised {
    let class = vm.exc.BlockingIOError.clone();
    let text = vm.new_str("write could not complete without blocking").into_value();
    vm.raise_call(&class, &[Value::int32(nix::errno::Errno::EAGAIN as i32), text, Value::len(written)])
}

/// Gives up the read-ahead and moves the raw stream back to where the script thinks it is.
fn rewind(vm: &mut Vm, b: &Ref<Buffered>) -> R<()> {
    let left = available(vm, b);
    if left > 0 {
        let raw = b.get(vm).raw.clone();
        if !b.get(vm).writes {
            // A reader keeps its read-ahead when the raw stream has no position.
            return Ok(());
        }
        raw_seek(vm, &raw, -(left as i64), 1)?;
    }
    let mut this = b.get_mut(vm);
    this.ahead.clear();
    this.at = 0;
    Ok(())
}

/// Writes bytes, by way of the buffer.
///
/// # Errors
/// What the raw stream raises; BlockingIOError with the number of bytes taken.
pub fn write(vm: &mut Vm, b: &Ref<Buffered>, bytes: &[u8]) -> R<()> {
    exclusive(vm, b, |vm| write_now(vm, b, bytes))
}

fn write_now(vm: &mut Vm, b: &Ref<Buffered>, bytes: &[u8]) -> R<()> {
    if b.get(vm).reads {
        rewind(vm, b)?;
    }
    let (size, waiting) = {
        let this = b.get(vm);
        (this.size, this.waiting.len())
    };
    if waiting + bytes.len() <= size {
        b.get_mut(vm).waiting.extend_from_slice(bytes);
        return Ok(());
    }
    if let Err(e) = flush(vm, b) {
        if !vm.raised_is(&e, &vm.exc.BlockingIOError.clone()) {
            return Err(e);
        }
        // What still fits is taken.
        let room = size.saturating_sub(b.get(vm).waiting.len()).min(bytes.len());
        b.get_mut(vm).waiting.extend_from_slice(bytes.get(..room).unwrap_or_default());
        return if room == bytes.len() { Ok(()) } else { Err(would_block(vm, room)) };
    }
    if bytes.len() <= size {
        b.get_mut(vm).waiting.extend_from_slice(bytes);
        return Ok(());
    }
    let (written, result) = write_out(vm, b, bytes);
    match result {
        Ok(()) => Ok(()),
        Err(e) if vm.raised_is(&e, &vm.exc.BlockingIOError.clone()) => {
            let rest = bytes.get(written..).unwrap_or_default();
            let room = size.min(rest.len());
            b.get_mut(vm).waiting.extend_from_slice(rest.get(..room).unwrap_or_default());
            if room == rest.len() { Ok(()) } else { Err(would_block(vm, written + room)) }
        }
        Err(e) => Err(e),
    }
}

// ---- position ----

fn raw_seek(vm: &mut Vm, raw: &Value, offset: i64, whence: i64) -> R<i64> {
    if let Some(f) = fileio::exact(vm, raw) {
        return fileio::seek_to(vm, &f, offset, whence);
    }
    let (offset, whence) = (vm.int(offset), vm.int(whence));
    let at = vm.call_method(raw, "seek", &[offset, whence])?;
    position(vm, &at)
}

fn raw_tell(vm: &mut Vm, raw: &Value) -> R<i64> {
    if let Some(f) = fileio::exact(vm, raw) {
        return fileio::seek_to(vm, &f, 0, 1);
    }
    let at = vm.call_method(raw, "tell", &[])?;
    position(vm, &at)
}

fn position(vm: &mut Vm, v: &Value) -> R<i64> {
    let at = vm.index_i64(v)?;
    if at < 0 {
        return Err(vm.os_error_plain(&format!("Raw stream returned invalid position {at}")));
    }
    Ok(at)
}

/// The position as the script sees it.
///
/// # Errors
/// What the raw stream raises.
pub fn tell(vm: &mut Vm, b: &Ref<Buffered>) -> R<i64> {
    let raw = b.get(vm).raw.clone();
    let at = raw_tell(vm, &raw)?;
    let waiting = b.get(vm).waiting.len();
    Ok((at - available(vm, b) as i64 + waiting as i64).max(0))
}

fn seek(vm: &mut Vm, a: &[Value]) -> R {
    let whence = fileio::whence_arg(vm, arg(a, 2))?;
    if !(0..=4).contains(&whence) {
        return Err(vm.value_error(format!("whence value {whence} unsupported")));
    }
    let b = checked(vm, a, "seek of closed file")?;
    let offset = fileio::offset_arg(vm, &a[1])?;
    seek_to(vm, &b, offset, whence).map(|at| vm.int(at))
}

/// Moves the position.
///
/// # Errors
/// What the raw stream raises.
pub fn seek_to(vm: &mut Vm, b: &Ref<Buffered>, mut offset: i64, whence: i64) -> R<i64> {
    let raw = b.get(vm).raw.clone();
    if fileio::exact(vm, &raw).is_none() {
        let yes = vm.call_method(&raw, "seekable", &[])?;
        if !vm.truth(&yes)? {
            return Err(unsupported(vm, "File or stream is not seekable."));
        }
    }
    if whence < 2 && available(vm, b) > 0 {
        // Within the read-ahead only the place in it changes.
        let now = tell(vm, b)?;
        let by = if whence == 1 { offset } else { offset.saturating_sub(now) };
        let mut this = b.get_mut(vm);
        let place = (this.at as i64).saturating_add(by);
        if place >= 0 && place <= this.ahead.len() as i64 {
            this.at = place as usize;
            return Ok(now + by);
        }
    }
    flush(vm, b)?;
    if whence == 1 {
        offset = offset.saturating_sub(available(vm, b) as i64);
    }
    let at = raw_seek(vm, &raw, offset, whence)?;
    let mut this = b.get_mut(vm);
    this.ahead.clear();
    this.at = 0;
    Ok(at)
}

fn truncate(vm: &mut Vm, a: &[Value]) -> R {
    let b = checked(vm, a, "truncate of closed file")?;
    if !b.get(vm).writes {
        return Err(unsupported(vm, "truncate"));
    }
    flush(vm, &b)?;
    rewind(vm, &b)?;
    let raw = b.get(vm).raw.clone();
    vm.call_method(&raw, "truncate", &[arg_or_none(a, 1).clone()])
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let b = ready(vm, a)?;
    if raw_closed(vm, &b)? {
        return Ok(Value::NONE);
    }
    let flushed = vm.call_method(&a[0], "flush", &[]);
    let raw = b.get(vm).raw.clone();
    let closed = vm.call_method(&raw, "close", &[]);
    match (flushed, closed) {
        (Err(e), Err(second)) => {
            // The first failure is the context of the second.
            let (first, second) = (vm.exception_value(e), vm.exception_value(second));
            if let Some(x) = second.cast::<crate::vm::exception::Exception>() {
                x.get_mut(vm).context = first;
            }
            Err(vm.raise(second))
        }
        (Err(e), _) => Err(e),
        (_, closed) => closed,
    }
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let class = super::shown_class(vm, &a[0]);
    let text = super::repr_with_name(vm, &a[0], &class, &[])?;
    Ok(vm.new_str(&text).into())
}

// ---- pairs ----

fn pair_init(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Pair>(a, "__init__")?.clone();
    for (stream, what) in [(&a[1], "readable"), (&a[2], "writable")] {
        let yes = vm.call_method(stream, what, &[])?;
        if !vm.truth(&yes)? {
            return Err(unsupported(vm, &format!("File or stream is not {what}.")));
        }
    }
    let c = classes(vm)?;
    let size = arg(a, 3).cloned().unwrap_or(Value::len(super::DEFAULT_BUFFER_SIZE));
    let reader = vm.call(c.reader.value(), &[a[1].clone(), size.clone()])?;
    let writer = vm.call(c.writer.value(), &[a[2].clone(), size])?;
    let mut this = p.get_mut(vm);
    let old = (std::mem::replace(&mut this.reader, reader), std::mem::replace(&mut this.writer, writer));
    drop(this);
    drop(old);
    Ok(Value::NONE)
}

fn pair_call(vm: &mut Vm, a: &Args<'_>, reader: bool, method: &str) -> R {
    let p = vm.this::<Pair>(a.pos, method)?.clone();
    let stream = if reader { p.get(vm).reader.clone() } else { p.get(vm).writer.clone() };
    if stream.is_undef() {
        return Err(vm.value_error("I/O operation on uninitialized object"));
    }
    vm.call_method(&stream, method, a.pos.get(1..).unwrap_or_default())
}

/// Whether the stream's class reads.
pub fn reads(vm: &Vm, b: &Ref<Buffered>) -> bool {
    b.get(vm).reads
}

/// Whether the stream's class writes.
pub fn writes(vm: &Vm, b: &Ref<Buffered>) -> bool {
    b.get(vm).writes
}
