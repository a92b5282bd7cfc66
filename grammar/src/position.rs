//! Byte offsets to lines and columns.

use memchr::memchr2_iter;

/// The number (from 1) of the line that `offset` stands in; `\n`, `\r\n` and `\r` end lines.
pub(crate) fn line_number(source: &str, offset: usize) -> usize {
    let bytes = source.as_bytes();
    let before = bytes.get(..offset.min(bytes.len())).unwrap_or(bytes);
    1 + memchr2_iter(b'\n', b'\r', before).filter(|&i| before[i] == b'\n' || bytes.get(i + 1) != Some(&b'\n')).count()
}

/// Where the lines of a source text begin, to turn byte offsets into lines and columns.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<u32>,
    len: u32,
}

impl LineIndex {
    /// Finds the lines of `source`; `\n`, `\r\n` and `\r` end lines.
    pub fn new(source: &str) -> Self {
        let bytes = source.as_bytes();
        let mut starts = vec![0];
        for i in memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[i] == b'\n' || bytes.get(i + 1) != Some(&b'\n') {
                starts.push(i as u32 + 1);
            }
        }
        LineIndex { starts, len: bytes.len() as u32 }
    }

    /// How many lines there are; a text that ends with a line break has an empty one after it.
    pub fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// The line of `offset`, from 1.
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|&start| start <= offset) as u32
    }

    /// The byte offset at which `line` (from 1) begins; the text's end for lines after the last.
    pub fn line_start(&self, line: u32) -> u32 {
        (line as usize).checked_sub(1).and_then(|i| self.starts.get(i)).copied().unwrap_or(self.len)
    }

    /// The line (from 1) and the column in UTF-8 bytes (from 0) of `offset`.
    pub fn line_column_bytes(&self, offset: u32) -> (u32, u32) {
        let line = self.line(offset);
        (line, offset - self.line_start(line).min(offset))
    }

    /// The line (from 1) and the column in characters (from 0) of `offset` in `source`, the text this was made from.
    /// An offset beyond the end (where a missing line break would stand) is on the last line.
    pub fn line_column(&self, source: &str, offset: u32) -> (u32, u32) {
        let (line, bytes) = self.line_column_bytes(offset);
        let start = (offset - bytes) as usize;
        let end = (offset as usize).min(source.len());
        let text = source.as_bytes().get(start..end).unwrap_or(&[]);
        let beyond = offset as usize - end;
        // Every byte but continuation bytes begins a character.
        (line, (text.iter().filter(|&&b| b & 0xC0 != 0x80).count() + beyond) as u32)
    }

    /// The text of `line` (from 1) in `source`, without its line break.
    pub fn line_text<'s>(&self, source: &'s str, line: u32) -> &'s str {
        let text = source.get(self.line_start(line) as usize..self.line_start(line + 1) as usize).unwrap_or("");
        text.trim_end_matches(['\n', '\r'])
    }
}
