//! What the test files share: reading golden records, and trees as text.

pub mod dump;

use apy_grammar::{LineIndex, Mode, SyntaxError, parse};
use bumpalo::Bump;

/// The records of a golden file: a source text and what is expected of it.
pub fn records(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks_exact(2).map(|pair| (unescape(pair[0]), pair[1].trim_start().to_owned())).collect()
}

/// Undoes the escapes of a Python string.
fn unescape(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let length = match chars.next() {
            Some('n') => {
                out.push('\n');
                continue;
            }
            Some('t') => {
                out.push('\t');
                continue;
            }
            Some('\\') => {
                out.push('\\');
                continue;
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            other => panic!("unknown golden escape {other:?}"),
        };
        let digits: String = chars.by_ref().take(length).collect();
        let code = u32::from_str_radix(&digits, 16).expect("a golden escape has hexadecimal digits");
        out.push(char::from_u32(code).expect("a golden escape is a character"));
    }
    out
}

/// The error for `source`, in the form of the golden file, or `accepted`.
pub fn outcome(source: &str) -> String {
    let arena = Bump::new();
    match parse(&arena, source, Mode::Exec) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => describe(source, &error),
    }
}

fn describe(source: &str, error: &SyntaxError) -> String {
    let l = error.location(source, &LineIndex::new(source));
    format!("{} {}:{}-{}:{} {}", error.kind.name(), l.line, l.offset, l.end_line, l.end_offset, error.message)
}
