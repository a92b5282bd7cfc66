//! Finding where a string literal ends. Escapes are decoded later, in `literals`.

use super::{LexError, Lexer};

impl Lexer<'_> {
    /// Scans the string whose prefix begins at `start` and whose first quote ends at `after_quote`; returns its end.
    pub(super) fn scan_string(&mut self, start: usize, after_quote: usize) -> Result<usize, LexError> {
        let quote = self.bytes[after_quote - 1];
        if self.bytes[after_quote..].starts_with(&[quote, quote]) {
            return self.scan_triple(start, after_quote + 2, quote);
        }
        let mut at = after_quote;
        let mut escaped_quote = false;
        loop {
            let Some(step) =
                self.bytes[at..].iter().position(|&c| c == quote || c == b'\\' || c == b'\n' || c == b'\r')
            else {
                return Err(self.unterminated(start, quote, false, escaped_quote, self.bytes.len()));
            };
            at += step;
            match self.bytes[at] {
                b'\\' => {
                    if self.bytes.get(at + 1) == Some(&quote) {
                        escaped_quote = true;
                    }
                    at = self.after_escape(at);
                }
                c if c == quote => return Ok(at + 1),
                _ => return Err(self.unterminated(start, quote, false, escaped_quote, at)),
            }
        }
    }

    /// The offset after the backslash at `at` and the character it escapes.
    pub(super) fn after_escape(&self, at: usize) -> usize {
        let next = at + 1;
        if self.bytes.get(next) == Some(&b'\r') && self.bytes.get(next + 1) == Some(&b'\n') {
            next + 2
        } else {
            (next + 1).min(self.bytes.len())
        }
    }

    fn scan_triple(&mut self, start: usize, body: usize, quote: u8) -> Result<usize, LexError> {
        let mut at = body;
        loop {
            let Some(step) = self.bytes.get(at..).and_then(|rest| memchr::memchr2(quote, b'\\', rest)) else {
                return Err(self.unterminated(start, quote, true, false, self.bytes.len()));
            };
            at += step;
            if self.bytes[at] == b'\\' {
                at = self.after_escape(at);
            } else if self.bytes[at..].starts_with(&[quote, quote, quote]) {
                return Ok(at + 3);
            } else {
                at += 1;
            }
        }
    }

    fn unterminated(&self, start: usize, quote: u8, triple: bool, escaped_quote: bool, at: usize) -> LexError {
        if let Some(mode) = self.modes.last()
            && mode.quote == quote
            && mode.triple == triple
        {
            // The quote was meant to end the f-string around it.
            let what = mode.letter();
            return self.error_before(start + 1, format!("{what}-string: expecting '}}'"));
        }
        let line = self.line_of(at);
        if triple {
            let message = format!("unterminated triple-quoted string literal (detected at line {line})");
            let mut error = self.error_before(start + 1, message);
            error.error.incomplete = true;
            error
        } else if escaped_quote {
            self.error_before(
                start + 1,
                format!("unterminated string literal (detected at line {line}); perhaps you escaped the end quote?"),
            )
        } else {
            self.error_before(start + 1, format!("unterminated string literal (detected at line {line})"))
        }
    }
}
