//! Where `sys.stdout` and `sys.stderr` of an interpreter go.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// A host's destination for what scripts print.
pub trait Sink: Send {
    /// Takes bytes.
    ///
    /// # Errors
    /// What the script gets as OSError.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()>;

    /// Passes on what is buffered.
    ///
    /// # Errors
    /// What the script gets as OSError.
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    /// The descriptor of the terminal or file that this ends at, if it does: `fileno()` and `isatty()` ask it.
    fn descriptor(&self) -> Option<i32> {
        None
    }
}

impl Sink for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl<S: Sink> Sink for Arc<Mutex<S>> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self.lock() {
            Ok(mut s) => s.write(bytes),
            Err(_) => Err(std::io::Error::other("the sink's lock is poisoned")),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.lock() {
            Ok(mut s) => s.flush(),
            Err(_) => Err(std::io::Error::other("the sink's lock is poisoned")),
        }
    }
}

/// Where a standard stream of an interpreter goes.
#[derive(Default)]
pub enum Output {
    /// The process's own stream.
    #[default]
    Inherit,
    /// Nowhere.
    Discard,
    /// The host.
    Sink(Box<dyn Sink>),
}

impl Output {
    /// Writes to the stream; `error` says which of the process's.
    ///
    /// # Errors
    /// What the destination gives.
    pub fn write(&mut self, bytes: &[u8], error: bool) -> std::io::Result<()> {
        match self {
            Output::Inherit if error => std::io::stderr().write_all(bytes),
            // Not Rust's line buffer: scripts have a buffer of their own in front.
            Output::Inherit => write_all_stdout(bytes),
            Output::Discard => Ok(()),
            Output::Sink(s) => s.write(bytes),
        }
    }

    /// Passes on what is buffered.
    ///
    /// # Errors
    /// What the destination gives.
    pub fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Output::Sink(s) => s.flush(),
            Output::Inherit => std::io::stdout().flush(),
            Output::Discard => Ok(()),
        }
    }
}

fn write_all_stdout(bytes: &[u8]) -> std::io::Result<()> {
    let out = std::io::stdout().lock();
    // Straight to the descriptor: what Rust's buffer could not write it would keep, and fail with again.
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(&out, rest) {
            Ok(n) => rest = rest.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Standard input that a host reads, and scripts read, too.
pub trait Console: Send + Sync {
    /// Reads a line behind a prompt, for `input()`; waits for it. The line has no line end. `None`: the stream is to be
    /// read.
    fn read_line(&self, prompt: &str) -> Option<ConsoleLine>;

    /// Takes what the host read and did not use, for whoever reads the stream itself: at most so many bytes, and none
    /// behind the end of a line. The system is asked when there are none.
    fn typed_ahead(&self, most: usize) -> Vec<u8>;
}

/// What a [`Console`] gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsoleLine {
    Text(String),
    /// There are no more lines.
    End,
    /// Somebody pressed Ctrl-C.
    Interrupt,
}

/// The standard streams of an interpreter, kept as state of its machine.
#[derive(Default)]
pub struct Streams {
    /// `sys.stdout`.
    pub stdout: Output,
    /// `sys.stderr`.
    pub stderr: Output,
    /// Standard input, if the host reads it, too.
    pub console: Option<Arc<dyn Console>>,
}
