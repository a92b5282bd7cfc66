//! `OrderedDict`: a dict whose order can be changed, and counts in comparisons.
//!
//! Every dict keeps the order of insertion, so only what differs is here. Invariant: the class's one slot holds a
//! hint where the first entry is, valid while the dict's keys have not changed since.

use super::call_dict;
use crate::objects::class::slots::INSTANCE_DICT;
use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The number of the slot with the hint.
const HINT: usize = 0;
/// How many bits of the hint are a position; the others are the dict's count of changes.
const POSITION_BITS: u32 = 28;

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__init__(self, iterable=(), /, **kwargs)", "Initialize self.", |vm, args| {
        if args.pos.len() > 2 {
            let n = args.pos.len() - 1;
            return Err(vm.type_error(format!("expected at most 1 argument, got {n}")));
        }
        update(vm, args)
    }),
    NativeDef::raw(
        "update(self, iterable=(), /, **kwargs)",
        "Update the dictionary, as dict.update() does.",
        |vm, args| {
            if args.pos.len() > 2 {
                let n = args.pos.len() - 1;
                return Err(vm.type_error(format!("update() takes at most 1 positional argument ({n} given)")));
            }
            update(vm, args)
        },
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| equal(vm, a, false)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| equal(vm, a, true)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| union(vm, &a[0], &a[0], arg_or_none(a, 1))),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| union(vm, &a[0], arg_or_none(a, 1), &a[0])),
    NativeDef::new("__ior__(self, value, /)", "Return self|=value.", |vm, a| {
        merge(vm, &a[0], arg_or_none(a, 1))?;
        Ok(a[0].clone())
    }),
    NativeDef::new(
        "popitem(self, last=True)",
        "Remove and return a (key, value) pair from the dictionary.\n\nPairs are returned in LIFO order if last is \
         true or FIFO order if false.",
        pop_item,
    ),
    NativeDef::new(
        "move_to_end(self, key, last=True)",
        "Move an existing element to the end (or beginning if last is false).\n\nRaise KeyError if the element does \
         not exist.",
        move_to_end,
    ),
    NativeDef::new("copy(self, /)", "A shallow copy of ordered dict.", copy),
    NativeDef::new("__copy__(self, /)", "A shallow copy of ordered dict.", copy),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling", reduce),
];

/// Makes the class.
///
/// # Errors
/// None in a sound build.
pub(super) fn define(vm: &mut Vm) -> R<Ref<Class>> {
    let spec = ClassSpec {
        name: "OrderedDict",
        bases: vec![vm.types.dict.clone()],
        meta: None,
        flags: class_flag::BASE | class_flag::WEAKREF,
        slots: 1,
        dict: true,
    };
    let class = vm.new_class(spec, None)?;
    let module = vm.intern("collections").into_value();
    let name = vm.names.__module__.clone();
    vm.set_class_attr(&class, &name, module);
    vm.extend_class(&class, METHODS, &[INSTANCE_DICT]);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &hash, Value::NONE);
    Ok(class)
}

fn this(vm: &mut Vm, v: &Value) -> R<Ref<Dict>> {
    match v.cast::<Dict>() {
        Some(d) => Ok(d.clone()),
        None => {
            let class = vm.class_name(v);
            Err(vm.type_error(format!("expected an OrderedDict, got '{class}'")))
        }
    }
}

fn is_ordered(vm: &mut Vm, v: &Value) -> bool {
    // The method that only ordered dicts have tells them apart.
    let name = vm.intern("move_to_end");
    v.is_a::<Dict>() && vm.lookup(&vm.class_of(v).clone(), &name).is_some()
}

// ---- filling ----

fn update(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = arg_or_none(args.pos, 0);
    if let Some(source) = args.pos.get(1) {
        merge(vm, this, source)?;
    }
    for (k, v) in args.keywords() {
        vm.set_item(this, k.clone(), v.clone())?;
    }
    Ok(Value::NONE)
}

/// Sets everything that a mapping or an iterable of pairs gives, by `__setitem__`.
fn merge(vm: &mut Vm, this: &Value, source: &Value) -> R<()> {
    if let Some(d) = source.cast::<Dict>().filter(|_| vm.is_exact(source, &vm.types.dict)) {
        let items: Vec<(Value, Value)> = d.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        vm.tick(items.len())?;
        for (k, v) in items {
            vm.set_item(this, k, v)?;
        }
        return Ok(());
    }
    let keys = vm.intern("keys");
    if let Some(keys) = vm.get_attr_opt(source, &keys)? {
        let keys = vm.call(&keys, &[])?;
        let it = vm.iter(&keys)?;
        while let Some(key) = vm.next(&it)? {
            let value = vm.get_item(source, &key)?;
            vm.set_item(this, key, value)?;
        }
        return Ok(());
    }
    let items = vm.intern("items");
    let pairs = match vm.get_attr_opt(source, &items)? {
        Some(f) => vm.call(&f, &[])?,
        None => source.clone(),
    };
    let it = vm.iter(&pairs)?;
    while let Some(pair) = vm.next(&it)? {
        let parts = vm.iter(&pair)?;
        let Some(key) = vm.next(&parts)? else {
            return Err(vm.value_error("need more than 0 values to unpack"));
        };
        let Some(value) = vm.next(&parts)? else {
            return Err(vm.value_error("need more than 1 value to unpack"));
        };
        if vm.next(&parts)?.is_some() {
            return Err(vm.value_error("too many values to unpack (expected 2)"));
        }
        vm.set_item(this, key, value)?;
    }
    Ok(())
}

fn copy(vm: &mut Vm, a: &[Value]) -> R {
    let d = this(vm, &a[0])?;
    let class = vm.class_of(&a[0]).clone();
    if !class.get(vm).is_heap() {
        vm.check_alloc(d.get(vm).len() * 40)?;
        let items = d.get(vm).copy();
        return Ok(vm.alloc_as(&class, items).into());
    }
    let new = vm.call(class.value(), &[])?;
    let keys: Vec<Value> = d.get(vm).iter().map(|(k, _)| k.clone()).collect();
    for key in keys {
        let value = vm.get_item(&a[0], &key)?;
        vm.set_item(&new, key, value)?;
    }
    Ok(new)
}

fn union(vm: &mut Vm, this: &Value, left: &Value, right: &Value) -> R {
    if !left.is_a::<Dict>() || !right.is_a::<Dict>() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let class = vm.class_of(this).value().clone();
    let new = vm.call(&class, std::slice::from_ref(left))?;
    merge(vm, &new, right)?;
    Ok(new)
}

// ---- order ----

/// Where to look for the first entry.
fn first_position(vm: &Vm, this: &Value, d: &Ref<Dict>) -> usize {
    match vm.slot_value(this, HINT).as_small_int() {
        Some(hint) if (hint >> POSITION_BITS) as u32 == d.get(vm).changes() => {
            (hint & ((1 << POSITION_BITS) - 1)) as usize
        }
        _ => 0,
    }
}

fn keep_first_position(vm: &mut Vm, this: &Value, d: &Ref<Dict>, at: usize) {
    let hint = if at < 1 << POSITION_BITS {
        vm.int(i64::from(d.get(vm).changes()) << POSITION_BITS | at as i64)
    } else {
        Value::NONE
    };
    drop(vm.set_slot_value(this, HINT, hint));
}

fn pop_item(vm: &mut Vm, a: &[Value]) -> R {
    let d = this(vm, &a[0])?;
    let last = match arg(a, 1) {
        Some(v) => vm.truth(v)?,
        None => true,
    };
    if d.get(vm).is_empty() {
        let text = vm.new_str("dictionary is empty").into_value();
        return Err(vm.key_error(&text));
    }
    if last {
        return match d.pop_last(vm) {
            Some((k, v)) => Ok(vm.pair([k, v])),
            None => Ok(Value::NONE),
        };
    }
    let start = first_position(vm, &a[0], &d);
    let Some((next, key)) = d.get(vm).next_entry(start).map(|(next, k, _)| (next, k.clone())) else {
        return Ok(Value::NONE);
    };
    match d.remove(vm, &key)? {
        Some((k, v)) => {
            keep_first_position(vm, &a[0], &d, next);
            Ok(vm.pair([k, v]))
        }
        None => Err(vm.key_error(&key)),
    }
}

fn move_to_end(vm: &mut Vm, a: &[Value]) -> R {
    let d = this(vm, &a[0])?;
    let key = arg_or_none(a, 1);
    let last = match arg(a, 2) {
        Some(v) => vm.truth(v)?,
        None => true,
    };
    let there = {
        let items = d.get(vm);
        let edge = if last { items.previous_entry(usize::MAX) } else { items.next_entry(0) };
        edge.is_some_and(|(_, k, _)| k.is(key))
    };
    if there {
        return Ok(Value::NONE);
    }
    let Some((key, value)) = d.remove(vm, key)? else { return Err(vm.key_error(key)) };
    if last {
        d.set_item(vm, key, value)?;
        return Ok(Value::NONE);
    }
    // In front there is no room: everything is put in anew behind the key.
    let rest: Vec<(u64, Value, Value)> =
        d.get(vm).iter_hashed().map(|(hash, k, v)| (hash, k.clone(), v.clone())).collect();
    vm.tick(rest.len())?;
    let new = vm.new_dict();
    new.set_item(vm, key, value)?;
    for (hash, k, v) in rest {
        new.set_item_hashed(vm, hash, k, v)?;
    }
    let items = new.get_mut(vm).take();
    let old = std::mem::replace(&mut *d.get_mut(vm), items);
    drop(old);
    drop(vm.set_slot_value(&a[0], HINT, Value::NONE));
    Ok(Value::NONE)
}

fn equal(vm: &mut Vm, a: &[Value], negate: bool) -> R {
    let d = this(vm, &a[0])?;
    let other = arg_or_none(a, 1);
    let Some(o) = other.cast::<Dict>().cloned() else { return Ok(Value::NOT_IMPLEMENTED) };
    let same = call_dict(vm, "__eq__", &a[0], std::slice::from_ref(other))?;
    let mut same = vm.truth(&same)?;
    if same && is_ordered(vm, other) {
        let keys: Vec<(Value, Value)> = {
            let (x, y) = (d.get(vm).iter(), o.get(vm).iter());
            x.zip(y).map(|((k, _), (l, _))| (k.clone(), l.clone())).collect()
        };
        for (k, l) in &keys {
            vm.tick(1)?;
            if !vm.equal(k, l)? {
                same = false;
                break;
            }
        }
    }
    Ok(Value::bool(same != negate))
}

// ---- text and pickling ----

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let d = this(vm, &a[0])?;
    let name = vm.class_of(&a[0]).get(vm).name.clone();
    if d.get(vm).is_empty() {
        return Ok(vm.new_str_parts(&[name.get(vm).as_bytes(), b"()"]).into());
    }
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("...").into());
    }
    let text = vm.guarded(|vm| {
        // A plain dict shows the items in the same order, the subclass's `items` included.
        let class = vm.class_of(&a[0]).clone();
        let plain = if class.get(vm).is_heap() {
            let items = vm.call_method(&a[0], "items", &[])?;
            let dict = vm.types.dict.value().clone();
            vm.call(&dict, &[items])?
        } else {
            vm.alloc(d.get(vm).copy()).into_value()
        };
        vm.repr(&plain)
    });
    vm.leave_repr(&a[0]);
    let text = text?;
    Ok(vm.new_str_parts(&[name.get(vm).as_bytes(), b"(", text.get(vm).as_bytes(), b")"]).into())
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let state = vm.call_method(&a[0], "__getstate__", &[])?;
    let items = vm.call_method(&a[0], "items", &[])?;
    let items = vm.iter(&items)?;
    let class = vm.class_of(&a[0]).value().clone();
    let empty = vm.empty_tuple();
    Ok(vm.tuple(vec![class, empty, state, Value::NONE, items]).into())
}
