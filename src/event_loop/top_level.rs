//! `await` at the top level of a script, of `-c` text, of a module, of an input at the prompt: such code is a coroutine,
//! and a task of the *program's loop* runs it. That loop is made when first needed, is the one that
//! `asyncio.get_event_loop()` gives, and lives until the program ends; tasks that were started go on whenever it runs.
//!
//! Code at the top level is no coroutine function in its author's eyes: `asyncio.run(...)` and
//! `loop.run_until_complete(...)` must work there. So when a loop is to run and the innermost running coroutine is the
//! top-level code itself, the program's loop is *paused*: no loop counts as running until the inner one has ended.
//! Invariant: what [`pause`] took away is given back by [`resume`], whatever happens between.

use super::core::{self, EventLoop};
use super::task::{self, Task, TaskOptions};
use super::{Asyncio, context, future, unretrieved};
use crate::vm::generator::Generator;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The program's loop.
#[derive(Clone)]
pub struct Program {
    event_loop: Ref<EventLoop>,
    /// The tasks that run top-level code, the innermost last: a module that awaits may be imported by a script
    /// that does.
    tasks: Vec<Ref<Task>>,
}

/// What a paused loop had.
pub struct Paused {
    event_loop: Ref<EventLoop>,
    task: Value,
    thread: Option<u64>,
    old_hooks: Vec<Value>,
    stopping: bool,
}

/// Drives the coroutine of code that awaits at its top level, on the program's loop.
///
/// # Errors
/// What the code raises; RuntimeError when an event loop runs already, other than below top-level code.
pub fn run(vm: &mut Vm, g: &Ref<Generator>) -> R<()> {
    super::classes(vm)?;
    let paused = pause(vm)?;
    let result = run_alone(vm, g);
    resume(vm, paused);
    result
}

fn run_alone(vm: &mut Vm, g: &Ref<Generator>) -> R<()> {
    if super::running_loop(vm).is_some() {
        let code = g.value().clone();
        vm.call_method(&code, "close", &[])?;
        return Err(vm.runtime_error(
            "code that awaits at its top level cannot run inside a coroutine: import it or run it from the top level",
        ));
    }
    let event_loop = program_loop(vm)?;
    let context = context::copy_current(vm)?;
    let options = TaskOptions {
        event_loop: event_loop.value().clone(),
        name: Value::NONE,
        context: context.clone(),
        eager: false,
    };
    let t = task::new_task(vm, g.value(), options)?;
    let Some(t) = t.cast::<Task>() else { return Ok(()) };
    t.get_mut(vm).core.set_log_destroy(false);
    if let Some(p) = &mut vm.state::<Asyncio>().program {
        p.tasks.push(t.clone());
    }
    let result = run_to_end(vm, &event_loop, t);
    if let Some(p) = &mut vm.state::<Asyncio>().program {
        p.tasks.retain(|x| !x.value().is(t.value()));
    }
    // What the code set stays set for the code that runs next.
    context::adopt(vm, &context)?;
    result
}

/// Runs the loop until the task is done. An interrupt that comes while the task waits cancels it, as
/// `asyncio.run` does; it has failed by it only if the cancellation ends it.
fn run_to_end(vm: &mut Vm, l: &Ref<EventLoop>, t: &Ref<Task>) -> R<()> {
    let mut interrupt = None;
    loop {
        let result = core::run_until_complete(vm, l, t.value());
        let done = t.get(vm).core.done();
        match result {
            Err(e) if !done && interrupt.is_none() && vm.raised_is(&e, &vm.exc.KeyboardInterrupt) => {
                interrupt = Some(e);
                task::cancel(vm, t, Value::NONE)?;
            }
            Err(e) => {
                let cancelled = t.get(vm).core.state == future::State::Cancelled;
                if done {
                    // The exception travels on by itself.
                    unretrieved::forget(vm, t.value());
                }
                return Err(interrupt.filter(|_| cancelled && task::uncancel(vm, t) == 0).unwrap_or(e));
            }
            Ok(_) => return Ok(()),
        }
    }
}

/// Runs the program's loop until `ready`, which is asked after each iteration; whoever makes it true wakes the loop.
/// Tasks that fail meanwhile, with nobody waiting for them, are given to `failed`, each once.
///
/// # Errors
/// SystemExit and KeyboardInterrupt of callbacks; RuntimeError when a loop runs already.
pub fn serve(
    vm: &mut Vm,
    mut ready: impl FnMut() -> bool,
    mut failed: impl FnMut(&mut Vm, &Value, &Value) -> R<()>,
) -> R<()> {
    super::classes(vm)?;
    let l = program_loop(vm)?;
    core::set_up(vm, &l)?;
    let mut result = Ok(());
    while result.is_ok() && !ready() {
        // Who waits for a failed task hears of it in the next iteration; when nothing is to be done, nobody does.
        if l.get(vm).ready.is_empty() {
            let list = vm.state::<Asyncio>().failed.replace(Vec::new()).unwrap_or_default();
            for t in list {
                result = result.and_then(|()| report_failure(vm, &t, &mut failed));
            }
        }
        result = result.and_then(|()| core::run_once(vm, &l));
    }
    let cleaned = core::clean_up(vm, &l);
    result.and(cleaned)
}

/// From now on failed tasks are noted, for [`serve`] to report.
pub fn note_failures(vm: &mut Vm) {
    vm.state::<Asyncio>().failed.get_or_insert_default();
}

/// Reports a task that failed and whose exception nobody has looked at.
fn report_failure(vm: &mut Vm, t: &Value, failed: &mut impl FnMut(&mut Vm, &Value, &Value) -> R<()>) -> R<()> {
    let Some(core) = future::core_of(vm, t) else { return Ok(()) };
    if core.state != future::State::Failed || !core.log_traceback {
        return Ok(());
    }
    let exception = core.result.clone();
    unretrieved::forget(vm, t);
    failed(vm, t, &exception)
}

/// The program's loop, made if there is none: the thread's loop where it has one that is open.
fn program_loop(vm: &mut Vm) -> R<Ref<EventLoop>> {
    if let Some(p) = &vm.state::<Asyncio>().program {
        let l = p.event_loop.clone();
        if !l.get(vm).closed {
            super::set_thread_loop(vm, Some(l.value().clone()));
            return Ok(l);
        }
    }
    let given = super::thread_loop(vm).and_then(|l| l.cast::<EventLoop>().cloned());
    let event_loop = match given.filter(|l| !l.get(vm).closed) {
        Some(l) => l,
        None => core::new_native_loop(vm)?,
    };
    super::set_thread_loop(vm, Some(event_loop.value().clone()));
    let tasks = vm.state::<Asyncio>().program.take().map_or(Vec::new(), |p| p.tasks);
    vm.state::<Asyncio>().program = Some(Program { event_loop: event_loop.clone(), tasks });
    Ok(event_loop)
}

/// Ends the program's loop, if there is one, as `asyncio.run` ends its own: what is left is cancelled, async generators
/// and the default executor are shut down, the loop is closed.
///
/// # Errors
/// What the cancelled tasks let out of the loop: SystemExit, KeyboardInterrupt.
pub fn close(vm: &mut Vm) -> R<()> {
    let Some(program) = vm.state::<Asyncio>().program.take() else { return Ok(()) };
    let l = program.event_loop;
    if l.get(vm).closed {
        return Ok(());
    }
    let this = l.get(vm);
    let left = !this.tasks.is_empty() || !this.generators.is_empty() || !this.executor.is_none();
    let result = if left { super::call_apy(vm, "runners", "_finish", &[l.value().clone()]).map(drop) } else { Ok(()) };
    if super::thread_loop(vm).is_some_and(|x| x.is(l.value())) {
        super::set_thread_loop(vm, None);
    }
    let closed = vm.call_method(l.value(), "close", &[]).map(drop);
    result.and(closed)
}

/// Whether the caller is top-level code that the program's loop runs: not something that it awaits, no callback.
fn in_top_level_code(vm: &mut Vm) -> Option<(Ref<EventLoop>, Ref<Task>)> {
    let running = super::running_loop(vm)?;
    let p = vm.state::<Asyncio>().program.as_ref()?;
    let (l, t) = (p.event_loop.clone(), p.tasks.last()?.clone());
    if !l.value().is(&running) || !l.get(vm).current_task.is(t.value()) {
        return None;
    }
    let coro = t.get(vm).coro.clone();
    if vm.is_innermost_coroutine(coro.cast::<Generator>()?) { Some((l, t)) } else { None }
}

/// The running loop as far as it stands in the way of running another one.
pub fn blocking_loop(vm: &mut Vm) -> Option<Value> {
    if in_top_level_code(vm).is_some() { None } else { super::running_loop(vm) }
}

/// Pauses the program's loop when top-level code calls; otherwise changes nothing.
pub fn pause(vm: &mut Vm) -> R<Option<Paused>> {
    let Some((l, t)) = in_top_level_code(vm) else { return Ok(None) };
    super::set_running_loop(vm, None);
    let mut this = l.get_mut(vm);
    let paused = Paused {
        event_loop: l.clone(),
        task: std::mem::replace(&mut this.current_task, Value::UNDEF),
        thread: this.thread.take(),
        old_hooks: std::mem::take(&mut this.old_hooks),
        stopping: std::mem::replace(&mut this.stopping, false),
    };
    drop(this);
    drop(t);
    Ok(Some(paused))
}

/// Lets the program's loop go on.
pub fn resume(vm: &mut Vm, paused: Option<Paused>) {
    let Some(Paused { event_loop, task, thread, old_hooks, stopping }) = paused else { return };
    let debug = event_loop.get(vm).debug;
    let mut this = event_loop.get_mut(vm);
    this.thread = thread;
    this.old_hooks = old_hooks;
    this.stopping = stopping;
    let old = std::mem::replace(&mut this.current_task, task);
    drop(this);
    drop(old);
    core::track_origins(vm, &event_loop, debug);
    super::set_running_loop(vm, Some(event_loop.into_value()));
}
