//! The tree of a pattern.
//!
//! The flags that were in force where a node was written are in the node itself, so that nobody
//! below needs to know of flags. Invariant: the tree is at most `parse::MAX_DEPTH` groups deep,
//! which bounds the recursion of everything that walks it.

/// How characters are compared and classified at one place of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Case does not count.
    pub ignore_case: bool,
    /// Only ASCII has cases, letters, digits and spaces (always so for bytes).
    pub ascii: bool,
}

/// One of the character classes with a name of one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// `\d`
    Digit,
    /// `\s`
    Space,
    /// `\w`
    Word,
}

/// A set of characters, as written in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Whether it matches what is not in it.
    pub negate: bool,
    /// Code points from the first to the last, both included.
    pub ranges: Vec<(u32, u32)>,
    /// Categories; `true` stands for the negated one (`\D`).
    pub categories: Vec<(Category, bool)>,
    /// How it compares.
    pub mode: Mode,
}

/// A condition on a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// `\A`, and `^` without MULTILINE.
    Start,
    /// `^` with MULTILINE.
    LineStart,
    /// `\Z` and `\z`.
    End,
    /// `$` without MULTILINE: the end, or before a newline that ends the text.
    LastLineEnd,
    /// `$` with MULTILINE.
    LineEnd,
    /// `\b`; `true` if only ASCII counts as words.
    Boundary(bool),
    /// `\B`
    NotBoundary(bool),
}

/// How a repetition chooses its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greed {
    /// As long as possible first.
    Greedy,
    /// As short as possible first.
    Lazy,
    /// As long as possible, never less.
    Possessive,
}

/// No upper bound of a repetition.
pub const UNBOUNDED: u32 = u32::MAX;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// One character (or byte).
    Literal(u32, Mode),
    /// `.`; `true` if it matches newlines too.
    Any(bool),
    /// A set.
    Set(Box<Set>),
    /// One after the other.
    Sequence(Vec<Node>),
    /// The first that leads to a match.
    Alternatives(Vec<Node>),
    /// A repetition.
    Repeat { node: Box<Node>, min: u32, max: u32, greed: Greed },
    /// A capturing group.
    Group(u32, Box<Node>),
    /// `(?=…)`, `(?!…)`, `(?<=…)`, `(?<!…)`; behind, it is as many characters wide as given.
    Look { node: Box<Node>, behind: Option<u32>, negate: bool },
    /// `(?>…)`
    Atomic(Box<Node>),
    /// What a group matched, again.
    Backreference(u32, Mode),
    /// `(?(group)yes|no)`
    Conditional { group: u32, yes: Box<Node>, no: Box<Node> },
    /// A condition on the position.
    At(At),
    /// Never matches.
    Fail,
}

/// The least and the greatest number of characters that something matches.
pub type Width = (u64, u64);

const MAX_WIDTH: u64 = 1 << 40;

impl Node {
    /// The width, given those of the groups that are closed already.
    pub fn width(&self, groups: &[Option<Width>]) -> Width {
        match self {
            Node::Literal(..) | Node::Any(_) | Node::Set(_) => (1, 1),
            Node::At(_) | Node::Look { .. } | Node::Fail => (0, 0),
            Node::Sequence(items) => items.iter().fold((0, 0), |sum, item| add(sum, item.width(groups))),
            Node::Alternatives(items) => items.iter().map(|item| item.width(groups)).reduce(union).unwrap_or((0, 0)),
            Node::Repeat { node, min, max, .. } => {
                let (low, high) = node.width(groups);
                let most = if *max == UNBOUNDED { MAX_WIDTH } else { u64::from(*max) };
                (low.saturating_mul(u64::from(*min)).min(MAX_WIDTH), high.saturating_mul(most).min(MAX_WIDTH))
            }
            Node::Group(index, node) => {
                groups.get(*index as usize).copied().flatten().unwrap_or_else(|| node.width(groups))
            }
            Node::Atomic(node) => node.width(groups),
            Node::Backreference(index, _) => groups.get(*index as usize).copied().flatten().unwrap_or((0, MAX_WIDTH)),
            Node::Conditional { yes, no, .. } => union(yes.width(groups), no.width(groups)),
        }
    }
}

fn add(a: Width, b: Width) -> Width {
    ((a.0 + b.0).min(MAX_WIDTH), (a.1 + b.1).min(MAX_WIDTH))
}

fn union(a: Width, b: Width) -> Width {
    (a.0.min(b.0), a.1.max(b.1))
}
