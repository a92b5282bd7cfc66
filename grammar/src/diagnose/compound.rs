//! Compound statements.

use super::tree::{Place, X};
use super::{Kind, P, Peg, Rule, need};
use crate::ast::Span;
use crate::error::ErrorKind;

const COLON: &str = "expected ':'";

impl Peg<'_> {
    pub(super) fn compound_stmt(&mut self) -> P<()> {
        let kind = self.kind()?;
        match kind {
            Kind::Def => self.function_def(),
            Kind::At => match self.attempt(Self::function_def)? {
                None => self.class_def(),
                found => Ok(found),
            },
            Kind::Async => {
                for rule in [Self::function_def, Self::with_stmt, Self::for_stmt] {
                    if let Some(found) = self.attempt(rule)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Kind::If => self.if_stmt(),
            Kind::Class => self.class_def(),
            Kind::With => self.with_stmt(),
            Kind::For => self.for_stmt(),
            Kind::Try => self.try_stmt(),
            Kind::While => self.while_stmt(),
            _ => self.match_stmt(),
        }
    }

    pub(super) fn block(&mut self) -> P {
        self.memo(Rule::Block, |p| {
            let start = p.span();
            let indented = p.attempt(|p| {
                need!(p.eat(Kind::Newline));
                need!(p.eat(Kind::Indent));
                if p.many(Self::statement)?.is_empty() {
                    return Ok(None);
                }
                p.eat(Kind::Dedent)
            })?;
            if indented.is_none() && p.attempt(Self::simple_stmts)?.is_none() {
                p.mistake(|p| {
                    need!(p.eat(Kind::Newline));
                    if p.is(Kind::Indent)? {
                        return Ok(None);
                    }
                    Err::<Option<()>, _>(p.raised(ErrorKind::Indentation, "expected an indented block", p.span()))
                })?;
                return Ok(None);
            }
            Ok(Some(X::other(start, "block")))
        })
    }

    fn decorators(&mut self) -> P<()> {
        let found = self.many(|p| {
            need!(p.eat(Kind::At));
            need!(p.named_expression());
            p.eat(Kind::Newline)
        })?;
        Ok((!found.is_empty()).then_some(()))
    }

    fn class_def(&mut self) -> P<()> {
        self.attempt(Self::decorators)?;
        self.mistake(|p| {
            let class = need!(p.class_head());
            p.attempt(|p| {
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>(COLON)
            })?;
            need!(p.eat(Kind::Colon));
            p.block_missing("class definition", class)
        })?;
        need!(self.class_head());
        need!(self.eat(Kind::Colon));
        need!(self.block());
        Ok(Some(()))
    }

    fn class_head(&mut self) -> P<Span> {
        let class = need!(self.eat(Kind::Class));
        need!(self.eat(Kind::Name));
        self.attempt(Self::type_params)?;
        self.attempt(|p| {
            need!(p.eat(Kind::LParen));
            p.arguments()?;
            p.eat(Kind::RParen)
        })?;
        Ok(Some(class))
    }

    fn function_def(&mut self) -> P<()> {
        self.attempt(Self::decorators)?;
        self.mistake(|p| {
            p.option(Kind::Async)?;
            let def = need!(p.eat(Kind::Def));
            need!(p.eat(Kind::Name));
            p.attempt(Self::type_params)?;
            need!(p.eat(Kind::LParen));
            p.params()?;
            need!(p.eat(Kind::RParen));
            p.attempt(Self::returns)?;
            need!(p.eat(Kind::Colon));
            p.block_missing("function definition", def)
        })?;
        self.option(Kind::Async)?;
        need!(self.eat(Kind::Def));
        need!(self.eat(Kind::Name));
        self.attempt(Self::type_params)?;
        need!(self.expected(Kind::LParen, "expected '('"));
        self.params()?;
        need!(self.eat(Kind::RParen));
        self.attempt(Self::returns)?;
        need!(self.expected(Kind::Colon, COLON));
        need!(self.block());
        Ok(Some(()))
    }

    /// A token that the second pass insists on.
    fn expected(&mut self, kind: Kind, message: &str) -> P<Span> {
        if self.invalid { self.force(kind, message).map(Some) } else { self.eat(kind) }
    }

    fn returns(&mut self) -> P {
        need!(self.eat(Kind::Arrow));
        self.expression()
    }

    /// The mistakes of `if`, `elif` and `while`: no colon, or no block.
    fn invalid_condition(&mut self, keyword: Kind, word: &str) -> P<()> {
        let start = need!(self.eat(keyword));
        need!(self.named_expression());
        self.attempt(|p| {
            need!(p.eat(Kind::Newline));
            p.raise_last::<()>(COLON)
        })?;
        need!(self.eat(Kind::Colon));
        self.block_missing(&format!("'{word}' statement"), start)
    }

    fn condition(&mut self, keyword: Kind, word: &str) -> P<()> {
        self.mistake(|p| p.invalid_condition(keyword, word))?;
        need!(self.eat(keyword));
        need!(self.named_expression());
        need!(self.eat(Kind::Colon));
        need!(self.block());
        Ok(Some(()))
    }

    fn if_stmt(&mut self) -> P<()> {
        need!(self.condition(Kind::If, "if"));
        self.many(|p| p.condition(Kind::Elif, "elif"))?;
        self.attempt(Self::else_block)?;
        Ok(Some(()))
    }

    fn while_stmt(&mut self) -> P<()> {
        need!(self.condition(Kind::While, "while"));
        self.attempt(Self::else_block)?;
        Ok(Some(()))
    }

    fn else_block(&mut self) -> P<()> {
        self.mistake(|p| {
            let start = need!(p.eat(Kind::Else));
            need!(p.eat(Kind::Colon));
            p.attempt(|p| p.block_missing("'else' statement", start))?;
            need!(p.block());
            need!(p.eat(Kind::Elif));
            p.raise_last::<()>("'elif' block follows an 'else' block")
        })?;
        need!(self.eat(Kind::Else));
        self.force(Kind::Colon, COLON)?;
        need!(self.block());
        Ok(Some(()))
    }

    fn for_stmt(&mut self) -> P<()> {
        self.mistake(|p| {
            p.option(Kind::Async)?;
            let start = need!(p.eat(Kind::For));
            need!(p.star_targets());
            need!(p.eat(Kind::In));
            need!(p.star_expressions());
            p.attempt(|p| {
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>(COLON)
            })?;
            need!(p.eat(Kind::Colon));
            p.block_missing("'for' statement", start)
        })?;
        let mut committed = false;
        let found = self.attempt(|p| {
            p.option(Kind::Async)?;
            need!(p.eat(Kind::For));
            need!(p.star_targets());
            need!(p.eat(Kind::In));
            committed = true;
            need!(p.star_expressions());
            need!(p.eat(Kind::Colon));
            need!(p.block());
            p.attempt(Self::else_block)?;
            Ok(Some(()))
        })?;
        if found.is_some() || committed {
            return Ok(found);
        }
        self.mistake(Self::invalid_for_target)?;
        Ok(None)
    }

    // With.

    /// Items as the rules for mistakes see them.
    fn loose_items(&mut self, item: fn(&mut Self) -> P) -> P<()> {
        need!(self.separated(|p| {
            need!(item(p));
            p.attempt(|p| {
                need!(p.eat(Kind::As));
                p.star_target()
            })?;
            Ok(Some(()))
        }));
        Ok(Some(()))
    }

    fn loose_parenthesized(&mut self) -> P<()> {
        need!(self.eat(Kind::LParen));
        need!(self.loose_items(Self::expressions));
        self.option(Kind::Comma)?;
        need!(self.eat(Kind::RParen));
        Ok(Some(()))
    }

    fn with_mistakes(&mut self, then: impl Fn(&mut Self, Span) -> P<()>) -> P<()> {
        self.option(Kind::Async)?;
        let with = need!(self.eat(Kind::With));
        self.attempt(|p| {
            need!(p.loose_items(Self::expression));
            then(p, with)
        })?;
        need!(self.loose_parenthesized());
        then(self, with)
    }

    fn with_stmt(&mut self) -> P<()> {
        self.mistake(|p| {
            p.with_mistakes(|p, with| {
                need!(p.eat(Kind::Colon));
                p.block_missing("'with' statement", with)
            })
        })?;
        let parenthesized = self.attempt(|p| {
            p.option(Kind::Async)?;
            need!(p.eat(Kind::With));
            need!(p.eat(Kind::LParen));
            need!(p.separated(Self::with_item));
            p.option(Kind::Comma)?;
            need!(p.eat(Kind::RParen));
            need!(p.eat(Kind::Colon));
            p.block()
        })?;
        if parenthesized.is_some() {
            return Ok(Some(()));
        }
        let plain = self.attempt(|p| {
            p.option(Kind::Async)?;
            need!(p.eat(Kind::With));
            need!(p.separated(Self::with_item));
            need!(p.eat(Kind::Colon));
            p.block()
        })?;
        if plain.is_some() {
            return Ok(Some(()));
        }
        self.mistake(|p| {
            p.with_mistakes(|p, _| {
                need!(p.eat(Kind::Newline));
                p.raise_last::<()>(COLON)
            })
        })?;
        Ok(None)
    }

    fn with_item(&mut self) -> P<()> {
        let named = self.attempt(|p| {
            need!(p.expression());
            need!(p.eat(Kind::As));
            need!(p.star_target());
            Ok(matches!(p.kind()?, Kind::Comma | Kind::RParen | Kind::Colon).then_some(()))
        })?;
        if named.is_some() {
            return Ok(named);
        }
        self.mistake(|p| {
            need!(p.expression());
            need!(p.eat(Kind::As));
            let x = need!(p.expression());
            if !matches!(p.kind()?, Kind::Comma | Kind::RParen | Kind::Colon) {
                return Ok(None);
            }
            p.raise_target::<()>(&x, Place::Star)
        })?;
        need!(self.expression());
        Ok(Some(()))
    }

    // Try.

    fn try_stmt(&mut self) -> P<()> {
        self.mistake(Self::invalid_try_stmt)?;
        need!(self.eat(Kind::Try));
        self.force(Kind::Colon, COLON)?;
        need!(self.block());
        if self.attempt(Self::finally_block)?.is_some() {
            return Ok(Some(()));
        }
        if self.many(|p| p.except_block(false))?.is_empty() && self.many(|p| p.except_block(true))?.is_empty() {
            return Ok(None);
        }
        self.attempt(Self::else_block)?;
        self.attempt(Self::finally_block)?;
        Ok(Some(()))
    }

    fn invalid_try_stmt(&mut self) -> P<()> {
        let start = need!(self.eat(Kind::Try));
        need!(self.eat(Kind::Colon));
        self.attempt(|p| p.block_missing("'try' statement", start))?;
        self.attempt(|p| {
            need!(p.block());
            if matches!(p.kind()?, Kind::Except | Kind::Finally) {
                return Ok(None);
            }
            p.raise_last::<()>("expected 'except' or 'finally' block")
        })?;
        self.many(Self::block)?;
        let both = "cannot have both 'except' and 'except*' on the same 'try'";
        self.attempt(|p| {
            if p.many(|p| p.except_block(false))?.is_empty() {
                return Ok(None);
            }
            let except = need!(p.eat(Kind::Except));
            let star = need!(p.eat(Kind::Star));
            need!(p.expression());
            p.attempt(Self::as_name)?;
            need!(p.eat(Kind::Colon));
            p.raise::<()>(except.to(star), both)
        })?;
        if self.many(|p| p.except_block(true))?.is_empty() {
            return Ok(None);
        }
        let except = need!(self.eat(Kind::Except));
        self.attempt(|p| {
            need!(p.expression());
            p.attempt(Self::as_name)?;
            Ok(Some(()))
        })?;
        need!(self.eat(Kind::Colon));
        self.raise(except, both)
    }

    fn as_name(&mut self) -> P<()> {
        need!(self.eat(Kind::As));
        need!(self.eat(Kind::Name));
        Ok(Some(()))
    }

    /// `except`, with its star if it is `except*`.
    fn except(&mut self, star: bool) -> P<Span> {
        let span = need!(self.eat(Kind::Except));
        if star {
            need!(self.eat(Kind::Star));
        }
        Ok(Some(span))
    }

    fn except_block(&mut self, star: bool) -> P<()> {
        self.mistake(|p| {
            let what = if star { "'except*' statement" } else { "'except' statement" };
            let start = need!(p.except(star));
            p.attempt(|p| {
                need!(p.expression());
                p.attempt(Self::as_name)?;
                need!(p.eat(Kind::Colon));
                p.block_missing(what, start)
            })?;
            if star {
                return Ok(None);
            }
            need!(p.eat(Kind::Colon));
            p.block_missing(what, start)
        })?;
        for rule in [Self::except_one, Self::except_named, Self::except_many, Self::except_all] {
            let found = self.attempt(|p| {
                need!(p.except(star));
                need!(rule(p, star));
                need!(p.eat(Kind::Colon));
                p.block()
            })?;
            if found.is_some() {
                return Ok(Some(()));
            }
        }
        self.mistake(|p| p.invalid_except(star))?;
        Ok(None)
    }

    fn except_one(&mut self, _star: bool) -> P<()> {
        need!(self.expression());
        Ok(Some(()))
    }

    fn except_named(&mut self, _star: bool) -> P<()> {
        need!(self.expression());
        self.as_name()
    }

    fn except_many(&mut self, _star: bool) -> P<()> {
        need!(self.expressions());
        Ok(Some(()))
    }

    fn except_all(&mut self, star: bool) -> P<()> {
        Ok((!star).then_some(()))
    }

    fn invalid_except(&mut self, star: bool) -> P<()> {
        need!(self.except(star));
        self.attempt(|p| {
            let x = need!(p.expression());
            need!(p.eat(Kind::Comma));
            need!(p.expressions());
            need!(p.as_name());
            need!(p.eat(Kind::Colon));
            p.raise_from::<()>(x.span, "multiple exception types must be parenthesized when using 'as'")
        })?;
        self.attempt(|p| {
            need!(p.expression());
            p.attempt(Self::as_name)?;
            need!(p.eat(Kind::Newline));
            p.raise_last::<()>(COLON)
        })?;
        self.attempt(|p| {
            if star {
                if !matches!(p.kind()?, Kind::Newline | Kind::Colon) {
                    return Ok(None);
                }
                return p.raise_last("expected one or more exception types");
            }
            need!(p.eat(Kind::Newline));
            p.raise_last::<()>(COLON)
        })?;
        need!(self.expression());
        need!(self.eat(Kind::As));
        let x = need!(self.expression());
        need!(self.eat(Kind::Colon));
        need!(self.block());
        let word = if star { "except*" } else { "except" };
        self.raise(x.span, format!("cannot use {word} statement with {}", x.what()))
    }

    fn finally_block(&mut self) -> P<()> {
        self.mistake(|p| {
            let start = need!(p.eat(Kind::Finally));
            need!(p.eat(Kind::Colon));
            p.block_missing("'finally' statement", start)
        })?;
        need!(self.eat(Kind::Finally));
        self.force(Kind::Colon, COLON)?;
        need!(self.block());
        Ok(Some(()))
    }
}
