//! Whole trees of sources against CPython: `APY_PYTHON=python3.14 APY_SOURCES=DIR[:DIR…] cargo test -- --ignored`.

use crate::common::dump::dump;
use apy_grammar::{Mode, decode, parse};
use bumpalo::Bump;
use std::path::{Path, PathBuf};
use std::process::Command;

fn python_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            python_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "py") && path.is_file() {
            out.push(path);
        }
    }
}

fn ours(path: &Path) -> String {
    let arena = Bump::new();
    let tree = std::fs::read(path).map_err(|e| e.to_string()).and_then(|bytes| {
        let text = decode(&bytes).map_err(|e| e.message)?;
        let source = arena.alloc_str(&text);
        parse(&arena, source, Mode::Exec).map(|p| dump(source, &p.module)).map_err(|e| e.message)
    });
    tree.unwrap_or_else(|message| format!("error {message}"))
}

#[test]
#[ignore = "needs CPython 3.14 and a directory of sources"]
fn same_trees() {
    let python = std::env::var("APY_PYTHON").unwrap_or_else(|_| "python3.14".into());
    let dirs = std::env::var("APY_SOURCES").expect("APY_SOURCES names directories");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/common/dump.py");
    let mut files = Vec::new();
    dirs.split(':').for_each(|dir| python_files(Path::new(dir), &mut files));
    assert!(!files.is_empty(), "there are sources in {dirs}");
    let mut wrong = Vec::new();
    for batch in files.chunks(50) {
        let output = Command::new(&python).arg(&script).args(batch).output().expect("CPython runs");
        let theirs = String::from_utf8_lossy(&output.stdout);
        for (path, theirs) in batch.iter().zip(theirs.lines()) {
            if ours(path) != theirs {
                wrong.push(path.display().to_string());
            }
        }
    }
    println!("{} files, {} differ", files.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
