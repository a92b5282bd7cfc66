//! `BaseException`: what all exceptions can do.

use super::{allocate, arguments, no_keywords, set_args, this};
use crate::vm::dict::Dict;
use crate::vm::exception::{Exception, Traceback};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        Ok(allocate(vm, "BaseException", args)?.into())
    }),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_base),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| {
        let e = this(vm, a, "__str__")?.clone();
        str_of_args(vm, &e)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let e = this(vm, a, "__reduce__")?.clone();
        reduce(vm, &e)
    }),
    NativeDef::new("__setstate__(self, state, /)", "Restore attributes.", set_state),
    NativeDef::new("with_traceback(self, tb, /)", "Set self.__traceback__ to tb and return self.", |vm, a| {
        let e = this(vm, a, "with_traceback")?.clone();
        set_traceback(vm, e.value(), Some(arg_or_none(a, 1).clone()))?;
        Ok(e.into())
    }),
    NativeDef::new("add_note(self, note, /)", "Add a note to the exception", add_note),
];

const GETSETS: &[GetSetDef] = &[
    crate::objects::class::slots::INSTANCE_DICT,
    GetSetDef::with_set("args", "", |vm, v| Ok(payload(vm, v)?.get(vm).args.clone()), set_args_attr),
    GetSetDef::with_set("__traceback__", "", |vm, v| Ok(payload(vm, v)?.get(vm).traceback.clone()), set_traceback),
    GetSetDef::with_set(
        "__context__",
        "exception context",
        |vm, v| Ok(payload(vm, v)?.get(vm).context.clone()),
        set_context,
    ),
    GetSetDef::with_set("__cause__", "exception cause", |vm, v| Ok(payload(vm, v)?.get(vm).cause.clone()), set_cause),
    GetSetDef::with_set(
        "__suppress_context__",
        "",
        |vm, v| Ok(payload(vm, v)?.get(vm).suppress_context.into()),
        set_suppress,
    ),
];

/// Adds the methods.
#[cold]
pub fn init(vm: &mut Vm) {
    let class = vm.exc.BaseException.clone();
    vm.extend_class(&class, METHODS, GETSETS);
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<Exception>> {
    Ok(vm.this::<Exception>(std::slice::from_ref(v), "args")?.clone())
}

fn init_base(vm: &mut Vm, args: &Args<'_>) -> R {
    let e = this(vm, args.pos, "__init__")?.clone();
    no_keywords(vm, e.value(), args)?;
    set_args(vm, &e, args.pos.get(1..).unwrap_or_default());
    Ok(Value::NONE)
}

/// `str()` of an exception whose class adds nothing.
///
/// # Errors
/// What the `str()` of an argument raises.
pub fn str_of_args(vm: &mut Vm, e: &Ref<Exception>) -> R {
    match arguments(vm, e).as_slice() {
        [] => Ok(vm.empty_str().into()),
        [only] => Ok(vm.str(only)?.into()),
        _ => {
            let args = e.get(vm).args.clone();
            Ok(vm.str(&args)?.into())
        }
    }
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__repr__")?.clone();
    let name = vm.class_name(e.value());
    vm.guarded(|vm| {
        let args = e.get(vm).args.clone();
        let items = arguments(vm, &e);
        Ok(match items.as_slice() {
            [only] => {
                let inner = vm.repr(only)?;
                let inner = inner.get(vm).as_bytes().to_vec();
                vm.new_str_parts(&[name.as_bytes(), b"(", &inner, b")"]).into()
            }
            _ => {
                let inner = vm.repr(&args)?;
                let inner = inner.get(vm).as_bytes().to_vec();
                vm.new_str_parts(&[name.as_bytes(), &inner]).into()
            }
        })
    })
}

/// `(class, args)` or `(class, args, attributes)`.
///
/// # Errors
/// None of its own.
pub fn reduce(vm: &mut Vm, e: &Ref<Exception>) -> R {
    let (class, args) = (vm.class_of(e.value()).value().clone(), e.get(vm).args.clone());
    let state = own_state(vm, e);
    let mut parts = vec![class, args];
    parts.extend(state.map(Value::from));
    Ok(vm.tuple(parts).into())
}

/// A copy of the exception's own attributes, if it has some.
pub fn own_state(vm: &mut Vm, e: &Ref<Exception>) -> Option<Ref<Dict>> {
    let attrs = vm.own_attrs(e.value());
    if attrs.is_empty() {
        return None;
    }
    let d = vm.new_dict();
    for (k, v) in attrs {
        if let Some(k) = k.cast::<Str>() {
            d.set_str(vm, k, v);
        }
    }
    Some(d)
}

fn set_state(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__setstate__")?.clone();
    let state = arg_or_none(a, 1);
    if state.is_none() {
        return Ok(Value::NONE);
    }
    let Some(d) = state.cast::<Dict>() else { return Err(vm.type_error("state is not a dictionary")) };
    let items: Vec<(Value, Value)> = d.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (k, v) in items {
        let name = vm.attr_name(&k)?;
        vm.set_attr(e.value(), &name, v)?;
    }
    Ok(Value::NONE)
}

fn add_note(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "add_note")?.clone();
    let note = arg_or_none(a, 1);
    if !note.is_a::<Str>() {
        let got = if note.is_none() { "None".to_owned() } else { vm.class_name(note) };
        let text = format!("add_note() argument must be str, not {got}");
        return Err(vm.type_error(text));
    }
    let name = vm.intern("__notes__");
    match vm.get_attr_opt(e.value(), &name)? {
        None => {
            let notes = vm.list(vec![note.clone()]).into_value();
            vm.set_attr(e.value(), &name, notes)?;
        }
        Some(notes) => match notes.cast::<List>() {
            Some(l) => l.get_mut(vm).items.push(note.clone()),
            None => return Err(vm.type_error("Cannot add note: __notes__ is not a list")),
        },
    }
    Ok(Value::NONE)
}

fn set_args_attr(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = payload(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("args may not be deleted")) };
    let items = vm.collect(&value)?;
    set_args(vm, &e, &items);
    Ok(())
}

/// Sets `__traceback__`.
///
/// # Errors
/// TypeError when the value is no traceback.
pub fn set_traceback(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = payload(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("__traceback__ may not be deleted")) };
    if !value.is_none() && !value.is_a::<Traceback>() {
        return Err(vm.type_error("__traceback__ must be a traceback or None"));
    }
    let old = std::mem::replace(&mut e.get_mut(vm).traceback, value);
    drop(old);
    Ok(())
}

fn set_context(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = payload(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("__context__ may not be deleted")) };
    if !value.is_none() && !value.is_a::<Exception>() {
        return Err(vm.type_error("exception context must be None or derive from BaseException"));
    }
    let old = std::mem::replace(&mut e.get_mut(vm).context, value);
    drop(old);
    Ok(())
}

/// Sets `__cause__`, and with it `__suppress_context__`.
///
/// # Errors
/// TypeError when the value is no exception.
pub fn set_cause(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = payload(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("__cause__ may not be deleted")) };
    if !value.is_none() && !value.is_a::<Exception>() {
        return Err(vm.type_error("exception cause must be None or derive from BaseException"));
    }
    let mut p = e.get_mut(vm);
    p.suppress_context = true;
    let old = std::mem::replace(&mut p.cause, value);
    drop(p);
    drop(old);
    Ok(())
}

fn set_suppress(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = payload(vm, v)?;
    match value.as_ref().map(Value::as_bool) {
        None => Err(vm.type_error("can't delete numeric/char attribute")),
        Some(None) => Err(vm.type_error("attribute value type must be bool")),
        Some(Some(b)) => {
            e.get_mut(vm).suppress_context = b;
            Ok(())
        }
    }
}
