//! Annotations: the lazily evaluated `__annotate__` functions, and texts under `from __future__ import annotations`.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use super::function::ANNOTATE;
use crate::compiler::code::{CodeFlags, Const};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use crate::compiler::scope::{BlockId, BlockKind, Tag, annotations_of};
use crate::compiler::unparse::unparse;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    pub(super) fn future_annotations(&self) -> bool {
        self.future & CodeFlags::FUTURE_ANNOTATIONS != 0
    }

    /// Starts a function that gets a format: it refuses formats above 2.
    pub(super) fn enter_annotation_unit(&mut self, block: BlockId, name: &str, span: Span) {
        self.enter_unit(block, name, span);
        self.unit.argcount = 1;
        self.unit.posonlyargcount = 1;
        let go = self.unit.label();
        let limit = self.unit.consts_add(Const::Int(2));
        self.unit.branch(Op::JumpIfGtK, 0, Arg::R(Val::keep(0)), Arg::N(limit), go);
        let base = self.unit.next_temp;
        let kind = Val::temp(self.unit.alloc(1));
        self.unit.op_n(Op::LoadCommon, kind, 1);
        self.unit.op1(Op::Raise, kind);
        self.unit.release(base);
        self.unit.bind(go);
    }

    /// The value that goes with the function attribute which is returned, in the next temp; `None` where the function
    /// has no annotations.
    pub(super) fn function_annotations(&mut self, def: &'a FunctionDef<'a>, span: Span) -> Res<Option<u32>> {
        let list: Vec<(&'a str, &'a Expr<'a>)> = annotations_of(def).collect();
        if list.is_empty() {
            return Ok(None);
        }
        let Some(block) = self.table.of(def, Tag::Annotations) else {
            return error("annotations without a scope", span);
        };
        let owner = self.qualname(def.name.id);
        self.enter_annotation_unit(block, "__annotate__", span);
        self.unit.qualname = format!("{owner}.__annotate__");
        let base = self.unit.next_temp;
        let dict = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildMap, dict, dict, 0);
        for (name, annotation) in list {
            let name = self.mangled(name);
            let key = text(&self.names.text(name));
            let key = self.constant(key, Want::Temp);
            let value = if self.future_annotations() {
                self.constant(text(&unparse(annotation)), Want::Temp)
            } else {
                self.annotation_value(annotation)?
            };
            self.unit.op3(Op::MapAdd, Val::keep(dict.reg), key, value);
            self.unit.release(base + 1);
        }
        self.unit.span = span;
        self.unit.op1(Op::Return, dict);
        let code = self.leave_unit()?;
        self.unit.span = span;
        self.make_closure(block, code, Want::Temp);
        Ok(Some(ANNOTATE))
    }

    /// The value of an annotation; `*Ts` unpacks to its only item.
    fn annotation_value(&mut self, annotation: &'a Expr<'a>) -> Res<Val> {
        if let ExprKind::Starred(inner) = &annotation.kind {
            let base = self.unit.next_temp;
            let value = self.expr(inner, Want::Any)?;
            self.unit.release(base);
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.span = annotation.span;
            self.unit.op2_n(Op::UnpackSequence, dst, value, 1);
            return Ok(dst);
        }
        self.expr(annotation, Want::Any)
    }

    /// The beginning of a module or class body that has annotations: makes `__annotate__` for a module, and numbers
    /// the annotations that may not be reached.
    pub(super) fn module_annotations(&mut self, body: &'a [Stmt<'a>], is_module: bool) -> Res {
        if !self.table.block(self.unit.block).annotations_used {
            return Ok(());
        }
        let span = if is_module { body.first().map_or(self.unit.span, |first| first.span) } else { self.unit.span };
        self.unit.span = span;
        if self.future_annotations() {
            self.unit.emit(Op::SetupAnnotations, Arg::X, Arg::X, Arg::X);
            return Ok(());
        }
        let mut found = Vec::new();
        collect(body, false, &mut found);
        let mut number = 0;
        for (name, annotation, conditional) in found {
            let mut index = -1;
            if conditional || is_module {
                index = number;
                number += 1;
                let address = std::ptr::from_ref(annotation).addr();
                self.unit.conditional_annotations.insert(address, index);
            }
            let name = self.mangled(name);
            self.unit.annotations.push((name, annotation, index));
        }
        if is_module && !self.unit.annotations.is_empty() {
            self.annotate_function("__annotate__", span)?;
        }
        if self.table.block(self.unit.block).conditional_annotations {
            let base = self.unit.next_temp;
            let set = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::BuildSet, set, set, 0);
            let name = self.names.id("__conditional_annotations__");
            match self.unit.registers.get(&name) {
                Some(reg) => self.unit.op2(Op::StoreDeref, set, Val::keep(*reg)),
                None => self.store(name, set),
            }
            self.unit.release(base);
        }
        Ok(())
    }

    /// Makes the `__annotate__` of the current module or class and stores it under a name.
    pub(super) fn annotate_function(&mut self, name: &str, span: Span) -> Res {
        let Some(block) = self.table.block(self.unit.block).annotation_block else { return Ok(()) };
        let list = std::mem::take(&mut self.unit.annotations);
        if list.is_empty() {
            return Ok(());
        }
        let first_line = self.unit.first_line;
        let is_class = self.table.block(self.unit.block).kind == BlockKind::Class;
        self.enter_annotation_unit(block, "__annotate__", span);
        if is_class {
            self.unit.first_line = first_line;
        }
        let base = self.unit.next_temp;
        let dict = Val::temp(self.unit.alloc(1));
        self.unit.op2_n(Op::BuildMap, dict, dict, 0);
        let conditional = self.names.id("__conditional_annotations__");
        for (name, annotation, index) in list {
            let skip = self.unit.label();
            if index >= 0 {
                let number = self.constant(Const::Int(index), Want::Temp);
                let set = match self.unit.free_index.get(&conditional).copied() {
                    Some(index) => {
                        let set = Val::temp(self.unit.alloc(1));
                        self.unit.op_n(Op::LoadFree, set, index);
                        set
                    }
                    None => self.load(conditional, Want::Temp),
                };
                self.unit.branch(Op::JumpIfIn, 0, Arg::R(number), Arg::R(set), skip);
                self.unit.release(base + 1);
            }
            let key = text(&self.names.text(name));
            let value = self.annotation_value(annotation)?;
            let key = self.constant(key, Want::Temp);
            self.unit.span = span;
            self.unit.op3(Op::SetItem, Val::keep(dict.reg), key, value);
            self.unit.release(base + 1);
            self.unit.bind(skip);
        }
        self.unit.op1(Op::Return, dict);
        let code = self.leave_unit()?;
        self.unit.span = span;
        let base = self.unit.next_temp;
        let function = self.make_closure(block, code, Want::Temp);
        let name = self.names.id(name);
        self.store(name, function);
        self.unit.release(base);
        Ok(())
    }

    /// `target: annotation = value`.
    pub(super) fn ann_assign(
        &mut self,
        target: &'a Expr<'a>,
        annotation: &'a Expr<'a>,
        value: Option<&'a Expr<'a>>,
        simple: bool,
    ) -> Res {
        if let Some(value) = value {
            self.assign_expr(std::slice::from_ref(target), value)?;
        } else {
            self.evaluate_target(target)?;
        }
        let kind = self.table.block(self.unit.block).kind;
        if !matches!(kind, BlockKind::Module | BlockKind::Class) {
            return Ok(());
        }
        let base = self.unit.next_temp;
        match target.kind {
            ExprKind::Name(name) if simple => {
                let name = self.mangled(name);
                if self.future_annotations() {
                    let value = self.constant(text(&unparse(annotation)), Want::Temp);
                    let annotations = self.names.id("__annotations__");
                    let dict = self.load(annotations, Want::Temp);
                    let key = text(&self.names.text(name));
                    let key = self.constant(key, Want::Temp);
                    self.unit.op3(Op::SetItem, dict, key, value);
                } else {
                    self.record_annotation(annotation);
                }
            }
            _ if !self.future_annotations() => {
                let value = self.annotation_value(annotation)?;
                self.unit.drop_unless_local(value);
            }
            _ => {}
        }
        self.unit.release(base);
        Ok(())
    }

    /// Notes that a conditional annotation was reached.
    fn record_annotation(&mut self, annotation: &'a Expr<'a>) {
        let address = std::ptr::from_ref(annotation).addr();
        let Some(index) = self.unit.conditional_annotations.get(&address).copied() else { return };
        let name = self.names.id("__conditional_annotations__");
        let set = Val::temp(self.unit.next_temp);
        match self.unit.registers.get(&name) {
            Some(reg) => {
                let reg = *reg;
                self.unit.alloc(1);
                self.unit.op2(Op::LoadDeref, set, Val::keep(reg));
            }
            None => {
                self.load(name, Want::Temp);
            }
        }
        let number = self.constant(Const::Int(index), Want::Temp);
        self.unit.op2(Op::SetAdd, Val::keep(set.reg), number);
        self.unit.drop_temp(set.reg);
    }

    /// An annotated target without a value is evaluated as far as that goes.
    fn evaluate_target(&mut self, target: &'a Expr<'a>) -> Res {
        let base = self.unit.next_temp;
        match &target.kind {
            ExprKind::Attribute { value, .. } => {
                let value = self.expr(value, Want::Any)?;
                self.unit.drop_unless_local(value);
            }
            ExprKind::Subscript { value, slice } => {
                let value = self.expr(value, Want::Any)?;
                self.unit.drop_unless_local(value);
                self.unit.release(base);
                let parts = match &slice.kind {
                    ExprKind::Slice { lower, upper, step } => [*lower, *upper, *step],
                    _ => [Some(*slice), None, None],
                };
                for part in parts.into_iter().flatten() {
                    let value = self.expr(part, Want::Any)?;
                    self.unit.drop_unless_local(value);
                    self.unit.release(base);
                }
            }
            _ => {}
        }
        self.unit.release(base);
        Ok(())
    }
}

/// The annotations of simple names in a body, in order; whether a condition stands before them.
fn collect<'a>(body: &'a [Stmt<'a>], conditional: bool, found: &mut Vec<(&'a str, &'a Expr<'a>, bool)>) {
    for statement in body {
        match &statement.kind {
            StmtKind::AnnAssign { target, annotation, simple: true, .. } => {
                if let ExprKind::Name(name) = target.kind {
                    found.push((name, annotation, conditional));
                }
            }
            StmtKind::If { .. } => {
                let mut current = statement;
                while let StmtKind::If { body, orelse, .. } = &current.kind {
                    collect(body, true, found);
                    match orelse {
                        [only] if matches!(only.kind, StmtKind::If { .. }) => current = only,
                        _ => {
                            collect(orelse, true, found);
                            break;
                        }
                    }
                }
            }
            StmtKind::For { body, orelse, .. } | StmtKind::While { body, orelse, .. } => {
                collect(body, true, found);
                collect(orelse, true, found);
            }
            StmtKind::With { body, .. } => collect(body, true, found),
            StmtKind::Match { cases, .. } => {
                for case in *cases {
                    collect(case.body, true, found);
                }
            }
            StmtKind::Try { body, handlers, orelse, finalbody, .. } => {
                collect(body, true, found);
                for handler in *handlers {
                    collect(handler.body, true, found);
                }
                collect(orelse, true, found);
                collect(finalbody, true, found);
            }
            _ => {}
        }
    }
}
