//! Runs the golden scripts: every `tests/golden/**/*.apy`, with the expected output in the `.out` beside it.
//!
//! Here: finding the cases, running the built binary on them, comparing, the list of known failures. The expected
//! outputs are CPython 3.14's, see `tests/README.md`. Not here: anything that looks inside the interpreter.
//! Invariant: every case is in exactly one area (a folder of `tests/golden`), and every area has its own `#[test]`, so
//! that plain `cargo test` names the areas that fail; `every_area_is_tested` keeps the list complete.

use apy::vm::signals;
use nix::sys::signal::SIGINT;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A script that needs longer than this has failed.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// How many lines of a difference are shown for one case.
const DIFF_LINES: usize = 6;

/// Lines longer than this are cut in the report.
const LINE_WIDTH: usize = 240;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("golden")
}

/// The scripts below `folder`. Modules that cases import end in `.py`, so that every `.apy` is a case.
fn cases_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            cases_below(&path, found);
        } else if path.extension().is_some_and(|e| e == "apy") {
            found.push(path);
        }
    }
    found.sort();
}

fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|v| v == "1")
}

/// The path of a case as `known_failures.txt` and the report write it: `area/case`.
fn name_of(case: &Path) -> String {
    let relative = case.strip_prefix(root()).unwrap_or(case).with_extension("");
    relative.to_string_lossy().replace('\\', "/")
}

/// Known failures: case name to reason. A line is `area/case: reason`; empty lines and `#` lines are skipped.
fn known_failures() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("known_failures.txt")).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| match line.split_once(':') {
            Some((name, reason)) if !reason.trim().is_empty() => (name.trim().to_owned(), reason.trim().to_owned()),
            _ => panic!("tests/golden/known_failures.txt: no reason given in the line {line:?}"),
        })
        .collect()
}

struct Outcome {
    /// `None` when the process was stopped by a signal or by the time limit.
    status: Option<i32>,
    late: bool,
    stdout: String,
    stderr: String,
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // An error here means the process went away: what was read so far is what there is.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the process up to the time limit; gives its status and whether it had to be killed.
fn wait(child: &mut Child) -> (Option<i32>, bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (status.code(), false),
            Ok(None) if Instant::now() < deadline => {
                thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return (None, true);
            }
        }
    }
}

fn run(case: &Path) -> Result<Outcome, String> {
    let folder = case.parent().unwrap_or(case);
    let mut child = Command::new(env!("CARGO_BIN_EXE_apy"))
        .arg(case)
        .current_dir(folder)
        .env("PYTHONHASHSEED", "0")
        .env_remove("APYPATH")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("the binary does not start: {e}"))?;
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());
    let (status, late) = wait(&mut child);
    let stdout = stdout.join().map_err(|_| "the reader of standard output failed".to_owned())?;
    let stderr = stderr.join().map_err(|_| "the reader of standard error failed".to_owned())?;
    Ok(Outcome { status, late, stdout, stderr })
}

fn cut(line: &str) -> String {
    if line.chars().count() <= LINE_WIDTH {
        return line.to_owned();
    }
    line.chars().take(LINE_WIDTH).chain("…".chars()).collect()
}

/// The first lines that differ, expected lines marked `-` and lines got marked `+`.
fn difference(wanted: &str, got: &str) -> String {
    let (wanted, got): (Vec<_>, Vec<_>) = (wanted.lines().collect(), got.lines().collect());
    let mut lines = Vec::new();
    for number in 0..wanted.len().max(got.len()) {
        let (w, g) = (wanted.get(number), got.get(number));
        if w == g {
            continue;
        }
        if lines.len() >= DIFF_LINES {
            lines.push("      and more lines differ".to_owned());
            break;
        }
        lines.extend(w.map(|w| format!("      {:>4} - {}", number + 1, cut(w))));
        lines.extend(g.map(|g| format!("      {:>4} + {}", number + 1, cut(g))));
    }
    if lines.is_empty() {
        lines.push("      only the line ends differ".to_owned());
    }
    lines.join("\n")
}

/// The last line of a report; the path of awaits, which only apy tells, stands below it.
fn last_line(text: &str) -> &str {
    let text = text.split("\n\nPath of awaits through tasks").next().unwrap_or(text);
    text.trim_end().lines().last().unwrap_or("")
}

/// What is wrong with the case, or nothing.
fn judge(case: &Path, outcome: &Outcome) -> Option<String> {
    if outcome.late {
        return Some(format!("no end within {} s", TIME_LIMIT.as_secs()));
    }
    let read = |extension: &str| fs::read_to_string(case.with_extension(extension)).ok();
    let mut wrong = Vec::new();
    let wanted_status = read("exit").and_then(|t| t.trim().parse().ok()).unwrap_or(0);
    if outcome.status != Some(wanted_status) {
        let status = outcome.status.map_or_else(|| "none (killed by a signal)".to_owned(), |s| s.to_string());
        wrong.push(format!("    exit status {status}, not {wanted_status}: {}", cut(last_line(&outcome.stderr))));
    }
    if let Some(wanted) = read("err")
        && last_line(&wanted) != last_line(&outcome.stderr)
        // A report of a syntax error has CPython's line as its headline.
        && Some(last_line(&wanted)) != outcome.stderr.lines().next()
    {
        let (w, g) = (cut(last_line(&wanted)), cut(last_line(&outcome.stderr)));
        wrong.push(format!("    last line of standard error:\n           - {w}\n           + {g}"));
    }
    match read("out") {
        None => wrong.push("    there is no .out beside it; tests/golden/remake.py makes one".to_owned()),
        Some(wanted) if wanted != outcome.stdout => {
            wrong.push(format!("    standard output:\n{}", difference(&wanted, &outcome.stdout)));
        }
        Some(_) => {}
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Writes what the binary does as what is expected.
fn update(case: &Path, outcome: &Outcome) -> Result<(), String> {
    let write = |extension: &str, text: &str| {
        fs::write(case.with_extension(extension), text).map_err(|e| format!("cannot write the expected output: {e}"))
    };
    write("out", &outcome.stdout)?;
    if let Some(status) = outcome.status.filter(|&s| s != 0) {
        write("exit", &format!("{status}\n"))?;
        return write("err", &format!("{}\n", last_line(&outcome.stderr)));
    }
    for extension in ["exit", "err"] {
        // Usually there is none; one that cannot be removed shows up as a failure in the next run.
        let _ = fs::remove_file(case.with_extension(extension));
    }
    Ok(())
}

fn check(case: &Path) -> Option<String> {
    let outcome = match run(case) {
        Ok(outcome) => outcome,
        Err(why) => return Some(why),
    };
    if updating() { update(case, &outcome).err() } else { judge(case, &outcome) }
}

/// Checks the cases on a few threads; gives the failures by name.
fn check_all(cases: &[PathBuf]) -> BTreeMap<String, String> {
    // A shell that starts a program in the background has it ignore interrupts, and its children with it.
    signals::set(SIGINT as i32, signals::Disposition::Default).expect("SIGINT may be set");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    let workers = thread::available_parallelism().map_or(2, |n| n.get()).clamp(1, 4);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(why) = check(case)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.insert(name_of(case), why);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_default()
}

fn area(name: &str) {
    let mut cases = Vec::new();
    cases_below(&root().join(name), &mut cases);
    assert!(!cases.is_empty(), "tests/golden/{name} holds no case");
    let mut failures = check_all(&cases);
    let mut report = Vec::new();
    for known in known_failures().into_keys().filter(|k| k.split('/').next() == Some(name)) {
        if failures.remove(&known).is_none() && !updating() {
            let state = if cases.iter().any(|c| name_of(c) == known) { "passes" } else { "does not exist" };
            report.push(format!("{known} {state}: take it off tests/golden/known_failures.txt"));
        }
    }
    report.extend(failures.into_iter().map(|(case, why)| format!("{case}\n{why}")));
    assert!(
        report.is_empty(),
        "{} of {} cases in tests/golden/{name} (- expected, + got):\n\n{}\n\n\
         If the new output is right, UPDATE_GOLDEN=1 cargo test --test golden rewrites the expected files from what \
         this build prints; read the difference before keeping it.",
        report.len(),
        cases.len(),
        report.join("\n\n")
    );
}

/// One test for each area, and the list of their names.
macro_rules! areas {
    ($($name:ident)*) => {
        const AREAS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                area(stringify!($name));
            }
        )*
    };
}

areas! {
    asyncgen
    asyncio
    builtins
    bytes
    classes
    complex
    comprehensions
    control
    coroutines
    dict
    exceptions
    float
    format
    fstrings
    functions
    generators
    imports
    int
    list
    literals
    matching
    modules
    network
    objects
    operators
    programs
    random_coroutines
    range
    scoping
    set
    str
    survival
    threads
    top_level
    tstrings
    tuple
    with
}

/// The examples whose output `tests/examples` holds print exactly that; the others need a network or a terminal.
#[test]
fn the_examples_print_what_they_should() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let outputs =
        fs::read_dir(manifest.join("tests").join("examples")).expect("tests/examples is part of the repository");
    let mut failures = Vec::new();
    for output in outputs.flatten().map(|e| e.path()) {
        let name = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let script = manifest.join("examples").join(&name).with_extension("apy");
        let wanted = fs::read_to_string(&output).unwrap_or_default();
        match run(&script) {
            Err(why) => failures.push(format!("{name}: {why}")),
            Ok(got) if got.status != Some(0) => failures.push(format!("{name}: {}", last_line(&got.stderr))),
            Ok(got) if got.stdout != wanted => failures.push(format!("{name}:\n{}", difference(&wanted, &got.stdout))),
            Ok(_) => {}
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_area_is_tested() {
    let folders = fs::read_dir(root()).expect("tests/golden is part of the repository").flatten();
    let folders = folders.filter(|e| e.path().is_dir()).map(|e| e.file_name().to_string_lossy().into_owned());
    let missing: Vec<_> = folders.filter(|f| !AREAS.contains(&f.as_str())).collect();
    assert!(missing.is_empty(), "areas of tests/golden that no test runs: {missing:?}; add them to areas!");
}

#[test]
fn known_failures_name_known_areas() {
    let strangers: Vec<_> =
        known_failures().into_keys().filter(|k| !AREAS.contains(&k.split('/').next().unwrap_or(""))).collect();
    assert!(strangers.is_empty(), "tests/golden/known_failures.txt names unknown areas: {strangers:?}");
}

#[test]
fn a_difference_names_the_lines() {
    assert_eq!(difference("a\nb\n", "a\nc\nd\n"), "         2 - b\n         2 + c\n         3 + d");
    assert_eq!(difference("a\n", "a"), "      only the line ends differ");
}
