//! Writing JSON: the object that `make_encoder` makes.

use super::push_quoted;
use crate::heap_object;
use crate::text::number::float_text;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::function::Native;
use crate::vm::function::NativeCode;
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `_json.Encoder`: the settings of an encoder.
    pub struct Encoder {
        markers: Value,
        default: Value,
        encoder: Value,
        indent: Value,
        key_separator: Value,
        item_separator: Value,
        sort_keys: bool,
        skip_keys: bool,
        allow_nan: bool,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)",
        "Encoder(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)",
        new,
    ),
    NativeDef::new("__call__(self, obj, _current_indent_level)", "Call self as a function.", call),
];

fn encoder<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a Encoder> {
    v.cast::<Encoder>().map(|e| e.get(vm))
}

macro_rules! shown {
    ($name:literal, $field:ident) => {
        GetSetDef::new($name, "", |vm, v| Ok(encoder(vm, v).map_or(Value::NONE, |e| e.$field.clone())))
    };
}

const GETSETS: &[GetSetDef] = &[
    shown!("markers", markers),
    shown!("default", default),
    shown!("encoder", encoder),
    shown!("indent", indent),
    shown!("key_separator", key_separator),
    shown!("item_separator", item_separator),
    GetSetDef::new("sort_keys", "", |vm, v| Ok(encoder(vm, v).is_some_and(|e| e.sort_keys).into())),
    GetSetDef::new("skipkeys", "", |vm, v| Ok(encoder(vm, v).is_some_and(|e| e.skip_keys).into())),
];

/// The class, made when first asked for.
pub(super) fn class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = vm.class_for::<Encoder>() {
        return Ok(c);
    }
    let c = vm.define_class::<Encoder>("_json", "Encoder", None, class_flag::BASE)?;
    vm.extend_class(&c, METHODS, GETSETS);
    Ok(c)
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(arg_or_none(a, 0))?;
    let markers = arg_or_none(a, 1).clone();
    if !markers.is_none() && !markers.is_a::<Dict>() {
        let class = vm.class_name(&markers);
        return Err(vm.type_error(format!("make_encoder() argument 1 must be dict or None, not {class}")));
    }
    for i in [5, 6] {
        let v = arg_or_none(a, i);
        if !v.is_a::<Str>() {
            let class = vm.class_name(v);
            return Err(vm.type_error(format!("make_encoder() argument {i} must be str, not {class}")));
        }
    }
    let encoder = Encoder {
        markers,
        default: arg_or_none(a, 2).clone(),
        encoder: arg_or_none(a, 3).clone(),
        indent: arg_or_none(a, 4).clone(),
        key_separator: arg_or_none(a, 5).clone(),
        item_separator: arg_or_none(a, 6).clone(),
        sort_keys: vm.truth(arg_or_none(a, 7))?,
        skip_keys: vm.truth(arg_or_none(a, 8))?,
        allow_nan: vm.truth(arg_or_none(a, 9))?,
    };
    Ok(vm.alloc_as(&cls, encoder).into())
}

/// How strings are written.
#[derive(Clone)]
enum Quoting {
    /// By this module; true for ASCII only.
    Native(bool),
    /// By a function.
    Function(Value),
}

fn quoting(vm: &Vm, f: &Value) -> Quoting {
    if let Some(native) = f.cast::<Native>()
        && vm.str_is(&native.get(vm).owner, "_json")
        && let NativeCode::Static(def) = &native.get(vm).code
    {
        match def.name() {
            "encode_basestring" => return Quoting::Native(false),
            "encode_basestring_ascii" => return Quoting::Native(true),
            _ => {}
        }
    }
    Quoting::Function(f.clone())
}

fn call(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Encoder>(a, "__call__")?.clone();
    let level = vm.index_i64(arg_or_none(a, 2))?;
    let e = this.get(vm);
    let text = |v: &Value| v.cast::<Str>().map_or(Vec::new(), |s| s.get(vm).as_bytes().to_vec());
    let mut writer = Writer {
        quoting: quoting(vm, &e.encoder),
        key_separator: text(&e.key_separator),
        item_separator: text(&e.item_separator),
        indent: (!e.indent.is_none()).then(|| text(&e.indent)),
        markers: e.markers.cast::<Dict>().cloned(),
        default: e.default.clone(),
        sort_keys: e.sort_keys,
        skip_keys: e.skip_keys,
        allow_nan: e.allow_nan,
        out: Vec::new(),
    };
    writer.value(vm, arg_or_none(a, 1), usize::try_from(level).unwrap_or(0))?;
    let text = vm.new_str_bytes(&writer.out).into_value();
    Ok(vm.tuple(vec![text]).into())
}

/// Writes one text.
struct Writer {
    quoting: Quoting,
    key_separator: Vec<u8>,
    item_separator: Vec<u8>,
    indent: Option<Vec<u8>>,
    markers: Option<Ref<Dict>>,
    default: Value,
    sort_keys: bool,
    skip_keys: bool,
    allow_nan: bool,
    out: Vec<u8>,
}

impl Writer {
    fn value(&mut self, vm: &mut Vm, v: &Value, level: usize) -> R<()> {
        vm.tick(1)?;
        if v.is_none() {
            self.out.extend_from_slice(b"null");
        } else if let Some(b) = v.as_bool() {
            self.out.extend_from_slice(if b { b"true" } else { b"false" });
        } else if v.is_a::<Str>() {
            self.string(vm, v)?;
        } else if vm.is_int(v) || vm.as_float(v).is_some() {
            let text = self.number(vm, v)?;
            self.out.extend_from_slice(text.as_bytes());
        } else if v.is_a::<List>() || v.is_a::<Tuple>() {
            return vm.guarded(|vm| {
                self.marked(vm, v, |w, vm| {
                    if vm.is_exact(v, &vm.types.list) || vm.is_exact(v, &vm.types.tuple) {
                        return w.list(vm, v, level);
                    }
                    // Instances of subclasses may iterate in their own way.
                    let items = vm.collect(v)?;
                    let items = vm.tuple(items).into();
                    w.list(vm, &items, level)
                })
            });
        } else if v.is_a::<Dict>() {
            return vm.guarded(|vm| self.marked(vm, v, |w, vm| w.dict(vm, v, level)));
        } else {
            return vm.guarded(|vm| {
                self.marked(vm, v, |w, vm| {
                    let f = w.default.clone();
                    let other = vm.call(&f, std::slice::from_ref(v))?;
                    let result = w.value(vm, &other, level);
                    with_note(vm, result, |vm| Ok(format!("when serializing {} object", vm.full_class_name(v))))
                })
            });
        }
        vm.check_buffer(&self.out, 0)
    }

    fn string(&mut self, vm: &mut Vm, v: &Value) -> R<()> {
        let quoting = self.quoting.clone();
        match quoting {
            Quoting::Native(ascii) => {
                if let Some(s) = v.cast::<Str>() {
                    vm.check_buffer(&self.out, s.get(vm).byte_len())?;
                    push_quoted(&mut self.out, s.get(vm).as_bytes(), ascii);
                    let n = s.get(vm).byte_len();
                    vm.tick(n / 16)?;
                }
            }
            Quoting::Function(f) => {
                let text = vm.call(&f, std::slice::from_ref(v))?;
                let Some(s) = text.cast::<Str>() else {
                    let class = vm.class_name(&text);
                    return Err(vm.type_error(format!("encoder() must return a string, not {class}")));
                };
                self.out.extend_from_slice(s.get(vm).as_bytes());
            }
        }
        Ok(())
    }

    /// An int or a float as text.
    fn number(&mut self, vm: &mut Vm, v: &Value) -> R<String> {
        let Some(x) = vm.as_float(v) else { return crate::objects::int::to_decimal(vm, v) };
        if x.is_finite() {
            return Ok(float_text::repr(x));
        }
        if !self.allow_nan {
            let shown = vm.repr_string(v)?;
            return Err(vm.value_error(format!("Out of range float values are not JSON compliant: {shown}")));
        }
        let text = if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        Ok(text.to_owned())
    }

    /// Runs `f` with the object noted as being written, to find circles.
    fn marked(&mut self, vm: &mut Vm, v: &Value, f: impl FnOnce(&mut Self, &mut Vm) -> R<()>) -> R<()> {
        let Some(markers) = self.markers.clone() else { return f(self, vm) };
        let id = vm.int_from(v.bits());
        if markers.get_item(vm, &id)?.is_some() {
            return Err(vm.value_error("Circular reference detected"));
        }
        markers.set_item(vm, id.clone(), v.clone())?;
        f(self, vm)?;
        drop(markers.remove(vm, &id)?);
        Ok(())
    }

    /// Begins a line, if lines are wanted.
    fn line(&mut self, vm: &mut Vm, level: usize) -> R<()> {
        if let Some(indent) = &self.indent {
            vm.check_buffer(&self.out, indent.len().saturating_mul(level))?;
            self.out.push(b'\n');
            for _ in 0..level {
                self.out.extend_from_slice(indent);
            }
        }
        Ok(())
    }

    fn list(&mut self, vm: &mut Vm, v: &Value, level: usize) -> R<()> {
        let mut at = 0;
        loop {
            // The list may change while its items are written.
            let item = match v.cast::<List>() {
                Some(l) => l.get(vm).items.get(at).cloned(),
                None => v.cast::<Tuple>().and_then(|t| t.get(vm).items().get(at).cloned()),
            };
            let Some(item) = item else { break };
            if at == 0 {
                self.out.push(b'[');
            } else {
                self.out.extend_from_slice(&self.item_separator);
            }
            self.line(vm, level + 1)?;
            let result = self.value(vm, &item, level + 1);
            with_note(vm, result, |vm| Ok(format!("when serializing {} item {at}", vm.full_class_name(v))))?;
            at += 1;
        }
        if at == 0 {
            self.out.extend_from_slice(b"[]");
            return Ok(());
        }
        self.line(vm, level)?;
        self.out.push(b']');
        Ok(())
    }

    /// The items of a dict, sorted if that is wanted.
    fn items(&mut self, vm: &mut Vm, v: &Value) -> R<Vec<(Value, Value)>> {
        if !self.sort_keys
            && vm.is_exact(v, &vm.types.dict)
            && let Some(d) = v.cast::<Dict>()
        {
            return Ok(d.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect());
        }
        let items = vm.call_method(v, "items", &[])?;
        let items = vm.collect(&items)?;
        let list = vm.list(items);
        if self.sort_keys {
            vm.call_method(list.value(), "sort", &[])?;
        }
        let mut pairs = Vec::new();
        for item in list.get(vm).items.clone() {
            match vm.tuple_clone(&item).as_deref() {
                Some([k, v]) => pairs.push((k.clone(), v.clone())),
                _ => return Err(vm.value_error("items must return 2-tuples")),
            }
        }
        Ok(pairs)
    }

    /// A key as the string that stands for it; none if it is to be left out.
    fn key(&mut self, vm: &mut Vm, key: &Value) -> R<Option<Value>> {
        if key.is_a::<Str>() {
            return Ok(Some(key.clone()));
        }
        let text = if key.is_none() {
            "null".to_owned()
        } else if let Some(b) = key.as_bool() {
            b.to_string()
        } else if vm.is_int(key) || vm.as_float(key).is_some() {
            self.number(vm, key)?
        } else if self.skip_keys {
            return Ok(None);
        } else {
            let class = vm.full_class_name(key);
            return Err(vm.type_error(format!("keys must be str, int, float, bool or None, not {class}")));
        };
        Ok(Some(vm.new_str(&text).into()))
    }

    fn dict(&mut self, vm: &mut Vm, v: &Value, level: usize) -> R<()> {
        if v.cast::<Dict>().is_some_and(|d| d.get(vm).is_empty()) {
            self.out.extend_from_slice(b"{}");
            return Ok(());
        }
        self.out.push(b'{');
        let mut first = true;
        for (key, value) in self.items(vm, v)? {
            let Some(name) = self.key(vm, &key)? else { continue };
            if !first {
                self.out.extend_from_slice(&self.item_separator);
            }
            first = false;
            self.line(vm, level + 1)?;
            self.string(vm, &name)?;
            self.out.extend_from_slice(&self.key_separator);
            let result = self.value(vm, &value, level + 1);
            with_note(vm, result, |vm| {
                let shown = vm.repr_string(&key)?;
                Ok(format!("when serializing {} item {shown}", vm.full_class_name(v)))
            })?;
        }
        if !first {
            self.line(vm, level)?;
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// Adds to an exception where it happened.
fn with_note(vm: &mut Vm, result: R<()>, note: impl FnOnce(&mut Vm) -> R<String>) -> R<()> {
    let Err(e) = result else { return Ok(()) };
    if e.is_halt() {
        return Err(e);
    }
    Err(noted(vm, e, note))
}

#[cold]
fn noted(vm: &mut Vm, e: Raised, note: impl FnOnce(&mut Vm) -> R<String>) -> Raised {
    let error = vm.exception_value(e);
    let result = note(vm).and_then(|text| {
        let text = vm.new_str(&text).into_value();
        vm.call_method(&error, "add_note", &[text])
    });
    match result {
        Ok(_) => vm.raise(error),
        Err(e) => e,
    }
}
