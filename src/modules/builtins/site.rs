//! `exit`, `quit` and `help`: what CPython's `site` adds to the builtins.
//!
//! At a prompt the module `_sitebuiltins` puts objects in their place that also say what to type.

use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::{R, Value, Vm};

/// The functions.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("exit(code=None)", "Raise SystemExit with the code.", leave),
    NativeDef::new("quit(code=None)", "Raise SystemExit with the code.", leave),
    NativeDef::raw("help(*args, **kwargs)", "Print what an object is and how it is used.", help),
];

fn leave(vm: &mut Vm, a: &[Value]) -> R {
    let class = vm.exc.SystemExit.clone();
    Err(vm.raise_call(&class, &[arg_or_none(a, 0).clone()]))
}

fn help(vm: &mut Vm, a: &Args<'_>) -> R {
    let module = crate::modules::import::import_module(vm, "_sitebuiltins")?;
    let helper = vm.get_attr_str(&module, "helper")?;
    vm.call_kw(&helper, a)
}
