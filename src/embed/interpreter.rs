//! Interpreters and what a host sets before and asks afterwards.

use super::output::{Output, Streams};
use super::switches::Switches;
use crate::vm::exception::Raised;
use crate::vm::limits::{Halt, Shared, request};
use crate::vm::threads::Machine;
use crate::vm::{R, Vm};
use std::ffi::OsString;
use std::sync::Arc;

/// Why a script did not finish.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An exception that nothing caught.
    Exception {
        /// Its class.
        class: String,
        /// Its text (`str(e)`); of SystemExit, what it wants printed.
        message: String,
        /// The traceback as CPython prints it.
        traceback: String,
        /// The status for `sys.exit`, where the exception is SystemExit.
        exit_status: Option<i32>,
    },
    /// A limit of the host, or its stop handle, ended the script.
    Halted(Halt),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Exception { class, message, .. } if message.is_empty() => write!(f, "{class}"),
            Error::Exception { class, message, .. } => write!(f, "{class}: {message}"),
            Error::Halted(Halt::Stopped) => write!(f, "the script was stopped"),
            Error::Halted(Halt::OutOfFuel) => write!(f, "the script used up its fuel"),
            Error::Halted(Halt::OutOfMemory) => write!(f, "the script used up its memory"),
        }
    }
}

impl std::error::Error for Error {}

/// What an interpreter is made with.
#[derive(Default)]
pub struct Builder {
    stdout: Output,
    stderr: Output,
    fuel: Option<u64>,
    memory: Option<usize>,
    recursion: Option<usize>,
    native_stack: Option<usize>,
    args: Vec<OsString>,
    path: Vec<String>,
    warnings: Vec<String>,
    hash_seed: Option<u64>,
    executable: String,
    switches: Switches,
}

impl Builder {
    /// Where `sys.stdout` goes.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Where `sys.stderr` goes.
    #[must_use]
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// Bounds the work of all scripts together, in units of about one call or loop iteration.
    #[must_use]
    pub fn fuel(mut self, units: u64) -> Self {
        self.fuel = Some(units);
        self
    }

    /// Bounds the bytes that the interpreter's objects may use.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// The recursion limit (1,000 unless set).
    #[must_use]
    pub fn recursion_limit(mut self, depth: usize) -> Self {
        self.recursion = Some(depth);
        self
    }

    /// How much of the calling thread's native stack scripts may use, in bytes (512 KB unless set).
    #[must_use]
    pub fn native_stack(mut self, bytes: usize) -> Self {
        self.native_stack = Some(bytes);
        self
    }

    /// `sys.argv`.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// `sys.path`: where imports look.
    #[must_use]
    pub fn path(mut self, path: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.path = path.into_iter().map(Into::into).collect();
        self
    }

    /// `sys.warnoptions`: filters for warnings.
    #[must_use]
    pub fn warnings(mut self, filters: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.warnings = filters.into_iter().map(Into::into).collect();
        self
    }

    /// `sys.executable`.
    #[must_use]
    pub fn executable(mut self, path: impl Into<String>) -> Self {
        self.executable = path.into();
        self
    }

    /// What `sys.flags` says, and what follows from it.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// The key of string hashes; random unless set.
    #[must_use]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }

    /// Makes the interpreter.
    ///
    /// # Panics
    /// When the built-in modules cannot be made: a mistake in apy itself.
    pub fn build(self) -> Interpreter {
        let seed = self.hash_seed.unwrap_or_else(random_seed);
        let mut vm = Vm::new(seed);
        let streams: &mut Streams = vm.state();
        streams.stdout = self.stdout;
        streams.stderr = self.stderr;
        vm.set_native_stack(64 << 20);
        *vm.state::<Switches>() = self.switches.clone();
        let settings = crate::modules::sys::Settings {
            argv: self.args,
            path: self.path,
            executable: self.executable,
            warn_options: self.warnings,
            switches: self.switches.clone(),
        };
        let made = crate::objects::init(&mut vm).and_then(|()| crate::modules::init(&mut vm, settings));
        if let Err(e) = made {
            let e = describe(&mut vm, e);
            panic!("the built-in modules could not be made: {e:?}");
        }
        vm.settle_objects();
        vm.set_fuel(self.fuel);
        if let Some(bytes) = self.memory {
            vm.set_memory_limit(bytes);
        }
        if let Some(depth) = self.recursion {
            vm.set_recursion_limit(depth);
        }
        let machine = Machine::new(vm);
        Interpreter { inner: Arc::new(Inner { machine, native_stack: self.native_stack.unwrap_or(512 << 10) }) }
    }
}

fn random_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0u8)
}

struct Inner {
    machine: Arc<Machine>,
    native_stack: usize,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.machine.close();
    }
}

/// An interpreter. Clones are handles to the same one; threads take turns by [`attach`](Self::attach).
#[derive(Clone)]
pub struct Interpreter {
    inner: Arc<Inner>,
}

/// Stops an interpreter's script from any thread.
#[derive(Clone)]
pub struct StopHandle(Arc<Shared>);

impl StopHandle {
    /// Stops whatever runs, now and later, until [`reset`](Self::reset). Script code cannot catch it.
    pub fn stop(&self) {
        self.0.request(request::STOP);
    }

    /// Allows scripts to run again.
    pub fn reset(&self) {
        self.0.requests.fetch_and(!request::STOP, std::sync::atomic::Ordering::Relaxed);
    }

    /// Wakes a loop that is blocked, so that whoever drives it looks at what it waits for.
    pub fn wake(&self) {
        self.0.post(Box::new(|_| Ok(())));
    }

    /// Raises KeyboardInterrupt in the script, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.0.request(request::INTERRUPT);
    }
}

impl Interpreter {
    /// What to set before making one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Works with the interpreter under its lock.
    ///
    /// # Errors
    /// The exception that `f` let out, or why it was stopped.
    ///
    /// # Panics
    /// When a thread panicked while it was attached.
    pub fn attach<T>(&self, f: impl FnOnce(&mut Vm) -> R<T>) -> Result<T, Error> {
        self.inner.machine.attach(self.inner.native_stack, |vm| {
            // What stopped an earlier run is not what stops this one.
            let _ = vm.take_halt();
            f(vm).map_err(|e| describe(vm, e))
        })
    }

    /// A handle that stops scripts from another thread.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(self.inner.machine.shared().clone())
    }
}

/// Turns what was raised into what the host sees.
pub(crate) fn describe(vm: &mut Vm, e: Raised) -> Error {
    if e.is_halt() {
        return Error::Halted(vm.take_halt().unwrap_or(Halt::Stopped));
    }
    let value = vm.exception_value(e);
    let class = vm.class_name(&value);
    let exit_status = crate::modules::sys::exit_status(vm, &value);
    let message = match exit_status {
        Some(_) => crate::modules::sys::exit_message(vm, &value).unwrap_or_default(),
        None => vm.str(&value).map(|s| vm.str_of(s.value())).unwrap_or_default(),
    };
    let traceback = crate::diagnostics::traceback::format_exception(vm, &value).unwrap_or_default();
    Error::Exception { class, message, traceback, exit_status }
}
