//! From the syntax tree to register bytecode.
//!
//! `scope` finds out where each name lives, `lower` makes instructions, `assemble` turns them into a [`Code`], `verify`
//! checks it. `opcodes` and `code` are what the VM needs to know; the compiler itself knows nothing of run-time values.
//! Invariant: no program can make the compiler panic or exhaust the native stack; what it can not compile is an error.

mod assemble;
pub mod code;
pub mod disassemble;
mod error;
mod future;
#[cfg(any(test, debug_assertions))]
pub mod liveness;
mod lower;
pub mod opcodes;
pub mod packed;
mod scope;
mod unparse;
pub mod verify;

#[cfg(test)]
mod tests;

pub use code::{Code, Const};
pub use error::{ErrorKind, SyntaxError, Warning};
pub use unparse::unparse;

use apy_grammar::ast::Mod;
use std::sync::Arc;

/// What a text is compiled for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// A file, or `exec`.
    Exec,
    /// One expression: `eval`.
    Eval,
    /// One input at a prompt: values of expression statements are shown.
    Single,
}

/// How to compile.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// `co_filename`.
    pub filename: String,
    /// What the text is compiled for.
    pub mode: Mode,
    /// `-O` is 1 (no `assert`), `-OO` is 2 (no docstrings either).
    pub optimize: u8,
    /// Whether `await`, `async for` and `async with` may stand at the top level. The module's code then is a coroutine
    /// if it uses them.
    pub top_level_await: bool,
    /// Whether the module's code is a coroutine even if it awaits nothing: an input at a prompt, which runs on a loop.
    pub as_coroutine: bool,
    /// Flags of `__future__` features that hold from the beginning (`CodeFlags::FUTURE_…`).
    pub future: u32,
}

impl CompileOptions {
    /// The options for a file.
    pub fn new(filename: impl Into<String>) -> Self {
        CompileOptions {
            filename: filename.into(),
            mode: Mode::Exec,
            optimize: 0,
            top_level_await: false,
            as_coroutine: false,
            future: 0,
        }
    }

    fn keep_docstrings(&self) -> bool {
        self.optimize < 2
    }
}

/// What a compilation gives.
#[derive(Debug)]
pub struct CompileOutput {
    /// The module's code.
    pub code: Arc<Code>,
    /// What is allowed and probably wrong.
    pub warnings: Vec<Warning>,
}

/// Compiles a tree. `source` is the text it was parsed from, for lines and columns.
///
/// # Errors
/// What CPython's symbol table and compiler refuse, in their words; and code objects beyond the bytecode's limits.
pub fn compile(module: &Mod<'_>, source: &str, options: &CompileOptions) -> Result<CompileOutput, SyntaxError> {
    compile_boxed(module, source, options).map_err(|error| *error)
}

fn compile_boxed(module: &Mod<'_>, source: &str, options: &CompileOptions) -> error::Res<CompileOutput> {
    let (features, last_future) = future::features(module)?;
    let future = features | options.future;
    let mut names = scope::Names::default();
    let scope_options = scope::ScopeOptions {
        future_annotations: future & code::CodeFlags::FUTURE_ANNOTATIONS != 0,
        top_level_await: options.top_level_await,
    };
    let table = scope::analyze(module, &mut names, &scope_options)?;
    let (code, warnings) = lower::lower(module, source, options, table, names, (future, last_future))?;
    Ok(CompileOutput { code, warnings })
}
