//! Reading inputs without a line editor: from a pipe, on a terminal that can do nothing but print.

use super::{Answer, Line, input};
use std::io::{BufRead, IsTerminal, Write};

/// Serves a session until the end of standard input.
pub fn read(line: Line) {
    while let Ok(ask) = line.asked.recv() {
        let answer = one(&line, &ask.first, &ask.further);
        let ends = matches!(answer, Answer::End);
        if !line.answer(answer) || ends {
            return;
        }
    }
}

fn one(line: &Line, first: &str, further: &str) -> Answer {
    let mut text = String::new();
    let _ = line.screen.was_given_up();
    show(first);
    loop {
        let mut got = String::new();
        let read = std::io::stdin().lock().read_line(&mut got);
        if line.screen.was_given_up() {
            text.clear();
        }
        match read {
            Ok(0) | Err(_) if text.is_empty() => {
                show("\n");
                return Answer::End;
            }
            Ok(0) | Err(_) => return Answer::Input(text),
            Ok(_) => {}
        }
        let blank = got.trim().is_empty();
        text.push_str(&got);
        if blank && !text.trim().is_empty() || input::is_complete(text.strip_suffix('\n').unwrap_or(&text)) {
            // An empty line ends a block; inside of brackets and strings it does not.
            if input::is_complete(&text) {
                return Answer::Input(text);
            }
        }
        show(further);
    }
}

/// Prompts go where they are seen: to standard error when the output is taken elsewhere.
fn show(text: &str) {
    if std::io::stdout().is_terminal() {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    } else {
        eprint!("{text}");
    }
}
