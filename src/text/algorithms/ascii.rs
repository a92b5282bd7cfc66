//! Predicates and case of `bytes`, which know ASCII letters only.

/// `bytes.isalnum` and its kin: not empty, and every byte passes.
pub fn all_bytes(bytes: &[u8], test: impl FnMut(&u8) -> bool) -> bool {
    !bytes.is_empty() && bytes.iter().all(test)
}

/// `bytes.isspace`.
pub fn bytes_is_space(bytes: &[u8]) -> bool {
    all_bytes(bytes, |b| matches!(b, b' ' | 0x09..=0x0D))
}

/// `bytes.islower`.
pub fn bytes_is_lower(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_lowercase) && !bytes.iter().any(u8::is_ascii_uppercase)
}

/// `bytes.isupper`.
pub fn bytes_is_upper(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_uppercase) && !bytes.iter().any(u8::is_ascii_lowercase)
}

/// `bytes.istitle`.
pub fn bytes_is_title(bytes: &[u8]) -> bool {
    let (mut cased, mut in_word) = (false, false);
    for b in bytes {
        if !b.is_ascii_alphabetic() {
            in_word = false;
            continue;
        }
        if b.is_ascii_uppercase() == in_word {
            return false;
        }
        in_word = true;
        cased = true;
    }
    cased
}

/// `bytes.title`.
pub fn bytes_title(bytes: &[u8]) -> Vec<u8> {
    let mut in_word = false;
    bytes
        .iter()
        .map(|b| {
            let turned = if in_word { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() };
            in_word = b.is_ascii_alphabetic();
            turned
        })
        .collect()
}

/// `bytes.capitalize`.
pub fn bytes_capitalize(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_ascii_lowercase();
    if let Some(first) = out.first_mut() {
        first.make_ascii_uppercase();
    }
    out
}

/// `bytes.swapcase`.
pub fn bytes_swapcase(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|b| if b.is_ascii_alphabetic() { b ^ 0x20 } else { *b }).collect()
}
