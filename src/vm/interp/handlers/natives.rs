//! Calls of native functions: with flat arguments, by name or bound, and those that the machine does itself.

use super::super::dispatch::{At, Exit, quick};
use super::calls::{call_bound_function, call_full, call_method_full};
use super::drive::{next_of, send, send_bound};
use super::jumps::known_len;
use crate::compiler::opcodes::Instr;
use crate::vm::function::{Method, Native, NativeCode};
use crate::vm::native::{Args, FlatFn, MachineFn, NativeImpl, NowFn, RawFn};
use crate::vm::object::{Header, IMMORTAL, Kind};
use crate::vm::seq::List;
use crate::vm::value::Value;
use crate::vm::{R, Vm};

/// What a native function runs.
#[derive(Clone, Copy)]
enum Plain {
    Flat(FlatFn),
    Raw(RawFn),
}

impl Plain {
    #[inline(always)]
    fn call(self, vm: &mut Vm, args: &[Value]) -> R {
        match self {
            Plain::Flat(f) => f(vm, args),
            Plain::Raw(f) => call_raw(f, vm, args),
        }
    }
}

/// Apart from the handlers, which must pass no pointer to their own memory to anybody.
#[inline(never)]
fn call_raw(f: RawFn, vm: &mut Vm, args: &[Value]) -> R {
    f(vm, &Args::positional(args))
}

/// What a native function runs, if so many positional arguments are passed on just as they are, and its receiver needs
/// no test.
#[inline(always)]
fn plain_native(f: &Value, argc: usize, bound: bool) -> Option<Plain> {
    let native: *const Native = Header::payload(f.ptr());
    // SAFETY: the callers have checked the kind.
    let native = unsafe { &*native };
    if !bound && native.owner.kind() == Some(Kind::Type) {
        return None;
    }
    let NativeCode::Static(def) = &native.code else { return None };
    match def.run {
        NativeImpl::Flat(f) | NativeImpl::Machine(MachineFn::Append | MachineFn::Len, f) if def.fits(argc) => {
            Some(Plain::Flat(f))
        }
        NativeImpl::Raw(f) => Some(Plain::Raw(f)),
        _ => None,
    }
}

/// How a native that belongs to apy is run.
#[inline(always)]
fn native_impl(f: &Value) -> Option<&NativeImpl> {
    let native: *const Native = Header::payload(f.ptr());
    // SAFETY: the callers have checked the kind.
    match unsafe { &(*native).code } {
        NativeCode::Static(def) => Some(&def.run),
        NativeCode::Host(..) => None,
    }
}

/// What the machine does itself for a native, if it is one of those.
#[inline(always)]
fn machine_fn(f: &Value) -> Option<MachineFn> {
    match native_impl(f) {
        Some(NativeImpl::Machine(m, _)) => Some(*m),
        _ => None,
    }
}

/// Calls a function with the registers from `first` on, and drops these; R[base] is dropped too.
#[inline(always)]
fn run_plain(m: At<'_>, f: Plain, base: u16, first: u16, argc: u16) -> Exit {
    m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
    m.store_pc();
    // SAFETY: the registers hold the arguments; they stay in place during the call, since the frames of nested calls
    // lie above this frame's window.
    let args = unsafe { std::slice::from_raw_parts(m.regs.add(first as usize), argc as usize) };
    let result = f.call(m.vm, args);
    for i in 0..argc {
        *m.reg(first + i) = Value::UNDEF;
    }
    *m.reg(base) = Value::UNDEF;
    deliver(m, result)
}

/// Goes on with what a native has given.
#[inline(always)]
fn deliver(m: At<'_>, result: R) -> Exit {
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

// ---- by name ----

quick! {
    /// A native function in R[base].
    #[inline(never)]
    pub fn call_native(m) {
        let to = match (machine_fn(m.reg(m.ins.a())), m.ins.b()) {
            (Some(MachineFn::Len), 1) => len_of,
            (Some(MachineFn::Next), 1) => next_of,
            _ => call_flat,
        };
        m.leave_to(to)
    }
}

quick! {
    /// `len` of a built-in container.
    #[inline(never)]
    fn len_of(m) {
        let base = m.ins.a();
        let (f, obj) = (&*m.reg(base), &*m.reg(base + 1));
        let (Some(f), Some(len)) = (f.header(), known_len(obj)) else { return m.leave_to(call_flat) };
        let (ticks, n) = (m.vm.heap.ticks.get(), f.rc.get());
        if ticks <= 0 || n <= 1 {
            return m.leave_to(call_flat);
        }
        m.vm.heap.ticks.set(ticks - 1);
        if n < IMMORTAL {
            f.rc.set(n - 1);
        }
        let (f, obj) = (m.take(base), m.take(base + 1));
        std::mem::forget(f);
        let old = std::mem::replace(m.c(), Value::len(len));
        m.release_both(obj, old)
    }
}

quick! {
    #[inline(never)]
    fn call_flat(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        match plain_native(m.reg(base), argc as usize, false) {
            Some(f) if m.vm.heap.ticks.get() > 0 => run_plain(m, f, base, base + 1, argc),
            _ => m.leave_to(call_full),
        }
    }
}

quick! {
    /// A built-in class in R[base] whose instances a native makes.
    #[inline(never)]
    pub fn call_builtin_class(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        if m.vm.heap.ticks.get() <= 0 {
            return m.leave_to(call_full);
        }
        m.store_pc();
        // SAFETY: as for `run_plain`.
        let call = unsafe { std::slice::from_raw_parts(m.regs.add(base as usize), argc as usize + 1) };
        let Some(result) = m.vm.call_builtin_class(call) else { return m.leave_to(call_full) };
        m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
        for i in (0..=argc).rev() {
            *m.reg(base + i) = Value::UNDEF;
        }
        deliver(m, result)
    }
}

// ---- bound ----

quick! {
    /// A bound method in R[base].
    #[inline(never)]
    pub fn call_bound(m) {
        let method: *const Method = Header::payload(m.reg(m.ins.a()).ptr());
        // SAFETY: the callers have checked the kind.
        let f = unsafe { &(*method).func };
        match f.kind() {
            Some(Kind::Function) => m.leave_to(call_bound_function),
            Some(Kind::Native) if m.ins.b() == 1 && machine_fn(f) == Some(MachineFn::Send) => m.leave_to(send_bound),
            Some(Kind::Native) => m.leave_to(call_bound_flat),
            _ => m.leave_to(call_full),
        }
    }
}

quick! {
    /// A native method with flat arguments, bound to an object of just its class: the object takes the method's place
    /// in front of the arguments.
    #[inline(never)]
    fn call_bound_flat(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        let method: *const Method = Header::payload(m.reg(base).ptr());
        // SAFETY: as above; the method is kept alive until the call is over.
        unsafe {
            let (f, this) = (&(*method).func, &(*method).receiver);
            let native: *const Native = Header::payload(f.ptr());
            let flat = plain_native(f, argc as usize + 1, true);
            let known = (*native).owner.is(m.vm.class_of(this).value()) && m.vm.heap.ticks.get() > 0;
            let (Some(flat), true) = (flat, known) else { return m.leave_to(call_full) };
            let this = this.clone();
            let method = std::mem::replace(m.reg(base), this);
            m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
            m.store_pc();
            let args = std::slice::from_raw_parts(m.regs.add(base as usize), argc as usize + 1);
            let result = flat.call(m.vm, args);
            for i in 0..=argc {
                *m.reg(base + i) = Value::UNDEF;
            }
            drop(method);
            deliver(m, result)
        }
    }
}

// ---- found as methods ----

quick! {
    /// Native methods; apart from their calls, so that finding the way needs no registers to be saved.
    #[inline(never)]
    pub fn call_native_method(m) {
        let f = m.reg(m.ins.a());
        let to = match (native_impl(f), m.ins.b()) {
            (Some(NativeImpl::Machine(MachineFn::Append, _)), 1) => append_item,
            (Some(NativeImpl::Machine(MachineFn::Send, _)), 1) => send,
            (Some(NativeImpl::Awaited(..)), _) if !m.reg(m.ins.a() + 1).is_undef() => call_awaited,
            _ => call_flat_method,
        };
        m.leave_to(to)
    }
}

quick! {
    /// Native methods with flat arguments; all others are for the full handler.
    #[inline(never)]
    fn call_flat_method(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        if m.reg(base + 1).is_undef() {
            return m.leave_to(call_flat_member);
        }
        match plain_native(m.reg(base), argc as usize + 1, true) {
            Some(f) if m.vm.heap.ticks.get() > 0 => run_plain(m, f, base, base + 1, argc + 1),
            _ => m.leave_to(call_method_full),
        }
    }
}

/// Makes a call that is awaited at once at `at`, with the registers from `base` on, and drops these; gives where to go on.
/// Where the call need not wait its value is that of the `Await`; else what it makes, which is known to be awaitable, is
/// what that awaits. Apart from the handler, as `call_raw`.
///
/// # Safety
/// R[base] holds the native of the two functions, the registers behind it its `argc` arguments, and `at` is an `Await`
/// of the running frame.
#[inline(never)]
unsafe fn run_awaited(
    vm: &mut Vm,
    (now, make): (NowFn, FlatFn),
    base: *mut Value,
    argc: usize,
    at: *const Instr,
) -> R<*const Instr> {
    // SAFETY: the caller's promise; the arguments stay in place during the call, since the frames of nested calls lie
    // above this frame's window.
    unsafe {
        let args = std::slice::from_raw_parts(base.add(1), argc);
        let (result, waits) = match now(vm, args) {
            Ok(Some(v)) => (Ok(v), false),
            Ok(None) => (make(vm, args), true),
            Err(e) => (Err(e), false),
        };
        let mut used = base.add(argc + 1);
        while used != base {
            used = used.sub(1);
            *used = Value::UNDEF;
        }
        let v = result?;
        let (to, next) = if waits { ((*at).b(), at) } else { ((*at).a(), at.add(1)) };
        *(*vm.thread.frame).regs.add(to as usize) = v;
        Ok(next)
    }
}

quick! {
    /// A native method whose call is awaited at once.
    #[inline(never)]
    fn call_awaited(m) {
        let (base, argc) = (m.ins.a(), m.ins.b() as usize + 1);
        let native: *const Native = Header::payload(m.reg(base).ptr());
        // SAFETY: the callers have checked the kind.
        let NativeCode::Static(def) = (unsafe { &(*native).code }) else {
            return m.leave_to(call_method_full);
        };
        let NativeImpl::Awaited(now, make) = def.run else { return m.leave_to(call_method_full) };
        m.store_pc();
        let at = m.vm.awaited_at_once(m.ins.c());
        let (Some(at), true, true) = (at, def.fits(argc), m.vm.heap.ticks.get() > 0) else {
            return m.leave_to(call_method_full);
        };
        m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
        // SAFETY: the registers hold the call, and `at` is what follows it.
        match unsafe { run_awaited(m.vm, (now, make), m.regs.add(base as usize), argc, at) } {
            Ok(next) => {
                m.pc = next;
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
    /// A function that was found in a module, or in the object itself.
    #[inline(never)]
    fn call_flat_member(m) {
        let (base, argc) = (m.ins.a(), m.ins.b());
        match plain_native(m.reg(base), argc as usize, false) {
            Some(f) if m.vm.heap.ticks.get() > 0 => run_plain(m, f, base, base + 2, argc),
            _ => m.leave_to(call_method_full),
        }
    }
}

quick! {
    /// `list.append(item)` where the list has room and nobody looks at the result.
    #[inline(never)]
    fn append_item(m) {
        let base = m.ins.a();
        let (f, list) = (&*m.reg(base), &*m.reg(base + 1));
        let (Some(list), Some(h)) = (list.cast::<List>(), f.header()) else { return m.leave_to(call_flat_method) };
        // SAFETY: no other reference to the list's payload is alive in a handler.
        let items = unsafe { &mut (*list.as_ptr()).items };
        let (len, n) = (items.len(), h.rc.get());
        // Where the result takes the place of the call's own registers, nothing is lost.
        let drops = m.ins.c().wrapping_sub(base) > 2 && m.c().is_object();
        if len == items.capacity() || n <= 1 || m.vm.heap.ticks.get() <= 0 || drops {
            return m.leave_to(call_flat_method);
        }
        m.vm.heap.ticks.set(m.vm.heap.ticks.get() - 1);
        // SAFETY: there is room. (`push` has a call for where there is none, for which registers had to be saved.)
        unsafe {
            items.as_mut_ptr().add(len).write(m.take(base + 2));
            items.set_len(len + 1);
        }
        if n < IMMORTAL {
            h.rc.set(n - 1);
        }
        let (f, list) = (m.take(base), m.take(base + 1));
        let old = std::mem::replace(m.c(), Value::NONE);
        std::mem::forget((f, old));
        m.release(list)
    }
}
