//! `_collections`: `deque`, `defaultdict`, `OrderedDict` and small helpers of the script part of `collections`.
//!
//! Each container has a file of its own; here are the module, `_count_elements` and `_tuplegetter`.

mod defaultdict;
mod deque;
mod ordered_dict;

use crate::heap_object;
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::BinOp;
use crate::vm::special::Special;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `_tuplegetter`: the descriptor of one field of a named tuple.
    pub struct TupleGetter { index: i64, doc: Value }
}

const FUNCTIONS: &[NativeDef] = &[NativeDef::new(
    "_count_elements(mapping, iterable, /)",
    "Count elements in the iterable, updating the mapping",
    count_elements,
)];

const GETTER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, index, doc, /)", "Create and return a new object.", getter_new),
    NativeDef::new(
        "__get__(self, instance, owner=None, /)",
        "Return an attribute of instance, which is of type owner.",
        getter_get,
    ),
    NativeDef::new("__set__(self, instance, value, /)", "Set an attribute of instance to value.", |vm, _| {
        Err(vm.attribute_error_text("can't set attribute"))
    }),
    NativeDef::new("__delete__(self, instance, /)", "Delete an attribute of instance.", |vm, _| {
        Err(vm.attribute_error_text("can't delete attribute"))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let this = vm.this::<TupleGetter>(a, "__repr__")?.get(vm);
        let (index, doc) = (this.index, this.doc.clone());
        let doc = vm.repr(&doc)?;
        let head = format!("_tuplegetter({index}, ");
        Ok(vm.new_str_parts(&[head.as_bytes(), doc.get(vm).as_bytes(), b")"]).into())
    }),
    NativeDef::new("__reduce__(self, /)", "", |vm, a| {
        let this = vm.this::<TupleGetter>(a, "__reduce__")?.get(vm);
        let (index, doc) = (vm.int(this.index), this.doc.clone());
        let class = vm.class_of(&a[0]).value().clone();
        let arguments = vm.tuple(vec![index, doc]).into_value();
        Ok(vm.tuple(vec![class, arguments]).into())
    }),
];

const GETTER_ATTRS: &[GetSetDef] = &[GetSetDef::with_set(
    "__doc__",
    "",
    |vm, v| Ok(v.cast::<TupleGetter>().map_or(Value::NONE, |g| g.get(vm).doc.clone())),
    |vm, v, new| {
        let Some(g) = v.cast::<TupleGetter>() else { return Ok(()) };
        let old = std::mem::replace(&mut g.get_mut(vm).doc, new.unwrap_or(Value::NONE));
        drop(old);
        Ok(())
    },
)];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_collections", FUNCTIONS);
    let [deque, forward, reverse] = deque::define(vm)?;
    let getter = vm.define_class::<TupleGetter>("collections", "_tuplegetter", None, 0)?;
    vm.extend_class(&getter, GETTER, GETTER_ATTRS);
    let classes = [
        ("deque", deque),
        ("_deque_iterator", forward),
        ("_deque_reverse_iterator", reverse),
        ("defaultdict", defaultdict::define(vm)?),
        ("OrderedDict", ordered_dict::define(vm)?),
        ("_tuplegetter", getter),
    ];
    for (name, class) in classes {
        vm.module_set(&module, name, class.into_value());
    }
    Ok(module.into())
}

/// The method that `dict` itself has under this name, not bound.
fn dict_method(vm: &mut Vm, name: &str) -> Option<Value> {
    let name = vm.intern(name);
    let dict = vm.types.dict.clone();
    vm.lookup(&dict, &name)
}

/// Calls `dict`'s own version of a method.
fn call_dict(vm: &mut Vm, name: &str, this: &Value, args: &[Value]) -> R {
    match dict_method(vm, name) {
        Some(f) => vm.call_special(&f, this, args),
        None => Err(vm.attribute_error_text(format!("type object 'dict' has no attribute '{name}'"))),
    }
}

// ---- _count_elements ----

/// The dict that can be counted in directly: its class changed neither `get` nor `__setitem__`.
fn plain_counts(vm: &mut Vm, mapping: &Value) -> Option<Ref<Dict>> {
    let d = mapping.cast::<Dict>()?;
    let get = vm.intern("get");
    let (dict, class) = (vm.types.dict.clone(), vm.class_of(mapping).clone());
    let same_get = vm.lookup(&class, &get)?.is(&vm.lookup(&dict, &get)?);
    let set = vm.class_special(&dict, Special::SetItem)?;
    (same_get && vm.class_special(&class, Special::SetItem)?.is(&set)).then(|| d.clone())
}

fn count_elements(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.iter(&a[1])?;
    let one = Value::int32(1);
    if let Some(d) = plain_counts(vm, &a[0]) {
        while let Some(key) = vm.next(&it)? {
            let count = match d.get_item(vm, &key)? {
                Some(old) => vm.binary(BinOp::Add, &old, &one)?,
                None => one.clone(),
            };
            d.set_item(vm, key, count)?;
        }
        return Ok(Value::NONE);
    }
    let get = vm.get_attr_str(&a[0], "get")?;
    while let Some(key) = vm.next(&it)? {
        let old = vm.call(&get, &[key.clone(), Value::int32(0)])?;
        let count = vm.binary(BinOp::Add, &old, &one)?;
        vm.set_item(&a[0], key, count)?;
    }
    Ok(Value::NONE)
}

// ---- _tuplegetter ----

fn getter_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("_tuplegetter() takes no keyword arguments"));
    }
    let [index, doc] = args.pos.get(1..).unwrap_or_default() else {
        let n = args.pos.len().saturating_sub(1);
        return Err(vm.type_error(format!("_tuplegetter expected 2 arguments, got {n}")));
    };
    let index = vm.index_i64(index)?;
    Ok(vm.alloc_as(&class, TupleGetter { index, doc: doc.clone() }).into())
}

fn getter_get(vm: &mut Vm, a: &[Value]) -> R {
    let index = vm.this::<TupleGetter>(a, "__get__")?.get(vm).index;
    let instance = arg_or_none(a, 1);
    if instance.is_none() {
        if arg_or_none(a, 2).is_none() {
            return Err(vm.type_error("__get__(None, None) is invalid"));
        }
        return Ok(a[0].clone());
    }
    let Some(t) = instance.cast::<Tuple>() else {
        let class = vm.class_name(instance);
        return Err(vm.type_error(format!(
            "descriptor for index '{index}' for tuple subclasses doesn't apply to '{class}' object"
        )));
    };
    match usize::try_from(index).ok().and_then(|i| t.get(vm).items().get(i).cloned()) {
        Some(v) => Ok(v),
        None => Err(vm.index_error("tuple index out of range")),
    }
}
