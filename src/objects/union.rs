//! `int | str`: `typing.Union`.

use super::class::import_module;
use super::generic_alias::{GenericAlias, is_forward_reference, item_repr, make_parameters, substitute, tuple_items};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of unions.
    pub struct Union {
        /// `__args__`: a tuple of at least two.
        pub args: Value,
        /// `__parameters__`: a tuple, or `UNDEF` until asked for.
        pub parameters: Value,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let args = vm.this::<Union>(a, "__repr__")?.get(vm).args.clone();
        let items = tuple_items(vm, &args);
        let text = vm.guarded(|vm| {
            let mut parts = Vec::with_capacity(items.len());
            for item in &items {
                let none = item.is(vm.types.none_type.value());
                parts.push(if none { "None".to_owned() } else { item_repr(vm, item)? });
            }
            Ok(parts.join(" | "))
        })?;
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", eq),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let args = vm.this::<Union>(a, "__hash__")?.get(vm).args.clone();
        let mut h = 0x9e37_79b9u64;
        for item in tuple_items(vm, &args) {
            // The order does not matter, so neither may it here.
            h = h.wrapping_add(vm.hash(&item)?.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        Ok(vm.int(h as i64))
    }),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        or(vm, arg_or_none(a, 0), arg_or_none(a, 1))
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        or(vm, arg_or_none(a, 1), arg_or_none(a, 0))
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", |vm, a| {
        let u = vm.this::<Union>(a, "__getitem__")?.clone();
        let params = parameters(vm, u.value())?;
        let args = u.get(vm).args.clone();
        let args = tuple_items(vm, &args);
        let new = substitute(vm, u.value(), &args, &params, arg_or_none(a, 1))?;
        from_items(vm, &new)
    }),
    NativeDef::new("__mro_entries__(self, bases, /)", "Refuses.", |vm, a| {
        let text = format!("Cannot subclass {}", vm.repr_string(arg_or_none(a, 0))?);
        Err(vm.type_error(text))
    }),
    NativeDef::new("__class_getitem__(cls, args, /)", "The union of types.", |vm, a| {
        let given = arg_or_none(a, 1);
        let items = if given.is_a::<Tuple>() { tuple_items(vm, given) } else { vec![given.clone()] };
        from_items(vm, &items)
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let u = vm.this::<Union>(a, "__reduce__")?.clone();
        let (args, class) = (u.get(vm).args.clone(), vm.class_of(u.value()).value().clone());
        let operator = import_module(vm, "operator")?;
        let getitem = vm.get_attr_str(&operator, "getitem")?;
        let pair = vm.tuple(vec![class, args]).into_value();
        Ok(vm.tuple(vec![getitem, pair]).into())
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("__args__", "", |vm, v| Ok(payload(vm, v)?.get(vm).args.clone())),
    GetSetDef::new("__parameters__", "Type variables in the types.UnionType.", parameters),
    GetSetDef::new("__origin__", "Always returns the type", |vm, v| Ok(vm.class_of(v).value().clone())),
    GetSetDef::new("__name__", "Name of the type", |vm, _| Ok(vm.intern("Union").into())),
    GetSetDef::new("__qualname__", "Qualified name of the type", |vm, _| Ok(vm.intern("Union").into())),
];

/// Makes the class.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<Union>("typing", "Union", None, class_flag::WEAKREF | class_flag::NO_NEW)?;
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(())
}

fn payload(vm: &mut Vm, v: &Value) -> R<Ref<Union>> {
    Ok(vm.this::<Union>(std::slice::from_ref(v), "__args__")?.clone())
}

fn parameters(vm: &mut Vm, v: &Value) -> R {
    let u = payload(vm, v)?;
    let (known, args) = (u.get(vm).parameters.clone(), u.get(vm).args.clone());
    if !known.is_undef() {
        return Ok(known);
    }
    let items = tuple_items(vm, &args);
    let found = make_parameters(vm, &items)?;
    let tuple = vm.tuple(found).into_value();
    u.get_mut(vm).parameters = tuple.clone();
    Ok(tuple)
}

fn eq(vm: &mut Vm, a: &[Value]) -> R {
    let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<Union>(), arg_or_none(a, 1).cast::<Union>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let (p, q) = (x.get(vm).args.clone(), y.get(vm).args.clone());
    let (p, q) = (tuple_items(vm, &p), tuple_items(vm, &q));
    if p.len() != q.len() {
        return Ok(Value::FALSE);
    }
    for item in &p {
        if !has(vm, &q, item)? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}

fn has(vm: &mut Vm, items: &[Value], wanted: &Value) -> R<bool> {
    vm.tick(1 + items.len() / 8)?;
    for item in items {
        if vm.equal(item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn unionable(v: &Value) -> bool {
    v.is_none()
        || v.is_a::<Class>()
        || v.is_a::<GenericAlias>()
        || v.is_a::<Union>()
        || v.is_a::<crate::modules::typing::TypeAliasType>()
}

/// `a | b` of types; `NotImplemented` for other values.
///
/// # Errors
/// What comparing the parts raises.
pub fn or(vm: &mut Vm, a: &Value, b: &Value) -> R {
    if !unionable(a) || !unionable(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    from_items(vm, &[a.clone(), b.clone()])
}

/// `Union[items]`: unions are flattened, equal parts left out, strings become forward references.
///
/// # Errors
/// TypeError for no types; what comparing raises.
pub fn from_items(vm: &mut Vm, items: &[Value]) -> R {
    let mut out: Vec<Value> = Vec::new();
    for item in items {
        let parts = if item.is_none() {
            vec![vm.types.none_type.value().clone()]
        } else if let Some(u) = item.cast::<Union>() {
            let args = u.get(vm).args.clone();
            let parts = tuple_items(vm, &args);
            if out.is_empty() {
                // No two of them are equal.
                vm.tick(parts.len() / 8)?;
                out = parts;
                continue;
            }
            parts
        } else if is_forward_reference(item) {
            let lib = import_module(vm, "annotationlib")?;
            let class = vm.get_attr_str(&lib, "ForwardRef")?;
            vec![vm.call(&class, std::slice::from_ref(item))?]
        } else {
            vec![item.clone()]
        };
        for part in parts {
            if !has(vm, &out, &part)? {
                out.push(part);
            }
        }
    }
    match out.len() {
        0 => Err(vm.type_error("Cannot take a Union of no types.")),
        1 => Ok(out.swap_remove(0)),
        _ => {
            let args = vm.tuple(out).into_value();
            Ok(vm.alloc(Union { args, parameters: Value::UNDEF }).into())
        }
    }
}
