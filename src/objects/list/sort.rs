//! `list.sort`: a stable merge sort whose comparisons may raise, and may change the list.
//!
//! While it sorts, the list is empty; what a comparison puts into it is thrown away and reported. Keys that are
//! all ints, all floats or all strings are compared without script-visible calls, by the standard library's sort.
//! Otherwise natural runs are merged, so that sorted input takes one comparison for each item.

use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::List;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// Shorter runs are lengthened by insertion.
const MIN_RUN: usize = 24;

/// Sorts a list in place.
///
/// # Errors
/// What `key` and comparisons raise; ValueError when they changed the list.
pub fn sort_list(vm: &mut Vm, list: &Ref<List>, key: &Value, reverse: bool) -> R<()> {
    let mut items = std::mem::take(&mut list.get_mut(vm).items);
    let sorted = sort_items(vm, &mut items, key, reverse);
    let changed = {
        let mut l = list.get_mut(vm);
        let foreign = std::mem::replace(&mut l.items, items);
        drop(l);
        let changed = foreign.capacity() > 0;
        drop(foreign);
        changed
    };
    sorted?;
    if changed {
        return Err(vm.value_error("list modified during sort"));
    }
    Ok(())
}

/// Sorts items that no script can reach meanwhile; they stay all there when a comparison raises.
///
/// # Errors
/// What `key` and comparisons raise.
pub fn sort_items(vm: &mut Vm, items: &mut Vec<Value>, key: &Value, reverse: bool) -> R<()> {
    if items.len() < 2 && key.is_none() {
        return Ok(());
    }
    let n = items.len();
    vm.tick(n / 8)?;
    if key.is_none() {
        // Two reversals keep equal items in their order.
        if reverse {
            items.reverse();
        }
        let done = sort_plain(vm, items);
        if reverse {
            items.reverse();
        }
        return done;
    }
    let mut keys = Vec::with_capacity(n);
    for v in items.iter() {
        keys.push(vm.call(key, std::slice::from_ref(v))?);
    }
    if reverse {
        items.reverse();
        keys.reverse();
    }
    let done = sort_order(vm, &keys).map(|order| apply(items, &order));
    if reverse {
        items.reverse();
    }
    done
}

/// What all keys are, where comparing them needs no calls.
enum Simple {
    Ints,
    Floats,
    Strings,
    No,
}

fn kind_of_keys(vm: &Vm, keys: &[Value]) -> Simple {
    let plain = |v: &Value| vm.is_exact(v, &vm.types.str_);
    match keys.first() {
        Some(v) if v.is_small_int() && keys.iter().all(Value::is_small_int) => Simple::Ints,
        Some(v) if v.is_small_float() && keys.iter().all(Value::is_small_float) => Simple::Floats,
        Some(v) if plain(v) && keys.iter().all(plain) => Simple::Strings,
        _ => Simple::No,
    }
}

fn text<'a>(vm: &'a Vm, v: &'a Value) -> &'a [u8] {
    v.cast::<Str>().map_or(&[], |s| s.get(vm).as_bytes())
}

fn float(v: &Value) -> f64 {
    v.as_small_float().unwrap_or(0.0)
}

/// Sorts items that are their own keys.
fn sort_plain(vm: &mut Vm, items: &mut Vec<Value>) -> R<()> {
    match kind_of_keys(vm, items) {
        Simple::Ints => items.sort_by_key(Value::as_small_int),
        Simple::Floats => items.sort_by(|a, b| float(a).total_cmp(&float(b))),
        Simple::Strings => items.sort_by(|a, b| text(vm, a).cmp(text(vm, b))),
        Simple::No => {
            let order = Merger::new(items.len()).sort(vm, items)?;
            apply(items, &order);
        }
    }
    Ok(())
}

/// The order that sorts the keys: positions, the least key's first.
fn sort_order(vm: &mut Vm, keys: &[Value]) -> R<Vec<usize>> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    match kind_of_keys(vm, keys) {
        Simple::Ints => order.sort_by_key(|&i| keys[i].as_small_int()),
        Simple::Floats => order.sort_by(|&a, &b| float(&keys[a]).total_cmp(&float(&keys[b]))),
        Simple::Strings => order.sort_by(|&a, &b| text(vm, &keys[a]).cmp(text(vm, &keys[b]))),
        Simple::No => return Merger::new(keys.len()).sort(vm, keys),
    }
    Ok(order)
}

fn apply(items: &mut Vec<Value>, order: &[usize]) {
    let sorted = order.iter().map(|&i| std::mem::replace(&mut items[i], Value::UNDEF)).collect();
    *items = sorted;
}

/// A merge sort of positions.
struct Merger {
    order: Vec<usize>,
    /// The half that is being merged.
    spare: Vec<usize>,
    /// Start and length of the sorted runs so far.
    runs: Vec<(usize, usize)>,
}

impl Merger {
    fn new(n: usize) -> Merger {
        Merger { order: (0..n).collect(), spare: Vec::new(), runs: Vec::new() }
    }

    fn less(&self, vm: &mut Vm, keys: &[Value], a: usize, b: usize) -> R<bool> {
        vm.compare(&keys[a], &keys[b], CmpOp::Lt)
    }

    fn sort(mut self, vm: &mut Vm, keys: &[Value]) -> R<Vec<usize>> {
        let n = self.order.len();
        let mut at = 0;
        while at < n {
            vm.tick(1)?;
            let mut len = self.count_run(vm, keys, at)?;
            if len < MIN_RUN {
                let wanted = MIN_RUN.min(n - at);
                self.insert(vm, keys, at, len, wanted)?;
                len = wanted;
            }
            self.runs.push((at, len));
            self.collapse(vm, keys, false)?;
            at += len;
        }
        self.collapse(vm, keys, true)?;
        Ok(self.order)
    }

    /// The length of the run at `at`; one that goes strictly down is turned round.
    fn count_run(&mut self, vm: &mut Vm, keys: &[Value], at: usize) -> R<usize> {
        let n = self.order.len();
        if at + 1 >= n {
            return Ok(n - at);
        }
        let down = self.less(vm, keys, self.order[at + 1], self.order[at])?;
        let mut end = at + 2;
        while end < n && self.less(vm, keys, self.order[end], self.order[end - 1])? == down {
            end += 1;
        }
        if down {
            self.order[at..end].reverse();
        }
        Ok(end - at)
    }

    /// Lengthens the run at `at` from `len` to `wanted` by binary insertion.
    fn insert(&mut self, vm: &mut Vm, keys: &[Value], at: usize, len: usize, wanted: usize) -> R<()> {
        for i in at + len..at + wanted {
            let v = self.order[i];
            let (mut low, mut high) = (at, i);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.less(vm, keys, v, self.order[middle])? {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            self.order[low..=i].rotate_right(1);
        }
        Ok(())
    }

    /// Merges runs until each is longer than the two above it together; all of them at the end.
    fn collapse(&mut self, vm: &mut Vm, keys: &[Value], all: bool) -> R<()> {
        while self.runs.len() > 1 {
            let n = self.runs.len();
            let length = |i: usize| self.runs[i].1;
            let mut at = n - 2;
            let crowded = n >= 3 && length(n - 3) <= length(n - 2) + length(n - 1)
                || n >= 4 && length(n - 4) <= length(n - 3) + length(n - 2);
            if crowded || all && n >= 3 {
                if length(n - 3) < length(n - 1) {
                    at = n - 3;
                }
            } else if !all && length(n - 2) > length(n - 1) {
                break;
            }
            self.merge(vm, keys, at)?;
        }
        Ok(())
    }

    /// Merges the runs `i` and `i + 1`.
    fn merge(&mut self, vm: &mut Vm, keys: &[Value], i: usize) -> R<()> {
        let ((start, left), (middle, right)) = (self.runs[i], self.runs[i + 1]);
        vm.tick((left + right) / 8)?;
        self.runs[i] = (start, left + right);
        self.runs.remove(i + 1);
        let end = middle + right;
        // Items of the left run that stay where they are.
        let skip = self.first_greater(vm, keys, start, middle, self.order[middle])?;
        if skip == middle {
            return Ok(());
        }
        // Items of the right run that stay.
        let stop = self.first_not_less(vm, keys, middle, end, self.order[middle - 1])?;
        self.spare.clear();
        self.spare.extend_from_slice(&self.order[skip..middle]);
        let (mut a, mut b, mut to) = (0, middle, skip);
        while a < self.spare.len() && b < stop {
            if self.less(vm, keys, self.order[b], self.spare[a])? {
                self.order[to] = self.order[b];
                b += 1;
            } else {
                self.order[to] = self.spare[a];
                a += 1;
            }
            to += 1;
        }
        let rest = self.spare.len() - a;
        self.order[to..to + rest].copy_from_slice(&self.spare[a..]);
        Ok(())
    }

    /// The first position whose key is greater than that of `v`.
    fn first_greater(&self, vm: &mut Vm, keys: &[Value], start: usize, end: usize, v: usize) -> R<usize> {
        let (mut low, mut high) = (start, end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.less(vm, keys, v, self.order[middle])? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// The first position whose key is not less than that of `v`.
    fn first_not_less(&self, vm: &mut Vm, keys: &[Value], start: usize, end: usize, v: usize) -> R<usize> {
        let (mut low, mut high) = (start, end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.less(vm, keys, self.order[middle], v)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
