//! Functions about iteration: `aiter`, `all`, `anext`, `any`, `iter`, `len`, `max`, `min`, `next`, `sorted`.

use crate::heap_object;
use crate::vm::native::{Args, MachineFn, NativeDef, arg};
use crate::vm::ops::CmpOp;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("all(iterable, /)", "Return True if bool(x) is True for all values x in the iterable.", |vm, a| {
        until(vm, &a[0], false)
    }),
    NativeDef::new("any(iterable, /)", "Return True if bool(x) is True for any x in the iterable.", |vm, a| {
        until(vm, &a[0], true)
    }),
    NativeDef::machine("len(obj, /)", "Return the number of items in a container.", MachineFn::Len, |vm, a| {
        let n = vm.len(&a[0])?;
        Ok(vm.int_from(n as u64))
    }),
    NativeDef::new("iter(object, sentinel=None, /)", "Get an iterator from an object.", iter),
    NativeDef::machine(
        "next(iterator, default=None, /)",
        "Return the next item from the iterator.",
        MachineFn::Next,
        next,
    ),
    NativeDef::raw(
        "max(*args, key=None, default=None)",
        "max(iterable, *[, default=obj, key=func]) -> value\nmax(arg1, arg2, *args, *[, key=func]) -> value",
        |vm, args| extreme(vm, args, "max", CmpOp::Gt),
    ),
    NativeDef::raw(
        "min(*args, key=None, default=None)",
        "min(iterable, *[, default=obj, key=func]) -> value\nmin(arg1, arg2, *args, *[, key=func]) -> value",
        |vm, args| extreme(vm, args, "min", CmpOp::Lt),
    ),
    NativeDef::raw(
        "sorted(iterable, /, *, key=None, reverse=False)",
        "Return a new list containing all items from the iterable in ascending order.",
        sorted,
    ),
    NativeDef::new("aiter(async_iterable, /)", "Return an AsyncIterator for an AsyncIterable object.", aiter),
    NativeDef::new("anext(aiterator, default=None, /)", "Return the next item from the async iterator.", anext),
];

/// Whether an item whose truth is `wanted` comes up.
fn until(vm: &mut Vm, iterable: &Value, wanted: bool) -> R {
    let it = vm.iter(iterable)?;
    while let Some(item) = vm.next(&it)? {
        if vm.truth(&item)? == wanted {
            return Ok(Value::bool(wanted));
        }
    }
    Ok(Value::bool(!wanted))
}

fn iter(vm: &mut Vm, a: &[Value]) -> R {
    match arg(a, 1) {
        None => vm.iter(&a[0]),
        Some(sentinel) => {
            if !vm.is_callable(&a[0]) {
                return Err(vm.type_error("iter(v, w): v must be callable"));
            }
            Ok(crate::objects::iterators::callable_iterator(vm, a[0].clone(), sentinel.clone()))
        }
    }
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let Some(f) = vm.special(&a[0], Special::Next) else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("'{got}' object is not an iterator")));
    };
    match vm.call_special(&f, &a[0], &[]) {
        Err(e) if a.len() > 1 && vm.raised_is(&e, &vm.exc.StopIteration) => Ok(a[1].clone()),
        other => other,
    }
}

fn extreme(vm: &mut Vm, args: &Args<'_>, name: &str, op: CmpOp) -> R {
    if let [x, y] = args.pos
        && args.kw_names.is_empty()
        && let (Some(a), Some(b)) = (x.as_small_int(), y.as_small_int())
    {
        // The first of equal ones, which are the same.
        return Ok(if (a > b) == matches!(op, CmpOp::Gt) { x.clone() } else { y.clone() });
    }
    let (mut key, mut default) = (Value::NONE, None);
    for (k, v) in args.keywords() {
        match vm.str_of(k).as_str() {
            "key" => key = v.clone(),
            "default" => default = Some(v.clone()),
            other => return Err(vm.unexpected_native_keyword(name, other, &["key", "default"])),
        }
    }
    let iterable = match args.pos {
        [] => return Err(vm.type_error(format!("{name} expected at least 1 argument, got 0"))),
        [one] => one.clone(),
        many => {
            if default.is_some() {
                return Err(
                    vm.type_error(format!("Cannot specify a default for {name}() with multiple positional arguments"))
                );
            }
            vm.tuple(many.to_vec()).into_value()
        }
    };
    let it = vm.iter(&iterable)?;
    let mut best: Option<(Value, Value)> = None;
    while let Some(item) = vm.next(&it)? {
        let k = if key.is_none() { item.clone() } else { vm.call(&key, std::slice::from_ref(&item))? };
        let better = match &best {
            None => true,
            Some((_, b)) => {
                let b = b.clone();
                vm.compare(&k, &b, op)?
            }
        };
        if better {
            best = Some((item, k));
        }
    }
    match (best, default) {
        (Some((item, _)), _) => Ok(item),
        (None, Some(d)) => Ok(d),
        (None, None) => Err(vm.value_error(format!("{name}() iterable argument is empty"))),
    }
}

fn sorted(vm: &mut Vm, args: &Args<'_>) -> R {
    let [iterable] = args.pos else {
        let n = args.pos.len();
        return Err(vm.type_error(format!("sorted expected 1 argument, got {n}")));
    };
    let items = vm.collect(iterable)?;
    let list = vm.list(items).into_value();
    let name = vm.intern("sort");
    let sort = vm.get_attr(&list, &name)?;
    vm.call_kw(&sort, &Args { pos: &[], ..*args })?;
    Ok(list)
}

fn aiter(vm: &mut Vm, a: &[Value]) -> R {
    let got = vm.class_name(&a[0]);
    let Some(f) = vm.special(&a[0], Special::AIter) else {
        return Err(vm.type_error(format!("'{got}' object is not an async iterable")));
    };
    let it = vm.call_special(&f, &a[0], &[])?;
    if vm.special(&it, Special::ANext).is_none() {
        let got = vm.class_name(&it);
        return Err(vm.type_error(format!("aiter() returned not an async iterator of type '{got}'")));
    }
    Ok(it)
}

heap_object! {
    /// The payload of `anext_awaitable`: `anext(it, default)`.
    pub struct AnextAwaitable { wrapped: Value, iterator: Value, default: Value }
}

fn anext(vm: &mut Vm, a: &[Value]) -> R {
    let got = vm.class_name(&a[0]);
    let Some(f) = vm.special(&a[0], Special::ANext) else {
        return Err(vm.type_error(format!("'{got}' object is not an async iterator")));
    };
    let awaitable = vm.call_special(&f, &a[0], &[])?;
    let Some(default) = arg(a, 1).cloned() else { return Ok(awaitable) };
    if vm.class_for::<AnextAwaitable>().is_none() {
        let class = vm.define_class::<AnextAwaitable>("builtins", "anext_awaitable", None, 0)?;
        vm.extend_class(&class, ANEXT, &[]);
    }
    Ok(vm.alloc(AnextAwaitable { wrapped: awaitable, iterator: Value::NONE, default }).into())
}

const ANEXT: &[NativeDef] = &[
    NativeDef::new("__await__(self, /)", "Return an iterator to be used in await expression.", |_, a| Ok(a[0].clone())),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| anext_step(vm, a, "send", &[Value::NONE])),
    NativeDef::new("send(self, value, /)", "", |vm, a| anext_step(vm, a, "send", &a[1..])),
    NativeDef::new("throw(self, typ, val=None, tb=None, /)", "", |vm, a| anext_step(vm, a, "throw", &a[1..])),
    NativeDef::new("close(self, /)", "", |vm, a| anext_step(vm, a, "close", &[])),
];

/// Passes a step on to the wrapped awaitable; the end of the iteration becomes the default.
fn anext_step(vm: &mut Vm, a: &[Value], method: &str, args: &[Value]) -> R {
    let this = vm.this::<AnextAwaitable>(a, method)?.clone();
    let (wrapped, mut it, default) = {
        let t = this.get(vm);
        (t.wrapped.clone(), t.iterator.clone(), t.default.clone())
    };
    if it.is_none() {
        it = match vm.special(&wrapped, Special::Await) {
            Some(f) => vm.call_special(&f, &wrapped, &[])?,
            None => {
                let got = vm.class_name(&wrapped);
                return Err(vm.type_error(format!("'{got}' object can't be awaited")));
            }
        };
        this.get_mut(vm).iterator = it.clone();
    }
    let result = match (method, args) {
        ("send", [v]) if v.is_none() => match vm.special(&it, Special::Next) {
            Some(f) => vm.call_special(&f, &it, &[]),
            None => vm.call_method(&it, method, args),
        },
        _ => vm.call_method(&it, method, args),
    };
    match result {
        Err(e) if vm.raised_is(&e, &vm.exc.StopAsyncIteration) => Err(vm.stop_iteration(default)),
        other => other,
    }
}
