//! `list`: its methods. Slices are in `slices`, sorting in `sort`.
//!
//! Everything that may call scripts (comparisons, iteration, `__index__`) is done without holding the items, so
//! positions are checked again afterwards.

mod slices;
mod sort;

pub(super) use slices::select;
pub use sort::{sort_items, sort_list};

use super::generic_alias::class_getitem;
use super::slice::{bound_argument, position};
use crate::vm::native::{Args, MachineFn, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::{List, SeqIter, SeqSource};
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, List::default()).into())
    }),
    NativeDef::raw("__init__(self, iterable=(), /)", "Initialize self.", init_list),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", list_repr),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        Ok(Value::len(vm.this::<List>(a, "__len__")?.get(vm).items.len()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", list_iter),
    NativeDef::new("__reversed__(self, /)", "Return a reverse iterator over the list.", |vm, a| {
        let list = vm.this::<List>(a, "__reversed__")?.clone();
        Ok(super::iterators::reversed_list(vm, list))
    }),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        let list = vm.this::<List>(a, "__contains__")?;
        Ok(find(vm, list, &a[1], 0, usize::MAX)?.is_some().into())
    }),
    NativeDef::new("__getitem__(self, index, /)", "Return self[index].", slices::get_item),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", slices::set_item),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", slices::del_item),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", multiply),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", multiply),
    NativeDef::new("__iadd__(self, value, /)", "Implement self+=value.", |vm, a| {
        let list = vm.this::<List>(a, "__iadd__")?;
        extend(vm, list, &a[1])?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__imul__(self, value, /)", "Implement self*=value.", multiply_in_place),
    NativeDef::new(
        "__class_getitem__(cls, object, /)",
        "lists are generic over the type of their contents",
        class_getitem,
    ),
    NativeDef::machine(
        "append(self, object, /)",
        "Append object to the end of the list.",
        MachineFn::Append,
        |vm, a| {
            vm.this::<List>(a, "append")?.push(vm, a[1].clone())?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("clear(self, /)", "Remove all items from list.", |vm, a| {
        let old = std::mem::take(&mut vm.this::<List>(a, "clear")?.get_mut(vm).items);
        List::let_go(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("copy(self, /)", "Return a shallow copy of the list.", |vm, a| {
        let items = vm.this::<List>(a, "copy")?.get(vm).items.clone();
        Ok(vm.list(items).into())
    }),
    NativeDef::new("count(self, value, /)", "Return number of occurrences of value.", count),
    NativeDef::new("extend(self, iterable, /)", "Extend list by appending elements from the iterable.", |vm, a| {
        let list = vm.this::<List>(a, "extend")?;
        extend(vm, list, &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "index(self, value, start=0, stop=sys.maxsize, /)",
        "Return first index of value.\n\nRaises ValueError if the value is not present.",
        index,
    ),
    NativeDef::new("insert(self, index, object, /)", "Insert object before index.", insert),
    NativeDef::new(
        "pop(self, index=-1, /)",
        "Remove and return item at index (default last).\n\nRaises IndexError if list is empty or index is out of range.",
        pop,
    ),
    NativeDef::new(
        "remove(self, value, /)",
        "Remove first occurrence of value.\n\nRaises ValueError if the value is not present.",
        remove,
    ),
    NativeDef::new("reverse(self, /)", "Reverse *IN PLACE*.", |vm, a| {
        let list = vm.this::<List>(a, "reverse")?;
        vm.charge(list.get(vm).items.len() / 64);
        list.get_mut(vm).items.reverse();
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "sort(self, /, *, key=None, reverse=False)",
        "Sort the list in ascending order and return None.\n\nEqual items keep their order.",
        |vm, a| {
            let list = vm.this::<List>(a, "sort")?;
            let reverse = match arg(a, 2) {
                Some(v) => vm.truth(v)?,
                None => false,
            };
            sort_list(vm, list, arg_or_none(a, 1), reverse)?;
            Ok(Value::NONE)
        },
    ),
];

/// Gives `list` its methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.list.clone();
    vm.extend_class(&class, METHODS, &[]);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &hash, Value::NONE);
    Ok(())
}

fn init_list(vm: &mut Vm, args: &Args<'_>) -> R {
    let list = vm.this::<List>(args.pos, "__init__")?;
    if !args.kw_names.is_empty() {
        let (class, new) = (vm.class_of(list.value()).clone(), vm.names.__new__.clone());
        if crate::objects::inherits(vm, &class, &vm.types.list, &new) {
            return Err(vm.type_error("list() takes no keyword arguments"));
        }
    }
    if args.pos.len() > 2 {
        return Err(vm.type_error(format!("list expected at most 1 argument, got {}", args.pos.len() - 1)));
    }
    if !list.get(vm).items.is_empty() {
        let old = std::mem::take(&mut list.get_mut(vm).items);
        List::let_go(old);
    }
    if let Some(iterable) = args.pos.get(1) {
        extend(vm, list, iterable)?;
    }
    Ok(Value::NONE)
}

/// Appends all items of an iterable. Items of lists and tuples are taken at once, all others one by one.
///
/// # Errors
/// What iteration raises.
pub fn extend(vm: &mut Vm, list: &Ref<List>, iterable: &Value) -> R<()> {
    if vm.is_exact(iterable, &vm.types.list) || vm.is_exact(iterable, &vm.types.tuple) {
        let more = vm.collect(iterable)?;
        vm.tick(more.len() / 16)?;
        list.make_room(vm, more.len())?;
        list.get_mut(vm).items.extend(more);
        return Ok(());
    }
    let it = vm.iter(iterable)?;
    let hint = vm.length_hint(iterable, 8)?;
    // A hint that no list could hold is no promise to be taken seriously.
    if list.get(vm).items.len().saturating_add(hint) <= isize::MAX as usize {
        vm.check_alloc(hint.saturating_mul(size_of::<Value>()))?;
    }
    if list.get(vm).items.is_empty() {
        list.get_mut(vm).items.reserve(hint.min(1 << 16));
    }
    while let Some(v) = vm.next(&it)? {
        list.push(vm, v)?;
    }
    Ok(())
}

fn list_iter(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__iter__")?.clone();
    let class = vm.types.list_iterator.clone();
    Ok(vm.alloc_as(&class, SeqIter { source: SeqSource::List(list), at: 0 }).into())
}

fn list_repr(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__repr__")?;
    if list.get(vm).items.is_empty() {
        return Ok(vm.new_str("[]").into());
    }
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("[...]").into());
    }
    let result = repr_items(vm, list);
    vm.leave_repr(&a[0]);
    Ok(vm.new_str_bytes(&result?).into())
}

fn repr_items(vm: &mut Vm, list: &Ref<List>) -> R<Vec<u8>> {
    let mut out = vec![b'['];
    let mut at = 0;
    while let Some(v) = list.get(vm).items.get(at).cloned() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        push_repr(vm, &mut out, &v)?;
        at += 1;
    }
    out.push(b']');
    Ok(out)
}

/// Appends the repr of a value, as the reprs of containers do.
///
/// # Errors
/// What `__repr__` raises; MemoryError when the text grows too long.
pub fn push_repr(vm: &mut Vm, out: &mut Vec<u8>, v: &Value) -> R<()> {
    vm.tick(1)?;
    if let Some(i) = v.as_small_int() {
        out.extend_from_slice(i.to_string().as_bytes());
        return Ok(());
    }
    let shown = vm.repr(v)?;
    let text = shown.get(vm).as_bytes();
    if out.len() + text.len() > out.capacity() {
        let wanted = (out.len() + text.len()).saturating_mul(2);
        vm.check_alloc(wanted)?;
    }
    out.extend_from_slice(shown.get(vm).as_bytes());
    Ok(())
}

/// What can be said about an item without a call: it is or is not the wanted value.
#[inline]
pub(super) fn quick_equal(item: &Value, wanted: &Value) -> Option<bool> {
    if item.is(wanted) {
        Some(true)
    } else if Value::both_small_ints(item, wanted) || item.is_none() && wanted.is_small_int() {
        Some(false)
    } else {
        None
    }
}

/// The first position from `start` to `stop` of an item equal to the value.
///
/// # Errors
/// What comparison raises.
pub fn find(vm: &mut Vm, list: &Ref<List>, wanted: &Value, start: usize, stop: usize) -> R<Option<usize>> {
    let mut at = start;
    loop {
        let (from, item) = {
            let items = &list.get(vm).items;
            let from = at;
            let item = loop {
                match items.get(at).filter(|_| at < stop) {
                    None => break None,
                    Some(v) => match quick_equal(v, wanted) {
                        Some(true) => {
                            vm.charge((at - from) / 16);
                            return Ok(Some(at));
                        }
                        Some(false) => at += 1,
                        None => break Some(v.clone()),
                    },
                }
            };
            (from, item)
        };
        vm.tick((at - from) / 16 + 1)?;
        let Some(item) = item else { return Ok(None) };
        if vm.equal(&item, wanted)? {
            return Ok(Some(at));
        }
        at += 1;
    }
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = vm.this::<List>(a, "__eq__")?;
    let Some(y) = a[1].cast::<List>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let (n, m) = (x.get(vm).items.len(), y.get(vm).items.len());
    if n != m && matches!(op, CmpOp::Eq | CmpOp::Ne) {
        return Ok(Value::bool(op == CmpOp::Ne));
    }
    let mut at = 0;
    loop {
        let from = at;
        let (left, right) = {
            let (left, right) = (&x.get(vm).items, &y.get(vm).items);
            while let (Some(l), Some(r)) = (left.get(at), right.get(at))
                && quick_equal(l, r) == Some(true)
            {
                at += 1;
            }
            vm.charge((at - from) / 16);
            match (left.get(at), right.get(at)) {
                (Some(l), Some(r)) => (l.clone(), r.clone()),
                _ => return Ok(Value::bool(op.holds(left.len().cmp(&right.len())))),
            }
        };
        vm.tick(1)?;
        if !vm.equal(&left, &right)? {
            // The comparison may have shortened the lists: then their lengths decide.
            let (n, m) = (x.get(vm).items.len(), y.get(vm).items.len());
            if at >= n || at >= m {
                return Ok(Value::bool(op.holds(n.cmp(&m))));
            }
            return match op {
                CmpOp::Eq => Ok(Value::FALSE),
                CmpOp::Ne => Ok(Value::TRUE),
                _ => vm.rich_compare(&left, &right, op),
            };
        }
        at += 1;
    }
}

/// `list.__add__`.
///
/// # Errors
/// TypeError when one of the two is no list; MemoryError.
pub fn add(vm: &mut Vm, a: &[Value]) -> R {
    let x = vm.this::<List>(a, "__add__")?;
    let Some(y) = a[1].cast::<List>() else {
        let class = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can only concatenate list (not \"{class}\") to list")));
    };
    let n = x.get(vm).items.len() + y.get(vm).items.len();
    vm.check_alloc(n * size_of::<Value>())?;
    vm.tick(n / 16)?;
    let mut items = Vec::with_capacity(n);
    items.extend_from_slice(&x.get(vm).items);
    items.extend_from_slice(&y.get(vm).items);
    Ok(vm.list(items).into())
}

/// The items of a list or tuple.
fn items_of<'a>(vm: &'a Vm, sequence: &'a Value) -> &'a [Value] {
    match (sequence.cast::<List>(), sequence.cast::<Tuple>()) {
        (Some(l), _) => &l.get(vm).items,
        (_, Some(t)) => t.get(vm).items(),
        _ => &[],
    }
}

/// The items of a list or tuple, repeated as often as `times` says. They are read after that was asked, since it may
/// change the list.
///
/// # Errors
/// TypeError when it is no number, OverflowError or MemoryError when the result would be too large.
pub(super) fn repeat(vm: &mut Vm, sequence: &Value, times: &Value) -> R<Option<Vec<Value>>> {
    let n = match vm.is_int(times) || vm.special(times, crate::vm::special::Special::Index).is_some() {
        true => vm.index(times)?,
        false => return Ok(None),
    };
    let Some(n) = vm.as_i64(&n) else {
        let class = vm.class_name(times);
        return Err(vm.overflow_error(format!("cannot fit '{class}' into an index-sized integer")));
    };
    let n = n.max(0) as usize;
    let Some(total) = items_of(vm, sequence).len().checked_mul(n) else { return Err(vm.memory_error("")) };
    vm.check_alloc(total.saturating_mul(size_of::<Value>()))?;
    vm.tick(total / 16)?;
    let mut out = Vec::with_capacity(total);
    match items_of(vm, sequence) {
        [one] => out.resize_with(n, || one.clone()),
        items => {
            for _ in 0..n {
                out.extend_from_slice(items);
            }
        }
    }
    Ok(Some(out))
}

fn multiply(vm: &mut Vm, a: &[Value]) -> R {
    vm.this::<List>(a, "__mul__")?;
    match repeat(vm, &a[0], &a[1])? {
        Some(items) => Ok(vm.list(items).into()),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn multiply_in_place(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__imul__")?;
    match repeat(vm, &a[0], &a[1])? {
        Some(items) => {
            let old = std::mem::replace(&mut list.get_mut(vm).items, items);
            List::let_go(old);
            Ok(a[0].clone())
        }
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn count(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "count")?;
    let (mut n, mut at) = (0, 0);
    while let Some(found) = find(vm, list, &a[1], at, usize::MAX)? {
        n += 1;
        at = found + 1;
    }
    Ok(Value::len(n))
}

/// A position argument of `index`, brought into the list.
pub(super) fn clamp_bound(bound: i64, len: usize) -> usize {
    let at = if bound < 0 { bound.saturating_add(len as i64).max(0) } else { bound };
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn index(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "index")?;
    let start = bound_argument(vm, arg(a, 2), 0)?;
    let stop = bound_argument(vm, arg(a, 3), i64::MAX)?;
    let len = list.get(vm).items.len();
    match find(vm, list, &a[1], clamp_bound(start, len), clamp_bound(stop, len))? {
        Some(at) => Ok(Value::len(at)),
        None => Err(vm.value_error("list.index(x): x not in list")),
    }
}

fn insert(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "insert")?;
    let at = vm.index_i64(&a[1])?;
    let len = list.get(vm).items.len();
    let at = clamp_bound(at, len).min(len);
    // Nothing may run a script between the look at the length and the insertion.
    vm.charge((len - at) / 64);
    list.make_room(vm, 1)?;
    list.get_mut(vm).items.insert(at, a[2].clone());
    Ok(Value::NONE)
}

fn pop(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "pop")?;
    let Some(i) = arg(a, 1) else {
        let last = list.get_mut(vm).items.pop();
        return match last {
            Some(v) => Ok(v),
            None => Err(vm.index_error("pop from empty list")),
        };
    };
    let i = vm.index_i64(i)?;
    let len = list.get(vm).items.len();
    if len == 0 {
        return Err(vm.index_error("pop from empty list"));
    }
    let Some(at) = position(i, len) else { return Err(vm.index_error("pop index out of range")) };
    // Nothing may run a script between the look at the length and the removal.
    vm.charge((len - at) / 64);
    Ok(list.get_mut(vm).items.remove(at))
}

fn remove(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "remove")?;
    let Some(at) = find(vm, list, &a[1], 0, usize::MAX)? else {
        return Err(vm.value_error("list.remove(x): x not in list"));
    };
    // The comparison may have shortened the list.
    let len = list.get(vm).items.len();
    if at < len {
        vm.charge((len - at) / 64);
        let old = list.get_mut(vm).items.remove(at);
        drop(old);
    }
    Ok(Value::NONE)
}

/// The items of a list or tuple, subclasses included.
pub fn sequence_items(vm: &Vm, v: &Value) -> Option<Vec<Value>> {
    match v.cast::<List>() {
        Some(l) => Some(l.get(vm).items.clone()),
        None => v.cast::<Tuple>().map(|t| t.get(vm).items().to_vec()),
    }
}
