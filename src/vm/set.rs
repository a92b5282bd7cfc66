//! `set` and `frozenset`: one open-addressing table.
//!
//! Probing, growth and the treatment of deleted entries are CPython's, so that sets of ints iterate in the same
//! order there and here. Script-defined `__eq__` may run anything: as for dicts, the methods of the handles let
//! go of the table before they compare and start again when it changed.

use super::keys::plain_equal;
use super::object::{Kind, Object, Ref, Trace, Tracer};
use super::value::Value;
use super::{R, Vm};

/// Entries looked at in a row before jumping on.
const LINEAR_PROBES: usize = 9;
/// All that is looked at in a row.
const RUN: usize = LINEAR_PROBES + 1;
const PERTURB_SHIFT: u32 = 5;
const MIN_TABLE: usize = 8;

struct Slot {
    hash: u64,
    /// `UNDEF`: never used; `TOMBSTONE`: deleted.
    key: Value,
}

impl Default for Slot {
    fn default() -> Slot {
        Slot { hash: 0, key: Value::UNDEF }
    }
}

impl Slot {
    /// The element, if there is one.
    #[inline(always)]
    fn element(&self) -> Option<&Value> {
        if self.key.is_undef() || self.key.is(&Value::TOMBSTONE) { None } else { Some(&self.key) }
    }
}

/// The table of a set.
#[derive(Default)]
pub struct Table {
    slots: Vec<Slot>,
    /// Slots that are not empty, deleted ones included.
    fill: usize,
    used: usize,
    changes: u32,
    /// Counts changes of the slots' order, with which searches under way lose their place.
    moves: u32,
    /// Something else than small ints was put in. Among small ints, equal ones are identical.
    mixed: bool,
}

impl Trace for Table {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for key in self.slots.iter().filter_map(Slot::element) {
            tracer.value(key);
        }
    }
    fn clear(&mut self) {
        *self = Table::default();
    }
}

enum Probe {
    Found(usize),
    Compare(usize, Value),
    Absent,
}

/// Where a search stands: CPython's probe sequence as data, so that it can pause for a comparison.
struct Cursor {
    i: usize,
    offset: usize,
    perturb: u64,
}

impl Table {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Counts changes, for iterators.
    pub fn changes(&self) -> u32 {
        self.changes
    }

    fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The element at or after position `at`, with the position after it.
    pub fn next_entry(&self, mut at: usize) -> Option<(usize, &Value)> {
        loop {
            let slot = self.slots.get(at)?;
            at += 1;
            if let Some(k) = slot.element() {
                return Some((at, k));
            }
        }
    }

    /// All elements with their hashes.
    pub fn iter_hashed(&self) -> impl Iterator<Item = (u64, &Value)> {
        self.slots.iter().filter_map(|s| s.element().map(|k| (s.hash, k)))
    }

    /// All elements.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.iter_hashed().map(|(_, k)| k)
    }

    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    fn start(&self, hash: u64) -> Cursor {
        Cursor { i: hash as usize & self.mask(), offset: 0, perturb: hash }
    }

    /// Whether identity alone tells an element from the others.
    #[inline(always)]
    pub(super) fn tells_by_identity(&self, key: &Value) -> bool {
        !self.mixed && key.is_small_int()
    }

    /// The slot of an element for which [`tells_by_identity`](Self::tells_by_identity) holds.
    #[inline(never)]
    pub(super) fn find_identical(&self, hash: u64, key: &Value) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.mask();
        let mut i = hash as usize & mask;
        let mut perturb = hash;
        loop {
            // Runs of known length cost two comparisons an entry.
            let from = self.slots.get(i..)?;
            match from.first_chunk::<RUN>() {
                Some(run) => {
                    for (n, slot) in run.iter().enumerate() {
                        if slot.key.is(key) {
                            return Some(i + n);
                        }
                        if slot.key.is_undef() {
                            return None;
                        }
                    }
                }
                None => {
                    let slot = from.first()?;
                    if slot.key.is(key) {
                        return Some(i);
                    }
                    if slot.key.is_undef() {
                        return None;
                    }
                }
            }
            perturb >>= PERTURB_SHIFT;
            i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize) & mask;
        }
    }

    /// The slot of a key for which `Vm::plain_hash` gave the hash; the outer nothing stands for a comparison that may run
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
        match self.probe(hash, key, &mut self.start(hash)) {
            Probe::Found(at) => Some(Some(at)),
            Probe::Absent => Some(None),
            Probe::Compare(..) => None,
        }
    }

    /// Looks on from the cursor.
    #[inline]
    fn probe(&self, hash: u64, key: &Value, c: &mut Cursor) -> Probe {
        if self.slots.is_empty() {
            return Probe::Absent;
        }
        let mask = self.mask();
        loop {
            let run = if c.i + LINEAR_PROBES <= mask { LINEAR_PROBES } else { 0 };
            let from = c.i + c.offset;
            let Some(slots) = self.slots.get(from..=c.i + run) else { return Probe::Absent };
            for (n, slot) in slots.iter().enumerate() {
                let k = &slot.key;
                if slot.hash != hash {
                    if k.is_undef() {
                        return Probe::Absent;
                    }
                    continue;
                }
                if k.is_undef() {
                    return Probe::Absent;
                }
                if k.is(&Value::TOMBSTONE) {
                    continue;
                }
                match plain_equal(k, key) {
                    Some(true) => return Probe::Found(from + n),
                    Some(false) => {}
                    None => {
                        c.offset += n + 1;
                        return Probe::Compare(from + n, k.clone());
                    }
                }
            }
            c.offset = 0;
            c.perturb >>= PERTURB_SHIFT;
            c.i = c.i.wrapping_mul(5).wrapping_add(1).wrapping_add(c.perturb as usize) & mask;
        }
    }

    /// Whether another element makes the table larger, and how many bytes that may take.
    #[inline(always)]
    fn growth(&self) -> Option<usize> {
        if self.fill.saturating_add(1) * 5 < self.mask().wrapping_mul(3) {
            return None;
        }
        Some(self.used.saturating_mul(8 * size_of::<Slot>()))
    }

    /// Adds an element that is known to be absent: in the last deleted slot on its way, else in the free one there.
    fn insert_new(&mut self, hash: u64, key: Value) {
        self.changes = self.changes.wrapping_add(1);
        self.mixed |= !key.is_small_int();
        if self.slots.is_empty() {
            self.resize(MIN_TABLE);
        }
        let (at, deleted) = self.slot_for(hash);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot { hash, key };
        }
        self.used += 1;
        if deleted {
            return;
        }
        self.fill += 1;
        if self.fill * 5 >= self.mask() * 3 {
            let wanted = if self.used > 50_000 { self.used * 2 } else { self.used * 4 };
            self.grow_for(wanted);
        }
    }

    /// The slot where a new element goes, and whether a deleted one was there.
    fn slot_for(&self, hash: u64) -> (usize, bool) {
        let mask = self.mask();
        let mut i = hash as usize & mask;
        let mut perturb = hash;
        let mut deleted = None;
        loop {
            let run = if i + LINEAR_PROBES <= mask { LINEAR_PROBES } else { 0 };
            for at in i..=i + run {
                let k = &self.slots[at].key;
                if k.is_undef() {
                    return deleted.map_or((at, false), |at| (at, true));
                }
                if k.is(&Value::TOMBSTONE) {
                    deleted = Some(at);
                }
            }
            perturb >>= PERTURB_SHIFT;
            i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize) & mask;
        }
    }

    fn place(&mut self, hash: u64, key: Value) {
        let mask = self.mask();
        let mut i = hash as usize & mask;
        let mut perturb = hash;
        loop {
            let run = if i + LINEAR_PROBES <= mask { LINEAR_PROBES } else { 0 };
            for at in i..=i + run {
                if self.slots[at].key.is_undef() {
                    self.slots[at] = Slot { hash, key };
                    return;
                }
            }
            perturb >>= PERTURB_SHIFT;
            i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb as usize) & mask;
        }
    }

    fn grow_for(&mut self, wanted: usize) {
        let mut size = MIN_TABLE;
        while size <= wanted {
            size <<= 1;
        }
        self.resize(size);
    }

    fn resize(&mut self, size: usize) {
        let mut fresh = Vec::with_capacity(size);
        fresh.resize_with(size, Slot::default);
        let old = std::mem::replace(&mut self.slots, fresh);
        self.fill = self.used;
        self.moves = self.moves.wrapping_add(1);
        for slot in old {
            if slot.element().is_some() {
                self.place(slot.hash, slot.key);
            }
        }
    }

    fn remove_at(&mut self, at: usize) -> Value {
        self.changes = self.changes.wrapping_add(1);
        self.used -= 1;
        std::mem::replace(&mut self.slots[at].key, Value::TOMBSTONE)
    }

    /// Removes the first element at or after `from`, circularly (CPython's `pop`), with the position after it.
    pub fn pop(&mut self, from: usize) -> Option<(usize, Value)> {
        if self.used == 0 {
            return None;
        }
        let from = if from < self.slots.len() { from } else { 0 };
        let at = match self.next_entry(from) {
            Some((next, _)) => next - 1,
            None => self.next_entry(0)?.0 - 1,
        };
        let v = self.remove_at(at);
        Some((at + 1, v))
    }

    /// Makes room for `more` elements at once, as CPython does before a merge.
    pub fn reserve(&mut self, more: usize) {
        if self.slots.is_empty() {
            self.resize(MIN_TABLE);
        }
        if (self.fill + more) * 5 >= self.mask() * 3 {
            self.grow_for((self.used + more) * 2);
        }
    }

    /// A copy. A table of the right size without deleted entries keeps its shape; others are filled anew.
    pub fn copy(&self) -> Table {
        let mut t = Table::default();
        if self.used == 0 {
            return t;
        }
        t.reserve(self.used);
        if self.fill == self.used && self.slots.len() == t.slots.len() {
            t.slots = self.slots.iter().map(|s| Slot { hash: s.hash, key: s.key.clone() }).collect();
        } else {
            for (hash, k) in self.iter_hashed() {
                t.place(hash, k.clone());
            }
        }
        (t.fill, t.used, t.mixed) = (self.used, self.used, self.mixed);
        t
    }

    /// Gets rid of deleted entries where they are many, as CPython does after a difference.
    pub fn tidy(&mut self) {
        if !self.slots.is_empty() && self.fill - self.used > self.mask() / 4 {
            self.grow_for(if self.used > 50_000 { self.used * 2 } else { self.used * 4 });
        }
    }

    /// Whether nothing was ever put into the table, or everything was thrown away with it.
    pub fn is_fresh(&self) -> bool {
        self.fill == 0
    }

    /// Takes the elements of another table over, giving the old ones. Iterators notice.
    pub fn replace(&mut self, table: Table) -> Table {
        let old = self.take();
        let changes = self.changes;
        *self = Table { changes, ..table };
        old
    }

    /// As [`next_entry`](Self::next_entry), with the hash of the element.
    pub fn next_hashed(&self, mut at: usize) -> Option<(usize, u64, &Value)> {
        loop {
            let slot = self.slots.get(at)?;
            at += 1;
            if let Some(k) = slot.element() {
                return Some((at, slot.hash, k));
            }
        }
    }

    /// Takes all elements out.
    pub fn take(&mut self) -> Table {
        let (changes, moves) = (self.changes.wrapping_add(1), self.moves.wrapping_add(1));
        std::mem::replace(self, Table { changes, moves, ..Table::default() })
    }
}

macro_rules! set_payload {
    ($(#[$m:meta])* $name:ident $kind:ident) => {
        $(#[$m])*
        #[derive(Default)]
        pub struct $name {
            /// The elements.
            pub table: Table,
            /// Where `pop` looks next.
            pub finger: usize,
            /// The hash of a frozenset, once computed.
            pub hash: Option<u64>,
        }

        impl Trace for $name {
            fn trace(&self, tracer: &mut Tracer<'_>) {
                self.table.trace(tracer);
            }
            fn clear(&mut self) {
                self.table.clear();
            }
        }

        impl Object for $name {
            const KIND: Kind = Kind::$kind;
            fn external(&self) -> usize {
                self.table.bytes()
            }
        }

        impl Ref<$name> {
            pub(super) fn find(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<Option<usize>> {
                let t = &self.get(vm).table;
                if t.tells_by_identity(key) {
                    return Ok(t.find_identical(hash, key));
                }
                'restart: loop {
                    let t = &self.get(vm).table;
                    let before = (t.changes, t.moves);
                    let mut cursor = t.start(hash);
                    loop {
                        match self.get(vm).table.probe(hash, key, &mut cursor) {
                            Probe::Found(at) => return Ok(Some(at)),
                            Probe::Absent => return Ok(None),
                            Probe::Compare(at, other) => {
                                let equal = vm.equal(&other, key)?;
                                let t = &self.get(vm).table;
                                if (t.changes, t.moves) != before {
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

            /// Whether the element is there.
            ///
            /// # Errors
            /// An unhashable element; what `__hash__` and `__eq__` raise.
            pub fn contains(&self, vm: &mut Vm, key: &Value) -> R<bool> {
                let hash = vm.hash_as_set_element(key)?;
                self.contains_hashed(vm, hash, key)
            }

            /// As [`contains`](Self::contains), with the hash known.
            ///
            /// # Errors
            /// What `__eq__` raises.
            pub fn contains_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<bool> {
                Ok(self.find(vm, hash, key)?.is_some())
            }

            /// Adds an element; false when an equal one is there.
            ///
            /// # Errors
            /// An unhashable element; what `__hash__` and `__eq__` raise.
            pub fn add(&self, vm: &mut Vm, key: Value) -> R<bool> {
                let hash = vm.hash_as_set_element(&key)?;
                self.add_hashed(vm, hash, key)
            }

            /// As [`add`](Self::add), with the hash known.
            ///
            /// # Errors
            /// What `__eq__` raises.
            pub fn add_hashed(&self, vm: &mut Vm, hash: u64, key: Value) -> R<bool> {
                if self.find(vm, hash, &key)?.is_some() {
                    return Ok(false);
                }
                if let Some(bytes) = self.get(vm).table.growth() {
                    vm.check_growth(0, 0, bytes, 1)?;
                }
                self.get_mut(vm).table.insert_new(hash, key);
                Ok(true)
            }

            /// Removes an element; false when it is not there.
            ///
            /// # Errors
            /// An unhashable element; what `__hash__` and `__eq__` raise.
            pub fn discard(&self, vm: &mut Vm, key: &Value) -> R<bool> {
                let hash = vm.hash_as_set_element(key)?;
                self.discard_hashed(vm, hash, key)
            }

            /// As [`discard`](Self::discard), with the hash known.
            ///
            /// # Errors
            /// What `__eq__` raises.
            pub fn discard_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<bool> {
                let found = self.find(vm, hash, key)?;
                let old = found.map(|at| self.get_mut(vm).table.remove_at(at));
                Ok(old.is_some())
            }
        }
    };
}

set_payload! {
    /// The payload of `set`.
    Set Set
}
set_payload! {
    /// The payload of `frozenset`.
    FrozenSet FrozenSet
}

/// A frozenset of constants, for compiled code.
pub(super) fn frozen_constant(vm: &mut Vm, items: Vec<Value>) -> Value {
    let s = vm.alloc(FrozenSet::default());
    for v in items {
        // Constants are hashable, and comparing them runs no script code.
        if s.add(vm, v).is_err() {
            break;
        }
    }
    s.into()
}
