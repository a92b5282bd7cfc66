//! `StringIO`: a text stream in memory, and `IncrementalNewlineDecoder`.
//!
//! The text is kept as it is encoded everywhere; the position counts code points, and the byte that it stands at is
//! remembered, so that reading and writing in order never walk the text.

use super::base::{self, size_arg};
use super::codec::Newlines;
use crate::heap_object;
use crate::text::gutf8;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::{Str, count_chars};
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// The payload of `StringIO`.
    pub struct StringIo {
        closed: bool,
        ready: bool,
        /// The position in code points, and in bytes when it is within the text.
        at: usize,
        byte_at: usize,
        /// The length in code points.
        chars: usize,
        /// What `\n` becomes when written.
        write_newline: String,
        /// The argument `newline`.
        newline: Value,
    }
    skip { text: Vec<u8>, newlines: Option<Newlines> }
    external = |this| this.text.capacity();
}

heap_object! {
    /// The payload of `IncrementalNewlineDecoder`.
    pub struct NewlineDecoder { decoder: Value }
    skip { newlines: Newlines }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new(
        "__init__(self, initial_value='', newline='\\n')",
        "Text I/O implementation using an in-memory buffer.",
        init,
    ),
    NativeDef::new("read(self, size=-1, /)", "Read at most size characters, returned as a string.", |vm, a| {
        let n = size_arg(vm, arg(a, 1))?;
        let s = open(vm, a)?;
        let part = take(vm, &s, n.unwrap_or(usize::MAX));
        Ok(vm.new_str_bytes(&part).into())
    }),
    NativeDef::new("readline(self, size=-1, /)", "Read until newline or EOF.", |vm, a| {
        let limit = size_arg(vm, arg(a, 1))?;
        let s = open(vm, a)?;
        Ok(line(vm, &s, limit))
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let s = open(vm, a)?;
        let exact = vm.class_for::<StringIo>().is_some_and(|c| vm.is_exact(&a[0], &c));
        let l = if exact { line(vm, &s, None) } else { vm.call_method(&a[0], "readline", &[])? };
        if vm.len(&l)? == 0 { Err(Raised::stop_iteration()) } else { Ok(l) }
    }),
    NativeDef::new("write(self, s, /)", "Write string to file.", |vm, a| {
        let Some(t) = a[1].cast::<Str>().cloned() else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("string argument expected, got '{got}'")));
        };
        let s = open(vm, a)?;
        write(vm, &s, &t)?;
        Ok(Value::len(t.get(vm).char_len()))
    }),
    NativeDef::new("getvalue(self, /)", "Retrieve the entire contents of the object.", |vm, a| {
        let s = open(vm, a)?;
        Ok(vm.new_str_bytes(&s.get(vm).text).into())
    }),
    NativeDef::new("seek(self, pos, whence=0, /)", "Change stream position.", seek),
    NativeDef::new("tell(self, /)", "Tell the current file position.", |vm, a| {
        let s = open(vm, a)?;
        Ok(Value::len(s.get(vm).at))
    }),
    NativeDef::new("truncate(self, pos=None, /)", "Truncate size to pos.", truncate),
    NativeDef::new("readable(self, /)", "Returns True if the IO object can be read.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("writable(self, /)", "Returns True if the IO object can be written.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("seekable(self, /)", "Returns True if the IO object can be seeked.", |vm, a| {
        open(vm, a).map(|_| Value::TRUE)
    }),
    NativeDef::new("close(self, /)", "Close the IO object.", |vm, a| {
        let s = vm.this::<StringIo>(a, "close")?.clone();
        let mut this = s.get_mut(vm);
        this.closed = true;
        this.text = Vec::new();
        Ok(Value::NONE)
    }),
    NativeDef::new("__getstate__(self, /)", "", getstate),
    NativeDef::new("__setstate__(self, state, /)", "", setstate),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("closed", "", |vm, v| {
        Ok(vm.this::<StringIo>(std::slice::from_ref(v), "closed")?.get(vm).closed.into())
    }),
    GetSetDef::new("newlines", "", |vm, v| {
        let s = open(vm, std::slice::from_ref(v))?;
        let n = s.get(vm).newlines.clone();
        Ok(n.map_or(Value::NONE, |n| n.value(vm)))
    }),
    GetSetDef::new("line_buffering", "", |vm, v| open(vm, std::slice::from_ref(v)).map(|_| Value::FALSE)),
];

const DECODER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, NewlineDecoder { decoder: Value::NONE, newlines: Newlines::default() }).into())
    }),
    NativeDef::new(
        "__init__(self, decoder, translate, errors='strict')",
        "Codec used when reading a file in universal newlines mode.",
        |vm, a| {
            let d = vm.this::<NewlineDecoder>(a, "__init__")?.clone();
            let translate = vm.truth(&a[2])?;
            let mut this = d.get_mut(vm);
            this.newlines = Newlines { translate, ..Newlines::default() };
            let old = std::mem::replace(&mut this.decoder, a[1].clone());
            drop(this);
            drop(old);
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("decode(self, input, final=False)", "", |vm, a| {
        let d = vm.this::<NewlineDecoder>(a, "decode")?.clone();
        let is_final = match arg(a, 2) {
            Some(v) => vm.truth(v)?,
            None => false,
        };
        let inner = d.get(vm).decoder.clone();
        let text = if inner.is_none() {
            a[1].clone()
        } else {
            vm.call_method(&inner, "decode", &[a[1].clone(), is_final.into()])?
        };
        let Some(t) = text.cast::<Str>() else {
            let got = vm.class_name(&text);
            return Err(vm.type_error(format!("decoder should return a string result, not '{got}'")));
        };
        let bytes = t.get(vm).as_bytes().to_vec();
        let out = d.get_mut(vm).newlines.feed(bytes, is_final);
        Ok(vm.new_str_bytes(&out).into())
    }),
    NativeDef::new("getstate(self, /)", "", |vm, a| {
        let d = vm.this::<NewlineDecoder>(a, "getstate")?.clone();
        let inner = d.get(vm).decoder.clone();
        let pending = i64::from(d.get(vm).newlines.pending_cr);
        let (buffer, flag) = if inner.is_none() {
            (vm.new_bytes(b"").into_value(), Value::int32(0))
        } else {
            let state = vm.call_method(&inner, "getstate", &[])?;
            match vm.tuple_clone(&state).as_deref() {
                Some([buffer, flag]) => (buffer.clone(), flag.clone()),
                _ => return Err(vm.type_error("illegal decoder state")),
            }
        };
        let flag = vm.index_i64(&flag)?;
        let flag = vm.int(flag.wrapping_shl(1) | pending);
        Ok(vm.pair([buffer, flag]))
    }),
    NativeDef::new("setstate(self, state, /)", "", |vm, a| {
        let d = vm.this::<NewlineDecoder>(a, "setstate")?.clone();
        let Some(state) = vm.tuple_clone(&a[1]) else { return Err(vm.type_error("state argument must be a tuple")) };
        let [buffer, flag] = state.as_slice() else { return Err(vm.type_error("illegal decoder state")) };
        let flag = vm.index_i64(flag)?;
        d.get_mut(vm).newlines.pending_cr = flag & 1 != 0;
        let inner = d.get(vm).decoder.clone();
        if !inner.is_none() {
            let flag = vm.int(flag >> 1);
            let state = vm.pair([buffer.clone(), flag]);
            vm.call_method(&inner, "setstate", &[state])?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("reset(self, /)", "", |vm, a| {
        let d = vm.this::<NewlineDecoder>(a, "reset")?.clone();
        let translate = d.get(vm).newlines.translate;
        d.get_mut(vm).newlines = Newlines { translate, ..Newlines::default() };
        let inner = d.get(vm).decoder.clone();
        if inner.is_none() { Ok(inner) } else { vm.call_method(&inner, "reset", &[]) }
    }),
];

const DECODER_GETSETS: &[GetSetDef] = &[GetSetDef::new("newlines", "", |vm, v| {
    let n = vm.this::<NewlineDecoder>(std::slice::from_ref(v), "newlines")?.get(vm).newlines.clone();
    Ok(n.value(vm))
})];

/// Makes the two classes.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R<[Ref<Class>; 2]> {
    let base = base::classes(vm)?.text;
    let flags = class_flag::BASE | class_flag::WEAKREF;
    let class = vm.define_class_with_dict::<StringIo>("_io", "StringIO", Some(&base), flags)?;
    vm.extend_class(&class, METHODS, GETSETS);
    let decoder = vm.define_class::<NewlineDecoder>("_io", "IncrementalNewlineDecoder", None, class_flag::BASE)?;
    vm.extend_class(&decoder, DECODER, DECODER_GETSETS);
    Ok([class, decoder])
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let payload = StringIo {
        closed: false,
        ready: false,
        at: 0,
        byte_at: 0,
        chars: 0,
        write_newline: String::new(),
        newline: Value::NONE,
        text: Vec::new(),
        newlines: None,
    };
    Ok(vm.alloc_as(&class, payload).into())
}

/// What an argument `newline` means: recognizing line ends when reading, and what `\n` becomes when writing.
///
/// # Errors
/// TypeError; ValueError.
pub fn newline_arg(vm: &mut Vm, v: Option<&Value>, function: &str) -> R<(Option<Newlines>, String)> {
    let Some(v) = v.filter(|v| !v.is_none()) else {
        return Ok((Some(Newlines { translate: true, ..Newlines::default() }), String::new()));
    };
    if !v.is_a::<Str>() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{function} argument 'newline' must be str or None, not {got}")));
    }
    match vm.str_of(v).as_str() {
        "" => Ok((Some(Newlines::default()), String::new())),
        "\n" => Ok((None, String::new())),
        other @ ("\r" | "\r\n") => Ok((None, other.to_owned())),
        _ => {
            let shown = vm.repr_string(v)?;
            Err(vm.value_error(format!("illegal newline value: {shown}")))
        }
    }
}

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<StringIo>(a, "__init__")?.clone();
    let newline = match arg(a, 2) {
        Some(v) => v.clone(),
        None => vm.intern("\n").into_value(),
    };
    if !newline.is_none() && !newline.is_a::<Str>() {
        let got = vm.class_name(&newline);
        return Err(vm.type_error(format!("newline must be str or None, not {got}")));
    }
    let (newlines, write_newline) = newline_arg(vm, Some(&newline), "StringIO()")?;
    {
        let mut this = s.get_mut(vm);
        this.closed = false;
        this.ready = true;
        this.text.clear();
        (this.at, this.byte_at, this.chars) = (0, 0, 0);
        this.newlines = newlines;
        this.write_newline = write_newline;
        let old = std::mem::replace(&mut this.newline, newline);
        drop(this);
        drop(old);
    }
    if let Some(v) = arg(a, 1).filter(|v| !v.is_none()) {
        let Some(t) = v.cast::<Str>().cloned() else {
            let got = vm.class_name(v);
            return Err(vm.type_error(format!("initial_value must be str or None, not {got}")));
        };
        write(vm, &s, &t)?;
        let mut this = s.get_mut(vm);
        (this.at, this.byte_at) = (0, 0);
    }
    Ok(Value::NONE)
}

fn open(vm: &mut Vm, a: &[Value]) -> R<Ref<StringIo>> {
    let s = vm.this::<StringIo>(a, "read")?.clone();
    let this = s.get(vm);
    if this.closed {
        return Err(vm.value_error("I/O operation on closed file"));
    }
    if !this.ready {
        return Err(vm.value_error("I/O operation on uninitialized object"));
    }
    Ok(s)
}

fn take(vm: &mut Vm, s: &Ref<StringIo>, n: usize) -> Vec<u8> {
    let mut this = s.get_mut(vm);
    if this.at >= this.chars {
        return Vec::new();
    }
    let n = n.min(this.chars - this.at);
    let rest = this.text.get(this.byte_at..).unwrap_or_default();
    let len = if n == this.chars - this.at { rest.len() } else { gutf8::byte_offset(rest, n) };
    let part = rest.get(..len).unwrap_or_default().to_vec();
    this.at += n;
    this.byte_at += len;
    part
}

/// Where a line ends, in bytes.
pub fn line_end(text: &[u8], newlines: Option<&Newlines>, write_newline: &str) -> Option<usize> {
    match newlines {
        Some(n) if !n.translate => {
            let at = memchr::memchr2(b'\n', b'\r', text)?;
            let crlf = text.get(at) == Some(&b'\r') && text.get(at + 1) == Some(&b'\n');
            Some(at + 1 + usize::from(crlf))
        }
        None if !write_newline.is_empty() => {
            memchr::memmem::find(text, write_newline.as_bytes()).map(|i| i + write_newline.len())
        }
        _ => memchr::memchr(b'\n', text).map(|i| i + 1),
    }
}

fn line(vm: &mut Vm, s: &Ref<StringIo>, limit: Option<usize>) -> Value {
    let (len, chars) = {
        let this = s.get(vm);
        if this.at >= this.chars {
            return vm.empty_str().into();
        }
        let rest = this.text.get(this.byte_at..).unwrap_or_default();
        let len = line_end(rest, this.newlines.as_ref(), &this.write_newline).unwrap_or(rest.len());
        let found = rest.get(..len).unwrap_or_default();
        let chars = count_chars(found);
        match limit {
            Some(limit) if limit < chars => (gutf8::byte_offset(found, limit), limit),
            _ => (len, chars),
        }
    };
    let mut this = s.get_mut(vm);
    let from = this.byte_at;
    this.at += chars;
    this.byte_at += len;
    drop(this);
    vm.new_str_bytes(s.get(vm).text.get(from..from + len).unwrap_or_default()).into()
}

fn write(vm: &mut Vm, s: &Ref<StringIo>, t: &Ref<Str>) -> R<()> {
    let len = t.get(vm).byte_len();
    if len == 0 {
        return Ok(());
    }
    vm.check_alloc(len)?;
    let text = &s.get(vm).text;
    vm.check_growth(text.len(), text.capacity(), len, 1)?;
    vm.tick(len / 1024)?;
    let (plain, at_end) = {
        let this = s.get(vm);
        (this.newlines.is_none() && this.write_newline.is_empty(), this.at == this.chars)
    };
    if !plain {
        // Line ends may become twice as long.
        vm.check_alloc(len.saturating_mul(3))?;
    }
    let mut bytes = t.get(vm).as_bytes().to_vec();
    let mut chars = t.get(vm).char_len();
    let mut this = s.get_mut(vm);
    if !plain {
        if let Some(n) = &mut this.newlines {
            bytes = n.feed(bytes, true);
        }
        if !this.write_newline.is_empty() {
            bytes = replace_newlines(&bytes, &this.write_newline);
        }
        chars = count_chars(&bytes);
    }
    if at_end {
        this.text.extend_from_slice(&bytes);
        this.chars += chars;
        this.at = this.chars;
        this.byte_at = this.text.len();
        return Ok(());
    }
    if this.at > this.chars {
        // As in a file, what was skipped is filled up.
        let gap = this.at - this.chars;
        drop(this);
        let more = gap.saturating_add(bytes.len());
        let text = &s.get(vm).text;
        let (len, room) = (text.len(), text.capacity());
        vm.check_alloc(len.saturating_add(more))?;
        vm.check_growth(len, room, more, 1)?;
        vm.tick(gap / 1024)?;
        this = s.get_mut(vm);
        this.text.reserve(more);
        let end = this.text.len() + gap;
        this.text.resize(end, 0);
        this.chars += gap;
        this.byte_at = end;
    }
    let rest = this.text.get(this.byte_at..).unwrap_or_default();
    let left = this.chars - this.at;
    let (over, over_chars) = if chars >= left { (rest.len(), left) } else { (gutf8::byte_offset(rest, chars), chars) };
    let from = this.byte_at;
    this.text.splice(from..from + over, bytes.iter().copied());
    this.chars = this.chars - over_chars + chars;
    this.at += chars;
    this.byte_at = from + bytes.len();
    Ok(())
}

/// Text with another line end for each `\n`.
pub fn replace_newlines(text: &[u8], newline: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', text) {
        out.extend_from_slice(text.get(from..at).unwrap_or_default());
        out.extend_from_slice(newline.as_bytes());
        from = at + 1;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    out
}

fn move_to(vm: &mut Vm, s: &Ref<StringIo>, at: usize) {
    let mut this = s.get_mut(vm);
    this.at = at;
    this.byte_at = if at >= this.chars { this.text.len() } else { gutf8::byte_offset(&this.text, at) };
}

fn seek(vm: &mut Vm, a: &[Value]) -> R {
    let s = open(vm, a)?;
    let (pos, whence) = (super::fileio::offset_arg(vm, &a[1])?, super::fileio::whence_arg(vm, arg(a, 2))?);
    let to = match whence {
        0 if pos < 0 => return Err(vm.value_error(format!("Negative seek position {pos}"))),
        0 => pos as usize,
        1 | 2 if pos != 0 => return Err(vm.os_error_plain("Can't do nonzero cur-relative seeks")),
        1 => s.get(vm).at,
        2 => s.get(vm).chars,
        _ => return Err(vm.value_error(format!("Invalid whence ({whence}, should be 0, 1 or 2)"))),
    };
    move_to(vm, &s, to);
    Ok(Value::len(to))
}

fn truncate(vm: &mut Vm, a: &[Value]) -> R {
    let s = open(vm, a)?;
    let size = match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => vm.index_i64(v)?,
        None => s.get(vm).at as i64,
    };
    let Ok(size) = usize::try_from(size) else {
        return Err(vm.value_error(format!("Negative size value {size}")));
    };
    let mut this = s.get_mut(vm);
    if size < this.chars {
        let len = gutf8::byte_offset(&this.text, size);
        this.text.truncate(len);
        this.chars = size;
        this.byte_at = this.byte_at.min(len);
    }
    Ok(Value::len(size))
}

fn getstate(vm: &mut Vm, a: &[Value]) -> R {
    let s = open(vm, a)?;
    let text = vm.new_str_bytes(&s.get(vm).text).into_value();
    let (newline, at) = (s.get(vm).newline.clone(), s.get(vm).at);
    let dict = match vm.materialize_dict(&a[0]) {
        Some(d) if !d.get(vm).is_empty() => {
            let copy = d.get(vm).copy();
            vm.alloc(copy).into_value()
        }
        _ => Value::NONE,
    };
    Ok(vm.tuple(vec![text, newline, Value::len(at), dict]).into())
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<StringIo>(a, "__setstate__")?.clone();
    let state = vm.tuple_clone(&a[1]).unwrap_or_default();
    let [text, newline, at, dict] = state.as_slice() else {
        let (class, got) = (vm.class_name(&a[0]), vm.class_name(&a[1]));
        return Err(vm.type_error(format!("{class}.__setstate__ argument should be 4-tuple, got {got}")));
    };
    let Some(t) = text.cast::<Str>().cloned() else {
        return Err(vm.type_error("initial_value must be str or None"));
    };
    init(vm, &[a[0].clone(), Value::UNDEF, newline.clone()])?;
    let at = vm.index_i64(at)?;
    let Ok(at) = usize::try_from(at) else {
        return Err(vm.value_error("position value cannot be negative"));
    };
    {
        // The text went through the translation of line ends already.
        let bytes = t.get(vm).as_bytes().to_vec();
        let chars = t.get(vm).char_len();
        let mut this = s.get_mut(vm);
        this.text = bytes;
        this.chars = chars;
    }
    move_to(vm, &s, at);
    if let Some(d) = arg_or_none(std::slice::from_ref(dict), 0).cast::<Dict>() {
        let items: Vec<(Value, Value)> = d.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some(own) = vm.materialize_dict(&a[0]) {
            for (k, v) in items {
                own.set_item(vm, k, v)?;
            }
        }
    }
    Ok(Value::NONE)
}
