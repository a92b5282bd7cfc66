//! Doubles in decimal: the shortest text that reads back the same, and the `e`, `f`, `g` styles
//! with exact digits, correctly rounded.
//!
//! Ryu and Rust's formatter supply the digits; the rules when to use an exponent, and how it is
//! written, are Python's. Invariant: the result is ASCII and ends with neither blank nor padding.

use super::digits::Digits;

/// How a double shall be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Always with an exponent; the precision counts digits after the point.
    Exponent,
    /// Never with an exponent; the precision counts digits after the point.
    Fixed,
    /// As it fits; the precision counts significant digits.
    General,
    /// The shortest digits that read back as the same double.
    Shortest,
}

/// The style with its options.
#[derive(Clone, Copy, Debug)]
pub struct FloatFormat {
    /// The kind of notation.
    pub style: Style,
    /// The precision; ignored by `Style::Shortest`.
    pub precision: usize,
    /// `#`: keep the point and, in general style, trailing zeros.
    pub alternate: bool,
    /// Add `.0` to what would look like an integer.
    pub point_zero: bool,
    /// Use `E`, `INF` and `NAN`.
    pub upper: bool,
}

impl FloatFormat {
    /// The format of `repr`.
    pub const REPR: FloatFormat =
        FloatFormat { style: Style::Shortest, precision: 0, alternate: false, point_zero: true, upper: false };

    /// A style with a precision and no options.
    pub fn new(style: Style, precision: usize) -> Self {
        FloatFormat { style, precision, alternate: false, point_zero: false, upper: false }
    }
}

/// No double has more significant digits, nor more digits behind the point.
const MOST_DIGITS: usize = 1100;

/// Splits Rust's `d.ddde±x` into digits and the place of the point behind the first of them.
fn split_exponent(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(char::from).collect();
    (digits, exponent.parse::<i32>().unwrap_or(0) + 1)
}

/// The shortest digits of a finite positive double, and the place of the decimal point.
///
/// Of two shortest texts at the same distance the even one is taken, as Python does and Rust's
/// own formatter does not.
pub fn shortest_digits(x: f64) -> (String, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(x);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let point = whole.len() as i32 - (all.len() - digits.len()) as i32 + exponent.parse::<i32>().unwrap_or(0);
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() { ("0".to_owned(), 1) } else { (digits.to_owned(), point) }
}

/// `repr` of a double.
pub fn repr(x: f64) -> String {
    format(x, FloatFormat::REPR)
}

/// Appends `repr` of a double.
#[inline]
pub fn push_repr(out: &mut Vec<u8>, x: f64) {
    // Where there is no exponent, Ryu writes as Python does.
    if (1e-4..1e16).contains(&x.abs()) || x == 0.0 {
        out.extend_from_slice(ryu::Buffer::new().format_finite(x).as_bytes());
    } else {
        push(out, x, FloatFormat::REPR);
    }
}

/// A double as a text of its own; see [`push`].
pub fn format(x: f64, how: FloatFormat) -> String {
    let mut out = Vec::with_capacity(24);
    push(&mut out, x, how);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends a double; negative ones, and negative zero, begin with a minus sign.
pub fn push(out: &mut Vec<u8>, x: f64, how: FloatFormat) {
    if !x.is_finite() {
        let word = match (x.is_nan(), how.upper) {
            (true, false) => "nan",
            (true, true) => "NAN",
            (false, false) => "inf",
            (false, true) => "INF",
        };
        if x.is_sign_negative() && !x.is_nan() {
            out.push(b'-');
        }
        out.extend_from_slice(word.as_bytes());
        return;
    }
    if x.is_sign_negative() {
        out.push(b'-');
    }
    let x = x.abs();
    match how.style {
        Style::Fixed => push_fixed(out, x, how),
        Style::Exponent => {
            let (digits, point) = exact_digits(x, how.precision.saturating_add(1));
            push_exponent(out, &digits, point, how.precision.saturating_add(1), how);
        }
        Style::General => push_general(out, x, how),
        Style::Shortest => push_shortest(out, x, how),
    }
}

/// The powers of ten that [`push_fixed_quickly`] needs.
const POWERS: [u64; 18] = {
    let mut powers = [1; 18];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Appends a double that is not negative with digits behind the point; false (and nothing done) when 128 bits do not
/// hold what must be known for exact rounding, or 64 bits not the digits.
fn push_fixed_quickly(out: &mut Vec<u8>, x: f64, precision: usize) -> bool {
    let Some(&power) = POWERS.get(precision) else { return false };
    let bits = x.to_bits();
    let (exponent, fraction) = ((bits >> 52) as u32 & 0x7FF, bits & ((1 << 52) - 1));
    // The number is `mantissa / 2^down`.
    let (mantissa, down) = if exponent == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - exponent as i32) };
    let scaled = u128::from(mantissa) * u128::from(power);
    let digits = match down {
        ..=0 => return false,
        // Less than 2^110 was divided by 2^128 or more: not even a half is left.
        128.. => 0,
        _ => {
            let (whole, rest, half) = (scaled >> down, scaled & ((1 << down) - 1), 1u128 << (down - 1));
            whole + u128::from(rest > half || rest == half && whole & 1 == 1)
        }
    };
    let Ok(digits) = u64::try_from(digits) else { return false };
    out.extend_from_slice(Digits::unsigned(digits / power).as_bytes());
    if precision > 0 {
        let behind = Digits::unsigned(digits % power);
        let behind = behind.as_bytes();
        out.push(b'.');
        push_zeros(out, precision - behind.len());
        out.extend_from_slice(behind);
    }
    true
}

fn push_zeros(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b'0');
}

/// `count` significant digits (fewer if the rest are zeros beyond any double's digits).
fn exact_digits(x: f64, count: usize) -> (String, i32) {
    split_exponent(&format!("{:.*e}", count.clamp(1, MOST_DIGITS) - 1, x))
}

fn push_fixed(out: &mut Vec<u8>, x: f64, how: FloatFormat) {
    use std::io::Write;
    if !push_fixed_quickly(out, x, how.precision) {
        let exact = how.precision.min(MOST_DIGITS);
        // Writing to a buffer in memory cannot fail.
        let _ = write!(out, "{x:.exact$}");
        push_zeros(out, how.precision - exact);
    }
    if how.precision == 0 {
        if how.alternate {
            out.push(b'.');
        } else if how.point_zero {
            out.extend_from_slice(b".0");
        }
    }
}

fn push_general(out: &mut Vec<u8>, x: f64, how: FloatFormat) {
    let precision = how.precision.max(1);
    let (digits, point) = exact_digits(x, precision);
    let limit = precision.saturating_sub(usize::from(how.point_zero));
    let exponential = point <= -4 || (point > 0 && point as usize > limit);
    let kept = if how.alternate { digits.as_str() } else { digits.trim_end_matches('0') };
    let wanted = if how.alternate { precision } else { 0 };
    if exponential {
        push_exponent(out, kept, point, wanted, how);
    } else {
        push_plain(out, kept, point, wanted, how);
    }
}

fn push_shortest(out: &mut Vec<u8>, x: f64, how: FloatFormat) {
    let (digits, point) = shortest_digits(x);
    if point <= -4 || point > 16 {
        push_exponent(out, &digits, point, 0, how);
    } else {
        push_plain(out, if x == 0.0 { "" } else { &digits }, point, 0, how);
    }
}

/// Digits in exponent notation, filled with zeros up to `wanted` of them.
fn push_exponent(out: &mut Vec<u8>, digits: &str, point: i32, wanted: usize, how: FloatFormat) {
    let (first, rest) = digits.split_at(digits.len().min(1));
    out.extend_from_slice(if first.is_empty() { b"0" } else { first.as_bytes() });
    let missing = wanted.saturating_sub(digits.len().max(1));
    if !rest.is_empty() || missing > 0 || how.alternate {
        out.push(b'.');
        out.extend_from_slice(rest.as_bytes());
        push_zeros(out, missing);
    }
    let exponent = if digits.bytes().all(|b| b == b'0') { 0 } else { point - 1 };
    out.push(if how.upper { b'E' } else { b'e' });
    out.push(if exponent < 0 { b'-' } else { b'+' });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    out.extend_from_slice(Digits::unsigned(u64::from(exponent.unsigned_abs())).as_bytes());
}

/// Digits with the point set among them; `wanted` counts the significant ones to show.
fn push_plain(out: &mut Vec<u8>, digits: &str, point: i32, wanted: usize, how: FloatFormat) {
    let shown = digits.len().max(wanted);
    if point <= 0 {
        out.push(b'0');
        let leading = point.unsigned_abs() as usize;
        if shown > 0 {
            out.push(b'.');
            push_zeros(out, leading);
            out.extend_from_slice(digits.as_bytes());
            push_zeros(out, shown - digits.len());
            return;
        }
    } else {
        let whole = point as usize;
        let (head, tail) = digits.split_at(digits.len().min(whole));
        out.extend_from_slice(head.as_bytes());
        push_zeros(out, whole - head.len());
        if shown > whole {
            out.push(b'.');
            out.extend_from_slice(tail.as_bytes());
            push_zeros(out, shown - whole - tail.len());
            return;
        }
    }
    if how.alternate {
        out.push(b'.');
        if how.point_zero {
            out.push(b'0');
        }
    } else if how.point_zero {
        out.extend_from_slice(b".0");
    }
}

/// `repr` of a complex number.
pub fn complex_repr(re: f64, im: f64) -> String {
    let plain = FloatFormat { point_zero: false, ..FloatFormat::REPR };
    let imaginary = format(im, plain);
    if re == 0.0 && re.is_sign_positive() {
        return format!("{imaginary}j");
    }
    let sign = if imaginary.starts_with('-') { "" } else { "+" };
    format!("({}{sign}{imaginary}j)", format(re, plain))
}
