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
    /// Ctrl-C came while a line was read without an editor.
    given_up: AtomicBool,
    /// Lines that have no end yet, of standard output and standard error: only whole lines go above the one being edited.
    begun: Mutex<[Vec<u8>; 2]>,
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

    /// From now on output goes straight to the terminal; the line being edited is over.
    pub fn stop_editing(&self) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        self.editing.store(false, Ordering::SeqCst);
        for (n, bytes) in begun.iter_mut().enumerate() {
            // A terminal that is gone takes nothing.
            let _ = straight(&std::mem::take(bytes), n == 1);
        }
    }

    /// Ctrl-C: what was typed of an input is worth nothing; the prompt is shown again. The terminal itself forgets the
    /// line.
    pub fn give_up(&self, prompt: &str) {
        self.given_up.store(true, Ordering::SeqCst);
        if std::io::stdin().is_terminal() {
            eprintln!("\nKeyboardInterrupt");
            let _ = straight(prompt.as_bytes(), false);
        }
    }

    /// Whether there was a Ctrl-C since this was asked last.
    pub fn was_given_up(&self) -> bool {
        self.given_up.swap(false, Ordering::SeqCst)
    }

    /// Writes the whole lines above the line being edited and keeps the rest; false when no line is being edited.
    fn above(&self, bytes: &[u8], error: bool) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.editing.load(Ordering::SeqCst) {
            return false;
        }
        let mut printer = self.printer.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(print) = printer.as_mut() else { return false };
        let line = &mut begun[usize::from(error)];
        line.extend_from_slice(bytes);
        if let Some(end) = line.iter().rposition(|b| *b == b'\n') {
            let rest = line.split_off(end + 1);
            let whole = std::mem::replace(line, rest);
            print(String::from_utf8_lossy(&whole).into_owned());
        }
        true
    }

    /// What writes above the line.
    #[cfg(feature = "prompt")]
    pub fn set_printer(&self, printer: Printer) {
        *self.printer.lock().unwrap_or_else(PoisonError::into_inner) = Some(printer);
    }
}

/// Writes to the terminal itself.
fn straight(bytes: &[u8], error: bool) -> std::io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    if error {
        return std::io::stderr().write_all(bytes);
    }
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A standard stream that goes to the screen.
pub struct ToScreen {
    pub screen: std::sync::Arc<Screen>,
    /// It is standard error.
    pub error: bool,
}

impl Sink for ToScreen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.screen.above(bytes, self.error) { Ok(()) } else { straight(bytes, self.error) }
    }

    fn descriptor(&self) -> Option<i32> {
        Some(if self.error { 2 } else { 1 })
    }
}
