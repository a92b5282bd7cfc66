//! `set` and `frozenset`: their methods. What the operators do with tables is in `algebra`.
//!
//! Sets iterate in the order of their tables, and the tables are filled in the order in which CPython fills its
//! own: each operation walks over the same operand, and makes room at the same moment.

mod algebra;
mod iter;

pub use algebra::{AnySet, difference_update, intersection, symmetric_update, update};

use super::generic_alias::class_getitem;
use super::list::push_repr;
use crate::vm::class::Class;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::set::{FrozenSet, Set};
use crate::vm::{R, Value, Vm};
use algebra::{difference, is_disjoint, is_subset, is_superset, symmetric_difference, union};

/// What both types have.
const COMMON: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", set_repr),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let set = this(vm, a, "__len__")?;
        Ok(Value::len(set.len(vm)))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let set = this(vm, a, "__iter__")?;
        Ok(iter::iterate(vm, set))
    }),
    NativeDef::new("__contains__(self, object, /)", "x.__contains__(y) <==> y in x.", |vm, a| {
        let set = this(vm, a, "__contains__")?;
        let (hash, key) = element(vm, &a[1])?;
        Ok(set.contains_hashed(vm, hash, &key)?.into())
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new(
        "__class_getitem__(cls, object, /)",
        "sets are generic over the type of their elements",
        class_getitem,
    ),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__and__(self, value, /)", "Return self&value.", |vm, a| operator(vm, &a[0], &a[1], intersection)),
    NativeDef::new("__rand__(self, value, /)", "Return value&self.", |vm, a| operator(vm, &a[1], &a[0], intersection)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| operator(vm, &a[0], &a[1], union)),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| operator(vm, &a[1], &a[0], union)),
    NativeDef::new("__sub__(self, value, /)", "Return self-value.", |vm, a| operator(vm, &a[0], &a[1], difference)),
    NativeDef::new("__rsub__(self, value, /)", "Return value-self.", |vm, a| operator(vm, &a[1], &a[0], difference)),
    NativeDef::new("__xor__(self, value, /)", "Return self^value.", |vm, a| {
        operator(vm, &a[0], &a[1], symmetric_difference)
    }),
    NativeDef::new("__rxor__(self, value, /)", "Return value^self.", |vm, a| {
        operator(vm, &a[1], &a[0], symmetric_difference)
    }),
    NativeDef::raw(
        "difference(self, /, *others)",
        "Return a new set with elements in the set that are not in the others.",
        |vm, args| {
            let (set, others) = variadic(vm, args, "difference")?;
            let Some((first, rest)) = others.split_first() else { return Ok(set.copy(vm).value().clone()) };
            let result = difference(vm, set.value(), first)?;
            if let Some(r) = AnySet::of(&result) {
                for other in rest {
                    algebra::remove_all(vm, &r, other)?;
                }
            }
            Ok(result)
        },
    ),
    NativeDef::raw(
        "intersection(self, /, *others)",
        "Return a new set with elements common to the set and all others.",
        |vm, args| {
            let (set, others) = variadic(vm, args, "intersection")?;
            intersect_all(vm, &set, others)
        },
    ),
    NativeDef::raw(
        "union(self, /, *others)",
        "Return a new set with elements from the set and all others.",
        |vm, args| {
            let (set, others) = variadic(vm, args, "union")?;
            let result = set.copy(vm);
            for other in others.iter().filter(|o| !o.is(set.value())) {
                algebra::add_all(vm, &result, other)?;
            }
            Ok(result.value().clone())
        },
    ),
    NativeDef::new(
        "symmetric_difference(self, other, /)",
        "Return a new set with elements in either the set or other but not both.",
        |vm, a| {
            this(vm, a, "symmetric_difference")?;
            symmetric_difference(vm, &a[0], &a[1])
        },
    ),
    NativeDef::new("isdisjoint(self, other, /)", "Return True if two sets have a null intersection.", |vm, a| {
        let set = this(vm, a, "isdisjoint")?;
        Ok(is_disjoint(vm, &set, &a[1])?.into())
    }),
    NativeDef::new("issubset(self, other, /)", "Report whether another set contains this set.", |vm, a| {
        let set = this(vm, a, "issubset")?;
        Ok(is_subset(vm, &set, &a[1])?.into())
    }),
    NativeDef::new("issuperset(self, other, /)", "Report whether this set contains another set.", |vm, a| {
        let set = this(vm, a, "issuperset")?;
        Ok(is_superset(vm, &set, &a[1])?.into())
    }),
];

const SET: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, Set::default()).into())
    }),
    NativeDef::raw("__init__(self, iterable=(), /)", "Initialize self.", init_set),
    NativeDef::new("__iand__(self, value, /)", "Return self&=value.", |vm, a| {
        in_place(vm, a, |vm, set, other| {
            let result = intersection(vm, set.value(), other)?;
            take_over(vm, set, &result);
            Ok(())
        })
    }),
    NativeDef::new("__ior__(self, value, /)", "Return self|=value.", |vm, a| in_place(vm, a, update)),
    NativeDef::new("__isub__(self, value, /)", "Return self-=value.", |vm, a| in_place(vm, a, difference_update)),
    NativeDef::new("__ixor__(self, value, /)", "Return self^=value.", |vm, a| in_place(vm, a, symmetric_update)),
    NativeDef::new("add(self, object, /)", "Add an element to a set.", |vm, a| {
        vm.this::<Set>(a, "add")?.add(vm, a[1].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("clear(self, /)", "Remove all elements from this set.", |vm, a| {
        let old = vm.this::<Set>(a, "clear")?.get_mut(vm).table.take();
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("copy(self, /)", "Return a shallow copy of a set.", |vm, a| {
        let set = this(vm, a, "copy")?;
        Ok(set.copy(vm).value().clone())
    }),
    NativeDef::new("discard(self, object, /)", "Remove an element from a set if it is a member.", |vm, a| {
        let set = vm.this::<Set>(a, "discard")?;
        let (hash, key) = element(vm, &a[1])?;
        set.discard_hashed(vm, hash, &key)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("remove(self, object, /)", "Remove an element from a set; it must be a member.", |vm, a| {
        let set = vm.this::<Set>(a, "remove")?;
        let (hash, key) = element(vm, &a[1])?;
        if set.discard_hashed(vm, hash, &key)? { Ok(Value::NONE) } else { Err(vm.key_error(&a[1])) }
    }),
    NativeDef::new("pop(self, /)", "Remove and return an arbitrary set element.", |vm, a| {
        let set = vm.this::<Set>(a, "pop")?;
        let popped = {
            let mut s = set.get_mut(vm);
            let finger = s.finger;
            s.table.pop(finger).map(|(next, v)| {
                s.finger = next;
                v
            })
        };
        popped.ok_or_else(|| super::dict::empty_error(vm, "pop from an empty set"))
    }),
    NativeDef::raw("difference_update(self, /, *others)", "Remove the elements found in the others.", |vm, args| {
        for_others(vm, args, "difference_update", difference_update)
    }),
    NativeDef::raw("update(self, /, *others)", "Update the set, adding elements from all others.", |vm, args| {
        for_others(vm, args, "update", update)
    }),
    NativeDef::raw(
        "intersection_update(self, /, *others)",
        "Update the set, keeping only elements found in it and all others.",
        |vm, args| {
            let (set, others) = variadic(vm, args, "intersection_update")?;
            let result = intersect_all(vm, &set, others)?;
            let set = vm.this::<Set>(args.pos, "intersection_update")?;
            take_over(vm, set, &result);
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "symmetric_difference_update(self, other, /)",
        "Update the set, keeping only elements found in either set, but not in both.",
        |vm, a| {
            let set = vm.this::<Set>(a, "symmetric_difference_update")?;
            symmetric_update(vm, set, &a[1])?;
            Ok(Value::NONE)
        },
    ),
];

const FROZENSET: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable=(), /)", "Create and return a new object.", new_frozen),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let set = vm.this::<FrozenSet>(a, "__hash__")?;
        let hash = match set.get(vm).hash {
            Some(hash) => hash,
            None => {
                let hash = crate::text::hash::hash_frozenset(set.get(vm).table.iter_hashed().map(|(h, _)| h as i64));
                set.get_mut(vm).hash = Some(hash as u64);
                hash as u64
            }
        };
        Ok(vm.int(hash as i64))
    }),
    NativeDef::new("copy(self, /)", "Return a shallow copy of a set.", |vm, a| {
        let set = this(vm, a, "copy")?;
        if vm.is_exact(&a[0], &vm.types.frozenset) { Ok(a[0].clone()) } else { Ok(set.copy(vm).value().clone()) }
    }),
];

/// Gives both types their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let (set, frozen) = (vm.types.set.clone(), vm.types.frozenset.clone());
    for class in [&set, &frozen] {
        vm.extend_class(class, COMMON, &[]);
    }
    vm.extend_class(&set, SET, &[]);
    vm.extend_class(&frozen, FROZENSET, &[]);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&set, &hash, Value::NONE);
    iter::init(vm)
}

fn this(vm: &mut Vm, a: &[Value], method: &str) -> R<AnySet> {
    match a.first().and_then(AnySet::of) {
        Some(set) => Ok(set),
        None => Err(vm.type_error(format!("descriptor '{method}' requires a set"))),
    }
}

/// The receiver and the other arguments of a method that takes any number of them.
fn variadic<'a>(vm: &mut Vm, args: &Args<'a>, method: &str) -> R<(AnySet, &'a [Value])> {
    let set = this(vm, args.pos, method)?;
    if !args.kw_names.is_empty() {
        let class = vm.class_name(set.value());
        return Err(vm.type_error(format!("{class}.{method}() takes no keyword arguments")));
    }
    Ok((set, args.pos.get(1..).unwrap_or_default()))
}

fn for_others(vm: &mut Vm, args: &Args<'_>, method: &str, f: fn(&mut Vm, &Ref<Set>, &Value) -> R<()>) -> R {
    let (_, others) = variadic(vm, args, method)?;
    let set = vm.this::<Set>(args.pos, method)?;
    for other in others {
        f(vm, set, other)?;
    }
    Ok(Value::NONE)
}

/// A key's hash; a `set` that is looked for stands for the frozenset with its elements.
fn element(vm: &mut Vm, key: &Value) -> R<(u64, Value)> {
    match vm.hash_as_set_element(key) {
        Ok(hash) => Ok((hash, key.clone())),
        Err(e) if key.is_a::<Set>() && vm.raised_is(&e, &vm.exc.TypeError) => {
            let Some(set) = AnySet::of(key) else { return Err(e) };
            let table = set.table(vm).copy();
            let frozen = vm.alloc(FrozenSet { table, ..FrozenSet::default() }).into_value();
            Ok((vm.hash(&frozen)?, frozen))
        }
        Err(e) => Err(e),
    }
}

fn init_set(vm: &mut Vm, args: &Args<'_>) -> R {
    let set = vm.this::<Set>(args.pos, "__init__")?;
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("set() takes no keyword arguments"));
    }
    if args.pos.len() > 2 {
        return Err(vm.type_error(format!("set expected at most 1 argument, got {}", args.pos.len() - 1)));
    }
    if !set.get(vm).table.is_fresh() {
        let old = set.get_mut(vm).table.take();
        drop(old);
    }
    if let Some(iterable) = args.pos.get(1) {
        update(vm, set, iterable)?;
    }
    Ok(Value::NONE)
}

fn new_frozen(vm: &mut Vm, args: &Args<'_>) -> R {
    let class: Ref<Class> = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let exact = class.is(&vm.types.frozenset);
    let init = vm.names.__init__.clone();
    if !args.kw_names.is_empty() && (exact || crate::objects::inherits(vm, &class, &vm.types.frozenset, &init)) {
        return Err(vm.type_error("frozenset() takes no keyword arguments"));
    }
    let given = args.pos.len().saturating_sub(1);
    if given > 1 {
        return Err(vm.type_error(format!("frozenset expected at most 1 argument, got {given}")));
    }
    if let Some(v) = args.pos.get(1)
        && exact
        && vm.is_exact(v, &class)
    {
        return Ok(v.clone());
    }
    let set = vm.alloc_as(&class, FrozenSet::default());
    if let Some(v) = args.pos.get(1) {
        algebra::add_all(vm, &AnySet::Frozen(set.clone()), v)?;
    }
    Ok(set.into())
}

fn set_repr(vm: &mut Vm, a: &[Value]) -> R {
    let set = this(vm, a, "__repr__")?;
    let name = vm.class_name(&a[0]);
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str(&format!("{name}(...)")).into());
    }
    let plain = vm.is_exact(&a[0], &vm.types.set);
    let result = repr_elements(vm, &set);
    vm.leave_repr(&a[0]);
    let inner = result?;
    if inner.is_empty() {
        return Ok(vm.new_str(&format!("{name}()")).into());
    }
    let text: [&[u8]; 5] =
        if plain { [b"", b"{", &inner, b"}", b""] } else { [name.as_bytes(), b"({", &inner, b"}", b")"] };
    Ok(vm.new_str_parts(&text).into())
}

fn repr_elements(vm: &mut Vm, set: &AnySet) -> R<Vec<u8>> {
    let elements: Vec<Value> = set.table(vm).iter().cloned().collect();
    let mut out = Vec::new();
    for (i, v) in elements.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_repr(vm, &mut out, v)?;
    }
    Ok(out)
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let set = this(vm, a, "__reduce__")?;
    let items: Vec<Value> = set.table(vm).iter().cloned().collect();
    let items = vm.list(items).into_value();
    let args = vm.tuple(vec![items]).into_value();
    let class = vm.class_of(&a[0]).value().clone();
    let state = super::class::reduce::get_state(vm, &a[0], false)?;
    Ok(vm.tuple(vec![class, args, state]).into())
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = this(vm, a, "__eq__")?;
    let Some(y) = AnySet::of(&a[1]) else { return Ok(Value::NOT_IMPLEMENTED) };
    let (n, m) = (x.len(vm), y.len(vm));
    let holds = match op {
        CmpOp::Eq | CmpOp::Ne => (n == m && is_subset(vm, &x, &a[1])?) == (op == CmpOp::Eq),
        CmpOp::Lt => n < m && is_subset(vm, &x, &a[1])?,
        CmpOp::Le => is_subset(vm, &x, &a[1])?,
        CmpOp::Gt => n > m && is_subset(vm, &y, &a[0])?,
        CmpOp::Ge => is_subset(vm, &y, &a[0])?,
    };
    Ok(holds.into())
}

fn operator(vm: &mut Vm, x: &Value, y: &Value, f: fn(&mut Vm, &Value, &Value) -> R) -> R {
    if AnySet::of(x).is_none() || AnySet::of(y).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    f(vm, x, y)
}

fn in_place(vm: &mut Vm, a: &[Value], f: impl FnOnce(&mut Vm, &Ref<Set>, &Value) -> R<()>) -> R {
    let set = vm.this::<Set>(a, "update")?;
    if AnySet::of(&a[1]).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    f(vm, set, &a[1])?;
    Ok(a[0].clone())
}

fn intersect_all(vm: &mut Vm, set: &AnySet, others: &[Value]) -> R {
    if others.is_empty() {
        return Ok(set.copy(vm).value().clone());
    }
    let mut result = set.value().clone();
    for other in others {
        result = intersection(vm, &result, other)?;
    }
    Ok(result)
}

/// Replaces a set's elements by those of a new set that nobody else knows.
fn take_over(vm: &mut Vm, set: &Ref<Set>, new: &Value) {
    let Some(new) = AnySet::of(new) else { return };
    let table = new.take(vm);
    let old = set.get_mut(vm).table.replace(table);
    drop(old);
}
