//! `type` and `object`: how classes come into being, what their attributes are, and what every object can do.
//!
//! Method resolution and the look-up caches are in `vm::class`. Invariant: a class is complete (namespace filled,
//! MRO set) before any script code sees it.

pub mod annotations;
pub mod build;
pub mod create;
pub mod docs;
pub mod instantiate;
pub mod object;
pub mod proxy;
pub mod reduce;
pub mod slots;
pub mod type_attrs;
pub mod type_methods;

use crate::vm::class::Class;
use crate::vm::dict::Dict;
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// Adds the methods of `type`, `object` and `mappingproxy`.
///
/// # Errors
/// None in practice: only the making of a class can fail.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    proxy::init(vm)?;
    object::init(vm)?;
    type_methods::init(vm)?;
    type_attrs::init(vm)
}

/// The bases of a class.
pub fn bases_of(vm: &Vm, class: &Ref<Class>) -> Vec<Ref<Class>> {
    match class.get(vm).bases.cast::<Tuple>() {
        Some(t) => t.get(vm).items().iter().filter_map(|b| b.cast::<Class>().cloned()).collect(),
        None => Vec::new(),
    }
}

/// An attribute of exactly this class, by name.
pub fn own(vm: &mut Vm, class: &Ref<Class>, name: &str) -> Option<Value> {
    let name = vm.intern(name);
    vm.own_class_attr(class, &name)
}

/// A copy of the attributes of a class as a dict.
pub fn namespace_copy(vm: &mut Vm, class: &Ref<Class>) -> Ref<Dict> {
    let copy = vm.class_dict(class).copy();
    vm.alloc(copy)
}

/// The name of a class with its module, as reprs show it: `int`, `collections.OrderedDict`.
///
/// # Errors
/// None of its own.
pub fn qualified_name(vm: &mut Vm, class: &Ref<Class>) -> R<String> {
    let qualname = vm.str_of(class.get(vm).qualname.value());
    let module = type_attrs::module_of(vm, class);
    Ok(match module.cast::<Str>() {
        Some(m) => {
            let m = m.get(vm).to_string_lossy().into_owned();
            if m == "builtins" { qualname } else { format!("{m}.{qualname}") }
        }
        None => qualname,
    })
}

/// The globals of the script code that runs, if any.
pub fn caller_globals(vm: &Vm) -> Option<Ref<Dict>> {
    vm.current_globals()?.try_into_ref::<Dict>().ok()
}

/// Imports a module by its full name through the `__import__` builtin.
///
/// # Errors
/// What the import raises.
pub fn import_module(vm: &mut Vm, name: &str) -> R {
    let key = vm.intern(name);
    if let Some(m) = vm.modules.clone().get_str(vm, &key) {
        return Ok(m);
    }
    let import = vm.intern("__import__");
    let Some(f) = vm.builtins.clone().get_str(vm, &import) else {
        return Err(vm.import_error_text("__import__ not found"));
    };
    let top = vm.call(&f, &[key.value().clone()])?;
    Ok(vm.modules.clone().get_str(vm, &key).unwrap_or(top))
}
