//! Attributes and items.

use super::super::Next;
use super::super::access::{borrowed_copy, cache_kind, cached_instance_attr, wrapped_function};
use super::super::dispatch::{At, Exit, full, quick};
use crate::compiler::opcodes::FLAG_C;
use crate::vm::class::Class;
use crate::vm::function::InlineCache;
use crate::vm::instance;
use crate::vm::keys::exact_str;
use crate::vm::layout::Layout;
use crate::vm::object::Kind;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::Tuple;
use crate::vm::value::Value;

// ---- attributes ----

/// The inline cache of operand c.
#[inline(always)]
fn cache(m: &At<'_>) -> InlineCache {
    // SAFETY: the verifier has checked the index; a frame keeps its code alive.
    unsafe { (*(*m.frame).code).cache(m.ins.c() as usize) }
}

/// A slot of an object whose capacity was checked.
#[inline(always)]
fn slot<'v>(obj: &Value, layout: &Layout, at: u32) -> &'v mut Value {
    // SAFETY: the callers have compared `at` with the object's room for slots; no other reference to them is alive.
    unsafe { &mut *instance::slots(obj.ptr(), layout).add(at as usize) }
}

quick! {
    pub fn get_attr(m) {
        let obj = &*m.b();
        let Some(h) = obj.header() else { return m.leave_to(get_attr_full) };
        let cache = cache(&m);
        if h.layout().id.get() != cache.id {
            return m.leave_to(get_attr_shared);
        }
        // Kinds of hits that are no slots have greater numbers than there are slots.
        if cache.index >= u32::from(h.aux.get()) {
            return m.leave_to(get_attr_of_class);
        }
        let v = slot(obj, h.layout(), cache.index).clone();
        if v.is_undef() {
            return m.leave_to(get_attr_full);
        }
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

quick! {
    #[inline(never)]
    fn get_attr_of_class(m) {
        let cache = cache(&m);
        let v = match cache.index {
            cache_kind::CLASS_VALUE => borrowed_copy(cache.value),
            cache_kind::STATIC => wrapped_function(cache.value),
            _ => return m.leave_to(get_attr_full),
        };
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

/// What the machine's cache knows of the attribute, for sites that see objects of several classes.
#[inline(always)]
fn shared_cache(m: &At<'_>, obj: &Value) -> Option<InlineCache> {
    let h = obj.header()?;
    if matches!(h.kind, Kind::Type | Kind::Module) {
        return None;
    }
    // SAFETY: a frame keeps its code alive.
    let code = unsafe { &*(*m.frame).code };
    let name = code.cache_name_bits(m.ins.c() as usize);
    let found = m.vm.attr_cache.find_by_id(h.layout().id.get(), name)?;
    // The site may see this class from now on.
    code.set_cache(m.ins.c() as usize, found);
    Some(found)
}

quick! {
    #[inline(never)]
    fn get_attr_shared(m) {
        let obj = &*m.b();
        let Some(cache) = shared_cache(&m, obj) else { return m.leave_to(get_attr_in_namespace) };
        let Some(v) = cached_instance_attr(cache, obj) else { return m.leave_to(get_attr_full) };
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

quick! {
    /// Of a class or module.
    #[inline(never)]
    fn get_attr_in_namespace(m) {
        let Some(v) = m.vm.cached_namespace_attr(cache(&m), m.b()) else { return m.leave_to(get_attr_full) };
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

full! {
    fn get_attr_full(m) {
        let obj = m.in_b();
        m.vm.get_attr_op(m.ins.whole(), obj)
    }
}

quick! {
    pub fn set_attr(m) {
        let obj = &*m.a();
        let Some(h) = obj.header() else { return m.leave_to(set_attr_full) };
        let cache = cache(&m);
        let layout = h.layout();
        if layout.id.get() != cache.id || cache.index >= u32::from(h.aux.get()) {
            return m.leave_to(set_attr_full);
        }
        if cache.value == 0 {
            let v = m.in_b();
            let old = std::mem::replace(slot(obj, layout, cache.index), v);
            let spent = m.spent_a();
            return m.release_both(old, spent);
        }
        if layout.slots_off > 0 {
            let v = m.in_b();
            // SAFETY: the slot is within the capacity, and unset; the new layout is the old one's successor, kept
            // alive by the class.
            unsafe {
                instance::slots(obj.ptr(), layout).add(cache.index as usize).write(v);
                h.layout.set(cache.value as *const Layout);
            }
            let spent = m.spent_a();
            return m.release(spent);
        }
        m.leave_to(set_attr_full)
    }
}

full! {
    fn set_attr_full(m) {
        let (obj, v) = (m.in_a(), m.in_b());
        m.vm.set_attr_op(m.ins.whole(), obj, v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn del_attr(m) {
        let obj = m.in_a();
        let name = m.vm.cache_name(m.ins.c());
        m.vm.del_attr(&obj, &name)?;
        Ok(Next::Reload)
    }
}

/// Writes what a method's call wants: the function, and what comes in front of the arguments.
#[inline(always)]
fn put_method(m: At<'_>, f: Value, this: Value) -> Exit {
    let at = m.ins.a();
    let (one, two) = (std::mem::replace(m.reg(at), f), std::mem::replace(m.reg(at + 1), this));
    // Both are dead temps.
    std::mem::forget((one, two));
    m.next()
}

quick! {
    pub fn load_method(m) {
        let obj = &*m.b();
        let cache = cache(&m);
        let id = match obj.header() {
            Some(h) => h.layout().id.get(),
            None => 0,
        };
        if id == cache.id && id != 0 && cache.index == cache_kind::METHOD {
            let this = m.in_b();
            let f = borrowed_copy(cache.value);
            return put_method(m, f, this);
        }
        m.leave_to(load_method_shared)
    }
}

quick! {
    #[inline(never)]
    fn load_method_shared(m) {
        match shared_cache(&m, m.b()) {
            Some(cache) if cache.index == cache_kind::METHOD => {
                let f = borrowed_copy(cache.value);
                let this = m.in_b();
                put_method(m, f, this)
            }
            Some(cache) if cache.index == cache_kind::STATIC => {
                let f = wrapped_function(cache.value);
                let spent = m.spent_b();
                put_function(m, f, spent)
            }
            _ => m.leave_to(load_method_in_namespace),
        }
    }
}

/// Writes a function that is to be called without anything in front, and drops the object that it was found in.
#[inline(always)]
fn put_function(m: At<'_>, f: Value, spent: Value) -> Exit {
    let at = m.ins.a();
    let (one, two) = (std::mem::replace(m.reg(at), f), std::mem::replace(m.reg(at + 1), Value::UNDEF));
    // Both are dead temps.
    std::mem::forget((one, two));
    m.release(spent)
}

quick! {
    /// Of a class or module.
    #[inline(never)]
    fn load_method_in_namespace(m) {
        let cache = cache(&m);
        if cache.index == cache_kind::TYPE_METHOD && m.vm.is_class_with_key(m.b(), cache.id) {
            let f = wrapped_function(cache.value);
            let this = m.in_b();
            return put_method(m, f, this);
        }
        let Some(f) = m.vm.cached_namespace_attr(cache, m.b()) else { return m.leave_to(load_method_full) };
        let spent = m.spent_b();
        put_function(m, f, spent)
    }
}

full! {
    fn load_method_full(m) {
        let obj = m.in_b();
        let (f, this) = m.vm.load_method_op(m.ins.c(), obj)?;
        m.set(f);
        *m.reg(m.ins.a() + 1) = this;
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_super_attr(m) {
        let (s, c, o) = (m.take(m.ins.b()), m.take(m.ins.b() + 1), m.take(m.ins.b() + 2));
        let v = m.vm.super_attr(m.ins.whole(), s, c, o)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn load_super_method(m) {
        let at = m.ins.b();
        let (sup, class, obj) = (&*m.reg(at), &*m.reg(at + 1), &*m.reg(at + 2));
        let (Some(class), Some(h)) = (class.cast::<Class>(), obj.header()) else {
            return m.leave_to(load_super_method_full);
        };
        let cache = cache(&m);
        let known = sup.is(m.vm.super_class.value())
            && cache.id == h.layout().id.get()
            && cache.index == class.get(m.vm).root_layout().id.get()
            && cache.index != 0
            && h.kind != Kind::Type;
        if !known {
            return m.leave_to(load_super_method_full);
        }
        let f = borrowed_copy(cache.value);
        let (sup, class, obj) = (m.take(at), m.take(at + 1), m.take(at + 2));
        let dst = m.ins.a();
        let (one, two) = (std::mem::replace(m.reg(dst), f), std::mem::replace(m.reg(dst + 1), obj));
        // Both are dead temps.
        std::mem::forget((one, two));
        m.release_both(sup, class)
    }
}

full! {
    fn load_super_method_full(m) {
        let (s, c, o) = (m.take(m.ins.b()), m.take(m.ins.b() + 1), m.take(m.ins.b() + 2));
        let (f, this) = m.vm.super_method(m.ins.whole(), s, c, o)?;
        m.set(f);
        *m.reg(m.ins.a() + 1) = this;
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_special(m) {
        let obj = m.in_b();
        let (f, this) = m.vm.load_special(obj, m.ins.c())?;
        m.set(f);
        *m.reg(m.ins.a() + 1) = this;
        Ok(Next::Reload)
    }
}

// ---- items ----

/// The items of exactly a list or a tuple.
#[inline(always)]
fn sequence<'v>(o: &Value) -> Option<&'v [Value]> {
    let h = o.header()?;
    if !h.layout().is_exact() {
        return None;
    }
    // SAFETY: the object is alive while the handler runs, which changes it only when it has done with the items.
    unsafe {
        match h.kind {
            Kind::List => Some((*o.cast::<List>()?.as_ptr()).items.as_slice()),
            Kind::Tuple => Some((*o.cast::<Tuple>()?.as_ptr()).items()),
            _ => None,
        }
    }
}

/// The item at an index that may count from the end.
#[inline(always)]
fn item_at(items: &[Value], i: i64) -> Option<&Value> {
    let at = if i < 0 { i + items.len() as i64 } else { i };
    items.get(at as usize)
}

quick! {
    pub fn get_item(m) {
        let (o, i) = (&*m.b(), &*m.c());
        let Some(i) = i.as_small_int() else { return m.leave_to(get_item_hashed) };
        let Some(items) = sequence(o) else {
            return m.leave_to(if o.kind() == Some(Kind::Str) { get_item_char } else { get_item_hashed });
        };
        let Some(v) = item_at(items, i) else { return m.leave_to(get_item_full) };
        let v = v.clone();
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

quick! {
    /// A character of an ASCII string.
    #[inline(never)]
    fn get_item_char(m) {
        let (Some(s), Some(i)) = (exact_str(m.b()), m.c().as_small_int()) else { return m.leave_to(get_item_full) };
        // SAFETY: the register keeps the string alive, which does not change.
        let s = unsafe { &*s.as_ptr() };
        let at = if i < 0 { i + s.char_len() as i64 } else { i };
        let Some(&b) = s.as_bytes().get(at as usize) else { return m.leave_to(get_item_full) };
        if !s.is_ascii() {
            return m.leave_to(get_item_full);
        }
        let Some(v) = m.vm.known_char(b) else { return m.leave_to(get_item_hashed) };
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

quick! {
    pub fn get_item_int(m) {
        let Some(items) = sequence(m.b()) else { return m.leave_to(get_item_int_full) };
        let Some(v) = item_at(items, i64::from(m.ins.offset16())) else { return m.leave_to(get_item_int_full) };
        let v = v.clone();
        let spent = m.spent_b();
        m.put_spent(v, spent)
    }
}

quick! {
    /// Dicts, whose look-up is a call, and characters of strings that are met for the first time.
    #[inline(never)]
    fn get_item_hashed(m) {
        let (o, i) = (&*m.b(), &*m.c());
        match m.vm.get_item_fast(o, i) {
            Some(v) => {
                let (spent, key) = (m.spent_b(), m.spent_c());
                if key.is_object() || m.a().is_object() {
                    m.set(v);
                    drop(key);
                    drop(spent);
                    return m.back();
                }
                std::mem::forget((std::mem::replace(m.a(), v), key));
                m.release(spent)
            }
            None => m.leave_to(get_item_full),
        }
    }
}

full! {
    fn get_item_full(m) {
        let (o, i) = (m.in_b(), m.in_c());
        if o.kind() == Some(Kind::Instance)
            && let Some(f) = m.vm.special(&o, Special::GetItem)
            && f.kind() == Some(Kind::Function)
        {
            return m.vm.push_call(f, &[o, i], m.ins.a(), 0);
        }
        let v = m.vm.get_item(&o, &i)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    fn get_item_int_full(m) {
        let o = m.in_b();
        let i = Value::int32(i32::from(m.ins.offset16()));
        let v = match m.vm.get_item_fast(&o, &i) {
            Some(v) => v,
            None => m.vm.get_item(&o, &i)?,
        };
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn set_item(m) {
        let (o, i) = (&*m.a(), &*m.b());
        if let (Some(list), Some(i)) = (o.cast::<List>(), i.as_small_int())
            && list.header().layout().is_exact()
        {
            // SAFETY: no other reference to the list's payload is alive in the loop.
            let items = unsafe { &mut (*list.as_ptr()).items };
            let at = if i < 0 { i + items.len() as i64 } else { i };
            if let Some(slot) = items.get_mut(at as usize) {
                let v = m.in_c();
                let old = std::mem::replace(slot, v);
                let spent = m.spent_a();
                return m.release_both(old, spent);
            }
        }
        m.leave_to(set_item_hashed)
    }
}

quick! {
    /// Dicts whose keys run no script code.
    #[inline(never)]
    fn set_item_hashed(m) {
        let v = m.in_c();
        // What the item replaces may be freed, and that may look at the frame.
        m.store_pc();
        match m.vm.set_item_plain(m.a(), m.b(), v) {
            Ok(()) => {
                let (dict, key) = (m.spent_a(), m.spent_b());
                if m.vm.heap.pending.get() {
                    drop((dict, key));
                    return m.back();
                }
                m.release_both(dict, key)
            }
            Err(v) => {
                // The full handler takes the operand again.
                if m.flag(FLAG_C) {
                    std::mem::forget(std::mem::replace(m.c(), v));
                } else {
                    drop(v);
                }
                m.leave_to(set_item_full)
            }
        }
    }
}

full! {
    fn set_item_full(m) {
        let (o, i) = (m.in_a(), m.in_b());
        let v = m.in_c();
        m.vm.set_item_op(&o, i, v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn del_item(m) {
        let (o, i) = (m.in_a(), m.in_b());
        m.vm.del_item(&o, &i)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn get_slice(m) {
        let o = m.in_b();
        let (start, stop) = (m.take(m.ins.c()), m.take(m.ins.c() + 1));
        let v = m.vm.get_slice_op(&o, start, stop)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn get_slice_step(m) {
        let o = m.in_b();
        let at = m.ins.c();
        let (start, stop, step) = (m.take(at), m.take(at + 1), m.take(at + 2));
        let v = m.vm.get_slice_step_op(&o, start, stop, step)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn set_slice(m) {
        let o = m.in_a();
        let (start, stop) = (m.take(m.ins.b()), m.take(m.ins.b() + 1));
        let v = m.in_c();
        m.vm.set_slice_op(&o, start, stop, v)?;
        Ok(Next::Reload)
    }
}
