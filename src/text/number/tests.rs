//! Numbers in text, against what CPython prints and reads.

use super::float_hex::{from_hex, to_hex};
use super::float_text::*;
use super::int_text::*;
use super::parse::*;
use crate::bigint::BigInt;
use crate::text::repr::str_repr_string;

fn int(text: &str, base: i64) -> Result<String, String> {
    match parse_int(text.as_bytes(), base, 4300, false, || str_repr_string(text.as_bytes())) {
        Ok(ParsedInt::Small(n)) => Ok(n.to_string()),
        Ok(ParsedInt::Big(n)) => Ok(n.to_string()),
        Err(e) => Err(e.message),
    }
}

#[test]
fn integers_are_read() {
    for (text, base, value) in [
        ("\u{2028}1", 10, "1"),
        ("０1", 10, "1"),
        (" -9", 10, "-9"),
        ("0b1", 0, "1"),
        ("00", 0, "0"),
        ("0_0", 0, "0"),
        ("0x_1", 0, "1"),
        ("z", 36, "35"),
        ("0b1", 16, "177"),
        (" 0x1 ", 0, "1"),
        ("1_000_000_000_000_000_000_000", 10, "1000000000000000000000"),
        ("-9223372036854775808", 10, "-9223372036854775808"),
        ("ffffffffffffffff", 16, "18446744073709551615"),
    ] {
        assert_eq!(int(text, base).as_deref(), Ok(value), "{text}");
    }
    for (text, base) in [
        ("\x1c1", 10),
        ("1_", 10),
        ("_1", 10),
        ("1__0", 10),
        ("", 10),
        ("- 9", 10),
        ("+-9", 10),
        ("010", 0),
        ("0x__1", 16),
        ("0x", 16),
        ("0b2", 2),
        ("0_x1", 16),
        ("0xg", 0),
        ("0_1", 0),
    ] {
        let message = format!("invalid literal for int() with base {base}: {}", str_repr_string(text.as_bytes()));
        assert_eq!(int(text, base), Err(message));
    }
    assert_eq!(int("1", 37), Err("int() base must be >= 2 and <= 36, or 0".into()));
    assert_eq!(
        int(&("0".repeat(4301) + "1"), 10),
        Err("Exceeds the limit (4300 digits) for integer string conversion: value has 4302 digits; \
             use sys.set_int_max_str_digits() to increase the limit"
            .into())
    );
    assert!(int(&"9".repeat(5000), 16).is_ok());
}

#[test]
fn integers_are_written_up_to_the_limit() {
    let ten = BigInt::from_i64(10);
    assert!(to_decimal(&-&ten.pow(4299).unwrap(), 4300).is_ok());
    assert!(to_decimal(&ten.pow(4300).unwrap(), 4300).is_err());
    assert!(to_decimal(&ten.pow(9000).unwrap(), 4300).is_err());
    assert!(to_decimal(&ten.pow(9000).unwrap(), 0).is_ok());
    assert_eq!(to_power_radix(&BigInt::from_i64(-255), 16, true), "-0xff");
}

#[test]
fn floats_are_read() {
    let read = |text: &str| parse_float(text.as_bytes(), false, || str_repr_string(text.as_bytes()));
    for (text, value) in [
        ("\u{2028}1", 1.0),
        ("1_0", 10.0),
        ("INF", f64::INFINITY),
        ("iNfinitY", f64::INFINITY),
        ("１.５", 1.5),
        ("-1e400", f64::NEG_INFINITY),
        ("1e5_0", 1e50),
        (" 1. ", 1.0),
        (".5e-1", 0.05),
    ] {
        assert_eq!(read(text), Ok(value), "{text}");
    }
    assert!(read("-nan").unwrap().is_nan());
    for text in ["\x1c1", "1_", "1e_5", "1_e5", "1._5", "1_.5", "nan1", "0x1", ".", "", "1\0", "_inf", "1e", "e5"] {
        let message = format!("could not convert string to float: {}", str_repr_string(text.as_bytes()));
        assert_eq!(read(text).map_err(|e| e.message), Err(message));
    }
}

#[test]
fn complex_numbers_are_read() {
    let read = |text: &str| parse_complex(text.as_bytes(), || str_repr_string(text.as_bytes()));
    for (text, re, im) in [
        ("1+2j", 1.0, 2.0),
        ("-j", 0.0, -1.0),
        (" ( 1+2J ) ", 1.0, 2.0),
        ("1e5-infj", 1e5, f64::NEG_INFINITY),
        ("1-j", 1.0, -1.0),
        ("1_0+2_0j", 10.0, 20.0),
        ("inf", f64::INFINITY, 0.0),
    ] {
        assert_eq!(read(text), Ok((re, im)), "{text}");
    }
    for text in ["1 + 2j", "1+2", "((1))", "()", "", "(1", "1+", "+", "1j+2", "1+2jj", "a\0"] {
        assert_eq!(read(text).map_err(|e| e.message), Err("complex() arg is a malformed string".into()));
    }
    let message = "could not convert string to complex: '1__0j'".to_string();
    assert_eq!(read("1__0j").map_err(|e| e.message), Err(message));
}

#[test]
fn floats_are_written() {
    for (x, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (1e15, "1000000000000000.0"),
        (9999999999999998.0, "9999999999999998.0"),
        (123456789012345680.0, "1.2345678901234568e+17"),
        (1e-4, "0.0001"),
        (1e-5, "1e-05"),
        (5e-324, "5e-324"),
        (f64::NAN, "nan"),
        (f64::NEG_INFINITY, "-inf"),
        (0.1, "0.1"),
        (1e22, "1e+22"),
        (7761587596758005.0 / 4.0, "1940396899189501.2"),
        (2.5, "2.5"),
        (100.0, "100.0"),
    ] {
        assert_eq!(repr(x), text);
    }
    for (style, precision, x, text) in [
        (Style::Fixed, 2, 0.125, "0.12"),
        (Style::Fixed, 0, 2.5, "2"),
        (Style::Fixed, 0, 0.5, "0"),
        (Style::Exponent, 0, 25.0, "2e+01"),
        (Style::Exponent, 3, 0.0, "0.000e+00"),
        (Style::General, 6, 1234567.0, "1.23457e+06"),
        (Style::General, 6, 0.0001, "0.0001"),
        (Style::General, 6, 0.0, "0"),
        (Style::General, 0, 15.0, "2e+01"),
        (Style::General, 3, 100.0, "100"),
        (Style::Exponent, 5, -1e-100, "-1.00000e-100"),
    ] {
        assert_eq!(format(x, FloatFormat::new(style, precision)), text);
    }
    let alternate = FloatFormat { alternate: true, ..FloatFormat::new(Style::General, 6) };
    assert_eq!(format(1.0, alternate), "1.00000");
    assert_eq!(format(0.0, alternate), "0.00000");
    assert_eq!(format(1e10, alternate), "1.00000e+10");
    assert_eq!(format(0.0001, alternate), "0.000100000");
    assert_eq!(format(1.0, FloatFormat::new(Style::Fixed, 70000)).len(), 70002);
}

#[test]
fn complex_numbers_are_written() {
    for (re, im, text) in [
        (0.0, 1.0, "1j"),
        (-0.0, -1.0, "(-0-1j)"),
        (0.0, -0.0, "-0j"),
        (-0.0, 0.0, "(-0+0j)"),
        (1.0, f64::NAN, "(1+nanj)"),
        (f64::INFINITY, f64::NEG_INFINITY, "(inf-infj)"),
        (1e16, 1e-5, "(1e+16+1e-05j)"),
    ] {
        assert_eq!(complex_repr(re, im), text);
    }
}

#[test]
fn base_sixteen() {
    for (x, text) in [
        (0.0, "0x0.0p+0"),
        (0.1, "0x1.999999999999ap-4"),
        (5e-324, "0x0.0000000000001p-1022"),
        (-1e308, "-0x1.1ccf385ebc8a0p+1023"),
    ] {
        assert_eq!(to_hex(x), text);
        assert_eq!(from_hex(text.as_bytes()), Ok(x));
    }
    for (text, x) in [
        ("1", 1.0),
        ("0x.8p1", 1.0),
        (" 0X1.8P-3 ", 0.1875),
        ("0x1.fffffffffffff7p1023", f64::MAX),
        ("0x1p-1075", 0.0),
        ("0x1.8p-1075", 5e-324),
        ("0x1.00000000000008p0", 1.0),
        ("0x1.000000000000080001p0", 1.0000000000000002),
        ("0x1.00000000000018p0", 1.0000000000000004),
        ("abc", 2748.0),
        ("0x1p-99999999999", 0.0),
        ("infinity", f64::INFINITY),
        ("0x1p-1022", f64::MIN_POSITIVE),
        ("0x0.fffffffffffff8p-1022", f64::MIN_POSITIVE),
    ] {
        assert_eq!(from_hex(text.as_bytes()), Ok(x), "{text}");
    }
    for text in ["0x1p1024", "0x1.fffffffffffff8p1023", "1p99999999999999999999"] {
        assert_eq!(
            from_hex(text.as_bytes()).map_err(|e| e.message),
            Err("hexadecimal value too large to represent as a float".into())
        );
    }
    for text in ["0x", "p1", "0x1p", ".", "0x1.p+", "1_0", "in", ""] {
        assert!(from_hex(text.as_bytes()).is_err());
    }
}
