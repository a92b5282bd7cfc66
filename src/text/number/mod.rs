//! Numbers as text and text as numbers.
//!
//! `float_text` writes doubles, `float_hex` does so in base sixteen, `parse` reads what `int`,
//! `float` and `complex` read, `int_text` writes integers under the limit on their digits, `digits`
//! machine words. Layout in columns (fill, grouping, signs) belongs to `format_spec` and `percent`.

pub mod digits;
pub mod float_hex;
pub mod float_text;
pub mod int_text;
pub mod parse;

#[cfg(test)]
mod tests;
