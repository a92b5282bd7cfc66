//! `atexit`: functions that run when the program ends.

use crate::vm::native::{Args, NativeDef};
use crate::vm::{R, Value, Vm};

/// A function with its arguments.
struct Entry {
    function: Value,
    args: Vec<Value>,
    kw_values: Vec<Value>,
    kw_names: Vec<Value>,
}

#[derive(Default)]
struct Registered(Vec<Entry>);

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::raw(
        "register(func, /, *args, **kwargs)",
        "Register a function to be executed upon normal program termination",
        register,
    ),
    NativeDef::new(
        "unregister(func, /)",
        "Unregister an exit function which was previously registered using atexit.register",
        unregister,
    ),
    NativeDef::new("_clear()", "Clear the list of previously registered exit functions.", |vm, _| {
        let old = std::mem::take(&mut vm.state::<Registered>().0);
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("_run_exitfuncs()", "Run all registered exit functions.", |vm, _| {
        run(vm);
        Ok(Value::NONE)
    }),
    NativeDef::new("_ncallbacks()", "Return the number of registered exit functions.", |vm, _| {
        Ok(Value::len(vm.state::<Registered>().0.len()))
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    Ok(vm.new_module("atexit", FUNCTIONS).into())
}

fn register(vm: &mut Vm, a: &Args<'_>) -> R {
    let Some((function, args)) = a.pos.split_first() else {
        return Err(vm.type_error("register() takes at least 1 argument (0 given)"));
    };
    if !vm.is_callable(function) {
        return Err(vm.type_error("the first argument must be callable"));
    }
    let entry = Entry {
        function: function.clone(),
        args: args.to_vec(),
        kw_values: a.kw_values.to_vec(),
        kw_names: a.kw_names.to_vec(),
    };
    vm.state::<Registered>().0.push(entry);
    Ok(function.clone())
}

fn unregister(vm: &mut Vm, a: &[Value]) -> R {
    let mut at = 0;
    while let Some(f) = vm.state::<Registered>().0.get(at).map(|e| e.function.clone()) {
        if vm.equal(&f, &a[0])? {
            let list = &mut vm.state::<Registered>().0;
            if at < list.len() {
                drop(list.remove(at));
            }
        } else {
            at += 1;
        }
    }
    Ok(Value::NONE)
}

/// Runs the functions, the last one first; what they raise is reported.
pub fn run(vm: &mut Vm) {
    while let Some(e) = vm.state::<Registered>().0.pop() {
        let args = Args { pos: &e.args, kw_values: &e.kw_values, kw_names: &e.kw_names };
        if let Err(raised) = vm.call_kw(&e.function, &args) {
            let halted = raised.is_halt();
            let shown = vm.repr_string(&e.function).unwrap_or_default();
            vm.unraisable(raised, &Value::NONE, Some(&format!("Exception ignored in atexit callback {shown}")));
            if halted {
                return;
            }
        }
    }
}
