//! What nobody looked at: exceptions of futures, coroutines of native code that were never awaited.
//!
//! Objects with native payload have no finalizers of their own, which would make every future slow. A future that
//! fails gets a small *watch* object, which has one; when the future dies the watch dies with it and reports. A
//! native coroutine that dies before it ran rings the *bell*: it lets go of one object with a finalizer, which
//! finds the coroutine's name in the list.

use super::future::{self, FutureCore, State};
use super::task::Task;
use super::{Classes, report};
use crate::heap_object;
use crate::vm::native::NativeDef;
use crate::vm::{R, Value, Vm};
use std::cell::RefCell;

heap_object! {
    /// The payload of a watch: what is needed to report the exception of a future that is gone.
    pub struct Unretrieved {
        exception: Value,
        event_loop: Value,
        class_name: String,
        /// A task's coroutine and name; `UNDEF` for other futures.
        coro: Value,
        name: Value,
        context: Value,
        source_traceback: Value,
        armed: bool,
    }
}

heap_object! {
    /// The payload of the bell.
    pub struct Bell { rung: bool }
}

/// The coroutines that died without having been awaited.
pub struct NeverAwaited {
    names: RefCell<Vec<&'static str>>,
    bell: RefCell<Value>,
}

impl Default for NeverAwaited {
    fn default() -> NeverAwaited {
        NeverAwaited { names: RefCell::default(), bell: RefCell::new(Value::UNDEF) }
    }
}

impl NeverAwaited {
    /// Notes a coroutine's name and rings the bell. Runs no script code: it is called while objects are freed.
    pub fn note(&self, name: &'static str) {
        if let Ok(mut names) = self.names.try_borrow_mut() {
            names.push(name);
        }
        let bell = self.bell.try_borrow_mut().map(|mut b| std::mem::replace(&mut *b, Value::UNDEF));
        drop(bell);
    }
}

/// Gives the classes their finalizers and hangs the bell.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.unretrieved, WATCH, &[]);
    vm.extend_class(&classes.bell, BELL, &[]);
    hang_bell(vm, classes);
}

fn hang_bell(vm: &mut Vm, classes: &Classes) {
    let bell = vm.alloc_as(&classes.bell, Bell { rung: false }).into_value();
    let old = classes.never_awaited.bell.replace(bell);
    drop(old);
}

const WATCH: &[NativeDef] = &[NativeDef::new("__del__(self, /)", "", |vm, a| {
    let w = vm.this::<Unretrieved>(a, "__del__")?.clone();
    let this = w.get(vm);
    if !this.armed {
        return Ok(Value::NONE);
    }
    let (exception, event_loop, class_name) =
        (this.exception.clone(), this.event_loop.clone(), this.class_name.clone());
    let (coro, name, tb) = (this.coro.clone(), this.name.clone(), this.source_traceback.clone());
    let task_context = this.context.clone();
    w.get_mut(vm).armed = false;
    // The future is gone; one that looks like it stands in its place.
    let mut core = FutureCore::new(event_loop.clone());
    core.state = State::Failed;
    core.result = exception.clone();
    if !tb.is_none() {
        core.extra().source_traceback = tb.clone();
    }
    let classes = super::classes(vm)?;
    // A script's class may have a `__repr__` that needs what its `__init__` did, and a `__del__`: its name must do.
    if class_name != "Future" && class_name != "Task" {
        core.extra().shown_as = vm.new_str(&class_name).into_value();
    }
    let shown = if coro.is_undef() {
        vm.alloc_as(&classes.future, future::Future { core }).into_value()
    } else {
        vm.alloc_as(&classes.task, Task { core, coro, name, context: task_context, ..Task::blank() }).into_value()
    };
    let message = vm.new_str(&format!("{class_name} exception was never retrieved")).into_value();
    let mut pairs = vec![("message", message), ("exception", exception), ("future", shown)];
    if !tb.is_none() {
        pairs.push(("source_traceback", tb));
    }
    let context = super::named_values(vm, &pairs);
    report::call_exception_handler(vm, &event_loop, &context)?;
    Ok(Value::NONE)
})];

const BELL: &[NativeDef] = &[NativeDef::new("__del__(self, /)", "", |vm, _| {
    let classes = super::classes(vm)?;
    let names = classes.never_awaited.names.take();
    hang_bell(vm, &classes);
    for name in names {
        // The coroutine is gone; its name has to stand for it.
        let source = vm.new_str(name).into_value();
        vm.warn_of_coroutine(&format!("coroutine '{name}' was never awaited"), source)?;
    }
    Ok(Value::NONE)
})];

/// A future failed: should it die before anybody looks at the exception, that is reported.
///
/// # Errors
/// None in a sound build.
pub fn watch(vm: &mut Vm, f: &Value) -> R<()> {
    let class_name = vm.plain_class_name(f);
    let Some(core) = future::core_of(vm, f) else { return Ok(()) };
    let (exception, event_loop) = (core.result.clone(), core.event_loop.clone());
    let source_traceback = core.extra.as_ref().map_or(Value::NONE, |x| x.source_traceback.clone());
    let (coro, name, context) = match f.cast::<Task>() {
        Some(t) => (t.get(vm).coro.clone(), t.get(vm).name.clone(), t.get(vm).context.clone()),
        None => (Value::UNDEF, Value::NONE, Value::NONE),
    };
    let payload = Unretrieved { exception, event_loop, class_name, coro, name, context, source_traceback, armed: true };
    let class = super::classes(vm)?.unretrieved.clone();
    let w = vm.alloc_as(&class, payload).into_value();
    let old = future::with_core(vm, f, |c| {
        c.log_traceback = true;
        std::mem::replace(&mut c.extra().watch, w)
    });
    drop(old);
    if f.is_a::<Task>()
        && let Some(failed) = &mut vm.state::<super::Asyncio>().failed
    {
        failed.push(f.clone());
    }
    Ok(())
}

/// A task was over after its first step, which it took at once: its coroutine is not told of.
pub fn forget_coroutine(vm: &mut Vm, f: &Value) {
    let watch = future::core_of(vm, f).and_then(|c| c.extra.as_ref()).map(|x| x.watch.clone());
    if let Some(w) = watch.as_ref().and_then(|w| w.cast::<Unretrieved>()) {
        let old = std::mem::replace(&mut w.get_mut(vm).coro, Value::NONE);
        drop(old);
    }
}

/// Somebody looked at the exception, or it does not matter any more.
pub fn forget(vm: &mut Vm, f: &Value) {
    let old = future::with_core(vm, f, |c| {
        c.log_traceback = false;
        c.extra.as_mut().map(|x| std::mem::replace(&mut x.watch, Value::UNDEF))
    });
    if let Some(w) = old.flatten()
        && let Some(w) = w.cast::<Unretrieved>()
    {
        w.get_mut(vm).armed = false;
    }
}
