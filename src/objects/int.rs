//! `int` and `bool`.
//!
//! Ints up to 62 bits are values themselves; larger ones, and instances of subclasses, are objects with a
//! `BigInt`. Operations that could grow without bound ask for the memory first.

use crate::bigint::BigInt;
use crate::objects::str::format::check_spec;
use crate::text::format_spec::{self, Int as FormatInt};
use crate::text::number::{int_text, parse};
use crate::vm::class::Class;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::numbers::Int;
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// `sys.int_info.default_max_str_digits`.
pub const DEFAULT_MAX_STR_DIGITS: usize = 4300;

/// The bound on the digits of decimal conversions; an interpreter's state.
pub struct MaxStrDigits(pub usize);

impl Default for MaxStrDigits {
    fn default() -> Self {
        MaxStrDigits(DEFAULT_MAX_STR_DIGITS)
    }
}

/// Gives `int` and `bool` their methods.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let int = vm.types.int.clone();
    vm.extend_class(&int, METHODS, GETSETS);
    let bool_class = vm.bool_class.clone();
    vm.extend_class(&bool_class, BOOL_METHODS, &[]);
    Ok(())
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, x=0, /, base=10)", "Convert a number or string to an integer.", int_new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", int_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", int_hash),
    NativeDef::new("__bool__(self, /)", "True if self else False", int_bool),
    NativeDef::new("__int__(self, /)", "int(self)", int_plain),
    NativeDef::new("__index__(self, /)", "Return self converted to an integer.", int_plain),
    NativeDef::new("__trunc__(self, /)", "Truncating an Integral returns itself.", int_plain),
    NativeDef::new("__floor__(self, /)", "Flooring an Integral returns itself.", int_plain),
    NativeDef::new("__ceil__(self, /)", "Ceiling of an Integral returns itself.", int_plain),
    NativeDef::new("conjugate(self, /)", "Returns self, the complex conjugate of any int.", int_plain),
    NativeDef::new("__pos__(self, /)", "+self", int_plain),
    NativeDef::new("__float__(self, /)", "float(self)", int_float),
    NativeDef::new("__neg__(self, /)", "-self", int_neg),
    NativeDef::new("__abs__(self, /)", "abs(self)", int_abs),
    NativeDef::new("__invert__(self, /)", "~self", int_invert),
    NativeDef::new("__add__(self, value, /)", "Return self+value.", |vm, a| arith(vm, a, Op::Add)),
    NativeDef::new("__radd__(self, value, /)", "Return value+self.", |vm, a| reflected(vm, a, Op::Add)),
    NativeDef::new("__sub__(self, value, /)", "Return self-value.", |vm, a| arith(vm, a, Op::Sub)),
    NativeDef::new("__rsub__(self, value, /)", "Return value-self.", |vm, a| reflected(vm, a, Op::Sub)),
    NativeDef::new("__mul__(self, value, /)", "Return self*value.", |vm, a| arith(vm, a, Op::Mul)),
    NativeDef::new("__rmul__(self, value, /)", "Return value*self.", |vm, a| reflected(vm, a, Op::Mul)),
    NativeDef::new("__truediv__(self, value, /)", "Return self/value.", |vm, a| arith(vm, a, Op::TrueDiv)),
    NativeDef::new("__rtruediv__(self, value, /)", "Return value/self.", |vm, a| reflected(vm, a, Op::TrueDiv)),
    NativeDef::new("__floordiv__(self, value, /)", "Return self//value.", |vm, a| arith(vm, a, Op::FloorDiv)),
    NativeDef::new("__rfloordiv__(self, value, /)", "Return value//self.", |vm, a| reflected(vm, a, Op::FloorDiv)),
    NativeDef::new("__mod__(self, value, /)", "Return self%value.", |vm, a| arith(vm, a, Op::Mod)),
    NativeDef::new("__rmod__(self, value, /)", "Return value%self.", |vm, a| reflected(vm, a, Op::Mod)),
    NativeDef::new("__divmod__(self, value, /)", "Return divmod(self, value).", |vm, a| arith(vm, a, Op::DivMod)),
    NativeDef::new("__rdivmod__(self, value, /)", "Return divmod(value, self).", |vm, a| reflected(vm, a, Op::DivMod)),
    NativeDef::new("__and__(self, value, /)", "Return self&value.", |vm, a| arith(vm, a, Op::And)),
    NativeDef::new("__rand__(self, value, /)", "Return value&self.", |vm, a| reflected(vm, a, Op::And)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| arith(vm, a, Op::Or)),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| reflected(vm, a, Op::Or)),
    NativeDef::new("__xor__(self, value, /)", "Return self^value.", |vm, a| arith(vm, a, Op::Xor)),
    NativeDef::new("__rxor__(self, value, /)", "Return value^self.", |vm, a| reflected(vm, a, Op::Xor)),
    NativeDef::new("__lshift__(self, value, /)", "Return self<<value.", |vm, a| arith(vm, a, Op::LShift)),
    NativeDef::new("__rlshift__(self, value, /)", "Return value<<self.", |vm, a| reflected(vm, a, Op::LShift)),
    NativeDef::new("__rshift__(self, value, /)", "Return self>>value.", |vm, a| arith(vm, a, Op::RShift)),
    NativeDef::new("__rrshift__(self, value, /)", "Return value>>self.", |vm, a| reflected(vm, a, Op::RShift)),
    NativeDef::new("__pow__(self, value, mod=None, /)", "Return pow(self, value, mod).", int_pow),
    NativeDef::new("__rpow__(self, value, mod=None, /)", "Return pow(value, self, mod).", int_rpow),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| int_compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| int_compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |vm, a| int_compare(vm, a, CmpOp::Lt)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |vm, a| int_compare(vm, a, CmpOp::Le)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |vm, a| int_compare(vm, a, CmpOp::Gt)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |vm, a| int_compare(vm, a, CmpOp::Ge)),
    NativeDef::new("__format__(self, format_spec, /)", "Convert to a string according to format_spec.", int_format),
    NativeDef::new("__round__(self, ndigits=None, /)", "Rounding an Integral returns itself.", int_round),
    NativeDef::new("__getnewargs__(self, /)", "", int_getnewargs),
    NativeDef::new("__sizeof__(self, /)", "Returns size in memory, in bytes.", int_sizeof),
    NativeDef::new("bit_length(self, /)", "Number of bits necessary to represent self in binary.", int_bit_length),
    NativeDef::new(
        "bit_count(self, /)",
        "Number of ones in the binary representation of the absolute value.",
        int_bit_count,
    ),
    NativeDef::new("as_integer_ratio(self, /)", "Return a pair of integers, whose ratio is self.", int_ratio),
    NativeDef::new(
        "is_integer(self, /)",
        "Returns True. Exists for duck type compatibility with float.is_integer.",
        |_, _| Ok(Value::TRUE),
    ),
    NativeDef::new(
        "to_bytes(self, /, length=1, byteorder='big', *, signed=False)",
        "Return an array of bytes representing an integer.",
        int_to_bytes,
    ),
    NativeDef::new(
        "from_bytes(cls, /, bytes, byteorder='big', *, signed=False)",
        "Return the integer represented by the given array of bytes.",
        int_from_bytes,
    ),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("real", "the real part of a complex number", plain),
    GetSetDef::new("imag", "the imaginary part of a complex number", |_, _| Ok(Value::int32(0))),
    GetSetDef::new("numerator", "the numerator of a rational number in lowest terms", plain),
    GetSetDef::new("denominator", "the denominator of a rational number in lowest terms", |_, _| Ok(Value::int32(1))),
];

const BOOL_METHODS: &[NativeDef] = &[
    NativeDef::new(
        "__new__(cls, object=False, /)",
        "Returns True when the argument is true, False otherwise.",
        bool_new,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", bool_repr),
    NativeDef::new("__and__(self, value, /)", "Return self&value.", |vm, a| bool_op(vm, a, Op::And)),
    NativeDef::new("__rand__(self, value, /)", "Return value&self.", |vm, a| bool_op(vm, a, Op::And)),
    NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| bool_op(vm, a, Op::Or)),
    NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| bool_op(vm, a, Op::Or)),
    NativeDef::new("__xor__(self, value, /)", "Return self^value.", |vm, a| bool_op(vm, a, Op::Xor)),
    NativeDef::new("__rxor__(self, value, /)", "Return value^self.", |vm, a| bool_op(vm, a, Op::Xor)),
    NativeDef::new("__invert__(self, /)", "~self", bool_invert),
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
    And,
    Or,
    Xor,
    LShift,
    RShift,
}

/// The receiver as a plain `int`: instances of subclasses and bools lose their class.
fn plain(vm: &mut Vm, v: &Value) -> R {
    if v.is_small_int() {
        return Ok(v.clone());
    }
    match vm.as_big_int(v) {
        Some(_) if vm.is_exact(v, &vm.types.int.clone()) => Ok(v.clone()),
        Some(b) => Ok(vm.big_int(b)),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("an 'int' object is required, not '{got}'")))
        }
    }
}

fn big(vm: &mut Vm, v: &Value) -> R<BigInt> {
    match vm.as_big_int(v) {
        Some(b) => {
            // It was copied, and what is done with it takes as long.
            vm.charge((b.bit_length() / 2048) as usize);
            Ok(b)
        }
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("an 'int' object is required, not '{got}'")))
        }
    }
}

fn int_plain(vm: &mut Vm, a: &[Value]) -> R {
    plain(vm, &a[0])
}

fn int_new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(&a[0])?;
    let value = match (arg(a, 1), arg(a, 2)) {
        (None, None) => Value::int32(0),
        (None, Some(_)) => return Err(vm.type_error("int() missing string argument")),
        (Some(x), None) => int_from_object(vm, x)?,
        (Some(x), Some(base)) => {
            let base = vm.index_clamped(base)?;
            if base != 0 && !(2..=36).contains(&base) {
                return Err(vm.value_error("int() base must be >= 2 and <= 36, or 0"));
            }
            match text_bytes(vm, x) {
                Some((text, ascii)) => int_from_text(vm, x, &text, base as u32, ascii)?,
                None => return Err(vm.type_error("int() can't convert non-string with explicit base")),
            }
        }
    };
    if cls.is(&vm.types.int) {
        return Ok(value);
    }
    let big = big(vm, &value)?;
    Ok(vm.alloc_as(&cls, Int { big }).into())
}

/// The text of a `str`, or of bytes; `true` when only ASCII digits count.
fn text_bytes(vm: &Vm, v: &Value) -> Option<(Vec<u8>, bool)> {
    if let Some(s) = v.cast::<Str>() {
        return Some((s.get(vm).as_bytes().to_vec(), false));
    }
    if let Some(b) = v.cast::<Bytes>() {
        return Some((b.get(vm).as_bytes().to_vec(), true));
    }
    crate::objects::bytearray::contents(vm, v).map(|b| (b, true))
}

fn int_from_text(vm: &mut Vm, v: &Value, text: &[u8], base: u32, ascii: bool) -> R {
    let max = vm.state::<MaxStrDigits>().0;
    if max == 0 || text.len() <= max || base.is_power_of_two() {
        vm.tick_digits(text.len() as u64 * 3)?;
    }
    // The repr is only needed for the message, but making it may run script code.
    let shown = match parse::parse_int(text, i64::from(base), max, ascii, String::new) {
        Ok(parsed) => return Ok(parsed_int(vm, parsed)),
        Err(_) if v.is_a::<Str>() || v.is_a::<Bytes>() => vm.repr_string(v)?,
        Err(_) => {
            // Other buffers are shown by their contents.
            let contents = vm.new_bytes(text).into_value();
            vm.repr_string(&contents)?
        }
    };
    match parse::parse_int(text, i64::from(base), max, ascii, || shown) {
        Ok(parsed) => Ok(parsed_int(vm, parsed)),
        Err(e) => Err(vm.text_error(e)),
    }
}

fn parsed_int(vm: &Vm, parsed: parse::ParsedInt) -> Value {
    match parsed {
        parse::ParsedInt::Small(i) => vm.int(i),
        parse::ParsedInt::Big(b) => vm.big_int(b),
    }
}

/// `int(x)`.
pub fn int_from_object(vm: &mut Vm, x: &Value) -> R {
    if x.is_small_int() {
        return Ok(x.clone());
    }
    if let Some(f) = x.as_small_float()
        && let Some(v) = Value::small_int(f as i64).filter(|_| f.abs() < 1e18)
    {
        return Ok(v);
    }
    if let Some(s) = x.cast::<Str>()
        && vm.is_exact(x, &vm.types.str_)
    {
        if let Some(n) = parse::parse_small(s.get(vm).as_bytes()) {
            return Ok(vm.int(n));
        }
        return int_from_text(vm, x, s.pinned(), 10, false);
    }
    for special in [Special::Int, Special::Index] {
        if let Some(f) = vm.special(x, special) {
            let v = vm.call_special(&f, x, &[])?;
            if vm.is_exact(&v, &vm.types.int.clone()) {
                return Ok(v);
            }
            let name = special.name();
            if !vm.is_int(&v) {
                let got = vm.class_name(&v);
                return Err(vm.type_error(format!("{name} returned non-int (type {got})")));
            }
            if special == Special::Int {
                let got = vm.class_name(&v);
                let category = vm.exc.DeprecationWarning.clone();
                vm.warn(
                    &category,
                    &format!(
                        "__int__ returned non-int (type {got}).  The ability to return an instance of a strict \
                         subclass of int is deprecated, and may be removed in a future version of Python."
                    ),
                    1,
                )?;
            }
            return plain(vm, &v);
        }
    }
    if let Some((text, ascii)) = text_bytes(vm, x) {
        return int_from_text(vm, x, &text, 10, ascii);
    }
    if let Some(text) = crate::objects::bytes::read_buffer(vm, x)? {
        return int_from_text(vm, x, &text, 10, true);
    }
    let got = vm.class_name(x);
    Err(vm.type_error(format!("int() argument must be a string, a bytes-like object or a real number, not '{got}'")))
}

/// The decimal text of an int value.
///
/// # Errors
/// ValueError when it has too many digits.
pub fn to_decimal(vm: &mut Vm, v: &Value) -> R<String> {
    if let Some(i) = vm.as_i64(v) {
        return Ok(i.to_string());
    }
    let max = vm.state::<MaxStrDigits>().0;
    let big = big(vm, v)?;
    vm.tick_digits(big.bit_length())?;
    int_text::to_decimal(&big, max).map_err(|e| vm.text_error(e))
}

fn int_repr(vm: &mut Vm, a: &[Value]) -> R {
    if let Some(i) = a[0].as_small_int() {
        let mut buffer = [0u8; 24];
        return Ok(vm.new_str_bytes(decimal(i, &mut buffer)).into());
    }
    let text = to_decimal(vm, &a[0])?;
    Ok(vm.new_str(&text).into())
}

/// Decimal digits without going through the formatting machinery.
fn decimal(i: i64, buffer: &mut [u8; 24]) -> &[u8] {
    let mut n = i.unsigned_abs();
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    if i < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

fn int_hash(vm: &mut Vm, a: &[Value]) -> R {
    let h = match vm.as_i64(&a[0]) {
        Some(i) => crate::text::hash::hash_i64(i),
        None => big(vm, &a[0])?.hash(),
    };
    Ok(vm.int(h))
}

fn int_bool(vm: &mut Vm, a: &[Value]) -> R {
    Ok(Value::bool(match vm.as_i64(&a[0]) {
        Some(i) => i != 0,
        None => !big(vm, &a[0])?.is_zero(),
    }))
}

fn int_float(vm: &mut Vm, a: &[Value]) -> R {
    let f = to_f64(vm, &a[0])?;
    Ok(vm.float(f))
}

/// An int value as a float.
///
/// # Errors
/// OverflowError.
pub fn to_f64(vm: &mut Vm, v: &Value) -> R<f64> {
    match vm.as_i64(v) {
        Some(i) => Ok(i as f64),
        None => match big(vm, v)?.to_f64() {
            Some(f) => Ok(f),
            None => Err(vm.overflow_error("int too large to convert to float")),
        },
    }
}

fn int_neg(vm: &mut Vm, a: &[Value]) -> R {
    let b = big(vm, &a[0])?;
    Ok(vm.big_int(-&b))
}

fn int_abs(vm: &mut Vm, a: &[Value]) -> R {
    let b = big(vm, &a[0])?;
    Ok(vm.big_int(b.abs()))
}

fn int_invert(vm: &mut Vm, a: &[Value]) -> R {
    let b = big(vm, &a[0])?;
    Ok(vm.big_int(!&b))
}

fn arith(vm: &mut Vm, a: &[Value], op: Op) -> R {
    if !vm.is_int(&a[0]) || !vm.is_int(&a[1]) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    compute(vm, &a[0], &a[1], op)
}

fn reflected(vm: &mut Vm, a: &[Value], op: Op) -> R {
    if !vm.is_int(&a[0]) || !vm.is_int(&a[1]) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    compute(vm, &a[1], &a[0], op)
}

fn compute(vm: &mut Vm, x: &Value, y: &Value, op: Op) -> R {
    if let (Some(x), Some(y)) = (vm.as_i64(x), vm.as_i64(y))
        && let Some(v) = compute_small(vm, x, y, op)
    {
        return v;
    }
    let (x, y) = (big(vm, x)?, big(vm, y)?);
    compute_big(vm, &x, &y, op)
}

/// On machine words; `None` when the result does not fit.
fn compute_small(vm: &mut Vm, x: i64, y: i64, op: Op) -> Option<R> {
    let v = match op {
        Op::Add => x.checked_add(y)?,
        Op::Sub => x.checked_sub(y)?,
        Op::Mul => x.checked_mul(y)?,
        Op::And => x & y,
        Op::Or => x | y,
        Op::Xor => x ^ y,
        Op::FloorDiv | Op::Mod | Op::DivMod if y == 0 => return Some(Err(division_by_zero(vm))),
        Op::FloorDiv => floor_div(x, y)?,
        Op::Mod => floor_mod(x, y)?,
        Op::DivMod => {
            let (q, r) = (vm.int(floor_div(x, y)?), vm.int(floor_mod(x, y)?));
            return Some(Ok(vm.pair([q, r])));
        }
        Op::TrueDiv => {
            const EXACT: u64 = 1 << 53;
            if y == 0 || x.unsigned_abs() > EXACT || y.unsigned_abs() > EXACT {
                return None;
            }
            return Some(Ok(vm.float(x as f64 / y as f64)));
        }
        Op::RShift if y >= 0 => x >> y.min(63),
        Op::LShift if (0..62).contains(&y) => {
            let v = x.checked_shl(y as u32)?;
            if v >> y != x {
                return None;
            }
            v
        }
        Op::LShift if x == 0 && y > 0 => 0,
        Op::LShift | Op::RShift => {
            if y < 0 {
                return Some(Err(vm.value_error("negative shift count")));
            }
            return None;
        }
    };
    Some(Ok(vm.int(v)))
}

fn floor_div(x: i64, y: i64) -> Option<i64> {
    let q = x.checked_div(y)?;
    Some(if x % y != 0 && (x < 0) != (y < 0) { q - 1 } else { q })
}

fn floor_mod(x: i64, y: i64) -> Option<i64> {
    let m = x.checked_rem(y)?;
    Some(if m != 0 && (m < 0) != (y < 0) { m + y } else { m })
}

fn division_by_zero(vm: &mut Vm) -> crate::vm::exception::Raised {
    vm.zero_division_error("division by zero")
}

fn compute_big(vm: &mut Vm, x: &BigInt, y: &BigInt, op: Op) -> R {
    // Work grows with the product of the lengths.
    let (wx, wy) = (x.bit_length() / 64 + 1, y.bit_length() / 64 + 1);
    let v = match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => {
            vm.check_alloc((x.mul_bits(y) / 8) as usize)?;
            vm.tick((wx.saturating_mul(wy) / 64).min(1 << 30) as usize)?;
            x * y
        }
        Op::And => x & y,
        Op::Or => x | y,
        Op::Xor => x ^ y,
        Op::FloorDiv | Op::Mod | Op::DivMod => {
            vm.tick((wx.saturating_mul(wy) / 64).min(1 << 30) as usize)?;
            let Some((q, r)) = x.divmod(y) else { return Err(division_by_zero(vm)) };
            match op {
                Op::FloorDiv => q,
                Op::Mod => r,
                _ => {
                    let (q, r) = (vm.big_int(q), vm.big_int(r));
                    return Ok(vm.pair([q, r]));
                }
            }
        }
        Op::TrueDiv => {
            if y.is_zero() {
                return Err(division_by_zero(vm));
            }
            return match x.true_div(y) {
                Some(f) => Ok(vm.float(f)),
                None => Err(vm.overflow_error("integer division result too large for a float")),
            };
        }
        Op::LShift | Op::RShift => {
            if y.is_negative() {
                return Err(vm.value_error("negative shift count"));
            }
            let by = y.to_u64();
            if op == Op::RShift {
                match by {
                    Some(by) => x.shr(by),
                    None if x.is_negative() => BigInt::from_i64(-1),
                    None => BigInt::ZERO,
                }
            } else if x.is_zero() {
                BigInt::ZERO
            } else {
                let Some(by) = by else { return Err(vm.overflow_error("too many digits in integer")) };
                vm.check_alloc((x.shl_bits(by) / 8).min(usize::MAX as u64) as usize)?;
                match x.shl(by) {
                    Some(v) => v,
                    None => return Err(vm.memory_error("")),
                }
            }
        }
    };
    Ok(vm.big_int(v))
}

fn int_pow(vm: &mut Vm, a: &[Value]) -> R {
    power(vm, &a[0], &a[1], arg(a, 2))
}

fn int_rpow(vm: &mut Vm, a: &[Value]) -> R {
    power(vm, &a[1], &a[0], arg(a, 2))
}

fn power(vm: &mut Vm, x: &Value, y: &Value, modulus: Option<&Value>) -> R {
    if !vm.is_int(x) || !vm.is_int(y) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    if let Some(m) = modulus.filter(|m| !m.is_none()) {
        if !vm.is_int(m) {
            return Ok(Value::NOT_IMPLEMENTED);
        }
        return power_mod(vm, x, y, m);
    }
    if let Some(e) = vm.as_i64(y) {
        if e < 0 {
            let (f, g) = (to_f64(vm, x)?, e as f64);
            if f == 0.0 {
                return Err(vm.zero_division_error("zero to a negative power"));
            }
            return Ok(vm.float(f.powf(g)));
        }
        if let (Some(b), Ok(e)) = (vm.as_i64(x), u32::try_from(e))
            && let Some(v) = b.checked_pow(e)
        {
            return Ok(vm.int(v));
        }
        let b = big(vm, x)?;
        let bits = b.pow_bits(e as u64);
        vm.check_alloc((bits / 8).min(usize::MAX as u64) as usize)?;
        let words = bits / 64;
        vm.tick((words.saturating_mul(words) / 256).min(1 << 30) as usize)?;
        return match b.pow(e as u64) {
            Some(v) => Ok(vm.big_int(v)),
            None => Err(vm.memory_error("")),
        };
    }
    let (b, e) = (big(vm, x)?, big(vm, y)?);
    if e.is_negative() {
        if b.is_zero() {
            return Err(vm.zero_division_error("zero to a negative power"));
        }
        let (f, g) = (to_f64(vm, x)?, to_f64(vm, y)?);
        return Ok(vm.float(f.powf(g)));
    }
    match b.to_i64() {
        Some(0) => Ok(Value::int32(0)),
        Some(1) => Ok(Value::int32(1)),
        Some(-1) => Ok(Value::int32(if e.is_even() { 1 } else { -1 })),
        _ => Err(vm.memory_error("")),
    }
}

fn power_mod(vm: &mut Vm, x: &Value, y: &Value, m: &Value) -> R {
    let (x, y, m) = (big(vm, x)?, big(vm, y)?, big(vm, m)?);
    if m.is_zero() {
        return Err(vm.value_error("pow() 3rd argument cannot be 0"));
    }
    let words = m.bit_length() / 64 + 1;
    vm.tick((words * words / 16).saturating_mul(y.bit_length()).min(1 << 30) as usize / 64)?;
    let modulus = m.abs();
    let (base, exponent) = if y.is_negative() {
        match x.mod_inverse(&modulus) {
            Some(i) => (i, -&y),
            None => return Err(vm.value_error("base is not invertible for the given modulus")),
        }
    } else {
        (x, y)
    };
    let Some(r) = base.pow_mod(&exponent, &modulus) else { return Err(vm.memory_error("")) };
    // The result has the modulus's sign.
    let r = if m.is_negative() && !r.is_zero() { &r + &m } else { r };
    Ok(vm.big_int(r))
}

fn int_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    if !vm.is_int(&a[0]) || !vm.is_int(&a[1]) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let order = match (vm.as_i64(&a[0]), vm.as_i64(&a[1])) {
        (Some(x), Some(y)) => x.cmp(&y),
        _ => big(vm, &a[0])?.cmp(&big(vm, &a[1])?),
    };
    Ok(Value::bool(op.holds(order)))
}

fn int_format(vm: &mut Vm, a: &[Value]) -> R {
    let Some(spec) = a[1].cast::<Str>().cloned() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("__format__() argument must be str, not {got}")));
    };
    if spec.get(vm).byte_len() == 0 {
        return Ok(vm.str(&a[0])?.into());
    }
    check_spec(vm, spec.value())?;
    let max = vm.state::<MaxStrDigits>().0;
    let type_name = vm.class_name(&a[0]);
    let result = match vm.as_i64(&a[0]) {
        Some(i) => {
            vm.written(|_, out| format_spec::write_int(out, FormatInt::Small(i), spec.pinned(), &type_name, max))
        }
        None => {
            let b = big(vm, &a[0])?;
            vm.tick_digits(b.bit_length())?;
            vm.written(|_, out| format_spec::write_int(out, FormatInt::Big(&b), spec.pinned(), &type_name, max))
        }
    };
    result.map(Ref::into_value).map_err(|e| vm.text_error(e))
}

fn int_round(vm: &mut Vm, a: &[Value]) -> R {
    let Some(digits) = arg(a, 1).filter(|v| !v.is_none()) else { return plain(vm, &a[0]) };
    let digits = vm.index(digits)?;
    let n = vm.as_i64(&digits).unwrap_or(if big(vm, &digits)?.is_negative() { i64::MIN } else { i64::MAX });
    if n >= 0 {
        return plain(vm, &a[0]);
    }
    let x = big(vm, &a[0])?;
    let places = n.unsigned_abs();
    // Beyond the number's own length the result is 0 (or rounds to it).
    if places > x.bit_length() / 3 + 2 {
        return Ok(Value::int32(0));
    }
    let Some(unit) = BigInt::from_i64(10).pow(places) else { return Err(vm.memory_error("")) };
    let Some((q, r)) = x.divmod(&unit) else { return plain(vm, &a[0]) };
    let twice = &r + &r;
    let up = match twice.cmp(&unit) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => !q.is_even(),
        std::cmp::Ordering::Less => false,
    };
    let q = if up { &q + 1 } else { q };
    Ok(vm.big_int(&q * &unit))
}

fn int_getnewargs(vm: &mut Vm, a: &[Value]) -> R {
    let v = plain(vm, &a[0])?;
    Ok(vm.tuple(vec![v]).into())
}

fn int_sizeof(vm: &mut Vm, a: &[Value]) -> R {
    let bits = big(vm, &a[0])?.bit_length();
    Ok(vm.int(24 + 4 * (bits.div_ceil(30).max(1) as i64)))
}

fn int_bit_length(vm: &mut Vm, a: &[Value]) -> R {
    let n = match vm.as_i64(&a[0]) {
        Some(i) => u64::from(64 - i.unsigned_abs().leading_zeros()),
        None => big(vm, &a[0])?.bit_length(),
    };
    Ok(vm.int_from(n))
}

fn int_bit_count(vm: &mut Vm, a: &[Value]) -> R {
    let n = match vm.as_i64(&a[0]) {
        Some(i) => u64::from(i.unsigned_abs().count_ones()),
        None => big(vm, &a[0])?.bit_count(),
    };
    Ok(vm.int_from(n))
}

fn int_ratio(vm: &mut Vm, a: &[Value]) -> R {
    let v = plain(vm, &a[0])?;
    Ok(vm.pair([v, Value::int32(1)]))
}

fn byte_order(vm: &mut Vm, v: Option<&Value>) -> R<bool> {
    let Some(v) = v else { return Ok(false) };
    if !v.is_a::<Str>() {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("argument 'byteorder' must be str, not {got}")));
    }
    match vm.str_of(v).as_str() {
        "little" => Ok(true),
        "big" => Ok(false),
        _ => Err(vm.value_error("byteorder must be either 'little' or 'big'")),
    }
}

fn int_to_bytes(vm: &mut Vm, a: &[Value]) -> R {
    let length = match arg(a, 1) {
        Some(v) => vm.index_i64(v)?,
        None => 1,
    };
    let little = byte_order(vm, arg(a, 2))?;
    let signed = match arg(a, 3) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    let Ok(length) = usize::try_from(length) else {
        return Err(vm.value_error("length argument must be non-negative"));
    };
    vm.check_alloc(length)?;
    match big(vm, &a[0])?.to_bytes(length, little, signed) {
        Ok(bytes) => Ok(vm.new_bytes(&bytes).into()),
        Err(e) => Err(vm.overflow_error(e.message())),
    }
}

fn int_from_bytes(vm: &mut Vm, a: &[Value]) -> R {
    let little = byte_order(vm, arg(a, 2))?;
    let signed = match arg(a, 3) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    let bytes = match crate::objects::bytes::read_buffer(vm, &a[1])? {
        Some(bytes) => bytes,
        None if a[1].is_a::<Str>() || !vm.is_iterable(&a[1]) => {
            let got = vm.class_name(&a[1]);
            return Err(vm.type_error(format!("cannot convert '{got}' object to bytes")));
        }
        None => crate::objects::bytes::bytes_of_iterable(vm, &a[1], "bytes")?,
    };
    let value = vm.big_int(BigInt::from_bytes(&bytes, little, signed));
    let cls: Ref<Class> = vm.class_arg(&a[0])?;
    if cls.is(&vm.types.int) { Ok(value) } else { vm.call(&a[0], &[value]) }
}

// ---- bool ----

fn bool_new(vm: &mut Vm, a: &[Value]) -> R {
    match arg(a, 1) {
        Some(v) => Ok(Value::bool(vm.truth(v)?)),
        None => Ok(Value::FALSE),
    }
}

fn bool_repr(vm: &mut Vm, a: &[Value]) -> R {
    Ok(vm.intern(if a[0].is_true() { "True" } else { "False" }).into())
}

fn bool_op(vm: &mut Vm, a: &[Value], op: Op) -> R {
    match (a[0].as_bool(), a[1].as_bool()) {
        (Some(x), Some(y)) => Ok(Value::bool(match op {
            Op::And => x & y,
            Op::Or => x | y,
            _ => x ^ y,
        })),
        _ => arith(vm, a, op),
    }
}

fn bool_invert(vm: &mut Vm, a: &[Value]) -> R {
    let category = vm.exc.DeprecationWarning.clone();
    vm.warn(
        &category,
        "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the bitwise \
         inversion of the underlying int object and is usually not what you expect from negating a bool. \
         Use the 'not' operator for boolean negation or ~int(x) if you really want the bitwise inversion of the \
         underlying int.",
        1,
    )?;
    let b = big(vm, &a[0])?;
    Ok(vm.big_int(!&b))
}
