//! Generalized UTF-8: the encoding of every script string.
//!
//! It is UTF-8 in which surrogate code points (U+D800 to U+DFFF) may appear, each as three bytes.
//! Unlike WTF-8, a high surrogate followed by a low one is *not* joined: Python keeps them as two
//! code points, so concatenation is plain concatenation of bytes. Byte-wise comparison orders
//! texts by code point, and a byte-wise search finds only whole code points.
//!
//! Functions here take bytes that are valid generalized UTF-8; on other bytes they give some
//! code points but never panic. Searching and splitting live in `algorithms`, codecs in `codecs`.

/// The largest code point.
pub const MAX_CODE_POINT: u32 = 0x10FFFF;

/// Whether the code point is one half of a UTF-16 pair.
#[inline]
pub fn is_surrogate(cp: u32) -> bool {
    (0xD800..=0xDFFF).contains(&cp)
}

/// How many bytes the code point takes.
#[inline]
pub fn encoded_len(cp: u32) -> usize {
    match cp {
        0..=0x7F => 1,
        0x80..=0x7FF => 2,
        0x800..=0xFFFF => 3,
        _ => 4,
    }
}

/// Appends one code point (at most `MAX_CODE_POINT`; larger values keep their low 21 bits).
#[inline]
pub fn push(out: &mut Vec<u8>, cp: u32) {
    match cp {
        0..=0x7F => out.push(cp as u8),
        0x80..=0x7FF => out.extend_from_slice(&[0xC0 | (cp >> 6) as u8, 0x80 | (cp & 0x3F) as u8]),
        0x800..=0xFFFF => {
            out.extend_from_slice(&[
                0xE0 | (cp >> 12) as u8,
                0x80 | ((cp >> 6) & 0x3F) as u8,
                0x80 | (cp & 0x3F) as u8,
            ]);
        }
        _ => out.extend_from_slice(&[
            0xF0 | ((cp >> 18) & 7) as u8,
            0x80 | ((cp >> 12) & 0x3F) as u8,
            0x80 | ((cp >> 6) & 0x3F) as u8,
            0x80 | (cp & 0x3F) as u8,
        ]),
    }
}

/// The encoding of one code point.
pub fn encode(cp: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(4);
    push(&mut out, cp);
    out
}

/// The encoding of a sequence of code points.
pub fn from_code_points(code_points: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let code_points = code_points.into_iter();
    let mut out = Vec::with_capacity(code_points.size_hint().0);
    for cp in code_points {
        push(&mut out, cp);
    }
    out
}

/// Whether a byte continues a code point begun earlier.
#[inline]
pub fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// How many bytes a code point takes, told by its first byte.
#[inline]
pub fn len_of_first(byte: u8) -> usize {
    match byte {
        0..=0xBF => 1,
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// The code point that starts at byte offset `at` and its length, or `None` at the end.
#[inline]
pub fn decode_at(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let first = *text.get(at)?;
    if first < 0x80 {
        return Some((u32::from(first), 1));
    }
    let byte = |i: usize| u32::from(text.get(at + i).copied().unwrap_or(0x80) & 0x3F);
    Some(match first {
        0x80..0xE0 => ((u32::from(first) & 0x1F) << 6 | byte(1), 2),
        0xE0..0xF0 => ((u32::from(first) & 0x0F) << 12 | byte(1) << 6 | byte(2), 3),
        _ => ((u32::from(first) & 7) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3), 4),
    })
}

/// The first code point.
pub fn first(text: &[u8]) -> Option<u32> {
    decode_at(text, 0).map(|(cp, _)| cp)
}

/// The only code point of a text of length one, else `None`.
pub fn single(text: &[u8]) -> Option<u32> {
    match decode_at(text, 0) {
        Some((cp, len)) if len == text.len() => Some(cp),
        _ => None,
    }
}

/// The length in code points.
#[inline]
pub fn count(text: &[u8]) -> usize {
    // Summing without a branch lets the compiler use vector instructions.
    text.iter().map(|&b| usize::from((b as i8) >= -0x40)).sum()
}

/// Whether every byte is ASCII, so that code point and byte offsets agree.
#[inline]
pub fn is_ascii(text: &[u8]) -> bool {
    text.is_ascii()
}

/// The text as a Rust string; `None` if it holds surrogates.
pub fn as_str(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

/// The text as a Rust string, surrogates replaced by U+FFFD, for messages to people.
pub fn to_string_lossy(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(s) => s.to_owned(),
        Err(_) => code_points(text).map(|cp| char::from_u32(cp).unwrap_or('\u{FFFD}')).collect(),
    }
}

/// Checks that the bytes are generalized UTF-8; the error is the offset of the first bad byte.
pub fn validate(bytes: &[u8]) -> Result<(), usize> {
    let mut at = 0;
    while at < bytes.len() {
        match std::str::from_utf8(&bytes[at..]) {
            Ok(_) => return Ok(()),
            Err(e) => {
                let bad = at + e.valid_up_to();
                match bytes.get(bad..bad + 3) {
                    Some([0xED, 0xA0..=0xBF, 0x80..=0xBF]) => at = bad + 3,
                    _ => return Err(bad),
                }
            }
        }
    }
    Ok(())
}

/// The code points of a text, from either end.
#[derive(Clone, Debug)]
pub struct CodePoints<'a> {
    rest: &'a [u8],
}

/// Iterates over the code points.
#[inline]
pub fn code_points(text: &[u8]) -> CodePoints<'_> {
    CodePoints { rest: text }
}

impl<'a> CodePoints<'a> {
    /// The bytes not yet iterated over.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl Iterator for CodePoints<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let (cp, len) = decode_at(self.rest, 0)?;
        self.rest = self.rest.get(len..).unwrap_or(&[]);
        Some(cp)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len().div_ceil(4), Some(self.rest.len()))
    }
}

impl DoubleEndedIterator for CodePoints<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<u32> {
        if self.rest.is_empty() {
            return None;
        }
        let start = previous(self.rest, self.rest.len());
        let (head, tail) = self.rest.split_at(start);
        self.rest = head;
        decode_at(tail, 0).map(|(cp, _)| cp)
    }
}

/// The offset at which the code point before byte offset `at` starts.
#[inline]
pub fn previous(text: &[u8], at: usize) -> usize {
    let mut start = at.min(text.len());
    while start > 0 {
        start -= 1;
        if !is_continuation(text[start]) {
            break;
        }
    }
    start
}

/// The byte offset just after the code point at `at`.
#[inline]
pub fn next(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(&b) => (at + len_of_first(b)).min(text.len()),
        None => text.len(),
    }
}

/// Where code points lie in a text, every 64th noted, so that access by index is a short walk.
#[derive(Clone, Debug, Default)]
pub struct Index {
    offsets: Box<[usize]>,
    length: usize,
}

const STRIDE: usize = 64;

impl Index {
    /// Walks the text once and notes every 64th code point's offset.
    pub fn build(text: &[u8]) -> Self {
        let mut offsets = Vec::with_capacity(text.len() / STRIDE / 2 + 1);
        let mut length = 0usize;
        for (at, &b) in text.iter().enumerate() {
            if !is_continuation(b) {
                if length.is_multiple_of(STRIDE) {
                    offsets.push(at);
                }
                length += 1;
            }
        }
        Index { offsets: offsets.into_boxed_slice(), length }
    }

    /// The length in code points.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How many bytes of memory the index holds.
    pub fn heap_size(&self) -> usize {
        self.offsets.len() * size_of::<usize>()
    }

    /// The byte offset of the code point with the given index; the text's end for larger ones.
    pub fn byte_offset(&self, text: &[u8], index: usize) -> usize {
        if index >= self.length {
            return text.len();
        }
        let mut at = self.offsets.get(index / STRIDE).copied().unwrap_or(0);
        for _ in 0..index % STRIDE {
            at = next(text, at);
        }
        at
    }

    /// The index of the code point that starts at the byte offset.
    pub fn code_point_index(&self, text: &[u8], byte: usize) -> usize {
        let block = self.offsets.partition_point(|&o| o <= byte).saturating_sub(1);
        let start = self.offsets.get(block).copied().unwrap_or(0);
        block * STRIDE + count(text.get(start..byte).unwrap_or(&[]))
    }
}

/// The byte offset of the code point with the given index, by walking; the end for larger ones.
pub fn byte_offset(text: &[u8], index: usize) -> usize {
    let mut at = 0;
    for _ in 0..index {
        if at >= text.len() {
            break;
        }
        at = next(text, at);
    }
    at
}

/// The code point with the given index.
pub fn get(text: &[u8], index: Option<&Index>, at: usize) -> Option<u32> {
    let byte = match index {
        Some(index) => index.byte_offset(text, at),
        None if text.is_ascii() => at,
        None => byte_offset(text, at),
    };
    decode_at(text, byte).map(|(cp, _)| cp)
}

/// The part between two code point indices (`start <= stop`), without copying.
pub fn slice<'a>(text: &'a [u8], index: Option<&Index>, start: usize, stop: usize) -> &'a [u8] {
    let (from, to) = match index {
        Some(index) => (index.byte_offset(text, start), index.byte_offset(text, stop)),
        None => {
            let from = byte_offset(text, start);
            (from, from + byte_offset(text.get(from..).unwrap_or(&[]), stop.saturating_sub(start)))
        }
    };
    text.get(from..to).unwrap_or(&[])
}

/// The `count` code points at `start`, `start + step`, …; `step` may be negative but not zero.
/// The caller has clipped the range to the text as `slice.indices` does.
pub fn slice_step(text: &[u8], start: usize, step: isize, count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(count);
    let skip = step.unsigned_abs().saturating_sub(1);
    if step > 0 {
        let from = byte_offset(text, start);
        let mut it = code_points(text.get(from..).unwrap_or(&[]));
        for i in 0..count {
            let cp = if i == 0 { it.next() } else { it.nth(skip) };
            let Some(cp) = cp else { break };
            push(&mut out, cp);
        }
    } else {
        let to = byte_offset(text, start.saturating_add(1));
        let mut it = code_points(text.get(..to).unwrap_or(&[])).rev();
        for i in 0..count {
            let cp = if i == 0 { it.next() } else { it.nth(skip) };
            let Some(cp) = cp else { break };
            push(&mut out, cp);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_stay_apart() {
        let mut text = encode(0xD83D);
        text.extend(encode(0xDE00));
        assert_eq!(code_points(&text).collect::<Vec<_>>(), [0xD83D, 0xDE00]);
        assert_eq!(count(&text), 2);
        assert_eq!(validate(&text), Ok(()));
        assert!(as_str(&text).is_none());
        assert_eq!(validate(b"ab\xED\xA0"), Err(2));
        assert_eq!(validate(b"a\xFF"), Err(1));
    }

    #[test]
    fn every_length_survives_a_round_trip() {
        for cp in [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD800, 0xDFFF, 0xFFFF, 0x10000, 0x10FFFF] {
            let text = encode(cp);
            assert_eq!(text.len(), encoded_len(cp));
            assert_eq!(single(&text), Some(cp));
            assert_eq!(code_points(&text).next_back(), Some(cp));
        }
    }

    #[test]
    fn index_agrees_with_walking() {
        let text: Vec<u8> = from_code_points((0..1000u32).map(|i| [0x61, 0xE9, 0x20AC, 0x1F600][(i % 4) as usize]));
        let index = Index::build(&text);
        assert_eq!(index.length(), 1000);
        for i in 0..1001 {
            let byte = index.byte_offset(&text, i);
            assert_eq!(byte, byte_offset(&text, i));
            assert_eq!(index.code_point_index(&text, byte), i);
        }
        assert_eq!(slice(&text, Some(&index), 1, 3), "é€".as_bytes());
        assert_eq!(slice(&text, None, 1, 3), "é€".as_bytes());
        assert_eq!(slice_step(&text, 0, 4, 3), b"aaa");
        assert_eq!(slice_step(&text, 5, -1, 3), "éa😀".as_bytes());
    }
}
