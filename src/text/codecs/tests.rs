//! Codecs, against what CPython's codecs give.

use super::*;
use crate::text::gutf8::from_code_points;

fn dec(bytes: &[u8], encoding: &str, errors: &str) -> String {
    let encoding = Encoding::named(encoding).unwrap();
    match decode_named(encoding, bytes, errors) {
        Ok(text) => crate::text::repr::str_repr_string(&text),
        Err(CodecError::Decode(f)) => {
            assert!(f.decode_message(bytes).contains(&f.reason));
            format!("{} {} {} {}", f.encoding, f.start, f.end, f.reason)
        }
        Err(e) => format!("{e:?}"),
    }
}

fn enc(text: &[u32], encoding: &str, errors: &str) -> Result<Vec<u8>, String> {
    let encoding = Encoding::named(encoding).unwrap();
    let text = from_code_points(text.iter().copied());
    encode_named(encoding, &text, errors).map_err(|e| match e {
        CodecError::Encode(f) => f.encode_message(&text),
        e => format!("{e:?}"),
    })
}

#[test]
fn faults_of_decoders() {
    for (bytes, encoding, fault) in [
        (&b"\xf0\x9f\x98"[..], "utf-8", "utf-8 0 3 unexpected end of data"),
        (b"\xf0\x9fa", "utf8", "utf-8 0 2 invalid continuation byte"),
        (b"\xc0", "U8", "utf-8 0 1 invalid start byte"),
        (b"\xe0\x80", "utf-8", "utf-8 0 1 invalid continuation byte"),
        (b"\xed\xa0\x80", "utf-8", "utf-8 0 1 invalid continuation byte"),
        (b"\xff\xfeA\x00\xd8", "utf-16", "utf-16-le 4 5 truncated data"),
        (b"\x00\xd8A\x00", "utf-16", "utf-16-le 0 2 illegal UTF-16 surrogate"),
        (b"\x00\xdcA\x00", "utf-16-le", "utf-16-le 0 2 illegal encoding"),
        (b"\xd8\x00", "utf-16-be", "utf-16-be 0 2 unexpected end of data"),
        (b"\x00\x00\x11\x00", "utf-32-le", "utf-32-le 0 4 code point not in range(0x110000)"),
        (b"abc", "utf-32", "utf-32-le 0 3 truncated data"),
        (b"a\xff", "ascii", "ascii 1 2 ordinal not in range(128)"),
        (b"\x81", "cp1252", "charmap 0 1 character maps to <undefined>"),
        (b"\x81", "gbk", "gbk 0 1 incomplete multibyte sequence"),
        (b"\x81 a", "gbk", "gbk 0 1 illegal multibyte sequence"),
        (b"\xff", "shift_jis", "shift_jis 0 1 illegal multibyte sequence"),
        (b"\x8f\xa1", "euc-jp", "euc_jp 0 2 incomplete multibyte sequence"),
        (b"\\x1", "unicode_escape", "unicodeescape 0 3 truncated \\xXX escape"),
        (b"a\\", "unicode_escape", "unicodeescape 1 2 \\ at end of string"),
        (b"\\U00110000", "unicode_escape", "unicodeescape 0 10 illegal Unicode character"),
        (b"\\N{xx}", "unicode_escape", "unicodeescape 0 6 unknown Unicode character name"),
        (b"\\Nx", "unicode_escape", "unicodeescape 0 2 malformed \\N character escape"),
        (b"\\u123g", "raw_unicode_escape", "rawunicodeescape 0 5 truncated \\uXXXX escape"),
        (b"\\U00110000", "raw-unicode-escape", "rawunicodeescape 0 10 \\Uxxxxxxxx out of range"),
    ] {
        assert_eq!(dec(bytes, encoding, "strict"), fault);
    }
}

#[test]
fn decoders() {
    for (bytes, encoding, errors, text) in [
        (&b"\xed\xa0\x80a"[..], "utf-8", "surrogatepass", "'\\ud800a'"),
        (b"\x00\xd8a\x00", "utf-16-le", "surrogatepass", "'\\ud800a'"),
        (b"\xe2\x82", "utf-8", "surrogateescape", "'\\udce2\\udc82'"),
        (b"\xe2\x82", "utf-8", "backslashreplace", "'\\\\xe2\\\\x82'"),
        (b"\xe2\x82a\xff", "utf-8", "replace", "'\u{fffd}a\u{fffd}'"),
        (b"\xffa", "ascii", "ignore", "'a'"),
        (b"\xef\xbb\xbfa", "utf-8-sig", "strict", "'a'"),
        (b"\x80\x99", "windows-1252", "strict", "'€™'"),
        (b"\x82", "cp437", "strict", "'é'"),
        (b"\xc4\xe3", "gb2312", "strict", "'你'"),
        (b"\x93\xfa", "sjis", "strict", "'日'"),
        (b"\\400\\377\\8\\\n\\n", "unicode_escape", "strict", "'Āÿ\\\\8\\n'"),
        (b"\\ud83d\\ude00\\N{SPACE}", "unicode_escape", "strict", "'\\ud83d\\ude00 '"),
        (b"\xff\\\\u00e9\\u00e9\\", "raw_unicode_escape", "strict", "'ÿ\\\\\\\\u00e9é\\\\'"),
    ] {
        assert_eq!(dec(bytes, encoding, errors), text);
    }
    assert!(dec(b"\xff", "ascii", "nosuch").contains("unknown error handler name 'nosuch'"));
    assert_eq!(Encoding::named("nosuch"), None);
    assert_eq!(Encoding::named("ISO-8859-15").map(Encoding::name), Some("iso8859-15"));
    let strict = |fault: Fault| Err::<(Vec<u8>, usize), _>(fault);
    let part = decode(Encoding::Utf8, b"a\xe2\x82", false, &mut { strict }).unwrap();
    assert_eq!((part.text, part.consumed), (b"a".to_vec(), 1));
    let note = decode(Encoding::UnicodeEscape, b"\\q\\777", true, &mut { strict }).unwrap().note.unwrap();
    assert!(note.message().starts_with("\"\\q\" is an invalid escape sequence."));
}

#[test]
fn encoders() {
    for (text, encoding, errors, bytes) in [
        (&[0xE9, 0xD800][..], "ascii", "replace", &b"??"[..]),
        (&[0xE9, 0xD800], "ascii", "namereplace", b"\\N{LATIN SMALL LETTER E WITH ACUTE}\\ud800"),
        (&[0xE9, 0x20AC], "ascii", "xmlcharrefreplace", b"&#233;&#8364;"),
        (&[0xDCE9, 0x61], "ascii", "surrogateescape", b"\xe9a"),
        (&[0xD800], "utf-16", "surrogatepass", b"\xff\xfe\x00\xd8"),
        (&[0xD800, 0x61], "utf-8", "surrogatepass", b"\xed\xa0\x80a"),
        (&[0xD800], "utf-8", "replace", b"?"),
        (&[0xD800], "utf-16-be", "replace", b"\x00?"),
        (&[0x1F600], "utf-16-be", "strict", b"\xd8\x3d\xde\x00"),
        (&[0x1F600], "utf-32", "strict", b"\xff\xfe\x00\x00\x00\xf6\x01\x00"),
        (&[0x20AC], "cp1252", "strict", b"\x80"),
        (&[0x4F60], "gbk", "strict", b"\xc4\xe3"),
        (&[0xE9, 0x0A, 0x5C, 0, 0x1F600], "unicode_escape", "strict", b"\\xe9\\n\\\\\\x00\\U0001f600"),
        (&[0xE9, 0x0A, 0x20AC], "raw_unicode_escape", "strict", b"\xe9\n\\u20ac"),
        (&[0x61], "utf-8-sig", "strict", b"\xef\xbb\xbfa"),
    ] {
        assert_eq!(enc(text, encoding, errors), Ok(bytes.to_vec()), "{encoding} {errors}");
    }
    for (text, encoding, message) in [
        (
            &[0xD800, 0xD801][..],
            "utf-8",
            "'utf-8' codec can't encode characters in position 0-1: surrogates not allowed",
        ),
        (
            &[0x61, 0xD800],
            "utf-16",
            "'utf-16' codec can't encode character '\\ud800' in position 1: surrogates not allowed",
        ),
        (
            &[0x20AC],
            "latin-1",
            "'latin-1' codec can't encode character '\\u20ac' in position 0: ordinal not in range(256)",
        ),
        (
            &[0x81, 0x8D],
            "cp1252",
            "'charmap' codec can't encode characters in position 0-1: character maps to <undefined>",
        ),
        (
            &[0x1F600],
            "sjis",
            "'shift_jis' codec can't encode character '\\U0001f600' in position 0: illegal multibyte sequence",
        ),
    ] {
        assert_eq!(enc(text, encoding, "strict"), Err(message.to_owned()));
    }
    assert!(enc(&[0xE9], "ascii", "surrogateescape").is_err());
    assert!(enc(&[0xD800], "ascii", "surrogatepass").is_err());
}

#[test]
fn transformations() {
    assert_eq!(to_hex(b"\x00\xff"), "00ff");
    assert_eq!(from_hex(b" 12 34"), Ok(b"\x12\x34".to_vec()));
    for (text, message) in [
        ("1", "fromhex() arg must contain an even number of hexadecimal digits"),
        ("1g", "non-hexadecimal number found in fromhex() arg at position 1"),
        ("é", "non-hexadecimal number found in fromhex() arg at position 0"),
    ] {
        assert_eq!(from_hex(text.as_bytes()).unwrap_err().message, message);
    }
    for text in [&b""[..], b"a", b"ab", b"abc", b"\xff\xfe\xfd\xfc"] {
        assert_eq!(from_base64(&to_base64(text), true).unwrap(), text);
    }
    assert_eq!(from_base64(b"YQ==YQ==", false).unwrap(), b"a\x06\x10");
    assert_eq!(from_base64(b"Y!Q=\n=", false).unwrap(), b"a");
    for (text, message) in [
        (&b"YQ==YQ=="[..], "Excess data after padding"),
        (b"Y!Q=", "Only base64 data is allowed"),
        (b"YQ=", "Incorrect padding"),
        (b"=YQ==", "Leading padding not allowed"),
        (b"YQ===", "Excess padding not allowed"),
        (b"YWJj====", "Excess padding not allowed"),
    ] {
        assert_eq!(from_base64(text, true).unwrap_err().message, message);
    }
    assert_eq!(rot13("Hellö".as_bytes()), "Uryyö".as_bytes());
}
