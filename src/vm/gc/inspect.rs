//! What the `gc` module shows and sets.

use super::{CollectorStats, trial};
use crate::vm::Vm;
use crate::vm::class::class_flag;
use crate::vm::object::{Header, flag};
use crate::vm::str::Tuple;
use crate::vm::value::Value;

/// A counted value for a live object.
fn value_of(p: *mut Header) -> Value {
    // SAFETY: callers pass objects that are alive.
    unsafe { Header::inc(p) };
    Value::from_ptr(p)
}

impl Vm {
    /// Whether collections start by themselves.
    pub fn gc_enabled(&self) -> bool {
        self.gc.enabled
    }

    /// Lets collections start by themselves, or not.
    pub fn gc_enable(&mut self, on: bool) {
        self.gc.enabled = on;
    }

    /// The thresholds that scripts see.
    pub fn gc_thresholds(&self) -> [i64; 3] {
        self.gc.thresholds
    }

    /// Sets thresholds. The first is the growth in objects that starts a collection (0: never); the others are only
    /// remembered.
    pub fn gc_set_thresholds(&mut self, thresholds: [i64; 3]) {
        self.gc.thresholds = thresholds;
        self.gc.tuned = thresholds[0] != super::DEFAULT_THRESHOLDS[0];
        let most = if self.gc.tuned { self.gc.growth().min(super::GROWTH) } else { super::GROWTH };
        self.heap.threshold.set(most);
    }

    /// How many objects more there are than after the last collection.
    pub fn gc_growth(&self) -> usize {
        self.heap.containers().saturating_sub(self.gc.base)
    }

    /// Counts of collections and of what they found.
    pub fn gc_stats(&self) -> CollectorStats {
        CollectorStats { collections: self.gc.collections, collected: self.gc.collected }
    }

    /// The debugging flags.
    pub fn gc_debug(&self) -> i64 {
        self.gc.debug
    }

    /// Sets the debugging flags, of which only [`DEBUG_SAVEALL`](super::DEBUG_SAVEALL) does something.
    pub fn gc_set_debug(&mut self, flags: i64) {
        self.gc.debug = flags;
    }

    /// Tells the collector the lists `gc.callbacks` and `gc.garbage`.
    pub fn gc_set_lists(&mut self, callbacks: Value, garbage: Value) {
        self.gc.callbacks = Some(callbacks);
        self.gc.garbage = Some(garbage);
    }

    /// Whether the collector looks at a value.
    pub fn gc_is_tracked(&self, v: &Value) -> bool {
        v.is_object()
            && trial::is_container(v.ptr())
            && v.cast::<Tuple>().is_none_or(|t| !t.get(self).items().is_empty())
    }

    /// Whether the value's finalizer has run.
    pub fn gc_is_finalized(&self, v: &Value) -> bool {
        v.header().is_some_and(|h| h.has_flag(flag::FINALIZED))
    }

    /// Leaves all present objects out of collections.
    pub fn gc_freeze(&mut self) {
        let mut all = std::mem::take(&mut self.gc.frozen);
        self.heap.for_each(|p| {
            if trial::is_container(p) {
                all.insert(p as usize);
            }
        });
        self.gc.frozen = all;
    }

    /// Takes the objects that were left out in again.
    pub fn gc_unfreeze(&mut self) {
        self.gc.frozen.clear();
    }

    /// How many objects are left out of collections.
    pub fn gc_freeze_count(&self) -> usize {
        self.gc.frozen.len()
    }

    /// All objects that the collector looks at.
    pub fn gc_objects(&self) -> Vec<Value> {
        self.charge(self.live_objects());
        let mut all = Vec::new();
        self.heap.for_each(|p| all.push(p));
        all.into_iter().filter(|&p| trial::is_container(p)).map(value_of).collect()
    }

    /// The objects that refer to one of the targets.
    pub fn gc_referrers(&self, targets: &[Value]) -> Vec<Value> {
        let targets: Vec<*mut Header> = targets.iter().filter(|t| t.is_object()).map(|t| t.ptr()).collect();
        self.charge(self.live_objects().saturating_mul(1 + targets.len() / 8));
        let mut found = Vec::new();
        for v in self.gc_objects() {
            let mut hit = false;
            let own_class = self.hidden_class(&v);
            trial::trace(&v, &mut |p| hit |= p != own_class && targets.contains(&p));
            if hit {
                found.push(v);
            }
        }
        found
    }

    /// The heap objects that a value refers to.
    pub fn gc_referents(&self, v: &Value) -> Vec<Value> {
        if !self.gc_is_tracked(v) {
            return Vec::new();
        }
        let own_class = self.hidden_class(v);
        let mut hidden = !own_class.is_null();
        let mut all = Vec::new();
        trial::trace(v, &mut |p| {
            // The reference to the class comes first.
            if std::mem::take(&mut hidden) && p == own_class {
                return;
            }
            all.push(value_of(p));
        });
        all
    }

    /// The class of an object, where that is a built-in one: objects do not count as referring to those.
    fn hidden_class(&self, v: &Value) -> *mut Header {
        let class = self.class_of(v);
        if class.get(self).has(class_flag::HEAP) { std::ptr::null_mut() } else { class.value().ptr() }
    }
}
