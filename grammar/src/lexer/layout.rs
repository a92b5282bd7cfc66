//! Lines and indentation: NEWLINE, INDENT and DEDENT tokens, and which soft keywords are keywords.
//!
//! A soft keyword is decided from the tokens of its own logical line and from the block it stands in, never from
//! what the parser expects, and the decision is exact for valid programs: `match` begins a line that ends with a
//! colon; `case` begins a line directly inside a `match` block; `type` begins a statement and a name follows.

use super::{Kind, LexError, Lexer};
use crate::error::{End, ErrorKind};

/// More levels than this are an error, as in CPython.
const MAX_INDENT: usize = 100;

/// One level of indentation: its width with tabs to 8 and with tabs to 1, and whether `match` opened it.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub col: u32,
    pub alt: u32,
    pub is_match: bool,
}

impl Lexer<'_> {
    /// Called at the beginning of a line outside brackets: skips blank lines and comments, measures the indentation
    /// of the first line that has a token, and pushes INDENT or DEDENT tokens.
    pub(super) fn begin_line(&mut self, from: usize) -> Result<(), LexError> {
        let mut at = from;
        loop {
            let (col, alt, stop) = self.measure(at)?;
            at = stop;
            match self.bytes.get(at) {
                Some(b'#') => {
                    at += memchr::memchr2(b'\n', b'\r', &self.bytes[at..]).unwrap_or(self.bytes.len() - at);
                    at = self.skip_newline(at);
                }
                Some(b'\n' | b'\r') => at = self.skip_newline(at),
                None => break,
                Some(_) => {
                    self.indentation(col, alt, at)?;
                    break;
                }
            }
        }
        self.line_first = self.tokens.len();
        self.seek(at);
        Ok(())
    }

    fn skip_newline(&self, at: usize) -> usize {
        match self.bytes.get(at) {
            Some(b'\r') if self.bytes.get(at + 1) == Some(&b'\n') => at + 2,
            Some(b'\r' | b'\n') => at + 1,
            _ => at,
        }
    }

    /// The width of the white space at `at` in both measures, and where it ends.
    fn measure(&mut self, mut at: usize) -> Result<(u32, u32, usize), LexError> {
        let (mut col, mut alt) = (0u32, 0u32);
        let mut continued: Option<u32> = None;
        loop {
            match self.bytes.get(at) {
                Some(b' ') => {
                    col = col.saturating_add(1);
                    alt = alt.saturating_add(1);
                }
                Some(b'\t') => {
                    col = (col / 8 + 1).saturating_mul(8);
                    alt = alt.saturating_add(1);
                }
                Some(b'\x0c') => (col, alt) = (0, 0),
                Some(b'\\') => {
                    // The first backslash fixes the indentation of whatever comes after it.
                    if continued.unwrap_or(0) == 0 {
                        continued = Some(col);
                    }
                    at = self.continuation(at)?;
                    continue;
                }
                _ => break,
            }
            at += 1;
        }
        match continued {
            Some(fixed) if fixed != 0 => Ok((fixed, fixed, at)),
            _ => Ok((col, alt, at)),
        }
    }

    /// Checks the backslash at `at` and returns the beginning of the next line.
    pub(super) fn continuation(&mut self, at: usize) -> Result<usize, LexError> {
        let next = self.skip_newline(at + 1);
        if next == at + 1 {
            if next >= self.bytes.len() {
                return Err(self.unexpected_end(at));
            }
            let message = "unexpected character after line continuation character";
            let mut failure = self.error_range(at + 1, at + 1, message).softly();
            failure.error.end = End::Unknown;
            return Err(failure);
        }
        if next >= self.bytes.len() {
            return Err(self.unexpected_end(at));
        }
        Ok(next)
    }

    fn indentation(&mut self, col: u32, alt: u32, at: usize) -> Result<(), LexError> {
        let Some(&top) = self.indents.last() else { return Ok(()) };
        if col == top.col {
            return if alt == top.alt { Ok(()) } else { Err(self.tab_error(at)) };
        }
        if col > top.col {
            if self.indents.len() >= MAX_INDENT {
                return Err(self.layout_error(at, ErrorKind::Indentation, "too many levels of indentation"));
            }
            if alt <= top.alt {
                return Err(self.tab_error(at));
            }
            let is_match = std::mem::take(&mut self.line_was_match);
            self.indents.push(Level { col, alt, is_match });
            self.push(Kind::Indent, at, at);
            return Ok(());
        }
        while self.indents.len() > 1 && self.indents.last().is_some_and(|l| col < l.col) {
            self.indents.pop();
            self.push(Kind::Dedent, at, at);
        }
        match self.indents.last() {
            Some(top) if top.col != col => {
                let end = self.line_end(at);
                let message = "unindent does not match any outer indentation level";
                let mut failure = self.error_range(end, end + 1, message).softly();
                failure.error.kind = ErrorKind::Indentation;
                failure.error.end = End::Nowhere;
                Err(failure)
            }
            Some(top) if top.alt != alt => Err(self.tab_error(at)),
            _ => Ok(()),
        }
    }

    fn tab_error(&self, at: usize) -> LexError {
        let message = "inconsistent use of tabs and spaces in indentation";
        let mut failure = self.layout_error(at, ErrorKind::Tab, message);
        failure.error.end = End::Unknown;
        failure
    }

    /// Ends a logical line: decides on `match`, then pushes NEWLINE.
    pub(super) fn end_line(&mut self, start: usize, end: usize) {
        self.line_was_match = false;
        if let (Some(last), Some(first)) = (self.tokens.last(), self.tokens.get(self.line_first))
            && last.kind == Kind::Colon
            && first.kind == Kind::Name
            && self.tokens.len() > self.line_first + 2
            && self.text(first.span) == "match"
        {
            self.tokens[self.line_first].kind = Kind::Match;
            self.line_was_match = true;
        }
        self.push(Kind::Newline, start, end);
    }

    /// Decides on `case` and `type` when the name at `index` has just been pushed.
    pub(super) fn soft_keyword(&mut self, index: usize) {
        let token = self.tokens[index];
        let len = token.span.end - token.span.start;
        if len == 4 && index == self.line_first && self.indents.last().is_some_and(|l| l.is_match) {
            if self.text(token.span) == "case" {
                self.tokens[index].kind = Kind::Case;
            }
            return;
        }
        if index == 0 {
            return;
        }
        let before = self.tokens[index - 1];
        if before.kind == Kind::Name
            && before.span.end - before.span.start == 4
            && self.brackets.is_empty()
            && self.starts_statement(index - 1)
            && self.text(before.span) == "type"
        {
            self.tokens[index - 1].kind = Kind::Type;
        }
    }

    fn starts_statement(&self, index: usize) -> bool {
        index == self.line_first
            || index.checked_sub(1).is_some_and(|i| matches!(self.tokens[i].kind, Kind::Semicolon | Kind::Colon))
    }
}
