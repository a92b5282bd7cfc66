//! The error handlers that Python knows by name.

use super::{CodecError, Encoding, Fault, Replacement};
use crate::text::unicode::names;
use crate::text::{Kind, TextError, gutf8, repr};

/// A built-in error handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Raise the error.
    Strict,
    /// Leave the stretch out.
    Ignore,
    /// U+FFFD, or a question mark when encoding.
    Replace,
    /// Escapes as in literals.
    BackslashReplace,
    /// `&#233;`; encoding only.
    XmlCharRefReplace,
    /// `\N{…}`; encoding only.
    NameReplace,
    /// Undecodable bytes as U+DC80 to U+DCFF and back.
    SurrogateEscape,
    /// Surrogates as if they were characters.
    SurrogatePass,
}

impl Handler {
    /// The handler with the name.
    ///
    /// # Errors
    /// `LookupError` if it is none of the built-in ones.
    pub fn named(name: &str) -> Result<Handler, CodecError> {
        Ok(match name {
            "strict" => Handler::Strict,
            "ignore" => Handler::Ignore,
            "replace" => Handler::Replace,
            "backslashreplace" => Handler::BackslashReplace,
            "xmlcharrefreplace" => Handler::XmlCharRefReplace,
            "namereplace" => Handler::NameReplace,
            "surrogateescape" => Handler::SurrogateEscape,
            "surrogatepass" => Handler::SurrogatePass,
            _ => {
                let message = format!("unknown error handler name '{name}'");
                return Err(CodecError::Other(TextError::new(Kind::Lookup, message)));
            }
        })
    }
}

/// What a built-in handler makes of bytes that cannot be decoded.
///
/// # Errors
/// The fault itself if the handler does not cope with it.
pub fn decode_with_handler(
    handler: Handler,
    encoding: Encoding,
    fault: Fault,
    bytes: &[u8],
) -> Result<(Vec<u8>, usize), CodecError> {
    let bad = bytes.get(fault.start..fault.end).unwrap_or(&[]);
    match handler {
        Handler::Ignore => Ok((Vec::new(), fault.end)),
        Handler::Replace => Ok((gutf8::encode(0xFFFD), fault.end)),
        Handler::BackslashReplace => {
            let mut out = Vec::with_capacity(bad.len() * 4);
            bad.iter().for_each(|&b| repr::push_escape(&mut out, u32::from(b)));
            Ok((out, fault.end))
        }
        Handler::SurrogateEscape => {
            let high: Vec<u32> =
                bad.iter().take(4).take_while(|b| **b >= 0x80).map(|&b| 0xDC00 + u32::from(b)).collect();
            if high.is_empty() {
                return Err(CodecError::Decode(fault));
            }
            let end = fault.start + high.len();
            Ok((gutf8::from_code_points(high), end))
        }
        Handler::SurrogatePass => {
            let from = bytes.get(fault.start..).unwrap_or(&[]);
            let found = match (encoding, from) {
                (Encoding::Utf8 | Encoding::Utf8Sig, [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..]) => gutf8::decode_at(from, 0),
                (Encoding::Utf16(order), [a, b, ..]) => {
                    let unit = if order == Some(false) { [*b, *a] } else { [*a, *b] };
                    Some((u32::from(u16::from_le_bytes(unit)), 2))
                }
                (Encoding::Utf32(order), [a, b, c, d, ..]) => {
                    let unit = if order == Some(false) { [*d, *c, *b, *a] } else { [*a, *b, *c, *d] };
                    Some((u32::from_le_bytes(unit), 4))
                }
                _ => None,
            };
            match found.filter(|&(cp, _)| gutf8::is_surrogate(cp)) {
                Some((cp, len)) => Ok((gutf8::encode(cp), fault.start + len)),
                None => Err(CodecError::Decode(fault)),
            }
        }
        Handler::XmlCharRefReplace | Handler::NameReplace => Err(CodecError::Other(TextError::type_error(
            "don't know how to handle UnicodeDecodeError in error callback",
        ))),
        Handler::Strict => Err(CodecError::Decode(fault)),
    }
}

/// What a built-in handler makes of text that cannot be encoded.
///
/// # Errors
/// The fault itself if the handler does not cope with it.
pub fn encode_with_handler(
    handler: Handler,
    encoding: Encoding,
    fault: Fault,
    text: &[u8],
) -> Result<(Replacement, usize), CodecError> {
    if fault.hopeless {
        return Err(CodecError::Encode(fault));
    }
    let bad = text.get(fault.bytes.0..fault.bytes.1).unwrap_or(&[]);
    let end = fault.end;
    let mut out = Vec::new();
    match handler {
        Handler::Ignore => {}
        Handler::Replace => out.resize(end - fault.start, b'?'),
        Handler::BackslashReplace => gutf8::code_points(bad).for_each(|cp| repr::push_escape(&mut out, cp)),
        Handler::XmlCharRefReplace => {
            gutf8::code_points(bad).for_each(|cp| out.extend_from_slice(format!("&#{cp};").as_bytes()));
        }
        Handler::NameReplace => {
            for cp in gutf8::code_points(bad) {
                match names::name(cp) {
                    Some(name) => out.extend_from_slice(format!("\\N{{{name}}}").as_bytes()),
                    None => repr::push_escape(&mut out, cp),
                }
            }
        }
        Handler::SurrogateEscape => {
            for cp in gutf8::code_points(bad) {
                match cp {
                    0xDC80..=0xDCFF => out.push((cp - 0xDC00) as u8),
                    _ => return Err(CodecError::Encode(fault)),
                }
            }
            return Ok((Replacement::Bytes(out), end));
        }
        Handler::SurrogatePass => {
            for cp in gutf8::code_points(bad).filter(|&cp| gutf8::is_surrogate(cp)) {
                match encoding {
                    Encoding::Utf8 | Encoding::Utf8Sig => gutf8::push(&mut out, cp),
                    Encoding::Utf16(Some(false)) => out.extend_from_slice(&(cp as u16).to_be_bytes()),
                    Encoding::Utf16(_) => out.extend_from_slice(&(cp as u16).to_le_bytes()),
                    Encoding::Utf32(Some(false)) => out.extend_from_slice(&cp.to_be_bytes()),
                    Encoding::Utf32(_) => out.extend_from_slice(&cp.to_le_bytes()),
                    _ => return Err(CodecError::Encode(fault)),
                }
            }
            if out.is_empty() {
                return Err(CodecError::Encode(fault));
            }
            return Ok((Replacement::Bytes(out), end));
        }
        Handler::Strict => return Err(CodecError::Encode(fault)),
    }
    Ok((Replacement::Text(out), end))
}
