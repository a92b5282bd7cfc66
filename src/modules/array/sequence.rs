//! What arrays have in common with other sequences: subscripts, operators, comparison, iteration.

use super::items;
use crate::heap_object;
use crate::objects::bytes::array_data::{Array, check_resizable};
use crate::objects::slice::{Span, unpack};
use crate::objects::str::{is_index, item_index, position, repetitions};
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::SliceObject;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// The iterator over an array.
    pub struct ArrayIter {
        /// The array; none when exhausted.
        array: Option<Ref<Array>>,
        /// The next position.
        at: usize,
    }
}

pub(super) const ITERATOR: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<ArrayIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", iter_reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", iter_setstate),
];

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        Ok(Value::len(vm.this::<Array>(a, "__len__")?.get(vm).len()))
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", get_item),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", |vm, a| set_item(vm, a, Some(&a[2]))),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", |vm, a| set_item(vm, a, None)),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        let array = vm.this::<Array>(a, "__contains__")?;
        Ok(Value::bool(find(vm, array, &a[1], 0, usize::MAX)?.is_some()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let array = vm.this::<Array>(a, "__iter__")?.clone();
        Ok(vm.alloc(ArrayIter { array: Some(array), at: 0 }).into())
    }),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", |vm, a| repeat(vm, a, "__mul__")),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", |vm, a| repeat(vm, a, "__rmul__")),
    NativeDef::new("__iadd__(self, value, /)", "Implement self+=value.", |vm, a| {
        let array = vm.this::<Array>(a, "__iadd__")?;
        let Some(other) = a[1].cast::<Array>() else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("can only extend array with array (not \"{got}\")")));
        };
        append_array(vm, array, other)?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__imul__(self, value, /)", "Implement self*=value.", |vm, a| {
        let array = vm.this::<Array>(a, "__imul__")?;
        let made = repeated(vm, array, &a[1])?;
        check_resizable(vm, array)?;
        array.get_mut(vm).data = made;
        Ok(a[0].clone())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
];

/// A new array like another one, with other items.
fn like(vm: &Vm, array: &Ref<Array>, data: Vec<u8>) -> Value {
    let this = array.get(vm);
    vm.alloc(Array::new(this.code, this.item_size, data)).into()
}

/// The first position from `start` to `stop` whose item equals the value.
///
/// # Errors
/// What comparing raises.
pub(super) fn find(vm: &mut Vm, array: &Ref<Array>, v: &Value, start: usize, stop: usize) -> R<Option<usize>> {
    let mut at = start;
    while at < stop {
        vm.tick(1)?;
        let Some(item) = items::item(vm, array, at)? else { break };
        if vm.equal(&item, v)? {
            return Ok(Some(at));
        }
        at += 1;
    }
    Ok(None)
}

/// Appends the items of another array.
///
/// # Errors
/// TypeError when they are of another type; BufferError while views exist.
pub(super) fn append_array(vm: &mut Vm, array: &Ref<Array>, other: &Ref<Array>) -> R<()> {
    if array.get(vm).code != other.get(vm).code {
        return Err(vm.type_error("can only extend with array of same kind"));
    }
    let more = other.get(vm).data.clone();
    if more.is_empty() {
        return Ok(());
    }
    check_room(vm, array, more.len())?;
    check_resizable(vm, array)?;
    array.get_mut(vm).data.extend_from_slice(&more);
    Ok(())
}

/// Asks for permission to put so many more bytes into an array.
///
/// # Errors
/// MemoryError when the limit does not allow it, or the system has not so much.
pub(super) fn check_room(vm: &mut Vm, array: &Ref<Array>, more: usize) -> R<()> {
    vm.check_alloc(more)?;
    let (len, room) = (array.get(vm).data.len(), array.get(vm).data.capacity());
    vm.check_growth(len, room, more, 1)
}

/// The position that an index means.
fn place(vm: &mut Vm, array: &Ref<Array>, key: &Value, what: &str) -> R<usize> {
    let i = item_index(vm, key)?;
    match position(i, array.get(vm).len()) {
        Some(at) => Ok(at),
        None => Err(vm.index_error(format!("array {what}index out of range"))),
    }
}

/// A slice as positions.
fn span(vm: &mut Vm, array: &Ref<Array>, key: &Value) -> R<Span> {
    match key.cast::<SliceObject>() {
        Some(s) => {
            let numbers = unpack(vm, s)?;
            Ok(Span::new(numbers, array.get(vm).len()))
        }
        None => Err(vm.type_error("array indices must be integers")),
    }
}

fn get_item(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "__getitem__")?;
    if is_index(vm, &a[1]) {
        let at = place(vm, array, &a[1], "")?;
        return Ok(items::item(vm, array, at)?.unwrap_or(Value::NONE));
    }
    let span = span(vm, array, &a[1])?;
    let this = array.get(vm);
    let size = this.item_size;
    let bytes = span.len.saturating_mul(size);
    vm.check_alloc(bytes)?;
    let this = array.get(vm);
    let mut data = Vec::with_capacity(bytes);
    if span.step == 1 {
        let range = span.range();
        data.extend_from_slice(this.data.get(range.start * size..range.end * size).unwrap_or_default());
    } else {
        for at in span.positions() {
            data.extend_from_slice(this.data.get(at * size..(at + 1) * size).unwrap_or_default());
        }
    }
    Ok(like(vm, array, data))
}

fn set_item(vm: &mut Vm, a: &[Value], value: Option<&Value>) -> R {
    let array = vm.this::<Array>(a, if value.is_some() { "__setitem__" } else { "__delitem__" })?;
    let (code, size) = (array.get(vm).code, array.get(vm).item_size);
    if is_index(vm, &a[1]) {
        let mut at = place(vm, array, &a[1], "assignment ")?;
        let mut item = Vec::new();
        if let Some(v) = value {
            items::push(vm, code, v, &mut item)?;
            // Asking the value for its number may have changed the array.
            at = place(vm, array, &a[1], "assignment ")?;
        } else {
            check_resizable(vm, array)?;
        }
        let mut this = array.get_mut(vm);
        if value.is_none() {
            this.data.drain(at * size..(at + 1) * size);
        } else if let Some(place) = this.data.get_mut(at * size..(at + 1) * size) {
            place.copy_from_slice(&item);
        }
        return Ok(Value::NONE);
    }
    let span = span(vm, array, &a[1])?;
    let replacement = match value {
        None => Vec::new(),
        Some(v) => match v.cast::<Array>() {
            Some(other) if other.get(vm).code == code => other.get(vm).data.clone(),
            Some(_) => return Err(vm.type_error("bad argument type for built-in operation")),
            None => {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("can only assign array (not \"{got}\") to array slice")));
            }
        },
    };
    set_span(vm, array, &span, size, &replacement, value.is_none())
}

fn set_span(vm: &mut Vm, array: &Ref<Array>, span: &Span, size: usize, new: &[u8], deleting: bool) -> R {
    let given = new.len() / size.max(1);
    if span.step == 1 {
        if given != span.len {
            check_resizable(vm, array)?;
            vm.check_alloc(new.len())?;
        }
        let range = span.range();
        array.get_mut(vm).data.splice(range.start * size..range.end * size, new.iter().copied());
        return Ok(Value::NONE);
    }
    if !deleting {
        if given != span.len {
            let wanted = span.len;
            let message = format!("attempt to assign array of size {given} to extended slice of size {wanted}");
            return Err(vm.value_error(message));
        }
        let mut this = array.get_mut(vm);
        for (at, item) in span.positions().zip(new.chunks_exact(size)) {
            if let Some(place) = this.data.get_mut(at * size..(at + 1) * size) {
                place.copy_from_slice(item);
            }
        }
        return Ok(Value::NONE);
    }
    if span.len == 0 {
        return Ok(Value::NONE);
    }
    check_resizable(vm, array)?;
    let mut gone: Vec<usize> = span.positions().collect();
    gone.sort_unstable();
    let mut this = array.get_mut(vm);
    let old = std::mem::take(&mut this.data);
    let mut gone = gone.into_iter().peekable();
    for (at, item) in old.chunks_exact(size).enumerate() {
        if gone.next_if_eq(&at).is_none() {
            this.data.extend_from_slice(item);
        }
    }
    Ok(Value::NONE)
}

fn add(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "__add__")?;
    let Some(other) = a[1].cast::<Array>() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can only append array (not \"{got}\") to array")));
    };
    if array.get(vm).code != other.get(vm).code {
        return Err(vm.type_error("bad argument type for built-in operation"));
    }
    let size = array.get(vm).data.len() + other.get(vm).data.len();
    vm.check_alloc(size)?;
    let data = [array.get(vm).data.as_slice(), other.get(vm).data.as_slice()].concat();
    Ok(like(vm, array, data))
}

fn repeated(vm: &mut Vm, array: &Ref<Array>, times: &Value) -> R<Vec<u8>> {
    let times = repetitions(vm, times)?;
    let Some(size) = array.get(vm).data.len().checked_mul(times) else { return Err(vm.memory_error("")) };
    vm.check_alloc(size)?;
    vm.tick(size >> 8)?;
    // Repeating nothing allocates nothing, however often it is done.
    Ok(if size == 0 { Vec::new() } else { array.get(vm).data.repeat(times) })
}

fn repeat(vm: &mut Vm, a: &[Value], method: &str) -> R {
    let array = vm.this::<Array>(a, method)?;
    let data = repeated(vm, array, &a[1])?;
    Ok(like(vm, array, data))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let array = vm.this::<Array>(a, op.special().name())?;
    let Some(other) = a[1].cast::<Array>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let (x, y) = (array.get(vm), other.get(vm));
    if matches!(op, CmpOp::Eq | CmpOp::Ne) {
        let whole = x.code == y.code && !matches!(x.code, 'f' | 'd');
        if x.len() != y.len() || whole {
            let equal = x.len() == y.len() && x.data == y.data;
            return Ok(Value::bool(equal == (op == CmpOp::Eq)));
        }
    }
    let mut at = 0;
    loop {
        vm.tick(1)?;
        let (Some(x), Some(y)) = (items::item(vm, array, at)?, items::item(vm, other, at)?) else { break };
        let equal = vm.rich_compare(&x, &y, CmpOp::Eq)?;
        if !vm.truth(&equal)? {
            return match op {
                CmpOp::Eq => Ok(Value::bool(false)),
                CmpOp::Ne => Ok(Value::bool(true)),
                _ => vm.rich_compare(&x, &y, op),
            };
        }
        at += 1;
    }
    Ok(Value::bool(op.holds(array.get(vm).len().cmp(&other.get(vm).len()))))
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ArrayIter>(a, "__next__")?;
    let (array, at) = (it.get(vm).array.clone(), it.get(vm).at);
    let Some(array) = array else { return Err(Raised::stop_iteration()) };
    match items::item(vm, &array, at)? {
        Some(v) => {
            it.get_mut(vm).at = at + 1;
            Ok(v)
        }
        None => {
            it.get_mut(vm).array = None;
            Err(Raised::stop_iteration())
        }
    }
}

fn iter_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ArrayIter>(a, "__reduce__")?;
    let (array, at) = (it.get(vm).array.clone(), it.get(vm).at);
    let name = vm.intern("iter");
    let builtins = vm.builtins.clone();
    let iter = builtins.get_str(vm, &name).unwrap_or(Value::NONE);
    let parts = match array {
        Some(array) => vec![iter, vm.tuple(vec![array.into_value()]).into_value(), Value::len(at)],
        None => {
            let empty = vm.empty_tuple();
            vec![iter, vm.tuple(vec![empty]).into_value()]
        }
    };
    Ok(vm.tuple(parts).into())
}

fn iter_setstate(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ArrayIter>(a, "__setstate__")?;
    let at = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    if let Some(array) = it.get(vm).array.clone() {
        let len = array.get(vm).len();
        it.get_mut(vm).at = at.min(len);
    }
    Ok(Value::NONE)
}
