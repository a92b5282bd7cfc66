//! `try` statements.

use super::Lowerer;
use super::emit::{Arg, Frame, Label, Val, Want};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{Intrinsic2, Op};
use crate::compiler::scope::NameId;
use apy_grammar::ast::*;

/// The registers and labels that the clauses of one `try` share.
struct Clauses {
    exc: u32,
    saved: u32,
    /// The handler around the `try`.
    outer: u32,
    end: Label,
}

impl<'a> Lowerer<'a> {
    pub(super) fn try_stmt(
        &mut self,
        span: Span,
        is_star: bool,
        body: &'a [Stmt<'a>],
        handlers: &'a [ExceptHandler<'a>],
        orelse: &'a [Stmt<'a>],
        finalbody: &'a [Stmt<'a>],
    ) -> Res {
        if finalbody.is_empty() {
            return self.try_except(span, is_star, body, handlers, orelse);
        }
        let depth = self.unit.next_temp;
        let outer = self.unit.handler;
        let handler = self.unit.begin_handler(depth, depth);
        self.push_frame(Frame::Finally { body: finalbody, outer }, span)?;
        if handlers.is_empty() {
            self.statements(body)?;
        } else {
            self.try_except(span, is_star, body, handlers, orelse)?;
        }
        self.pop_frame();
        self.unit.handler = outer;
        self.finally_body(finalbody)?;
        let saved_state = self.unit.enter_handler(handler);
        self.unit.span = span;
        let (exc, saved) = (self.unit.alloc(1), self.unit.alloc(1));
        self.unit.op2(Op::PushHandled, Val::temp(saved), Val::keep(exc));
        let cleanup = self.unit.begin_handler(depth + 2, depth + 2);
        self.push_frame(Frame::Handling { saved, exc, name: None, outer, clause: false }, span)?;
        self.finally_body(finalbody)?;
        self.pop_frame();
        self.unit.op1(Op::Reraise, Val::temp(exc));
        self.unit.handler = outer;
        self.cleanup_handler(cleanup, saved, depth + 2);
        self.unit.leave_cold(saved_state);
        self.unit.release(depth);
        Ok(())
    }

    /// The statements of a `finally`.
    pub(super) fn finally_body(&mut self, body: &'a [Stmt<'a>]) -> Res {
        let before = std::mem::replace(&mut self.unit.in_finally, (true, false));
        let span = self.unit.span;
        self.statements(body)?;
        self.unit.span = span;
        self.unit.in_finally = before;
        Ok(())
    }

    /// An exception inside a handler: the exception that was handled before is handled again, and the new one goes on.
    pub(super) fn cleanup_handler(&mut self, cleanup: u32, saved: u32, exc: u32) {
        let state = self.unit.enter_handler(cleanup);
        self.unit.op1(Op::PopHandled, Val::temp(saved));
        self.unit.op1(Op::Reraise, Val::temp(exc));
        self.unit.leave_cold(state);
    }

    /// The regular end of handling an exception.
    pub(super) fn leave_handling(&mut self, saved: u32, exc: u32, name: Option<(NameId, Span)>) -> Res {
        self.unit.op1(Op::PopHandled, Val::temp(saved));
        if let Some((name, span)) = name {
            self.unbind(name, span)?;
        }
        self.unit.drop_temp(exc);
        Ok(())
    }

    fn try_except(
        &mut self,
        span: Span,
        is_star: bool,
        body: &'a [Stmt<'a>],
        handlers: &'a [ExceptHandler<'a>],
        orelse: &'a [Stmt<'a>],
    ) -> Res {
        if let Some((_, others)) = handlers.split_last()
            && let Some(bare) = others.iter().find(|h| h.type_.is_none())
        {
            return error("default 'except:' must be last", bare.span);
        }
        let depth = self.unit.next_temp;
        let outer = self.unit.handler;
        let end = self.unit.label();
        let handler = self.unit.begin_handler(depth, depth);
        self.push_frame(Frame::Try { outer }, span)?;
        self.statements(body)?;
        self.pop_frame();
        self.unit.handler = outer;
        self.statements(orelse)?;
        let state = self.unit.enter_handler(handler);
        self.unit.span = span;
        let (exc, saved) = (self.unit.alloc(1), self.unit.alloc(1));
        self.unit.op2(Op::PushHandled, Val::temp(saved), Val::keep(exc));
        let cleanup = self.unit.begin_handler(depth + 2, depth + 2);
        let clauses = Clauses { exc, saved, outer, end };
        if is_star {
            self.star_clauses(&clauses, handlers, cleanup)?;
        } else {
            for clause in handlers {
                self.clause(&clauses, clause, cleanup)?;
            }
            self.unit.span = span;
            self.unit.op1(Op::Reraise, Val::temp(exc));
        }
        self.unit.handler = outer;
        self.cleanup_handler(cleanup, saved, depth + 2);
        self.unit.leave_cold(state);
        self.unit.release(depth);
        self.unit.bind(end);
        Ok(())
    }

    fn clause(&mut self, clauses: &Clauses, clause: &'a ExceptHandler<'a>, cleanup: u32) -> Res {
        let next = self.unit.label();
        let base = self.unit.next_temp;
        self.unit.span = clause.span;
        if let Some(kind) = clause.type_ {
            let kind = self.expr(kind, Want::Any)?;
            self.unit.release(base);
            let matches = Val::temp(self.unit.alloc(1));
            self.unit.op3(Op::ExcMatch, matches, Val::keep(clauses.exc), kind);
            self.branch_on(matches, false, next);
            self.unit.release(base);
        }
        let name = clause.name.map(|name| (self.mangled(name.id), clause.span));
        let mut unbinding = None;
        if let Some((name, _)) = name {
            self.unit.span = clause.span;
            self.store(name, Val::keep(clauses.exc));
            unbinding = Some(self.unit.begin_handler(base, base));
        }
        let Clauses { saved, exc, outer, .. } = *clauses;
        let frame = Frame::Handling { saved, exc, name, outer, clause: true };
        self.push_frame(frame, clause.span)?;
        self.statements(clause.body)?;
        self.pop_frame();
        self.unit.handler = clauses.outer;
        self.unit.span = clause.span;
        self.leave_handling(clauses.saved, clauses.exc, name)?;
        self.unit.jump(clauses.end);
        self.unit.handler = cleanup;
        if let (Some(unbinding), Some((name, span))) = (unbinding, name) {
            let state = self.unit.enter_handler(unbinding);
            self.unit.alloc(1);
            self.unbind(name, span)?;
            self.unit.op1(Op::Reraise, Val::temp(base));
            self.unit.leave_cold(state);
            self.unit.release(base);
        }
        self.unit.bind(next);
        Ok(())
    }

    /// The clauses of `except*`: each takes its part of the group; what they raise and what is left is raised at the end.
    fn star_clauses(&mut self, clauses: &Clauses, handlers: &'a [ExceptHandler<'a>], cleanup: u32) -> Res {
        let span = self.unit.span;
        let (raised, rest) = (self.unit.alloc(1), self.unit.alloc(1));
        self.unit.op2_n(Op::BuildList, Val::temp(raised), Val::temp(raised), 0);
        self.unit.op2(Op::Move, Val::temp(rest), Val::keep(clauses.exc));
        for clause in handlers {
            self.star_clause(clause, raised, rest, cleanup)?;
        }
        self.unit.span = span;
        self.unit.op2(Op::ListAppend, Val::keep(raised), Val::temp(rest));
        let first = self.unit.next_temp;
        let pair = self.unit.alloc(2);
        self.unit.op2(Op::Move, Val::temp(pair), Val::keep(clauses.exc));
        self.unit.op2(Op::Move, Val::temp(pair + 1), Val::temp(raised));
        let result = Val::temp(first);
        self.unit.op2_n(Op::Intrinsic2, result, Val::temp(pair), Intrinsic2::PrepReraiseStar as u32);
        let nothing = self.unit.label();
        self.unit.branch(Op::JumpIfNone, 0, Arg::R(Val::keep(first)), Arg::X, nothing);
        self.unit.handler = clauses.outer;
        self.unit.op1(Op::PopHandled, Val::temp(clauses.saved));
        self.unit.op1(Op::Reraise, result);
        self.unit.bind(nothing);
        self.unit.drop_temp(first);
        self.leave_handling(clauses.saved, clauses.exc, None)?;
        self.unit.jump(clauses.end);
        Ok(())
    }

    fn star_clause(&mut self, clause: &'a ExceptHandler<'a>, raised: u32, rest: u32, cleanup: u32) -> Res {
        let base = self.unit.next_temp;
        let [skip, next] = [(); 2].map(|()| self.unit.label());
        self.unit.span = clause.span;
        let Some(kind) = clause.type_ else {
            return error("expected one or more exception types", clause.span);
        };
        let kind = self.expr(kind, Want::Any)?;
        self.unit.release(base);
        let group = self.unit.alloc(1);
        self.unit.op3(Op::ExcStarMatch, Val::temp(group), Val::keep(rest), kind);
        self.unit.branch(Op::JumpIfNone, 0, Arg::R(Val::keep(group)), Arg::X, skip);
        let name = clause.name.map(|name| (self.mangled(name.id), clause.span));
        match name {
            Some((name, _)) => self.store(name, Val::temp(group)),
            None => self.unit.drop_temp(group),
        }
        self.unit.release(base);
        let handler = self.unit.begin_handler(base, base);
        self.push_frame(Frame::HandlingStar, clause.span)?;
        self.statements(clause.body)?;
        self.pop_frame();
        self.unit.handler = cleanup;
        self.unit.span = clause.span;
        if let Some((name, span)) = name {
            self.unbind(name, span)?;
        }
        self.unit.jump(next);
        let state = self.unit.enter_handler(handler);
        self.unit.alloc(1);
        if let Some((name, span)) = name {
            self.unbind(name, span)?;
        }
        self.unit.op2(Op::ListAppend, Val::keep(raised), Val::temp(base));
        self.unit.jump(next);
        self.unit.leave_cold(state);
        self.unit.release(base);
        self.unit.bind(skip);
        self.unit.drop_temp(group);
        self.unit.bind(next);
        Ok(())
    }
}
