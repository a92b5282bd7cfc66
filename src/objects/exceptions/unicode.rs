//! `UnicodeEncodeError`, `UnicodeDecodeError`, `UnicodeTranslateError`.
//!
//! Fields of all three: encoding, object, start, end, reason.

use super::{field, set_args, set_field, this};
use crate::exception_fields;
use crate::text::gutf8;
use crate::vm::exception::{Exception, Raised};
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

const ENCODING: &[GetSetDef] = exception_fields!["encoding" 0];
const OBJECT: &[GetSetDef] = exception_fields!["object" 1, "reason" 4];
const RANGE: &[GetSetDef] = &[
    GetSetDef::with_set(
        "start",
        "exception start",
        |vm, v| super::fields::get(vm, v, 2),
        |vm, v, x| set_position(vm, v, 2, x),
    ),
    GetSetDef::with_set(
        "end",
        "exception end",
        |vm, v| super::fields::get(vm, v, 3),
        |vm, v, x| set_position(vm, v, 3, x),
    ),
];

const ENCODE: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", |vm, args| fill(vm, args, true, true)),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| text_problem(vm, a, "encode")),
];
const DECODE: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", |vm, args| fill(vm, args, true, false)),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_decode),
];
const TRANSLATE: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", |vm, args| fill(vm, args, false, true)),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| text_problem(vm, a, "translate")),
];

/// Adds the methods and attributes.
#[cold]
pub fn init(vm: &mut Vm) {
    let classes = [
        (vm.exc.UnicodeEncodeError.clone(), ENCODE, true),
        (vm.exc.UnicodeDecodeError.clone(), DECODE, true),
        (vm.exc.UnicodeTranslateError.clone(), TRANSLATE, false),
    ];
    for (class, methods, encoding) in classes {
        if encoding {
            vm.extend_class(&class, &[], ENCODING);
        }
        vm.extend_class(&class, methods, OBJECT);
        vm.extend_class(&class, &[], RANGE);
    }
}

fn set_position(vm: &mut Vm, v: &Value, at: usize, value: Option<Value>) -> R<()> {
    let Some(value) = value else { return Err(vm.type_error("can't delete numeric/char attribute")) };
    if !vm.is_int(&value) && vm.special(&value, Special::Index).is_none() {
        return Err(vm.type_error("an integer is required"));
    }
    let n = vm.index_i64(&value)?;
    let n = vm.int(n);
    super::fields::set(vm, v, at, Some(n))
}

fn fill(vm: &mut Vm, args: &Args<'_>, encoding: bool, text: bool) -> R {
    let e = this(vm, args.pos, "__init__")?.clone();
    super::no_keywords(vm, e.value(), args)?;
    let rest = args.pos.get(1..).unwrap_or_default();
    let wanted = if encoding { 5 } else { 4 };
    if rest.len() != wanted {
        return Err(vm.type_error(format!("function takes exactly {wanted} arguments ({} given)", rest.len())));
    }
    set_args(vm, &e, rest);
    let first = if encoding { 0 } else { 1 };
    for (i, v) in rest.iter().enumerate() {
        let at = i + first;
        let stored = match at {
            0 | 4 => expect_str(vm, v, i)?,
            1 if text => expect_str(vm, v, i)?,
            1 => expect_bytes(vm, v)?,
            _ => {
                let n = vm.index_i64(v)?;
                vm.int(n)
            }
        };
        set_field(vm, &e, at, stored);
    }
    Ok(Value::NONE)
}

fn expect_str(vm: &mut Vm, v: &Value, i: usize) -> R {
    if v.is_a::<Str>() {
        return Ok(v.clone());
    }
    Err(vm.type_error(format!("argument {} must be str, not {}", i + 1, vm.class_name(v))))
}

fn expect_bytes(vm: &mut Vm, v: &Value) -> R {
    if v.is_a::<Bytes>() {
        return Ok(v.clone());
    }
    if vm.special(v, Special::Buffer).is_none() {
        return Err(vm.type_error(format!("a bytes-like object is required, not '{}'", vm.class_name(v))));
    }
    let bytes = vm.types.bytes.value().clone();
    vm.call(&bytes, std::slice::from_ref(v))
}

/// What the texts are made of.
struct Parts {
    encoding: String,
    object: Value,
    start: i64,
    end: i64,
    reason: String,
}

fn parts(vm: &mut Vm, e: &Ref<Exception>) -> R<Option<Parts>> {
    let [encoding, object, start, end, reason] = [0, 1, 2, 3, 4].map(|at| field(vm, e, at));
    if object.is_undef() {
        return Ok(None);
    }
    let shown = |vm: &mut Vm, v: &Value| -> R<String> {
        if v.is_undef() {
            return Ok(String::new());
        }
        let s = vm.str(v)?;
        Ok(vm.str_of(s.value()))
    };
    let (encoding, reason) = (shown(vm, &encoding)?, shown(vm, &reason)?);
    let (start, end) = (vm.as_i64(&start).unwrap_or(0), vm.as_i64(&end).unwrap_or(0));
    Ok(Some(Parts { encoding, object, start, end, reason }))
}

fn text_problem(vm: &mut Vm, a: &[Value], verb: &str) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let Some(p) = parts(vm, &e)? else { return Ok(vm.empty_str().into()) };
    let who = if verb == "encode" { format!("'{}' codec ", p.encoding) } else { String::new() };
    let single = match p.object.cast::<Str>() {
        Some(s) if p.end.checked_sub(1) == Some(p.start) => {
            usize::try_from(p.start).ok().and_then(|at| gutf8::code_points(s.get(vm).as_bytes()).nth(at))
        }
        _ => None,
    };
    let text = match single {
        Some(cp) => {
            let escaped = match cp {
                0..=0xff => format!("\\x{cp:02x}"),
                0x100..=0xffff => format!("\\u{cp:04x}"),
                _ => format!("\\U{cp:08x}"),
            };
            format!("{who}can't {verb} character '{escaped}' in position {}: {}", p.start, p.reason)
        }
        None => {
            let last = p.end.saturating_sub(1);
            format!("{who}can't {verb} characters in position {}-{last}: {}", p.start, p.reason)
        }
    };
    Ok(vm.new_str(&text).into())
}

fn str_decode(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let Some(p) = parts(vm, &e)? else { return Ok(vm.empty_str().into()) };
    let single = match p.object.cast::<Bytes>() {
        Some(b) if p.end.checked_sub(1) == Some(p.start) => {
            usize::try_from(p.start).ok().and_then(|at| b.get(vm).as_bytes().get(at).copied())
        }
        _ => None,
    };
    let text = match single {
        Some(byte) => {
            format!("'{}' codec can't decode byte 0x{byte:02x} in position {}: {}", p.encoding, p.start, p.reason)
        }
        None => format!(
            "'{}' codec can't decode bytes in position {}-{}: {}",
            p.encoding,
            p.start,
            p.end.saturating_sub(1),
            p.reason
        ),
    };
    Ok(vm.new_str(&text).into())
}

impl Vm {
    /// `UnicodeEncodeError`: `object` is the str, `start` and `end` are positions in code points.
    #[cold]
    pub fn unicode_encode_error(
        &mut self,
        encoding: &str,
        object: &Value,
        start: usize,
        end: usize,
        reason: &str,
    ) -> Raised {
        let class = self.exc.UnicodeEncodeError.clone();
        self.unicode_problem(&class, Some(encoding), object, start, end, reason)
    }

    /// `UnicodeDecodeError`: `object` is the bytes, `start` and `end` are positions in bytes.
    #[cold]
    pub fn unicode_decode_error(
        &mut self,
        encoding: &str,
        object: &Value,
        start: usize,
        end: usize,
        reason: &str,
    ) -> Raised {
        let class = self.exc.UnicodeDecodeError.clone();
        self.unicode_problem(&class, Some(encoding), object, start, end, reason)
    }

    /// `UnicodeTranslateError`.
    #[cold]
    pub fn unicode_translate_error(&mut self, object: &Value, start: usize, end: usize, reason: &str) -> Raised {
        let class = self.exc.UnicodeTranslateError.clone();
        self.unicode_problem(&class, None, object, start, end, reason)
    }

    fn unicode_problem(
        &mut self,
        class: &Ref<crate::vm::class::Class>,
        encoding: Option<&str>,
        object: &Value,
        start: usize,
        end: usize,
        reason: &str,
    ) -> Raised {
        let mut args = Vec::with_capacity(5);
        args.extend(encoding.map(|name| self.new_str(name).into_value()));
        args.extend([object.clone(), Value::len(start), Value::len(end), self.new_str(reason).into_value()]);
        let e = self.new_exception(class, args.clone());
        if encoding.is_none() {
            args.insert(0, Value::UNDEF);
        }
        e.get_mut(self).extra = args;
        self.raise(e.into())
    }
}
