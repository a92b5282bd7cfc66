//! Formats and items, against what CPython packs.

use super::*;

fn packed(format: &str, values: &[Value<'_>]) -> Result<Vec<u8>, String> {
    let layout = Layout::parse(format.as_bytes()).map_err(|e| e.message)?;
    layout.check_values("pack", values.len()).map_err(|e| e.message)?;
    let mut out = vec![0; layout.size()];
    for (field, value) in layout.fields().zip(values) {
        let place = &mut out[field.offset..field.offset + field.size];
        pack(&field, *value, layout.little_endian(), place).map_err(|e| e.message)?;
        let place = &out[field.offset..field.offset + field.size];
        if let (Value::Int(n), false) = (value, field.code == b'P') {
            assert_eq!(unpack(&field, place, layout.little_endian()), Value::Int(*n));
        }
    }
    Ok(out)
}

#[test]
fn values_are_packed() {
    let int = Value::Int;
    for (format, values, bytes) in [
        ("bi", &[int(1), int(2)][..], &b"\x01\0\0\0\x02\0\0\0"[..]),
        ("=bi", &[int(1), int(2)], b"\x01\x02\0\0\0"),
        ("!H", &[int(1)], b"\0\x01"),
        ("bq0i", &[int(1), int(-2)], b"\x01\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"),
        ("3s2x", &[Value::Bytes(b"abcdef")], b"abc\0\0"),
        ("3p", &[Value::Bytes(b"abcdef")], b"\x02ab"),
        ("5s", &[Value::Bytes(b"ab")], b"ab\0\0\0"),
        ("P", &[int(-1)], b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("<F", &[Value::Complex(1.0, 2.0)], b"\0\0\x80?\0\0\0@"),
        (">d", &[Value::Float(1.0)], b"?\xf0\0\0\0\0\0\0"),
        ("<e", &[Value::Float(65519.99)], b"\xff{"),
        ("<e", &[Value::Float(5e-8)], b"\x01\0"),
        ("<e", &[Value::Float(f64::NAN)], b"\0~"),
        ("@ i 2?", &[int(1), Value::Bool(true), Value::Bool(false)], b"\x01\0\0\0\x01\0"),
        ("c", &[Value::Bytes(b"z")], b"z"),
    ] {
        assert_eq!(packed(format, values).as_deref(), Ok(bytes), "{format}");
    }
    for (format, value, message) in [
        ("b", int(128), "'b' format requires -128 <= number <= 127"),
        ("Q", int(-1), "'Q' format requires 0 <= number <= 18446744073709551615"),
        ("<l", int(1 << 31), "'l' format requires -2147483648 <= number <= 2147483647"),
        ("q", Value::Huge, "'q' format requires -9223372036854775808 <= number <= 9223372036854775807"),
        ("P", int(1 << 64), "int too large to convert"),
        ("e", Value::Float(65520.0), "float too large to pack with e format"),
        ("f", Value::Float(1e40), "float too large to pack with f format"),
        ("i", Value::Wrong, "required argument is not an integer"),
        ("d", Value::Wrong, "required argument is not a float"),
        ("c", Value::Bytes(b"ab"), "char format requires a bytes object of length 1"),
        ("s", Value::Wrong, "argument for 's' must be a bytes object"),
        ("y", int(1), "bad char in struct format"),
        ("3", int(1), "repeat count given without format specifier"),
        ("<n", int(1), "bad char in struct format"),
        ("ii", int(1), "pack expected 2 items for packing (got 1)"),
        ("99999999999999999999i", int(1), "total struct size too long"),
        ("3 h", int(1), "bad char in struct format"),
    ] {
        assert_eq!(packed(format, &[value]), Err(message.to_owned()));
    }
}

#[test]
fn sizes_and_places() {
    for (format, size) in [("bq", 16), ("bib", 9), ("<bib", 6), ("i0q", 8), ("i 3h", 10), ("c?e", 4), ("0s", 0)] {
        assert_eq!(Layout::parse(format.as_bytes()).unwrap().size(), size);
    }
    let layout = Layout::parse(b"i").unwrap();
    let place = |packing, length, offset| layout.place(packing, length, offset).map_err(|e| e.message);
    assert_eq!(place(false, 8, -4), Ok(4));
    assert_eq!(place(false, 6, -2), Err("not enough data to unpack 4 bytes at offset -2".into()));
    assert_eq!(place(true, 8, -2), Err("no space to pack 4 bytes at offset -2".into()));
    assert_eq!(place(true, 8, -9), Err("offset -9 out of range for 8-byte buffer".into()));
    let message = "pack_into requires a buffer of at least 10 bytes for packing 4 bytes at offset 6 \
                   (actual buffer size is 8)";
    assert_eq!(place(true, 8, 6), Err(message.into()));
    assert!(layout.check_exact(3).is_err() && layout.check_iterated(8).is_ok() && layout.check_iterated(7).is_err());
}

#[test]
fn values_are_unpacked() {
    let one = |format: &str, bytes: &'static [u8]| {
        let layout = Layout::parse(format.as_bytes()).unwrap();
        let field = layout.fields().next().unwrap();
        unpack(&field, &bytes[field.offset..field.offset + field.size], layout.little_endian())
    };
    assert_eq!(one("3p", b"\x05ab"), Value::Bytes(b"ab"));
    assert_eq!(one(">h", b"\xff\xfe"), Value::Int(-2));
    assert_eq!(one("<Q", b"\xff\xff\xff\xff\xff\xff\xff\xff"), Value::Int(u64::MAX.into()));
    assert_eq!(one("<e", b"\0<"), Value::Float(1.0));
    assert_eq!(one("?", b"\x02"), Value::Bool(true));
    for bits in [0u16, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0xFC00, 0x8001, 0x3C00] {
        assert_eq!(f16_from_f64(f64_from_f16(bits)), Some(bits));
    }
}

#[test]
fn array_items() {
    let mut out = [0; 8];
    let mut fails = |code, n| pack_array_int(code, Some(n), n < 0, &mut out).unwrap_err().message;
    assert_eq!(fails('b', 128), "signed char is greater than maximum");
    assert_eq!(fails('B', -1), "unsigned byte integer is less than minimum");
    assert_eq!(fails('H', -1), "unsigned short is less than minimum");
    assert_eq!(fails('I', -1), "can't convert negative value to unsigned int");
    assert_eq!(fails('L', 1 << 64), "Python int too large to convert to C unsigned long");
    assert_eq!(fails('Q', -1), "can't convert negative int to unsigned");
    let mut out = [0; 4];
    pack_array_float(1e40, &mut out).unwrap();
    assert_eq!(unpack_array_item('f', &out), Value::Float(f64::INFINITY));
    assert_eq!(array_item_size('z'), None);
}
