//! The iterators over `bytes` and `bytearray`.

use crate::heap_object;
use crate::objects::bytes::plain;
use crate::vm::class::Class;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::str::Bytes;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// An iterator over bytes.
    pub struct BytesIter {
        /// The object; `UNDEF` when exhausted.
        object: Value,
        /// The next position.
        at: usize,
    }
}

/// The two classes.
#[derive(Default)]
struct Classes {
    bytes: Option<Ref<Class>>,
    bytearray: Option<Ref<Class>>,
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<BytesIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", length_hint),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", setstate),
];

#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let bytes = vm.define_class::<BytesIter>("builtins", "bytes_iterator", None, 0)?;
    let bytearray = vm.define_class::<BytesIter>("builtins", "bytearray_iterator", None, 0)?;
    vm.extend_class(&bytes, METHODS, &[]);
    vm.extend_class(&bytearray, METHODS, &[]);
    let classes = vm.state::<Classes>();
    classes.bytes = Some(bytes);
    classes.bytearray = Some(bytearray);
    Ok(())
}

pub(super) fn iter(vm: &mut Vm, a: &[Value]) -> R {
    let of_bytes = a[0].is_a::<Bytes>();
    let classes = vm.state::<Classes>();
    let class = if of_bytes { classes.bytes.clone() } else { classes.bytearray.clone() };
    let it = BytesIter { object: a[0].clone(), at: 0 };
    Ok(match class {
        Some(class) => vm.alloc_as(&class, it).into(),
        None => vm.alloc(it).into(),
    })
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<BytesIter>(a, "__next__")?;
    let this = it.get(vm);
    let found = plain(vm, &this.object).and_then(|b| b.get(this.at).copied());
    let mut this = it.get_mut(vm);
    match found {
        Some(byte) => {
            this.at += 1;
            Ok(Value::int32(i32::from(byte)))
        }
        None => {
            this.object = Value::UNDEF;
            Err(Raised::stop_iteration())
        }
    }
}

fn length_hint(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<BytesIter>(a, "__length_hint__")?.get(vm);
    Ok(Value::len(plain(vm, &it.object).map_or(0, |b| b.len().saturating_sub(it.at))))
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<BytesIter>(a, "__reduce__")?;
    let name = vm.intern("iter");
    let builtins = vm.builtins.clone();
    let iter = builtins.get_str(vm, &name).unwrap_or(Value::NONE);
    let (object, at) = (it.get(vm).object.clone(), it.get(vm).at);
    let parts = if object.is_undef() {
        let empty = vm.empty_tuple();
        vec![iter, vm.tuple(vec![empty]).into_value()]
    } else {
        vec![iter, vm.tuple(vec![object]).into_value(), Value::len(at)]
    };
    Ok(vm.tuple(parts).into())
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<BytesIter>(a, "__setstate__")?;
    let state = vm.index_i64(&a[1])?;
    let wanted = usize::try_from(state).unwrap_or(0);
    let object = it.get(vm).object.clone();
    if state < 0 && !object.is_a::<Bytes>() {
        // Before the begin of what can change is its end.
        it.get_mut(vm).object = Value::UNDEF;
    } else if let Some(len) = plain(vm, &object).map(<[u8]>::len) {
        it.get_mut(vm).at = wanted.min(len);
    }
    Ok(Value::NONE)
}
