//! What the diagnosis remembers of an expression: its place, what to call it, and what is inside a target.

use crate::ast::Span;
use std::rc::Rc;

/// An expression.
#[derive(Clone, Debug)]
pub(in crate::diagnose) struct X {
    pub span: Span,
    pub kind: XKind,
}

#[derive(Clone, Debug)]
pub(in crate::diagnose) enum XKind {
    Name,
    Attribute,
    Subscript,
    Starred(Rc<X>),
    List(Rc<[X]>),
    Tuple(Rc<[X]>),
    /// A comparison: whether its first operator is `in`, and its left side.
    Compare(bool, Rc<X>),
    /// Arguments of a call: the positional ones, and whether a `**` is among them.
    Arguments(Rc<[X]>, bool),
    /// Anything else, as messages call it.
    Other(&'static str),
}

impl X {
    pub(in crate::diagnose) fn other(span: Span, what: &'static str) -> Self {
        X { span, kind: XKind::Other(what) }
    }

    /// What messages call it.
    pub(in crate::diagnose) fn what(&self) -> &'static str {
        match self.kind {
            XKind::Name => "name",
            XKind::Attribute => "attribute",
            XKind::Subscript => "subscript",
            XKind::Starred(_) => "starred",
            XKind::List(_) => "list",
            XKind::Tuple(_) => "tuple",
            XKind::Compare(..) => "comparison",
            XKind::Arguments(..) => "function call",
            XKind::Other(what) => what,
        }
    }

    pub(in crate::diagnose) fn is_name(&self) -> bool {
        matches!(self.kind, XKind::Name)
    }
}

/// Where a bad target stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) enum Place {
    Star,
    For,
    Del,
}

/// The first part of `x` that cannot stand at `place`. Recursion is bounded by the brackets of the source.
pub(in crate::diagnose) fn bad_target(x: &X, place: Place) -> Option<&X> {
    match &x.kind {
        XKind::Name | XKind::Attribute | XKind::Subscript => None,
        XKind::List(items) | XKind::Tuple(items) => items.iter().find_map(|i| bad_target(i, place)),
        XKind::Starred(_) if place == Place::Del => Some(x),
        XKind::Starred(inner) => bad_target(inner, place),
        XKind::Compare(is_in, left) if place == Place::For => is_in.then(|| bad_target(left, place)).flatten(),
        _ => Some(x),
    }
}
