//! `dict_keys`, `dict_values`, `dict_items`.

use super::iterate;
use crate::heap_object;
use crate::objects::set::{self, AnySet};
use crate::vm::dict::Dict;
use crate::vm::native::{GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::DictPart;
use crate::vm::set::Set;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `dict_keys`.
    pub struct DictKeys {
        /// The dict.
        pub dict: Ref<Dict>,
    }
}
heap_object! {
    /// The payload of `dict_values`.
    pub struct DictValues {
        /// The dict.
        pub dict: Ref<Dict>,
    }
}
heap_object! {
    /// The payload of `dict_items`.
    pub struct DictItems {
        /// The dict.
        pub dict: Ref<Dict>,
    }
}

const COMMON: &[NativeDef] = &[
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let (dict, _) = this(vm, a)?;
        Ok(Value::len(dict.get(vm).len()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let (dict, part) = this(vm, a)?;
        Ok(iterate(vm, &dict, part, false))
    }),
    NativeDef::new("__reversed__(self, /)", "Return a reverse iterator over the view.", |vm, a| {
        let (dict, part) = this(vm, a)?;
        Ok(iterate(vm, &dict, part, true))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", view_repr),
];

const SET_LIKE: &[NativeDef] = &[
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        Ok(view_contains(vm, &a[0], &a[1])?.into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__and__(self, value, /)", "Return self&value.", |vm, a| intersection(vm, &a[0], &a[1])),
    NativeDef::new("__rand__(self, value, /)", "Return value&self.", |vm, a| intersection(vm, &a[1], &a[0])),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
        let left = to_set(vm, &a[0])?;
        set::update(vm, &left, &a[1])?;
        Ok(left.into_value())
    }),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
        let left = to_set(vm, &a[1])?;
        set::update(vm, &left, &a[0])?;
        Ok(left.into_value())
    }),
    NativeDef::new("__sub__(self, value, /)", "Return self-value.", |vm, a| difference(vm, &a[0], &a[1])),
    NativeDef::new("__rsub__(self, value, /)", "Return value-self.", |vm, a| difference(vm, &a[1], &a[0])),
    NativeDef::new("__xor__(self, value, /)", "Return self^value.", |vm, a| symmetric(vm, &a[0], &a[1])),
    NativeDef::new("__rxor__(self, value, /)", "Return value^self.", |vm, a| symmetric(vm, &a[1], &a[0])),
    NativeDef::new(
        "isdisjoint(self, other, /)",
        "Return True if the view and the given iterable have a null intersection.",
        is_disjoint,
    ),
];

const ATTRS: &[GetSetDef] = &[GetSetDef::new("mapping", "dictionary that this view refers to", |vm, v| {
    let (dict, _) = this(vm, std::slice::from_ref(v))?;
    Ok(crate::objects::class::proxy::of_mapping(vm, dict.into_value()))
})];

/// Makes the classes.
///
/// # Errors
/// None in a sound build.
#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let keys = vm.define_class::<DictKeys>("builtins", "dict_keys", None, 0)?;
    let values = vm.define_class::<DictValues>("builtins", "dict_values", None, 0)?;
    let items = vm.define_class::<DictItems>("builtins", "dict_items", None, 0)?;
    let hash = vm.names.__hash__.clone();
    for class in [&keys, &items] {
        vm.extend_class(class, SET_LIKE, &[]);
        vm.set_class_attr(class, &hash, Value::NONE);
    }
    for class in [&keys, &values, &items] {
        vm.extend_class(class, COMMON, ATTRS);
    }
    Ok(())
}

/// A view of a dict.
pub fn new_view(vm: &Vm, dict: Ref<Dict>, part: DictPart) -> Value {
    match part {
        DictPart::Keys => vm.alloc(DictKeys { dict }).into(),
        DictPart::Values => vm.alloc(DictValues { dict }).into(),
        DictPart::Items => vm.alloc(DictItems { dict }).into(),
    }
}

/// What a view shows of which dict, if the value is one.
pub fn view_parts(vm: &Vm, v: &Value) -> Option<(Ref<Dict>, DictPart)> {
    if let Some(k) = v.cast::<DictKeys>() {
        return Some((k.get(vm).dict.clone(), DictPart::Keys));
    }
    if let Some(i) = v.cast::<DictItems>() {
        return Some((i.get(vm).dict.clone(), DictPart::Items));
    }
    v.cast::<DictValues>().map(|x| (x.get(vm).dict.clone(), DictPart::Values))
}

fn this(vm: &mut Vm, a: &[Value]) -> R<(Ref<Dict>, DictPart)> {
    match a.first().and_then(|v| view_parts(vm, v)) {
        Some(parts) => Ok(parts),
        None => Err(vm.type_error("descriptor requires a dict view")),
    }
}

fn view_repr(vm: &mut Vm, a: &[Value]) -> R {
    this(vm, a)?;
    if !vm.enter_repr(&a[0]) {
        return Ok(vm.new_str("...").into());
    }
    let result = vm.collect(&a[0]).and_then(|items| {
        let list = vm.list(items);
        vm.repr(list.value())
    });
    vm.leave_repr(&a[0]);
    let (items, name) = (result?, vm.class_name(&a[0]));
    Ok(vm.new_str_parts(&[name.as_bytes(), b"(", items.get(vm).as_bytes(), b")"]).into())
}

fn view_contains(vm: &mut Vm, view: &Value, item: &Value) -> R<bool> {
    match view_parts(vm, view) {
        Some((dict, DictPart::Keys)) => Ok(dict.get_item(vm, item)?.is_some()),
        Some((dict, DictPart::Items)) => {
            let pair = match item.cast::<Tuple>() {
                Some(t) => t.get(vm).items().to_vec(),
                None => return Ok(false),
            };
            let [k, v] = pair.as_slice() else { return Ok(false) };
            match dict.get_item(vm, k)? {
                Some(found) => vm.equal(&found, v),
                None => Ok(false),
            }
        }
        _ => vm.contains_by_iteration(view, item),
    }
}

fn is_set_like(v: &Value) -> bool {
    v.is_a::<DictKeys>() || v.is_a::<DictItems>()
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let (x, y) = (&a[0], &a[1]);
    if !is_set_like(y) && AnySet::of(y).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (n, m) = (vm.len(x)?, vm.len(y)?);
    let holds = match op {
        CmpOp::Eq | CmpOp::Ne => (n == m && all_in(vm, x, y)?) == (op == CmpOp::Eq),
        CmpOp::Lt => n < m && all_in(vm, x, y)?,
        CmpOp::Le => n <= m && all_in(vm, x, y)?,
        CmpOp::Gt => n > m && all_in(vm, y, x)?,
        CmpOp::Ge => n >= m && all_in(vm, y, x)?,
    };
    Ok(holds.into())
}

fn all_in(vm: &mut Vm, x: &Value, y: &Value) -> R<bool> {
    let it = vm.iter(x)?;
    while let Some(v) = vm.next(&it)? {
        if !vm.contains(y, &v)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn to_set(vm: &mut Vm, v: &Value) -> R<Ref<Set>> {
    let set = vm.alloc(Set::default());
    set::update(vm, &set, v)?;
    Ok(set)
}

fn intersection(vm: &mut Vm, x: &Value, y: &Value) -> R {
    // The view goes first, and the shorter of two views is walked over.
    let (mut view, mut other) = if is_set_like(x) { (x, y) } else { (y, x) };
    if is_set_like(other) && vm.len(other)? > vm.len(view)? {
        (view, other) = (other, view);
    }
    if let Some(s) = AnySet::of(other)
        && s.len(vm) >= vm.len(view)?
        && vm.is_exact(other, &vm.types.set)
    {
        return set::intersection(vm, other, view);
    }
    let result = vm.alloc(Set::default());
    let it = vm.iter(other)?;
    while let Some(v) = vm.next(&it)? {
        if view_contains(vm, view, &v)? {
            result.add(vm, v)?;
        }
    }
    Ok(result.into())
}

fn difference(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let set = to_set(vm, x)?;
    set::difference_update(vm, &set, y)?;
    Ok(set.into())
}

fn symmetric(vm: &mut Vm, x: &Value, y: &Value) -> R {
    let set = to_set(vm, x)?;
    set::symmetric_update(vm, &set, y)?;
    Ok(set.into())
}

fn is_disjoint(vm: &mut Vm, a: &[Value]) -> R {
    let (view, other) = (&a[0], &a[1]);
    let (mut walked, mut asked) = (other, view);
    if view.is(other) {
        return Ok(Value::bool(vm.len(view)? == 0));
    }
    if (is_set_like(other) || AnySet::of(other).is_some()) && vm.len(other)? > vm.len(view)? {
        (walked, asked) = (view, other);
    }
    let it = vm.iter(walked)?;
    while let Some(v) = vm.next(&it)? {
        if vm.contains(asked, &v)? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}
