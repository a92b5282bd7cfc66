//! `None`, `NotImplemented` and `...`.

use crate::vm::class::Class;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

const NONE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "The type of the None singleton.", |vm, args| {
        single(vm, args, "NoneType", Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.intern("None").into())),
    NativeDef::new("__bool__(self, /)", "True if self else False", |_, _| Ok(Value::FALSE)),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, _| Ok(vm.int(0xfca8_6420))),
];
const NOT_IMPLEMENTED: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "The type of the NotImplemented singleton.", |vm, args| {
        single(vm, args, "NotImplementedType", Value::NOT_IMPLEMENTED)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.intern("NotImplemented").into())),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, _| Ok(vm.intern("NotImplemented").into())),
    NativeDef::new("__bool__(self, /)", "True if self else False", |vm, _| {
        Err(vm.type_error("NotImplemented should not be used in a boolean context"))
    }),
];
const ELLIPSIS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "The type of the Ellipsis singleton.", |vm, args| {
        single(vm, args, "EllipsisType", Value::ELLIPSIS)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.intern("Ellipsis").into())),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, _| Ok(vm.intern("Ellipsis").into())),
];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let t = &vm.types;
    let classes: [(Ref<Class>, &'static [NativeDef]); 3] = [
        (t.none_type.clone(), NONE),
        (t.not_implemented_type.clone(), NOT_IMPLEMENTED),
        (t.ellipsis_type.clone(), ELLIPSIS),
    ];
    for (class, methods) in classes {
        vm.extend_class(&class, methods, &[]);
    }
    Ok(())
}

fn single(vm: &mut Vm, args: &Args<'_>, name: &str, value: Value) -> R {
    if args.pos.len() > 1 || !args.kw_names.is_empty() {
        return Err(vm.type_error(format!("{name} takes no arguments")));
    }
    Ok(value)
}
