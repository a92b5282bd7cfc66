//! The attributes of classes that are not in their namespaces: `__name__`, `__bases__`, `__mro__`, `__dict__`, …

use super::annotations::{self, check_mutable};
use super::create::derives_from;
use super::{own, proxy};
use crate::vm::class::{Class, class_flag};
use crate::vm::function::{Native, NativeCode};
use crate::vm::native::GetSetDef;
use crate::vm::object::{Kind, Ref};
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

const GETSETS: &[GetSetDef] = &[
    GetSetDef::with_set("__name__", "", name, set_name),
    GetSetDef::with_set("__qualname__", "", qualname, set_qualname),
    GetSetDef::with_set("__bases__", "", bases, set_bases),
    GetSetDef::new("__mro__", "", mro),
    GetSetDef::with_set("__module__", "", module, set_module),
    GetSetDef::with_set("__abstractmethods__", "", abstract_methods, set_abstract_methods),
    GetSetDef::new("__dict__", "", |vm, v| {
        let c = class(vm, v)?;
        Ok(proxy::of_class(vm, &c))
    }),
    GetSetDef::with_set("__doc__", "", doc, set_doc),
    GetSetDef::new("__text_signature__", "", text_signature),
    GetSetDef::with_set(
        "__annotations__",
        "",
        |vm, v| {
            let c = class(vm, v)?;
            annotations::class_annotations(vm, &c)
        },
        |vm, v, x| {
            let c = class(vm, v)?;
            annotations::set_class_annotations(vm, &c, x)
        },
    ),
    GetSetDef::with_set(
        "__annotate__",
        "",
        |vm, v| {
            let c = class(vm, v)?;
            annotations::class_annotate(vm, &c)
        },
        |vm, v, x| {
            let c = class(vm, v)?;
            annotations::set_class_annotate(vm, &c, x)
        },
    ),
    GetSetDef::with_set("__type_params__", "", type_params, set_type_params),
    GetSetDef::new("__base__", "", |vm, v| {
        let c = class(vm, v)?;
        Ok(c.get(vm).base.as_ref().map_or(Value::NONE, |b| b.value().clone()))
    }),
    GetSetDef::new("__flags__", "", flags),
    GetSetDef::new("__basicsize__", "", |vm, v| {
        let c = class(vm, v)?;
        let c = c.get(vm);
        Ok(Value::len(16 + c.payload_size() + 8 * c.fixed_slots()))
    }),
    GetSetDef::new("__itemsize__", "", |vm, v| {
        let c = class(vm, v)?;
        Ok(match c.get(vm).payload_kind() {
            Kind::Tuple => Value::int32(8),
            Kind::Int => Value::int32(4),
            Kind::Bytes => Value::int32(1),
            Kind::Type => Value::int32(40),
            _ => Value::int32(0),
        })
    }),
    GetSetDef::new("__dictoffset__", "", |vm, v| {
        let c = class(vm, v)?;
        Ok(Value::int32(if c.get(vm).instances_have_dict() { -1 } else { 0 }))
    }),
    GetSetDef::new("__weakrefoffset__", "", |vm, v| {
        let c = class(vm, v)?;
        Ok(Value::int32(if c.get(vm).has(class_flag::WEAKREF) { 16 } else { 0 }))
    }),
];

/// Adds the attributes to `type`.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let type_ = vm.types.type_.clone();
    vm.extend_class(&type_, &[], GETSETS);
    Ok(())
}

fn class(vm: &mut Vm, v: &Value) -> R<Ref<Class>> {
    match v.cast::<Class>() {
        Some(c) => Ok(c.clone()),
        None => {
            let text = format!("descriptor requires a 'type' object but received a '{}'", vm.class_name(v));
            Err(vm.type_error(text))
        }
    }
}

/// The class of a setter's target, and the new value: built-in classes refuse both setting and deleting.
fn target(vm: &mut Vm, v: &Value, name: &str, value: Option<Value>) -> R<(Ref<Class>, Value)> {
    let c = class(vm, v)?;
    check_mutable(vm, &c, name)?;
    match value {
        Some(value) => Ok((c, value)),
        None => {
            let shown = c.get(vm).display_name();
            Err(vm.type_error(format!("cannot delete '{name}' attribute of immutable type '{shown}'")))
        }
    }
}

fn bases(vm: &mut Vm, v: &Value) -> R {
    let found = class(vm, v)?.get(vm).bases.clone();
    // The classes of the bootstrap were made before tuples.
    if found.is_a::<Tuple>() {
        return Ok(found);
    }
    let c = class(vm, v)?;
    let base = c.get(vm).base.as_ref().map(|b| b.value().clone());
    Ok(vm.tuple(base.into_iter().collect()).into())
}

fn name(vm: &mut Vm, v: &Value) -> R {
    Ok(class(vm, v)?.get(vm).name.value().clone())
}

fn set_name(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__name__", value)?;
    let Some(text) = value.cast::<Str>() else {
        let text =
            format!("can only assign string to {}.__name__, not '{}'", c.get(vm).display_name(), vm.class_name(&value));
        return Err(vm.type_error(text));
    };
    if text.get(vm).as_bytes().contains(&0) {
        return Err(vm.value_error("type name must not contain null characters"));
    }
    let old = std::mem::replace(&mut c.get_mut(vm).name, text.clone());
    drop(old);
    Ok(())
}

fn qualname(vm: &mut Vm, v: &Value) -> R {
    Ok(class(vm, v)?.get(vm).qualname.value().clone())
}

fn set_qualname(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__qualname__", value)?;
    let Some(text) = value.cast::<Str>() else {
        let text = format!(
            "can only assign string to {}.__qualname__, not '{}'",
            c.get(vm).display_name(),
            vm.class_name(&value)
        );
        return Err(vm.type_error(text));
    };
    let old = std::mem::replace(&mut c.get_mut(vm).qualname, text.clone());
    drop(old);
    Ok(())
}

fn set_bases(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__bases__", value)?;
    let shown = c.get(vm).display_name();
    let Some(tuple) = value.cast::<Tuple>() else {
        let text = format!("can only assign tuple to {shown}.__bases__, not {}", vm.class_name(&value));
        return Err(vm.type_error(text));
    };
    let items = tuple.get(vm).items().to_vec();
    if items.is_empty() {
        return Err(vm.type_error(format!("can only assign non-empty tuple to {shown}.__bases__, not ()")));
    }
    let mut bases = Vec::with_capacity(items.len());
    for b in &items {
        let Some(b) = b.cast::<Class>() else {
            let text = format!("{shown}.__bases__ must be tuple of classes, not '{}'", vm.class_name(b));
            return Err(vm.type_error(text));
        };
        if derives_from(vm, b, &c) {
            return Err(vm.type_error("a __bases__ item causes an inheritance cycle"));
        }
        if !b.get(vm).has(class_flag::BASE) {
            let text = format!("type '{}' is not an acceptable base type", vm.type_name(b));
            return Err(vm.type_error(text));
        }
        bases.push(b.clone());
    }
    vm.set_bases(&c, bases)
}

fn mro(vm: &mut Vm, v: &Value) -> R {
    let order = class(vm, v)?.get(vm).mro.clone();
    Ok(vm.tuple(order).into())
}

fn module(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    Ok(module_of(vm, &c))
}

/// `__module__` of a class.
pub fn module_of(vm: &mut Vm, class: &Ref<Class>) -> Value {
    match own(vm, class, "__module__") {
        // `type` itself has the attribute that computes this.
        Some(v) if !v.is_a::<crate::vm::function::GetSet>() => v,
        _ => vm.intern("builtins").into(),
    }
}

fn set_module(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__module__", value)?;
    let name = vm.intern("__module__");
    vm.set_class_attr(&c, &name, value);
    let line = vm.intern("__firstlineno__");
    drop(vm.del_class_attr(&c, &line));
    Ok(())
}

fn abstract_methods(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    // `type` has an attribute of this name, which is not an answer.
    let found = if c.is(&vm.types.type_) { None } else { own(vm, &c, "__abstractmethods__") };
    match found {
        Some(v) => Ok(v),
        None => Err(vm.attribute_error_text("__abstractmethods__")),
    }
}

fn set_abstract_methods(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let c = class(vm, v)?;
    check_mutable(vm, &c, "__abstractmethods__")?;
    let name = vm.intern("__abstractmethods__");
    let is_abstract = match value {
        Some(value) => {
            let any = vm.truth(&value)?;
            vm.set_class_attr(&c, &name, value);
            any
        }
        None => {
            if vm.del_class_attr(&c, &name).is_none() {
                return Err(vm.attribute_error_text("__abstractmethods__"));
            }
            false
        }
    };
    let mut p = c.get_mut(vm);
    p.flags = if is_abstract { p.flags | class_flag::ABSTRACT } else { p.flags & !class_flag::ABSTRACT };
    Ok(())
}

fn doc(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    if c.is(&vm.types.type_) {
        return Ok(vm
            .new_str("type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type")
            .into());
    }
    match own(vm, &c, "__doc__") {
        Some(d) if d.is_a::<Str>() => Ok(d),
        Some(d) => vm.bind(&d, &Value::UNDEF, &c),
        None => Ok(Value::NONE),
    }
}

fn set_doc(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__doc__", value)?;
    let name = vm.intern("__doc__");
    vm.set_class_attr(&c, &name, value);
    Ok(())
}

/// The signature of a built-in class is that of its `__new__` or `__init__`.
fn text_signature(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    if c.get(vm).is_heap() {
        return Ok(Value::NONE);
    }
    if c.is(&vm.types.object) {
        return Ok(vm.new_str("()").into());
    }
    let has_init = own(vm, &c, "__init__").is_some();
    for name in ["__new__", "__init__"] {
        let Some(f) = own(vm, &c, name) else { continue };
        if let Some(native) = f.cast::<Native>()
            && let NativeCode::Static(def) = native.get(vm).code
        {
            if name == "__new__" && has_init && def.parameters() == "(cls, *args, **kwargs)" {
                // It takes anything, and leaves judging to `__init__`.
                continue;
            }
            let text = without_first_parameter(def.parameters());
            return Ok(vm.new_str(&text).into());
        }
    }
    Ok(Value::NONE)
}

/// `(self, x, /)` as the caller sees it: `(x, /)`.
pub fn without_first_parameter(parameters: &str) -> String {
    let inner = parameters.strip_prefix('(').unwrap_or(parameters);
    let rest = inner.split_once(',').map_or(")", |(_, rest)| rest.trim_start());
    let rest = match rest.strip_prefix('/') {
        Some(more) => more.trim_start_matches([',', ' ']),
        None => rest,
    };
    format!("({rest}")
}

fn type_params(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    let found = if c.is(&vm.types.type_) { None } else { own(vm, &c, "__type_params__") };
    Ok(found.unwrap_or_else(|| vm.empty_tuple()))
}

fn set_type_params(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let (c, value) = target(vm, v, "__type_params__", value)?;
    if !value.is_a::<Tuple>() {
        return Err(vm.type_error("__type_params__ must be set to a tuple"));
    }
    let name = vm.intern("__type_params__");
    vm.set_class_attr(&c, &name, value);
    Ok(())
}

/// CPython's bits that scripts look at.
fn flags(vm: &mut Vm, v: &Value) -> R {
    let c = class(vm, v)?;
    let exact = [
        (vm.types.int.clone(), 24),
        (vm.types.list.clone(), 25),
        (vm.types.tuple.clone(), 26),
        (vm.types.bytes.clone(), 27),
        (vm.types.str_.clone(), 28),
        (vm.types.dict.clone(), 29),
        (vm.exc.BaseException.clone(), 30),
        (vm.types.type_.clone(), 31),
    ];
    let mut bits: i64 = 1 << 12 | 1 << 14;
    let own = c.get(vm);
    let pairs = [
        (class_flag::HEAP, 9),
        (class_flag::BASE, 10),
        (class_flag::ABSTRACT, 20),
        (class_flag::SEQUENCE, 5),
        (class_flag::MAPPING, 6),
        (class_flag::MATCH_SELF, 22),
        (class_flag::NO_NEW, 7),
    ];
    for (flag, bit) in pairs {
        if own.has(flag) {
            bits |= 1 << bit;
        }
    }
    if !own.is_mutable() {
        bits |= 1 << 8;
    }
    if own.is_heap() && own.instances_have_dict() {
        bits |= 1 << 4;
    }
    for (class, bit) in &exact {
        if c.is_subclass(vm, class) {
            bits |= 1 << bit;
        }
    }
    Ok(vm.int(bits))
}
