//! `builtins`: the names that every script has.
//!
//! The types are entered here and defined in `objects`; the functions are in the neighbouring files by what they are
//! about.

mod code;
mod io;
mod items;
mod numbers;
mod reflect;
mod site;

use crate::vm::function::Module;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// Fills `vm.builtins` and makes the module.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let dict = vm.builtins.clone();
    let module = vm.bare_module("builtins");
    let own = module.get(vm).dict.clone();
    let names: Vec<(Value, Value)> = own.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (k, v) in names {
        dict.set_item(vm, k, v)?;
    }
    // The module's namespace is the one that code finds its builtins in.
    let old = std::mem::replace(&mut module.get_mut(vm).dict, dict.clone());
    drop(old);
    for table in [code::FUNCTIONS, io::FUNCTIONS, items::FUNCTIONS, numbers::FUNCTIONS, reflect::FUNCTIONS, OTHERS] {
        add_functions(vm, &module, table);
    }
    let classes = native_classes(vm);
    for (name, class) in classes {
        vm.module_set(&module, name, class);
    }
    for (name, class) in vm.exception_types() {
        vm.module_set(&module, name, class.into_value());
    }
    let group = crate::objects::exceptions::group::exception_group_class(vm).into_value();
    vm.module_set(&module, "ExceptionGroup", group);
    let os_error = vm.exc.OSError.value().clone();
    for name in ["EnvironmentError", "IOError"] {
        vm.module_set(&module, name, os_error.clone());
    }
    for (name, value) in [
        ("None", Value::NONE),
        ("True", Value::TRUE),
        ("False", Value::FALSE),
        ("NotImplemented", Value::NOT_IMPLEMENTED),
        ("Ellipsis", Value::ELLIPSIS),
        ("__debug__", Value::TRUE),
    ] {
        vm.module_set(&module, name, value);
    }
    site::init(vm, &module)?;
    let name = vm.intern("builtins");
    vm.modules.clone().set_str(vm, &name, module.into_value());
    Ok(())
}

const OTHERS: &[NativeDef] = &[super::import::IMPORT, crate::objects::class::build::BUILD_CLASS];

fn add_functions(vm: &mut Vm, module: &Ref<Module>, table: &'static [NativeDef]) {
    for def in table {
        let f = vm.native_function("builtins", def);
        vm.module_set(module, def.name(), f);
    }
}

fn native_classes(vm: &mut Vm) -> Vec<(&'static str, Value)> {
    let t = &vm.types;
    let mut found: Vec<(&'static str, Value)> = [
        ("object", &t.object),
        ("type", &t.type_),
        ("str", &t.str_),
        ("int", &t.int),
        ("float", &t.float),
        ("bytes", &t.bytes),
        ("list", &t.list),
        ("tuple", &t.tuple),
        ("dict", &t.dict),
        ("set", &t.set),
        ("frozenset", &t.frozenset),
        ("range", &t.range),
        ("slice", &t.slice),
        ("property", &t.property),
        ("classmethod", &t.classmethod),
        ("staticmethod", &t.staticmethod),
        ("bool", &vm.bool_class),
    ]
    .into_iter()
    .map(|(n, c)| (n, c.value().clone()))
    .collect();
    let more = [
        ("super", vm.class_for::<crate::objects::super_object::SuperObject>()),
        ("complex", vm.class_for::<crate::objects::complex::Complex>()),
        ("bytearray", vm.class_for::<crate::objects::bytearray::ByteArray>()),
        ("memoryview", vm.class_for::<crate::objects::memoryview::MemoryView>()),
        ("enumerate", vm.class_for::<crate::vm::seq::Enumerate>()),
        ("zip", vm.class_for::<crate::vm::seq::Zip>()),
        ("map", vm.class_for::<crate::objects::iterators::Map>()),
        ("filter", vm.class_for::<crate::objects::iterators::Filter>()),
        ("reversed", vm.class_for::<crate::objects::iterators::Reversed>()),
    ];
    found.extend(more.into_iter().filter_map(|(n, c)| Some((n, c?.into_value()))));
    found
}
