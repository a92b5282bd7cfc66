//! From the tree to instructions. The files here divide the work by kind of statement and expression; `emit` holds the
//! code object under construction.
//!
//! Rules that all of them keep: `unit.span` is the node whose instruction is emitted; an expression's temps are given
//! back before its result is allocated; recursion follows only nesting that the parser bounds, with a guard.

mod annotations;
mod assign;
mod call;
mod class;
mod comprehension;
mod consts;
mod display;
mod emit;
mod expr;
mod function;
mod import;
mod loops;
mod names;
mod ops;
mod pattern;
mod stmt;
mod strings;
mod try_;
mod type_params;
mod warn;
mod with;

pub(super) use consts::text;
pub(super) use emit::{Ir, Label, Unit, hidden_local};

use super::assemble::{LineTable, assemble};
use super::code::{Code, CodeFlags, Const, LocalKind};
use super::error::{MAX_DEPTH, Res, Warning, error, too_deep};
use super::opcodes::Op;
use super::scope::{BlockId, BlockKind, CompKind, NameId, Names, Scope, SymbolTable, TOP, flag};
use super::{CompileOptions, Mode};
use apy_grammar::ast::*;
use std::sync::Arc;

/// The state of a compilation.
pub struct Lowerer<'a> {
    table: SymbolTable,
    names: Names,
    options: &'a CompileOptions,
    filename: Arc<str>,
    lines: LineTable,
    future: u32,
    /// Where the last `from __future__ import` that counts begins.
    last_future: Option<u32>,
    unit: Unit<'a>,
    parents: Vec<Unit<'a>>,
    warnings: Vec<Warning>,
    depth: u32,
    /// How many instructions may still be emitted, finished code objects deducted.
    budget: usize,
}

/// How many instructions a compilation may emit, beside so many for each byte of source. `finally` bodies are compiled
/// once for each way out, functions in them included, so that a hostile nest of them would grow without bound.
const INSTRUCTIONS: usize = 1_000_000;
const INSTRUCTIONS_PER_BYTE: usize = 64;

/// Modules of the library that are written in C in CPython, so that their functions are in no traceback.
const IN_C: &[&str] = &[
    "<stdlib>/cmath.apy",
    "<stdlib>/datetime.apy",
    "<stdlib>/operator.apy",
    "<stdlib>/pickle.apy",
    "<stdlib>/warnings.apy",
];

/// Compiles a module.
pub fn lower<'a>(
    module: &Mod<'a>,
    source: &str,
    options: &'a CompileOptions,
    table: SymbolTable,
    names: Names,
    (future, last_future): (u32, Option<u32>),
) -> Res<(Arc<Code>, Vec<Warning>)> {
    let future = if IN_C.contains(&options.filename.as_str()) { future | CodeFlags::IN_C } else { future };
    let unit = Unit::new(TOP, "<module>".into(), "<module>".into(), 1);
    let mut lowerer = Lowerer {
        table,
        names,
        options,
        filename: options.filename.as_str().into(),
        lines: LineTable::new(source),
        future,
        last_future,
        unit,
        parents: Vec::new(),
        warnings: Vec::new(),
        depth: 0,
        budget: INSTRUCTIONS.saturating_add(source.len().saturating_mul(INSTRUCTIONS_PER_BYTE)),
    };
    lowerer.unit.flags = CodeFlags::MODULE | future;
    lowerer.set_up_registers();
    lowerer.module(module)?;
    let code = lowerer.assemble_unit()?;
    Ok((Arc::new(code), lowerer.warnings))
}

impl<'a> Lowerer<'a> {
    fn module(&mut self, module: &Mod<'a>) -> Res {
        if self.options.as_coroutine || self.options.top_level_await && self.table.block(TOP).coroutine {
            self.unit.flags |= CodeFlags::COROUTINE;
        }
        match module {
            Mod::Module(body) => {
                self.module_body(body)?;
                self.return_none();
            }
            Mod::Interactive(body) => {
                self.module_annotations(body, true)?;
                self.statements(body)?;
                self.return_none();
            }
            Mod::Expression(value) => {
                self.unit.name = "<module>".into();
                let value = self.expr(value, emit::Want::Any)?;
                self.unit.op1(Op::Return, value);
            }
        }
        Ok(())
    }

    fn module_body(&mut self, body: &'a [Stmt<'a>]) -> Res {
        let rest = match self.docstring(body) {
            Some((doc, rest)) => {
                if self.options.keep_docstrings() {
                    self.unit.span = body.first().map_or(Span::default(), |s| s.span);
                    let name = self.names.id("__doc__");
                    self.store_constant(name, doc)?;
                }
                rest
            }
            None => body,
        };
        self.module_annotations(body, true)?;
        self.statements(rest)
    }

    /// The docstring of a body and the statements after it.
    fn docstring(&self, body: &'a [Stmt<'a>]) -> Option<(Const, &'a [Stmt<'a>])> {
        let (first, rest) = body.split_first()?;
        let StmtKind::Expr(value) = &first.kind else { return None };
        let ExprKind::Constant(Constant::Str { value, .. }) = &value.kind else { return None };
        Some((Const::Str(clean_docstring(value).into()), rest))
    }

    pub(super) fn mode(&self) -> Mode {
        self.options.mode
    }

    fn return_none(&mut self) {
        let none = self.unit.consts_add(Const::None);
        self.unit.emit(Op::ReturnConst, emit::Arg::X, emit::Arg::N(none), emit::Arg::X);
    }

    fn deeper(&mut self, span: Span) -> Res {
        self.depth += 1;
        if self.depth > MAX_DEPTH { too_deep(span) } else { Ok(()) }
    }

    fn mangled(&mut self, name: &str) -> NameId {
        self.names.mangled(self.unit.private, name)
    }

    // ---- units

    /// Starts a code object inside the current one.
    fn enter_unit(&mut self, block: BlockId, name: &str, span: Span) {
        let qualname = self.qualname(name);
        let line = self.lines.line(span.start);
        let mut unit = Unit::new(block, name.into(), qualname, line);
        unit.private = self.unit.private;
        unit.span = span;
        unit.flags = self.future;
        let info = self.table.block(block);
        if info.is_function_like() {
            unit.flags |= CodeFlags::OPTIMIZED | CodeFlags::NEWLOCALS;
        }
        if info.kind == BlockKind::Class {
            unit.flags |= CodeFlags::CLASS_BODY;
        }
        if info.nested && info.is_function_like() {
            unit.flags |= CodeFlags::NESTED;
        }
        let outer = std::mem::replace(&mut self.unit, unit);
        self.parents.push(outer);
        self.set_up_registers();
    }

    /// Finishes the current code object and goes back to the one around it.
    fn leave_unit(&mut self) -> Res<Arc<Code>> {
        let code = self.assemble_unit()?;
        if let Some(outer) = self.parents.pop() {
            self.unit = outer;
        }
        Ok(Arc::new(code))
    }

    fn check_budget(&self) -> Res {
        if self.unit.count > self.budget {
            return error("code object too large: too many instructions", self.unit.span);
        }
        Ok(())
    }

    fn assemble_unit(&mut self) -> Res<Code> {
        self.check_budget()?;
        self.budget = self.budget.saturating_sub(self.unit.count);
        let names = &self.names;
        let code = assemble(&mut self.unit, &|id| names.text(id), &self.filename, &self.lines)?;
        #[cfg(debug_assertions)]
        if let Err(problem) = super::verify::verify(&code).and_then(|()| super::liveness::check_temps(&code)) {
            return error(format!("internal error: bad bytecode for {}: {problem}", code.qualname), self.unit.span);
        }
        Ok(code)
    }

    /// `__qualname__` of a block that is entered from the current one.
    fn qualname(&mut self, name: &str) -> String {
        let mangled = self.mangled(name);
        let mut around = Some(&self.unit);
        let mut outer = self.parents.iter().rev();
        while let Some(unit) = around
            && self.table.block(unit.block).kind == BlockKind::TypeParams
        {
            around = outer.next();
        }
        let Some(unit) = around else { return name.to_string() };
        let block = self.table.block(unit.block);
        if block.kind == BlockKind::Module {
            return name.to_string();
        }
        let explicit = block.lookup(mangled).is_some_and(|s| s.scope == Scope::GlobalExplicit);
        if explicit {
            name.to_string()
        } else if block.kind == BlockKind::Function && block.comp == CompKind::None {
            format!("{}.<locals>.{name}", unit.qualname)
        } else {
            format!("{}.{name}", unit.qualname)
        }
    }

    /// Gives registers to the locals of the current block and cells to those that need them.
    fn set_up_registers(&mut self) {
        let block = self.table.block(self.unit.block);
        let unit = &mut self.unit;
        let mut cells: Vec<NameId> = Vec::new();
        let mut free: Vec<NameId> = Vec::new();
        let mut add = |name: NameId, kind: LocalKind| {
            let register = unit.locals.len() as u32;
            unit.locals.push((name, kind));
            unit.registers.insert(name, register);
        };
        for name in &block.params {
            let is_cell = block.lookup(*name).is_some_and(|s| s.scope == Scope::Cell);
            add(*name, if is_cell { LocalKind::Cell } else { LocalKind::Plain });
            if is_cell {
                cells.push(*name);
            }
        }
        for symbol in &block.symbols {
            if symbol.flags & flag::PARAM != 0 {
                continue;
            }
            match symbol.scope {
                Scope::Local if block.is_function_like() => add(symbol.name, LocalKind::Plain),
                Scope::Cell => cells.push(symbol.name),
                Scope::Free => free.push(symbol.name),
                _ if symbol.flags & flag::FREE_CLASS != 0 => free.push(symbol.name),
                _ => {}
            }
        }
        if block.kind == BlockKind::Class {
            let needs = [
                ("__class__", block.needs_class_closure),
                ("__classdict__", block.needs_classdict),
                ("__conditional_annotations__", block.conditional_annotations),
            ];
            for (name, _) in needs.into_iter().filter(|(_, needed)| *needed) {
                cells.push(self.names.id(name));
            }
        }
        let names = &self.names;
        // Parameters first, in their order, then the others by name.
        cells
            .sort_by_key(|name| (block.params.iter().position(|p| p == name).unwrap_or(usize::MAX), names.text(*name)));
        cells.dedup();
        free.sort_by_key(|name| names.text(*name));
        free.dedup();
        let params = block.params.len() as u32;
        for name in &cells {
            if !unit.registers.contains_key(name) {
                let register = unit.locals.len() as u32;
                unit.locals.push((*name, LocalKind::Cell));
                unit.registers.insert(*name, register);
            }
        }
        unit.cell_registers = cells.iter().filter_map(|name| unit.registers.get(name).copied()).collect();
        unit.free_index = free.iter().enumerate().map(|(i, name)| (*name, i as u32)).collect();
        unit.free = free;
        unit.first_temp = unit.locals.len() as u32;
        unit.next_temp = unit.first_temp;
        unit.max_temp = unit.first_temp;
        unit.first_param = block.params.first().copied();
        unit.deletable = block.deleted.iter().filter_map(|name| unit.registers.get(name).copied()).collect();
        for register in 0..params {
            unit.bound.set(register);
        }
        for register in unit.cell_registers.clone() {
            unit.op1(Op::MakeCell, emit::Val::keep(register));
        }
    }
}

impl Unit<'_> {
    /// The index of a constant; unreachable code adds none.
    pub fn consts_add(&mut self, value: Const) -> u32 {
        if self.reachable { self.consts.add(value) } else { 0 }
    }
}

/// The text of a docstring as it is stored: indentation common to the lines after the first is taken away.
fn clean_docstring(raw: &[u8]) -> Vec<u8> {
    let expanded = expand_tabs(raw);
    let lines: Vec<&[u8]> = expanded.split(|byte| *byte == b'\n').collect();
    let indent_of = |line: &[u8]| line.iter().take_while(|byte| **byte == b' ').count();
    let margin = lines.iter().skip(1).filter(|l| indent_of(l) < l.len()).map(|l| indent_of(l)).min().unwrap_or(0);
    let mut out = Vec::with_capacity(expanded.len());
    for (i, line) in lines.iter().enumerate() {
        let strip = if i == 0 { indent_of(line) } else { margin.min(indent_of(line)) };
        if i > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(line.get(strip..).unwrap_or_default());
    }
    out
}

fn expand_tabs(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut column = 0;
    let mut leading = true;
    for byte in raw {
        match byte {
            b'\n' => {
                column = 0;
                leading = true;
                out.push(b'\n');
            }
            b'\t' if leading => {
                let width = 8 - column % 8;
                out.extend(std::iter::repeat_n(b' ', width));
                column += width;
            }
            _ => {
                leading &= *byte == b' ';
                column += 1;
                out.push(*byte);
            }
        }
    }
    out
}
