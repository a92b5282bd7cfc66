//! `_weakref`: what the script part of `weakref` is built on.

use crate::objects::weakref;
use crate::vm::dict::Dict;
use crate::vm::gc::weak::WeakRef;
use crate::vm::native::{NativeDef, arg_or_none};
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("getweakrefcount(object, /)", "Return the number of weak references to 'object'.", |vm, a| {
        Ok(Value::len(vm.weak_references(arg_or_none(a, 0)).len()))
    }),
    NativeDef::new(
        "getweakrefs(object, /)",
        "Return a list of all weak reference objects pointing to 'object'.",
        |vm, a| {
            let all = vm.weak_references(arg_or_none(a, 0));
            Ok(vm.list(all).into())
        },
    ),
    NativeDef::new("proxy(object, callback=None, /)", "Create a proxy object that weakly references 'object'.", proxy),
    NativeDef::new(
        "_remove_dead_weakref(dct, key, /)",
        "Atomically remove key from dict if it points to a dead weakref.",
        remove_dead,
    ),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_weakref", FUNCTIONS);
    let [reference, plain, callable] = weakref::classes(vm).map(|c| c.into_value());
    vm.module_set(&module, "ref", reference.clone());
    vm.module_set(&module, "ReferenceType", reference);
    vm.module_set(&module, "ProxyType", plain);
    vm.module_set(&module, "CallableProxyType", callable);
    Ok(module.into())
}

fn proxy(vm: &mut Vm, a: &[Value]) -> R {
    let callback = match arg_or_none(a, 1) {
        c if c.is_none() => Value::UNDEF,
        c => c.clone(),
    };
    weakref::proxy_for(vm, arg_or_none(a, 0), callback)
}

fn remove_dead(vm: &mut Vm, a: &[Value]) -> R {
    let (dict, key) = (arg_or_none(a, 0), arg_or_none(a, 1));
    let Some(d) = dict.cast::<Dict>() else {
        let class = vm.class_name(dict);
        return Err(vm.type_error(format!("_remove_dead_weakref() argument 1 must be dict, not {class}")));
    };
    let Some(v) = d.get_item(vm, key)? else { return Ok(Value::NONE) };
    match v.cast::<WeakRef>() {
        Some(w) => {
            if w.get(vm).is_dead() {
                drop(d.remove(vm, key)?);
            }
            Ok(Value::NONE)
        }
        None => Err(vm.type_error("not a weakref")),
    }
}
