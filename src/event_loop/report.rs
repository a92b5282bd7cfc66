//! What goes wrong and who hears of it: the exception handler, slow callbacks, deadlocks.

use super::core::{self, Entry, EventLoop};
use super::future;
use super::{handle, polling};
use crate::modules::thread;
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// Passes a context to the loop's exception handler.
///
/// # Errors
/// SystemExit and KeyboardInterrupt of the handler.
pub fn call_exception_handler(vm: &mut Vm, event_loop: &Value, context: &Value) -> R<()> {
    let name = vm.names.call_exception_handler.clone();
    vm.call_method_interned(event_loop, &name, std::slice::from_ref(context)).map(drop)
}

/// A handle's callback raised.
///
/// # Errors
/// As [`call_exception_handler`].
#[cold]
pub fn callback_failed(vm: &mut Vm, h: &Value, e: Raised) -> R<()> {
    let e = vm.exception_value(e);
    let args = [h.clone(), e.clone()];
    vm.while_handling(&e, |vm| super::call_apy(vm, "base_events", "_callback_failed", &args).map(drop))
}

/// Native code of the loop or of a transport has met an exception, and tells the exception handler.
///
/// # Errors
/// As [`call_exception_handler`].
#[cold]
pub fn tell_of(vm: &mut Vm, event_loop: &Value, e: &Value, context: &Value) -> R<()> {
    vm.while_handling(e, |vm| call_exception_handler(vm, event_loop, context))
}

/// Runs an entry in debug mode, where callbacks that take long are named.
///
/// # Errors
/// As `core::run_entry`.
#[cold]
pub fn run_timed(vm: &mut Vm, l: &Ref<EventLoop>, entry: Entry) -> R<()> {
    let current = match &entry {
        Entry::Handle(h) if h.get(vm).cancelled => return Ok(()),
        Entry::Handle(h) => h.value().clone(),
        Entry::Step(t, _) => t.value().clone(),
        Entry::Done { callback, .. } if callback.is_native() => callback.target.clone(),
        Entry::Done { callback, future } => {
            let args = vm.tuple(vec![future.clone()]).into_value();
            let (f, c) = (callback.target.clone(), callback.context.clone());
            handle::new(vm, f, args, l.value(), c)?.into_value()
        }
        Entry::JobDone { future, .. } => future.clone(),
        Entry::SleepOver(c) => c.value().clone(),
        Entry::Io(t, _) => t.value().clone(),
    };
    let old = std::mem::replace(&mut l.get_mut(vm).current_handle, current.clone());
    drop(old);
    let started = core::time_of(vm, l)?;
    let result = core::run_entry(vm, l, entry);
    let old = std::mem::replace(&mut l.get_mut(vm).current_handle, Value::UNDEF);
    drop(old);
    result?;
    let took = core::time_of(vm, l)? - started;
    let limit = l.get(vm).slow_callback.clone();
    let took = vm.float(took);
    if vm.compare(&took, &limit, crate::vm::ops::CmpOp::Ge)? {
        super::call_apy(vm, "base_events", "_slow_callback", &[current, took])?;
    }
    Ok(())
}

/// Raises when the loop would wait for ever: nothing is ready, no timer runs, nothing is watched, and nobody
/// outside can wake it, while a task waits that is expected to end.
///
/// # Errors
/// RuntimeError with a drawing of who waits for whom.
pub fn check_deadlock(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    let this = l.get(vm);
    let watched = this.reactor.as_ref().is_some_and(|r| r.watches());
    if watched || this.outside > 0 || !this.plain.run_once || this.until_complete.is_undef() {
        return Ok(());
    }
    if thread::others_work(vm) {
        // Another thread may call `call_soon_threadsafe`. When none works any more, this is asked again.
        polling::ensure_reactor(vm, l)?;
        if let Some(waker) = l.get(vm).waker.clone() {
            thread::watch_idle(vm, waker);
        }
        return Ok(());
    }
    if crate::modules::signal::scripts_listen(vm)? {
        // A handler may make the loop ready.
        return Ok(());
    }
    if vm.all_threads().iter().skip(1).any(|t| !t.is_scripts) {
        // So may a thread of the host.
        return Ok(());
    }
    let goal = l.get(vm).until_complete.clone();
    if future::core_of(vm, &goal).is_none_or(|c| c.done()) {
        return Ok(());
    }
    let tasks: Vec<Value> = l.get(vm).tasks.all();
    let tasks = vm.list(tasks).into_value();
    let text = super::call_apy(vm, "deadlock", "describe", &[goal.clone(), tasks])?;
    let text = vm.str_of(&text);
    Err(vm.runtime_error(text))
}
