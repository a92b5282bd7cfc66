//! Contexts of callbacks and tasks: the loop's way to `contextvars`.

use crate::modules::contextvars;
use crate::vm::{R, Value, Vm};

/// A copy of the current context.
///
/// # Errors
/// None in a sound build.
pub fn copy_current(vm: &mut Vm) -> R {
    contextvars::copy_current(vm)
}

/// Runs `f` in a context.
///
/// # Errors
/// RuntimeError when the context is entered already; what `f` raises.
pub fn run<T>(vm: &mut Vm, context: &Value, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    contextvars::run_in(vm, context, f)
}

/// Gives the current context the values of another one.
///
/// # Errors
/// None in a sound build.
pub fn adopt(vm: &mut Vm, context: &Value) -> R<()> {
    contextvars::adopt(vm, context)
}
