//! The iterators over dicts and their views.

use crate::vm::class::Class;
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::seq::{DictIter, DictPart};
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<DictIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<DictIter>(a, "__next__")?;
        DictIter::advance(it, vm)?.ok_or(Raised::stop_iteration())
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let it = vm.this::<DictIter>(a, "__length_hint__")?;
        Ok(Value::len(rest(vm, it).len()))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let it = vm.this::<DictIter>(a, "__reduce__")?;
        let items = rest(vm, it);
        let items = vm.list(items).into_value();
        let iter = crate::objects::iterators::builtin(vm, "iter");
        let args = vm.tuple(vec![items]).into_value();
        Ok(vm.pair([iter, args]))
    }),
];

/// The classes of the iterators that go backwards: over keys, values and items.
#[derive(Default)]
struct ReverseClasses([Option<Ref<Class>>; 3]);

/// Gives the iterators their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let t = &vm.types;
    for class in [t.dict_key_iterator.clone(), t.dict_value_iterator.clone(), t.dict_item_iterator.clone()] {
        vm.extend_class(&class, METHODS, &[]);
    }
    let names = ["dict_reversekeyiterator", "dict_reversevalueiterator", "dict_reverseitemiterator"];
    for (i, name) in names.into_iter().enumerate() {
        let class = vm.define_class::<DictIter>("builtins", name, None, 0)?;
        vm.extend_class(&class, METHODS, &[]);
        vm.state::<ReverseClasses>().0[i] = Some(class);
    }
    Ok(())
}

/// An iterator over a dict.
pub fn iterate(vm: &mut Vm, dict: &Ref<Dict>, part: DictPart, reverse: bool) -> Value {
    let it = DictIter::over(vm, dict.clone(), part, reverse);
    let class = match (part, reverse) {
        (DictPart::Keys, false) => Some(vm.types.dict_key_iterator.clone()),
        (DictPart::Values, false) => Some(vm.types.dict_value_iterator.clone()),
        (DictPart::Items, false) => Some(vm.types.dict_item_iterator.clone()),
        (part, true) => vm.state::<ReverseClasses>().0[part as usize].clone(),
    };
    match class {
        Some(class) => vm.alloc_as(&class, it).into(),
        None => vm.alloc(it).into(),
    }
}

/// What the iterator has still to give; nothing when the dict changed.
fn rest(vm: &Vm, it: &Ref<DictIter>) -> Vec<Value> {
    let this = it.get(vm);
    let Some(dict) = &this.dict else { return Vec::new() };
    let d = dict.get(vm);
    if d.changes() != this.changes || d.len() != this.len {
        return Vec::new();
    }
    let mut items = Vec::new();
    let mut at = this.at;
    while let Some((next, k, v)) = if this.reverse { d.previous_entry(at) } else { d.next_entry(at) } {
        at = next;
        items.push(match this.part {
            DictPart::Keys => k.clone(),
            DictPart::Values => v.clone(),
            DictPart::Items => vm.pair([k.clone(), v.clone()]),
        });
    }
    items
}
