//! Assignments, augmented assignments and `del`.

use super::Lowerer;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::CacheKind;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    /// `targets = value`, from left to right.
    pub(super) fn assign_expr(&mut self, targets: &'a [Expr<'a>], value: &'a Expr<'a>) -> Res {
        let base = self.unit.next_temp;
        if let [target] = targets {
            if let ExprKind::Name(name) = target.kind {
                let name = self.mangled(name);
                if let Some(reg) = self.fast_register(name) {
                    self.expr(value, Want::To(Val::keep(reg)))?;
                    self.unit.bound.set(reg);
                    self.unit.release(base);
                    return Ok(());
                }
            }
            if self.swap(target, value)? {
                self.unit.release(base);
                return Ok(());
            }
        }
        let value = self.expr(value, Want::Any)?;
        let after = self.unit.next_temp;
        for (i, target) in targets.iter().enumerate() {
            let last = i + 1 == targets.len();
            let value = if last { value } else { Val::keep(value.reg) };
            self.assign(target, value)?;
            self.unit.release(after);
        }
        self.unit.release(base);
        Ok(())
    }

    /// `a, b = x, y` without a tuple.
    fn swap(&mut self, target: &'a Expr<'a>, value: &'a Expr<'a>) -> Res<bool> {
        const MOST: usize = 16;
        let (ExprKind::Tuple { elts: targets, .. } | ExprKind::List(targets)) = target.kind else { return Ok(false) };
        let (ExprKind::Tuple { elts: values, .. } | ExprKind::List(values)) = value.kind else { return Ok(false) };
        let starred = |e: &Expr<'_>| matches!(e.kind, ExprKind::Starred(_));
        if targets.len() != values.len()
            || targets.is_empty()
            || targets.len() > MOST
            || targets.iter().any(starred)
            || values.iter().any(starred)
            || super::consts::fold(value).is_some()
        {
            return Ok(false);
        }
        let mut registers = Vec::new();
        let mut simple = true;
        for target in targets {
            let reg = match target.kind {
                ExprKind::Name(name) => {
                    let name = self.mangled(name);
                    self.fast_register(name)
                }
                _ => None,
            };
            simple &= reg.is_some();
            registers.extend(reg);
        }
        let mut held = Vec::new();
        for (i, value) in values.iter().enumerate() {
            let result = self.expr(value, Want::Any)?;
            // A local that an earlier target overwrites must be copied first.
            let safe = simple && !registers.iter().take(i).any(|reg| *reg == result.reg);
            held.push(if result.take || safe { result } else { self.unit.settle(result, Want::Temp) });
        }
        let after = self.unit.next_temp;
        for (target, value) in targets.iter().zip(held) {
            self.assign(target, value)?;
            self.unit.release(after);
        }
        Ok(true)
    }

    /// Stores a value (consumed when a temp) in a target.
    pub(super) fn assign(&mut self, target: &'a Expr<'a>, value: Val) -> Res {
        self.deeper(target.span)?;
        let before = std::mem::replace(&mut self.unit.span, target.span);
        match &target.kind {
            ExprKind::Name(name) => {
                let name = self.mangled(name);
                self.store(name, value);
            }
            ExprKind::Attribute { value: object, attr } => {
                self.note_static_attribute(object, attr.id);
                let object = self.expr(object, Want::Any)?;
                let name = self.mangled(attr.id);
                let cache = self.unit.cache(CacheKind::SetAttr, name);
                self.unit.span = self.attribute_span(target.span, attr.span);
                self.unit.op2_n(Op::SetAttr, object, value, cache);
            }
            ExprKind::Subscript { value: object, slice } => {
                let object = self.expr(object, Want::Any)?;
                self.store_item(object, slice, value)?;
            }
            ExprKind::Tuple { elts, .. } | ExprKind::List(elts) => self.unpack(target, elts, value)?,
            ExprKind::Starred(_) => {
                return error("starred assignment target must be in a list or tuple", target.span);
            }
            _ => return error("cannot assign to this expression", target.span),
        }
        self.unit.span = before;
        self.depth -= 1;
        Ok(())
    }

    fn store_item(&mut self, object: Val, slice: &'a Expr<'a>, value: Val) -> Res {
        let span = self.unit.span;
        if let ExprKind::Slice { lower, upper, step: None } = slice.kind {
            let first = self.unit.next_temp;
            self.optional(lower)?;
            self.optional(upper)?;
            self.unit.span = span;
            self.unit.op3(Op::SetSlice, object, Val::temp(first), value);
            return Ok(());
        }
        let key = self.expr(slice, Want::Any)?;
        self.unit.op3(Op::SetItem, object, key, value);
        Ok(())
    }

    fn unpack(&mut self, target: &'a Expr<'a>, elts: &'a [Expr<'a>], value: Val) -> Res {
        let mut star = None;
        for (i, elt) in elts.iter().enumerate() {
            if let ExprKind::Starred(inner) = &elt.kind {
                if star.is_some() {
                    return error("multiple starred expressions in assignment", target.span);
                }
                star = Some((i, *inner));
            }
        }
        if star.is_none() && self.unpack_pair(elts, value)? {
            return Ok(());
        }
        // A value that is the last temp may be replaced by its parts.
        let first = if value.take && value.reg + 1 == self.unit.next_temp { value.reg } else { self.unit.next_temp };
        self.unit.release(first);
        self.unit.alloc(elts.len() as u32);
        match star {
            None => self.unit.op2_n(Op::UnpackSequence, Val::temp(first), value, elts.len() as u32),
            Some((before, _)) => {
                let after = elts.len() - before - 1;
                if before > 255 || after > 255 {
                    return error("too many expressions in star-unpacking assignment", target.span);
                }
                let counts = (before | after << 8) as u32;
                self.unit.op2_n(Op::UnpackEx, Val::temp(first), value, counts);
            }
        }
        for (i, elt) in elts.iter().enumerate() {
            let inner = match &elt.kind {
                ExprKind::Starred(inner) => inner,
                _ => elt,
            };
            let mark = self.unit.next_temp;
            self.assign(inner, Val::temp(first + i as u32))?;
            self.unit.release(mark);
        }
        Ok(())
    }

    /// Two targets that are locals.
    fn unpack_pair(&mut self, elts: &'a [Expr<'a>], value: Val) -> Res<bool> {
        let [Expr { kind: ExprKind::Name(a), .. }, Expr { kind: ExprKind::Name(b), .. }] = elts else {
            return Ok(false);
        };
        let [a, b] = [*a, *b].map(|name| self.mangled(name));
        let (Some(a), Some(b)) = (self.fast_register(a), self.fast_register(b)) else { return Ok(false) };
        self.unit.op3(Op::UnpackPair, Val::keep(a), Val::keep(b), value);
        self.unit.bound.set(a);
        self.unit.bound.set(b);
        Ok(true)
    }

    pub(super) fn aug_assign(
        &mut self,
        statement: Span,
        target: &'a Expr<'a>,
        op: Operator,
        value: &'a Expr<'a>,
    ) -> Res {
        let base = self.unit.next_temp;
        self.unit.span = target.span;
        match &target.kind {
            ExprKind::Name(name) => {
                let name = self.mangled(name);
                let left = self.load(name, Want::Any);
                self.unit.span = statement;
                if let Some(reg) = self.fast_register(name) {
                    self.binary_step(op, left, value, Self::IN_PLACE, base, Want::To(Val::keep(reg)))?;
                    self.unit.bound.set(reg);
                } else {
                    let result = self.binary_step(op, left, value, Self::IN_PLACE, base, Want::Temp)?;
                    self.unit.span = target.span;
                    self.store(name, result);
                }
            }
            ExprKind::Attribute { value: object, attr } => {
                let object = self.expr(object, Want::Any)?;
                let name = self.mangled(attr.id);
                let place = self.attribute_span(target.span, attr.span);
                self.unit.span = place;
                let mark = self.unit.next_temp;
                let old = Val::temp(self.unit.alloc(1));
                let cache = self.unit.cache(CacheKind::GetAttr, name);
                self.unit.op2_n(Op::GetAttr, old, Val::keep(object.reg), cache);
                self.unit.span = statement;
                let result = self.binary_step(op, old, value, Self::IN_PLACE, mark, Want::Temp)?;
                self.unit.span = place;
                let cache = self.unit.cache(CacheKind::SetAttr, name);
                self.unit.op2_n(Op::SetAttr, object, result, cache);
            }
            ExprKind::Subscript { value: object, slice } => {
                self.aug_assign_item(statement, target.span, object, slice, op, value)?;
            }
            _ => return error("illegal expression for augmented assignment", target.span),
        }
        self.unit.release(base);
        Ok(())
    }

    fn aug_assign_item(
        &mut self,
        statement: Span,
        target: Span,
        object: &'a Expr<'a>,
        slice: &'a Expr<'a>,
        op: Operator,
        value: &'a Expr<'a>,
    ) -> Res {
        let object = self.expr(object, Want::Any)?;
        let key = self.expr(slice, Want::Any)?;
        let mark = self.unit.next_temp;
        let old = Val::temp(self.unit.alloc(1));
        self.unit.op3(Op::GetItem, old, Val::keep(object.reg), Val::keep(key.reg));
        self.unit.span = statement;
        let result = self.binary_step(op, old, value, Self::IN_PLACE, mark, Want::Temp)?;
        self.unit.span = target;
        self.unit.op3(Op::SetItem, object, key, result);
        Ok(())
    }

    pub(super) fn delete_target(&mut self, target: &'a Expr<'a>) -> Res {
        self.deeper(target.span)?;
        let base = self.unit.next_temp;
        let before = std::mem::replace(&mut self.unit.span, target.span);
        match &target.kind {
            ExprKind::Name(name) => {
                let name = self.mangled(name);
                self.delete(name);
            }
            ExprKind::Attribute { value, attr } => {
                let object = self.expr(value, Want::Any)?;
                self.unit.span = self.attribute_span(target.span, attr.span);
                let name = self.mangled(attr.id);
                let cache = self.unit.cache(CacheKind::SetAttr, name);
                self.unit.emit(Op::DelAttr, Arg::R(object), Arg::X, Arg::N(cache));
            }
            ExprKind::Subscript { value, slice } => {
                let object = self.expr(value, Want::Any)?;
                let key = self.expr(slice, Want::Any)?;
                self.unit.op2(Op::DelItem, object, key);
            }
            ExprKind::Tuple { elts, .. } | ExprKind::List(elts) => {
                for elt in *elts {
                    self.delete_target(elt)?;
                }
            }
            _ => return error("cannot delete this expression", target.span),
        }
        self.unit.span = before;
        self.unit.release(base);
        self.depth -= 1;
        Ok(())
    }
}
