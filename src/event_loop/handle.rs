//! Handles: callbacks that were given to the loop, and can be taken back.

use super::core::EventLoop;
use super::{Classes, context, future, report};
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `asyncio.Handle` and `asyncio.TimerHandle`.
    pub struct Handle {
        /// The callback; `None` once cancelled.
        pub callback: Value,
        /// Its arguments: a tuple; `None` once cancelled.
        pub args: Value,
        /// The loop.
        pub event_loop: Value,
        /// The context.
        pub context: Value,
        /// `_source_traceback`, or `None`.
        pub source_traceback: Value,
        /// Its text from before it was cancelled, in debug mode; else `None`.
        pub repr: Value,
        /// When it is due (timers).
        pub when: Value,
        /// It was cancelled.
        pub cancelled: bool,
        /// It is in the loop's heap (timers).
        pub scheduled: bool,
    }
    kind = Handle;
}

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    debug_assert!(classes.handle.get(vm).has(class_flag::BASE));
    vm.extend_class(&classes.handle, METHODS, ATTRS);
    vm.extend_class(&classes.handle, REPLACED, &[]);
    vm.extend_class(&classes.thread_safe_handle, REPLACED, &[]);
    vm.extend_class(&classes.timer_handle, TIMER_METHODS, TIMER_ATTRS);
    vm.extend_class(&classes.timer_handle, TIMER_REPLACED, &[]);
}

fn blank() -> Handle {
    Handle {
        callback: Value::NONE,
        args: Value::NONE,
        event_loop: Value::NONE,
        context: Value::NONE,
        source_traceback: Value::NONE,
        repr: Value::NONE,
        when: Value::NONE,
        cancelled: false,
        scheduled: false,
    }
}

/// A handle that is not in any queue yet. `context` may be `None`: a copy of the current one.
///
/// # Errors
/// None in a sound build.
pub fn new(vm: &mut Vm, callback: Value, args: Value, event_loop: &Value, context: Value) -> R<Ref<Handle>> {
    let context = if context.is_none() { context::copy_current(vm)? } else { context };
    let tb = if super::core::debug_of(vm, event_loop)? { future::source_traceback(vm)? } else { Value::NONE };
    let classes = super::classes(vm)?;
    let h = Handle { callback, args, event_loop: event_loop.clone(), context, source_traceback: tb, ..blank() };
    Ok(vm.alloc_as(&classes.handle, h))
}

/// As [`new`], for `call_soon_threadsafe`.
///
/// # Errors
/// None in a sound build.
pub fn new_thread_safe(
    vm: &mut Vm,
    callback: Value,
    args: Value,
    event_loop: &Value,
    context: Value,
) -> R<Ref<Handle>> {
    let class = super::classes(vm)?.thread_safe_handle.clone();
    let h = vm.alloc_as(&class, blank());
    fill(vm, &h, callback, args, event_loop, context)?;
    Ok(h)
}

/// A timer handle that is not in any heap yet.
///
/// # Errors
/// None in a sound build.
pub fn new_timer(
    vm: &mut Vm,
    when: Value,
    callback: Value,
    args: Value,
    event_loop: &Value,
    context: Value,
) -> R<Ref<Handle>> {
    let class = super::classes(vm)?.timer_handle.clone();
    let h = vm.alloc_as(&class, Handle { when, ..blank() });
    fill(vm, &h, callback, args, event_loop, context)?;
    Ok(h)
}

fn fill(vm: &mut Vm, h: &Ref<Handle>, callback: Value, args: Value, event_loop: &Value, context: Value) -> R<()> {
    let context = if context.is_none() { context::copy_current(vm)? } else { context };
    let tb = if super::core::debug_of(vm, event_loop)? { future::source_traceback(vm)? } else { Value::NONE };
    let mut this = h.get_mut(vm);
    this.callback = callback;
    this.args = args;
    this.event_loop = event_loop.clone();
    this.context = context;
    this.source_traceback = tb;
    Ok(())
}

/// Runs a handle's callback; its exceptions go to the loop's exception handler.
///
/// # Errors
/// SystemExit, KeyboardInterrupt, and what stops the interpreter.
pub fn run(vm: &mut Vm, h: &Ref<Handle>) -> R<()> {
    let this = h.get(vm);
    let (callback, args, c) = (this.callback.clone(), this.args.clone(), this.context.clone());
    let result = if crate::modules::contextvars::is_context(&c) {
        context::run(vm, &c, |vm| call(vm, &callback, &args))
    } else {
        let items = args.cast::<Tuple>().map_or(Vec::new(), |t| t.get(vm).items().to_vec());
        context::call(vm, &c, &callback, &items)
    };
    match result {
        Ok(()) => Ok(()),
        Err(e) if super::leaves_loop(vm, &e) => Err(e),
        Err(e) => report::callback_failed(vm, h.value(), e),
    }
}

fn call(vm: &mut Vm, callback: &Value, args: &Value) -> R<()> {
    match args.cast::<Tuple>() {
        Some(t) => vm.call_tuple(callback, t),
        None => vm.call(callback, &[]),
    }
    .map(drop)
}

/// `handle.cancel()`.
///
/// # Errors
/// What a script's `_timer_handle_cancelled` raises.
pub fn cancel(vm: &mut Vm, h: &Ref<Handle>) -> R<()> {
    let this = h.get(vm);
    if this.cancelled {
        return Ok(());
    }
    let (event_loop, scheduled) = (this.event_loop.clone(), this.scheduled);
    match event_loop.cast::<EventLoop>() {
        Some(l) if scheduled => l.get_mut(vm).timers.note_cancelled(),
        None if is_timer(vm, h) => {
            vm.call_method(&event_loop, "_timer_handle_cancelled", &[h.value().clone()])?;
        }
        _ => {}
    }
    h.get_mut(vm).cancelled = true;
    if super::core::debug_of(vm, &event_loop)? {
        // Reports of slow callbacks and the like still tell what it was.
        let text = vm.repr(h.value())?.into_value();
        h.get_mut(vm).repr = text;
    }
    let (callback, args) = {
        let mut this = h.get_mut(vm);
        (std::mem::replace(&mut this.callback, Value::NONE), std::mem::replace(&mut this.args, Value::NONE))
    };
    drop((callback, args));
    Ok(())
}

fn is_timer(vm: &Vm, h: &Ref<Handle>) -> bool {
    !h.get(vm).when.is_none()
}

// ---- what scripts see ----

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, callback, args, loop, context=None)", "", make),
    NativeDef::new("__init__(self, callback, args, loop, context=None)", "", |vm, a| {
        let h = vm.this::<Handle>(a, "__init__")?.clone();
        let context = crate::vm::native::arg_or_none(a, 4).clone();
        let args = tuple_of(vm, &a[2])?;
        fill(vm, &h, a[1].clone(), args, &a[3], context)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("get_context(self)", "The context that the callback runs in.", |vm, a| {
        let h = vm.this::<Handle>(a, "get_context")?;
        Ok(h.get(vm).context.clone())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let h = vm.this::<Handle>(a, "__repr__")?;
        let kept = h.get(vm).repr.clone();
        if !kept.is_none() {
            return Ok(kept);
        }
        super::call_apy(vm, "format_helpers", "_handle_repr", &[a[0].clone()])
    }),
];

/// Methods that handles for other threads have of their own in CPython.
const REPLACED: &[NativeDef] = &[
    CANCEL,
    NativeDef::new("cancelled(self)", "Whether the callback was taken back.", |vm, a| {
        let h = vm.this::<Handle>(a, "cancelled")?;
        Ok(Value::bool(h.get(vm).cancelled))
    }),
    NativeDef::new("_run(self)", "Run the callback.", |vm, a| {
        let h = vm.this::<Handle>(a, "_run")?.clone();
        run(vm, &h)?;
        Ok(Value::NONE)
    }),
];

/// The one that timers have.
const TIMER_REPLACED: &[NativeDef] = &[CANCEL];

const CANCEL: NativeDef = NativeDef::new("cancel(self)", "Take the callback back.", |vm, a| {
    let h = vm.this::<Handle>(a, "cancel")?.clone();
    cancel(vm, &h)?;
    Ok(Value::NONE)
});

/// An object that `__init__` fills.
fn make(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    Ok(vm.alloc_as(&class, blank()).into())
}

fn tuple_of(vm: &mut Vm, v: &Value) -> R {
    if v.is_a::<Tuple>() || v.is_none() {
        return Ok(v.clone());
    }
    let items = vm.collect(v)?;
    Ok(vm.tuple(items).into())
}

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_callback", "", |vm, v| field(vm, v, |h| h.callback.clone())),
    GetSetDef::new("_args", "", |vm, v| field(vm, v, |h| h.args.clone())),
    GetSetDef::new("_context", "", |vm, v| field(vm, v, |h| h.context.clone())),
    GetSetDef::new("_loop", "", |vm, v| field(vm, v, |h| h.event_loop.clone())),
    GetSetDef::new("_cancelled", "", |vm, v| field(vm, v, |h| Value::bool(h.cancelled))),
    GetSetDef::new("_repr", "", |vm, v| field(vm, v, |h| h.repr.clone())),
    GetSetDef::with_set(
        "_source_traceback",
        "",
        |vm, v| field(vm, v, |h| h.source_traceback.clone()),
        |vm, v, new| {
            let h = vm.this::<Handle>(std::slice::from_ref(v), "_source_traceback")?.clone();
            let old = std::mem::replace(&mut h.get_mut(vm).source_traceback, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
];

fn field(vm: &mut Vm, v: &Value, f: impl FnOnce(&Handle) -> Value) -> R {
    let h = vm.this::<Handle>(std::slice::from_ref(v), "_callback")?;
    Ok(f(h.get(vm)))
}

const TIMER_METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, when, callback, args, loop, context=None)", "", make),
    NativeDef::new("__init__(self, when, callback, args, loop, context=None)", "", |vm, a| {
        let h = vm.this::<Handle>(a, "__init__")?.clone();
        h.get_mut(vm).when = a[1].clone();
        let context = crate::vm::native::arg_or_none(a, 5).clone();
        let args = tuple_of(vm, &a[3])?;
        fill(vm, &h, a[2].clone(), args, &a[4], context)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("when(self)", "When the callback is due, by the loop's clock.", |vm, a| {
        let h = vm.this::<Handle>(a, "when")?;
        Ok(h.get(vm).when.clone())
    }),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let h = vm.this::<Handle>(a, "__hash__")?;
        let when = h.get(vm).when.clone();
        let hash = vm.hash(&when)?;
        Ok(vm.int(hash as i64))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
];

const TIMER_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_when", "", |vm, v| field(vm, v, |h| h.when.clone())),
    GetSetDef::with_set(
        "_scheduled",
        "",
        |vm, v| field(vm, v, |h| Value::bool(h.scheduled)),
        |vm, v, new| {
            let h = vm.this::<Handle>(std::slice::from_ref(v), "_scheduled")?.clone();
            let on = match new {
                Some(new) => vm.truth(&new)?,
                None => false,
            };
            h.get_mut(vm).scheduled = on;
            Ok(())
        },
    ),
];

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let this = vm.this::<Handle>(a, "__eq__")?.clone();
    let class = super::classes(vm)?.timer_handle.clone();
    let Some(other) = a[1].cast::<Handle>().filter(|_| vm.is_instance(&a[1], &class)).cloned() else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let (x, y) = (this.get(vm).when.clone(), other.get(vm).when.clone());
    match op {
        CmpOp::Lt | CmpOp::Gt => vm.rich_compare(&x, &y, op),
        CmpOp::Eq => Ok(Value::bool(same(vm, &this, &other)?)),
        CmpOp::Ne => Ok(Value::bool(!same(vm, &this, &other)?)),
        CmpOp::Le => Ok(Value::bool(vm.compare(&x, &y, CmpOp::Lt)? || same(vm, &this, &other)?)),
        CmpOp::Ge => Ok(Value::bool(vm.compare(&x, &y, CmpOp::Gt)? || same(vm, &this, &other)?)),
    }
}

fn same(vm: &mut Vm, a: &Ref<Handle>, b: &Ref<Handle>) -> R<bool> {
    let parts = |h: &Handle| [h.when.clone(), h.callback.clone(), h.args.clone()];
    let (x, y) = (parts(a.get(vm)), parts(b.get(vm)));
    for (p, q) in x.iter().zip(&y) {
        if !vm.equal(p, q)? {
            return Ok(false);
        }
    }
    Ok(a.get(vm).cancelled == b.get(vm).cancelled)
}

/// The arguments after the callback, as a handle keeps them.
pub fn rest(vm: &mut Vm, args: &Args<'_>, from: usize) -> Value {
    match args.pos.get(from..) {
        Some(items) if !items.is_empty() => vm.tuple_of_copies(items).into_value(),
        _ => vm.empty_tuple(),
    }
}
