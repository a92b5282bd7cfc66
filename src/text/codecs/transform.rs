//! Transformations of bytes to bytes and text to text: hexadecimal, base 64, rot13.

use crate::text::gutf8::{code_points, push};
use crate::text::{Kind, Result, TextError};

/// The digits of bytes, in small letters.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

/// `bytes.fromhex`: digits in pairs, white space between pairs.
///
/// # Errors
/// `ValueError` for anything else.
pub fn from_hex(text: &[u8]) -> Result<Vec<u8>> {
    let units: Vec<u32> = code_points(text).collect();
    let wrong =
        |at: usize| Err(TextError::value(format!("non-hexadecimal number found in fromhex() arg at position {at}")));
    let digit = |at: usize| units.get(at).and_then(|&cp| char::from_u32(cp)).and_then(|c| c.to_digit(16));
    let mut out = Vec::with_capacity(units.len() / 2);
    let mut at = 0;
    while let Some(&unit) = units.get(at) {
        if matches!(unit, 0x20 | 0x09..=0x0D) {
            at += 1;
            continue;
        }
        let Some(high) = digit(at) else { return wrong(at) };
        if at + 1 >= units.len() {
            return Err(TextError::value("fromhex() arg must contain an even number of hexadecimal digits"));
        }
        let Some(low) = digit(at + 1) else { return wrong(at + 1) };
        out.push((high * 16 + low) as u8);
        at += 2;
    }
    Ok(out)
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base 64 with padding, without line ends.
pub fn to_base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0u32, |acc, &b| (acc << 8) | u32::from(b)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = BASE64[(value >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    out
}

fn value_of(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// `binascii.a2b_base64`: other characters are skipped unless `strict`.
///
/// # Errors
/// `binascii.Error` for wrong padding and, if `strict`, for anything irregular.
pub fn from_base64(text: &[u8], strict: bool) -> Result<Vec<u8>> {
    let wrong = |message: &str| Err(TextError::new(Kind::Binascii, message));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut rest, mut place, mut pads, mut digits) = (0u32, 0, 0, 0usize);
    for (at, &b) in text.iter().enumerate() {
        if b == b'=' {
            if strict {
                match (at, place, place + pads) {
                    (0, ..) => return wrong("Leading padding not allowed"),
                    (_, 0, _) | (_, _, 4..) => return wrong("Excess padding not allowed"),
                    (_, 1, _) => return wrong("Discontinuous padding not allowed"),
                    _ => {}
                }
            }
            if place >= 2 {
                pads += 1;
            }
            continue;
        }
        let Some(value) = value_of(b) else {
            if strict {
                return wrong("Only base64 data is allowed");
            }
            continue;
        };
        if strict && pads > 0 {
            let complete = place + pads >= 4;
            let message = if complete { "Excess data after padding" } else { "Discontinuous padding not allowed" };
            return wrong(message);
        }
        pads = 0;
        digits += 1;
        let joined = (rest << 6) | value;
        if place > 0 {
            out.push((joined >> (6 - 2 * place)) as u8);
        }
        rest = joined & 0x3F;
        place = (place + 1) % 4;
    }
    match place {
        0 => Ok(out),
        1 => wrong(&format!(
            "Invalid base64-encoded string: number of data characters ({digits}) cannot be 1 more than a multiple of 4"
        )),
        _ if place + pads < 4 => wrong("Incorrect padding"),
        _ => Ok(out),
    }
}

/// Letters moved by thirteen places.
pub fn rot13(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for cp in code_points(text) {
        let turned = match cp {
            0x41..=0x5A => (cp - 0x41 + 13) % 26 + 0x41,
            0x61..=0x7A => (cp - 0x61 + 13) % 26 + 0x61,
            _ => cp,
        };
        push(&mut out, turned);
    }
    out
}
