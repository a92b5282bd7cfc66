//! Instances of script-defined classes and the attribute slots of all objects that have them.

use super::class::Class;
use super::dict::Dict;
use super::heap::{Heap, INSTANCE_SLOTS, SlotsPtr};
use super::layout::Layout;
use super::object::{Header, Kind, Object, Ref, Trace, Tracer, VTable, VTableOf};
use super::str::Str;
use super::value::Value;
use super::{R, Vm};

/// The payload of an instance: where its slots are. They usually follow in the same block. Read through
/// [`slots`], as for all objects with slots.
pub struct Instance {
    _slots: SlotsPtr,
}

impl Trace for Instance {
    // The slots are reported by the heap, which knows the layout.
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

impl Object for Instance {
    const KIND: Kind = Kind::Instance;
}

pub(super) fn vtable() -> &'static VTable {
    VTableOf::<Instance>::VTABLE
}

/// The address of an object's slots.
///
/// # Safety
/// `p` is alive and `layout` is its layout, with `slots_off != 0`.
#[inline(always)]
pub(super) unsafe fn slots(p: *mut Header, layout: &Layout) -> SlotsPtr {
    // SAFETY: the caller's promise.
    unsafe { *p.byte_offset(layout.slots_off as isize).cast::<SlotsPtr>() }
}

impl Vm {
    /// A new instance of a class without native payload, all slots unset.
    #[inline]
    pub(super) fn new_instance(&self, class: &Ref<Class>) -> Value {
        let layouts = &class.get(self).layouts;
        // SAFETY: the layout lives as long as the class.
        let layout = unsafe { &*layouts.root() };
        let room = layouts.hint.get() as usize;
        let p = self.heap.allocate(layout, Kind::Instance, 8 + room * 8);
        // SAFETY: the block has room for the pointer and `room` slots.
        unsafe {
            let slots: SlotsPtr = p.byte_add(INSTANCE_SLOTS).cast();
            Header::payload::<Instance>(p).write(Instance { _slots: slots });
            for i in 0..room {
                slots.add(i).write(Value::UNDEF);
            }
            (*p).aux.set(room as u16);
        }
        Value::from_ptr(p)
    }

    /// Reads a slot; `UNDEF` when unset.
    pub(super) fn slot(&self, obj: &Value, at: usize) -> Value {
        let Some(h) = obj.header() else { return Value::UNDEF };
        let layout = h.layout();
        if layout.slots_off == 0 {
            return Value::UNDEF;
        }
        // SAFETY: the object is alive; `at` is checked against the capacity.
        unsafe {
            let s = slots(obj.ptr(), layout);
            if s.is_null() || at >= h.aux.get() as usize { Value::UNDEF } else { (*s.add(at)).clone() }
        }
    }

    /// Writes a slot and gives the old value. The object's layout must have the slot.
    pub(super) fn set_slot(&mut self, obj: &Value, at: usize, value: Value) -> Value {
        let Some(h) = obj.header() else { return value };
        if h.layout().slots_off == 0 {
            return value;
        }
        self.reserve_slots(obj.ptr(), at + 1);
        // SAFETY: the object is alive and has room for the slot.
        unsafe { std::mem::replace(&mut *slots(obj.ptr(), h.layout()).add(at), value) }
    }

    /// Makes room for `n` slots.
    pub(super) fn reserve_slots(&self, p: *mut Header, n: usize) {
        // SAFETY: the object is alive; its slots pointer is valid for `aux` values.
        unsafe {
            let h = &*p;
            let old_room = h.aux.get() as usize;
            let place = p.byte_offset(h.layout().slots_off as isize).cast::<SlotsPtr>();
            let old = *place;
            if n <= old_room && !old.is_null() {
                return;
            }
            let room = n.max(old_room * 2).max(4).min(u16::MAX as usize);
            let new = self.heap.alloc_slots(room);
            if !old.is_null() {
                std::ptr::copy_nonoverlapping(old, new, old_room);
                if !Heap::slots_are_inline(p, old) {
                    self.heap.free_slots(old, old_room);
                }
            }
            *place = new;
            h.aux.set(room as u16);
        }
    }

    /// The value of an instance attribute (no class, no descriptors). `name` must be interned.
    #[inline]
    pub(super) fn own_attr(&self, obj: &Value, name: &Ref<Str>) -> Option<Value> {
        let h = obj.header()?;
        let layout = h.layout();
        if !layout.has_dict {
            return None;
        }
        if layout.dict_mode {
            return self.dict_of(obj)?.get_str(self, name);
        }
        let at = layout.slot_of(name.address())?;
        // SAFETY: the layout says that the slot is there.
        let v = unsafe { (*slots(obj.ptr(), layout).add(at)).clone() };
        if v.is_undef() { None } else { Some(v) }
    }

    /// The dict of an object in dict mode.
    pub(super) fn dict_of(&self, obj: &Value) -> Option<Ref<Dict>> {
        let layout = obj.header()?.layout();
        if !layout.dict_mode {
            return None;
        }
        self.slot(obj, layout.fixed as usize).try_into_ref().ok()
    }

    /// Sets an instance attribute (no class, no descriptors) of an object whose class gives its instances a `__dict__`.
    ///
    /// # Errors
    /// MemoryError when the system has none for a larger dict.
    pub(super) fn set_own_attr(&mut self, obj: &Value, name: &Ref<Str>, value: Value) -> R<()> {
        let Some(h) = obj.header() else { return Ok(()) };
        let layout = h.layout();
        if layout.dict_mode {
            if let Some(d) = self.dict_of(obj) {
                d.check_growth(self)?;
                d.set_str(self, name, value);
            }
            return Ok(());
        }
        if let Some(at) = layout.slot_of(name.address()) {
            drop(self.set_slot(obj, at, value));
            return Ok(());
        }
        let class = self.class_of(obj).clone();
        let next = class.get(self).layouts.with(layout, name.address());
        // SAFETY: layouts live as long as their class.
        let next = unsafe { &*next };
        if next.dict_mode {
            if let Some(d) = self.materialize_dict(obj) {
                d.set_str(self, name, value);
            }
            return Ok(());
        }
        class.get_mut(self).keep_slot_name(name);
        let at = next.slot_count() - 1;
        self.reserve_slots(obj.ptr(), at + 1);
        h.layout.set(next);
        drop(self.set_slot(obj, at, value));
        Ok(())
    }

    /// Removes an instance attribute; false when there is none.
    pub(super) fn del_own_attr(&mut self, obj: &Value, name: &Ref<Str>) -> bool {
        if self.own_attr(obj, name).is_none() {
            return false;
        }
        self.materialize_dict(obj).is_some_and(|d| d.del_str(self, name).is_some())
    }

    /// The real `__dict__` of an object: from now on its attributes live there.
    pub fn materialize_dict(&mut self, obj: &Value) -> Option<Ref<Dict>> {
        let h = obj.header()?;
        let layout = h.layout();
        if !layout.has_dict {
            return None;
        }
        if layout.dict_mode {
            return match self.dict_of(obj) {
                Some(d) => Some(d),
                None => {
                    let d = self.new_dict();
                    drop(self.set_slot(obj, layout.fixed as usize, d.value().clone()));
                    Some(d)
                }
            };
        }
        let d = self.new_dict();
        for (i, &name) in layout.names().iter().enumerate() {
            let v = self.slot(obj, layout.fixed as usize + i);
            if !v.is_undef() {
                // SAFETY: the class keeps the names of its layouts alive.
                let name: Ref<Str> = unsafe {
                    Header::inc(name as *const Header);
                    Ref::from_value_unchecked(Value::from_ptr(name as *mut Header))
                };
                d.set_str(self, &name, v);
            }
        }
        self.replace_dict(obj, &d);
        Some(d)
    }

    /// Makes `d` the `__dict__` of an object that has one.
    pub fn replace_dict(&mut self, obj: &Value, d: &Ref<Dict>) {
        let Some(h) = obj.header() else { return };
        let layout = h.layout();
        let fixed = layout.fixed as usize;
        let old: Vec<Value> = (fixed..layout.slot_count()).map(|i| self.set_slot(obj, i, Value::UNDEF)).collect();
        let class = self.class_of(obj).clone();
        let next = class.get(self).layouts.dict_layout();
        self.reserve_slots(obj.ptr(), fixed + 1);
        h.layout.set(next);
        drop(self.set_slot(obj, fixed, d.value().clone()));
        drop(old);
    }

    /// Changes the class of an object whose payload and slots stay (`__class__ = …`).
    pub(super) fn change_class(&mut self, obj: &Value, class: &Ref<Class>) {
        let Some(h) = obj.header() else { return };
        let old_class = self.class_of(obj).clone();
        if h.layout().has_dict && !h.layout().names().is_empty() || h.layout().dict_mode {
            self.materialize_dict(obj);
        }
        let layouts = &class.get(self).layouts;
        let next = if h.layout().dict_mode { layouts.dict_layout() } else { layouts.root() };
        h.layout.set(next);
        // The object's count moves from one class to the other.
        std::mem::forget(class.clone());
        // SAFETY: the object owned one count of its old class.
        unsafe { Heap::dec(old_class.value().ptr()) };
    }

    /// The names and values of an object's own attributes, in order.
    pub fn own_attrs(&self, obj: &Value) -> Vec<(Value, Value)> {
        let Some(h) = obj.header() else { return Vec::new() };
        let layout = h.layout();
        if let Some(d) = self.dict_of(obj) {
            return d.get(self).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        }
        layout
            .names()
            .iter()
            .enumerate()
            .filter_map(|(i, &name)| {
                let v = self.slot(obj, layout.fixed as usize + i);
                // SAFETY: the class keeps the names of its layouts alive.
                unsafe { Header::inc(name as *const Header) };
                let name = Value::from_ptr(name as *mut Header);
                if v.is_undef() { None } else { Some((name, v)) }
            })
            .collect()
    }
}

impl Class {
    /// Keeps a slot's name alive as long as the class.
    pub(super) fn keep_slot_name(&mut self, name: &Ref<Str>) {
        if !self.slot_names.iter().any(|n| n.is(name.value())) {
            self.slot_names.push(name.value().clone());
        }
    }
}
