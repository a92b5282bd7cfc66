//! `binascii`: bytes as text and back: hexadecimal, base64, uuencode, quoted-printable; two checksums.
//!
//! The transformations themselves are in `text::codecs::ascii_armor`; here are arguments and errors.

use crate::bigint::BigInt;
use crate::objects::bytes::{bytes_from, read_buffer};
use crate::text::codecs::ascii_armor::{self as armor, Uu};
use crate::vm::class::Class;
use crate::vm::exception::Raised;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "hexlify(data, sep=<unrepresentable>, bytes_per_sep=1)",
        "Hexadecimal representation of binary data.",
        hexlify,
    ),
    NativeDef::new(
        "b2a_hex(data, sep=<unrepresentable>, bytes_per_sep=1)",
        "Hexadecimal representation of binary data.",
        hexlify,
    ),
    NativeDef::new("unhexlify(hexstr, /)", "Binary data of hexadecimal representation.", unhexlify),
    NativeDef::new("a2b_hex(hexstr, /)", "Binary data of hexadecimal representation.", unhexlify),
    NativeDef::new("a2b_base64(data, /, *, strict_mode=False)", "Decode a line of base64 data.", |vm, a| {
        let data = ascii_arg(vm, &a[0])?;
        let strict = arg(a, 1).map_or(Ok(false), |v| vm.truth(v))?;
        match armor::from_base64(&data, strict) {
            Ok(bytes) => Ok(vm.new_bytes(&bytes).into()),
            Err(text) => Err(error(vm, &text)),
        }
    }),
    NativeDef::new("b2a_base64(data, /, *, newline=True)", "Base64-code line of data.", |vm, a| {
        let data = bytes_from(vm, &a[0])?;
        let newline = arg(a, 1).map_or(Ok(true), |v| vm.truth(v))?;
        vm.check_alloc(data.len() / 3 * 4 + 8)?;
        let mut text = armor::to_base64(&data);
        if newline {
            text.push(b'\n');
        }
        Ok(vm.new_bytes(&text).into())
    }),
    NativeDef::new("a2b_uu(data, /)", "Decode a line of uuencoded data.", |vm, a| {
        let data = ascii_arg(vm, &a[0])?;
        match armor::from_uu(&data) {
            Ok(bytes) => Ok(vm.new_bytes(&bytes).into()),
            Err(Uu::NoLength) => Err(error(vm, "Missing length byte")),
            Err(Uu::Illegal) => Err(error(vm, "Illegal char")),
            Err(Uu::Trailing) => Err(error(vm, "Trailing garbage")),
        }
    }),
    NativeDef::new("b2a_uu(data, /, *, backtick=False)", "Uuencode line of data.", |vm, a| {
        let data = bytes_from(vm, &a[0])?;
        let backtick = arg(a, 1).map_or(Ok(false), |v| vm.truth(v))?;
        match armor::to_uu(&data, backtick) {
            Some(line) => Ok(vm.new_bytes(&line).into()),
            None => Err(error(vm, "At most 45 bytes at once")),
        }
    }),
    NativeDef::new("a2b_qp(data, header=False)", "Decode a string of qp-encoded data.", |vm, a| {
        let data = ascii_arg(vm, &a[0])?;
        let header = arg(a, 1).map_or(Ok(false), |v| vm.truth(v))?;
        Ok(vm.new_bytes(&armor::from_quoted_printable(&data, header)).into())
    }),
    NativeDef::new(
        "b2a_qp(data, quotetabs=False, istext=True, header=False)",
        "Encode a string using quoted-printable encoding.",
        |vm, a| {
            let data = bytes_from(vm, &a[0])?;
            let mut flags = [false, true, false];
            for (i, flag) in flags.iter_mut().enumerate() {
                if let Some(v) = arg(a, i + 1) {
                    *flag = vm.truth(v)?;
                }
            }
            vm.check_alloc(data.len().saturating_mul(4))?;
            Ok(vm.new_bytes(&armor::to_quoted_printable(&data, flags[0], flags[1], flags[2])).into())
        },
    ),
    NativeDef::new("crc32(data, crc=0, /)", "Compute CRC-32 incrementally.", |vm, a| {
        let data = bytes_from(vm, &a[0])?;
        let start = low_bits(vm, arg(a, 1))?;
        let crc = crate::text::hash::crc32(start, &data);
        Ok(vm.int(i64::from(crc)))
    }),
    NativeDef::new("crc_hqx(data, crc, /)", "Compute CRC-CCITT incrementally.", |vm, a| {
        let data = bytes_from(vm, &a[0])?;
        let start = low_bits(vm, arg(a, 1))? as u16;
        Ok(Value::int32(i32::from(crate::text::hash::crc_hqx(start, &data))))
    }),
];

/// The exceptions of the module.
#[derive(Default)]
struct Errors(Option<[Ref<Class>; 2]>);

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("binascii", FUNCTIONS);
    let [error, incomplete] = errors(vm)?;
    vm.module_set(&module, "Error", error.into_value());
    vm.module_set(&module, "Incomplete", incomplete.into_value());
    Ok(module.into())
}

fn errors(vm: &mut Vm) -> R<[Ref<Class>; 2]> {
    if let Some(classes) = vm.state::<Errors>().0.clone() {
        return Ok(classes);
    }
    let (value_error, exception) = (vm.exc.ValueError.clone(), vm.exc.Exception.clone());
    let classes = [
        vm.define_exception("binascii", "Error", &value_error)?,
        vm.define_exception("binascii", "Incomplete", &exception)?,
    ];
    vm.state::<Errors>().0 = Some(classes.clone());
    Ok(classes)
}

#[cold]
fn error(vm: &mut Vm, text: &str) -> Raised {
    match errors(vm) {
        Ok([class, _]) => vm.raise_text(&class, text),
        Err(e) => e,
    }
}

/// Bytes, or text of ASCII alone.
fn ascii_arg(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    if let Some(s) = v.cast::<Str>() {
        let text = s.get(vm).as_bytes().to_vec();
        if !text.is_ascii() {
            return Err(vm.value_error("string argument should contain only ASCII characters"));
        }
        return Ok(text);
    }
    match read_buffer(vm, v)? {
        Some(data) => Ok(data),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("argument should be bytes, buffer or ASCII string, not '{got}'")))
        }
    }
}

/// The low 32 bits of an int of any size.
fn low_bits(vm: &mut Vm, v: Option<&Value>) -> R<u32> {
    let Some(v) = v else { return Ok(0) };
    let n = vm.index(v)?;
    Ok(match vm.as_i64(&n) {
        Some(n) => n as u32,
        None => {
            let big = vm.as_big_int(&n).unwrap_or(BigInt::from_i64(0));
            let low = big.abs().low_u64() as u32;
            if big.is_negative() { low.wrapping_neg() } else { low }
        }
    })
}

fn unhexlify(vm: &mut Vm, a: &[Value]) -> R {
    let text = ascii_arg(vm, &a[0])?;
    if text.len() % 2 != 0 {
        return Err(error(vm, "Odd-length string"));
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    let mut out = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks_exact(2) {
        match (digit(pair[0]), digit(pair[1])) {
            (Some(high), Some(low)) => out.push((high << 4 | low) as u8),
            _ => return Err(error(vm, "Non-hexadecimal digit found")),
        }
    }
    Ok(vm.new_bytes(&out).into())
}

fn hexlify(vm: &mut Vm, a: &[Value]) -> R {
    let data = bytes_from(vm, &a[0])?;
    vm.check_alloc(data.len().saturating_mul(3))?;
    let separator = match arg(a, 1) {
        None => None,
        Some(v) => {
            if vm.len(v)? != 1 {
                return Err(vm.value_error("sep must be length 1."));
            }
            let byte = match v.cast::<Str>() {
                Some(s) => s.get(vm).as_bytes().first().copied(),
                None => v.cast::<Bytes>().and_then(|b| b.get(vm).as_bytes().first().copied()),
            };
            match byte {
                None => return Err(vm.type_error("sep must be str or bytes.")),
                Some(b) if !b.is_ascii() => return Err(vm.value_error("sep must be ASCII.")),
                Some(b) => Some(b),
            }
        }
    };
    let group = match arg(a, 2) {
        Some(v) => vm.index_clamped(v)?,
        None => 1,
    };
    let text = armor::hex(&data, separator, group);
    Ok(vm.new_bytes(&text).into())
}
