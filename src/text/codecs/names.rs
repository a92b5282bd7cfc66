//! Which codec a name means.

use super::{multibyte, single_tables};

/// A codec between text and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8
    Utf8,
    /// UTF-8 with a signature at the start.
    Utf8Sig,
    /// UTF-16: little-endian if `Some(true)`, with a byte order mark if `None`.
    Utf16(Option<bool>),
    /// UTF-32, likewise.
    Utf32(Option<bool>),
    /// ISO 8859-1
    Latin1,
    /// ASCII
    Ascii,
    /// A code page; the place in the table.
    Charmap(usize),
    /// An East Asian encoding; the place in the table.
    Multibyte(usize),
    /// Python's escapes in ASCII.
    UnicodeEscape,
    /// Only `\u` and `\U` escapes, the rest Latin-1.
    RawUnicodeEscape,
}

/// A codec's name in the form that aliases are listed in: small letters, underscores for
/// everything that is neither letter, digit nor dot.
pub fn normalize_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut gap = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            if gap && !out.is_empty() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
            gap = false;
        } else {
            gap = true;
        }
    }
    out
}

impl Encoding {
    /// The codec that a name or alias means.
    pub fn named(name: &str) -> Option<Encoding> {
        let normal = normalize_name(name);
        Some(match normal.as_str() {
            "utf_8" | "utf8" | "u8" | "utf" | "cp65001" | "utf8_ucs2" | "utf8_ucs4" => Encoding::Utf8,
            "utf_8_sig" => Encoding::Utf8Sig,
            "utf_16" | "utf16" | "u16" => Encoding::Utf16(None),
            "utf_16_le" | "utf_16le" | "unicodelittleunmarked" => Encoding::Utf16(Some(true)),
            "utf_16_be" | "utf_16be" | "unicodebigunmarked" => Encoding::Utf16(Some(false)),
            "utf_32" | "utf32" | "u32" => Encoding::Utf32(None),
            "utf_32_le" | "utf_32le" => Encoding::Utf32(Some(true)),
            "utf_32_be" | "utf_32be" => Encoding::Utf32(Some(false)),
            "latin_1" | "latin1" | "latin" | "l1" | "8859" | "cp819" | "iso8859" | "iso8859_1" | "iso_8859_1"
            | "iso_ir_100" | "csisolatin1" | "ibm819" | "iso_8859_1_1987" => Encoding::Latin1,
            "ascii" | "646" | "ansi_x3.4_1968" | "ansi_x3_4_1968" | "ansi_x3.4_1986" | "cp367" | "csascii"
            | "ibm367" | "iso646_us" | "iso_646.irv_1991" | "iso_ir_6" | "us" | "us_ascii" => Encoding::Ascii,
            "unicode_escape" | "unicodeescape" => Encoding::UnicodeEscape,
            "raw_unicode_escape" | "rawunicodeescape" => Encoding::RawUnicodeEscape,
            _ => {
                let page = |p: &(&str, &str, &str)| p.0 == normal || p.1.split(' ').any(|alias| alias == normal);
                if let Some(at) = single_tables::PAGES.iter().position(page) {
                    Encoding::Charmap(at)
                } else {
                    Encoding::Multibyte(multibyte::position(&normal)?)
                }
            }
        })
    }

    /// The codec's own name, as `codecs.lookup(…).name` gives it.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf8Sig => "utf-8-sig",
            Encoding::Utf16(None) => "utf-16",
            Encoding::Utf16(Some(true)) => "utf-16-le",
            Encoding::Utf16(Some(false)) => "utf-16-be",
            Encoding::Utf32(None) => "utf-32",
            Encoding::Utf32(Some(true)) => "utf-32-le",
            Encoding::Utf32(Some(false)) => "utf-32-be",
            Encoding::Latin1 => "iso8859-1",
            Encoding::Ascii => "ascii",
            Encoding::Charmap(at) => single_tables::PAGES.get(at).map_or("charmap", |page| page.2),
            Encoding::Multibyte(at) => multibyte::name(at),
            Encoding::UnicodeEscape => "unicode_escape",
            Encoding::RawUnicodeEscape => "raw_unicode_escape",
        }
    }

    /// The name that its errors carry.
    pub(super) fn error_name(self) -> &'static str {
        match self {
            Encoding::Latin1 => "latin-1",
            Encoding::Charmap(_) => "charmap",
            Encoding::UnicodeEscape => "unicodeescape",
            Encoding::RawUnicodeEscape => "rawunicodeescape",
            Encoding::Utf8Sig => "utf-8",
            other => other.name(),
        }
    }

    pub(super) fn encode_reason(self) -> &'static str {
        match self {
            Encoding::Latin1 => "ordinal not in range(256)",
            Encoding::Ascii => "ordinal not in range(128)",
            Encoding::Charmap(_) => "character maps to <undefined>",
            Encoding::Multibyte(_) => "illegal multibyte sequence",
            _ => "surrogates not allowed",
        }
    }

    /// Whether ASCII text is its own encoding.
    pub(super) fn extends_ascii(self) -> bool {
        match self {
            Encoding::Utf8 | Encoding::Latin1 | Encoding::Ascii | Encoding::Charmap(_) => true,
            Encoding::Multibyte(at) => multibyte::extends_ascii(at),
            _ => false,
        }
    }
}
