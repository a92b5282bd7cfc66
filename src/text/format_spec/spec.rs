//! Reading a format specification.

use crate::text::gutf8::{code_points, to_string_lossy};
use crate::text::{Result, TextError, unicode};

/// Wider results and larger precisions are refused with a `MemoryError` or a `ValueError`.
pub const MAX_WIDTH: usize = i32::MAX as usize;

/// Where the value stands in a wider field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `>`
    Right,
    /// `^`
    Center,
    /// `=`: fill between the sign and the digits
    AfterSign,
}

/// Which positive numbers get a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing given, or `-`: only negative numbers have a sign.
    Minus,
    /// `+`
    Plus,
    /// A blank in front of positive numbers.
    Space,
}

/// Separators between groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// None.
    No,
    /// A comma at every third digit.
    Comma,
    /// An underscore at every third digit, every fourth in base 2, 8 and 16.
    Underscore,
}

impl Grouping {
    /// The separator.
    pub fn separator(self) -> Option<char> {
        match self {
            Grouping::No => None,
            Grouping::Comma => Some(','),
            Grouping::Underscore => Some('_'),
        }
    }
}

/// A format specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatSpec {
    /// The fill character; a blank if none is given.
    pub fill: u32,
    /// The alignment, the kind's own if none is given.
    pub align: Align,
    /// The sign option, `None` if not given.
    pub sign: Option<Sign>,
    /// `z`: negative zero becomes positive.
    pub no_negative_zero: bool,
    /// `#`
    pub alternate: bool,
    /// The least width in code points.
    pub width: Option<usize>,
    /// Grouping before the decimal point.
    pub grouping: Grouping,
    /// Grouping behind the decimal point.
    pub fraction_grouping: Grouping,
    /// The precision.
    pub precision: Option<usize>,
    /// The presentation type, the kind's own (zero for floats) if none is given.
    pub code: u32,
}

fn as_align(cp: u32) -> Option<Align> {
    Some(match char::from_u32(cp)? {
        '<' => Align::Left,
        '>' => Align::Right,
        '^' => Align::Center,
        '=' => Align::AfterSign,
        _ => return None,
    })
}

/// A character as error messages show it.
fn shown(cp: u32) -> String {
    match char::from_u32(cp) {
        Some(c) if (33..128).contains(&cp) => c.to_string(),
        _ => format!("\\x{cp:x}"),
    }
}

/// `ValueError` for a presentation type that the kind of object does not have.
pub fn unknown_code(code: u32, type_name: &str) -> TextError {
    TextError::value(format!("Unknown format code '{}' for object of type '{type_name}'", shown(code)))
}

fn both_separators() -> TextError {
    TextError::value("Cannot specify both ',' and '_'.")
}

fn separator_with(separator: char, code: u32) -> TextError {
    TextError::value(format!("Cannot specify '{separator}' with '{}'.", shown(code)))
}

/// Specifications of so many characters need no memory of their own.
const FEW: usize = 16;

/// Reads specifications from their code points.
struct Reader<'a> {
    text: &'a [u32],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u32> {
        self.text.get(self.at + ahead).copied()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek(0) == Some(c as u32);
        self.at += usize::from(found);
        found
    }

    fn integer(&mut self) -> Result<Option<usize>> {
        let mut value = None;
        while let Some(digit) = self.peek(0).and_then(unicode::decimal_value) {
            let grown = value.unwrap_or(0usize).checked_mul(10).and_then(|n| n.checked_add(digit as usize));
            let Some(n) = grown.filter(|&n| n <= isize::MAX as usize) else {
                return Err(TextError::value("Too many decimal digits in format string"));
            };
            value = Some(n);
            self.at += 1;
        }
        Ok(value)
    }

    fn grouping(&mut self) -> Result<Grouping> {
        let mut grouping = Grouping::No;
        if self.take(',') {
            grouping = Grouping::Comma;
        }
        if self.peek(0) == Some('_' as u32) {
            if grouping != Grouping::No {
                return Err(both_separators());
            }
            self.at += 1;
            grouping = Grouping::Underscore;
        }
        if self.peek(0) == Some(',' as u32) && grouping == Grouping::Underscore {
            return Err(both_separators());
        }
        Ok(grouping)
    }
}

impl FormatSpec {
    /// Reads a specification for an object whose presentation type (zero: none) and alignment are
    /// the given ones if it names none.
    ///
    /// # Errors
    /// `ValueError` for what no kind of object understands.
    pub fn parse(spec: &[u8], default_code: u32, default_align: Align, type_name: &str) -> Result<FormatSpec> {
        if let Some(f) = FormatSpec::parse_plain(spec, default_code, default_align) {
            return Ok(f);
        }
        let (mut few, many);
        let text: &[u32] = if spec.len() <= FEW && spec.is_ascii() {
            few = [0; FEW];
            for (cp, &b) in few.iter_mut().zip(spec) {
                *cp = u32::from(b);
            }
            few.get(..spec.len()).unwrap_or_default()
        } else {
            many = code_points(spec).collect::<Vec<u32>>();
            &many
        };
        let mut r = Reader { text, at: 0 };
        let mut f = FormatSpec::plain(default_code, default_align);
        let (mut fill_given, mut align_given) = (false, false);
        if let Some(align) = r.peek(1).and_then(as_align) {
            f.fill = r.peek(0).unwrap_or(0x20);
            f.align = align;
            (fill_given, align_given) = (true, true);
            r.at += 2;
        } else if let Some(align) = r.peek(0).and_then(as_align) {
            f.align = align;
            align_given = true;
            r.at += 1;
        }
        f.sign = match r.peek(0).and_then(char::from_u32) {
            Some('+') => Some(Sign::Plus),
            Some('-') => Some(Sign::Minus),
            Some(' ') => Some(Sign::Space),
            _ => None,
        };
        r.at += usize::from(f.sign.is_some());
        f.no_negative_zero = r.take('z');
        f.alternate = r.take('#');
        if !fill_given && r.take('0') {
            f.fill = '0' as u32;
            if !align_given && default_align == Align::Right {
                f.align = Align::AfterSign;
            }
        }
        f.width = r.integer()?;
        f.grouping = r.grouping()?;
        if r.take('.') {
            f.precision = r.integer()?;
            f.fraction_grouping = r.grouping()?;
            if f.precision.is_none() && f.fraction_grouping == Grouping::No {
                return Err(TextError::value("Format specifier missing precision"));
            }
        }
        if text.len() > r.at + 1 {
            let spec = to_string_lossy(spec);
            let message = format!("Invalid format specifier '{spec}' for object of type '{type_name}'");
            return Err(TextError::value(message));
        }
        f.code = r.peek(0).unwrap_or(default_code);
        f.check_grouping()?;
        Ok(f)
    }

    /// An empty specification.
    fn plain(code: u32, align: Align) -> FormatSpec {
        FormatSpec {
            fill: 0x20,
            align,
            sign: None,
            no_negative_zero: false,
            alternate: false,
            width: None,
            grouping: Grouping::No,
            fraction_grouping: Grouping::No,
            precision: None,
            code,
        }
    }

    /// Reads what specifications mostly are: an alignment, perhaps with an ASCII fill, a sign, a zero, small numbers, a
    /// letter. Nothing for all others, wrong ones included.
    #[inline]
    fn parse_plain(spec: &[u8], default_code: u32, default_align: Align) -> Option<FormatSpec> {
        /// A number of at most four digits, if there is one; nothing for a longer one.
        fn number(spec: &[u8], at: &mut usize) -> Option<Option<usize>> {
            let (mut value, start) = (None::<usize>, *at);
            while let Some(digit @ b'0'..=b'9') = spec.get(*at) {
                value = Some(value.unwrap_or(0) * 10 + usize::from(digit - b'0'));
                *at += 1;
                if *at - start > 4 {
                    return None;
                }
            }
            Some(value)
        }
        let mut f = FormatSpec::plain(default_code, default_align);
        let plain_align = |b: Option<&u8>| b.and_then(|&b| as_align(u32::from(b)));
        let (mut at, mut filled) = (0, false);
        if let Some(align) = plain_align(spec.get(1)) {
            f.fill = u32::from(*spec.first()?);
            if f.fill >= 0x80 {
                return None;
            }
            (f.align, filled, at) = (align, true, 2);
        } else if let Some(align) = plain_align(spec.first()) {
            (f.align, at) = (align, 1);
        }
        if spec.get(at) == Some(&b'+') {
            f.sign = Some(Sign::Plus);
            at += 1;
        }
        if !filled && spec.get(at) == Some(&b'0') {
            f.fill = u32::from(b'0');
            if at == usize::from(f.sign.is_some()) && default_align == Align::Right {
                f.align = Align::AfterSign;
            }
            at += 1;
        }
        f.width = number(spec, &mut at)?;
        if spec.get(at) == Some(&b'.') {
            at += 1;
            f.precision = Some(number(spec, &mut at)??);
        }
        match *spec.get(at..)? {
            [] => Some(f),
            [code @ (b'a'..=b'y' | b'A'..=b'Z' | b'%')] => Some(FormatSpec { code: u32::from(code), ..f }),
            _ => None,
        }
    }

    fn check_grouping(&self) -> Result<()> {
        let code = char::from_u32(self.code).unwrap_or('\u{FFFF}');
        if let Some(separator) = self.grouping.separator() {
            let fits = match code {
                'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F' | '\0' => true,
                'b' | 'o' | 'x' | 'X' => self.grouping == Grouping::Underscore,
                _ => false,
            };
            if !fits {
                return Err(separator_with(separator, self.code));
            }
        }
        if let Some(separator) = self.fraction_grouping.separator()
            && code == 'n'
        {
            return Err(separator_with(separator, self.code));
        }
        Ok(())
    }
}
