//! `tuple`: its methods.

use super::generic_alias::class_getitem;
use super::list::{clamp_bound, push_repr, quick_equal, repeat, select};
use super::slice::{Span, Subscript, bound_argument, position, subscript};
use crate::vm::native::{Args, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::{SeqIter, SeqSource};
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable=(), /)", "Create and return a new object.", tuple_new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", tuple_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", tuple_hash),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        Ok(Value::len(vm.this::<Tuple>(a, "__len__")?.get(vm).items().len()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let tuple = vm.this::<Tuple>(a, "__iter__")?.clone();
        let class = vm.types.tuple_iterator.clone();
        Ok(vm.alloc_as(&class, SeqIter { source: SeqSource::Tuple(tuple), at: 0 }).into())
    }),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        let tuple = vm.this::<Tuple>(a, "__contains__")?;
        Ok(find(vm, tuple, &a[1], 0, usize::MAX)?.is_some().into())
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", get_item),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", multiply),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", multiply),
    NativeDef::new("__getnewargs__(self, /)", "The arguments of __new__ that make an equal tuple.", |vm, a| {
        let items = vm.this::<Tuple>(a, "__getnewargs__")?.get(vm).items().to_vec();
        let copy = vm.tuple(items).into_value();
        Ok(vm.tuple(vec![copy]).into())
    }),
    NativeDef::new(
        "__class_getitem__(cls, object, /)",
        "Tuples are generic over the types of their contents.",
        class_getitem,
    ),
    NativeDef::new("count(self, value, /)", "Return number of occurrences of value.", |vm, a| {
        let tuple = vm.this::<Tuple>(a, "count")?;
        let (mut n, mut at) = (0, 0);
        while let Some(found) = find(vm, tuple, &a[1], at, usize::MAX)? {
            n += 1;
            at = found + 1;
        }
        Ok(Value::len(n))
    }),
    NativeDef::new(
        "index(self, value, start=0, stop=sys.maxsize, /)",
        "Return first index of value.\n\nRaises ValueError if the value is not present.",
        |vm, a| {
            let tuple = vm.this::<Tuple>(a, "index")?;
            let start = bound_argument(vm, arg(a, 2), 0)?;
            let stop = bound_argument(vm, arg(a, 3), i64::MAX)?;
            let len = tuple.get(vm).items().len();
            match find(vm, tuple, &a[1], clamp_bound(start, len), clamp_bound(stop, len))? {
                Some(at) => Ok(Value::len(at)),
                None => Err(vm.value_error("tuple.index(x): x not in tuple")),
            }
        },
    ),
];

/// Gives `tuple` its methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.tuple.clone();
    vm.extend_class(&class, METHODS, &[]);
    Ok(())
}

fn tuple_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let exact = class.is(&vm.types.tuple);
    let init = vm.names.__init__.clone();
    if !args.kw_names.is_empty() && (exact || crate::objects::inherits(vm, &class, &vm.types.tuple, &init)) {
        return Err(vm.type_error("tuple() takes no keyword arguments"));
    }
    let given = args.pos.len().saturating_sub(1);
    if given > 1 {
        return Err(vm.type_error(format!("tuple expected at most 1 argument, got {given}")));
    }
    let items = match args.pos.get(1) {
        None => Vec::new(),
        Some(v) if exact && vm.is_exact(v, &vm.types.tuple) => return Ok(v.clone()),
        Some(v) => vm.collect(v)?,
    };
    Ok(if exact { vm.tuple(items) } else { vm.tuple_as(&class, items) }.into())
}

fn tuple_repr(vm: &mut Vm, a: &[Value]) -> R {
    let tuple = vm.this::<Tuple>(a, "__repr__")?;
    if tuple.get(vm).items().is_empty() {
        return Ok(vm.new_str("()").into());
    }
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("(...)").into());
    }
    let result = repr_items(vm, tuple);
    vm.leave_repr(&a[0]);
    Ok(vm.new_str_bytes(&result?).into())
}

fn repr_items(vm: &mut Vm, tuple: &Ref<Tuple>) -> R<Vec<u8>> {
    let mut out = vec![b'('];
    let mut at = 0;
    while let Some(v) = tuple.get(vm).items().get(at).cloned() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        push_repr(vm, &mut out, &v)?;
        at += 1;
    }
    out.extend_from_slice(if at == 1 { b",)" } else { b")" });
    Ok(out)
}

fn tuple_hash(vm: &mut Vm, a: &[Value]) -> R {
    let tuple = vm.this::<Tuple>(a, "__hash__")?;
    let hash = hash_items(vm, tuple)?;
    Ok(vm.int(hash))
}

/// The hash of a tuple's items.
///
/// # Errors
/// What hashing them raises.
pub fn hash_items(vm: &mut Vm, tuple: &Ref<Tuple>) -> R<i64> {
    vm.charge(tuple.get(vm).items().len() / 8);
    let mut hash = crate::text::hash::TupleHasher::new();
    let mut at = 0;
    while let Some(v) = tuple.get(vm).items().get(at) {
        at += 1;
        if let Some(i) = v.as_small_int() {
            hash.add(crate::text::hash::hash_i64(i));
            continue;
        }
        let v = v.clone();
        hash.add(vm.hash(&v)? as i64);
    }
    Ok(hash.finish())
}

fn get_item(vm: &mut Vm, a: &[Value]) -> R {
    let tuple = vm.this::<Tuple>(a, "__getitem__")?;
    match subscript(vm, &a[1], "tuple indices")? {
        Subscript::Index(i) => {
            let items = tuple.get(vm).items();
            match position(i, items.len()).and_then(|at| items.get(at)) {
                Some(v) => Ok(v.clone()),
                None => Err(vm.index_error("tuple index out of range")),
            }
        }
        Subscript::Slice(parts) => {
            let len = tuple.get(vm).items().len();
            let span = Span::new(parts, len);
            if span.len == len && span.step == 1 && vm.is_exact(&a[0], &vm.types.tuple) {
                return Ok(a[0].clone());
            }
            vm.tick(span.len / 16)?;
            let items = select(tuple.get(vm).items(), &span);
            Ok(vm.tuple(items).into())
        }
    }
}

fn find(vm: &mut Vm, tuple: &Ref<Tuple>, wanted: &Value, start: usize, stop: usize) -> R<Option<usize>> {
    let mut at = start;
    while let Some(v) = tuple.get(vm).items().get(at).filter(|_| at < stop) {
        let same = match quick_equal(v, wanted) {
            Some(same) => same,
            None => {
                let v = v.clone();
                vm.tick(1)?;
                vm.equal(&v, wanted)?
            }
        };
        if same {
            return Ok(Some(at));
        }
        at += 1;
    }
    Ok(None)
}

/// `a[0] op a[1]`, by the first items that differ.
///
/// # Errors
/// What comparing items raises.
pub fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = vm.this::<Tuple>(a, "__eq__")?;
    let Some(y) = a[1].cast::<Tuple>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let mut at = 0;
    loop {
        let from = at;
        let (left, right) = {
            let (left, right) = (x.get(vm).items(), y.get(vm).items());
            while let (Some(l), Some(r)) = (left.get(at), right.get(at))
                && l.is(r)
            {
                at += 1;
            }
            vm.charge((at - from) / 16);
            match (left.get(at), right.get(at)) {
                (Some(l), Some(r)) => (l.clone(), r.clone()),
                _ => return Ok(Value::bool(op.holds(left.len().cmp(&right.len())))),
            }
        };
        vm.tick(1)?;
        if !vm.equal(&left, &right)? {
            return match op {
                CmpOp::Eq => Ok(Value::FALSE),
                CmpOp::Ne => Ok(Value::TRUE),
                _ => vm.rich_compare(&left, &right, op),
            };
        }
        at += 1;
    }
}

/// `tuple.__add__`.
///
/// # Errors
/// TypeError when one of the two is no tuple; MemoryError.
pub fn add(vm: &mut Vm, a: &[Value]) -> R {
    let x = vm.this::<Tuple>(a, "__add__")?;
    let Some(y) = a[1].cast::<Tuple>() else {
        let class = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can only concatenate tuple (not \"{class}\") to tuple")));
    };
    for (this, other) in [(x, y), (y, x)] {
        if other.get(vm).items().is_empty() && vm.is_exact(this.value(), &vm.types.tuple) {
            return Ok(this.value().clone());
        }
    }
    let n = x.get(vm).items().len() + y.get(vm).items().len();
    vm.check_alloc(n * size_of::<Value>())?;
    vm.tick(n / 16)?;
    Ok(vm.joined_tuple(x.get(vm).items(), y.get(vm).items()).into())
}

fn multiply(vm: &mut Vm, a: &[Value]) -> R {
    let len = vm.this::<Tuple>(a, "__mul__")?.get(vm).items().len();
    match repeat(vm, &a[0], &a[1])? {
        Some(new) if new.len() == len && vm.is_exact(&a[0], &vm.types.tuple) => Ok(a[0].clone()),
        Some(new) => Ok(vm.tuple(new).into()),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}
