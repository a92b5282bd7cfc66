//! Pieces of a text for colouring: what each token is.
//!
//! The lexer decides, so a text is coloured as it will be read. A text that cannot be lexed to its end, as while it is
//! typed, is classified as far as it can.

use crate::ast::Span;
use crate::lexer::{Kind, Lexed, lex, lex_line};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A reserved word, or a soft keyword where it is one.
    Keyword,
    /// `True`, `False`, `None`, `...`.
    Constant,
    /// A name.
    Name,
    /// The name that `def` or `class` defines.
    Definition,
    /// A number.
    Number,
    /// A string, or the text of an f-string.
    String,
    /// A comment.
    Comment,
    /// An operator, a bracket, a separator.
    Operator,
    /// What is not lexed: behind an error.
    Rest,
}

/// The pieces of `source` in order; what lies between them is white space.
pub fn classify(source: &str) -> Vec<(Span, Class)> {
    pieces(source, &lex(source, Kind::StartExec))
}

/// The pieces of the first logical line of `source`, with the blank lines and comments before it, and the byte behind
/// it. What stands before and behind a line does not change them, so that a text that is edited need not be lexed from
/// its beginning; only whether `case` is a keyword is guessed.
pub fn classify_line(source: &str) -> (Vec<(Span, Class)>, usize) {
    let (lexed, end) = lex_line(source);
    (pieces(source.get(..end).unwrap_or(source), &lexed), end)
}

fn pieces(source: &str, lexed: &Lexed) -> Vec<(Span, Class)> {
    let mut out: Vec<(Span, Class)> = Vec::with_capacity(lexed.tokens.len());
    let mut end = 0u32;
    let mut before = Kind::StartExec;
    for t in &lexed.tokens {
        if t.kind == Kind::Error {
            break;
        }
        comments(source, end, t.span.start, &mut out);
        let class = match t.kind {
            Kind::False | Kind::True | Kind::None | Kind::Ellipsis => Some(Class::Constant),
            k if k.is_keyword() => Some(Class::Keyword),
            Kind::Match | Kind::Case | Kind::Type => Some(Class::Keyword),
            Kind::Name if matches!(before, Kind::Def | Kind::Class) => Some(Class::Definition),
            Kind::Name => Some(Class::Name),
            Kind::Number | Kind::Digit => Some(Class::Number),
            Kind::Str | Kind::FStringStart | Kind::TStringStart | Kind::FStringEnd => Some(Class::String),
            Kind::Newline | Kind::Indent | Kind::Dedent | Kind::EndMarker | Kind::EndInBrackets => None,
            Kind::StartExec | Kind::StartEval | Kind::StartSingle => None,
            k if is_fstring_text(k) => Some(Class::String),
            _ => Some(Class::Operator),
        };
        if let Some(class) = class
            && t.span.end > t.span.start
        {
            out.push((t.span, class));
        }
        end = end.max(t.span.end);
        before = t.kind;
    }
    if lexed.failure.is_some() {
        let rest = source.get(end as usize..).unwrap_or("");
        let skipped = rest.len() - rest.trim_start().len();
        let start = end + skipped as u32;
        let first = source.get(start as usize..).and_then(|r| r.chars().next());
        let quoted =
            rest.contains(['\'', '"']) && first.is_some_and(|c| c.is_ascii_alphabetic() || c == '\'' || c == '"');
        let class = if quoted { Class::String } else { Class::Rest };
        if (start as usize) < source.len() {
            out.push((Span::new(start, source.len() as u32), class));
        }
    } else {
        comments(source, end, source.len() as u32, &mut out);
    }
    out
}

fn is_fstring_text(kind: Kind) -> bool {
    kind == Kind::FStringMiddle
}

/// The comments in a gap between tokens.
fn comments(source: &str, from: u32, to: u32, out: &mut Vec<(Span, Class)>) {
    let Some(gap) = source.get(from as usize..to as usize) else { return };
    let mut at = from;
    for line in gap.split_inclusive('\n') {
        if let Some(hash) = line.find('#') {
            let start = at + hash as u32;
            let length = line[hash..].trim_end_matches(['\n', '\r']).len() as u32;
            out.push((Span::new(start, start + length), Class::Comment));
        }
        at += line.len() as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_classified() {
        let source = "def f(x):  # note\n    return f'a{x}' + 1";
        let found: Vec<(&str, Class)> =
            classify(source).into_iter().map(|(s, c)| (&source[s.start as usize..s.end as usize], c)).collect();
        assert!(found.contains(&("def", Class::Keyword)), "{found:?}");
        assert!(found.contains(&("f", Class::Definition)));
        assert!(found.contains(&("# note", Class::Comment)));
        assert!(found.contains(&("1", Class::Number)));
        assert!(found.contains(&("a", Class::String)));
    }

    #[test]
    fn lines_are_classified_one_by_one() {
        let source =
            "# note\n\nif f'a{\n1}': # b\n\tx = 'open\n  y = (1,\n 2)\n match y:\n  case 1: z)\ndef g(): '''a\nb";
        let mut at = 0;
        let mut seen = Vec::new();
        while at < source.len() {
            let (pieces, end) = classify_line(&source[at..]);
            assert!(end > 0);
            let last = pieces.last().map(|(s, c)| (&source[at + s.start as usize..at + s.end as usize], *c));
            seen.push((source[at..at + end].lines().last().unwrap_or(""), last.unwrap_or(("", Class::Rest))));
            at += end;
        }
        assert_eq!(
            seen,
            [
                ("1}': # b", ("# b", Class::Comment)),
                ("\tx = 'open", ("'open\n", Class::String)),
                (" 2)", (")", Class::Operator)),
                (" match y:", (":", Class::Operator)),
                ("  case 1: z)", (")\n", Class::Rest)),
                ("b", ("'''a\nb", Class::String)),
            ]
        );
        // In one piece, the lines behind an error are not known.
        assert!(classify(source).iter().all(|(s, _)| s.start as usize <= source.find("'open").unwrap_or(0)));
        assert_eq!(classify_line("  case 1:").0[0].1, Class::Keyword);
    }

    #[test]
    fn an_open_string_is_a_string() {
        assert_eq!(classify("x = 'ab").last().map(|p| p.1), Some(Class::String));
    }
}
