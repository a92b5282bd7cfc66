//! Displays: tuples, lists, sets and dicts. Long ones are built in pieces, so that frames stay small.

use super::Lowerer;
use super::consts::fold;
use super::emit::{Val, Want};
use crate::compiler::code::Const;
use crate::compiler::error::Res;
use crate::compiler::opcodes::Op;
use apy_grammar::ast::*;

/// How many elements are evaluated into temps before they are collected.
const PIECE: usize = 256;

fn is_starred(value: &Expr<'_>) -> bool {
    matches!(value.kind, ExprKind::Starred(_))
}

impl<'a> Lowerer<'a> {
    pub(super) fn tuple_display(&mut self, elts: &'a [Expr<'a>], want: Want) -> Res<Val> {
        if elts.len() <= PIECE && !elts.iter().any(is_starred) {
            return self.build(Op::BuildTuple, elts, want);
        }
        let base = self.unit.next_temp;
        let list = self.collect(Op::BuildList, Op::ListAppend, Op::ListExtend, elts)?;
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2(Op::ListToTuple, dst, list);
        Ok(dst)
    }

    pub(super) fn list_display(&mut self, elts: &'a [Expr<'a>], want: Want) -> Res<Val> {
        if elts.len() >= 3
            && let Some(items) = elts.iter().map(fold).collect::<Option<Vec<Const>>>()
        {
            return Ok(self.extended(Op::BuildList, Op::ListExtend, Const::Tuple(items.into()), want));
        }
        if elts.len() <= PIECE && !elts.iter().any(is_starred) {
            return self.build(Op::BuildList, elts, want);
        }
        let list = self.collect(Op::BuildList, Op::ListAppend, Op::ListExtend, elts)?;
        Ok(self.unit.settle(list, want))
    }

    pub(super) fn set_display(&mut self, elts: &'a [Expr<'a>], want: Want) -> Res<Val> {
        if elts.len() >= 3
            && let Some(items) = elts.iter().map(fold).collect::<Option<Vec<Const>>>()
        {
            return Ok(self.extended(Op::BuildSet, Op::SetUpdate, Const::FrozenSet(items.into()), want));
        }
        if elts.len() <= PIECE && !elts.iter().any(is_starred) {
            return self.build(Op::BuildSet, elts, want);
        }
        let set = self.collect(Op::BuildSet, Op::SetAdd, Op::SetUpdate, elts)?;
        Ok(self.unit.settle(set, want))
    }

    /// All elements into temps, then one instruction.
    fn build(&mut self, op: Op, elts: &'a [Expr<'a>], want: Want) -> Res<Val> {
        let base = self.unit.next_temp;
        for elt in elts {
            self.expr(elt, Want::Temp)?;
        }
        self.unit.release(base);
        let dst = self.unit.dest(want);
        self.unit.op2_n(op, dst, Val::temp(base), elts.len() as u32);
        Ok(dst)
    }

    /// A new container that takes the elements of a constant.
    fn extended(&mut self, build: Op, extend: Op, items: Const, want: Want) -> Val {
        let container = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(build, container, container, 0);
        let constant = self.constant(items, Want::Temp);
        self.unit.op2(extend, Val::keep(container.reg), constant);
        self.unit.release(container.reg + 1);
        self.unit.settle(container, want)
    }

    /// A container built piece by piece, in the next temp.
    fn collect(&mut self, build: Op, append: Op, extend: Op, elts: &'a [Expr<'a>]) -> Res<Val> {
        let container = Val::temp(self.unit.next_temp);
        let plain = elts.iter().take_while(|elt| !is_starred(elt)).count().min(PIECE);
        let (first, rest) = elts.split_at(plain);
        self.build(build, first, Want::Temp)?;
        let kept = Val::keep(container.reg);
        for elt in rest {
            let (op, value) = match &elt.kind {
                ExprKind::Starred(inner) => (extend, self.expr(inner, Want::Any)?),
                _ => (append, self.expr(elt, Want::Any)?),
            };
            self.unit.op2(op, kept, value);
            self.unit.release(container.reg + 1);
        }
        Ok(container)
    }

    pub(super) fn dict_display(&mut self, items: &'a [DictItem<'a>], want: Want) -> Res<Val> {
        let base = self.unit.next_temp;
        let plain = items.iter().take_while(|item| item.key.is_some()).count().min(PIECE / 2);
        let (first, rest) = items.split_at(plain);
        for item in first {
            if let Some(key) = &item.key {
                self.expr(key, Want::Temp)?;
            }
            self.expr(&item.value, Want::Temp)?;
        }
        self.unit.release(base);
        if rest.is_empty() {
            let dst = self.unit.dest(want);
            self.unit.op2_n(Op::BuildMap, dst, Val::temp(base), plain as u32);
            return Ok(dst);
        }
        let dict = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildMap, dict, Val::temp(base), plain as u32);
        let kept = Val::keep(dict.reg);
        for item in rest {
            match &item.key {
                Some(key) => {
                    let key = self.expr(key, Want::Any)?;
                    let value = self.expr(&item.value, Want::Any)?;
                    self.unit.op3(Op::MapAdd, kept, key, value);
                }
                None => {
                    let mapping = self.expr(&item.value, Want::Any)?;
                    self.unit.op2(Op::DictUpdate, kept, mapping);
                }
            }
            self.unit.release(dict.reg + 1);
        }
        Ok(self.unit.settle(dict, want))
    }
}
