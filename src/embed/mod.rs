//! The public Rust API: interpreters, limits, handles, running scripts.
//!
//! The command line is written against this module and nothing below it. Not here: conversions of whole data
//! structures and async host functions.

mod interpreter;
pub mod output;
mod prompt;
pub mod room;
mod run;
mod switches;
mod uncaught;

pub use interpreter::{Builder, Error, Interpreter, StopHandle};
pub use output::{Console, ConsoleLine, Output, Sink, Streams};
pub use run::{Refusal, SourceKind};
pub use switches::Switches;
