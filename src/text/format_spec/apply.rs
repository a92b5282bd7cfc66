//! Formatting values of each kind under a specification.

use super::layout::{Parts, lay_out_number, lay_out_text};
use super::spec::{Align, FormatSpec, Grouping, MAX_WIDTH, Sign, unknown_code};
use crate::bigint::BigInt;
use crate::text::number::digits::Digits;
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
    pub fn digits(self, radix: u32, max_digits: usize) -> Result<IntText> {
        Ok(match self {
            Int::Small(n) if radix == 10 => IntText::Decimal(Digits::decimal(n)),
            Int::Small(n) => IntText::Power(Digits::power_radix(n, radix.trailing_zeros())),
            Int::Big(n) if radix == 10 => IntText::Other(int_text::to_decimal(n, max_digits)?),
            Int::Big(n) => IntText::Other(n.to_string_radix(radix)),
        })
    }
}

/// The digits of an integer, a minus sign in front if it is negative.
pub enum IntText {
    /// Of a word in decimal.
    Decimal(Digits<20>),
    /// Of a word in base 2, 8 or 16.
    Power(Digits<65>),
    /// Of anything else.
    Other(String),
}

impl IntText {
    /// The text, which is ASCII.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            IntText::Decimal(digits) => digits.as_bytes(),
            IntText::Power(digits) => digits.as_bytes(),
            IntText::Other(text) => text.as_bytes(),
        }
    }
}

/// What `write` appends to a buffer of its own.
fn made(write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(&mut out)?;
    Ok(out)
}

/// Formats a text; see [`write_str`].
///
/// # Errors
/// `ValueError` for options that texts do not have.
pub fn format_str(text: &[u8], spec: &[u8], type_name: &str) -> Result<Vec<u8>> {
    made(|out| write_str(out, text, spec, type_name))
}

/// Formats an integer; see [`write_int`].
///
/// # Errors
/// `ValueError` for options that integers do not have, `OverflowError` for a character out of range.
pub fn format_int(n: Int<'_>, spec: &[u8], type_name: &str, max_digits: usize) -> Result<Vec<u8>> {
    made(|out| write_int(out, n, spec, type_name, max_digits))
}

/// Formats a double; see [`write_float`].
///
/// # Errors
/// `ValueError` for options that floats do not have.
pub fn format_float(x: f64, spec: &[u8], type_name: &str) -> Result<Vec<u8>> {
    made(|out| write_float(out, x, spec, type_name))
}

/// Appends a formatted text.
///
/// # Errors
/// `ValueError` for options that texts do not have.
pub fn write_str(out: &mut Vec<u8>, text: &[u8], spec: &[u8], type_name: &str) -> Result<()> {
    if spec.is_empty() {
        out.extend_from_slice(text);
        return Ok(());
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
    lay_out_text(out, shown, length, &spec)
}

/// Appends a formatted integer; `max_digits` limits decimal digits (zero: no limit).
///
/// # Errors
/// `ValueError` for options that integers do not have, `OverflowError` for a character out of range.
pub fn write_int(out: &mut Vec<u8>, n: Int<'_>, spec: &[u8], type_name: &str, max_digits: usize) -> Result<()> {
    if spec.is_empty() {
        out.extend_from_slice(n.digits(10, max_digits)?.as_bytes());
        return Ok(());
    }
    let spec = FormatSpec::parse(spec, 'd' as u32, Align::Right, type_name)?;
    match char::from_u32(spec.code).unwrap_or('\u{FFFF}') {
        'b' | 'c' | 'd' | 'o' | 'x' | 'X' | 'n' => integer(out, n, &spec, max_digits),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => float(out, n.to_f64()?, &spec),
        _ => Err(unknown_code(spec.code, type_name)),
    }
}

fn integer(out: &mut Vec<u8>, n: Int<'_>, spec: &FormatSpec, max_digits: usize) -> Result<()> {
    if spec.precision.is_some() {
        return Err(TextError::value("Precision not allowed in integer format specifier"));
    }
    if spec.no_negative_zero {
        return Err(TextError::value("Negative zero coercion (z) not allowed in integer format specifier"));
    }
    let code = char::from_u32(spec.code).unwrap_or('d');
    if code == 'c' {
        return character(out, n, spec);
    }
    let (radix, prefix, size) = match code {
        'b' => (2, "0b", 4),
        'o' => (8, "0o", 4),
        'x' => (16, "0x", 4),
        'X' => (16, "0X", 4),
        _ => (10, "", 3),
    };
    let text = n.digits(radix, max_digits)?;
    let large;
    let text = if code == 'X' {
        large = text.as_bytes().to_ascii_uppercase();
        &large
    } else {
        text.as_bytes()
    };
    let (negative, whole) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let prefix = if spec.alternate { prefix } else { "" };
    lay_out_number(out, &Parts { negative, prefix, whole, ..Parts::default() }, size, spec)
}

fn character(out: &mut Vec<u8>, n: Int<'_>, spec: &FormatSpec) -> Result<()> {
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
    lay_out_text(out, &gutf8::encode(cp), 1, spec)
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

/// Takes the sign from `-0.0`, `-0.00e+00` and the like, which stand at the end of a buffer.
fn without_negative_zero(out: &mut Vec<u8>, start: usize) {
    let text = out.get(start..).unwrap_or_default();
    let Some(rest) = text.strip_prefix(b"-") else { return };
    let digits = rest.split(|b| matches!(b, b'e' | b'E')).next().unwrap_or(rest);
    if digits.contains(&b'0') && digits.iter().all(|b| matches!(b, b'0' | b'.')) {
        out.remove(start);
    }
}

/// Appends a formatted double.
///
/// # Errors
/// `ValueError` for options that floats do not have.
pub fn write_float(out: &mut Vec<u8>, x: f64, spec: &[u8], type_name: &str) -> Result<()> {
    if spec.is_empty() {
        float_text::push_repr(out, x);
        return Ok(());
    }
    let spec = FormatSpec::parse(spec, 0, Align::Right, type_name)?;
    if style(spec.code).is_none() {
        return Err(unknown_code(spec.code, type_name));
    }
    float(out, x, &spec)
}

fn float(out: &mut Vec<u8>, x: f64, spec: &FormatSpec) -> Result<()> {
    let percent = spec.code == '%' as u32;
    let how = float_format(spec, spec.code == 0)?;
    let start = out.len();
    float_text::push(out, if percent { x * 100.0 } else { x }, how);
    if spec.no_negative_zero {
        without_negative_zero(out, start);
    }
    if percent {
        out.push(b'%');
    }
    let ungrouped = spec.grouping == Grouping::No && spec.fraction_grouping == Grouping::No;
    if ungrouped && spec.width.is_none_or(|w| w <= out.len() - start) && matches!(spec.sign, None | Some(Sign::Minus)) {
        return Ok(());
    }
    let text = out.get(start..).unwrap_or_default().to_vec();
    out.truncate(start);
    lay_out_number(out, &Parts::of_float(&text), 3, spec)
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
    let part = |out: &mut Vec<u8>, x: f64, spec: &FormatSpec| {
        let mut text = Vec::new();
        float_text::push(&mut text, x, how);
        if spec.no_negative_zero {
            without_negative_zero(&mut text, 0);
        }
        lay_out_number(out, &Parts::of_float(&text), 3, spec)
    };
    let bare = spec.code == 0;
    let only_imaginary = bare && re == 0.0 && re.is_sign_positive();
    let mut out = Vec::new();
    if bare && !only_imaginary {
        out.push(b'(');
    }
    if only_imaginary {
        part(&mut out, im, &inner)?;
    } else {
        part(&mut out, re, &inner)?;
        part(&mut out, im, &FormatSpec { sign: Some(Sign::Plus), ..inner })?;
    }
    out.push(b'j');
    if bare && !only_imaginary {
        out.push(b')');
    }
    made(|field| lay_out_text(field, &out, out.len(), &spec))
}
