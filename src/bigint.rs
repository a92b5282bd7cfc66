//! Integers of any size: a small facade over `dashu-int`, the only place that names the crate.
//!
//! Chosen by measurement against num-bigint and ibig: 2,000 digits of pi in 70 ms (234, 54),
//! a million 30-digit additions in 14 ms (40, 50), remainders in 8 ms (45, 26); products and
//! decimal conversion of 10,000 digits are alike in all three.
//!
//! Values here need not be outside the range of small ints; which of the two forms a script's
//! int takes is decided elsewhere. Memory is not limited here: whoever powers, shifts or
//! multiplies asks `pow_bits`, `shl_bits` or `mul_bits` first, and results beyond `MAX_BITS`
//! are refused with `None`. Invariant: no function panics, whatever the operands.

use std::cmp::Ordering;
use std::fmt;

use dashu_int::fast_div::ConstDivisor;
use dashu_int::ops::{BitTest, DivRem, Gcd, SquareRoot};
use dashu_int::{IBig, Sign, UBig};

/// No result of more bits than this is ever computed (two gigabytes).
pub const MAX_BITS: u64 = 1 << 34;

/// The modulus of numeric hashes, a Mersenne prime.
pub const HASH_MODULUS: u64 = (1 << 61) - 1;

/// An integer of any size.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct BigInt(IBig);

/// Why an integer does not fit the bytes asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToBytesError {
    /// More bytes are needed: `OverflowError: int too big to convert`.
    TooBig,
    /// `OverflowError: can't convert negative int to unsigned`.
    NegativeToUnsigned,
}

impl ToBytesError {
    /// The text of the `OverflowError`.
    pub fn message(self) -> &'static str {
        match self {
            ToBytesError::TooBig => "int too big to convert",
            ToBytesError::NegativeToUnsigned => "can't convert negative int to unsigned",
        }
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! conversions {
    ($($t:ty),*) => { $(
        impl From<$t> for BigInt {
            fn from(n: $t) -> Self {
                BigInt(IBig::from(n))
            }
        }
    )* };
}
conversions!(i32, u32, i64, u64, i128, u128, usize, isize);

macro_rules! operators {
    ($($trait:ident $method:ident),*) => { $(
        impl std::ops::$trait<&BigInt> for &BigInt {
            type Output = BigInt;
            #[inline]
            fn $method(self, other: &BigInt) -> BigInt {
                BigInt(std::ops::$trait::$method(&self.0, &other.0))
            }
        }
        impl std::ops::$trait<i64> for &BigInt {
            type Output = BigInt;
            #[inline]
            fn $method(self, other: i64) -> BigInt {
                BigInt(std::ops::$trait::$method(&self.0, &IBig::from(other)))
            }
        }
    )* };
}
operators!(Add add, Sub sub, Mul mul, BitAnd bitand, BitOr bitor, BitXor bitxor);

impl std::ops::Neg for &BigInt {
    type Output = BigInt;
    fn neg(self) -> BigInt {
        BigInt(-&self.0)
    }
}

impl std::ops::Not for &BigInt {
    type Output = BigInt;
    fn not(self) -> BigInt {
        BigInt(!&self.0)
    }
}

impl BigInt {
    /// The integer zero.
    pub const ZERO: BigInt = BigInt(IBig::ZERO);

    /// An integer from a machine word.
    pub fn from_i64(n: i64) -> Self {
        BigInt(IBig::from(n))
    }

    /// The value, if it fits 64 signed bits.
    #[inline]
    pub fn to_i64(&self) -> Option<i64> {
        i64::try_from(&self.0).ok()
    }

    /// The value, if it fits 64 unsigned bits.
    pub fn to_u64(&self) -> Option<u64> {
        u64::try_from(&self.0).ok()
    }

    /// The value, if it fits 128 signed bits.
    pub fn to_i128(&self) -> Option<i128> {
        i128::try_from(&self.0).ok()
    }

    /// The value modulo 2^64, as C's conversion to an unsigned type does.
    pub fn low_u64(&self) -> u64 {
        let (sign, words) = self.0.as_sign_words();
        let low = words.first().map_or(0, |&w| w);
        if sign == Sign::Negative { low.wrapping_neg() } else { low }
    }

    /// Parses digits of the radix (2 to 36), with an optional sign and nothing else.
    pub fn parse(digits: &str, radix: u32) -> Option<Self> {
        if !(2..=36).contains(&radix) || digits.bytes().any(|b| b == b'_') {
            return None;
        }
        IBig::from_str_radix(digits, radix).ok().map(BigInt)
    }

    /// The digits in the radix (2 to 36), lowercase, with a minus sign if negative.
    pub fn to_string_radix(&self, radix: u32) -> String {
        match radix {
            10 => self.0.to_string(),
            2..=36 => self.0.in_radix(radix as u8).to_string(),
            _ => String::new(),
        }
    }

    /// Whether the value is below zero.
    #[inline]
    pub fn is_negative(&self) -> bool {
        self.0.sign() == Sign::Negative
    }

    /// Whether the value is zero.
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether the lowest bit is unset.
    pub fn is_even(&self) -> bool {
        self.low_u64() & 1 == 0
    }

    /// The value without its sign.
    pub fn abs(&self) -> BigInt {
        if self.is_negative() { -self } else { self.clone() }
    }

    fn magnitude(&self) -> UBig {
        self.0.clone().into_parts().1
    }

    fn words(&self) -> &[u64] {
        self.0.as_sign_words().1
    }

    /// How many bytes of memory the value holds beside itself.
    pub fn heap_size(&self) -> usize {
        let words = self.words();
        if words.len() <= 2 { 0 } else { size_of_val(words) }
    }

    /// The number of bits of the magnitude, as `int.bit_length`.
    pub fn bit_length(&self) -> u64 {
        match self.words() {
            [] => 0,
            [lower @ .., top] => lower.len() as u64 * 64 + u64::from(64 - top.leading_zeros()),
        }
    }

    /// The number of ones in the magnitude, as `int.bit_count`.
    pub fn bit_count(&self) -> u64 {
        self.words().iter().map(|w| u64::from(w.count_ones())).sum()
    }

    /// The number of zero bits below the lowest one; `None` for zero.
    pub fn trailing_zeros(&self) -> Option<u64> {
        self.0.trailing_zeros().map(|n| n as u64)
    }

    /// Floor division and the remainder with the divisor's sign; `None` for a zero divisor.
    pub fn divmod(&self, divisor: &BigInt) -> Option<(BigInt, BigInt)> {
        if divisor.is_zero() {
            return None;
        }
        let (q, r) = (&self.0).div_rem(&divisor.0);
        if !r.is_zero() && (r.sign() != divisor.0.sign()) {
            Some((BigInt(q - IBig::ONE), BigInt(r + &divisor.0)))
        } else {
            Some((BigInt(q), BigInt(r)))
        }
    }

    /// Floor division; `None` for a zero divisor.
    pub fn floor_div(&self, divisor: &BigInt) -> Option<BigInt> {
        self.divmod(divisor).map(|(q, _)| q)
    }

    /// The remainder with the divisor's sign; `None` for a zero divisor.
    pub fn modulo(&self, divisor: &BigInt) -> Option<BigInt> {
        if divisor.is_zero() {
            return None;
        }
        let r = &self.0 % &divisor.0;
        if !r.is_zero() && (r.sign() != divisor.0.sign()) { Some(BigInt(r + &divisor.0)) } else { Some(BigInt(r)) }
    }

    /// At most how many bits a product has.
    pub fn mul_bits(&self, other: &BigInt) -> u64 {
        self.bit_length().saturating_add(other.bit_length())
    }

    /// At most how many bits the power has.
    pub fn pow_bits(&self, exponent: u64) -> u64 {
        self.bit_length().saturating_mul(exponent)
    }

    /// At most how many bits the value shifted left has.
    pub fn shl_bits(&self, by: u64) -> u64 {
        if self.is_zero() { 0 } else { self.bit_length().saturating_add(by) }
    }

    /// The power; `None` if it would exceed `MAX_BITS`.
    pub fn pow(&self, exponent: u64) -> Option<BigInt> {
        match self.to_i64() {
            Some(n @ (0 | 1)) => return Some(BigInt::from_i64(if exponent == 0 { 1 } else { n })),
            Some(-1) => return Some(BigInt::from_i64(if exponent.is_multiple_of(2) { 1 } else { -1 })),
            _ => {}
        }
        if self.pow_bits(exponent) > MAX_BITS {
            return None;
        }
        Some(BigInt(self.0.pow(usize::try_from(exponent).ok()?)))
    }

    /// `pow(self, exponent, modulus)` for a non-negative exponent, the result having the
    /// modulus's sign; `None` for a zero modulus or a negative exponent.
    pub fn pow_mod(&self, exponent: &BigInt, modulus: &BigInt) -> Option<BigInt> {
        if modulus.is_zero() || exponent.is_negative() {
            return None;
        }
        let divisor = modulus.magnitude();
        if divisor.is_one() {
            return Some(BigInt::ZERO);
        }
        // Reducing first by hand: the ring's own reduction asserts on some values of two words.
        let base = self.modulo(&BigInt(IBig::from(divisor.clone())))?.magnitude();
        let ring = ConstDivisor::new(divisor);
        let residue = ring.reduce(base).pow(&exponent.magnitude()).residue();
        BigInt(IBig::from(residue)).modulo(modulus)
    }

    /// The inverse modulo the modulus's magnitude, with the modulus's sign; `None` if there is none.
    pub fn mod_inverse(&self, modulus: &BigInt) -> Option<BigInt> {
        if modulus.is_zero() {
            return None;
        }
        let divisor = modulus.magnitude();
        if divisor.is_one() {
            return Some(BigInt::ZERO);
        }
        let base = self.modulo(&BigInt(IBig::from(divisor.clone())))?.magnitude();
        let ring = ConstDivisor::new(divisor);
        let residue = ring.reduce(base).inv()?.residue();
        BigInt(IBig::from(residue)).modulo(modulus)
    }

    /// The value shifted left; `None` if it would exceed `MAX_BITS`.
    pub fn shl(&self, by: u64) -> Option<BigInt> {
        if self.is_zero() {
            return Some(BigInt::ZERO);
        }
        if self.shl_bits(by) > MAX_BITS {
            return None;
        }
        Some(BigInt(&self.0 << usize::try_from(by).ok()?))
    }

    /// The value shifted right, rounding down.
    pub fn shr(&self, by: u64) -> BigInt {
        if by >= self.bit_length() {
            return BigInt::from_i64(if self.is_negative() { -1 } else { 0 });
        }
        BigInt(&self.0 >> usize::try_from(by).unwrap_or(usize::MAX))
    }

    /// The bit of the two's complement form.
    pub fn bit(&self, index: u64) -> bool {
        usize::try_from(index).map_or(self.is_negative(), |i| self.0.bit(i))
    }

    /// The greatest common divisor, never negative.
    pub fn gcd(&self, other: &BigInt) -> BigInt {
        match (self.is_zero(), other.is_zero()) {
            (true, _) => other.abs(),
            (_, true) => self.abs(),
            _ => BigInt(IBig::from((&self.0).gcd(&other.0))),
        }
    }

    /// The square root rounded down; `None` for negative values.
    pub fn isqrt(&self) -> Option<BigInt> {
        if self.is_negative() { None } else { Some(BigInt(IBig::from(self.magnitude().sqrt()))) }
    }

    /// The nearest double, halves to even; `None` if it overflows
    /// (`OverflowError: int too large to convert to float`).
    pub fn to_f64(&self) -> Option<f64> {
        let bits = self.bit_length();
        if bits > 1024 {
            return None;
        }
        let x = if bits <= 64 {
            self.words().first().map_or(0.0, |&w| w as f64)
        } else {
            // Keep 64 bits, the lowest made sticky, so that one rounding is left to do.
            let shift = bits - 64;
            let top = self.magnitude() >> shift as usize;
            let lost = self.trailing_zeros().is_some_and(|zeros| zeros < shift);
            let top = top.as_words().first().map_or(0, |&w| w) | u64::from(lost);
            scale(top as f64, shift as i32)
        };
        if x.is_infinite() { None } else { Some(if self.is_negative() { -x } else { x }) }
    }

    /// `self / divisor` correctly rounded; `None` if it overflows or the divisor is zero
    /// (`OverflowError: integer division result too large for a float`).
    pub fn true_div(&self, divisor: &BigInt) -> Option<f64> {
        if divisor.is_zero() {
            return None;
        }
        let negative = self.is_negative() != divisor.is_negative();
        if self.is_zero() {
            return Some(if negative { -0.0 } else { 0.0 });
        }
        let (a, b) = (self.magnitude(), divisor.magnitude());
        let difference = self.bit_length() as i64 - divisor.bit_length() as i64;
        if difference > 1025 {
            return None;
        }
        if difference < -1140 {
            return Some(if negative { -0.0 } else { 0.0 });
        }
        // The quotient gets at least 66 bits, or as many as a subnormal result can hold.
        let shift = (66 - difference).min(1140);
        let (q, r) =
            if shift >= 0 { (a << shift as usize).div_rem(b) } else { a.div_rem(b << shift.unsigned_abs() as usize) };
        let x = round_scaled(&q, !r.is_zero(), -shift);
        if x.is_infinite() { None } else { Some(if negative { -x } else { x }) }
    }

    /// The integer part of a double; `None` for infinities and NaN.
    pub fn from_f64(x: f64) -> Option<BigInt> {
        if !x.is_finite() {
            return None;
        }
        let bits = x.to_bits();
        let exponent = ((bits >> 52) & 0x7FF) as i64;
        if exponent < 1023 {
            return Some(BigInt::ZERO);
        }
        let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
        let shift = exponent - 1075;
        let magnitude =
            if shift >= 0 { UBig::from(mantissa) << shift as usize } else { UBig::from(mantissa >> -shift) };
        let sign = if x < 0.0 { Sign::Negative } else { Sign::Positive };
        Some(BigInt(IBig::from_parts(sign, magnitude)))
    }

    /// Compares with a double exactly; `None` for NaN.
    pub fn cmp_f64(&self, x: f64) -> Option<Ordering> {
        if x.is_nan() {
            return None;
        }
        let Some(whole) = BigInt::from_f64(x) else {
            return Some(if x > 0.0 { Ordering::Less } else { Ordering::Greater });
        };
        Some(self.cmp(&whole).then_with(|| 0.0f64.partial_cmp(&x.fract()).unwrap_or(Ordering::Equal)))
    }

    /// Python's hash of the integer.
    pub fn hash(&self) -> i64 {
        // 2^64 is 8 modulo 2^61 - 1.
        let modulus = u128::from(HASH_MODULUS);
        let rest = self.words().iter().rev().fold(0u128, |h, &w| (h * 8 + u128::from(w)) % modulus);
        match (rest as i64, self.is_negative()) {
            (1, true) => -2,
            (h, true) => -h,
            (h, false) => h,
        }
    }

    /// The two's complement (or unsigned) bytes, `length` of them.
    ///
    /// # Errors
    /// If the value needs more bytes, or is negative and `signed` is false.
    pub fn to_bytes(&self, length: usize, little: bool, signed: bool) -> Result<Vec<u8>, ToBytesError> {
        if self.is_negative() && !signed {
            return Err(ToBytesError::NegativeToUnsigned);
        }
        let magnitude = self.magnitude();
        let mut bytes = magnitude.to_le_bytes().into_vec();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        if bytes.len() > length {
            return Err(ToBytesError::TooBig);
        }
        bytes.resize(length, 0);
        if self.is_negative() {
            let mut carry = true;
            for b in &mut bytes {
                let (sum, over) = (!*b).overflowing_add(u8::from(carry));
                *b = sum;
                carry = over;
            }
        }
        let top_set = bytes.last().is_some_and(|b| b & 0x80 != 0);
        if signed && !self.is_zero() && top_set != self.is_negative() {
            return Err(ToBytesError::TooBig);
        }
        if !little {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// The integer that bytes stand for, as `int.from_bytes`.
    pub fn from_bytes(bytes: &[u8], little: bool, signed: bool) -> BigInt {
        let magnitude = if little { UBig::from_le_bytes(bytes) } else { UBig::from_be_bytes(bytes) };
        let top = if little { bytes.last() } else { bytes.first() };
        let value = IBig::from(magnitude);
        if signed && top.is_some_and(|b| b & 0x80 != 0) {
            BigInt(value - (IBig::ONE << (bytes.len() * 8)))
        } else {
            BigInt(value)
        }
    }

    /// The magnitude in 32-bit words, lowest first; empty for zero.
    pub fn to_u32_words(&self) -> Vec<u32> {
        let mut words: Vec<u32> = self.words().iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]).collect();
        while words.last() == Some(&0) {
            words.pop();
        }
        words
    }

    /// The non-negative integer with the given 32-bit words, lowest first.
    pub fn from_u32_words(words: &[u32]) -> BigInt {
        let wide: Vec<u64> =
            words.chunks(2).map(|pair| pair.iter().rev().fold(0u64, |acc, &w| (acc << 32) | u64::from(w))).collect();
        BigInt(IBig::from(UBig::from_words(&wide)))
    }
}

/// `x * 2^exponent` for results that are normal or overflow.
fn scale(x: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    x * 2f64.powi(half) * 2f64.powi(exponent - half)
}

/// `q * 2^exponent` rounded once, `sticky` telling that the true value is a little more.
fn round_scaled(q: &UBig, sticky: bool, exponent: i64) -> f64 {
    let bits = q.bit_len() as i64;
    // The place of the result's last bit: 53 bits kept, fewer where the result is subnormal.
    let last = (bits - 53 + exponent).max(-1074);
    let drop = last - exponent;
    if drop <= 0 {
        return q.as_words().first().map_or(0.0, |&w| w as f64) * 2f64.powi(exponent as i32);
    }
    let drop = drop as usize;
    let kept = q >> drop;
    let mut kept = kept.as_words().first().map_or(0, |&w| w);
    let half = q.bit(drop - 1);
    let below = sticky || q.trailing_zeros().is_some_and(|zeros| zeros < drop - 1);
    if half && (below || kept & 1 == 1) {
        kept += 1;
    }
    // `kept` is exact in a double, and its product with the power of two is representable.
    if last >= -1022 { scale(kept as f64, last as i32) } else { f64::from_bits(compose(kept, last)) }
}

/// The bits of `kept * 2^last` for a result near or below the smallest normal number.
fn compose(kept: u64, last: i64) -> u64 {
    // Below 2^52 at the last place -1074 this is a subnormal's bit pattern; a carry into bit 52
    // is the smallest normal number's pattern by itself. Larger places add to the exponent field.
    let field = (last + 1074) as u64;
    if kept < (1 << 52) { kept << field } else { ((field + 1) << 52) + (kept - (1 << 52)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn big(text: &str) -> BigInt {
        BigInt::parse(text, 10).unwrap()
    }

    #[test]
    fn floor_division_follows_the_divisors_sign() {
        for (a, b, q, r) in [(7, 2, 3, 1), (-7, 2, -4, 1), (7, -2, -4, -1), (-7, -2, 3, -1), (6, -3, -2, 0)] {
            let (q2, r2) = BigInt::from_i64(a).divmod(&BigInt::from_i64(b)).unwrap();
            assert_eq!((q2.to_i64(), r2.to_i64()), (Some(q), Some(r)));
            assert_eq!(BigInt::from_i64(a).modulo(&BigInt::from_i64(b)).unwrap().to_i64(), Some(r));
        }
        assert!(BigInt::from_i64(1).divmod(&BigInt::ZERO).is_none());
    }

    #[test]
    fn bits_behave_as_two_complement() {
        let a = big("-12345678901234567890123");
        assert_eq!((&a & 0xFFFF).to_i64(), Some(47925));
        assert_eq!(a.shr(70).to_i64(), Some(-11));
        assert_eq!(a.shr(1000).to_i64(), Some(-1));
        assert_eq!(a.bit_length(), 74);
        assert_eq!((!&a).to_string(), "12345678901234567890122");
        assert!(a.bit(5000));
        assert!(BigInt::from_i64(1).shl(u64::MAX).is_none());
    }

    #[test]
    fn doubles_round_half_to_even() {
        let two = BigInt::from_i64(2);
        let p53 = two.pow(53).unwrap();
        assert_eq!((&p53 + 1).to_f64(), Some(9007199254740992.0));
        assert_eq!((&p53 + 3).to_f64(), Some(9007199254740996.0));
        let p200 = two.pow(200).unwrap();
        assert_eq!((&p200 + 1).to_f64(), Some(2f64.powi(200)));
        assert_eq!((&two.pow(1024).unwrap() - 1).to_f64(), None);
        assert_eq!((&two.pow(1024).unwrap() - &two.pow(970).unwrap()).to_f64(), None);
        assert_eq!(big("-179769313486231570814527423731704356798070").to_f64(), Some(-1.797693134862316e41));
        assert_eq!(BigInt::from_f64(-1e30).unwrap().to_string(), "-1000000000000000019884624838656");
        assert_eq!(BigInt::from_f64(0.9).unwrap().to_i64(), Some(0));
        assert_eq!(big("9007199254740993").cmp_f64(9007199254740992.0), Some(Ordering::Greater));
        assert_eq!(BigInt::from_i64(-1).cmp_f64(-1.5), Some(Ordering::Greater));
    }

    #[test]
    fn true_division_is_correctly_rounded() {
        assert_eq!(big("1").true_div(&big("3")), Some(1.0 / 3.0));
        assert_eq!(big("123456789012345678901234567890").true_div(&big("-987654321")), Some(-1.249999988734375e20));
        let p = |n| BigInt::from_i64(2).pow(n).unwrap();
        assert_eq!(p(0).true_div(&p(1074)), Some(5e-324));
        assert_eq!(p(0).true_div(&p(1075)), Some(0.0));
        assert_eq!(big("3").true_div(&p(1075)), Some(1e-323));
        assert_eq!(p(1024).true_div(&big("1")), None);
        assert_eq!(p(2000).true_div(&p(2000)), Some(1.0));
        assert_eq!(p(0).true_div(&p(1022)), Some(f64::MIN_POSITIVE));
        let near = &p(53) - 1;
        assert_eq!(near.true_div(&p(1075)), Some(f64::MIN_POSITIVE));
    }

    #[test]
    fn hashes_are_pythons() {
        assert_eq!(big("2305843009213693951").hash(), 0);
        assert_eq!(big("-1").hash(), -2);
        assert_eq!(big("123456789012345678901234567890").hash(), 248789772095949448);
        assert_eq!(big("-123456789012345678901234567890").hash(), -248789772095949448);
    }

    #[test]
    fn bytes_round_trip() {
        for (n, len, signed) in [("-128", 1, true), ("255", 1, false), ("-129", 2, true), ("0", 0, true)] {
            for little in [false, true] {
                let bytes = big(n).to_bytes(len, little, signed).unwrap();
                assert_eq!(bytes.len(), len);
                assert_eq!(BigInt::from_bytes(&bytes, little, signed), big(n));
            }
        }
        assert_eq!(big("128").to_bytes(1, true, true), Err(ToBytesError::TooBig));
        assert_eq!(big("-129").to_bytes(1, true, true), Err(ToBytesError::TooBig));
        assert_eq!(big("-1").to_bytes(1, true, false), Err(ToBytesError::NegativeToUnsigned));
        assert_eq!(big("-1").to_bytes(0, true, true), Err(ToBytesError::TooBig));
        assert_eq!(BigInt::from_u32_words(&[1, 2, 3]).to_u32_words(), [1, 2, 3]);
    }

    #[test]
    fn modular_powers_take_the_moduluss_sign() {
        let p = |a: i64, e: i64, m: i64| {
            BigInt::from_i64(a).pow_mod(&BigInt::from_i64(e), &BigInt::from_i64(m)).and_then(|x| x.to_i64())
        };
        assert_eq!(p(3, 200, 13), Some(9));
        assert_eq!(p(3, 3, -5), Some(-3));
        assert_eq!(p(-3, 3, 5), Some(3));
        assert_eq!(p(5, 0, 1), Some(0));
        assert_eq!(BigInt::from_i64(3).mod_inverse(&BigInt::from_i64(11)).unwrap().to_i64(), Some(4));
        assert!(BigInt::from_i64(2).mod_inverse(&BigInt::from_i64(4)).is_none());
    }
}
