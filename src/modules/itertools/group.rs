//! `batched`, `pairwise`, `groupby`.

use super::{ITER, add_class, positional};
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `batched`.
    pub struct Batched {
        /// The iterator; `UNDEF` at the end.
        it: Value,
        size: usize,
        strict: bool,
    }
}
heap_object! {
    /// The payload of `pairwise`.
    pub struct Pairwise {
        /// The iterator; `UNDEF` at the end.
        it: Value,
        /// The item before; `UNDEF` at the start.
        old: Value,
    }
}
heap_object! {
    /// The payload of `groupby`.
    pub struct GroupBy {
        it: Value,
        key: Value,
        /// The key of the group that was given last; `UNDEF` before the first.
        target: Value,
        /// The key of the item that was read last, and the item; `UNDEF` when given already.
        current_key: Value,
        current: Value,
        /// The number of the group that may still give items.
        group: u64,
    }
}
heap_object! {
    /// The payload of `_grouper`: the items of one group.
    pub struct Grouper {
        parent: Ref<GroupBy>,
        target: Value,
        group: u64,
    }
}

const BATCHED: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, iterable, n, *, strict=False)",
        "Batch data into tuples of length n. The last batch may be shorter than n.",
        |vm, a| {
            let class = vm.class_arg(&a[0])?;
            let n = vm.index_i64(&a[2])?;
            let strict = match arg(a, 3) {
                Some(v) => vm.truth(v)?,
                None => false,
            };
            if n < 1 {
                return Err(vm.value_error("n must be at least one"));
            }
            let it = vm.iter(&a[1])?;
            Ok(vm.alloc_as(&class, Batched { it, size: n as usize, strict }).into())
        },
    ),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", batched_next),
];

const PAIRWISE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable, /)", "Overlapping pairs of the iterable's items.", |vm, args| {
        let (class, given) = positional(vm, args, "pairwise", 1, 1)?;
        let it = vm.iter(&given[0])?;
        Ok(vm.alloc_as(&class, Pairwise { it, old: Value::UNDEF }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", pairwise_next),
];

const GROUP_BY: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, key=None)", "Consecutive keys and groups from the iterable.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let it = vm.iter(&a[1])?;
        let this = GroupBy {
            it,
            key: arg_or_none(a, 2).clone(),
            target: Value::UNDEF,
            current_key: Value::UNDEF,
            current: Value::UNDEF,
            group: 0,
        };
        Ok(vm.alloc_as(&class, this).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", group_by_next),
];

const GROUPER: &[NativeDef] = &[
    NativeDef::new("__new__(cls, parent, tgtkey, /)", "The items of one group.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let Some(parent) = a[1].cast::<GroupBy>().cloned() else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("_grouper() argument 1 must be itertools.groupby, not {got}")));
        };
        Ok(new_grouper(vm, &class, parent, a[2].clone()))
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", grouper_next),
];

pub(super) fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    add_class::<Batched>(vm, module, "batched", BATCHED)?;
    add_class::<Pairwise>(vm, module, "pairwise", PAIRWISE)?;
    add_class::<GroupBy>(vm, module, "groupby", GROUP_BY)?;
    let grouper = vm.define_class::<Grouper>("itertools", "_grouper", None, class_flag::BASE)?;
    vm.extend_class(&grouper, GROUPER, &[]);
    vm.module_set(module, "_grouper", grouper.into_value());
    Ok(())
}

fn batched_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Batched>(a, "__next__")?;
    let (it, size, strict) = (this.get(vm).it.clone(), this.get(vm).size, this.get(vm).strict);
    if it.is_undef() {
        return Err(Raised::stop_iteration());
    }
    let mut items = Vec::with_capacity(size.min(1 << 10));
    while items.len() < size {
        match vm.next(&it) {
            Ok(Some(v)) => {
                if items.len() == items.capacity() {
                    vm.check_alloc(items.len() * 2 * size_of::<Value>())?;
                }
                items.push(v);
            }
            end => {
                let old = std::mem::replace(&mut this.get_mut(vm).it, Value::UNDEF);
                drop(old);
                end?;
                if items.is_empty() {
                    return Err(Raised::stop_iteration());
                }
                if strict {
                    return Err(vm.value_error("batched(): incomplete batch"));
                }
                break;
            }
        }
    }
    Ok(vm.tuple(items).into())
}

fn pairwise_end(vm: &mut Vm, this: &Ref<Pairwise>) {
    let old = {
        let mut this = this.get_mut(vm);
        (std::mem::replace(&mut this.it, Value::UNDEF), std::mem::replace(&mut this.old, Value::UNDEF))
    };
    drop(old);
}

fn pairwise_step(vm: &mut Vm, this: &Ref<Pairwise>, it: &Value) -> R {
    match vm.next(it) {
        Ok(Some(v)) => Ok(v),
        end => {
            pairwise_end(vm, this);
            end?;
            Err(Raised::stop_iteration())
        }
    }
}

fn pairwise_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Pairwise>(a, "__next__")?;
    let (mut it, mut old) = (this.get(vm).it.clone(), this.get(vm).old.clone());
    if it.is_undef() {
        return Err(Raised::stop_iteration());
    }
    if old.is_undef() {
        old = pairwise_step(vm, this, &it)?;
        this.get_mut(vm).old = old.clone();
        // The step may have used this very iterator.
        it = this.get(vm).it.clone();
        if it.is_undef() {
            pairwise_end(vm, this);
            return Err(Raised::stop_iteration());
        }
    }
    let new = pairwise_step(vm, this, &it)?;
    let gone = std::mem::replace(&mut this.get_mut(vm).old, new.clone());
    drop(gone);
    Ok(vm.pair([old, new]))
}

/// Reads the next item and its key.
fn step(vm: &mut Vm, this: &Ref<GroupBy>) -> R<()> {
    let (it, key) = (this.get(vm).it.clone(), this.get(vm).key.clone());
    let Some(v) = vm.next(&it)? else { return Err(Raised::stop_iteration()) };
    let k = if key.is_none() { v.clone() } else { vm.call(&key, std::slice::from_ref(&v))? };
    let old = {
        let mut this = this.get_mut(vm);
        (std::mem::replace(&mut this.current, v), std::mem::replace(&mut this.current_key, k))
    };
    drop(old);
    Ok(())
}

fn new_grouper(vm: &mut Vm, class: &Ref<crate::vm::class::Class>, parent: Ref<GroupBy>, target: Value) -> Value {
    let group = {
        let mut p = parent.get_mut(vm);
        p.group += 1;
        p.group
    };
    vm.alloc_as(class, Grouper { parent, target, group }).into()
}

fn group_by_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<GroupBy>(a, "__next__")?;
    this.get_mut(vm).group += 1;
    loop {
        let (key, target) = (this.get(vm).current_key.clone(), this.get(vm).target.clone());
        if !key.is_undef() && (target.is_undef() || !vm.equal(&target, &key)?) {
            break;
        }
        step(vm, this)?;
    }
    let key = this.get(vm).current_key.clone();
    let old = std::mem::replace(&mut this.get_mut(vm).target, key.clone());
    drop(old);
    let Some(class) = vm.class_for::<Grouper>() else { return Err(Raised::stop_iteration()) };
    let grouper = new_grouper(vm, &class, this.clone(), key.clone());
    Ok(vm.pair([key, grouper]))
}

fn grouper_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Grouper>(a, "__next__")?;
    let (parent, target, group) = (this.get(vm).parent.clone(), this.get(vm).target.clone(), this.get(vm).group);
    if parent.get(vm).group != group {
        return Err(Raised::stop_iteration());
    }
    if parent.get(vm).current.is_undef() {
        step(vm, &parent)?;
    }
    let key = parent.get(vm).current_key.clone();
    if !vm.equal(&target, &key)? {
        return Err(Raised::stop_iteration());
    }
    let mut p = parent.get_mut(vm);
    let v = std::mem::replace(&mut p.current, Value::UNDEF);
    let old = std::mem::replace(&mut p.current_key, Value::UNDEF);
    drop(p);
    drop(old);
    if v.is_undef() { Err(Raised::stop_iteration()) } else { Ok(v) }
}
