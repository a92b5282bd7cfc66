//! Slices of exactly lists, tuples and strings, with bounds that are small ints or missing: without a slice object.
//!
//! Everything else, long sequences too, goes to the type's own methods, which check sizes and count the work.

use super::super::object::{Kind, Ref};
use super::super::seq::{List, SliceObject};
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::{R, Vm};

/// Longer sequences are left to their types.
const SHORT: usize = 1 << 14;

/// Where a slice with these bounds begins and ends in a sequence, if they are small numbers or not given; counted as
/// `slice.indices` counts.
#[inline(always)]
fn adjusted_bounds(start: &Value, stop: &Value, step: i64, len: i64) -> Option<(i64, i64)> {
    let (least, most) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |v: &Value, missing: i64| -> Option<i64> {
        if v.is_none() {
            return Some(missing);
        }
        let i = v.as_small_int()?;
        Some(if i < 0 { (i + len).max(least) } else { i.min(most) })
    };
    let (first, last) = if step > 0 { (least, most) } else { (most, least) };
    Some((bound(start, first)?, bound(stop, last)?))
}

/// The same for slices without a step, as a range of a sequence of `len` items.
#[inline(always)]
fn range(start: &Value, stop: &Value, len: usize) -> Option<std::ops::Range<usize>> {
    let (from, to) = adjusted_bounds(start, stop, 1, len as i64)?;
    Some(from as usize..to.max(from) as usize)
}

/// The list, if the value is one of exactly `list` that is short.
#[inline(always)]
fn short_list(v: &Value) -> Option<&Ref<List>> {
    // SAFETY: the value keeps the list alive; its length is read and no more.
    v.cast::<List>().filter(|l| l.header().layout().is_exact() && unsafe { (*l.as_ptr()).items.len() } <= SHORT)
}

impl Vm {
    /// `object[start:stop]`.
    #[inline(never)]
    pub(super) fn get_slice_op(&mut self, o: &Value, start: Value, stop: Value) -> R {
        if let Some(part) = self.plain_slice(o, &start, &stop) {
            return Ok(part);
        }
        self.slice_generally(o, start, stop, Value::NONE)
    }

    #[inline(always)]
    fn plain_slice(&self, o: &Value, start: &Value, stop: &Value) -> Option<Value> {
        let h = o.header().filter(|h| h.layout().is_exact())?;
        match h.kind {
            Kind::List => {
                let items = &short_list(o)?.get(self).items;
                let part = items.get(range(start, stop, items.len())?)?.to_vec();
                Some(self.list(part).into())
            }
            Kind::Tuple => {
                let items = o.cast::<Tuple>()?.get(self).items();
                let range = range(start, stop, items.len())?;
                if range.len() == items.len() {
                    return Some(o.clone());
                }
                (range.len() <= SHORT).then(|| self.tuple_of_copies(&items[range]).into())
            }
            Kind::Str => {
                let text = o.cast::<Str>()?;
                let s = text.get(self);
                if !s.is_ascii() {
                    return None;
                }
                let range = range(start, stop, s.char_len())?;
                Some(self.str_part(text, range.start, range.end))
            }
            _ => None,
        }
    }

    /// `object[start:stop:step]`.
    #[inline(never)]
    pub(super) fn get_slice_step_op(&mut self, o: &Value, start: Value, stop: Value, step: Value) -> R {
        if let Some(list) = short_list(o)
            && let Some(step) = step.as_small_int().filter(|n| *n != 0 && n.abs() <= SHORT as i64)
            && let Some((from, to)) = adjusted_bounds(&start, &stop, step, list.get(self).items.len() as i64)
        {
            let part = select(&list.get(self).items, from, to, step);
            return Ok(self.list(part).into());
        }
        self.slice_generally(o, start, stop, step)
    }

    #[cold]
    fn slice_generally(&mut self, o: &Value, start: Value, stop: Value, step: Value) -> R {
        let slice = self.alloc(SliceObject { start, stop, step }).into_value();
        self.get_item(o, &slice)
    }

    /// `object[start:stop] = value`.
    #[inline(never)]
    pub(super) fn set_slice_op(&mut self, o: &Value, start: Value, stop: Value, v: Value) -> R<()> {
        if let Some(list) = short_list(o)
            && !o.is(&v)
            && let Some(range) = range(&start, &stop, list.get(self).items.len())
            && let Some(mut new) = self.take_items(&v)
        {
            // What is replaced dies when the list is whole again.
            let items = &mut list.get_mut(self).items;
            let old = if new.len() == range.len() {
                items[range].swap_with_slice(&mut new);
                new
            } else {
                items.splice(range, new).collect()
            };
            List::let_go(old);
            return Ok(());
        }
        let slice = self.alloc(SliceObject { start, stop, step: Value::NONE }).into_value();
        self.set_item(o, slice, v)
    }

    /// The items of exactly a list or a tuple that is short; those of a list that nobody else holds are taken.
    #[inline(always)]
    fn take_items(&mut self, v: &Value) -> Option<Vec<Value>> {
        if let Some(list) = short_list(v) {
            let unique = list.header().is_unique() && list.header().flags.get() == 0;
            return Some(if unique {
                std::mem::take(&mut list.get_mut(self).items)
            } else {
                list.get(self).items.clone()
            });
        }
        let items = v.cast::<Tuple>().filter(|t| t.header().layout().is_exact())?.get(self).items();
        (items.len() <= SHORT).then(|| items.to_vec())
    }
}

/// The items from `from` up or down to `to`, which is not among them.
fn select(items: &[Value], from: i64, to: i64, step: i64) -> Vec<Value> {
    if step == -1 {
        // Counted in full: one item after the other would ask for room again and again.
        let range = (to + 1).max(0) as usize..(from + 1).max(to + 1).max(0) as usize;
        return items.get(range).unwrap_or_default().iter().rev().cloned().collect();
    }
    let count = if step > 0 { (to - from + step - 1) / step } else { (from - to - step - 1) / -step };
    (0..count.max(0)).filter_map(|k| items.get((from + k * step) as usize).cloned()).collect()
}
