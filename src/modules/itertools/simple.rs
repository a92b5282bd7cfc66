//! `chain`, `count`, `cycle`, `repeat`, `starmap`, `accumulate`, `zip_longest`.

use super::{ITER, add_class, positional};
use crate::heap_object;
use crate::objects::generic_alias::class_getitem;
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{Args, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::BinOp;
use crate::vm::special::Special;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `chain`.
    pub struct Chain {
        /// An iterator over the iterables; `UNDEF` at the end.
        sources: Value,
        /// The iterator over the current one; `UNDEF` between two.
        active: Value,
    }
}
heap_object! {
    /// The payload of `count`.
    pub struct Count {
        next: Value,
        step: Value,
    }
}
heap_object! {
    /// The payload of `cycle`.
    pub struct Cycle {
        /// The iterator; `UNDEF` once it has ended.
        it: Value,
        saved: Vec<Value>,
        at: usize,
    }
    external = |this| this.saved.capacity() * size_of::<Value>();
}
heap_object! {
    /// The payload of `repeat`.
    pub struct Repeat {
        element: Value,
        /// How often yet; `None`: for ever.
        left: Option<i64>,
    }
}
heap_object! {
    /// The payload of `starmap`.
    pub struct StarMap {
        func: Value,
        it: Value,
    }
}
heap_object! {
    /// The payload of `accumulate`.
    pub struct Accumulate {
        it: Value,
        func: Value,
        /// What it gave last; `UNDEF` before the first.
        total: Value,
        /// `initial`, until it was given.
        initial: Value,
    }
}
heap_object! {
    /// The payload of `zip_longest`.
    pub struct ZipLongest {
        /// `UNDEF` where one has ended.
        its: Vec<Value>,
        fill: Value,
        active: usize,
    }
}

const CHAIN: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *iterables)", "The items of all iterables, one after the other.", |vm, args| {
        let (class, iterables) = positional(vm, args, "chain", 0, usize::MAX)?;
        let tuple = vm.tuple(iterables.to_vec()).into_value();
        let sources = vm.iter(&tuple)?;
        Ok(vm.alloc_as(&class, Chain { sources, active: Value::UNDEF }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", chain_next),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", class_getitem),
    NativeDef::new("from_iterable(cls, iterable, /)", "chain() with the iterables from one iterable.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let sources = vm.iter(&a[1])?;
        Ok(vm.alloc_as(&class, Chain { sources, active: Value::UNDEF }).into())
    }),
];

const COUNT: &[NativeDef] = &[
    NativeDef::new("__new__(cls, start=0, step=1)", "Evenly spaced numbers, without end.", count_new),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<Count>(a, "__next__")?;
        let (now, step) = (this.get(vm).next.clone(), this.get(vm).step.clone());
        let next = vm.binary(BinOp::Add, &now, &step)?;
        let old = std::mem::replace(&mut this.get_mut(vm).next, next);
        drop(old);
        Ok(now)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let this = vm.this::<Count>(a, "__repr__")?;
        let (next, step) = (this.get(vm).next.clone(), this.get(vm).step.clone());
        let name = vm.plain_class_name(&a[0]);
        let next = vm.repr(&next)?;
        if step.as_small_int() == Some(1) {
            return Ok(vm.new_str_parts(&[name.as_bytes(), b"(", next.get(vm).as_bytes(), b")"]).into());
        }
        let step = vm.repr(&step)?;
        let parts = [name.as_bytes(), b"(", next.get(vm).as_bytes(), b", ", step.get(vm).as_bytes(), b")"];
        Ok(vm.new_str_parts(&parts).into())
    }),
];

const CYCLE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable, /)", "The items of the iterable, again and again.", |vm, args| {
        let (class, given) = positional(vm, args, "cycle", 1, 1)?;
        let it = vm.iter(&given[0])?;
        Ok(vm.alloc_as(&class, Cycle { it, saved: Vec::new(), at: 0 }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", cycle_next),
];

const REPEAT: &[NativeDef] = &[
    NativeDef::new("__new__(cls, object, times=<unrepresentable>)", "The object, again and again.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let left = match arg(a, 2) {
            Some(n) => Some(vm.index_i64(n)?.max(0)),
            None => None,
        };
        Ok(vm.alloc_as(&class, Repeat { element: a[1].clone(), left }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<Repeat>(a, "__next__")?;
        if let Some(left) = this.get(vm).left {
            if left == 0 {
                return Err(Raised::stop_iteration());
            }
            this.get_mut(vm).left = Some(left - 1);
        }
        Ok(this.get(vm).element.clone())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let this = vm.this::<Repeat>(a, "__repr__")?;
        let (element, left) = (this.get(vm).element.clone(), this.get(vm).left);
        let name = vm.plain_class_name(&a[0]);
        let shown = vm.repr(&element)?;
        let end = left.map_or(")".to_owned(), |n| format!(", {n})"));
        Ok(vm.new_str_parts(&[name.as_bytes(), b"(", shown.get(vm).as_bytes(), end.as_bytes()]).into())
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        match vm.this::<Repeat>(a, "__length_hint__")?.get(vm).left {
            Some(left) => Ok(vm.int(left)),
            None => Err(vm.type_error("len() of unsized object")),
        }
    }),
];

const STAR_MAP: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, iterable, /)", "What the function makes of argument tuples.", |vm, args| {
        let (class, given) = positional(vm, args, "starmap", 2, 2)?;
        let it = vm.iter(&given[1])?;
        Ok(vm.alloc_as(&class, StarMap { func: given[0].clone(), it }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<StarMap>(a, "__next__")?;
        let (func, it) = (this.get(vm).func.clone(), this.get(vm).it.clone());
        let Some(v) = vm.next(&it)? else { return Err(Raised::stop_iteration()) };
        let args = vm.collect(&v)?;
        vm.call(&func, &args)
    }),
];

const ACCUMULATE: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, iterable, func=None, *, initial=None)",
        "Return series of accumulated sums (or other binary function results).",
        |vm, a| {
            let class = vm.class_arg(&a[0])?;
            let it = vm.iter(&a[1])?;
            let (func, initial) = (arg_or_none(a, 2).clone(), arg_or_none(a, 3).clone());
            Ok(vm.alloc_as(&class, Accumulate { it, func, total: Value::UNDEF, initial }).into())
        },
    ),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", accumulate_next),
];

const ZIP_LONGEST: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, /, *iterables, fillvalue=None)",
        "zip() until the longest has ended.",
        zip_longest_new,
    ),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", zip_longest_next),
];

pub(super) fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    add_class::<Chain>(vm, module, "chain", CHAIN)?;
    add_class::<Count>(vm, module, "count", COUNT)?;
    add_class::<Cycle>(vm, module, "cycle", CYCLE)?;
    add_class::<Repeat>(vm, module, "repeat", REPEAT)?;
    add_class::<StarMap>(vm, module, "starmap", STAR_MAP)?;
    add_class::<Accumulate>(vm, module, "accumulate", ACCUMULATE)?;
    add_class::<ZipLongest>(vm, module, "zip_longest", ZIP_LONGEST)
}

fn chain_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Chain>(a, "__next__")?;
    loop {
        let active = this.get(vm).active.clone();
        if !active.is_undef() {
            if let Some(v) = vm.next(&active)? {
                return Ok(v);
            }
            let old = std::mem::replace(&mut this.get_mut(vm).active, Value::UNDEF);
            drop(old);
        }
        let sources = this.get(vm).sources.clone();
        if sources.is_undef() {
            return Err(Raised::stop_iteration());
        }
        // A source that raises ends the chain.
        let next = match vm.next(&sources) {
            Ok(Some(next)) => vm.iter(&next).map(Some),
            other => other,
        };
        match next {
            Ok(Some(it)) => this.get_mut(vm).active = it,
            end => {
                let old = std::mem::replace(&mut this.get_mut(vm).sources, Value::UNDEF);
                drop(old);
                end?;
                return Err(Raised::stop_iteration());
            }
        }
    }
}

fn is_number(vm: &Vm, v: &Value) -> bool {
    [Special::Index, Special::Int, Special::Float, Special::Complex].into_iter().any(|s| vm.special(v, s).is_some())
}

fn count_new(vm: &mut Vm, a: &[Value]) -> R {
    let class = vm.class_arg(&a[0])?;
    let mut next = arg(a, 1).cloned().unwrap_or(Value::int32(0));
    let step = arg(a, 2).cloned().unwrap_or(Value::int32(1));
    if !is_number(vm, &next) || !is_number(vm, &step) {
        return Err(vm.type_error("a number is required"));
    }
    if let (Some(b), Some(1)) = (next.as_bool(), step.as_small_int()) {
        next = Value::int32(b as i32);
    }
    Ok(vm.alloc_as(&class, Count { next, step }).into())
}

fn cycle_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Cycle>(a, "__next__")?;
    let it = this.get(vm).it.clone();
    if !it.is_undef() {
        if let Some(v) = vm.next(&it)? {
            this.get_mut(vm).saved.push(v.clone());
            return Ok(v);
        }
        let old = std::mem::replace(&mut this.get_mut(vm).it, Value::UNDEF);
        drop(old);
    }
    let (at, saved) = (this.get(vm).at, &this.get(vm).saved);
    let (Some(v), len) = (saved.get(at).cloned(), saved.len()) else { return Err(Raised::stop_iteration()) };
    this.get_mut(vm).at = if at + 1 == len { 0 } else { at + 1 };
    Ok(v)
}

fn accumulate_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Accumulate>(a, "__next__")?;
    if !this.get(vm).initial.is_none() {
        let mut this = this.get_mut(vm);
        let initial = std::mem::replace(&mut this.initial, Value::NONE);
        this.total = initial.clone();
        return Ok(initial);
    }
    let it = this.get(vm).it.clone();
    let Some(v) = vm.next(&it)? else { return Err(Raised::stop_iteration()) };
    let (total, func) = (this.get(vm).total.clone(), this.get(vm).func.clone());
    let new = if total.is_undef() {
        v
    } else if func.is_none() {
        vm.binary(BinOp::Add, &total, &v)?
    } else {
        vm.call(&func, &[total, v])?
    };
    let old = std::mem::replace(&mut this.get_mut(vm).total, new.clone());
    drop(old);
    Ok(new)
}

fn zip_longest_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, iterables)) = args.pos.split_first() else {
        return Err(vm.type_error("zip_longest.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    let mut fill = Value::NONE;
    for (name, v) in args.keywords() {
        if !vm.str_is(name, "fillvalue") {
            return Err(vm.type_error("zip_longest() got an unexpected keyword argument"));
        }
        fill = v.clone();
    }
    let its: Vec<Value> = iterables.iter().map(|v| vm.iter(v)).collect::<R<_>>()?;
    let active = its.len();
    Ok(vm.alloc_as(&class, ZipLongest { its, fill, active }).into())
}

fn zip_longest_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<ZipLongest>(a, "__next__")?;
    if this.get(vm).active == 0 {
        return Err(Raised::stop_iteration());
    }
    let n = this.get(vm).its.len();
    let mut items = Vec::with_capacity(n);
    for i in 0..n {
        let it = this.get(vm).its.get(i).cloned().unwrap_or(Value::UNDEF);
        let next = if it.is_undef() { Ok(None) } else { vm.next(&it) };
        match next {
            Ok(Some(v)) => items.push(v),
            Ok(None) => {
                if !it.is_undef() {
                    let mut this = this.get_mut(vm);
                    this.active = this.active.saturating_sub(1);
                    if let Some(slot) = this.its.get_mut(i) {
                        *slot = Value::UNDEF;
                    }
                    if this.active == 0 {
                        return Err(Raised::stop_iteration());
                    }
                }
                items.push(this.get(vm).fill.clone());
            }
            Err(e) => {
                this.get_mut(vm).active = 0;
                return Err(e);
            }
        }
    }
    let tuple: Ref<Tuple> = vm.tuple(items);
    Ok(tuple.into())
}
