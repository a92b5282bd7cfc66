//! Calls and returns.

use super::super::Next;
use super::super::dispatch::{At, Exit, Handler, full, quick};
use super::natives::{call_bound, call_builtin_class, call_native, call_native_method};
use crate::compiler::opcodes::{FLAG_B, Op};
use crate::vm::class::{Class, PlainInit};
use crate::vm::frame::{Frame, frame_flag};
use crate::vm::function::{CodeObject, Function, Method};
use crate::vm::object::{Header, Kind, Ref};
use crate::vm::seq::{RangeObject, SeqIter, SeqSource};
use crate::vm::str::Tuple;
use crate::vm::value::Value;

/// Enters the script function below a window that begins with its arguments, if nothing is to be done but pushing a frame.
/// What is not that simple is for `filled`. (The order of the questions keeps few values alive at a time.)
#[inline(always)]
fn enter(mut m: At<'_>, window: *mut Value, argc: usize, filled: Handler) -> Exit {
    // SAFETY: the registers hold a function and its arguments; the window above them is free; there is room, as is asked.
    unsafe {
        let func: *const Function = Header::payload((*window.sub(1)).ptr());
        let code: *const CodeObject = (*func).code.as_ptr();
        if (*code).simple_args as usize != argc || !(*m.frame).generator.is_null() {
            return m.leave_to(filled);
        }
        let ticks = m.vm.heap.ticks.get() - 1;
        if ticks < 0 {
            return m.leave_to(filled);
        }
        m.vm.heap.ticks.set(ticks);
        let top = window.wrapping_add((*code).nregs as usize);
        if !m.vm.thread.has_room(top) {
            return m.leave_to(filled);
        }
        begin(&mut m, code, func, window, top);
        if (*code).has_unset {
            clear(window, (*code).simple_args as usize, (*code).first_temp as usize);
        }
        m.next()
    }
}

/// The defaults that complete `argc` positional arguments, if the function wants nothing but positional parameters and
/// makes no generator.
#[inline(always)]
unsafe fn missing_defaults<'v>(func: *const Function, code: *const CodeObject, argc: usize) -> Option<&'v [Value]> {
    // SAFETY: the function is alive, and so are its code and its defaults while the handler runs.
    unsafe {
        let wanted = (*code).simple_args as usize;
        if wanted == argc {
            return Some(&[]);
        }
        if wanted == 255 || argc > wanted {
            return None;
        }
        let items = (*(*func).defaults.cast::<Tuple>()?.as_ptr()).items();
        items.get(items.len().checked_sub(wanted - argc)?..)
    }
}

/// A place for the window of a call's frame.
struct Room {
    code: *const CodeObject,
    window: *mut Value,
    top: *mut Value,
}

/// The place for the call of a function in R[base], if there is any and no look around is due; the call costs a tick. In a
/// plain frame the window begins at the arguments. Generators have their registers elsewhere: theirs is on the stack.
#[inline(always)]
unsafe fn room(m: &At<'_>, base: u16, code: *const CodeObject) -> Option<Room> {
    // SAFETY: above the running frame's window the thread's stack is free.
    unsafe {
        let inside = (*m.frame).generator.is_null();
        let window = if inside { m.regs.add(base as usize + 1) } else { (*m.frame).top.add(1) };
        let top = window.wrapping_add((*code).nregs as usize);
        let ticks = m.vm.heap.ticks.get() - 1;
        if !m.vm.thread.has_room(top) || ticks < 0 {
            return None;
        }
        m.vm.heap.ticks.set(ticks);
        Some(Room { code, window, top })
    }
}

/// The same as [`enter`] where parameters may have to be filled from their defaults, and from generators too.
#[inline(always)]
fn enter_filled(mut m: At<'_>, base: u16, argc: usize, full: Handler) -> Exit {
    // SAFETY: as for `enter`.
    unsafe {
        let func: *const Function = Header::payload(m.reg(base).ptr());
        let code: *const CodeObject = (*func).code.as_ptr();
        let Some(defaults) = missing_defaults(func, code, argc) else { return m.leave_to(full) };
        let Some(Room { window, top, .. }) = room(&m, base, code) else { return m.leave_to(full) };
        if window != m.regs.add(base as usize + 1) {
            for i in 0..=argc {
                window.sub(1).add(i).write(m.take(base + i as u16));
            }
        }
        for (i, v) in defaults.iter().enumerate() {
            window.add(argc + i).write(v.clone());
        }
        push(&mut m, code, func, window, top, argc + defaults.len());
        m.next()
    }
}

/// Enters a function that gets an object in front of the arguments behind R[base], which move up by one for it. R[base]
/// was taken before.
///
/// # Safety
/// The room was found for this call, and `defaults` complete the arguments.
#[inline(always)]
unsafe fn enter_with(m: &mut At<'_>, argc: usize, room: Room, f: Value, this: Value, defaults: &[Value]) {
    let Room { code, window, top } = room;
    let func: *const Function = Header::payload(f.ptr());
    // SAFETY: the caller's promise; behind the arguments there is a register, since the end of the stack is farther away
    // than the end of the new window.
    unsafe {
        let first = m.regs.add(m.ins.a() as usize + 1);
        for i in (0..argc).rev() {
            window.add(i + 1).write(std::mem::replace(&mut *first.add(i), Value::UNDEF));
        }
        window.sub(1).write(f);
        window.write(this);
        for (i, v) in defaults.iter().enumerate() {
            window.add(argc + 1 + i).write(v.clone());
        }
        push(m, code, func, window, top, argc + 1 + defaults.len());
    }
}

/// Makes registers unset, from one number up to another. Mostly there are none or a few, so the optimizer is kept from
/// making more of the loop than it is.
///
/// # Safety
/// They are free.
#[inline(always)]
pub unsafe fn clear(window: *mut Value, from: usize, to: usize) {
    for i in from..to {
        // SAFETY: the caller's promise.
        unsafe { window.add(i).write_volatile(Value::UNDEF) };
    }
}

/// Goes over into a new frame, whose window is the callers' to fill.
///
/// # Safety
/// Below the window is the function; it and the frame array have room.
#[inline(always)]
unsafe fn begin(m: &mut At<'_>, code: *const CodeObject, func: *const Function, window: *mut Value, top: *mut Value) {
    m.store_pc();
    let dst = m.ins.c();
    // SAFETY: the callers' promise.
    unsafe {
        m.frame = m.frame.add(1);
        Frame::begin(m.frame, code, func, window, top, dst);
        m.vm.thread.frame = m.frame;
        m.pc = (*code).instrs;
        m.regs = window;
    }
}

/// Pushes a frame that was checked to have room.
///
/// # Safety
/// As for [`begin`]; the window holds `argc` arguments.
#[inline(always)]
pub unsafe fn push(
    m: &mut At<'_>,
    code: *const CodeObject,
    func: *const Function,
    window: *mut Value,
    top: *mut Value,
    argc: usize,
) {
    // SAFETY: the callers' promise.
    unsafe {
        begin(m, code, func, window, top);
        clear(window, argc, (*code).first_temp as usize);
    }
}

quick! {
    pub fn call(m) {
        let f = m.a();
        if f.kind() == Some(Kind::Function) {
            let argc = m.ins.b() as usize;
            let window = m.run(m.ins.a()).wrapping_add(1);
            return enter(m, window, argc, call_filled);
        }
        m.leave_to(call_other)
    }
}

quick! {
    /// Anything but a script function.
    #[inline(never)]
    fn call_other(m) {
        let to = match m.reg(m.ins.a()).kind() {
            Some(Kind::Native) => call_native,
            Some(Kind::Type) => call_class,
            Some(Kind::Method) => call_bound,
            _ => call_full,
        };
        m.leave_to(to)
    }
}

quick! {
    /// An instance of a script class whose script `__init__` takes the arguments, and its defaults: they move up by one for
    /// the instance, and the function takes the class's place.
    #[inline(never)]
    fn call_class(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize);
        // SAFETY: as for `enter`: a class is kept alive by its register, its `__init__` by the class.
        unsafe {
            let Some(class) = m.reg(base).cast::<Class>() else { return m.leave_to(call_full) };
            if !class.get(m.vm).is_heap() {
                let to = if class.is(&m.vm.types.range) { call_range } else { call_builtin_class };
                return m.leave_to(to);
            }
            let init = match m.vm.plain_init(class) {
                PlainInit::Yes(init) => Value::ptr_of(init),
                PlainInit::None if argc == 0 => return m.leave_to(call_bare_class),
                _ => return m.leave_to(call_full),
            };
            let func: *const Function = Header::payload(init);
            let code: *const CodeObject = (*func).code.as_ptr();
            let Some(defaults) = missing_defaults(func, code, argc + 1) else { return m.leave_to(call_full) };
            let Some(room) = room(&m, base, code) else { return m.leave_to(call_full) };
            let instance = m.vm.new_instance(class);
            Header::inc(init);
            let class = m.take(base);
            enter_with(&mut m, argc, room, Value::from_ptr(init), instance.clone(), defaults);
            (*m.frame).flags = frame_flag::INIT;
            std::mem::forget(std::mem::replace(&mut (*m.frame).aux, instance));
            m.release(class)
        }
    }
}

quick! {
    /// An instance of a script class that has no `__init__`, without arguments.
    #[inline(never)]
    fn call_bare_class(m) {
        let ticks = m.vm.heap.ticks.get() - 1;
        let Some(class) = m.reg(m.ins.a()).cast::<Class>().filter(|_| ticks >= 0) else { return m.leave_to(call_full) };
        m.vm.heap.ticks.set(ticks);
        let instance = m.vm.new_instance(class);
        let class = m.take(m.ins.a());
        let old = std::mem::replace(m.c(), instance);
        if m.vm.heap.pending.get() {
            drop((class, old));
            return m.back();
        }
        m.release_both(class, old)
    }
}

quick! {
    /// `range(stop)` and `range(start, stop)` of small ints. Where a loop is all that sees the range, its iterator is made
    /// at once.
    #[inline(never)]
    fn call_range(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        let parts = match argc {
            1 => Some((0, m.reg(base + 1).as_small_int())),
            2 => m.reg(base + 1).as_small_int().map(|start| (start, m.reg(base + 2).as_small_int())),
            _ => None,
        };
        let ticks = m.vm.heap.ticks.get() - 1;
        let (Some((start, Some(stop))), 0..) = (parts, ticks) else { return m.leave_to(call_full) };
        m.vm.heap.ticks.set(ticks);
        let left = (stop - start).max(0);
        // SAFETY: code does not end with a call.
        let then = unsafe { *m.pc };
        let (dst, made) = if then.op_byte() == Op::GetIter as u8 && then.b() == m.ins.c() && then.flags() & FLAG_B != 0 {
            m.skip(1);
            let source = SeqSource::Range { next: start, step: 1, left: left as u64 };
            (then.a(), m.vm.alloc_as(&m.vm.types.range_iterator, SeqIter { source, at: 0 }).into_value())
        } else {
            let [start, stop, step, len] = [start, stop, 1, left].map(|n| m.vm.int(n));
            (m.ins.c(), m.vm.alloc(RangeObject { start, stop, step, len }).into_value())
        };
        for i in 1..=argc {
            // Small ints want no dropping.
            std::mem::forget(m.take(base + i));
        }
        let (class, old) = (m.take(base), std::mem::replace(m.reg(dst), made));
        if m.vm.heap.pending.get() {
            drop((class, old));
            return m.back();
        }
        m.release_both(class, old)
    }
}

quick! {
    /// A script function bound to an object: the arguments move up by one for it, and the function takes the method's
    /// place.
    #[inline(never)]
    pub fn call_bound_function(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize);
        // SAFETY: as for `call_class`; the callers have checked that it is a bound method of a script function.
        unsafe {
            let method: *const Method = Header::payload(m.reg(base).ptr());
            let func: *const Function = Header::payload((*method).func.ptr());
            let code: *const CodeObject = (*func).code.as_ptr();
            let Some(defaults) = missing_defaults(func, code, argc + 1) else { return m.leave_to(call_full) };
            let Some(room) = room(&m, base, code) else { return m.leave_to(call_full) };
            let (f, this) = ((*method).func.clone(), (*method).receiver.clone());
            let method = m.take(base);
            enter_with(&mut m, argc, room, f, this, defaults);
            m.release(method)
        }
    }
}

quick! {
    #[inline(never)]
    fn call_filled(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize);
        enter_filled(m, base, argc, call_full)
    }
}

/// Makes the generator of a function in R[base] whose arguments begin at R[base+1], if they are all that it wants.
#[inline(always)]
fn make_generator(m: &mut At<'_>, base: u16, argc: usize) -> bool {
    if m.reg(base).kind() != Some(Kind::Function) {
        return false;
    }
    let func: *const Function = Header::payload(m.reg(base).ptr());
    // SAFETY: the function is alive, and so is its code; the registers hold the arguments.
    unsafe {
        let code: *const CodeObject = (*func).code.as_ptr();
        if !(*code).makes_generator || (*code).exact_args as usize != argc {
            return false;
        }
        let f = m.take(base);
        let generator = m.vm.new_generator(Ref::from_value_unchecked(f), m.regs.add(base as usize + 1));
        m.vm.give_generator(generator, m.ins.c());
    }
    true
}

full! {
    pub fn call_full(m) {
        m.tick()?;
        let (base, argc) = (m.ins.a() as usize, m.ins.b() as usize);
        if make_generator(m, m.ins.a(), argc) {
            return Ok(Next::Reload);
        }
        m.vm.call_op(m.frame, m.regs, base, argc, m.ins.c())
    }
}

quick! {
    pub fn call_method(m) {
        let to = match m.reg(m.ins.a()).kind() {
            Some(Kind::Function) => call_method_function,
            Some(Kind::Native) => call_native_method,
            _ => call_method_full,
        };
        m.leave_to(to)
    }
}

quick! {
    /// Apart from the look at what is called, so that finding the way needs no registers to be saved.
    #[inline(never)]
    fn call_method_function(m) {
        let window = m.run(m.ins.a()).wrapping_add(1);
        // SAFETY: a call of a method has a register behind its function.
        if unsafe { (*window).is_undef() } {
            return m.leave_to(call_method_full);
        }
        let argc = m.ins.b() as usize + 1;
        enter(m, window, argc, call_method_filled)
    }
}

quick! {
    #[inline(never)]
    fn call_method_filled(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize + 1);
        enter_filled(m, base, argc, call_method_full)
    }
}

full! {
    pub fn call_method_full(m) {
        m.tick()?;
        let (base, argc) = (m.ins.a() as usize, m.ins.b() as usize);
        if !m.reg(m.ins.a() + 1).is_undef() && make_generator(m, m.ins.a(), argc + 1) {
            return Ok(Next::Reload);
        }
        m.vm.call_method_op(m.frame, m.regs, base, argc, m.ins.c())
    }
}

full! {
    pub fn call_kw(m) {
        m.tick()?;
        m.vm.call_kw_op(m.frame, m.regs, m.ins.whole(), false)
    }
}

full! {
    pub fn call_method_kw(m) {
        m.tick()?;
        m.vm.call_kw_op(m.frame, m.regs, m.ins.whole(), true)
    }
}

full! {
    pub fn call_ex(m) {
        m.tick()?;
        m.vm.call_ex_op(m.frame, m.regs, m.ins.whole())
    }
}
