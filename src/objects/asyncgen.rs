//! Async generators as scripts see them: `asend`, `athrow`, `aclose` and the awaitables that they give (PEP 525).

use super::generator::{self, exception_to_throw};
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::exception::Raised;
use crate::vm::generator::{GenState, GenStep, Generator};
use crate::vm::native::{GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

const INIT: u8 = 0;
const ITERATING: u8 = 1;
const CLOSED: u8 = 2;

heap_object! {
    /// The payload of `async_generator_asend`.
    pub struct Asend { agen: Ref<Generator>, value: Value, state: u8 }
}

heap_object! {
    /// The payload of `async_generator_athrow`; without an exception it is an `aclose()`.
    pub struct Athrow { agen: Ref<Generator>, args: Option<Vec<Value>>, state: u8 }
}

/// Gives async generators their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.async_generator.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    let asend = vm.define_class::<Asend>("builtins", "async_generator_asend", None, class_flag::DEL)?;
    let athrow = vm.define_class::<Athrow>("builtins", "async_generator_athrow", None, class_flag::DEL)?;
    for (class, methods) in [(asend, ASEND), (athrow, ATHROW)] {
        vm.extend_class(&class, methods, &[]);
        // Their instances have a finalizer from now on.
        vm.class_changed(&class);
    }
    Ok(())
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__aiter__(self, /)", "Return an awaitable, that resolves in asynchronous iterator.", |_, a| {
        Ok(a[0].clone())
    }),
    NativeDef::new("__anext__(self, /)", "Return a value or raise StopAsyncIteration.", |vm, a| {
        new_asend(vm, a, Value::NONE)
    }),
    NativeDef::new("asend(self, value, /)", "Send 'value' in generator.", |vm, a| new_asend(vm, a, a[1].clone())),
    // Wrong arguments are found when the result is awaited.
    NativeDef::new("athrow(self, *args)", "Raise exception in generator.", |vm, a| {
        let agen = first_use(vm, a)?;
        let mut args = vec![a[0].clone()];
        args.extend(vm.tuple_clone(&a[1]).unwrap_or_default());
        let args = Some(args);
        Ok(vm.alloc(Athrow { agen, args, state: INIT }).into())
    }),
    NativeDef::new("aclose(self, /)", "Raise GeneratorExit inside generator.", |vm, a| {
        let agen = first_use(vm, a)?;
        Ok(vm.alloc(Athrow { agen, args: None, state: INIT }).into())
    }),
    NativeDef::new("__del__(self, /)", "Called when the instance is about to be destroyed.", generator::finalize),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
    NativeDef::new("__sizeof__(self, /)", "Size of the generator in memory, in bytes.", |_, _| Ok(Value::int32(104))),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("__name__", "name of the async generator", generator::get_name, generator::set_name),
    GetSetDef::with_set(
        "__qualname__",
        "qualified name of the async generator",
        generator::get_qualname,
        generator::set_qualname,
    ),
    GetSetDef::new("ag_await", "object being awaited on, or None", generator::delegate),
    GetSetDef::new("ag_frame", "", generator::frame),
    GetSetDef::new("ag_code", "", generator::code),
    GetSetDef::new("ag_suspended", "", generator::suspended),
    GetSetDef::new("ag_running", "", |vm, v| {
        let g = vm.this::<Generator>(std::slice::from_ref(v), "ag_running")?;
        Ok(Value::bool(vm.agen_busy(g)))
    }),
];

const ASEND: &[NativeDef] = &[
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", |_, a| Ok(a[0].clone())),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| asend_send(vm, a, Value::NONE)),
    NativeDef::new("__del__(self, /)", "Called when the instance is about to be destroyed.", |vm, a| {
        let (_, agen, state) = asend_parts(vm, a)?;
        if state == INIT { warn_never_awaited(vm, "asend", &agen) } else { Ok(Value::NONE) }
    }),
    NativeDef::new("send(self, value, /)", "", |vm, a| asend_send(vm, a, a[1].clone())),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "", asend_throw),
    NativeDef::new("close(self, /)", "", |vm, a| close(vm, a, true)),
];

const ATHROW: &[NativeDef] = &[
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", |_, a| Ok(a[0].clone())),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| athrow_send(vm, a, Value::NONE)),
    NativeDef::new("__del__(self, /)", "Called when the instance is about to be destroyed.", |vm, a| {
        let (this, agen, state) = athrow_parts(vm, a)?;
        let method = if this.get(vm).args.is_some() { "athrow" } else { "aclose" };
        if state == INIT { warn_never_awaited(vm, method, &agen) } else { Ok(Value::NONE) }
    }),
    NativeDef::new("send(self, value, /)", "", |vm, a| athrow_send(vm, a, a[1].clone())),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "", athrow_throw),
    NativeDef::new("close(self, /)", "", |vm, a| close(vm, a, false)),
];

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<Generator>(a, "__repr__")?.clone();
    let name = generator::get_qualname(vm, &a[0])?;
    let name = vm.str_of(&name);
    Ok(vm.new_str(&format!("<async_generator object {name} at 0x{:x}>", g.address())).into())
}

/// The async generator that an awaitable of `asend` and its relatives stands for.
pub fn generator_of(vm: &Vm, v: &Value) -> Option<Value> {
    let g = match v.cast::<Asend>() {
        Some(a) => &a.get(vm).agen,
        None => &v.cast::<Athrow>()?.get(vm).agen,
    };
    Some(g.value().clone())
}

/// The generator, with the hooks of `sys.set_asyncgen_hooks` told of its first use.
fn first_use(vm: &mut Vm, a: &[Value]) -> R<Ref<Generator>> {
    let g = vm.this::<Generator>(a, "asend")?.clone();
    if vm.agen_first_use(&g) {
        let [first, finalizer] = vm.asyncgen_hooks();
        if !finalizer.is_none() {
            vm.gen_extra(&g, |e| e.finalizer = Some(finalizer));
        }
        if !first.is_none() {
            vm.call(&first, &[g.value().clone()])?;
        }
    }
    Ok(g)
}

/// Warns that what a method of an async generator has given was dropped before anybody awaited it.
fn warn_never_awaited(vm: &mut Vm, method: &str, agen: &Ref<Generator>) -> R {
    let of = vm.gen_qualname(agen);
    let text = format!("coroutine method '{method}' of '{}' was never awaited", vm.str_of(&of));
    vm.warn_of_coroutine(&text, agen.value().clone()).map(|()| Value::NONE)
}

fn new_asend(vm: &mut Vm, a: &[Value], value: Value) -> R {
    let agen = first_use(vm, a)?;
    Ok(vm.alloc(Asend { agen, value, state: INIT }).into())
}

fn stop_async(vm: &mut Vm) -> Raised {
    let class = vm.exc.StopAsyncIteration.clone();
    let e = vm.new_exception(&class, Vec::new());
    vm.raise(e.into_value())
}

fn ends_generator(vm: &Vm, e: &Raised) -> bool {
    vm.raised_is(e, &vm.exc.StopAsyncIteration) || vm.raised_is(e, &vm.exc.GeneratorExit)
}

/// What a resumption of the generator is to an awaitable: an item ends the awaitable, anything else that is
/// yielded passes through.
fn unwrap(vm: &mut Vm, agen: &Ref<Generator>, step: R<GenStep>) -> R<GenStep> {
    match step {
        Ok(GenStep::Yielded(v)) => {
            if vm.take_async_item() {
                vm.set_agen_busy(agen, false);
                return Ok(GenStep::Returned(v));
            }
            Ok(GenStep::Yielded(v))
        }
        Ok(GenStep::Returned(_)) => {
            vm.set_agen_closed(agen);
            vm.set_agen_busy(agen, false);
            Err(stop_async(vm))
        }
        Err(e) => {
            if ends_generator(vm, &e) {
                vm.set_agen_closed(agen);
            }
            vm.set_agen_busy(agen, false);
            Err(e)
        }
    }
}

/// What a script gets of a step: an item ends the awaitable by an exception.
fn told(vm: &mut Vm, step: R<GenStep>) -> R {
    match step? {
        GenStep::Yielded(v) => Ok(v),
        GenStep::Returned(v) => Err(vm.stop_iteration(v)),
    }
}

// ---- asend ----

/// Resumes an `asend` or `__anext__` that somebody awaits; `None` for any other object.
pub fn resume(vm: &mut Vm, v: &Value, sent: &Value) -> Option<R<GenStep>> {
    let this = v.cast::<Asend>()?.clone();
    Some(asend_step(vm, &this, sent.clone()))
}

/// The awaitable under way of a generator that an `async for` awaits.
pub fn awaited(vm: &mut Vm, agen: &Ref<Generator>) -> Value {
    let v = vm.alloc(Asend { agen: agen.clone(), value: Value::NONE, state: ITERATING }).into();
    vm.spare_finalizer(&v);
    v
}

/// `close()` of the `__anext__` by which an `async for` awaits the generator: the generator gets GeneratorExit.
///
/// # Errors
/// RuntimeError when it goes on awaiting; what else it raises.
pub fn close_awaited(vm: &mut Vm, agen: &Ref<Generator>) -> R<()> {
    let class = vm.exc.GeneratorExit.clone();
    let e = vm.new_exception(&class, Vec::new()).into_value();
    vm.set_agen_busy(agen, true);
    let step = vm.gen_throw(agen, e);
    match unwrap(vm, agen, step) {
        Ok(GenStep::Returned(_)) => Ok(()),
        Ok(GenStep::Yielded(_)) => Err(vm.runtime_error("coroutine ignored GeneratorExit")),
        Err(e) if ends_generator(vm, &e) => Ok(()),
        Err(e) => Err(e),
    }
}

fn asend_parts(vm: &mut Vm, a: &[Value]) -> R<(Ref<Asend>, Ref<Generator>, u8)> {
    let this = vm.this::<Asend>(a, "send")?.clone();
    let (agen, state) = {
        let s = this.get(vm);
        (s.agen.clone(), s.state)
    };
    Ok((this, agen, state))
}

fn set_asend(vm: &mut Vm, this: &Ref<Asend>, state: u8) {
    this.get_mut(vm).state = state;
    // Only what was never awaited is told of.
    vm.spare_finalizer(this.value());
}

/// Checks that the awaitable may go on, and begins it when it is new.
fn asend_enter(vm: &mut Vm, this: &Ref<Asend>, agen: &Ref<Generator>, state: u8) -> R<()> {
    match state {
        CLOSED => Err(vm.runtime_error("cannot reuse already awaited __anext__()/asend()")),
        INIT => {
            if vm.agen_busy(agen) {
                set_asend(vm, this, CLOSED);
                return Err(vm.runtime_error("anext(): asynchronous generator is already running"));
            }
            set_asend(vm, this, ITERATING);
            vm.set_agen_busy(agen, true);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn asend_send(vm: &mut Vm, a: &[Value], value: Value) -> R {
    let this = vm.this::<Asend>(a, "send")?.clone();
    let step = asend_step(vm, &this, value);
    told(vm, step)
}

fn asend_step(vm: &mut Vm, this: &Ref<Asend>, mut value: Value) -> R<GenStep> {
    let (agen, state) = {
        let s = this.get(vm);
        (s.agen.clone(), s.state)
    };
    if state == INIT && value.is_none() {
        value = this.get(vm).value.clone();
    }
    asend_enter(vm, this, &agen, state)?;
    let step = vm.gen_send(&agen, value);
    let result = unwrap(vm, &agen, step);
    if !matches!(result, Ok(GenStep::Yielded(_))) {
        set_asend(vm, this, CLOSED);
    }
    result
}

fn asend_throw(vm: &mut Vm, a: &[Value]) -> R {
    let (this, agen, state) = asend_parts(vm, a)?;
    asend_enter(vm, &this, &agen, state)?;
    let e = exception_to_throw(vm, a)?;
    let step = vm.gen_throw_given(&agen, e, a.get(1..).unwrap_or_default());
    let result = unwrap(vm, &agen, step);
    if !matches!(result, Ok(GenStep::Yielded(_))) {
        set_asend(vm, &this, CLOSED);
    }
    told(vm, result)
}

/// `close()` of both awaitables.
fn close(vm: &mut Vm, a: &[Value], asend: bool) -> R {
    let state = if asend { asend_parts(vm, a)?.2 } else { athrow_parts(vm, a)?.2 };
    if state == CLOSED {
        return Ok(Value::NONE);
    }
    let exit = vm.exc.GeneratorExit.value().clone();
    let args = [a[0].clone(), exit];
    let result = if asend { asend_throw(vm, &args) } else { athrow_throw(vm, &args) };
    match result {
        Ok(_) => Err(vm.runtime_error("coroutine ignored GeneratorExit")),
        Err(e) if ends_generator(vm, &e) || vm.raised_is(&e, &vm.exc.StopIteration) => Ok(Value::NONE),
        Err(e) => Err(e),
    }
}

// ---- athrow, aclose ----

fn athrow_parts(vm: &mut Vm, a: &[Value]) -> R<(Ref<Athrow>, Ref<Generator>, u8)> {
    let this = vm.this::<Athrow>(a, "send")?.clone();
    let (agen, state) = {
        let s = this.get(vm);
        (s.agen.clone(), s.state)
    };
    Ok((this, agen, state))
}

/// The number of arguments that `athrow` takes; the first is the generator.
fn check_count(vm: &mut Vm, args: &[Value]) -> R<()> {
    match args.len() - 1 {
        0 => Err(vm.type_error("athrow expected at least 1 argument, got 0")),
        1..=3 => Ok(()),
        n => Err(vm.type_error(format!("athrow expected at most 3 arguments, got {n}"))),
    }
}

fn set_athrow(vm: &mut Vm, this: &Ref<Athrow>, state: u8) {
    this.get_mut(vm).state = state;
    vm.spare_finalizer(this.value());
}

/// The end of a resumption: an item is an error for `aclose`, and the generator's end is its success.
fn athrow_result(vm: &mut Vm, this: &Ref<Athrow>, agen: &Ref<Generator>, closing: bool, step: R<GenStep>) -> R {
    let result = if closing {
        match step {
            Ok(GenStep::Yielded(v)) => {
                if vm.take_async_item() {
                    Err(vm.runtime_error("async generator ignored GeneratorExit"))
                } else {
                    return Ok(v);
                }
            }
            Ok(GenStep::Returned(_)) => Err(stop_async(vm)),
            Err(e) => Err(e),
        }
    } else {
        let step = unwrap(vm, agen, step);
        told(vm, step)
    };
    if let Err(e) = result {
        vm.set_agen_busy(agen, false);
        set_athrow(vm, this, CLOSED);
        if closing && ends_generator(vm, &e) {
            return Err(Raised::stop_iteration());
        }
        return Err(e);
    }
    result
}

fn athrow_send(vm: &mut Vm, a: &[Value], value: Value) -> R {
    let (this, agen, state) = athrow_parts(vm, a)?;
    let args = this.get(vm).args.clone();
    let closing = args.is_none();
    match state {
        CLOSED => return Err(vm.runtime_error("cannot reuse already awaited aclose()/athrow()")),
        INIT => {
            if vm.gen_state(&agen) == GenState::Closed {
                set_athrow(vm, &this, CLOSED);
                return Err(Raised::stop_iteration());
            }
            if vm.agen_busy(&agen) {
                set_athrow(vm, &this, CLOSED);
                let method = if closing { "aclose" } else { "athrow" };
                return Err(vm.runtime_error(format!("{method}(): asynchronous generator is already running")));
            }
            if vm.agen_closed(&agen) {
                set_athrow(vm, &this, CLOSED);
                return Err(stop_async(vm));
            }
            if !value.is_none() {
                return Err(vm.runtime_error("can't send non-None value to a just-started coroutine"));
            }
            set_athrow(vm, &this, ITERATING);
            vm.set_agen_busy(&agen, true);
            let e = match &args {
                Some(args) => match check_count(vm, args).and_then(|()| exception_to_throw(vm, args)) {
                    Ok(e) => e,
                    Err(e) => return athrow_result(vm, &this, &agen, closing, Err(e)),
                },
                None => {
                    vm.set_agen_closed(&agen);
                    let class = vm.exc.GeneratorExit.clone();
                    vm.new_exception(&class, Vec::new()).into_value()
                }
            };
            let step = match args.as_deref().and_then(|args| args.get(1..)) {
                Some(given) => vm.gen_throw_given(&agen, e, given),
                None => vm.gen_throw(&agen, e),
            };
            return athrow_result(vm, &this, &agen, closing, step);
        }
        _ => {}
    }
    let step = vm.gen_send(&agen, value);
    athrow_result(vm, &this, &agen, closing, step)
}

fn athrow_throw(vm: &mut Vm, a: &[Value]) -> R {
    let (this, agen, state) = athrow_parts(vm, a)?;
    let closing = this.get(vm).args.is_none();
    match state {
        CLOSED => return Err(vm.runtime_error("cannot reuse already awaited aclose()/athrow()")),
        INIT => {
            if vm.agen_busy(&agen) {
                set_athrow(vm, &this, CLOSED);
                let method = if closing { "aclose" } else { "athrow" };
                return Err(vm.runtime_error(format!("{method}(): asynchronous generator is already running")));
            }
            set_athrow(vm, &this, ITERATING);
            vm.set_agen_busy(&agen, true);
        }
        _ => {}
    }
    let e = exception_to_throw(vm, a)?;
    let step = vm.gen_throw_given(&agen, e, a.get(1..).unwrap_or_default());
    athrow_result(vm, &this, &agen, closing, step)
}
