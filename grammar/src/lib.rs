//! Python 3.14's grammar: source text to a syntax tree.
//!
//! [`decode`] turns bytes into text, [`parse`] text into a tree in an arena, or into the error that CPython would
//! raise. This crate knows nothing of running programs: what CPython's symbol table and compiler check (`return`
//! outside a function, names both global and local, …) is not checked here.
//!
//! Promises for whoever walks the tree: expressions nest at most 1000 deep, not counting the left operands of
//! `BinOp` and the values of `Attribute`, `Call` and `Subscript`; blocks nest at most 100 deep. Those left chains, and
//! chains of `elif`, may be as long as the source: walk them in a loop.

mod advice;
pub mod ast;
mod build;
mod classes;
mod decode;
mod diagnose;
mod error;
mod lexer;
mod literals;
mod position;
mod printable;
mod recover;
mod suggest;

pub use advice::{Advice, advise};
pub use classes::{Class, classify, classify_line};
pub use decode::decode;
pub use error::{End, ErrorKind, Location, Quoted, SyntaxError, Warning};
pub use position::LineIndex;
pub use recover::further_errors;
pub use suggest::keyword_suggestion;

use ast::{Mod, Span};
use build::{Ctx, Fail};
use bumpalo::Bump;
use lalrpop_util::ParseError;
use lexer::{Kind, Lexed, Token};

lalrpop_util::lalrpop_mod!(
    #[allow(clippy::all, missing_docs, unused)]
    grammar
);

/// What a text is parsed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A file.
    Exec,
    /// One expression.
    Eval,
    /// One input at a prompt.
    Single,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    /// The tree.
    pub module: Mod<'a>,
    /// Things that are allowed and probably wrong, in source order.
    pub warnings: Vec<Warning>,
}

/// The longest source, so that offsets fit.
const MAX_SOURCE: usize = u32::MAX as usize - 16;

/// Parses `source` into a tree in `arena`.
///
/// # Errors
/// The error CPython would raise for the text: of its tokenizer, or else of its parser.
pub fn parse<'a>(arena: &'a Bump, source: &'a str, mode: Mode) -> Result<Parsed<'a>, SyntaxError> {
    if source.len() > MAX_SOURCE {
        return Err(SyntaxError::new(ErrorKind::Syntax, "source is too large", Span::default()));
    }
    let start = match mode {
        Mode::Exec => Kind::StartExec,
        Mode::Eval => Kind::StartEval,
        Mode::Single => Kind::StartSingle,
    };
    let mut lexed = lexer::lex(source, start);
    let tokens: &[Token] = &lexed.tokens;
    let context = Ctx { arena, source, warnings: std::mem::take(&mut lexed.warnings).into(), tokens };
    let stream = tokens.iter().map(|t| Ok((t.span.start, t.kind, t.span.end)));
    match grammar::SourceParser::new().parse(&context, stream) {
        Ok(module) => {
            if mode == Mode::Single
                && let Some(error) = unfinished_block(source, &module, tokens)
            {
                return Err(error);
            }
            let mut warnings = context.warnings.into_inner();
            warnings.sort_by_key(|w| w.span.start);
            Ok(Parsed { module, warnings })
        }
        Err(error) => Err(explain(source, &lexed, error, mode)),
    }
}

/// What is wrong with one input that is a block on the line of its header, with no line break behind it: at a prompt more
/// could follow.
fn unfinished_block(source: &str, module: &ast::Mod<'_>, tokens: &[Token]) -> Option<SyntaxError> {
    let ast::Mod::Interactive([statement]) = module else { return None };
    let [.., line_break, _] = tokens else { return None };
    let open = line_break.kind == Kind::Newline && line_break.span.start == line_break.span.end;
    if !open || !statement.kind.is_compound() {
        return None;
    }
    let start = source.rfind('\n').map_or(0, |i| i as u32 + 1);
    let mut error = SyntaxError::new(ErrorKind::Syntax, "invalid syntax", Span::new(start, start));
    error.at_layout = true;
    error.incomplete = true;
    Some(error)
}

/// The error to report for a text that the grammar refused with `error`.
fn explain(source: &str, lexed: &Lexed, error: ParseError<u32, Kind, Fail>, mode: Mode) -> SyntaxError {
    let at = match error {
        ParseError::User { error: Fail::Error(error) } => {
            let at = error.span.start;
            return diagnose::choose(source, *error, at, lexed);
        }
        ParseError::User { error: Fail::Diagnose(at) } => at,
        ParseError::UnrecognizedToken { token: (at, _, _), .. }
        | ParseError::ExtraToken { token: (at, _, _) }
        | ParseError::UnrecognizedEof { location: at, .. }
        | ParseError::InvalidToken { location: at } => at,
    };
    diagnose::diagnose(source, lexed, at, mode)
}
