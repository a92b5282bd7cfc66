//! Classes: the payload of `type` objects, method resolution order, and the cache of attribute look-ups.
//!
//! What a `class` statement does with names, `__slots__`, hooks and metaclasses is in `objects::class`; here is
//! only what the machine needs.

use super::class_dict::ClassDict;
use super::layout::{Layout, Layouts};
use super::native::FlatFn;
use super::object::{Header, Kind, Object, Ref, Trace, Tracer, VTable};
use super::special::Special;
use super::str::Str;
use super::value::Value;
use super::{R, Vm};
use std::cell::{Cell, OnceCell};

/// Bits of [`Class::flags`].
pub mod class_flag {
    /// Made by a script: its attributes can be changed.
    pub const HEAP: u32 = 1;
    /// Can be a base.
    pub const BASE: u32 = 2;
    /// `case [..]` matches instances.
    pub const SEQUENCE: u32 = 4;
    /// `case {..}` matches instances.
    pub const MAPPING: u32 = 8;
    /// A class pattern with one positional sub-pattern matches the subject itself.
    pub const MATCH_SELF: u32 = 16;
    /// `__abstractmethods__` is not empty.
    pub const ABSTRACT: u32 = 32;
    /// Instances cannot be made by calling the class.
    pub const NO_NEW: u32 = 64;
    /// Weak references to instances are allowed.
    pub const WEAKREF: u32 = 128;
    /// A subclass of `BaseException`.
    pub const EXCEPTION: u32 = 256;
    /// A subclass of `type`.
    pub const METACLASS: u32 = 512;
    /// A built-in class whose attributes scripts may change: CPython has it in Python.
    pub const MUTABLE: u32 = 1024;
    /// A built-in class whose `__del__` is called for instances that die.
    pub const DEL: u32 = 2048;
    /// CPython has it in C: messages name it with its module.
    pub const STATIC: u32 = 4096;
}

/// The payload of a class.
pub struct Class {
    /// `__name__`.
    pub name: Ref<Str>,
    /// `__qualname__`.
    pub qualname: Ref<Str>,
    /// `__bases__`: a tuple.
    pub bases: Value,
    /// `__base__`: the base whose payload the instances have.
    pub base: Option<Ref<Class>>,
    /// `__mro__`, this class included, as classes.
    pub mro: Vec<Value>,
    /// The attributes; see [`Vm::class_dict`].
    pub(super) dict: ClassDict,
    /// See [`class_flag`].
    pub flags: u32,
    /// The payload of instances.
    pub(super) vtable: &'static VTable,
    pub(super) layouts: Layouts,
    /// Direct subclasses; each takes itself out when it dies.
    pub(super) subclasses: Vec<*mut Header>,
    /// Special methods, found once.
    specials: OnceCell<Box<[Cell<u64>; Special::COUNT]>>,
    /// The script's `__init__`, if an instance is made by `object.__new__` and that alone; found once.
    plain_init: Cell<PlainInit>,
    /// The Rust functions of those that are native, found once: [`not_flat`] where there is none.
    flats: OnceCell<Box<[Cell<Option<FlatFn>>; Special::COUNT]>>,
    /// Bits of the attribute hooks that are known to be the standard ones.
    pub(super) standard_hooks: Cell<u8>,
    /// Names of all layouts' slots are kept alive here.
    pub(super) slot_names: Vec<Value>,
    /// Names of attributes that are set again and again, such as counters: no cache remembers their values, so that
    /// setting them changes nothing else.
    volatile: Vec<Ref<Str>>,
    /// How often an attribute got another plain value.
    resets: u8,
}

/// What is known of a class's construction.
#[derive(Clone, Copy)]
pub(super) enum PlainInit {
    Unknown,
    /// Calling it does more than `object.__new__` and a script function `__init__` do.
    No,
    /// There is no `__init__` but that of `object`.
    None,
    /// The bits of the function, which the MRO keeps alive until the class changes.
    Yes(u64),
}

/// Stands in tables for a special method that has no Rust function; nobody calls it.
fn not_flat(_: &mut Vm, _: &[Value]) -> R {
    Ok(Value::NOT_IMPLEMENTED)
}

impl Trace for Class {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.name.trace(tracer);
        self.qualname.trace(tracer);
        self.bases.trace(tracer);
        self.base.trace(tracer);
        self.mro.trace(tracer);
        self.dict.trace(tracer);
    }
    fn clear(&mut self) {
        self.forget_specials();
        self.dict.clear();
        self.mro = Vec::new();
    }
}

impl Object for Class {
    const KIND: Kind = Kind::Type;
    fn external(&self) -> usize {
        self.dict.external() + self.mro.capacity() * 8 + TABLES
    }
}

/// About what the tables of a class take.
const TABLES: usize = 2048;

impl Drop for Class {
    fn drop(&mut self) {
        self.leave_bases();
    }
}

/// Frees the payload of a class at the very end.
///
/// # Safety
/// All instances are gone, nothing uses the class any more, and counts no longer matter.
pub(super) unsafe fn drop_class_payload(p: *mut Header) {
    // SAFETY: the caller's promise; `subclasses` of other classes are not looked at any more.
    unsafe {
        let class = Header::payload::<Class>(p);
        (*class).bases = Value::UNDEF;
        std::ptr::drop_in_place(class);
    }
}

impl Header {
    pub(super) fn of_payload<T>(payload: *const T) -> *mut Header {
        (payload as *mut Header).wrapping_sub(1)
    }
}

impl Class {
    /// A class for the bootstrap: no bases but `base`, an empty namespace, an empty MRO.
    pub(super) fn bare(
        name: Ref<Str>,
        base: Option<Ref<Class>>,
        flags: u32,
        vtable: &'static VTable,
        layouts: Layouts,
    ) -> Class {
        Class {
            qualname: name.clone(),
            name,
            bases: Value::NONE,
            base,
            mro: Vec::new(),
            dict: ClassDict::new(true),
            flags,
            vtable,
            layouts,
            subclasses: Vec::new(),
            specials: OnceCell::new(),
            plain_init: Cell::new(PlainInit::Unknown),
            flats: OnceCell::new(),
            standard_hooks: Cell::new(0),
            slot_names: Vec::new(),
            volatile: Vec::new(),
            resets: 0,
        }
    }

    /// Takes the class out of its bases' lists of subclasses: it dies, or the collector is about to empty the tuple
    /// of its bases.
    pub(super) fn leave_bases(&self) {
        let me = Header::of_payload(self);
        let Some(bases) = self.bases.cast::<super::str::Tuple>() else { return };
        // SAFETY: the bases are alive: the tuple holds them. Nobody holds a reference to their payloads while an
        // object is being freed or the collector runs.
        unsafe {
            for base in (*bases.as_ptr()).items() {
                if let Some(base) = base.cast::<Class>() {
                    (*base.as_ptr()).subclasses.retain(|&p| p != me);
                }
            }
        }
    }

    /// Whether a bit of [`class_flag`] is set.
    #[inline(always)]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether a script made it.
    pub fn is_heap(&self) -> bool {
        self.has(class_flag::HEAP)
    }

    /// Whether scripts may change its attributes.
    pub fn is_mutable(&self) -> bool {
        self.has(class_flag::HEAP | class_flag::MUTABLE)
    }

    /// The name for messages.
    pub fn display_name(&self) -> String {
        // SAFETY: the name is alive, and strings never change.
        unsafe { (*self.name.as_ptr()).to_string_lossy().into_owned() }
    }

    fn has_variable(&self, name: &Ref<Str>) -> bool {
        self.volatile.iter().any(|n| n.is(name))
    }

    fn forget_specials(&mut self) {
        self.specials = OnceCell::new();
        self.flats = OnceCell::new();
        self.standard_hooks.set(0);
        self.plain_init.set(PlainInit::Unknown);
    }

    #[inline(always)]
    pub(super) fn root_layout(&self) -> &Layout {
        // SAFETY: layouts live as long as the class.
        unsafe { &*self.layouts.root() }
    }

    /// Whether instances have a `__dict__`.
    pub fn instances_have_dict(&self) -> bool {
        self.root_layout().has_dict
    }

    /// How many `__slots__` instances have.
    pub fn fixed_slots(&self) -> usize {
        self.root_layout().fixed as usize
    }
}

impl Ref<Class> {
    /// Whether `other` is in this class's MRO.
    #[inline]
    pub fn is_subclass(&self, vm: &Vm, other: &Ref<Class>) -> bool {
        self.is(other) || self.get(vm).mro.iter().any(|c| c.is(other.value()))
    }
}

/// What a new class is made of.
pub struct ClassSpec<'a> {
    /// `__name__`.
    pub name: &'a str,
    /// The bases; `object` when empty (but for `object` itself).
    pub bases: Vec<Ref<Class>>,
    /// The metaclass.
    pub meta: Option<Ref<Class>>,
    /// See [`class_flag`]; some are inherited.
    pub flags: u32,
    /// Names of `__slots__`.
    pub slots: usize,
    /// Instances get a `__dict__`.
    pub dict: bool,
}

/// An entry of the look-up cache.
#[derive(Clone, Copy)]
pub(super) struct LookupEntry {
    layout_id: u32,
    name: usize,
    /// The bits of the value found (not counted); `UNDEF` when there is none.
    value: u64,
}

impl LookupEntry {
    pub(super) const EMPTY: LookupEntry = LookupEntry { layout_id: 0, name: 0, value: 0 };
}

/// For how many allocations of containers that of a class counts.
const CLASS_AGE: usize = 40;

/// So often attributes of a class get another value before one is held to be a variable.
const FEW_RESETS: u8 = 8;
/// So many variables a class may have.
const MOST_VOLATILE: usize = 8;

/// Whether a value is no more than itself as an attribute of a class: nothing that is bound or called.
fn is_plain_data(v: &Value) -> bool {
    match v.header() {
        None => true,
        Some(h) => {
            h.layout().is_exact()
                && matches!(
                    h.kind,
                    Kind::Int | Kind::Float | Kind::Str | Kind::Tuple | Kind::List | Kind::Dict | Kind::Set
                )
        }
    }
}

/// Entries of the look-up cache; a power of two.
pub(super) const LOOKUP_CACHE: usize = 2048;

impl Vm {
    /// Makes a class with an empty namespace. The bases must fit together (see [`Vm::best_base`]).
    ///
    /// # Errors
    /// TypeError when the bases have no consistent order.
    pub fn new_class(&mut self, spec: ClassSpec<'_>, vtable: Option<&'static VTable>) -> R<Ref<Class>> {
        // Making one is much work, and so is leaving it to the collector, which should not let many pile up.
        self.charge(100);
        self.heap.young.set(self.heap.young.get() + CLASS_AGE);
        let name = self.intern(spec.name);
        let bases = if spec.bases.is_empty() { vec![self.types.object.clone()] } else { spec.bases };
        let base = self.best_base(&bases)?;
        let mro = self.linearize(&bases)?;
        let inherited = bases.iter().fold(0, |f, b| f | b.get(self).flags)
            & (class_flag::EXCEPTION | class_flag::METACLASS | class_flag::MATCH_SELF | class_flag::WEAKREF);
        // A class is a sequence or a mapping, never both: the first of its order decides.
        let collection = class_flag::SEQUENCE | class_flag::MAPPING;
        let inherited = match spec.flags & collection {
            0 => {
                let mut kinds = mro.iter().filter_map(|c| c.cast::<Class>()).map(|c| c.get(self).flags & collection);
                inherited | kinds.find(|f| *f != 0).unwrap_or(0)
            }
            _ => inherited,
        };
        let (base_vtable, base_fixed, base_dict, base_off) = match &base {
            Some(b) => {
                let b = b.get(self);
                let l = b.root_layout();
                (b.vtable, l.fixed, l.has_dict, l.slots_off)
            }
            None => (super::instance::vtable(), 0, false, super::heap::INSTANCE_SLOTS_OFF),
        };
        let vtable = vtable.unwrap_or(base_vtable);
        let has_dict = base_dict || spec.dict;
        let fixed = base_fixed + spec.slots.min(super::layout::MAX_SLOTS) as u16;
        let slots_off = if vtable.kind == Kind::Instance {
            super::heap::INSTANCE_SLOTS_OFF
        } else if vtable.kind == Kind::Type {
            0
        } else if base_off < 0 || has_dict || fixed > 0 {
            -8
        } else {
            0
        };
        let meta = spec.meta.unwrap_or_else(|| self.types.type_.clone());
        let class = Class {
            qualname: name.clone(),
            name,
            bases: self.tuple(bases.iter().map(|b| b.value().clone()).collect()).into(),
            base,
            mro: Vec::new(),
            dict: ClassDict::new(spec.flags & class_flag::HEAP == 0),
            flags: spec.flags | inherited,
            vtable,
            layouts: Layouts::new(Layout::root(
                &self.heap,
                std::ptr::null_mut(),
                vtable,
                slots_off,
                fixed,
                has_dict && slots_off != 0,
            )),
            subclasses: Vec::new(),
            specials: OnceCell::new(),
            plain_init: Cell::new(PlainInit::Unknown),
            flats: OnceCell::new(),
            standard_hooks: Cell::new(0),
            slot_names: Vec::new(),
            volatile: Vec::new(),
            resets: 0,
        };
        let meta_layout: *const Layout = meta.get(self).layouts.root();
        // SAFETY: the metaclass is alive.
        let class = self.heap.alloc(unsafe { &*meta_layout }, class);
        // SAFETY: the class is new and only reached through `class`.
        unsafe {
            let payload = class.as_ptr();
            (*payload).layouts.set_class(class.value().ptr(), spec.flags & class_flag::HEAP == 0);
            (*payload).mro.push(class.value().clone());
            (*payload).mro.extend(mro);
            for b in &bases {
                (*b.as_ptr()).subclasses.push(class.value().ptr());
            }
        }
        if spec.flags & class_flag::HEAP == 0 {
            class.header().rc.set(super::object::IMMORTAL);
        }
        // Nothing knows the class yet, so no cache must be told.
        let finalizer = self.inherit_caching(&class);
        let layouts = &class.get(self).layouts;
        if finalizer || layouts.is_uncached() {
            layouts.renumber(finalizer);
        }
        Ok(class)
    }

    /// The base whose payload the instances of a class with these bases get (CPython's `best_base`).
    ///
    /// # Errors
    /// TypeError when two bases have different payloads or slots ("multiple bases have instance lay-out
    /// conflict"), or one cannot be a base.
    pub fn best_base(&mut self, bases: &[Ref<Class>]) -> R<Option<Ref<Class>>> {
        let mut winner: Option<(Ref<Class>, Ref<Class>)> = None;
        for b in bases {
            let solid = self.solid_base(b);
            winner = Some(match winner {
                None => (b.clone(), solid),
                Some((w, ws)) => {
                    if ws.is_subclass(self, &solid) {
                        (w, ws)
                    } else if solid.is_subclass(self, &ws) {
                        (b.clone(), solid)
                    } else {
                        return Err(self.type_error("multiple bases have instance lay-out conflict"));
                    }
                }
            });
        }
        Ok(winner.map(|w| w.0))
    }

    /// The nearest ancestor that added a payload or slots.
    fn solid_base(&self, class: &Ref<Class>) -> Ref<Class> {
        let mut c = class.clone();
        loop {
            let this = c.get(self);
            let Some(base) = this.base.clone() else { return c };
            let b = base.get(self);
            if !std::ptr::eq(b.vtable, this.vtable) || b.root_layout().fixed != this.root_layout().fixed {
                return c;
            }
            c = base;
        }
    }

    /// The MRO after the class itself (C3).
    fn linearize(&mut self, bases: &[Ref<Class>]) -> R<Vec<Value>> {
        if let [only] = bases {
            // For all that is looked up in it.
            self.charge(4 * only.get(self).mro.len());
            return Ok(only.get(self).mro.clone());
        }
        for (i, b) in bases.iter().enumerate() {
            if bases[..i].iter().any(|a| a.is(b)) {
                let name = b.get(self).display_name();
                return Err(self.type_error(format!("duplicate base class {name}")));
            }
        }
        let mut lists: Vec<Vec<Value>> = bases.iter().map(|b| b.get(self).mro.clone()).collect();
        lists.push(bases.iter().map(|b| b.value().clone()).collect());
        self.merge_mros(lists)
    }

    /// Merges linearizations (C3), each in order.
    ///
    /// # Errors
    /// TypeError when they contradict each other.
    pub fn merge_mros(&mut self, lists: Vec<Vec<Value>>) -> R<Vec<Value>> {
        let mut heads = vec![0usize; lists.len()];
        let total: usize = lists.iter().map(Vec::len).sum();
        let mut out: Vec<Value> = Vec::new();
        loop {
            self.charge(4 + total / 8);
            let mut done = true;
            let mut next = None;
            for (list, &head) in lists.iter().zip(&heads) {
                let Some(candidate) = list.get(head) else { continue };
                done = false;
                let blocked = lists.iter().zip(&heads).any(|(l, &h)| l.iter().skip(h + 1).any(|c| c.is(candidate)));
                if !blocked {
                    next = Some(candidate.clone());
                    break;
                }
            }
            if done {
                return Ok(out);
            }
            let Some(next) = next else {
                let mut names: Vec<String> = Vec::new();
                for (list, &head) in lists.iter().zip(&heads) {
                    if let Some(c) = list.get(head).and_then(|c| c.cast::<Class>()) {
                        let name = c.get(self).display_name();
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                }
                let text =
                    format!("Cannot create a consistent method resolution order (MRO) for bases {}", names.join(", "));
                return Err(self.type_error(text));
            };
            for (list, head) in lists.iter().zip(&mut heads) {
                if list.get(*head).is_some_and(|c| c.is(&next)) {
                    *head += 1;
                }
            }
            out.push(next);
        }
    }

    /// Says that a class or its bases changed: caches that know it, or a subclass, miss from now on.
    pub fn class_changed(&mut self, class: &Ref<Class>) {
        let mut work = Vec::new();
        self.one_class_changed(class, &mut work);
        while let Some(c) = work.pop() {
            self.one_class_changed(&c, &mut work);
        }
    }

    /// Lets nothing be cached of a class that has such a base; says whether its instances have a finalizer.
    fn inherit_caching(&self, class: &Ref<Class>) -> bool {
        let c = class.get(self);
        let uncached = |k: &Ref<Class>| k.get(self).layouts.is_uncached();
        if c.base.as_ref().is_some_and(uncached) || c.mro.iter().any(|k| k.cast::<Class>().is_some_and(uncached)) {
            c.layouts.never_cache();
        }
        c.has(class_flag::HEAP | class_flag::DEL) && {
            let del = &self.names.__del__;
            let hash = self.str_hash(del);
            c.mro.iter().any(|k| k.cast::<Class>().is_some_and(|k| k.get(self).dict.has(hash, del)))
        }
    }

    /// The same for one class, whose subclasses are put into `work`.
    fn one_class_changed(&self, class: &Ref<Class>, work: &mut Vec<Ref<Class>>) {
        // SAFETY: no other reference to the payload is alive, and classes in `subclasses` are alive.
        unsafe {
            let payload = class.as_ptr();
            (*payload).forget_specials();
            let finalizer = self.inherit_caching(class);
            (*payload).layouts.renumber(finalizer);
            for &s in &(*payload).subclasses {
                Header::inc(s);
                work.push(Ref::from_value_unchecked(Value::from_ptr(s)));
            }
        }
    }

    /// Sets an attribute of a class without hooks or checks.
    pub fn set_class_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>, value: Value) {
        let Some(value) = self.note_class_attr(class, name, value) else { return };
        let hash = self.str_hash(name);
        let plain = is_plain_data(&value);
        let old = class.get_mut(self).dict.so_far().put_str(hash, name, value);
        if !plain || !old.as_ref().is_some_and(is_plain_data) || !self.is_set_often(class, name) {
            self.class_changed(class);
        }
        drop(old);
    }

    /// Whether no cache knows an attribute that got another plain value: after a few such changes none is to.
    fn is_set_often(&mut self, class: &Ref<Class>, name: &Ref<Str>) -> bool {
        let common =
            name.header().has_flag(super::object::flag::INTERNED) && !name.get(self).as_bytes().starts_with(b"__");
        let mut c = class.get_mut(self);
        if c.has_variable(name) {
            return true;
        }
        c.resets = c.resets.saturating_add(1);
        if common && c.resets > FEW_RESETS && c.volatile.len() < MOST_VOLATILE {
            c.volatile.push(name.clone());
        }
        false
    }

    /// Whether no cache may remember what a class has under a name: it, or a base, sets it again and again.
    pub(super) fn is_volatile(&self, class: &Ref<Class>, name: &Ref<Str>) -> bool {
        class.get(self).mro.iter().any(|c| c.cast::<Class>().is_some_and(|c| c.get(self).has_variable(name)))
    }

    /// Removes an attribute of a class without hooks or checks.
    pub fn del_class_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>) -> Option<Value> {
        let hash = self.str_hash(name);
        let old = self.with_class_dict(class, |d| d.remove_hashed(hash, name.value()));
        self.class_changed(class);
        old
    }

    /// An attribute of exactly this class, not of its bases.
    pub fn own_class_attr(&self, class: &Ref<Class>, name: &Ref<Str>) -> Option<Value> {
        self.class_dict(class).get_hashed(self.str_hash(name), name.value()).cloned()
    }

    /// Looks an attribute up along the MRO, without descriptors. `name` must be interned.
    #[inline]
    pub fn lookup(&self, class: &Ref<Class>, name: &Ref<Str>) -> Option<Value> {
        let id = class.get(self).root_layout().id.get();
        let at = (id as usize).wrapping_mul(0x9E37_79B1) ^ (name.address() >> 5);
        let slot = &self.lookup_cache[at & (LOOKUP_CACHE - 1)];
        let e = slot.get();
        if e.layout_id == id && e.name == name.address() && id != 0 {
            // SAFETY: while the id stands, the class's MRO keeps the value alive.
            let v = unsafe { Value::from_bits(e.value) };
            let found = if v.is_undef() { None } else { Some(v.clone()) };
            std::mem::forget(v);
            return found;
        }
        let found = self.lookup_slow(class, name);
        // A name that is not interned may die and its address be used again.
        if id != 0 && name.header().has_flag(super::object::flag::INTERNED) && !self.is_volatile(class, name) {
            let bits = found.as_ref().map_or(Value::UNDEF.bits(), Value::bits);
            slot.set(LookupEntry { layout_id: id, name: name.address(), value: bits });
        }
        found
    }

    #[cold]
    fn lookup_slow(&self, class: &Ref<Class>, name: &Ref<Str>) -> Option<Value> {
        let hash = self.str_hash(name);
        class.get(self).mro.iter().find_map(|c| {
            let c = c.cast::<Class>()?;
            self.class_dict(c).get_hashed(hash, name.value()).cloned()
        })
    }

    /// A special method of the value's class (not of the value itself), not bound.
    #[inline]
    pub fn special(&self, v: &Value, special: Special) -> Option<Value> {
        self.class_special(self.class_of(v), special)
    }

    /// A special method of a class. `None` set by the class (`__hash__ = None`) counts as found.
    #[inline]
    pub fn class_special(&self, class: &Ref<Class>, special: Special) -> Option<Value> {
        const UNKNOWN: u64 = 0;
        let c = class.get(self);
        let table = c.specials.get_or_init(|| Box::new([const { Cell::new(UNKNOWN) }; Special::COUNT]));
        let bits = table[special as usize].get();
        if bits == Value::UNDEF.bits() {
            return None;
        }
        if bits != UNKNOWN {
            // SAFETY: the MRO keeps the method alive until the class changes, which empties the table.
            let v = unsafe { Value::from_bits(bits) };
            let found = v.clone();
            std::mem::forget(v);
            return Some(found);
        }
        let found = self.lookup_slow(class, &self.names.specials[special as usize]);
        if c.layouts.is_uncached() {
            return found;
        }
        table[special as usize].set(found.as_ref().map_or(Value::UNDEF.bits(), Value::bits));
        found
    }

    /// The script function `__init__` of a class whose instances `object.__new__` makes, where calling the class does
    /// nothing else.
    #[inline(always)]
    pub(super) fn plain_init(&self, class: &Ref<Class>) -> PlainInit {
        let c = class.get(self);
        if c.has(class_flag::ABSTRACT) || !self.class_of(class.value()).is(&self.types.type_) {
            return PlainInit::No;
        }
        match c.plain_init.get() {
            PlainInit::Unknown => self.find_plain_init(class),
            known => known,
        }
    }

    #[cold]
    fn find_plain_init(&self, class: &Ref<Class>) -> PlainInit {
        let c = class.get(self);
        let plain = c.vtable.kind == Kind::Instance
            && c.is_heap()
            && self.class_special(class, Special::New).is_some_and(|n| n.is(&self.object_new));
        let init = match self.class_special(class, Special::Init) {
            Some(f) if plain && f.kind() == Some(Kind::Function) => PlainInit::Yes(f.bits()),
            Some(f) if plain && f.is(&self.object_init) => PlainInit::None,
            _ => PlainInit::No,
        };
        if !c.layouts.is_uncached() {
            c.plain_init.set(init);
        }
        init
    }

    /// A special method of the value's class (not counted), if it was looked up before.
    #[inline(always)]
    pub(super) fn known_special(&self, v: &Value, special: Special) -> Option<*mut Header> {
        let bits = self.class_of(v).get(self).specials.get()?[special as usize].get();
        Value::object_at(bits)
    }

    /// Whether the value's class is known to have no such special method.
    #[inline(always)]
    pub(super) fn known_absent(&self, v: &Value, special: Special) -> bool {
        let table = self.class_of(v).get(self).specials.get();
        table.is_some_and(|t| t[special as usize].get() == Value::UNDEF.bits())
    }

    /// The Rust function of a special method of the value's class, where that is native and a call with its object and
    /// the usual arguments, `argc` in all, needs nothing else. (Each special method has one usual number.)
    #[inline]
    pub fn flat_special(&self, v: &Value, special: Special, argc: usize) -> Option<FlatFn> {
        let class = self.class_of(v);
        let c = class.get(self);
        let table = c.flats.get_or_init(|| Box::new([const { Cell::new(None) }; Special::COUNT]));
        match table[special as usize].get() {
            Some(f) => (f as usize != not_flat as FlatFn as usize).then_some(f),
            None => {
                let found = self.class_special(class, special).and_then(|f| self.flat_method(&f, argc));
                if !c.layouts.is_uncached() {
                    table[special as usize].set(Some(found.unwrap_or(not_flat)));
                }
                found
            }
        }
    }

    /// The subclasses of a class that are alive, oldest first.
    pub fn subclasses(&self, class: &Ref<Class>) -> Vec<Value> {
        class
            .get(self)
            .subclasses
            .iter()
            .map(|&p| {
                // SAFETY: a class leaves the list when it dies.
                unsafe { Header::inc(p) };
                Value::from_ptr(p)
            })
            .collect()
    }

    /// Replaces the bases of a class, which must have the same payload and slots.
    ///
    /// # Errors
    /// TypeError when the layouts differ or no consistent order exists.
    pub fn set_bases(&mut self, class: &Ref<Class>, bases: Vec<Ref<Class>>) -> R<()> {
        let base = self.best_base(&bases)?;
        let compatible = match (&base, &class.get(self).base) {
            (Some(new), Some(old)) => self.solid_base(new).is(&self.solid_base(old)),
            _ => false,
        };
        if !compatible {
            return Err(self.type_error(format!(
                "__bases__ assignment: '{}' object layout differs from '{}'",
                base.map_or(String::new(), |b| b.get(self).display_name()),
                class.get(self).base.as_ref().map_or(String::new(), |b| b.get(self).display_name()),
            )));
        }
        let tail = self.linearize(&bases)?;
        let tuple = self.tuple(bases.iter().map(|b| b.value().clone()).collect()).into_value();
        let me = class.value().ptr();
        // Kept until the caches have been told: they trust what the old order reaches.
        let mut gone: Vec<Value> = Vec::new();
        class.get(self).leave_bases();
        for b in &bases {
            b.get_mut(self).subclasses.push(me);
        }
        let mut c = class.get_mut(self);
        let old_bases = std::mem::replace(&mut c.bases, tuple);
        let old_base = std::mem::replace(&mut c.base, base);
        let mro: Vec<Value> = std::iter::once(class.value().clone()).chain(tail).collect();
        let old_mro = std::mem::replace(&mut c.mro, mro);
        drop(c);
        let refreshed = self.refresh_mros(class, &mut gone);
        if refreshed.is_err() {
            // A subclass does not agree: everything as before.
            class.get(self).leave_bases();
            let mut c = class.get_mut(self);
            gone.push(std::mem::replace(&mut c.bases, old_bases.clone()));
            gone.extend(std::mem::replace(&mut c.base, old_base.clone()).map(Ref::into_value));
            gone.extend(std::mem::replace(&mut c.mro, old_mro.clone()));
            drop(c);
            if let Some(t) = old_bases.cast::<super::str::Tuple>() {
                for b in t.get(self).items().to_vec().iter().filter_map(|b| b.cast::<Class>()) {
                    b.get_mut(self).subclasses.push(me);
                }
            }
            // The old order was consistent, so this cannot fail.
            drop(self.refresh_mros(class, &mut gone));
        }
        self.class_changed(class);
        drop((gone, old_bases, old_base, old_mro));
        refreshed
    }

    /// Computes the MROs of all subclasses anew after a change of bases; the old ones go to `gone`.
    fn refresh_mros(&mut self, class: &Ref<Class>, gone: &mut Vec<Value>) -> R<()> {
        let mut work = self.subclasses(class);
        while let Some(v) = work.pop() {
            let Some(c) = v.cast::<Class>() else { continue };
            let bases: Vec<Ref<Class>> = match c.get(self).bases.cast::<super::str::Tuple>() {
                Some(t) => t.get(self).items().iter().filter_map(|b| b.cast::<Class>().cloned()).collect(),
                None => Vec::new(),
            };
            let tail = self.linearize(&bases)?;
            let mro: Vec<Value> = std::iter::once(v.clone()).chain(tail).collect();
            gone.extend(std::mem::replace(&mut c.get_mut(self).mro, mro));
            work.extend(self.subclasses(c));
        }
        Ok(())
    }

    /// Replaces the MRO that was computed by one that a metaclass's `mro()` gave.
    pub fn set_mro(&mut self, class: &Ref<Class>, mro: Vec<Value>) {
        let old = std::mem::replace(&mut class.get_mut(self).mro, mro);
        // It may name classes that do not know this one, and so cannot tell it when they change.
        class.get(self).layouts.never_cache();
        self.class_changed(class);
        drop(old);
    }
}
