//! Imports.

use super::Lowerer;
use super::consts::text;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::Const;
use crate::compiler::error::Res;
use crate::compiler::opcodes::Op;
use apy_grammar::ast::*;

impl<'a> Lowerer<'a> {
    /// `__import__` of a dotted name, into the next temp.
    fn import_module(&mut self, name: &str, level: u32, fromlist: Const) -> Val {
        let base = self.unit.next_temp;
        self.constant(Const::Int(i64::from(level)), Want::Temp);
        self.constant(fromlist, Want::Temp);
        self.unit.release(base);
        let dst = Val::temp(self.unit.alloc(1));
        self.unit.max_temp = self.unit.max_temp.max(base + 2);
        let name = self.names.id(name);
        let index = self.unit.name_index(name);
        self.unit.emit(Op::ImportName, Arg::R(dst), Arg::R(Val::temp(base)), Arg::N(index));
        dst
    }

    pub(super) fn import(&mut self, names: &'a [Alias<'a>]) -> Res {
        for alias in names {
            let base = self.unit.next_temp;
            let module = self.import_module(alias.name.id, 0, Const::None);
            let mut parts = alias.name.id.split('.');
            let first = parts.next().unwrap_or_default();
            match alias.asname {
                Some(asname) => {
                    for part in parts {
                        let part = self.names.id(part);
                        let index = self.unit.name_index(part);
                        let inner = Val::temp(self.unit.alloc(1));
                        self.unit.op2_n(Op::ImportFrom, inner, Val::keep(module.reg), index);
                        self.unit.op2(Op::Move, Val::keep(module.reg), inner);
                        self.unit.release(module.reg + 1);
                    }
                    let name = self.mangled(asname.id);
                    self.store(name, module);
                }
                None => {
                    let name = self.mangled(first);
                    self.store(name, module);
                }
            }
            self.unit.release(base);
        }
        Ok(())
    }

    pub(super) fn import_from(&mut self, module: Option<Ident<'a>>, names: &'a [Alias<'a>], level: u32) -> Res {
        let is_future = level == 0 && module.is_some_and(|m| m.id == "__future__");
        if is_future && self.last_future.is_none_or(|last| self.unit.span.start > last) {
            return crate::compiler::future::late(self.unit.span);
        }
        let base = self.unit.next_temp;
        let list: Vec<Const> = names.iter().map(|alias| text(alias.name.id)).collect();
        let from = self.import_module(module.map_or("", |m| m.id), level, Const::Tuple(list.into()));
        if let [Alias { name: Ident { id: "*", .. }, .. }] = names {
            self.unit.op1(Op::ImportStar, from);
            self.unit.release(base);
            return Ok(());
        }
        for alias in names {
            let name = self.names.id(alias.name.id);
            let index = self.unit.name_index(name);
            let value = Val::temp(self.unit.alloc(1));
            self.unit.op2_n(Op::ImportFrom, value, Val::keep(from.reg), index);
            let stored = self.mangled(alias.asname.unwrap_or(alias.name).id);
            self.store(stored, value);
            self.unit.release(from.reg + 1);
        }
        self.unit.drop_temp(from.reg);
        self.unit.release(base);
        Ok(())
    }
}
