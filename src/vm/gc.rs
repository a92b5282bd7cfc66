//! The cycle collector: finds objects that only refer to each other, finalizes and frees them.
//!
//! By trial deletion over the whole heap: a count for each object starts as its reference count and goes down by
//! one for each reference from another heap object. Whatever keeps a count is held from outside (a frame, the
//! machine, a native), and so is all that can be reached from it; the rest is garbage. Objects that cannot refer to
//! others (text, numbers) need no look.
//!
//! Order, as in PEP 442: finalizers first, each once; then what they brought back to life is left alone; then weak
//! references to the rest are cleared, and those that are not garbage themselves get their callbacks; then the rest
//! gives up its references, which frees it.
//!
//! It runs when the number of objects that can refer to others has doubled since the last time (and grown by the
//! threshold), so its cost is in proportion to what is allocated; trebled, where the last time it found next to nothing.
//! Invariant: nothing allocates or frees between counting and the first finalizer.

mod inspect;
#[cfg(test)]
mod tests;
mod trial;
pub mod weak;

use super::class::Class;
use super::object::{Header, Kind, flag};
use super::seq::List;
use super::value::Value;
use super::{PtrHash, Vm};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// The growth in objects that starts a collection, where scripts have not set another.
const GROWTH: usize = 20_000;
/// A collection that finds less than one object of so many was in vain.
const YIELD: usize = 64;
/// The least growth in bytes that starts one.
const GROWTH_BYTES: usize = 1 << 20;
/// What `gc.get_threshold()` says until it is set.
const DEFAULT_THRESHOLDS: [i64; 3] = [2000, 10, 10];
/// `gc.DEBUG_SAVEALL`: garbage goes to `gc.garbage` instead of being freed.
pub const DEBUG_SAVEALL: i64 = 32;

/// What the collector remembers.
pub(super) struct Collector {
    enabled: bool,
    running: bool,
    /// The interner's table wants a sweep.
    sweep: Cell<bool>,
    /// Live containers after the last collection.
    base: usize,
    /// Bytes in use after it, or less if there have been less.
    base_bytes: usize,
    /// It found next to nothing.
    in_vain: bool,
    thresholds: [i64; 3],
    /// Scripts have set the thresholds.
    tuned: bool,
    debug: i64,
    collections: u64,
    collected: u64,
    /// `gc.callbacks` and `gc.garbage`, once there is a `gc` module.
    callbacks: Option<Value>,
    garbage: Option<Value>,
    /// Addresses of the objects that `gc.freeze()` found.
    frozen: HashSet<usize, PtrHash>,
    /// See [`Vm::at_collections`].
    tables: Vec<fn(&mut Vm)>,
}

impl Default for Collector {
    fn default() -> Collector {
        Collector {
            enabled: true,
            running: false,
            sweep: Cell::new(false),
            base: 0,
            base_bytes: 0,
            in_vain: false,
            thresholds: DEFAULT_THRESHOLDS,
            tuned: false,
            debug: 0,
            collections: 0,
            collected: 0,
            callbacks: None,
            garbage: None,
            frozen: HashSet::default(),
            tables: Vec::new(),
        }
    }
}

impl Collector {
    /// Makes the next checkpoint sweep the interner's table.
    pub(super) fn request_sweep(&self) {
        self.sweep.set(true);
    }

    /// How many objects more than after the last collection start the next.
    fn growth(&self) -> usize {
        if self.tuned {
            usize::try_from(self.thresholds[0]).unwrap_or(0).max(1)
        } else {
            GROWTH.max(self.times(self.base))
        }
    }

    /// By how much what there was after the last collection must have grown.
    fn times(&self, n: usize) -> usize {
        if self.in_vain { 2 * n } else { n }
    }
}

/// What `gc.get_stats()` says.
#[derive(Clone, Copy, Debug)]
pub struct CollectorStats {
    /// Collections so far.
    pub collections: u64,
    /// Objects they found unreachable.
    pub collected: u64,
}

impl Vm {
    /// Called at checkpoints when enough was allocated since the last time.
    #[cold]
    pub(super) fn collect_if_enabled(&mut self) {
        self.heap.young.set(0);
        if self.gc.sweep.take() {
            self.sweep_interned();
        }
        let live = self.heap.containers();
        if live < self.gc.base / 2 {
            // Much was freed without the collector; measure growth from here.
            self.gc.base = live;
        }
        let bytes = self.heap.bytes();
        self.gc.base_bytes = self.gc.base_bytes.min(bytes);
        // Few large objects are as good a reason as many small ones.
        let heavier =
            !self.gc.tuned && bytes - self.gc.base_bytes > self.gc.times(self.gc.base_bytes).max(GROWTH_BYTES);
        let more = heavier || live > self.gc.base + self.gc.growth();
        if self.gc.enabled && self.gc.thresholds[0] > 0 && more {
            self.collect_with_callbacks(2);
        }
        self.gc_adjust_trigger();
    }

    /// How many allocations may pass until the next look at the growth.
    fn gc_adjust_trigger(&mut self) {
        self.heap.threshold.set(self.gc.growth().min(GROWTH));
    }

    /// Says that all objects that exist now belong to the interpreter: the collector does not look into them any more.
    /// They are held by the machine's tables, and what scripts make them refer to counts as reachable.
    pub(crate) fn settle_objects(&mut self) {
        self.heap.for_each(|p| {
            // SAFETY: `for_each` gives live objects.
            unsafe { (*p).set_flag(flag::PERMANENT) };
        });
        self.gc.base = self.heap.objects();
        self.gc.base_bytes = self.heap.bytes();
    }

    /// `gc.collect()`: finds and frees unreachable objects, and gives their number.
    pub fn collect_garbage(&mut self) -> usize {
        self.collect_with_callbacks(2)
    }

    /// The last collection of a program: what it alone held is finalized, but names are kept.
    pub(crate) fn collect_at_end(&mut self) {
        if !self.gc.running {
            self.gc.running = true;
            self.forget_the_dead();
            self.gc.collected += self.collect_cycles() as u64;
            self.gc.running = false;
        }
    }

    /// Runs a collection between the calls of `gc.callbacks`.
    pub fn collect_with_callbacks(&mut self, generation: i64) -> usize {
        if self.gc.running {
            return 0;
        }
        self.gc.running = true;
        self.gc_notify("start", generation, 0);
        self.forget_the_dead();
        let found = self.collect_cycles();
        self.sweep_interned();
        self.gc.collections += 1;
        self.gc.collected += found as u64;
        self.heap.young.set(0);
        self.gc.base = self.heap.containers();
        self.gc.base_bytes = self.heap.bytes();
        self.gc.in_vain = found < self.gc.base / YIELD;
        self.gc_adjust_trigger();
        self.gc_notify("stop", generation, found);
        self.gc.running = false;
        found
    }

    /// Has `forget` called at each collection, before it looks at objects: it takes entries about dead objects out of
    /// tables of a native module, and runs no scripts.
    pub(crate) fn at_collections(&mut self, forget: fn(&mut Vm)) {
        if !self.gc.tables.iter().any(|known| std::ptr::fn_addr_eq(*known, forget)) {
            self.gc.tables.push(forget);
        }
    }

    fn forget_the_dead(&mut self) {
        self.free_retired();
        for forget in self.gc.tables.clone() {
            forget(self);
        }
    }

    fn gc_notify(&mut self, phase: &str, generation: i64, found: usize) {
        let Some(list) = self.gc.callbacks.clone() else { return };
        let callbacks = list.cast::<List>().map(|l| l.get(self).items.clone()).unwrap_or_default();
        if callbacks.is_empty() {
            return;
        }
        let info = self.new_dict();
        for (key, n) in [("generation", generation), ("collected", found as i64), ("uncollectable", 0)] {
            let key = self.intern(key);
            let n = self.int(n);
            info.set_str(self, &key, n);
        }
        let phase = self.intern(phase).into_value();
        for f in callbacks {
            if let Err(e) = self.call(&f, &[phase.clone(), info.value().clone()]) {
                self.unraisable(e, &f, None);
            }
        }
    }

    /// The collection itself; gives the number of unreachable objects.
    fn collect_cycles(&mut self) -> usize {
        let unreachable = self.find_unreachable();
        if unreachable.is_empty() {
            return 0;
        }
        // From here on each is held by a count of its own, so finalizers may do what they like.
        let found = unreachable.len();
        let mut garbage: Vec<Value> = unreachable
            .into_iter()
            .map(|p| {
                // SAFETY: nothing was freed since it was found.
                unsafe { Header::inc(p) };
                Value::from_ptr(p)
            })
            .collect();
        if self.finalize_garbage(&garbage) {
            garbage = self.without_resurrected(garbage);
        }
        if self.gc.debug & DEBUG_SAVEALL != 0
            && let Some(list) = self.gc.garbage.clone()
            && let Some(list) = list.cast::<List>()
        {
            list.get_mut(self).items.extend(garbage);
            return found;
        }
        self.clear_weak_references(&garbage);
        self.take_apart(garbage);
        found
    }

    /// Runs the finalizers of garbage; false when there were none.
    fn finalize_garbage(&mut self, garbage: &[Value]) -> bool {
        let mut any = false;
        for v in garbage {
            let Some(h) = v.header() else { continue };
            if h.has_flag(flag::FINALIZED) {
                continue;
            }
            let needed = match h.kind {
                // SAFETY: the generator is alive.
                Kind::Generator => unsafe { super::generator::needs_finalizer(v.ptr()) },
                _ => h.layout().finalizer.get(),
            };
            if needed {
                any = true;
                self.finalize(v.clone());
            }
        }
        any
    }

    /// What of the garbage finalizers have not brought back to life.
    fn without_resurrected(&mut self, garbage: Vec<Value>) -> Vec<Value> {
        let mut at: HashMap<usize, usize, PtrHash> = HashMap::default();
        // One count is ours.
        let mut counts: Vec<u32> = Vec::with_capacity(garbage.len());
        for (i, v) in garbage.iter().enumerate() {
            at.insert(v.ptr() as usize, i);
            counts.push(v.header().map_or(0, |h| h.ref_count().saturating_sub(1)));
        }
        for v in &garbage {
            trial::trace(v, &mut |p| {
                if let Some(&i) = at.get(&(p as usize)) {
                    counts[i] = counts[i].saturating_sub(1);
                }
            });
        }
        let mut work: Vec<usize> = (0..garbage.len()).filter(|&i| counts[i] > 0).collect();
        let mut alive = vec![false; garbage.len()];
        for &i in &work {
            alive[i] = true;
        }
        while let Some(i) = work.pop() {
            trial::trace(&garbage[i], &mut |p| {
                if let Some(&j) = at.get(&(p as usize))
                    && !alive[j]
                {
                    alive[j] = true;
                    work.push(j);
                }
            });
        }
        garbage.into_iter().zip(alive).filter(|(_, alive)| !alive).map(|(v, _)| v).collect()
    }

    /// Clears the weak references to garbage. Those that are garbage themselves lose their callbacks.
    fn clear_weak_references(&mut self, garbage: &[Value]) {
        for v in garbage {
            if let Some(w) = v.cast::<weak::WeakRef>() {
                let callback = w.get_mut(self).take_callback();
                // Kept by the garbage's other references, or freed here: it runs no script code either way.
                drop(callback);
            }
        }
        for v in garbage {
            if v.header().is_some_and(|h| h.has_flag(flag::WEAKREF)) {
                // SAFETY: the object is alive and stays so until its references are dropped.
                unsafe { self.heap.drop_weak_references(v.ptr()) };
            }
        }
    }

    /// Makes garbage give up its references, and with them its life.
    fn take_apart(&mut self, garbage: Vec<Value>) {
        for v in &garbage {
            if let Some(h) = v.header() {
                // What runs from here on must not find it usable.
                h.set_flag(flag::FINALIZED);
            }
            if let Some(class) = v.cast::<Class>() {
                // Caches trust the class to keep what they found in it.
                class.get(self).layouts.renumber(false);
                class.get(self).leave_bases();
            }
        }
        for v in &garbage {
            // SAFETY: the object is held by `garbage`, and no script can reach it.
            unsafe { super::heap::Heap::clear(v.ptr()) };
        }
        drop(garbage);
    }
}
