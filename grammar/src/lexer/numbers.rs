//! Finding where a number ends, with the tokenizer's errors for malformed ones.
//!
//! Values are not computed here: see `literals`.

use super::{LexError, Lexer};

/// How far a number reaches, and whether a keyword follows without a space (a warning).
pub(super) struct Scanned {
    pub end: usize,
    pub warn: Option<&'static str>,
}

impl Lexer<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Scans the number that begins at `start` (a digit, or a dot before a digit).
    pub(super) fn scan_number(&self, start: usize) -> Result<Scanned, LexError> {
        let first = self.byte(start);
        if first == b'.' {
            return self.fraction(start + 1);
        }
        if first == b'0' {
            match self.byte(start + 1) {
                b'x' | b'X' => return self.radix(start + 2, "hexadecimal", |c| c.is_ascii_hexdigit()),
                b'o' | b'O' => return self.radix(start + 2, "octal", |c| (b'0'..b'8').contains(&c)),
                b'b' | b'B' => return self.radix(start + 2, "binary", |c| c == b'0' || c == b'1'),
                _ => return self.zero(start),
            }
        }
        let at = self.digits(start + 1)?;
        if self.byte(at) == b'.' { self.fraction(at + 1) } else { self.exponent(at) }
    }

    /// Skips digits and single underscores between them.
    fn digits(&self, mut at: usize) -> Result<usize, LexError> {
        loop {
            while self.byte(at).is_ascii_digit() {
                at += 1;
            }
            if self.byte(at) != b'_' {
                return Ok(at);
            }
            if !self.byte(at + 1).is_ascii_digit() {
                return Err(self.error_before(at + 1, "invalid decimal literal"));
            }
            at += 1;
        }
    }

    fn radix(&self, mut at: usize, kind: &'static str, is_digit: fn(u8) -> bool) -> Result<Scanned, LexError> {
        loop {
            if self.byte(at) == b'_' {
                at += 1;
            }
            let c = self.byte(at);
            if !is_digit(c) {
                if c.is_ascii_digit() {
                    return Err(self.error_before(at + 1, format!("invalid digit '{}' in {kind} literal", c as char)));
                }
                return Err(self.error_before(at, format!("invalid {kind} literal")));
            }
            while is_digit(self.byte(at)) {
                at += 1;
            }
            if self.byte(at) != b'_' {
                break;
            }
        }
        let c = self.byte(at);
        if c.is_ascii_digit() {
            return Err(self.error_before(at + 1, format!("invalid digit '{}' in {kind} literal", c as char)));
        }
        self.number_end(at, kind)
    }

    /// A number that begins with `0` and is not in another radix.
    fn zero(&self, start: usize) -> Result<Scanned, LexError> {
        let mut at = start + 1;
        loop {
            if self.byte(at) == b'_' {
                at += 1;
                if !self.byte(at).is_ascii_digit() {
                    return Err(self.error_before(at, "invalid decimal literal"));
                }
            }
            if self.byte(at) != b'0' {
                break;
            }
            at += 1;
        }
        let zeros_end = at;
        let nonzero = self.byte(at).is_ascii_digit();
        if nonzero {
            at = self.digits(at)?;
        }
        match self.byte(at) {
            b'.' => self.fraction(at + 1),
            b'e' | b'E' | b'j' | b'J' => self.exponent(at),
            _ if nonzero => Err(self.error_range(
                start,
                zeros_end,
                "leading zeros in decimal integer literals are not permitted; use an 0o prefix for octal integers",
            )),
            _ => self.number_end(at, "decimal"),
        }
    }

    fn fraction(&self, mut at: usize) -> Result<Scanned, LexError> {
        if self.byte(at).is_ascii_digit() {
            at = self.digits(at)?;
        }
        self.exponent(at)
    }

    /// An optional exponent and an optional `j`.
    fn exponent(&self, mut at: usize) -> Result<Scanned, LexError> {
        if matches!(self.byte(at), b'e' | b'E') {
            let sign = matches!(self.byte(at + 1), b'+' | b'-');
            let digits = at + 1 + usize::from(sign);
            if !self.byte(digits).is_ascii_digit() {
                if sign {
                    return Err(self.error_before(digits, "invalid decimal literal"));
                }
                return self.number_end(at, "decimal");
            }
            at = self.digits(digits)?;
        }
        if matches!(self.byte(at), b'j' | b'J') {
            return self.number_end(at + 1, "imaginary");
        }
        self.number_end(at, "decimal")
    }

    /// What may follow a number directly: an operator, or (with a warning) a keyword that can stand after a value.
    fn number_end(&self, end: usize, kind: &'static str) -> Result<Scanned, LexError> {
        let rest = self.bytes.get(end..).unwrap_or(&[]);
        let c = self.byte(end);
        let word = |w: &[u8]| {
            rest.starts_with(w)
                && !rest.get(w.len()).is_some_and(|&c| c.is_ascii_alphanumeric() || c == b'_' || c >= 128)
        };
        let keyword = match c {
            b'a' => word(b"and"),
            b'e' => word(b"else"),
            b'f' => word(b"for"),
            b'i' => matches!(self.byte(end + 1), b'f' | b'n' | b's'),
            b'o' => word(b"or"),
            b'n' => word(b"not"),
            _ => false,
        };
        if keyword {
            return Ok(Scanned { end, warn: Some(kind) });
        }
        if c.is_ascii_alphanumeric() || c == b'_' {
            return Err(self.error_before(end, format!("invalid {kind} literal")));
        }
        Ok(Scanned { end, warn: None })
    }
}
