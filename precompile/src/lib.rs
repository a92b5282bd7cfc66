//! The compiler, for the build of apy itself: the modules under `stdlib/` are compiled once, and the binary carries their
//! code.
//!
//! The sources of the compiler are those of the main package, which cannot be a dependency of its own build. Nothing else
//! lives here.

#[path = "../../src/compiler/mod.rs"]
pub mod compiler;

use compiler::{Code, CompileOptions, Const, packed, verify};

/// Compiles a module; gives its code in the form of [`packed`].
///
/// # Errors
/// What is wrong with it, or that the compiler warns of something.
pub fn module(source: &str, filename: &str) -> Result<Vec<u8>, String> {
    let arena = bumpalo::Bump::new();
    let wrong = |e: apy_grammar::SyntaxError| {
        let at = e.location(source, &apy_grammar::LineIndex::new(source));
        format!("{filename}:{}: {}", at.line, e.message)
    };
    let parsed = apy_grammar::parse(&arena, source, apy_grammar::Mode::Exec).map_err(wrong)?;
    let options = CompileOptions { top_level_await: true, ..CompileOptions::new(filename) };
    let output = compiler::compile(&parsed.module, source, &options).map_err(wrong)?;
    if let Some(w) = parsed.warnings.iter().chain(&output.warnings).next() {
        return Err(format!("{filename}: {}", w.message));
    }
    check(&output.code)?;
    Ok(packed::pack(&output.code))
}

/// Checks code and the code among its constants: the machine does not look again.
fn check(code: &Code) -> Result<(), String> {
    verify::verify(code).map_err(|e| format!("{}: {}: {e}", code.filename, code.qualname))?;
    for c in &code.consts {
        if let Const::Code(inner) = c {
            check(inner)?;
        }
    }
    Ok(())
}
