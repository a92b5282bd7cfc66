//! Filling dicts: from other dicts, from mappings, from iterables of pairs.

use crate::objects::list::sequence_items;
use crate::vm::dict::Dict;
use crate::vm::native::Args;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

/// What `dict(…)`, `dict.update(…)` and their like do with their arguments; `args.pos[0]` is the dict.
///
/// # Errors
/// TypeError for too many arguments; what [`update`] raises.
pub fn update_call(vm: &mut Vm, args: &Args<'_>, name: &str) -> R<()> {
    let dict = vm.this::<Dict>(args.pos, name)?;
    match &args.pos[1..] {
        [] => {}
        [source] => update(vm, dict, source)?,
        more => return Err(vm.type_error(format!("{name} expected at most 1 argument, got {}", more.len()))),
    }
    super::add_keywords(vm, dict, args)
}

/// Takes over the items of a mapping or of an iterable of pairs.
///
/// # Errors
/// TypeError and ValueError when it is neither; what iteration, look-ups and comparisons raise.
pub fn update(vm: &mut Vm, dict: &Ref<Dict>, source: &Value) -> R<()> {
    if let Some(other) = source.cast::<Dict>()
        && iterates_plainly(vm, source)
    {
        return merge(vm, dict, other);
    }
    let keys = vm.names.keys.clone();
    match vm.get_attr_opt(source, &keys)? {
        Some(keys) => update_from_mapping(vm, dict, source, &keys),
        None => update_from_pairs(vm, dict, source),
    }
}

/// Whether the `__iter__` of a dict is still that of `dict`: then its items are taken without asking its methods.
pub fn iterates_plainly(vm: &Vm, v: &Value) -> bool {
    if vm.is_exact(v, &vm.types.dict) {
        return true;
    }
    let own = vm.class_special(&vm.types.dict, Special::Iter);
    vm.special(v, Special::Iter).is_some_and(|f| own.is_some_and(|o| o.is(&f)))
}

/// Takes over the items of another dict.
///
/// # Errors
/// What comparisons raise; RuntimeError when they changed the other dict.
pub fn merge(vm: &mut Vm, dict: &Ref<Dict>, other: &Ref<Dict>) -> R<()> {
    if dict.is(other) {
        return Ok(());
    }
    vm.tick(other.get(vm).len() / 8)?;
    if dict.get(vm).is_empty() {
        other.check_copy(vm)?;
        let copy = other.get(vm).copy();
        let old = dict.get_mut(vm).replace_items(copy);
        drop(old);
        return Ok(());
    }
    let changes = other.get(vm).changes();
    let mut at = 0;
    while let Some((next, hash, k, v)) = other.get(vm).next_hashed(at) {
        let (k, v) = (k.clone(), v.clone());
        at = next;
        dict.set_item_hashed(vm, hash, k, v)?;
        if other.get(vm).changes() != changes {
            return Err(vm.runtime_error("dict mutated during update"));
        }
    }
    Ok(())
}

fn update_from_mapping(vm: &mut Vm, dict: &Ref<Dict>, source: &Value, keys: &Value) -> R<()> {
    let keys = vm.call(keys, &[])?;
    let it = vm.iter(&keys)?;
    while let Some(k) = vm.next(&it)? {
        let v = vm.get_item(source, &k)?;
        dict.set_item(vm, k, v)?;
    }
    Ok(())
}

fn update_from_pairs(vm: &mut Vm, dict: &Ref<Dict>, source: &Value) -> R<()> {
    let it = vm.iter(source)?;
    let mut n = 0usize;
    while let Some(item) = vm.next(&it)? {
        let pair = match sequence_items(vm, &item) {
            Some(pair) => pair,
            None if !vm.is_iterable(&item) => {
                let e = vm.type_error("object is not iterable");
                let note = format!("Cannot convert dictionary update sequence element #{n} to a sequence");
                let (value, note) = (vm.exception_value(e), vm.new_str(&note).into_value());
                vm.call_method(&value, "add_note", &[note])?;
                return Err(vm.raise(value));
            }
            None => vm.collect(&item)?,
        };
        let len = pair.len();
        let Ok([k, v]) = <[Value; 2]>::try_from(pair) else {
            return Err(
                vm.value_error(format!("dictionary update sequence element #{n} has length {len}; 2 is required"))
            );
        };
        dict.set_item(vm, k, v)?;
        n += 1;
    }
    Ok(())
}
