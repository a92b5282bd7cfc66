//! The interpreter loop.
//!
//! One `match` over the opcodes (their meaning stands in `compiler::opcodes`). Rules that the handlers keep:
//!
//! * `pc` points to the next instruction; before anything that can run script code or look at frames, it is
//!   stored in the frame (`sync!`).
//! * An output register is written through `out!`, which drops an old value: dead temps hold no pointers, so
//!   that test is also right for them.
//! * A consumed input is taken (`input!`), which leaves `UNDEF`, so that unwinding may drop every temp it sees.
//! * Fast paths look at tags and kinds only; everything else is in outlined functions of the other files here.
//! * After anything that pushes or pops a frame, `load!` reads the loop's variables anew.
//! * The loop keeps four variables (`self`, `frame`, `pc`, `regs`), so that they can stay in registers across calls;
//!   everything else is read through the frame.

mod access;
mod arith;
mod build;
mod calls;
mod flow;
mod names;
mod patterns;
mod unwind;

use super::exception::Raised;
use super::frame::Frame;
use super::function::{CellObject, CodeObject, Function};
use super::object::{Header, Kind};
use super::ops::{BinOp, CmpOp, UnOp};
use super::seq::{List, SeqIter};
use super::value::Value;
use super::{R, Vm};
use crate::compiler::opcodes::{FLAG_A, FLAG_B, FLAG_BACKWARD, FLAG_C, FLAG_POLARITY, FLAG_VARIANT, Instr, Op};
pub(super) use access::AttrCache;
use access::cache_kind;
use unwind::Unwound;

/// What a handler that changed frames wants next.
pub(super) enum Next {
    /// Go on with the running frame, which may be another one.
    Reload,
    /// Leave the native loop with this value.
    Leave(Value),
}

impl Vm {
    /// Runs the topmost frame (which has the `ENTRY` flag) until it is left. With `raised`, the exception
    /// arises at the instruction before the frame's `pc`.
    ///
    /// # Errors
    /// What the code raises; the frame is gone then.
    pub(super) fn run(&mut self, raised: Option<Raised>) -> R {
        let mut pending = raised;
        let mut frame: *mut Frame;
        let mut pc: *const Instr;
        let mut regs: *mut Value;

        macro_rules! load {
            () => {
                // SAFETY: the thread's frame pointer is valid while `depth` is above the entry's.
                unsafe {
                    frame = self.thread.frame;
                    pc = (*frame).pc;
                    regs = (*frame).regs;
                }
            };
        }
        load!();
        loop {
            if let Some(e) = pending.take() {
                match self.unwind(e) {
                    Unwound::Handler => {}
                    Unwound::Leave(e) => return Err(e),
                }
                load!();
            }
            let raised: Raised = 'run: loop {
                macro_rules! r {
                    ($i:expr) => {
                        // SAFETY: the verifier has checked that every operand is below the code's registers.
                        unsafe { &mut *regs.add($i as usize) }
                    };
                }
                macro_rules! k {
                    ($i:expr) => {
                        // SAFETY: the verifier has checked the index.
                        unsafe { &*(*frame).consts.add($i as usize) }
                    };
                }
                macro_rules! out {
                    ($ins:expr, $v:expr) => {{
                        let v: Value = $v;
                        *r!($ins.a()) = v;
                    }};
                }
                // Takes or copies operand b (FLAG_B), c (FLAG_C), a (FLAG_A).
                macro_rules! input {
                    ($ins:expr, $reg:ident, $flag:ident) => {{
                        let slot = r!($ins.$reg());
                        if $ins.flags() & $flag != 0 { std::mem::replace(slot, Value::UNDEF) } else { slot.clone() }
                    }};
                }
                macro_rules! take {
                    ($i:expr) => {
                        std::mem::replace(r!($i), Value::UNDEF)
                    };
                }
                macro_rules! consume {
                    ($ins:expr, $reg:ident, $flag:ident) => {
                        if $ins.flags() & $flag != 0 {
                            *r!($ins.$reg()) = Value::UNDEF;
                        }
                    };
                }
                macro_rules! sync {
                    () => {
                        // SAFETY: `frame` is the running frame.
                        unsafe { (*frame).pc = pc }
                    };
                }
                macro_rules! tri {
                    ($e:expr) => {
                        match $e {
                            Ok(v) => v,
                            Err(e) => break 'run e,
                        }
                    };
                }
                macro_rules! next {
                    ($e:expr) => {
                        match $e {
                            Ok(Next::Reload) => load!(),
                            Ok(Next::Leave(v)) => return Ok(v),
                            Err(e) => break 'run e,
                        }
                    };
                }
                macro_rules! jump {
                    ($offset:expr) => {
                        // SAFETY: the verifier has checked that jumps stay in the code.
                        pc = unsafe { pc.offset($offset as isize) }
                    };
                }
                // A back-edge or call costs a tick.
                macro_rules! tick {
                    () => {{
                        let left = self.heap.ticks.get() - 1;
                        self.heap.ticks.set(left);
                        if left < 0 {
                            sync!();
                            tri!(self.checkpoint());
                        }
                    }};
                }
                // What a drop may have made due: finalizers run before the next statement.
                macro_rules! settle {
                    () => {
                        if self.heap.pending.get() {
                            sync!();
                            tri!(self.checkpoint());
                        }
                    };
                }
                macro_rules! int_op {
                    ($ins:expr, $a:ident, $b:ident, $int:expr, $float:expr, $op:ident, $bflag:expr) => {{
                        if Value::both_small_ints($a, $b) {
                            let (x, y) = ($a.int_word(), $b.int_word());
                            #[allow(clippy::redundant_closure_call)]
                            if let Some(w) = ($int)(x, y) {
                                out!($ins, Value::from_int_word(w));
                                continue 'run;
                            }
                        } else if Value::both_small_floats($a, $b) {
                            #[allow(clippy::redundant_closure_call)]
                            let f: f64 = ($float)($a.float_unchecked(), $b.float_unchecked());
                            if let Some(v) = Value::small_float(f) {
                                out!($ins, v);
                                continue 'run;
                            }
                        }
                    }};
                }
                macro_rules! slow_binary {
                    ($ins:expr, $op:ident, reg) => {{
                        sync!();
                        let (a, b) = (input!($ins, b, FLAG_B), input!($ins, c, FLAG_C));
                        let v = tri!(self.arith($ins.flags() & FLAG_VARIANT != 0, BinOp::$op, a, b));
                        out!($ins, v);
                    }};
                    ($ins:expr, $op:ident, konst) => {{
                        sync!();
                        let a = input!($ins, b, FLAG_B);
                        let b = k!($ins.c()).clone();
                        let v = tri!(self.arith($ins.flags() & FLAG_VARIANT != 0, BinOp::$op, a, b));
                        out!($ins, v);
                    }};
                }
                macro_rules! arith {
                    ($ins:expr, $op:ident, $int:expr, $float:expr) => {{
                        let (a, b) = (&*r!($ins.b()), &*r!($ins.c()));
                        int_op!($ins, a, b, $int, $float, $op, FLAG_C);
                        slow_binary!($ins, $op, reg);
                    }};
                    ($ins:expr, $op:ident, $int:expr, $float:expr, konst) => {{
                        let (a, b) = (&*r!($ins.b()), k!($ins.c()));
                        int_op!($ins, a, b, $int, $float, $op, 0);
                        slow_binary!($ins, $op, konst);
                    }};
                }
                macro_rules! int_only {
                    ($ins:expr, $op:ident, $int:expr) => {{
                        let (a, b) = (&*r!($ins.b()), &*r!($ins.c()));
                        if Value::both_small_ints(a, b) {
                            #[allow(clippy::redundant_closure_call)]
                            if let Some(v) = ($int)(a.int_word(), b.int_word()) {
                                out!($ins, Value::from_int_word(v));
                                continue 'run;
                            }
                        }
                        slow_binary!($ins, $op, reg);
                    }};
                    ($ins:expr, $op:ident, $int:expr, konst) => {{
                        let (a, b) = (&*r!($ins.b()), k!($ins.c()));
                        if Value::both_small_ints(a, b) {
                            #[allow(clippy::redundant_closure_call)]
                            if let Some(v) = ($int)(a.int_word(), b.int_word()) {
                                out!($ins, Value::from_int_word(v));
                                continue 'run;
                            }
                        }
                        slow_binary!($ins, $op, konst);
                    }};
                }
                macro_rules! compare {
                    ($ins:expr, $op:ident, $cmp:tt) => {{
                        let (a, b) = (&*r!($ins.b()), &*r!($ins.c()));
                        if Value::both_small_ints(a, b) {
                            let t = a.int_word() $cmp b.int_word();
                            out!($ins, Value::bool(t));
                            continue 'run;
                        }
                        if Value::both_small_floats(a, b) {
                            let t = a.float_unchecked() $cmp b.float_unchecked();
                            out!($ins, Value::bool(t));
                            continue 'run;
                        }
                        sync!();
                        let (a, b) = (input!($ins, b, FLAG_B), input!($ins, c, FLAG_C));
                        let v = tri!(self.rich_compare(&a, &b, CmpOp::$op));
                        out!($ins, v);
                    }};
                    ($ins:expr, $op:ident, $cmp:tt, konst) => {{
                        let (a, b) = (&*r!($ins.b()), k!($ins.c()));
                        if Value::both_small_ints(a, b) {
                            let t = a.int_word() $cmp b.int_word();
                            out!($ins, Value::bool(t));
                            continue 'run;
                        }
                        if Value::both_small_floats(a, b) {
                            let t = a.float_unchecked() $cmp b.float_unchecked();
                            out!($ins, Value::bool(t));
                            continue 'run;
                        }
                        sync!();
                        let a = input!($ins, b, FLAG_B);
                        let b = k!($ins.c()).clone();
                        let v = tri!(self.rich_compare(&a, &b, CmpOp::$op));
                        out!($ins, v);
                    }};
                }
                macro_rules! branch {
                    ($ins:expr, $t:expr, $offset:expr) => {{
                        if $t == ($ins.flags() & FLAG_POLARITY != 0) {
                            jump!($offset);
                            if $ins.flags() & FLAG_BACKWARD != 0 {
                                tick!();
                            }
                        }
                        continue 'run;
                    }};
                }
                macro_rules! compare_jump {
                    ($ins:expr, $op:ident, $cmp:tt) => {{
                        let (a, b) = (&*r!($ins.a()), &*r!($ins.b()));
                        if Value::both_small_ints(a, b) {
                            let t = a.int_word() $cmp b.int_word();
                            branch!($ins, t, $ins.offset16());
                        }
                        if Value::both_small_floats(a, b) {
                            let t = a.float_unchecked() $cmp b.float_unchecked();
                            branch!($ins, t, $ins.offset16());
                        }
                        sync!();
                        let (a, b) = (input!($ins, a, FLAG_A), input!($ins, b, FLAG_B));
                        let t = tri!(self.compare_truth(a, b, CmpOp::$op));
                        branch!($ins, t, $ins.offset16());
                    }};
                    ($ins:expr, $op:ident, $cmp:tt, konst) => {{
                        let (a, b) = (&*r!($ins.a()), k!($ins.b()));
                        if Value::both_small_ints(a, b) {
                            let t = a.int_word() $cmp b.int_word();
                            branch!($ins, t, $ins.offset16());
                        }
                        if Value::both_small_floats(a, b) {
                            let t = a.float_unchecked() $cmp b.float_unchecked();
                            branch!($ins, t, $ins.offset16());
                        }
                        sync!();
                        let a = input!($ins, a, FLAG_A);
                        let b = k!($ins.b()).clone();
                        let t = tri!(self.compare_truth(a, b, CmpOp::$op));
                        branch!($ins, t, $ins.offset16());
                    }};
                }
                macro_rules! truth {
                    ($v:expr) => {{
                        let v: &Value = $v;
                        match v.as_bool() {
                            Some(b) => b,
                            None => match v.as_small_int() {
                                Some(i) => i != 0,
                                None if v.is_none() => false,
                                None => {
                                    sync!();
                                    let v = v.clone();
                                    tri!(self.truth(&v))
                                }
                            },
                        }
                    }};
                }

                // The call of a script function from one that is no generator: a frame whose window begins at the
                // arguments. Whatever is not that simple goes on behind the macro.
                macro_rules! enter_plain {
                    ($base:expr, $argc:expr, $dst:expr) => {
                        // SAFETY: the registers hold a function and `$argc` arguments; the window above them is free;
                        // the frame array has room, since `depth` is below the limit.
                        unsafe {
                            let func: *const Function = Header::payload((*regs.add($base)).ptr());
                            let callee: *const CodeObject = (*func).code.as_ptr();
                            let window = regs.add($base + 1);
                            let top = window.wrapping_add((*callee).nregs as usize);
                            if (*callee).simple_args as usize == $argc
                                && (*frame).generator.is_null()
                                && self.thread.depth < self.thread.recursion_limit
                                && top.wrapping_add(8) < self.thread.stack_end
                            {
                                (*frame).pc = pc;
                                frame = frame.add(1);
                                frame.write(Frame::plain(callee, func, window, top, $dst));
                                self.thread.frame = frame;
                                self.thread.depth += 1;
                                for i in $argc..(*callee).first_temp as usize {
                                    window.add(i).write(Value::UNDEF);
                                }
                                pc = (*callee).instrs;
                                regs = window;
                                continue 'run;
                            }
                        }
                    };
                }
                // The end of such a frame.
                macro_rules! leave_plain {
                    ($v:expr) => {
                        // SAFETY: `frame` is the running frame.
                        if unsafe { (*frame).flags } == 0 {
                            // SAFETY: the frame's registers are its own; the call put the function below its window,
                            // and the caller's frame is below it.
                            let dst = unsafe {
                                for i in (0..(*(*frame).code).first_temp as usize).rev() {
                                    *regs.add(i) = Value::UNDEF;
                                }
                                *regs.sub(1) = Value::UNDEF;
                                self.thread.frame = frame.sub(1);
                                (*frame).dst
                            };
                            self.thread.depth -= 1;
                            load!();
                            *r!(dst) = $v;
                            settle!();
                            continue 'run;
                        }
                    };
                }

                // SAFETY: `pc` is in the code: the verifier has checked that no path leaves it.
                let ins = unsafe { *pc };
                pc = pc.wrapping_add(1);
                // SAFETY: the verifier has checked that the byte is an opcode.
                let op: Op = unsafe { std::mem::transmute::<u8, Op>(ins.op_byte()) };
                match op {
                    // ---- moving values ----
                    Op::Move => {
                        let v = input!(ins, b, FLAG_B);
                        out!(ins, v);
                        settle!();
                    }
                    Op::LoadConst => out!(ins, k!(ins.bc()).clone()),
                    Op::LoadCommon => out!(ins, self.common_constant(ins.b())),
                    Op::LoadBuildClass => {
                        sync!();
                        out!(ins, tri!(self.load_build_class()))
                    }
                    Op::LoadLocals => {
                        sync!();
                        out!(ins, self.frame_namespace())
                    }
                    Op::Drop => {
                        *r!(ins.a()) = Value::UNDEF;
                        settle!();
                    }
                    Op::DeleteLocal => {
                        *r!(ins.a()) = Value::UNDEF;
                        settle!();
                    }
                    Op::CheckLocal => {
                        if r!(ins.a()).is_undef() {
                            sync!();
                            break 'run self.unbound_local(ins.a());
                        }
                    }

                    // ---- names ----
                    Op::LoadGlobal => {
                        // SAFETY: the verifier has checked the index.
                        let cache = unsafe { (*(*frame).code).cache(ins.bc() as usize) };
                        // SAFETY: a frame's function is alive, and so are its namespaces.
                        let (g, b) = unsafe {
                            let f = (*frame).func;
                            (&*(*f).globals.as_ptr(), &*(*f).builtins.as_ptr())
                        };
                        if g.keys_version() == cache.id && cache.id != 0 {
                            // SAFETY: the entry was found with this keys version.
                            let v = unsafe {
                                if cache.value == 0 {
                                    g.value_at_unchecked(cache.index as usize).clone()
                                } else if u64::from(b.keys_version()) == cache.value {
                                    b.value_at_unchecked(cache.index as usize).clone()
                                } else {
                                    Value::UNDEF
                                }
                            };
                            if !v.is_undef() {
                                out!(ins, v);
                                continue 'run;
                            }
                        }
                        sync!();
                        let v = tri!(self.load_global(ins.bc() as usize));
                        out!(ins, v);
                    }
                    Op::StoreGlobal => {
                        sync!();
                        let v = input!(ins, a, FLAG_A);
                        self.store_global(ins.bc() as usize, v);
                        settle!();
                    }
                    Op::DeleteGlobal => {
                        sync!();
                        tri!(self.delete_global(ins.bc() as usize));
                        settle!();
                    }
                    Op::LoadName => {
                        sync!();
                        let v = tri!(self.load_name(ins.bc() as usize));
                        out!(ins, v);
                    }
                    Op::StoreName => {
                        sync!();
                        let v = input!(ins, a, FLAG_A);
                        tri!(self.store_name(ins.bc() as usize, v));
                        settle!();
                    }
                    Op::DeleteName => {
                        sync!();
                        tri!(self.delete_name(ins.bc() as usize));
                        settle!();
                    }
                    Op::LoadFromDictOrGlobals => {
                        sync!();
                        let d = input!(ins, b, FLAG_B);
                        let v = tri!(self.load_from_dict_or_globals(d, ins.c() as usize));
                        out!(ins, v);
                    }

                    // ---- cells ----
                    Op::MakeCell => {
                        let value = take!(ins.a());
                        *r!(ins.a()) = self.alloc(CellObject { value }).into();
                    }
                    Op::LoadDeref => {
                        let v = self.cell_value(r!(ins.b()));
                        if v.is_undef() {
                            sync!();
                            break 'run self.unbound_local(ins.b());
                        }
                        out!(ins, v);
                    }
                    Op::StoreDeref => {
                        let v = input!(ins, a, FLAG_A);
                        let old = self.set_cell(r!(ins.b()), v);
                        drop(old);
                        settle!();
                    }
                    Op::DeleteDeref => {
                        let old = self.set_cell(r!(ins.b()), Value::UNDEF);
                        if old.is_undef() {
                            sync!();
                            break 'run self.unbound_local(ins.b());
                        }
                        drop(old);
                        settle!();
                    }
                    Op::LoadFree => {
                        let cell = self.free_cell(frame, ins.b());
                        let v = self.cell_value(cell);
                        if v.is_undef() {
                            sync!();
                            break 'run self.unbound_free(ins.b());
                        }
                        out!(ins, v);
                    }
                    Op::StoreFree => {
                        let v = input!(ins, a, FLAG_A);
                        let cell = self.free_cell(frame, ins.b());
                        let old = self.set_cell(cell, v);
                        drop(old);
                        settle!();
                    }
                    Op::DeleteFree => {
                        let cell = self.free_cell(frame, ins.b());
                        let old = self.set_cell(cell, Value::UNDEF);
                        if old.is_undef() {
                            sync!();
                            break 'run self.unbound_free(ins.b());
                        }
                        drop(old);
                        settle!();
                    }
                    Op::LoadFreeCell => {
                        let cell = self.free_cell(frame, ins.b()).clone();
                        out!(ins, cell);
                    }
                    Op::LoadFromDictOrDeref => {
                        sync!();
                        let d = input!(ins, b, FLAG_B);
                        let cell = self.free_cell(frame, ins.c()).clone();
                        let v = tri!(self.load_from_dict_or_deref(d, ins.c(), &cell));
                        out!(ins, v);
                    }
                    Op::LoadFromDictOrCell => {
                        sync!();
                        let d = input!(ins, b, FLAG_B);
                        let cell = r!(ins.c()).clone();
                        let v = tri!(self.load_from_dict_or_cell(d, ins.c(), &cell));
                        out!(ins, v);
                    }

                    // ---- attributes ----
                    Op::GetAttr => {
                        let obj = &*r!(ins.b());
                        if let Some(h) = obj.header() {
                            // SAFETY: the verifier has checked the index.
                            let cache = unsafe { (*(*frame).code).cache(ins.c() as usize) };
                            let layout = h.layout();
                            if layout.id.get() == cache.id {
                                if cache.index < u32::from(h.aux.get()) {
                                    // SAFETY: the object has room for so many slots.
                                    let v = unsafe {
                                        (*super::instance::slots(obj.ptr(), layout).add(cache.index as usize)).clone()
                                    };
                                    if !v.is_undef() {
                                        consume!(ins, b, FLAG_B);
                                        out!(ins, v);
                                        settle!();
                                        continue 'run;
                                    }
                                } else if cache.index == cache_kind::CLASS_VALUE {
                                    // SAFETY: while the id stands, the class keeps the value alive.
                                    let v = unsafe { Value::from_bits(cache.value) };
                                    let copy = v.clone();
                                    std::mem::forget(v);
                                    consume!(ins, b, FLAG_B);
                                    out!(ins, copy);
                                    settle!();
                                    continue 'run;
                                }
                            }
                        }
                        sync!();
                        let obj = input!(ins, b, FLAG_B);
                        next!(self.get_attr_op(ins, obj));
                        settle!();
                    }
                    Op::SetAttr => {
                        let obj = &*r!(ins.a());
                        if let Some(h) = obj.header() {
                            // SAFETY: the verifier has checked the index.
                            let cache = unsafe { (*(*frame).code).cache(ins.c() as usize) };
                            let layout = h.layout();
                            if layout.id.get() == cache.id {
                                if cache.value == 0 && cache.index < u32::from(h.aux.get()) {
                                    let v = input!(ins, b, FLAG_B);
                                    // SAFETY: the object has room for so many slots.
                                    let old = unsafe {
                                        std::mem::replace(
                                            &mut *super::instance::slots(obj.ptr(), layout).add(cache.index as usize),
                                            v,
                                        )
                                    };
                                    consume!(ins, a, FLAG_A);
                                    drop(old);
                                    settle!();
                                    continue 'run;
                                }
                                if cache.value != 0 && cache.index < u32::from(h.aux.get()) && layout.slots_off > 0 {
                                    let v = input!(ins, b, FLAG_B);
                                    // SAFETY: the slot is within the capacity, and unset; the new layout is the
                                    // old one's successor, kept alive by the class.
                                    unsafe {
                                        super::instance::slots(obj.ptr(), layout).add(cache.index as usize).write(v);
                                        h.layout.set(cache.value as *const super::layout::Layout);
                                    }
                                    consume!(ins, a, FLAG_A);
                                    continue 'run;
                                }
                            }
                        }
                        sync!();
                        let (obj, v) = (input!(ins, a, FLAG_A), input!(ins, b, FLAG_B));
                        tri!(self.set_attr_op(ins, obj, v));
                        settle!();
                    }
                    Op::DelAttr => {
                        sync!();
                        let obj = input!(ins, a, FLAG_A);
                        let name = self.cache_name(ins.c());
                        tri!(self.del_attr(&obj, &name));
                        drop(obj);
                        settle!();
                    }
                    Op::LoadMethod => {
                        let obj = &*r!(ins.b());
                        // SAFETY: the verifier has checked the index.
                        let cache = unsafe { (*(*frame).code).cache(ins.c() as usize) };
                        let id = match obj.header() {
                            Some(h) => h.layout().id.get(),
                            None => 0,
                        };
                        if id == cache.id && id != 0 && cache.index == cache_kind::METHOD {
                            // SAFETY: while the id stands, the class keeps the method alive.
                            let f = unsafe { Value::from_bits(cache.value) };
                            let copy = f.clone();
                            std::mem::forget(f);
                            let obj = input!(ins, b, FLAG_B);
                            out!(ins, copy);
                            *r!(ins.a() + 1) = obj;
                            continue 'run;
                        }
                        sync!();
                        let obj = input!(ins, b, FLAG_B);
                        let (f, this) = tri!(self.load_method_op(ins.c(), obj));
                        out!(ins, f);
                        *r!(ins.a() + 1) = this;
                    }
                    Op::LoadSuperAttr => {
                        sync!();
                        let (s, c, o) = (take!(ins.b()), take!(ins.b() + 1), take!(ins.b() + 2));
                        let v = tri!(self.super_attr(ins, s, c, o));
                        out!(ins, v);
                    }
                    Op::LoadSuperMethod => {
                        sync!();
                        let (s, c, o) = (take!(ins.b()), take!(ins.b() + 1), take!(ins.b() + 2));
                        let (f, this) = tri!(self.super_method(ins, s, c, o));
                        out!(ins, f);
                        *r!(ins.a() + 1) = this;
                    }
                    Op::LoadSpecial => {
                        sync!();
                        let obj = input!(ins, b, FLAG_B);
                        let (f, this) = tri!(self.load_special(obj, ins.c()));
                        out!(ins, f);
                        *r!(ins.a() + 1) = this;
                    }

                    // ---- items ----
                    Op::GetItem => {
                        let (o, i) = (&*r!(ins.b()), &*r!(ins.c()));
                        if let Some(v) = self.get_item_fast(o, i) {
                            consume!(ins, b, FLAG_B);
                            consume!(ins, c, FLAG_C);
                            out!(ins, v);
                            continue 'run;
                        }
                        sync!();
                        let (o, i) = (input!(ins, b, FLAG_B), input!(ins, c, FLAG_C));
                        let v = tri!(self.get_item(&o, &i));
                        out!(ins, v);
                        drop((o, i));
                        settle!();
                    }
                    Op::GetItemInt => {
                        let o = &*r!(ins.b());
                        let i = Value::int32(i32::from(ins.offset16()));
                        if let Some(v) = self.get_item_fast(o, &i) {
                            consume!(ins, b, FLAG_B);
                            out!(ins, v);
                            continue 'run;
                        }
                        sync!();
                        let o = input!(ins, b, FLAG_B);
                        let v = tri!(self.get_item(&o, &i));
                        out!(ins, v);
                        drop(o);
                        settle!();
                    }
                    Op::SetItem => {
                        let (o, i) = (&*r!(ins.a()), &*r!(ins.b()));
                        if let (Some(list), Some(i)) = (o.cast::<List>(), i.as_small_int())
                            && list.header().layout().is_exact()
                        {
                            // SAFETY: no other reference to the list's payload is alive in the loop.
                            let items = unsafe { &mut (*list.as_ptr()).items };
                            let at = if i < 0 { i + items.len() as i64 } else { i };
                            if let Some(slot) = items.get_mut(at as usize).filter(|_| at >= 0) {
                                let v = input!(ins, c, FLAG_C);
                                let old = std::mem::replace(slot, v);
                                consume!(ins, a, FLAG_A);
                                drop(old);
                                settle!();
                                continue 'run;
                            }
                        }
                        sync!();
                        let (o, i) = (input!(ins, a, FLAG_A), input!(ins, b, FLAG_B));
                        let v = input!(ins, c, FLAG_C);
                        tri!(self.set_item_op(&o, i, v));
                        drop(o);
                        settle!();
                    }
                    Op::DelItem => {
                        sync!();
                        let (o, i) = (input!(ins, a, FLAG_A), input!(ins, b, FLAG_B));
                        tri!(self.del_item(&o, &i));
                        drop((o, i));
                        settle!();
                    }
                    Op::GetSlice => {
                        sync!();
                        let o = input!(ins, b, FLAG_B);
                        let (start, stop) = (take!(ins.c()), take!(ins.c() + 1));
                        let v = tri!(self.get_slice_op(&o, start, stop));
                        out!(ins, v);
                        drop(o);
                        settle!();
                    }
                    Op::SetSlice => {
                        sync!();
                        let o = input!(ins, a, FLAG_A);
                        let (start, stop) = (take!(ins.b()), take!(ins.b() + 1));
                        let v = input!(ins, c, FLAG_C);
                        tri!(self.set_slice_op(&o, start, stop, v));
                        drop(o);
                        settle!();
                    }

                    // ---- arithmetic ----
                    Op::Add => {
                        let (a, b) = (&*r!(ins.b()), &*r!(ins.c()));
                        int_op!(ins, a, b, |x: i64, y: i64| x.checked_add(y), |x: f64, y: f64| x + y, Add, FLAG_C);
                        if ins.a() == ins.b() && a.kind() == Some(Kind::Str) && b.kind() == Some(Kind::Str) {
                            let more = input!(ins, c, FLAG_C);
                            sync!();
                            if tri!(self.append_str(r!(ins.a()), &more)) {
                                continue 'run;
                            }
                            let a = r!(ins.a()).clone();
                            let v = tri!(self.arith(ins.flags() & FLAG_VARIANT != 0, BinOp::Add, a, more));
                            out!(ins, v);
                            continue 'run;
                        }
                        slow_binary!(ins, Add, reg);
                    }
                    Op::AddK => arith!(ins, Add, |x: i64, y: i64| x.checked_add(y), |x: f64, y: f64| x + y, konst),
                    Op::Sub => arith!(ins, Sub, |x: i64, y: i64| x.checked_sub(y), |x: f64, y: f64| x - y),
                    Op::SubK => arith!(ins, Sub, |x: i64, y: i64| x.checked_sub(y), |x: f64, y: f64| x - y, konst),
                    Op::Mul => arith!(ins, Mul, |x: i64, y: i64| (x >> 2).checked_mul(y), |x: f64, y: f64| x * y),
                    Op::MulK => {
                        arith!(ins, Mul, |x: i64, y: i64| (x >> 2).checked_mul(y), |x: f64, y: f64| x * y, konst)
                    }
                    Op::TrueDiv => {
                        let (a, b) = (&*r!(ins.b()), &*r!(ins.c()));
                        if let Some(v) = arith::true_div_fast(a, b) {
                            out!(ins, v);
                            continue 'run;
                        }
                        slow_binary!(ins, TrueDiv, reg);
                    }
                    Op::TrueDivK => {
                        let (a, b) = (&*r!(ins.b()), k!(ins.c()));
                        if let Some(v) = arith::true_div_fast(a, b) {
                            out!(ins, v);
                            continue 'run;
                        }
                        slow_binary!(ins, TrueDiv, konst);
                    }
                    Op::FloorDiv => int_only!(ins, FloorDiv, arith::floor_div_words),
                    Op::FloorDivK => int_only!(ins, FloorDiv, arith::floor_div_words, konst),
                    Op::Mod => int_only!(ins, Mod, arith::mod_words),
                    Op::ModK => int_only!(ins, Mod, arith::mod_words, konst),
                    Op::Pow => slow_binary!(ins, Pow, reg),
                    Op::PowK => slow_binary!(ins, Pow, konst),
                    Op::MatMul => slow_binary!(ins, MatMul, reg),
                    Op::LShift => int_only!(ins, LShift, arith::shl_words),
                    Op::LShiftK => int_only!(ins, LShift, arith::shl_words, konst),
                    Op::RShift => int_only!(ins, RShift, arith::shr_words),
                    Op::RShiftK => int_only!(ins, RShift, arith::shr_words, konst),
                    Op::And => int_only!(ins, And, |x: i64, y: i64| Some(x & y)),
                    Op::AndK => int_only!(ins, And, |x: i64, y: i64| Some(x & y), konst),
                    Op::Or => int_only!(ins, Or, |x: i64, y: i64| Some(x | y)),
                    Op::OrK => int_only!(ins, Or, |x: i64, y: i64| Some(x | y), konst),
                    Op::Xor => int_only!(ins, Xor, |x: i64, y: i64| Some(x ^ y)),
                    Op::XorK => int_only!(ins, Xor, |x: i64, y: i64| Some(x ^ y), konst),
                    Op::Neg => {
                        let a = &*r!(ins.b());
                        if a.is_small_int()
                            && let Some(w) = a.int_word().checked_neg()
                        {
                            out!(ins, Value::from_int_word(w));
                            continue 'run;
                        }
                        if let Some(v) = a.as_small_float().and_then(|f| Value::small_float(-f)) {
                            out!(ins, v);
                            continue 'run;
                        }
                        sync!();
                        let a = input!(ins, b, FLAG_B);
                        let v = tri!(self.unary(UnOp::Neg, &a));
                        out!(ins, v);
                    }
                    Op::Pos => {
                        sync!();
                        let a = input!(ins, b, FLAG_B);
                        let v = tri!(self.unary(UnOp::Pos, &a));
                        out!(ins, v);
                    }
                    Op::Invert => {
                        sync!();
                        let a = input!(ins, b, FLAG_B);
                        let v = tri!(self.unary(UnOp::Invert, &a));
                        out!(ins, v);
                    }
                    Op::Not => {
                        let t = truth!(&*r!(ins.b()));
                        consume!(ins, b, FLAG_B);
                        out!(ins, Value::bool(!t));
                        settle!();
                    }

                    // ---- comparisons ----
                    Op::Lt => compare!(ins, Lt, <),
                    Op::Le => compare!(ins, Le, <=),
                    Op::Eq => compare!(ins, Eq, ==),
                    Op::Ne => compare!(ins, Ne, !=),
                    Op::Gt => compare!(ins, Gt, >),
                    Op::Ge => compare!(ins, Ge, >=),
                    Op::LtK => compare!(ins, Lt, <, konst),
                    Op::LeK => compare!(ins, Le, <=, konst),
                    Op::EqK => compare!(ins, Eq, ==, konst),
                    Op::NeK => compare!(ins, Ne, !=, konst),
                    Op::GtK => compare!(ins, Gt, >, konst),
                    Op::GeK => compare!(ins, Ge, >=, konst),
                    Op::Is | Op::IsNot => {
                        let t = self.identical(r!(ins.b()), r!(ins.c()));
                        consume!(ins, b, FLAG_B);
                        consume!(ins, c, FLAG_C);
                        out!(ins, Value::bool(t == matches!(op, Op::Is)));
                        settle!();
                    }
                    Op::In | Op::NotIn => {
                        sync!();
                        let (a, b) = (input!(ins, b, FLAG_B), input!(ins, c, FLAG_C));
                        let t = tri!(self.contains_op(&b, &a));
                        out!(ins, Value::bool(t == matches!(op, Op::In)));
                        drop((a, b));
                        settle!();
                    }

                    // ---- jumps ----
                    Op::Jump => {
                        jump!(ins.offset32());
                        if ins.flags() & FLAG_BACKWARD != 0 {
                            tick!();
                        }
                    }
                    Op::JumpIfTrue | Op::JumpIfFalse => {
                        let t = truth!(&*r!(ins.a()));
                        consume!(ins, a, FLAG_A);
                        if t == matches!(op, Op::JumpIfTrue) {
                            jump!(ins.offset32());
                            if ins.flags() & FLAG_BACKWARD != 0 {
                                tick!();
                            }
                        }
                        settle!();
                    }
                    Op::JumpIfTrueKeep | Op::JumpIfFalseKeep => {
                        let t = truth!(&*r!(ins.a()));
                        if t == matches!(op, Op::JumpIfTrueKeep) {
                            jump!(ins.offset32());
                        } else {
                            *r!(ins.a()) = Value::UNDEF;
                            settle!();
                        }
                    }
                    Op::JumpIfNone | Op::JumpIfNotNone => {
                        let t = r!(ins.a()).is_none();
                        consume!(ins, a, FLAG_A);
                        if t == matches!(op, Op::JumpIfNone) {
                            jump!(ins.offset32());
                            if ins.flags() & FLAG_BACKWARD != 0 {
                                tick!();
                            }
                        }
                        settle!();
                    }
                    Op::JumpIfLt => compare_jump!(ins, Lt, <),
                    Op::JumpIfLe => compare_jump!(ins, Le, <=),
                    Op::JumpIfEq => compare_jump!(ins, Eq, ==),
                    Op::JumpIfNe => compare_jump!(ins, Ne, !=),
                    Op::JumpIfGt => compare_jump!(ins, Gt, >),
                    Op::JumpIfGe => compare_jump!(ins, Ge, >=),
                    Op::JumpIfLtK => compare_jump!(ins, Lt, <, konst),
                    Op::JumpIfLeK => compare_jump!(ins, Le, <=, konst),
                    Op::JumpIfEqK => compare_jump!(ins, Eq, ==, konst),
                    Op::JumpIfNeK => compare_jump!(ins, Ne, !=, konst),
                    Op::JumpIfGtK => compare_jump!(ins, Gt, >, konst),
                    Op::JumpIfGeK => compare_jump!(ins, Ge, >=, konst),
                    Op::JumpIfIs => {
                        let t = self.identical(r!(ins.a()), r!(ins.b()));
                        consume!(ins, a, FLAG_A);
                        consume!(ins, b, FLAG_B);
                        settle!();
                        branch!(ins, t, ins.offset16());
                    }
                    Op::JumpIfIn => {
                        sync!();
                        let (a, b) = (input!(ins, a, FLAG_A), input!(ins, b, FLAG_B));
                        let t = tri!(self.contains_op(&b, &a));
                        drop((a, b));
                        settle!();
                        branch!(ins, t, ins.offset16());
                    }

                    // ---- loops ----
                    Op::GetIter => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let it = tri!(self.get_iter_op(v));
                        out!(ins, it);
                    }
                    Op::ForIter => {
                        let it = &*r!(ins.b());
                        if it.kind() == Some(Kind::SeqIter)
                            && let Some(s) = it.cast::<SeqIter>()
                        {
                            match SeqIter::advance(s, self) {
                                Some(v) => out!(ins, v),
                                None => {
                                    *r!(ins.b()) = Value::UNDEF;
                                    jump!(ins.offset16());
                                }
                            }
                            settle!();
                            continue 'run;
                        }
                        sync!();
                        next!(self.for_iter(ins, false));
                        settle!();
                    }
                    Op::ForLoop => {
                        let it = &*r!(ins.b());
                        if it.kind() == Some(Kind::SeqIter)
                            && let Some(s) = it.cast::<SeqIter>()
                        {
                            match SeqIter::advance(s, self) {
                                Some(v) => {
                                    out!(ins, v);
                                    jump!(ins.offset16());
                                    tick!();
                                }
                                None => {
                                    *r!(ins.b()) = Value::UNDEF;
                                }
                            }
                            settle!();
                            continue 'run;
                        }
                        tick!();
                        sync!();
                        next!(self.for_iter(ins, true));
                        settle!();
                    }

                    // ---- calls ----
                    Op::Call => {
                        tick!();
                        let (base, argc) = (ins.a() as usize, ins.b() as usize);
                        if r!(base).kind() == Some(Kind::Function) {
                            enter_plain!(base, argc, ins.c());
                        }
                        sync!();
                        next!(self.call_op(frame, regs, base, argc, ins.c()));
                        settle!();
                    }
                    Op::CallMethod => {
                        tick!();
                        let (base, argc) = (ins.a() as usize, ins.b() as usize);
                        if r!(base).kind() == Some(Kind::Function) && !r!(base + 1).is_undef() {
                            enter_plain!(base, argc + 1, ins.c());
                        }
                        sync!();
                        next!(self.call_method_op(frame, regs, base, argc, ins.c()));
                        settle!();
                    }
                    Op::CallKw => {
                        tick!();
                        sync!();
                        next!(self.call_kw_op(frame, regs, ins, false));
                        settle!();
                    }
                    Op::CallMethodKw => {
                        tick!();
                        sync!();
                        next!(self.call_kw_op(frame, regs, ins, true));
                        settle!();
                    }
                    Op::CallEx => {
                        tick!();
                        sync!();
                        next!(self.call_ex_op(frame, regs, ins));
                        settle!();
                    }
                    Op::Return => {
                        // A local is moved out too: the frame's registers are dropped anyway.
                        let v = take!(ins.a());
                        let v = if v.is_undef() { Value::NONE } else { v };
                        leave_plain!(v);
                        next!(self.return_op(v));
                        settle!();
                    }
                    Op::ReturnConst => {
                        let v = k!(ins.bc()).clone();
                        leave_plain!(v);
                        next!(self.return_op(v));
                        settle!();
                    }

                    // ---- functions and building ----
                    Op::MakeFunction => {
                        sync!();
                        let v = self.make_function(k!(ins.bc()));
                        out!(ins, v);
                    }
                    Op::SetFuncAttr => {
                        let v = input!(ins, b, FLAG_B);
                        let f = r!(ins.a()).clone();
                        tri!(self.set_func_attr(&f, v, ins.c()));
                    }
                    Op::BuildTuple => {
                        let v = self.build_tuple(r!(ins.b()), ins.c() as usize);
                        out!(ins, v);
                    }
                    Op::BuildList => {
                        let v = self.build_list(r!(ins.b()), ins.c() as usize);
                        out!(ins, v);
                    }
                    Op::BuildSet => {
                        sync!();
                        let v = tri!(self.build_set(r!(ins.b()), ins.c() as usize));
                        out!(ins, v);
                    }
                    Op::BuildMap => {
                        sync!();
                        let v = tri!(self.build_map(r!(ins.b()), ins.c() as usize));
                        out!(ins, v);
                    }
                    Op::BuildString => {
                        sync!();
                        let v = tri!(self.build_string(r!(ins.b()), ins.c() as usize));
                        out!(ins, v);
                    }
                    Op::BuildSlice => {
                        let v = self.build_slice(r!(ins.b()), ins.c() as usize);
                        out!(ins, v);
                    }
                    Op::ListAppend => {
                        let v = input!(ins, b, FLAG_B);
                        self.list_append_op(r!(ins.a()), v);
                    }
                    Op::SetAdd => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let s = r!(ins.a()).clone();
                        tri!(self.set_add_op(&s, v));
                    }
                    Op::MapAdd => {
                        sync!();
                        let (key, v) = (input!(ins, b, FLAG_B), input!(ins, c, FLAG_C));
                        let d = r!(ins.a()).clone();
                        tri!(self.map_add_op(&d, key, v));
                    }
                    Op::ListExtend => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let l = r!(ins.a()).clone();
                        tri!(self.list_extend_op(&l, &v));
                    }
                    Op::SetUpdate => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let s = r!(ins.a()).clone();
                        tri!(self.set_update_op(&s, &v));
                    }
                    Op::DictUpdate => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let d = r!(ins.a()).clone();
                        tri!(self.dict_update_op(&d, &v));
                    }
                    Op::DictMerge => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let (d, f) = (r!(ins.a()).clone(), r!(ins.c()).clone());
                        tri!(self.dict_merge_op(&d, &v, &f));
                    }
                    Op::ListToTuple => {
                        let l = input!(ins, b, FLAG_B);
                        let v = self.list_to_tuple(&l);
                        out!(ins, v);
                    }
                    Op::UnpackSequence => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        tri!(self.unpack_op(&v, r!(ins.a()), ins.c() as usize));
                    }
                    Op::UnpackPair => {
                        let v = &*r!(ins.c());
                        if let Some(t) = v.cast::<super::str::Tuple>()
                            && let [x, y] = t.get(self).items()
                        {
                            let (x, y) = (x.clone(), y.clone());
                            consume!(ins, c, FLAG_C);
                            *r!(ins.a()) = x;
                            *r!(ins.b()) = y;
                            settle!();
                            continue 'run;
                        }
                        sync!();
                        let v = input!(ins, c, FLAG_C);
                        let (x, y) = tri!(self.unpack_pair(&v));
                        *r!(ins.a()) = x;
                        *r!(ins.b()) = y;
                        drop(v);
                        settle!();
                    }
                    Op::UnpackEx => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        tri!(self.unpack_ex_op(&v, r!(ins.a()), ins.c()));
                    }
                    Op::FormatValue => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let spec = if ins.flags() & FLAG_VARIANT != 0 { input!(ins, c, FLAG_C) } else { Value::UNDEF };
                        let v = tri!(self.format_op(ins.flags(), v, spec));
                        out!(ins, v);
                    }
                    Op::BuildInterpolation => {
                        sync!();
                        let (v, text, spec) = (take!(ins.b()), take!(ins.b() + 1), take!(ins.b() + 2));
                        let v = tri!(self.build_interpolation(v, text, spec, ins.c()));
                        out!(ins, v);
                    }
                    Op::BuildTemplate => {
                        sync!();
                        let (strings, fields) = (take!(ins.b()), take!(ins.b() + 1));
                        let v = tri!(self.build_template(strings, fields));
                        out!(ins, v);
                    }

                    // ---- imports ----
                    Op::ImportName => {
                        sync!();
                        let (level, from) = (take!(ins.b()), take!(ins.b() + 1));
                        let v = tri!(self.import_name_op(ins.c(), level, from));
                        out!(ins, v);
                    }
                    Op::ImportFrom => {
                        sync!();
                        let m = r!(ins.b()).clone();
                        let v = tri!(self.import_from_op(&m, ins.c()));
                        out!(ins, v);
                    }
                    Op::ImportStar => {
                        sync!();
                        let m = input!(ins, a, FLAG_A);
                        tri!(self.import_star_op(&m));
                    }

                    // ---- exceptions ----
                    Op::Raise => {
                        sync!();
                        let e = input!(ins, a, FLAG_A);
                        break 'run self.raise_op(e, None);
                    }
                    Op::RaiseFrom => {
                        sync!();
                        let (e, cause) = (input!(ins, a, FLAG_A), input!(ins, b, FLAG_B));
                        break 'run self.raise_op(e, Some(cause));
                    }
                    Op::RaiseBare => {
                        sync!();
                        break 'run self.raise_bare();
                    }
                    Op::Reraise => {
                        sync!();
                        let e = input!(ins, a, FLAG_A);
                        self.thread.reraising = true;
                        break 'run Raised(e);
                    }
                    Op::PushHandled => {
                        let e = r!(ins.b()).clone();
                        let saved = std::mem::replace(&mut self.thread.handled, e);
                        out!(ins, saved);
                    }
                    Op::PopHandled => {
                        let saved = input!(ins, a, FLAG_A);
                        let old = std::mem::replace(&mut self.thread.handled, saved);
                        drop(old);
                        settle!();
                    }
                    Op::ExcMatch => {
                        sync!();
                        let kind = input!(ins, c, FLAG_C);
                        let e = r!(ins.b()).clone();
                        let t = tri!(self.exc_match(&e, &kind));
                        out!(ins, Value::bool(t));
                    }
                    Op::ExcStarMatch => {
                        sync!();
                        let kind = input!(ins, c, FLAG_C);
                        let rest = r!(ins.b()).clone();
                        let (matched, rest) = tri!(self.exc_star_match(&rest, &kind));
                        *r!(ins.b()) = rest;
                        if !matched.is_none() {
                            self.thread.handled = matched.clone();
                        }
                        out!(ins, matched);
                    }
                    Op::ExcTriple => {
                        let e = r!(ins.b()).clone();
                        let (class, tb) = self.exc_triple(&e);
                        out!(ins, class);
                        *r!(ins.a() + 1) = e;
                        *r!(ins.a() + 2) = tb;
                    }

                    // ---- generators and coroutines ----
                    Op::Yield => {
                        let v = input!(ins, b, FLAG_B);
                        sync!();
                        next!(self.yield_op(v));
                    }
                    Op::YieldAsync => {
                        let v = input!(ins, b, FLAG_B);
                        sync!();
                        next!(self.yield_async_op(v));
                    }
                    Op::GetAwaitable => {
                        let v = &*r!(ins.b());
                        if v.kind() == Some(Kind::Generator) && self.is_fresh_coroutine(v) {
                            let v = input!(ins, b, FLAG_B);
                            out!(ins, v);
                            continue 'run;
                        }
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let it = tri!(self.get_awaitable(v, ins.c()));
                        out!(ins, it);
                    }
                    Op::GetYieldFromIter => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let it = tri!(self.get_yield_from_iter(v));
                        out!(ins, it);
                    }
                    Op::Await => {
                        tick!();
                        sync!();
                        next!(self.await_op(ins));
                        settle!();
                    }
                    Op::GetAIter => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let it = tri!(self.get_aiter(v));
                        out!(ins, it);
                    }
                    Op::GetANext => {
                        sync!();
                        let it = r!(ins.b()).clone();
                        let v = tri!(self.get_anext(&it));
                        out!(ins, v);
                    }
                    Op::EndAsyncFor => {
                        sync!();
                        let e = input!(ins, a, FLAG_A);
                        let it = input!(ins, b, FLAG_B);
                        if !self.is_instance(&e, &self.exc.StopAsyncIteration) {
                            self.thread.reraising = true;
                            break 'run Raised(e);
                        }
                        drop((e, it));
                        settle!();
                    }

                    // ---- patterns ----
                    Op::MatchSequence => {
                        let t = self.match_sequence(r!(ins.b()));
                        out!(ins, Value::bool(t));
                    }
                    Op::MatchMapping => {
                        let t = self.match_mapping(r!(ins.b()));
                        out!(ins, Value::bool(t));
                    }
                    Op::GetLen => {
                        sync!();
                        let v = r!(ins.b()).clone();
                        let n = tri!(self.len(&v));
                        out!(ins, Value::len(n));
                    }
                    Op::MatchKeys => {
                        sync!();
                        let (v, keys) = (r!(ins.b()).clone(), r!(ins.c()).clone());
                        let v = tri!(self.match_keys(&v, &keys));
                        out!(ins, v);
                    }
                    Op::MatchRest => {
                        sync!();
                        let (v, keys) = (input!(ins, b, FLAG_B), input!(ins, c, FLAG_C));
                        let v = tri!(self.match_rest(&v, &keys));
                        out!(ins, v);
                    }
                    Op::MatchClass => {
                        sync!();
                        let (v, class, names) = (take!(ins.b()), take!(ins.b() + 1), take!(ins.b() + 2));
                        let v = tri!(self.match_class(&v, &class, &names, ins.c() as usize));
                        out!(ins, v);
                    }

                    // ---- rare things ----
                    Op::SetupAnnotations => {
                        sync!();
                        tri!(self.setup_annotations());
                    }
                    Op::Intrinsic1 => {
                        sync!();
                        let v = input!(ins, b, FLAG_B);
                        let v = tri!(self.intrinsic1(ins.c(), v));
                        out!(ins, v);
                    }
                    Op::Intrinsic2 => {
                        sync!();
                        let (x, y) = (take!(ins.b()), take!(ins.b() + 1));
                        let v = tri!(self.intrinsic2(ins.c(), x, y));
                        out!(ins, v);
                    }
                }
            };
            // SAFETY: `frame` is the running frame: whatever pushed frames has popped them or loaded anew.
            unsafe {
                if std::ptr::eq(frame, self.thread.frame) {
                    (*frame).pc = pc;
                }
            }
            pending = Some(raised);
        }
    }
}
