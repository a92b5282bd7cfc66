//! Tests of the parser from outside: golden errors and trees, limits, modes, and whole trees of sources.

mod bulk;
mod common;
mod golden;
mod limits;
mod modes;
