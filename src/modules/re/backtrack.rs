//! The matcher that runs a `Program`, trying alternatives in order.
//!
//! What may have to be undone stands on one stack of its own: places to go on at, and old values
//! of groups and counters. Looks and atomic groups cut the former off and leave the latter.
//! Every instruction is a step; the caller is asked now and then whether to go on. Invariant:
//! positions always stand at the start of a character or at the end.

use super::ast::{At, Greed, Mode, UNBOUNDED};
use super::charset::lower;
use super::engine::{MatchError, Subject, Tick};
use super::parse::in_category;
use super::program::{Inst, One, Program};
use crate::text::gutf8;

/// A group that did not match, a counter that has no last position.
pub(super) const NONE: usize = usize::MAX;
/// So many entries may stand on the stack: 24 bytes each.
const MAX_STACK: usize = 8 << 20;
/// The caller is asked after so many steps.
const TICK: u64 = 4096;

enum Entry {
    /// Go on at an instruction and a position.
    Choice { pc: usize, pos: usize },
    /// A run of single characters that may give back down to `low`.
    GiveBack { pc: usize, low: usize, pos: usize },
    /// A run of single characters that may take more.
    TakeMore { pc: usize, pos: usize, left: u32 },
    /// An old value of a slot.
    Slot { slot: usize, old: usize },
    /// An old value of a counter.
    Counter { counter: usize, count: u32, last: usize },
    /// A negated look that has not matched so far.
    Absent { after: usize, pos: usize },
}

/// What ends a run early.
pub(super) enum Stop {
    Error(MatchError),
    /// More steps than the caller wanted to spend on this way of matching.
    TooSlow,
}

/// What a run must fulfil beyond matching.
#[derive(Clone, Copy)]
pub(super) struct Goal {
    /// The match must reach the end.
    pub to_end: bool,
    /// The match must not be empty at this position.
    pub not_empty_at: usize,
}

pub(super) struct Machine<'a> {
    program: &'a Program,
    text: &'a [u8],
    is_bytes: bool,
    stack: Vec<Entry>,
    /// Start and end of each group, and then the group that closed last.
    pub slots: Vec<usize>,
    counters: Vec<(u32, usize)>,
    /// For each look or atomic group: the height of the stack and the position at its start.
    barriers: Vec<(usize, usize)>,
    steps: u64,
    spent: u64,
    /// Give up after so many steps.
    budget: u64,
    tick: &'a mut Tick<'a>,
}

impl<'a> Machine<'a> {
    pub fn new(program: &'a Program, subject: &Subject<'a>, end: usize, budget: u64, tick: &'a mut Tick<'a>) -> Self {
        Machine {
            program,
            text: subject.bytes.get(..end).unwrap_or(subject.bytes),
            is_bytes: subject.is_bytes,
            stack: Vec::new(),
            slots: vec![NONE; program.groups * 2 + 3],
            counters: vec![(0, NONE); program.counters],
            barriers: vec![(0, 0); program.barriers],
            steps: 0,
            spent: 0,
            budget,
            tick,
        }
    }

    /// All the steps so far.
    pub fn steps(&self) -> u64 {
        self.spent + self.steps
    }

    fn count(&mut self, steps: u64) -> Result<(), Stop> {
        self.steps += steps;
        if self.steps < TICK {
            return Ok(());
        }
        self.flush()?;
        if self.spent > self.budget { Err(Stop::TooSlow) } else { Ok(()) }
    }

    /// Tells the caller about the steps that it has not heard of.
    pub fn flush(&mut self) -> Result<(), Stop> {
        let steps = std::mem::take(&mut self.steps);
        self.spent += steps;
        if (self.tick)(steps) { Ok(()) } else { Err(Stop::Error(MatchError::Interrupted)) }
    }

    /// Forgets the groups of an attempt that failed.
    fn reset(&mut self) {
        self.stack.clear();
        self.slots.fill(NONE);
    }

    /// Looks for the first match that starts at `start` or later.
    pub fn search(&mut self, start: usize, goal: Goal) -> Result<bool, Stop> {
        let mut at = start;
        loop {
            let Some(candidate) = self.candidate(at) else { return Ok(false) };
            self.count(1 + (candidate - at) as u64 / 32)?;
            if self.run(candidate, goal)? {
                return Ok(true);
            }
            if candidate >= self.text.len() || self.program.anchored {
                return Ok(false);
            }
            at = self.after(candidate);
        }
    }

    /// The next position at which a match can start.
    fn candidate(&self, at: usize) -> Option<usize> {
        let rest = self.text.get(at..)?;
        if self.program.anchored {
            return (at == 0).then_some(0);
        }
        if !self.program.prefix.is_empty() {
            return memchr::memmem::find(rest, &self.program.prefix).map(|offset| at + offset);
        }
        match &self.program.first {
            None => Some(at),
            Some(first) => rest.iter().position(|&byte| first[usize::from(byte)]).map(|offset| at + offset),
        }
    }

    fn after(&self, pos: usize) -> usize {
        if self.is_bytes { pos + 1 } else { gutf8::next(self.text, pos) }
    }

    fn before(&self, pos: usize) -> usize {
        if self.is_bytes { pos.saturating_sub(1) } else { gutf8::previous(self.text, pos) }
    }

    #[inline]
    fn char_at(&self, pos: usize) -> Option<(u32, usize)> {
        let &byte = self.text.get(pos)?;
        if byte < 0x80 || self.is_bytes {
            return Some((u32::from(byte), pos + 1));
        }
        let (c, len) = gutf8::decode_at(self.text, pos)?;
        Some((c, pos + len))
    }

    fn char_before(&self, pos: usize) -> Option<u32> {
        if pos == 0 {
            return None;
        }
        self.char_at(self.before(pos)).map(|(c, _)| c)
    }

    /// The position behind the character at `pos`, if that is as wanted.
    #[inline]
    fn one(&self, one: One, pos: usize) -> Option<usize> {
        let (c, next) = self.char_at(pos)?;
        let fits = match one {
            One::Char(wanted) => c == wanted,
            One::Set(index) => self.program.sets.get(index)?.matches(c),
            One::Any => true,
            One::NotNewline => c != 10,
        };
        fits.then_some(next)
    }

    fn push(&mut self, entry: Entry) -> Result<(), Stop> {
        if self.stack.len() >= MAX_STACK {
            return Err(Stop::Error(MatchError::OutOfMemory));
        }
        self.stack.push(entry);
        Ok(())
    }

    fn set_slot(&mut self, slot: usize, value: usize) -> Result<(), Stop> {
        if let Some(old) = self.slots.get_mut(slot) {
            let old = std::mem::replace(old, value);
            self.push(Entry::Slot { slot, old })?;
        }
        Ok(())
    }

    fn set_counter(&mut self, counter: usize, count: u32, last: usize) -> Result<(), Stop> {
        if let Some(slot) = self.counters.get_mut(counter) {
            let (old, old_last) = std::mem::replace(slot, (count, last));
            self.push(Entry::Counter { counter, count: old, last: old_last })?;
        }
        Ok(())
    }

    /// Undoes down to the last place to go on at.
    fn backtrack(&mut self) -> Result<Option<(usize, usize)>, Stop> {
        while let Some(entry) = self.stack.pop() {
            self.count(1)?;
            match entry {
                Entry::Choice { pc, pos } => return Ok(Some((pc, pos))),
                Entry::Absent { after, pos } => return Ok(Some((after, pos))),
                Entry::Slot { slot, old } => {
                    if let Some(value) = self.slots.get_mut(slot) {
                        *value = old;
                    }
                }
                Entry::Counter { counter, count, last } => {
                    if let Some(value) = self.counters.get_mut(counter) {
                        *value = (count, last);
                    }
                }
                Entry::GiveBack { pc, low, pos } => {
                    if let Some(pos) = self.give_back(pc, low, pos)? {
                        return Ok(Some((pc, pos)));
                    }
                }
                Entry::TakeMore { pc, pos, left } => {
                    let Some(Inst::Run { one, .. }) = self.program.code.get(pc) else { continue };
                    if let Some(next) = self.one(*one, pos) {
                        if left > 1 {
                            self.push(Entry::TakeMore { pc, pos: next, left: left - 1 })?;
                        }
                        return Ok(Some((pc + 1, next)));
                    }
                }
            }
        }
        Ok(None)
    }

    fn give_back(&mut self, pc: usize, low: usize, mut pos: usize) -> Result<Option<usize>, Stop> {
        // Where a certain character must follow, only its places are worth a try.
        let wanted = match self.program.code.get(pc) {
            Some(Inst::One(One::Char(c))) => Some(*c),
            _ => None,
        };
        let mut steps = 0;
        while pos > low {
            pos = self.before(pos);
            steps += 1;
            if wanted.is_none_or(|wanted| self.char_at(pos).is_some_and(|(c, _)| c == wanted)) {
                if pos > low {
                    self.push(Entry::GiveBack { pc, low, pos })?;
                }
                self.count(steps / 4)?;
                return Ok(Some(pos));
            }
        }
        self.count(steps / 4)?;
        Ok(None)
    }

    /// Tries a match that starts at `start`.
    pub fn run(&mut self, start: usize, goal: Goal) -> Result<bool, Stop> {
        self.reset();
        let (mut pc, mut pos) = (0, start);
        loop {
            self.count(1)?;
            let Some(&inst) = self.program.code.get(pc) else { return Ok(false) };
            let next = match inst {
                Inst::One(one) => self.one(one, pos).map(|after| (pc + 1, after)),
                Inst::Run { one, min, max, greed } => self.run_of(pc, one, (min, max), greed, pos)?,
                Inst::Jump(to) => Some((to, pos)),
                Inst::Split { first, second } => {
                    self.push(Entry::Choice { pc: second, pos })?;
                    Some((first, pos))
                }
                Inst::Save(slot) => {
                    self.set_slot(slot, pos)?;
                    if slot % 2 == 1 {
                        self.set_slot(self.slots.len() - 1, slot / 2)?;
                    }
                    Some((pc + 1, pos))
                }
                Inst::At(at) => self.at(at, pos).then_some((pc + 1, pos)),
                Inst::RepeatStart(counter) => {
                    self.set_counter(counter, 0, NONE)?;
                    Some((pc + 1, pos))
                }
                Inst::RepeatNext { counter, min, max, lazy, exit } => {
                    self.repeat_next(pc, (counter, min, max), lazy, exit, pos)?
                }
                Inst::LookStart { id, behind, negate, after } => {
                    self.look_start(pc, id, behind, (negate, after), pos)?
                }
                Inst::LookEnd { id, negate } => self.look_end(pc, id, negate),
                Inst::AtomicStart(id) => {
                    self.enter(id, pos);
                    Some((pc + 1, pos))
                }
                Inst::AtomicEnd(id) => {
                    self.cut(id);
                    Some((pc + 1, pos))
                }
                Inst::Backreference(group, mode) => self.again(group, mode, pos)?.map(|after| (pc + 1, after)),
                Inst::IfGroup { group, no } => Some((if self.group(group).is_some() { pc + 1 } else { no }, pos)),
                Inst::Fail => None,
                Inst::Match => {
                    let wrong = (goal.to_end && pos != self.text.len()) || (pos == start && pos == goal.not_empty_at);
                    if !wrong {
                        if let [first, second, ..] = self.slots.as_mut_slice() {
                            (*first, *second) = (start, pos);
                        }
                        return Ok(true);
                    }
                    None
                }
            };
            (pc, pos) = match next {
                Some(next) => next,
                None => match self.backtrack()? {
                    Some(next) => next,
                    None => return Ok(false),
                },
            };
        }
    }

    fn run_of(
        &mut self,
        pc: usize,
        one: One,
        (min, max): (u32, u32),
        greed: Greed,
        start: usize,
    ) -> Result<Option<(usize, usize)>, Stop> {
        let most = if greed == Greed::Lazy { min } else { max };
        let (mut pos, mut low, mut count) = (start, start, 0u32);
        while count < most {
            let Some(next) = self.one(one, pos) else { break };
            pos = next;
            count += 1;
            if count == min {
                low = pos;
            }
            if count & 0xFFFF == 0 {
                self.count(0x4000)?;
            }
        }
        self.count(u64::from(count & 0xFFFF) / 4)?;
        if count < min {
            return Ok(None);
        }
        if greed == Greed::Greedy && pos > low {
            self.push(Entry::GiveBack { pc: pc + 1, low, pos })?;
        } else if greed == Greed::Lazy && max > min {
            self.push(Entry::TakeMore { pc, pos, left: max - min })?;
        }
        Ok(Some((pc + 1, pos)))
    }

    fn repeat_next(
        &mut self,
        pc: usize,
        (counter, min, max): (usize, u32, u32),
        lazy: bool,
        exit: usize,
        pos: usize,
    ) -> Result<Option<(usize, usize)>, Stop> {
        let (count, last) = self.counters.get(counter).copied().unwrap_or((0, NONE));
        let more = count.saturating_add(1);
        if count < min {
            self.set_counter(counter, more, last)?;
            return Ok(Some((pc + 1, pos)));
        }
        // A round that consumed nothing is not followed by another.
        if (count >= max && max != UNBOUNDED) || last == pos {
            return Ok(Some((exit, pos)));
        }
        if lazy {
            // When the rest fails, this instruction is passed once more, as a round to be run.
            self.push(Entry::Choice { pc: pc + 1, pos })?;
            self.lazy_round(counter, more, pos)?;
            return Ok(Some((exit, pos)));
        }
        self.push(Entry::Choice { pc: exit, pos })?;
        self.set_counter(counter, more, pos)?;
        Ok(Some((pc + 1, pos)))
    }

    /// Arranges that the counter is raised when the choice on top is taken.
    fn lazy_round(&mut self, counter: usize, count: u32, last: usize) -> Result<(), Stop> {
        let (old, old_last) = self.counters.get(counter).copied().unwrap_or((0, NONE));
        let Some(choice) = self.stack.pop() else { return Ok(()) };
        self.push(Entry::Counter { counter, count: old, last: old_last })?;
        self.push(choice)?;
        // Undoing this entry sets the counter to the new values, just before the choice is taken.
        self.push(Entry::Counter { counter, count, last })
    }

    fn at(&self, at: At, pos: usize) -> bool {
        let end = self.text.len();
        let newline_at = |index: usize| self.text.get(index) == Some(&b'\n');
        match at {
            At::Start => pos == 0,
            At::LineStart => pos == 0 || newline_at(pos - 1),
            At::End => pos == end,
            At::LastLineEnd => pos == end || (pos + 1 == end && newline_at(pos)),
            At::LineEnd => pos == end || newline_at(pos),
            At::Boundary(ascii) => self.boundary(pos, ascii),
            At::NotBoundary(ascii) => !self.boundary(pos, ascii),
        }
    }

    fn boundary(&self, pos: usize, ascii: bool) -> bool {
        let word = |c: u32| in_category(super::ast::Category::Word, c, ascii);
        let before = self.char_before(pos).is_some_and(word);
        before != self.char_at(pos).is_some_and(|(c, _)| word(c))
    }

    fn enter(&mut self, id: usize, pos: usize) {
        let height = self.stack.len();
        if let Some(barrier) = self.barriers.get_mut(id) {
            *barrier = (height, pos);
        }
    }

    /// Drops the places to go on at since a barrier was entered; old values stay.
    fn cut(&mut self, id: usize) {
        let height = self.barriers.get(id).map_or(0, |barrier| barrier.0).min(self.stack.len());
        let mut index = 0;
        self.stack.retain(|entry| {
            index += 1;
            index <= height || matches!(entry, Entry::Slot { .. } | Entry::Counter { .. })
        });
    }

    fn look_start(
        &mut self,
        pc: usize,
        id: usize,
        behind: Option<u32>,
        (negate, after): (bool, usize),
        pos: usize,
    ) -> Result<Option<(usize, usize)>, Stop> {
        let mut from = pos;
        for _ in 0..behind.unwrap_or(0) {
            if from == 0 {
                // There is not enough text behind.
                return Ok(negate.then_some((after, pos)));
            }
            from = self.before(from);
        }
        self.count(u64::from(behind.unwrap_or(0)) / 4)?;
        self.enter(id, pos);
        if negate {
            self.push(Entry::Absent { after, pos })?;
        }
        Ok(Some((pc + 1, from)))
    }

    fn look_end(&mut self, pc: usize, id: usize, negate: bool) -> Option<(usize, usize)> {
        if !negate {
            self.cut(id);
            return self.barriers.get(id).map(|barrier| (pc + 1, barrier.1));
        }
        // It matched: undo what it did, without going on at its end.
        self.cut(id);
        None
    }

    pub fn group(&self, group: u32) -> Option<(usize, usize)> {
        let slot = group as usize * 2;
        match (self.slots.get(slot), self.slots.get(slot + 1)) {
            (Some(&start), Some(&end)) if start != NONE && end != NONE && start <= end => Some((start, end)),
            _ => None,
        }
    }

    /// The position behind a repetition of what a group matched.
    fn again(&mut self, group: u32, mode: Mode, pos: usize) -> Result<Option<usize>, Stop> {
        let Some((start, end)) = self.group(group) else { return Ok(None) };
        self.count((end - start) as u64 / 8)?;
        if !mode.ignore_case {
            let wanted = self.text.get(start..end);
            let found = self.text.get(pos..pos.saturating_add(end - start));
            return Ok((wanted.is_some() && wanted == found).then_some(pos + (end - start)));
        }
        let (mut from, mut to) = (start, pos);
        while from < end {
            let (Some((a, from_next)), Some((b, to_next))) = (self.char_at(from), self.char_at(to)) else {
                return Ok(None);
            };
            if lower(a, mode) != lower(b, mode) {
                return Ok(None);
            }
            (from, to) = (from_next, to_next);
        }
        Ok(Some(to))
    }
}
