//! Calls and returns inside the loop: script functions become frames, everything else is called at once.

use super::super::class::{Class, class_flag};
use super::super::dict::Dict;
use super::super::exception::Raised;
use super::super::frame::{Frame, frame_flag};
use super::super::function::{Function, Method, Native, NativeCode};
use super::super::generator::{GenState, Generator};
use super::super::native::{Args, MachineFn, NativeImpl};
use super::super::object::{Header, Kind, Ref};
use super::super::ops::BinOp;
use super::super::special::Special;
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::{R, Vm};
use super::{Next, build};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{FLAG_B, FLAG_C, FLAG_VARIANT, Instr, Op};

/// Most keyword arguments that a call may have to be placed without the general binder.
const MOST_KEYWORDS: usize = 12;
/// So many arguments of an `__init__`, the instance included, need no allocation.
const FEW: usize = 6;

/// The operator of an instruction.
fn operator_of(ins: Instr) -> Option<BinOp> {
    Some(match ins.op()? {
        Op::Add | Op::AddK => BinOp::Add,
        Op::Sub | Op::SubK => BinOp::Sub,
        Op::Mul | Op::MulK => BinOp::Mul,
        Op::TrueDiv | Op::TrueDivK => BinOp::TrueDiv,
        Op::FloorDiv | Op::FloorDivK => BinOp::FloorDiv,
        Op::Mod | Op::ModK => BinOp::Mod,
        Op::Pow | Op::PowK => BinOp::Pow,
        Op::LShift | Op::LShiftK => BinOp::LShift,
        Op::RShift | Op::RShiftK => BinOp::RShift,
        Op::And | Op::AndK => BinOp::And,
        Op::Or | Op::OrK => BinOp::Or,
        Op::Xor | Op::XorK => BinOp::Xor,
        Op::MatMul => BinOp::MatMul,
        _ => return None,
    })
}

/// Whether the right operand of an operator's instruction is a constant.
fn constant_operand(ins: Instr) -> bool {
    use crate::compiler::opcodes::Kind as Operand;
    ins.op().is_some_and(|op| matches!(op.info().operands[2].1, Operand::Const))
}

/// Where the arguments of a call go.
struct Places {
    /// Parameters that get an argument.
    filled: u64,
    /// The parameters of the arguments given by name.
    keyword: [u8; MOST_KEYWORDS],
    /// The first positional parameter with a default.
    first_default: usize,
    /// How many parameters there are.
    named: usize,
}

impl Vm {
    /// `R[base](R[base+1], …)`, `argc` of them.
    #[inline(never)]
    pub(super) fn call_op(
        &mut self,
        frame: *mut Frame,
        regs: *mut Value,
        base: usize,
        argc: usize,
        dst: u16,
    ) -> R<Next> {
        // SAFETY: the verifier has checked that the callable and its arguments are inside the registers.
        let f = unsafe { &*regs.add(base) };
        match f.kind() {
            Some(Kind::Function) => self.call_function_at(regs, base, argc, dst),
            Some(Kind::Native) => {
                // SAFETY: as above; a value of this kind is a native function.
                let native = unsafe { &*(f as *const Value as *const Ref<Native>) };
                // SAFETY: as above; the arguments follow the function.
                let args = unsafe { std::slice::from_raw_parts(regs.add(base + 1), argc) };
                self.check_receiver(native, &Args::positional(args))?;
                self.call_native_at(regs, base, base + 1, argc, dst)
            }
            Some(Kind::Type) => self.call_class_at(regs, base, argc, dst),
            Some(Kind::Method) => self.call_bound_at(frame, regs, base, argc, dst),
            Some(Kind::Instance) => self.call_instance_at(regs, base, base + 1, argc, dst),
            _ => self.call_other_at(regs, base, base + 1, argc, dst),
        }
    }

    /// `R[base](self, R[base+2], …)` with self in `R[base+1]`, or without it when that is UNDEF.
    #[inline(never)]
    pub(super) fn call_method_op(
        &mut self,
        frame: *mut Frame,
        regs: *mut Value,
        base: usize,
        argc: usize,
        dst: u16,
    ) -> R<Next> {
        // SAFETY: as for `call_op`.
        unsafe {
            if (*regs.add(base + 1)).is_undef() {
                // The function moves up, next to its arguments.
                let f = std::mem::replace(&mut *regs.add(base), Value::UNDEF);
                regs.add(base + 1).write(f);
                return self.call_op(frame, regs, base + 1, argc, dst);
            }
            let f = &*regs.add(base);
            match f.kind() {
                Some(Kind::Function) => self.call_function_at(regs, base, argc + 1, dst),
                Some(Kind::Native) => self.call_native_at(regs, base, base + 1, argc + 1, dst),
                _ => self.call_other_at(regs, base, base + 1, argc + 1, dst),
            }
        }
    }

    /// Calls a script function whose arguments follow it, where more is to be done than the quick handlers do: calling a
    /// generator function makes no frame, and parameters may have to be filled from their defaults.
    #[inline(never)]
    fn call_function_at(&mut self, regs: *mut Value, base: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold a function and `argc` arguments.
        unsafe {
            let func: *const Function = Header::payload((*regs.add(base)).ptr());
            let code = (*func).code.as_ptr();
            let args = regs.add(base + 1);
            if (*code).exact_args as usize == argc && (*code).makes_generator {
                let f = std::mem::replace(&mut *regs.add(base), Value::UNDEF);
                let generator = self.new_generator(Ref::from_value_unchecked(f), args);
                self.give_generator(generator, dst);
                return Ok(Next::Reload);
            }
            let places: Option<Places> = self.place_arguments(func, argc, &[]);
            if let Some(places) = places {
                return self.enter_placed(&places, regs.add(base), args, argc, dst, 0);
            }
            let f = std::mem::replace(&mut *regs.add(base), Value::UNDEF);
            let entered = self.enter_function(f, &Args::positional(std::slice::from_raw_parts(args, argc)), dst, 0);
            for i in 0..argc {
                *args.add(i) = Value::UNDEF;
            }
            if let Some(generator) = entered? {
                self.put_result(dst, generator);
            }
            Ok(Next::Reload)
        }
    }

    /// Where the arguments of a call go, if the function is one without `*args` and `**kwargs`, and all parameters
    /// get a value. Anything else, errors too, is for the general binder.
    ///
    /// # Safety
    /// The function is alive.
    unsafe fn place_arguments(&self, func: *const Function, npos: usize, names: &[Value]) -> Option<Places> {
        // SAFETY: the caller's promise; code lives as long as its function.
        unsafe {
            let code = &(*(*func).code.as_ptr()).code;
            let (n_pos, named) = (code.argcount as usize, (code.argcount + code.kwonlyargcount) as usize);
            if npos > n_pos
                || named > 64
                || names.len() > MOST_KEYWORDS
                || code.flags.has(CodeFlags::VARARGS | CodeFlags::VARKEYWORDS)
            {
                return None;
            }
            let mut filled: u64 = if npos == 64 { u64::MAX } else { (1 << npos) - 1 };
            let mut keyword = [0u8; MOST_KEYWORDS];
            for (at, name) in keyword.iter_mut().zip(names) {
                let text = name.cast::<Str>()?.get(self).as_bytes();
                let from = (code.posonlyargcount as usize).max(npos);
                let i = (from..named).find(|&i| code.locals[i].name.as_bytes() == text)?;
                if filled & (1 << i) != 0 {
                    return None;
                }
                filled |= 1 << i;
                *at = i as u8;
            }
            let defaults = match (*func).defaults.cast::<Tuple>() {
                Some(t) => t.get(self).items().len(),
                None => 0,
            };
            let first_default = n_pos.checked_sub(defaults)?;
            for i in 0..named {
                if filled & (1 << i) == 0 && (i < first_default || i >= n_pos) {
                    return None;
                }
            }
            Some(Places { filled, keyword, first_default, named })
        }
    }

    /// Moves arguments to the window above the running frame, as `places` says, and enters the function.
    ///
    /// # Safety
    /// `callee` holds the function that `places` is for, `args` its arguments, those given by name last; both are
    /// registers of the running frame.
    unsafe fn enter_placed(
        &mut self,
        places: &Places,
        callee: *mut Value,
        args: *mut Value,
        npos: usize,
        dst: u16,
        flags: u8,
    ) -> R<Next> {
        // SAFETY: the caller's promise. The window above the running frame is free, and its size is checked first.
        unsafe {
            let func: *const Function = Header::payload((*callee).ptr());
            let code = (*func).code.as_ptr();
            let window = self.thread.top().add(1);
            if !self.thread.fits(window.add((*code).nregs as usize)) {
                return Err(self.recursion_error("maximum recursion depth exceeded"));
            }
            for i in 0..places.named {
                window.add(i).write(Value::UNDEF);
            }
            for i in 0..npos {
                window.add(i).write(std::mem::replace(&mut *args.add(i), Value::UNDEF));
            }
            let given = (places.filled.count_ones() as usize).saturating_sub(npos);
            for (k, &i) in places.keyword.iter().take(given).enumerate() {
                window.add(i as usize).write(std::mem::replace(&mut *args.add(npos + k), Value::UNDEF));
            }
            if let Some(t) = (*func).defaults.cast::<Tuple>() {
                let items = t.get(self).items();
                for (k, v) in items.iter().enumerate() {
                    let i = places.first_default + k;
                    if places.filled & (1 << i) == 0 {
                        window.add(i).write(v.clone());
                    }
                }
            }
            let f = std::mem::replace(&mut *callee, Value::UNDEF);
            if (*code).makes_generator {
                let generator = self.new_generator(Ref::from_value_unchecked(f), window);
                self.give_generator(generator, dst);
                return Ok(Next::Reload);
            }
            self.enter_window(f, window, places.named, dst, flags)?;
            Ok(Next::Reload)
        }
    }

    /// The `Await` behind the running instruction, when all that happens to the value in register `dst` is that it
    /// is awaited there.
    #[inline(always)]
    pub(super) fn awaited_at_once(&self, dst: u16) -> Option<*const Instr> {
        // SAFETY: something runs; code does not end with a call, nor with `GetAwaitable`.
        unsafe {
            let pc = (*self.thread.frame).pc;
            if (*pc).op_byte() != Op::GetAwaitable as u8 || (*pc).b() != dst || (*self.thread.frame).generator.is_null()
            {
                return None;
            }
            let at = pc.add(1);
            ((*at).op_byte() == Op::Await as u8 && (*at).b() == (*pc).a()).then_some(at)
        }
    }

    /// The result of a call that made a generator. A coroutine that is awaited at once begins at once.
    pub(super) fn give_generator(&mut self, generator: Value, dst: u16) {
        // SAFETY: something runs, and `dst` is one of its registers; so is what its `Await` names. The coroutine is
        // new.
        unsafe {
            let frame = self.thread.frame;
            let child = generator.ptr();
            let code = (*(*Header::payload::<Generator>(child)).func.as_ptr()).code.as_ptr();
            if (*code).flags().has(CodeFlags::COROUTINE)
                && let Some(at) = self.awaited_at_once(dst)
                && Generator::depth((*frame).generator) + self.thread.depth() < self.thread.recursion_limit()
            {
                *(*frame).regs.add((*at).b() as usize) = generator;
                (*Header::payload::<Generator>((*frame).generator)).pc = at.offset_from((*(*frame).code).instrs) as u32;
                (*frame).pc = at;
                self.descend(child);
                return;
            }
            *(*frame).regs.add(dst as usize) = generator;
        }
    }

    /// Pushes a frame for a script function with positional arguments (a generator is made instead where the
    /// function makes one).
    pub(super) fn push_function(&mut self, f: Value, args: &[Value], dst: u16, flags: u8) -> R<Next> {
        self.push_function_args(f, &Args::positional(args), dst, flags)
    }

    /// The same with keyword arguments.
    pub(super) fn push_function_args(&mut self, f: Value, args: &Args<'_>, dst: u16, flags: u8) -> R<Next> {
        match self.enter_function(f, args, dst, flags)? {
            None => Ok(Next::Reload),
            Some(generator) => {
                self.put_result(dst, generator);
                Ok(Next::Reload)
            }
        }
    }

    #[inline(always)]
    fn call_native_at(&mut self, regs: *mut Value, base: usize, first: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold a native function and `argc` arguments; they stay in place during the
        // call, since the frames of nested calls lie above this frame's window.
        unsafe {
            let native: *const Native = Header::payload((*regs.add(base)).ptr());
            let args = std::slice::from_raw_parts(regs.add(first), argc);
            if let NativeCode::Static(def) = &(*native).code {
                match def.run {
                    NativeImpl::Machine(m, _) => {
                        if let Some(next) = self.machine_call(m, regs, base, first, argc, dst)? {
                            return Ok(next);
                        }
                    }
                    NativeImpl::Awaited(now, _) if def.fits(argc) => {
                        if let Some(at) = self.awaited_at_once(dst)
                            && let Some(v) = now(self, args)?
                        {
                            for i in 0..argc {
                                *regs.add(first + i) = Value::UNDEF;
                            }
                            *regs.add(base) = Value::UNDEF;
                            *regs.add((*at).a() as usize) = v;
                            (*self.thread.frame).pc = at.add(1);
                            return Ok(Next::Reload);
                        }
                    }
                    _ => {}
                }
            }
            let native = &*(regs.add(base) as *const Ref<Native>);
            let result = self.call_native(native, &Args::positional(args));
            for i in 0..argc {
                *regs.add(first + i) = Value::UNDEF;
            }
            *regs.add(base) = Value::UNDEF;
            let v = result?;
            *regs.add(dst as usize) = v;
        }
        Ok(Next::Reload)
    }

    /// Natives that the loop does itself: resuming generators without native recursion. `None` leaves the call to
    /// the function.
    unsafe fn machine_call(
        &mut self,
        m: MachineFn,
        regs: *mut Value,
        base: usize,
        first: usize,
        argc: usize,
        dst: u16,
    ) -> R<Option<Next>> {
        if matches!(m, MachineFn::Append | MachineFn::Len) || argc != if matches!(m, MachineFn::Send) { 2 } else { 1 } {
            return Ok(None);
        }
        // SAFETY: as for `call_native_at`.
        unsafe {
            let sent = if argc == 2 { (*regs.add(first + 1)).clone() } else { Value::NONE };
            let this = (*regs.add(first)).clone();
            if !self.resume_in_loop(m, &this, sent, dst)? {
                return Ok(None);
            }
            for i in 0..argc {
                *regs.add(first + i) = Value::UNDEF;
            }
            *regs.add(base) = Value::UNDEF;
        }
        Ok(Some(Next::Reload))
    }

    /// The same for a bound method, whose arguments begin behind it.
    unsafe fn machine_call_bound(
        &mut self,
        m: MachineFn,
        regs: *mut Value,
        base: usize,
        this: &Value,
        argc: usize,
        dst: u16,
    ) -> R<Option<Next>> {
        if matches!(m, MachineFn::Append | MachineFn::Len) || argc != usize::from(matches!(m, MachineFn::Send)) {
            return Ok(None);
        }
        // SAFETY: as for `call_native_at`.
        unsafe {
            let sent = if argc == 1 { (*regs.add(base + 1)).clone() } else { Value::NONE };
            if !self.resume_in_loop(m, this, sent, dst)? {
                return Ok(None);
            }
            for i in 0..=argc {
                *regs.add(base + i) = Value::UNDEF;
            }
        }
        Ok(Some(Next::Reload))
    }

    /// Resumes a generator or coroutine as a frame of this loop, where nothing speaks against it.
    fn resume_in_loop(&mut self, m: MachineFn, this: &Value, sent: Value, dst: u16) -> R<bool> {
        let Some(g) = this.cast::<Generator>() else { return Ok(false) };
        // Coroutines have no `__next__`; asynchronous generators have neither.
        let others = match m {
            MachineFn::Send => CodeFlags::ASYNC_GENERATOR,
            _ => CodeFlags::ASYNC_GENERATOR | CodeFlags::COROUTINE,
        };
        if self.gen_flags(g).has(others) {
            return Ok(false);
        }
        let state = self.gen_state(g);
        if !(state == GenState::Suspended || state == GenState::Created && sent.is_none()) {
            return Ok(false);
        }
        self.enter_generator(g, dst, 0)?;
        if state == GenState::Suspended {
            self.put_sent(sent);
        }
        Ok(true)
    }

    /// `Class(…)`: an instance of a script class with a script `__init__` needs no native recursion.
    fn call_class_at(&mut self, regs: *mut Value, base: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold a class and `argc` arguments, which stay in place during the call.
        let args = unsafe { std::slice::from_raw_parts(regs.add(base), argc + 1) };
        if let Some(result) = self.call_builtin_class(args) {
            // SAFETY: as above.
            unsafe {
                for i in (0..=argc).rev() {
                    *regs.add(base + i) = Value::UNDEF;
                }
                *regs.add(dst as usize) = result?;
            }
            return Ok(Next::Reload);
        }
        // SAFETY: as above.
        let class = unsafe { (*regs.add(base)).clone() };
        if let Some(c) = class.cast::<Class>()
            && self.is_plain_construction(c)
            && let Some(init) = self.class_special(c, Special::Init)
        {
            if init.is_a::<Function>() {
                let result = self.enter_init(c, init, &Args::positional(&args[1..]), dst);
                for i in 0..=argc {
                    // SAFETY: as above; nobody looks at the arguments any more.
                    unsafe { *regs.add(base + i) = Value::UNDEF };
                }
                return result;
            }
            if argc == 0 && init.is(&self.object_init) {
                let instance = self.new_instance(c);
                // SAFETY: as above.
                unsafe {
                    *regs.add(base) = Value::UNDEF;
                    *regs.add(dst as usize) = instance;
                }
                return Ok(Next::Reload);
            }
        }
        self.call_other_at(regs, base, base + 1, argc, dst)
    }

    /// Makes an instance of a class with plain construction and enters its script `__init__`.
    fn enter_init(&mut self, class: &Ref<Class>, init: Value, args: &Args<'_>, dst: u16) -> R<Next> {
        let instance = self.new_instance(class);
        let mut few = [const { Value::UNDEF }; FEW];
        let entered = match few.get_mut(..=args.pos.len()) {
            Some(pos) => {
                pos[0] = instance.clone();
                pos[1..].clone_from_slice(args.pos);
                self.enter_function(init, &Args { pos, ..*args }, dst, frame_flag::INIT)?
            }
            None => {
                let mut pos = Vec::with_capacity(args.pos.len() + 1);
                pos.push(instance.clone());
                pos.extend(args.pos.iter().cloned());
                self.enter_function(init, &Args { pos: &pos, ..*args }, dst, frame_flag::INIT)?
            }
        };
        match entered {
            None => {
                // SAFETY: the frame was just pushed.
                unsafe { (*self.thread.frame).aux = instance };
                Ok(Next::Reload)
            }
            Some(result) => {
                let name = self.class_name(&result);
                Err(self.type_error(format!("__init__() should return None, not '{name}'")))
            }
        }
    }

    /// Whether calling the class is `object.__new__` followed by `__init__`.
    fn is_plain_construction(&self, c: &Ref<Class>) -> bool {
        let this = c.get(self);
        this.vtable.kind == Kind::Instance
            && this.is_heap()
            && !this.has(class_flag::ABSTRACT)
            && self.class_of(c.value()).is(&self.types.type_)
            && self.class_special(c, Special::New).is_some_and(|n| n.is(&self.object_new))
    }

    fn call_bound_at(&mut self, frame: *mut Frame, regs: *mut Value, base: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold a bound method and `argc` arguments.
        unsafe {
            let (f, this) = {
                let m: *const Method = Header::payload((*regs.add(base)).ptr());
                ((*m).func.clone(), (*m).receiver.clone())
            };
            if f.kind() == Some(Kind::Function) && (*frame).generator.is_null() {
                let func: *const Function = Header::payload(f.ptr());
                let code = (*func).code.as_ptr();
                if (*code).simple_args as usize == argc + 1 {
                    let window = regs.add(base + 1);
                    std::ptr::copy(window, window.add(1), argc);
                    window.write(this);
                    *regs.add(base) = f;
                    let top = window.add((*code).nregs as usize);
                    return match self.push_frame(code, func, window, top, dst, 0) {
                        Ok(_) => {
                            for i in argc + 1..(*code).first_temp as usize {
                                window.add(i).write(Value::UNDEF);
                            }
                            Ok(Next::Reload)
                        }
                        Err(e) => {
                            for i in 0..=argc {
                                *window.add(i) = Value::UNDEF;
                            }
                            Err(e)
                        }
                    };
                }
            }
            if let Some(native) = f.cast::<Native>()
                && let NativeCode::Static(def) = &native.get(self).code
                && let NativeImpl::Machine(m, _) = def.run
                && let Some(next) = self.machine_call_bound(m, regs, base, &this, argc, dst)?
            {
                return Ok(next);
            }
            let mut args = build::take_run(regs.add(base + 1), argc);
            args.insert(0, this);
            *regs.add(base) = Value::UNDEF;
            if f.is_a::<Function>() {
                return self.push_function(f, &args, dst, 0);
            }
            let v = self.call(&f, &args)?;
            self.put_result(dst, v);
            Ok(Next::Reload)
        }
    }

    /// An instance whose class has a script `__call__`.
    fn call_instance_at(&mut self, regs: *mut Value, base: usize, first: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold an instance and `argc` arguments.
        let this = unsafe { &*regs.add(base) };
        let Some(f) = self.special(this, Special::Call).filter(|f| f.kind() == Some(Kind::Function)) else {
            return self.call_other_at(regs, base, first, argc, dst);
        };
        // SAFETY: as above.
        let mut args = unsafe { build::take_run(regs.add(first), argc) };
        // SAFETY: as above.
        args.insert(0, unsafe { std::mem::replace(&mut *regs.add(base), Value::UNDEF) });
        self.push_function(f, &args, dst, 0)
    }

    fn call_other_at(&mut self, regs: *mut Value, base: usize, first: usize, argc: usize, dst: u16) -> R<Next> {
        // SAFETY: the registers hold a callable and `argc` arguments, which stay in place during the call.
        unsafe {
            let f = (*regs.add(base)).clone();
            let args = std::slice::from_raw_parts(regs.add(first), argc);
            let result = self.call(&f, args);
            for i in 0..argc {
                *regs.add(first + i) = Value::UNDEF;
            }
            *regs.add(base) = Value::UNDEF;
            *regs.add(dst as usize) = result?;
        }
        Ok(Next::Reload)
    }

    /// Calls with keyword arguments.
    #[inline(never)]
    pub(super) fn call_kw_op(&mut self, _frame: *mut Frame, regs: *mut Value, ins: Instr, method: bool) -> R<Next> {
        let (base, argc) = (ins.a() as usize, ins.b() as usize);
        // SAFETY: the registers hold the callable, the arguments and the tuple of names.
        unsafe {
            let mut first = if method { base + 2 } else { base + 1 };
            if let Some(f) = (*regs.add(base)).cast::<Function>()
                && let Some(names) = (*regs.add(first + argc)).cast::<Tuple>()
            {
                let names = names.clone();
                let with_this = method && !(*regs.add(base + 1)).is_undef();
                let npos = (argc + usize::from(with_this)).saturating_sub(names.get(self).items().len());
                if let Some(places) = self.place_arguments(f.as_ptr(), npos, names.get(self).items()) {
                    *regs.add(first + argc) = Value::UNDEF;
                    first -= usize::from(with_this);
                    return self.enter_placed(&places, regs.add(base), regs.add(first), npos, ins.c(), 0);
                }
            }
            let f = std::mem::replace(&mut *regs.add(base), Value::UNDEF);
            let mut values = build::take_run(regs.add(first), argc);
            let names = std::mem::replace(&mut *regs.add(first + argc), Value::UNDEF);
            if method {
                let this = std::mem::replace(&mut *regs.add(base + 1), Value::UNDEF);
                if !this.is_undef() {
                    values.insert(0, this);
                }
            }
            let names = names.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
            let split = values.len() - names.len().min(values.len());
            let (pos, kw_values) = values.split_at(split);
            let args = Args { pos, kw_values, kw_names: &names };
            self.call_args_in_loop(f, &args, ins.c())
        }
    }

    /// Calls with arguments at hand: script functions, and bound ones, become frames.
    fn call_args_in_loop(&mut self, f: Value, args: &Args<'_>, dst: u16) -> R<Next> {
        if f.is_a::<Function>() {
            return self.push_function_args(f, args, dst, 0);
        }
        if let Some(m) = f.cast::<Method>()
            && m.get(self).func.is_a::<Function>()
        {
            let func = m.get(self).func.clone();
            let mut pos = Vec::with_capacity(args.pos.len() + 1);
            pos.push(m.get(self).receiver.clone());
            pos.extend(args.pos.iter().cloned());
            return self.push_function_args(func, &Args { pos: &pos, ..*args }, dst, 0);
        }
        if let Some(c) = f.cast::<Class>()
            && self.is_plain_construction(c)
            && let Some(init) = self.class_special(c, Special::Init)
            && init.is_a::<Function>()
        {
            return self.enter_init(c, init, args, dst);
        }
        let v = self.call_kw(&f, args)?;
        self.put_result(dst, v);
        Ok(Next::Reload)
    }

    /// `f(*args, **kwargs)`.
    #[inline(never)]
    pub(super) fn call_ex_op(&mut self, _frame: *mut Frame, regs: *mut Value, ins: Instr) -> R<Next> {
        let base = ins.a() as usize;
        // SAFETY: the registers hold the callable, the arguments and, with the flag, the keyword arguments.
        let (f, star, kwargs) = unsafe {
            let f = std::mem::replace(&mut *regs.add(base), Value::UNDEF);
            let star = std::mem::replace(&mut *regs.add(base + 1), Value::UNDEF);
            let kwargs = if ins.flags() & FLAG_VARIANT != 0 {
                std::mem::replace(&mut *regs.add(base + 2), Value::UNDEF)
            } else {
                Value::UNDEF
            };
            (f, star, kwargs)
        };
        let pos = match star.cast::<Tuple>() {
            Some(t) if t.header().layout().is_exact() => t.get(self).items().to_vec(),
            _ => {
                if self.special(&star, Special::Iter).is_none() && self.special(&star, Special::GetItem).is_none() {
                    let (f, got) = (self.callable_name(&f), self.class_name(&star));
                    return Err(self.type_error(format!("{f} argument after * must be an iterable, not {got}")));
                }
                self.collect(&star)?
            }
        };
        let (mut names, mut values) = (Vec::new(), Vec::new());
        if let Some(d) = kwargs.cast::<Dict>() {
            for (k, v) in d.get(self).iter() {
                names.push(k.clone());
                values.push(v.clone());
            }
        }
        let args = Args { pos: &pos, kw_values: &values, kw_names: &names };
        self.call_args_in_loop(f, &args, ins.c())
    }

    /// Leaves the running frame with a value.
    #[inline(never)]
    pub(super) fn return_op(&mut self, v: Value) -> R<Next> {
        // SAFETY: the running frame's registers are its own; the function below a plain frame's window was put
        // there by the call.
        unsafe {
            let frame = self.thread.frame;
            if (*frame).flags & frame_flag::GENERATOR != 0 {
                return self.return_from_generator(v);
            }
            let (regs, locals) = ((*frame).regs, (*(*frame).code).first_temp as usize);
            if (*frame).flags & frame_flag::OBSERVED != 0 {
                self.frame_left();
            }
            for i in (0..locals).rev() {
                *regs.add(i) = Value::UNDEF;
            }
            let flags = (*frame).flags;
            let dst = (*frame).dst;
            let aux = std::mem::replace(&mut (*frame).aux, Value::UNDEF);
            self.thread.frame = frame.sub(1);
            *regs.sub(1) = Value::UNDEF;
            if flags == 0 || flags == frame_flag::OBSERVED {
                drop(aux);
                *(*self.thread.frame).regs.add(dst as usize) = v;
                return Ok(Next::Reload);
            }
            if flags & frame_flag::OPERATOR != 0 {
                return self.finish_operator(v);
            }
            let v = if flags & frame_flag::INIT != 0 {
                if !v.is_none() {
                    let name = self.class_name(&v);
                    let e = self.type_error(format!("__init__() should return None, not '{name}'"));
                    return if flags & frame_flag::ENTRY != 0 { self.leave_with(e) } else { Err(e) };
                }
                aux
            } else {
                v
            };
            if flags & frame_flag::ENTRY != 0 {
                return Ok(Next::Leave(v));
            }
            *(*self.thread.frame).regs.add(dst as usize) = v;
            Ok(Next::Reload)
        }
    }

    /// Enters the left operand's script method for an operator, if the right operand's class has no say in it; false
    /// (and nothing done) otherwise. The operands stay in their registers until the method has returned.
    #[inline(never)]
    pub(super) fn enter_operator(&mut self, ins: Instr, op: BinOp, a: &Value, b: &Value) -> R<bool> {
        let (ca, cb) = (self.class_of(a), self.class_of(b));
        if !ca.is(cb) && (cb.get(self).is_heap() || b.is_a::<Class>()) {
            return Ok(false);
        }
        let in_place = ins.flags() & FLAG_VARIANT != 0;
        if in_place && op.in_place().is_some_and(|s| self.class_special(ca, s).is_some()) {
            return Ok(false);
        }
        let Some(f) = self.class_special(ca, op.special()).filter(|f| f.kind() == Some(Kind::Function)) else {
            return Ok(false);
        };
        // SAFETY: the function is alive; the window above the running frame is free, and its size is checked first.
        unsafe {
            let func: *const Function = Header::payload(f.ptr());
            let code = (*func).code.as_ptr();
            let window = self.thread.top().add(1);
            if (*code).simple_args != 2 || !self.thread.fits(window.add((*code).nregs as usize)) {
                return Ok(false);
            }
            window.write(a.clone());
            window.add(1).write(b.clone());
            self.enter_window(f, window, 2, ins.a(), frame_flag::OPERATOR)?;
        }
        Ok(true)
    }

    /// The method of an operator has returned: its operands are dropped, and where it has refused, the right side's
    /// method is asked.
    fn finish_operator(&mut self, v: Value) -> R<Next> {
        // SAFETY: the running frame stands behind the operator's instruction, whose operands the verifier has checked.
        let (ins, a, b) = unsafe {
            let frame = self.thread.frame;
            let ins = *(*frame).pc.sub(1);
            let konst = constant_operand(ins);
            let operand = |i: u16, flag: u8| {
                let r = &mut *(*frame).regs.add(i as usize);
                if ins.flags() & flag != 0 { std::mem::replace(r, Value::UNDEF) } else { r.clone() }
            };
            let a = operand(ins.b(), FLAG_B);
            let b = if konst { (*(*frame).consts.add(ins.c() as usize)).clone() } else { operand(ins.c(), FLAG_C) };
            (ins, a, b)
        };
        let v = if v.is_not_implemented() {
            let Some(op) = operator_of(ins) else { return Ok(Next::Reload) };
            self.binary_refused(op, ins.flags() & FLAG_VARIANT != 0, &a, &b)?
        } else {
            v
        };
        self.put_result(ins.a(), v);
        Ok(Next::Reload)
    }

    /// An error that belongs to the native caller of the loop, not to the frame that is now on top.
    fn leave_with(&mut self, e: Raised) -> R<Next> {
        self.thread.leaving = true;
        Err(e)
    }

    /// The running generator returns: its awaiting parent goes on, or whoever resumed the chain.
    pub(super) fn return_from_generator(&mut self, v: Value) -> R<Next> {
        // SAFETY: the running frame is a chain.
        let inner = unsafe { (*self.thread.frame).generator != (*self.thread.frame).root };
        if inner {
            return self.return_to_parent(v);
        }
        let Some(frame) = self.end_generator() else { return Ok(Next::Reload) };
        if frame.flags & frame_flag::ENTRY != 0 {
            self.thread.yielded = false;
            return Ok(Next::Leave(v));
        }
        if frame.flags & frame_flag::FOR != 0 {
            self.exhausted();
            return Ok(Next::Reload);
        }
        Err(self.stop_iteration(v))
    }

    /// The `for` loop whose iterator just ended goes on behind its body.
    pub(super) fn exhausted(&mut self) {
        // SAFETY: the running frame stands behind a `ForIter` or `ForLoop`.
        unsafe {
            let frame = self.thread.frame;
            let ins = *(*frame).pc.sub(1);
            *(*frame).regs.add(ins.b() as usize) = Value::UNDEF;
            if ins.op_byte() == Op::ForIter as u8 {
                (*frame).pc = (*frame).pc.offset(ins.offset16() as isize);
            }
        }
    }

    /// What a callable is called in messages: `f()`, or its type.
    pub fn callable_name(&mut self, f: &Value) -> String {
        let name = self.names.__qualname__.clone();
        match self.get_attr_opt(f, &name) {
            Ok(Some(q)) if q.is_a::<super::super::str::Str>() => {
                let module = self.names.__module__.clone();
                let q = self.str_of(&q);
                match self.get_attr_opt(f, &module) {
                    Ok(Some(m)) if m.is_a::<super::super::str::Str>() && self.str_of(&m) != "builtins" => {
                        format!("{}.{q}()", self.str_of(&m))
                    }
                    _ => format!("{q}()"),
                }
            }
            _ => self.repr_string(f).unwrap_or_else(|_| "object".to_owned()),
        }
    }
}
