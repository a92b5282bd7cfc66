//! The iterators over lists, tuples and ranges. Those over strings share the payload, but stand in `objects::str`.

use super::{builtin, iter_reduction};
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::seq::{List, SeqIter, SeqSource};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `list_reverseiterator`.
    pub struct ListReverseIter {
        /// The list; none at the end.
        list: Option<Ref<List>>,
        /// The next position.
        at: i64,
    }
}

const FORWARD: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        vm.this::<SeqIter>(a, "__next__")?;
        vm.next(&a[0])?.ok_or(Raised::stop_iteration())
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let it = vm.this::<SeqIter>(a, "__length_hint__")?.get(vm);
        let left = match &it.source {
            SeqSource::List(l) => l.get(vm).items.len().saturating_sub(it.at),
            SeqSource::Tuple(t) => t.get(vm).items().len().saturating_sub(it.at),
            SeqSource::Range { left, .. } => return Ok(vm.int_from(*left)),
            SeqSource::Str(_) | SeqSource::Done => 0,
        };
        Ok(Value::len(left))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", set_state),
];

const BACKWARD: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<ListReverseIter>(a, "__next__")?;
        let at = it.get(vm).at;
        let item = it.get(vm).list.as_ref().and_then(|l| l.get(vm).items.get(usize::try_from(at).ok()?).cloned());
        match item {
            Some(v) => {
                it.get_mut(vm).at = at - 1;
                Ok(v)
            }
            None => {
                let old = it.get_mut(vm).list.take();
                drop(old);
                Err(Raised::stop_iteration())
            }
        }
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let it = vm.this::<ListReverseIter>(a, "__length_hint__")?.get(vm);
        let len = it.list.as_ref().map_or(0, |l| l.get(vm).items.len() as i64);
        Ok(vm.int(if len < it.at + 1 { 0 } else { it.at + 1 }))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let it = vm.this::<ListReverseIter>(a, "__reduce__")?.get(vm);
        let (list, at) = (it.list.clone(), it.at);
        match list {
            Some(list) => {
                let reversed = builtin(vm, "reversed");
                let args = vm.tuple(vec![list.into_value()]).into_value();
                Ok(vm.tuple(vec![reversed, args, vm.int(at)]).into())
            }
            None => {
                let empty = vm.list(Vec::new()).into_value();
                iter_reduction(vm, empty, None)
            }
        }
    }),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", |vm, a| {
        let it = vm.this::<ListReverseIter>(a, "__setstate__")?;
        let at = vm.index_i64(&a[1])?;
        if let Some(list) = it.get(vm).list.clone() {
            let len = list.get(vm).items.len() as i64;
            it.get_mut(vm).at = at.clamp(-1, len - 1);
        }
        Ok(Value::NONE)
    }),
];

/// Gives the classes their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let t = &vm.types;
    for class in [t.list_iterator.clone(), t.tuple_iterator.clone(), t.range_iterator.clone()] {
        vm.extend_class(&class, FORWARD, &[]);
    }
    let class = vm.define_class::<ListReverseIter>("builtins", "list_reverseiterator", None, 0)?;
    vm.extend_class(&class, BACKWARD, &[]);
    Ok(())
}

/// The iterator that gives a list's items from the last to the first.
pub fn reversed_list(vm: &Vm, list: Ref<List>) -> Value {
    let at = list.get(vm).items.len() as i64 - 1;
    vm.alloc(ListReverseIter { list: Some(list), at }).into()
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SeqIter>(a, "__reduce__")?.get(vm);
    let at = Value::len(it.at);
    match &it.source {
        SeqSource::List(l) => {
            let list = l.value().clone();
            iter_reduction(vm, list, Some(at))
        }
        SeqSource::Tuple(t) => {
            let tuple = t.value().clone();
            iter_reduction(vm, tuple, Some(at))
        }
        &SeqSource::Range { next, step, left } => {
            let stop = i128::from(next) + i128::from(step) * i128::from(left);
            let (start, stop, step) = (vm.int(next), vm.int_from(stop), vm.int(step));
            let range = crate::objects::range::new_range(vm, start, stop, step).into_value();
            iter_reduction(vm, range, Some(Value::NONE))
        }
        SeqSource::Str(_) | SeqSource::Done => {
            let empty = if vm.is_exact(&a[0], &vm.types.list_iterator) {
                vm.list(Vec::new()).into_value()
            } else {
                vm.empty_tuple()
            };
            iter_reduction(vm, empty, None)
        }
    }
}

fn set_state(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SeqIter>(a, "__setstate__")?;
    let state = vm.index_i64(&a[1])?;
    let n = state.max(0) as u64;
    let len = match &it.get(vm).source {
        SeqSource::List(l) => l.get(vm).items.len(),
        SeqSource::Tuple(t) => t.get(vm).items().len(),
        SeqSource::Range { .. } | SeqSource::Str(_) | SeqSource::Done => 0,
    };
    let mut it = it.get_mut(vm);
    match &mut it.source {
        SeqSource::Range { next, step, left } => {
            let n = n.min(*left);
            *next = next.wrapping_add(step.wrapping_mul(n as i64));
            *left -= n;
        }
        // Before a list's begin is its end.
        SeqSource::List(_) if state < 0 => it.source = SeqSource::Done,
        SeqSource::List(_) | SeqSource::Tuple(_) => it.at = (n as usize).min(len),
        SeqSource::Str(_) | SeqSource::Done => {}
    }
    Ok(Value::NONE)
}
