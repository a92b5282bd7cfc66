//! `_thread`: starting threads, and the locks that `threading` is made of.
//!
//! How threads share the interpreter is in `vm::threads`. `threading` itself is written in apy.

pub mod local;
pub mod lock;
pub mod wait;

use super::sys::structseq::{self, StructSeq, field};
use crate::heap_object;
use crate::vm::class::class_flag;
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Tuple;
use crate::vm::threads::Waker;
use crate::vm::{R, Value, Vm};
use wait::{TIMEOUT_MAX, Until, WaitQueue};

/// The least native stack that may be asked for, in bytes.
const LEAST_STACK: i64 = 52 << 10;
/// The most.
const MOST_STACK: i64 = 1 << 40;

/// How far a thread has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    New,
    Running,
    Done,
}

heap_object! {
    /// The payload of `_thread._ThreadHandle`.
    pub struct ThreadHandle { ident: u64 }
    skip { stage: Stage, queue: WaitQueue }
}

/// What the interpreter knows of its threads.
#[derive(Default)]
struct Threads {
    /// Those started by scripts that run.
    count: usize,
    /// The handles of those that the end of the program waits for.
    awaited: Vec<Ref<ThreadHandle>>,
    /// Those of pools that wait for something to do.
    idle: usize,
    /// Calls in the queues of pools.
    waiting: usize,
    /// `stack_size`.
    stack: usize,
    /// Who wants to hear when no thread works any more.
    watcher: Option<Waker>,
}

static EXCEPT_HOOK_ARGS: StructSeq = StructSeq {
    module: "_thread",
    name: "_ExceptHookArgs",
    doc: "ExceptHookArgs\n\nType used to pass arguments to threading.excepthook.",
    visible: 4,
    unnamed: 0,
    fields: &[
        field::<0>("exc_type", "Exception type"),
        field::<1>("exc_value", "Exception value"),
        field::<2>("exc_traceback", "Exception traceback"),
        field::<3>("thread", "Thread"),
    ],
    constructible: true,
};

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("allocate_lock()", "Create a new lock object.", new_lock),
    NativeDef::new("allocate()", "An obsolete synonym of allocate_lock().", new_lock),
    NativeDef::raw(
        "start_new_thread(function, args, kwargs={}, /)",
        "Start a new thread and return its identifier.",
        start_new_thread,
    ),
    NativeDef::raw("start_new(function, args, kwargs={}, /)", "An obsolete synonym of start_new_thread().", |vm, a| {
        start_new_thread(vm, a)
    }),
    NativeDef::new(
        "start_joinable_thread(function, handle=None, daemon=True)",
        "Start a new thread and return its handle.",
        start_joinable_thread,
    ),
    NativeDef::new("get_ident()", "Return a non-zero integer that identifies the current thread.", |vm, _| {
        Ok(ident_value(vm, vm.thread_ident()))
    }),
    NativeDef::new("_get_main_thread_ident()", "Internal only. Return the ident of the main thread.", |vm, _| {
        Ok(ident_value(vm, vm.main_ident()))
    }),
    NativeDef::new("get_native_id()", "Return the thread's identifier in the system.", |vm, _| {
        Ok(vm.int(i64::from(nix::unistd::gettid().as_raw())))
    }),
    NativeDef::new("_count()", "Return the number of currently running threads.", |vm, _| {
        Ok(Value::len(vm.state::<Threads>().count))
    }),
    NativeDef::new("stack_size(size=0, /)", "Return the thread stack size used when creating new threads.", stack_size),
    NativeDef::new("exit()", "Raise SystemExit, which ends the thread.", exit),
    NativeDef::new("exit_thread()", "An obsolete synonym of exit().", exit),
    NativeDef::new(
        "interrupt_main(signum=2, /)",
        "Simulate the arrival of a signal in the main thread.",
        interrupt_main,
    ),
    NativeDef::new("daemon_threads_allowed()", "Return True if daemon threads are allowed.", |_, _| Ok(Value::TRUE)),
    NativeDef::new("_is_main_interpreter()", "Return True if this is the main interpreter.", |_, _| Ok(Value::TRUE)),
    NativeDef::new("_make_thread_handle(ident, /)", "Internal only. Make a handle of a running thread.", |vm, a| {
        let ident = vm.index_i64(&a[0])? as u64;
        Ok(vm.alloc(ThreadHandle { ident, stage: Stage::Running, queue: WaitQueue::default() }).into())
    }),
    NativeDef::new("_shutdown()", "Internal only. Wait for all threads that are not daemons.", |vm, _| {
        wait_for_all(vm)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("set_name(name)", "Set the name of the current thread.", set_name),
    NativeDef::new("_get_name()", "Get the name of the current thread.", |vm, _| {
        let name = rustix::thread::name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(vm.new_str(&name).into())
    }),
];

const HANDLE_METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls)", "Create and return a new object.", |vm, a| {
        let cls = vm.class_arg(&a[0])?;
        Ok(vm.alloc_as(&cls, ThreadHandle { ident: 0, stage: Stage::New, queue: WaitQueue::default() }).into())
    }),
    NativeDef::new("join(self, timeout=None, /)", "Wait until the thread ends.", join),
    NativeDef::new("is_done(self, /)", "Whether the thread has ended.", |vm, a| {
        Ok((vm.this::<ThreadHandle>(a, "is_done")?.get(vm).stage == Stage::Done).into())
    }),
    NativeDef::new("_set_done(self, /)", "Internal only. The thread has ended.", |vm, a| {
        let h = vm.this::<ThreadHandle>(a, "_set_done")?;
        if h.get(vm).stage == Stage::New {
            return Err(vm.runtime_error("thread not started"));
        }
        done(vm, h);
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let ident = vm.this::<ThreadHandle>(a, "__repr__")?.get(vm).ident;
        Ok(vm.new_str(&format!("<_thread._ThreadHandle object: ident={ident}>")).into())
    }),
];

const HANDLE_ATTRS: &[GetSetDef] = &[GetSetDef::new("ident", "", |vm, v| {
    let ident = vm.this::<ThreadHandle>(std::slice::from_ref(v), "ident")?.get(vm).ident;
    Ok(ident_value(vm, ident))
})];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_thread", FUNCTIONS);
    vm.at_collections(local::forget_dead);
    let lock = vm.define_class::<lock::Lock>("_thread", "lock", None, class_flag::WEAKREF)?;
    vm.extend_class(&lock, lock::LOCK_METHODS, &[]);
    vm.doc_class(&lock, |_| {
        Some("Held by one thread at a time: `with lock:` waits for it, and releases it at the end of the block.")
    });
    let rlock = vm.define_class::<lock::RLock>("_thread", "RLock", None, class_flag::BASE | class_flag::WEAKREF)?;
    vm.extend_class(&rlock, lock::RLOCK_METHODS, &[]);
    let local = vm.define_class::<local::Local>("_thread", "_local", None, class_flag::BASE | class_flag::WEAKREF)?;
    vm.extend_class(&local, local::METHODS, &[]);
    vm.doc_class(&local, |_| Some("An object whose attributes each thread has for itself."));
    let handle = vm.define_class::<ThreadHandle>("_thread", "_ThreadHandle", None, 0)?;
    vm.extend_class(&handle, HANDLE_METHODS, HANDLE_ATTRS);
    let args = structseq::define(vm, &EXCEPT_HOOK_ARGS)?;
    let error = vm.exc.RuntimeError.clone();
    let most = vm.float(TIMEOUT_MAX);
    for (name, v) in [
        ("lock", lock.value()),
        ("LockType", lock.value()),
        ("RLock", rlock.value()),
        ("_local", local.value()),
        ("_ThreadHandle", handle.value()),
        ("_ExceptHookArgs", args.value()),
        ("error", error.value()),
        ("TIMEOUT_MAX", &most),
        ("_NAME_MAXLEN", &Value::int32(15)),
    ] {
        vm.module_set(&module, name, v.clone());
    }
    Ok(module.into())
}

fn ident_value(vm: &Vm, ident: u64) -> Value {
    vm.int(ident as i64)
}

fn new_lock(vm: &mut Vm, _: &[Value]) -> R {
    Ok(vm.alloc(lock::Lock::default()).into())
}

fn exit(vm: &mut Vm, _: &[Value]) -> R {
    let class = vm.exc.SystemExit.clone();
    let e = vm.new_exception(&class, Vec::new()).into_value();
    Err(vm.raise(e))
}

fn interrupt_main(vm: &mut Vm, a: &[Value]) -> R {
    let signal = match arg(a, 0) {
        Some(v) => vm.index_i64(v)?,
        None => super::signal::SIGINT,
    };
    super::signal::simulate(vm, signal)?;
    Ok(Value::NONE)
}

fn set_name(vm: &mut Vm, a: &[Value]) -> R {
    let name: String = vm.str_of(&a[0]).replace('\0', "");
    let mut end = name.len().min(15);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    if let Ok(text) = std::ffi::CString::new(&name[..end]) {
        // The name is for tools that list threads; a system without names does without.
        let _ = rustix::thread::set_name(&text);
    }
    Ok(Value::NONE)
}

fn stack_size(vm: &mut Vm, a: &[Value]) -> R {
    let size = match arg(a, 0) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    let given = arg(a, 0).is_some();
    if size != 0 && size < LEAST_STACK {
        return Err(vm.value_error(format!("size must be at least {LEAST_STACK} bytes")));
    }
    if size > MOST_STACK {
        return Err(vm.value_error(format!("size not valid: {size} bytes")));
    }
    let threads = vm.state::<Threads>();
    let old = threads.stack;
    if given {
        threads.stack = size as usize;
    }
    Ok(Value::len(old))
}

// ---- starting ----

fn start_new_thread(vm: &mut Vm, a: &Args<'_>) -> R {
    let n = a.pos.len();
    if !a.kw_names.is_empty() {
        return Err(vm.type_error("_thread.start_new_thread() takes no keyword arguments"));
    }
    if !(2..=3).contains(&n) {
        let bound = if n < 2 { "at least 2 arguments" } else { "at most 3 arguments" };
        return Err(vm.type_error(format!("start_new_thread expected {bound}, got {n}")));
    }
    if !vm.is_callable(&a.pos[0]) {
        return Err(vm.type_error("first arg must be callable"));
    }
    if !a.pos[1].is_a::<Tuple>() {
        return Err(vm.type_error("2nd arg must be a tuple"));
    }
    let kwargs = arg_or_none(a.pos, 2).clone();
    if !kwargs.is_none() && !kwargs.is_a::<Dict>() {
        return Err(vm.type_error("optional 3rd arg must be a dictionary"));
    }
    let handle = vm.alloc(ThreadHandle { ident: 0, stage: Stage::New, queue: WaitQueue::default() });
    start(vm, &handle, [a.pos[0].clone(), a.pos[1].clone(), kwargs], true)?;
    let ident = handle.get(vm).ident;
    Ok(ident_value(vm, ident))
}

fn start_joinable_thread(vm: &mut Vm, a: &[Value]) -> R {
    if !vm.is_callable(&a[0]) {
        return Err(vm.type_error("thread function must be callable"));
    }
    let handle = match arg(a, 1) {
        Some(v) if !v.is_none() => match v.cast::<ThreadHandle>() {
            Some(h) => h.clone(),
            None => return Err(vm.type_error("'handle' must be a _ThreadHandle")),
        },
        _ => vm.alloc(ThreadHandle { ident: 0, stage: Stage::New, queue: WaitQueue::default() }),
    };
    if handle.get(vm).stage != Stage::New {
        return Err(vm.runtime_error("thread already started"));
    }
    let daemon = match arg(a, 2) {
        Some(v) => vm.truth(v)?,
        None => true,
    };
    let args = vm.empty_tuple();
    start(vm, &handle, [a[0].clone(), args, Value::NONE], daemon)?;
    Ok(handle.into())
}

fn start(vm: &mut Vm, handle: &Ref<ThreadHandle>, call: [Value; 3], daemon: bool) -> R<()> {
    let [function, args, kwargs] = call;
    let argument = vm.tuple(vec![function, args, kwargs, handle.value().clone()]).into_value();
    let stack = vm.state::<Threads>().stack;
    let ident = vm.start_thread("", stack, run, argument)?;
    let mut this = handle.get_mut(vm);
    this.ident = ident;
    this.stage = Stage::Running;
    drop(this);
    let threads = vm.state::<Threads>();
    threads.count += 1;
    if !daemon {
        threads.awaited.push(handle.clone());
    }
    Ok(())
}

/// The life of a thread that a script started.
fn run(vm: &mut Vm, argument: Value) {
    let parts = vm.tuple_clone(&argument).unwrap_or_default();
    drop(argument);
    let Ok([function, args, kwargs, handle]) = <[Value; 4]>::try_from(parts) else { return };
    if let Err(e) = call(vm, &function, args, kwargs)
        && !e.is_halt()
        && !vm.raised_is(&e, &vm.exc.SystemExit)
    {
        vm.unraisable(e, &function, Some("Exception ignored in thread started by"));
    }
    drop(function);
    local::leave(vm);
    crate::event_loop::leave_thread(vm);
    if let Some(h) = handle.cast::<ThreadHandle>() {
        done(vm, h);
    }
    let threads = vm.state::<Threads>();
    threads.count = threads.count.saturating_sub(1);
    tell_watcher(vm);
    // Finalizers of what the thread held; what they raise has been reported.
    let _ = vm.checkpoint();
}

fn call(vm: &mut Vm, function: &Value, args: Value, kwargs: Value) -> R<()> {
    // A request that came before the thread began.
    vm.checkpoint()?;
    let pos = vm.tuple_clone(&args).unwrap_or_default();
    let (mut kw_names, mut kw_values) = (Vec::new(), Vec::new());
    if let Some(d) = kwargs.cast::<Dict>() {
        for (k, v) in d.get(vm).iter() {
            kw_names.push(k.clone());
            kw_values.push(v.clone());
        }
    }
    vm.call_kw(function, &Args { pos: &pos, kw_values: &kw_values, kw_names: &kw_names }).map(drop)
}

fn done(vm: &mut Vm, h: &Ref<ThreadHandle>) {
    let mut this = h.get_mut(vm);
    this.stage = Stage::Done;
    this.queue.wake_all();
    drop(this);
    let awaited = &mut vm.state::<Threads>().awaited;
    let gone = awaited.iter().position(|other| other.is(h)).map(|at| awaited.swap_remove(at));
    drop(gone);
}

/// A thread of a pool begins or ends waiting for something to do.
pub fn set_idle(vm: &mut Vm, idle: bool) {
    let threads = vm.state::<Threads>();
    threads.idle = if idle { threads.idle + 1 } else { threads.idle.saturating_sub(1) };
    tell_watcher(vm);
}

/// Has `waker` called, once, when no other thread works any more.
pub fn watch_idle(vm: &mut Vm, waker: Waker) {
    vm.state::<Threads>().watcher = Some(waker);
}

fn tell_watcher(vm: &mut Vm) {
    let threads = vm.state::<Threads>();
    if threads.waiting == 0
        && threads.count <= threads.idle
        && let Some(wake) = threads.watcher.take()
    {
        wake();
    }
}

/// Calls were put into the queues of pools, or taken out.
pub fn note_waiting(vm: &mut Vm, added: usize, taken: usize) {
    let threads = vm.state::<Threads>();
    threads.waiting = (threads.waiting + added).saturating_sub(taken);
}

/// Whether any other thread may be doing something that the calling one can wait for.
pub fn others_work(vm: &mut Vm) -> bool {
    if !vm.is_main_thread() {
        // The main thread may.
        return true;
    }
    let threads = vm.state::<Threads>();
    threads.waiting > 0 || threads.count > threads.idle
}

// ---- waiting ----

fn join(vm: &mut Vm, a: &[Value]) -> R {
    let h = vm.this::<ThreadHandle>(a, "join")?;
    let until = match arg(a, 1) {
        Some(v) if !v.is_none() => {
            let seconds = crate::objects::float::to_f64(vm, v)?;
            if seconds < 0.0 { Until::Forever } else { Until::seconds(vm, seconds)? }
        }
        _ => Until::Forever,
    };
    let this = h.get(vm);
    if this.stage == Stage::New {
        return Err(vm.runtime_error("thread not started"));
    }
    if this.stage == Stage::Running && this.ident == vm.thread_ident() {
        return Err(vm.runtime_error("Cannot join current thread"));
    }
    wait_done(vm, h, until)?;
    Ok(Value::NONE)
}

fn wait_done(vm: &mut Vm, h: &Ref<ThreadHandle>, until: Until) -> R<bool> {
    if h.get(vm).stage == Stage::Done {
        return Ok(true);
    }
    let handle = h.clone();
    let ready = |vm: &mut Vm| handle.get(vm).stage == Stage::Done;
    wait::wait(vm, h, |this| &mut this.queue, until, ready, |_| ())
}

/// Waits for all threads that are not daemons, those included that they start meanwhile.
fn wait_for_all(vm: &mut Vm) -> R<()> {
    let me = vm.thread_ident();
    loop {
        let all = vm.state::<Threads>().awaited.clone();
        let Some(h) = all.into_iter().find(|h| h.get(vm).ident != me) else { return Ok(()) };
        wait_done(vm, &h, Until::Forever)?;
    }
}

/// The end of the program: waits for its threads as `threading._shutdown` does.
pub fn wait_at_exit(vm: &mut Vm) {
    let name = vm.intern("threading");
    let modules = vm.modules.clone();
    let result = match modules.get_str(vm, &name) {
        Some(module) => match vm.call_method(&module, "_shutdown", &[]) {
            Ok(_) => Ok(()),
            Err(e) => Err((e, module)),
        },
        None => wait_for_all(vm).map_err(|e| (e, Value::NONE)),
    };
    if let Err((e, module)) = result {
        vm.unraisable(e, &module, Some("Exception ignored on threading shutdown"));
    }
}
