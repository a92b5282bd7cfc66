//! UTF-16 and UTF-32, in either byte order, with or without a mark at the start.

use super::{Decoded, Fault};
use crate::text::gutf8;

/// The byte order, how many bytes of mark to skip, and the order that the mark told.
fn order(bytes: &[u8], given: Option<bool>, little: &[u8], big: &[u8]) -> (bool, usize, Option<bool>) {
    match given {
        Some(order) => (order, 0, None),
        None if bytes.starts_with(little) => (true, little.len(), Some(true)),
        None if bytes.starts_with(big) => (false, big.len(), Some(false)),
        // Without a mark the machine's own order is meant, taken to be little-endian everywhere.
        None => (true, 0, None),
    }
}

/// Errors name the order that was found, even for the codecs that look for a mark.
fn name(bits: &str, little: bool) -> String {
    format!("utf-{bits}-{}", if little { "le" } else { "be" })
}

pub(super) fn decode16<E>(
    bytes: &[u8],
    given: Option<bool>,
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let (little, skip, found) = order(bytes, given, &[0xFF, 0xFE], &[0xFE, 0xFF]);
    let name = name("16", little);
    let unit = |at: usize| match bytes.get(at..at + 2) {
        Some(&[a, b]) => Some(u32::from(if little { u16::from_le_bytes([a, b]) } else { u16::from_be_bytes([a, b]) })),
        _ => None,
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = skip;
    while at < bytes.len() {
        let (end, reason) = match unit(at) {
            None if !is_final => break,
            None => (bytes.len(), "truncated data"),
            Some(high @ 0xD800..=0xDBFF) => match unit(at + 2) {
                Some(low @ 0xDC00..=0xDFFF) => {
                    gutf8::push(&mut out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
                    at += 4;
                    continue;
                }
                Some(_) => (at + 2, "illegal UTF-16 surrogate"),
                None if !is_final => break,
                None => (bytes.len(), "unexpected end of data"),
            },
            Some(0xDC00..=0xDFFF) => (at + 2, "illegal encoding"),
            Some(cp) => {
                gutf8::push(&mut out, cp);
                at += 2;
                continue;
            }
        };
        let (replacement, resume) = on_fault(Fault::new(&name, at, end, reason))?;
        out.extend_from_slice(&replacement);
        at = resume.min(bytes.len());
    }
    Ok(Decoded { text: out, consumed: at, little_endian: found, note: None })
}

pub(super) fn decode32<E>(
    bytes: &[u8],
    given: Option<bool>,
    is_final: bool,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let (little, skip, found) = order(bytes, given, &[0xFF, 0xFE, 0, 0], &[0, 0, 0xFE, 0xFF]);
    let name = name("32", little);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = skip;
    while at < bytes.len() {
        let unit = match bytes.get(at..at + 4) {
            Some(&[a, b, c, d]) => {
                Some(if little { u32::from_le_bytes([a, b, c, d]) } else { u32::from_be_bytes([a, b, c, d]) })
            }
            _ => None,
        };
        let (end, reason) = match unit {
            None if !is_final => break,
            None => (bytes.len(), "truncated data"),
            Some(0xD800..=0xDFFF) => (at + 4, "code point in surrogate code point range(0xd800, 0xe000)"),
            Some(cp) if cp <= gutf8::MAX_CODE_POINT => {
                gutf8::push(&mut out, cp);
                at += 4;
                continue;
            }
            Some(_) => (at + 4, "code point not in range(0x110000)"),
        };
        let (replacement, resume) = on_fault(Fault::new(&name, at, end, reason))?;
        out.extend_from_slice(&replacement);
        at = resume.min(bytes.len());
    }
    Ok(Decoded { text: out, consumed: at, little_endian: found, note: None })
}

pub(super) fn encode16_one(cp: u32, order: Option<bool>, out: &mut Vec<u8>) -> bool {
    if gutf8::is_surrogate(cp) {
        return false;
    }
    let mut put = |unit: u16| {
        out.extend_from_slice(&if order == Some(false) { unit.to_be_bytes() } else { unit.to_le_bytes() });
    };
    if cp < 0x10000 {
        put(cp as u16);
    } else {
        put(0xD800 + ((cp - 0x10000) >> 10) as u16);
        put(0xDC00 + ((cp - 0x10000) & 0x3FF) as u16);
    }
    true
}

pub(super) fn encode32_one(cp: u32, order: Option<bool>, out: &mut Vec<u8>) -> bool {
    if gutf8::is_surrogate(cp) {
        return false;
    }
    out.extend_from_slice(&if order == Some(false) { cp.to_be_bytes() } else { cp.to_le_bytes() });
    true
}
