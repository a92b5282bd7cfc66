//! Formatting values of each kind under a specification.

use super::layout::{Parts, lay_out_number, lay_out_text};
use super::spec::{Align, FormatSpec, MAX_WIDTH, Sign, unknown_code};
use crate::bigint::BigInt;
use crate::text::number::float_text::{self, FloatFormat, Style};
use crate::text::number::int_text;
use crate::text::{Result, TextError, gutf8};

/// An integer of either form.
#[derive(Clone, Copy, Debug)]
pub enum Int<'a> {
    /// One that fits a machine word.
    Small(i64),
    /// Any other.
    Big(&'a BigInt),
}

impl Int<'_> {
    /// The nearest double.
    ///
    /// # Errors
    /// `OverflowError` if there is none.
    pub fn to_f64(self) -> Result<f64> {
        match self {
            Int::Small(n) => Ok(n as f64),
            Int::Big(n) => n.to_f64().ok_or_else(|| TextError::overflow("int too large to convert to float")),
        }
    }

    /// Digits in the radix with a minus sign if negative; in decimal under the limit on digits.
    ///
    /// # Errors
    /// `ValueError` beyond the limit.
    pub fn digits(self, radix: u32, max_digits: usize) -> Result<String> {
        match self {
            Int::Small(n) => Ok(match radix {
                10 => n.to_string(),
                _ => {
                    let sign = if n < 0 { "-" } else { "" };
                    let n = n.unsigned_abs();
                    match radix {
                        2 => format!("{sign}{n:b}"),
                        8 => format!("{sign}{n:o}"),
                        _ => format!("{sign}{n:x}"),
                    }
                }
            }),
            Int::Big(n) if radix == 10 => int_text::to_decimal(n, max_digits),
            Int::Big(n) => Ok(n.to_string_radix(radix)),
        }
    }
}

/// Formats a text.
///
/// # Errors
/// `ValueError` for options that texts do not have.
pub fn format_str(text: &[u8], spec: &[u8], type_name: &str) -> Result<Vec<u8>> {
    if spec.is_empty() {
        return Ok(text.to_vec());
    }
    let spec = FormatSpec::parse(spec, 's' as u32, Align::Left, type_name)?;
    if spec.code != 's' as u32 {
        return Err(unknown_code(spec.code, type_name));
    }
    let refuse = |what: &str| Err(TextError::value(format!("{what} not allowed in string format specifier")));
    match spec.sign {
        Some(Sign::Space) => return refuse("Space"),
        Some(_) => return refuse("Sign"),
        None => {}
    }
    if spec.no_negative_zero {
        return refuse("Negative zero coercion (z)");
    }
    if spec.alternate {
        return refuse("Alternate form (#)");
    }
    if spec.align == Align::AfterSign {
        return refuse("'=' alignment");
    }
    let mut length = gutf8::count(text);
    let mut shown = text;
    if let Some(precision) = spec.precision
        && precision < length
    {
        shown = gutf8::slice(text, None, 0, precision);
        length = precision;
    }
    lay_out_text(shown, length, &spec)
}

/// Formats an integer; `max_digits` limits decimal digits (zero: no limit).
///
/// # Errors
/// `ValueError` for options that integers do not have, `OverflowError` for a character out of range.
pub fn format_int(n: Int<'_>, spec: &[u8], type_name: &str, max_digits: usize) -> Result<Vec<u8>> {
    if spec.is_empty() {
        return n.digits(10, max_digits).map(String::into_bytes);
    }
    let spec = FormatSpec::parse(spec, 'd' as u32, Align::Right, type_name)?;
    match char::from_u32(spec.code).unwrap_or('\u{FFFF}') {
        'b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n' => integer(n, &spec, max_digits),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => float(n.to_f64()?, &spec),
        _ => Err(unknown_code(spec.code, type_name)),
    }
}

fn integer(n: Int<'_>, spec: &FormatSpec, max_digits: usize) -> Result<Vec<u8>> {
    if spec.precision.is_some() {
        return Err(TextError::value("Precision not allowed in integer format specifier"));
    }
    if spec.no_negative_zero {
        return Err(TextError::value("Negative zero coercion (z) not allowed in integer format specifier"));
    }
    let code = char::from_u32(spec.code).unwrap_or('d');
    if code == 'c' {
        return character(n, spec);
    }
    let (radix, prefix, size) = match code {
        'b' => (2, "0b", 4),
        'o' => (8, "0o", 4),
        'x' => (16, "0x", 4),
        'X' => (16, "0X", 4),
        _ => (10, "", 3),
    };
    let mut text = n.digits(radix, max_digits)?;
    if code == 'X' {
        text.make_ascii_uppercase();
    }
    let (negative, whole) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    lay_out_number(&Parts { negative, prefix, whole, ..Parts::default() }, size, spec)
}

fn character(n: Int<'_>, spec: &FormatSpec) -> Result<Vec<u8>> {
    if spec.sign.is_some() {
        return Err(TextError::value("Sign not allowed with integer format specifier 'c'"));
    }
    if spec.alternate {
        return Err(TextError::value("Alternate form (#) not allowed with integer format specifier 'c'"));
    }
    let cp = match n {
        Int::Small(n) => u32::try_from(n).ok().filter(|&cp| cp <= gutf8::MAX_CODE_POINT),
        Int::Big(_) => {
            return Err(TextError::overflow("Python int too large to convert to C long"));
        }
    };
    let Some(cp) = cp else {
        return Err(TextError::overflow("%c arg not in range(0x110000)"));
    };
    lay_out_text(&gutf8::encode(cp), 1, spec)
}

/// The style of a presentation type, and whether it is a percentage.
fn style(code: u32) -> Option<(Style, bool, bool)> {
    Some(match char::from_u32(code)? {
        'e' => (Style::Exponent, false, false),
        'E' => (Style::Exponent, true, false),
        'f' => (Style::Fixed, false, false),
        'F' => (Style::Fixed, true, false),
        'g' | 'n' => (Style::General, false, false),
        'G' => (Style::General, true, false),
        '%' => (Style::Fixed, false, true),
        '\0' => (Style::Shortest, false, false),
        _ => return None,
    })
}

fn checked_precision(spec: &FormatSpec) -> Result<Option<usize>> {
    match spec.precision {
        Some(n) if n > MAX_WIDTH => Err(TextError::value("precision too big")),
        other => Ok(other),
    }
}

/// How one double is written under the specification.
fn float_format(spec: &FormatSpec, point_zero: bool) -> Result<FloatFormat> {
    let precision = checked_precision(spec)?;
    let (style, upper, _) = style(spec.code).unwrap_or((Style::Shortest, false, false));
    let (style, precision) = match (style, precision) {
        (Style::Shortest, Some(n)) => (Style::General, n),
        (Style::Shortest, None) => (Style::Shortest, 0),
        (style, n) => (style, n.unwrap_or(6)),
    };
    Ok(FloatFormat { style, precision, alternate: spec.alternate, point_zero, upper })
}

/// `-0.0`, `-0.00e+00` and the like, without their sign.
fn without_negative_zero(text: String) -> String {
    match text.strip_prefix('-') {
        Some(rest) => {
            let digits = rest.split(['e', 'E']).next().unwrap_or(rest);
            let zero = digits.bytes().any(|b| b == b'0') && digits.bytes().all(|b| b == b'0' || b == b'.');
            if zero { rest.to_owned() } else { text }
        }
        None => text,
    }
}

/// Formats a double.
///
/// # Errors
/// `ValueError` for options that floats do not have.
pub fn format_float(x: f64, spec: &[u8], type_name: &str) -> Result<Vec<u8>> {
    if spec.is_empty() {
        return Ok(float_text::repr(x).into_bytes());
    }
    let spec = FormatSpec::parse(spec, 0, Align::Right, type_name)?;
    if style(spec.code).is_none() {
        return Err(unknown_code(spec.code, type_name));
    }
    float(x, &spec)
}

fn float(x: f64, spec: &FormatSpec) -> Result<Vec<u8>> {
    let percent = spec.code == '%' as u32;
    let how = float_format(spec, spec.code == 0)?;
    let mut text = float_text::format(if percent { x * 100.0 } else { x }, how);
    if spec.no_negative_zero {
        text = without_negative_zero(text);
    }
    if percent {
        text.push('%');
    }
    lay_out_number(&Parts::of_float(&text), 3, spec)
}

/// Formats a complex number.
///
/// # Errors
/// `ValueError` for options that complex numbers do not have.
pub fn format_complex(re: f64, im: f64, spec: &[u8], type_name: &str) -> Result<Vec<u8>> {
    if spec.is_empty() {
        return Ok(float_text::complex_repr(re, im).into_bytes());
    }
    let spec = FormatSpec::parse(spec, 0, Align::Right, type_name)?;
    if style(spec.code).is_none() || spec.code == '%' as u32 {
        return Err(unknown_code(spec.code, type_name));
    }
    if spec.fill == '0' as u32 {
        return Err(TextError::value("Zero padding is not allowed in complex format specifier"));
    }
    if spec.align == Align::AfterSign {
        return Err(TextError::value("'=' alignment flag is not allowed in complex format specifier"));
    }
    let how = float_format(&spec, false)?;
    let inner = FormatSpec { width: None, fill: 0x20, align: Align::Left, ..spec };
    let part = |x: f64, spec: &FormatSpec| {
        let mut text = float_text::format(x, how);
        if spec.no_negative_zero {
            text = without_negative_zero(text);
        }
        lay_out_number(&Parts::of_float(&text), 3, spec)
    };
    let bare = spec.code == 0;
    let only_imaginary = bare && re == 0.0 && re.is_sign_positive();
    let mut out = Vec::new();
    if bare && !only_imaginary {
        out.push(b'(');
    }
    if only_imaginary {
        out.extend(part(im, &inner)?);
    } else {
        out.extend(part(re, &inner)?);
        out.extend(part(im, &FormatSpec { sign: Some(Sign::Plus), ..inner })?);
    }
    out.push(b'j');
    if bare && !only_imaginary {
        out.push(b')');
    }
    lay_out_text(&out, out.len(), &spec)
}
