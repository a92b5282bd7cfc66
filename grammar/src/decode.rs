//! Source bytes to text: the byte order mark and PEP 263 encoding declarations.

use crate::ast::Span;
use crate::error::{ErrorKind, SyntaxError};
use std::borrow::Cow;

/// The encodings a source may declare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
    Latin9,
    Cp1252,
    Ascii,
    /// Any other that is in use: GBK, Shift_JIS, KOI8-R, …
    Other(&'static encoding_rs::Encoding),
}

/// Decodes a source file: UTF-8 (with or without a byte order mark) unless a PEP 263 comment in the first two lines
/// declares otherwise. Line breaks are kept as they are.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, SyntaxError> {
    let (bytes, bom) = match bytes.strip_prefix(b"\xEF\xBB\xBF") {
        Some(rest) => (rest, true),
        None => (bytes, false),
    };
    let declared_name = declared(bytes);
    let encoding = match &declared_name {
        None => Encoding::Utf8,
        Some(name) => {
            let encoding = by_name(name).ok_or_else(|| plain(format!("unknown encoding: {name}"), 0))?;
            let name = normal_name(name);
            if bom && name != "utf-8" {
                return Err(plain(format!("encoding problem: {name} with BOM"), 0));
            }
            encoding
        }
    };
    let text = to_text(bytes, encoding, declared_name.as_deref().unwrap_or_default())?;
    match memchr::memchr(0, text.as_bytes()) {
        Some(at) => Err(plain("source code cannot contain null bytes", at)),
        None => Ok(text),
    }
}

fn plain(message: impl Into<String>, at: usize) -> SyntaxError {
    SyntaxError::new(ErrorKind::Syntax, message, Span::new(at as u32, at as u32))
}

fn to_text<'a>(bytes: &'a [u8], encoding: Encoding, name: &str) -> Result<Cow<'a, str>, SyntaxError> {
    match encoding {
        Encoding::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
            let at = error.valid_up_to();
            let byte = bytes.get(at).copied().unwrap_or(0);
            let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
            let message = format!(
                "Non-UTF-8 code starting with '\\x{byte:02x}' on line {line}, but no encoding declared; see \
                 https://peps.python.org/pep-0263/ for details"
            );
            plain(message, at)
        }),
        Encoding::Ascii => match bytes.iter().position(|b| !b.is_ascii()) {
            Some(at) => {
                let byte = bytes[at];
                let message =
                    format!("'ascii' codec can't decode byte 0x{byte:02x} in position {at}: ordinal not in range(128)");
                Err(plain(message, 0))
            }
            None => to_text(bytes, Encoding::Utf8, name),
        },
        Encoding::Latin1 | Encoding::Latin9 | Encoding::Cp1252 => {
            if bytes.is_ascii() {
                return to_text(bytes, Encoding::Utf8, name);
            }
            Ok(Cow::Owned(bytes.iter().map(|&b| single_byte(b, encoding)).collect()))
        }
        Encoding::Other(e) => e
            .decode_without_bom_handling_and_without_replacement(bytes)
            .ok_or_else(|| plain(format!("encoding problem: {name}"), 0)),
    }
}

fn single_byte(byte: u8, encoding: Encoding) -> char {
    const CP1252: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match (encoding, byte) {
        (Encoding::Cp1252, 0x80..=0x9F) => CP1252[usize::from(byte - 0x80)],
        (Encoding::Latin9, 0xA4) => '€',
        (Encoding::Latin9, 0xA6) => 'Š',
        (Encoding::Latin9, 0xA8) => 'š',
        (Encoding::Latin9, 0xB4) => 'Ž',
        (Encoding::Latin9, 0xB8) => 'ž',
        (Encoding::Latin9, 0xBC) => 'Œ',
        (Encoding::Latin9, 0xBD) => 'œ',
        (Encoding::Latin9, 0xBE) => 'Ÿ',
        _ => char::from(byte),
    }
}

/// The name in a `coding: name` comment of the first line, or of the second if the first is blank or a comment.
fn declared(bytes: &[u8]) -> Option<String> {
    let mut lines = bytes.split(|&b| b == b'\n' || b == b'\r');
    for _ in 0..2 {
        let line = lines.next()?.trim_ascii_start();
        if !line.is_empty() && line[0] != b'#' && line[0] != b'\x0c' {
            return None;
        }
        if let Some(name) = cookie(line) {
            return Some(name);
        }
    }
    None
}

fn cookie(line: &[u8]) -> Option<String> {
    let mut rest = line;
    while let Some(at) = memchr::memmem::find(rest, b"coding") {
        rest = &rest[at + 6..];
        let Some((b':' | b'=', value)) = rest.split_first() else { continue };
        let value = value.trim_ascii_start();
        let len = value.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
        if len > 0 {
            return Some(String::from_utf8_lossy(&value[..len]).into_owned());
        }
    }
    None
}

/// The name as CPython's tokenizer normalises it; it knows fewer aliases than the codecs.
fn normal_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase().replace('_', "-");
    if lower == "utf-8" || lower.starts_with("utf-8-") {
        return "utf-8".to_owned();
    }
    let latin = ["latin-1", "iso-8859-1", "iso-latin-1"];
    if latin.iter().any(|l| lower.strip_prefix(l).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))) {
        return "iso-8859-1".to_owned();
    }
    name.to_owned()
}

fn by_name(name: &str) -> Option<Encoding> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    Some(match name.as_str() {
        "utf-8" | "utf8" | "u8" | "utf" | "utf8-ucs2" | "utf8-ucs4" | "cp65001" | "utf-8-sig" => Encoding::Utf8,
        n if n.starts_with("utf-8-") => Encoding::Utf8,
        "latin-1" | "iso-latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819"
        | "iso-ir-100" => Encoding::Latin1,
        "iso-8859-15" | "iso8859-15" | "latin-9" | "latin9" | "l9" => Encoding::Latin9,
        "cp1252" | "windows-1252" | "1252" => Encoding::Cp1252,
        "ascii" | "us-ascii" | "646" | "iso646-us" | "ansi-x3.4-1968" | "us" => Encoding::Ascii,
        other => Encoding::Other(other_by_name(other)?),
    })
}

/// Names of Python's codecs that are not those of the encoding standard.
fn other_by_name(name: &str) -> Option<&'static encoding_rs::Encoding> {
    let label = match name {
        "936" | "cp936" | "ms936" | "gb2312-80" | "euc-cn" | "euccn" | "eucgb2312-cn" => "gbk",
        "gb18030-2000" => "gb18030",
        "big5-tw" | "csbig5" | "950" | "cp950" | "ms950" => "big5",
        "cp932" | "932" | "ms932" | "mskanji" | "shiftjis" | "sjis" | "s-jis" => "shift_jis",
        "eucjp" | "ujis" | "u-jis" => "euc-jp",
        "euckr" | "korean" | "cp949" | "949" | "ms949" | "uhc" => "euc-kr",
        "mac-roman" | "macroman" => "macintosh",
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic",
        other => other,
    };
    let single = label.strip_prefix("iso8859-").map(|n| format!("iso-8859-{n}"));
    let found = encoding_rs::Encoding::for_label(single.as_deref().unwrap_or(label).as_bytes())?;
    // UTF-16 source is no source, and the replacement encoding is none.
    (found.is_ascii_compatible() && found != encoding_rs::UTF_8 && found != encoding_rs::REPLACEMENT).then_some(found)
}
