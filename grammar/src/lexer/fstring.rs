//! The text of f-strings and t-strings (PEP 701, PEP 750): a stack of modes beside the lexer for plain code.
//!
//! Inside a replacement field plain code is lexed as anywhere; a mode says at which bracket depth the field ends
//! or its format spec begins, and then the text goes on.

use super::{Kind, LexError, Lexer};
use crate::ast::Span;
use crate::error::Warning;

/// More f-strings inside each other than this are an error, as in CPython.
const MAX_FSTRINGS: usize = 150;
/// Format specs inside each other.
const MAX_FIELDS: i32 = 3;

/// One f-string that is open.
pub(super) struct Mode {
    pub quote: u8,
    pub triple: bool,
    raw: bool,
    template: bool,
    /// Where its prefix begins.
    start: usize,
    /// Whether the lexer is in its text rather than in a replacement field.
    in_text: bool,
    /// Whether that text is a format spec.
    in_spec: bool,
    /// Brackets open inside it.
    pub depth: u32,
    /// The depth at which the innermost replacement field stands; -1 outside.
    pub field_depth: i32,
}

impl Mode {
    /// `f` or `t`, as messages name it.
    pub(super) fn letter(&self) -> char {
        if self.template { 't' } else { 'f' }
    }

    fn quotes(&self) -> usize {
        if self.triple { 3 } else { 1 }
    }
}

fn mode_letter(lexer: &Lexer<'_>) -> char {
    lexer.modes.last().map_or('f', Mode::letter)
}

impl Lexer<'_> {
    pub(super) fn in_fstring_text(&self) -> bool {
        self.modes.last().is_some_and(|m| m.in_text)
    }

    pub(super) fn fstring_start(&mut self, kind: Kind, start: usize, after_quote: usize) -> Result<(), LexError> {
        let quote = self.bytes[after_quote - 1];
        let triple = self.bytes[after_quote..].starts_with(&[quote, quote]);
        let end = after_quote + if triple { 2 } else { 0 };
        // CPython's limit counts the mode of plain code as well.
        if self.modes.len() + 2 > MAX_FSTRINGS - 1 {
            return Err(self.error_before(end, "too many nested f-strings or t-strings"));
        }
        let raw = self.bytes[start..after_quote].iter().any(|c| matches!(c, b'r' | b'R'));
        self.modes.push(Mode {
            quote,
            triple,
            raw,
            template: kind == Kind::TStringStart,
            start,
            in_text: true,
            in_spec: false,
            depth: 0,
            field_depth: -1,
        });
        self.push(kind, start, end);
        self.seek(end);
        Ok(())
    }

    /// Lexes text up to the next replacement field, the end of a format spec or the end of the f-string.
    pub(super) fn fstring_text(&mut self) -> Result<(), LexError> {
        let start = self.inner.span().end;
        let Some(mode) = self.modes.last() else { return Ok(()) };
        if self.bytes.get(start) == Some(&b'{') && self.bytes.get(start + 1) != Some(&b'{') {
            return self.enter_field(start, start);
        }
        let quotes = mode.quotes();
        if self.closing_quotes(start) {
            self.modes.pop();
            self.push(Kind::FStringEnd, start, start + quotes);
            self.seek(start + quotes);
            return Ok(());
        }
        self.fstring_middle(start)
    }

    fn closing_quotes(&self, at: usize) -> bool {
        let Some(mode) = self.modes.last() else { return false };
        let rest = self.bytes.get(at..).unwrap_or(&[]);
        if mode.triple { rest.starts_with(&[mode.quote; 3]) } else { rest.first() == Some(&mode.quote) }
    }

    /// Pushes the text before a `{` at `at` and goes over to plain code.
    fn enter_field(&mut self, start: usize, at: usize) -> Result<(), LexError> {
        if at > start {
            self.push(Kind::FStringMiddle, start, at);
        }
        if let Some(mode) = self.modes.last_mut() {
            mode.field_depth += 1;
            mode.in_text = false;
            mode.in_spec = false;
            if mode.field_depth >= MAX_FIELDS {
                let what = mode.letter();
                return Err(self.error_before(at, format!("{what}-string: expressions nested too deeply")));
            }
        }
        self.seek(at);
        Ok(())
    }

    fn fstring_middle(&mut self, start: usize) -> Result<(), LexError> {
        let Some(mode) = self.modes.last() else { return Ok(()) };
        let (quote, triple, raw, depth) = (mode.quote, mode.triple, mode.raw, mode.depth);
        let in_spec = mode.in_spec && mode.field_depth >= 0;
        let mut at = start;
        let mut named_escape = false;
        loop {
            match self.bytes.get(at).copied() {
                None if triple || !in_spec => return Err(self.unterminated_fstring(at)),
                None | Some(b'\n' | b'\r') if !triple => {
                    if in_spec {
                        let what = mode_letter(self);
                        let message = format!(
                            "{what}-string: newlines are not allowed in format specifiers for single quoted \
                             {what}-strings"
                        );
                        return Err(self.error_range(at, at, message));
                    }
                    return Err(self.unterminated_fstring(at));
                }
                Some(c) if c == quote && self.closing_quotes(at) => {
                    self.push(Kind::FStringMiddle, start, at);
                    self.seek(at);
                    return Ok(());
                }
                Some(b'{') => {
                    if self.bytes.get(at + 1) != Some(&b'{') || in_spec {
                        return self.enter_field(start, at);
                    }
                    self.push(Kind::FStringMiddle, start, at + 1);
                    self.seek(at + 2);
                    return Ok(());
                }
                Some(b'}') if named_escape => {
                    self.push(Kind::FStringMiddle, start, at + 1);
                    self.seek(at + 1);
                    return Ok(());
                }
                Some(b'}') => {
                    if self.bytes.get(at + 1) == Some(&b'}') && !in_spec && depth == 0 {
                        self.push(Kind::FStringMiddle, start, at + 1);
                        self.seek(at + 2);
                    } else {
                        self.push(Kind::FStringMiddle, start, at);
                        self.leave_text(at);
                    }
                    return Ok(());
                }
                Some(b'\\') => at = self.fstring_escape(at, raw, &mut named_escape),
                _ => at += 1,
            }
        }
    }

    /// Steps over a backslash in text and what it escapes.
    fn fstring_escape(&mut self, at: usize, raw: bool, named_escape: &mut bool) -> usize {
        match self.bytes.get(at + 1) {
            Some(&brace @ (b'{' | b'}')) => {
                if !raw {
                    self.warnings.push(Warning::invalid_escape(brace as char, Span::new(at as u32, at as u32 + 2)));
                }
                at + 1
            }
            Some(b'N') if !raw && self.bytes.get(at + 2) == Some(&b'{') => {
                *named_escape = true;
                at + 3
            }
            _ => self.after_escape(at),
        }
    }

    fn leave_text(&mut self, at: usize) {
        if let Some(mode) = self.modes.last_mut() {
            mode.in_text = false;
            mode.in_spec = false;
        }
        self.seek(at);
    }

    fn unterminated_fstring(&self, at: usize) -> LexError {
        let Some(mode) = self.modes.last() else { return self.error_before(at, "unterminated f-string literal") };
        let what = mode.letter();
        let line = self.line_of(at);
        let kind = if mode.triple { "triple-quoted " } else { "" };
        let message = format!("unterminated {kind}{what}-string literal (detected at line {line})");
        let mut error = self.error_before(mode.start + 1, message);
        error.error.incomplete = mode.triple;
        error
    }

    /// `:`, `!`, `=` and their longer kin inside a replacement field: at the field's own level a colon begins the
    /// format spec, even where it could be the beginning of `:=`.
    pub(super) fn fstring_punctuation(&mut self, kind: Kind, start: usize, end: usize) {
        if let Some(mode) = self.modes.last_mut()
            && matches!(kind, Kind::Colon | Kind::ColonEqual)
            && mode.depth as i32 - 1 == mode.field_depth
        {
            mode.in_text = true;
            mode.in_spec = true;
            self.push(Kind::Colon, start, start + 1);
            self.seek(start + 1);
            return;
        }
        self.push(kind, start, end);
    }

    /// After a closing bracket: the field may end, and its text goes on.
    pub(super) fn fstring_close(&mut self, c: u8) {
        if let Some(mode) = self.modes.last_mut() {
            mode.depth = mode.depth.saturating_sub(1);
            if c == b'}' && mode.depth as i32 == mode.field_depth {
                mode.field_depth -= 1;
                mode.in_text = true;
                mode.in_spec = mode.field_depth >= 0;
            }
        }
    }
}
