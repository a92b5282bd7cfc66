//! The Mersenne Twister of the `random` module, giving the same numbers as CPython for the same seed.

use crate::bigint::BigInt;

/// Words of state.
pub const STATE_WORDS: usize = 624;
const SHIFT_WORDS: usize = 397;

/// The generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MersenneTwister {
    words: Vec<u32>,
    /// The next word to give out; `STATE_WORDS` if new ones must be made first.
    next: usize,
}

impl MersenneTwister {
    fn from_word(seed: u32) -> Self {
        let mut words = Vec::with_capacity(STATE_WORDS);
        let mut word = seed;
        for i in 0..STATE_WORDS as u32 {
            if i > 0 {
                word = 1812433253u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(i);
            }
            words.push(word);
        }
        MersenneTwister { words, next: STATE_WORDS }
    }

    /// A generator seeded with words; none count as one zero.
    pub fn from_words(key: &[u32]) -> Self {
        let key = if key.is_empty() { &[0][..] } else { key };
        let mut mt = Self::from_word(19650218);
        let words = &mut mt.words;
        let (mut i, mut j) = (1, 0);
        for _ in 0..key.len().max(STATE_WORDS) {
            let last = words[i - 1];
            words[i] =
                (words[i] ^ (last ^ (last >> 30)).wrapping_mul(1664525)).wrapping_add(key[j]).wrapping_add(j as u32);
            j = (j + 1) % key.len();
            i = Self::step(words, i);
        }
        for _ in 0..STATE_WORDS - 1 {
            let last = words[i - 1];
            words[i] = (words[i] ^ (last ^ (last >> 30)).wrapping_mul(1566083941)).wrapping_sub(i as u32);
            i = Self::step(words, i);
        }
        words[0] = 0x8000_0000;
        mt
    }

    /// The place after `i`; at the end, the last word goes to the front.
    fn step(words: &mut [u32], i: usize) -> usize {
        if i + 1 < STATE_WORDS {
            return i + 1;
        }
        words[0] = words[STATE_WORDS - 1];
        1
    }

    /// A generator seeded with an integer, whose sign does not matter.
    pub fn from_int(seed: &BigInt) -> Self {
        Self::from_words(&seed.to_u32_words())
    }

    /// A generator seeded with a small integer.
    pub fn from_i64(seed: i64) -> Self {
        let n = seed.unsigned_abs();
        let words = [n as u32, (n >> 32) as u32];
        Self::from_words(if words[1] == 0 { &words[..1] } else { &words })
    }

    fn refill(&mut self) {
        for i in 0..STATE_WORDS {
            let following = self.words[(i + 1) % STATE_WORDS];
            let joined = (self.words[i] & 0x8000_0000) | (following & 0x7FFF_FFFF);
            let twist = if joined & 1 == 1 { 0x9908_B0DF } else { 0 };
            self.words[i] = self.words[(i + SHIFT_WORDS) % STATE_WORDS] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next >= STATE_WORDS {
            self.refill();
        }
        let mut y = self.words[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C_5680;
        y ^= (y << 15) & 0xEFC6_0000;
        y ^ (y >> 18)
    }

    /// `random()`: a double in [0, 1) with 53 random bits.
    pub fn random(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67108864.0 + f64::from(low)) / 9007199254740992.0
    }

    /// `getrandbits(k)` for at most 64 bits.
    pub fn bits_u64(&mut self, k: u32) -> u64 {
        match k {
            0 => 0,
            1..=32 => u64::from(self.next_u32() >> (32 - k)),
            _ => {
                let low = u64::from(self.next_u32());
                low | (u64::from(self.next_u32() >> (64 - k.min(64))) << 32)
            }
        }
    }

    /// `getrandbits(k)`. The caller has checked that so many bits are affordable.
    pub fn bits(&mut self, k: u64) -> BigInt {
        if k <= 64 {
            return BigInt::from(self.bits_u64(k as u32));
        }
        let mut words: Vec<u32> = (0..k / 32).map(|_| self.next_u32()).collect();
        let rest = (k % 32) as u32;
        if rest > 0 {
            words.push(self.next_u32() >> (32 - rest));
        }
        BigInt::from_u32_words(&words)
    }

    /// The state as `getstate` shows it: the words, then the index.
    pub fn state(&self) -> Vec<u32> {
        let mut state = self.words.clone();
        state.push(self.next as u32);
        state
    }

    /// A generator with the state; `None` if its length or index is wrong
    /// (`ValueError: state vector is the wrong size`, `ValueError: invalid state`).
    pub fn from_state(state: &[u32]) -> Option<Self> {
        let (&index, words) = state.split_last()?;
        let next = index as usize;
        (words.len() == STATE_WORDS && next <= STATE_WORDS).then(|| MersenneTwister { words: words.to_vec(), next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_numbers_as_cpython() {
        let mut mt = MersenneTwister::from_i64(42);
        assert_eq!(mt.random(), 0.6394267984578837);
        assert_eq!(mt.bits_u64(10), 25);
        assert_eq!(mt.bits(70).to_string(), "281774556622676705531");
        let mut again = MersenneTwister::from_state(&mt.state()).unwrap();
        assert_eq!(again.next_u32(), mt.next_u32());
        let seed = &BigInt::from_i64(2).pow(100).unwrap() + 7;
        assert_eq!(MersenneTwister::from_int(&seed).random(), 0.41604161323913513);
        assert_eq!(MersenneTwister::from_int(&-&seed).random(), 0.41604161323913513);
        assert_eq!(MersenneTwister::from_i64(0).random(), 0.8444218515250481);
        assert!(MersenneTwister::from_state(&[0; 624]).is_none());
    }
}
