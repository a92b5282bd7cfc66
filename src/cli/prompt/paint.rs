//! Colours of the line being edited: the lexer says what each piece is.

use apy_grammar::{Class, classify};
use std::ops::Range;

/// Longer texts are not coloured, so that every key is answered at once.
const LONGEST: usize = 200_000;

const RESET: &str = "\x1b[0m";

fn color(class: Class, text: &str) -> &'static str {
    match class {
        Class::Keyword => "\x1b[1;34m",
        Class::Constant => "\x1b[36m",
        Class::Definition => "\x1b[1m",
        Class::Number => "\x1b[33m",
        Class::String => "\x1b[32m",
        Class::Comment => "\x1b[31m",
        Class::Name if is_builtin(text) => "\x1b[36m",
        Class::Name | Class::Operator | Class::Rest => "",
    }
}

fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "print"
            | "len"
            | "range"
            | "int"
            | "str"
            | "float"
            | "list"
            | "dict"
            | "set"
            | "tuple"
            | "bool"
            | "bytes"
            | "open"
            | "input"
            | "isinstance"
            | "type"
            | "super"
            | "enumerate"
            | "zip"
            | "map"
            | "filter"
            | "sorted"
            | "sum"
            | "min"
            | "max"
            | "abs"
            | "any"
            | "all"
            | "repr"
            | "object"
            | "iter"
            | "next"
            | "help"
            | "exit"
    )
}

/// A part of the text with colours, which the whole text decides on.
pub fn paint(text: &str, part: Range<usize>) -> String {
    if text.len() > LONGEST {
        return text.get(part).unwrap_or("").to_owned();
    }
    let mut out = String::with_capacity(part.len() * 2);
    let mut at = part.start;
    for (span, class) in classify(text) {
        if span.end as usize <= part.start {
            continue;
        }
        let (start, end) = ((span.start as usize).max(part.start), (span.end as usize).min(part.end));
        if start >= part.end {
            break;
        }
        let (Some(gap), Some(piece)) = (text.get(at..start), text.get(start..end)) else { continue };
        out.push_str(gap);
        let color = color(class, piece);
        if color.is_empty() {
            out.push_str(piece);
        } else {
            // Each line is coloured by itself: the editor may draw them apart.
            let painted = piece.split('\n').map(|line| format!("{color}{line}{RESET}")).collect::<Vec<_>>();
            out.push_str(&painted.join("\n"));
        }
        at = end;
    }
    out.push_str(text.get(at..part.end).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost() {
        for text in ["", "def f(x):\n    return 'a\\n' # c", "x = 'open", "\u{4f60} = (1,", "f'{a!r:>{w}} b'", "$ ?"] {
            let painted = paint(text, 0..text.len());
            let mut plain = String::new();
            for (i, part) in painted.split('\x1b').enumerate() {
                plain.push_str(if i == 0 { part } else { part.split_once('m').map_or("", |p| p.1) });
            }
            assert_eq!(plain, text);
        }
    }
}
