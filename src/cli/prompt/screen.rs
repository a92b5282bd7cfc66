//! The terminal, as the session, the editor and the standard streams share it.
//!
//! While a line is edited the screen knows which rows of it are drawn, so that whoever prints can take them away, print,
//! and put them back. Invariant: everything that a session writes to its terminal is written under one lock.
//! Not here: what the rows are (`editor::rows`).

#![cfg_attr(not(feature = "prompt"), allow(dead_code))]

use apy::embed::Sink;
use rustix::termios::{OptionalActions, Termios, tcsetattr};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A line that output left without an end is kept before the prompt, up to so many bytes.
const LONGEST_REST: usize = 1000;

/// A character on the screen, and the number of its style.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cell {
    pub c: char,
    pub style: u16,
}

/// A row of the screen.
pub type Row = Vec<Cell>;

/// The columns that a character takes.
pub fn width(c: char) -> usize {
    if c.is_ascii() { 1 } else { apy::text::unicode::columns(u32::from(c)) }
}

fn columns_of(row: &[Cell]) -> usize {
    row.iter().map(|cell| width(cell.c)).sum()
}

/// The terminal of a session.
#[derive(Default)]
pub struct Screen {
    state: Mutex<State>,
    /// Ctrl-C came from elsewhere than the keyboard of an editor.
    given_up: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The line being edited.
    line: Option<Drawn>,
    /// Lines that have no end yet, of standard output and standard error: only whole lines go above the one being edited.
    begun: [Vec<u8>; 2],
    /// What output has left on the terminal's last line.
    rest: Vec<u8>,
    /// Styles by their numbers, as a terminal is told them; 0 is none.
    styles: Vec<String>,
    /// Wakes the editor.
    bell: Option<Box<dyn Fn() + Send>>,
}

/// What is on the screen of the line being edited.
#[derive(Default)]
struct Drawn {
    rows: Vec<Row>,
    /// Row and column.
    cursor: (usize, usize),
    /// How the terminal was before.
    modes: Option<Termios>,
}

/// What has to be written to change what is on the screen.
struct Pen<'a> {
    out: String,
    /// Row and column; none when it is not known.
    at: (usize, Option<usize>),
    /// So many rows are there.
    have: usize,
    style: u16,
    styles: &'a [String],
    columns: usize,
}

impl Pen<'_> {
    fn go(&mut self, row: usize, column: usize) {
        let down = row.min(self.have.saturating_sub(1));
        match (self.at.0, down) {
            (from, to) if from > to => self.out.push_str(&format!("\x1b[{}A", from - to)),
            (from, to) if from < to => self.out.push_str(&format!("\x1b[{}B", to - from)),
            _ => {}
        }
        self.at.0 = down;
        while self.at.0 < row {
            self.plain();
            self.out.push_str("\r\n");
            self.at = (self.at.0 + 1, Some(0));
            self.have += 1;
        }
        if self.at.1 != Some(column) {
            self.out.push('\r');
            if column > 0 {
                self.out.push_str(&format!("\x1b[{column}C"));
            }
            self.at.1 = Some(column);
        }
    }

    fn plain(&mut self) {
        if self.style != 0 {
            self.out.push_str("\x1b[0m");
            self.style = 0;
        }
    }

    fn cells(&mut self, cells: &[Cell]) {
        for cell in cells {
            if cell.style != self.style {
                self.plain();
                if let Some(style) = self.styles.get(usize::from(cell.style)).filter(|_| cell.style != 0) {
                    self.out.push_str(&format!("\x1b[{style}m"));
                    self.style = cell.style;
                }
            }
            self.out.push(cell.c);
        }
        self.plain();
        let column = self.at.1.unwrap_or(0) + columns_of(cells);
        // Behind the last column terminals differ.
        self.at.1 = Some(column).filter(|c| *c < self.columns);
    }
}

impl Drawn {
    /// What has to be written so that these rows are there.
    fn change(&mut self, rows: Vec<Row>, cursor: (usize, usize), columns: usize, styles: &[String]) -> String {
        let at = if self.rows.is_empty() { (0, None) } else { (self.cursor.0, Some(self.cursor.1)) };
        let have = self.rows.len().max(1);
        let mut pen = Pen { out: String::new(), at, have, style: 0, styles, columns };
        for (i, row) in rows.iter().enumerate() {
            let old = self.rows.get(i).map_or(&[][..], Vec::as_slice);
            if i < self.rows.len() && old == row.as_slice() {
                continue;
            }
            let mut same = old.iter().zip(row).take_while(|(a, b)| a == b).count();
            // A mark belongs to the character before it.
            while same > 0 && [old, row].iter().any(|r| r.get(same).is_some_and(|cell| width(cell.c) == 0)) {
                same -= 1;
            }
            let (kept, new) = row.split_at(same);
            pen.go(i, columns_of(kept));
            pen.cells(new);
            if columns_of(old) > columns_of(row) {
                pen.out.push_str("\x1b[K");
            }
        }
        if self.rows.len() > rows.len() {
            pen.go(rows.len(), 0);
            pen.out.push_str("\x1b[J");
        }
        pen.go(cursor.0, cursor.1);
        (self.rows, self.cursor) = (rows, cursor);
        pen.out
    }

    /// What has to be written to take it away.
    fn erase(&mut self) -> String {
        let up = if self.cursor.0 > 0 { format!("\x1b[{}A", self.cursor.0) } else { String::new() };
        format!("{up}\r\x1b[J")
    }
}

impl Screen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a terminal that lines can be edited on, and nobody wants the plain prompt.
    pub fn is_terminal(&self) -> bool {
        let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let able =
            set("TERM").is_some_and(|t| !matches!(&*t, "dumb" | "unknown")) && set("PYTHON_BASIC_REPL").is_none();
        able && std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
    }

    /// Who is told when the line being edited is to be looked at again.
    pub fn set_bell(&self, bell: Box<dyn Fn() + Send>) {
        self.lock().bell = Some(bell);
    }

    /// The number of a style.
    pub fn style(&self, style: &str) -> u16 {
        let styles = &mut self.lock().styles;
        if styles.is_empty() {
            styles.push(String::new());
        }
        let known = styles.iter().position(|s| s == style);
        let number = known.unwrap_or_else(|| {
            styles.push(style.to_owned());
            styles.len() - 1
        });
        number as u16
    }

    /// From now on output goes above the line that is drawn. Gives what stands on the terminal's last line, which the
    /// line is to begin with; `modes` are put back when it ends.
    pub fn start_editing(&self, modes: Termios) -> String {
        let mut state = self.lock();
        state.line = Some(Drawn { modes: Some(modes), ..Drawn::default() });
        let rest = std::mem::take(&mut state.rest);
        // Pasted text is told apart from what is typed.
        let mut out = "\x1b[?2004h".to_owned();
        let columns = screen_size().map_or(80, |(_, columns)| columns);
        let kept = match String::from_utf8(rest) {
            Ok(text) if text.is_empty() => {
                // Others may have left the cursor anywhere, as child processes do: where it is not at the beginning of
                // a row, a row of spaces ends in the next one.
                out.push_str(&format!("{}\r\x1b[K", " ".repeat(columns)));
                text
            }
            Ok(text) if text.len() <= LONGEST_REST && !text.contains(['\r', '\x08', '\t']) => text,
            _ => {
                out.push_str("\r\n");
                String::new()
            }
        };
        // A terminal that is gone takes nothing.
        let _ = straight(out.as_bytes(), false);
        kept
    }

    /// Draws the line being edited.
    pub fn show(&self, rows: Vec<Row>, cursor: (usize, usize), columns: usize) {
        let mut state = self.lock();
        let State { line, styles, .. } = &mut *state;
        if let Some(line) = line {
            let out = line.change(rows, cursor, columns, styles);
            let _ = straight(out.as_bytes(), false);
        }
    }

    /// The drawn rows are none of the line's any more, as on a screen whose size has changed: the next drawing is a new
    /// one, below what `text` leaves there.
    pub fn redraw(&self, text: &str) {
        let mut state = self.lock();
        if let Some(line) = &mut state.line {
            line.rows.clear();
            line.cursor = (0, 0);
            let _ = straight(text.as_bytes(), false);
        }
    }

    /// Takes away what is drawn of the line; `columns`: the screen has that many now, and rows that were longer take
    /// more of them.
    pub fn erase(&self, columns: usize) {
        let text = self.lock().line.as_mut().map(|line| {
            let more: usize =
                line.rows.iter().take(line.cursor.0).map(|r| columns_of(r).saturating_sub(1) / columns).sum();
            line.cursor.0 += more + line.cursor.1 / columns;
            line.erase()
        });
        self.redraw(&text.unwrap_or_default());
    }

    /// Asks for the user's ear.
    pub fn beep(&self) {
        let _state = self.lock();
        let _ = straight(b"\x07", false);
    }

    /// The line being edited is over; it stays on the screen. From now on output goes straight to the terminal.
    pub fn stop_editing(&self) {
        let mut state = self.lock();
        if let Some(line) = state.line.take() {
            let below = line.rows.len().saturating_sub(line.cursor.0 + 1);
            let down = if below > 0 { format!("\x1b[{below}B") } else { String::new() };
            let _ = straight(format!("{down}\x1b[?2004l\r\n").as_bytes(), false);
            if let Some(modes) = &line.modes {
                let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, modes);
            }
        }
        for error in [false, true] {
            let bytes = std::mem::take(&mut state.begun[usize::from(error)]);
            state.note(&bytes);
            let _ = straight(&bytes, error);
        }
    }

    /// Ctrl-C that no editor saw: what was typed of an input is worth nothing. Without an editor the prompt is shown
    /// again; the terminal itself forgets the line.
    pub fn give_up(&self, prompt: &str) {
        self.given_up.store(true, Ordering::SeqCst);
        if self.is_editing() {
            self.ring();
        } else if std::io::stdin().is_terminal() {
            eprintln!("\nKeyboardInterrupt");
            let _ = straight(prompt.as_bytes(), false);
        }
    }

    /// Has the editor look at the line again.
    fn ring(&self) {
        if let Some(bell) = &self.lock().bell {
            bell();
        }
    }

    fn is_editing(&self) -> bool {
        self.lock().line.is_some()
    }

    /// Whether there was a Ctrl-C since this was asked last.
    pub fn was_given_up(&self) -> bool {
        self.given_up.swap(false, Ordering::SeqCst)
    }

    fn write(&self, bytes: &[u8], error: bool) -> std::io::Result<()> {
        let mut state = self.lock();
        let State { line, begun, styles, .. } = &mut *state;
        let Some(drawn) = line else {
            state.note(bytes);
            return straight(bytes, error);
        };
        let begun = &mut begun[usize::from(error)];
        begun.extend_from_slice(bytes);
        let Some(end) = begun.iter().rposition(|b| *b == b'\n') else { return Ok(()) };
        let rest = begun.split_off(end + 1);
        let whole = std::mem::replace(begun, rest);
        let mut out = drawn.erase().into_bytes();
        out.extend_from_slice(&whole);
        let (rows, cursor) = (std::mem::take(&mut drawn.rows), drawn.cursor);
        if !rows.is_empty() {
            let widest = rows.iter().map(|r| columns_of(r)).max().unwrap_or(0) + 1;
            let columns = screen_size().map_or(widest, |(_, columns)| columns);
            out.extend_from_slice(drawn.change(rows, cursor, columns, styles).as_bytes());
        }
        straight(&out, false)
    }
}

impl State {
    /// Remembers what output leaves on the last line.
    fn note(&mut self, bytes: &[u8]) {
        if let Some(end) = memchr::memrchr(b'\n', bytes) {
            self.rest.clear();
            self.rest.extend_from_slice(bytes.get(end + 1..).unwrap_or_default());
        } else if self.rest.len() <= LONGEST_REST {
            self.rest.extend_from_slice(bytes);
        }
    }
}

/// Rows and columns of the terminal, where it has a size.
pub fn screen_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some((usize::from(size.ws_row), usize::from(size.ws_col))).filter(|(rows, columns)| *rows > 0 && *columns > 0)
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
        self.screen.write(bytes, self.error)
    }

    fn descriptor(&self) -> Option<i32> {
        Some(if self.error { 2 } else { 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[&str]) -> Vec<Row> {
        lines.iter().map(|l| l.chars().map(|c| Cell { c, style: 0 }).collect()).collect()
    }

    #[test]
    fn only_what_differs_is_written() {
        let mut drawn = Drawn::default();
        let mut change = |lines: &[&str], cursor| drawn.change(rows(lines), cursor, 80, &[]);
        assert_eq!(change(&[">>> a"], (0, 5)), "\r>>> a");
        assert_eq!(change(&[">>> ab"], (0, 6)), "b");
        assert_eq!(change(&[">>> ab", "... c"], (1, 5)), "\r\n... c");
        assert_eq!(change(&[">>> ab", "... c"], (0, 4)), "\x1b[1A\r\x1b[4C");
        assert_eq!(change(&[">>> b", "... c"], (0, 4)), "b\x1b[K\r\x1b[4C");
        assert_eq!(change(&[">>> b"], (0, 5)), "\x1b[1B\r\x1b[J\x1b[1A\r\x1b[5C");
        assert_eq!(change(&[">>> e\u{301}"], (0, 5)), "\r\x1b[4Ce\u{301}");
        assert_eq!(drawn.erase(), "\r\x1b[J");
    }

    #[test]
    fn styles_are_told_and_taken_back() {
        let mut drawn = Drawn::default();
        let row = vec![Cell { c: 'a', style: 1 }, Cell { c: 'b', style: 1 }, Cell { c: 'c', style: 0 }];
        let styles = [String::new(), "1;34".to_owned()];
        assert_eq!(drawn.change(vec![row], (0, 3), 80, &styles), "\r\x1b[1;34mab\x1b[0mc");
    }

    #[test]
    fn what_has_no_line_end_is_remembered() {
        let mut state = State::default();
        state.note(b"one\ntwo");
        state.note(b" three");
        assert_eq!(state.rest, b"two three");
        state.note(b"\n");
        assert_eq!(state.rest, b"");
    }
}
