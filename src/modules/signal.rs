//! `_signal`: handlers of scripts for signals, for `signal`, which is written in apy.

use crate::modules::io::errors::os_failure;
use crate::modules::sys::structseq::{self, StructSeq, field};
use crate::vm::limits::request;
use crate::vm::native::{NativeDef, arg};
use crate::vm::signals::{self, Disposition};
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::libc;
use std::thread::ThreadId;
use std::time::{Duration, Instant};

/// What an interpreter knows of signals.
struct Handlers {
    by_number: Vec<Value>,
    /// The thread that may set handlers, and on which they run.
    main: Option<ThreadId>,
    default_int: Value,
}

impl Default for Handlers {
    fn default() -> Handlers {
        Handlers { by_number: vec![Value::UNDEF; signals::COUNT], main: None, default_int: Value::UNDEF }
    }
}

/// The signal of Ctrl-C.
pub const SIGINT: i64 = libc::SIGINT as i64;
const SIG_DFL: i32 = 0;
const SIG_IGN: i32 = 1;

const CONSTANTS: &[(&str, i32)] = &[
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGABRT", libc::SIGABRT),
    ("SIGIOT", libc::SIGABRT),
    ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    #[cfg(target_os = "linux")]
    ("SIGSTKFLT", libc::SIGSTKFLT),
    ("SIGCHLD", libc::SIGCHLD),
    #[cfg(target_os = "linux")]
    ("SIGCLD", libc::SIGCHLD),
    ("SIGCONT", libc::SIGCONT),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGURG", libc::SIGURG),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGIO", libc::SIGIO),
    #[cfg(target_os = "linux")]
    ("SIGPOLL", libc::SIGIO),
    #[cfg(target_os = "linux")]
    ("SIGPWR", libc::SIGPWR),
    ("SIGSYS", libc::SIGSYS),
    #[cfg(target_os = "linux")]
    ("SIGRTMIN", 34),
    #[cfg(target_os = "linux")]
    ("SIGRTMAX", 64),
    ("SIG_DFL", SIG_DFL),
    ("SIG_IGN", SIG_IGN),
    ("NSIG", signals::COUNT as i32),
    ("SIG_BLOCK", libc::SIG_BLOCK),
    ("SIG_UNBLOCK", libc::SIG_UNBLOCK),
    ("SIG_SETMASK", libc::SIG_SETMASK),
    ("ITIMER_REAL", 0),
    ("ITIMER_VIRTUAL", 1),
    ("ITIMER_PROF", 2),
];

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("signal(signalnum, handler, /)", "Set the action for the given signal.", set_handler),
    NativeDef::new("getsignal(signalnum, /)", "Return the current action for the given signal.", |vm, a| {
        let n = number_arg(vm, &a[0])?;
        get_handler(vm, n)
    }),
    NativeDef::new("default_int_handler(signalnum, frame, /)", "The default handler for SIGINT.", |vm, _| {
        let class = vm.exc.KeyboardInterrupt.clone();
        let e = vm.new_exception(&class, Vec::new()).into_value();
        Err(vm.raise(e))
    }),
    NativeDef::new("raise_signal(signalnum, /)", "Send a signal to the executing process.", |vm, a| {
        let n = vm.index_i64(&a[0])? as i32;
        if let Err(e) = signals::raise(n) {
            return Err(vm.os_error(&e, None));
        }
        vm.checkpoint()?;
        Ok(Value::NONE)
    }),
    NativeDef::new("alarm(seconds, /)", "Arrange for SIGALRM to arrive after the given number of seconds.", |vm, a| {
        let n = vm.index_i64(&a[0])?;
        let left = match u32::try_from(n) {
            Ok(0) => nix::unistd::alarm::cancel(),
            Ok(n) => nix::unistd::alarm::set(n),
            Err(_) => return Err(vm.overflow_error("signed integer is greater than maximum")),
        };
        Ok(vm.int(i64::from(left.unwrap_or(0))))
    }),
    NativeDef::new("setitimer(which, seconds, interval=0.0, /)", "Set an interval timer.", |vm, a| {
        let which = vm.index_i64(&a[0])? as i32;
        let value = crate::objects::float::to_f64(vm, &a[1])?;
        let interval = match arg(a, 2) {
            Some(v) => crate::objects::float::to_f64(vm, v)?,
            None => 0.0,
        };
        timer(vm, which, Some([value, interval]))
    }),
    NativeDef::new("getitimer(which, /)", "Return the current value of an interval timer.", |vm, a| {
        let which = vm.index_i64(&a[0])? as i32;
        timer(vm, which, None)
    }),
    NativeDef::new("pause()", "Wait until a signal arrives.", |vm, _| {
        vm.unlocked(signals::pause);
        vm.checkpoint()?;
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "set_wakeup_fd(fd, /, *, warn_on_full_buffer=True)",
        "Set the fd that the numbers of signals are written to.",
        |vm, a| {
            only_main(vm, "set_wakeup_fd only works in main thread of the main interpreter")?;
            let fd = vm.index_i64(&a[0])? as i32;
            if fd >= 0 {
                match nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_GETFL) {
                    Ok(flags) if flags & libc::O_NONBLOCK == 0 => {
                        return Err(vm.value_error(format!("the fd {fd} must be in non-blocking mode")));
                    }
                    Ok(_) => {}
                    Err(e) => return Err(os_failure(vm, e, None)),
                }
            }
            Ok(Value::int32(signals::set_wakeup(fd.max(-1))))
        },
    ),
    NativeDef::new("siginterrupt(signalnum, flag, /)", "Change system call restart behaviour.", |vm, a| {
        // Interrupted calls are begun again after the handlers have run, whatever the system is told.
        number_arg(vm, &a[0])?;
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "pthread_sigmask(how, mask, /)",
        "Fetch and/or change the signal mask of the calling thread.",
        |vm, a| {
            let how = vm.index_i64(&a[0])? as i32;
            let numbers = numbers_arg(vm, &a[1])?;
            match signals::mask(how, &numbers) {
                Ok(old) => {
                    // Those that were let through have come by now.
                    vm.checkpoint()?;
                    set_value(vm, &old)
                }
                Err(e) => Err(vm.os_error(&e, None)),
            }
        },
    ),
    NativeDef::new("sigpending()", "Examine pending signals.", |vm, _| match signals::pending() {
        Ok(n) => set_value(vm, &n),
        Err(e) => Err(vm.os_error(&e, None)),
    }),
    NativeDef::new("sigwait(sigset, /)", "Wait for a signal.", |vm, a| {
        let numbers = numbers_arg(vm, &a[0])?;
        match vm.unlocked(|| signals::wait(&numbers)) {
            Ok(n) => Ok(Value::int32(n)),
            Err(e) => Err(vm.os_error(&e, None)),
        }
    }),
    NativeDef::new(
        "sigwaitinfo(sigset, /)",
        "Wait synchronously until one of the signals in *sigset* is delivered.",
        |vm, a| {
            let numbers = numbers_arg(vm, &a[0])?;
            wait_info(vm, &numbers, None)
        },
    ),
    NativeDef::new("sigtimedwait(sigset, timeout, /)", "Like sigwaitinfo(), but with a timeout.", |vm, a| {
        let seconds = crate::objects::float::to_f64(vm, &a[1])?;
        if seconds < 0.0 {
            return Err(vm.value_error("timeout must be non-negative"));
        }
        let Ok(timeout) = Duration::try_from_secs_f64(seconds) else {
            return Err(vm.value_error("Invalid value NaN (not a number)"));
        };
        let numbers = numbers_arg(vm, &a[0])?;
        wait_info(vm, &numbers, Some(timeout))
    }),
    NativeDef::new("pthread_kill(thread_id, signalnum, /)", "Send a signal to a thread.", pthread_kill),
    NativeDef::new(
        "pidfd_send_signal(pidfd, signalnum, siginfo=None, flags=0, /)",
        "Send a signal to a process referred to by a pid file descriptor.",
        |vm, a| {
            let (fd, n) = (vm.index_i64(&a[0])? as i32, vm.index_i64(&a[1])? as i32);
            let flags = match arg(a, 3) {
                Some(v) => vm.index_i64(v)? as u32,
                None => 0,
            };
            if arg(a, 2).is_some_and(|v| !v.is_none()) {
                return Err(vm.type_error("siginfo must be None"));
            }
            match signals::send_to_descriptor(fd, n, flags) {
                Ok(()) => Ok(Value::NONE),
                Err(e) => Err(vm.os_error(&e, None)),
            }
        },
    ),
    NativeDef::new("valid_signals()", "Return a set of valid signal numbers on this platform.", |vm, _| {
        let all: Vec<i32> = (1..signals::COUNT as i32).filter(|n| !(32..34).contains(n)).collect();
        set_value(vm, &all)
    }),
    NativeDef::new("strsignal(signalnum, /)", "Return the system description of the given signal.", |vm, a| {
        let n = number_arg(vm, &a[0])?;
        Ok(match description(n) {
            Some(text) => vm.new_str(text).into(),
            None => Value::NONE,
        })
    }),
];

static SIGNAL_INFO: StructSeq = StructSeq {
    module: "signal",
    name: "struct_siginfo",
    doc: "struct_siginfo: Result from sigwaitinfo or sigtimedwait.\n\nThis object may be accessed either as a tuple of\n\
          (si_signo, si_code, si_errno, si_pid, si_uid, si_status, si_band),\n\
          or via the attributes si_signo, si_code, and so on.",
    visible: 7,
    unnamed: 0,
    fields: &[
        field::<0>("si_signo", "signal number"),
        field::<1>("si_code", "signal code"),
        field::<2>("si_errno", "errno associated with this signal"),
        field::<3>("si_pid", "sending process ID"),
        field::<4>("si_uid", "real user ID of sending process"),
        field::<5>("si_status", "exit value or signal"),
        field::<6>("si_band", "band event for SIGPOLL"),
    ],
    constructible: true,
};

/// Waits for one of some signals; `None` when the time is over. What other signals ask for is done meanwhile.
fn wait_info(vm: &mut Vm, numbers: &[i32], timeout: Option<Duration>) -> R {
    let end = timeout.and_then(|t| Instant::now().checked_add(t));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        match vm.unlocked(|| signals::wait_info(numbers, left)) {
            Ok(None) => return Ok(Value::NONE),
            Ok(Some(i)) => {
                let class = structseq::define(vm, &SIGNAL_INFO)?;
                let parts = [i.number, i.code, i.error, i.sender.0].map(Value::int32);
                let mut values = Vec::from(parts);
                values.extend([vm.int(i64::from(i.sender.1)), Value::int32(i.status), vm.int(i.band)]);
                return Ok(structseq::make(vm, &class, values));
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => vm.checkpoint()?,
            Err(e) => return Err(vm.os_error(&e, None)),
        }
    }
}

/// `pthread_kill`; a number that no living thread has is an error, where CPython's process would end.
fn pthread_kill(vm: &mut Vm, a: &[Value]) -> R {
    if !vm.is_int(&a[0]) {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("pthread_kill() argument 1 must be int, not {got}")));
    }
    let n = vm.index_i64(&a[1])? as i32;
    let ident = vm.as_i64(&a[0]).unwrap_or(0) as u64;
    let done = match vm.system_thread(ident) {
        Some(thread) => signals::send_to_thread(thread, n),
        None => Err(std::io::Error::from_raw_os_error(libc::ESRCH)),
    };
    if let Err(e) = done {
        return Err(vm.os_error(&e, None));
    }
    // One that was sent to the calling thread has come.
    vm.checkpoint()?;
    Ok(Value::NONE)
}

/// The system's words for a signal.
fn description(n: i32) -> Option<&'static str> {
    Some(match n {
        libc::SIGHUP => "Hangup",
        libc::SIGINT => "Interrupt",
        libc::SIGQUIT => "Quit",
        libc::SIGILL => "Illegal instruction",
        libc::SIGTRAP => "Trace/breakpoint trap",
        libc::SIGABRT => "Aborted",
        libc::SIGBUS => "Bus error",
        libc::SIGFPE => "Floating point exception",
        libc::SIGKILL => "Killed",
        libc::SIGUSR1 => "User defined signal 1",
        libc::SIGSEGV => "Segmentation fault",
        libc::SIGUSR2 => "User defined signal 2",
        libc::SIGPIPE => "Broken pipe",
        libc::SIGALRM => "Alarm clock",
        libc::SIGTERM => "Terminated",
        libc::SIGCHLD => "Child exited",
        libc::SIGCONT => "Continued",
        libc::SIGSTOP => "Stopped (signal)",
        libc::SIGTSTP => "Stopped",
        libc::SIGTTIN => "Stopped (tty input)",
        libc::SIGTTOU => "Stopped (tty output)",
        libc::SIGURG => "Urgent I/O condition",
        libc::SIGXCPU => "CPU time limit exceeded",
        libc::SIGXFSZ => "File size limit exceeded",
        libc::SIGVTALRM => "Virtual timer expired",
        libc::SIGPROF => "Profiling timer expired",
        libc::SIGWINCH => "Window changed",
        libc::SIGIO => "I/O possible",
        libc::SIGSYS => "Bad system call",
        _ => return None,
    })
}

fn timer(vm: &mut Vm, which: i32, new: Option<[f64; 2]>) -> R {
    match signals::timer(which, new) {
        Ok(old) => {
            let old = old.map(|s| vm.float(s));
            Ok(vm.pair(old))
        }
        Err(e) => {
            let m = crate::modules::import::import_module(vm, "_signal")?;
            let class = vm.get_attr_str(&m, "ItimerError")?;
            let (n, text) = (e.raw_os_error().unwrap_or(0), crate::objects::exceptions::os_error::error_text(&e));
            let args = [Value::int32(n), vm.new_str(&text).into_value()];
            let e = vm.call(&class, &args)?;
            Err(vm.raise(e))
        }
    }
}

fn number_arg(vm: &mut Vm, v: &Value) -> R<i32> {
    let n = vm.index_i64(v)?;
    if n < 1 || n >= signals::COUNT as i64 {
        return Err(vm.value_error("signal number out of range"));
    }
    Ok(n as i32)
}

fn numbers_arg(vm: &mut Vm, v: &Value) -> R<Vec<i32>> {
    let mut out = Vec::new();
    for item in vm.collect(v)? {
        let n = vm.index_i64(&item)?;
        if n < 1 || n >= signals::COUNT as i64 {
            return Err(vm.value_error(format!("signal number {n} out of range [1; {}]", signals::COUNT - 1)));
        }
        out.push(n as i32);
    }
    Ok(out)
}

fn set_value(vm: &mut Vm, numbers: &[i32]) -> R {
    let items = numbers.iter().map(|&n| Value::int32(n)).collect();
    let list = vm.list(items).into_value();
    let class = vm.types.set.value().clone();
    vm.call(&class, &[list])
}

fn only_main(vm: &mut Vm, text: &str) -> R<()> {
    claim(vm);
    if vm.state::<Handlers>().main != Some(std::thread::current().id()) {
        return Err(vm.value_error(text));
    }
    Ok(())
}

/// Becomes the interpreter that hears of signals, if none does yet.
fn claim(vm: &mut Vm) {
    if vm.state::<Handlers>().main.is_some() {
        return;
    }
    let shared = vm.shared();
    if signals::is_owner(&shared) || signals::claim(&shared) {
        vm.state::<Handlers>().main = Some(std::thread::current().id());
        vm.set_signal_server(serve);
    }
}

/// Has Ctrl-C raise KeyboardInterrupt in this interpreter, on this thread, as a program wants it.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn install_interrupt(vm: &mut Vm) -> R<()> {
    claim(vm);
    if vm.state::<Handlers>().main.is_none() || signals::get(libc::SIGINT) == Some(Disposition::Ignore) {
        return Ok(());
    }
    let handler = default_int(vm);
    vm.state::<Handlers>().by_number[libc::SIGINT as usize] = handler;
    signals::set(libc::SIGINT, Disposition::Tell).map_err(|e| vm.os_error(&e, None))
}

/// Does what the coming of a signal would do, if a script's handler is there for it. In an interpreter that hears of no
/// signals, Ctrl-C raises KeyboardInterrupt and the others mean nothing.
///
/// # Errors
/// ValueError for a number that no signal has; on the main thread, what the handler raises.
pub fn simulate(vm: &mut Vm, number: i64) -> R<()> {
    let Some(n) = i32::try_from(number).ok().filter(|n| (1..signals::COUNT as i32).contains(n)) else {
        return Err(vm.value_error("signal number out of range"));
    };
    let shared = vm.shared();
    if signals::is_owner(&shared) {
        let handler = get_handler(vm, n)?;
        if vm.is_callable(&handler) {
            signals::simulate(n);
        }
    } else if number == SIGINT {
        shared.request(request::INTERRUPT);
    }
    if vm.is_main_thread() { vm.checkpoint() } else { Ok(()) }
}

/// `signal.default_int_handler`.
fn default_int(vm: &mut Vm) -> Value {
    let known = vm.state::<Handlers>().default_int.clone();
    if !known.is_undef() {
        return known;
    }
    let f = match FUNCTIONS.iter().find(|d| d.name() == "default_int_handler") {
        Some(def) => vm.native_function("_signal", def),
        None => Value::NONE,
    };
    vm.state::<Handlers>().default_int = f.clone();
    f
}

fn get_handler(vm: &mut Vm, n: i32) -> R {
    let known = vm.state::<Handlers>().by_number.get(n as usize).cloned().unwrap_or(Value::UNDEF);
    if !known.is_undef() {
        return Ok(known);
    }
    Ok(match signals::get(n) {
        Some(Disposition::Default) => Value::int32(SIG_DFL),
        Some(Disposition::Ignore) => Value::int32(SIG_IGN),
        _ => Value::NONE,
    })
}

/// Whether a signal would run a function of the script's. What `asyncio.run` does at Ctrl-C only ends the main task.
///
/// # Errors
/// What looking at a handler raises.
pub fn scripts_listen(vm: &mut Vm) -> R<bool> {
    let handlers = vm.state::<Handlers>();
    let ours = handlers.default_int.clone();
    let set: Vec<Value> = handlers.by_number.iter().filter(|h| !h.is_undef() && !h.is(&ours)).cloned().collect();
    for handler in set {
        if !vm.is_callable(&handler) {
            continue;
        }
        let module = vm.get_attr_opt(&handler, &vm.names.__module__.clone())?;
        if module.is_none_or(|m| vm.str_of(&m) != "asyncio.runners") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn set_handler(vm: &mut Vm, a: &[Value]) -> R {
    only_main(vm, "signal only works in main thread of the main interpreter")?;
    let n = {
        let n = vm.index_i64(&a[0])?;
        if n < 1 || n >= signals::COUNT as i64 {
            return Err(vm.value_error("signal number out of range"));
        }
        n as i32
    };
    let what = if vm.is_callable(&a[1]) {
        Disposition::Tell
    } else {
        match vm.as_i64(&a[1]) {
            Some(0) => Disposition::Default,
            Some(1) => Disposition::Ignore,
            _ => {
                return Err(
                    vm.type_error("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
                );
            }
        }
    };
    // Those that came before are served by the handler from before.
    vm.checkpoint()?;
    let old = get_handler(vm, n)?;
    if let Err(e) = signals::set(n, what) {
        return Err(os_failure(vm, Errno::from_i32(e.raw_os_error().unwrap_or(libc::EINVAL)), None));
    }
    let new = match what {
        Disposition::Tell => a[1].clone(),
        Disposition::Default => Value::int32(SIG_DFL),
        Disposition::Ignore => Value::int32(SIG_IGN),
    };
    let before = vm.state::<Handlers>().by_number.get_mut(n as usize).map(|slot| std::mem::replace(slot, new));
    drop(before);
    Ok(old)
}

/// Runs the handlers of the signals that have come.
fn serve(vm: &mut Vm) -> R<()> {
    if vm.state::<Handlers>().main != Some(std::thread::current().id()) {
        // The main thread serves them.
        vm.shared().request(request::SIGNAL);
        return Ok(());
    }
    let come = signals::take();
    for (at, n) in come.iter().enumerate() {
        let handler = vm.state::<Handlers>().by_number.get(*n as usize).cloned().unwrap_or(Value::UNDEF);
        if handler.is_undef() || !vm.is_callable(&handler) {
            continue;
        }
        let frame = vm.frame_object_at(0);
        if let Err(e) = vm.call(&handler, &[Value::int32(*n), frame]) {
            let rest = come.get(at + 1..).unwrap_or_default();
            if !rest.is_empty() {
                signals::put_back(rest);
                vm.shared().request(request::SIGNAL);
            }
            return Err(e);
        }
    }
    Ok(())
}

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    claim(vm);
    let m = vm.new_module("_signal", FUNCTIONS);
    let int = default_int(vm);
    vm.module_set(&m, "default_int_handler", int);
    for (name, n) in CONSTANTS {
        vm.module_set(&m, name, Value::int32(*n));
    }
    let base = vm.exc.OSError.clone();
    let error = vm.define_exception("signal", "itimer_error", &base)?;
    vm.module_set(&m, "ItimerError", error.into_value());
    let info = structseq::define(vm, &SIGNAL_INFO)?;
    vm.module_set(&m, "struct_siginfo", info.into_value());
    Ok(m.into())
}
