//! The `unicode_escape` and `raw_unicode_escape` codecs.

use super::{Decoded, Fault};
use crate::text::gutf8::{self, code_points, push};
use crate::text::repr::push_escape;
use crate::text::unicode::names;

/// The first escape that the language does not define; a `DeprecationWarning` tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EscapeNote {
    /// `"\q" is an invalid escape sequence. …`
    Letter(u8),
    /// `"\777" is an invalid octal escape sequence. …`
    Octal(u32),
}

impl EscapeNote {
    /// The warning's text.
    pub fn message(&self) -> String {
        let (shown, kind) = match self {
            EscapeNote::Letter(letter) => (char::from(*letter).to_string(), ""),
            EscapeNote::Octal(value) => (format!("{value:o}"), "octal "),
        };
        format!("\"\\{shown}\" is an invalid {kind}escape sequence. Such sequences will not work in the future. ")
    }
}

/// What one escape turned out to be.
enum Escape {
    /// A code point; the offset behind it.
    Char(u32, usize),
    /// Nothing (an escaped line end); the offset behind it.
    Nothing(usize),
    /// No escape: the backslash stands for itself.
    Plain(EscapeNote),
    /// A mistake up to the offset; whether more input could mend it.
    Bad(usize, &'static str, bool),
}

pub(super) fn decode<E>(
    bytes: &[u8],
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut note = None;
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        if b != b'\\' {
            push(&mut out, u32::from(b));
            at += 1;
            continue;
        }
        match escape(bytes, at) {
            Escape::Char(cp, next) => {
                push(&mut out, cp);
                let octal = (0x100..0x200).contains(&cp) && bytes.get(at + 1).is_some_and(|b| (b'4'..b'8').contains(b));
                if octal && note.is_none() {
                    note = Some(EscapeNote::Octal(cp));
                }
                at = next;
            }
            Escape::Nothing(next) => at = next,
            Escape::Plain(what) => {
                out.push(b'\\');
                at += 1;
                note = note.or(Some(what));
            }
            Escape::Bad(_, _, true) if !is_final => break,
            Escape::Bad(end, reason, _) => {
                let (replacement, resume) = on_fault(Fault::new("unicodeescape", at, end, reason))?;
                out.extend_from_slice(&replacement);
                at = resume.min(bytes.len());
            }
        }
    }
    Ok(Decoded { text: out, consumed: at.min(bytes.len()), little_endian: None, note })
}

fn escape(bytes: &[u8], at: usize) -> Escape {
    let Some(&letter) = bytes.get(at + 1) else {
        return Escape::Bad(at + 1, "\\ at end of string", true);
    };
    let simple = match letter {
        b'\n' => return Escape::Nothing(at + 2),
        b'\\' | b'\'' | b'"' => letter,
        b'a' => 7,
        b'b' => 8,
        b't' => 9,
        b'n' => 10,
        b'v' => 11,
        b'f' => 12,
        b'r' => 13,
        b'0'..=b'7' => return octal(bytes, at),
        b'x' => return hexadecimal(bytes, at, 2, "truncated \\xXX escape"),
        b'u' => return hexadecimal(bytes, at, 4, "truncated \\uXXXX escape"),
        b'U' => return hexadecimal(bytes, at, 8, "truncated \\UXXXXXXXX escape"),
        b'N' => return named(bytes, at),
        _ => return Escape::Plain(EscapeNote::Letter(letter)),
    };
    Escape::Char(u32::from(simple), at + 2)
}

fn octal(bytes: &[u8], at: usize) -> Escape {
    let digits = bytes.get(at + 1..).unwrap_or(&[]).iter().take(3).take_while(|b| (b'0'..=b'7').contains(*b));
    let (value, len) = digits.fold((0, 0), |(value, len), &b| (value * 8 + u32::from(b - b'0'), len + 1));
    Escape::Char(value, at + 1 + len)
}

fn hexadecimal(bytes: &[u8], at: usize, wanted: usize, truncated: &'static str) -> Escape {
    let rest = bytes.get(at + 2..).unwrap_or(&[]);
    let digits = rest.iter().take(wanted).map_while(|&b| char::from(b).to_digit(16));
    let (value, len) = digits.fold((0u32, 0), |(value, len), d| ((value << 4) | d, len + 1));
    if len < wanted {
        return Escape::Bad(at + 2 + len, truncated, at + 2 + len == bytes.len());
    }
    if value > gutf8::MAX_CODE_POINT {
        return Escape::Bad(at + 2 + len, "illegal Unicode character", false);
    }
    Escape::Char(value, at + 2 + len)
}

fn named(bytes: &[u8], at: usize) -> Escape {
    const MALFORMED: &str = "malformed \\N character escape";
    match bytes.get(at + 2) {
        None => return Escape::Bad(at + 2, MALFORMED, true),
        Some(b'{') => {}
        Some(_) => return Escape::Bad(at + 2, MALFORMED, false),
    }
    let rest = bytes.get(at + 3..).unwrap_or(&[]);
    let Some(len) = memchr::memchr(b'}', rest) else {
        return Escape::Bad(bytes.len(), MALFORMED, true);
    };
    if len == 0 {
        return Escape::Bad(at + 3, MALFORMED, false);
    }
    let end = at + 3 + len + 1;
    let name = rest.get(..len).and_then(|name| std::str::from_utf8(name).ok());
    match name.and_then(names::lookup) {
        Some(cp) => Escape::Char(cp, end),
        None => Escape::Bad(end, "unknown Unicode character name", false),
    }
}

pub(super) fn decode_raw<E>(
    bytes: &[u8],
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        let (wanted, truncated) = match (b, bytes.get(at + 1)) {
            (b'\\', None) if !is_final => break,
            (b'\\', Some(b'u')) => (4, "truncated \\uXXXX escape"),
            (b'\\', Some(b'U')) => (8, "truncated \\UXXXXXXXX escape"),
            (b'\\', Some(&next)) => {
                // The character behind is taken too, so that a second backslash begins nothing.
                out.push(b'\\');
                push(&mut out, u32::from(next));
                at += 2;
                continue;
            }
            _ => {
                push(&mut out, u32::from(b));
                at += 1;
                continue;
            }
        };
        match hexadecimal(bytes, at, wanted, truncated) {
            Escape::Char(cp, next) => {
                push(&mut out, cp);
                at = next;
            }
            Escape::Bad(_, _, true) if !is_final => break,
            Escape::Bad(end, reason, _) => {
                let reason = if reason == truncated { reason } else { "\\Uxxxxxxxx out of range" };
                let (replacement, resume) = on_fault(Fault::new("rawunicodeescape", at, end, reason))?;
                out.extend_from_slice(&replacement);
                at = resume.min(bytes.len());
            }
            Escape::Nothing(next) => at = next,
            Escape::Plain(_) => at += 1,
        }
    }
    Ok(Decoded::all(out, at.min(bytes.len())))
}

pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    for cp in code_points(text) {
        match cp {
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0D => out.extend_from_slice(b"\\r"),
            0x5C => out.extend_from_slice(b"\\\\"),
            0x20..0x7F => out.push(cp as u8),
            _ => push_escape(&mut out, cp),
        }
    }
    out
}

pub(super) fn encode_raw(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() * 2);
    for cp in code_points(text) {
        if cp < 0x100 { out.push(cp as u8) } else { push_escape(&mut out, cp) }
    }
    out
}
