//! Doubles in base sixteen: `float.hex` and `float.fromhex`.

use crate::text::{Result, TextError};

/// `float.hex`.
pub fn to_hex(x: f64) -> String {
    if !x.is_finite() {
        return super::float_text::repr(x);
    }
    let sign = if x.is_sign_negative() { "-" } else { "" };
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7FF) as i32;
    let fraction = bits & ((1 << 52) - 1);
    match (exponent, fraction) {
        (0, 0) => format!("{sign}0x0.0p+0"),
        (0, _) => format!("{sign}0x0.{fraction:013x}p-1022"),
        _ => format!("{sign}0x1.{fraction:013x}p{:+}", exponent - 1023),
    }
}

fn invalid() -> TextError {
    TextError::value("invalid hexadecimal floating-point string")
}

fn too_large() -> TextError {
    TextError::overflow("hexadecimal value too large to represent as a float")
}

/// `float.fromhex`.
///
/// # Errors
/// `ValueError` for what is no such number, `OverflowError` for one too large.
pub fn from_hex(text: &[u8]) -> Result<f64> {
    let text = text.trim_ascii_start();
    // A vertical tab is white space to C, though not to Rust.
    let blank = |b: &u8| b.is_ascii_whitespace() || *b == 0x0B;
    let start = text.iter().position(|b| !blank(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|b| !blank(b)).map_or(start, |at| at + 1);
    let body = text.get(start..end).unwrap_or(&[]);
    let (negative, body) = match body {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, body),
    };
    let lower = body.to_ascii_lowercase();
    let x = match lower.as_slice() {
        b"inf" | b"infinity" => f64::INFINITY,
        b"nan" => f64::NAN,
        [b'0', b'x', rest @ ..] => magnitude(rest)?,
        rest => magnitude(rest)?,
    };
    Ok(if negative { -x } else { x })
}

/// Digits with an optional point and binary exponent, in lower case, without a prefix.
fn magnitude(text: &[u8]) -> Result<f64> {
    let (mantissa, exponent) = match text.iter().position(|&b| b == b'p') {
        Some(at) => (text.get(..at).unwrap_or(&[]), exponent(text.get(at + 1..).unwrap_or(&[]))?),
        None => (text, 0),
    };
    let (mut digits, mut after_point, mut point) = (Vec::with_capacity(mantissa.len()), 0i64, false);
    for &b in mantissa {
        match char::from(b).to_digit(16) {
            Some(d) => {
                digits.push(d as u8);
                after_point += i64::from(point);
            }
            None if b == b'.' && !point => point = true,
            None => return Err(invalid()),
        }
    }
    if digits.is_empty() {
        return Err(invalid());
    }
    // 64 bits are enough to round by; what lies below only breaks ties.
    let leading = digits.iter().position(|&d| d != 0);
    let Some(leading) = leading else { return Ok(0.0) };
    let digits = digits.get(leading..).unwrap_or(&[]);
    let used = digits.len().min(15);
    let value = digits.iter().take(used).fold(0u64, |acc, &d| (acc << 4) | u64::from(d));
    let sticky = digits.iter().skip(used).any(|&d| d != 0);
    let lowest = exponent
        .saturating_sub(after_point.saturating_mul(4))
        .saturating_add(((digits.len() - used) as i64).saturating_mul(4));
    round(value, sticky, lowest)
}

fn exponent(text: &[u8]) -> Result<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid());
    }
    let value = digits.iter().fold(0i64, |acc, &b| acc.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    let value = value.min(i64::MAX / 8);
    Ok(if negative { -value } else { value })
}

/// `value * 2^lowest`, a little more if `sticky`, rounded half to even.
fn round(value: u64, sticky: bool, lowest: i64) -> Result<f64> {
    let bits = 64 - i64::from(value.leading_zeros());
    let top = bits.saturating_add(lowest);
    if top > 1024 {
        return Err(too_large());
    }
    if top < -1074 {
        return Ok(0.0);
    }
    let last = (top - 53).max(-1074);
    let drop = last - lowest;
    let mut kept = if drop > 0 { value.checked_shr(drop as u32).unwrap_or(0) } else { value << -drop };
    if drop > 0 {
        let half = 1u64.checked_shl(drop as u32 - 1).unwrap_or(0);
        let rest = value & half.wrapping_mul(2).wrapping_sub(1);
        let above = rest > half || (rest == half && sticky);
        if above || (rest == half && kept & 1 == 1) {
            kept += 1;
        }
    }
    // Adding the significand onto the exponent field carries over by itself.
    let pattern = if last == -1074 { kept } else { (((last + 1074) as u64) << 52) + kept };
    let x = f64::from_bits(pattern);
    if x.is_finite() { Ok(x) } else { Err(too_large()) }
}
