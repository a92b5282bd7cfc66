//! `TextIOWrapper`: text over a buffered stream of bytes.
//!
//! Reading: `decoded` is text that was read ahead, `at` the byte in it that comes next; `snapshot` holds the bytes
//! that `decoded` came from and `snapshot_flags` the decoder's state before them, so that `tell` can work out where
//! in the stream a character lies. Writing: encoded bytes wait in `waiting`. Invariant: `decoded` is given up before
//! anything is written.

use super::base::{self, size_arg};
use super::buffered;
use super::codec::{self, Decoder, Newlines};
use super::errors::unsupported;
use super::stringio::{line_end, newline_arg, replace_newlines};
use crate::bigint::BigInt;
use crate::heap_object;
use crate::text::codecs::Encoding;
use crate::text::gutf8;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str, count_chars};
use crate::vm::{R, Raised, Value, Vm};

/// How much is read from the buffer at once, and how much text may wait.
const CHUNK: usize = 8192;
/// From this size on the bytes kept for `tell` are cut.
const LONG_SNAPSHOT: usize = 1 << 18;

heap_object! {
    /// The payload of `TextIOWrapper`.
    pub struct TextIo {
        /// The buffered stream; `UNDEF` before `__init__` and after `detach`.
        buffer: Value,
        detached: bool,
        encoding: String,
        errors: String,
        /// The argument `newline`: UNDEF for none.
        newline: Value,
        /// What `\n` becomes when written.
        write_newline: String,
        line_buffering: bool,
        write_through: bool,
        seekable: bool,
        /// `next` was called: positions are not worth keeping track of.
        iterating: bool,
        chunk: usize,
        /// The decoder object of a script's encoding; its encoder.
        script_decoder: Value,
        script_encoder: Value,
        /// The next byte of `decoded`.
        at: usize,
        snapshot_flags: u32,
        /// Something was written, so that no byte order mark follows.
        started: bool,
    }
    skip {
        decoder: Option<Decoder>,
        native: Option<Encoding>,
        newlines: Option<Newlines>,
        decoded: Vec<u8>,
        snapshot: Vec<u8>,
        waiting: Vec<u8>,
    }
    external = |this| this.decoded.capacity() + this.snapshot.capacity() + this.waiting.capacity();
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new(
        "__init__(self, buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)",
        "Character and line based layer over a BufferedIOBase object, buffer.",
        init,
    ),
    NativeDef::new("read(self, size=-1, /)", "", |vm, a| {
        let n = size_arg(vm, arg(a, 1))?;
        let t = reading(vm, a)?;
        read(vm, &t, n)
    }),
    NativeDef::new("readline(self, size=-1, /)", "", |vm, a| {
        let n = size_arg(vm, arg(a, 1))?;
        let t = reading(vm, a)?;
        let line = read_line(vm, &t, n)?;
        Ok(vm.new_str_bytes(&line).into())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
    NativeDef::new("write(self, text, /)", "", |vm, a| {
        let t = open(vm, a)?;
        let Some(s) = a[1].cast::<Str>().cloned() else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("write() argument must be str, not {got}")));
        };
        write(vm, &t, &s)?;
        Ok(Value::len(s.get(vm).char_len()))
    }),
    NativeDef::new("flush(self, /)", "", |vm, a| {
        let t = open(vm, a)?;
        t.get_mut(vm).iterating = false;
        pass_on(vm, &t)?;
        let buffer = t.get(vm).buffer.clone();
        vm.call_method(&buffer, "flush", &[])
    }),
    NativeDef::new("close(self, /)", "", close),
    NativeDef::new("detach(self, /)", "", |vm, a| {
        let t = ready(vm, a)?;
        vm.call_method(&a[0], "flush", &[])?;
        let mut this = t.get_mut(vm);
        this.detached = true;
        Ok(std::mem::replace(&mut this.buffer, Value::UNDEF))
    }),
    NativeDef::new(
        "reconfigure(self, /, *, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None)",
        "Reconfigure the text stream with new parameters.",
        reconfigure,
    ),
    NativeDef::new("seekable(self, /)", "", |vm, a| forward(vm, a, "seekable")),
    NativeDef::new("readable(self, /)", "", |vm, a| forward(vm, a, "readable")),
    NativeDef::new("writable(self, /)", "", |vm, a| forward(vm, a, "writable")),
    NativeDef::new("fileno(self, /)", "", |vm, a| forward(vm, a, "fileno")),
    NativeDef::new("isatty(self, /)", "", |vm, a| forward(vm, a, "isatty")),
    NativeDef::new(
        "seek(self, cookie, whence=0, /)",
        "Set the stream position, and return the new stream position.",
        seek,
    ),
    NativeDef::new("tell(self, /)", "Return the stream position as an opaque number.", tell),
    NativeDef::new("truncate(self, pos=None, /)", "", |vm, a| {
        let t = open(vm, a)?;
        vm.call_method(&a[0], "flush", &[])?;
        let buffer = t.get(vm).buffer.clone();
        let pos = match arg(a, 1).filter(|p| !p.is_none()) {
            Some(p) => p.clone(),
            None => vm.call_method(&a[0], "tell", &[])?,
        };
        vm.call_method(&buffer, "truncate", &[pos])
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let t = vm.this::<TextIo>(a, "__repr__")?.clone();
        let encoding = t.get(vm).encoding.clone();
        let class = super::shown_class(vm, &a[0]);
        let text = super::repr_with_name(vm, &a[0], &class, &[("encoding", &encoding)])?;
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__getstate__(self, /)", "", |vm, a| {
        let class = super::shown_class(vm, &a[0]);
        Err(vm.type_error(format!("cannot pickle '{class}' object")))
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("buffer", "", |vm, v| Ok(ready(vm, std::slice::from_ref(v))?.get(vm).buffer.clone())),
    GetSetDef::new("encoding", "", |vm, v| {
        let e = this(vm, v)?.get(vm).encoding.clone();
        Ok(vm.new_str(&e).into())
    }),
    GetSetDef::new("errors", "", |vm, v| {
        let e = ready(vm, std::slice::from_ref(v))?.get(vm).errors.clone();
        Ok(vm.new_str(&e).into())
    }),
    GetSetDef::new("newlines", "", |vm, v| {
        let t = ready(vm, std::slice::from_ref(v))?;
        let n = t.get(vm).decoder.as_ref().and_then(|d| d.newlines.clone());
        Ok(n.map_or(Value::NONE, |n| n.value(vm)))
    }),
    GetSetDef::new("closed", "", |vm, v| {
        let buffer = ready(vm, std::slice::from_ref(v))?.get(vm).buffer.clone();
        vm.get_attr_str(&buffer, "closed")
    }),
    GetSetDef::new("name", "", |vm, v| {
        let buffer = ready(vm, std::slice::from_ref(v))?.get(vm).buffer.clone();
        vm.get_attr_str(&buffer, "name")
    }),
    GetSetDef::new("line_buffering", "", |vm, v| Ok(this(vm, v)?.get(vm).line_buffering.into())),
    GetSetDef::new("write_through", "", |vm, v| Ok(this(vm, v)?.get(vm).write_through.into())),
    GetSetDef::with_set(
        "_CHUNK_SIZE",
        "",
        |vm, v| Ok(Value::len(this(vm, v)?.get(vm).chunk)),
        |vm, v, value| {
            let t = this(vm, v)?.clone();
            let Some(value) = value else {
                return Err(vm.attribute_error_text("cannot delete attribute"));
            };
            let n = vm.index_i64(&value)?;
            let Some(n) = usize::try_from(n).ok().filter(|n| *n > 0) else {
                return Err(vm.value_error("a strictly positive integer is required"));
            };
            t.get_mut(vm).chunk = n;
            Ok(())
        },
    ),
];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R<Ref<Class>> {
    let base = base::classes(vm)?.text;
    let flags = class_flag::HEAP | class_flag::BASE | class_flag::WEAKREF;
    let class = vm.define_class_with_dict::<TextIo>("_io", "TextIOWrapper", Some(&base), flags)?;
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(class)
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    Ok(vm.alloc_as(&class, blank()).into())
}

fn blank() -> TextIo {
    TextIo {
        buffer: Value::UNDEF,
        detached: false,
        encoding: String::new(),
        errors: String::new(),
        newline: Value::UNDEF,
        write_newline: String::new(),
        line_buffering: false,
        write_through: false,
        seekable: false,
        iterating: false,
        chunk: CHUNK,
        script_decoder: Value::NONE,
        script_encoder: Value::NONE,
        at: 0,
        snapshot_flags: 0,
        started: false,
        decoder: None,
        native: None,
        newlines: None,
        decoded: Vec::new(),
        snapshot: Vec::new(),
        waiting: Vec::new(),
    }
}

/// How a text stream is to be made.
#[derive(Default)]
pub struct Config {
    /// The argument `encoding`.
    pub encoding: Option<Value>,
    /// The argument `errors`.
    pub errors: Option<Value>,
    /// The argument `newline`.
    pub newline: Option<Value>,
    /// The argument `line_buffering`.
    pub line_buffering: bool,
    /// The argument `write_through`.
    pub write_through: bool,
}

/// A text stream over a buffered one.
///
/// # Errors
/// TypeError, ValueError, LookupError for bad arguments; what the buffer raises.
pub fn over(vm: &mut Vm, buffer: Value, config: Config) -> R {
    let t = vm.alloc(blank());
    set_up(vm, &t, buffer, config)?;
    Ok(t.into())
}

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let t = vm.this::<TextIo>(a, "__init__")?.clone();
    let flag = |vm: &mut Vm, i| match arg(a, i) {
        Some(v) => vm.truth(v),
        None => Ok(false),
    };
    let config = Config {
        encoding: arg(a, 2).filter(|v| !v.is_none()).cloned(),
        errors: arg(a, 3).filter(|v| !v.is_none()).cloned(),
        newline: arg(a, 4).filter(|v| !v.is_none()).cloned(),
        line_buffering: flag(vm, 5)?,
        write_through: flag(vm, 6)?,
    };
    set_up(vm, &t, a[1].clone(), config)?;
    Ok(Value::NONE)
}

fn set_up(vm: &mut Vm, t: &Ref<TextIo>, buffer: Value, config: Config) -> R<()> {
    let (newlines, write_newline) = newline_arg(vm, config.newline.as_ref(), "TextIOWrapper()")?;
    let encoding = match &config.encoding {
        Some(e) => {
            let name = codec::encoding_name(vm, e, "TextIOWrapper() argument 'encoding'")?;
            if name == "locale" { "utf-8".to_owned() } else { name }
        }
        None => "utf-8".to_owned(),
    };
    let errors = errors_arg(vm, config.errors.as_ref())?.unwrap_or_else(|| "strict".to_owned());
    {
        let mut this = t.get_mut(vm);
        let old = std::mem::replace(&mut *this, blank());
        this.buffer = buffer.clone();
        this.line_buffering = config.line_buffering;
        this.write_through = config.write_through;
        this.newline = config.newline.unwrap_or(Value::UNDEF);
        this.newlines = newlines;
        this.write_newline = write_newline;
        drop(this);
        drop(old);
    }
    set_codec(vm, t, &encoding, &errors)?;
    // In this order, which scripts see in what an unfit buffer raises.
    vm.call_method(&buffer, "readable", &[])?;
    let writable = vm.call_method(&buffer, "writable", &[])?;
    let seekable = vm.call_method(&buffer, "seekable", &[])?;
    let seekable = vm.truth(&seekable)?;
    t.get_mut(vm).seekable = seekable;
    if seekable && vm.truth(&writable)? {
        let at = vm.call_method(&buffer, "tell", &[])?;
        let start = vm.as_i64(&at) == Some(0);
        t.get_mut(vm).started = !start;
    }
    Ok(())
}

fn errors_arg(vm: &mut Vm, v: Option<&Value>) -> R<Option<String>> {
    let Some(v) = v else { return Ok(None) };
    if !v.is_a::<Str>() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("TextIOWrapper() argument 'errors' must be str or None, not {got}")));
    }
    let text = vm.str_of(v);
    if text.contains('\0') {
        return Err(vm.value_error("embedded null character"));
    }
    Ok(Some(text))
}

/// Makes encoder and decoder.
fn set_codec(vm: &mut Vm, t: &Ref<TextIo>, encoding: &str, errors: &str) -> R<()> {
    let native = Encoding::named(encoding);
    let (mut decoder, mut encoder) = (Value::NONE, Value::NONE);
    if native.is_none() {
        let info = crate::objects::str::codec::search(vm, encoding)?;
        let errors = vm.new_str(errors).into_value();
        let make = vm.get_attr_str(&info, "incrementaldecoder")?;
        decoder = vm.call(&make, std::slice::from_ref(&errors))?;
        let make = vm.get_attr_str(&info, "incrementalencoder")?;
        encoder = vm.call(&make, &[errors])?;
    }
    let mut this = t.get_mut(vm);
    this.encoding = encoding.to_owned();
    this.errors = errors.to_owned();
    this.native = native;
    this.decoder = Some(Decoder::new(native, errors, this.newlines.clone()));
    let old =
        (std::mem::replace(&mut this.script_decoder, decoder), std::mem::replace(&mut this.script_encoder, encoder));
    drop(this);
    drop(old);
    Ok(())
}

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<TextIo>> {
    vm.this::<TextIo>(std::slice::from_ref(v), "read")
}

fn ready(vm: &mut Vm, a: &[Value]) -> R<Ref<TextIo>> {
    let t = vm.this::<TextIo>(a, "read")?.clone();
    let this = t.get(vm);
    if this.detached {
        return Err(vm.value_error("underlying buffer has been detached"));
    }
    if this.buffer.is_undef() {
        return Err(vm.value_error("I/O operation on uninitialized object"));
    }
    Ok(t)
}

fn open(vm: &mut Vm, a: &[Value]) -> R<Ref<TextIo>> {
    let t = ready(vm, a)?;
    let buffer = t.get(vm).buffer.clone();
    if buffered::exact(vm, &buffer)?.is_none() && base::is_closed(vm, &buffer)? {
        return Err(vm.value_error("I/O operation on closed file."));
    }
    Ok(t)
}

fn reading(vm: &mut Vm, a: &[Value]) -> R<Ref<TextIo>> {
    let t = open(vm, a)?;
    let buffer = t.get(vm).buffer.clone();
    let can = match buffered::exact(vm, &buffer)? {
        Some(b) => buffered::reads(vm, &b),
        None => {
            let yes = vm.call_method(&buffer, "readable", &[])?;
            vm.truth(&yes)?
        }
    };
    if can {
        pass_on(vm, &t)?;
        Ok(t)
    } else {
        Err(unsupported(vm, "not readable"))
    }
}

fn forward(vm: &mut Vm, a: &[Value], method: &str) -> R {
    let buffer = ready(vm, a)?.get(vm).buffer.clone();
    vm.call_method(&buffer, method, &[])
}

// ---- reading ----

/// Runs the decoder, which is taken out of the object meanwhile.
fn decode(vm: &mut Vm, t: &Ref<TextIo>, input: &[u8], is_final: bool) -> R<Vec<u8>> {
    let (decoder, script) = {
        let mut this = t.get_mut(vm);
        (this.decoder.take(), this.script_decoder.clone())
    };
    let Some(mut decoder) = decoder else { return Err(vm.value_error("reentrant use of a text stream")) };
    let text = decoder.feed(vm, &script, input, is_final);
    t.get_mut(vm).decoder = Some(decoder);
    text
}

fn decoder_flags(vm: &Vm, t: &Ref<TextIo>) -> u32 {
    t.get(vm).decoder.as_ref().map_or(0, Decoder::flags)
}

/// Reads one more chunk behind what is left; false at the end of the stream.
fn read_chunk(vm: &mut Vm, t: &Ref<TextIo>) -> R<bool> {
    vm.tick(1)?;
    let (buffer, chunk, keep) = {
        let this = t.get(vm);
        (this.buffer.clone(), this.chunk, this.seekable && !this.iterating)
    };
    let input = next_bytes(vm, &buffer, chunk)?;
    let is_final = input.is_empty();
    drop_consumed(vm, t, keep)?;
    let text = decode(vm, t, &input, is_final)?;
    vm.check_alloc(text.len())?;
    let mut this = t.get_mut(vm);
    if keep {
        this.snapshot.extend_from_slice(&input);
    } else {
        this.snapshot.clear();
    }
    if this.decoded.is_empty() {
        this.decoded = text;
    } else {
        this.decoded.extend_from_slice(&text);
    }
    Ok(!is_final)
}

fn next_bytes(vm: &mut Vm, buffer: &Value, n: usize) -> R<Vec<u8>> {
    if let Some(b) = buffered::exact(vm, buffer)? {
        return buffered::read1(vm, &b, Some(n));
    }
    let name = vm.intern("read1");
    let (method, f) = match vm.get_attr_opt(buffer, &name)? {
        Some(f) => ("read1", f),
        None => ("read", vm.get_attr_str(buffer, "read")?),
    };
    let got = vm.call(&f, &[Value::len(n)])?;
    match crate::objects::bytes::read_buffer(vm, &got)? {
        Some(bytes) => Ok(bytes),
        None => {
            let got = vm.class_name(&got);
            let text = format!("underlying {method}() should have returned a bytes-like object, not '{got}'");
            Err(vm.type_error(text))
        }
    }
}

/// Drops text that was handed out, and the bytes that it came from.
fn drop_consumed(vm: &mut Vm, t: &Ref<TextIo>, keep: bool) -> R<()> {
    let flags = decoder_flags(vm, t);
    let pending = t.get(vm).decoder.as_ref().map_or(0, |d| d.pending.len());
    {
        let mut this = t.get_mut(vm);
        if this.at >= this.decoded.len() {
            this.decoded.clear();
            this.at = 0;
            // The beginning of a character stays: the snapshot starts with it.
            let cut = this.snapshot.len().saturating_sub(pending);
            this.snapshot.drain(..cut);
            if this.snapshot.is_empty() || !keep {
                this.snapshot.clear();
            }
            this.snapshot_flags = flags;
            return Ok(());
        }
        if !keep {
            let at = std::mem::take(&mut this.at);
            this.decoded.drain(..at);
            this.snapshot.clear();
            return Ok(());
        }
        if this.snapshot.len() < LONG_SNAPSHOT {
            return Ok(());
        }
    }
    let place = locate(vm, t)?;
    let mut this = t.get_mut(vm);
    if place.skip == 0 {
        let at = std::mem::take(&mut this.at);
        this.decoded.drain(..at);
        let bytes = place.bytes.min(this.snapshot.len());
        this.snapshot.drain(..bytes);
        this.snapshot_flags = place.flags;
    }
    Ok(())
}

/// Takes bytes of `decoded`.
fn take(vm: &mut Vm, t: &Ref<TextIo>, len: usize) -> Vec<u8> {
    let mut this = t.get_mut(vm);
    if this.at == 0 && len == this.decoded.len() && !this.seekable {
        return std::mem::take(&mut this.decoded);
    }
    let from = this.at;
    let part = this.decoded.get(from..from + len).unwrap_or_default().to_vec();
    this.at = from + len;
    part
}

fn read(vm: &mut Vm, t: &Ref<TextIo>, n: Option<usize>) -> R {
    let Some(n) = n else {
        let buffer = t.get(vm).buffer.clone();
        let rest = match buffered::exact(vm, &buffer)? {
            Some(b) => buffered::read(vm, &b, None)?.unwrap_or_default(),
            None => {
                let got = vm.call_method(&buffer, "read", &[])?;
                if got.is_none() {
                    return Err(would_block(vm));
                }
                match crate::objects::bytes::read_buffer(vm, &got)? {
                    Some(bytes) => bytes,
                    None => {
                        let got = vm.class_name(&got);
                        let text = format!("underlying read() should have returned a bytes-like object, not '{got}'");
                        return Err(vm.type_error(text));
                    }
                }
            }
        };
        let text = decode(vm, t, &rest, true)?;
        let flags = decoder_flags(vm, t);
        let mut this = t.get_mut(vm);
        let (at, decoded) = (std::mem::take(&mut this.at), std::mem::take(&mut this.decoded));
        this.snapshot.clear();
        this.snapshot_flags = flags;
        drop(this);
        return Ok(vm.new_str_parts(&[decoded.get(at..).unwrap_or_default(), &text]).into());
    };
    let mut out = Vec::new();
    let mut left = n;
    loop {
        let (len, chars) = {
            let this = t.get(vm);
            let rest = this.decoded.get(this.at..).unwrap_or_default();
            let chars = count_chars(rest);
            if chars > left { (gutf8::byte_offset(rest, left), left) } else { (rest.len(), chars) }
        };
        out.extend_from_slice(&take(vm, t, len));
        left -= chars;
        if left == 0 || !read_chunk(vm, t)? && t.get(vm).at >= t.get(vm).decoded.len() {
            break;
        }
    }
    Ok(vm.new_str_bytes(&out).into())
}

fn would_block(vm: &mut Vm) -> Raised {
    let class = vm.exc.BlockingIOError.clone();
    let text = vm.new_str("Read returned None.").into_value();
    vm.raise_call(&class, &[Value::int32(nix::errno::Errno::EAGAIN as i32), text])
}

/// Reads a line, or up to `limit` characters of it.
fn read_line(vm: &mut Vm, t: &Ref<TextIo>, limit: Option<usize>) -> R<Vec<u8>> {
    // Bytes of the line's beginning that are known to hold no line end.
    let mut searched = 0;
    loop {
        let found = {
            let this = t.get(vm);
            let rest = this.decoded.get(this.at..).unwrap_or_default();
            let newlines = this.decoder.as_ref().and_then(|d| d.newlines.as_ref());
            let from = rest.get(searched..).unwrap_or_default();
            let end = line_end(from, newlines, &this.write_newline).map(|end| searched + end);
            // A line end of two characters may be cut in two.
            searched = rest.len().saturating_sub(this.write_newline.len().saturating_sub(1));
            match limit {
                None => end,
                Some(limit) => {
                    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                    if count_chars(line) >= limit { Some(gutf8::byte_offset(line, limit)) } else { end }
                }
            }
        };
        if let Some(len) = found {
            return Ok(take(vm, t, len));
        }
        let (at, before) = (t.get(vm).at, t.get(vm).decoded.len());
        let more = read_chunk(vm, t)?;
        let this = t.get(vm);
        let left = this.decoded.len() - this.at;
        if !more && left == before.saturating_sub(at) {
            return Ok(take(vm, t, left));
        }
    }
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let t = vm.this::<TextIo>(a, "__next__")?.clone();
    t.get_mut(vm).iterating = true;
    let exact = vm.class_for::<TextIo>().is_some_and(|c| vm.is_exact(&a[0], &c));
    let line = if exact {
        let t = reading(vm, a)?;
        let line = read_line(vm, &t, None)?;
        vm.new_str_bytes(&line).into_value()
    } else {
        let line = vm.call_method(&a[0], "readline", &[])?;
        if !line.is_a::<Str>() {
            let got = vm.class_name(&line);
            return Err(vm.os_error_plain(&format!("readline() should have returned a str object, not '{got}'")));
        }
        line
    };
    if vm.len(&line)? == 0 {
        t.get_mut(vm).iterating = false;
        return Err(Raised::stop_iteration());
    }
    Ok(line)
}

// ---- writing ----

fn encode(vm: &mut Vm, t: &Ref<TextIo>, s: &Ref<Str>) -> R<Vec<u8>> {
    let (native, script, errors) = {
        let this = t.get(vm);
        let plain = match this.native {
            Some(Encoding::Utf8) => s.get(vm).to_str().is_some(),
            Some(Encoding::Latin1 | Encoding::Ascii) => s.get(vm).is_ascii(),
            _ => false,
        };
        if plain {
            return Ok(s.get(vm).as_bytes().to_vec());
        }
        (this.native, this.script_encoder.clone(), this.errors.clone())
    };
    let made = match native {
        None => vm.call_method(&script, "encode", &[s.value().clone()])?,
        Some(encoding) => {
            let started = t.get(vm).started;
            let little = cfg!(target_endian = "little");
            let encoding = match encoding {
                Encoding::Utf16(None) if started => Encoding::Utf16(Some(little)),
                Encoding::Utf32(None) if started => Encoding::Utf32(Some(little)),
                Encoding::Utf8Sig if started => Encoding::Utf8,
                other => other,
            };
            crate::objects::str::codec::encode_native(vm, s, encoding, &errors)?
        }
    };
    match made.cast::<Bytes>() {
        Some(b) => Ok(b.get(vm).as_bytes().to_vec()),
        None => {
            let got = vm.class_name(&made);
            Err(vm.type_error(format!("encoder should return a bytes object, not '{got}'")))
        }
    }
}

fn write(vm: &mut Vm, t: &Ref<TextIo>, s: &Ref<Str>) -> R<()> {
    let buffer = t.get(vm).buffer.clone();
    let can = match buffered::exact(vm, &buffer)? {
        Some(b) => buffered::writes(vm, &b),
        None => true,
    };
    if !can {
        return Err(unsupported(vm, "not writable"));
    }
    let bytes = s.get(vm).as_bytes();
    let has_newline = memchr::memchr(b'\n', bytes).is_some();
    let has_cr = t.get(vm).line_buffering && memchr::memchr(b'\r', bytes).is_some();
    let replaced = if has_newline && !t.get(vm).write_newline.is_empty() {
        let text = replace_newlines(bytes, &t.get(vm).write_newline);
        vm.new_str_bytes(&text)
    } else {
        s.clone()
    };
    let encoded = encode(vm, t, &replaced)?;
    vm.tick(encoded.len() / 1024)?;
    let (flush_now, through) = {
        let mut this = t.get_mut(vm);
        this.started |= !encoded.is_empty();
        if this.waiting.is_empty() && encoded.len() >= CHUNK {
            this.waiting = encoded;
        } else {
            this.waiting.extend_from_slice(&encoded);
        }
        let flush_now = this.line_buffering && (has_newline || has_cr);
        (flush_now, this.write_through || this.waiting.len() >= this.chunk)
    };
    if flush_now || through {
        pass_on(vm, t)?;
    }
    if flush_now {
        vm.call_method(&buffer, "flush", &[])?;
    }
    let ahead = !t.get(vm).decoded.is_empty() || !t.get(vm).snapshot.is_empty();
    if ahead {
        forget_ahead(vm, t);
    }
    Ok(())
}

/// Gives up what was read ahead.
fn forget_ahead(vm: &mut Vm, t: &Ref<TextIo>) {
    let mut this = t.get_mut(vm);
    this.decoded.clear();
    this.snapshot.clear();
    this.at = 0;
    this.snapshot_flags = 0;
    if let Some(d) = &mut this.decoder {
        d.reset();
    }
}

/// Hands encoded text to the buffer.
fn pass_on(vm: &mut Vm, t: &Ref<TextIo>) -> R<()> {
    if t.get(vm).waiting.is_empty() {
        return Ok(());
    }
    let (buffer, waiting) = {
        let mut this = t.get_mut(vm);
        (this.buffer.clone(), std::mem::take(&mut this.waiting))
    };
    let result = match buffered::exact(vm, &buffer)? {
        Some(b) => buffered::write(vm, &b, &waiting),
        None => {
            let bytes = vm.new_bytes(&waiting).into_value();
            vm.call_method(&buffer, "write", &[bytes]).map(drop)
        }
    };
    if result.is_ok() {
        // The room is used again.
        let mut empty = waiting;
        empty.clear();
        let mut this = t.get_mut(vm);
        if this.waiting.is_empty() && empty.capacity() <= CHUNK * 4 {
            this.waiting = empty;
        }
    }
    result
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let t = ready(vm, a)?;
    let buffer = t.get(vm).buffer.clone();
    if base::is_closed(vm, &buffer)? {
        return Ok(Value::NONE);
    }
    let flushed = vm.call_method(&a[0], "flush", &[]);
    let closed = vm.call_method(&buffer, "close", &[]);
    match (flushed, closed) {
        (Err(e), Err(second)) => {
            let (first, second) = (vm.exception_value(e), vm.exception_value(second));
            if let Some(x) = second.cast::<crate::vm::exception::Exception>()
                && !first.is(&second)
            {
                x.get_mut(vm).context = first;
            }
            Err(vm.raise(second))
        }
        (Err(e), _) => Err(e),
        (_, closed) => closed,
    }
}

fn reconfigure(vm: &mut Vm, a: &[Value]) -> R {
    let t = ready(vm, a)?;
    let given = |i| arg(a, i).filter(|v| !v.is_none()).cloned();
    let newline = arg(a, 3).cloned();
    let ahead = !t.get(vm).decoded.is_empty() || !t.get(vm).snapshot.is_empty();
    if ahead && (given(1).is_some() || given(2).is_some() || newline.is_some()) {
        let text = "It is not possible to set the encoding or newline of stream after the first read";
        return Err(unsupported(vm, text));
    }
    let flags = |vm: &mut Vm, i: usize| given(i).map(|v| vm.truth(&v)).transpose();
    let (line_buffering, write_through) = (flags(vm, 4)?, flags(vm, 5)?);
    vm.call_method(&a[0], "flush", &[])?;
    let encoding = match given(1) {
        Some(e) => {
            let name = codec::encoding_name(vm, &e, "reconfigure() argument 'encoding'")?;
            Some(if name == "locale" { "utf-8".to_owned() } else { name })
        }
        None => None,
    };
    let errors = errors_arg(vm, given(2).as_ref())?;
    if let Some(newline) = &newline {
        let (newlines, write_newline) = newline_arg(vm, Some(newline), "reconfigure()")?;
        let mut this = t.get_mut(vm);
        this.newlines = newlines;
        this.write_newline = write_newline;
    }
    if encoding.is_some() || errors.is_some() || newline.is_some() {
        let errors = match (errors, &encoding) {
            (Some(e), _) => e,
            (None, Some(_)) => "strict".to_owned(),
            (None, None) => t.get(vm).errors.clone(),
        };
        let encoding = encoding.unwrap_or_else(|| t.get(vm).encoding.clone());
        set_codec(vm, &t, &encoding, &errors)?;
    }
    let mut this = t.get_mut(vm);
    this.line_buffering = line_buffering.unwrap_or(this.line_buffering);
    this.write_through = write_through.unwrap_or(this.write_through);
    Ok(Value::NONE)
}

// ---- position ----

/// Where the next character lies, from the start of the snapshot.
struct Place {
    /// A point at which the decoder holds nothing back.
    bytes: usize,
    /// The decoder's state there.
    flags: u32,
    /// How many bytes to decode from there, and how many characters of them to skip.
    feed: usize,
    skip: usize,
    /// The end of the input must be told to the decoder.
    need_eof: bool,
}

/// Decodes the snapshot once more, byte by byte, until the characters handed out are there.
fn locate(vm: &mut Vm, t: &Ref<TextIo>) -> R<Place> {
    let (snapshot, flags, mut decoder, script, wanted) = {
        let this = t.get(vm);
        let consumed = this.decoded.get(..this.at).unwrap_or_default();
        let Some(decoder) = this.decoder.clone() else { return Err(vm.value_error("reentrant use of a text stream")) };
        if decoder.now == Some(Encoding::Utf8) && this.snapshot.starts_with(consumed) {
            // What was handed out is what was read.
            let bytes = consumed.len();
            let flags = if decoder.newlines.is_some() { this.snapshot_flags & !1 } else { this.snapshot_flags };
            return Ok(Place { bytes, flags, feed: 0, skip: 0, need_eof: false });
        }
        (this.snapshot.clone(), this.snapshot_flags, decoder, this.script_decoder.clone(), count_chars(consumed))
    };
    let saved = if decoder.start.is_none() { Some(vm.call_method(&script, "getstate", &[])?) } else { None };
    if decoder.start.is_none() {
        vm.call_method(&script, "reset", &[])?;
    }
    decoder.set_flags(flags);
    let mut clean = Place { bytes: 0, flags, feed: 0, skip: wanted, need_eof: false };
    let mut chars = 0;
    for (i, b) in snapshot.iter().enumerate() {
        if chars >= wanted && clean.skip == 0 {
            break;
        }
        if chars > wanted {
            break;
        }
        chars += count_chars(&decoder.feed(vm, &script, &[*b], false)?);
        let held = !decoder.pending.is_empty() || decoder.newlines.as_ref().is_some_and(|n| n.pending_cr);
        if !held && chars <= wanted {
            clean = Place { bytes: i + 1, flags: decoder.flags(), feed: 0, skip: wanted - chars, need_eof: false };
        } else {
            clean.feed = i + 1 - clean.bytes;
        }
        if chars >= wanted && clean.skip > 0 {
            break;
        }
    }
    clean.need_eof = chars < wanted;
    if clean.skip == 0 {
        clean.feed = 0;
    }
    if let Some(state) = saved {
        vm.call_method(&script, "setstate", &[state])?;
    }
    Ok(clean)
}

fn tell(vm: &mut Vm, a: &[Value]) -> R {
    let t = open(vm, a)?;
    if !t.get(vm).seekable {
        return Err(unsupported(vm, "underlying stream is not seekable"));
    }
    if t.get(vm).iterating {
        return Err(vm.os_error_plain("telling position disabled by next() call"));
    }
    pass_on(vm, &t)?;
    let buffer = t.get(vm).buffer.clone();
    vm.call_method(&a[0], "flush", &[])?;
    let at = vm.call_method(&buffer, "tell", &[])?;
    if t.get(vm).snapshot.is_empty() {
        return Ok(at);
    }
    let place = locate(vm, &t)?;
    let at = vm.index_i64(&at)?;
    let start = at.saturating_sub(t.get(vm).snapshot.len() as i64).saturating_add(place.bytes as i64);
    if place.flags & 1 == 0 && place.skip == 0 && (place.flags == 0 || start > 0) {
        // At a plain position the decoder's state follows from the position.
        return Ok(vm.int(start));
    }
    let mut cookie = BigInt::from_i64(start);
    for (value, shift) in [
        (i64::from(place.flags), 64),
        (place.feed as i64, 128),
        (place.skip as i64, 192),
        (i64::from(place.need_eof), 256),
    ] {
        if let Some(part) = BigInt::from_i64(value).shl(shift) {
            cookie = &cookie + &part;
        }
    }
    Ok(vm.big_int(cookie))
}

/// The parts of a position.
fn unpack(vm: &mut Vm, cookie: &Value) -> R<Option<[u64; 5]>> {
    let Some(big) = vm.as_big_int(cookie) else { return Ok(None) };
    if big.is_negative() {
        let shown = vm.repr_string(cookie)?;
        return Err(vm.value_error(format!("negative seek position {shown}")));
    }
    let bytes = match big.to_bytes(40, true, false) {
        Ok(b) => b,
        Err(_) => return Err(vm.overflow_error("Python int too large to convert to C long")),
    };
    let mut parts = [0; 5];
    for (part, eight) in parts.iter_mut().zip(bytes.chunks_exact(8)) {
        *part = eight.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
    }
    Ok(Some(parts))
}

fn seek(vm: &mut Vm, a: &[Value]) -> R {
    let t = open(vm, a)?;
    if !t.get(vm).seekable {
        return Err(unsupported(vm, "underlying stream is not seekable"));
    }
    let whence = super::fileio::whence_arg(vm, arg(a, 2))?;
    let mut cookie = arg_or_none(a, 1).clone();
    let buffer = t.get(vm).buffer.clone();
    match whence {
        0 => {}
        1 | 2 => {
            let zero = vm.equal(&cookie, &Value::int32(0))?;
            if !zero {
                let what = if whence == 1 { "cur" } else { "end" };
                return Err(unsupported(vm, &format!("can't do nonzero {what}-relative seeks")));
            }
            if whence == 1 {
                vm.call_method(&a[0], "flush", &[])?;
                cookie = vm.call_method(&a[0], "tell", &[])?;
            } else {
                vm.call_method(&a[0], "flush", &[])?;
                forget_ahead(vm, &t);
                let at = vm.call_method(&buffer, "seek", &[Value::int32(0), Value::int32(2)])?;
                let start = vm.as_i64(&at) == Some(0);
                settle(vm, &t, start)?;
                return Ok(at);
            }
        }
        _ => return Err(vm.value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
    }
    let cookie = vm.index(&cookie)?;
    let Some([start, flags, feed, skip, need_eof]) = unpack(vm, &cookie)? else {
        return Err(vm.type_error("an integer is required"));
    };
    vm.call_method(&a[0], "flush", &[])?;
    let position = vm.int_from(start);
    vm.call_method(&buffer, "seek", std::slice::from_ref(&position))?;
    forget_ahead(vm, &t);
    settle(vm, &t, start == 0 && flags == 0)?;
    if flags != 0
        && let Some(d) = &mut t.get_mut(vm).decoder
    {
        d.set_flags(flags as u32);
    }
    let now = decoder_flags(vm, &t);
    t.get_mut(vm).snapshot_flags = now;
    if skip > 0 {
        let input = vm.call_method(&buffer, "read", &[Value::len(feed as usize)])?;
        let Some(b) = input.cast::<Bytes>() else {
            return Err(vm.type_error("underlying read() should have returned a bytes object"));
        };
        let input = b.get(vm).as_bytes().to_vec();
        let text = decode(vm, &t, &input, need_eof != 0)?;
        if (count_chars(&text) as u64) < skip {
            return Err(vm.os_error_plain("can't restore logical file position"));
        }
        let mut this = t.get_mut(vm);
        this.at = gutf8::byte_offset(&text, skip as usize);
        this.decoded = text;
        this.snapshot = input;
    }
    Ok(cookie)
}

/// Sets encoder and decoder for a position: only at the start of a stream may there be a byte order mark.
fn settle(vm: &mut Vm, t: &Ref<TextIo>, start: bool) -> R<()> {
    let (decoder, encoder) = {
        let mut this = t.get_mut(vm);
        this.iterating = false;
        this.started = !start;
        if let Some(d) = &mut this.decoder {
            d.reset();
            if !start && d.start == Some(Encoding::Utf8Sig) {
                d.now = Some(Encoding::Utf8);
            }
        }
        (this.script_decoder.clone(), this.script_encoder.clone())
    };
    for (codec, state) in [(decoder, None), (encoder, Some(i32::from(!start)))] {
        if codec.is_none() {
            continue;
        }
        match state {
            Some(n) if n != 0 => vm.call_method(&codec, "setstate", &[Value::int32(0)])?,
            _ => vm.call_method(&codec, "reset", &[])?,
        };
    }
    Ok(())
}
