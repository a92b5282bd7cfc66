//! `_socket`: sockets and names, for `socket`, which is written in apy.
//!
//! `object` is the class, `address` converts addresses, `resolve` asks for names, `message` has the calls
//! with ancillary data, `constants` the numbers, `errors` the exceptions. Here is making the module.

pub mod address;
pub mod constants;
pub mod errors;
pub mod message;
pub mod object;
pub mod resolve;

use crate::vm::class::class_flag;
use crate::vm::native::{NativeDef, arg};
use crate::vm::system;
use crate::vm::{R, Value, Vm};
use nix::libc;
use object::{DefaultTimeout, Socket};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("socketpair(family=1, type=1, proto=0, /)", "Create a pair of connected sockets.", |vm, a| {
        let mut numbers = [libc::AF_UNIX, libc::SOCK_STREAM, 0];
        for (at, n) in numbers.iter_mut().enumerate() {
            if let Some(v) = arg(a, at).filter(|v| !v.is_none()) {
                *n = vm.index_i64(v)? as i32;
            }
        }
        match system::socketpair(numbers[0], numbers[1], numbers[2]) {
            Ok([x, y]) => Ok(vm.pair([Value::int32(x), Value::int32(y)])),
            Err(e) => Err(vm.os_error(&e, None)),
        }
    }),
    NativeDef::new("dup(fd, /)", "Duplicate a socket's descriptor.", |vm, a| {
        let fd = vm.index_i64(&a[0])? as i32;
        let done = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(0));
        match done {
            Ok(fd) => Ok(Value::int32(fd)),
            Err(e) => Err(crate::modules::io::errors::os_failure(vm, e, None)),
        }
    }),
    NativeDef::new("close(fd, /)", "Close a socket's descriptor.", |vm, a| {
        let fd = vm.index_i64(&a[0])? as i32;
        match system::close(fd) {
            Ok(()) => Ok(Value::NONE),
            Err(e) => Err(vm.os_error(&e, None)),
        }
    }),
    NativeDef::new("getdefaulttimeout()", "Return the default timeout in seconds, or None.", |vm, _| {
        let t = vm.state::<DefaultTimeout>().0;
        Ok(if t < 0.0 { Value::NONE } else { vm.float(t) })
    }),
    NativeDef::new("setdefaulttimeout(timeout, /)", "Set the default timeout of new sockets.", |vm, a| {
        let t = object::timeout_arg(vm, &a[0])?;
        vm.state::<DefaultTimeout>().0 = t;
        Ok(Value::NONE)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("_socket", FUNCTIONS);
    for def in resolve::FUNCTIONS {
        let f = vm.native_function("_socket", def);
        vm.module_set(&m, def.name(), f);
    }
    for (name, n) in constants::CONSTANTS.iter().chain(constants::LINUX) {
        let n = vm.int(*n);
        vm.module_set(&m, name, n);
    }
    let class = match vm.class_for::<Socket>() {
        Some(c) => c,
        None => {
            // As a heap class, so that its `__del__` counts for subclasses.
            let flags = class_flag::HEAP | class_flag::STATIC | class_flag::BASE | class_flag::WEAKREF;
            let c = vm.define_class::<Socket>("_socket", "socket", None, flags)?;
            vm.extend_class(&c, object::METHODS, object::ATTRS);
            vm.doc_class(&c, |_| {
                Some("An end of a connection, or what listens for connections: of a family, a type and a protocol.")
            });
            c
        }
    };
    vm.module_set(&m, "socket", class.value().clone());
    vm.module_set(&m, "SocketType", class.into_value());
    let [gai, h] = errors::classes(vm)?;
    vm.module_set(&m, "gaierror", gai.into_value());
    vm.module_set(&m, "herror", h.into_value());
    let (timeout, error) = (vm.exc.TimeoutError.value().clone(), vm.exc.OSError.value().clone());
    vm.module_set(&m, "timeout", timeout);
    vm.module_set(&m, "error", error);
    vm.module_set(&m, "has_ipv6", Value::TRUE);
    Ok(m.into())
}
