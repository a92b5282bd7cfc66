//! Attributes and items beyond the loop's fast paths, and the filling of inline caches.

use super::super::attr::{CacheHit, SetHit};
use super::super::class::Class;
use super::super::dict::Dict;
use super::super::frame::frame_flag;
use super::super::function::{CodeObject, Function, InlineCache, Property, StaticMethod};
use super::super::keys::{exact_str, plain_equal};
use super::super::object::{Header, Kind, Ref};
use super::super::seq::List;
use super::super::set::{FrozenSet, Set};
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::zeroed::Zeroed;
use super::super::{R, Vm};
use super::Next;
use crate::compiler::opcodes::Instr;

/// What `InlineCache::index` means when it is no slot.
pub(super) mod cache_kind {
    /// From here on the index is a kind.
    pub const FIRST: u32 = 0xffff_fff0;
    /// `value` is a plain attribute of the class.
    pub const CLASS_VALUE: u32 = FIRST;
    /// `value` is a function to be called with the object.
    pub const METHOD: u32 = FIRST + 1;
    /// `value` is a property.
    pub const PROPERTY: u32 = FIRST + 2;
    /// The object is a class, `id` stands for its own attributes, `value` is one.
    pub const TYPE_VALUE: u32 = FIRST + 3;
    /// The object is a module, `id` is the keys version of its namespace, `value` the number of an entry.
    pub const MODULE: u32 = FIRST + 4;
    /// `value` is a `staticmethod` of the class.
    pub const STATIC: u32 = FIRST + 5;
    /// The object is a class, `value` a `staticmethod` of it.
    pub const TYPE_STATIC: u32 = FIRST + 6;
    /// The object is a class, `value` a `classmethod` of it.
    pub const TYPE_METHOD: u32 = FIRST + 7;
}

/// Entries of the second cache: a power of two.
const ATTR_CACHE: usize = 1024;

/// What the inline caches of one site cannot all hold: attributes by layout and name, for sites that see objects of
/// several classes.
pub(in crate::vm) struct AttrCache {
    /// The entry and the name that it is for, which it keeps alive.
    entries: Zeroed<(InlineCache, Value), ATTR_CACHE>,
}

impl Default for AttrCache {
    fn default() -> AttrCache {
        // SAFETY: all zeros are a layout that nothing has and a value that is no object.
        AttrCache { entries: unsafe { Zeroed::new() } }
    }
}

impl AttrCache {
    /// What is known of the attribute named by `name` (the bits of an interned string) of objects with a layout.
    #[inline(always)]
    pub(super) fn find_by_id(&self, id: u32, name: u64) -> Option<InlineCache> {
        let (entry, of) = &self.entries[AttrCache::place_of(id, name as usize)];
        (entry.id == id && id != 0 && of.bits() == name).then_some(*entry)
    }

    #[inline(always)]
    fn place_of(id: u32, name_bits: usize) -> usize {
        (id as usize).wrapping_mul(31).wrapping_add(name_bits >> 4) % ATTR_CACHE
    }

    fn place(id: u32, name: &Ref<Str>) -> usize {
        AttrCache::place_of(id, name.value().bits() as usize)
    }

    /// What is known of the attribute of an object that is no class.
    fn find(&self, obj: &Value, name: &Ref<Str>) -> Option<InlineCache> {
        let h = obj.header()?;
        if matches!(h.kind, Kind::Type | Kind::Module) {
            return None;
        }
        let id = h.layout().id.get();
        let (entry, of) = &self.entries[AttrCache::place(id, name)];
        (entry.id == id && id != 0 && of.is(name.value())).then_some(*entry)
    }

    fn put(&mut self, entry: InlineCache, name: &Ref<Str>) {
        self.entries[AttrCache::place(entry.id, name)] = (entry, name.value().clone());
    }
}

/// A new reference to a value whose bits a cache remembers.
#[inline(always)]
pub(super) fn borrowed_copy(bits: u64) -> Value {
    // SAFETY: while the id of a cache's entry stands, which the callers have compared, the class keeps the value
    // alive.
    let v = unsafe { Value::from_bits(bits) };
    let copy = v.clone();
    std::mem::forget(v);
    copy
}

/// The function of a `staticmethod` or `classmethod` whose bits a cache remembers.
#[inline(always)]
pub(super) fn wrapped_function(bits: u64) -> Value {
    // SAFETY: as for `borrowed_copy`; the two have the same payload, and caches remember nothing else here.
    unsafe { (*Header::payload::<StaticMethod>(Value::ptr_of(bits))).func.clone() }
}

/// An attribute in a slot or a class, where a cache that matches the object says that it is.
#[inline(always)]
pub(super) fn cached_instance_attr(cache: InlineCache, obj: &Value) -> Option<Value> {
    match cache.index {
        cache_kind::CLASS_VALUE => return Some(borrowed_copy(cache.value)),
        cache_kind::STATIC => return Some(wrapped_function(cache.value)),
        _ => {}
    }
    let h = obj.header()?;
    if cache.index >= u32::from(h.aux.get()) {
        return None;
    }
    // SAFETY: the object has room for so many slots.
    let v = unsafe { (*super::super::instance::slots(obj.ptr(), h.layout()).add(cache.index as usize)).clone() };
    (!v.is_undef()).then_some(v)
}

/// Whether one of a few items is the same or equal, where that takes no script code.
#[inline(always)]
fn among(items: &[Value], wanted: &Value) -> Option<bool> {
    const FEW: usize = 16;
    for item in items.get(..items.len().min(FEW))? {
        if plain_equal(item, wanted)? {
            return Some(true);
        }
    }
    if items.len() > FEW { None } else { Some(false) }
}

/// Whether a short text has another one in it.
#[inline(never)]
fn text_has(text: &[u8], part: &[u8]) -> Option<bool> {
    const SHORT: usize = 4096;
    match part {
        [byte] if text.len() <= 16 => Some(text.contains(byte)),
        _ if text.len() + part.len() <= SHORT => Some(crate::text::algorithms::find(text, part).is_some()),
        _ => None,
    }
}

impl Vm {
    /// The code that runs.
    #[inline(always)]
    pub(super) fn running_code(&self) -> &CodeObject {
        // SAFETY: something runs, and a frame's code is alive.
        unsafe { &*(*self.thread.frame).code }
    }

    /// The function that runs.
    #[inline(always)]
    pub(super) fn running_function(&self) -> &Function {
        // SAFETY: as above.
        unsafe { &*(*self.thread.frame).func }
    }

    /// The name that a cache of the running code is about.
    pub(super) fn cache_name(&self, cache: u16) -> Ref<Str> {
        self.running_code().cache_name(cache as usize)
    }

    fn set_cache(&self, at: u16, cache: InlineCache) {
        self.running_code().caches[at as usize].set(cache);
    }

    /// GetAttr on a cache miss. A property's script getter becomes a frame.
    #[inline(never)]
    pub(super) fn get_attr_op(&mut self, ins: Instr, obj: Value) -> R<Next> {
        let cache = self.running_code().caches[ins.c() as usize].get();
        if let Some(h) = obj.header()
            && cache.index == cache_kind::PROPERTY
            && cache.id == h.layout().id.get()
        {
            // SAFETY: while the id stands, the class keeps the property alive.
            let p = unsafe { Value::from_bits(cache.value) };
            let getter = p.cast::<Property>().map_or(Value::UNDEF, |p| p.get(self).get.clone());
            std::mem::forget(p);
            if getter.is_a::<Function>() {
                return self.push_call(getter, &[obj], ins.a(), 0);
            }
        }
        if let Some(v) = self.cached_namespace_attr(cache, &obj) {
            self.put_result(ins.a(), v);
            return Ok(Next::Reload);
        }
        let name = self.cache_name(ins.c());
        if let Some(found) = self.attr_cache.find(&obj, &name) {
            self.set_cache(ins.c(), found);
            // Not twice: the property may have lost its script getter.
            if found.index == cache_kind::PROPERTY && cache.id != found.id {
                return self.get_attr_op(ins, obj);
            }
            if let Some(v) = cached_instance_attr(found, &obj) {
                self.put_result(ins.a(), v);
                return Ok(Next::Reload);
            }
        }
        if let Some(v) = self.fill_namespace_cache(ins.c(), &obj, &name) {
            self.put_result(ins.a(), v);
            return Ok(Next::Reload);
        }
        if let Some(h) = obj.header() {
            let id = h.layout().id.get();
            let fill = match self.fill_get_cache(&obj, &name) {
                Some(CacheHit::Slot(at)) => Some((at as u32, 0)),
                Some(CacheHit::FixedSlot(at)) => Some((at as u32, 0)),
                Some(CacheHit::ClassValue(v)) => Some((cache_kind::CLASS_VALUE, v.bits())),
                Some(CacheHit::Static(v)) => Some((cache_kind::STATIC, v.bits())),
                Some(CacheHit::Property(p)) => Some((cache_kind::PROPERTY, p.bits())),
                _ => None,
            };
            if let Some((index, value)) = fill
                && id != 0
            {
                let entry = InlineCache { id, index, value };
                self.set_cache(ins.c(), entry);
                self.attr_cache.put(entry, &name);
                if index == cache_kind::PROPERTY {
                    return self.get_attr_op(ins, obj);
                }
            }
        }
        let v = self.get_attr(&obj, &name)?;
        self.put_result(ins.a(), v);
        Ok(Next::Reload)
    }

    /// A cached attribute of a class or module.
    #[inline(always)]
    pub(super) fn cached_namespace_attr(&self, cache: InlineCache, obj: &Value) -> Option<Value> {
        match cache.index {
            cache_kind::TYPE_VALUE if self.is_class_with_key(obj, cache.id) => Some(borrowed_copy(cache.value)),
            cache_kind::TYPE_STATIC if self.is_class_with_key(obj, cache.id) => Some(wrapped_function(cache.value)),
            cache_kind::MODULE => {
                let m = obj.cast::<super::super::function::Module>()?;
                let dict = m.get(self).dict.get(self);
                if dict.keys_version() != cache.id {
                    return None;
                }
                dict.value_at(cache.value as usize).cloned()
            }
            _ => None,
        }
    }

    /// Whether a cache that is about a class is about this one.
    #[inline(always)]
    pub(super) fn is_class_with_key(&self, obj: &Value, id: u32) -> bool {
        obj.kind() == Some(Kind::Type) && self.attr_cache_key(obj) == id && id != 0
    }

    /// Fills a cache for an attribute of a class or module, and gives the attribute.
    fn fill_namespace_cache(&mut self, at: u16, obj: &Value, name: &Ref<Str>) -> Option<Value> {
        match obj.kind() {
            Some(Kind::Type) => {
                let id = self.attr_cache_key(obj);
                let (index, v) = match self.fill_get_cache(obj, name)? {
                    CacheHit::TypeValue(v) => (cache_kind::TYPE_VALUE, v),
                    CacheHit::TypeStatic(v) => (cache_kind::TYPE_STATIC, v),
                    _ => return None,
                };
                let cache = InlineCache { id, index, value: v.bits() };
                self.set_cache(at, cache);
                self.cached_namespace_attr(cache, obj)
            }
            Some(Kind::Module) => {
                let dict = obj.cast::<super::super::function::Module>()?.get(self).dict.clone();
                if self.dict_version(&dict) == 0 {
                    return None;
                }
                let Some(CacheHit::Module { keys_version, index }) = self.fill_get_cache(obj, name) else {
                    return None;
                };
                let cache = InlineCache { id: keys_version, index: cache_kind::MODULE, value: index as u64 };
                self.set_cache(at, cache);
                self.cached_namespace_attr(cache, obj)
            }
            _ => None,
        }
    }

    /// Writes a register of the running frame.
    #[inline(always)]
    pub(super) fn put_result(&mut self, dst: u16, v: Value) {
        // SAFETY: the verifier has checked the operand of the running code.
        unsafe { *(*self.thread.frame).regs.add(dst as usize) = v };
    }

    /// SetAttr on a cache miss.
    #[inline(never)]
    pub(super) fn set_attr_op(&mut self, ins: Instr, obj: Value, v: Value) -> R<()> {
        let name = self.cache_name(ins.c());
        let before = obj.header().map(|h| h.layout().id.get());
        if let Some(id) = before
            && id != 0
        {
            match self.fill_set_cache(&obj, &name) {
                Some(SetHit::Slot(at)) => self.set_cache(ins.c(), InlineCache { id, index: at as u32, value: 0 }),
                Some(SetHit::Add { layout, slot }) => {
                    self.set_cache(ins.c(), InlineCache { id, index: slot as u32, value: layout as u64 });
                }
                None => {}
            }
        }
        self.set_attr(&obj, &name, v)
    }

    /// LoadMethod on a cache miss.
    #[inline(never)]
    pub(super) fn load_method_op(&mut self, cache: u16, obj: Value) -> R<(Value, Value)> {
        let entry = self.running_code().caches[cache as usize].get();
        if let Some(v) = self.cached_namespace_attr(entry, &obj) {
            return Ok((v, Value::UNDEF));
        }
        let name = self.cache_name(cache);
        if let Some(found) = self.attr_cache.find(&obj, &name)
            && found.index == cache_kind::METHOD
        {
            self.set_cache(cache, found);
            return Ok((borrowed_copy(found.value), obj));
        }
        if let Some(v) = self.fill_namespace_cache(cache, &obj, &name) {
            return Ok((v, Value::UNDEF));
        }
        match self.fill_get_cache(&obj, &name) {
            Some(CacheHit::Method(f)) => {
                self.keep_method(cache, &obj, &name, cache_kind::METHOD, &f);
                return Ok((f, obj));
            }
            Some(CacheHit::Static(v)) => {
                self.keep_method(cache, &obj, &name, cache_kind::STATIC, &v);
                return Ok((wrapped_function(v.bits()), Value::UNDEF));
            }
            Some(CacheHit::TypeMethod(v)) => {
                let id = self.attr_cache_key(&obj);
                self.set_cache(cache, InlineCache { id, index: cache_kind::TYPE_METHOD, value: v.bits() });
                return Ok((wrapped_function(v.bits()), obj));
            }
            _ => {}
        }
        self.load_method(&obj, &name)
    }

    /// Fills the caches for a method of an object that is no class.
    fn keep_method(&mut self, cache: u16, obj: &Value, name: &Ref<Str>, index: u32, v: &Value) {
        if let Some(h) = obj.header()
            && h.layout().id.get() != 0
        {
            let entry = InlineCache { id: h.layout().id.get(), index, value: v.bits() };
            self.set_cache(cache, entry);
            self.attr_cache.put(entry, name);
        }
    }

    /// `object[index]` without running script code.
    #[inline(always)]
    pub(super) fn get_item_fast(&self, o: &Value, i: &Value) -> Option<Value> {
        let h = o.header()?;
        if !h.layout().is_exact() {
            return None;
        }
        match h.kind {
            Kind::List => {
                let i = i.as_small_int()?;
                let items = &o.cast::<List>()?.get(self).items;
                let at = if i < 0 { i + items.len() as i64 } else { i };
                items.get(usize::try_from(at).ok()?).cloned()
            }
            Kind::Tuple => {
                let i = i.as_small_int()?;
                let items = o.cast::<Tuple>()?.get(self).items();
                let at = if i < 0 { i + items.len() as i64 } else { i };
                items.get(usize::try_from(at).ok()?).cloned()
            }
            Kind::Dict => {
                let d = o.cast::<Dict>()?.get(self);
                let at = d.find_plain(self.plain_hash(i)?, i)??;
                d.value_at(at).cloned()
            }
            Kind::Str => {
                let i = i.as_small_int()?;
                let s = o.cast::<Str>()?.get(self);
                if !s.is_ascii() {
                    return None;
                }
                let at = if i < 0 { i + s.char_len() as i64 } else { i };
                let b = *s.as_bytes().get(usize::try_from(at).ok()?)?;
                Some(self.latin1_char(b))
            }
            _ => None,
        }
    }

    /// `dict[key] = value` where no comparison runs script code; the value comes back where one might.
    #[inline(never)]
    pub(super) fn set_item_plain(&mut self, o: &Value, key: &Value, v: Value) -> Result<(), Value> {
        let Some(d) = o.cast::<Dict>().filter(|d| d.header().layout().is_exact()) else { return Err(v) };
        let Some(hash) = self.plain_hash(key) else { return Err(v) };
        let Some(found) = d.get(self).find_plain(hash, key) else { return Err(v) };
        let old = {
            let mut d = d.get_mut(self);
            match found {
                Some(at) => d.set_value_at(at, v),
                None => {
                    d.insert_new(hash, key.clone(), v);
                    Value::UNDEF
                }
            }
        };
        drop(old);
        Ok(())
    }

    /// `object[index] = value` on a miss.
    #[inline(never)]
    pub(super) fn set_item_op(&mut self, o: &Value, i: Value, v: Value) -> R<()> {
        match self.set_item_plain(o, &i, v) {
            Ok(()) => Ok(()),
            Err(v) => self.set_item(o, i, v),
        }
    }

    /// `item in container` where nothing runs script code, nothing is made and the work is small.
    #[inline(always)]
    pub(super) fn contains_plain(&self, container: &Value, item: &Value) -> Option<bool> {
        let h = container.header()?;
        if !h.layout().is_exact() {
            return None;
        }
        match h.kind {
            Kind::Set => {
                let t = &container.cast::<Set>()?.get(self).table;
                Some(t.find_plain(self.plain_hash(item)?, item)?.is_some())
            }
            Kind::Dict => Some(container.cast::<Dict>()?.get(self).find_plain(self.plain_hash(item)?, item)?.is_some()),
            Kind::FrozenSet => {
                let t = &container.cast::<FrozenSet>()?.get(self).table;
                Some(t.find_plain(self.plain_hash(item)?, item)?.is_some())
            }
            Kind::Tuple => among(container.cast::<Tuple>()?.get(self).items(), item),
            Kind::List => among(&container.cast::<List>()?.get(self).items, item),
            Kind::Str => text_has(container.cast::<Str>()?.get(self).as_bytes(), exact_str(item)?.get(self).as_bytes()),
            _ => None,
        }
    }

    /// `item in container`.
    #[inline(never)]
    pub(super) fn contains_op(&mut self, container: &Value, item: &Value) -> R<bool> {
        if let Some(t) = self.contains_plain(container, item) {
            return Ok(t);
        }
        if let (Some(s), Some(part)) = (exact_str(container), item.cast::<Str>()) {
            let (text, part) = (s.get(self).as_bytes(), part.get(self).as_bytes());
            self.charge((text.len() + part.len()) >> 8);
            return Ok(crate::text::algorithms::find(text, part).is_some());
        }
        self.contains(container, item)
    }

    /// The hash of a dict key, with the error text for dict keys.
    pub(super) fn hash_key(&mut self, key: &Value) -> R<u64> {
        match key.as_small_int() {
            Some(i) => Ok(self.hash_small_int(i)),
            None => match exact_str(key) {
                Some(s) => Ok(self.str_hash(s)),
                None => self.hash_as_dict_key(key),
            },
        }
    }

    /// The method and receiver of `with` statements.
    #[inline(never)]
    pub(super) fn load_special(&mut self, obj: Value, which: u16) -> R<(Value, Value)> {
        use super::super::special::Special;
        let (special, is_async) = match which {
            0 => (Special::Enter, false),
            1 => (Special::Exit, false),
            2 => (Special::AEnter, true),
            _ => (Special::AExit, true),
        };
        match self.special(&obj, special) {
            Some(f) => {
                let class = self.class_of(&obj).clone();
                if f.is_a::<Function>() || f.is_a::<super::super::function::Native>() {
                    return Ok((f, obj));
                }
                let bound = self.bind(&f, &obj, &class)?;
                Ok((bound, Value::UNDEF))
            }
            None => {
                let name = self.full_type_name(&self.class_of(&obj).clone());
                let (protocol, method) = match (is_async, which & 1) {
                    (false, m) => ("context manager", if m == 0 { "__enter__" } else { "__exit__" }),
                    (true, m) => ("asynchronous context manager", if m == 0 { "__aenter__" } else { "__aexit__" }),
                };
                let (other_enter, other_exit, hint) = if is_async {
                    (Special::Enter, Special::Exit, "with")
                } else {
                    (Special::AEnter, Special::AExit, "async with")
                };
                let mut text =
                    format!("'{name}' object does not support the {protocol} protocol (missed {method} method)");
                if self.special(&obj, other_enter).is_some() && self.special(&obj, other_exit).is_some() {
                    text.push_str(&format!(
                        " but it supports the {} protocol. Did you mean to use '{hint}'?",
                        if is_async { "context manager" } else { "asynchronous context manager" }
                    ));
                }
                Err(self.type_error(text))
            }
        }
    }

    /// `super(class, self).name`.
    #[inline(never)]
    pub(super) fn super_attr(&mut self, ins: Instr, s: Value, class: Value, obj: Value) -> R {
        let (f, this) = self.super_method(ins, s, class, obj)?;
        if this.is_undef() {
            return Ok(f);
        }
        let owner = self.class_of(&this).clone();
        self.bind(&f, &this, &owner)
    }

    /// The same for a call.
    #[inline(never)]
    pub(super) fn super_method(&mut self, ins: Instr, s: Value, class: Value, obj: Value) -> R<(Value, Value)> {
        use crate::compiler::opcodes::FLAG_VARIANT;
        let name = self.cache_name(ins.c());
        if !s.is(self.super_class.value()) {
            let two = ins.flags() & FLAG_VARIANT != 0;
            let sup = if two { self.call(&s, &[class, obj])? } else { self.call(&s, &[])? };
            return Ok((self.get_attr(&sup, &name)?, Value::UNDEF));
        }
        if obj.is_undef() {
            return Err(self.runtime_error("super(): arg[0] deleted"));
        }
        let found = self.super_lookup(&class, &obj, &name)?;
        // The object's layout stands for its MRO, the class for the place in it; both are numbered anew when the class
        // changes.
        if let (Some(h), Some(c)) = (obj.header(), class.cast::<Class>())
            && h.kind != Kind::Type
            && !found.1.is_undef()
        {
            let (id, index) = (h.layout().id.get(), c.get(self).root_layout().id.get());
            if id != 0 && index != 0 {
                self.set_cache(ins.c(), InlineCache { id, index, value: found.0.bits() });
            }
        }
        Ok(found)
    }

    /// Looks a name up behind `class` in the MRO of `obj` (or of `obj` itself, for class methods): the function
    /// and the object to call it with, or a bound attribute and `UNDEF`.
    ///
    /// # Errors
    /// TypeError when `obj` does not belong to `class`; AttributeError.
    pub fn super_lookup(&mut self, class: &Value, obj: &Value, name: &Ref<Str>) -> R<(Value, Value)> {
        if name.is(&self.names.__class__) {
            // That of the `super` object, as in CPython.
            return Ok((self.super_class.value().clone(), Value::UNDEF));
        }
        let Some(class) = class.cast::<Class>().cloned() else {
            return Err(self.runtime_error("super(): __class__ is not a type"));
        };
        let (start, of_class) = match obj.cast::<Class>() {
            Some(c) if c.is_subclass(self, &class) => (c.clone(), true),
            _ => (self.class_of(obj).clone(), false),
        };
        if !of_class && !start.is_subclass(self, &class) {
            let (c, got) = (class.get(self).display_name(), self.class_name(obj));
            let what = match obj.cast::<Class>() {
                Some(o) => format!("type {}", o.get(self).display_name()),
                None => format!("instance of {got}"),
            };
            return Err(
                self.type_error(format!("super(type, obj): obj ({what}) is not an instance or subtype of type ({c})."))
            );
        }
        let hash = self.str_hash(name);
        let found = start
            .get(self)
            .mro
            .iter()
            .skip_while(|c| !c.is(class.value()))
            .skip(1)
            .find_map(|c| self.class_dict(c.cast::<Class>()?).get_hashed(hash, name.value()).cloned());
        match found {
            Some(f) if !of_class && (f.is_a::<Function>() || self.is_plain_method(&f)) => Ok((f, obj.clone())),
            Some(f) if of_class => {
                let none = Value::UNDEF;
                Ok((self.bind(&f, &none, &start)?, Value::UNDEF))
            }
            Some(f) => Ok((self.bind(&f, obj, &start)?, Value::UNDEF)),
            None => {
                if self.str_is(name.value(), "__class__") {
                    return Ok((self.super_class.value().clone(), Value::UNDEF));
                }
                let text = format!("'super' object has no attribute '{}'", name.get(self).to_string_lossy());
                let obj = obj.clone();
                Err(self.attribute_error(text, name, &obj))
            }
        }
    }

    /// Whether calling the native with the receiver in front is what binding it would do.
    fn is_plain_method(&self, f: &Value) -> bool {
        f.is_a::<super::super::function::Native>() && !self.class_of(f).is(&self.types.builtin_function)
    }

    /// Calls through a frame where `f` is a script function, else at once; the result goes to `dst`.
    pub(super) fn push_call(&mut self, f: Value, args: &[Value], dst: u16, flags: u8) -> R<Next> {
        if f.is_a::<Function>() {
            self.push_function(f, args, dst, flags & !frame_flag::ENTRY)
        } else {
            let v = self.call(&f, args)?;
            self.put_result(dst, v);
            Ok(Next::Reload)
        }
    }
}
