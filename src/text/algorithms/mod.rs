//! What the methods of `str`, `bytes` and `bytearray` do to their characters.
//!
//! Everything works on bytes; where text and bytes differ (what is one unit, what is white
//! space, what ends a line), a `Flavor` says which is meant. Offsets are in bytes: whoever holds
//! text converts them with `gutf8::Index`. Results that could outgrow memory take a limit.

mod ascii;
mod layout;
mod search;
mod split;

pub use ascii::*;
pub use layout::*;
pub use search::*;
pub use split::*;

use super::gutf8;
use super::unicode;

/// Whether bytes are code points in generalized UTF-8 or stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    /// A `str`.
    Text,
    /// A `bytes`, `bytearray` or `memoryview`.
    Bytes,
}

impl Flavor {
    /// The length in units: code points or bytes.
    pub fn length(self, text: &[u8]) -> usize {
        match self {
            Flavor::Text => gutf8::count(text),
            Flavor::Bytes => text.len(),
        }
    }

    /// Whether the unit is white space.
    #[inline]
    pub fn is_space(self, unit: u32) -> bool {
        match self {
            Flavor::Text if unit >= 0x80 => unicode::is_space(unit),
            Flavor::Text => matches!(unit, 0x20 | 0x09..=0x0D | 0x1C..=0x1F),
            Flavor::Bytes => matches!(unit, 0x20 | 0x09..=0x0D),
        }
    }

    /// Whether the unit ends a line.
    #[inline]
    pub fn is_line_break(self, unit: u32) -> bool {
        match self {
            Flavor::Text => unicode::is_line_break(unit),
            Flavor::Bytes => matches!(unit, 0x0A | 0x0D),
        }
    }

    /// The unit that starts at a byte offset, and its length in bytes.
    #[inline]
    pub fn unit_at(self, text: &[u8], at: usize) -> Option<(u32, usize)> {
        match self {
            Flavor::Text => gutf8::decode_at(text, at),
            Flavor::Bytes => text.get(at).map(|&b| (u32::from(b), 1)),
        }
    }

    /// The unit that ends at a byte offset, and its length in bytes.
    #[inline]
    pub fn unit_before(self, text: &[u8], at: usize) -> Option<(u32, usize)> {
        if at == 0 {
            return None;
        }
        let start = match self {
            Flavor::Text => gutf8::previous(text, at),
            Flavor::Bytes => at - 1,
        };
        self.unit_at(text, start).map(|(unit, _)| (unit, at - start))
    }
}

#[cfg(test)]
mod tests;
