//! Values to bytes and back.

use super::layout::{Class, Field, failed};
use crate::text::{Result, TextError};

/// A value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// An integer.
    Int(i128),
    /// An integer that 128 bits do not hold; only for packing.
    Huge,
    /// A double.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
    /// An object of a kind that the field does not take; only for packing.
    Wrong,
}

fn mismatch(field: &Field) -> TextError {
    failed(match (field.class(), field.code) {
        (Class::Float, _) => "required argument is not a float",
        (Class::Complex, _) => "required argument is not a complex",
        (Class::Char, _) => "char format requires a bytes object of length 1",
        (Class::Bytes, b'p') => "argument for 'p' must be a bytes object",
        (Class::Bytes, _) => "argument for 's' must be a bytes object",
        _ => "required argument is not an integer",
    })
}

/// The least and greatest value of an integer of `size` bytes.
pub(super) fn range(size: usize, signed: bool) -> (i128, i128) {
    let bits = size * 8;
    if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) }
}

fn put(out: &mut [u8], little_bytes: &[u8], little: bool) {
    let size = out.len().min(little_bytes.len());
    for (i, &b) in little_bytes.iter().take(size).enumerate() {
        let at = if little { i } else { size - 1 - i };
        if let Some(place) = out.get_mut(at) {
            *place = b;
        }
    }
}

fn take<const N: usize>(bytes: &[u8], little: bool) -> [u8; N] {
    let mut out = [0; N];
    put(&mut out, bytes, true);
    let size = bytes.len().min(N);
    if !little && let Some(part) = out.get_mut(..size) {
        part.reverse();
    }
    out
}

/// Writes a double in 2, 4 or 8 bytes.
pub(super) fn put_float(out: &mut [u8], x: f64, code: char, little: bool) -> Result<()> {
    let too_large = || TextError::overflow(format!("float too large to pack with {code} format"));
    match out.len() {
        2 => put(out, &f16_from_f64(x).ok_or_else(too_large)?.to_le_bytes(), little),
        4 => {
            let single = x as f32;
            if single.is_infinite() && x.is_finite() {
                return Err(too_large());
            }
            put(out, &single.to_le_bytes(), little);
        }
        _ => put(out, &x.to_le_bytes(), little),
    }
    Ok(())
}

fn get_float(bytes: &[u8], little: bool) -> f64 {
    match bytes.len() {
        2 => f64_from_f16(u16::from_le_bytes(take(bytes, little))),
        4 => f64::from(f32::from_le_bytes(take(bytes, little))),
        _ => f64::from_le_bytes(take(bytes, little)),
    }
}

/// Writes one value into its field's bytes (`out` has the field's size).
///
/// # Errors
/// `struct.error` for values of the wrong kind or out of range, `OverflowError` for floats.
pub fn pack(field: &Field, value: Value<'_>, little: bool, out: &mut [u8]) -> Result<()> {
    match (field.class(), value) {
        (Class::Int, Value::Int(_) | Value::Huge) => {
            let (least, most) = range(field.size, field.signed());
            let fitting = if let Value::Int(n) = value { Some(n).filter(|n| (least..=most).contains(n)) } else { None };
            let Some(n) = fitting else {
                let code = char::from(field.code);
                return Err(failed(format!("'{code}' format requires {least} <= number <= {most}")));
            };
            put(out, &n.to_le_bytes(), little);
        }
        (Class::Pointer, Value::Int(n)) if n >= i128::from(i64::MIN) && n <= i128::from(u64::MAX) => {
            put(out, &n.to_le_bytes(), little);
        }
        (Class::Pointer, Value::Int(_) | Value::Huge) => return Err(failed("int too large to convert")),
        (Class::Float, Value::Float(x)) => put_float(out, x, char::from(field.code), little)?,
        (Class::Complex, Value::Complex(re, im)) => {
            let code = if field.code == b'F' { 'f' } else { 'd' };
            let (first, second) = out.split_at_mut(out.len() / 2);
            put_float(first, re, code, little)?;
            put_float(second, im, code, little)?;
        }
        (Class::Bool, Value::Bool(b)) => put(out, &[u8::from(b)], little),
        (Class::Char, Value::Bytes([b])) => put(out, &[*b], little),
        (Class::Bytes, Value::Bytes(bytes)) => pack_bytes(field.code, bytes, out),
        _ => return Err(mismatch(field)),
    }
    Ok(())
}

/// Cuts or fills with zeros; `p` has the length in front, at most 255.
fn pack_bytes(code: u8, bytes: &[u8], out: &mut [u8]) {
    out.fill(0);
    let body = match out.split_first_mut() {
        Some((length, rest)) if code == b'p' => {
            *length = bytes.len().min(rest.len()).min(255) as u8;
            rest
        }
        _ => out,
    };
    let size = body.len().min(bytes.len());
    put(body.get_mut(..size).unwrap_or(&mut []), bytes, true);
}

/// Reads one value from its field's bytes.
pub fn unpack<'a>(field: &Field, bytes: &'a [u8], little: bool) -> Value<'a> {
    match field.class() {
        Class::Int | Class::Pointer => {
            let n = u64::from_le_bytes(take(bytes, little));
            let spare = 64 - 8 * field.size.clamp(1, 8) as u32;
            if field.signed() {
                Value::Int(i128::from(((n << spare) as i64) >> spare))
            } else {
                Value::Int(i128::from(n))
            }
        }
        Class::Float => Value::Float(get_float(bytes, little)),
        Class::Complex => {
            let (re, im) = bytes.split_at(bytes.len() / 2);
            Value::Complex(get_float(re, little), get_float(im, little))
        }
        Class::Bool => Value::Bool(bytes.first().is_some_and(|&b| b != 0)),
        Class::Char => Value::Bytes(bytes),
        Class::Bytes => match bytes.split_first() {
            Some((&length, rest)) if field.code == b'p' => {
                Value::Bytes(rest.get(..usize::from(length)).unwrap_or(rest))
            }
            _ => Value::Bytes(bytes),
        },
    }
}

/// The half-precision number nearest to a double; `None` if it overflows.
pub fn f16_from_f64(x: f64) -> Option<u16> {
    let sign = if x.is_sign_negative() { 0x8000 } else { 0 };
    let size = x.abs();
    let bits = if x.is_nan() {
        0x7E00
    } else if size.is_infinite() {
        0x7C00
    } else if size >= 65520.0 {
        return None;
    } else if size < 2f64.powi(-14) {
        (size * 2f64.powi(24)).round_ties_even() as u16
    } else {
        let exponent = ((size.to_bits() >> 52) as i32) - 1023;
        let mantissa = (size * 2f64.powi(10 - exponent)).round_ties_even() as u16;
        // A mantissa rounded up to the next power of two carries into the exponent by itself.
        (((exponent + 15) as u16) << 10) + (mantissa - 1024)
    };
    Some(sign | bits)
}

/// The double equal to a half-precision number.
pub fn f64_from_f16(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3FF);
    let size = match (bits >> 10) & 0x1F {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + mantissa) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}
