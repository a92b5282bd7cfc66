//! The `apy` command.

mod cli;

use std::process::ExitCode;

/// Native stack of the thread that runs scripts: deep recursion in natives (repr, comparison, calls back into
/// scripts) needs it, and only the part that is used becomes memory.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    apy::vm::system::share_arena();
    match apy::vm::stack::with_stack(STACK, || cli::run(STACK - (1 << 20))) {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("apy: there is no room for the interpreter's stack: {e}");
            ExitCode::FAILURE
        }
    }
}
