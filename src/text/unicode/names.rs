//! Names of characters, both ways, for `unicodedata`, `\N{…}` escapes and the `namereplace` handler.
//!
//! The crate behind it knows a newer Unicode than the language promises; younger characters are
//! filtered out. Named sequences are not known.

use super::properties;

/// The name of a code point, if it has one.
pub fn name(cp: u32) -> Option<String> {
    if !properties(cp).assigned() {
        return None;
    }
    unicode_names2::name(char::from_u32(cp)?).map(|name| name.to_string())
}

/// The code point with a name or alias, in any case.
pub fn lookup(name: &str) -> Option<u32> {
    // The crate also takes names with blanks and hyphens in loose places, as Python does not.
    let cp = unicode_names2::character(name)? as u32;
    if !properties(cp).assigned() {
        return None;
    }
    match self::name(cp) {
        Some(own) if own.eq_ignore_ascii_case(name) => Some(cp),
        _ if is_alias_shaped(name) => Some(cp),
        _ => None,
    }
}

/// Aliases cannot be told from loose spellings of other names by comparing with the one true
/// name; whatever else is spelled in a regular way passes.
fn is_alias_shaped(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && !name.contains("  ")
        && !name.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        assert_eq!(name('é' as u32).as_deref(), Some("LATIN SMALL LETTER E WITH ACUTE"));
        assert_eq!(name(0x4E00).as_deref(), Some("CJK UNIFIED IDEOGRAPH-4E00"));
        assert_eq!(name(0xAC00).as_deref(), Some("HANGUL SYLLABLE GA"));
        assert_eq!(name(0), None);
        assert_eq!(lookup("latin small letter e with acute"), Some(0xE9));
        assert_eq!(lookup("no such name"), None);
    }
}
