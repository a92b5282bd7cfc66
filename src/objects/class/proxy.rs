//! `mappingproxy`: a read-only view of a mapping, `C.__dict__` above all.
//!
//! A class keeps its attributes in its payload, so the view of a class holds the class itself. Whole-namespace
//! operations (`items()`, `|`, …) of such a view work on a copy made for the occasion.

use super::namespace_copy;
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::{BinOp, CmpOp};
use crate::vm::seq::List;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `mappingproxy`.
    pub struct MappingProxy {
        /// The mapping; a class stands for its namespace.
        pub mapping: Value,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, mapping)", "Read-only proxy of a mapping.", new),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let m = whole(vm, a, "__len__")?;
        Ok(Value::len(vm.len(&m)?))
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", getitem),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        if let Some(found) = class_item(vm, a)? {
            return Ok(found.is_some().into());
        }
        let m = whole(vm, a, "__contains__")?;
        Ok(vm.contains(&m, arg_or_none(a, 1))?.into())
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let m = whole(vm, a, "__iter__")?;
        vm.iter(&m)
    }),
    NativeDef::new("__reversed__(self, /)", "D.__reversed__() -> reverse iterator", |vm, a| {
        forward(vm, a, "__reversed__", &[])
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let m = whole(vm, a, "__repr__")?;
        let inner = vm.guarded(|vm| vm.repr(&m))?;
        let inner = inner.get(vm).as_bytes().to_vec();
        Ok(vm.new_str_parts(&[b"mappingproxy(", &inner, b")"]).into())
    }),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| {
        let m = whole(vm, a, "__str__")?;
        Ok(vm.str(&m)?.into())
    }),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let m = whole(vm, a, "__hash__")?;
        let h = vm.hash(&m)?;
        Ok(vm.int(h as i64))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        let (x, y) = (plain(vm, arg_or_none(a, 0)), plain(vm, arg_or_none(a, 1)));
        vm.binary(BinOp::Or, &x, &y)
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        let (x, y) = (plain(vm, arg_or_none(a, 1)), plain(vm, arg_or_none(a, 0)));
        vm.binary(BinOp::Or, &x, &y)
    }),
    NativeDef::new("__ior__(self, value, /)", "Return self|=value.", |vm, _| {
        Err(vm.type_error("'|=' is not supported by mappingproxy; use '|' instead"))
    }),
    NativeDef::new(
        "get(self, key, default=None, /)",
        "Return the value for key if key is in the mapping, else default.",
        get,
    ),
    NativeDef::new("keys(self, /)", "a set-like object providing a view on D's keys", |vm, a| {
        forward(vm, a, "keys", &[])
    }),
    NativeDef::new("values(self, /)", "an object providing a view on D's values", |vm, a| {
        forward(vm, a, "values", &[])
    }),
    NativeDef::new("items(self, /)", "a set-like object providing a view on D's items", |vm, a| {
        forward(vm, a, "items", &[])
    }),
    NativeDef::new("copy(self, /)", "a shallow copy of D", |vm, a| forward(vm, a, "copy", &[])),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", |vm, a| {
        crate::objects::generic_alias::class_getitem(vm, a)
    }),
];

/// Makes the class.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<MappingProxy>("builtins", "mappingproxy", None, class_flag::MAPPING)?;
    vm.extend_class(&class, METHODS, &[]);
    Ok(())
}

/// The view of a class's namespace.
pub fn of_class(vm: &Vm, class: &Ref<Class>) -> Value {
    vm.alloc(MappingProxy { mapping: class.value().clone() }).into()
}

/// The view of a mapping.
pub fn of_mapping(vm: &Vm, mapping: Value) -> Value {
    vm.alloc(MappingProxy { mapping }).into()
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let mapping = arg_or_none(a, 1).clone();
    let name = vm.intern("__getitem__");
    let class = vm.class_of(&mapping).clone();
    if mapping.is_a::<List>() || mapping.is_a::<Tuple>() || vm.lookup(&class, &name).is_none() {
        let text = format!("mappingproxy() argument must be a mapping, not {}", vm.class_name(&mapping));
        return Err(vm.type_error(text));
    }
    Ok(of_mapping(vm, mapping))
}

/// The mapping behind a proxy; a copy for a class.
fn whole(vm: &mut Vm, a: &[Value], method: &str) -> R {
    let mapping = vm.this::<MappingProxy>(a, method)?.get(vm).mapping.clone();
    Ok(match mapping.cast::<Class>() {
        Some(c) => namespace_copy(vm, c).into(),
        None => mapping,
    })
}

/// The value itself, or the mapping behind it.
fn plain(vm: &mut Vm, v: &Value) -> Value {
    match v.cast::<MappingProxy>().map(|p| p.get(vm).mapping.clone()) {
        Some(m) => match m.cast::<Class>() {
            Some(c) => namespace_copy(vm, c).into(),
            None => m,
        },
        None => v.clone(),
    }
}

fn forward(vm: &mut Vm, a: &[Value], method: &str, args: &[Value]) -> R {
    let m = whole(vm, a, method)?;
    vm.call_method(&m, method, args)
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let m = whole(vm, a, "__eq__")?;
    let other = plain(vm, arg_or_none(a, 1));
    vm.rich_compare(&m, &other, op)
}

/// Looks a string up in a class's namespace: `None` when the proxy or the key is something else.
fn class_item(vm: &mut Vm, a: &[Value]) -> R<Option<Option<Value>>> {
    let mapping = vm.this::<MappingProxy>(a, "__getitem__")?.get(vm).mapping.clone();
    match (mapping.cast::<Class>(), arg_or_none(a, 1).cast::<Str>()) {
        (Some(c), Some(key)) => Ok(Some(vm.own_class_attr(c, key))),
        _ => Ok(None),
    }
}

fn getitem(vm: &mut Vm, a: &[Value]) -> R {
    if let Some(found) = class_item(vm, a)? {
        return match found {
            Some(v) => Ok(v),
            None => Err(vm.key_error(arg_or_none(a, 1))),
        };
    }
    let m = whole(vm, a, "__getitem__")?;
    vm.get_item(&m, arg_or_none(a, 1))
}

fn get(vm: &mut Vm, a: &[Value]) -> R {
    if let Some(found) = class_item(vm, a)? {
        return Ok(found.unwrap_or_else(|| arg_or_none(a, 2).clone()));
    }
    let m = whole(vm, a, "get")?;
    vm.call_method(&m, "get", &[arg_or_none(a, 1).clone(), arg_or_none(a, 2).clone()])
}

/// The namespace that a mapping proxy or dict value shows, as a dict (`vars()` and `dir()` want it).
pub fn as_dict(vm: &mut Vm, v: &Value) -> Option<Ref<Dict>> {
    let m = plain(vm, v);
    m.try_into_ref::<Dict>().ok()
}
