//! Frames: what is running, and the register stack of a thread.
//!
//! A frame's registers are a window of the thread's stack; the callee's window begins at the caller's argument
//! registers, so arguments are never copied. The word below a window holds the function. A generator's
//! registers are in its own object instead. One frame stands for a whole chain of generators that await each
//! other: `generator` is the one that runs, `root` the one that was resumed.
//!
//! Invariant: every word of the stack above the running window is no pointer, so fresh temps need no
//! initialisation.

use super::function::{CodeObject, Function};
use super::generator::Generator;
use super::level::{LevelKey, handle_of};
use super::object::{Header, Ref};
use super::threads::{Parker, first_parker};
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::Instr;
use std::alloc;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Bits of [`Frame::flags`].
pub(super) mod frame_flag {
    /// Leaving the frame leaves the native loop.
    pub const ENTRY: u8 = 1;
    /// The frame is an `__init__`: its result must be None, and `aux` (the instance) is delivered.
    pub const INIT: u8 = 2;
    /// A chain of generators.
    pub const GENERATOR: u8 = 4;
    /// Driven by a `for` loop: the end is a jump, not an exception.
    pub const FOR: u8 = 8;
    /// A frame object exists for it.
    pub const OBSERVED: u8 = 16;
    /// The chain was resumed by `throw`: what leaves a generator that was suspended then is raised anew in its parent.
    pub const THROWN: u8 = 32;
    /// The method of a binary operator, whose operands are still in the caller's registers.
    pub const OPERATOR: u8 = 64;
}

/// One running function or chain of generators.
pub(super) struct Frame {
    pub code: *const CodeObject,
    /// The constants of `code`.
    pub consts: *const Value,
    /// Where to go on; only right while something else runs.
    pub pc: *const Instr,
    pub regs: *mut Value,
    /// The end of this frame's window on the thread's stack.
    pub top: *mut Value,
    pub func: *const Function,
    /// The generator that runs, or null.
    pub generator: *mut Header,
    /// The generator that was resumed, or null.
    pub root: *mut Header,
    /// The namespace mapping of class bodies and exec code (`UNDEF`: the globals); the instance being
    /// initialised (`INIT`); the exception that the driver handles (`GENERATOR`).
    pub aux: Value,
    /// The register of the frame below that gets the result.
    pub dst: u16,
    pub flags: u8,
    /// How many generators deep the chain has gone since it was resumed.
    pub chain: u32,
}

const _: () = assert!(size_of::<Frame>() == 80);

impl Frame {
    /// Writes the frame of a script function that is no generator, at its beginning. Field by field, in an order in which
    /// each value is done with soon: the handlers of calls have no processor registers to spare.
    ///
    /// # Safety
    /// `at` is room for a frame; code and function are alive.
    #[inline(always)]
    pub(super) unsafe fn begin(
        at: *mut Frame,
        code: *const CodeObject,
        func: *const Function,
        regs: *mut Value,
        top: *mut Value,
        dst: u16,
    ) {
        // SAFETY: the caller's promise; what was there before wants no dropping.
        unsafe {
            (&raw mut (*at).dst).write(dst);
            (&raw mut (*at).flags).write(0);
            (&raw mut (*at).chain).write(0);
            (&raw mut (*at).top).write(top);
            (&raw mut (*at).func).write(func);
            (&raw mut (*at).regs).write(regs);
            (&raw mut (*at).generator).write(std::ptr::null_mut());
            (&raw mut (*at).root).write(std::ptr::null_mut());
            (&raw mut (*at).aux).write(Value::UNDEF);
            (&raw mut (*at).code).write(code);
            (&raw mut (*at).consts).write((*code).consts.as_ptr());
            (&raw mut (*at).pc).write((*code).instrs);
        }
    }
}

/// Values on a thread's stack. The memory is only reserved until touched.
const STACK: usize = if cfg!(miri) { 1 << 16 } else { 4 << 20 };
/// Frames of a thread.
const FRAMES: usize = if cfg!(miri) { 2_200 } else { 220_000 };
/// Frames kept for handlers of RecursionError and finalizers.
const SPARE_FRAMES: usize = 1_000;

/// What belongs to one thread of an interpreter.
pub(crate) struct ThreadState {
    stack: *mut Value,
    /// Where windows must end before: the end of the stack less room for the next window's function, and for arguments
    /// that move up by one.
    stack_limit: *mut Value,
    /// The first one is never used: `frame` stands there when nothing runs.
    frames: *mut Frame,
    /// The running frame.
    pub(super) frame: *mut Frame,
    /// The last frame that there may be.
    last_frame: *mut Frame,
    /// The exception being handled: `NONE`, an exception, or `INHERITED`.
    pub(super) handled: Value,
    /// The last `run` left by a yield, not a return.
    pub(super) yielded: bool,
    /// `sys.set_asyncgen_hooks`: first iteration, finalizer.
    pub(super) asyncgen_hooks: [Value; 2],
    /// The exception under way has its context already.
    pub(super) context_done: bool,
    /// The last yield was an item of an async generator, not its awaiting.
    pub(super) async_item: bool,
    /// The exception under way belongs to the native caller of the loop.
    pub(super) leaving: bool,
    /// The exception under way continues its unwinding: no traceback entry, no context.
    pub(super) reraising: bool,
    /// What was sent to a generator that stands at an `Await`.
    pub(super) sent: Value,
    /// What a handler passes to `Vm::run`: a result or an exception.
    pub(super) passed: Value,
    /// Native calls of the machine by natives, and the most there may be.
    pub(super) native_depth: usize,
    /// Below this address of the native stack no further native recursion is started; 0 until known.
    pub(super) native_stack_floor: usize,
    /// Containers whose repr is being made.
    pub(super) repr_active: Vec<u64>,
    /// Frame objects of what runs.
    pub(super) frame_objects: BTreeMap<LevelKey, Value>,
    /// Finalizers or callbacks are running.
    pub(super) finalizing: bool,
    /// `sys.set_coroutine_origin_tracking_depth`.
    pub(super) origin_depth: usize,
    /// The context that `contextvars` has in force, or `UNDEF`.
    pub(super) context: Value,
    /// Where it is parked while another thread runs.
    pub(super) slot: usize,
    /// Where the thread sleeps.
    pub(super) parker: Arc<Parker>,
    /// What a new thread is to run with.
    pub(super) argument: Value,
    /// A script started it; else it is a native thread that came to the interpreter.
    pub(super) is_scripts: bool,
    /// It belongs to no thread at present.
    pub(super) idle: bool,
    /// Its thread has ended.
    pub(super) over: bool,
}

impl ThreadState {
    pub(super) fn new() -> ThreadState {
        ThreadState::try_new().unwrap_or_else(|| alloc::handle_alloc_error(stack_layout()))
    }

    /// A new state, unless the system has no memory for it.
    #[cold]
    pub(super) fn try_new() -> Option<ThreadState> {
        // SAFETY: both layouts have a size. Zero words are ints, no pointers.
        let (stack, frames) = unsafe {
            (alloc::alloc_zeroed(stack_layout()).cast::<Value>(), alloc::alloc(frames_layout()).cast::<Frame>())
        };
        let state = ThreadState {
            stack,
            stack_limit: stack.wrapping_add(STACK - 8),
            frames,
            frame: frames,
            last_frame: frames.wrapping_add(1000),
            handled: Value::NONE,
            yielded: false,
            reraising: false,
            asyncgen_hooks: [Value::NONE, Value::NONE],
            context_done: false,
            async_item: false,
            leaving: false,
            sent: Value::NONE,
            passed: Value::UNDEF,
            native_depth: 0,
            native_stack_floor: 0,
            repr_active: Vec::new(),
            frame_objects: BTreeMap::new(),
            finalizing: false,
            origin_depth: 0,
            context: Value::UNDEF,
            slot: 0,
            parker: first_parker(),
            argument: Value::NONE,
            is_scripts: false,
            idle: false,
            over: false,
        };
        if stack.is_null() || frames.is_null() { None } else { Some(state) }
    }

    /// A number that no other living thread of the process has: where its registers are.
    pub(super) fn ident(&self) -> u64 {
        self.stack as u64
    }

    /// The most frames that `sys.setrecursionlimit` allows; what the frame array cannot hold is cut off.
    pub(super) fn set_recursion_limit(&mut self, n: usize) {
        self.last_frame = self.frames.wrapping_add(n.min(FRAMES - SPARE_FRAMES));
    }

    /// How many frames there are.
    #[inline(always)]
    pub(super) fn depth(&self) -> usize {
        (self.frame as usize - self.frames as usize) / size_of::<Frame>()
    }

    /// The most frames there may be.
    #[inline(always)]
    pub(super) fn recursion_limit(&self) -> usize {
        (self.last_frame as usize - self.frames as usize) / size_of::<Frame>()
    }

    /// Whether there is room for a frame above the running one.
    #[inline(always)]
    pub(super) fn has_frame(&self) -> bool {
        self.frame < self.last_frame
    }

    /// Whether the stack has room for a window that ends at `top`.
    #[inline(always)]
    pub(super) fn fits(&self, top: *mut Value) -> bool {
        top < self.stack_limit
    }

    /// Whether there is room for a frame above the running one whose window ends at `top`.
    #[inline(always)]
    pub(super) fn has_room(&self, top: *mut Value) -> bool {
        self.has_frame() && self.fits(top)
    }

    /// Lets go of all values, at the end of the thread.
    pub(super) fn clear(&mut self) {
        self.handled = Value::NONE;
        self.asyncgen_hooks = [Value::NONE, Value::NONE];
        self.sent = Value::NONE;
        self.context = Value::UNDEF;
        self.argument = Value::NONE;
        self.frame_objects.clear();
    }

    /// The running frame.
    pub(super) fn current(&self) -> Option<&Frame> {
        // SAFETY: `frame` points to the last of `depth` initialised frames.
        if self.depth() == 0 { None } else { Some(unsafe { &*self.frame }) }
    }

    /// The frame `n` below the running one.
    pub(super) fn nth(&self, n: usize) -> Option<&Frame> {
        // SAFETY: as above.
        if n < self.depth() { Some(unsafe { &*self.frame.sub(n) }) } else { None }
    }

    /// Where a window for a call from native code begins.
    pub(super) fn top(&self) -> *mut Value {
        self.current().map_or(self.stack, |f| f.top)
    }
}

impl Drop for ThreadState {
    fn drop(&mut self) {
        // SAFETY: allocated in `try_new` with the same layouts; all frames have been left.
        unsafe {
            if !self.stack.is_null() {
                alloc::dealloc(self.stack.cast(), stack_layout());
            }
            if !self.frames.is_null() {
                alloc::dealloc(self.frames.cast(), frames_layout());
            }
        }
    }
}

/// Code that functions have given up, and functions that generators have, while frames may still run them.
#[derive(Default)]
pub(super) struct Retired {
    values: Vec<Value>,
    /// So many make it worth looking which of them run.
    look_at: usize,
}

fn stack_layout() -> alloc::Layout {
    alloc::Layout::array::<Value>(STACK).expect("a constant layout")
}

fn frames_layout() -> alloc::Layout {
    alloc::Layout::array::<Frame>(FRAMES).expect("a constant layout")
}

impl Vm {
    /// Keeps code and functions alive as long as a frame runs them: frames do not own what they run.
    pub(super) fn retire(&mut self, values: Vec<Value>) {
        self.retired.values.extend(values);
        if self.retired.values.len() >= self.retired.look_at {
            self.free_retired();
            self.retired.look_at = 2 * self.retired.values.len() + 16;
        }
    }

    /// Lets go of what was retired and runs in no thread's frames any more.
    ///
    /// Between a call's look at its function's code and its frame no script code runs (see [`Vm::meet_limits`]), so
    /// nobody but frames can refer to it.
    pub(super) fn free_retired(&mut self) {
        if self.retired.values.is_empty() {
            return;
        }
        let mut running = HashSet::new();
        for thread in std::iter::once(&self.thread).chain(self.parked.iter().flatten()) {
            for frame in (0..thread.depth()).filter_map(|n| thread.nth(n)) {
                running.insert(frame.code as usize);
                running.insert(frame.func as usize);
            }
        }
        let (keep, free): (Vec<Value>, Vec<Value>) = std::mem::take(&mut self.retired.values)
            .into_iter()
            .partition(|v| running.contains(&(Header::payload::<u8>(v.ptr()) as usize)));
        self.retired.values = keep;
        drop(free);
    }

    /// Pushes a frame. The caller has put the function below the window and the arguments into it.
    ///
    /// # Safety
    /// `regs` are registers for the code (a generator's), or a window of the stack that ends at `top`, which is
    /// checked here to be inside it; `code` and `func` stay alive while the frame exists.
    #[inline(always)]
    pub(super) unsafe fn push_frame(
        &mut self,
        code: *const CodeObject,
        func: *const Function,
        regs: *mut Value,
        top: *mut Value,
        dst: u16,
        flags: u8,
    ) -> R<*mut Frame> {
        let left = self.heap.ticks.get().saturating_sub(1);
        self.heap.ticks.set(left);
        if left < 0 {
            self.meet_limits()?;
        }
        let t = &mut self.thread;
        // SAFETY: the code is alive; the frame array has room up to its last frame.
        unsafe {
            if !t.has_room(top) {
                return Err(self.too_deep());
            }
            let frame = t.frame.add(1);
            Frame::begin(frame, code, func, regs, top, dst);
            (*frame).flags = flags;
            t.frame = frame;
            Ok(frame)
        }
    }

    /// Takes the running frame off. Its registers must be clean already.
    #[inline(always)]
    pub(super) fn pop_frame(&mut self) -> Frame {
        // SAFETY: there is a frame, and it is read once.
        unsafe {
            if (*self.thread.frame).flags & frame_flag::OBSERVED != 0 {
                self.frame_left();
            }
            let frame = self.thread.frame.read();
            self.thread.frame = self.thread.frame.sub(1);
            frame
        }
    }

    #[cold]
    fn too_deep(&mut self) -> super::exception::Raised {
        // Room to make the exception and to run its handlers.
        let limit = self.thread.last_frame;
        self.thread.last_frame = limit.wrapping_add(50).min(self.thread.frames.wrapping_add(FRAMES - 11));
        let e = self.recursion_error("maximum recursion depth exceeded");
        self.thread.last_frame = limit;
        e
    }

    /// Sets the recursion limit (`sys.setrecursionlimit`) of this thread, and of the others when they run next.
    pub fn set_recursion_limit(&mut self, n: usize) {
        self.limits.recursion = n;
        self.thread.set_recursion_limit(n);
    }

    /// The recursion limit.
    pub fn recursion_limit(&self) -> usize {
        self.limits.recursion
    }

    /// How many frames are running.
    pub fn depth(&self) -> usize {
        self.thread.depth()
    }

    /// Whether the innermost coroutine that runs is this one: it awaits no other, and none was entered since.
    pub fn is_innermost_coroutine(&self, g: &Ref<Generator>) -> bool {
        (0..self.thread.depth())
            .filter_map(|n| self.thread.nth(n).filter(|f| !f.generator.is_null()))
            .find(|f| {
                // SAFETY: a running frame's code is alive.
                let flags = unsafe { (*f.code).flags() };
                flags.has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
            })
            .is_some_and(|f| g.value().header().is_some_and(|h| std::ptr::eq(h, f.generator)))
    }

    /// The exception being handled, or `None`.
    pub fn handled(&self) -> Value {
        if !self.thread.handled.is(&Value::INHERITED) {
            return self.thread.handled.clone();
        }
        // Up the chain of awaiting generators, then down the frames.
        for n in 0..self.thread.depth() {
            let Some(f) = self.thread.nth(n) else { break };
            if f.generator.is_null() {
                continue;
            }
            if let Some(h) = handled_above(f) {
                return h;
            }
            if !f.aux.is(&Value::INHERITED) {
                return f.aux.clone();
            }
        }
        Value::NONE
    }

    /// The code of a frame, as a value.
    pub(super) fn frame_code(&self, f: &Frame) -> Ref<CodeObject> {
        // SAFETY: a frame's code is alive.
        unsafe { handle_of(f.code) }
    }
}

/// What the generators handle that await a frame's running one, the nearest first.
fn handled_above(f: &Frame) -> Option<Value> {
    let mut g = f.generator;
    // SAFETY: generators of running frames are alive, and links of running chains are right.
    unsafe {
        while g != f.root {
            g = (*Header::payload::<Generator>(g)).link;
            if g.is_null() {
                break;
            }
            let h = &(*Header::payload::<Generator>(g)).handled;
            if !h.is(&Value::INHERITED) {
                return Some(h.clone());
            }
        }
    }
    None
}
