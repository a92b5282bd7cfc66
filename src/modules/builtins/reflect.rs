//! Functions about objects: `callable`, `delattr`, `dir`, `format`, `getattr`, `globals`, `hasattr`, `id`,
//! `isinstance`, `issubclass`, `locals`, `repr`, `ascii`, `setattr`, `vars`.

use crate::vm::native::{NativeDef, arg};
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("ascii(obj, /)", "Return an ASCII-only representation of an object.", |vm, a| {
        Ok(vm.ascii(&a[0])?.into())
    }),
    NativeDef::new("repr(obj, /)", "Return the canonical string representation of the object.", |vm, a| {
        Ok(vm.repr(&a[0])?.into())
    }),
    NativeDef::new("callable(obj, /)", "Return whether the object is callable.", |vm, a| {
        Ok(Value::bool(vm.is_callable(&a[0])))
    }),
    NativeDef::new(
        "format(value, format_spec='', /)",
        "Return type(value).__format__(value, format_spec).",
        |vm, a| {
            let spec = arg(a, 1).cloned().unwrap_or_else(|| vm.new_str("").into_value());
            if !spec.is_a::<Str>() {
                let got = vm.class_name(&spec);
                return Err(vm.type_error(format!("format() argument 2 must be str, not {got}")));
            }
            Ok(vm.format(&a[0], &spec)?.into())
        },
    ),
    NativeDef::new("getattr(object, name, default=None, /)", "Get a named attribute from an object.", getattr),
    NativeDef::new(
        "hasattr(obj, name, /)",
        "Return whether the object has an attribute with the given name.",
        |vm, a| {
            let name = vm.attr_name(&a[1])?;
            Ok(Value::bool(vm.get_attr_opt(&a[0], &name)?.is_some()))
        },
    ),
    NativeDef::new(
        "setattr(obj, name, value, /)",
        "Sets the named attribute on the given object to the specified value.",
        |vm, a| {
            let name = vm.attr_name(&a[1])?;
            vm.set_attr(&a[0], &name, a[2].clone())?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("delattr(obj, name, /)", "Deletes the named attribute from the given object.", |vm, a| {
        let name = vm.attr_name(&a[1])?;
        vm.del_attr(&a[0], &name)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("id(obj, /)", "Return the identity of an object.", |vm, a| {
        // The word itself: addresses for objects, a number that follows from the value for the rest.
        Ok(vm.int_from(a[0].bits() & !3))
    }),
    NativeDef::new(
        "isinstance(obj, class_or_tuple, /)",
        "Return whether an object is an instance of a class.",
        |vm, a| Ok(Value::bool(vm.is_instance_of(&a[0], &a[1])?)),
    ),
    NativeDef::new(
        "issubclass(cls, class_or_tuple, /)",
        "Return whether 'cls' is derived from another class.",
        |vm, a| Ok(Value::bool(vm.is_subclass_of(&a[0], &a[1])?)),
    ),
    NativeDef::new("globals()", "Return the dictionary containing the current scope's global variables.", |vm, _| {
        match vm.current_globals() {
            Some(g) => Ok(g),
            None => Err(vm.system_error("globals() needs a running frame")),
        }
    }),
    NativeDef::new("locals()", "Return a dictionary containing the current scope's local variables.", |vm, _| {
        vm.current_locals()
    }),
    NativeDef::new("dir(object=None, /)", "Show the names of an object's attributes.", dir),
    NativeDef::new("vars(object=None, /)", "Show the attributes that an object keeps in its __dict__.", vars),
];

fn getattr(vm: &mut Vm, a: &[Value]) -> R {
    let name = vm.attr_name(&a[1])?;
    if a.len() > 2 {
        return Ok(vm.get_attr_opt(&a[0], &name)?.unwrap_or_else(|| a[2].clone()));
    }
    vm.get_attr(&a[0], &name)
}

fn dir(vm: &mut Vm, a: &[Value]) -> R {
    let names = match a.first() {
        None => {
            let locals = vm.current_locals()?;
            vm.collect(&locals)?
        }
        Some(o) => {
            let Some(f) = vm.special(o, Special::Dir) else {
                return Err(vm.type_error("object does not provide __dir__"));
            };
            let names = vm.call_special(&f, o, &[])?;
            vm.collect(&names)?
        }
    };
    let list = vm.list(names).into_value();
    vm.call_method(&list, "sort", &[])?;
    Ok(list)
}

fn vars(vm: &mut Vm, a: &[Value]) -> R {
    match a.first() {
        None => vm.current_locals(),
        Some(o) => {
            let name = vm.names.__dict__.clone();
            match vm.get_attr_opt(o, &name)? {
                Some(d) => Ok(d),
                None => Err(vm.type_error("vars() argument must have __dict__ attribute")),
            }
        }
    }
}
