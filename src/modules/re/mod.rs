//! Regular expressions without the machine: from a pattern's text to where it matches.
//!
//! - `parse`: patterns to trees, with Python's syntax and error messages; `token` reads the
//!   pattern, `ast` is the tree, `template` reads the replacement texts of `sub` and `expand`.
//! - `engine`: the compiled [`engine::Regex`]. `program` lowers the tree to instructions,
//!   `backtrack` runs them on an explicit stack under a step counter, `automata` hands patterns
//!   that need no more than a finite automaton to `regex-automata` once they run hot.
//! - `charset`: which characters a set matches, and what "ignoring case" means.
//!
//! `objects` is the script-visible module on top of this, with `matches` and `replace`. Elsewhere
//! texts are bytes in generalized UTF-8, positions are byte offsets into them.
//! Invariant: no input makes this code panic, recurse without bound, or run without counting.

pub mod ast;
mod automata;
mod backtrack;
mod charset;
pub mod engine;
mod matches;
pub mod objects;
pub mod parse;
mod program;
mod replace;
pub mod template;
#[cfg(test)]
mod tests;
mod token;
