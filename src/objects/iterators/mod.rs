//! The iterators of the built-in sequences, and the iterator types that scripts call by name.
//!
//! `seq`: over lists, tuples and ranges, forwards and backwards. `combine`: `zip`, `map`, `filter`. Here: `enumerate`,
//! `reversed` and the iterator of `iter(callable, sentinel)`. Dicts and sets have theirs beside them.
//!
//! Invariant: an iterator that has ended has let go of what it walked over, and stays at its end.

mod combine;
mod seq;

pub use combine::{Filter, Map};
pub use seq::reversed_list;

use super::generic_alias::class_getitem;
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::exception::Raised;
use crate::vm::native::{Args, NativeDef};
use crate::vm::ops::BinOp;
use crate::vm::seq::Enumerate;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `reversed`, for sequences without a `__reversed__` of their own.
    pub struct Reversed {
        /// The sequence; `UNDEF` at the end.
        seq: Value,
        /// The next position; -1 after the last.
        at: i64,
    }
}
heap_object! {
    /// The payload of `callable_iterator`.
    pub struct CallableIter {
        /// What is called; `UNDEF` at the end.
        callable: Value,
        sentinel: Value,
    }
}

const ENUMERATE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable, start=0)", "Return an enumerate object.", enumerate_new),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<Enumerate>(a, "__next__")?;
        let it = this.get(vm).it.clone();
        let Some(v) = vm.next(&it)? else { return Err(Raised::stop_iteration()) };
        let count = this.get(vm).count.clone();
        let after = match count.as_small_int().and_then(|n| Value::small_int(n + 1)) {
            Some(after) => after,
            None => vm.binary(BinOp::Add, &count, &Value::int32(1))?,
        };
        let mut last = std::mem::replace(&mut this.get_mut(vm).last, Value::UNDEF);
        let pair = vm.pair_again(&mut last, [count, v]);
        let mut this = this.get_mut(vm);
        this.count = after;
        this.last = last;
        drop(this);
        Ok(pair)
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<Enumerate>(a, "__reduce__")?.get(vm);
        let args = vm.pair([this.it.clone(), this.count.clone()]);
        Ok(vm.pair([vm.class_of(&a[0]).value().clone(), args]))
    }),
    NativeDef::new(
        "__class_getitem__(cls, object, /)",
        "enumerate objects are generic over the type of their values",
        class_getitem,
    ),
];

const REVERSED: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, object, /)",
        "Return a reverse iterator over the values of the given sequence.",
        reversed_new,
    ),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", reversed_next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let this = vm.this::<Reversed>(a, "__length_hint__")?;
        let (seq, at) = (this.get(vm).seq.clone(), this.get(vm).at);
        if seq.is_undef() {
            return Ok(Value::int32(0));
        }
        let len = vm.len(&seq)? as i64;
        Ok(vm.int(if len < at + 1 { 0 } else { at + 1 }))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<Reversed>(a, "__reduce__")?.get(vm);
        let class = vm.class_of(&a[0]).value().clone();
        if this.seq.is_undef() {
            let args = vm.tuple(vec![vm.empty_tuple()]).into_value();
            return Ok(vm.pair([class, args]));
        }
        let args = vm.tuple(vec![this.seq.clone()]).into_value();
        Ok(vm.tuple(vec![class, args, vm.int(this.at)]).into())
    }),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", |vm, a| {
        let this = vm.this::<Reversed>(a, "__setstate__")?;
        let at = vm.index_i64(&a[1])?;
        let seq = this.get(vm).seq.clone();
        if !seq.is_undef() {
            let len = vm.len(&seq)? as i64;
            this.get_mut(vm).at = at.clamp(-1, len - 1);
        }
        Ok(Value::NONE)
    }),
];

const CALLABLE: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", callable_next),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<CallableIter>(a, "__reduce__")?.get(vm);
        let (callable, sentinel) = (this.callable.clone(), this.sentinel.clone());
        if callable.is_undef() {
            let empty = vm.empty_tuple();
            return iter_reduction(vm, empty, None);
        }
        let args = vm.pair([callable, sentinel]);
        let iter = builtin(vm, "iter");
        Ok(vm.pair([iter, args]))
    }),
];

/// Makes the classes.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<Enumerate>("builtins", "enumerate", None, class_flag::BASE)?;
    vm.extend_class(&class, ENUMERATE, &[]);
    let class = vm.define_class::<Reversed>("builtins", "reversed", None, class_flag::BASE)?;
    vm.extend_class(&class, REVERSED, &[]);
    let class = vm.define_class::<CallableIter>("builtins", "callable_iterator", None, 0)?;
    vm.extend_class(&class, CALLABLE, &[]);
    combine::init(vm)?;
    seq::init(vm)
}

/// A builtin function, for reductions.
pub fn builtin(vm: &mut Vm, name: &str) -> Value {
    let name = vm.intern(name);
    vm.builtins.clone().get_str(vm, &name).unwrap_or(Value::NONE)
}

/// `(iter, (source,))` or `(iter, (source,), state)`: what `__reduce__` of iterators gives.
///
/// # Errors
/// None.
pub fn iter_reduction(vm: &mut Vm, source: Value, state: Option<Value>) -> R {
    let iter = builtin(vm, "iter");
    let args = vm.tuple(vec![source]).into_value();
    let parts = [iter, args].into_iter().chain(state).collect();
    Ok(vm.tuple(parts).into())
}

/// `iter(callable, sentinel)`.
pub fn callable_iterator(vm: &mut Vm, callable: Value, sentinel: Value) -> Value {
    vm.alloc(CallableIter { callable, sentinel }).into()
}

fn callable_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<CallableIter>(a, "__next__")?;
    let callable = this.get(vm).callable.clone();
    if callable.is_undef() {
        return Err(Raised::stop_iteration());
    }
    vm.tick(1)?;
    let result = vm.call(&callable, &[]);
    if let Some(v) = vm.end_is_none(result)? {
        let sentinel = this.get(vm).sentinel.clone();
        // The call may have ended this very iterator.
        if !sentinel.is_undef() && !vm.equal(&sentinel, &v)? {
            return Ok(v);
        }
    }
    let old = {
        let mut this = this.get_mut(vm);
        (std::mem::replace(&mut this.callable, Value::UNDEF), std::mem::replace(&mut this.sentinel, Value::UNDEF))
    };
    drop(old);
    Err(Raised::stop_iteration())
}

fn enumerate_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error("enumerate.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    let total = given.len() + args.kw_names.len();
    if total > 2 {
        return Err(vm.type_error(format!("enumerate() takes at most 2 arguments ({total} given)")));
    }
    let (mut iterable, mut start) = (given.first().cloned(), given.get(1).cloned());
    for (name, v) in args.keywords() {
        let name = vm.str_of(name);
        match name.as_str() {
            "iterable" if iterable.is_none() => iterable = Some(v.clone()),
            "start" if start.is_none() => start = Some(v.clone()),
            _ => return Err(vm.type_error(format!("'{name}' is an invalid keyword argument for enumerate()"))),
        }
    }
    let Some(iterable) = iterable else {
        return Err(vm.type_error("enumerate() missing required argument 'iterable'"));
    };
    let count = match start {
        Some(v) => vm.index(&v)?,
        None => Value::int32(0),
    };
    let it = vm.iter(&iterable)?;
    Ok(vm.alloc_as(&class, Enumerate { it, count, last: Value::UNDEF }).into())
}

fn reversed_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error("reversed.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    if !args.kw_names.is_empty() && vm.class_for::<Reversed>().is_some_and(|c| c.is(&class)) {
        return Err(vm.type_error("reversed() takes no keyword arguments"));
    }
    let [seq] = given else {
        return Err(vm.type_error(format!("reversed expected 1 argument, got {}", given.len())));
    };
    match vm.special(seq, Special::Reversed) {
        Some(f) if !f.is_none() => return vm.guarded(|vm| vm.call_special(&f, seq, &[])),
        None if vm.special(seq, Special::GetItem).is_some() && !seq.is_a::<crate::vm::dict::Dict>() => {}
        _ => {
            let name = vm.class_name(seq);
            return Err(vm.type_error(format!("'{name}' object is not reversible")));
        }
    }
    let at = vm.len(seq)? as i64 - 1;
    Ok(vm.alloc_as(&class, Reversed { seq: seq.clone(), at }).into())
}

fn reversed_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Reversed>(a, "__next__")?;
    let (seq, at) = (this.get(vm).seq.clone(), this.get(vm).at);
    if !seq.is_undef() && at >= 0 {
        let index = vm.int(at);
        match vm.get_item(&seq, &index) {
            Ok(v) => {
                this.get_mut(vm).at = at - 1;
                return Ok(v);
            }
            Err(e) if vm.raised_is(&e, &vm.exc.IndexError) || vm.raised_is(&e, &vm.exc.StopIteration) => {}
            Err(e) => return Err(e),
        }
    }
    let old = {
        let mut this = this.get_mut(vm);
        this.at = -1;
        std::mem::replace(&mut this.seq, Value::UNDEF)
    };
    drop(old);
    Err(Raised::stop_iteration())
}
