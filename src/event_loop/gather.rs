//! `gather`, `shield` and `ensure_future`: futures made of others.

use super::Classes;
use super::core::{self, EventLoop};
use super::foreign::{self, Role};
use super::future::{self, Callback, FutureCore, State};
use super::task::{self, TaskOptions};
use crate::heap_object;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A hasher for the identities of objects, which differ in their middle bits.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.write_u64(u64::from(*b));
        }
    }

    fn write_u64(&mut self, n: u64) {
        let mixed = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

heap_object! {
    /// The payload of what `gather` gives.
    pub struct Gathering {
        /// The future that it is.
        pub core: FutureCore,
        /// The futures, one for each argument.
        pub children: Vec<Value>,
        /// How many different ones there are.
        total: usize,
        /// How many are done.
        finished: usize,
        return_exceptions: bool,
        cancel_requested: bool,
        /// The task that called `gather`, or `UNDEF`.
        pub waiter: Value,
    }
    external = |this| this.core.external() + this.children.capacity() * 8;
}

/// Gives the class its methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.gathering, METHODS, ATTRS);
}

const METHODS: &[NativeDef] = &[NativeDef::new("cancel(self, msg=None)", "Cancel all children.", |vm, a| {
    let g = vm.this::<Gathering>(a, "cancel")?.clone();
    let message = arg_or_none(a, 1).clone();
    Ok(Value::bool(cancel(vm, &g, message)?))
})];

const ATTRS: &[GetSetDef] = &[GetSetDef::new("_children", "", |vm, v| {
    let g = vm.this::<Gathering>(std::slice::from_ref(v), "_children")?;
    let children = g.get(vm).children.clone();
    Ok(vm.list(children).into())
})];

/// `ensure_future(awaitable, loop=…)`.
///
/// # Errors
/// TypeError when it is no awaitable; ValueError when it is a future of another loop.
pub fn ensure_future(vm: &mut Vm, v: &Value, event_loop: Option<&Value>) -> R {
    if future::is_future(vm, v)? {
        if let Some(l) = event_loop
            && !future::loop_of(vm, v)?.is(l)
        {
            return Err(
                vm.value_error("The future belongs to a different loop than the one specified as the loop argument")
            );
        }
        return Ok(v.clone());
    }
    let mut close = true;
    let coro = if task::is_coroutine(vm, v)? {
        v.clone()
    } else if is_awaitable(vm, v)? {
        close = false;
        super::call_apy(vm, "tasks", "_wrap_awaitable", std::slice::from_ref(v))?
    } else {
        return Err(vm.type_error("An asyncio.Future, a coroutine or an awaitable is required"));
    };
    let made = match event_loop {
        Some(l) => create_task(vm, l, &coro, &Args::positional(&[])),
        None => super::current_loop(vm).and_then(|l| create_task(vm, &l, &coro, &Args::positional(&[]))),
    };
    match made {
        Err(e) if close && vm.raised_is(&e, &vm.exc.RuntimeError) => {
            vm.call_method(&coro, "close", &[])?;
            Err(e)
        }
        other => other,
    }
}

/// `inspect.isawaitable(v)`, but for coroutines.
fn is_awaitable(vm: &mut Vm, v: &Value) -> R<bool> {
    use crate::vm::generator::Generator;
    if let Some(g) = v.cast::<Generator>() {
        return Ok(vm.gen_flags(g).has(crate::compiler::code::CodeFlags::ITERABLE_COROUTINE));
    }
    Ok(vm.special(v, crate::vm::special::Special::Await).is_some())
}

/// `loop.create_task(coro, **keywords)` of any loop.
///
/// # Errors
/// What it raises.
pub fn create_task(vm: &mut Vm, event_loop: &Value, coro: &Value, keywords: &Args<'_>) -> R {
    if let Some(l) = event_loop.cast::<EventLoop>()
        && l.get(vm).plain.create_task
    {
        return native_create_task(vm, l, coro, keywords);
    }
    let name = vm.names.create_task.clone();
    let f = vm.get_attr(event_loop, &name)?;
    vm.call_kw(&f, &Args { pos: std::slice::from_ref(coro), ..*keywords })
}

/// `create_task` of native loops.
///
/// # Errors
/// RuntimeError when the loop is closed; what the task factory raises.
pub fn native_create_task(vm: &mut Vm, l: &Ref<EventLoop>, coro: &Value, keywords: &Args<'_>) -> R {
    core::check_open(vm, l)?;
    let factory = l.get(vm).task_factory.clone();
    if !factory.is_none() {
        let pos = [l.value().clone(), coro.clone()];
        return vm.call_kw(&factory, &Args { pos: &pos, ..*keywords });
    }
    let mut options =
        TaskOptions { event_loop: l.value().clone(), name: Value::NONE, context: Value::NONE, eager: false };
    if !keywords.kw_names.is_empty() {
        super::only_keywords(vm, keywords, "Task", &["name", "context", "eager_start"])?;
        options.name = super::keyword(vm, keywords, "name").unwrap_or(Value::NONE);
        options.context = super::keyword(vm, keywords, "context").unwrap_or(Value::NONE);
        if let Some(v) = super::keyword(vm, keywords, "eager_start") {
            options.eager = vm.truth(&v)?;
        }
    }
    task::new_task(vm, coro, options)
}

// ---- futures of any kind ----

/// The state of a future whose methods no class of a script's replaces.
fn plain_core<'a>(vm: &'a Vm, f: &'a Value) -> Option<&'a FutureCore> {
    if future::is_exact(vm, f) { future::core_of(vm, f) } else { None }
}

/// `future.cancelled()` of any future.
///
/// # Errors
/// What a script's method raises.
pub fn is_cancelled(vm: &mut Vm, f: &Value) -> R<bool> {
    if let Some(c) = plain_core(vm, f) {
        return Ok(c.state == State::Cancelled);
    }
    let name = vm.names.cancelled.clone();
    let v = vm.call_method_interned(f, &name, &[])?;
    vm.truth(&v)
}

/// `future.done()` of any future.
///
/// # Errors
/// What a script's method raises.
pub fn is_done(vm: &mut Vm, f: &Value) -> R<bool> {
    if let Some(c) = plain_core(vm, f) {
        return Ok(c.done());
    }
    let name = vm.names.done.clone();
    let v = vm.call_method_interned(f, &name, &[])?;
    vm.truth(&v)
}

/// `future.exception()` of a future that is done and not cancelled.
///
/// # Errors
/// What a script's method raises.
pub fn exception_of(vm: &mut Vm, f: &Value) -> R {
    if plain_core(vm, f).is_some() {
        return future::exception(vm, f);
    }
    let name = vm.names.exception.clone();
    vm.call_method_interned(f, &name, &[])
}

fn make_cancelled_error(vm: &mut Vm, f: &Value) -> R {
    if future::core_of(vm, f).is_some() {
        return future::cancelled_error(vm, f);
    }
    vm.call_method(f, "_make_cancelled_error", &[])
}

fn add_native_callback(vm: &mut Vm, f: &Value, target: &Value, role: Role) -> R<()> {
    if future::is_exact(vm, f) {
        return future::add_callback(vm, f, Callback::native(target.clone()));
    }
    let callable = if target.is_a::<foreign::NativeCallback>() {
        target.clone()
    } else {
        foreign::callback_object(vm, role, target)?
    };
    let name = vm.names.add_done_callback.clone();
    vm.call_method_interned(f, &name, &[callable]).map(drop)
}

// ---- gather ----

/// `gather(*awaitables, return_exceptions=False)`.
///
/// # Errors
/// TypeError when one is no awaitable.
pub fn gather(vm: &mut Vm, awaitables: &[Value], return_exceptions: bool) -> R {
    if awaitables.is_empty() {
        let l = super::current_loop(vm)?;
        let outer = future::create_future(vm, &l)?;
        let empty = vm.list(Vec::new()).into_value();
        future::set_result(vm, &outer, empty)?;
        return Ok(outer);
    }
    let mut event_loop = super::running_loop(vm);
    let waiter = match &event_loop {
        Some(l) => task::current_task(vm, l),
        None => Value::UNDEF,
    };
    let class = super::classes(vm)?.gathering.clone();
    let payload = Gathering {
        core: FutureCore::new(event_loop.clone().unwrap_or(Value::UNDEF)),
        total: 0,
        children: Vec::with_capacity(awaitables.len()),
        finished: 0,
        return_exceptions,
        cancel_requested: false,
        waiter,
    };
    let g = vm.alloc_as(&class, payload);
    let done = match collect(vm, &g, awaitables, &mut event_loop) {
        Ok(done) => done,
        Err(e) => {
            // Nobody will have the future, but some children may know it already.
            g.get_mut(vm).core.state = State::Cancelled;
            return Err(e);
        }
    };
    let Some(event_loop) = event_loop else { return Ok(Value::NONE) };
    g.get_mut(vm).core.event_loop = event_loop.clone();
    if core::debug_of(vm, &event_loop)? {
        future::note_source(vm, g.value())?;
    }
    for f in done {
        child_done(vm, &g, &f)?;
    }
    Ok(g.into_value())
}

/// Makes the children of a `gather`, each with its callback, one after the other; gives those that are done already.
fn collect(vm: &mut Vm, g: &Ref<Gathering>, awaitables: &[Value], event_loop: &mut Option<Value>) -> R<Vec<Value>> {
    let repeated = repeated(awaitables);
    g.get_mut(vm).total = awaitables.len() - repeated.len();
    let mut done = Vec::new();
    for (i, a) in awaitables.iter().enumerate() {
        if let Some(f) = repeated.get(&i).and_then(|at| child_at(vm, g, *at)) {
            g.get_mut(vm).children.push(f);
            continue;
        }
        let f = ensure_future(vm, a, event_loop.as_ref())?;
        if event_loop.is_none() {
            *event_loop = Some(future::loop_of(vm, &f)?);
        }
        if !f.is(a)
            && let Some(t) = f.cast::<task::Task>()
        {
            t.get_mut(vm).core.set_log_destroy(false);
        }
        g.get_mut(vm).children.push(f.clone());
        if is_done(vm, &f)? {
            done.push(f);
        } else {
            add_native_callback(vm, &f, g.value(), Role::Child)?;
        }
    }
    Ok(done)
}

fn child_at(vm: &Vm, g: &Ref<Gathering>, at: usize) -> Option<Value> {
    g.get(vm).children.get(at).cloned()
}

/// The places of objects that came before, each with the place where it did so first.
fn repeated(objects: &[Value]) -> HashMap<usize, usize> {
    const FEW: usize = 16;
    let all_different = if objects.len() <= FEW {
        objects.iter().enumerate().all(|(i, a)| !objects[..i].iter().any(|b| a.is(b)))
    } else {
        let mut bits: Vec<u64> = objects.iter().map(Value::bits).collect();
        bits.sort_unstable();
        bits.windows(2).all(|pair| pair[0] != pair[1])
    };
    let mut repeated = HashMap::new();
    if !all_different {
        let mut first: HashMap<u64, usize, BuildHasherDefault<IdHasher>> = HashMap::default();
        for (i, a) in objects.iter().enumerate() {
            let at = *first.entry(a.bits()).or_insert(i);
            if at != i {
                repeated.insert(i, at);
            }
        }
    }
    repeated
}

/// A child of a `gather` is done.
///
/// # Errors
/// What methods of foreign futures raise.
pub fn child_done(vm: &mut Vm, g: &Ref<Gathering>, child: &Value) -> R<()> {
    let (outer_done, return_exceptions, all) = {
        let mut this = g.get_mut(vm);
        this.finished += 1;
        (this.core.done(), this.return_exceptions, this.finished == this.total)
    };
    let cancelled = is_cancelled(vm, child)?;
    if outer_done {
        if !cancelled {
            // Nobody else will look at the exception.
            drop(exception_of(vm, child)?);
        }
        return Ok(());
    }
    if !return_exceptions {
        let e = if cancelled { make_cancelled_error(vm, child)? } else { exception_of(vm, child)? };
        if !e.is_none() {
            return future::set_exception(vm, g.value(), e);
        }
    }
    if !all {
        return Ok(());
    }
    let n = g.get(vm).children.len();
    let mut results = Vec::with_capacity(n);
    for at in 0..n {
        if let Some(c) = child_at(vm, g, at) {
            results.push(child_result(vm, &c)?);
        }
    }
    if g.get(vm).cancel_requested {
        let e = make_cancelled_error(vm, child)?;
        return future::set_exception(vm, g.value(), e);
    }
    let results = vm.list(results).into_value();
    future::set_result(vm, g.value(), results)
}

/// What a child contributes to the list: its result or its exception.
fn child_result(vm: &mut Vm, child: &Value) -> R {
    if let Some(c) = plain_core(vm, child)
        && c.state == State::Finished
    {
        return Ok(c.result.clone());
    }
    if is_cancelled(vm, child)? {
        let class = super::classes(vm)?.cancelled_error.clone();
        let message = match future::core_of(vm, child) {
            Some(c) => c.extra.as_ref().map_or(Value::NONE, |x| x.cancel_message.clone()),
            None => vm.get_attr_str(child, "_cancel_message")?,
        };
        let message = if message.is_none() { vm.new_str("").into_value() } else { message };
        return Ok(vm.new_exception(&class, vec![message]).into_value());
    }
    let e = exception_of(vm, child)?;
    if e.is_none() { future::outcome(vm, child) } else { Ok(e) }
}

/// `cancel` of what `gather` gave: its children are cancelled.
///
/// # Errors
/// What a child's `cancel` raises.
pub fn cancel(vm: &mut Vm, g: &Ref<Gathering>, message: Value) -> R<bool> {
    if g.get(vm).core.done() {
        return Ok(false);
    }
    let mut any = false;
    for c in g.get(vm).children.clone() {
        if vm.guarded(|vm| future::cancel_any(vm, &c, &message))? {
            any = true;
        }
    }
    if any {
        g.get_mut(vm).cancel_requested = true;
    }
    Ok(any)
}

// ---- shield ----

/// `shield(awaitable)`.
///
/// # Errors
/// TypeError when it is no awaitable.
pub fn shield(vm: &mut Vm, v: &Value) -> R {
    let inner = ensure_future(vm, v, None)?;
    if is_done(vm, &inner)? {
        return Ok(inner);
    }
    let l = future::loop_of(vm, &inner)?;
    let outer = future::create_future(vm, &l)?;
    let waiter = task::current_task(vm, &l);
    if !waiter.is_undef() {
        foreign::add_awaited_by(vm, &inner, &waiter);
    }
    let on_inner = foreign::callback_with(vm, Role::ShieldInner, &outer, waiter)?;
    add_native_callback(vm, &inner, &on_inner, Role::ShieldInner)?;
    let on_outer = foreign::callback_with(vm, Role::ShieldOuter, &inner, on_inner)?;
    add_native_callback(vm, &outer, &on_outer, Role::ShieldOuter)?;
    Ok(outer)
}

/// The inner future of a `shield` is done.
///
/// # Errors
/// What methods of foreign futures raise.
pub fn shielded_done(vm: &mut Vm, outer: &Value, inner: &Value, waiter: &Value) -> R<()> {
    foreign::discard_awaited_by(vm, inner, waiter);
    if is_cancelled(vm, outer)? {
        return Ok(());
    }
    if is_cancelled(vm, inner)? {
        return future::cancel_any(vm, outer, &Value::NONE).map(drop);
    }
    let e = exception_of(vm, inner)?;
    if !e.is_none() {
        return future::set_exception(vm, outer, e);
    }
    let v = future::outcome(vm, inner)?;
    future::set_result(vm, outer, v)
}

/// The outer future of a `shield` is done.
///
/// # Errors
/// What methods of foreign futures raise.
pub fn shield_done(vm: &mut Vm, inner: &Value, on_inner: &Value) -> R<()> {
    if is_done(vm, inner)? {
        return Ok(());
    }
    if future::is_exact(vm, inner) {
        future::remove_native(vm, inner, on_inner);
    } else {
        let name = vm.names.remove_done_callback.clone();
        vm.call_method_interned(inner, &name, std::slice::from_ref(on_inner))?;
    }
    Ok(())
}
