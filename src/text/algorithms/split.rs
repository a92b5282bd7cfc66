//! Splitting and stripping. Pieces are slices of the input.

use super::Flavor;
use crate::text::gutf8;
use memchr::memmem;

/// The places, from where to where, of the pieces between separators, which are not empty; `most` separators count, if
/// given.
#[inline]
pub fn each_piece(hay: &[u8], separator: &[u8], most: Option<usize>, mut found: impl FnMut(usize, usize)) {
    if separator.is_empty() {
        return found(0, hay.len());
    }
    let mut done = 0;
    let mut piece = |at: usize| {
        found(done, at);
        done = at + separator.len();
    };
    let most = most.unwrap_or(usize::MAX);
    match separator {
        [byte] => memchr::memchr_iter(*byte, hay).take(most).for_each(&mut piece),
        _ => memmem::find_iter(hay, separator).take(most).for_each(&mut piece),
    }
    found(done, hay.len());
}

/// Splits at a separator that is not empty, `most` times if given.
pub fn split<'a>(hay: &'a [u8], separator: &[u8], most: Option<usize>) -> Vec<&'a [u8]> {
    let mut out = Vec::new();
    each_piece(hay, separator, most, |start, stop| out.push(hay.get(start..stop).unwrap_or(&[])));
    out
}

/// Splits at a separator that is not empty, the last `most` times if given.
pub fn rsplit<'a>(hay: &'a [u8], separator: &[u8], most: Option<usize>) -> Vec<&'a [u8]> {
    let Some(most) = most else {
        // Overlapping separators are found from the right here, from the left in `split`.
        return rsplit(hay, separator, Some(usize::MAX));
    };
    let mut out = Vec::new();
    if separator.is_empty() {
        return vec![hay];
    }
    let mut end = hay.len();
    for at in memmem::rfind_iter(hay, separator).take(most) {
        out.push(hay.get(at + separator.len()..end).unwrap_or(&[]));
        end = at;
    }
    out.push(hay.get(..end).unwrap_or(&[]));
    out.reverse();
    out
}

/// The ASCII characters that are white space in a text.
const SPACES: [bool; 128] = {
    let mut table = [false; 128];
    let mut i = 0;
    while i < table.len() {
        table[i] = matches!(i, 0x20 | 0x09..=0x0D | 0x1C..=0x1F);
        i += 1;
    }
    table
};

#[inline(always)]
fn is_ascii_space(byte: u8) -> bool {
    SPACES.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The places, from where to where, of the words of an ASCII text.
#[inline]
pub fn each_ascii_word(hay: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut at = 0;
    while let Some(&b) = hay.get(at) {
        if is_ascii_space(b) {
            at += 1;
            continue;
        }
        let start = at;
        while hay.get(at).is_some_and(|&b| !is_ascii_space(b)) {
            at += 1;
        }
        found(start, at);
    }
}

/// The places, from where to where, of the lines of an ASCII text, with their ends if `keep_ends`.
#[inline]
pub fn each_ascii_line(hay: &[u8], keep_ends: bool, mut found: impl FnMut(usize, usize)) {
    let (mut start, mut at) = (0, 0);
    loop {
        at += first_control(hay.get(at..).unwrap_or_default());
        let Some(&b) = hay.get(at) else { break };
        if !matches!(b, 0x0A..=0x0D | 0x1C..=0x1E) {
            at += 1;
            continue;
        }
        let end = at + if b == b'\r' && hay.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
        found(start, if keep_ends { end } else { at });
        start = end;
        at = end;
    }
    if start < hay.len() {
        found(start, hay.len());
    }
}

/// The place of the first byte below 0x1F, or the length.
#[inline]
fn first_control(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let w = u64::from_le_bytes(*word);
        let low = w.wrapping_sub(ONES * 0x1F) & !w & (ONES * 0x80);
        if low != 0 {
            return i * 8 + low.trailing_zeros() as usize / 8;
        }
    }
    let before = words.len() * 8;
    before + rest.iter().position(|&b| b < 0x1F).unwrap_or(rest.len())
}

/// At least as many as there are words in a text: where characters of several bytes may be white space, they count.
pub fn most_words(hay: &[u8], flavor: Flavor) -> usize {
    let text = matches!(flavor, Flavor::Text);
    let mut after_space = true;
    let mut n = 0;
    for &b in hay {
        let space = if text { is_ascii_space(b) } else { matches!(b, 0x09..=0x0D | 0x20) };
        n += usize::from(after_space && !space) + usize::from(text && matches!(b, 0xC2 | 0xE1..=0xE3));
        after_space = space;
    }
    n
}

/// At least as many as there are lines in a text: where characters of several bytes may end a line, they count.
pub fn most_lines(hay: &[u8], flavor: Flavor) -> usize {
    let text = matches!(flavor, Flavor::Text);
    let ends = |b: &u8| match b {
        b'\n' | b'\r' => true,
        0x0B | 0x0C | 0x1C..=0x1E | 0xC2 | 0xE2 => text,
        _ => false,
    };
    hay.iter().filter(|b| ends(b)).count() + 1
}

/// Splits at runs of white space, leaving out those at the ends; what is left after `most`
/// splits keeps the white space at its end.
pub fn split_whitespace(hay: &[u8], most: Option<usize>, flavor: Flavor) -> Vec<&[u8]> {
    let most = most.unwrap_or(usize::MAX);
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        while let Some((unit, len)) = flavor.unit_at(hay, at) {
            if !flavor.is_space(unit) {
                break;
            }
            at += len;
        }
        if at >= hay.len() {
            return out;
        }
        if out.len() >= most {
            out.push(hay.get(at..).unwrap_or(&[]));
            return out;
        }
        let start = at;
        while let Some((unit, len)) = flavor.unit_at(hay, at) {
            if flavor.is_space(unit) {
                break;
            }
            at += len;
        }
        out.push(hay.get(start..at).unwrap_or(&[]));
    }
}

/// The same from the right: what is left keeps the white space at its start.
pub fn rsplit_whitespace(hay: &[u8], most: Option<usize>, flavor: Flavor) -> Vec<&[u8]> {
    let most = most.unwrap_or(usize::MAX);
    let mut out = Vec::new();
    let mut at = hay.len();
    loop {
        while let Some((unit, len)) = flavor.unit_before(hay, at) {
            if !flavor.is_space(unit) {
                break;
            }
            at -= len;
        }
        if at == 0 {
            break;
        }
        if out.len() >= most {
            out.push(hay.get(..at).unwrap_or(&[]));
            break;
        }
        let end = at;
        while let Some((unit, len)) = flavor.unit_before(hay, at) {
            if flavor.is_space(unit) {
                break;
            }
            at -= len;
        }
        out.push(hay.get(at..end).unwrap_or(&[]));
    }
    out.reverse();
    out
}

/// Splits into lines, with their ends if `keep_ends`.
pub fn split_lines(hay: &[u8], keep_ends: bool, flavor: Flavor) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some((unit, len)) = flavor.unit_at(hay, at) {
        if !flavor.is_line_break(unit) {
            at += len;
            continue;
        }
        let mut end = at + len;
        if unit == 0x0D && hay.get(end) == Some(&b'\n') {
            end += 1;
        }
        out.push(hay.get(start..if keep_ends { end } else { at }).unwrap_or(&[]));
        start = end;
        at = end;
    }
    if start < hay.len() {
        out.push(hay.get(start..).unwrap_or(&[]));
    }
    out
}

/// Which ends are stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `lstrip`
    Left,
    /// `rstrip`
    Right,
    /// `strip`
    Both,
}

/// Where what is left begins and ends when white space, or the characters of `set`, go from the ends of an ASCII text.
#[inline]
pub fn strip_ascii(hay: &[u8], set: Option<&[u8]>, side: Side) -> (usize, usize) {
    let goes = |b: u8| match set {
        None => is_ascii_space(b),
        Some(set) => set.contains(&b),
    };
    let (mut start, mut end) = (0, hay.len());
    if side != Side::Right {
        while hay.get(start).is_some_and(|&b| goes(b)) {
            start += 1;
        }
    }
    if side != Side::Left {
        while end > start && goes(hay[end - 1]) {
            end -= 1;
        }
    }
    (start, end)
}

/// Strips white space, or the units of `set`, from the ends.
pub fn strip<'a>(hay: &'a [u8], set: Option<&[u8]>, side: Side, flavor: Flavor) -> &'a [u8] {
    match set {
        None => strip_by(hay, side, flavor, |unit| flavor.is_space(unit)),
        Some(set) => {
            let mut low = [false; 128];
            let mut high = Vec::new();
            let mut add = |unit: u32| match low.get_mut(unit as usize) {
                Some(known) => *known = true,
                None => high.push(unit),
            };
            match flavor {
                Flavor::Text => gutf8::code_points(set).for_each(&mut add),
                Flavor::Bytes => set.iter().for_each(|&b| add(u32::from(b))),
            }
            high.sort_unstable();
            strip_by(hay, side, flavor, |unit| match low.get(unit as usize) {
                Some(&known) => known,
                None => high.binary_search(&unit).is_ok(),
            })
        }
    }
}

fn strip_by(hay: &[u8], side: Side, flavor: Flavor, goes: impl Fn(u32) -> bool) -> &[u8] {
    let (mut start, mut end) = (0, hay.len());
    if side != Side::Right {
        while let Some((unit, len)) = flavor.unit_at(hay, start) {
            if !goes(unit) {
                break;
            }
            start += len;
        }
    }
    if side != Side::Left {
        while end > start
            && let Some((unit, len)) = flavor.unit_before(hay, end)
        {
            if !goes(unit) {
                break;
            }
            end -= len;
        }
    }
    hay.get(start..end).unwrap_or(&[])
}
