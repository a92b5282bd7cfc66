//! `__doc__` of the loop's classes and methods.

use super::Classes;
use crate::vm::Vm;

/// What the classes say of themselves.
const DOCS: &[(&str, &str)] = &[
    ("AbstractEventLoop", "What an event loop can do; a base for loops of other kinds."),
    ("BaseEventLoop", "An event loop."),
    ("BaseSelectorEventLoop", "An event loop that waits for descriptors."),
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
    ("_ThreadSafeHandle", "A callback that was given to the loop by another thread; cancel() prevents it."),
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

/// What the methods of event loops do.
const METHODS: &[(&str, &str)] = &[
    ("run_forever", "Run the loop until stop() is called."),
    ("run_until_complete", "Run the loop until a future is done, and give what it comes to."),
    ("stop", "Have the loop end its run after this iteration."),
    ("is_running", "Whether the loop runs."),
    ("is_closed", "Whether the loop was closed."),
    ("close", "Close a loop that does not run; it cannot be used again."),
    ("shutdown_asyncgens", "Close all async generators that are under way."),
    ("shutdown_default_executor", "Have the default executor finish its jobs, and wait for its threads."),
    ("call_soon", "Call a function in the next iteration."),
    ("call_later", "Call a function after so many seconds."),
    ("call_at", "Call a function at a time of the loop's clock."),
    ("time", "The time by the loop's clock."),
    ("create_future", "Make a future of this loop."),
    ("create_task", "Run a coroutine as a task."),
    ("call_soon_threadsafe", "As call_soon(), from any thread."),
    ("run_in_executor", "Have a function called by an executor; return the future of its outcome."),
    ("set_default_executor", "Set the executor that run_in_executor() takes when it is given None."),
    ("getaddrinfo", "As socket.getaddrinfo(), without blocking the loop."),
    ("getnameinfo", "As socket.getnameinfo(), without blocking the loop."),
    (
        "create_connection",
        "Connect to a server, and give the transport and the protocol of the connection.\n\nAll addresses of the host are tried in turn, or beside each other with happy_eyeballs_delay.",
    ),
    (
        "create_server",
        "Listen at a host and a port, and give the server.\n\nThe protocol factory is called for each connection. Without a host all interfaces are meant; the server listens at\nall addresses of a host, and of each of several.",
    ),
    (
        "sendfile",
        "Send a file through a transport, and give the number of bytes.\n\nWith fallback it is read and written where the system has no call for it.",
    ),
    ("start_tls", "Encrypt a connection: not supported."),
    ("create_unix_connection", "Connect to a unix socket, and give the transport and the protocol of the connection."),
    ("create_unix_server", "Listen at a unix socket, and give the server."),
    (
        "connect_accepted_socket",
        "Give a transport and a protocol to a connection that was accepted outside of the loop.",
    ),
    ("create_datagram_endpoint", "Make a socket for datagrams, and give its transport and its protocol."),
    ("connect_read_pipe", "Read from a pipe: give its transport and its protocol."),
    ("connect_write_pipe", "Write to a pipe: give its transport and its protocol."),
    ("subprocess_shell", "Run a command by the shell, and give the transport and the protocol of the process."),
    ("subprocess_exec", "Run a program, and give the transport and the protocol of the process."),
    ("add_reader", "Call a function whenever a descriptor can be read."),
    ("remove_reader", "Stop watching a descriptor for reading; tell whether it was watched."),
    ("add_writer", "Call a function whenever a descriptor can be written."),
    ("remove_writer", "Stop watching a descriptor for writing; tell whether it was watched."),
    ("sock_recv", "Receive at most so many bytes."),
    ("sock_recv_into", "Receive into a buffer; give the number of bytes."),
    ("sock_recvfrom", "Receive a datagram of at most so many bytes; give it and the address it came from."),
    ("sock_recvfrom_into", "Receive a datagram into a buffer; give its size and the address it came from."),
    ("sock_sendall", "Send all of the data."),
    ("sock_sendto", "Send a datagram to an address; give the number of bytes."),
    ("sock_connect", "Connect a socket to an address."),
    ("sock_accept", "Accept a connection; give its socket and its address."),
    ("sock_sendfile", "Send a file through a socket, and give the number of bytes."),
    ("add_signal_handler", "Call a function of the loop when a signal comes."),
    ("remove_signal_handler", "Take the function of a signal away; tell whether there was one."),
    ("set_task_factory", "Set what makes tasks; None for the usual."),
    ("get_task_factory", "What makes tasks, or None."),
    ("get_exception_handler", "What is told of errors that nobody handles, or None."),
    ("set_exception_handler", "Set what is told of errors that nobody handles; None for the usual."),
    ("default_exception_handler", "Log an error that nobody handles: what the loop does when no handler is set."),
    (
        "call_exception_handler",
        "Tell the loop's exception handler of an error.\n\nThe context is a dict: 'message', and where there are any 'exception', 'future', 'task', 'handle', 'protocol',\n'transport', 'socket', 'source_traceback', 'asyncgen'.",
    ),
    ("get_debug", "Whether debug mode is on."),
    ("set_debug", "Switch debug mode on or off."),
];

/// What a method of event loops does, by its name, which a signature may follow; nothing for private ones.
///
/// # Panics
/// For a public method that has no text, when apy is built.
pub const fn documented(method: &str) -> &'static str {
    let method = method.as_bytes();
    let mut i = 0;
    while i < METHODS.len() {
        let (name, doc) = METHODS[i];
        if is_named(method, name.as_bytes()) {
            return doc;
        }
        i += 1;
    }
    assert!(method[0] == b'_', "a method without a text");
    ""
}

const fn is_named(method: &[u8], name: &[u8]) -> bool {
    if method.len() < name.len() || method.len() > name.len() && method[name.len()] != b'(' {
        return false;
    }
    let mut i = 0;
    while i < name.len() && method[i] == name[i] {
        i += 1;
    }
    i == name.len()
}

/// Gives the classes their texts.
pub fn init(vm: &mut Vm, classes: &Classes) {
    let one = [
        &classes.abstract_loop,
        &classes.base_loop,
        &classes.selector_loop,
        &classes.event_loop,
        &classes.future,
        &classes.task,
        &classes.handle,
        &classes.thread_safe_handle,
        &classes.timer_handle,
        &classes.cancelled_error,
        &classes.invalid_state,
    ];
    for class in one.into_iter().chain(&classes.queue_errors).chain(&classes.sync).chain(&classes.queues) {
        vm.doc_class(class, |class| DOCS.iter().find(|(name, _)| *name == class).map(|(_, doc)| *doc));
    }
}
