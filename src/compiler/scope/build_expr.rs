//! The first pass over expressions.

use super::build::{Builder, Context};
use super::{BlockKind, CompKind, Tag, flag, key};
use crate::compiler::error::{Res, error};
use apy_grammar::ast::*;

impl<'a> Builder<'a, '_> {
    pub(super) fn exprs(&mut self, values: &'a [Expr<'a>]) -> Res {
        for value in values {
            self.expr(value)?;
        }
        Ok(())
    }

    pub(super) fn expr(&mut self, value: &'a Expr<'a>) -> Res {
        self.deeper(value.span)?;
        // Operators, attributes, calls and subscripts lean left without bound: walk down that side in a loop.
        let mut spine = Vec::new();
        let mut leaf = value;
        while let Some(left) = left_side(leaf) {
            spine.push(leaf);
            leaf = left;
        }
        self.leaf(leaf)?;
        for node in spine.into_iter().rev() {
            match &node.kind {
                ExprKind::BinOp { right, .. } => self.expr(right)?,
                ExprKind::Call { args, keywords, .. } => {
                    self.exprs(args)?;
                    self.keywords(keywords)?;
                }
                ExprKind::Subscript { slice, .. } => self.expr(slice)?,
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn leaf(&mut self, value: &'a Expr<'a>) -> Res {
        match &value.kind {
            ExprKind::BoolOp { values, .. } => self.exprs(values),
            ExprKind::NamedExpr { target, value: inner } => self.named(value, target, inner),
            ExprKind::UnaryOp { operand, .. } => self.expr(operand),
            ExprKind::Lambda { args, body } => self.lambda(value, args, body),
            ExprKind::IfExp { test, body, orelse } => {
                self.expr(test)?;
                self.expr(body)?;
                self.expr(orelse)
            }
            ExprKind::Dict(items) => {
                for item in *items {
                    if let Some(key) = &item.key {
                        self.expr(key)?;
                    }
                    self.expr(&item.value)?;
                }
                Ok(())
            }
            ExprKind::Set(elts) | ExprKind::List(elts) | ExprKind::Tuple { elts, .. } => self.exprs(elts),
            ExprKind::ListComp { elt, generators } => self.comprehension(value, CompKind::List, generators, elt, None),
            ExprKind::SetComp { elt, generators } => self.comprehension(value, CompKind::Set, generators, elt, None),
            ExprKind::DictComp { key, value: element, generators } => {
                self.comprehension(value, CompKind::Dict, generators, key, Some(element))
            }
            ExprKind::GeneratorExp { elt, generators } => {
                self.comprehension(value, CompKind::Generator, generators, elt, None)
            }
            ExprKind::Await(inner) => self.awaiting(value, inner),
            ExprKind::Yield(inner) => {
                self.forbid_in_annotations("yield expression", value.span)?;
                if let Some(inner) = inner {
                    self.expr(inner)?;
                }
                self.yielding(value)
            }
            ExprKind::YieldFrom(inner) => {
                self.forbid_in_annotations("yield expression", value.span)?;
                self.expr(inner)?;
                self.yielding(value)
            }
            ExprKind::Compare { left, comparators, .. } => {
                self.expr(left)?;
                self.exprs(comparators)
            }
            ExprKind::JoinedStr(parts) | ExprKind::TemplateStr(parts) => self.parts(parts),
            ExprKind::Starred(inner) => self.expr(inner),
            ExprKind::Name(name) => self.name(name, value.span),
            ExprKind::Slice { lower, upper, step } => {
                for part in [lower, upper, step].into_iter().flatten() {
                    self.expr(part)?;
                }
                Ok(())
            }
            ExprKind::Constant(_)
            | ExprKind::BinOp { .. }
            | ExprKind::Call { .. }
            | ExprKind::Attribute { .. }
            | ExprKind::Subscript { .. } => Ok(()),
        }
    }

    fn name(&mut self, name: &'a str, span: Span) -> Res {
        self.define(name, flag::USE, span)?;
        if name == "super" && self.block().is_function_like() {
            self.define("__class__", flag::USE, span)?;
        }
        Ok(())
    }

    pub(super) fn keywords(&mut self, keywords: &'a [Keyword<'a>]) -> Res {
        for keyword in keywords {
            if let Some(arg) = keyword.arg {
                self.check_name(arg.id, keyword.span, Context::Store)?;
            }
            self.expr(&keyword.value)?;
        }
        Ok(())
    }

    fn parts(&mut self, parts: &'a [StringPart<'a>]) -> Res {
        for part in parts {
            if let StringPart::Interpolation(field) = part {
                self.deeper(field.span)?;
                self.expr(&field.value)?;
                if let Some(spec) = field.format_spec {
                    self.parts(spec)?;
                }
                self.depth -= 1;
            }
        }
        Ok(())
    }

    /// A target of an assignment or of `del`.
    pub(super) fn target(&mut self, target: &'a Expr<'a>, context: Context) -> Res {
        self.deeper(target.span)?;
        match &target.kind {
            ExprKind::Name(name) => {
                self.check_name(name, target.span, context)?;
                self.define(name, flag::LOCAL, target.span)?;
                if context == Context::Delete {
                    let mangled = self.mangled(name);
                    self.block().deleted.insert(mangled);
                }
            }
            ExprKind::Attribute { value, attr } => {
                self.check_name(attr.id, target.span, context)?;
                self.expr(value)?;
            }
            ExprKind::Subscript { value, slice } => {
                self.expr(value)?;
                self.expr(slice)?;
            }
            ExprKind::Tuple { elts, .. } | ExprKind::List(elts) => {
                for elt in *elts {
                    self.target(elt, context)?;
                }
            }
            ExprKind::Starred(inner) => self.target(inner, context)?,
            _ => self.expr(target)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn lambda(&mut self, value: &'a Expr<'a>, args: &'a Arguments<'a>, body: &'a Expr<'a>) -> Res {
        self.defaults(args)?;
        let sees_class = self.block().can_see_class_scope;
        let in_class = self.block().kind == BlockKind::Class;
        self.enter(BlockKind::Function, true, key(value, Tag::Body));
        self.block().is_method = in_class;
        if sees_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, value.span)?;
        }
        self.parameters(args)?;
        self.expr(body)?;
        self.leave();
        Ok(())
    }

    fn forbid_in_annotations(&mut self, what: &str, span: Span) -> Res {
        let block = self.block();
        let place = match block.kind {
            BlockKind::Annotation => "an annotation",
            BlockKind::TypeVariable => block.scope_info,
            BlockKind::TypeAlias => "a type alias",
            BlockKind::TypeParams => "the definition of a generic",
            _ => return Ok(()),
        };
        error(format!("{what} cannot be used within {place}"), span)
    }

    fn yielding(&mut self, value: &Expr<'_>) -> Res {
        let block = self.block();
        block.generator = true;
        let place = match block.comp {
            CompKind::None => return Ok(()),
            CompKind::List => "list comprehension",
            CompKind::Set => "set comprehension",
            CompKind::Dict => "dict comprehension",
            CompKind::Generator => "generator expression",
        };
        error(format!("'yield' inside {place}"), value.span)
    }

    fn awaiting(&mut self, value: &'a Expr<'a>, inner: &'a Expr<'a>) -> Res {
        self.forbid_in_annotations("await expression", value.span)?;
        if !self.top_level_await() {
            let block = self.block();
            if !block.is_function_like() {
                return error("'await' outside function", value.span);
            }
            if !block.is_async && block.comp == CompKind::None {
                return error("'await' outside async function", value.span);
            }
        }
        self.expr(inner)?;
        self.block().coroutine = true;
        Ok(())
    }

    fn top_level_await(&mut self) -> bool {
        self.options.top_level_await && self.block().kind == BlockKind::Module
    }

    fn named(&mut self, value: &'a Expr<'a>, target: &'a Expr<'a>, inner: &'a Expr<'a>) -> Res {
        self.forbid_in_annotations("named expression", value.span)?;
        let block = self.block();
        if block.comp_iter_expr > 0 {
            return error("assignment expression cannot be used in a comprehension iterable expression", value.span);
        }
        if let ExprKind::Name(name) = target.kind {
            if block.comp != CompKind::None {
                self.extend_walrus(name, target.span)?;
            }
            let mangled = self.mangled(name);
            for id in self.stack.clone().into_iter().rev() {
                let block = self.table.block_mut(id);
                block.walrus.insert(mangled);
                if block.comp == CompKind::None {
                    break;
                }
            }
        }
        self.expr(inner)?;
        self.target(target, Context::Store)
    }

    /// The target of `:=` in a comprehension belongs to the function or module around it.
    fn extend_walrus(&mut self, name: &'a str, span: Span) -> Res {
        const WITHIN: &str = "assignment expression within a comprehension cannot be used";
        let mangled = self.mangled(name);
        for id in self.stack.clone().into_iter().rev() {
            let block = self.table.block(id);
            let seen = block.lookup(mangled).map_or(0, |symbol| symbol.flags);
            if block.comp != CompKind::None {
                if seen & flag::COMP_ITER != 0 && seen & (flag::LOCAL | flag::GLOBAL) != 0 {
                    return error(
                        format!("assignment expression cannot rebind comprehension iteration variable '{name}'"),
                        span,
                    );
                }
                continue;
            }
            return match block.kind {
                BlockKind::Function => {
                    let how = if seen & flag::GLOBAL != 0 { flag::GLOBAL } else { flag::NONLOCAL };
                    self.define(name, how, span)?;
                    self.block().entry(mangled).declared = span;
                    self.define_in(id, name, flag::LOCAL, span)
                }
                BlockKind::Module => {
                    self.define(name, flag::GLOBAL, span)?;
                    self.block().entry(mangled).declared = span;
                    self.define_in(id, name, flag::GLOBAL, span)
                }
                BlockKind::Class => error(format!("{WITHIN} in a class body"), span),
                BlockKind::TypeParams => error(format!("{WITHIN} within the definition of a generic"), span),
                BlockKind::TypeAlias => error(format!("{WITHIN} in a type alias"), span),
                BlockKind::TypeVariable => error(format!("{WITHIN} in a TypeVar bound"), span),
                BlockKind::Annotation => error(format!("{WITHIN} in an annotation"), span),
            };
        }
        Ok(())
    }

    fn comprehension(
        &mut self,
        value: &'a Expr<'a>,
        kind: CompKind,
        generators: &'a [Comprehension<'a>],
        element: &'a Expr<'a>,
        second: Option<&'a Expr<'a>>,
    ) -> Res {
        let Some((outermost, others)) = generators.split_first() else {
            return Ok(());
        };
        self.block().comp_iter_expr += 1;
        self.expr(&outermost.iter)?;
        self.block().comp_iter_expr -= 1;
        let sees_class = self.block().can_see_class_scope;
        let in_class = self.block().kind == BlockKind::Class;
        self.enter(BlockKind::Function, true, key(value, Tag::Body));
        self.block().is_method = in_class && kind == CompKind::Generator;
        if sees_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, value.span)?;
        }
        self.block().comp = kind;
        if outermost.is_async {
            self.block().coroutine = true;
        }
        self.define(".0", flag::PARAM, outermost.span)?;
        self.clause_target(outermost)?;
        self.exprs(outermost.ifs)?;
        for clause in others {
            self.clause_target(clause)?;
            self.block().comp_iter_expr += 1;
            self.expr(&clause.iter)?;
            self.block().comp_iter_expr -= 1;
            self.exprs(clause.ifs)?;
            if clause.is_async {
                self.block().coroutine = true;
            }
        }
        // Of an entry of a dictionary the value comes first.
        if let Some(second) = second {
            self.expr(second)?;
        }
        self.expr(element)?;
        let block = self.block();
        block.generator = kind == CompKind::Generator;
        let is_async = block.coroutine && kind != CompKind::Generator;
        self.leave();
        if is_async {
            self.block().coroutine = true;
        }
        Ok(())
    }

    fn clause_target(&mut self, clause: &'a Comprehension<'a>) -> Res {
        self.block().comp_iter_target = true;
        self.target(&clause.target, Context::Store)?;
        self.block().comp_iter_target = false;
        Ok(())
    }
}

/// The operand on which an expression leans.
fn left_side<'a>(value: &'a Expr<'a>) -> Option<&'a Expr<'a>> {
    match &value.kind {
        ExprKind::BinOp { left, .. } => Some(left),
        ExprKind::Call { func, .. } => Some(func),
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } => Some(value),
        _ => None,
    }
}
