//! `_interpreters`: interpreters beside this one, in the same process, which run at the same time.
//!
//! They share nothing with this one. What goes in and out is bytes; `concurrent.futures` puts pickles into them. A
//! call runs on the calling thread, without the caller's lock.

use crate::embed::{Error, Interpreter, Output, Streams};
use crate::heap_object;
use crate::vm::limits::request;
use crate::vm::native::{NativeDef, arg_or_none};
use crate::vm::str::Bytes;
use crate::vm::threads::Waker;
use crate::vm::{R, Value, Vm};
use std::sync::Arc;
use std::sync::atomic::Ordering;

heap_object! {
    /// The payload of `_interpreters.Interpreter`.
    pub struct Other {}
    skip { interpreter: Option<Interpreter> }
}

/// Native stack of calls, in bytes: half of what a thread has.
const STACK: usize = 8 << 20;

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, path, argv, executable)", "Make an interpreter.", new),
    NativeDef::new("call(self, module, function, data, /)", "Call a function from bytes to bytes in it.", call),
    NativeDef::new("close(self)", "End it.", |vm, a| {
        let this = vm.this::<Other>(a, "close")?;
        let interpreter = this.get_mut(vm).interpreter.take();
        if let Some(i) = interpreter {
            // What its end writes and raises is its own affair.
            let _ = vm.unlocked(move || i.attach(|vm| vm.finish()));
        }
        Ok(Value::NONE)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_interpreters", &[]);
    let class = vm.define_class::<Other>("_interpreters", "Interpreter", None, 0)?;
    vm.extend_class(&class, METHODS, &[]);
    vm.module_set(&module, "Interpreter", class.into_value());
    Ok(module.into())
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(&a[0])?;
    let streams: &mut Streams = vm.state();
    let own = matches!((&streams.stdout, &streams.stderr), (Output::Inherit, Output::Inherit));
    if !own || vm.fuel().is_some() || vm.memory_limit().is_some() {
        return Err(vm.runtime_error("the host bounds this interpreter, so it cannot make others"));
    }
    let path: Vec<String> = vm.collect(&a[1])?.iter().map(|v| vm.str_of(v)).collect();
    let argv: Vec<String> = vm.collect(&a[2])?.iter().map(|v| vm.str_of(v)).collect();
    let executable = vm.str_of(arg_or_none(a, 3));
    let interpreter = vm.unlocked(move || {
        Interpreter::builder().path(path).args(argv).executable(executable).native_stack(STACK).build()
    });
    Ok(vm.alloc_as(&cls, Other { interpreter: Some(interpreter) }).into())
}

fn call(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Other>(a, "call")?;
    let Some(interpreter) = this.get(vm).interpreter.clone() else {
        return Err(vm.runtime_error("the interpreter is closed"));
    };
    let (module, function) = (vm.str_of(&a[1]), vm.str_of(&a[2]));
    let Some(data) = a[3].cast::<Bytes>().map(|b| b.get(vm).as_bytes().to_vec()) else {
        return Err(vm.type_error("data must be bytes"));
    };
    // Who stops this interpreter stops what it waits for.
    let (shared, stop) = (vm.shared(), interpreter.stop_handle());
    let waker: Waker = Arc::new(move || {
        if shared.requests.load(Ordering::SeqCst) & (request::STOP | request::CLOSING) != 0 {
            stop.stop();
        }
    });
    let done = vm.unlocked_until(&waker, || {
        interpreter.attach(|vm| {
            let module = super::import::import_module(vm, &module)?;
            let data = vm.new_bytes(&data).into_value();
            let answer = vm.call_method(&module, &function, &[data])?;
            match answer.cast::<Bytes>() {
                Some(b) => Ok(b.get(vm).as_bytes().to_vec()),
                None => Err(vm.type_error("the answer must be bytes")),
            }
        })
    });
    match done {
        Some(Ok(answer)) => Ok(vm.new_bytes(&answer).into()),
        Some(Err(Error::Exception { class, message, .. })) => Err(vm.runtime_error(format!("{class}: {message}"))),
        Some(Err(e)) => {
            vm.checkpoint()?;
            Err(vm.runtime_error(e.to_string()))
        }
        None => {
            vm.checkpoint()?;
            Err(vm.runtime_error("the call was not begun"))
        }
    }
}
