//! Atoms, displays and comprehensions.

use super::tree::{Place, X, XKind};
use super::{Kind, P, Peg, Rule, Stop, need};
use crate::ast::Span;
use crate::error::{End, ErrorKind, SyntaxError};

impl Peg<'_> {
    pub(super) fn atom(&mut self) -> P {
        self.memo(Rule::Atom, |p| {
            let span = p.span();
            let what = match p.kind()? {
                Kind::Name => {
                    p.pos += 1;
                    return Ok(Some(X { span, kind: XKind::Name }));
                }
                Kind::True => "True",
                Kind::False => "False",
                Kind::None => "None",
                Kind::Number => "literal",
                Kind::Ellipsis => "ellipsis",
                Kind::Str | Kind::FStringStart | Kind::TStringStart => return p.strings(),
                Kind::LParen => return p.first_of(&[Self::tuple, Self::group, Self::genexp]),
                Kind::LBracket => return p.first_of(&[Self::list, Self::list_comp]),
                Kind::LBrace => return p.first_of(&[Self::dict, Self::set, Self::dict_comp, Self::set_comp]),
                _ => return Ok(None),
            };
            p.pos += 1;
            Ok(Some(X::other(span, what)))
        })
    }

    fn first_of(&mut self, rules: &[fn(&mut Self) -> P]) -> P {
        for rule in rules {
            if let Some(x) = self.attempt(rule)? {
                return Ok(Some(x));
            }
        }
        Ok(None)
    }

    fn whole(&self, start: Span) -> Span {
        Span::new(start.start, self.end().max(start.end))
    }

    pub(super) fn list(&mut self) -> P {
        let open = need!(self.eat(Kind::LBracket));
        let items = self.separated(Self::star_named_expression)?.unwrap_or_default();
        if !items.is_empty() {
            self.option(Kind::Comma)?;
        }
        need!(self.eat(Kind::RBracket));
        Ok(Some(X { span: self.whole(open), kind: XKind::List(items.into()) }))
    }

    pub(super) fn tuple(&mut self) -> P {
        let open = need!(self.eat(Kind::LParen));
        let mut items = Vec::new();
        let first = self.attempt(|p| {
            let first = need!(p.star_named_expression());
            need!(p.eat(Kind::Comma));
            Ok(Some(first))
        })?;
        if let Some(first) = first {
            items.push(first);
            if let Some(rest) = self.separated(Self::star_named_expression)? {
                items.extend(rest);
                self.option(Kind::Comma)?;
            }
        }
        need!(self.eat(Kind::RParen));
        Ok(Some(self.tuple_x(open.start, items)))
    }

    fn group(&mut self) -> P {
        let group = self.attempt(|p| {
            need!(p.eat(Kind::LParen));
            let x = match p.yield_expr()? {
                None => need!(p.named_expression()),
                Some(x) => x,
            };
            need!(p.eat(Kind::RParen));
            Ok(Some(x))
        })?;
        if group.is_some() {
            return Ok(group);
        }
        self.mistake(|p| {
            need!(p.eat(Kind::LParen));
            p.attempt(|p| {
                let x = need!(p.starred_expression());
                need!(p.eat(Kind::RParen));
                p.raise::<()>(x.span, "cannot use starred expression here")
            })?;
            let stars = need!(p.eat(Kind::DoubleStar));
            need!(p.expression());
            need!(p.eat(Kind::RParen));
            p.raise::<()>(stars, "cannot use double starred expression here")
        })?;
        Ok(None)
    }

    pub(super) fn genexp(&mut self) -> P {
        self.memo(Rule::Genexp, |p| {
            let open = p.span();
            let found = p.attempt(|p| {
                need!(p.eat(Kind::LParen));
                if p.assignment_expression()?.is_none() {
                    need!(p.plain_expression());
                }
                need!(p.for_if_clauses());
                p.eat(Kind::RParen)
            })?;
            if found.is_some() {
                return Ok(Some(X::other(p.whole(open), "generator expression")));
            }
            p.mistake(Self::invalid_comprehension)?;
            Ok(None)
        })
    }

    fn list_comp(&mut self) -> P {
        self.comprehension(Kind::LBracket, Kind::RBracket, "list comprehension")
    }

    fn set_comp(&mut self) -> P {
        self.comprehension(Kind::LBrace, Kind::RBrace, "set comprehension")
    }

    fn comprehension(&mut self, open: Kind, close: Kind, what: &'static str) -> P {
        let start = self.span();
        let found = self.attempt(|p| {
            need!(p.eat(open));
            need!(p.named_expression());
            need!(p.for_if_clauses());
            p.eat(close)
        })?;
        if found.is_some() {
            return Ok(Some(X::other(self.whole(start), what)));
        }
        self.mistake(Self::invalid_comprehension)?;
        Ok(None)
    }

    fn invalid_comprehension(&mut self) -> P<()> {
        let open = self.kind()?;
        if !matches!(open, Kind::LParen | Kind::LBracket | Kind::LBrace) {
            return Ok(None);
        }
        self.pos += 1;
        self.attempt(|p| {
            let x = need!(p.starred_expression());
            need!(p.for_if_clauses());
            p.raise::<()>(x.span, "iterable unpacking cannot be used in comprehension")
        })?;
        if open == Kind::LParen {
            return Ok(None);
        }
        let message = "did you forget parentheses around the comprehension target?";
        let first = need!(self.star_named_expression());
        let comma = need!(self.eat(Kind::Comma));
        self.attempt(|p| {
            let last = need!(p.star_named_expressions());
            need!(p.for_if_clauses());
            p.raise::<()>(first.span.to(last.span), message)
        })?;
        need!(self.for_if_clauses());
        self.raise(first.span.to(comma), message)
    }

    /// One or more `for` clauses: the last expression of the last one.
    pub(super) fn for_if_clauses(&mut self) -> P {
        self.memo(Rule::ForIf, |p| {
            let mut last = None;
            while let Some(x) = p.attempt(Self::for_if_clause)? {
                last = Some(x);
            }
            Ok(last)
        })
    }

    fn for_if_clause(&mut self) -> P {
        let mut committed = false;
        let found = self.attempt(|p| {
            p.option(Kind::Async)?;
            need!(p.eat(Kind::For));
            need!(p.star_targets());
            need!(p.eat(Kind::In));
            committed = true;
            let mut last = need!(p.disjunction());
            while let Some(x) = p.attempt(|p| {
                need!(p.eat(Kind::If));
                p.disjunction()
            })? {
                last = x;
            }
            Ok(Some(last))
        })?;
        if found.is_some() || committed {
            return Ok(found);
        }
        self.mistake(|p| {
            p.option(Kind::Async)?;
            need!(p.eat(Kind::For));
            need!(p.bitwise_or());
            p.many(|p| {
                need!(p.eat(Kind::Comma));
                p.bitwise_or()
            })?;
            p.option(Kind::Comma)?;
            if p.is(Kind::In)? {
                return Ok(None);
            }
            p.raise_last::<()>("'in' expected after for-loop variables")
        })?;
        self.mistake(Self::invalid_for_target)?;
        Ok(None)
    }

    pub(super) fn invalid_for_target(&mut self) -> P<()> {
        self.option(Kind::Async)?;
        need!(self.eat(Kind::For));
        let x = need!(self.star_expressions());
        self.raise_target(&x, Place::For)
    }

    fn set(&mut self) -> P {
        let open = need!(self.eat(Kind::LBrace));
        need!(self.star_named_expressions());
        need!(self.eat(Kind::RBrace));
        Ok(Some(X::other(self.whole(open), "set display")))
    }

    fn dict(&mut self) -> P {
        let open = self.span();
        let found = self.attempt(|p| {
            need!(p.eat(Kind::LBrace));
            if p.separated(Self::dict_item)?.is_some() {
                p.option(Kind::Comma)?;
            }
            p.eat(Kind::RBrace)
        })?;
        if found.is_some() {
            return Ok(Some(X::other(self.whole(open), "dict literal")));
        }
        // These mistakes are found in the first pass already.
        self.look(|p| {
            need!(p.eat(Kind::LBrace));
            p.attempt(|p| {
                need!(p.separated(Self::dict_item));
                need!(p.eat(Kind::Comma));
                p.invalid_pair()
            })?;
            p.attempt(Self::starred_value)?;
            p.missing_value()
        })?;
        Ok(None)
    }

    fn dict_item(&mut self) -> P<()> {
        let unpacked = self.attempt(|p| {
            need!(p.eat(Kind::DoubleStar));
            p.bitwise_or()
        })?;
        if unpacked.is_some() {
            return Ok(Some(()));
        }
        self.pair()
    }

    fn pair(&mut self) -> P<()> {
        need!(self.expression());
        need!(self.eat(Kind::Colon));
        need!(self.expression());
        Ok(Some(()))
    }

    fn invalid_pair(&mut self) -> P<()> {
        self.attempt(|p| {
            let key = need!(p.expression());
            if p.is(Kind::Colon)? {
                return Ok(None);
            }
            let at = key.span.end.saturating_sub(1);
            let mut error = SyntaxError::new(ErrorKind::Syntax, "':' expected after dictionary key", Span::new(at, at));
            error.end = End::Unknown;
            Err::<Option<()>, _>(Stop::Raised(Box::new(error)))
        })?;
        self.attempt(Self::starred_value)?;
        self.missing_value()
    }

    fn starred_value(&mut self) -> P<()> {
        need!(self.expression());
        need!(self.eat(Kind::Colon));
        let star = need!(self.eat(Kind::Star));
        need!(self.bitwise_or());
        self.raise_from(star, "cannot use a starred expression in a dictionary value")
    }

    fn missing_value(&mut self) -> P<()> {
        need!(self.expression());
        let colon = need!(self.eat(Kind::Colon));
        if !matches!(self.kind()?, Kind::RBrace | Kind::Comma) {
            return Ok(None);
        }
        self.raise(colon, "expression expected after dictionary key and ':'")
    }

    fn dict_comp(&mut self) -> P {
        let open = self.span();
        let found = self.attempt(|p| {
            need!(p.eat(Kind::LBrace));
            need!(p.pair());
            need!(p.for_if_clauses());
            p.eat(Kind::RBrace)
        })?;
        if found.is_some() {
            return Ok(Some(X::other(self.whole(open), "dict comprehension")));
        }
        self.mistake(|p| {
            need!(p.eat(Kind::LBrace));
            let stars = need!(p.eat(Kind::DoubleStar));
            need!(p.bitwise_or());
            need!(p.for_if_clauses());
            need!(p.eat(Kind::RBrace));
            p.raise::<()>(stars, "dict unpacking cannot be used in dict comprehension")
        })?;
        Ok(None)
    }
}
