//! What a `TaskGroup` does natively: noting that one of its tasks ended well, which nearly all do.
//!
//! The class is written in apy (`stdlib/asyncio/taskgroups.apy`), and so is what happens when a task fails.

use super::context;
use super::foreign::{self, Role};
use super::future::{self, State};
use super::task::Task;
use crate::vm::set::Set;
use crate::vm::{R, Value, Vm};

/// The callback that a group gives all its tasks. It knows the task that waits in the group, as who awaits them.
///
/// # Errors
/// None in a sound build.
pub fn callback(vm: &mut Vm, group: &Value, parent: Value) -> R {
    foreign::callback_with(vm, Role::Member, group, parent)
}

/// A task of a group is done.
///
/// # Errors
/// What the group's `_on_task_done` raises.
pub fn member_done(vm: &mut Vm, group: &Value, done: &Value) -> R<()> {
    let well = future::is_exact(vm, done) && future::core_of(vm, done).is_some_and(|c| c.state == State::Finished);
    if well && is_plain(vm, group) && forget(vm, group, done)? {
        return Ok(());
    }
    let name = vm.names._on_task_done.clone();
    let call = |vm: &mut Vm| vm.call_method_interned(group, &name, std::slice::from_ref(done)).map(drop);
    match done.cast::<Task>() {
        Some(t) => {
            let c = context::of_task(vm, t)?;
            context::run(vm, &c, call)
        }
        None => call(vm),
    }
}

/// Whether the group is of the class itself: others may have an `_on_task_done` of their own.
fn is_plain(vm: &mut Vm, group: &Value) -> bool {
    vm.loaded_attr("asyncio.taskgroups", "TaskGroup").is_some_and(|c| vm.class_of(group).value().is(&c))
}

/// Takes a task out of its group, and ends the group's wait where it was the last; false where the group's attributes
/// are not what its class makes of them.
fn forget(vm: &mut Vm, group: &Value, done: &Value) -> R<bool> {
    let (tasks, waiter) = (vm.names._tasks.clone(), vm.names._on_completed_fut.clone());
    let (tasks, waiter) = (vm.get_attr(group, &tasks)?, vm.get_attr(group, &waiter)?);
    let Some(set) = tasks.cast::<Set>() else { return Ok(false) };
    if !waiter.is_none() && !future::is_exact(vm, &waiter) {
        return Ok(false);
    }
    set.discard(vm, done)?;
    if !waiter.is_none() && set.get(vm).table.is_empty() && future::core_of(vm, &waiter).is_some_and(|c| !c.done()) {
        future::set_result(vm, &waiter, Value::TRUE)?;
    }
    Ok(true)
}
