//! apy: a scripting language with Python's syntax, native coroutines and a built-in event loop.
//!
//! This crate is the interpreter as a library. A program makes an [`Interpreter`], attaches to it, and runs
//! scripts:
//!
//! ```
//! use apy::Interpreter;
//!
//! let interpreter = Interpreter::builder().build();
//! let answer = interpreter.attach(|vm| {
//!     let v = vm.eval("6 * 7")?;
//!     Ok(vm.as_i64(&v))
//! });
//! assert_eq!(answer.unwrap(), Some(42));
//! ```
//!
//! `ARCHITECTURE.md` shows the way of a script through the modules of this crate.

#![deny(unsafe_code)]

pub mod bigint;
pub mod compiler;
pub mod diagnostics;
pub mod embed;
pub mod event_loop;
pub mod modules;
pub mod objects;
pub mod text;
#[allow(unsafe_code)] // The machine is the one place that may; see its documentation.
pub mod vm;

pub use embed::{Builder, Error, Interpreter, StopHandle};
pub use vm::exception::Raised;
pub use vm::native::Args;
pub use vm::{R, Value, Vm};
