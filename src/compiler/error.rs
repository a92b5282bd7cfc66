//! How the compiler reports what is wrong with a program.

use apy_grammar::ast::Span;
pub use apy_grammar::{ErrorKind, SyntaxError, Warning};

/// The result of a step of the compiler. The error is boxed because it is large and rare.
pub(super) type Res<T = ()> = Result<T, Box<SyntaxError>>;

/// A `SyntaxError`.
pub(super) fn error<T>(message: impl Into<String>, span: Span) -> Res<T> {
    Err(Box::new(SyntaxError::new(ErrorKind::Syntax, message, span)))
}

/// How deep the compiler recurses before it refuses a program. The parser bounds nesting far below this; the limit
/// keeps the native stack safe whatever builds the tree.
pub(super) const MAX_DEPTH: u32 = 3000;

/// The refusal.
pub(super) fn too_deep<T>(span: Span) -> Res<T> {
    error("too deeply nested", span)
}
