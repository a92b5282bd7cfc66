//! Futures: the state that futures, tasks and the futures of `gather` share, and its transitions.
//!
//! Not here: what scripts see (`future_object`), tasks (`task`). Invariant: callbacks are scheduled exactly once,
//! when the state leaves `Pending`, in the order in which they were added.

use super::core::{self, Entry};
use super::coroutine::NativeCoroutine;
use super::gather::Gathering;
use super::task::Task;
use super::unretrieved;
use crate::heap_object;
use crate::vm::exception::{Exception, Raised};
use crate::vm::generator::Generator;
use crate::vm::object::{Trace, Tracer};
use crate::vm::{R, Value, Vm};

/// Where a future stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not done.
    Pending,
    /// Cancelled.
    Cancelled,
    /// It has a result.
    Finished,
    /// It has an exception.
    Failed,
}

impl State {
    /// `future._state`.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "PENDING",
            State::Cancelled => "CANCELLED",
            State::Finished | State::Failed => "FINISHED",
        }
    }
}

/// What is called when a future is done: a script's callable with its context, or, without a context, a native
/// object that waits for the future (a task, a `gather`, a loop that runs until it is done, …).
#[derive(Clone)]
pub struct Callback {
    /// The callable or the native object.
    pub target: Value,
    /// The context; `UNDEF` for native objects.
    pub context: Value,
}

impl Callback {
    const NONE: Callback = Callback { target: Value::UNDEF, context: Value::UNDEF };

    /// A native object that waits.
    pub fn native(target: Value) -> Callback {
        Callback { target, context: Value::UNDEF }
    }

    /// Whether it is a native object.
    pub fn is_native(&self) -> bool {
        self.context.is_undef()
    }
}

impl Trace for Callback {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.target.trace(tracer);
        self.context.trace(tracer);
    }
    fn clear(&mut self) {
        *self = Callback::NONE;
    }
}

/// What few futures have.
pub struct Extra {
    /// `_source_traceback`, or `None`.
    pub source_traceback: Value,
    /// `_cancel_message`, or `None`.
    pub cancel_message: Value,
    /// The CancelledError that ended the task, for chaining; `UNDEF` for none.
    pub cancelled_error: Value,
    /// The traceback that the exception had when it was set.
    pub exception_tb: Value,
    /// Callbacks after the first.
    rest: Vec<Callback>,
    /// Who awaits the future, as far as callbacks do not tell.
    pub awaited_by: Vec<Value>,
    /// Reports that nobody looked at the exception; `UNDEF` for none.
    pub watch: Value,
    /// The name of the class that it is shown with, or `None`: it stands for a future that is gone.
    pub shown_as: Value,
}

impl Default for Extra {
    fn default() -> Extra {
        Extra {
            source_traceback: Value::NONE,
            cancel_message: Value::NONE,
            cancelled_error: Value::UNDEF,
            exception_tb: Value::NONE,
            rest: Vec::new(),
            awaited_by: Vec::new(),
            watch: Value::UNDEF,
            shown_as: Value::NONE,
        }
    }
}

impl Trace for Extra {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.source_traceback.trace(tracer);
        self.cancel_message.trace(tracer);
        self.cancelled_error.trace(tracer);
        self.exception_tb.trace(tracer);
        self.rest.trace(tracer);
        self.awaited_by.trace(tracer);
        self.watch.trace(tracer);
        self.shown_as.trace(tracer);
    }
    fn clear(&mut self) {
        *self = Extra::default();
    }
}

/// Bits of tasks, which have no room of their own for them.
mod task_bit {
    /// The next step throws CancelledError.
    pub const MUST_CANCEL: u8 = 1;
    /// Nothing is said when the loop is closed before the task is done.
    pub const QUIET: u8 = 2;
}

/// The state of a future. See the module's documentation.
pub struct FutureCore {
    /// The loop; `UNDEF` before `__init__`.
    pub event_loop: Value,
    /// The result or the exception.
    pub result: Value,
    /// The first callback: most futures have at most one. The others are among the extras.
    first: Callback,
    /// See [`Extra`].
    pub extra: Option<Box<Extra>>,
    /// Of tasks: unanswered requests to cancel it.
    pub cancels: u32,
    /// Of tasks: see [`task_bit`].
    bits: u8,
    /// See [`State`].
    pub state: State,
    /// `_asyncio_future_blocking`.
    pub blocking: bool,
    /// The exception was not looked at yet.
    pub log_traceback: bool,
}

impl FutureCore {
    /// A pending future of a loop (`UNDEF`: not initialised).
    pub fn new(event_loop: Value) -> FutureCore {
        FutureCore {
            event_loop,
            result: Value::NONE,
            first: Callback::NONE,
            extra: None,
            cancels: 0,
            bits: 0,
            state: State::Pending,
            blocking: false,
            log_traceback: false,
        }
    }

    /// Adds a callback.
    pub fn add(&mut self, callback: Callback) {
        if self.first.target.is_undef() && self.extra.as_ref().is_none_or(|x| x.rest.is_empty()) {
            self.first = callback;
        } else {
            self.extra().rest.push(callback);
        }
    }

    /// The callbacks, in order.
    pub fn callbacks(&self) -> Vec<Callback> {
        let first = Some(self.first.clone()).filter(|c| !c.target.is_undef());
        first.into_iter().chain(self.extra.iter().flat_map(|x| x.rest.iter().cloned())).collect()
    }

    /// Replaces the callbacks.
    pub fn set_callbacks(&mut self, callbacks: Vec<Callback>) -> Vec<Callback> {
        let old = self.callbacks();
        self.first = Callback::NONE;
        drop(self.take_rest());
        for c in callbacks {
            self.add(c);
        }
        old
    }

    fn put_bit(&mut self, bit: u8, on: bool) {
        self.bits = if on { self.bits | bit } else { self.bits & !bit };
    }

    /// Of a task: its next step throws CancelledError.
    pub fn must_cancel(&self) -> bool {
        self.bits & task_bit::MUST_CANCEL != 0
    }

    /// See [`must_cancel`](Self::must_cancel).
    pub fn set_must_cancel(&mut self, on: bool) {
        self.put_bit(task_bit::MUST_CANCEL, on);
    }

    /// Of a task: complain when the loop is closed before it is done.
    pub fn log_destroy(&self) -> bool {
        self.bits & task_bit::QUIET == 0
    }

    /// See [`log_destroy`](Self::log_destroy).
    pub fn set_log_destroy(&mut self, on: bool) {
        self.put_bit(task_bit::QUIET, !on);
    }

    fn take_rest(&mut self) -> Vec<Callback> {
        self.extra.as_mut().map(|x| std::mem::take(&mut x.rest)).unwrap_or_default()
    }

    /// Whether it is done.
    pub fn done(&self) -> bool {
        self.state != State::Pending
    }

    /// What few futures have, made if need be.
    pub fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Bytes outside of the object.
    pub fn external(&self) -> usize {
        self.extra.as_ref().map_or(0, |x| size_of::<Extra>() + x.rest.capacity() * size_of::<Callback>())
    }
}

impl Trace for FutureCore {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.event_loop.trace(tracer);
        self.result.trace(tracer);
        self.first.trace(tracer);
        self.extra.trace(tracer);
    }
    fn clear(&mut self) {
        self.event_loop.clear();
        self.result.clear();
        self.first.clear();
        self.extra = None;
    }
}

heap_object! {
    /// The payload of `asyncio.Future`.
    pub struct Future { pub core: FutureCore }
    kind = Future;
    external = |this| this.core.external();
}

/// The state of a native future of any kind.
pub fn core_of<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a FutureCore> {
    if let Some(f) = v.cast::<Future>() {
        Some(&f.get(vm).core)
    } else if let Some(t) = v.cast::<Task>() {
        Some(&t.get(vm).core)
    } else {
        v.cast::<Gathering>().map(|g| &g.get(vm).core)
    }
}

/// Changes the state of a native future of any kind.
pub fn with_core<T>(vm: &mut Vm, v: &Value, f: impl FnOnce(&mut FutureCore) -> T) -> Option<T> {
    if let Some(x) = v.cast::<Future>() {
        Some(f(&mut x.get_mut(vm).core))
    } else if let Some(x) = v.cast::<Task>() {
        Some(f(&mut x.get_mut(vm).core))
    } else {
        v.cast::<Gathering>().map(|x| f(&mut x.get_mut(vm).core))
    }
}

/// Whether the value is a native future of a built-in class, so that its methods are the native ones.
#[inline]
pub fn is_exact(vm: &Vm, v: &Value) -> bool {
    (v.is_a::<Future>() || v.is_a::<Task>() || v.is_a::<Gathering>()) && !vm.class_of(v).get(vm).is_heap()
}

/// A new future of a native loop.
pub fn new_future(vm: &mut Vm, event_loop: &Value) -> R {
    let class = super::classes(vm)?.future.clone();
    let future = vm.alloc_as(&class, Future { core: FutureCore::new(event_loop.clone()) }).into_value();
    if core::debug_of(vm, event_loop)? {
        note_source(vm, &future)?;
    }
    Ok(future)
}

/// A new future as the loop's `create_future` makes it.
///
/// # Errors
/// What an overridden `create_future` raises.
pub fn create_future(vm: &mut Vm, event_loop: &Value) -> R {
    if core::is_plain(vm, event_loop, |p| p.create_future) {
        return new_future(vm, event_loop);
    }
    vm.call_method(event_loop, "create_future", &[])
}

/// Notes where a future is made, for debug mode.
///
/// # Errors
/// What importing the helper raises.
pub fn note_source(vm: &mut Vm, future: &Value) -> R<()> {
    let tb = source_traceback(vm)?;
    with_core(vm, future, |c| c.extra().source_traceback = tb);
    Ok(())
}

/// The stack of the running script code, as `traceback` describes it.
///
/// # Errors
/// What importing the helper raises.
pub fn source_traceback(vm: &mut Vm) -> R {
    let frame = vm.frame_object_at(0);
    super::call_apy(vm, "format_helpers", "extract_stack", &[frame])
}

/// Schedules the callbacks of a future that is done now.
fn schedule_callbacks(vm: &mut Vm, future: &Value) -> R<()> {
    let Some((event_loop, first, rest)) = with_core(vm, future, |c| {
        (c.event_loop.clone(), std::mem::replace(&mut c.first, Callback::NONE), c.take_rest())
    }) else {
        return Ok(());
    };
    if !first.target.is_undef() {
        schedule(vm, &event_loop, first, future)?;
    }
    for callback in rest {
        schedule(vm, &event_loop, callback, future)?;
    }
    Ok(())
}

/// Schedules one callback of a future that is done.
///
/// # Errors
/// RuntimeError when the loop is closed.
pub fn schedule(vm: &mut Vm, event_loop: &Value, callback: Callback, future: &Value) -> R<()> {
    core::call_soon(vm, event_loop, Entry::Done { callback, future: future.clone() })
}

/// Adds a callback, or schedules it when the future is done.
///
/// # Errors
/// RuntimeError when the future is done and its loop is closed.
pub fn add_callback(vm: &mut Vm, future: &Value, callback: Callback) -> R<()> {
    let Some(core) = core_of(vm, future) else { return Ok(()) };
    if core.done() {
        let event_loop = core.event_loop.clone();
        return schedule(vm, &event_loop, callback, future);
    }
    with_core(vm, future, |c| c.add(callback));
    Ok(())
}

/// Takes a native callback away; gives whether it was there.
pub fn remove_native(vm: &mut Vm, future: &Value, target: &Value) -> bool {
    let kept = |c: &Callback| !(c.is_native() && c.target.is(target));
    with_core(vm, future, |c| {
        let all = c.callbacks();
        let n = all.len();
        let all: Vec<Callback> = all.into_iter().filter(kept).collect();
        let removed = all.len() < n;
        if removed {
            drop(c.set_callbacks(all));
        }
        removed
    })
    .unwrap_or(false)
}

fn not_pending(vm: &mut Vm) -> Raised {
    match super::classes(vm) {
        Ok(c) => {
            let class = c.invalid_state.clone();
            vm.raise_text(&class, "invalid state")
        }
        Err(e) => e,
    }
}

/// Sets the result.
///
/// # Errors
/// InvalidStateError when it is done already.
pub fn set_result(vm: &mut Vm, future: &Value, result: Value) -> R<()> {
    let old = with_core(vm, future, |c| {
        if c.state != State::Pending {
            return None;
        }
        c.state = State::Finished;
        Some(std::mem::replace(&mut c.result, result))
    });
    match old.flatten() {
        Some(_) => schedule_callbacks(vm, future),
        None => Err(not_pending(vm)),
    }
}

/// Sets the exception, an instance.
///
/// # Errors
/// InvalidStateError when it is done already.
pub fn set_exception(vm: &mut Vm, future: &Value, exception: Value) -> R<()> {
    let exception = without_stop_iteration(vm, exception);
    let tb = exception.cast::<Exception>().map_or(Value::NONE, |e| e.get(vm).traceback.clone());
    let changed = with_core(vm, future, |c| {
        if c.state != State::Pending {
            return false;
        }
        c.state = State::Failed;
        c.extra().exception_tb = tb;
        c.result = exception;
        true
    });
    if changed != Some(true) {
        return Err(not_pending(vm));
    }
    schedule_callbacks(vm, future)?;
    unretrieved::watch(vm, future)
}

/// StopIteration cannot travel through futures.
fn without_stop_iteration(vm: &mut Vm, exception: Value) -> Value {
    if !vm.is_instance(&exception, &vm.exc.StopIteration) {
        return exception;
    }
    let e = vm.runtime_error("StopIteration interacts badly with generators and cannot be raised into a Future");
    let e = vm.exception_value(e);
    if let Some(x) = e.cast::<Exception>() {
        let mut x = x.get_mut(vm);
        x.cause = exception.clone();
        x.context = exception;
        x.suppress_context = true;
    }
    e
}

/// Cancels the future itself (a task's own end too); gives false when it is done already.
///
/// # Errors
/// RuntimeError when its loop is closed and callbacks wait.
pub fn cancel(vm: &mut Vm, future: &Value, message: Value) -> R<bool> {
    unretrieved::forget(vm, future);
    let changed = with_core(vm, future, |c| {
        if c.state != State::Pending {
            return false;
        }
        c.state = State::Cancelled;
        if !message.is_none() || c.extra.is_some() {
            c.extra().cancel_message = message;
        }
        true
    });
    if changed == Some(true) {
        schedule_callbacks(vm, future)?;
        return Ok(true);
    }
    Ok(false)
}

/// Cancels a future of any kind by its own `cancel`.
///
/// # Errors
/// What a script's `cancel` raises.
pub fn cancel_any(vm: &mut Vm, future: &Value, message: &Value) -> R<bool> {
    if is_exact(vm, future) {
        if let Some(t) = future.cast::<Task>() {
            return super::task::cancel(vm, t, message.clone());
        }
        if let Some(g) = future.cast::<Gathering>() {
            return super::gather::cancel(vm, g, message.clone());
        }
        return cancel(vm, future, message.clone());
    }
    let name = vm.names.cancel.clone();
    let f = vm.get_attr(future, &name)?;
    let msg = vm.intern("msg").into_value();
    let args = crate::vm::native::Args {
        pos: &[],
        kw_values: std::slice::from_ref(message),
        kw_names: std::slice::from_ref(&msg),
    };
    let r = vm.call_kw(&f, &args)?;
    vm.truth(&r)
}

/// The CancelledError to raise for a cancelled future. It erases what the future has kept for chaining.
///
/// # Errors
/// None in a sound build.
pub fn cancelled_error(vm: &mut Vm, future: &Value) -> R {
    let class = super::classes(vm)?.cancelled_error.clone();
    let kept = with_core(vm, future, |c| match &mut c.extra {
        Some(x) => (std::mem::replace(&mut x.cancelled_error, Value::UNDEF), x.cancel_message.clone()),
        None => (Value::UNDEF, Value::NONE),
    });
    let (kept, message) = kept.unwrap_or((Value::UNDEF, Value::NONE));
    if !kept.is_undef() {
        return Ok(kept);
    }
    let args = if message.is_none() { Vec::new() } else { vec![message] };
    Ok(vm.new_exception(&class, args).into_value())
}

/// `future.result()` of a native future.
///
/// # Errors
/// The future's exception, CancelledError, InvalidStateError.
pub fn result(vm: &mut Vm, future: &Value) -> R {
    let Some(core) = core_of(vm, future) else { return Ok(Value::NONE) };
    match core.state {
        State::Finished => Ok(core.result.clone()),
        State::Failed => {
            unretrieved::forget(vm, future);
            let exception = failure(vm, future);
            Err(vm.raise(exception))
        }
        State::Cancelled => {
            let e = cancelled_error(vm, future)?;
            Err(vm.raise(e))
        }
        State::Pending => {
            let class = super::classes(vm)?.invalid_state.clone();
            Err(vm.raise_text(&class, "Result is not set."))
        }
    }
}

/// The exception of a failed future, with the traceback that it had when it was set.
fn failure(vm: &mut Vm, future: &Value) -> Value {
    let Some(core) = core_of(vm, future) else { return Value::NONE };
    let (e, tb) = (core.result.clone(), core.extra.as_ref().map_or(Value::NONE, |x| x.exception_tb.clone()));
    if let Some(x) = e.cast::<Exception>() {
        let old = std::mem::replace(&mut x.get_mut(vm).traceback, tb);
        drop(old);
    }
    e
}

/// `future.exception()` of a native future: an exception or `None`.
///
/// # Errors
/// CancelledError, InvalidStateError.
pub fn exception(vm: &mut Vm, future: &Value) -> R {
    let Some(core) = core_of(vm, future) else { return Ok(Value::NONE) };
    match core.state {
        State::Finished => Ok(Value::NONE),
        State::Failed => {
            let e = core.result.clone();
            unretrieved::forget(vm, future);
            Ok(e)
        }
        State::Cancelled => {
            let e = cancelled_error(vm, future)?;
            Err(vm.raise(e))
        }
        State::Pending => {
            let class = super::classes(vm)?.invalid_state.clone();
            Err(vm.raise_text(&class, "Exception is not set."))
        }
    }
}

/// What a future that is done gives to whoever awaited it: its value or its exception.
pub fn outcome(vm: &mut Vm, future: &Value) -> Result<Value, Raised> {
    if is_exact(vm, future) {
        return result(vm, future);
    }
    let name = vm.names.result.clone();
    vm.call_method_interned(future, &name, &[])
}

/// The loop of a future of any kind.
///
/// # Errors
/// RuntimeError when the future was not initialised; what a script's `get_loop` raises.
pub fn loop_of(vm: &mut Vm, future: &Value) -> R {
    if is_exact(vm, future)
        && let Some(c) = core_of(vm, future)
    {
        if c.event_loop.is_undef() {
            return Err(vm.runtime_error("Future object is not initialized."));
        }
        return Ok(c.event_loop.clone());
    }
    let name = vm.names.get_loop.clone();
    if let Some(get_loop) = vm.get_attr_opt(future, &name)? {
        return vm.call(&get_loop, &[]);
    }
    vm.get_attr_str(future, "_loop")
}

/// Whether the value is a future: native, or an object whose class has `_asyncio_future_blocking`.
///
/// # Errors
/// What reading the attribute raises.
pub fn is_future(vm: &mut Vm, v: &Value) -> R<bool> {
    if core_of(vm, v).is_some() {
        return Ok(true);
    }
    if !v.is_object() || v.is_a::<Generator>() || v.is_a::<NativeCoroutine>() {
        return Ok(false);
    }
    let name = vm.names._asyncio_future_blocking.clone();
    let class_name = vm.names.__class__.clone();
    let class = vm.get_attr(v, &class_name)?;
    if vm.get_attr_opt(&class, &name)?.is_none() {
        return Ok(false);
    }
    Ok(!vm.get_attr(v, &name)?.is_none())
}
