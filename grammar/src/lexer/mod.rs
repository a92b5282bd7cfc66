//! Source text to tokens: plain code by logos, strings, numbers, f-strings and layout by hand around it.
//!
//! The whole text is lexed before it is parsed. That is no restriction: CPython, too, looks at the rest of the tokens
//! before it reports an error of the parser.
//!
//! Invariant: the tokens end with `EndMarker`, `EndInBrackets` or `Error`, spans ascend, and bracket tokens balance except
//! before `EndInBrackets` and `Error`.

mod fstring;
mod layout;
mod numbers;
mod strings;
mod token;

pub use token::{Kind, Token};

use crate::ast::Span;
use crate::error::{End, ErrorKind, Quoted, SyntaxError, Warning};
use layout::Level;
use logos::Logos;

/// More open brackets than this are an error, as in CPython.
const MAX_BRACKETS: usize = 200;

/// An error of the lexer.
pub(crate) type LexError = Box<Failure>;

/// Why lexing ended early, and whether that matters more than an error of the parser before it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: SyntaxError,
    /// CPython's tokenizer has two kinds of errors: those it words itself win over earlier errors of the parser, these
    /// do not.
    pub soft: bool,
}

impl Failure {
    fn softly(mut self: Box<Self>) -> Box<Self> {
        self.soft = true;
        if self.error.quoted == Quoted::Bare {
            self.error.quoted = Quoted::Line;
        }
        self
    }
}

/// An open bracket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bracket {
    pub open: u8,
    pub at: u32,
    /// The index of its token.
    pub token: u32,
    /// Whether it stands directly after `with`.
    pub after_with: bool,
}

/// What the lexer hands to the parser.
pub(crate) struct Lexed {
    pub tokens: Vec<Token>,
    pub warnings: Vec<Warning>,
    /// The brackets still open at the end.
    pub open: Vec<Bracket>,
    /// The error, if the last token is [`Kind::Error`].
    pub failure: Option<LexError>,
    /// Whether the text ends inside an f-string.
    pub in_fstring: bool,
}

pub(crate) struct Lexer<'s> {
    source: &'s str,
    bytes: &'s [u8],
    inner: logos::Lexer<'s, Kind>,
    tokens: Vec<Token>,
    warnings: Vec<Warning>,
    indents: Vec<Level>,
    brackets: Vec<Bracket>,
    modes: Vec<fstring::Mode>,
    /// Index of the first token of the logical line.
    line_first: usize,
    line_was_match: bool,
    /// Where lexing ended; only asked for when a single line is lexed.
    line_end: Option<usize>,
    one_line: bool,
}

/// Lexes the whole of `source`; the first token is `start`.
pub(crate) fn lex(source: &str, start: Kind) -> Lexed {
    Lexer::new(source, source.len() / 4 + 8).lexed(start)
}

/// Lexes the first logical line of `source` with the blank lines and comments before it, wherever it stands in a
/// program; gives the byte behind it, too.
pub(crate) fn lex_line(source: &str) -> (Lexed, usize) {
    let mut lexer = Lexer::new(source, 32);
    // The block around it is not known. Whatever may be a `case` is one.
    (lexer.one_line, lexer.line_was_match) = (true, true);
    lexer.indents[0].is_match = true;
    let open_text = |lexer: &Lexer<'_>| {
        let rest = source.get(lexer.tokens.last().map_or(0, |t| t.span.end as usize)..).unwrap_or("").trim_start();
        let quotes = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        lexer.modes.iter().any(|m| m.triple) || quotes.starts_with("\"\"\"") || quotes.starts_with("'''")
    };
    lexer.push(Kind::StartExec, 0, 0);
    let failure = lexer.run().err();
    let end = match (&failure, lexer.line_end) {
        (None, end) => end.unwrap_or(source.len()),
        // What is wrong with one line is wrong with that line alone, but for a text that no quotes end.
        (Some(_), _) if open_text(&lexer) => source.len(),
        (Some(failure), _) => {
            let last = lexer.tokens.last().map_or(0, |t| t.span.end).max(failure.error.span.start) as usize;
            let rest = lexer.bytes.get(last..).unwrap_or_default();
            memchr::memchr(b'\n', rest).map_or(source.len(), |i| last + i + 1)
        }
    };
    (lexer.into_lexed(failure), end)
}

impl<'s> Lexer<'s> {
    fn new(source: &'s str, tokens: usize) -> Lexer<'s> {
        Lexer {
            source,
            bytes: source.as_bytes(),
            inner: Kind::lexer(source),
            tokens: Vec::with_capacity(tokens),
            warnings: Vec::new(),
            indents: vec![Level { col: 0, alt: 0, is_match: false }],
            brackets: Vec::new(),
            modes: Vec::new(),
            line_first: 0,
            line_was_match: false,
            line_end: None,
            one_line: false,
        }
    }

    fn lexed(mut self, start: Kind) -> Lexed {
        self.push(start, 0, 0);
        let failure = self.run().err();
        self.into_lexed(failure)
    }

    fn into_lexed(mut self, failure: Option<LexError>) -> Lexed {
        if let Some(failure) = &failure {
            self.tokens.push(Token { kind: Kind::Error, span: failure.error.span });
        }
        let in_fstring = !self.modes.is_empty();
        Lexed { tokens: self.tokens, warnings: self.warnings, open: self.brackets, failure, in_fstring }
    }

    fn run(&mut self) -> Result<(), LexError> {
        self.begin_line(0)?;
        loop {
            if self.in_fstring_text() {
                self.fstring_text()?;
                continue;
            }
            let Some(result) = self.inner.next() else { break };
            let span = self.inner.span();
            let kind = result.unwrap_or(Kind::Unknown);
            match kind {
                Kind::Name => self.name(span.start, span.end)?,
                Kind::Newline if self.one_line && self.brackets.is_empty() => {
                    self.end_line(span.start, span.end);
                    self.line_end = Some(span.end);
                    return Ok(());
                }
                Kind::Newline => self.newline(span.start, span.end)?,
                Kind::LParen | Kind::LBracket | Kind::LBrace => self.open(kind, span.start)?,
                Kind::RParen | Kind::RBracket | Kind::RBrace => self.close(kind, span.start)?,
                Kind::Digit => self.number(span.start)?,
                Kind::Quote => {
                    let end = self.scan_string(span.start, span.end)?;
                    self.push(Kind::Str, span.start, end);
                    self.seek(end);
                }
                Kind::FStringStart | Kind::TStringStart => self.fstring_start(kind, span.start, span.end)?,
                Kind::NonAscii => self.name(span.start, span.end)?,
                Kind::Backslash => {
                    let next = self.continuation(span.start)?;
                    self.seek(next);
                }
                Kind::Unknown => self.unknown(span.start, span.end)?,
                // A word of letters beyond ASCII may begin like a keyword.
                _ if kind.is_keyword() && self.bytes.get(span.end).is_some_and(|&c| c >= 128) => {
                    self.name(span.start, span.end)?;
                }
                Kind::As => {
                    self.push(kind, span.start, span.end);
                    if let Some(top) = self.brackets.last()
                        && top.after_with
                        && let Some(token) = self.tokens.get_mut(top.token as usize)
                    {
                        token.kind = Kind::WithParen;
                    }
                }
                Kind::Colon | Kind::ColonEqual | Kind::Exclamation | Kind::NotEqual | Kind::Equal
                    if !self.modes.is_empty() =>
                {
                    self.fstring_punctuation(kind, span.start, span.end);
                }
                _ => self.push(kind, span.start, span.end),
            }
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<(), LexError> {
        let end = self.bytes.len();
        if !self.modes.is_empty() {
            // Inside a replacement field of an f-string; its `{` is an open bracket.
            self.push(Kind::EndInBrackets, end, end);
            return Ok(());
        }
        if !self.brackets.is_empty() {
            self.push(Kind::EndInBrackets, end, end);
            return Ok(());
        }
        if self.tokens.len() > self.line_first {
            self.end_line(end, end);
        }
        for _ in 1..self.indents.len() {
            self.push(Kind::Dedent, end, end);
        }
        self.push(Kind::EndMarker, end, end);
        Ok(())
    }

    #[inline]
    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.push(Token { kind, span: Span::new(start as u32, end as u32) });
    }

    /// Goes on lexing plain code at `at`.
    fn seek(&mut self, at: usize) {
        let here = self.inner.span().end;
        if at >= here {
            self.inner.bump(at - here);
        } else {
            self.inner = Kind::lexer(self.source);
            self.inner.bump(at);
        }
    }

    fn text(&self, span: Span) -> &'s str {
        self.source.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    fn newline(&mut self, start: usize, end: usize) -> Result<(), LexError> {
        if !self.brackets.is_empty() {
            return Ok(());
        }
        if self.tokens.len() > self.line_first {
            self.end_line(start, end);
        }
        self.begin_line(end)
    }

    fn name(&mut self, start: usize, end: usize) -> Result<(), LexError> {
        let mut end = end;
        if self.bytes[start] >= 128 || self.bytes.get(end).is_some_and(|&c| c >= 128) {
            while self.bytes.get(end).is_some_and(|&c| c >= 128 || c == b'_' || c.is_ascii_alphanumeric()) {
                end += 1;
            }
            self.check_identifier(start, end)?;
            self.seek(end);
        }
        self.check_prefix(start, end)?;
        self.push(Kind::Name, start, end);
        self.soft_keyword(self.tokens.len() - 1);
        Ok(())
    }

    /// A name directly before a quote may be a string prefix that mixes what does not mix.
    fn check_prefix(&self, start: usize, end: usize) -> Result<(), LexError> {
        if !matches!(self.bytes.get(end), Some(b'"' | b'\'')) || end - start > 5 {
            return Ok(());
        }
        let name = self.source[start..end].to_ascii_lowercase();
        let known = name.bytes().enumerate().all(|(i, c)| b"burft".contains(&c) && !name.as_bytes()[..i].contains(&c));
        let pairs = [('u', 'b'), ('u', 'r'), ('u', 'f'), ('u', 't'), ('b', 'f'), ('b', 't'), ('f', 't')];
        match pairs.iter().find(|(a, b)| name.contains(*a) && name.contains(*b)) {
            Some((a, b)) if known => {
                Err(self.error_range(start, end, format!("'{a}' and '{b}' prefixes are incompatible")))
            }
            _ => Ok(()),
        }
    }

    /// Whether a name with characters beyond ASCII is an identifier (PEP 3131).
    fn check_identifier(&self, start: usize, end: usize) -> Result<(), LexError> {
        for (i, c) in self.source[start..end].char_indices() {
            let good =
                c == '_' || if i == 0 { unicode_ident::is_xid_start(c) } else { unicode_ident::is_xid_continue(c) };
            if !good {
                return Err(self.bad_character(start + i, c));
            }
        }
        Ok(())
    }

    fn bad_character(&self, at: usize, c: char) -> LexError {
        let code = c as u32;
        let message = if crate::printable::is_printable(c) {
            format!("invalid character '{c}' (U+{code:04X})")
        } else {
            format!("invalid non-printable character U+{code:04X}")
        };
        self.error_before(at + c.len_utf8(), message)
    }

    fn unknown(&mut self, start: usize, end: usize) -> Result<(), LexError> {
        let c = self.source[start..].chars().next().unwrap_or(' ');
        if c == '\0' {
            return Err(self.error_range(start, start, "source code cannot contain null bytes"));
        }
        if !crate::printable::is_printable(c) {
            return Err(self.bad_character(start, c));
        }
        self.push(Kind::Unknown, start, end.max(start + c.len_utf8()));
        Ok(())
    }

    fn number(&mut self, start: usize) -> Result<(), LexError> {
        let scanned = self.scan_number(start)?;
        if let Some(kind) = scanned.warn {
            self.warnings.push(Warning {
                message: format!("invalid {kind} literal"),
                span: Span::new(start as u32, scanned.end as u32),
            });
        }
        self.push(Kind::Number, start, scanned.end);
        self.seek(scanned.end);
        Ok(())
    }

    fn open(&mut self, kind: Kind, start: usize) -> Result<(), LexError> {
        if self.brackets.len() >= MAX_BRACKETS {
            return Err(self.error_before(start + 1, "too many nested parentheses"));
        }
        let after_with = kind == Kind::LParen
            && self.tokens.last().is_some_and(|t| t.kind == Kind::With)
            && self.brackets.is_empty();
        self.brackets.push(Bracket {
            open: self.bytes[start],
            at: start as u32,
            token: self.tokens.len() as u32,
            after_with,
        });
        if let Some(mode) = self.modes.last_mut() {
            mode.depth += 1;
        }
        self.push(kind, start, start + 1);
        Ok(())
    }

    fn close(&mut self, kind: Kind, start: usize) -> Result<(), LexError> {
        let c = self.bytes[start];
        if let Some(mode) = self.modes.last()
            && mode.depth == 0
            && c == b'}'
        {
            let what = mode.letter();
            return Err(self.error_before(start + 1, format!("{what}-string: single '}}' is not allowed")));
        }
        let Some(open) = self.brackets.pop() else {
            return Err(self.error_before(start + 1, format!("unmatched '{}'", c as char)));
        };
        let matches = matches!((open.open, c), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
        if !matches {
            return Err(self.mismatched(open, c, start));
        }
        self.push(kind, start, start + 1);
        self.fstring_close(c);
        Ok(())
    }

    fn mismatched(&self, open: Bracket, c: u8, start: usize) -> LexError {
        let (c, opening) = (c as char, open.open as char);
        if let Some(mode) = self.modes.last()
            && open.open == b'{'
            && mode.depth as i32 - 1 == mode.field_depth
        {
            let what = mode.letter();
            return self.error_before(start + 1, format!("{what}-string: unmatched '{c}'"));
        }
        let line = self.line_of(open.at as usize);
        let message = if line == self.line_of(start) {
            format!("closing parenthesis '{c}' does not match opening parenthesis '{opening}'")
        } else {
            format!("closing parenthesis '{c}' does not match opening parenthesis '{opening}' on line {line}")
        };
        let mut error = self.error_before(start + 1, message);
        error.error.related.push((Span::new(open.at, open.at + 1), format!("'{opening}' is opened here")));
        error
    }

    // Errors.

    /// An error at the character that ends at `cur`: where CPython's tokenizer stands when it gives up. Like all of the
    /// tokenizer's errors it is a point.
    fn error_before(&self, cur: usize, message: impl Into<String>) -> LexError {
        let cur = cur.min(self.bytes.len());
        let mut start = cur.saturating_sub(1);
        while start > 0 && !self.source.is_char_boundary(start) {
            start -= 1;
        }
        self.error_range(start, start, message)
    }

    fn error_range(&self, start: usize, end: usize, message: impl Into<String>) -> LexError {
        let mut error = SyntaxError::new(ErrorKind::Syntax, message, Span::new(start as u32, end as u32));
        error.quoted = Quoted::Bare;
        Box::new(Failure { error, soft: false })
    }

    /// The text ends after the backslash at `at`.
    fn unexpected_end(&self, at: usize) -> LexError {
        let mut error = self.error_range(at + 1, at + 1, "unexpected EOF while parsing");
        error.error.incomplete = true;
        error.error.end = End::Nowhere;
        if let Some(open) = self.brackets.last() {
            error.error = unclosed(open);
        }
        error.softly()
    }

    fn layout_error(&self, at: usize, kind: ErrorKind, message: &str) -> LexError {
        let start = self.line_start(at);
        let mut error = self.error_range(start, self.line_end(at), message);
        error.error.kind = kind;
        error.softly()
    }

    fn line_start(&self, at: usize) -> usize {
        memchr::memrchr2(b'\n', b'\r', &self.bytes[..at]).map_or(0, |i| i + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr2(b'\n', b'\r', &self.bytes[at..]).map_or(self.bytes.len(), |i| at + i)
    }

    /// The number of the line of `at`, from 1. The end of a text that ends with a line break is on its last line.
    fn line_of(&self, at: usize) -> usize {
        let line = crate::position::line_number(self.source, at);
        let after_break = at == self.bytes.len() && matches!(self.bytes.last(), Some(b'\n' | b'\r'));
        line - usize::from(after_break)
    }
}

/// The error for a bracket that is open where the text ends.
pub(crate) fn unclosed(bracket: &Bracket) -> SyntaxError {
    let span = Span::new(bracket.at, bracket.at + 1);
    let mut error = SyntaxError::new(ErrorKind::Syntax, format!("'{}' was never closed", bracket.open as char), span);
    error.incomplete = true;
    error.end = End::Unknown;
    error.quoted = Quoted::BareIfRead;
    error
}
