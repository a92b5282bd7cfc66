//! Calls and returns.

use super::super::Next;
use super::super::dispatch::{At, Exit, Handler, full, quick};
use super::suspend::return_to_awaiter;
use crate::compiler::opcodes::{FLAG_B, Op};
use crate::vm::R;
use crate::vm::class::Class;
use crate::vm::frame::{Frame, frame_flag};
use crate::vm::function::{CodeObject, Function, Native, NativeCode};
use crate::vm::native::{FlatFn, MachineFn, NativeImpl};
use crate::vm::object::{Header, IMMORTAL, Kind, Ref};
use crate::vm::seq::{List, RangeObject, SeqIter, SeqSource};
use crate::vm::str::Tuple;
use crate::vm::value::Value;

/// Enters the script function in R[base], whose arguments follow it, if nothing is to be done but pushing a frame.
/// Its window begins at the arguments. What is not that simple is for `filled`.
#[inline(always)]
fn enter(mut m: At<'_>, base: u16, argc: usize, filled: Handler) -> Exit {
    // SAFETY: the registers hold a function and its arguments; the window above them is free; the frame array has
    // room, since `depth` is below the limit.
    unsafe {
        if !(*m.frame).generator.is_null() {
            return m.leave_to(filled);
        }
        let func: *const Function = Header::payload(m.reg(base).ptr());
        let code: *const CodeObject = (*func).code.as_ptr();
        let window = m.regs.add(base as usize + 1);
        let top = window.wrapping_add((*code).nregs as usize);
        let ticks = m.vm.heap.ticks.get() - 1;
        if (*code).simple_args as usize != argc
            || m.vm.thread.depth >= m.vm.thread.recursion_limit
            || top.wrapping_add(8) >= m.vm.thread.stack_end
            || ticks < 0
        {
            return m.leave_to(filled);
        }
        m.vm.heap.ticks.set(ticks);
        push(&mut m, code, func, window, top, argc);
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

/// The same as [`enter`] where parameters may have to be filled from their defaults, and from generators too.
#[inline(always)]
fn enter_filled(mut m: At<'_>, base: u16, argc: usize, full: Handler) -> Exit {
    // SAFETY: as for `enter`; above the running frame's window the thread's stack is free.
    unsafe {
        let func: *const Function = Header::payload(m.reg(base).ptr());
        let code: *const CodeObject = (*func).code.as_ptr();
        let Some(defaults) = missing_defaults(func, code, argc) else { return m.leave_to(full) };
        let inside = (*m.frame).generator.is_null();
        let window = if inside { m.regs.add(base as usize + 1) } else { (*m.frame).top.add(1) };
        let top = window.wrapping_add((*code).nregs as usize);
        let ticks = m.vm.heap.ticks.get() - 1;
        if m.vm.thread.depth >= m.vm.thread.recursion_limit || top.wrapping_add(8) >= m.vm.thread.stack_end || ticks < 0
        {
            return m.leave_to(full);
        }
        m.vm.heap.ticks.set(ticks);
        if !inside {
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

/// Pushes a frame that was checked to have room.
#[inline(always)]
unsafe fn push(
    m: &mut At<'_>,
    code: *const CodeObject,
    func: *const Function,
    window: *mut Value,
    top: *mut Value,
    argc: usize,
) {
    m.store_pc();
    let dst = m.ins.c();
    // SAFETY: the callers' promise.
    unsafe {
        m.frame = m.frame.add(1);
        m.frame.write(Frame::plain(code, func, window, top, dst));
        m.vm.thread.frame = m.frame;
        m.vm.thread.depth += 1;
        for i in argc..(*code).first_temp as usize {
            window.add(i).write(Value::UNDEF);
        }
        m.pc = (*code).instrs;
        m.regs = window;
    }
}

quick! {
    pub fn call(m) {
        let base = m.ins.a();
        if m.reg(base).kind() == Some(Kind::Function) {
            let argc = m.ins.b() as usize;
            return enter(m, base, argc, call_filled);
        }
        match m.reg(base).kind() {
            Some(Kind::Native) => m.leave_to(call_native),
            Some(Kind::Type) => m.leave_to(call_class),
            _ => m.leave_to(call_full),
        }
    }
}

quick! {
    /// An instance of a script class whose script `__init__` takes the arguments, and its defaults: they move up by one for
    /// the instance, and the function takes the class's place.
    #[inline(never)]
    fn call_class(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize);
        // SAFETY: as for `enter`: a class is kept alive by its register, its `__init__` by the class; behind the
        // arguments there is room, since the stack's end is farther away than the new window's.
        unsafe {
            let Some(class) = m.reg(base).cast::<Class>() else { return m.leave_to(call_full) };
            if class.is(&m.vm.types.range) {
                return m.leave_to(call_range);
            }
            let Some(init) = m.vm.plain_init(class) else { return m.leave_to(call_full) };
            let func: *const Function = Header::payload(init);
            let code: *const CodeObject = (*func).code.as_ptr();
            let inside = (*m.frame).generator.is_null();
            let window = if inside { m.regs.add(base as usize + 1) } else { (*m.frame).top.add(1) };
            let top = window.wrapping_add((*code).nregs as usize);
            let Some(defaults) = missing_defaults(func, code, argc + 1) else { return m.leave_to(call_full) };
            let ticks = m.vm.heap.ticks.get() - 1;
            if m.vm.thread.depth >= m.vm.thread.recursion_limit
                || top.wrapping_add(8) >= m.vm.thread.stack_end
                || ticks < 0
            {
                return m.leave_to(call_full);
            }
            m.vm.heap.ticks.set(ticks);
            let instance = m.vm.new_instance(class);
            Header::inc(init);
            let class = m.take(base);
            let first = m.regs.add(base as usize + 1);
            for i in (0..argc).rev() {
                window.add(i + 1).write(std::mem::replace(&mut *first.add(i), Value::UNDEF));
            }
            window.sub(1).write(Value::from_ptr(init));
            window.write(instance.clone());
            for (i, v) in defaults.iter().enumerate() {
                window.add(argc + 1 + i).write(v.clone());
            }
            push(&mut m, code, func, window, top, argc + 1 + defaults.len());
            (*m.frame).flags = frame_flag::INIT;
            std::mem::forget(std::mem::replace(&mut (*m.frame).aux, instance));
            m.release(class)
        }
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
    #[inline(never)]
    fn call_filled(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize);
        enter_filled(m, base, argc, call_full)
    }
}

/// The function that a native with flat arguments runs, if so many fit and its receiver needs no test.
#[inline(always)]
fn flat_native(f: &Value, argc: usize, bound: bool) -> Option<FlatFn> {
    let native: *const Native = Header::payload(f.ptr());
    // SAFETY: the callers have checked the kind.
    let native = unsafe { &*native };
    if !bound && native.owner.kind() == Some(Kind::Type) {
        return None;
    }
    let NativeCode::Static(def) = &native.code else { return None };
    match def.run {
        NativeImpl::Flat(f) | NativeImpl::Machine(MachineFn::Append, f) if def.fits(argc) => Some(f),
        _ => None,
    }
}

/// Calls a native function with the registers from `first` on, and drops these and the function in R[base].
#[inline(always)]
fn run_native(m: &mut At<'_>, f: FlatFn, base: u16, first: u16, argc: u16) -> R<Next> {
    // SAFETY: the registers hold the arguments; they stay in place during the call, since the frames of nested calls
    // lie above this frame's window.
    let args = unsafe { std::slice::from_raw_parts(m.regs.add(first as usize), argc as usize) };
    let result = f(m.vm, args);
    for i in 0..argc {
        *m.reg(first + i) = Value::UNDEF;
    }
    *m.reg(base) = Value::UNDEF;
    *m.c() = result?;
    Ok(Next::Reload)
}

full! {
    fn call_native(m) {
        m.tick()?;
        let (base, argc) = (m.ins.a(), m.ins.b());
        match flat_native(m.reg(base), argc as usize, false) {
            Some(f) => run_native(m, f, base, base + 1, argc),
            None => m.vm.call_op(m.frame, m.regs, base as usize, argc as usize, m.ins.c()),
        }
    }
}

/// Whether R[base] is `list.append`.
#[inline(always)]
fn is_append(f: &Value) -> bool {
    let native: *const Native = Header::payload(f.ptr());
    // SAFETY: the callers have checked the kind.
    match unsafe { &(*native).code } {
        NativeCode::Static(def) => matches!(def.run, NativeImpl::Machine(MachineFn::Append, _)),
        NativeCode::Host(..) => false,
    }
}

quick! {
    /// Native methods; apart from their calls, so that finding the way needs no registers to be saved.
    #[inline(never)]
    fn call_native_method(m) {
        let append = m.ins.b() == 1 && is_append(m.reg(m.ins.a()));
        m.leave_to(if append { append_item } else { call_flat_method })
    }
}

quick! {
    /// Native methods with flat arguments; all others are for the full handler.
    #[inline(never)]
    fn call_flat_method(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        let ticks = m.vm.heap.ticks.get() - 1;
        if ticks < 0 || m.reg(base + 1).is_undef() {
            return m.leave_to(call_native_method_full);
        }
        let Some(f) = flat_native(m.reg(base), argc as usize + 1, true) else {
            return m.leave_to(call_native_method_full);
        };
        m.vm.heap.ticks.set(ticks);
        m.store_pc();
        // SAFETY: as for `run_native`.
        let args = unsafe { std::slice::from_raw_parts(m.regs.add(base as usize + 1), argc as usize + 1) };
        let result = f(m.vm, args);
        for i in 0..argc + 2 {
            *m.reg(base + i) = Value::UNDEF;
        }
        match result {
            Ok(v) => {
                *m.c() = v;
                if m.vm.heap.pending.get() { m.back() } else { m.next() }
            }
            Err(e) => {
                std::mem::forget(std::mem::replace(&mut m.vm.thread.passed, e.0));
                Exit::Raised
            }
        }
    }
}

quick! {
    /// `list.append(item)` where the list has room.
    #[inline(never)]
    fn append_item(m) {
        let base = m.ins.a();
        let (f, list) = (&*m.reg(base), &*m.reg(base + 1));
        let Some(list) = list.cast::<List>() else { return m.leave_to(call_native_method_full) };
        // SAFETY: no other reference to the list's payload is alive in a handler.
        let items = unsafe { &mut (*list.as_ptr()).items };
        let shared = f.header().is_some_and(|h| h.ref_count() > 1);
        if items.len() == items.capacity() || !shared || m.vm.heap.ticks.get() <= 0 {
            return m.leave_to(call_native_method_full);
        }
        m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
        items.push(m.take(base + 2));
        let (f, list) = (m.take(base), m.take(base + 1));
        let old = std::mem::replace(m.c(), Value::NONE);
        if old.is_object() {
            // Rare: the result goes to a name or attribute that held something.
            drop(old);
            drop(f);
            return m.release(list);
        }
        std::mem::forget(old);
        m.release_both(f, list)
    }
}

full! {
    fn call_native_method_full(m) {
        m.tick()?;
        let (base, argc) = (m.ins.a(), m.ins.b());
        if !m.reg(base + 1).is_undef()
            && let Some(f) = flat_native(m.reg(base), argc as usize + 1, true)
        {
            return run_native(m, f, base, base + 1, argc + 1);
        }
        if m.reg(base + 1).is_undef()
            && let Some(f) = flat_native(m.reg(base), argc as usize, false)
        {
            return run_native(m, f, base, base + 2, argc);
        }
        m.vm.call_method_op(m.frame, m.regs, base as usize, argc as usize, m.ins.c())
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
    fn call_full(m) {
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
        let base = m.ins.a();
        if m.reg(base).kind() == Some(Kind::Function) && !m.reg(base + 1).is_undef() {
            let argc = m.ins.b() as usize + 1;
            return enter(m, base, argc, call_method_filled);
        }
        if m.reg(base).kind() == Some(Kind::Native) {
            return m.leave_to(call_native_method);
        }
        m.leave_to(call_method_full)
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
    fn call_method_full(m) {
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
        m.vm.call_kw_op(m.frame, m.regs, m.ins, false)
    }
}

full! {
    pub fn call_method_kw(m) {
        m.tick()?;
        m.vm.call_kw_op(m.frame, m.regs, m.ins, true)
    }
}

full! {
    pub fn call_ex(m) {
        m.tick()?;
        m.vm.call_ex_op(m.frame, m.regs, m.ins)
    }
}

/// Drops the locals and the function of a plain frame, if that frees nothing. What is left to do otherwise can be done
/// by `Vm::return_op`: dropped registers are `UNDEF`.
#[inline(always)]
fn drop_locals(m: &At<'_>) -> bool {
    // SAFETY: the frame's registers are its own; the call put the function below its window.
    unsafe {
        if (*m.frame).flags & !frame_flag::INIT != 0 {
            return false;
        }
        let mut at = m.regs.add((*(*m.frame).code).first_temp as usize);
        let end = m.regs.sub(1);
        while at > end {
            at = at.sub(1);
            let Some(h) = (*at).header() else { continue };
            let n = h.rc.get();
            if n <= 1 {
                return false;
            }
            if n < IMMORTAL {
                h.rc.set(n - 1);
            }
            at.write(Value::UNDEF);
        }
    }
    true
}

/// Drops the locals and the function of a plain frame that [`drop_locals`] has left, and frees what they alone hold. What
/// that makes due waits: false then.
#[inline(always)]
fn free_locals(m: &At<'_>) -> bool {
    // SAFETY: as for `drop_locals`.
    unsafe {
        if (*m.frame).flags & !frame_flag::INIT != 0 {
            return false;
        }
        let mut at = m.regs.add((*(*m.frame).code).first_temp as usize);
        let end = m.regs.sub(1);
        while at > end {
            at = at.sub(1);
            *at = Value::UNDEF;
        }
    }
    !m.vm.heap.pending.get()
}

/// Whether an `__init__` returns something.
#[inline(always)]
fn wrong_init_result(m: &At<'_>, v: &Value) -> bool {
    // SAFETY: `frame` is the running frame.
    unsafe { (*m.frame).flags & frame_flag::INIT != 0 && !v.is_none() }
}

/// What a function returns: the value, or `None` for a name that is not bound.
#[inline(always)]
pub fn bound_or_none(v: Value) -> Value {
    if v.is_undef() {
        // Dropped later, it would keep the next handler from being entered by a jump.
        std::mem::forget(v);
        return Value::NONE;
    }
    v
}

/// Gives the result to the frame below.
#[inline(always)]
fn deliver(mut m: At<'_>, v: Value) -> Exit {
    // SAFETY: a frame without other flags has its caller's frame below it.
    unsafe {
        let v = if (*m.frame).flags == 0 {
            v
        } else {
            // `None`, as `wrong_init_result` has seen.
            std::mem::forget(v);
            std::mem::replace(&mut (*m.frame).aux, Value::UNDEF)
        };
        let dst = (*m.frame).dst;
        m.frame = m.frame.sub(1);
        m.vm.thread.frame = m.frame;
        m.vm.thread.depth -= 1;
        m.pc = (*m.frame).pc;
        m.regs = (*m.frame).regs;
        let old = std::mem::replace(m.reg(dst), v);
        m.release(old)
    }
}

quick! {
    pub fn return_(m) {
        // A local is moved out too: the frame's registers are dropped anyway.
        let v = m.take(m.ins.a());
        if wrong_init_result(&m, &v) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_full);
        }
        // SAFETY: `frame` is the running frame.
        if unsafe { (*m.frame).flags } & frame_flag::GENERATOR != 0 {
            return return_to_awaiter(m, v, return_full);
        }
        if !drop_locals(&m) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_freeing);
        }
        deliver(m, bound_or_none(v))
    }
}

quick! {
    /// Where locals die.
    #[inline(never)]
    fn return_freeing(m) {
        let v = m.take(m.ins.a());
        if !free_locals(&m) {
            std::mem::forget(std::mem::replace(m.a(), v));
            return m.leave_to(return_full);
        }
        deliver(m, bound_or_none(v))
    }
}

full! {
    fn return_full(m) {
        let v = m.take(m.ins.a());
        let v = if v.is_undef() { Value::NONE } else { v };
        m.vm.return_op(v)
    }
}

quick! {
    pub fn return_const(m) {
        if wrong_init_result(&m, m.k(m.ins.bc())) {
            return m.leave_to(return_const_full);
        }
        if !drop_locals(&m) {
            return m.leave_to(return_const_freeing);
        }
        let v = m.k(m.ins.bc()).clone();
        deliver(m, v)
    }
}

quick! {
    #[inline(never)]
    fn return_const_freeing(m) {
        if !free_locals(&m) {
            return m.leave_to(return_const_full);
        }
        let v = m.k(m.ins.bc()).clone();
        deliver(m, v)
    }
}

full! {
    fn return_const_full(m) {
        let v = m.k(m.ins.bc()).clone();
        m.vm.return_op(v)
    }
}
