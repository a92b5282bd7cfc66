//! `compress`, `dropwhile`, `takewhile`, `filterfalse`, `islice`.

use super::{ITER, add_class, positional};
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `compress`.
    pub struct Compress {
        data: Value,
        selectors: Value,
    }
}
heap_object! {
    /// The payload of `dropwhile`.
    pub struct DropWhile {
        predicate: Value,
        it: Value,
        /// An item has failed the predicate.
        started: bool,
    }
}
heap_object! {
    /// The payload of `takewhile`.
    pub struct TakeWhile {
        predicate: Value,
        it: Value,
        ended: bool,
    }
}
heap_object! {
    /// The payload of `filterfalse`.
    pub struct FilterFalse {
        func: Value,
        it: Value,
    }
}
heap_object! {
    /// The payload of `islice`.
    pub struct Islice {
        /// The iterator; `UNDEF` at the end.
        it: Value,
        /// The position of the next item to give.
        next: u64,
        /// The position to end at, if any.
        stop: Option<u64>,
        step: u64,
        /// How many items the iterator has given.
        count: u64,
    }
}

const COMPRESS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, data, selectors)", "The data for which the selectors are true.", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        let (data, selectors) = (vm.iter(&a[1])?, vm.iter(&a[2])?);
        Ok(vm.alloc_as(&class, Compress { data, selectors }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<Compress>(a, "__next__")?;
        let (data, selectors) = (this.get(vm).data.clone(), this.get(vm).selectors.clone());
        while let Some(v) = vm.next(&data)? {
            let Some(selector) = vm.next(&selectors)? else { break };
            if vm.truth(&selector)? {
                return Ok(v);
            }
        }
        Err(Raised::stop_iteration())
    }),
];

const DROP_WHILE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, predicate, iterable, /)", "The items from the first that fails on.", |vm, args| {
        let (class, given) = positional(vm, args, "dropwhile", 2, 2)?;
        let it = vm.iter(&given[1])?;
        Ok(vm.alloc_as(&class, DropWhile { predicate: given[0].clone(), it, started: false }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<DropWhile>(a, "__next__")?;
        let (it, predicate) = (this.get(vm).it.clone(), this.get(vm).predicate.clone());
        while let Some(v) = vm.next(&it)? {
            if this.get(vm).started {
                return Ok(v);
            }
            if !passes(vm, &predicate, &v)? {
                this.get_mut(vm).started = true;
                return Ok(v);
            }
        }
        Err(Raised::stop_iteration())
    }),
];

const TAKE_WHILE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, predicate, iterable, /)", "The items up to the first that fails.", |vm, args| {
        let (class, given) = positional(vm, args, "takewhile", 2, 2)?;
        let it = vm.iter(&given[1])?;
        Ok(vm.alloc_as(&class, TakeWhile { predicate: given[0].clone(), it, ended: false }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<TakeWhile>(a, "__next__")?;
        if this.get(vm).ended {
            return Err(Raised::stop_iteration());
        }
        let (it, predicate) = (this.get(vm).it.clone(), this.get(vm).predicate.clone());
        let Some(v) = vm.next(&it)? else { return Err(Raised::stop_iteration()) };
        if passes(vm, &predicate, &v)? {
            return Ok(v);
        }
        this.get_mut(vm).ended = true;
        Err(Raised::stop_iteration())
    }),
];

const FILTER_FALSE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, iterable, /)", "The items for which the function is false.", |vm, args| {
        let (class, given) = positional(vm, args, "filterfalse", 2, 2)?;
        let it = vm.iter(&given[1])?;
        Ok(vm.alloc_as(&class, FilterFalse { func: given[0].clone(), it }).into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<FilterFalse>(a, "__next__")?;
        let (func, it) = (this.get(vm).func.clone(), this.get(vm).it.clone());
        let by_truth = func.is_none() || func.is(vm.bool_class.value());
        while let Some(v) = vm.next(&it)? {
            if !(if by_truth { vm.truth(&v)? } else { passes(vm, &func, &v)? }) {
                return Ok(v);
            }
        }
        Err(Raised::stop_iteration())
    }),
];

const ISLICE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable, start, stop=None, step=1, /)", "A slice of an iterable.", islice_new),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", islice_next),
];

pub(super) fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    add_class::<Compress>(vm, module, "compress", COMPRESS)?;
    add_class::<DropWhile>(vm, module, "dropwhile", DROP_WHILE)?;
    add_class::<TakeWhile>(vm, module, "takewhile", TAKE_WHILE)?;
    add_class::<FilterFalse>(vm, module, "filterfalse", FILTER_FALSE)?;
    add_class::<Islice>(vm, module, "islice", ISLICE)
}

fn passes(vm: &mut Vm, f: &Value, v: &Value) -> R<bool> {
    let result = vm.call(f, std::slice::from_ref(v))?;
    vm.truth(&result)
}

/// An argument as a number; `None` where it is none that fits, whatever the reason.
fn number(vm: &mut Vm, v: &Value) -> R<Option<i64>> {
    match vm.index_i64(v) {
        Ok(i) => Ok(Some(i)),
        Err(e) if e.is_halt() => Err(e),
        Err(_) => Ok(None),
    }
}

fn islice_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let (class, given) = positional(vm, args, "islice", 2, 4)?;
    let (first, second) = match given {
        [_, stop] => (None, stop),
        [_, start, stop, ..] => (Some(start), stop),
        _ => return Err(vm.type_error("islice expected at least 2 arguments")),
    };
    let start = match first {
        Some(v) if !v.is_none() => number(vm, v)?.unwrap_or(-1),
        _ => 0,
    };
    let stop = if second.is_none() { None } else { Some(number(vm, second)?.unwrap_or(-1)) };
    if stop == Some(-1) || first.is_none() && stop.is_some_and(|s| s < 0) {
        return Err(vm.value_error("Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize."));
    }
    if start < 0 || stop.is_some_and(|s| s < 0) {
        return Err(vm.value_error("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize."));
    }
    let step = match given.get(3) {
        Some(v) if !v.is_none() => number(vm, v)?.unwrap_or(-1),
        _ => 1,
    };
    if step < 1 {
        return Err(vm.value_error("Step for islice() must be a positive integer or None."));
    }
    let it = vm.iter(&given[0])?;
    let this = Islice { it, next: start as u64, stop: stop.map(|s| s as u64), step: step as u64, count: 0 };
    Ok(vm.alloc_as(&class, this).into())
}

fn islice_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Islice>(a, "__next__")?;
    let it = this.get(vm).it.clone();
    if it.is_undef() {
        return Err(Raised::stop_iteration());
    }
    let stop = this.get(vm).stop;
    loop {
        let (count, next) = (this.get(vm).count, this.get(vm).next);
        let skipping = count < next;
        if !skipping && stop.is_some_and(|s| count >= s) {
            break;
        }
        let Some(v) = vm.next(&it)? else { break };
        let mut this = this.get_mut(vm);
        this.count = count + 1;
        if !skipping {
            let after = next.saturating_add(this.step);
            this.next = stop.map_or(after, |s| after.min(s));
            return Ok(v);
        }
    }
    let old = std::mem::replace(&mut this.get_mut(vm).it, Value::UNDEF);
    drop(old);
    Err(Raised::stop_iteration())
}
