//! What the parser reports: errors and warnings, each with its place in the source.
//!
//! Nothing here draws pictures: the crate that runs programs turns spans into lines and carets.

use crate::LineIndex;
use crate::ast::Span;
use std::fmt;

/// Which exception an error becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `SyntaxError`.
    Syntax,
    /// `IndentationError`.
    Indentation,
    /// `TabError`.
    Tab,
}

impl ErrorKind {
    /// The exception's name.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Syntax => "SyntaxError",
            ErrorKind::Indentation => "IndentationError",
            ErrorKind::Tab => "TabError",
        }
    }
}

/// Where an error ends, as CPython tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Where its span ends.
    #[default]
    Span,
    /// It is known to begin somewhere, and no more: `end_offset` is 0.
    Unknown,
    /// It is at the end of the text or at a token of layout, which have no end: `end_offset` is -1.
    Nowhere,
}

/// What the exception shows of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoted {
    /// The line, with its end.
    #[default]
    Line,
    /// The line without its end: what CPython's tokenizer words itself.
    Bare,
    /// As [`Quoted::Bare`] where more lines follow, which the tokenizer has read.
    BareIfRead,
}

/// Why a text is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Which exception it becomes.
    pub kind: ErrorKind,
    /// The message, in CPython's words.
    pub message: String,
    /// Where the error is.
    pub span: Span,
    /// Whether more text could complete the program, so that a prompt should read on.
    pub incomplete: bool,
    /// Other places that explain the error, each with a label.
    pub related: Vec<(Span, String)>,
    /// Further hints, one sentence each.
    pub notes: Vec<String>,
    /// Whether the error is at a token of layout. Those have no column, and CPython reports one less than the next
    /// token's.
    pub at_layout: bool,
    /// What is said about the error's end.
    pub end: End,
    /// What is shown of the text.
    pub quoted: Quoted,
    /// Where the last compound statement before the error begins: what a suggestion looks at.
    pub(crate) statement: u32,
}

impl SyntaxError {
    /// An error without related places or notes.
    pub fn new(kind: ErrorKind, message: impl Into<String>, span: Span) -> Self {
        SyntaxError {
            kind,
            message: message.into(),
            span,
            incomplete: false,
            related: Vec::new(),
            notes: Vec::new(),
            at_layout: false,
            end: End::Span,
            quoted: Quoted::Line,
            statement: 0,
        }
    }
}

/// A place as the attributes of CPython's `SyntaxError` give it: everything counts from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// `lineno`.
    pub line: u32,
    /// `offset`.
    pub offset: u32,
    /// `end_lineno`.
    pub end_line: u32,
    /// `end_offset`; equal to `offset` for errors that are points, 0 or -1 for those of unknown end.
    pub end_offset: i64,
}

impl SyntaxError {
    /// Where the error is in `source`, as the attributes of CPython's exception say it. A span that ends with a line
    /// break ends on the line it began on.
    pub fn location(&self, source: &str, lines: &LineIndex) -> Location {
        let span = self.span;
        let (line, column) = lines.line_column(source, span.start);
        let (mut end_line, mut end_column) = lines.line_column(source, span.end.max(span.start));
        let text = source.get(span.start as usize..span.end as usize).unwrap_or("");
        if text.ends_with(['\n', '\r']) {
            let break_start = span.start + text.trim_end_matches(['\n', '\r']).len() as u32;
            (end_line, end_column) = lines.line_column(source, break_start);
            end_column += 1;
        }
        let shift = u32::from(!self.at_layout);
        let end_offset = match self.end {
            End::Span => i64::from(end_column + shift),
            End::Unknown => 0,
            End::Nowhere => -1,
        };
        // The end of an error without one is on its line.
        let end_line = if self.end == End::Span { end_line } else { line };
        Location { line, offset: column + shift, end_line, end_offset }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for SyntaxError {}

/// A `SyntaxWarning`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The message, in CPython's words.
    pub message: String,
    /// Where it applies.
    pub span: Span,
}

impl Warning {
    /// The warning for a backslash before a character that it does not escape.
    pub(crate) fn invalid_escape(c: char, span: Span) -> Self {
        Warning {
            message: format!(
                "\"\\{c}\" is an invalid escape sequence. Such sequences will not work in the future. \
                 Did you mean \"\\\\{c}\"? A raw string is also an option."
            ),
            span,
        }
    }

    /// The warning for an octal escape beyond `\377`.
    pub(crate) fn invalid_octal(digits: &str, span: Span) -> Self {
        Warning {
            message: format!(
                "\"\\{digits}\" is an invalid octal escape sequence. Such sequences will not work in the future. \
                 Did you mean \"\\\\{digits}\"? A raw string is also an option."
            ),
            span,
        }
    }
}
