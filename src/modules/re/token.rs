//! Reading a pattern character by character, and the escapes in it.
//!
//! A backslash and what follows it are one token. Errors carry the position that Python's `re`
//! gives, in characters. What the tokens mean together is for `parse` and `template`.

use super::ast::{Category, Mode, Set};
use crate::text::gutf8;
use crate::text::repr::{ascii_of_repr, str_repr};
use crate::text::unicode;

/// Which exception a bad pattern raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `re.PatternError`, with a position.
    Pattern,
    /// `ValueError`: flags that exclude each other.
    Value,
    /// `OverflowError`: a repetition count that is too large.
    Overflow,
    /// `RecursionError`: groups nested too deeply.
    Recursion,
    /// `IndexError`: an unknown group name in a replacement template.
    Index,
}

/// What is wrong with a pattern or a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReError {
    /// Which exception it becomes.
    pub kind: ErrorKind,
    /// The bare message, without the position.
    pub msg: String,
    /// Where, in characters; `None` for errors that have no place.
    pub pos: Option<usize>,
    /// The line of `pos`, from 1.
    pub lineno: usize,
    /// The column of `pos`, from 1.
    pub colno: usize,
    /// Whether the pattern has more than one line, so that the full message gives the line too.
    pub multiline: bool,
}

impl ReError {
    /// An error without a place.
    pub fn plain(kind: ErrorKind, msg: impl Into<String>) -> Self {
        ReError { kind, msg: msg.into(), pos: None, lineno: 0, colno: 0, multiline: false }
    }

    /// The text of the exception.
    pub fn full_message(&self) -> String {
        match self.pos {
            None => self.msg.clone(),
            Some(pos) if self.multiline => {
                format!("{} at position {} (line {}, column {})", self.msg, pos, self.lineno, self.colno)
            }
            Some(pos) => format!("{} at position {}", self.msg, pos),
        }
    }
}

/// A character, or a backslash with the character behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(u32),
    Escape(u32),
}

impl Token {
    pub fn is(self, wanted: char) -> bool {
        self == Token::Char(wanted as u32)
    }

    /// How many characters it takes.
    pub fn len(self) -> usize {
        match self {
            Token::Char(_) => 1,
            Token::Escape(_) => 2,
        }
    }
}

/// What an escape stands for.
pub(super) enum Escape {
    Literal(u32),
    Category(Category, bool),
}

pub(super) struct Tokenizer {
    chars: Vec<u32>,
    pub is_text: bool,
    index: usize,
    next: Option<Token>,
}

impl Tokenizer {
    pub fn new(source: &[u8], is_bytes: bool) -> Result<Self, ReError> {
        let chars = if is_bytes {
            source.iter().map(|&byte| u32::from(byte)).collect()
        } else {
            gutf8::code_points(source).collect()
        };
        let mut tokenizer = Tokenizer { chars, is_text: !is_bytes, index: 0, next: None };
        tokenizer.advance()?;
        Ok(tokenizer)
    }

    fn advance(&mut self) -> Result<(), ReError> {
        self.next = match self.chars.get(self.index) {
            None => {
                self.next = None;
                return Ok(());
            }
            Some(&c) if c == '\\' as u32 => match self.chars.get(self.index + 1) {
                None => return Err(self.error_at("bad escape (end of pattern)", self.chars.len() - 1)),
                Some(&escaped) => Some(Token::Escape(escaped)),
            },
            Some(&c) => Some(Token::Char(c)),
        };
        self.index += self.next.map_or(0, Token::len);
        Ok(())
    }

    pub fn peek(&self) -> Option<Token> {
        self.next
    }

    pub fn get(&mut self) -> Result<Option<Token>, ReError> {
        let token = self.next;
        self.advance()?;
        Ok(token)
    }

    /// Takes the next token if it is the given character.
    pub fn take(&mut self, wanted: char) -> Result<bool, ReError> {
        if self.next.is_some_and(|token| token.is(wanted)) {
            self.advance()?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The position of the next token.
    pub fn tell(&self) -> usize {
        self.index - self.next.map_or(0, Token::len)
    }

    pub fn seek(&mut self, index: usize) -> Result<(), ReError> {
        self.index = index;
        self.advance()
    }

    /// Takes up to `most` characters for which `test` holds.
    pub fn take_while(&mut self, most: usize, test: impl Fn(u8) -> bool) -> Result<String, ReError> {
        let mut taken = String::new();
        while taken.len() < most {
            match self.next {
                Some(Token::Char(c)) if c < 128 && test(c as u8) => taken.push(char::from(c as u8)),
                _ => break,
            }
            self.advance()?;
        }
        Ok(taken)
    }

    /// Takes a name up to `terminator`.
    pub fn take_until(&mut self, terminator: char, what: &str) -> Result<Vec<u32>, ReError> {
        let mut name = Vec::new();
        loop {
            match self.get()? {
                None if name.is_empty() => return Err(self.error(format!("missing {what}"), 0)),
                None => return Err(self.error(format!("missing {terminator}, unterminated name"), name.len())),
                Some(token) if token.is(terminator) => {
                    if name.is_empty() {
                        return Err(self.error(format!("missing {what}"), 1));
                    }
                    return Ok(name);
                }
                Some(Token::Char(c)) => name.push(c),
                Some(Token::Escape(c)) => name.extend(['\\' as u32, c]),
            }
        }
    }

    pub fn error(&self, msg: impl Into<String>, before: usize) -> ReError {
        self.error_at(msg, self.tell().saturating_sub(before))
    }

    pub fn error_at(&self, msg: impl Into<String>, pos: usize) -> ReError {
        let newline = '\n' as u32;
        let before = self.chars.get(..pos).unwrap_or(&self.chars);
        let line_start = before.iter().rposition(|&c| c == newline).map_or(0, |at| at + 1);
        ReError {
            kind: ErrorKind::Pattern,
            msg: self.ascii_if_bytes(msg.into()),
            pos: Some(pos),
            lineno: before.iter().filter(|&&c| c == newline).count() + 1,
            colno: pos - line_start + 1,
            multiline: self.chars.contains(&newline),
        }
    }

    fn ascii_if_bytes(&self, msg: String) -> String {
        if self.is_text || msg.is_ascii() {
            return msg;
        }
        String::from_utf8_lossy(&ascii_of_repr(msg.as_bytes())).into_owned()
    }

    /// Raises unless the name can name a group.
    pub fn check_group_name(&self, name: &[u32], before: usize) -> Result<(), ReError> {
        let encoded = encode(name);
        let good = (self.is_text || encoded.is_ascii()) && unicode::text_is_identifier(&encoded);
        if good {
            return Ok(());
        }
        Err(self.error(format!("bad character in group name {}", quoted(name)), name.len() + before))
    }

    fn hex_escape(&mut self, letter: char, digits: usize) -> Result<u32, ReError> {
        let taken = self.take_while(digits, |c| c.is_ascii_hexdigit())?;
        if taken.len() != digits {
            return Err(self.error(format!("incomplete escape \\{letter}{taken}"), taken.len() + 2));
        }
        match u32::from_str_radix(&taken, 16) {
            Ok(value) if value <= gutf8::MAX_CODE_POINT => Ok(value),
            _ => Err(self.error(format!("bad escape \\{letter}{taken}"), taken.len() + 2)),
        }
    }

    fn named_escape(&mut self) -> Result<u32, ReError> {
        if !self.take('{')? {
            return Err(self.error("missing {", 0));
        }
        let name = self.take_until('}', "character name")?;
        let text = String::from_utf8_lossy(&encode(&name)).into_owned();
        unicode::names::lookup(&text).ok_or_else(|| {
            self.error(format!("undefined character name {}", quoted(&name)), name.len() + "\\N{}".len())
        })
    }

    /// The escapes that mean the same in and outside of sets; `None` for the rest.
    fn common_escape(&mut self, c: u32) -> Result<Option<Escape>, ReError> {
        let letter = char::from_u32(c).unwrap_or('\0');
        let value = match letter {
            'd' => return Ok(Some(Escape::Category(Category::Digit, false))),
            'D' => return Ok(Some(Escape::Category(Category::Digit, true))),
            's' => return Ok(Some(Escape::Category(Category::Space, false))),
            'S' => return Ok(Some(Escape::Category(Category::Space, true))),
            'w' => return Ok(Some(Escape::Category(Category::Word, false))),
            'W' => return Ok(Some(Escape::Category(Category::Word, true))),
            'x' => self.hex_escape('x', 2)?,
            'u' if self.is_text => self.hex_escape('u', 4)?,
            'U' if self.is_text => self.hex_escape('U', 8)?,
            'N' if self.is_text => self.named_escape()?,
            _ => match control_escape(letter) {
                Some(value) => value,
                None => return Ok(None),
            },
        };
        Ok(Some(Escape::Literal(value)))
    }

    /// What an escape within a set stands for.
    pub fn set_escape(&mut self, c: u32) -> Result<Escape, ReError> {
        if c == 'b' as u32 {
            return Ok(Escape::Literal(8));
        }
        if let Some(escape) = self.common_escape(c)? {
            return Ok(escape);
        }
        match char::from_u32(c) {
            Some(digit @ '0'..='7') => {
                let text = format!("{digit}{}", self.take_while(2, is_octal)?);
                Ok(Escape::Literal(self.octal(&text)?))
            }
            Some(other) if other.is_ascii_alphanumeric() => Err(self.error(format!("bad escape \\{other}"), 2)),
            _ => Ok(Escape::Literal(c)),
        }
    }

    /// What an escape outside of sets stands for; numbers from 1 are the caller's.
    pub fn escape(&mut self, c: u32) -> Result<Escape, ReError> {
        if let Some(escape) = self.common_escape(c)? {
            return Ok(escape);
        }
        match char::from_u32(c) {
            Some('0') => {
                let text = format!("0{}", self.take_while(2, is_octal)?);
                Ok(Escape::Literal(self.octal(&text)?))
            }
            Some(other) if other.is_ascii_alphabetic() => Err(self.error(format!("bad escape \\{other}"), 2)),
            _ => Ok(Escape::Literal(c)),
        }
    }

    /// The value of octal digits, at most 0o377.
    pub fn octal(&self, digits: &str) -> Result<u32, ReError> {
        match u32::from_str_radix(digits, 8) {
            Ok(value) if value <= 255 => Ok(value),
            _ => {
                let msg = format!("octal escape value \\{digits} outside of range 0-0o377");
                Err(self.error(msg, digits.len() + 1))
            }
        }
    }
}

pub(super) fn is_octal(c: u8) -> bool {
    (b'0'..=b'7').contains(&c)
}

/// The characters that an escape of one letter stands for, in patterns and templates.
pub(super) fn control_escape(letter: char) -> Option<u32> {
    Some(match letter {
        'a' => 7,
        't' => 9,
        'n' => 10,
        'v' => 11,
        'f' => 12,
        'r' => 13,
        '\\' => 92,
        _ => return None,
    })
}

pub(super) fn encode(chars: &[u32]) -> Vec<u8> {
    gutf8::from_code_points(chars.iter().copied())
}

/// The repr of a name.
pub(super) fn quoted(name: &[u32]) -> String {
    String::from_utf8_lossy(&str_repr(&encode(name))).into_owned()
}

/// A number written in ASCII digits; `None` for other texts. Too large ones are `u32::MAX`.
pub(super) fn number(name: &[u32]) -> Option<u32> {
    let mut value = 0u32;
    for &c in name {
        let digit = char::from_u32(c)?.to_digit(10)?;
        value = value.saturating_mul(10).saturating_add(digit);
    }
    Some(value)
}

pub(super) fn category_set(category: Category, negate: bool, mode: Mode) -> Set {
    Set { negate: false, ranges: Vec::new(), categories: vec![(category, negate)], mode }
}
