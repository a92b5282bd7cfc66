//! `gc`: the collector as scripts see and steer it.
//!
//! There is one generation; functions that take or give generations accept the three of CPython and treat them
//! alike.

use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("enable()", "Enable automatic garbage collection.", |vm, _| {
        vm.gc_enable(true);
        Ok(Value::NONE)
    }),
    NativeDef::new("disable()", "Disable automatic garbage collection.", |vm, _| {
        vm.gc_enable(false);
        Ok(Value::NONE)
    }),
    NativeDef::new("isenabled()", "Returns true if automatic garbage collection is enabled.", |vm, _| {
        Ok(vm.gc_enabled().into())
    }),
    NativeDef::new("collect(generation=2)", "Run the garbage collector.", collect),
    NativeDef::new("get_threshold()", "Return the current collection thresholds.", get_threshold),
    NativeDef::raw(
        "set_threshold(threshold0, threshold1=0, threshold2=0, /)",
        "Set the collection thresholds.",
        |vm, a| set_threshold(vm, a.pos),
    ),
    NativeDef::new("get_count()", "Return a three-tuple of the current collection counts.", |vm, _| {
        let n = Value::len(vm.gc_growth());
        Ok(vm.tuple(vec![n, Value::int32(0), Value::int32(0)]).into())
    }),
    NativeDef::new("get_stats()", "Return a list of dictionaries containing per-generation statistics.", get_stats),
    NativeDef::new("get_debug()", "Get the garbage collection debugging flags.", |vm, _| Ok(vm.int(vm.gc_debug()))),
    NativeDef::new("set_debug(flags, /)", "Set the garbage collection debugging flags.", |vm, a| {
        let flags = vm.index_i64(arg_or_none(a, 0))?;
        vm.gc_set_debug(flags);
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "get_objects(generation=None)",
        "Return a list of objects tracked by the collector (excluding the list returned).",
        get_objects,
    ),
    NativeDef::raw(
        "get_referrers(*objs)",
        "Return the list of objects that directly refer to any of 'objs'.",
        |vm, a| {
            let found = vm.gc_referrers(a.pos);
            Ok(vm.list(found).into())
        },
    ),
    NativeDef::raw(
        "get_referents(*objs)",
        "Return the list of objects that are directly referred to by 'objs'.",
        |vm, a| {
            let found = a.pos.iter().flat_map(|v| vm.gc_referents(v)).collect();
            Ok(vm.list(found).into())
        },
    ),
    NativeDef::new("is_tracked(obj, /)", "Returns true if the object is tracked by the garbage collector.", |vm, a| {
        Ok(vm.gc_is_tracked(arg_or_none(a, 0)).into())
    }),
    NativeDef::new(
        "is_finalized(obj, /)",
        "Returns true if the object has been already finalized by the GC.",
        |vm, a| Ok(vm.gc_is_finalized(arg_or_none(a, 0)).into()),
    ),
    NativeDef::new(
        "freeze()",
        "Freeze all current tracked objects and ignore them for future collections.",
        |vm, _| {
            vm.gc_freeze();
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("unfreeze()", "Unfreeze all objects in the permanent generation.", |vm, _| {
        vm.gc_unfreeze();
        Ok(Value::NONE)
    }),
    NativeDef::new("get_freeze_count()", "Return the number of objects in the permanent generation.", |vm, _| {
        Ok(Value::len(vm.gc_freeze_count()))
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("gc", FUNCTIONS);
    let (callbacks, garbage) = (vm.list(Vec::new()).into_value(), vm.list(Vec::new()).into_value());
    vm.gc_set_lists(callbacks.clone(), garbage.clone());
    vm.module_set(&module, "callbacks", callbacks);
    vm.module_set(&module, "garbage", garbage);
    let flags = [
        ("DEBUG_STATS", 1),
        ("DEBUG_COLLECTABLE", 2),
        ("DEBUG_UNCOLLECTABLE", 4),
        ("DEBUG_SAVEALL", crate::vm::gc::DEBUG_SAVEALL as i32),
        ("DEBUG_LEAK", 38),
    ];
    for (name, value) in flags {
        vm.module_set(&module, name, Value::int32(value));
    }
    Ok(module.into())
}

fn collect(vm: &mut Vm, a: &[Value]) -> R {
    let generation = match arg(a, 0) {
        Some(v) => vm.index_i64(v)?,
        None => 2,
    };
    if !(0..=2).contains(&generation) {
        return Err(vm.value_error("invalid generation"));
    }
    vm.tick(vm.live_objects())?;
    Ok(Value::len(vm.collect_with_callbacks(generation)))
}

fn get_threshold(vm: &mut Vm, _: &[Value]) -> R {
    let items = vm.gc_thresholds().map(|n| vm.int(n)).to_vec();
    Ok(vm.tuple(items).into())
}

fn set_threshold(vm: &mut Vm, a: &[Value]) -> R {
    if a.is_empty() || a.len() > 3 {
        let text = format!("gc.set_threshold requires 1 to 3 arguments, got {}", a.len());
        return Err(vm.type_error(text));
    }
    let mut thresholds = vm.gc_thresholds();
    for (slot, v) in thresholds.iter_mut().zip(a) {
        *slot = vm.index_i64(v)?;
    }
    vm.gc_set_thresholds(thresholds);
    Ok(Value::NONE)
}

fn get_stats(vm: &mut Vm, _: &[Value]) -> R {
    let stats = vm.gc_stats();
    let mut generations = Vec::new();
    for generation in 0..3 {
        let of = |n: u64| if generation == 2 { n as i64 } else { 0 };
        let d = vm.new_dict();
        for (key, n) in
            [("collections", of(stats.collections)), ("collected", of(stats.collected)), ("uncollectable", 0)]
        {
            let (key, n) = (vm.intern(key), vm.int(n));
            d.set_str(vm, &key, n);
        }
        generations.push(d.into_value());
    }
    Ok(vm.list(generations).into())
}

fn get_objects(vm: &mut Vm, a: &[Value]) -> R {
    let wanted = match arg_or_none(a, 0) {
        v if v.is_none() => true,
        v => match vm.index_i64(v)? {
            n if n > 2 => {
                return Err(
                    vm.value_error("generation parameter must be less than the number of available generations (3)")
                );
            }
            n if n < 0 => return Err(vm.value_error("generation parameter cannot be negative")),
            // All objects are in the oldest generation.
            n => n == 2,
        },
    };
    let objects = if wanted { vm.gc_objects() } else { Vec::new() };
    Ok(vm.list(objects).into())
}
