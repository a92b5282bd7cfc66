//! The iterators over a string: one class for ASCII, one for other text, as in CPython.
//!
//! Their payload is [`SeqIter`], which the loop knows by heart; its position counts bytes.

use crate::text::gutf8;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::seq::{SeqIter, SeqSource};
use crate::vm::str::Str;
use crate::vm::{R, Raised, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<SeqIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        vm.this::<SeqIter>(a, "__next__")?;
        vm.next(&a[0])?.ok_or(Raised::stop_iteration())
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", length_hint),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", setstate),
];

#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let classes = [vm.types.str_ascii_iterator.clone(), vm.types.str_iterator.clone()];
    for class in classes {
        vm.extend_class(&class, METHODS, &[]);
    }
    Ok(())
}

pub(super) fn str_iter(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__iter__")?;
    Ok(vm.str_iterator(s))
}

/// The string and the position in code points, before the end.
fn position(vm: &Vm, it: &Ref<SeqIter>) -> Option<(Ref<Str>, usize)> {
    let it = it.get(vm);
    let SeqSource::Str(s) = &it.source else { return None };
    let at = s.get(vm).as_bytes().get(..it.at).map_or(0, gutf8::count);
    Some((s.clone(), at))
}

fn length_hint(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SeqIter>(a, "__length_hint__")?;
    let left = position(vm, it).map_or(0, |(s, at)| s.get(vm).char_len().saturating_sub(at));
    Ok(Value::len(left))
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SeqIter>(a, "__reduce__")?;
    let name = vm.intern("iter");
    let builtins = vm.builtins.clone();
    let iter = builtins.get_str(vm, &name).unwrap_or(Value::NONE);
    let parts = match position(vm, it) {
        Some((s, at)) => vec![iter, vm.tuple(vec![s.into_value()]).into_value(), Value::len(at)],
        None => {
            let empty = vm.empty_str().into_value();
            vec![iter, vm.tuple(vec![empty]).into_value()]
        }
    };
    Ok(vm.tuple(parts).into())
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<SeqIter>(a, "__setstate__")?;
    let wanted = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    if let Some((s, _)) = position(vm, it) {
        let text = s.get(vm);
        let byte = gutf8::byte_offset(text.as_bytes(), wanted.min(text.char_len()));
        it.get_mut(vm).at = byte;
    }
    Ok(Value::NONE)
}
