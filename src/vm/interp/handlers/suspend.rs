//! Generators, coroutines and async generators.
//!
//! The quick handlers do what `vm/generator.rs` does in general, for the usual case: nobody looks at the frame, no
//! exception is thrown in, and nothing is freed but at the very end. They check all of that before they change
//! anything, and leave to the full handler otherwise.

use super::super::Next;
use super::super::dispatch::{At, Exit, Handler, full, quick};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{FLAG_B, Op};
use crate::vm::exception::Raised;
use crate::vm::frame::frame_flag;
use crate::vm::function::{CodeObject, Function};
use crate::vm::generator::{GenState, Generator, gen_flag};
use crate::vm::object::{Header, IMMORTAL, Kind, Ref};
use crate::vm::special::Special;
use crate::vm::value::Value;

/// R[a] = what a special method of R[b] makes, where R[b] is an object of a script's class whose method is a generator
/// function without further parameters.
#[inline(always)]
pub fn make_own_generator(m: At<'_>, special: Special, full: Handler) -> Exit {
    if m.b().kind() != Some(Kind::Instance) {
        return m.leave_to(full);
    }
    let Some(f) = m.vm.known_special(m.b(), special) else { return m.leave_to(full) };
    // SAFETY: the class keeps its method alive, and this its code.
    unsafe {
        if (*f).kind != Kind::Function {
            return m.leave_to(full);
        }
        let code = &*(*Header::payload::<Function>(f)).code.as_ptr();
        let others = CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR | CodeFlags::ITERABLE_COROUTINE;
        if !code.makes_generator || code.exact_args != 1 || code.flags().has(others) {
            return m.leave_to(full);
        }
        Header::inc(f);
        let this = m.in_b();
        let old = std::mem::replace(m.a(), this);
        // The one parameter is moved out of the register.
        let made = m.vm.new_generator(Ref::from_value_unchecked(Value::from_ptr(f)), m.a());
        std::mem::forget(std::mem::replace(m.a(), made));
        m.release(old)
    }
}

quick! {
    pub fn get_awaitable(m) {
        let v = &*m.b();
        if v.kind() == Some(Kind::Generator) && m.flag(FLAG_B) && m.vm.is_fresh_coroutine(v) {
            let v = m.take(m.ins.b());
            return m.put(v);
        }
        m.leave_to(get_awaitable_of_script)
    }
}

quick! {
    /// Of a script's object whose `__await__` is a generator function.
    #[inline(never)]
    fn get_awaitable_of_script(m) {
        make_own_generator(m, Special::Await, get_awaitable_full)
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

quick! {
    pub fn yield_(m) {
        // SAFETY: the running frame is a generator's, its chain is alive, and below it is its driver's frame, or native
        // code drives it (`ENTRY`).
        unsafe {
            let frame = &mut *m.frame;
            let (root, generator) = (frame.root, frame.generator);
            let n = (*root).rc.get();
            if frame.flags & !(frame_flag::FOR | frame_flag::ENTRY) != frame_flag::GENERATOR || n <= 1 {
                return m.leave_to(yield_full);
            }
            let v = m.in_b();
            let this = Header::payload::<Generator>(generator);
            (*this).pc = m.pc.offset_from((*frame.code).instrs) as u32;
            (*this).state = GenState::Suspended;
            let saved = std::mem::replace(&mut frame.aux, Value::UNDEF);
            let own = std::mem::replace(&mut m.vm.thread.handled, saved);
            std::mem::forget(std::mem::replace(&mut (*this).handled, own));
            let r = Header::payload::<Generator>(root);
            (*r).state = GenState::Suspended;
            if (*r).flags & gen_flag::LINKED == 0 {
                (*r).link = if generator == root { std::ptr::null_mut() } else { generator };
            }
            if n < IMMORTAL {
                (*root).rc.set(n - 1);
            }
            let (dst, looping) = (frame.dst, frame.flags & frame_flag::FOR != 0);
            let entry = frame.flags & frame_flag::ENTRY != 0;
            m.frame = m.frame.sub(1);
            m.vm.thread.frame = m.frame;
            if entry {
                m.vm.thread.yielded = true;
                std::mem::forget(std::mem::replace(&mut m.vm.thread.passed, v));
                return Exit::Leave;
            }
            m.pc = (*m.frame).pc;
            m.regs = (*m.frame).regs;
            if looping {
                let driver = *m.pc.sub(1);
                if driver.op_byte() == Op::ForLoop as u8 {
                    m.skip(driver.offset16());
                }
            }
            let old = std::mem::replace(m.reg(dst), v);
            m.release(old)
        }
    }
}

full! {
    fn yield_full(m) {
        let v = m.in_b();
        m.vm.yield_op(v)
    }
}

quick! {
    /// The first await of a coroutine that nobody else awaits: it becomes the running one of its chain.
    pub fn await_(m) {
        // SAFETY: the running frame is a generator's, and its chain is alive; a new coroutine is its awaiter's alone.
        unsafe {
            let Some(g) = m.b().cast::<Generator>() else { return m.leave_to(await_full) };
            let child = g.value().ptr();
            let c = g.as_ptr();
            let frame = &mut *m.frame;
            let parent = frame.generator;
            let ticks = m.vm.heap.ticks.get() - 1;
            if (*c).state != GenState::Created
                || (*c).flags & gen_flag::LINKED != 0
                || !(*c).link.is_null()
                || m.vm.thread.sent.is_object()
                || ticks < 0
                || Generator::depth(parent) + m.vm.thread.depth() >= m.vm.thread.recursion_limit()
            {
                return m.leave_to(await_full);
            }
            let func = (*c).func.as_ptr();
            let code: *const CodeObject = (*func).code.as_ptr();
            if (*code).flags().has(CodeFlags::ASYNC_GENERATOR) {
                return m.leave_to(await_full);
            }
            m.vm.heap.ticks.set(ticks);
            m.vm.thread.sent = Value::NONE;
            let p = Header::payload::<Generator>(parent);
            (*p).pc = m.pc.offset_from((*frame.code).instrs) as u32 - 1;
            let inherited = std::mem::replace(&mut (*c).handled, Value::UNDEF);
            let own = std::mem::replace(&mut m.vm.thread.handled, inherited);
            std::mem::forget(std::mem::replace(&mut (*p).handled, own));
            if parent != frame.root {
                (*p).state = GenState::Suspended;
            }
            (*child).aux.set((*parent).aux.get().saturating_add(1));
            (*c).link = parent;
            (*c).flags |= gen_flag::LINKED;
            (*c).state = GenState::Suspended;
            frame.chain += 1;
            frame.generator = child;
            frame.func = func;
            frame.code = code;
            frame.consts = (*code).consts.as_ptr();
            frame.regs = Generator::regs(c);
            m.regs = frame.regs;
            m.pc = (*code).instrs;
        }
        m.next()
    }
}

full! {
    fn await_full(m) {
        m.tick()?;
        m.vm.await_op(m.ins.whole())
    }
}

full! {
    pub fn yield_async(m) {
        let v = m.in_b();
        m.vm.yield_async_op(v)
    }
}

quick! {
    /// Of a generator, and of a script's object whose `__iter__` is a generator function.
    pub fn get_yield_from_iter(m) {
        if let Some(g) = m.b().cast::<Generator>()
            && !m.vm.gen_flags(g).has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
        {
            let v = m.in_b();
            return m.put(v);
        }
        make_own_generator(m, Special::Iter, get_yield_from_iter_full)
    }
}

full! {
    fn get_yield_from_iter_full(m) {
        let v = m.in_b();
        let it = m.vm.get_yield_from_iter(v)?;
        m.set(it);
        Ok(Next::Reload)
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

quick! {
    pub fn get_anext(m) {
        if m.vm.is_resting_async_generator(m.b()) {
            let it = m.b().clone();
            return m.put(it);
        }
        m.leave_to(get_anext_full)
    }
}

full! {
    fn get_anext_full(m) {
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
