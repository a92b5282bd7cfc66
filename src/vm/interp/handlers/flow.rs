//! Exceptions, generators and coroutines.

use super::super::Next;
use super::super::dispatch::{full, quick};
use crate::compiler::opcodes::FLAG_B;
use crate::vm::exception::Raised;
use crate::vm::object::Kind;
use crate::vm::value::Value;

quick! {
    pub fn get_awaitable(m) {
        let v = &*m.b();
        if v.kind() == Some(Kind::Generator) && m.flag(FLAG_B) && m.vm.is_fresh_coroutine(v) {
            let v = m.take(m.ins.b());
            return m.put(v);
        }
        m.leave_to(get_awaitable_full)
    }
}

full! {
    fn get_awaitable_full(m) {
        let v = m.in_b();
        let it = m.vm.get_awaitable(v, m.ins.c())?;
        m.set(it);
        Ok(Next::Reload)
    }
}

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

full! {
    pub fn yield_(m) {
        let v = m.in_b();
        m.vm.yield_op(v)
    }
}

full! {
    pub fn yield_async(m) {
        let v = m.in_b();
        m.vm.yield_async_op(v)
    }
}

full! {
    pub fn get_yield_from_iter(m) {
        let v = m.in_b();
        let it = m.vm.get_yield_from_iter(v)?;
        m.set(it);
        Ok(Next::Reload)
    }
}

full! {
    pub fn await_(m) {
        m.tick()?;
        m.vm.await_op(m.ins)
    }
}

full! {
    pub fn get_aiter(m) {
        let v = m.in_b();
        let it = m.vm.get_aiter(v)?;
        m.set(it);
        Ok(Next::Reload)
    }
}

full! {
    pub fn get_anext(m) {
        let it = m.b().clone();
        let v = m.vm.get_anext(&it)?;
        m.set(v);
        Ok(Next::Reload)
    }
}

full! {
    pub fn end_async_for(m) {
        let e = m.in_a();
        let it = m.in_b();
        if !m.vm.is_instance(&e, &m.vm.exc.StopAsyncIteration) {
            m.vm.thread.reraising = true;
            return Err(Raised(e));
        }
        drop((e, it));
        Ok(Next::Reload)
    }
}
