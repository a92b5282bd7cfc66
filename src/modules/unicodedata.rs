//! `unicodedata`: what Unicode says of characters, over `text::unicode`.

use crate::objects::str::{shown_type, text_arg};
use crate::text::gutf8;
use crate::text::unicode::normal::{self, Form};
use crate::text::unicode::{self, names};
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "name(chr, default=None, /)",
        "Returns the name assigned to the character chr as a string.",
        |vm, a| {
            let cp = character(vm, &a[0], "name")?;
            match names::name(cp) {
                Some(name) => Ok(vm.new_str(&name).into()),
                None => or_default(vm, a, "no such name"),
            }
        },
    ),
    NativeDef::new("lookup(name, /)", "Look up character by name.", lookup),
    NativeDef::new(
        "decimal(chr, default=None, /)",
        "Converts a Unicode character into its equivalent decimal value.",
        |vm, a| {
            let cp = character(vm, &a[0], "decimal")?;
            match unicode::decimal_value(cp) {
                Some(n) => Ok(Value::int32(n as i32)),
                None => or_default(vm, a, "not a decimal"),
            }
        },
    ),
    NativeDef::new(
        "digit(chr, default=None, /)",
        "Converts a Unicode character into its equivalent digit value.",
        |vm, a| {
            let cp = character(vm, &a[0], "digit")?;
            match unicode::digit_value(cp) {
                Some(n) => Ok(Value::int32(n as i32)),
                None => or_default(vm, a, "not a digit"),
            }
        },
    ),
    NativeDef::new(
        "numeric(chr, default=None, /)",
        "Converts a Unicode character into its equivalent numeric value.",
        |vm, a| {
            let cp = character(vm, &a[0], "numeric")?;
            match unicode::numeric_value(cp) {
                Some(x) => Ok(vm.float(x)),
                None => or_default(vm, a, "not a numeric character"),
            }
        },
    ),
    NativeDef::new(
        "category(chr, /)",
        "Returns the general category assigned to the character chr as string.",
        |vm, a| {
            let cp = character(vm, &a[0], "category")?;
            Ok(vm.new_str(unicode::category(cp)).into())
        },
    ),
    NativeDef::new(
        "bidirectional(chr, /)",
        "Returns the bidirectional class assigned to the character chr as string.",
        |vm, a| {
            let cp = character(vm, &a[0], "bidirectional")?;
            Ok(vm.new_str(unicode::properties(cp).bidirectional()).into())
        },
    ),
    NativeDef::new(
        "combining(chr, /)",
        "Returns the canonical combining class assigned to the character chr as integer.",
        |vm, a| {
            let cp = character(vm, &a[0], "combining")?;
            let assigned = unicode::properties(cp).assigned();
            Ok(Value::int32(if assigned { i32::from(normal::combining(cp)) } else { 0 }))
        },
    ),
    NativeDef::new(
        "mirrored(chr, /)",
        "Returns the mirrored property assigned to the character chr as integer.",
        |vm, a| {
            let cp = character(vm, &a[0], "mirrored")?;
            Ok(Value::int32(i32::from(unicode::properties(cp).mirrored())))
        },
    ),
    NativeDef::new(
        "east_asian_width(chr, /)",
        "Returns the east asian width assigned to the character chr as string.",
        |vm, a| {
            let cp = character(vm, &a[0], "east_asian_width")?;
            Ok(vm.new_str(unicode::properties(cp).east_asian_width()).into())
        },
    ),
    NativeDef::new(
        "normalize(form, unistr, /)",
        "Return the normal form 'form' for the Unicode string unistr.",
        |vm, a| {
            let form = form(vm, &a[0], "normalize")?;
            let s = text_arg(vm, &a[1], "normalize", 2)?;
            let form = known_form(vm, &form)?;
            let size = s.get(vm).byte_len();
            vm.check_alloc(size.saturating_mul(4))?;
            vm.tick(size >> 4)?;
            if normal::is_normalized(s.get(vm).as_bytes(), form) {
                return Ok(crate::objects::str::exact(vm, s));
            }
            Ok(vm.new_str_bytes(&normal::normalize(s.get(vm).as_bytes(), form)).into())
        },
    ),
    NativeDef::new(
        "is_normalized(form, unistr, /)",
        "Return whether the Unicode string unistr is in the normal form 'form'.",
        |vm, a| {
            let form = form(vm, &a[0], "is_normalized")?;
            let s = text_arg(vm, &a[1], "is_normalized", 2)?;
            let form = known_form(vm, &form)?;
            let size = s.get(vm).byte_len();
            vm.tick(size >> 4)?;
            Ok(Value::bool(normal::is_normalized(s.get(vm).as_bytes(), form)))
        },
    ),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("unicodedata", FUNCTIONS);
    let version = vm.new_str(unicode::UNICODE_VERSION).into_value();
    vm.module_set(&module, "unidata_version", version);
    Ok(module.into())
}

/// The one character of an argument.
fn character(vm: &mut Vm, v: &Value, method: &str) -> R<u32> {
    let Some(s) = v.cast::<Str>() else {
        let got = shown_type(vm, v);
        return Err(vm.type_error(format!("{method}() argument 1 must be a unicode character, not {got}")));
    };
    let text = s.get(vm);
    match gutf8::single(text.as_bytes()) {
        Some(cp) => Ok(cp),
        None => {
            let length = text.char_len();
            Err(vm.type_error(format!(
                "{method}(): argument 1 must be a unicode character, not a string of length {length}"
            )))
        }
    }
}

fn or_default(vm: &mut Vm, a: &[Value], text: &str) -> R {
    match arg(a, 1) {
        Some(v) => Ok(v.clone()),
        None => Err(vm.value_error(text)),
    }
}

fn lookup(vm: &mut Vm, a: &[Value]) -> R {
    let name = match a[0].cast::<Str>() {
        Some(_) => vm.str_of(&a[0]),
        None => String::from_utf8_lossy(&crate::objects::bytes::bytes_from(vm, &a[0])?).into_owned(),
    };
    match names::lookup(&name) {
        Some(cp) => Ok(vm.new_char(cp)),
        None => {
            let class = vm.exc.KeyError.clone();
            Err(vm.raise_text(&class, &format!("undefined character name '{name}'")))
        }
    }
}

fn form(vm: &mut Vm, v: &Value, method: &str) -> R<String> {
    let s = text_arg(vm, v, method, 1)?;
    Ok(vm.str_of(s.value()))
}

fn known_form(vm: &mut Vm, name: &str) -> R<Form> {
    match Form::from_name(name) {
        Some(form) => Ok(form),
        None => Err(vm.value_error("invalid normalization form")),
    }
}
