//! Which part of a traceback's source lines is marked, and how: `~~~^~~`.
//!
//! The marks point into an expression at its operator, brackets or parentheses, so the segment is parsed again.
//! Columns here are characters.

use crate::embed::room::with_room;
use apy_grammar::Mode;
use apy_grammar::ast::{Expr, ExprKind, Mod, StmtKind};

/// The part that gets `^` where the rest gets `~`; lines count from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchors {
    /// Line and column of the first marked character.
    pub left: (usize, usize),
    /// Line and column after the last.
    pub right: (usize, usize),
}

/// Longer segments are not looked into.
const MOST_BYTES: usize = 1 << 16;

/// A position in the lines of a segment.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before[start..].chars().count())
}

/// The byte offset of the first character from `at` on that satisfies the test.
fn seek(text: &str, at: usize, wanted: impl Fn(char) -> bool) -> Option<usize> {
    let rest = text.get(at..)?;
    let mut comment = false;
    for (i, c) in rest.char_indices() {
        match c {
            '\n' => comment = false,
            '#' => comment = true,
            _ if !comment && c != '\\' && wanted(c) => return Some(at + i),
            _ => {}
        }
    }
    None
}

/// Finds the anchors of the expression that a segment is.
pub fn extract(segment: &str) -> Option<Anchors> {
    if segment.len() > MOST_BYTES {
        return None;
    }
    with_room(segment.len(), 0, || find(segment))?
}

fn find(segment: &str) -> Option<Anchors> {
    let wrapped = format!("(\n{segment}\n)");
    let arena = bumpalo::Bump::new();
    let parsed = apy_grammar::parse(&arena, &wrapped, Mode::Eval).ok()?;
    let Mod::Expression(e) = parsed.module else { return None };
    let (left, right) = marked(&wrapped, e)?;
    // The line of the opening parenthesis is not part of the segment.
    let place = |at| {
        let (line, column) = position(&wrapped, at);
        Some((line.checked_sub(1)?, column))
    };
    Some(Anchors { left: place(left)?, right: place(right)? })
}

/// The byte offsets of the marked part.
fn marked(text: &str, e: &Expr<'_>) -> Option<(usize, usize)> {
    match e.kind {
        ExprKind::BinOp { left, right, .. } => {
            let start = seek(text, left.span.end as usize, |c| !c.is_whitespace() && c != ')')?;
            let mut end = start + text.get(start..)?.chars().next()?.len_utf8();
            let next = text.get(end..)?.chars().next()?;
            if end < right.span.start as usize && !next.is_whitespace() && next != '\\' && next != '#' {
                end += next.len_utf8();
            }
            Some((start, end))
        }
        ExprKind::Subscript { value, slice } => {
            let start = seek(text, value.span.end as usize, |c| c == '[')?;
            let end = seek(text, slice.span.end as usize, |c| c == ']')?;
            Some((start, end + 1))
        }
        ExprKind::Call { func, .. } => {
            let start = seek(text, func.span.end as usize, |c| c == '(')?;
            Some((start, e.span.end as usize))
        }
        _ => None,
    }
}

/// Whether a statement is `return f(…)` or `x = f(…)` and the marked part is the whole call: marks would say
/// nothing then. `start` and `end` are columns in the first and last line.
pub fn is_whole_call(lines: &[&str], start: usize, end: usize) -> bool {
    let text = lines.join("\n");
    text.len() <= MOST_BYTES && with_room(text.len(), 0, || is_call(&text, lines.len(), start, end)).unwrap_or(false)
}

fn is_call(text: &str, lines: usize, start: usize, end: usize) -> bool {
    let arena = bumpalo::Bump::new();
    // A `return` is an error outside a function, but not to the parser.
    let Ok(parsed) = apy_grammar::parse(&arena, text, Mode::Exec) else { return false };
    let Mod::Module([statement, ..]) = parsed.module else { return false };
    let call = match statement.kind {
        StmtKind::Return(Some(value)) => match value.kind {
            ExprKind::Call { func, .. } if matches!(func.kind, ExprKind::Name(_)) => value,
            _ => return false,
        },
        StmtKind::Assign { value, .. } if matches!(value.kind, ExprKind::Call { .. }) => value,
        _ => return false,
    };
    let (first, last) = (position(text, call.span.start as usize), position(text, call.span.end as usize));
    first == (0, start) && last == (lines.saturating_sub(1), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_brackets_are_found() {
        assert_eq!(extract("a + b"), Some(Anchors { left: (0, 2), right: (0, 3) }));
        assert_eq!(extract("a // b"), Some(Anchors { left: (0, 2), right: (0, 4) }));
        assert_eq!(extract("x[1]"), Some(Anchors { left: (0, 1), right: (0, 4) }));
        assert_eq!(extract("f(1,\n  2)"), Some(Anchors { left: (0, 1), right: (1, 4) }));
        assert_eq!(extract("x.y"), None);
        assert_eq!(extract("x ="), None);
    }

    #[test]
    fn whole_calls_need_no_marks() {
        assert!(is_whole_call(&["return f(1)"], 7, 11));
        assert!(!is_whole_call(&["return f(1)[0]"], 7, 11));
        assert!(is_whole_call(&["x = a.f(1)"], 4, 10));
    }
}
