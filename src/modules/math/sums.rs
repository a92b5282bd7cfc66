//! Sums, products and norms that lose no more than the last rounding.
//!
//! Built on two exact steps: the rounding error of a sum ([`two_sum`]) and that of a product ([`two_product`]) are
//! floats themselves.

use crate::objects::float::to_f64;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::ops::BinOp;
use crate::vm::{R, Value, Vm};
use std::ops::ControlFlow;

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("fsum(seq, /)", "Return an accurate floating-point sum of values in the iterable seq.", fsum),
    NativeDef::new("sumprod(p, q, /)", "Return the sum of products of values from two iterables p and q.", sumprod),
    NativeDef::new(
        "prod(iterable, /, *, start=1)",
        "Calculate the product of all the elements in the input iterable.",
        prod,
    ),
    NativeDef::new(
        "hypot(*coordinates)",
        "Multidimensional Euclidean distance from the origin to a point.",
        |vm, a| {
            let mut numbers = Vec::new();
            for v in vm.tuple_clone(arg_or_none(a, 0)).unwrap_or_default() {
                numbers.push(to_f64(vm, &v)?.abs());
            }
            Ok(vm.float(norm(&numbers)))
        },
    ),
    NativeDef::new("dist(p, q, /)", "Return the Euclidean distance between two points p and q.", dist),
];

/// `a + b` and its rounding error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// `a * b` and its rounding error.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

// ---- fsum ----

/// Adds `x` to a sum kept as floats of growing size that do not overlap.
fn add_partial(partials: &mut Vec<f64>, mut x: f64) {
    let mut kept = 0;
    for i in 0..partials.len() {
        let (high, low) = two_sum(x, partials[i]);
        if low != 0.0 {
            partials[kept] = low;
            kept += 1;
        }
        x = high;
    }
    partials.truncate(kept);
    partials.push(x);
}

/// The partials as one float, rounded once.
fn round_partials(partials: &[f64]) -> f64 {
    let mut rest = partials.iter().rev();
    let Some(&first) = rest.next() else { return 0.0 };
    let (mut high, mut low) = (first, 0.0);
    for &p in rest.by_ref() {
        (high, low) = two_sum(high, p);
        if low != 0.0 {
            break;
        }
    }
    // A tie was rounded to even; what lies further down decides it.
    if let Some(&next) = rest.next()
        && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
    {
        let doubled = low * 2.0;
        let moved = high + doubled;
        if doubled == moved - high {
            high = moved;
        }
    }
    high
}

fn fsum(vm: &mut Vm, a: &[Value]) -> R {
    let mut partials: Vec<f64> = Vec::new();
    let (mut special, mut infinities) = (0.0, 0.0);
    vm.for_each(arg_or_none(a, 0), |vm, item| {
        let x = to_f64(vm, &item)?;
        if x.is_finite() {
            add_partial(&mut partials, x);
            if partials.last().is_some_and(|p| !p.is_finite()) {
                return Err(vm.overflow_error("intermediate overflow in fsum"));
            }
        } else {
            if x.is_infinite() {
                infinities += x;
            }
            special += x;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if special != 0.0 || special.is_nan() {
        if infinities.is_nan() {
            return Err(vm.value_error("-inf + inf in fsum"));
        }
        return Ok(vm.float(special));
    }
    Ok(vm.float(round_partials(&partials)))
}

// ---- sumprod ----

/// A sum of three floats, each much smaller than the one before.
#[derive(Clone, Copy, Default)]
struct Triple {
    high: f64,
    low: f64,
    tiny: f64,
}

impl Triple {
    fn plus_product(self, x: f64, y: f64) -> Triple {
        let (product, error) = two_product(x, y);
        let (high, low1) = two_sum(self.high, product);
        let (low2, tiny1) = two_sum(self.low, error);
        let (low, tiny2) = two_sum(low1, low2);
        Triple { high, low, tiny: self.tiny + tiny1 + tiny2 }
    }

    fn value(self) -> f64 {
        let (sum, error) = two_sum(self.high, self.low);
        sum + (error + self.tiny)
    }
}

/// The running total of `sumprod`: exact integers first, floats of threefold length next, any objects at last.
struct Total {
    total: Value,
    ints: Option<i128>,
    floats: Option<Triple>,
    floats_used: bool,
}

impl Total {
    fn add(&mut self, vm: &mut Vm, v: &Value) -> R<()> {
        self.total = vm.binary(BinOp::Add, &self.total, v)?;
        Ok(())
    }

    /// Two plain ints whose product fits.
    fn int_step(&mut self, vm: &mut Vm, p: &Value, q: &Value) -> R<bool> {
        let Some(sum) = self.ints else { return Ok(false) };
        let plain = |vm: &Vm, v: &Value| if vm.is_exact(v, &vm.types.int) { vm.as_i64(v) } else { None };
        if let (Some(x), Some(y)) = (plain(vm, p), plain(vm, q))
            && let Some(sum) = i128::from(x).checked_mul(i128::from(y)).and_then(|n| sum.checked_add(n))
        {
            self.ints = Some(sum);
            return Ok(true);
        }
        self.end_ints(vm)?;
        Ok(false)
    }

    fn end_ints(&mut self, vm: &mut Vm) -> R<()> {
        match self.ints.take() {
            None | Some(0) => Ok(()),
            Some(sum) => {
                let sum = vm.int_from(sum);
                self.add(vm, &sum)
            }
        }
    }

    /// Two floats, or a float and an int.
    fn float_step(&mut self, vm: &mut Vm, p: &Value, q: &Value) -> R<bool> {
        let Some(sum) = self.floats else { return Ok(false) };
        let is_float = |v: &Value| vm.is_exact(v, &vm.types.float);
        let is_number = |v: &Value| is_float(v) || v.as_bool().is_some() || vm.is_exact(v, &vm.types.int);
        let usable = (is_float(p) || is_float(q)) && is_number(p) && is_number(q);
        if usable && let (Some(x), Some(y)) = (number(vm, p), number(vm, q)) {
            let next = sum.plus_product(x, y);
            if next.high.is_finite() {
                self.floats = Some(next);
                self.floats_used = true;
                return Ok(true);
            }
        }
        self.end_floats(vm)?;
        Ok(false)
    }

    fn end_floats(&mut self, vm: &mut Vm) -> R<()> {
        match self.floats.take() {
            Some(sum) if self.floats_used => {
                let sum = vm.float(sum.value());
                self.add(vm, &sum)
            }
            _ => Ok(()),
        }
    }
}

fn number(vm: &Vm, v: &Value) -> Option<f64> {
    match vm.as_float(v) {
        Some(x) => Some(x),
        None => vm.as_big_int(v)?.to_f64().filter(|x| x.is_finite()),
    }
}

fn sumprod(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.iter(arg_or_none(a, 0))?;
    let q = vm.iter(arg_or_none(a, 1))?;
    let mut total =
        Total { total: Value::int32(0), ints: Some(0), floats: Some(Triple::default()), floats_used: false };
    loop {
        let (x, y) = (vm.next(&p)?, vm.next(&q)?);
        let (x, y) = match (x, y) {
            (Some(x), Some(y)) => (x, y),
            (None, None) => break,
            _ => return Err(vm.value_error("Inputs are not the same length")),
        };
        if total.int_step(vm, &x, &y)? || total.float_step(vm, &x, &y)? {
            continue;
        }
        let product = vm.binary(BinOp::Mul, &x, &y)?;
        total.add(vm, &product)?;
    }
    total.end_ints(vm)?;
    total.end_floats(vm)?;
    Ok(total.total)
}

fn prod(vm: &mut Vm, a: &[Value]) -> R {
    let mut product = arg(a, 1).cloned().unwrap_or(Value::int32(1));
    vm.for_each(arg_or_none(a, 0), |vm, item| {
        product = vm.binary(BinOp::Mul, &product, &item)?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(product)
}

// ---- norms ----

/// The square root of the sum of squares of numbers that are not negative.
fn norm(numbers: &[f64]) -> f64 {
    let most = numbers.iter().fold(0.0, |m: f64, &x| m.max(x));
    if most.is_infinite() {
        return most;
    }
    if numbers.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    if most == 0.0 || numbers.len() <= 1 {
        return most;
    }
    // A power of two brings the largest near 1, exactly.
    let (_, exponent) = libm::frexp(most);
    let (mut sum, mut error) = (1.0, 0.0);
    for &x in numbers {
        let x = libm::ldexp(x, -exponent);
        let (square, below) = two_product(x, x);
        let (s, e) = two_sum(sum, square);
        sum = s;
        error += e + below;
    }
    let root = ((sum - 1.0) + error).sqrt();
    // One step of Newton's method, with the residue exact.
    let (square, below) = two_product(root, root);
    let (s, e) = two_sum(sum, -square);
    let residue = ((s - 1.0) + e) + (error - below);
    libm::ldexp(root + residue / (2.0 * root), exponent)
}

fn dist(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.collect(arg_or_none(a, 0))?;
    let q = vm.collect(arg_or_none(a, 1))?;
    if p.len() != q.len() {
        return Err(vm.value_error("both points must have the same number of dimensions"));
    }
    let mut numbers = Vec::with_capacity(p.len());
    for (x, y) in p.iter().zip(&q) {
        let (x, y) = (to_f64(vm, x)?, to_f64(vm, y)?);
        numbers.push((x - y).abs());
    }
    Ok(vm.float(norm(&numbers)))
}
