//! Expressions: the dispatch, constants, conditional expressions, awaiting and yielding.

use super::consts::{fold, truth};
use super::emit::{Arg, Label, Val, Want};
use super::{Lowerer, emit};
use crate::compiler::code::Const;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{FLAG_VARIANT, Op};
use crate::compiler::scope::CompKind;
use apy_grammar::ast::*;

/// What becomes of the value of a deciding operand of `and` or `or`.
#[derive(Clone, Copy)]
enum Decided {
    /// It is the expression's value there.
    Keep(Label),
    /// Nobody needs it there.
    Drop(Label),
}

impl<'a> Lowerer<'a> {
    /// Lowers an expression. Afterwards the next temp is what it was, plus one when the result is a temp that was not
    /// asked for by register.
    pub(super) fn expr(&mut self, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        self.deeper(value.span)?;
        let before = std::mem::replace(&mut self.unit.span, value.span);
        let result = self.expr_kind(value, want)?;
        self.unit.span = before;
        self.depth -= 1;
        Ok(result)
    }

    fn expr_kind(&mut self, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        match &value.kind {
            ExprKind::Constant(_) => Ok(match fold(value) {
                Some(constant) => self.constant(constant, want),
                None => self.constant(Const::None, want),
            }),
            ExprKind::Name("__debug__") => Ok(self.constant(Const::Bool(self.options.optimize == 0), want)),
            ExprKind::Name(name) => {
                let name = self.mangled(name);
                Ok(self.load(name, want))
            }
            ExprKind::BoolOp { op, values } => self.bool_op(*op, values, want),
            ExprKind::NamedExpr { target, value } => self.named_expr(target, value, want),
            ExprKind::BinOp { .. } => self.bin_op(value, want),
            ExprKind::UnaryOp { op, operand } => self.unary_op(value, *op, operand, want),
            ExprKind::Lambda { args, body } => self.lambda(value, args, body, want),
            ExprKind::IfExp { test, body, orelse } => self.if_exp(test, body, orelse, want),
            ExprKind::Dict(items) => self.dict_display(items, want),
            ExprKind::Set(elts) => self.set_display(elts, want),
            ExprKind::List(elts) => self.list_display(elts, want),
            ExprKind::Tuple { elts, .. } => match fold(value) {
                Some(constant) => Ok(self.constant(constant, want)),
                None => self.tuple_display(elts, want),
            },
            ExprKind::ListComp { .. }
            | ExprKind::SetComp { .. }
            | ExprKind::DictComp { .. }
            | ExprKind::GeneratorExp { .. } => self.comprehension(value, want),
            ExprKind::Await(inner) => self.await_expr(value, inner, want),
            ExprKind::Yield(inner) => self.yield_expr(value, *inner, want),
            ExprKind::YieldFrom(inner) => self.yield_from(value, inner, want),
            ExprKind::Compare { left, ops, comparators } => self.compare(value, left, ops, comparators, want),
            ExprKind::Call { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => {
                self.primary(value, want)
            }
            ExprKind::JoinedStr(parts) => self.joined_str(parts, want),
            ExprKind::TemplateStr(parts) => self.template_str(parts, want),
            ExprKind::Starred(_) => error("can't use starred expression here", value.span),
            ExprKind::Slice { lower, upper, step } => self.slice_object(*lower, *upper, *step, want),
        }
    }

    /// Loads a constant.
    pub(super) fn constant(&mut self, value: Const, want: Want) -> Val {
        let dst = self.unit.dest(want);
        let index = self.unit.consts_add(value);
        self.unit.op_n(Op::LoadConst, dst, index);
        dst
    }

    fn bool_op(&mut self, op: BoolOp, values: &'a [Expr<'a>], want: Want) -> Res<Val> {
        let base = self.unit.next_temp;
        let end = self.unit.label();
        for (i, value) in values.iter().enumerate() {
            self.unit.release(base);
            let last = i + 1 == values.len();
            if !last && let Some(constant) = fold(value) {
                // A constant that does not decide has no effect; one that does ends the expression.
                if truth(&constant) == (op == BoolOp::And) {
                    continue;
                }
                self.constant(constant, Want::Temp);
                break;
            }
            if last {
                self.expr(value, Want::Temp)?;
            } else {
                self.decide(value, op == BoolOp::Or, Decided::Keep(end))?;
            }
        }
        self.unit.bind(end);
        self.unit.release(base + 1);
        let result = self.unit.settle(Val::temp(base), want);
        Ok(result)
    }

    /// Evaluates an operand of `and` or `or`. When its truth equals `polarity`, jumps as `then` says; else falls
    /// through without the value. The truth of no value is asked for twice.
    fn decide(&mut self, value: &'a Expr<'a>, polarity: bool, then: Decided) -> Res {
        let keep = match then {
            Decided::Drop(to) => return self.jump_if(value, polarity, to),
            Decided::Keep(to) => to,
        };
        self.deeper(value.span)?;
        match &value.kind {
            ExprKind::BoolOp { op, values } if fold(value).is_none() => {
                // Truth that ends the inner operator early.
                let early = *op == BoolOp::Or;
                let skip = self.unit.label();
                let inner = if early == polarity { then } else { Decided::Drop(skip) };
                let Some((last, others)) = values.split_last() else { return Ok(()) };
                let base = self.unit.next_temp;
                for operand in others {
                    self.decide(operand, early, inner)?;
                    self.unit.release(base);
                }
                self.decide(last, polarity, then)?;
                self.unit.bind(skip);
            }
            _ => {
                let result = self.expr(value, Want::Temp)?;
                let branch = if polarity { Op::JumpIfTrueKeep } else { Op::JumpIfFalseKeep };
                self.unit.branch(branch, 0, Arg::R(Val::keep(result.reg)), Arg::X, keep);
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn named_expr(&mut self, target: &'a Expr<'a>, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        let ExprKind::Name(name) = target.kind else {
            return error("cannot use assignment expressions with this target", target.span);
        };
        let name = self.mangled(name);
        let result = match want {
            Want::To(to) => self.expr(value, Want::To(to))?,
            _ => self.expr(value, Want::Temp)?,
        };
        self.store(name, Val::keep(result.reg));
        Ok(result)
    }

    fn if_exp(&mut self, test: &'a Expr<'a>, body: &'a Expr<'a>, orelse: &'a Expr<'a>, want: Want) -> Res<Val> {
        if let Some(constant) = self.constant_of(test) {
            return self.expr(if truth(&constant) { body } else { orelse }, want);
        }
        let base = self.unit.next_temp;
        let other = self.unit.label();
        let end = self.unit.label();
        self.jump_if(test, false, other)?;
        let inner = match want {
            Want::To(to) => Want::To(to),
            _ => Want::Temp,
        };
        self.expr(body, inner)?;
        self.unit.release(base);
        self.unit.jump(end);
        self.unit.bind(other);
        let result = self.expr(orelse, inner)?;
        self.unit.bind(end);
        Ok(result)
    }

    // ---- conditions

    /// Jumps when the truth of the expression equals `polarity`, else falls through.
    pub(super) fn jump_if(&mut self, value: &'a Expr<'a>, polarity: bool, to: Label) -> Res {
        self.deeper(value.span)?;
        let before = std::mem::replace(&mut self.unit.span, value.span);
        match &value.kind {
            ExprKind::Constant(_) | ExprKind::Name("__debug__") => self.jump_if_constant(value, polarity, to),
            ExprKind::Tuple { .. } | ExprKind::UnaryOp { .. } | ExprKind::BinOp { .. } if fold(value).is_some() => {
                self.jump_if_constant(value, polarity, to);
            }
            ExprKind::UnaryOp { op: UnaryOp::Not, operand } => self.jump_if(operand, !polarity, to)?,
            ExprKind::BoolOp { op, values } => self.jump_if_bool_op(*op, values, polarity, to)?,
            ExprKind::Compare { left, ops, comparators } => {
                self.jump_if_compare(value, left, ops, comparators, polarity, to)?;
            }
            ExprKind::IfExp { test, body, orelse } => {
                let other = self.unit.label();
                let end = self.unit.label();
                self.jump_if(test, false, other)?;
                self.jump_if(body, polarity, to)?;
                self.unit.jump(end);
                self.unit.bind(other);
                self.jump_if(orelse, polarity, to)?;
                self.unit.bind(end);
            }
            _ => {
                let base = self.unit.next_temp;
                let condition = self.expr(value, Want::Any)?;
                self.unit.release(base);
                self.branch_on(condition, polarity, to);
            }
        }
        self.unit.span = before;
        self.depth -= 1;
        Ok(())
    }

    fn jump_if_constant(&mut self, value: &'a Expr<'a>, polarity: bool, to: Label) {
        if self.constant_of(value).is_some_and(|constant| truth(&constant) == polarity) {
            self.unit.jump(to);
        }
    }

    /// The value of an expression that is constant under the options of this compilation.
    pub(super) fn constant_of(&self, value: &Expr<'_>) -> Option<Const> {
        match value.kind {
            ExprKind::Name("__debug__") => Some(Const::Bool(self.options.optimize == 0)),
            _ => fold(value),
        }
    }

    pub(super) fn branch_on(&mut self, condition: Val, polarity: bool, to: Label) {
        let op = if polarity { Op::JumpIfTrue } else { Op::JumpIfFalse };
        self.unit.branch(op, 0, Arg::R(condition), Arg::X, to);
    }

    fn jump_if_bool_op(&mut self, op: BoolOp, values: &'a [Expr<'a>], polarity: bool, to: Label) -> Res {
        let Some((last, others)) = values.split_last() else { return Ok(()) };
        let deciding = op == BoolOp::Or;
        if deciding == polarity {
            for value in others {
                self.jump_if(value, polarity, to)?;
            }
            return self.jump_if(last, polarity, to);
        }
        let end = self.unit.label();
        for value in others {
            self.jump_if(value, deciding, end)?;
        }
        self.jump_if(last, polarity, to)?;
        self.unit.bind(end);
        Ok(())
    }

    // ---- suspension

    /// Awaits the value in `value` (an iterable to await when `which` says so) and leaves the result as wanted.
    pub(super) fn await_value(&mut self, value: Val, which: u32, base: u32, want: Want) -> Val {
        self.unit.release(base);
        let delegate = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::GetAwaitable, delegate, value, which);
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2(Op::Await, dst, Val::keep(delegate.reg));
        dst
    }

    fn await_expr(&mut self, value: &'a Expr<'a>, inner: &'a Expr<'a>, want: Want) -> Res<Val> {
        let block = self.table.block(self.unit.block);
        let in_comp = block.comp != CompKind::None || !self.unit.comps.is_empty();
        if block.is_function_like() {
            if !block.is_async && !in_comp {
                return error("'await' outside async function", value.span);
            }
        } else if !self.top_level_await_here() {
            return error("'await' outside function", value.span);
        }
        let base = self.unit.next_temp;
        let operand = self.expr(inner, Want::Any)?;
        self.unit.span = value.span;
        Ok(self.await_value(operand, 0, base, want))
    }

    /// Whether the current code may await because it is a module's and the options allow it.
    pub(super) fn top_level_await_here(&self) -> bool {
        self.options.top_level_await && self.parents.is_empty()
    }

    fn yield_expr(&mut self, value: &'a Expr<'a>, inner: Option<&'a Expr<'a>>, want: Want) -> Res<Val> {
        let block = self.table.block(self.unit.block);
        if !block.is_function_like() {
            return error("'yield' outside function", value.span);
        }
        let is_async = block.is_async;
        let base = self.unit.next_temp;
        let operand = match inner {
            Some(inner) => self.expr(inner, Want::Any)?,
            None => self.constant(Const::None, Want::Temp),
        };
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2(if is_async { Op::YieldAsync } else { Op::Yield }, dst, operand);
        Ok(dst)
    }

    fn yield_from(&mut self, value: &'a Expr<'a>, inner: &'a Expr<'a>, want: Want) -> Res<Val> {
        let block = self.table.block(self.unit.block);
        if !block.is_function_like() {
            return error("'yield from' outside function", value.span);
        }
        if block.is_async {
            return error("'yield from' inside async function", value.span);
        }
        let base = self.unit.next_temp;
        let operand = self.expr(inner, Want::Any)?;
        self.unit.release(base);
        let delegate = self.unit.alloc(1);
        self.unit.op2(Op::GetYieldFromIter, Val::temp(delegate), operand);
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.emit_full(Op::Await, FLAG_VARIANT, [Arg::R(dst), Arg::R(Val::keep(delegate)), Arg::X], None);
        Ok(dst)
    }

    /// A slice as a value.
    fn slice_object(
        &mut self,
        lower: Option<&'a Expr<'a>>,
        upper: Option<&'a Expr<'a>>,
        step: Option<&'a Expr<'a>>,
        want: Want,
    ) -> Res<Val> {
        let base = self.unit.next_temp;
        let mut parts = vec![lower, upper];
        parts.extend(step.map(Some));
        for part in &parts {
            self.optional(*part)?;
        }
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2_n(Op::BuildSlice, dst, emit::Val::temp(base), parts.len() as u32);
        Ok(dst)
    }

    /// An expression that may be missing (then None), in the next temp.
    pub(super) fn optional(&mut self, value: Option<&'a Expr<'a>>) -> Res<Val> {
        match value {
            Some(value) => self.expr(value, Want::Temp),
            None => Ok(self.constant(Const::None, Want::Temp)),
        }
    }
}
