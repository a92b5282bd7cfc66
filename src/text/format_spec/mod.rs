//! The format mini-language: what stands behind the colon in f-strings, `format` and `str.format`.
//!
//! `spec` reads a specification, `layout` sets numbers into columns, `apply` formats each kind of
//! value. Errors, and the order in which they are found, are CPython's. Locale formats (`n`)
//! follow the C locale: no grouping.

mod apply;
mod layout;
mod spec;

pub use apply::{
    Int, IntText, format_complex, format_float, format_int, format_str, write_float, write_int, write_str,
};
pub use spec::{Align, FormatSpec, Grouping, MAX_WIDTH, Sign, unknown_code};

#[cfg(test)]
mod tests;
