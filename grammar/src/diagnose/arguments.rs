//! Arguments of calls and classes.

use super::tree::{X, XKind};
use super::{Kind, P, Peg, Rule, need};
use crate::ast::Span;
use std::rc::Rc;

const GENERATOR: &str = "Generator expression must be parenthesized";
const MEANT_COMPARISON: &str = "invalid syntax. Maybe you meant '==' or ':=' instead of '='?";

/// A keyword argument, a `**` or a starred one among them.
enum Keyword {
    Named,
    Starred(X),
    DoubleStar,
}

impl Peg<'_> {
    pub(super) fn arguments(&mut self) -> P {
        self.memo(Rule::Arguments, |p| {
            let found = p.attempt(|p| {
                let args = need!(p.args());
                p.option(Kind::Comma)?;
                Ok(p.is(Kind::RParen)?.then_some(args))
            })?;
            if found.is_some() {
                return Ok(found);
            }
            p.mistake(Self::invalid_arguments)?;
            Ok(None)
        })
    }

    /// A positional argument; no `=` may follow.
    fn positional(&mut self) -> P {
        if let Some(x) = self.attempt(Self::starred_expression)? {
            return Ok(Some(x));
        }
        let x = match self.assignment_expression()? {
            None => need!(self.plain_expression()),
            Some(x) => x,
        };
        Ok((!self.is(Kind::Equal)?).then_some(x))
    }

    fn args(&mut self) -> P {
        self.attempt(|p| {
            let start = p.span();
            let mut items = p.separated(Self::positional)?.unwrap_or_default();
            let keywords = if items.is_empty() {
                Some(need!(p.kwargs()))
            } else {
                p.attempt(|p| {
                    need!(p.eat(Kind::Comma));
                    p.kwargs()
                })?
            };
            let mut double_star = false;
            for keyword in keywords.unwrap_or_default() {
                match keyword {
                    Keyword::Named => {}
                    Keyword::Starred(x) => items.push(x),
                    Keyword::DoubleStar => double_star = true,
                }
            }
            let span = Span::new(start.start, p.end().max(start.start));
            Ok(Some(X { span, kind: XKind::Arguments(items.into(), double_star) }))
        })
    }

    fn kwargs(&mut self) -> P<Vec<Keyword>> {
        let both = self.attempt(|p| {
            let mut items = need!(p.separated(Self::kwarg_or_starred));
            need!(p.eat(Kind::Comma));
            items.extend(need!(p.separated(Self::kwarg_or_double_starred)));
            Ok(Some(items))
        })?;
        if both.is_some() {
            return Ok(both);
        }
        if let Some(items) = self.separated(Self::kwarg_or_starred)? {
            return Ok(Some(items));
        }
        self.separated(Self::kwarg_or_double_starred)
    }

    fn kwarg(&mut self) -> P<Keyword> {
        self.mistake(Self::invalid_kwarg)?;
        self.attempt(|p| {
            need!(p.eat(Kind::Name));
            need!(p.eat(Kind::Equal));
            need!(p.expression());
            Ok(Some(Keyword::Named))
        })
    }

    fn kwarg_or_starred(&mut self) -> P<Keyword> {
        match self.kwarg()? {
            None => Ok(self.attempt(Self::starred_expression)?.map(Keyword::Starred)),
            found => Ok(found),
        }
    }

    fn kwarg_or_double_starred(&mut self) -> P<Keyword> {
        if let Some(found) = self.kwarg()? {
            return Ok(Some(found));
        }
        need!(self.eat(Kind::DoubleStar));
        need!(self.expression());
        Ok(Some(Keyword::DoubleStar))
    }

    fn invalid_kwarg(&mut self) -> P<()> {
        let first = self.span();
        self.attempt(|p| {
            if !matches!(p.kind()?, Kind::True | Kind::False | Kind::None) {
                return Ok(None);
            }
            p.pos += 1;
            let equal = need!(p.eat(Kind::Equal));
            p.raise::<()>(first.to(equal), format!("cannot assign to {}", p.text(first)))
        })?;
        self.attempt(Self::generator_after_equal)?;
        let named = self.kind()? == Kind::Name && self.kind_at(1)? == Kind::Equal;
        if !named {
            self.attempt(|p| {
                let x = need!(p.expression());
                let equal = need!(p.eat(Kind::Equal));
                p.raise::<()>(x.span.to(equal), "expression cannot contain assignment, perhaps you meant \"==\"?")
            })?;
        }
        let stars = need!(self.eat(Kind::DoubleStar));
        need!(self.expression());
        need!(self.eat(Kind::Equal));
        let x = need!(self.expression());
        self.raise(stars.to(x.span), "cannot assign to keyword argument unpacking")
    }

    /// `name=value for …`.
    fn generator_after_equal(&mut self) -> P<()> {
        let name = need!(self.eat(Kind::Name));
        let equal = need!(self.eat(Kind::Equal));
        need!(self.expression());
        need!(self.for_if_clauses());
        self.raise(name.to(equal), MEANT_COMPARISON)
    }

    pub(super) fn starred_expression(&mut self) -> P {
        self.mistake(|p| {
            let star = need!(p.eat(Kind::Star));
            need!(p.expression());
            need!(p.eat(Kind::Equal));
            let x = need!(p.expression());
            p.raise::<()>(star.to(x.span), "cannot assign to iterable argument unpacking")
        })?;
        let found = self.attempt(|p| {
            let star = need!(p.eat(Kind::Star));
            let x = need!(p.expression());
            Ok(Some(X { span: star.to(x.span), kind: XKind::Starred(Rc::new(x)) }))
        })?;
        if found.is_some() {
            return Ok(found);
        }
        self.mistake(|p| {
            need!(p.eat(Kind::Star));
            p.raise_last::<()>("Invalid star expression")
        })?;
        Ok(None)
    }

    fn invalid_arguments(&mut self) -> P<()> {
        self.attempt(|p| {
            let mixed = p.attempt(|p| {
                need!(p.separated(Self::positional));
                need!(p.eat(Kind::Comma));
                p.kwargs()
            })?;
            if mixed.is_none() {
                need!(p.kwargs());
            }
            let comma = need!(p.eat(Kind::Comma));
            need!(p.separated(|p| {
                let x = need!(p.starred_expression());
                Ok((!p.is(Kind::Equal)?).then_some(x))
            }));
            p.raise_from::<()>(comma, "iterable argument unpacking follows keyword argument unpacking")
        })?;
        self.attempt(|p| {
            let x = need!(p.expression());
            let last = need!(p.for_if_clauses());
            need!(p.eat(Kind::Comma));
            if p.args()?.is_none() {
                p.attempt(|p| {
                    need!(p.expression());
                    p.for_if_clauses()
                })?;
            }
            p.raise::<()>(x.span.to(last.span), GENERATOR)
        })?;
        self.attempt(Self::generator_after_equal)?;
        self.attempt(|p| {
            p.attempt(|p| {
                need!(p.args());
                p.eat(Kind::Comma)
            })?;
            let name = need!(p.eat(Kind::Name));
            let equal = need!(p.eat(Kind::Equal));
            if !matches!(p.kind()?, Kind::Comma | Kind::RParen) {
                return Ok(None);
            }
            p.raise::<()>(name.to(equal), "expected argument value expression")
        })?;
        let args = need!(self.args());
        let XKind::Arguments(items, double_star) = &args.kind else { return Ok(None) };
        let mark = self.pos;
        if let Some(last) = self.for_if_clauses()? {
            // The bare generator is the last of several arguments.
            return match &items[..] {
                [_, .., x] => self.raise(x.span.to(last.span), GENERATOR),
                _ => Ok(None),
            };
        }
        self.pos = mark;
        need!(self.eat(Kind::Comma));
        self.attempt(|p| {
            let x = need!(p.expression());
            let last = need!(p.for_if_clauses());
            p.raise::<()>(x.span.to(last.span), GENERATOR)
        })?;
        need!(self.args());
        self.raise_last(if *double_star {
            "positional argument follows keyword argument unpacking"
        } else {
            "positional argument follows keyword argument"
        })
    }
}
