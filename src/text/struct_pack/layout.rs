//! Reading formats.

use crate::text::{Kind, Result, TextError};

pub(super) fn failed(message: impl Into<String>) -> TextError {
    TextError::new(Kind::Struct, message)
}

/// What kind of value a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An integer: give `Value::Int`.
    Int,
    /// An address: an integer taken modulo 2^64.
    Pointer,
    /// A double.
    Float,
    /// A complex number.
    Complex,
    /// Any object's truth.
    Bool,
    /// A bytes object of length one.
    Char,
    /// Bytes, `s` or `p`.
    Bytes,
}

/// One value's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The format character.
    pub code: u8,
    /// Where it starts.
    pub offset: usize,
    /// How many bytes it takes.
    pub size: usize,
}

impl Field {
    /// The kind of value.
    pub fn class(&self) -> Class {
        match self.code {
            b'c' => Class::Char,
            b's' | b'p' => Class::Bytes,
            b'?' => Class::Bool,
            b'e' | b'f' | b'd' => Class::Float,
            b'F' | b'D' => Class::Complex,
            b'P' => Class::Pointer,
            _ => Class::Int,
        }
    }

    /// Whether an integer field is signed.
    pub fn signed(&self) -> bool {
        matches!(self.code, b'b' | b'h' | b'i' | b'l' | b'q' | b'n')
    }
}

/// A run of fields of one code.
#[derive(Clone, Copy, Debug)]
struct Run {
    field: Field,
    repeat: usize,
}

/// A format, laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    runs: Vec<Run>,
    size: usize,
    values: usize,
    little: bool,
}

/// Size and alignment in the machine's own layout, that of 64-bit Unix.
fn native(code: u8) -> Option<(usize, usize)> {
    Some(match code {
        b'x' | b'b' | b'B' | b'c' | b's' | b'p' | b'?' => (1, 1),
        b'h' | b'H' | b'e' => (2, 2),
        b'i' | b'I' | b'f' => (4, 4),
        b'l' | b'L' | b'q' | b'Q' | b'n' | b'N' | b'P' | b'd' => (8, 8),
        b'F' => (8, 4),
        b'D' => (16, 8),
        _ => return None,
    })
}

/// Size in the standard layouts, which do not align.
fn standard(code: u8) -> Option<(usize, usize)> {
    match code {
        b'l' | b'L' => Some((4, 1)),
        b'n' | b'N' | b'P' => None,
        _ => native(code).map(|(size, _)| (size, 1)),
    }
}

impl Layout {
    /// Reads a format, blanks between its parts allowed.
    ///
    /// # Errors
    /// `struct.error` for unknown codes, counts without one, and sizes beyond memory.
    pub fn parse(format: &[u8]) -> Result<Layout> {
        let (mark, body) = match format {
            [mark @ (b'@' | b'=' | b'<' | b'>' | b'!'), rest @ ..] => (*mark, rest),
            _ => (b'@', format),
        };
        let little = !matches!(mark, b'>' | b'!') && (mark == b'<' || cfg!(target_endian = "little"));
        let mut layout = Layout { runs: Vec::new(), size: 0, values: 0, little };
        let mut at = 0;
        while let Some(&code) = body.get(at) {
            at += 1;
            if code.is_ascii_whitespace() || code == 0x0B {
                continue;
            }
            let mut code = code;
            let mut count = None;
            if code.is_ascii_digit() {
                let mut n = usize::from(code - b'0');
                loop {
                    let Some(&next) = body.get(at) else {
                        return Err(failed("repeat count given without format specifier"));
                    };
                    at += 1;
                    if !next.is_ascii_digit() {
                        code = next;
                        break;
                    }
                    n = n.checked_mul(10).and_then(|n| n.checked_add(usize::from(next - b'0'))).ok_or_else(too_long)?;
                }
                count = Some(n);
            }
            let sizes = if mark == b'@' { native(code) } else { standard(code) };
            let (size, align) = sizes.ok_or_else(|| failed("bad char in struct format"))?;
            layout.add(code, count.unwrap_or(1), size, align)?;
        }
        Ok(layout)
    }

    fn add(&mut self, code: u8, count: usize, size: usize, align: usize) -> Result<()> {
        let offset = self.size.checked_next_multiple_of(align).ok_or_else(too_long)?;
        let total = size.checked_mul(count).and_then(|n| n.checked_add(offset));
        self.size = total.filter(|&n| n <= isize::MAX as usize).ok_or_else(too_long)?;
        let (size, repeat) = match code {
            b'x' => return Ok(()),
            b's' | b'p' => (count, 1),
            _ => (size, count),
        };
        if repeat > 0 {
            self.values += repeat;
            self.runs.push(Run { field: Field { code, offset, size }, repeat });
        }
        Ok(())
    }

    /// The size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many values are packed or unpacked.
    pub fn values(&self) -> usize {
        self.values
    }

    /// Whether the lowest byte comes first.
    pub fn little_endian(&self) -> bool {
        self.little
    }

    /// The fields, one for each value.
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.runs.iter().flat_map(|run| {
            let Run { field, repeat } = *run;
            (0..repeat).map(move |i| Field { offset: field.offset + i * field.size, ..field })
        })
    }

    /// The error if the number of values is wrong; `what` is `pack` or `pack_into`.
    ///
    /// # Errors
    /// `struct.error`
    pub fn check_values(&self, what: &str, given: usize) -> Result<()> {
        if given == self.values {
            return Ok(());
        }
        Err(failed(format!("{what} expected {} items for packing (got {given})", self.values)))
    }

    /// The error if a buffer for `unpack` has the wrong size.
    ///
    /// # Errors
    /// `struct.error`
    pub fn check_exact(&self, length: usize) -> Result<()> {
        if length == self.size {
            return Ok(());
        }
        Err(failed(format!("unpack requires a buffer of {} bytes", self.size)))
    }

    /// The error if `iter_unpack` cannot work on a buffer.
    ///
    /// # Errors
    /// `struct.error`
    pub fn check_iterated(&self, length: usize) -> Result<()> {
        if self.size == 0 {
            return Err(failed("cannot iteratively unpack with a struct of length 0"));
        }
        if !length.is_multiple_of(self.size) {
            let message = format!("iterative unpacking requires a buffer of a multiple of {} bytes", self.size);
            return Err(failed(message));
        }
        Ok(())
    }

    /// Where in a buffer `pack_into` or `unpack_from` shall work, given its offset argument.
    ///
    /// # Errors
    /// `struct.error` if the offset lies outside, or too little room is left.
    pub fn place(&self, packing: bool, length: usize, offset: i64) -> Result<usize> {
        let size = self.size;
        let start = if offset < 0 {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            if back < size {
                let what = if packing { "no space to pack" } else { "not enough data to unpack" };
                return Err(failed(format!("{what} {size} bytes at offset {offset}")));
            }
            if back > length {
                return Err(failed(format!("offset {offset} out of range for {length}-byte buffer")));
            }
            length - back
        } else {
            usize::try_from(offset).unwrap_or(usize::MAX)
        };
        if length.saturating_sub(start) < size || start > length {
            let (name, verb) = if packing { ("pack_into", "packing") } else { ("unpack_from", "unpacking") };
            let needed = start.saturating_add(size);
            return Err(failed(format!(
                "{name} requires a buffer of at least {needed} bytes for {verb} {size} bytes at offset {start} \
                 (actual buffer size is {length})"
            )));
        }
        Ok(start)
    }
}

fn too_long() -> TextError {
    failed("total struct size too long")
}
