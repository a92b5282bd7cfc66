//! Setting parts of a number, or a text, into a field.

use super::spec::{Align, FormatSpec, Grouping, MAX_WIDTH, Sign};
use crate::text::gutf8::push;
use crate::text::{Result, TextError};

/// A number taken apart. Invariant: all parts are ASCII.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub negative: bool,
    /// `0x` and the like.
    pub prefix: &'a str,
    /// Digits before the point, to be grouped.
    pub whole: &'a str,
    /// The point.
    pub point: bool,
    /// Digits behind the point.
    pub fraction: &'a str,
    /// The exponent, a percent sign, or words such as `inf`.
    pub rest: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes apart what `float_text` wrote, with an optional percent sign behind.
    pub fn of_float(text: &'a str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, rest) = split_digits(text);
        let (point, rest) = match rest.strip_prefix('.') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (fraction, rest) = if point { split_digits(rest) } else { ("", rest) };
        Parts { negative, prefix: "", whole, point, fraction, rest }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
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
pub(super) fn lay_out_text(text: &[u8], length: usize, spec: &FormatSpec) -> Result<Vec<u8>> {
    check_width(spec)?;
    let (before, behind) = padding(spec.align, spec.width.unwrap_or(0).saturating_sub(length));
    let mut out = Vec::with_capacity(text.len() + before + behind);
    push_fill(&mut out, spec.fill, before);
    out.extend_from_slice(text);
    push_fill(&mut out, spec.fill, behind);
    Ok(out)
}

/// Digits with separators, filled with zeros to `least` characters, separators included.
fn group(digits: &str, separator: Option<char>, size: usize, least: usize) -> String {
    let Some(separator) = separator else {
        let mut out = "0".repeat(least.saturating_sub(digits.len()));
        out.push_str(digits);
        return out;
    };
    let mut reversed = Vec::with_capacity(digits.len().max(least) * 4 / 3 + 2);
    let (mut left, mut least) = (digits.len(), least);
    loop {
        let taken = left.max(least).max(1).min(size);
        let real = taken.min(left);
        reversed.extend(digits.as_bytes().get(left - real..left).unwrap_or(&[]).iter().rev());
        reversed.extend(std::iter::repeat_n(b'0', taken - real));
        left -= real;
        least = least.saturating_sub(taken);
        if left == 0 && least == 0 {
            break;
        }
        least = least.saturating_sub(1);
        reversed.push(separator as u8);
    }
    reversed.reverse();
    String::from_utf8(reversed).unwrap_or_default()
}

/// Digits behind the point in groups of three, counted from the point.
fn group_fraction(digits: &str, grouping: Grouping) -> String {
    let Some(separator) = grouping.separator() else { return digits.to_owned() };
    let mut out = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && i % 3 == 0 {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

/// A number in the field, its digits in groups of `size`.
pub(super) fn lay_out_number(parts: &Parts<'_>, size: usize, spec: &FormatSpec) -> Result<Vec<u8>> {
    check_width(spec)?;
    let sign = match (parts.negative, spec.sign) {
        (true, _) => "-",
        (false, Some(Sign::Plus)) => "+",
        (false, Some(Sign::Space)) => " ",
        (false, _) => "",
    };
    let width = spec.width.unwrap_or(0);
    let point = if parts.point { "." } else { "" };
    let fraction = group_fraction(parts.fraction, spec.fraction_grouping);
    let around = sign.len() + parts.prefix.len() + point.len() + fraction.len() + parts.rest.len();
    let zero_filled = spec.fill == '0' as u32 && spec.align == Align::AfterSign;
    let least = if zero_filled { width.saturating_sub(around) } else { 0 };
    let whole =
        if parts.whole.is_empty() { String::new() } else { group(parts.whole, spec.grouping.separator(), size, least) };
    let missing = width.saturating_sub(around + whole.len());
    let mut out = Vec::with_capacity(around + whole.len() + missing);
    let (before, behind) = padding(spec.align, missing);
    let between = if spec.align == Align::AfterSign { before } else { 0 };
    push_fill(&mut out, spec.fill, before - between);
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(parts.prefix.as_bytes());
    push_fill(&mut out, spec.fill, between);
    for part in [&whole, point, &fraction, parts.rest] {
        out.extend_from_slice(part.as_bytes());
    }
    push_fill(&mut out, spec.fill, behind);
    Ok(out)
}
