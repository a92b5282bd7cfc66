//! Tree building: what the grammar's actions call.
//!
//! Actions check what LR(1) rules cannot say (targets, parameter order) and refuse with [`Fail::Diagnose`]; wording
//! the error is the `diagnose` module's work. They also bound the tree's depth, so that whoever walks it may recurse:
//! see [`MAX_DEPTH`].

mod exprs;
mod params;
mod patterns;
mod stmts;
mod strings;
mod targets;

pub(crate) use params::ParamItem;
pub(crate) use patterns::PatternItem;
pub(crate) use stmts::Handler;
pub(crate) use strings::{FPart, Piece};

use crate::ast::*;
use crate::error::{SyntaxError, Warning};
use crate::lexer::{Kind, Token};
use bumpalo::Bump;
use lalrpop_util::ParseError;
use std::cell::RefCell;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The greatest depth of an expression. The left operands of `BinOp` and the values of `Attribute`, `Call` and
/// `Subscript` do not count: those chains may be as long as the source, and have to be walked in a loop.
pub(crate) const MAX_DEPTH: u16 = 1000;

/// Why an action refuses.
#[derive(Debug)]
pub(crate) enum Fail {
    /// The text around this offset is wrong in a way the diagnosis will find.
    Diagnose(u32),
    /// This is the error.
    Error(Box<SyntaxError>),
}

/// What fallible actions return.
pub(crate) type Made<T> = Result<T, ParseError<u32, Kind, Fail>>;

pub(crate) fn diagnose<T>(at: u32) -> Made<T> {
    Err(ParseError::User { error: Fail::Diagnose(at) })
}

pub(crate) fn fail<T>(error: SyntaxError) -> Made<T> {
    Err(ParseError::User { error: Fail::Error(Box::new(error)) })
}

/// An expression on the parser's stack.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub e: &'a Expr<'a>,
    pub depth: u16,
    /// Whether parentheses stand around it that its span leaves out.
    pub paren: bool,
}

impl Node<'_> {
    pub(crate) fn parenthesized(self) -> Self {
        Node { paren: true, ..self }
    }
}

/// An argument of a call or a class.
#[derive(Clone, Copy)]
pub(crate) enum Arg<'a> {
    Positional(Node<'a>),
    Starred(Node<'a>),
    Keyword(&'a Keyword<'a>, u16),
}

/// What all actions share.
pub(crate) struct Ctx<'a, 't> {
    pub arena: &'a Bump,
    pub source: &'a str,
    pub warnings: RefCell<Vec<Warning>>,
    pub tokens: &'t [Token],
}

/// Something that can stand in a slice of the tree.
pub(crate) trait Item<T> {
    fn value(self) -> T;
}

impl<'a> Item<Expr<'a>> for Node<'a> {
    fn value(self) -> Expr<'a> {
        *self.e
    }
}

impl<T: Copy> Item<T> for &T {
    fn value(self) -> T {
        *self
    }
}

pub(crate) fn one<T>(x: T) -> Vec<T> {
    vec![x]
}

pub(crate) fn push<T>(mut v: Vec<T>, x: T) -> Vec<T> {
    v.push(x);
    v
}

impl<'a> Ctx<'a, '_> {
    pub(crate) fn slice<T: Copy, I: Item<T>>(&self, items: Vec<I>) -> &'a [T] {
        self.arena.alloc_slice_fill_iter(items.into_iter().map(Item::value))
    }

    pub(crate) fn text(&self, l: u32, r: u32) -> &'a str {
        self.source.get(l as usize..r as usize).unwrap_or("")
    }

    /// The name between `l` and `r`, in normal form KC.
    pub(crate) fn name_text(&self, l: u32, r: u32) -> &'a str {
        let text = self.text(l, r);
        if text.is_ascii() || is_nfkc_quick(text.chars()) == IsNormalized::Yes {
            return text;
        }
        self.arena.alloc_str(&text.nfkc().collect::<String>())
    }

    pub(crate) fn ident(&self, l: u32, r: u32) -> &'a Ident<'a> {
        self.arena.alloc(Ident { id: self.name_text(l, r), span: Span::new(l, r) })
    }

    pub(crate) fn node(&self, l: u32, r: u32, kind: ExprKind<'a>, depth: u16) -> Node<'a> {
        let e = self.arena.alloc(Expr { span: Span::new(l, r), kind });
        Node { e, depth, paren: false }
    }

    /// Like [`Self::node`], one level deeper than `depth`.
    pub(crate) fn deeper(&self, l: u32, r: u32, kind: ExprKind<'a>, depth: u16) -> Made<Node<'a>> {
        if depth >= MAX_DEPTH {
            let span = Span::new(l, r);
            return fail(SyntaxError::new(crate::ErrorKind::Syntax, "expression is too deeply nested", span));
        }
        Ok(self.node(l, r, kind, depth + 1))
    }

    /// The index of the first token that begins at or after `at`.
    pub(crate) fn token_index(&self, at: u32) -> usize {
        self.tokens.partition_point(|t| t.span.start < at)
    }
}

/// The depth of the deepest of `nodes`.
pub(crate) fn depth_of(nodes: &[Node<'_>]) -> u16 {
    nodes.iter().map(|n| n.depth).max().unwrap_or(0)
}
