//! Processes, users, the machine.
//!
//! `fork` is not offered: a copy of a process with several threads could do next to nothing.

use super::environment;
use super::path::{self, Takes, fd_arg};
use crate::modules::io::errors::{os_failure, system};
use crate::modules::sys::structseq::{self, StructSeq, field};
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, SysconfVar};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("getpid()", "Return the current process id.", |vm, _| Ok(pid(vm, nix::unistd::getpid()))),
    NativeDef::new("getppid()", "Return the parent's process id.", |vm, _| Ok(pid(vm, nix::unistd::getppid()))),
    NativeDef::new("getpgrp()", "Return the current process group id.", |vm, _| Ok(pid(vm, nix::unistd::getpgrp()))),
    NativeDef::new("getpgid(pid)", "Call the system call getpgid(), and return the result.", |vm, a| {
        let of = pid_arg(vm, &a[0])?;
        let p = system(vm, None, || nix::unistd::getpgid(Some(of)))?;
        Ok(pid(vm, p))
    }),
    NativeDef::new("getsid(pid, /)", "Call the system call getsid(pid) and return the result.", |vm, a| {
        let of = pid_arg(vm, &a[0])?;
        let p = system(vm, None, || nix::unistd::getsid(Some(of)))?;
        Ok(pid(vm, p))
    }),
    NativeDef::new("setsid()", "Call the system call setsid().", |vm, _| {
        system(vm, None, nix::unistd::setsid)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("setpgid(pid, pgrp, /)", "Call the system call setpgid(pid, pgrp).", |vm, a| {
        let (of, group) = (pid_arg(vm, &a[0])?, pid_arg(vm, &a[1])?);
        system(vm, None, || nix::unistd::setpgid(of, group))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("getuid()", "Return the current process's user id.", |vm, _| {
        Ok(vm.int_from(nix::unistd::getuid().as_raw()))
    }),
    NativeDef::new("geteuid()", "Return the current process's effective user id.", |vm, _| {
        Ok(vm.int_from(nix::unistd::geteuid().as_raw()))
    }),
    NativeDef::new("getgid()", "Return the current process's group id.", |vm, _| {
        Ok(vm.int_from(nix::unistd::getgid().as_raw()))
    }),
    NativeDef::new("getegid()", "Return the current process's effective group id.", |vm, _| {
        Ok(vm.int_from(nix::unistd::getegid().as_raw()))
    }),
    NativeDef::new("getgroups()", "Return list of supplemental group IDs for the process.", |vm, _| {
        let groups = system(vm, None, nix::unistd::getgroups)?;
        let groups = groups.iter().map(|g| vm.int_from(g.as_raw())).collect();
        Ok(vm.list(groups).into())
    }),
    super::spawn::PIDFD_OPEN,
    NativeDef::new("kill(pid, signal, /)", "Kill a process with a signal.", |vm, a| {
        let to = pid_arg(vm, &a[0])?;
        let signal = signal_arg(vm, &a[1])?;
        vm.send_held();
        system(vm, None, || nix::sys::signal::kill(to, signal))?;
        // A signal to ourselves is served before the call returns.
        vm.checkpoint()?;
        Ok(Value::NONE)
    }),
    NativeDef::new("killpg(pgid, signal, /)", "Kill a process group with a signal.", |vm, a| {
        let to = pid_arg(vm, &a[0])?;
        let signal = signal_arg(vm, &a[1])?;
        vm.send_held();
        system(vm, None, || nix::sys::signal::killpg(to, signal))?;
        vm.checkpoint()?;
        Ok(Value::NONE)
    }),
    NativeDef::new("waitpid(pid, options, /)", "Wait for completion of a given child process.", |vm, a| {
        let of = pid_arg(vm, &a[0])?;
        let options = vm.index_i64(&a[1])?;
        wait_for(vm, of, options as i32)
    }),
    NativeDef::new("wait()", "Wait for completion of a child process.", |vm, _| wait_for(vm, Pid::from_raw(-1), 0)),
    NativeDef::new(
        "WIFEXITED(status)",
        "Return True if the process returning status exited via the exit() system call.",
        |vm, a| Ok((status_arg(vm, a)? & 0x7f == 0).into()),
    ),
    NativeDef::new("WEXITSTATUS(status)", "Return the process return code from status.", |vm, a| {
        Ok(Value::int32((status_arg(vm, a)? >> 8) & 0xff))
    }),
    NativeDef::new(
        "WIFSIGNALED(status)",
        "Return True if the process returning status was terminated by a signal.",
        |vm, a| {
            let s = status_arg(vm, a)? & 0x7f;
            Ok((s != 0 && s != 0x7f).into())
        },
    ),
    NativeDef::new(
        "WTERMSIG(status)",
        "Return the signal that terminated the process that provided the status value.",
        |vm, a| Ok(Value::int32(status_arg(vm, a)? & 0x7f)),
    ),
    NativeDef::new("WIFSTOPPED(status)", "Return True if the process returning status was stopped.", |vm, a| {
        Ok((status_arg(vm, a)? & 0xff == 0x7f).into())
    }),
    NativeDef::new(
        "WSTOPSIG(status)",
        "Return the signal that stopped the process that provided the status value.",
        |vm, a| Ok(Value::int32((status_arg(vm, a)? >> 8) & 0xff)),
    ),
    NativeDef::new(
        "WIFCONTINUED(status)",
        "Return True if a particular process was continued from a job control stop.",
        |vm, a| Ok((status_arg(vm, a)? == 0xffff).into()),
    ),
    NativeDef::new(
        "WCOREDUMP(status, /)",
        "Return True if the process returning status was dumped to a core file.",
        |vm, a| Ok((status_arg(vm, a)? & 0x80 != 0).into()),
    ),
    NativeDef::new("waitstatus_to_exitcode(status)", "Convert a wait status to an exit code.", |vm, a| {
        let s = status_arg(vm, a)?;
        match s & 0x7f {
            0 => Ok(Value::int32((s >> 8) & 0xff)),
            0x7f => {
                let signal = (s >> 8) & 0xff;
                Err(vm.value_error(format!("process stopped by delivery of signal {signal}")))
            }
            signal => Ok(Value::int32(-signal)),
        }
    }),
    NativeDef::new("system(command)", "Execute the command in a subshell.", run_shell),
    NativeDef::new(
        "execv(path, argv, /)",
        "Execute an executable path with arguments, replacing current process.",
        |vm, a| exec(vm, a, "execv"),
    ),
    NativeDef::new(
        "execve(path, argv, env)",
        "Execute an executable path with arguments, replacing current process.",
        |vm, a| exec(vm, a, "execve"),
    ),
    NativeDef::new(
        "_exit(status)",
        "Exit to the system with specified status, without normal exit processing.",
        |vm, a| {
            let status = vm.index_i64(&a[0])?;
            vm.send_held();
            std::process::exit(status as i32)
        },
    ),
    NativeDef::new("abort()", "Abort the interpreter immediately.", |vm, _| {
        vm.send_held();
        std::process::abort()
    }),
    NativeDef::new("cpu_count()", "Return the number of logical CPUs in the system.", |vm, _| {
        Ok(match nix::unistd::sysconf(SysconfVar::_NPROCESSORS_ONLN) {
            Ok(Some(n)) if n > 0 => vm.int(n),
            _ => Value::NONE,
        })
    }),
    NativeDef::new("sysconf(name, /)", "Return an integer-valued system configuration variable.", sysconf),
    NativeDef::new("uname()", "Return an object identifying the current operating system.", uname),
    NativeDef::new("times()", "Return a collection containing process timing information.", times),
    NativeDef::new("getloadavg()", "Return average recent system load information.", |vm, _| {
        let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let loads: Vec<f64> = text.split(' ').take(3).filter_map(|n| n.parse().ok()).collect();
        if loads.len() != 3 {
            return Err(vm.os_error_plain("Load averages are unobtainable"));
        }
        let loads = loads.into_iter().map(|x| vm.float(x)).collect();
        Ok(vm.tuple(loads).into())
    }),
    NativeDef::new("strerror(code, /)", "Translate an error code to a message string.", |vm, a| {
        let code = vm.index_i64(&a[0])?;
        let e = std::io::Error::from_raw_os_error(code as i32);
        let text = crate::objects::exceptions::os_error::error_text(&e);
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new(
        "urandom(size, /)",
        "Return a bytes object containing random bytes suitable for cryptographic use.",
        |vm, a| {
            let n = vm.index_i64(&a[0])?;
            random_bytes(vm, n)
        },
    ),
    NativeDef::new("getrandom(size, flags=0)", "Obtain a series of random bytes.", |vm, a| {
        let n = vm.index_i64(&a[0])?;
        if n < 0 {
            return Err(os_failure(vm, Errno::EINVAL, None));
        }
        random_bytes(vm, n)
    }),
    NativeDef::new(
        "register_at_fork(*, before=None, after_in_child=None, after_in_parent=None)",
        "Register callables to be called when forking a new process.",
        |vm, a| {
            let given: Vec<&Value> = (0..3).filter_map(|i| arg(a, i)).collect();
            if given.is_empty() {
                return Err(vm.type_error("At least one argument is required."));
            }
            for (f, name) in given.iter().zip(["before", "after_in_child", "after_in_parent"]) {
                if !vm.is_callable(f) {
                    return Err(vm.type_error(format!("'{name}' must be callable, not {}", vm.class_name(f))));
                }
            }
            // Processes are never forked, so there is nothing to remember.
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "tcgetpgrp(fd, /)",
        "Return the process group associated with the terminal specified by fd.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let p = system(vm, None, || nix::unistd::tcgetpgrp(fd))?;
            Ok(pid(vm, p))
        },
    ),
    NativeDef::new("ctermid()", "Return the name of the controlling terminal for this process.", |vm, _| {
        Ok(vm.intern("/dev/tty").into())
    }),
];

/// `os.uname_result`.
pub static UNAME_RESULT: StructSeq = StructSeq {
    module: "posix",
    name: "uname_result",
    doc: "uname_result: Result from os.uname().",
    visible: 5,
    unnamed: 0,
    fields: &[
        field::<0>("sysname", "operating system name"),
        field::<1>("nodename", "name of machine on network (implementation-defined)"),
        field::<2>("release", "operating system release"),
        field::<3>("version", "operating system version"),
        field::<4>("machine", "hardware identifier"),
    ],
    constructible: true,
};

/// `os.times_result`.
pub static TIMES_RESULT: StructSeq = StructSeq {
    module: "posix",
    name: "times_result",
    doc: "times_result: Result from os.times().",
    visible: 5,
    unnamed: 0,
    fields: &[
        field::<0>("user", "user time"),
        field::<1>("system", "system time"),
        field::<2>("children_user", "user time of children"),
        field::<3>("children_system", "system time of children"),
        field::<4>("elapsed", "elapsed time since an arbitrary point in the past"),
    ],
    constructible: true,
};

fn pid(vm: &Vm, p: Pid) -> Value {
    vm.int(i64::from(p.as_raw()))
}

fn pid_arg(vm: &mut Vm, v: &Value) -> R<Pid> {
    let n = vm.index_i64(v)?;
    match i32::try_from(n) {
        Ok(n) => Ok(Pid::from_raw(n)),
        Err(_) => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn signal_arg(vm: &mut Vm, v: &Value) -> R<Option<Signal>> {
    let n = vm.index_i64(v)?;
    if n == 0 {
        return Ok(None);
    }
    match i32::try_from(n).ok().and_then(|n| Signal::try_from(n).ok()) {
        Some(s) => Ok(Some(s)),
        None => Err(os_failure(vm, Errno::EINVAL, None)),
    }
}

fn status_arg(vm: &mut Vm, a: &[Value]) -> R<i32> {
    let n = vm.index_i64(&a[0])?;
    match i32::try_from(n) {
        Ok(n) => Ok(n),
        Err(_) => Err(vm.value_error(format!("invalid wait status: {n}"))),
    }
}

fn wait_for(vm: &mut Vm, of: Pid, options: i32) -> R {
    let flags = WaitPidFlag::from_bits_truncate(options);
    let status = system(vm, None, || waitpid(of, Some(flags)))?;
    let (p, raw) = match status {
        WaitStatus::Exited(p, code) => (p, (code & 0xff) << 8),
        WaitStatus::Signaled(p, signal, core) => (p, signal as i32 | if core { 0x80 } else { 0 }),
        WaitStatus::Stopped(p, signal) => (p, ((signal as i32) << 8) | 0x7f),
        WaitStatus::Continued(p) => (p, 0xffff),
        _ => (Pid::from_raw(0), 0),
    };
    let p = pid(vm, p);
    Ok(vm.pair([p, Value::int32(raw)]))
}

fn run_shell(vm: &mut Vm, a: &[Value]) -> R {
    let line = path::fspath(vm, &a[0])?;
    let (line, _) = path::fs_bytes(vm, &line)?;
    if line.contains(&0) {
        return Err(vm.value_error("embedded null byte"));
    }
    crate::modules::sys::event(vm, "os.system", std::slice::from_ref(&a[0]))?;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(OsString::from_vec(line));
    environment::hand_over(vm, &mut command);
    match vm.unlocked(|| command.status()) {
        Ok(status) => {
            vm.checkpoint()?;
            Ok(vm.int(i64::from(status.into_raw())))
        }
        Err(e) => Err(vm.os_error(&e, None)),
    }
}

fn exec(vm: &mut Vm, a: &[Value], name: &str) -> R {
    let p = path::path_arg(vm, &a[0], name, "path", Takes::default())?;
    if vm.tuple_clone(&a[1]).is_none() && !a[1].is_a::<crate::vm::seq::List>() {
        return Err(vm.type_error(format!("{name}: argv must be a tuple or list")));
    }
    let mut words = Vec::new();
    for w in vm.collect(&a[1])? {
        let w = path::fspath(vm, &w)?;
        words.push(OsString::from_vec(path::fs_bytes(vm, &w)?.0));
    }
    let Some((first, rest)) = words.split_first() else {
        return Err(vm.value_error(format!("{name}: argv must not be empty")));
    };
    vm.send_held();
    if first.is_empty() {
        return Err(vm.value_error(format!("{name}: argv first element cannot be empty")));
    }
    // Without a slash it would be searched for.
    let program = if p.path.components().count() == 1 && p.path.is_relative() {
        std::path::Path::new(".").join(&p.path)
    } else {
        p.path.clone()
    };
    let mut command = Command::new(program);
    command.arg0(first).args(rest);
    if name == "execve" {
        let env = arg_or_none(a, 2).clone();
        let items = vm.call_method(&env, "items", &[])?;
        command.env_clear();
        for item in vm.collect(&items)? {
            let pair = vm.collect(&item)?;
            let [k, v] = pair.as_slice() else { return Err(vm.type_error("env.items() must give pairs")) };
            let (k, v) = (path::fspath(vm, k)?, path::fspath(vm, v)?);
            let (k, v) = (path::fs_bytes(vm, &k)?.0, path::fs_bytes(vm, &v)?.0);
            if k.is_empty() || k.contains(&b'=') {
                return Err(vm.value_error("illegal environment variable name"));
            }
            command.env(OsString::from_vec(k), OsString::from_vec(v));
        }
    } else {
        environment::hand_over(vm, &mut command);
    }
    let e = command.exec();
    Err(vm.os_error(&e, Some(&p.object)))
}

/// The variables of `sysconf` by name, with the system's numbers.
pub const SYSCONF: &[(&str, SysconfVar)] = &[
    ("SC_ARG_MAX", SysconfVar::ARG_MAX),
    ("SC_CHILD_MAX", SysconfVar::CHILD_MAX),
    ("SC_CLK_TCK", SysconfVar::CLK_TCK),
    ("SC_NGROUPS_MAX", SysconfVar::NGROUPS_MAX),
    ("SC_OPEN_MAX", SysconfVar::OPEN_MAX),
    ("SC_PAGESIZE", SysconfVar::PAGE_SIZE),
    ("SC_PAGE_SIZE", SysconfVar::PAGE_SIZE),
    ("SC_IOV_MAX", SysconfVar::IOV_MAX),
    ("SC_NPROCESSORS_CONF", SysconfVar::_NPROCESSORS_CONF),
    ("SC_NPROCESSORS_ONLN", SysconfVar::_NPROCESSORS_ONLN),
    ("SC_PHYS_PAGES", SysconfVar::_PHYS_PAGES),
    ("SC_AVPHYS_PAGES", SysconfVar::_AVPHYS_PAGES),
];

fn sysconf(vm: &mut Vm, a: &[Value]) -> R {
    let found = if vm.is_int(&a[0]) {
        let n = vm.as_i64(&a[0]);
        SYSCONF.iter().find(|(_, v)| Some(*v as i64) == n)
    } else {
        let name = vm.str_of(&a[0]);
        SYSCONF.iter().find(|(n, _)| *n == name)
    };
    let Some((_, var)) = found else {
        if vm.is_int(&a[0]) {
            return Err(os_failure(vm, Errno::EINVAL, None));
        }
        return Err(vm.value_error("unrecognized configuration name"));
    };
    match nix::unistd::sysconf(*var) {
        Ok(Some(n)) => Ok(vm.int(n)),
        Ok(None) => Ok(Value::int32(-1)),
        Err(e) => Err(os_failure(vm, e, None)),
    }
}

fn uname(vm: &mut Vm, _: &[Value]) -> R {
    let names = system(vm, None, nix::sys::utsname::uname)?;
    let class = structseq::define(vm, &UNAME_RESULT)?;
    let parts = [names.sysname(), names.nodename(), names.release(), names.version(), names.machine()];
    let values = parts.iter().map(|p| vm.new_str(&p.to_string_lossy()).into_value()).collect();
    Ok(structseq::make(vm, &class, values))
}

fn times(vm: &mut Vm, _: &[Value]) -> R {
    let class = structseq::define(vm, &TIMES_RESULT)?;
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 * 1e-6;
    let mut values = Vec::new();
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = system(vm, None, || getrusage(who))?;
        values.push(vm.float(seconds(usage.user_time())));
        values.push(vm.float(seconds(usage.system_time())));
    }
    let now = system(vm, None, || nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC))?;
    values.push(vm.float(now.tv_sec() as f64 + now.tv_nsec() as f64 * 1e-9));
    Ok(structseq::make(vm, &class, values))
}

fn random_bytes(vm: &mut Vm, n: i64) -> R {
    let Ok(n) = usize::try_from(n) else { return Err(vm.value_error("negative argument not allowed")) };
    vm.check_alloc(n)?;
    let mut bytes = vec![0; n];
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..).filter(|r| !r.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(got) => at += got,
            Err(rustix::io::Errno::INTR) => vm.checkpoint()?,
            Err(e) => return Err(os_failure(vm, Errno::from_i32(e.raw_os_error()), None)),
        }
    }
    Ok(vm.new_bytes(&bytes).into())
}
