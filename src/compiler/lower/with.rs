//! `with` and `async with`.

use super::Lowerer;
use super::emit::{Arg, Frame, Val, Want};
use crate::compiler::code::{CodeFlags, Const};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    pub(super) fn with_stmt(
        &mut self,
        span: Span,
        is_async: bool,
        items: &'a [WithItem<'a>],
        body: &'a [Stmt<'a>],
    ) -> Res {
        if is_async && !self.table.block(self.unit.block).is_async {
            if !self.top_level_await_here() {
                return error("'async with' outside async function", span);
            }
            self.unit.flags |= CodeFlags::COROUTINE;
        }
        self.with_items(span, is_async, items, body)
    }

    fn with_items(&mut self, span: Span, is_async: bool, items: &'a [WithItem<'a>], body: &'a [Stmt<'a>]) -> Res {
        let Some((item, rest)) = items.split_first() else {
            return self.statements(body);
        };
        self.deeper(span)?;
        let base = self.unit.next_temp;
        let manager_span = item.context_expr.span;
        // The exit function stays in two temps below the body's; the manager is needed only to get both functions.
        let exit = self.unit.alloc(2);
        let manager = self.expr(&item.context_expr, Want::Any)?;
        self.unit.span = manager_span;
        let (enter_which, exit_which) = if is_async { (2, 3) } else { (0, 1) };
        self.unit.op2_n(Op::LoadSpecial, Val::temp(exit), Val::keep(manager.reg), exit_which);
        self.unit.release(base + 2);
        let enter = self.unit.alloc(2);
        self.unit.op2_n(Op::LoadSpecial, Val::temp(enter), manager, enter_which);
        self.unit.release(base + 2);
        let entered = Val::temp(self.unit.alloc(1));
        self.unit.emit(Op::CallMethod, Arg::R(entered), Arg::N(0), Arg::R(entered));
        if is_async {
            self.await_value(entered, 1, entered.reg, Want::Temp);
        }
        let depth = base + 2;
        let outer = self.unit.handler;
        let handler = self.unit.begin_handler(depth, depth);
        self.push_frame(Frame::With { is_async, exit, outer, span: manager_span }, manager_span)?;
        match item.optional_vars {
            Some(target) => self.assign(target, entered)?,
            None => self.unit.drop_temp(entered.reg),
        }
        self.unit.release(depth);
        self.with_items(span, is_async, rest, body)?;
        self.pop_frame();
        self.unit.handler = outer;
        self.unit.span = manager_span;
        self.leave_with(is_async, exit, manager_span);
        let end = self.unit.label();
        self.with_exception(is_async, handler, base, end);
        self.unit.release(base);
        self.unit.bind(end);
        self.depth -= 1;
        Ok(())
    }

    /// Calls the exit function without an exception. Temps above it may hold a value that is being returned.
    pub(super) fn leave_with(&mut self, is_async: bool, exit: u32, span: Span) {
        self.unit.span = span;
        let base = self.unit.next_temp;
        let mut function = exit;
        if base != exit + 2 {
            function = self.unit.alloc(2);
            self.unit.op2(Op::Move, Val::temp(function), Val::temp(exit));
            self.unit.op2(Op::Move, Val::temp(function + 1), Val::temp(exit + 1));
        }
        for _ in 0..3 {
            self.constant(Const::None, Want::Temp);
        }
        self.unit.release(function);
        let result = Val::temp(self.unit.alloc(1));
        self.unit.emit(Op::CallMethod, Arg::R(result), Arg::N(3), Arg::R(result));
        if is_async {
            self.await_value(result, 2, result.reg, Want::Temp);
        }
        self.unit.drop_temp(result.reg);
        self.unit.next_temp = base;
    }

    /// The handler of a `with`: calls the exit function with the exception and looks whether it is suppressed.
    fn with_exception(&mut self, is_async: bool, handler: u32, base: u32, end: super::emit::Label) {
        let outer = self.unit.handler;
        let state = self.unit.enter_handler(handler);
        self.unit.release(base + 2);
        let (exc, saved) = (self.unit.alloc(1), self.unit.alloc(1));
        self.unit.op2(Op::PushHandled, Val::temp(saved), Val::keep(exc));
        let cleanup = self.unit.begin_handler(base + 4, base + 4);
        let call = self.unit.alloc(5);
        self.unit.op2(Op::Move, Val::temp(call), Val::temp(base));
        self.unit.op2(Op::Move, Val::temp(call + 1), Val::temp(base + 1));
        self.unit.op2(Op::ExcTriple, Val::temp(call + 2), Val::keep(exc));
        self.unit.release(call);
        let result = Val::temp(self.unit.alloc(1));
        self.unit.emit(Op::CallMethod, Arg::R(result), Arg::N(3), Arg::R(result));
        if is_async {
            self.await_value(result, 2, result.reg, Want::Temp);
        }
        let suppressed = self.unit.label();
        self.branch_on(result, true, suppressed);
        self.unit.op1(Op::Reraise, Val::temp(exc));
        self.unit.handler = outer;
        self.unit.bind(suppressed);
        self.unit.op1(Op::PopHandled, Val::temp(saved));
        self.unit.drop_temp(exc);
        self.unit.jump(end);
        self.cleanup_handler(cleanup, saved, base + 4);
        self.unit.leave_cold(state);
    }
}
