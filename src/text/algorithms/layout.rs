//! Filling to a width: justification, zeros, tabs, repetition.

use super::Flavor;
use crate::text::gutf8;

/// Where the text goes in a wider field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Justify {
    /// `ljust`
    Left,
    /// `rjust`
    Right,
    /// `center`
    Center,
}

/// Fills a text of `length` units to `width` units with the fill unit. The caller has checked
/// that the width is affordable.
pub fn justify(text: &[u8], length: usize, width: usize, fill: u32, how: Justify, flavor: Flavor) -> Vec<u8> {
    let missing = width.saturating_sub(length);
    let left = match how {
        Justify::Left => 0,
        Justify::Right => missing,
        // The odd blank goes left only if the width is odd too.
        Justify::Center => missing / 2 + (missing & width & 1),
    };
    let unit = match flavor {
        Flavor::Text => gutf8::encode(fill),
        Flavor::Bytes => vec![fill as u8],
    };
    let mut out = unit.repeat(left);
    out.reserve(text.len() + unit.len() * (missing - left));
    out.extend_from_slice(text);
    for _ in left..missing {
        out.extend_from_slice(&unit);
    }
    out
}

/// `zfill` for a text of `length` units: zeros go behind a sign.
pub fn zfill(text: &[u8], length: usize, width: usize) -> Vec<u8> {
    let missing = width.saturating_sub(length);
    let mut out = Vec::with_capacity(text.len() + missing);
    let (sign, rest) = match text {
        [b'+' | b'-', ..] if missing > 0 => text.split_at(1),
        _ => (&[][..], text),
    };
    out.extend_from_slice(sign);
    out.resize(sign.len() + missing, b'0');
    out.extend_from_slice(rest);
    out
}

/// Blanks for tabs, columns counting from the last line feed or carriage return; `None` if the
/// result would have more than `limit` bytes.
pub fn expand_tabs(text: &[u8], tab_size: i64, flavor: Flavor, limit: usize) -> Option<Vec<u8>> {
    let tab_size = usize::try_from(tab_size).unwrap_or(0);
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut column) = (0, 0usize);
    while let Some((unit, len)) = flavor.unit_at(text, at) {
        match unit {
            0x09 => {
                if tab_size > 0 {
                    let blanks = tab_size - column % tab_size;
                    if out.len().checked_add(blanks)? > limit {
                        return None;
                    }
                    column = column.checked_add(blanks)?;
                    out.resize(out.len() + blanks, b' ');
                }
            }
            _ => {
                column = if matches!(unit, 0x0A | 0x0D) { 0 } else { column + 1 };
                out.extend_from_slice(text.get(at..at + len).unwrap_or(&[]));
            }
        }
        at += len;
    }
    Some(out)
}

/// The text `times` over; `None` if the result would have more than `limit` bytes.
pub fn repeat(text: &[u8], times: i64, limit: usize) -> Option<Vec<u8>> {
    let times = usize::try_from(times).unwrap_or(0);
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.len().checked_mul(times).filter(|&size| size <= limit)?;
    Some(text.repeat(times))
}
