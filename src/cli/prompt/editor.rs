//! Reading inputs with a line editor.
//!
//! Everything here runs on the reader's thread. What needs the interpreter (completion, hints) attaches to it, which
//! works while the session's thread is blocked in the loop, and between the steps of what runs there.

use super::window::Window;
use super::{Answer, Line, complete, input, paint};
use apy::Interpreter;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext,
    EventHandler, ExternalPrinter, Helper, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount,
};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Inputs that the history keeps.
const HISTORY: usize = 10_000;
/// How far in a block stands.
const STEP: usize = 4;

type Lines = Editor<Assistant, FileHistory>;

/// Serves a session until its end.
pub fn read(line: Line) {
    let mut editor = match editor(&line) {
        Ok(editor) => editor,
        Err(e) => {
            eprintln!("apy: lines cannot be edited here: {e}");
            return super::plain::read(line);
        }
    };
    let history = history_file();
    if let Some(path) = &history {
        // The first session has none.
        let _ = editor.load_history(path);
    }
    if let Ok(mut printer) = editor.create_external_printer() {
        line.screen.set_printer(Box::new(move |text| drop(printer.print(text))));
    }
    let given_up = Arc::new(AtomicBool::new(false));
    editor
        .bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(GiveUp { given_up: given_up.clone() })));
    while let Ok(ask) = line.asked.recv() {
        line.screen.start_editing();
        if let Some(assistant) = editor.helper() {
            assistant.window.reset();
        }
        let read = editor.readline(&ask.first);
        let answer = match read {
            Ok(_) if given_up.swap(false, Ordering::SeqCst) => Answer::Interrupt,
            Ok(text) => {
                let text = text.trim_end().to_owned();
                if !text.is_empty()
                    && editor.add_history_entry(&text).unwrap_or(false)
                    && let Some(path) = &history
                {
                    // A history that cannot be kept is no reason to stop.
                    let _ = editor.append_history(path);
                }
                Answer::Input(text)
            }
            Err(ReadlineError::Interrupted) => Answer::Interrupt,
            Err(ReadlineError::Signal(_)) => Answer::Input(String::new()),
            Err(_) => Answer::End,
        };
        let ends = matches!(answer, Answer::End);
        if !line.answer(answer) || ends {
            return;
        }
    }
}

fn history_file() -> Option<PathBuf> {
    match std::env::var_os("PYTHON_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".apy_history")),
    }
}

fn editor(line: &Line) -> rustyline::Result<Lines> {
    let config = Config::builder()
        .max_history_size(HISTORY)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        .completion_prompt_limit(200)
        .tab_stop(STEP as u8)
        .indent_size(STEP as u8)
        .bracketed_paste(true)
        // Whether there are colours is decided here; the highlighter is needed without them, too.
        .color_mode(ColorMode::Forced)
        .build();
    let mut editor: Lines = Editor::with_config(config)?;
    let color = crate::cli::style::colors(true);
    editor.set_helper(Some(Assistant { interpreter: line.interpreter.clone(), color, window: Window::default() }));
    let key = |code| Event::KeySeq(vec![KeyEvent(code, Modifiers::NONE)]);
    editor.bind_sequence(key(KeyCode::Enter), EventHandler::Conditional(Box::new(Enter)));
    editor.bind_sequence(KeyEvent::ctrl('J'), EventHandler::Conditional(Box::new(Enter)));
    editor.bind_sequence(key(KeyCode::Tab), EventHandler::Conditional(Box::new(Tab)));
    editor.bind_sequence(key(KeyCode::Backspace), EventHandler::Conditional(Box::new(Backspace)));
    Ok(editor)
}

/// Rows and columns of the screen, where it has a size.
fn screen_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some((usize::from(size.ws_row), usize::from(size.ws_col)))
}

/// Ctrl-C: ends the line, so that the editor keeps the keys that were typed behind it.
struct GiveUp {
    given_up: Arc<AtomicBool>,
}

impl ConditionalEventHandler for GiveUp {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext) -> Option<Cmd> {
        self.given_up.store(true, Ordering::SeqCst);
        Some(Cmd::AcceptLine)
    }
}

/// Runs the input, or goes on with it in a new line.
struct Enter;

impl ConditionalEventHandler for Enter {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let (text, at) = (context.line(), context.pos());
        let before = text.get(..at)?;
        let at_end = text.get(at..).is_none_or(|rest| rest.trim().is_empty());
        if (at_end || !text.contains('\n')) && input::is_complete(text) {
            return Some(Cmd::AcceptLine);
        }
        Some(Cmd::Insert(1, format!("\n{}", input::next_indent(before))))
    }
}

/// The white space between the beginning of the line and the cursor, if there is nothing else.
fn indentation<'a>(context: &'a EventContext<'_>) -> Option<&'a str> {
    let before = context.line().get(..context.pos())?;
    let line = before.rsplit('\n').next()?;
    line.chars().all(|c| c == ' ').then_some(line)
}

/// Moves the line further in; completes where there is something to complete.
struct Tab;

impl ConditionalEventHandler for Tab {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let indent = indentation(context)?;
        Some(Cmd::Insert(1, " ".repeat(STEP - indent.len() % STEP)))
    }
}

/// Takes a step of indentation back at once.
struct Backspace;

impl ConditionalEventHandler for Backspace {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        let indent = indentation(context).filter(|i| !i.is_empty())?;
        let count = (indent.len() - 1) % STEP + 1;
        Some(Cmd::Kill(Movement::BackwardChar(count as RepeatCount)))
    }
}

/// What the editor asks while a line is edited.
struct Assistant {
    interpreter: Interpreter,
    color: bool,
    window: Window,
}

impl Helper for Assistant {}

impl Validator for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..pos).unwrap_or("");
        let found = self.interpreter.attach(|vm| Ok(complete::candidates(vm, before)));
        let (start, names) = found.unwrap_or((pos, Vec::new()));
        if names.len() > 1 {
            self.window.lists();
        }
        Ok((start, names.into_iter().map(|n| Pair { display: n.clone(), replacement: n }).collect()))
    }
}

/// A hint that is only looked at.
struct Note(String);

impl Hint for Note {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant {
    type Hint = Note;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Note> {
        if pos < line.len() || !line.trim_end_matches(' ').ends_with(['(', ',']) {
            return None;
        }
        let text = self.interpreter.attach(|vm| Ok(complete::signature(vm, line))).ok().flatten()?;
        Some(Note(text))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        let part = screen_size().and_then(|size| self.window.part(line, pos, size));
        let (before, range) = part.map_or((String::new(), 0..line.len()), |p| (p.before, p.from..p.to));
        match self.color {
            true => Cow::Owned(before + &paint::paint(line, range)),
            false if before.is_empty() => Cow::Borrowed(line),
            false => Cow::Owned(before + line.get(range).unwrap_or("")),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let drawn = if self.color { Cow::Owned(format!("\x1b[1;35m{prompt}\x1b[0m")) } else { Cow::Borrowed(prompt) };
        self.window.prompt(prompt, &drawn);
        drawn
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        if self.color { Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")) } else { Cow::Borrowed(hint) }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.window.is_tall() || self.color && kind != CmdKind::MoveCursor
    }
}
