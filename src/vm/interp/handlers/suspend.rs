//! Generators, coroutines and async generators.
//!
//! The quick handlers do what `vm/generator.rs` does in general, for the usual case: nobody looks at the frame, no
//! exception is thrown in, and nothing is freed but at the very end. They check all of that before they change
//! anything, and leave to the full handler otherwise.

use super::super::Next;
use super::super::dispatch::{At, Exit, Handler, full, quick};
use super::calls::bound_or_none;
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{FLAG_B, Op};
use crate::vm::exception::Raised;
use crate::vm::frame::{Frame, frame_flag};
use crate::vm::function::CodeObject;
use crate::vm::generator::{GenState, Generator, gen_flag};
use crate::vm::object::{Header, IMMORTAL, Kind};
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

/// Resumes the generator that a `for` loop drives: its frame is pushed, with `None` sent.
#[inline(always)]
pub fn resume_for(mut m: At<'_>, full: Handler) -> Exit {
    // SAFETY: the register holds a generator, whose chain is alive; the verifier has checked the operands of its code.
    unsafe {
        let root = m.b().ptr();
        let r = Header::payload::<Generator>(root);
        let state = (*r).state;
        if (*r).flags & gen_flag::LINKED != 0 || !matches!(state, GenState::Suspended | GenState::Created) {
            return m.leave_to(full);
        }
        let current = if (*r).link.is_null() { root } else { (*r).link };
        let this = Header::payload::<Generator>(current);
        let func = (*this).func.as_ptr();
        let code: *const CodeObject = (*func).code.as_ptr();
        let start = (*code).instrs;
        let pc = start.add((*this).pc as usize);
        let awaits = (*pc).op_byte() == Op::Await as u8;
        let simple = !(*code).flags().has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR);
        let known = !awaits || !(*r).link.is_null() || state == GenState::Created;
        let ticks = m.vm.heap.ticks.get() - 1;
        if !simple || !known || m.vm.thread.depth >= m.vm.thread.recursion_limit || ticks < 0 {
            return m.leave_to(full);
        }
        let regs = Generator::regs(this);
        if awaits {
            if m.vm.thread.sent.is_object() {
                return m.leave_to(full);
            }
            m.vm.thread.sent = Value::NONE;
        } else if pc > start {
            let received = &mut *regs.add((*pc.sub(1)).a() as usize);
            if received.is_object() {
                return m.leave_to(full);
            }
            *received = Value::NONE;
        }
        m.vm.heap.ticks.set(ticks);
        m.store_pc();
        let handled = std::mem::replace(&mut (*this).handled, Value::UNDEF);
        let frame = Frame {
            pc,
            generator: current,
            root,
            aux: std::mem::replace(&mut m.vm.thread.handled, handled),
            flags: frame_flag::GENERATOR | frame_flag::FOR,
            ..Frame::plain(code, func, regs, (*m.frame).top, m.ins.a())
        };
        m.frame = m.frame.add(1);
        m.frame.write(frame);
        m.vm.thread.frame = m.frame;
        m.vm.thread.depth += 1;
        (*r).state = GenState::Running;
        (*root).aux.set(0);
        // The chain stays alive while it runs.
        Header::inc(root);
        m.pc = pc;
        m.regs = regs;
    }
    m.next()
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
            m.vm.thread.depth -= 1;
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
                || Generator::depth(parent) + m.vm.thread.depth >= m.vm.thread.recursion_limit
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
        m.vm.await_op(m.ins)
    }
}

/// The end of a generator that another one awaits, which goes on with the value.
#[inline(always)]
pub fn return_to_awaiter(mut m: At<'_>, v: Value, full: Handler) -> Exit {
    // SAFETY: as above; a linked generator's parent is alive and stands at the `Await` of it.
    unsafe {
        let frame = &mut *m.frame;
        let g = frame.generator;
        let this = Header::payload::<Generator>(g);
        if frame.flags & (frame_flag::OBSERVED | frame_flag::THROWN) != 0
            || g == frame.root
            || (*frame.code).flags().has(CodeFlags::ASYNC_GENERATOR)
            || m.vm.thread.handled.is_object()
            || !drop_registers(m.regs, (*this).nregs as usize)
        {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(full);
        }
        let v = bound_or_none(v);
        (*this).state = GenState::Closed;
        std::mem::forget(std::mem::replace(&mut (*this).handled, Value::INHERITED));
        (*this).flags &= !gen_flag::LINKED;
        let parent = std::mem::replace(&mut (*this).link, std::ptr::null_mut());
        let p = Header::payload::<Generator>(parent);
        let func = (*p).func.as_ptr();
        let code: *const CodeObject = (*func).code.as_ptr();
        frame.chain = frame.chain.saturating_sub(1);
        frame.generator = parent;
        frame.func = func;
        frame.code = code;
        frame.consts = (*code).consts.as_ptr();
        frame.regs = Generator::regs(p);
        m.regs = frame.regs;
        m.pc = (*code).instrs.add((*p).pc as usize);
        let handled = std::mem::replace(&mut (*p).handled, Value::UNDEF);
        std::mem::forget(std::mem::replace(&mut m.vm.thread.handled, handled));
        let awaiting = *m.pc;
        m.pc = m.pc.add(1);
        let child = m.take(awaiting.b());
        let old = std::mem::replace(m.reg(awaiting.a()), v);
        m.release_both(child, old)
    }
}

/// Drops registers as long as that frees nothing and unlinks nothing; true when all are done.
#[inline(always)]
unsafe fn drop_registers(regs: *mut Value, n: usize) -> bool {
    // SAFETY: the caller's registers.
    unsafe {
        for i in (0..n).rev() {
            let v = &mut *regs.add(i);
            let Some(h) = v.header() else { continue };
            let n = h.rc.get();
            if n <= 1 || h.kind == Kind::Generator {
                return false;
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
            regs.add(i).write(Value::UNDEF);
        }
    }
    true
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
