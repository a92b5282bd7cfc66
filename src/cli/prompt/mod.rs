//! The interactive prompt.
//!
//! The interpreter stays on the main thread and drives the program's loop while the user types; lines are read by a
//! thread of their own (`editor` on a terminal, `plain` otherwise), which sends each whole input through a channel and
//! wakes the loop. The lines that `input()` asks for on a terminal come from the same thread, so that what was typed ahead
//! goes to whoever reads next. `input` decides what a whole input is, `complete` and `paint` serve the editor, `screen`
//! keeps output from damaging the line being edited.
//! Invariant: only this module runs inputs, one at a time, and never while a line is being read.

mod complete;
#[cfg(feature = "prompt")]
mod editor;
mod input;
#[cfg(feature = "prompt")]
mod paint;
mod plain;
pub mod screen;

use apy::embed::Refusal;
use apy::embed::Streams;
#[cfg(feature = "prompt")]
use apy::embed::{Console, ConsoleLine};
use apy::{Interpreter, R, Raised, Vm};
use screen::Screen;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// What a reader is asked for.
enum Ask {
    /// An input of the session, with these texts before its first and its further lines.
    Input { first: String, further: String },
    /// A line for a script.
    Line { prompt: String, reply: Sender<Answer> },
}

/// What a reader gives.
enum Answer {
    Input(String),
    /// Ctrl-C: the line is given up.
    Interrupt,
    /// Ctrl-D, or the end of a pipe.
    End,
}

/// How a reader and the session talk to each other.
struct Line {
    asked: Receiver<Ask>,
    answers: Sender<Answer>,
    interpreter: Interpreter,
    screen: Arc<Screen>,
    #[cfg(feature = "prompt")]
    typed: editor::Typed,
}

/// The terminal of the session, as scripts read lines from it.
#[cfg(feature = "prompt")]
struct Lines {
    ask: Sender<Ask>,
    typed: editor::Typed,
}

#[cfg(feature = "prompt")]
impl Console for Lines {
    fn read_line(&self, prompt: &str) -> Option<ConsoleLine> {
        let (reply, answered) = channel();
        let asked = self.ask.send(Ask::Line { prompt: prompt.to_owned(), reply });
        Some(match asked.ok().and_then(|()| answered.recv().ok()) {
            Some(Answer::Input(text)) => ConsoleLine::Text(text),
            Some(Answer::Interrupt) => ConsoleLine::Interrupt,
            Some(Answer::End) | None => ConsoleLine::End,
        })
    }

    fn typed_ahead(&self, most: usize) -> Vec<u8> {
        self.typed.take_line(most)
    }
}

impl Line {
    /// Hands an answer over and wakes the loop, which may be blocked; false when nobody listens any more.
    fn answer(&self, answer: Answer) -> bool {
        self.screen.stop_editing();
        let sent = self.answers.send(answer).is_ok();
        self.interpreter.stop_handle().wake();
        sent
    }
}

/// What is told to a session.
pub struct Settings {
    /// No greeting.
    pub quiet: bool,
    pub native_stack: usize,
    pub screen: Arc<Screen>,
}

/// Reads and runs inputs until the end; gives the exit status.
pub fn session(vm: &mut Vm, interpreter: &Interpreter, settings: &Settings) -> i32 {
    if !settings.quiet {
        greet();
    }
    let (ask, asked) = channel();
    let (answers, answered) = channel();
    #[cfg(feature = "prompt")]
    let typed = editor::Typed::default();
    #[cfg(feature = "prompt")]
    if settings.screen.is_terminal() {
        let lines = Lines { ask: ask.clone(), typed: typed.clone() };
        vm.state::<Streams>().console = Some(Arc::new(lines));
    }
    if !std::io::stdin().is_terminal() {
        vm.state::<Streams>().console = Some(Arc::new(plain::Pipe));
    }
    let line = Line {
        asked,
        answers,
        interpreter: interpreter.clone(),
        screen: settings.screen.clone(),
        #[cfg(feature = "prompt")]
        typed,
    };
    let reader = std::thread::Builder::new().name("reader".into()).stack_size(settings.native_stack + (1 << 20));
    if let Err(e) = reader.spawn(move || read(line)) {
        eprintln!("apy: the prompt's reader could not be started: {e}");
        return 1;
    }
    let mut session = Session { ask, answered, number: 0, screen: settings.screen.clone() };
    let status = session.run(vm);
    // A task may have ended the session while a line was edited.
    settings.screen.stop_editing();
    status
}

#[cfg(feature = "prompt")]
fn read(line: Line) {
    if line.screen.is_terminal() {
        editor::read(line);
    } else {
        plain::read(line);
    }
}

#[cfg(not(feature = "prompt"))]
fn read(line: Line) {
    plain::read(line);
}

fn greet() {
    eprintln!("apy {} (Python 3.14) on {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    eprintln!("Type \"help\", \"copyright\", \"credits\" or \"license\" for more information; \"await\" works here.");
}

struct Session {
    ask: Sender<Ask>,
    answered: Receiver<Answer>,
    /// How many inputs there were.
    number: usize,
    screen: Arc<Screen>,
}

impl Session {
    fn run(&mut self, vm: &mut Vm) -> i32 {
        loop {
            let first = vm.prompt_text("ps1", ">>> ");
            let ask = Ask::Input { first: first.clone(), further: vm.prompt_text("ps2", "... ") };
            let _ = vm.flush_streams();
            if self.ask.send(ask).is_err() {
                return 0;
            }
            match self.wait(vm, &first) {
                Ok(Answer::End) => return 0,
                Ok(Answer::Interrupt) => eprintln!("KeyboardInterrupt"),
                Ok(Answer::Input(text)) => {
                    if let Some(status) = self.input(vm, &text) {
                        return status;
                    }
                }
                Err(e) => {
                    if let Some(status) = report(vm, e) {
                        return status;
                    }
                }
            }
        }
    }

    /// Waits for the reader; the loop runs meanwhile.
    fn wait(&mut self, vm: &mut Vm, first: &str) -> R<Answer> {
        loop {
            let mut got = None;
            let answered = &self.answered;
            let result = vm.prompt_wait(|| {
                if got.is_none() {
                    got = match answered.try_recv() {
                        Ok(answer) => Some(answer),
                        Err(TryRecvError::Disconnected) => Some(Answer::End),
                        Err(TryRecvError::Empty) => None,
                    };
                }
                got.is_some()
            });
            match (got, result) {
                (Some(answer), Ok(()) | Err(_)) => return Ok(answer),
                (None, Ok(())) => {}
                // Ctrl-C where no input runs and no editor saw it.
                (None, Err(e)) if vm.raised_is(&e, &vm.exc.KeyboardInterrupt.clone()) => self.screen.give_up(first),
                (None, Err(e)) => return Err(e),
            }
        }
    }

    /// Runs an input; gives an exit status when the session is over.
    fn input(&mut self, vm: &mut Vm, text: &str) -> Option<i32> {
        if text.trim().is_empty() {
            return None;
        }
        if let name @ ("exit" | "quit") = text.trim()
            && !is_variable(vm, name)
        {
            return Some(0);
        }
        let filename = format!("<apy-input-{}>", self.number);
        self.number += 1;
        let codes = match vm.prompt_compile(text, &filename) {
            Ok(codes) => codes,
            Err(Refusal::Raised(e)) => return report(vm, e),
            Err(Refusal::Syntax(found)) => {
                let _ = vm.flush_streams();
                eprint!("{}", found.render(super::style::of_stderr()));
                return None;
            }
        };
        match vm.prompt_run(&codes) {
            Ok(()) => None,
            Err(e) => report(vm, e),
        }
    }
}

/// Whether the session's inputs have given the name a value.
fn is_variable(vm: &mut Vm, name: &str) -> bool {
    let name = vm.intern(name);
    vm.main_globals().is_ok_and(|globals| globals.get_str(vm, &name).is_some())
}

/// Prints what an input raised; gives an exit status when it was `SystemExit`.
fn report(vm: &mut Vm, e: Raised) -> Option<i32> {
    let leaves = e.is_halt() || vm.raised_is(&e, &vm.exc.SystemExit.clone());
    let status = vm.report_uncaught(e);
    let _ = vm.flush_streams();
    leaves.then_some(status)
}
