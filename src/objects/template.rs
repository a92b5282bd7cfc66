//! Template strings: `string.templatelib.Template` and `Interpolation`.
//!
//! Invariant: a template has one string more than interpolations.

use super::class::import_module;
use super::descriptors::read_only;
use super::generic_alias::{class_getitem, tuple_items};
use crate::heap_object;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `Template`.
    pub struct Template {
        /// `strings`: a tuple.
        pub strings: Value,
        /// `interpolations`: a tuple.
        pub interpolations: Value,
    }
}

heap_object! {
    /// The payload of `Interpolation`.
    pub struct Interpolation {
        /// `value`.
        pub value: Value,
        /// `expression`.
        pub expression: Value,
        /// `conversion`: `None`, `'s'`, `'r'` or `'a'`.
        pub conversion: Value,
        /// `format_spec`.
        pub format_spec: Value,
    }
}

heap_object! {
    /// The payload of the iterator over a template's parts.
    pub struct TemplateIter {
        /// The parts, last first.
        pub left: Vec<Value>,
    }
}

const TEMPLATE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args)", "Template object", new_template),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let t = vm.this::<Template>(a, "__repr__")?.get(vm);
        let (strings, interpolations) = (t.strings.clone(), t.interpolations.clone());
        vm.guarded(|vm| {
            let x = vm.repr(&strings)?.get(vm).as_bytes().to_vec();
            let y = vm.repr(&interpolations)?.get(vm).as_bytes().to_vec();
            Ok(vm.new_str_parts(&[b"Template(strings=", &x, b", interpolations=", &y, b")"]).into())
        })
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        let t = vm.this::<Template>(a, "__iter__")?.get(vm);
        let (strings, interpolations) = (tuple_items(vm, &t.strings), tuple_items(vm, &t.interpolations));
        let mut left = Vec::with_capacity(strings.len() * 2);
        let mut others = interpolations.into_iter();
        for s in strings {
            if s.cast::<Str>().is_some_and(|s| s.get(vm).byte_len() > 0) {
                left.push(s);
            }
            left.extend(others.next());
        }
        left.reverse();
        Ok(vm.alloc(TemplateIter { left }).into())
    }),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", add),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let t = vm.this::<Template>(a, "__reduce__")?.get(vm);
        let pair = vec![t.strings.clone(), t.interpolations.clone()];
        let pair = vm.tuple(pair).into_value();
        let lib = import_module(vm, "string.templatelib")?;
        let f = vm.get_attr_str(&lib, "_template_unpickle")?;
        Ok(vm.tuple(vec![f, pair]).into())
    }),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", class_getitem),
];

const TEMPLATE_ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set("strings", "Strings", |vm, v| Ok(template(vm, v)?.0), read_only),
    GetSetDef::with_set("interpolations", "Interpolations", |vm, v| Ok(template(vm, v)?.1), read_only),
    GetSetDef::new("values", "Values of interpolations", |vm, v| {
        let list = template(vm, v)?.1;
        let values = tuple_items(vm, &list)
            .iter()
            .filter_map(|i| i.cast::<Interpolation>().map(|i| i.get(vm).value.clone()))
            .collect();
        Ok(vm.tuple(values).into())
    }),
];

macro_rules! part {
    ($name:literal, $field:ident) => {
        GetSetDef::with_set(
            $name,
            "",
            |vm, v| Ok(vm.this::<Interpolation>(std::slice::from_ref(v), $name)?.get(vm).$field.clone()),
            read_only,
        )
    };
}

const INTERPOLATION_ATTRS: &[GetSetDef] = &[
    part!("value", value),
    part!("expression", expression),
    part!("conversion", conversion),
    part!("format_spec", format_spec),
];

const INTERPOLATION: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, value, expression='', conversion=None, format_spec='')",
        "Interpolation object",
        new_interpolation,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let parts = interpolation_parts(vm, a)?;
        vm.guarded(|vm| {
            let mut shown = Vec::with_capacity(4);
            for p in &parts {
                shown.push(vm.repr(p)?.get(vm).as_bytes().to_vec());
            }
            let inner = shown.join(&b", "[..]);
            Ok(vm.new_str_parts(&[b"Interpolation(", &inner, b")"]).into())
        })
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let parts = interpolation_parts(vm, a)?;
        let class = vm.class_of(arg_or_none(a, 0)).value().clone();
        let args = vm.tuple(parts).into_value();
        Ok(vm.tuple(vec![class, args]).into())
    }),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", class_getitem),
];

const ITERATOR: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let it = vm.this::<TemplateIter>(a, "__next__")?.clone();
        let next = it.get_mut(vm).left.pop();
        next.ok_or_else(crate::vm::exception::Raised::stop_iteration)
    }),
];

/// Makes the classes.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let module = "string.templatelib";
    let class = vm.define_class::<Template>(module, "Template", None, 0)?;
    vm.extend_class(&class, TEMPLATE, TEMPLATE_ATTRS);
    let class = vm.define_class::<Interpolation>(module, "Interpolation", None, 0)?;
    vm.extend_class(&class, INTERPOLATION, INTERPOLATION_ATTRS);
    let names = ["value", "expression", "conversion", "format_spec"].map(|n| vm.intern(n).into_value());
    let (name, names) = (vm.names.__match_args__.clone(), vm.tuple(names.to_vec()).into_value());
    vm.set_class_attr(&class, &name, names);
    let class = vm.define_class::<TemplateIter>(module, "TemplateIter", None, 0)?;
    vm.extend_class(&class, ITERATOR, &[]);
    Ok(())
}

/// A template of a tuple of strings and a tuple of interpolations.
pub fn make_template(vm: &mut Vm, strings: Value, interpolations: Value) -> Value {
    vm.alloc(Template { strings, interpolations }).into()
}

/// An interpolation; the conversion is `None` or a one-letter string.
pub fn make_interpolation(
    vm: &mut Vm,
    value: Value,
    expression: Value,
    conversion: Value,
    format_spec: Value,
) -> Value {
    vm.alloc(Interpolation { value, expression, conversion, format_spec }).into()
}

fn template(vm: &mut Vm, v: &Value) -> R<(Value, Value)> {
    let t = vm.this::<Template>(std::slice::from_ref(v), "strings")?.get(vm);
    Ok((t.strings.clone(), t.interpolations.clone()))
}

fn interpolation_parts(vm: &mut Vm, a: &[Value]) -> R<Vec<Value>> {
    let i = vm.this::<Interpolation>(a, "value")?.get(vm);
    Ok(vec![i.value.clone(), i.expression.clone(), i.conversion.clone(), i.format_spec.clone()])
}

/// Joins the strings of neighbouring parts.
fn assemble(vm: &mut Vm, parts: &[Value]) -> Value {
    let mut strings: Vec<Vec<u8>> = vec![Vec::new()];
    let mut interpolations = Vec::new();
    for p in parts {
        match (p.cast::<Str>(), strings.last_mut()) {
            (Some(s), Some(last)) => last.extend_from_slice(s.get(vm).as_bytes()),
            _ => {
                interpolations.push(p.clone());
                strings.push(Vec::new());
            }
        }
    }
    let strings = strings.iter().map(|s| vm.new_str_bytes(s).into_value()).collect();
    let (strings, interpolations) = (vm.tuple(strings).into_value(), vm.tuple(interpolations).into_value());
    make_template(vm, strings, interpolations)
}

fn new_template(vm: &mut Vm, args: &Args<'_>) -> R {
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("Template.__new__ only accepts *args arguments"));
    }
    let parts = args.pos.get(1..).unwrap_or_default();
    if let Some(wrong) = parts.iter().find(|p| !p.is_a::<Str>() && !p.is_a::<Interpolation>()) {
        let text =
            format!("Template.__new__ *args need to be of type 'str' or 'Interpolation', got {}", vm.class_name(wrong));
        return Err(vm.type_error(text));
    }
    Ok(assemble(vm, parts))
}

fn add(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = (arg_or_none(a, 0), arg_or_none(a, 1));
    if !x.is_a::<Template>() || !y.is_a::<Template>() {
        let text = format!(
            "can only concatenate string.templatelib.Template (not \"{}\") to string.templatelib.Template",
            vm.class_name(if x.is_a::<Template>() { y } else { x })
        );
        return Err(vm.type_error(text));
    }
    let mut parts = Vec::new();
    for t in [x, y] {
        let (strings, interpolations) = template(vm, t)?;
        let mut others = tuple_items(vm, &interpolations).into_iter();
        for s in tuple_items(vm, &strings) {
            parts.push(s);
            parts.extend(others.next());
        }
    }
    Ok(assemble(vm, &parts))
}

fn text_argument(vm: &mut Vm, a: &[Value], i: usize, name: &str) -> R {
    match arg(a, i) {
        None => Ok(vm.empty_str().into()),
        Some(v) if v.is_a::<Str>() => Ok(v.clone()),
        Some(v) => {
            let text = format!("Interpolation() argument '{name}' must be str, not {}", vm.class_name(v));
            Err(vm.type_error(text))
        }
    }
}

fn new_interpolation(vm: &mut Vm, a: &[Value]) -> R {
    let expression = text_argument(vm, a, 2, "expression")?;
    let conversion = arg_or_none(a, 3).clone();
    if !conversion.is_none() {
        text_argument(vm, a, 3, "conversion")?;
        if !["s", "a", "r"].contains(&vm.str_of(&conversion).as_str()) {
            return Err(vm.value_error("Interpolation() argument 'conversion' must be one of 's', 'a' or 'r'"));
        }
    }
    let format_spec = text_argument(vm, a, 4, "format_spec")?;
    Ok(make_interpolation(vm, arg_or_none(a, 1).clone(), expression, conversion, format_spec))
}
