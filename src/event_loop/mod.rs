//! The event loop and what waits on it: the native half of `asyncio`.
//!
//! One file for each idea: `future` and `task` are the state machines, `future_object` and `task_object` what
//! scripts see of them; `core` is the loop's queue and its iteration, `loop_object` its script side; `timers`,
//! `reactor`, `handle`, `gather`, `coroutine` (native coroutines: `sleep`, the waits of locks and queues), `sync`
//! and `queue` are what their names say. The rest of `asyncio` is written in apy (`stdlib/asyncio`); [`call_apy`]
//! is the way there. Which names the module has is in `modules::asyncio`.
//!
//! Order of callbacks is CPython's: one FIFO queue, and an iteration runs only what was ready when it began.
//! Nothing here holds script state across a suspension but the objects on the heap.

pub mod context;
pub mod core;
pub mod coroutine;
mod docs;
pub mod executor;
pub mod foreign;
pub mod future;
pub mod future_object;
pub mod gather;
pub mod handle;
pub mod loop_object;
pub mod origin;
mod polling;
pub mod queue;
pub mod reactor;
pub mod report;
pub mod resolver;
pub mod stream_writer;
pub mod streams;
pub mod sync;
pub mod task;
pub mod task_group;
pub mod task_object;
pub mod timers;
pub mod top_level;
pub mod transport;
pub mod transport_object;
mod transport_write;
pub mod unretrieved;

use crate::vm::class::{Class, class_flag};
use crate::vm::native::Args;
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::rc::Rc;

/// The classes of this part, and names that it looks up often.
pub struct Classes {
    /// `asyncio.Future`.
    pub future: Ref<Class>,
    /// `asyncio.Task`.
    pub task: Ref<Class>,
    /// What `gather` gives.
    pub gathering: Ref<Class>,
    /// What `await future` drives.
    pub future_iter: Ref<Class>,
    /// `asyncio.Handle`.
    pub handle: Ref<Class>,
    /// What `call_soon_threadsafe` gives.
    pub thread_safe_handle: Ref<Class>,
    /// `asyncio.TimerHandle`.
    pub timer_handle: Ref<Class>,
    /// `asyncio.AbstractEventLoop`.
    pub abstract_loop: Ref<Class>,
    /// `asyncio.BaseEventLoop`.
    pub base_loop: Ref<Class>,
    /// `asyncio.selector_events.BaseSelectorEventLoop`.
    pub selector_loop: Ref<Class>,
    /// The class of the loops that `new_event_loop` makes.
    pub event_loop: Ref<Class>,
    /// Coroutines that run native code.
    pub coroutine: Ref<Class>,
    /// What `coroutine.__await__()` gives.
    pub coroutine_wrapper: Ref<Class>,
    /// Calls that go to a thread pool.
    pub job: Ref<Class>,
    /// Callbacks of native code, as scripts see them.
    pub callback: Ref<Class>,
    /// See [`unretrieved`].
    pub unretrieved: Ref<Class>,
    /// See [`unretrieved`].
    pub bell: Ref<Class>,
    /// `asyncio.CancelledError`.
    pub cancelled_error: Ref<Class>,
    /// `asyncio.InvalidStateError`.
    pub invalid_state: Ref<Class>,
    /// `asyncio.QueueEmpty`, `QueueFull`, `QueueShutDown`.
    pub queue_errors: [Ref<Class>; 3],
    /// `asyncio.Lock`, `Event`, `Semaphore`, `BoundedSemaphore`.
    pub sync: [Ref<Class>; 4],
    /// `asyncio.Queue`, `PriorityQueue`, `LifoQueue`.
    pub queues: [Ref<Class>; 3],
    /// The methods of `BaseEventLoop` as they were made: a script may replace them.
    pub loop_methods: std::cell::RefCell<Vec<(Ref<Str>, Value)>>,
    /// Coroutines that died without having been awaited.
    pub never_awaited: Rc<unretrieved::NeverAwaited>,
}

/// What an interpreter keeps of its loops.
pub struct Asyncio {
    classes: Option<Rc<Classes>>,
    /// The loop that runs on each thread.
    running: Vec<(u64, Value)>,
    /// The loop that `set_event_loop` gave each thread.
    set: Vec<(u64, Value)>,
    /// The policy that `set_event_loop_policy` installed, or `UNDEF`.
    policy: Value,
    /// The running tasks of loops that are not native.
    foreign_current: Vec<(Value, Value)>,
    /// Unfinished tasks of loops that are not native, and what `_register_task` was given.
    foreign_tasks: Vec<Value>,
    /// Tasks in their first eager step.
    eager_tasks: Vec<Value>,
    /// The number of the last task that was named by number.
    task_number: u64,
    /// Tasks that failed and have not been reported, where a prompt reports them at once.
    failed: Option<Vec<Value>>,
    /// The loop of code that awaits at its top level.
    program: Option<top_level::Program>,
}

impl Default for Asyncio {
    fn default() -> Asyncio {
        Asyncio {
            classes: None,
            running: Vec::new(),
            set: Vec::new(),
            policy: Value::UNDEF,
            foreign_current: Vec::new(),
            foreign_tasks: Vec::new(),
            eager_tasks: Vec::new(),
            task_number: 0,
            failed: None,
            program: None,
        }
    }
}

/// The classes, made when first asked for.
///
/// # Errors
/// None in a sound build.
pub fn classes(vm: &mut Vm) -> R<Rc<Classes>> {
    if let Some(c) = &vm.state::<Asyncio>().classes {
        return Ok(c.clone());
    }
    let classes = Rc::new(make_classes(vm)?);
    vm.state::<Asyncio>().classes = Some(classes.clone());
    future_object::init(vm, &classes);
    task_object::init(vm, &classes);
    gather::init(vm, &classes);
    handle::init(vm, &classes);
    loop_object::init(vm, &classes);
    core::note_methods(vm, &classes);
    coroutine::init(vm, &classes);
    foreign::init(vm, &classes);
    executor::init(vm, &classes);
    unretrieved::init(vm, &classes);
    vm.set_native_await(future_object::NATIVE_AWAIT);
    sync::init(vm, &classes);
    queue::init(vm, &classes);
    docs::init(vm, &classes);
    Ok(classes)
}

// A pending task, a `sleep` and the future that it waits for: what a server has a hundred thousand of.
const _: () = assert!(size_of::<task::Task>() <= 96);
const _: () = assert!(size_of::<coroutine::NativeCoroutine>() <= 48);
const _: () = assert!(size_of::<future::Future>() <= 48);
const _: () = assert!(size_of::<core::Entry>() <= 32);

fn make_classes(vm: &mut Vm) -> R<Classes> {
    const PLAIN: u32 = class_flag::BASE | class_flag::WEAKREF;
    // As `PLAIN`; scripts may change the class, which CPython has in Python.
    const OPEN: u32 = PLAIN | class_flag::MUTABLE;
    // As `OPEN`; loops that die unclosed say so.
    const LOOP: u32 = OPEN | class_flag::DEL;
    const HIDDEN: u32 = class_flag::NO_NEW;
    // A class whose finalizer runs although it is not a script's.
    const FINALIZED: u32 = class_flag::HEAP | class_flag::NO_NEW;
    let future = vm.define_class_with_dict::<future::Future>("_asyncio", "Future", None, PLAIN)?;
    let base_exception = vm.exc.BaseException.clone();
    let exception = vm.exc.Exception.clone();
    let abstract_loop =
        vm.define_class_with_dict::<foreign::Bare>("asyncio.events", "AbstractEventLoop", None, OPEN)?;
    let base_loop = vm.define_class_with_dict::<core::EventLoop>(
        "asyncio.base_events",
        "BaseEventLoop",
        Some(&abstract_loop),
        LOOP,
    )?;
    let selector_loop = vm.define_class_with_dict::<core::EventLoop>(
        "asyncio.selector_events",
        "BaseSelectorEventLoop",
        Some(&base_loop),
        LOOP,
    )?;
    let handle = vm.define_class::<handle::Handle>("asyncio.events", "Handle", None, OPEN)?;
    let semaphore = vm.define_class_with_dict::<sync::Semaphore>("asyncio.locks", "Semaphore", None, OPEN)?;
    let queue_class = vm.define_class_with_dict::<queue::Queue>("asyncio.queues", "Queue", None, OPEN)?;
    let coroutine_base = vm.types.coroutine.clone();
    Ok(Classes {
        task: vm.define_class_with_dict::<task::Task>("_asyncio", "Task", Some(&future), PLAIN)?,
        gathering: vm.define_class_with_dict::<gather::Gathering>(
            "asyncio.tasks",
            "_GatheringFuture",
            Some(&future),
            OPEN,
        )?,
        future,
        future_iter: vm.define_class::<future_object::FutureIter>("_asyncio", "FutureIter", None, HIDDEN)?,
        timer_handle: vm.define_class::<handle::Handle>("asyncio.events", "TimerHandle", Some(&handle), OPEN)?,
        thread_safe_handle: vm.define_class::<handle::Handle>(
            "asyncio.events",
            "_ThreadSafeHandle",
            Some(&handle),
            OPEN,
        )?,
        handle,
        event_loop: vm.define_class_with_dict::<core::EventLoop>(
            "asyncio.unix_events",
            "_UnixSelectorEventLoop",
            Some(&selector_loop),
            LOOP,
        )?,
        abstract_loop,
        base_loop,
        selector_loop,
        coroutine: vm.define_class::<coroutine::NativeCoroutine>(
            "builtins",
            "coroutine",
            Some(&coroutine_base),
            HIDDEN | class_flag::WEAKREF,
        )?,
        coroutine_wrapper: vm.define_class::<coroutine::Wrapper>("builtins", "coroutine_wrapper", None, HIDDEN)?,
        job: vm.define_class::<executor::Job>("_asyncio", "Job", None, HIDDEN)?,
        callback: vm.define_class::<foreign::NativeCallback>("_asyncio", "NativeCallback", None, HIDDEN)?,
        unretrieved: vm.define_class::<unretrieved::Unretrieved>("_asyncio", "Unretrieved", None, FINALIZED)?,
        bell: vm.define_class::<unretrieved::Bell>("_asyncio", "Bell", None, FINALIZED)?,
        cancelled_error: vm.define_exception("asyncio.exceptions", "CancelledError", &base_exception)?,
        invalid_state: vm.define_exception("asyncio.exceptions", "InvalidStateError", &exception)?,
        queue_errors: [
            vm.define_exception("asyncio.queues", "QueueEmpty", &exception)?,
            vm.define_exception("asyncio.queues", "QueueFull", &exception)?,
            vm.define_exception("asyncio.queues", "QueueShutDown", &exception)?,
        ],
        sync: [
            vm.define_class_with_dict::<sync::Lock>("asyncio.locks", "Lock", None, OPEN)?,
            vm.define_class_with_dict::<sync::Event>("asyncio.locks", "Event", None, OPEN)?,
            semaphore.clone(),
            vm.define_class_with_dict::<sync::Semaphore>("asyncio.locks", "BoundedSemaphore", Some(&semaphore), OPEN)?,
        ],
        queues: [
            queue_class.clone(),
            vm.define_class_with_dict::<queue::Queue>("asyncio.queues", "PriorityQueue", Some(&queue_class), OPEN)?,
            vm.define_class_with_dict::<queue::Queue>("asyncio.queues", "LifoQueue", Some(&queue_class), OPEN)?,
        ],
        loop_methods: Default::default(),
        never_awaited: Rc::default(),
    })
}

// ---- the running loop ----

/// The loop that runs on this thread.
pub fn running_loop(vm: &mut Vm) -> Option<Value> {
    let me = vm.thread_ident();
    let running = &vm.state::<Asyncio>().running;
    running.iter().find(|(t, _)| *t == me).map(|(_, l)| l.clone())
}

/// The loop that runs on this thread.
///
/// # Errors
/// RuntimeError when none does.
pub fn need_running_loop(vm: &mut Vm) -> R {
    match running_loop(vm) {
        Some(l) => Ok(l),
        None => Err(vm.runtime_error("no running event loop")),
    }
}

/// Sets or, with `None`, takes away the loop that runs on this thread.
pub fn set_running_loop(vm: &mut Vm, event_loop: Option<Value>) {
    let me = vm.thread_ident();
    put_for_thread(&mut vm.state::<Asyncio>().running, me, event_loop);
}

fn put_for_thread(list: &mut Vec<(u64, Value)>, me: u64, v: Option<Value>) {
    let old = list.iter().position(|(t, _)| *t == me).map(|at| list.swap_remove(at));
    if let Some(v) = v {
        list.push((me, v));
    }
    drop(old);
}

/// `set_event_loop` without a policy.
pub fn set_thread_loop(vm: &mut Vm, event_loop: Option<Value>) {
    let me = vm.thread_ident();
    put_for_thread(&mut vm.state::<Asyncio>().set, me, event_loop);
}

/// The loop that `set_event_loop` gave this thread.
pub fn thread_loop(vm: &mut Vm) -> Option<Value> {
    let me = vm.thread_ident();
    vm.state::<Asyncio>().set.iter().find(|(t, _)| *t == me).map(|(_, l)| l.clone())
}

/// The calling thread ends: the loop that was set for it goes.
pub fn leave_thread(vm: &mut Vm) {
    set_thread_loop(vm, None);
    set_running_loop(vm, None);
}

/// The installed policy object, or `UNDEF`.
pub fn policy(vm: &mut Vm) -> Value {
    vm.state::<Asyncio>().policy.clone()
}

/// Installs a policy object (`UNDEF`: none).
pub fn set_policy(vm: &mut Vm, policy: Value) {
    let old = std::mem::replace(&mut vm.state::<Asyncio>().policy, policy);
    drop(old);
}

/// The running loop, else the one that an installed policy gives, else the one that was set for the thread.
fn known_loop(vm: &mut Vm) -> R<Option<Value>> {
    if let Some(l) = running_loop(vm) {
        return Ok(Some(l));
    }
    let policy = policy(vm);
    if !policy.is_undef() {
        return vm.call_method(&policy, "get_event_loop", &[]).map(Some);
    }
    Ok(thread_loop(vm))
}

/// `asyncio.get_event_loop()`: the running loop, else the thread's, which is made where there is none.
///
/// # Errors
/// What an installed policy raises.
pub fn get_event_loop(vm: &mut Vm) -> R {
    if let Some(l) = known_loop(vm)? {
        return Ok(l);
    }
    let l = core::new_event_loop(vm)?;
    set_thread_loop(vm, Some(l.clone()));
    Ok(l)
}

/// The running loop, else the one that was set for the thread: what futures and tasks belong to that are made
/// without naming a loop.
///
/// # Errors
/// RuntimeError when there is none; what an installed policy raises.
pub fn current_loop(vm: &mut Vm) -> R {
    if let Some(l) = known_loop(vm)? {
        return Ok(l);
    }
    let name = match vm.loaded_attr("threading", "current_thread") {
        Some(f) => {
            let thread = vm.call(&f, &[])?;
            vm.get_attr_str(&thread, "name")?
        }
        None => vm.intern("MainThread").into_value(),
    };
    let name = vm.repr_string(&name)?;
    Err(vm.runtime_error(format!("There is no current event loop in thread {name}.")))
}

// ---- helpers ----

/// Calls a function of a part of asyncio that is written in apy.
///
/// # Errors
/// What importing the module and calling the function raise.
pub fn call_apy(vm: &mut Vm, module: &str, function: &str, args: &[Value]) -> R {
    let f = apy_function(vm, module, function)?;
    vm.call(&f, args)
}

/// A function of a part of asyncio that is written in apy.
///
/// # Errors
/// What importing the module raises.
pub fn apy_function(vm: &mut Vm, module: &str, function: &str) -> R {
    let m = crate::modules::import::import_module(vm, &format!("asyncio.{module}"))?;
    vm.get_attr_str(&m, function)
}

/// A keyword argument.
pub fn keyword(vm: &Vm, args: &Args<'_>, name: &str) -> Option<Value> {
    args.keywords()
        .find(|(n, _)| n.cast::<Str>().is_some_and(|s| s.get(vm).as_bytes() == name.as_bytes()))
        .map(|(_, v)| v.clone())
}

/// Calls with the keyword arguments but one, which was taken; and with no positional ones.
pub fn with_other_keywords<T>(
    vm: &mut Vm,
    args: &Args<'_>,
    taken: &str,
    call: impl FnOnce(&mut Vm, &Args<'_>) -> T,
) -> T {
    let is_taken = |n: &Value| n.cast::<Str>().is_some_and(|s| s.get(vm).as_bytes() == taken.as_bytes());
    if !args.kw_names.iter().any(is_taken) {
        return call(vm, &Args { pos: &[], ..*args });
    }
    let (names, values): (Vec<Value>, Vec<Value>) =
        args.keywords().filter(|(n, _)| !is_taken(n)).map(|(n, v)| (n.clone(), v.clone())).unzip();
    call(vm, &Args { pos: &[], kw_values: &values, kw_names: &names })
}

/// Refuses keyword arguments other than these.
///
/// # Errors
/// TypeError.
pub fn only_keywords(vm: &mut Vm, args: &Args<'_>, function: &str, allowed: &[&str]) -> R<()> {
    for (name, _) in args.keywords() {
        let text = vm.str_of(name);
        if !allowed.contains(&text.as_str()) {
            return Err(vm.unexpected_native_keyword(function, &text, allowed));
        }
    }
    Ok(())
}

/// Whether an exception must leave the loop: SystemExit, KeyboardInterrupt, or the interpreter being stopped.
pub fn leaves_loop(vm: &Vm, e: &crate::vm::exception::Raised) -> bool {
    e.is_halt() || vm.raised_is(e, &vm.exc.KeyboardInterrupt) || vm.raised_is(e, &vm.exc.SystemExit)
}

/// A dict of named values, as exception handlers get it.
pub fn named_values(vm: &mut Vm, pairs: &[(&str, Value)]) -> Value {
    let d = vm.new_dict();
    for (name, v) in pairs {
        let name = vm.intern(name);
        d.set_str(vm, &name, v.clone());
    }
    d.into()
}
