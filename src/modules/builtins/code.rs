//! `compile`, `eval`, `exec`.

use crate::compiler::CompileOptions;
use crate::compiler::code::CodeFlags;
use crate::embed::SourceKind;
use crate::objects::exceptions::syntax_error::SyntaxPlace;
use crate::vm::dict::Dict;
use crate::vm::function::{CellObject, CodeObject};
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str, Tuple};
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "compile(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)",
        "Compile source into a code object that can be executed by exec() or eval().",
        compile,
    ),
    NativeDef::new(
        "eval(source, /, globals=None, locals=None)",
        "Evaluate the given source in the context of globals and locals.",
        eval,
    ),
    NativeDef::new(
        "exec(source, /, globals=None, locals=None, *, closure=None)",
        "Execute the given source in the context of globals and locals.",
        exec,
    ),
];

/// `ast.PyCF_ONLY_AST` and `PyCF_ALLOW_TOP_LEVEL_AWAIT`.
const ONLY_AST: i64 = 0x400;
const TOP_LEVEL_AWAIT: i64 = 0x2000;

/// The bytes of a source argument; `what` names it in messages, with the kinds of values that it may be.
fn source_bytes(vm: &mut Vm, v: &Value, what: &str) -> R<Vec<u8>> {
    let bytes = if let Some(s) = v.cast::<Str>() {
        match s.get(vm).to_str() {
            // A text is no file: a coding cookie in it means nothing, a byte order mark is a character.
            Some(t) => t.as_bytes().to_vec(),
            None => {
                let b = vm.call_method(v, "encode", &[])?;
                crate::objects::bytes::bytes_from(vm, &b)?
            }
        }
    } else if let Some(b) = v.cast::<Bytes>() {
        b.get(vm).as_bytes().to_vec()
    } else if let Some(b) = crate::objects::bytearray::contents(vm, v) {
        b
    } else {
        return Err(vm.type_error(what));
    };
    if bytes.contains(&0) {
        let class = vm.exc.SyntaxError.clone();
        let text = vm.new_str("source code string cannot contain null bytes").into_value();
        return Err(vm.raise_value(&class, text));
    }
    Ok(bytes)
}

fn compile(vm: &mut Vm, a: &[Value]) -> R {
    let filename = match a[1].cast::<Str>() {
        Some(s) => s.get(vm).to_string_lossy().into_owned(),
        None => match a[1].cast::<Bytes>() {
            Some(b) => String::from_utf8_lossy(b.get(vm).as_bytes()).into_owned(),
            None => {
                let path = vm.special(&a[1], Special::FsPath);
                let Some(f) = path else {
                    let got = vm.class_name(&a[1]);
                    return Err(vm.type_error(format!("expected str, bytes or os.PathLike object, not {got}")));
                };
                let p = vm.call_special(&f, &a[1], &[])?;
                vm.str_of(&p)
            }
        },
    };
    if !a[2].is_a::<Str>() {
        let got = vm.class_name(&a[2]);
        return Err(vm.type_error(format!("compile() argument 'mode' must be str, not {got}")));
    }
    let kind = match vm.str_of(&a[2]).as_str() {
        "exec" => SourceKind::Module,
        "eval" => SourceKind::Expression,
        "single" => SourceKind::Interactive,
        _ => return Err(vm.value_error("compile() mode must be 'exec', 'eval' or 'single'")),
    };
    let flags = match arg(a, 3) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    if flags & ONLY_AST != 0 {
        return Err(vm.not_implemented_error("compile(): syntax trees are not available"));
    }
    let inherit = match arg(a, 4) {
        Some(v) => !vm.truth(v)?,
        None => true,
    };
    let optimize = match arg(a, 5) {
        Some(v) => vm.index_i64(v)?,
        None => -1,
    };
    if !(-1..=2).contains(&optimize) {
        return Err(vm.value_error("compile(): invalid optimize value"));
    }
    if a[0].is_a::<CodeObject>() {
        return Ok(a[0].clone());
    }
    let source = source_bytes(vm, &a[0], "compile() arg 1 must be a string, bytes or AST object")?;
    let mut options = CompileOptions {
        top_level_await: flags & TOP_LEVEL_AWAIT != 0,
        optimize: u8::try_from(optimize).unwrap_or_else(|_| default_optimize(vm)),
        future: future_flags(flags as u32),
        ..CompileOptions::new(filename.clone())
    };
    if inherit {
        options.future |= inherited_future(vm);
    }
    vm.tick(source.len())?;
    Ok(vm.compile_with(&source, &filename, kind, options)?.into())
}

fn future_flags(flags: u32) -> u32 {
    flags & CodeFlags::FUTURE_ANNOTATIONS
}

/// The `__future__` features of the code that calls.
fn inherited_future(vm: &Vm) -> u32 {
    vm.frame_info(0).map_or(0, |f| future_flags(f.code.get(vm).code.flags.0))
}

/// The globals and locals of `eval` and `exec`: the caller's where none are given. Locals are `UNDEF` where they are
/// the globals.
fn namespaces(vm: &mut Vm, a: &[Value], name: &str) -> R<(Ref<Dict>, Value)> {
    let given = |i| arg(a, i).filter(|v: &&Value| !v.is_none()).cloned();
    let (globals, locals) = (given(1), given(2));
    if let Some(l) = &locals
        && vm.special(l, Special::GetItem).is_none()
    {
        let got = vm.class_name(l);
        let text = if name == "exec" {
            format!("exec() locals must be a mapping or None, not {got}")
        } else {
            "locals must be a mapping".to_owned()
        };
        return Err(vm.type_error(text));
    }
    match globals {
        Some(g) => match g.cast::<Dict>() {
            Some(d) => {
                let d = d.clone();
                let locals = locals.filter(|l| !l.is(&g)).unwrap_or(Value::UNDEF);
                Ok((d, locals))
            }
            None => {
                let got = vm.class_name(&g);
                let text = if name == "exec" {
                    format!("exec() globals must be a dict, not {got}")
                } else if vm.special(&g, Special::GetItem).is_some() {
                    "globals must be a real dict; try eval(code, {}, mapping)".to_owned()
                } else {
                    "globals must be a dict".to_owned()
                };
                Err(vm.type_error(text))
            }
        },
        None => {
            let globals = match vm.current_globals() {
                Some(g) => g,
                None => vm.main_globals()?.into_value(),
            };
            let locals = match locals {
                Some(l) => l,
                None => vm.current_locals()?,
            };
            let locals = if locals.is(&globals) { Value::UNDEF } else { locals };
            match globals.cast::<Dict>() {
                Some(d) => Ok((d.clone(), locals)),
                None => Err(vm.system_error("globals must be a dict")),
            }
        }
    }
}

fn eval(vm: &mut Vm, a: &[Value]) -> R {
    let (globals, locals) = namespaces(vm, a, "eval")?;
    if let Some(code) = a[0].cast::<CodeObject>() {
        let code = code.clone();
        if !code.get(vm).code.freevars.is_empty() {
            return Err(vm.type_error("code object passed to eval() may not contain free variables"));
        }
        return vm.run_code(&code, &globals, locals);
    }
    let source = source_bytes(vm, &a[0], "eval() arg 1 must be a string, bytes or code object")?;
    let start = source.iter().position(|b| !matches!(b, b' ' | b'\t')).unwrap_or(source.len());
    if start == source.len() {
        // There is no line that could be shown.
        let place =
            SyntaxPlace { filename: "<string>", line: 0, column: 0, text: Some(""), end_line: 0, end_column: 0 };
        return Err(vm.syntax_error("SyntaxError", "invalid syntax", &place));
    }
    let options = CompileOptions {
        future: inherited_future(vm),
        optimize: default_optimize(vm),
        ..CompileOptions::new("<string>")
    };
    vm.tick(source.len())?;
    let code = vm.compile_with(&source[start..], "<string>", SourceKind::Expression, options)?;
    vm.run_code(&code, &globals, locals)
}

fn exec(vm: &mut Vm, a: &[Value]) -> R {
    let (globals, locals) = namespaces(vm, a, "exec")?;
    let closure = arg(a, 3).filter(|v| !v.is_none()).cloned();
    if let Some(code) = a[0].cast::<CodeObject>() {
        let code = code.clone();
        let wanted = code.get(vm).code.freevars.len();
        let cells = match &closure {
            None if wanted == 0 => return vm.run_code(&code, &globals, locals).map(|_| Value::NONE),
            None => Vec::new(),
            Some(_) if wanted == 0 => {
                return Err(vm.type_error("cannot use a closure with this code object"));
            }
            Some(c) => match c.cast::<Tuple>() {
                Some(t) => t.get(vm).items().to_vec(),
                None => Vec::new(),
            },
        };
        if cells.len() != wanted || !cells.iter().all(|c| c.is_a::<CellObject>()) {
            return Err(vm.type_error(format!("code object requires a closure of exactly length {wanted}")));
        }
        let builtins = vm.builtins_of(&globals);
        let function = vm.new_function(code, globals, builtins);
        function.get_mut(vm).closure = closure.unwrap_or(Value::UNDEF);
        return vm.run_in_namespace(&function, locals).map(|_| Value::NONE);
    }
    if closure.is_some() {
        return Err(vm.type_error("closure argument can only be used if source is a code object"));
    }
    let source = source_bytes(vm, &a[0], "exec() arg 1 must be a string, bytes or code object")?;
    let options = CompileOptions {
        future: inherited_future(vm),
        optimize: default_optimize(vm),
        ..CompileOptions::new("<string>")
    };
    vm.tick(source.len())?;
    let code = vm.compile_with(&source, "<string>", SourceKind::Module, options)?;
    vm.run_code(&code, &globals, locals).map(|_| Value::NONE)
}

/// The level of `-O` that the interpreter was started with.
fn default_optimize(vm: &mut Vm) -> u8 {
    vm.state::<crate::embed::Switches>().optimize
}
