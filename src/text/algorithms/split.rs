//! Splitting and stripping. Pieces are slices of the input.

use super::Flavor;
use crate::text::gutf8;
use memchr::memmem;

/// Splits at a separator that is not empty, `most` times if given.
pub fn split<'a>(hay: &'a [u8], separator: &[u8], most: Option<usize>) -> Vec<&'a [u8]> {
    let mut out = Vec::new();
    if separator.is_empty() {
        return vec![hay];
    }
    let mut done = 0;
    let mut piece = |at: usize| {
        out.push(hay.get(done..at).unwrap_or(&[]));
        done = at + separator.len();
    };
    let most = most.unwrap_or(usize::MAX);
    match separator {
        [byte] => memchr::memchr_iter(*byte, hay).take(most).for_each(&mut piece),
        _ => memmem::find_iter(hay, separator).take(most).for_each(&mut piece),
    }
    out.push(hay.get(done..).unwrap_or(&[]));
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
