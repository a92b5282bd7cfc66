//! The fuzz targets: functions of arbitrary bytes that must return, whatever they are given.
//!
//! What they may do with the bytes is up to the language; what they may not is panic, overflow the stack, run for ever
//! or use memory without bound. Not here: where inputs come from (`main`).

use apy::embed::{Interpreter, Output, SourceKind};
use apy_grammar::Mode;

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] =
    &[("lexer", lexer), ("parser", parser), ("compile", compile), ("compile_run", compile_run)];

/// Bytes to text, and text to tokens: the whole of it, each line for itself, and as the inside of strings and brackets.
///
/// Tokens ascend, do not overlap, and begin and end between characters.
pub fn lexer(data: &[u8]) {
    let Ok(text) = apy_grammar::decode(data) else { return };
    let wrapped = [
        text.to_string(),
        format!("f\"\"\"{text}\"\"\""),
        format!("rb'''{text}'''"),
        format!("t'{{x!r:{text}}}'"),
        format!("[\n{}]", text.replace('\n', ",\n")),
        format!("if x:\n\t{}", text.replace('\n', "\n\t")),
    ];
    for part in text.split('\n').map(str::to_owned).chain(wrapped) {
        let mut end = 0;
        for (span, _) in apy_grammar::classify(&part) {
            assert!(span.start >= end && span.end >= span.start, "pieces overlap");
            assert!(part.get(span.start as usize..span.end as usize).is_some(), "a piece is none of the text");
            end = span.end;
        }
        let mut at = 0;
        while at < part.len() {
            let (pieces, length) = apy_grammar::classify_line(&part[at..]);
            assert!(length > 0 && part.is_char_boundary(at + length), "a line has no end");
            assert!(pieces.is_sorted_by_key(|(span, _)| span.start), "pieces of a line overlap");
            assert!(pieces.iter().all(|(span, _)| span.end as usize <= length), "a piece is none of its line");
            at += length;
        }
    }
}

/// Bytes to syntax tree, in every mode; errors must have a place inside the text.
pub fn parser(data: &[u8]) {
    let Ok(text) = apy_grammar::decode(data) else { return };
    for mode in [Mode::Exec, Mode::Single, Mode::Eval] {
        let arena = bumpalo::Bump::new();
        if let Err(e) = apy_grammar::parse(&arena, &text, mode) {
            let lines = apy_grammar::LineIndex::new(&text);
            let at = e.location(&text, &lines);
            let count = text.split(['\n', '\r', '\x0c']).count();
            assert!(at.line as usize <= count + 1, "an error beyond the end");
            drop(apy_grammar::advise(&text, &e));
            let check = |text: &str| apy_grammar::parse(&bumpalo::Bump::new(), text, mode).map(drop);
            for e in apy_grammar::further_errors(&text, e, 5, check) {
                assert!(e.location(&text, &lines).line as usize <= count + 1, "a further error beyond the end");
            }
        }
    }
}

fn interpreter() -> Interpreter {
    Interpreter::builder()
        .stdout(Output::Discard)
        .stderr(Output::Discard)
        .hash_seed(1)
        .fuel(300_000)
        .memory(96 << 20)
        .build()
}

/// Bytes to bytecode.
pub fn compile(data: &[u8]) {
    let done = interpreter().attach(|vm| {
        for kind in [SourceKind::Main, SourceKind::Module, SourceKind::Interactive] {
            drop(vm.compile_source(data, "<fuzz>", kind));
        }
        Ok(())
    });
    drop(done);
}

/// What a script must not have: inputs are made at random.
const HARMLESS: &str = "
def _harmless():
    import builtins, sys
    for name in ('open', 'input', 'breakpoint'):
        if hasattr(builtins, name): delattr(builtins, name)
    for name in ('os', 'posix', 'io', '_io', 'shutil', 'pathlib', 'tempfile', 'subprocess', 'socket', 'signal',
                 'asyncio', '_asyncio', 'time', 'glob', 'linecache', 'multiprocessing', 'threading', '_thread'):
        sys.modules[name] = None
    sys.path = []
_harmless()
";

/// Bytes to bytecode to whatever it does, within limits; then the interpreter's orderly end.
pub fn compile_run(data: &[u8]) {
    let i = interpreter();
    let ready = i.attach(|vm| {
        let fuel = vm.fuel();
        vm.set_fuel(None);
        let done = vm.exec(HARMLESS);
        vm.set_fuel(fuel);
        done
    });
    if ready.is_err() {
        panic!("the preparation fails: {ready:?}");
    }
    drop(i.attach(|vm| vm.exec_file(data, "<fuzz>")));
    drop(i.attach(|vm| {
        vm.set_fuel(Some(100_000));
        vm.finish()
    }));
}
