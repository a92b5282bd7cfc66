//! The command line: what is asked for, done.
//!
//! `args` reads the arguments after the table of `table`, `program` runs scripts and gives exit statuses,
//! `prompt` is the interactive prompt, `completions` are scripts for shells. Written against the library's public API.

mod args;
mod completions;
mod program;
mod prompt;
mod style;
mod table;

use args::{Action, Command};

/// Runs the command that the process was started with, and gives the exit status.
pub fn run(native_stack: usize) -> u8 {
    let given: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let command = args::parse(given, |name| std::path::Path::new(name).exists());
    match command.and_then(|c| execute(c, native_stack)) {
        Ok(status) => status,
        Err(e) => {
            eprintln!("apy: {e:#}");
            eprintln!("Try 'apy --help' for more information.");
            2
        }
    }
}

fn execute(command: Command, native_stack: usize) -> anyhow::Result<u8> {
    match &command.action {
        Action::Help => Ok(print(&table::help())),
        Action::Version => Ok(print(&format!("apy {} (Python 3.14)\n", env!("CARGO_PKG_VERSION")))),
        Action::Completions(shell) => Ok(print(&completions::script(shell))),
        Action::Disassemble(_) => program::disassemble(&command),
        Action::Run(_) | Action::Prompt => program::execute(command, native_stack),
    }
}

/// Writes to standard output; a reader that went away is no failure, as in other tools.
fn print(text: &str) -> u8 {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => 1,
        _ => 0,
    }
}
