//! The exceptions of `_io`, and how failures of the system become exceptions.

use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;

#[derive(Default)]
struct Unsupported(Option<Ref<Class>>);

/// `io.UnsupportedOperation`.
///
/// # Errors
/// None in a sound build.
pub fn unsupported_class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = &vm.state::<Unsupported>().0 {
        return Ok(c.clone());
    }
    let spec = ClassSpec {
        name: "UnsupportedOperation",
        bases: vec![vm.exc.OSError.clone(), vm.exc.ValueError.clone()],
        meta: None,
        flags: class_flag::HEAP | class_flag::BASE | class_flag::EXCEPTION,
        slots: 0,
        dict: true,
    };
    let class = vm.new_class(spec, None)?;
    let (attr, module) = (vm.names.__module__.clone(), vm.intern("io").into_value());
    vm.set_class_attr(&class, &attr, module);
    vm.state::<Unsupported>().0 = Some(class.clone());
    Ok(class)
}

/// A raised `io.UnsupportedOperation`.
#[cold]
pub fn unsupported(vm: &mut Vm, text: &str) -> Raised {
    match unsupported_class(vm) {
        Ok(class) => vm.raise_text(&class, text),
        Err(e) => e,
    }
}

/// The `OSError` for a system call's failure.
#[cold]
pub fn os_failure(vm: &mut Vm, e: Errno, filename: Option<&Value>) -> Raised {
    vm.os_error(&std::io::Error::from(e), filename)
}

/// Runs a system call without the lock, again and again while signals interrupt it.
///
/// # Errors
/// `OSError`; what signal handlers raise.
pub fn system<T: Send>(vm: &mut Vm, filename: Option<&Value>, mut call: impl FnMut() -> nix::Result<T> + Send) -> R<T> {
    loop {
        match vm.unlocked(&mut call) {
            Err(Errno::EINTR) => vm.checkpoint()?,
            Ok(v) => return Ok(v),
            Err(e) => return Err(os_failure(vm, e, filename)),
        }
    }
}

/// As [`system`], for descriptors that may be set not to block: nothing when it would have to wait.
///
/// # Errors
/// As [`system`].
pub fn system_or_wait<T: Send>(
    vm: &mut Vm,
    filename: Option<&Value>,
    mut call: impl FnMut() -> nix::Result<T> + Send,
) -> R<Option<T>> {
    system(vm, filename, || match call() {
        Err(Errno::EAGAIN) => Ok(None),
        other => other.map(Some),
    })
}
