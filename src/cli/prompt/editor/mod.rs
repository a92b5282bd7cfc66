//! Reading inputs with a line editor.
//!
//! Everything here runs on the reader's thread. What needs the interpreter (completion, hints) attaches to it, which
//! works while the session's thread is blocked in the loop, and between the steps of what runs there.
//!
//! The text, the movements in it and the history are rustyline's. Its own reading and drawing are not used: they have no
//! mark for further lines, draw the whole of an input for every key, and keep what was typed ahead to themselves.

mod edit;
mod keys;
mod past;
mod rows;

use super::screen::{Cell, Screen, screen_size, width};
use super::{Answer, Ask, Line, complete, input, paint};
use apy::Interpreter;
use edit::{Edit, Kills};
use keys::{Event, Key, Keyboard};
use past::Past;
use rows::{Picture, View};
use rustix::termios::{InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use rustyline::line_buffer::WordAction;
use rustyline::{At, Movement, Word};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

pub use keys::Typed;

/// How far in a block stands.
const STEP: usize = 4;
/// More candidates than this are listed only when the user says so.
const ASK_FROM: usize = 200;

/// Serves a session until its end.
pub fn read(line: Line) {
    let mut editor = match Editor::new(&line) {
        Ok(editor) => editor,
        Err(e) => {
            eprintln!("apy: lines cannot be edited here: {e}");
            return super::plain::read(line);
        }
    };
    while let Ok(ask) = line.asked.recv() {
        match ask {
            Ask::Input { first, further } => {
                let answer = editor.one(Kind::Input, &first, &further);
                let ends = matches!(answer, Answer::End);
                if let Answer::Input(text) = &answer {
                    editor.past.add(text);
                }
                if !line.answer(answer) || ends {
                    return;
                }
            }
            Ask::Line { prompt, reply } => {
                // Whoever asked may have been stopped meanwhile.
                let _ = reply.send(editor.one(Kind::Line, &prompt, ""));
            }
        }
    }
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An input of the session.
    Input,
    /// A line that the script asked for.
    Line,
}

/// What a key leads to.
enum Next {
    Key,
    Accept,
    GiveUp,
    End,
}

/// The numbers of the styles.
struct Look {
    color: bool,
    prompt: u16,
    hint: u16,
    odd: u16,
    code: [u16; paint::STYLES.len()],
}

/// What stands before the lines.
#[derive(Clone)]
struct Marks {
    first: Vec<Cell>,
    further: Vec<Cell>,
}

/// What was found out about a text when it was drawn last.
#[derive(Default)]
struct Known {
    text: String,
    hint: Option<String>,
}

struct Editor {
    interpreter: Interpreter,
    screen: Arc<Screen>,
    typed: Typed,
    keyboard: Keyboard,
    past: Past,
    kills: Kills,
    look: Look,
    known: Known,
    colors: paint::Colors,
    /// The line that is read now.
    kind: Kind,
    marks: Marks,
    /// The first row that is seen of an input that has more than the screen.
    top: usize,
    size: (usize, usize),
    /// The last key was a Tab that more than one name answers.
    lists: bool,
}

impl Editor {
    fn new(line: &Line) -> std::io::Result<Editor> {
        tcgetattr(std::io::stdin())?;
        let (bell, ringer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ringer.set_nonblocking(true)?;
        // The size of the screen changes, a script is interrupted.
        apy::vm::signals::watch(ringer.as_raw_fd())?;
        let screen = line.screen.clone();
        screen.set_bell(Box::new(move || {
            // One that is full rings already.
            let _ = std::io::Write::write(&mut &ringer, &[0]);
        }));
        let color = crate::cli::style::colors(true);
        let style = |s: &str| if color { screen.style(s) } else { 0 };
        let look =
            Look { color, prompt: style("1;35"), hint: style("2"), odd: style("7"), code: paint::STYLES.map(style) };
        Ok(Editor {
            interpreter: line.interpreter.clone(),
            screen: screen.clone(),
            typed: line.typed.clone(),
            keyboard: Keyboard::new(line.typed.clone(), bell),
            past: Past::new().map_err(std::io::Error::other)?,
            kills: Kills::default(),
            look,
            known: Known::default(),
            colors: paint::Colors::default(),
            kind: Kind::Input,
            marks: Marks { first: Vec::new(), further: Vec::new() },
            top: 0,
            size: (24, 80),
            lists: false,
        })
    }

    /// Reads one input or line.
    fn one(&mut self, kind: Kind, first: &str, further: &str) -> Answer {
        let Ok(modes) = tcgetattr(std::io::stdin()) else { return Answer::End };
        let _ = self.screen.was_given_up();
        let rest = self.screen.start_editing(modes.clone());
        let raw = raw(&modes);
        if tcsetattr(std::io::stdin(), OptionalActions::Drain, &raw).is_err() {
            self.screen.stop_editing();
            return Answer::End;
        }
        self.begin(kind, &rest, first, further);
        self.keyboard.quiet();
        let mut edit = Edit::new();
        self.draw(&edit);
        self.past.load();
        let next = loop {
            let next = match self.keyboard.next() {
                Event::Key(key) => {
                    let listed = std::mem::take(&mut self.lists);
                    self.press(key, listed, &mut edit, &modes)
                }
                event => self.other(&event),
            };
            match next {
                Next::Key if self.keyboard.has_more() => {}
                Next::Key => self.draw(&edit),
                over => break over,
            }
        };
        self.last_view(&edit);
        self.screen.stop_editing();
        self.past.restart();
        match next {
            Next::Accept if kind == Kind::Input => Answer::Input(edit.text().trim_end().to_owned()),
            Next::Accept => Answer::Input(edit.text().to_owned()),
            Next::GiveUp => Answer::Interrupt,
            Next::End | Next::Key => Answer::End,
        }
    }

    fn begin(&mut self, kind: Kind, rest: &str, first: &str, further: &str) {
        let last = match first.rsplit_once('\n') {
            Some((above, last)) => {
                self.screen.redraw(&format!("{rest}{above}\r\n"));
                last.to_owned()
            }
            None => first.to_owned(),
        };
        let rest = if first.contains('\n') { "" } else { rest };
        let style = if kind == Kind::Input { self.look.prompt } else { 0 };
        let mut cells = self.cells(rest, 0);
        cells.extend(self.cells(&last, style));
        self.marks = Marks { first: cells, further: self.cells(further, style) };
        (self.kind, self.top, self.lists, self.known) = (kind, 0, false, Known::default());
    }

    /// The cells of a text that may tell the terminal styles.
    fn cells(&self, text: &str, style: u16) -> Vec<Cell> {
        let (mut cells, mut style) = (Vec::new(), style);
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == '\x1b' {
                match chars.next() {
                    Some('[') => {
                        let mut last = None;
                        let numbers: String =
                            chars.by_ref().take_while(|c| last.insert(*c).is_ascii_digit() || *c == ';').collect();
                        if last == Some('m') {
                            style = if matches!(&*numbers, "" | "0") { 0 } else { self.screen.style(&numbers) };
                        }
                    }
                    // A title.
                    Some(']') => chars.by_ref().take_while(|c| !matches!(c, '\x07' | '\\')).for_each(drop),
                    _ => {}
                }
            } else if !c.is_control() {
                cells.push(Cell { c, style });
            }
        }
        cells
    }

    /// An event that is no key.
    fn other(&mut self, event: &Event) -> Next {
        match event {
            Event::Bell { interrupted } => {
                if self.screen.was_given_up() || *interrupted && self.kind == Kind::Line {
                    return Next::GiveUp;
                }
                let size = screen_size().unwrap_or((24, 80));
                if size != self.size {
                    self.screen.erase(size.1);
                }
                Next::Key
            }
            _ => Next::End,
        }
    }

    // Drawing.

    fn view(&mut self, edit: &Edit, marks: &Marks, height: usize, with_hint: bool) -> View {
        if self.known.text != edit.text() {
            self.known = Known { text: edit.text().to_owned(), hint: None };
        }
        let colored = self.kind == Kind::Input && self.look.color;
        if colored {
            self.colors.update(edit.text());
        }
        let styles = |part: Range<usize>| match colored {
            true => self.colors.of(part).map(|(range, s)| (range, self.look.code[s])).collect(),
            false => Vec::new(),
        };
        if with_hint && self.known.hint.is_none() && edit.after_cursor().is_empty() {
            self.known.hint = Some(self.hint(edit.text()));
        }
        let picture = Picture {
            text: edit.text(),
            cursor: edit.cursor(),
            prompt: &marks.first,
            mark: &marks.further,
            styles: &styles,
            hint: self.known.hint.as_deref().filter(|_| with_hint).unwrap_or(""),
            hint_style: self.look.hint,
            odd: self.look.odd,
        };
        picture.view((height, self.size.1), &mut self.top)
    }

    fn draw(&mut self, edit: &Edit) {
        let marks = self.marks.clone();
        self.draw_with(edit, &marks);
    }

    fn draw_with(&mut self, edit: &Edit, marks: &Marks) {
        self.size = screen_size().unwrap_or((24, 80));
        let view = self.view(edit, marks, self.size.0, true);
        self.screen.show(view.rows, view.cursor, self.size.1);
    }

    /// Draws the line as it stays on the screen: all of it, and no hint.
    fn last_view(&mut self, edit: &Edit) {
        self.size = screen_size().unwrap_or((24, 80));
        let marks = self.marks.clone();
        if !self.view(edit, &marks, self.size.0, false).whole {
            self.screen.erase(self.size.1);
        }
        let mut view = self.view(edit, &marks, usize::MAX, false);
        if view.rows.len() > 1 && view.rows.last().is_some_and(Vec::is_empty) {
            // It was for the cursor behind a full row.
            view.rows.pop();
            view.cursor = (view.rows.len() - 1, 0);
        }
        self.screen.show(view.rows, view.cursor, self.size.1);
    }

    /// The signature of what is being called at the end of a text.
    fn hint(&self, text: &str) -> String {
        if self.kind != Kind::Input || !text.trim_end_matches(' ').ends_with(['(', ',']) {
            return String::new();
        }
        self.interpreter.attach(|vm| Ok(complete::signature(vm, text))).ok().flatten().unwrap_or_default()
    }

    // Keys.

    fn press(&mut self, key: Key, listed: bool, edit: &mut Edit, modes: &Termios) -> Next {
        let done = match key {
            Key::Enter => return self.enter(edit),
            Key::Ctrl('o') => return Next::Accept,
            Key::Ctrl('c' | '\\') => return Next::GiveUp,
            Key::Ctrl('d') if edit.text().is_empty() => return Next::End,
            Key::Ctrl('r') => return self.search(edit, true, modes),
            Key::Ctrl('s') => return self.search(edit, false, modes),
            Key::Ctrl('z') => self.suspend(edit, modes),
            Key::Ctrl('l') => {
                self.screen.redraw("\x1b[H\x1b[2J");
                true
            }
            Key::Ctrl('v' | 'q') => {
                if let Event::Key(Key::Char(c)) = self.keyboard.literal() {
                    edit.insert(c.encode_utf8(&mut [0; 4]));
                }
                true
            }
            Key::AltEnter if self.kind == Kind::Input => {
                let indent = input::next_indent(edit.before_cursor());
                edit.insert(&format!("\n{indent}"));
                true
            }
            Key::Tab => self.tab(edit, listed),
            Key::Backspace => self.backspace(edit),
            Key::Paste(text) => return self.paste(edit, &text),
            Key::Up | Key::Ctrl('p') => edit.up(1) || self.recall(edit, |past, now| past.earlier(now)),
            Key::Down | Key::Ctrl('n') => edit.down(1) || self.recall(edit, |past, _| past.later()),
            Key::PageUp => edit.up(self.size.0 / 2) || self.recall(edit, |past, now| past.earlier(now)),
            Key::PageDown => edit.down(self.size.0 / 2) || self.recall(edit, |past, _| past.later()),
            Key::Alt('<') => self.recall(edit, |past, now| past.first(now)),
            Key::Alt('>') => self.recall(edit, |past, _| past.last()),
            key => self.edits(key, edit),
        };
        if !done {
            self.screen.beep();
        }
        Next::Key
    }

    /// Keys that do something with the text alone; false when there was nothing to do.
    fn edits(&mut self, key: Key, edit: &mut Edit) -> bool {
        let kills = &mut self.kills;
        match key {
            Key::Char(c) => edit.insert(c.encode_utf8(&mut [0; 4])),
            Key::Left | Key::Ctrl('b') => return edit.left(),
            Key::Right | Key::Ctrl('f') => return edit.right(),
            Key::WordLeft | Key::Alt('b') => return edit.word_left(),
            Key::WordRight | Key::Alt('f') => return edit.word_right(),
            Key::Home | Key::Ctrl('a') => edit.home(),
            Key::End | Key::Ctrl('e') => edit.end(),
            Key::First => edit.first(),
            Key::Last => edit.last(),
            Key::Ctrl('h') => return edit.delete(&Movement::BackwardChar(1)),
            Key::Delete | Key::Ctrl('d') => return edit.delete(&Movement::ForwardChar(1)),
            Key::Ctrl('k') => return edit.kill(&Movement::EndOfLine, kills),
            Key::Ctrl('u') => return edit.kill(&Movement::BeginningOfLine, kills),
            Key::Ctrl('w') => return edit.kill(&Movement::BackwardWord(1, Word::Big), kills),
            Key::AltBackspace => return edit.kill(&Movement::BackwardWord(1, Word::Emacs), kills),
            Key::WordDelete | Key::Alt('d') => {
                return edit.kill(&Movement::ForwardWord(1, At::AfterEnd, Word::Emacs), kills);
            }
            Key::Ctrl('y') => return edit.yank(kills),
            Key::Alt('y') => return edit.yank_another(kills),
            Key::Ctrl('t') => return edit.transpose_chars(),
            Key::Alt('t') => return edit.transpose_words(),
            Key::Alt('u') => return edit.edit_word(WordAction::Uppercase),
            Key::Alt('l') => return edit.edit_word(WordAction::Lowercase),
            Key::Alt('c') => return edit.edit_word(WordAction::Capitalize),
            Key::Ctrl('_') => return edit.undo(),
            _ => {}
        }
        true
    }

    /// Runs the input, or goes on with it in a new line.
    fn enter(&self, edit: &mut Edit) -> Next {
        let text = edit.text();
        let at_end = edit.after_cursor().trim().is_empty();
        if self.kind == Kind::Line || (at_end || !text.contains('\n')) && input::is_complete(text) {
            return Next::Accept;
        }
        let indent = input::next_indent(edit.before_cursor());
        edit.insert(&format!("\n{indent}"));
        Next::Key
    }

    fn paste(&mut self, edit: &mut Edit, text: &str) -> Next {
        if self.kind == Kind::Input {
            edit.insert(text);
            return Next::Key;
        }
        match text.split_once('\n') {
            // The other lines are for whoever asks next.
            Some((line, others)) => {
                edit.insert(line);
                self.typed.put_back(others);
                Next::Accept
            }
            None => {
                edit.insert(text);
                Next::Key
            }
        }
    }

    /// Moves the line further in; completes where there is something to complete.
    fn tab(&mut self, edit: &mut Edit, listed: bool) -> bool {
        if self.kind == Kind::Line {
            edit.insert("\t");
            return true;
        }
        if let Some(indent) = indentation(edit) {
            edit.insert(&" ".repeat(STEP - indent % STEP));
            return true;
        }
        let before = edit.before_cursor();
        let found = self.interpreter.attach(|vm| Ok(complete::candidates(vm, before)));
        let (start, names) = found.unwrap_or((before.len(), Vec::new()));
        let Some(common) = common_beginning(&names) else { return false };
        if names.len() == 1 || start + common.len() > edit.cursor() {
            edit.replace_from(start, common);
        }
        if names.len() == 1 {
            return true;
        }
        if listed {
            self.list(edit, &names);
        }
        self.lists = true;
        listed
    }

    /// Shows candidates below the line, which is drawn again below them.
    fn list(&mut self, edit: &mut Edit, names: &[String]) {
        if names.len() > ASK_FROM {
            self.last_view(edit);
            self.screen.redraw(&format!("\r\nDisplay all {} possibilities? (y or n)", names.len()));
            loop {
                match self.keyboard.next() {
                    Event::Key(Key::Char('y' | 'Y') | Key::Tab) => break,
                    Event::Key(Key::Char('n' | 'N') | Key::Ctrl(_) | Key::Backspace | Key::Escape) | Event::End => {
                        self.screen.redraw("\r\n");
                        return;
                    }
                    _ => {}
                }
            }
        } else {
            self.last_view(edit);
        }
        self.screen.redraw(&format!("\r\n{}", in_columns(names, self.size.1)));
    }

    /// Takes a step of indentation back at once.
    fn backspace(&mut self, edit: &mut Edit) -> bool {
        let count = match indentation(edit) {
            Some(n @ 1..) if self.kind == Kind::Input => (n - 1) % STEP + 1,
            _ => 1,
        };
        edit.delete(&Movement::BackwardChar(count as u16))
    }

    /// Puts an earlier input in the place of the text.
    fn recall(&mut self, edit: &mut Edit, find: impl Fn(&mut Past, &str) -> Option<String>) -> bool {
        match find(&mut self.past, edit.text()) {
            Some(text) => {
                edit.set(&text, text.len());
                true
            }
            None => false,
        }
    }

    /// Searches earlier inputs for what is typed now.
    fn search(&mut self, edit: &mut Edit, back: bool, modes: &Termios) -> Next {
        let (text, cursor) = (edit.text().to_owned(), edit.cursor());
        let (mut term, mut at, mut back, mut fails) = (String::new(), None, back, false);
        loop {
            if !self.keyboard.has_more() {
                let name = if back { "reverse-i-search" } else { "i-search" };
                let failed = if fails { "failed " } else { "" };
                let first = self.cells(&format!("({failed}{name})`{term}': "), 0);
                self.draw_with(edit, &Marks { first, further: self.marks.further.clone() });
            }
            let key = match self.keyboard.next() {
                Event::Key(key) => key,
                event => match self.other(&event) {
                    Next::Key => continue,
                    over => return over,
                },
            };
            let from = match key {
                Key::Char(c) => {
                    term.push(c);
                    at
                }
                Key::Backspace => {
                    term.pop();
                    None
                }
                Key::Ctrl('r') => {
                    back = true;
                    at.and_then(|i: usize| i.checked_sub(1)).or(at.map(|_| usize::MAX))
                }
                Key::Ctrl('s') => {
                    back = false;
                    at.map(|i| i + 1)
                }
                Key::Ctrl('g') | Key::Escape => {
                    edit.set(&text, cursor);
                    return Next::Key;
                }
                key => {
                    if let Some(index) = at {
                        self.past.found(index, &text);
                    }
                    if key == Key::Enter {
                        edit.last();
                    }
                    return self.press(key, false, edit, modes);
                }
            };
            match self.past.search(&term, from, back) {
                Some((index, found, place)) => {
                    edit.set(&found, place);
                    (at, fails) = (Some(index), false);
                }
                None if term.is_empty() => (at, fails) = (None, false),
                None => {
                    fails = true;
                    self.screen.beep();
                }
            }
        }
    }

    /// Stops the program until the shell has it go on.
    fn suspend(&mut self, edit: &Edit, modes: &Termios) -> bool {
        self.last_view(edit);
        self.screen.redraw("\x1b[?2004l\r\n");
        let stdin = std::io::stdin();
        let _ = tcsetattr(&stdin, OptionalActions::Drain, modes);
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        let _ = tcsetattr(&stdin, OptionalActions::Drain, &raw(modes));
        self.screen.redraw("\x1b[?2004h");
        true
    }
}

/// The modes of a terminal that gives each key at once. What ends a line stays the same, so that lines typed ahead mean
/// the same to whoever reads them.
fn raw(modes: &Termios) -> Termios {
    let mut raw = modes.clone();
    raw.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG;
    raw.input_modes -= InputModes::BRKINT | InputModes::INPCK | InputModes::ISTRIP | InputModes::IXON;
    raw.input_modes |= InputModes::ICRNL;
    raw.special_codes[SpecialCodeIndex::VMIN] = 1;
    raw.special_codes[SpecialCodeIndex::VTIME] = 0;
    raw
}

/// The spaces between the beginning of the line and the cursor, if there is nothing else.
fn indentation(edit: &Edit) -> Option<usize> {
    let line = edit.before_cursor().rsplit('\n').next()?;
    line.chars().all(|c| c == ' ').then_some(line.len())
}

/// What all names begin with.
fn common_beginning(names: &[String]) -> Option<&str> {
    let first = names.first()?;
    let common = names.iter().fold(first.len(), |most, name| {
        first
            .char_indices()
            .zip(name.chars())
            .find(|((_, a), b)| a != b)
            .map_or(most.min(name.len()), |((i, _), _)| i.min(most))
    });
    first.get(..common)
}

/// Names below each other, in as many columns as there is room for.
fn in_columns(names: &[String], columns: usize) -> String {
    let long = |name: &str| name.chars().map(width).sum::<usize>();
    let wide = names.iter().map(|n| long(n)).max().unwrap_or(0) + 2;
    let across = (columns / wide).max(1);
    let down = names.len().div_ceil(across);
    let mut out = String::new();
    for row in 0..down {
        for (i, name) in names.iter().skip(row).step_by(down).enumerate() {
            if i > 0 {
                out.push_str("  ");
            }
            out.push_str(name);
            if row + (i + 1) * down < names.len() {
                out.push_str(&" ".repeat(wide - 2 - long(name)));
            }
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_have_a_common_beginning() {
        let common = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            common_beginning(&names).map(str::to_owned)
        };
        assert_eq!(common(&["print", "property", "pr"]).as_deref(), Some("pr"));
        assert_eq!(common(&["\u{4f60}\u{597d}", "\u{4f60}a"]).as_deref(), Some("\u{4f60}"));
        assert_eq!(common(&["a", "b"]).as_deref(), Some(""));
        assert_eq!(common(&[]), None);
    }

    #[test]
    fn candidates_are_listed_in_columns() {
        let names: Vec<String> = ["a", "bbb", "cc", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(in_columns(&names, 12), "a    d\r\nbbb  e\r\ncc\r\n");
        assert_eq!(in_columns(&names, 3), "a\r\nbbb\r\ncc\r\nd\r\ne\r\n");
    }
}
