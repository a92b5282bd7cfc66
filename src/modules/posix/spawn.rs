//! `_posixsubprocess`: starting programs, for `subprocess` and `asyncio`, which are written in apy.

use super::environment;
use super::path::{fs_bytes, fspath};
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::spawn::{Spawn, spawn};
use crate::vm::{R, Value, Vm};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "spawn(executable, args, env, cwd, streams, pass_fds, close_fds, new_session, group, mask, user, group_id)",
        "Start a program and return its process id.",
        start,
    ),
    PIDFD_OPEN,
];

/// `os.pidfd_open`, which `subprocess` uses without loading `os`.
pub const PIDFD_OPEN: NativeDef = NativeDef::new(
    "pidfd_open(pid, flags=0)",
    "Return a descriptor that can be read once the process has ended.",
    pidfd_open,
);

fn pidfd_open(vm: &mut Vm, a: &[Value]) -> R {
    let pid = vm.index_i64(&a[0])? as i32;
    let flags = match arg(a, 1) {
        Some(v) => vm.index_i64(v)? as u32,
        None => 0,
    };
    let opened = match rustix::process::Pid::from_raw(pid) {
        Some(pid) => rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::from_bits_retain(flags)),
        None => Err(rustix::io::Errno::INVAL),
    };
    match opened {
        Ok(fd) => Ok(Value::int32(std::os::fd::IntoRawFd::into_raw_fd(fd))),
        Err(e) => Err(vm.os_error(&e.into(), None)),
    }
}

fn text(vm: &mut Vm, v: &Value) -> R<OsString> {
    let v = fspath(vm, v)?;
    let bytes = fs_bytes(vm, &v)?.0;
    if bytes.contains(&0) {
        return Err(vm.value_error("embedded null byte"));
    }
    Ok(OsString::from_vec(bytes))
}

fn numbers(vm: &mut Vm, v: &Value) -> R<Vec<i32>> {
    let mut all = Vec::new();
    for item in vm.collect(v)? {
        all.push(vm.index_i64(&item)? as i32);
    }
    Ok(all)
}

/// The file of a program that is named without a folder: the system would find it by the `PATH` that the program
/// gets. A program whose file is known is started without a copy of this process's memory map.
fn located(program: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return None;
    }
    let runs = |file: &PathBuf| {
        file.is_absolute() && file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
    };
    std::env::split_paths(path?).map(|folder| folder.join(program)).find(runs)
}

fn start(vm: &mut Vm, a: &[Value]) -> R {
    let program = text(vm, &a[0])?;
    let mut words = Vec::new();
    for w in vm.collect(&a[1])? {
        words.push(text(vm, &w)?);
    }
    let mut variables = Vec::new();
    if a[2].is_none() {
        variables = environment::variables(vm);
    } else {
        let items = vm.call_method(&a[2], "items", &[])?;
        for item in vm.collect(&items)? {
            let pair = vm.collect(&item)?;
            let [k, v] = pair.as_slice() else { return Err(vm.type_error("env.items() must give pairs")) };
            let (k, v) = (text(vm, k)?, text(vm, v)?);
            if k.is_empty() || k.to_string_lossy().contains('=') {
                return Err(vm.value_error("illegal environment variable name"));
            }
            variables.push((k, v));
        }
    }
    let path = variables.iter().rev().find(|(k, _)| k == "PATH").map(|(_, v)| v.as_os_str());
    let mut command = match located(&program, path) {
        Some(file) => Command::new(file),
        None => Command::new(&program),
    };
    if let Some((first, rest)) = words.split_first() {
        command.arg0(first).args(rest);
    }
    command.env_clear().envs(variables);
    let folder = arg_or_none(a, 3).clone();
    if !folder.is_none() {
        let folder = text(vm, &folder)?;
        command.current_dir(folder);
    }
    let streams = numbers(vm, &a[4])?;
    let how = Spawn {
        streams: <[i32; 3]>::try_from(streams).unwrap_or([-1; 3]),
        pass: numbers(vm, &a[5])?,
        close: vm.truth(&a[6])?,
        session: vm.truth(&a[7])?,
        group: vm.index_i64(&a[8])? as i32,
        mask: vm.index_i64(&a[9])? as i32,
        ids: [vm.index_i64(&a[10])?, vm.index_i64(&a[11])?],
    };
    match vm.unlocked(|| spawn(&mut command, &how)) {
        Ok(pid) => Ok(vm.int(i64::from(pid))),
        Err(e) => {
            // The folder or the program: the system does not say which.
            let missing_folder =
                command.get_current_dir().is_some_and(|d| std::fs::metadata(d).map_or(true, |m| !m.is_dir()));
            let culprit = if missing_folder { folder } else { a[0].clone() };
            Err(vm.os_error(&e, Some(&culprit)))
        }
    }
}

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    Ok(vm.new_module("_posixsubprocess", FUNCTIONS).into_value())
}
