//! Class definitions.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::{CacheKind, Code, Const};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::{Intrinsic1, Op};
use crate::compiler::scope::{BlockKind, Tag};
use apy_grammar::ast::*;
use std::sync::Arc;

impl<'a> Lowerer<'a> {
    pub(super) fn class_def(&mut self, def: &'a ClassDef<'a>, span: Span) -> Res {
        let base = self.unit.next_temp;
        for decorator in def.decorators {
            self.expr(decorator, Want::Temp)?;
        }
        self.unit.span = span;
        let first_span = def.decorators.first().map_or(span, |d| d.span.to(span));
        let mut value = if def.type_params.is_empty() {
            self.class_object(def, span, first_span, false)?
        } else {
            self.generic_class(def, span, first_span)?
        };
        for decorator in def.decorators.iter().rev() {
            self.unit.span = decorator.span;
            let call = Val::temp(value.reg.saturating_sub(1));
            self.unit.emit(Op::Call, Arg::R(call), Arg::N(1), Arg::R(call));
            value = call;
        }
        self.unit.span = span;
        let name = self.mangled(def.name.id);
        self.store(name, value);
        self.unit.release(base);
        Ok(())
    }

    /// A generic class is made inside the hidden function of its type parameters.
    fn generic_class(&mut self, def: &'a ClassDef<'a>, span: Span, first_span: Span) -> Res<Val> {
        let Some(block) = self.table.of(def, Tag::TypeParams) else {
            return error("type parameters without a scope", span);
        };
        let name = format!("<generic parameters of {}>", def.name.id);
        self.enter_unit(block, &name, span);
        self.unit.first_line = self.lines.line(first_span.start);
        let outer = self.unit.private.replace(def.name.id);
        let base = self.unit.next_temp;
        let params = self.type_params(def.type_params)?;
        self.unit.private = outer;
        self.unit.span = span;
        let type_params = self.names.id(".type_params");
        self.store(type_params, params);
        self.unit.release(base);
        let class = self.class_object(def, span, first_span, true)?;
        self.unit.op1(Op::Return, class);
        let code = self.leave_unit()?;
        self.unit.span = span;
        let function = self.make_closure(block, code, Want::Temp);
        self.unit.emit(Op::Call, Arg::R(function), Arg::N(0), Arg::R(function));
        Ok(function)
    }

    /// Calls `__build_class__`; the class is in the next temp.
    fn class_object(&mut self, def: &'a ClassDef<'a>, span: Span, first_span: Span, generic: bool) -> Res<Val> {
        let base = self.unit.alloc(1);
        let Some(block) = self.table.of(def, Tag::Body) else {
            return error("class without a scope", span);
        };
        let code = self.class_code(def, span, first_span, generic)?;
        self.unit.span = span;
        self.unit.op1(Op::LoadBuildClass, Val::temp(base));
        self.make_closure(block, code, Want::Temp);
        self.constant(text(def.name.id), Want::Temp);
        let mut extra = Vec::new();
        if generic {
            let type_params = self.names.id(".type_params");
            let generic_base = self.names.id(".generic_base");
            let top = self.unit.next_temp;
            let params = self.load(type_params, Want::Any);
            self.unit.release(top);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::Intrinsic1, dst, params, Intrinsic1::SubscriptGeneric as u32);
            self.store(generic_base, dst);
            self.unit.release(top);
            extra.push(generic_base);
        }
        let plain = !def.bases.iter().any(|b| matches!(b.kind, ExprKind::Starred(_)))
            && def.keywords.iter().all(|k| k.arg.is_some());
        if plain {
            return self.plain_class_call(def, span, base, &extra);
        }
        // The two arguments before the bases go into the tuple like the bases do.
        let first = base + 1;
        let args = Val::temp(first);
        self.unit.op2_n(Op::BuildList, args, Val::temp(first), 2);
        self.unit.release(first + 1);
        for value in def.bases {
            let (op, value) = match &value.kind {
                ExprKind::Starred(inner) => (Op::ListExtend, self.expr(inner, Want::Any)?),
                _ => (Op::ListAppend, self.expr(value, Want::Any)?),
            };
            self.unit.op2(op, Val::keep(first), value);
            self.unit.release(first + 1);
        }
        for name in extra {
            let value = self.load(name, Want::Temp);
            self.unit.op2(Op::ListAppend, Val::keep(first), value);
            self.unit.release(first + 1);
        }
        self.unit.op2(Op::ListToTuple, args, args);
        self.unit.span = span;
        self.call_with_tuple(base, def.keywords, Want::Temp)
    }

    fn plain_class_call(
        &mut self,
        def: &'a ClassDef<'a>,
        span: Span,
        base: u32,
        extra: &[crate::compiler::scope::NameId],
    ) -> Res<Val> {
        for value in def.bases {
            self.expr(value, Want::Temp)?;
        }
        for name in extra {
            self.load(*name, Want::Temp);
        }
        self.check_keywords(def.keywords)?;
        self.keyword_values(def.keywords)?;
        self.unit.span = span;
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        let count = (2 + def.bases.len() + extra.len() + def.keywords.len()) as u32;
        let op = if def.keywords.is_empty() { Op::Call } else { Op::CallKw };
        self.unit.emit(op, Arg::R(dst), Arg::N(count), Arg::R(dst));
        Ok(dst)
    }

    fn class_code(&mut self, def: &'a ClassDef<'a>, span: Span, first_span: Span, generic: bool) -> Res<Arc<Code>> {
        let Some(block) = self.table.of(def, Tag::Body) else {
            return error("class without a scope", span);
        };
        self.enter_unit(block, def.name.id, span);
        self.unit.private = Some(def.name.id);
        let line = self.lines.line(first_span.start);
        self.unit.first_line = line;
        self.class_prologue(line, generic);
        let body = match self.docstring(def.body) {
            Some((doc, rest)) => {
                if self.options.keep_docstrings() {
                    let name = self.names.id("__doc__");
                    self.unit.span = def.body.first().map_or(span, |s| s.span);
                    self.store_constant(name, doc)?;
                }
                rest
            }
            None => def.body,
        };
        self.unit.span = span;
        self.module_annotations(def.body, false)?;
        self.statements(body)?;
        self.unit.span = span;
        self.class_epilogue(span)?;
        self.leave_unit()
    }

    /// `__module__`, `__qualname__`, `__firstlineno__`, `__type_params__` and the cell of the namespace.
    fn class_prologue(&mut self, line: u32, generic: bool) {
        let base = self.unit.next_temp;
        let [name, module] = ["__name__", "__module__"].map(|name| self.names.id(name));
        let value = self.load(name, Want::Temp);
        self.store(module, value);
        self.unit.release(base);
        let qualname = text(&self.unit.qualname);
        let first_line = Const::Int(i64::from(line));
        for (name, value) in [("__qualname__", qualname), ("__firstlineno__", first_line)] {
            let value = self.constant(value, Want::Temp);
            let name = self.names.id(name);
            self.store(name, value);
            self.unit.release(base);
        }
        if generic {
            let [from, to] = [".type_params", "__type_params__"].map(|name| self.names.id(name));
            let value = self.load(from, Want::Temp);
            self.store(to, value);
            self.unit.release(base);
        }
        let classdict = self.names.id("__classdict__");
        if let Some(reg) = self.unit.registers.get(&classdict).copied() {
            let value = Val::temp(self.unit.alloc(1));
            self.unit.op1(Op::LoadLocals, value);
            self.unit.op2(Op::StoreDeref, value, Val::keep(reg));
            self.unit.release(base);
        }
    }

    /// `__annotate_func__`, `__static_attributes__`, and the cells that `type.__new__` fills.
    fn class_epilogue(&mut self, span: Span) -> Res {
        if !self.future_annotations() {
            self.annotate_function("__annotate_func__", span)?;
        }
        let attributes: Vec<Const> = self.unit.static_attributes.iter().map(|name| text(name)).collect();
        let name = self.names.id("__static_attributes__");
        self.store_constant(name, Const::Tuple(attributes.into()))?;
        let base = self.unit.next_temp;
        let mut result = None;
        for (variable, stored) in [("__classdict__", "__classdictcell__"), ("__class__", "__classcell__")] {
            let variable = self.names.id(variable);
            if let Some(reg) = self.unit.registers.get(&variable).copied() {
                let stored = self.names.id(stored);
                self.store_cached_cell(stored, reg);
                if variable == self.names.id("__class__") {
                    result = Some(reg);
                }
            }
        }
        self.unit.release(base);
        match result {
            Some(reg) => self.unit.op1(Op::Return, Val::keep(reg)),
            None => self.return_none(),
        }
        Ok(())
    }

    /// Stores a cell itself in the class's namespace.
    fn store_cached_cell(&mut self, name: crate::compiler::scope::NameId, reg: u32) {
        let cache = self.unit.cache(CacheKind::StoreName, name);
        self.unit.op_n(Op::StoreName, Val::keep(reg), cache);
    }

    /// Notes `self.name = …` in a method for the class's `__static_attributes__`.
    pub(super) fn note_static_attribute(&mut self, object: &Expr<'_>, attr: &str) {
        if !matches!(object.kind, ExprKind::Name("self")) {
            return;
        }
        let name = self.mangled(attr);
        let text = self.names.text(name);
        let table = &self.table;
        let mut units = self.parents.iter_mut().rev();
        if let Some(class) = units.find(|unit| table.block(unit.block).kind == BlockKind::Class) {
            class.static_attributes.insert(text.to_string());
        }
    }
}
