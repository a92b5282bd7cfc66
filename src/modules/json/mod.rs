//! `_json`: the fast half of `json`.
//!
//! [`scan`] reads values, [`encode`] writes them; here are strings both ways, and the module. Texts are generalized
//! UTF-8 with byte offsets inside; scripts see positions in characters.

mod encode;
mod scan;

use super::re::objects::{byte_offset, position};
use crate::text::gutf8;
use crate::vm::exception::Raised;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "scanstring(string, end, strict=True, /)",
        "scanstring(string, end, strict=True) -> (string, end)",
        scanstring,
    ),
    NativeDef::new("encode_basestring(string, /)", "Return a JSON representation of a Python string.", |vm, a| {
        quoted(vm, arg_or_none(a, 0), false)
    }),
    NativeDef::new(
        "encode_basestring_ascii(string, /)",
        "Return an ASCII-only JSON representation of a Python string.",
        |vm, a| quoted(vm, arg_or_none(a, 0), true),
    ),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_json", FUNCTIONS);
    let (scanner, encoder) = (scan::class(vm)?, encode::class(vm)?);
    vm.module_set(&module, "make_scanner", scanner.into_value());
    vm.module_set(&module, "make_encoder", encoder.into_value());
    Ok(module.into())
}

fn text_arg(vm: &mut Vm, v: &Value) -> R<Ref<Str>> {
    match v.cast::<Str>() {
        Some(s) => Ok(s.clone()),
        None => {
            let class = vm.class_name(v);
            Err(vm.type_error(format!("first argument must be a string, not {class}")))
        }
    }
}

// ---- writing strings ----

fn quoted(vm: &mut Vm, v: &Value, ascii: bool) -> R {
    let s = text_arg(vm, v)?;
    let len = s.get(vm).byte_len();
    vm.tick(len / 16)?;
    vm.check_alloc(len.saturating_mul(2))?;
    let mut out = Vec::with_capacity(len + 2);
    push_quoted(&mut out, s.get(vm).as_bytes(), ascii);
    Ok(vm.new_str_bytes(&out).into())
}

/// Appends a text in quotes, with escapes for what JSON does not allow; with `ascii`, for all but ASCII.
fn push_quoted(out: &mut Vec<u8>, text: &[u8], ascii: bool) {
    out.push(b'"');
    let mut at = 0;
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        // All is copied that stands for itself.
        let plain = rest.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\' || (ascii && b >= 0x7F));
        let plain = plain.unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..plain).unwrap_or_default());
        at += plain;
        let Some((cp, len)) = gutf8::decode_at(text, at) else { break };
        at += len;
        match cp {
            0x22 => out.extend_from_slice(b"\\\""),
            0x5C => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            0x1_0000.. => {
                let above = cp - 0x1_0000;
                push_escape(out, 0xD800 + (above >> 10));
                push_escape(out, 0xDC00 + (above & 0x3FF));
            }
            _ => push_escape(out, cp),
        }
    }
    out.push(b'"');
}

fn push_escape(out: &mut Vec<u8>, unit: u32) {
    out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
}

// ---- reading strings ----

/// What is wrong with a text, and at which byte.
struct Mistake {
    text: String,
    at: usize,
}

/// Reads a string whose opening quote stands before `begin`; gives it with the place behind the closing quote.
fn read_string(text: &[u8], begin: usize, strict: bool) -> Result<(Vec<u8>, usize), Mistake> {
    let unterminated = || Mistake { text: "Unterminated string starting at".to_owned(), at: begin.saturating_sub(1) };
    let mut out = Vec::new();
    let mut at = begin;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let stop =
            rest.iter().position(|&b| b == b'"' || b == b'\\' || (strict && b < 0x20)).ok_or_else(unterminated)?;
        out.extend_from_slice(rest.get(..stop).unwrap_or_default());
        at += stop;
        match text.get(at) {
            Some(b'"') => return Ok((out, at + 1)),
            Some(b'\\') => {}
            _ => return Err(Mistake { text: "Invalid control character at".to_owned(), at }),
        }
        let escape = *text.get(at + 1).ok_or_else(unterminated)?;
        let plain = match escape {
            b'"' | b'\\' | b'/' => escape,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (cp, end) = read_unicode(text, at + 1)?;
                gutf8::push(&mut out, cp);
                at = end;
                continue;
            }
            _ => return Err(Mistake { text: "Invalid \\escape".to_owned(), at }),
        };
        out.push(plain);
        at += 2;
    }
}

/// Four hexadecimal digits behind the `u` at `at`.
fn unit_at(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at + 1..at + 5)?;
    digits.iter().try_fold(0, |n, &b| Some(n * 16 + char::from(b).to_digit(16)?))
}

/// A `\u` escape, or two that make one character; `at` is the place of the `u`.
fn read_unicode(text: &[u8], at: usize) -> Result<(u32, usize), Mistake> {
    let Some(first) = unit_at(text, at) else {
        return Err(Mistake { text: "Invalid \\uXXXX escape".to_owned(), at });
    };
    let end = at + 5;
    if (0xD800..0xDC00).contains(&first) && text.get(end..end + 2) == Some(b"\\u") {
        let Some(second) = unit_at(text, end + 1) else {
            return Err(Mistake { text: "Invalid \\uXXXX escape".to_owned(), at: end + 1 });
        };
        if (0xDC00..0xE000).contains(&second) {
            return Ok((0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), end + 6));
        }
    }
    Ok((first, end))
}

fn scanstring(vm: &mut Vm, a: &[Value]) -> R {
    let s = text_arg(vm, arg_or_none(a, 0))?;
    let end = vm.index_i64(arg_or_none(a, 1))?;
    let strict = arg(a, 2).map_or(Ok(true), |v| vm.truth(v))?;
    let len = s.get(vm).char_len();
    let Some(begin) = usize::try_from(end).ok().filter(|&e| e <= len) else {
        return Err(vm.value_error("end is out of bounds"));
    };
    let begin = byte_offset(vm, s.value(), begin);
    match read_string(s.get(vm).as_bytes(), begin, strict) {
        Ok((text, end)) => {
            vm.tick(text.len() / 16)?;
            let end = position(vm, s.value(), end);
            let text = vm.new_str_bytes(&text).into_value();
            Ok(vm.pair([text, Value::len(end)]))
        }
        Err(m) => Err(mistake(vm, &s, m)),
    }
}

/// `JSONDecodeError`.
fn mistake(vm: &mut Vm, s: &Ref<Str>, m: Mistake) -> Raised {
    let at = position(vm, s.value(), m.at);
    let decoder = match super::import::import_module(vm, "json.decoder") {
        Ok(d) => d,
        Err(e) => return e,
    };
    let text = vm.new_str(&m.text).into_value();
    match vm.call_method(&decoder, "JSONDecodeError", &[text, s.value().clone(), Value::len(at)]) {
        Ok(e) => vm.raise(e),
        Err(e) => e,
    }
}
