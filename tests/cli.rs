//! The command line: what is run and with which arguments, exit statuses, standard streams, mistakes and what is said
//! about them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for a test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("apy-cli-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the folder for temporary files can be written to");
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).expect("the folder can be written to");
        fs::write(path, text).expect("the folder can be written to");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = apy(args);
        command.current_dir(&self.0);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn apy(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apy"));
    command.args(args).stdin(Stdio::null()).env("PYTHON_COLORS", "0");
    for name in ["APYPATH", "PYTHONUNBUFFERED", "PYTHONINSPECT", "PYTHONOPTIMIZE", "PYTHONDEVMODE", "PYTHONWARNINGS"] {
        command.env_remove(name);
    }
    command
}

fn run(args: &[&str]) -> Output {
    apy(args).output().expect("the binary starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs with a text on standard input.
fn with_input(mut command: Command, text: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    child.stdin.take().expect("it was asked for").write_all(text.as_bytes()).expect("it is read");
    child.wait_with_output().expect("it ends")
}

const SHOW: &str = "import sys\nprint(__name__, sys.argv, sys.path[0] == sys.argv[0].rpartition('/')[0])\n";

#[test]
fn programs_get_their_arguments() {
    let folder = Folder::new("arguments");
    folder.file("a.apy", SHOW);
    folder.file("package/__main__.apy", "import sys\nprint('main', sys.argv[1:])\n");
    folder.file("package/part.apy", "import sys\nprint(__name__, __package__, sys.argv[1:])\n");
    let out = |args: &[&str]| {
        let output = folder.run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(out(&["a.apy", "x", "-y", "--version"]), "__main__ ['a.apy', 'x', '-y', '--version'] False\n");
    assert_eq!(out(&["run", "a.apy", "x"]), "__main__ ['a.apy', 'x'] False\n");
    assert_eq!(out(&["package", "x"]), "main ['x']\n");
    assert_eq!(out(&["-m", "package", "x"]), "main ['x']\n");
    assert_eq!(out(&["-m", "package.part", "-x"]), "__main__ package ['-x']\n");
    assert_eq!(out(&["-c", "import sys; print(sys.argv)", "-c", "y"]), "['-c', '-c', 'y']\n");
    let output = with_input(folder.command(&["-", "x"]), SHOW);
    assert_eq!(stdout(&output), "__main__ ['-', 'x'] True\n");
    assert_eq!(stdout(&with_input(folder.command(&[]), SHOW)), "__main__ [''] True\n");
}

#[test]
fn a_script_names_its_interpreter() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("shebang");
    folder.file("tool", "#!/usr/bin/env apy\nimport sys\nprint('ran', sys.argv[1:])\n");
    let tool = folder.0.join("tool");
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    let binary = Path::new(env!("CARGO_BIN_EXE_apy")).parent().expect("it is in a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    let output = loop {
        // A test beside this one may just start a process, which has the file open until it runs.
        match Command::new(&tool).arg("x").env("PATH", &path).output() {
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            other => break other.expect("the script starts"),
        }
    };
    assert_eq!(stdout(&output), "ran ['x']\n");
}

#[test]
fn the_exit_status_is_cpythons() {
    for (text, status, said) in [
        ("", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("x = ", 1, "SyntaxError: invalid syntax"),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('a text')", 1, "a text"),
        ("raise SystemExit(-1)", 255, ""),
        ("raise SystemExit(261)", 5, ""),
        ("raise SystemExit([1, 2])", 1, "[1, 2]"),
        ("import os; os._exit(3)", 3, ""),
        ("exit(4)", 4, ""),
        ("import atexit; atexit.register(print, 'bye'); raise SystemExit(2)", 2, ""),
    ] {
        let output = run(&["-c", text]);
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(stderr(&output).contains(said), "{text}: {}", stderr(&output));
    }
    for (args, said) in [
        (&["/no/such/file.apy"][..], "can't open file '/no/such/file.apy'"),
        (&["--hlp"], "did you mean --help?"),
        (&["-Z"], "unknown option -Z"),
        (&["-c"], "argument expected for the -c option"),
        (&["completions", "fishh"], "did you mean 'fish'?"),
        (&["repl", "file"], "takes no arguments"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).starts_with("apy: ") && stderr(&output).contains(said), "{}", stderr(&output));
    }
    let output = run(&["-m", "no_such_module"]);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), "apy: No module named no_such_module\n"));
}

#[test]
fn an_interrupt_ends_the_process_by_its_signal() {
    use std::os::unix::process::ExitStatusExt;
    let output = run(&["-c", "raise KeyboardInterrupt"]);
    assert_eq!(output.status.signal(), Some(2));
    assert!(stderr(&output).ends_with("KeyboardInterrupt\n"), "{}", stderr(&output));
}

#[test]
fn misspelt_names_get_a_suggestion() {
    let folder = Folder::new("suggestions");
    folder.file("program.apy", "");
    for (wrong, meant) in [
        ("progam.apy", "Did you mean 'program.apy'?"),
        ("program", "Did you mean 'program.apy'?"),
        ("rnu", "Did you mean the subcommand 'run'?"),
        ("completion", "Did you mean the subcommand 'completions'?"),
    ] {
        let output = folder.run(&[wrong]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(meant), "{wrong}: {}", stderr(&output));
    }
    let output = folder.run(&["utterly-different"]);
    assert!(!stderr(&output).contains("Did you mean"), "{}", stderr(&output));
}

#[test]
fn a_file_with_the_name_of_a_subcommand_is_run() {
    let folder = Folder::new("clash");
    folder.file("dis", "print('the file')\n");
    assert_eq!(stdout(&folder.run(&["dis"])), "the file\n");
    assert!(stdout(&folder.run(&["-c", "print('text')"])).contains("text"));
}

#[test]
fn options_do_what_they_say() {
    let folder = Folder::new("options");
    folder.file("beside.apy", "");
    folder.file("x.apy", "this is no program\nprint('the rest')\n");
    let flags = "import sys; print(sys.flags.optimize, sys.flags.dev_mode, sys.flags.safe_path, sys.flags.isolated)";
    for (args, wanted) in [
        (&["-c", flags][..], "0 False False 0\n"),
        (&["-OO", "-c", flags], "2 False False 0\n"),
        (&["-X", "dev", "-c", flags], "0 True False 0\n"),
        (&["-I", "-c", flags], "0 False True 1\n"),
        (&["-P", "-c", flags], "0 False True 0\n"),
        (&["-O", "-c", "assert False; print(__debug__)"], "False\n"),
        (&["-x", "x.apy"], "the rest\n"),
        (&["-c", "  print(1)\n  print(2)"], "1\n2\n"),
        (&["-uc", "print('together')"], "together\n"),
        (&["--version"], concat!("apy ", env!("CARGO_PKG_VERSION"), " (Python 3.14)\n")),
        (&["-X", "dev", "-c", "import asyncio; print(asyncio.new_event_loop().get_debug())"], "True\n"),
    ] {
        let output = folder.run(args);
        assert_eq!(stdout(&output), wanted, "{args:?}: {}", stderr(&output));
    }
    let warns = "import warnings; warnings.warn('careful')";
    assert_eq!(stderr(&run(&["-W", "ignore", "-c", warns])), "");
    assert!(stderr(&run(&["-c", warns])).contains("UserWarning: careful"));
    assert_eq!(run(&["-Werror", "-c", warns]).status.code(), Some(1));
    assert_eq!(stderr(&run(&["-W", "often", "-c", ""])), "Invalid -W option ignored: invalid action: 'often'\n");
    assert_eq!(folder.run(&["-P", "-c", "import beside"]).status.code(), Some(1));
    let help = stdout(&run(&["--help"]));
    assert!(help.lines().count() <= 40 && help.lines().all(|l| l.len() <= 90) && help.contains("examples:"), "{help}");
    assert!(stdout(&run(&["dis", "-c", "x = 1"])).contains("ReturnConst"));
}

#[test]
fn after_a_program_there_is_a_prompt_if_asked_for() {
    let output = with_input(apy(&["-i", "-q", "-c", "x = 20; 1 / 0"]), "x + 1\n");
    assert_eq!(stdout(&output), "21\n");
    assert!(stderr(&output).contains("ZeroDivisionError"));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let mut child = apy(&["-c", "while True: print('y')"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut first = [0; 2];
    let mut pipe = child.stdout.take().expect("it was asked for");
    pipe.read_exact(&mut first).expect("something is printed");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((&first, output.status.code(), stderr(&output).as_str()), (b"y\n", Some(141), ""));
    // One that is caught is the program's own affair.
    let text = "import sys\ntry:\n    while True: print('y')\nexcept BrokenPipeError:\n    \
                print('caught', file=sys.stderr)\n    sys.stdout = None\n    sys.exit(5)\n";
    let mut child =
        apy(&["-c", text]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    drop(child.stdout.take());
    assert!(stderr(&child.wait_with_output().expect("it ends")).contains("caught"));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_reported() {
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there"));
    let output = apy(&["-c", "print(1)"]).stdout(full()).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(120));
    assert!(stderr(&output).starts_with("Exception ignored while flushing sys.stdout:\nOSError: [Errno 28]"));
    let output = apy(&["-u", "-c", "print(1)"]).stdout(full()).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).ends_with("OSError: [Errno 28] No space left on device\n"), "{}", stderr(&output));
}

#[test]
fn shells_take_the_completions() {
    let folder = Folder::new("completions");
    folder.file("script.apy", "");
    folder.file("other.txt", "");
    let text = stdout(&run(&["completions", "bash"]));
    folder.file("apy.bash", &text);
    let ask = "source ./apy.bash; COMP_WORDS=(apy \"$1\"); COMP_CWORD=1; _apy; printf '%s\\n' \"${COMPREPLY[@]}\"";
    for (typed, wanted) in [("re", "repl\n"), ("s", "script.apy\n"), ("--v", "--version\n"), ("o", "\n")] {
        let output = Command::new("bash")
            .args(["--norc", "-c", ask, "bash", typed])
            .current_dir(&folder.0)
            .output()
            .expect("bash is on every machine that builds this");
        assert_eq!(stdout(&output), wanted, "{typed}: {}", stderr(&output));
    }
    for shell in ["zsh", "fish"] {
        let text = stdout(&run(&["completions", shell]));
        let checked = with_shell(shell, &text);
        assert!(checked.is_none_or(|ok| ok), "{shell} does not take\n{text}");
    }
}

/// Whether a shell finds no mistake in a script; nothing where the shell is not installed.
fn with_shell(shell: &str, text: &str) -> Option<bool> {
    let mut command = Command::new(shell);
    command.arg("-n").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    Some(child.wait().ok()?.success())
}

#[test]
fn streams_that_are_closed_are_none() {
    let shell = |text: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", text, env!("CARGO_BIN_EXE_apy")]).stdin(Stdio::null());
        shell.output().expect("there is a shell")
    };
    let said = shell("\"$0\" -c 'import sys; print(sys.stdout, file=sys.stderr); print(1)' >&-");
    assert_eq!((said.status.code(), stderr(&said).as_str()), (Some(0), "None\n"));
    let said = shell("\"$0\" -c 'import sys; print(sys.stderr); 1 / 0' 2>&-");
    assert_eq!((said.status.code(), stdout(&said).as_str()), (Some(1), "None\n"));
    let said = shell("\"$0\" -c 'input()' <&-");
    assert!(stderr(&said).ends_with("RuntimeError: lost sys.stdin\n"), "{}", stderr(&said));
    // Thrown away is not closed.
    let said = shell("\"$0\" -c 'import sys; print(sys.stdout is None, file=sys.stderr)' <>/dev/null >&0");
    assert_eq!(stderr(&said), "False\n");
}

#[test]
fn the_main_module_knows_what_it_is() {
    let folder = Folder::new("main_module");
    fs::create_dir_all(folder.0.join("pack/empty")).expect("the folder is ours");
    let text = "import sys\nprint(__name__, repr(__package__), __spec__.name, __spec__.parent, \
                __spec__.origin == __file__, __cached__)\n";
    folder.file("pack/__init__.apy", "");
    folder.file("pack/__main__.apy", text);
    folder.file("pack/part.apy", text);
    folder.file("single.apy", text);
    for (args, said) in [
        (&["-m", "pack"][..], "__main__ 'pack' pack.__main__ pack True None\n"),
        (&["-m", "pack.part"], "__main__ 'pack' pack.part pack True None\n"),
        (&["-m", "single"], "__main__ '' single  True None\n"),
        (&["pack"], "__main__ '' __main__  True None\n"),
    ] {
        let output = folder.run(args);
        assert_eq!(stdout(&output), said, "{args:?}: {}", stderr(&output));
    }
    for (name, said) in [
        ("pack.none", "No module named pack.none"),
        (
            "pack.empty",
            "No module named pack.empty.__main__; 'pack.empty' is a package and cannot be directly executed",
        ),
        (
            "no.such",
            "Error while finding module specification for 'no.such' (ModuleNotFoundError: No module named 'no')",
        ),
    ] {
        let output = folder.run(&["-m", name]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), format!("apy: {said}\n")));
    }
    let output = folder.run(&["-m", "single.py"]);
    assert!(stderr(&output).ends_with("Try using 'single' instead of 'single.py' as the module name.\n"));
    assert_eq!(stdout(&with_input(apy(&["-"]), "print(__file__, __spec__)")), "<stdin> None\n");
}

#[test]
fn the_last_levels_of_a_traceback_are_told_if_there_is_a_limit() {
    let text = "import sys; sys.tracebacklimit = 1\ndef f(): 1 / 0\nf()";
    let said = stderr(&run(&["-c", text]));
    assert!(said.contains("in f\n") && !said.contains("<module>"), "{said}");
}

#[test]
fn tracebacks_of_the_traceback_module_quote_what_is_no_file() {
    let text = "import traceback\ndef f():\n    return 1 / 0\ntry: f()\nexcept Exception: traceback.print_exc()\n";
    let output = run(&["-c", text]);
    let expected = "Traceback (most recent call last):\n  File \"<string>\", line 4, in <module>\n    try: f()\n         ~^^\n  \
                    File \"<string>\", line 3, in f\n    return 1 / 0\n           ~~^~~\n\
                    ZeroDivisionError: division by zero\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn under_i_an_exit_is_an_exception_like_others() {
    let output = with_input(apy(&["-i", "-c", "x = 3; raise SystemExit(4)"]), "x\n");
    assert!(stderr(&output).contains("SystemExit: 4\n"), "{}", stderr(&output));
    assert!(stdout(&output).contains('3'));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn arguments_come_to_the_byte() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"a\xff\xc3\xa9");
    let mut command = apy(&["-q", "-c", "import os, sys; print(ascii(sys.argv), os.fsencode(sys.argv[1]))"]);
    let output = command.arg(odd).arg("-x").output().expect("the binary starts");
    assert_eq!(stdout(&output), "['-c', 'a\\udcff\\xe9', '-x'] b'a\\xff\\xc3\\xa9'\n");
}

#[test]
fn a_script_may_have_any_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new("anyname");
    let name = OsStr::from_bytes(b"caf\xe9.apy");
    fs::write(folder.0.join(name), "import sys, os\nprint(os.fsencode(sys.argv[0]), sys.argv[1:], __name__)\n")
        .expect("the folder can be written to");
    let inner = folder.0.join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&inner).expect("the folder can be written to");
    fs::write(inner.join("__main__.apy"), "print('of a folder')\n").expect("the folder can be written to");
    let out = |args: &[&OsStr]| stdout(&folder.command(&[]).args(args).output().expect("the binary starts"));
    assert_eq!(out(&[name, OsStr::new("x")]), "b'caf\\xe9.apy' ['x'] __main__\n");
    assert_eq!(out(&[OsStr::new("run"), name]), "b'caf\\xe9.apy' [] __main__\n");
    assert_eq!(out(&[OsStr::from_bytes(b"\xff")]), "of a folder\n");
}

#[test]
fn imports_are_timed_if_asked_for() {
    let folder = Folder::new("importtime");
    folder.file("outer_part.apy", "import inner_part\n");
    folder.file("inner_part.apy", "");
    let output =
        folder.run(&["-X", "importtime", "-c", "import sys; sys.path[0] = '.'; import outer_part, inner_part"]);
    let told = stderr(&output);
    assert!(told.starts_with("import time: self [us] | cumulative | imported package\n"), "{told}");
    let rows: Vec<Vec<&str>> = told.lines().map(|l| l.split(" | ").collect()).collect();
    let of = |name: &str| rows.iter().position(|r| r.last() == Some(&name));
    let (inner, outer) = (of("  inner_part"), of("outer_part"));
    assert!(inner.is_some() && inner < outer && of("inner_part").is_none(), "{told}");
    let number = |row: usize, at: usize| rows[row][at].trim_start_matches("import time:").trim().parse::<u64>();
    let (inner, outer) = (inner.unwrap_or(0), outer.unwrap_or(0));
    let (Ok(own), Ok(all), Ok(inside)) = (number(outer, 0), number(outer, 1), number(inner, 1)) else {
        panic!("no numbers: {told}");
    };
    assert!(own + inside <= all + 1, "{told}");
    assert_eq!(stderr(&folder.run(&["-c", "import json"])), "");
}

/// The last line of what a program that fails prints.
fn failure(text: &str) -> String {
    stderr(&run(&["-c", text])).lines().last().unwrap_or("").to_owned()
}

#[test]
fn names_that_were_meant_are_told() {
    let dog = "class Dog:\n  sound = 'w'\n  def __init__(self): self.name = 'x'; self._age = 1\n";
    for (text, wanted) in [
        ("  def f(self): print(name)\nDog().f()", "NameError: name 'name' is not defined. Did you mean: 'self.name'?"),
        (
            "  def f(self): print(sound)\nDog().f()",
            "NameError: name 'sound' is not defined. Did you mean: 'self.sound'?",
        ),
        (
            "  def f(self): return lambda: (self, name)\nDog().f()()",
            "NameError: name 'name' is not defined. Did you mean: 'self.name'?",
        ),
        ("  def f(self): print(prnt)\nDog().f()", "NameError: name 'prnt' is not defined. Did you mean: 'print'?"),
        ("  def f(this): print(name)\nDog().f()", "NameError: name 'name' is not defined"),
        ("Dog.sond", "AttributeError: type object 'Dog' has no attribute 'sond'. Did you mean: 'sound'?"),
        (
            "int.from_byte",
            "AttributeError: type object 'int' has no attribute 'from_byte'. Did you mean: 'from_bytes'?",
        ),
    ] {
        assert_eq!(failure(&format!("{dog}{text}")), wanted, "{text}");
    }
}

#[test]
fn classes_have_their_full_names_in_messages() {
    for (text, wanted) in [
        (
            "import datetime; datetime.date.today() - 5",
            "TypeError: unsupported operand type(s) for -: 'datetime.date' and 'int'",
        ),
        (
            "import datetime; '' + datetime.datetime.now()",
            "TypeError: can only concatenate str (not \"datetime.datetime\") to str",
        ),
        (
            "import datetime\nclass Day(datetime.date): pass\nDay(2000, 1, 1)()",
            "TypeError: 'Day' object is not callable",
        ),
        ("open('/dev/null') + 1", "TypeError: unsupported operand type(s) for +: '_io.TextIOWrapper' and 'int'"),
        (
            "class A:\n class B: pass\nwith A.B(): pass",
            "TypeError: 'A.B' object does not support the context manager protocol (missed __exit__ method)",
        ),
        (
            "import asyncio\nwith asyncio.Lock(): pass",
            "TypeError: 'asyncio.locks.Lock' object does not support the context manager protocol (missed __exit__ method) but it supports the asynchronous context manager protocol. Did you mean to use 'async with'?",
        ),
        ("dict([1])", "Cannot convert dictionary update sequence element #0 to a sequence"),
    ] {
        assert_eq!(failure(text), wanted, "{text}");
    }
}

#[test]
fn a_forgotten_await_is_told_where_it_was_forgotten() {
    let folder = Folder::new("forgotten");
    let f = "import asyncio\nasync def f(): return 1\n";
    for (name, text, line) in [
        ("caught", "try:\n    x = f() + 1\nexcept TypeError:\n    pass\ny = 1\n", "caught.apy:4"),
        ("function", "def g():\n    x = f() + 1\ntry:\n    g()\nexcept TypeError:\n    pass\n", "function.apy:4"),
        ("task", "async def g():\n    await asyncio.sleep(0)\n    x = f() + 1\nasyncio.run(g())\n", "task.apy:5"),
        ("end", "f().result\n", "<sys>:0"),
    ] {
        let name = format!("{name}.apy");
        folder.file(&name, &format!("{f}{text}"));
        let told = stderr(&folder.run(&[&name]));
        let warning = format!("{line}: RuntimeWarning: coroutine 'f' was never awaited\n");
        assert!(told.contains(&warning), "{told}");
    }
}

#[test]
fn logging_tells_where_its_own_failure_comes_from() {
    let folder = Folder::new("logging");
    folder.file("a.apy", "import logging\ndef f():\n    logging.warning('%d', 'x')\nf()\n");
    let told = stderr(&folder.run(&["a.apy"]));
    let stack = told.split_once("Call stack:\n").map_or("", |(_, s)| s);
    assert!(stack.contains("line 4, in <module>\n    f()\n") && stack.contains("line 3, in f\n"), "{told}");
}
