//! Colours of the line being edited: the lexer says what each piece is.

use apy_grammar::{Class, classify};
use std::ops::Range;

/// Longer texts are not coloured, so that every key is answered at once.
const LONGEST: usize = 200_000;

/// The styles of pieces of text, as terminals are told them.
pub const STYLES: [&str; 6] = ["1;34", "36", "1", "33", "32", "31"];

/// Which of [`STYLES`] a piece has.
fn style(class: Class, text: &str) -> Option<usize> {
    Some(match class {
        Class::Keyword => 0,
        Class::Constant => 1,
        Class::Definition => 2,
        Class::Number => 3,
        Class::String => 4,
        Class::Comment => 5,
        Class::Name if is_builtin(text) => 1,
        Class::Name | Class::Operator | Class::Rest => return None,
    })
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

/// The pieces of the text that have a style, in order.
pub fn paint(text: &str) -> Vec<(Range<usize>, usize)> {
    if text.len() > LONGEST {
        return Vec::new();
    }
    let styled = |(range, class): (Range<usize>, Class)| Some((range.clone(), style(class, text.get(range)?)?));
    let pieces = classify(text).into_iter().map(|(span, class)| (span.start as usize..span.end as usize, class));
    pieces.filter_map(styled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_told_apart() {
        let text = "def f(x):\n    return 'a\\n' + len(2) # c";
        let painted: Vec<(&str, &str)> = paint(text).into_iter().map(|(r, s)| (&text[r], STYLES[s])).collect();
        let expected = [
            ("def", "1;34"),
            ("f", "1"),
            ("return", "1;34"),
            ("'a\\n'", "32"),
            ("len", "36"),
            ("2", "33"),
            ("# c", "31"),
        ];
        assert_eq!(painted, expected);
        for text in ["", "x = 'open", "\u{4f60} = (1,", "f'{a!r:>{w}} b'", "$ ?"] {
            assert!(paint(text).is_sorted_by_key(|(r, _)| r.start), "{text:?}");
        }
    }
}
