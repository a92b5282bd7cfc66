//! Contexts of callbacks and tasks: the loop's way to `contextvars`.

use super::task::Task;
use crate::modules::contextvars;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// A copy of the current context.
///
/// # Errors
/// None in a sound build.
pub fn copy_current(vm: &mut Vm) -> R {
    contextvars::copy_current(vm)
}

/// What a task keeps of the current context until somebody asks for it.
///
/// # Errors
/// None in a sound build.
pub fn snapshot(vm: &mut Vm) -> R {
    contextvars::snapshot(vm)
}

/// The context of a task.
///
/// # Errors
/// None in a sound build.
pub fn of_task(vm: &mut Vm, t: &Ref<Task>) -> R {
    contextvars::task_context(vm, t)
}

/// Runs a step of a task in the task's context.
///
/// # Errors
/// As [`run`].
pub fn run_task<T>(vm: &mut Vm, t: &Ref<Task>, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    contextvars::run_task(vm, t, f)
}

/// Runs `f` in a context.
///
/// # Errors
/// RuntimeError when the context is entered already; what `f` raises.
pub fn run<T>(vm: &mut Vm, context: &Value, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    contextvars::run_in(vm, context, f)
}

/// Calls a function in a context, which may be an object of a script's that has a `run` of its own.
///
/// # Errors
/// As [`run`]; what the object's `run` raises.
pub fn call(vm: &mut Vm, context: &Value, callback: &Value, args: &[Value]) -> R<()> {
    if contextvars::is_context(context) {
        return run(vm, context, |vm| vm.call(callback, args).map(drop));
    }
    let all: Vec<Value> = std::iter::once(callback).chain(args).cloned().collect();
    vm.call_method(context, "run", &all).map(drop)
}

/// Gives the current context the values of another one.
///
/// # Errors
/// None in a sound build.
pub fn adopt(vm: &mut Vm, context: &Value) -> R<()> {
    contextvars::adopt(vm, context)
}
