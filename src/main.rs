//! The `apy` command.

mod cli;

use std::process::ExitCode;

/// Native stack of the thread that runs scripts: deep recursion in natives (repr, comparison, calls back into
/// scripts) needs it, and only the part that is used becomes memory.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    apy::vm::system::share_arena();
    let run = std::thread::Builder::new().name("main".into()).stack_size(STACK).spawn(|| cli::run(STACK - (1 << 20)));
    // Signals are the script's thread's affair: one that it sends to itself has come when the call returns.
    let _ = nix::sys::signal::SigSet::all().thread_block();
    match run.map(|t| t.join()) {
        Ok(Ok(status)) => ExitCode::from(status),
        Ok(Err(_)) => ExitCode::from(101),
        Err(e) => {
            eprintln!("apy: the interpreter's thread could not be started: {e}");
            ExitCode::FAILURE
        }
    }
}
