//! What `int`, `float` and `complex` read from text: digits of any script, underscores between
//! digits, white space around.
//!
//! Error messages need the object's `repr`; callers pass it as a closure so that it is only made
//! when needed. Invariant: no input takes more than one pass, and conversions of decimal text to
//! large integers respect the limit on digits.

use super::int_text::limit_error;
use crate::bigint::BigInt;
use crate::text::gutf8::code_points;
use crate::text::{Result, TextError, unicode};

/// An integer that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParsedInt {
    /// It fits 64 bits.
    Small(i64),
    /// It does not.
    Big(BigInt),
}

/// What C calls white space.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0D)
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&b| !is_blank(b)).unwrap_or(text.len());
    let end = text.iter().rposition(|&b| !is_blank(b)).map_or(start, |at| at + 1);
    text.get(start..end).unwrap_or(&[])
}

/// Text with digits of all scripts as ASCII digits, other white space as blanks, and any other
/// character outside ASCII as a question mark.
fn simplify(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if text.is_ascii() {
        return text.into();
    }
    code_points(text)
        .map(|cp| match cp {
            0..=0x7F => cp as u8,
            _ if unicode::is_space(cp) => b' ',
            _ => unicode::decimal_value(cp).map_or(b'?', |d| b'0' + d as u8),
        })
        .collect::<Vec<u8>>()
        .into()
}

/// `int(text, base)`. Pass bytes objects with `ascii_only`, since their bytes are no code points.
///
/// # Errors
/// `ValueError` for a wrong base, for text that is no integer, and beyond `max_digits` digits
/// (zero: no limit) where the base is no power of two.
pub fn parse_int(
    text: &[u8],
    base: i64,
    max_digits: usize,
    ascii_only: bool,
    repr: impl FnOnce() -> String,
) -> Result<ParsedInt> {
    if base != 0 && !(2..=36).contains(&base) {
        return Err(TextError::value("int() base must be >= 2 and <= 36, or 0"));
    }
    let simple = if ascii_only { text.into() } else { simplify(text) };
    match int_body(trim(&simple), base as u32, max_digits)? {
        Some(value) => Ok(value),
        None => Err(TextError::value(format!("invalid literal for int() with base {base}: {}", repr()))),
    }
}

/// The integer of up to 18 ASCII digits, perhaps with a minus sign, and nothing else: what programs mostly read.
#[inline]
pub fn parse_small(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut n = 0i64;
    for &b in digits {
        let d = b.wrapping_sub(b'0');
        if d > 9 {
            return None;
        }
        n = n * 10 + i64::from(d);
    }
    Some(if negative { -n } else { n })
}

/// The number of digits, a point and an exponent in ASCII and nothing else: what programs mostly read.
#[inline]
pub fn parse_plain_float(text: &[u8]) -> Option<f64> {
    if text.len() > 24 || !text.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `Ok(None)` if it is no integer.
fn int_body(text: &[u8], base: u32, max_digits: usize) -> Result<Option<ParsedInt>> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let prefix = match rest {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 0,
    };
    let (radix, digits, old_octal) = if prefix != 0 && (base == 0 || base == prefix) {
        let body = rest.get(2..).unwrap_or(&[]);
        (prefix, body.strip_prefix(b"_").unwrap_or(body), false)
    } else if base == 0 {
        (10, rest, rest.first() == Some(&b'0'))
    } else {
        (base, rest, false)
    };
    let mut small: Option<u64> = Some(0);
    let mut count = 0usize;
    let mut last_underscore = true;
    let mut complete = true;
    for &b in digits {
        if b == b'_' && !last_underscore {
            last_underscore = true;
            continue;
        }
        let Some(d) = char::from(b).to_digit(radix) else {
            complete = false;
            break;
        };
        last_underscore = false;
        count += 1;
        small = small.and_then(|n| n.checked_mul(u64::from(radix))?.checked_add(u64::from(d)));
    }
    if count == 0 || last_underscore {
        return Ok(None);
    }
    if max_digits > 0 && count > max_digits && !radix.is_power_of_two() {
        return Err(limit_error(max_digits, Some(count)));
    }
    if !complete || (old_octal && small != Some(0)) {
        return Ok(None);
    }
    let fitting = small.and_then(|n| i64::try_from(n).ok());
    if let Some(n) = fitting {
        return Ok(Some(ParsedInt::Small(if negative { -n } else { n })));
    }
    let clean: String = digits.iter().filter(|&&b| b != b'_').map(|&b| char::from(b)).collect();
    let Some(n) = BigInt::parse(&clean, radix) else { return Ok(None) };
    let n = if negative { -&n } else { n };
    Ok(Some(n.to_i64().map_or_else(|| ParsedInt::Big(n), ParsedInt::Small)))
}

/// `float(text)`. Pass bytes objects with `ascii_only`.
///
/// # Errors
/// `ValueError` for text that is no number.
pub fn parse_float(text: &[u8], ascii_only: bool, repr: impl FnOnce() -> String) -> Result<f64> {
    let simple = if ascii_only { text.into() } else { simplify(text) };
    let body = trim(&simple);
    match float_prefix(body) {
        Some((x, len)) if len == body.len() => Ok(x),
        _ => Err(TextError::value(format!("could not convert string to float: {}", repr()))),
    }
}

/// How far digits with underscores between them go.
fn digit_run(text: &[u8]) -> usize {
    let mut len = 0;
    loop {
        match text.get(len) {
            Some(b) if b.is_ascii_digit() => len += 1,
            Some(b'_') if len > 0 && text.get(len + 1).is_some_and(u8::is_ascii_digit) => len += 2,
            _ => return len,
        }
    }
}

fn starts_with_word(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
}

/// The longest number at the start of the text, and its length.
fn float_prefix(text: &[u8]) -> Option<(f64, usize)> {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let negative = text.first() == Some(&b'-');
    let rest = text.get(sign..)?;
    let signed = |x: f64| if negative { -x } else { x };
    for (word, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if starts_with_word(rest, word) {
            return Some((signed(value), sign + word.len()));
        }
    }
    let whole = digit_run(rest);
    let mut len = whole;
    let mut fraction = 0;
    if rest.get(len) == Some(&b'.') {
        fraction = digit_run(rest.get(len + 1..)?);
        len += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    if matches!(rest.get(len), Some(b'e' | b'E')) {
        let mark = 1 + usize::from(matches!(rest.get(len + 1), Some(b'+' | b'-')));
        let exponent = digit_run(rest.get(len + mark..).unwrap_or(&[]));
        if exponent > 0 {
            len += mark + exponent;
        }
    }
    let number = rest.get(..len)?;
    let value: f64 = if number.contains(&b'_') {
        let clean: Vec<u8> = number.iter().copied().filter(|&b| b != b'_').collect();
        std::str::from_utf8(&clean).ok()?.parse().ok()?
    } else {
        std::str::from_utf8(number).ok()?.parse().ok()?
    };
    Some((signed(value), sign + len))
}

/// `complex(text)`: real and imaginary part.
///
/// # Errors
/// `ValueError` for text that is no complex number.
pub fn parse_complex(text: &[u8], repr: impl FnOnce() -> String) -> Result<(f64, f64)> {
    let simple = simplify(text);
    if simple.contains(&b'_') && !underscores_well_placed(&simple) {
        return Err(TextError::value(format!("could not convert string to complex: {}", repr())));
    }
    let body = trim(&simple);
    let body = match body {
        [b'(', inner @ .., b')'] => trim(inner),
        _ => body,
    };
    complex_body(body).ok_or_else(|| TextError::value("complex() arg is a malformed string"))
}

fn underscores_well_placed(text: &[u8]) -> bool {
    text.windows(3).filter(|w| w[1] == b'_').all(|w| w[0].is_ascii_digit() && w[2].is_ascii_digit())
        && text.first() != Some(&b'_')
        && text.last() != Some(&b'_')
}

fn complex_body(text: &[u8]) -> Option<(f64, f64)> {
    let is_j = |rest: &[u8]| matches!(rest, [b'j' | b'J']);
    // A sign, or nothing, in front of the j stands for one.
    let bare = |rest: &[u8]| match rest {
        [b'j' | b'J'] | [b'+', b'j' | b'J'] => Some(1.0),
        [b'-', b'j' | b'J'] => Some(-1.0),
        _ => None,
    };
    if let Some(im) = bare(text) {
        return Some((0.0, im));
    }
    let (first, len) = float_prefix(text)?;
    let rest = text.get(len..)?;
    if rest.is_empty() {
        return Some((first, 0.0));
    }
    if is_j(rest) {
        return Some((0.0, first));
    }
    if !matches!(rest.first(), Some(b'+' | b'-')) {
        return None;
    }
    if let Some(im) = bare(rest) {
        return Some((first, im));
    }
    let (second, len) = float_prefix(rest)?;
    if is_j(rest.get(len..)?) { Some((first, second)) } else { None }
}
