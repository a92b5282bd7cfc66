//! Templates of `str.format`: literal text, fields, field names, numbering.
//!
//! The caller looks fields up, converts (`!r`) and formats them. A template inside a format
//! specification is read by the same functions, at most two levels deep. A template is read
//! piece by piece, because CPython formats what stands before a mistake first.

use super::gutf8::{self, code_points};
use super::unicode;
use super::{Result, TextError};

/// How deep specifications may hold fields: `format` starts with this many levels.
pub const MAX_NESTING: usize = 2;

/// A replacement field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// What stands before `!` and `:`.
    pub name: &'a [u8],
    /// The character behind `!`.
    pub conversion: Option<u32>,
    /// What stands behind `:`.
    pub spec: &'a [u8],
    /// Whether the specification holds fields itself.
    pub nested: bool,
}

/// Literal text and the field behind it, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The text, braces no longer doubled.
    pub literal: &'a [u8],
    /// The field.
    pub field: Option<Field<'a>>,
}

/// Reads a template piece by piece.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    text: &'a [u8],
    at: usize,
}

/// The pieces of a template.
pub fn pieces(template: &[u8]) -> Pieces<'_> {
    Pieces { text: template, at: 0 }
}

fn failed<T>(message: &str) -> Result<T> {
    Err(TextError::value(message))
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        let piece = self.piece();
        if piece.is_err() {
            self.at = self.text.len();
        }
        Some(piece)
    }
}

impl<'a> Pieces<'a> {
    fn take(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn since(&self, start: usize, end: usize) -> &'a [u8] {
        self.text.get(start..end).unwrap_or(&[])
    }

    fn piece(&mut self) -> Result<Piece<'a>> {
        let start = self.at;
        let rest = self.since(start, self.text.len());
        let Some(brace) = memchr::memchr2(b'{', b'}', rest) else {
            self.at = self.text.len();
            return Ok(Piece { literal: rest, field: None });
        };
        self.at = start + brace;
        let c = self.take();
        let next = self.text.get(self.at).copied();
        if next == c {
            let literal = self.since(start, self.at);
            self.at += 1;
            return Ok(Piece { literal, field: None });
        }
        if c == Some(b'}') {
            return failed("Single '}' encountered in format string");
        }
        if next.is_none() {
            return failed("Single '{' encountered in format string");
        }
        let literal = self.since(start, self.at - 1);
        Ok(Piece { literal, field: Some(self.field()?) })
    }

    fn field(&mut self) -> Result<Field<'a>> {
        let start = self.at;
        let mut end = None;
        while let Some(c) = self.take() {
            match c {
                b'{' => return failed("unexpected '{' in field name"),
                b'[' => {
                    let rest = self.since(self.at, self.text.len());
                    self.at += memchr::memchr(b']', rest).unwrap_or(rest.len());
                }
                b'}' | b':' | b'!' => {
                    end = Some(c);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return failed("expected '}' before end of string") };
        let name = self.since(start, self.at - 1);
        let mut field = Field { name, conversion: None, spec: &[], nested: false };
        if end == b'!' {
            let Some((conversion, len)) = gutf8::decode_at(self.text, self.at) else {
                return failed("end of string while looking for conversion specifier");
            };
            self.at += len;
            field.conversion = Some(conversion);
            match self.take() {
                Some(b'}') => return Ok(field),
                Some(b':') | None => {}
                Some(_) => return failed("expected ':' after conversion specifier"),
            }
        }
        if end != b'}' {
            self.spec(&mut field)?;
        }
        Ok(field)
    }

    fn spec(&mut self, field: &mut Field<'a>) -> Result<()> {
        let start = self.at;
        let mut depth = 1usize;
        while let Some(c) = self.take() {
            match c {
                b'{' => {
                    field.nested = true;
                    depth += 1;
                }
                b'}' => {
                    depth -= 1;
                    if depth == 0 {
                        field.spec = self.since(start, self.at - 1);
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        failed("unmatched '{' in format spec")
    }
}

/// The first part of a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First<'a> {
    /// A positional argument.
    Index(usize),
    /// A keyword argument; empty for automatic numbering, until `Numbering::resolve`.
    Name(&'a [u8]),
}

/// A step from an object to a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// `.name`
    Attribute(&'a [u8]),
    /// `[7]`
    Index(usize),
    /// `[key]`
    Key(&'a [u8]),
}

/// The steps of a field's name.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    rest: &'a [u8],
}

/// A number in decimal digits of any script; `None` if it is something else.
fn integer(text: &[u8]) -> Result<Option<usize>> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut value = 0usize;
    for cp in code_points(text) {
        let Some(digit) = unicode::decimal_value(cp) else { return Ok(None) };
        let grown = value.checked_mul(10).and_then(|n| n.checked_add(digit as usize));
        match grown.filter(|&n| n <= isize::MAX as usize) {
            Some(n) => value = n,
            None => return failed("Too many decimal digits in format string"),
        }
    }
    Ok(Some(value))
}

/// Splits a field's name into its first part and the steps behind it.
///
/// # Errors
/// `ValueError` for an index with too many digits.
pub fn split_name(name: &[u8]) -> Result<(First<'_>, Steps<'_>)> {
    let (first, rest) = name.split_at(memchr::memchr2(b'.', b'[', name).unwrap_or(name.len()));
    let first_part = match integer(first)? {
        Some(n) => First::Index(n),
        None => First::Name(first),
    };
    Ok((first_part, Steps { rest }))
}

impl<'a> Iterator for Steps<'a> {
    type Item = Result<Step<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&mark, rest) = self.rest.split_first()?;
        let step = self.step(mark, rest);
        if step.is_err() {
            self.rest = &[];
        }
        Some(step)
    }
}

impl<'a> Steps<'a> {
    fn step(&mut self, mark: u8, rest: &'a [u8]) -> Result<Step<'a>> {
        match mark {
            b'.' => {
                let (name, rest) = rest.split_at(memchr::memchr2(b'.', b'[', rest).unwrap_or(rest.len()));
                self.rest = rest;
                if name.is_empty() { failed("Empty attribute in format string") } else { Ok(Step::Attribute(name)) }
            }
            b'[' => {
                let Some(end) = memchr::memchr(b']', rest) else {
                    return failed("Missing ']' in format string");
                };
                let key = rest.get(..end).unwrap_or(&[]);
                self.rest = rest.get(end + 1..).unwrap_or(&[]);
                match integer(key)? {
                    Some(n) => Ok(Step::Index(n)),
                    None if key.is_empty() => failed("Empty attribute in format string"),
                    None => Ok(Step::Key(key)),
                }
            }
            _ => failed("Only '.' or '[' may follow ']' in format field specifier"),
        }
    }
}

/// Which way fields have been numbered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// No field with a number yet.
    #[default]
    Unknown,
    /// `{}`; the next index.
    Automatic(usize),
    /// `{0}`
    Manual,
}

impl Numbering {
    /// Gives an empty name its number.
    ///
    /// # Errors
    /// `ValueError` if the template mixes `{}` and `{0}`.
    pub fn resolve<'a>(&mut self, first: First<'a>) -> Result<First<'a>> {
        match (first, *self) {
            (First::Name([]), Numbering::Manual) => {
                failed("cannot switch from manual field specification to automatic field numbering")
            }
            (First::Name([]), Numbering::Unknown) => {
                *self = Numbering::Automatic(1);
                Ok(First::Index(0))
            }
            (First::Name([]), Numbering::Automatic(next)) => {
                *self = Numbering::Automatic(next + 1);
                Ok(First::Index(next))
            }
            (First::Index(_), Numbering::Automatic(_)) => {
                failed("cannot switch from automatic field numbering to manual field specification")
            }
            (First::Index(n), _) => {
                *self = Numbering::Manual;
                Ok(First::Index(n))
            }
            (name, _) => Ok(name),
        }
    }
}

/// `ValueError` for a conversion other than `r`, `s` and `a`.
pub fn unknown_conversion(cp: u32) -> TextError {
    TextError::value(match char::from_u32(cp) {
        Some(c) if (33..127).contains(&cp) => format!("Unknown conversion specifier {c}"),
        _ => format!("Unknown conversion specifier \\x{cp:x}"),
    })
}

/// `ValueError` for specifications nested too deep.
pub fn too_deep() -> TextError {
    TextError::value("Max string recursion exceeded")
}

/// `IndexError` for a positional field beyond the arguments.
pub fn index_out_of_range(index: usize) -> TextError {
    let message = format!("Replacement index {index} out of range for positional args tuple");
    TextError::new(super::Kind::Index, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(template: &str) -> String {
        pieces(template.as_bytes()).find_map(|p| p.err()).map(|e| e.message).unwrap_or_default()
    }

    #[test]
    fn templates_are_read() {
        let all: Vec<_> = pieces(b"a{{b{0.x[k]!r:>{w}}c}}").map(|p| p.unwrap()).collect();
        assert_eq!(all[0], Piece { literal: b"a{", field: None });
        let field = Field { name: b"0.x[k]", conversion: Some('r' as u32), spec: b">{w}", nested: true };
        assert_eq!(all[1], Piece { literal: b"b", field: Some(field) });
        assert_eq!(all[2], Piece { literal: b"c}", field: None });
        for (template, message) in [
            ("{", "Single '{' encountered in format string"),
            ("}", "Single '}' encountered in format string"),
            ("a}b", "Single '}' encountered in format string"),
            ("{a", "expected '}' before end of string"),
            ("{a{", "unexpected '{' in field name"),
            ("{a[}", "expected '}' before end of string"),
            ("{!", "end of string while looking for conversion specifier"),
            ("{!rx}", "expected ':' after conversion specifier"),
            ("{:{}", "unmatched '{' in format spec"),
            ("{!r", "unmatched '{' in format spec"),
        ] {
            assert_eq!(failure(template), message, "{template}");
        }
    }

    #[test]
    fn names_are_split() {
        let (first, steps) = split_name(b"0.a[1][x y].b").unwrap();
        assert_eq!(first, First::Index(0));
        let steps: Vec<_> = steps.map(|s| s.unwrap()).collect();
        assert_eq!(steps, [Step::Attribute(b"a"), Step::Index(1), Step::Key(b"x y"), Step::Attribute(b"b")]);
        let fails = |name: &'static [u8]| split_name(name).unwrap().1.find_map(|s| s.err()).map(|e| e.message);
        assert_eq!(fails(b"a."), Some("Empty attribute in format string".into()));
        assert_eq!(fails(b"a[]"), Some("Empty attribute in format string".into()));
        assert_eq!(fails(b"a[0"), Some("Missing ']' in format string".into()));
        assert_eq!(fails(b"a[0]b"), Some("Only '.' or '[' may follow ']' in format field specifier".into()));
        assert!(split_name(b"99999999999999999999").is_err());
    }

    #[test]
    fn numbering_does_not_switch() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.resolve(First::Name(b"")), Ok(First::Index(0)));
        assert_eq!(numbering.resolve(First::Name(b"")), Ok(First::Index(1)));
        assert_eq!(numbering.resolve(First::Name(b"x")), Ok(First::Name(b"x")));
        assert!(numbering.resolve(First::Index(0)).unwrap_err().message.starts_with("cannot switch from automatic"));
        let mut numbering = Numbering::default();
        assert_eq!(numbering.resolve(First::Index(3)), Ok(First::Index(3)));
        assert!(numbering.resolve(First::Name(b"")).unwrap_err().message.starts_with("cannot switch from manual"));
    }
}
