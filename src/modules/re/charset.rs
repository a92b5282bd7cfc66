//! Which characters a literal or a set matches.
//!
//! A matcher answers for the first 256 code points from a bitmap; beyond, it looks through the
//! set. Ignoring case follows Python's `re`: lower-case forms are compared, and lower-case
//! letters that share an upper-case form count as equal.

use super::ast::{Mode, Set};
use super::parse::in_category;
use crate::text::unicode::case::{simple_lower, simple_upper};

/// Lower-case letters of which several have one upper-case form.
const SHARED_UPPER: &[&[u32]] = &[
    &[0x69, 0x131],
    &[0x73, 0x17F],
    &[0xB5, 0x3BC],
    &[0x345, 0x3B9, 0x1FBE],
    &[0x390, 0x1FD3],
    &[0x3B0, 0x1FE3],
    &[0x3B2, 0x3D0],
    &[0x3B5, 0x3F5],
    &[0x3B8, 0x3D1],
    &[0x3BA, 0x3F0],
    &[0x3C0, 0x3D6],
    &[0x3C1, 0x3F1],
    &[0x3C2, 0x3C3],
    &[0x3C6, 0x3D5],
    &[0x432, 0x1C80],
    &[0x434, 0x1C81],
    &[0x43E, 0x1C82],
    &[0x441, 0x1C83],
    &[0x442, 0x1C84, 0x1C85],
    &[0x44A, 0x1C86],
    &[0x463, 0x1C87],
    &[0x1C88, 0xA64B],
    &[0x1E61, 0x1E9B],
    &[0xFB05, 0xFB06],
];

/// Letters whose lower-case form has another upper-case form.
const OTHER_UPPER: &[(u32, u32)] =
    &[(0x69, 0x130), (0x6B, 0x212A), (0xDF, 0x1E9E), (0xE5, 0x212B), (0x3B8, 0x3F4), (0x3C9, 0x2126)];

pub(super) fn lower(c: u32, mode: Mode) -> u32 {
    if mode.ascii { if (65..=90).contains(&c) { c + 32 } else { c } } else { simple_lower(c) }
}

fn same_upper(c: u32) -> &'static [u32] {
    SHARED_UPPER.iter().find(|group| group.contains(&c)).copied().unwrap_or(&[])
}

/// All the characters that count as equal to `c` when case is ignored, `c` included.
pub(super) fn case_variants(c: u32, mode: Mode) -> Vec<u32> {
    let small = lower(c, mode);
    if mode.ascii {
        let mut found = vec![small];
        if (97..=122).contains(&small) {
            found.push(small - 32);
        }
        return found;
    }
    let mut found = vec![c];
    let mut add = |x: u32| {
        if !found.contains(&x) {
            found.push(x);
        }
    };
    let shared = same_upper(small);
    for &x in if shared.is_empty() { std::slice::from_ref(&small) } else { shared } {
        add(x);
        let upper = simple_upper(x);
        if simple_lower(upper) == x || same_upper(x).contains(&simple_lower(upper)) {
            add(upper);
        }
        for &(_, other) in OTHER_UPPER.iter().filter(|(from, _)| *from == x) {
            add(other);
        }
    }
    // Title-case letters stand right between the two other forms.
    if (0x1C4..=0x1F3).contains(&small) {
        for x in [small - 2, small - 1] {
            if simple_lower(x) == small {
                add(x);
            }
        }
    }
    found
}

fn listed(set: &Set, c: u32) -> bool {
    set.ranges.iter().any(|&(low, high)| low <= c && c <= high)
        || set.categories.iter().any(|&(category, negate)| in_category(category, c, set.mode.ascii) != negate)
}

/// Whether a set matches a code point.
pub(super) fn set_matches(set: &Set, c: u32) -> bool {
    let inside = if set.mode.ignore_case {
        case_variants(c, set.mode).into_iter().any(|x| listed(set, x))
    } else {
        listed(set, c)
    };
    inside != set.negate
}

/// A set ready for use.
#[derive(Debug)]
pub(super) struct CharSet {
    bitmap: [u64; 4],
    set: Set,
}

impl CharSet {
    pub fn new(set: Set) -> Self {
        let mut bitmap = [0u64; 4];
        for c in 0..256u32 {
            if set_matches(&set, c) {
                bitmap[(c >> 6) as usize] |= 1 << (c & 63);
            }
        }
        CharSet { bitmap, set }
    }

    #[inline]
    pub fn matches(&self, c: u32) -> bool {
        match self.bitmap.get((c >> 6) as usize) {
            Some(word) => word >> (c & 63) & 1 != 0,
            None => set_matches(&self.set, c),
        }
    }
}

/// The set of what equals a literal when case is ignored; `None` if that is the literal alone.
pub(super) fn literal_set(c: u32, mode: Mode) -> Option<Set> {
    if !mode.ignore_case {
        return None;
    }
    let variants = case_variants(c, mode);
    if variants.len() < 2 {
        return None;
    }
    let mode = Mode { ignore_case: false, ..mode };
    let ranges = variants.into_iter().map(|x| (x, x)).collect();
    Some(Set { negate: false, ranges, categories: Vec::new(), mode })
}
