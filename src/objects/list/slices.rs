//! `list[key]`: reading, assigning and deleting items and slices.

use crate::objects::slice::{Span, Subscript, position, subscript};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::{R, Value, Vm};

/// `list.__getitem__`.
pub(super) fn get_item(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__getitem__")?;
    match subscript(vm, &a[1], "list indices")? {
        Subscript::Index(i) => {
            let items = &list.get(vm).items;
            match position(i, items.len()).and_then(|at| items.get(at)) {
                Some(v) => Ok(v.clone()),
                None => Err(vm.index_error("list index out of range")),
            }
        }
        Subscript::Slice(parts) => {
            let span = Span::new(parts, list.get(vm).items.len());
            vm.check_alloc(span.len * size_of::<Value>())?;
            vm.tick(span.len / 16)?;
            let items = select(&list.get(vm).items, &span);
            Ok(vm.list(items).into())
        }
    }
}

/// The items at the positions of a span.
pub(in crate::objects) fn select(items: &[Value], span: &Span) -> Vec<Value> {
    if span.step == 1 {
        return items.get(span.range()).unwrap_or_default().to_vec();
    }
    span.positions().filter_map(|at| items.get(at).cloned()).collect()
}

/// `list.__setitem__`.
pub(super) fn set_item(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__setitem__")?;
    match subscript(vm, &a[1], "list indices")? {
        Subscript::Index(i) => {
            let Some(at) = position(i, list.get(vm).items.len()) else {
                return Err(vm.index_error("list assignment index out of range"));
            };
            let old = list.get_mut(vm).items.get_mut(at).map(|slot| std::mem::replace(slot, a[2].clone()));
            drop(old);
        }
        Subscript::Slice(parts) => assign(vm, list, parts, &a[2])?,
    }
    Ok(Value::NONE)
}

fn assign(vm: &mut Vm, list: &Ref<List>, parts: (i64, i64, i64), value: &Value) -> R<()> {
    let plain = parts.2 == 1;
    let new = if value.is_a::<List>() || value.is_a::<crate::vm::str::Tuple>() {
        super::sequence_items(vm, value).unwrap_or_default()
    } else {
        match vm.collect(value) {
            Ok(items) => items,
            Err(e) if !vm.is_iterable(value) && vm.raised_is(&e, &vm.exc.TypeError) => {
                return Err(vm.type_error("must assign iterable to extended slice"));
            }
            Err(e) => return Err(e),
        }
    };
    let span = Span::new(parts, list.get(vm).items.len());
    if plain {
        let range = span.range();
        vm.tick((new.len() + range.len()) / 16)?;
        list.make_room(vm, new.len())?;
        vm.check_growth(0, 0, range.len(), size_of::<Value>())?;
        let old: Vec<Value> = list.get_mut(vm).items.splice(range, new).collect();
        List::let_go(old);
        return Ok(());
    }
    if new.len() != span.len {
        return Err(vm.value_error(format!(
            "attempt to assign sequence of size {} to extended slice of size {}",
            new.len(),
            span.len
        )));
    }
    vm.check_growth(0, 0, new.len(), size_of::<Value>())?;
    let mut old = Vec::with_capacity(new.len());
    {
        let mut l = list.get_mut(vm);
        for (at, v) in span.positions().zip(new) {
            if let Some(slot) = l.items.get_mut(at) {
                old.push(std::mem::replace(slot, v));
            }
        }
    }
    drop(old);
    Ok(())
}

/// `list.__delitem__`.
pub(super) fn del_item(vm: &mut Vm, a: &[Value]) -> R {
    let list = vm.this::<List>(a, "__delitem__")?;
    match subscript(vm, &a[1], "list indices")? {
        Subscript::Index(i) => {
            let len = list.get(vm).items.len();
            let Some(at) = position(i, len) else {
                return Err(vm.index_error("list assignment index out of range"));
            };
            // No script may run between the look at the length and the removal.
            vm.charge((len - at) / 64);
            let old = list.get_mut(vm).items.remove(at);
            drop(old);
        }
        Subscript::Slice(parts) => {
            let len = list.get(vm).items.len();
            let span = Span::new(parts, len);
            vm.tick(len / 16)?;
            vm.check_growth(0, 0, span.len, size_of::<Value>())?;
            let old = remove_span(&mut list.get_mut(vm).items, &span);
            if span.step == 1 {
                List::let_go(old);
            }
        }
    }
    Ok(Value::NONE)
}

/// Removes the items at the positions of a span.
fn remove_span(items: &mut Vec<Value>, span: &Span) -> Vec<Value> {
    if span.len == 0 {
        return Vec::new();
    }
    if span.step == 1 {
        return items.drain(span.range()).collect();
    }
    let last = span.start + (span.len as i64 - 1) * span.step;
    let (low, step) = (span.start.min(last) as usize, span.step.unsigned_abs() as usize);
    let high = span.start.max(last) as usize;
    let mut old = Vec::with_capacity(span.len);
    let mut at = 0;
    items.retain_mut(|v| {
        let gone = at >= low && at <= high && (at - low) % step == 0;
        at += 1;
        if gone {
            old.push(std::mem::replace(v, Value::UNDEF));
        }
        !gone
    });
    old
}
