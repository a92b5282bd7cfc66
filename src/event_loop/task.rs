//! Tasks: coroutines that the loop steps.
//!
//! Not here: what scripts see (`task_object`). Invariant of an unfinished task: it waits for `waiter`, or a step of
//! it is in the loop's queue, or it is being stepped.

use super::core::{self, Entry, EventLoop};
use super::coroutine::{self, NativeCoroutine, Sender};
use super::future::{self, Callback, FutureCore, State};
use super::{Asyncio, context, origin};
use crate::heap_object;
use crate::vm::class::Class;
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::generator::{GenStep, Generator};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The number of tasks that are not in a loop's table.
pub const UNREGISTERED: u32 = u32::MAX;

heap_object! {
    /// The payload of `asyncio.Task`.
    pub struct Task {
        /// The future that the task is.
        pub core: FutureCore,
        /// The coroutine; `NONE` once the task is done.
        pub coro: Value,
        /// The context of its steps, or the values of one that nobody has asked for: see [`context::of_task`].
        pub context: Value,
        /// What it waits for, or `UNDEF`; the coroutine where that waits without a future. See [`waiter`].
        pub waiter: Value,
        /// Its name; an int stands for `Task-N`.
        pub name: Value,
        /// The code that made it, or `UNDEF`.
        pub maker: Value,
        /// The instruction there.
        pub maker_pc: u32,
        /// Its number in its loop's table.
        pub slot: u32,
    }
    kind = Task;
    external = |this| this.core.external();
}

impl Task {
    /// A task before `__init__`.
    pub fn blank() -> Task {
        Task {
            core: FutureCore::new(Value::UNDEF),
            coro: Value::NONE,
            context: Value::NONE,
            waiter: Value::UNDEF,
            name: Value::NONE,
            maker: Value::UNDEF,
            maker_pc: 0,
            slot: UNREGISTERED,
        }
    }
}

/// How a task is made.
pub struct TaskOptions {
    /// The loop.
    pub event_loop: Value,
    /// The name, or `None`.
    pub name: Value,
    /// The context, or `None` for a copy of the current one.
    pub context: Value,
    /// Run the first step at once.
    pub eager: bool,
}

/// Makes a task of the built-in class and schedules its first step.
///
/// # Errors
/// TypeError when `coro` is no coroutine; RuntimeError when the loop is closed.
pub fn new_task(vm: &mut Vm, coro: &Value, options: TaskOptions) -> R {
    let class = super::classes(vm)?.task.clone();
    let t = vm.alloc_as(&class, Task::blank());
    start(vm, &t, coro, options)?;
    Ok(t.into_value())
}

/// `Task.__init__`.
///
/// # Errors
/// As [`new_task`].
pub fn start(vm: &mut Vm, t: &Ref<Task>, coro: &Value, options: TaskOptions) -> R<()> {
    let TaskOptions { event_loop, name, context, eager } = options;
    t.get_mut(vm).core.event_loop = event_loop.clone();
    if core::debug_of(vm, &event_loop)? {
        future::note_source(vm, t.value())?;
    }
    if !is_coroutine(vm, coro)? {
        t.get_mut(vm).core.set_log_destroy(false);
        let shown = vm.repr_string(coro)?;
        return Err(vm.type_error(format!("a coroutine was expected, got {shown}")));
    }
    let name = if name.is_none() {
        let state = vm.state::<Asyncio>();
        state.task_number += 1;
        let n = state.task_number;
        vm.int(n as i64)
    } else {
        exact_str(vm, &name)?
    };
    let context = match context {
        c if c.is_none() => context::snapshot(vm)?,
        c if c.is_a::<Dict>() => {
            let class = vm.class_name(&c);
            return Err(vm.type_error(format!("a Context was expected, got '{class}'")));
        }
        c => c,
    };
    let (maker, maker_pc) = origin::maker(vm);
    {
        let mut this = t.get_mut(vm);
        this.maker = maker;
        this.maker_pc = maker_pc;
        this.name = name;
        this.coro = coro.clone();
        this.context = context;
    }
    if eager && is_running(vm, &event_loop)? {
        return eager_start(vm, t, &event_loop);
    }
    if let Err(e) = core::call_soon(vm, &event_loop, Entry::Step(t.clone(), Value::UNDEF)) {
        super::task_object::report_destroyed(vm, t)?;
        return Err(e);
    }
    register(vm, t);
    Ok(())
}

/// Lets numbers of tasks go by, as if so many tasks without a name had been made.
pub fn skip_numbers(vm: &mut Vm, n: u64) {
    vm.state::<Asyncio>().task_number += n;
}

/// A name as a `str`: ints would stand for a number.
pub fn exact_str(vm: &mut Vm, name: &Value) -> R {
    if vm.is_exact(name, &vm.types.str_) { Ok(name.clone()) } else { Ok(vm.str(name)?.into_value()) }
}

fn is_running(vm: &mut Vm, event_loop: &Value) -> R<bool> {
    if let Some(l) = event_loop.cast::<EventLoop>() {
        return Ok(l.get(vm).thread.is_some());
    }
    let v = vm.call_method(event_loop, "is_running", &[])?;
    vm.truth(&v)
}

/// `asyncio.iscoroutine(v)`.
///
/// # Errors
/// What a script's instance check raises.
pub fn is_coroutine(vm: &mut Vm, v: &Value) -> R<bool> {
    let coroutine = vm.types.coroutine.clone();
    if vm.is_instance(v, &coroutine) {
        return Ok(true);
    }
    if !v.is_object() || v.is_a::<Generator>() {
        return Ok(false);
    }
    let m = crate::modules::import::import_module(vm, "collections.abc")?;
    let class = vm.get_attr_str(&m, "Coroutine")?;
    vm.is_instance_of(v, &class)
}

fn eager_start(vm: &mut Vm, t: &Ref<Task>, event_loop: &Value) -> R<()> {
    let previous = swap_current(vm, event_loop, t.value().clone());
    vm.state::<Asyncio>().eager_tasks.push(t.value().clone());
    let result = context::run_task(vm, t, |vm| run_step(vm, t, Value::UNDEF));
    let eager = &mut vm.state::<Asyncio>().eager_tasks;
    let at = eager.iter().rposition(|v| v.is(t.value()));
    let old = at.map(|at| eager.swap_remove(at));
    drop(old);
    drop(swap_current(vm, event_loop, previous));
    if t.get(vm).core.done() {
        let old = std::mem::replace(&mut t.get_mut(vm).coro, Value::NONE);
        drop(old);
        super::unretrieved::forget_coroutine(vm, t.value());
    } else {
        register(vm, t);
    }
    result
}

// ---- who runs, and who is unfinished ----

/// Makes a task the running one of its loop; gives the one that was (`UNDEF`: none).
pub fn swap_current(vm: &mut Vm, event_loop: &Value, task: Value) -> Value {
    if let Some(l) = event_loop.cast::<EventLoop>() {
        return std::mem::replace(&mut l.get_mut(vm).current_task, task);
    }
    let list = &mut vm.state::<Asyncio>().foreign_current;
    let at = list.iter().position(|(l, _)| l.is(event_loop));
    match at {
        Some(at) if task.is_undef() => list.swap_remove(at).1,
        Some(at) => std::mem::replace(&mut list[at].1, task),
        None => {
            if !task.is_undef() {
                list.push((event_loop.clone(), task));
            }
            Value::UNDEF
        }
    }
}

/// The running task of a loop, or `UNDEF`.
pub fn current_task(vm: &mut Vm, event_loop: &Value) -> Value {
    if let Some(l) = event_loop.cast::<EventLoop>() {
        return l.get(vm).current_task.clone();
    }
    let list = &vm.state::<Asyncio>().foreign_current;
    list.iter().find(|(l, _)| l.is(event_loop)).map_or(Value::UNDEF, |(_, t)| t.clone())
}

/// Notes that a task begins a step.
///
/// # Errors
/// RuntimeError while another one is being stepped.
pub fn enter(vm: &mut Vm, event_loop: &Value, task: &Value) -> R<()> {
    let current = current_task(vm, event_loop);
    if !current.is_undef() {
        let (new, old) = (vm.repr_string(task)?, vm.repr_string(&current)?);
        return Err(
            vm.runtime_error(format!("Cannot enter into task {new} while another task {old} is being executed."))
        );
    }
    drop(swap_current(vm, event_loop, task.clone()));
    Ok(())
}

/// Notes that a task ended a step.
///
/// # Errors
/// RuntimeError when it was not the one being stepped.
pub fn leave(vm: &mut Vm, event_loop: &Value, task: &Value) -> R<()> {
    let current = current_task(vm, event_loop);
    if !current.is(task) {
        let shown = if current.is_undef() { Value::NONE } else { current };
        let (new, old) = (vm.repr_string(task)?, vm.repr_string(&shown)?);
        return Err(vm.runtime_error(format!("Leaving task {new} does not match the current task {old}.")));
    }
    drop(swap_current(vm, event_loop, Value::UNDEF));
    Ok(())
}

/// Keeps an unfinished task alive and known.
pub fn register(vm: &mut Vm, t: &Ref<Task>) {
    if t.get(vm).slot != UNREGISTERED {
        return;
    }
    let event_loop = t.get(vm).core.event_loop.clone();
    if let Some(l) = event_loop.cast::<EventLoop>() {
        let slot = l.get_mut(vm).tasks.add(t.value().clone());
        t.get_mut(vm).slot = slot;
    } else {
        register_foreign(vm, t.value());
    }
}

/// Lets a task go.
pub fn unregister(vm: &mut Vm, t: &Ref<Task>) {
    let this = t.get(vm);
    let (slot, event_loop) = (this.slot, this.core.event_loop.clone());
    if slot == UNREGISTERED {
        if !event_loop.is_a::<EventLoop>() {
            unregister_foreign(vm, t.value());
        }
        return;
    }
    if let Some(l) = event_loop.cast::<EventLoop>() {
        drop(l.get_mut(vm).tasks.remove(slot));
    }
    t.get_mut(vm).slot = UNREGISTERED;
}

/// `_register_task` of anything that is no native task.
pub fn register_foreign(vm: &mut Vm, task: &Value) {
    let list = &mut vm.state::<Asyncio>().foreign_tasks;
    if !list.iter().any(|t| t.is(task)) {
        list.push(task.clone());
    }
}

/// `_unregister_task` of anything that is no native task.
pub fn unregister_foreign(vm: &mut Vm, task: &Value) {
    let list = &mut vm.state::<Asyncio>().foreign_tasks;
    let old = list.iter().position(|t| t.is(task)).map(|at| list.swap_remove(at));
    drop(old);
}

/// The unfinished tasks of a loop.
///
/// # Errors
/// What foreign tasks' methods raise.
pub fn all_tasks(vm: &mut Vm, event_loop: &Value) -> R<Vec<Value>> {
    let mut tasks = match event_loop.cast::<EventLoop>() {
        Some(l) => l.get(vm).tasks.all(),
        None => Vec::new(),
    };
    let state = vm.state::<Asyncio>();
    let others: Vec<Value> = state.foreign_tasks.iter().chain(&state.eager_tasks).cloned().collect();
    for t in others {
        if tasks.iter().any(|x| x.is(&t)) || !future::loop_of(vm, &t)?.is(event_loop) {
            continue;
        }
        tasks.push(t);
    }
    let mut unfinished = Vec::with_capacity(tasks.len());
    for t in tasks {
        let done = match t.cast::<Task>() {
            Some(x) => x.get(vm).core.done(),
            None => {
                let v = vm.call_method(&t, "done", &[])?;
                vm.truth(&v)?
            }
        };
        if !done {
            unfinished.push(t);
        }
    }
    Ok(unfinished)
}

// ---- stepping ----

/// Steps a task; `exception` (`UNDEF`: none) is thrown into it.
///
/// # Errors
/// SystemExit and KeyboardInterrupt of the coroutine; what stops the interpreter; InvalidStateError when the task
/// is done already.
pub fn step(vm: &mut Vm, t: &Ref<Task>, exception: Value) -> R<()> {
    let this = t.get(vm);
    if this.core.done() {
        return Err(already_done(vm, t, &exception));
    }
    let (must_cancel, event_loop) = (this.core.must_cancel(), this.core.event_loop.clone());
    let exception = if must_cancel { cancelling_exception(vm, t, exception)? } else { exception };
    let old = std::mem::replace(&mut t.get_mut(vm).waiter, Value::UNDEF);
    drop(old);
    if let Some(l) = event_loop.cast::<EventLoop>()
        && l.get(vm).current_task.is_undef()
    {
        l.get_mut(vm).current_task = t.value().clone();
    } else {
        enter(vm, &event_loop, t.value())?;
    }
    let depth = vm.depth();
    let outer = event_loop.cast::<EventLoop>().map(|l| std::mem::replace(&mut l.get_mut(vm).step_depth, depth));
    let result = run_step(vm, t, exception);
    if let Some(l) = event_loop.cast::<EventLoop>() {
        let mut this = l.get_mut(vm);
        this.step_depth = outer.unwrap_or(core::NO_STEP);
        if this.current_task.is(t.value()) {
            let old = std::mem::replace(&mut this.current_task, Value::UNDEF);
            drop(this);
            drop(old);
            return result;
        }
    }
    let left = leave(vm, &event_loop, t.value());
    result.and(left)
}

/// Has a task that waits for a native future run on without it, so that it can be cancelled by itself; false where it
/// waits for nothing of the kind.
///
/// # Errors
/// RuntimeError when the loop is closed.
#[cold]
pub fn detach(vm: &mut Vm, t: &Ref<Task>) -> R<bool> {
    let (awaited, event_loop) = (t.get(vm).waiter.clone(), t.get(vm).core.event_loop.clone());
    if t.get(vm).core.done() || !future::remove_native(vm, &awaited, t.value()) {
        return Ok(false);
    }
    let old = std::mem::replace(&mut t.get_mut(vm).waiter, Value::UNDEF);
    drop(old);
    core::call_soon(vm, &event_loop, Entry::Step(t.clone(), Value::UNDEF))?;
    Ok(true)
}

#[cold]
fn already_done(vm: &mut Vm, t: &Ref<Task>, exception: &Value) -> Raised {
    let class = match super::classes(vm) {
        Ok(c) => c.invalid_state.clone(),
        Err(e) => return e,
    };
    let e = if exception.is_undef() { Value::NONE } else { exception.clone() };
    match (vm.repr_string(t.value()), vm.repr_string(&e)) {
        (Ok(task), Ok(e)) => vm.raise_text(&class, &format!("__step(): already done: {task}, {e}")),
        (Err(e), _) | (_, Err(e)) => e,
    }
}

fn cancelling_exception(vm: &mut Vm, t: &Ref<Task>, exception: Value) -> R {
    let class = super::classes(vm)?.cancelled_error.clone();
    let exception = if !exception.is_undef() && vm.is_instance(&exception, &class) {
        exception
    } else {
        future::cancelled_error(vm, t.value())?
    };
    t.get_mut(vm).core.set_must_cancel(false);
    Ok(exception)
}

/// Resumes the coroutine and deals with what it does.
fn run_step(vm: &mut Vm, t: &Ref<Task>, exception: Value) -> R<()> {
    let coro = t.get(vm).coro.clone();
    let result = if exception.is_undef() { send(vm, &coro) } else { throw(vm, &coro, exception) };
    match result {
        Ok(GenStep::Yielded(v)) => wait_for(vm, t, v),
        Ok(GenStep::Returned(v)) => finish(vm, t, v),
        Err(e) => fail(vm, t, e),
    }
}

fn send(vm: &mut Vm, coro: &Value) -> R<GenStep> {
    if let Some(g) = coro.cast::<Generator>() {
        let result = vm.gen_send(g, Value::NONE);
        return returned(vm, result);
    }
    if let Some(c) = coro.cast::<NativeCoroutine>() {
        return coroutine::resume(vm, c, Sender::Task);
    }
    let name = vm.names.send.clone();
    let result = vm.call_method_interned(coro, &name, &[Value::NONE]).map(GenStep::Yielded);
    returned(vm, result)
}

fn throw(vm: &mut Vm, coro: &Value, exception: Value) -> R<GenStep> {
    if let Some(g) = coro.cast::<Generator>() {
        let result = vm.gen_throw(g, exception);
        return returned(vm, result);
    }
    if let Some(c) = coro.cast::<NativeCoroutine>() {
        return coroutine::throw(vm, c, exception);
    }
    let name = vm.names.throw.clone();
    let result = vm.call_method_interned(coro, &name, &[exception]).map(GenStep::Yielded);
    returned(vm, result)
}

/// StopIteration means that the coroutine returned.
fn returned(vm: &mut Vm, result: R<GenStep>) -> R<GenStep> {
    match result {
        Err(e) if vm.raised_is(&e, &vm.exc.StopIteration) => Ok(GenStep::Returned(vm.stop_value(e))),
        other => other,
    }
}

/// The task is over: it is no longer kept, and its coroutine goes.
fn over(vm: &mut Vm, t: &Ref<Task>) {
    unregister(vm, t);
}

fn finish(vm: &mut Vm, t: &Ref<Task>, v: Value) -> R<()> {
    over(vm, t);
    if t.get(vm).core.must_cancel() {
        // Cancelled right before the coroutine ended.
        t.get_mut(vm).core.set_must_cancel(false);
        let message = cancel_message(vm, t);
        return future::cancel(vm, t.value(), message).map(drop);
    }
    future::set_result(vm, t.value(), v)
}

fn cancel_message(vm: &Vm, t: &Ref<Task>) -> Value {
    t.get(vm).core.extra.as_ref().map_or(Value::NONE, |x| x.cancel_message.clone())
}

fn fail(vm: &mut Vm, t: &Ref<Task>, e: Raised) -> R<()> {
    if e.is_halt() {
        return Err(e);
    }
    over(vm, t);
    origin::mark(vm, t, &e);
    let cancelled = super::classes(vm)?.cancelled_error.clone();
    if vm.raised_is(&e, &cancelled) {
        let e = vm.exception_value(e);
        t.get_mut(vm).core.extra().cancelled_error = e;
        let message = Value::NONE;
        return future::cancel(vm, t.value(), message).map(drop);
    }
    let leaves = super::leaves_loop(vm, &e);
    let e = vm.exception_value(e);
    future::set_exception(vm, t.value(), e.clone())?;
    if leaves { Err(vm.raise(e)) } else { Ok(()) }
}

/// Deals with what the coroutine yielded: a future to wait for, or nothing.
fn wait_for(vm: &mut Vm, t: &Ref<Task>, v: Value) -> R<()> {
    if v.is_none() {
        let event_loop = t.get(vm).core.event_loop.clone();
        return core::call_soon(vm, &event_loop, Entry::Step(t.clone(), Value::UNDEF));
    }
    if let Some(c) = v.cast::<NativeCoroutine>()
        && coroutine::wakes(vm, c, t)
    {
        t.get_mut(vm).waiter = v.clone();
        return if t.get(vm).core.must_cancel() { cancel_awaited(vm, t) } else { Ok(()) };
    }
    if !future::is_exact(vm, &v) {
        return super::foreign::wait_for(vm, t, v);
    }
    let same_loop = future::core_of(vm, &v).is_some_and(|c| c.event_loop.is(&t.get(vm).core.event_loop));
    if !same_loop {
        return different_loop(vm, t, &v);
    }
    let blocking = future::with_core(vm, &v, |c| std::mem::replace(&mut c.blocking, false)).unwrap_or(false);
    if !blocking {
        return not_blocking(vm, t, &v);
    }
    if v.is(t.value()) {
        return awaits_itself(vm, t);
    }
    future::add_callback(vm, &v, Callback::native(t.value().clone()))?;
    t.get_mut(vm).waiter = v;
    if t.get(vm).core.must_cancel() { cancel_awaited(vm, t) } else { Ok(()) }
}

/// Cancels what the task has begun to wait for: it was cancelled before.
#[cold]
fn cancel_awaited(vm: &mut Vm, t: &Ref<Task>) -> R<()> {
    let message = cancel_message(vm, t);
    let v = waiter(vm, t)?;
    if future::cancel_any(vm, &v, &message)? {
        t.get_mut(vm).core.set_must_cancel(false);
    }
    Ok(())
}

/// The future that the task waits for, or `UNDEF`.
///
/// # Errors
/// None in a sound build.
pub fn waiter(vm: &mut Vm, t: &Ref<Task>) -> R {
    let w = t.get(vm).waiter.clone();
    match w.cast::<NativeCoroutine>() {
        Some(c) => coroutine::future_of(vm, c, t),
        None => Ok(w),
    }
}

/// Steps the task in the next iteration: what its coroutine waits for without a future has come.
///
/// # Errors
/// RuntimeError when the loop is closed.
pub fn wake(vm: &mut Vm, t: &Ref<Task>) -> R<()> {
    let event_loop = t.get(vm).core.event_loop.clone();
    core::call_soon(vm, &event_loop, Entry::Step(t.clone(), Value::UNDEF))
}

/// Steps the task again, with an error that the coroutine made by yielding something wrong.
pub fn step_with_error(vm: &mut Vm, t: &Ref<Task>, text: String) -> R<()> {
    let e = vm.runtime_error(text);
    let e = vm.exception_value(e);
    let event_loop = t.get(vm).core.event_loop.clone();
    core::call_soon(vm, &event_loop, Entry::Step(t.clone(), e))
}

/// The coroutine awaits a future of another loop.
pub fn different_loop(vm: &mut Vm, t: &Ref<Task>, v: &Value) -> R<()> {
    let (task, f) = (vm.repr_string(t.value())?, vm.repr_string(v)?);
    step_with_error(vm, t, format!("Task {task} got Future {f} attached to a different loop"))
}

/// The coroutine yielded a future without awaiting it.
pub fn not_blocking(vm: &mut Vm, t: &Ref<Task>, v: &Value) -> R<()> {
    let (task, f) = (vm.repr_string(t.value())?, vm.repr_string(v)?);
    step_with_error(vm, t, format!("yield was used instead of yield from in task {task} with {f}"))
}

/// The coroutine awaits the task that runs it.
pub fn awaits_itself(vm: &mut Vm, t: &Ref<Task>) -> R<()> {
    let task = vm.repr_string(t.value())?;
    step_with_error(vm, t, format!("Task cannot await on itself: {task}"))
}

/// What the task waits for is done.
///
/// # Errors
/// As [`step`].
pub fn wakeup(vm: &mut Vm, t: &Ref<Task>, done: Value) -> R<()> {
    if future::core_of(vm, &done).is_some_and(|c| c.state == State::Finished) && future::is_exact(vm, &done) {
        // It is the task's own from here on, and goes when that has its result.
        drop(done);
        return step(vm, t, Value::UNDEF);
    }
    super::foreign::discard_awaited_by(vm, &done, t.value());
    let outcome = future::outcome(vm, &done);
    drop(done);
    match outcome {
        Ok(_) => step(vm, t, Value::UNDEF),
        Err(e) if e.is_halt() => Err(e),
        Err(e) => {
            let e = vm.exception_value(e);
            step(vm, t, e)
        }
    }
}

// ---- cancelling ----

/// `task.cancel(msg)`.
///
/// # Errors
/// What the `cancel` of what it waits for raises.
pub fn cancel(vm: &mut Vm, t: &Ref<Task>, message: Value) -> R<bool> {
    super::unretrieved::forget(vm, t.value());
    let waiter = {
        let mut this = t.get_mut(vm);
        if this.core.done() {
            return Ok(false);
        }
        this.core.cancels = this.core.cancels.saturating_add(1);
        this.waiter.clone()
    };
    let waiter = match waiter.cast::<NativeCoroutine>() {
        // What it waits for has come: it cannot be stopped any more.
        Some(c) if !coroutine::wakes(vm, c, t) => Value::UNDEF,
        Some(c) => coroutine::future_of(vm, c, t)?,
        None => waiter,
    };
    if !waiter.is_undef() && vm.guarded(|vm| future::cancel_any(vm, &waiter, &message))? {
        return Ok(true);
    }
    let mut this = t.get_mut(vm);
    this.core.set_must_cancel(true);
    if !message.is_none() || this.core.extra.is_some() {
        this.core.extra().cancel_message = message;
    }
    Ok(true)
}

/// `task.uncancel()`.
pub fn uncancel(vm: &mut Vm, t: &Ref<Task>) -> u32 {
    let mut this = t.get_mut(vm);
    if this.core.cancels > 0 {
        this.core.cancels -= 1;
        if this.core.cancels == 0 {
            this.core.set_must_cancel(false);
        }
    }
    this.core.cancels
}

/// The class that tasks are made of, for natives that make them for a loop.
pub fn task_class(vm: &mut Vm) -> R<Ref<Class>> {
    Ok(super::classes(vm)?.task.clone())
}
