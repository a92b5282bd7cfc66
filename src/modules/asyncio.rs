//! `_asyncio`: the native names of `asyncio`. What they do is in `event_loop`.

use crate::event_loop::core::EventLoop;
use crate::event_loop::coroutine::{self, Op};
use crate::event_loop::task::{self, Task};
use crate::event_loop::{self, foreign, future, gather, task_group, task_object};
use crate::vm::native::{Args, NativeDef, arg, arg_or_none};
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("get_running_loop()", "Return the running event loop.", |vm, _| event_loop::need_running_loop(vm)),
    NativeDef::new("_get_running_loop()", "Return the running event loop or None.", |vm, _| {
        Ok(event_loop::running_loop(vm).unwrap_or(Value::NONE))
    }),
    NativeDef::new("_get_blocking_loop()", "The running loop if no other one may run now, or None.", |vm, _| {
        Ok(event_loop::top_level::blocking_loop(vm).unwrap_or(Value::NONE))
    }),
    NativeDef::new("_set_running_loop(loop, /)", "Set the running event loop.", |vm, a| {
        let l = Some(a[0].clone()).filter(|l| !l.is_none());
        event_loop::set_running_loop(vm, l);
        Ok(Value::NONE)
    }),
    NativeDef::new("get_event_loop()", "Return the running event loop, or this thread's.", |vm, _| {
        event_loop::get_event_loop(vm)
    }),
    NativeDef::new("_get_current_loop()", "The running event loop, or the one that was set.", |vm, _| {
        event_loop::current_loop(vm)
    }),
    NativeDef::new("set_event_loop(loop)", "Set this thread's event loop.", set_event_loop),
    NativeDef::new("new_event_loop()", "Make an event loop.", |vm, _| {
        let policy = event_loop::policy(vm);
        if policy.is_undef() {
            return event_loop::core::new_event_loop(vm);
        }
        vm.call_method(&policy, "new_event_loop", &[])
    }),
    NativeDef::new("_new_event_loop()", "Make an event loop of the built-in kind.", |vm, _| {
        event_loop::core::new_event_loop(vm)
    }),
    NativeDef::new("_serve_jobs(jobs, context, leaves)", "What a thread of a pool does.", event_loop::executor::serve),
    NativeDef::new("_get_thread_loop()", "The loop that was set for this thread, or None.", |vm, _| {
        Ok(event_loop::thread_loop(vm).unwrap_or(Value::NONE))
    }),
    NativeDef::new("_set_thread_loop(loop, /)", "Set the loop for this thread.", |vm, a| {
        let l = Some(a[0].clone()).filter(|l| !l.is_none());
        event_loop::set_thread_loop(vm, l);
        Ok(Value::NONE)
    }),
    NativeDef::new("_get_policy()", "The policy that was installed, or None.", |vm, _| {
        let p = event_loop::policy(vm);
        Ok(if p.is_undef() { Value::NONE } else { p })
    }),
    NativeDef::new("_set_policy(policy, /)", "Install a policy, or with None take it away.", |vm, a| {
        let p = if a[0].is_none() { Value::UNDEF } else { a[0].clone() };
        event_loop::set_policy(vm, p);
        Ok(Value::NONE)
    }),
    NativeDef::new("current_task(loop=None)", "Return a currently executed task.", |vm, a| {
        let l = loop_arg(vm, a, 0)?;
        let t = task::current_task(vm, &l);
        Ok(if t.is_undef() { Value::NONE } else { t })
    }),
    NativeDef::new("all_tasks(loop=None)", "Return a set of all tasks for the loop.", |vm, a| {
        let l = loop_arg(vm, a, 0)?;
        let tasks = task::all_tasks(vm, &l)?;
        let list = vm.list(tasks).into_value();
        let class = vm.types.set.value().clone();
        vm.call(&class, &[list])
    }),
    NativeDef::new("_list_tasks(loop)", "The unfinished tasks, the oldest first as a rule.", |vm, a| {
        let tasks = task::all_tasks(vm, &a[0])?;
        Ok(vm.list(tasks).into())
    }),
    NativeDef::new("_shown_class(future)", "The name of the class that a future is shown with.", |vm, a| {
        let named = future::core_of(vm, &a[0]).and_then(|c| c.extra.as_ref()).map(|x| x.shown_as.clone());
        if let Some(name) = named.filter(|n| !n.is_none()) {
            return Ok(name);
        }
        let class = vm.class_of(&a[0]).value().clone();
        vm.get_attr_str(&class, "__name__")
    }),
    NativeDef::new("_detach_task(task)", "Have a task run on that waits for another one.", |vm, a| {
        Ok(Value::bool(match a[0].cast::<Task>().cloned() {
            Some(t) => task::detach(vm, &t)?,
            None => false,
        }))
    }),
    NativeDef::new("_shut_down_at_once(loop)", "Shut generators and threads down where there are none.", |vm, a| {
        Ok(Value::bool(shut_down_at_once(vm, &a[0])))
    }),
    NativeDef::new("_enter_task(loop, task)", "Note that a task begins a step.", |vm, a| {
        task::enter(vm, &a[0], &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_leave_task(loop, task)", "Note that a task ends a step.", |vm, a| {
        task::leave(vm, &a[0], &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_swap_current_task(loop, task)", "Make a task the running one.", |vm, a| {
        let t = if a[1].is_none() { Value::UNDEF } else { a[1].clone() };
        let old = task::swap_current(vm, &a[0], t);
        Ok(if old.is_undef() { Value::NONE } else { old })
    }),
    NativeDef::new("_register_task(task)", "Note an unfinished task.", |vm, a| {
        match a[0].cast::<Task>() {
            Some(t) => task::register(vm, t),
            None => task::register_foreign(vm, &a[0]),
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("_unregister_task(task)", "Note that a task is finished.", |vm, a| {
        match a[0].cast::<Task>() {
            Some(t) => task::unregister(vm, t),
            None => task::unregister_foreign(vm, &a[0]),
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("_register_eager_task(task)", "Note a task in its first eager step.", |vm, a| {
        task::register_foreign(vm, &a[0]);
        Ok(Value::NONE)
    }),
    NativeDef::new("_unregister_eager_task(task)", "Note the end of a task's first eager step.", |vm, a| {
        task::unregister_foreign(vm, &a[0]);
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "_task_group_callback(group, parent, /)",
        "The callback of a group's tasks, which `parent` awaits.",
        |vm, a| task_group::callback(vm, &a[0], a[1].clone()),
    ),
    NativeDef::new(
        "future_add_to_awaited_by(fut, waiter, /)",
        "Record that `fut` is awaited on by `waiter`.",
        |vm, a| {
            foreign::add_awaited_by(vm, &a[0], &a[1]);
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "future_discard_from_awaited_by(fut, waiter, /)",
        "Record that `fut` is no longer awaited on by `waiter`.",
        |vm, a| {
            foreign::discard_awaited_by(vm, &a[0], &a[1]);
            Ok(Value::NONE)
        },
    ),
    NativeDef::raw(
        "create_task(coro, **kwargs)",
        "Schedule the execution of a coroutine object in a task.",
        create_task,
    ),
    NativeDef::new(
        "sleep(delay, result=None) -> coroutine",
        "Coroutine that completes after a given time (in seconds).",
        |vm, a| {
            let result = arg_or_none(a, 1).clone();
            coroutine::new(vm, Op::Sleep(a[0].clone(), result))
        },
    ),
    NativeDef::raw(
        "gather(*coros_or_futures, return_exceptions=False)",
        "Return a future aggregating results from the given coroutines/futures.",
        |vm, args| {
            event_loop::only_keywords(vm, args, "gather", &["return_exceptions"])?;
            let return_exceptions = match event_loop::keyword(vm, args, "return_exceptions") {
                Some(v) => vm.truth(&v)?,
                None => false,
            };
            gather::gather(vm, args.pos, return_exceptions)
        },
    ),
    NativeDef::new("shield(arg)", "Wait for a future, shielding it from cancellation.", |vm, a| {
        gather::shield(vm, &a[0])
    }),
    NativeDef::new(
        "ensure_future(coro_or_future, *, loop=None)",
        "Wrap a coroutine or an awaitable in a future.",
        |vm, a| {
            let l = arg(a, 1).filter(|l| !l.is_none());
            gather::ensure_future(vm, &a[0], l)
        },
    ),
    NativeDef::new("_generator_of(awaitable, /)", "The async generator that an awaitable is of, or None.", |vm, a| {
        Ok(crate::objects::asyncgen::generator_of(vm, &a[0]).unwrap_or(Value::NONE))
    }),
    NativeDef::new("_gives_coroutine(f, /)", "Whether a native function's calls give coroutines.", |vm, a| {
        Ok(Value::bool(crate::objects::native_function::gives_coroutine(vm, &a[0])))
    }),
    NativeDef::new("isfuture(obj)", "Check for a Future.", |vm, a| Ok(Value::bool(future::is_future(vm, &a[0])?))),
    NativeDef::new("iscoroutine(obj)", "Return True if obj is a coroutine object.", |vm, a| {
        Ok(Value::bool(task::is_coroutine(vm, &a[0])?))
    }),
    NativeDef::new(
        "_set_result_unless_cancelled(fut, result)",
        "Set the result unless the future was cancelled.",
        |vm, a| {
            task_object::set_result_unless_cancelled(vm, &a[0], a[1].clone())?;
            Ok(Value::NONE)
        },
    ),
];

/// What running `shutdown_asyncgens` and `shutdown_default_executor` comes to for a loop that has neither async
/// generators nor threads, nor anything that would happen in the iterations that it takes. False where there is more to
/// do.
fn shut_down_at_once(vm: &mut Vm, event_loop: &Value) -> bool {
    let Some(l) = event_loop.cast::<EventLoop>().filter(|l| l.is_of_builtin_class()) else { return false };
    let this = l.get(vm);
    let quiet = this.ready.is_empty() && this.timers.is_empty() && this.reactor.as_ref().is_none_or(|r| !r.watches());
    let plain = this.plain.call_soon
        && this.plain.run_once
        && this.plain.create_task
        && this.plain.waiting
        && this.plain.shutting;
    if !quiet || !plain || this.debug || this.closed || !this.generators.is_empty() || !this.executor.is_none() {
        return false;
    }
    if !this.task_factory.is_none() {
        // The script's factory makes the tasks of the shutdown, too.
        return false;
    }
    let mut this = l.get_mut(vm);
    this.generators_shut = true;
    this.executor_shut = true;
    drop(this);
    // Two tasks would have done it.
    task::skip_numbers(vm, 2);
    true
}

fn loop_arg(vm: &mut Vm, a: &[Value], at: usize) -> R {
    match arg(a, at) {
        Some(l) if !l.is_none() => Ok(l.clone()),
        _ => event_loop::need_running_loop(vm),
    }
}

fn set_event_loop(vm: &mut Vm, a: &[Value]) -> R {
    let policy = event_loop::policy(vm);
    if !policy.is_undef() {
        return vm.call_method(&policy, "set_event_loop", &[a[0].clone()]);
    }
    let class = event_loop::classes(vm)?.abstract_loop.clone();
    if !a[0].is_none() && !vm.is_instance(&a[0], &class) {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("loop must be an instance of AbstractEventLoop or None, not '{got}'")));
    }
    let l = Some(a[0].clone()).filter(|l| !l.is_none());
    event_loop::set_thread_loop(vm, l);
    Ok(Value::NONE)
}

fn create_task(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some(coro) = args.pos.first().cloned().or_else(|| event_loop::keyword(vm, args, "coro")) else {
        return Err(vm.type_error("create_task() missing 1 required positional argument: 'coro'"));
    };
    if args.pos.len() > 1 {
        let n = args.pos.len();
        return Err(vm.type_error(format!("create_task() takes 1 positional argument but {n} were given")));
    }
    let l = event_loop::need_running_loop(vm)?;
    event_loop::with_other_keywords(vm, args, "coro", |vm, args| gather::create_task(vm, &l, &coro, args))
}

/// Functions that are found in another module by all the world, which is written in Python in CPython.
const HOMES: &[(&str, &str)] = &[
    ("asyncio.tasks", "sleep"),
    ("asyncio.tasks", "shield"),
    ("asyncio.tasks", "gather"),
    ("asyncio.tasks", "ensure_future"),
    ("asyncio.tasks", "create_task"),
    ("asyncio.coroutines", "iscoroutine"),
    ("asyncio.base_futures", "isfuture"),
    ("asyncio.events", "new_event_loop"),
    ("asyncio.events", "set_event_loop"),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let classes = event_loop::classes(vm)?;
    let module = vm.new_module("_asyncio", FUNCTIONS);
    for (home, name) in HOMES {
        if let Some(def) = FUNCTIONS.iter().find(|def| def.name() == *name) {
            let f = vm.native_function(home, def);
            vm.module_set(&module, name, f);
        }
    }
    let names = [
        ("Future", &classes.future),
        ("Task", &classes.task),
        ("_GatheringFuture", &classes.gathering),
        ("Handle", &classes.handle),
        ("_ThreadSafeHandle", &classes.thread_safe_handle),
        ("TimerHandle", &classes.timer_handle),
        ("AbstractEventLoop", &classes.abstract_loop),
        ("BaseEventLoop", &classes.base_loop),
        ("BaseSelectorEventLoop", &classes.selector_loop),
        ("_UnixSelectorEventLoop", &classes.event_loop),
        ("CancelledError", &classes.cancelled_error),
        ("InvalidStateError", &classes.invalid_state),
        ("QueueEmpty", &classes.queue_errors[0]),
        ("QueueFull", &classes.queue_errors[1]),
        ("QueueShutDown", &classes.queue_errors[2]),
        ("Lock", &classes.sync[0]),
        ("Event", &classes.sync[1]),
        ("Semaphore", &classes.sync[2]),
        ("BoundedSemaphore", &classes.sync[3]),
        ("Queue", &classes.queues[0]),
        ("PriorityQueue", &classes.queues[1]),
        ("LifoQueue", &classes.queues[2]),
    ];
    for (name, class) in names {
        vm.module_set(&module, name, class.value().clone());
    }
    let [socket, reading, writing] = event_loop::transport_object::classes(vm)?;
    let made = [
        ("StreamReader", event_loop::streams::reader_class(vm)?),
        ("_StreamReaderProtocol", event_loop::streams::protocol_class(vm)?),
        ("_StreamWriter", event_loop::stream_writer::class(vm)?),
        ("_SocketTransport", socket),
        ("_ReadPipeTransport", reading),
        ("_WritePipeTransport", writing),
    ];
    for (name, class) in made {
        vm.module_set(&module, name, class.into_value());
    }
    Ok(module.into())
}
