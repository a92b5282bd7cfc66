//! `run_in_executor` and the threads of `ThreadPoolExecutor`: the native way of a function to another thread and of its
//! outcome back to the loop.
//!
//! A job for a loop makes no future of `concurrent.futures`: the worker puts the outcome into the loop's queue itself,
//! which it may because it holds the interpreter's lock. Executors other than plain thread pools are served by
//! `asyncio.base_events`.

use super::core::{self, Entry, EventLoop};
use super::{Classes, future};
use crate::heap_object;
use crate::modules::queue::{self, SimpleQueue};
use crate::modules::thread::{self, wait::Until};
use crate::vm::exception::Raised;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// A call that a loop waits for.
    pub struct Job { event_loop: Ref<EventLoop>, future: Value, function: Value, args: Vec<Value> }
}

/// Gives the class its methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.job, METHODS, ATTRS);
}

/// What a pool that is shut down does with calls that have not begun.
const METHODS: &[NativeDef] = &[
    NativeDef::new("cancel(self)", "Cancel the call.", |vm, a| {
        let job = vm.this::<Job>(a, "cancel")?.clone();
        deliver(vm, &job, Value::UNDEF, true);
        Ok(Value::TRUE)
    }),
    NativeDef::new("set_exception(self, exception)", "End the call with an exception.", |vm, a| {
        let job = vm.this::<Job>(a, "set_exception")?.clone();
        deliver(vm, &job, a[1].clone(), true);
        Ok(Value::NONE)
    }),
];

const ATTRS: &[GetSetDef] =
    &[GetSetDef::new("future", "What `cancel` and `set_exception` are called on.", |_, v| Ok(v.clone()))];

/// Tells the loop of the outcome, from any thread.
fn deliver(vm: &mut Vm, job: &Ref<Job>, outcome: Value, failed: bool) {
    let (l, future) = (job.get(vm).event_loop.clone(), job.get(vm).future.clone());
    let mut this = l.get_mut(vm);
    this.outside = this.outside.saturating_sub(1);
    if this.closed {
        return;
    }
    this.ready.push_back(Entry::JobDone { future, outcome, failed });
    drop(this);
    core::wake(vm, &l);
}

/// `loop.run_in_executor(executor, func, *args)`.
///
/// # Errors
/// RuntimeError when the loop is closed or the executor shut down; what other executors' `submit` raises.
pub fn run_in_executor(vm: &mut Vm, args: &Args<'_>) -> R {
    match args.pos {
        [this, executor, function, rest @ ..] if args.kw_names.is_empty() => {
            if let Some(l) = this.cast::<EventLoop>()
                && let Some(future) = submit(vm, l, executor, function, rest)?
            {
                return Ok(future);
            }
        }
        _ => {}
    }
    let f = super::apy_function(vm, "base_events", "run_in_executor")?;
    vm.call_kw(&f, args)
}

/// Does it natively, if the executor is a plain thread pool that works.
fn submit(vm: &mut Vm, l: &Ref<EventLoop>, executor: &Value, function: &Value, args: &[Value]) -> R<Option<Value>> {
    let this = l.get(vm);
    if this.closed || this.debug || executor.is_none() && (this.executor_shut || this.executor.is_none()) {
        return Ok(None);
    }
    let executor = if executor.is_none() { this.executor.clone() } else { executor.clone() };
    let Some(class) = vm.loaded_attr("concurrent.futures.thread", "ThreadPoolExecutor") else { return Ok(None) };
    if !vm.class_of(&executor).value().is(&class) {
        return Ok(None);
    }
    let usable = vm.get_attr_str(&executor, "_usable")?;
    if !usable.is(&Value::TRUE) {
        return Ok(None);
    }
    let jobs = vm.get_attr_str(&executor, "_work_queue")?;
    let Some(jobs) = jobs.cast::<SimpleQueue>() else { return Ok(None) };
    let future = future::new_future(vm, l.value())?;
    let job = Job { event_loop: l.clone(), future: future.clone(), function: function.clone(), args: args.to_vec() };
    let job = vm.alloc(job).into_value();
    l.get_mut(vm).outside += 1;
    queue::put(vm, jobs, job);
    if queue::wants_thread(vm, jobs) {
        vm.call_method(&executor, "_adjust_thread_count", &[])?;
    }
    Ok(Some(future))
}

/// The life of a thread of a pool: does what comes out of the queue. At `None` it asks `leaves`, which says whether
/// the pool is at its end. `context` is what work items are run with.
///
/// # Errors
/// What an item lets out, and what stops the interpreter.
pub fn serve(vm: &mut Vm, a: &[Value]) -> R {
    let [jobs, context, leaves] = a else { return Ok(Value::NONE) };
    let Some(jobs) = jobs.cast::<SimpleQueue>() else {
        return Err(vm.type_error("a SimpleQueue is needed"));
    };
    queue::serve(vm, jobs);
    let run = vm.intern("run");
    loop {
        thread::set_idle(vm, true);
        let item = queue::get(vm, jobs, Until::Forever);
        thread::set_idle(vm, false);
        let Some(item) = item? else { continue };
        if let Some(job) = item.cast::<Job>() {
            let job = job.clone();
            drop(item);
            run_job(vm, job)?;
        } else if item.is_none() {
            let over = vm.call(leaves, &[])?;
            if vm.truth(&over)? {
                return Ok(Value::NONE);
            }
        } else {
            vm.call_method_interned(&item, &run, std::slice::from_ref(context))?;
        }
        vm.tick(1)?;
    }
}

fn run_job(vm: &mut Vm, job: Ref<Job>) -> R<()> {
    let this = job.get(vm);
    let (l, done, function, args) =
        (this.event_loop.clone(), this.future.clone(), this.function.clone(), this.args.clone());
    if future::core_of(vm, &done).is_none_or(|c| c.done()) {
        // It was cancelled before it began.
        let mut this = l.get_mut(vm);
        this.outside = this.outside.saturating_sub(1);
        return Ok(());
    }
    let result = vm.call(&function, &args);
    drop(function);
    drop(args);
    let (outcome, failed) = match result {
        Ok(v) => (v, false),
        Err(e) if e.is_halt() => return Err(e),
        Err(e) => (failure(vm, e)?, true),
    };
    deliver(vm, &job, outcome, failed);
    Ok(())
}

/// Exceptions of `concurrent.futures` become those of asyncio.
fn failure(vm: &mut Vm, e: Raised) -> R {
    let e = vm.exception_value(e);
    let class = vm.class_of(&e).value().clone();
    for name in ["CancelledError", "InvalidStateError"] {
        if vm.loaded_attr("concurrent.futures._base", name).is_some_and(|c| c.is(&class)) {
            return super::call_apy(vm, "futures", "_convert_future_exc", &[e]);
        }
    }
    Ok(e)
}

/// Completes a future with the outcome of its job.
///
/// # Errors
/// What the future's callbacks' scheduling raises.
pub fn complete(vm: &mut Vm, done: &Value, outcome: Value, failed: bool) -> R<()> {
    if future::core_of(vm, done).is_none_or(|c| c.done()) {
        return Ok(());
    }
    if outcome.is_undef() {
        return future::cancel(vm, done, Value::NONE).map(drop);
    }
    if failed { future::set_exception(vm, done, outcome) } else { future::set_result(vm, done, outcome) }
}
