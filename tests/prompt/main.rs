//! The prompt on a pseudo-terminal: what a user types, and what must be on the screen then.
//!
//! Nothing sleeps for luck: every step waits for the text that shows it was taken, up to a deadline.
#![cfg(feature = "prompt")]

mod terminal;

use apy::vm::signals::{Disposition, set};
use nix::sys::signal::SIGINT;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use terminal::Terminal;

/// A step that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

type Seen = Arc<(Mutex<Vec<u8>>, Condvar)>;

/// A session on a terminal of its own.
struct Session {
    child: Child,
    keyboard: File,
    seen: Seen,
    /// How much of the screen's text earlier steps have used up.
    used: usize,
}

impl Session {
    fn start() -> Session {
        Session::on("xterm")
    }

    fn on(term: &str) -> Session {
        let mut session = Session::with(term, "");
        session.expect(">>> ");
        session
    }

    fn with(term: &str, history: &str) -> Session {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("the terminal's other end");
        let name = ptsname(&master, Vec::new()).expect("the terminal has a name");
        let slave = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_string_lossy().as_ref())
            .expect("the terminal opens");
        tcsetwinsize(&slave, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 })
            .expect("a terminal has a size");
        let master = File::from(master);
        let copy = || Stdio::from(slave.try_clone().expect("a descriptor"));
        // A shell that starts a program in the background has it ignore interrupts, and its children with it.
        set(SIGINT as i32, Disposition::Default).expect("SIGINT may be set");
        // A session of its own, whose terminal this is: only then does Ctrl-C send a signal.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_apy"), "-q"])
            .env("TERM", term)
            .env("PYTHON_COLORS", "0")
            .env("PYTHON_HISTORY", history)
            .env_remove("PYTHONINSPECT")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(copy())
            .stdout(copy())
            .stderr(copy())
            .spawn()
            .expect("the binary starts");
        drop(slave);
        let seen: Seen = Arc::default();
        let (mut screen, shared) = (master.try_clone().expect("a descriptor"), seen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails when the other end is closed.
            while let Ok(n @ 1..) = screen.read(&mut bytes) {
                shared.0.lock().expect("no panic").extend_from_slice(&bytes[..n]);
                shared.1.notify_all();
            }
        });
        Session { child, keyboard: master, seen, used: 0 }
    }

    fn send(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal is open");
    }

    /// Waits for a text behind what was used up; gives what stands before it.
    fn expect(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().expect("no panic");
        loop {
            let text = plain(&String::from_utf8_lossy(&seen));
            let rest = text.get(self.used..).unwrap_or("");
            if let Some(at) = rest.find(wanted) {
                let before = rest[..at].to_owned();
                self.used += at + wanted.len();
                return before;
            }
            let now = Instant::now();
            assert!(now < deadline, "waited for {wanted:?}; on the screen:\n{rest}");
            seen = self.seen.1.wait_timeout(seen, deadline - now).expect("no panic").0;
        }
    }

    /// Waits until the screen is as wanted; gives it.
    fn screen(&mut self, wanted: impl Fn(&Terminal) -> bool) -> Terminal {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().expect("no panic");
        loop {
            let mut terminal = Terminal::new(40, 120);
            terminal.write(&String::from_utf8_lossy(&seen));
            if wanted(&terminal) {
                return terminal;
            }
            let now = Instant::now();
            assert!(now < deadline, "on the screen, cursor at {:?}:\n{}", terminal.cursor, terminal.text().join("\n"));
            seen = self.seen.1.wait_timeout(seen, deadline - now).expect("no panic").0;
        }
    }

    /// Types a line, waits for an answer and for the next prompt.
    fn line(&mut self, text: &str, answer: &str) {
        self.send(&format!("{text}\r"));
        self.expect("\n");
        self.expect(answer);
        self.expect(">>> ");
    }

    /// Leaves with Ctrl-D; gives the exit status.
    fn leave(mut self) -> Option<i32> {
        self.send(CTRL_D);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text without what moves the cursor or colours, and without the row of spaces before a prompt.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            if chars.next_if_eq(&'[').is_some() {
                let sequence: String = chars.by_ref().take_while(|c| !c.is_ascii_alphabetic()).collect();
                while sequence == "?2004" && chars.next_if_eq(&' ').is_some() {}
            }
        } else if c != '\r' {
            out.push(c);
        }
    }
    out
}

#[test]
fn values_are_shown_and_remembered() {
    let mut s = Session::start();
    s.line("20 + 1", "21\n");
    s.line("_ * 2", "42\n");
    s.line("print('a', 'b')", "a b\n");
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn blocks_are_indented_and_end_with_an_empty_line() {
    let mut s = Session::start();
    s.send("def f(x):\r");
    s.send("return x + 1\r");
    s.send("\r");
    s.expect(">>> ");
    s.line("f(41)", "42\n");
}

#[test]
fn names_are_completed_and_history_is_there() {
    let mut s = Session::start();
    s.send("quite_long_name = 5\r");
    s.expect(">>> ");
    s.line("quite_lo\t + 1", "6\n");
    s.line(UP, "6\n");
    s.send("import collec\t\r");
    s.expect(">>> ");
    s.line("collections.OrderedD\t.__name__", "'OrderedDict'\n");
}

#[test]
fn await_works_and_tasks_go_on_while_the_user_types() {
    let mut s = Session::start();
    s.send("import asyncio\r");
    s.expect(">>> ");
    s.line("await asyncio.sleep(0, 'slept')", "'slept'\n");
    let work = r"exec('async def work():\n await asyncio.sleep(0.5)\n print(2 * \'work\')\n return 7')";
    s.line(&format!("{work} or 'made'"), "'made'\n");
    s.line("t = asyncio.create_task(work()); 'started'", "'started'\n");
    // Half a line is typed when the task prints; it must be whole afterwards.
    s.send("6 *");
    s.expect("workwork\n");
    s.send(" 7\r");
    s.expect("42\n");
    s.expect(">>> ");
    s.line("await t", "7\n");
}

#[test]
fn a_failed_task_is_reported_once() {
    let mut s = Session::start();
    s.send("import asyncio\r");
    s.expect(">>> ");
    s.send("async def bad(): raise ValueError('oh no')\r\r");
    s.expect(">>> ");
    s.send("t = asyncio.create_task(bad(), name='bad')\r");
    s.expect("Task 'bad' failed:\n");
    s.expect("ValueError: oh no\n");
    s.send("del t\r");
    let before = s.expect("del t\n") + &s.expect(">>> ");
    s.send("'end'\r");
    let after = s.expect("'end'\n");
    assert!(!before.contains("oh no") && !after.contains("oh no"), "{before}{after}");
}

#[test]
fn ctrl_c_never_leaves() {
    let mut s = Session::start();
    s.send("unfinished");
    s.expect("unfinished");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    s.send("import asyncio\r");
    s.expect(">>> ");
    s.send("print('wait' + 'ing'); await asyncio.sleep(1000)\r");
    s.expect("waiting\n");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    s.send("if True: print('loop' + 'ing'); exec('while True: pass')\r\r");
    s.expect("looping\n");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    s.line("'still here'", "'still here'\n");
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn errors_are_shown_and_the_session_goes_on() {
    let mut s = Session::start();
    s.line("1 / 0", "ZeroDivisionError: division by zero\n");
    s.line("x = = 1", "SyntaxError: invalid syntax\n");
    s.line("1 + 1", "2\n");
}

#[test]
fn keys_typed_ahead_are_kept() {
    let mut s = Session::start();
    // All at once, as from a fast typist while something runs.
    s.send("import time; time.sleep(0.2); 'slept'\r'sec' + 'ond'\r'thi' + 'rd'\r'half a li");
    s.expect("'slept'\n");
    s.expect("'second'\n");
    s.expect("'third'\n");
    s.expect("'half a li");
    s.send("ne'.upper()\r");
    s.expect("'HALF A LINE'\n");
    s.expect(">>> ");
    // What stands behind a Ctrl-C is kept, too.
    s.send("gone\x03'kept'.upper()\r");
    s.expect("KeyboardInterrupt");
    s.expect("'KEPT'\n");
    s.expect(">>> ");
}

#[test]
fn output_above_the_line_comes_in_whole_lines() {
    let mut s = Session::start();
    s.send("import asyncio\r");
    s.expect(">>> ");
    s.send("async def tell():\rprint('one', end=' ')\rprint('two', 3)\rprint('begun', end='')\r\r\r");
    s.expect(">>> ");
    s.expect(">>> ");
    s.send("t = asyncio.create_task(tell())\r");
    s.expect("one two 3\n");
    // What has no line end yet comes when the line being edited is over.
    s.send("'over'\r");
    s.expect("begun");
    s.expect("'over'\n");
    s.expect(">>> ");
}

#[test]
fn signatures_are_shown_while_a_call_is_typed() {
    let mut s = Session::start();
    s.send("def area(width, height=2): return width * height\r\r");
    s.expect(">>> ");
    s.send("area(");
    s.expect("width, height=2)");
    s.send("3,");
    s.expect("# area(width, height=2)");
    s.send(" hei\t4)\r");
    s.expect("12\n");
    s.expect(">>> ");
}

#[test]
fn keys_of_dictionaries_and_files_are_completed() {
    let mut s = Session::start();
    s.send("d = {'alphabet': 5, 'beta': 6}\r");
    s.expect(">>> ");
    s.line("d['alph\t + 1", "6\n");
    s.send("nested = [{'outer': {'inner_key': 7}}]\r");
    s.expect(">>> ");
    s.line("nested[0]['outer']['inn\t", "7\n");
    s.line("'of text'.capi\t()", "'Of text'\n");
    s.line("len(open('Cargo.to\t').readlines()) > 3", "True\n");
    s.send("from asyncio import TaskG\t\r");
    s.expect(">>> ");
    s.line("TaskGroup.__name__", "'TaskGroup'\n");
}

#[test]
fn a_path_through_tasks_is_told() {
    let mut s = Session::start();
    s.send("import asyncio\r");
    s.expect(">>> ");
    s.send("async def bad(): raise ValueError('oh no')\r\r");
    s.expect(">>> ");
    s.send("await asyncio.create_task(bad(), name='inner')\r");
    s.expect("ValueError: oh no\n");
    s.expect("Path of awaits through tasks");
    s.expect("awaited 'inner' at <apy-input-");
    s.expect("'inner': bad(), created at <apy-input-");
    s.expect(">>> ");
}

#[test]
fn a_terminal_that_can_only_print_is_enough() {
    let mut s = Session::on("dumb");
    s.line("20 + 1", "21\n");
    s.send("def f(x):\n    return x\n\n");
    s.expect(">>> ");
    s.line("f(5) * 2", "10\n");
    s.send("if True:\n    gone\n");
    s.expect("... ");
    s.expect("... ");
    s.send("half");
    s.expect("half");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    s.line("'kept'", "'kept'\n");
    s.send("import asyncio\n");
    s.expect(">>> ");
    s.send("print('wait' + 'ing'); await asyncio.sleep(1000)\n");
    s.expect("waiting\n");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    assert!(!s.seen.0.lock().expect("no panic").contains(&0x1b));
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn a_terminal_of_which_nothing_is_known_gets_plain_text() {
    for term in ["", "unknown"] {
        let mut s = Session::on(term);
        s.line("20 + 1", "21\n");
        s.send("x = input('name? ')\n");
        s.expect("\nname? ");
        s.send("Bob\n");
        s.expect(">>> ");
        s.line("x", "'Bob'\n");
        assert!(!s.seen.0.lock().expect("no panic").contains(&0x1b));
        assert_eq!(s.leave(), Some(0));
    }
}

#[test]
fn history_is_searched_and_outlives_the_session() {
    let folder = std::env::temp_dir().join(format!("apy-history-{}", std::process::id()));
    let file = folder.to_string_lossy().into_owned();
    let start = || {
        let mut s = Session::with("xterm", &file);
        s.expect(">>> ");
        s
    };
    let mut s = start();
    s.line("first = 6 * 7; first", "42\n");
    s.line("'second'", "'second'\n");
    assert_eq!(s.leave(), Some(0));
    let mut s = start();
    s.send("\x12irst");
    s.expect("first = 6 * 7; first");
    s.send("\r");
    s.expect("42\n");
    s.expect(">>> ");
    s.line(&UP.repeat(2), "'second'\n");
    assert_eq!(s.leave(), Some(0));
    std::fs::remove_file(folder).expect("there was a history");
}

#[test]
fn help_and_its_like_answer() {
    let mut s = Session::start();
    s.line("copyright", "Copyright");
    s.line("license()", "MIT or Apache-2.0");
    s.line("exit.__class__.__name__, repr(quit)[:10]", "('Quitter', 'Use quit()')\n");
    s.line("help(len)", "len(obj, /)\n");
    s.line("help('asyncio.sleep')", "sleep(");
    s.line("help()", "Tab completes names");
}

#[test]
fn pasted_text_runs_whole() {
    let mut s = Session::start();
    s.send("\x1b[200~def g():\n    return 41\n\ng() + 1\n\x1b[201~");
    s.expect("g() + 1");
    s.send("\r");
    s.expect("42\n");
    s.expect(">>> ");
}

#[test]
fn inputs_taller_than_the_screen_are_edited() {
    let mut s = Session::start();
    let body: String = (0..98).map(|i| format!("    v{i} = {i}\n")).collect();
    s.send(&format!("\x1b[200~def tall():\n{body}    return v38\x1b[201~"));
    s.expect("return v38");
    // Sixty lines up, far above what the screen shows: the rows from the cursor's on are drawn.
    s.send(&UP.repeat(60));
    let row = |t: &Terminal, row: usize| t.text().get(row).cloned().unwrap_or_default();
    let seen = s.screen(|t| row(t, 0) == "...     v38 = 38" && t.cursor == (0, 16));
    assert_eq!((row(&seen, 1), row(&seen, 39)), ("...     v39 = 39".to_owned(), "...     v77 = 77".to_owned()));
    s.send("\x1b[F + 1000");
    s.screen(|t| row(t, 0) == "...     v38 = 38 + 1000");
    // Down to the last line, and an empty one behind it.
    s.send(&DOWN.repeat(60));
    s.screen(|t| row(t, 39) == "...     return v38" && row(t, 0) == "...     v59 = 59");
    s.send("\x1b[F\r\r");
    s.expect(">>> ");
    s.line("tall()", "1038\n");
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn further_lines_have_a_mark() {
    let mut s = Session::start();
    s.send("if True:\ry = '\u{4f60}\u{597d}'\r");
    let rows = [">>> if True:", "...     y = '\u{4f60}\u{597d}'", "...         "].map(str::trim_end);
    s.screen(|t| t.text() == rows && t.cursor == (2, 8));
    // Up to the line before, between its wide characters.
    s.send(&format!("{UP}{}", "\x1b[C".repeat(2)));
    s.screen(|t| t.cursor == (1, 10));
    s.send("\x1b[F");
    s.screen(|t| t.cursor == (1, 4 + 8 + 6));
    s.send("\x1b[D\x1b[D");
    s.screen(|t| t.cursor == (1, 4 + 8 + 3));
    s.send("\x7f\u{4e16}\u{754c}");
    s.screen(|t| t.text()[1] == "...     y = '\u{4e16}\u{754c}\u{597d}'" && t.cursor == (1, 4 + 8 + 5));
    s.send(&format!("{DOWN}\r"));
    s.expect("\n>>> ");
    s.line("y", "'\u{4e16}\u{754c}\u{597d}'\n");
}

#[test]
fn output_does_not_damage_inputs() {
    let mut s = Session::start();
    s.send("import asyncio\r");
    s.expect("\n>>> ");
    s.send("async def tell():\rfor i in range(3): await asyncio.sleep(0.3); print('output', i)\r\r\r");
    s.expect("\n>>> ");
    s.send("t = asyncio.create_task(tell())\r");
    s.expect("\n>>> ");
    let body: Vec<String> = (0..60).map(|i| format!("    v{i} = {i}")).collect();
    s.send(&format!("\x1b[200~def tall():\n{}\x1b[201~", body.join("\n")));
    s.screen(|t| t.text().last().is_some_and(|l| l == "...     v59 = 59"));
    s.send(&UP.repeat(10));
    let expected: Vec<String> = body.iter().skip(20).map(|l| format!("... {l}")).collect();
    let seen = s.screen(|t| t.above.iter().any(|l| l == "output 2") && t.text() == expected);
    assert_eq!(seen.cursor, (29, 16));
    let output: Vec<&String> = seen.above.iter().filter(|l| l.starts_with("output")).collect();
    assert_eq!(output, ["output 0", "output 1", "output 2"]);
    // A short one: the output is above it.
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt\n>>> ");
    s.send("t = asyncio.create_task(tell())\r");
    s.expect("\n>>> ");
    s.send("if t:\r1");
    // Output is written before the input below it is drawn anew.
    let seen = s.screen(|t| t.text().ends_with(&["output 2", ">>> if t:", "...     1"].map(String::from)));
    assert_eq!(seen.cursor, (seen.text().len() - 1, 9));
}

#[test]
fn what_has_no_line_end_stands_before_the_prompt() {
    let mut s = Session::start();
    s.send("print('no end', end='')\r");
    s.screen(|t| t.text().last().is_some_and(|l| l == "no end>>>"));
    s.send("1\r");
    s.screen(|t| t.text().ends_with(&["no end>>> 1".to_owned(), "1".to_owned(), ">>>".to_owned()]));
}

#[test]
fn a_full_row_is_followed_by_the_answer() {
    let mut s = Session::start();
    let text = format!("'{}'", "x".repeat(120 - 4 - 2));
    s.send(&format!("{text}\r"));
    s.screen(|t| t.text() == [format!(">>> {text}"), text.clone(), ">>>".to_owned()]);
}

#[test]
fn input_reads_what_was_typed_ahead() {
    let mut s = Session::start();
    // All at once.
    s.send("x = input('name? ')\rBob\r'Hi ' + x\r");
    s.expect("name? ");
    s.expect("'Hi Bob'\n");
    s.expect(">>> ");
    // While something runs; the terminal shows what is typed.
    s.send("import time; print('run' + 'ning'); time.sleep(1); y = [input('? '), input('?? ')]\r");
    s.expect("running\n");
    s.send("one\rtwo\ry + ['three']\r");
    s.expect("['one', 'two', 'three']\n");
    s.expect(">>> ");
    // One by one.
    s.send("z = input('third? ')\r");
    s.expect("\nthird? ");
    s.send("typed late\x7f\x7fer\r");
    s.expect("\n>>> ");
    s.line("z", "'typed laer'\n");
    // A stream gets it, too.
    s.send("import sys; w = sys.stdin.readline()\rfor the stream\rw\r");
    s.expect("'for the stream\\n'\n");
    s.expect(">>> ");
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn input_ends_and_is_interrupted() {
    let mut s = Session::start();
    s.send("print('begun', end=' '); input('now? ')\r");
    s.screen(|t| t.text().last().is_some_and(|l| l == "begun now?"));
    s.send("half a");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt\n");
    s.expect(">>> ");
    s.send("input('then? ')\r");
    s.expect("\nthen? ");
    s.send(CTRL_D);
    s.expect("EOFError\n");
    s.expect(">>> ");
    // In another thread, while tasks go on.
    s.send("import asyncio\r");
    s.expect("\n>>> ");
    s.send("await asyncio.gather(asyncio.to_thread(input, 'thread? '), asyncio.sleep(0.1, 'slept'))\r");
    s.expect("\nthread? ");
    s.send("me\r");
    s.expect("['me', 'slept']\n");
    s.expect(">>> ");
    s.send("await asyncio.to_thread(input, 'again? ')\r");
    s.expect("\nagain? ");
    s.send(CTRL_C);
    s.expect("KeyboardInterrupt");
    s.expect(">>> ");
    s.line("'here'", "'here'\n");
    assert_eq!(s.leave(), Some(0));
}

#[test]
fn pasted_lines_are_answers_one_by_one() {
    let mut s = Session::start();
    s.send("a = input('a? '); b = input('b? ')\r");
    s.expect("\na? ");
    s.send("\x1b[200~one\ntwo\n(a, b)\n\x1b[201~");
    s.expect("('one', 'two')\n");
}

#[test]
fn keys_edit() {
    let mut s = Session::start();
    // Words cut out and put back.
    s.line("one_two\x01'\x05 three'\x17\x15\x19", "'one_two three'\n");
    s.line("'a b c'\x1b\x7f\x1b\x7f\x19", "'a b c'\n");
    // Characters exchanged, letters changed, a change taken back.
    s.line("'ab'\x02\x02\x14", "'ba'\n");
    s.line("'word'\x01\x1bu", "'WORD'\n");
    s.line("1234\x0b\x17\x1f", "1234\n");
    s.line("45\x01\x16\x33", "345\n");
    // Candidates are listed at the second Tab.
    s.send("sorted_names = sorted_words = 1\r");
    s.expect("\n>>> ");
    s.send("sorted_\t\t");
    s.screen(|t| t.text().ends_with(&["sorted_names  sorted_words".to_owned(), ">>> sorted_".to_owned()]));
    s.send("w\t + 1\r");
    s.expect("2\n>>> ");
}

#[test]
fn exit_leaves_with_its_status() {
    let mut s = Session::start();
    // A variable is one under any name.
    s.send("quit = 5\r");
    s.expect("\n>>> ");
    s.line("quit", "5\n");
    s.send("exit(3)\r");
    let status = s.child.wait().expect("the process was started");
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_pipe_gets_plain_text() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apy"))
        .args(["-i", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    child.stdin.take().expect("it was asked for").write_all(b"x = 6\nif x:\n    print(x * 7)\n\nx\n").expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "42\n6\n");
    assert!(!output.stderr.contains(&0x1b));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn input_takes_no_more_than_its_line_from_a_pipe() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apy"))
        .args(["-i", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let text = b"x = input()\nBob\nimport sys\ny = sys.stdin.readline()\nAnn\nx + y\nsys.stdin.read()\nthe\nrest\n";
    child.stdin.take().expect("it was asked for").write_all(text).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "'BobAnn\\n'\n'the\\nrest\\n'\n");
}
