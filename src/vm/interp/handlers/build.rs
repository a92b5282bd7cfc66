//! Functions, containers, formatted strings, imports, patterns, and what is rare.

use super::super::Next;
use super::super::build::take_run;
use super::super::dispatch::{At, full, quick};
use crate::compiler::opcodes::FLAG_VARIANT;
use crate::vm::seq::List;
use crate::vm::str::Tuple;
use crate::vm::value::Value;

quick! {
    pub fn list_append(m) {
        let Some(list) = m.a().cast::<List>() else { return m.leave_to(list_append_full) };
        // SAFETY: no other reference to the list's payload is alive in a handler.
        let items = unsafe { &mut (*list.as_ptr()).items };
        if items.len() == items.capacity() {
            return m.leave_to(list_append_full);
        }
        let v = m.in_b();
        items.push(v);
        m.next()
    }
}

full! {
    fn list_append_full(m) {
        let v = m.in_b();
        m.vm.list_append_op(m.a(), v)?;
        Ok(Next::Reload)
    }
}

quick! {
    pub fn unpack_pair(m) {
        let v = &*m.c();
        // SAFETY: the tuple is alive until it is dropped below.
        let items = v.cast::<Tuple>().map(|t| unsafe { (*t.as_ptr()).items() });
        let Some([x, y]) = items else { return m.leave_to(unpack_pair_full) };
        let (x, y) = (x.clone(), y.clone());
        let spent = m.spent_c();
        let old = std::mem::replace(m.a(), x);
        drop(std::mem::replace(m.b(), y));
        m.release_both(old, spent)
    }
}

full! {
    fn unpack_pair_full(m) {
        let v = m.in_c();
        let (x, y) = m.vm.unpack_pair(&v)?;
        *m.a() = x;
        *m.b() = y;
        Ok(Next::Reload)
    }
}

full! {
    pub fn make_function(m) {
        let v = m.vm.make_function(m.k(m.ins.bc()));
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn set_func_attr(m) {
        let v = m.in_b();
        let f = m.a().clone();
        m.vm.set_func_attr(&f, v, m.ins.c())?;
        Ok(Next::Reload)
    }
}

/// Takes the run of registers from operand b on, which has operand c times so many.
fn take(m: &At<'_>, times: usize) -> Vec<Value> {
    // SAFETY: the verifier has checked the run.
    unsafe { take_run(m.run(m.ins.b()), times * m.ins.c() as usize) }
}

quick! {
    pub fn build_tuple(m) {
        // SAFETY: the verifier has checked the run.
        let v = unsafe { m.vm.build_tuple(m.run(m.ins.b()), m.ins.c() as usize) };
        let old = std::mem::replace(m.a(), v);
        if m.vm.heap.pending.get() {
            // What became due may look at the frame.
            m.store_pc();
            drop(old);
            return m.back();
        }
        m.release(old)
    }
}

full! {
    pub fn build_list(m) {
        let v = m.vm.list(take(m, 1)).into();
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_set(m) {
        let v = m.vm.build_set(take(m, 1))?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_map(m) {
        let v = m.vm.build_map(take(m, 2))?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_string(m) {
        // SAFETY: the verifier has checked the run.
        let v = unsafe { m.vm.build_string(m.run(m.ins.b()), m.ins.c() as usize) }?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_slice(m) {
        let v = m.vm.build_slice(take(m, 1));
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn set_add(m) {
        let v = m.in_b();
        let s = m.a().clone();
        m.vm.set_add_op(&s, v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn map_add(m) {
        let (key, v) = (m.in_b(), m.in_c());
        let d = m.a().clone();
        m.vm.map_add_op(&d, key, v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn list_extend(m) {
        let v = m.in_b();
        let l = m.a().clone();
        m.vm.list_extend_op(&l, &v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn set_update(m) {
        let v = m.in_b();
        let s = m.a().clone();
        m.vm.set_update_op(&s, &v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn dict_update(m) {
        let v = m.in_b();
        let d = m.a().clone();
        m.vm.dict_update_op(&d, &v)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn dict_merge(m) {
        let v = m.in_b();
        let (d, f) = (m.a().clone(), m.c().clone());
        m.vm.dict_merge_op(&d, &v, &f)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn list_to_tuple(m) {
        let l = m.in_b();
        let v = m.vm.list_to_tuple(&l);
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn unpack_sequence(m) {
        let v = m.in_b();
        // SAFETY: as above.
        unsafe { m.vm.unpack_op(&v, m.run(m.ins.a()), m.ins.c() as usize) }?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn unpack_ex(m) {
        let v = m.in_b();
        // SAFETY: as above.
        unsafe { m.vm.unpack_ex_op(&v, m.run(m.ins.a()), m.ins.c()) }?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn format_value(m) {
        let v = m.in_b();
        let spec = if m.ins.flags() & FLAG_VARIANT != 0 { m.in_c() } else { Value::UNDEF };
        let v = m.vm.format_op(m.ins.flags(), v, spec)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_interpolation(m) {
        let (v, text, spec) = (m.take(m.ins.b()), m.take(m.ins.b() + 1), m.take(m.ins.b() + 2));
        let v = m.vm.build_interpolation(v, text, spec, m.ins.c())?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn build_template(m) {
        let (strings, fields) = (m.take(m.ins.b()), m.take(m.ins.b() + 1));
        let v = m.vm.build_template(strings, fields)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn import_name(m) {
        let (level, from) = (m.take(m.ins.b()), m.take(m.ins.b() + 1));
        let v = m.vm.import_name_op(m.ins.c(), level, from)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn import_from(m) {
        let module = m.b().clone();
        let v = m.vm.import_from_op(&module, m.ins.c())?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn import_star(m) {
        let module = m.in_a();
        m.vm.import_star_op(&module)?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn match_sequence(m) {
        let t = m.vm.match_sequence(m.b());
        m.set(Value::bool(t));
        Ok(Next::Reload)
    }
}

full! {
    pub fn match_mapping(m) {
        let t = m.vm.match_mapping(m.b());
        m.set(Value::bool(t));
        Ok(Next::Reload)
    }
}

full! {
    pub fn get_len(m) {
        let v = m.b().clone();
        let n = m.vm.len(&v)?;
        m.set(Value::len(n));
        Ok(Next::Reload)
    }
}

full! {
    pub fn match_keys(m) {
        let (v, keys) = (m.b().clone(), m.c().clone());
        let v = m.vm.match_keys(&v, &keys)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn match_rest(m) {
        let (v, keys) = (m.in_b(), m.in_c());
        let v = m.vm.match_rest(&v, &keys)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn match_class(m) {
        let (v, class, names) = (m.take(m.ins.b()), m.take(m.ins.b() + 1), m.take(m.ins.b() + 2));
        let v = m.vm.match_class(&v, &class, &names, m.ins.c() as usize)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn setup_annotations(m) {
        m.vm.setup_annotations()?;
        Ok(Next::Reload)
    }
}

full! {
    pub fn intrinsic1(m) {
        let v = m.in_b();
        let v = m.vm.intrinsic1(m.ins.c(), v)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn intrinsic2(m) {
        let (x, y) = (m.take(m.ins.b()), m.take(m.ins.b() + 1));
        let v = m.vm.intrinsic2(m.ins.c(), x, y)?;
        m.set(v);
        Ok(Next::Reload)
    }
}
