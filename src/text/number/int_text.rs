//! Integers in decimal, under the limit on digits that guards against quadratic work.

use crate::bigint::BigInt;
use crate::text::{Result, TextError};

/// The limit that `sys.set_int_max_str_digits` starts from; zero means none.
pub const DEFAULT_MAX_DIGITS: usize = 4300;

pub(super) fn limit_error(limit: usize, digits: Option<usize>) -> TextError {
    let found = digits.map_or(String::new(), |n| format!(": value has {n} digits"));
    TextError::value(format!(
        "Exceeds the limit ({limit} digits) for integer string conversion{found}; \
         use sys.set_int_max_str_digits() to increase the limit"
    ))
}

/// Decimal digits with a minus sign if negative.
///
/// # Errors
/// `ValueError` if there are more digits than `max_digits` (zero: no limit).
pub fn to_decimal(n: &BigInt, max_digits: usize) -> Result<String> {
    if max_digits == 0 {
        return Ok(n.to_string());
    }
    // A digit holds more than 3.3 bits and less than 3.33.
    let fewest = n.bit_length() as f64 / std::f64::consts::LOG2_10 - 1.0;
    if fewest > max_digits as f64 {
        return Err(limit_error(max_digits, None));
    }
    let text = n.to_string();
    if text.len() - usize::from(n.is_negative()) > max_digits {
        return Err(limit_error(max_digits, None));
    }
    Ok(text)
}

/// Digits in base 2, 8 or 16, with the prefix if wanted: `bin`, `oct`, `hex`.
pub fn to_power_radix(n: &BigInt, radix: u32, prefix: bool) -> String {
    let digits = n.to_string_radix(radix);
    if !prefix {
        return digits;
    }
    let mark = match radix {
        2 => "0b",
        8 => "0o",
        _ => "0x",
    };
    match digits.strip_prefix('-') {
        Some(rest) => format!("-{mark}{rest}"),
        None => format!("{mark}{digits}"),
    }
}
