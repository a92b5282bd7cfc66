//! `super`.
//!
//! The compiler turns `super().name` and `super(C, x).name` into an instruction that calls [`super_get`]; objects of
//! the class are made only where `super` is used otherwise.

use super::descriptors::read_only;
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `super`.
    pub struct SuperObject {
        /// `__thisclass__`, or `None` before `__init__`.
        pub class: Value,
        /// `__self__`, or `None`.
        pub obj: Value,
        /// `__self_class__`, or `None`.
        pub obj_class: Value,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let s = SuperObject { class: Value::NONE, obj: Value::NONE, obj_class: Value::NONE };
        Ok(vm.alloc_as(&class, s).into())
    }),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_super),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", get),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", getattribute),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::with_set(
        "__thisclass__",
        "the class invoking super()",
        |vm, v| Ok(payload(vm, v)?.get(vm).class.clone()),
        read_only,
    ),
    GetSetDef::with_set(
        "__self__",
        "the instance invoking super(); may be None",
        |vm, v| Ok(payload(vm, v)?.get(vm).obj.clone()),
        read_only,
    ),
    GetSetDef::with_set(
        "__self_class__",
        "the type of the instance invoking super(); may be None",
        |vm, v| Ok(payload(vm, v)?.get(vm).obj_class.clone()),
        read_only,
    ),
];

/// Makes the class.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<SuperObject>("builtins", "super", None, class_flag::BASE)?;
    vm.super_class = class.clone();
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(())
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<SuperObject>> {
    Ok(vm.this::<SuperObject>(std::slice::from_ref(v), "__self__")?.clone())
}

/// The class that `super(class, obj)` starts after.
fn check(vm: &mut Vm, class: &Ref<Class>, obj: &Value) -> R<Ref<Class>> {
    if let Some(c) = obj.cast::<Class>()
        && c.is_subclass(vm, class)
    {
        return Ok(c.clone());
    }
    let own = vm.class_of(obj).clone();
    if own.is_subclass(vm, class) {
        return Ok(own);
    }
    let name = vm.names.__class__.clone();
    if let Some(claimed) = vm.get_attr_opt(obj, &name)?
        && let Some(c) = claimed.cast::<Class>()
        && c.is_subclass(vm, class)
    {
        return Ok(c.clone());
    }
    let (what, shown) = match obj.cast::<Class>() {
        Some(c) => ("type", c.get(vm).display_name()),
        None => ("instance of", own.get(vm).display_name()),
    };
    Err(vm.type_error(format!(
        "super(type, obj): obj ({what} {shown}) is not an instance or subtype of type ({}).",
        class.get(vm).display_name()
    )))
}

/// Looks a name up after `class` in the order of `start`, and binds it to `obj`.
fn find(vm: &mut Vm, class: &Ref<Class>, obj: &Value, start: &Ref<Class>, name: &Ref<Str>) -> R<Option<Value>> {
    if name.is(&vm.names.__class__) {
        return Ok(None);
    }
    let Some(raw) = find_raw(vm, class, start, name) else { return Ok(None) };
    let receiver = if obj.is(start.value()) { Value::UNDEF } else { obj.clone() };
    vm.bind(&raw, &receiver, start).map(Some)
}

fn find_raw(vm: &Vm, class: &Ref<Class>, start: &Ref<Class>, name: &Ref<Str>) -> Option<Value> {
    let order = &start.get(vm).mro;
    let at = order.iter().position(|c| c.is(class.value()))?;
    order[at + 1..].iter().filter_map(|c| c.cast::<Class>()).find_map(|c| vm.own_class_attr(c, name))
}

/// `super(class, obj).name`.
///
/// # Errors
/// TypeError when `class` is no class or `obj` none of its objects; AttributeError; what binding raises.
pub fn super_get(vm: &mut Vm, class: &Value, obj: &Value, name: &Ref<Str>) -> R {
    let Some(c) = class.cast::<Class>() else { return Err(not_a_type(vm, class)) };
    let start = check(vm, c, obj)?;
    if let Some(v) = find(vm, c, obj, &start, name)? {
        return Ok(v);
    }
    let s = SuperObject { class: class.clone(), obj: obj.clone(), obj_class: start.into_value() };
    let s = vm.alloc(s).into_value();
    vm.generic_get_attr(&s, name)
}

/// `super(class, obj).name` for a call: the function and the object to pass first, or the attribute and `UNDEF`.
///
/// # Errors
/// As [`super_get`].
pub fn super_method(vm: &mut Vm, class: &Value, obj: &Value, name: &Ref<Str>) -> R<(Value, Value)> {
    if let Some(c) = class.cast::<Class>() {
        let start = check(vm, c, obj)?;
        if !obj.is(start.value())
            && let Some(raw) = find_raw(vm, c, &start, name)
            && vm.is_function(&raw)
        {
            return Ok((raw, obj.clone()));
        }
    }
    Ok((super_get(vm, class, obj, name)?, Value::UNDEF))
}

#[cold]
fn not_a_type(vm: &mut Vm, v: &Value) -> crate::vm::exception::Raised {
    let text = format!("super() argument 1 must be a type, not {}", vm.class_name(v));
    vm.type_error(text)
}

fn init_super(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = vm.this::<SuperObject>(args.pos, "__init__")?.clone();
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("super() takes no keyword arguments"));
    }
    let (class, obj) = match args.pos {
        [_] => match vm.super_arguments() {
            Ok((class, _)) if !class.is_a::<Class>() => {
                let text = format!("super(): __class__ is not a type ({})", vm.class_name(&class));
                return Err(vm.runtime_error(text));
            }
            Ok(found) => found,
            Err(text) => return Err(vm.runtime_error(text)),
        },
        [_, class] => (class.clone(), Value::NONE),
        [_, class, obj] => (class.clone(), obj.clone()),
        _ => {
            let n = args.pos.len().saturating_sub(1);
            return Err(vm.type_error(format!("super() expected at most 2 arguments, got {n}")));
        }
    };
    let Some(c) = class.cast::<Class>() else { return Err(not_a_type(vm, &class)) };
    let obj_class = if obj.is_none() { Value::NONE } else { check(vm, c, &obj)?.into_value() };
    let mut m = this.get_mut(vm);
    let old = std::mem::replace(&mut *m, SuperObject { class: class.clone(), obj, obj_class });
    drop(m);
    drop(old);
    Ok(Value::NONE)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<SuperObject>(a, "__repr__")?.get(vm);
    let class = s.class.cast::<Class>().map_or_else(|| "NULL".to_owned(), |c| c.get(vm).display_name());
    let text = match s.obj_class.cast::<Class>() {
        Some(c) => format!("<super: <class '{class}'>, <{} object>>", c.get(vm).display_name()),
        None => format!("<super: <class '{class}'>, NULL>"),
    };
    Ok(vm.new_str(&text).into())
}

fn get(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<SuperObject>(a, "__get__")?.clone();
    let o = arg_or_none(a, 1);
    let (class, bound) = (this.get(vm).class.clone(), !this.get(vm).obj.is_none());
    if o.is_none() || bound {
        return Ok(this.into());
    }
    let made_of = vm.class_of(this.value()).value().clone();
    vm.call(&made_of, &[class, o.clone()])
}

fn getattribute(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<SuperObject>(a, "__getattribute__")?.clone();
    let name = vm.attr_name(arg_or_none(a, 1))?;
    let s = this.get(vm);
    let (class, obj, start) = (s.class.clone(), s.obj.clone(), s.obj_class.clone());
    if let (Some(c), Some(start)) = (class.cast::<Class>(), start.cast::<Class>())
        && let Some(v) = find(vm, c, &obj, &start.clone(), &name)?
    {
        return Ok(v);
    }
    vm.generic_get_attr(this.value(), &name)
}
