//! `asyncio.Task` as scripts see it. How tasks run is in `task`.

use super::Classes;
use super::context;
use super::future;
use super::task::{self, Task, TaskOptions};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// Gives the class its methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.task, METHODS, ATTRS);
}

const INIT: &str = "__init__(self, coro, *, loop=None, name=None, context=None, eager_start=False)";

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, Task::blank()).into())
    }),
    NativeDef::raw(INIT, "", init_task),
    NativeDef::new("get_coro(self, /)", "The coroutine.", |vm, a| {
        let t = vm.this::<Task>(a, "get_coro")?;
        Ok(t.get(vm).coro.clone())
    }),
    NativeDef::new("get_context(self, /)", "The context of the task's steps.", |vm, a| {
        let t = vm.this::<Task>(a, "get_context")?.clone();
        context::of_task(vm, &t)
    }),
    NativeDef::new("get_name(self, /)", "The task's name.", get_name),
    NativeDef::new("set_name(self, value, /)", "Set the task's name.", |vm, a| {
        let t = vm.this::<Task>(a, "set_name")?.clone();
        let name = task::exact_str(vm, &a[1])?;
        let old = std::mem::replace(&mut t.get_mut(vm).name, name);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("set_result(self, result, /)", "Not for tasks.", |vm, _| {
        Err(vm.runtime_error("Task does not support set_result operation"))
    }),
    NativeDef::new("set_exception(self, exception, /)", "Not for tasks.", |vm, _| {
        Err(vm.runtime_error("Task does not support set_exception operation"))
    }),
    NativeDef::new("get_stack(self, /, *, limit=None)", "The stack frames of the task's coroutine.", |vm, a| {
        let limit = arg_or_none(a, 1).clone();
        super::call_apy(vm, "base_tasks", "_task_get_stack", &[a[0].clone(), limit])
    }),
    NativeDef::new(
        "print_stack(self, /, *, limit=None, file=None)",
        "Print the stack or traceback of the task's coroutine.",
        |vm, a| {
            let (limit, file) = (arg_or_none(a, 1).clone(), arg_or_none(a, 2).clone());
            super::call_apy(vm, "base_tasks", "_task_print_stack", &[a[0].clone(), limit, file])
        },
    ),
    NativeDef::new("cancel(self, msg=None)", "Request that this task cancel itself.", |vm, a| {
        let t = vm.this::<Task>(a, "cancel")?.clone();
        let message = arg_or_none(a, 1).clone();
        Ok(Value::bool(task::cancel(vm, &t, message)?))
    }),
    NativeDef::new("cancelling(self, /)", "The number of unanswered requests to cancel the task.", |vm, a| {
        let t = vm.this::<Task>(a, "cancelling")?;
        Ok(Value::len(t.get(vm).core.cancels as usize))
    }),
    NativeDef::new("uncancel(self, /)", "Take a request to cancel the task back.", |vm, a| {
        let t = vm.this::<Task>(a, "uncancel")?.clone();
        Ok(Value::len(task::uncancel(vm, &t) as usize))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        super::call_apy(vm, "base_tasks", "_task_repr", &[a[0].clone()])
    }),
];

fn init_task(vm: &mut Vm, args: &Args<'_>) -> R {
    let t = vm.this::<Task>(args.pos, "__init__")?.clone();
    let [event_loop, name, context, eager] =
        ["loop", "name", "context", "eager_start"].map(|n| super::keyword(vm, args, n));
    let known = [&event_loop, &name, &context, &eager].into_iter().flatten().count();
    let coro = match args.pos {
        [_, coro] if args.kw_names.len() == known => coro.clone(),
        // The coroutine is given by name, or something is wrong.
        _ => arg_or_none(&vm.bind_init("Task", INIT, args)?, 1).clone(),
    };
    let event_loop = match event_loop {
        Some(l) if !l.is_none() => l,
        _ => super::current_loop(vm)?,
    };
    let eager = match eager {
        Some(v) => vm.truth(&v)?,
        None => false,
    };
    let [name, context] = [name, context].map(|v| v.unwrap_or(Value::NONE));
    task::start(vm, &t, &coro, TaskOptions { event_loop, name, context, eager })?;
    Ok(Value::NONE)
}

fn get_name(vm: &mut Vm, a: &[Value]) -> R {
    let t = vm.this::<Task>(a, "get_name")?.clone();
    let name = t.get(vm).name.clone();
    let Some(n) = name.as_small_int() else { return Ok(name) };
    let name = vm.new_str(&format!("Task-{n}")).into_value();
    t.get_mut(vm).name = name.clone();
    Ok(name)
}

fn this(vm: &mut Vm, v: &Value) -> R<Ref<Task>> {
    vm.this::<Task>(std::slice::from_ref(v), "_coro").cloned()
}

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_coro", "", |vm, v| Ok(this(vm, v)?.get(vm).coro.clone())),
    GetSetDef::new("_context", "", |vm, v| {
        let t = this(vm, v)?;
        context::of_task(vm, &t)
    }),
    GetSetDef::new("_must_cancel", "", |vm, v| Ok(Value::bool(this(vm, v)?.get(vm).core.must_cancel()))),
    GetSetDef::new("_num_cancels_requested", "", |vm, v| Ok(Value::len(this(vm, v)?.get(vm).core.cancels as usize))),
    GetSetDef::new("_fut_waiter", "", |vm, v| {
        let t = this(vm, v)?;
        let w = task::waiter(vm, &t)?;
        Ok(if w.is_undef() { Value::NONE } else { w })
    }),
    GetSetDef::with_set(
        "_log_destroy_pending",
        "",
        |vm, v| Ok(Value::bool(this(vm, v)?.get(vm).core.log_destroy())),
        |vm, v, new| {
            let t = this(vm, v)?;
            let on = match new {
                Some(new) => vm.truth(&new)?,
                None => return Err(vm.attribute_error_text("cannot delete attribute")),
            };
            t.get_mut(vm).core.set_log_destroy(on);
            Ok(())
        },
    ),
];

/// The unfinished tasks that a loop that is closed leaves behind.
///
/// # Errors
/// What the exception handler lets through.
pub fn destroyed(vm: &mut Vm, tasks: Vec<Value>) -> R<()> {
    for t in &tasks {
        if let Some(t) = t.cast::<Task>() {
            t.get_mut(vm).slot = task::UNREGISTERED;
        }
    }
    for t in tasks {
        let Some(x) = t.cast::<Task>() else { continue };
        let this = x.get(vm);
        // Those that somebody else holds may be looked at again.
        if this.core.done() || !this.core.log_destroy() || x.header().ref_count() > 1 {
            continue;
        }
        report_destroyed(vm, x)?;
    }
    Ok(())
}

/// An unfinished task goes that nobody can run any more.
///
/// # Errors
/// What the exception handler lets through.
pub fn report_destroyed(vm: &mut Vm, t: &Ref<Task>) -> R<()> {
    let this = t.get(vm);
    let event_loop = this.core.event_loop.clone();
    let tb = this.core.extra.as_ref().map_or(Value::NONE, |e| e.source_traceback.clone());
    let text = vm.new_str("Task was destroyed but it is pending!").into_value();
    let mut pairs = vec![("task", t.value().clone()), ("message", text)];
    if !tb.is_none() {
        pairs.push(("source_traceback", tb));
    }
    let context = super::named_values(vm, &pairs);
    super::report::call_exception_handler(vm, &event_loop, &context)
}

/// Sets a result unless the future was cancelled.
///
/// # Errors
/// InvalidStateError when it is done otherwise.
pub fn set_result_unless_cancelled(vm: &mut Vm, f: &Value, v: Value) -> R<()> {
    if super::gather::is_cancelled(vm, f)? {
        return Ok(());
    }
    if future::core_of(vm, f).is_some() {
        return future::set_result(vm, f, v);
    }
    vm.call_method(f, "set_result", &[v]).map(drop)
}
