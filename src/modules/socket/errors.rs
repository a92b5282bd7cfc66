//! `gaierror` and `herror`.

use crate::vm::class::Class;
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::system::{self, ResolveError};
use crate::vm::{R, Vm};

#[derive(Default)]
struct Errors(Option<[Ref<Class>; 2]>);

/// `gaierror` and `herror`.
///
/// # Errors
/// None in a sound build.
pub fn classes(vm: &mut Vm) -> R<[Ref<Class>; 2]> {
    if let Some(c) = &vm.state::<Errors>().0 {
        return Ok(c.clone());
    }
    let base = vm.exc.OSError.clone();
    let made = [vm.define_exception("socket", "gaierror", &base)?, vm.define_exception("socket", "herror", &base)?];
    vm.state::<Errors>().0 = Some(made.clone());
    Ok(made)
}

/// A raised `gaierror`.
#[cold]
pub fn gai_error(vm: &mut Vm, code: i32) -> Raised {
    let class = match classes(vm) {
        Ok([c, _]) => c,
        Err(e) => return e,
    };
    let text = vm.new_str(&system::resolve_error_text(code)).into_value();
    let code = vm.int(i64::from(code));
    vm.raise_call(&class, &[code, text])
}

/// What was raised because a name was not resolved.
#[cold]
pub fn resolve_failure(vm: &mut Vm, e: ResolveError) -> Raised {
    match e {
        ResolveError::Name(code) => gai_error(vm, code),
        ResolveError::System(e) => vm.os_error(&e, None),
    }
}
