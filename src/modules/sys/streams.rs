//! `sys.stdout` and `sys.stderr`: text streams in front of where the host wants output to go.
//!
//! Text waits in one buffer here; what is written through `.buffer` goes into the same one, so the order of the two
//! never changes. The buffer is passed on when it is large, at line ends on a terminal, by `flush`, and at the end
//! of the program. Files are in `modules::io`.

use crate::embed::Streams;
use crate::heap_object;
use crate::modules::io::codec;
use crate::modules::io::errors::unsupported;
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::io::IsTerminal;

/// From this size on the buffer is passed on.
const LARGE: usize = 8192;

heap_object! {
    /// The payload of `sys.stdout` and `sys.stderr`.
    pub struct StdStream {
        /// It is standard error.
        error: bool,
        /// Passed on at line ends.
        line_buffering: bool,
        /// Passed on at once.
        write_through: bool,
        /// Closed by the script.
        closed: bool,
        /// The text passes through as it is: UTF-8.
        utf8: bool,
        /// What waits.
        encoding: String,
        errors: String,
    }
    skip { pending: Vec<u8> }
    external = |this| this.pending.capacity();
}

heap_object! {
    /// The payload of their `buffer`: the same stream for bytes.
    pub struct StdBytes { text: Ref<StdStream> }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("write(self, s, /)", "Write string s to the stream and return its length.", write),
    NativeDef::new("writelines(self, lines, /)", "Write a list of lines to the stream.", writelines),
    NativeDef::new("flush(self, /)", "Pass on what is buffered.", |vm, a| {
        let s = open_stream(vm, a)?;
        flush(vm, &s)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("isatty(self, /)", "Whether the stream is a terminal.", |vm, a| {
        let s = open_stream(vm, a)?;
        Ok(is_terminal(vm, &s).into())
    }),
    NativeDef::new("fileno(self, /)", "Return the file descriptor.", |vm, a| {
        let s = open_stream(vm, a)?;
        file_number(vm, &s)
    }),
    NativeDef::new("readable(self, /)", "", |vm, a| open_stream(vm, a).map(|_| Value::FALSE)),
    NativeDef::new("writable(self, /)", "", |vm, a| open_stream(vm, a).map(|_| Value::TRUE)),
    NativeDef::new("seekable(self, /)", "", |vm, a| open_stream(vm, a).map(|_| Value::FALSE)),
    NativeDef::new("read(self, size=-1, /)", "", no_reading),
    NativeDef::new("readline(self, size=-1, /)", "", no_reading),
    NativeDef::new("readlines(self, hint=-1, /)", "", no_reading),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| open_stream(vm, a).map(Ref::into_value)),
    NativeDef::new("__next__(self, /)", "Implement next(self).", no_reading),
    NativeDef::new("seek(self, cookie, whence=0, /)", "", no_seeking),
    NativeDef::new("tell(self, /)", "", no_seeking),
    NativeDef::new("truncate(self, pos=None, /)", "", no_seeking),
    NativeDef::new("close(self, /)", "Pass on what is buffered and refuse everything from now on.", close),
    NativeDef::new(
        "reconfigure(self, /, *, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None)",
        "Reconfigure the text stream with new parameters.",
        reconfigure,
    ),
    NativeDef::new("__enter__(self, /)", "", |vm, a| open_stream(vm, a).map(Ref::into_value)),
    NativeDef::new("__exit__(self, /, *args)", "", |vm, a| close(vm, &a[..1])),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("encoding", "", |vm, v| {
        let s = this(vm, v)?;
        let e = s.get(vm).encoding.clone();
        Ok(vm.intern(&e).into())
    }),
    GetSetDef::new("errors", "", |vm, v| {
        let s = this(vm, v)?;
        let e = s.get(vm).errors.clone();
        Ok(vm.intern(&e).into())
    }),
    GetSetDef::new("newlines", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("buffer", "", |vm, v| {
        let text = this(vm, v)?.clone();
        Ok(vm.alloc(StdBytes { text }).into())
    }),
    GetSetDef::new("closed", "", |vm, v| Ok(this(vm, v)?.get(vm).closed.into())),
    GetSetDef::new("line_buffering", "", |vm, v| Ok(this(vm, v)?.get(vm).line_buffering.into())),
    GetSetDef::new("write_through", "", |vm, v| Ok(this(vm, v)?.get(vm).write_through.into())),
    GetSetDef::new("name", "", |vm, v| {
        let name = name_of(this(vm, v)?.get(vm).error);
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("mode", "", |vm, _| Ok(vm.intern("w").into())),
];

const BYTES_METHODS: &[NativeDef] = &[
    NativeDef::new("write(self, buffer, /)", "Write bytes to the stream and return how many they are.", |vm, a| {
        let s = bytes_stream(vm, a)?;
        let bytes = crate::modules::io::buffer::bytes_like(vm, arg_or_none(a, 1))?;
        put(vm, &s, &bytes, true)?;
        Ok(Value::len(bytes.len()))
    }),
    NativeDef::new("writelines(self, lines, /)", "", |vm, a| {
        let s = bytes_stream(vm, a)?;
        let it = vm.iter(arg_or_none(a, 1))?;
        while let Some(line) = vm.next(&it)? {
            let bytes = crate::modules::io::buffer::bytes_like(vm, &line)?;
            put(vm, &s, &bytes, true)?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("flush(self, /)", "", |vm, a| {
        let s = bytes_stream(vm, a)?;
        flush(vm, &s)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("isatty(self, /)", "", |vm, a| {
        let s = bytes_stream(vm, a)?;
        Ok(is_terminal(vm, &s).into())
    }),
    NativeDef::new("fileno(self, /)", "", |vm, a| {
        let s = bytes_stream(vm, a)?;
        file_number(vm, &s)
    }),
    NativeDef::new("readable(self, /)", "", |vm, a| bytes_stream(vm, a).map(|_| Value::FALSE)),
    NativeDef::new("writable(self, /)", "", |vm, a| bytes_stream(vm, a).map(|_| Value::TRUE)),
    NativeDef::new("seekable(self, /)", "", |vm, a| bytes_stream(vm, a).map(|_| Value::FALSE)),
    NativeDef::new("read(self, size=-1, /)", "", |vm, a| {
        bytes_stream(vm, a)?;
        Err(unsupported(vm, "read"))
    }),
    NativeDef::new("close(self, /)", "", |vm, a| {
        let s = bytes_this(vm, &a[0])?.get(vm).text.clone();
        close(vm, &[s.into_value()])
    }),
    NativeDef::new("__enter__(self, /)", "", |vm, a| bytes_stream(vm, a).map(|_| a[0].clone())),
    NativeDef::new("__exit__(self, /, *args)", "", |_, _| Ok(Value::NONE)),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let s = bytes_this(vm, &a[0])?.get(vm).text.clone();
        let text = format!("<_io.BufferedWriter name='{}'>", name_of(s.get(vm).error));
        Ok(vm.new_str(&text).into())
    }),
];

const BYTES_GETSETS: &[GetSetDef] = &[
    GetSetDef::new("closed", "", |vm, v| {
        let s = bytes_this(vm, v)?.get(vm).text.clone();
        Ok(s.get(vm).closed.into())
    }),
    GetSetDef::new("name", "", |vm, v| {
        let s = bytes_this(vm, v)?.get(vm).text.clone();
        let name = name_of(s.get(vm).error);
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("mode", "", |vm, _| Ok(vm.intern("wb").into())),
    GetSetDef::new("raw", "", |_, v| Ok(v.clone())),
];

/// The streams made at the start, which are passed on at the end whatever the script put into `sys`.
#[derive(Default)]
struct Originals(Vec<Ref<StdStream>>);

/// Makes the two streams: output and error.
///
/// # Errors
/// None in a sound build.
pub fn make(vm: &mut Vm) -> R<[Value; 2]> {
    if vm.class_for::<StdStream>().is_none() {
        let bases = crate::modules::io::base::classes(vm)?;
        let class = vm.define_class::<StdStream>("_io", "StandardStream", Some(&bases.text), 0)?;
        vm.extend_class(&class, METHODS, GETSETS);
        let class = vm.define_class::<StdBytes>("_io", "StandardBuffer", Some(&bases.buffered), 0)?;
        vm.extend_class(&class, BYTES_METHODS, BYTES_GETSETS);
    }
    let streams = [false, true].map(|error| {
        vm.alloc(StdStream {
            error,
            line_buffering: error,
            write_through: false,
            closed: false,
            utf8: true,
            encoding: "utf-8".to_owned(),
            errors: if error { "backslashreplace" } else { "strict" }.to_owned(),
            pending: Vec::new(),
        })
    });
    let unbuffered = vm.state::<crate::embed::Switches>().unbuffered;
    for s in &streams {
        if unbuffered || is_terminal(vm, s) {
            s.get_mut(vm).line_buffering = true;
        }
        s.get_mut(vm).write_through = unbuffered;
    }
    vm.state::<Originals>().0 = streams.to_vec();
    Ok(streams.map(Ref::into_value))
}

/// Passes on what the two streams made at the start still hold.
///
/// # Errors
/// What the destinations give; the second stream is served even when the first fails.
pub fn flush_originals(vm: &mut Vm) -> R<()> {
    let mut result = Ok(());
    for s in vm.state::<Originals>().0.clone() {
        let flushed = flush(vm, &s);
        if result.is_ok() {
            result = flushed;
        }
    }
    result
}

/// Writes text to a stream made here; false when the value is some other object, or the script may have closed or
/// reconfigured it: then its method `write` must be called.
///
/// # Errors
/// What the destination gives.
pub fn write_fast(vm: &mut Vm, stream: &Value, text: &[u8], more: &[u8]) -> R<bool> {
    let Some(s) = stream.cast::<StdStream>() else { return Ok(false) };
    let (ready, ascii) = {
        let this = s.get(vm);
        (!this.closed && this.utf8, text.is_ascii() && more.is_ascii())
    };
    if !ready || !(ascii || (std::str::from_utf8(text).is_ok() && std::str::from_utf8(more).is_ok())) {
        return Ok(false);
    }
    let s = s.clone();
    let through = {
        let mut this = s.get_mut(vm);
        this.pending.extend_from_slice(text);
        this.pending.extend_from_slice(more);
        let line =
            this.line_buffering && (memchr::memchr(b'\n', more).is_some() || memchr::memchr(b'\n', text).is_some());
        this.write_through || line || this.pending.len() >= LARGE
    };
    if through {
        flush(vm, &s)?;
    }
    Ok(true)
}

fn name_of(error: bool) -> &'static str {
    if error { "<stderr>" } else { "<stdout>" }
}

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<StdStream>> {
    vm.this::<StdStream>(std::slice::from_ref(v), "write")
}

fn bytes_this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<StdBytes>> {
    vm.this::<StdBytes>(std::slice::from_ref(v), "write")
}

fn open_stream(vm: &mut Vm, a: &[Value]) -> R<Ref<StdStream>> {
    let s = vm.this::<StdStream>(a, "write")?.clone();
    if s.get(vm).closed {
        return Err(vm.value_error("I/O operation on closed file."));
    }
    Ok(s)
}

fn bytes_stream(vm: &mut Vm, a: &[Value]) -> R<Ref<StdStream>> {
    let s = vm.this::<StdBytes>(a, "write")?.get(vm).text.clone();
    if s.get(vm).closed {
        return Err(vm.value_error("I/O operation on closed file."));
    }
    Ok(s)
}

fn is_terminal(vm: &mut Vm, s: &Ref<StdStream>) -> bool {
    let error = s.get(vm).error;
    let streams: &mut Streams = vm.state();
    let output = if error { &streams.stderr } else { &streams.stdout };
    match output {
        crate::embed::Output::Inherit if error => std::io::stderr().is_terminal(),
        crate::embed::Output::Inherit => std::io::stdout().is_terminal(),
        crate::embed::Output::Sink(s) => match s.descriptor() {
            Some(1) => std::io::stdout().is_terminal(),
            Some(2) => std::io::stderr().is_terminal(),
            _ => false,
        },
        crate::embed::Output::Discard => false,
    }
}

/// The descriptor that a stream ends at.
fn descriptor(vm: &mut Vm, s: &Ref<StdStream>) -> Option<i32> {
    let error = s.get(vm).error;
    let streams: &mut Streams = vm.state();
    let output = if error { &streams.stderr } else { &streams.stdout };
    match output {
        crate::embed::Output::Inherit => Some(if error { 2 } else { 1 }),
        crate::embed::Output::Sink(s) => s.descriptor(),
        crate::embed::Output::Discard => None,
    }
}

/// Whether a stream ends at a descriptor that was closed when the process began.
pub fn is_closed(vm: &mut Vm, stream: &Value) -> bool {
    let Some(s) = stream.cast::<StdStream>().cloned() else { return false };
    descriptor(vm, &s).and_then(|n| u8::try_from(n).ok()).is_some_and(crate::vm::system::closed_at_start)
}

fn file_number(vm: &mut Vm, s: &Ref<StdStream>) -> R {
    match descriptor(vm, s) {
        Some(n) => Ok(Value::int32(n)),
        None => Err(unsupported(vm, "fileno")),
    }
}

fn no_reading(vm: &mut Vm, a: &[Value]) -> R {
    open_stream(vm, a)?;
    Err(unsupported(vm, "not readable"))
}

fn no_seeking(vm: &mut Vm, a: &[Value]) -> R {
    open_stream(vm, a)?;
    Err(unsupported(vm, "underlying stream is not seekable"))
}

fn write(vm: &mut Vm, a: &[Value]) -> R {
    let s = open_stream(vm, a)?;
    let text = arg_or_none(a, 1);
    let Some(t) = text.cast::<Str>().cloned() else {
        let got = vm.class_name(text);
        return Err(vm.type_error(format!("write() argument must be str, not {got}")));
    };
    write_str(vm, &s, &t)?;
    Ok(Value::len(t.get(vm).char_len()))
}

fn write_str(vm: &mut Vm, s: &Ref<StdStream>, t: &Ref<Str>) -> R<()> {
    let plain = s.get(vm).utf8 && t.get(vm).to_str().is_some();
    let bytes = if plain {
        t.get(vm).as_bytes().to_vec()
    } else {
        let (encoding, errors) = (s.get(vm).encoding.clone(), s.get(vm).errors.clone());
        codec::encode(vm, t, &encoding, &errors)?
    };
    put(vm, s, &bytes, false)
}

fn put(vm: &mut Vm, s: &Ref<StdStream>, bytes: &[u8], raw: bool) -> R<()> {
    vm.tick(bytes.len() / 256)?;
    let through = {
        let mut this = s.get_mut(vm);
        this.pending.extend_from_slice(bytes);
        let line = this.line_buffering && !raw && memchr::memchr(b'\n', bytes).is_some();
        this.write_through || line || this.pending.len() >= LARGE
    };
    if through { flush(vm, s) } else { Ok(()) }
}

/// Passes on what waits.
fn flush(vm: &mut Vm, s: &Ref<StdStream>) -> R<()> {
    let error = s.get(vm).error;
    let pending = std::mem::take(&mut s.get_mut(vm).pending);
    let streams: &mut Streams = vm.state();
    let output = if error { &mut streams.stderr } else { &mut streams.stdout };
    let written = if pending.is_empty() { Ok(()) } else { output.write(&pending, error) };
    match written.and_then(|()| output.flush()) {
        Ok(()) => {
            // The buffer's room is used again.
            let mut empty = pending;
            empty.clear();
            if empty.capacity() <= LARGE * 4 {
                s.get_mut(vm).pending = empty;
            }
            Ok(())
        }
        Err(e) => {
            let mut this = s.get_mut(vm);
            if !this.write_through && pending.len() < LARGE && this.pending.is_empty() {
                // The next try has it, as a buffered file would.
                this.pending = pending;
            }
            drop(this);
            Err(vm.os_error(&e, None))
        }
    }
}

fn writelines(vm: &mut Vm, a: &[Value]) -> R {
    let s = open_stream(vm, a)?;
    let it = vm.iter(arg_or_none(a, 1))?;
    while let Some(line) = vm.next(&it)? {
        write(vm, &[s.value().clone(), line])?;
    }
    Ok(Value::NONE)
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<StdStream>(a, "close")?.clone();
    if !s.get(vm).closed {
        let flushed = flush(vm, &s);
        s.get_mut(vm).closed = true;
        flushed?;
    }
    Ok(Value::NONE)
}

fn reconfigure(vm: &mut Vm, a: &[Value]) -> R {
    let s = open_stream(vm, a)?;
    let given = |i| arg(a, i).filter(|v| !v.is_none()).cloned();
    flush(vm, &s)?;
    let errors = given(2);
    if let Some(e) = given(1) {
        let name = codec::encoding_name(vm, &e, "reconfigure() argument 'encoding'")?;
        let utf8 = crate::text::codecs::Encoding::named(&name) == Some(crate::text::codecs::Encoding::Utf8);
        let mut this = s.get_mut(vm);
        this.encoding = name;
        this.utf8 = utf8;
        if errors.is_none() {
            this.errors = "strict".to_owned();
        }
    }
    if let Some(e) = errors {
        let Some(_) = e.cast::<Str>() else {
            let got = vm.class_name(&e);
            return Err(vm.type_error(format!("reconfigure() argument 'errors' must be str or None, not {got}")));
        };
        let text = vm.str_of(&e);
        s.get_mut(vm).errors = text;
    }
    if let Some(v) = given(4) {
        let on = vm.truth(&v)?;
        s.get_mut(vm).line_buffering = on;
    }
    if let Some(v) = given(5) {
        let on = vm.truth(&v)?;
        s.get_mut(vm).write_through = on;
    }
    Ok(Value::NONE)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<StdStream>(a, "__repr__")?;
    let this = s.get(vm);
    let text = format!("<_io.TextIOWrapper name='{}' mode='w' encoding='{}'>", name_of(this.error), this.encoding);
    Ok(vm.new_str(&text).into())
}
