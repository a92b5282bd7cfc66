//! What Unicode says of code points, in the version that the language promises (16.0), as
//! Python's `str` methods and `unicodedata` show it.
//!
//! `tables` holds the data (written by generate.py), `case` the mappings, `names` and `normal`
//! what the crates behind them know. Predicates on whole texts are here. Invariant: code points
//! that version 16 does not assign have no properties, whatever newer tables say.

pub mod case;
pub mod names;
pub mod normal;
mod tables;

pub use tables::UNICODE_VERSION;

use super::gutf8::code_points;
use tables::{BLOCK, PROPERTIES, RECORDS};

const INDEX_BYTES: usize = 0x110000 / BLOCK * 2;

/// The properties of one code point.
#[derive(Clone, Copy, Debug)]
pub struct Properties {
    flags: u16,
    category: u8,
    width: u8,
    bidi: u8,
}

/// Looks up a code point; beyond U+10FFFF there is nothing.
#[inline]
pub fn properties(cp: u32) -> Properties {
    let cp = cp as usize;
    let entry = cp / BLOCK * 2;
    let block = match PROPERTIES.get(entry..entry + 2) {
        Some(&[low, high]) if entry < INDEX_BYTES => usize::from(u16::from_le_bytes([low, high])),
        _ => return Properties { flags: 0, category: 29, width: 0, bidi: 0 },
    };
    let record = PROPERTIES.get(INDEX_BYTES + block * BLOCK + cp % BLOCK).copied().unwrap_or(0);
    let (flags, category, width, bidi) = RECORDS.get(usize::from(record)).copied().unwrap_or((0, 29, 0, 0));
    Properties { flags, category, width, bidi }
}

impl Properties {
    /// The general category, such as `Lu`.
    pub fn category(self) -> &'static str {
        tables::CATEGORIES.get(usize::from(self.category)).copied().unwrap_or("Cn")
    }

    /// The East Asian width: `N`, `A`, `H`, `W`, `F` or `Na`.
    pub fn east_asian_width(self) -> &'static str {
        tables::WIDTHS.get(usize::from(self.width)).copied().unwrap_or("N")
    }

    /// The bidirectional class, empty for unassigned code points.
    pub fn bidirectional(self) -> &'static str {
        tables::BIDI.get(usize::from(self.bidi)).copied().unwrap_or("")
    }

    /// Whether the character is mirrored in right-to-left text.
    pub fn mirrored(self) -> bool {
        self.flags & tables::MIRRORED != 0
    }

    /// Whether the code point is assigned (private use and surrogates count as assigned).
    pub fn assigned(self) -> bool {
        self.category() != "Cn"
    }
}

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident $flag:ident;)*) => { $(
        $(#[$doc])*
        #[inline]
        pub fn $name(cp: u32) -> bool {
            properties(cp).flags & tables::$flag != 0
        }
    )* };
}

predicates! {
    /// Letters.
    is_alpha ALPHA;
    /// Digits that form decimal numbers.
    is_decimal DECIMAL;
    /// Digits, superscripts and the like included.
    is_digit DIGIT;
    /// Anything with a numeric value.
    is_numeric NUMERIC;
    /// White space as `str.isspace` and `str.split` see it.
    is_space SPACE;
    /// What `repr` shows as it is.
    is_printable PRINTABLE;
    /// Lowercase letters.
    is_lower LOWER;
    /// Uppercase letters.
    is_upper UPPER;
    /// Title-case letters.
    is_title TITLECASE;
    /// What an identifier may start with, the underscore included.
    is_xid_start XID_START;
    /// What may go on an identifier.
    is_xid_continue XID_CONTINUE;
}

pub(super) fn is_cased(cp: u32) -> bool {
    properties(cp).flags & tables::CASED != 0
}

pub(super) fn is_case_ignorable(cp: u32) -> bool {
    properties(cp).flags & tables::CASE_IGNORABLE != 0
}

/// Letters, decimals, digits and numeric characters, as `str.isalnum` counts them.
#[inline]
pub fn is_alnum(cp: u32) -> bool {
    properties(cp).flags & (tables::ALPHA | tables::DECIMAL | tables::DIGIT | tables::NUMERIC) != 0
}

/// What ends a line for `str.splitlines`.
#[inline]
pub fn is_line_break(cp: u32) -> bool {
    matches!(cp, 0x0A..=0x0D | 0x1C..=0x1E | 0x85 | 0x2028 | 0x2029)
}

/// The general category, such as `Lu`.
pub fn category(cp: u32) -> &'static str {
    properties(cp).category()
}

/// The columns that a character takes in a terminal: none for combining marks and format
/// characters, two for wide ones, else one.
pub fn columns(cp: u32) -> usize {
    if (0x20..0x7F).contains(&cp) {
        return 1;
    }
    let p = properties(cp);
    match (p.category(), p.east_asian_width()) {
        ("Mn" | "Me" | "Cf", _) => 0,
        (_, "W" | "F") => 2,
        _ => 1,
    }
}

/// The numeric value as a fraction.
pub fn fraction(cp: u32) -> Option<(i64, u32)> {
    let run = tables::NUMBERS.partition_point(|run| run.1 < cp);
    let &(first, _, numerator, denominator) = tables::NUMBERS.get(run).filter(|run| run.0 <= cp)?;
    Some((numerator + i64::from(cp - first), denominator))
}

/// The value that `unicodedata.numeric` gives.
pub fn numeric_value(cp: u32) -> Option<f64> {
    fraction(cp).map(|(n, d)| n as f64 / f64::from(d))
}

/// The value that `unicodedata.digit` gives.
pub fn digit_value(cp: u32) -> Option<u32> {
    if is_digit(cp) { fraction(cp).and_then(|(n, _)| u32::try_from(n).ok()) } else { None }
}

/// The value of a digit in a decimal number, in any script.
#[inline]
pub fn decimal_value(cp: u32) -> Option<u32> {
    match cp {
        0x30..=0x39 => Some(cp - 0x30),
        0..=0x7F => None,
        _ if is_decimal(cp) => fraction(cp).and_then(|(n, _)| u32::try_from(n).ok()),
        _ => None,
    }
}

/// Whether the text is not empty and all its code points pass, as most of `str.is…` do.
pub fn all(text: &[u8], test: impl FnMut(u32) -> bool) -> bool {
    !text.is_empty() && code_points(text).all(test)
}

/// `str.isprintable`: the empty text is printable.
pub fn text_is_printable(text: &[u8]) -> bool {
    code_points(text).all(is_printable)
}

/// `str.isidentifier`.
pub fn text_is_identifier(text: &[u8]) -> bool {
    let mut it = code_points(text);
    it.next().is_some_and(is_xid_start) && it.all(is_xid_continue)
}

/// `str.islower`: at least one cased character and none in upper or title case.
pub fn text_is_lower(text: &[u8]) -> bool {
    let mut cased = false;
    for cp in code_points(text) {
        let flags = properties(cp).flags;
        if flags & (tables::UPPER | tables::TITLECASE) != 0 {
            return false;
        }
        cased |= flags & tables::LOWER != 0;
    }
    cased
}

/// `str.isupper`: at least one cased character and none in lower or title case.
pub fn text_is_upper(text: &[u8]) -> bool {
    let mut cased = false;
    for cp in code_points(text) {
        let flags = properties(cp).flags;
        if flags & (tables::LOWER | tables::TITLECASE) != 0 {
            return false;
        }
        cased |= flags & tables::UPPER != 0;
    }
    cased
}

/// `str.istitle`: upper or title case exactly where a word starts.
pub fn text_is_title(text: &[u8]) -> bool {
    let (mut cased, mut in_word) = (false, false);
    for cp in code_points(text) {
        let flags = properties(cp).flags;
        if flags & (tables::UPPER | tables::TITLECASE) != 0 {
            if in_word {
                return false;
            }
            in_word = true;
            cased = true;
        } else if flags & tables::LOWER != 0 {
            if !in_word {
                return false;
            }
            cased = true;
        } else {
            in_word = false;
        }
    }
    cased
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_follow_the_tables() {
        assert!(is_alpha('é' as u32) && is_alpha('中' as u32) && !is_alpha('1' as u32));
        assert!(is_digit('²' as u32) && !is_decimal('²' as u32));
        assert!(is_numeric('½' as u32) && is_alnum('½' as u32) && !is_digit('½' as u32));
        assert!(is_space(0x1F) && is_space(0x3000) && !is_space(0x200B));
        assert!(!is_printable(0xA0) && !is_printable(0xD800) && is_printable(' ' as u32));
        assert_eq!(category(0x378), "Cn");
        assert_eq!(category(0x110000), "Cn");
        assert_eq!(properties(0xFF21).east_asian_width(), "F");
        assert_eq!((columns(0x301), columns(0x4E00), columns(0x41)), (0, 2, 1));
    }

    #[test]
    fn values_of_digits() {
        assert_eq!(decimal_value('٣' as u32), Some(3));
        assert_eq!(digit_value('²' as u32), Some(2));
        assert_eq!(numeric_value('½' as u32), Some(0.5));
        assert_eq!(numeric_value(0x0F33), Some(-0.5));
        assert_eq!(numeric_value('a' as u32), None);
        assert_eq!(fraction(0x4E07), Some((10000, 1)));
    }

    #[test]
    fn case_of_texts() {
        assert!(text_is_title("Ab Cd".as_bytes()) && !text_is_title("AB".as_bytes()) && !text_is_title(b"1"));
        assert!(text_is_lower("a1".as_bytes()) && !text_is_lower("ǅ".as_bytes()) && !text_is_upper(b"1"));
        assert!(text_is_identifier("été_1".as_bytes()) && !text_is_identifier(b"1a") && !text_is_identifier(b""));
    }
}
