//! `zip`, `map` and `filter`.

use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::seq::Zip;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `map`.
    pub struct Map {
        func: Value,
        its: Box<[Value]>,
        strict: bool,
    }
}
heap_object! {
    /// The payload of `filter`.
    pub struct Filter {
        func: Value,
        it: Value,
    }
}

const ZIP: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, /, *iterables, strict=False)",
        "Tuples of the iterables' items, side by side.",
        zip_new,
    ),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", zip_next),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<Zip>(a, "__reduce__")?.get(vm);
        reduction(vm, &a[0], this.its.to_vec(), this.strict)
    }),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", |vm, a| {
        let this = vm.this::<Zip>(a, "__setstate__")?;
        let strict = vm.truth(&a[1])?;
        this.get_mut(vm).strict = strict;
        Ok(Value::NONE)
    }),
];

const MAP: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, function, iterable, /, *iterables, strict=False)",
        "What the function makes of the iterables' items.",
        map_new,
    ),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", map_next),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<Map>(a, "__reduce__")?.get(vm);
        let args = std::iter::once(this.func.clone()).chain(this.its.iter().cloned()).collect();
        reduction(vm, &a[0], args, this.strict)
    }),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", |vm, a| {
        let this = vm.this::<Map>(a, "__setstate__")?;
        let strict = vm.truth(&a[1])?;
        this.get_mut(vm).strict = strict;
        Ok(Value::NONE)
    }),
];

const FILTER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, function, iterable, /)", "The items for which the function is true.", filter_new),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", filter_next),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let this = vm.this::<Filter>(a, "__reduce__")?.get(vm);
        let args = vec![this.func.clone(), this.it.clone()];
        reduction(vm, &a[0], args, false)
    }),
];

/// Makes the classes.
///
/// # Errors
/// None in a sound build.
#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<Zip>("builtins", "zip", None, class_flag::BASE)?;
    vm.extend_class(&class, ZIP, &[]);
    let class = vm.define_class::<Map>("builtins", "map", None, class_flag::BASE)?;
    vm.extend_class(&class, MAP, &[]);
    let class = vm.define_class::<Filter>("builtins", "filter", None, class_flag::BASE)?;
    vm.extend_class(&class, FILTER, &[]);
    Ok(())
}

fn reduction(vm: &Vm, this: &Value, args: Vec<Value>, strict: bool) -> R {
    let mut parts = vec![vm.class_of(this).value().clone(), vm.tuple(args).into_value()];
    if strict {
        parts.push(Value::TRUE);
    }
    Ok(vm.tuple(parts).into())
}

/// The class, the positional arguments and `strict`.
fn arguments<'a>(vm: &mut Vm, args: &Args<'a>, name: &str) -> R<(Ref<Class>, &'a [Value], bool)> {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error(format!("{name}.__new__(): not enough arguments")));
    };
    let class = vm.class_arg(class)?;
    let mut strict = false;
    // A subclass may have an `__init__` that takes more.
    if !class.get(vm).is_heap() || vm.str_is(args.kw_names.first().unwrap_or(&Value::NONE), "strict") {
        for (key, v) in args.keywords() {
            let key = vm.str_of(key);
            if key != "strict" {
                return Err(vm.type_error(format!("{name}() got an unexpected keyword argument '{key}'")));
            }
            strict = vm.truth(v)?;
        }
    }
    Ok((class, given, strict))
}

fn iterators(vm: &mut Vm, iterables: &[Value]) -> R<Box<[Value]>> {
    let mut its = Vec::with_capacity(iterables.len());
    for v in iterables {
        its.push(vm.iter(v)?);
    }
    Ok(its.into_boxed_slice())
}

fn zip_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let (class, iterables, strict) = arguments(vm, args, "zip")?;
    let its = iterators(vm, iterables)?;
    Ok(vm.alloc_as(&class, Zip { its, strict, last: Value::UNDEF }).into())
}

fn map_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let (class, given, strict) = arguments(vm, args, "map")?;
    let [func, iterables @ ..] = given else {
        return Err(vm.type_error("map() must have at least two arguments."));
    };
    if iterables.is_empty() {
        return Err(vm.type_error("map() must have at least two arguments."));
    }
    let its = iterators(vm, iterables)?;
    Ok(vm.alloc_as(&class, Map { func: func.clone(), its, strict }).into())
}

fn zip_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Zip>(a, "__next__")?;
    let its = &this.get(vm).its;
    if let [x, y] = &**its {
        // By far the commonest case.
        let (x, y) = (x.clone(), y.clone());
        if !this.get(vm).strict {
            let Some(x) = vm.next(&x)? else { return Err(Raised::stop_iteration()) };
            let Some(y) = vm.next(&y)? else { return Err(Raised::stop_iteration()) };
            let mut last = std::mem::replace(&mut this.get_mut(vm).last, Value::UNDEF);
            let pair = vm.pair_again(&mut last, [x, y]);
            this.get_mut(vm).last = last;
            return Ok(pair);
        }
    }
    let (its, strict) = (this.get(vm).its.to_vec(), this.get(vm).strict);
    match next_of_all(vm, &its, strict, "zip")? {
        Some(items) => Ok(vm.tuple(items).into()),
        None => Err(Raised::stop_iteration()),
    }
}

/// The next items of all iterators; none when one has ended.
///
/// # Errors
/// What iteration raises; ValueError when they must end together and do not.
fn next_of_all(vm: &mut Vm, its: &[Value], strict: bool, name: &str) -> R<Option<Vec<Value>>> {
    if its.is_empty() {
        return Ok(None);
    }
    let mut items = Vec::with_capacity(its.len());
    for (i, it) in its.iter().enumerate() {
        match vm.next(it)? {
            Some(v) => items.push(v),
            None if strict => return uneven(vm, its, i, name),
            None => return Ok(None),
        }
    }
    Ok(Some(items))
}

/// Iterator `ended` has ended: have the others?
fn uneven(vm: &mut Vm, its: &[Value], ended: usize, name: &str) -> R<Option<Vec<Value>>> {
    let plural = |i: usize| if i == 1 { " " } else { "s 1-" };
    if ended > 0 {
        let text = format!("{name}() argument {} is shorter than argument{}{ended}", ended + 1, plural(ended));
        return Err(vm.value_error(text));
    }
    for (i, it) in its.iter().enumerate().skip(1) {
        if vm.next(it)?.is_some() {
            return Err(vm.value_error(format!("{name}() argument {} is longer than argument{}{i}", i + 1, plural(i))));
        }
    }
    Ok(None)
}

fn map_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Map>(a, "__next__")?;
    let func = this.get(vm).func.clone();
    if let [it] = &*this.get(vm).its {
        let it = it.clone();
        return match vm.next(&it)? {
            Some(v) => vm.call(&func, &[v]),
            None => Err(Raised::stop_iteration()),
        };
    }
    let (its, strict) = (this.get(vm).its.to_vec(), this.get(vm).strict);
    match next_of_all(vm, &its, strict, "map")? {
        Some(items) => vm.call(&func, &items),
        None => Err(Raised::stop_iteration()),
    }
}

fn filter_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error("filter.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    if !args.kw_names.is_empty() && !class.get(vm).is_heap() {
        return Err(vm.type_error("filter() takes no keyword arguments"));
    }
    let [func, iterable] = given else {
        return Err(vm.type_error(format!("filter expected 2 arguments, got {}", given.len())));
    };
    let it = vm.iter(iterable)?;
    Ok(vm.alloc_as(&class, Filter { func: func.clone(), it }).into())
}

fn filter_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Filter>(a, "__next__")?;
    let (func, it) = (this.get(vm).func.clone(), this.get(vm).it.clone());
    let by_truth = func.is_none() || func.is(vm.bool_class.value());
    while let Some(v) = vm.next(&it)? {
        let wanted = if by_truth {
            vm.truth(&v)?
        } else {
            let result = vm.call(&func, std::slice::from_ref(&v))?;
            vm.truth(&result)?
        };
        if wanted {
            return Ok(v);
        }
    }
    Err(Raised::stop_iteration())
}
