//! Pieces of a text for colouring: what each token is.
//!
//! The lexer decides, so a text is coloured as it will be read. A text that cannot be lexed to its end, as while it is
//! typed, is classified as far as it can.

use crate::ast::Span;
use crate::lexer::{Kind, lex};

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
    let lexed = lex(source, Kind::StartExec);
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
    fn an_open_string_is_a_string() {
        assert_eq!(classify("x = 'ab").last().map(|p| p.1), Some(Class::String));
    }
}
