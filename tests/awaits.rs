//! The path of awaits through tasks, as the command line tells it below a traceback: `tests/awaits/*.apy` with the exact
//! text in the `.txt` beside it, which is empty where an exception stayed in one task.
//!
//! `UPDATE_GOLDEN=1 cargo test --test awaits` rewrites the texts; read the difference before keeping it.

use std::fs;
use std::path::Path;
use std::process::Command;

const HEADING: &str = "Path of awaits through tasks (most recent last):";

/// What a program prints on standard error; paths are told from the program's folder.
fn stderr(folder: &Path, name: &str, color: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_apy"))
        .arg(name)
        .current_dir(folder)
        .env("PYTHON_COLORS", color)
        .output()
        .expect("apy starts");
    assert_eq!(output.status.code(), Some(1), "{name} is not interrupted by its exception");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn paths_are_told_below_the_traceback() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("awaits");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("tests/awaits is part of the repository")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| n.ends_with(".apy"))
        .collect();
    names.sort();
    assert!(names.len() >= 10, "only {} programs", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let all = stderr(&folder, &name, "0");
        let got = match all.split_once(&format!("\n\n{HEADING}")) {
            Some((traceback, path)) => {
                assert!(traceback.starts_with("Traceback") || traceback.contains("Exception Group Traceback"), "{all}");
                format!("{HEADING}{path}")
            }
            None => String::new(),
        };
        let text = folder.join(&name).with_extension("txt");
        if update {
            fs::write(&text, &got).expect("the folder can be written to");
        } else if fs::read_to_string(&text).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{} paths differ; got:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn colours_change_nothing_but_colours() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("awaits");
    let (plain, colored) = (stderr(&folder, "groups.apy", "0"), stderr(&folder, "groups.apy", "1"));
    assert!(colored.contains("\x1b[1;35mTask-4\x1b[0m: leaf()"), "{colored}");
    let mut pieces = colored.split('\x1b');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once('m').map_or("", |p| p.1));
    }
    assert_eq!(text, plain);
}

#[test]
fn a_hook_of_the_program_is_alone() {
    let text = "import asyncio, sys\nsys.excepthook = lambda *a: print('mine', file=sys.stderr)\n\
                async def f(): 1 / 0\nawait asyncio.create_task(f())\n";
    let output = Command::new(env!("CARGO_BIN_EXE_apy")).args(["-c", text]).output().expect("apy starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "mine\n");
}
