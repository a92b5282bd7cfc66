//! The second pass: from what each block does with its names to where each name lives.

use super::{Block, BlockId, BlockKind, CompKind, NameId, Names, Scope, SymbolTable, TOP, flag};
use crate::compiler::error::{Res, error};
use std::collections::HashSet;

type Set = HashSet<NameId>;

/// What a block's analysis tells its parent.
#[derive(Default)]
struct Outcome {
    /// Names it needs from around it.
    free: Set,
    /// Those of them that a real function inside it captures, so that they must be cells.
    captured: Set,
}

/// What a block sees around it.
#[derive(Clone, Default)]
struct Around {
    /// Names bound by enclosing functions; `None` at the module's level.
    bound: Option<Set>,
    global: Set,
    type_params: Set,
    class: Option<BlockId>,
}

/// The names that a class body itself keeps in cells.
struct Special {
    class: NameId,
    classdict: NameId,
    conditional: NameId,
}

struct Analyzer<'t> {
    table: &'t mut SymbolTable,
    names: &'t Names,
    special: Special,
}

/// Decides the scope of every symbol.
pub(super) fn analyze(table: &mut SymbolTable, names: &mut Names) -> Res {
    let special = Special {
        class: names.id("__class__"),
        classdict: names.id("__classdict__"),
        conditional: names.id("__conditional_annotations__"),
    };
    Analyzer { table, names, special }.block(TOP, Around::default()).map(|_| ())
}

impl Analyzer<'_> {
    // The recursion is as deep as blocks nest; the first pass has bounded that.
    fn block(&mut self, id: BlockId, mut around: Around) -> Res<Outcome> {
        let mut local = Set::new();
        let mut outcome = Outcome::default();
        let is_class = self.table.block(id).kind == BlockKind::Class;
        // Names that the class binds are invisible inside it: children see what was around before.
        let before = is_class.then(|| around.clone());
        for i in 0..self.table.block(id).symbols.len() {
            let scope = self.scope_of(id, i, &mut around, &mut local)?;
            let symbol = &mut self.table.block_mut(id).symbols[i];
            symbol.scope = scope;
            if scope == Scope::Free {
                outcome.free.insert(symbol.name);
            }
        }
        let mut inner = before.unwrap_or_else(|| around.clone());
        inner.type_params = around.type_params.clone();
        let function_like = self.table.block(id).is_function_like();
        inner.bound.get_or_insert_default();
        if function_like {
            inner.bound.get_or_insert_default().extend(local.iter().copied());
        } else if is_class {
            let bound = inner.bound.get_or_insert_default();
            bound.extend([self.special.class, self.special.classdict, self.special.conditional]);
        }
        self.children(id, &inner, around.class, &mut outcome)?;
        if function_like {
            self.make_cells(id, &mut outcome, &local);
        } else if is_class {
            self.drop_class_names(id, &mut outcome);
        }
        self.add_free(id, &around, &outcome);
        if !self.table.block(id).inlined {
            outcome.captured = outcome.free.clone();
        }
        Ok(outcome)
    }

    fn children(&mut self, id: BlockId, inner: &Around, class: Option<BlockId>, outcome: &mut Outcome) -> Res {
        let is_class = self.table.block(id).kind == BlockKind::Class;
        for i in 0..self.table.block(id).children.len() {
            let child = self.table.block(id).children[i];
            let child_block = self.table.block_mut(child);
            let sees_class = child_block.can_see_class_scope;
            child_block.inlined = !matches!(child_block.comp, CompKind::None | CompKind::Generator) && !sees_class;
            let mut around = inner.clone();
            around.class = if !sees_class {
                None
            } else if is_class {
                Some(id)
            } else {
                class
            };
            let below = self.block(child, around)?;
            outcome.free.extend(below.free);
            outcome.captured.extend(below.captured);
        }
        Ok(())
    }

    fn scope_of(&self, id: BlockId, i: usize, around: &mut Around, local: &mut Set) -> Res<Scope> {
        let block = self.table.block(id);
        let symbol = &block.symbols[i];
        let name = symbol.name;
        let text = || self.names.text(name);
        if symbol.flags & flag::GLOBAL != 0 {
            if symbol.flags & flag::NONLOCAL != 0 {
                return error(format!("name '{}' is nonlocal and global", text()), symbol.declared);
            }
            around.global.insert(name);
            if let Some(bound) = &mut around.bound {
                bound.remove(&name);
            }
            return Ok(Scope::GlobalExplicit);
        }
        if symbol.flags & flag::NONLOCAL != 0 {
            let Some(bound) = &around.bound else {
                return error("nonlocal declaration not allowed at module level", symbol.declared);
            };
            if !bound.contains(&name) {
                return error(format!("no binding for nonlocal '{}' found", text()), symbol.declared);
            }
            if around.type_params.contains(&name) {
                return error(format!("nonlocal binding not allowed for type parameter '{}'", text()), symbol.declared);
            }
            return Ok(Scope::Free);
        }
        if symbol.flags & flag::BOUND != 0 {
            local.insert(name);
            around.global.remove(&name);
            if symbol.flags & flag::TYPE_PARAM != 0 {
                around.type_params.insert(name);
            } else {
                around.type_params.remove(&name);
            }
            return Ok(Scope::Local);
        }
        if let Some(found) = around.class.and_then(|class| self.table.block(class).lookup(name)) {
            if found.flags & flag::GLOBAL != 0 {
                return Ok(Scope::GlobalExplicit);
            }
            if found.flags & flag::BOUND != 0 && found.flags & flag::NONLOCAL == 0 {
                return Ok(Scope::GlobalImplicit);
            }
        }
        let is_bound = around.bound.as_ref().is_some_and(|bound| bound.contains(&name));
        Ok(if is_bound { Scope::Free } else { Scope::GlobalImplicit })
    }

    /// Locals that functions inside capture become cells; nothing outside needs to know of them.
    fn make_cells(&mut self, id: BlockId, outcome: &mut Outcome, local: &Set) {
        for symbol in &mut self.table.block_mut(id).symbols {
            if symbol.scope == Scope::Local && outcome.captured.contains(&symbol.name) {
                symbol.scope = Scope::Cell;
            }
        }
        outcome.free.retain(|name| !local.contains(name));
        outcome.captured.retain(|name| !local.contains(name));
    }

    /// The class body itself provides `__class__` and its relatives.
    fn drop_class_names(&mut self, id: BlockId, outcome: &mut Outcome) {
        let block = self.table.block_mut(id);
        let mut take = |name: NameId| {
            outcome.captured.remove(&name);
            outcome.free.remove(&name)
        };
        block.needs_class_closure |= take(self.special.class);
        block.needs_classdict |= take(self.special.classdict);
        block.conditional_annotations |= take(self.special.conditional);
    }

    /// Names that blocks inside need and this block does not own pass through it.
    fn add_free(&mut self, id: BlockId, around: &Around, outcome: &Outcome) {
        let block: &mut Block = self.table.block_mut(id);
        let passes = block.kind == BlockKind::Class || block.can_see_class_scope;
        let mut free: Vec<NameId> = outcome.free.iter().copied().collect();
        free.sort_unstable();
        for name in free {
            match block.lookup(name) {
                Some(symbol) => {
                    if passes && symbol.flags & (flag::BOUND | flag::GLOBAL) != 0 && symbol.scope != Scope::Free {
                        block.entry(name).flags |= flag::FREE_CLASS;
                    } else if !passes && symbol.scope == Scope::GlobalImplicit {
                        block.entry(name).scope = Scope::Free;
                    }
                }
                None if around.bound.as_ref().is_some_and(|bound| bound.contains(&name)) => {
                    block.entry(name).scope = Scope::Free;
                }
                None => {}
            }
        }
    }
}
