//! What can be told about keys without running script code: the hash and the equality of small ints, strings and short
//! tuples of them. Dicts, sets and `in` ask here first.
//!
//! Not here: keys in general (`Vm::hash`, `Vm::equal`), the tables themselves (`dict`, `set`).

use super::Vm;
use super::object::{Kind, Ref};
use super::str::{Str, Tuple};
use super::value::Value;
use crate::text::hash::TupleHasher;

/// Tuples of more items are hashed and compared where the work is paid for.
const FEW_ITEMS: usize = 16;

/// The string, if the value is one of exactly `str`: a subclass may define `__eq__` and `__hash__`.
#[inline(always)]
pub(super) fn exact_str(v: &Value) -> Option<&Ref<Str>> {
    v.cast::<Str>().filter(|s| s.header().layout().is_exact())
}

/// The items of a short tuple of exactly `tuple`.
#[inline(always)]
fn short_tuple(v: &Value) -> Option<&[Value]> {
    let t = v.cast::<Tuple>().filter(|t| t.header().layout().is_exact())?;
    // SAFETY: the value keeps the tuple alive, whose items nobody changes while another than its maker refers to it.
    let items = unsafe { (*t.as_ptr()).items() };
    if items.len() <= FEW_ITEMS { Some(items) } else { None }
}

/// Whether two keys are the same or equal; nothing where that takes more than comparing ints, strings and short tuples.
#[inline(always)]
pub(super) fn plain_equal(a: &Value, b: &Value) -> Option<bool> {
    if a.is(b) {
        return Some(true);
    }
    if Value::both_small_ints(a, b) {
        return Some(false);
    }
    match (exact_str(a), exact_str(b)) {
        (Some(a), Some(b)) => Some(a.pinned() == b.pinned()),
        (Some(_), None) if b.is_small_int() => Some(false),
        (None, Some(_)) if a.is_small_int() => Some(false),
        _ => plain_tuples(a, b),
    }
}

#[inline(never)]
fn plain_tuples(a: &Value, b: &Value) -> Option<bool> {
    let (a, b) = (short_tuple(a)?, short_tuple(b)?);
    if a.len() != b.len() {
        return Some(false);
    }
    for (x, y) in a.iter().zip(b) {
        let same = x.is(y) || !Value::both_small_ints(x, y) && exact_str(x)?.pinned() == exact_str(y)?.pinned();
        if !same {
            return Some(false);
        }
    }
    Some(true)
}

impl Vm {
    /// The hash of a small int, a string, or a short tuple of such.
    #[inline(always)]
    pub(super) fn plain_hash(&self, key: &Value) -> Option<u64> {
        match self.item_hash(key) {
            None if key.kind() == Some(Kind::Tuple) => self.plain_tuple_hash(key),
            hash => hash,
        }
    }

    #[inline(always)]
    fn item_hash(&self, key: &Value) -> Option<u64> {
        match key.as_small_int() {
            Some(i) => Some(self.hash_small_int(i)),
            None => exact_str(key).map(|s| self.str_hash(s)),
        }
    }

    #[inline(never)]
    fn plain_tuple_hash(&self, key: &Value) -> Option<u64> {
        let items = short_tuple(key)?;
        match items {
            [x, y] if x.is_small_int() && y.is_small_int() => {
                // A pair is often asked for and then set: the last one is remembered.
                let (pair, known) = self.last_pair.get();
                if pair == [x.bits(), y.bits()] {
                    return Some(known);
                }
                let hash = self.items_hash(items)?;
                self.last_pair.set(([x.bits(), y.bits()], hash));
                Some(hash)
            }
            _ => self.items_hash(items),
        }
    }

    #[inline(always)]
    fn items_hash(&self, items: &[Value]) -> Option<u64> {
        let mut hash = TupleHasher::new();
        for item in items {
            hash.add(self.item_hash(item)? as i64);
        }
        Some(hash.finish() as u64)
    }
}
