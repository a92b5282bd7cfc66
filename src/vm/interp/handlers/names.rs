//! Moving values; names, globals, cells.

use super::super::Next;
use super::super::dispatch::{At, full, quick};
use crate::compiler::opcodes::{FLAG_A, FLAG_B};
use crate::vm::function::CellObject;
use crate::vm::value::Value;

// ---- moving values ----

quick! {
    pub fn move_(m) {
        if m.flag(FLAG_B) {
            let v = m.take(m.ins.b());
            return m.put(v);
        }
        let v = m.b().clone();
        m.put(v)
    }
}

quick! {
    pub fn load_const(m) {
        let v = m.k(m.ins.bc()).clone();
        m.put(v)
    }
}

full! {
    pub fn load_common(m) {
        let v = m.vm.common_constant(m.ins.b());
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_build_class(m) {
        let v = m.vm.load_build_class()?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_locals(m) {
        let v = m.vm.frame_namespace();
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn drop_value(m) {
        let old = m.take(m.ins.a());
        m.release(old)
    }
}

quick! {
    pub fn check_local(m) {
        if m.a().is_undef() {
            return m.leave_to(unbound_local);
        }
        m.next()
    }
}

full! {
    #[cold]
    fn unbound_local(m) {
        Err(m.vm.unbound_local(m.ins.a()))
    }
}

// ---- names ----

quick! {
    pub fn load_global(m) {
        // SAFETY: the verifier has checked the index; a frame's function is alive, and so are its namespaces.
        let (cache, g, b) = unsafe {
            let f = (*m.frame).func;
            let cache = (*(*m.frame).code).cache(m.ins.bc() as usize);
            (cache, &*(*f).globals.as_ptr(), &*(*f).builtins.as_ptr())
        };
        if g.keys_version() == cache.id && cache.id != 0 {
            let v = if cache.value == 0 {
                // SAFETY: the entry was found with this keys version.
                unsafe { g.value_at_unchecked(cache.index as usize) }
            } else if u64::from(b.keys_version()) == cache.value {
                // SAFETY: as above.
                unsafe { b.value_at_unchecked(cache.index as usize) }
            } else {
                return m.leave_to(load_global_full);
            };
            if !v.is_undef() {
                let v = v.clone();
                return m.put(v);
            }
        }
        m.leave_to(load_global_full)
    }
}

full! {
    fn load_global_full(m) {
        let v = m.vm.load_global(m.ins.bc() as usize)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn store_global(m) {
        // SAFETY: the verifier has checked the index; a frame's function is alive, and so are its namespaces, to whose
        // payloads nothing else refers in a handler.
        let (cache, globals) = unsafe {
            let cache = (*(*m.frame).code).cache(m.ins.bc() as usize);
            (cache, &mut *(*(*m.frame).func).globals.as_ptr())
        };
        if globals.keys_version() != cache.id || cache.id == 0 || cache.value != 0 {
            return m.leave_to(store_global_full);
        }
        let v = m.in_a();
        // SAFETY: the entry was found with this keys version.
        let old = unsafe { globals.replace_at_unchecked(cache.index as usize, v) };
        m.release(old)
    }
}

full! {
    fn store_global_full(m) {
        let v = m.in_a();
        m.vm.store_global(m.ins.bc() as usize, v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn delete_global(m) {
        m.vm.delete_global(m.ins.bc() as usize)?;
        Ok(Next::Reload)
    }
}

/// Whether the running frame's names are its module's globals.
#[inline(always)]
fn at_module_level(m: &At<'_>) -> bool {
    // SAFETY: `frame` is the running frame.
    unsafe { !(*m.frame).generator.is_null() || (*m.frame).aux.is_undef() }
}

quick! {
    pub fn load_name(m) {
        if at_module_level(&m) {
            return m.leave_to(load_global);
        }
        m.leave_to(load_name_full)
    }
}

full! {
    fn load_name_full(m) {
        let v = m.vm.load_name(m.ins.bc() as usize)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn store_name(m) {
        if at_module_level(&m) {
            return m.leave_to(store_global);
        }
        m.leave_to(store_name_full)
    }
}

full! {
    fn store_name_full(m) {
        let v = m.in_a();
        m.vm.store_name(m.ins.bc() as usize, v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn delete_name(m) {
        m.vm.delete_name(m.ins.bc() as usize)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_from_dict_or_globals(m) {
        let d = m.in_b();
        let v = m.vm.load_from_dict_or_globals(d, m.ins.c() as usize)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

// ---- cells ----

/// The contents of a cell in a register.
#[inline(always)]
fn contents<'v>(cell: &Value) -> Option<&'v mut Value> {
    let cell = cell.cast::<CellObject>()?;
    // SAFETY: no other reference into the cell is alive in a handler.
    Some(unsafe { &mut (*cell.as_ptr()).value })
}

/// Cell number `i` of the running function's closure.
#[inline(always)]
fn free_cell<'v>(m: &At<'_>, i: u16) -> &'v Value {
    m.vm.free_cell(m.frame, i)
}

full! {
    pub fn make_cell(m) {
        let value = m.take(m.ins.a());
        let cell = m.vm.alloc(CellObject { value }).into();
        m.set(cell);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn load_deref(m) {
        match contents(m.b()) {
            Some(v) if !v.is_undef() => {
                let v = v.clone();
                m.put(v)
            }
            _ => m.leave_to(unbound_cell),
        }
    }
}

full! {
    #[cold]
    fn unbound_cell(m) {
        Err(m.vm.unbound_local(m.ins.b()))
    }
}

quick! {
    pub fn store_deref(m) {
        let Some(place) = contents(m.b()) else { return m.next() };
        let v = if m.flag(FLAG_A) { m.take(m.ins.a()) } else { m.a().clone() };
        let old = std::mem::replace(place, v);
        m.release(old)
    }
}

full! {
    pub fn delete_deref(m) {
        let old = m.vm.set_cell(m.b(), Value::UNDEF);
        if old.is_undef() {
            return Err(m.vm.unbound_local(m.ins.b()));
        }
        drop(old);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn load_free(m) {
        match contents(free_cell(&m, m.ins.b())) {
            Some(v) if !v.is_undef() => {
                let v = v.clone();
                m.put(v)
            }
            _ => m.leave_to(unbound_free),
        }
    }
}

full! {
    #[cold]
    fn unbound_free(m) {
        Err(m.vm.unbound_free(m.ins.b()))
    }
}

quick! {
    pub fn store_free(m) {
        let Some(place) = contents(free_cell(&m, m.ins.b())) else { return m.next() };
        let v = if m.flag(FLAG_A) { m.take(m.ins.a()) } else { m.a().clone() };
        let old = std::mem::replace(place, v);
        m.release(old)
    }
}

full! {
    pub fn delete_free(m) {
        let cell = free_cell(m, m.ins.b());
        let old = m.vm.set_cell(cell, Value::UNDEF);
        if old.is_undef() {
            return Err(m.vm.unbound_free(m.ins.b()));
        }
        drop(old);
        Ok(Next::Reload)
    }
}

quick! {
    pub fn load_free_cell(m) {
        let cell = free_cell(&m, m.ins.b()).clone();
        m.put(cell)
    }
}

full! {
    pub fn load_from_dict_or_deref(m) {
        let d = m.in_b();
        let cell = free_cell(m, m.ins.c()).clone();
        let v = m.vm.load_from_dict_or_deref(d, m.ins.c(), &cell)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn load_from_dict_or_cell(m) {
        let d = m.in_b();
        let cell = m.c().clone();
        let v = m.vm.load_from_dict_or_cell(d, m.ins.c(), &cell)?;
        m.set(v);
        Ok(Next::Reload)
    }
}
