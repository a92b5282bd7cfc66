//! `property`, `classmethod`, `staticmethod`, and the native attributes of classes.
//!
//! Reading through these is in `vm::attr`; here are their own methods and attributes.

use crate::vm::class::Class;
use crate::vm::function::{AttrCode, ClassMethod, GetSet, Property, StaticMethod};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// A setter that refuses, as CPython's plain members do.
///
/// # Errors
/// Always AttributeError.
pub fn read_only(vm: &mut Vm, _: &Value, _: Option<Value>) -> R<()> {
    Err(vm.attribute_error_text("readonly attribute"))
}

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let t = &vm.types;
    let (property, class_method, static_method) = (t.property.clone(), t.classmethod.clone(), t.staticmethod.clone());
    let (getset, member) = (t.getset_descriptor.clone(), t.member_descriptor.clone());
    vm.extend_class(&property, PROPERTY, PROPERTY_ATTRS);
    vm.extend_class(&class_method, CLASS_METHOD, WRAPPER_ATTRS);
    vm.extend_class(&static_method, STATIC_METHOD, WRAPPER_ATTRS);
    for class in [getset, member] {
        vm.extend_class(&class, GETSET, GETSET_ATTRS);
    }
    Ok(())
}

/// The object and class arguments of a `__get__` call.
///
/// # Errors
/// TypeError when both are None.
pub fn get_arguments(vm: &mut Vm, a: &[Value]) -> R<(Value, Ref<Class>)> {
    let o = arg_or_none(a, 1);
    let owner = arg_or_none(a, 2);
    if o.is_none() && owner.is_none() {
        return Err(vm.type_error("__get__(None, None) is invalid"));
    }
    let class = match owner.cast::<Class>() {
        Some(c) => c.clone(),
        None => vm.class_of(o).clone(),
    };
    let o = if o.is_none() && !class.is(&vm.types.none_type) { Value::UNDEF } else { o.clone() };
    Ok((o, class))
}

/// `__get__` of a native kind that scripts cannot derive from.
///
/// # Errors
/// What binding raises.
pub fn plain_get(vm: &mut Vm, a: &[Value]) -> R {
    let (o, class) = get_arguments(vm, a)?;
    vm.bind(arg_or_none(a, 0), &o, &class)
}

// ---- property ----

const PROPERTY: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, fget=None, fset=None, fdel=None, doc=None)", "Property attribute.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let p = Property {
            get: Value::NONE,
            set: Value::NONE,
            del: Value::NONE,
            doc: Value::NONE,
            name: Value::UNDEF,
            getter_doc: false,
        };
        Ok(vm.alloc_as(&class, p).into())
    }),
    NativeDef::new("__init__(self, fget=None, fset=None, fdel=None, doc=None)", "Initialize self.", property_init),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", property_get),
    NativeDef::new("__set__(self, instance, value, /)", "Set an attribute of instance to value.", |vm, a| {
        property_change(vm, a, Some(arg_or_none(a, 2).clone()))
    }),
    NativeDef::new("__delete__(self, instance, /)", "Delete an attribute of instance.", |vm, a| {
        property_change(vm, a, None)
    }),
    NativeDef::new("__set_name__(self, owner, name, /)", "Store the name of the attribute.", |vm, a| {
        let p = vm.this::<Property>(a, "__set_name__")?.clone();
        let old = std::mem::replace(&mut p.get_mut(vm).name, arg_or_none(a, 2).clone());
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "getter(self, object, /)",
        "Descriptor to obtain a copy of the property with a different getter.",
        |vm, a| property_copy(vm, a, 0),
    ),
    NativeDef::new(
        "setter(self, object, /)",
        "Descriptor to obtain a copy of the property with a different setter.",
        |vm, a| property_copy(vm, a, 1),
    ),
    NativeDef::new(
        "deleter(self, object, /)",
        "Descriptor to obtain a copy of the property with a different deleter.",
        |vm, a| property_copy(vm, a, 2),
    ),
];

const PROPERTY_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("fget", "", |vm, v| Ok(property(vm, v)?.get(vm).get.clone()), read_only),
    GetSetDef::with_set("fset", "", |vm, v| Ok(property(vm, v)?.get(vm).set.clone()), read_only),
    GetSetDef::with_set("fdel", "", |vm, v| Ok(property(vm, v)?.get(vm).del.clone()), read_only),
    GetSetDef::with_set(
        "__doc__",
        "",
        |vm, v| Ok(property(vm, v)?.get(vm).doc.clone()),
        |vm, v, x| {
            let p = property(vm, v)?;
            let mut m = p.get_mut(vm);
            let old = std::mem::replace(&mut m.doc, x.unwrap_or(Value::NONE));
            m.getter_doc = false;
            drop(m);
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set("__name__", "", property_name, |vm, v, x| {
        let p = property(vm, v)?;
        let old = std::mem::replace(&mut p.get_mut(vm).name, x.unwrap_or(Value::UNDEF));
        drop(old);
        Ok(())
    }),
    GetSetDef::new("__isabstractmethod__", "", |vm, v| {
        let p = property(vm, v)?;
        let p = p.get(vm);
        let parts = [p.get.clone(), p.set.clone(), p.del.clone()];
        for f in &parts {
            if is_abstract(vm, f)? {
                return Ok(Value::TRUE);
            }
        }
        Ok(Value::FALSE)
    }),
];

fn property(vm: &mut Vm, v: &Value) -> R<Ref<Property>> {
    Ok(vm.this::<Property>(std::slice::from_ref(v), "property")?.clone())
}

fn is_abstract(vm: &mut Vm, f: &Value) -> R<bool> {
    if f.is_none() || f.is_undef() {
        return Ok(false);
    }
    let name = vm.names.__isabstractmethod__.clone();
    match vm.get_attr_opt(f, &name)? {
        Some(v) => vm.truth(&v),
        None => Ok(false),
    }
}

fn property_init(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Property>(a, "__init__")?.clone();
    let (get, set, del) = (arg_or_none(a, 1).clone(), arg_or_none(a, 2).clone(), arg_or_none(a, 3).clone());
    let mut doc = arg_or_none(a, 4).clone();
    let mut getter_doc = false;
    if doc.is_none() && !get.is_none() {
        let name = vm.names.__doc__.clone();
        doc = vm.get_attr_opt(&get, &name)?.unwrap_or(Value::NONE);
        getter_doc = !doc.is_none();
    }
    let plain = vm.is_exact(p.value(), &vm.types.property);
    let mut m = p.get_mut(vm);
    let old = (
        std::mem::replace(&mut m.get, get),
        std::mem::replace(&mut m.set, set),
        std::mem::replace(&mut m.del, del),
        std::mem::replace(&mut m.doc, if plain { doc.clone() } else { Value::NONE }),
    );
    m.getter_doc = getter_doc;
    drop(m);
    drop(old);
    if plain {
        return Ok(Value::NONE);
    }
    // The class's own `__doc__` hides that of `property`, so an instance of a subclass has one of its own.
    let name = vm.names.__doc__.clone();
    match vm.set_attr(p.value(), &name, doc) {
        Err(e) if getter_doc || !vm.raised_is(&e, &vm.exc.AttributeError) => Err(e),
        _ => Ok(Value::NONE),
    }
}

fn property_name(vm: &mut Vm, v: &Value) -> R {
    let p = property(vm, v)?;
    let (name, get) = (p.get(vm).name.clone(), p.get(vm).get.clone());
    if !name.is_undef() {
        return Ok(name);
    }
    let attr = vm.names.__name__.clone();
    if !get.is_none()
        && let Some(n) = vm.get_attr_opt(&get, &attr)?
    {
        return Ok(n);
    }
    let text = format!("'{}' object has no attribute '__name__'", vm.class_name(v));
    Err(vm.attribute_error_text(text))
}

fn property_error(vm: &mut Vm, p: &Value, o: &Value, what: &str) -> R {
    let qualname = vm.class_of(o).get(vm).qualname.clone();
    let class = vm.repr_string(qualname.value())?;
    let name = property_name(vm, p).ok().filter(|n| n.is_a::<Str>());
    let text = match name {
        Some(n) => format!("property {} of {class} object has no {what}", vm.repr_string(&n)?),
        None => format!("property of {class} object has no {what}"),
    };
    Err(vm.attribute_error_text(text))
}

fn property_get(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Property>(a, "__get__")?.clone();
    let o = arg_or_none(a, 1);
    if o.is_none() {
        return Ok(p.into());
    }
    let get = p.get(vm).get.clone();
    if get.is_none() { property_error(vm, p.value(), o, "getter") } else { vm.call(&get, std::slice::from_ref(o)) }
}

fn property_change(vm: &mut Vm, a: &[Value], value: Option<Value>) -> R {
    let p = vm.this::<Property>(a, "__set__")?.clone();
    let o = arg_or_none(a, 1);
    let (f, what) = match value {
        Some(_) => (p.get(vm).set.clone(), "setter"),
        None => (p.get(vm).del.clone(), "deleter"),
    };
    if f.is_none() {
        return property_error(vm, p.value(), o, what);
    }
    match value {
        Some(v) => vm.call(&f, &[o.clone(), v])?,
        None => vm.call(&f, std::slice::from_ref(o))?,
    };
    Ok(Value::NONE)
}

fn property_copy(vm: &mut Vm, a: &[Value], which: usize) -> R {
    let p = vm.this::<Property>(a, "getter")?.clone();
    let m = p.get(vm);
    let mut parts = vec![m.get.clone(), m.set.clone(), m.del.clone(), m.doc.clone()];
    let (getter_doc, name) = (m.getter_doc, m.name.clone());
    let given = arg_or_none(a, 1);
    if !given.is_none()
        && let Some(slot) = parts.get_mut(which)
    {
        *slot = given.clone();
    }
    if getter_doc && !parts[0].is_none() {
        parts[3] = Value::NONE;
    }
    let class = vm.class_of(p.value()).value().clone();
    let new = vm.call(&class, &parts)?;
    if let Some(n) = new.cast::<Property>() {
        let old = std::mem::replace(&mut n.get_mut(vm).name, name);
        drop(old);
    }
    Ok(new)
}

// ---- classmethod and staticmethod ----

const CLASS_METHOD: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, /)", "Convert a function to be a class method.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, ClassMethod { func: Value::NONE }).into())
    }),
    NativeDef::raw("__init__(self, function, /)", "Initialize self.", |vm, args| {
        let this = vm.this::<ClassMethod>(args.pos, "__init__")?.clone();
        let f = only_argument(vm, args, "classmethod")?;
        let old = std::mem::replace(&mut this.get_mut(vm).func, f);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", |vm, a| {
        let f = vm.this::<ClassMethod>(a, "__get__")?.get(vm).func.clone();
        let (_, class) = get_arguments(vm, a)?;
        let plain = vm.alloc(ClassMethod { func: f }).into_value();
        vm.bind(&plain, &Value::UNDEF, &class)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| wrapper_repr(vm, a, "classmethod")),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", |vm, a| {
        super::generic_alias::class_getitem(vm, a)
    }),
];

const STATIC_METHOD: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, /)", "Convert a function to be a static method.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, StaticMethod { func: Value::NONE }).into())
    }),
    NativeDef::raw("__init__(self, function, /)", "Initialize self.", |vm, args| {
        let this = vm.this::<StaticMethod>(args.pos, "__init__")?.clone();
        let f = only_argument(vm, args, "staticmethod")?;
        let old = std::mem::replace(&mut this.get_mut(vm).func, f);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", |vm, a| {
        Ok(vm.this::<StaticMethod>(a, "__get__")?.get(vm).func.clone())
    }),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", |vm, args| {
        let f = vm.this::<StaticMethod>(args.pos, "__call__")?.get(vm).func.clone();
        vm.call_kw(&f, &Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args })
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| wrapper_repr(vm, a, "staticmethod")),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", |vm, a| {
        super::generic_alias::class_getitem(vm, a)
    }),
];

macro_rules! forwarded {
    ($($name:literal),* $(,)?) => {
        &[
            GetSetDef::with_set("__func__", "", wrapped_function, read_only),
            GetSetDef::with_set("__wrapped__", "", wrapped_function, read_only),
            GetSetDef::new("__isabstractmethod__", "", |vm, v| {
                let f = wrapped_function(vm, v)?;
                Ok(is_abstract(vm, &f)?.into())
            }),
            crate::objects::class::slots::INSTANCE_DICT,
            $(GetSetDef::with_set(
                $name,
                "",
                |vm, v| forwarded_get(vm, v, $name),
                |vm, v, x| forwarded_set(vm, v, $name, x),
            ),)*
        ]
    };
}

// CPython copies these attributes of the function; reading through serves as well and costs nothing.
const WRAPPER_ATTRS: &[GetSetDef] =
    forwarded!["__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__annotate__"];

fn only_argument(vm: &mut Vm, args: &Args<'_>, name: &str) -> R {
    if !args.kw_names.is_empty() {
        return Err(vm.type_error(format!("{name}() takes no keyword arguments")));
    }
    match args.pos {
        [_, f] => Ok(f.clone()),
        _ => {
            let n = args.pos.len().saturating_sub(1);
            Err(vm.type_error(format!("{name} expected 1 argument, got {n}")))
        }
    }
}

fn wrapped_function(vm: &mut Vm, v: &Value) -> R {
    if let Some(c) = v.cast::<ClassMethod>() {
        return Ok(c.get(vm).func.clone());
    }
    Ok(vm.this::<StaticMethod>(std::slice::from_ref(v), "__func__")?.get(vm).func.clone())
}

fn forwarded_get(vm: &mut Vm, v: &Value, name: &str) -> R {
    let f = wrapped_function(vm, v)?;
    let name = vm.intern(name);
    if let Some((_, own)) = vm.own_attrs(v).into_iter().find(|(k, _)| k.is(name.value())) {
        return Ok(own);
    }
    match vm.get_attr_opt(&f, &name)? {
        Some(x) => Ok(x),
        None => {
            let text = format!("'{}' object has no attribute '{}'", vm.class_name(v), vm.str_of(name.value()));
            Err(vm.attribute_error_text(text))
        }
    }
}

fn forwarded_set(vm: &mut Vm, v: &Value, name: &str, value: Option<Value>) -> R<()> {
    let name = vm.intern(name);
    let (Some(d), Some(value)) = (vm.materialize_dict(v), value) else {
        return read_only(vm, v, None);
    };
    d.set_str(vm, &name, value);
    Ok(())
}

fn wrapper_repr(vm: &mut Vm, a: &[Value], name: &str) -> R {
    let f = wrapped_function(vm, arg_or_none(a, 0))?;
    let inner = vm.guarded(|vm| vm.repr(&f))?.get(vm).as_bytes().to_vec();
    Ok(vm.new_str_parts(&[b"<", name.as_bytes(), b"(", &inner, b")>"]).into())
}

// ---- native attributes ----

const GETSET: &[NativeDef] = &[
    NativeDef::new("__get__(self, instance, owner=None, /)", "Return an attribute of instance.", plain_get),
    NativeDef::new("__set__(self, instance, value, /)", "Set an attribute of instance to value.", |vm, a| {
        let d = vm.this::<GetSet>(a, "__set__")?.clone();
        vm.descriptor_set(d.value(), arg_or_none(a, 1), Some(arg_or_none(a, 2).clone()))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__delete__(self, instance, /)", "Delete an attribute of instance.", |vm, a| {
        let d = vm.this::<GetSet>(a, "__delete__")?.clone();
        vm.descriptor_set(d.value(), arg_or_none(a, 1), None)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let d = vm.this::<GetSet>(a, "__repr__")?.get(vm);
        let what = if matches!(d.code, AttrCode::Slot(_)) { "member" } else { "attribute" };
        let text = format!("<{what} '{}' of '{}' objects>", vm.str_of(d.name.value()), d.owner.get(vm).display_name());
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let d = vm.this::<GetSet>(a, "__reduce__")?.get(vm);
        let (owner, name) = (d.owner.value().clone(), d.name.value().clone());
        reduce_to_getattr(vm, owner, name)
    }),
];

const GETSET_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("__name__", "", |vm, v| Ok(getset(vm, v)?.get(vm).name.value().clone()), read_only),
    GetSetDef::new("__qualname__", "", |vm, v| {
        let d = getset(vm, v)?;
        let d = d.get(vm);
        let text = format!("{}.{}", vm.str_of(d.owner.get(vm).qualname.value()), vm.str_of(d.name.value()));
        Ok(vm.new_str(&text).into())
    }),
    GetSetDef::with_set("__objclass__", "", |vm, v| Ok(getset(vm, v)?.get(vm).owner.value().clone()), read_only),
    GetSetDef::new("__doc__", "", |vm, v| {
        let d = getset(vm, v)?;
        Ok(match d.get(vm).code {
            AttrCode::GetSet(def) if !def.doc.is_empty() => vm.new_str(def.doc).into(),
            _ => Value::NONE,
        })
    }),
];

fn getset(vm: &mut Vm, v: &Value) -> R<Ref<GetSet>> {
    Ok(vm.this::<GetSet>(std::slice::from_ref(v), "__name__")?.clone())
}

/// `(getattr, (owner, name))`: how attributes of classes and objects are pickled.
///
/// # Errors
/// NameError when the builtins have no `getattr`.
pub fn reduce_to_getattr(vm: &mut Vm, owner: Value, name: Value) -> R {
    let key = vm.intern("getattr");
    let Some(f) = vm.builtins.clone().get_str(vm, &key) else {
        return Err(vm.name_error_text("name 'getattr' is not defined"));
    };
    let pair = vm.tuple(vec![owner, name]).into_value();
    Ok(vm.tuple(vec![f, pair]).into())
}

/// Whether an optional argument was given and is not None.
pub fn given(a: &[Value], i: usize) -> Option<&Value> {
    arg(a, i).filter(|v| !v.is_none())
}
