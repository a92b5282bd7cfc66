//! Setting parts of a number, or a text, into a field.

use super::spec::{Align, FormatSpec, MAX_WIDTH, Sign};
use crate::text::gutf8::push;
use crate::text::{Result, TextError};

/// A number taken apart. Invariant: all parts are ASCII.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub negative: bool,
    /// `0x` and the like.
    pub prefix: &'static str,
    /// Digits before the point, to be grouped.
    pub whole: &'a [u8],
    /// The point.
    pub point: bool,
    /// Digits behind the point.
    pub fraction: &'a [u8],
    /// The exponent, a percent sign, or words such as `inf`.
    pub rest: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Takes apart what `float_text` wrote, with an optional percent sign behind.
    pub fn of_float(text: &'a [u8]) -> Self {
        let (negative, text) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = split_digits(text);
        let (point, rest) = match rest.strip_prefix(b".") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (fraction, rest) = if point { split_digits(rest) } else { (&[][..], rest) };
        Parts { negative, prefix: "", whole, point, fraction, rest }
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Fill characters before and behind a value that is `missing` too short.
fn padding(align: Align, missing: usize) -> (usize, usize) {
    match align {
        Align::Left => (0, missing),
        Align::Center => (missing / 2, missing - missing / 2),
        Align::Right | Align::AfterSign => (missing, 0),
    }
}

fn push_fill(out: &mut Vec<u8>, fill: u32, count: usize) {
    if count == 0 {
        return;
    }
    if fill < 0x80 {
        out.resize(out.len() + count, fill as u8);
    } else {
        for _ in 0..count {
            push(out, fill);
        }
    }
}

/// Refuses fields that no memory holds, before any of it is asked for.
pub(super) fn check_width(spec: &FormatSpec) -> Result<()> {
    if spec.width.is_some_and(|w| w > MAX_WIDTH) { Err(TextError::memory()) } else { Ok(()) }
}

/// A text of `length` code points in the field.
pub(super) fn lay_out_text(out: &mut Vec<u8>, text: &[u8], length: usize, spec: &FormatSpec) -> Result<()> {
    check_width(spec)?;
    let (before, behind) = padding(spec.align, spec.width.unwrap_or(0).saturating_sub(length));
    push_fill(out, spec.fill, before);
    out.extend_from_slice(text);
    push_fill(out, spec.fill, behind);
    Ok(())
}

/// Digits with separators, filled with zeros to `least` characters, separators included.
fn group(digits: &[u8], separator: u8, size: usize, least: usize) -> Vec<u8> {
    let mut reversed = Vec::with_capacity(digits.len().max(least) * 4 / 3 + 2);
    let (mut left, mut least) = (digits.len(), least);
    loop {
        let taken = left.max(least).max(1).min(size);
        let real = taken.min(left);
        reversed.extend(digits.get(left - real..left).unwrap_or(&[]).iter().rev());
        reversed.extend(std::iter::repeat_n(b'0', taken - real));
        left -= real;
        least = least.saturating_sub(taken);
        if left == 0 && least == 0 {
            break;
        }
        least = least.saturating_sub(1);
        reversed.push(separator);
    }
    reversed.reverse();
    reversed
}

/// Digits behind the point in groups of three, counted from the point.
fn group_fraction(digits: &[u8], separator: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len() * 4 / 3 + 1);
    for (i, digit) in digits.iter().enumerate() {
        if i > 0 && i % 3 == 0 {
            out.push(separator);
        }
        out.push(*digit);
    }
    out
}

/// A number in the field, its digits in groups of `size`.
pub(super) fn lay_out_number(out: &mut Vec<u8>, parts: &Parts<'_>, size: usize, spec: &FormatSpec) -> Result<()> {
    check_width(spec)?;
    let sign = match (parts.negative, spec.sign) {
        (true, _) => "-",
        (false, Some(Sign::Plus)) => "+",
        (false, Some(Sign::Space)) => " ",
        (false, _) => "",
    };
    let width = spec.width.unwrap_or(0);
    let point = if parts.point { "." } else { "" };
    let grouped;
    let fraction = match spec.fraction_grouping.separator() {
        None => parts.fraction,
        Some(separator) => {
            grouped = group_fraction(parts.fraction, separator as u8);
            &grouped
        }
    };
    let around = sign.len() + parts.prefix.len() + point.len() + fraction.len() + parts.rest.len();
    let zero_filled = spec.fill == '0' as u32 && spec.align == Align::AfterSign;
    let least = if zero_filled { width.saturating_sub(around) } else { 0 };
    let (mut zeros, mut whole) = (0, parts.whole);
    let separated;
    if !whole.is_empty() {
        match spec.grouping.separator() {
            None => zeros = least.saturating_sub(whole.len()),
            Some(separator) => {
                separated = group(whole, separator as u8, size, least);
                whole = &separated;
            }
        }
    }
    let missing = width.saturating_sub(around + zeros + whole.len());
    let (before, behind) = padding(spec.align, missing);
    let between = if spec.align == Align::AfterSign { before } else { 0 };
    out.reserve(around + zeros + whole.len() + missing);
    push_fill(out, spec.fill, before - between);
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(parts.prefix.as_bytes());
    push_fill(out, spec.fill, between);
    push_fill(out, '0' as u32, zeros);
    for part in [whole, point.as_bytes(), fraction, parts.rest] {
        out.extend_from_slice(part);
    }
    push_fill(out, spec.fill, behind);
    Ok(())
}
