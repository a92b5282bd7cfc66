//! `slice`, and what a slice means for a sequence of some length.
//!
//! Asking a slice for its numbers may run script code (`__index__`), so it is done in two steps: [`unpack`]
//! first, then [`Span::new`] with the length that the sequence has by then.

use crate::bigint::BigInt;
use crate::vm::exception::Raised;
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::SliceObject;
use crate::vm::{R, Value, Vm};

/// The positions that a slice selects.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first position.
    pub start: i64,
    /// The position before which it ends, going by `step`.
    pub stop: i64,
    /// The distance between positions, never 0.
    pub step: i64,
    /// How many positions there are.
    pub len: usize,
}

impl Span {
    /// The positions that unpacked numbers select in a sequence.
    pub fn new((start, stop, step): (i64, i64, i64), len: usize) -> Span {
        let len = i64::try_from(len).unwrap_or(i64::MAX);
        let clamp = |at: i64| {
            if at < 0 {
                let at = at.saturating_add(len);
                if at < 0 { if step < 0 { -1 } else { 0 } } else { at }
            } else if at >= len {
                if step < 0 { len - 1 } else { len }
            } else {
                at
            }
        };
        let (start, stop) = (clamp(start), clamp(stop));
        let count = if step < 0 {
            if stop < start { (start - stop - 1) / step.saturating_neg() + 1 } else { 0 }
        } else if start < stop {
            (stop - start - 1) / step + 1
        } else {
            0
        };
        Span { start, stop, step, len: count as usize }
    }

    /// The selected positions, in order.
    pub fn positions(&self) -> impl Iterator<Item = usize> + use<> {
        let (start, step) = (self.start, self.step);
        (0..self.len as i64).map(move |i| (start + i * step) as usize)
    }

    /// The lowest and the highest selected position plus one, where the step is 1 or −1.
    pub fn range(&self) -> std::ops::Range<usize> {
        let start = self.start.max(0) as usize;
        start..start + self.len
    }
}

/// One of a slice's numbers, brought into the range of `i64`.
///
/// # Errors
/// TypeError when it is no number; what `__index__` raises.
pub fn slice_index(vm: &mut Vm, v: &Value) -> R<i64> {
    if let Some(i) = v.as_small_int() {
        return Ok(i);
    }
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        return Err(vm.type_error("slice indices must be integers or None or have an __index__ method"));
    }
    vm.index_clamped(v)
}

/// A slice's numbers with its defaults filled in: start, stop, step.
///
/// # Errors
/// TypeError when they are no numbers, ValueError for a step of 0, what `__index__` raises.
pub fn unpack(vm: &mut Vm, slice: &Ref<SliceObject>) -> R<(i64, i64, i64)> {
    let (start, stop, step) = parts(vm, slice);
    let step = if step.is_none() { 1 } else { slice_index(vm, &step)? };
    if step == 0 {
        return Err(vm.value_error("slice step cannot be zero"));
    }
    let step = step.max(-i64::MAX);
    let start = if start.is_none() { if step < 0 { i64::MAX } else { 0 } } else { slice_index(vm, &start)? };
    let stop = if stop.is_none() { if step < 0 { i64::MIN } else { i64::MAX } } else { slice_index(vm, &stop)? };
    Ok((start, stop, step))
}

/// An optional `start` or `stop` argument of `index` methods, clamped.
///
/// # Errors
/// TypeError when it is no number; what `__index__` raises.
pub fn bound_argument(vm: &mut Vm, v: Option<&Value>, default: i64) -> R<i64> {
    let Some(v) = v else { return Ok(default) };
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        return Err(vm.type_error("slice indices must be integers or have an __index__ method"));
    }
    vm.index_clamped(v)
}

/// Whether all of a slice's numbers are small ints, or left out.
pub fn is_small(vm: &Vm, slice: &Ref<SliceObject>) -> bool {
    let (start, stop, step) = parts(vm, slice);
    [start, stop, step].iter().all(|v| v.is_none() || v.as_small_int().is_some())
}

fn parts(vm: &Vm, slice: &Ref<SliceObject>) -> (Value, Value, Value) {
    let s = slice.get(vm);
    (s.start.clone(), s.stop.clone(), s.step.clone())
}

fn part(vm: &mut Vm, v: &Value, which: usize) -> R {
    let s = vm.this::<SliceObject>(std::slice::from_ref(v), "start")?.get(vm);
    Ok([&s.start, &s.stop, &s.step][which].clone())
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, start, stop=None, step=None, /)", "Create a slice object.", slice_new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", slice_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", slice_hash),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new(
        "indices(self, object, /)",
        "Give start, stop and step for a sequence of this length, out-of-range values clipped.",
        slice_indices,
    ),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", slice_reduce),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("start", "", |vm, v| part(vm, v, 0)),
    GetSetDef::new("stop", "", |vm, v| part(vm, v, 1)),
    GetSetDef::new("step", "", |vm, v| part(vm, v, 2)),
];

/// Gives `slice` its methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.slice.clone();
    vm.extend_class(&class, METHODS, ATTRS);
    Ok(())
}

fn slice_new(vm: &mut Vm, a: &[Value]) -> R {
    vm.class_arg(&a[0])?;
    let (first, second) = (a[1].clone(), crate::vm::native::arg(a, 2));
    let (start, stop) = match second {
        None => (Value::NONE, first),
        Some(stop) => (first, stop.clone()),
    };
    Ok(vm.alloc(SliceObject { start, stop, step: arg_or_none(a, 3).clone() }).into())
}

fn slice_repr(vm: &mut Vm, a: &[Value]) -> R {
    let (start, stop, step) = {
        let s = vm.this::<SliceObject>(a, "__repr__")?.clone();
        parts(vm, &s)
    };
    let (start, stop, step) = (vm.repr(&start)?, vm.repr(&stop)?, vm.repr(&step)?);
    let text = [
        &b"slice("[..],
        start.get(vm).as_bytes(),
        b", ",
        stop.get(vm).as_bytes(),
        b", ",
        step.get(vm).as_bytes(),
        b")",
    ];
    Ok(vm.new_str_parts(&text).into())
}

fn slice_hash(vm: &mut Vm, a: &[Value]) -> R {
    let (start, stop, step) = {
        let s = vm.this::<SliceObject>(a, "__hash__")?.clone();
        parts(vm, &s)
    };
    let hashes = [vm.hash(&start)?, vm.hash(&stop)?, vm.hash(&step)?];
    let hash = crate::text::hash::hash_tuple(hashes.map(|h| h as i64));
    Ok(vm.int(hash))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let this = vm.this::<SliceObject>(a, "__eq__")?;
    let Some(other) = a[1].cast::<SliceObject>() else { return Ok(Value::NOT_IMPLEMENTED) };
    if this.is(other) {
        return Ok(Value::bool(matches!(op, CmpOp::Eq | CmpOp::Le | CmpOp::Ge)));
    }
    let tuple = |vm: &Vm, s: &Ref<SliceObject>| {
        let (start, stop, step) = parts(vm, s);
        vm.tuple(vec![start, stop, step]).into_value()
    };
    let (x, y) = (tuple(vm, this), tuple(vm, other));
    vm.rich_compare(&x, &y, op)
}

fn slice_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let (start, stop, step) = {
        let s = vm.this::<SliceObject>(a, "__reduce__")?.clone();
        parts(vm, &s)
    };
    let class = vm.types.slice.value().clone();
    let args = vm.tuple(vec![start, stop, step]).into_value();
    Ok(vm.pair([class, args]))
}

/// A part as a big int; `None` where it is the script's `None`.
fn big_part(vm: &mut Vm, v: &Value) -> R<Option<BigInt>> {
    if v.is_none() {
        return Ok(None);
    }
    if !vm.is_int(v) && vm.special(v, crate::vm::special::Special::Index).is_none() {
        return Err(vm.type_error("slice indices must be integers or None or have an __index__ method"));
    }
    let i = vm.index(v)?;
    Ok(vm.as_big_int(&i))
}

fn slice_indices(vm: &mut Vm, a: &[Value]) -> R {
    let slice = vm.this::<SliceObject>(a, "indices")?.clone();
    let len = vm.index(&a[1])?;
    let len = vm.as_big_int(&len).unwrap_or_default();
    let (start, stop, step) = parts(vm, &slice);
    let step = big_part(vm, &step)?.unwrap_or_else(|| BigInt::from(1));
    if len.is_negative() {
        return Err(vm.value_error("length should not be negative"));
    }
    if step.is_zero() {
        return Err(vm.value_error("slice step cannot be zero"));
    }
    let (lower, upper) = if step.is_negative() { (BigInt::from(-1), &len - 1) } else { (BigInt::from(0), len.clone()) };
    let clip = |at: BigInt| {
        if at.is_negative() { (&at + &len).max(lower.clone()) } else { at.min(upper.clone()) }
    };
    let start = match big_part(vm, &start)? {
        None => {
            if step.is_negative() {
                upper.clone()
            } else {
                lower.clone()
            }
        }
        Some(at) => clip(at),
    };
    let stop = match big_part(vm, &stop)? {
        None => {
            if step.is_negative() {
                lower.clone()
            } else {
                upper.clone()
            }
        }
        Some(at) => clip(at),
    };
    let items = vec![vm.big_int(start), vm.big_int(stop), vm.big_int(step)];
    Ok(vm.tuple(items).into())
}

/// What the subscript of a sequence means.
pub enum Subscript {
    /// One position, not yet compared with the length; negative ones count from the end.
    Index(i64),
    /// A slice, unpacked.
    Slice((i64, i64, i64)),
}

/// Reads the subscript of a sequence; `what` begins the error text (`"list indices"`).
///
/// # Errors
/// TypeError when it is neither an index nor a slice; IndexError when it fits no sequence.
pub fn subscript(vm: &mut Vm, key: &Value, what: &str) -> R<Subscript> {
    if let Some(i) = key.as_small_int() {
        return Ok(Subscript::Index(i));
    }
    if let Some(s) = key.cast::<SliceObject>() {
        return Ok(Subscript::Slice(unpack(vm, s)?));
    }
    if !vm.is_int(key) && vm.special(key, crate::vm::special::Special::Index).is_none() {
        let class = vm.class_name(key);
        return Err(vm.type_error(format!("{what} must be integers or slices, not {class}")));
    }
    let i = vm.index(key)?;
    match vm.as_i64(&i) {
        Some(i) => Ok(Subscript::Index(i)),
        None => Err(unfit_index(vm, key)),
    }
}

#[cold]
fn unfit_index(vm: &mut Vm, key: &Value) -> Raised {
    let class = vm.class_name(key);
    vm.index_error(format!("cannot fit '{class}' into an index-sized integer"))
}

/// The position that an index means in a sequence of this length.
#[inline]
pub fn position(i: i64, len: usize) -> Option<usize> {
    let at = if i < 0 { i.checked_add(len as i64)? } else { i };
    usize::try_from(at).ok().filter(|&at| at < len)
}
