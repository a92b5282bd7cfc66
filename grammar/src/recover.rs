//! Further errors of a text that was refused.
//!
//! The statement that was refused is overwritten with one that cannot fail, of the same length, and the text is checked
//! again, by the parser and by what the caller checks besides. That is slow and only done for texts that are wrong, and it
//! keeps every offset and line number true.
//! Invariant: an error that may only be a consequence of an earlier one ends the search.

use crate::ast::Span;
use crate::error::{ErrorKind, SyntaxError};
use crate::lexer::{Kind, Token, lex};

/// Longer texts are not read again.
const LONGEST: usize = 4 << 20;

/// The errors of `source`, of which `first` is the one that CPython reports; at most `most` of them, the others in the
/// order of the text. `check` says what is wrong with a text.
pub fn further_errors(
    source: &str,
    first: SyntaxError,
    most: usize,
    mut check: impl FnMut(&str) -> Result<(), SyntaxError>,
) -> Vec<SyntaxError> {
    let mut last = first.clone();
    let mut errors = vec![first];
    if source.len() > LONGEST {
        return errors;
    }
    let mut text = source.to_owned();
    let mut mended: Vec<Span> = Vec::new();
    while errors.len() < most
        && let Some((span, patch)) = mend(&text, &last)
    {
        overwrite(&mut text, span, patch);
        mended.push(span);
        match check(&text) {
            Ok(()) => break,
            Err(next) => {
                let at = next.span.start;
                let consequence = mended.iter().any(|m| m.start <= at && at <= m.end)
                    || is_consequence(&next)
                    || errors.iter().any(|e| e.span.start == at);
                if consequence {
                    break;
                }
                // A name that is missed may be one that was overwritten: what follows it says more.
                if !next.message.starts_with("no binding for nonlocal") {
                    errors.push(next.clone());
                }
                last = next;
            }
        }
    }
    if let Some(others) = errors.get_mut(1..) {
        others.sort_by_key(|e| e.span.start);
    }
    errors
}

/// Whether an error behind a mended one says nothing by itself: what it misses may have been overwritten.
fn is_consequence(error: &SyntaxError) -> bool {
    error.kind != ErrorKind::Syntax && error.message.starts_with("unindent")
        || error.message.starts_with("unmatched '")
        || error.message.contains("__future__")
}

/// Overwrites a statement; line breaks stay, so that lines keep their numbers.
fn overwrite(text: &mut String, span: Span, patch: &str) {
    let (start, end) = (span.start as usize, (span.end as usize).min(text.len()));
    let mut bytes = std::mem::take(text).into_bytes();
    let mut patch = patch.bytes();
    for byte in bytes.get_mut(start..end).into_iter().flatten() {
        if !matches!(*byte, b'\n' | b'\r') {
            *byte = patch.next().unwrap_or(b' ');
        }
    }
    // Whole characters were overwritten with ASCII, so this holds.
    *text = String::from_utf8(bytes).unwrap_or_default();
}

/// What to overwrite for the rest to make sense, and with what.
fn mend(text: &str, error: &SyntaxError) -> Option<(Span, &'static str)> {
    if error.message.starts_with("unterminated triple-quoted") || error.message.starts_with("expected 'except'") {
        return None;
    }
    let lexed = lex(text, Kind::StartExec);
    let tokens = &lexed.tokens[..];
    if let Some(line) = error.message.strip_prefix("expected an indented block after ") {
        return without_block(text, tokens, line, error.span.start);
    }
    let (start, end) = statement(text, tokens, error.span.start)?;
    let mut span = Span::new(start as u32, end as u32);
    if error.kind == ErrorKind::Indentation || error.kind == ErrorKind::Tab {
        // The lines that stand as far in belong to it.
        let depth = indentation(text, line_start(text, start));
        let mut at = end;
        while let Some(next) = next_line(text, at) {
            let blank = text[next..].lines().next().is_none_or(|l| l.trim().is_empty());
            if !blank && indentation(text, next) < depth {
                break;
            }
            at = line_end(text, next);
        }
        span.end = at as u32;
        return Some((span, ""));
    }
    let words = text.get(start..end)?;
    let patch = if opens_block(text, words, start, end) { header(words)? } else { "0" };
    let room = words.split(['\n', '\r']).next().unwrap_or("").len();
    (patch.len() <= room).then_some((span, patch))
}

/// The statement whose block is missing, which the message names by its line, or nothing when more belongs to it.
fn without_block(text: &str, tokens: &[Token], what: &str, at: u32) -> Option<(Span, &'static str)> {
    let next = tokens.iter().find(|t| t.span.start >= at && !is_layout(t.kind));
    let continues = |t: &Token| matches!(t.kind, Kind::Elif | Kind::Else | Kind::Except | Kind::Finally | Kind::Case);
    if next.is_some_and(continues) || what.starts_with("'try'") || what.starts_with("'match'") {
        return None;
    }
    let number: usize = what.rsplit_once("line ")?.1.parse().ok()?;
    let start: usize = text.split_inclusive('\n').take(number.checked_sub(1)?).map(str::len).sum();
    let first = start + indentation(text, start);
    let (start, end) = statement(text, tokens, first as u32)?;
    Some((Span::new(start as u32, end as u32), ""))
}

fn is_layout(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Newline
            | Kind::Indent
            | Kind::Dedent
            | Kind::EndMarker
            | Kind::EndInBrackets
            | Kind::StartExec
            | Kind::StartEval
            | Kind::StartSingle
    )
}

/// Where the logical line of an offset begins and ends.
fn statement(text: &str, tokens: &[Token], at: u32) -> Option<(usize, usize)> {
    let mut first = None;
    let mut fresh = true;
    for t in tokens {
        if t.span.start > at && first.is_some() {
            break;
        }
        if is_layout(t.kind) {
            fresh |= t.kind != Kind::EndInBrackets;
        } else if std::mem::take(&mut fresh) {
            first = Some(t.span.start as usize);
        }
    }
    // The place itself may be white space before the statement.
    let own = line_start(text, at as usize);
    let own = own + indentation(text, own);
    let start = first.filter(|f| *f <= own.max(at as usize)).unwrap_or(own);
    let broken = tokens.last().is_some_and(|t| matches!(t.kind, Kind::Error | Kind::EndInBrackets));
    let end = tokens.iter().find(|t| t.kind == Kind::Newline && t.span.start >= at && t.span.start as usize > start);
    let end = match end {
        Some(newline) => newline.span.start as usize,
        None if broken => resume(text, start, at as usize, tokens)?,
        None => text.len(),
    };
    (start < end).then_some((start, end))
}

/// Where a statement ends that the lexer did not come through: before the next line that begins one for certain.
fn resume(text: &str, start: usize, at: usize, tokens: &[Token]) -> Option<usize> {
    let open = tokens.iter().fold(0i32, |n, t| match t.kind {
        Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::WithParen if t.span.start as usize >= start => n + 1,
        Kind::RParen | Kind::RBracket | Kind::RBrace if t.span.start as usize >= start => n - 1,
        _ => n,
    });
    let failed = tokens.last().is_some_and(|t| t.kind == Kind::Error);
    if failed && open <= 0 {
        return Some(line_end(text, at));
    }
    let depth = indentation(text, line_start(text, start));
    let mut from = start;
    while let Some(next) = next_line(text, from) {
        let inside = indentation(text, next);
        let line = text.get(next + inside..line_end(text, next)).unwrap_or("");
        if inside <= depth && begins_statement(line) {
            return Some(next.saturating_sub(1));
        }
        from = next;
    }
    None
}

/// Whether a line cannot be the inside of brackets.
fn begins_statement(line: &str) -> bool {
    const WORDS: [&str; 15] = [
        "def ",
        "class ",
        "import ",
        "while ",
        "with ",
        "try:",
        "return ",
        "raise ",
        "del ",
        "pass",
        "break",
        "continue",
        "assert ",
        "global ",
        "nonlocal ",
    ];
    WORDS.iter().any(|w| line.starts_with(w)) || line.starts_with("from ") && line.contains(" import ")
}

fn opens_block(text: &str, words: &str, start: usize, end: usize) -> bool {
    let code = words.split('#').next().unwrap_or("");
    let depth = indentation(text, line_start(text, start));
    let mut at = end;
    while let Some(next) = next_line(text, at) {
        let line = text.get(next..line_end(text, next)).unwrap_or("");
        if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            return indentation(text, next) > depth;
        }
        at = next;
    }
    code.trim_end().ends_with(':')
}

/// A beginning of a block that cannot fail, and after which the same may follow.
fn header(words: &str) -> Option<&'static str> {
    let starts = |word: &str| words.starts_with(word);
    // The shortest that opens a block: it has to fit.
    Some(if starts("try") {
        "try:"
    } else if starts("elif") {
        "elif 0:"
    } else if starts("else") {
        "else:"
    } else if starts("except") {
        "except 0:"
    } else if starts("finally") {
        "finally:"
    } else if starts("async def") {
        "async def f():"
    } else if starts("def") {
        // Not another block: what may only stand inside of a function, or of a loop, stays right.
        "def f():"
    } else if starts("for") || starts("while") || starts("async for") {
        "while 0:"
    } else if starts("match") || starts("case") {
        return None;
    } else {
        "if 0:"
    })
}

fn line_start(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    memchr::memrchr2(b'\n', b'\r', bytes.get(..at.min(bytes.len())).unwrap_or(&[])).map_or(0, |i| i + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    memchr::memchr2(b'\n', b'\r', bytes.get(at..).unwrap_or(&[])).map_or(bytes.len(), |i| at + i)
}

/// Where the line after that of an offset begins.
fn next_line(text: &str, at: usize) -> Option<usize> {
    let end = line_end(text, at);
    let rest = text.get(end..)?;
    let skip = if rest.starts_with("\r\n") { 2 } else { 1 };
    (!rest.is_empty()).then_some(end + skip)
}

fn indentation(text: &str, line: usize) -> usize {
    text.as_bytes().get(line..).unwrap_or(&[]).iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\x0c')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Mode, parse};
    use bumpalo::Bump;

    fn check(source: &str) -> Result<(), SyntaxError> {
        parse(&Bump::new(), source, Mode::Exec).map(drop)
    }

    fn messages(source: &str) -> Vec<String> {
        match check(source) {
            Ok(()) => Vec::new(),
            Err(e) => further_errors(source, e, 10, check).into_iter().map(|e| e.message).collect(),
        }
    }

    #[test]
    fn errors_of_different_statements_are_found_together() {
        let source = "x = = 1\ny = 2 2\nw = 1 +\ndef g():\n    pass\nz = 3 3\n";
        assert_eq!(messages(source).len(), 4, "{:?}", messages(source));
        assert_eq!(messages("if x:\n    y = 1 1\nelse:\n    z = 2 2\n").len(), 2);
    }

    #[test]
    fn what_follows_from_an_error_is_not_reported() {
        assert_eq!(messages("x = 1\n    y = 2\n    z = 3\nw = 4\n"), ["unexpected indent"]);
        assert_eq!(messages("try:\n    x\ny = 1 1\n"), ["expected 'except' or 'finally' block"]);
        assert_eq!(messages("x = '''abc\ny = 1 1\n").len(), 1);
        assert_eq!(messages("if x:\ny = 1\nz = 1\n").len(), 1);
        assert_eq!(messages("class = 3\nclass C:\n    x = 1\n").len(), 1);
    }
}
