//! The first pass over statements: enters blocks and notes bindings. Expressions are in `build_expr`.

use super::{Block, BlockId, BlockKind, NameId, Names, ScopeOptions, SymbolTable, TOP, Tag, flag, key};
use crate::compiler::error::{MAX_DEPTH, Res, error, too_deep};
use apy_grammar::ast::*;
use std::collections::HashMap;

/// What happens to a target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Store,
    Delete,
}

pub(super) struct Builder<'a, 'n> {
    pub(super) table: SymbolTable,
    pub(super) names: &'n mut Names,
    pub(super) stack: Vec<BlockId>,
    pub(super) private: Option<&'a str>,
    pub(super) depth: u32,
    pub(super) options: &'n ScopeOptions,
}

pub(super) fn build<'a>(module: &Mod<'a>, names: &mut Names, options: &ScopeOptions) -> Res<SymbolTable> {
    let table = SymbolTable { blocks: vec![Block::new(BlockKind::Module)], by_node: HashMap::new() };
    let mut builder = Builder { table, names, stack: vec![TOP], private: None, depth: 0, options };
    match module {
        Mod::Module(body) | Mod::Interactive(body) => builder.body(body)?,
        Mod::Expression(value) => builder.expr(value)?,
    }
    Ok(builder.table)
}

impl<'a> Builder<'a, '_> {
    pub(super) fn current(&self) -> BlockId {
        self.stack.last().copied().unwrap_or(TOP)
    }

    pub(super) fn block(&mut self) -> &mut Block {
        let id = self.current();
        self.table.block_mut(id)
    }

    /// Enters a new block; `attached` when it will run and so takes part in the analysis.
    pub(super) fn enter(&mut self, kind: BlockKind, attached: bool, node: (usize, Tag)) -> BlockId {
        let parent = self.current();
        let mut block = Block::new(kind);
        let around = self.table.block(parent);
        block.nested = around.nested || around.is_function_like();
        block.unevaluated = around.unevaluated || !attached;
        block.comp_iter_expr = around.comp_iter_expr;
        let id = BlockId(self.table.blocks.len() as u32);
        self.table.blocks.push(block);
        if attached {
            self.table.block_mut(parent).children.push(id);
            self.table.by_node.insert(node, id);
        }
        self.stack.push(id);
        id
    }

    pub(super) fn leave(&mut self) {
        self.stack.pop();
    }

    pub(super) fn deeper(&mut self, span: Span) -> Res {
        self.depth += 1;
        if self.depth > MAX_DEPTH { too_deep(span) } else { Ok(()) }
    }

    pub(super) fn mangled(&mut self, name: &str) -> NameId {
        self.names.mangled(self.private, name)
    }

    pub(super) fn define(&mut self, name: &str, flags: u16, span: Span) -> Res {
        let id = self.current();
        self.define_in(id, name, flags, span)
    }

    pub(super) fn define_in(&mut self, id: BlockId, name: &str, flags: u16, span: Span) -> Res {
        let mangled = self.mangled(name);
        let block = self.table.block_mut(id);
        if block.unevaluated {
            return Ok(());
        }
        let iterating = block.comp_iter_target;
        let symbol = block.entry(mangled);
        if flags & symbol.flags & flag::PARAM != 0 {
            return error(format!("duplicate argument '{name}' in function definition"), span);
        }
        if flags & symbol.flags & flag::TYPE_PARAM != 0 {
            return error(format!("duplicate type parameter '{name}'"), span);
        }
        symbol.flags |= flags;
        if iterating {
            if symbol.flags & (flag::GLOBAL | flag::NONLOCAL) != 0 {
                return error(
                    format!("comprehension inner loop cannot rebind assignment expression target '{name}'"),
                    span,
                );
            }
            symbol.flags |= flag::COMP_ITER;
        }
        if flags & flag::PARAM != 0 {
            block.params.push(mangled);
        }
        if flags & flag::GLOBAL != 0 {
            self.table.block_mut(TOP).entry(mangled).flags |= flag::GLOBAL;
        }
        Ok(())
    }

    /// The flags of a name in the current block.
    pub(super) fn flags(&mut self, name: &str) -> u16 {
        let name = self.mangled(name);
        self.block().lookup(name).map_or(0, |symbol| symbol.flags)
    }

    pub(super) fn check_name(&self, name: &str, span: Span, context: Context) -> Res {
        if name == "__debug__" {
            let verb = if context == Context::Store { "assign to" } else { "delete" };
            return error(format!("cannot {verb} __debug__"), span);
        }
        Ok(())
    }

    /// Binds a name; errors are reported at `span`.
    fn bind(&mut self, name: Ident<'a>, span: Span) -> Res {
        self.check_name(name.id, span, Context::Store)?;
        self.define(name.id, flag::LOCAL, span)
    }

    pub(super) fn body(&mut self, body: &'a [Stmt<'a>]) -> Res {
        for statement in body {
            self.statement(statement)?;
        }
        Ok(())
    }

    /// The statements under a condition: annotations in them may never be reached.
    fn conditional(&mut self, body: &'a [Stmt<'a>]) -> Res {
        let before = std::mem::replace(&mut self.block().in_conditional, true);
        self.body(body)?;
        self.block().in_conditional = before;
        Ok(())
    }

    fn statement(&mut self, statement: &'a Stmt<'a>) -> Res {
        self.deeper(statement.span)?;
        match &statement.kind {
            StmtKind::FunctionDef(def) => self.function(def, statement.span)?,
            StmtKind::ClassDef(def) => self.class(def, statement.span)?,
            StmtKind::TypeAlias { name, type_params, value } => {
                self.bind(*name, name.span)?;
                self.type_alias(statement, type_params, value)?;
            }
            StmtKind::Return(value) => {
                if let Some(value) = value {
                    self.expr(value)?;
                }
            }
            StmtKind::Delete(targets) => {
                for target in *targets {
                    self.target(target, Context::Delete)?;
                }
            }
            StmtKind::Assign { targets, value } => {
                self.expr(value)?;
                for target in *targets {
                    self.target(target, Context::Store)?;
                }
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.target(target, Context::Store)?;
                self.expr(value)?;
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                self.annotated(statement.span, target, annotation, *value, *simple)?;
            }
            StmtKind::Raise { exc, cause } => {
                for value in [exc, cause].into_iter().flatten() {
                    self.expr(value)?;
                }
            }
            StmtKind::Assert { test, msg } => {
                self.expr(test)?;
                if let Some(msg) = msg {
                    self.expr(msg)?;
                }
            }
            StmtKind::Import(names) => self.imports(names)?,
            StmtKind::ImportFrom { names, .. } => self.imports(names)?,
            StmtKind::Global(names) => self.declare(names, flag::GLOBAL, statement.span)?,
            StmtKind::Nonlocal(names) => self.declare(names, flag::NONLOCAL, statement.span)?,
            StmtKind::Expr(value) => self.expr(value)?,
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue => {}
            StmtKind::For { .. }
            | StmtKind::While { .. }
            | StmtKind::If { .. }
            | StmtKind::With { .. }
            | StmtKind::Match { .. }
            | StmtKind::Try { .. } => self.compound(statement)?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn compound(&mut self, statement: &'a Stmt<'a>) -> Res {
        match &statement.kind {
            StmtKind::For { target, iter, body, orelse, .. } => {
                self.expr(iter)?;
                self.target(target, Context::Store)?;
                self.conditional(body)?;
                self.conditional(orelse)?;
            }
            StmtKind::While { test, body, orelse } => {
                self.expr(test)?;
                self.conditional(body)?;
                self.conditional(orelse)?;
            }
            StmtKind::If { .. } => self.if_chain(statement)?,
            StmtKind::With { items, body, .. } => {
                for item in *items {
                    self.expr(&item.context_expr)?;
                    if let Some(target) = item.optional_vars {
                        self.target(target, Context::Store)?;
                    }
                }
                self.conditional(body)?;
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject)?;
                for case in *cases {
                    self.pattern(&case.pattern)?;
                    if let Some(guard) = case.guard {
                        self.expr(guard)?;
                    }
                    self.conditional(case.body)?;
                }
            }
            StmtKind::Try { body, handlers, orelse, finalbody, .. } => {
                self.conditional(body)?;
                for handler in *handlers {
                    if let Some(kind) = handler.type_ {
                        self.expr(kind)?;
                    }
                    if let Some(name) = handler.name {
                        self.bind(name, handler.span)?;
                        let mangled = self.mangled(name.id);
                        self.block().deleted.insert(mangled);
                    }
                    self.conditional(handler.body)?;
                }
                self.conditional(orelse)?;
                self.conditional(finalbody)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// `elif` chains nest in the tree without bound, so they are walked in a loop.
    fn if_chain(&mut self, statement: &'a Stmt<'a>) -> Res {
        let mut current = statement;
        while let StmtKind::If { test, body, orelse } = &current.kind {
            self.expr(test)?;
            self.conditional(body)?;
            match orelse {
                [only] if matches!(only.kind, StmtKind::If { .. }) => current = only,
                _ => return self.conditional(orelse),
            }
        }
        Ok(())
    }

    fn declare(&mut self, names: &'a [Ident<'a>], kind: u16, span: Span) -> Res {
        let word = if kind == flag::GLOBAL { "global" } else { "nonlocal" };
        for name in names {
            let seen = self.flags(name.id);
            let text = name.id;
            if seen & flag::PARAM != 0 {
                return error(format!("name '{text}' is parameter and {word}"), span);
            } else if seen & flag::USE != 0 {
                return error(format!("name '{text}' is used prior to {word} declaration"), span);
            } else if seen & flag::ANNOT != 0 {
                return error(format!("annotated name '{text}' can't be {word}"), span);
            } else if seen & flag::LOCAL != 0 {
                return error(format!("name '{text}' is assigned to before {word} declaration"), span);
            }
            self.define(text, kind, name.span)?;
            let mangled = self.mangled(text);
            let symbol = self.block().entry(mangled);
            if symbol.declared == Span::default() {
                symbol.declared = span;
            }
        }
        Ok(())
    }

    fn imports(&mut self, names: &'a [Alias<'a>]) -> Res {
        for alias in names {
            if alias.name.id == "*" {
                if self.block().kind != BlockKind::Module {
                    return error("import * only allowed at module level", alias.span);
                }
                continue;
            }
            let first = alias.name.id.split('.').next().unwrap_or_default();
            let name = alias.asname.map_or(first, |asname| asname.id);
            self.check_name(name, alias.span, Context::Store)?;
            self.define(name, flag::IMPORT, alias.span)?;
        }
        Ok(())
    }

    fn annotated(
        &mut self,
        span: Span,
        target: &'a Expr<'a>,
        annotation: &'a Expr<'a>,
        value: Option<&'a Expr<'a>>,
        simple: bool,
    ) -> Res {
        if let ExprKind::Name(name) = target.kind {
            self.check_name(name, target.span, Context::Store)?;
            let seen = self.flags(name);
            if simple && seen & (flag::GLOBAL | flag::NONLOCAL) != 0 && self.current() != TOP {
                let word = if seen & flag::GLOBAL != 0 { "global" } else { "nonlocal" };
                return error(format!("annotated name '{name}' can't be {word}"), span);
            }
            if simple {
                self.define(name, flag::ANNOT | flag::LOCAL, target.span)?;
            } else if value.is_some() {
                self.define(name, flag::LOCAL, target.span)?;
            }
        } else {
            self.target(target, Context::Store)?;
        }
        self.variable_annotation(annotation)?;
        value.map_or(Ok(()), |value| self.expr(value))
    }

    /// An annotation of a variable. Those of a module or class share one block; those of a function never run.
    fn variable_annotation(&mut self, annotation: &'a Expr<'a>) -> Res {
        let owner = self.current();
        let block = self.table.block(owner);
        let (kind, conditional) = (block.kind, block.in_conditional);
        let runs = !block.is_function_like() && !self.options.future_annotations;
        self.block().annotations_used = true;
        if runs && (kind == BlockKind::Module || conditional) && !self.block().conditional_annotations {
            self.block().conditional_annotations = true;
        }
        // A class keeps the set in a cell of its own, which is no name of its body.
        if runs && kind == BlockKind::Module {
            self.define("__conditional_annotations__", flag::USE, annotation.span)?;
        }
        match self.table.block(owner).annotation_block {
            Some(block) => self.stack.push(block),
            None => {
                let node = (owner.0 as usize, Tag::Annotations);
                let block = self.enter(BlockKind::Annotation, runs, node);
                self.table.block_mut(owner).annotation_block = runs.then_some(block);
                self.enter_annotation_scope(kind == BlockKind::Class, annotation.span)?;
            }
        }
        if self.table.block(owner).conditional_annotations {
            self.define("__conditional_annotations__", flag::USE, annotation.span)?;
        }
        self.expr(annotation)?;
        self.leave();
        Ok(())
    }

    /// The parameter and the class namespace of an annotation function.
    pub(super) fn enter_annotation_scope(&mut self, sees_class: bool, span: Span) -> Res {
        self.define("format", flag::PARAM, span)?;
        if sees_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, span)?;
        }
        Ok(())
    }

    fn function(&mut self, def: &'a FunctionDef<'a>, span: Span) -> Res {
        self.bind(def.name, span)?;
        self.defaults(def.args)?;
        for decorator in def.decorators {
            self.expr(decorator)?;
        }
        let generic = !def.type_params.is_empty();
        if generic {
            let has = |params: &[Param<'_>]| params.iter().any(|p| p.default.is_some());
            self.enter_type_params(key(def, Tag::TypeParams), span)?;
            if has(def.args.posonlyargs) || has(def.args.args) {
                self.define(".defaults", flag::PARAM, span)?;
            }
            if has(def.args.kwonlyargs) {
                self.define(".kwdefaults", flag::PARAM, span)?;
            }
            self.type_params(def.type_params)?;
        }
        self.function_annotations(def, span)?;
        let in_class = self.block().kind == BlockKind::Class;
        self.enter(BlockKind::Function, true, key(def, Tag::Body));
        let block = self.block();
        block.is_method = in_class;
        block.is_async = def.is_async;
        block.coroutine = def.is_async;
        self.parameters(def.args)?;
        self.body(def.body)?;
        self.leave();
        if generic {
            self.leave();
        }
        Ok(())
    }

    fn function_annotations(&mut self, def: &'a FunctionDef<'a>, span: Span) -> Res {
        let around = self.table.block(self.current());
        let sees_class = around.kind == BlockKind::Class || around.can_see_class_scope;
        let annotations: Vec<&'a Expr<'a>> = annotations_of(def).map(|(_, annotation)| annotation).collect();
        if annotations.is_empty() {
            return Ok(());
        }
        self.enter(BlockKind::Annotation, true, key(def, Tag::Annotations));
        self.enter_annotation_scope(sees_class, span)?;
        // Annotations that become texts are looked at for errors alone.
        let texts = self.options.future_annotations;
        if texts {
            self.enter(BlockKind::Annotation, false, key(def, Tag::Annotations));
        }
        for annotation in annotations {
            self.expr(annotation)?;
        }
        if texts {
            self.leave();
        }
        self.leave();
        Ok(())
    }

    fn class(&mut self, def: &'a ClassDef<'a>, span: Span) -> Res {
        self.bind(def.name, span)?;
        for decorator in def.decorators {
            self.expr(decorator)?;
        }
        let outer = self.private;
        let generic = !def.type_params.is_empty();
        if generic {
            self.enter_type_params(key(def, Tag::TypeParams), span)?;
            for name in [".type_params", ".generic_base"] {
                self.define(name, flag::LOCAL | flag::USE, span)?;
            }
            self.private = Some(def.name.id);
            self.type_params(def.type_params)?;
            self.private = outer;
        }
        for base in def.bases {
            self.expr(base)?;
        }
        self.keywords(def.keywords)?;
        self.enter(BlockKind::Class, true, key(def, Tag::Body));
        self.private = Some(def.name.id);
        if generic {
            self.define("__type_params__", flag::LOCAL, span)?;
            self.define(".type_params", flag::USE, span)?;
        }
        self.body(def.body)?;
        self.private = outer;
        self.leave();
        if generic {
            self.leave();
        }
        Ok(())
    }

    fn type_alias(&mut self, statement: &'a Stmt<'a>, params: &'a [TypeParam<'a>], value: &'a Expr<'a>) -> Res {
        let in_class = self.block().kind == BlockKind::Class;
        let generic = !params.is_empty();
        if generic {
            self.enter_type_params(key(statement, Tag::TypeParams), statement.span)?;
            self.type_params(params)?;
        }
        self.enter(BlockKind::TypeAlias, true, key(statement, Tag::Body));
        self.define(".format", flag::PARAM, statement.span)?;
        if in_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, statement.span)?;
        }
        self.expr(value)?;
        self.leave();
        if generic {
            self.leave();
        }
        Ok(())
    }

    fn enter_type_params(&mut self, node: (usize, Tag), span: Span) -> Res {
        let in_class = self.block().kind == BlockKind::Class;
        self.enter(BlockKind::TypeParams, true, node);
        if in_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, span)?;
        }
        Ok(())
    }

    fn type_params(&mut self, params: &'a [TypeParam<'a>]) -> Res {
        for param in params {
            if param.name.id == "__classdict__" {
                return error("reserved name '__classdict__' cannot be used for type parameter", param.name.span);
            }
            self.check_name(param.name.id, param.span, Context::Store)?;
            self.define(param.name.id, flag::TYPE_PARAM | flag::LOCAL, param.span)?;
            if let Some(bound) = param.bound {
                let constraints = matches!(bound.kind, ExprKind::Tuple { .. });
                let info = if constraints { "a TypeVar constraint" } else { "a TypeVar bound" };
                self.type_variable(param, bound, Tag::Bound, info)?;
            }
            if let Some(default) = param.default {
                let info = match param.kind {
                    TypeParamKind::TypeVar => "a TypeVar default",
                    TypeParamKind::TypeVarTuple => "a TypeVarTuple default",
                    TypeParamKind::ParamSpec => "a ParamSpec default",
                };
                self.type_variable(param, default, Tag::Default, info)?;
            }
        }
        Ok(())
    }

    fn type_variable(&mut self, param: &'a TypeParam<'a>, value: &'a Expr<'a>, tag: Tag, info: &'static str) -> Res {
        let sees_class = self.block().can_see_class_scope;
        self.enter(BlockKind::TypeVariable, true, key(param, tag));
        self.block().scope_info = info;
        self.define(".format", flag::PARAM, param.span)?;
        if sees_class {
            self.block().can_see_class_scope = true;
            self.define("__classdict__", flag::USE, param.span)?;
        }
        self.expr(value)?;
        self.leave();
        Ok(())
    }

    pub(super) fn defaults(&mut self, args: &'a Arguments<'a>) -> Res {
        for list in [args.posonlyargs, args.args, args.kwonlyargs] {
            for param in list {
                if let Some(default) = param.default {
                    self.expr(default)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn parameters(&mut self, args: &'a Arguments<'a>) -> Res {
        let plain = args.posonlyargs.iter().chain(args.args).chain(args.kwonlyargs);
        for param in plain.chain(args.vararg).chain(args.kwarg) {
            self.check_name(param.name.id, param.name.span, Context::Store)?;
            self.define(param.name.id, flag::PARAM, param.name.span)?;
        }
        let block = self.block();
        block.varargs = args.vararg.is_some();
        block.varkeywords = args.kwarg.is_some();
        Ok(())
    }

    fn pattern(&mut self, pattern: &'a Pattern<'a>) -> Res {
        self.deeper(pattern.span)?;
        match &pattern.kind {
            PatternKind::Value(value) => self.expr(value)?,
            PatternKind::Singleton(_) => {}
            PatternKind::Sequence(patterns) | PatternKind::Or(patterns) => self.patterns(patterns)?,
            PatternKind::Mapping { keys, patterns, rest } => {
                for key in *keys {
                    self.expr(key)?;
                }
                self.patterns(patterns)?;
                if let Some(rest) = rest {
                    self.bind(*rest, pattern.span)?;
                }
            }
            PatternKind::Class { cls, patterns, kwd_attrs, kwd_patterns } => {
                self.expr(cls)?;
                self.patterns(patterns)?;
                for (attr, value) in kwd_attrs.iter().zip(*kwd_patterns) {
                    self.check_name(attr.id, value.span, Context::Store)?;
                }
                self.patterns(kwd_patterns)?;
            }
            PatternKind::Star(name) => {
                if let Some(name) = name {
                    self.bind(*name, pattern.span)?;
                }
            }
            PatternKind::As { pattern: inner, name } => {
                if let Some(inner) = inner {
                    self.pattern(inner)?;
                }
                if let Some(name) = name {
                    self.bind(*name, pattern.span)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn patterns(&mut self, patterns: &'a [Pattern<'a>]) -> Res {
        for pattern in patterns {
            self.pattern(pattern)?;
        }
        Ok(())
    }
}

/// The annotations of a function in the order of evaluation: name (`return` for the result) and annotation.
pub(in crate::compiler) fn annotations_of<'a>(
    def: &'a FunctionDef<'a>,
) -> impl Iterator<Item = (&'a str, &'a Expr<'a>)> {
    let args = def.args;
    let plain = args.posonlyargs.iter().chain(args.args).chain(args.vararg).chain(args.kwonlyargs);
    plain
        .chain(args.kwarg)
        .filter_map(|param| param.annotation.map(|annotation| (param.name.id, annotation)))
        .chain(def.returns.map(|annotation| ("return", annotation)))
}
