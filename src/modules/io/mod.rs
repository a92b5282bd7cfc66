//! `_io`: files and streams.
//!
//! The layers are those of the language: `fileio` reads and writes descriptors, `buffered` puts buffers in front,
//! `textio` turns bytes into text; `bytesio` and `stringio` keep everything in memory, `base` is above them all. Here
//! is `open`, and what the layers share. What is written in apy is in `stdlib/io.apy`.

pub mod base;
pub mod buffer;
pub mod buffered;
mod bytesio;
pub mod codec;
pub mod errors;
pub mod fileio;
mod stringio;
mod textio;

use crate::vm::class::Class;
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// `io.DEFAULT_BUFFER_SIZE`.
pub const DEFAULT_BUFFER_SIZE: usize = 128 * 1024;

#[derive(Default)]
struct Classes {
    file: Option<Ref<Class>>,
    text: Option<Ref<Class>>,
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "open(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)",
        "Open file and return a stream.  Raise OSError upon failure.",
        open,
    ),
    NativeDef::new("open_code(path)", "Opens the provided file with the intent to import the contents.", |vm, a| {
        if !a[0].is_a::<Str>() {
            let got = vm.class_name(&a[0]);
            return Err(vm.type_error(format!("open_code() argument 'path' must be str, not {got}")));
        }
        let mode = vm.intern("rb").into_value();
        open(vm, &[a[0].clone(), mode])
    }),
    NativeDef::new(
        "text_encoding(encoding, stacklevel=2, /)",
        "A helper function to choose the text encoding.",
        |vm, a| Ok(if a[0].is_none() { vm.intern("locale").into() } else { a[0].clone() }),
    ),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("_io", FUNCTIONS);
    // What `builtins.open` calls.
    if let Ok(own) = vm.get_attr_str(m.value(), "open") {
        vm.module_set(&m, "_open", own);
    }
    if let Some(open) = vm.loaded_attr("builtins", "open") {
        vm.module_set(&m, "open", open);
    }
    vm.module_set(&m, "DEFAULT_BUFFER_SIZE", Value::len(DEFAULT_BUFFER_SIZE));
    let blocking = vm.exc.BlockingIOError.value().clone();
    vm.module_set(&m, "BlockingIOError", blocking);
    let unsupported = errors::unsupported_class(vm)?.into_value();
    vm.module_set(&m, "UnsupportedOperation", unsupported);
    let bases = base::classes(vm)?;
    let buffered = buffered::classes(vm)?;
    let bytes = bytesio::define(vm)?;
    let [string, newline_decoder] = stringio::define(vm)?;
    let [file, text] = stream_classes(vm)?;
    for class in [
        &bases.io,
        &bases.raw,
        &bases.buffered,
        &bases.text,
        &buffered.reader,
        &buffered.writer,
        &buffered.random,
        &buffered.pair,
        &bytes,
        &string,
        &newline_decoder,
        &file,
        &text,
    ] {
        export(vm, &m, class);
    }
    Ok(m.into())
}

fn export(vm: &mut Vm, m: &Ref<Module>, class: &Ref<Class>) {
    let name = class.get(vm).display_name();
    vm.module_set(m, &name, class.value().clone());
}

/// `FileIO` and `TextIOWrapper`, which the interpreter needs from the start.
fn stream_classes(vm: &mut Vm) -> R<[Ref<Class>; 2]> {
    let known = vm.state::<Classes>();
    if let (Some(file), Some(text)) = (&known.file, &known.text) {
        return Ok([file.clone(), text.clone()]);
    }
    let (file, text) = (fileio::define(vm)?, textio::define(vm)?);
    let known = vm.state::<Classes>();
    known.file = Some(file.clone());
    known.text = Some(text.clone());
    Ok([file, text])
}

/// `sys.stdin`: text over descriptor 0; `None` when that is closed.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn standard_input(vm: &mut Vm) -> R {
    stream_classes(vm)?;
    if crate::vm::system::closed_at_start(0) {
        return Ok(Value::NONE);
    }
    let name = vm.intern("<stdin>").into_value();
    let raw = fileio::from_fd(vm, 0, name, true, false, false).into_value();
    let buffer = buffered::over(vm, raw, true, false, 8192)?;
    let errors = vm.intern("strict").into_value();
    let text = textio::over(vm, buffer, textio::Config { errors: Some(errors), ..Default::default() })?;
    let (mode, name) = (vm.intern("r").into_value(), vm.intern("mode"));
    vm.set_attr(&text, &name, mode)?;
    Ok(text)
}

/// What a mode text of `open` says.
struct Mode {
    raw: String,
    creating: bool,
    reading: bool,
    writing: bool,
    appending: bool,
    updating: bool,
    binary: bool,
}

fn parse_mode(vm: &mut Vm, mode: &str) -> R<Mode> {
    let has = |c| mode.contains(c);
    let valid = mode.chars().all(|c| "axrwb+t".contains(c));
    let twice = mode.chars().enumerate().any(|(i, c)| mode.chars().take(i).any(|d| d == c));
    if !valid || twice {
        return Err(vm.value_error(format!("invalid mode: '{mode}'")));
    }
    let m = Mode {
        raw: mode.chars().filter(|c| !matches!(c, 'b' | 't')).collect(),
        creating: has('x'),
        reading: has('r'),
        writing: has('w'),
        appending: has('a'),
        updating: has('+'),
        binary: has('b'),
    };
    if has('t') && m.binary {
        return Err(vm.value_error("can't have text and binary mode at once"));
    }
    // The raw file itself refuses a mode without any of them.
    if [m.creating, m.reading, m.writing, m.appending].iter().filter(|k| **k).count() > 1 {
        return Err(vm.value_error("must have exactly one of create/read/write/append mode"));
    }
    Ok(m)
}

fn open(vm: &mut Vm, a: &[Value]) -> R {
    let file = if a[0].is_a::<Str>() || vm.is_int(&a[0]) {
        a[0].clone()
    } else {
        crate::modules::posix::path::fspath(vm, &a[0])?
    };
    let mode_text = match arg(a, 1) {
        Some(m) if !m.is_a::<Str>() => {
            let got = vm.class_name(m);
            return Err(vm.type_error(format!("open() argument 'mode' must be str, not {got}")));
        }
        Some(m) => vm.str_of(m),
        None => "r".to_owned(),
    };
    let mode = parse_mode(vm, &mode_text)?;
    let given = |i| arg(a, i).filter(|v| !v.is_none()).cloned();
    let buffering = match arg(a, 2) {
        Some(v) => vm.index_i64(v)?,
        None => -1,
    };
    for (i, what) in [(3, "encoding"), (4, "errors"), (5, "newline")] {
        if let Some(v) = given(i) {
            if !v.is_a::<Str>() {
                let got = vm.class_name(&v);
                return Err(vm.type_error(format!("open() argument '{what}' must be str or None, not {got}")));
            }
            if mode.binary {
                let article = if what == "newline" { "a" } else { "an" };
                return Err(vm.value_error(format!("binary mode doesn't take {article} {what} argument")));
            }
        }
    }
    if mode.binary && buffering == 1 {
        let category = vm.exc.RuntimeWarning.clone();
        vm.warn(
            &category,
            "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
            1,
        )?;
    }
    let [file_class, _] = stream_classes(vm)?;
    let raw_mode = vm.new_str(&mode.raw).into_value();
    let closefd = arg(a, 6).cloned().unwrap_or(Value::TRUE);
    let raw = vm.call(file_class.value(), &[file, raw_mode, closefd, arg_or_none(a, 7).clone()])?;
    let config = textio::Config { encoding: given(3), errors: given(4), newline: given(5), ..Default::default() };
    match layers(vm, &raw, &mode, buffering, config) {
        Ok(Some(stream)) => {
            if !mode.binary {
                let (text, name) = (vm.new_str(&mode_text).into_value(), vm.intern("mode"));
                vm.set_attr(&stream, &name, text)?;
            }
            Ok(stream)
        }
        Ok(None) => Ok(raw),
        Err(e) => {
            // What could not be wrapped is not left open.
            vm.call_method(&raw, "close", &[])?;
            Err(e)
        }
    }
}

/// Puts buffer and text layer on a raw stream; nothing when it is to stay as it is.
fn layers(vm: &mut Vm, raw: &Value, mode: &Mode, buffering: i64, mut config: textio::Config) -> R<Option<Value>> {
    let Some(f) = fileio::exact(vm, raw) else { return Ok(None) };
    let mut size = buffering;
    let mut line_buffering = false;
    if buffering == 1 && !mode.binary {
        (size, line_buffering) = (-1, true);
    } else if buffering == 1 {
        size = -1;
    }
    if buffering < 0 {
        let terminal = vm.call_method(raw, "isatty", &[])?;
        line_buffering = terminal.is_true();
    }
    if size < 0 {
        size = fileio::block_size(vm, &f).clamp(8192, 8192 * 1024).max(8192) as i64;
        size = size.max(DEFAULT_BUFFER_SIZE as i64);
    }
    if size == 0 {
        if mode.binary {
            return Ok(None);
        }
        return Err(vm.value_error("can't have unbuffered text I/O"));
    }
    let size = usize::try_from(size).unwrap_or(DEFAULT_BUFFER_SIZE);
    vm.check_alloc(size)?;
    let (reads, writes) =
        if mode.updating { (true, true) } else { (mode.reading, mode.creating || mode.writing || mode.appending) };
    if reads && writes && !fileio::is_seekable(vm, &f)? {
        return Err(errors::unsupported(vm, "File or stream is not seekable."));
    }
    let buffer = buffered::over(vm, raw.clone(), reads, writes, size)?;
    if mode.binary {
        return Ok(Some(buffer));
    }
    config.line_buffering = line_buffering;
    textio::over(vm, buffer, config).map(Some)
}

/// The name of a stream's class as its `repr` shows it.
fn shown_class(vm: &mut Vm, v: &Value) -> String {
    let class = vm.class_of(v).clone();
    let qualname = vm.str_of(class.get(vm).qualname.value());
    let attr = vm.names.__module__.clone();
    match vm.lookup(&class, &attr).filter(|m| m.is_a::<Str>()) {
        Some(m) => format!("{}.{qualname}", vm.str_of(&m)),
        None => qualname,
    }
}

/// A stream's `repr`: name and mode where it has them, then `more`.
fn repr_with_name(vm: &mut Vm, v: &Value, class: &str, more: &[(&str, &str)]) -> R<String> {
    if !vm.enter_repr(v) {
        return Err(vm.runtime_error(format!("reentrant call inside {class}.__repr__")));
    }
    let text = describe(vm, v, class, more);
    vm.leave_repr(v);
    text
}

fn describe(vm: &mut Vm, v: &Value, class: &str, more: &[(&str, &str)]) -> R<String> {
    let mut text = format!("<{class}");
    let attrs: &[&str] = if more.is_empty() { &["name"] } else { &["name", "mode"] };
    for attr in attrs {
        let name = vm.intern(attr);
        match vm.get_attr_opt(v, &name) {
            Ok(Some(value)) => {
                let shown = vm.repr_string(&value)?;
                text.push_str(&format!(" {attr}={shown}"));
            }
            Ok(None) => {}
            // A detached stream has no name.
            Err(e) if vm.raised_is(&e, &vm.exc.ValueError.clone()) => {}
            Err(e) => return Err(e),
        }
    }
    for (name, value) in more {
        text.push_str(&format!(" {name}='{value}'"));
    }
    text.push('>');
    Ok(text)
}

/// Warns that a stream with an open file of its own was forgotten.
///
/// # Errors
/// The warning itself, where a filter turns it into an error.
fn warn_unclosed(vm: &mut Vm, v: &Value) -> R<()> {
    // Without the module nobody has set a filter, and the standard one drops the warning.
    if vm.loaded_attr("warnings", "warn").is_none() {
        return Ok(());
    }
    let mut raw = v.clone();
    for attr in ["buffer", "raw"] {
        if raw.is_a::<fileio::FileIo>() {
            break;
        }
        let name = vm.intern(attr);
        match vm.get_attr_opt(&raw, &name) {
            Ok(Some(inner)) => raw = inner,
            _ => continue,
        }
    }
    if !fileio::is_forgotten(vm, &raw) {
        return Ok(());
    }
    let shown = vm.repr_string(v)?;
    let category = vm.exc.ResourceWarning.clone();
    vm.warn_about(&category, &format!("unclosed file {shown}"), 1, v.clone())
}
