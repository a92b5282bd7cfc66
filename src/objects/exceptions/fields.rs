//! The exception classes that add a few attributes: `StopIteration`, `SystemExit`, `ImportError`, `NameError`,
//! `AttributeError`, `KeyError`.
//!
//! Fields: `StopIteration` value; `SystemExit` code; `ImportError` msg, name, path, name_from; `NameError` name;
//! `AttributeError` name, obj.

use super::base::{own_state, str_of_args};
use super::{arguments, field, keyword_fields, no_keywords, set_args, set_field, this};
use crate::exception_fields;
use crate::vm::exception::Exception;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

const STOP: &[GetSetDef] = exception_fields!["value" 0];
const EXIT: &[GetSetDef] = exception_fields!["code" 0];
const IMPORT: &[GetSetDef] = exception_fields!["msg" 0, "name" 1, "path" 2, "name_from" 3];
const NAME: &[GetSetDef] = exception_fields!["name" 0];
const ATTRIBUTE: &[GetSetDef] = exception_fields!["name" 0, "obj" 1];

const STOP_METHODS: &[NativeDef] =
    &[NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_stop)];
const EXIT_METHODS: &[NativeDef] =
    &[NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_exit)];
const IMPORT_METHODS: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_import),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_import),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", reduce_import),
];
const NAME_METHODS: &[NativeDef] =
    &[NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_name)];
const ATTRIBUTE_METHODS: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_attribute),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", reduce_attribute),
    NativeDef::new("__getstate__(self, /)", "Helper for pickle.", |vm, a| {
        let e = this(vm, a, "__getstate__")?.clone();
        attribute_state(vm, &e)
    }),
];
const KEY_METHODS: &[NativeDef] = &[NativeDef::new("__str__(self, /)", "Return str(self).", str_key)];

/// Adds the methods and attributes.
#[cold]
pub fn init(vm: &mut Vm) {
    let exc = &vm.exc;
    let classes = [
        (exc.StopIteration.clone(), STOP_METHODS, STOP),
        (exc.SystemExit.clone(), EXIT_METHODS, EXIT),
        (exc.ImportError.clone(), IMPORT_METHODS, IMPORT),
        (exc.NameError.clone(), NAME_METHODS, NAME),
        (exc.AttributeError.clone(), ATTRIBUTE_METHODS, ATTRIBUTE),
        (exc.KeyError.clone(), KEY_METHODS, &[]),
    ];
    for (class, methods, getsets) in classes {
        vm.extend_class(&class, methods, getsets);
    }
}

/// Reads a field; `None` when unset.
///
/// # Errors
/// TypeError when the value is no exception.
pub fn get(vm: &mut Vm, v: &Value, at: usize) -> R {
    let e = this(vm, std::slice::from_ref(v), "field")?.clone();
    let value = field(vm, &e, at);
    Ok(if value.is_undef() { Value::NONE } else { value })
}

/// Sets or deletes a field.
///
/// # Errors
/// TypeError when the value is no exception.
pub fn set(vm: &mut Vm, v: &Value, at: usize, value: Option<Value>) -> R<()> {
    let e = this(vm, std::slice::from_ref(v), "field")?.clone();
    set_field(vm, &e, at, value.unwrap_or(Value::UNDEF));
    Ok(())
}

fn begin<'a>(vm: &mut Vm, args: &Args<'a>) -> R<(Ref<Exception>, &'a [Value])> {
    let e = this(vm, args.pos, "__init__")?.clone();
    let rest = args.pos.get(1..).unwrap_or_default();
    set_args(vm, &e, rest);
    Ok((e, rest))
}

fn init_stop(vm: &mut Vm, args: &Args<'_>) -> R {
    let (e, rest) = begin(vm, args)?;
    no_keywords(vm, e.value(), args)?;
    set_field(vm, &e, 0, rest.first().cloned().unwrap_or(Value::NONE));
    Ok(Value::NONE)
}

fn init_exit(vm: &mut Vm, args: &Args<'_>) -> R {
    let (e, rest) = begin(vm, args)?;
    no_keywords(vm, e.value(), args)?;
    let code = match rest {
        [] => Value::NONE,
        [code] => code.clone(),
        _ => e.get(vm).args.clone(),
    };
    set_field(vm, &e, 0, code);
    Ok(Value::NONE)
}

fn init_import(vm: &mut Vm, args: &Args<'_>) -> R {
    let (e, rest) = begin(vm, args)?;
    for at in 1..4 {
        set_field(vm, &e, at, Value::UNDEF);
    }
    keyword_fields(vm, &e, "ImportError", args, &[("name", 1), ("path", 2), ("name_from", 3)])?;
    let msg = if let [msg] = rest { msg.clone() } else { Value::UNDEF };
    set_field(vm, &e, 0, msg);
    Ok(Value::NONE)
}

fn str_import(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let msg = field(vm, &e, 0);
    if vm.is_exact(&msg, &vm.types.str_) {
        return Ok(msg);
    }
    str_of_args(vm, &e)
}

/// Adds fields that are set to a state dict.
fn with_fields(vm: &mut Vm, e: &Ref<Exception>, names: &[(&str, usize)]) -> Option<Ref<crate::vm::dict::Dict>> {
    let mut state = own_state(vm, e);
    for (name, at) in names {
        let v = field(vm, e, *at);
        if !v.is_undef() && !v.is_none() {
            let d = state.get_or_insert_with(|| vm.new_dict()).clone();
            let name = vm.intern(name);
            d.set_str(vm, &name, v);
        }
    }
    state
}

fn reduce_import(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__reduce__")?.clone();
    let state = with_fields(vm, &e, &[("name", 1), ("path", 2), ("name_from", 3)]);
    let mut parts = vec![vm.class_of(e.value()).value().clone(), e.get(vm).args.clone()];
    parts.extend(state.map(Value::from));
    Ok(vm.tuple(parts).into())
}

fn init_name(vm: &mut Vm, args: &Args<'_>) -> R {
    let (e, _) = begin(vm, args)?;
    keyword_fields(vm, &e, "NameError", args, &[("name", 0)])?;
    Ok(Value::NONE)
}

fn init_attribute(vm: &mut Vm, args: &Args<'_>) -> R {
    let (e, _) = begin(vm, args)?;
    keyword_fields(vm, &e, "AttributeError", args, &[("name", 0), ("obj", 1)])?;
    Ok(Value::NONE)
}

fn attribute_state(vm: &mut Vm, e: &Ref<Exception>) -> R {
    let Some(state) = with_fields(vm, e, &[("name", 0)]) else { return Ok(Value::NONE) };
    let (name, args) = (vm.intern("args"), e.get(vm).args.clone());
    state.set_str(vm, &name, args);
    Ok(state.into())
}

fn reduce_attribute(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__reduce__")?.clone();
    let state = attribute_state(vm, &e)?;
    let parts = vec![vm.class_of(e.value()).value().clone(), e.get(vm).args.clone(), state];
    Ok(vm.tuple(parts).into())
}

fn str_key(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    match arguments(vm, &e).as_slice() {
        [only] => Ok(vm.repr(only)?.into()),
        _ => str_of_args(vm, &e),
    }
}
