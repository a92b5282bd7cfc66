//! The iterator over sets.

use super::AnySet;
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `set_iterator`.
    pub struct SetIter {
        /// The set; `UNDEF` when exhausted.
        set: Value,
        /// The next place in its table.
        at: usize,
        /// How many elements it had.
        len: usize,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<SetIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let it = vm.this::<SetIter>(a, "__length_hint__")?;
        Ok(Value::len(rest(vm, it).len()))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let it = vm.this::<SetIter>(a, "__reduce__")?;
        let items = rest(vm, it);
        let items = vm.list(items).into_value();
        let iter = crate::objects::iterators::builtin(vm, "iter");
        let args = vm.tuple(vec![items]).into_value();
        Ok(vm.pair([iter, args]))
    }),
];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<SetIter>("builtins", "set_iterator", None, 0)?;
    vm.extend_class(&class, METHODS, &[]);
    Ok(())
}

/// An iterator over the set.
pub(super) fn iterate(vm: &mut Vm, set: AnySet) -> Value {
    let len = set.len(vm);
    vm.alloc(SetIter { set: set.value().clone(), at: 0, len }).into()
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SetIter>(a, "__next__")?;
    let (at, len) = (it.get(vm).at, it.get(vm).len);
    let Some(set) = AnySet::of(&it.get(vm).set) else { return Err(Raised::stop_iteration()) };
    if set.len(vm) != len {
        // The iterator stays broken.
        it.get_mut(vm).len = usize::MAX;
        return Err(vm.runtime_error("Set changed size during iteration"));
    }
    match set.table(vm).next_entry(at) {
        Some((next, v)) => {
            let v = v.clone();
            it.get_mut(vm).at = next;
            Ok(v)
        }
        None => {
            let old = std::mem::replace(&mut it.get_mut(vm).set, Value::UNDEF);
            drop(old);
            Err(Raised::stop_iteration())
        }
    }
}

/// What is still to come; nothing when the set changed.
fn rest(vm: &Vm, it: &Ref<SetIter>) -> Vec<Value> {
    let this = it.get(vm);
    let Some(set) = AnySet::of(&this.set) else { return Vec::new() };
    let table = set.table(vm);
    if table.len() != this.len {
        return Vec::new();
    }
    let mut items = Vec::new();
    let mut at = this.at;
    while let Some((next, v)) = table.next_entry(at) {
        items.push(v.clone());
        at = next;
    }
    items
}
