//! `asyncio.Future` as scripts see it, and what `await future` drives. The transitions are in `future`.

use super::coroutine::{self, NativeCoroutine, Sender};
use super::foreign;
use super::future::{self, Callback, Extra, Future, FutureCore, State};
use super::gather::Gathering;
use super::task::Task;
use super::{Classes, context, unretrieved};
use crate::heap_object;
use crate::vm::exception::Traceback;
use crate::vm::generator::GenStep;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{NativeAwait, R, Value, Vm};

heap_object! {
    /// The payload of the iterator that `await future` drives; the future goes when it is exhausted.
    pub struct FutureIter { future: Value }
}

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.future, SHARED, &[]);
    vm.extend_class(&classes.future, METHODS, ATTRS);
    vm.extend_class(&classes.task, SHARED, &[]);
    vm.extend_class(&classes.future_iter, ITER, &[]);
}

const INIT: &str = "__init__(self, *, loop=None)";

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, Future { core: FutureCore::new(Value::UNDEF) }).into())
    }),
    NativeDef::raw(INIT, "", init_future),
    NativeDef::new("set_result(self, result, /)", "Mark the future done and set its result.", |vm, a| {
        check(vm, &a[0])?;
        future::set_result(vm, &a[0], a[1].clone())?;
        Ok(Value::NONE)
    })
    .of_heap_type(),
    NativeDef::new("set_exception(self, exception, /)", "Mark the future done and set an exception.", |vm, a| {
        check(vm, &a[0])?;
        let done = future::core_of(vm, &a[0]).is_some_and(|c| c.done());
        let e = if done { a[1].clone() } else { exception_instance(vm, &a[1])? };
        future::set_exception(vm, &a[0], e)?;
        Ok(Value::NONE)
    })
    .of_heap_type(),
    NativeDef::new("cancel(self, msg=None)", "Cancel the future and schedule callbacks.", |vm, a| {
        check(vm, &a[0])?;
        let message = arg_or_none(a, 1).clone();
        Ok(Value::bool(future::cancel(vm, &a[0], message)?))
    }),
    NativeDef::new("get_loop(self, /)", "Return the event loop the Future is bound to.", |vm, a| {
        check(vm, &a[0])?;
        Ok(future::core_of(vm, &a[0]).map_or(Value::NONE, |c| c.event_loop.clone()))
    })
    .of_heap_type(),
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", new_iter),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", new_iter),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        super::call_apy(vm, "base_futures", "_future_repr", &[a[0].clone()])
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

/// Methods that CPython has in both classes.
const SHARED: &[NativeDef] = &[
    NativeDef::new("result(self, /)", "Return the result this future represents.", |vm, a| {
        check_state(vm, &a[0])?;
        future::result(vm, &a[0])
    }),
    NativeDef::new("exception(self, /)", "Return the exception that was set on this future.", |vm, a| {
        check_state(vm, &a[0])?;
        future::exception(vm, &a[0])
    })
    .of_heap_type(),
    NativeDef::new("cancelled(self, /)", "Return True if the future was cancelled.", |vm, a| {
        Ok(Value::bool(future::core_of(vm, &a[0]).is_some_and(|c| c.state == State::Cancelled)))
    }),
    NativeDef::new("done(self, /)", "Return True if the future is done.", |vm, a| {
        Ok(Value::bool(future::core_of(vm, &a[0]).is_some_and(FutureCore::done)))
    }),
    NativeDef::new(
        "add_done_callback(self, fn, /, *, context=None)",
        "Add a callback to be run when the future becomes done.",
        add_done_callback,
    ),
    NativeDef::new(
        "remove_done_callback(self, fn, /)",
        "Remove all instances of a callback from the \"call when done\" list.",
        remove_done_callback,
    )
    .of_heap_type(),
    NativeDef::new("_make_cancelled_error(self, /)", "Create the CancelledError to raise.", |vm, a| {
        future::cancelled_error(vm, &a[0])
    }),
];

/// Refuses a future whose `__init__` was not called.
fn check(vm: &mut Vm, v: &Value) -> R<()> {
    match future::core_of(vm, v) {
        Some(c) if !c.event_loop.is_undef() => Ok(()),
        _ => Err(vm.runtime_error("Future object is not initialized.")),
    }
}

/// As [`check`], for methods that tell how the future stands.
fn check_state(vm: &mut Vm, v: &Value) -> R<()> {
    if future::core_of(vm, v).is_some_and(|c| c.event_loop.is_undef()) {
        let class = super::classes(vm)?.invalid_state.clone();
        return Err(vm.raise_text(&class, "Future object is not initialized."));
    }
    check(vm, v)
}

fn init_future(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = args.pos.first().cloned().unwrap_or(Value::NONE);
    let given = super::keyword(vm, args, "loop");
    if args.pos.len() > 1 || args.kw_names.len() > usize::from(given.is_some()) {
        vm.bind_init("Future", INIT, args)?;
    }
    let event_loop = match given {
        Some(l) if !l.is_none() => l,
        _ => super::current_loop(vm)?,
    };
    let debug = super::core::debug_of(vm, &event_loop)?;
    let fresh = FutureCore::new(event_loop);
    let old = future::with_core(vm, &this, |c| std::mem::replace(c, fresh));
    drop(old);
    if debug {
        future::note_source(vm, &this)?;
    }
    Ok(Value::NONE)
}

fn exception_instance(vm: &mut Vm, v: &Value) -> R {
    let e = if vm.is_exception_class(v) { vm.call(v, &[])? } else { v.clone() };
    if vm.as_exception(&e).is_none() {
        return Err(vm.type_error("invalid exception object"));
    }
    Ok(e)
}

fn add_done_callback(vm: &mut Vm, a: &[Value]) -> R {
    check(vm, &a[0])?;
    let given = arg_or_none(a, 2).clone();
    let context = if given.is_none() { context::copy_current(vm)? } else { given };
    let callback = foreign::native_callback(vm, &a[1]).unwrap_or_else(|| Callback { target: a[1].clone(), context });
    future::add_callback(vm, &a[0], callback)?;
    Ok(Value::NONE)
}

fn remove_done_callback(vm: &mut Vm, a: &[Value]) -> R {
    check(vm, &a[0])?;
    let all = future::core_of(vm, &a[0]).map_or(Vec::new(), FutureCore::callbacks);
    let native = foreign::native_callback(vm, &a[1]);
    let mut removed: Vec<Value> = Vec::new();
    for c in &all {
        let same = if c.is_native() {
            native.as_ref().is_some_and(|n| n.target.is(&c.target))
        } else {
            vm.equal(&c.target, &a[1])?
        };
        if same {
            removed.push(c.target.clone());
        }
    }
    if removed.is_empty() {
        return Ok(Value::int32(0));
    }
    // Comparing may have run script code: what was added meanwhile stays.
    let n = future::with_core(vm, &a[0], |core| {
        let now = core.callbacks();
        let before = now.len();
        let kept: Vec<Callback> = now.into_iter().filter(|c| !removed.iter().any(|r| r.is(&c.target))).collect();
        let n = before - kept.len();
        (n, core.set_callbacks(kept))
    });
    Ok(Value::len(n.map_or(0, |(n, _)| n)))
}

// ---- attributes ----

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_state", "", |vm, v| {
        let name = future::core_of(vm, v).map_or("PENDING", |c| c.state.name());
        Ok(vm.intern(name).into())
    }),
    GetSetDef::with_set(
        "_asyncio_future_blocking",
        "",
        |vm, v| field(vm, v, |c| Value::bool(c.blocking)),
        |vm, v, new| {
            let on = match new {
                Some(new) => vm.truth(&new)?,
                None => return Err(vm.attribute_error_text("cannot delete attribute")),
            };
            future::with_core(vm, v, |c| c.blocking = on);
            Ok(())
        },
    ),
    GetSetDef::new("_loop", "", |vm, v| {
        field(vm, v, |c| if c.event_loop.is_undef() { Value::NONE } else { c.event_loop.clone() })
    }),
    GetSetDef::new("_callbacks", "", callbacks),
    GetSetDef::new("_result", "", |vm, v| {
        field(vm, v, |c| if c.state == State::Finished { c.result.clone() } else { Value::NONE })
    }),
    GetSetDef::new("_exception", "", |vm, v| {
        field(vm, v, |c| if c.state == State::Failed { c.result.clone() } else { Value::NONE })
    }),
    GetSetDef::with_set(
        "_log_traceback",
        "",
        |vm, v| field(vm, v, |c| Value::bool(c.log_traceback)),
        |vm, v, new| {
            let on = match new {
                Some(new) => vm.truth(&new)?,
                None => return Err(vm.attribute_error_text("cannot delete attribute")),
            };
            if on {
                return Err(vm.value_error("_log_traceback can only be set to False"));
            }
            unretrieved::forget(vm, v);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_source_traceback",
        "",
        |vm, v| extra(vm, v, |x| x.source_traceback.clone()),
        |vm, v, new| {
            let new = new.unwrap_or(Value::NONE);
            let old = future::with_core(vm, v, |c| std::mem::replace(&mut c.extra().source_traceback, new));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_cancel_message",
        "",
        |vm, v| extra(vm, v, |x| x.cancel_message.clone()),
        |vm, v, new| {
            let new = new.unwrap_or(Value::NONE);
            let old = future::with_core(vm, v, |c| std::mem::replace(&mut c.extra().cancel_message, new));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::new("_asyncio_awaited_by", "", |vm, v| {
        let waiters = foreign::awaited_by(vm, v);
        if waiters.is_empty() {
            return Ok(Value::NONE);
        }
        let list = vm.list(waiters).into_value();
        let class = vm.types.frozenset.value().clone();
        vm.call(&class, &[list])
    }),
];

fn field(vm: &mut Vm, v: &Value, f: impl FnOnce(&FutureCore) -> Value) -> R {
    Ok(future::core_of(vm, v).map_or(Value::NONE, f))
}

fn extra(vm: &mut Vm, v: &Value, f: impl FnOnce(&Extra) -> Value) -> R {
    Ok(future::core_of(vm, v).and_then(|c| c.extra.as_deref()).map_or(Value::NONE, f))
}

fn callbacks(vm: &mut Vm, v: &Value) -> R {
    let all = future::core_of(vm, v).map_or(Vec::new(), FutureCore::callbacks);
    if all.is_empty() {
        return Ok(Value::NONE);
    }
    let mut items = Vec::with_capacity(all.len());
    for c in &all {
        let (callable, context) = foreign::visible_callback(vm, c)?;
        items.push(vm.pair([callable, context]));
    }
    Ok(vm.list(items).into())
}

// ---- awaiting ----

fn new_iter(vm: &mut Vm, a: &[Value]) -> R {
    check(vm, &a[0])?;
    let class = super::classes(vm)?.future_iter.clone();
    Ok(vm.alloc_as(&class, FutureIter { future: a[0].clone() }).into())
}

const ITER: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<FutureIter>(a, "__next__")?.clone();
        advance(vm, &it)
    }),
    NativeDef::new("send(self, value, /)", "Resume the await.", |vm, a| {
        let it = vm.this::<FutureIter>(a, "send")?.clone();
        advance(vm, &it)
    }),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "Raise an exception in the await.", |vm, a| {
        let it = vm.this::<FutureIter>(a, "throw")?.clone();
        let tb = arg_or_none(a, 3);
        if !tb.is_none() && !tb.is_a::<Traceback>() {
            return Err(vm.type_error("throw() third argument must be a traceback"));
        }
        if !vm.is_exception_class(&a[1]) && vm.as_exception(&a[1]).is_none() {
            let text = "exceptions must be classes deriving BaseException or instances of such a class";
            return Err(vm.type_error(text));
        }
        let e = crate::objects::generator::exception_to_throw(vm, a)?;
        let old = std::mem::replace(&mut it.get_mut(vm).future, Value::UNDEF);
        drop(old);
        Err(vm.raise(e))
    }),
    NativeDef::new("close(self, /)", "Give the await up.", |vm, a| {
        let it = vm.this::<FutureIter>(a, "close")?.clone();
        let old = std::mem::replace(&mut it.get_mut(vm).future, Value::UNDEF);
        drop(old);
        Ok(Value::NONE)
    }),
];

fn advance(vm: &mut Vm, it: &Ref<FutureIter>) -> R {
    let f = it.get(vm).future.clone();
    if !is_native(&f) {
        return Err(crate::vm::exception::Raised::stop_iteration());
    }
    if future::core_of(vm, &f).is_some_and(FutureCore::done) {
        let old = std::mem::replace(&mut it.get_mut(vm).future, Value::UNDEF);
        drop(old);
    }
    match drive(vm, &f)? {
        GenStep::Yielded(v) => Ok(v),
        GenStep::Returned(v) => Err(vm.stop_iteration(v)),
    }
}

/// One step of `await future`: the future itself while it is pending, then its result.
///
/// # Errors
/// The future's exception; RuntimeError when who drives it has not taken what was yielded before.
pub fn drive(vm: &mut Vm, f: &Value) -> R<GenStep> {
    let blocking =
        future::with_core(vm, f, |c| if c.done() { None } else { Some(std::mem::replace(&mut c.blocking, true)) });
    match blocking.flatten() {
        None => future::result(vm, f).map(GenStep::Returned),
        Some(false) => Ok(GenStep::Yielded(f.clone())),
        Some(true) => Err(vm.runtime_error("await wasn't used with future")),
    }
}

/// `await` on a future of a built-in class drives the future itself: an iterator would hold nothing else.
pub const NATIVE_AWAIT: NativeAwait = NativeAwait {
    accepts: |vm, v| {
        if let Some(c) = v.cast::<NativeCoroutine>() {
            if coroutine::is_suspended(vm, c) {
                return Err(vm.runtime_error("coroutine is being awaited already"));
            }
            return Ok(true);
        }
        Ok(future::is_exact(vm, v) && future::core_of(vm, v).is_some_and(|c| !c.event_loop.is_undef()))
    },
    resume: |vm, v| {
        if let Some(c) = v.cast::<NativeCoroutine>() {
            return Some(coroutine::resume(vm, c, Sender::Await));
        }
        if future::is_exact(vm, v) { Some(drive(vm, v)) } else { None }
    },
};

/// Whether the value is a native future.
pub fn is_native(v: &Value) -> bool {
    v.is_a::<Future>() || v.is_a::<Task>() || v.is_a::<Gathering>()
}
