//! Patterns that a finite automaton can match, for `regex-automata`.
//!
//! Its leftmost-first matches are those of backtracking, found in time linear in the text. Not
//! taken over are looks, atomic groups, references, conditionals, and repetitions of what may be
//! empty, where the two ways differ. `\b` and `$` have no exact counterpart; patterns with them
//! are taken for texts in which the difference does not show (`Needs`).

use std::sync::OnceLock;

use super::ast::{At, Category, Greed, Mode, Node, Set, UNBOUNDED};
use super::charset::{case_variants, literal_set};
use super::engine::Subject;
use super::parse::in_category;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition,
};

/// What must be true of a text.
#[derive(Clone, Copy, Debug, Default)]
struct Needs {
    /// Nothing beyond ASCII (`\b` between other letters).
    ascii: bool,
    /// No newline at its end (`$`).
    no_last_newline: bool,
}

/// The automata of one pattern.
#[derive(Debug)]
pub(super) struct Automata {
    plain: Regex,
    /// Matches reach the end of the text.
    to_end: Regex,
    needs: Needs,
}

const SIZE_LIMIT: usize = 4 << 20;
const MAX_COUNT: u32 = 500;
/// Beyond this code point no letter has a case.
const LAST_CASED: u32 = 0x1E943;

/// Builds the automata of a pattern, if it is of the kind that has them.
pub(super) fn build(root: &Node, is_bytes: bool) -> Option<Automata> {
    let mut builder = Builder { is_bytes, needs: Needs::default() };
    let hir = builder.node(root)?;
    let to_end = Hir::concat(vec![hir.clone(), Hir::look(Look::End)]);
    Some(Automata { plain: compile(&hir, is_bytes)?, to_end: compile(&to_end, is_bytes)?, needs: builder.needs })
}

fn compile(hir: &Hir, is_bytes: bool) -> Option<Regex> {
    let config = Config::new().nfa_size_limit(Some(SIZE_LIMIT)).utf8_empty(!is_bytes);
    Regex::builder().configure(config).syntax(syntax::Config::new().utf8(!is_bytes)).build_from_hir(hir).ok()
}

impl Automata {
    /// Whether this text, up to `end`, can be given to the automata.
    pub fn accepts(&self, subject: &Subject<'_>, end: usize) -> bool {
        (subject.is_bytes || subject.plain)
            && (!self.needs.ascii || subject.ascii)
            && (!self.needs.no_last_newline || end == 0 || subject.bytes.get(end - 1) != Some(&b'\n'))
    }

    /// Finds a match and writes the positions of its groups; `None` marks those without.
    pub fn find(
        &self,
        subject: &Subject<'_>,
        range: (usize, usize),
        anchored: bool,
        to_end: bool,
        groups: &mut Vec<Option<(usize, usize)>>,
    ) -> bool {
        let regex = if to_end { &self.to_end } else { &self.plain };
        let (start, end) = range;
        // Behind `end` there is nothing, before `start` there is something.
        let Some(text) = subject.bytes.get(..end) else { return false };
        if start > end {
            return false;
        }
        let input = Input::new(text).range(start..end).anchored(if anchored { Anchored::Yes } else { Anchored::No });
        let mut captures = regex.create_captures();
        regex.search_captures(&input, &mut captures);
        if !captures.is_match() {
            return false;
        }
        groups.clear();
        groups.extend((0..captures.group_len()).map(|i| captures.get_group(i).map(|span| (span.start, span.end))));
        true
    }
}

struct Builder {
    is_bytes: bool,
    needs: Needs,
}

impl Builder {
    fn node(&mut self, node: &Node) -> Option<Hir> {
        Some(match node {
            Node::Literal(c, mode) => match literal_set(*c, *mode) {
                Some(set) => self.set(&set)?,
                None if self.is_bytes => Hir::literal([u8::try_from(*c).ok()?]),
                None => Hir::literal(char::from_u32(*c)?.to_string().into_bytes()),
            },
            Node::Any(newline) => Hir::dot(match (self.is_bytes, *newline) {
                (true, true) => Dot::AnyByte,
                (true, false) => Dot::AnyByteExceptLF,
                (false, true) => Dot::AnyChar,
                (false, false) => Dot::AnyCharExceptLF,
            }),
            Node::Set(set) => self.set(set)?,
            Node::Sequence(items) => Hir::concat(self.nodes(items)?),
            Node::Alternatives(items) => Hir::alternation(self.nodes(items)?),
            Node::Repeat { node, min, max, greed } => self.repeat(node, *min, *max, *greed)?,
            Node::Group(index, node) => {
                Hir::capture(Capture { index: *index, name: None, sub: Box::new(self.node(node)?) })
            }
            Node::At(at) => Hir::look(self.at(*at)),
            Node::Fail => Hir::fail(),
            Node::Look { .. } | Node::Atomic(_) | Node::Backreference(..) | Node::Conditional { .. } => return None,
        })
    }

    fn nodes(&mut self, nodes: &[Node]) -> Option<Vec<Hir>> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn repeat(&mut self, node: &Node, min: u32, max: u32, greed: Greed) -> Option<Hir> {
        let bounded = max != UNBOUNDED;
        if greed == Greed::Possessive || min > MAX_COUNT || (bounded && max > MAX_COUNT) {
            return None;
        }
        let inner = self.node(node)?;
        if max > 1 && inner.properties().minimum_len().unwrap_or(0) == 0 {
            return None;
        }
        Some(Hir::repetition(Repetition {
            min,
            max: bounded.then_some(max),
            greedy: greed == Greed::Greedy,
            sub: Box::new(inner),
        }))
    }

    fn at(&mut self, at: At) -> Look {
        match at {
            At::Start => Look::Start,
            At::LineStart => Look::StartLF,
            At::End => Look::End,
            At::LastLineEnd => {
                self.needs.no_last_newline = true;
                Look::End
            }
            At::LineEnd => Look::EndLF,
            At::Boundary(ascii) => {
                self.needs.ascii |= !ascii;
                Look::WordAscii
            }
            At::NotBoundary(ascii) => {
                self.needs.ascii |= !ascii;
                Look::WordAsciiNegate
            }
        }
    }

    fn set(&self, set: &Set) -> Option<Hir> {
        let mut ranges = set.ranges.clone();
        for &(category, negate) in &set.categories {
            let known = category_ranges(category, set.mode.ascii);
            if negate {
                ranges.extend(complement(known));
            } else {
                ranges.extend_from_slice(known);
            }
        }
        if set.mode.ignore_case {
            add_variants(&mut ranges, set.mode);
        }
        let class = if self.is_bytes {
            let mut class =
                ClassBytes::new(ranges.iter().filter_map(|&(low, high)| {
                    Some(ClassBytesRange::new(u8::try_from(low).ok()?, high.min(255) as u8))
                }));
            if set.negate {
                class.negate();
            }
            Class::Bytes(class)
        } else {
            let mut class =
                ClassUnicode::new(ranges.iter().flat_map(|&range| without_surrogates(range)).filter_map(
                    |(low, high)| Some(ClassUnicodeRange::new(char::from_u32(low)?, char::from_u32(high)?)),
                ));
            if set.negate {
                class.negate();
            }
            Class::Unicode(class)
        };
        Some(Hir::class(class))
    }
}

fn without_surrogates((low, high): (u32, u32)) -> impl Iterator<Item = (u32, u32)> {
    [(low, high.min(0xD7FF)), (low.max(0xE000), high.min(0x10FFFF))].into_iter().filter(|(low, high)| low <= high)
}

fn add_variants(ranges: &mut Vec<(u32, u32)>, mode: Mode) {
    let last = if mode.ascii { 127 } else { LAST_CASED };
    let mut more = Vec::new();
    for &(low, high) in ranges.iter() {
        for c in low..=high.min(last) {
            more.extend(case_variants(c, mode).into_iter().filter(|&x| x != c).map(|x| (x, x)));
        }
    }
    ranges.extend(more);
}

fn complement(ranges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut result = Vec::new();
    let mut next = 0;
    for &(low, high) in ranges {
        if low > next {
            result.push((next, low - 1));
        }
        next = high + 1;
    }
    if next <= 0x10FFFF {
        result.push((next, 0x10FFFF));
    }
    result
}

/// The code points of a category. They are the same for all interpreters and never change.
fn category_ranges(category: Category, ascii: bool) -> &'static [(u32, u32)] {
    static TABLES: [OnceLock<Vec<(u32, u32)>>; 6] = [const { OnceLock::new() }; 6];
    let index = match category {
        Category::Digit => 0,
        Category::Space => 1,
        Category::Word => 2,
    };
    let table = if ascii { &TABLES[index] } else { &TABLES[index + 3] };
    table.get_or_init(|| {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for c in 0..=if ascii { 127 } else { 0x10FFFF } {
            if in_category(category, c, ascii) {
                match ranges.last_mut() {
                    Some(last) if last.1 + 1 == c => last.1 = c,
                    _ => ranges.push((c, c)),
                }
            }
        }
        ranges
    })
}
