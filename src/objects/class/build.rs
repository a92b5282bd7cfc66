//! `__build_class__`: what a `class` statement runs.

use super::create::most_derived_metaclass;
use crate::vm::class::Class;
use crate::vm::dict::Dict;
use crate::vm::function::{CellObject, Function};
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// The builtin, for the table of the `builtins` module.
pub const BUILD_CLASS: NativeDef = NativeDef::raw(
    "__build_class__(func, name, /, *bases, metaclass=None, **kwds)",
    "Internal helper function used by the class statement.",
    build_class,
);

/// `__build_class__(func, name, /, *bases, [metaclass], **kwds)`.
///
/// # Errors
/// What the body, `__prepare__`, the metaclass and `__mro_entries__` raise.
pub fn build_class(vm: &mut Vm, args: &Args<'_>) -> R {
    let [func, name, bases @ ..] = args.pos else {
        return Err(vm.type_error("__build_class__: not enough arguments"));
    };
    let Some(func) = func.cast::<Function>() else {
        return Err(vm.type_error("__build_class__: func must be a function"));
    };
    if !name.is_a::<Str>() {
        return Err(vm.type_error("__build_class__: name is not a string"));
    }
    let original = vm.tuple(bases.to_vec());
    let resolved = resolve_mro_entries(vm, &original)?;
    let bases = resolved.clone().unwrap_or_else(|| original.clone());
    let (mut kw_names, mut kw_values) = (args.kw_names.to_vec(), args.kw_values.to_vec());
    let given = kw_names.iter().position(|k| vm.str_of(k) == "metaclass");
    let mut meta = match given {
        Some(at) => {
            kw_names.remove(at);
            kw_values.remove(at)
        }
        None => match bases.get(vm).items().first() {
            Some(b) => vm.class_of(b).value().clone(),
            None => vm.types.type_.value().clone(),
        },
    };
    if let Some(m) = meta.cast::<Class>() {
        let items = bases.get(vm).items().to_vec();
        meta = most_derived_metaclass(vm, m, &items)?.into_value();
    }
    let header = [name.clone(), bases.value().clone()];
    let ns = prepare(vm, &meta, &Args { pos: &header, kw_values: &kw_values, kw_names: &kw_names })?;
    let cell = vm.run_in_namespace(func, ns.clone())?;
    if resolved.is_some() {
        let key = vm.intern("__orig_bases__").into_value();
        vm.set_item(&ns, key, original.into_value())?;
    }
    let [name, bases] = header;
    let pos = [name.clone(), bases, ns];
    let class = vm.call_kw(&meta, &Args { pos: &pos, kw_values: &kw_values, kw_names: &kw_names })?;
    check_cell(vm, &cell, &class, &name)?;
    Ok(class)
}

/// Calls `__prepare__` of the metaclass.
fn prepare(vm: &mut Vm, meta: &Value, args: &Args<'_>) -> R {
    if meta.is(vm.types.type_.value()) {
        return Ok(vm.new_dict().into());
    }
    let attr = vm.intern("__prepare__");
    let Some(f) = vm.get_attr_opt(meta, &attr)? else {
        return Ok(vm.new_dict().into());
    };
    let ns = vm.call_kw(&f, args)?;
    let getitem = vm.intern("__getitem__");
    if ns.is_a::<Dict>() || vm.lookup(&vm.class_of(&ns).clone(), &getitem).is_some() {
        return Ok(ns);
    }
    let meta_name = match meta.cast::<Class>() {
        Some(c) => c.get(vm).display_name(),
        None => "<metaclass>".to_owned(),
    };
    Err(vm.type_error(format!("{meta_name}.__prepare__() must return a mapping, not {}", vm.class_name(&ns))))
}

/// Replaces bases that are no classes by what their `__mro_entries__` gives; `None` when there are none.
///
/// # Errors
/// What `__mro_entries__` raises; TypeError when it gives no tuple.
pub fn resolve_mro_entries(vm: &mut Vm, bases: &Ref<Tuple>) -> R<Option<Ref<Tuple>>> {
    let items = bases.get(vm).items().to_vec();
    if items.iter().all(|b| b.is_a::<Class>()) {
        return Ok(None);
    }
    let attr = vm.intern("__mro_entries__");
    let mut out = Vec::with_capacity(items.len());
    let mut changed = false;
    for base in items {
        if base.is_a::<Class>() {
            out.push(base);
            continue;
        }
        let Some(f) = vm.get_attr_opt(&base, &attr)? else {
            out.push(base);
            continue;
        };
        let entries = vm.call(&f, &[bases.value().clone()])?;
        let Some(t) = entries.cast::<Tuple>() else {
            return Err(vm.type_error("__mro_entries__ must return a tuple"));
        };
        changed = true;
        out.extend_from_slice(t.get(vm).items());
    }
    Ok(if changed { Some(vm.tuple(out)) } else { None })
}

/// Checks that the metaclass passed `__classcell__` on.
fn check_cell(vm: &mut Vm, cell: &Value, class: &Value, name: &Value) -> R<()> {
    let (Some(c), true) = (cell.cast::<CellObject>(), class.is_a::<Class>()) else { return Ok(()) };
    let value = c.get(vm).value.clone();
    if value.is(class) {
        return Ok(());
    }
    let (shown, class) = (vm.repr_string(name)?, vm.repr_string(class)?);
    if value.is_undef() {
        return Err(vm.runtime_error(format!(
            "__class__ not set defining {shown} as {class}. Was __classcell__ propagated to type.__new__?"
        )));
    }
    let value = vm.repr_string(&value)?;
    Err(vm.type_error(format!("__class__ set to {value} defining {shown} as {class}")))
}
