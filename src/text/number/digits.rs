//! Digits of machine words, without allocation.
//!
//! Here is what formatting does most often; integers of any size and the limits on their length are in `int_text`.

/// The decimal numbers from 00 to 99.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// As many as a sign and the binary digits of a word need.
const ROOM: usize = 65;

/// The digits of one integer, a minus sign in front if it is negative. Invariant: they are ASCII.
#[derive(Clone, Debug)]
pub struct Digits<const N: usize = 20> {
    buffer: [u8; N],
    start: usize,
}

impl<const N: usize> Digits<N> {
    /// The text.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    #[inline(always)]
    fn put(&mut self, byte: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(place) = self.buffer.get_mut(self.start) {
            *place = byte;
        }
    }
}

impl Digits<20> {
    /// In decimal.
    #[inline]
    pub fn decimal(n: i64) -> Digits<20> {
        let mut digits = Digits::unsigned(n.unsigned_abs());
        if n < 0 {
            digits.put(b'-');
        }
        digits
    }

    /// In decimal, without a sign.
    #[inline]
    pub fn unsigned(n: u64) -> Digits<20> {
        let mut digits = Digits { buffer: [0; 20], start: 20 };
        let mut rest = n;
        while rest >= 100 {
            let at = (rest % 100) as usize * 2;
            rest /= 100;
            digits.put(PAIRS[at + 1]);
            digits.put(PAIRS[at]);
        }
        if rest >= 10 {
            let at = rest as usize * 2;
            digits.put(PAIRS[at + 1]);
            digits.put(PAIRS[at]);
        } else {
            digits.put(b'0' + rest as u8);
        }
        digits
    }
}

impl Digits<ROOM> {
    /// In base 2, 8 or 16 (`1 << bits`).
    pub fn power_radix(n: i64, bits: u32) -> Digits<ROOM> {
        let mut digits = Digits { buffer: [0; ROOM], start: ROOM };
        let mut rest = n.unsigned_abs();
        loop {
            let digit = (rest & ((1 << bits) - 1)) as u8;
            digits.put(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
            rest >>= bits;
            if rest == 0 {
                break;
            }
        }
        if n < 0 {
            digits.put(b'-');
        }
        digits
    }
}

/// How many characters [`Digits::decimal`] gives.
#[inline]
pub fn decimal_len(n: i64) -> usize {
    let digits = n.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(n < 0)
}

/// Appends an integer in decimal.
#[inline]
pub fn push_decimal(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(Digits::decimal(n).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for n in [0, 1, -1, 9, 10, 99, 100, -100, 101, 12345, -987_654_321, i64::MAX, i64::MIN] {
            assert_eq!(Digits::decimal(n).as_bytes(), n.to_string().as_bytes());
            assert_eq!(decimal_len(n), n.to_string().len());
            let sign = if n < 0 { "-" } else { "" };
            let m = n.unsigned_abs();
            assert_eq!(Digits::power_radix(n, 4).as_bytes(), format!("{sign}{m:x}").as_bytes());
            assert_eq!(Digits::power_radix(n, 3).as_bytes(), format!("{sign}{m:o}").as_bytes());
            assert_eq!(Digits::power_radix(n, 1).as_bytes(), format!("{sign}{m:b}").as_bytes());
        }
        assert_eq!(Digits::unsigned(u64::MAX).as_bytes(), u64::MAX.to_string().as_bytes());
    }
}
