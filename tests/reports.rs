//! Wrong programs and the reports about them: `tests/reports/*.apy` with the exact text in the `.txt` beside it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test reports` rewrites the texts; read the difference before keeping it, and run
//! `tests/reports/headlines.py` under CPython 3.14, which compares the headlines.

use apy::diagnostics::report::Style;
use apy::embed::{Refusal, SourceKind};
use apy::{Interpreter, Raised};
use std::fs;
use std::path::{Path, PathBuf};

const PLAIN: Style = Style { color: false, unicode: true };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("reports")
}

fn programs() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("tests/reports is part of the repository").flatten();
    let mut all: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "apy")).collect();
    all.sort();
    all
}

fn report(interpreter: &Interpreter, source: &[u8], name: &str, style: Style) -> String {
    let result = interpreter.attach(|vm| match vm.check_source(source, name, SourceKind::Main) {
        Ok(_) => Ok("accepted\n".to_owned()),
        Err(Refusal::Syntax(report)) => Ok(report.render(style)),
        Err(Refusal::Raised(e)) => Err::<String, Raised>(e),
    });
    result.unwrap_or_else(|e| format!("{e}\n"))
}

#[test]
fn wrong_programs_are_reported_as_they_should() {
    let interpreter = Interpreter::builder().native_stack(1 << 20).build();
    let programs = programs();
    assert!(programs.len() >= 150, "only {} programs", programs.len());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1");
    let mut wrong = Vec::new();
    for path in programs {
        let source = fs::read(&path).expect("the program was listed");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let got = report(&interpreter, &source, &name, PLAIN);
        let text = path.with_extension("txt");
        if update {
            fs::write(&text, &got).expect("the folder can be written to");
        } else if fs::read_to_string(&text).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{} reports differ; got:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn marks_stand_under_what_they_mean() {
    let interpreter = Interpreter::builder().native_stack(1 << 20).build();
    let style = Style { color: false, unicode: false };
    let text = report(&interpreter, "你好 = '世界' 1\n".as_bytes(), "x", style);
    let lines: Vec<&str> = text.lines().collect();
    let line = lines.iter().position(|l| l.contains("世界")).expect("the line is shown");
    // Each of the four wide characters takes two columns; the mark is the second bar of the next line.
    let (before, _) = lines[line].rsplit_once('1').expect("the line ends with the wrong token");
    let columns: usize = before.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    assert_eq!(lines[line + 1].rfind('|'), Some(columns), "{text}");
}

#[test]
fn colours_come_only_when_asked_for() {
    let interpreter = Interpreter::builder().native_stack(1 << 20).build();
    let colored = report(&interpreter, b"x = = 1\n", "x", Style { color: true, unicode: true });
    assert!(colored.contains("\u{1b}["));
    assert!(!report(&interpreter, b"x = = 1\n", "x", PLAIN).contains('\u{1b}'));
}
