//! `_multiprocessing`: starting another process of this program with a socket between the two.
//!
//! The socket is the child's standard input, so no descriptor has to be passed in any other way; the child moves it
//! out of the way first. What goes through it is the business of `multiprocessing`, which is written in apy.

use crate::vm::native::NativeDef;
use crate::vm::{R, Value, Vm};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "spawn(argv, /)",
        "Start a process whose standard input is a socket; return its id and this end of the socket.",
        spawn,
    ),
    NativeDef::new("socketpair()", "Return the descriptors of two connected sockets.", |vm, _| {
        let (a, b) = UnixStream::pair().map_err(|e| vm.os_error(&e, None))?;
        let ends = [a, b].map(|s| Value::int32(OwnedFd::from(s).into_raw_fd()));
        Ok(vm.pair(ends))
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    Ok(vm.new_module("_multiprocessing", FUNCTIONS).into())
}

fn spawn(vm: &mut Vm, a: &[Value]) -> R {
    let argv: Vec<String> = vm.collect(&a[0])?.iter().map(|v| vm.str_of(v)).collect();
    let Some((program, args)) = argv.split_first() else {
        return Err(vm.value_error("argv must not be empty"));
    };
    let started = vm.unlocked(|| {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Command::new(program).args(args).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        Ok((child.id(), ours))
    });
    match started {
        Ok((pid, ours)) => {
            let fd = Value::int32(OwnedFd::from(ours).into_raw_fd());
            let pid = vm.int(i64::from(pid));
            Ok(vm.pair([pid, fd]))
        }
        Err(e) => Err(vm.os_error(&e, Some(&a[0]))),
    }
}
