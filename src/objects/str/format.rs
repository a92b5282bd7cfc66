//! `str.format`, `str.format_map` and `str.__format__`.
//!
//! Fields are looked up, converted and formatted one after the other, in the order of the template, since each of
//! these may run script code.

use super::shown_type;
use crate::text::format_spec;
use crate::text::str_format::{self as template, Field, First, Numbering, Step};
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::raw(
        "format(self, /, *args, **kwargs)",
        "Return a formatted version of the string, using substitutions from args and kwargs.",
        str_format,
    ),
    NativeDef::new(
        "format_map(self, mapping, /)",
        "Return a formatted version of the string, using substitutions from mapping.",
        str_format_map,
    ),
    NativeDef::new(
        "__format__(self, format_spec, /)",
        "Return a formatted version of the string as described by format_spec.",
        str_dunder_format,
    ),
];

/// Where the values of fields come from.
enum Source<'a> {
    Arguments(&'a Args<'a>),
    Mapping(&'a Value),
}

fn str_format(vm: &mut Vm, args: &Args<'_>) -> R {
    let s = vm.this::<Str>(args.pos, "format")?;
    let rest = Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args };
    finish(vm, s.pinned(), &Source::Arguments(&rest))
}

fn str_format_map(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "format_map")?;
    finish(vm, s.pinned(), &Source::Mapping(&a[1]))
}

fn finish(vm: &mut Vm, text: &[u8], source: &Source<'_>) -> R {
    let mut numbering = Numbering::default();
    vm.written(|vm, out| expand(vm, out, text, source, &mut numbering, template::MAX_NESTING)).map(Ref::into_value)
}

/// Fills a template in; `depth` says how many levels of templates in specifications are still allowed.
fn expand(
    vm: &mut Vm,
    out: &mut Vec<u8>,
    text: &[u8],
    source: &Source<'_>,
    numbering: &mut Numbering,
    depth: usize,
) -> R<()> {
    if depth == 0 {
        return Err(vm.text_error(template::too_deep()));
    }
    for piece in template::pieces(text) {
        let piece = match piece {
            Ok(piece) => piece,
            Err(e) => return Err(vm.text_error(e)),
        };
        out.extend_from_slice(piece.literal);
        if let Some(field) = piece.field {
            format_field(vm, out, &field, source, numbering, depth)?;
            vm.tick(1)?;
        }
    }
    Ok(())
}

fn format_field(
    vm: &mut Vm,
    out: &mut Vec<u8>,
    field: &Field<'_>,
    source: &Source<'_>,
    numbering: &mut Numbering,
    depth: usize,
) -> R<()> {
    let mut v = field_value(vm, field.name, source, numbering)?;
    if let Some(conversion) = field.conversion {
        v = match char::from_u32(conversion) {
            Some('r') => vm.repr(&v)?.into_value(),
            Some('s') => vm.str(&v)?.into_value(),
            Some('a') => vm.ascii(&v)?.into_value(),
            _ => return Err(vm.text_error(template::unknown_conversion(conversion))),
        };
    }
    let nested;
    let mut spec = field.spec;
    if field.nested {
        let mut text = Vec::new();
        expand(vm, &mut text, spec, source, numbering, depth - 1)?;
        nested = text;
        spec = &nested;
    }
    if let Some(done) = vm.format_plainly(out, &v, spec) {
        return done;
    }
    let spec = vm.new_str_bytes(spec);
    let made = vm.format(&v, spec.value())?;
    vm.check_buffer(out, made.get(vm).byte_len())?;
    out.extend_from_slice(made.get(vm).as_bytes());
    Ok(())
}

/// The object that a field's name means.
fn field_value(vm: &mut Vm, name: &[u8], source: &Source<'_>, numbering: &mut Numbering) -> R {
    let (first, steps) = match template::split_name(name) {
        Ok(parts) => parts,
        Err(e) => return Err(vm.text_error(e)),
    };
    let first = match numbering.resolve(first) {
        Ok(first) => first,
        Err(e) => return Err(vm.text_error(e)),
    };
    let mut v = match (first, source) {
        (First::Index(at), Source::Arguments(args)) => match args.pos.get(at) {
            Some(v) => v.clone(),
            None => return Err(vm.text_error(template::index_out_of_range(at))),
        },
        (First::Index(_), Source::Mapping(_)) => {
            return Err(vm.value_error("Format string contains positional fields"));
        }
        (First::Name(name), Source::Arguments(args)) => {
            let named = |k: &Value| k.cast::<Str>().is_some_and(|k| k.get(vm).as_bytes() == name);
            match args.keywords().find(|(k, _)| named(k)) {
                Some((_, v)) => v.clone(),
                None => {
                    let key = vm.new_str_bytes(name).into_value();
                    return Err(vm.key_error(&key));
                }
            }
        }
        (First::Name(name), Source::Mapping(mapping)) => {
            let key = vm.new_str_bytes(name).into_value();
            vm.get_item(mapping, &key)?
        }
    };
    for step in steps {
        v = match step {
            Ok(Step::Attribute(name)) => {
                let name = vm.new_str_bytes(name);
                let name = vm.intern_value(&name);
                vm.get_attr(&v, &name)?
            }
            Ok(Step::Index(at)) => vm.get_item(&v, &Value::len(at))?,
            Ok(Step::Key(key)) => {
                let key = vm.new_str_bytes(key).into_value();
                vm.get_item(&v, &key)?
            }
            Err(e) => return Err(vm.text_error(e)),
        };
    }
    Ok(v)
}

/// Makes sure that the width and precision of a specification do not ask for more memory or work than there is.
///
/// # Errors
/// MemoryError; what a limit raises.
pub fn check_spec(vm: &mut Vm, spec: &Value) -> R<()> {
    match spec.cast::<Str>() {
        Some(spec) => check_spec_text(vm, spec.pinned()),
        None => Ok(()),
    }
}

/// The same for the text of a specification.
///
/// # Errors
/// As [`check_spec`].
pub fn check_spec_text(vm: &mut Vm, spec: &[u8]) -> R<()> {
    // The digits, their groups, the field and the string exist at the same time.
    const COPIES: usize = 5;
    let (mut largest, mut number) = (0usize, 0usize);
    for &b in spec {
        number = if b.is_ascii_digit() { number.saturating_mul(10).saturating_add(usize::from(b & 15)) } else { 0 };
        largest = largest.max(number);
    }
    // Larger numbers are refused by the specification's own rules.
    if largest > format_spec::MAX_WIDTH {
        return Ok(());
    }
    vm.check_alloc(largest.saturating_mul(COPIES))?;
    vm.tick(largest / 64)
}

fn str_dunder_format(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__format__")?;
    let Some(spec) = a[1].cast::<Str>() else {
        let got = shown_type(vm, &a[1]);
        return Err(vm.type_error(format!("__format__() argument must be str, not {got}")));
    };
    if spec.get(vm).byte_len() == 0 {
        return if vm.is_exact(&a[0], &vm.types.str_) { Ok(a[0].clone()) } else { Ok(vm.str(&a[0])?.into()) };
    }
    check_spec(vm, spec.value())?;
    let type_name = vm.class_name(&a[0]);
    let made = vm.written(|_, out| format_spec::write_str(out, s.pinned(), spec.pinned(), &type_name));
    made.map(Ref::into_value).map_err(|e| vm.text_error(e))
}
