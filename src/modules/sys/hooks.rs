//! What `sys` does with results, exceptions and events: display, exception and audit hooks, `sys.exit`.

use super::module_attr;
use crate::diagnostics::traceback;
use crate::vm::exception::Exception;
use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// The functions for `sys`.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("displayhook(object, /)", "Print an object to sys.stdout and also save it in builtins._", display),
    NativeDef::new(
        "excepthook(exctype, value, traceback, /)",
        "Handle an exception by displaying it with a traceback on sys.stderr.",
        |vm, a| except(vm, arg_or_none(a, 1)),
    ),
    NativeDef::new("call_tracing(func, args, /)", "Call func(*args), while tracing is enabled.", |vm, a| {
        match a[1].cast::<crate::vm::str::Tuple>() {
            Some(t) => {
                let args = t.get(vm).items().to_vec();
                vm.call(&a[0], &args)
            }
            None => {
                let got = vm.class_name(&a[1]);
                Err(vm.type_error(format!("call_tracing() argument 2 must be tuple, not {got}")))
            }
        }
    }),
    NativeDef::new("unraisablehook(unraisable, /)", "Handle an unraisable exception.", unraisable),
    NativeDef::raw(
        "breakpointhook(*args, **kwargs)",
        "This hook function is called by built-in breakpoint().",
        breakpoint,
    ),
    NativeDef::raw("audit(event, /, *args)", "Passes the event to any hooks that are attached.", |vm, a| {
        audit_call(vm, a)
    }),
    NativeDef::new("addaudithook(hook)", "Adds a new audit hook callback.", |vm, a| {
        event(vm, "sys.addaudithook", &[])?;
        vm.state::<AuditHooks>().0.push(a[0].clone());
        Ok(Value::NONE)
    }),
    NativeDef::new("exit(status=None, /)", "Exit the interpreter by raising SystemExit(status).", exit),
    NativeDef::new("exc_info()", "Return current exception information: (type, value, traceback).", |vm, _| {
        let e = vm.handled();
        let (class, tb) = match e.cast::<Exception>() {
            Some(x) => (vm.class_of(&e).value().clone(), x.get(vm).traceback.clone()),
            None => (Value::NONE, Value::NONE),
        };
        Ok(vm.tuple(vec![class, e, tb]).into())
    }),
    NativeDef::new("exception()", "Return the current exception.", |vm, _| Ok(vm.handled())),
];

#[derive(Default)]
struct AuditHooks(Vec<Value>);

/// Tells the audit hooks of an event.
///
/// # Errors
/// What they raise.
pub fn event(vm: &mut Vm, name: &str, args: &[Value]) -> R<()> {
    if vm.state::<AuditHooks>().0.is_empty() {
        return Ok(());
    }
    let (name, args) = (vm.intern(name).into_value(), vm.tuple(args.to_vec()).into_value());
    for hook in vm.state::<AuditHooks>().0.clone() {
        vm.call(&hook, &[name.clone(), args.clone()])?;
    }
    Ok(())
}

fn audit_call(vm: &mut Vm, a: &Args<'_>) -> R {
    if !a.kw_names.is_empty() {
        return Err(vm.type_error("sys.audit() takes no keyword arguments"));
    }
    let Some(name) = a.pos.first() else {
        return Err(vm.type_error("audit expected at least 1 argument, got 0"));
    };
    if !name.is_a::<Str>() {
        let got = vm.class_name(name);
        return Err(vm.type_error(format!("audit() argument 1 must be str, not {got}")));
    }
    let name = vm.str_of(name);
    event(vm, &name, a.pos.get(1..).unwrap_or_default())?;
    Ok(Value::NONE)
}

fn display(vm: &mut Vm, a: &[Value]) -> R {
    let v = arg_or_none(a, 0);
    if v.is_none() {
        return Ok(Value::NONE);
    }
    let (builtins, name) = (vm.builtins.clone(), vm.intern("_"));
    builtins.set_str(vm, &name, Value::NONE);
    let Some(out) = module_attr(vm, "stdout").filter(|o| !o.is_none()) else {
        return Err(vm.runtime_error("lost sys.stdout"));
    };
    let text = vm.repr(v)?;
    match vm.call_method(&out, "write", &[text.value().clone()]) {
        Ok(_) => {}
        Err(e) if vm.raised_is(&e, &vm.exc.UnicodeEncodeError.clone()) => {
            let plain = crate::text::repr::ascii_of_repr(text.get(vm).as_bytes());
            let plain = vm.new_str_bytes(&plain).into_value();
            vm.call_method(&out, "write", &[plain])?;
        }
        Err(e) => return Err(e),
    }
    let newline = vm.intern("\n").into_value();
    vm.call_method(&out, "write", &[newline])?;
    builtins.set_str(vm, &name, v.clone());
    Ok(Value::NONE)
}

/// Writes text to `sys.stderr`; where that is gone, to nobody.
pub fn write_stderr(vm: &mut Vm, text: &str) -> R<()> {
    let Some(err) = module_attr(vm, "stderr").filter(|e| !e.is_none()) else { return Ok(()) };
    let text = vm.new_str(text).into_value();
    vm.call_method(&err, "write", &[text])?;
    vm.call_method(&err, "flush", &[]).map(drop)
}

fn except(vm: &mut Vm, value: &Value) -> R {
    let text = if value.is_a::<Exception>() {
        let color = colors_wanted(vm);
        traceback::format_colored(vm, value, color)?
    } else {
        let got = vm.class_name(value);
        format!("TypeError: print_exception(): Exception expected for value, {got} found\n")
    };
    write_stderr(vm, &text)?;
    Ok(Value::NONE)
}

/// Tells, on `sys.stderr`, the path through tasks of an exception that nothing caught, if it has one.
///
/// # Errors
/// What writing raises.
pub fn write_path(vm: &mut Vm, value: &Value) -> R<()> {
    let color = colors_wanted(vm);
    match crate::diagnostics::awaits::describe(vm, value, color) {
        Some(path) => write_stderr(vm, &format!("\n{path}")),
        None => Ok(()),
    }
}

/// Whether `hook` is the `sys.excepthook` that a program begins with.
pub fn is_first_hook(vm: &mut Vm, hook: &Value) -> bool {
    module_attr(vm, "__excepthook__").is_some_and(|first| first.is(hook))
}

/// Whether what is printed on `sys.stderr` gets colours.
pub fn colors_wanted(vm: &mut Vm) -> bool {
    let Some(err) = module_attr(vm, "stderr").filter(|e| !e.is_none()) else { return false };
    let terminal = vm.call_method(&err, "isatty", &[]).and_then(|v| vm.truth(&v)).unwrap_or(false);
    let ignored = vm.state::<crate::embed::Switches>().ignore_environment;
    crate::diagnostics::color::wanted(terminal, |name| std::env::var(name).ok().filter(|_| !ignored || name == "TERM"))
}

fn unraisable(vm: &mut Vm, a: &[Value]) -> R {
    let args = super::info::unraisable_class(vm)?;
    if !vm.is_exact(&a[0], &args) {
        return Err(vm.type_error("sys.unraisablehook argument type must be UnraisableHookArgs"));
    }
    let fields = vm.tuple_clone(&a[0]).unwrap_or_default();
    let [_, value, _, message, object] = fields.as_slice() else { return Ok(Value::NONE) };
    let mut text = if message.is_none() { String::new() } else { vm.str_of(message) };
    if !object.is_none() {
        // The object may be half destroyed: its repr may fail.
        let shown = vm.repr_string(object).unwrap_or_else(|_| "<object repr() failed>".to_owned());
        text = if text.is_empty() { format!("Exception ignored in: {shown}") } else { format!("{text} {shown}") };
    }
    if !text.is_empty() {
        text.push_str(if message.is_none() { "\n" } else { ":\n" });
    }
    if value.is_a::<Exception>() {
        text.push_str(&traceback::format_unmarked(vm, value)?);
    }
    write_stderr(vm, &text)?;
    Ok(Value::NONE)
}

fn breakpoint(vm: &mut Vm, a: &Args<'_>) -> R {
    let setting = std::env::var("PYTHONBREAKPOINT").unwrap_or_default();
    let name = match setting.as_str() {
        "0" => return Ok(Value::NONE),
        "" => "pdb.set_trace",
        other => other,
    };
    let (module, attr) = name.rsplit_once('.').unwrap_or(("builtins", name));
    let found = crate::modules::import::import_module(vm, module).and_then(|m| vm.get_attr_str(&m, attr));
    match found {
        Ok(f) => vm.call_kw(&f, a),
        Err(e) if vm.raised_is(&e, &vm.exc.ImportError.clone()) || vm.raised_is(&e, &vm.exc.AttributeError.clone()) => {
            let category = vm.exc.RuntimeWarning.clone();
            vm.warn(&category, &format!("Ignoring unimportable $PYTHONBREAKPOINT: \"{name}\""), 1)?;
            Ok(Value::NONE)
        }
        Err(e) => Err(e),
    }
}

fn exit(vm: &mut Vm, a: &[Value]) -> R {
    let status = arg_or_none(a, 0);
    let class = vm.exc.SystemExit.clone();
    let args =
        if status.is_none() { Vec::new() } else { vm.tuple_clone(status).unwrap_or_else(|| vec![status.clone()]) };
    Err(vm.raise_call(&class, &args))
}

/// The status that a `SystemExit` asks for; nothing for other exceptions.
pub fn exit_status(vm: &mut Vm, exception: &Value) -> Option<i32> {
    if !vm.is_instance(exception, &vm.exc.SystemExit.clone()) {
        return None;
    }
    match exit_code(vm, exception) {
        c if c.is_none() => Some(0),
        c if vm.is_int(&c) => Some(vm.as_i64(&c).map_or(-1, |i| i as i32)),
        _ => Some(1),
    }
}

fn exit_code(vm: &mut Vm, exception: &Value) -> Value {
    vm.get_attr_str(exception, "code").unwrap_or(Value::NONE)
}

/// What a `SystemExit` wants printed on standard error: its code, where that is no number.
pub fn exit_message(vm: &mut Vm, exception: &Value) -> Option<String> {
    exit_status(vm, exception)?;
    let code = exit_code(vm, exception);
    if code.is_none() || vm.is_int(&code) {
        return None;
    }
    let text = vm.str(&code).ok()?;
    Some(vm.str_of(text.value()))
}
