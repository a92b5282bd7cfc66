//! Colours of the text being edited: the lexer says what each piece is.
//!
//! Logical lines are lexed one by one, and only those that changed: a key in a long text costs what its line costs.

use apy_grammar::{Class, classify_line};
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

/// A logical line, and the pieces of it that have a style, counted from its beginning.
struct Line {
    start: usize,
    end: usize,
    pieces: Vec<(Range<usize>, usize)>,
}

/// The colours of a text.
#[derive(Default)]
pub struct Colors {
    text: String,
    lines: Vec<Line>,
}

impl Colors {
    /// Finds the colours of a text; what it shares with the one before is not looked at again.
    pub fn update(&mut self, text: &str) {
        if text.len() > LONGEST {
            *self = Colors::default();
            return;
        }
        let (old, new) = (self.text.as_bytes(), text.as_bytes());
        let front = common(old, new, <[u8]>::split_at);
        if front == old.len() && front == new.len() {
            return;
        }
        let (old_rest, new_rest) = (&old[front..], &new[front..]);
        let back = common(old_rest, new_rest, |s, n| flip(s.split_at(s.len() - n)));
        // The last line may have ended only because the text did.
        let kept = self.lines.partition_point(|l| l.end <= front && l.end < old.len());
        let mut rest = self.lines.split_off(kept).into_iter().peekable();
        let mut at = self.lines.last().map_or(0, |l| l.end);
        while at < new.len() {
            if at >= new.len() - back {
                let before = at + old.len() - new.len();
                while rest.next_if(|l| l.start < before).is_some() {}
                if rest.peek().is_some_and(|l| l.start == before) {
                    let moved = |l: usize| l + at - before;
                    self.lines.extend(rest.map(|l| Line { start: moved(l.start), end: moved(l.end), ..l }));
                    break;
                }
            }
            let line = Line::new(text.get(at..).unwrap_or(""), at);
            at = line.end;
            self.lines.push(line);
        }
        text.clone_into(&mut self.text);
    }

    /// The pieces in a part of the text that have a style, in order.
    pub fn of(&self, part: Range<usize>) -> impl Iterator<Item = (Range<usize>, usize)> {
        let first = self.lines.partition_point(|l| l.end <= part.start);
        let lines = self.lines.get(first..).unwrap_or_default().iter().take_while(move |l| l.start < part.end);
        lines.flat_map(move |l| {
            let before = l.pieces.partition_point(|(r, _)| l.start + r.end <= part.start);
            let pieces = l.pieces.get(before..).unwrap_or_default().iter();
            let absolute = pieces.map(|(r, style)| (l.start + r.start..l.start + r.end, *style));
            absolute.take_while(move |(r, _)| r.start < part.end)
        })
    }
}

impl Line {
    /// The first logical line of what stands at a place.
    fn new(text: &str, start: usize) -> Line {
        let (pieces, length) = classify_line(text);
        let styled = |(range, class): (Range<usize>, Class)| Some((range.clone(), style(class, text.get(range)?)?));
        let pieces = pieces.into_iter().map(|(span, class)| (span.start as usize..span.end as usize, class));
        Line { start, end: start + length, pieces: pieces.filter_map(styled).collect() }
    }
}

/// How many bytes two texts have in common at one end: `part` gives so many of that end, and the others.
fn common<'a>(mut a: &'a [u8], mut b: &'a [u8], part: impl Fn(&'a [u8], usize) -> (&'a [u8], &'a [u8])) -> usize {
    let mut same = 0;
    for step in [1024, 1] {
        while a.len() >= step && b.len() >= step {
            let ((a_end, a_rest), (b_end, b_rest)) = (part(a, step), part(b, step));
            if a_end != b_end {
                break;
            }
            (a, b, same) = (a_rest, b_rest, same + step);
        }
    }
    same
}

fn flip<'a>((a, b): (&'a [u8], &'a [u8])) -> (&'a [u8], &'a [u8]) {
    (b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a whole text.
    fn paint(text: &str) -> Vec<(Range<usize>, usize)> {
        let mut colors = Colors::default();
        colors.update(text);
        colors.of(0..text.len()).collect()
    }

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

    #[test]
    fn what_changed_is_painted_anew() {
        let mut texts = vec![String::new()];
        let block = "def f(x):\n    s = '''a\n    b'''\n    y = (1,\n         2)  # c\n    return f'{x!r} {y}'\n\nf(1)";
        let mut text = block.to_owned();
        texts.push(text.clone());
        // Quotes, brackets and line ends come and go, each one at every place.
        for piece in ["'", "'''", "(", "]", "\n", "#", "\\", "x", "", "\u{4f60}"] {
            for at in 0..block.len() {
                text.insert_str(at, piece);
                texts.push(text.clone());
                text = block.to_owned();
                text.remove(at);
                texts.push(text.clone());
                text = block.to_owned();
            }
        }
        let mut colors = Colors::default();
        for text in texts {
            colors.update(&text);
            let seen: Vec<_> = colors.of(0..text.len()).collect();
            assert_eq!(seen, paint(&text), "{text:?}");
            let parts =
                text.split_inclusive('\n').scan(0, |at, l| Some((std::mem::replace(at, *at + l.len()), l.len())));
            for (start, length) in parts {
                let inside = |r: &Range<usize>| r.start < start + length && r.end > start;
                let of_part: Vec<_> = colors.of(start..start + length).collect();
                let expected: Vec<_> = seen.iter().filter(|(r, _)| inside(r)).cloned().collect();
                assert_eq!(of_part, expected, "{text:?}");
            }
        }
    }
}
