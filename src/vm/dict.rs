//! `dict`: insertion-ordered entries and a small index.
//!
//! Up to eight entries there is no index: the entries are compared one by one. Beyond, a table of `u32` slots
//! maps hashes to entries by linear probing. Deleted entries stay as tombstones until the next growth.
//!
//! Keys with a script-defined `__eq__` can run anything, changing this very dict included. The methods of
//! [`Ref<Dict>`] therefore look for a candidate, let go of the table, compare, and start again if the table
//! changed meanwhile. Methods of [`Dict`] itself compare by identity and, for strings, by content: they serve
//! dicts whose keys are all strings, such as namespaces.

use super::keys::{exact_str, plain_equal};
use super::object::{Kind, Object, Ref, Trace, Tracer};
use super::str::Str;
use super::value::Value;
use super::{R, Vm};
use std::cell::Cell;

/// One item.
pub struct Entry {
    hash: u64,
    key: Value,
    value: Value,
}

/// The payload of `dict`.
#[derive(Default)]
pub struct Dict {
    entries: Vec<Entry>,
    /// Slot to entry number plus one; 0 is empty. Length zero or a power of two.
    index: Vec<u32>,
    live: u32,
    /// Something else than small ints was put in. Among small ints, equal ones are identical.
    mixed: bool,
    /// Identifies this set of keys to inline caches; 0 when keys changed since anyone asked.
    keys_version: Cell<u32>,
    /// Counts changes of keys, for iterators and probing.
    changes: u32,
}

impl Trace for Dict {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for e in &self.entries {
            tracer.value(&e.key);
            tracer.value(&e.value);
        }
    }
    fn clear(&mut self) {
        *self = Dict::default();
    }
}

impl Object for Dict {
    const KIND: Kind = Kind::Dict;
    fn external(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.index.capacity() * 4
    }
}

const _: () = assert!(size_of::<Dict>() == 64 && size_of::<Entry>() == 24);

const NO_INDEX: usize = 8;

/// Where a probe stands.
pub(super) enum Probe {
    /// An entry with the very key.
    Found(usize),
    /// An entry with the same hash whose key must be compared by script-visible equality.
    Compare(usize),
    /// No entry.
    Absent,
}

impl Dict {
    /// An empty dict with room for `n` items.
    pub fn with_capacity(n: usize) -> Dict {
        let mut d = Dict { entries: Vec::with_capacity(n), ..Dict::default() };
        if n > NO_INDEX {
            d.index = vec![0; index_len(n)];
        }
        d
    }

    /// The number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Counts changes of the set of keys: an iterator that finds another number stops with an error.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// The item at or after position `at` in insertion order, with the position after it.
    #[inline]
    pub fn next_entry(&self, mut at: usize) -> Option<(usize, &Value, &Value)> {
        loop {
            let e = self.entries.get(at)?;
            at += 1;
            if !e.key.is(&Value::TOMBSTONE) {
                return Some((at, &e.key, &e.value));
            }
        }
    }

    /// The item at or before position `at` (exclusive) in insertion order, with its position.
    pub fn previous_entry(&self, mut at: usize) -> Option<(usize, &Value, &Value)> {
        at = at.min(self.entries.len());
        while at > 0 {
            at -= 1;
            let e = &self.entries[at];
            if !e.key.is(&Value::TOMBSTONE) {
                return Some((at, &e.key, &e.value));
            }
        }
        None
    }

    /// One more than the last position.
    pub fn end(&self) -> usize {
        self.entries.len()
    }

    /// All items in insertion order.
    pub fn iter(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.entries.iter().filter(|e| !e.key.is(&Value::TOMBSTONE)).map(|e| (&e.key, &e.value))
    }

    /// All items in insertion order with the hashes of their keys.
    pub fn iter_hashed(&self) -> impl Iterator<Item = (u64, &Value, &Value)> {
        self.entries.iter().filter(|e| !e.key.is(&Value::TOMBSTONE)).map(|e| (e.hash, &e.key, &e.value))
    }

    /// The value of entry `at`, for inline caches.
    #[inline(always)]
    pub(super) fn value_at(&self, at: usize) -> Option<&Value> {
        self.entries.get(at).map(|e| &e.value)
    }

    /// The value of entry `at`, for inline caches.
    ///
    /// # Safety
    /// `at` was the number of an entry when the dict had the keys version that it has now, which was not 0.
    #[inline(always)]
    pub(super) unsafe fn value_at_unchecked(&self, at: usize) -> &Value {
        debug_assert!(at < self.entries.len());
        // SAFETY: entries only go when the keys version changes.
        unsafe { &self.entries.get_unchecked(at).value }
    }

    /// Replaces the value of entry `at`, for inline caches.
    ///
    /// # Safety
    /// As for [`value_at_unchecked`](Self::value_at_unchecked).
    #[inline(always)]
    pub(super) unsafe fn replace_at_unchecked(&mut self, at: usize, value: Value) -> Value {
        debug_assert!(at < self.entries.len());
        // SAFETY: entries only go when the keys version changes.
        unsafe { std::mem::replace(&mut self.entries.get_unchecked_mut(at).value, value) }
    }

    #[inline(always)]
    pub(super) fn keys_version(&self) -> u32 {
        self.keys_version.get()
    }

    pub(super) fn set_keys_version(&self, version: u32) {
        self.keys_version.set(version);
    }

    /// Whether identity alone tells a key from the others.
    #[inline(always)]
    pub(super) fn tells_by_identity(&self, key: &Value) -> bool {
        !self.mixed && key.is_small_int()
    }

    /// The entry of a key for which [`tells_by_identity`](Self::tells_by_identity) holds.
    #[inline(never)]
    pub(super) fn find_identical(&self, hash: u64, key: &Value) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|e| e.key.is(key));
        }
        let mask = self.index.len() - 1;
        let mut slot = spread(hash);
        loop {
            // The index always has a free slot.
            let at = (self.index[slot & mask] as usize).checked_sub(1)?;
            if self.entries.get(at)?.key.is(key) {
                return Some(at);
            }
            slot = slot.wrapping_add(stride(hash));
        }
    }

    /// The entry of a key for which `Vm::plain_hash` gave the hash; the outer nothing stands for a comparison that may run
    /// script code.
    #[inline(always)]
    pub(super) fn find_plain(&self, hash: u64, key: &Value) -> Option<Option<usize>> {
        if self.tells_by_identity(key) {
            return Some(self.find_identical(hash, key));
        }
        self.find_plain_mixed(hash, key)
    }

    #[inline(never)]
    fn find_plain_mixed(&self, hash: u64, key: &Value) -> Option<Option<usize>> {
        if !self.index.is_empty()
            && let Some(text) = exact_str(key)
        {
            return self.find_text(hash, key, text.pinned());
        }
        match self.probe(hash, key, &mut 0) {
            Probe::Found(at) => Some(Some(at)),
            Probe::Absent => Some(None),
            Probe::Compare(_) => None,
        }
    }

    /// The same for a string in a dict with an index.
    #[inline(always)]
    fn find_text(&self, hash: u64, key: &Value, text: &[u8]) -> Option<Option<usize>> {
        let mask = self.index.len() - 1;
        let mut slot = spread(hash);
        loop {
            // The index always has a free slot.
            let Some(at) = (self.index[slot & mask] as usize).checked_sub(1) else { return Some(None) };
            let e = self.entries.get(at)?;
            if e.key.is(key) {
                return Some(Some(at));
            }
            if e.hash == hash {
                match exact_str(&e.key) {
                    Some(other) if other.pinned() == text => return Some(Some(at)),
                    Some(_) => {}
                    None if e.key.is(&Value::TOMBSTONE) || e.key.is_small_int() => {}
                    None => return None,
                }
            }
            slot = slot.wrapping_add(stride(hash));
        }
    }

    /// Looks for `key` from the place that `cursor` names (start with 0), by hash and identity; strings are
    /// compared here, everything else is left to the caller as [`Probe::Compare`].
    #[inline]
    pub(super) fn probe(&self, hash: u64, key: &Value, cursor: &mut usize) -> Probe {
        if self.index.is_empty() {
            while let Some(e) = self.entries.get(*cursor) {
                let at = *cursor;
                *cursor += 1;
                if e.hash == hash {
                    match self.same_key(e, key) {
                        Some(true) => return Probe::Found(at),
                        Some(false) => {}
                        None => return Probe::Compare(at),
                    }
                }
            }
            return Probe::Absent;
        }
        let mask = self.index.len() - 1;
        loop {
            let slot = spread(hash).wrapping_add(stride(hash).wrapping_mul(*cursor)) & mask;
            *cursor += 1;
            let n = self.index[slot];
            if n == 0 || *cursor > mask + 1 {
                return Probe::Absent;
            }
            let at = n as usize - 1;
            let e = &self.entries[at];
            if e.hash == hash {
                match self.same_key(e, key) {
                    Some(true) => return Probe::Found(at),
                    Some(false) => {}
                    None => return Probe::Compare(at),
                }
            }
        }
    }

    #[inline(always)]
    fn same_key(&self, e: &Entry, key: &Value) -> Option<bool> {
        if e.key.is(&Value::TOMBSTONE) {
            return Some(false);
        }
        plain_equal(&e.key, key)
    }

    /// The key of entry `at`.
    pub(super) fn key_at(&self, at: usize) -> &Value {
        &self.entries[at].key
    }

    /// The position of a string key, by its hash; other equal keys (instances of subclasses) are not found.
    #[inline]
    pub(super) fn find_str(&self, hash: u64, key: &Value) -> Option<usize> {
        let mut cursor = 0;
        loop {
            match self.probe(hash, key, &mut cursor) {
                Probe::Found(at) => return Some(at),
                Probe::Absent => return None,
                Probe::Compare(_) => {}
            }
        }
    }

    /// Whether another key makes the tables larger, and how many bytes that may take.
    #[inline(always)]
    fn growth(&self) -> Option<usize> {
        let (n, room) = (self.entries.len(), self.entries.capacity());
        if n < room && (n + 1) * 3 <= self.index.len() * 2 || n < NO_INDEX {
            return None;
        }
        Some(n.saturating_mul(2 * size_of::<Entry>() + 16))
    }

    /// Adds an item whose key is known to be absent.
    pub(super) fn insert_new(&mut self, hash: u64, key: Value, value: Value) {
        self.keys_changed();
        self.mixed |= !key.is_small_int();
        if self.entries.len() == self.entries.capacity() || self.entries.len() >= (u32::MAX - 1) as usize {
            self.make_room();
        }
        self.entries.push(Entry { hash, key, value });
        self.live += 1;
        let n = self.entries.len();
        if self.index.is_empty() {
            if n > NO_INDEX {
                self.reindex();
            }
        } else if n * 3 > self.index.len() * 2 {
            self.reindex();
        } else {
            self.link(hash, n as u32);
        }
    }

    #[inline]
    fn keys_changed(&mut self) {
        self.keys_version.set(0);
        self.changes = self.changes.wrapping_add(1);
    }

    fn link(&mut self, hash: u64, n: u32) {
        let mask = self.index.len() - 1;
        let mut slot = spread(hash);
        while self.index[slot & mask] != 0 {
            slot = slot.wrapping_add(stride(hash));
        }
        self.index[slot & mask] = n;
    }

    fn make_room(&mut self) {
        if self.len() < self.entries.len() / 4 * 3 {
            self.compact();
        } else {
            let more = (self.entries.len() / 2).max(4);
            self.entries.reserve_exact(more);
        }
    }

    fn compact(&mut self) {
        self.entries.retain(|e| !e.key.is(&Value::TOMBSTONE));
        self.reindex();
    }

    fn reindex(&mut self) {
        if self.len() <= NO_INDEX && self.entries.len() <= NO_INDEX {
            self.index = Vec::new();
            return;
        }
        let len = index_len(self.entries.len());
        self.index.clear();
        self.index.resize(len, 0);
        for i in 0..self.entries.len() {
            if !self.entries[i].key.is(&Value::TOMBSTONE) {
                self.link(self.entries[i].hash, i as u32 + 1);
            }
        }
    }

    /// Replaces the value of entry `at` and gives the old one.
    pub(super) fn set_value_at(&mut self, at: usize, value: Value) -> Value {
        std::mem::replace(&mut self.entries[at].value, value)
    }

    /// Removes entry `at`.
    pub(super) fn remove_at(&mut self, at: usize) -> (Value, Value) {
        self.keys_changed();
        self.live -= 1;
        let e = &mut self.entries[at];
        let key = std::mem::replace(&mut e.key, Value::TOMBSTONE);
        let value = std::mem::replace(&mut e.value, Value::UNDEF);
        if at + 1 == self.entries.len() && self.index.is_empty() {
            self.entries.pop();
        } else if self.live == 0 {
            self.entries.clear();
            self.index.iter_mut().for_each(|n| *n = 0);
        }
        (key, value)
    }

    /// Removes the last item.
    pub(super) fn remove_last(&mut self) -> Option<(Value, Value)> {
        let at = self.previous_entry(usize::MAX)?.0;
        let item = self.remove_at(at);
        // Trailing tombstones would make repeated calls walk over them again and again.
        if !self.index.is_empty() && self.len() * 2 < self.entries.len() {
            self.compact();
        }
        Some(item)
    }

    /// Takes all items out.
    pub fn take(&mut self) -> Dict {
        let changes = self.changes.wrapping_add(1);
        std::mem::replace(self, Dict { changes, ..Dict::default() })
    }

    /// A copy, tombstones left out.
    pub fn copy(&self) -> Dict {
        let mut d = Dict {
            entries: self
                .entries
                .iter()
                .filter(|e| !e.key.is(&Value::TOMBSTONE))
                .map(|e| Entry { hash: e.hash, key: e.key.clone(), value: e.value.clone() })
                .collect(),
            live: self.live,
            mixed: self.mixed,
            ..Dict::default()
        };
        d.reindex();
        d
    }
}

fn index_len(entries: usize) -> usize {
    (entries * 2).next_power_of_two().max(16)
}

/// How far apart the places of an index are that are looked at for a hash: an odd number, so that all are in the end.
/// Neighbours would not do: consecutive ints fill runs of places, which a key that is absent would have to walk along.
#[inline(always)]
fn stride(hash: u64) -> usize {
    (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize | 1
}

/// The first of these places. Hashes of ints are the ints themselves, so their high bits are mixed in.
#[inline(always)]
fn spread(hash: u64) -> usize {
    (hash ^ (hash >> 17) ^ (hash >> 37)) as usize
}

impl Ref<Dict> {
    /// The position of `key`, whose hash is `hash`.
    ///
    /// # Errors
    /// What the keys' `__eq__` raises.
    pub(super) fn find(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<Option<usize>> {
        let d = self.get(vm);
        if d.tells_by_identity(key) {
            return Ok(d.find_identical(hash, key));
        }
        if exact_str(key).is_some()
            && let Some(found) = d.find_plain_mixed(hash, key)
        {
            return Ok(found);
        }
        'restart: loop {
            let changes = self.get(vm).changes;
            let mut cursor = 0;
            loop {
                match self.get(vm).probe(hash, key, &mut cursor) {
                    Probe::Found(at) => return Ok(Some(at)),
                    Probe::Absent => return Ok(None),
                    Probe::Compare(at) => {
                        let other = self.get(vm).key_at(at).clone();
                        let equal = vm.equal(&other, key)?;
                        if self.get(vm).changes != changes {
                            continue 'restart;
                        }
                        if equal {
                            return Ok(Some(at));
                        }
                    }
                }
            }
        }
    }

    /// `self[key]` without `__missing__`.
    ///
    /// # Errors
    /// An unhashable key; what `__hash__` and `__eq__` raise.
    pub fn get_item(&self, vm: &mut Vm, key: &Value) -> R<Option<Value>> {
        if let Some(hash) = vm.plain_hash(key)
            && let Some(found) = self.get(vm).find_plain(hash, key)
        {
            return Ok(found.map(|at| self.get(vm).entries[at].value.clone()));
        }
        let hash = vm.hash_as_dict_key(key)?;
        Ok(self.find(vm, hash, key)?.map(|at| self.get(vm).entries[at].value.clone()))
    }

    /// `self[key] = value`.
    ///
    /// # Errors
    /// An unhashable key; what `__hash__` and `__eq__` raise.
    pub fn set_item(&self, vm: &mut Vm, key: Value, value: Value) -> R<()> {
        let hash = vm.hash_as_dict_key(&key)?;
        self.set_item_hashed(vm, hash, key, value)
    }

    /// As [`set_item`](Self::set_item), with the hash known.
    ///
    /// # Errors
    /// What `__eq__` raises.
    pub fn set_item_hashed(&self, vm: &mut Vm, hash: u64, key: Value, value: Value) -> R<()> {
        let at = self.find(vm, hash, &key)?;
        if at.is_none() {
            self.check_growth(vm)?;
        }
        let old = {
            let mut d = self.get_mut(vm);
            match at {
                Some(at) => Some(d.set_value_at(at, value)),
                None => {
                    d.insert_new(hash, key, value);
                    None
                }
            }
        };
        drop(old);
        Ok(())
    }

    /// Makes sure that the system has memory for another key.
    ///
    /// # Errors
    /// MemoryError.
    #[inline(always)]
    pub(super) fn check_growth(&self, vm: &mut Vm) -> R<()> {
        match self.get(vm).growth() {
            None => Ok(()),
            Some(bytes) => vm.check_growth(0, 0, bytes, 1),
        }
    }

    /// Makes sure that the system has memory for a copy.
    ///
    /// # Errors
    /// MemoryError.
    pub fn check_copy(&self, vm: &mut Vm) -> R<()> {
        vm.check_growth(0, 0, self.get(vm).len(), size_of::<Entry>() + 16)
    }

    /// Removes `key` and gives its item.
    ///
    /// # Errors
    /// An unhashable key; what `__hash__` and `__eq__` raise.
    pub fn remove(&self, vm: &mut Vm, key: &Value) -> R<Option<(Value, Value)>> {
        let hash = vm.hash_as_dict_key(key)?;
        let at = self.find(vm, hash, key)?;
        Ok(at.map(|at| self.get_mut(vm).remove_at(at)))
    }

    /// Removes the last item.
    pub fn pop_last(&self, vm: &mut Vm) -> Option<(Value, Value)> {
        self.get_mut(vm).remove_last()
    }

    /// The value of an interned name (see `Vm::intern`): no script code runs.
    #[inline]
    pub fn get_str(&self, vm: &Vm, name: &Ref<Str>) -> Option<Value> {
        let d = self.get(vm);
        d.find_str(vm.str_hash(name), name.value()).map(|at| d.entries[at].value.clone())
    }

    /// Binds a name: no script code runs.
    pub fn set_str(&self, vm: &mut Vm, name: &Ref<Str>, value: Value) {
        let hash = vm.str_hash(name);
        let old = self.get_mut(vm).put_str(hash, name, value);
        drop(old);
    }

    /// Unbinds a name and gives its value: no script code runs.
    pub fn del_str(&self, vm: &mut Vm, name: &Ref<Str>) -> Option<Value> {
        let hash = vm.str_hash(name);
        let mut d = self.get_mut(vm);
        d.find_str(hash, name.value()).map(|at| d.remove_at(at).1)
    }
}

impl Dict {
    /// Binds a name whose hash is known, giving the old value.
    pub(super) fn put_str(&mut self, hash: u64, name: &Ref<Str>, value: Value) -> Option<Value> {
        match self.find_str(hash, name.value()) {
            Some(at) => Some(self.set_value_at(at, value)),
            None => {
                self.insert_new(hash, name.value().clone(), value);
                None
            }
        }
    }

    /// Makes room for so many more items at once.
    pub(super) fn reserve(&mut self, more: usize) {
        self.entries.reserve_exact(more);
    }

    /// The value of a name whose hash is known.
    pub(super) fn get_hashed(&self, hash: u64, name: &Value) -> Option<&Value> {
        self.find_str(hash, name).map(|at| &self.entries[at].value)
    }

    /// Unbinds a name whose hash is known.
    pub(super) fn remove_hashed(&mut self, hash: u64, name: &Value) -> Option<Value> {
        self.find_str(hash, name).map(|at| self.remove_at(at).1)
    }
}

impl Dict {
    /// As [`next_entry`](Self::next_entry), with the hash of the key.
    pub fn next_hashed(&self, mut at: usize) -> Option<(usize, u64, &Value, &Value)> {
        loop {
            let e = self.entries.get(at)?;
            at += 1;
            if !e.key.is(&Value::TOMBSTONE) {
                return Some((at, e.hash, &e.key, &e.value));
            }
        }
    }

    /// Takes the items of another dict over, giving the old ones. Iterators notice.
    pub fn replace_items(&mut self, items: Dict) -> Dict {
        let old = self.take();
        let changes = self.changes;
        *self = Dict { changes, keys_version: Cell::new(0), ..items };
        old
    }

    /// Moves entry `at` to the front or the back.
    fn move_entry(&mut self, at: usize, last: bool) {
        let hash = self.entries[at].hash;
        let (key, value) = self.remove_at(at);
        if last {
            self.insert_new(hash, key, value);
            return;
        }
        self.keys_changed();
        self.entries.insert(0, Entry { hash, key, value });
        self.live += 1;
        self.compact();
    }
}

impl Ref<Dict> {
    /// As [`get_item`](Self::get_item), with the hash known.
    ///
    /// # Errors
    /// What `__eq__` raises.
    pub fn get_item_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<Option<Value>> {
        Ok(self.find(vm, hash, key)?.map(|at| self.get(vm).entries[at].value.clone()))
    }

    /// The value of `key`, which is entered with this one when it is absent.
    ///
    /// # Errors
    /// What `__eq__` raises.
    pub fn get_or_insert_hashed(&self, vm: &mut Vm, hash: u64, key: Value, value: Value) -> R {
        if let Some(at) = self.find(vm, hash, &key)? {
            return Ok(self.get(vm).entries[at].value.clone());
        }
        self.check_growth(vm)?;
        self.get_mut(vm).insert_new(hash, key, value.clone());
        Ok(value)
    }

    /// As [`remove`](Self::remove), with the hash known.
    ///
    /// # Errors
    /// What `__eq__` raises.
    pub fn remove_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<Option<(Value, Value)>> {
        let at = self.find(vm, hash, key)?;
        Ok(at.map(|at| self.get_mut(vm).remove_at(at)))
    }

    /// Removes the first item.
    pub fn pop_first(&self, vm: &mut Vm) -> Option<(Value, Value)> {
        let mut d = self.get_mut(vm);
        let at = d.next_entry(0)?.0 - 1;
        // Leading tombstones would make repeated calls walk over them again and again.
        if at > 32 && at > d.len() / 8 {
            d.compact();
            return Some(d.remove_at(0));
        }
        Some(d.remove_at(at))
    }

    /// Moves `key` to the front or the back; false when it is absent.
    ///
    /// # Errors
    /// An unhashable key; what `__hash__` and `__eq__` raise.
    pub fn move_to_end(&self, vm: &mut Vm, key: &Value, last: bool) -> R<bool> {
        let hash = vm.hash_as_dict_key(key)?;
        let Some(at) = self.find(vm, hash, key)? else { return Ok(false) };
        self.get_mut(vm).move_entry(at, last);
        Ok(true)
    }
}
