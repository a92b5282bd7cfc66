//! `TextIOWrapper`: text over a buffered stream of bytes.
//!
//! Reading: `decoded` is text that was read ahead, `at` the byte in it that comes next; `snapshot` holds the bytes
//! that `decoded` came from and `snapshot_flags` the decoder's state before them, so that `tell` can work out where
//! in the stream a character lies. Writing: encoded bytes wait in `waiting`. Invariant: `decoded` is given up before
//! anything is written.

mod place;
mod read;
mod write;

use super::base::{self, size_arg};
use super::buffered;
use super::codec::{self, Decoder, Newlines};
use super::errors::unsupported;
use super::stringio::newline_arg;
use crate::heap_object;
use crate::text::codecs::Encoding;
use crate::vm::class::Class;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use place::{seek, tell};
use read::{next, read, read_line};
use write::{pass_on, write};

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
    let class = vm.define_class_with_dict::<TextIo>("_io", "TextIOWrapper", Some(&base), base::FLAGS)?;
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
        Some(e) => codec::encoding_name(vm, e, "TextIOWrapper() argument 'encoding'")?,
        None => codec::LOCALE.to_owned(),
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
        Some(e) => Some(codec::encoding_name(vm, &e, "reconfigure() argument 'encoding'")?),
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
