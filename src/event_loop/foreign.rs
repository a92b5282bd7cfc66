//! Where native futures, tasks and loops meet those of scripts: callbacks of native code as objects that scripts
//! can hold and call, loops with a `call_soon` of their own, futures that only follow the protocol.

use super::Classes;
use super::context;
use super::core::{Entry, EventLoop};
use super::future::{self, Callback};
use super::gather::{self, Gathering};
use super::task::{self, Task};
use crate::heap_object;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::{R, Value, Vm};

/// What a [`NativeCallback`] does when it is called with a future.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Stops the loop that is the target.
    StopLoop,
    /// Steps the task that is the target; `other` is the exception to throw.
    Step,
    /// Wakes the task that is the target.
    Wakeup,
    /// Counts a child of the `gather` that is the target.
    Child,
    /// The inner future of a `shield` is done; the target is the outer one, `other` the task that waits.
    ShieldInner,
    /// The outer future of a `shield` is done; the target is the inner one, `other` the inner one's callback.
    ShieldOuter,
    /// A task of the `TaskGroup` that is the target is done; `other` is the task that waits for the group.
    Member,
}

impl Trace for Role {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

impl Role {
    /// The name in a future's repr.
    fn name(self) -> &'static str {
        match self {
            Role::StopLoop => "_run_until_complete_cb",
            Role::Step => "Task.task_step",
            Role::Wakeup => "Task.task_wakeup",
            Role::Child => "gather.<locals>._done_callback",
            Role::ShieldInner => "shield.<locals>._inner_done_callback",
            Role::ShieldOuter => "shield.<locals>._outer_done_callback",
            Role::Member => "TaskGroup._on_task_done",
        }
    }
}

heap_object! {
    /// The payload of a native callback.
    pub struct NativeCallback { role: Role, target: Value, other: Value }
}

heap_object! {
    /// The payload of `AbstractEventLoop`, which has nothing of its own.
    #[derive(Default)]
    pub struct Bare {}
}

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.callback, METHODS, ATTRS);
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__call__(self, future=None, /)", "", |vm, args| {
        let c = vm.this::<NativeCallback>(args.pos, "__call__")?.clone();
        let done = args.pos.get(1).cloned().unwrap_or(Value::NONE);
        call(vm, &c, &done)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let c = vm.this::<NativeCallback>(a, "__repr__")?;
        let text = format!("<callback {} at {:#x}>", c.get(vm).role.name(), c.address());
        Ok(vm.new_str(&text).into())
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("__qualname__", "", |vm, v| {
        let c = vm.this::<NativeCallback>(std::slice::from_ref(v), "__qualname__")?;
        let name = c.get(vm).role.name();
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("__name__", "", |vm, v| {
        let c = vm.this::<NativeCallback>(std::slice::from_ref(v), "__name__")?;
        let name = c.get(vm).role.name().rsplit('.').next().unwrap_or_default();
        Ok(vm.intern(name).into())
    }),
    GetSetDef::new("__self__", "", |vm, v| {
        let c = vm.this::<NativeCallback>(std::slice::from_ref(v), "__self__")?;
        Ok(c.get(vm).target.clone())
    }),
];

/// A native callback that a script hands in, as the loop keeps it: a task that waits stands for itself, so that it is
/// stepped in its own context.
pub fn native_callback(vm: &Vm, v: &Value) -> Option<Callback> {
    let c = v.cast::<NativeCallback>()?.get(vm);
    let target = if c.role == Role::Wakeup { c.target.clone() } else { v.clone() };
    Some(Callback::native(target))
}

/// A native callback with this target.
///
/// # Errors
/// None in a sound build.
pub fn callback_object(vm: &mut Vm, role: Role, target: &Value) -> R {
    callback_with(vm, role, target, Value::UNDEF)
}

/// A native callback with a target and something else.
///
/// # Errors
/// None in a sound build.
pub fn callback_with(vm: &mut Vm, role: Role, target: &Value, other: Value) -> R {
    let class = super::classes(vm)?.callback.clone();
    Ok(vm.alloc_as(&class, NativeCallback { role, target: target.clone(), other }).into())
}

/// Tells a native object that waits for a future, other than a task, that it is done.
///
/// # Errors
/// What must leave the loop, and errors to be reported.
pub fn notify(vm: &mut Vm, target: &Value, done: &Value) -> R<()> {
    if let Some(g) = target.cast::<Gathering>() {
        return gather::child_done(vm, g, done);
    }
    match target.cast::<NativeCallback>() {
        Some(c) => call(vm, c, done),
        None => Ok(()),
    }
}

fn call(vm: &mut Vm, c: &Ref<NativeCallback>, done: &Value) -> R<()> {
    let this = c.get(vm);
    let (role, target, other) = (this.role, this.target.clone(), this.other.clone());
    match role {
        Role::StopLoop => stop_loop(vm, &target, done),
        Role::Step => match target.cast::<Task>() {
            Some(t) => task::step(vm, t, other),
            None => Ok(()),
        },
        Role::Wakeup => match target.cast::<Task>() {
            Some(t) => task::wakeup(vm, t, done.clone()),
            None => Ok(()),
        },
        Role::Child => match target.cast::<Gathering>() {
            Some(g) => gather::child_done(vm, g, done),
            None => Ok(()),
        },
        Role::ShieldInner => gather::shielded_done(vm, &target, done, &other),
        Role::ShieldOuter => gather::shield_done(vm, &target, &other),
        Role::Member => super::task_group::member_done(vm, &target, done),
    }
}

/// `run_until_complete` has what it waited for. SystemExit and KeyboardInterrupt leave the loop by themselves.
fn stop_loop(vm: &mut Vm, event_loop: &Value, done: &Value) -> R<()> {
    if !gather::is_cancelled(vm, done)? {
        // Who runs the loop gets it: it was seen.
        let e = gather::exception_of(vm, done)?;
        if vm.is_instance(&e, &vm.exc.SystemExit) || vm.is_instance(&e, &vm.exc.KeyboardInterrupt) {
            return Ok(());
        }
    }
    match event_loop.cast::<EventLoop>() {
        Some(l) if l.get(vm).plain.running => {
            l.get_mut(vm).stopping = true;
            Ok(())
        }
        _ => vm.call_method(event_loop, "stop", &[]).map(drop),
    }
}

/// A callback as scripts see it: the callable, and its context.
///
/// # Errors
/// None in a sound build.
pub fn visible_callback(vm: &mut Vm, callback: &Callback) -> R<(Value, Value)> {
    if !callback.is_native() {
        return Ok((callback.target.clone(), callback.context.clone()));
    }
    if let Some(t) = callback.target.cast::<Task>() {
        let context = context::of_task(vm, t)?;
        return Ok((callback_object(vm, Role::Wakeup, &callback.target)?, context));
    }
    if callback.target.is_a::<Gathering>() {
        return Ok((callback_object(vm, Role::Child, &callback.target)?, Value::NONE));
    }
    if callback.target.cast::<NativeCallback>().is_some_and(|c| c.get(vm).role == Role::StopLoop)
        && let Some(f) = vm.loaded_attr("asyncio.base_events", "_run_until_complete_cb")
    {
        // Libraries know a loop's main task by this callback.
        return Ok((f, Value::NONE));
    }
    Ok((callback.target.clone(), Value::NONE))
}

/// `loop.call_soon` of a loop that has one of its own.
///
/// # Errors
/// What it raises.
pub fn call_soon(vm: &mut Vm, event_loop: &Value, entry: Entry) -> R<()> {
    let (callable, argument, context) = match entry {
        Entry::Handle(h) => {
            let context = h.get(vm).context.clone();
            (vm.get_attr_str(h.value(), "_run")?, None, context)
        }
        Entry::Step(t, e) => {
            let context = context::of_task(vm, &t)?;
            (callback_with(vm, Role::Step, t.value(), e)?, None, context)
        }
        Entry::Done { callback, future } => {
            let (callable, context) = visible_callback(vm, &callback)?;
            (callable, Some(future), context)
        }
        Entry::JobDone { future, outcome, failed } => {
            return super::executor::complete(vm, &future, outcome, failed);
        }
        Entry::SleepOver(c) => return super::coroutine::wake(vm, &c),
        Entry::Io(t, ready) => return super::transport::on_ready(vm, &t, ready),
    };
    let name = vm.names.call_soon.clone();
    let f = vm.get_attr(event_loop, &name)?;
    let pos: Vec<Value> = std::iter::once(callable).chain(argument).collect();
    let keyword = vm.names.context.value().clone();
    let args = if context.is_none() {
        Args::positional(&pos)
    } else {
        Args { pos: &pos, kw_values: std::slice::from_ref(&context), kw_names: std::slice::from_ref(&keyword) }
    };
    vm.call_kw(&f, &args).map(drop)
}

/// A task's coroutine yielded something that is no future of a built-in class.
///
/// # Errors
/// As `task::step`.
pub fn wait_for(vm: &mut Vm, t: &Ref<Task>, v: Value) -> R<()> {
    let name = vm.names._asyncio_future_blocking.clone();
    let blocking = match vm.get_attr_opt(&v, &name)? {
        Some(b) if !b.is_none() => b,
        _ => return bad_yield(vm, t, &v),
    };
    let event_loop = t.get(vm).core.event_loop.clone();
    if !future::loop_of(vm, &v)?.is(&event_loop) {
        return task::different_loop(vm, t, &v);
    }
    if !vm.truth(&blocking)? {
        return task::not_blocking(vm, t, &v);
    }
    if v.is(t.value()) {
        return task::awaits_itself(vm, t);
    }
    vm.set_attr(&v, &name, Value::FALSE)?;
    let wakeup = callback_object(vm, Role::Wakeup, t.value())?;
    let add = vm.names.add_done_callback.clone();
    let add = vm.get_attr(&v, &add)?;
    let (context, keyword) = (context::of_task(vm, t)?, vm.names.context.value().clone());
    let args = Args {
        pos: std::slice::from_ref(&wakeup),
        kw_values: std::slice::from_ref(&context),
        kw_names: std::slice::from_ref(&keyword),
    };
    vm.call_kw(&add, &args)?;
    add_awaited_by(vm, &v, t.value());
    t.get_mut(vm).waiter = v.clone();
    if t.get(vm).core.must_cancel() {
        let message = t.get(vm).core.extra.as_ref().map_or(Value::NONE, |x| x.cancel_message.clone());
        if future::cancel_any(vm, &v, &message)? {
            t.get_mut(vm).core.set_must_cancel(false);
        }
    }
    Ok(())
}

fn bad_yield(vm: &mut Vm, t: &Ref<Task>, v: &Value) -> R<()> {
    let shown = vm.repr_string(v)?;
    let generator = vm.types.generator.clone();
    if vm.is_instance(v, &generator) {
        let task = vm.repr_string(t.value())?;
        let text = format!("yield was used instead of yield from for generator in task {task} with {shown}");
        return task::step_with_error(vm, t, text);
    }
    task::step_with_error(vm, t, format!("Task got bad yield: {shown}"))
}

/// Notes that a future is awaited by another one, where no callback tells.
pub fn add_awaited_by(vm: &mut Vm, awaited: &Value, waiter: &Value) {
    if future::core_of(vm, waiter).is_none() {
        return;
    }
    future::with_core(vm, awaited, |c| {
        let list = &mut c.extra().awaited_by;
        if !list.iter().any(|w| w.is(waiter)) {
            list.push(waiter.clone());
        }
    });
}

/// Notes that a future is no longer awaited by another one.
pub fn discard_awaited_by(vm: &mut Vm, awaited: &Value, waiter: &Value) {
    let old = future::with_core(vm, awaited, |c| {
        let list = &mut c.extra.as_mut()?.awaited_by;
        let at = list.iter().position(|w| w.is(waiter))?;
        Some(list.swap_remove(at))
    });
    drop(old);
}

/// Who awaits a native future: what was noted, and the native objects among its callbacks.
pub fn awaited_by(vm: &Vm, awaited: &Value) -> Vec<Value> {
    let Some(core) = future::core_of(vm, awaited) else { return Vec::new() };
    let mut found: Vec<Value> = core.extra.as_ref().map_or(Vec::new(), |x| x.awaited_by.clone());
    for c in core.callbacks().iter().filter(|c| c.is_native()) {
        let waiter = match (c.target.cast::<Gathering>(), c.target.cast::<NativeCallback>().map(|c| c.get(vm))) {
            (Some(g), _) => g.get(vm).waiter.clone(),
            (_, Some(c)) if c.role == Role::Member => c.other.clone(),
            _ => c.target.clone(),
        };
        if waiter.is_a::<Task>() && !found.iter().any(|w| w.is(&waiter)) {
            found.push(waiter);
        }
    }
    found
}
