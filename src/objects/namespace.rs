//! `types.SimpleNamespace`.

use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `SimpleNamespace`: everything is in the instance's attributes.
    pub struct SimpleNamespace {}
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, SimpleNamespace {}).into())
    }),
    NativeDef::raw("__init__(self, mapping_or_iterable=(), /, **kwargs)", "Initialize self.", init_namespace),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling", |vm, a| {
        let this = arg_or_none(a, 0);
        let d = dict(vm, this)?;
        let class = vm.class_of(this).value().clone();
        let empty = vm.empty_tuple();
        Ok(vm.tuple(vec![class, empty, d.into()]).into())
    }),
    NativeDef::raw(
        "__replace__(self, /, **changes)",
        "Return a copy of the namespace object with new values.",
        replace,
    ),
];

const ATTRS: &[GetSetDef] = &[crate::objects::class::slots::INSTANCE_DICT];

/// Makes the class.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class_with_dict::<SimpleNamespace>(
        "types",
        "SimpleNamespace",
        None,
        class_flag::BASE | class_flag::WEAKREF,
    )?;
    vm.extend_class(&class, METHODS, ATTRS);
    let name = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &name, Value::NONE);
    Ok(())
}

/// A namespace with these attributes.
pub fn new_namespace(vm: &mut Vm, items: Vec<(Ref<Str>, Value)>) -> Value {
    let n = vm.alloc(SimpleNamespace {}).into_value();
    if let Some(d) = vm.materialize_dict(&n) {
        for (k, v) in items {
            d.set_str(vm, &k, v);
        }
    }
    n
}

fn dict(vm: &mut Vm, v: &Value) -> R<Ref<Dict>> {
    match vm.materialize_dict(v) {
        Some(d) => Ok(d),
        None => Err(vm.attribute_error_text(format!("'{}' object has no attribute '__dict__'", vm.class_name(v)))),
    }
}

fn init_namespace(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((this, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("descriptor '__init__' needs an argument"));
    };
    let d = dict(vm, this)?;
    match rest {
        [] => {}
        [source] => {
            let class = vm.types.dict.value().clone();
            let given = vm.call(&class, std::slice::from_ref(source))?;
            let items: Vec<(Value, Value)> = match given.cast::<Dict>() {
                Some(g) => g.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
                None => Vec::new(),
            };
            if items.iter().any(|(k, _)| !k.is_a::<Str>()) {
                return Err(vm.type_error("keywords must be strings"));
            }
            for (k, v) in items {
                d.set_item(vm, k, v)?;
            }
        }
        _ => {
            let text = format!("{} expected at most 1 argument, got {}", vm.class_name(this), rest.len());
            return Err(vm.type_error(text));
        }
    }
    for (k, v) in args.keywords() {
        d.set_item(vm, k.clone(), v.clone())?;
    }
    Ok(Value::NONE)
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let this = arg_or_none(a, 0);
    let class = vm.class_of(this).clone();
    let exact = vm.class_for::<SimpleNamespace>().is_some_and(|c| c.is(&class));
    let name = if exact { "namespace".to_owned() } else { class.get(vm).display_name() };
    if !vm.enter_repr(this) {
        return Ok(vm.new_str(&format!("{name}(...)")).into());
    }
    let result = vm.guarded(|vm| {
        let mut out = format!("{name}(").into_bytes();
        let mut first = true;
        for (k, v) in vm.own_attrs(this) {
            if !k.is_a::<Str>() {
                continue;
            }
            if !first {
                out.extend_from_slice(b", ");
            }
            first = false;
            let shown = vm.repr(&v)?;
            out.extend_from_slice(vm.str_of(&k).as_bytes());
            out.push(b'=');
            out.extend_from_slice(shown.get(vm).as_bytes());
        }
        out.push(b')');
        Ok(vm.new_str_bytes(&out).into())
    });
    vm.leave_repr(this);
    result
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let (x, y) = (arg_or_none(a, 0), arg_or_none(a, 1));
    if !x.is_a::<SimpleNamespace>() || !y.is_a::<SimpleNamespace>() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (x, y) = (dict(vm, x)?, dict(vm, y)?);
    vm.rich_compare(x.value(), y.value(), op)
}

fn replace(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some(this) = args.pos.first() else { return Err(vm.type_error("__replace__() needs an argument")) };
    if args.pos.len() > 1 {
        return Err(vm.type_error("__replace__() takes no positional arguments"));
    }
    let class = vm.class_of(this).value().clone();
    let new = vm.call(&class, &[])?;
    let (from, to) = (dict(vm, this)?, dict(vm, &new)?);
    let items: Vec<(Value, Value)> = from.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (k, v) in items {
        to.set_item(vm, k, v)?;
    }
    for (k, v) in args.keywords() {
        to.set_item(vm, k.clone(), v.clone())?;
    }
    Ok(new)
}
