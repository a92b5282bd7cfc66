//! Threads of one interpreter: the lock they share, handing it over, and what each of them keeps.
//!
//! Whoever holds `&mut Vm` holds the interpreter's [`Lock`]. The pointer to the machine travels through the lock:
//! who lets it go puts the pointer in, who gets it takes the pointer out. A thread that comes back from
//! [`Vm::unlocked`] goes on with the reference it had, under the same rule.
//!
//! Each thread has a `ThreadState`. The state of the last holder stays in the machine until another thread needs the
//! place; then it is parked in `Vm::parked` under its slot. So a thread that gives the lock up and takes it back
//! with nobody in between moves nothing.
//!
//! A waiting thread asks for the lock after [`Lock::interval`] by a bit of `Shared::requests`; the holder hands it over
//! at its next checkpoint, to the thread that waits longest. While nobody waits, nothing of this is on the hot path.

use super::exception::Raised;
use super::frame::ThreadState;
use super::limits::{Shared, request};
use super::spin::Spin;
use super::value::Value;
use super::{R, Vm};
use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread waits before it asks for the lock, unless `sys.setswitchinterval` says otherwise.
const SWITCH_INTERVAL: Duration = Duration::from_millis(5);
/// Native stack of a script's thread, unless `threading.stack_size` says otherwise. Only what is used becomes memory.
const NATIVE_STACK: usize = 16 << 20;
/// What of the native stack natives leave alone: room for what does not check.
const STACK_RESERVE: usize = 256 << 10;
/// The slot of the main thread's state.
const MAIN: usize = 0;

fn locked<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where one thread sleeps, and what wakes it.
pub struct Parker {
    thread: std::thread::Thread,
    /// The system's number of the thread.
    system: i32,
    notified: AtomicBool,
    /// What to call as well, while the thread waits for something else than its parker.
    waker: Mutex<Option<Waker>>,
    spin: Spin,
}

/// Wakes a thread out of a wait of its own kind.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Somebody to be woken.
pub enum Bell {
    /// A thread that sleeps.
    Parker(Arc<Parker>),
    /// A thread in a wait of its own kind.
    Waker(Waker),
}

impl Bell {
    fn ring(self) {
        match self {
            Bell::Parker(p) => p.notify(),
            Bell::Waker(wake) => wake(),
        }
    }
}

impl Parker {
    /// The calling thread's.
    fn current() -> Arc<Parker> {
        Arc::new(Parker {
            thread: std::thread::current(),
            system: nix::unistd::gettid().as_raw(),
            notified: AtomicBool::new(false),
            waker: Mutex::new(None),
            spin: Spin::default(),
        })
    }

    /// Ends the thread's present wait, or its next one.
    pub fn notify(&self) {
        if !self.notified.swap(true, Ordering::SeqCst) {
            self.thread.unpark();
        }
        let waker = locked(&self.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Waits until notified (true) or until that time (false).
    fn wait(&self, until: Option<Instant>) -> bool {
        self.spin.look(|| self.notified.load(Ordering::Relaxed));
        self.sleep(until)
    }

    /// The same where nothing is expected before that time.
    fn sleep(&self, until: Option<Instant>) -> bool {
        loop {
            if self.notified.swap(false, Ordering::SeqCst) {
                return true;
            }
            match until {
                None => std::thread::park(),
                Some(t) => {
                    let left = t.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    std::thread::park_timeout(left);
                }
            }
        }
    }
}

/// The interpreter's lock.
pub(super) struct Lock {
    state: Mutex<LockState>,
    /// Nanoseconds until a waiting thread asks for it.
    interval: AtomicU64,
}

struct LockState {
    /// The machine, while nobody holds the lock.
    free: Option<NonNull<Vm>>,
    /// Who waits, in the order of arrival.
    queue: VecDeque<Arc<Parker>>,
    /// The waiting thread that the lock was handed to.
    granted: Option<(Arc<Parker>, NonNull<Vm>)>,
    /// A waiting thread has asked.
    wanted: bool,
}

// SAFETY: the pointers inside are only followed by the thread that takes one out, which then holds the lock.
unsafe impl Send for LockState {}

impl Lock {
    /// A lock that the caller holds.
    pub(super) fn held() -> Arc<Lock> {
        let state = LockState { free: None, queue: VecDeque::new(), granted: None, wanted: false };
        Arc::new(Lock { state: Mutex::new(state), interval: AtomicU64::new(SWITCH_INTERVAL.as_nanos() as u64) })
    }

    fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.load(Ordering::Relaxed))
    }

    /// Lets the lock go. Who asked for it gets it; else whoever comes first.
    fn release(&self, vm: NonNull<Vm>) {
        let mut s = locked(&self.state);
        if s.wanted {
            s.wanted = false;
            if s.hand_over(vm) {
                return;
            }
        }
        s.free = Some(vm);
        let first = s.queue.front().cloned();
        drop(s);
        if let Some(p) = first {
            p.notify();
        }
    }

    /// Hands the lock to the thread that waits longest; false when nobody waits.
    fn hand_over(&self, vm: NonNull<Vm>) -> bool {
        let mut s = locked(&self.state);
        s.wanted = false;
        s.hand_over(vm)
    }

    /// Waits for the lock.
    fn acquire(&self, me: &Arc<Parker>, shared: &Shared) -> NonNull<Vm> {
        let mut s = locked(&self.state);
        if let Some(vm) = s.free.take() {
            return vm;
        }
        s.queue.push_back(me.clone());
        let mut since = Instant::now();
        loop {
            let first = s.queue.front().is_some_and(|p| Arc::ptr_eq(p, me));
            drop(s);
            // Only the first in the queue keeps the time; who becomes first is told.
            let notified = me.wait(if first { Some(since + self.interval()) } else { None });
            s = locked(&self.state);
            if let Some((_, vm)) = s.granted.take_if(|(p, _)| Arc::ptr_eq(p, me)) {
                return vm;
            }
            if let Some(vm) = s.free.take() {
                let was_first = s.queue.front().is_some_and(|p| Arc::ptr_eq(p, me));
                s.queue.retain(|p| !Arc::ptr_eq(p, me));
                if was_first && let Some(next) = s.queue.front() {
                    next.notify();
                }
                return vm;
            }
            if !notified && first {
                s.wanted = true;
                shared.request(request::YIELD_LOCK);
                since = Instant::now();
            } else if !first {
                since = Instant::now();
            }
        }
    }
}

impl LockState {
    fn hand_over(&mut self, vm: NonNull<Vm>) -> bool {
        let Some(p) = self.queue.pop_front() else { return false };
        self.granted = Some((p.clone(), vm));
        p.notify();
        if let Some(next) = self.queue.front() {
            next.notify();
        }
        true
    }
}

/// An interpreter that threads can come to. The last one to let it go takes the machine down.
pub(crate) struct Machine {
    lock: Arc<Lock>,
    shared: Arc<Shared>,
    poisoned: AtomicBool,
}

impl Machine {
    /// Gives a machine to whoever gets its lock first.
    pub(crate) fn new(mut vm: Box<Vm>) -> Arc<Machine> {
        let (lock, shared) = (vm.lock.clone(), vm.shared.clone());
        vm.thread.idle = true;
        let machine = Arc::new(Machine { lock: lock.clone(), shared, poisoned: AtomicBool::new(false) });
        vm.machine = Arc::downgrade(&machine);
        lock.release(NonNull::from(Box::leak(vm)));
        machine
    }

    /// What other threads can reach without the lock.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs `f` on the calling thread under the lock, with so many bytes of native stack.
    ///
    /// # Panics
    /// When a thread panicked under the lock before.
    pub(crate) fn attach<T>(&self, native_stack: usize, f: impl FnOnce(&mut Vm) -> T) -> T {
        let parker = Parker::current();
        let mut held = Held { vm: self.lock.acquire(&parker, &self.shared), machine: self };
        assert!(!self.poisoned.load(Ordering::Relaxed), "a thread panicked while it was attached to this interpreter");
        // SAFETY: this thread has the lock, and the machine lives until `self` goes.
        let vm = unsafe { held.vm.as_mut() };
        let slot = vm.idle_state();
        vm.enter_state(slot);
        vm.thread.parker = parker.clone();
        vm.thread.idle = false;
        self.shared.add_parker(&parker);
        vm.set_native_stack(native_stack);
        let result = f(vm);
        vm.thread.idle = true;
        result
    }

    /// Makes script threads stop: nobody uses the interpreter any more.
    pub(crate) fn close(&self) {
        self.shared.request(request::CLOSING);
    }
}

/// The lock, held by a native thread until this goes.
struct Held<'a> {
    vm: NonNull<Vm>,
    machine: &'a Machine,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.machine.poisoned.store(true, Ordering::Relaxed);
        }
        // SAFETY: this thread has the lock.
        let (parker, bells) = unsafe {
            let vm = self.vm.as_mut();
            (vm.thread.parker.clone(), std::mem::take(&mut vm.bells))
        };
        self.machine.shared.remove_parker(&parker);
        self.machine.lock.release(self.vm);
        bells.into_iter().for_each(Bell::ring);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let vm = locked(&self.lock.state).free.take();
        if let Some(vm) = vm {
            // SAFETY: it came from a box in `new`, nobody holds the lock, and nobody can come any more.
            drop(unsafe { Box::from_raw(vm.as_ptr()) });
        }
    }
}

/// The lock is given up; taken back when this goes, even by a panic.
struct Unlocked {
    vm: NonNull<Vm>,
    lock: Arc<Lock>,
    shared: Arc<Shared>,
    parker: Arc<Parker>,
    slot: usize,
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        self.lock.acquire(&self.parker, &self.shared);
        // SAFETY: this thread has the lock again; the reference that `vm` was made from is borrowed for the time.
        unsafe { self.vm.as_mut() }.enter_state(self.slot);
    }
}

/// What is known of one thread.
pub struct ThreadInfo {
    /// Its number in the interpreter; see [`Vm::thread_ident`].
    pub ident: u64,
    /// The frame that runs, or `None`.
    pub frame: Value,
    /// The exception it handles, or `None`.
    pub handled: Value,
    /// A script started it.
    pub is_scripts: bool,
}

impl Vm {
    /// Runs `f`, which may block, without the interpreter's lock, so that other threads run meanwhile. `f` cannot
    /// touch values: they are not `Send`.
    pub fn unlocked<T>(&mut self, f: impl FnOnce() -> T + Send) -> T {
        self.send_held();
        let bells = std::mem::take(&mut self.bells);
        let back = self.going();
        back.lock.release(back.vm);
        bells.into_iter().for_each(Bell::ring);
        let result = f();
        drop(back);
        result
    }

    /// As [`unlocked`](Self::unlocked), for a wait that `waker` ends when somebody asks the interpreter to stop or a
    /// signal came. `f` does not run when there is such a request already.
    pub fn unlocked_until<T>(&mut self, waker: &Waker, f: impl FnOnce() -> T + Send) -> Option<T> {
        super::signals::attend(&self.shared);
        let parker = self.thread.parker.clone();
        *locked(&parker.waker) = Some(waker.clone());
        let result = if self.is_called() { None } else { Some(self.unlocked(f)) };
        *locked(&parker.waker) = None;
        result
    }

    /// Sleeps without the lock until notified, until that time, or until there is a request to serve. The caller
    /// looks at what it waits for again, and calls [`checkpoint`](Self::checkpoint).
    pub fn park(&mut self, until: Option<Instant>) {
        self.rest(|parker| parker.wait(until));
    }

    fn rest(&mut self, wait: impl FnOnce(&Parker) -> bool + Send) {
        super::signals::attend(&self.shared);
        if !self.is_called() && !self.is_halted() {
            let parker = self.thread.parker.clone();
            self.unlocked(|| wait(&parker));
        }
    }

    /// Wakes a thread that needs the lock before all else: once this thread has let it go, or at its next checkpoint,
    /// which is near. A thread that is woken while the lock is held only goes to sleep again.
    pub fn wake_soon(&mut self, who: Bell) {
        self.bells.push(who);
        self.checkpoint_soon();
    }

    /// Wakes those of [`wake_soon`](Self::wake_soon) now.
    pub(super) fn ring_bells(&mut self) {
        std::mem::take(&mut self.bells).into_iter().for_each(Bell::ring);
    }

    /// What wakes this thread from [`park`](Self::park).
    pub fn parker(&self) -> Arc<Parker> {
        self.thread.parker.clone()
    }

    /// Sleeps without the lock for a time, or until a request raises.
    ///
    /// # Errors
    /// What [`checkpoint`](Self::checkpoint) raises.
    pub fn sleep(&mut self, time: Duration) -> R<()> {
        if time.is_zero() {
            self.yield_lock();
            self.unlocked(std::thread::yield_now);
            return self.checkpoint();
        }
        let until = Instant::now().checked_add(time);
        loop {
            self.rest(|parker| parker.sleep(until));
            self.checkpoint()?;
            if until.is_some_and(|t| Instant::now() >= t) {
                return Ok(());
            }
        }
    }

    /// There is a request that this thread must serve before it waits.
    fn is_called(&self) -> bool {
        let bits = self.shared.requests.load(Ordering::SeqCst);
        let mine = if self.is_main_thread() {
            request::STOP | request::INTERRUPT | request::INBOX | request::SIGNAL
        } else {
            request::STOP | request::CLOSING
        };
        bits & mine != 0
    }

    /// Lets the thread that waits longest run, if one waits.
    pub(super) fn yield_lock(&mut self) {
        if locked(&self.lock.state).queue.is_empty() {
            return;
        }
        self.ring_bells();
        // Who waits gets out of the queue by the lock alone, so it is still there.
        let back = self.going();
        if !back.lock.hand_over(back.vm) {
            back.lock.release(back.vm);
        }
        drop(back);
    }

    /// What brings this thread back once it has let the lock go.
    fn going(&mut self) -> Unlocked {
        Unlocked {
            lock: self.lock.clone(),
            shared: self.shared.clone(),
            parker: self.thread.parker.clone(),
            slot: self.thread.slot,
            vm: NonNull::from(&mut *self),
        }
    }

    /// Whether this is the thread that signals and interrupts come to.
    pub fn is_main_thread(&self) -> bool {
        self.thread.slot == MAIN
    }

    /// A number that no other living thread of the interpreter has.
    pub fn thread_ident(&self) -> u64 {
        self.thread.ident()
    }

    /// What `contextvars` has in force on this thread, or `UNDEF`.
    pub fn thread_context(&self) -> &Value {
        &self.thread.context
    }

    /// Replaces it.
    pub fn set_thread_context(&mut self, context: Value) -> Value {
        std::mem::replace(&mut self.thread.context, context)
    }

    /// The main thread's number.
    pub fn main_ident(&self) -> u64 {
        if self.is_main_thread() {
            return self.thread.ident();
        }
        self.parked.get(MAIN).and_then(Option::as_ref).map_or(0, ThreadState::ident)
    }

    /// `sys.setswitchinterval`.
    pub fn set_switch_interval(&mut self, interval: Duration) {
        let ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX >> 8);
        self.lock.interval.store(ns, Ordering::Relaxed);
    }

    /// `sys.getswitchinterval`.
    pub fn switch_interval(&self) -> Duration {
        self.lock.interval()
    }

    /// Starts a thread that runs `entry(vm, argument)` under the lock; `stack` bytes of native stack (0: the usual).
    /// What `entry` leaves unhandled is its own affair.
    ///
    /// # Errors
    /// RuntimeError when the system gives no thread, or the interpreter is ending.
    pub fn start_thread(&mut self, name: &str, stack: usize, entry: fn(&mut Vm, Value), argument: Value) -> R<u64> {
        if self.shared.requests.load(Ordering::SeqCst) & request::CLOSING != 0 {
            let class = self.exc.PythonFinalizationError.clone();
            return Err(self.raise_text(&class, "can't create new thread at interpreter shutdown"));
        }
        let (Some(machine), Some(mut state)) = (self.machine.upgrade(), ThreadState::try_new()) else {
            return Err(self.no_thread());
        };
        let stack = if stack == 0 { NATIVE_STACK } else { stack };
        let slot = self.free_slot();
        state.slot = slot;
        state.argument = argument;
        state.is_scripts = true;
        let ident = state.ident();
        self.parked[slot] = Some(state);
        // The system takes 15 bytes.
        let name: String = name.chars().filter(|c| *c != '\0').take(15).collect();
        let started = std::thread::Builder::new()
            .name(name)
            .stack_size(stack.saturating_add(STACK_RESERVE))
            .spawn(move || machine.run_thread(slot, stack, entry));
        if started.is_err() {
            self.parked[slot] = None;
            return Err(self.no_thread());
        }
        Ok(ident)
    }

    #[cold]
    fn no_thread(&mut self) -> Raised {
        self.runtime_error("can't start new thread")
    }

    fn free_slot(&mut self) -> usize {
        let here = self.thread.slot;
        let free = (MAIN + 1..self.parked.len()).find(|&i| i != here && self.parked[i].is_none());
        free.unwrap_or_else(|| {
            self.parked.resize_with(self.parked.len().max(here + 1).max(MAIN + 1) + 1, || None);
            self.parked.len() - 1
        })
    }

    /// A state for a native thread that comes: the main one when it is idle, another idle one, or a new one.
    fn idle_state(&mut self) -> usize {
        if self.thread.idle && self.thread.slot == MAIN {
            return MAIN;
        }
        let idle = self.parked.iter().position(|t| t.as_ref().is_some_and(|t| t.idle));
        match idle {
            Some(slot) if slot == MAIN || !self.thread.idle => slot,
            _ if self.thread.idle => self.thread.slot,
            _ => {
                let slot = self.free_slot();
                let mut state = ThreadState::new();
                state.slot = slot;
                self.parked[slot] = Some(state);
                slot
            }
        }
    }

    /// Makes the state of a slot the running one. The thread that calls this owns the slot.
    fn enter_state(&mut self, slot: usize) {
        if self.thread.slot == slot {
            return;
        }
        let Some(mut state) = self.parked.get_mut(slot).and_then(Option::take) else { return };
        state.set_recursion_limit(self.limits.recursion);
        let old = std::mem::replace(&mut self.thread, state);
        if !old.over {
            let slot = old.slot;
            if self.parked.len() <= slot {
                self.parked.resize_with(slot + 1, || None);
            }
            self.parked[slot] = Some(old);
        }
    }

    /// All threads that have a frame, the running one first.
    pub fn all_threads(&mut self) -> Vec<ThreadInfo> {
        let mut slots = vec![self.thread.slot];
        slots.extend((0..self.parked.len()).filter(|&i| self.parked[i].is_some()));
        let found = slots.into_iter().map(|slot| {
            self.with_thread(slot, |vm| {
                let t = &vm.thread;
                let (depth, ident, is_scripts) = (t.depth(), t.ident(), t.is_scripts);
                (depth > 0).then(|| ThreadInfo {
                    ident,
                    frame: vm.frame_object_at(0),
                    handled: vm.handled(),
                    is_scripts,
                })
            })
        });
        found.flatten().collect()
    }

    /// Looks at a thread's state as if it was the running one. Nothing of scripts may run meanwhile.
    pub(super) fn with_thread<T>(&mut self, slot: usize, look: impl FnOnce(&mut Vm) -> T) -> T {
        let home = self.thread.slot;
        self.enter_state(slot);
        let found = look(self);
        self.enter_state(home);
        found
    }

    /// The system's number of the thread that has an ident; `None` when no living thread has it.
    pub fn system_thread(&self, ident: u64) -> Option<i32> {
        let parked = self.parked.iter().flatten().filter(|state| !state.idle && !state.over);
        let state = std::iter::once(&self.thread).chain(parked).find(|state| state.ident() == ident)?;
        Some(state.parker.system)
    }

    /// The interpreter is ending: threads of scripts stop at their next checkpoint, and none are started any more.
    pub(crate) fn close_threads(&mut self) {
        self.shared.request(request::CLOSING);
    }
}

impl Machine {
    /// The life of a script's thread.
    fn run_thread(self: Arc<Machine>, slot: usize, stack: usize, entry: fn(&mut Vm, Value)) {
        let parker = Parker::current();
        let mut held = Held { vm: self.lock.acquire(&parker, &self.shared), machine: &self };
        // SAFETY: this thread has the lock, and the machine lives until `self` goes.
        let vm = unsafe { held.vm.as_mut() };
        vm.enter_state(slot);
        vm.thread.parker = parker.clone();
        self.shared.add_parker(&parker);
        vm.set_native_stack(stack);
        let argument = std::mem::replace(&mut vm.thread.argument, Value::NONE);
        entry(vm, argument);
        vm.thread.clear();
        vm.thread.over = true;
    }
}

/// The parker of the thread that makes a machine.
pub(super) fn first_parker() -> Arc<Parker> {
    Parker::current()
}
