//! The methods of `type`.

use super::create::type_new;
use super::qualified_name;
use crate::objects::union;
use crate::vm::class::Class;
use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", type_new),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_type),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", call),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        union::or(vm, arg_or_none(a, 0), arg_or_none(a, 1))
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        union::or(vm, arg_or_none(a, 1), arg_or_none(a, 0))
    }),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", |vm, a| {
        let (c, name) = (vm.this::<Class>(a, "__getattribute__")?.clone(), vm.attr_name(arg_or_none(a, 1))?);
        vm.type_get_attr(&c, &name)
    }),
    NativeDef::new("__setattr__(self, name, value, /)", "Implement setattr(self, name, value).", |vm, a| {
        let (c, name) = (vm.this::<Class>(a, "__setattr__")?.clone(), vm.attr_name(arg_or_none(a, 1))?);
        vm.type_set_attr(&c, &name, Some(arg_or_none(a, 2).clone()))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__delattr__(self, name, /)", "Implement delattr(self, name).", |vm, a| {
        let (c, name) = (vm.this::<Class>(a, "__delattr__")?.clone(), vm.attr_name(arg_or_none(a, 1))?);
        vm.type_set_attr(&c, &name, None)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("mro(self, /)", "Return a type's method resolution order.", |vm, a| {
        let c = vm.this::<Class>(a, "mro")?.clone();
        let order = vm.default_mro(&c)?;
        Ok(vm.list(order).into())
    }),
    NativeDef::new("__subclasses__(self, /)", "Return a list of immediate subclasses.", |vm, a| {
        let c = vm.this::<Class>(a, "__subclasses__")?.clone();
        let all = vm.subclasses(&c);
        Ok(vm.list(all).into())
    }),
    NativeDef::raw(
        "__prepare__(cls, name, bases, /, **kwds)",
        "Create the namespace for the class statement",
        |vm, _| Ok(vm.new_dict().into()),
    ),
    NativeDef::new("__instancecheck__(self, instance, /)", "Check if an object is an instance.", |vm, a| {
        let c = vm.this::<Class>(a, "__instancecheck__")?.clone();
        Ok(vm.plain_is_instance(arg_or_none(a, 1), c.value())?.into())
    }),
    NativeDef::new("__subclasscheck__(self, subclass, /)", "Check if a class is a subclass.", subclass_check),
    NativeDef::new("__dir__(self, /)", "Specialized __dir__ implementation for types.", dir),
    NativeDef::new("__sizeof__(self, /)", "Return memory consumption of the type object.", |vm, a| {
        let c = vm.this::<Class>(a, "__sizeof__")?;
        let n = vm.class_dict(c).len();
        Ok(Value::len(size_of::<Class>() + 40 * n))
    }),
];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let type_ = vm.types.type_.clone();
    vm.extend_class(&type_, METHODS, &[]);
    Ok(())
}

fn init_type(vm: &mut Vm, args: &Args<'_>) -> R {
    let n = args.pos.len().saturating_sub(1);
    if n == 1 && !args.kw_names.is_empty() {
        return Err(vm.type_error("type.__init__() takes no keyword arguments"));
    }
    if n != 1 && n != 3 {
        return Err(vm.type_error("type.__init__() takes 1 or 3 arguments"));
    }
    Ok(Value::NONE)
}

fn call(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.this::<Class>(args.pos, "__call__")?.clone();
    let rest = Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args };
    vm.instantiate(&class, &rest)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let c = vm.this::<Class>(a, "__repr__")?.clone();
    let name = qualified_name(vm, &c)?;
    Ok(vm.new_str(&format!("<class '{name}'>")).into())
}

fn subclass_check(vm: &mut Vm, a: &[Value]) -> R {
    let c = vm.this::<Class>(a, "__subclasscheck__")?.clone();
    Ok(vm.plain_is_subclass(arg_or_none(a, 1), c.value())?.into())
}

fn dir(vm: &mut Vm, a: &[Value]) -> R {
    let c = vm.this::<Class>(a, "__dir__")?.clone();
    let names = vm.new_dict();
    merge_class_names(vm, &names, &c)?;
    vm.collect(names.value()).map(|keys| vm.list(keys).into())
}

/// Adds the names of a class and its bases to the keys of a dict.
///
/// # Errors
/// What comparing strange keys raises.
pub fn merge_class_names(vm: &mut Vm, names: &Ref<crate::vm::dict::Dict>, class: &Ref<Class>) -> R<()> {
    let order = class.get(vm).mro.clone();
    for c in order.iter().rev().filter_map(|c| c.cast::<Class>()) {
        let keys: Vec<Value> = vm.class_dict(c).iter().map(|(k, _)| k.clone()).collect();
        for k in keys {
            names.set_item(vm, k, Value::NONE)?;
        }
    }
    Ok(())
}
