//! `weakref.ref` and the two proxy types.
//!
//! The payload and its part in the heap's work are in `vm::gc::weak`. A proxy passes every operation on to its target;
//! other proxies among the arguments are looked through as well.

use crate::vm::class::{Class, class_flag};
use crate::vm::gc::weak::WeakRef;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::{BinOp, CmpOp, UnOp};
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

/// The classes, for the module and for those who make weak references.
#[derive(Default)]
struct Classes {
    reference: Option<Ref<Class>>,
    proxy: Option<Ref<Class>>,
    callable_proxy: Option<Ref<Class>>,
}

const REF_METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", ref_new),
    NativeDef::raw("__init__(self, *args, **kwargs)", "Initialize self.", ref_init),
    NativeDef::new("__call__(self)", "Call self as a function.", ref_call),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", ref_hash),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| ref_compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| ref_compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| weak_repr(vm, a, "weakref")),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(&a[0], arg_or_none(a, 1))
    }),
];

const REF_GETSETS: &[GetSetDef] = &[GetSetDef::new("__callback__", "", |vm, v| {
    let w = weak(vm, v)?;
    Ok(w.get(vm).callback().cloned().unwrap_or(Value::NONE))
})];

/// Makes the classes.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let reference = vm.define_class::<WeakRef>("weakref", "ReferenceType", None, class_flag::BASE)?;
    vm.extend_class(&reference, REF_METHODS, REF_GETSETS);
    let proxy = vm.define_class::<WeakRef>("weakref", "ProxyType", None, class_flag::NO_NEW)?;
    let callable_proxy = vm.define_class::<WeakRef>("weakref", "CallableProxyType", None, class_flag::NO_NEW)?;
    let hash = vm.names.__hash__.clone();
    for class in [&proxy, &callable_proxy] {
        vm.extend_class(class, PROXY_METHODS, &[]);
        vm.set_class_attr(class, &hash, Value::NONE);
    }
    vm.extend_class(&callable_proxy, CALL_METHODS, &[]);
    let classes = vm.state::<Classes>();
    classes.reference = Some(reference);
    classes.proxy = Some(proxy);
    classes.callable_proxy = Some(callable_proxy);
    Ok(())
}

/// The classes `ref`, `ProxyType` and `CallableProxyType`.
pub fn classes(vm: &mut Vm) -> [Ref<Class>; 3] {
    let object = vm.types.object.clone();
    let c = vm.state::<Classes>();
    [&c.reference, &c.proxy, &c.callable_proxy].map(|class| class.clone().unwrap_or_else(|| object.clone()))
}

/// A plain weak reference to an object: the one that exists already, or a new one.
///
/// # Errors
/// TypeError when the object allows none.
pub fn reference_to(vm: &mut Vm, target: &Value) -> R {
    let [class, ..] = classes(vm);
    make(vm, &class, target, Value::UNDEF)
}

/// What a weak reference refers to, if the value is one whose target is alive.
pub fn target_of(vm: &Vm, v: &Value) -> Option<Value> {
    vm.weak_target(v.cast::<WeakRef>()?)
}

/// A weak reference; those of the built-in classes without a callback are shared.
fn make(vm: &mut Vm, class: &Ref<Class>, target: &Value, callback: Value) -> R {
    if callback.is_undef() && !class.get(vm).is_heap() {
        let shared = vm
            .weak_references(target)
            .into_iter()
            .find(|w| vm.is_exact(w, class) && w.cast::<WeakRef>().is_some_and(|w| w.get(vm).callback().is_none()));
        if let Some(w) = shared {
            return Ok(w);
        }
    }
    Ok(vm.new_weakref(class, target, callback)?.into())
}

fn weak<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<WeakRef>> {
    match v.cast::<WeakRef>() {
        Some(w) => Ok(w),
        None => {
            let class = vm.class_name(v);
            Err(vm.type_error(format!("expected a weak reference, got '{class}'")))
        }
    }
}

// ---- ref ----

fn check_count(vm: &mut Vm, name: &str, n: usize) -> R<()> {
    match n {
        0 => Err(vm.type_error(format!("{name} expected at least 1 argument, got 0"))),
        1 | 2 => Ok(()),
        _ => Err(vm.type_error(format!("{name} expected at most 2 arguments, got {n}"))),
    }
}

fn ref_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let given = args.pos.get(1..).unwrap_or_default();
    check_count(vm, "__new__", given.len())?;
    if !args.kw_names.is_empty() && !class.get(vm).is_heap() {
        return Err(vm.type_error("ref() takes no keyword arguments"));
    }
    let callback = given.get(1).filter(|c| !c.is_none()).cloned().unwrap_or(Value::UNDEF);
    make(vm, &class, &given[0], callback)
}

fn ref_init(vm: &mut Vm, args: &Args<'_>) -> R {
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("ref() takes no keyword arguments"));
    }
    check_count(vm, "__init__", args.pos.len().saturating_sub(1))?;
    Ok(Value::NONE)
}

fn ref_call(vm: &mut Vm, a: &[Value]) -> R {
    let w = vm.this::<WeakRef>(a, "__call__")?;
    Ok(vm.weak_target(w).unwrap_or(Value::NONE))
}

fn ref_hash(vm: &mut Vm, a: &[Value]) -> R {
    let w = vm.this::<WeakRef>(a, "__hash__")?;
    if let Some(hash) = w.get(vm).hash {
        return Ok(vm.int(hash as i64));
    }
    let Some(target) = vm.weak_target(w) else {
        return Err(vm.type_error("weak object has gone away"));
    };
    let hash = vm.hash(&target)?;
    w.get_mut(vm).hash = Some(hash);
    Ok(vm.int(hash as i64))
}

fn ref_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let w = vm.this::<WeakRef>(a, "__eq__")?;
    let [reference, ..] = classes(vm);
    let other = arg_or_none(a, 1);
    let Some(o) = other.cast::<WeakRef>().filter(|_| vm.is_instance(other, &reference)) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    match (vm.weak_target(w), vm.weak_target(o)) {
        (Some(x), Some(y)) => vm.rich_compare(&x, &y, op),
        _ => Ok(Value::bool(w.is(o) == (op == CmpOp::Eq))),
    }
}

fn weak_repr(vm: &mut Vm, a: &[Value], kind: &str) -> R {
    let w = vm.this::<WeakRef>(a, "__repr__")?;
    let address = w.address();
    let text = match vm.weak_target(w) {
        None => format!("<{kind} at {address:#x}; dead>"),
        Some(target) => {
            let class = vm.class_name(&target);
            let place = target.bits() & !3;
            let name = if kind == "weakref" { target_name(vm, &target) } else { None };
            match name {
                Some(name) => format!("<{kind} at {address:#x}; to '{class}' at {place:#x} ({name})>"),
                None => format!("<{kind} at {address:#x}; to '{class}' at {place:#x}>"),
            }
        }
    };
    Ok(vm.new_str(&text).into())
}

/// `__name__` of the target, if it has one that is a string.
fn target_name(vm: &mut Vm, target: &Value) -> Option<String> {
    let name = vm.names.__name__.clone();
    let name = vm.get_attr_opt(target, &name).ok()??;
    name.is_a::<crate::vm::str::Str>().then(|| vm.str_of(&name))
}

// ---- proxies ----

/// A proxy for an object.
///
/// # Errors
/// TypeError when the object allows no weak references.
pub fn proxy_for(vm: &mut Vm, target: &Value, callback: Value) -> R {
    let [_, plain, callable] = classes(vm);
    let class = if vm.is_callable(target) { callable } else { plain };
    make(vm, &class, target, callback)
}

/// The target of a proxy; anything else is itself.
fn look_through(vm: &mut Vm, v: &Value) -> R {
    let Some(w) = v.cast::<WeakRef>() else { return Ok(v.clone()) };
    let [_, plain, callable] = classes(vm);
    if !vm.is_exact(v, &plain) && !vm.is_exact(v, &callable) {
        return Ok(v.clone());
    }
    match vm.weak_target(w) {
        Some(target) => Ok(target),
        None => Err(vm.reference_error("weakly-referenced object no longer exists")),
    }
}

/// The target of the proxy that a method was called on.
fn this(vm: &mut Vm, a: &[Value]) -> R {
    look_through(vm, arg_or_none(a, 0))
}

fn other(vm: &mut Vm, a: &[Value], i: usize) -> R {
    look_through(vm, arg_or_none(a, i))
}

fn forward_binary(vm: &mut Vm, a: &[Value], op: BinOp) -> R {
    let (x, y) = (this(vm, a)?, other(vm, a, 1)?);
    vm.binary(op, &x, &y)
}

fn forward_reflected(vm: &mut Vm, a: &[Value], op: BinOp) -> R {
    let (y, x) = (this(vm, a)?, other(vm, a, 1)?);
    vm.binary(op, &x, &y)
}

fn forward_inplace(vm: &mut Vm, a: &[Value], op: BinOp) -> R {
    let (x, y) = (this(vm, a)?, other(vm, a, 1)?);
    vm.inplace(op, &x, &y)
}

fn forward_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let (x, y) = (this(vm, a)?, other(vm, a, 1)?);
    vm.rich_compare(&x, &y, op)
}

fn forward_unary(vm: &mut Vm, a: &[Value], op: UnOp) -> R {
    let x = this(vm, a)?;
    vm.unary(op, &x)
}

fn forward_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let f = this(vm, args.pos)?;
    let pos = args.pos.get(1..).unwrap_or_default();
    vm.call_kw(&f, &Args { pos, ..*args })
}

/// Calls a built-in function of one argument on the target.
fn through_builtin(vm: &mut Vm, a: &[Value], function: &str) -> R {
    let x = this(vm, a)?;
    let builtins = vm.builtins.clone();
    let name = vm.intern(function);
    match builtins.get_str(vm, &name) {
        Some(f) => vm.call(&f, &[x]),
        None => Err(vm.name_error_text(format!("name '{function}' is not defined"))),
    }
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, a)?;
    match vm.special(&x, Special::Next) {
        Some(f) => vm.call_special(&f, &x, &[]),
        None => {
            let class = vm.class_name(&x);
            Err(vm.type_error(format!("Weakref proxy referenced a non-iterator '{class}' object")))
        }
    }
}

fn power(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y, m) = (this(vm, a)?, other(vm, a, 1)?, other(vm, a, 2)?);
    vm.power_mod(&x, &y, &m)
}

const CALL_METHODS: &[NativeDef] =
    &[NativeDef::raw("__call__(self, *args, **kwargs)", "Call self as a function.", forward_call)];

macro_rules! forwards {
    ($($name:literal $f:ident $op:expr;)*) => {
        &[
            $(NativeDef::new(concat!($name, "(self, value, /)"), "", |vm, a| $f(vm, a, $op)),)*
            NativeDef::new("__pow__(self, value, mod=None, /)", "", power),
            NativeDef::new("__neg__(self, /)", "", |vm, a| forward_unary(vm, a, UnOp::Neg)),
            NativeDef::new("__pos__(self, /)", "", |vm, a| forward_unary(vm, a, UnOp::Pos)),
            NativeDef::new("__abs__(self, /)", "", |vm, a| forward_unary(vm, a, UnOp::Abs)),
            NativeDef::new("__invert__(self, /)", "", |vm, a| forward_unary(vm, a, UnOp::Invert)),
            NativeDef::new("__int__(self, /)", "", |vm, a| through_builtin(vm, a, "int")),
            NativeDef::new("__float__(self, /)", "", |vm, a| through_builtin(vm, a, "float")),
            NativeDef::new("__bytes__(self, /)", "", |vm, a| through_builtin(vm, a, "bytes")),
            NativeDef::new("__reversed__(self, /)", "", |vm, a| through_builtin(vm, a, "reversed")),
            NativeDef::new("__index__(self, /)", "", |vm, a| {
                let x = this(vm, a)?;
                vm.index(&x)
            }),
            NativeDef::new("__bool__(self, /)", "", |vm, a| {
                let x = this(vm, a)?;
                Ok(vm.truth(&x)?.into())
            }),
            NativeDef::new("__len__(self, /)", "", |vm, a| {
                let x = this(vm, a)?;
                Ok(Value::len(vm.len(&x)?))
            }),
            NativeDef::new("__contains__(self, key, /)", "", |vm, a| {
                let (x, key) = (this(vm, a)?, other(vm, a, 1)?);
                Ok(vm.contains(&x, &key)?.into())
            }),
            NativeDef::new("__getitem__(self, key, /)", "", |vm, a| {
                let (x, key) = (this(vm, a)?, other(vm, a, 1)?);
                vm.get_item(&x, &key)
            }),
            NativeDef::new("__setitem__(self, key, value, /)", "", |vm, a| {
                let (x, key, value) = (this(vm, a)?, other(vm, a, 1)?, other(vm, a, 2)?);
                vm.set_item(&x, key, value)?;
                Ok(Value::NONE)
            }),
            NativeDef::new("__delitem__(self, key, /)", "", |vm, a| {
                let (x, key) = (this(vm, a)?, other(vm, a, 1)?);
                vm.del_item(&x, &key)?;
                Ok(Value::NONE)
            }),
            NativeDef::new("__iter__(self, /)", "", |vm, a| {
                let x = this(vm, a)?;
                vm.iter(&x)
            }),
            NativeDef::new("__next__(self, /)", "", next),
            NativeDef::new("__str__(self, /)", "", |vm, a| {
                let x = this(vm, a)?;
                Ok(vm.str(&x)?.into())
            }),
            NativeDef::new("__repr__(self, /)", "", |vm, a| weak_repr(vm, a, "weakproxy")),
            NativeDef::new("__getattribute__(self, name, /)", "", |vm, a| {
                let x = this(vm, a)?;
                let name = vm.attr_name(arg_or_none(a, 1))?;
                vm.get_attr(&x, &name)
            }),
            NativeDef::new("__setattr__(self, name, value, /)", "", |vm, a| {
                let (x, value) = (this(vm, a)?, other(vm, a, 2)?);
                let name = vm.attr_name(arg_or_none(a, 1))?;
                vm.set_attr(&x, &name, value)?;
                Ok(Value::NONE)
            }),
            NativeDef::new("__delattr__(self, name, /)", "", |vm, a| {
                let x = this(vm, a)?;
                let name = vm.attr_name(arg_or_none(a, 1))?;
                vm.del_attr(&x, &name)?;
                Ok(Value::NONE)
            }),
        ]
    };
}

const PROXY_METHODS: &[NativeDef] = forwards! {
    "__lt__" forward_compare CmpOp::Lt;
    "__le__" forward_compare CmpOp::Le;
    "__eq__" forward_compare CmpOp::Eq;
    "__ne__" forward_compare CmpOp::Ne;
    "__gt__" forward_compare CmpOp::Gt;
    "__ge__" forward_compare CmpOp::Ge;
    "__add__" forward_binary BinOp::Add;
    "__sub__" forward_binary BinOp::Sub;
    "__mul__" forward_binary BinOp::Mul;
    "__matmul__" forward_binary BinOp::MatMul;
    "__truediv__" forward_binary BinOp::TrueDiv;
    "__floordiv__" forward_binary BinOp::FloorDiv;
    "__mod__" forward_binary BinOp::Mod;
    "__divmod__" forward_binary BinOp::DivMod;
    "__lshift__" forward_binary BinOp::LShift;
    "__rshift__" forward_binary BinOp::RShift;
    "__and__" forward_binary BinOp::And;
    "__or__" forward_binary BinOp::Or;
    "__xor__" forward_binary BinOp::Xor;
    "__radd__" forward_reflected BinOp::Add;
    "__rsub__" forward_reflected BinOp::Sub;
    "__rmul__" forward_reflected BinOp::Mul;
    "__rmatmul__" forward_reflected BinOp::MatMul;
    "__rtruediv__" forward_reflected BinOp::TrueDiv;
    "__rfloordiv__" forward_reflected BinOp::FloorDiv;
    "__rmod__" forward_reflected BinOp::Mod;
    "__rdivmod__" forward_reflected BinOp::DivMod;
    "__rpow__" forward_reflected BinOp::Pow;
    "__rlshift__" forward_reflected BinOp::LShift;
    "__rrshift__" forward_reflected BinOp::RShift;
    "__rand__" forward_reflected BinOp::And;
    "__ror__" forward_reflected BinOp::Or;
    "__rxor__" forward_reflected BinOp::Xor;
    "__iadd__" forward_inplace BinOp::Add;
    "__isub__" forward_inplace BinOp::Sub;
    "__imul__" forward_inplace BinOp::Mul;
    "__imatmul__" forward_inplace BinOp::MatMul;
    "__itruediv__" forward_inplace BinOp::TrueDiv;
    "__ifloordiv__" forward_inplace BinOp::FloorDiv;
    "__imod__" forward_inplace BinOp::Mod;
    "__ipow__" forward_inplace BinOp::Pow;
    "__ilshift__" forward_inplace BinOp::LShift;
    "__irshift__" forward_inplace BinOp::RShift;
    "__iand__" forward_inplace BinOp::And;
    "__ior__" forward_inplace BinOp::Or;
    "__ixor__" forward_inplace BinOp::Xor;
};
