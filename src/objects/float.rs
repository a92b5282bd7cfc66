//! `float`.
//!
//! Most floats are values themselves; those without an inline form, and instances of subclasses, are objects.

use crate::bigint::BigInt;
use crate::objects::str::format::check_spec;
use crate::text::format_spec;
use crate::text::number::{float_hex, parse};
use crate::vm::class::Class;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg};
use crate::vm::numbers::Float;
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::cmp::Ordering;

/// Gives `float` its methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.types.float.clone();
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(())
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, x=0, /)",
        "Convert a string or number to a floating-point number, if possible.",
        float_new,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", float_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", float_hash),
    NativeDef::new("__bool__(self, /)", "True if self else False", |vm, a| Ok(Value::bool(this(vm, &a[0])? != 0.0))),
    NativeDef::new("__int__(self, /)", "int(self)", float_trunc),
    NativeDef::new("__trunc__(self, /)", "Return the Integral closest to x between 0 and x.", float_trunc),
    NativeDef::new("__floor__(self, /)", "Return the floor as an Integral.", |vm, a| {
        let x = this(vm, &a[0])?;
        to_int(vm, x.floor())
    }),
    NativeDef::new("__ceil__(self, /)", "Return the ceiling as an Integral.", |vm, a| {
        let x = this(vm, &a[0])?;
        to_int(vm, x.ceil())
    }),
    NativeDef::new("__float__(self, /)", "float(self)", |vm, a| plain(vm, &a[0])),
    NativeDef::new("__pos__(self, /)", "+self", |vm, a| plain(vm, &a[0])),
    NativeDef::new("conjugate(self, /)", "Return self, the complex conjugate of any float.", |vm, a| plain(vm, &a[0])),
    NativeDef::new("__neg__(self, /)", "-self", |vm, a| {
        let x = this(vm, &a[0])?;
        Ok(vm.float(-x))
    }),
    NativeDef::new("__abs__(self, /)", "abs(self)", |vm, a| {
        let x = this(vm, &a[0])?;
        Ok(vm.float(x.abs()))
    }),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", |vm, a| arith(vm, &a[0], &a[1], Op::Add)),
    NativeDef::new("__radd__(self, value, /)", "Return value+self.", |vm, a| arith(vm, &a[1], &a[0], Op::Add)),
    NativeDef::new("__sub__(self, value, /)", "Return self-value.", |vm, a| arith(vm, &a[0], &a[1], Op::Sub)),
    NativeDef::new("__rsub__(self, value, /)", "Return value-self.", |vm, a| arith(vm, &a[1], &a[0], Op::Sub)),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", |vm, a| arith(vm, &a[0], &a[1], Op::Mul)),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", |vm, a| arith(vm, &a[1], &a[0], Op::Mul)),
    NativeDef::new("__truediv__(self, value, /)", "Return self/value.", |vm, a| arith(vm, &a[0], &a[1], Op::TrueDiv)),
    NativeDef::new("__rtruediv__(self, value, /)", "Return value/self.", |vm, a| arith(vm, &a[1], &a[0], Op::TrueDiv)),
    NativeDef::new("__floordiv__(self, value, /)", "Return self//value.", |vm, a| {
        arith(vm, &a[0], &a[1], Op::FloorDiv)
    }),
    NativeDef::new("__rfloordiv__(self, value, /)", "Return value//self.", |vm, a| {
        arith(vm, &a[1], &a[0], Op::FloorDiv)
    }),
    NativeDef::new("__mod__(self, value, /)", "Return self%value.", |vm, a| arith(vm, &a[0], &a[1], Op::Mod)),
    NativeDef::new("__rmod__(self, value, /)", "Return value%self.", |vm, a| arith(vm, &a[1], &a[0], Op::Mod)),
    NativeDef::new("__divmod__(self, value, /)", "Return divmod(self, value).", |vm, a| {
        arith(vm, &a[0], &a[1], Op::DivMod)
    }),
    NativeDef::new("__rdivmod__(self, value, /)", "Return divmod(value, self).", |vm, a| {
        arith(vm, &a[1], &a[0], Op::DivMod)
    }),
    NativeDef::new("__pow__(self, value, mod=None, /)", "Return pow(self, value, mod).", |vm, a| {
        power(vm, &a[0], &a[1], arg(a, 2))
    }),
    NativeDef::new("__rpow__(self, value, mod=None, /)", "Return pow(value, self, mod).", |vm, a| {
        power(vm, &a[1], &a[0], arg(a, 2))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__format__(self, format_spec, /)", "Formats the float according to format_spec.", float_format),
    NativeDef::new(
        "__round__(self, ndigits=None, /)",
        "Return the Integral closest to x, rounding half toward even.",
        float_round,
    ),
    NativeDef::new("__getnewargs__(self, /)", "", |vm, a| {
        let v = plain(vm, &a[0])?;
        Ok(vm.tuple(vec![v]).into())
    }),
    NativeDef::new("is_integer(self, /)", "Return True if the float is an integer.", |vm, a| {
        let x = this(vm, &a[0])?;
        Ok(Value::bool(x.is_finite() && x.floor() == x))
    }),
    NativeDef::new(
        "as_integer_ratio(self, /)",
        "Return a pair of integers, whose ratio is exactly equal to the original float.",
        float_ratio,
    ),
    NativeDef::new("hex(self, /)", "Return a hexadecimal representation of a floating-point number.", |vm, a| {
        let x = this(vm, &a[0])?;
        Ok(vm.new_str(&float_hex::to_hex(x)).into())
    }),
    NativeDef::new(
        "fromhex(cls, string, /)",
        "Create a floating-point number from a hexadecimal string.",
        float_fromhex,
    ),
    NativeDef::new("from_number(cls, number, /)", "Convert real number to a floating-point number.", float_from_number),
    NativeDef::new("__getformat__(cls, typestr, /)", "You probably don't want to use this function.", float_getformat),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("real", "the real part of a complex number", plain),
    GetSetDef::new("imag", "the imaginary part of a complex number", |vm, _| Ok(vm.float(0.0))),
];

#[derive(Clone, Copy, PartialEq)]
enum Op {
    Add,
    Sub,
    Mul,
    TrueDiv,
    FloorDiv,
    Mod,
    DivMod,
}

fn this(vm: &mut Vm, v: &Value) -> R<f64> {
    match vm.as_float(v) {
        Some(f) => Ok(f),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("a 'float' object is required, not '{got}'")))
        }
    }
}

fn plain(vm: &mut Vm, v: &Value) -> R {
    let x = this(vm, v)?;
    if vm.is_exact(v, &vm.types.float) { Ok(v.clone()) } else { Ok(vm.float(x)) }
}

/// A float or int operand; `None` for anything else.
fn operand(vm: &mut Vm, v: &Value) -> R<Option<f64>> {
    if let Some(f) = vm.as_float(v) {
        return Ok(Some(f));
    }
    if vm.is_int(v) {
        return super::int::to_f64(vm, v).map(Some);
    }
    Ok(None)
}

/// `float(x)` for anything but strings: floats, ints, `__float__`, `__index__`.
///
/// # Errors
/// TypeError ("must be real number, not X").
pub fn to_f64(vm: &mut Vm, v: &Value) -> R<f64> {
    // Instances of subclasses are what they hold: only `float()` asks their `__float__`.
    if let Some(f) = vm.as_float(v) {
        return Ok(f);
    }
    match from_object(vm, v)? {
        Some(f) => Ok(f),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("must be real number, not {got}")))
        }
    }
}

fn from_object(vm: &mut Vm, v: &Value) -> R<Option<f64>> {
    if let Some(f) = v.as_small_float() {
        return Ok(Some(f));
    }
    if vm.is_exact(v, &vm.types.float) {
        return Ok(vm.as_float(v));
    }
    if v.is_small_int() || vm.is_exact(v, &vm.types.int) {
        return operand(vm, v);
    }
    if let Some(f) = vm.special(v, Special::Float) {
        let r = vm.call_special(&f, v, &[])?;
        let Some(x) = vm.as_float(&r) else {
            let (class, got) = (vm.class_name(v), vm.class_name(&r));
            return Err(vm.type_error(format!("{class}.__float__ returned non-float (type {got})")));
        };
        if !vm.is_exact(&r, &vm.types.float) {
            let (class, got) = (vm.class_name(v), vm.class_name(&r));
            let category = vm.exc.DeprecationWarning.clone();
            vm.warn(
                &category,
                &format!(
                    "{class}.__float__ returned non-float (type {got}).  The ability to return an instance of a \
                     strict subclass of float is deprecated, and may be removed in a future version of Python."
                ),
                1,
            )?;
        }
        return Ok(Some(x));
    }
    if vm.special(v, Special::Index).is_some() {
        let i = vm.index(v)?;
        return operand(vm, &i);
    }
    Ok(vm.as_float(v))
}

fn float_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let cls = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
    let init = vm.names.__init__.clone();
    if !args.kw_names.is_empty() && super::inherits(vm, &cls, &vm.types.float, &init) {
        return Err(vm.type_error("float() takes no keyword arguments"));
    }
    let given = args.pos.len().saturating_sub(1);
    if given > 1 {
        return Err(vm.type_error(format!("float expected at most 1 argument, got {given}")));
    }
    let x = match args.pos.get(1) {
        None => 0.0,
        Some(v) if vm.is_exact(v, &vm.types.str_) => from_text(vm, v)?.unwrap_or(0.0),
        Some(v) => match from_object(vm, v)? {
            Some(x) => x,
            None => match from_text(vm, v)? {
                Some(x) => x,
                None => {
                    let got = vm.class_name(v);
                    return Err(
                        vm.type_error(format!("float() argument must be a string or a real number, not '{got}'"))
                    );
                }
            },
        },
    };
    if cls.is(&vm.types.float) { Ok(vm.float(x)) } else { Ok(vm.alloc_as(&cls, Float { value: x }).into()) }
}

fn from_text(vm: &mut Vm, v: &Value) -> R<Option<f64>> {
    if let Some(s) = v.cast::<Str>()
        && let Some(x) = parse::parse_plain_float(s.get(vm).as_bytes())
    {
        return Ok(Some(x));
    }
    let (text, ascii) = if let Some(s) = v.cast::<Str>() {
        (s.get(vm).as_bytes().to_vec(), false)
    } else if let Some(b) = v.cast::<Bytes>() {
        (b.get(vm).as_bytes().to_vec(), true)
    } else if let Some(b) = super::bytearray::contents(vm, v) {
        (b, true)
    } else {
        match super::bytes::read_buffer(vm, v)? {
            Some(b) => (b, true),
            None => return Ok(None),
        }
    };
    if let Ok(x) = parse::parse_float(&text, ascii, String::new) {
        return Ok(Some(x));
    }
    let shown = vm.repr_string(v)?;
    match parse::parse_float(&text, ascii, || shown) {
        Ok(x) => Ok(Some(x)),
        Err(e) => Err(vm.text_error(e)),
    }
}

fn float_repr(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    Ok(vm.float_str(x).into())
}

fn float_hash(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    let identity = vm.identity_hash(&a[0]) as i64;
    Ok(vm.int(crate::text::hash::hash_f64(x, identity)))
}

/// A float without fraction as an int.
///
/// # Errors
/// OverflowError for infinities, ValueError for NaN.
pub fn to_int(vm: &mut Vm, x: f64) -> R {
    if x.abs() < 1e18 {
        return Ok(vm.int(x as i64));
    }
    if x.is_nan() {
        return Err(vm.value_error("cannot convert float NaN to integer"));
    }
    match BigInt::from_f64(x) {
        Some(b) => Ok(vm.big_int(b)),
        None => Err(vm.overflow_error("cannot convert float infinity to integer")),
    }
}

fn float_trunc(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    to_int(vm, x.trunc())
}

fn arith(vm: &mut Vm, a: &Value, b: &Value, op: Op) -> R {
    let (Some(x), Some(y)) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(Value::NOT_IMPLEMENTED) };
    let v = match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        Op::TrueDiv | Op::FloorDiv | Op::Mod | Op::DivMod if y == 0.0 => {
            // One text for all of them.
            return Err(vm.zero_division_error("division by zero"));
        }
        Op::TrueDiv => x / y,
        Op::FloorDiv => divmod(x, y).0,
        Op::Mod => divmod(x, y).1,
        Op::DivMod => {
            let (q, r) = divmod(x, y);
            let pair = [vm.float(q), vm.float(r)];
            return Ok(vm.pair(pair));
        }
    };
    Ok(vm.float(v))
}

/// Floor division and its remainder, as Python defines them for floats; `y` is not 0.
pub fn divmod(x: f64, y: f64) -> (f64, f64) {
    let mut m = x % y;
    let mut d = (x - m) / y;
    if m != 0.0 {
        if (y < 0.0) != (m < 0.0) {
            m += y;
            d -= 1.0;
        }
    } else {
        m = 0.0f64.copysign(y);
    }
    let q = if d != 0.0 {
        let f = d.floor();
        if d - f > 0.5 { f + 1.0 } else { f }
    } else {
        0.0f64.copysign(x / y)
    };
    (q, m)
}

fn power(vm: &mut Vm, a: &Value, b: &Value, modulus: Option<&Value>) -> R {
    if modulus.is_some_and(|m| !m.is_none()) {
        return Err(vm.type_error("pow() 3rd argument not allowed unless all arguments are integers"));
    }
    let (Some(x), Some(y)) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(Value::NOT_IMPLEMENTED) };
    if y == 0.0 || x == 1.0 {
        return Ok(vm.float(1.0));
    }
    if x == 0.0 && y < 0.0 && y.is_finite() {
        return Err(vm.zero_division_error("zero to a negative power"));
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y.floor() != y {
        return super::complex::complex_power(vm, (x, 0.0), (y, 0.0));
    }
    let v = x.powf(y);
    if v.is_infinite() && x.is_finite() && y.is_finite() {
        let class = vm.exc.OverflowError.clone();
        let args = [Value::int32(34), vm.new_str("Numerical result out of range").into_value()];
        return Err(vm.raise_call(&class, &args));
    }
    Ok(vm.float(v))
}

fn compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let x = this(vm, &a[0])?;
    let order = if let Some(y) = vm.as_float(&a[1]) {
        x.partial_cmp(&y)
    } else if let Some(i) = vm.as_i64(&a[1]) {
        compare_int(x, i)
    } else if let Some(b) = vm.as_big_int(&a[1]) {
        b.cmp_f64(x).map(Ordering::reverse)
    } else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    Ok(Value::bool(match order {
        Some(o) => op.holds(o),
        None => op == CmpOp::Ne,
    }))
}

fn compare_int(x: f64, i: i64) -> Option<Ordering> {
    const EXACT: u64 = 1 << 53;
    if i.unsigned_abs() <= EXACT {
        return x.partial_cmp(&(i as f64));
    }
    BigInt::from_i64(i).cmp_f64(x).map(Ordering::reverse)
}

fn float_format(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    let Some(spec) = a[1].cast::<Str>().cloned() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("__format__() argument must be str, not {got}")));
    };
    if spec.get(vm).byte_len() == 0 {
        return Ok(vm.str(&a[0])?.into());
    }
    check_spec(vm, spec.value())?;
    let type_name = vm.class_name(&a[0]);
    let made = vm.written(|_, out| format_spec::write_float(out, x, spec.pinned(), &type_name));
    made.map(Ref::into_value).map_err(|e| vm.text_error(e))
}

fn float_round(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    let Some(digits) = arg(a, 1).filter(|v| !v.is_none()) else {
        return to_int(vm, x.round_ties_even());
    };
    let n = vm.index_clamped(digits)?;
    if !x.is_finite() || n > 323 {
        return Ok(vm.float(x));
    }
    if n < -308 {
        return Ok(vm.float(0.0f64.copysign(x)));
    }
    // Rounding the exact decimal expansion, half to even, is what printing with that many digits does.
    let rounded = if n >= 0 {
        format!("{x:.*}", n as usize).parse::<f64>().unwrap_or(x)
    } else {
        let unit = 10f64.powi((-n) as i32);
        let Some(b) = BigInt::from_f64(x.trunc()) else { return Ok(vm.float(x)) };
        let whole = vm.big_int(b);
        let rounded = vm.call_method(&whole, "__round__", &[Value::small_int(n).unwrap_or(Value::int32(0))])?;
        let r = super::int::to_f64(vm, &rounded)?;
        // A fraction decides what the whole part alone cannot: an apparent tie.
        if x.fract() != 0.0 && (x.trunc().abs() % unit) * 2.0 == unit {
            let away = x.trunc() - x.trunc() % unit + unit.copysign(x);
            if r.abs() < away.abs() { away } else { r }
        } else {
            r.copysign(x)
        }
    };
    if rounded.is_infinite() {
        return Err(vm.overflow_error("rounded value too large to represent"));
    }
    Ok(vm.float(rounded))
}

fn float_ratio(vm: &mut Vm, a: &[Value]) -> R {
    let x = this(vm, &a[0])?;
    if x.is_infinite() {
        return Err(vm.overflow_error("cannot convert Infinity to integer ratio"));
    }
    if x.is_nan() {
        return Err(vm.value_error("cannot convert NaN to integer ratio"));
    }
    let (mut f, mut shift) = (x, 0u64);
    while f != f.floor() && shift < 1100 {
        f *= 2.0;
        shift += 1;
    }
    let numerator = to_int(vm, f)?;
    let denominator = match BigInt::from_i64(1).shl(shift) {
        Some(d) => vm.big_int(d),
        None => Value::int32(1),
    };
    Ok(vm.pair([numerator, denominator]))
}

fn of_class(vm: &mut Vm, cls: &Value, x: f64) -> R {
    let c: Ref<Class> = vm.class_arg(cls)?;
    let v = vm.float(x);
    if c.is(&vm.types.float) { Ok(v) } else { vm.call(cls, &[v]) }
}

fn float_fromhex(vm: &mut Vm, a: &[Value]) -> R {
    let Some(s) = a[1].cast::<Str>() else { return Err(vm.type_error("bad argument type for built-in operation")) };
    let text = s.get(vm).as_bytes().to_vec();
    match float_hex::from_hex(&text) {
        Ok(x) => of_class(vm, &a[0], x),
        Err(e) => Err(vm.text_error(e)),
    }
}

fn float_from_number(vm: &mut Vm, a: &[Value]) -> R {
    let x = to_f64(vm, &a[1])?;
    of_class(vm, &a[0], x)
}

fn float_getformat(vm: &mut Vm, a: &[Value]) -> R {
    if !a[1].is_a::<Str>() {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("__getformat__() argument must be str, not {got}")));
    }
    let name = vm.str_of(&a[1]);
    if name == "double" || name == "float" {
        return Ok(vm.intern("IEEE, little-endian").into());
    }
    Err(vm.value_error("__getformat__() argument 1 must be 'double' or 'float'"))
}
