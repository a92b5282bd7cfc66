//! `_functools`: `reduce`, `partial`, `cmp_to_key` and the cache behind `lru_cache`.
//!
//! The decorators around them are script code. `partial` and `cmp_to_key` are here, the cache is in
//! [`lru_cache`](super::lru_cache). Invariant: the last of a partial's arguments is never the placeholder, and
//! `placeholders` is how many of them are.

use super::lru_cache;
use crate::heap_object;
use crate::objects::class::slots::INSTANCE_DICT;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::function::Method;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The type of `Placeholder`.
    pub struct Placeholder {}
}

heap_object! {
    /// `partial`.
    pub struct Partial { func: Value, args: Vec<Value>, keywords: Ref<Dict>, placeholders: usize }
}

heap_object! {
    /// What `cmp_to_key` makes: without an object a maker of keys, with one a key.
    pub struct KeyWrapper {
        cmp: Value,
        /// `UNDEF` in the maker.
        obj: Value,
    }
}

/// What the module needs to find again.
#[derive(Default)]
struct State {
    placeholder: Option<Value>,
    partial: Option<Ref<Class>>,
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "reduce(function, iterable, /, initial=None)",
        "Apply a function of two arguments cumulatively to the items of an iterable, from left to right.\n\nThis \
         effectively reduces the iterable to a single value. If initial is present, it is placed before the items \
         of the iterable in the calculation, and serves as a default when the iterable is empty.",
        reduce,
    ),
    NativeDef::new("cmp_to_key(mycmp)", "Convert a cmp= function into a key= function.", |vm, a| {
        Ok(vm.alloc(KeyWrapper { cmp: a[0].clone(), obj: Value::UNDEF }).into())
    }),
];

const PARTIAL: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, func, /, *args, **keywords)", "Create and return a new object.", partial_new),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", partial_call),
    NativeDef::new(
        "__get__(self, instance, owner=None, /)",
        "Return an attribute of instance, which is of type owner.",
        descriptor_get,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", partial_repr),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", partial_reduce),
    NativeDef::new("__setstate__(self, state, /)", "", partial_setstate),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const PARTIAL_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("func", "function object to use in future partial calls", |vm, v| {
        Ok(partial(vm, v)?.get(vm).func.clone())
    }),
    GetSetDef::new("args", "tuple of arguments to future partial calls", |vm, v| {
        let args = partial(vm, v)?.get(vm).args.clone();
        Ok(vm.tuple(args).into())
    }),
    GetSetDef::new("keywords", "dictionary of keyword arguments to future partial calls", |vm, v| {
        Ok(partial(vm, v)?.get(vm).keywords.value().clone())
    }),
    INSTANCE_DICT,
];

const PLACEHOLDER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls)", "Create and return a new object.", |vm, args| {
        if args.pos.len() > 1 || !args.kw_names.is_empty() {
            return Err(vm.type_error("PlaceholderType takes no arguments"));
        }
        Ok(placeholder(vm))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.new_str("Placeholder").into())),
    NativeDef::new("__reduce__(self, /)", "", |vm, _| Ok(vm.new_str("Placeholder").into())),
];

const KEY_WRAPPER: &[NativeDef] = &[
    NativeDef::raw("__call__(self, /, obj)", "Call self as a function.", key_call),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| key_compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| key_compare(vm, a, CmpOp::Le)),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| key_compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| key_compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| key_compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| key_compare(vm, a, CmpOp::Ge)),
];

const KEY_WRAPPER_ATTRS: &[GetSetDef] = &[GetSetDef::with_set(
    "obj",
    "Value wrapped by a key function.",
    |vm, v| {
        let obj = v.cast::<KeyWrapper>().map_or(Value::UNDEF, |k| k.get(vm).obj.clone());
        Ok(if obj.is_undef() { Value::NONE } else { obj })
    },
    |vm, v, new| {
        let Some(k) = v.cast::<KeyWrapper>() else { return Ok(()) };
        let old = std::mem::replace(&mut k.get_mut(vm).obj, new.unwrap_or(Value::UNDEF));
        drop(old);
        Ok(())
    },
)];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_functools", FUNCTIONS);
    let hole = vm.define_class::<Placeholder>("functools", "_PlaceholderType", None, 0)?;
    vm.extend_class(&hole, PLACEHOLDER, &[]);
    let doc = "The type of the Placeholder singleton.\n\nUsed as a placeholder for partial arguments.";
    let doc_value = vm.new_str(doc).into_value();
    let doc_name = vm.names.__doc__.clone();
    vm.set_class_attr(&hole, &doc_name, doc_value);
    let hole = vm.alloc(Placeholder {}).into_value();
    let flags = class_flag::BASE | class_flag::WEAKREF;
    let partial = vm.define_class_with_dict::<Partial>("functools", "partial", None, flags)?;
    vm.extend_class(&partial, PARTIAL, PARTIAL_ATTRS);
    let key = vm.define_class::<KeyWrapper>("functools", "KeyWrapper", None, class_flag::NO_NEW)?;
    vm.extend_class(&key, KEY_WRAPPER, KEY_WRAPPER_ATTRS);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&key, &hash, Value::NONE);
    let wrapper = lru_cache::define(vm)?;
    vm.module_set(&module, "Placeholder", hole.clone());
    vm.module_set(&module, "partial", partial.value().clone());
    vm.module_set(&module, "_lru_cache_wrapper", wrapper.into_value());
    let state = vm.state::<State>();
    state.placeholder = Some(hole);
    state.partial = Some(partial);
    Ok(module.into())
}

/// `Placeholder`.
fn placeholder(vm: &mut Vm) -> Value {
    vm.state::<State>().placeholder.clone().unwrap_or(Value::NONE)
}

/// `__get__` of callables that become methods: `None` gives the callable itself.
///
/// # Errors
/// None; the type is what natives give.
pub(super) fn descriptor_get(vm: &mut Vm, a: &[Value]) -> R {
    let instance = arg_or_none(a, 1);
    if instance.is_none() {
        return Ok(a[0].clone());
    }
    let class = vm.types.method.clone();
    Ok(vm.alloc_as(&class, Method { func: a[0].clone(), receiver: instance.clone() }).into())
}

// ---- reduce ----

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = match vm.iter(&a[1]) {
        Ok(it) => it,
        Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => {
            return Err(vm.type_error("reduce() arg 2 must support iteration"));
        }
        Err(e) => return Err(e),
    };
    let mut result = match arg(a, 2) {
        Some(initial) => initial.clone(),
        None => match vm.next(&it)? {
            Some(first) => first,
            None => return Err(vm.type_error("reduce() of empty iterable with no initial value")),
        },
    };
    while let Some(item) = vm.next(&it)? {
        result = vm.call(&a[0], &[result, item])?;
    }
    Ok(result)
}

// ---- partial ----

fn partial<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<Partial>> {
    match v.cast::<Partial>() {
        Some(p) => Ok(p),
        None => {
            let class = vm.class_name(v);
            Err(vm.type_error(format!("expected a partial object, got '{class}'")))
        }
    }
}

/// The arguments of a partial of a partial: new ones fill the placeholders first. Gives also how many
/// placeholders the result has.
fn merge(old: &[Value], new: &[Value], hole: &Value) -> (Vec<Value>, usize) {
    let mut given = new.iter();
    let mut all: Vec<Value> =
        old.iter().map(|v| if v.is(hole) { given.next().unwrap_or(hole).clone() } else { v.clone() }).collect();
    all.extend(given.cloned());
    let holes = all.iter().filter(|v| v.is(hole)).count();
    (all, holes)
}

fn partial_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let Some((func, given)) = args.pos.get(1..).unwrap_or_default().split_first() else {
        return Err(vm.type_error("type 'partial' takes at least one argument"));
    };
    if !vm.is_callable(func) {
        return Err(vm.type_error("the first argument must be callable"));
    }
    let hole = placeholder(vm);
    if given.last().is_some_and(|v| v.is(&hole)) {
        return Err(vm.type_error("trailing Placeholders are not allowed"));
    }
    if args.kw_values.iter().any(|v| v.is(&hole)) {
        return Err(vm.type_error("Placeholder cannot be passed as a keyword argument"));
    }
    // A partial of a partial calls the inner function directly, unless the inner one carries attributes.
    let inner = func.cast::<Partial>().filter(|_| vm.own_attrs(func).is_empty());
    let (func, old, keywords) = match inner {
        Some(p) => {
            let p = p.get(vm);
            (p.func.clone(), p.args.clone(), p.keywords.get(vm).copy())
        }
        None => (func.clone(), Vec::new(), Dict::default()),
    };
    let keywords = vm.alloc(keywords);
    for (k, v) in args.keywords() {
        keywords.set_item(vm, k.clone(), v.clone())?;
    }
    let (all, placeholders) = merge(&old, given, &hole);
    Ok(vm.alloc_as(&class, Partial { func, args: all, keywords, placeholders }).into())
}

fn partial_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let p = vm.this::<Partial>(args.pos, "__call__")?.get(vm);
    let (func, keywords, holes) = (p.func.clone(), p.keywords.clone(), p.placeholders);
    let given = args.pos.get(1..).unwrap_or_default();
    if given.len() < holes {
        return Err(vm.type_error(format!(
            "missing positional arguments in 'partial' call; expected at least {holes}, got {}",
            given.len()
        )));
    }
    let pos = if holes == 0 {
        p.args.iter().chain(given).cloned().collect()
    } else {
        let old = p.args.clone();
        let hole = placeholder(vm);
        merge(&old, given, &hole).0
    };
    if keywords.get(vm).is_empty() {
        return vm.call_kw(&func, &Args { pos: &pos, ..*args });
    }
    // Stored keywords keep their places; those of the call win and the rest of them come last.
    let stored = vm.alloc(keywords.get(vm).copy());
    for (k, v) in args.keywords() {
        stored.set_item(vm, k.clone(), v.clone())?;
    }
    let (kw_names, kw_values): (Vec<Value>, Vec<Value>) =
        stored.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).unzip();
    if kw_names.iter().any(|k| !k.is_a::<Str>()) {
        return Err(vm.type_error("keywords must be strings"));
    }
    vm.call_kw(&func, &Args { pos: &pos, kw_values: &kw_values, kw_names: &kw_names })
}

/// The module and qualified name of an object's class, `__main__` included.
fn class_path(vm: &mut Vm, v: &Value) -> String {
    let class = vm.class_of(v).clone();
    let name = vm.str_of(class.get(vm).qualname.value());
    match vm.lookup(&class, &vm.names.__module__) {
        Some(m) if m.is_a::<Str>() => format!("{}.{name}", vm.str_of(&m)),
        _ => name,
    }
}

fn partial_repr(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Partial>(a, "__repr__")?;
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("...").into());
    }
    let text = vm.guarded(|vm| {
        let mut out = format!("{}(", class_path(vm, this.value())).into_bytes();
        let p = this.get(vm);
        let (func, args, keywords) = (p.func.clone(), p.args.clone(), p.keywords.clone());
        let r = vm.repr(&func)?;
        out.extend_from_slice(r.get(vm).as_bytes());
        for v in &args {
            let r = vm.repr(v)?;
            out.extend_from_slice(b", ");
            out.extend_from_slice(r.get(vm).as_bytes());
        }
        let items: Vec<(Value, Value)> = keywords.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (k, v) in &items {
            let (k, r) = (vm.str(k)?, vm.repr(v)?);
            out.extend_from_slice(b", ");
            out.extend_from_slice(k.get(vm).as_bytes());
            out.push(b'=');
            out.extend_from_slice(r.get(vm).as_bytes());
        }
        out.push(b')');
        Ok(out)
    });
    vm.leave_repr(&a[0]);
    let text = text?;
    Ok(vm.new_str_bytes(&text).into())
}

fn partial_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Partial>(a, "__reduce__")?.get(vm);
    let (func, args, keywords) = (p.func.clone(), p.args.clone(), p.keywords.value().clone());
    let attributes = match vm.own_attrs(&a[0]).is_empty() {
        true => Value::NONE,
        false => vm.materialize_dict(&a[0]).map_or(Value::NONE, Ref::into_value),
    };
    let class = vm.class_of(&a[0]).value().clone();
    let made_from = vm.tuple(vec![func.clone()]).into_value();
    let args = vm.tuple(args).into_value();
    let state = vm.tuple(vec![func, args, keywords, attributes]).into_value();
    Ok(vm.tuple(vec![class, made_from, state]).into())
}

fn partial_setstate(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Partial>(a, "__setstate__")?.clone();
    let parts = a[1].cast::<Tuple>().map(|t| t.get(vm).items().to_vec()).unwrap_or_default();
    let [func, args, keywords, attributes] = parts.as_slice() else {
        return Err(vm.type_error("invalid partial state"));
    };
    let well_formed = vm.is_callable(func) && args.is_a::<Tuple>() && (keywords.is_none() || keywords.is_a::<Dict>());
    if !well_formed {
        return Err(vm.type_error("invalid partial state"));
    }
    let args = args.cast::<Tuple>().map(|t| t.get(vm).items().to_vec()).unwrap_or_default();
    let hole = placeholder(vm);
    if args.last().is_some_and(|v| v.is(&hole)) {
        return Err(vm.type_error("trailing Placeholders are not allowed"));
    }
    let placeholders = args.iter().filter(|v| v.is(&hole)).count();
    let keywords = match keywords.cast::<Dict>() {
        Some(d) if vm.is_exact(keywords, &vm.types.dict) => d.clone(),
        Some(d) => vm.alloc(d.get(vm).copy()),
        None => vm.new_dict(),
    };
    if let Some(d) = attributes.cast::<Dict>() {
        vm.replace_dict(&a[0], d);
    } else {
        let empty = vm.new_dict();
        vm.replace_dict(&a[0], &empty);
    }
    let new = Partial { func: func.clone(), args, keywords, placeholders };
    let old = std::mem::replace(&mut *this.get_mut(vm), new);
    drop(old);
    Ok(Value::NONE)
}

// ---- cmp_to_key ----

fn key_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let maker = vm.this::<KeyWrapper>(args.pos, "__call__")?;
    let given = args.pos.len().saturating_sub(1) + args.kw_names.len();
    if given > 1 {
        return Err(vm.type_error(format!("K() takes at most 1 argument ({given} given)")));
    }
    let obj = match (args.pos.get(1), args.keywords().next()) {
        (Some(obj), _) => obj.clone(),
        (None, Some((name, obj))) if vm.str_is(name, "obj") => obj.clone(),
        (None, Some((name, _))) => {
            let name = vm.str_of(name);
            return Err(vm.type_error(format!("K() got an unexpected keyword argument '{name}'")));
        }
        (None, None) => return Err(vm.type_error("K() missing required argument 'obj' (pos 1)")),
    };
    let cmp = maker.get(vm).cmp.clone();
    Ok(vm.alloc(KeyWrapper { cmp, obj }).into())
}

fn key_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let this = vm.this::<KeyWrapper>(a, op.special().name())?;
    let Some(other) = arg_or_none(a, 1).cast::<KeyWrapper>() else {
        return Err(vm.type_error("other argument must be K instance"));
    };
    let (cmp, x, y) = (this.get(vm).cmp.clone(), this.get(vm).obj.clone(), other.get(vm).obj.clone());
    if x.is_undef() || y.is_undef() {
        return Err(vm.attribute_error_text("object"));
    }
    let order = vm.call(&cmp, &[x, y])?;
    vm.rich_compare(&order, &Value::int32(0), op)
}
