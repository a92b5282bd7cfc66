//! `range`: ints of any size.
//!
//! A range whose numbers all fit 64 bits is walked over by the machine's own iterator; others have an iterator
//! here, which counts with big ints.

use super::slice::unpack;
use crate::bigint::BigInt;
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::{RangeObject, SeqIter, SeqSource, SliceObject};
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `longrange_iterator`.
    pub struct LongRangeIter {}
    skip {
        next: BigInt,
        step: BigInt,
        left: BigInt,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, start, stop=None, step=1, /)", "Create a range of integers.", range_new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", range_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", range_hash),
    NativeDef::new("__bool__(self, /)", "True if self else False", |vm, a| {
        let len = vm.this::<RangeObject>(a, "__bool__")?.get(vm).len.clone();
        Ok(vm.truth(&len)?.into())
    }),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let len = vm.this::<RangeObject>(a, "__len__")?.get(vm).len.clone();
        match vm.as_i64(&len) {
            Some(_) => Ok(len),
            None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", get_item),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        let range = vm.this::<RangeObject>(a, "__contains__")?.clone();
        match place(vm, &range, &a[1]) {
            Some(found) => Ok(found.is_some().into()),
            None => Ok(vm.contains_by_iteration(&a[0], &a[1])?.into()),
        }
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let range = vm.this::<RangeObject>(a, "__iter__")?.clone();
        Ok(iterate(vm, &range))
    }),
    NativeDef::new("__reversed__(self, /)", "Return a reverse iterator.", reversed),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let range = vm.this::<RangeObject>(a, "__reduce__")?.get(vm);
        let args = vec![range.start.clone(), range.stop.clone(), range.step.clone()];
        let args = vm.tuple(args).into_value();
        Ok(vm.pair([vm.types.range.value().clone(), args]))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("count(self, value, /)", "Return number of occurrences of value.", |vm, a| {
        let range = vm.this::<RangeObject>(a, "count")?.clone();
        if let Some(found) = place(vm, &range, &a[1]) {
            return Ok(Value::int32(found.is_some() as i32));
        }
        let it = iterate(vm, &range);
        let mut n = 0i64;
        while let Some(v) = vm.next(&it)? {
            n += i64::from(vm.equal(&v, &a[1])?);
        }
        Ok(vm.int(n))
    }),
    NativeDef::new(
        "index(self, value, /)",
        "Return index of value.\nRaise ValueError if the value is not present.",
        index,
    ),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("start", "", |vm, v| Ok(this(vm, v)?.get(vm).start.clone()), super::descriptors::read_only),
    GetSetDef::with_set("stop", "", |vm, v| Ok(this(vm, v)?.get(vm).stop.clone()), super::descriptors::read_only),
    GetSetDef::with_set("step", "", |vm, v| Ok(this(vm, v)?.get(vm).step.clone()), super::descriptors::read_only),
];

const LONG_ITER: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<LongRangeIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<LongRangeIter>(a, "__next__")?;
        if it.get(vm).left.is_zero() {
            return Err(Raised::stop_iteration());
        }
        let next = {
            let mut it = it.get_mut(vm);
            it.left = &it.left - 1;
            let after = &it.next + &it.step;
            std::mem::replace(&mut it.next, after)
        };
        Ok(vm.big_int(next))
    }),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let left = vm.this::<LongRangeIter>(a, "__length_hint__")?.get(vm).left.clone();
        Ok(vm.big_int(left))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", |vm, a| {
        let it = vm.this::<LongRangeIter>(a, "__reduce__")?.get(vm);
        let stop = &it.next + &(&it.left * &it.step);
        let (start, step) = (it.next.clone(), it.step.clone());
        let range = from_big(vm, start, stop, step).into_value();
        super::iterators::iter_reduction(vm, range, Some(Value::NONE))
    }),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", |vm, a| {
        let it = vm.this::<LongRangeIter>(a, "__setstate__")?;
        let n = vm.index(&a[1])?;
        let n = vm.as_big_int(&n).unwrap_or_default().max(BigInt::from(0));
        let mut it = it.get_mut(vm);
        let n = n.min(it.left.clone());
        it.next = &it.next + &(&n * &it.step);
        it.left = &it.left - &n;
        Ok(Value::NONE)
    }),
];

/// Gives `range` its methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.range.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    let class = vm.define_class::<LongRangeIter>("builtins", "longrange_iterator", None, 0)?;
    vm.extend_class(&class, LONG_ITER, &[]);
    Ok(())
}

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<RangeObject>> {
    vm.this::<RangeObject>(std::slice::from_ref(v), "start")
}

/// An exact int, whatever gave it.
fn exact_index(vm: &mut Vm, v: &Value) -> R {
    let i = vm.index(v)?;
    if vm.is_exact(&i, &vm.types.int) {
        return Ok(i);
    }
    let big = vm.as_big_int(&i).unwrap_or_default();
    Ok(vm.big_int(big))
}

fn range_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error("range.__new__(): not enough arguments"));
    };
    vm.class_arg(class)?;
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("range() takes no keyword arguments"));
    }
    let (start, stop, step) = match given {
        [] => return Err(vm.type_error("range expected at least 1 argument, got 0")),
        [stop] => (Value::int32(0), exact_index(vm, stop)?, Value::int32(1)),
        [start, stop] => (exact_index(vm, start)?, exact_index(vm, stop)?, Value::int32(1)),
        [start, stop, step] => (exact_index(vm, start)?, exact_index(vm, stop)?, exact_index(vm, step)?),
        more => return Err(vm.type_error(format!("range expected at most 3 arguments, got {}", more.len()))),
    };
    if step.as_small_int() == Some(0) {
        return Err(vm.value_error("range() arg 3 must not be zero"));
    }
    Ok(new_range(vm, start, stop, step).into())
}

/// A range with these parameters, all of them ints, the step not 0.
pub fn new_range(vm: &Vm, start: Value, stop: Value, step: Value) -> Ref<RangeObject> {
    let len = match (vm.as_i64(&start), vm.as_i64(&stop), vm.as_i64(&step)) {
        (Some(a), Some(b), Some(s)) => {
            let (a, b, s) = (i128::from(a), i128::from(b), i128::from(s));
            let distance = if s > 0 { b - a } else { a - b };
            vm.int_from(if distance > 0 { (distance - 1) / s.abs() + 1 } else { 0 })
        }
        _ => {
            let big = |v| vm.as_big_int(v).unwrap_or_default();
            let (a, b, s) = (big(&start), big(&stop), big(&step));
            let distance = if s.is_negative() { &a - &b } else { &b - &a };
            if distance.is_negative() || distance.is_zero() {
                Value::int32(0)
            } else {
                let whole = (&distance - 1).floor_div(&s.abs()).unwrap_or_default();
                vm.big_int(&whole + 1)
            }
        }
    };
    vm.alloc(RangeObject { start, stop, step, len })
}

fn from_big(vm: &Vm, start: BigInt, stop: BigInt, step: BigInt) -> Ref<RangeObject> {
    new_range(vm, vm.big_int(start), vm.big_int(stop), vm.big_int(step))
}

/// Start, step and length as big ints.
fn big_parts(vm: &Vm, range: &Ref<RangeObject>) -> (BigInt, BigInt, BigInt) {
    let r = range.get(vm);
    let big = |v| vm.as_big_int(v).unwrap_or_default();
    (big(&r.start), big(&r.step), big(&r.len))
}

/// The iterator over a range.
fn iterate(vm: &mut Vm, range: &Ref<RangeObject>) -> Value {
    let r = range.get(vm);
    if let (Some(next), Some(_), Some(step), Some(left)) =
        (vm.as_i64(&r.start), vm.as_i64(&r.stop), vm.as_i64(&r.step), vm.as_big_int(&r.len).and_then(|n| n.to_u64()))
    {
        let class = vm.types.range_iterator.clone();
        return vm.alloc_as(&class, SeqIter { source: SeqSource::Range { next, step, left }, at: 0 }).into();
    }
    let (next, step, left) = big_parts(vm, range);
    vm.alloc(LongRangeIter { next, step, left }).into()
}

fn reversed(vm: &mut Vm, a: &[Value]) -> R {
    let range = vm.this::<RangeObject>(a, "__reversed__")?.clone();
    let (start, step, len) = big_parts(vm, &range);
    let last = &start + &(&(&len - 1) * &step);
    let stop = &start - &step;
    let backwards = from_big(vm, last, stop, -&step);
    Ok(iterate(vm, &backwards))
}

fn range_repr(vm: &mut Vm, a: &[Value]) -> R {
    let r = vm.this::<RangeObject>(a, "__repr__")?.get(vm);
    let parts = [r.start.clone(), r.stop.clone(), r.step.clone()];
    let shown = if parts[2].as_small_int() == Some(1) { &parts[..2] } else { &parts[..] };
    let mut out = b"range(".to_vec();
    for (i, v) in shown.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        super::list::push_repr(vm, &mut out, v)?;
    }
    out.push(b')');
    Ok(vm.new_str_bytes(&out).into())
}

fn range_hash(vm: &mut Vm, a: &[Value]) -> R {
    let r = vm.this::<RangeObject>(a, "__hash__")?.get(vm);
    let (len, start, step) = (r.len.clone(), r.start.clone(), r.step.clone());
    let parts = match len.as_small_int() {
        Some(0) => vec![len, Value::NONE, Value::NONE],
        Some(1) => vec![len, start, Value::NONE],
        _ => vec![len, start, step],
    };
    let tuple = vm.tuple(parts).into_value();
    let hash = vm.hash(&tuple)?;
    Ok(vm.int(hash as i64))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = vm.this::<RangeObject>(a, "__eq__")?.clone();
    let Some(y) = a[1].cast::<RangeObject>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let ((start, step, len), (other_start, other_step, other_len)) = (big_parts(vm, &x), big_parts(vm, y));
    let equal =
        len == other_len && (len.is_zero() || start == other_start && (len == BigInt::from(1) || step == other_step));
    Ok(Value::bool(equal == (op == CmpOp::Eq)))
}

fn get_item(vm: &mut Vm, a: &[Value]) -> R {
    let range = vm.this::<RangeObject>(a, "__getitem__")?.clone();
    let key = &a[1];
    if let Some(slice) = key.cast::<SliceObject>() {
        return sub_range(vm, &range, slice);
    }
    if !vm.is_int(key) && vm.special(key, Special::Index).is_none() {
        let class = vm.class_name(key);
        return Err(vm.type_error(format!("range indices must be integers or slices, not {class}")));
    }
    let i = vm.index(key)?;
    let r = range.get(vm);
    if let (Some(i), Some(len), Some(start), Some(step)) =
        (i.as_small_int(), r.len.as_small_int(), r.start.as_small_int(), r.step.as_small_int())
    {
        let at = if i < 0 { i + len } else { i };
        if at < 0 || at >= len {
            return Err(vm.index_error("range object index out of range"));
        }
        return Ok(vm.int_from(i128::from(start) + i128::from(at) * i128::from(step)));
    }
    let (start, step, len) = big_parts(vm, &range);
    let mut at = vm.as_big_int(&i).unwrap_or_default();
    if at.is_negative() {
        at = &at + &len;
    }
    if at.is_negative() || at >= len {
        return Err(vm.index_error("range object index out of range"));
    }
    Ok(vm.big_int(&start + &(&at * &step)))
}

fn sub_range(vm: &mut Vm, range: &Ref<RangeObject>, slice: &Ref<SliceObject>) -> R {
    let (start, step, len) = big_parts(vm, range);
    let (from, to, by) = match len.to_i64() {
        Some(n) if super::slice::is_small(vm, slice) => {
            let span = super::slice::Span::new(unpack(vm, slice)?, n as usize);
            (BigInt::from(span.start), BigInt::from(span.stop), BigInt::from(span.step))
        }
        _ => {
            let len = vm.big_int(len);
            let indices = vm.call_method(slice.value(), "indices", &[len])?;
            let parts = vm.tuple_clone(&indices).unwrap_or_default();
            let part = |i: usize| parts.get(i).and_then(|v| vm.as_big_int(v)).unwrap_or_default();
            (part(0), part(1), part(2))
        }
    };
    let new = from_big(vm, &start + &(&from * &step), &start + &(&to * &step), &step * &by);
    Ok(new.into())
}

/// Where a plain int is in the range: outside `Some(None)`; `None` when the value is something else.
fn place(vm: &Vm, range: &Ref<RangeObject>, v: &Value) -> Option<Option<BigInt>> {
    if !vm.is_exact(v, &vm.types.int) && v.as_bool().is_none() {
        return None;
    }
    let (start, step, len) = big_parts(vm, range);
    let distance = &vm.as_big_int(v)? - &start;
    let Some((at, rest)) = distance.divmod(&step) else { return Some(None) };
    let inside = rest.is_zero() && !at.is_negative() && at < len;
    Some(inside.then_some(at))
}

fn index(vm: &mut Vm, a: &[Value]) -> R {
    let range = vm.this::<RangeObject>(a, "index")?.clone();
    match place(vm, &range, &a[1]) {
        Some(Some(at)) => Ok(vm.big_int(at)),
        Some(None) => Err(vm.value_error("range.index(x): x not in range")),
        None => {
            let it = iterate(vm, &range);
            let mut at = 0i64;
            while let Some(v) = vm.next(&it)? {
                if vm.equal(&v, &a[1])? {
                    return Ok(vm.int(at));
                }
                at += 1;
            }
            Err(vm.value_error("sequence.index(x): x not in sequence"))
        }
    }
}
