//! Operators: arithmetic, comparisons, and comparisons that jump.

use super::Lowerer;
use super::consts::{binary, fold};
use super::emit::{Arg, Label, Val, Want};
use crate::compiler::code::Const;
use crate::compiler::error::Res;
use crate::compiler::opcodes::{FLAG_POLARITY, FLAG_VARIANT, Op};
use apy_grammar::ast::*;

/// The opcodes of an operator: with a register, with a constant.
fn arithmetic(op: Operator) -> (Op, Option<Op>) {
    match op {
        Operator::Add => (Op::Add, Some(Op::AddK)),
        Operator::Sub => (Op::Sub, Some(Op::SubK)),
        Operator::Mult => (Op::Mul, Some(Op::MulK)),
        Operator::MatMult => (Op::MatMul, None),
        Operator::Div => (Op::TrueDiv, Some(Op::TrueDivK)),
        Operator::Mod => (Op::Mod, Some(Op::ModK)),
        Operator::Pow => (Op::Pow, Some(Op::PowK)),
        Operator::LShift => (Op::LShift, Some(Op::LShiftK)),
        Operator::RShift => (Op::RShift, Some(Op::RShiftK)),
        Operator::BitOr => (Op::Or, Some(Op::OrK)),
        Operator::BitXor => (Op::Xor, Some(Op::XorK)),
        Operator::BitAnd => (Op::And, Some(Op::AndK)),
        Operator::FloorDiv => (Op::FloorDiv, Some(Op::FloorDivK)),
    }
}

/// The opcodes of a comparison: value, value with constant, jump, jump with constant, and whether the jump's polarity
/// is turned round.
struct CompareOps {
    value: Op,
    value_k: Option<Op>,
    jump: Op,
    jump_k: Option<Op>,
    turned: bool,
}

fn comparison(op: CmpOp) -> CompareOps {
    let ordering = |value, value_k, jump, jump_k| CompareOps {
        value,
        value_k: Some(value_k),
        jump,
        jump_k: Some(jump_k),
        turned: false,
    };
    let other = |value, jump, turned| CompareOps { value, value_k: None, jump, jump_k: None, turned };
    match op {
        CmpOp::Lt => ordering(Op::Lt, Op::LtK, Op::JumpIfLt, Op::JumpIfLtK),
        CmpOp::LtE => ordering(Op::Le, Op::LeK, Op::JumpIfLe, Op::JumpIfLeK),
        CmpOp::Eq => ordering(Op::Eq, Op::EqK, Op::JumpIfEq, Op::JumpIfEqK),
        CmpOp::NotEq => ordering(Op::Ne, Op::NeK, Op::JumpIfNe, Op::JumpIfNeK),
        CmpOp::Gt => ordering(Op::Gt, Op::GtK, Op::JumpIfGt, Op::JumpIfGtK),
        CmpOp::GtE => ordering(Op::Ge, Op::GeK, Op::JumpIfGe, Op::JumpIfGeK),
        CmpOp::Is => other(Op::Is, Op::JumpIfIs, false),
        CmpOp::IsNot => other(Op::IsNot, Op::JumpIfIs, true),
        CmpOp::In => other(Op::In, Op::JumpIfIn, false),
        CmpOp::NotIn => other(Op::NotIn, Op::JumpIfIn, true),
    }
}

/// The right operand of an operator.
enum Right {
    Reg(Val),
    Const(u32),
}

impl<'a> Lowerer<'a> {
    /// A right operand: an index into the constants where the opcode can take one, else a register.
    fn right(&mut self, value: &'a Expr<'a>, takes_const: bool) -> Res<Right> {
        if takes_const
            && let Some(constant) = fold(value)
            && let Some(index) = self.near_const(constant)
        {
            return Ok(Right::Const(index));
        }
        self.expr(value, Want::Any).map(Right::Reg)
    }

    fn near_const(&mut self, constant: Const) -> Option<u32> {
        let index = self.unit.consts_add(constant);
        (index <= u32::from(u16::MAX)).then_some(index)
    }

    pub(super) fn bin_op(&mut self, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        let mut spine = Vec::new();
        let mut leaf = value;
        while let ExprKind::BinOp { left, op, right } = &leaf.kind {
            spine.push((leaf, *op, *right));
            leaf = left;
        }
        spine.reverse();
        let mut rest = spine.as_slice();
        // The constants at the beginning of the chain are folded as far as they go.
        let mut folded = fold(leaf);
        while let (Some(left), Some(((_, op, right), after))) = (&folded, rest.split_first()) {
            let Some(result) = fold(right).and_then(|right| binary(*op, left, &right)) else { break };
            folded = Some(result);
            rest = after;
        }
        if rest.is_empty()
            && let Some(constant) = folded
        {
            return Ok(self.constant(constant, want));
        }
        let base = self.unit.next_temp;
        let mut left = match folded {
            Some(constant) => self.constant(constant, Want::Temp),
            None => self.expr(leaf, Want::Any)?,
        };
        for (i, (node, op, right)) in rest.iter().enumerate() {
            self.unit.span = node.span;
            let target = if i + 1 == rest.len() { want } else { Want::Temp };
            left = self.binary_step(*op, left, right, 0, base, target)?;
        }
        Ok(left)
    }

    /// One operation on a value that is in a register; `base` is the first temp that it frees.
    pub(super) fn binary_step(
        &mut self,
        op: Operator,
        left: Val,
        right: &'a Expr<'a>,
        flags: u8,
        base: u32,
        want: Want,
    ) -> Res<Val> {
        let (plain, with_const) = arithmetic(op);
        let right = self.right(right, with_const.is_some())?;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        match (right, with_const) {
            (Right::Const(index), Some(op)) => {
                self.unit.emit_full(op, flags, [Arg::R(dst), Arg::R(left), Arg::N(index)], None);
            }
            (Right::Reg(right), _) => {
                self.unit.emit_full(plain, flags, [Arg::R(dst), Arg::R(left), Arg::R(right)], None);
            }
            (Right::Const(_), None) => {}
        }
        Ok(dst)
    }

    /// The flags of in-place arithmetic.
    pub(super) const IN_PLACE: u8 = FLAG_VARIANT;

    pub(super) fn unary_op(&mut self, value: &'a Expr<'a>, op: UnaryOp, operand: &'a Expr<'a>, want: Want) -> Res<Val> {
        if let Some(constant) = fold(value) {
            return Ok(self.constant(constant, want));
        }
        if op == UnaryOp::Not
            && let Some(result) = self.negated_compare(operand, want)?
        {
            return Ok(result);
        }
        let base = self.unit.next_temp;
        let operand = self.expr(operand, Want::Any)?;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        let op = match op {
            UnaryOp::Invert => Op::Invert,
            UnaryOp::Not => Op::Not,
            UnaryOp::UAdd => Op::Pos,
            UnaryOp::USub => Op::Neg,
        };
        self.unit.op2(op, dst, operand);
        Ok(dst)
    }

    /// `not (a is b)` and `not (a in b)` are comparisons themselves.
    fn negated_compare(&mut self, operand: &'a Expr<'a>, want: Want) -> Res<Option<Val>> {
        let ExprKind::Compare { left, ops: [op], comparators: [right] } = &operand.kind else { return Ok(None) };
        let op = match op {
            CmpOp::Is => CmpOp::IsNot,
            CmpOp::IsNot => CmpOp::Is,
            CmpOp::In => CmpOp::NotIn,
            CmpOp::NotIn => CmpOp::In,
            _ => return Ok(None),
        };
        self.check_is(left, &[op], std::slice::from_ref(right), operand.span);
        self.unit.span = operand.span;
        self.single_compare(left, op, right, want).map(Some)
    }

    /// The right side of `in`: a list or set of constants is a constant.
    fn membership(&mut self, op: CmpOp, right: &'a Expr<'a>) -> Res<Val> {
        if matches!(op, CmpOp::In | CmpOp::NotIn)
            && let Some(constant) = constant_container(right)
        {
            return Ok(self.constant(constant, Want::Temp));
        }
        self.expr(right, Want::Any)
    }

    fn compare_right(&mut self, op: CmpOp, right: &'a Expr<'a>, takes_const: bool) -> Res<Right> {
        if takes_const { self.right(right, true) } else { self.membership(op, right).map(Right::Reg) }
    }

    fn single_compare(&mut self, left: &'a Expr<'a>, op: CmpOp, right: &'a Expr<'a>, want: Want) -> Res<Val> {
        let base = self.unit.next_temp;
        let ops = comparison(op);
        let left = self.expr(left, Want::Any)?;
        let right = self.compare_right(op, right, ops.value_k.is_some())?;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.emit_compare(&ops, dst, left, &right);
        Ok(dst)
    }

    fn emit_compare(&mut self, ops: &CompareOps, dst: Val, left: Val, right: &Right) {
        match (right, ops.value_k) {
            (Right::Const(index), Some(op)) => self.unit.op2_n(op, dst, left, *index),
            (Right::Reg(right), _) => self.unit.op3(ops.value, dst, left, *right),
            (Right::Const(_), None) => {}
        }
    }

    fn emit_compare_jump(&mut self, ops: &CompareOps, left: Val, right: &Right, polarity: bool, to: Label) {
        let flags = if polarity != ops.turned { FLAG_POLARITY } else { 0 };
        match (right, ops.jump_k) {
            (Right::Const(index), Some(op)) => self.unit.branch(op, flags, Arg::R(left), Arg::N(*index), to),
            (Right::Reg(right), _) => self.unit.branch(ops.jump, flags, Arg::R(left), Arg::R(*right), to),
            (Right::Const(_), None) => {}
        }
    }

    pub(super) fn compare(
        &mut self,
        value: &'a Expr<'a>,
        left: &'a Expr<'a>,
        ops: &'a [CmpOp],
        comparators: &'a [Expr<'a>],
        want: Want,
    ) -> Res<Val> {
        self.check_is(left, ops, comparators, value.span);
        if let ([op], [right]) = (ops, comparators) {
            return self.single_compare(left, *op, right, want);
        }
        // The result is in the first temp, the operand that two comparisons share in the second (unless a local).
        let base = self.unit.next_temp;
        let mut left = self.expr(left, Want::Any)?;
        self.unit.release(base);
        let result = Val::temp(self.unit.alloc(1));
        let cleanup = self.unit.label();
        let end = self.unit.label();
        let mut cleanup_used = false;
        for (i, (op, right)) in ops.iter().zip(comparators).enumerate() {
            self.unit.span = value.span;
            let kinds = comparison(*op);
            if i + 1 == ops.len() {
                let right = self.compare_right(*op, right, kinds.value_k.is_some())?;
                self.emit_compare(&kinds, result, left, &right);
                break;
            }
            let middle = self.membership(*op, right)?;
            self.unit.op3(kinds.value, result, left, Val::keep(middle.reg));
            if middle.take && middle.reg != base + 1 {
                self.unit.op2(Op::Move, Val::temp(base + 1), middle);
            }
            let to = if middle.take { cleanup } else { end };
            cleanup_used |= middle.take;
            self.unit.branch(Op::JumpIfFalseKeep, 0, Arg::R(Val::keep(base)), Arg::X, to);
            left = if middle.take { Val::temp(base + 1) } else { middle };
            self.unit.release(if middle.take { base + 2 } else { base + 1 });
        }
        if cleanup_used {
            let saved = self.unit.enter_cold();
            self.unit.bind(cleanup);
            self.unit.drop_temp(base + 1);
            self.unit.jump(end);
            self.unit.leave_cold(saved);
        }
        self.unit.bind(end);
        self.unit.release(base + 1);
        Ok(self.unit.settle(result, want))
    }

    pub(super) fn jump_if_compare(
        &mut self,
        value: &'a Expr<'a>,
        left: &'a Expr<'a>,
        ops: &'a [CmpOp],
        comparators: &'a [Expr<'a>],
        polarity: bool,
        to: Label,
    ) -> Res {
        self.check_is(left, ops, comparators, value.span);
        let base = self.unit.next_temp;
        if let ([op @ (CmpOp::Is | CmpOp::IsNot)], [right]) = (ops, comparators)
            && matches!(right.kind, ExprKind::Constant(Constant::None))
        {
            let left = self.expr(left, Want::Any)?;
            self.unit.release(base);
            let jump = if (*op == CmpOp::Is) == polarity { Op::JumpIfNone } else { Op::JumpIfNotNone };
            self.unit.branch(jump, 0, Arg::R(left), Arg::X, to);
            return Ok(());
        }
        let mut left = self.expr(left, Want::Any)?;
        let cleanup = self.unit.label();
        let over = self.unit.label();
        let when_false = if polarity { over } else { to };
        let mut cleanup_used = false;
        for (i, (op, right)) in ops.iter().zip(comparators).enumerate() {
            self.unit.span = value.span;
            let kinds = comparison(*op);
            if i + 1 == ops.len() {
                let right = self.compare_right(*op, right, kinds.jump_k.is_some())?;
                self.unit.release(base);
                self.emit_compare_jump(&kinds, left, &right, polarity, to);
                break;
            }
            let middle = self.membership(*op, right)?;
            if middle.take && middle.reg != base {
                // The left operand is in the first temp, where the shared one has to be when the jump is taken.
                let result = Val::temp(self.unit.alloc(1));
                self.unit.op3(kinds.value, result, left, Val::keep(middle.reg));
                self.unit.op2(Op::Move, Val::temp(base), middle);
                self.branch_on(result, false, cleanup);
                left = Val::temp(base);
                cleanup_used = true;
                self.unit.release(base + 1);
                continue;
            }
            let kept = Right::Reg(Val::keep(middle.reg));
            let target = if middle.take { cleanup } else { when_false };
            cleanup_used |= middle.take;
            self.emit_compare_jump(&kinds, left, &kept, false, target);
            left = middle;
            self.unit.release(if middle.take { base + 1 } else { base });
        }
        if cleanup_used {
            let saved = self.unit.enter_cold();
            self.unit.bind(cleanup);
            self.unit.drop_temp(base);
            self.unit.jump(when_false);
            self.unit.leave_cold(saved);
        }
        self.unit.bind(over);
        Ok(())
    }
}

/// The constant that a display on the right of `in` is.
pub(super) fn constant_container(value: &Expr<'_>) -> Option<Const> {
    match &value.kind {
        ExprKind::List(elts) => {
            elts.iter().map(fold).collect::<Option<Vec<Const>>>().map(|items| Const::Tuple(items.into()))
        }
        ExprKind::Set(elts) => {
            elts.iter().map(fold).collect::<Option<Vec<Const>>>().map(|items| Const::FrozenSet(items.into()))
        }
        _ => None,
    }
}
