//! `_heapq`: heaps in lists, the smallest (or the largest) item first.
//!
//! Comparing may run script code that changes the list, so items are taken out for each comparison and every step
//! checks that the length is what it was.

use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::List;
use crate::vm::{R, Value, Vm};

/// Which item is on top.
#[derive(Clone, Copy, PartialEq)]
enum Top {
    Smallest,
    Largest,
}
use Top::{Largest, Smallest};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("heappush(heap, item, /)", "Push item onto heap, maintaining the heap invariant.", |vm, a| {
        push(vm, a, "heappush", Smallest)
    }),
    NativeDef::new(
        "heappop(heap, /)",
        "Pop the smallest item off the heap, maintaining the heap invariant.",
        |vm, a| pop(vm, a, "heappop", Smallest),
    ),
    NativeDef::new(
        "heapreplace(heap, item, /)",
        "Pop and return the current smallest value, and add the new item.",
        |vm, a| replace(vm, a, "heapreplace", Smallest),
    ),
    NativeDef::new(
        "heappushpop(heap, item, /)",
        "Push item on the heap, then pop and return the smallest item from the heap.",
        |vm, a| push_pop(vm, a, "heappushpop", Smallest),
    ),
    NativeDef::new("heapify(heap, /)", "Transform list into a heap, in-place, in O(len(heap)) time.", |vm, a| {
        heapify(vm, a, "heapify", Smallest)
    }),
    NativeDef::new(
        "heappush_max(heap, item, /)",
        "Push item onto max heap, maintaining the heap invariant.",
        |vm, a| push(vm, a, "heappush_max", Largest),
    ),
    NativeDef::new("heappop_max(heap, /)", "Maxheap variant of heappop.", |vm, a| pop(vm, a, "heappop_max", Largest)),
    NativeDef::new(
        "heapreplace_max(heap, item, /)",
        "Pop and return the current largest value, and add the new item.",
        |vm, a| replace(vm, a, "heapreplace_max", Largest),
    ),
    NativeDef::new("heappushpop_max(heap, item, /)", "Maxheap variant of heappushpop.", |vm, a| {
        push_pop(vm, a, "heappushpop_max", Largest)
    }),
    NativeDef::new("heapify_max(heap, /)", "Maxheap variant of heapify.", |vm, a| {
        heapify(vm, a, "heapify_max", Largest)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_heapq", FUNCTIONS);
    let about = vm.new_str("Heap queue algorithm (a.k.a. priority queue).").into_value();
    vm.module_set(&module, "__about__", about);
    Ok(module.into())
}

fn heap_arg(vm: &mut Vm, a: &[Value], function: &str) -> R<Ref<List>> {
    match a[0].cast::<List>() {
        Some(list) => Ok(list.clone()),
        None => {
            let got = vm.class_name(&a[0]);
            let which = if a.len() == 1 { "argument" } else { "argument 1" };
            Err(vm.type_error(format!("{function}() {which} must be list, not {got}")))
        }
    }
}

fn item(vm: &mut Vm, heap: &Ref<List>, at: usize) -> R {
    match heap.get(vm).items.get(at) {
        Some(v) => Ok(v.clone()),
        None => Err(vm.index_error("index out of range")),
    }
}

/// Whether the first belongs above the second. The list must keep its length meanwhile.
fn above(vm: &mut Vm, heap: &Ref<List>, x: &Value, y: &Value, top: Top) -> R<bool> {
    let size = heap.get(vm).items.len();
    let (x, y) = if top == Smallest { (x, y) } else { (y, x) };
    let less = vm.compare(x, y, CmpOp::Lt)?;
    if heap.get(vm).items.len() != size {
        return Err(vm.runtime_error("list changed size during iteration"));
    }
    Ok(less)
}

fn swap(vm: &mut Vm, heap: &Ref<List>, a: usize, b: usize) {
    let mut list = heap.get_mut(vm);
    if a < list.items.len() && b < list.items.len() {
        list.items.swap(a, b);
    }
}

/// Moves the item at `at` up to its place, not beyond `start`.
fn rise(vm: &mut Vm, heap: &Ref<List>, start: usize, mut at: usize, top: Top) -> R<()> {
    let moving = item(vm, heap, at)?;
    while at > start {
        let parent = (at - 1) / 2;
        let other = item(vm, heap, parent)?;
        if !above(vm, heap, &moving, &other, top)? {
            break;
        }
        swap(vm, heap, at, parent);
        at = parent;
    }
    Ok(())
}

/// Moves the item at `at` all the way down and then up to its place: an item from the end most often belongs there.
fn sink(vm: &mut Vm, heap: &Ref<List>, start: usize, top: Top) -> R<()> {
    let end = heap.get(vm).items.len();
    let mut at = start;
    while at < end / 2 {
        let mut child = 2 * at + 1;
        if child + 1 < end {
            let (left, right) = (item(vm, heap, child)?, item(vm, heap, child + 1)?);
            child += usize::from(!above(vm, heap, &left, &right, top)?);
        }
        swap(vm, heap, at, child);
        at = child;
    }
    rise(vm, heap, start, at, top)
}

fn push(vm: &mut Vm, a: &[Value], function: &str, top: Top) -> R {
    let heap = heap_arg(vm, a, function)?;
    heap.push(vm, a[1].clone())?;
    let last = heap.get(vm).items.len() - 1;
    rise(vm, &heap, 0, last, top)?;
    Ok(Value::NONE)
}

fn pop(vm: &mut Vm, a: &[Value], function: &str, top: Top) -> R {
    let heap = heap_arg(vm, a, function)?;
    let Some(last) = heap.get_mut(vm).items.pop() else { return Err(vm.index_error("index out of range")) };
    let first = match heap.get_mut(vm).items.first_mut() {
        Some(first) => std::mem::replace(first, last),
        None => return Ok(last),
    };
    sink(vm, &heap, 0, top)?;
    Ok(first)
}

fn replace(vm: &mut Vm, a: &[Value], function: &str, top: Top) -> R {
    let heap = heap_arg(vm, a, function)?;
    let first = match heap.get_mut(vm).items.first_mut() {
        Some(first) => Some(std::mem::replace(first, a[1].clone())),
        None => None,
    };
    let Some(first) = first else { return Err(vm.index_error("index out of range")) };
    sink(vm, &heap, 0, top)?;
    Ok(first)
}

fn push_pop(vm: &mut Vm, a: &[Value], function: &str, top: Top) -> R {
    let heap = heap_arg(vm, a, function)?;
    if heap.get(vm).items.is_empty() {
        return Ok(a[1].clone());
    }
    let first = item(vm, &heap, 0)?;
    if !above(vm, &heap, &first, &a[1], top)? {
        return Ok(a[1].clone());
    }
    replace(vm, a, function, top)
}

fn heapify(vm: &mut Vm, a: &[Value], function: &str, top: Top) -> R {
    let heap = heap_arg(vm, a, function)?;
    for at in (0..heap.get(vm).items.len() / 2).rev() {
        vm.tick(1)?;
        sink(vm, &heap, at, top)?;
    }
    Ok(Value::NONE)
}
