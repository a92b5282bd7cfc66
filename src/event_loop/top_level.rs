//! `await` at the top level of the main script: its coroutine is the main task of a loop that lives until the
//! script ends.

use super::core::{self, EventLoop};
use crate::vm::generator::Generator;
use crate::vm::object::Ref;
use crate::vm::{R, Vm};

/// Runs the main script's coroutine as `asyncio.run` would, on a loop that is closed afterwards: tasks that are left
/// are cancelled, async generators and the default executor shut down.
///
/// # Errors
/// What the script raises.
pub fn run_top_level(vm: &mut Vm, g: &Ref<Generator>) -> R<()> {
    super::classes(vm)?;
    // A loop that the script made for itself would be another one; the thread's is used if there is one.
    let given = super::thread_loop(vm);
    let l = match &given {
        Some(l) if l.cast::<EventLoop>().is_some_and(|x| !x.get(vm).closed) => l.clone(),
        _ => core::new_event_loop(vm)?,
    };
    super::set_thread_loop(vm, Some(l.clone()));
    let Some(event_loop) = l.cast::<EventLoop>() else { return Ok(()) };
    let result = core::run_until_complete(vm, event_loop, g.value()).map(drop);
    if matches!(&result, Err(e) if e.is_halt()) {
        return result;
    }
    let closed = close(vm, event_loop);
    result.and(closed)
}

fn close(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    let left = !l.get(vm).tasks.is_empty() || !l.get(vm).generators.is_empty() || !l.get(vm).executor.is_none();
    let result = if left { super::call_apy(vm, "runners", "_finish", &[l.value().clone()]).map(drop) } else { Ok(()) };
    super::set_thread_loop(vm, None);
    let closed = vm.call_method(l.value(), "close", &[]).map(drop);
    result.and(closed)
}
