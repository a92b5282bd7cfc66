//! `str`: its methods, and what they share.
//!
//! Here are construction, items, operators and the tables; `search` finds, splits and replaces, `shape` changes
//! letters and layout, `percent` and `format` build text from templates, `codec` turns text into bytes and back,
//! `iterator` walks over code points. How texts lie in memory is in `vm::str`, what is done to characters in `text`.
//!
//! Invariant: positions that scripts see are code points; offsets inside these files are bytes.

pub mod codec;
pub mod format;
mod iterator;
pub mod percent;
pub(crate) mod search;
pub(crate) mod shape;

use crate::objects::slice::{Span, unpack};
use crate::text::gutf8;
use crate::text::repr;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::SliceObject;
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// Gives `str` its methods and makes its iterators.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.str_.clone();
    vm.extend_class(&class, METHODS, &[]);
    vm.extend_class(&class, search::METHODS, &[]);
    vm.extend_class(&class, shape::METHODS, &[]);
    vm.extend_class(&class, format::METHODS, &[]);
    iterator::init(vm)
}

const METHODS: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, object='', encoding='utf-8', errors='strict')",
        "Create a new string object from the given object.",
        str_new,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", str_repr),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_str),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", str_hash),
    NativeDef::new("__len__(self, /)", "Return len(self).", str_len),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", iterator::str_iter),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", str_getitem),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", str_contains),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", str_add),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", str_mul),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", str_mul),
    NativeDef::new("__mod__(self, value, /)", "Return self%value.", str_mod),
    NativeDef::new("__rmod__(self, value, /)", "Return value%self.", str_rmod),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__getnewargs__(self, /)", "", str_getnewargs),
    NativeDef::new("__sizeof__(self, /)", "Return the size of the string in memory, in bytes.", str_sizeof),
    NativeDef::new(
        "encode(self, /, encoding='utf-8', errors='strict')",
        "Encode the string using the codec registered for encoding.",
        str_encode,
    ),
];

// ---- what the methods share ----

/// The name of a value's class as messages about arguments show it.
pub(crate) fn shown_type(vm: &Vm, v: &Value) -> String {
    if v.is_none() { "None".to_owned() } else { vm.class_name(v) }
}

/// Argument `at` of a method as text.
///
/// # Errors
/// TypeError when it is no `str`.
pub(crate) fn text_arg<'a>(vm: &mut Vm, v: &'a Value, method: &str, at: usize) -> R<&'a Ref<Str>> {
    match v.cast::<Str>() {
        Some(s) => Ok(s),
        None => {
            let got = shown_type(vm, v);
            Err(vm.type_error(format!("{method}() argument {at} must be str, not {got}")))
        }
    }
}

/// A named argument as text.
///
/// # Errors
/// TypeError when it is no `str`.
pub(crate) fn named_text(vm: &mut Vm, v: Option<&Value>, method: &str, name: &str) -> R<Option<String>> {
    let Some(v) = v else { return Ok(None) };
    match v.cast::<Str>() {
        Some(s) => {
            let Some(text) = s.get(vm).to_str() else {
                let len = s.get(vm).char_len();
                return Err(vm.unicode_encode_error("utf-8", v, 0, len, "surrogates not allowed"));
            };
            if text.contains('\0') {
                return Err(vm.value_error("embedded null character"));
            }
            Ok(Some(text.to_owned()))
        }
        None => {
            let got = shown_type(vm, v);
            Err(vm.type_error(format!("{method}() argument '{name}' must be str, not {got}")))
        }
    }
}

/// The string itself if it is exactly a `str`, else a copy that is.
pub(crate) fn exact(vm: &Vm, s: &Ref<Str>) -> Value {
    if vm.is_exact(s.value(), &vm.types.str_) {
        s.value().clone()
    } else {
        vm.new_str_bytes(s.get(vm).as_bytes()).into()
    }
}

/// A part of a string as a new one; the string itself when the part is all of it.
fn part_of(vm: &Vm, s: &Ref<Str>, part: &[u8]) -> Value {
    if part.len() == s.get(vm).byte_len() { exact(vm, s) } else { vm.new_str_bytes(part).into() }
}

/// A number of repetitions.
///
/// # Errors
/// TypeError when it is no integer, OverflowError when it is too large.
pub(crate) fn repetitions(vm: &mut Vm, v: &Value) -> R<usize> {
    let n = vm.index(v)?;
    match vm.as_i64(&n) {
        Some(n) => Ok(usize::try_from(n).unwrap_or(0)),
        None => {
            let got = vm.class_name(v);
            Err(vm.overflow_error(format!("cannot fit '{got}' into an index-sized integer")))
        }
    }
}

// ---- construction ----

fn str_new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(&a[0])?;
    let encoding = named_text(vm, arg(a, 2), "str", "encoding")?;
    let errors = named_text(vm, arg(a, 3), "str", "errors")?;
    let made = match arg(a, 1) {
        None => vm.empty_str().into_value(),
        Some(v) if encoding.is_none() && errors.is_none() => vm.str(v)?.into_value(),
        Some(v) if v.is_a::<Str>() => return Err(vm.type_error("decoding str is not supported")),
        Some(v) => {
            if !crate::objects::bytes::is_bytes_like(vm, v) {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("decoding to str: need a bytes-like object, {got} found")));
            }
            codec::decode(vm, v, encoding.as_deref(), errors.as_deref())?
        }
    };
    if cls.is(&vm.types.str_) {
        return Ok(made);
    }
    match made.cast::<Str>() {
        Some(s) => {
            let text = s.get(vm).as_bytes();
            Ok(vm.str_as(&cls, text).into())
        }
        None => Ok(made),
    }
}

fn str_repr(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__repr__")?;
    vm.check_alloc(s.get(vm).byte_len())?;
    Ok(vm.new_str_bytes(&repr::str_repr(s.get(vm).as_bytes())).into())
}

fn str_str(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__str__")?;
    Ok(exact(vm, s))
}

fn str_getnewargs(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__getnewargs__")?;
    let copy = vm.new_str_bytes(s.get(vm).as_bytes()).into_value();
    Ok(vm.tuple(vec![copy]).into())
}

fn str_sizeof(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__sizeof__")?;
    let text = s.get(vm);
    let size = if text.is_ascii() {
        41 + text.char_len()
    } else {
        let widest = gutf8::code_points(text.as_bytes()).max().unwrap_or(0);
        let unit = match widest {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            _ => 4,
        };
        56 + (text.char_len() + 1) * unit
    };
    Ok(Value::len(size))
}

fn str_hash(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__hash__")?;
    Ok(vm.int(vm.str_hash(s) as i64))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let (Some(x), Some(y)) = (a[0].cast::<Str>(), a[1].cast::<Str>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let (x, y) = (x.get(vm).as_bytes(), y.get(vm).as_bytes());
    Ok(Value::bool(match op {
        CmpOp::Eq => x == y,
        CmpOp::Ne => x != y,
        _ => op.holds(x.cmp(y)),
    }))
}

// ---- items ----

fn str_len(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__len__")?;
    Ok(Value::len(s.get(vm).char_len()))
}

/// The position that an index means in a sequence of this length, if there is one.
pub(crate) fn position(i: i64, len: usize) -> Option<usize> {
    let at = if i < 0 { i.checked_add(i64::try_from(len).ok()?)? } else { i };
    usize::try_from(at).ok().filter(|&at| at < len)
}

/// A key that is an index, as a number.
///
/// # Errors
/// IndexError when it is out of all bounds, what `__index__` raises.
pub(crate) fn item_index(vm: &mut Vm, key: &Value) -> R<i64> {
    if let Some(i) = key.as_small_int() {
        return Ok(i);
    }
    let n = vm.index(key)?;
    match vm.as_i64(&n) {
        Some(i) => Ok(i),
        None => {
            let got = vm.class_name(key);
            Err(vm.index_error(format!("cannot fit '{got}' into an index-sized integer")))
        }
    }
}

/// A number that is an `int` of C.
///
/// # Errors
/// TypeError when it is no integer, OverflowError when it does not fit.
pub(crate) fn c_int(vm: &mut Vm, v: &Value) -> R<i64> {
    let n = vm.index(v)?;
    match vm.as_i64(&n).filter(|&n| i32::try_from(n).is_ok()) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

/// Whether a key can be an index.
pub(crate) fn is_index(vm: &Vm, key: &Value) -> bool {
    vm.is_int(key) || vm.special(key, Special::Index).is_some()
}

fn str_getitem(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__getitem__")?;
    let key = &a[1];
    if is_index(vm, key) {
        let i = item_index(vm, key)?;
        let at = position(i, s.get(vm).char_len());
        return match at.and_then(|at| vm.char_at(s, at)) {
            Some(cp) => Ok(vm.new_char(cp)),
            None => Err(vm.index_error("string index out of range")),
        };
    }
    let Some(slice) = key.cast::<SliceObject>() else {
        let got = vm.class_name(key);
        return Err(vm.type_error(format!("string indices must be integers, not '{got}'")));
    };
    let numbers = unpack(vm, slice)?;
    let span = Span::new(numbers, s.get(vm).char_len());
    if span.step == 1 {
        let range = span.range();
        return Ok(vm.str_slice(s, range.start, range.end).into());
    }
    let text = s.get(vm);
    if text.is_ascii() {
        let bytes = text.as_bytes();
        let picked: Vec<u8> = span.positions().filter_map(|at| bytes.get(at).copied()).collect();
        return Ok(vm.new_str_bytes(&picked).into());
    }
    let start = usize::try_from(span.start).unwrap_or(0);
    let step = isize::try_from(span.step).unwrap_or(isize::MAX);
    Ok(vm.new_str_bytes(&gutf8::slice_step(text.as_bytes(), start, step, span.len)).into())
}

fn str_contains(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__contains__")?;
    let Some(part) = a[1].cast::<Str>() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("'in <string>' requires string as left operand, not {got}")));
    };
    vm.charge((s.get(vm).byte_len() + part.get(vm).byte_len()) >> 8);
    let found = crate::text::algorithms::find(s.get(vm).as_bytes(), part.get(vm).as_bytes()).is_some();
    Ok(Value::bool(found))
}

// ---- operators ----

fn str_add(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__add__")?;
    let Some(more) = a[1].cast::<Str>() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("can only concatenate str (not \"{got}\") to str")));
    };
    let (x, y) = (s.get(vm).byte_len(), more.get(vm).byte_len());
    if y == 0 {
        return Ok(exact(vm, s));
    }
    if x == 0 {
        return Ok(exact(vm, more));
    }
    vm.check_alloc(x + y)?;
    Ok(vm.concat_str(s, more).into())
}

fn str_mul(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "__mul__")?;
    let n = repetitions(vm, &a[1])?;
    let len = s.get(vm).byte_len();
    if n == 0 || len == 0 {
        return Ok(vm.empty_str().into());
    }
    if n == 1 {
        return Ok(exact(vm, s));
    }
    let total = len.checked_mul(n).filter(|&total| total <= isize::MAX as usize);
    let Some(total) = total else { return Err(vm.overflow_error("repeated string is too long")) };
    vm.check_alloc(total)?;
    vm.tick(total >> 12)?;
    Ok(vm.new_str_bytes(&s.get(vm).as_bytes().repeat(n)).into())
}

fn str_mod(vm: &mut Vm, a: &[Value]) -> R {
    let Some(s) = a[0].cast::<Str>() else { return Ok(Value::NOT_IMPLEMENTED) };
    percent::format_str(vm, s, &a[1])
}

fn str_rmod(vm: &mut Vm, a: &[Value]) -> R {
    match a[1].cast::<Str>() {
        Some(s) => percent::format_str(vm, s, &a[0]),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn str_encode(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "encode")?;
    let encoding = named_text(vm, arg(a, 1), "encode", "encoding")?;
    let errors = named_text(vm, arg(a, 2), "encode", "errors")?;
    codec::encode(vm, s, encoding.as_deref(), errors.as_deref())
}
