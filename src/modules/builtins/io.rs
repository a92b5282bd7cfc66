//! `print`, `input`, `open`, `breakpoint`.

use crate::embed::{Console, ConsoleLine, Streams};
use crate::vm::native::{Args, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::sync::Arc;

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::raw(
        "print(*args, sep=' ', end='\\n', file=None, flush=False)",
        "Prints the values to a stream, or to sys.stdout by default.",
        print,
    ),
    NativeDef::new(
        "input(prompt='', /)",
        "Read a string from standard input. The trailing newline is stripped.",
        input,
    ),
    NativeDef::raw(
        "open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
        "Open file and return a stream.",
        open,
    ),
    NativeDef::raw("breakpoint(*args, **kws)", "Call sys.breakpointhook(*args, **kws).", |vm, args| {
        match vm.loaded_attr("sys", "breakpointhook") {
            Some(hook) => vm.call_kw(&hook, args),
            None => Err(vm.runtime_error("lost sys.breakpointhook")),
        }
    }),
];

pub(super) fn print(vm: &mut Vm, args: &Args<'_>) -> R {
    let (mut sep, mut end, mut file, mut flush) = (Value::NONE, Value::NONE, Value::NONE, false);
    for (k, v) in args.keywords() {
        match vm.str_of(k).as_str() {
            "sep" => sep = v.clone(),
            "end" => end = v.clone(),
            "file" => file = v.clone(),
            "flush" => flush = vm.truth(v)?,
            other => return Err(vm.unexpected_native_keyword("print", other, &["sep", "end", "file", "flush"])),
        }
    }
    for (name, v) in [("sep", &sep), ("end", &end)] {
        if !v.is_none() && !v.is_a::<Str>() {
            let got = vm.class_name(v);
            return Err(vm.type_error(format!("{name} must be None or a string, not {got}")));
        }
    }
    if file.is_none() {
        match vm.loaded_attr("sys", "stdout") {
            Some(f) if f.is_none() => return Ok(Value::NONE),
            Some(f) => file = f,
            None => return Err(vm.runtime_error("lost sys.stdout")),
        }
    }
    let write = vm.get_attr_str(&file, "write")?;
    // A script's own `write` sees every piece; the built-in streams get all of them at once.
    let at_once = vm.is_exact(&write, &vm.types.builtin_function.clone());
    let mut text: Vec<u8> = Vec::new();
    for (i, v) in args.pos.iter().enumerate() {
        if i > 0 {
            push(vm, &mut text, &sep, b" ");
            if !at_once {
                write_piece(vm, &write, &mut text)?;
            }
        }
        match vm.str(v) {
            Ok(s) => text.extend_from_slice(s.get(vm).as_bytes()),
            Err(e) => {
                if !text.is_empty() {
                    write_piece(vm, &write, &mut text)?;
                }
                return Err(e);
            }
        }
        if !at_once {
            write_piece(vm, &write, &mut text)?;
        }
    }
    push(vm, &mut text, &end, b"\n");
    write_piece(vm, &write, &mut text)?;
    if flush {
        vm.call_method(&file, "flush", &[])?;
    }
    Ok(Value::NONE)
}

fn write_piece(vm: &mut Vm, write: &Value, text: &mut Vec<u8>) -> R<()> {
    let piece = vm.new_str_bytes(text).into_value();
    text.clear();
    vm.call(write, &[piece]).map(drop)
}

fn push(vm: &Vm, text: &mut Vec<u8>, v: &Value, default: &[u8]) {
    match v.cast::<Str>() {
        Some(s) => text.extend_from_slice(s.get(vm).as_bytes()),
        None => text.extend_from_slice(default),
    }
}

fn input(vm: &mut Vm, a: &[Value]) -> R {
    let stream = |vm: &mut Vm, name: &str| match vm.loaded_attr("sys", name) {
        Some(s) if !s.is_none() => Ok(s),
        _ => Err(vm.runtime_error(format!("lost sys.{name}"))),
    };
    let stdin = stream(vm, "stdin")?;
    let stdout = stream(vm, "stdout")?;
    let errors = stream(vm, "stderr")?;
    // Before the question, as CPython; what that stream says about it does not matter.
    if let Err(e) = vm.call_method(&errors, "flush", &[])
        && e.is_halt()
    {
        return Err(e);
    }
    let prompt = arg(a, 0).map(|prompt| vm.str(prompt)).transpose()?.map(Ref::into_value);
    if let Some(console) = console(vm, &stdin, &stdout) {
        vm.call_method(&stdout, "flush", &[])?;
        let prompt = prompt.as_ref().map_or_else(String::new, |p| vm.str_of(p));
        if let Some(line) = from_console(vm, &console, &prompt)? {
            return Ok(line);
        }
    }
    if let Some(prompt) = prompt {
        vm.call_method(&stdout, "write", &[prompt])?;
    }
    vm.call_method(&stdout, "flush", &[])?;
    let line = vm.call_method(&stdin, "readline", &[])?;
    let Some(s) = line.cast::<Str>() else {
        return Err(vm.type_error("object.readline() returned non-string"));
    };
    let bytes = s.get(vm).as_bytes();
    if bytes.is_empty() {
        return Err(vm.eof_error("EOF when reading a line"));
    }
    match bytes.strip_suffix(b"\n") {
        Some(rest) => Ok(vm.new_str_bytes(rest).into()),
        None => Ok(line),
    }
}

/// The host's terminal, if it is what the two streams are.
fn console(vm: &mut Vm, stdin: &Value, stdout: &Value) -> Option<Arc<dyn Console>> {
    let console = vm.state::<Streams>().console.clone()?;
    let mut is = |stream: &Value, descriptor: i64| {
        let number = vm.call_method(stream, "fileno", &[]).ok();
        number.and_then(|n| vm.as_i64(&n)) == Some(descriptor)
    };
    (is(stdin, 0) && is(stdout, 1)).then_some(console)
}

/// A line from there; none when the stream is to be read.
fn from_console(vm: &mut Vm, console: &Arc<dyn Console>, prompt: &str) -> R<Option<Value>> {
    loop {
        match vm.unlocked(|| console.read_line(prompt)) {
            None => return Ok(None),
            Some(ConsoleLine::Text(text)) => return Ok(Some(vm.new_str(&text).into())),
            Some(ConsoleLine::End) => {
                let class = vm.exc.EOFError.clone();
                let e = vm.new_exception(&class, Vec::new());
                return Err(vm.raise(e.into_value()));
            }
            Some(ConsoleLine::Interrupt) => {
                // The handler decides; one that returns has the line asked for again.
                crate::modules::signal::simulate(vm, i64::from(nix::libc::SIGINT))?;
                if !vm.is_main_thread() {
                    let class = vm.exc.KeyboardInterrupt.clone();
                    let e = vm.new_exception(&class, Vec::new());
                    return Err(vm.raise(e.into_value()));
                }
            }
        }
    }
}

fn open(vm: &mut Vm, args: &Args<'_>) -> R {
    let io = crate::modules::import::import_module(vm, "_io")?;
    let open = vm.get_attr_str(&io, "_open")?;
    vm.call_kw(&open, args)
}
