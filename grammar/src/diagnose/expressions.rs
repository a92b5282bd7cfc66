//! Expressions from the comma list down to the operators.

use super::tree::{X, XKind};
use super::{Kind, P, Peg, Rule, Stop, need};
use crate::ast::Span;
use std::rc::Rc;

/// Binary operators by how tightly they bind, loosest first, from `|` to `*`.
const LEVELS: [&[Kind]; 5] = [
    &[Kind::Bar],
    &[Kind::Caret],
    &[Kind::Ampersand],
    &[Kind::LeftShift, Kind::RightShift],
    &[Kind::Plus, Kind::Minus],
];
const TERM: [Kind; 5] = [Kind::Star, Kind::Slash, Kind::DoubleSlash, Kind::Percent, Kind::At];

impl Peg<'_> {
    fn span_from(&self, start: u32) -> Span {
        Span::new(start, self.end().max(start))
    }

    /// `item` and more of them after commas: a tuple if there is a comma.
    fn comma_list(&mut self, item: fn(&mut Self) -> P) -> P {
        let start = self.span().start;
        let first = need!(item(self));
        if !self.is(Kind::Comma)? {
            return Ok(Some(first));
        }
        let mut items = vec![first];
        items.extend(self.many(|p| {
            need!(p.eat(Kind::Comma));
            item(p)
        })?);
        self.option(Kind::Comma)?;
        Ok(Some(self.tuple_x(start, items)))
    }

    pub(super) fn expressions(&mut self) -> P {
        self.attempt(|p| p.comma_list(Self::expression))
    }

    pub(super) fn star_expressions(&mut self) -> P {
        self.attempt(|p| p.comma_list(Self::star_expression))
    }

    pub(super) fn star_expression(&mut self) -> P {
        self.memo(Rule::StarExpression, |p| match p.starred_operand()? {
            None => p.expression(),
            found => Ok(found),
        })
    }

    /// `*` and an operand of `|`.
    fn starred_operand(&mut self) -> P {
        self.attempt(|p| {
            let start = need!(p.eat(Kind::Star)).start;
            let x = need!(p.bitwise_or());
            Ok(Some(X { span: p.span_from(start), kind: XKind::Starred(Rc::new(x)) }))
        })
    }

    /// Several of [`Self::star_named_expression`]: the last one.
    pub(super) fn star_named_expressions(&mut self) -> P {
        let items = need!(self.separated(Self::star_named_expression));
        self.option(Kind::Comma)?;
        Ok(items.last().cloned())
    }

    pub(super) fn star_named_expression(&mut self) -> P {
        match self.starred_operand()? {
            None => self.named_expression(),
            found => Ok(found),
        }
    }

    pub(super) fn assignment_expression(&mut self) -> P {
        self.attempt(|p| {
            let start = need!(p.eat(Kind::Name)).start;
            need!(p.eat(Kind::ColonEqual));
            need!(p.expression());
            Ok(Some(X::other(p.span_from(start), "named expression")))
        })
    }

    pub(super) fn named_expression(&mut self) -> P {
        self.memo(Rule::NamedExpression, |p| {
            if let Some(x) = p.assignment_expression()? {
                return Ok(Some(x));
            }
            p.mistake(|p| {
                p.memo(Rule::InvalidNamed, |p| p.invalid_named_expression())?;
                Ok(None::<()>)
            })?;
            p.plain_expression()
        })
    }

    /// An expression that no `:=` follows.
    pub(super) fn plain_expression(&mut self) -> P {
        let x = need!(self.expression());
        Ok((!self.is(Kind::ColonEqual)?).then_some(x))
    }

    fn invalid_named_expression(&mut self) -> P {
        self.attempt(|p| {
            let x = need!(p.expression());
            need!(p.eat(Kind::ColonEqual));
            need!(p.expression());
            p.raise::<()>(x.span, format!("cannot use assignment expressions with {}", x.what()))
        })?;
        self.attempt(|p| {
            let name = need!(p.eat(Kind::Name));
            need!(p.eat(Kind::Equal));
            let value = need!(p.bitwise_or());
            if matches!(p.kind()?, Kind::Equal | Kind::ColonEqual) {
                return Ok(None);
            }
            p.raise::<()>(name.to(value.span), "invalid syntax. Maybe you meant '==' or ':=' instead of '='?")
        })?;
        for rule in [Self::list, Self::tuple, Self::genexp] {
            if self.look(rule)? {
                return Ok(None);
            }
        }
        if matches!(self.kind()?, Kind::True | Kind::None | Kind::False) {
            return Ok(None);
        }
        let x = need!(self.bitwise_or());
        need!(self.eat(Kind::Equal));
        need!(self.bitwise_or());
        if matches!(self.kind()?, Kind::Equal | Kind::ColonEqual) {
            return Ok(None);
        }
        self.raise(x.span, format!("cannot assign to {} here. Maybe you meant '==' instead of '='?", x.what()))
    }

    pub(super) fn yield_expr(&mut self) -> P {
        self.attempt(|p| {
            let start = need!(p.eat(Kind::Yield)).start;
            let from = p.attempt(|p| {
                need!(p.eat(Kind::From));
                p.expression()
            })?;
            if from.is_none() {
                p.star_expressions()?;
            }
            Ok(Some(X::other(p.span_from(start), "yield expression")))
        })
    }

    pub(super) fn expression(&mut self) -> P {
        self.memo(Rule::Expression, |p| {
            p.mistake(Self::invalid_expression)?;
            p.mistake(Self::invalid_legacy_expression)?;
            p.expression_alternatives()
        })
    }

    fn expression_alternatives(&mut self) -> P {
        let start = self.span().start;
        let x = self.disjunction()?;
        if let Some(x) = x {
            let ternary = self.attempt(|p| {
                need!(p.eat(Kind::If));
                need!(p.disjunction());
                need!(p.eat(Kind::Else));
                need!(p.expression());
                Ok(Some(X::other(p.span_from(start), "conditional expression")))
            })?;
            return Ok(Some(ternary.unwrap_or(x)));
        }
        self.lambda()
    }

    fn expression_without_invalid(&mut self) -> P {
        let invalid = std::mem::replace(&mut self.invalid, false);
        let result = self.attempt(Self::expression_alternatives);
        self.invalid = invalid;
        result
    }

    fn is_soft_keyword(&self) -> bool {
        matches!(self.text(self.span()), "match" | "case" | "type" | "_")
    }

    fn invalid_expression(&mut self) -> P<()> {
        self.attempt(|p| {
            need!(p.eat(Kind::Str));
            let inner = p.many(|p| {
                if p.is(Kind::Str)? {
                    return Ok(None);
                }
                p.expression_without_invalid()
            })?;
            let (Some(first), Some(last)) = (inner.first(), inner.last()) else { return Ok(None) };
            need!(p.eat(Kind::Str));
            p.raise::<()>(first.span.to(last.span), "invalid syntax. Is this intended to be part of the string?")
        })?;
        let name = self.is(Kind::Name)?;
        let prefixed = name && self.kind_at(1)? == Kind::Str;
        if !(prefixed || name && self.is_soft_keyword()) && self.missing_comma()? {
            return Ok(None);
        }
        self.attempt(|p| {
            let a = need!(p.disjunction());
            need!(p.eat(Kind::If));
            let b = need!(p.disjunction());
            if !matches!(p.kind()?, Kind::Else | Kind::Colon) {
                return p.raise::<()>(a.span.to(b.span), "expected 'else' after 'if' expression");
            }
            need!(p.eat(Kind::Else));
            if p.look(Self::expression)? {
                return Ok(None);
            }
            p.raise_here::<()>("expected expression after 'else', but statement is given")
        })?;
        self.attempt(|p| {
            let statement = p.span();
            if !matches!(p.kind()?, Kind::Pass | Kind::Break | Kind::Continue) {
                return Ok(None);
            }
            p.pos += 1;
            need!(p.eat(Kind::If));
            need!(p.disjunction());
            need!(p.eat(Kind::Else));
            need!(p.simple_stmt());
            p.raise::<()>(statement, "expected expression before 'if', but statement is given")
        })?;
        let start = need!(self.eat(Kind::Lambda));
        self.lambda_params()?;
        let colon = need!(self.eat(Kind::Colon));
        if !self.is(Kind::FStringMiddle)? {
            return Ok(None);
        }
        let what = self.string_letter();
        self.raise(start.to(colon), format!("{what}-string: lambda expressions are not allowed without parentheses"))
    }

    /// Two expressions side by side: inside brackets a comma is missing. Tells whether they are side by side.
    fn missing_comma(&mut self) -> Result<bool, Stop> {
        let found = self.attempt(|p| {
            let a = need!(p.disjunction());
            let b = need!(p.expression_without_invalid());
            let inside = p.levels.get(p.pos.saturating_sub(1)).is_some_and(|l| *l > 0);
            if inside && !p.is_legacy(&a) {
                return p.raise(a.span.to(b.span), "invalid syntax. Perhaps you forgot a comma?");
            }
            Ok(Some(()))
        })?;
        Ok(found.is_some())
    }

    /// Whether `x` names a statement of Python 2.
    fn is_legacy(&self, x: &X) -> bool {
        x.is_name() && matches!(self.text(x.span), "print" | "exec")
    }

    fn invalid_legacy_expression(&mut self) -> P<()> {
        let name = need!(self.eat(Kind::Name));
        if self.is(Kind::LParen)? {
            return Ok(None);
        }
        let x = need!(self.star_expressions());
        let word = self.text(name);
        if !matches!(word, "print" | "exec") {
            return Ok(None);
        }
        self.raise(name.to(x.span), format!("Missing parentheses in call to '{word}'. Did you mean {word}(...)?"))
    }

    /// Operands separated by one keyword.
    fn bool_op(&mut self, operator: Kind, operand: fn(&mut Self) -> P) -> P {
        let start = self.span().start;
        let first = need!(operand(self));
        let rest = self.many(|p| {
            need!(p.eat(operator));
            operand(p)
        })?;
        if rest.is_empty() {
            return Ok(Some(first));
        }
        Ok(Some(X::other(self.span_from(start), "expression")))
    }

    pub(super) fn disjunction(&mut self) -> P {
        self.memo(Rule::Disjunction, |p| p.bool_op(Kind::Or, Self::conjunction))
    }

    fn conjunction(&mut self) -> P {
        self.memo(Rule::Conjunction, |p| p.bool_op(Kind::And, Self::inversion))
    }

    fn inversion(&mut self) -> P {
        self.memo(Rule::Inversion, |p| {
            let start = p.span().start;
            let not = p.attempt(|p| {
                need!(p.eat(Kind::Not));
                p.inversion()
            })?;
            if not.is_some() {
                return Ok(Some(X::other(p.span_from(start), "expression")));
            }
            p.comparison()
        })
    }

    fn comparison(&mut self) -> P {
        self.memo(Rule::Comparison, |p| {
            let start = p.span().start;
            let left = need!(p.bitwise_or());
            let mut first = None;
            loop {
                let is_in = p.is(Kind::In)?;
                let pair = p.attempt(|p| {
                    need!(p.comparison_operator());
                    p.bitwise_or()
                })?;
                if pair.is_none() {
                    break;
                }
                first.get_or_insert(is_in);
            }
            match first {
                None => Ok(Some(left)),
                Some(is_in) => Ok(Some(X { span: p.span_from(start), kind: XKind::Compare(is_in, Rc::new(left)) })),
            }
        })
    }

    fn comparison_operator(&mut self) -> P<()> {
        match self.kind()? {
            Kind::EqEqual
            | Kind::NotEqual
            | Kind::Less
            | Kind::LessEqual
            | Kind::Greater
            | Kind::GreaterEqual
            | Kind::In => self.pos += 1,
            Kind::LessGreater => {
                return self.raise(self.span(), "invalid syntax.  Maybe you meant '!=' instead of '<>'?");
            }
            Kind::Is => {
                self.pos += 1;
                self.option(Kind::Not)?;
            }
            Kind::Not => {
                self.pos += 1;
                need!(self.eat(Kind::In));
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    pub(super) fn bitwise_or(&mut self) -> P {
        self.binary(0)
    }

    /// Left-associative operators of `LEVELS[level]` and tighter ones.
    fn binary(&mut self, level: usize) -> P {
        self.memo(Rule::Binary(level as u8), |p| p.binary_level(level))
    }

    fn binary_level(&mut self, level: usize) -> P {
        if level == 3 {
            self.mistake(Self::invalid_arithmetic)?;
        }
        let Some(operators) = LEVELS.get(level) else { return self.term() };
        let start = self.span().start;
        let mut x = need!(self.binary(level + 1));
        loop {
            let right = self.attempt(|p| {
                if !operators.contains(&p.kind()?) {
                    return Ok(None);
                }
                p.pos += 1;
                p.binary(level + 1)
            })?;
            if right.is_none() {
                return Ok(Some(x));
            }
            x = X::other(self.span_from(start), "expression");
        }
    }

    fn sum(&mut self) -> P {
        self.binary(4)
    }

    fn invalid_arithmetic(&mut self) -> P<()> {
        need!(self.sum());
        let kind = self.kind()?;
        if !(matches!(kind, Kind::Plus | Kind::Minus) || TERM.contains(&kind)) {
            return Ok(None);
        }
        self.pos += 1;
        let not = need!(self.eat(Kind::Not));
        let x = need!(self.inversion());
        self.raise(not.to(x.span), "'not' after an operator must be parenthesized")
    }

    fn term(&mut self) -> P {
        let start = self.span().start;
        self.mistake(|p| {
            if !matches!(p.kind()?, Kind::Plus | Kind::Minus | Kind::Tilde) {
                return Ok(None);
            }
            p.pos += 1;
            let not = need!(p.eat(Kind::Not));
            let x = need!(p.factor());
            p.raise::<()>(not.to(x.span), "'not' after an operator must be parenthesized")
        })?;
        let mut x = need!(self.factor());
        loop {
            let right = self.attempt(|p| {
                if !TERM.contains(&p.kind()?) {
                    return Ok(None);
                }
                p.pos += 1;
                p.factor()
            })?;
            if right.is_none() {
                return Ok(Some(x));
            }
            x = X::other(self.span_from(start), "expression");
        }
    }

    fn factor(&mut self) -> P {
        self.memo(Rule::Factor, |p| {
            let start = p.span().start;
            if matches!(p.kind()?, Kind::Plus | Kind::Minus | Kind::Tilde) {
                p.pos += 1;
                need!(p.factor());
                return Ok(Some(X::other(p.span_from(start), "expression")));
            }
            let base = need!(p.await_primary());
            let power = p.attempt(|p| {
                need!(p.eat(Kind::DoubleStar));
                p.factor()
            })?;
            match power {
                None => Ok(Some(base)),
                Some(_) => Ok(Some(X::other(p.span_from(start), "expression"))),
            }
        })
    }

    fn await_primary(&mut self) -> P {
        self.memo(Rule::AwaitPrimary, |p| {
            let start = p.span().start;
            if p.option(Kind::Await)? {
                need!(p.primary());
                return Ok(Some(X::other(p.span_from(start), "await expression")));
            }
            p.primary()
        })
    }

    pub(super) fn primary(&mut self) -> P {
        self.memo(Rule::Primary, |p| {
            let start = p.span().start;
            let mut x = need!(p.atom());
            while let Some(next) = p.attempt(|p| p.trailer(start))? {
                x = next;
            }
            Ok(Some(x))
        })
    }

    /// What may follow a primary that began at `start`: the whole with it.
    pub(super) fn trailer(&mut self, start: u32) -> P {
        if matches!(self.kind()?, Kind::LParen | Kind::LBracket | Kind::LBrace) && self.genexp()?.is_some() {
            return Ok(Some(X::other(self.span_from(start), "function call")));
        }
        match self.kind()? {
            Kind::Dot => {
                self.pos += 1;
                need!(self.eat(Kind::Name));
                Ok(Some(X { span: self.span_from(start), kind: XKind::Attribute }))
            }
            Kind::LParen => {
                self.pos += 1;
                self.arguments()?;
                need!(self.eat(Kind::RParen));
                Ok(Some(X::other(self.span_from(start), "function call")))
            }
            Kind::LBracket => {
                self.pos += 1;
                need!(self.slices());
                need!(self.eat(Kind::RBracket));
                Ok(Some(X { span: self.span_from(start), kind: XKind::Subscript }))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn slices(&mut self) -> P<()> {
        let alone = self.attempt(|p| {
            need!(p.slice());
            Ok((!p.is(Kind::Comma)?).then_some(()))
        })?;
        if alone.is_some() {
            return Ok(alone);
        }
        need!(self.separated(|p| match p.attempt(Self::slice)? {
            None => Ok(p.starred_expression()?.map(|_| ())),
            found => Ok(found),
        }));
        self.option(Kind::Comma)?;
        Ok(Some(()))
    }

    fn slice(&mut self) -> P<()> {
        let range = self.attempt(|p| {
            p.expression()?;
            need!(p.eat(Kind::Colon));
            p.expression()?;
            if p.option(Kind::Colon)? {
                p.expression()?;
            }
            Ok(Some(()))
        })?;
        if range.is_some() {
            return Ok(range);
        }
        need!(self.named_expression());
        Ok(Some(()))
    }

    fn lambda(&mut self) -> P {
        self.attempt(|p| {
            let start = need!(p.eat(Kind::Lambda)).start;
            p.lambda_params()?;
            need!(p.eat(Kind::Colon));
            need!(p.expression());
            Ok(Some(X::other(p.span_from(start), "lambda")))
        })
    }
}
