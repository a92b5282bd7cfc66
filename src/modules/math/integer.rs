//! The functions of integers: factorials, binomial coefficients, divisors, roots.
//!
//! What may become big asks for the memory first and pays for its work as it goes.

use crate::bigint::BigInt;
use crate::vm::native::{NativeDef, arg_or_none};
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("factorial(n, /)", "Find n!.", |vm, a| factorial(vm, arg_or_none(a, 0))),
    NativeDef::new(
        "comb(n, k, /)",
        "Number of ways to choose k items from n items without repetition and without order.",
        comb,
    ),
    NativeDef::new(
        "perm(n, k=None, /)",
        "Number of ways to choose k items from n items without repetition and with order.",
        perm,
    ),
    NativeDef::new("isqrt(n, /)", "Return the integer part of the square root of the input.", isqrt),
    NativeDef::new("gcd(*integers)", "Greatest Common Divisor.", |vm, a| fold(vm, arg_or_none(a, 0), 0, gcd)),
    NativeDef::new("lcm(*integers)", "Least Common Multiple.", |vm, a| fold(vm, arg_or_none(a, 0), 1, lcm)),
];

fn big(vm: &mut Vm, v: &Value) -> R<BigInt> {
    let v = vm.index(v)?;
    Ok(vm.as_big_int(&v).unwrap_or(BigInt::from_i64(0)))
}

/// `n * (n-1) * … * (n-k+1)`, halving so that the factors stay of like size.
fn falling(vm: &mut Vm, n: &BigInt, k: u64) -> R<BigInt> {
    if k <= 16 {
        let mut product = BigInt::from_i64(1);
        for i in 0..k as i64 {
            product = &product * &(n - i);
        }
        vm.tick(k as usize + 1)?;
        return Ok(product);
    }
    let half = k / 2;
    let first = falling(vm, n, half)?;
    let second = falling(vm, &(n - &BigInt::from(half)), k - half)?;
    vm.tick((first.mul_bits(&second) / 64) as usize)?;
    Ok(&first * &second)
}

/// As [`falling`], once the memory is granted.
fn falling_checked(vm: &mut Vm, n: &BigInt, k: u64) -> R<BigInt> {
    let bytes = n.bit_length().saturating_mul(k) / 8;
    vm.check_alloc(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    falling(vm, n, k)
}

fn factorial(vm: &mut Vm, v: &Value) -> R {
    let n = big(vm, v)?;
    if n.is_negative() {
        return Err(vm.value_error("factorial() not defined for negative values"));
    }
    let Some(k) = n.to_i64() else {
        return Err(vm.overflow_error(format!("factorial() argument should not exceed {}", i64::MAX)));
    };
    let product = falling_checked(vm, &n, k as u64)?;
    Ok(vm.big_int(product))
}

/// The arguments of `comb` and `perm`.
fn counts(vm: &mut Vm, a: &[Value]) -> R<(BigInt, BigInt)> {
    let n = big(vm, arg_or_none(a, 0))?;
    let k = big(vm, arg_or_none(a, 1))?;
    if n.is_negative() {
        return Err(vm.value_error("n must be a non-negative integer"));
    }
    if k.is_negative() {
        return Err(vm.value_error("k must be a non-negative integer"));
    }
    Ok((n, k))
}

fn perm(vm: &mut Vm, a: &[Value]) -> R {
    if arg_or_none(a, 1).is_none() {
        let n = big(vm, arg_or_none(a, 0))?;
        if n.is_negative() {
            return Err(vm.value_error("factorial() not defined for negative values"));
        }
        return factorial(vm, arg_or_none(a, 0));
    }
    let (n, k) = counts(vm, a)?;
    if (&n - &k).is_negative() {
        return Ok(Value::int32(0));
    }
    let Some(k) = k.to_i64() else {
        return Err(vm.overflow_error(format!("k must not exceed {}", i64::MAX)));
    };
    let product = falling_checked(vm, &n, k as u64)?;
    Ok(vm.big_int(product))
}

/// The binomial coefficient, while it and the numbers on the way to it are small.
fn small_comb(n: i64, k: i64) -> Option<i128> {
    if k > 200 {
        return None;
    }
    let mut c: i128 = 1;
    for i in 0..k {
        c = c.checked_mul(i128::from(n - i))? / i128::from(i + 1);
    }
    Some(c)
}

fn comb(vm: &mut Vm, a: &[Value]) -> R {
    let (n, k) = counts(vm, a)?;
    let rest = &n - &k;
    if rest.is_negative() {
        return Ok(Value::int32(0));
    }
    let k = if (&rest - &k).is_negative() { rest } else { k };
    let Some(k) = k.to_i64() else {
        return Err(vm.overflow_error(format!("min(n - k, k) must not exceed {}", i64::MAX)));
    };
    if let Some(c) = n.to_i64().and_then(|n| small_comb(n, k)) {
        return Ok(vm.int_from(c));
    }
    let product = falling_checked(vm, &n, k as u64)?;
    let divisor = falling_checked(vm, &BigInt::from_i64(k), k as u64)?;
    vm.tick((product.bit_length() / 32) as usize)?;
    let c = product.floor_div(&divisor).unwrap_or(BigInt::from_i64(0));
    Ok(vm.big_int(c))
}

fn isqrt(vm: &mut Vm, a: &[Value]) -> R {
    let n = big(vm, arg_or_none(a, 0))?;
    match n.isqrt() {
        Some(root) => Ok(vm.big_int(root)),
        None => Err(vm.value_error("isqrt() argument must be nonnegative")),
    }
}

/// Joins the numbers two by two; even a lone one goes through.
fn fold(vm: &mut Vm, numbers: &Value, start: i64, join: fn(&BigInt, &BigInt) -> BigInt) -> R {
    let mut result = BigInt::from_i64(start);
    for v in vm.tuple_clone(numbers).unwrap_or_default() {
        let n = big(vm, &v)?;
        vm.tick(((result.bit_length() + n.bit_length()) / 64) as usize + 1)?;
        result = join(&result, &n);
    }
    Ok(vm.big_int(result))
}

fn gcd(a: &BigInt, b: &BigInt) -> BigInt {
    let (Some(x), Some(y)) = (a.to_i64(), b.to_i64()) else { return a.gcd(b) };
    let (mut x, mut y) = (x.unsigned_abs(), y.unsigned_abs());
    while y != 0 {
        (x, y) = (y, x % y);
    }
    BigInt::from(x)
}

fn lcm(a: &BigInt, b: &BigInt) -> BigInt {
    if a.is_zero() || b.is_zero() {
        return BigInt::from_i64(0);
    }
    match a.floor_div(&gcd(a, b)) {
        Some(part) => (&part * b).abs(),
        None => BigInt::from_i64(0),
    }
}
