//! Driving generators and coroutines from the frame below: resuming them for loops and for `send`, and what happens
//! when they end.
//!
//! As in `suspend`, everything is checked before anything is changed.

use super::super::dispatch::{At, Exit, Handler, quick};
use super::calls::{call_full, call_method_full};
use super::returns::{bound_or_none, return_const_full, return_full};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{Instr, Op};
use crate::vm::frame::{Frame, frame_flag};
use crate::vm::function::{CodeObject, Function, Method};
use crate::vm::generator::{GenState, Generator, gen_flag};
use crate::vm::object::{Header, IMMORTAL, Kind};
use crate::vm::value::Value;

// ---- resuming ----

/// A chain that can be resumed by pushing its frame.
#[derive(Clone, Copy)]
struct Ready {
    root: *mut Header,
    /// The generator that goes on.
    current: *mut Header,
    func: *const Function,
    code: *const CodeObject,
    pc: *const Instr,
    regs: *mut Value,
    /// It stands at an `Await`, which takes what is sent.
    awaits: bool,
    ticks: i32,
}

/// Looks whether the chain of a generator can be resumed with a value (`none`: with `None`) by pushing its frame.
/// Generators whose code has one of the `others` cannot.
///
/// # Safety
/// `root` is a generator object.
#[inline(always)]
unsafe fn ready(m: &At<'_>, root: *mut Header, others: u32, none: bool) -> Option<Ready> {
    // SAFETY: the caller's promise; the generators of a chain are alive.
    unsafe {
        let r = Header::payload::<Generator>(root);
        let state = (*r).state;
        let created = state == GenState::Created;
        if (*r).flags & gen_flag::LINKED != 0 || !(state == GenState::Suspended || created && none) {
            return None;
        }
        let link = (*r).link;
        let current = if link.is_null() { root } else { link };
        let this = Header::payload::<Generator>(current);
        let func = (*this).func.as_ptr();
        let code: *const CodeObject = (*func).code.as_ptr();
        let start = (*code).instrs;
        let pc = start.add((*this).pc as usize);
        let awaits = (*pc).op_byte() == Op::Await as u8;
        let ticks = m.vm.heap.ticks.get() - 1;
        // What awaits and knows no innermost has forgotten it, or awaits something that is no generator.
        let known = !awaits || !link.is_null() || created;
        let root_code = if link.is_null() { code } else { (*(*r).func.as_ptr()).code.as_ptr() };
        if (*root_code).flags().has(others) || !known || !m.vm.thread.has_frame() || ticks < 0 {
            return None;
        }
        let regs = Generator::regs(this);
        let taken = if awaits {
            m.vm.thread.sent.is_object()
        } else {
            pc > start && (*regs.add((*pc.sub(1)).a() as usize)).is_object()
        };
        (!taken).then_some(Ready { root, current, func, code, pc, regs, awaits, ticks })
    }
}

/// Pushes the frame of a chain, which takes over one count of its root.
///
/// # Safety
/// `to` was found a moment ago, and what happened since changed no generator.
#[inline(always)]
unsafe fn resume(m: &mut At<'_>, to: Ready, sent: Value, dst: u16, flags: u8) {
    // SAFETY: the caller's promise; the verifier has checked the operands of the generator's code.
    unsafe {
        m.vm.heap.ticks.set(to.ticks);
        if to.awaits {
            std::mem::forget(std::mem::replace(&mut m.vm.thread.sent, sent));
        } else if to.pc > (*to.code).instrs {
            to.regs.add((*to.pc.sub(1)).a() as usize).write(sent);
        } else {
            // `None`: nobody takes it.
            std::mem::forget(sent);
        }
        m.store_pc();
        let handled = std::mem::replace(&mut (*Header::payload::<Generator>(to.current)).handled, Value::UNDEF);
        let top = (*m.frame).top;
        m.frame = m.frame.add(1);
        Frame::begin(m.frame, to.code, to.func, to.regs, top, dst);
        let frame = &mut *m.frame;
        frame.pc = to.pc;
        frame.generator = to.current;
        frame.root = to.root;
        frame.flags = frame_flag::GENERATOR | flags;
        let driver = std::mem::replace(&mut m.vm.thread.handled, handled);
        std::mem::forget(std::mem::replace(&mut frame.aux, driver));
        m.vm.thread.frame = m.frame;
        (*Header::payload::<Generator>(to.root)).state = GenState::Running;
        (*to.root).aux.set(0);
        m.pc = to.pc;
        m.regs = to.regs;
    }
}

/// Resumes the generator that a `for` loop drives.
#[inline(always)]
pub fn resume_for(mut m: At<'_>, full: Handler) -> Exit {
    // SAFETY: the register holds a generator.
    unsafe {
        let root = m.b().ptr();
        let others = CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR;
        let Some(to) = ready(&m, root, others, true) else { return m.leave_to(full) };
        Header::inc(root);
        let dst = m.ins.a();
        resume(&mut m, to, Value::NONE, dst, frame_flag::FOR);
    }
    m.next()
}

/// Takes a count away that is not the last.
#[inline(always)]
fn forget_shared(v: Value) {
    if let Some(h) = v.header()
        && h.rc.get() < IMMORTAL
    {
        h.rc.set(h.rc.get() - 1);
    }
    std::mem::forget(v);
}

/// Resumes the generator in R[base + 1], for a native in R[base] that the class keeps too.
#[inline(always)]
fn drive(mut m: At<'_>, sent: Option<u16>, others: u32, full: Handler) -> Exit {
    let base = m.ins.a();
    let this = &*m.reg(base + 1);
    let shared = m.reg(base).header().is_some_and(|h| h.ref_count() > 1);
    if this.kind() != Some(Kind::Generator) || !shared {
        return m.leave_to(full);
    }
    let none = sent.is_none_or(|at| m.reg(at).is_none());
    // SAFETY: as the kind says.
    unsafe {
        let Some(to) = ready(&m, this.ptr(), others, none) else { return m.leave_to(full) };
        let sent = sent.map_or(Value::NONE, |at| m.take(at));
        let (f, this) = (m.take(base), m.take(base + 1));
        // The frame has the count that the register had.
        std::mem::forget(this);
        forget_shared(f);
        let dst = m.ins.c();
        resume(&mut m, to, sent, dst, 0);
    }
    m.next()
}

quick! {
    /// `generator.send(value)`, `coroutine.send(value)`.
    #[inline(never)]
    pub fn send(m) {
        let value = m.ins.a() + 2;
        drive(m, Some(value), CodeFlags::ASYNC_GENERATOR, call_method_full)
    }
}

quick! {
    /// `next(generator)`.
    #[inline(never)]
    pub fn next_of(m) {
        drive(m, None, CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR, call_full)
    }
}

quick! {
    /// `send(value)`, where `send` is a bound method.
    #[inline(never)]
    pub fn send_bound(m) {
        let base = m.ins.a();
        // SAFETY: the callers have checked that the register holds a bound method.
        unsafe {
            let method: *const Method = Header::payload(m.reg(base).ptr());
            if (*method).receiver.kind() != Some(Kind::Generator) {
                return m.leave_to(call_full);
            }
            let root = (*method).receiver.ptr();
            let none = m.reg(base + 1).is_none();
            let Some(to) = ready(&m, root, CodeFlags::ASYNC_GENERATOR, none) else { return m.leave_to(call_full) };
            let (method, sent) = (m.take(base), m.take(base + 1));
            Header::inc(root);
            let dst = m.ins.c();
            resume(&mut m, to, sent, dst, 0);
            m.release(method)
        }
    }
}

// ---- ending ----

/// Whether the running generator can end by what the quick handlers do: one that another awaits, or that a loop drives.
#[inline(always)]
fn ends_simply(m: &At<'_>) -> bool {
    // SAFETY: the running frame is a generator's, and its chain is alive.
    unsafe {
        let frame = &*m.frame;
        let looping = frame.flags == frame_flag::GENERATOR | frame_flag::FOR && (*frame.root).rc.get() > 1;
        frame.flags & (frame_flag::OBSERVED | frame_flag::THROWN) == 0
            && (frame.generator != frame.root || looping)
            && !(*frame.code).flags().has(CodeFlags::ASYNC_GENERATOR)
            && !m.vm.thread.handled.is_object()
    }
}

/// Drops the running generator's registers, if that unlinks nothing and makes nothing due; what dies is freed only if
/// `freeing`. Dropped registers are `UNDEF`, so that others can go on where this has stopped.
#[inline(always)]
fn drop_registers(m: &At<'_>, freeing: bool) -> bool {
    // SAFETY: the running frame's registers are those of its generator. At a `Return`, nothing is left in its temps.
    unsafe {
        let n = (*(*m.frame).code).first_temp as usize;
        for i in (0..n).rev() {
            let at = m.regs.add(i);
            let Some(h) = (*at).header() else { continue };
            if h.kind == Kind::Generator {
                return false;
            }
            let n = h.rc.get();
            if n <= 1 {
                if !freeing {
                    return false;
                }
                *at = Value::UNDEF;
                continue;
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
            at.write(Value::UNDEF);
        }
        !freeing || !m.vm.heap.pending.get()
    }
}

/// Leaves a generator that has dropped its registers.
#[inline(always)]
fn leave(mut m: At<'_>, v: Value) -> Exit {
    // SAFETY: as for `ends_simply`. A linked generator's parent is alive and stands at the `Await` of it; a loop stands
    // behind its `ForIter` or `ForLoop`.
    unsafe {
        let frame = &mut *m.frame;
        let g = frame.generator;
        let this = Header::payload::<Generator>(g);
        (*this).state = GenState::Closed;
        std::mem::forget(std::mem::replace(&mut (*this).handled, Value::INHERITED));
        if g == frame.root {
            if (*this).flags & gen_flag::LINKED == 0 {
                (*this).link = std::ptr::null_mut();
            }
            let handled = std::mem::replace(&mut frame.aux, Value::UNDEF);
            std::mem::forget(std::mem::replace(&mut m.vm.thread.handled, handled));
            let n = (*g).rc.get();
            if n < IMMORTAL {
                (*g).rc.set(n - 1);
            }
            m.pop_frame();
            let driver = *m.pc.sub(1);
            if driver.op_byte() == Op::ForIter as u8 {
                m.skip(driver.offset16());
            }
            let it = m.take(driver.b());
            return m.release_both(v, it);
        }
        let v = bound_or_none(v);
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

/// Ends a generator with the value of its register.
#[inline(always)]
fn end(m: At<'_>, freeing: bool, otherwise: Handler) -> Exit {
    let v = m.take(m.ins.a());
    if !drop_registers(&m, freeing) {
        std::mem::forget(std::mem::replace(m.a(), v));
        return m.leave_to(otherwise);
    }
    leave(m, v)
}

quick! {
    #[inline(never)]
    pub fn return_generator(m) {
        if !ends_simply(&m) {
            return m.leave_to(return_full);
        }
        end(m, false, return_generator_freeing)
    }
}

quick! {
    /// Where something dies with it.
    #[inline(never)]
    fn return_generator_freeing(m) {
        end(m, true, return_full)
    }
}

/// Ends a generator with a constant.
#[inline(always)]
fn end_const(m: At<'_>, freeing: bool, otherwise: Handler) -> Exit {
    if !drop_registers(&m, freeing) {
        return m.leave_to(otherwise);
    }
    let v = m.k(m.ins.bc()).clone();
    leave(m, v)
}

quick! {
    #[inline(never)]
    pub fn return_const_generator(m) {
        if !ends_simply(&m) {
            return m.leave_to(return_const_full);
        }
        end_const(m, false, return_const_generator_freeing)
    }
}

quick! {
    /// Where something dies with it.
    #[inline(never)]
    fn return_const_generator_freeing(m) {
        end_const(m, true, return_const_full)
    }
}
