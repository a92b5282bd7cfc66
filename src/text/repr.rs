//! `repr` and `ascii` of text and bytes.
//!
//! Containers and numbers have their own places; here is only the choice of quotes and escapes.

use super::gutf8::{code_points, push};
use super::unicode::is_printable;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The quote that needs fewer escapes: double only for text with single quotes and no double ones.
fn quote(text: &[u8]) -> u8 {
    let single = memchr::memchr(b'\'', text).is_some();
    if single && memchr::memchr(b'"', text).is_none() { b'"' } else { b'\'' }
}

fn push_hex(out: &mut Vec<u8>, value: u32, digits: u32) {
    for place in (0..digits).rev() {
        out.push(HEX[(value >> (place * 4)) as usize & 15]);
    }
}

/// Appends `\xhh`, `\uhhhh` or `\Uhhhhhhhh`.
pub fn push_escape(out: &mut Vec<u8>, cp: u32) {
    let (letter, digits) = match cp {
        0..=0xFF => (b'x', 2),
        0x100..=0xFFFF => (b'u', 4),
        _ => (b'U', 8),
    };
    out.extend_from_slice(&[b'\\', letter]);
    push_hex(out, cp, digits);
}

/// Appends a byte or ASCII character as both kinds of literals show it; false if it is plain.
#[inline]
fn push_special(out: &mut Vec<u8>, byte: u8, quote: u8) -> bool {
    match byte {
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\\' => out.extend_from_slice(b"\\\\"),
        0..0x20 | 0x7F => push_escape(out, u32::from(byte)),
        _ if byte == quote => out.extend_from_slice(&[b'\\', byte]),
        _ => return false,
    }
    true
}

fn quoted(out: &mut Vec<u8>, text: &[u8], shown: impl Fn(u32) -> bool) {
    let quote = quote(text);
    out.reserve(text.len() + 2);
    out.push(quote);
    for cp in code_points(text) {
        if cp < 0x80 {
            if !push_special(out, cp as u8, quote) {
                out.push(cp as u8);
            }
        } else if shown(cp) {
            push(out, cp);
        } else {
            push_escape(out, cp);
        }
    }
    out.push(quote);
}

/// Appends `repr` of a text.
pub fn push_str_repr(out: &mut Vec<u8>, text: &[u8]) {
    quoted(out, text, is_printable);
}

/// `repr` of a text.
pub fn str_repr(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    push_str_repr(&mut out, text);
    out
}

/// `repr` of a text as a Rust string; it never holds surrogates, for they are escaped.
pub fn str_repr_string(text: &[u8]) -> String {
    String::from_utf8(str_repr(text)).unwrap_or_default()
}

/// `ascii` of a text.
pub fn str_ascii(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    quoted(&mut out, text, |_| false);
    out
}

/// `ascii` of any object, given its `repr`: escapes what is not ASCII.
pub fn ascii_of_repr(repr: &[u8]) -> Vec<u8> {
    if repr.is_ascii() {
        return repr.to_vec();
    }
    let mut out = Vec::with_capacity(repr.len() * 2);
    for cp in code_points(repr) {
        if cp < 0x80 { out.push(cp as u8) } else { push_escape(&mut out, cp) }
    }
    out
}

/// Appends `repr` of bytes, the `b` included.
pub fn push_bytes_repr(out: &mut Vec<u8>, bytes: &[u8]) {
    let quote = quote(bytes);
    out.reserve(bytes.len() + 3);
    out.extend_from_slice(&[b'b', quote]);
    for &byte in bytes {
        if byte >= 0x80 {
            push_escape(out, u32::from(byte));
        } else if !push_special(out, byte, quote) {
            out.push(byte);
        }
    }
    out.push(quote);
}

/// `repr` of bytes, the `b` included.
pub fn bytes_repr(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    push_bytes_repr(&mut out, bytes);
    String::from_utf8(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::gutf8::from_code_points;

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(str_repr_string(b"a'b"), "\"a'b\"");
        assert_eq!(str_repr_string(b"a'\"b"), "'a\\'\"b'");
        assert_eq!(str_repr_string(b"a\"\\\t\n\r\x00\x7f"), "'a\"\\\\\\t\\n\\r\\x00\\x7f'");
        let odd = from_code_points([0xA0, 0x2028, 0x1F600, 0xD800, 0xAD, 0xE9, 0xE0000]);
        assert_eq!(str_repr_string(&odd), "'\\xa0\\u2028😀\\ud800\\xadé\\U000e0000'");
        assert_eq!(str_ascii("é€😀'".as_bytes()), b"\"\\xe9\\u20ac\\U0001f600'\"");
        assert_eq!(bytes_repr(b"\x00\xff'\"\\\t"), "b'\\x00\\xff\\'\"\\\\\\t'");
        assert_eq!(ascii_of_repr("[é]".as_bytes()), b"[\\xe9]");
    }
}
