//! Reading inputs without a line editor: from a pipe, on a terminal that can do nothing but print.

use super::{Answer, Ask, Line, input};
use apy::embed::{Console, ConsoleLine};
use std::io::{IsTerminal, Write};

/// Standard input, of which not more than a line is taken at once: what stands behind it may be for somebody else.
pub struct Pipe;

impl Console for Pipe {
    fn read_line(&self, _: &str) -> Option<ConsoleLine> {
        None
    }

    fn typed_ahead(&self, most: usize) -> Vec<u8> {
        bytes_of_line(most).unwrap_or_default()
    }
}

/// Reads to the end of a line, at most so many bytes; none at the end.
fn bytes_of_line(most: usize) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < most && !line.ends_with(b"\n") {
        match rustix::io::read(std::io::stdin(), &mut byte) {
            Ok(0) => break,
            Ok(_) => line.extend(byte),
            Err(rustix::io::Errno::INTR) if !line.is_empty() => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(line)
}

fn next_line() -> std::io::Result<String> {
    loop {
        match bytes_of_line(usize::MAX) {
            // A signal came; who is interested has heard of it.
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// Serves a session until the end of standard input.
pub fn read(line: Line) {
    while let Ok(ask) = line.asked.recv() {
        let answer = match ask {
            Ask::Input { first, further } => one(&line, &first, &further),
            Ask::Line { prompt, reply } => {
                // Whoever asked may have been stopped meanwhile.
                let _ = reply.send(line_for_script(&prompt));
                continue;
            }
        };
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
        let read = next_line();
        if line.screen.was_given_up() {
            text.clear();
        }
        let got = read.unwrap_or_default();
        if got.is_empty() {
            show("\n");
            return if text.is_empty() { Answer::End } else { Answer::Input(text) };
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

fn line_for_script(prompt: &str) -> Answer {
    show(prompt);
    match next_line() {
        Ok(got) if !got.is_empty() => Answer::Input(got.strip_suffix('\n').unwrap_or(&got).to_owned()),
        _ => Answer::End,
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
