//! Text and numbers without the machine: everything that turns characters into numbers, numbers
//! into characters, and one text into another.
//!
//! Nothing here knows values, frames or the heap: functions take plain Rust data (text as bytes
//! in generalized UTF-8, see `gutf8`) and return plain Rust data or a `TextError` holding the
//! exception that a script shall see. The built-in types and the modules call these.

pub mod algorithms;
pub mod codecs;
pub mod error;
pub mod format_spec;
pub mod gutf8;
pub mod hash;
pub mod mt19937;
pub mod number;
pub mod percent;
pub mod repr;
pub mod str_format;
pub mod struct_pack;
pub mod suggestions;
pub mod time_format;
pub mod unicode;
pub use error::{Kind, Result, TextError};
