//! Limits, interruption and the safe point.
//!
//! One counter on the heap, `ticks`, goes down at calls and back-edges. When it runs out, or when something set
//! it to zero, the machine comes to [`Vm::checkpoint`], which serves finalizers, the cycle collector, the memory
//! limit, fuel, and requests of other threads. Between two checkpoints lie at most [`SLICE`] ticks, so requests
//! of other threads need no flag on the hot path.

use super::exception::Raised;
use super::threads::Parker;
use super::value::Value;
use super::{R, Vm};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

/// Ticks between checkpoints.
pub(super) const SLICE: i32 = 4096;

/// So many bytes of the system's memory are kept free of large requests and growing containers, for all that cannot be
/// refused: Rust ends a process whose small allocations fail. More than any allocator serves out of what it keeps.
const HEADROOM: usize = 48 << 20;
/// Requests for less are not asked for one by one.
const ASKED: usize = 1 << 20;
/// Whenever the heap has grown by so much, the system is asked whether there is headroom.
const STRIDE: usize = 8 << 20;

/// Whether the system would give so many bytes at once.
fn system_has(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// Bits of [`Shared::requests`].
pub mod request {
    /// Stop for good: nothing catches it.
    pub const STOP: u32 = 1;
    /// Raise KeyboardInterrupt.
    pub const INTERRUPT: u32 = 2;
    /// Another thread wants the lock.
    pub const YIELD_LOCK: u32 = 4;
    /// Calls wait in the inbox.
    pub const INBOX: u32 = 8;
    /// The interpreter is ending: all threads but the main one stop for good.
    pub const CLOSING: u32 = 16;
    /// A signal has come.
    pub const SIGNAL: u32 = 32;
}

/// What a native does at the next checkpoint on behalf of another thread.
pub type Job = Box<dyn FnOnce(&mut Vm) -> R<()> + Send>;

/// What other threads can reach.
#[derive(Default)]
pub struct Shared {
    /// See [`request`].
    pub requests: AtomicU32,
    inbox: Mutex<Vec<Job>>,
    /// Where the interpreter's threads sleep.
    parkers: Mutex<Vec<Arc<Parker>>>,
}

impl Shared {
    /// Sets bits of [`request`], and wakes threads that sleep. Not for signal handlers: it takes a lock.
    pub fn request(&self, bits: u32) {
        self.requests.fetch_or(bits, Ordering::SeqCst);
        if bits & !request::YIELD_LOCK != 0 {
            self.wake();
        }
    }

    /// Wakes threads that sleep.
    fn wake(&self) {
        if let Ok(parkers) = self.parkers.lock() {
            for p in parkers.iter() {
                p.notify();
            }
        }
    }

    pub(super) fn add_parker(&self, p: &Arc<Parker>) {
        if let Ok(mut parkers) = self.parkers.lock() {
            parkers.push(p.clone());
        }
    }

    pub(super) fn remove_parker(&self, p: &Arc<Parker>) {
        if let Ok(mut parkers) = self.parkers.lock() {
            parkers.retain(|q| !Arc::ptr_eq(p, q));
        }
    }

    /// Sets bits again that another thread must serve, or that stay set.
    fn keep(&self, bits: u32) {
        self.requests.fetch_or(bits, Ordering::SeqCst);
    }

    /// Leaves a job for the interpreter's next checkpoint.
    pub fn post(&self, job: Job) {
        if let Ok(mut inbox) = self.inbox.lock() {
            inbox.push(job);
        }
        self.request(request::INBOX);
    }

    fn put_back(&self, jobs: impl ExactSizeIterator<Item = Job>) {
        if jobs.len() > 0
            && let Ok(mut inbox) = self.inbox.lock()
        {
            inbox.splice(0..0, jobs);
            drop(inbox);
            self.keep(request::INBOX);
        }
    }

    fn take(&self) -> Vec<Job> {
        self.inbox.lock().map(|mut i| std::mem::take(&mut *i)).unwrap_or_default()
    }
}

/// Why a script was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// The handle's `stop`.
    Stopped,
    /// The fuel is used up.
    OutOfFuel,
    /// Over the memory limit, and the script went on after MemoryError.
    OutOfMemory,
}

/// The limits of an interpreter.
pub(crate) struct Limits {
    /// What is left of the fuel; `None`: no bound.
    pub(super) fuel: Option<u64>,
    /// `sys.setrecursionlimit`.
    pub(super) recursion: usize,
    /// Ticks that the running slice began with.
    pub(super) slice: i32,
    /// Why the script is being stopped.
    pub(super) halt: Option<Halt>,
    /// A MemoryError was raised for being over the limit; so much more is allowed to handle it.
    pub(super) memory_grace: usize,
    /// The largest request that the system was found able to meet, when so many bytes were in use.
    granted: (usize, usize),
    /// Serves signals.
    on_signal: Option<fn(&mut Vm) -> R<()>>,
    /// How often requests were served.
    served: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            fuel: None,
            recursion: 1000,
            slice: 0,
            halt: None,
            memory_grace: 0,
            granted: (0, 0),
            on_signal: None,
            served: 0,
        }
    }
}

impl Vm {
    /// What the hot path calls when the ticks have run out.
    ///
    /// # Errors
    /// The exception that a limit, a signal or another thread asked for; finalizers' exceptions are reported,
    /// not raised.
    #[cold]
    #[inline(never)]
    pub fn checkpoint(&mut self) -> R<()> {
        self.refill()?;
        self.heap.pending.set(false);
        self.send_held();
        if !self.bells.is_empty() {
            self.ring_bells();
        }
        if self.shared.requests.load(Ordering::Relaxed) != 0 {
            let bits = self.shared.requests.swap(0, Ordering::SeqCst);
            self.serve_requests(bits)?;
        }
        if self.heap.young.get() > self.heap.threshold.get() {
            self.collect_if_enabled();
        }
        self.run_finalizers();
        if self.limits.halt.is_some() {
            // A finalizer met it: it cannot raise, so it is met again here.
            return Err(Raised::halt());
        }
        self.check_memory()
    }

    /// Whether finalizers or weak reference callbacks wait for the next checkpoint.
    #[inline]
    pub fn has_pending(&self) -> bool {
        self.heap.pending.get()
    }

    /// Makes the next checkpoint come after few ticks.
    pub(super) fn checkpoint_soon(&mut self) {
        const SOON: i32 = 500;
        let early = self.heap.ticks.get() - SOON;
        if early > 0 {
            self.limits.slice -= early;
            self.heap.ticks.set(SOON);
        }
    }

    /// What stands for a checkpoint where script code must not run: in the middle of natives and where a frame's
    /// arguments already lie above the stack. Limits and the host's stop are met; all else waits for the next
    /// checkpoint.
    ///
    /// # Errors
    /// That of a limit, or the end that another thread asked for.
    #[cold]
    #[inline(never)]
    pub(super) fn meet_limits(&mut self) -> R<()> {
        self.refill()?;
        let bits = self.shared.requests.load(Ordering::Relaxed);
        if bits & request::STOP != 0 {
            return Err(self.halt(Halt::Stopped));
        }
        if bits & request::CLOSING != 0 && self.thread.is_scripts {
            return Err(Raised::halt());
        }
        if self.limits.halt.is_some() {
            return Err(Raised::halt());
        }
        if bits != 0 || self.heap.pending.get() || self.heap.young.get() > self.heap.threshold.get() {
            self.limits.slice = 0;
            self.heap.ticks.set(0);
        }
        self.check_memory()
    }

    /// Pays for the slice that is over and begins the next.
    fn refill(&mut self) -> R<()> {
        let used = (self.used() - self.heap.unused.take()).max(0);
        let mut next = SLICE;
        if let Some(fuel) = &mut self.limits.fuel {
            *fuel = fuel.saturating_sub(used as u64);
            if *fuel == 0 {
                self.limits.slice = 0;
                self.heap.ticks.set(0);
                return Err(self.halt(Halt::OutOfFuel));
            }
            next = next.min((*fuel).min(SLICE as u64) as i32);
        }
        self.limits.slice = next;
        self.heap.ticks.set(next);
        Ok(())
    }

    /// Ticks of the running slice that are gone.
    fn used(&self) -> i32 {
        self.limits.slice.saturating_sub(self.heap.ticks.get())
    }

    #[cold]
    fn serve_requests(&mut self, bits: u32) -> R<()> {
        self.limits.served = self.limits.served.wrapping_add(1);
        const MAIN_ALONE: u32 = request::INBOX | request::INTERRUPT | request::SIGNAL;
        let main = self.is_main_thread();
        // These stay: a script cannot outlive a stop, and every thread must meet it.
        self.shared.keep(bits & (request::STOP | request::CLOSING) | if main { 0 } else { bits & MAIN_ALONE });
        if bits & request::STOP != 0 {
            return Err(self.halt(Halt::Stopped));
        }
        if bits & request::CLOSING != 0 && self.thread.is_scripts {
            return Err(Raised::halt());
        }
        if bits & request::YIELD_LOCK != 0 {
            self.yield_lock();
        }
        if !main {
            return Ok(());
        }
        if bits & request::INBOX != 0 {
            let mut jobs = self.shared.clone().take().into_iter();
            while let Some(job) = jobs.next() {
                if let Err(e) = job(self) {
                    // The rest comes at the next checkpoint.
                    self.shared.put_back(jobs);
                    self.shared.keep(bits & (request::INTERRUPT | request::SIGNAL));
                    return Err(e);
                }
            }
        }
        if bits & request::SIGNAL != 0
            && let Some(serve) = self.limits.on_signal
            && let Err(e) = serve(self)
        {
            self.shared.keep(bits & request::INTERRUPT);
            return Err(e);
        }
        if bits & request::INTERRUPT != 0 {
            let class = self.exc.KeyboardInterrupt.clone();
            let e = self.new_exception(&class, Vec::new());
            return Err(self.raise(e.into_value()));
        }
        Ok(())
    }

    /// A number that changes whenever requests of other threads, or signals, are served.
    pub fn requests_served(&self) -> u64 {
        self.limits.served
    }

    /// Says who serves signals, at safe points.
    pub fn set_signal_server(&mut self, serve: fn(&mut Vm) -> R<()>) {
        self.limits.on_signal = Some(serve);
    }

    pub(super) fn halt(&mut self, why: Halt) -> Raised {
        self.limits.halt = Some(why);
        // Threads that wait for this one must not wait for ever.
        self.shared.wake();
        Raised::halt()
    }

    /// Whether the script is being stopped.
    pub(super) fn is_halted(&self) -> bool {
        self.limits.halt.is_some()
    }

    /// Why the last run was stopped, if it was.
    pub fn take_halt(&mut self) -> Option<Halt> {
        self.limits.halt.take()
    }

    /// Bounds the work of scripts, in ticks: one for each call and loop iteration, and more for natives in
    /// proportion to what they do. `None` takes the bound away.
    pub fn set_fuel(&mut self, fuel: Option<u64>) {
        self.limits.fuel = fuel;
        self.limits.slice = 0;
        self.heap.ticks.set(0);
        self.heap.unused.set(0);
    }

    /// What is left of the fuel.
    pub fn fuel(&self) -> Option<u64> {
        let used = (self.used() - self.heap.unused.get()).max(0) as u64;
        self.limits.fuel.map(|f| f.saturating_sub(used))
    }

    /// Bounds the bytes in use; `usize::MAX`: no bound.
    pub fn set_memory_limit(&mut self, bytes: usize) {
        self.limits.memory_grace = 0;
        self.heap.set_limit(bytes);
    }

    /// The bound on the bytes in use, if there is one.
    pub fn memory_limit(&self) -> Option<usize> {
        Some(self.heap.limit()).filter(|&n| n != usize::MAX)
    }

    /// How many objects are alive.
    pub fn live_objects(&self) -> usize {
        self.heap.objects()
    }

    /// How many bytes the objects use, with what they own.
    pub fn memory_used(&self) -> usize {
        self.heap.bytes()
    }

    fn check_memory(&mut self) -> R<()> {
        let (bytes, limit) = (self.heap.bytes(), self.heap.limit());
        if bytes <= limit {
            return if bytes <= self.heap.watermark() { Ok(()) } else { self.check_system() };
        }
        if self.limits.memory_grace == 0 {
            self.collect_garbage();
            if self.heap.bytes() <= limit {
                return Ok(());
            }
            self.allow_grace(limit);
            return Err(self.memory_error(""));
        }
        Err(self.halt(Halt::OutOfMemory))
    }

    /// Lets a script that has met its limit have somewhat more, once, for handling the error.
    fn allow_grace(&mut self, limit: usize) {
        let grace = limit / 16 + 64 * 1024;
        self.limits.memory_grace = grace;
        self.heap.set_limit(limit.saturating_add(grace));
    }

    /// What the refusal of a request raises.
    #[cold]
    #[inline(never)]
    fn refuse_request(&mut self) -> Raised {
        /// More than an exception and its traceback take.
        const ERROR: usize = 4096;
        let limit = self.heap.limit();
        if self.limits.memory_grace == 0 && limit.saturating_sub(self.heap.bytes()) < ERROR {
            // Else the error itself would exceed the limit, and the next checkpoint raise it again in its handler.
            self.allow_grace(limit);
        }
        self.memory_error("")
    }

    /// Looks whether the system has memory left for the many small things that are not asked for one by one.
    #[cold]
    fn check_system(&mut self) -> R<()> {
        if !system_has(HEADROOM) {
            self.collect_garbage();
            if !system_has(HEADROOM) {
                // What is left is for handling the error.
                self.heap.set_watermark(self.heap.bytes().saturating_add(HEADROOM / 16));
                return Err(if system_has(HEADROOM / 3) {
                    self.memory_error("")
                } else {
                    self.halt(Halt::OutOfMemory)
                });
            }
        }
        self.heap.set_watermark(self.heap.bytes().saturating_add(STRIDE));
        Ok(())
    }

    /// Asks for permission to allocate `bytes` at once. What natives make is often a buffer first and then an object of
    /// the same size, so the system must have twice as much.
    ///
    /// # Errors
    /// MemoryError when the limit does not allow it, or the system has not so much.
    #[inline]
    pub fn check_alloc(&mut self, bytes: usize) -> R<()> {
        let left = self.heap.limit().saturating_sub(self.heap.bytes());
        if bytes > left || bytes >= ASKED && !self.system_grants(bytes.saturating_mul(2)) {
            return Err(self.refuse_request());
        }
        Ok(())
    }

    /// Asks the system for memory that a growing container is about to take: it has `len` items of `size` bytes and
    /// room for `room`, and shall get so many more. The memory limit is met afterwards, by what it really took.
    ///
    /// # Errors
    /// MemoryError when the system has not so much.
    #[inline(always)]
    pub fn check_growth(&mut self, len: usize, room: usize, more: usize, size: usize) -> R<()> {
        if room - len >= more { Ok(()) } else { self.check_larger(len, room, more, size) }
    }

    /// Asks for permission to put so many more items into a buffer that grows as vectors do.
    ///
    /// # Errors
    /// MemoryError when the limit does not allow it, or the system has not so much.
    #[inline]
    pub fn check_buffer<T>(&mut self, buffer: &Vec<T>, more: usize) -> R<()> {
        self.check_alloc(buffer.len().saturating_add(more).saturating_mul(size_of::<T>()))?;
        self.check_growth(buffer.len(), buffer.capacity(), more, size_of::<T>())
    }

    #[cold]
    #[inline(never)]
    fn check_larger(&mut self, len: usize, room: usize, more: usize, size: usize) -> R<()> {
        let bytes = room.saturating_mul(2).max(len.saturating_add(more)).saturating_mul(size);
        if bytes >= ASKED && !self.system_grants(bytes) { Err(self.memory_error("")) } else { Ok(()) }
    }

    /// Whether the system has so many bytes and some more. What it was asked lately is not asked again, since buffers
    /// ask whenever they grow a little.
    #[cold]
    fn system_grants(&mut self, bytes: usize) -> bool {
        let (granted, at) = self.limits.granted;
        let now = self.heap.bytes();
        if bytes <= granted && now <= at.saturating_add(STRIDE) {
            return true;
        }
        for n in [bytes.saturating_mul(2), bytes] {
            if system_has(n.saturating_add(HEADROOM)) {
                self.limits.granted = (n, now);
                return true;
            }
        }
        self.limits.granted = (0, 0);
        false
    }

    /// Pays for `n` units of native work, and looks whether the script must stop.
    ///
    /// # Errors
    /// What [`checkpoint`](Self::checkpoint) raises.
    #[inline]
    pub fn tick(&mut self, n: usize) -> R<()> {
        let left = self.heap.ticks.get().saturating_sub(n.min(i32::MAX as usize / 2) as i32);
        self.heap.ticks.set(left);
        if left < 0 { self.checkpoint_in_native() } else { Ok(()) }
    }

    /// The checkpoint of natives. It does not hand over the lock: what a native does to a container is one step for
    /// other threads, and scripts rely on `list(d)` and `sorted(s)` being so. The next call or back-edge of a script
    /// serves those that wait.
    #[cold]
    #[inline(never)]
    fn checkpoint_in_native(&mut self) -> R<()> {
        if self.shared.requests.load(Ordering::Relaxed) & request::YIELD_LOCK == 0 {
            return self.checkpoint();
        }
        self.shared.requests.fetch_and(!request::YIELD_LOCK, Ordering::SeqCst);
        let done = self.checkpoint();
        self.shared.keep(request::YIELD_LOCK);
        self.limits.slice = 0;
        self.heap.ticks.set(0);
        done
    }

    /// Pays for `n` units of native work that is done; whether that was too much is seen later.
    #[inline]
    pub fn charge(&self, n: usize) {
        self.heap.ticks.set(self.heap.ticks.get().saturating_sub(n.min(i32::MAX as usize / 2) as i32));
    }

    /// Pays for turning a number of so many bits into digits, or digits into the number.
    ///
    /// # Errors
    /// What [`checkpoint`](Self::checkpoint) raises.
    pub fn tick_digits(&mut self, bits: u64) -> R<()> {
        let words = (bits / 64).min(1 << 30) as usize;
        self.tick((words * words.isqrt() / 4).min(1 << 30))
    }

    /// Begins a step of native recursion (repr, comparison, calls of scripts by natives, …).
    ///
    /// # Errors
    /// RecursionError when the native stack is nearly used up; what a limit raises: each step costs a tick.
    #[inline]
    pub fn enter_native(&mut self) -> R<()> {
        let marker = 0u8;
        let here = &raw const marker as usize;
        if here < self.thread.native_stack_floor {
            return Err(self.native_too_deep());
        }
        let left = self.heap.ticks.get().saturating_sub(1);
        self.heap.ticks.set(left);
        if left < 0 {
            self.meet_limits()?;
        }
        self.thread.native_depth += 1;
        Ok(())
    }

    /// Ends it.
    #[inline]
    pub fn leave_native(&mut self) {
        self.thread.native_depth -= 1;
    }

    /// Runs `f` as one step of native recursion.
    ///
    /// # Errors
    /// RecursionError when the native stack is nearly used up; what `f` raises.
    #[inline]
    pub fn guarded<T>(&mut self, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
        self.enter_native()?;
        let result = f(self);
        self.leave_native();
        result
    }

    #[cold]
    fn native_too_deep(&mut self) -> Raised {
        self.recursion_error("maximum recursion depth exceeded")
    }

    /// Says how much native stack this thread may use from here on, in bytes.
    pub fn set_native_stack(&mut self, bytes: usize) {
        let marker = 0u8;
        let here = &raw const marker as usize;
        self.thread.native_stack_floor = here.saturating_sub(bytes);
    }

    /// How much native stack this thread may still use, in bytes.
    pub fn native_stack_left(&self) -> usize {
        let marker = 0u8;
        (&raw const marker as usize).saturating_sub(self.thread.native_stack_floor)
    }

    /// Runs the finalizers and weak reference callbacks that wait.
    pub(super) fn run_finalizers(&mut self) {
        if self.thread.finalizing {
            return;
        }
        self.thread.finalizing = true;
        while self.limits.halt.is_none() {
            let mut callbacks = self.heap.take_callbacks().into_iter();
            let mut finalizers = self.heap.take_finalizers().into_iter();
            if callbacks.len() + finalizers.len() == 0 {
                break;
            }
            while self.limits.halt.is_none()
                && let Some(w) = callbacks.next()
            {
                self.weakref_callback(&w);
            }
            while self.limits.halt.is_none()
                && let Some(v) = finalizers.next()
            {
                self.finalize(v);
            }
            // When a script is stopped, the finalizers that have not run yet wait for the next one.
            self.heap.put_back(callbacks, finalizers);
        }
        self.thread.finalizing = false;
    }

    /// Says that an object has nothing to finalize any more.
    pub fn spare_finalizer(&self, v: &Value) {
        if let Some(h) = v.header() {
            h.set_flag(super::object::flag::FINALIZED);
        }
    }

    /// Runs one object's finalizer; the object dies afterwards unless the finalizer kept it.
    pub(super) fn finalize(&mut self, v: Value) {
        let Some(h) = v.header() else { return };
        if h.has_flag(super::object::flag::FINALIZED) {
            return;
        }
        h.set_flag(super::object::flag::FINALIZED);
        if v.is_a::<super::generator::Generator>() {
            self.finalize_generator(&v);
            return;
        }
        if let Some(del) = self.special(&v, super::special::Special::Del) {
            let saved = std::mem::replace(&mut self.thread.handled, Value::NONE);
            let result = self.call_special(&del, &v, &[]);
            self.thread.handled = saved;
            if let Err(e) = result {
                self.unraisable(e, &del, Some("Exception ignored while calling deallocator"));
            }
        }
    }
}
