//! `sys`: the interpreter as scripts see it.
//!
//! Here: making the module and its small functions. Streams, hooks, and what it tells about the interpreter have
//! files of their own; `structseq` serves other modules too. Byte code is never written and modules are found by one
//! native importer, so `meta_path`, `path_hooks` and `path_importer_cache` exist but stay empty.

pub mod hooks;
mod info;
pub mod streams;
pub mod structseq;

pub use hooks::{event, exit_message, exit_status, write_stderr};

use crate::objects::int::{DEFAULT_MAX_STR_DIGITS, MaxStrDigits};
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::{Ref, flag};
use crate::vm::seq::List;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// What `sys` is made with.
#[derive(Default)]
pub struct Settings {
    /// `sys.argv`.
    pub argv: Vec<OsString>,
    /// `sys.path`.
    pub path: Vec<String>,
    /// `sys.executable`.
    pub executable: String,
    /// `sys.warnoptions`.
    pub warn_options: Vec<String>,
    /// `sys.flags`, `sys._xoptions`.
    pub switches: crate::embed::Switches,
}

/// The least bound on digits that may be set.
const LEAST_MAX_STR_DIGITS: i64 = 640;

/// The module, for natives that look up what scripts may have replaced in it.
#[derive(Default)]
struct This(Option<Ref<Module>>);

/// The program is ending.
#[derive(Default)]
struct Finalizing(bool);

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("getrecursionlimit()", "Return the current value of the recursion limit.", |vm, _| {
        Ok(Value::len(vm.recursion_limit()))
    }),
    NativeDef::new(
        "setrecursionlimit(limit, /)",
        "Set the maximum depth of the interpreter stack to n.",
        set_recursion,
    ),
    NativeDef::new("getsizeof(object, default=None)", "Return the size of object in bytes.", size_of),
    NativeDef::new("getrefcount(object, /)", "Return the reference count of object.", |vm, a| {
        let n = a[0].header().map_or(u32::MAX, |h| h.ref_count());
        Ok(vm.int(i64::from(n)))
    }),
    NativeDef::new("intern(string, /)", "``Intern'' the given string.", intern),
    NativeDef::new("_is_interned(string, /)", "Return True if the given string is \"interned\".", |vm, a| {
        if !a[0].is_a::<Str>() {
            let got = vm.class_name(&a[0]);
            return Err(vm.type_error(format!("_is_interned() argument must be str, not {got}")));
        }
        Ok(a[0].header().is_some_and(|h| h.has_flag(flag::INTERNED)).into())
    }),
    NativeDef::new("_source_text(filename, /)", "Return a text that is no file, or None.", |vm, a| {
        let Some(name) = a[0].cast::<Str>().cloned() else { return Ok(Value::NONE) };
        let name = name.get(vm).to_string_lossy().into_owned();
        if !name.starts_with('<') {
            return Ok(Value::NONE);
        }
        let text = crate::diagnostics::sources::text(vm, &name);
        Ok(text.map_or(Value::NONE, |t| vm.new_str(&t).into_value()))
    }),
    NativeDef::new("settrace(function, /)", "Set the global debug tracing function.", |vm, a| no_tracing(vm, &a[0])),
    NativeDef::new("setprofile(function, /)", "Set the profiling function.", |vm, a| no_tracing(vm, &a[0])),
    NativeDef::new("gettrace()", "Return the global debug tracing function.", |_, _| Ok(Value::NONE)),
    NativeDef::new("getprofile()", "Return the profiling function.", |_, _| Ok(Value::NONE)),
    NativeDef::new("_getframe(depth=0, /)", "Return a frame object from the call stack.", get_frame),
    NativeDef::new("_getframemodulename(depth=0)", "Return the name of the module for a calling frame.", frame_module),
    NativeDef::new(
        "_current_frames()",
        "Return a dict mapping each thread's thread id to its current stack frame.",
        |vm, _| thread_dict(vm, |t| t.frame),
    ),
    NativeDef::new(
        "_current_exceptions()",
        "Return a dict mapping each thread's identifier to its current raised exception.",
        |vm, _| thread_dict(vm, |t| t.handled),
    ),
    NativeDef::new("getdefaultencoding()", "Return the current default encoding.", |vm, _| {
        Ok(vm.intern("utf-8").into())
    }),
    NativeDef::new("getfilesystemencoding()", "Return the encoding of filenames.", |vm, _| {
        Ok(vm.intern("utf-8").into())
    }),
    NativeDef::new("getfilesystemencodeerrors()", "Return the error mode of filenames.", |vm, _| {
        Ok(vm.intern("surrogateescape").into())
    }),
    NativeDef::new(
        "set_asyncgen_hooks(firstiter=None, finalizer=None)",
        "Set a finalizer for async generators objects.",
        set_asyncgen_hooks,
    ),
    NativeDef::new("get_asyncgen_hooks()", "Return the installed asynchronous generators hooks.", |vm, _| {
        info::asyncgen_hooks(vm)
    }),
    NativeDef::new(
        "set_coroutine_origin_tracking_depth(depth)",
        "Enable or disable origin tracking for coroutine objects in this thread.",
        |vm, a| {
            let n = vm.index_i64(&a[0])?;
            match usize::try_from(n) {
                Ok(n) => vm.set_coroutine_origin_depth(n),
                Err(_) => return Err(vm.value_error("depth must be >= 0")),
            }
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "get_coroutine_origin_tracking_depth()",
        "Check status of origin tracking for coroutine objects in this thread.",
        |vm, _| Ok(Value::len(vm.coroutine_origin_depth())),
    ),
    NativeDef::new(
        "get_int_max_str_digits()",
        "Return the maximum string digits limit for non-binary int<->str conversions.",
        |vm, _| Ok(Value::len(vm.state::<MaxStrDigits>().0)),
    ),
    NativeDef::new(
        "set_int_max_str_digits(maxdigits)",
        "Set the maximum string digits limit for non-binary int<->str conversions.",
        |vm, a| {
            let n = vm.index_i64(&a[0])?;
            if n != 0 && n < LEAST_MAX_STR_DIGITS {
                return Err(vm.value_error("maxdigits must be >= 640 or 0 for unlimited"));
            }
            vm.state::<MaxStrDigits>().0 = usize::try_from(n).unwrap_or(DEFAULT_MAX_STR_DIGITS);
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("getswitchinterval()", "Return the current thread switch interval.", |vm, _| {
        let seconds = vm.switch_interval().as_secs_f64();
        Ok(vm.float(seconds))
    }),
    NativeDef::new("setswitchinterval(interval, /)", "Set the ideal thread switching delay.", |vm, a| {
        let seconds = crate::objects::float::to_f64(vm, &a[0])?;
        if seconds.is_nan() || seconds <= 0.0 {
            return Err(vm.value_error("switch interval must be strictly positive"));
        }
        let Ok(interval) = std::time::Duration::try_from_secs_f64(seconds) else {
            return Err(vm.overflow_error("timestamp too large to convert to C PyTime_t"));
        };
        vm.set_switch_interval(interval);
        Ok(Value::NONE)
    }),
    NativeDef::new("is_finalizing()", "Return True if the interpreter is exiting.", |vm, _| {
        Ok(vm.state::<Finalizing>().0.into())
    }),
    NativeDef::new("_is_gil_enabled()", "Return True if the GIL is currently enabled.", |_, _| Ok(Value::TRUE)),
    NativeDef::new("getallocatedblocks()", "Return the number of objects on the heap.", |vm, _| {
        Ok(Value::len(vm.heap.objects()))
    }),
];

/// Makes `sys` and enters it among the modules.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm, settings: Settings) -> R<()> {
    let m = vm.new_module("sys", FUNCTIONS);
    for def in hooks::FUNCTIONS {
        let f = vm.native_function("sys", def);
        vm.module_set(&m, def.name(), f.clone());
        if matches!(def.name(), "displayhook" | "excepthook" | "unraisablehook" | "breakpointhook") {
            vm.module_set(&m, &format!("__{}__", def.name()), f);
        }
    }
    let doc = vm.new_str("This module provides access to the interpreter and what it knows.").into_value();
    vm.module_set(&m, "__doc__", doc);
    describe(vm, &m, &settings.switches)?;
    let strings = |vm: &mut Vm, items: &[String]| {
        let items = items.iter().map(|s| vm.new_str(s).into_value()).collect();
        vm.list(items).into_value()
    };
    let args = |vm: &mut Vm, args: &[OsString]| -> R {
        let args = args.iter().map(|a| crate::modules::posix::path::fs_str(vm, a.as_bytes())).collect::<R<_>>()?;
        Ok(vm.list(args).into_value())
    };
    let lists = [
        ("argv", args(vm, &settings.argv)?),
        ("path", strings(vm, &settings.path)),
        ("warnoptions", strings(vm, &settings.warn_options)),
        ("orig_argv", args(vm, &std::env::args_os().collect::<Vec<_>>())?),
        ("meta_path", strings(vm, &[])),
        ("path_hooks", strings(vm, &[])),
    ];
    for (name, list) in lists {
        vm.module_set(&m, name, list);
    }
    let prefix = std::path::Path::new(&settings.executable).parent().and_then(|p| p.parent());
    let prefix = prefix.map_or_else(String::new, |p| p.to_string_lossy().into_owned());
    let prefix = vm.new_str(&prefix).into_value();
    for name in ["prefix", "base_prefix", "exec_prefix", "base_exec_prefix"] {
        vm.module_set(&m, name, prefix.clone());
    }
    let executable = vm.new_str(&settings.executable).into_value();
    for name in ["executable", "_base_executable"] {
        vm.module_set(&m, name, executable.clone());
    }
    let modules = vm.modules.clone();
    vm.module_set(&m, "modules", modules.value().clone());
    let name = vm.intern("sys");
    modules.set_str(vm, &name, m.value().clone());
    vm.state::<This>().0 = Some(m.clone());
    let [out, err] = streams::make(vm)?.map(|s| if streams::is_closed(vm, &s) { Value::NONE } else { s });
    let stdin = crate::modules::io::standard_input(vm)?;
    for (name, stream) in [("stdin", stdin), ("stdout", out), ("stderr", err)] {
        vm.module_set(&m, name, stream.clone());
        vm.module_set(&m, &format!("__{name}__"), stream);
    }
    Ok(())
}

/// The constants.
fn describe(vm: &mut Vm, m: &Ref<Module>, switches: &crate::embed::Switches) -> R<()> {
    let version = info::version_info(vm)?;
    let implementation = info::implementation(vm, &version);
    let flags = info::flags(vm, switches)?;
    let platform = match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let git = ["apy", "", ""].map(|s| vm.intern(s).into_value());
    let (native, all) = module_names(vm)?;
    let unraisable = info::unraisable_class(vm)?.into_value();
    let mut items = vec![
        ("version", vm.new_str(&info::version_text()).into_value()),
        ("version_info", version),
        ("hexversion", Value::int32(info::HEX_VERSION)),
        ("implementation", implementation),
        ("flags", flags),
        ("UnraisableHookArgs", unraisable),
        ("platform", vm.intern(platform).into_value()),
        ("maxsize", vm.int(i64::MAX)),
        ("maxunicode", Value::int32(0x10_FFFF)),
        ("byteorder", vm.intern(if cfg!(target_endian = "big") { "big" } else { "little" }).into_value()),
        ("api_version", Value::int32(1013)),
        ("abiflags", vm.intern("").into_value()),
        ("platlibdir", vm.intern("lib").into_value()),
        ("float_repr_style", vm.intern("short").into_value()),
        ("copyright", vm.new_str("Copyright (c) the apy developers.").into_value()),
        ("_git", vm.tuple(git.to_vec()).into_value()),
        ("_framework", vm.intern("").into_value()),
        ("_home", Value::NONE),
        ("_xoptions", info::extra_options(vm, switches)),
        ("path_importer_cache", vm.new_dict().into_value()),
        ("dont_write_bytecode", Value::TRUE),
        ("pycache_prefix", Value::NONE),
        ("builtin_module_names", native),
        ("stdlib_module_names", all),
        ("_stdlib_dir", vm.intern(crate::modules::import::STDLIB_PATH).into_value()),
    ];
    items.extend(info::numbers(vm)?);
    for (name, value) in items {
        vm.module_set(m, name, value);
    }
    Ok(())
}

/// `builtin_module_names` and `stdlib_module_names`.
fn module_names(vm: &mut Vm) -> R<(Value, Value)> {
    let mut native: Vec<&str> = crate::modules::NATIVE.iter().map(|(n, _)| *n).collect();
    native.extend(["builtins", "sys"]);
    native.sort_unstable();
    native.dedup();
    let mut all: Vec<&str> = native.clone();
    all.extend(crate::modules::stdlib::names().filter(|n| !n.contains('.')));
    let [native, all] = [native, all].map(|names| {
        let names = names.into_iter().map(|n| vm.intern(n).into_value()).collect();
        vm.tuple(names).into_value()
    });
    let frozenset = vm.types.frozenset.value().clone();
    let all = vm.call(&frozenset, &[all])?;
    Ok((native, all))
}

/// What `sys` has under a name now.
pub fn module_attr(vm: &mut Vm, name: &str) -> Option<Value> {
    let m = vm.state::<This>().0.clone()?;
    let (dict, name) = (m.get(vm).dict.clone(), vm.intern(name));
    dict.get_str(vm, &name)
}

/// Gives `sys` an attribute.
pub fn set_module_attr(vm: &mut Vm, name: &str, value: Value) {
    if let Some(m) = vm.state::<This>().0.clone() {
        vm.module_set(&m, name, value);
    }
}

/// The items of `sys.path`.
///
/// # Errors
/// None at present.
pub fn path(vm: &mut Vm) -> R<Vec<Value>> {
    Ok(match module_attr(vm, "path") {
        Some(p) => crate::modules::import::list_values(vm, &p),
        None => Vec::new(),
    })
}

/// `sys.displayhook`.
///
/// # Errors
/// RuntimeError when the script deleted it.
pub fn display_hook(vm: &mut Vm) -> R {
    match module_attr(vm, "displayhook") {
        Some(hook) => Ok(hook),
        None => Err(vm.runtime_error("lost sys.displayhook")),
    }
}

/// Sets `sys.argv[0]`.
///
/// # Errors
/// None at present.
pub fn set_program(vm: &mut Vm, name: &str) -> R<()> {
    let name = vm.new_str(name).into_value();
    if let Some(argv) = module_attr(vm, "argv").and_then(|a| a.try_into_ref::<List>().ok()) {
        let mut l = argv.get_mut(vm);
        match l.items.first_mut() {
            Some(first) => *first = name,
            None => l.items.push(name),
        }
    }
    Ok(())
}

/// Writes out what `sys.stdout` and `sys.stderr` hold back, those of the start and those that scripts put there.
///
/// # Errors
/// What `flush` of standard output raises.
pub fn flush_all(vm: &mut Vm) -> R<()> {
    let mut result = Ok(());
    for name in ["stdout", "stderr"] {
        let Some(stream) = module_attr(vm, name).filter(|s| !s.is_none() && !s.is_a::<streams::StdStream>()) else {
            continue;
        };
        if vm.get_attr_str(&stream, "closed").is_ok_and(|c| c.is_true()) {
            continue;
        }
        let flushed = vm.call_method(&stream, "flush", &[]).map(drop);
        if name == "stdout" {
            result = flushed;
        }
    }
    result.and(streams::flush_originals(vm))
}

/// Says that the program is ending (`sys.is_finalizing`).
pub fn set_finalizing(vm: &mut Vm) {
    vm.state::<Finalizing>().0 = true;
}

fn set_recursion(vm: &mut Vm, a: &[Value]) -> R {
    let n = vm.index_i64(&a[0])?;
    if i32::try_from(n).is_err() {
        return Err(vm.overflow_error("Python int too large to convert to C int"));
    }
    if n < 1 {
        return Err(vm.value_error("recursion limit must be greater or equal than 1"));
    }
    let depth = vm.depth();
    if depth as i64 >= n {
        return Err(vm.recursion_error(format!(
            "cannot set the recursion limit to {n} at the recursion depth {depth}: the limit is too low"
        )));
    }
    vm.set_recursion_limit(n as usize);
    Ok(Value::NONE)
}

fn size_of(vm: &mut Vm, a: &[Value]) -> R {
    let class = vm.class_of(&a[0]).clone();
    let name = vm.intern("__sizeof__");
    let result = match vm.lookup(&class, &name) {
        Some(f) => vm.call_special(&f, &a[0], &[]),
        None => {
            let got = vm.class_name(&a[0]);
            Err(vm.type_error(format!("Type {got} doesn't define __sizeof__")))
        }
    };
    let size = match (result, arg(a, 1)) {
        (Err(e), Some(default)) if vm.raised_is(&e, &vm.exc.TypeError.clone()) => return Ok(default.clone()),
        (result, _) => result?,
    };
    if !vm.is_int(&size) {
        let got = vm.class_name(&size);
        return Err(vm.type_error(format!("'{got}' object cannot be interpreted as an integer")));
    }
    match vm.as_i64(&size) {
        Some(n) if n < 0 => Err(vm.value_error("__sizeof__() should return >= 0")),
        _ => Ok(size),
    }
}

fn intern(vm: &mut Vm, a: &[Value]) -> R {
    match a[0].cast::<Str>() {
        Some(s) if vm.is_exact(&a[0], &vm.types.str_.clone()) => Ok(vm.intern_value(s).into()),
        Some(_) => {
            let got = vm.class_name(&a[0]);
            Err(vm.type_error(format!("can't intern {got}")))
        }
        None => {
            let got = vm.class_name(&a[0]);
            Err(vm.type_error(format!("intern() argument must be str, not {got}")))
        }
    }
}

fn no_tracing(vm: &mut Vm, f: &Value) -> R {
    if f.is_none() {
        return Ok(Value::NONE);
    }
    Err(vm.not_implemented_error("apy does not call trace and profile functions"))
}

fn get_frame(vm: &mut Vm, a: &[Value]) -> R {
    let depth = match arg(a, 0) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    let depth = usize::try_from(depth).unwrap_or(0);
    let frame = vm.frame_object_at(depth);
    if frame.is_none() {
        return Err(vm.value_error("call stack is not deep enough"));
    }
    event(vm, "sys._getframe", std::slice::from_ref(&frame))?;
    Ok(frame)
}

fn frame_module(vm: &mut Vm, a: &[Value]) -> R {
    let depth = match arg(a, 0) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    let Some(f) = vm.frame_info(usize::try_from(depth).unwrap_or(0)) else { return Ok(Value::NONE) };
    let module = f.function.get(vm).module.clone();
    if module.is_a::<Str>() {
        return Ok(module);
    }
    let name = vm.names.__name__.clone();
    Ok(f.globals.cast::<crate::vm::dict::Dict>().and_then(|g| g.get_str(vm, &name)).unwrap_or(Value::NONE))
}

fn thread_dict(vm: &mut Vm, part: fn(crate::vm::threads::ThreadInfo) -> Value) -> R {
    let d = vm.new_dict();
    for t in vm.all_threads() {
        let id = vm.int(t.ident as i64);
        d.set_item(vm, id, part(t))?;
    }
    Ok(d.into())
}

fn set_asyncgen_hooks(vm: &mut Vm, a: &[Value]) -> R {
    let mut hooks = vm.asyncgen_hooks();
    for (i, what) in ["firstiter", "finalizer"].into_iter().enumerate() {
        let Some(v) = arg(a, i) else { continue };
        if !v.is_none() && !vm.is_callable(v) {
            let got = vm.class_name(v);
            return Err(vm.type_error(format!("callable {what} expected, got {got}")));
        }
        hooks[i] = arg_or_none(a, i).clone();
    }
    vm.set_asyncgen_hooks(hooks);
    Ok(Value::NONE)
}
