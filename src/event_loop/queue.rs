//! `Queue`, `PriorityQueue` and `LifoQueue`.
//!
//! A script's subclass may replace how items are kept (`_init`, `_get`, `_put`) and the methods built on that; then
//! everything goes through its methods.

use super::coroutine::{self, Next, Op};
use super::sync::{self, Event};
use super::{Classes, future, gather};
use crate::heap_object;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;

const FIFO: u8 = 0;
const PRIORITY: u8 = 1;
const LIFO: u8 = 2;

heap_object! {
    /// The payload of queues.
    pub struct Queue {
        maxsize: Value,
        /// `maxsize` where it bounds the queue, else 0.
        bound: usize,
        items: VecDeque<Value>,
        /// What a script's `_init` put into `_queue`, or `UNDEF`.
        script_items: Value,
        getters: VecDeque<Value>,
        putters: VecDeque<Value>,
        unfinished: usize,
        finished: Option<Ref<Event>>,
        event_loop: Value,
        order: u8,
        shut: bool,
        /// A script's subclass replaced a method that matters.
        script: bool,
    }
    kind = Queue;
    external = |this| (this.items.capacity() + this.getters.capacity() + this.putters.capacity()) * 8;
}

/// The methods whose replacement by a script matters.
const HOOKS: &[&str] = &["_init", "_get", "_put", "qsize", "empty", "full", "put_nowait", "get_nowait"];

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.queues[0], METHODS, ATTRS);
}

fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<Queue>> {
    vm.this::<Queue>(a, "Queue").cloned()
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let [_, priority, lifo] = super::classes(vm)?.queues.clone();
        let order = if class.is_subclass(vm, &priority) {
            PRIORITY
        } else if class.is_subclass(vm, &lifo) {
            LIFO
        } else {
            FIFO
        };
        let q = Queue {
            maxsize: Value::int32(0),
            bound: 0,
            items: VecDeque::new(),
            script_items: Value::UNDEF,
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            unfinished: 0,
            finished: None,
            event_loop: Value::UNDEF,
            order,
            shut: false,
            script: false,
        };
        Ok(vm.alloc_as(&class, q).into())
    }),
    NativeDef::new("__init__(self, maxsize=0)", "", init_queue),
    NativeDef::new("_init(self, maxsize)", "", |vm, a| {
        let q = this(vm, a)?;
        let old = std::mem::take(&mut q.get_mut(vm).items);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("_get(self)", "", |vm, a| {
        let q = this(vm, a)?;
        match take_item(vm, &q)? {
            Some(v) => Ok(v),
            None => Err(vm.index_error("pop from an empty deque")),
        }
    }),
    NativeDef::new("_put(self, item)", "", |vm, a| {
        let q = this(vm, a)?;
        add_item(vm, &q, a[1].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("qsize(self)", "Number of items in the queue.", |vm, a| {
        let q = this(vm, a)?;
        Ok(Value::len(count(vm, &q)?))
    }),
    NativeDef::new("empty(self)", "Return True if the queue is empty, False otherwise.", |vm, a| {
        let q = this(vm, a)?;
        Ok(Value::bool(count(vm, &q)? == 0))
    }),
    NativeDef::new("full(self)", "Return True if there are maxsize items in the queue.", |vm, a| {
        let q = this(vm, a)?;
        Ok(Value::bool(full(vm, &q)?))
    }),
    NativeDef::awaited("put(self, item)", "Put an item into the queue.", put_now, |vm, a| {
        let q = this(vm, a)?;
        coroutine::new(vm, Op::QueuePut(q, a[1].clone()))
    }),
    NativeDef::awaited("get(self)", "Remove and return an item from the queue.", get_now, |vm, a| {
        let q = this(vm, a)?;
        coroutine::new(vm, Op::QueueGet(q))
    }),
    NativeDef::new("put_nowait(self, item)", "Put an item into the queue without blocking.", |vm, a| {
        let q = this(vm, a)?;
        put_nowait(vm, &q, a[1].clone())
    }),
    NativeDef::new("get_nowait(self)", "Remove and return an item from the queue.", |vm, a| {
        let q = this(vm, a)?;
        get_nowait(vm, &q)
    }),
    NativeDef::new("task_done(self)", "Indicate that a formerly enqueued task is complete.", task_done),
    NativeDef::new(
        "join(self) -> coroutine",
        "Block until all items in the queue have been gotten and processed.",
        |vm, a| {
            let q = this(vm, a)?;
            coroutine::new(vm, Op::QueueJoin(q))
        },
    ),
    NativeDef::new("shutdown(self, immediate=False)", "Shut-down the queue.", shutdown),
    NativeDef::new("_wakeup_next(self, waiters)", "Wake the next waiter that is not done.", |vm, a| {
        loop {
            if vm.len(&a[1])? == 0 {
                return Ok(Value::NONE);
            }
            let f = vm.call_method(&a[1], "popleft", &[])?;
            if !gather::is_done(vm, &f)? {
                vm.call_method(&f, "set_result", &[Value::NONE])?;
                return Ok(Value::NONE);
            }
        }
    }),
    NativeDef::new("_format(self)", "", |vm, a| {
        let q = this(vm, a)?;
        let text = format_queue(vm, &q)?;
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let (class, address) = (vm.plain_class_name(&a[0]), crate::vm::class_ops::address(&a[0]));
        let rest = vm.call_method(&a[0], "_format", &[])?;
        let text = format!("<{class} at {address:#x} {}>", vm.str_of(&rest));
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| {
        let class = vm.plain_class_name(&a[0]);
        let rest = vm.call_method(&a[0], "_format", &[])?;
        let text = format!("<{class} {}>", vm.str_of(&rest));
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("maxsize", "Number of items allowed in the queue.", |vm, v| {
        Ok(this(vm, std::slice::from_ref(v))?.get(vm).maxsize.clone())
    }),
    GetSetDef::new("_maxsize", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).maxsize.clone())),
    GetSetDef::with_set(
        "_queue",
        "",
        |vm, v| {
            let q = this(vm, std::slice::from_ref(v))?;
            let this = q.get(vm);
            if !this.script_items.is_undef() {
                return Ok(this.script_items.clone());
            }
            let (items, fifo) = (this.items.iter().cloned().collect(), this.order == FIFO);
            if fifo { deque(vm, items) } else { Ok(vm.list(items).into()) }
        },
        |vm, v, new| {
            let q = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut q.get_mut(vm).script_items, new.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::new("_getters", "", |vm, v| {
        let items = this(vm, std::slice::from_ref(v))?.get(vm).getters.iter().cloned().collect();
        deque(vm, items)
    }),
    GetSetDef::new("_putters", "", |vm, v| {
        let items = this(vm, std::slice::from_ref(v))?.get(vm).putters.iter().cloned().collect();
        deque(vm, items)
    }),
    GetSetDef::with_set(
        "_unfinished_tasks",
        "",
        |vm, v| Ok(Value::len(this(vm, std::slice::from_ref(v))?.get(vm).unfinished)),
        |vm, v, new| {
            let q = this(vm, std::slice::from_ref(v))?;
            let n = match new {
                Some(v) => vm.index_i64(&v)?,
                None => 0,
            };
            q.get_mut(vm).unfinished = usize::try_from(n).unwrap_or(0);
            Ok(())
        },
    ),
    GetSetDef::new("_is_shutdown", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).shut))),
    GetSetDef::new("_finished", "", |vm, v| {
        let q = this(vm, std::slice::from_ref(v))?;
        Ok(finished_event(vm, &q)?.into_value())
    }),
];

fn deque(vm: &mut Vm, items: Vec<Value>) -> R {
    let m = crate::modules::import::import_module(vm, "collections")?;
    let class = vm.get_attr_str(&m, "deque")?;
    let list = vm.list(items).into_value();
    vm.call(&class, &[list])
}

/// The bound of queues whose `maxsize` is no number of a built-in class: it is compared when something is put.
const UNFIT: usize = usize::MAX;
/// The largest other bound.
const MOST: usize = usize::MAX - 1;

fn init_queue(vm: &mut Vm, a: &[Value]) -> R {
    let q = this(vm, a)?;
    let maxsize = arg(a, 1).cloned().unwrap_or(Value::int32(0));
    let bound = match (vm.as_i64(&maxsize), vm.as_float(&maxsize)) {
        (Some(n), _) => usize::try_from(n).unwrap_or(0),
        // A fraction bounds the queue as its whole part and one more does.
        (None, Some(x)) if x <= 0.0 => 0,
        (None, Some(x)) => (x.ceil() as usize).min(MOST),
        (None, None) if vm.is_int(&maxsize) => {
            if vm.compare(&maxsize, &Value::int32(0), CmpOp::Gt)? {
                MOST
            } else {
                0
            }
        }
        (None, None) => UNFIT,
    };
    let base = super::classes(vm)?.queues[0].clone();
    let script = HOOKS.iter().any(|name| sync::overrides(vm, &a[0], &base, name));
    {
        let mut this = q.get_mut(vm);
        this.maxsize = maxsize.clone();
        this.bound = bound;
        this.script = script;
    }
    if script {
        vm.call_method(&a[0], "_init", &[maxsize])?;
    }
    Ok(Value::NONE)
}

// ---- items ----

fn count(vm: &mut Vm, q: &Ref<Queue>) -> R<usize> {
    let items = q.get(vm).script_items.clone();
    if items.is_undef() { Ok(q.get(vm).items.len()) } else { vm.len(&items) }
}

/// `queue.empty()`, by the script's method where there is one.
fn is_empty(vm: &mut Vm, q: &Ref<Queue>) -> R<bool> {
    if !q.get(vm).script {
        return Ok(q.get(vm).items.is_empty());
    }
    let v = vm.call_method(q.value(), "empty", &[])?;
    vm.truth(&v)
}

/// `queue.full()`, by the script's method where there is one.
fn is_full(vm: &mut Vm, q: &Ref<Queue>) -> R<bool> {
    if !q.get(vm).script {
        return full(vm, q);
    }
    let v = vm.call_method(q.value(), "full", &[])?;
    vm.truth(&v)
}

fn full(vm: &mut Vm, q: &Ref<Queue>) -> R<bool> {
    let this = q.get(vm);
    let bound = this.bound;
    if bound == 0 {
        return Ok(false);
    }
    if bound == UNFIT {
        let maxsize = this.maxsize.clone();
        if vm.compare(&maxsize, &Value::int32(0), CmpOp::Le)? {
            return Ok(false);
        }
        let n = vm.call_method(q.value(), "qsize", &[])?;
        return vm.compare(&n, &maxsize, CmpOp::Ge);
    }
    if !this.script {
        return Ok(this.items.len() >= bound);
    }
    let n = vm.call_method(q.value(), "qsize", &[])?;
    Ok(vm.index_i64(&n)? >= bound as i64)
}

fn add_item(vm: &mut Vm, q: &Ref<Queue>, v: Value) -> R<()> {
    q.get_mut(vm).items.push_back(v);
    if q.get(vm).order == PRIORITY {
        let last = q.get(vm).items.len() - 1;
        sift_down(vm, q, 0, last)?;
    }
    Ok(())
}

fn take_item(vm: &mut Vm, q: &Ref<Queue>) -> R<Option<Value>> {
    match q.get(vm).order {
        FIFO => Ok(q.get_mut(vm).items.pop_front()),
        LIFO => Ok(q.get_mut(vm).items.pop_back()),
        _ => {
            let Some(last) = q.get_mut(vm).items.pop_back() else { return Ok(None) };
            let Some(first) = q.get(vm).items.front().cloned() else { return Ok(Some(last)) };
            if let Some(slot) = q.get_mut(vm).items.front_mut() {
                *slot = last;
            }
            sift_up(vm, q)?;
            Ok(Some(first))
        }
    }
}

fn item(vm: &Vm, q: &Ref<Queue>, at: usize) -> Option<Value> {
    q.get(vm).items.get(at).cloned()
}

fn put_item(vm: &mut Vm, q: &Ref<Queue>, at: usize, v: Value) {
    let old = q.get_mut(vm).items.get_mut(at).map(|slot| std::mem::replace(slot, v));
    drop(old);
}

/// Moves the item at `at` towards the root, as far as `start`, until its parent is not greater. Comparing may run
/// script code that changes the queue; then the order may be wrong, but nothing is lost.
fn sift_down(vm: &mut Vm, q: &Ref<Queue>, start: usize, mut at: usize) -> R<()> {
    let Some(new) = item(vm, q, at) else { return Ok(()) };
    while at > start {
        let parent_at = (at - 1) / 2;
        let Some(parent) = item(vm, q, parent_at) else { return Ok(()) };
        if !vm.compare(&new, &parent, CmpOp::Lt)? {
            break;
        }
        put_item(vm, q, at, parent);
        put_item(vm, q, parent_at, new.clone());
        at = parent_at;
    }
    Ok(())
}

/// Moves the root to a leaf, along the smaller children, and from there to its place: the order in which `heapq`
/// compares.
fn sift_up(vm: &mut Vm, q: &Ref<Queue>) -> R<()> {
    let end = q.get(vm).items.len();
    let mut at = 0;
    let Some(new) = item(vm, q, 0) else { return Ok(()) };
    let mut child = 1;
    while child < end {
        let right = child + 1;
        if right < end {
            let (Some(a), Some(b)) = (item(vm, q, child), item(vm, q, right)) else { return Ok(()) };
            if !vm.compare(&a, &b, CmpOp::Lt)? {
                child = right;
            }
        }
        let Some(v) = item(vm, q, child) else { return Ok(()) };
        put_item(vm, q, at, v);
        put_item(vm, q, child, new.clone());
        at = child;
        child = 2 * at + 1;
    }
    sift_down(vm, q, 0, at)
}

// ---- operations ----

fn error(vm: &mut Vm, which: usize) -> R {
    let class = super::classes(vm)?.queue_errors[which].clone();
    let e = vm.new_exception(&class, Vec::new()).into_value();
    Err(vm.raise(e))
}

const EMPTY: usize = 0;
const FULL: usize = 1;
const SHUT: usize = 2;

fn wake_getter(vm: &mut Vm, q: &Ref<Queue>) -> R<()> {
    loop {
        let first = q.get_mut(vm).getters.pop_front();
        let Some(f) = first else { return Ok(()) };
        if !gather::is_done(vm, &f)? {
            return future::set_result(vm, &f, Value::NONE);
        }
    }
}

fn wake_putter(vm: &mut Vm, q: &Ref<Queue>) -> R<()> {
    loop {
        let first = q.get_mut(vm).putters.pop_front();
        let Some(f) = first else { return Ok(()) };
        if !gather::is_done(vm, &f)? {
            return future::set_result(vm, &f, Value::NONE);
        }
    }
}

fn finished_event(vm: &mut Vm, q: &Ref<Queue>) -> R<Ref<Event>> {
    if let Some(e) = &q.get(vm).finished {
        return Ok(e.clone());
    }
    let set = q.get(vm).unfinished == 0;
    let e = sync::new_event(vm, set)?;
    q.get_mut(vm).finished = Some(e.clone());
    Ok(e)
}

fn put_nowait(vm: &mut Vm, q: &Ref<Queue>, v: Value) -> R {
    if q.get(vm).shut {
        return error(vm, SHUT);
    }
    if is_full(vm, q)? {
        return error(vm, FULL);
    }
    if q.get(vm).script {
        vm.call_method(q.value(), "_put", &[v])?;
    } else {
        add_item(vm, q, v)?;
    }
    let finished = {
        let mut this = q.get_mut(vm);
        this.unfinished = this.unfinished.saturating_add(1);
        this.finished.clone()
    };
    if let Some(e) = finished {
        sync::clear_event(vm, &e);
    }
    wake_getter(vm, q)?;
    Ok(Value::NONE)
}

fn get_nowait(vm: &mut Vm, q: &Ref<Queue>) -> R {
    if is_empty(vm, q)? {
        return error(vm, if q.get(vm).shut { SHUT } else { EMPTY });
    }
    let v = if q.get(vm).script {
        vm.call_method(q.value(), "_get", &[])?
    } else {
        match take_item(vm, q)? {
            Some(v) => v,
            None => return error(vm, EMPTY),
        }
    };
    wake_putter(vm, q)?;
    Ok(v)
}

fn task_done(vm: &mut Vm, a: &[Value]) -> R {
    let q = this(vm, a)?;
    if q.get(vm).unfinished == 0 {
        return Err(vm.value_error("task_done() called too many times"));
    }
    q.get_mut(vm).unfinished -= 1;
    all_done(vm, &q)?;
    Ok(Value::NONE)
}

fn all_done(vm: &mut Vm, q: &Ref<Queue>) -> R<()> {
    let this = q.get(vm);
    match (&this.finished, this.unfinished) {
        (Some(e), 0) => {
            let e = e.clone();
            sync::set_event(vm, &e)
        }
        _ => Ok(()),
    }
}

fn shutdown(vm: &mut Vm, a: &[Value]) -> R {
    let q = this(vm, a)?;
    let immediate = match arg(a, 1) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    q.get_mut(vm).shut = true;
    if immediate {
        while !is_empty(vm, &q)? {
            if q.get(vm).script {
                vm.call_method(q.value(), "_get", &[])?;
            } else {
                drop(take_item(vm, &q)?);
            }
            let mut this = q.get_mut(vm);
            this.unfinished = this.unfinished.saturating_sub(1);
            drop(this);
            vm.tick(1)?;
        }
        all_done(vm, &q)?;
    }
    // Everybody must look again.
    while !q.get(vm).getters.is_empty() {
        wake_getter(vm, &q)?;
    }
    while !q.get(vm).putters.is_empty() {
        wake_putter(vm, &q)?;
    }
    Ok(Value::NONE)
}

fn format_queue(vm: &mut Vm, q: &Ref<Queue>) -> R<String> {
    let maxsize = q.get(vm).maxsize.clone();
    let mut text = format!("maxsize={}", vm.repr_string(&maxsize)?);
    if count(vm, q)? > 0 {
        let items = q.get(vm).script_items.clone();
        let items = if items.is_undef() { q.get(vm).items.iter().cloned().collect() } else { vm.collect(&items)? };
        let list = vm.list(items).into_value();
        text.push_str(&format!(" _queue={}", vm.repr_string(&list)?));
    }
    let this = q.get(vm);
    if !this.getters.is_empty() {
        text.push_str(&format!(" _getters[{}]", this.getters.len()));
    }
    if !this.putters.is_empty() {
        text.push_str(&format!(" _putters[{}]", this.putters.len()));
    }
    if this.unfinished > 0 {
        text.push_str(&format!(" tasks={}", this.unfinished));
    }
    if this.shut {
        text.push_str(" shutdown");
    }
    Ok(text)
}

// ---- waiting ----

fn wait(vm: &mut Vm, q: &Ref<Queue>, getter: bool) -> R<Next> {
    let bound = q.get(vm).event_loop.clone();
    let event_loop = sync::bind_loop(vm, q.value(), &bound)?;
    let f = sync::new_waiter(vm, &event_loop)?;
    let mut this = q.get_mut(vm);
    this.event_loop = event_loop;
    if getter {
        this.getters.push_back(f.clone());
    } else {
        this.putters.push_back(f.clone());
    }
    Ok(Next::Wait(f))
}

/// The start of `queue.get()`.
///
/// # Errors
/// QueueShutDown; RuntimeError when the queue belongs to another loop.
pub fn begin_get(vm: &mut Vm, q: &Ref<Queue>) -> R<Next> {
    if !is_empty(vm, q)? {
        return method(vm, q, "get_nowait", None).map(Next::Return);
    }
    if q.get(vm).shut {
        error(vm, SHUT)?;
    }
    wait(vm, q, true)
}

/// `queue.get()` that is awaited at once, where there is an item.
fn get_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let q = this(vm, a)?;
    if q.get(vm).script || q.get(vm).items.is_empty() {
        return Ok(None);
    }
    get_nowait(vm, &q).map(Some)
}

/// `queue.put(item)` that is awaited at once, where there is room.
fn put_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let q = this(vm, a)?;
    if q.get(vm).script || q.get(vm).shut || full(vm, &q)? {
        return Ok(None);
    }
    put_nowait(vm, &q, a[1].clone()).map(Some)
}

/// `get_nowait` or `put_nowait`, by the script's method where there is one.
fn method(vm: &mut Vm, q: &Ref<Queue>, name: &str, v: Option<Value>) -> R {
    if q.get(vm).script {
        return vm.call_method(q.value(), name, v.as_slice());
    }
    match v {
        Some(v) => put_nowait(vm, q, v),
        None => get_nowait(vm, q),
    }
}

/// What `queue.get()` does when it was woken.
///
/// # Errors
/// What interrupted the wait.
pub fn end_get(vm: &mut Vm, q: &Ref<Queue>, f: &Value, outcome: R) -> R<Next> {
    let Err(e) = outcome else { return begin_get(vm, q) };
    future::cancel_any(vm, f, &Value::NONE)?;
    drop(sync::take_out(&mut q.get_mut(vm).getters, f));
    if !is_empty(vm, q)? && !gather::is_cancelled(vm, f)? {
        // It was woken for an item, but cannot take it.
        wake_getter(vm, q)?;
    }
    Err(e)
}

/// The start of `queue.put(item)`.
///
/// # Errors
/// QueueShutDown; RuntimeError when the queue belongs to another loop.
pub fn begin_put(vm: &mut Vm, q: &Ref<Queue>, v: Value) -> R<Next> {
    if !is_full(vm, q)? {
        return method(vm, q, "put_nowait", Some(v)).map(Next::Return);
    }
    if q.get(vm).shut {
        error(vm, SHUT)?;
    }
    wait(vm, q, false)
}

/// What `queue.put(item)` does when it was woken.
///
/// # Errors
/// What interrupted the wait.
pub fn end_put(vm: &mut Vm, q: &Ref<Queue>, v: Value, f: &Value, outcome: R) -> R<Next> {
    let Err(e) = outcome else { return begin_put(vm, q, v) };
    future::cancel_any(vm, f, &Value::NONE)?;
    drop(sync::take_out(&mut q.get_mut(vm).putters, f));
    if !is_full(vm, q)? && !gather::is_cancelled(vm, f)? {
        wake_putter(vm, q)?;
    }
    Err(e)
}

/// The start of `queue.join()`.
///
/// # Errors
/// RuntimeError when the queue belongs to another loop.
pub fn begin_join(vm: &mut Vm, q: &Ref<Queue>) -> R<Next> {
    if q.get(vm).unfinished == 0 {
        return Ok(Next::Return(Value::NONE));
    }
    let e = finished_event(vm, q)?;
    match sync::begin_wait(vm, &e)? {
        Next::Return(_) => Ok(Next::Return(Value::NONE)),
        other => Ok(other),
    }
}

/// The end of `queue.join()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_join(vm: &mut Vm, q: &Ref<Queue>, f: &Value, outcome: R) -> R<Next> {
    let e = finished_event(vm, q)?;
    sync::end_wait(vm, &e, f, outcome)?;
    Ok(Next::Return(Value::NONE))
}
