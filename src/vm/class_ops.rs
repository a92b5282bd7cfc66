//! What the methods of `type`, `object` and code objects need of the machine's inside: plain instances, slots by
//! number, changing an object's class, filling a new class.
//!
//! What these mean to scripts is in `objects::class`. Invariant: an object's payload never changes, so every
//! function here compares payloads before it touches an object.

use super::class::Class;
use super::dict::Dict;
use super::exception::Raised;
use super::function::{AttrCode, CodeObject, GetSet};
use super::object::{Kind, Ref};
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::Code;
use std::sync::Arc;

impl Class {
    /// The kind of payload that instances have.
    pub fn payload_kind(&self) -> Kind {
        self.vtable.kind
    }

    /// The size of the payload of instances, for `__basicsize__`.
    pub fn payload_size(&self) -> usize {
        self.vtable.size
    }
}

impl Vm {
    /// A new instance with all attributes unset; `None` when instances of the class have a native payload.
    #[inline]
    pub fn plain_instance(&self, class: &Ref<Class>) -> Option<Value> {
        (class.get(self).payload_kind() == Kind::Instance).then(|| self.new_instance(class))
    }

    /// The contents of one of the `__slots__`; `UNDEF` when unset.
    pub fn slot_value(&self, obj: &Value, slot: usize) -> Value {
        if slot < self.class_of(obj).get(self).fixed_slots() { self.slot(obj, slot) } else { Value::UNDEF }
    }

    /// Sets one of the `__slots__` and gives the old contents.
    pub fn set_slot_value(&mut self, obj: &Value, slot: usize, value: Value) -> Value {
        if slot < self.class_of(obj).get(self).fixed_slots() { self.set_slot(obj, slot, value) } else { value }
    }

    /// Whether objects of one class can become objects of the other.
    pub fn same_instance_layout(&self, a: &Ref<Class>, b: &Ref<Class>) -> bool {
        let (a, b) = (a.get(self), b.get(self));
        let (la, lb) = (a.root_layout(), b.root_layout());
        std::ptr::eq(a.vtable, b.vtable)
            && la.fixed == lb.fixed
            && la.has_dict == lb.has_dict
            && la.slots_off == lb.slots_off
            && (la.fixed == 0 || self.fixed_slot_names(a) == self.fixed_slot_names(b))
    }

    /// The numbers and names of the `__slots__` that instances have.
    fn fixed_slot_names(&self, class: &Class) -> Vec<(u16, usize)> {
        let mut out = Vec::new();
        for c in class.mro.iter().filter_map(|c| c.cast::<Class>()) {
            for (_, v) in self.class_dict(c).iter() {
                if let Some(g) = v.cast::<GetSet>().map(|g| g.get(self))
                    && g.owner.is(c)
                    && let AttrCode::Slot(n) = g.code
                {
                    out.push((n, g.name.address()));
                }
            }
        }
        out.sort_unstable();
        out
    }

    /// Makes the object an instance of another class; false (and nothing happens) when the layouts differ.
    pub fn try_change_class(&mut self, obj: &Value, class: &Ref<Class>) -> bool {
        let old = self.class_of(obj).clone();
        if !obj.is_object() || !self.same_instance_layout(&old, class) {
            return false;
        }
        self.change_class(obj, class);
        true
    }

    /// Puts all items of a namespace into a class, keys that are no strings included.
    ///
    /// # Errors
    /// An unhashable key cannot be in a dict, so only what `__eq__` of a strange key raises.
    pub fn fill_class(&mut self, class: &Ref<Class>, namespace: Dict) {
        let old = class.get_mut(self).dict.replace(namespace);
        self.class_changed(class);
        drop(old);
    }

    /// A weak reference to the object that exists already, or `None`.
    pub fn first_weakref(&self, obj: &Value) -> Value {
        match obj.header() {
            Some(h) if h.has_flag(super::object::flag::WEAKREF) => {
                self.heap.weakrefs(h as *const _ as usize).into_iter().next().unwrap_or(Value::NONE)
            }
            _ => Value::NONE,
        }
    }

    /// The constants of a code object, as values.
    pub fn code_consts(&self, code: &Ref<CodeObject>) -> Vec<Value> {
        code.get(self).consts.to_vec()
    }

    /// A code object like another one, with some of its descriptive fields changed; instructions, constants and
    /// names stay.
    pub fn code_like(&mut self, old: &Ref<CodeObject>, code: Code) -> Ref<CodeObject> {
        let (consts, names) = (old.get(self).consts.to_vec(), old.get(self).names.to_vec());
        self.alloc(CodeObject::new(Arc::new(code), consts, names))
    }

    /// The exception that a raised value carries, if it has been made.
    pub fn raised_object<'a>(&self, raised: &'a Raised) -> Option<&'a Value> {
        raised.0.is_object().then_some(&raised.0)
    }
}

/// A number that tells objects apart, as reprs show it.
pub fn address(v: &Value) -> u64 {
    v.bits() & !3
}

impl Vm {
    /// The method resolution order that the bases give, the class itself first.
    ///
    /// # Errors
    /// TypeError when no consistent order exists.
    pub fn default_mro(&mut self, class: &Ref<Class>) -> R<Vec<Value>> {
        let bases: Vec<Value> = match class.get(self).bases.cast::<super::str::Tuple>() {
            Some(t) => t.get(self).items().to_vec(),
            None => Vec::new(),
        };
        let mut lists: Vec<Vec<Value>> =
            bases.iter().filter_map(|b| b.cast::<Class>()).map(|b| b.get(self).mro.clone()).collect();
        lists.push(bases);
        let mut order = vec![class.value().clone()];
        order.extend(self.merge_mros(lists)?);
        Ok(order)
    }
}
