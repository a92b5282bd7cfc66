//! Comprehensions. List, set and dict comprehensions run inside the block around them, with variables of their own in
//! temps; generator expressions (and comprehensions in annotation scopes of a class) are functions.

use super::Lowerer;
use super::emit::{Arg, CompScope, Hidden, HiddenRange, Val, Want};
use crate::compiler::code::{CodeFlags, LocalKind};
use crate::compiler::error::{Res, error};
use crate::compiler::opcodes::Op;
use crate::compiler::scope::{BlockId, CompKind, Scope, Tag, flag};
use apy_grammar::ast::*;
use std::collections::HashMap;

/// What a comprehension makes of each element.
struct Body<'a> {
    kind: CompKind,
    element: &'a Expr<'a>,
    second: Option<&'a Expr<'a>>,
    generators: &'a [Comprehension<'a>],
    /// The container, unless a generator.
    container: u32,
    span: Span,
}

impl<'a> Lowerer<'a> {
    pub(super) fn comprehension(&mut self, value: &'a Expr<'a>, want: Want) -> Res<Val> {
        let (kind, element, second, generators) = match &value.kind {
            ExprKind::ListComp { elt, generators } => (CompKind::List, *elt, None, *generators),
            ExprKind::SetComp { elt, generators } => (CompKind::Set, *elt, None, *generators),
            ExprKind::DictComp { key, value, generators } => (CompKind::Dict, *key, Some(*value), *generators),
            ExprKind::GeneratorExp { elt, generators } => (CompKind::Generator, *elt, None, *generators),
            _ => return error("not a comprehension", value.span),
        };
        let Some(block) = self.table.of(value, Tag::Body) else {
            return error("comprehension without a scope", value.span);
        };
        let Some(outermost) = generators.first() else {
            return error("comprehension without a loop", value.span);
        };
        let is_async = self.table.block(block).coroutine && kind != CompKind::Generator;
        if is_async && !self.may_run_async_comprehension() {
            return error("asynchronous comprehension outside of an asynchronous function", value.span);
        }
        let body = Body { kind, element, second, generators, container: 0, span: value.span };
        if self.table.block(block).inlined {
            return self.inlined(body, block, outermost, want);
        }
        self.as_function(value, body, block, outermost, is_async, want)
    }

    /// Whether an async list, set or dict comprehension may stand here.
    fn may_run_async_comprehension(&self) -> bool {
        let block = self.table.block(self.unit.block);
        block.is_async || block.comp != CompKind::None || self.top_level_await_here()
    }

    fn inlined(
        &mut self,
        mut body: Body<'a>,
        block: BlockId,
        outermost: &'a Comprehension<'a>,
        want: Want,
    ) -> Res<Val> {
        let base = self.unit.next_temp;
        let container = self.unit.alloc(1);
        body.container = container;
        let iterator = self.clause_iterator(outermost)?;
        let start = self.unit.label();
        let end = self.unit.label();
        self.unit.bind(start);
        let variables = self.hidden_variables(block, start, end);
        let registers: Vec<u32> = variables.values().map(|hidden| hidden.reg).collect();
        self.unit.comps.push(CompScope { block, variables });
        self.unit.span = body.span;
        self.new_container(body.kind, container);
        self.clauses(&body, 0, iterator)?;
        self.unit.comps.pop();
        self.unit.span = body.span;
        let mut sorted = registers;
        sorted.sort_unstable();
        for register in sorted {
            self.unit.op1(Op::DeleteLocal, Val::keep(register));
        }
        self.unit.bind(end);
        self.unit.release(base + 1);
        Ok(self.unit.settle(Val::temp(container), want))
    }

    /// Registers for the variables of an inlined comprehension. They start unbound.
    fn hidden_variables(
        &mut self,
        block: BlockId,
        start: super::emit::Label,
        end: super::emit::Label,
    ) -> HashMap<crate::compiler::scope::NameId, Hidden> {
        let mut variables = HashMap::new();
        let symbols = self.table.block(block).symbols.clone();
        for symbol in symbols {
            let cell = symbol.scope == Scope::Cell;
            if symbol.flags & flag::PARAM != 0 || !(cell || symbol.scope == Scope::Local) {
                continue;
            }
            let reg = self.unit.alloc(1);
            self.unit.bound.clear(reg);
            self.unit.op1(Op::DeleteLocal, Val::keep(reg));
            if cell {
                self.unit.op1(Op::MakeCell, Val::keep(reg));
            }
            variables.insert(symbol.name, Hidden { reg, cell });
            let kind = if cell { LocalKind::Cell } else { LocalKind::Plain };
            let name = self.names.text(symbol.name);
            self.unit.hidden.push(HiddenRange { name, kind, reg, start, end });
        }
        variables
    }

    /// The iterator of a clause (the first one's belongs to the block around), in the next temp.
    fn clause_iterator(&mut self, outermost: &'a Comprehension<'a>) -> Res<u32> {
        let base = self.unit.next_temp;
        let iterable = self.iterable(&outermost.iter)?;
        self.unit.span = outermost.iter.span;
        self.unit.release(base);
        let iterator = self.unit.alloc(1);
        let op = if outermost.is_async { Op::GetAIter } else { Op::GetIter };
        self.unit.op2(op, Val::temp(iterator), iterable);
        Ok(iterator)
    }

    fn new_container(&mut self, kind: CompKind, container: u32) {
        let op = match kind {
            CompKind::Set => Op::BuildSet,
            CompKind::Dict => Op::BuildMap,
            _ => Op::BuildList,
        };
        self.unit.op2_n(op, Val::temp(container), Val::temp(container), 0);
    }

    /// The loops from clause `index` on; the iterator of that clause is in a temp, and consumed.
    fn clauses(&mut self, body: &Body<'a>, index: usize, iterator: u32) -> Res {
        self.deeper(body.span)?;
        let Some(clause) = body.generators.get(index) else { return Ok(()) };
        let [again, next, done] = [(); 3].map(|()| self.unit.label());
        let base = self.unit.next_temp;
        self.unit.span = clause.iter.span;
        let value = self.loop_register(&clause.target);
        let handler = if clause.is_async {
            self.unit.bind_loop(next);
            let outer = self.unit.handler;
            let handler = self.unit.begin_handler(base, base);
            self.next_awaited(iterator)?;
            self.unit.handler = outer;
            self.assign(&clause.target, Val::temp(base))?;
            self.unit.release(base);
            handler
        } else {
            self.loop_head(&clause.target, value, iterator, again, done)?;
            0
        };
        for condition in clause.ifs {
            self.jump_if(condition, false, next)?;
        }
        if let Some(inner) = body.generators.get(index + 1) {
            let inner_iterator = self.clause_iterator(inner)?;
            self.clauses(body, index + 1, inner_iterator)?;
        } else {
            self.element(body)?;
        }
        self.unit.release(base);
        self.unit.span = clause.iter.span;
        if clause.is_async {
            self.unit.jump(next);
            self.end_async_for(handler, iterator, done);
        } else {
            self.unit.bind(next);
            self.unit.branch(Op::ForLoop, 0, Arg::R(value), Arg::R(Val::keep(iterator)), again);
        }
        self.unit.bind(done);
        self.depth -= 1;
        Ok(())
    }

    fn element(&mut self, body: &Body<'a>) -> Res {
        let base = self.unit.next_temp;
        let container = Val::keep(body.container);
        match body.kind {
            CompKind::Generator => {
                let value = self.expr(body.element, Want::Any)?;
                self.unit.release(base);
                let received = self.unit.alloc(1);
                self.unit.span = body.element.span;
                let is_async = self.table.block(self.unit.block).coroutine;
                self.unit.op2(if is_async { Op::YieldAsync } else { Op::Yield }, Val::temp(received), value);
                self.unit.drop_temp(received);
            }
            CompKind::Dict => {
                let key = self.expr(body.element, Want::Any)?;
                let value = match body.second {
                    Some(second) => self.expr(second, Want::Any)?,
                    None => key,
                };
                self.unit.span = body.element.span;
                self.unit.op3(Op::MapAdd, container, key, value);
            }
            kind => {
                let value = self.expr(body.element, Want::Any)?;
                self.unit.span = body.element.span;
                let op = if kind == CompKind::Set { Op::SetAdd } else { Op::ListAppend };
                self.unit.op2(op, container, value);
            }
        }
        self.unit.release(base);
        Ok(())
    }

    /// A generator expression, or a comprehension that can not be inlined.
    fn as_function(
        &mut self,
        value: &'a Expr<'a>,
        mut body: Body<'a>,
        block: BlockId,
        outermost: &'a Comprehension<'a>,
        is_async: bool,
        want: Want,
    ) -> Res<Val> {
        let base = self.unit.next_temp;
        let name = match body.kind {
            CompKind::List => "<listcomp>",
            CompKind::Set => "<setcomp>",
            CompKind::Dict => "<dictcomp>",
            _ => "<genexpr>",
        };
        self.enter_unit(block, name, value.span);
        self.unit.argcount = 1;
        let coroutine = self.table.block(block).coroutine;
        self.unit.flags |= match (body.kind, coroutine) {
            (CompKind::Generator, true) => CodeFlags::ASYNC_GENERATOR,
            (CompKind::Generator, false) => CodeFlags::GENERATOR,
            (_, true) => CodeFlags::COROUTINE,
            (_, false) => 0,
        };
        if self.table.block(block).is_method {
            self.unit.flags |= CodeFlags::METHOD;
        }
        body.container = self.unit.next_temp;
        if body.kind != CompKind::Generator {
            self.unit.alloc(1);
            self.new_container(body.kind, body.container);
        }
        // The iterator is the parameter; loops keep theirs in a temp.
        let iterator = self.unit.alloc(1);
        self.unit.op2(Op::Move, Val::temp(iterator), Val::keep(0));
        self.unit.op1(Op::DeleteLocal, Val::keep(0));
        self.clauses(&body, 0, iterator)?;
        self.unit.span = value.span;
        if body.kind == CompKind::Generator {
            self.return_none();
        } else {
            self.unit.op1(Op::Return, Val::temp(body.container));
        }
        let code = self.leave_unit()?;
        self.unit.span = value.span;
        let function = self.make_closure(block, code, Want::Temp);
        let iterator = self.clause_iterator(outermost)?;
        debug_assert_eq!(iterator, function.reg + 1);
        self.unit.span = value.span;
        self.unit.release(base);
        if is_async {
            let call = Val::temp(self.unit.alloc(1));
            self.unit.emit(Op::Call, Arg::R(function), Arg::N(1), Arg::R(call));
            return Ok(self.await_value(call, 0, base, want));
        }
        let dst = self.unit.dest(want);
        self.unit.emit(Op::Call, Arg::R(function), Arg::N(1), Arg::R(dst));
        Ok(dst)
    }
}
