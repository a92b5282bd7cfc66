//! Running the program on a native stack of its own size.
//!
//! Deep recursion in natives (repr, comparison, calls back into scripts) needs more stack than the system gives the
//! first thread. Another thread could have it, but making and joining one takes as long as a tenth of the interpreter's
//! start, so where the machine's registers are known, the first thread itself changes to another stack.

use std::io;

/// Runs a function on a native stack of `size` bytes, of which only the part that is used becomes memory.
///
/// # Errors
/// The system has no room for the stack.
///
/// # Panics
/// As the function.
pub fn with_stack<T: Send>(size: usize, run: impl FnOnce() -> T + Send) -> io::Result<T> {
    imp::with_stack(size, run)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod imp {
    use nix::libc;
    use std::any::Any;
    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// The guard below a stack, and the zeros above it, at which whoever follows the frames upwards stops: the frame
    /// that changes stacks is described as if it had not.
    const MARGIN: usize = 4096;

    struct Job<F, T> {
        run: Option<F>,
        result: Option<Result<T, Box<dyn Any + Send>>>,
    }

    pub(super) fn with_stack<T: Send, F: FnOnce() -> T + Send>(size: usize, run: F) -> io::Result<T> {
        let size = size.next_multiple_of(MARGIN);
        let stack = Mapping::new(size + 2 * MARGIN)?;
        let mut job = Job { run: Some(run), result: None };
        // SAFETY: the stack is as large as promised, and the job outlives the call.
        unsafe { call_on(stack.start.add(MARGIN + size), enter::<F, T>, (&raw mut job).cast()) };
        match job.result {
            Some(Ok(result)) => Ok(result),
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the job leaves a result"),
        }
    }

    /// Runs the job. Panics end here: they cannot cross the change of stacks.
    extern "sysv64" fn enter<F: FnOnce() -> T, T>(job: *mut u8) {
        // SAFETY: `with_stack` passes its job, which nobody else looks at meanwhile.
        let job = unsafe { &mut *job.cast::<Job<F, T>>() };
        if let Some(run) = job.run.take() {
            job.result = Some(catch_unwind(AssertUnwindSafe(run)));
        }
    }

    /// Calls a function on another stack.
    ///
    /// # Safety
    /// `top` is a multiple of 16 and the end of memory that has room for all that the function does.
    #[inline(never)]
    unsafe fn call_on(top: *mut u8, function: extern "sysv64" fn(*mut u8), argument: *mut u8) {
        // SAFETY: the function keeps `r12`, as its calling convention says, so the old stack is found again; the rest of
        // what it changes is named.
        unsafe {
            std::arch::asm!(
                "mov r12, rsp",
                "mov rsp, {top}",
                "call {function}",
                "mov rsp, r12",
                top = in(reg) top,
                function = in(reg) function,
                in("rdi") argument,
                out("r12") _,
                clobber_abi("sysv64"),
            );
        }
    }

    struct Mapping {
        start: *mut u8,
        size: usize,
    }

    impl Mapping {
        /// New memory whose first page may not be touched.
        fn new(size: usize) -> io::Result<Mapping> {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: new memory, wherever the system likes.
            let start = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
            if start == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let mapping = Mapping { start: start.cast(), size };
            // SAFETY: the first page of the new memory, which nobody uses.
            if unsafe { libc::mprotect(start, MARGIN, libc::PROT_NONE) } < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(mapping)
        }
    }

    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: mapped by `new`, and what ran on it has come back.
            unsafe { libc::munmap(self.start.cast(), self.size) };
        }
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod imp {
    use std::io;

    pub(super) fn with_stack<T: Send>(size: usize, run: impl FnOnce() -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("main".into()).stack_size(size).spawn_scoped(scope, run)?;
            // Signals are the script's thread's affair: one that it sends to itself has come when the call returns.
            let _ = nix::sys::signal::SigSet::all().thread_block();
            thread.join().or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::with_stack;

    fn deep(n: usize) -> usize {
        let room = std::hint::black_box([n; 512]);
        if n == 0 { 0 } else { deep(n - 1) + usize::from(room[511] == n) }
    }

    #[test]
    fn there_is_room_and_results_come_back() {
        let text = String::from("borrowed");
        let made = with_stack(64 << 20, || (deep(2_000), text.len()));
        assert_eq!(made.ok(), Some((2_000, 8)));
    }

    #[test]
    fn panics_cross_the_change() {
        let caught = std::panic::catch_unwind(|| with_stack(1 << 20, || panic!("inside")));
        let text = caught.err().and_then(|e| e.downcast_ref::<&str>().map(|t| t.to_string()));
        assert_eq!(text.as_deref(), Some("inside"));
    }

    #[test]
    fn frames_can_be_followed() {
        let text = with_stack(4 << 20, || std::backtrace::Backtrace::force_capture().to_string());
        assert!(text.is_ok_and(|t| t.contains("frames_can_be_followed")));
    }
}
