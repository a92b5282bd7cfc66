//! The loop: its queue, one iteration of it, and running it.
//!
//! What scripts see of it is in `loop_object`. Invariant: an iteration runs what was in the queue when it began
//! and nothing that was added meanwhile; the only place that blocks is the reactor's `wait`.

use super::coroutine::{self, NativeCoroutine};
use super::future::{self, Callback};
use super::handle::{self, Handle};
use super::reactor::Reactor;
use super::task::{self, Task};
use super::timers::{self, Timers};
use super::transport::{self, Ready, Transport};
use super::transport_write;
use super::{context, executor, foreign, polling, report, top_level};
use crate::heap_object;
use crate::vm::class::Class;
use crate::vm::exception::Raised;
use crate::vm::gc::weak::WeakRef;
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::threads::Bell;
use crate::vm::{R, Value, Vm};
use std::collections::{HashMap, VecDeque};

/// The clock's resolution, in seconds.
const CLOCK_RESOLUTION: f64 = 1e-9;

/// See [`EventLoop::step_depth`].
pub const NO_STEP: usize = usize::MAX;

/// So many entries are a rush: what the queue grew by is given back.
const MANY: usize = 1 << 16;

/// One thing to do.
pub enum Entry {
    /// Run a handle's callback.
    Handle(Ref<Handle>),
    /// Step a task, throwing the exception into it if there is one (`UNDEF`: none).
    Step(Ref<Task>, Value),
    /// Tell a callback that its future is done.
    Done {
        /// Who is told.
        callback: Callback,
        /// The future.
        future: Value,
    },
    /// A thread has done what a loop's future stands for.
    JobDone {
        /// The future.
        future: Value,
        /// The result, or the exception; `UNDEF`: it was cancelled.
        outcome: Value,
        /// It raised.
        failed: bool,
    },
    /// A native `sleep` is over.
    SleepOver(Ref<NativeCoroutine>),
    /// A transport's descriptor is ready.
    Io(Ref<Transport>, Ready),
}

impl Entry {
    /// What it stands for: an object, or a callback of a future.
    pub fn shown(&self) -> (Value, Option<Callback>) {
        match self {
            Entry::Handle(h) => (h.value().clone(), None),
            Entry::Step(t, _) => (t.value().clone(), None),
            Entry::Done { callback, future } => (future.clone(), Some(callback.clone())),
            Entry::JobDone { future, .. } => (future.clone(), None),
            Entry::SleepOver(c) => (c.value().clone(), None),
            Entry::Io(t, _) => (t.value().clone(), None),
        }
    }
}

impl Trace for Entry {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            Entry::Handle(h) => h.trace(tracer),
            Entry::Step(t, v) => {
                t.trace(tracer);
                v.trace(tracer);
            }
            Entry::Done { callback, future } => {
                callback.trace(tracer);
                future.trace(tracer);
            }
            Entry::JobDone { future, outcome, .. } => {
                future.trace(tracer);
                outcome.trace(tracer);
            }
            Entry::SleepOver(c) => c.trace(tracer),
            Entry::Io(t, _) => t.trace(tracer),
        }
    }
    fn clear(&mut self) {}
}

/// Which methods of a loop are the native ones, so that calls of them may be skipped.
#[derive(Clone, Copy)]
pub struct Plain {
    /// `call_soon`, `_call_soon`.
    pub call_soon: bool,
    /// `call_at`, `call_later`, `time`.
    pub timers: bool,
    /// `_run_once`.
    pub run_once: bool,
    /// `create_future`.
    pub create_future: bool,
    /// `create_task`.
    pub create_task: bool,
    /// `shutdown_asyncgens`, `shutdown_default_executor`.
    pub shutting: bool,
    /// `run_forever`, `stop`.
    pub running: bool,
    /// No `_selector` was put into the loop, which would do the waiting.
    pub waiting: bool,
}

impl Trace for Plain {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

/// Unfinished tasks of a loop, each at a number of its own.
#[derive(Default)]
pub struct Tasks {
    slots: Vec<Value>,
    free: Vec<u32>,
}

impl Tasks {
    /// Keeps a task; gives its number.
    pub fn add(&mut self, task: Value) -> u32 {
        match self.free.pop() {
            Some(at) if (at as usize) < self.slots.len() => {
                self.slots[at as usize] = task;
                at
            }
            _ => {
                self.slots.push(task);
                (self.slots.len() - 1) as u32
            }
        }
    }

    /// Lets a task go.
    pub fn remove(&mut self, at: u32) -> Value {
        match self.slots.get_mut(at as usize) {
            Some(slot) if !slot.is_undef() => {
                self.free.push(at);
                std::mem::replace(slot, Value::UNDEF)
            }
            _ => Value::UNDEF,
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Value> {
        self.slots.iter().filter(|t| !t.is_undef()).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets all go.
    pub fn take(&mut self) -> Vec<Value> {
        self.free = Vec::new();
        std::mem::take(&mut self.slots).into_iter().filter(|t| !t.is_undef()).collect()
    }
}

impl Trace for Tasks {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.slots.trace(tracer);
    }
    fn clear(&mut self) {
        *self = Tasks::default();
    }
}

heap_object! {
    /// The payload of event loops.
    pub struct EventLoop {
        /// What to do next.
        pub ready: VecDeque<Entry>,
        /// What to do later.
        pub timers: Timers,
        /// Unfinished tasks.
        pub tasks: Tasks,
        /// The task that is being stepped, or `UNDEF`.
        pub current_task: Value,
        /// How many frames ran when its step began; [`NO_STEP`] where none is under way.
        pub step_depth: usize,
        /// `stop` was called.
        pub stopping: bool,
        /// `close` was called.
        pub closed: bool,
        /// Debug mode.
        pub debug: bool,
        /// See [`Plain`].
        pub plain: Plain,
        /// `set_exception_handler`, or `None`.
        pub exception_handler: Value,
        /// `set_task_factory`, or `None`.
        pub task_factory: Value,
        /// The handles of signals by their numbers; `UNDEF` before anybody asks.
        pub signal_handlers: Value,
        /// The default executor, or `None`.
        pub executor: Value,
        /// `shutdown_default_executor` was called.
        pub executor_shut: bool,
        /// `_clock_resolution`: timers due within it are due now.
        pub resolution: f64,
        /// `slow_callback_duration`.
        pub slow_callback: Value,
        /// The handle that runs, in debug mode; else `UNDEF`.
        pub current_handle: Value,
        /// Async generators that were iterated on this loop.
        pub generators: HashMap<u64, Ref<WeakRef>>,
        /// From this number on the dead ones among them are looked for.
        pub generators_limit: usize,
        /// `shutdown_asyncgens` was called.
        pub generators_shut: bool,
        /// The hooks for async generators from before the loop ran.
        pub old_hooks: Vec<Value>,
        /// The depth of origin tracking from before debug mode.
        pub saved_origin_depth: usize,
        /// Origin tracking was switched on by this loop.
        pub tracks_origins: bool,
        /// What `run_until_complete` waits for, or `UNDEF`.
        pub until_complete: Value,
        /// The selector that the loop was made with, or `UNDEF`.
        pub selector: Value,
        /// What may wake the loop although the queue, the timers and the reactor are empty: jobs of threads.
        pub outside: usize,
    }
    skip {
        /// The last iteration began with a poll that reported something.
        pub polled: bool,
        /// It waits for something to happen, without the interpreter's lock.
        pub blocked: bool,
        /// The thread that the loop runs on.
        pub thread: Option<u64>,
        /// What transports read into, before the bytes go where they belong.
        pub scratch: Vec<u8>,
        /// Made when the loop first blocks or watches a descriptor.
        pub reactor: Option<Box<Reactor>>,
        /// Wakes the reactor from another thread.
        pub waker: Option<crate::vm::threads::Waker>,
    }
    kind = EventLoop;
    external = |this| {
        this.ready.capacity() * size_of::<Entry>() + this.timers.external() + this.scratch.capacity()
    };
}

/// A loop of this class.
///
/// # Errors
/// None in a sound build.
pub fn new_loop_of(vm: &mut Vm, class: &Ref<Class>) -> R<Ref<EventLoop>> {
    let plain = plain_methods(vm, class)?;
    let payload = EventLoop {
        ready: VecDeque::new(),
        timers: Timers::default(),
        tasks: Tasks::default(),
        current_task: Value::UNDEF,
        step_depth: NO_STEP,
        stopping: false,
        closed: false,
        debug: false,
        plain,
        exception_handler: Value::NONE,
        task_factory: Value::NONE,
        signal_handlers: Value::UNDEF,
        executor: Value::NONE,
        executor_shut: false,
        resolution: CLOCK_RESOLUTION,
        slow_callback: vm.float(0.1),
        current_handle: Value::UNDEF,
        generators: HashMap::new(),
        generators_limit: 64,
        generators_shut: false,
        old_hooks: Vec::new(),
        saved_origin_depth: 0,
        tracks_origins: false,
        until_complete: Value::UNDEF,
        selector: Value::UNDEF,
        outside: 0,
        polled: false,
        blocked: false,
        thread: None,
        scratch: Vec::new(),
        reactor: None,
        waker: None,
    };
    Ok(vm.alloc_as(class, payload))
}

/// `asyncio.new_event_loop()` without a policy.
///
/// # Errors
/// None in a sound build.
pub fn new_event_loop(vm: &mut Vm) -> R {
    Ok(new_native_loop(vm)?.into_value())
}

/// A loop of the built-in kind.
///
/// # Errors
/// None in a sound build.
pub fn new_native_loop(vm: &mut Vm) -> R<Ref<EventLoop>> {
    let class = super::classes(vm)?.event_loop.clone();
    let l = new_loop_of(vm, &class)?;
    let debug = debug_by_default(vm);
    l.get_mut(vm).debug = debug;
    tell_selector(vm, "EpollSelector")?;
    Ok(l)
}

/// A loop was made: that is logged, if the program logs at all.
///
/// # Errors
/// What a log's handler raises.
pub fn tell_selector(vm: &mut Vm, name: &str) -> R<()> {
    if vm.loaded_attr("logging", "DEBUG").is_none() {
        return Ok(());
    }
    let name = vm.new_str(name).into_value();
    super::call_apy(vm, "log", "_tell_selector", &[name]).map(drop)
}

/// Whether loops are in debug mode from the start: `-X dev` or `PYTHONASYNCIODEBUG`.
pub fn debug_by_default(vm: &mut Vm) -> bool {
    // The function is a script's to replace, once its module is there.
    if let Some(f) = vm.loaded_attr("asyncio.coroutines", "_is_debug_mode") {
        return vm.call(&f, &[]).and_then(|v| vm.truth(&v)).unwrap_or(false);
    }
    let Some(flags) = vm.loaded_attr("sys", "flags") else { return false };
    let flag = |vm: &mut Vm, name: &str| vm.get_attr_str(&flags, name).and_then(|v| vm.truth(&v)).unwrap_or(false);
    if flag(vm, "dev_mode") {
        return true;
    }
    !flag(vm, "ignore_environment") && std::env::var_os("PYTHONASYNCIODEBUG").is_some_and(|v| !v.is_empty())
}

/// Remembers the methods whose calls may be skipped as long as nobody replaces them.
pub fn note_methods(vm: &mut Vm, classes: &super::Classes) {
    let names = [
        "call_soon",
        "_call_soon",
        "call_at",
        "call_later",
        "time",
        "_run_once",
        "create_future",
        "create_task",
        "shutdown_asyncgens",
        "shutdown_default_executor",
    ];
    let methods = names.map(|n| vm.intern(n)).into_iter();
    let methods = methods.filter_map(|n| vm.lookup(&classes.base_loop, &n).map(|m| (n, m))).collect();
    classes.loop_methods.replace(methods);
}

fn plain_methods(vm: &mut Vm, class: &Ref<Class>) -> R<Plain> {
    let classes = super::classes(vm)?;
    let methods = classes.loop_methods.borrow();
    let same = |names: &[&str]| {
        names.iter().all(|name| {
            let name = vm.intern(name);
            match (vm.lookup(class, &name), methods.iter().find(|(n, _)| n.value().is(name.value()))) {
                (Some(a), Some((_, b))) => a.is(b),
                _ => false,
            }
        })
    };
    Ok(Plain {
        call_soon: same(&["call_soon", "_call_soon"]),
        timers: same(&["call_at", "call_later", "time"]),
        run_once: same(&["_run_once"]),
        create_future: same(&["create_future"]),
        create_task: same(&["create_task"]),
        running: same(&["run_forever", "stop"]),
        shutting: same(&["shutdown_asyncgens", "shutdown_default_executor"]),
        waiting: true,
    })
}

/// Whether the value is a native loop whose methods of this kind are the native ones.
pub fn is_plain(vm: &Vm, event_loop: &Value, which: impl Fn(&Plain) -> bool) -> bool {
    event_loop.cast::<EventLoop>().is_some_and(|l| which(&l.get(vm).plain))
}

/// `loop.get_debug()` of any loop.
///
/// # Errors
/// What a foreign loop's method raises.
pub fn debug_of(vm: &mut Vm, event_loop: &Value) -> R<bool> {
    if let Some(l) = event_loop.cast::<EventLoop>() {
        return Ok(l.get(vm).debug);
    }
    let name = vm.names.get_debug.clone();
    let v = vm.call_method_interned(event_loop, &name, &[])?;
    vm.truth(&v)
}

/// The loop's clock, in seconds.
pub fn clock() -> f64 {
    match nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC) {
        Ok(t) => t.tv_sec() as f64 + t.tv_nsec() as f64 * 1e-9,
        // The monotonic clock exists on every system that apy runs on.
        Err(_) => 0.0,
    }
}

/// `loop.time()` of a native loop.
///
/// # Errors
/// What an overridden `time` raises.
pub fn time_of(vm: &mut Vm, l: &Ref<EventLoop>) -> R<f64> {
    if l.get(vm).plain.timers {
        return Ok(clock());
    }
    let v = vm.call_method(l.value(), "time", &[])?;
    crate::objects::float::to_f64(vm, &v)
}

/// Refuses a closed loop.
///
/// # Errors
/// RuntimeError.
pub fn check_open(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    if l.get(vm).closed { Err(vm.runtime_error("Event loop is closed")) } else { Ok(()) }
}

/// Refuses another thread than the loop's; for debug mode.
///
/// # Errors
/// RuntimeError.
pub fn check_thread(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    match l.get(vm).thread {
        Some(t) if t != vm.thread_ident() => {
            Err(vm.runtime_error("Non-thread-safe operation invoked on an event loop other than the current one"))
        }
        _ => Ok(()),
    }
}

/// Puts something at the end of the loop's queue; by the script's `call_soon` for loops that have one.
///
/// # Errors
/// RuntimeError when the loop is closed; what a foreign loop raises.
pub fn call_soon(vm: &mut Vm, event_loop: &Value, entry: Entry) -> R<()> {
    let Some(l) = event_loop.cast::<EventLoop>() else { return foreign::call_soon(vm, event_loop, entry) };
    let this = l.get(vm);
    if !this.plain.call_soon {
        return foreign::call_soon(vm, event_loop, entry);
    }
    if this.closed {
        return Err(vm.runtime_error("Event loop is closed"));
    }
    if this.debug {
        check_thread(vm, l)?;
    }
    l.get_mut(vm).ready.push_back(entry);
    Ok(())
}

/// Wakes the loop if it may be blocked: something was put into its queue.
pub fn wake(vm: &mut Vm, l: &Ref<EventLoop>) {
    let this = l.get(vm);
    if let Some(w) = this.waker.clone()
        && (this.blocked || !this.plain.waiting)
    {
        vm.wake_soon(Bell::Waker(w));
    }
}

// ---- running ----

/// `loop.run_forever()`.
///
/// # Errors
/// RuntimeError when the loop cannot run now; SystemExit and KeyboardInterrupt of callbacks.
pub fn run_forever(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    let paused = top_level::pause(vm)?;
    let result = set_up(vm, l).and_then(|()| {
        let result = run_until_stopped(vm, l);
        let cleaned = clean_up(vm, l);
        result.and(cleaned)
    });
    top_level::resume(vm, paused);
    result
}

fn run_until_stopped(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    let name = vm.intern("_run_once");
    loop {
        if l.get(vm).plain.run_once {
            run_once(vm, l)?;
        } else {
            vm.call_method_interned(l.value(), &name, &[])?;
        }
        if l.get(vm).stopping {
            return Ok(());
        }
    }
}

/// `loop._run_forever_setup()`.
///
/// # Errors
/// RuntimeError when this loop or another one runs, or when it is closed.
pub fn set_up(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    check_open(vm, l)?;
    check_running(vm, l)?;
    let debug = l.get(vm).debug;
    track_origins(vm, l, debug);
    let old = vm.asyncgen_hooks();
    let first = vm.get_attr_str(l.value(), "_asyncgen_firstiter_hook")?;
    let last = vm.get_attr_str(l.value(), "_asyncgen_finalizer_hook")?;
    let me = vm.thread_ident();
    {
        let mut this = l.get_mut(vm);
        this.thread = Some(me);
        this.polled = false;
        this.old_hooks = old.into();
    }
    vm.set_asyncgen_hooks([first, last]);
    super::set_running_loop(vm, Some(l.value().clone()));
    Ok(())
}

/// `loop._run_forever_cleanup()`.
///
/// # Errors
/// None at present.
pub fn clean_up(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    let hooks = {
        let mut this = l.get_mut(vm);
        this.stopping = false;
        this.thread = None;
        std::mem::take(&mut this.old_hooks)
    };
    super::set_running_loop(vm, None);
    track_origins(vm, l, false);
    if let Ok(hooks) = <[Value; 2]>::try_from(hooks) {
        vm.set_asyncgen_hooks(hooks);
    }
    Ok(())
}

/// `loop._check_running()`.
///
/// # Errors
/// RuntimeError.
pub fn check_running(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    if l.get(vm).thread.is_some() {
        return Err(vm.runtime_error("This event loop is already running"));
    }
    if super::running_loop(vm).is_some() {
        return Err(vm.runtime_error("Cannot run the event loop while another loop is running"));
    }
    Ok(())
}

/// Switches on or off that coroutines note who made them.
pub fn track_origins(vm: &mut Vm, l: &Ref<EventLoop>, on: bool) {
    const DEPTH: usize = 10;
    let this = l.get(vm);
    if this.tracks_origins == on {
        return;
    }
    let (saved, current) = (this.saved_origin_depth, vm.coroutine_origin_depth());
    vm.set_coroutine_origin_depth(if on { DEPTH } else { saved });
    let mut this = l.get_mut(vm);
    this.tracks_origins = on;
    if on {
        this.saved_origin_depth = current;
    }
}

/// `loop.run_until_complete(future)`.
///
/// # Errors
/// What the future raises; RuntimeError when the loop cannot run or is stopped before the future is done.
pub fn run_until_complete(vm: &mut Vm, l: &Ref<EventLoop>, awaitable: &Value) -> R {
    let paused = top_level::pause(vm)?;
    let result = run_until_done(vm, l, awaitable);
    top_level::resume(vm, paused);
    result
}

fn run_until_done(vm: &mut Vm, l: &Ref<EventLoop>, awaitable: &Value) -> R {
    check_open(vm, l)?;
    check_running(vm, l)?;
    let new_task = !future::is_future(vm, awaitable)?;
    let f = super::gather::ensure_future(vm, awaitable, Some(l.value()))?;
    if new_task && let Some(t) = f.cast::<Task>() {
        t.get_mut(vm).core.set_log_destroy(false);
    }
    let native = future::is_exact(vm, &f);
    let callback = foreign::callback_object(vm, foreign::Role::StopLoop, l.value())?;
    if native {
        future::add_callback(vm, &f, Callback::native(callback.clone()))?;
    } else {
        let add = vm.names.add_done_callback.clone();
        vm.call_method_interned(&f, &add, std::slice::from_ref(&callback))?;
    }
    let outer = std::mem::replace(&mut l.get_mut(vm).until_complete, f.clone());
    let result = if l.get(vm).plain.running {
        run_forever(vm, l)
    } else {
        vm.call_method(l.value(), "run_forever", &[]).map(drop)
    };
    let old = std::mem::replace(&mut l.get_mut(vm).until_complete, outer);
    drop(old);
    if native {
        future::remove_native(vm, &f, &callback);
    } else {
        let remove = vm.names.remove_done_callback.clone();
        vm.call_method_interned(&f, &remove, &[callback])?;
    }
    if let Err(e) = result {
        if new_task && future::core_of(vm, &f).is_some_and(|c| c.state == future::State::Failed) {
            // The exception travels on by itself; nobody will ask the task for it.
            drop(future::exception(vm, &f)?);
        }
        return Err(e);
    }
    let done = match future::core_of(vm, &f) {
        Some(c) => c.done(),
        None => {
            let name = vm.names.done.clone();
            let v = vm.call_method_interned(&f, &name, &[])?;
            vm.truth(&v)?
        }
    };
    if !done {
        return Err(vm.runtime_error("Event loop stopped before Future completed."));
    }
    future::outcome(vm, &f)
}

/// One iteration: wait, expire timers, run what is ready.
///
/// # Errors
/// SystemExit and KeyboardInterrupt of callbacks; what stops the interpreter.
pub fn run_once(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    drop_cancelled_timers(vm, l);
    polling::wait(vm, l)?;
    expire_timers(vm, l)?;
    for left in (0..l.get(vm).ready.len()).rev() {
        let Some(entry) = l.get_mut(vm).ready.pop_front() else { break };
        let mut result = if l.get(vm).debug { report::run_timed(vm, l, entry) } else { run_entry(vm, l, entry) };
        if vm.holds_back() {
            result = result.and(transport_write::flush_held(vm));
        }
        if vm.has_pending() {
            // What died in a callback is finalized before the next one.
            result = result.and(vm.checkpoint());
        }
        result?;
        if left % MANY == 0 {
            trim(vm, l);
        }
    }
    Ok(())
}

/// Gives memory back that the queue needed for a rush.
fn trim(vm: &mut Vm, l: &Ref<EventLoop>) {
    let this = l.get(vm);
    let len = this.ready.len();
    if this.ready.capacity() > MANY && len < this.ready.capacity() / 4 {
        l.get_mut(vm).ready.shrink_to(2 * len);
    }
}

fn drop_cancelled_timers(vm: &mut Vm, l: &Ref<EventLoop>) {
    let this = l.get(vm);
    if this.timers.is_empty() {
        return;
    }
    if this.timers.wants_cleaning() {
        let old = l.get_mut(vm).timers.take();
        let cancelled: std::collections::HashSet<u64> =
            old.targets().iter().filter(|t| timers::is_cancelled(vm, t)).map(Value::bits).collect();
        let dropped = l.get_mut(vm).timers.restore(old, |t| !cancelled.contains(&t.bits()));
        for t in &dropped {
            timers::note_left(vm, t);
        }
        return;
    }
    while l.get(vm).timers.first().is_some_and(|t| timers::is_cancelled(vm, t)) {
        let gone = l.get_mut(vm).timers.pop_cancelled();
        if let Some(t) = gone {
            timers::note_left(vm, &t);
        }
    }
}

fn expire_timers(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    if l.get(vm).timers.is_empty() {
        return Ok(());
    }
    let end = time_of(vm, l)? + l.get(vm).resolution;
    loop {
        let due = l.get_mut(vm).timers.pop_due(end);
        let Some(target) = due else { return Ok(()) };
        timers::note_left(vm, &target);
        let entry = match (target.cast::<Handle>(), target.cast::<NativeCoroutine>()) {
            (Some(h), _) => Entry::Handle(h.clone()),
            (_, Some(c)) => Entry::SleepOver(c.clone()),
            _ => continue,
        };
        l.get_mut(vm).ready.push_back(entry);
    }
}

/// Does what an entry says. Exceptions of callbacks go to the loop's exception handler.
///
/// # Errors
/// SystemExit, KeyboardInterrupt, and what stops the interpreter.
pub fn run_entry(vm: &mut Vm, l: &Ref<EventLoop>, entry: Entry) -> R<()> {
    match entry {
        Entry::Handle(h) => {
            if h.get(vm).cancelled {
                return Ok(());
            }
            handle::run(vm, &h)
        }
        Entry::Step(t, exception) => {
            let result = context::run_task(vm, &t, |vm| task::step(vm, &t, exception));
            settle(vm, l, result, t.value())
        }
        Entry::Done { callback, future } => run_callback(vm, l, callback, future),
        Entry::JobDone { future, outcome, failed } => {
            let result = executor::complete(vm, &future, outcome, failed);
            settle(vm, l, result, &future)
        }
        Entry::SleepOver(c) => coroutine::wake(vm, &c),
        Entry::Io(t, ready) => {
            let result = transport::on_ready(vm, &t, ready);
            settle(vm, l, result, t.value())
        }
    }
}

fn run_callback(vm: &mut Vm, l: &Ref<EventLoop>, callback: Callback, done: Value) -> R<()> {
    if !callback.is_native() {
        let result = context::call(vm, &callback.context, &callback.target, std::slice::from_ref(&done));
        return match result {
            Ok(()) => Ok(()),
            Err(e) if super::leaves_loop(vm, &e) => Err(e),
            Err(e) => {
                let args = vm.tuple(vec![done]).into_value();
                let h = handle::new(vm, callback.target, args, l.value(), callback.context)?;
                report::callback_failed(vm, h.value(), e)
            }
        };
    }
    if let Some(t) = callback.target.cast::<Task>() {
        let result = context::run_task(vm, t, |vm| task::wakeup(vm, t, done));
        return settle(vm, l, result, &callback.target);
    }
    let result = foreign::notify(vm, &callback.target, &done);
    settle(vm, l, result, &callback.target)
}

/// Lets through what must leave the loop, and reports everything else.
fn settle(vm: &mut Vm, l: &Ref<EventLoop>, result: R<()>, source: &Value) -> R<()> {
    match result {
        Ok(()) => Ok(()),
        Err(e) if super::leaves_loop(vm, &e) => Err(e),
        Err(e) => native_failed(vm, l, e, source),
    }
}

#[cold]
fn native_failed(vm: &mut Vm, l: &Ref<EventLoop>, e: Raised, source: &Value) -> R<()> {
    let shown = vm.repr_string(source)?;
    let text = vm.new_str(&format!("Exception in callback of {shown}")).into_value();
    let e = vm.exception_value(e);
    let context = super::named_values(vm, &[("message", text), ("exception", e.clone())]);
    report::tell_of(vm, l.value(), &e, &context)
}
