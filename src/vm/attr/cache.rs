//! What inline caches may remember of an attribute: found here, used by the interpreter's loop.
//!
//! A hit holds for every object whose layout has the id that [`Vm::attr_cache_key`] gave when the cache was filled:
//! ids change with the class, its bases and the instance's slots. Values inside hits are kept alive by the class
//! while its id stands, so a cache may keep their bits without counting them.
//!
//! Keys of classes and of instances come from the same numbers (a class's key is the id of its instances' first
//! layout), so a cache must remember which of the two it is about: hits named `Type…` are for classes only, all others but
//! [`CacheHit::Module`] for everything else.

use crate::vm::Vm;
use crate::vm::class::{Class, class_flag};
use crate::vm::function::{AttrCode, Function, GetSet, Module, Property};
use crate::vm::layout::Layout;
use crate::vm::object::{Kind, Ref};
use crate::vm::special::Special;
use crate::vm::str::Str;
use crate::vm::value::Value;

/// How an attribute can be read without looking it up again.
pub(in crate::vm) enum CacheHit {
    /// Attribute slot with this number; look it up again when it is unset.
    Slot(usize),
    /// One of the `__slots__`: the slot's number; look it up again (and raise) when it is unset.
    FixedSlot(usize),
    /// The value itself, from the class.
    ClassValue(Value),
    /// A function (script's or native) of the class: to be bound, or called with the object in front.
    Method(Value),
    /// A plain property whose getter is a script function. The property itself, since its getter can be replaced
    /// (`p.__init__(…)`) without the class knowing.
    Property(Value),
    /// A plain `staticmethod` of the class. The object itself, since its function can be replaced as well.
    Static(Value),
    /// Of a class: the value itself. Only when the object is a class.
    TypeValue(Value),
    /// Of a class: a plain `staticmethod` of it.
    TypeStatic(Value),
    /// Of a class: a plain `classmethod` of it, whose function is to be called with the class in front.
    TypeMethod(Value),
    /// Of a module: the entry of its namespace, while that has this keys version and the module's class is `module`
    /// itself.
    Module {
        /// `Dict::keys_version` of the namespace; the cache's key.
        keys_version: u32,
        /// The number of the entry.
        index: usize,
    },
}

/// How an attribute can be set without looking it up again.
pub(in crate::vm) enum SetHit {
    /// Write this slot.
    Slot(usize),
    /// Write this slot (after making room) and move the object to this layout.
    Add {
        /// The layout with the attribute.
        layout: *const Layout,
        /// The slot.
        slot: usize,
    },
}

impl Vm {
    /// What an inline cache compares: the id of the object's layout; 0 (matching nothing) where there is none. For
    /// a class it stands for the class's own attributes.
    #[inline(always)]
    pub(in crate::vm) fn attr_cache_key(&self, o: &Value) -> u32 {
        match o.header() {
            Some(_) if o.kind() == Some(Kind::Type) => match o.cast::<Class>() {
                Some(c) => c.get(self).root_layout().id.get(),
                None => 0,
            },
            Some(h) => h.layout().id.get(),
            None => self.class_of(o).get(self).root_layout().id.get(),
        }
    }

    /// How `o.name` can be cached; `None`: it cannot, or it is missing.
    pub(in crate::vm) fn fill_get_cache(&self, o: &Value, name: &Ref<Str>) -> Option<CacheHit> {
        if !matches!(o.kind(), Some(Kind::Module)) && self.attr_cache_key(o) == 0 {
            return None;
        }
        match o.kind() {
            Some(Kind::Type) => self.fill_type_cache(o.cast()?, name),
            Some(Kind::Module) => self.fill_module_cache(o.cast()?, name),
            _ => self.fill_instance_cache(o, name),
        }
    }

    fn fill_instance_cache(&self, o: &Value, name: &Ref<Str>) -> Option<CacheHit> {
        let class = self.class_of(o);
        if self.class_override(class, Special::GetAttribute).is_some() || self.is_volatile(class, name) {
            return None;
        }
        let raw = self.lookup(class, name);
        if let Some(raw) = &raw
            && self.is_data_descriptor(raw)
        {
            return self.fill_from_descriptor(class, raw);
        }
        if let Some(h) = o.header()
            && h.layout().has_dict
        {
            let layout = h.layout();
            if layout.dict_mode {
                return None;
            }
            if let Some(at) = layout.slot_of(name.address()) {
                return Some(CacheHit::Slot(at));
            }
        }
        let raw = raw?;
        if self.is_method_function(&raw) {
            return Some(CacheHit::Method(raw));
        }
        if self.is_plain_static(&raw) {
            return Some(CacheHit::Static(raw));
        }
        self.is_plain_value(&raw).then_some(CacheHit::ClassValue(raw))
    }

    fn fill_from_descriptor(&self, class: &Ref<Class>, raw: &Value) -> Option<CacheHit> {
        if let Some(g) = raw.cast::<GetSet>() {
            return self.own_slot(class, g).map(CacheHit::FixedSlot);
        }
        let p = raw.cast::<Property>()?;
        // Where a getter may fail, and `__getattr__` has the last word, the call must be watched.
        if !self.class_of(raw).is(&self.types.property) || self.class_special(class, Special::GetAttr).is_some() {
            return None;
        }
        p.get(self).get.is_a::<Function>().then(|| CacheHit::Property(raw.clone()))
    }

    /// The slot that a member descriptor stands for, if instances of the class have it: scripts can put descriptors
    /// into classes that they were not made for, and metaclasses can put foreign classes into an MRO.
    fn own_slot(&self, class: &Ref<Class>, g: &Ref<GetSet>) -> Option<usize> {
        let g = g.get(self);
        let AttrCode::Slot(n) = g.code else { return None };
        let layout = class.get(self).root_layout();
        (class.is_subclass(self, &g.owner) && n < layout.fixed && layout.slots_off != 0).then_some(n as usize)
    }

    /// Whether reading the value through an instance or a class gives the value itself.
    fn is_plain_value(&self, raw: &Value) -> bool {
        match raw.kind() {
            None => true,
            Some(Kind::Function | Kind::Native) => false,
            Some(_) => self.special(raw, Special::Get).is_none() && !self.is_data_descriptor(raw),
        }
    }

    /// Whether it is a `staticmethod` that is read as built-in ones are.
    fn is_plain_static(&self, raw: &Value) -> bool {
        raw.kind() == Some(Kind::StaticMethod) && self.class_of(raw).is(&self.types.staticmethod)
    }

    fn fill_type_cache(&self, class: &Ref<Class>, name: &Ref<Str>) -> Option<CacheHit> {
        let meta = self.class_of(class.value());
        // A metaclass that scripts can change may get a descriptor of this name later, unknown to the key.
        if meta.get(self).has(class_flag::HEAP)
            || self.class_override(meta, Special::GetAttribute).is_some()
            || self.is_volatile(class, name)
        {
            return None;
        }
        if self.lookup(meta, name).is_some_and(|m| self.is_data_descriptor(&m)) {
            return None;
        }
        let raw = self.lookup(class, name)?;
        if self.is_plain_static(&raw) {
            return Some(CacheHit::TypeStatic(raw));
        }
        if self.class_method_function(&raw).is_some() {
            return Some(CacheHit::TypeMethod(raw));
        }
        // Functions read through the class are themselves.
        let plain = matches!(raw.kind(), Some(Kind::Function | Kind::Native)) || self.is_plain_value(&raw);
        plain.then_some(CacheHit::TypeValue(raw))
    }

    fn fill_module_cache(&self, module: &Ref<Module>, name: &Ref<Str>) -> Option<CacheHit> {
        let class = self.class_of(module.value());
        if !class.is(&self.types.module) || self.lookup(class, name).is_some_and(|c| self.is_data_descriptor(&c)) {
            return None;
        }
        let dict = &module.get(self).dict;
        let index = dict.get(self).find_str(self.str_hash(name), name.value())?;
        let keys_version = dict.get(self).keys_version();
        // Versions are given out by `dict_version`, which needs the machine exclusively.
        (keys_version != 0).then_some(CacheHit::Module { keys_version, index })
    }

    /// How `o.name = …` can be cached; `None`: it cannot.
    pub(in crate::vm) fn fill_set_cache(&mut self, o: &Value, name: &Ref<Str>) -> Option<SetHit> {
        if matches!(o.kind(), Some(Kind::Type | Kind::Module)) {
            return None;
        }
        let layout = o.header()?.layout();
        let class = self.class_of(o);
        if layout.id.get() == 0 || self.class_override(class, Special::SetAttr).is_some() {
            return None;
        }
        if let Some(raw) = self.lookup(class, name)
            && self.is_data_descriptor(&raw)
        {
            return self.own_slot(class, raw.cast::<GetSet>()?).map(SetHit::Slot);
        }
        if !layout.has_dict || layout.dict_mode {
            return None;
        }
        if let Some(at) = layout.slot_of(name.address()) {
            return Some(SetHit::Slot(at));
        }
        let class = class.clone();
        let next = class.get(self).layouts.with(layout, name.address());
        // SAFETY: layouts live as long as their class, which `o` keeps alive.
        let (dict_mode, slots) = unsafe { ((*next).dict_mode, (*next).slot_count()) };
        if dict_mode {
            return None;
        }
        class.get_mut(self).keep_slot_name(name);
        Some(SetHit::Add { layout: next, slot: slots - 1 })
    }
}
