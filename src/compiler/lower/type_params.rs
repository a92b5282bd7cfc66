//! PEP 695: type parameters, generic functions and `type` statements.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use super::function::{DEFAULTS, attribute_list};
use crate::compiler::code::Const;
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{Intrinsic1, Intrinsic2, Op};
use crate::compiler::scope::Tag;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    /// Makes the type parameters, binds their names, and leaves their tuple in the next temp.
    pub(super) fn type_params(&mut self, params: &'a [TypeParam<'a>]) -> Res<Val> {
        let base = self.unit.next_temp;
        let mut defaulted = false;
        for param in params {
            self.unit.span = param.span;
            let slot = self.unit.next_temp;
            let value = self.constant(text(param.name.id), Want::Temp);
            match param.bound {
                Some(bound) => {
                    let constraints = matches!(bound.kind, ExprKind::Tuple { .. });
                    self.evaluator(param, bound, Tag::Bound)?;
                    let which =
                        if constraints { Intrinsic2::TypeVarWithConstraints } else { Intrinsic2::TypeVarWithBound };
                    self.unit.span = param.span;
                    self.unit.op2_n(Op::Intrinsic2, value, Val::temp(slot), which as u32);
                }
                None => {
                    let which = match param.kind {
                        TypeParamKind::TypeVar => Intrinsic1::TypeVar,
                        TypeParamKind::TypeVarTuple => Intrinsic1::TypeVarTuple,
                        TypeParamKind::ParamSpec => Intrinsic1::ParamSpec,
                    };
                    self.unit.op2_n(Op::Intrinsic1, value, value, which as u32);
                }
            }
            self.unit.release(slot + 1);
            if let Some(default) = param.default {
                defaulted = true;
                self.evaluator(param, default, Tag::Default)?;
                self.unit.span = param.span;
                self.unit.op2_n(Op::Intrinsic2, value, Val::temp(slot), Intrinsic2::SetTypeparamDefault as u32);
                self.unit.release(slot + 1);
            } else if defaulted {
                return error(
                    format!("non-default type parameter '{}' follows default type parameter", param.name.id),
                    param.span,
                );
            }
            let name = self.mangled(param.name.id);
            self.store(name, Val::keep(slot));
        }
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildTuple, dst, Val::temp(base), params.len() as u32);
        Ok(dst)
    }

    /// The function that evaluates a bound or default, in the next temp.
    fn evaluator(&mut self, param: &'a TypeParam<'a>, value: &'a Expr<'a>, tag: Tag) -> Res {
        let Some(block) = self.table.of(param, tag) else {
            return error("type parameter without a scope", param.span);
        };
        let slot = Val::temp(self.unit.alloc(1));
        self.enter_annotation_unit(block, param.name.id, value.span);
        let star = matches!((&value.kind, tag), (ExprKind::Starred(_), Tag::Default));
        let result = match &value.kind {
            ExprKind::Starred(inner) if star => self.unpacked_default(inner)?,
            _ => self.expr(value, Want::Any)?,
        };
        self.unit.op1(Op::Return, result);
        let code = self.leave_unit()?;
        let function = self.make_closure(block, code, Want::To(slot));
        self.format_default(function);
        Ok(())
    }

    /// The default of `*Ts` may be `*tuple`: its only item is the value.
    fn unpacked_default(&mut self, inner: &'a Expr<'a>) -> Res<Val> {
        let base = self.unit.next_temp;
        let value = self.expr(inner, Want::Any)?;
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::UnpackSequence, dst, value, 1);
        Ok(dst)
    }

    /// Evaluators may be called without a format: then it is 1.
    fn format_default(&mut self, function: Val) {
        let base = self.unit.next_temp;
        let defaults = self.constant(Const::Tuple([Const::Int(1)].into()), Want::Temp);
        self.unit.op2_n(Op::SetFuncAttr, Val::keep(function.reg), defaults, DEFAULTS);
        self.unit.release(base);
    }

    /// A generic function is made inside the hidden function of its type parameters, which gets the defaults as
    /// arguments. The result is in the next temp.
    pub(super) fn generic_function(&mut self, def: &'a FunctionDef<'a>, span: Span, first_span: Span) -> Res<Val> {
        let Some(block) = self.table.of(def, Tag::TypeParams) else {
            return error("type parameters without a scope", span);
        };
        let slot = Val::temp(self.unit.alloc(1));
        let arguments = self.unit.next_temp;
        let which = self.defaults(def.args)?;
        let count = self.unit.next_temp - arguments;
        let name = format!("<generic parameters of {}>", def.name.id);
        self.enter_unit(block, &name, span);
        self.unit.first_line = self.lines.line(first_span.start);
        self.unit.argcount = count;
        let base = self.unit.next_temp;
        let pair = self.unit.alloc(2);
        let params = self.type_params(def.type_params)?;
        self.unit.op2(Op::Move, Val::temp(pair + 1), params);
        let first = self.unit.next_temp;
        self.unit.release(first);
        let first = self.unit.alloc(count);
        for i in 0..count {
            self.unit.op2(Op::Move, Val::temp(first + i), Val::keep(i));
        }
        self.function_object(def, span, first_span, first, &attribute_list(which), Val::temp(pair))?;
        self.unit.release(base);
        let result = Val::temp(self.unit.alloc(1));
        self.set_type_params(pair, result);
        self.unit.op1(Op::Return, result);
        let code = self.leave_unit()?;
        self.unit.span = span;
        self.make_closure(block, code, Want::To(slot));
        self.unit.release(slot.reg);
        let result = Val::temp(self.unit.alloc(1));
        self.unit.emit(Op::Call, Arg::R(slot), Arg::N(count), Arg::R(result));
        Ok(result)
    }

    pub(super) fn type_alias(
        &mut self,
        statement: &'a Stmt<'a>,
        name: Ident<'a>,
        params: &'a [TypeParam<'a>],
        value: &'a Expr<'a>,
    ) -> Res {
        let base = self.unit.next_temp;
        let span = statement.span;
        let result = if params.is_empty() {
            self.alias_object(statement, name, params, value)?
        } else {
            let Some(block) = self.table.of(statement, Tag::TypeParams) else {
                return error("type parameters without a scope", span);
            };
            let title = format!("<generic parameters of {}>", name.id);
            self.enter_unit(block, &title, span);
            let alias = self.alias_object(statement, name, params, value)?;
            self.unit.op1(Op::Return, alias);
            let code = self.leave_unit()?;
            self.unit.span = span;
            let function = self.make_closure(block, code, Want::Temp);
            self.unit.emit(Op::Call, Arg::R(function), Arg::N(0), Arg::R(function));
            function
        };
        self.unit.span = name.span;
        let stored = self.mangled(name.id);
        self.store(stored, result);
        self.unit.release(base);
        Ok(())
    }

    fn alias_object(
        &mut self,
        statement: &'a Stmt<'a>,
        name: Ident<'a>,
        params: &'a [TypeParam<'a>],
        value: &'a Expr<'a>,
    ) -> Res<Val> {
        let base = self.unit.next_temp;
        let Some(block) = self.table.of(statement, Tag::Body) else {
            return error("type alias without a scope", statement.span);
        };
        self.constant(text(name.id), Want::Temp);
        if params.is_empty() {
            self.constant(Const::None, Want::Temp);
        } else {
            self.type_params(params)?;
        }
        let slot = Val::temp(self.unit.alloc(1));
        self.enter_annotation_unit(block, name.id, value.span);
        let result = self.expr(value, Want::Any)?;
        self.unit.op1(Op::Return, result);
        let code = self.leave_unit()?;
        self.unit.span = statement.span;
        let function = self.make_closure(block, code, Want::To(slot));
        self.format_default(function);
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildTuple, dst, Val::temp(base), 3);
        self.unit.op2_n(Op::Intrinsic1, dst, dst, Intrinsic1::TypeAlias as u32);
        Ok(dst)
    }
}
