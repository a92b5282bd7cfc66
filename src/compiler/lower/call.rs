//! Attributes, subscripts and calls: what follows a primary expression, in a loop, for such chains have no bound.

use super::consts::text;
use super::emit::{Arg, Val, Want};
use super::{Lowerer, consts};
use crate::compiler::code::{CacheKind, Const};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{FLAG_VARIANT, Op};
use crate::compiler::scope::{NameId, Scope};
use apy_grammar::ast::*;

/// Calls with more arguments than this collect them in a list, so that frames stay small.
const MAX_DIRECT: usize = 1000;

impl<'a> Lowerer<'a> {
    pub(super) fn primary(&mut self, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        let mut chain = Vec::new();
        let mut leaf = value;
        loop {
            let next = match &leaf.kind {
                ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => value,
                ExprKind::Call { func, .. } => func,
                _ => break,
            };
            chain.push(leaf);
            leaf = next;
        }
        chain.reverse();
        let base = self.unit.next_temp;
        let (mut current, mut rest) = match self.super_access(leaf, &chain, base, want)? {
            Some((result, used)) => (result, chain.get(used..).unwrap_or_default()),
            None => {
                let called = chain.first().is_some_and(|node| matches!(node.kind, ExprKind::Call { .. }));
                (self.expr(leaf, if called { Want::Temp } else { Want::Any })?, chain.as_slice())
            }
        };
        while let Some((node, after)) = rest.split_first() {
            let target = if after.is_empty() { want } else { Want::Temp };
            self.unit.span = node.span;
            rest = after;
            current = match &node.kind {
                ExprKind::Attribute { attr, .. } => {
                    self.unit.span = self.attribute_span(node.span, attr.span);
                    let method = after.first().filter(|next| is_method_call(next));
                    if let Some(call) = method
                        && let ExprKind::Call { args, keywords, .. } = &call.kind
                    {
                        rest = after.get(1..).unwrap_or_default();
                        let name = self.mangled(attr.id);
                        self.unit.release(base);
                        let pair = self.unit.alloc(2);
                        let cache = self.unit.cache(CacheKind::LoadMethod, name);
                        self.unit.op2_n(Op::LoadMethod, Val::temp(pair), current, cache);
                        self.unit.span = self.attribute_span(call.span, attr.span);
                        let target = if rest.is_empty() { want } else { Want::Temp };
                        self.arguments(pair, true, args, keywords, target)?
                    } else {
                        let name = self.mangled(attr.id);
                        self.unit.release(base);
                        let dst = self.unit.dest(target);
                        let cache = self.unit.cache(CacheKind::GetAttr, name);
                        self.unit.op2_n(Op::GetAttr, dst, current, cache);
                        dst
                    }
                }
                ExprKind::Subscript { value: object, slice } => {
                    self.check_subscript(object, slice);
                    self.subscript(current, slice, base, target)?
                }
                ExprKind::Call { func, args, keywords } => {
                    self.check_caller(func);
                    let function = if current.take { current } else { self.unit.settle(current, Want::Temp) };
                    self.arguments(function.reg, false, args, keywords, target)?
                }
                _ => current,
            };
        }
        Ok(current)
    }

    /// The place of an access, or of a call of what it gives: where it begins in an earlier line than the attribute's
    /// name, the name and what follows, so that each step of a chain over several lines has its own.
    pub(super) fn attribute_span(&self, whole: Span, name: Span) -> Span {
        if self.lines.line(whole.start) == self.lines.line(name.start) {
            whole
        } else {
            Span::new(name.start, whole.end)
        }
    }

    fn subscript(&mut self, object: Val, slice: &'a Expr<'a>, base: u32, want: Want) -> Res<Val> {
        if let ExprKind::Slice { lower, upper, step } = slice.kind {
            let first = self.unit.next_temp;
            self.optional(lower)?;
            self.optional(upper)?;
            if step.is_some() {
                self.optional(step)?;
            }
            self.unit.release(base);
            let dst = self.unit.dest(want);
            let op = if step.is_some() { Op::GetSliceStep } else { Op::GetSlice };
            self.unit.op3(op, dst, object, Val::temp(first));
            return Ok(dst);
        }
        if let Some(Const::Int(index)) = consts::fold(slice)
            && let Ok(index) = i16::try_from(index)
        {
            self.unit.release(base);
            let dst = self.unit.dest(want);
            self.unit.op2_n(Op::GetItemInt, dst, object, u32::from(index as u16));
            return Ok(dst);
        }
        let key = self.expr(slice, Want::Any)?;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op3(Op::GetItem, dst, object, key);
        Ok(dst)
    }

    /// Evaluates arguments behind the function in `base` (and behind its self, for a method) and calls.
    pub(super) fn arguments(
        &mut self,
        base: u32,
        method: bool,
        args: &'a [Expr<'a>],
        keywords: &'a [Keyword<'a>],
        want: Want,
    ) -> Res<Val> {
        let span = self.unit.span;
        self.check_keywords(keywords)?;
        if !is_direct(args, keywords) {
            return self.call_ex(base, args, keywords, want);
        }
        for arg in args {
            self.expr(arg, Want::Temp)?;
        }
        self.keyword_values(keywords)?;
        self.unit.span = span;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        let op = match (method, keywords.is_empty()) {
            (false, true) => Op::Call,
            (false, false) => Op::CallKw,
            (true, true) => Op::CallMethod,
            (true, false) => Op::CallMethodKw,
        };
        let count = (args.len() + keywords.len()) as u32;
        self.unit.emit(op, Arg::R(Val::temp(base)), Arg::N(count), Arg::R(dst));
        Ok(dst)
    }

    /// The values of keyword arguments and the tuple of their names, in the next temps.
    pub(super) fn keyword_values(&mut self, keywords: &'a [Keyword<'a>]) -> Res {
        if keywords.is_empty() {
            return Ok(());
        }
        let mut names = Vec::new();
        for keyword in keywords {
            self.expr(&keyword.value, Want::Temp)?;
            if let Some(arg) = keyword.arg {
                let name = self.mangled(arg.id);
                names.push(text(&self.names.text(name)));
            }
        }
        self.constant(Const::Tuple(names.into()), Want::Temp);
        Ok(())
    }

    /// A call with `*` or `**` (or very many arguments): function, tuple of arguments, dict of keyword arguments.
    fn call_ex(&mut self, base: u32, args: &'a [Expr<'a>], keywords: &'a [Keyword<'a>], want: Want) -> Res<Val> {
        let span = self.unit.span;
        self.unit.release(base + 1);
        match args {
            [Expr { kind: ExprKind::Starred(only), .. }] => {
                self.expr(only, Want::Temp)?;
            }
            _ => self.argument_tuple(args)?,
        }
        self.unit.span = span;
        self.call_with_tuple(base, keywords, want)
    }

    /// The call itself: the function in `base` and the tuple behind it are there.
    pub(super) fn call_with_tuple(&mut self, base: u32, keywords: &'a [Keyword<'a>], want: Want) -> Res<Val> {
        let span = self.unit.span;
        if !keywords.is_empty() {
            self.keyword_dict(base, keywords)?;
        }
        self.unit.span = span;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        let flags = if keywords.is_empty() { 0 } else { FLAG_VARIANT };
        self.unit.emit_full(Op::CallEx, flags, [Arg::R(Val::temp(base)), Arg::X, Arg::R(dst)], None);
        Ok(dst)
    }

    fn argument_tuple(&mut self, args: &'a [Expr<'a>]) -> Res {
        let starred = args.iter().any(|arg| matches!(arg.kind, ExprKind::Starred(_)));
        if !starred && args.len() <= MAX_DIRECT {
            let first = self.unit.next_temp;
            for arg in args {
                self.expr(arg, Want::Temp)?;
            }
            self.unit.release(first);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildTuple, dst, Val::temp(first), args.len() as u32);
            return Ok(());
        }
        let list = self.list_display(args, Want::Temp)?;
        self.unit.op2(Op::ListToTuple, list, list);
        Ok(())
    }

    fn keyword_dict(&mut self, function: u32, keywords: &'a [Keyword<'a>]) -> Res {
        let dict = self.unit.next_temp;
        let mut made = false;
        let mut rest = keywords;
        while !rest.is_empty() {
            let named = rest.iter().take_while(|k| k.arg.is_some()).count().min(MAX_DIRECT);
            let (now, after) = rest.split_at(named.max(1).min(rest.len()));
            rest = after;
            let part = self.unit.next_temp;
            if named == 0 {
                if !made {
                    let dst = Val::temp(self.unit.alloc(1));
                    self.unit.op2_n(Op::BuildMap, dst, dst, 0);
                    made = true;
                }
                for keyword in now {
                    let mapping = self.expr(&keyword.value, Want::Any)?;
                    self.unit.op3(Op::DictMerge, Val::keep(dict), mapping, Val::keep(function));
                }
                self.unit.release(dict + 1);
                continue;
            }
            for keyword in now {
                if let Some(arg) = keyword.arg {
                    let name = self.mangled(arg.id);
                    let key = text(&self.names.text(name));
                    self.constant(key, Want::Temp);
                    self.expr(&keyword.value, Want::Temp)?;
                }
            }
            self.unit.release(part);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildMap, dst, Val::temp(part), now.len() as u32);
            if made {
                self.unit.op3(Op::DictMerge, Val::keep(dict), dst, Val::keep(function));
                self.unit.release(dict + 1);
            }
            made = true;
        }
        Ok(())
    }

    pub(super) fn check_keywords(&mut self, keywords: &'a [Keyword<'a>]) -> Res {
        if keywords.len() < 2 {
            return Ok(());
        }
        let mut seen = std::collections::HashSet::new();
        for keyword in keywords {
            if let Some(arg) = keyword.arg
                && !seen.insert(arg.id)
            {
                return error(format!("keyword argument repeated: {}", arg.id), keyword.span);
            }
        }
        Ok(())
    }

    // ---- super()

    /// `super().name`, `super(C, x).name` and calls of them, where `super` can only be the builtin. Gives the value
    /// and how many links of the chain it covers.
    fn super_access(
        &mut self,
        leaf: &'a Expr<'a>,
        chain: &[&'a Expr<'a>],
        base: u32,
        want: Want,
    ) -> Res<Option<(Val, usize)>> {
        let [call, access, after @ ..] = chain else { return Ok(None) };
        let (ExprKind::Name("super"), ExprKind::Call { args, keywords: [], .. }) = (&leaf.kind, &call.kind) else {
            return Ok(None);
        };
        let ExprKind::Attribute { attr, .. } = access.kind else { return Ok(None) };
        if !self.super_is_builtin() || args.iter().any(|arg| matches!(arg.kind, ExprKind::Starred(_))) {
            return Ok(None);
        }
        let explicit = match args.len() {
            0 => false,
            2 => true,
            _ => return Ok(None),
        };
        self.unit.span = leaf.span;
        if explicit {
            self.expr(leaf, Want::Temp)?;
            for arg in *args {
                self.expr(arg, Want::Temp)?;
            }
        } else {
            let Some(first) = self.zero_argument_super() else { return Ok(None) };
            let class = self.names.id("__class__");
            self.expr(leaf, Want::Temp)?;
            self.unit.span = call.span;
            self.load(class, Want::Temp);
            self.load_super_self(first);
        }
        self.unit.release(base);
        let flags = if explicit { FLAG_VARIANT } else { 0 };
        let name = self.mangled(attr.id);
        let cache = self.unit.cache(CacheKind::Super, name);
        self.unit.span = access.span;
        let method = after.first().filter(|next| is_method_call(next));
        if let Some(next) = method
            && let ExprKind::Call { args, keywords, .. } = &next.kind
        {
            let pair = self.unit.alloc(2).max(base);
            self.unit.max_temp = self.unit.max_temp.max(base + 3);
            let operands = [Arg::R(Val::temp(pair)), Arg::R(Val::temp(base)), Arg::N(cache)];
            self.unit.emit_full(Op::LoadSuperMethod, flags, operands, None);
            self.unit.span = self.attribute_span(next.span, attr.span);
            let target = if after.len() == 1 { want } else { Want::Temp };
            let result = self.arguments(pair, true, args, keywords, target)?;
            return Ok(Some((result, 3)));
        }
        let target = if !after.is_empty() { Want::Temp } else { want };
        let dst = self.unit.dest(target);
        let operands = [Arg::R(dst), Arg::R(Val::temp(base)), Arg::N(cache)];
        self.unit.emit_full(Op::LoadSuperAttr, flags, operands, None);
        Ok(Some((dst, 2)))
    }

    /// Loads the first parameter for `super()`, whose own message tells that it was deleted.
    fn load_super_self(&mut self, first: NameId) {
        match self.place(first) {
            super::names::Place::Fast(reg) => {
                let dst = self.unit.dest(Want::Temp);
                self.unit.op2(Op::Move, dst, Val::keep(reg));
            }
            _ => {
                self.load(first, Want::Temp);
            }
        }
    }

    /// Whether the name `super` is the builtin as far as the module's text tells.
    fn super_is_builtin(&mut self) -> bool {
        let name = self.names.id("super");
        let block = self.table.block(self.unit.block);
        let here = block.lookup(name).is_some_and(|s| s.scope == Scope::GlobalImplicit);
        let top = self.table.block(crate::compiler::scope::TOP);
        block.is_function_like()
            && here
            && self.unit.comps.is_empty()
            && top.lookup(name).is_none_or(|s| s.flags & crate::compiler::scope::flag::BOUND == 0)
    }

    /// The first parameter, where `super()` can use it.
    fn zero_argument_super(&mut self) -> Option<NameId> {
        let class = self.names.id("__class__");
        let has_class = self.unit.free_index.contains_key(&class);
        if self.unit.argcount == 0 || !has_class { None } else { self.unit.first_param }
    }
}

fn is_method_call(node: &Expr<'_>) -> bool {
    matches!(&node.kind, ExprKind::Call { args, keywords, .. } if is_direct(args, keywords))
}

/// Whether the arguments can be laid out one behind the other.
fn is_direct(args: &[Expr<'_>], keywords: &[Keyword<'_>]) -> bool {
    args.len() + keywords.len() <= MAX_DIRECT
        && keywords.iter().all(|k| k.arg.is_some())
        && !args.iter().any(|arg| matches!(arg.kind, ExprKind::Starred(_)))
}
