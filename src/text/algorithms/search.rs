//! Finding, counting and replacing.

use super::Flavor;
use crate::text::gutf8;
use memchr::memmem;

/// Clips `start` and `end` as slices do: negative ones count from the end.
/// The result may have `start > end`, which means that nothing can be found, not even nothing.
pub fn clip(start: Option<i64>, end: Option<i64>, length: usize) -> (usize, usize) {
    let place = |at: i64| {
        if at < 0 {
            length.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX))
        } else {
            usize::try_from(at).unwrap_or(usize::MAX)
        }
    };
    (start.map_or(0, place), end.map_or(length, place).min(length))
}

/// The first place of the needle.
#[inline]
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [] => Some(0),
        [byte] => memchr::memchr(*byte, hay),
        _ => memmem::find(hay, needle),
    }
}

/// The last place of the needle.
#[inline]
pub fn rfind(hay: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [] => Some(hay.len()),
        [byte] => memchr::memrchr(*byte, hay),
        _ => memmem::rfind(hay, needle),
    }
}

/// How often the needle occurs without overlaps; the empty one also behind the last unit.
pub fn count(hay: &[u8], needle: &[u8], flavor: Flavor) -> usize {
    match needle {
        [] => flavor.length(hay) + 1,
        [byte] => memchr::memchr_iter(*byte, hay).count(),
        _ => memmem::find_iter(hay, needle).count(),
    }
}

/// Replaces the first `most` occurrences (all if `None`); `None` if the result would have more
/// than `limit` bytes.
pub fn replace(
    hay: &[u8],
    old: &[u8],
    new: &[u8],
    most: Option<usize>,
    flavor: Flavor,
    limit: usize,
) -> Option<Vec<u8>> {
    let most = most.unwrap_or(usize::MAX);
    let found = if new.len() > old.len() { count(hay, old, flavor).min(most) } else { 0 };
    let grown = found.checked_mul(new.len() - old.len().min(new.len()))?;
    let size = hay.len().checked_add(grown).filter(|&size| size <= limit)?;
    let mut out = Vec::with_capacity(size);
    if old.is_empty() {
        between_units(&mut out, hay, new, most, flavor);
        return Some(out);
    }
    let mut done = 0;
    for at in memmem::find_iter(hay, old).take(most) {
        out.extend_from_slice(hay.get(done..at).unwrap_or(&[]));
        out.extend_from_slice(new);
        done = at + old.len();
    }
    out.extend_from_slice(hay.get(done..).unwrap_or(&[]));
    Some(out)
}

/// Replacing nothing puts the new text in front of each unit and behind the last.
fn between_units(out: &mut Vec<u8>, hay: &[u8], new: &[u8], most: usize, flavor: Flavor) {
    let (mut at, mut done) = (0, 0);
    while done < most {
        out.extend_from_slice(new);
        done += 1;
        let Some((_, len)) = flavor.unit_at(hay, at) else { return };
        out.extend_from_slice(hay.get(at..at + len).unwrap_or(&[]));
        at += len;
    }
    out.extend_from_slice(hay.get(at..).unwrap_or(&[]));
}

/// The parts before and behind the first separator, which must not be empty.
pub fn partition<'a>(hay: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(hay, separator)?;
    Some((hay.get(..at)?, hay.get(at + separator.len()..)?))
}

/// The parts before and behind the last separator, which must not be empty.
pub fn rpartition<'a>(hay: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = rfind(hay, separator)?;
    Some((hay.get(..at)?, hay.get(at + separator.len()..)?))
}

/// `bytes.translate`: maps through a table of 256 entries after leaving out `delete`.
pub fn translate_bytes(bytes: &[u8], table: Option<&[u8; 256]>, delete: &[u8]) -> Vec<u8> {
    let mut drop = [false; 256];
    for &b in delete {
        drop[usize::from(b)] = true;
    }
    bytes.iter().filter(|&&b| !drop[usize::from(b)]).map(|&b| table.map_or(b, |table| table[usize::from(b)])).collect()
}

/// What `str.translate`'s table says of a code point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Translation {
    /// It stays.
    Keep,
    /// It goes.
    Delete,
    /// One code point takes its place.
    Char(u32),
    /// A text takes its place.
    Text(Vec<u8>),
}

/// `str.translate`, asking for each code point what becomes of it.
///
/// # Errors
/// What `ask` returns.
pub fn translate_text<E>(text: &[u8], mut ask: impl FnMut(u32) -> Result<Translation, E>) -> Result<Vec<u8>, E> {
    let mut out = Vec::with_capacity(text.len());
    for cp in gutf8::code_points(text) {
        match ask(cp)? {
            Translation::Keep => gutf8::push(&mut out, cp),
            Translation::Delete => {}
            Translation::Char(cp) => gutf8::push(&mut out, cp),
            Translation::Text(text) => out.extend_from_slice(&text),
        }
    }
    Ok(out)
}
