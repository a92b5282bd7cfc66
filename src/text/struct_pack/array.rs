//! The type codes of `array`: the machine's own byte order and sizes, messages of their own.

use super::convert::{Value, put_float, range, unpack};
use super::layout::Field;
use crate::text::{Result, TextError};

/// The codes, as the message about a wrong one lists them.
pub const TYPE_CODES: &str = "b, B, u, w, h, H, i, I, l, L, q, Q, f or d";

/// The bytes of one item; `None` for a code that does not exist.
pub fn array_item_size(code: char) -> Option<usize> {
    Some(match code {
        'b' | 'B' => 1,
        'h' | 'H' => 2,
        'i' | 'I' | 'f' | 'u' | 'w' => 4,
        'l' | 'L' | 'q' | 'Q' | 'd' => 8,
        _ => return None,
    })
}

fn out_of_range(code: char, below: bool) -> TextError {
    let beyond = |name: &str| {
        let side = if below { "less than minimum" } else { "greater than maximum" };
        format!("{name} is {side}")
    };
    TextError::overflow(match (code, below) {
        ('b', _) => beyond("signed char"),
        ('B', _) => beyond("unsigned byte integer"),
        ('h', _) => beyond("signed short integer"),
        ('H', _) => beyond("unsigned short"),
        ('i', _) => beyond("signed integer"),
        ('I' | 'L', true) => "can't convert negative value to unsigned int".to_owned(),
        ('I', false) => beyond("unsigned int"),
        ('l', _) => "Python int too large to convert to C long".to_owned(),
        ('L', false) => "Python int too large to convert to C unsigned long".to_owned(),
        ('Q', true) => "can't convert negative int to unsigned".to_owned(),
        _ => "int too big to convert".to_owned(),
    })
}

/// Writes an integer item; `None` stands for one beyond 128 bits, `negative` tells its sign.
///
/// # Errors
/// `OverflowError` if it does not fit.
pub fn pack_array_int(code: char, value: Option<i128>, negative: bool, out: &mut [u8]) -> Result<()> {
    let signed = matches!(code, 'b' | 'h' | 'i' | 'l' | 'q');
    let (least, most) = range(array_item_size(code).unwrap_or(8), signed);
    let n = match value {
        Some(n) if (least..=most).contains(&n) => n,
        Some(n) => return Err(out_of_range(code, n < least)),
        None => return Err(out_of_range(code, negative)),
    };
    for (place, b) in out.iter_mut().zip(n.to_le_bytes()) {
        *place = b;
    }
    Ok(())
}

/// Writes an item of type `f` or `d`; what a single cannot hold becomes an infinity.
pub fn pack_array_float(x: f64, out: &mut [u8]) -> Result<()> {
    let x = if out.len() == 4 { f64::from(x as f32) } else { x };
    put_float(out, x, 'f', true)
}

/// Reads an item of any type but `u` and `w`, whose code points come as integers.
pub fn unpack_array_item(code: char, bytes: &[u8]) -> Value<'_> {
    let code = if matches!(code, 'u' | 'w') { b'I' } else { code as u8 };
    unpack(&Field { code, offset: 0, size: bytes.len() }, bytes, true)
}
