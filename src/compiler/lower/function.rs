//! Function definitions and lambdas.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::{Code, CodeFlags, Const};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{Intrinsic2, Op};
use crate::compiler::scope::{BlockId, Tag};
use apy_grammar::ast::*;
use std::sync::Arc;

/// The attributes of `SetFuncAttr`.
pub(super) const DEFAULTS: u32 = 0;
pub(super) const KWDEFAULTS: u32 = 1;
pub(super) const ANNOTATE: u32 = 2;
pub(super) const CLOSURE: u32 = 3;

impl<'a> Lowerer<'a> {
    /// The function object of a code, with its closure.
    pub(super) fn make_closure(&mut self, _block: BlockId, code: Arc<Code>, want: Want) -> Val {
        let captured: Vec<_> = code.freevars.clone();
        let dst = self.unit.dest(want);
        let index = self.unit.consts_add(Const::Code(code));
        self.unit.op_n(Op::MakeFunction, dst, index);
        if captured.is_empty() {
            return dst;
        }
        let first = self.unit.next_temp;
        for name in &captured {
            let name = self.names.id(name);
            self.load_cell(name);
        }
        self.unit.release(first);
        let cells = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildTuple, cells, Val::temp(first), captured.len() as u32);
        self.unit.op2_n(Op::SetFuncAttr, Val::keep(dst.reg), cells, CLOSURE);
        self.unit.release(first);
        dst
    }

    /// The defaults of parameters: a tuple and a dict in the next temps, where there are any. Gives which.
    pub(super) fn defaults(&mut self, args: &'a Arguments<'a>) -> Res<(bool, bool)> {
        let positional: Vec<&'a Expr<'a>> =
            args.posonlyargs.iter().chain(args.args).filter_map(|param| param.default).collect();
        if !positional.is_empty() {
            let constants: Option<Vec<Const>> = positional.iter().map(|d| super::consts::fold(d)).collect();
            if let Some(constants) = constants {
                self.constant(Const::Tuple(constants.into()), Want::Temp);
            } else {
                let first = self.unit.next_temp;
                for default in &positional {
                    self.expr(default, Want::Temp)?;
                }
                self.unit.release(first);
                let dst = Val::temp(self.unit.alloc(1));
                self.unit.op2_n(Op::BuildTuple, dst, Val::temp(first), positional.len() as u32);
            }
        }
        let first = self.unit.next_temp;
        let mut keyword = 0;
        for param in args.kwonlyargs {
            if let Some(default) = param.default {
                let name = self.mangled(param.name.id);
                let key = text(&self.names.text(name));
                self.constant(key, Want::Temp);
                self.expr(default, Want::Temp)?;
                keyword += 1;
            }
        }
        if keyword > 0 {
            self.unit.release(first);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildMap, dst, Val::temp(first), keyword);
        }
        Ok((!positional.is_empty(), keyword > 0))
    }

    /// Sets the attributes whose values lie in the temps from `first` up on the function in `function`.
    pub(super) fn set_attributes(&mut self, function: Val, first: u32, which: &[u32]) {
        for (i, which) in which.iter().enumerate() {
            let value = Val::temp(first + i as u32);
            self.unit.op2_n(Op::SetFuncAttr, Val::keep(function.reg), value, *which);
        }
    }

    pub(super) fn lambda(
        &mut self,
        value: &'a Expr<'a>,
        args: &'a Arguments<'a>,
        body: &'a Expr<'a>,
        want: Want,
    ) -> Res<Val> {
        let Some(block) = self.table.of(value, Tag::Body) else {
            return error("lambda without a scope", value.span);
        };
        let base = self.unit.next_temp;
        // The function's register comes first, so that the result needs no move.
        let slot = self.unit.alloc(1);
        let first = self.unit.next_temp;
        let which = self.defaults(args)?;
        self.enter_unit(block, "<lambda>", value.span);
        self.parameters(args);
        self.generator_flags(block, false);
        let result = self.expr(body, Want::Any)?;
        self.unit.span = body.span;
        self.unit.op1(Op::Return, result);
        let code = self.leave_unit()?;
        self.unit.span = value.span;
        let function = self.make_closure(block, code, Want::To(Val::temp(slot)));
        self.set_attributes(function, first, &attribute_list(which));
        self.unit.release(base + 1);
        Ok(self.unit.settle(Val::temp(slot), want))
    }

    /// Notes the parameters in the code object.
    fn parameters(&mut self, args: &'a Arguments<'a>) {
        self.unit.posonlyargcount = args.posonlyargs.len() as u32;
        self.unit.argcount = (args.posonlyargs.len() + args.args.len()) as u32;
        self.unit.kwonlyargcount = args.kwonlyargs.len() as u32;
        if args.vararg.is_some() {
            self.unit.flags |= CodeFlags::VARARGS;
        }
        if args.kwarg.is_some() {
            self.unit.flags |= CodeFlags::VARKEYWORDS;
        }
    }

    fn generator_flags(&mut self, block: BlockId, is_async: bool) {
        let block = self.table.block(block);
        self.unit.flags |= match (is_async, block.generator) {
            (true, true) => CodeFlags::ASYNC_GENERATOR,
            (true, false) => CodeFlags::COROUTINE,
            (false, true) => CodeFlags::GENERATOR,
            (false, false) => 0,
        };
        if block.is_method {
            self.unit.flags |= CodeFlags::METHOD;
        }
    }

    pub(super) fn function_def(&mut self, def: &'a FunctionDef<'a>, span: Span) -> Res {
        let base = self.unit.next_temp;
        for decorator in def.decorators {
            self.expr(decorator, Want::Temp)?;
        }
        let first_span = def.decorators.first().map_or(span, |d| d.span.to(span));
        let name = self.mangled(def.name.id);
        let mut value = if def.type_params.is_empty() {
            let slot = self.unit.alloc(1);
            let first = self.unit.next_temp;
            let which = self.defaults(def.args)?;
            self.function_object(def, span, first_span, first, &attribute_list(which), Val::temp(slot))?;
            self.unit.release(slot + 1);
            Val::temp(slot)
        } else {
            self.generic_function(def, span, first_span)?
        };
        for decorator in def.decorators.iter().rev() {
            self.unit.span = decorator.span;
            let callee = value.reg.saturating_sub(1);
            let call = Val::temp(callee);
            self.unit.emit(Op::Call, Arg::R(call), Arg::N(1), Arg::R(call));
            value = call;
        }
        self.unit.span = span;
        self.store(name, value);
        self.unit.release(base);
        Ok(())
    }

    /// Makes the function object into `dst`; the attributes in `which` lie in the temps from `first` up.
    pub(super) fn function_object(
        &mut self,
        def: &'a FunctionDef<'a>,
        span: Span,
        first_span: Span,
        first: u32,
        which: &[u32],
        dst: Val,
    ) -> Res {
        let mut which = which.to_vec();
        if let Some(attribute) = self.function_annotations(def, span)? {
            which.push(attribute);
        }
        let Some(block) = self.table.of(def, Tag::Body) else {
            return error("function without a scope", span);
        };
        let code = self.function_code(def, span, first_span, block)?;
        self.unit.span = span;
        let function = self.make_closure(block, code, Want::To(dst));
        self.set_attributes(function, first, &which);
        Ok(())
    }

    fn function_code(
        &mut self,
        def: &'a FunctionDef<'a>,
        span: Span,
        first_span: Span,
        block: BlockId,
    ) -> Res<Arc<Code>> {
        self.enter_unit(block, def.name.id, span);
        self.unit.first_line = self.lines.line(first_span.start);
        self.parameters(def.args);
        self.generator_flags(block, def.is_async);
        let body = match self.docstring(def.body) {
            Some((doc, rest)) if self.options.keep_docstrings() => {
                self.unit.flags |= CodeFlags::HAS_DOCSTRING;
                self.unit.consts_add(doc);
                rest
            }
            Some((_, rest)) => rest,
            None => def.body,
        };
        self.statements(body)?;
        if let Some(last) = def.body.last() {
            self.unit.span = last.span;
        }
        self.return_none();
        self.leave_unit()
    }

    /// Wraps `__type_params__` around a generic function.
    pub(super) fn set_type_params(&mut self, base: u32, dst: Val) {
        self.unit.op2_n(Op::Intrinsic2, dst, Val::temp(base), Intrinsic2::SetFunctionTypeParams as u32);
    }
}

pub(super) fn attribute_list((defaults, kwdefaults): (bool, bool)) -> Vec<u32> {
    let mut list = Vec::new();
    if defaults {
        list.push(DEFAULTS);
    }
    if kwdefaults {
        list.push(KWDEFAULTS);
    }
    list
}

impl super::Unit<'_> {
    /// Drops a result that is in a temp.
    pub(super) fn drop_unless_local(&mut self, value: Val) {
        if value.take {
            self.drop_temp(value.reg);
        }
    }
}
