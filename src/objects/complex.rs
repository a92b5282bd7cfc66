//! `complex`.

use crate::heap_object;
use crate::objects::str::format::check_spec;
use crate::text::format_spec;
use crate::text::number::{float_text, parse};
use crate::vm::class::class_flag;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `complex`.
    pub struct Complex { re: f64, im: f64 }
}

/// Defines the class.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<Complex>("builtins", "complex", None, class_flag::BASE)?;
    vm.extend_class(&class, METHODS, GETSETS);
    Ok(())
}

/// A complex number.
pub fn new_complex(vm: &Vm, re: f64, im: f64) -> Value {
    vm.alloc(Complex { re, im }).into()
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, real=0, imag=0)", "Create a complex number from a string or numbers.", complex_new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let (re, im) = this(vm, &a[0])?;
        Ok(vm.new_str(&float_text::complex_repr(re, im)).into())
    }),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let (re, im) = this(vm, &a[0])?;
        let identity = vm.identity_hash(&a[0]) as i64;
        Ok(vm.int(crate::text::hash::hash_complex(re, im, identity)))
    }),
    NativeDef::new("__bool__(self, /)", "True if self else False", |vm, a| {
        let (re, im) = this(vm, &a[0])?;
        Ok(Value::bool(re != 0.0 || im != 0.0))
    }),
    NativeDef::new("__complex__(self, /)", "Convert this value to exact type complex.", |vm, a| plain(vm, &a[0])),
    NativeDef::new("__pos__(self, /)", "+self", |vm, a| plain(vm, &a[0])),
    NativeDef::new("__neg__(self, /)", "-self", |vm, a| {
        let (re, im) = this(vm, &a[0])?;
        Ok(new_complex(vm, -re, -im))
    }),
    NativeDef::new("__abs__(self, /)", "abs(self)", complex_abs),
    NativeDef::new(
        "conjugate(self, /)",
        "Return the complex conjugate of its argument. (3-4j).conjugate() == 3+4j.",
        |vm, a| {
            let (re, im) = this(vm, &a[0])?;
            Ok(new_complex(vm, re, -im))
        },
    ),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", |vm, a| arith(vm, &a[0], &a[1], Op::Add)),
    NativeDef::new("__radd__(self, value, /)", "Return value+self.", |vm, a| arith(vm, &a[1], &a[0], Op::Add)),
    NativeDef::new("__sub__(self, value, /)", "Return self-value.", |vm, a| arith(vm, &a[0], &a[1], Op::Sub)),
    NativeDef::new("__rsub__(self, value, /)", "Return value-self.", |vm, a| arith(vm, &a[1], &a[0], Op::Sub)),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", |vm, a| arith(vm, &a[0], &a[1], Op::Mul)),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", |vm, a| arith(vm, &a[1], &a[0], Op::Mul)),
    NativeDef::new("__truediv__(self, value, /)", "Return self/value.", |vm, a| arith(vm, &a[0], &a[1], Op::Div)),
    NativeDef::new("__rtruediv__(self, value, /)", "Return value/self.", |vm, a| arith(vm, &a[1], &a[0], Op::Div)),
    NativeDef::new("__pow__(self, value, mod=None, /)", "Return pow(self, value, mod).", |vm, a| {
        power(vm, &a[0], &a[1], arg(a, 2))
    }),
    NativeDef::new("__rpow__(self, value, mod=None, /)", "Return pow(value, self, mod).", |vm, a| {
        power(vm, &a[1], &a[0], arg(a, 2))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| compare(vm, a, true)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| compare(vm, a, false)),
    NativeDef::new("__format__(self, format_spec, /)", "Convert to a string according to format_spec.", complex_format),
    NativeDef::new("__getnewargs__(self, /)", "", |vm, a| {
        let (re, im) = this(vm, &a[0])?;
        let pair = [vm.float(re), vm.float(im)];
        Ok(vm.pair(pair))
    }),
    NativeDef::new("from_number(cls, number, /)", "Convert number to a complex floating-point number.", |vm, a| {
        let Some((re, im)) = number(vm, &a[1])? else {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("must be real number, not {got}")));
        };
        let v = new_complex(vm, re, im);
        if vm.class_for::<Complex>().is_some_and(|c| c.value().is(&a[0])) { Ok(v) } else { vm.call(&a[0], &[v]) }
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("real", "the real part of a complex number", |vm, v| {
        let (re, _) = this(vm, v)?;
        Ok(vm.float(re))
    }),
    GetSetDef::new("imag", "the imaginary part of a complex number", |vm, v| {
        let (_, im) = this(vm, v)?;
        Ok(vm.float(im))
    }),
];

#[derive(Clone, Copy)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

/// The parts, if the value is a complex number.
pub fn as_complex(vm: &Vm, v: &Value) -> Option<(f64, f64)> {
    v.cast::<Complex>().map(|c: &Ref<Complex>| {
        let c = c.get(vm);
        (c.re, c.im)
    })
}

/// Whether it is a complex number of the built-in class itself.
pub fn is_exact(vm: &Vm, v: &Value) -> bool {
    v.is_a::<Complex>() && vm.class_for::<Complex>().is_some_and(|k| vm.is_exact(v, &k))
}

fn this(vm: &mut Vm, v: &Value) -> R<(f64, f64)> {
    match as_complex(vm, v) {
        Some(c) => Ok(c),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("a 'complex' object is required, not '{got}'")))
        }
    }
}

fn plain(vm: &mut Vm, v: &Value) -> R {
    let (re, im) = this(vm, v)?;
    Ok(new_complex(vm, re, im))
}

/// A complex, float or int operand.
fn operand(vm: &mut Vm, v: &Value) -> R<Option<(f64, f64)>> {
    if let Some(c) = as_complex(vm, v) {
        return Ok(Some(c));
    }
    if let Some(f) = vm.as_float(v) {
        return Ok(Some((f, 0.0)));
    }
    if vm.is_int(v) {
        return super::int::to_f64(vm, v).map(|f| Some((f, 0.0)));
    }
    Ok(None)
}

/// Any number, through `__complex__`, `__float__` and `__index__`.
fn number(vm: &mut Vm, v: &Value) -> R<Option<(f64, f64)>> {
    if let Some(c) = as_complex(vm, v)
        && vm.class_for::<Complex>().is_some_and(|k| vm.is_exact(v, &k))
    {
        return Ok(Some(c));
    }
    if let Some(f) = vm.special(v, Special::Complex) {
        let r = vm.call_special(&f, v, &[])?;
        let Some(c) = as_complex(vm, &r) else {
            let got = vm.class_name(&r);
            return Err(vm.type_error(format!("__complex__ returned non-complex (type {got})")));
        };
        if !vm.class_for::<Complex>().is_some_and(|k| vm.is_exact(&r, &k)) {
            let text = format!(
                "__complex__ returned non-complex (type {}).  The ability to return an instance of a strict subclass \
                 of complex is deprecated, and may be removed in a future version of Python.",
                vm.class_name(&r)
            );
            let category = vm.exc.DeprecationWarning.clone();
            vm.warn(&category, &text, 1)?;
        }
        return Ok(Some(c));
    }
    if vm.is_int(v)
        || vm.as_float(v).is_some()
        || vm.special(v, Special::Float).is_some()
        || vm.special(v, Special::Index).is_some()
    {
        return super::float::to_f64(vm, v).map(|f| Some((f, 0.0)));
    }
    Ok(None)
}

fn complex_new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(&a[0])?;
    let (first, second) = (arg(a, 1), arg(a, 2));
    if let Some(s) = first.filter(|_| second.is_none()).and_then(|v| v.cast::<Str>()) {
        let text = s.get(vm).as_bytes().to_vec();
        let shown = vm.repr_string(s.value())?;
        return match parse::parse_complex(&text, || shown) {
            Ok((re, im)) => Ok(vm.alloc_as(&cls, Complex { re, im }).into()),
            Err(e) => Err(vm.text_error(e)),
        };
    }
    let re = match first {
        None => (0.0, 0.0),
        Some(v) => match number(vm, v)? {
            Some(c) => c,
            None => {
                let got = vm.class_name(v);
                let text = if second.is_some() {
                    format!("complex() argument 'real' must be a real number, not {got}")
                } else {
                    format!("complex() argument must be a string or a number, not {got}")
                };
                return Err(vm.type_error(text));
            }
        },
    };
    let im = match second {
        None => (0.0, 0.0),
        Some(v) => match operand_or_float(vm, v)? {
            Some(c) => c,
            None => {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("complex() argument 'imag' must be a real number, not {got}")));
            }
        },
    };
    let is_complex =
        |v: Option<&Value>| v.is_some_and(|v| v.is_a::<Complex>() || vm.special(v, Special::Complex).is_some());
    let (first_complex, second_complex) = (is_complex(first), is_complex(second));
    if second.is_some() {
        for (v, name, complex) in [(first, "real", first_complex), (second, "imag", second_complex)] {
            if let Some(v) = v.filter(|_| complex) {
                let got = vm.class_name(v);
                let category = vm.exc.DeprecationWarning.clone();
                vm.warn(&category, &format!("complex() argument '{name}' must be a real number, not {got}"), 1)?;
            }
        }
    }
    // A part that is real adds nothing to the other one, not even the sign of a zero.
    let (re, im) = match (second.is_some(), first_complex, second_complex) {
        (false, ..) => re,
        (_, f, s) => (if s { re.0 - im.1 } else { re.0 }, if f { im.0 + re.1 } else { im.0 }),
    };
    Ok(vm.alloc_as(&cls, Complex { re, im }).into())
}

fn operand_or_float(vm: &mut Vm, v: &Value) -> R<Option<(f64, f64)>> {
    match as_complex(vm, v) {
        Some(c) => Ok(Some(c)),
        None if vm.special(v, Special::Complex).is_some() => Ok(None),
        None => number(vm, v),
    }
}

fn complex_abs(vm: &mut Vm, a: &[Value]) -> R {
    let (re, im) = this(vm, &a[0])?;
    let h = re.hypot(im);
    if h.is_infinite() && re.is_finite() && im.is_finite() {
        return Err(vm.overflow_error("absolute value too large"));
    }
    Ok(vm.float(h))
}

fn arith(vm: &mut Vm, a: &Value, b: &Value, op: Op) -> R {
    let (real_a, real_b) = (as_complex(vm, a).is_none(), as_complex(vm, b).is_none());
    let (Some((a, b)), Some((c, d))) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(Value::NOT_IMPLEMENTED) };
    // A real operand has no imaginary part to add or multiply (3.14's mixed-mode rules): −0.0 and infinities stay.
    let (re, im) = match op {
        Op::Add if real_b => (a + c, b),
        Op::Add if real_a => (a + c, d),
        Op::Add => (a + c, b + d),
        Op::Sub if real_b => (a - c, b),
        Op::Sub if real_a => (a - c, -d),
        Op::Sub => (a - c, b - d),
        Op::Mul if real_b => (a * c, b * c),
        Op::Mul if real_a => (a * c, a * d),
        Op::Mul => multiply((a, b), (c, d)),
        Op::Div if real_b => {
            if c == 0.0 {
                return Err(vm.zero_division_error("division by zero"));
            }
            (a / c, b / c)
        }
        Op::Div => match divide((a, b), (c, d)) {
            Some(q) => q,
            None => return Err(vm.zero_division_error("division by zero")),
        },
    };
    Ok(new_complex(vm, re, im))
}

/// Multiplication with the recovery of infinities that C99 (annex G) prescribes.
fn multiply((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let (ac, bd, ad, bc) = (a * c, b * d, a * d, b * c);
    let (re, im) = (ac - bd, ad + bc);
    if !(re.is_nan() && im.is_nan()) {
        return (re, im);
    }
    let unit = |x: f64| if x.is_infinite() { 1.0f64.copysign(x) } else { 0.0f64.copysign(x) };
    let zero_nan = |x: f64| if x.is_nan() { 0.0f64.copysign(x) } else { x };
    let (mut p, mut q, mut r, mut s) = (a, b, c, d);
    let mut recover = false;
    if a.is_infinite() || b.is_infinite() {
        (p, q, r, s) = (unit(a), unit(b), zero_nan(c), zero_nan(d));
        recover = true;
    }
    if c.is_infinite() || d.is_infinite() {
        (r, s, p, q) = (unit(c), unit(d), zero_nan(p), zero_nan(q));
        recover = true;
    }
    if !recover && (ac.is_infinite() || bd.is_infinite() || ad.is_infinite() || bc.is_infinite()) {
        (p, q, r, s) = (zero_nan(a), zero_nan(b), zero_nan(c), zero_nan(d));
        recover = true;
    }
    if recover { (f64::INFINITY * (p * r - q * s), f64::INFINITY * (p * s + q * r)) } else { (re, im) }
}

/// Smith's algorithm; `None` for a divisor of zero.
fn divide((a, b): (f64, f64), (c, d): (f64, f64)) -> Option<(f64, f64)> {
    if c.abs() >= d.abs() {
        if c == 0.0 {
            return None;
        }
        let ratio = d / c;
        let denominator = c + d * ratio;
        return Some(((a + b * ratio) / denominator, (b - a * ratio) / denominator));
    }
    if d.abs() >= c.abs() {
        let ratio = c / d;
        let denominator = c * ratio + d;
        return Some(((a * ratio + b) / denominator, (b * ratio - a) / denominator));
    }
    Some((f64::NAN, f64::NAN))
}

fn power(vm: &mut Vm, a: &Value, b: &Value, modulus: Option<&Value>) -> R {
    let (Some(x), Some(y)) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(Value::NOT_IMPLEMENTED) };
    if modulus.is_some_and(|m| !m.is_none()) {
        return Err(vm.value_error("complex modulo"));
    }
    complex_power(vm, x, y)
}

/// `x ** y` of complex numbers.
///
/// # Errors
/// ZeroDivisionError; OverflowError.
pub fn complex_power(vm: &mut Vm, x: (f64, f64), y: (f64, f64)) -> R {
    let small_exponent = y.1 == 0.0 && y.0 == y.0.floor() && y.0.abs() <= 100.0;
    let (re, im) = if y == (0.0, 0.0) {
        (1.0, 0.0)
    } else if x == (0.0, 0.0) {
        if y.1 != 0.0 || y.0 < 0.0 {
            return Err(vm.zero_division_error("zero to a negative or complex power"));
        }
        (0.0, 0.0)
    } else if small_exponent {
        let mut n = y.0.abs() as u32;
        let (mut r, mut p) = ((1.0, 0.0), x);
        let mut first = true;
        while n > 0 {
            if n & 1 == 1 {
                r = if first { p } else { multiply(r, p) };
                first = false;
            }
            n >>= 1;
            if n > 0 {
                p = multiply(p, p);
            }
        }
        if y.0 < 0.0 { divide((1.0, 0.0), r).unwrap_or((f64::NAN, f64::NAN)) } else { r }
    } else {
        let length = x.0.hypot(x.1);
        let angle = x.1.atan2(x.0);
        let mut size = length.powf(y.0);
        let mut phase = angle * y.0;
        if y.1 != 0.0 {
            size *= (-angle * y.1).exp();
            phase += y.1 * length.ln();
        }
        (size * phase.cos(), size * phase.sin())
    };
    if (re.is_infinite() || im.is_infinite()) && [x.0, x.1, y.0, y.1].iter().all(|v| v.is_finite()) {
        return Err(vm.overflow_error("complex exponentiation"));
    }
    Ok(new_complex(vm, re, im))
}

fn compare(vm: &mut Vm, a: &[Value], equal: bool) -> R {
    let (re, im) = this(vm, &a[0])?;
    let same = if let Some((c, d)) = as_complex(vm, &a[1]) {
        re == c && im == d
    } else if vm.is_int(&a[1]) || vm.as_float(&a[1]).is_some() {
        let x = vm.float(re);
        im == 0.0 && vm.equal(&x, &a[1])?
    } else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    Ok(Value::bool(same == equal))
}

fn complex_format(vm: &mut Vm, a: &[Value]) -> R {
    let (re, im) = this(vm, &a[0])?;
    let Some(spec) = a[1].cast::<Str>().cloned() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("__format__() argument must be str, not {got}")));
    };
    if spec.get(vm).byte_len() == 0 {
        return Ok(vm.str(&a[0])?.into());
    }
    check_spec(vm, spec.value())?;
    let type_name = vm.class_name(&a[0]);
    match format_spec::format_complex(re, im, spec.get(vm).as_bytes(), &type_name) {
        Ok(text) => Ok(vm.new_str_bytes(&text).into()),
        Err(e) => Err(vm.text_error(e)),
    }
}
