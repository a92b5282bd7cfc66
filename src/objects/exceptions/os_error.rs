//! `OSError`: its five arguments, the subclasses by number, and what the system reports.
//!
//! Fields: errno, strerror, filename, filename2, characters_written.

use super::base::{own_state, str_of_args};
use super::{allocate, arguments, field, no_keywords, set_args, set_field, this};
use crate::exception_fields;
use crate::vm::class::Class;
use crate::vm::exception::{Exception, Raised};
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};
use std::io::ErrorKind;

const FIELDS: &[GetSetDef] = exception_fields!["errno" 0, "strerror" 1, "filename" 2, "filename2" 3];
const WRITTEN: &[GetSetDef] =
    &[GetSetDef::with_set("characters_written", "", get_characters_written, set_characters_written)];

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_os_error),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_os_error),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", reduce),
];

/// Adds the methods and attributes.
#[cold]
pub fn init(vm: &mut Vm) {
    let class = vm.exc.OSError.clone();
    vm.extend_class(&class, METHODS, FIELDS);
    vm.extend_class(&class, &[], WRITTEN);
}

/// The subclass of `OSError` for an error number.
pub fn class_for_errno(vm: &Vm, errno: i64) -> Ref<Class> {
    let exc = &vm.exc;
    let Ok(n) = i32::try_from(errno) else { return exc.OSError.clone() };
    let class = match std::io::Error::from_raw_os_error(n).kind() {
        ErrorKind::WouldBlock => &exc.BlockingIOError,
        ErrorKind::BrokenPipe => &exc.BrokenPipeError,
        ErrorKind::ConnectionAborted => &exc.ConnectionAbortedError,
        ErrorKind::ConnectionRefused => &exc.ConnectionRefusedError,
        ErrorKind::ConnectionReset => &exc.ConnectionResetError,
        ErrorKind::AlreadyExists => &exc.FileExistsError,
        ErrorKind::NotFound => &exc.FileNotFoundError,
        ErrorKind::IsADirectory => &exc.IsADirectoryError,
        ErrorKind::NotADirectory => &exc.NotADirectoryError,
        ErrorKind::Interrupted => &exc.InterruptedError,
        ErrorKind::PermissionDenied => &exc.PermissionError,
        ErrorKind::TimedOut => &exc.TimeoutError,
        _ => match n {
            // Numbers that the standard library has no kind for.
            3 => &exc.ProcessLookupError,
            10 => &exc.ChildProcessError,
            #[cfg(target_os = "linux")]
            108 => &exc.BrokenPipeError,
            #[cfg(target_os = "linux")]
            114 | 115 => &exc.BlockingIOError,
            #[cfg(not(target_os = "linux"))]
            58 => &exc.BrokenPipeError,
            #[cfg(not(target_os = "linux"))]
            36 | 37 => &exc.BlockingIOError,
            _ => &exc.OSError,
        },
    };
    class.clone()
}

/// A class that overrides `__init__` only has its arguments parsed there, as it may pass others on.
fn parsed_in_init(vm: &mut Vm, class: &Ref<Class>) -> bool {
    let os_error = vm.exc.OSError.clone();
    let same = |vm: &mut Vm, special| {
        let (a, b) = (vm.class_special(class, special), vm.class_special(&os_error, special));
        matches!((a, b), (Some(a), Some(b)) if a.is(&b))
    };
    !same(vm, Special::Init) && same(vm, Special::New)
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some(class) = args.pos.first().and_then(|c| c.cast::<Class>()).cloned() else {
        return Ok(allocate(vm, "OSError", args)?.into());
    };
    let rest = args.pos.get(1..).unwrap_or_default();
    if parsed_in_init(vm, &class) {
        return Ok(allocate(vm, "OSError", &Args::positional(&args.pos[..1]))?.into());
    }
    if !args.kw_names.is_empty() {
        let text = format!("{}() takes no keyword arguments", class.get(vm).display_name());
        return Err(vm.type_error(text));
    }
    let mut chosen = class.clone();
    if class.is(&vm.exc.OSError)
        && (2..=5).contains(&rest.len())
        && let Some(n) = vm.as_i64(&rest[0])
    {
        chosen = class_for_errno(vm, n);
    }
    let mut pos = vec![chosen.into_value()];
    pos.extend_from_slice(rest);
    let e = allocate(vm, "OSError", &Args::positional(&pos))?;
    fill(vm, &e, rest)?;
    Ok(e.into())
}

fn init_os_error(vm: &mut Vm, args: &Args<'_>) -> R {
    let e = this(vm, args.pos, "__init__")?.clone();
    let class = vm.class_of(e.value()).clone();
    if parsed_in_init(vm, &class) {
        no_keywords(vm, e.value(), args)?;
        fill(vm, &e, args.pos.get(1..).unwrap_or_default())?;
    }
    Ok(Value::NONE)
}

/// Sorts the arguments into the fields.
fn fill(vm: &mut Vm, e: &Ref<Exception>, args: &[Value]) -> R<()> {
    set_args(vm, e, args);
    if !(2..=5).contains(&args.len()) {
        return Ok(());
    }
    set_field(vm, e, 0, args[0].clone());
    set_field(vm, e, 1, args[1].clone());
    let Some(filename) = args.get(2).filter(|f| !f.is_none()) else { return Ok(()) };
    if vm.is_exact(e.value(), &vm.exc.BlockingIOError) && vm.special(filename, Special::Index).is_some() {
        let n = vm.index_i64(filename)?;
        let n = vm.int(n);
        set_field(vm, e, 4, n);
        return Ok(());
    }
    set_field(vm, e, 2, filename.clone());
    if let Some(second) = args.get(4).filter(|f| !f.is_none()) {
        set_field(vm, e, 3, second.clone());
    }
    set_args(vm, e, &args[..2]);
    Ok(())
}

fn str_os_error(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let [errno, strerror, filename, second] = [0, 1, 2, 3].map(|at| field(vm, &e, at));
    if !filename.is_undef() {
        let shown = |v: &Value| if v.is_undef() { Value::NONE } else { v.clone() };
        let (n, text) = (vm.str(&shown(&errno))?, vm.str(&shown(&strerror))?);
        let (n, text) = (vm.str_of(n.value()), vm.str_of(text.value()));
        let name = vm.repr_string(&filename)?;
        let text = if second.is_undef() {
            format!("[Errno {n}] {text}: {name}")
        } else {
            format!("[Errno {n}] {text}: {name} -> {}", vm.repr_string(&second)?)
        };
        return Ok(vm.new_str(&text).into());
    }
    if !errno.is_undef() && !strerror.is_undef() {
        let (n, text) = (vm.str(&errno)?, vm.str(&strerror)?);
        let text = format!("[Errno {}] {}", vm.str_of(n.value()), vm.str_of(text.value()));
        return Ok(vm.new_str(&text).into());
    }
    str_of_args(vm, &e)
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__reduce__")?.clone();
    let mut args = arguments(vm, &e);
    let (filename, second) = (field(vm, &e, 2), field(vm, &e, 3));
    if args.len() == 2 && !filename.is_undef() {
        args.push(filename);
        if !second.is_undef() {
            args.push(Value::NONE);
            args.push(second);
        }
    }
    let args = vm.tuple(args).into_value();
    let mut parts = vec![vm.class_of(e.value()).value().clone(), args];
    parts.extend(own_state(vm, &e).map(Value::from));
    Ok(vm.tuple(parts).into())
}

fn get_characters_written(vm: &mut Vm, v: &Value) -> R {
    let e = this(vm, std::slice::from_ref(v), "characters_written")?.clone();
    let n = field(vm, &e, 4);
    if n.is_undef() { Err(vm.attribute_error_text("characters_written")) } else { Ok(n) }
}

fn set_characters_written(vm: &mut Vm, v: &Value, value: Option<Value>) -> R<()> {
    let e = this(vm, std::slice::from_ref(v), "characters_written")?.clone();
    let n = match value {
        Some(v) => {
            let n = vm.index_i64(&v)?;
            vm.int(n)
        }
        None if field(vm, &e, 4).is_undef() => return Err(vm.attribute_error_text("characters_written")),
        None => Value::UNDEF,
    };
    set_field(vm, &e, 4, n);
    Ok(())
}

/// The system's text for an error, as `os.strerror` gives it.
pub fn error_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

impl Vm {
    /// The `OSError` for what the system reported.
    #[cold]
    pub fn os_error(&mut self, error: &std::io::Error, filename: Option<&Value>) -> Raised {
        let text = error_text(error);
        match error.raw_os_error() {
            Some(n) => self.os_error_number(i64::from(n), &text, filename),
            None => {
                let class = match error.kind() {
                    ErrorKind::TimedOut => self.exc.TimeoutError.clone(),
                    ErrorKind::NotFound => self.exc.FileNotFoundError.clone(),
                    ErrorKind::PermissionDenied => self.exc.PermissionError.clone(),
                    ErrorKind::UnexpectedEof => self.exc.EOFError.clone(),
                    ErrorKind::ConnectionReset => self.exc.ConnectionResetError.clone(),
                    ErrorKind::BrokenPipe => self.exc.BrokenPipeError.clone(),
                    ErrorKind::WouldBlock => self.exc.BlockingIOError.clone(),
                    _ => self.exc.OSError.clone(),
                };
                self.raise_text(&class, &text)
            }
        }
    }

    /// The `OSError` for an error number.
    #[cold]
    pub fn os_error_number(&mut self, errno: i64, text: &str, filename: Option<&Value>) -> Raised {
        let class = class_for_errno(self, errno);
        let (n, text) = (self.int(errno), self.new_str(text).into_value());
        let e = self.new_exception(&class, vec![n.clone(), text.clone()]);
        let filename = filename.filter(|f| !f.is_none()).cloned().unwrap_or(Value::UNDEF);
        e.get_mut(self).extra = vec![n, text, filename];
        self.raise(e.into())
    }
}
