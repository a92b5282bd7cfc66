//! `_bisect`: places in sorted lists, found by halving.

use crate::vm::native::{NativeDef, arg};
use crate::vm::ops::CmpOp;
use crate::vm::seq::List;
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "bisect_right(a, x, lo=0, hi=None, *, key=None)",
        "Return the index where to insert item x in list a, assuming a is sorted.",
        |vm, a| {
            let at = place(vm, a, &a[1], true)?;
            Ok(vm.int_from(at as u64))
        },
    ),
    NativeDef::new(
        "bisect_left(a, x, lo=0, hi=None, *, key=None)",
        "Return the index where to insert item x in list a, assuming a is sorted.",
        |vm, a| {
            let at = place(vm, a, &a[1], false)?;
            Ok(vm.int_from(at as u64))
        },
    ),
    NativeDef::new(
        "insort_right(a, x, lo=0, hi=None, *, key=None)",
        "Insert item x in list a, and keep it sorted assuming a is sorted.",
        |vm, a| insort(vm, a, true),
    ),
    NativeDef::new(
        "insort_left(a, x, lo=0, hi=None, *, key=None)",
        "Insert item x in list a, and keep it sorted assuming a is sorted.",
        |vm, a| insort(vm, a, false),
    ),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    Ok(vm.new_module("_bisect", FUNCTIONS).into())
}

fn item_at(vm: &mut Vm, sequence: &Value, at: usize) -> R {
    if let Some(list) = sequence.cast::<List>().filter(|_| vm.is_exact(sequence, &vm.types.list)) {
        return match list.get(vm).items.get(at) {
            Some(v) => Ok(v.clone()),
            None => Err(vm.index_error("list index out of range")),
        };
    }
    let index = vm.int_from(at as u64);
    vm.get_item(sequence, &index)
}

/// Where `x` (what `key` made of it already) belongs, behind or before the items that are equal.
fn place(vm: &mut Vm, a: &[Value], x: &Value, behind: bool) -> R<usize> {
    let key = arg(a, 4).filter(|k| !k.is_none()).cloned();
    let low = match arg(a, 2) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    let Ok(mut low) = usize::try_from(low) else { return Err(vm.value_error("lo must be non-negative")) };
    let mut high = match arg(a, 3).filter(|v| !v.is_none()) {
        Some(v) => match vm.index_i64(v)? {
            -1 => vm.len(&a[0])?,
            n => usize::try_from(n).unwrap_or(0),
        },
        None => vm.len(&a[0])?,
    };
    while low < high {
        vm.tick(1)?;
        let middle = low + (high - low) / 2;
        let mut item = item_at(vm, &a[0], middle)?;
        if let Some(key) = &key {
            item = vm.call(key, &[item])?;
        }
        let (first, second) = if behind { (x, &item) } else { (&item, x) };
        // Behind equal items: go left of those that are greater. Before them: go right of those that are less.
        if vm.compare(first, second, CmpOp::Lt)? == behind {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn insort(vm: &mut Vm, a: &[Value], behind: bool) -> R {
    let x = match arg(a, 4).filter(|k| !k.is_none()) {
        Some(key) => vm.call(key, &[a[1].clone()])?,
        None => a[1].clone(),
    };
    let at = place(vm, a, &x, behind)?;
    match a[0].cast::<List>().filter(|_| vm.is_exact(&a[0], &vm.types.list)) {
        Some(list) => {
            list.make_room(vm, 1)?;
            let mut list = list.get_mut(vm);
            let at = at.min(list.items.len());
            list.items.insert(at, a[1].clone());
        }
        None => {
            let index = vm.int_from(at as u64);
            vm.call_method(&a[0], "insert", &[index, a[1].clone()])?;
        }
    }
    Ok(Value::NONE)
}
