//! `for`, `async for` and `while`. Loops test at their foot, so that each round executes one jump.

use super::Lowerer;
use super::emit::{Arg, Frame, Label, Val, Want};
use super::ops::constant_container;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    /// What a loop runs over: a list or set of constants is a constant.
    pub(super) fn iterable(&mut self, iter: &'a Expr<'a>) -> Res<Val> {
        if let Some(constant) = constant_container(iter) {
            let before = std::mem::replace(&mut self.unit.span, iter.span);
            let value = self.constant(constant, Want::Temp);
            self.unit.span = before;
            return Ok(value);
        }
        self.expr(iter, Want::Any)
    }

    /// The head of a loop over an iterator in a temp: the first value is stored in the target, or `done` is reached.
    pub(super) fn loop_head(
        &mut self,
        target: &'a Expr<'a>,
        value: Val,
        iterator: u32,
        again: Label,
        done: Label,
    ) -> Res {
        let mark = self.unit.next_temp;
        if value.take {
            self.unit.alloc(1);
        }
        self.unit.branch(Op::ForIter, 0, Arg::R(value), Arg::R(Val::keep(iterator)), done);
        self.unit.bind_loop(again);
        self.store_loop_value(target, value)?;
        self.unit.release(mark);
        Ok(())
    }

    /// Where the iterator's values go first: straight to a local, else to the next temp.
    pub(super) fn loop_register(&mut self, target: &'a Expr<'a>) -> Val {
        if let ExprKind::Name(name) = target.kind {
            let name = self.mangled(name);
            if let Some(reg) = self.fast_register(name) {
                return Val::keep(reg);
            }
        }
        Val::temp(self.unit.next_temp)
    }

    fn store_loop_value(&mut self, target: &'a Expr<'a>, value: Val) -> Res {
        if value.take {
            self.assign(target, value)
        } else {
            self.unit.bound.set(value.reg);
            Ok(())
        }
    }

    /// The body of a loop, where warnings about `finally` know of the loop.
    fn loop_body(&mut self, body: &'a [Stmt<'a>]) -> Res {
        let before = self.unit.in_finally;
        self.unit.in_finally.1 = true;
        self.statements(body)?;
        self.unit.in_finally = before;
        Ok(())
    }

    pub(super) fn for_loop(
        &mut self,
        span: Span,
        target: &'a Expr<'a>,
        iter: &'a Expr<'a>,
        body: &'a [Stmt<'a>],
        orelse: &'a [Stmt<'a>],
    ) -> Res {
        let base = self.unit.next_temp;
        let [again, next, done, end] = [(); 4].map(|()| self.unit.label());
        let iterable = self.iterable(iter)?;
        self.unit.release(base);
        let iterator = self.unit.alloc(1);
        self.unit.span = iter.span;
        self.unit.op2(Op::GetIter, Val::temp(iterator), iterable);
        self.push_frame(Frame::Loop { break_to: end, continue_to: next, iterator: Some(iterator) }, span)?;
        let value = self.loop_register(target);
        self.loop_head(target, value, iterator, again, done)?;
        self.loop_body(body)?;
        self.unit.bind(next);
        self.unit.span = iter.span;
        self.unit.branch(Op::ForLoop, 0, Arg::R(value), Arg::R(Val::keep(iterator)), again);
        self.unit.bind(done);
        self.pop_frame();
        self.unit.release(base);
        self.statements(orelse)?;
        self.unit.bind(end);
        Ok(())
    }

    /// Leaves the awaited next item of the async iterator in the next temp.
    pub(super) fn next_awaited(&mut self, iterator: u32) -> Res {
        let item = self.unit.alloc(1);
        self.unit.op2(Op::GetANext, Val::temp(item), Val::keep(iterator));
        self.unit.op2(Op::Await, Val::temp(item), Val::keep(item));
        Ok(())
    }

    /// The handler that ends an async loop.
    pub(super) fn end_async_for(&mut self, handler: u32, iterator: u32, done: Label) {
        let exc = self.unit.handlers.get(handler.saturating_sub(1) as usize).map_or(iterator + 1, |h| h.exc);
        let saved = self.unit.enter_handler(handler);
        self.unit.op2(Op::EndAsyncFor, Val::temp(exc), Val::temp(iterator));
        self.unit.jump(done);
        self.unit.leave_cold(saved);
    }

    pub(super) fn async_for(
        &mut self,
        span: Span,
        target: &'a Expr<'a>,
        iter: &'a Expr<'a>,
        body: &'a [Stmt<'a>],
        orelse: &'a [Stmt<'a>],
    ) -> Res {
        if !self.table.block(self.unit.block).is_async {
            if !self.top_level_await_here() {
                return error("'async for' outside async function", span);
            }
            self.unit.flags |= crate::compiler::code::CodeFlags::COROUTINE;
        }
        let base = self.unit.next_temp;
        let [next, done, end] = [(); 3].map(|()| self.unit.label());
        let iterable = self.expr(iter, Want::Any)?;
        self.unit.release(base);
        let iterator = self.unit.alloc(1);
        self.unit.span = iter.span;
        self.unit.op2(Op::GetAIter, Val::temp(iterator), iterable);
        self.push_frame(Frame::Loop { break_to: end, continue_to: next, iterator: Some(iterator) }, span)?;
        self.unit.bind_loop(next);
        let outer = self.unit.handler;
        let mark = self.unit.next_temp;
        let handler = self.unit.begin_handler(mark, mark);
        self.next_awaited(iterator)?;
        self.unit.handler = outer;
        self.assign(target, Val::temp(mark))?;
        self.unit.release(mark);
        self.loop_body(body)?;
        self.unit.span = iter.span;
        self.unit.jump(next);
        self.end_async_for(handler, iterator, done);
        self.unit.bind(done);
        self.pop_frame();
        self.unit.release(base);
        self.statements(orelse)?;
        self.unit.bind(end);
        Ok(())
    }

    pub(super) fn while_loop(
        &mut self,
        span: Span,
        test: &'a Expr<'a>,
        body: &'a [Stmt<'a>],
        orelse: &'a [Stmt<'a>],
    ) -> Res {
        let [head, again, next, done, end] = [(); 5].map(|()| self.unit.label());
        let forever = self.is_constant(test, true);
        let repeat_test = !forever && is_small(test, &mut 24);
        self.unit.bind_loop(head);
        self.jump_if(test, false, done)?;
        self.unit.bind(again);
        self.push_frame(Frame::Loop { break_to: end, continue_to: next, iterator: None }, span)?;
        self.loop_body(body)?;
        self.unit.bind(next);
        self.unit.span = test.span;
        if repeat_test {
            self.jump_if(test, true, again)?;
        } else {
            self.unit.jump(head);
        }
        self.unit.bind(done);
        self.pop_frame();
        self.statements(orelse)?;
        self.unit.bind(end);
        Ok(())
    }
}

/// Whether a condition is short enough to be compiled twice. `budget` counts its nodes; expressions that make scopes
/// never are.
fn is_small(value: &Expr<'_>, budget: &mut u32) -> bool {
    if *budget == 0 {
        return false;
    }
    *budget -= 1;
    match &value.kind {
        ExprKind::Name(_) | ExprKind::Constant(_) => true,
        ExprKind::Attribute { value, .. } | ExprKind::UnaryOp { operand: value, .. } => is_small(value, budget),
        ExprKind::BinOp { left, right, .. } => is_small(left, budget) && is_small(right, budget),
        ExprKind::Subscript { value, slice } => is_small(value, budget) && is_small(slice, budget),
        ExprKind::BoolOp { values, .. } => values.iter().all(|value| is_small(value, budget)),
        ExprKind::Compare { left, comparators, .. } => {
            is_small(left, budget) && comparators.iter().all(|value| is_small(value, budget))
        }
        ExprKind::Call { func, args, keywords: [] } => {
            is_small(func, budget) && args.iter().all(|value| is_small(value, budget))
        }
        ExprKind::NamedExpr { value, .. } => is_small(value, budget),
        _ => false,
    }
}
