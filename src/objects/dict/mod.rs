//! `dict`: its methods. Views are in `views`, filling from mappings and pairs in `update`.
//!
//! Keys may run script code when they are hashed or compared; `vm::dict` finds its way round that. Here each item
//! is taken out before anything is called.

mod iter;
mod update;
mod views;

pub use iter::iterate;
pub use update::{iterates_plainly, merge, update};
pub use views::{new_view, view_parts};

use super::generic_alias::class_getitem;
use super::list::push_repr;
use super::set::AnySet;
use crate::vm::dict::Dict;
use crate::vm::native::{Args, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::DictPart;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, Dict::default()).into())
    }),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", |vm, args| {
        update::update_call(vm, args, "dict")?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", dict_repr),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        Ok(Value::len(vm.this::<Dict>(a, "__len__")?.get(vm).len()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let dict = vm.this::<Dict>(a, "__iter__")?.clone();
        Ok(iterate(vm, &dict, DictPart::Keys, false))
    }),
    NativeDef::new("__reversed__(self, /)", "Return a reverse iterator over the dict keys.", |vm, a| {
        let dict = vm.this::<Dict>(a, "__reversed__")?.clone();
        Ok(iterate(vm, &dict, DictPart::Keys, true))
    }),
    NativeDef::new(
        "__contains__(self, key, /)",
        "True if the dictionary has the specified key, else False.",
        |vm, a| {
            let dict = vm.this::<Dict>(a, "__contains__")?;
            Ok(dict.get_item(vm, &a[1])?.is_some().into())
        },
    ),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", get_item),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", |vm, a| {
        vm.this::<Dict>(a, "__setitem__")?.set_item(vm, a[1].clone(), a[2].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", |vm, a| {
        let removed = vm.this::<Dict>(a, "__delitem__")?.remove(vm, &a[1])?;
        match removed {
            Some(_) => Ok(Value::NONE),
            None => Err(vm.key_error(&a[1])),
        }
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| union(vm, &a[0], &a[1])),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| union(vm, &a[1], &a[0])),
    NativeDef::new("__ior__(self, value, /)", "Return self|=value.", |vm, a| {
        let dict = vm.this::<Dict>(a, "__ior__")?;
        update(vm, dict, &a[1])?;
        Ok(a[0].clone())
    }),
    NativeDef::new(
        "__class_getitem__(cls, object, /)",
        "dicts are generic over two types, signifying (respectively) the types of their keys and values",
        class_getitem,
    ),
    NativeDef::new("clear(self, /)", "Remove all items from the dict.", |vm, a| {
        let old = vm.this::<Dict>(a, "clear")?.get_mut(vm).take();
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("copy(self, /)", "Return a shallow copy of the dict.", |vm, a| {
        let this = vm.this::<Dict>(a, "copy")?.clone();
        Ok(copy_of(vm, &this)?.into())
    }),
    NativeDef::new(
        "fromkeys(cls, iterable, value=None, /)",
        "Create a new dictionary with keys from iterable and values set to value.",
        from_keys,
    ),
    NativeDef::new(
        "get(self, key, default=None, /)",
        "Return the value for key if key is in the dictionary, else default.",
        |vm, a| match vm.this::<Dict>(a, "get")?.get_item(vm, &a[1])? {
            Some(v) => Ok(v),
            None => Ok(arg_or_none(a, 2).clone()),
        },
    ),
    NativeDef::new("items(self, /)", "Return a set-like object providing a view on the dict's items.", |vm, a| {
        let dict = vm.this::<Dict>(a, "items")?.clone();
        Ok(new_view(vm, dict, DictPart::Items))
    }),
    NativeDef::new("keys(self, /)", "Return a set-like object providing a view on the dict's keys.", |vm, a| {
        let dict = vm.this::<Dict>(a, "keys")?.clone();
        Ok(new_view(vm, dict, DictPart::Keys))
    }),
    NativeDef::new("values(self, /)", "Return an object providing a view on the dict's values.", |vm, a| {
        let dict = vm.this::<Dict>(a, "values")?.clone();
        Ok(new_view(vm, dict, DictPart::Values))
    }),
    NativeDef::new(
        "pop(self, key, default=<unrepresentable>, /)",
        "Remove the key and return its value; the default, or a KeyError, when it is absent.",
        pop,
    ),
    NativeDef::new(
        "popitem(self, /)",
        "Remove and return the last (key, value) pair as a 2-tuple.\n\nRaises KeyError if the dict is empty.",
        |vm, a| match vm.this::<Dict>(a, "popitem")?.pop_last(vm) {
            Some((k, v)) => Ok(vm.pair([k, v])),
            None => Err(empty_error(vm, "popitem(): dictionary is empty")),
        },
    ),
    NativeDef::new(
        "setdefault(self, key, default=None, /)",
        "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for key if key is in \
         the dictionary, else default.",
        |vm, a| {
            let dict = vm.this::<Dict>(a, "setdefault")?;
            let hash = vm.hash_as_dict_key(&a[1])?;
            dict.get_or_insert_hashed(vm, hash, a[1].clone(), arg_or_none(a, 2).clone())
        },
    ),
    NativeDef::raw(
        "update(self, /, *args, **kwargs)",
        "Take over the items of a mapping or of an iterable of pairs, then the keyword arguments.",
        |vm, args| {
            update::update_call(vm, args, "update")?;
            Ok(Value::NONE)
        },
    ),
];

/// Gives `dict` its methods, and makes the classes of its views and iterators.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.dict.clone();
    vm.extend_class(&class, METHODS, &[]);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &hash, Value::NONE);
    views::init(vm)?;
    iter::init(vm)
}

/// A raised KeyError with a text.
pub fn empty_error(vm: &mut Vm, text: &str) -> crate::vm::exception::Raised {
    let text = vm.new_str(text).into_value();
    vm.key_error(&text)
}

fn dict_repr(vm: &mut Vm, a: &[Value]) -> R {
    let dict = vm.this::<Dict>(a, "__repr__")?;
    if dict.get(vm).is_empty() {
        return Ok(vm.new_str("{}").into());
    }
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("{...}").into());
    }
    let result = repr_items(vm, dict);
    vm.leave_repr(&a[0]);
    Ok(vm.new_str_bytes(&result?).into())
}

/// The items as `{k: v, …}`.
///
/// # Errors
/// What `__repr__` raises.
pub fn repr_items(vm: &mut Vm, dict: &Ref<Dict>) -> R<Vec<u8>> {
    let mut out = vec![b'{'];
    let mut at = 0;
    while let Some((next, k, v)) = dict.get(vm).next_entry(at) {
        let (k, v) = (k.clone(), v.clone());
        at = next;
        if out.len() > 1 {
            out.extend_from_slice(b", ");
        }
        push_repr(vm, &mut out, &k)?;
        out.extend_from_slice(b": ");
        push_repr(vm, &mut out, &v)?;
    }
    out.push(b'}');
    Ok(out)
}

fn get_item(vm: &mut Vm, a: &[Value]) -> R {
    let dict = vm.this::<Dict>(a, "__getitem__")?;
    if let Some(v) = dict.get_item(vm, &a[1])? {
        return Ok(v);
    }
    if !vm.is_exact(&a[0], &vm.types.dict)
        && let Some(f) = vm.special(&a[0], Special::Missing)
    {
        return vm.guarded(|vm| vm.call_special(&f, &a[0], &a[1..2]));
    }
    Err(vm.key_error(&a[1]))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = vm.this::<Dict>(a, "__eq__")?;
    let Some(y) = a[1].cast::<Dict>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let equal = equal_items(vm, x, y)?;
    Ok(Value::bool(equal == (op == CmpOp::Eq)))
}

/// Whether both dicts have the same items, in whatever order.
///
/// # Errors
/// What comparisons raise.
pub fn equal_items(vm: &mut Vm, x: &Ref<Dict>, y: &Ref<Dict>) -> R<bool> {
    if x.get(vm).len() != y.get(vm).len() {
        return Ok(false);
    }
    let mut at = 0;
    while let Some((next, hash, k, v)) = x.get(vm).next_hashed(at) {
        let (k, v) = (k.clone(), v.clone());
        at = next;
        vm.tick(1)?;
        let Some(other) = y.get_item_hashed(vm, hash, &k)? else { return Ok(false) };
        if !vm.equal(&other, &v)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A plain dict with the items that the methods of `d` show.
fn copy_of(vm: &mut Vm, d: &Ref<Dict>) -> R<Ref<Dict>> {
    if iterates_plainly(vm, d.value()) {
        d.check_copy(vm)?;
        let copy = d.get(vm).copy();
        return Ok(vm.alloc(copy));
    }
    let new = vm.new_dict();
    update(vm, &new, d.value())?;
    Ok(new)
}

fn union(vm: &mut Vm, left: &Value, right: &Value) -> R {
    let (Some(x), Some(_)) = (left.cast::<Dict>(), right.cast::<Dict>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let new = copy_of(vm, x)?;
    update(vm, &new, right)?;
    Ok(new.into())
}

fn from_keys(vm: &mut Vm, a: &[Value]) -> R {
    let value = arg_or_none(a, 2).clone();
    let made = if a[0].is(vm.types.dict.value()) { vm.new_dict().into() } else { vm.call(&a[0], &[])? };
    if a[0].is(vm.types.dict.value()) && (vm.is_exact(&a[1], &vm.types.set) || vm.is_exact(&a[1], &vm.types.frozenset))
    {
        return from_set(vm, &a[1], value);
    }
    let it = vm.iter(&a[1])?;
    let plain = if vm.is_exact(&made, &vm.types.dict) { made.cast::<Dict>() } else { None };
    while let Some(k) = vm.next(&it)? {
        match plain {
            Some(d) => d.set_item(vm, k, value.clone())?,
            None => vm.set_item(&made, k, value.clone())?,
        }
    }
    Ok(made)
}

/// The elements of a set as keys, with the hashes that the set knows.
fn from_set(vm: &mut Vm, elements: &Value, value: Value) -> R {
    let made = vm.new_dict();
    if let Some(elements) = AnySet::of(elements) {
        let mut place = 0;
        while let Some((next, hash, k)) = elements.at(vm, place) {
            place = next;
            vm.tick(1)?;
            made.set_item_hashed(vm, hash, k, value.clone())?;
        }
    }
    Ok(made.into())
}

fn pop(vm: &mut Vm, a: &[Value]) -> R {
    let dict = vm.this::<Dict>(a, "pop")?;
    let removed = if dict.get(vm).is_empty() { None } else { dict.remove(vm, &a[1])? };
    match (removed, arg(a, 2)) {
        (Some((_, v)), _) => Ok(v),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(vm.key_error(&a[1])),
    }
}

/// The keyword arguments of a call, entered in a dict.
///
/// # Errors
/// None in practice: the keys are strings.
pub fn add_keywords(vm: &mut Vm, dict: &Ref<Dict>, args: &Args<'_>) -> R<()> {
    for (k, v) in args.keywords() {
        dict.set_item(vm, k.clone(), v.clone())?;
    }
    Ok(())
}
