//! Text to bytes and back.
//!
//! Each codec reports what it cannot do as a `Fault` to a handler, which says what takes the
//! place of the faulty stretch and where to go on. The handlers that Python knows by name are in
//! `handlers`; those that scripts register come as closures. Offsets into text are in code
//! points, into bytes in bytes. Invariant: a handler that returns a place within the input
//! always leads to an end, for every codec checks that place.

pub mod ascii_armor;
mod escapes;
mod handlers;
mod multibyte;
mod names;
mod single;
mod single_tables;
mod transform;
mod utf16;
mod utf8;

pub use escapes::EscapeNote;
pub use handlers::{Handler, decode_with_handler, encode_with_handler};
pub use names::{Encoding, normalize_name};
pub use transform::{from_base64, from_hex, rot13, to_base64, to_hex};

use super::gutf8;

/// A stretch of input that a codec cannot handle: the attributes of `UnicodeDecodeError` and
/// `UnicodeEncodeError` besides the object itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The codec's name.
    pub encoding: String,
    /// Where it starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Why.
    pub reason: String,
    /// The same stretch in bytes of the text, so that handlers need not walk there.
    pub bytes: (usize, usize),
    /// Whether the handler's own replacement could not be encoded, so that only failing is left.
    pub hopeless: bool,
}

/// What a handler puts in the place of a faulty stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Text; when encoding, it is encoded in turn, and must be encodable.
    Text(Vec<u8>),
    /// Bytes; only when encoding.
    Bytes(Vec<u8>),
}

/// A codec's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// `UnicodeDecodeError`
    Decode(Fault),
    /// `UnicodeEncodeError`
    Encode(Fault),
    /// `LookupError: unknown error handler name '…'`, or an error of another kind.
    Other(super::TextError),
}

impl Fault {
    fn new(encoding: &str, start: usize, end: usize, reason: &str) -> Self {
        Fault {
            encoding: encoding.to_owned(),
            start,
            end,
            reason: reason.to_owned(),
            bytes: (start, end),
            hopeless: false,
        }
    }

    /// The text of a `UnicodeDecodeError` about the bytes.
    pub fn decode_message(&self, bytes: &[u8]) -> String {
        let Fault { encoding, start, end, reason, .. } = self;
        match bytes.get(*start) {
            Some(byte) if *end == start + 1 => {
                format!("'{encoding}' codec can't decode byte 0x{byte:02x} in position {start}: {reason}")
            }
            _ => {
                let last = end.saturating_sub(1);
                format!("'{encoding}' codec can't decode bytes in position {start}-{last}: {reason}")
            }
        }
    }

    /// The text of a `UnicodeEncodeError` about the text.
    pub fn encode_message(&self, text: &[u8]) -> String {
        let Fault { encoding, start, end, reason, .. } = self;
        match gutf8::get(text, None, *start) {
            Some(cp) if *end == start + 1 => {
                let mut shown = Vec::new();
                super::repr::push_escape(&mut shown, cp);
                let shown = String::from_utf8_lossy(&shown);
                format!("'{encoding}' codec can't encode character '{shown}' in position {start}: {reason}")
            }
            _ => {
                let last = end.saturating_sub(1);
                format!("'{encoding}' codec can't encode characters in position {start}-{last}: {reason}")
            }
        }
    }

    /// The text of a `UnicodeTranslateError` about the text.
    pub fn translate_message(&self, text: &[u8]) -> String {
        let Fault { start, end, reason, .. } = self;
        match gutf8::get(text, None, *start) {
            Some(cp) if *end == start + 1 => {
                let mut shown = Vec::new();
                super::repr::push_escape(&mut shown, cp);
                let shown = String::from_utf8_lossy(&shown);
                format!("can't translate character '{shown}' in position {start}: {reason}")
            }
            _ => {
                format!("can't translate characters in position {start}-{}: {reason}", end.saturating_sub(1))
            }
        }
    }
}

/// What a decoder made of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: Vec<u8>,
    /// How many bytes were used; all of them unless more input was promised.
    pub consumed: usize,
    /// The byte order found, for UTF-16 and UTF-32 without one in their name.
    pub little_endian: Option<bool>,
    /// A warning that the escape codecs give.
    pub note: Option<EscapeNote>,
}

impl Decoded {
    fn all(text: Vec<u8>, consumed: usize) -> Self {
        Decoded { text, consumed, little_endian: None, note: None }
    }
}

/// Decodes bytes. Without `is_final`, an unfinished sequence at the end is left unconsumed.
///
/// `on_fault` gets what cannot be decoded and returns replacement text and the offset to go on
/// at; an offset outside the input is the caller's to refuse (`IndexError: position … from error
/// handler out of bounds`) and is clipped here.
///
/// # Errors
/// What `on_fault` returns.
pub fn decode<E>(
    encoding: Encoding,
    bytes: &[u8],
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    match encoding {
        Encoding::Utf8 => utf8::decode(bytes, is_final, "utf-8", on_fault),
        Encoding::Utf8Sig => {
            const BOM: &[u8] = b"\xEF\xBB\xBF";
            if !is_final && bytes.len() < BOM.len() && BOM.starts_with(bytes) {
                return Ok(Decoded::all(Vec::new(), 0));
            }
            let skip = if bytes.starts_with(BOM) { BOM.len() } else { 0 };
            let mut decoded = utf8::decode(bytes.get(skip..).unwrap_or(&[]), is_final, "utf-8", on_fault)?;
            decoded.consumed += skip;
            Ok(decoded)
        }
        Encoding::Utf16(order) => utf16::decode16(bytes, order, is_final, on_fault),
        Encoding::Utf32(order) => utf16::decode32(bytes, order, is_final, on_fault),
        Encoding::Latin1 => Ok(Decoded::all(single::decode_latin1(bytes), bytes.len())),
        Encoding::Ascii => single::decode_ascii(bytes, on_fault),
        Encoding::Charmap(table) => single::decode_charmap(bytes, table, on_fault),
        Encoding::Multibyte(index) => multibyte::decode(bytes, index, is_final, on_fault),
        Encoding::UnicodeEscape => escapes::decode(bytes, is_final, on_fault),
        Encoding::RawUnicodeEscape => escapes::decode_raw(bytes, is_final, on_fault),
    }
}

/// Encodes text.
///
/// `on_fault` gets what cannot be encoded and returns its replacement and the code point to go
/// on at, which is clipped to the text. If the replacement cannot be encoded either, it gets the
/// same fault once more with `hopeless` set, and has to fail; what it returns then is dropped.
///
/// # Errors
/// What `on_fault` returns.
pub fn encode<E>(
    encoding: Encoding,
    text: &[u8],
    on_fault: &mut dyn FnMut(Fault) -> Result<(Replacement, usize), E>,
) -> Result<Vec<u8>, E> {
    if text.is_ascii() && encoding.extends_ascii() {
        return Ok(text.to_vec());
    }
    match encoding {
        Encoding::Utf8 => utf8::encode(text, on_fault),
        Encoding::Utf8Sig => {
            let mut out = b"\xEF\xBB\xBF".to_vec();
            out.extend(utf8::encode(text, on_fault)?);
            Ok(out)
        }
        Encoding::UnicodeEscape => Ok(escapes::encode(text)),
        Encoding::RawUnicodeEscape => Ok(escapes::encode_raw(text)),
        _ => stepwise(encoding, text, on_fault),
    }
}

/// Encodes one code point, or says no.
fn encode_one(encoding: Encoding, cp: u32, out: &mut Vec<u8>) -> bool {
    match encoding {
        Encoding::Utf16(order) => utf16::encode16_one(cp, order, out),
        Encoding::Utf32(order) => utf16::encode32_one(cp, order, out),
        Encoding::Latin1 => single::push_if(cp, 0x100, out),
        Encoding::Ascii => single::push_if(cp, 0x80, out),
        Encoding::Charmap(table) => single::encode_charmap_one(cp, table, out),
        Encoding::Multibyte(index) => multibyte::encode_one(cp, index, out),
        _ => {
            gutf8::push(out, cp);
            true
        }
    }
}

/// The byte offset of the code point to go on at, usually the end of the fault, known already.
fn resume_at(text: &[u8], resume: usize, (end, byte_end): (usize, usize)) -> usize {
    match resume.checked_sub(end) {
        Some(more) => byte_end + gutf8::byte_offset(text.get(byte_end..).unwrap_or(&[]), more),
        None => gutf8::byte_offset(text, resume),
    }
}

/// The loop of all encoders that go code point by code point. Codecs of one byte a character
/// report a whole run of faulty ones at once, the others each by itself.
fn stepwise<E>(
    encoding: Encoding,
    text: &[u8],
    on_fault: &mut dyn FnMut(Fault) -> Result<(Replacement, usize), E>,
) -> Result<Vec<u8>, E> {
    let in_runs = matches!(encoding, Encoding::Latin1 | Encoding::Ascii | Encoding::Charmap(_));
    let mut out = Vec::with_capacity(text.len());
    match encoding {
        Encoding::Utf16(None) => out.extend_from_slice(&[0xFF, 0xFE]),
        Encoding::Utf32(None) => out.extend_from_slice(&[0xFF, 0xFE, 0, 0]),
        _ => {}
    }
    let length = gutf8::count(text);
    let (mut at, mut byte) = (0, 0);
    while let Some((cp, len)) = gutf8::decode_at(text, byte) {
        if encode_one(encoding, cp, &mut out) {
            at += 1;
            byte += len;
            continue;
        }
        let (mut end, mut byte_end) = (at + 1, byte + len);
        let mut scratch = Vec::new();
        while in_runs
            && let Some((cp, len)) = gutf8::decode_at(text, byte_end)
            && !encode_one(encoding, cp, &mut scratch)
        {
            end += 1;
            byte_end += len;
        }
        let mut fault = Fault::new(encoding.error_name(), at, end, encoding.encode_reason());
        fault.bytes = (byte, byte_end);
        let (replacement, resume) = on_fault(fault.clone())?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(replacement) => {
                let good = gutf8::code_points(&replacement).all(|cp| encode_one(encoding, cp, &mut out));
                if !good {
                    // The replacement cannot be encoded either: the first fault stands.
                    on_fault(Fault { hopeless: true, ..fault })?;
                }
            }
        }
        byte = resume_at(text, resume, (end, byte_end));
        at = resume.min(length);
    }
    Ok(out)
}

/// Decodes under a handler known by name.
///
/// # Errors
/// `UnicodeDecodeError` if the handler gives up, `LookupError` if there is no such handler.
pub fn decode_named(encoding: Encoding, bytes: &[u8], errors: &str) -> Result<Vec<u8>, CodecError> {
    let mut on_fault = |fault: Fault| decode_with_handler(Handler::named(errors)?, encoding, fault, bytes);
    decode(encoding, bytes, true, &mut on_fault).map(|decoded| decoded.text)
}

/// Encodes under a handler known by name.
///
/// # Errors
/// `UnicodeEncodeError` if the handler gives up, `LookupError` if there is no such handler.
pub fn encode_named(encoding: Encoding, text: &[u8], errors: &str) -> Result<Vec<u8>, CodecError> {
    let mut on_fault = |fault: Fault| encode_with_handler(Handler::named(errors)?, encoding, fault, text);
    encode(encoding, text, &mut on_fault)
}

#[cfg(test)]
mod tests;
