//! Patterns of `case`. They nest in brackets only, so their depth needs no bound of its own.

use super::{Ctx, Made, Node, diagnose};
use crate::ast::*;

/// An item of a mapping or class pattern.
#[derive(Clone, Copy)]
pub(crate) enum PatternItem<'a> {
    Pair(&'a Expr<'a>, &'a Pattern<'a>),
    Rest(&'a Ident<'a>),
    Plain(&'a Pattern<'a>),
    Named(&'a Ident<'a>, &'a Pattern<'a>),
}

impl<'a> Ctx<'a, '_> {
    pub(crate) fn pattern(&self, l: u32, r: u32, kind: PatternKind<'a>) -> &'a Pattern<'a> {
        self.arena.alloc(Pattern { span: Span::new(l, r), kind })
    }

    pub(crate) fn capture(&self, l: u32, r: u32, name: &'a Ident<'a>) -> &'a Pattern<'a> {
        let name = (name.id != "_").then_some(*name);
        self.pattern(l, r, PatternKind::As { pattern: None, name })
    }

    pub(crate) fn star_pattern(&self, l: u32, r: u32, name: &'a Ident<'a>) -> &'a Pattern<'a> {
        self.pattern(l, r, PatternKind::Star((name.id != "_").then_some(*name)))
    }

    pub(crate) fn as_pattern(
        &self,
        l: u32,
        r: u32,
        pattern: &'a Pattern<'a>,
        name: &'a Ident<'a>,
    ) -> Made<&'a Pattern<'a>> {
        if name.id == "_" {
            return diagnose(name.span.start);
        }
        Ok(self.pattern(l, r, PatternKind::As { pattern: Some(pattern), name: Some(*name) }))
    }

    pub(crate) fn or_pattern(
        &self,
        l: u32,
        r: u32,
        first: &'a Pattern<'a>,
        mut rest: Vec<&'a Pattern<'a>>,
    ) -> &'a Pattern<'a> {
        rest.insert(0, first);
        self.pattern(l, r, PatternKind::Or(self.slice(rest)))
    }

    pub(crate) fn mapping_pattern(&self, l: u32, r: u32, items: Vec<PatternItem<'a>>) -> Made<&'a Pattern<'a>> {
        let (mut keys, mut patterns, mut rest) = (Vec::new(), Vec::new(), None);
        for item in items {
            match item {
                _ if rest.is_some() => return diagnose(l),
                PatternItem::Pair(key, pattern) => {
                    keys.push(key);
                    patterns.push(pattern);
                }
                PatternItem::Rest(name) if name.id != "_" => rest = Some(*name),
                _ => return diagnose(l),
            }
        }
        let kind = PatternKind::Mapping { keys: self.slice(keys), patterns: self.slice(patterns), rest };
        Ok(self.pattern(l, r, kind))
    }

    pub(crate) fn class_pattern(
        &self,
        l: u32,
        r: u32,
        cls: Node<'a>,
        items: Vec<PatternItem<'a>>,
    ) -> Made<&'a Pattern<'a>> {
        let (mut patterns, mut names, mut named) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match item {
                PatternItem::Plain(pattern) if names.is_empty() => patterns.push(pattern),
                PatternItem::Named(name, pattern) => {
                    names.push(name);
                    named.push(pattern);
                }
                _ => return diagnose(l),
            }
        }
        let kind = PatternKind::Class {
            cls: cls.e,
            patterns: self.slice(patterns),
            kwd_attrs: self.slice(names),
            kwd_patterns: self.slice(named),
        };
        Ok(self.pattern(l, r, kind))
    }

    /// `1 + 2j`: the left side must be real and the right side imaginary.
    pub(crate) fn complex(&self, l: u32, r: u32, a: Node<'a>, op: Operator, b: Node<'a>) -> Made<Node<'a>> {
        let imaginary = |e: &Expr<'_>| matches!(e.kind, ExprKind::Constant(Constant::Imaginary(_)));
        let real = match a.e.kind {
            ExprKind::UnaryOp { operand, .. } => operand,
            _ => a.e,
        };
        if imaginary(real) {
            return super::fail(crate::SyntaxError::new(
                crate::ErrorKind::Syntax,
                "real number required in complex literal",
                real.span,
            ));
        }
        if !imaginary(b.e) {
            return super::fail(crate::SyntaxError::new(
                crate::ErrorKind::Syntax,
                "imaginary number required in complex literal",
                b.e.span,
            ));
        }
        self.binary(l, r, a, op, b)
    }
}
