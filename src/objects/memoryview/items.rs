//! Items of memory views: reading, writing, comparing, iterating.

use super::{FULL_READ_ONLY, MemoryView, Shape, contents, derived, gather, live, release, view};
use crate::heap_object;
use crate::objects::bytes::buffer;
use crate::objects::bytes::items::{from_script, native_field, to_script};
use crate::objects::bytes::shared::hex_text;
use crate::objects::slice::{Span, unpack};
use crate::objects::str::{is_index, item_index, position, shown_type};
use crate::text::struct_pack::{self, Field};
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::SliceObject;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// The iterator over a view's items.
    pub struct MemoryIter {
        /// The view; `None` when exhausted.
        view: Option<Ref<MemoryView>>,
        /// The next position.
        at: usize,
    }
}

const ITER_METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<MemoryIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", iter_next),
];

#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<MemoryIter>("builtins", "memory_iterator", None, 0)?;
    vm.extend_class(&class, ITER_METHODS, &[]);
    Ok(())
}

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let view = vm.this::<MemoryView>(a, "__len__")?;
        match live(vm, view)?.dims.first() {
            Some(&n) => Ok(Value::len(n)),
            None => Err(vm.type_error("0-dim memory has no length")),
        }
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let view = vm.this::<MemoryView>(a, "__iter__")?;
        let shape = live(vm, view)?;
        match shape.dims.len() {
            0 => return Err(vm.type_error("invalid indexing of 0-dim memory")),
            1 => {
                field_of(vm, &shape)?;
            }
            _ => return Err(vm.not_implemented_error("multi-dimensional sub-views are not implemented")),
        }
        Ok(vm.alloc(MemoryIter { view: Some(view.clone()), at: 0 }).into())
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", getitem),
    NativeDef::new("__setitem__(self, key, value, /)", "Set self[key] to value.", setitem),
    NativeDef::new("__delitem__(self, key, /)", "Delete self[key].", |vm, a| {
        let view = vm.this::<MemoryView>(a, "__delitem__")?;
        let readonly = live(vm, view)?.readonly;
        Err(vm.type_error(if readonly { "cannot modify read-only memory" } else { "cannot delete memory" }))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", hash),
    NativeDef::new("tolist(self, /)", "Return the data in the buffer as a list of elements.", tolist),
    NativeDef::new("tobytes(self, /, order='C')", "Return the data in the buffer as a byte string.", tobytes),
    NativeDef::new(
        "hex(self, sep=None, bytes_per_sep=1)",
        "Return the data in the buffer as a str of hexadecimal numbers.",
        |vm, a| {
            let view = vm.this::<MemoryView>(a, "hex")?;
            let data = contents(vm, view)?;
            let text = hex_text(vm, a, |_| data)?;
            Ok(vm.new_str(&text).into())
        },
    ),
    NativeDef::new("count(self, value, /)", "Count the number of occurrences of a value.", |vm, a| {
        let view = vm.this::<MemoryView>(a, "count")?;
        let items = row(vm, view)?;
        let mut n = 0;
        for item in items {
            vm.tick(1)?;
            n += usize::from(vm.equal(&item, &a[1])?);
        }
        Ok(Value::len(n))
    }),
    NativeDef::new(
        "index(self, value, start=0, stop=9223372036854775807, /)",
        "Return the index of the first occurrence of a value.",
        index,
    ),
];

/// How the items of a view are read.
fn field_of(vm: &mut Vm, shape: &Shape) -> R<Field> {
    match native_field(&shape.format) {
        Some(field) => Ok(field),
        None => Err(vm.not_implemented_error(format!("memoryview: format {} not supported", shape.format))),
    }
}

fn read(vm: &Vm, view: &Ref<MemoryView>, field: &Field, at: usize) -> Value {
    let bytes = buffer::storage(vm, &view.get(vm).base).and_then(|b| b.get(at..at + field.size));
    bytes.map_or(Value::NONE, |b| to_script(vm, struct_pack::unpack(field, b, cfg!(target_endian = "little"))))
}

fn iter_next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<MemoryIter>(a, "__next__")?;
    let Some(view) = it.get(vm).view.clone() else { return Err(Raised::stop_iteration()) };
    let shape = live(vm, &view)?;
    let at = it.get(vm).at;
    if at >= shape.dims.first().copied().unwrap_or(0) {
        it.get_mut(vm).view = None;
        return Err(Raised::stop_iteration());
    }
    let field = field_of(vm, &shape)?;
    it.get_mut(vm).at = at + 1;
    Ok(read(vm, &view, &field, shape.place(&[at])))
}

/// What a key selects.
enum Selected {
    /// One item, at this place.
    Item(usize),
    /// A part.
    Part(Shape),
    /// All of it (`...` on a view without dimensions).
    All,
}

fn bound_index(vm: &mut Vm, key: &Value, shape: &Shape, dimension: usize) -> R<usize> {
    let i = item_index(vm, key)?;
    let n = shape.dims.get(dimension).copied().unwrap_or(0);
    match position(i, n) {
        Some(at) => Ok(at),
        None => Err(vm.index_error(format!("index out of bounds on dimension {}", dimension + 1))),
    }
}

fn select(vm: &mut Vm, key: &Value, shape: &Shape) -> R<Selected> {
    let dims = shape.dims.len();
    if dims == 0 {
        return match key.cast::<Tuple>() {
            Some(t) if t.get(vm).items().is_empty() => Ok(Selected::Item(shape.offset)),
            _ if key.is(&Value::ELLIPSIS) => Ok(Selected::All),
            _ => Err(vm.type_error("invalid indexing of 0-dim memory")),
        };
    }
    if is_index(vm, key) {
        let at = bound_index(vm, key, shape, 0)?;
        if dims > 1 {
            return Err(vm.not_implemented_error("multi-dimensional sub-views are not implemented"));
        }
        return Ok(Selected::Item(shape.place(&[at])));
    }
    if let Some(slice) = key.cast::<SliceObject>() {
        let numbers = unpack(vm, slice)?;
        let span = Span::new(numbers, shape.dims.first().copied().unwrap_or(0));
        return Ok(Selected::Part(shape.narrowed(&span)));
    }
    let Some(keys) = vm.tuple_clone(key) else { return Err(vm.type_error("memoryview: invalid slice key")) };
    if keys.iter().all(|k| is_index(vm, k)) {
        if keys.len() < dims {
            return Err(vm.not_implemented_error("sub-views are not implemented"));
        }
        if keys.len() > dims {
            let text = format!("cannot index {dims}-dimension view with {}-element tuple", keys.len());
            return Err(vm.type_error(text));
        }
        let mut index = Vec::with_capacity(dims);
        for (dimension, key) in keys.iter().enumerate() {
            index.push(bound_index(vm, key, shape, dimension)?);
        }
        return Ok(Selected::Item(shape.place(&index)));
    }
    if !keys.is_empty() && keys.iter().all(|k| k.is_a::<SliceObject>()) {
        return Err(vm.not_implemented_error("multi-dimensional slicing is not implemented"));
    }
    Err(vm.type_error("memoryview: invalid slice key"))
}

fn getitem(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "__getitem__")?;
    let shape = live(vm, view)?;
    let selected = select(vm, &a[1], &shape)?;
    live(vm, view)?;
    match selected {
        Selected::Item(at) => {
            let field = field_of(vm, &shape)?;
            Ok(read(vm, view, &field, at))
        }
        Selected::Part(part) => Ok(derived(vm, view, part).into()),
        Selected::All => Ok(a[0].clone()),
    }
}

fn setitem(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "__setitem__")?;
    let shape = live(vm, view)?;
    if shape.readonly {
        return Err(vm.type_error("cannot modify read-only memory"));
    }
    match select(vm, &a[1], &shape)? {
        Selected::Part(part) => assign(vm, view, &part, &a[2])?,
        Selected::Item(at) => set_one(vm, view, &shape, at, &a[2])?,
        Selected::All => set_one(vm, view, &shape, shape.offset, &a[2])?,
    }
    Ok(Value::NONE)
}

fn set_one(vm: &mut Vm, view: &Ref<MemoryView>, shape: &Shape, at: usize, v: &Value) -> R<()> {
    let field = field_of(vm, shape)?;
    let primitive = from_script(vm, &field, v)?;
    // Asking for the number may have run a script that released the view.
    live(vm, view)?;
    let mut bytes = vec![0; field.size];
    let value = match (primitive.value(), field.code) {
        (struct_pack::Value::Wrong, _) => {
            return Err(vm.type_error(format!("memoryview: invalid type for format '{}'", shape.format)));
        }
        (struct_pack::Value::Float(x), b'f') => struct_pack::Value::Float(f64::from(x as f32)),
        (value, _) => value,
    };
    if struct_pack::pack(&field, value, cfg!(target_endian = "little"), &mut bytes).is_err() {
        return Err(vm.value_error(format!("memoryview: invalid value for format '{}'", shape.format)));
    }
    let base = view.get(vm).base.clone();
    buffer::store(vm, &base, at, &bytes);
    Ok(())
}

/// `view[slice] = object`.
fn assign(vm: &mut Vm, target: &Ref<MemoryView>, part: &Shape, v: &Value) -> R<()> {
    let Some(source) = view(vm, v, FULL_READ_ONLY)? else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("a bytes-like object is required, not '{got}'")));
    };
    let given = live(vm, &source)?;
    let plain = |format: &str| format.trim_start_matches('@').to_owned();
    if part.dims.len() != 1 {
        release(vm, &source)?;
        return Err(vm.not_implemented_error("memoryview slice assignments are currently restricted to ndim = 1"));
    }
    if given.dims != part.dims || plain(&given.format) != plain(&part.format) {
        release(vm, &source)?;
        return Err(vm.value_error("memoryview assignment: lvalue and rvalue have different structures"));
    }
    let bytes = contents(vm, &source);
    release(vm, &source)?;
    let bytes = bytes?;
    live(vm, target)?;
    let base = target.get(vm).base.clone();
    if part.is_c_contiguous() {
        buffer::store(vm, &base, part.offset, &bytes);
        return Ok(());
    }
    for (at, item) in part.offsets(false).into_iter().zip(bytes.chunks(part.item_size.max(1))) {
        buffer::store(vm, &base, at, item);
    }
    Ok(())
}

/// All items, the last index running fastest.
fn flat(vm: &mut Vm, view: &Ref<MemoryView>, shape: &Shape) -> R<Vec<Value>> {
    let field = field_of(vm, shape)?;
    vm.check_alloc(shape.items().saturating_mul(size_of::<Value>()))?;
    vm.tick(shape.items() >> 4)?;
    Ok(shape.offsets(false).into_iter().map(|at| read(vm, view, &field, at)).collect())
}

/// The items of a view with one dimension.
fn row(vm: &mut Vm, view: &Ref<MemoryView>) -> R<Vec<Value>> {
    let shape = live(vm, view)?;
    if shape.dims.len() != 1 {
        return Err(vm.not_implemented_error("multi-dimensional sub-views are not implemented"));
    }
    flat(vm, view, &shape)
}

fn tolist(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "tolist")?;
    let shape = live(vm, view)?;
    let mut items = flat(vm, view, &shape)?;
    if shape.dims.is_empty() {
        return Ok(items.pop().unwrap_or(Value::NONE));
    }
    for &n in shape.dims.iter().skip(1).rev() {
        items = items.chunks(n.max(1)).map(|part| vm.list(part.to_vec()).into_value()).collect();
    }
    Ok(vm.list(items).into())
}

fn tobytes(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "tobytes")?;
    let shape = live(vm, view)?;
    let order = match arg(a, 1).filter(|v| !v.is_none()) {
        None => "C".to_owned(),
        Some(v) if v.is_a::<Str>() => vm.str_of(v),
        Some(v) => {
            let got = shown_type(vm, v);
            return Err(vm.type_error(format!("tobytes() argument 'order' must be str or None, not {got}")));
        }
    };
    let first_fastest = match order.as_str() {
        "C" => false,
        "F" => true,
        "A" => shape.is_f_contiguous() && !shape.is_c_contiguous(),
        _ => return Err(vm.value_error("order must be 'C', 'F' or 'A'")),
    };
    let bytes = gather(vm, view, &shape, first_fastest)?;
    Ok(vm.new_bytes(&bytes).into())
}

fn hash(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "__hash__")?;
    let shape = live(vm, view)?;
    if !shape.readonly {
        return Err(vm.value_error("cannot hash writable memoryview object"));
    }
    if !super::is_byte_format(&shape.format) {
        return Err(vm.value_error("memoryview: hashing is restricted to formats 'B', 'b' or 'c'"));
    }
    let object = view.get(vm).object.clone();
    vm.hash(&object)?;
    let bytes = contents(vm, view)?;
    Ok(vm.int(vm.hash_bytes(&bytes) as i64))
}

fn index(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "index")?;
    let mut bounds = [0, i64::MAX];
    for (slot, v) in bounds.iter_mut().zip([arg(a, 2), arg(a, 3)]) {
        if let Some(v) = v {
            *slot = vm.index_clamped(v)?;
        }
    }
    let items = row(vm, view)?;
    let (start, stop) = crate::text::algorithms::clip(Some(bounds[0]), Some(bounds[1]), items.len());
    for (at, item) in items.iter().enumerate().take(stop).skip(start) {
        vm.tick(1)?;
        if vm.equal(item, &a[1])? {
            return Ok(Value::len(at));
        }
    }
    Err(vm.value_error("memoryview.index(x): x not found"))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let this = vm.this::<MemoryView>(a, "__eq__")?;
    let same = match equal(vm, this, &a[1])? {
        Some(same) => same,
        None => return Ok(Value::NOT_IMPLEMENTED),
    };
    Ok(Value::bool(same == (op == CmpOp::Eq)))
}

fn equal(vm: &mut Vm, this: &Ref<MemoryView>, v: &Value) -> R<Option<bool>> {
    let released = |vm: &Vm, v: &Ref<MemoryView>| v.get(vm).base.is_undef();
    if released(vm, this) || v.cast::<MemoryView>().is_some_and(|other| released(vm, other)) {
        return Ok(Some(this.value().is(v)));
    }
    let Some(other) = view(vm, v, FULL_READ_ONLY)? else { return Ok(None) };
    let result = equal_views(vm, this, &other);
    release(vm, &other)?;
    result.map(Some)
}

fn equal_views(vm: &mut Vm, x: &Ref<MemoryView>, y: &Ref<MemoryView>) -> R<bool> {
    let (sx, sy) = (live(vm, x)?, live(vm, y)?);
    if sx.dims != sy.dims {
        return Ok(false);
    }
    let (Some(fx), Some(fy)) = (native_field(&sx.format), native_field(&sy.format)) else {
        return Ok(sx.format == sy.format && contents(vm, x)? == contents(vm, y)?);
    };
    // Floats may differ in their bits and be equal, or be the same and not equal to themselves.
    if fx.code == fy.code && !matches!(fx.code, b'e' | b'f' | b'd' | b'F' | b'D' | b'?') {
        return Ok(contents(vm, x)? == contents(vm, y)?);
    }
    let (items_x, items_y) = (flat(vm, x, &sx)?, flat(vm, y, &sy)?);
    for (p, q) in items_x.iter().zip(&items_y) {
        vm.tick(1)?;
        if !vm.compare(p, q, CmpOp::Eq)? {
            return Ok(false);
        }
    }
    Ok(true)
}
