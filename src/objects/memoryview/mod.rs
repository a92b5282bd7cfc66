//! `memoryview`.
//!
//! A view holds the object whose bytes it shows (`bytes`, `bytearray`, `array`) and a layout of its own. Views of
//! views hold the same object. Objects of script classes give views through `__buffer__`; the view made of such an
//! object calls `__release_buffer__` when it is released (not when it is merely dropped).
//!
//! Here are making and releasing views, and their attributes; `items` reads and writes items, `shape` does the
//! arithmetic. Invariant: a view that is not released keeps its object from changing size, by holding a share of
//! the object's `exports`.

mod items;
mod shape;

pub use shape::Shape;

use crate::heap_object;
use crate::objects::bytearray::ByteArray;
use crate::objects::bytes::array_data::Array;
use crate::objects::bytes::buffer::storage;
use crate::objects::bytes::items::native_field;
use crate::objects::str::{named_text, shown_type};
use crate::vm::class::class_flag;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str, Tuple};
use crate::vm::{R, Value, Vm};
use std::sync::Arc;

/// What readers pass to `__buffer__`.
pub const FULL_READ_ONLY: i64 = 284;
/// What writers pass to `__buffer__`.
pub const WRITABLE: i64 = 1;

heap_object! {
    /// The payload of `memoryview`.
    pub struct MemoryView {
        /// The object whose bytes are shown; `UNDEF` once released.
        base: Value,
        /// `obj`.
        object: Value,
        /// The script's object whose `__release_buffer__` is called in the end, or `UNDEF`.
        owner: Value,
        /// The view that the script's `__buffer__` gave, or `UNDEF`.
        inner: Value,
    }
    skip {
        shape: Shape,
        /// Keeps the object from changing its size.
        pin: Option<Arc<()>>,
    }
    external = |this| this.shape.dims.len() * 16;
}

/// Makes the class.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<MemoryView>("builtins", "memoryview", None, class_flag::SEQUENCE)?;
    vm.extend_class(&class, METHODS, GETSETS);
    vm.extend_class(&class, items::METHODS, &[]);
    items::init(vm)
}

const METHODS: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, object)",
        "Create a new memoryview object which references the given object.",
        view_new,
    ),
    NativeDef::new(
        "_from_flags(cls, object, flags)",
        "Create a new memoryview object with the given flags.",
        |vm, a| {
            let flags = vm.index_i64(&a[2])?;
            new_view(vm, &a[1], flags)
        },
    ),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
    NativeDef::new(
        "__buffer__(self, flags, /)",
        "Return a buffer object that exposes the underlying memory.",
        native_buffer,
    ),
    NativeDef::new(
        "__release_buffer__(self, buffer, /)",
        "Release the buffer object that exposes the underlying memory of the object.",
        release_buffer,
    ),
    NativeDef::new("__enter__(self, /)", "", |vm, a| {
        let view = vm.this::<MemoryView>(a, "__enter__")?;
        live(vm, view)?;
        Ok(a[0].clone())
    }),
    NativeDef::raw("__exit__(self, /, *args)", "", |vm, args| {
        let view = vm.this::<MemoryView>(args.pos, "__exit__")?;
        release(vm, view)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("release(self, /)", "Release the underlying buffer exposed by the memoryview object.", |vm, a| {
        let view = vm.this::<MemoryView>(a, "release")?;
        release(vm, view)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let view = vm.this::<MemoryView>(a, "__repr__")?;
        let state = if view.get(vm).base.is_undef() { "released memory" } else { "memory" };
        Ok(vm.new_str(&format!("<{state} at {:#x}>", crate::vm::class_ops::address(&a[0]))).into())
    }),
    NativeDef::new("cast(self, /, format, shape=None)", "Cast a memoryview to a new format or shape.", cast),
    NativeDef::new("toreadonly(self, /)", "Return a readonly version of the memoryview.", |vm, a| {
        let view = vm.this::<MemoryView>(a, "toreadonly")?;
        let mut shape = live(vm, view)?;
        shape.readonly = true;
        Ok(derived(vm, view, shape).into())
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("obj", "The underlying object of the memoryview.", |vm, v| {
        let view = of(vm, v)?;
        live(vm, view)?;
        Ok(view.get(vm).object.clone())
    }),
    GetSetDef::new(
        "nbytes",
        "The amount of space in bytes that the array would use in a contiguous representation.",
        |vm, v| Ok(Value::len(shape_of(vm, v)?.size())),
    ),
    GetSetDef::new("readonly", "A bool indicating whether the memory is read only.", |vm, v| {
        Ok(Value::bool(shape_of(vm, v)?.readonly))
    }),
    GetSetDef::new("itemsize", "The size in bytes of each element of the memoryview.", |vm, v| {
        Ok(Value::len(shape_of(vm, v)?.item_size))
    }),
    GetSetDef::new("format", "A string containing the format for each element in the view.", |vm, v| {
        let shape = shape_of(vm, v)?;
        Ok(vm.new_str(&shape.format).into())
    }),
    GetSetDef::new("ndim", "The number of dimensions of the array the memory represents.", |vm, v| {
        Ok(Value::len(shape_of(vm, v)?.dims.len()))
    }),
    GetSetDef::new(
        "shape",
        "A tuple of ndim integers giving the shape of the memory as an N-dimensional array.",
        |vm, v| {
            let shape = shape_of(vm, v)?;
            Ok(vm.tuple(shape.dims.iter().map(|&n| Value::len(n)).collect()).into())
        },
    ),
    GetSetDef::new("strides", "A tuple of ndim integers giving the size in bytes to access each element.", |vm, v| {
        let shape = shape_of(vm, v)?;
        Ok(vm.tuple(shape.strides.iter().map(|&n| vm.int(n as i64)).collect()).into())
    }),
    GetSetDef::new("suboffsets", "A tuple of integers used internally for PIL-style arrays.", |vm, v| {
        shape_of(vm, v)?;
        Ok(vm.empty_tuple())
    }),
    GetSetDef::new("c_contiguous", "A bool indicating whether the memory is C contiguous.", |vm, v| {
        Ok(Value::bool(shape_of(vm, v)?.is_c_contiguous()))
    }),
    GetSetDef::new("f_contiguous", "A bool indicating whether the memory is Fortran contiguous.", |vm, v| {
        Ok(Value::bool(shape_of(vm, v)?.is_f_contiguous()))
    }),
    GetSetDef::new("contiguous", "A bool indicating whether the memory is contiguous.", |vm, v| {
        let shape = shape_of(vm, v)?;
        Ok(Value::bool(shape.is_c_contiguous() || shape.is_f_contiguous()))
    }),
];

fn of<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<MemoryView>> {
    vm.this::<MemoryView>(std::slice::from_ref(v), "memoryview")
}

fn shape_of(vm: &mut Vm, v: &Value) -> R<Shape> {
    let view = of(vm, v)?;
    live(vm, view)
}

/// The layout of a view.
///
/// # Errors
/// ValueError once it is released.
pub fn live(vm: &mut Vm, view: &Ref<MemoryView>) -> R<Shape> {
    let this = view.get(vm);
    if this.base.is_undef() {
        return Err(vm.value_error("operation forbidden on released memoryview object"));
    }
    Ok(this.shape.clone())
}

// ---- making and releasing ----

/// A view of any bytes-like object; nothing when it is none.
///
/// # Errors
/// ValueError for a released view, BufferError when it cannot be written but should, what `__buffer__` raises.
pub fn view(vm: &mut Vm, v: &Value, flags: i64) -> R<Option<Ref<MemoryView>>> {
    let (shape, pin) = if let Some(b) = v.cast::<Bytes>() {
        (Shape::row("B", 1, b.get(vm).as_bytes().len(), true), None)
    } else if let Some(b) = v.cast::<ByteArray>() {
        let b = b.get(vm);
        (Shape::row("B", 1, b.data.len(), false), Some(b.exports.clone()))
    } else if let Some(array) = v.cast::<Array>() {
        let array = array.get(vm);
        let format = array.code.to_string();
        (Shape::row(&format, array.item_size, array.data.len(), false), Some(array.exports.clone()))
    } else if let Some(old) = v.cast::<MemoryView>() {
        let shape = live(vm, old)?;
        check_writable(vm, &shape, flags)?;
        return Ok(Some(derived(vm, old, shape)));
    } else if vm.special(v, Special::Buffer).is_some() {
        return from_script(vm, v, flags).map(Some);
    } else {
        return Ok(None);
    };
    check_writable(vm, &shape, flags)?;
    let view = MemoryView { base: v.clone(), object: v.clone(), owner: Value::UNDEF, inner: Value::UNDEF, shape, pin };
    Ok(Some(vm.alloc(view)))
}

fn check_writable(vm: &mut Vm, shape: &Shape, flags: i64) -> R<()> {
    if flags & WRITABLE != 0 && shape.readonly {
        return Err(vm.buffer_error("Object is not writable."));
    }
    Ok(())
}

/// Another view of the same object.
fn derived(vm: &Vm, old: &Ref<MemoryView>, shape: Shape) -> Ref<MemoryView> {
    let old = old.get(vm);
    vm.alloc(MemoryView {
        base: old.base.clone(),
        object: old.object.clone(),
        owner: Value::UNDEF,
        inner: Value::UNDEF,
        shape,
        pin: old.pin.clone(),
    })
}

/// The view that a script's object gives through `__buffer__`.
///
/// # Errors
/// What `__buffer__` raises; TypeError when it gives no view.
pub fn from_script(vm: &mut Vm, v: &Value, flags: i64) -> R<Ref<MemoryView>> {
    let Some(f) = vm.special(v, Special::Buffer) else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("a bytes-like object is required, not '{got}'")));
    };
    let flags_value = vm.int(flags);
    let given = vm.guarded(|vm| vm.call_special(&f, v, &[flags_value]))?;
    let Some(inner) = given.cast::<MemoryView>() else {
        return Err(vm.type_error("__buffer__ returned non-memoryview object"));
    };
    let shape = live(vm, inner)?;
    check_writable(vm, &shape, flags)?;
    let view = derived(vm, inner, shape);
    let mut this = view.get_mut(vm);
    this.object = v.clone();
    this.owner = v.clone();
    this.inner = given.clone();
    drop(this);
    Ok(view)
}

/// Releases a view; a second time does nothing.
///
/// # Errors
/// What the script's `__release_buffer__` raises.
pub fn release(vm: &mut Vm, view: &Ref<MemoryView>) -> R<()> {
    let mut this = view.get_mut(vm);
    let fields = &mut *this;
    let parts = [&mut fields.base, &mut fields.object, &mut fields.owner, &mut fields.inner]
        .map(|part| std::mem::replace(part, Value::UNDEF));
    fields.pin = None;
    drop(this);
    let [.., owner, inner] = &parts;
    let Some(inner_view) = inner.cast::<MemoryView>() else { return Ok(()) };
    if let Some(f) = vm.special(owner, Special::ReleaseBuffer)
        && !inner_view.get(vm).base.is_undef()
    {
        vm.guarded(|vm| vm.call_special(&f, owner, std::slice::from_ref(inner)))?;
    }
    release(vm, inner_view)
}

fn new_view(vm: &mut Vm, v: &Value, flags: i64) -> R {
    match view(vm, v, flags)? {
        Some(view) => Ok(view.into()),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("memoryview: a bytes-like object is required, not '{got}'")))
        }
    }
}

fn view_new(vm: &mut Vm, a: &[Value]) -> R {
    new_view(vm, &a[1], FULL_READ_ONLY)
}

/// `__buffer__` of the native types.
pub fn native_buffer(vm: &mut Vm, a: &[Value]) -> R {
    let flags = vm.index_i64(&a[1])?;
    new_view(vm, &a[0], flags)
}

/// `__release_buffer__` of the native types.
pub fn release_buffer(vm: &mut Vm, a: &[Value]) -> R {
    let Some(view) = a[1].cast::<MemoryView>() else {
        return Err(vm.type_error("expected a memoryview object"));
    };
    let this = view.get(vm);
    if this.base.is_undef() {
        return Err(vm.value_error("memoryview's buffer has already been released"));
    }
    if !this.object.is(&a[0]) {
        return Err(vm.value_error("memoryview's buffer is not this object"));
    }
    release(vm, view)?;
    Ok(Value::NONE)
}

// ---- contents ----

/// All bytes that a view shows, the last index running fastest.
///
/// # Errors
/// ValueError once it is released; MemoryError.
pub fn contents(vm: &mut Vm, view: &Ref<MemoryView>) -> R<Vec<u8>> {
    let shape = live(vm, view)?;
    gather(vm, view, &shape, false)
}

fn gather(vm: &mut Vm, view: &Ref<MemoryView>, shape: &Shape, first_fastest: bool) -> R<Vec<u8>> {
    let size = shape.size();
    let dense = if first_fastest { shape.is_f_contiguous() } else { shape.is_c_contiguous() };
    vm.check_alloc(if dense { size } else { size.saturating_add(shape.items().saturating_mul(16)) })?;
    vm.tick(size >> 8)?;
    let base = view.get(vm).base.clone();
    let bytes = storage(vm, &base).unwrap_or_default();
    if dense {
        return Ok(bytes.get(shape.offset..shape.offset + size).unwrap_or_default().to_vec());
    }
    let mut out = Vec::with_capacity(size);
    for at in shape.offsets(first_fastest) {
        out.extend_from_slice(bytes.get(at..at + shape.item_size).unwrap_or_default());
    }
    Ok(out)
}

/// Writes bytes into a view whose items lie one behind the other; false when that cannot be.
///
/// # Errors
/// ValueError once it is released.
pub fn store(vm: &mut Vm, view: &Ref<MemoryView>, at: usize, bytes: &[u8]) -> R<bool> {
    let shape = live(vm, view)?;
    if shape.readonly || !shape.is_c_contiguous() || at.saturating_add(bytes.len()) > shape.size() {
        return Ok(false);
    }
    let base = view.get(vm).base.clone();
    Ok(crate::objects::bytes::buffer::store(vm, &base, shape.offset + at, bytes))
}

// ---- cast ----

fn is_byte_format(format: &str) -> bool {
    matches!(format.trim_start_matches('@'), "b" | "B" | "c")
}

fn cast(vm: &mut Vm, a: &[Value]) -> R {
    let view = vm.this::<MemoryView>(a, "cast")?;
    let shape = live(vm, view)?;
    if !a[1].is_a::<Str>() {
        let got = shown_type(vm, &a[1]);
        return Err(vm.type_error(format!("cast() argument 'format' must be str, not {got}")));
    }
    let format = named_text(vm, arg(a, 1), "cast", "format")?.unwrap_or_default();
    let wanted = arg(a, 2).filter(|v| !v.is_none());
    if let Some(v) = wanted
        && !v.is_a::<List>()
        && !v.is_a::<Tuple>()
    {
        return Err(vm.type_error("shape must be a list or a tuple"));
    }
    if !shape.is_c_contiguous() {
        return Err(vm.type_error("memoryview: casts are restricted to C-contiguous views"));
    }
    if (wanted.is_some() || shape.dims.len() != 1) && shape.dims.contains(&0) {
        return Err(vm.type_error("memoryview: cannot cast view with zeros in shape or strides"));
    }
    const ONE_CHARACTER: &str = "format must be a native single character format prefixed with an optional '@'";
    let Some(field) = native_field(&format) else {
        return Err(vm.value_error(format!("memoryview: destination {ONE_CHARACTER}")));
    };
    if native_field(&shape.format).is_none() {
        return Err(vm.value_error(format!("memoryview: source {ONE_CHARACTER}")));
    }
    if !is_byte_format(&shape.format) && !is_byte_format(&format) {
        return Err(vm.type_error("memoryview: cannot cast between two non-byte formats"));
    }
    if !shape.size().is_multiple_of(field.size) {
        return Err(vm.type_error("memoryview: length is not a multiple of itemsize"));
    }
    let dims = match wanted {
        Some(v) => wanted_dims(vm, v, &shape, field.size)?,
        None => vec![shape.size() / field.size],
    };
    Ok(derived(vm, view, shape.reshaped(&format, field.size, dims)).into())
}

fn wanted_dims(vm: &mut Vm, v: &Value, shape: &Shape, item_size: usize) -> R<Vec<usize>> {
    let items = vm.collect(v)?;
    if items.len() > shape::MAX_DIMENSIONS {
        return Err(vm.value_error("memoryview: number of dimensions must not exceed 64"));
    }
    if items.len() > 1 && shape.dims.len() != 1 {
        return Err(vm.type_error("memoryview: cast must be 1D -> ND or ND -> 1D"));
    }
    let mut dims = Vec::with_capacity(items.len());
    let mut product = 1usize;
    for item in items {
        if !vm.is_int(&item) {
            return Err(vm.type_error("memoryview.cast(): elements of shape must be integers"));
        }
        let Some(n) = vm.as_i64(&item).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0) else {
            return Err(vm.value_error("memoryview.cast(): elements of shape must be integers > 0"));
        };
        product = match product.checked_mul(n).filter(|&p| p <= isize::MAX as usize) {
            Some(p) => p,
            None => return Err(vm.value_error("memoryview.cast(): product(shape) > SSIZE_MAX")),
        };
        dims.push(n);
    }
    if product.checked_mul(item_size) != Some(shape.size()) {
        return Err(vm.type_error("memoryview: product(shape) * itemsize != buffer size"));
    }
    Ok(dims)
}
