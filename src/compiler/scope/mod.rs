//! Symbol tables: which block binds which name, and how each block reaches it.
//!
//! `build` walks the tree once and notes what each block does with each name, `analyze` then decides between local,
//! cell, free and global. Invariant: blocks are found by the address of the node they belong to, so nodes must stay
//! where the arena put them (never copy a node before looking its block up).

mod analyze;
mod build;
mod build_expr;
mod names;

pub(super) use build::annotations_of;
pub use names::{NameId, Names};

use super::error::{Res, SyntaxError};
use apy_grammar::ast::{Mod, Span};
use std::collections::{HashMap, HashSet};

/// What a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockKind {
    /// A module, or exec and eval code.
    Module,
    /// A class body.
    Class,
    /// A function, lambda or comprehension.
    Function,
    /// An `__annotate__` function.
    Annotation,
    /// The value of a `type` statement.
    TypeAlias,
    /// The hidden function around a generic function, class or alias.
    TypeParams,
    /// The bound or default of a type parameter.
    TypeVariable,
}

/// Which comprehension a function block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompKind {
    /// None.
    None,
    /// `[… for …]`.
    List,
    /// `{… for …}`.
    Set,
    /// `{…: … for …}`.
    Dict,
    /// `(… for …)`.
    Generator,
}

/// How a block reaches a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// In a register, or in the namespace of a class or module.
    Local,
    /// In a cell of its own.
    Cell,
    /// In a cell of an enclosing block.
    Free,
    /// Declared `global`.
    GlobalExplicit,
    /// Not bound here or around.
    GlobalImplicit,
}

/// What a block does with a name: bits of [`Symbol::flags`].
pub mod flag {
    /// `global`.
    pub const GLOBAL: u16 = 1;
    /// Bound.
    pub const LOCAL: u16 = 2;
    /// A parameter.
    pub const PARAM: u16 = 4;
    /// `nonlocal`.
    pub const NONLOCAL: u16 = 8;
    /// Used.
    pub const USE: u16 = 0x10;
    /// Imported.
    pub const IMPORT: u16 = 0x20;
    /// Annotated.
    pub const ANNOT: u16 = 0x40;
    /// Target of a comprehension's `for`.
    pub const COMP_ITER: u16 = 0x80;
    /// A type parameter.
    pub const TYPE_PARAM: u16 = 0x100;
    /// Free in a block inside this class, and bound by the class too.
    pub const FREE_CLASS: u16 = 0x200;
    /// Any way of binding.
    pub const BOUND: u16 = LOCAL | PARAM | IMPORT | TYPE_PARAM;
}

/// What is known of a name in a block.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// Its name.
    pub name: NameId,
    /// What is done with it.
    pub flags: u16,
    /// How it is reached.
    pub scope: Scope,
    /// Where `global` or `nonlocal` declared it.
    pub declared: Span,
}

/// A block.
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Which comprehension it is.
    pub comp: CompKind,
    /// Blocks inside it.
    pub children: Vec<BlockId>,
    /// Its names in order of appearance.
    pub symbols: Vec<Symbol>,
    index: HashMap<NameId, usize>,
    /// Its parameters in the order of their registers.
    pub params: Vec<NameId>,
    /// Names that `del` or the end of an `except … as` may unbind.
    pub deleted: HashSet<NameId>,
    /// Targets of `:=`.
    pub walrus: HashSet<NameId>,
    /// Whether it is inside a function.
    pub nested: bool,
    /// Whether it contains `yield`.
    pub generator: bool,
    /// Whether it is async or awaits.
    pub coroutine: bool,
    /// Whether it is written `async def`.
    pub is_async: bool,
    /// Whether it has a `*` parameter.
    pub varargs: bool,
    /// Whether it has a `**` parameter.
    pub varkeywords: bool,
    /// A class that has a `__class__` cell.
    pub needs_class_closure: bool,
    /// A class that has a `__classdict__` cell.
    pub needs_classdict: bool,
    /// A comprehension that is lowered inside its enclosing block.
    pub inlined: bool,
    /// An annotation or type parameter scope directly in a class.
    pub can_see_class_scope: bool,
    /// A module or class with annotations that may not be reached.
    pub conditional_annotations: bool,
    /// A function defined directly in a class.
    pub is_method: bool,
    /// The block of the annotations of a module or class.
    pub annotation_block: Option<BlockId>,
    /// Whether annotations stand in it.
    pub annotations_used: bool,
    pub(super) in_conditional: bool,
    pub(super) comp_iter_target: bool,
    pub(super) comp_iter_expr: u32,
    pub(super) unevaluated: bool,
    /// What a type variable block is called in errors.
    pub(super) scope_info: &'static str,
}

/// A block's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct BlockId(pub u32);

/// Which block of a node is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tag {
    /// The body of a function or class, a lambda, a comprehension, the value of a type alias.
    Body,
    /// The type parameters around it.
    TypeParams,
    /// Annotations.
    Annotations,
    /// The bound of a type parameter.
    Bound,
    /// The default of a type parameter.
    Default,
}

/// The key of a node: its address. The arena does not move nodes.
pub fn key<T>(node: &T, tag: Tag) -> (usize, Tag) {
    (std::ptr::from_ref(node).addr(), tag)
}

/// All blocks of a module.
pub struct SymbolTable {
    blocks: Vec<Block>,
    by_node: HashMap<(usize, Tag), BlockId>,
}

/// The module's block.
pub const TOP: BlockId = BlockId(0);

impl SymbolTable {
    /// The block of a node.
    pub fn of<T>(&self, node: &T, tag: Tag) -> Option<BlockId> {
        self.by_node.get(&key(node, tag)).copied()
    }

    /// A block by number.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    fn block_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.blocks[id.0 as usize]
    }
}

impl Block {
    fn new(kind: BlockKind) -> Self {
        Block {
            kind,
            comp: CompKind::None,
            children: Vec::new(),
            symbols: Vec::new(),
            index: HashMap::new(),
            params: Vec::new(),
            deleted: HashSet::new(),
            walrus: HashSet::new(),
            nested: false,
            generator: false,
            coroutine: false,
            is_async: false,
            varargs: false,
            varkeywords: false,
            needs_class_closure: false,
            needs_classdict: false,
            inlined: false,
            can_see_class_scope: false,
            conditional_annotations: false,
            is_method: false,
            annotation_block: None,
            annotations_used: false,
            in_conditional: false,
            comp_iter_target: false,
            comp_iter_expr: 0,
            unevaluated: false,
            scope_info: "",
        }
    }

    /// Whether its locals are in registers.
    pub fn is_function_like(&self) -> bool {
        !matches!(self.kind, BlockKind::Module | BlockKind::Class)
    }

    /// What is known of a name.
    pub fn lookup(&self, name: NameId) -> Option<&Symbol> {
        self.index.get(&name).and_then(|i| self.symbols.get(*i))
    }

    fn entry(&mut self, name: NameId) -> &mut Symbol {
        let next = self.symbols.len();
        let index = *self.index.entry(name).or_insert(next);
        if index == next {
            self.symbols.push(Symbol { name, flags: 0, scope: Scope::GlobalImplicit, declared: Span::default() });
        }
        &mut self.symbols[index]
    }
}

/// What the symbol table must know of the compilation.
pub struct ScopeOptions {
    /// `from __future__ import annotations` holds.
    pub future_annotations: bool,
    /// `await` may stand at the top level.
    pub top_level_await: bool,
}

/// Makes the symbol table of a tree.
pub fn analyze(module: &Mod<'_>, names: &mut Names, options: &ScopeOptions) -> Result<SymbolTable, Box<SyntaxError>> {
    let mut table = build::build(module, names, options)?;
    let result: Res = analyze::analyze(&mut table, names);
    result.map(|()| table)
}
