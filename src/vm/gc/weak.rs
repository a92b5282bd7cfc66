//! Weak references: the payload, and the part of their life that the heap is involved in.
//!
//! A weak reference keeps the address of its target without counting it; the heap's table knows all weak references
//! to an object and clears them when it dies. What `weakref.ref` and `weakref.proxy` offer to scripts is in
//! `objects::weakref`. Invariant: `target` is 0 or the address of an object whose entry in the table has this
//! reference.

use crate::vm::class::{Class, class_flag};
use crate::vm::object::{Header, Object, Ref, Trace, Tracer};
use crate::vm::value::Value;
use crate::vm::{R, Vm};

/// The payload of `weakref.ref` and the proxies.
pub struct WeakRef {
    /// The address of the target's header; 0 once it is dead.
    target: usize,
    /// The callback, or `UNDEF`.
    callback: Value,
    /// The target's hash, once asked for.
    pub hash: Option<u64>,
}

impl Trace for WeakRef {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.value(&self.callback);
    }
    fn clear(&mut self) {
        self.callback = Value::UNDEF;
    }
}

impl Object for WeakRef {}

impl WeakRef {
    /// The callback, if it has one still to call.
    pub fn callback(&self) -> Option<&Value> {
        if self.callback.is_undef() { None } else { Some(&self.callback) }
    }

    /// Takes the callback away.
    pub(super) fn take_callback(&mut self) -> Value {
        std::mem::replace(&mut self.callback, Value::UNDEF)
    }

    /// Whether the target has died.
    pub fn is_dead(&self) -> bool {
        self.target == 0
    }
}

impl Drop for WeakRef {
    fn drop(&mut self) {
        if self.target != 0 {
            let me = Header::of_payload(self);
            // SAFETY: the payload is dropped in place, with its header in front; the heap outlives it.
            unsafe { (*me).layout().heap().remove_weakref(self.target, me) };
        }
    }
}

/// Clears a weak reference whose target died; true when it has a callback. The heap calls this.
fn target_died(w: *mut Header) -> bool {
    // SAFETY: the heap passes weak references that are alive; no reference to the payload exists while an object
    // is being freed.
    let w = unsafe { &mut *Header::payload::<WeakRef>(w) };
    w.target = 0;
    !w.callback.is_undef()
}

impl Vm {
    /// Tells the heap how to clear weak references.
    pub fn enable_weak_references(&mut self) {
        self.heap.on_dead_weakref.set(Some(target_died));
    }

    /// A weak reference of this class to an object. `callback` is `UNDEF` or callable.
    ///
    /// # Errors
    /// TypeError when the object allows none.
    pub fn new_weakref(&mut self, class: &Ref<Class>, target: &Value, callback: Value) -> R<Ref<WeakRef>> {
        let allowed = self.class_of(target).get(self).has(class_flag::WEAKREF);
        let Some(h) = target.header().filter(|_| allowed) else {
            let name = self.class_name(target);
            return Err(self.type_error(format!("cannot create weak reference to '{name}' object")));
        };
        let w = self.alloc_as(class, WeakRef { target: h as *const Header as usize, callback, hash: None });
        self.heap.add_weakref(h, w.value().ptr());
        Ok(w)
    }

    /// The target of a weak reference, if it is alive.
    pub fn weak_target(&self, w: &Ref<WeakRef>) -> Option<Value> {
        let target = w.get(self).target as *mut Header;
        if target.is_null() {
            return None;
        }
        // SAFETY: the address is cleared before the object's block is freed. A count of zero means that it waits
        // to be freed.
        unsafe {
            if (*target).rc.get() == 0 {
                return None;
            }
            Header::inc(target);
        }
        Some(Value::from_ptr(target))
    }

    /// The weak references to an object, oldest first.
    pub fn weak_references(&self, target: &Value) -> Vec<Value> {
        target.header().map_or_else(Vec::new, |h| self.heap.weakrefs(h as *const Header as usize))
    }

    /// Takes the target and the callback away from a weak reference (its own `clear`).
    pub fn detach_weakref(&mut self, w: &Ref<WeakRef>) {
        let (target, callback) = {
            let mut w = w.get_mut(self);
            (std::mem::take(&mut w.target), w.take_callback())
        };
        if target != 0 {
            self.heap.remove_weakref(target, w.value().ptr());
        }
        drop(callback);
    }

    /// Calls the callback of a weak reference whose target died.
    pub(in crate::vm) fn weakref_callback(&mut self, w: &Value) {
        let Some(r) = w.cast::<WeakRef>() else { return };
        let callback = r.get_mut(self).take_callback();
        if callback.is_undef() {
            return;
        }
        let saved = std::mem::replace(&mut self.thread.handled, Value::NONE);
        let result = self.call(&callback, std::slice::from_ref(w));
        self.thread.handled = saved;
        if let Err(e) = result {
            self.unraisable(e, &callback, Some("Exception ignored while calling weakref callback"));
        }
    }
}
