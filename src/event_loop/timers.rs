//! Timers by time, in order of creation where times are equal. Cancelled timers stay until they come up, or until they
//! are more than half of many.
//!
//! Timers that come later than all before, as those of many equal delays do, stand in a queue; the others in a heap.

use super::coroutine::NativeCoroutine;
use super::handle::Handle;
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::{Value, Vm};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// Fewer timers are not cleaned of cancelled ones.
const CLEAN_FROM: usize = 100;

/// One timer: what happens, and when.
struct Timer {
    when: f64,
    /// Counts up: timers for the same time come in the order in which they were made.
    number: u64,
    /// A handle, or a native `sleep`.
    target: Value,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Timer) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Timer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    /// The earliest is the greatest: `BinaryHeap` gives the greatest first.
    fn cmp(&self, other: &Timer) -> Ordering {
        other.when.total_cmp(&self.when).then(other.number.cmp(&self.number))
    }
}

/// The timers of a loop.
#[derive(Default)]
pub struct Timers {
    heap: BinaryHeap<Timer>,
    /// In order.
    queue: VecDeque<Timer>,
    next: u64,
    cancelled: usize,
}

impl Timers {
    /// Adds a timer. One at no time at all is due at once.
    pub fn add(&mut self, when: f64, target: Value) {
        let when = if when.is_nan() { f64::NEG_INFINITY } else { when };
        self.next += 1;
        let timer = Timer { when, number: self.next, target };
        if self.queue.back().is_none_or(|last| *last > timer) {
            self.queue.push_back(timer);
        } else {
            self.heap.push(timer);
        }
    }

    /// Whether the next timer stands in the queue.
    fn queue_is_first(&self) -> bool {
        match (self.queue.front(), self.heap.peek()) {
            (Some(q), Some(h)) => q > h,
            (q, _) => q.is_some(),
        }
    }

    fn peek(&self) -> Option<&Timer> {
        if self.queue_is_first() { self.queue.front() } else { self.heap.peek() }
    }

    fn pop(&mut self) -> Option<Timer> {
        if self.queue_is_first() { self.queue.pop_front() } else { self.heap.pop() }
    }

    fn all(&self) -> impl Iterator<Item = &Timer> {
        self.queue.iter().chain(self.heap.iter())
    }

    /// Notes that one of the timers was cancelled.
    pub fn note_cancelled(&mut self) {
        self.cancelled += 1;
    }

    /// When the next timer is due.
    pub fn next_time(&self) -> Option<f64> {
        self.peek().map(|t| t.when)
    }

    /// How many there are, cancelled ones included.
    pub fn len(&self) -> usize {
        self.heap.len() + self.queue.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether so many are cancelled that cleaning pays.
    pub fn wants_cleaning(&self) -> bool {
        self.len() > CLEAN_FROM && self.cancelled * 2 > self.len()
    }

    /// The next timer's target, if it is due before `end`.
    pub fn pop_due(&mut self, end: f64) -> Option<Value> {
        if self.peek()?.when < end { self.pop().map(|t| t.target) } else { None }
    }

    /// The first timer's target.
    pub fn first(&self) -> Option<&Value> {
        self.peek().map(|t| &t.target)
    }

    /// Takes the first timer off, which was cancelled.
    pub fn pop_cancelled(&mut self) -> Option<Value> {
        self.cancelled = self.cancelled.saturating_sub(1);
        self.pop().map(|t| t.target)
    }

    /// Takes all timers out.
    pub fn take(&mut self) -> Timers {
        std::mem::take(self)
    }

    /// The targets, in no particular order.
    pub fn targets(&self) -> Vec<Value> {
        self.all().map(|t| t.target.clone()).collect()
    }

    /// Puts timers back of which only some are kept.
    pub fn restore(&mut self, old: Timers, kept: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut dropped = Vec::new();
        let mut timers: Vec<Timer> = Vec::with_capacity(old.len() / 2);
        for t in old.queue.into_iter().chain(old.heap) {
            if kept(&t.target) {
                timers.push(t);
            } else {
                dropped.push(t.target);
            }
        }
        timers.extend(std::mem::take(&mut self.queue));
        timers.extend(std::mem::take(&mut self.heap));
        // The greatest comes first.
        timers.sort_unstable_by(|a, b| b.cmp(a));
        self.queue = VecDeque::from(timers);
        self.next = self.next.max(old.next);
        self.cancelled = 0;
        dropped
    }

    /// Bytes outside of the loop object.
    pub fn external(&self) -> usize {
        (self.heap.capacity() + self.queue.capacity()) * size_of::<Timer>()
    }
}

impl Trace for Timers {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for t in self.all() {
            t.target.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Timers::default();
    }
}

/// Whether what a timer would do was cancelled.
pub fn is_cancelled(vm: &Vm, target: &Value) -> bool {
    if let Some(h) = target.cast::<Handle>() {
        return h.get(vm).cancelled;
    }
    target.cast::<NativeCoroutine>().is_some_and(|c: &Ref<NativeCoroutine>| !c.get(vm).sleeps(vm))
}

/// A handle that leaves the heap is not scheduled any more.
pub fn note_left(vm: &mut Vm, target: &Value) {
    if let Some(h) = target.cast::<Handle>() {
        h.get_mut(vm).scheduled = false;
    }
}
