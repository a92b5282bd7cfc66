//! Coroutines of native code: `sleep`, and the waits of locks, events, semaphores and queues.
//!
//! One is a small state machine that awaits one future after another: [`begin`] says what it does first, [`go_on`]
//! what it does with the outcome. It makes no frame, and when it need not wait it does not suspend either. Scripts
//! see a coroutine like any other, but without a frame and code.

use super::core::{self, EventLoop};
use super::future::{self, Callback, Future};
use super::future_object;
use super::gather;
use super::queue::{self, Queue};
use super::streams::{self, Reader, StreamOp};
use super::sync::{self, Event, Lock, Semaphore};
use super::task::{self, Task};
use super::unretrieved::NeverAwaited;
use super::{Asyncio, Classes};
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::generator::GenStep;
use crate::vm::native::{GetSetDef, NativeDef};
use crate::vm::object::{Kind, Object, Ref, Trace, Tracer};
use crate::vm::ops::CmpOp;
use crate::vm::{R, Value, Vm};
use std::rc::Rc;

/// What a coroutine does.
pub enum Op {
    /// `sleep(delay, result)`. Once it sleeps on a foreign loop, the timer handle takes the place of the delay.
    Sleep(Value, Value),
    /// `lock.acquire()`; `async with` wants `None` as its value.
    LockAcquire(Ref<Lock>, bool),
    /// `lock.__aexit__()`.
    LockExit(Ref<Lock>),
    /// `event.wait()`.
    EventWait(Ref<Event>),
    /// `semaphore.acquire()`; as for locks.
    SemaphoreAcquire(Ref<Semaphore>, bool),
    /// `semaphore.__aexit__()`: calls `release`, which a script may have replaced.
    SemaphoreExit(Ref<Semaphore>),
    /// `queue.get()`.
    QueueGet(Ref<Queue>),
    /// `queue.put(item)`.
    QueuePut(Ref<Queue>, Value),
    /// `queue.join()`.
    QueueJoin(Ref<Queue>),
    /// `reader.read(n)` of at least one byte.
    Read(Ref<Reader>, usize),
    /// `reader.readline()`; the number says up to where no line ends.
    ReadLine(Ref<Reader>, usize),
    /// Everything else about streams; absent while it runs.
    Stream(Option<Box<StreamOp>>),
}

impl Op {
    /// `__qualname__`.
    fn name(&self) -> &'static str {
        match self {
            Op::Sleep(..) => "sleep",
            Op::LockAcquire(_, false) => "Lock.acquire",
            Op::LockAcquire(_, true) | Op::SemaphoreAcquire(_, true) => "_ContextManagerMixin.__aenter__",
            Op::LockExit(_) | Op::SemaphoreExit(_) => "_ContextManagerMixin.__aexit__",
            Op::EventWait(_) => "Event.wait",
            Op::SemaphoreAcquire(_, false) => "Semaphore.acquire",
            Op::QueueGet(_) => "Queue.get",
            Op::QueuePut(..) => "Queue.put",
            Op::QueueJoin(_) => "Queue.join",
            Op::Read(..) => "StreamReader.read",
            Op::ReadLine(..) => "StreamReader.readline",
            Op::Stream(s) => s.as_ref().map_or("stream", |s| s.name()),
        }
    }
}

impl Trace for Op {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            Op::Sleep(a, b) => {
                a.trace(tracer);
                b.trace(tracer);
            }
            Op::LockAcquire(l, _) | Op::LockExit(l) => l.trace(tracer),
            Op::EventWait(e) => e.trace(tracer),
            Op::SemaphoreAcquire(s, _) | Op::SemaphoreExit(s) => s.trace(tracer),
            Op::QueueGet(q) | Op::QueueJoin(q) => q.trace(tracer),
            Op::QueuePut(q, v) => {
                q.trace(tracer);
                v.trace(tracer);
            }
            Op::Read(r, _) | Op::ReadLine(r, _) => r.trace(tracer),
            Op::Stream(s) => s.iter().for_each(|s| s.trace(tracer)),
        }
    }
    fn clear(&mut self) {
        if let Op::Sleep(a, b) = self {
            a.clear();
            b.clear();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Created,
    Suspended,
    /// What it waits for steps the task that awaits it: `waiting` is that task, and there is no future. Timers do so for
    /// a `sleep`, streams for who reads them.
    Asleep,
    Running,
    Closed,
}

/// The payload of a native coroutine.
pub struct NativeCoroutine {
    op: Op,
    /// The future that it awaits; `UNDEF` when it only lets others run. See also [`Stage::Asleep`].
    waiting: Value,
    stage: Stage,
    never_awaited: Rc<NeverAwaited>,
}

impl Trace for NativeCoroutine {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.op.trace(tracer);
        self.waiting.trace(tracer);
    }
    fn clear(&mut self) {
        self.op.clear();
        self.waiting.clear();
    }
}

impl Object for NativeCoroutine {
    const KIND: Kind = Kind::NativeCoroutine;
}

impl Drop for NativeCoroutine {
    fn drop(&mut self) {
        if self.stage == Stage::Created {
            self.never_awaited.note(self.op.name());
        }
    }
}

impl NativeCoroutine {
    /// Whether it is a `sleep` that is not over.
    pub fn sleeps(&self, vm: &Vm) -> bool {
        matches!(self.op, Op::Sleep(..)) && self.waits(vm)
    }

    /// Whether what it waits for has not come.
    fn waits(&self, vm: &Vm) -> bool {
        match self.stage {
            Stage::Asleep => true,
            Stage::Suspended => future::core_of(vm, &self.waiting).is_some_and(|c| !c.done()),
            _ => false,
        }
    }
}

/// What a coroutine does next.
pub enum Next {
    /// It awaits a future.
    Wait(Value),
    /// It lets others run.
    Pause,
    /// It awaits what will step this task. See [`Stage::Asleep`].
    Asleep(Value),
    /// It returns.
    Return(Value),
}

/// A native coroutine.
///
/// # Errors
/// None in a sound build.
pub fn new(vm: &mut Vm, op: Op) -> R {
    let never_awaited = match &vm.state::<Asyncio>().classes {
        Some(classes) => classes.never_awaited.clone(),
        None => super::classes(vm)?.never_awaited.clone(),
    };
    Ok(vm.alloc(NativeCoroutine { op, waiting: Value::UNDEF, stage: Stage::Created, never_awaited }).into())
}

// ---- driving ----

/// `coroutine.send(None)`.
///
/// # Errors
/// What it raises.
pub fn send(vm: &mut Vm, c: &Ref<NativeCoroutine>) -> R<GenStep> {
    resume(vm, c, Sender::Script)
}

/// Who resumes a coroutine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A script, which sees what the coroutine yields.
    Script,
    /// The coroutine that awaits it, in the running frame.
    Await,
    /// The step of the task whose coroutine it is.
    Task,
}

/// As [`send`]. It may yield itself instead of a future where nobody but a task's step gets to see it.
///
/// # Errors
/// What it raises.
pub fn resume(vm: &mut Vm, c: &Ref<NativeCoroutine>, sender: Sender) -> R<GenStep> {
    let next = match c.get(vm).stage {
        Stage::Created => {
            c.get_mut(vm).stage = Stage::Running;
            begin(vm, c, sender)
        }
        Stage::Asleep => {
            let f = disturb(vm, c)?;
            return future_object::drive(vm, &f);
        }
        Stage::Suspended => {
            let f = take_waiting(vm, c);
            if future::with_core(vm, &f, |x| !x.done() && !std::mem::replace(&mut x.blocking, true)) == Some(true) {
                // Resumed although nothing has happened: it goes on waiting.
                return drive(vm, c, Ok(Next::Wait(f)));
            }
            let outcome = if f.is_undef() { Ok(Value::NONE) } else { awaited(vm, &f) };
            go_on(vm, c, &f, outcome, sender)
        }
        stage => return Err(not_now(vm, stage)),
    };
    drive(vm, c, next)
}

/// `coroutine.throw(exception)`.
///
/// # Errors
/// What it raises.
pub fn throw(vm: &mut Vm, c: &Ref<NativeCoroutine>, exception: Value) -> R<GenStep> {
    match c.get(vm).stage {
        Stage::Created => {
            c.get_mut(vm).stage = Stage::Closed;
            Err(vm.raise(exception))
        }
        Stage::Suspended | Stage::Asleep => {
            disturb(vm, c)?;
            let f = take_waiting(vm, c);
            let e = vm.raise(exception);
            let next = go_on(vm, c, &f, Err(e), Sender::Script);
            drive(vm, c, next)
        }
        stage => Err(not_now(vm, stage)),
    }
}

/// Somebody else than what wakes it deals with a coroutine that waits without a future: it gets one, for which the task
/// goes on waiting. Gives what it waits for.
///
/// # Errors
/// None in a sound build.
pub fn disturb(vm: &mut Vm, c: &Ref<NativeCoroutine>) -> R {
    let this = c.get(vm);
    let (stage, waiting) = (this.stage, this.waiting.clone());
    match waiting.cast::<Task>() {
        Some(t) if stage == Stage::Asleep => future_of(vm, c, t),
        _ => Ok(waiting),
    }
}

fn take_waiting(vm: &mut Vm, c: &Ref<NativeCoroutine>) -> Value {
    let mut this = c.get_mut(vm);
    this.stage = Stage::Running;
    std::mem::replace(&mut this.waiting, Value::UNDEF)
}

#[cold]
fn not_now(vm: &mut Vm, stage: Stage) -> Raised {
    if stage == Stage::Running {
        vm.value_error("coroutine already executing")
    } else {
        vm.runtime_error("cannot reuse already awaited coroutine")
    }
}

/// The outcome of a future that the coroutine was resumed for.
fn awaited(vm: &mut Vm, f: &Value) -> Result<Value, Raised> {
    if !gather::is_done(vm, f)? {
        return Err(vm.runtime_error("await wasn't used with future"));
    }
    future::outcome(vm, f)
}

/// Goes on until the coroutine must wait or ends.
fn drive(vm: &mut Vm, c: &Ref<NativeCoroutine>, mut next: R<Next>) -> R<GenStep> {
    loop {
        match next {
            Ok(Next::Wait(f)) => {
                if gather::is_done(vm, &f)? {
                    let outcome = future::outcome(vm, &f);
                    next = go_on(vm, c, &f, outcome, Sender::Script);
                    continue;
                }
                if future::with_core(vm, &f, |x| x.blocking = true).is_none() {
                    let name = vm.names._asyncio_future_blocking.clone();
                    vm.set_attr(&f, &name, Value::TRUE)?;
                }
                let mut this = c.get_mut(vm);
                this.stage = Stage::Suspended;
                this.waiting = f.clone();
                return Ok(GenStep::Yielded(f));
            }
            Ok(Next::Pause) => {
                c.get_mut(vm).stage = Stage::Suspended;
                return Ok(GenStep::Yielded(Value::NONE));
            }
            Ok(Next::Asleep(task)) => {
                let mut this = c.get_mut(vm);
                this.stage = Stage::Asleep;
                this.waiting = task;
                return Ok(GenStep::Yielded(c.value().clone()));
            }
            Ok(Next::Return(v)) => {
                c.get_mut(vm).stage = Stage::Closed;
                return Ok(GenStep::Returned(v));
            }
            Err(e) => {
                c.get_mut(vm).stage = Stage::Closed;
                return Err(e);
            }
        }
    }
}

/// What the coroutine does first.
fn begin(vm: &mut Vm, c: &Ref<NativeCoroutine>, sender: Sender) -> R<Next> {
    match &c.get(vm).op {
        Op::Sleep(delay, _) => {
            let delay = delay.clone();
            begin_sleep(vm, c, &delay, sender)
        }
        Op::LockAcquire(l, enter) => {
            let (l, enter) = (l.clone(), *enter);
            sync::begin_acquire(vm, &l, enter)
        }
        Op::LockExit(l) => {
            let l = l.clone();
            sync::release_any(vm, l.value())?;
            Ok(Next::Return(Value::NONE))
        }
        Op::EventWait(e) => {
            let e = e.clone();
            sync::begin_wait(vm, &e)
        }
        Op::SemaphoreAcquire(s, enter) => {
            let (s, enter) = (s.clone(), *enter);
            sync::begin_semaphore(vm, &s, enter)
        }
        Op::SemaphoreExit(s) => {
            let s = s.clone();
            sync::release_any(vm, s.value())?;
            Ok(Next::Return(Value::NONE))
        }
        Op::QueueGet(q) => {
            let q = q.clone();
            queue::begin_get(vm, &q)
        }
        Op::QueuePut(q, v) => {
            let (q, v) = (q.clone(), v.clone());
            queue::begin_put(vm, &q, v)
        }
        Op::QueueJoin(q) => {
            let q = q.clone();
            queue::begin_join(vm, &q)
        }
        Op::Read(r, n) => {
            let (r, n) = (r.clone(), *n);
            streams::begin_read(vm, &r, n, (c, sender))
        }
        Op::ReadLine(r, searched) => {
            let (r, mut searched) = (r.clone(), *searched);
            let next = streams::begin_line(vm, &r, &mut searched, (c, sender));
            note_searched(vm, c, searched);
            next
        }
        Op::Stream(_) => with_stream(vm, c, |vm, s| streams::begin(vm, s, (c, sender))),
    }
}

/// What the coroutine does with the outcome of what it awaited.
fn go_on(vm: &mut Vm, c: &Ref<NativeCoroutine>, f: &Value, outcome: Result<Value, Raised>, sender: Sender) -> R<Next> {
    match &c.get(vm).op {
        Op::Sleep(handle, result) => {
            let (result, handle) = (result.clone(), handle.clone());
            end_sleep(vm, f, outcome, result, &handle)
        }
        Op::LockAcquire(l, enter) => {
            let (l, enter) = (l.clone(), *enter);
            sync::end_acquire(vm, &l, enter, f, outcome)
        }
        Op::EventWait(e) => {
            let e = e.clone();
            sync::end_wait(vm, &e, f, outcome)
        }
        Op::SemaphoreAcquire(s, enter) => {
            let (s, enter) = (s.clone(), *enter);
            sync::end_semaphore(vm, &s, enter, f, outcome)
        }
        Op::LockExit(_) | Op::SemaphoreExit(_) => outcome.map(Next::Return),
        Op::QueueGet(q) => {
            let q = q.clone();
            queue::end_get(vm, &q, f, outcome)
        }
        Op::QueuePut(q, v) => {
            let (q, v) = (q.clone(), v.clone());
            queue::end_put(vm, &q, v, f, outcome)
        }
        Op::QueueJoin(q) => {
            let q = q.clone();
            queue::end_join(vm, &q, f, outcome)
        }
        Op::Read(r, n) => {
            let (r, n) = (r.clone(), *n);
            streams::go_on_reading(vm, &r, n, outcome, (c, sender))
        }
        Op::ReadLine(r, searched) => {
            let (r, mut searched) = (r.clone(), *searched);
            let next = streams::go_on_with_line(vm, &r, &mut searched, outcome, (c, sender));
            note_searched(vm, c, searched);
            next
        }
        Op::Stream(_) => with_stream(vm, c, |vm, s| streams::go_on(vm, s, f, outcome, (c, sender))),
    }
}

fn note_searched(vm: &mut Vm, c: &Ref<NativeCoroutine>, n: usize) {
    if let Op::ReadLine(_, searched) = &mut c.get_mut(vm).op {
        *searched = n;
    }
}

/// Takes a stream's operation out of its coroutine while it runs.
fn with_stream(vm: &mut Vm, c: &Ref<NativeCoroutine>, run: impl FnOnce(&mut Vm, &mut StreamOp) -> R<Next>) -> R<Next> {
    let taken = match &mut c.get_mut(vm).op {
        Op::Stream(slot) => slot.take(),
        _ => None,
    };
    let Some(mut op) = taken else { return Ok(Next::Return(Value::NONE)) };
    let next = run(vm, &mut op);
    if let Op::Stream(slot) = &mut c.get_mut(vm).op {
        *slot = Some(op);
    }
    next
}

// ---- sleep ----

fn begin_sleep(vm: &mut Vm, c: &Ref<NativeCoroutine>, delay: &Value, sender: Sender) -> R<Next> {
    let seconds = match vm.as_float(delay).or_else(|| delay.as_small_int().map(|i| i as f64)) {
        Some(s) => s,
        None => {
            if vm.compare(delay, &Value::int32(0), CmpOp::Le)? {
                return Ok(Next::Pause);
            }
            crate::objects::float::to_f64(vm, delay)?
        }
    };
    if seconds <= 0.0 {
        return Ok(Next::Pause);
    }
    if seconds.is_nan() {
        return Err(vm.value_error("Invalid delay: NaN (not a number)"));
    }
    let event_loop = super::need_running_loop(vm)?;
    if let Some(l) = event_loop.cast::<EventLoop>()
        && let Some(task) = stepped_task(vm, l, sender)
    {
        core::check_open(vm, l)?;
        l.get_mut(vm).timers.add(core::clock() + seconds, c.value().clone());
        set_handle(vm, c, Value::UNDEF);
        return Ok(Next::Asleep(task));
    }
    let f = future::create_future(vm, &event_loop)?;
    if let Some(l) = event_loop.cast::<EventLoop>()
        && l.get(vm).plain.timers
        && f.is_a::<Future>()
    {
        core::check_open(vm, l)?;
        l.get_mut(vm).timers.add(core::clock() + seconds, c.value().clone());
        set_handle(vm, c, Value::UNDEF);
        return Ok(Next::Wait(f));
    }
    let set = crate::modules::import::import_module(vm, "_asyncio")?;
    let set = vm.get_attr_str(&set, "_set_result_unless_cancelled")?;
    let name = vm.names.call_later.clone();
    let h = vm.call_method_interned(&event_loop, &name, &[delay.clone(), set, f.clone(), Value::NONE])?;
    set_handle(vm, c, h);
    Ok(Next::Wait(f))
}

/// The task whose step gets what is yielded here, and nobody before it.
pub fn stepped_task(vm: &Vm, l: &Ref<EventLoop>, sender: Sender) -> Option<Value> {
    let this = l.get(vm);
    // The frame of a task's coroutine stands right above the step. Whoever else resumes a coroutine has a frame between.
    let depth = match sender {
        Sender::Script => return None,
        Sender::Await => this.step_depth.wrapping_add(1),
        Sender::Task => this.step_depth,
    };
    let plain = this.plain.timers && this.plain.call_soon && this.plain.create_future && !this.debug;
    let here = this.thread == Some(vm.thread_ident()) && depth == vm.depth();
    (plain && here && this.current_task.is_a::<Task>()).then(|| this.current_task.clone())
}

fn set_handle(vm: &mut Vm, c: &Ref<NativeCoroutine>, h: Value) {
    if let Op::Sleep(handle, _) = &mut c.get_mut(vm).op {
        *handle = h;
    }
}

fn end_sleep(vm: &mut Vm, f: &Value, outcome: Result<Value, Raised>, result: Value, handle: &Value) -> R<Next> {
    if f.is_undef() {
        // It only let others run.
        return outcome.map(|_| Next::Return(result));
    }
    if !handle.is_undef() {
        vm.call_method(handle, "cancel", &[])?;
    } else if outcome.is_err()
        && let Some(core) = future::core_of(vm, f)
    {
        // It ends before its timer: the timer stays in the heap for a while.
        let event_loop = core.event_loop.clone();
        if let Some(l) = event_loop.cast::<EventLoop>() {
            l.get_mut(vm).timers.note_cancelled();
        }
    }
    outcome.map(|_| Next::Return(result))
}

/// Whether somebody awaits it, or has resumed it by hand.
pub fn is_suspended(vm: &Vm, c: &Ref<NativeCoroutine>) -> bool {
    matches!(c.get(vm).stage, Stage::Suspended | Stage::Asleep)
}

/// Whether what it waits for is to step this task.
pub fn wakes(vm: &Vm, c: &Ref<NativeCoroutine>, t: &Ref<Task>) -> bool {
    let this = c.get(vm);
    this.stage == Stage::Asleep && this.waiting.is(t.value())
}

/// What a coroutine waits for has come: the timer of a `sleep` is due, a stream has bytes or has met its end.
///
/// # Errors
/// None in a sound build.
pub fn wake(vm: &mut Vm, c: &Ref<NativeCoroutine>) -> R<()> {
    let this = c.get(vm);
    if this.stage == Stage::Asleep {
        let task = {
            let mut this = c.get_mut(vm);
            this.stage = Stage::Suspended;
            std::mem::replace(&mut this.waiting, Value::UNDEF)
        };
        return task.cast::<Task>().map_or(Ok(()), |t| task::wake(vm, t));
    }
    if !this.waits(vm) {
        return Ok(());
    }
    let f = this.waiting.clone();
    future::set_result(vm, &f, Value::NONE)
}

/// The future of a task whose coroutine waits without one: somebody wants to see it, or to cancel it. Where the wait is
/// over it is done.
///
/// # Errors
/// None in a sound build.
pub fn future_of(vm: &mut Vm, c: &Ref<NativeCoroutine>, t: &Ref<Task>) -> R {
    let event_loop = t.get(vm).core.event_loop.clone();
    let f = future::new_future(vm, &event_loop)?;
    if c.get(vm).stage == Stage::Asleep {
        future::add_callback(vm, &f, Callback::native(t.value().clone()))?;
        let mut this = c.get_mut(vm);
        this.stage = Stage::Suspended;
        this.waiting = f.clone();
    } else {
        future::set_result(vm, &f, Value::NONE)?;
    }
    t.get_mut(vm).waiter = f.clone();
    Ok(f)
}

// ---- what scripts see ----

heap_object! {
    /// The payload of `coroutine_wrapper`: what `coroutine.__await__()` gives, which can be iterated.
    pub struct Wrapper { coroutine: Ref<NativeCoroutine> }
}

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.coroutine, METHODS, ATTRS);
    vm.extend_class(&classes.coroutine_wrapper, WRAPPER, &[]);
}

fn wrapped(vm: &mut Vm, a: &[Value]) -> R<Ref<NativeCoroutine>> {
    let w = vm.this::<Wrapper>(a, "send")?.clone();
    Ok(w.get(vm).coroutine.clone())
}

const WRAPPER: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let c = wrapped(vm, a)?;
        let step = send(vm, &c);
        finish(vm, step)
    }),
    NativeDef::new("send(self, value, /)", "Send a value into the coroutine.", |vm, a| {
        let c = wrapped(vm, a)?;
        send_value(vm, &c, &a[1])
    }),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "Raise an exception in the coroutine.", |vm, a| {
        let c = wrapped(vm, a)?;
        let e = crate::objects::generator::exception_to_throw(vm, a)?;
        let step = throw(vm, &c, e);
        finish(vm, step)
    }),
    NativeDef::new("close(self, /)", "Close the coroutine.", |vm, a| {
        let c = wrapped(vm, a)?;
        close(vm, &c)
    }),
];

const METHODS: &[NativeDef] = &[
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", |vm, a| {
        let coroutine = vm.this::<NativeCoroutine>(a, "__await__")?.clone();
        Ok(vm.alloc(Wrapper { coroutine }).into())
    }),
    NativeDef::new("send(self, value, /)", "Send a value into the coroutine.", |vm, a| {
        let c = vm.this::<NativeCoroutine>(a, "send")?.clone();
        send_value(vm, &c, &a[1])
    }),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "Raise an exception in the coroutine.", |vm, a| {
        let c = vm.this::<NativeCoroutine>(a, "throw")?.clone();
        let e = crate::objects::generator::exception_to_throw(vm, a)?;
        let step = throw(vm, &c, e);
        finish(vm, step)
    }),
    NativeDef::new("close(self, /)", "Raise GeneratorExit inside the coroutine.", |vm, a| {
        let c = vm.this::<NativeCoroutine>(a, "close")?.clone();
        close(vm, &c)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let c = vm.this::<NativeCoroutine>(a, "__repr__")?;
        let text = format!("<coroutine object {} at {:#x}>", c.get(vm).op.name(), c.address());
        Ok(vm.new_str(&text).into())
    }),
];

fn send_value(vm: &mut Vm, c: &Ref<NativeCoroutine>, v: &Value) -> R {
    if c.get(vm).stage == Stage::Created && !v.is_none() {
        return Err(vm.type_error("can't send non-None value to a just-started coroutine"));
    }
    let step = send(vm, c);
    finish(vm, step)
}

fn finish(vm: &mut Vm, step: R<GenStep>) -> R {
    match step? {
        GenStep::Yielded(v) => Ok(v),
        GenStep::Returned(v) => Err(vm.stop_iteration(v)),
    }
}

fn close(vm: &mut Vm, c: &Ref<NativeCoroutine>) -> R {
    match c.get(vm).stage {
        Stage::Closed => return Ok(Value::NONE),
        Stage::Created => {
            c.get_mut(vm).stage = Stage::Closed;
            return Ok(Value::NONE);
        }
        _ => {}
    }
    let class = vm.exc.GeneratorExit.clone();
    let exit = vm.new_exception(&class, Vec::new()).into_value();
    match throw(vm, c, exit) {
        Ok(GenStep::Yielded(_)) => Err(vm.runtime_error("coroutine ignored GeneratorExit")),
        Ok(GenStep::Returned(_)) => Ok(Value::NONE),
        Err(e) if vm.raised_is(&e, &class) => Ok(Value::NONE),
        Err(e) => Err(e),
    }
}

fn this(vm: &mut Vm, v: &Value) -> R<Ref<NativeCoroutine>> {
    vm.this::<NativeCoroutine>(std::slice::from_ref(v), "__name__").cloned()
}

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("__name__", "name of the coroutine", |vm, v| {
        let name = this(vm, v)?.get(vm).op.name().rsplit('.').next().unwrap_or_default();
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("__qualname__", "qualified name of the coroutine", |vm, v| {
        let name = this(vm, v)?.get(vm).op.name();
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("cr_await", "object being awaited on, or None", |vm, v| {
        let c = this(vm, v)?;
        let f = disturb(vm, &c)?;
        Ok(if f.is_undef() { Value::NONE } else { f })
    }),
    GetSetDef::new("_subject", "The lock or queue that it is about, or None.", |vm, v| {
        let c = this(vm, v)?;
        Ok(match &c.get(vm).op {
            Op::Sleep(..) | Op::Read(..) | Op::ReadLine(..) | Op::Stream(_) => Value::NONE,
            Op::LockAcquire(l, _) | Op::LockExit(l) => l.value().clone(),
            Op::EventWait(e) => e.value().clone(),
            Op::SemaphoreAcquire(s, _) | Op::SemaphoreExit(s) => s.value().clone(),
            Op::QueueGet(q) | Op::QueuePut(q, _) | Op::QueueJoin(q) => q.value().clone(),
        })
    }),
    GetSetDef::new("cr_running", "", |vm, v| Ok(Value::bool(this(vm, v)?.get(vm).stage == Stage::Running))),
    GetSetDef::new("cr_suspended", "", |vm, v| {
        Ok(Value::bool(matches!(this(vm, v)?.get(vm).stage, Stage::Suspended | Stage::Asleep)))
    }),
    GetSetDef::new("cr_frame", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("cr_code", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("cr_origin", "", |_, _| Ok(Value::NONE)),
];
