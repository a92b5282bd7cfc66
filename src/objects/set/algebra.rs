//! What set operations do with the tables, in CPython's order.

use crate::vm::dict::Dict;
use crate::vm::object::Ref;
use crate::vm::set::{FrozenSet, Set, Table};
use crate::vm::{R, Value, Vm};

/// Bytes that a table needs for an element, at most.
const ROOM: usize = 64;

/// A `set` or a `frozenset`.
#[derive(Clone)]
pub enum AnySet {
    /// A `set`.
    Set(Ref<Set>),
    /// A `frozenset`. It is changed only while nobody else knows it.
    Frozen(Ref<FrozenSet>),
}

impl AnySet {
    /// The set that a value is, if it is one.
    pub fn of(v: &Value) -> Option<AnySet> {
        match v.cast::<Set>() {
            Some(s) => Some(AnySet::Set(s.clone())),
            None => v.cast::<FrozenSet>().map(|s| AnySet::Frozen(s.clone())),
        }
    }

    /// The untyped value.
    pub fn value(&self) -> &Value {
        match self {
            AnySet::Set(s) => s.value(),
            AnySet::Frozen(s) => s.value(),
        }
    }

    /// The table.
    pub fn table<'a>(&'a self, vm: &'a Vm) -> &'a Table {
        match self {
            AnySet::Set(s) => &s.get(vm).table,
            AnySet::Frozen(s) => &s.get(vm).table,
        }
    }

    fn change<T>(&self, vm: &mut Vm, f: impl FnOnce(&mut Table) -> T) -> T {
        match self {
            AnySet::Set(s) => f(&mut s.get_mut(vm).table),
            AnySet::Frozen(s) => f(&mut s.get_mut(vm).table),
        }
    }

    /// The number of elements.
    pub fn len(&self, vm: &Vm) -> usize {
        self.table(vm).len()
    }

    /// Takes all elements out.
    pub(super) fn take(&self, vm: &mut Vm) -> Table {
        self.change(vm, Table::take)
    }

    /// A copy, of the built-in type even if this is of a subclass.
    pub fn copy(&self, vm: &mut Vm) -> AnySet {
        self.with_table(vm, self.table(vm).copy())
    }

    /// An empty set of the same built-in type.
    fn fresh(&self, vm: &Vm) -> AnySet {
        self.with_table(vm, Table::default())
    }

    fn with_table(&self, vm: &Vm, table: Table) -> AnySet {
        match self {
            AnySet::Set(_) => AnySet::Set(vm.alloc(Set { table, ..Set::default() })),
            AnySet::Frozen(_) => AnySet::Frozen(vm.alloc(FrozenSet { table, ..FrozenSet::default() })),
        }
    }

    /// Whether the element is there; its hash is known.
    ///
    /// # Errors
    /// What `__eq__` raises.
    pub fn contains_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<bool> {
        match self {
            AnySet::Set(s) => s.contains_hashed(vm, hash, key),
            AnySet::Frozen(s) => s.contains_hashed(vm, hash, key),
        }
    }

    fn add_hashed(&self, vm: &mut Vm, hash: u64, key: Value) -> R<bool> {
        match self {
            AnySet::Set(s) => s.add_hashed(vm, hash, key),
            AnySet::Frozen(s) => s.add_hashed(vm, hash, key),
        }
    }

    fn discard_hashed(&self, vm: &mut Vm, hash: u64, key: &Value) -> R<bool> {
        match self {
            AnySet::Set(s) => s.discard_hashed(vm, hash, key),
            AnySet::Frozen(s) => s.discard_hashed(vm, hash, key),
        }
    }

    /// The element at or after a place in the table, with the place after it.
    pub(crate) fn at(&self, vm: &Vm, place: usize) -> Option<(usize, u64, Value)> {
        self.table(vm).next_hashed(place).map(|(next, hash, k)| (next, hash, k.clone()))
    }
}

/// The dict, if the value is exactly one.
fn plain_dict<'a>(vm: &Vm, v: &'a Value) -> Option<&'a Ref<Dict>> {
    if vm.is_exact(v, &vm.types.dict) { v.cast::<Dict>() } else { None }
}

/// Adds all elements of an iterable.
///
/// # Errors
/// What iteration, hashing and comparison raise.
pub fn update(vm: &mut Vm, set: &Ref<Set>, iterable: &Value) -> R<()> {
    add_all(vm, &AnySet::Set(set.clone()), iterable)
}

/// As [`update`], for a frozenset under construction too.
///
/// # Errors
/// What iteration, hashing and comparison raise.
pub fn add_all(vm: &mut Vm, set: &AnySet, iterable: &Value) -> R<()> {
    if let Some(other) = AnySet::of(iterable) {
        return merge(vm, set, &other);
    }
    if let Some(dict) = plain_dict(vm, iterable) {
        let n = dict.get(vm).len();
        vm.check_growth(0, 0, n, ROOM)?;
        set.change(vm, |t| t.reserve(n));
        let mut at = 0;
        while let Some((next, hash, k, _)) = dict.get(vm).next_hashed(at) {
            let k = k.clone();
            at = next;
            set.add_hashed(vm, hash, k)?;
        }
        return Ok(());
    }
    let it = vm.iter(iterable)?;
    while let Some(v) = vm.next(&it)? {
        let hash = vm.hash_as_set_element(&v)?;
        set.add_hashed(vm, hash, v)?;
    }
    Ok(())
}

fn merge(vm: &mut Vm, set: &AnySet, other: &AnySet) -> R<()> {
    let n = other.len(vm);
    if n == 0 || set.value().is(other.value()) {
        return Ok(());
    }
    vm.tick(n / 8)?;
    vm.check_growth(0, 0, n, ROOM)?;
    if set.table(vm).is_fresh() {
        let table = other.table(vm).copy();
        let old = set.change(vm, |t| t.replace(table));
        drop(old);
        return Ok(());
    }
    vm.check_growth(0, 0, n, ROOM)?;
    set.change(vm, |t| t.reserve(n));
    let mut at = 0;
    while let Some((next, hash, k)) = other.at(vm, at) {
        at = next;
        set.add_hashed(vm, hash, k)?;
    }
    Ok(())
}

fn left(vm: &mut Vm, v: &Value) -> R<AnySet> {
    AnySet::of(v).ok_or_else(|| vm.type_error("a set is required"))
}

/// `x | y`; `y` may be any iterable.
pub(super) fn union(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let set = left(vm, x)?.copy(vm);
    if !x.is(y) {
        add_all(vm, &set, y)?;
    }
    Ok(set.value().clone())
}

/// `x & y`; `x` is a set, `y` may be any iterable.
///
/// # Errors
/// What iteration, hashing and comparison raise.
pub fn intersection(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let mut set = left(vm, x)?;
    if x.is(y) {
        return Ok(set.copy(vm).value().clone());
    }
    let result = set.fresh(vm);
    if let Some(mut other) = AnySet::of(y) {
        if other.len(vm) > set.len(vm) {
            std::mem::swap(&mut set, &mut other);
        }
        let mut at = 0;
        while let Some((next, hash, k)) = other.at(vm, at) {
            at = next;
            vm.tick(1)?;
            if set.contains_hashed(vm, hash, &k)? {
                result.add_hashed(vm, hash, k)?;
            }
        }
        return Ok(result.value().clone());
    }
    let it = vm.iter(y)?;
    while let Some(v) = vm.next(&it)? {
        let hash = vm.hash(&v)?;
        if set.contains_hashed(vm, hash, &v)? {
            result.add_hashed(vm, hash, v)?;
        }
    }
    Ok(result.value().clone())
}

/// `x - y`; `y` may be any iterable.
pub(super) fn difference(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let set = left(vm, x)?;
    let (other, dict) = (AnySet::of(y), plain_dict(vm, y));
    let other_len = match (&other, dict) {
        (Some(o), _) => Some(o.len(vm)),
        (None, Some(d)) => Some(d.get(vm).len()),
        (None, None) => None,
    };
    if other_len.is_none_or(|n| set.len(vm) >> 2 > n) {
        let copy = set.copy(vm);
        remove_all(vm, &copy, y)?;
        return Ok(copy.value().clone());
    }
    let result = set.fresh(vm);
    let mut at = 0;
    while let Some((next, hash, k)) = set.at(vm, at) {
        at = next;
        vm.tick(1)?;
        let found = match (&other, dict) {
            (Some(o), _) => o.contains_hashed(vm, hash, &k)?,
            (None, Some(d)) => d.get_item_hashed(vm, hash, &k)?.is_some(),
            (None, None) => false,
        };
        if !found {
            result.add_hashed(vm, hash, k)?;
        }
    }
    Ok(result.value().clone())
}

/// Removes all elements that are in an iterable.
///
/// # Errors
/// What iteration, hashing and comparison raise.
pub fn difference_update(vm: &mut Vm, set: &Ref<Set>, other: &Value) -> R<()> {
    remove_all(vm, &AnySet::Set(set.clone()), other)
}

/// As [`difference_update`], for a frozenset under construction too.
pub(super) fn remove_all(vm: &mut Vm, set: &AnySet, y: &Value) -> R<()> {
    if set.value().is(y) {
        let old = set.take(vm);
        drop(old);
        return Ok(());
    }
    if let Some(mut other) = AnySet::of(y) {
        if other.len(vm) >> 3 > set.len(vm) {
            let common = intersection(vm, set.value(), y)?;
            other = left(vm, &common)?;
        }
        let mut at = 0;
        while let Some((next, hash, k)) = other.at(vm, at) {
            at = next;
            vm.tick(1)?;
            set.discard_hashed(vm, hash, &k)?;
        }
    } else {
        let it = vm.iter(y)?;
        while let Some(v) = vm.next(&it)? {
            let hash = vm.hash_as_set_element(&v)?;
            set.discard_hashed(vm, hash, &v)?;
        }
    }
    set.change(vm, Table::tidy);
    Ok(())
}

/// `x ^ y`; `y` may be any iterable.
pub(super) fn symmetric_difference(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let set = left(vm, x)?;
    let result = set.fresh(vm);
    add_all(vm, &result, y)?;
    toggle(vm, &result, &set)?;
    Ok(result.value().clone())
}

/// Keeps what is in exactly one of the set and the iterable.
///
/// # Errors
/// What iteration, hashing and comparison raise.
pub fn symmetric_update(vm: &mut Vm, set: &Ref<Set>, other: &Value) -> R<()> {
    if set.value().is(other) {
        let old = set.get_mut(vm).table.take();
        drop(old);
        return Ok(());
    }
    let this = AnySet::Set(set.clone());
    if let Some(other) = AnySet::of(other) {
        return toggle(vm, &this, &other);
    }
    if let Some(dict) = plain_dict(vm, other) {
        let mut at = 0;
        while let Some((next, hash, k, _)) = dict.get(vm).next_hashed(at) {
            let k = k.clone();
            at = next;
            if !this.discard_hashed(vm, hash, &k)? {
                this.add_hashed(vm, hash, k)?;
            }
        }
        return Ok(());
    }
    let copy = this.fresh(vm);
    add_all(vm, &copy, other)?;
    toggle(vm, &this, &copy)
}

/// Removes each element of the other set that is there, and adds each that is not.
fn toggle(vm: &mut Vm, set: &AnySet, other: &AnySet) -> R<()> {
    let mut at = 0;
    while let Some((next, hash, k)) = other.at(vm, at) {
        at = next;
        vm.tick(1)?;
        if !set.discard_hashed(vm, hash, &k)? {
            set.add_hashed(vm, hash, k)?;
        }
    }
    Ok(())
}

pub(super) fn is_disjoint(vm: &mut Vm, set: &AnySet, other: &Value) -> R<bool> {
    if set.value().is(other) {
        return Ok(set.len(vm) == 0);
    }
    let exact = vm.is_exact(other, &vm.types.set) || vm.is_exact(other, &vm.types.frozenset);
    if let Some(mut small) = AnySet::of(other).filter(|_| exact) {
        let mut large = set.clone();
        if small.len(vm) > large.len(vm) {
            std::mem::swap(&mut small, &mut large);
        }
        let mut at = 0;
        while let Some((next, hash, k)) = small.at(vm, at) {
            at = next;
            vm.tick(1)?;
            if large.contains_hashed(vm, hash, &k)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    let it = vm.iter(other)?;
    while let Some(v) = vm.next(&it)? {
        let hash = vm.hash_as_set_element(&v)?;
        if set.contains_hashed(vm, hash, &v)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn is_subset(vm: &mut Vm, set: &AnySet, y: &Value) -> R<bool> {
    let Some(other) = AnySet::of(y) else {
        let common = intersection(vm, set.value(), y)?;
        let common = left(vm, &common)?;
        return Ok(common.len(vm) == set.len(vm));
    };
    if set.len(vm) > other.len(vm) {
        return Ok(false);
    }
    let mut at = 0;
    while let Some((next, hash, k)) = set.at(vm, at) {
        at = next;
        vm.tick(1)?;
        if !other.contains_hashed(vm, hash, &k)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn is_superset(vm: &mut Vm, set: &AnySet, y: &Value) -> R<bool> {
    if let Some(other) = AnySet::of(y) {
        return is_subset(vm, &other, set.value());
    }
    let it = vm.iter(y)?;
    while let Some(v) = vm.next(&it)? {
        let hash = vm.hash_as_set_element(&v)?;
        if !set.contains_hashed(vm, hash, &v)? {
            return Ok(false);
        }
    }
    Ok(true)
}
