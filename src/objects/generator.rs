//! Generators and coroutines as scripts see them. How they run is in `vm::generator`; async generators are in
//! `asyncgen`.

use super::asyncgen;
use crate::compiler::code::CodeFlags;
use crate::heap_object;
use crate::vm::class::Class;
use crate::vm::exception::{Exception, Traceback};
use crate::vm::generator::{GenState, GenStep, Generator};
use crate::vm::native::{GetSetDef, MachineFn, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `coroutine_wrapper`: what `coroutine.__await__()` gives.
    pub struct CoroutineWrapper { coroutine: Ref<Generator> }
}

/// Gives generators and coroutines their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let generator = vm.types.generator.clone();
    vm.extend_class(&generator, COMMON, &[]);
    vm.extend_class(&generator, GENERATOR, GENERATOR_ATTRS);
    let coroutine = vm.types.coroutine.clone();
    vm.extend_class(&coroutine, COMMON, &[]);
    vm.extend_class(&coroutine, COROUTINE, COROUTINE_ATTRS);
    let wrapper = vm.define_class::<CoroutineWrapper>("builtins", "coroutine_wrapper", None, 0)?;
    vm.extend_class(&wrapper, WRAPPER, &[]);
    Ok(())
}

const COMMON: &[NativeDef] = &[
    NativeDef::machine(
        "send(self, value, /)",
        "Send 'arg' into generator, return next yielded value or raise StopIteration.",
        MachineFn::Send,
        send,
    ),
    NativeDef::new(
        "throw(self, typ, val=None, tb=None, /)",
        "Raise exception in generator, return next yielded value or raise StopIteration.",
        throw,
    ),
    NativeDef::new("close(self, /)", "Raise GeneratorExit inside generator.", close),
    NativeDef::new("__del__(self, /)", "Called when the instance is about to be destroyed.", finalize),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__sizeof__(self, /)", "Size of the generator in memory, in bytes.", |_, _| Ok(Value::int32(104))),
];

const GENERATOR: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::machine("__next__(self, /)", "Implement next(self).", MachineFn::Next, |vm, a| {
        let g = vm.this::<Generator>(a, "__next__")?;
        step(vm, g, Value::NONE)
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const COROUTINE: &[NativeDef] = &[
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", |vm, a| {
        let g = vm.this::<Generator>(a, "__await__")?.clone();
        Ok(vm.alloc(CoroutineWrapper { coroutine: g }).into())
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const WRAPPER: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let g = wrapped(vm, a)?;
        step(vm, &g, Value::NONE)
    }),
    NativeDef::new("send(self, value, /)", "Send a value into the coroutine.", |vm, a| {
        let g = wrapped(vm, a)?;
        step(vm, &g, a[1].clone())
    }),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "Raise an exception in the coroutine.", |vm, a| {
        let g = wrapped(vm, a)?;
        let e = exception_to_throw(vm, a)?;
        let result = vm.gen_throw_given(&g, e, a.get(1..).unwrap_or_default());
        finish(vm, result)
    }),
    NativeDef::new("close(self, /)", "Close the coroutine.", |vm, a| {
        let g = wrapped(vm, a)?;
        vm.gen_close(&g)
    }),
];

fn wrapped(vm: &mut Vm, a: &[Value]) -> R<Ref<Generator>> {
    let w = vm.this::<CoroutineWrapper>(a, "send")?.clone();
    Ok(w.get(vm).coroutine.clone())
}

fn step(vm: &mut Vm, g: &Ref<Generator>, value: Value) -> R {
    let result = vm.gen_send(g, value);
    finish(vm, result)
}

/// What a resumption is to the script: the value, or StopIteration.
fn finish(vm: &mut Vm, result: R<GenStep>) -> R {
    match result? {
        GenStep::Yielded(v) => Ok(v),
        GenStep::Returned(v) => Err(vm.stop_iteration(v)),
    }
}

fn send(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<Generator>(a, "send")?;
    step(vm, g, a[1].clone())
}

fn throw(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<Generator>(a, "throw")?.clone();
    let e = exception_to_throw(vm, a)?;
    let result = vm.gen_throw_given(&g, e, a.get(1..).unwrap_or_default());
    finish(vm, result)
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<Generator>(a, "close")?.clone();
    vm.gen_close(&g)
}

/// `__del__`: what the end of an unfinished generator runs.
pub fn finalize(vm: &mut Vm, a: &[Value]) -> R {
    vm.this::<Generator>(a, "__del__")?;
    vm.finalize_generator(&a[0]);
    Ok(Value::NONE)
}

/// The exception that the arguments of `throw` describe.
///
/// # Errors
/// TypeError when they describe none; what the exception's class raises.
pub fn exception_to_throw(vm: &mut Vm, a: &[Value]) -> R {
    if a.len() > 2 {
        let category = vm.exc.DeprecationWarning.clone();
        vm.warn(
            &category,
            "the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.",
            1,
        )?;
    }
    let (kind, value, tb) =
        (&a[1], arg(a, 2).cloned().unwrap_or(Value::NONE), arg(a, 3).cloned().unwrap_or(Value::NONE));
    if !tb.is_none() && !tb.is_a::<Traceback>() {
        return Err(vm.type_error("throw() third argument must be a traceback object"));
    }
    let e = if vm.is_exception_class(kind) {
        if value.is_none() {
            vm.call(kind, &[])?
        } else if value.cast::<Exception>().is_some() {
            value
        } else if let Some(args) = vm.tuple_clone(&value) {
            vm.call(kind, &args)?
        } else {
            vm.call(kind, &[value])?
        }
    } else if kind.is_a::<Exception>() {
        if !value.is_none() {
            return Err(vm.type_error("instance exception may not have a separate value"));
        }
        kind.clone()
    } else {
        let got = if kind.is_a::<Class>() { "type".to_owned() } else { vm.class_name(kind) };
        return Err(
            vm.type_error(format!("exceptions must be classes or instances deriving from BaseException, not {got}"))
        );
    };
    if let Some(x) = e.cast::<Exception>() {
        if !tb.is_none() {
            let old = std::mem::replace(&mut x.get_mut(vm).traceback, tb);
            drop(old);
        }
        return Ok(e);
    }
    if vm.is_exception_class(kind) {
        let (class, got) = (vm.repr_string(kind)?, vm.class_name(&e));
        let text = format!("calling {class} should have returned an instance of BaseException, not {got}");
        return Err(vm.type_error(text));
    }
    Err(vm.type_error("exceptions must derive from BaseException"))
}

// ---- attributes ----

const GENERATOR_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("__name__", "name of the generator", get_name, set_name),
    GetSetDef::with_set("__qualname__", "qualified name of the generator", get_qualname, set_qualname),
    GetSetDef::new("gi_yieldfrom", "object being iterated by yield from, or None", delegate),
    GetSetDef::new("gi_running", "", running),
    GetSetDef::new("gi_frame", "", frame),
    GetSetDef::new("gi_suspended", "", suspended),
    GetSetDef::new("gi_code", "", code),
];

const COROUTINE_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("__name__", "name of the coroutine", get_name, set_name),
    GetSetDef::with_set("__qualname__", "qualified name of the coroutine", get_qualname, set_qualname),
    GetSetDef::new("cr_await", "object being awaited on, or None", delegate),
    GetSetDef::new("cr_running", "", running),
    GetSetDef::new("cr_frame", "", frame),
    GetSetDef::new("cr_suspended", "", suspended),
    GetSetDef::new("cr_code", "", code),
    GetSetDef::new("cr_origin", "", |vm, v| {
        let g = this(vm, v)?;
        Ok(vm.gen_extra(&g, |e| e.origin.clone()).unwrap_or(Value::NONE))
    }),
];

fn this(vm: &mut Vm, v: &Value) -> R<Ref<Generator>> {
    vm.this::<Generator>(std::slice::from_ref(v), "__name__").cloned()
}

pub(super) fn get_name(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    let own = vm.gen_extra(&g, |e| e.name.clone());
    let func = vm.gen_function(&g);
    Ok(own.unwrap_or_else(|| func.get(vm).name.clone()))
}

pub(super) fn get_qualname(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    let own = vm.gen_extra(&g, |e| e.qualname.clone());
    let func = vm.gen_function(&g);
    Ok(own.unwrap_or_else(|| func.get(vm).qualname.clone()))
}

fn name_value(vm: &mut Vm, value: Option<Value>, what: &str) -> R {
    match value {
        Some(v) if v.is_a::<Str>() => Ok(v),
        _ => Err(vm.type_error(format!("{what} must be set to a string object"))),
    }
}

pub(super) fn set_name(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let g = this(vm, v)?;
    let value = name_value(vm, value, "__name__")?;
    vm.gen_extra(&g, |e| e.name = Some(value));
    Ok(())
}

pub(super) fn set_qualname(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let g = this(vm, v)?;
    let value = name_value(vm, value, "__qualname__")?;
    vm.gen_extra(&g, |e| e.qualname = Some(value));
    Ok(())
}

pub(super) fn delegate(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    // While a chain runs, what it awaits is running too: nothing waits for it.
    if vm.gen_state(&g) == GenState::Running {
        return Ok(Value::NONE);
    }
    let awaited = vm.gen_delegate(&g).unwrap_or(Value::NONE);
    match awaited.cast::<Generator>() {
        // An `async for` resumes the generator without the awaitable that there seems to be.
        Some(agen) if vm.gen_flags(agen).has(CodeFlags::ASYNC_GENERATOR) => Ok(asyncgen::awaited(vm, agen)),
        _ => Ok(awaited),
    }
}

pub(super) fn running(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    Ok(Value::bool(vm.gen_state(&g) == GenState::Running))
}

pub(super) fn suspended(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    Ok(Value::bool(vm.gen_state(&g) == GenState::Suspended))
}

pub(super) fn frame(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    match vm.gen_state(&g) {
        GenState::Closed => Ok(Value::NONE),
        _ => Ok(vm.generator_frame(&g)),
    }
}

pub(super) fn code(vm: &mut Vm, v: &Value) -> R {
    let g = this(vm, v)?;
    let func = vm.gen_function(&g);
    Ok(func.get(vm).code.value().clone())
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<Generator>(a, "__repr__")?.clone();
    let name = get_qualname(vm, &a[0])?;
    let (kind, name) = (vm.gen_kind(&g).replace("async generator", "async_generator"), vm.str_of(&name));
    Ok(vm.new_str(&format!("<{kind} object {name} at 0x{:x}>", g.address())).into())
}
