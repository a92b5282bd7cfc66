//! Hashes of values: keyed ones of text and bytes, Python's rules for numbers, and how the
//! hashes of a tuple's or frozen set's items are put together.
//!
//! Numeric hashes and the combinations are CPython's to the bit, so that equal numbers of
//! different types hash alike. Text hashes differ from CPython's and from interpreter to
//! interpreter. Invariant: no hash is -1, which callers may use for "not computed yet".

use crate::bigint::{BigInt, HASH_MODULUS};
use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// The hash of positive infinity.
pub const HASH_INF: i64 = 314159;
/// What the imaginary part counts for.
const HASH_IMAGINARY: u64 = 1000003;

/// The key of an interpreter's text hashes.
///
/// rapidhash takes 4 ns for a short text where SipHash-1-3 takes 10, and its multipliers are
/// secret too; it makes collisions hard to prepare but is no cryptographic guarantee.
#[derive(Clone, Debug)]
pub struct HashKey(RapidSecrets);

impl HashKey {
    /// A key from a seed, as `PYTHONHASHSEED` gives or the system's random source.
    pub fn new(seed: u64) -> Self {
        HashKey(RapidSecrets::seed(seed))
    }

    /// The hash of a text or of bytes; equal bytes hash alike whichever they are.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> i64 {
        if bytes.is_empty() {
            return 0;
        }
        no_minus_one(rapidhash_v3_seeded(bytes, &self.0) as i64)
    }
}

#[inline]
fn no_minus_one(hash: i64) -> i64 {
    if hash == -1 { -2 } else { hash }
}

/// The hash of a small integer.
#[inline]
pub fn hash_i64(n: i64) -> i64 {
    if n.unsigned_abs() < HASH_MODULUS {
        return no_minus_one(n);
    }
    let rest = (n.unsigned_abs() % HASH_MODULUS) as i64;
    no_minus_one(if n < 0 { -rest } else { rest })
}

/// The hash of a large integer.
pub fn hash_big(n: &BigInt) -> i64 {
    n.hash()
}

/// The hash of a double; NaN hashes by the object's identity, which the caller supplies.
pub fn hash_f64(x: f64, identity: i64) -> i64 {
    if x.is_nan() {
        return no_minus_one(identity);
    }
    if x.is_infinite() {
        return if x > 0.0 { HASH_INF } else { -HASH_INF };
    }
    if x == 0.0 {
        return 0;
    }
    let bits = x.to_bits();
    let field = ((bits >> 52) & 0x7FF) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if field == 0 { (fraction, -1074) } else { (fraction | (1 << 52), field - 1075) };
    // Multiplying by a power of two rotates the 61 bits.
    let turn = exponent.rem_euclid(61) as u32;
    let rest = ((mantissa << turn) & HASH_MODULUS) | high_bits(mantissa, turn);
    let rest = if rest == HASH_MODULUS { 0 } else { rest as i64 };
    no_minus_one(if x < 0.0 { -rest } else { rest })
}

/// The bits that a rotation of 61 bits carries round.
fn high_bits(mantissa: u64, turn: u32) -> u64 {
    if turn == 0 { 0 } else { mantissa >> (61 - turn) }
}

/// The hash of a complex number.
pub fn hash_complex(re: f64, im: f64, identity: i64) -> i64 {
    let (re, im) = (hash_f64(re, identity) as u64, hash_f64(im, identity) as u64);
    no_minus_one(re.wrapping_add(HASH_IMAGINARY.wrapping_mul(im)) as i64)
}

/// The hash of an address or a serial number of an object, its low bits being alike for all.
pub fn hash_identity(address: u64) -> i64 {
    no_minus_one(address.rotate_right(4) as i64)
}

/// The hash of a fraction `numerator / denominator`: `None` if the denominator is a multiple of
/// the modulus (the hash is then that of infinity).
pub fn hash_inverse(denominator_hash: u64) -> Option<u64> {
    if denominator_hash.is_multiple_of(HASH_MODULUS) {
        return None;
    }
    // Fermat: the inverse is the power to the modulus minus two.
    let modulus = u128::from(HASH_MODULUS);
    let (mut base, mut exponent, mut result) = (u128::from(denominator_hash) % modulus, HASH_MODULUS - 2, 1u128);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        exponent >>= 1;
    }
    Some(result as u64)
}

/// Puts the hashes of a tuple's items together (xxHash's rounds).
#[derive(Clone, Copy, Debug)]
pub struct TupleHasher {
    acc: u64,
    count: u64,
}

const PRIME_1: u64 = 11400714785074694791;
const PRIME_2: u64 = 14029467366897019727;
const PRIME_5: u64 = 2870177450012600261;

impl Default for TupleHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl TupleHasher {
    /// The hasher of an empty tuple.
    pub fn new() -> Self {
        TupleHasher { acc: PRIME_5, count: 0 }
    }

    /// Adds the next item's hash.
    #[inline]
    pub fn add(&mut self, item: i64) {
        self.acc = self.acc.wrapping_add((item as u64).wrapping_mul(PRIME_2)).rotate_left(31).wrapping_mul(PRIME_1);
        self.count += 1;
    }

    /// The tuple's hash.
    pub fn finish(self) -> i64 {
        let acc = self.acc.wrapping_add(self.count ^ (PRIME_5 ^ 3527539));
        if acc == u64::MAX { 1546275796 } else { acc as i64 }
    }
}

/// The hash of a tuple, from its items' hashes.
pub fn hash_tuple(items: impl IntoIterator<Item = i64>) -> i64 {
    let mut hasher = TupleHasher::new();
    items.into_iter().for_each(|item| hasher.add(item));
    hasher.finish()
}

/// The hash of a frozen set, from its items' hashes in any order.
pub fn hash_frozenset(items: impl IntoIterator<Item = i64>) -> i64 {
    let (mut hash, mut count) = (0u64, 0u64);
    for item in items {
        let h = item as u64;
        hash ^= ((h ^ 89869747) ^ (h << 16)).wrapping_mul(3644798167);
        count += 1;
    }
    hash ^= count.wrapping_add(1).wrapping_mul(1927868237);
    hash ^= (hash >> 11) ^ (hash >> 25);
    hash = hash.wrapping_mul(69069).wrapping_add(907133923);
    if hash == u64::MAX { 590923713 } else { hash as i64 }
}

// ---- checksums ----

const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let (mut crc, mut bit) = (i as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// CRC-32 as in zip files, going on from an earlier one (0 at the start).
pub fn crc32(start: u32, data: &[u8]) -> u32 {
    !data.iter().fold(!start, |crc, &b| CRC32[usize::from(crc as u8 ^ b)] ^ (crc >> 8))
}

/// CRC-CCITT as in BinHex files, going on from an earlier one.
pub fn crc_hqx(start: u16, data: &[u8]) -> u16 {
    data.iter().fold(start, |crc, &b| {
        (0..8).fold(crc ^ (u16::from(b) << 8), |c, _| if c & 0x8000 != 0 { c << 1 ^ 0x1021 } else { c << 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (n, hash) in [(0, 0), (-1, -2), (1 << 61, 1), ((1 << 61) - 1, 0), (i64::MIN, -4), (-5, -5)] {
            assert_eq!(hash_i64(n), hash);
            assert_eq!(hash_big(&BigInt::from_i64(n)), hash);
        }
        for (x, hash) in [
            (1.0, 1),
            (-1.0, -2),
            (0.5, 1152921504606846976),
            (0.1, 230584300921369408),
            (-1.5, -1152921504606846977),
            (1e300, 1224995262755759164),
            (5e-324, 16777216),
            (f64::INFINITY, 314159),
            (f64::NEG_INFINITY, -314159),
        ] {
            assert_eq!(hash_f64(x, 0), hash, "{x}");
        }
        assert_eq!(hash_f64(f64::NAN, 77), 77);
        assert_eq!(hash_complex(1.0, 2.0, 0), 2000007);
        assert_eq!(hash_inverse(2), Some(1152921504606846976));
        assert_eq!(hash_inverse(HASH_MODULUS), None);
    }

    #[test]
    fn combinations() {
        assert_eq!(hash_tuple([]), 5740354900026072187);
        assert_eq!(hash_tuple([1, 2, 3]), 529344067295497451);
        assert_eq!(hash_frozenset([]), 133146708735736);
        assert_eq!(hash_frozenset([1, 2, 3]), -272375401224217160);
    }

    #[test]
    fn texts_depend_on_the_key() {
        let (a, b) = (HashKey::new(1), HashKey::new(2));
        assert_eq!(a.hash(b"spam"), HashKey::new(1).hash(b"spam"));
        assert_ne!(a.hash(b"spam"), b.hash(b"spam"));
        assert_eq!(a.hash(b""), 0);
    }
}
