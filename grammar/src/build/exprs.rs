//! Expressions, strings and lambda aside.

use super::targets::{self, Place};
use super::{Arg, Ctx, Made, Node, depth_of, diagnose, fail};
use crate::ast::*;
use crate::literals;

impl<'a> Ctx<'a, '_> {
    pub(crate) fn name(&self, l: u32, r: u32) -> Node<'a> {
        self.node(l, r, ExprKind::Name(self.name_text(l, r)), 1)
    }

    pub(crate) fn number(&self, l: u32, r: u32) -> Made<Node<'a>> {
        match literals::number(self.arena, self.text(l, r), Span::new(l, r)) {
            Ok(value) => Ok(self.constant(l, r, value)),
            Err(error) => fail(error),
        }
    }

    pub(crate) fn constant(&self, l: u32, r: u32, value: Constant<'a>) -> Node<'a> {
        self.node(l, r, ExprKind::Constant(value), 1)
    }

    pub(crate) fn empty_tuple(&self, l: u32, r: u32) -> Node<'a> {
        self.node(l, r, ExprKind::Tuple { elts: &[], parenthesized: true }, 1)
    }

    pub(crate) fn tuple_of(
        &self,
        l: u32,
        r: u32,
        first: Node<'a>,
        rest: Option<Vec<Node<'a>>>,
        parenthesized: bool,
    ) -> Made<Node<'a>> {
        let rest = rest.unwrap_or_default();
        let depth = depth_of(&rest).max(first.depth);
        let elts = std::iter::once(*first.e).chain(rest.iter().map(|n| *n.e)).collect::<Vec<_>>();
        let elts = self.arena.alloc_slice_copy(&elts);
        self.deeper(l, r, ExprKind::Tuple { elts, parenthesized }, depth)
    }

    pub(crate) fn list(&self, l: u32, r: u32, items: Option<Vec<Node<'a>>>) -> Made<Node<'a>> {
        let items = items.unwrap_or_default();
        let depth = depth_of(&items);
        self.deeper(l, r, ExprKind::List(self.slice(items)), depth)
    }

    pub(crate) fn set(&self, l: u32, r: u32, items: Vec<Node<'a>>) -> Made<Node<'a>> {
        let depth = depth_of(&items);
        self.deeper(l, r, ExprKind::Set(self.slice(items)), depth)
    }

    pub(crate) fn dict(&self, l: u32, r: u32, items: Vec<(Option<Node<'a>>, Node<'a>)>) -> Made<Node<'a>> {
        let depth = items.iter().map(|(k, v)| k.map_or(0, |k| k.depth).max(v.depth)).max().unwrap_or(0);
        let items =
            self.arena.alloc_slice_fill_iter(items.iter().map(|(k, v)| DictItem { key: k.map(|k| *k.e), value: *v.e }));
        self.deeper(l, r, ExprKind::Dict(items), depth)
    }

    pub(crate) fn starred(&self, l: u32, r: u32, e: Node<'a>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::Starred(e.e), e.depth)
    }

    pub(crate) fn walrus(&self, l: u32, r: u32, target: Node<'a>, value: Node<'a>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::NamedExpr { target: target.e, value: value.e }, value.depth)
    }

    pub(crate) fn yield_expr(&self, l: u32, r: u32, value: Option<Node<'a>>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::Yield(value.map(|v| v.e)), value.map_or(0, |v| v.depth))
    }

    pub(crate) fn yield_from(&self, l: u32, r: u32, value: Node<'a>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::YieldFrom(value.e), value.depth)
    }

    pub(crate) fn await_expr(&self, l: u32, r: u32, value: Node<'a>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::Await(value.e), value.depth)
    }

    pub(crate) fn ternary(&self, l: u32, r: u32, body: Node<'a>, test: Node<'a>, orelse: Node<'a>) -> Made<Node<'a>> {
        let kind = ExprKind::IfExp { test: test.e, body: body.e, orelse: orelse.e };
        self.deeper(l, r, kind, body.depth.max(test.depth).max(orelse.depth))
    }

    pub(crate) fn bool_op(
        &self,
        l: u32,
        r: u32,
        op: BoolOp,
        first: Node<'a>,
        mut rest: Vec<Node<'a>>,
    ) -> Made<Node<'a>> {
        rest.insert(0, first);
        let depth = depth_of(&rest);
        self.deeper(l, r, ExprKind::BoolOp { op, values: self.slice(rest) }, depth)
    }

    pub(crate) fn unary(&self, l: u32, r: u32, op: UnaryOp, operand: Node<'a>) -> Made<Node<'a>> {
        self.deeper(l, r, ExprKind::UnaryOp { op, operand: operand.e }, operand.depth)
    }

    pub(crate) fn compare(&self, l: u32, r: u32, left: Node<'a>, rest: Vec<(CmpOp, Node<'a>)>) -> Made<Node<'a>> {
        let depth = rest.iter().map(|(_, n)| n.depth).max().unwrap_or(0).max(left.depth);
        let ops = self.arena.alloc_slice_fill_iter(rest.iter().map(|(op, _)| *op));
        let comparators = self.arena.alloc_slice_fill_iter(rest.iter().map(|(_, n)| *n.e));
        self.deeper(l, r, ExprKind::Compare { left: left.e, ops, comparators }, depth)
    }

    pub(crate) fn binary(&self, l: u32, r: u32, left: Node<'a>, op: Operator, right: Node<'a>) -> Made<Node<'a>> {
        let kind = ExprKind::BinOp { left: left.e, op, right: right.e };
        // A chain of operators costs depth on its right sides only; `**` alone nests there.
        let depth = right.depth.max(left.depth.saturating_sub(1));
        self.deeper(l, r, kind, depth)
    }

    pub(crate) fn attribute(&self, l: u32, r: u32, value: Node<'a>, attr: &'a Ident<'a>) -> Node<'a> {
        self.node(l, r, ExprKind::Attribute { value: value.e, attr: *attr }, value.depth)
    }

    pub(crate) fn subscript(&self, l: u32, r: u32, value: Node<'a>, slice: Node<'a>) -> Made<Node<'a>> {
        let kind = ExprKind::Subscript { value: value.e, slice: slice.e };
        self.deeper(l, r, kind, slice.depth.max(value.depth.saturating_sub(1)))
    }

    pub(crate) fn slice_expr(
        &self,
        l: u32,
        r: u32,
        lower: Option<Node<'a>>,
        upper: Option<Node<'a>>,
        step: Option<Node<'a>>,
    ) -> Made<Node<'a>> {
        let depth = [lower, upper, step].into_iter().flatten().map(|n| n.depth).max().unwrap_or(0);
        let e = |n: Option<Node<'a>>| n.map(|n| n.e);
        self.deeper(l, r, ExprKind::Slice { lower: e(lower), upper: e(upper), step: e(step) }, depth)
    }

    pub(crate) fn keyword(&self, l: u32, r: u32, arg: Option<&'a Ident<'a>>, value: Node<'a>) -> Arg<'a> {
        let keyword = Keyword { span: Span::new(l, r), arg: arg.copied(), value: *value.e };
        Arg::Keyword(self.arena.alloc(keyword), value.depth)
    }

    /// Splits arguments into positional and keyword ones, and checks their order.
    pub(crate) fn split_arguments(&self, args: &[Arg<'a>]) -> Made<(&'a [Expr<'a>], &'a [Keyword<'a>], u16)> {
        let mut positional = Vec::with_capacity(args.len());
        let mut keywords = Vec::new();
        let mut depth = 0;
        let mut after_double_star = false;
        for arg in args {
            match *arg {
                Arg::Positional(n) => {
                    if !keywords.is_empty() {
                        return diagnose(n.e.span.start);
                    }
                    depth = depth.max(n.depth);
                    positional.push(*n.e);
                }
                Arg::Starred(n) => {
                    if after_double_star {
                        return diagnose(n.e.span.start);
                    }
                    depth = depth.max(n.depth);
                    positional.push(*n.e);
                }
                Arg::Keyword(k, d) => {
                    after_double_star |= k.arg.is_none();
                    depth = depth.max(d);
                    keywords.push(*k);
                }
            }
        }
        Ok((self.arena.alloc_slice_copy(&positional), self.arena.alloc_slice_copy(&keywords), depth))
    }

    pub(crate) fn call(&self, l: u32, r: u32, func: Node<'a>, args: Vec<Arg<'a>>) -> Made<Node<'a>> {
        let (args, keywords, depth) = self.split_arguments(&args)?;
        let kind = ExprKind::Call { func: func.e, args, keywords };
        self.deeper(l, r, kind, depth.max(func.depth.saturating_sub(1)))
    }

    pub(crate) fn call_genexp(
        &self,
        l: u32,
        genexp_start: u32,
        r: u32,
        func: Node<'a>,
        elt: Node<'a>,
        generators: Vec<(&'a Comprehension<'a>, u16)>,
    ) -> Made<Node<'a>> {
        let arg = self.generator(genexp_start, r, elt, generators)?;
        let args = self.arena.alloc_slice_copy(&[*arg.e]);
        let kind = ExprKind::Call { func: func.e, args, keywords: &[] };
        self.deeper(l, r, kind, arg.depth.max(func.depth.saturating_sub(1)))
    }

    pub(crate) fn comprehension(
        &self,
        l: u32,
        r: u32,
        is_async: bool,
        target: Node<'a>,
        iter: Node<'a>,
        ifs: Vec<Node<'a>>,
    ) -> Made<(&'a Comprehension<'a>, u16)> {
        targets::check(target, Place::Star)?;
        let depth = depth_of(&ifs).max(target.depth).max(iter.depth);
        let ifs = self.slice(ifs);
        let span = Span::new(l, r);
        let c = self.arena.alloc(Comprehension { span, target: *target.e, iter: *iter.e, ifs, is_async });
        Ok((c, depth))
    }

    fn generators(&self, v: Vec<(&'a Comprehension<'a>, u16)>) -> (&'a [Comprehension<'a>], u16) {
        let depth = v.iter().map(|(_, d)| *d).max().unwrap_or(0);
        (self.arena.alloc_slice_fill_iter(v.iter().map(|(c, _)| **c)), depth)
    }

    pub(crate) fn generator(
        &self,
        l: u32,
        r: u32,
        elt: Node<'a>,
        v: Vec<(&'a Comprehension<'a>, u16)>,
    ) -> Made<Node<'a>> {
        let (generators, depth) = self.generators(v);
        self.deeper(l, r, ExprKind::GeneratorExp { elt: elt.e, generators }, depth.max(elt.depth))
    }

    pub(crate) fn list_comp(
        &self,
        l: u32,
        r: u32,
        elt: Node<'a>,
        v: Vec<(&'a Comprehension<'a>, u16)>,
    ) -> Made<Node<'a>> {
        let (generators, depth) = self.generators(v);
        self.deeper(l, r, ExprKind::ListComp { elt: elt.e, generators }, depth.max(elt.depth))
    }

    pub(crate) fn set_comp(
        &self,
        l: u32,
        r: u32,
        elt: Node<'a>,
        v: Vec<(&'a Comprehension<'a>, u16)>,
    ) -> Made<Node<'a>> {
        let (generators, depth) = self.generators(v);
        self.deeper(l, r, ExprKind::SetComp { elt: elt.e, generators }, depth.max(elt.depth))
    }

    pub(crate) fn dict_comp(
        &self,
        l: u32,
        r: u32,
        key: Node<'a>,
        value: Node<'a>,
        v: Vec<(&'a Comprehension<'a>, u16)>,
    ) -> Made<Node<'a>> {
        let (generators, depth) = self.generators(v);
        let kind = ExprKind::DictComp { key: key.e, value: value.e, generators };
        self.deeper(l, r, kind, depth.max(key.depth).max(value.depth))
    }
}
