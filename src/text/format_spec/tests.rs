//! The mini-language, against what CPython prints.

use super::*;

fn shown(result: crate::text::Result<Vec<u8>>) -> String {
    match result {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(e) => e.message,
    }
}

#[test]
fn texts() {
    let f = |text: &str, spec: &str| shown(format_str(text.as_bytes(), spec.as_bytes(), "str"));
    assert_eq!(f("héllo", "é^9.3"), "éééhélééé");
    assert_eq!(f("abc", "5"), "abc  ");
    assert_eq!(f("abc", "05"), "abc00");
    assert_eq!(f("abc", "d"), "Unknown format code 'd' for object of type 'str'");
    assert_eq!(f("abc", ","), "Cannot specify ',' with 's'.");
    assert_eq!(f("abc", "=5"), "'=' alignment not allowed in string format specifier");
    assert_eq!(f("abc", "+"), "Sign not allowed in string format specifier");
    assert_eq!(f("abc", "#"), "Alternate form (#) not allowed in string format specifier");
    assert_eq!(f("abc", "xyz"), "Invalid format specifier 'xyz' for object of type 'str'");
    assert_eq!(f("abc", ".s"), "Format specifier missing precision");
    assert_eq!(f("abc", "99999999999999999999"), "Too many decimal digits in format string");
    assert_eq!(f("abc", "é"), "Unknown format code '\\xe9' for object of type 'str'");
}

#[test]
fn integers() {
    let f = |n: i64, spec: &str| shown(format_int(Int::Small(n), spec.as_bytes(), "int", 4300));
    for (n, spec, text) in [
        (1234567, ",", "1,234,567"),
        (-1234567, "012,", "-001,234,567"),
        (1234, "08,", "0,001,234"),
        (255, "#_x", "0xff"),
        (1 << 20, "_b", "1_0000_0000_0000_0000_0000"),
        (-255, "#010X", "-0X00000FF"),
        (97, "c", "a"),
        (5, "^+7", "  +5   "),
        (5, "*=+7", "+*****5"),
        (3, ".2f", "3.00"),
        (3, ".2", "Precision not allowed in integer format specifier"),
        (3, "z", "Negative zero coercion (z) not allowed in integer format specifier"),
        (3, ",x", "Cannot specify ',' with 'x'."),
        (3, ",_", "Cannot specify both ',' and '_'."),
        (-1, "c", "%c arg not in range(0x110000)"),
        (1, "+c", "Sign not allowed with integer format specifier 'c'"),
    ] {
        assert_eq!(f(n, spec), text, "{n} {spec}");
    }
    let big = crate::bigint::BigInt::from_i64(10).pow(400).unwrap();
    assert_eq!(shown(format_int(Int::Big(&big), b"e", "int", 4300)), "int too large to convert to float");
    assert_eq!(shown(format_int(Int::Big(&big), b",", "int", 4300)).len(), 401 + 133);
}

#[test]
fn floats() {
    let f = |x: f64, spec: &str| shown(format_float(x, spec.as_bytes(), "float"));
    for (x, spec, text) in [
        (1234.5678, ",.2f", "1,234.57"),
        (1234.5678, "012,.2f", "0,001,234.57"),
        (0.123456789, ".9_f", "0.123_456_789"),
        (0.256, ".1%", "25.6%"),
        (-0.0001, "z.1f", "0.0"),
        (f64::INFINITY, "08", "00000inf"),
        (f64::NAN, "+F", "+NAN"),
        (1.0, ".3", "1.0"),
        (123456.0, ".3", "1.23e+05"),
        (1e16, "", "1e+16"),
        (1.5, "#.0f", "2."),
        (3.0, "n", "3"),
        (3.0, "d", "Unknown format code 'd' for object of type 'float'"),
        (3.0, ".9999999999", "precision too big"),
    ] {
        assert_eq!(f(x, spec), text, "{x} {spec}");
    }
}

#[test]
fn complex_numbers() {
    let f = |re: f64, im: f64, spec: &str| shown(format_complex(re, im, spec.as_bytes(), "complex"));
    assert_eq!(f(1.0, 2.0, "10"), "    (1+2j)");
    assert_eq!(f(0.0, 2.0, "+"), "+2j");
    assert_eq!(f(1.0, -2.0, ".2f"), "1.00-2.00j");
    assert_eq!(f(1.0, 2.0, "05"), "Zero padding is not allowed in complex format specifier");
    assert_eq!(f(1.0, 2.0, "%"), "Unknown format code '%' for object of type 'complex'");
    assert_eq!(f(1.0, 2.0, "=5"), "'=' alignment flag is not allowed in complex format specifier");
}
