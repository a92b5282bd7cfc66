//! `_abc`: registries and caches of abstract base classes, for the script part of `abc`.
//!
//! Every abstract base class carries its data in the attribute `_abc_impl`. Caches hold weak references under the
//! address of the class they are about; a dead reference counts as no entry, so an address used again does no harm.

use crate::heap_object;
use crate::objects::weakref;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::set::{FrozenSet, Set};
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;

heap_object! {
    /// What an abstract base class knows of its virtual subclasses.
    pub struct AbcData { registry: Vec<Value>, cache: WeakClasses, negative: WeakClasses, version: u64 }
    external = |this| (this.registry.capacity() + 2 * (this.cache.len() + this.negative.len())) * 8;
}

type WeakClasses = HashMap<usize, Value>;

/// Counts registrations: negative caches older than the last one are void.
#[derive(Default)]
struct Counter(u64);

/// The data of all abstract base classes.
#[derive(Default)]
struct Known(Vec<Ref<AbcData>>);

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "get_cache_token()",
        "Return the current ABC cache token: it changes with every call of register() on any ABC.",
        |vm, _| {
            let n = vm.state::<Counter>().0;
            Ok(vm.int_from(n))
        },
    ),
    NativeDef::new("_abc_init(self, /)", "Set up the data of an abstract base class.", |vm, a| {
        abc_init(vm, arg_or_none(a, 0))
    }),
    NativeDef::new("_abc_register(self, subclass, /)", "Register a virtual subclass.", |vm, a| {
        register(vm, arg_or_none(a, 0), arg_or_none(a, 1))
    }),
    NativeDef::new("_abc_instancecheck(self, instance, /)", "Work behind __instancecheck__.", |vm, a| {
        instance_check(vm, arg_or_none(a, 0), arg_or_none(a, 1))
    }),
    NativeDef::new("_abc_subclasscheck(self, subclass, /)", "Work behind __subclasscheck__.", |vm, a| {
        Ok(subclass_check(vm, arg_or_none(a, 0), arg_or_none(a, 1))?.into())
    }),
    NativeDef::new("_get_dump(self, /)", "Return the registry, both caches and the version.", |vm, a| {
        dump(vm, arg_or_none(a, 0))
    }),
    NativeDef::new("_reset_registry(self, /)", "Empty the registry.", |vm, a| {
        let data = data_of(vm, arg_or_none(a, 0))?;
        let old = std::mem::take(&mut data.get_mut(vm).registry);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("_reset_caches(self, /)", "Empty both caches.", |vm, a| {
        let data = data_of(vm, arg_or_none(a, 0))?;
        let mut data = data.get_mut(vm);
        let old = (std::mem::take(&mut data.cache), std::mem::take(&mut data.negative));
        drop(data);
        drop(old);
        Ok(Value::NONE)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_abc", FUNCTIONS);
    vm.at_collections(forget_dead_classes);
    if vm.class_for::<AbcData>().is_none() {
        vm.define_class::<AbcData>("_abc", "_abc_data", None, class_flag::NO_NEW)?;
    }
    Ok(module.into())
}

fn class_value(vm: &mut Vm, v: &Value, text: &str) -> R<Ref<Class>> {
    match v.cast::<Class>() {
        Some(c) => Ok(c.clone()),
        None => Err(vm.type_error(text)),
    }
}

fn data_of(vm: &mut Vm, class: &Value) -> R<Ref<AbcData>> {
    let data = vm.get_attr_str(class, "_abc_impl")?;
    match data.try_into_ref::<AbcData>() {
        Ok(d) => Ok(d),
        Err(_) => Err(vm.type_error("_abc_impl is set to a wrong type")),
    }
}

// ---- the caches ----

fn remembers(vm: &Vm, table: &WeakClasses, class: &Ref<Class>) -> bool {
    let found = table.get(&class.address()).and_then(|w| weakref::target_of(vm, w));
    found.is_some_and(|t| t.is(class.value()))
}

/// Enters a class in one of the caches; before the table grows, dead entries go.
fn remember(vm: &mut Vm, data: &Ref<AbcData>, class: &Ref<Class>, negative: bool) -> R<()> {
    let weak = weakref::reference_to(vm, class.value())?;
    let this = data.get(vm);
    let table = if negative { &this.negative } else { &this.cache };
    let dead: Vec<usize> = if table.len() == table.capacity() && table.len() >= 16 {
        table.iter().filter(|(_, w)| weakref::target_of(vm, w).is_none()).map(|(k, _)| *k).collect()
    } else {
        Vec::new()
    };
    let mut this = data.get_mut(vm);
    let table = if negative { &mut this.negative } else { &mut this.cache };
    let mut gone: Vec<Option<Value>> = dead.iter().map(|k| table.remove(k)).collect();
    gone.push(table.insert(class.address(), weak));
    drop(this);
    drop(gone);
    Ok(())
}

/// Takes dead classes out of all registries and caches.
fn forget_dead_classes(vm: &mut Vm) {
    let mut known = std::mem::take(&mut vm.state::<Known>().0);
    // Who is alone with it has outlived the class.
    known.retain(|data| data.header().ref_count() > 1);
    for data in &known {
        let this = data.get(vm);
        let all = this.registry.iter().chain(this.cache.values()).chain(this.negative.values());
        if all.into_iter().all(|w| weakref::target_of(vm, w).is_some()) {
            continue;
        }
        let alive = |w: &Value| weakref::target_of(vm, w).is_some();
        let (registry, dead) = this.registry.iter().cloned().partition(alive);
        let dead: Vec<Value> = dead;
        let living =
            |table: &WeakClasses| table.iter().filter(|(_, w)| alive(w)).map(|(k, w)| (*k, w.clone())).collect();
        let (cache, negative) = (living(&this.cache), living(&this.negative));
        let mut this = data.get_mut(vm);
        let old = (
            std::mem::replace(&mut this.registry, registry),
            std::mem::replace(&mut this.cache, cache),
            std::mem::replace(&mut this.negative, negative),
        );
        drop(this);
        drop((old, dead));
    }
    vm.state::<Known>().0 = known;
}

// ---- setting up ----

fn is_abstract(vm: &mut Vm, v: &Value) -> R<bool> {
    let name = vm.intern("__isabstractmethod__");
    match vm.get_attr_opt(v, &name)? {
        Some(mark) => vm.truth(&mark),
        None => Ok(false),
    }
}

fn abc_init(vm: &mut Vm, class: &Value) -> R {
    let class = class_value(vm, class, "_abc_init() argument must be a class")?;
    compute_abstract_methods(vm, &class)?;
    let version = vm.state::<Counter>().0;
    let data = vm.alloc(AbcData { registry: Vec::new(), cache: HashMap::new(), negative: HashMap::new(), version });
    vm.state::<Known>().0.push(data.clone());
    let name = vm.intern("_abc_impl");
    vm.type_set_attr(&class, &name, Some(data.into_value()))?;
    take_pattern_flags(vm, &class)
}

/// Works out `__abstractmethods__`.
fn compute_abstract_methods(vm: &mut Vm, class: &Ref<Class>) -> R<()> {
    let found = vm.alloc(FrozenSet::default());
    let own: Vec<(Value, Value)> = vm.class_dict(class).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value) in own {
        if is_abstract(vm, &value)? {
            found.add(vm, key)?;
        }
    }
    let bases = class.get(vm).bases.clone();
    let attr = vm.intern("__abstractmethods__");
    for base in vm.tuple_clone(&bases).unwrap_or_default() {
        let Some(inherited) = vm.get_attr_opt(&base, &attr)? else { continue };
        for key in vm.collect(&inherited)? {
            let name = vm.attr_name(&key)?;
            if let Some(value) = vm.get_attr_opt(class.value(), &name)?
                && is_abstract(vm, &value)?
            {
                found.add(vm, key)?;
            }
        }
    }
    vm.type_set_attr(class, &attr, Some(found.into_value()))
}

/// `__abc_tpflags__` says whether sequence and mapping patterns match instances; it is taken away once read.
fn take_pattern_flags(vm: &mut Vm, class: &Ref<Class>) -> R {
    const SEQUENCE_BIT: i64 = 1 << 5;
    const MAPPING_BIT: i64 = 1 << 6;
    let name = vm.intern("__abc_tpflags__");
    let Some(flags) = vm.own_class_attr(class, &name) else { return Ok(Value::NONE) };
    let Some(bits) = vm.as_i64(&flags) else { return Ok(Value::NONE) };
    if bits & SEQUENCE_BIT != 0 && bits & MAPPING_BIT != 0 {
        return Err(vm.type_error("__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING"));
    }
    let new = if bits & SEQUENCE_BIT != 0 {
        class_flag::SEQUENCE
    } else if bits & MAPPING_BIT != 0 {
        class_flag::MAPPING
    } else {
        0
    };
    class.get_mut(vm).flags |= new;
    vm.type_set_attr(class, &name, None)?;
    Ok(Value::NONE)
}

// ---- registering ----

fn register(vm: &mut Vm, class: &Value, subclass: &Value) -> R {
    let sub = class_value(vm, subclass, "Can only register classes")?;
    if vm.is_subclass_of(subclass, class)? {
        return Ok(subclass.clone());
    }
    if vm.is_subclass_of(class, subclass)? {
        return Err(vm.runtime_error("Refusing to create an inheritance cycle"));
    }
    let data = data_of(vm, class)?;
    let weak = weakref::reference_to(vm, subclass)?;
    data.get_mut(vm).registry.push(weak);
    let counter = vm.state::<Counter>();
    counter.0 = counter.0.wrapping_add(1);
    const KINDS: u32 = class_flag::SEQUENCE | class_flag::MAPPING;
    let flags = class.cast::<Class>().map_or(0, |c| c.get(vm).flags & KINDS);
    if flags != 0 {
        give_flags(vm, &sub, flags);
    }
    Ok(subclass.clone())
}

/// Gives a class and all its subclasses the flags, in place of others of their kind.
fn give_flags(vm: &mut Vm, class: &Ref<Class>, flags: u32) {
    let mut work = vec![class.clone()];
    while let Some(c) = work.pop() {
        let old = c.get(vm).flags;
        // Built-in classes keep what they are.
        if !c.get(vm).is_heap() || old & flags == flags {
            continue;
        }
        c.get_mut(vm).flags = (old & !(class_flag::SEQUENCE | class_flag::MAPPING)) | flags;
        work.extend(vm.subclasses(&c).iter().filter_map(|s| s.cast::<Class>().cloned()));
    }
}

// ---- checking ----

fn instance_check(vm: &mut Vm, class: &Value, instance: &Value) -> R {
    let data = data_of(vm, class)?;
    let name = vm.names.__class__.clone();
    let shown = vm.get_attr(instance, &name)?;
    let shown_class = shown.cast::<Class>().cloned();
    if let Some(c) = &shown_class
        && remembers(vm, &data.get(vm).cache, c)
    {
        return Ok(Value::TRUE);
    }
    let real = vm.class_of(instance).clone();
    if real.value().is(&shown) {
        let counter = vm.state::<Counter>().0;
        let this = data.get(vm);
        if this.version == counter && remembers(vm, &this.negative, &real) {
            return Ok(Value::FALSE);
        }
        return vm.call_method(class, "__subclasscheck__", &[shown]);
    }
    let answer = vm.call_method(class, "__subclasscheck__", &[shown])?;
    if vm.truth(&answer)? {
        return Ok(answer);
    }
    vm.call_method(class, "__subclasscheck__", &[real.into_value()])
}

fn subclass_check(vm: &mut Vm, class: &Value, subclass: &Value) -> R<bool> {
    let sub = class_value(vm, subclass, "issubclass() arg 1 must be a class")?;
    let data = data_of(vm, class)?;
    if remembers(vm, &data.get(vm).cache, &sub) {
        return Ok(true);
    }
    let counter = vm.state::<Counter>().0;
    if data.get(vm).version < counter {
        let mut this = data.get_mut(vm);
        this.version = counter;
        let old = std::mem::take(&mut this.negative);
        drop(this);
        drop(old);
    } else if remembers(vm, &data.get(vm).negative, &sub) {
        return Ok(false);
    }
    let hook = vm.call_method(class, "__subclasshook__", std::slice::from_ref(subclass))?;
    if hook.is_true() {
        remember(vm, &data, &sub, false)?;
        return Ok(true);
    }
    if hook.is_false() {
        remember(vm, &data, &sub, true)?;
        return Ok(false);
    }
    if !hook.is_not_implemented() {
        return Err(vm.assertion_error("__subclasshook__ must return either False, True, or NotImplemented"));
    }
    let answer = vm.guarded(|vm| derived_or_registered(vm, class, &sub, &data))?;
    remember(vm, &data, &sub, !answer)?;
    Ok(answer)
}

fn derived_or_registered(vm: &mut Vm, class: &Value, sub: &Ref<Class>, data: &Ref<AbcData>) -> R<bool> {
    if sub.get(vm).mro.iter().any(|c| c.is(class)) {
        return Ok(true);
    }
    for weak in data.get(vm).registry.clone() {
        let Some(registered) = weakref::target_of(vm, &weak) else { continue };
        vm.tick(1)?;
        if vm.is_subclass_of(sub.value(), &registered)? {
            return Ok(true);
        }
    }
    let subclasses = vm.call_method(class, "__subclasses__", &[])?;
    let Some(list) = subclasses.cast::<crate::vm::seq::List>() else {
        return Err(vm.type_error("__subclasses__() must return a list"));
    };
    for derived in list.get(vm).items.clone() {
        vm.tick(1)?;
        if vm.is_subclass_of(sub.value(), &derived)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn dump(vm: &mut Vm, class: &Value) -> R {
    let data = data_of(vm, class)?;
    let this = data.get(vm);
    let parts: [Vec<Value>; 3] =
        [this.registry.clone(), this.cache.values().cloned().collect(), this.negative.values().cloned().collect()];
    let version = vm.int_from(this.version);
    let mut items = Vec::with_capacity(4);
    for part in parts {
        let set = vm.alloc(Set::default());
        for weak in part.into_iter().filter(|w| weakref::target_of(vm, w).is_some()).collect::<Vec<_>>() {
            set.add(vm, weak)?;
        }
        items.push(set.into_value());
    }
    items.push(version);
    Ok(vm.tuple(items).into())
}
