//! `__slots__`: which attributes a new class gets places for.

use super::bases_of;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::function::{AttrCode, GetSet, Module};
use crate::vm::layout::MAX_SLOTS;
use crate::vm::native::GetSetDef;
use crate::vm::object::{Kind, Ref};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// What `__slots__` of a new class asks for.
pub struct SlotPlan {
    /// The attributes with a place, sorted, mangled.
    pub names: Vec<Ref<Str>>,
    /// This class adds a `__dict__`.
    pub dict: bool,
    /// This class adds weak references.
    pub weakref: bool,
}

/// `__dict__` of instances.
pub const INSTANCE_DICT: GetSetDef =
    GetSetDef::with_set("__dict__", "dictionary for instance variables", get_dict, set_dict);
/// `__weakref__` of instances.
pub const INSTANCE_WEAKREF: GetSetDef =
    GetSetDef::new("__weakref__", "list of weak references to the object", |vm, this| Ok(vm.first_weakref(this)));

static DICT: GetSetDef = INSTANCE_DICT;
static WEAKREF: GetSetDef = INSTANCE_WEAKREF;

fn get_dict(vm: &mut Vm, this: &Value) -> R {
    if let Some(class) = this.cast::<Class>() {
        return Ok(super::proxy::of_class(vm, class));
    }
    if let Some(m) = this.cast::<Module>() {
        return Ok(m.get(vm).dict.clone().into());
    }
    match vm.materialize_dict(this) {
        Some(d) => Ok(d.into()),
        None => Err(vm.attribute_error_text("This object has no __dict__")),
    }
}

fn set_dict(vm: &mut Vm, this: &Value, value: Option<Value>) -> R<()> {
    if this.is_a::<Class>() {
        return Err(vm.attribute_error_text("attribute '__dict__' of 'type' objects is not writable"));
    }
    if this.is_a::<Module>() {
        return Err(vm.attribute_error_text("readonly attribute"));
    }
    if !vm.has_instance_dict(this) {
        return Err(vm.attribute_error_text("This object has no __dict__"));
    }
    let Some(value) = value else {
        let empty = vm.new_dict();
        vm.replace_dict(this, &empty);
        return Ok(());
    };
    match value.cast::<Dict>() {
        Some(d) => {
            vm.replace_dict(this, d);
            Ok(())
        }
        None => Err(vm.type_error(format!("__dict__ must be set to a dictionary, not a '{}'", vm.class_name(&value)))),
    }
}

/// Reads `__slots__` of a namespace.
///
/// # Errors
/// TypeError for names that are none, `__dict__` or `__weakref__` that exist already, and slots that the base
/// cannot have; ValueError for a conflict with a class attribute.
pub fn plan(vm: &mut Vm, class_name: &str, ns: &Ref<Dict>, base: &Ref<Class>, bases: &[Ref<Class>]) -> R<SlotPlan> {
    let may_dict =
        !base.get(vm).instances_have_dict() && !matches!(base.get(vm).payload_kind(), Kind::Type | Kind::Module);
    let may_weakref = !base.get(vm).has(class_flag::WEAKREF);
    let key = vm.intern("__slots__");
    let Some(slots) = ns.get_str(vm, &key) else {
        return Ok(SlotPlan { names: Vec::new(), dict: may_dict, weakref: may_weakref });
    };
    let listed = if slots.is_a::<Str>() { vec![slots] } else { vm.collect(&slots)? };
    if !listed.is_empty() && matches!(base.get(vm).payload_kind(), Kind::Int | Kind::Tuple | Kind::Bytes | Kind::Type) {
        return Err(
            vm.type_error(format!("nonempty __slots__ not supported for subtype of '{}'", base.get(vm).display_name()))
        );
    }
    let mut out = SlotPlan { names: Vec::new(), dict: false, weakref: false };
    let mut texts: Vec<String> = Vec::new();
    for slot in &listed {
        let Some(text) = slot.cast::<Str>() else {
            return Err(vm.type_error(format!("__slots__ items must be strings, not '{}'", vm.class_name(slot))));
        };
        let text = text.get(vm).to_string_lossy().into_owned();
        if !is_identifier(&text) {
            return Err(vm.type_error("__slots__ must be identifiers"));
        }
        match text.as_str() {
            "__dict__" if may_dict && !out.dict => out.dict = true,
            "__dict__" => return Err(vm.type_error("__dict__ slot disallowed: we already got one")),
            "__weakref__" if may_weakref && !out.weakref => out.weakref = true,
            "__weakref__" => return Err(vm.type_error("__weakref__ slot disallowed: we already got one")),
            _ => {
                let text = mangle(class_name, &text);
                let name = vm.intern(&text);
                let special = matches!(text.as_str(), "__qualname__" | "__classcell__" | "__classdictcell__");
                if !special && ns.get_str(vm, &name).is_some() {
                    let shown = vm.repr_string(slot)?;
                    return Err(vm.value_error(format!("{shown} in __slots__ conflicts with class variable")));
                }
                texts.push(text);
            }
        }
    }
    texts.sort();
    out.names = texts.iter().map(|t| vm.intern(t)).collect();
    if out.names.len() + base.get(vm).fixed_slots() > MAX_SLOTS {
        return Err(vm.type_error(format!("__slots__ has too many names (limit is {MAX_SLOTS})")));
    }
    // Other bases than the one that gives the payload may have brought a dict or weak references.
    for b in bases.iter().filter(|b| !b.is(base)) {
        out.dict |= may_dict && b.get(vm).instances_have_dict();
        out.weakref |= may_weakref && b.get(vm).has(class_flag::WEAKREF);
    }
    Ok(out)
}

/// `__x` in class `C` is `_C__x`.
pub fn mangle(class: &str, name: &str) -> String {
    let class = class.trim_start_matches('_');
    if name.starts_with("__") && !name.ends_with("__") && !class.is_empty() {
        format!("_{class}{name}")
    } else {
        name.to_owned()
    }
}

fn is_identifier(text: &str) -> bool {
    crate::text::unicode::text_is_identifier(text.as_bytes())
}

/// The descriptors that a plan puts into the namespace of its class.
pub fn descriptors(vm: &mut Vm, class: &Ref<Class>, plan: &SlotPlan) -> Vec<(Ref<Str>, Value)> {
    let first = class.get(vm).fixed_slots().saturating_sub(plan.names.len());
    let mut out = Vec::new();
    let member = vm.types.member_descriptor.clone();
    for (i, name) in plan.names.iter().enumerate() {
        let slot = u16::try_from(first + i).unwrap_or(u16::MAX);
        let d = GetSet { owner: class.clone(), name: name.clone(), code: AttrCode::Slot(slot) };
        out.push((name.clone(), vm.alloc_as(&member, d).into_value()));
    }
    let inherited_dict = bases_of(vm, class).iter().any(|b| b.get(vm).instances_have_dict());
    if plan.dict && !inherited_dict {
        out.push(native_attr(vm, class, &DICT));
    }
    let inherited_weakref = bases_of(vm, class).iter().any(|b| b.get(vm).has(class_flag::WEAKREF));
    if plan.weakref && !inherited_weakref {
        out.push(native_attr(vm, class, &WEAKREF));
    }
    out
}

fn native_attr(vm: &mut Vm, class: &Ref<Class>, def: &'static GetSetDef) -> (Ref<Str>, Value) {
    let name = vm.intern(def.name);
    let d = GetSet { owner: class.clone(), name: name.clone(), code: AttrCode::GetSet(def) };
    (name, vm.alloc(d).into_value())
}
