//! `Lock`, `Event`, `Semaphore` and `BoundedSemaphore`. Their waits are native coroutines (see `coroutine`).
//!
//! Fairness and the behaviour under cancellation are CPython's: waiters are served in order, a waiter that was
//! chosen and then cancelled passes its turn on.

use super::coroutine::{self, Next, Op};
use super::future;
use super::{Classes, gather};
use crate::heap_object;
use crate::vm::class::Class;
use crate::vm::exception::Raised;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::{Object, Ref};
use crate::vm::ops::CmpOp;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;

heap_object! {
    /// The payload of `asyncio.Lock`.
    pub struct Lock { waiters: VecDeque<Value>, locked: bool, event_loop: Value, used: bool, owner: Value }
    kind = Lock;
    external = |this| this.waiters.capacity() * 8;
}

heap_object! {
    /// The payload of `asyncio.Event`.
    pub struct Event { waiters: VecDeque<Value>, value: bool, event_loop: Value }
    external = |this| this.waiters.capacity() * 8;
}

heap_object! {
    /// The payload of `asyncio.Semaphore` and `asyncio.BoundedSemaphore`.
    pub struct Semaphore {
        waiters: VecDeque<Value>,
        /// The counter; of a float, its whole part.
        value: i64,
        bound: i64,
        event_loop: Value,
        used: bool,
        /// What a float has behind its point.
        part: f64,
        /// The script gave a float.
        float: bool,
    }
    external = |this| this.waiters.capacity() * 8;
}

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    let [lock, event, semaphore, bounded] = &classes.sync;
    vm.extend_class(lock, LOCK, LOCK_ATTRS);
    vm.extend_class(event, EVENT, EVENT_ATTRS);
    vm.extend_class(semaphore, SEMAPHORE, SEMAPHORE_ATTRS);
    vm.extend_class(bounded, BOUNDED, BOUNDED_ATTRS);
}

/// The loop that runs, which an object is bound to from its first wait on. `bound` is what it is bound to.
///
/// # Errors
/// RuntimeError when it is another one.
pub fn bind_loop(vm: &mut Vm, this: &Value, bound: &Value) -> R {
    let running = super::running_loop(vm).unwrap_or(Value::NONE);
    if !bound.is_undef() && !bound.is_none() && !bound.is(&running) {
        let shown = vm.repr_string(this)?;
        return Err(vm.runtime_error(format!("{shown} is bound to a different event loop")));
    }
    if running.is_none() {
        return Err(vm.runtime_error("no running event loop"));
    }
    Ok(running)
}

/// A future of the running loop for somebody who waits.
///
/// # Errors
/// What `create_future` raises.
pub fn new_waiter(vm: &mut Vm, event_loop: &Value) -> R {
    future::create_future(vm, event_loop)
}

/// The `__init__` of a class that takes no arguments.
fn no_arguments(vm: &mut Vm, args: &Args<'_>, class: &str) -> R {
    super::only_keywords(vm, args, &format!("{class}.__init__"), &[])?;
    match args.pos.len() {
        1 => Ok(Value::NONE),
        n => Err(vm.type_error(format!("{class}.__init__() takes 1 positional argument but {n} were given"))),
    }
}

/// Takes a waiter out of a queue of them.
pub fn take_out(waiters: &mut VecDeque<Value>, f: &Value) -> Option<Value> {
    let at = waiters.iter().position(|w| w.is(f))?;
    waiters.remove(at)
}

/// Whether somebody waits in earnest: the first waiter is nearly always native and pending.
fn is_wanted(vm: &Vm, waiters: &VecDeque<Value>) -> bool {
    waiters.front().is_some_and(|w| future::core_of(vm, w).is_some_and(|c| c.state != future::State::Cancelled))
}

fn all_cancelled(vm: &mut Vm, waiters: &[Value]) -> R<bool> {
    for w in waiters {
        if !gather::is_cancelled(vm, w)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_cancellation(vm: &mut Vm, e: &Raised) -> R<bool> {
    let class = super::classes(vm)?.cancelled_error.clone();
    Ok(vm.raised_is(e, &class))
}

/// Whether a script's class has a method of its own in the place of a built-in class's.
pub fn overrides(vm: &mut Vm, v: &Value, base: &Ref<Class>, name: &str) -> bool {
    let class = vm.class_of(v).clone();
    if !class.get(vm).is_heap() {
        return false;
    }
    let name = vm.intern(name);
    match (vm.lookup(&class, &name), vm.lookup(base, &name)) {
        (Some(a), Some(b)) => !a.is(&b),
        _ => true,
    }
}

/// `lock.release()` or `semaphore.release()`, by the script's method where there is one.
///
/// # Errors
/// What it raises.
pub fn release_any(vm: &mut Vm, v: &Value) -> R<()> {
    vm.call_method(v, "release", &[]).map(drop)
}

/// `repr` as CPython makes it: `<asyncio.locks.Lock object at 0x… [extra]>`.
fn describe(vm: &mut Vm, v: &Value, mut extra: String, waiters: usize) -> R {
    if waiters > 0 {
        extra.push_str(&format!(", waiters:{waiters}"));
    }
    let class = vm.class_of(v).clone();
    let class = crate::objects::class::qualified_name(vm, &class)?;
    let address = crate::vm::class_ops::address(v);
    Ok(vm.new_str(&format!("<{class} object at {address:#x} [{extra}]>")).into())
}

// ---- Lock ----

const LOCK: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let lock = Lock {
            waiters: VecDeque::new(),
            locked: false,
            event_loop: Value::UNDEF,
            used: false,
            owner: Value::UNDEF,
        };
        Ok(vm.alloc_as(&class, lock).into())
    }),
    NativeDef::raw("__init__(self)", "", |vm, args| no_arguments(vm, args, "Lock")),
    NativeDef::new("locked(self)", "Return True if lock is acquired.", |vm, a| {
        let l = vm.this::<Lock>(a, "locked")?;
        Ok(Value::bool(l.get(vm).locked))
    }),
    NativeDef::awaited("acquire(self)", "Acquire a lock.", lock_now::<false>, |vm, a| {
        let l = vm.this::<Lock>(a, "acquire")?.clone();
        coroutine::new(vm, Op::LockAcquire(l, false))
    }),
    NativeDef::new("release(self)", "Release a lock.", |vm, a| {
        let l = vm.this::<Lock>(a, "release")?.clone();
        release_lock(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::awaited("__aenter__(self)", "Acquire the lock.", lock_now::<true>, |vm, a| {
        let l = vm.this::<Lock>(a, "__aenter__")?.clone();
        let base = super::classes(vm)?.sync[0].clone();
        if overrides(vm, &a[0], &base, "acquire") {
            return super::call_apy(vm, "locks", "_enter", &[a[0].clone()]);
        }
        coroutine::new(vm, Op::LockAcquire(l, true))
    }),
    NativeDef::awaited("__aexit__(self, exc_type, exc, tb)", "Release the lock.", unlock_now, |vm, a| {
        let l = vm.this::<Lock>(a, "__aexit__")?.clone();
        coroutine::new(vm, Op::LockExit(l))
    }),
    NativeDef::new("_wake_up_first(self)", "Ensure that the first waiter will wake up.", |vm, a| {
        let l = vm.this::<Lock>(a, "_wake_up_first")?.clone();
        wake_first(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let l = vm.this::<Lock>(a, "__repr__")?.get(vm);
        let (state, n) = (if l.locked { "locked" } else { "unlocked" }, l.waiters.len());
        describe(vm, &a[0], state.to_owned(), n)
    }),
];

/// `lock.acquire()` that is awaited at once, where the lock is free and nobody waits for it.
fn lock_now<const ENTER: bool>(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let Some(l) = plain::<Lock>(a) else { return Ok(None) };
    let this = l.get(vm);
    if this.locked || !this.waiters.is_empty() {
        return Ok(None);
    }
    take(vm, l);
    Ok(Some(if ENTER { Value::NONE } else { Value::TRUE }))
}

/// `lock.__aexit__()` that is awaited at once.
fn unlock_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let Some(l) = plain::<Lock>(a) else { return Ok(None) };
    release_lock(vm, l)?;
    Ok(Some(Value::NONE))
}

/// The first argument, if it is of a built-in class, whose methods no script has replaced.
fn plain<T: Object>(a: &[Value]) -> Option<&Ref<T>> {
    a.first().and_then(Value::cast::<T>).filter(|r| r.is_of_builtin_class())
}

fn release_lock(vm: &mut Vm, l: &Ref<Lock>) -> R<()> {
    if !l.get(vm).locked {
        return Err(vm.runtime_error("Lock is not acquired."));
    }
    let owner = {
        let mut this = l.get_mut(vm);
        this.locked = false;
        std::mem::replace(&mut this.owner, Value::UNDEF)
    };
    drop(owner);
    wake_first(vm, l)
}

fn deque_of(vm: &mut Vm, items: Vec<Value>, used: bool) -> R {
    if !used {
        return Ok(Value::NONE);
    }
    let m = crate::modules::import::import_module(vm, "collections")?;
    let class = vm.get_attr_str(&m, "deque")?;
    let list = vm.list(items).into_value();
    vm.call(&class, &[list])
}

fn loop_or_none(v: &Value) -> Value {
    if v.is_undef() { Value::NONE } else { v.clone() }
}

const LOCK_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_owner", "The task that has the lock, or None.", |vm, v| {
        let l = vm.this::<Lock>(std::slice::from_ref(v), "_owner")?;
        Ok(loop_or_none(&l.get(vm).owner))
    }),
    GetSetDef::new("_waiters", "", |vm, v| {
        let l = vm.this::<Lock>(std::slice::from_ref(v), "_waiters")?.get(vm);
        let (items, used) = (l.waiters.iter().cloned().collect(), l.used);
        deque_of(vm, items, used)
    }),
    GetSetDef::with_set(
        "_locked",
        "",
        |vm, v| {
            let l = vm.this::<Lock>(std::slice::from_ref(v), "_locked")?;
            Ok(Value::bool(l.get(vm).locked))
        },
        |vm, v, new| {
            let l = vm.this::<Lock>(std::slice::from_ref(v), "_locked")?.clone();
            let on = match new {
                Some(new) => vm.truth(&new)?,
                None => false,
            };
            l.get_mut(vm).locked = on;
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_loop",
        "",
        |vm, v| {
            let l = vm.this::<Lock>(std::slice::from_ref(v), "_loop")?;
            Ok(loop_or_none(&l.get(vm).event_loop))
        },
        |vm, v, new| {
            let l = vm.this::<Lock>(std::slice::from_ref(v), "_loop")?.clone();
            let old = std::mem::replace(&mut l.get_mut(vm).event_loop, new.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
];

fn entered(enter: bool) -> Next {
    Next::Return(if enter { Value::NONE } else { Value::TRUE })
}

/// The running task has the lock from now on. Who has it matters only for the report of a deadlock.
fn take(vm: &mut Vm, l: &Ref<Lock>) {
    let owner = match super::running_loop(vm) {
        Some(event_loop) => super::task::current_task(vm, &event_loop),
        None => Value::UNDEF,
    };
    let mut this = l.get_mut(vm);
    this.locked = true;
    let old = std::mem::replace(&mut this.owner, owner);
    drop(this);
    drop(old);
}

/// The start of `lock.acquire()`.
///
/// # Errors
/// RuntimeError when the lock belongs to another loop.
pub fn begin_acquire(vm: &mut Vm, l: &Ref<Lock>, enter: bool) -> R<Next> {
    let this = l.get(vm);
    if !this.locked && !is_wanted(vm, &this.waiters) {
        let waiters: Vec<Value> = this.waiters.iter().cloned().collect();
        if waiters.is_empty() || all_cancelled(vm, &waiters)? {
            take(vm, l);
            return Ok(entered(enter));
        }
    }
    let bound = l.get(vm).event_loop.clone();
    let event_loop = bind_loop(vm, l.value(), &bound)?;
    let f = new_waiter(vm, &event_loop)?;
    let mut this = l.get_mut(vm);
    this.event_loop = event_loop;
    this.used = true;
    this.waiters.push_back(f.clone());
    Ok(Next::Wait(f))
}

/// The end of `lock.acquire()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_acquire(vm: &mut Vm, l: &Ref<Lock>, enter: bool, f: &Value, outcome: R) -> R<Next> {
    drop(take_out(&mut l.get_mut(vm).waiters, f));
    match outcome {
        Ok(_) => {
            take(vm, l);
            Ok(entered(enter))
        }
        Err(e) => {
            if is_cancellation(vm, &e)? && !l.get(vm).locked {
                wake_first(vm, l)?;
            }
            Err(e)
        }
    }
}

fn wake_first(vm: &mut Vm, l: &Ref<Lock>) -> R<()> {
    let Some(f) = l.get(vm).waiters.front().cloned() else { return Ok(()) };
    if gather::is_done(vm, &f)? { Ok(()) } else { future::set_result(vm, &f, Value::TRUE) }
}

// ---- Event ----

const EVENT: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let event = Event { waiters: VecDeque::new(), value: false, event_loop: Value::UNDEF };
        Ok(vm.alloc_as(&class, event).into())
    }),
    NativeDef::raw("__init__(self)", "", |vm, args| no_arguments(vm, args, "Event")),
    NativeDef::new("is_set(self)", "Return True if and only if the internal flag is true.", |vm, a| {
        let e = vm.this::<Event>(a, "is_set")?;
        Ok(Value::bool(e.get(vm).value))
    }),
    NativeDef::new("set(self)", "Set the internal flag to true and wake those who wait.", |vm, a| {
        let e = vm.this::<Event>(a, "set")?.clone();
        set_event(vm, &e)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("clear(self)", "Reset the internal flag to false.", |vm, a| {
        let e = vm.this::<Event>(a, "clear")?.clone();
        e.get_mut(vm).value = false;
        Ok(Value::NONE)
    }),
    NativeDef::awaited("wait(self)", "Block until the internal flag is true.", set_now, |vm, a| {
        let e = vm.this::<Event>(a, "wait")?.clone();
        coroutine::new(vm, Op::EventWait(e))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let e = vm.this::<Event>(a, "__repr__")?.get(vm);
        let (state, n) = (if e.value { "set" } else { "unset" }, e.waiters.len());
        describe(vm, &a[0], state.to_owned(), n)
    }),
];

/// `event.wait()` that is awaited at once, where the event is set.
fn set_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let set = a.first().and_then(Value::cast::<Event>).is_some_and(|e| e.get(vm).value);
    Ok(set.then_some(Value::TRUE))
}

const EVENT_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_waiters", "", |vm, v| {
        let e = vm.this::<Event>(std::slice::from_ref(v), "_waiters")?.get(vm);
        let items = e.waiters.iter().cloned().collect();
        deque_of(vm, items, true)
    }),
    GetSetDef::new("_value", "", |vm, v| {
        let e = vm.this::<Event>(std::slice::from_ref(v), "_value")?;
        Ok(Value::bool(e.get(vm).value))
    }),
    GetSetDef::with_set(
        "_loop",
        "",
        |vm, v| {
            let e = vm.this::<Event>(std::slice::from_ref(v), "_loop")?;
            Ok(loop_or_none(&e.get(vm).event_loop))
        },
        |vm, v, new| {
            let e = vm.this::<Event>(std::slice::from_ref(v), "_loop")?.clone();
            let old = std::mem::replace(&mut e.get_mut(vm).event_loop, new.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
];

/// A new event that is set or not.
///
/// # Errors
/// None in a sound build.
pub fn new_event(vm: &mut Vm, value: bool) -> R<Ref<Event>> {
    let class = super::classes(vm)?.sync[1].clone();
    Ok(vm.alloc_as(&class, Event { waiters: VecDeque::new(), value, event_loop: Value::UNDEF }))
}

/// `event.set()`.
///
/// # Errors
/// RuntimeError when the loop of a waiter is closed.
pub fn set_event(vm: &mut Vm, e: &Ref<Event>) -> R<()> {
    if e.get(vm).value {
        return Ok(());
    }
    e.get_mut(vm).value = true;
    let waiters: Vec<Value> = e.get(vm).waiters.iter().cloned().collect();
    for f in &waiters {
        if !gather::is_done(vm, f)? {
            future::set_result(vm, f, Value::TRUE)?;
        }
    }
    Ok(())
}

/// `event.clear()`.
pub fn clear_event(vm: &mut Vm, e: &Ref<Event>) {
    e.get_mut(vm).value = false;
}

/// The start of `event.wait()`.
///
/// # Errors
/// RuntimeError when the event belongs to another loop.
pub fn begin_wait(vm: &mut Vm, e: &Ref<Event>) -> R<Next> {
    if e.get(vm).value {
        return Ok(Next::Return(Value::TRUE));
    }
    let bound = e.get(vm).event_loop.clone();
    let event_loop = bind_loop(vm, e.value(), &bound)?;
    let f = new_waiter(vm, &event_loop)?;
    let mut this = e.get_mut(vm);
    this.event_loop = event_loop;
    this.waiters.push_back(f.clone());
    Ok(Next::Wait(f))
}

/// The end of `event.wait()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_wait(vm: &mut Vm, e: &Ref<Event>, f: &Value, outcome: R) -> R<Next> {
    drop(take_out(&mut e.get_mut(vm).waiters, f));
    outcome.map(|_| Next::Return(Value::TRUE))
}

// ---- Semaphore ----

const SEMAPHORE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let payload = Semaphore {
            waiters: VecDeque::new(),
            value: 1,
            bound: 1,
            event_loop: Value::UNDEF,
            used: false,
            part: 0.0,
            float: false,
        };
        Ok(vm.alloc_as(&class, payload).into())
    }),
    NativeDef::raw("__init__(self, value=1)", "", |vm, args| init_semaphore(vm, args, "Semaphore.__init__")),
    NativeDef::new("locked(self)", "Returns True if semaphore cannot be acquired immediately.", |vm, a| {
        let s = vm.this::<Semaphore>(a, "locked")?.clone();
        Ok(Value::bool(semaphore_locked(vm, &s)?))
    }),
    NativeDef::awaited("acquire(self)", "Acquire a semaphore.", semaphore_now::<false>, |vm, a| {
        let s = vm.this::<Semaphore>(a, "acquire")?.clone();
        coroutine::new(vm, Op::SemaphoreAcquire(s, false))
    }),
    NativeDef::new("release(self)", "Release a semaphore, incrementing the internal counter by one.", |vm, a| {
        let s = vm.this::<Semaphore>(a, "release")?.clone();
        release_semaphore(vm, &s)?;
        Ok(Value::NONE)
    }),
    NativeDef::awaited("__aenter__(self)", "Acquire the semaphore.", semaphore_now::<true>, |vm, a| {
        let s = vm.this::<Semaphore>(a, "__aenter__")?.clone();
        let base = super::classes(vm)?.sync[2].clone();
        if overrides(vm, &a[0], &base, "acquire") {
            return super::call_apy(vm, "locks", "_enter", &[a[0].clone()]);
        }
        coroutine::new(vm, Op::SemaphoreAcquire(s, true))
    }),
    NativeDef::awaited("__aexit__(self, exc_type, exc, tb)", "Release the semaphore.", semaphore_exit_now, |vm, a| {
        let s = vm.this::<Semaphore>(a, "__aexit__")?.clone();
        coroutine::new(vm, Op::SemaphoreExit(s))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let s = vm.this::<Semaphore>(a, "__repr__")?.clone();
        let locked = semaphore_locked(vm, &s)?;
        let value = value_of(vm, &s);
        let state = if locked { "locked".to_owned() } else { format!("unlocked, value:{}", vm.repr_string(&value)?) };
        let n = s.get(vm).waiters.len();
        describe(vm, &a[0], state, n)
    }),
];

const SEMAPHORE_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_waiters", "", |vm, v| {
        let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_waiters")?.get(vm);
        let (items, used) = (s.waiters.iter().cloned().collect(), s.used);
        deque_of(vm, items, used)
    }),
    GetSetDef::with_set(
        "_value",
        "",
        |vm, v| {
            let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_value")?.clone();
            Ok(value_of(vm, &s))
        },
        |vm, v, new| {
            let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_value")?.clone();
            set_value(vm, &s, &new.unwrap_or(Value::int32(0)))
        },
    ),
    GetSetDef::with_set(
        "_loop",
        "",
        |vm, v| {
            let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_loop")?;
            Ok(loop_or_none(&s.get(vm).event_loop))
        },
        |vm, v, new| {
            let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_loop")?.clone();
            let old = std::mem::replace(&mut s.get_mut(vm).event_loop, new.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
];

/// `semaphore.acquire()` that is awaited at once, where there is room and nobody waits for it.
fn semaphore_now<const ENTER: bool>(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let Some(s) = plain::<Semaphore>(a) else { return Ok(None) };
    let this = s.get(vm);
    if this.value <= 0 || !this.waiters.is_empty() {
        return Ok(None);
    }
    s.get_mut(vm).value -= 1;
    Ok(Some(if ENTER { Value::NONE } else { Value::TRUE }))
}

/// `semaphore.__aexit__()` that is awaited at once; not of a BoundedSemaphore, whose `release` asks more.
fn semaphore_exit_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let Some(s) = plain::<Semaphore>(a).cloned() else { return Ok(None) };
    let class = super::classes(vm)?.sync[2].clone();
    if !vm.is_exact(s.value(), &class) {
        return Ok(None);
    }
    release_semaphore(vm, &s)?;
    Ok(Some(Value::NONE))
}

fn init_semaphore(vm: &mut Vm, args: &Args<'_>, function: &str) -> R {
    let s = vm.this::<Semaphore>(args.pos, "__init__")?.clone();
    super::only_keywords(vm, args, function, &["value"])?;
    let n = args.pos.len();
    if n > 2 {
        let text = format!("{function}() takes from 1 to 2 positional arguments but {n} were given");
        return Err(vm.type_error(text));
    }
    let given = args.pos.get(1).cloned().or_else(|| super::keyword(vm, args, "value")).unwrap_or(Value::int32(1));
    if vm.compare(&given, &Value::int32(0), CmpOp::Lt)? {
        return Err(vm.value_error("Semaphore initial value must be >= 0"));
    }
    set_value(vm, &s, &given)?;
    let value = s.get(vm).value;
    s.get_mut(vm).bound = value;
    Ok(Value::NONE)
}

fn set_value(vm: &mut Vm, s: &Ref<Semaphore>, given: &Value) -> R<()> {
    let float = vm.is_exact(given, &vm.types.float).then(|| vm.as_float(given)).flatten();
    let whole = match float {
        Some(x) => x.floor() as i64,
        None => vm.index_i64(given)?,
    };
    let mut s = s.get_mut(vm);
    s.value = whole;
    s.float = float.is_some();
    s.part = float.filter(|x| x.is_finite()).map_or(0.0, |x| x - x.floor());
    Ok(())
}

/// The counter as scripts see it.
fn value_of(vm: &mut Vm, s: &Ref<Semaphore>) -> Value {
    let this = s.get(vm);
    if this.float {
        let x = this.value as f64 + this.part;
        return vm.float(x);
    }
    vm.int(this.value)
}

const BOUNDED: &[NativeDef] = &[
    NativeDef::raw("__init__(self, value=1)", "", |vm, args| init_semaphore(vm, args, "BoundedSemaphore.__init__")),
    NativeDef::new("release(self)", "Release a semaphore.", |vm, a| {
        let s = vm.this::<Semaphore>(a, "release")?.clone();
        if s.get(vm).value >= s.get(vm).bound {
            return Err(vm.value_error("BoundedSemaphore released too many times"));
        }
        release_semaphore(vm, &s)?;
        Ok(Value::NONE)
    }),
];

const BOUNDED_ATTRS: &[GetSetDef] = &[GetSetDef::new("_bound_value", "", |vm, v| {
    let s = vm.this::<Semaphore>(std::slice::from_ref(v), "_bound_value")?.get(vm);
    let (bound, part) = (s.bound, s.part);
    Ok(if s.float { vm.float(bound as f64 + part) } else { vm.int(bound) })
})];

fn semaphore_locked(vm: &mut Vm, s: &Ref<Semaphore>) -> R<bool> {
    let this = s.get(vm);
    if this.value == 0 && this.part == 0.0 {
        return Ok(true);
    }
    if is_wanted(vm, &this.waiters) {
        return Ok(true);
    }
    let waiters: Vec<Value> = this.waiters.iter().cloned().collect();
    Ok(!all_cancelled(vm, &waiters)?)
}

fn release_semaphore(vm: &mut Vm, s: &Ref<Semaphore>) -> R<()> {
    {
        let mut this = s.get_mut(vm);
        this.value = this.value.saturating_add(1);
    }
    wake_next(vm, s).map(drop)
}

/// Gives its turn to the first waiter that has none yet; false when there is no such waiter.
fn wake_next(vm: &mut Vm, s: &Ref<Semaphore>) -> R<bool> {
    for at in 0.. {
        let Some(f) = s.get(vm).waiters.get(at).cloned() else { break };
        if !gather::is_done(vm, &f)? {
            s.get_mut(vm).value -= 1;
            future::set_result(vm, &f, Value::TRUE)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_room(s: &Semaphore) -> bool {
    s.value > 0 || s.value == 0 && s.part > 0.0
}

/// The start of `semaphore.acquire()`.
///
/// # Errors
/// RuntimeError when the semaphore belongs to another loop.
pub fn begin_semaphore(vm: &mut Vm, s: &Ref<Semaphore>, enter: bool) -> R<Next> {
    if !semaphore_locked(vm, s)? {
        s.get_mut(vm).value -= 1;
        return Ok(entered(enter));
    }
    let bound = s.get(vm).event_loop.clone();
    let event_loop = bind_loop(vm, s.value(), &bound)?;
    let f = new_waiter(vm, &event_loop)?;
    let mut this = s.get_mut(vm);
    this.event_loop = event_loop;
    this.used = true;
    this.waiters.push_back(f.clone());
    Ok(Next::Wait(f))
}

/// The end of `semaphore.acquire()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_semaphore(vm: &mut Vm, s: &Ref<Semaphore>, enter: bool, f: &Value, outcome: R) -> R<Next> {
    drop(take_out(&mut s.get_mut(vm).waiters, f));
    if let Err(e) = &outcome
        && is_cancellation(vm, e)?
        && gather::is_done(vm, f)?
        && !gather::is_cancelled(vm, f)?
    {
        // It was chosen, but cannot take its turn.
        s.get_mut(vm).value += 1;
    }
    while has_room(s.get(vm)) && wake_next(vm, s)? {}
    outcome.map(|_| entered(enter))
}
