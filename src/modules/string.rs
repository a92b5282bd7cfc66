//! `_string`: how format templates are taken apart, for `string.Formatter`.

use crate::heap_object;
use crate::text::str_format::{self as template, First, Step};
use crate::vm::native::NativeDef;
use crate::vm::str::Str;
use crate::vm::{R, Raised, Value, Vm};

heap_object! {
    /// What `formatter_parser` and the second part of `formatter_field_name_split` give: the parts one by one.
    ///
    /// They are found in advance; a mistake in the template is raised where it stands.
    pub struct Parts {
        /// The parts still to come, last one first.
        rest: Vec<Value>,
        /// What is raised when they are used up.
        failure: Value,
    }
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("formatter_parser(string, /)", "Parse the argument as a format string.", formatter_parser),
    NativeDef::new(
        "formatter_field_name_split(string, /)",
        "Split the argument as a field name.",
        formatter_field_name_split,
    ),
];

const PARTS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| {
        Ok(vm.this::<Parts>(a, "__iter__")?.value().clone())
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", next),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let class = vm.define_class::<Parts>("_string", "formatteriterator", None, 0)?;
    vm.extend_class(&class, PARTS, &[]);
    Ok(vm.new_module("_string", FUNCTIONS).into())
}

fn next(vm: &mut Vm, a: &[Value]) -> R {
    let parts = vm.this::<Parts>(a, "__next__")?;
    if let Some(v) = parts.get_mut(vm).rest.pop() {
        return Ok(v);
    }
    let failure = std::mem::replace(&mut parts.get_mut(vm).failure, Value::NONE);
    if failure.is_none() { Err(Raised::stop_iteration()) } else { Err(vm.raise(failure)) }
}

fn text_of(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    match v.cast::<Str>() {
        Some(s) => Ok(s.get(vm).as_bytes().to_vec()),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("expected str, got {got}")))
        }
    }
}

fn parts(vm: &mut Vm, mut rest: Vec<Value>, failure: Option<crate::text::TextError>) -> Value {
    rest.reverse();
    let failure = match failure {
        Some(e) => {
            let e = vm.text_error(e);
            vm.exception_value(e)
        }
        None => Value::NONE,
    };
    vm.alloc(Parts { rest, failure }).into()
}

fn formatter_parser(vm: &mut Vm, a: &[Value]) -> R {
    let text = text_of(vm, &a[0])?;
    let mut found = Vec::new();
    let mut failure = None;
    for piece in template::pieces(&text) {
        let piece = match piece {
            Ok(piece) => piece,
            Err(e) => {
                failure = Some(e);
                break;
            }
        };
        let literal = vm.new_str_bytes(piece.literal).into_value();
        let described = match piece.field {
            Some(f) => {
                let conversion = f.conversion.map_or(Value::NONE, |cp| vm.new_char(cp));
                let (name, spec) = (vm.new_str_bytes(f.name).into_value(), vm.new_str_bytes(f.spec).into_value());
                vec![literal, name, spec, conversion]
            }
            None => vec![literal, Value::NONE, Value::NONE, Value::NONE],
        };
        found.push(vm.tuple(described).into_value());
    }
    Ok(parts(vm, found, failure))
}

fn formatter_field_name_split(vm: &mut Vm, a: &[Value]) -> R {
    let text = text_of(vm, &a[0])?;
    let (first, steps) = match template::split_name(&text) {
        Ok(split) => split,
        Err(e) => return Err(vm.text_error(e)),
    };
    let first = match first {
        First::Index(n) => Value::len(n),
        First::Name(name) => vm.new_str_bytes(name).into(),
    };
    let mut found = Vec::new();
    let mut failure = None;
    for step in steps {
        let (is_attribute, part) = match step {
            Ok(Step::Attribute(name)) => (true, vm.new_str_bytes(name).into_value()),
            Ok(Step::Index(n)) => (false, Value::len(n)),
            Ok(Step::Key(key)) => (false, vm.new_str_bytes(key).into_value()),
            Err(e) => {
                failure = Some(e);
                break;
            }
        };
        found.push(vm.pair([Value::bool(is_attribute), part]));
    }
    let rest = parts(vm, found, failure);
    Ok(vm.pair([first, rest]))
}
