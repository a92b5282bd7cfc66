//! Targets of assignment, `for`, `with` and `del`.

use super::tree::{X, XKind};
use super::{Kind, P, Peg, Rule, Stop, need};
use crate::ast::Span;
use std::rc::Rc;

impl Peg<'_> {
    pub(super) fn star_targets(&mut self) -> P {
        let start = self.span().start;
        let first = need!(self.star_target());
        if !self.is(Kind::Comma)? {
            return Ok(Some(first));
        }
        let mut items = vec![first];
        items.extend(self.many(|p| {
            need!(p.eat(Kind::Comma));
            p.star_target()
        })?);
        self.option(Kind::Comma)?;
        Ok(Some(self.tuple_x(start, items)))
    }

    pub(super) fn star_target(&mut self) -> P {
        self.memo(Rule::StarTarget, |p| {
            let start = p.span().start;
            let starred = p.attempt(|p| {
                need!(p.eat(Kind::Star));
                if p.is(Kind::Star)? {
                    return Ok(None);
                }
                p.star_target()
            })?;
            match starred {
                Some(x) => Ok(Some(X { span: Span::new(start, p.end()), kind: XKind::Starred(Rc::new(x)) })),
                None => p.target_with_star_atom(),
            }
        })
    }

    fn target_with_star_atom(&mut self) -> P {
        self.memo(Rule::TargetWithStarAtom, |p| match p.single_subscript_attribute_target()? {
            None => p.star_atom(),
            found => Ok(found),
        })
    }

    fn star_atom(&mut self) -> P {
        let span = self.span();
        match self.kind()? {
            Kind::Name => {
                self.pos += 1;
                Ok(Some(X { span, kind: XKind::Name }))
            }
            Kind::LParen => {
                let group = self.attempt(|p| {
                    p.pos += 1;
                    let x = need!(p.target_with_star_atom());
                    need!(p.eat(Kind::RParen));
                    Ok(Some(x))
                })?;
                if group.is_some() {
                    return Ok(group);
                }
                self.pos += 1;
                let mut items = Vec::new();
                if let Some(first) = self.attempt(Self::star_target)? {
                    items.push(first);
                    if !self.is(Kind::Comma)? {
                        return Ok(None);
                    }
                    items.extend(self.many(|p| {
                        need!(p.eat(Kind::Comma));
                        p.star_target()
                    })?);
                    self.option(Kind::Comma)?;
                }
                need!(self.eat(Kind::RParen));
                Ok(Some(self.tuple_x(span.start, items)))
            }
            Kind::LBracket => {
                self.pos += 1;
                let items = self.separated(Self::star_target)?.unwrap_or_default();
                if !items.is_empty() {
                    self.option(Kind::Comma)?;
                }
                need!(self.eat(Kind::RBracket));
                Ok(Some(X { span: Span::new(span.start, self.end()), kind: XKind::List(items.into()) }))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn single_target(&mut self) -> P {
        self.memo(Rule::SingleTarget, |p| {
            if let Some(x) = p.single_subscript_attribute_target()? {
                return Ok(Some(x));
            }
            if let Some(span) = p.eat(Kind::Name)? {
                return Ok(Some(X { span, kind: XKind::Name }));
            }
            need!(p.eat(Kind::LParen));
            let x = need!(p.single_target());
            need!(p.eat(Kind::RParen));
            Ok(Some(x))
        })
    }

    pub(super) fn single_subscript_attribute_target(&mut self) -> P {
        self.attempt(|p| {
            let start = p.span().start;
            need!(p.t_primary());
            if p.option(Kind::Dot)? {
                need!(p.eat(Kind::Name));
                if p.t_lookahead()? {
                    return Ok(None);
                }
                return Ok(Some(X { span: Span::new(start, p.end()), kind: XKind::Attribute }));
            }
            need!(p.eat(Kind::LBracket));
            need!(p.slices());
            need!(p.eat(Kind::RBracket));
            if p.t_lookahead()? {
                return Ok(None);
            }
            Ok(Some(X { span: Span::new(start, p.end()), kind: XKind::Subscript }))
        })
    }

    fn t_lookahead(&mut self) -> Result<bool, Stop> {
        Ok(matches!(self.kind()?, Kind::LParen | Kind::LBracket | Kind::Dot))
    }

    /// A primary that another trailer follows.
    fn t_primary(&mut self) -> P {
        self.memo(Rule::TPrimary, |p| {
            let start = p.span().start;
            let mut x = need!(p.atom());
            if !p.t_lookahead()? {
                return Ok(None);
            }
            loop {
                let next = p.attempt(|p| {
                    let next = need!(p.trailer(start));
                    Ok(p.t_lookahead()?.then_some(next))
                })?;
                match next {
                    Some(next) => x = next,
                    None => return Ok(Some(x)),
                }
            }
        })
    }

    pub(super) fn del_target(&mut self) -> P {
        self.memo(Rule::DelTarget, |p| {
            if let Some(x) = p.single_subscript_attribute_target()? {
                return Ok(Some(x));
            }
            let span = p.span();
            let close = match p.kind()? {
                Kind::Name => {
                    p.pos += 1;
                    return Ok(Some(X { span, kind: XKind::Name }));
                }
                Kind::LParen => Kind::RParen,
                Kind::LBracket => Kind::RBracket,
                _ => return Ok(None),
            };
            p.pos += 1;
            if p.separated(Self::del_target)?.is_some() {
                p.option(Kind::Comma)?;
            }
            need!(p.eat(close));
            Ok(Some(X::other(span, "target")))
        })
    }
}
