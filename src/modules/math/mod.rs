//! `math`: functions of real numbers.
//!
//! The floating-point functions are here; [`integer`] has those of integers, [`sums`] the accurate sums and norms.
//! Elementary functions are the system's where Rust passes them on, so results agree with other languages on the
//! same machine to the last digit.

mod gamma;
mod integer;
mod sums;

use crate::bigint::BigInt;
use crate::objects::float::{to_f64, to_int};
use crate::vm::exception::Raised;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::ops::BinOp;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

/// A function of one number; the texts say what is wrong with an argument that has no result.
macro_rules! one {
    ($signature:literal, $doc:literal, $f:expr, $domain:expr, $overflow:expr) => {
        NativeDef::new($signature, $doc, |vm, a| {
            let x = to_f64(vm, arg_or_none(a, 0))?;
            let f: fn(f64) -> f64 = $f;
            checked(vm, x, f(x), $domain, $overflow)
        })
    };
}

const FUNCTIONS: &[NativeDef] = &[
    one!("acos(x, /)", "Return the arc cosine (measured in radians) of x.", f64::acos, UNIT, false),
    one!(
        "acosh(x, /)",
        "Return the inverse hyperbolic cosine of x.",
        libm::acosh,
        "expected argument value not less than 1, got ",
        false
    ),
    one!("asin(x, /)", "Return the arc sine (measured in radians) of x.", f64::asin, UNIT, false),
    one!("asinh(x, /)", "Return the inverse hyperbolic sine of x.", libm::asinh, "", false),
    one!("atan(x, /)", "Return the arc tangent (measured in radians) of x.", f64::atan, "", false),
    one!(
        "atanh(x, /)",
        "Return the inverse hyperbolic tangent of x.",
        libm::atanh,
        "expected a number between -1 and 1, got ",
        false
    ),
    one!("cbrt(x, /)", "Return the cube root of x.", f64::cbrt, "", false),
    one!("cos(x, /)", "Return the cosine of x (measured in radians).", f64::cos, FINITE, false),
    one!("cosh(x, /)", "Return the hyperbolic cosine of x.", f64::cosh, "", true),
    one!("erf(x, /)", "Error function at x.", libm::erf, "", false),
    one!("erfc(x, /)", "Complementary error function at x.", libm::erfc, "", false),
    one!("exp(x, /)", "Return e raised to the power of x.", f64::exp, "", true),
    one!("exp2(x, /)", "Return 2 raised to the power of x.", f64::exp2, "", true),
    one!("expm1(x, /)", "Return exp(x)-1.", f64::exp_m1, "", true),
    one!("fabs(x, /)", "Return the absolute value of the float x.", f64::abs, "", false),
    one!(
        "log1p(x, /)",
        "Return the natural logarithm of 1+x (base e).",
        f64::ln_1p,
        "expected argument value > -1, got ",
        false
    ),
    one!("sin(x, /)", "Return the sine of x (measured in radians).", f64::sin, FINITE, false),
    one!("sinh(x, /)", "Return the hyperbolic sine of x.", f64::sinh, "", true),
    one!("sqrt(x, /)", "Return the square root of x.", f64::sqrt, "expected a nonnegative input, got ", false),
    one!("tan(x, /)", "Return the tangent of x (measured in radians).", f64::tan, FINITE, false),
    one!("tanh(x, /)", "Return the hyperbolic tangent of x.", f64::tanh, "", false),
    one!("degrees(x, /)", "Convert angle x from radians to degrees.", |x| x * (180.0 / std::f64::consts::PI), "", true),
    one!(
        "radians(x, /)",
        "Convert angle x from degrees to radians.",
        |x| x * (std::f64::consts::PI / 180.0),
        "",
        false
    ),
    NativeDef::new("gamma(x, /)", "Gamma function at x.", |vm, a| gamma(vm, a, gamma::gamma, true)),
    NativeDef::new("lgamma(x, /)", "Natural logarithm of absolute value of Gamma function at x.", |vm, a| {
        gamma(vm, a, gamma::log_gamma, false)
    }),
    NativeDef::new("atan2(y, x, /)", "Return the arc tangent (measured in radians) of y/x.", |vm, a| {
        let (y, x) = two(vm, a)?;
        Ok(vm.float(y.atan2(x)))
    }),
    NativeDef::new("copysign(x, y, /)", "Return a float with the magnitude of x but the sign of y.", |vm, a| {
        let (x, y) = two(vm, a)?;
        Ok(vm.float(x.copysign(y)))
    }),
    NativeDef::new("fmod(x, y, /)", "Return fmod(x, y), according to platform C.", fmod),
    NativeDef::new("remainder(x, y, /)", "Difference between x and the closest integer multiple of y.", remainder),
    NativeDef::new("pow(x, y, /)", "Return x**y (x to the power of y).", pow),
    NativeDef::new("fma(x, y, z, /)", "Fused multiply-add operation: (x * y) + z with one rounding.", fma),
    NativeDef::new("ldexp(x, i, /)", "Return x * (2**i).", ldexp),
    NativeDef::new("frexp(x, /)", "Return the mantissa and exponent of x, as pair (m, e).", |vm, a| {
        let x = to_f64(vm, arg_or_none(a, 0))?;
        let (m, e) = if x == 0.0 || !x.is_finite() { (x, 0) } else { libm::frexp(x) };
        let m = vm.float(m);
        Ok(vm.pair([m, Value::int32(e)]))
    }),
    NativeDef::new("modf(x, /)", "Return the fractional and integer parts of x.", |vm, a| {
        let x = to_f64(vm, arg_or_none(a, 0))?;
        let whole = x.trunc();
        let part = if x.is_infinite() { 0.0f64.copysign(x) } else { (x - whole).copysign(x) };
        let parts = [vm.float(part), vm.float(whole)];
        Ok(vm.pair(parts))
    }),
    NativeDef::new("log(x, base=None, /)", "Return the logarithm of x to the given base.", log),
    NativeDef::new("log2(x, /)", "Return the base 2 logarithm of x.", |vm, a| {
        logarithm(vm, arg_or_none(a, 0), f64::log2)
    }),
    NativeDef::new("log10(x, /)", "Return the base 10 logarithm of x.", |vm, a| {
        logarithm(vm, arg_or_none(a, 0), f64::log10)
    }),
    NativeDef::new(
        "isfinite(x, /)",
        "Return True if x is neither an infinity nor a NaN, and False otherwise.",
        |vm, a| Ok(to_f64(vm, arg_or_none(a, 0))?.is_finite().into()),
    ),
    NativeDef::new(
        "isinf(x, /)",
        "Return True if x is a positive or negative infinity, and False otherwise.",
        |vm, a| Ok(to_f64(vm, arg_or_none(a, 0))?.is_infinite().into()),
    ),
    NativeDef::new("isnan(x, /)", "Return True if x is a NaN (not a number), and False otherwise.", |vm, a| {
        Ok(to_f64(vm, arg_or_none(a, 0))?.is_nan().into())
    }),
    NativeDef::new(
        "isclose(a, b, *, rel_tol=1e-09, abs_tol=0.0)",
        "Determine whether two floating-point numbers are close in value.",
        isclose,
    ),
    NativeDef::new("floor(x, /)", "Return the floor of x as an Integral.", |vm, a| {
        rounded(vm, arg_or_none(a, 0), Special::Floor, f64::floor)
    }),
    NativeDef::new("ceil(x, /)", "Return the ceiling of x as an Integral.", |vm, a| {
        rounded(vm, arg_or_none(a, 0), Special::Ceil, f64::ceil)
    }),
    NativeDef::new("trunc(x, /)", "Truncates the Real x to the nearest Integral toward 0.", trunc),
    NativeDef::new("ulp(x, /)", "Return the value of the least significant bit of the float x.", |vm, a| {
        let x = to_f64(vm, arg_or_none(a, 0))?.abs();
        let above = x.next_up();
        Ok(vm.float(if !x.is_finite() {
            x
        } else if above.is_infinite() {
            x - x.next_down()
        } else {
            above - x
        }))
    }),
    NativeDef::new(
        "nextafter(x, y, /, *, steps=None)",
        "Return the floating-point value the given number of steps after x towards y.",
        nextafter,
    ),
];

const UNIT: &str = "expected a number in range from -1 up to 1, got ";
const FINITE: &str = "expected a finite input, got ";

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("math", FUNCTIONS);
    for def in integer::FUNCTIONS.iter().chain(sums::FUNCTIONS) {
        let f = vm.native_function("math", def);
        vm.module_set(&module, def.name(), f);
    }
    let constants = [
        ("pi", std::f64::consts::PI),
        ("e", std::f64::consts::E),
        ("tau", std::f64::consts::TAU),
        ("inf", f64::INFINITY),
        ("nan", f64::NAN),
    ];
    for (name, value) in constants {
        let value = vm.float(value);
        vm.module_set(&module, name, value);
    }
    Ok(module.into())
}

fn two(vm: &mut Vm, a: &[Value]) -> R<(f64, f64)> {
    Ok((to_f64(vm, arg_or_none(a, 0))?, to_f64(vm, arg_or_none(a, 1))?))
}

#[cold]
fn domain_error(vm: &mut Vm, text: &str, x: f64) -> Raised {
    if text.is_empty() {
        return vm.value_error("math domain error");
    }
    let x = vm.float(x);
    match vm.repr_string(&x) {
        Ok(shown) => vm.value_error(format!("{text}{shown}")),
        Err(e) => e,
    }
}

#[cold]
fn range_error(vm: &mut Vm) -> Raised {
    vm.overflow_error("math range error")
}

/// The result of a function of `x`, or the error that its not being a number tells.
fn checked(vm: &mut Vm, x: f64, result: f64, domain: &str, overflows: bool) -> R {
    if result.is_nan() && !x.is_nan() {
        return Err(domain_error(vm, domain, x));
    }
    if result.is_infinite() && x.is_finite() {
        return Err(if overflows { range_error(vm) } else { domain_error(vm, domain, x) });
    }
    Ok(vm.float(result))
}

fn gamma(vm: &mut Vm, a: &[Value], f: fn(f64) -> f64, signed: bool) -> R {
    let x = to_f64(vm, arg_or_none(a, 0))?;
    if x.is_infinite() && (x > 0.0 || !signed) {
        return Ok(vm.float(f64::INFINITY));
    }
    if x <= 0.0 && x.floor() == x {
        return Err(domain_error(vm, "expected a noninteger or positive integer, got ", x));
    }
    checked(vm, x, f(x), "", true)
}

fn fmod(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    let r = if y.is_infinite() && x.is_finite() { x } else { x % y };
    if r.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(domain_error(vm, "", x));
    }
    Ok(vm.float(r))
}

fn remainder(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    if x.is_nan() || y.is_nan() {
        return Ok(vm.float(if x.is_nan() { x } else { y }));
    }
    if x.is_infinite() || y == 0.0 {
        return Err(domain_error(vm, "", x));
    }
    Ok(vm.float(if y.is_infinite() { x } else { libm::remainder(x, y) }))
}

fn pow(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    let r = x.powf(y);
    if x.is_finite() && y.is_finite() {
        if r.is_nan() || (r.is_infinite() && x == 0.0) {
            return Err(domain_error(vm, "", x));
        }
        if r.is_infinite() {
            return Err(range_error(vm));
        }
    }
    Ok(vm.float(r))
}

fn fma(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    let z = to_f64(vm, arg_or_none(a, 2))?;
    let r = x.mul_add(y, z);
    if r.is_nan() && !x.is_nan() && !y.is_nan() && !z.is_nan() {
        return Err(vm.value_error("invalid operation in fma"));
    }
    if r.is_infinite() && x.is_finite() && y.is_finite() && z.is_finite() {
        return Err(vm.overflow_error("overflow in fma"));
    }
    Ok(vm.float(r))
}

fn ldexp(vm: &mut Vm, a: &[Value]) -> R {
    let x = to_f64(vm, arg_or_none(a, 0))?;
    let i = arg_or_none(a, 1);
    if !vm.is_int(i) {
        return Err(vm.type_error("Expected an int as second argument to ldexp."));
    }
    if x == 0.0 || !x.is_finite() {
        return Ok(vm.float(x));
    }
    // Beyond a few thousand the exact exponent no longer matters.
    let exponent = vm.index_clamped(i)?.clamp(-10_000, 10_000) as i32;
    let r = libm::ldexp(x, exponent);
    if r.is_infinite() {
        return Err(range_error(vm));
    }
    Ok(vm.float(r))
}

// ---- logarithms ----

/// The mantissa in [0.5, 1) and the exponent of a positive number of any size.
fn big_frexp(b: &BigInt) -> (f64, f64) {
    const KEPT: u64 = 62;
    let bits = b.bit_length();
    let cut = bits.saturating_sub(KEPT);
    let top = b.shr(cut).to_i64().unwrap_or(i64::MAX);
    // The last bit stands for all that is cut off, so that the one rounding below is right.
    let top = top | i64::from(b.trailing_zeros().is_some_and(|z| z < cut));
    ((libm::ldexp(top as f64, -(KEPT.min(bits) as i32))), bits as f64)
}

fn logarithm(vm: &mut Vm, v: &Value, f: fn(f64) -> f64) -> R {
    if vm.is_int(v) {
        let b = vm.as_big_int(v).unwrap_or(BigInt::from_i64(0));
        if b.is_negative() || b.is_zero() {
            return Err(vm.value_error("expected a positive input"));
        }
        return Ok(match b.to_f64().filter(|x| x.is_finite()) {
            Some(x) => vm.float(f(x)),
            None => {
                let (m, e) = big_frexp(&b);
                vm.float(f(m) + f(2.0) * e)
            }
        });
    }
    let x = to_f64(vm, v)?;
    checked(vm, x, f(x), "expected a positive input, got ", false)
}

fn log(vm: &mut Vm, a: &[Value]) -> R {
    let x = logarithm(vm, arg_or_none(a, 0), f64::ln)?;
    match arg(a, 1) {
        None => Ok(x),
        Some(base) => {
            let base = logarithm(vm, base, f64::ln)?;
            vm.binary(BinOp::TrueDiv, &x, &base)
        }
    }
}

// ---- comparing and rounding ----

fn isclose(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    let rel = arg(a, 2).map_or(Ok(1e-9), |v| to_f64(vm, v))?;
    let abs = arg(a, 3).map_or(Ok(0.0), |v| to_f64(vm, v))?;
    if rel < 0.0 || abs < 0.0 {
        return Err(vm.value_error("tolerances must be non-negative"));
    }
    if x == y {
        return Ok(Value::TRUE);
    }
    if x.is_infinite() || y.is_infinite() {
        return Ok(Value::FALSE);
    }
    let distance = (y - x).abs();
    Ok((distance <= (rel * y).abs() || distance <= (rel * x).abs() || distance <= abs).into())
}

fn rounded(vm: &mut Vm, v: &Value, special: Special, f: fn(f64) -> f64) -> R {
    if !vm.is_exact(v, &vm.types.float)
        && let Some(method) = vm.special(v, special)
    {
        return vm.call_special(&method, v, &[]);
    }
    let x = to_f64(vm, v)?;
    to_int(vm, f(x))
}

fn trunc(vm: &mut Vm, a: &[Value]) -> R {
    let v = arg_or_none(a, 0);
    match vm.special(v, Special::Trunc) {
        Some(method) => vm.call_special(&method, v, &[]),
        None => {
            let class = vm.class_name(v);
            Err(vm.type_error(format!("type {class} doesn't define __trunc__ method")))
        }
    }
}

/// The place of a float among all floats; both zeros are at 0.
fn rank(x: f64) -> i64 {
    let magnitude = (x.to_bits() & (u64::MAX >> 1)) as i64;
    if x.is_sign_negative() { -magnitude } else { magnitude }
}

fn nextafter(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = two(vm, a)?;
    let steps = match arg_or_none(a, 2) {
        v if v.is_none() => 1,
        v => {
            let steps = vm.index(v)?;
            let big = vm.as_big_int(&steps).unwrap_or(BigInt::from_i64(0));
            if big.is_negative() {
                return Err(vm.value_error("steps must be a non-negative integer"));
            }
            big.to_u64().unwrap_or(u64::MAX)
        }
    };
    if x.is_nan() || y.is_nan() {
        return Ok(vm.float(if x.is_nan() { x } else { y }));
    }
    if steps == 0 {
        return Ok(vm.float(x));
    }
    let (from, to) = (rank(x), rank(y));
    if from.abs_diff(to) <= steps {
        return Ok(vm.float(y));
    }
    // Fewer steps than the distance stay within the ranks of floats.
    let steps = steps as i64;
    let at = if to > from { from.wrapping_add(steps) } else { from.wrapping_sub(steps) };
    let r = f64::from_bits(at.unsigned_abs());
    let negative = if at == 0 { x.is_sign_negative() } else { at < 0 };
    Ok(vm.float(if negative { -r } else { r }))
}
