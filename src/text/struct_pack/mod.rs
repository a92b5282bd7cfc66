//! The `struct` module's formats, and the items of `array`.
//!
//! `layout` reads a format and lays its fields out, `convert` turns one value into bytes and
//! back, `array` knows `array`'s type codes. Objects become `Value`s, and buffers are checked,
//! by the caller; the messages for that are here.

mod array;
mod convert;
mod layout;

pub use array::{TYPE_CODES, array_item_size, pack_array_float, pack_array_int, unpack_array_item};
pub use convert::{Value, f16_from_f64, f64_from_f16, pack, unpack};
pub use layout::{Class, Field, Layout};

#[cfg(test)]
mod tests;
