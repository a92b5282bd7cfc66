//! `_struct`: packing values into bytes and back, by formats.
//!
//! Formats are read by `text::struct_pack`; here objects become the primitives that it takes, and buffers are
//! checked. Laid-out formats are kept for the next call.

use crate::heap_object;
use crate::objects::bytes::buffer::storage;
use crate::objects::bytes::{self, items};
use crate::text::struct_pack::{self, Layout};
use crate::text::{Kind, TextError, codecs};
use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;
use std::sync::Arc;

/// How many formats are kept.
const MOST_KEPT: usize = 100;

/// What the module keeps.
#[derive(Default)]
struct State {
    error: Option<Ref<Class>>,
    kept: HashMap<Vec<u8>, Arc<Layout>>,
}

heap_object! {
    /// The payload of `Struct`.
    pub struct Struct { }
    skip {
        /// The format and its layout; none before `__init__`.
        layout: Option<(String, Arc<Layout>)>,
    }
    external = |this| this.layout.as_ref().map_or(0, |(format, _)| format.capacity());
}

heap_object! {
    /// The iterator that `iter_unpack` gives.
    pub struct UnpackIter {
        /// What it reads; `UNDEF` when exhausted.
        buffer: Value,
        /// Keeps the buffer from changing its size.
        guard: Value,
        /// The next position.
        at: usize,
    }
    skip { layout: Arc<Layout> }
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("_clearcache()", "Clear the internal cache.", |vm, _| {
        vm.state::<State>().kept.clear();
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "calcsize(format, /)",
        "Return size in bytes of the struct described by the format string.",
        |vm, a| Ok(Value::len(layout_of(vm, &a[0])?.size())),
    ),
    NativeDef::new(
        "iter_unpack(format, buffer, /)",
        "Return an iterator yielding tuples unpacked from the given bytes, by the format string.",
        |vm, a| {
            let layout = layout_of(vm, &a[0])?;
            iter_unpack(vm, layout, &a[1])
        },
    ),
    NativeDef::raw(
        "pack(format, /, *values)",
        "Return a bytes object containing the values packed by the format string.",
        |vm, args| {
            let Some((format, values)) = module_arguments(vm, args, "pack")? else {
                return Err(vm.type_error("missing format argument"));
            };
            let layout = layout_of(vm, format)?;
            pack(vm, &layout, values)
        },
    ),
    NativeDef::raw(
        "pack_into(format, buffer, offset, /, *values)",
        "Pack the values by the format string and write the bytes into the writable buffer, from offset on.",
        |vm, args| {
            let Some((format, rest)) = module_arguments(vm, args, "pack_into")? else {
                return Err(vm.type_error("missing format argument"));
            };
            let layout = layout_of(vm, format)?;
            pack_into(vm, &layout, rest)
        },
    ),
    NativeDef::new(
        "unpack(format, buffer, /)",
        "Return a tuple of the values unpacked by the format string. The buffer must have just its size.",
        |vm, a| {
            let layout = layout_of(vm, &a[0])?;
            unpack(vm, &layout, &a[1])
        },
    ),
    NativeDef::new(
        "unpack_from(format, /, buffer, offset=0)",
        "Return a tuple of the values unpacked by the format string from the buffer, from offset on.",
        |vm, a| {
            let layout = layout_of(vm, &a[0])?;
            unpack_from(vm, &layout, &a[1], arg(a, 2))
        },
    ),
];

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let Some(class) = args.pos.first() else {
            return Err(vm.type_error("_struct.Struct.__new__(): not enough arguments"));
        };
        let class = vm.class_arg(class)?;
        Ok(vm.alloc_as(&class, Struct { layout: None }).into())
    }),
    NativeDef::new("__init__(self, format)", "Initialize self.", |vm, a| {
        let this = vm.this::<Struct>(a, "__init__")?.clone();
        let layout = layout_of(vm, &a[1])?;
        let format = match a[1].cast::<Bytes>() {
            Some(b) => String::from_utf8_lossy(b.get(vm).as_bytes()).into_owned(),
            None => vm.str_of(&a[1]),
        };
        this.get_mut(vm).layout = Some((format, layout));
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let (format, _) = own(vm, a, "__repr__")?;
        let class = vm.plain_class_name(&a[0]);
        let shown = crate::text::repr::str_repr_string(format.as_bytes());
        Ok(vm.new_str(&format!("{class}({shown})")).into())
    }),
    NativeDef::new("__sizeof__(self, /)", "S.__sizeof__() -> size of S in memory, in bytes", |vm, a| {
        let (format, layout) = own(vm, a, "__sizeof__")?;
        Ok(Value::len(size_of::<Struct>() + size_of::<Layout>() + format.len() + 16 * layout.values().min(64)))
    }),
    NativeDef::new("iter_unpack(self, buffer, /)", "Return an iterator yielding tuples.", |vm, a| {
        let (_, layout) = own(vm, a, "iter_unpack")?;
        iter_unpack(vm, layout, &a[1])
    }),
    NativeDef::raw("pack(self, /, *values)", "Return a bytes object containing the values packed.", |vm, args| {
        no_keywords(vm, args, "Struct.pack")?;
        let (_, layout) = own(vm, args.pos, "pack")?;
        pack(vm, &layout, args.pos.get(1..).unwrap_or_default())
    }),
    NativeDef::raw(
        "pack_into(self, buffer, offset, /, *values)",
        "Pack the values and write the bytes into the writable buffer, from offset on.",
        |vm, args| {
            no_keywords(vm, args, "Struct.pack_into")?;
            let (_, layout) = own(vm, args.pos, "pack_into")?;
            pack_into(vm, &layout, args.pos.get(1..).unwrap_or_default())
        },
    ),
    NativeDef::new("unpack(self, buffer, /)", "Return a tuple containing unpacked values.", |vm, a| {
        let (_, layout) = own(vm, a, "unpack")?;
        unpack(vm, &layout, &a[1])
    }),
    NativeDef::new(
        "unpack_from(self, /, buffer, offset=0)",
        "Return a tuple containing unpacked values, read from offset on.",
        |vm, a| {
            let (_, layout) = own(vm, a, "unpack_from")?;
            unpack_from(vm, &layout, &a[1], arg(a, 2))
        },
    ),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("format", "struct format string", |vm, v| {
        let (format, _) = own(vm, std::slice::from_ref(v), "format")?;
        Ok(vm.new_str(&format).into())
    }),
    GetSetDef::new("size", "struct size in bytes", |vm, v| {
        let (_, layout) = own(vm, std::slice::from_ref(v), "size")?;
        Ok(Value::len(layout.size()))
    }),
];

const ITERATOR: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<UnpackIter>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", iter_next),
    NativeDef::new("__length_hint__(self, /)", "Private method returning an estimate of len(list(it)).", |vm, a| {
        let it = vm.this::<UnpackIter>(a, "__length_hint__")?.get(vm);
        let left = storage(vm, &it.buffer).map_or(0, |b| b.len().saturating_sub(it.at));
        Ok(Value::len(left.checked_div(it.layout.size()).unwrap_or(0)))
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("_struct", FUNCTIONS);
    let (error, class) = classes(vm)?;
    vm.module_set(&m, "error", error.into_value());
    vm.module_set(&m, "Struct", class.into_value());
    let doc = vm.new_str("Functions to convert between Python values and C structs.").into_value();
    vm.module_set(&m, "__doc__", doc);
    Ok(m.into_value())
}

/// The exception and the class, the same ones for each time that the module is made.
fn classes(vm: &mut Vm) -> R<(Ref<Class>, Ref<Class>)> {
    if let (Some(error), Some(class)) = (vm.state::<State>().error.clone(), vm.class_for::<Struct>()) {
        return Ok((error, class));
    }
    let base = vm.exc.Exception.clone();
    let error = vm.define_exception("struct", "error", &base)?;
    vm.state::<State>().error = Some(error.clone());
    let class = vm.define_class::<Struct>("_struct", "Struct", None, class_flag::BASE)?;
    vm.extend_class(&class, METHODS, ATTRS);
    let iterator = vm.define_class::<UnpackIter>("_struct", "unpack_iterator", None, class_flag::NO_NEW)?;
    vm.extend_class(&iterator, ITERATOR, &[]);
    Ok((error, class))
}

/// The exception for what `text::struct_pack` refuses.
fn failure(vm: &mut Vm, e: TextError) -> Raised {
    match vm.state::<State>().error.clone() {
        Some(class) if e.kind == Kind::Struct => vm.raise_text(&class, &e.message),
        _ => vm.text_error(e),
    }
}

fn no_keywords(vm: &mut Vm, args: &Args<'_>, name: &str) -> R<()> {
    if args.kw_names.is_empty() {
        return Ok(());
    }
    Err(vm.type_error(format!("{name}() takes no keyword arguments")))
}

/// The format and the other arguments of a function of the module.
fn module_arguments<'a>(vm: &mut Vm, args: &Args<'a>, name: &str) -> R<Option<(&'a Value, &'a [Value])>> {
    no_keywords(vm, args, &format!("_struct.{name}"))?;
    Ok(args.pos.split_first())
}

/// The layout of a format, a `str` or `bytes` object.
fn layout_of(vm: &mut Vm, format: &Value) -> R<Arc<Layout>> {
    let text = match (format.cast::<Str>(), format.cast::<Bytes>()) {
        (Some(s), _) => s.get(vm).as_bytes(),
        (_, Some(b)) => b.get(vm).as_bytes(),
        _ => {
            let got = vm.class_name(format);
            return Err(vm.type_error(format!("Struct() argument 1 must be a str or bytes object, not {got}")));
        }
    };
    let text = text.to_vec();
    if let Some(layout) = vm.state::<State>().kept.get(&text) {
        return Ok(layout.clone());
    }
    if format.is_a::<Str>() && !text.is_ascii() {
        let refused = codecs::encode_named(codecs::Encoding::Ascii, &text, "strict");
        if let Err(e) = refused {
            return Err(crate::objects::str::codec::codec_error(vm, e, format));
        }
    }
    vm.tick(text.len() >> 4)?;
    let layout = match Layout::parse(&text) {
        Ok(layout) => Arc::new(layout),
        Err(e) => return Err(failure(vm, e)),
    };
    let kept = &mut vm.state::<State>().kept;
    if kept.len() >= MOST_KEPT {
        kept.clear();
    }
    // Endless formats are not worth keeping: a script could fill the memory with them.
    if text.len() <= 256 {
        kept.insert(text, layout.clone());
    }
    Ok(layout)
}

fn own(vm: &mut Vm, a: &[Value], method: &str) -> R<(String, Arc<Layout>)> {
    match &vm.this::<Struct>(a, method)?.get(vm).layout {
        Some((format, layout)) => Ok((format.clone(), layout.clone())),
        None => Err(vm.runtime_error("Struct object is not initialized")),
    }
}

/// The bytes of the values.
fn packed(vm: &mut Vm, layout: &Layout, values: &[Value]) -> R<Vec<u8>> {
    vm.check_alloc(layout.size())?;
    let mut out = vec![0; layout.size()];
    for (field, v) in layout.fields().zip(values) {
        vm.tick(1)?;
        let primitive = items::from_script(vm, &field, v)?;
        let place = out.get_mut(field.offset..field.offset + field.size).unwrap_or(&mut []);
        if let Err(e) = struct_pack::pack(&field, primitive.value(), layout.little_endian(), place) {
            return Err(failure(vm, e));
        }
    }
    Ok(out)
}

fn pack(vm: &mut Vm, layout: &Layout, values: &[Value]) -> R {
    if let Err(e) = layout.check_values("pack", values.len()) {
        return Err(failure(vm, e));
    }
    let out = packed(vm, layout, values)?;
    Ok(vm.new_bytes(&out).into())
}

fn pack_into(vm: &mut Vm, layout: &Layout, args: &[Value]) -> R {
    let (buffer, offset, values) = match args {
        [] | [_] => {
            let missing = if args.is_empty() { "buffer" } else { "offset" };
            let message = format!("pack_into expected {missing} argument");
            return Err(failure(vm, TextError::new(Kind::Struct, message)));
        }
        [buffer, offset, values @ ..] => (buffer, offset, values),
    };
    if let Err(e) = layout.check_values("pack_into", values.len()) {
        return Err(failure(vm, e));
    }
    let length = bytes::writable_len(vm, buffer, "argument")?;
    let offset = vm.index_i64(offset)?;
    let at = match layout.place(true, length, offset) {
        Ok(at) => at,
        Err(e) => return Err(failure(vm, e)),
    };
    let out = packed(vm, layout, values)?;
    bytes::write(vm, buffer, at, &out)?;
    Ok(Value::NONE)
}

/// The values of the fields, the first of which are at `start`.
fn values_at(vm: &Vm, layout: &Layout, data: &[u8], start: usize) -> Value {
    let little = layout.little_endian();
    let mut values = Vec::with_capacity(layout.values());
    for field in layout.fields() {
        let at = start.saturating_add(field.offset);
        let part = data.get(at..at.saturating_add(field.size)).unwrap_or(&[]);
        values.push(items::to_script(vm, struct_pack::unpack(&field, part, little)));
    }
    vm.tuple(values).into()
}

/// Reads the values at the place that `find` gives for the buffer's length.
fn unpack_with(vm: &mut Vm, layout: &Layout, buffer: &Value, find: impl Fn(usize) -> crate::text::Result<usize>) -> R {
    vm.check_alloc(layout.values().saturating_mul(size_of::<Value>()))?;
    vm.tick(layout.values() >> 2)?;
    let copy = if storage(vm, buffer).is_some() { None } else { Some(bytes::bytes_from(vm, buffer)?) };
    let length = match &copy {
        Some(data) => data.len(),
        None => storage(vm, buffer).map_or(0, <[u8]>::len),
    };
    let start = match find(length) {
        Ok(start) => start,
        Err(e) => return Err(failure(vm, e)),
    };
    Ok(match &copy {
        Some(data) => values_at(vm, layout, data, start),
        None => values_at(vm, layout, storage(vm, buffer).unwrap_or_default(), start),
    })
}

fn unpack(vm: &mut Vm, layout: &Layout, buffer: &Value) -> R {
    unpack_with(vm, layout, buffer, |length| layout.check_exact(length).map(|()| 0))
}

fn unpack_from(vm: &mut Vm, layout: &Layout, buffer: &Value, offset: Option<&Value>) -> R {
    let offset = match offset {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    unpack_with(vm, layout, buffer, |length| layout.place(false, length, offset))
}

fn iter_unpack(vm: &mut Vm, layout: Arc<Layout>, buffer: &Value) -> R {
    if layout.size() == 0 {
        let refused = layout.check_iterated(0);
        if let Err(e) = refused {
            return Err(failure(vm, e));
        }
    }
    // A view keeps the size; what is no plain storage is read once, for reading it again may run script code.
    let guard = bytes::view_of(vm, buffer)?.into_value();
    let buffer = if storage(vm, buffer).is_some() {
        buffer.clone()
    } else {
        let data = bytes::bytes_from(vm, &guard)?;
        vm.new_bytes(&data).into()
    };
    let length = storage(vm, &buffer).map_or(0, <[u8]>::len);
    if let Err(e) = layout.check_iterated(length) {
        return Err(failure(vm, e));
    }
    Ok(vm.alloc(UnpackIter { buffer, guard, at: 0, layout }).into())
}

fn iter_next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<UnpackIter>(a, "__next__")?;
    let this = it.get(vm);
    let (at, size) = (this.at, this.layout.size());
    let data = storage(vm, &this.buffer).unwrap_or_default();
    if at.checked_add(size).is_some_and(|end| end <= data.len()) && !this.buffer.is_undef() {
        let values = values_at(vm, &this.layout, data, at);
        vm.tick(this.layout.values() >> 2)?;
        it.get_mut(vm).at = at + size;
        return Ok(values);
    }
    let mut this = it.get_mut(vm);
    this.buffer = Value::UNDEF;
    this.guard = Value::UNDEF;
    Err(Raised::stop_iteration())
}
