//! `list[int]` and its like: `types.GenericAlias`, and the substitution of type parameters that unions share.

use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `types.GenericAlias`.
    pub struct GenericAlias {
        /// `__origin__`.
        pub origin: Value,
        /// `__args__`: a tuple.
        pub args: Value,
        /// `__parameters__`: a tuple, or `UNDEF` until asked for.
        pub parameters: Value,
        /// `*alias`: what iterating gives.
        pub starred: bool,
    }
}

heap_object! {
    /// The payload of the iterator that gives `*alias` once.
    pub struct AliasIterator {
        /// What is left.
        pub alias: Value,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, origin, args, /)", "Represent a PEP 585 generic type", new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let text = alias_repr(vm, arg_or_none(a, 0))?;
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", eq),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let g = vm.this::<GenericAlias>(a, "__hash__")?.clone();
        let (origin, args) = (g.get(vm).origin.clone(), g.get(vm).args.clone());
        let h = vm.hash(&origin)? ^ vm.hash(&args)?;
        Ok(vm.int(h as i64))
    }),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", call),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", getitem),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let g = vm.this::<GenericAlias>(a, "__iter__")?.clone();
        let p = g.get(vm);
        let star =
            GenericAlias { origin: p.origin.clone(), args: p.args.clone(), parameters: Value::UNDEF, starred: true };
        let alias = vm.alloc(star).into_value();
        Ok(vm.alloc(AliasIterator { alias }).into())
    }),
    NativeDef::new("__mro_entries__(self, bases, /)", "The class to derive from.", |vm, a| {
        let origin = vm.this::<GenericAlias>(a, "__mro_entries__")?.get(vm).origin.clone();
        Ok(vm.tuple(vec![origin]).into())
    }),
    NativeDef::new("__instancecheck__(self, instance, /)", "Refuses.", |vm, _| {
        Err(vm.type_error("isinstance() argument 2 cannot be a parameterized generic"))
    }),
    NativeDef::new("__subclasscheck__(self, subclass, /)", "Refuses.", |vm, _| {
        Err(vm.type_error("issubclass() argument 2 cannot be a parameterized generic"))
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", reduce),
    NativeDef::new("__dir__(self, /)", "The attributes of the class and its own.", dir),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", getattribute),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        super::union::or(vm, arg_or_none(a, 0), arg_or_none(a, 1))
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        super::union::or(vm, arg_or_none(a, 1), arg_or_none(a, 0))
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("__origin__", "", |vm, v| Ok(payload(vm, v)?.get(vm).origin.clone())),
    GetSetDef::new("__args__", "", |vm, v| Ok(payload(vm, v)?.get(vm).args.clone())),
    GetSetDef::new("__unpacked__", "", |vm, v| Ok(payload(vm, v)?.get(vm).starred.into())),
    GetSetDef::new("__parameters__", "Type variables in the GenericAlias.", parameters),
    GetSetDef::new("__typing_unpacked_tuple_args__", "", |vm, v| {
        let g = payload(vm, v)?;
        let p = g.get(vm);
        let tuple = p.origin.is(vm.types.tuple.value());
        Ok(if p.starred && tuple { p.args.clone() } else { Value::NONE })
    }),
];

const ITERATOR: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<AliasIterator>(a, "__next__")?.clone();
        let alias = std::mem::replace(&mut it.get_mut(vm).alias, Value::UNDEF);
        if alias.is_undef() { Err(crate::vm::exception::Raised::stop_iteration()) } else { Ok(alias) }
    }),
];

/// Attributes that are the alias's own; all others are those of the class.
const OWN: &[&str] = &[
    "__class__",
    "__bases__",
    "__file__",
    "__origin__",
    "__args__",
    "__unpacked__",
    "__parameters__",
    "__typing_unpacked_tuple_args__",
    "__mro_entries__",
    "__reduce_ex__",
    "__reduce__",
    "__copy__",
    "__deepcopy__",
];

/// Makes the classes.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class =
        vm.define_class::<GenericAlias>("types", "GenericAlias", None, class_flag::BASE | class_flag::WEAKREF)?;
    vm.extend_class(&class, METHODS, ATTRS);
    let class = vm.define_class::<AliasIterator>("builtins", "generic_alias_iterator", None, 0)?;
    vm.extend_class(&class, ITERATOR, &[]);
    Ok(())
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<GenericAlias>> {
    Ok(vm.this::<GenericAlias>(std::slice::from_ref(v), "__origin__")?.clone())
}

/// `origin[args]`; `args` is a tuple or the single argument.
pub fn make_alias(vm: &mut Vm, origin: Value, args: Value) -> Value {
    let args = if args.is_a::<Tuple>() { args } else { vm.tuple(vec![args]).into() };
    vm.alloc(GenericAlias { origin, args, parameters: Value::UNDEF, starred: false }).into()
}

/// The usual `__class_getitem__(cls, item)` of natives.
///
/// # Errors
/// None.
pub fn class_getitem(vm: &mut Vm, a: &[Value]) -> R {
    Ok(make_alias(vm, arg_or_none(a, 0).clone(), arg_or_none(a, 1).clone()))
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("GenericAlias() takes no keyword arguments"));
    }
    let [class, origin, params] = args.pos else {
        let n = args.pos.len().saturating_sub(1);
        return Err(vm.type_error(format!("GenericAlias expected 2 arguments, got {n}")));
    };
    let class = vm.class_arg(class)?;
    let args = if params.is_a::<Tuple>() { params.clone() } else { vm.tuple(vec![params.clone()]).into() };
    let g = GenericAlias { origin: origin.clone(), args, parameters: Value::UNDEF, starred: false };
    Ok(vm.alloc_as(&class, g).into())
}

/// How a type is shown inside brackets.
///
/// # Errors
/// What reprs and attributes raise.
pub fn item_repr(vm: &mut Vm, v: &Value) -> R<String> {
    if v.is(&Value::ELLIPSIS) {
        return Ok("...".to_owned());
    }
    let names = [vm.intern("__origin__"), vm.intern("__args__")];
    if vm.get_attr_opt(v, &names[0])?.is_some() && vm.get_attr_opt(v, &names[1])?.is_some() {
        return vm.repr_string(v);
    }
    let names = [vm.names.__qualname__.clone(), vm.names.__module__.clone()];
    let Some(qualname) = vm.get_attr_opt(v, &names[0])? else { return vm.repr_string(v) };
    let Some(module) = vm.get_attr_opt(v, &names[1])?.filter(|m| !m.is_none()) else { return vm.repr_string(v) };
    let (qualname, module) = (vm.str(&qualname)?, vm.str(&module)?);
    let (qualname, module) = (vm.str_of(qualname.value()), vm.str_of(module.value()));
    Ok(if module == "builtins" { qualname } else { format!("{module}.{qualname}") })
}

fn alias_repr(vm: &mut Vm, v: &Value) -> R<String> {
    let g = payload(vm, v)?;
    let p = g.get(vm);
    let (origin, starred) = (p.origin.clone(), p.starred);
    let items = tuple_items(vm, &p.args);
    vm.guarded(|vm| {
        let mut parts = Vec::with_capacity(items.len());
        for item in &items {
            parts.push(match item.cast::<List>() {
                Some(l) => {
                    let inner = l.get(vm).items.clone();
                    let mut shown = Vec::with_capacity(inner.len());
                    for x in &inner {
                        shown.push(item_repr(vm, x)?);
                    }
                    format!("[{}]", shown.join(", "))
                }
                None => item_repr(vm, item)?,
            });
        }
        if items.is_empty() {
            parts.push("()".to_owned());
        }
        let star = if starred { "*" } else { "" };
        Ok(format!("{star}{}[{}]", item_repr(vm, &origin)?, parts.join(", ")))
    })
}

/// The items of a tuple value; none for anything else.
pub fn tuple_items(vm: &Vm, v: &Value) -> Vec<Value> {
    v.cast::<Tuple>().map_or_else(Vec::new, |t| t.get(vm).items().to_vec())
}

fn eq(vm: &mut Vm, a: &[Value]) -> R {
    let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<GenericAlias>(), arg_or_none(a, 1).cast::<GenericAlias>())
    else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let (p, q) = (x.get(vm), y.get(vm));
    if p.starred != q.starred {
        return Ok(Value::FALSE);
    }
    let (p, q) = ((p.origin.clone(), p.args.clone()), (q.origin.clone(), q.args.clone()));
    Ok((vm.equal(&p.0, &q.0)? && vm.equal(&p.1, &q.1)?).into())
}

fn call(vm: &mut Vm, args: &Args<'_>) -> R {
    let g = vm.this::<GenericAlias>(args.pos, "__call__")?.clone();
    let origin = g.get(vm).origin.clone();
    let obj = vm.call_kw(&origin, &Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args })?;
    let name = vm.intern("__orig_class__");
    match vm.set_attr(&obj, &name, g.into()) {
        Err(e) if !vm.raised_is(&e, &vm.exc.AttributeError.clone()) && !vm.raised_is(&e, &vm.exc.TypeError.clone()) => {
            Err(e)
        }
        _ => Ok(obj),
    }
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<GenericAlias>(a, "__reduce__")?.clone();
    let p = g.get(vm);
    let (origin, args, starred) = (p.origin.clone(), p.args.clone(), p.starred);
    if starred {
        let plain = GenericAlias { origin, args, parameters: Value::UNDEF, starred: false };
        let plain = vm.alloc(plain).into_value();
        let it = vm.iter(&plain)?;
        let name = vm.intern("next");
        let next = vm.builtins.clone().get_str(vm, &name).unwrap_or(Value::NONE);
        let arguments = vm.tuple(vec![it]).into_value();
        return Ok(vm.tuple(vec![next, arguments]).into());
    }
    let class = vm.class_of(g.value()).value().clone();
    let arguments = vm.tuple(vec![origin, args]).into_value();
    Ok(vm.tuple(vec![class, arguments]).into())
}

fn dir(vm: &mut Vm, a: &[Value]) -> R {
    let origin = vm.this::<GenericAlias>(a, "__dir__")?.get(vm).origin.clone();
    let listed = vm.call_method(&origin, "__dir__", &[]);
    let mut names = match (listed, origin.cast::<Class>()) {
        (Ok(l), None) => vm.collect(&l)?,
        (_, Some(c)) => {
            let d = vm.new_dict();
            super::class::type_methods::merge_class_names(vm, &d, &c.clone())?;
            vm.collect(d.value())?
        }
        (Err(e), None) => return Err(e),
    };
    for name in OWN.iter().filter(|n| !matches!(**n, "__bases__" | "__file__")) {
        let name = vm.intern(name).into_value();
        if !names.iter().any(|n| n.is(&name)) {
            names.push(name);
        }
    }
    Ok(vm.list(names).into())
}

fn getattribute(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<GenericAlias>(a, "__getattribute__")?.clone();
    let name = vm.attr_name(arg_or_none(a, 1))?;
    if OWN.contains(&vm.str_of(name.value()).as_str()) {
        return vm.generic_get_attr(g.value(), &name);
    }
    let origin = g.get(vm).origin.clone();
    vm.get_attr(&origin, &name)
}

fn parameters(vm: &mut Vm, v: &Value) -> R {
    let g = payload(vm, v)?;
    let (known, args) = (g.get(vm).parameters.clone(), g.get(vm).args.clone());
    if !known.is_undef() {
        return Ok(known);
    }
    let items = tuple_items(vm, &args);
    let found = make_parameters(vm, &items)?;
    let tuple = vm.tuple(found).into_value();
    g.get_mut(vm).parameters = tuple.clone();
    Ok(tuple)
}

fn getitem(vm: &mut Vm, a: &[Value]) -> R {
    let g = vm.this::<GenericAlias>(a, "__getitem__")?.clone();
    let params = parameters(vm, g.value())?;
    let p = g.get(vm);
    let (origin, args, starred) = (p.origin.clone(), p.args.clone(), p.starred);
    let args = tuple_items(vm, &args);
    let new = substitute(vm, g.value(), &args, &params, arg_or_none(a, 1))?;
    let args = vm.tuple(new).into_value();
    Ok(vm.alloc(GenericAlias { origin, args, parameters: Value::UNDEF, starred }).into())
}

fn push_unique(out: &mut Vec<Value>, v: Value) {
    if !out.iter().any(|x| x.is(&v)) {
        out.push(v);
    }
}

/// The type parameters in arguments, each once, in order.
///
/// # Errors
/// What reading attributes raises.
pub fn make_parameters(vm: &mut Vm, args: &[Value]) -> R<Vec<Value>> {
    let (subst, params) = (vm.intern("__typing_subst__"), vm.intern("__parameters__"));
    let mut out = Vec::new();
    for arg in args {
        if arg.is_a::<Class>() {
            continue;
        }
        let nested = match arg.cast::<List>() {
            Some(l) => Some(l.get(vm).items.clone()),
            None if arg.is_a::<Tuple>() => Some(tuple_items(vm, arg)),
            None => None,
        };
        if let Some(inner) = nested {
            for p in vm.guarded(|vm| make_parameters(vm, &inner))? {
                push_unique(&mut out, p);
            }
        } else if vm.get_attr_opt(arg, &subst)?.is_some() {
            push_unique(&mut out, arg.clone());
        } else if let Some(p) = vm.get_attr_opt(arg, &params)? {
            for p in tuple_items(vm, &p) {
                push_unique(&mut out, p);
            }
        }
    }
    Ok(out)
}

/// Puts the items of unpacked tuples (`*tuple[int, str]`) in their place.
fn unpack_items(vm: &mut Vm, item: &Value) -> R<Vec<Value>> {
    let name = vm.intern("__typing_unpacked_tuple_args__");
    let items = if item.is_a::<Tuple>() { tuple_items(vm, item) } else { vec![item.clone()] };
    let mut out = Vec::with_capacity(items.len());
    for x in items {
        if !x.is_a::<Class>()
            && let Some(inner) = vm.get_attr_opt(&x, &name)?
            && inner.is_a::<Tuple>()
        {
            let inner = tuple_items(vm, &inner);
            if !inner.last().is_some_and(|l| l.is(&Value::ELLIPSIS)) {
                out.extend(inner);
                continue;
            }
        }
        out.push(x);
    }
    Ok(out)
}

/// The arguments with the parameters replaced: `dict[T, int][str]`.
///
/// # Errors
/// TypeError when there are no parameters or their number differs; what the parameters' hooks raise.
pub fn substitute(vm: &mut Vm, this: &Value, args: &[Value], params: &Value, item: &Value) -> R<Vec<Value>> {
    let list = tuple_items(vm, params);
    if list.is_empty() {
        let text = format!("{} is not a generic class", vm.repr_string(this)?);
        return Err(vm.type_error(text));
    }
    let mut items = unpack_items(vm, item)?;
    let prepare = vm.intern("__typing_prepare_subst__");
    for p in &list {
        if let Some(f) = vm.get_attr_opt(p, &prepare)? {
            let given = vm.tuple(items).into_value();
            let prepared = vm.call(&f, &[this.clone(), given])?;
            items = if prepared.is_a::<Tuple>() { tuple_items(vm, &prepared) } else { vec![prepared] };
        }
    }
    if items.len() != list.len() {
        let many = if items.len() > list.len() { "many" } else { "few" };
        let text = format!(
            "Too {many} arguments for {}; actual {}, expected {}",
            vm.repr_string(this)?,
            items.len(),
            list.len()
        );
        return Err(vm.type_error(text));
    }
    replace_all(vm, args, &list, &items)
}

fn replace_all(vm: &mut Vm, args: &[Value], params: &[Value], items: &[Value]) -> R<Vec<Value>> {
    let (subst, unpacked) = (vm.intern("__typing_subst__"), vm.intern("__typing_is_unpacked_typevartuple__"));
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        if arg.is_a::<Class>() {
            out.push(arg.clone());
            continue;
        }
        if let Some(l) = arg.cast::<List>() {
            let inner = l.get(vm).items.clone();
            let new = vm.guarded(|vm| replace_all(vm, &inner, params, items))?;
            out.push(vm.list(new).into());
            continue;
        }
        if arg.is_a::<Tuple>() {
            let inner = tuple_items(vm, arg);
            let new = vm.guarded(|vm| replace_all(vm, &inner, params, items))?;
            out.push(vm.tuple(new).into());
            continue;
        }
        let spread = match vm.get_attr_opt(arg, &unpacked)? {
            Some(v) => vm.truth(&v)?,
            None => false,
        };
        let new = match vm.get_attr_opt(arg, &subst)? {
            Some(f) => match params.iter().position(|p| p.is(arg)).and_then(|at| items.get(at)) {
                Some(item) => vm.call(&f, std::slice::from_ref(item))?,
                None => arg.clone(),
            },
            None => replace_inside(vm, arg, params, items)?,
        };
        if spread {
            if !new.is_a::<Tuple>() {
                let text = format!(
                    "expected __typing_subst__ of {} objects to return a tuple, not {}",
                    vm.class_name(arg),
                    vm.class_name(&new)
                );
                return Err(vm.type_error(text));
            }
            out.extend(tuple_items(vm, &new));
        } else {
            out.push(new);
        }
    }
    Ok(out)
}

/// Replaces the parameters of a generic argument.
fn replace_inside(vm: &mut Vm, arg: &Value, params: &[Value], items: &[Value]) -> R {
    let name = vm.intern("__parameters__");
    let Some(inner) = vm.get_attr_opt(arg, &name)? else { return Ok(arg.clone()) };
    let inner = tuple_items(vm, &inner);
    if inner.is_empty() {
        return Ok(arg.clone());
    }
    let mut new = Vec::with_capacity(inner.len());
    for p in inner {
        match params.iter().position(|q| q.is(&p)).and_then(|at| items.get(at)) {
            // What a TypeVarTuple stands for is a tuple of types.
            Some(item) if p.is_a::<crate::modules::typing::TypeVarTuple>() && item.is_a::<Tuple>() => {
                new.extend(tuple_items(vm, item));
            }
            Some(item) => new.push(item.clone()),
            None => new.push(p),
        }
    }
    let key = vm.tuple(new).into_value();
    vm.guarded(|vm| vm.get_item(arg, &key))
}

/// Whether a value is a string, which typing takes for a forward reference.
pub fn is_forward_reference(v: &Value) -> bool {
    v.is_a::<Str>()
}
