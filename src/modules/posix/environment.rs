//! The environment: `posix.environ`, `putenv`, `unsetenv`.
//!
//! The process's own environment cannot be changed safely while other threads may read it, so each interpreter keeps
//! a copy: `putenv` changes that, and the programs that the interpreter starts get it.

use super::path;
use crate::modules::io::errors::os_failure;
use crate::vm::native::NativeDef;
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;

/// The interpreter's copy.
pub struct Environment(BTreeMap<Vec<u8>, Vec<u8>>);

impl Default for Environment {
    fn default() -> Self {
        Environment(std::env::vars_os().map(|(k, v)| (k.into_vec(), v.into_vec())).collect())
    }
}

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("putenv(name, value, /)", "Change or add an environment variable.", |vm, a| {
        let name = text(vm, &a[0])?;
        let value = text(vm, &a[1])?;
        if name.is_empty() {
            return Err(os_failure(vm, Errno::EINVAL, None));
        }
        if name.contains(&b'=') {
            return Err(vm.value_error("illegal environment variable name"));
        }
        vm.state::<Environment>().0.insert(name, value);
        Ok(Value::NONE)
    }),
    NativeDef::new("unsetenv(name, /)", "Delete an environment variable.", |vm, a| {
        let name = text(vm, &a[0])?;
        if name.is_empty() || name.contains(&b'=') {
            return Err(os_failure(vm, Errno::EINVAL, None));
        }
        vm.state::<Environment>().0.remove(&name);
        Ok(Value::NONE)
    }),
    NativeDef::new("_create_environ()", "Create the environment dictionary.", |vm, _| dict(vm)),
];

fn text(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    let v = path::fspath(vm, v)?;
    let (bytes, is_bytes) = path::fs_bytes(vm, &v)?;
    if bytes.contains(&0) {
        return Err(vm.value_error(if is_bytes { "embedded null byte" } else { "embedded null character" }));
    }
    Ok(bytes)
}

/// The environment as a dict of bytes.
///
/// # Errors
/// None in a sound build.
pub fn dict(vm: &mut Vm) -> R {
    let d = vm.new_dict();
    let pairs: Vec<(Vec<u8>, Vec<u8>)> =
        vm.state::<Environment>().0.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (k, v) in pairs {
        let (k, v) = (vm.new_bytes(&k).into_value(), vm.new_bytes(&v).into_value());
        d.set_item(vm, k, v)?;
    }
    Ok(d.into())
}

/// A variable of the interpreter's environment.
pub fn variable(vm: &mut Vm, name: &str) -> Option<Vec<u8>> {
    vm.state::<Environment>().0.get(name.as_bytes()).cloned()
}

/// The interpreter's environment.
pub fn variables(vm: &mut Vm) -> Vec<(OsString, OsString)> {
    let pairs = vm.state::<Environment>().0.iter();
    pairs.map(|(k, v)| (OsString::from_vec(k.clone()), OsString::from_vec(v.clone()))).collect()
}

/// Gives a program that is about to be started the interpreter's environment.
pub fn hand_over(vm: &mut Vm, command: &mut Command) {
    command.env_clear().envs(variables(vm));
}
