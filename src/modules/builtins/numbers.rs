//! Functions about numbers: `abs`, `bin`, `chr`, `divmod`, `hash`, `hex`, `oct`, `ord`, `pow`, `round`, `sum`.

use crate::text::number::int_text;
use crate::vm::native::{NativeDef, arg};
use crate::vm::ops::{BinOp, UnOp};
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("abs(number, /)", "Return the absolute value of the argument.", |vm, a| vm.unary(UnOp::Abs, &a[0])),
    NativeDef::new("bin(number, /)", "Return the binary representation of an integer.", |vm, a| radix(vm, a, 2)),
    NativeDef::new("oct(number, /)", "Return the octal representation of an integer.", |vm, a| radix(vm, a, 8)),
    NativeDef::new("hex(number, /)", "Return the hexadecimal representation of an integer.", |vm, a| radix(vm, a, 16)),
    NativeDef::new("chr(i, /)", "Return a Unicode string of one character with ordinal i.", chr),
    NativeDef::new("ord(character, /)", "Return the ordinal value of a character.", ord),
    NativeDef::new("divmod(x, y, /)", "Return the tuple (x//y, x%y).", |vm, a| vm.binary(BinOp::DivMod, &a[0], &a[1])),
    NativeDef::new("hash(obj, /)", "Return the hash value for the given object.", |vm, a| {
        let h = vm.hash(&a[0])?;
        Ok(vm.int(h as i64))
    }),
    NativeDef::new(
        "pow(base, exp, mod=None)",
        "Equivalent to base**exp with 2 arguments or base**exp % mod with 3 arguments.",
        |vm, a| {
            let modulus = arg(a, 2).cloned().unwrap_or(Value::NONE);
            vm.power_mod(&a[0], &a[1], &modulus)
        },
    ),
    NativeDef::new("round(number, ndigits=None)", "Round a number to a given precision in decimal digits.", round),
    NativeDef::new(
        "sum(iterable, /, start=0)",
        "Return the sum of a 'start' value (default: 0) plus an iterable of numbers",
        sum,
    ),
];

fn radix(vm: &mut Vm, a: &[Value], radix: u32) -> R {
    let v = vm.index(&a[0])?;
    let big = vm.as_big_int(&v).unwrap_or_default();
    vm.tick((big.bit_length() / 64) as usize)?;
    let text = int_text::to_power_radix(&big, radix, true);
    Ok(vm.new_str(&text).into())
}

fn chr(vm: &mut Vm, a: &[Value]) -> R {
    let v = vm.index(&a[0])?;
    match vm.as_i64(&v).and_then(|i| u32::try_from(i).ok()).filter(|&i| i <= 0x10_FFFF) {
        Some(cp) => Ok(vm.new_char(cp)),
        None => Err(vm.value_error("chr() arg not in range(0x110000)")),
    }
}

fn ord(vm: &mut Vm, a: &[Value]) -> R {
    let len = if let Some(s) = a[0].cast::<Str>().cloned() {
        if s.get(vm).char_len() == 1 {
            let cp = vm.char_at(&s, 0).unwrap_or(0);
            return Ok(vm.int(i64::from(cp)));
        }
        s.get(vm).char_len()
    } else {
        let bytes = match a[0].cast::<Bytes>() {
            Some(b) => Some(b.get(vm).as_bytes().to_vec()),
            None => crate::objects::bytearray::contents(vm, &a[0]),
        };
        match bytes.as_deref() {
            Some([b]) => return Ok(Value::int32(i32::from(*b))),
            Some(b) => b.len(),
            None => {
                let got = vm.class_name(&a[0]);
                return Err(vm.type_error(format!("ord() expected string of length 1, but {got} found")));
            }
        }
    };
    Err(vm.type_error(format!("ord() expected a character, but string of length {len} found")))
}

fn round(vm: &mut Vm, a: &[Value]) -> R {
    let Some(f) = vm.special(&a[0], Special::Round) else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("type {got} doesn't define __round__ method")));
    };
    match arg(a, 1).filter(|v| !v.is_none()) {
        Some(n) => {
            let n = n.clone();
            vm.call_special(&f, &a[0], &[n])
        }
        None => vm.call_special(&f, &a[0], &[]),
    }
}

/// A running sum of floats with the error of each addition kept apart (Neumaier), as CPython does since 3.12.
#[derive(Default)]
struct FloatSum {
    high: f64,
    low: f64,
}

impl FloatSum {
    fn add(&mut self, x: f64) {
        let t = self.high + x;
        if self.high.abs() >= x.abs() {
            self.low += (self.high - t) + x;
        } else {
            self.low += (x - t) + self.high;
        }
        self.high = t;
    }

    fn value(&self) -> f64 {
        if self.low != 0.0 && self.low.is_finite() { self.high + self.low } else { self.high }
    }
}

fn sum(vm: &mut Vm, a: &[Value]) -> R {
    let start = arg(a, 1).cloned().unwrap_or(Value::int32(0));
    let refused = if start.is_a::<Str>() {
        Some("sum() can't sum strings [use ''.join(seq) instead]")
    } else if start.is_a::<Bytes>() {
        Some("sum() can't sum bytes [use b''.join(seq) instead]")
    } else if crate::objects::bytearray::contents(vm, &start).is_some() {
        Some("sum() can't sum bytearray [use b''.join(seq) instead]")
    } else {
        None
    };
    if let Some(text) = refused {
        return Err(vm.type_error(text));
    }
    let it = vm.iter(&a[0])?;
    let mut total = start;
    // Ints first, then floats (with ints among them), then anything.
    if let Some(mut n) = total.as_small_int() {
        loop {
            let Some(item) = vm.next(&it)? else { return Ok(vm.int(n)) };
            match item.as_small_int().and_then(|i| n.checked_add(i)) {
                Some(t) => n = t,
                None => {
                    let so_far = vm.int(n);
                    total = vm.binary(BinOp::Add, &so_far, &item)?;
                    break;
                }
            }
        }
    }
    if vm.is_exact(&total, &vm.types.float) {
        let start = vm.as_float(&total).unwrap_or(0.0);
        match sum_floats(vm, &it, start)? {
            (total, true) => return Ok(total),
            (other, false) => total = other,
        }
    }
    if crate::objects::complex::is_exact(vm, &total) {
        total = sum_complex(vm, &it, &total)?;
    }
    sum_any(vm, &it, total)
}

/// Adds floats and small ints; with `false`, the total so far when something else came.
fn sum_floats(vm: &mut Vm, it: &Value, start: f64) -> R<(Value, bool)> {
    let mut s = FloatSum { high: start, low: 0.0 };
    loop {
        let Some(item) = vm.next(it)? else { return Ok((vm.float(s.value()), true)) };
        if vm.is_exact(&item, &vm.types.float)
            && let Some(x) = vm.as_float(&item)
        {
            s.add(x);
        } else if let Some(i) = item.as_small_int() {
            s.add(i as f64);
        } else {
            let so_far = vm.float(s.value());
            return Ok((vm.binary(BinOp::Add, &so_far, &item)?, false));
        }
    }
}

/// Adds complex numbers, floats and small ints until the end or until something else came.
fn sum_complex(vm: &mut Vm, it: &Value, start: &Value) -> R {
    use crate::objects::complex;
    let (re, im) = complex::as_complex(vm, start).unwrap_or((0.0, 0.0));
    let mut sums = (FloatSum { high: re, low: 0.0 }, FloatSum { high: im, low: 0.0 });
    while let Some(item) = vm.next(it)? {
        if let Some((re, im)) = complex::as_complex(vm, &item).filter(|_| complex::is_exact(vm, &item)) {
            sums.0.add(re);
            sums.1.add(im);
        } else if let Some(i) = item.as_small_int() {
            sums.0.add(i as f64);
        } else if let Some(x) = vm.as_float(&item).filter(|_| vm.is_exact(&item, &vm.types.float)) {
            sums.0.add(x);
        } else {
            let so_far = complex::new_complex(vm, sums.0.value(), sums.1.value());
            return vm.binary(BinOp::Add, &so_far, &item);
        }
    }
    Ok(complex::new_complex(vm, sums.0.value(), sums.1.value()))
}

fn sum_any(vm: &mut Vm, it: &Value, mut total: Value) -> R {
    while let Some(item) = vm.next(it)? {
        total = vm.binary(BinOp::Add, &total, &item)?;
    }
    Ok(total)
}
