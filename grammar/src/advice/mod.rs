//! What to say about an error besides its message: a label for its place, other places that explain it, a likely fix.
//!
//! The message itself is CPython's and stays as it is. Advice follows from the message and from the tokens around
//! the place; where nothing useful is known, the label is empty and there are no notes.

mod around;
mod messages;

use crate::ast::Span;
use crate::error::SyntaxError;
use crate::lexer::lex;
use around::Around;
use messages::TABLE;

/// Advice about one error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Said at the error's place.
    pub label: String,
    /// Other places, each with a label.
    pub related: Vec<(Span, String)>,
    /// The likely fix, one sentence each.
    pub notes: Vec<String>,
}

/// Advice about an error of `source`.
pub fn advise(source: &str, error: &SyntaxError) -> Advice {
    let mut advice = Advice { related: error.related.clone(), notes: error.notes.clone(), ..Advice::default() };
    let message = error.message.as_str();
    if let Some((_, label, note)) = TABLE.iter().find(|(start, ..)| message.starts_with(start)) {
        advice.label = (*label).to_owned();
        advice.notes.extend((!note.is_empty()).then(|| (*note).to_owned()));
    }
    let lexed = lex(source, crate::lexer::Kind::StartExec);
    let around = Around { source, tokens: &lexed.tokens, at: error.span.start };
    around.advise(error, &mut advice);
    advice
}
