//! Strings side by side, and the replacement fields of f-strings and t-strings.

use super::tree::X;
use super::{Kind, P, Peg, Rule, Stop, need};
use crate::ast::Span;
use crate::literals;

impl Peg<'_> {
    pub(super) fn strings(&mut self) -> P {
        self.memo(Rule::Strings, |p| {
            let start = p.span();
            let (mut plain, mut formatted, mut template) = (0, 0, 0);
            let (mut bytes, mut text) = (false, false);
            loop {
                let before = p.pos;
                match p.kind()? {
                    Kind::Str => {
                        let is_bytes = p.decode_string(p.span())?;
                        p.pos += 1;
                        plain += 1;
                        bytes |= is_bytes;
                        text |= !is_bytes;
                    }
                    kind @ (Kind::FStringStart | Kind::TStringStart) => {
                        if p.attempt(Self::formatted)?.is_none() {
                            break;
                        }
                        if kind == Kind::TStringStart {
                            template += 1;
                        } else {
                            formatted += 1;
                        }
                    }
                    _ => break,
                }
                if template > 0 && plain + formatted > 0 {
                    if p.invalid {
                        let message = "cannot mix t-string literals with string or bytes literals";
                        return p.raise(Span::new(start.start, p.end()), message);
                    }
                    p.pos = before;
                    break;
                }
            }
            if bytes && (text || formatted > 0) {
                return p.raise_last("cannot mix bytes and nonbytes literals");
            }
            let what = match (plain, formatted, template) {
                (0, 0, 0) => return Ok(None),
                (_, 0, 0) => "literal",
                (_, _, 0) => "f-string expression",
                _ => "t-string expression",
            };
            Ok(Some(X::other(Span::new(start.start, p.end()), what)))
        })
    }

    /// Raises if the string token at `span` cannot be decoded; tells whether it is bytes.
    fn decode_string(&self, span: Span) -> Result<bool, Stop> {
        let arena = bumpalo::Bump::new();
        match literals::string(&arena, self.text(span), span, &mut Vec::new()) {
            Ok(literal) => Ok(literal.bytes),
            Err(error) => Err(Stop::Raised(Box::new(error))),
        }
    }

    /// Raises if text of the f-string that began at `start` cannot be decoded.
    fn decode_parts(&self, start: usize) -> Result<(), Stop> {
        let arena = bumpalo::Bump::new();
        let raw = self.text(self.tokens[start].span).bytes().any(|b| matches!(b, b'r' | b'R'));
        let mut depth = 0;
        for token in &self.tokens[start + 1..self.pos] {
            match token.kind {
                Kind::FStringStart | Kind::TStringStart => depth += 1,
                Kind::FStringEnd => depth -= 1,
                Kind::FStringMiddle if depth == 0 => {
                    let text = self.text(token.span);
                    if let Err(error) = literals::fstring_text(&arena, text, token.span, raw, &mut Vec::new()) {
                        return Err(Stop::Raised(Box::new(error)));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `f` or `t`: the string that the token at hand stands in.
    pub(super) fn string_letter(&self) -> char {
        let mut ended = 0;
        for token in self.tokens[..self.pos.min(self.tokens.len())].iter().rev() {
            match token.kind {
                Kind::FStringEnd => ended += 1,
                Kind::FStringStart | Kind::TStringStart if ended > 0 => ended -= 1,
                Kind::FStringStart => return 'f',
                Kind::TStringStart => return 't',
                _ => {}
            }
        }
        'f'
    }

    fn formatted(&mut self) -> P<()> {
        if !matches!(self.kind()?, Kind::FStringStart | Kind::TStringStart) {
            return Ok(None);
        }
        let start = self.pos;
        self.pos += 1;
        self.formatted_parts()?;
        need!(self.eat(Kind::FStringEnd));
        self.decode_parts(start)?;
        Ok(Some(()))
    }

    fn formatted_parts(&mut self) -> Result<(), Stop> {
        self.many(|p| {
            if p.option(Kind::FStringMiddle)? {
                return Ok(Some(()));
            }
            p.field()
        })?;
        Ok(())
    }

    fn field(&mut self) -> P<()> {
        let found = self.attempt(|p| {
            need!(p.eat(Kind::LBrace));
            need!(p.annotated_rhs());
            p.option(Kind::Equal)?;
            p.attempt(Self::conversion)?;
            p.attempt(Self::format_spec)?;
            need!(p.eat(Kind::RBrace));
            Ok(Some(()))
        })?;
        if found.is_some() {
            return Ok(found);
        }
        self.mistake(Self::invalid_field)?;
        Ok(None)
    }

    fn conversion(&mut self) -> P<()> {
        let bang = need!(self.eat(Kind::Exclamation));
        let name = need!(self.eat(Kind::Name));
        if name.start != bang.end {
            let what = self.string_letter();
            let message = format!("{what}-string: conversion type must come right after the exclamation mark");
            return self.raise(bang.to(name), message);
        }
        let text = self.text(name);
        if !matches!(text, "s" | "r" | "a") {
            let what = self.string_letter();
            let message = format!("{what}-string: invalid conversion character '{text}': expected 's', 'r', or 'a'");
            return self.raise(name, message);
        }
        Ok(Some(()))
    }

    fn format_spec(&mut self) -> P<()> {
        need!(self.eat(Kind::Colon));
        self.formatted_parts()?;
        Ok(Some(()))
    }

    fn invalid_field(&mut self) -> P<()> {
        need!(self.eat(Kind::LBrace));
        let what = self.string_letter();
        let span = self.span();
        if matches!(self.kind()?, Kind::Equal | Kind::Exclamation | Kind::Colon | Kind::RBrace) {
            let sign = self.text(span);
            return self.raise(span, format!("{what}-string: valid expression required before '{sign}'"));
        }
        if self.attempt(Self::annotated_rhs)?.is_none() {
            return self.raise_here(format!("{what}-string: expecting a valid expression after '{{'"));
        }
        let ends = [Kind::Equal, Kind::Exclamation, Kind::Colon, Kind::RBrace];
        if !ends.contains(&self.kind()?) {
            return self.raise_here(format!("{what}-string: expecting '=', or '!', or ':', or '}}'"));
        }
        if self.option(Kind::Equal)? && !ends[1..].contains(&self.kind()?) {
            return self.raise_here(format!("{what}-string: expecting '!', or ':', or '}}'"));
        }
        if self.option(Kind::Exclamation)? {
            match self.kind()? {
                Kind::Colon | Kind::RBrace => {
                    return self.raise_here(format!("{what}-string: missing conversion character"));
                }
                Kind::Name => self.pos += 1,
                _ => return self.raise_here(format!("{what}-string: invalid conversion character")),
            }
        }
        if !ends[2..].contains(&self.kind()?) {
            return self.raise_here(format!("{what}-string: expecting ':' or '}}'"));
        }
        if self.option(Kind::Colon)? {
            self.formatted_parts()?;
            if !self.is(Kind::RBrace)? {
                return self.raise_here(format!("{what}-string: expecting '}}', or format specs"));
            }
        }
        if !self.is(Kind::RBrace)? {
            return self.raise_here(format!("{what}-string: expecting '}}'"));
        }
        Ok(None)
    }
}
