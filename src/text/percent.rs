//! The `%` operator of `str` and `bytes`: reading directives and formatting primitive values.
//!
//! The caller walks the pieces, fetches arguments (and the `*` amounts) and converts them to the
//! primitive that a directive needs; what can go wrong there has its message here too. A format
//! is read piece by piece, because CPython reports a broken directive only after it has
//! formatted those before it.

use super::algorithms::Flavor;
use super::format_spec::{Int, MAX_WIDTH};
use super::gutf8;
use super::number::float_text::{self, FloatFormat, Style};
use super::{Kind, Result, TextError};

/// A width or precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// None given.
    Absent,
    /// A number in the format.
    Fixed(usize),
    /// `*`: the next argument.
    Star,
}

/// What the flags ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-`
    pub left: bool,
    /// `+`
    pub plus: bool,
    /// A blank.
    pub space: bool,
    /// `#`
    pub alternate: bool,
    /// `0`
    pub zero: bool,
}

/// A directive as it stands in the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive<'a> {
    /// The key in parentheses.
    pub key: Option<&'a [u8]>,
    /// The flags.
    pub flags: Flags,
    /// The least width.
    pub width: Amount,
    /// The precision.
    pub precision: Amount,
    /// The conversion's character or byte; see `is_known`.
    pub code: u32,
    /// Where that stands, in units of the format.
    pub index: usize,
}

/// A part of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Taken as it is.
    Literal(&'a [u8]),
    /// `%%`
    Percent,
    /// An argument is formatted.
    Directive(Directive<'a>),
}

/// A directive with its amounts known: what the formatting functions take.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The flags.
    pub flags: Flags,
    /// The least width.
    pub width: usize,
    /// The precision.
    pub precision: Option<usize>,
    /// The conversion's character.
    pub code: u8,
}

/// Reads a format piece by piece.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    format: &'a [u8],
    at: usize,
    flavor: Flavor,
    /// An offset and how many units lie before it, so that none is counted twice.
    counted: (usize, usize),
    /// The key of the last directive.
    key: Option<&'a [u8]>,
}

/// The pieces of a format.
pub fn pieces(format: &[u8], flavor: Flavor) -> Pieces<'_> {
    Pieces { format, at: 0, flavor, counted: (0, 0), key: None }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.format.get(self.at..).filter(|rest| !rest.is_empty())?;
        let literal = memchr::memchr(b'%', rest).unwrap_or(rest.len());
        if literal > 0 {
            self.at += literal;
            return rest.get(..literal).map(|text| Ok(Piece::Literal(text)));
        }
        if rest.get(1) == Some(&b'%') {
            self.at += 2;
            return Some(Ok(Piece::Percent));
        }
        self.at += 1;
        let directive = self.directive();
        if directive.is_err() {
            self.at = self.format.len();
        }
        Some(directive.map(Piece::Directive))
    }
}

/// The next step of a format where it is a simple one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Taken as it is.
    Literal(&'a [u8]),
    /// A directive of this one letter.
    Short(u8),
    /// Ask the iterator.
    Other,
}

impl<'a> Pieces<'a> {
    /// What comes next; the iterator goes on behind it.
    #[inline]
    pub fn step(&mut self) -> Step<'a> {
        let rest = self.format.get(self.at..).unwrap_or_default();
        match *rest {
            [b'%', code @ (b's' | b'd' | b'x' | b'r'), ..] => {
                self.at += 2;
                Step::Short(code)
            }
            [] | [b'%', ..] => Step::Other,
            _ => {
                let len = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
                self.at += len;
                Step::Literal(rest.get(..len).unwrap_or_default())
            }
        }
    }

    /// Whether a directive with a key comes next.
    pub fn wants_mapping(&self) -> bool {
        self.format.get(self.at..).is_some_and(|rest| rest.starts_with(b"%("))
    }

    /// The key of a directive that is broken behind it.
    pub fn broken_key(&self) -> Option<&'a [u8]> {
        self.key
    }

    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn directive(&mut self) -> Result<Directive<'a>> {
        self.key = None;
        let key = self.key()?;
        self.key = key;
        let mut flags = Flags::default();
        loop {
            match self.peek() {
                Some(b'-') => flags.left = true,
                Some(b'+') => flags.plus = true,
                Some(b' ') => flags.space = true,
                Some(b'#') => flags.alternate = true,
                Some(b'0') => flags.zero = true,
                _ => break,
            }
            self.at += 1;
        }
        let width = self.amount("width too big", isize::MAX as usize)?;
        let mut precision = Amount::Absent;
        if self.peek() == Some(b'.') {
            self.at += 1;
            let message = if self.flavor == Flavor::Text { "precision too big" } else { "prec too big" };
            precision = match self.amount(message, MAX_WIDTH)? {
                Amount::Absent => Amount::Fixed(0),
                given => given,
            };
        }
        // A length modifier of C means nothing here.
        if matches!(self.peek(), Some(b'h' | b'l' | b'L')) {
            self.at += 1;
        }
        let Some((code, len)) = self.flavor.unit_at(self.format, self.at) else {
            return Err(TextError::value("incomplete format"));
        };
        let (offset, units) = self.counted;
        let index = units + self.flavor.length(self.format.get(offset..self.at).unwrap_or(&[]));
        self.counted = (self.at, index);
        self.at += len;
        Ok(Directive { key, flags, width, precision, code, index })
    }

    fn key(&mut self) -> Result<Option<&'a [u8]>> {
        if self.peek() != Some(b'(') {
            return Ok(None);
        }
        let start = self.at + 1;
        let mut depth = 1usize;
        self.at = start;
        while depth > 0 {
            match self.peek() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                Some(_) => {}
                None => return Err(TextError::value("incomplete format key")),
            }
            self.at += 1;
        }
        Ok(self.format.get(start..self.at - 1))
    }

    fn amount(&mut self, too_big: &str, most: usize) -> Result<Amount> {
        if self.peek() == Some(b'*') {
            self.at += 1;
            return Ok(Amount::Star);
        }
        let mut amount = Amount::Absent;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let so_far = if let Amount::Fixed(n) = amount { n } else { 0 };
            let grown = so_far.checked_mul(10).and_then(|n| n.checked_add(usize::from(digit - b'0')));
            match grown.filter(|&n| n <= most) {
                Some(n) => amount = Amount::Fixed(n),
                None => return Err(TextError::value(too_big)),
            }
            self.at += 1;
        }
        Ok(amount)
    }
}

impl Directive<'_> {
    /// Whether the conversion exists. CPython fetches the argument first and complains then.
    pub fn is_known(&self, flavor: Flavor) -> bool {
        match u8::try_from(self.code) {
            Ok(b's' | b'r' | b'a' | b'c' | b'd' | b'i' | b'u' | b'o' | b'x' | b'X') => true,
            Ok(b'e' | b'E' | b'f' | b'F' | b'g' | b'G') => true,
            Ok(b'b') => flavor == Flavor::Bytes,
            _ => false,
        }
    }

    /// The error for a conversion that does not exist.
    pub fn unsupported(&self, flavor: Flavor) -> TextError {
        let shown = match (flavor, self.code) {
            (_, 31..=126) => char::from_u32(self.code).unwrap_or('?'),
            (Flavor::Text, _) => '?',
            (Flavor::Bytes, 0..0x80) => char::from_u32(self.code).unwrap_or('?'),
            (Flavor::Bytes, _) => {
                return TextError::overflow("character argument not in range(0x110000)");
            }
        };
        let message = format!("unsupported format character '{shown}' (0x{:x}) at index {}", self.code, self.index);
        TextError::value(message)
    }

    /// The directive with its amounts; `width` and `precision` are the arguments for its stars.
    ///
    /// A negative width asks for left justification, a negative precision counts as zero.
    ///
    /// # Errors
    /// `OverflowError` for a precision that no `int` of C holds, `MemoryError` for a width that
    /// no memory holds.
    pub fn layout(&self, width: Option<i64>, precision: Option<i64>) -> Result<Layout> {
        let mut flags = self.flags;
        let width = match (self.width, width) {
            (Amount::Fixed(n), _) => n,
            (Amount::Star, Some(n)) => {
                flags.left |= n < 0;
                usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX)
            }
            _ => 0,
        };
        if width > MAX_WIDTH {
            return Err(TextError::memory());
        }
        let precision = match (self.precision, precision) {
            (Amount::Fixed(n), _) => Some(n),
            (Amount::Star, Some(n)) => {
                let n = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
                if n > MAX_WIDTH {
                    return Err(TextError::overflow("Python int too large to convert to C int"));
                }
                Some(n)
            }
            _ => None,
        };
        Ok(Layout { flags, width, precision, code: u8::try_from(self.code).unwrap_or(0) })
    }
}

/// `TypeError` when the arguments run out.
pub fn not_enough_arguments() -> TextError {
    TextError::type_error("not enough arguments for format string")
}

/// `TypeError` when arguments are left over.
pub fn not_all_converted(flavor: Flavor) -> TextError {
    let kind = if flavor == Flavor::Text { "string" } else { "bytes" };
    TextError::type_error(format!("not all arguments converted during {kind} formatting"))
}

/// `TypeError` when a key stands in the format and the argument is no mapping.
pub fn needs_mapping() -> TextError {
    TextError::type_error("format requires a mapping")
}

/// `TypeError` when the argument for a `*` is no integer.
pub fn star_wants_int() -> TextError {
    TextError::type_error("* wants int")
}

/// `TypeError` for an argument that a directive cannot take.
pub fn wrong_type(code: u8, type_name: &str, flavor: Flavor) -> TextError {
    let shown = char::from(code);
    TextError::type_error(match (code, flavor) {
        (b'd' | b'i' | b'u', _) => format!("%{shown} format: a real number is required, not {type_name}"),
        (b'x' | b'X' | b'o', _) => format!("%{shown} format: an integer is required, not {type_name}"),
        (b'c', Flavor::Text) => format!("%c requires an int or a unicode character, not {type_name}"),
        (b'c', Flavor::Bytes) => {
            format!("%c requires an integer in range(256) or a single byte, not {type_name}")
        }
        (b's' | b'b', _) => {
            format!("%b requires a bytes-like object, or an object that implements __bytes__, not '{type_name}'")
        }
        (_, Flavor::Text) => format!("must be real number, not {type_name}"),
        (_, Flavor::Bytes) => format!("float argument required, not {type_name}"),
    })
}

/// `TypeError` for a text, or bytes object, of a length other than one under `%c`; for bytes the
/// caller names the type (`bytes` or `bytearray`).
pub fn wrong_char_length(length: usize, type_name: &str, flavor: Flavor) -> TextError {
    TextError::type_error(match flavor {
        Flavor::Text => {
            format!("%c requires an int or a unicode character, not a string of length {length}")
        }
        Flavor::Bytes => {
            format!(
                "%c requires an integer in range(256) or a single byte, not a {type_name} object of length {length}"
            )
        }
    })
}

/// The unit that an integer stands for under `%c`.
///
/// # Errors
/// `OverflowError` if there is none.
pub fn char_of_int(n: Int<'_>, flavor: Flavor) -> Result<u32> {
    let (most, name) = match flavor {
        Flavor::Text => (gutf8::MAX_CODE_POINT, "0x110000"),
        Flavor::Bytes => (0xFF, "256"),
    };
    match n {
        Int::Small(n) => u32::try_from(n).ok().filter(|&n| n <= most),
        Int::Big(_) => None,
    }
    .ok_or_else(|| TextError::new(Kind::Overflow, format!("%c arg not in range({name})")))
}

/// Lays out what `%s`, `%r`, `%a` and `%b` made of their argument, cut to the precision.
pub fn format_text(out: &mut Vec<u8>, text: &[u8], layout: &Layout, flavor: Flavor) {
    if layout.width == 0 && layout.precision.is_none() {
        out.extend_from_slice(text);
        return;
    }
    let mut length = flavor.length(text);
    let mut shown = text;
    if let Some(precision) = layout.precision
        && precision < length
    {
        shown = match flavor {
            Flavor::Text => gutf8::slice(text, None, 0, precision),
            Flavor::Bytes => text.get(..precision).unwrap_or(text),
        };
        length = precision;
    }
    pad(out, Head::default(), length, false, layout, |out| out.extend_from_slice(shown));
}

/// Lays out the one unit of `%c`; a precision means nothing to it.
pub fn format_char(out: &mut Vec<u8>, unit: u32, layout: &Layout, flavor: Flavor) {
    pad(out, Head::default(), 1, false, layout, |out| match flavor {
        Flavor::Text => gutf8::push(out, unit),
        Flavor::Bytes => out.push(unit as u8),
    });
}

/// Formats an integer under `d`, `i`, `u`, `o`, `x`, `X`; `max_digits` limits decimal digits.
///
/// # Errors
/// `ValueError` beyond the limit.
pub fn format_int(out: &mut Vec<u8>, n: Int<'_>, layout: &Layout, max_digits: usize) -> Result<()> {
    let (radix, prefix) = match layout.code {
        b'o' => (8, "0o"),
        b'x' => (16, "0x"),
        b'X' => (16, "0X"),
        _ => (10, ""),
    };
    let text = n.digits(radix, max_digits)?;
    let (negative, digits) = match text.as_bytes().strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text.as_bytes()),
    };
    let head = Head { sign: sign(negative, layout), prefix: if layout.flags.alternate { prefix } else { "" } };
    let zeros = layout.precision.unwrap_or(0).saturating_sub(digits.len());
    let end = pad(out, head, zeros + digits.len(), true, layout, |out| {
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits);
    });
    if layout.code == b'X'
        && let Some(made) = out.get_mut(end - digits.len()..end)
    {
        made.make_ascii_uppercase();
    }
    Ok(())
}

/// Formats a double under `e`, `E`, `f`, `F`, `g`, `G`.
pub fn format_float(out: &mut Vec<u8>, x: f64, layout: &Layout) {
    let style = match layout.code {
        b'e' | b'E' => Style::Exponent,
        b'f' | b'F' => Style::Fixed,
        _ => Style::General,
    };
    let how = FloatFormat {
        style,
        precision: layout.precision.unwrap_or(6),
        alternate: layout.flags.alternate,
        point_zero: false,
        upper: layout.code.is_ascii_uppercase(),
    };
    let start = out.len();
    float_text::push(out, x, how);
    let length = out.len() - start;
    if layout.width <= length && !layout.flags.plus && !layout.flags.space {
        return;
    }
    let text = out.get(start..).unwrap_or_default().to_vec();
    out.truncate(start);
    let (negative, body) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text.as_slice()),
    };
    let head = Head { sign: sign(negative, layout), prefix: "" };
    pad(out, head, body.len(), true, layout, |out| out.extend_from_slice(body));
}

fn sign(negative: bool, layout: &Layout) -> &'static str {
    match (negative, layout.flags.plus, layout.flags.space) {
        (true, _, _) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

/// What stands in front of a number's digits.
#[derive(Clone, Copy, Default)]
struct Head {
    sign: &'static str,
    prefix: &'static str,
}

/// Fills to the width; zeros go between the head and the body of `length` units, and only into numbers. Gives the
/// place behind the body.
fn pad(
    out: &mut Vec<u8>,
    head: Head,
    length: usize,
    number: bool,
    layout: &Layout,
    body: impl FnOnce(&mut Vec<u8>),
) -> usize {
    let missing = layout.width.saturating_sub(head.sign.len() + head.prefix.len() + length);
    let zeros = number && layout.flags.zero && !layout.flags.left;
    if !zeros && !layout.flags.left {
        out.resize(out.len() + missing, b' ');
    }
    out.extend_from_slice(head.sign.as_bytes());
    out.extend_from_slice(head.prefix.as_bytes());
    if zeros {
        out.resize(out.len() + missing, b'0');
    }
    body(out);
    let end = out.len();
    if layout.flags.left {
        out.resize(end + missing, b' ');
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(format: &str) -> Directive<'_> {
        match pieces(format.as_bytes(), Flavor::Text).next() {
            Some(Ok(Piece::Directive(d))) => d,
            other => panic!("{other:?}"),
        }
    }

    fn failure(format: &str) -> String {
        pieces(format.as_bytes(), Flavor::Text).find_map(|piece| piece.err()).map(|e| e.message).unwrap_or_default()
    }

    fn int(format: &str, n: i64) -> String {
        let layout = one(format).layout(None, None).unwrap();
        let mut out = Vec::new();
        format_int(&mut out, Int::Small(n), &layout, 4300).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formats_are_read() {
        let all: Vec<_> = pieces("é%%a%(k(x))-5.*ld".as_bytes(), Flavor::Text).map(|p| p.unwrap()).collect();
        assert_eq!(all[0], Piece::Literal("é".as_bytes()));
        assert_eq!(all[1], Piece::Percent);
        assert_eq!(all[2], Piece::Literal(b"a"));
        let Piece::Directive(d) = &all[3] else { panic!() };
        assert_eq!((d.key, d.width, d.precision), (Some(&b"k(x)"[..]), Amount::Fixed(5), Amount::Star));
        assert_eq!((d.code, d.index, d.flags.left), ('d' as u32, 16, true));
        assert_eq!(failure("%"), "incomplete format");
        assert_eq!(failure("%(a"), "incomplete format key");
        assert_eq!(failure("%99999999999999999999d"), "width too big");
        assert_eq!(failure("%.2147483648d"), "precision too big");
        let message = "unsupported format character 'y' (0x79) at index 2";
        let pieces: Vec<_> = pieces("é%y".as_bytes(), Flavor::Text).map(|p| p.unwrap()).collect();
        let Piece::Directive(d) = &pieces[1] else { panic!() };
        assert!(!d.is_known(Flavor::Text));
        assert_eq!(d.unsupported(Flavor::Text).message, message);
        assert_eq!(one("%é").unsupported(Flavor::Text).message, "unsupported format character '?' (0xe9) at index 1");
    }

    #[test]
    fn numbers() {
        for (format, n, text) in [
            ("%#x", -255, "-0xff"),
            ("%#.5x", 255, "0x000ff"),
            ("%+d", 5, "+5"),
            ("% d", 5, " 5"),
            ("%05d", -3, "-0003"),
            ("%-05d", 3, "3    "),
            ("%.3d", -5, "-005"),
            ("%08.3d", -5, "-0000005"),
            ("%#5x", 10, "  0xa"),
            ("%#07x", 10, "0x0000a"),
            ("%#X", 255, "0XFF"),
            ("%.0d", 0, "0"),
        ] {
            assert_eq!(int(format, n), text, "{format}");
        }
        let float = |format: &str, x| {
            let mut out = Vec::new();
            format_float(&mut out, x, &one(format).layout(None, None).unwrap());
            String::from_utf8(out).unwrap()
        };
        assert_eq!(float("%05f", f64::INFINITY), "00inf");
        assert_eq!(float("%+f", f64::NAN), "+nan");
        assert_eq!(float("%08.2f", -1.5), "-0001.50");
        assert_eq!(float("%#g", 1.0), "1.00000");
        assert_eq!(float("%G", 1e-10), "1E-10");
    }

    #[test]
    fn texts_and_stars() {
        let layout = one("%*.*s").layout(Some(-6), Some(2)).unwrap();
        let mut out = Vec::new();
        format_text(&mut out, "héllo".as_bytes(), &layout, Flavor::Text);
        let layout = one("%05s").layout(None, None).unwrap();
        format_text(&mut out, b"a", &layout, Flavor::Bytes);
        assert_eq!(out, "hé        a".as_bytes());
        assert!(one("%*d").layout(Some(i64::MAX), None).is_err());
        assert_eq!(char_of_int(Int::Small(256), Flavor::Bytes).unwrap_err().message, "%c arg not in range(256)");
        assert_eq!(wrong_type(b'd', "str", Flavor::Text).message, "%d format: a real number is required, not str");
    }
}
