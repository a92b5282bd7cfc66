//! "Did you mean 'import'?": misspelt keywords behind a plain `invalid syntax`.
//!
//! As in CPython this is not the parser's work but that of whoever prints the error: candidates are put in place of a
//! name and tried.

use crate::ast::Span;
use crate::error::SyntaxError;
use crate::lexer::{Kind, lex};
use crate::position::line_number;
use crate::{Mode, parse};
use bumpalo::Bump;

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];
/// Longer pieces of code are not tried.
const MAX_CODE: usize = 1024;
/// How many names of the line are tried, and with how many keywords each.
const MAX_NAMES: usize = 10;
const MAX_KEYWORDS: usize = 3;
/// Longer names resemble nothing.
const MAX_NAME: usize = 40;

/// The keyword that a name on the error's line was probably meant to be, and that name's place: the message is then
/// `invalid syntax. Did you mean 'KEYWORD'?`. `compiles` is asked last, with the corrected piece of code (which may
/// be incomplete), whether the compiler would take it as well.
pub fn keyword_suggestion(
    source: &str,
    error: &SyntaxError,
    mut compiles: impl FnMut(&str) -> bool,
) -> Option<(Span, &'static str)> {
    if error.message != "invalid syntax" && !error.message.contains("Perhaps you forgot a comma") {
        return None;
    }
    let at = (error.span.start as usize).min(source.len());
    let first = source.get(..(error.statement as usize).min(at))?.rfind('\n').map_or(0, |i| i + 1);
    let last = source.get(at..)?.find('\n').map_or(source.len(), |i| at + i);
    let code = source.get(first..last)?;
    if code.len() > MAX_CODE {
        return None;
    }
    let line = line_number(code, at - first);
    let lexed = lex(code, Kind::StartExec);
    let is_name = |kind: Kind| matches!(kind, Kind::Name | Kind::Match | Kind::Case | Kind::Type);
    let names = lexed.tokens.iter().filter(|t| is_name(t.kind) && line_number(code, t.span.start as usize) == line);
    for token in names.take(MAX_NAMES) {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        let Some(name) = code.get(start..end) else { continue };
        for keyword in candidates(name) {
            let corrected = dedent(&format!("{}{keyword}{}", &code[..start], &code[end..]));
            if parses(&corrected) && compiles(&corrected) {
                return Some((Span::new((first + start) as u32, (first + end) as u32), keyword));
            }
        }
    }
    None
}

fn parses(code: &str) -> bool {
    match parse(&Bump::new(), code, Mode::Exec) {
        Ok(_) => true,
        Err(error) => error.incomplete,
    }
}

/// Takes the indentation away that all lines share.
fn dedent(code: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let margin = code.lines().filter(|l| !l.trim().is_empty()).map(indent).min().unwrap_or(0);
    code.lines().map(|l| l.get(margin..).unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The keywords most like `name`, best first.
fn candidates(name: &str) -> Vec<&'static str> {
    if name.len() > MAX_NAME {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut best = usize::MAX;
    for keyword in KEYWORDS {
        let limit = ((name.len() + keyword.len() + 3) * 2 / 6).min(best.saturating_sub(1));
        let distance = edit_distance(name.as_bytes(), keyword.as_bytes());
        if distance <= limit && distance < best {
            best = distance;
            found = vec![keyword];
        }
    }
    let mut close: Vec<(f64, &'static str)> =
        KEYWORDS.iter().map(|k| (similarity(k.as_bytes(), name.as_bytes()), *k)).filter(|(s, _)| *s >= 0.5).collect();
    close.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(a.1)));
    found.extend(close.into_iter().take(MAX_KEYWORDS).map(|(_, k)| k));
    found.truncate(MAX_KEYWORDS);
    found.retain(|k| *k != name);
    found
}

/// The edit distance, where every edit costs 2, but a change of case 1.
fn edit_distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).map(|j| j * 2).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (i + 1) * 2;
        for (j, y) in b.iter().enumerate() {
            let change = match (x == y, x.eq_ignore_ascii_case(y)) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            let cost = (diagonal + change).min(row[j] + 2).min(row[j + 1] + 2);
            diagonal = std::mem::replace(&mut row[j + 1], cost);
        }
    }
    row[b.len()]
}

/// Twice the characters in common blocks by the characters of both (Ratcliff and Obershelp).
fn similarity(a: &[u8], b: &[u8]) -> f64 {
    2.0 * matched(a, b) as f64 / (a.len() + b.len()).max(1) as f64
}

/// Characters in the longest common block and, recursively, in those beside it. Names are short, see [`MAX_NAME`].
fn matched(a: &[u8], b: &[u8]) -> usize {
    let (mut best, mut at) = (0, (0, 0));
    for i in 0..a.len() {
        for j in 0..b.len() {
            let length = a[i..].iter().zip(&b[j..]).take_while(|(x, y)| x == y).count();
            if length > best {
                (best, at) = (length, (i, j));
            }
        }
    }
    if best == 0 {
        return 0;
    }
    let (i, j) = at;
    best + matched(&a[..i], &b[..j]) + matched(&a[i + best..], &b[j + best..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestion(source: &str) -> Option<&'static str> {
        let error = parse(&Bump::new(), source, Mode::Exec).expect_err("the source is wrong");
        // What a compiler refuses of these.
        let compiles = |code: &str| !["return", "yield", "await", "break"].iter().any(|k| code.starts_with(k));
        keyword_suggestion(source, &error, compiles).map(|(span, keyword)| {
            assert!(span.start < span.end);
            keyword
        })
    }

    #[test]
    fn misspelt_keywords() {
        for (source, keyword) in [
            ("whille True:\n  pass", "while"),
            ("imprt a", "import"),
            ("form a import b", "from"),
            ("fro x in y: pass", "for"),
            ("for x im y:\n  pass", "in"),
            ("def f():\n  retrun 1", "return"),
            ("clas A:\n  pass", "class"),
            ("if x:\n  pass\nels:\n  pass", "else"),
            ("if x:\n  pass\nelseif y:\n  pass", "elif"),
            ("tri:\n  x\nexcept: y", "try"),
            ("x = lamda: 1", "lambda"),
            ("asynch def f(): pass", "async"),
            ("[x fo x in y]", "for"),
            ("f(a iff b else c)", "if"),
            ("x is nto y", "not"),
            ("import a sa b", "as"),
            ("a = 1\nif a:\n    b\nfur i in a:\n    b", "for"),
        ] {
            assert_eq!(suggestion(source), Some(keyword), "{source:?}");
        }
        for source in ["pritn a", "a b c", "a = Tru e", "del x, y z", "a b = 1", "non local x", "xx yy", "match x\n"] {
            assert_eq!(suggestion(source), None, "{source:?}");
        }
    }

    #[test]
    fn the_compiler_has_a_say() {
        let source = "retur 5";
        let error = parse(&Bump::new(), source, Mode::Exec).expect_err("the source is wrong");
        assert!(keyword_suggestion(source, &error, |_| true).is_some());
        assert!(keyword_suggestion(source, &error, |code| code != "return 5").is_none());
    }
}
