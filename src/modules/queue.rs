//! `_queue`: the queue without a bound that threads pass things through.

use super::thread;
use super::thread::wait::{Until, WaitQueue, wait};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::threads::Bell;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;

heap_object! {
    /// The payload of `_queue.SimpleQueue`.
    #[derive(Default)]
    pub struct SimpleQueue { items: VecDeque<Value> }
    skip {
        queue: WaitQueue,
        /// Threads of a pool take calls out of it, which are counted (see `thread::others_work`).
        served: bool,
    }
    external = |this| this.items.capacity() * size_of::<Value>();
}

/// `_queue.Empty`.
#[derive(Default)]
struct Empty(Option<Ref<Class>>);

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls)", "Create and return a new object.", |vm, a| {
        let cls = vm.class_arg(&a[0])?;
        Ok(vm.alloc_as(&cls, SimpleQueue::default()).into())
    }),
    NativeDef::new(
        "put(self, item, block=True, timeout=None)",
        "Put the item on the queue; it never blocks.",
        put_item,
    ),
    NativeDef::new("put_nowait(self, item)", "Put the item on the queue.", put_item),
    NativeDef::new("get(self, block=True, timeout=None)", "Remove and return an item from the queue.", |vm, a| {
        let q = vm.this::<SimpleQueue>(a, "get")?;
        let block = match arg(a, 1) {
            Some(v) => vm.truth(v)?,
            None => true,
        };
        let until = match arg(a, 2) {
            _ if !block => Until::Now,
            Some(v) if !v.is_none() => {
                let seconds = crate::objects::float::to_f64(vm, v)?;
                if seconds < 0.0 {
                    return Err(vm.value_error("'timeout' must be a non-negative number"));
                }
                Until::seconds(vm, seconds)?
            }
            _ => Until::Forever,
        };
        got(vm, q, until)
    }),
    NativeDef::new("get_nowait(self)", "Remove and return an item, or raise Empty.", |vm, a| {
        let q = vm.this::<SimpleQueue>(a, "get_nowait")?;
        got(vm, q, Until::Now)
    }),
    NativeDef::new("empty(self)", "Return True if the queue is empty.", |vm, a| {
        Ok(vm.this::<SimpleQueue>(a, "empty")?.get(vm).items.is_empty().into())
    }),
    NativeDef::new("qsize(self)", "Return the size of the queue.", |vm, a| {
        Ok(Value::len(vm.this::<SimpleQueue>(a, "qsize")?.get(vm).items.len()))
    }),
    NativeDef::new("_wants_thread(self)", "Whether more items wait than threads wait for one.", |vm, a| {
        let q = vm.this::<SimpleQueue>(a, "_wants_thread")?;
        Ok(wants_thread(vm, q).into())
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(&a[0], arg_or_none(a, 1))
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_queue", &[]);
    let flags = class_flag::BASE | class_flag::WEAKREF;
    let class = vm.define_class::<SimpleQueue>("_queue", "SimpleQueue", None, flags)?;
    vm.extend_class(&class, METHODS, &[]);
    vm.doc_class(&class, |_| Some("A queue between threads, without bound: first in, first out."));
    let base = vm.exc.Exception.clone();
    let empty = vm.define_exception("_queue", "Empty", &base)?;
    vm.doc_class(&empty, |_| Some("There is nothing in the queue."));
    vm.state::<Empty>().0 = Some(empty.clone());
    vm.module_set(&module, "SimpleQueue", class.into_value());
    vm.module_set(&module, "Empty", empty.into_value());
    Ok(module.into())
}

fn put_item(vm: &mut Vm, a: &[Value]) -> R {
    let q = vm.this::<SimpleQueue>(a, "put")?;
    put(vm, q, a[1].clone());
    Ok(Value::NONE)
}

/// Puts something at the end, and wakes a thread that waits.
pub fn put(vm: &mut Vm, q: &Ref<SimpleQueue>, item: Value) {
    let mut this = q.get_mut(vm);
    let counts = this.served && !item.is_none();
    this.items.push_back(item);
    let waiting = this.queue.next_asleep();
    drop(this);
    if let Some(parker) = waiting {
        vm.wake_soon(Bell::Parker(parker));
    }
    if counts {
        thread::note_waiting(vm, 1, 0);
    }
}

/// Threads of a pool begin to take calls out of it.
pub fn serve(vm: &mut Vm, q: &Ref<SimpleQueue>) {
    let mut this = q.get_mut(vm);
    if std::mem::replace(&mut this.served, true) {
        return;
    }
    let n = this.items.iter().filter(|v| !v.is_none()).count();
    drop(this);
    thread::note_waiting(vm, n, 0);
}

fn take(vm: &mut Vm, q: &Ref<SimpleQueue>) -> Option<Value> {
    let item = q.get_mut(vm).items.pop_front()?;
    if q.get(vm).served && !item.is_none() {
        thread::note_waiting(vm, 0, 1);
    }
    Some(item)
}

/// Takes the first thing; nothing when the time is over.
///
/// # Errors
/// What signals and stop requests raise.
pub fn get(vm: &mut Vm, q: &Ref<SimpleQueue>, until: Until) -> R<Option<Value>> {
    let mut item = take(vm, q);
    if item.is_some() {
        return Ok(item);
    }
    let queue = q.clone();
    let ready = |vm: &mut Vm| {
        item = take(vm, &queue);
        item.is_some()
    };
    wait(vm, q, |this| &mut this.queue, until, ready, |_| ())?;
    Ok(item)
}

fn got(vm: &mut Vm, q: &Ref<SimpleQueue>, until: Until) -> R {
    match get(vm, q, until)? {
        Some(v) => Ok(v),
        None => {
            let class = vm.state::<Empty>().0.clone().unwrap_or_else(|| vm.exc.Exception.clone());
            let e = vm.new_exception(&class, Vec::new()).into_value();
            Err(vm.raise(e))
        }
    }
}

/// More items are there than threads that wait for one.
pub fn wants_thread(vm: &Vm, q: &Ref<SimpleQueue>) -> bool {
    let this = q.get(vm);
    this.items.len() > this.queue.len()
}
