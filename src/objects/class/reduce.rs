//! `object.__reduce_ex__` and `object.__getstate__`: how `copy` and `pickle` take objects apart.

use super::slots::mangle;
use super::{import_module, own};
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::arg_or_none;
use crate::vm::object::{Kind, Ref};
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// `object.__reduce_ex__(protocol)`.
///
/// # Errors
/// What an overridden `__reduce__` raises, and the TypeErrors of objects that cannot be taken apart.
pub fn reduce_ex(vm: &mut Vm, a: &[Value]) -> R {
    let this = arg_or_none(a, 0);
    let protocol = vm.index_i64(arg_or_none(a, 1))?;
    let name = vm.intern("__reduce__");
    let (class, object) = (vm.class_of(this).clone(), vm.types.object.clone());
    let (found, default) = (vm.lookup(&class, &name), vm.own_class_attr(&object, &name));
    match (found, default) {
        (Some(f), Some(d)) if !f.is(&d) => {
            let m = vm.get_attr(this, &name)?;
            vm.call(&m, &[])
        }
        _ => reduce(vm, this, protocol),
    }
}

/// What `object.__reduce__` gives for a protocol.
///
/// # Errors
/// As for [`reduce_ex`].
pub fn reduce(vm: &mut Vm, this: &Value, protocol: i64) -> R {
    let copyreg = import_module(vm, "copyreg")?;
    if protocol < 2 {
        return vm.call_method(&copyreg, "_reduce_ex", &[this.clone(), vm.int(protocol)]);
    }
    let class = vm.class_of(this).clone();
    if class.get(vm).has(class_flag::NO_NEW) || vm.class_special(&class, Special::New).is_none() {
        return Err(cannot_pickle(vm, this));
    }
    let arguments = new_arguments(vm, this)?;
    let is_list = vm.is_instance(this, &vm.types.list);
    let is_dict = vm.is_instance(this, &vm.types.dict);
    let required = arguments.is_none() && !is_list && !is_dict;
    let state = state_of(vm, this, required)?;
    let (make, made_of) = match arguments {
        Some((args, kwargs)) if kwargs.get(vm).is_empty() => plain_new(vm, &copyreg, &class, args)?,
        Some((args, kwargs)) => {
            let f = vm.get_attr_str(&copyreg, "__newobj_ex__")?;
            let args = vm.tuple(args).into_value();
            (f, vm.tuple(vec![class.value().clone(), args, kwargs.into()]))
        }
        None => plain_new(vm, &copyreg, &class, Vec::new())?,
    };
    let items = if is_list { vm.iter(this)? } else { Value::NONE };
    let pairs = if is_dict {
        let view = vm.call_method(this, "items", &[])?;
        vm.iter(&view)?
    } else {
        Value::NONE
    };
    Ok(vm.tuple(vec![make, made_of.into(), state, items, pairs]).into())
}

fn plain_new(vm: &mut Vm, copyreg: &Value, class: &Ref<Class>, args: Vec<Value>) -> R<(Value, Ref<Tuple>)> {
    let f = vm.get_attr_str(copyreg, "__newobj__")?;
    let mut all = vec![class.value().clone()];
    all.extend(args);
    Ok((f, vm.tuple(all)))
}

fn cannot_pickle(vm: &mut Vm, this: &Value) -> crate::vm::exception::Raised {
    let text = format!("cannot pickle '{}' object", vm.class_name(this));
    vm.type_error(text)
}

/// What `__getnewargs_ex__` or `__getnewargs__` gives.
fn new_arguments(vm: &mut Vm, this: &Value) -> R<Option<(Vec<Value>, Ref<Dict>)>> {
    let name = vm.intern("__getnewargs_ex__");
    if let Some(f) = vm.get_attr_opt(this, &name)? {
        let pair = vm.call(&f, &[])?;
        let Some(t) = pair.cast::<Tuple>() else {
            let text = format!("__getnewargs_ex__ should return a tuple, not '{}'", vm.class_name(&pair));
            return Err(vm.type_error(text));
        };
        let items = t.get(vm).items().to_vec();
        let [args, kwargs] = items.as_slice() else {
            let n = items.len();
            let text = format!("__getnewargs_ex__ should return a tuple of length 2, not {n}");
            return Err(vm.value_error(text));
        };
        let Some(args) = args.cast::<Tuple>() else {
            let text = format!(
                "first item of the tuple returned by __getnewargs_ex__ must be a tuple, not '{}'",
                vm.class_name(args)
            );
            return Err(vm.type_error(text));
        };
        let Some(kwargs) = kwargs.cast::<Dict>() else {
            let text = format!(
                "second item of the tuple returned by __getnewargs_ex__ must be a dict, not '{}'",
                vm.class_name(kwargs)
            );
            return Err(vm.type_error(text));
        };
        return Ok(Some((args.get(vm).items().to_vec(), kwargs.clone())));
    }
    let name = vm.intern("__getnewargs__");
    let Some(f) = vm.get_attr_opt(this, &name)? else { return Ok(None) };
    let args = vm.call(&f, &[])?;
    let Some(t) = args.cast::<Tuple>() else {
        let text = format!("__getnewargs__ should return a tuple, not '{}'", vm.class_name(&args));
        return Err(vm.type_error(text));
    };
    let items = t.get(vm).items().to_vec();
    Ok(Some((items, vm.new_dict())))
}

/// Asks `__getstate__`.
fn state_of(vm: &mut Vm, this: &Value, required: bool) -> R {
    let name = vm.intern("__getstate__");
    let (class, object) = (vm.class_of(this).clone(), vm.types.object.clone());
    let (found, default) = (vm.lookup(&class, &name), vm.own_class_attr(&object, &name));
    match (found, default) {
        (Some(f), Some(d)) if f.is(&d) => get_state(vm, this, required),
        _ => {
            let m = vm.get_attr(this, &name)?;
            vm.call(&m, &[])
        }
    }
}

/// `object.__getstate__`: the `__dict__`, or a pair of it and the slots.
///
/// # Errors
/// TypeError when `required` and the object has native contents.
pub fn get_state(vm: &mut Vm, this: &Value, required: bool) -> R {
    let class = vm.class_of(this).clone();
    if required && class.get(vm).payload_kind() != Kind::Instance {
        return Err(cannot_pickle(vm, this));
    }
    let name = vm.intern("__dict__");
    let dict = if class.get(vm).instances_have_dict() || this.is_object() {
        vm.get_attr_opt(this, &name)?.and_then(|d| d.try_into_ref::<Dict>().ok())
    } else {
        None
    };
    let state = match dict {
        Some(d) if !d.get(vm).is_empty() => {
            let copy = d.get(vm).copy();
            vm.alloc(copy).into_value()
        }
        _ => Value::NONE,
    };
    let names = slot_names(vm, &class)?;
    if names.is_empty() {
        return Ok(state);
    }
    let slots = vm.new_dict();
    for name in names {
        let name = vm.intern(&name);
        if let Some(v) = vm.get_attr_opt(this, &name)? {
            slots.set_str(vm, &name, v);
        }
    }
    if slots.get(vm).is_empty() {
        return Ok(state);
    }
    Ok(vm.tuple(vec![state, slots.into()]).into())
}

/// The mangled names of all slots of a class.
fn slot_names(vm: &mut Vm, class: &Ref<Class>) -> R<Vec<String>> {
    if class.get(vm).fixed_slots() == 0 {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    let order = class.get(vm).mro.clone();
    for c in order.iter().filter_map(|c| c.cast::<Class>()) {
        let Some(slots) = own(vm, c, "__slots__") else { continue };
        let listed = if slots.is_a::<Str>() { vec![slots] } else { vm.collect(&slots)? };
        let owner = c.get(vm).display_name();
        for s in &listed {
            let text = vm.str_of(s);
            if text != "__dict__" && text != "__weakref__" {
                out.push(mangle(&owner, &text));
            }
        }
    }
    Ok(out)
}
