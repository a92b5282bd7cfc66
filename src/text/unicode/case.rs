//! Case mappings as `str.upper`, `lower`, `title`, `capitalize`, `swapcase` and `casefold` do
//! them: full mappings, with the sigma that ends a word.
//!
//! Rust's own tables give upper and lower case; `tables` has what differs in title case and in
//! folding. Characters newer than the promised Unicode version keep their case.

use super::{is_case_ignorable, is_cased, is_lower, is_title, is_upper, properties, tables};
use crate::text::gutf8::{code_points, push};

const CAPITAL_SIGMA: u32 = 0x3A3;
const SMALL_SIGMA: u32 = 0x3C3;
const FINAL_SIGMA: u32 = 0x3C2;

fn known(cp: u32) -> Option<char> {
    // Two letters of version 16 have got a partner in later versions of Unicode.
    if properties(cp).assigned() && !LATER.contains(&cp) { char::from_u32(cp) } else { None }
}

/// Assigned letters whose case partner is younger than the promised version of Unicode.
const LATER: [u32; 2] = [0xA7D3, 0xA7D5];

/// Appends the upper case of a code point.
pub fn push_upper(out: &mut Vec<u8>, cp: u32) {
    match known(cp) {
        Some(c) => c.to_uppercase().for_each(|c| push(out, c as u32)),
        None => push(out, cp),
    }
}

/// Appends the lower case of a code point, without looking at its neighbours.
pub fn push_lower(out: &mut Vec<u8>, cp: u32) {
    match known(cp) {
        Some(c) => c.to_lowercase().for_each(|c| push(out, c as u32)),
        None => push(out, cp),
    }
}

/// Appends the title case of a code point.
pub fn push_title(out: &mut Vec<u8>, cp: u32) {
    match tables::TITLE.binary_search_by_key(&cp, |entry| entry.0) {
        Ok(at) => out.extend_from_slice(tables::TITLE.get(at).map_or("", |e| e.1).as_bytes()),
        Err(_) => push_upper(out, cp),
    }
}

/// Appends the folded case of a code point.
pub fn push_fold(out: &mut Vec<u8>, cp: u32) {
    match tables::FOLD.binary_search_by_key(&cp, |entry| entry.0) {
        Ok(at) => out.extend_from_slice(tables::FOLD.get(at).map_or("", |e| e.1).as_bytes()),
        Err(_) => push_lower(out, cp),
    }
}

/// The lower case if it is one code point, else the code point itself; for `re` and friends.
pub fn simple_lower(cp: u32) -> u32 {
    match cp {
        0x41..=0x5A => cp + 32,
        0..=0x7F => cp,
        // The only character whose full lower case is longer; its simple one is a plain i.
        0x130 => 0x69,
        _ => known(cp).map_or(cp, |c| c.to_lowercase().next().map_or(cp, |c| c as u32)),
    }
}

/// The upper case if it is one code point, else the code point itself.
pub fn simple_upper(cp: u32) -> u32 {
    let Some(c) = known(cp) else { return cp };
    let mut it = c.to_uppercase();
    match (it.next(), it.next()) {
        (Some(c), None) => c as u32,
        _ => cp,
    }
}

/// Which sigma the one at `at` becomes: final behind a cased letter and not before one.
fn lower_sigma(text: &[u8], at: usize) -> u32 {
    let before = text.get(..at).unwrap_or(&[]);
    let after = text.get(at + 2..).unwrap_or(&[]);
    let behind_letter = code_points(before).rev().find(|&cp| !is_case_ignorable(cp)).is_some_and(is_cased);
    let before_letter = code_points(after).find(|&cp| !is_case_ignorable(cp)).is_some_and(is_cased);
    if behind_letter && !before_letter { FINAL_SIGMA } else { SMALL_SIGMA }
}

/// Calls `each` with the output, the code point and its byte offset.
fn map(text: &[u8], mut each: impl FnMut(&mut Vec<u8>, u32, usize)) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut it = code_points(text);
    loop {
        let at = text.len() - it.rest().len();
        let Some(cp) = it.next() else { return out };
        each(&mut out, cp, at);
    }
}

fn push_lower_in(out: &mut Vec<u8>, text: &[u8], cp: u32, at: usize) {
    if cp == CAPITAL_SIGMA { push(out, lower_sigma(text, at)) } else { push_lower(out, cp) }
}

/// `str.upper`.
pub fn upper(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() { text.to_ascii_uppercase() } else { map(text, |out, cp, _| push_upper(out, cp)) }
}

/// `str.lower`.
pub fn lower(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() { text.to_ascii_lowercase() } else { map(text, |out, cp, at| push_lower_in(out, text, cp, at)) }
}

/// `str.casefold`.
pub fn casefold(text: &[u8]) -> Vec<u8> {
    if text.is_ascii() { text.to_ascii_lowercase() } else { map(text, |out, cp, _| push_fold(out, cp)) }
}

/// `str.capitalize`.
pub fn capitalize(text: &[u8]) -> Vec<u8> {
    map(text, |out, cp, at| if at == 0 { push_title(out, cp) } else { push_lower_in(out, text, cp, at) })
}

/// `str.title`.
pub fn title(text: &[u8]) -> Vec<u8> {
    let mut in_word = false;
    map(text, |out, cp, at| {
        if in_word {
            push_lower_in(out, text, cp, at);
        } else {
            push_title(out, cp);
        }
        in_word = is_letter_with_case(cp);
    })
}

/// What keeps `title` inside a word; ignorable marks such as apostrophes do not.
fn is_letter_with_case(cp: u32) -> bool {
    is_lower(cp) || is_upper(cp) || is_title(cp)
}

/// `str.swapcase`.
pub fn swapcase(text: &[u8]) -> Vec<u8> {
    map(text, |out, cp, at| {
        if is_upper(cp) {
            push_lower_in(out, text, cp, at);
        } else if is_lower(cp) {
            push_upper(out, cp);
        } else {
            push(out, cp);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn full_mappings() {
        assert_eq!(text(upper("straße ŉ ǆ".as_bytes())), "STRASSE ʼN Ǆ");
        assert_eq!(text(lower("ΑΣ ΑΣΑ Σ ΑΣ. İ".as_bytes())), "ας ασα σ ας. i̇");
        assert_eq!(text(title("ǆabc o'neill ﬁne ßa".as_bytes())), "ǅabc O'Neill Fine Ssa");
        assert_eq!(text(capitalize("ÉCOLE ΣΑΣ".as_bytes())), "École σας");
        assert_eq!(text(swapcase("aBcß ᾈ".as_bytes())), "AbCSS ᾈ");
        assert_eq!(text(casefold("Straße ΑΣ ﬀ Ꭰ ꭰ".as_bytes())), "strasse ασ ff Ꭰ Ꭰ");
    }

    #[test]
    fn simple_mappings() {
        assert_eq!(simple_lower(0x130), 0x69);
        assert_eq!(simple_lower('É' as u32), 'é' as u32);
        assert_eq!(simple_upper('ß' as u32), 'ß' as u32);
        assert_eq!(simple_lower(0xD800), 0xD800);
    }
}
