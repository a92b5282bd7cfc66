//! The compiled pattern, and matching with it.
//!
//! A match begins with the backtracking matcher, which costs nothing to set up. A pattern that
//! has run for `HOT` steps, and that an automaton can match, is handed to one: from then on, and
//! in the middle of a match too, so that no pattern of that kind can take exponential time.
//!
//! ```text
//! let regex = Regex::new(b"(a+)b", false, 0)?;
//! let subject = Subject::text(b"xaab");
//! let mut slots = Slots::default();
//! regex.search_at(&subject, 0, 4, false, &mut slots, &mut |_| true)?;   // slots.group(1) == Some((1, 3))
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ast::Node;
use super::automata::{self, Automata};
use super::backtrack::{Goal, Machine, NONE, Stop};
pub use super::parse::ReError;
use super::parse::{self, Parsed};
use super::program::{self, Program};
use super::template::{Piece, parse_template};

/// Told of steps taken; false stops the match.
pub type Tick<'a> = dyn FnMut(u64) -> bool + 'a;

/// After so many steps an automaton is built.
const HOT: u64 = 20_000;

/// Why a match was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchError {
    /// The caller's `Tick` said so.
    Interrupted,
    /// There was too much to remember for going back.
    OutOfMemory,
}

/// A text to match in, with what is worth knowing about it. Make one and use it for all the
/// matches in the same text.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_bytes: bool,
    pub(super) ascii: bool,
    /// No surrogates: the text is UTF-8.
    pub(super) plain: bool,
}

impl<'a> Subject<'a> {
    /// A text in generalized UTF-8.
    pub fn text(bytes: &'a [u8]) -> Self {
        let ascii = bytes.is_ascii();
        let surrogate = |at: usize| bytes.get(at + 1).is_some_and(|&byte| byte >= 0xA0);
        let plain = ascii || !memchr::memchr_iter(0xED, bytes).any(surrogate);
        Subject { bytes, is_bytes: false, ascii, plain }
    }

    /// A text that is known to be ASCII.
    pub fn ascii(bytes: &'a [u8]) -> Self {
        Subject { bytes, is_bytes: false, ascii: true, plain: true }
    }

    /// Bytes.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Subject { bytes, is_bytes: true, ascii: bytes.is_ascii(), plain: true }
    }
}

/// Where the groups of a match stand, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slots {
    groups: Vec<Option<(usize, usize)>>,
    last_index: Option<u32>,
}

impl Slots {
    /// Start and end of a group; 0 is the whole match.
    pub fn group(&self, index: usize) -> Option<(usize, usize)> {
        self.groups.get(index).copied().flatten()
    }

    /// All the groups, the whole match first.
    pub fn groups(&self) -> &[Option<(usize, usize)>] {
        &self.groups
    }

    /// The group that closed last: `Match.lastindex`.
    pub fn last_index(&self) -> Option<u32> {
        self.last_index
    }
}

/// A compiled pattern. It may be shared between threads.
#[derive(Debug)]
pub struct Regex {
    root: Node,
    program: Program,
    is_bytes: bool,
    flags: u32,
    names: Vec<(Vec<u8>, u32)>,
    warnings: Vec<String>,
    close_order: Vec<u32>,
    heat: AtomicU64,
    automata: OnceLock<Option<Automata>>,
}

impl Regex {
    /// Compiles a pattern: generalized UTF-8, or bytes.
    ///
    /// # Errors
    /// What is wrong with the pattern or the flags, and which exception that is.
    pub fn new(pattern: &[u8], is_bytes: bool, flags: u32) -> Result<Self, ReError> {
        let Parsed { root, flags, groups, names, warnings, close_order } = parse::parse(pattern, is_bytes, flags)?;
        let program = program::compile(&root, groups, is_bytes);
        let (heat, automata) = (AtomicU64::new(0), OnceLock::new());
        Ok(Regex { root, program, is_bytes, flags, names, warnings, close_order, heat, automata })
    }

    /// The flags in force for the whole pattern: `Pattern.flags`.
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// How many capturing groups there are.
    pub fn groups(&self) -> u32 {
        self.program.groups as u32
    }

    /// The names of groups with their numbers, in order.
    pub fn names(&self) -> &[(Vec<u8>, u32)] {
        &self.names
    }

    /// The number of the group with a name.
    pub fn group_index(&self, name: &[u8]) -> Option<u32> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, index)| *index)
    }

    /// The name of a group.
    pub fn group_name(&self, index: u32) -> Option<&[u8]> {
        self.names.iter().find(|(_, known)| *known == index).map(|(name, _)| name.as_slice())
    }

    /// Texts of the `FutureWarning`s that compiling should issue.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether the pattern is bytes.
    pub fn is_bytes(&self) -> bool {
        self.is_bytes
    }

    /// Builds the automaton now instead of when the pattern has run hot; false if the pattern is
    /// not of the kind that has one.
    pub fn warm_up(&self) -> bool {
        self.heat.store(HOT, Ordering::Relaxed);
        self.automata.get_or_init(|| automata::build(&self.root, self.is_bytes)).is_some()
    }

    /// Reads a replacement template for this pattern.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub fn template(&self, source: &[u8], is_bytes: bool) -> Result<Vec<Piece>, ReError> {
        parse_template(source, is_bytes, self.groups(), &|name| self.group_index(name))
    }

    /// Matches at `start` exactly; the text ends at `end`. With `not_empty`, an empty match there
    /// does not count (as after an empty match that was found before).
    ///
    /// # Errors
    /// If `tick` stopped it, or too much had to be remembered.
    pub fn match_at(
        &self,
        subject: &Subject<'_>,
        start: usize,
        end: usize,
        not_empty: bool,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, MatchError> {
        self.execute(subject, (start, end), true, goal(start, not_empty, false), slots, tick)
    }

    /// Matches all from `start` to `end`.
    ///
    /// # Errors
    /// As `match_at`.
    pub fn fullmatch_at(
        &self,
        subject: &Subject<'_>,
        start: usize,
        end: usize,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, MatchError> {
        self.execute(subject, (start, end), true, goal(start, false, true), slots, tick)
    }

    /// Finds the first match from `start` on; the text ends at `end`. With `not_empty`, an empty
    /// match at `start` does not count.
    ///
    /// # Errors
    /// As `match_at`.
    pub fn search_at(
        &self,
        subject: &Subject<'_>,
        start: usize,
        end: usize,
        not_empty: bool,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, MatchError> {
        self.execute(subject, (start, end), false, goal(start, not_empty, false), slots, tick)
    }

    fn execute(
        &self,
        subject: &Subject<'_>,
        (start, end): (usize, usize),
        anchored: bool,
        goal: Goal,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, MatchError> {
        let end = end.min(subject.bytes.len());
        if start > end {
            return Ok(false);
        }
        let usable = goal.not_empty_at == NONE;
        let spent = self.heat.load(Ordering::Relaxed);
        if usable && spent >= HOT && self.automaton(subject, end).is_some() {
            return self.automatic(subject, (start, end), anchored, goal.to_end, slots, tick);
        }
        // Whatever the pattern, the first so many steps are taken this way.
        let budget = if usable { HOT } else { u64::MAX };
        match self.backtrack(subject, (start, end), anchored, goal, budget, slots, tick) {
            Ok(found) => Ok(found),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::TooSlow) if self.automaton(subject, end).is_some() => {
                self.automatic(subject, (start, end), anchored, goal.to_end, slots, tick)
            }
            Err(Stop::TooSlow) => {
                let result = self.backtrack(subject, (start, end), anchored, goal, u64::MAX, slots, tick);
                result.map_err(|stop| match stop {
                    Stop::Error(error) => error,
                    Stop::TooSlow => MatchError::OutOfMemory,
                })
            }
        }
    }

    fn automaton(&self, subject: &Subject<'_>, end: usize) -> Option<&Automata> {
        let automata = self.automata.get_or_init(|| automata::build(&self.root, self.is_bytes)).as_ref()?;
        automata.accepts(subject, end).then_some(automata)
    }

    fn automatic(
        &self,
        subject: &Subject<'_>,
        (start, end): (usize, usize),
        anchored: bool,
        to_end: bool,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, MatchError> {
        let Some(automata) = self.automaton(subject, end) else { return Ok(false) };
        let found = automata.find(subject, (start, end), anchored, to_end, &mut slots.groups);
        // Time is linear in what was read; the caller hears of it afterwards.
        let reached = if found { slots.group(0).map_or(end, |span| span.1) } else { end };
        if !tick(1 + (reached.saturating_sub(start)) as u64 / 8) {
            return Err(MatchError::Interrupted);
        }
        slots.last_index = if found { self.last_closed(slots) } else { None };
        Ok(found)
    }

    /// The group that closed last, as far as positions tell: that with the last end, of several
    /// the one whose parenthesis closes last.
    fn last_closed(&self, slots: &Slots) -> Option<u32> {
        let end_of = |index: &u32| slots.group(*index as usize).map(|span| span.1);
        self.close_order.iter().copied().filter(|index| end_of(index).is_some()).max_by_key(end_of)
    }

    #[expect(clippy::too_many_arguments, reason = "all of them are the run's own")]
    fn backtrack(
        &self,
        subject: &Subject<'_>,
        (start, end): (usize, usize),
        anchored: bool,
        goal: Goal,
        budget: u64,
        slots: &mut Slots,
        tick: &mut Tick<'_>,
    ) -> Result<bool, Stop> {
        let mut tick = |steps: u64| tick(steps);
        let mut machine = Machine::new(&self.program, subject, end, budget, &mut tick);
        let found = if anchored { machine.run(start, goal) } else { machine.search(start, goal) };
        let steps = machine.steps();
        self.heat.fetch_add(steps.min(HOT), Ordering::Relaxed);
        let found = found?;
        machine.flush()?;
        if found {
            slots.groups.clear();
            slots.groups.extend((0..=self.program.groups as u32).map(|group| machine.group(group)));
            slots.last_index = machine.slots.last().copied().filter(|&last| last != NONE).map(|last| last as u32);
        }
        Ok(found)
    }
}

fn goal(start: usize, not_empty: bool, to_end: bool) -> Goal {
    Goal { to_end, not_empty_at: if not_empty { start } else { NONE } }
}
