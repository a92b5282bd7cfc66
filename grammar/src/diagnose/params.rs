//! Parameters of functions and lambdas, and type parameters.

use super::tree::{X, XKind};
use super::{Kind, P, Peg, Rule, need};
use crate::ast::Span;

/// Whether parameters are a function's or a lambda's; lambdas have no annotations and end at a colon.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Def,
    Lambda,
}

impl Of {
    fn close(self) -> Kind {
        if self == Of::Def { Kind::RParen } else { Kind::Colon }
    }
}

impl Peg<'_> {
    pub(super) fn params(&mut self) -> P {
        self.memo(Rule::Params, |p| p.any_params(Of::Def))
    }

    pub(super) fn lambda_params(&mut self) -> P {
        self.memo(Rule::LambdaParams, |p| p.any_params(Of::Lambda))
    }

    fn any_params(&mut self, of: Of) -> P {
        let start = self.span();
        self.mistake(|p| p.invalid_parameters(of))?;
        need!(self.parameters(of));
        Ok(Some(X::other(start, "parameters")))
    }

    fn parameters(&mut self, of: Of) -> P<()> {
        let mut found = self.attempt(|p| p.slash_no_default(of))?.is_some();
        if found {
            self.many(|p| p.param_no_default(of))?;
            self.many(|p| p.param_with_default(of))?;
        } else if self.attempt(|p| p.slash_with_default(of))?.is_some() {
            found = true;
            self.many(|p| p.param_with_default(of))?;
        } else {
            found |= !self.many(|p| p.param_no_default(of))?.is_empty();
            found |= !self.many(|p| p.param_with_default(of))?.is_empty();
        }
        found |= self.attempt(|p| p.star_etc(of))?.is_some();
        Ok(found.then_some(()))
    }

    fn slash(&mut self, of: Of) -> P<()> {
        need!(self.eat(Kind::Slash));
        if !self.option(Kind::Comma)? && !self.is(of.close())? {
            return Ok(None);
        }
        Ok(Some(()))
    }

    fn slash_no_default(&mut self, of: Of) -> P<()> {
        if self.many(|p| p.param_no_default(of))?.is_empty() {
            return Ok(None);
        }
        self.slash(of)
    }

    fn slash_with_default(&mut self, of: Of) -> P<()> {
        self.many(|p| p.param_no_default(of))?;
        if self.many(|p| p.param_with_default(of))?.is_empty() {
            return Ok(None);
        }
        self.slash(of)
    }

    fn any_slash(&mut self, of: Of) -> P<()> {
        match self.attempt(|p| p.slash_no_default(of))? {
            None => self.attempt(|p| p.slash_with_default(of)),
            found => Ok(found),
        }
    }

    fn param(&mut self, of: Of) -> P {
        let name = need!(self.eat(Kind::Name));
        if of == Of::Def {
            self.attempt(|p| {
                need!(p.eat(Kind::Colon));
                p.expression()
            })?;
        }
        Ok(Some(X { span: Span::new(name.start, self.end()), kind: XKind::Name }))
    }

    fn param_end(&mut self, of: Of) -> P<()> {
        if !self.option(Kind::Comma)? && !self.is(of.close())? {
            return Ok(None);
        }
        Ok(Some(()))
    }

    fn param_no_default(&mut self, of: Of) -> P {
        let x = need!(self.param(of));
        need!(self.param_end(of));
        Ok(Some(x))
    }

    fn default(&mut self) -> P<()> {
        let found = self.attempt(|p| {
            need!(p.eat(Kind::Equal));
            p.expression()
        })?;
        if found.is_some() {
            return Ok(Some(()));
        }
        self.mistake(|p| {
            let equal = need!(p.eat(Kind::Equal));
            if !matches!(p.kind()?, Kind::RParen | Kind::Comma) {
                return Ok(None);
            }
            p.raise::<()>(equal, "expected default value expression")
        })?;
        Ok(None)
    }

    fn param_with_default(&mut self, of: Of) -> P {
        let x = need!(self.param(of));
        need!(self.default());
        need!(self.param_end(of));
        Ok(Some(x))
    }

    fn param_maybe_default(&mut self, of: Of) -> P {
        let x = need!(self.param(of));
        self.attempt(Self::default)?;
        need!(self.param_end(of));
        Ok(Some(x))
    }

    fn star_etc(&mut self, of: Of) -> P<()> {
        self.mistake(|p| p.invalid_star_etc(of))?;
        let starred = self.attempt(|p| {
            need!(p.eat(Kind::Star));
            if p.option(Kind::Comma)? {
                if p.many(|p| p.param_maybe_default(of))?.is_empty() {
                    return Ok(None);
                }
            } else {
                if p.attempt(|p| p.param_no_default(of))?.is_none() {
                    need!(p.starred_annotation(of));
                }
                p.many(|p| p.param_maybe_default(of))?;
            }
            p.attempt(|p| p.kwds(of))?;
            Ok(Some(()))
        })?;
        if starred.is_some() {
            return Ok(starred);
        }
        self.kwds(of)
    }

    fn starred_annotation(&mut self, of: Of) -> P<()> {
        if of == Of::Lambda {
            return Ok(None);
        }
        need!(self.eat(Kind::Name));
        need!(self.eat(Kind::Colon));
        need!(self.star_expression());
        self.param_end(of)
    }

    fn kwds(&mut self, of: Of) -> P<()> {
        self.mistake(|p| {
            need!(p.eat(Kind::DoubleStar));
            need!(p.param(of));
            p.attempt(|p| {
                let equal = need!(p.eat(Kind::Equal));
                p.raise::<()>(equal, "var-keyword argument cannot have default value")
            })?;
            need!(p.eat(Kind::Comma));
            let message = "arguments cannot follow var-keyword argument";
            let span = p.span();
            if let Some(x) = p.attempt(|p| p.param(of))? {
                return p.raise::<()>(x.span, message);
            }
            if matches!(p.kind()?, Kind::Star | Kind::DoubleStar | Kind::Slash) {
                return p.raise::<()>(span, message);
            }
            Ok(None)
        })?;
        need!(self.eat(Kind::DoubleStar));
        need!(self.param_no_default(of));
        Ok(Some(()))
    }

    fn invalid_star_etc(&mut self, of: Of) -> P<()> {
        let star = need!(self.eat(Kind::Star));
        self.attempt(|p| {
            if p.kind()? != of.close() {
                need!(p.eat(Kind::Comma));
                if p.kind()? != of.close() && !p.is(Kind::DoubleStar)? {
                    return Ok(None);
                }
            }
            let message = "named arguments must follow bare *";
            if of == Of::Def { p.raise::<()>(star, message) } else { p.raise_last(message) }
        })?;
        self.attempt(|p| {
            need!(p.param(of));
            let equal = need!(p.eat(Kind::Equal));
            p.raise::<()>(equal, "var-positional argument cannot have default value")
        })?;
        need!(self.comma_or_param(of));
        self.many(|p| p.param_maybe_default(of))?;
        let second = need!(self.eat(Kind::Star));
        need!(self.comma_or_param(of));
        self.raise(second, "* argument may appear only once")
    }

    fn comma_or_param(&mut self, of: Of) -> P<()> {
        if self.attempt(|p| p.param_no_default(of))?.is_some() || self.option(Kind::Comma)? {
            return Ok(Some(()));
        }
        Ok(None)
    }

    fn invalid_parameters(&mut self, of: Of) -> P<()> {
        self.attempt(|p| {
            let slash = need!(p.eat(Kind::Slash));
            need!(p.eat(Kind::Comma));
            p.raise::<()>(slash, "at least one argument must precede /")
        })?;
        self.attempt(|p| {
            need!(p.any_slash(of));
            p.many(|p| p.param_maybe_default(of))?;
            let slash = need!(p.eat(Kind::Slash));
            p.raise::<()>(slash, "/ may appear only once")
        })?;
        self.attempt(|p| {
            p.attempt(|p| p.slash_no_default(of))?;
            p.many(|p| p.param_no_default(of))?;
            if p.attempt(|p| p.slash_with_default(of))?.is_none() && p.many(|p| p.param_with_default(of))?.is_empty() {
                return Ok(None);
            }
            let x = need!(p.param_no_default(of));
            p.raise::<()>(x.span, "parameter without a default follows parameter with a default")
        })?;
        self.attempt(|p| {
            p.many(|p| p.param_no_default(of))?;
            let open = need!(p.eat(Kind::LParen));
            let (found, what) = match of {
                Of::Def => (!p.many(|p| p.param_no_default(of))?.is_empty(), "Function parameters"),
                Of::Lambda => (p.separated(|p| p.param(of))?.is_some(), "Lambda expression parameters"),
            };
            if !found {
                return Ok(None);
            }
            p.option(Kind::Comma)?;
            let close = need!(p.eat(Kind::RParen));
            p.raise::<()>(open.to(close), format!("{what} cannot be parenthesized"))
        })?;
        self.attempt(|p| {
            p.any_slash(of)?;
            p.many(|p| p.param_maybe_default(of))?;
            need!(p.eat(Kind::Star));
            need!(p.comma_or_param(of));
            p.many(|p| p.param_maybe_default(of))?;
            let slash = need!(p.eat(Kind::Slash));
            p.raise::<()>(slash, "/ must be ahead of *")
        })?;
        if self.many(|p| p.param_maybe_default(of))?.is_empty() {
            return Ok(None);
        }
        need!(self.eat(Kind::Slash));
        let star = need!(self.eat(Kind::Star));
        self.raise(star, "expected comma between / and *")
    }

    // Type parameters.

    pub(super) fn type_params(&mut self) -> P<()> {
        self.mistake(|p| {
            need!(p.eat(Kind::LBracket));
            let close = need!(p.eat(Kind::RBracket));
            p.raise_from::<()>(close, "Type parameter list cannot be empty")
        })?;
        need!(self.eat(Kind::LBracket));
        need!(self.separated(Self::type_param));
        self.option(Kind::Comma)?;
        need!(self.eat(Kind::RBracket));
        Ok(Some(()))
    }

    fn type_param(&mut self) -> P {
        self.memo(Rule::TypeParam, |p| {
            let start = p.span();
            let stars = p.kind()?;
            if matches!(stars, Kind::Star | Kind::DoubleStar) {
                p.mistake(Self::bound_of_many)?;
                p.pos += 1;
            }
            need!(p.eat(Kind::Name));
            if !matches!(stars, Kind::Star | Kind::DoubleStar) {
                p.attempt(|p| {
                    need!(p.eat(Kind::Colon));
                    p.expression()
                })?;
            }
            p.attempt(|p| {
                need!(p.eat(Kind::Equal));
                if stars == Kind::Star { p.star_expression() } else { p.expression() }
            })?;
            Ok(Some(X::other(start, "type parameter")))
        })
    }

    fn bound_of_many(&mut self) -> P<()> {
        let what = if self.is(Kind::Star)? { "TypeVarTuple" } else { "ParamSpec" };
        self.pos += 1;
        need!(self.eat(Kind::Name));
        let colon = need!(self.eat(Kind::Colon));
        let x = need!(self.expression());
        let bound = if matches!(x.kind, XKind::Tuple(_)) { "constraints" } else { "bound" };
        self.raise_from(colon, format!("cannot use {bound} with {what}"))
    }
}
