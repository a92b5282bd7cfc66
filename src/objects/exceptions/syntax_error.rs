//! `SyntaxError`.
//!
//! Fields: msg, filename, lineno, offset, text, end_lineno, end_offset, print_file_and_line, _metadata.

use super::{field, no_keywords, set_args, set_field, this};
use crate::exception_fields;
use crate::vm::exception::Raised;
use crate::vm::native::{Args, GetSetDef, NativeDef};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

const FIELDS: &[GetSetDef] = exception_fields![
    "msg" 0, "filename" 1, "lineno" 2, "offset" 3, "text" 4, "end_lineno" 5, "end_offset" 6,
    "print_file_and_line" 7, "_metadata" 8
];

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_syntax_error),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_syntax_error),
];

/// Adds the methods and attributes.
#[cold]
pub fn init(vm: &mut Vm) {
    let class = vm.exc.SyntaxError.clone();
    vm.extend_class(&class, METHODS, FIELDS);
}

fn init_syntax_error(vm: &mut Vm, args: &Args<'_>) -> R {
    let e = this(vm, args.pos, "__init__")?.clone();
    no_keywords(vm, e.value(), args)?;
    let rest = args.pos.get(1..).unwrap_or_default();
    set_args(vm, &e, rest);
    if let Some(msg) = rest.first() {
        set_field(vm, &e, 0, msg.clone());
    }
    let [_, details] = rest else { return Ok(Value::NONE) };
    let details = vm.collect(details)?;
    let n = details.len();
    if n < 4 {
        return Err(vm.type_error(format!("function takes at least 4 arguments ({n} given)")));
    }
    if n > 7 {
        return Err(vm.type_error(format!("function takes at most 7 arguments ({n} given)")));
    }
    for (at, v) in details.iter().take(6).enumerate() {
        set_field(vm, &e, at + 1, v.clone());
    }
    if let Some(metadata) = details.get(6) {
        set_field(vm, &e, 8, metadata.clone());
    }
    if n == 5 {
        return Err(vm.type_error("end_offset must be provided when end_lineno is provided"));
    }
    Ok(Value::NONE)
}

fn str_syntax_error(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let [msg, filename, lineno] = [0, 1, 2].map(|at| field(vm, &e, at));
    let msg = if msg.is_undef() { Value::NONE } else { msg };
    let msg = vm.str(&msg)?;
    let line = if vm.is_int(&lineno) {
        let shown = vm.str(&lineno)?;
        Some(vm.str_of(shown.value()))
    } else {
        None
    };
    let file = filename.cast::<Str>().map(|f| {
        let path = f.get(vm).to_string_lossy().into_owned();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    });
    let tail = match (file, line) {
        (None, None) => return Ok(msg.into()),
        (Some(f), Some(l)) => format!(" ({f}, line {l})"),
        (Some(f), None) => format!(" ({f})"),
        (None, Some(l)) => format!(" (line {l})"),
    };
    let head = msg.get(vm).as_bytes().to_vec();
    Ok(vm.new_str_parts(&[&head, tail.as_bytes()]).into())
}

/// Where a syntax error is. Columns count characters from 1.
pub struct SyntaxPlace<'a> {
    /// The file's name.
    pub filename: &'a str,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// The text of the line.
    pub text: Option<&'a str>,
    /// The last line.
    pub end_line: u32,
    /// The column after the last; 0 and -1 for errors of which no end is known.
    pub end_column: i64,
}

impl Vm {
    /// A `SyntaxError` or subclass (`"IndentationError"`, `"TabError"`) at a place.
    pub fn syntax_error(&mut self, class: &str, message: &str, place: &SyntaxPlace<'_>) -> Raised {
        let class = match class {
            "IndentationError" => self.exc.IndentationError.clone(),
            "TabError" => self.exc.TabError.clone(),
            _ => self.exc.SyntaxError.clone(),
        };
        let msg = self.new_str(message).into_value();
        let filename = self.new_str(place.filename).into_value();
        let text = match place.text {
            Some(t) => self.new_str(t).into_value(),
            None => Value::NONE,
        };
        let end_column = self.int(place.end_column);
        let number = |n: u32| Value::len(n as usize);
        let details =
            vec![filename, number(place.line), number(place.column), text, number(place.end_line), end_column];
        let tuple = self.tuple(details.clone()).into_value();
        let e = self.new_exception(&class, vec![msg.clone(), tuple]);
        let mut extra = vec![msg];
        extra.extend(details);
        e.get_mut(self).extra = extra;
        self.raise(e.into())
    }
}
