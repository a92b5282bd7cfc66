//! Whole texts and simple statements.

use super::tree::{Place, X, XKind, bad_target};
use super::{Kind, P, Peg, Rule, Stop, need};

impl Peg<'_> {
    pub(super) fn file(&mut self) -> P<()> {
        loop {
            let mark = self.pos;
            if self.attempt(Self::statement)?.is_none() {
                self.pos = mark;
                break;
            }
            // Statements at the top are never reconsidered.
            self.memo.clear();
        }
        need!(self.eat(Kind::EndMarker));
        Ok(Some(()))
    }

    pub(super) fn eval(&mut self) -> P<()> {
        need!(self.expressions());
        while self.option(Kind::Newline)? {}
        need!(self.eat(Kind::EndMarker));
        Ok(Some(()))
    }

    pub(super) fn single(&mut self) -> P<()> {
        if self.attempt(Self::compound_stmt)?.is_some() {
            need!(self.eat(Kind::EndMarker));
            return Ok(Some(()));
        }
        need!(self.simple_stmts());
        let line_break = self.token(self.pos.saturating_sub(1)).span;
        if !self.is(Kind::EndMarker)? {
            return self.raise(line_break, "multiple statements found while compiling a single statement");
        }
        Ok(Some(()))
    }

    pub(super) fn statement(&mut self) -> P<()> {
        let start = self.span().start;
        if self.attempt(Self::compound_stmt)?.is_some() {
            self.statement = start;
            return Ok(Some(()));
        }
        self.simple_stmts()
    }

    pub(super) fn simple_stmts(&mut self) -> P<()> {
        loop {
            need!(self.simple_stmt());
            if !self.option(Kind::Semicolon)? || self.is(Kind::Newline)? {
                break;
            }
        }
        need!(self.eat(Kind::Newline));
        Ok(Some(()))
    }

    pub(super) fn simple_stmt(&mut self) -> P {
        self.memo(Rule::SimpleStmt, |p| {
            let start = p.span();
            let found = p.simple_alternatives()?;
            Ok(found.map(|()| X::other(start, "statement")))
        })
    }

    fn simple_alternatives(&mut self) -> P<()> {
        if self.attempt(Self::assignment)?.is_some() {
            return Ok(Some(()));
        }
        if self.kind()? == Kind::Name && self.text(self.span()) == "type" && self.attempt(Self::type_alias)?.is_some() {
            return Ok(Some(()));
        }
        if matches!(self.kind()?, Kind::Import | Kind::From) {
            return self.import_stmt();
        }
        if self.star_expressions()?.is_some() {
            return Ok(Some(()));
        }
        match self.kind()? {
            Kind::Return => {
                self.pos += 1;
                self.star_expressions()?;
            }
            Kind::Raise => return self.raise_stmt(),
            Kind::Pass | Kind::Break | Kind::Continue => self.pos += 1,
            Kind::Del => return self.del_stmt(),
            Kind::Yield => {
                need!(self.yield_expr());
            }
            Kind::Assert => {
                self.pos += 1;
                need!(self.expression());
                self.attempt(|p| {
                    need!(p.eat(Kind::Comma));
                    p.expression()
                })?;
            }
            Kind::Global | Kind::Nonlocal => {
                self.pos += 1;
                need!(self.separated(|p| p.eat(Kind::Name)));
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    fn raise_stmt(&mut self) -> P<()> {
        need!(self.eat(Kind::Raise));
        if self.expression()?.is_some() {
            self.attempt(|p| {
                need!(p.eat(Kind::From));
                p.expression()
            })?;
        }
        Ok(Some(()))
    }

    fn del_stmt(&mut self) -> P<()> {
        let found = self.attempt(|p| {
            need!(p.eat(Kind::Del));
            need!(p.separated(Self::del_target));
            p.option(Kind::Comma)?;
            Ok(matches!(p.kind()?, Kind::Semicolon | Kind::Newline).then_some(()))
        })?;
        if found.is_some() {
            return Ok(found);
        }
        self.mistake(|p| {
            need!(p.eat(Kind::Del));
            let x = need!(p.star_expressions());
            p.raise_target::<()>(&x, Place::Del)
        })?;
        Ok(None)
    }

    /// Raises if `x` has a part that cannot be a target.
    pub(super) fn raise_target<T>(&mut self, x: &X, place: Place) -> P<T> {
        let Some(bad) = bad_target(x, place) else { return Ok(None) };
        let verb = if place == Place::Del { "delete" } else { "assign to" };
        self.raise(bad.span, format!("cannot {verb} {}", bad.what()))
    }

    // Assignment.

    pub(super) fn annotated_rhs(&mut self) -> P {
        match self.yield_expr()? {
            None => self.star_expressions(),
            found => Ok(found),
        }
    }

    fn assignment(&mut self) -> P<()> {
        if self.attempt(Self::annotated_assignment)?.is_some() {
            return Ok(Some(()));
        }
        if self.attempt(Self::chained_assignment)?.is_some() {
            return Ok(Some(()));
        }
        let augmented = self.attempt(|p| {
            need!(p.single_target());
            if !p.kind()?.is_augmented_assignment() {
                return Ok(None);
            }
            p.pos += 1;
            // From here on there is no other way to read the statement.
            Ok(Some(p.annotated_rhs()?.is_some()))
        })?;
        match augmented {
            Some(true) => return Ok(Some(())),
            Some(false) => return Ok(None),
            None => {}
        }
        self.mistake(Self::invalid_assignment)?;
        Ok(None)
    }

    fn annotated_assignment(&mut self) -> P<()> {
        let name = self.attempt(|p| {
            need!(p.eat(Kind::Name));
            p.eat(Kind::Colon)
        })?;
        if name.is_none() {
            need!(self.annotation_target());
            need!(self.eat(Kind::Colon));
        }
        need!(self.expression());
        self.attempt(|p| {
            need!(p.eat(Kind::Equal));
            p.annotated_rhs()
        })?;
        Ok(Some(()))
    }

    fn annotation_target(&mut self) -> P {
        let in_parens = self.attempt(|p| {
            need!(p.eat(Kind::LParen));
            let x = need!(p.single_target());
            need!(p.eat(Kind::RParen));
            Ok(Some(x))
        })?;
        match in_parens {
            None => self.single_subscript_attribute_target(),
            found => Ok(found),
        }
    }

    fn chained_assignment(&mut self) -> P<()> {
        let targets = self.many(|p| {
            need!(p.star_targets());
            p.eat(Kind::Equal)
        })?;
        if targets.is_empty() {
            return Ok(None);
        }
        need!(self.annotated_rhs());
        Ok((!self.is(Kind::Equal)?).then_some(()))
    }

    fn invalid_assignment(&mut self) -> P<()> {
        self.attempt(|p| {
            let x = need!(p.invalid_annotation_target());
            need!(p.eat(Kind::Colon));
            need!(p.expression());
            p.raise::<()>(x.span, format!("only single target (not {}) can be annotated", x.what()))
        })?;
        self.attempt(|p| {
            let x = need!(p.star_named_expression());
            need!(p.eat(Kind::Comma));
            p.many(Self::star_named_expressions)?;
            need!(p.eat(Kind::Colon));
            need!(p.expression());
            p.raise::<()>(x.span, "only single target (not tuple) can be annotated")
        })?;
        self.attempt(|p| {
            let x = need!(p.expression());
            need!(p.eat(Kind::Colon));
            need!(p.expression());
            p.raise::<()>(x.span, "illegal target for annotation")
        })?;
        let mut stopped = false;
        self.attempt(|p| {
            p.target_prefixes()?;
            let x = need!(p.star_expressions());
            need!(p.eat(Kind::Equal));
            stopped = true;
            p.raise_target::<()>(&x, Place::Star)
        })?;
        if stopped {
            return Ok(None);
        }
        self.attempt(|p| {
            p.target_prefixes()?;
            let x = need!(p.yield_expr());
            need!(p.eat(Kind::Equal));
            p.raise::<()>(x.span, "assignment to yield expression not possible")
        })?;
        let x = need!(self.star_expressions());
        if !self.kind()?.is_augmented_assignment() {
            return Ok(None);
        }
        self.pos += 1;
        need!(self.annotated_rhs());
        self.raise(x.span, format!("'{}' is an illegal expression for augmented assignment", x.what()))
    }

    fn target_prefixes(&mut self) -> Result<(), Stop> {
        self.many(|p| {
            need!(p.star_targets());
            p.eat(Kind::Equal)
        })?;
        Ok(())
    }

    fn invalid_annotation_target(&mut self) -> P {
        for rule in [Self::list, Self::tuple] {
            if let Some(x) = self.attempt(rule)? {
                return Ok(Some(x));
            }
        }
        self.attempt(|p| {
            need!(p.eat(Kind::LParen));
            let x = need!(p.invalid_annotation_target());
            need!(p.eat(Kind::RParen));
            Ok(Some(x))
        })
    }

    fn type_alias(&mut self) -> P<()> {
        need!(self.eat_soft("type"));
        need!(self.eat(Kind::Name));
        self.attempt(Self::type_params)?;
        need!(self.eat(Kind::Equal));
        need!(self.expression());
        Ok(Some(()))
    }

    // Imports.

    fn import_stmt(&mut self) -> P<()> {
        self.mistake(|p| {
            let import = need!(p.eat(Kind::Import));
            p.attempt(|p| {
                need!(p.separated(Self::dotted_name));
                need!(p.eat(Kind::From));
                need!(p.dotted_name());
                p.raise_from::<()>(import, "Did you mean to use 'from ... import ...' instead?")
            })?;
            let newline = need!(p.eat(Kind::Newline));
            p.raise_from::<()>(newline, "Expected one or more names after 'import'")
        })?;
        let plain = self.attempt(|p| {
            need!(p.eat(Kind::Import));
            need!(p.separated(|p| p.alias(Self::dotted_name)));
            Ok(Some(()))
        })?;
        if plain.is_some() {
            return Ok(plain);
        }
        need!(self.eat(Kind::From));
        let dots = self.many(Self::dot)?;
        let module = self.attempt(|p| {
            need!(p.dotted_name());
            p.eat(Kind::Import)
        })?;
        if module.is_none() {
            if dots.is_empty() {
                return Ok(None);
            }
            need!(self.eat(Kind::Import));
        }
        self.import_names()
    }

    fn dot(&mut self) -> P<()> {
        if matches!(self.kind()?, Kind::Dot | Kind::Ellipsis) {
            self.pos += 1;
            return Ok(Some(()));
        }
        Ok(None)
    }

    fn import_names(&mut self) -> P<()> {
        let alias = |p: &mut Self| p.alias(|p| Ok(p.eat(Kind::Name)?.map(|_| ())));
        let in_parens = self.attempt(|p| {
            need!(p.eat(Kind::LParen));
            need!(p.separated(alias));
            p.option(Kind::Comma)?;
            need!(p.eat(Kind::RParen));
            Ok(Some(()))
        })?;
        if in_parens.is_some() {
            return Ok(in_parens);
        }
        let plain = self.attempt(|p| {
            need!(p.separated(alias));
            Ok((!p.is(Kind::Comma)?).then_some(()))
        })?;
        if plain.is_some() {
            return Ok(plain);
        }
        if self.option(Kind::Star)? {
            return Ok(Some(()));
        }
        self.mistake(|p| {
            p.attempt(|p| {
                need!(p.separated(alias));
                need!(p.eat(Kind::Comma));
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>("trailing comma not allowed without surrounding parentheses")
            })?;
            let newline = need!(p.eat(Kind::Newline));
            p.raise_from::<()>(newline, "Expected one or more names after 'import'")
        })?;
        Ok(None)
    }

    pub(super) fn dotted_name(&mut self) -> P<()> {
        need!(self.eat(Kind::Name));
        self.many(|p| {
            need!(p.eat(Kind::Dot));
            p.eat(Kind::Name)
        })?;
        Ok(Some(()))
    }

    fn alias(&mut self, name: impl Fn(&mut Self) -> P<()>) -> P<()> {
        self.mistake(|p| {
            need!(name(p));
            need!(p.eat(Kind::As));
            let good = p.look(|p| {
                need!(p.eat(Kind::Name));
                let end = matches!(p.kind()?, Kind::Comma | Kind::RParen | Kind::Semicolon | Kind::Newline);
                Ok(end.then_some(()))
            })?;
            if good {
                return Ok(None);
            }
            let x = need!(p.expression());
            p.raise::<()>(x.span, format!("cannot use {} as import target", x.what()))
        })?;
        need!(name(self));
        self.attempt(|p| {
            need!(p.eat(Kind::As));
            p.eat(Kind::Name)
        })?;
        Ok(Some(()))
    }

    /// A tuple of what `first` and `rest` are.
    pub(super) fn tuple_x(&self, start: u32, items: Vec<X>) -> X {
        X { span: crate::ast::Span::new(start, self.end()), kind: XKind::Tuple(items.into()) }
    }
}
