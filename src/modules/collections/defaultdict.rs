//! `defaultdict`: a dict that makes missing values.
//!
//! Invariant: the factory is in the class's one slot, so the payload is that of any dict.

use super::call_dict;
use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The number of the slot with the factory.
const FACTORY: usize = 0;

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__init__(self, default_factory=None, /, *args, **kwargs)", "Initialize self.", init),
    NativeDef::new(
        "__missing__(self, key, /)",
        "Called by __getitem__ for a missing key: makes the value, keeps it and returns it.",
        missing,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("copy(self, /)", "D.copy() -> a shallow copy of D.", copy),
    NativeDef::new("__copy__(self, /)", "D.copy() -> a shallow copy of D.", copy),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        let (this, other) = (&a[0], arg_or_none(a, 1));
        union(vm, this, this, other)
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        let (this, other) = (&a[0], arg_or_none(a, 1));
        union(vm, this, other, this)
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const ATTRS: &[GetSetDef] = &[GetSetDef::with_set(
    "default_factory",
    "Factory for default value called by __missing__().",
    |vm, v| Ok(factory(vm, v)),
    |vm, v, new| {
        drop(vm.set_slot_value(v, FACTORY, new.unwrap_or(Value::NONE)));
        Ok(())
    },
)];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
pub(super) fn define(vm: &mut Vm) -> R<Ref<Class>> {
    let spec = ClassSpec {
        name: "defaultdict",
        bases: vec![vm.types.dict.clone()],
        meta: None,
        flags: class_flag::BASE | class_flag::WEAKREF,
        slots: 1,
        dict: false,
    };
    let class = vm.new_class(spec, None)?;
    let module = vm.intern("collections").into_value();
    let name = vm.names.__module__.clone();
    vm.set_class_attr(&class, &name, module);
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(class)
}

/// `default_factory`.
fn factory(vm: &Vm, this: &Value) -> Value {
    let f = vm.slot_value(this, FACTORY);
    if f.is_undef() { Value::NONE } else { f }
}

fn init(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((this, given)) = args.pos.split_first() else {
        return Err(vm.type_error("descriptor '__init__' of 'defaultdict' object needs an argument"));
    };
    let (factory, rest) = match given.split_first() {
        Some((f, rest)) => (f.clone(), rest),
        None => (Value::NONE, given),
    };
    if !factory.is_none() && !vm.is_callable(&factory) {
        return Err(vm.type_error("first argument must be callable or None"));
    }
    drop(vm.set_slot_value(this, FACTORY, factory));
    let Some(init) = super::dict_method(vm, "__init__") else { return Ok(Value::NONE) };
    let mut pos = vec![this.clone()];
    pos.extend_from_slice(rest);
    vm.call_kw(&init, &Args { pos: &pos, ..*args })
}

fn missing(vm: &mut Vm, a: &[Value]) -> R {
    let (this, key) = (&a[0], arg_or_none(a, 1));
    let factory = factory(vm, this);
    if factory.is_none() {
        return Err(vm.key_error(key));
    }
    let value = vm.call(&factory, &[])?;
    vm.set_item(this, key.clone(), value.clone())?;
    Ok(value)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let this = &a[0];
    let base = call_dict(vm, "__repr__", this, &[])?;
    let base = vm.str(&base)?;
    let factory = factory(vm, this);
    // A factory may show the dict that it belongs to (a bound method of a subclass).
    let made = if vm.enter_repr(&factory) {
        let r = vm.guarded(|vm| vm.repr(&factory));
        vm.leave_repr(&factory);
        r?
    } else {
        vm.new_str("...")
    };
    let name = vm.class_of(this).get(vm).name.clone();
    let parts: [&[u8]; 6] =
        [name.get(vm).as_bytes(), b"(", made.get(vm).as_bytes(), b", ", base.get(vm).as_bytes(), b")"];
    Ok(vm.new_str_parts(&parts).into())
}

/// `type(this)(this.default_factory, items)`.
fn made_like(vm: &mut Vm, this: &Value, items: &Value) -> R {
    let class = vm.class_of(this).value().clone();
    let factory = factory(vm, this);
    vm.call(&class, &[factory, items.clone()])
}

fn copy(vm: &mut Vm, a: &[Value]) -> R {
    made_like(vm, &a[0], &a[0])
}

fn union(vm: &mut Vm, this: &Value, left: &Value, right: &Value) -> R {
    if !left.is_a::<Dict>() || !right.is_a::<Dict>() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let new = made_like(vm, this, left)?;
    call_dict(vm, "update", &new, std::slice::from_ref(right))?;
    Ok(new)
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let factory = factory(vm, &a[0]);
    let given = if factory.is_none() { vm.empty_tuple() } else { vm.tuple(vec![factory]).into_value() };
    let items = vm.call_method(&a[0], "items", &[])?;
    let items = vm.iter(&items)?;
    let class = vm.class_of(&a[0]).value().clone();
    Ok(vm.tuple(vec![class, given, Value::NONE, Value::NONE, items]).into())
}
