//! `match` statements and patterns.

use super::tree::X;
use super::{Kind, P, Peg, Rule, need};
use crate::ast::Span;

impl Peg<'_> {
    pub(super) fn match_stmt(&mut self) -> P<()> {
        let found = self.attempt(|p| {
            need!(p.eat_soft("match"));
            need!(p.subject());
            need!(p.eat(Kind::Colon));
            need!(p.eat(Kind::Newline));
            need!(p.eat(Kind::Indent));
            if p.many(Self::case_block)?.is_empty() {
                return Ok(None);
            }
            p.eat(Kind::Dedent)
        })?;
        if found.is_some() {
            return Ok(Some(()));
        }
        self.mistake(|p| {
            let start = need!(p.eat_soft("match"));
            need!(p.subject());
            p.attempt(|p| {
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>("expected ':'")
            })?;
            need!(p.eat(Kind::Colon));
            p.block_missing("'match' statement", start)
        })?;
        Ok(None)
    }

    fn subject(&mut self) -> P<()> {
        let several = self.attempt(|p| {
            need!(p.star_named_expression());
            need!(p.eat(Kind::Comma));
            p.star_named_expressions()?;
            Ok(Some(()))
        })?;
        if several.is_none() {
            need!(self.named_expression());
        }
        Ok(Some(()))
    }

    fn case_head(&mut self) -> P<Span> {
        let start = need!(self.eat_soft("case"));
        if self.attempt(Self::open_sequence)?.is_none() {
            need!(self.pattern());
        }
        self.attempt(|p| {
            need!(p.eat(Kind::If));
            p.named_expression()
        })?;
        Ok(Some(start))
    }

    fn case_block(&mut self) -> P<()> {
        self.mistake(|p| {
            let start = need!(p.case_head());
            p.attempt(|p| {
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>("expected ':'")
            })?;
            need!(p.eat(Kind::Colon));
            p.block_missing("'case' statement", start)
        })?;
        need!(self.case_head());
        need!(self.eat(Kind::Colon));
        need!(self.block());
        Ok(Some(()))
    }

    fn open_sequence(&mut self) -> P<()> {
        need!(self.maybe_star());
        need!(self.eat(Kind::Comma));
        self.separated(Self::maybe_star)?;
        self.option(Kind::Comma)?;
        Ok(Some(()))
    }

    fn maybe_star(&mut self) -> P<()> {
        if self.option(Kind::Star)? {
            if self.eat_soft("_")?.is_some() {
                return Ok(Some(()));
            }
            return self.capture();
        }
        need!(self.pattern());
        Ok(Some(()))
    }

    fn capture(&mut self) -> P<()> {
        if self.kind()? != Kind::Name || self.text(self.span()) == "_" {
            return Ok(None);
        }
        self.pos += 1;
        Ok((!matches!(self.kind()?, Kind::Dot | Kind::LParen | Kind::Equal)).then_some(()))
    }

    fn pattern(&mut self) -> P<Span> {
        let start = self.span();
        let named = self.attempt(|p| {
            need!(p.or_pattern());
            need!(p.eat(Kind::As));
            p.capture()
        })?;
        if named.is_none() {
            self.mistake(|p| {
                need!(p.or_pattern());
                need!(p.eat(Kind::As));
                if let Some(name) = p.eat_soft("_")? {
                    return p.raise::<()>(name, "cannot use '_' as a target");
                }
                let x = need!(p.expression());
                p.raise::<()>(x.span, format!("cannot use {} as pattern target", x.what()))
            })?;
            need!(self.or_pattern());
        }
        Ok(Some(Span::new(start.start, self.end())))
    }

    fn or_pattern(&mut self) -> P<()> {
        need!(self.closed());
        self.many(|p| {
            need!(p.eat(Kind::Bar));
            p.closed()
        })?;
        Ok(Some(()))
    }

    fn closed(&mut self) -> P {
        self.memo(Rule::Closed, |p| {
            let start = p.span();
            for rule in [
                Self::literal_pattern,
                Self::capture,
                Self::wildcard,
                Self::value_pattern,
                Self::group_pattern,
                Self::sequence_pattern,
                Self::mapping_pattern,
                Self::class_pattern,
            ] {
                if p.attempt(rule)?.is_some() {
                    return Ok(Some(X::other(start, "pattern")));
                }
            }
            Ok(None)
        })
    }

    fn number(&mut self) -> P<()> {
        self.option(Kind::Minus)?;
        need!(self.eat(Kind::Number));
        Ok(Some(()))
    }

    fn literal_pattern(&mut self) -> P<()> {
        match self.kind()? {
            Kind::Minus | Kind::Number => {
                need!(self.number());
                if matches!(self.kind()?, Kind::Plus | Kind::Minus) {
                    self.pos += 1;
                    need!(self.eat(Kind::Number));
                }
            }
            Kind::None | Kind::True | Kind::False => self.pos += 1,
            _ => {
                need!(self.strings());
            }
        }
        Ok(Some(()))
    }

    fn wildcard(&mut self) -> P<()> {
        need!(self.eat_soft("_"));
        Ok(Some(()))
    }

    fn dotted(&mut self) -> P<bool> {
        need!(self.eat(Kind::Name));
        let parts = self.many(|p| {
            need!(p.eat(Kind::Dot));
            p.eat(Kind::Name)
        })?;
        Ok(Some(!parts.is_empty()))
    }

    fn value_pattern(&mut self) -> P<()> {
        let dotted = need!(self.dotted());
        let open = matches!(self.kind()?, Kind::Dot | Kind::LParen | Kind::Equal);
        Ok((dotted && !open).then_some(()))
    }

    fn group_pattern(&mut self) -> P<()> {
        need!(self.eat(Kind::LParen));
        need!(self.pattern());
        need!(self.eat(Kind::RParen));
        Ok(Some(()))
    }

    fn sequence_pattern(&mut self) -> P<()> {
        if self.option(Kind::LBracket)? {
            if self.separated(Self::maybe_star)?.is_some() {
                self.option(Kind::Comma)?;
            }
            need!(self.eat(Kind::RBracket));
            return Ok(Some(()));
        }
        need!(self.eat(Kind::LParen));
        self.attempt(Self::open_sequence)?;
        need!(self.eat(Kind::RParen));
        Ok(Some(()))
    }

    fn mapping_item(&mut self) -> P<()> {
        let literal = self.attempt(|p| {
            need!(p.literal_pattern());
            p.eat(Kind::Colon)
        })?;
        if literal.is_none() {
            if !need!(self.dotted()) {
                return Ok(None);
            }
            need!(self.eat(Kind::Colon));
        }
        need!(self.pattern());
        Ok(Some(()))
    }

    fn mapping_pattern(&mut self) -> P<()> {
        need!(self.eat(Kind::LBrace));
        let items = self.separated(Self::mapping_item)?.is_some();
        let rest = self.attempt(|p| {
            if items {
                need!(p.eat(Kind::Comma));
            }
            need!(p.eat(Kind::DoubleStar));
            p.capture()
        })?;
        if items || rest.is_some() {
            self.option(Kind::Comma)?;
        }
        need!(self.eat(Kind::RBrace));
        Ok(Some(()))
    }

    fn keyword_pattern(&mut self) -> P<()> {
        need!(self.eat(Kind::Name));
        need!(self.eat(Kind::Equal));
        need!(self.pattern());
        Ok(Some(()))
    }

    fn class_pattern(&mut self) -> P<()> {
        let found = self.attempt(|p| {
            need!(p.dotted());
            need!(p.eat(Kind::LParen));
            let positional = p.separated(Self::pattern)?.is_some();
            let keywords = p.attempt(|p| {
                if positional {
                    need!(p.eat(Kind::Comma));
                }
                p.separated(Self::keyword_pattern)
            })?;
            if positional || keywords.is_some() {
                p.option(Kind::Comma)?;
            }
            need!(p.eat(Kind::RParen));
            Ok(Some(()))
        })?;
        if found.is_some() {
            return Ok(found);
        }
        self.mistake(|p| {
            need!(p.dotted());
            need!(p.eat(Kind::LParen));
            p.attempt(|p| {
                need!(p.separated(Self::pattern));
                p.eat(Kind::Comma)
            })?;
            need!(p.separated(Self::keyword_pattern));
            need!(p.eat(Kind::Comma));
            let late = need!(p.separated(Self::pattern));
            let (Some(first), Some(last)) = (late.first(), late.last()) else { return Ok(None) };
            p.raise::<()>(first.to(*last), "positional patterns follow keyword patterns")
        })?;
        Ok(None)
    }
}
