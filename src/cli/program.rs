//! Running a program: finding its text, the interpreter's settings, exit statuses.

use super::args::{self, Command, Program};
use super::prompt::{
    self,
    screen::{Screen, ToScreen},
};
use anyhow::{Context, Result, anyhow};
use apy::embed::{Output, Refusal, SourceKind, Switches};
use apy::vm::signals;
use apy::{Interpreter, Raised, Vm};
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The signal of Ctrl-C.
const SIGINT: i32 = 2;

/// What a shell reports for a program that SIGPIPE ended.
const PIPE_CLOSED: i32 = 128 + 13;

/// CPython's status when standard output cannot be flushed at the end.
const NOT_FLUSHED: i32 = 120;

/// A program's text and the name of where it is from.
struct Source {
    text: Vec<u8>,
    filename: String,
    /// The first entry of `sys.path`.
    folder: String,
    /// It is the `__main__` of a folder.
    of_folder: bool,
}

/// Runs the program and gives the exit status.
pub fn execute(mut command: Command, native_stack: usize) -> Result<u8> {
    environment(&mut command)?;
    let on_terminal = std::io::stdin().is_terminal();
    let program = match &command.action {
        args::Action::Run(Program::Stdin { .. }) if on_terminal || command.switches.inspect => None,
        args::Action::Run(program) => Some(program.clone()),
        _ => None,
    };
    command.switches.interactive |= program.is_none();
    let prompts = command.switches.inspect || program.is_none();
    let source = match &program {
        None | Some(Program::Module(_)) => None,
        Some(program) => match read(program, command.argv.len().saturating_sub(1), command.skip_line) {
            Ok(source) => Some(source),
            Err(NotFound(text, status)) => {
                eprintln!("apy: {text}");
                return Ok(status);
            }
        },
    };
    let folder = match (&source, &program) {
        (Some(s), _) => s.folder.clone(),
        (None, None) => String::new(),
        (None, _) => std::env::current_dir().map_or_else(|_| String::new(), |d| d.to_string_lossy().into_owned()),
    };
    let screen = Arc::new(Screen::default());
    let interpreter = interpreter(&command, folder, native_stack, prompts.then(|| screen.clone()))?;
    interpreter.attach(apy::modules::signal::install_interrupt)?;
    if !command.warnings.is_empty() {
        // Filters that are wrong are told at once.
        interpreter.attach(|vm| apy::modules::import::import_module(vm, "warnings").map(drop))?;
    }
    let ended = interpreter.attach(|vm| {
        let ended = match (&program, source) {
            (None, _) => Ended::With(0),
            (_, Some(source)) => run(vm, &source, prompts),
            (Some(Program::Module(name)), None) => match module(vm, name) {
                Ok(Some(source)) => run(vm, &source, prompts),
                Ok(None) => Ended::With(1),
                Err(e) => ended(vm, Err(e), prompts),
            },
            _ => Ended::With(1),
        };
        if !prompts {
            return Ok(ended);
        }
        let quiet = command.switches.quiet || program.is_some();
        let settings = prompt::Settings { quiet, native_stack, screen: screen.clone() };
        Ok(Ended::With(prompt::session(vm, &interpreter, &settings)))
    })?;
    let status = finish(&interpreter, ended);
    // The process ends: what the interpreter holds needs no taking apart.
    std::mem::forget(interpreter);
    Ok(status)
}

/// Takes over what the environment says and the command line did not.
fn environment(command: &mut Command) -> Result<()> {
    let switches = &mut command.switches;
    if switches.ignore_environment {
        if switches.dev_mode {
            command.warnings.insert(0, "default".to_owned());
        }
        return Ok(());
    }
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    switches.inspect |= set("PYTHONINSPECT").is_some();
    switches.unbuffered |= set("PYTHONUNBUFFERED").is_some();
    switches.safe_path |= set("PYTHONSAFEPATH").is_some();
    switches.dev_mode |= set("PYTHONDEVMODE").is_some();
    if let Some(level) = set("PYTHONOPTIMIZE") {
        switches.optimize = switches.optimize.max(level.parse().unwrap_or(1));
    }
    let mut warnings: Vec<String> = Vec::new();
    if switches.dev_mode {
        warnings.push("default".to_owned());
    }
    if let Some(filters) = set("PYTHONWARNINGS") {
        warnings.extend(filters.split(',').map(str::to_owned));
    }
    warnings.append(&mut command.warnings);
    command.warnings = warnings;
    Ok(())
}

fn interpreter(
    command: &Command,
    folder: String,
    native_stack: usize,
    screen: Option<Arc<Screen>>,
) -> Result<Interpreter> {
    let switches: &Switches = &command.switches;
    let mut path = if switches.safe_path { Vec::new() } else { vec![folder] };
    let variable = |name: &str| std::env::var(name).ok().filter(|_| !switches.ignore_environment);
    if let Some(extra) = variable("APYPATH") {
        path.extend(extra.split(':').filter(|p| !p.is_empty()).map(str::to_owned));
    }
    let executable = std::env::current_exe().map_or_else(|_| String::new(), |p| p.to_string_lossy().into_owned());
    let mut builder = Interpreter::builder()
        .args(arguments(command))
        .path(path)
        .executable(executable)
        .warnings(command.warnings.clone())
        .switches(switches.clone())
        .native_stack(native_stack);
    if let Some(seed) = variable("PYTHONHASHSEED").filter(|s| !s.is_empty() && s != "random") {
        let seed: u32 = seed
            .parse()
            .map_err(|_| anyhow!("PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]"))?;
        builder = builder.hash_seed(u64::from(seed));
    }
    if let Some(screen) = screen {
        let to = |error| Output::Sink(Box::new(ToScreen { screen: screen.clone(), error }));
        builder = builder.stdout(to(false)).stderr(to(true));
    }
    Ok(builder.build())
}

/// `sys.argv`: what was given behind the program, to the byte.
fn arguments(command: &Command) -> Vec<OsString> {
    let count = command.argv.len().saturating_sub(1);
    let given: Vec<OsString> = std::env::args_os().collect();
    let behind = given.into_iter().rev().take(count).collect::<Vec<_>>().into_iter().rev();
    let first = command.argv.first().map(|first| match &command.action {
        args::Action::Run(Program::File(_)) => to_the_byte(first, count).into_os_string(),
        _ => first.into(),
    });
    first.into_iter().chain(behind).collect()
}

/// Why there is nothing to run, and the exit status for it.
struct NotFound(String, u8);

/// A file name as it was given, to the byte; `behind` it so many arguments are the program's.
fn to_the_byte(shown: &str, behind: usize) -> PathBuf {
    let given = std::env::args_os().rev().nth(behind).filter(|g| g.to_string_lossy() == shown);
    given.map_or_else(|| shown.into(), PathBuf::from)
}

/// Reads a program that has so many arguments of its own.
fn read(program: &Program, behind: usize, skip_line: bool) -> Result<Source, NotFound> {
    let mut source = match program {
        Program::File(path) => file(path, &to_the_byte(path, behind))?,
        Program::Text(text) => Source {
            text: dedented(text).into_bytes(),
            filename: "<string>".to_owned(),
            folder: String::new(),
            of_folder: false,
        },
        Program::Stdin { .. } | Program::Module(_) => {
            let mut text = Vec::new();
            if let Err(e) = std::io::stdin().read_to_end(&mut text) {
                return Err(NotFound(format!("can't read standard input: {}", describe_io(&e)), 1));
            }
            Source { text, filename: "<stdin>".to_owned(), folder: String::new(), of_folder: false }
        }
    };
    if skip_line {
        let end = source.text.iter().position(|b| *b == b'\n').unwrap_or(source.text.len());
        source.text.drain(..end);
    }
    Ok(source)
}

/// Reads a file; `path` is its name for messages.
fn file(path: &str, real: &Path) -> Result<Source, NotFound> {
    if real.is_dir() {
        return folder(path, real);
    }
    let text = std::fs::read(real).map_err(|e| {
        let absolute = absolute(path);
        let mut text = format!("can't open file '{}': {}", absolute.display(), describe_io(&e));
        if e.kind() == std::io::ErrorKind::NotFound
            && let Some(hint) = meant(path)
        {
            text.push_str(&format!("\n{hint}"));
        }
        NotFound(text, 2)
    })?;
    let real = real.canonicalize().unwrap_or_else(|_| absolute(path));
    let folder = real.parent().map_or_else(String::new, |p| p.to_string_lossy().into_owned());
    let filename = from_here(path);
    Ok(Source { text, filename, folder, of_folder: false })
}

/// A path as a traceback names it: absolute, otherwise as it was given.
fn from_here(path: &str) -> String {
    match std::env::current_dir() {
        Ok(here) if !path.starts_with('/') => here.join(path).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// A folder is run by its `__main__`.
fn folder(path: &str, real: &Path) -> Result<Source, NotFound> {
    for name in ["__main__.apy", "__main__.py"] {
        if let Ok(text) = std::fs::read(real.join(name)) {
            let filename = from_here(&Path::new(path).join(name).to_string_lossy());
            return Ok(Source { text, filename, folder: from_here(path), of_folder: true });
        }
    }
    Err(NotFound(format!("can't find '__main__' module in '{}'", absolute(path).display()), 1))
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))
}

/// What a name could have meant that is no file: a subcommand, or a script beside it.
fn meant(path: &str) -> Option<String> {
    if let Some(word) = args::subcommand_like(path) {
        return Some(format!("Did you mean the subcommand '{word}'?"));
    }
    let path = Path::new(path);
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    let entries = std::fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| n.ends_with(".apy") || n.ends_with(".py"))
        .collect();
    let wrong = path.file_name()?.to_string_lossy().into_owned();
    let found = names.iter().find(|n| Path::new(n).file_stem() == path.file_name());
    let near = match found {
        Some(n) => n.as_str(),
        None => args::nearest(&wrong, names.iter().map(String::as_str))?,
    };
    let near = parent.map_or_else(|| PathBuf::from(near), |p| p.join(near));
    Some(format!("Did you mean '{}'?", near.display()))
}

/// The text of `-c` without the white space that all its lines begin with.
fn dedented(text: &str) -> String {
    let indents = text.lines().filter(|l| !l.trim().is_empty()).map(|l| &l[..l.len() - l.trim_start().len()]);
    let common = indents.reduce(|a, b| {
        let n = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
        a.get(..n).unwrap_or("")
    });
    let Some(common) = common.filter(|c| !c.is_empty()) else { return text.to_owned() };
    text.split_inclusive('\n')
        .map(|line| line.strip_prefix(common).unwrap_or(line.trim_start_matches([' ', '\t'])))
        .collect()
}

/// The text of the module that is to be run. One that is not there is said in a line, as CPython does.
fn module(vm: &mut Vm, name: &str) -> Result<Option<Source>, Raised> {
    let e = match vm.find_main_module(name) {
        Ok((text, filename)) => return Ok(Some(Source { text, filename, folder: String::new(), of_folder: false })),
        Err(e) => e,
    };
    let value = vm.exception_value(e);
    let outside = vm.get_attr_str(&value, "__traceback__").is_ok_and(|t| t.is_none());
    if outside && vm.is_instance(&value, &vm.exc.ImportError.clone()) {
        let text = vm.str(&value)?;
        eprintln!("apy: {}", vm.str_of(text.value()));
        return Ok(None);
    }
    Err(vm.raise(value))
}

/// Compiles and runs; a text that is no program is drawn. `prompts`: a prompt follows.
fn run(vm: &mut Vm, source: &Source, prompts: bool) -> Ended {
    let code = match vm.check_source(&source.text, &source.filename, SourceKind::Main) {
        Ok(code) => code,
        Err(Refusal::Raised(e)) => return ended(vm, Err(e), prompts),
        Err(Refusal::Syntax(report)) => {
            eprint!("{}", report.render(super::style::of_stderr()));
            return Ended::With(1);
        }
    };
    let described =
        if source.of_folder { apy::modules::import::describe_main(vm, "__main__", &source.filename) } else { Ok(()) };
    let result = described.and_then(|()| vm.set_main_file(&source.filename)).and_then(|()| vm.exec_main_code(&code));
    ended(vm, result, prompts)
}

/// How the program ended.
enum Ended {
    With(i32),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// Reports what the program let out.
fn ended(vm: &mut Vm, result: Result<(), Raised>, prompts: bool) -> Ended {
    let Err(e) = result else { return Ended::With(0) };
    if prompts {
        return Ended::With(vm.report_all(e));
    }
    if vm.raised_is(&e, &vm.exc.BrokenPipeError.clone()) && stdout_is_gone() {
        return Ended::With(PIPE_CLOSED);
    }
    let interrupted = vm.raised_is(&e, &vm.exc.KeyboardInterrupt.clone());
    let status = vm.report_uncaught(e);
    if interrupted && status == 1 { Ended::Interrupted } else { Ended::With(status) }
}

/// Ends the interpreter: exit handlers, flushing, finalizers. Gives the exit status.
fn finish(interpreter: &Interpreter, ended: Ended) -> u8 {
    let flushed = interpreter.attach(|vm| vm.finish());
    let mut status = match ended {
        Ended::With(status) => status,
        Ended::Interrupted => {
            // Whoever waits for the process sees that the signal ended it, and stops, too.
            let _ = signals::set(SIGINT, signals::Disposition::Default).and_then(|()| signals::raise(SIGINT));
            128 + SIGINT
        }
    };
    if let Err(e) = flushed
        && status != PIPE_CLOSED
    {
        if stdout_is_gone() {
            status = PIPE_CLOSED;
        } else {
            eprintln!("Exception ignored while flushing sys.stdout:\n{e}");
            status = NOT_FLUSHED;
        }
    }
    (status & 0xff) as u8
}

/// Whether standard output is a pipe whose reader went away.
fn stdout_is_gone() -> bool {
    use nix::poll::{PollFd, PollFlags, poll};
    use std::os::fd::AsRawFd;
    let mut fds = [PollFd::new(std::io::stdout().as_raw_fd(), PollFlags::POLLOUT)];
    matches!(poll(&mut fds, 0), Ok(1)) && fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLERR))
}

/// Prints the bytecode of a program.
pub fn disassemble(command: &Command) -> Result<u8> {
    let args::Action::Disassemble(program) = &command.action else { return Ok(2) };
    let folder = std::env::current_dir().context("the current folder is not there")?;
    let interpreter = interpreter(command, folder.to_string_lossy().into_owned(), 8 << 20, None)?;
    let source = match program {
        Program::Module(name) => interpreter.attach(|vm| {
            let (text, filename, _) = apy::modules::import::find_source(vm, name)?;
            Ok(Source { text, filename, folder: String::new(), of_folder: false })
        })?,
        program => match read(program, 0, command.skip_line) {
            Ok(source) => source,
            Err(NotFound(text, status)) => {
                eprintln!("apy: {text}");
                return Ok(status);
            }
        },
    };
    let status = interpreter.attach(|vm| {
        let code = match vm.check_source(&source.text, &source.filename, SourceKind::Main) {
            Ok(code) => code,
            Err(Refusal::Raised(e)) => return Ok(vm.report_uncaught(e) as u8),
            Err(Refusal::Syntax(report)) => {
                eprint!("{}", report.render(super::style::of_stderr()));
                return Ok(1);
            }
        };
        let code = code.get(vm).code.clone();
        Ok(super::print(&apy::compiler::disassemble::disassemble(&code)))
    })?;
    Ok(status)
}

fn describe_io(e: &std::io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => format!("[Errno {n}] {}", e.to_string().split(" (os error").next().unwrap_or_default()),
        None => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_indentation_goes() {
        assert_eq!(dedented("\n  a\n    b\n"), "\na\n  b\n");
        assert_eq!(dedented("a\n  b"), "a\n  b");
    }
}
