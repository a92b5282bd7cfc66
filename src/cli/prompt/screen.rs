//! Where the standard streams go while a prompt is there: above the line being edited, or straight on.

use apy::embed::Sink;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Writes above the line being edited.
type Printer = Box<dyn FnMut(String) + Send>;

/// The terminal, as the session and the editor share it.
#[derive(Default)]
pub struct Screen {
    editing: AtomicBool,
    printer: Mutex<Option<Printer>>,
}

impl Screen {
    /// Whether there is a terminal that lines can be edited on.
    pub fn is_terminal(&self) -> bool {
        let dumb = std::env::var("TERM").is_ok_and(|t| t == "dumb" || t.is_empty());
        !dumb && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// From now on output goes above the line.
    #[cfg(feature = "prompt")]
    pub fn start_editing(&self) {
        self.editing.store(true, Ordering::SeqCst);
    }

    /// From now on output goes straight to the terminal.
    pub fn stop_editing(&self) {
        self.editing.store(false, Ordering::SeqCst);
    }

    /// What writes above the line.
    #[cfg(feature = "prompt")]
    pub fn set_printer(&self, printer: Printer) {
        *self.printer.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
    }
}

/// A standard stream that goes to the screen.
pub struct ToScreen {
    pub screen: std::sync::Arc<Screen>,
    /// It is standard error.
    pub error: bool,
}

impl Sink for ToScreen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.screen.editing.load(Ordering::SeqCst) {
            let mut printer = self.screen.printer.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(print) = printer.as_mut() {
                print(String::from_utf8_lossy(bytes).into_owned());
                return Ok(());
            }
        }
        if self.error {
            return std::io::stderr().write_all(bytes);
        }
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()
    }

    fn descriptor(&self) -> Option<i32> {
        Some(if self.error { 2 } else { 1 })
    }
}
