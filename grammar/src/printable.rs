//! Which characters CPython calls printable (`str.isprintable`): messages quote only those.

use unicode_general_category::{GeneralCategory as G, get_general_category};

/// Whether `c` is neither a control, format, surrogate, private or unassigned character nor a separator other than
/// the space.
pub(crate) fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    !matches!(
        get_general_category(c),
        G::Control
            | G::Format
            | G::Surrogate
            | G::PrivateUse
            | G::Unassigned
            | G::LineSeparator
            | G::ParagraphSeparator
            | G::SpaceSeparator
    )
}
