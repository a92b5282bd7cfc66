//! Signals: from the system's handler to the interpreter's next safe point.
//!
//! Signals belong to the process, so this is the one place with state that is not an interpreter's: which signals have
//! come, and which interpreter (the first that asked) hears of them. The handler only sets flags and wakes who may be
//! blocked; handlers of scripts run at the safe point.
//!
//! Invariant: the handler does nothing that is not allowed in a signal handler: atomics, `write`, `pthread_kill`.

use super::limits::{Shared, request};
use nix::libc;
use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

/// Signals have the numbers 1 up to this, not included.
pub const COUNT: usize = 65;

static COME: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
/// The interpreter that hears of signals; its count is never given back.
static OWNER: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());
/// The thread whose blocking calls are to be interrupted; 0: none yet.
static THREAD: AtomicU64 = AtomicU64::new(0);
/// Wakes the thread that ends the interpreter's waits, which takes a lock; -1: there has been no wait yet.
static BELL: AtomicI32 = AtomicI32::new(-1);
/// What `signal.set_wakeup_fd` set.
static WAKEUP: AtomicI32 = AtomicI32::new(-1);

/// Where the host hears of signals; -1: nowhere.
static WATCH: AtomicI32 = AtomicI32::new(-1);

/// What is done about a signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// What the system does.
    Default,
    /// Nothing.
    Ignore,
    /// The interpreter is told.
    Tell,
}

/// Interrupts a blocking call of the script's thread; nobody else uses it. The signal that came cannot be sent on: by
/// the time it arrives, its handler may have been taken away.
const INTERRUPT: libc::c_int = 62;

extern "C" fn on_interrupt(_: libc::c_int) {}

extern "C" fn on_signal(number: libc::c_int) {
    // SAFETY: the address of the thread's `errno`, which is put back at the end.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *errno };
    if let Some(flag) = usize::try_from(number).ok().and_then(|n| COME.get(n)) {
        flag.store(true, Ordering::Release);
    }
    // SAFETY: set once, from an `Arc` whose count is never given back.
    if let Some(owner) = unsafe { OWNER.load(Ordering::Acquire).as_ref() } {
        owner.requests.fetch_or(request::SIGNAL, Ordering::SeqCst);
    }
    let bell = BELL.load(Ordering::SeqCst);
    if bell >= 0 {
        let one = 1u64;
        // SAFETY: eight bytes are given; `write` may be called here.
        unsafe { libc::write(bell, (&raw const one).cast(), 8) };
    }
    for listener in [WAKEUP.load(Ordering::Relaxed), WATCH.load(Ordering::Relaxed)].into_iter().filter(|fd| *fd >= 0) {
        let byte = number as u8;
        // SAFETY: one byte is given. A descriptor that was closed gives an error, which nobody can hear here.
        unsafe { libc::write(listener, (&raw const byte).cast(), 1) };
    }
    let thread = THREAD.load(Ordering::Relaxed);
    // SAFETY: both may be called here; the thread is the one that claimed the signals, which lives as long as the
    // interpreter's program.
    unsafe {
        if thread != 0 && libc::pthread_self() != thread as libc::pthread_t {
            // A blocking call of the script's thread must come back.
            libc::pthread_kill(thread as libc::pthread_t, INTERRUPT);
        }
        *errno = saved;
    }
}

/// Does what the system's handler does when a signal comes.
pub fn simulate(number: i32) {
    on_signal(number);
}

/// Makes an interpreter the one that hears of signals, on the thread that calls; false when another one does.
pub fn claim(shared: &Arc<Shared>) -> bool {
    let mine = Arc::into_raw(shared.clone()).cast_mut();
    match OWNER.compare_exchange(std::ptr::null_mut(), mine, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            // SAFETY: takes nothing.
            THREAD.store(unsafe { libc::pthread_self() } as u64, Ordering::Relaxed);
            // Without it, calls are not interrupted when another thread gets the signal.
            let _ = handle(INTERRUPT, on_interrupt as extern "C" fn(libc::c_int) as libc::sighandler_t);
            true
        }
        Err(owner) => {
            // SAFETY: just made from an `Arc`.
            drop(unsafe { Arc::from_raw(mine) });
            std::ptr::eq(owner, mine)
        }
    }
}

/// Sees to it that signals end the waits of the interpreter that hears of them. To be called before each wait: most
/// programs never wait, so the thread that this takes is made for the first.
#[inline]
pub(super) fn attend(shared: &Arc<Shared>) {
    static ATTENDED: Once = Once::new();
    if !ATTENDED.is_completed() && is_owner(shared) {
        ATTENDED.call_once(|| hang_bell(shared.clone()));
    }
}

/// Starts the thread that ends waits when the bell rings. Without it they are ended by interruption alone.
#[cold]
fn hang_bell(shared: Arc<Shared>) {
    // SAFETY: takes numbers only.
    let bell = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    let relay = move || {
        let _ = nix::sys::signal::SigSet::all().thread_block();
        while super::system::read(bell, &mut [0; 8]).is_ok() {
            shared.request(request::SIGNAL);
        }
    };
    if bell >= 0 && std::thread::Builder::new().name("signals".into()).stack_size(1 << 16).spawn(relay).is_ok() {
        BELL.store(bell, Ordering::SeqCst);
    }
}

/// Whether this interpreter hears of signals.
pub fn is_owner(shared: &Arc<Shared>) -> bool {
    std::ptr::eq(OWNER.load(Ordering::Acquire), Arc::as_ptr(shared))
}

/// Takes the signals that have come, in the order of their numbers.
pub fn take() -> Vec<i32> {
    (1..COUNT).filter(|&n| COME[n].swap(false, Ordering::AcqRel)).map(|n| n as i32).collect()
}

/// Notes signals as not served yet.
pub fn put_back(numbers: &[i32]) {
    for flag in numbers.iter().filter_map(|&n| usize::try_from(n).ok()).filter_map(|n| COME.get(n)) {
        flag.store(true, Ordering::Release);
    }
}

/// Sets the descriptor that the numbers of signals are written to (-1: none); gives the one before.
pub fn set_wakeup(fd: i32) -> i32 {
    WAKEUP.swap(fd, Ordering::AcqRel)
}

/// Has the numbers of signals written to a descriptor that stays open from now on, as bytes; among them that of a
/// change of the terminal's size.
///
/// # Errors
/// The system's.
pub fn watch(fd: i32) -> io::Result<()> {
    WATCH.store(fd, Ordering::Release);
    if get(libc::SIGWINCH) == Some(Disposition::Default) { set(libc::SIGWINCH, Disposition::Tell) } else { Ok(()) }
}

/// Says what is done about a signal.
///
/// # Errors
/// The system's.
pub fn set(number: i32, what: Disposition) -> io::Result<()> {
    handle(
        number,
        match what {
            Disposition::Default => libc::SIG_DFL,
            Disposition::Ignore => libc::SIG_IGN,
            Disposition::Tell => on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t,
        },
    )
}

/// Installs a handler that obeys the rules for handlers, or one of the system's two.
fn handle(number: i32, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all zeros are a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    // SAFETY: the action is valid, and the callers give handlers that obey the rules.
    let done = unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What the process does about a signal now.
pub fn get(number: i32) -> Option<Disposition> {
    // SAFETY: all zeros are a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the place for the answer is valid.
    if unsafe { libc::sigaction(number, std::ptr::null(), &raw mut action) } < 0 {
        return None;
    }
    match action.sa_sigaction {
        libc::SIG_DFL => Some(Disposition::Default),
        libc::SIG_IGN => Some(Disposition::Ignore),
        _ => Some(Disposition::Tell),
    }
}

/// Sends a signal to the calling thread.
///
/// # Errors
/// The system's.
pub fn raise(number: i32) -> io::Result<()> {
    // SAFETY: takes a number only.
    if unsafe { libc::raise(number) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn set_of(numbers: &[i32]) -> io::Result<libc::sigset_t> {
    // SAFETY: all zeros are a valid empty set on the systems that apy runs on; it is emptied properly at once.
    let mut set: libc::sigset_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the set is valid.
    unsafe { libc::sigemptyset(&raw mut set) };
    for &n in numbers {
        // SAFETY: the set is valid; wrong numbers are refused.
        if unsafe { libc::sigaddset(&raw mut set, n) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(set)
}

fn members(set: &libc::sigset_t) -> Vec<i32> {
    // SAFETY: the set is valid.
    (1..COUNT as i32).filter(|&n| unsafe { libc::sigismember(set, n) } == 1).collect()
}

/// Changes which signals the thread blocks (`how` as for `pthread_sigmask`); gives those that it blocked.
///
/// # Errors
/// The system's.
pub fn mask(how: i32, numbers: &[i32]) -> io::Result<Vec<i32>> {
    let (set, mut old) = (set_of(numbers)?, set_of(&[])?);
    // SAFETY: both sets are valid.
    match unsafe { libc::pthread_sigmask(how, &raw const set, &raw mut old) } {
        0 => Ok(members(&old)),
        n => Err(io::Error::from_raw_os_error(n)),
    }
}

/// The blocked signals that have come.
///
/// # Errors
/// The system's.
pub fn pending() -> io::Result<Vec<i32>> {
    let mut set = set_of(&[])?;
    // SAFETY: the set is valid.
    if unsafe { libc::sigpending(&raw mut set) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(members(&set))
}

/// Waits for one of some blocked signals, and takes it.
///
/// # Errors
/// The system's.
pub fn wait(numbers: &[i32]) -> io::Result<i32> {
    let set = set_of(numbers)?;
    let mut number = 0;
    // SAFETY: the set and the place for the answer are valid.
    match unsafe { libc::sigwait(&raw const set, &raw mut number) } {
        0 => Ok(number),
        n => Err(io::Error::from_raw_os_error(n)),
    }
}

/// What is known of a signal that was waited for.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Its number.
    pub number: i32,
    /// How it was sent.
    pub code: i32,
    /// The error that belongs to it.
    pub error: i32,
    /// The sender's process and user.
    pub sender: (i32, u32),
    /// A child's exit status.
    pub status: i32,
    /// The events of a descriptor.
    pub band: i64,
}

/// Waits for one of some blocked signals, at most as long as `timeout`, and takes it; `None` when the time is over.
///
/// # Errors
/// The system's; interruption by another signal is one.
pub fn wait_info(numbers: &[i32], timeout: Option<Duration>) -> io::Result<Option<Info>> {
    let set = set_of(numbers)?;
    // SAFETY: all zeros are a valid `siginfo_t`, which is made of integers and pointers.
    let mut info: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
    let time = timeout.map(|t| libc::timespec {
        tv_sec: libc::time_t::try_from(t.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: t.subsec_nanos() as _,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the set and the place for the answer are valid, the time is valid or absent.
    if unsafe { libc::sigtimedwait(&raw const set, &raw mut info, time) } < 0 {
        let e = io::Error::last_os_error();
        return if e.raw_os_error() == Some(libc::EAGAIN) { Ok(None) } else { Err(e) };
    }
    // SAFETY: the system filled the structure; which of these fields mean something, only the reader can know, but all
    // of them lie in it and are integers.
    let (sender, status, band) = unsafe {
        let fields: *const u8 = (&raw const info).cast();
        let band = fields.add(BAND).cast::<libc::c_long>().read_unaligned();
        ((info.si_pid(), info.si_uid()), info.si_status(), band)
    };
    Ok(Some(Info { number: info.si_signo, code: info.si_code, error: info.si_errno, sender, status, band }))
}

/// Where `si_band` lies in a `siginfo_t`: after three numbers, aligned as a word.
const BAND: usize = (3 * size_of::<libc::c_int>()).next_multiple_of(align_of::<libc::c_long>());

/// Sends a signal to one thread of this process, by the system's number of the thread; 0 only asks whether it lives.
///
/// # Errors
/// The system's.
pub fn send_to_thread(thread: i32, number: i32) -> io::Result<()> {
    // SAFETY: takes numbers only; the system refuses those of threads that are not this process's.
    let done = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, number) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends a signal to the process that a descriptor stands for.
///
/// # Errors
/// The system's.
pub fn send_to_descriptor(fd: i32, number: i32, flags: u32) -> io::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: takes numbers and a null pointer.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, none, flags) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until a signal comes.
pub fn pause() {
    // SAFETY: takes nothing.
    unsafe { libc::pause() };
}

/// Sets (or with `None` only asks) an interval timer; gives seconds and interval from before.
///
/// # Errors
/// The system's.
pub fn timer(which: i32, new: Option<[f64; 2]>) -> io::Result<[f64; 2]> {
    let time = |s: f64| libc::timeval {
        tv_sec: s.trunc() as libc::time_t,
        tv_usec: (s.fract() * 1e6).round() as libc::suseconds_t,
    };
    let mut old = libc::itimerval { it_interval: time(0.0), it_value: time(0.0) };
    let done = match new {
        Some([value, interval]) => {
            let wanted = libc::itimerval { it_interval: time(interval), it_value: time(value) };
            // SAFETY: both places are valid.
            unsafe { libc::setitimer(which as _, &raw const wanted, &raw mut old) }
        }
        // SAFETY: the place for the answer is valid.
        None => unsafe { libc::getitimer(which as _, &raw mut old) },
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    Ok([seconds(old.it_value), seconds(old.it_interval)])
}
