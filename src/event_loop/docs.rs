//! `__doc__` of the loop's classes.

use super::Classes;
use crate::vm::Vm;

/// What the classes say of themselves.
const DOCS: &[(&str, &str)] = &[
    ("AbstractEventLoop", "What an event loop can do; a base for loops of other kinds."),
    ("BaseEventLoop", "An event loop."),
    (
        "_UnixSelectorEventLoop",
        "The event loop: runs tasks and callbacks, and waits for descriptors, timers, threads and signals.",
    ),
    (
        "Future",
        "The outcome of something that is under way.\n\nIt is awaited, and told of what comes of it by set_result() or set_exception().",
    ),
    ("Task", "A coroutine that the loop runs."),
    ("Handle", "A callback that is to be called; cancel() prevents it."),
    ("TimerHandle", "A callback that is to be called at some time; cancel() prevents it."),
    ("CancelledError", "The future or the task was cancelled."),
    ("InvalidStateError", "The future is done already, or is not yet."),
    ("QueueEmpty", "There is nothing in the queue."),
    ("QueueFull", "The queue has no room."),
    ("QueueShutDown", "The queue was shut down."),
    ("Lock", "Held by one task at a time: `async with lock:` waits for it, and releases it at the end of the block."),
    ("Event", "Something that happens: tasks wait() until somebody calls set()."),
    (
        "Semaphore",
        "Held by so many tasks at a time.\n\nThe value says how many more may acquire() it; release() adds one.",
    ),
    ("BoundedSemaphore", "A semaphore that must not be released more often than it was acquired."),
    ("Queue", "A queue between tasks: first in, first out.\n\nWith a maxsize above zero, put() waits for room."),
    ("PriorityQueue", "A queue whose smallest item comes out first; items are mostly pairs of a priority and data."),
    ("LifoQueue", "A queue whose newest item comes out first."),
];

/// Gives the classes their texts.
pub fn init(vm: &mut Vm, classes: &Classes) {
    let one = [
        &classes.abstract_loop,
        &classes.base_loop,
        &classes.event_loop,
        &classes.future,
        &classes.task,
        &classes.handle,
        &classes.timer_handle,
        &classes.cancelled_error,
        &classes.invalid_state,
    ];
    for class in one.into_iter().chain(&classes.queue_errors).chain(&classes.sync).chain(&classes.queues) {
        vm.doc_class(class, |class| DOCS.iter().find(|(name, _)| *name == class).map(|(_, doc)| *doc));
    }
}
