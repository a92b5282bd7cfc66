//! Statements. A compound statement ends where its last statement (or the semicolon after it) ends, not at the DEDENT after it.

use super::targets::{self, Place};
use super::{Arg, Ctx, Made, Node, diagnose};
use crate::ast::*;
use crate::lexer::Kind;

/// An `except` clause and whether it is `except*`.
#[derive(Clone, Copy)]
pub(crate) struct Handler<'a> {
    pub handler: &'a ExceptHandler<'a>,
    pub is_star: bool,
}

type Body<'a> = &'a [Stmt<'a>];

impl<'a> Ctx<'a, '_> {
    pub(crate) fn kind(&self, kind: StmtKind<'a>) -> &'a StmtKind<'a> {
        self.arena.alloc(kind)
    }

    pub(crate) fn stmt(&self, l: u32, r: u32, kind: StmtKind<'a>) -> &'a Stmt<'a> {
        self.arena.alloc(Stmt { span: Span::new(l, r), kind })
    }

    pub(crate) fn block(&self, mut first: Vec<&'a Stmt<'a>>, rest: Vec<&'a Stmt<'a>>) -> Body<'a> {
        first.extend(rest);
        self.slice(first)
    }

    // Simple statements.

    pub(crate) fn assign(&self, targets: Vec<Node<'a>>, value: Node<'a>) -> Made<&'a StmtKind<'a>> {
        for target in &targets {
            targets::check(*target, Place::Star)?;
        }
        Ok(self.kind(StmtKind::Assign { targets: self.slice(targets), value: value.e }))
    }

    pub(crate) fn aug_assign(&self, target: Node<'a>, op: Operator, value: Node<'a>) -> Made<&'a StmtKind<'a>> {
        targets::check(target, Place::Single)?;
        Ok(self.kind(StmtKind::AugAssign { target: target.e, op, value: value.e }))
    }

    pub(crate) fn ann_assign(
        &self,
        target: Node<'a>,
        annotation: Node<'a>,
        value: Option<Node<'a>>,
    ) -> Made<&'a StmtKind<'a>> {
        targets::check(target, Place::Single)?;
        let simple = matches!(target.e.kind, ExprKind::Name(_)) && !target.paren;
        let value = value.map(|v| v.e);
        Ok(self.kind(StmtKind::AnnAssign { target: target.e, annotation: annotation.e, value, simple }))
    }

    pub(crate) fn delete(&self, target: Node<'a>) -> Made<&'a StmtKind<'a>> {
        targets::check(target, Place::Del)?;
        let targets = match target.e.kind {
            ExprKind::Tuple { elts, parenthesized: false } => elts,
            _ => std::slice::from_ref(target.e),
        };
        Ok(self.kind(StmtKind::Delete(targets)))
    }

    /// A dotted name; spaces and comments between its parts are left out.
    pub(crate) fn dotted(&self, l: u32, r: u32) -> &'a Ident<'a> {
        let text = self.text(l, r);
        let plain = text.bytes().all(|b| b == b'.' || b == b'_' || b.is_ascii_alphanumeric());
        let id = if plain {
            text
        } else {
            let from = self.token_index(l);
            let to = self.token_index(r);
            let parts = self.tokens.get(from..to).unwrap_or(&[]);
            let joined: String = parts.iter().map(|t| self.name_text(t.span.start, t.span.end)).collect();
            self.arena.alloc_str(&joined)
        };
        self.arena.alloc(Ident { id, span: Span::new(l, r) })
    }

    pub(crate) fn alias(&self, l: u32, r: u32, name: &'a Ident<'a>, asname: Option<&'a Ident<'a>>) -> &'a Alias<'a> {
        self.arena.alloc(Alias { span: Span::new(l, r), name: *name, asname: asname.copied() })
    }

    /// `from module import names`.
    pub(crate) fn import_from(
        &self,
        level: u32,
        module: &'a Ident<'a>,
        names: &'a [Alias<'a>],
    ) -> Made<&'a StmtKind<'a>> {
        Ok(self.kind(StmtKind::ImportFrom { module: Some(*module), names, level }))
    }

    pub(crate) fn import_star(&self, l: u32, r: u32) -> &'a [Alias<'a>] {
        let span = Span::new(l, r);
        self.arena.alloc_slice_copy(&[Alias { span, name: Ident { id: "*", span }, asname: None }])
    }

    // Compound statements.

    /// Where a body ends: with its last statement, or the semicolon after it.
    fn end_of(&self, body: Body<'_>) -> u32 {
        let end = body.last().map_or(0, |s| s.span.end);
        match self.tokens.get(self.token_index(end)) {
            Some(token) if token.kind == Kind::Semicolon && !body.is_empty() => token.span.end,
            _ => end,
        }
    }

    fn compound(&self, l: u32, bodies: &[Body<'a>], kind: StmtKind<'a>) -> &'a Stmt<'a> {
        let end = bodies.iter().map(|b| self.end_of(b)).max().unwrap_or(l);
        self.stmt(l, end, kind)
    }

    pub(crate) fn if_stmt(
        &self,
        l: u32,
        test: Node<'a>,
        body: Body<'a>,
        elifs: Vec<(u32, &'a Expr<'a>, Body<'a>)>,
        orelse: Option<Body<'a>>,
    ) -> &'a Stmt<'a> {
        let mut orelse = orelse.unwrap_or(&[]);
        for (start, test, body) in elifs.into_iter().rev() {
            let inner = self.compound(start, &[body, orelse], StmtKind::If { test, body, orelse });
            orelse = std::slice::from_ref(inner);
        }
        self.compound(l, &[body, orelse], StmtKind::If { test: test.e, body, orelse })
    }

    pub(crate) fn while_stmt(&self, l: u32, test: Node<'a>, body: Body<'a>, orelse: Option<Body<'a>>) -> &'a Stmt<'a> {
        let orelse = orelse.unwrap_or(&[]);
        self.compound(l, &[body, orelse], StmtKind::While { test: test.e, body, orelse })
    }

    pub(crate) fn for_stmt(
        &self,
        l: u32,
        is_async: bool,
        target: Node<'a>,
        iter: Node<'a>,
        body: Body<'a>,
        orelse: Option<Body<'a>>,
    ) -> Made<&'a Stmt<'a>> {
        targets::check(target, Place::Star)?;
        let orelse = orelse.unwrap_or(&[]);
        let kind = StmtKind::For { is_async, target: target.e, iter: iter.e, body, orelse };
        Ok(self.compound(l, &[body, orelse], kind))
    }

    pub(crate) fn handler(
        &self,
        l: u32,
        is_star: bool,
        type_: Option<Node<'a>>,
        name: Option<&'a Ident<'a>>,
        body: Body<'a>,
    ) -> Handler<'a> {
        let span = Span::new(l, self.end_of(body));
        let handler = ExceptHandler { span, type_: type_.map(|t| t.e), name: name.copied(), body };
        Handler { handler: self.arena.alloc(handler), is_star }
    }

    pub(crate) fn try_finally(&self, l: u32, body: Body<'a>, finalbody: Body<'a>) -> &'a Stmt<'a> {
        let kind = StmtKind::Try { is_star: false, body, handlers: &[], orelse: &[], finalbody };
        self.compound(l, &[body, finalbody], kind)
    }

    pub(crate) fn try_stmt(
        &self,
        l: u32,
        body: Body<'a>,
        handlers: Vec<Handler<'a>>,
        orelse: Option<Body<'a>>,
        finalbody: Option<Body<'a>>,
    ) -> Made<&'a Stmt<'a>> {
        let is_star = handlers.first().is_some_and(|h| h.is_star);
        if let Some(odd) = handlers.iter().find(|h| h.is_star != is_star) {
            return diagnose(odd.handler.span.start);
        }
        let last = handlers.last().map_or(body, |h| h.handler.body);
        let handlers = self.arena.alloc_slice_fill_iter(handlers.iter().map(|h| *h.handler));
        let (orelse, finalbody) = (orelse.unwrap_or(&[]), finalbody.unwrap_or(&[]));
        let kind = StmtKind::Try { is_star, body, handlers, orelse, finalbody };
        Ok(self.compound(l, &[last, orelse, finalbody], kind))
    }

    pub(crate) fn with_item(&self, e: Node<'a>) -> &'a WithItem<'a> {
        self.arena.alloc(WithItem { context_expr: *e.e, optional_vars: None })
    }

    pub(crate) fn with_item_as(&self, e: Node<'a>, target: Node<'a>) -> Made<&'a WithItem<'a>> {
        targets::check(target, Place::Star)?;
        Ok(self.arena.alloc(WithItem { context_expr: *e.e, optional_vars: Some(target.e) }))
    }

    pub(crate) fn with_items(
        &self,
        l: u32,
        is_async: bool,
        items: Vec<&'a WithItem<'a>>,
        body: Body<'a>,
    ) -> &'a Stmt<'a> {
        self.compound(l, &[body], StmtKind::With { is_async, items: self.slice(items), body })
    }

    /// A `with` without parentheses that hold an `as`. Even so, `with (a, b):` has two items and no tuple.
    pub(crate) fn with_stmt(
        &self,
        l: u32,
        is_async: bool,
        items: Vec<&'a WithItem<'a>>,
        body: Body<'a>,
    ) -> Made<&'a Stmt<'a>> {
        if let [WithItem { context_expr, optional_vars: None }] = items[..]
            && let ExprKind::Tuple { elts, parenthesized: true } = context_expr.kind
            && !elts.is_empty()
            && elts.iter().all(|e| self.is_item(e))
            && self.token_before(context_expr.span.start) == Some(Kind::With)
        {
            let items = elts.iter().map(|e| WithItem { context_expr: *e, optional_vars: None }).collect::<Vec<_>>();
            let items = self.arena.alloc_slice_copy(&items);
            return Ok(self.compound(l, &[body], StmtKind::With { is_async, items, body }));
        }
        Ok(self.with_items(l, is_async, items, body))
    }

    fn token_before(&self, at: u32) -> Option<Kind> {
        self.tokens.get(self.token_index(at).checked_sub(1)?).map(|t| t.kind)
    }

    /// Whether an element of a tuple could be a `with` item: no star and no `:=` without parentheses.
    fn is_item(&self, e: &Expr<'a>) -> bool {
        match e.kind {
            ExprKind::Starred(_) => false,
            ExprKind::NamedExpr { .. } => {
                let after = self.tokens.get(self.token_index(e.span.end)).map(|t| t.kind);
                self.token_before(e.span.start) == Some(Kind::LParen) && after == Some(Kind::RParen)
            }
            _ => true,
        }
    }

    pub(crate) fn decorated(&self, decorators: Vec<Node<'a>>, s: &'a Stmt<'a>) -> &'a Stmt<'a> {
        let decorators = self.slice(decorators);
        let kind = match s.kind {
            StmtKind::FunctionDef(f) => StmtKind::FunctionDef(self.arena.alloc(FunctionDef { decorators, ..*f })),
            StmtKind::ClassDef(c) => StmtKind::ClassDef(self.arena.alloc(ClassDef { decorators, ..*c })),
            other => other,
        };
        self.stmt(s.span.start, s.span.end, kind)
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn function(
        &self,
        l: u32,
        is_async: bool,
        name: &'a Ident<'a>,
        type_params: Option<&'a [TypeParam<'a>]>,
        args: &'a Arguments<'a>,
        returns: Option<Node<'a>>,
        body: Body<'a>,
    ) -> &'a Stmt<'a> {
        let function = FunctionDef {
            is_async,
            name: *name,
            args,
            body,
            decorators: &[],
            returns: returns.map(|r| r.e),
            type_params: type_params.unwrap_or(&[]),
        };
        self.compound(l, &[body], StmtKind::FunctionDef(self.arena.alloc(function)))
    }

    pub(crate) fn class(
        &self,
        l: u32,
        name: &'a Ident<'a>,
        type_params: Option<&'a [TypeParam<'a>]>,
        args: Option<Vec<Arg<'a>>>,
        body: Body<'a>,
    ) -> Made<&'a Stmt<'a>> {
        let (bases, keywords, _) = self.split_arguments(&args.unwrap_or_default())?;
        let class =
            ClassDef { name: *name, bases, keywords, body, decorators: &[], type_params: type_params.unwrap_or(&[]) };
        Ok(self.compound(l, &[body], StmtKind::ClassDef(self.arena.alloc(class))))
    }

    pub(crate) fn match_stmt(&self, l: u32, subject: &'a Expr<'a>, cases: Vec<&'a MatchCase<'a>>) -> &'a Stmt<'a> {
        let end = cases.last().map_or(l, |c| c.span.end);
        self.stmt(l, end, StmtKind::Match { subject, cases: self.slice(cases) })
    }

    pub(crate) fn match_case(
        &self,
        l: u32,
        pattern: &'a Pattern<'a>,
        guard: Option<Node<'a>>,
        body: Body<'a>,
    ) -> &'a MatchCase<'a> {
        let span = Span::new(l, self.end_of(body));
        self.arena.alloc(MatchCase { span, pattern: *pattern, guard: guard.map(|g| g.e), body })
    }
}
