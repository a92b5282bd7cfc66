//! The instructions of the backtracking matcher, and how a tree becomes them.
//!
//! Repetitions of one character have an instruction of their own; those whose body always
//! consumes something need no counter unless they are bounded. Jump targets are indices into
//! the list, and every list ends in `Match`.

use super::ast::{At, Greed, Mode, Node, Set, UNBOUNDED, Width};
use super::charset::{CharSet, literal_set};
use crate::text::gutf8;

/// What one character must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum One {
    Char(u32),
    Set(usize),
    Any,
    NotNewline,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Inst {
    One(One),
    /// A repetition of one character.
    Run {
        one: One,
        min: u32,
        max: u32,
        greed: Greed,
    },
    Jump(usize),
    /// Goes on at `first`; if that fails, at `second`.
    Split {
        first: usize,
        second: usize,
    },
    Save(usize),
    At(At),
    /// Enters a counted repetition.
    RepeatStart(usize),
    /// Decides, before the body, whether to run it once more.
    RepeatNext {
        counter: usize,
        min: u32,
        max: u32,
        lazy: bool,
        exit: usize,
    },
    LookStart {
        id: usize,
        behind: Option<u32>,
        negate: bool,
        after: usize,
    },
    LookEnd {
        id: usize,
        negate: bool,
    },
    AtomicStart(usize),
    AtomicEnd(usize),
    Backreference(u32, Mode),
    IfGroup {
        group: u32,
        no: usize,
    },
    Fail,
    Match,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub code: Vec<Inst>,
    pub sets: Vec<CharSet>,
    pub groups: usize,
    pub counters: usize,
    /// How many looks and atomic groups there are.
    pub barriers: usize,
    /// What every match starts with.
    pub prefix: Vec<u8>,
    /// The bytes with which a match can start; `None` if it can be empty.
    pub first: Option<Box<[bool; 256]>>,
    /// Matches start at the start of the text alone.
    pub anchored: bool,
}

struct Compiler {
    program: Program,
    is_bytes: bool,
    widths: Vec<Option<Width>>,
}

/// Compiles a tree with so many groups.
pub(super) fn compile(root: &Node, groups: u32, is_bytes: bool) -> Program {
    let program = Program {
        code: Vec::new(),
        sets: Vec::new(),
        groups: groups as usize,
        counters: 0,
        barriers: 0,
        prefix: Vec::new(),
        first: None,
        anchored: false,
    };
    let mut compiler = Compiler { program, is_bytes, widths: vec![None; groups as usize + 1] };
    compiler.node(root);
    compiler.emit(Inst::Match);
    compiler.find_start();
    compiler.program
}

impl Compiler {
    fn emit(&mut self, inst: Inst) -> usize {
        self.program.code.push(inst);
        self.program.code.len() - 1
    }

    fn here(&self) -> usize {
        self.program.code.len()
    }

    fn patch(&mut self, at: usize, inst: Inst) {
        if let Some(slot) = self.program.code.get_mut(at) {
            *slot = inst;
        }
    }

    fn set(&mut self, set: &Set) -> One {
        self.program.sets.push(CharSet::new(set.clone()));
        One::Set(self.program.sets.len() - 1)
    }

    /// The node as a test of one character, if it is one.
    fn one(&mut self, node: &Node) -> Option<One> {
        Some(match node {
            Node::Literal(c, mode) => match literal_set(*c, *mode) {
                Some(set) => self.set(&set),
                None => One::Char(*c),
            },
            Node::Any(true) => One::Any,
            Node::Any(false) => One::NotNewline,
            Node::Set(set) => self.set(set),
            // A group in parentheses that do not capture.
            Node::Sequence(items) => match items.as_slice() {
                [only] => return self.one(only),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Literal(..) | Node::Any(_) | Node::Set(_) => {
                if let Some(one) = self.one(node) {
                    self.emit(Inst::One(one));
                }
            }
            Node::Sequence(items) => items.iter().for_each(|item| self.node(item)),
            Node::Alternatives(items) => self.alternatives(items),
            Node::Repeat { node, min, max, greed } => self.repeat(node, *min, *max, *greed),
            Node::Group(index, node) => {
                let slot = *index as usize * 2;
                self.emit(Inst::Save(slot));
                self.node(node);
                self.emit(Inst::Save(slot + 1));
                let width = node.width(&self.widths);
                if let Some(known) = self.widths.get_mut(*index as usize) {
                    *known = Some(width);
                }
            }
            Node::Look { node, behind, negate } => {
                let id = self.barrier();
                let start = self.emit(Inst::Fail);
                self.node(node);
                self.emit(Inst::LookEnd { id, negate: *negate });
                let after = self.here();
                self.patch(start, Inst::LookStart { id, behind: *behind, negate: *negate, after });
            }
            Node::Atomic(node) => self.atomic(|compiler| compiler.node(node)),
            Node::Backreference(group, mode) => {
                self.emit(Inst::Backreference(*group, *mode));
            }
            Node::Conditional { group, yes, no } => {
                let test = self.emit(Inst::Fail);
                self.node(yes);
                let skip = self.emit(Inst::Fail);
                let no_start = self.here();
                self.node(no);
                let end = self.here();
                self.patch(test, Inst::IfGroup { group: *group, no: no_start });
                self.patch(skip, Inst::Jump(end));
            }
            Node::At(at) => {
                self.emit(Inst::At(*at));
            }
            Node::Fail => {
                self.emit(Inst::Fail);
            }
        }
    }

    fn barrier(&mut self) -> usize {
        self.program.barriers += 1;
        self.program.barriers - 1
    }

    fn atomic(&mut self, body: impl FnOnce(&mut Self)) {
        let id = self.barrier();
        self.emit(Inst::AtomicStart(id));
        body(self);
        self.emit(Inst::AtomicEnd(id));
    }

    fn alternatives(&mut self, items: &[Node]) {
        let mut exits = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index + 1 == items.len() {
                self.node(item);
                break;
            }
            let split = self.emit(Inst::Fail);
            self.node(item);
            exits.push(self.emit(Inst::Fail));
            let second = self.here();
            self.patch(split, Inst::Split { first: split + 1, second });
        }
        let end = self.here();
        for exit in exits {
            self.patch(exit, Inst::Jump(end));
        }
    }

    fn repeat(&mut self, node: &Node, min: u32, max: u32, greed: Greed) {
        if max == 0 {
            return;
        }
        if let Some(one) = self.one(node) {
            if (min, max) == (1, 1) {
                self.emit(Inst::One(one));
            } else {
                self.emit(Inst::Run { one, min, max, greed });
            }
            return;
        }
        if greed == Greed::Possessive {
            return self.atomic(|compiler| compiler.repeat(node, min, max, Greed::Greedy));
        }
        let lazy = greed == Greed::Lazy;
        let consumes = node.width(&self.widths).0 > 0;
        match (min, max) {
            (1, 1) => self.node(node),
            (0, 1) => {
                let split = self.emit(Inst::Fail);
                self.node(node);
                let end = self.here();
                self.patch(split, choice(split + 1, end, lazy));
            }
            (0, UNBOUNDED) if consumes => {
                let split = self.emit(Inst::Fail);
                self.node(node);
                self.emit(Inst::Jump(split));
                let end = self.here();
                self.patch(split, choice(split + 1, end, lazy));
            }
            (1, UNBOUNDED) if consumes => {
                let start = self.here();
                self.node(node);
                let end = self.here() + 1;
                self.emit(choice(start, end, lazy));
            }
            _ => {
                let counter = self.program.counters;
                self.program.counters += 1;
                self.emit(Inst::RepeatStart(counter));
                let next = self.emit(Inst::Fail);
                self.node(node);
                self.emit(Inst::Jump(next));
                let exit = self.here();
                self.patch(next, Inst::RepeatNext { counter, min, max, lazy, exit });
            }
        }
    }

    /// Finds out with what a match starts.
    fn find_start(&mut self) {
        let mut pc = 0;
        loop {
            match self.program.code.get(pc) {
                Some(Inst::Save(_)) => pc += 1,
                Some(Inst::At(At::Start)) => {
                    self.program.anchored = true;
                    return;
                }
                Some(Inst::One(One::Char(c))) => {
                    self.push_prefix(*c);
                    pc += 1;
                }
                _ => break,
            }
        }
        if self.program.prefix.is_empty() {
            let mut first = Box::new([false; 256]);
            let mut seen = vec![false; self.program.code.len()];
            if self.add_first(0, &mut first, &mut seen) {
                self.program.first = Some(first);
            }
        }
    }

    fn push_prefix(&mut self, c: u32) {
        if self.is_bytes {
            self.program.prefix.push(c as u8);
        } else {
            gutf8::push(&mut self.program.prefix, c);
        }
    }

    /// Adds the bytes that can come next at `start`; false if nothing need come.
    fn add_first(&self, start: usize, first: &mut [bool; 256], seen: &mut [bool]) -> bool {
        let mut pending = vec![start];
        while let Some(pc) = pending.pop() {
            match seen.get_mut(pc) {
                Some(flag) if !*flag => *flag = true,
                _ => continue,
            }
            let Some(inst) = self.program.code.get(pc) else { return false };
            match *inst {
                Inst::One(one) => self.add_one(one, first),
                Inst::Run { one, min, .. } => {
                    self.add_one(one, first);
                    if min == 0 {
                        pending.push(pc + 1);
                    }
                }
                Inst::Jump(to) => pending.push(to),
                Inst::Split { first, second } => pending.extend([first, second]),
                Inst::Save(_) | Inst::RepeatStart(_) | Inst::At(_) | Inst::AtomicStart(_) | Inst::AtomicEnd(_) => {
                    pending.push(pc + 1);
                }
                // Even where rounds are required: they may be empty.
                Inst::RepeatNext { exit, .. } => pending.extend([pc + 1, exit]),
                Inst::Fail => {}
                _ => return false,
            }
        }
        true
    }

    fn add_one(&self, one: One, first: &mut [bool; 256]) {
        for byte in 0..=255u8 {
            let c = u32::from(byte);
            let fits = if self.is_bytes || byte < 0x80 {
                match one {
                    One::Char(wanted) => c == wanted,
                    One::Set(index) => self.program.sets.get(index).is_some_and(|set| set.matches(c)),
                    One::Any => true,
                    One::NotNewline => c != 10,
                }
            } else if let One::Char(wanted) = one {
                gutf8::encode(wanted).first() == Some(&byte)
            } else {
                // Too many characters start with it to ask for each.
                byte >= 0xC0
            };
            first[usize::from(byte)] |= fits;
        }
    }
}

fn choice(body: usize, exit: usize, lazy: bool) -> Inst {
    if lazy { Inst::Split { first: exit, second: body } } else { Inst::Split { first: body, second: exit } }
}
