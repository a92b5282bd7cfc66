//! Which expressions may be assigned to, deleted or annotated.

use super::{Made, Node, diagnose};
use crate::ast::{Expr, ExprKind};

/// Where a target stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// `=`, `for`, `as`: tuples, lists and stars are allowed.
    Star,
    /// `del`: tuples and lists.
    Del,
    /// Augmented assignment and annotation: a name, attribute or subscript.
    Single,
}

/// Refuses `target` if it cannot stand at `place`.
pub(crate) fn check(target: Node<'_>, place: Place) -> Made<()> {
    if good(target.e, place) { Ok(()) } else { diagnose(target.e.span.start) }
}

/// Recursion is bounded by the brackets of the source.
fn good(e: &Expr<'_>, place: Place) -> bool {
    match e.kind {
        ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => true,
        ExprKind::Tuple { elts, .. } | ExprKind::List(elts) => {
            place != Place::Single && elts.iter().all(|e| good(e, place))
        }
        ExprKind::Starred(inner) => {
            place == Place::Star && !matches!(inner.kind, ExprKind::Starred(_)) && good(inner, place)
        }
        _ => false,
    }
}
