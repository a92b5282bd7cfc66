//! The command line: options, what to run, exit statuses.
//!
//! Written against the library's public API. Not here yet: the interactive prompt.

use anyhow::{Context, Result, bail};
use apy::{Error, Interpreter};
use std::io::Read;

const HELP: &str = "\
usage: apy [option] ... [-c TEXT | -m MODULE | FILE | -] [arg] ...

  FILE          run a script
  -             run a script from standard input (also when nothing is named)
  -c TEXT       run the text
  -m MODULE     run a module as a script

  -W FILTER     how to treat a warning (as in CPython); may be given several times
  -q, -u, -B, -E, -s, -S, -I, -P
                accepted for the sake of scripts; nothing to change
  -V, --version print the version
  -h, --help    print this

examples:
  apy chat.apy 8080         run chat.apy with one argument
  apy -c 'print(6 * 7)'     run a line
  echo 'print(1)' | apy     run standard input
";

/// What is to be run.
enum Program {
    File(String),
    Text(String),
    Module(String),
    Stdin,
}

struct Command {
    program: Program,
    args: Vec<String>,
    warnings: Vec<String>,
}

/// Runs the command that the process was started with, and gives the exit status.
pub fn run(native_stack: usize) -> u8 {
    let args: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    match parse(args) {
        Ok(Some(command)) => match execute(command, native_stack) {
            Ok(status) => status,
            Err(e) => {
                eprintln!("apy: {e:#}");
                2
            }
        },
        Ok(None) => 0,
        Err(e) => {
            eprintln!("apy: {e:#}");
            eprintln!("Try 'apy --help' for more information.");
            2
        }
    }
}

fn parse(args: Vec<String>) -> Result<Option<Command>> {
    let mut warnings = Vec::new();
    let mut args = args.into_iter();
    let mut program = None;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-h" | "--help" | "-?" => {
                print!("{HELP}");
                return Ok(None);
            }
            "-V" | "--version" => {
                println!("apy {} (Python 3.14)", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            "-c" => {
                let text = args.next().context("argument expected for the -c option")?;
                program = Some((Program::Text(text), "-c".to_owned()));
                break;
            }
            "-m" => {
                let module = args.next().context("argument expected for the -m option")?;
                program = Some((Program::Module(module), "-m".to_owned()));
                break;
            }
            "-W" => warnings.push(args.next().context("argument expected for the -W option")?),
            "-q" | "-u" | "-B" | "-E" | "-s" | "-S" | "-I" | "-P" => {}
            "-X" => {
                args.next().context("argument expected for the -X option")?;
            }
            "-" => {
                program = Some((Program::Stdin, "-".to_owned()));
                break;
            }
            a if a.starts_with("-W") => warnings.push(a[2..].to_owned()),
            a if a.starts_with("-X") => {}
            a if a.starts_with('-') => bail!("unknown option {a}"),
            _ => {
                program = Some((Program::File(arg.clone()), arg));
                break;
            }
        }
    }
    let (program, name) = program.unwrap_or((Program::Stdin, String::new()));
    let args = std::iter::once(name).chain(args).collect();
    Ok(Some(Command { program, args, warnings }))
}

/// The first entry of `sys.path`: where the script is.
fn script_folder(program: &Program) -> String {
    match program {
        Program::File(path) => {
            let path = std::path::Path::new(path);
            let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            real.parent().map_or_else(String::new, |p| p.to_string_lossy().into_owned())
        }
        Program::Module(_) => {
            std::env::current_dir().map_or_else(|_| String::new(), |d| d.to_string_lossy().into_owned())
        }
        Program::Text(_) | Program::Stdin => String::new(),
    }
}

fn execute(command: Command, native_stack: usize) -> Result<u8> {
    let mut path = vec![script_folder(&command.program)];
    if let Ok(extra) = std::env::var("APYPATH") {
        path.extend(extra.split(':').filter(|p| !p.is_empty()).map(str::to_owned));
    }
    let executable = std::env::current_exe().map_or_else(|_| String::new(), |p| p.to_string_lossy().into_owned());
    let interpreter = Interpreter::builder()
        .args(command.args)
        .path(path)
        .executable(executable)
        .warnings(command.warnings)
        .native_stack(native_stack)
        .build();
    interpreter.attach(apy::modules::signal::install_interrupt)?;
    let result = match command.program {
        Program::File(path) => {
            let source =
                std::fs::read(&path).map_err(|e| anyhow::anyhow!("can't open file '{path}': {}", describe_io(&e)))?;
            interpreter.attach(|vm| vm.exec_main(&source, &path))
        }
        Program::Text(text) => interpreter.attach(|vm| vm.exec_main(text.as_bytes(), "<string>")),
        Program::Stdin => {
            let mut source = Vec::new();
            std::io::stdin().read_to_end(&mut source).context("can't read standard input")?;
            interpreter.attach(|vm| vm.exec_main(&source, "<stdin>"))
        }
        Program::Module(name) => interpreter.attach(|vm| vm.exec_module(&name)),
    };
    Ok(finish(&interpreter, result))
}

fn describe_io(e: &std::io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => format!("[Errno {n}] {}", e.to_string().split(" (os error").next().unwrap_or_default()),
        None => e.to_string(),
    }
}

/// Reports what the program let out, and ends the interpreter: exit handlers, flushing, finalizers.
fn finish(interpreter: &Interpreter, result: Result<(), Error>) -> u8 {
    let mut status = match &result {
        Ok(()) => 0,
        Err(Error::Exception { exit_status: Some(status), message, .. }) => {
            if !message.is_empty() {
                eprintln!("{message}");
            }
            (*status & 0xff) as u8
        }
        Err(Error::Exception { class, traceback, .. }) => {
            let _ = interpreter.attach(|vm| vm.flush_streams());
            eprint!("{traceback}");
            if class == "KeyboardInterrupt" { 130 } else { 1 }
        }
        Err(e) => {
            eprintln!("apy: {e}");
            1
        }
    };
    if interpreter.attach(|vm| vm.finish()).is_err() && status == 0 {
        // CPython's status when standard output cannot be flushed at the end.
        status = 120;
    }
    status
}
