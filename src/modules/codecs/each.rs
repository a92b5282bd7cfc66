//! The encodings one by one: `utf_8_encode` and its kin.

use super::name_argument;
use super::native::{decode_bytes, encode_text};
use crate::objects::bytes::bytes_from;
use crate::text::codecs::Encoding;
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// A pair of functions; the decoder's last parameter says whether the input ends there.
macro_rules! pair {
    ($encoding:expr, $encode:literal, $decode:literal, $final_default:expr) => {
        [
            NativeDef::new(concat!($encode, "(str, errors=None, /)"), "", |vm, a| encode(vm, a, $encoding, $encode)),
            NativeDef::new(concat!($decode, "(data, errors=None, final=False, /)"), "", |vm, a| {
                decode(vm, a, $encoding, $decode, $final_default)
            }),
        ]
    };
}

const PAIRS: [[NativeDef; 2]; 8] = [
    pair!(Encoding::Utf8, "utf_8_encode", "utf_8_decode", false),
    pair!(Encoding::Utf16(Some(true)), "utf_16_le_encode", "utf_16_le_decode", false),
    pair!(Encoding::Utf16(Some(false)), "utf_16_be_encode", "utf_16_be_decode", false),
    pair!(Encoding::Utf32(Some(true)), "utf_32_le_encode", "utf_32_le_decode", false),
    pair!(Encoding::Utf32(Some(false)), "utf_32_be_encode", "utf_32_be_decode", false),
    pair!(Encoding::UnicodeEscape, "unicode_escape_encode", "unicode_escape_decode", true),
    pair!(Encoding::RawUnicodeEscape, "raw_unicode_escape_encode", "raw_unicode_escape_decode", true),
    pair!(Encoding::Latin1, "latin_1_encode", "latin_1_decode", true),
];

const OTHERS: [NativeDef; 11] = [
    NativeDef::new("ascii_encode(str, errors=None, /)", "", |vm, a| encode(vm, a, Encoding::Ascii, "ascii_encode")),
    NativeDef::new("ascii_decode(data, errors=None, /)", "", |vm, a| {
        decode(vm, a, Encoding::Ascii, "ascii_decode", true)
    }),
    NativeDef::new("utf_16_encode(str, errors=None, byteorder=0, /)", "", |vm, a| {
        let order = byte_order(vm, arg(a, 2))?;
        encode(vm, a, Encoding::Utf16(order), "utf_16_encode")
    }),
    NativeDef::new("utf_32_encode(str, errors=None, byteorder=0, /)", "", |vm, a| {
        let order = byte_order(vm, arg(a, 2))?;
        encode(vm, a, Encoding::Utf32(order), "utf_32_encode")
    }),
    NativeDef::new("utf_16_decode(data, errors=None, final=False, /)", "", |vm, a| {
        decode(vm, a, Encoding::Utf16(None), "utf_16_decode", false)
    }),
    NativeDef::new("utf_32_decode(data, errors=None, final=False, /)", "", |vm, a| {
        decode(vm, a, Encoding::Utf32(None), "utf_32_decode", false)
    }),
    NativeDef::new("utf_16_ex_decode(data, errors=None, byteorder=0, final=False, /)", "", |vm, a| {
        decode_ex(vm, a, Encoding::Utf16, "utf_16_ex_decode")
    }),
    NativeDef::new("utf_32_ex_decode(data, errors=None, byteorder=0, final=False, /)", "", |vm, a| {
        decode_ex(vm, a, Encoding::Utf32, "utf_32_ex_decode")
    }),
    NativeDef::new("escape_encode(data, errors=None, /)", "", escape_encode),
    NativeDef::new("escape_decode(data, errors=None, /)", "", escape_decode),
    NativeDef::new("readbuffer_encode(data, errors=None, /)", "", |vm, a| {
        let data = text_or_bytes(vm, &a[0])?;
        Ok(vm.pair([vm.new_bytes(&data).into_value(), Value::len(data.len())]))
    }),
];

/// All of them.
pub(super) const FUNCTIONS: &[NativeDef] = {
    let [[a1, a2], [b1, b2], [c1, c2], [d1, d2], [e1, e2], [f1, f2], [g1, g2], [h1, h2]] = PAIRS;
    let [i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11] = OTHERS;
    &[a1, a2, b1, b2, c1, c2, d1, d2, e1, e2, f1, f2, g1, g2, h1, h2, i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11]
};

/// The `errors` argument.
fn errors(vm: &mut Vm, a: &[Value], function: &str) -> R<String> {
    match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => name_argument(vm, v, function, "errors"),
        None => Ok("strict".to_owned()),
    }
}

/// A byte order as a number: negative for the lowest byte first, 0 for the machine's own.
fn byte_order(vm: &mut Vm, v: Option<&Value>) -> R<Option<bool>> {
    let n = match v {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    Ok(match n {
        0 => None,
        n => Some(n < 0),
    })
}

fn encode(vm: &mut Vm, a: &[Value], encoding: Encoding, function: &str) -> R {
    let errors = errors(vm, a, function)?;
    let (made, taken) = encode_text(vm, encoding, &a[0], &errors, function)?;
    Ok(vm.pair([made, Value::len(taken)]))
}

fn decode(vm: &mut Vm, a: &[Value], encoding: Encoding, function: &str, final_default: bool) -> R {
    let errors = errors(vm, a, function)?;
    let is_final = match arg(a, 2) {
        Some(v) => vm.truth(v)?,
        None => final_default,
    };
    let (made, taken, _) = decode_bytes(vm, encoding, &a[0], &errors, is_final)?;
    Ok(vm.pair([made, Value::len(taken)]))
}

fn decode_ex(vm: &mut Vm, a: &[Value], encoding: fn(Option<bool>) -> Encoding, function: &str) -> R {
    let errors = errors(vm, a, function)?;
    let order = byte_order(vm, arg(a, 2))?;
    let is_final = match arg(a, 3) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    let (made, taken, found) = decode_bytes(vm, encoding(order), &a[0], &errors, is_final)?;
    let found = match order.or(found) {
        Some(true) => -1,
        Some(false) => 1,
        None => 0,
    };
    Ok(vm.tuple(vec![made, Value::len(taken), Value::int32(found)]).into())
}

fn text_or_bytes(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    match v.cast::<Str>() {
        Some(s) => {
            let made = crate::objects::str::codec::encode_native(vm, s, Encoding::Utf8, "strict")?;
            bytes_from(vm, &made)
        }
        None => bytes_from(vm, v),
    }
}

// ---- escapes in bytes ----

fn escape_encode(vm: &mut Vm, a: &[Value]) -> R {
    let Some(b) = a[0].cast::<Bytes>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("escape_encode() argument 1 must be bytes, not {got}")));
    };
    let data = b.get(vm).as_bytes().to_vec();
    vm.check_alloc(data.len().saturating_mul(4))?;
    let mut out = Vec::with_capacity(data.len());
    for &byte in &data {
        match byte {
            b'\'' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b' '..=b'~' => out.push(byte),
            _ => crate::text::repr::push_escape(&mut out, u32::from(byte)),
        }
    }
    Ok(vm.pair([vm.new_bytes(&out).into_value(), Value::len(data.len())]))
}

fn escape_decode(vm: &mut Vm, a: &[Value]) -> R {
    let errors = errors(vm, a, "escape_decode")?;
    let data = text_or_bytes(vm, &a[0])?;
    let mut out = Vec::with_capacity(data.len());
    let mut noted = false;
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&letter) = data.get(at) else { return Err(vm.value_error("Trailing \\ in string")) };
        at += 1;
        match letter {
            b'\n' => {}
            b'\\' | b'\'' | b'"' => out.push(letter),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let more = data.get(at..).unwrap_or_default().iter().take(2).take_while(|b| matches!(b, b'0'..=b'7'));
                let digits: Vec<u8> = more.copied().collect();
                at += digits.len();
                let value = digits.iter().fold(u32::from(letter - b'0'), |n, d| n * 8 + u32::from(d - b'0'));
                out.push(value as u8);
            }
            b'x' => {
                let digit = |at: usize| data.get(at).and_then(|&b| char::from(b).to_digit(16));
                match (digit(at), digit(at + 1)) {
                    (Some(high), Some(low)) => {
                        out.push((high * 16 + low) as u8);
                        at += 2;
                    }
                    (high, _) => {
                        bad_hex(vm, &errors, at - 2, &mut out)?;
                        at += usize::from(high.is_some());
                    }
                }
            }
            _ => {
                out.extend_from_slice(&[b'\\', letter]);
                if !std::mem::replace(&mut noted, true) {
                    let shown = char::from(letter);
                    let text = format!(
                        "b\"\\{shown}\" is an invalid escape sequence. Such sequences will not work in the future. "
                    );
                    let category = vm.exc.DeprecationWarning.clone();
                    vm.warn(&category, &text, 1)?;
                }
            }
        }
    }
    Ok(vm.pair([vm.new_bytes(&out).into_value(), Value::len(data.len())]))
}

/// What becomes of `\x` without two digits.
fn bad_hex(vm: &mut Vm, errors: &str, at: usize, out: &mut Vec<u8>) -> R<()> {
    match errors {
        "strict" => Err(vm.value_error(format!("invalid \\x escape at position {at}"))),
        "replace" => {
            out.push(b'?');
            Ok(())
        }
        "ignore" => Ok(()),
        _ => Err(vm.value_error(format!("decoding error; unknown error handling code: {errors}"))),
    }
}
