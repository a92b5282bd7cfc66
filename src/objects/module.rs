//! `module`.

use super::class::annotations::call_annotate;
use super::descriptors::read_only;
use crate::vm::dict::Dict;
use crate::vm::function::Module;
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let dict = vm.new_dict();
        Ok(vm.alloc_as(&class, Module { dict }).into())
    }),
    NativeDef::new("__init__(self, name, doc=None)", "Initialize self.", init_module),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__dir__(self, /)", "__dir__() -> list", dir),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", |vm, a| {
        let name = vm.attr_name(arg_or_none(a, 1))?;
        vm.module_get_attr(arg_or_none(a, 0), &name)
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("__dict__", "", |vm, v| Ok(namespace(vm, v)?.into()), read_only),
    GetSetDef::with_set("__annotations__", "", annotations, set_annotations),
    GetSetDef::with_set("__annotate__", "", annotate, set_annotate),
];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.module.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(())
}

fn namespace(vm: &mut Vm, v: &Value) -> R<Ref<Dict>> {
    Ok(vm.this::<Module>(std::slice::from_ref(v), "__dict__")?.get(vm).dict.clone())
}

fn init_module(vm: &mut Vm, a: &[Value]) -> R {
    let d = namespace(vm, arg_or_none(a, 0))?;
    let name = arg_or_none(a, 1);
    if !name.is_a::<Str>() {
        let text = format!("module() argument 'name' must be str, not {}", vm.class_name(name));
        return Err(vm.type_error(text));
    }
    let items = [
        ("__name__", name.clone()),
        ("__doc__", arg_or_none(a, 2).clone()),
        ("__package__", Value::NONE),
        ("__loader__", Value::NONE),
        ("__spec__", Value::NONE),
    ];
    for (key, value) in items {
        let key = vm.intern(key);
        d.set_str(vm, &key, value);
    }
    Ok(Value::NONE)
}

fn entry(vm: &mut Vm, d: &Ref<Dict>, name: &str) -> Option<Value> {
    let name = vm.intern(name);
    d.get_str(vm, &name)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let d = namespace(vm, arg_or_none(a, 0))?;
    let (spec, name) = (entry(vm, &d, "__spec__"), entry(vm, &d, "__name__"));
    let mut shown_name = match &name {
        Some(n) if n.is_a::<Str>() => vm.repr_string(n)?,
        _ => "'?'".to_owned(),
    };
    let mut origin = None;
    if let Some(spec) = spec.filter(|s| !s.is_none()) {
        let attrs = [vm.intern("name"), vm.intern("origin"), vm.intern("has_location")];
        if let Some(n) = vm.get_attr_opt(&spec, &attrs[0])? {
            shown_name = vm.repr_string(&n)?;
        }
        let has_location = match vm.get_attr_opt(&spec, &attrs[2])? {
            Some(h) => vm.truth(&h)?,
            None => false,
        };
        match vm.get_attr_opt(&spec, &attrs[1])?.filter(|o| !o.is_none()) {
            Some(o) if has_location => origin = Some(format!(" from {}", vm.repr_string(&o)?)),
            Some(o) => origin = Some(format!(" ({})", vm.str(&o).map(|s| vm.str_of(s.value()))?)),
            None => {}
        }
    }
    if origin.is_none()
        && let Some(file) = entry(vm, &d, "__file__").filter(|f| !f.is_none())
    {
        origin = Some(format!(" from {}", vm.repr_string(&file)?));
    }
    if origin.is_none()
        && let Some(name) = name.as_ref().and_then(|n| n.cast::<Str>()).cloned()
        && matches!(&*name.get(vm).to_string_lossy(), "sys" | "builtins")
        && vm.modules.clone().get_str(vm, &name).is_some_and(|m| m.is(arg_or_none(a, 0)))
    {
        origin = Some(" (built-in)".to_owned());
    }
    let text = format!("<module {shown_name}{}>", origin.unwrap_or_default());
    Ok(vm.new_str(&text).into())
}

fn dir(vm: &mut Vm, a: &[Value]) -> R {
    let attr = vm.names.__dict__.clone();
    let found = vm.get_attr(arg_or_none(a, 0), &attr)?;
    let Some(d) = found.cast::<Dict>().cloned() else {
        return Err(vm.type_error("<module>.__dict__ is not a dictionary"));
    };
    if let Some(f) = entry(vm, &d, "__dir__") {
        return vm.call(&f, &[]);
    }
    let keys: Vec<Value> = d.get(vm).iter().map(|(k, _)| k.clone()).collect();
    Ok(vm.list(keys).into())
}

fn annotate(vm: &mut Vm, v: &Value) -> R {
    let d = namespace(vm, v)?;
    let name = vm.names.__annotate__.clone();
    match d.get_str(vm, &name) {
        Some(f) => Ok(f),
        None => {
            d.set_str(vm, &name, Value::NONE);
            Ok(Value::NONE)
        }
    }
}

fn set_annotate(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let d = namespace(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("cannot delete __annotate__ attribute")) };
    if !value.is_none() && !vm.is_callable(&value) {
        return Err(vm.type_error("__annotate__ must be callable or None"));
    }
    if !value.is_none() {
        let name = vm.names.__annotations__.clone();
        drop(d.del_str(vm, &name));
    }
    let name = vm.names.__annotate__.clone();
    d.set_str(vm, &name, value);
    Ok(())
}

fn annotations(vm: &mut Vm, v: &Value) -> R {
    let d = namespace(vm, v)?;
    let name = vm.names.__annotations__.clone();
    if let Some(known) = d.get_str(vm, &name) {
        return Ok(known);
    }
    let f = annotate(vm, v)?;
    let result = if vm.is_callable(&f) { call_annotate(vm, &f)? } else { vm.new_dict().into() };
    d.set_str(vm, &name, result.clone());
    Ok(result)
}

fn set_annotations(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let d = namespace(vm, v)?;
    let name = vm.names.__annotations__.clone();
    match value {
        Some(x) => d.set_str(vm, &name, x),
        None if d.del_str(vm, &name).is_none() => return Err(vm.attribute_error_text("__annotations__")),
        None => {}
    }
    let name = vm.names.__annotate__.clone();
    drop(d.del_str(vm, &name));
    Ok(())
}
