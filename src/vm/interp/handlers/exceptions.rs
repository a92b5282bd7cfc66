//! Exceptions.

use super::super::Next;
use super::super::dispatch::full;
use crate::vm::exception::Raised;
use crate::vm::value::Value;

full! {
    pub fn raise(m) {
        let e = m.in_a();
        Err(m.vm.raise_op(e, None))
    }
}

full! {
    pub fn raise_from(m) {
        let (e, cause) = (m.in_a(), m.in_b());
        Err(m.vm.raise_op(e, Some(cause)))
    }
}

full! {
    pub fn raise_bare(m) {
        Err(m.vm.raise_bare())
    }
}

full! {
    pub fn reraise(m) {
        let e = m.in_a();
        m.vm.thread.reraising = true;
        Err(Raised(e))
    }
}

full! {
    pub fn push_handled(m) {
        let e = m.b().clone();
        let saved = std::mem::replace(&mut m.vm.thread.handled, e);
        m.set(saved);
        Ok(Next::Reload)
    }
}

full! {
    pub fn pop_handled(m) {
        let saved = m.in_a();
        let old = std::mem::replace(&mut m.vm.thread.handled, saved);
        drop(old);
        Ok(Next::Reload)
    }
}

full! {
    pub fn exc_match(m) {
        let kind = m.in_c();
        let e = m.b().clone();
        let t = m.vm.exc_match(&e, &kind)?;
        m.set(Value::bool(t));
        Ok(Next::Reload)
    }
}

full! {
    pub fn exc_star_match(m) {
        let kind = m.in_c();
        let rest = m.b().clone();
        let (matched, rest) = m.vm.exc_star_match(&rest, &kind)?;
        *m.b() = rest;
        if !matched.is_none() {
            m.vm.thread.handled = matched.clone();
        }
        m.set(matched);
        Ok(Next::Reload)
    }
}

full! {
    pub fn exc_triple(m) {
        let e = m.b().clone();
        let (class, tb) = m.vm.exc_triple(&e);
        m.set(class);
        *m.reg(m.ins.a() + 1) = e;
        *m.reg(m.ins.a() + 2) = tb;
        Ok(Next::Reload)
    }
}
