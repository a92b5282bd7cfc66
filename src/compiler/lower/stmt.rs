//! Statements: the dispatch, `if`, `return`, `raise`, `assert`, and leaving blocks early.

use super::Lowerer;
use super::consts::{fold, truth};
use super::emit::{Arg, Frame, Val, Want};
use crate::compiler::Mode;
use crate::compiler::code::Const;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{Intrinsic1, Op};
use crate::compiler::scope::{BlockKind, CompKind};
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    pub(super) fn statements(&mut self, body: &'a [Stmt<'a>]) -> Res {
        for statement in body {
            self.statement(statement)?;
        }
        Ok(())
    }

    fn statement(&mut self, statement: &'a Stmt<'a>) -> Res {
        self.deeper(statement.span)?;
        self.check_budget()?;
        self.unit.span = statement.span;
        let span = statement.span;
        match &statement.kind {
            StmtKind::FunctionDef(def) => self.function_def(def, span)?,
            StmtKind::ClassDef(def) => self.class_def(def, span)?,
            StmtKind::Return(value) => self.return_stmt(*value, span)?,
            StmtKind::Delete(targets) => {
                for target in *targets {
                    self.delete_target(target)?;
                }
            }
            StmtKind::Assign { targets, value } => self.assign_expr(targets, value)?,
            StmtKind::TypeAlias { name, type_params, value } => {
                self.type_alias(statement, *name, type_params, value)?;
            }
            StmtKind::AugAssign { target, op, value } => self.aug_assign(span, target, *op, value)?,
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                self.ann_assign(target, annotation, *value, *simple)?;
            }
            StmtKind::For { is_async, target, iter, body, orelse } => {
                if *is_async {
                    self.async_for(span, target, iter, body, orelse)?;
                } else {
                    self.for_loop(span, target, iter, body, orelse)?;
                }
            }
            StmtKind::While { test, body, orelse } => self.while_loop(span, test, body, orelse)?,
            StmtKind::If { .. } => self.if_stmt(statement)?,
            StmtKind::With { is_async, items, body } => self.with_stmt(span, *is_async, items, body)?,
            StmtKind::Match { subject, cases } => self.match_stmt(subject, cases)?,
            StmtKind::Raise { exc, cause } => self.raise(*exc, *cause)?,
            StmtKind::Try { is_star, body, handlers, orelse, finalbody } => {
                self.try_stmt(span, *is_star, body, handlers, orelse, finalbody)?;
            }
            StmtKind::Assert { test, msg } => self.assert_stmt(span, test, *msg)?,
            StmtKind::Import(names) => self.import(names)?,
            StmtKind::ImportFrom { module, names, level } => self.import_from(*module, names, *level)?,
            StmtKind::Global(_) | StmtKind::Nonlocal(_) | StmtKind::Pass => {}
            StmtKind::Expr(value) => self.expr_stmt(value)?,
            StmtKind::Break => self.break_or_continue(span, true)?,
            StmtKind::Continue => self.break_or_continue(span, false)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn expr_stmt(&mut self, value: &'a Expr<'a>) -> Res {
        let base = self.unit.next_temp;
        if self.mode() == Mode::Single && self.parents.is_empty() {
            let result = self.expr(value, Want::Any)?;
            self.unit.release(base);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::Intrinsic1, dst, result, Intrinsic1::Print as u32);
            self.unit.drop_temp(dst.reg);
        } else if !matches!(value.kind, ExprKind::Constant(_)) {
            let result = self.expr(value, Want::Any)?;
            self.unit.drop_unless_local(result);
        }
        self.unit.release(base);
        Ok(())
    }

    /// `elif` chains nest in the tree without bound, so they are lowered in a loop.
    fn if_stmt(&mut self, statement: &'a Stmt<'a>) -> Res {
        let end = self.unit.label();
        let mut current = statement;
        while let StmtKind::If { test, body, orelse } = &current.kind {
            let next = self.unit.label();
            self.unit.span = current.span;
            self.jump_if(test, false, next)?;
            self.statements(body)?;
            if !orelse.is_empty() {
                self.unit.jump(end);
            }
            self.unit.bind(next);
            match orelse {
                [only] if matches!(only.kind, StmtKind::If { .. }) => current = only,
                _ => {
                    self.statements(orelse)?;
                    break;
                }
            }
        }
        self.unit.bind(end);
        Ok(())
    }

    fn raise(&mut self, exc: Option<&'a Expr<'a>>, cause: Option<&'a Expr<'a>>) -> Res {
        let base = self.unit.next_temp;
        match (exc, cause) {
            (Some(exc), Some(cause)) => {
                let exc = self.expr(exc, Want::Any)?;
                let cause = self.expr(cause, Want::Any)?;
                self.unit.op2(Op::RaiseFrom, exc, cause);
            }
            (Some(exc), None) => {
                let exc = self.expr(exc, Want::Any)?;
                self.unit.op1(Op::Raise, exc);
            }
            (None, _) => self.unit.emit(Op::RaiseBare, Arg::X, Arg::X, Arg::X),
        }
        self.unit.release(base);
        Ok(())
    }

    fn assert_stmt(&mut self, span: Span, test: &'a Expr<'a>, msg: Option<&'a Expr<'a>>) -> Res {
        self.check_assert(span, test);
        if self.options.optimize > 0 {
            return Ok(());
        }
        let end = self.unit.label();
        self.jump_if(test, true, end)?;
        let base = self.unit.next_temp;
        self.unit.span = test.span;
        let error = Val::temp(self.unit.alloc(1));
        self.unit.op_n(Op::LoadCommon, error, 0);
        if let Some(msg) = msg {
            self.expr(msg, Want::Temp)?;
            self.unit.emit(Op::Call, Arg::R(error), Arg::N(1), Arg::R(error));
        }
        self.unit.op1(Op::Raise, error);
        self.unit.release(base);
        self.unit.bind(end);
        Ok(())
    }

    fn return_stmt(&mut self, value: Option<&'a Expr<'a>>, span: Span) -> Res {
        let block = self.table.block(self.unit.block);
        if block.kind != BlockKind::Function || block.comp != CompKind::None {
            return error("'return' outside function", span);
        }
        if value.is_some() && block.is_async && block.generator {
            return error("'return' with value in async generator", span);
        }
        if self.unit.in_finally == (true, false) {
            self.warn("'return' in a 'finally' block", span);
        }
        let base = self.unit.next_temp;
        let constant = match value {
            None => Some(Const::None),
            Some(value) => fold(value),
        };
        if let Some(constant) = constant {
            // A constant stands for its statement, if it is on the statement's line.
            let line = self.lines.line(span.start);
            let at = value.map(|v| v.span).filter(|at| self.lines.line(at.start) == line);
            self.unwind(0, at.unwrap_or(span), None)?;
            self.unit.span = span;
            let index = self.unit.consts_add(constant);
            self.unit.emit(Op::ReturnConst, Arg::X, Arg::N(index), Arg::X);
        } else if let Some(value) = value {
            let runs_code = self.unit.frames.iter().any(|frame| {
                matches!(frame, Frame::Finally { .. } | Frame::With { .. } | Frame::Handling { name: Some(_), .. })
            });
            let result = self.expr(value, if runs_code { Want::Temp } else { Want::Any })?;
            self.unwind(0, span, runs_code.then_some(result.reg))?;
            self.unit.span = span;
            self.unit.op1(Op::Return, result);
        }
        self.unit.release(base);
        Ok(())
    }

    fn break_or_continue(&mut self, span: Span, is_break: bool) -> Res {
        let word = if is_break { "break" } else { "continue" };
        if self.unit.in_finally == (true, false) {
            self.warn(&format!("'{word}' in a 'finally' block"), span);
        }
        let found = self.unit.frames.iter().rposition(|frame| matches!(frame, Frame::Loop { .. }));
        let star = self.unit.frames.iter().rposition(|frame| matches!(frame, Frame::HandlingStar));
        if star.is_some() && star > found {
            return error("'break', 'continue' and 'return' cannot appear in an except* block", span);
        }
        let Some(index) = found else {
            let message = if is_break { "'break' outside loop" } else { "'continue' not properly in loop" };
            return error(message, span);
        };
        self.unwind(index + 1, span, None)?;
        self.unit.span = span;
        if let Some(Frame::Loop { break_to, continue_to, iterator }) = self.unit.frames.get(index).copied() {
            if is_break {
                if let Some(iterator) = iterator {
                    self.unit.drop_temp(iterator);
                }
                self.unit.jump(break_to);
            } else {
                self.unit.jump(continue_to);
            }
        }
        Ok(())
    }

    /// Emits what leaving the frames from `from` up needs, innermost first. The frames stay for the code that follows.
    /// `held` is the register of a value that is being returned.
    fn unwind(&mut self, from: usize, span: Span, held: Option<u32>) -> Res {
        let handler = self.unit.handler;
        let mut left = Vec::new();
        while self.unit.frames.len() > from {
            let Some(frame) = self.unit.frames.pop() else { break };
            left.push(frame);
            self.unit.span = span;
            match frame {
                Frame::Loop { iterator, .. } => {
                    if let Some(iterator) = iterator {
                        self.unit.drop_temp(iterator);
                    }
                }
                Frame::Try { outer } => self.unit.handler = outer,
                Frame::Finally { body, outer } => {
                    self.unit.handler = outer;
                    self.unit.frames.extend(held.map(|reg| Frame::Held { reg }));
                    self.finally_body(body)?;
                    if held.is_some() {
                        self.pop_frame();
                    }
                }
                Frame::Handling { saved, exc, name, outer, .. } => {
                    self.unit.handler = outer;
                    self.leave_handling(saved, exc, name)?;
                }
                Frame::Held { reg } => self.unit.drop_temp(reg),
                Frame::HandlingStar => {
                    return error("'break', 'continue' and 'return' cannot appear in an except* block", span);
                }
                Frame::With { is_async, exit, outer, span } => {
                    self.unit.handler = outer;
                    self.leave_with(is_async, exit, span);
                }
            }
        }
        while let Some(frame) = left.pop() {
            self.unit.frames.push(frame);
        }
        self.unit.handler = handler;
        Ok(())
    }

    /// Enters a frame, within CPython's limit on nesting.
    pub(super) fn push_frame(&mut self, frame: Frame<'a>, span: Span) -> Res {
        const MOST: usize = 21;
        let block = self.table.block(self.unit.block);
        let weight = |frame: &Frame<'_>| match frame {
            // The clauses of a `try` count together, and so does the one being run.
            Frame::Handling { clause: true, .. } | Frame::HandlingStar => 2,
            Frame::Held { .. } => 0,
            _ => 1,
        };
        // What ends a generator counts, too.
        let outermost = usize::from(block.generator || block.is_async);
        let depth = outermost + self.unit.frames.iter().chain([&frame]).map(weight).sum::<usize>();
        if depth > MOST {
            return error("too many statically nested blocks", span);
        }
        self.unit.frames.push(frame);
        Ok(())
    }

    pub(super) fn pop_frame(&mut self) {
        self.unit.frames.pop();
    }

    /// Whether a condition is a constant with this truth.
    pub(super) fn is_constant(&self, value: &Expr<'_>, wanted: bool) -> bool {
        self.constant_of(value).is_some_and(|constant| truth(&constant) == wanted)
    }
}
