//! `_thread._local`: attributes that each thread has for itself.
//!
//! A local object holds one dict for each thread; a thread that ends takes its dicts out of the locals it has used.

use crate::heap_object;
use crate::vm::dict::Dict;
use crate::vm::gc::weak::WeakRef;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;

heap_object! {
    /// The payload of `_thread._local`.
    pub struct Local {
        args: Vec<Value>,
        kw_values: Vec<Value>,
        kw_names: Vec<Value>,
        /// The threads' dicts, in the order of `threads`.
        dicts: Vec<Ref<Dict>>,
    }
    skip { threads: Vec<u64> }
}

/// The locals that each thread has used.
#[derive(Default)]
struct Used(HashMap<u64, Vec<Value>>);

/// The methods of `_thread._local`.
pub const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", get),
    NativeDef::new("__setattr__(self, name, value, /)", "Implement setattr(self, name, value).", |vm, a| {
        let name = vm.attr_name(&a[1])?;
        change(vm, a, &name, Some(a[2].clone()), "__setattr__")
    }),
    NativeDef::new("__delattr__(self, name, /)", "Implement delattr(self, name).", |vm, a| {
        let name = vm.attr_name(&a[1])?;
        change(vm, a, &name, None, "__delattr__")
    }),
];

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((cls, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("_local.__new__() needs an argument"));
    };
    let cls = vm.class_arg(cls)?;
    if !rest.is_empty() || !args.kw_names.is_empty() {
        let name = vm.names.__init__.clone();
        let (own, plain) = (vm.lookup(&cls, &name), vm.lookup(&vm.types.object.clone(), &name));
        if own.zip(plain).is_none_or(|(a, b)| a.is(&b)) {
            return Err(vm.type_error("Initialization arguments are not supported"));
        }
    }
    let local = Local {
        args: rest.to_vec(),
        kw_values: args.kw_values.to_vec(),
        kw_names: args.kw_names.to_vec(),
        dicts: Vec::new(),
        threads: Vec::new(),
    };
    let local = vm.alloc_as(&cls, local);
    // The thread that makes it has `__init__` called in the usual way.
    add_dict(vm, &local)?;
    Ok(local.into())
}

fn add_dict(vm: &mut Vm, local: &Ref<Local>) -> R<Ref<Dict>> {
    let (dict, me) = (vm.new_dict(), vm.thread_ident());
    let weak = crate::objects::weakref::reference_to(vm, local.value())?;
    let used = vm.state::<Used>().0.entry(me).or_default();
    used.push(weak);
    if used.len().is_power_of_two() && used.len() > 16 {
        let all = std::mem::take(used);
        let alive = all.into_iter().filter(|w| w.cast::<WeakRef>().is_some_and(|w| !w.get(vm).is_dead())).collect();
        vm.state::<Used>().0.insert(me, alive);
    }
    let mut this = local.get_mut(vm);
    this.dicts.push(dict.clone());
    this.threads.push(me);
    Ok(dict)
}

/// This thread's dict; a new one is filled by the class's `__init__`.
fn dict_of(vm: &mut Vm, local: &Ref<Local>) -> R<Ref<Dict>> {
    let me = vm.thread_ident();
    let this = local.get(vm);
    if let Some(d) = this.threads.iter().position(|t| *t == me).and_then(|i| this.dicts.get(i)) {
        return Ok(d.clone());
    }
    let (args, kw_values, kw_names) = (this.args.clone(), this.kw_values.clone(), this.kw_names.clone());
    let dict = add_dict(vm, local)?;
    if let Some(init) = vm.special(local.value(), Special::Init) {
        let class = vm.class_of(local.value()).clone();
        let init = vm.bind(&init, local.value(), &class)?;
        if let Err(e) = vm.call_kw(&init, &Args { pos: &args, kw_values: &kw_values, kw_names: &kw_names }) {
            forget(vm, local, me);
            return Err(e);
        }
    }
    Ok(dict)
}

fn forget(vm: &mut Vm, local: &Ref<Local>, thread: u64) {
    let mut this = local.get_mut(vm);
    let Some(at) = this.threads.iter().position(|t| *t == thread) else { return };
    this.threads.swap_remove(at);
    let dict = this.dicts.swap_remove(at);
    drop(this);
    drop(dict);
}

/// Forgets the locals that have died.
pub fn forget_dead(vm: &mut Vm) {
    let mut used = std::mem::take(&mut vm.state::<Used>().0);
    for locals in used.values_mut() {
        locals.retain(|w| w.cast::<WeakRef>().is_some_and(|w| !w.get(vm).is_dead()));
    }
    vm.state::<Used>().0 = used;
}

/// The calling thread ends: its dicts go.
pub fn leave(vm: &mut Vm) {
    let me = vm.thread_ident();
    for weak in vm.state::<Used>().0.remove(&me).unwrap_or_default() {
        let target = weak.cast::<WeakRef>().and_then(|w| vm.weak_target(w));
        if let Some(local) = target.as_ref().and_then(|v| v.cast::<Local>()) {
            forget(vm, local, me);
        }
    }
}

fn get(vm: &mut Vm, a: &[Value]) -> R {
    let local = vm.this::<Local>(a, "__getattribute__")?;
    let name = vm.attr_name(&a[1])?;
    let dict = dict_of(vm, local)?;
    if vm.str_is(name.value(), "__dict__") {
        return Ok(dict.into());
    }
    let class = vm.class_of(&a[0]).clone();
    if let Some(raw) = vm.lookup(&class, &name)
        && vm.is_data_descriptor(&raw)
    {
        return vm.generic_get_attr(&a[0], &name);
    }
    match dict.get_str(vm, &name) {
        Some(v) => Ok(v),
        None => vm.generic_get_attr(&a[0], &name),
    }
}

fn change(vm: &mut Vm, a: &[Value], name: &Ref<Str>, value: Option<Value>, method: &str) -> R {
    let local = vm.this::<Local>(a, method)?;
    let dict = dict_of(vm, local)?;
    if vm.str_is(name.value(), "__dict__") {
        let class = vm.class_name(&a[0]);
        return Err(vm.attribute_error(format!("'{class}' object attribute '__dict__' is read-only"), name, &a[0]));
    }
    let class = vm.class_of(&a[0]).clone();
    if let Some(raw) = vm.lookup(&class, name)
        && vm.is_data_descriptor(&raw)
    {
        vm.generic_set_attr(&a[0], name, value)?;
        return Ok(Value::NONE);
    }
    match value {
        Some(v) => dict.set_str(vm, name, v),
        None if dict.del_str(vm, name).is_some() => {}
        None => return Err(vm.no_attribute(&a[0], name)),
    }
    Ok(Value::NONE)
}
