//! Parameters of functions, lambdas and types.

use super::{Ctx, Made, Node, diagnose};
use crate::ast::*;

/// One item between the parentheses, in source order.
#[derive(Clone, Copy)]
pub(crate) enum ParamItem<'a> {
    Plain(&'a Param<'a>, u16),
    Slash,
    BareStar,
    Star(&'a Param<'a>, u16),
    DoubleStar(&'a Param<'a>, u16),
}

impl<'a> ParamItem<'a> {
    pub(crate) fn plain((p, depth): (&'a Param<'a>, u16)) -> Self {
        ParamItem::Plain(p, depth)
    }

    pub(crate) fn star((p, depth): (&'a Param<'a>, u16)) -> Self {
        ParamItem::Star(p, depth)
    }

    pub(crate) fn double_star((p, depth): (&'a Param<'a>, u16)) -> Self {
        ParamItem::DoubleStar(p, depth)
    }
}

/// The parameters seen so far.
#[derive(Default)]
struct Collected<'a> {
    posonly: Vec<Param<'a>>,
    args: Vec<Param<'a>>,
    kwonly: Vec<Param<'a>>,
    vararg: Option<&'a Param<'a>>,
    kwarg: Option<&'a Param<'a>>,
    slash: bool,
    star: bool,
    bare_star: bool,
    default: bool,
}

impl<'a> Collected<'a> {
    /// Takes the next item; `false` if it must not stand here.
    fn take(&mut self, item: &ParamItem<'a>) -> bool {
        if self.kwarg.is_some() {
            return false;
        }
        match *item {
            ParamItem::Plain(p, _) if self.star => self.kwonly.push(*p),
            ParamItem::Plain(p, _) => {
                if self.default && p.default.is_none() {
                    return false;
                }
                self.default |= p.default.is_some();
                self.args.push(*p);
            }
            ParamItem::Slash => {
                if self.slash || self.star || self.args.is_empty() {
                    return false;
                }
                self.slash = true;
                self.posonly = std::mem::take(&mut self.args);
            }
            ParamItem::BareStar => {
                self.bare_star = true;
                return !std::mem::replace(&mut self.star, true);
            }
            ParamItem::Star(p, _) => {
                self.vararg = Some(p);
                return !std::mem::replace(&mut self.star, true);
            }
            ParamItem::DoubleStar(p, _) => {
                if self.bare_star && self.kwonly.is_empty() {
                    return false;
                }
                self.kwarg = Some(p);
            }
        }
        true
    }
}

impl<'a> Ctx<'a, '_> {
    pub(crate) fn param(
        &self,
        name: &'a Ident<'a>,
        annotation: Option<Node<'a>>,
        default: Option<Node<'a>>,
    ) -> (&'a Param<'a>, u16) {
        let depth = annotation.map_or(0, |n| n.depth).max(default.map_or(0, |n| n.depth));
        let param = Param { name: *name, annotation: annotation.map(|n| n.e), default: default.map(|n| n.e) };
        (self.arena.alloc(param), depth)
    }

    /// Sorts parameters by kind, checks their order, and tells the depth of the deepest default.
    pub(crate) fn arguments(&self, l: u32, r: u32, items: Vec<ParamItem<'a>>) -> Made<(&'a Arguments<'a>, u16)> {
        let mut seen = Collected::default();
        let mut depth = 0;
        for item in &items {
            if !seen.take(item) {
                return diagnose(l);
            }
            if let ParamItem::Plain(_, d) | ParamItem::Star(_, d) | ParamItem::DoubleStar(_, d) = item {
                depth = depth.max(*d);
            }
        }
        if seen.bare_star && seen.kwonly.is_empty() {
            return diagnose(l);
        }
        let arguments = Arguments {
            span: Span::new(l, r.max(l)),
            posonlyargs: self.arena.alloc_slice_copy(&seen.posonly),
            args: self.arena.alloc_slice_copy(&seen.args),
            vararg: seen.vararg,
            kwonlyargs: self.arena.alloc_slice_copy(&seen.kwonly),
            kwarg: seen.kwarg,
        };
        Ok((self.arena.alloc(arguments), depth))
    }

    pub(crate) fn lambda(
        &self,
        l: u32,
        r: u32,
        place: (u32, u32),
        items: Vec<ParamItem<'a>>,
        body: Node<'a>,
    ) -> Made<Node<'a>> {
        let (args, depth) = self.arguments(place.0, place.1, items)?;
        self.deeper(l, r, ExprKind::Lambda { args, body: body.e }, depth.max(body.depth))
    }

    pub(crate) fn type_param(
        &self,
        l: u32,
        r: u32,
        kind: TypeParamKind,
        name: &'a Ident<'a>,
        bound: Option<Node<'a>>,
        default: Option<Node<'a>>,
    ) -> &'a TypeParam<'a> {
        let span = Span::new(l, r);
        self.arena.alloc(TypeParam {
            span,
            name: *name,
            kind,
            bound: bound.map(|n| n.e),
            default: default.map(|n| n.e),
        })
    }
}
