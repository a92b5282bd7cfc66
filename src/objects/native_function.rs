//! Built-in functions and methods: bound, unbound, and as modules have them.
//!
//! Four classes share the payload `Native` (unbound methods and plain functions), two share `Method` (bound ones).

use super::descriptors::{get_arguments, plain_get, reduce_to_getattr};
use crate::vm::class::Class;
use crate::vm::class_ops::address;
use crate::vm::function::{Method, Native, NativeCode};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const CALL: NativeDef = NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", call_self);
const REPR: NativeDef = NativeDef::new("__repr__(self, /)", "Return repr(self).", repr);
const REDUCE: NativeDef = NativeDef::new("__reduce__(self, /)", "Helper for pickle.", reduce);
const EQ: NativeDef = NativeDef::new("__eq__(self, value, /)", "Return self==value.", eq);
const HASH: NativeDef = NativeDef::new("__hash__(self, /)", "Return hash(self).", hash);

const DESCRIPTOR: &[NativeDef] = &[
    CALL,
    REPR,
    REDUCE,
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", descriptor_get),
];
const FUNCTION: &[NativeDef] = &[CALL, REPR, REDUCE, EQ, HASH];

const NAMES: &[GetSetDef] = &[
    GetSetDef::new("__name__", "", |vm, v| {
        let name = name_of(vm, v);
        Ok(vm.intern(&name).into())
    }),
    GetSetDef::new("__qualname__", "", |vm, v| {
        let text = qualified(vm, v);
        Ok(vm.new_str(&text).into())
    }),
    GetSetDef::new("__doc__", "", doc),
    GetSetDef::new("__text_signature__", "", text_signature),
];
const OWNER: &[GetSetDef] = &[GetSetDef::new("__objclass__", "", |vm, v| Ok(native(vm, v)?.get(vm).owner.clone()))];
const RECEIVER: &[GetSetDef] = &[
    GetSetDef::new("__self__", "", receiver),
    GetSetDef::new("__module__", "", |vm, v| {
        let owner = native(vm, v)?.get(vm).owner.clone();
        Ok(if v.is_a::<Native>() && owner.is_a::<Str>() { owner } else { Value::NONE })
    }),
];
const WRAPPER: &[GetSetDef] = &[
    GetSetDef::new("__self__", "", receiver),
    GetSetDef::new("__objclass__", "", |vm, v| Ok(native(vm, v)?.get(vm).owner.clone())),
];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let t = &vm.types;
    let descriptors = [t.method_descriptor.clone(), t.wrapper_descriptor.clone(), t.classmethod_descriptor.clone()];
    let functions = [t.builtin_function.clone(), t.builtin_method.clone()];
    let wrapper = t.method_wrapper.clone();
    for class in descriptors {
        vm.extend_class(&class, DESCRIPTOR, NAMES);
        vm.extend_class(&class, &[], OWNER);
    }
    for class in functions {
        vm.extend_class(&class, FUNCTION, NAMES);
        vm.extend_class(&class, &[], RECEIVER);
    }
    vm.extend_class(&wrapper, FUNCTION, NAMES);
    vm.extend_class(&wrapper, &[], WRAPPER);
    Ok(())
}

/// The native function behind a value of one of these classes.
fn native(vm: &mut Vm, v: &Value) -> R<Ref<Native>> {
    match v.cast::<Method>() {
        Some(m) => {
            let f = m.get(vm).func.clone();
            Ok(vm.this::<Native>(std::slice::from_ref(&f), "__name__")?.clone())
        }
        None => Ok(vm.this::<Native>(std::slice::from_ref(v), "__name__")?.clone()),
    }
}

fn name_of(vm: &mut Vm, v: &Value) -> String {
    match native(vm, v) {
        Ok(n) => match &n.get(vm).code {
            NativeCode::Static(def) => def.name().to_owned(),
            NativeCode::Host(_, name) => name.to_string(),
        },
        Err(_) => String::new(),
    }
}

fn qualified(vm: &mut Vm, v: &Value) -> String {
    let name = name_of(vm, v);
    let owner = native(vm, v).map(|n| n.get(vm).owner.clone()).unwrap_or(Value::NONE);
    match owner.cast::<Class>() {
        Some(c) => format!("{}.{name}", vm.str_of(c.get(vm).qualname.value())),
        None => name,
    }
}

fn definition(vm: &mut Vm, v: &Value) -> R<Option<&'static NativeDef>> {
    Ok(match native(vm, v)?.get(vm).code {
        NativeCode::Static(def) => Some(def),
        NativeCode::Host(..) => None,
    })
}

/// Whether an object is a native function whose calls give coroutines.
pub fn gives_coroutine(vm: &mut Vm, v: &Value) -> bool {
    (v.is_a::<Native>() || v.is_a::<Method>()) && matches!(definition(vm, v), Ok(Some(def)) if def.gives_coroutine())
}

fn doc(vm: &mut Vm, v: &Value) -> R {
    Ok(match definition(vm, v)? {
        Some(def) if !def.doc.is_empty() => vm.new_str(def.doc).into(),
        Some(def) if def.name() == "__init__" => vm.new_str("Initialize self; help(type(self)) tells how.").into(),
        _ => Value::NONE,
    })
}

fn text_signature(vm: &mut Vm, v: &Value) -> R {
    let Some(def) = definition(vm, v)? else { return Ok(Value::NONE) };
    let owner = native(vm, v)?.get(vm).owner.clone();
    let p = def.parameters();
    let text = if let Some(rest) = p.strip_prefix("(self") {
        format!("($self{rest}")
    } else if let Some(rest) = p.strip_prefix("(cls") {
        format!("($type{rest}")
    } else if owner.is_a::<Class>() {
        p.to_owned()
    } else if p == "()" {
        "($module, /)".to_owned()
    } else {
        format!("($module, {}", p.strip_prefix('(').unwrap_or(p))
    };
    Ok(vm.new_str(&text).into())
}

fn receiver(vm: &mut Vm, v: &Value) -> R {
    if let Some(m) = v.cast::<Method>() {
        return Ok(m.get(vm).receiver.clone());
    }
    let n = native(vm, v)?;
    let owner = n.get(vm).owner.clone();
    if owner.is_a::<Class>() {
        let is_new = matches!(n.get(vm).code, NativeCode::Static(def) if def.name() == "__new__");
        return Ok(if is_new { owner } else { Value::NONE });
    }
    let module = owner.cast::<Str>().cloned();
    Ok(module.and_then(|name| vm.modules.clone().get_str(vm, &name)).unwrap_or(Value::NONE))
}

fn call_self(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((f, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("descriptor '__call__' needs an argument"));
    };
    if !f.is_a::<Native>() && !f.is_a::<Method>() {
        let text = format!(
            "descriptor '__call__' requires a 'builtin_function_or_method' object but received a '{}'",
            vm.class_name(f)
        );
        return Err(vm.type_error(text));
    }
    vm.call_kw(f, &Args { pos: rest, ..*args })
}

fn descriptor_get(vm: &mut Vm, a: &[Value]) -> R {
    let n = vm.this::<Native>(a, "__get__")?.clone();
    let (o, class) = get_arguments(vm, a)?;
    let Some(owner) = n.get(vm).owner.cast::<Class>().cloned() else { return plain_get(vm, a) };
    let name = name_of(vm, n.value());
    if vm.is_exact(n.value(), &vm.types.classmethod_descriptor) {
        if !class.is_subclass(vm, &owner) {
            return Err(vm.type_error(format!(
                "descriptor '{name}' requires a subtype of '{}' but received '{}'",
                owner.get(vm).display_name(),
                class.get(vm).display_name()
            )));
        }
        return vm.bind(n.value(), class.value(), &class);
    }
    if !o.is_undef() && !vm.is_instance(&o, &owner) {
        return Err(vm.type_error(format!(
            "descriptor '{name}' for '{}' objects doesn't apply to a '{}' object",
            owner.get(vm).display_name(),
            vm.class_name(&o)
        )));
    }
    vm.bind(n.value(), &o, &class)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let v = arg_or_none(a, 0);
    let n = native(vm, v)?;
    let name = name_of(vm, v);
    let owner = n.get(vm).owner.clone();
    let owner_name = owner.cast::<Class>().map(|c| c.get(vm).display_name()).unwrap_or_default();
    let text = if let Some(m) = v.cast::<Method>() {
        let receiver = m.get(vm).receiver.clone();
        let class = vm.class_name(&receiver);
        let at = address(&receiver);
        if vm.is_exact(v, &vm.types.method_wrapper) {
            format!("<method-wrapper '{name}' of {class} object at {at:#x}>")
        } else {
            format!("<built-in method {name} of {class} object at {at:#x}>")
        }
    } else if vm.is_exact(v, &vm.types.wrapper_descriptor) {
        format!("<slot wrapper '{name}' of '{owner_name}' objects>")
    } else if !vm.is_exact(v, &vm.types.builtin_function) {
        format!("<method '{name}' of '{owner_name}' objects>")
    } else if owner.is_a::<Class>() {
        format!("<built-in method {name} of type object at {:#x}>", address(&owner))
    } else {
        format!("<built-in function {name}>")
    };
    Ok(vm.new_str(&text).into())
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let v = arg_or_none(a, 0);
    let name = name_of(vm, v);
    let name = vm.intern(&name).into_value();
    if let Some(m) = v.cast::<Method>() {
        let receiver = m.get(vm).receiver.clone();
        return reduce_to_getattr(vm, receiver, name);
    }
    let owner = native(vm, v)?.get(vm).owner.clone();
    if owner.is_a::<Class>() { reduce_to_getattr(vm, owner, name) } else { Ok(name) }
}

/// What two of these must share to be equal.
fn identity(vm: &Vm, v: &Value) -> (Value, Value) {
    match v.cast::<Method>() {
        Some(m) => (m.get(vm).func.clone(), m.get(vm).receiver.clone()),
        None => (v.clone(), Value::NONE),
    }
}

fn eq(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = (arg_or_none(a, 0), arg_or_none(a, 1));
    if !y.is_a::<Method>() && !y.is_a::<Native>() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (p, q) = (identity(vm, x), identity(vm, y));
    Ok((p.0.is(&q.0) && p.1.is(&q.1)).into())
}

fn hash(vm: &mut Vm, a: &[Value]) -> R {
    let (f, receiver) = identity(vm, arg_or_none(a, 0));
    let h = vm.identity_hash(&f) ^ vm.identity_hash(&receiver).rotate_left(7);
    Ok(vm.int(h as i64))
}
