//! `__annotations__` and `__annotate__` of classes: computed when first asked for.

use super::own;
use crate::vm::class::Class;
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The `VALUE` format of `annotationlib`.
const VALUE_FORMAT: Value = Value::int32(1);

fn no_attribute(vm: &mut Vm, class: &Ref<Class>, name: &str) -> Raised {
    vm.attribute_error_text(format!("type object '{}' has no attribute '{name}'", class.get(vm).display_name()))
}

/// Calls an `__annotate__` function.
///
/// # Errors
/// What it raises; TypeError when it gives no dict.
pub fn call_annotate(vm: &mut Vm, annotate: &Value) -> R {
    let result = vm.call(annotate, &[VALUE_FORMAT])?;
    if result.is_a::<Dict>() {
        return Ok(result);
    }
    Err(vm.type_error(format!("__annotate__() must return a dict, not {}", vm.class_name(&result))))
}

/// `type.__annotations__`.
///
/// # Errors
/// AttributeError for built-in classes; what `__annotate__` raises.
pub fn class_annotations(vm: &mut Vm, class: &Ref<Class>) -> R {
    if !class.get(vm).is_heap() {
        return Err(no_attribute(vm, class, "__annotations__"));
    }
    for name in ["__annotations__", "__annotations_cache__"] {
        if let Some(v) = own(vm, class, name) {
            return vm.bind(&v, &Value::UNDEF, class);
        }
    }
    let annotate = class_annotate(vm, class)?;
    let result = if vm.is_callable(&annotate) { call_annotate(vm, &annotate)? } else { vm.new_dict().into() };
    let cache = vm.intern("__annotations_cache__");
    vm.set_class_attr(class, &cache, result.clone());
    Ok(result)
}

/// Sets or deletes `type.__annotations__`.
///
/// # Errors
/// TypeError for built-in classes; AttributeError when there is nothing to delete.
pub fn set_class_annotations(vm: &mut Vm, class: &Ref<Class>, value: Option<Value>) -> R<()> {
    check_mutable(vm, class, "__annotations__")?;
    let (plain, cache) = (vm.intern("__annotations__"), vm.intern("__annotations_cache__"));
    let explicit = vm.own_class_attr(class, &plain).is_some();
    match value {
        Some(v) => {
            let name = if explicit { &plain } else { &cache };
            vm.set_class_attr(class, name, v);
        }
        None => {
            let gone = if explicit { vm.del_class_attr(class, &plain) } else { vm.del_class_attr(class, &cache) };
            if gone.is_none() {
                return Err(vm.attribute_error_text("__annotations__"));
            }
            if explicit {
                drop(vm.del_class_attr(class, &cache));
            }
        }
    }
    for name in ["__annotate_func__", "__annotate__"] {
        let name = vm.intern(name);
        drop(vm.del_class_attr(class, &name));
    }
    Ok(())
}

/// `type.__annotate__`.
///
/// # Errors
/// AttributeError for built-in classes.
pub fn class_annotate(vm: &mut Vm, class: &Ref<Class>) -> R {
    if !class.get(vm).is_heap() {
        return Err(no_attribute(vm, class, "__annotate__"));
    }
    for name in ["__annotate__", "__annotate_func__"] {
        if let Some(v) = own(vm, class, name) {
            return vm.bind(&v, &Value::UNDEF, class);
        }
    }
    let name = vm.intern("__annotate_func__");
    vm.set_class_attr(class, &name, Value::NONE);
    Ok(Value::NONE)
}

/// Sets `type.__annotate__`.
///
/// # Errors
/// TypeError for built-in classes, deletion, and what is not callable.
pub fn set_class_annotate(vm: &mut Vm, class: &Ref<Class>, value: Option<Value>) -> R<()> {
    let Some(value) = value else { return Err(vm.type_error("cannot delete __annotate__ attribute")) };
    check_mutable(vm, class, "__annotate__")?;
    if !value.is_none() && !vm.is_callable(&value) {
        return Err(vm.type_error("__annotate__ must be callable or None"));
    }
    let forget = !value.is_none();
    let (explicit, func) = (vm.intern("__annotate__"), vm.intern("__annotate_func__"));
    let name = if vm.own_class_attr(class, &explicit).is_some() { explicit } else { func };
    vm.set_class_attr(class, &name, value);
    if forget {
        for name in ["__annotations__", "__annotations_cache__"] {
            let name = vm.intern(name);
            drop(vm.del_class_attr(class, &name));
        }
    }
    Ok(())
}

/// Refuses changes of built-in classes.
///
/// # Errors
/// TypeError for them.
pub fn check_mutable(vm: &mut Vm, class: &Ref<Class>, name: &str) -> R<()> {
    if class.get(vm).is_heap() {
        return Ok(());
    }
    let shown = class.get(vm).display_name();
    Err(vm.type_error(format!("cannot set '{name}' attribute of immutable type '{shown}'")))
}
