//! `type.__new__`: a class from its name, bases and namespace.

use super::slots::{self, SlotPlan};
use super::{bases_of, caller_globals, proxy};
use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::dict::Dict;
use crate::vm::exception::{Exception, Raised};
use crate::vm::function::{CellObject, ClassMethod, Function, StaticMethod};
use crate::vm::native::Args;
use crate::vm::object::{Object, Ref};
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// The most derived of the metaclasses of `meta` and the bases.
///
/// # Errors
/// TypeError when none derives from all others.
pub fn most_derived_metaclass(vm: &mut Vm, meta: &Ref<Class>, bases: &[Value]) -> R<Ref<Class>> {
    let mut winner = meta.clone();
    for base in bases {
        let other = vm.class_of(base).clone();
        if winner.is_subclass(vm, &other) {
            continue;
        }
        if other.is_subclass(vm, &winner) {
            winner = other;
            continue;
        }
        return Err(vm.type_error(
            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses \
             of all its bases",
        ));
    }
    Ok(winner)
}

fn argument<'a, T: Object>(vm: &mut Vm, pos: &'a [Value], at: usize, wanted: &str) -> R<&'a Ref<T>> {
    let Some(v) = pos.get(at) else { return Err(vm.type_error("type.__new__() takes exactly 3 arguments")) };
    match v.cast::<T>() {
        Some(r) => Ok(r),
        None => {
            Err(vm.type_error(format!("type.__new__() argument {} must be {wanted}, not {}", at + 1, vm.class_name(v))))
        }
    }
}

/// `type.__new__(metaclass, name, bases, namespace, **keywords)`.
///
/// # Errors
/// The many TypeErrors of impossible classes, and what `__set_name__`, `__init_subclass__` and `mro` raise.
pub fn type_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((meta, pos)) = args.pos.split_first() else {
        return Err(vm.type_error("type.__new__(): not enough arguments"));
    };
    let meta = vm.class_arg(meta)?;
    if !meta.get(vm).has(class_flag::METACLASS) {
        let shown = meta.get(vm).display_name();
        return Err(vm.type_error(format!("type.__new__({shown}): {shown} is not a subtype of type")));
    }
    if pos.len() != 3 {
        return Err(vm.type_error(format!("type.__new__() takes exactly 3 arguments ({} given)", pos.len())));
    }
    let name = argument::<Str>(vm, pos, 0, "str")?;
    let bases_tuple = argument::<Tuple>(vm, pos, 1, "tuple")?;
    let namespace = argument::<Dict>(vm, pos, 2, "dict")?;
    let items = bases_tuple.get(vm).items().to_vec();
    for b in items.iter().filter(|b| !b.is_a::<Class>()) {
        let attr = vm.intern("__mro_entries__");
        if vm.get_attr_opt(b, &attr)?.is_some() {
            return Err(vm.type_error("type() doesn't support MRO entry resolution; use types.new_class()"));
        }
    }
    let winner = most_derived_metaclass(vm, &meta, &items)?;
    if !winner.is(&meta) {
        let type_ = vm.types.type_.clone();
        let own = vm.class_special(&type_, Special::New).unwrap_or(Value::UNDEF);
        if let Some(new) = vm.class_special(&winner, Special::New)
            && !new.is(&own)
        {
            return vm.call_new(&winner, &new, &Args { pos, ..*args });
        }
    }
    let bases = check_bases(vm, &items)?;
    let copy = namespace.get(vm).copy();
    let ns = vm.alloc(copy);
    let class = make(vm, &winner, name, bases, &ns)?;
    warn_of_strange_keys(vm, &class, &ns)?;
    set_names(vm, &class, &ns)?;
    init_subclass(vm, &class, args)?;
    Ok(class.into())
}

fn check_bases(vm: &mut Vm, items: &[Value]) -> R<Vec<Ref<Class>>> {
    let mut bases = Vec::with_capacity(items.len());
    for b in items {
        let Some(c) = b.cast::<Class>() else {
            return Err(vm.type_error("bases must be types"));
        };
        if !c.get(vm).has(class_flag::BASE) {
            return Err(vm.type_error(format!("type '{}' is not an acceptable base type", vm.type_name(c))));
        }
        bases.push(c.clone());
    }
    if bases.is_empty() {
        bases.push(vm.types.object.clone());
    }
    Ok(bases)
}

/// Makes the class and fills it.
fn make(vm: &mut Vm, meta: &Ref<Class>, name: &Ref<Str>, bases: Vec<Ref<Class>>, ns: &Ref<Dict>) -> R<Ref<Class>> {
    let text = name.get(vm).to_string_lossy().into_owned();
    if text.contains('\0') {
        return Err(vm.value_error("type name must not contain null characters"));
    }
    let Some(base) = vm.best_base(&bases)? else { return Err(vm.type_error("bases must be types")) };
    let plan = slots::plan(vm, &text, ns, &base, &bases)?;
    let qualname = take_qualname(vm, ns)?;
    let (class_cell, dict_cell) = take_cells(vm, ns)?;
    complete_namespace(vm, ns);
    let mut flags = class_flag::HEAP | class_flag::BASE;
    // The library's own sign, which no script can write as a name.
    let sign = vm.names.angle_static.clone();
    if ns.del_str(vm, &sign).is_some() {
        flags |= class_flag::STATIC;
    }
    if plan.weakref {
        flags |= class_flag::WEAKREF;
    }
    let spec =
        ClassSpec { name: &text, bases, meta: Some(meta.clone()), flags, slots: plan.names.len(), dict: plan.dict };
    let class = vm.new_class(spec, None)?;
    let qualname = qualname.unwrap_or_else(|| name.clone());
    let mut c = class.get_mut(vm);
    (c.name, c.qualname) = (name.clone(), qualname);
    drop(c);
    add_descriptors(vm, &class, &plan, ns);
    let filled = ns.get(vm).copy();
    vm.fill_class(&class, filled);
    if let Some(cell) = class_cell {
        let old = std::mem::replace(&mut cell.get_mut(vm).value, class.value().clone());
        drop(old);
    }
    if let Some(cell) = dict_cell {
        let view = proxy::of_class(vm, &class);
        let old = std::mem::replace(&mut cell.get_mut(vm).value, view);
        drop(old);
    }
    custom_mro(vm, meta, &class)?;
    Ok(class)
}

fn warn_of_strange_keys(vm: &mut Vm, class: &Ref<Class>, ns: &Ref<Dict>) -> R<()> {
    if ns.get(vm).iter().all(|(k, _)| k.is_a::<Str>()) {
        return Ok(());
    }
    let text = format!("non-string key in the __dict__ of class {}", class.get(vm).display_name());
    let category = vm.exc.RuntimeWarning.clone();
    vm.warn(&category, &text, 1)
}

fn take_qualname(vm: &mut Vm, ns: &Ref<Dict>) -> R<Option<Ref<Str>>> {
    let key = vm.intern("__qualname__");
    let Some(v) = ns.del_str(vm, &key) else { return Ok(None) };
    match v.cast::<Str>() {
        Some(s) => Ok(Some(s.clone())),
        None => Err(vm.type_error(format!("type __qualname__ must be a str, not {}", vm.class_name(&v)))),
    }
}

type Cells = (Option<Ref<CellObject>>, Option<Ref<CellObject>>);

fn take_cells(vm: &mut Vm, ns: &Ref<Dict>) -> R<Cells> {
    let key = vm.intern("__classcell__");
    let class_cell = match ns.del_str(vm, &key) {
        None => None,
        Some(v) => match v.try_into_ref::<CellObject>() {
            Ok(c) => Some(c),
            Err(v) => {
                let class = vm.class_of(&v).value().clone();
                let shown = vm.repr_string(&class)?;
                return Err(vm.type_error(format!("type.__new__: __classcell__ must be a nonlocal cell, not {shown}")));
            }
        },
    };
    let key = vm.intern("__classdictcell__");
    let dict_cell = match ns.del_str(vm, &key) {
        None => None,
        Some(v) => match v.try_into_ref::<CellObject>() {
            Ok(c) => Some(c),
            Err(_) => return Err(vm.type_error("type.__new__: __classdictcell__ must be a nonlocal cell")),
        },
    };
    Ok((class_cell, dict_cell))
}

/// Adds what every class has, and wraps the methods that are static or class methods by name.
fn complete_namespace(vm: &mut Vm, ns: &Ref<Dict>) {
    let module = vm.intern("__module__");
    if ns.get_str(vm, &module).is_none()
        && let Some(globals) = caller_globals(vm)
    {
        let name = vm.intern("__name__");
        if let Some(v) = globals.get_str(vm, &name) {
            ns.set_str(vm, &module, v);
        }
    }
    let new = vm.intern("__new__");
    if let Some(f) = ns.get_str(vm, &new)
        && f.is_a::<Function>()
    {
        let wrapped = vm.alloc(StaticMethod { func: f }).into_value();
        ns.set_str(vm, &new, wrapped);
    }
    for name in ["__init_subclass__", "__class_getitem__"] {
        let name = vm.intern(name);
        if let Some(f) = ns.get_str(vm, &name)
            && f.is_a::<Function>()
        {
            let wrapped = vm.alloc(ClassMethod { func: f }).into_value();
            ns.set_str(vm, &name, wrapped);
        }
    }
    let (eq, hash) = (vm.intern("__eq__"), vm.intern("__hash__"));
    if ns.get_str(vm, &eq).is_some() && ns.get_str(vm, &hash).is_none() {
        ns.set_str(vm, &hash, Value::NONE);
    }
}

fn add_descriptors(vm: &mut Vm, class: &Ref<Class>, plan: &SlotPlan, ns: &Ref<Dict>) {
    for (name, descriptor) in slots::descriptors(vm, class, plan) {
        // A class may define its own `__dict__`.
        if ns.get_str(vm, &name).is_none() {
            ns.set_str(vm, &name, descriptor);
        }
    }
    // `__doc__` may be one of the slots.
    let doc = vm.intern("__doc__");
    if ns.get_str(vm, &doc).is_none() {
        ns.set_str(vm, &doc, Value::NONE);
    }
}

/// Asks a metaclass that overrides `mro` for the order.
fn custom_mro(vm: &mut Vm, meta: &Ref<Class>, class: &Ref<Class>) -> R<()> {
    if meta.is(&vm.types.type_) {
        return Ok(());
    }
    let attr = vm.intern("mro");
    let type_ = vm.types.type_.clone();
    let (Some(f), Some(own)) = (vm.lookup(meta, &attr), vm.own_class_attr(&type_, &attr)) else { return Ok(()) };
    if f.is(&own) {
        return Ok(());
    }
    let result = vm.call_special(&f, class.value(), &[])?;
    let order = vm.collect(&result)?;
    if order.is_empty() {
        return Err(vm.type_error("type MRO must not be empty"));
    }
    for entry in &order {
        let Some(c) = entry.cast::<Class>() else {
            return Err(vm.type_error(format!("mro() returned a non-class ('{}')", vm.class_name(entry))));
        };
        let foreign = c.get(vm).payload_kind() != crate::vm::object::Kind::Instance
            && !class.get(vm).mro.iter().any(|m| m.is(entry))
            && c.get(vm).payload_kind() != class.get(vm).payload_kind();
        if foreign {
            return Err(
                vm.type_error(format!("mro() returned base with unsuitable layout ('{}')", c.get(vm).display_name()))
            );
        }
    }
    vm.set_mro(class, order);
    Ok(())
}

/// Tells the attributes of a new class their names.
fn set_names(vm: &mut Vm, class: &Ref<Class>, ns: &Ref<Dict>) -> R<()> {
    let items: Vec<(Value, Value)> = ns.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (name, value) in items {
        let Some(f) = vm.special(&value, Special::SetName) else { continue };
        if let Err(raised) = vm.call_special(&f, &value, &[class.value().clone(), name.clone()]) {
            return Err(note_set_name(vm, raised, class, &name, &value));
        }
    }
    Ok(())
}

#[cold]
fn note_set_name(vm: &mut Vm, raised: Raised, class: &Ref<Class>, name: &Value, value: &Value) -> Raised {
    if raised.is_halt() {
        return raised;
    }
    let shown = match vm.repr_string(name) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let text = format!(
        "Error calling __set_name__ on '{}' instance {shown} in '{}'",
        vm.class_name(value),
        class.get(vm).display_name()
    );
    let e = vm.exception_value(raised);
    if e.is_a::<Exception>() {
        let note = vm.new_str(&text).into_value();
        if let Err(other) = vm.call_method(&e, "add_note", &[note]) {
            return other;
        }
    }
    vm.raise(e)
}

/// Calls `super(cls, cls).__init_subclass__(**keywords)`.
fn init_subclass(vm: &mut Vm, class: &Ref<Class>, args: &Args<'_>) -> R<()> {
    let keywords = Args { pos: &[], ..*args };
    let attr = vm.intern("__init_subclass__");
    let found = class.get(vm).mro.iter().skip(1).filter_map(|c| c.cast::<Class>().cloned()).collect::<Vec<_>>();
    for c in found {
        let Some(raw) = vm.own_class_attr(&c, &attr) else { continue };
        if c.is(&vm.types.object) && keywords.kw_names.is_empty() {
            return Ok(());
        }
        let f = vm.bind(&raw, &Value::UNDEF, class)?;
        vm.call_kw(&f, &keywords)?;
        return Ok(());
    }
    Ok(())
}

/// Whether `class` is, by its bases alone, a subclass of `other` (what a change of `__bases__` must look at).
pub fn derives_from(vm: &Vm, class: &Ref<Class>, other: &Ref<Class>) -> bool {
    let mut work = vec![class.clone()];
    let mut seen: Vec<usize> = Vec::new();
    while let Some(c) = work.pop() {
        if c.is(other) {
            return true;
        }
        if !seen.contains(&c.address()) {
            seen.push(c.address());
            work.extend(bases_of(vm, &c));
        }
    }
    false
}
