//! What the heap notes until the machine's next safe point: weak references whose target has died, with their callbacks,
//! and objects whose finalizers must run.

use super::Heap;
use crate::vm::object::{Header, flag};
use crate::vm::value::Value;

impl Heap {
    /// Notes that `weakref` refers weakly to `target`.
    pub(in crate::vm) fn add_weakref(&self, target: &Header, weakref: *mut Header) {
        target.set_flag(flag::WEAKREF);
        // SAFETY: no reference into the table is alive outside these methods.
        unsafe { (*self.weak.get()).entry(target as *const Header as usize).or_default().push(weakref) };
    }

    /// Forgets a weak reference, which is being freed.
    pub(in crate::vm) fn remove_weakref(&self, target: usize, weakref: *mut Header) {
        // SAFETY: as above.
        let weak = unsafe { &mut *self.weak.get() };
        if let Some(list) = weak.get_mut(&target) {
            list.retain(|&w| w != weakref);
            if list.is_empty() {
                weak.remove(&target);
            }
        }
    }

    /// The weak references to an object.
    pub(in crate::vm) fn weakrefs(&self, target: usize) -> Vec<Value> {
        // SAFETY: as above; the weak reference objects are alive: they leave the table when they die.
        unsafe {
            let Some(list) = (*self.weak.get()).get(&target) else { return Vec::new() };
            list.iter()
                .filter(|&&w| (*w).rc.get() > 0)
                .map(|&w| {
                    Header::inc(w);
                    Value::from_ptr(w)
                })
                .collect()
        }
    }

    /// Clears the weak references to an object that dies, and queues their callbacks.
    pub(in crate::vm) unsafe fn drop_weak_references(&self, p: *mut Header) {
        // SAFETY: no reference into the tables is alive here; weak reference objects are alive (see above).
        unsafe {
            (*p).clear_flag(flag::WEAKREF);
            let Some(list) = (*self.weak.get()).remove(&(p as usize)) else { return };
            let Some(hook) = self.on_dead_weakref.get() else { return };
            // CPython calls the newest first.
            for w in list.into_iter().rev() {
                if hook(w) && (*w).rc.get() > 0 {
                    Header::inc(w);
                    (*self.callbacks.get()).push(Value::from_ptr(w));
                    self.interrupt();
                }
            }
        }
    }

    pub(in crate::vm) fn take_callbacks(&self) -> Vec<Value> {
        // SAFETY: as above.
        std::mem::take(unsafe { &mut *self.callbacks.get() })
    }

    /// The next object whose finalizer must run.
    pub(in crate::vm) fn take_finalizers(&self) -> Vec<Value> {
        // SAFETY: as above.
        std::mem::take(unsafe { &mut *self.finalizers.get() })
    }

    /// Puts what was taken and could not be run in front of what waits.
    pub(in crate::vm) fn put_back(
        &self,
        callbacks: impl Iterator<Item = Value>,
        finalizers: impl Iterator<Item = Value>,
    ) {
        // SAFETY: as above.
        let (waiting_callbacks, waiting_finalizers) =
            unsafe { (&mut *self.callbacks.get(), &mut *self.finalizers.get()) };
        waiting_callbacks.splice(0..0, callbacks);
        waiting_finalizers.splice(0..0, finalizers);
    }
}
