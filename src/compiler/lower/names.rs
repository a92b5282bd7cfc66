//! Loading, storing and deleting names.

use super::Lowerer;
use super::emit::{Arg, Val, Want};
use crate::compiler::code::{CacheKind, Const};
use crate::compiler::error::Res;
use crate::compiler::opcodes::Op;
use crate::compiler::scope::{BlockKind, NameId, Scope, flag};
use apy_grammar::ast::Span;

/// Where a name is found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a register.
    Fast(u32),
    /// In a cell in a register.
    Cell(u32),
    /// In a cell of the closure.
    Free(u32),
    /// In the class namespace, else in a cell of the closure.
    ClassFree(u32),
    /// In the namespace of the class around an annotation scope, else in a cell in a register.
    ClassCell(u32),
    /// In the globals.
    Global,
    /// In the globals, seen through the namespace of the class around an annotation scope.
    ClassGlobal,
    /// In the frame's namespace.
    Name,
}

impl Lowerer<'_> {
    /// Where the name is. Inlined comprehensions are looked into first.
    pub(super) fn place(&self, name: NameId) -> Place {
        let block = self.table.block(self.unit.block);
        let mut through_comp = false;
        for comp in self.unit.comps.iter().rev() {
            if let Some(hidden) = comp.variables.get(&name) {
                return if hidden.cell { Place::Cell(hidden.reg) } else { Place::Fast(hidden.reg) };
            }
            through_comp = true;
            match self.table.block(comp.block).lookup(name).map(|symbol| symbol.scope) {
                Some(Scope::GlobalExplicit) => return Place::Global,
                Some(Scope::GlobalImplicit) => {
                    return if block.kind == BlockKind::Module { Place::Name } else { Place::Global };
                }
                _ => {}
            }
        }
        let symbol = block.lookup(name);
        let mut register = self.unit.registers.get(&name).copied();
        // The cells that a class body keeps for its functions are not variables of the body.
        if block.kind == BlockKind::Class && symbol.is_some_and(|s| s.scope != Scope::Cell) {
            register = None;
        }
        let free = self.unit.free_index.get(&name).copied();
        match (symbol.map(|s| s.scope), register, free) {
            (Some(Scope::Local), Some(register), _) => Place::Fast(register),
            (_, Some(register), _) if block.can_see_class_scope => Place::ClassCell(register),
            (_, Some(register), _) => Place::Cell(register),
            (Some(Scope::Free), _, Some(free)) => {
                let is_class = block.kind == BlockKind::Class && !through_comp;
                if is_class || block.can_see_class_scope { Place::ClassFree(free) } else { Place::Free(free) }
            }
            (_, _, Some(free)) if through_comp => Place::Free(free),
            (Some(Scope::GlobalExplicit), _, _) => Place::Global,
            _ if !block.is_function_like() => Place::Name,
            _ if block.can_see_class_scope => Place::ClassGlobal,
            _ => Place::Global,
        }
    }

    /// The value of a name.
    pub(super) fn load(&mut self, name: NameId, want: Want) -> Val {
        match self.place(name) {
            Place::Fast(reg) => {
                self.check_bound(reg);
                let value = Val::keep(reg);
                // A later `:=` in the same expression may change the local before it is read.
                if matches!(want, Want::Any) && self.table.block(self.unit.block).walrus.contains(&name) {
                    return self.unit.settle(value, Want::Temp);
                }
                self.unit.settle(value, want)
            }
            Place::Cell(reg) => {
                let dst = self.unit.dest(want);
                self.unit.op2(Op::LoadDeref, dst, Val::keep(reg));
                dst
            }
            Place::Free(index) => {
                let dst = self.unit.dest(want);
                self.unit.op_n(Op::LoadFree, dst, index);
                dst
            }
            Place::ClassFree(index) => {
                let base = self.unit.next_temp;
                let dict = self.load_class_dict();
                self.unit.release(base);
                let dst = self.unit.dest(want);
                self.unit.op2_n(Op::LoadFromDictOrDeref, dst, dict, index);
                dst
            }
            Place::ClassCell(reg) => {
                let base = self.unit.next_temp;
                let dict = self.load_class_dict();
                self.unit.release(base);
                let dst = self.unit.dest(want);
                self.unit.op3(Op::LoadFromDictOrCell, dst, dict, Val::keep(reg));
                dst
            }
            Place::ClassGlobal => {
                let base = self.unit.next_temp;
                let dict = self.load_class_dict();
                self.unit.release(base);
                let dst = self.unit.dest(want);
                let index = self.unit.name_index(name);
                self.unit.op2_n(Op::LoadFromDictOrGlobals, dst, dict, index);
                dst
            }
            Place::Global => self.load_cached(Op::LoadGlobal, CacheKind::LoadGlobal, name, want),
            Place::Name => self.load_cached(Op::LoadName, CacheKind::LoadName, name, want),
        }
    }

    fn load_cached(&mut self, op: Op, kind: CacheKind, name: NameId, want: Want) -> Val {
        let dst = self.unit.dest(want);
        if self.unit.reachable {
            let cache = self.unit.cache(kind, name);
            self.unit.op_n(op, dst, cache);
        }
        dst
    }

    /// The namespace of the class, in a temp.
    fn load_class_dict(&mut self) -> Val {
        if self.table.block(self.unit.block).kind == BlockKind::Class {
            let dst = Val::temp(self.unit.alloc(1));
            self.unit.op1(Op::LoadLocals, dst);
            return dst;
        }
        let name = self.names.id("__classdict__");
        let dst = Val::temp(self.unit.alloc(1));
        if let Some(index) = self.unit.free_index.get(&name) {
            self.unit.op_n(Op::LoadFree, dst, *index);
        }
        dst
    }

    fn check_bound(&mut self, reg: u32) {
        if !self.unit.bound.has(reg) {
            self.unit.op1(Op::CheckLocal, Val::keep(reg));
            self.unit.bound.set(reg);
        }
    }

    /// Stores a value under a name. A temp is consumed but not given back.
    pub(super) fn store(&mut self, name: NameId, value: Val) {
        match self.place(name) {
            Place::Fast(reg) => {
                if reg != value.reg {
                    self.unit.op2(Op::Move, Val::keep(reg), value);
                }
                self.unit.bound.set(reg);
            }
            Place::Cell(reg) | Place::ClassCell(reg) => self.unit.op2(Op::StoreDeref, value, Val::keep(reg)),
            Place::Free(index) | Place::ClassFree(index) => self.unit.op_n(Op::StoreFree, value, index),
            Place::Global | Place::ClassGlobal => {
                self.store_cached(Op::StoreGlobal, CacheKind::StoreGlobal, name, value)
            }
            Place::Name => self.store_cached(Op::StoreName, CacheKind::StoreName, name, value),
        }
    }

    fn store_cached(&mut self, op: Op, kind: CacheKind, name: NameId, value: Val) {
        if self.unit.reachable {
            let cache = self.unit.cache(kind, name);
            self.unit.op_n(op, value, cache);
        }
    }

    /// Stores a constant under a name.
    pub(super) fn store_constant(&mut self, name: NameId, value: Const) -> Res {
        let base = self.unit.next_temp;
        if let Place::Fast(reg) = self.place(name) {
            self.constant(value, Want::To(Val::keep(reg)));
            self.unit.bound.set(reg);
        } else {
            let value = self.constant(value, Want::Temp);
            self.store(name, value);
        }
        self.unit.release(base);
        Ok(())
    }

    /// The register of a name whose value can be written there directly.
    pub(super) fn fast_register(&self, name: NameId) -> Option<u32> {
        match self.place(name) {
            Place::Fast(reg) => Some(reg),
            _ => None,
        }
    }

    /// `del name`.
    pub(super) fn delete(&mut self, name: NameId) {
        match self.place(name) {
            Place::Fast(reg) => {
                self.check_bound(reg);
                self.unit.op1(Op::DeleteLocal, Val::keep(reg));
                self.unit.bound.clear(reg);
            }
            Place::Cell(reg) | Place::ClassCell(reg) => {
                self.unit.emit(Op::DeleteDeref, Arg::X, Arg::R(Val::keep(reg)), Arg::X)
            }
            Place::Free(index) | Place::ClassFree(index) => {
                self.unit.emit(Op::DeleteFree, Arg::X, Arg::N(index), Arg::X);
            }
            Place::Global | Place::ClassGlobal => self.delete_cached(Op::DeleteGlobal, CacheKind::StoreGlobal, name),
            Place::Name => self.delete_cached(Op::DeleteName, CacheKind::StoreName, name),
        }
    }

    fn delete_cached(&mut self, op: Op, kind: CacheKind, name: NameId) {
        if self.unit.reachable {
            let cache = self.unit.cache(kind, name);
            self.unit.emit(op, Arg::X, Arg::N(cache), Arg::X);
        }
    }

    /// The end of `except … as name`: whatever the name is bound to, it is unbound afterwards.
    pub(super) fn unbind(&mut self, name: NameId, span: Span) -> Res {
        let before = std::mem::replace(&mut self.unit.span, span);
        if let Place::Fast(reg) = self.place(name) {
            self.unit.op1(Op::DeleteLocal, Val::keep(reg));
            self.unit.bound.clear(reg);
        } else {
            self.store_constant(name, Const::None)?;
            self.delete(name);
        }
        self.unit.span = before;
        Ok(())
    }

    /// The cell of a variable that a block inside captures, into the next temp.
    pub(super) fn load_cell(&mut self, name: NameId) {
        let dst = Val::temp(self.unit.alloc(1));
        for comp in self.unit.comps.iter().rev() {
            if let Some(hidden) = comp.variables.get(&name)
                && hidden.cell
            {
                let reg = hidden.reg;
                self.unit.op2(Op::Move, dst, Val::keep(reg));
                return;
            }
        }
        // A class may bind a name of its own and pass the variable of that name through: the closure has it.
        let block = self.table.block(self.unit.block);
        let passes = block.lookup(name).is_some_and(|s| s.flags & flag::FREE_CLASS != 0);
        match (self.unit.registers.get(&name).copied(), self.unit.free_index.get(&name).copied()) {
            (Some(reg), None) => self.unit.op2(Op::Move, dst, Val::keep(reg)),
            (Some(reg), Some(_)) if !passes => self.unit.op2(Op::Move, dst, Val::keep(reg)),
            (_, Some(index)) => self.unit.op_n(Op::LoadFreeCell, dst, index),
            (None, None) => {}
        }
    }
}
