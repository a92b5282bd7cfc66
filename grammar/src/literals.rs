//! The values of literals: numbers, and strings with their escapes.
//!
//! Text comes out as WTF-8 without joining surrogate pairs: each `\ud83d` stays the three bytes of its own code
//! point, as Python keeps them two characters. A literal without escapes is a slice of the source.

use crate::ast::{Constant, Span};
use crate::error::{ErrorKind, SyntaxError, Warning};
use bumpalo::Bump;

/// Decimal integers with more digits are refused, as CPython does by default.
const MAX_INT_DIGITS: usize = 4300;

/// The value of the number `text`, already known to be well-formed.
pub(crate) fn number<'a>(arena: &'a Bump, text: &'a str, span: Span) -> Result<Constant<'a>, SyntaxError> {
    let text = if text.contains('_') { arena.alloc_str(&text.replace('_', "")) } else { text };
    let bytes = text.as_bytes();
    let radix = match bytes {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 10,
    };
    if radix != 10 {
        return Ok(integer(text.get(2..).unwrap_or(""), radix));
    }
    if let Some(value) = text.strip_suffix(['j', 'J']) {
        return Ok(Constant::Imaginary(value.parse().unwrap_or(0.0)));
    }
    if bytes.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return Ok(Constant::Float(text.parse().unwrap_or(0.0)));
    }
    if text.len() > MAX_INT_DIGITS {
        let message = format!(
            "Exceeds the limit ({MAX_INT_DIGITS} digits) for integer string conversion: value has {} digits; use \
             sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to \
             avoid decimal conversion limits.",
            text.len()
        );
        return Err(SyntaxError::new(ErrorKind::Syntax, message, span));
    }
    Ok(integer(text, 10))
}

fn integer(digits: &str, radix: u32) -> Constant<'_> {
    match i64::from_str_radix(digits, radix) {
        Ok(value) => Constant::Int(value),
        Err(_) => Constant::BigInt { digits: digits.trim_start_matches('0'), radix },
    }
}

/// One string token taken apart.
pub(crate) struct Literal<'a> {
    /// Whether it has a `b` prefix.
    pub bytes: bool,
    /// Whether it has a `u` prefix.
    pub unicode_prefix: bool,
    /// Its value.
    pub value: &'a [u8],
}

/// The value of the string token `text`, quotes and prefix included.
pub(crate) fn string<'a>(
    arena: &'a Bump,
    text: &'a str,
    span: Span,
    warnings: &mut Vec<Warning>,
) -> Result<Literal<'a>, SyntaxError> {
    let prefix_len = text.find(['"', '\'']).unwrap_or(0);
    let (prefix, rest) = text.split_at(prefix_len);
    let has = |lower: u8| prefix.bytes().any(|b| b.to_ascii_lowercase() == lower);
    let (bytes, raw) = (has(b'b'), has(b'r'));
    let quotes = if rest.starts_with("\"\"\"") || rest.starts_with("'''") { 3 } else { 1 };
    let body = rest.get(quotes..rest.len().saturating_sub(quotes)).unwrap_or("");
    let mut decoder = Decoder { arena, span, body_start: span.start + (prefix_len + quotes) as u32, warnings };
    if bytes && !body.is_ascii() {
        return Err(SyntaxError::new(ErrorKind::Syntax, "bytes can only contain ASCII literal characters", span));
    }
    let body = decoder.line_breaks(body);
    let value = match (raw, bytes) {
        (true, _) => body.as_bytes(),
        (false, true) => decoder.bytes(body)?,
        (false, false) => decoder.text(body)?,
    };
    Ok(Literal { bytes, unicode_prefix: has(b'u'), value })
}

/// The value of literal text inside an f-string, which stands at `span`; errors are put at `whole`.
pub(crate) fn fstring_text<'a>(
    arena: &'a Bump,
    text: &'a str,
    span: Span,
    raw: bool,
    warnings: &mut Vec<Warning>,
) -> Result<&'a [u8], SyntaxError> {
    let mut decoder = Decoder { arena, span, body_start: span.start, warnings };
    let body = decoder.line_breaks(text);
    if raw { Ok(body.as_bytes()) } else { decoder.text(body) }
}

struct Decoder<'a, 'w> {
    arena: &'a Bump,
    /// Where errors are put.
    span: Span,
    body_start: u32,
    warnings: &'w mut Vec<Warning>,
}

impl<'a> Decoder<'a, '_> {
    /// All line breaks in literals are `\n`, whatever the file uses.
    fn line_breaks(&self, body: &'a str) -> &'a str {
        if memchr::memchr(b'\r', body.as_bytes()).is_none() {
            return body;
        }
        self.arena.alloc_str(&body.replace("\r\n", "\n").replace('\r', "\n"))
    }

    fn warn(&mut self, at: usize, warning: impl FnOnce(Span) -> Warning) {
        let start = self.body_start + at as u32;
        self.warnings.push(warning(Span::new(start, start + 2)));
    }

    fn text(&mut self, body: &'a str) -> Result<&'a [u8], SyntaxError> {
        let bytes = body.as_bytes();
        let Some(first) = memchr::memchr(b'\\', bytes) else { return Ok(bytes) };
        let mut out = Vec::with_capacity(bytes.len());
        out.extend_from_slice(&bytes[..first]);
        let mut at = first;
        let mut warned = false;
        while at < bytes.len() {
            if bytes[at] != b'\\' {
                let next = memchr::memchr(b'\\', &bytes[at..]).map_or(bytes.len(), |i| at + i);
                out.extend_from_slice(&bytes[at..next]);
                at = next;
                continue;
            }
            let Some(&c) = bytes.get(at + 1) else {
                out.push(b'\\');
                break;
            };
            let start = at;
            at += 2;
            match c {
                b'x' => push_code(&mut out, self.hex(body, start, &mut at, 2, "truncated \\xXX escape")?),
                b'u' => push_code(&mut out, self.hex(body, start, &mut at, 4, "truncated \\uXXXX escape")?),
                b'U' => push_code(&mut out, self.hex(body, start, &mut at, 8, "truncated \\UXXXXXXXX escape")?),
                b'N' => push_code(&mut out, self.named(body, start, &mut at)?),
                b'0'..=b'7' => push_code(&mut out, self.octal(bytes, start, &mut at, &mut warned)),
                b'\n' => {}
                _ => match simple_escape(c) {
                    Some(byte) => out.push(byte),
                    None => {
                        out.push(b'\\');
                        at = start + 1;
                        if c < 128 {
                            self.warn_once(&mut warned, start, c);
                            out.push(c);
                            at += 1;
                        }
                    }
                },
            }
        }
        Ok(self.arena.alloc_slice_copy(&out))
    }

    fn warn_once(&mut self, warned: &mut bool, at: usize, c: u8) {
        if !std::mem::replace(warned, true) {
            self.warn(at, |span| Warning::invalid_escape(c as char, span));
        }
    }

    /// Up to three octal digits, of which the first stands before `at`.
    fn octal(&mut self, bytes: &[u8], start: usize, at: &mut usize, warned: &mut bool) -> u32 {
        let mut code = u32::from(bytes[start + 1] - b'0');
        while *at < start + 4
            && let Some(&digit @ b'0'..=b'7') = bytes.get(*at)
        {
            code = code * 8 + u32::from(digit - b'0');
            *at += 1;
        }
        if code > 0o377 && !std::mem::replace(warned, true) {
            let digits = String::from_utf8_lossy(&bytes[start + 1..*at]).into_owned();
            self.warn(start, |span| Warning::invalid_octal(&digits, span));
        }
        code
    }

    fn hex(&self, body: &str, start: usize, at: &mut usize, count: usize, message: &str) -> Result<u32, SyntaxError> {
        let bytes = body.as_bytes();
        let mut code = 0u32;
        for _ in 0..count {
            let Some(digit) = bytes.get(*at).and_then(|&b| (b as char).to_digit(16)) else {
                return Err(self.unicode_error(body, start, *at, message));
            };
            code = code << 4 | digit;
            *at += 1;
        }
        if code > 0x10FFFF {
            return Err(self.unicode_error(body, start, *at, "illegal Unicode character"));
        }
        Ok(code)
    }

    fn named(&self, body: &str, start: usize, at: &mut usize) -> Result<u32, SyntaxError> {
        let malformed = "malformed \\N character escape";
        if body.as_bytes().get(*at) != Some(&b'{') {
            return Err(self.unicode_error(body, start, *at, malformed));
        }
        let rest = &body[*at + 1..];
        let Some(len) = rest.find('}') else {
            return Err(self.unicode_error(body, start, body.len(), malformed));
        };
        if len == 0 {
            return Err(self.unicode_error(body, start, *at + 1, malformed));
        }
        *at += len + 2;
        let name = &rest[..len];
        match character_by_name(name) {
            Some(c) => Ok(c as u32),
            None => Err(self.unicode_error(body, start, *at, "unknown Unicode character name")),
        }
    }

    /// The message counts positions in the text as the decoder sees it, where each character beyond ASCII has been
    /// written as a ten-character escape.
    fn unicode_error(&self, body: &str, start: usize, end: usize, message: &str) -> SyntaxError {
        let position = |at: usize| -> usize { body[..at].chars().map(|c| if c.is_ascii() { 1 } else { 10 }).sum() };
        let (first, last) = (position(start), position(end).saturating_sub(1));
        let place = if first == last {
            format!("byte 0x5c in position {first}")
        } else {
            format!("bytes in position {first}-{last}")
        };
        let message = format!("(unicode error) 'unicodeescape' codec can't decode {place}: {message}");
        SyntaxError::new(ErrorKind::Syntax, message, self.span)
    }

    fn bytes(&mut self, body: &'a str) -> Result<&'a [u8], SyntaxError> {
        let bytes = body.as_bytes();
        if memchr::memchr(b'\\', bytes).is_none() {
            return Ok(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        let mut warned = false;
        while let Some(&b) = bytes.get(at) {
            if b != b'\\' {
                out.push(b);
                at += 1;
                continue;
            }
            let start = at;
            let Some(&c) = bytes.get(at + 1) else { break };
            at += 2;
            match c {
                b'x' => {
                    let digit = |i: usize| bytes.get(i).and_then(|&b| (b as char).to_digit(16));
                    let (Some(high), Some(low)) = (digit(at), digit(at + 1)) else {
                        let message = format!("(value error) invalid \\x escape at position {start}");
                        return Err(SyntaxError::new(ErrorKind::Syntax, message, self.span));
                    };
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                b'0'..=b'7' => out.push(self.octal(bytes, start, &mut at, &mut warned) as u8),
                b'\n' => {}
                _ => match simple_escape(c) {
                    Some(byte) => out.push(byte),
                    None => {
                        self.warn_once(&mut warned, start, c);
                        out.extend_from_slice(&[b'\\', c]);
                    }
                },
            }
        }
        Ok(self.arena.alloc_slice_copy(&out))
    }
}

fn simple_escape(c: u8) -> Option<u8> {
    Some(match c {
        b'\\' | b'\'' | b'"' => c,
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        _ => return None,
    })
}

/// The character that `\N{name}` stands for.
fn character_by_name(name: &str) -> Option<char> {
    if !name.is_ascii() || name.starts_with(' ') || name.ends_with(' ') {
        return None;
    }
    unicode_names2::character(name)
}

/// Appends a code point in generalised UTF-8, surrogates included.
fn push_code(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(c) => {
            let mut buffer = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        None => {
            let low = |shift: u32| 0x80 | ((code >> shift) & 0x3F) as u8;
            out.extend_from_slice(&[0xE0 | (code >> 12) as u8, low(6), low(0)]);
        }
    }
}
