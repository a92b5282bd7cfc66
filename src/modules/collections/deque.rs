//! `deque` and its two iterators.
//!
//! Invariant: every change of the length bumps `state`, by which loops that ran script code notice that the deque
//! is no longer what it was; a deque with a `maxlen` never holds more.

use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::special::Special;
use crate::vm::{R, Raised, Value, Vm};
use std::collections::VecDeque;

heap_object! {
    /// `collections.deque`.
    pub struct Deque {
        items: VecDeque<Value>,
        maxlen: Option<usize>,
        /// Counts the changes of the length.
        state: u64,
    }
    external = |this| this.items.capacity() * size_of::<Value>();
}

heap_object! {
    /// `_deque_iterator` and `_deque_reverse_iterator`.
    pub struct DequeIter {
        /// `None` once it failed or ended.
        deque: Option<Ref<Deque>>,
        /// How many items were given.
        given: usize,
        /// How many are left.
        left: usize,
        /// The deque's state at the start.
        state: u64,
        reverse: bool,
    }
}

#[derive(Default)]
struct Classes {
    forward: Option<Ref<Class>>,
    reverse: Option<Ref<Class>>,
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let class = vm.class_arg(arg_or_none(args.pos, 0))?;
        Ok(vm.alloc_as(&class, Deque { items: VecDeque::new(), maxlen: None, state: 0 }).into())
    }),
    NativeDef::raw("__init__(self, iterable=(), maxlen=None)", "Initialize self.", init),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let d = vm.this::<Deque>(a, "__iter__")?;
        Ok(iterator(vm, d, false))
    }),
    NativeDef::new("__reversed__(self, /)", "Return a reverse iterator over the deque.", |vm, a| {
        let d = vm.this::<Deque>(a, "__reversed__")?;
        Ok(iterator(vm, d, true))
    }),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        Ok(Value::len(vm.this::<Deque>(a, "__len__")?.get(vm).items.len()))
    }),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", multiply),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", multiply),
    NativeDef::new("__iadd__(self, value, /)", "Implement self+=value.", |vm, a| {
        let d = vm.this::<Deque>(a, "__iadd__")?;
        extend_from(vm, d, &a[1], Side::Right)?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__imul__(self, value, /)", "Implement self*=value.", |vm, a| {
        let d = vm.this::<Deque>(a, "__imul__")?;
        repeat(vm, d, &a[1])?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", |vm, a| {
        let d = vm.this::<Deque>(a, "__getitem__")?;
        let at = position(vm, d, &a[1])?;
        Ok(d.get(vm).items.get(at).cloned().unwrap_or(Value::NONE))
    }),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", |vm, a| {
        let d = vm.this::<Deque>(a, "__setitem__")?;
        let at = position(vm, d, &a[1])?;
        let old = d.get_mut(vm).items.get_mut(at).map(|slot| std::mem::replace(slot, a[2].clone()));
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", |vm, a| {
        let d = vm.this::<Deque>(a, "__delitem__")?;
        let at = position(vm, d, &a[1])?;
        remove_at(vm, d, at);
        Ok(Value::NONE)
    }),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        let d = vm.this::<Deque>(a, "__contains__")?;
        Ok(Value::bool(find(vm, d, &a[1], 0, usize::MAX)?.is_some()))
    }),
    NativeDef::new("append(self, item, /)", "Add an element to the right side of the deque.", |vm, a| {
        let d = vm.this::<Deque>(a, "append")?;
        push(vm, d, a[1].clone(), Side::Right)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("appendleft(self, item, /)", "Add an element to the left side of the deque.", |vm, a| {
        let d = vm.this::<Deque>(a, "appendleft")?;
        push(vm, d, a[1].clone(), Side::Left)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("clear(self, /)", "Remove all elements from the deque.", |vm, a| {
        let d = vm.this::<Deque>(a, "clear")?;
        clear(vm, d);
        Ok(Value::NONE)
    }),
    NativeDef::new("__copy__(self, /)", "Return a shallow copy of a deque.", copy),
    NativeDef::new("copy(self, /)", "Return a shallow copy of a deque.", copy),
    NativeDef::new("count(self, value, /)", "Return number of occurrences of value.", count),
    NativeDef::new(
        "extend(self, iterable, /)",
        "Extend the right side of the deque with elements from the iterable.",
        |vm, a| {
            let d = vm.this::<Deque>(a, "extend")?;
            extend_from(vm, d, &a[1], Side::Right)?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "extendleft(self, iterable, /)",
        "Extend the left side of the deque with elements from the iterable.",
        |vm, a| {
            let d = vm.this::<Deque>(a, "extendleft")?;
            extend_from(vm, d, &a[1], Side::Left)?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "index(self, value, start=0, stop=9223372036854775807, /)",
        "Return first index of value.\n\nRaises ValueError if the value is not present.",
        index,
    ),
    NativeDef::new("insert(self, index, value, /)", "Insert value before index.", insert),
    NativeDef::new("pop(self, /)", "Remove and return the rightmost element.", |vm, a| {
        let d = vm.this::<Deque>(a, "pop")?;
        pop(vm, d, Side::Right)
    }),
    NativeDef::new("popleft(self, /)", "Remove and return the leftmost element.", |vm, a| {
        let d = vm.this::<Deque>(a, "popleft")?;
        pop(vm, d, Side::Left)
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", reduce),
    NativeDef::new("remove(self, value, /)", "Remove first occurrence of value.", remove),
    NativeDef::new("reverse(self, /)", "Reverse *IN PLACE*.", |vm, a| {
        let d = vm.this::<Deque>(a, "reverse")?;
        let n = d.get(vm).items.len();
        vm.tick(n / 16)?;
        d.get_mut(vm).items.make_contiguous().reverse();
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "rotate(self, n=1, /)",
        "Rotate the deque n steps to the right.  If n is negative, rotates left.",
        rotate,
    ),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

const ATTRS: &[GetSetDef] = &[GetSetDef::new("maxlen", "maximum size of a deque or None if unbounded", |vm, v| {
    let maxlen = v.cast::<Deque>().and_then(|d| d.get(vm).maxlen);
    Ok(maxlen.map_or(Value::NONE, Value::len))
})];

const ITER_METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", iter_next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        Ok(Value::len(vm.this::<DequeIter>(a, "__length_hint__")?.get(vm).left))
    }),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", iter_reduce),
];

const FORWARD_NEW: &[NativeDef] =
    &[NativeDef::raw("__new__(cls, deque, index=0, /)", "Create and return a new object.", |vm, args| {
        iter_new(vm, args, false)
    })];

const REVERSE_NEW: &[NativeDef] =
    &[NativeDef::raw("__new__(cls, deque, index=0, /)", "Create and return a new object.", |vm, args| {
        iter_new(vm, args, true)
    })];

/// Makes the classes: `deque`, `_deque_iterator`, `_deque_reverse_iterator`.
///
/// # Errors
/// None in a sound build.
pub(super) fn define(vm: &mut Vm) -> R<[Ref<Class>; 3]> {
    let flags = class_flag::BASE | class_flag::WEAKREF | class_flag::SEQUENCE;
    let deque = vm.define_class::<Deque>("collections", "deque", None, flags)?;
    vm.extend_class(&deque, METHODS, ATTRS);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&deque, &hash, Value::NONE);
    let forward = vm.define_class::<DequeIter>("collections", "_deque_iterator", None, 0)?;
    vm.extend_class(&forward, ITER_METHODS, &[]);
    vm.extend_class(&forward, FORWARD_NEW, &[]);
    let reverse = vm.define_class::<DequeIter>("collections", "_deque_reverse_iterator", None, 0)?;
    vm.extend_class(&reverse, ITER_METHODS, &[]);
    vm.extend_class(&reverse, REVERSE_NEW, &[]);
    let classes = vm.state::<Classes>();
    classes.forward = Some(forward.clone());
    classes.reverse = Some(reverse.clone());
    Ok([deque, forward, reverse])
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

// ---- changing ----

/// Adds an item; the one at the other end goes when the deque is full.
///
/// # Errors
/// MemoryError when the system has no memory for a longer one.
fn push(vm: &mut Vm, d: &Ref<Deque>, item: Value, side: Side) -> R<()> {
    let items = &d.get(vm).items;
    vm.check_growth(items.len(), items.capacity(), 1, size_of::<Value>())?;
    let mut this = d.get_mut(vm);
    this.state = this.state.wrapping_add(1);
    let full = this.maxlen.is_some_and(|most| this.items.len() >= most);
    let gone = match (full, side) {
        (false, _) => None,
        (true, Side::Right) => this.items.pop_front(),
        (true, Side::Left) => this.items.pop_back(),
    };
    if this.maxlen != Some(0) {
        match side {
            Side::Right => this.items.push_back(item),
            Side::Left => this.items.push_front(item),
        }
    }
    drop(this);
    drop(gone);
    Ok(())
}

fn pop(vm: &mut Vm, d: &Ref<Deque>, side: Side) -> R {
    let mut this = d.get_mut(vm);
    let item = match side {
        Side::Right => this.items.pop_back(),
        Side::Left => this.items.pop_front(),
    };
    if item.is_some() {
        this.state = this.state.wrapping_add(1);
    }
    drop(this);
    match item {
        Some(item) => Ok(item),
        None => Err(vm.index_error("pop from an empty deque")),
    }
}

fn clear(vm: &mut Vm, d: &Ref<Deque>) {
    let mut this = d.get_mut(vm);
    this.state = this.state.wrapping_add(1);
    let old = std::mem::take(&mut this.items);
    drop(this);
    drop(old);
}

fn remove_at(vm: &mut Vm, d: &Ref<Deque>, at: usize) {
    let mut this = d.get_mut(vm);
    this.state = this.state.wrapping_add(1);
    let old = this.items.remove(at);
    drop(this);
    drop(old);
}

fn extend_from(vm: &mut Vm, d: &Ref<Deque>, source: &Value, side: Side) -> R<()> {
    // A deque that is extended by itself grows by what it was at first.
    let it = if source.is(d.value()) {
        let items: Vec<Value> = d.get(vm).items.iter().cloned().collect();
        let list = vm.list(items).into_value();
        vm.iter(&list)?
    } else {
        vm.iter(source)?
    };
    while let Some(item) = vm.next(&it)? {
        push(vm, d, item, side)?;
    }
    Ok(())
}

fn insert(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "insert")?;
    let at = vm.index_i64(&a[1])?;
    let n = d.get(vm).items.len();
    if d.get(vm).maxlen.is_some_and(|most| n >= most) {
        return Err(vm.index_error("deque already at its maximum size"));
    }
    let at = if at < 0 { n.saturating_sub(at.unsigned_abs() as usize) } else { n.min(at as usize) };
    let mut this = d.get_mut(vm);
    this.state = this.state.wrapping_add(1);
    this.items.insert(at, a[2].clone());
    drop(this);
    vm.tick(n / 64)?;
    Ok(Value::NONE)
}

fn rotate(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "rotate")?;
    let n = match arg(a, 1) {
        Some(v) => vm.index_i64(v)?,
        None => 1,
    };
    let len = d.get(vm).items.len();
    if len > 1 {
        let steps = n.rem_euclid(len as i64) as usize;
        // No script may run between the look at the length and the turn.
        vm.charge(steps.min(len - steps) / 16);
        let mut this = d.get_mut(vm);
        this.state = this.state.wrapping_add(1);
        this.items.rotate_right(steps);
    }
    Ok(Value::NONE)
}

/// `*=`: with a `maxlen`, the last items of the repetition remain.
fn repeat(vm: &mut Vm, d: &Ref<Deque>, times: &Value) -> R<()> {
    let times = usize::try_from(vm.index_i64(times)?).unwrap_or(0);
    let (len, maxlen) = (d.get(vm).items.len(), d.get(vm).maxlen);
    if times == 0 || len == 0 {
        clear(vm, d);
        return Ok(());
    }
    if times == 1 {
        return Ok(());
    }
    let Some(mut total) = len.checked_mul(times) else { return Err(vm.memory_error("")) };
    if let Some(most) = maxlen {
        total = total.min(most);
    }
    vm.check_alloc(total.saturating_mul(size_of::<Value>()))?;
    vm.tick(total / 16)?;
    let old: Vec<Value> = d.get(vm).items.iter().cloned().collect();
    // The last item of the whole is the last of a repetition, so the cut is at the front.
    let skip = (len - total % len) % len;
    let mut this = d.get_mut(vm);
    this.state = this.state.wrapping_add(1);
    this.items = old.iter().cycle().skip(skip).take(total).cloned().collect();
    Ok(())
}

// ---- reading ----

/// The position that an index means.
fn position(vm: &mut Vm, d: &Ref<Deque>, key: &Value) -> R<usize> {
    if !vm.is_int(key) && vm.special(key, Special::Index).is_none() {
        let class = vm.class_name(key);
        return Err(vm.type_error(format!("sequence index must be integer, not '{class}'")));
    }
    let index = vm.index(key)?;
    let Some(i) = vm.as_i64(&index) else {
        let class = vm.class_name(key);
        let text = format!("cannot fit '{class}' into an index-sized integer");
        let error = vm.exc.IndexError.clone();
        return Err(vm.raise_text(&error, &text));
    };
    let n = d.get(vm).items.len();
    let at = if i < 0 { i.saturating_add(n as i64) } else { i };
    match usize::try_from(at) {
        Ok(at) if at < n => Ok(at),
        _ => Err(vm.index_error("deque index out of range")),
    }
}

#[cold]
fn mutated(vm: &mut Vm) -> Raised {
    vm.runtime_error("deque mutated during iteration")
}

/// The position of the first equal item in a range.
fn find(vm: &mut Vm, d: &Ref<Deque>, wanted: &Value, start: usize, stop: usize) -> R<Option<usize>> {
    let state = d.get(vm).state;
    let mut at = start;
    while at < stop {
        let Some(item) = d.get(vm).items.get(at).cloned() else { break };
        vm.tick(1)?;
        let equal = vm.equal(&item, wanted)?;
        if d.get(vm).state != state {
            return Err(mutated(vm));
        }
        if equal {
            return Ok(Some(at));
        }
        at += 1;
    }
    Ok(None)
}

fn count(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "count")?;
    let (mut n, mut from) = (0usize, 0usize);
    while let Some(at) = find(vm, d, &a[1], from, usize::MAX)? {
        n += 1;
        from = at + 1;
    }
    Ok(Value::len(n))
}

/// A bound of a search, as slices take it.
fn bound(vm: &mut Vm, v: Option<&Value>, default: usize, len: usize) -> R<usize> {
    let Some(v) = v else { return Ok(default) };
    if !vm.is_int(v) && vm.special(v, Special::Index).is_none() {
        return Err(vm.type_error("slice indices must be integers or have an __index__ method"));
    }
    let i = vm.index_clamped(v)?;
    Ok(if i < 0 { usize::try_from(i.saturating_add(len as i64)).unwrap_or(0) } else { i as usize })
}

fn index(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "index")?;
    let len = d.get(vm).items.len();
    let start = bound(vm, arg(a, 2), 0, len)?;
    let stop = bound(vm, arg(a, 3), len, len)?;
    match find(vm, d, &a[1], start, stop.min(len))? {
        Some(at) => Ok(Value::len(at)),
        None => Err(vm.value_error("deque.index(x): x not in deque")),
    }
}

fn remove(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "remove")?;
    let state = d.get(vm).state;
    let mut at = 0;
    while let Some(item) = d.get(vm).items.get(at).cloned() {
        vm.tick(1)?;
        let equal = vm.equal(&item, &a[1])?;
        if d.get(vm).state != state {
            return Err(vm.index_error("deque mutated during iteration"));
        }
        if equal {
            remove_at(vm, d, at);
            return Ok(Value::NONE);
        }
        at += 1;
    }
    Err(vm.value_error("deque.remove(x): x not in deque"))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = vm.this::<Deque>(a, op.special().name())?;
    let Some(y) = arg_or_none(a, 1).cast::<Deque>() else { return Ok(Value::NOT_IMPLEMENTED) };
    if x.is(y) {
        return Ok(Value::bool(matches!(op, CmpOp::Eq | CmpOp::Le | CmpOp::Ge)));
    }
    let (n, m) = (x.get(vm).items.len(), y.get(vm).items.len());
    if n != m && matches!(op, CmpOp::Eq | CmpOp::Ne) {
        return Ok(Value::bool(op == CmpOp::Ne));
    }
    let states = (x.get(vm).state, y.get(vm).state);
    vm.guarded(|vm| {
        for i in 0..n.min(m) {
            vm.tick(1)?;
            let pair = (x.get(vm).items.get(i).cloned(), y.get(vm).items.get(i).cloned());
            let (Some(p), Some(q)) = pair else { return Err(mutated(vm)) };
            let equal = vm.equal(&p, &q)?;
            if !equal {
                return match op {
                    CmpOp::Eq => Ok(Value::bool(false)),
                    CmpOp::Ne => Ok(Value::bool(true)),
                    _ => vm.rich_compare(&p, &q, op),
                };
            }
            if (x.get(vm).state, y.get(vm).state) != states {
                return Err(mutated(vm));
            }
        }
        Ok(Value::bool(op.holds(n.cmp(&m))))
    })
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "__repr__")?;
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("[...]").into());
    }
    let text = vm.guarded(|vm| {
        let items: Vec<Value> = d.get(vm).items.iter().cloned().collect();
        let maxlen = d.get(vm).maxlen;
        let list = vm.list(items).into_value();
        let list = vm.repr(&list)?;
        let class = vm.class_of(&a[0]).get(vm).name.clone();
        let tail = maxlen.map_or_else(|| ")".to_owned(), |n| format!(", maxlen={n})"));
        Ok(vm.new_str_parts(&[class.get(vm).as_bytes(), b"(", list.get(vm).as_bytes(), tail.as_bytes()]))
    });
    vm.leave_repr(&a[0]);
    Ok(text?.into())
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "__reduce__")?;
    let state = vm.call_method(&a[0], "__getstate__", &[])?;
    let it = vm.iter(&a[0])?;
    let class = vm.class_of(&a[0]).value().clone();
    let given = match d.get(vm).maxlen {
        None => vm.empty_tuple(),
        Some(n) => {
            let empty = vm.empty_tuple();
            vm.tuple(vec![empty, Value::len(n)]).into_value()
        }
    };
    Ok(vm.tuple(vec![class, given, state, it]).into())
}

// ---- making ----

fn init(vm: &mut Vm, args: &Args<'_>) -> R {
    let d = vm.this::<Deque>(args.pos, "__init__")?;
    let given = args.pos.len() - 1 + args.kw_names.len();
    if given > 2 {
        return Err(vm.type_error(format!("deque() takes at most 2 arguments ({given} given)")));
    }
    let mut bound = [args.pos.get(1).cloned(), args.pos.get(2).cloned()];
    for (k, v) in args.keywords() {
        let name = vm.str_of(k);
        let at = match name.as_str() {
            "iterable" => 0,
            "maxlen" => 1,
            _ => return Err(vm.type_error(format!("deque() got an unexpected keyword argument '{name}'"))),
        };
        if bound[at].replace(v.clone()).is_some() {
            let text = format!("argument for deque() given by name ('{name}') and position ({})", at + 1);
            return Err(vm.type_error(text));
        }
    }
    let [iterable, maxlen] = bound;
    let maxlen = match maxlen {
        Some(v) if !v.is_none() => {
            if !vm.is_int(&v) {
                return Err(vm.type_error("an integer is required"));
            }
            match usize::try_from(vm.index_i64(&v)?) {
                Ok(n) => Some(n),
                Err(_) => return Err(vm.value_error("maxlen must be non-negative")),
            }
        }
        _ => None,
    };
    d.get_mut(vm).maxlen = maxlen;
    if !d.get(vm).items.is_empty() {
        clear(vm, d);
    }
    if let Some(iterable) = iterable {
        extend_from(vm, d, &iterable, Side::Right)?;
    }
    Ok(Value::NONE)
}

fn copy(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "copy")?;
    copy_of(vm, d)
}

/// A copy; of a subclass, what the class makes of it.
fn copy_of(vm: &mut Vm, d: &Ref<Deque>) -> R {
    let class = vm.class_of(d.value()).clone();
    let maxlen = d.get(vm).maxlen;
    if !class.get(vm).is_heap() {
        let n = d.get(vm).items.len();
        vm.check_alloc(n * size_of::<Value>())?;
        vm.tick(n / 16)?;
        let items = d.get(vm).items.clone();
        return Ok(vm.alloc(Deque { items, maxlen, state: 0 }).into());
    }
    let this = d.value().clone();
    let new = match maxlen {
        None => vm.call(class.value(), &[this])?,
        Some(n) => vm.call(class.value(), &[this, Value::len(n)])?,
    };
    if !new.is_a::<Deque>() {
        let (class, got) = (vm.class_name(d.value()), vm.class_name(&new));
        return Err(vm.type_error(format!("{class}() must return a deque, not {got}")));
    }
    Ok(new)
}

fn add(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "__add__")?;
    if !a[1].is_a::<Deque>() {
        let class = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can only concatenate deque (not \"{class}\") to deque")));
    }
    let new = copy_of(vm, d)?;
    if let Some(n) = new.cast::<Deque>() {
        extend_from(vm, n, &a[1], Side::Right)?;
    }
    Ok(new)
}

fn multiply(vm: &mut Vm, a: &[Value]) -> R {
    let d = vm.this::<Deque>(a, "__mul__")?;
    let new = copy_of(vm, d)?;
    if let Some(n) = new.cast::<Deque>() {
        repeat(vm, n, &a[1])?;
    }
    Ok(new)
}

// ---- iterators ----

fn iterator(vm: &mut Vm, d: &Ref<Deque>, reverse: bool) -> Value {
    let (state, left) = (d.get(vm).state, d.get(vm).items.len());
    let payload = DequeIter { deque: Some(d.clone()), given: 0, left, state, reverse };
    let classes = vm.state::<Classes>();
    let class = if reverse { classes.reverse.clone() } else { classes.forward.clone() };
    match class {
        Some(class) => vm.alloc_as(&class, payload).into(),
        None => vm.alloc(payload).into(),
    }
}

fn iter_next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<DequeIter>(a, "__next__")?;
    let this = it.get(vm);
    let Some(d) = this.deque.clone() else { return Err(Raised::stop_iteration()) };
    if d.get(vm).state != this.state {
        let mut this = it.get_mut(vm);
        (this.left, this.deque) = (0, None);
        drop(this);
        return Err(mutated(vm));
    }
    if this.left == 0 {
        return Err(Raised::stop_iteration());
    }
    let items = &d.get(vm).items;
    let at = if this.reverse { items.len().wrapping_sub(1).wrapping_sub(this.given) } else { this.given };
    let Some(item) = items.get(at).cloned() else { return Err(Raised::stop_iteration()) };
    let mut this = it.get_mut(vm);
    this.given += 1;
    this.left -= 1;
    Ok(item)
}

fn iter_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<DequeIter>(a, "__reduce__")?.get(vm);
    let (deque, given, left) = (this.deque.clone(), this.given, this.left);
    let class = vm.class_of(&a[0]).value().clone();
    let (deque, given) = match deque {
        Some(d) => {
            let n = d.get(vm).items.len();
            (d.into_value(), n.saturating_sub(left))
        }
        None => (vm.alloc(Deque { items: VecDeque::new(), maxlen: None, state: 0 }).into_value(), given),
    };
    let arguments = vm.tuple(vec![deque, Value::len(given)]).into_value();
    Ok(vm.tuple(vec![class, arguments]).into())
}

fn iter_new(vm: &mut Vm, args: &Args<'_>, reverse: bool) -> R {
    let given = args.pos.get(1..).unwrap_or_default();
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("deque iterator takes no keyword arguments"));
    }
    match given.len() {
        0 => return Err(vm.type_error("function takes at least 1 argument (0 given)")),
        1 | 2 => {}
        n => return Err(vm.type_error(format!("function takes at most 2 arguments ({n} given)"))),
    }
    let Some(d) = given[0].cast::<Deque>() else {
        let class = vm.class_name(&given[0]);
        return Err(vm.type_error(format!("argument 1 must be collections.deque, not {class}")));
    };
    let skip = match given.get(1) {
        Some(v) => usize::try_from(vm.index_i64(v)?).unwrap_or(0),
        None => 0,
    };
    let it = iterator(vm, d, reverse);
    if let Some(i) = it.cast::<DequeIter>() {
        let mut this = i.get_mut(vm);
        let skip = skip.min(this.left);
        this.given = skip;
        this.left -= skip;
    }
    Ok(it)
}
