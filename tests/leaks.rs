//! Every golden script leaves as many live objects behind the third and fourth time as it did the second time.
//!
//! The first run may fill caches and import modules; from then on the names of `__main__` are dropped after each run and
//! the collector runs, and what a run adds for good is a leak: of the machine, a native module, or an `apy` module.
//! Not here: what scripts print (`golden.rs`).

use apy::embed::{Interpreter, Output};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Scripts that are left out, with the reason: they keep something in the interpreter for good by their own doing.
const LEFT_OUT: &[(&str, &str)] = &[
    ("threads/processes", "it forks and ends processes, which must not be the test's"),
    ("threads/exit", "its endless thread uses up the fuel; whoever waits for a thread that ended by that waits on"),
    ("exceptions/exit_codes_d", "what it registers is called at the interpreter's end"),
    ("top_level/awaiting", "the variable that it sets stays in the context of the thread"),
    ("top_level/exit", "the tasks that it leaves waiting stay on the loop, which goes on with the next script"),
    ("top_level/failure", "likewise"),
];

/// Scripts that end the process end themselves alone.
const STAY: &str = "
import os
def stay(status):
    raise SystemExit(status)
os._exit = stay
del os, stay
";

/// Drops a script's names, and the results that `typing` remembers for the next equal question.
const FORGET: &str = "
import sys as _sys
for _clear in getattr(_sys.modules.get('typing'), '_cleanups', ()):
    _clear()
for _name in [n for n in globals() if not n.startswith('__')]:
    del globals()[_name]
";

fn scripts(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|e| e == "apy") {
            found.push(path);
        }
    }
    found.sort();
}

/// How many objects live after each of four runs.
fn counts(path: &Path) -> Vec<usize> {
    let folder = path.parent().map(|p| p.to_string_lossy().into_owned());
    let i = Interpreter::builder()
        .stdout(Output::Discard)
        .stderr(Output::Discard)
        .path(folder)
        .hash_seed(1)
        .fuel(2_000_000)
        .native_stack(8 << 20)
        .build();
    drop(i.attach(|vm| vm.exec(STAY)));
    let source = fs::read(path).unwrap_or_default();
    let mut counts = Vec::new();
    for _ in 0..4 {
        // How the script ends is no matter here.
        drop(i.attach(|vm| {
            vm.set_fuel(Some(2_000_000));
            vm.exec_file(&source, &path.to_string_lossy())
        }));
        let count = i.attach(|vm| {
            vm.set_fuel(None);
            vm.exec(FORGET)?;
            for _ in 0..3 {
                vm.checkpoint()?;
                vm.collect_garbage();
            }
            Ok(vm.live_objects())
        });
        counts.extend(count);
    }
    counts
}

#[test]
fn golden_scripts_leave_nothing_behind() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = Vec::new();
    scripts(&root, &mut cases);
    let only = std::env::var("LEAKS_OF").ok();
    assert!(cases.len() > 100, "the golden scripts are not there");
    let cases: Vec<PathBuf> = cases
        .into_iter()
        .filter(|case| only.as_ref().is_none_or(|o| case.to_string_lossy().contains(o.as_str())))
        .collect();
    let next = AtomicUsize::new(0);
    let leaks = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let name = case.strip_prefix(&root).unwrap_or(case).with_extension("").to_string_lossy().into_owned();
            if LEFT_OUT.iter().any(|(n, _)| *n == name) {
                continue;
            }
            let n = counts(case);
            if let [_, second, third, fourth] = n[..]
                && third > second
                && fourth > third
            {
                println!("{name}: {n:?}");
                leaks.lock().expect("no thread panicked").push(name);
            }
        }
    };
    std::thread::scope(|s| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8) {
            std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(s, work).expect("a thread starts");
        }
    });
    let leaks = leaks.into_inner().expect("no thread panicked");
    assert!(leaks.is_empty(), "these leave more behind each time: {leaks:?}");
}
