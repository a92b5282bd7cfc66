//! Normalization forms, combining classes and decompositions, over generalized UTF-8.
//!
//! Surrogates have no decomposition and combine with nothing: they part the text into stretches
//! that are normalized by themselves.

use crate::text::gutf8;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical, decompose_compatible};
use unicode_normalization::{
    IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick,
};

/// A normalization form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Composed, canonical.
    Nfc,
    /// Decomposed, canonical.
    Nfd,
    /// Composed, compatible.
    Nfkc,
    /// Decomposed, compatible.
    Nfkd,
}

impl Form {
    /// The form with the name that scripts use; `ValueError: invalid normalization form` otherwise.
    pub fn from_name(name: &str) -> Option<Form> {
        Some(match name {
            "NFC" => Form::Nfc,
            "NFD" => Form::Nfd,
            "NFKC" => Form::Nfkc,
            "NFKD" => Form::Nfkd,
            _ => return None,
        })
    }
}

/// Calls `each` with every stretch of the text without surrogates and the surrogate behind it.
fn stretches<'a>(text: &'a [u8], mut each: impl FnMut(&'a str, &'a [u8])) {
    let mut rest = text;
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(s) => return each(s, &[]),
            Err(e) => {
                let (good, tail) = rest.split_at(e.valid_up_to());
                let len = gutf8::next(tail, 0);
                let (bad, tail) = tail.split_at(len);
                each(std::str::from_utf8(good).unwrap_or(""), bad);
                rest = tail;
            }
        }
    }
}

/// `unicodedata.normalize`.
pub fn normalize(text: &[u8], form: Form) -> Vec<u8> {
    if text.is_ascii() {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    stretches(text, |s, bad| {
        let mut buffer = [0; 4];
        let mut add = |c: char| out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        match form {
            Form::Nfc => s.nfc().for_each(&mut add),
            Form::Nfd => s.nfd().for_each(&mut add),
            Form::Nfkc => s.nfkc().for_each(&mut add),
            Form::Nfkd => s.nfkd().for_each(&mut add),
        }
        out.extend_from_slice(bad);
    });
    out
}

/// `unicodedata.is_normalized`.
pub fn is_normalized(text: &[u8], form: Form) -> bool {
    if text.is_ascii() {
        return true;
    }
    if let Some(s) = gutf8::as_str(text) {
        let quick = match form {
            Form::Nfc => is_nfc_quick(s.chars()),
            Form::Nfd => is_nfd_quick(s.chars()),
            Form::Nfkc => is_nfkc_quick(s.chars()),
            Form::Nfkd => is_nfkd_quick(s.chars()),
        };
        match quick {
            IsNormalized::Yes => return true,
            IsNormalized::No => return false,
            IsNormalized::Maybe => {}
        }
    }
    normalize(text, form) == text
}

/// The canonical combining class, zero for most.
pub fn combining(cp: u32) -> u8 {
    char::from_u32(cp).map_or(0, canonical_combining_class)
}

/// The full decomposition, canonical or compatible.
pub fn decompose(cp: u32, compatible: bool) -> Vec<u32> {
    let Some(c) = char::from_u32(cp) else { return vec![cp] };
    let mut out = Vec::new();
    if compatible {
        decompose_compatible(c, |c| out.push(c as u32));
    } else {
        decompose_canonical(c, |c| out.push(c as u32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(normalize("e\u{301}ﬁ".as_bytes(), Form::Nfc), "éﬁ".as_bytes());
        assert_eq!(normalize("éﬁ".as_bytes(), Form::Nfkd), "e\u{301}fi".as_bytes());
        let mut odd = b"e".to_vec();
        gutf8::push(&mut odd, 0xDC80);
        odd.extend("\u{301}".as_bytes());
        assert_eq!(normalize(&odd, Form::Nfc), odd);
        assert!(is_normalized("é".as_bytes(), Form::Nfc) && !is_normalized("é".as_bytes(), Form::Nfd));
        assert_eq!(combining(0x301), 230);
        assert_eq!(decompose(0x1E69, false), [0x73, 0x323, 0x307]);
    }
}
