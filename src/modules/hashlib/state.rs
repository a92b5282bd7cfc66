//! The hash algorithms behind one type: what has been read so far, and what comes out at the end.

use digest::{ExtendableOutput, Update, XofReader};
use sha1::digest;
use sha3::digest::Digest;

/// Declares the algorithms of fixed size, and everything that is done to all of them.
macro_rules! algorithms {
    ($($variant:ident: $kind:ty, $name:literal, $size:literal, $block:literal;)*) => {
        /// A hash being computed.
        #[derive(Clone)]
        pub enum State {
            $(#[doc = $name] $variant(Box<$kind>),)*
            /// `shake_128`
            Shake128(Box<sha3::Shake128>),
            /// `shake_256`
            Shake256(Box<sha3::Shake256>),
            /// `blake2b`
            Blake2b(Box<blake2b_simd::State>, usize),
            /// `blake2s`
            Blake2s(Box<blake2s_simd::State>, usize),
        }

        impl State {
            /// A fresh hash by its name in lower case; `None` when there is no such algorithm.
            pub fn named(name: &str) -> Option<State> {
                Some(match name {
                    $($name => State::$variant(Box::default()),)*
                    "shake_128" | "shake128" => State::Shake128(Box::default()),
                    "shake_256" | "shake256" => State::Shake256(Box::default()),
                    "blake2b" | "blake2b512" => State::Blake2b(Box::new(blake2b_simd::State::new()), 64),
                    "blake2s" | "blake2s256" => State::Blake2s(Box::new(blake2s_simd::State::new()), 32),
                    _ => return None,
                })
            }

            /// `hash.name`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(State::$variant(_) => $name,)*
                    State::Shake128(_) => "shake_128",
                    State::Shake256(_) => "shake_256",
                    State::Blake2b(..) => "blake2b",
                    State::Blake2s(..) => "blake2s",
                }
            }

            /// Bytes of the digest; 0 where the caller says how many.
            pub fn digest_size(&self) -> usize {
                match self {
                    $(State::$variant(_) => $size,)*
                    State::Shake128(_) | State::Shake256(_) => 0,
                    State::Blake2b(_, n) | State::Blake2s(_, n) => *n,
                }
            }

            /// Bytes that are worked on at once: HMAC's block.
            pub fn block_size(&self) -> usize {
                match self {
                    $(State::$variant(_) => $block,)*
                    State::Shake128(_) => 168,
                    State::Shake256(_) => 136,
                    State::Blake2b(..) => 128,
                    State::Blake2s(..) => 64,
                }
            }

            /// Reads more data.
            pub fn update(&mut self, data: &[u8]) {
                match self {
                    $(State::$variant(h) => Digest::update(h.as_mut(), data),)*
                    State::Shake128(h) => Update::update(h.as_mut(), data),
                    State::Shake256(h) => Update::update(h.as_mut(), data),
                    State::Blake2b(h, _) => { h.update(data); }
                    State::Blake2s(h, _) => { h.update(data); }
                }
            }

            /// The digest of what was read; `length` counts for the algorithms without a size of their own.
            pub fn digest(&self, length: usize) -> Vec<u8> {
                match self {
                    $(State::$variant(h) => Digest::finalize(h.as_ref().clone()).to_vec(),)*
                    State::Shake128(h) => stretch(h.as_ref().clone().finalize_xof(), length),
                    State::Shake256(h) => stretch(h.as_ref().clone().finalize_xof(), length),
                    State::Blake2b(h, _) => h.finalize().as_bytes().to_vec(),
                    State::Blake2s(h, _) => h.finalize().as_bytes().to_vec(),
                }
            }
        }
    };
}

algorithms! {
    Md5: md5::Md5, "md5", 16, 64;
    Sha1: sha1::Sha1, "sha1", 20, 64;
    Sha224: sha2::Sha224, "sha224", 28, 64;
    Sha256: sha2::Sha256, "sha256", 32, 64;
    Sha384: sha2::Sha384, "sha384", 48, 128;
    Sha512: sha2::Sha512, "sha512", 64, 128;
    Sha512With224: sha2::Sha512_224, "sha512_224", 28, 128;
    Sha512With256: sha2::Sha512_256, "sha512_256", 32, 128;
    Sha3With224: sha3::Sha3_224, "sha3_224", 28, 144;
    Sha3With256: sha3::Sha3_256, "sha3_256", 32, 136;
    Sha3With384: sha3::Sha3_384, "sha3_384", 48, 104;
    Sha3With512: sha3::Sha3_512, "sha3_512", 64, 72;
}

fn stretch(mut reader: impl XofReader, length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    reader.read(&mut out);
    out
}

/// Finds an algorithm by any of the spellings that scripts use.
pub fn find(name: &str) -> Option<State> {
    let name = name.to_ascii_lowercase();
    State::named(&name).or_else(|| State::named(&name.replace('-', "_"))).or_else(|| {
        // The names that other libraries print: `SHA2-256`, `RSA-SHA1`.
        let plain = name.strip_prefix("rsa-").or_else(|| name.strip_prefix("sha2-").map(|n| n.trim()))?;
        State::named(&if name.starts_with("sha2-") { format!("sha{plain}") } else { plain.to_owned() })
    })
}

/// A keyed hash (RFC 2104).
#[derive(Clone)]
pub struct Hmac {
    inner: State,
    outer: State,
}

impl Hmac {
    /// With an algorithm in its fresh state.
    pub fn new(fresh: &State, key: &[u8]) -> Hmac {
        let block = fresh.block_size();
        let mut padded = if key.len() > block {
            let mut h = fresh.clone();
            h.update(key);
            h.digest(fresh.digest_size())
        } else {
            key.to_vec()
        };
        padded.resize(block, 0);
        let keyed = |mask: u8| {
            let mut h = fresh.clone();
            h.update(&padded.iter().map(|b| b ^ mask).collect::<Vec<u8>>());
            h
        };
        Hmac { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// Reads more of the message.
    pub fn update(&mut self, data: &[u8]) {
        self.inner.update(data);
    }

    /// The code of what was read.
    pub fn digest(&self) -> Vec<u8> {
        let mut outer = self.outer.clone();
        outer.update(&self.inner.digest(0));
        outer.digest(0)
    }
}

/// The key that PBKDF2 (RFC 8018) makes of a password. `check` hears of every few thousand rounds done.
///
/// # Errors
/// What `check` gives.
pub fn pbkdf2<E>(
    fresh: &State,
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    length: usize,
    mut check: impl FnMut(usize) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    const BETWEEN_CHECKS: u64 = 4096;
    let keyed = Hmac::new(fresh, password);
    let mut out = Vec::with_capacity(length);
    let mut block = 1u32;
    while out.len() < length {
        let mut h = keyed.clone();
        h.update(salt);
        h.update(&block.to_be_bytes());
        let mut last = h.digest();
        let mut sum = last.clone();
        for round in 1..rounds {
            if round % BETWEEN_CHECKS == 0 {
                check(BETWEEN_CHECKS as usize)?;
            }
            let mut h = keyed.clone();
            h.update(&last);
            last = h.digest();
            sum.iter_mut().zip(&last).for_each(|(s, l)| *s ^= l);
        }
        out.extend_from_slice(&sum);
        block = block.wrapping_add(1);
        check(1)?;
    }
    out.truncate(length);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn known_digests() {
        let mut h = find("MD5").unwrap();
        h.update(b"abc");
        assert_eq!(hex(&h.digest(0)), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(find("SHA2-256").map(|s| s.name()), Some("sha256"));
        assert!(find("nothing").is_none());
    }

    #[test]
    fn keys_of_passwords() {
        let sha1 = find("sha1").unwrap();
        let key = pbkdf2(&sha1, b"password", b"salt", 2, 20, |_| Ok::<(), ()>(())).unwrap();
        assert_eq!(hex(&key), "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
        assert!(pbkdf2(&sha1, b"password", b"salt", 1 << 40, 20, |_| Err(())).is_err());
    }
}
