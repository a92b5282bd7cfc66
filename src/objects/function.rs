//! Script functions and bound methods.

use super::class::annotations::call_annotate;
use super::descriptors::{plain_get, read_only, reduce_to_getattr};
use crate::compiler::code::CodeFlags;
use crate::vm::class_ops::address;
use crate::vm::dict::Dict;
use crate::vm::function::{CellObject, CodeObject, Function, Method, Module};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// Adds the methods of functions and bound methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let (function, method) = (vm.types.function.clone(), vm.types.method.clone());
    vm.extend_class(&function, FUNCTION, FUNCTION_ATTRS);
    vm.extend_class(&method, METHOD, METHOD_ATTRS);
    Ok(())
}

const FUNCTION: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)",
        "Create a function object.",
        new_function,
    ),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", |vm, args| {
        let f = vm.this::<Function>(args.pos, "__call__")?.clone();
        vm.call_kw(f.value(), &Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args })
    }),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", plain_get),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let f = vm.this::<Function>(a, "__repr__")?;
        let text = format!("<function {} at {:#x}>", vm.str_of(&f.get(vm).qualname), address(f.value()));
        Ok(vm.new_str(&text).into())
    }),
];

macro_rules! string_attr {
    ($name:literal, $field:ident) => {
        GetSetDef::with_set(
            $name,
            "",
            |vm, v| Ok(function(vm, v)?.get(vm).$field.clone()),
            |vm, v, x| {
                let f = function(vm, v)?;
                let Some(x) = x.filter(|x| x.is_a::<Str>()) else {
                    return Err(vm.type_error(concat!($name, " must be set to a string object")));
                };
                let old = std::mem::replace(&mut f.get_mut(vm).$field, x);
                drop(old);
                Ok(())
            },
        )
    };
}

macro_rules! free_attr {
    ($name:literal, $field:ident) => {
        GetSetDef::with_set(
            $name,
            "",
            |vm, v| Ok(function(vm, v)?.get(vm).$field.clone()),
            |vm, v, x| {
                let f = function(vm, v)?;
                let old = std::mem::replace(&mut f.get_mut(vm).$field, x.unwrap_or(Value::NONE));
                drop(old);
                Ok(())
            },
        )
    };
}

const FUNCTION_ATTRS: &[GetSetDef] = &[
    string_attr!("__name__", name),
    string_attr!("__qualname__", qualname),
    free_attr!("__doc__", doc),
    free_attr!("__module__", module),
    GetSetDef::with_set("__dict__", "", crate::objects::class::slots::INSTANCE_DICT.get, set_dict),
    GetSetDef::with_set("__code__", "", |vm, v| Ok(function(vm, v)?.get(vm).code.value().clone()), set_code),
    GetSetDef::with_set(
        "__defaults__",
        "",
        |vm, v| Ok(or_none(function(vm, v)?.get(vm).defaults.clone())),
        set_defaults,
    ),
    GetSetDef::with_set(
        "__kwdefaults__",
        "",
        |vm, v| Ok(or_none(function(vm, v)?.get(vm).kwdefaults.clone())),
        set_kwdefaults,
    ),
    GetSetDef::with_set("__globals__", "", |vm, v| Ok(function(vm, v)?.get(vm).globals.value().clone()), read_only),
    GetSetDef::with_set("__builtins__", "", |vm, v| Ok(function(vm, v)?.get(vm).builtins.value().clone()), read_only),
    GetSetDef::with_set("__closure__", "", |vm, v| Ok(or_none(function(vm, v)?.get(vm).closure.clone())), read_only),
    GetSetDef::with_set("__annotations__", "", annotations, set_annotations),
    GetSetDef::with_set(
        "__annotate__",
        "",
        |vm, v| Ok(or_none(function(vm, v)?.get(vm).annotate.clone())),
        set_annotate,
    ),
    GetSetDef::with_set("__type_params__", "", type_params, set_type_params),
];

fn function(vm: &mut Vm, v: &Value) -> R<Ref<Function>> {
    Ok(vm.this::<Function>(std::slice::from_ref(v), "function")?.clone())
}

fn or_none(v: Value) -> Value {
    if v.is_undef() { Value::NONE } else { v }
}

fn set_dict(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    match value.as_ref().map(|x| x.cast::<Dict>()) {
        None => Err(vm.type_error("cannot delete __dict__")),
        Some(Some(d)) => {
            vm.replace_dict(v, d);
            Ok(())
        }
        Some(None) => {
            let got = value.as_ref().map_or_else(String::new, |x| vm.class_name(x));
            Err(vm.type_error(format!("__dict__ must be set to a dictionary, not a '{got}'")))
        }
    }
}

fn set_code(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let Some(code) = value.and_then(|x| x.try_into_ref::<CodeObject>().ok()) else {
        return Err(vm.type_error("__code__ must be set to a code object"));
    };
    let cells = f.get(vm).closure.cast::<Tuple>().map_or(0, |t| t.get(vm).items().len());
    let wanted = code.get(vm).code.freevars.len();
    if cells != wanted {
        let name = vm.str_of(&f.get(vm).name);
        return Err(vm.value_error(format!("{name}() requires a code object with {cells} free vars, not {wanted}")));
    }
    let f = f.clone();
    vm.replace_code(&f, code);
    Ok(())
}

fn set_defaults(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let value = value.unwrap_or(Value::NONE);
    if !value.is_none() && !value.is_a::<Tuple>() {
        return Err(vm.type_error("__defaults__ must be set to a tuple object"));
    }
    let old = std::mem::replace(&mut f.get_mut(vm).defaults, value);
    drop(old);
    Ok(())
}

fn set_kwdefaults(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let value = value.unwrap_or(Value::NONE);
    if !value.is_none() && !value.is_a::<Dict>() {
        return Err(vm.type_error("__kwdefaults__ must be set to a dict object"));
    }
    let old = std::mem::replace(&mut f.get_mut(vm).kwdefaults, value);
    drop(old);
    Ok(())
}

fn annotations(vm: &mut Vm, v: &Value) -> R {
    let f = function(vm, v)?;
    let known = f.get(vm).annotations.clone();
    if known.is_a::<Dict>() {
        return Ok(known);
    }
    let result = if let Some(flat) = known.cast::<Tuple>() {
        // Under `from __future__ import annotations`: name, text, name, text, …
        let items = flat.get(vm).items().to_vec();
        let d = vm.new_dict();
        for pair in items.chunks_exact(2) {
            d.set_item(vm, pair[0].clone(), pair[1].clone())?;
        }
        d.into_value()
    } else {
        let annotate = f.get(vm).annotate.clone();
        if annotate.is_undef() || annotate.is_none() {
            vm.new_dict().into_value()
        } else {
            call_annotate(vm, &annotate)?
        }
    };
    f.get_mut(vm).annotations = result.clone();
    Ok(result)
}

fn set_annotations(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let value = value.unwrap_or(Value::NONE);
    if !value.is_none() && !value.is_a::<Dict>() {
        return Err(vm.type_error("__annotations__ must be set to a dict object"));
    }
    let value = if value.is_none() { Value::UNDEF } else { value };
    let mut m = f.get_mut(vm);
    let old = (std::mem::replace(&mut m.annotations, value), std::mem::replace(&mut m.annotate, Value::NONE));
    drop(m);
    drop(old);
    Ok(())
}

fn set_annotate(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let Some(value) = value else { return Err(vm.type_error("__annotate__ cannot be deleted")) };
    if !value.is_none() && !vm.is_callable(&value) {
        return Err(vm.type_error("__annotate__ must be callable or None"));
    }
    let forget = !value.is_none();
    let mut m = f.get_mut(vm);
    let mut old = vec![std::mem::replace(&mut m.annotate, value)];
    if forget {
        old.push(std::mem::replace(&mut m.annotations, Value::UNDEF));
    }
    drop(m);
    drop(old);
    Ok(())
}

fn type_params(vm: &mut Vm, v: &Value) -> R {
    let params = function(vm, v)?.get(vm).type_params.clone();
    Ok(if params.is_undef() { vm.empty_tuple() } else { params })
}

fn set_type_params(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let f = function(vm, v)?;
    let Some(value) = value.filter(|x| x.is_a::<Tuple>()) else {
        return Err(vm.type_error("__type_params__ must be set to a tuple"));
    };
    let old = std::mem::replace(&mut f.get_mut(vm).type_params, value);
    drop(old);
    Ok(())
}

fn new_function(vm: &mut Vm, a: &[Value]) -> R {
    let Some(code) = arg_or_none(a, 1).cast::<CodeObject>() else {
        let text = format!("function() argument 'code' must be code, not {}", vm.class_name(arg_or_none(a, 1)));
        return Err(vm.type_error(text));
    };
    let Some(globals) = arg_or_none(a, 2).cast::<Dict>() else {
        let text = format!("function() argument 'globals' must be dict, not {}", vm.class_name(arg_or_none(a, 2)));
        return Err(vm.type_error(text));
    };
    let (name, defaults, closure, kwdefaults) =
        (arg_or_none(a, 3), arg_or_none(a, 4), arg_or_none(a, 5), arg_or_none(a, 6));
    if !name.is_none() && !name.is_a::<Str>() {
        return Err(vm.type_error("arg 3 (name) must be None or string"));
    }
    if !defaults.is_none() && !defaults.is_a::<Tuple>() {
        return Err(vm.type_error("arg 4 (defaults) must be None or tuple"));
    }
    if !kwdefaults.is_none() && !kwdefaults.is_a::<Dict>() {
        return Err(vm.type_error("arg 6 (kwdefaults) must be None or dict"));
    }
    let closure = check_closure(vm, code, closure)?;
    let f = make_function(vm, code, globals);
    let mut m = f.get_mut(vm);
    m.defaults = defaults.clone();
    m.kwdefaults = kwdefaults.clone();
    m.closure = closure;
    if !name.is_none() {
        m.name = name.clone();
    }
    drop(m);
    Ok(f.into())
}

fn check_closure(vm: &mut Vm, code: &Ref<CodeObject>, closure: &Value) -> R {
    let wanted = code.get(vm).code.freevars.len();
    let Some(cells) = closure.cast::<Tuple>() else {
        if !closure.is_none() {
            return Err(vm.type_error("arg 5 (closure) must be None or tuple"));
        }
        return if wanted == 0 { Ok(Value::UNDEF) } else { Err(vm.type_error("arg 5 (closure) must be tuple")) };
    };
    let items = cells.get(vm).items().to_vec();
    if items.len() != wanted {
        let name = code.get(vm).code.name.clone();
        return Err(vm.value_error(format!("{name} requires closure of length {wanted}, not {}", items.len())));
    }
    if let Some(wrong) = items.iter().find(|c| !c.is_a::<CellObject>()) {
        let text = format!("arg 5 (closure) expected cell, found {}", vm.class_name(wrong));
        return Err(vm.type_error(text));
    }
    Ok(closure.clone())
}

/// A function of a code object, as the `def` statement makes it: no defaults, no closure.
pub fn make_function(vm: &mut Vm, code: &Ref<CodeObject>, globals: &Ref<Dict>) -> Ref<Function> {
    let (name, qualname, documented) = {
        let c = &code.get(vm).code;
        (c.name.clone(), c.qualname.clone(), c.flags.has(CodeFlags::HAS_DOCSTRING))
    };
    let doc = if documented { vm.code_consts(code).into_iter().next().unwrap_or(Value::NONE) } else { Value::NONE };
    let key = vm.names.__name__.clone();
    let module = globals.get_str(vm, &key).unwrap_or(Value::NONE);
    let key = vm.names.__builtins__.clone();
    let builtins = match globals.get_str(vm, &key) {
        Some(b) => match b.cast::<Module>() {
            Some(m) => m.get(vm).dict.clone(),
            None => b.try_into_ref::<Dict>().unwrap_or_else(|_| vm.builtins.clone()),
        },
        None => vm.builtins.clone(),
    };
    let f = Function {
        code: code.clone(),
        globals: globals.clone(),
        builtins,
        closure: Value::UNDEF,
        defaults: Value::NONE,
        kwdefaults: Value::NONE,
        name: vm.intern(&name).into(),
        qualname: vm.intern(&qualname).into(),
        doc,
        module,
        annotate: Value::NONE,
        annotations: Value::UNDEF,
        type_params: Value::UNDEF,
    };
    vm.alloc(f)
}

// ---- bound methods ----

const METHOD: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, instance, /)", "Create a bound instance method object.", new_method),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", |vm, args| {
        let m = vm.this::<Method>(args.pos, "__call__")?.clone();
        vm.call_kw(m.value(), &Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args })
    }),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", |_, a| {
        Ok(arg_or_none(a, 0).clone())
    }),
    NativeDef::new("__getattr__(self, name, /)", "Attributes of the function.", |vm, a| {
        let f = vm.this::<Method>(a, "__getattr__")?.get(vm).func.clone();
        let name = vm.attr_name(arg_or_none(a, 1))?;
        vm.get_attr(&f, &name)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", method_repr),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| {
        let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<Method>(), arg_or_none(a, 1).cast::<Method>()) else {
            return Ok(Value::NOT_IMPLEMENTED);
        };
        if !x.get(vm).receiver.is(&y.get(vm).receiver) {
            return Ok(Value::FALSE);
        }
        let (f, g) = (x.get(vm).func.clone(), y.get(vm).func.clone());
        Ok(vm.equal(&f, &g)?.into())
    }),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let m = vm.this::<Method>(a, "__hash__")?.clone();
        let (f, receiver) = (m.get(vm).func.clone(), m.get(vm).receiver.clone());
        let h = vm.hash(&f)? ^ vm.identity_hash(&receiver).rotate_left(7);
        Ok(vm.int(h as i64))
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let m = vm.this::<Method>(a, "__reduce__")?.clone();
        let (f, receiver) = (m.get(vm).func.clone(), m.get(vm).receiver.clone());
        let name = vm.get_attr_str(&f, "__name__")?;
        reduce_to_getattr(vm, receiver, name)
    }),
];

const METHOD_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set(
        "__func__",
        "the function (or other callable) implementing a method",
        |vm, v| Ok(method(vm, v)?.get(vm).func.clone()),
        read_only,
    ),
    GetSetDef::with_set(
        "__self__",
        "the instance to which a method is bound",
        |vm, v| Ok(method(vm, v)?.get(vm).receiver.clone()),
        read_only,
    ),
    GetSetDef::new("__doc__", "", |vm, v| {
        let f = method(vm, v)?.get(vm).func.clone();
        let name = vm.names.__doc__.clone();
        Ok(vm.get_attr_opt(&f, &name)?.unwrap_or(Value::NONE))
    }),
];

fn method(vm: &mut Vm, v: &Value) -> R<Ref<Method>> {
    Ok(vm.this::<Method>(std::slice::from_ref(v), "__func__")?.clone())
}

fn new_method(vm: &mut Vm, args: &Args<'_>) -> R {
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("method() takes no keyword arguments"));
    }
    let [_, func, receiver] = args.pos else {
        let n = args.pos.len().saturating_sub(1);
        return Err(vm.type_error(format!("method expected 2 arguments, got {n}")));
    };
    if !vm.is_callable(func) {
        return Err(vm.type_error("first argument must be callable"));
    }
    if receiver.is_none() {
        return Err(vm.type_error("instance must not be None"));
    }
    let class = vm.types.method.clone();
    Ok(vm.alloc_as(&class, Method { func: func.clone(), receiver: receiver.clone() }).into())
}

fn method_repr(vm: &mut Vm, a: &[Value]) -> R {
    let m = vm.this::<Method>(a, "__repr__")?.clone();
    let (f, receiver) = (m.get(vm).func.clone(), m.get(vm).receiver.clone());
    let mut name = None;
    for attr in ["__qualname__", "__name__"] {
        if name.is_none() {
            let attr = vm.intern(attr);
            name = vm.get_attr_opt(&f, &attr)?.filter(|n| n.is_a::<Str>());
        }
    }
    let name = name.map_or_else(|| "?".to_owned(), |n| vm.str_of(&n));
    let shown = vm.guarded(|vm| vm.repr(&receiver))?.get(vm).as_bytes().to_vec();
    Ok(vm.new_str_parts(&[b"<bound method ", name.as_bytes(), b" of ", &shown, b">"]).into())
}
