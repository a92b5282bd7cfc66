//! Tests of the compiler: golden bytecode, the errors and warnings of CPython 3.14, hostile sizes.
//!
//! `golden/*.apy` are compiled and compared with the `.golden` beside them; `errors.txt` holds a program, its error (or
//! `ok`) and its warnings on each line. Every compilation in a debug build also runs the verifier.

use super::code::{Code, CodeFlags, Const};
use super::disassemble::disassemble;
use super::opcodes::{Op, document};
use super::{CompileOptions, Mode, compile};
use apy_grammar::LineIndex;
use bumpalo::Bump;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const HOW: &str = "run `UPDATE_GOLDEN=1 cargo test compiler` and read the difference";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Compares a text with a file, or writes the file.
fn check_golden(path: &Path, text: &str) -> Result<(), String> {
    if updating() {
        return std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == text {
        return Ok(());
    }
    let different = expected.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = different.unwrap_or_else(|| expected.lines().count().min(text.lines().count()));
    Err(format!(
        "{} differs at line {}:\n- {}\n+ {}\n{HOW}",
        path.display(),
        line + 1,
        expected.lines().nth(line).unwrap_or("(end)"),
        text.lines().nth(line).unwrap_or("(end)"),
    ))
}

/// What a program compiles to: code and warnings, or the error, with their places.
fn try_compile(source: &str, options: &CompileOptions) -> Result<(Arc<Code>, Vec<String>), String> {
    let arena = Bump::new();
    let mode = match options.mode {
        Mode::Exec => apy_grammar::Mode::Exec,
        Mode::Eval => apy_grammar::Mode::Eval,
        Mode::Single => apy_grammar::Mode::Single,
    };
    let lines = LineIndex::new(source);
    let shown = |error: &super::SyntaxError| {
        let (line, column) = lines.line_column(source, error.span.start);
        let (end_line, end_column) = lines.line_column(source, error.span.end);
        format!("{error} @{line}:{}-{end_line}:{}", column + 1, end_column + 1)
    };
    let parsed = apy_grammar::parse(&arena, source, mode).map_err(|error| shown(&error))?;
    let output = compile(&parsed.module, source, options).map_err(|error| shown(&error))?;
    let warnings = output.warnings.iter();
    let warnings = warnings.map(|w| format!("SyntaxWarning: {} @{}", w.message, lines.line(w.span.start))).collect();
    Ok((output.code, warnings))
}

fn compiled(source: &str) -> Arc<Code> {
    match try_compile(source, &CompileOptions::new("test")) {
        Ok((code, _)) => code,
        Err(error) => panic!("{error}\nin {source:.200}"),
    }
}

/// All code objects of a module, itself first.
fn all_codes(code: &Arc<Code>) -> Vec<Arc<Code>> {
    let mut all = vec![code.clone()];
    let mut next = 0;
    while let Some(code) = all.get(next).cloned() {
        next += 1;
        all.extend(code.consts.iter().filter_map(|value| match value {
            Const::Code(inner) => Some(inner.clone()),
            _ => None,
        }));
    }
    all
}

fn golden_sources() -> Vec<PathBuf> {
    let folder = root().join("src/compiler/tests/golden");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of goldens")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "apy"))
        .collect();
    paths.sort();
    paths
}

fn compile_golden(path: &Path) -> Arc<Code> {
    let source = std::fs::read_to_string(path).expect("a golden source");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut options = CompileOptions::new(name.clone());
    options.top_level_await = name.starts_with("top_level");
    if name.starts_with("prompt") {
        // At a prompt each line is an input of its own; the first one stands for all.
        options.mode = Mode::Single;
        let first = source.lines().next().unwrap_or_default();
        return try_compile(&format!("{first}\n"), &options).expect("a prompt's input").0;
    }
    match try_compile(&source, &options) {
        Ok((code, _)) => code,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

#[test]
fn golden_bytecode() {
    let problems: Vec<String> = golden_sources()
        .iter()
        .filter_map(|path| check_golden(&path.with_extension("golden"), &disassemble(&compile_golden(path))).err())
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_opcode_is_in_a_golden() {
    let mut seen = BTreeSet::new();
    for path in golden_sources() {
        for code in all_codes(&compile_golden(&path)) {
            seen.extend(code.instrs.iter().filter_map(|instr| instr.op()));
        }
    }
    let missing: Vec<&Op> = Op::ALL.iter().filter(|op| !seen.contains(op)).collect();
    assert!(missing.is_empty(), "no golden shows {missing:?}");
}

#[test]
fn the_documentation_is_fresh() {
    if let Err(problem) = check_golden(&root().join("docs/bytecode.md"), &document()) {
        panic!("{problem}");
    }
}

#[test]
fn errors_and_warnings() {
    let mut problems = Vec::new();
    for line in include_str!("errors.txt").lines() {
        let mut fields = line.split('\t');
        let [source, expected, expected_warnings] = [(); 3].map(|()| fields.next().unwrap_or_default());
        let (result, warnings) = match try_compile(&source.replace("\\n", "\n"), &CompileOptions::new("test")) {
            Ok((_, warnings)) => ("ok".to_string(), warnings.join("; ")),
            Err(error) => (error, String::new()),
        };
        if result != expected || warnings != expected_warnings {
            problems.push(format!("{source}\n- {expected} {expected_warnings}\n+ {result} {warnings}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn scopes() {
    let code = compiled("def f(b, a):\n x = 1\n def g(): return a, x, y\n [z for z in b]\n return lambda: b\n");
    let all = all_codes(&code);
    let find = |name: &str| all.iter().find(|code| &*code.qualname == name).expect("a function");
    let text = |names: Vec<&Arc<str>>| names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" ");
    let f = find("f");
    assert_eq!(text(f.varnames().collect()), "b a g z");
    assert_eq!(text(f.cellvars().collect()), "b a x");
    assert_eq!(text(find("f.<locals>.g").freevars.iter().collect()), "a x");
    assert_eq!(text(find("f.<locals>.<lambda>").freevars.iter().collect()), "b");
    assert!(f.flags.has(CodeFlags::OPTIMIZED) && !f.flags.has(CodeFlags::NESTED));
}

#[test]
fn private_names_are_mangled() {
    let code = compiled("class _C:\n def f(self, __a):\n  self.__b = __a.__c__\n  import __d\n");
    let all = all_codes(&code);
    let f = all.iter().find(|code| &*code.name == "f").expect("the method");
    let locals: Vec<&str> = f.locals.iter().map(|local| &*local.name).collect();
    assert_eq!(locals, ["self", "_C__a", "_C__d"]);
    let names: Vec<&str> = f.names.iter().map(|name| &**name).collect();
    assert_eq!(names, ["__c__", "_C__b", "__d"]);
}

#[test]
fn constants_that_are_equal_but_different_stay_apart() {
    let code = compiled("x = [1, 1.0, True, 0.0, -0.0, 'a', b'a', (1,), (1.0,), f()]");
    let count = code.consts.iter().filter(|value| !matches!(value, Const::None)).count();
    assert_eq!(count, 9);
}

#[test]
fn a_top_level_that_awaits_is_a_coroutine() {
    let mut options = CompileOptions::new("test");
    options.top_level_await = true;
    let flags = |source: &str| try_compile(source, &options).expect("a program").0.flags;
    assert!(flags("await x").has(CodeFlags::COROUTINE));
    assert!(flags("[x async for x in y]").has(CodeFlags::COROUTINE));
    assert!(!flags("x = (y async for y in z)").has(CodeFlags::COROUTINE));
    assert!(!flags("def f(): pass").has(CodeFlags::COROUTINE));
}

#[test]
fn long_chains_do_not_recurse() {
    let n = 20_000;
    compiled(&format!("x = a{}", " + a".repeat(n)));
    compiled(&format!("x = a{}", ".b".repeat(n)));
    compiled(&format!("x = a{}", ".b(1)[c]()".repeat(n / 4)));
    compiled(&format!("if a: b\n{}", "elif a: b\n".repeat(n)));
    compiled(&format!("x = 1{}", " + 1".repeat(n)));
    compiled(&format!("x = [{}]", "a, ".repeat(n)));
    compiled(&format!("x = f({})", "a, ".repeat(n)));
    compiled(&format!("from __future__ import annotations\nx: a{}", " | a".repeat(n)));
}

#[test]
fn deep_nesting_is_an_answer() {
    for source in [
        format!("x = {}a{}", "(".repeat(150), ")".repeat(150)),
        format!("x = {}a", "not ".repeat(900)),
        format!("x = {}a", "lambda: ".repeat(900)),
        format!("x = {}a{}", "[".repeat(150), " for b in c]".repeat(150)),
    ] {
        // Either it compiles or it is refused; what counts is that it ends.
        let _ = try_compile(&source, &CompileOptions::new("test"));
    }
}

#[test]
fn nested_finally_does_not_grow_without_bound() {
    let mut source = String::new();
    for level in 0..30 {
        let indent = " ".repeat(3 * level);
        source.push_str(&format!("{indent}def f():\n{indent} try: pass\n{indent} finally:\n"));
    }
    source.push_str(&format!("{}pass\n", " ".repeat(90)));
    let error = try_compile(&source, &CompileOptions::new("test")).expect_err("too many instructions");
    assert!(error.contains("code object too large"), "{error}");
}

#[test]
fn far_jumps() {
    let body = "  a.b(c)\n".repeat(20_000);
    let code =
        compiled(&format!("def f(a, c):\n for i in a:\n  if c < i: continue\n{body}  while c > 1:\n   c -= 1\n"));
    assert!(all_codes(&code).iter().any(|code| code.instrs.len() > 60_000));
}

#[test]
fn too_many_locals_are_refused() {
    let mut source = String::from("def f():\n");
    for i in 0..70_000 {
        source.push_str(&format!(" x{i} = 0\n"));
    }
    let error = try_compile(&source, &CompileOptions::new("test")).expect_err("too many registers");
    assert!(error.contains("code object too large"), "{error}");
}

#[test]
fn annotations_become_texts() {
    for (annotation, expected) in [
        ("a + b * c ** -d", "a + b * c ** (-d)"),
        ("(a + b) * c", "(a + b) * c"),
        ("(a ** b) ** c", "(a ** b) ** c"),
        ("a ** (b ** c)", "a ** b ** c"),
        ("a if b else c", "a if b else c"),
        ("lambda x, /, y=1, *z, w, **k: x", "lambda x, /, y=1, *z, w, **k: x"),
        ("x[a, b:c, ::d]", "x[a, b:c, ::d]"),
        ("{1: 2, **a}", "{1: 2, **a}"),
        ("[i for i in (a, b) if i]", "[i for i in (a, b) if i]"),
        ("f(i for i in a)", "f(i for i in a)"),
        ("f(*a, b=1, **c)", "f(*a, b=1, **c)"),
        ("'a\"b' 'c'", "'a\"bc'"),
        ("not (a and b or c)", "not (a and b or c)"),
        ("1 .real", "1 .real"),
        ("(yield)", "(yield)"),
    ] {
        let arena = Bump::new();
        let parsed = apy_grammar::parse(&arena, annotation, apy_grammar::Mode::Eval).expect("an expression");
        let apy_grammar::ast::Mod::Expression(value) = parsed.module else { panic!("not an expression") };
        let text = super::unparse(value);
        assert_eq!(text, expected);
    }
}

#[test]
fn code_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Code>();
}
