//! Colours of tracebacks, and when to use them: both are CPython's.

/// Whether to use colours on a stream. The variables are asked in CPython's order: `PYTHON_COLORS`, `NO_COLOR`,
/// `FORCE_COLOR`, `TERM`.
pub fn wanted(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match variable("PYTHON_COLORS").as_deref() {
        Some("0") => return false,
        Some("1") => return true,
        _ => {}
    }
    let set = |name: &str| variable(name).is_some_and(|v| !v.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    if set("FORCE_COLOR") {
        return true;
    }
    terminal && variable("TERM").is_none_or(|t| t != "dumb")
}

const RESET: &str = "\x1b[0m";
/// File names, line numbers, frames, messages.
const PLACE: &str = "\x1b[35m";
const TYPE: &str = "\x1b[1;35m";
const RANGE: &str = "\x1b[31m";
const HIGHLIGHT: &str = "\x1b[1;31m";

/// A traceback with colours: what CPython colours, in its colours.
///
/// It works on the text, so that the text itself is made in one place. A line that only looks like a part of a
/// traceback, as a message of several lines may, is coloured like one.
pub fn traceback(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if at > 0 {
            out.push('\n');
        }
        let (margin, line) = without_margin(line);
        out.push_str(margin);
        let marks = lines.get(at + 1).map(|l| without_margin(l).1).filter(|l| is_marks(l));
        if let Some(marks) = marks
            && line.starts_with("    ")
        {
            out.push_str(&under(line, marks, false));
            out.push('\n');
            out.push_str(margin);
            out.push_str(&under(marks, marks, true));
            at += 2;
            continue;
        }
        out.push_str(&one(line));
        at += 1;
    }
    out
}

/// The frame that is drawn around the members of a group, and the rest of a line.
fn without_margin(line: &str) -> (&str, &str) {
    let bars = line.trim_start();
    match bars.strip_prefix("| ") {
        Some(rest) => line.split_at(line.len() - rest.len()),
        None => ("", line),
    }
}

fn is_marks(line: &str) -> bool {
    line.starts_with("    ") && line.contains(['^', '~']) && line.chars().all(|c| matches!(c, ' ' | '\t' | '^' | '~'))
}

/// A line with the colours of the marks that stand under it.
fn under(line: &str, marks: &str, exact: bool) -> String {
    let marks: Vec<char> = marks.chars().collect();
    let (mut out, mut column, mut current) = (String::new(), 0, "");
    for c in line.chars() {
        let color = match marks.get(column) {
            Some('^') => HIGHLIGHT,
            Some('~') => RANGE,
            _ => "",
        };
        if color != current {
            if !current.is_empty() {
                out.push_str(RESET);
            }
            out.push_str(color);
            current = color;
        }
        out.push(c);
        column += if exact { 1 } else { crate::text::unicode::columns(u32::from(c)) };
    }
    if !current.is_empty() {
        out.push_str(RESET);
    }
    out
}

/// Colours a line that has no marks.
fn one(line: &str) -> String {
    if let Some(rest) = line.trim_start().strip_prefix("File \"")
        && let Some((file, rest)) = rest.rsplit_once("\", line ")
        && line.starts_with("  ")
    {
        let indent = &line[..line.len() - line.trim_start().len()];
        let (number, frame) = rest.split_once(", in ").map_or((rest, None), |(n, f)| (n, Some(f)));
        let frame = frame.map_or_else(String::new, |f| format!(", in {PLACE}{f}{RESET}"));
        return format!("{indent}File {PLACE}\"{file}\"{RESET}, line {PLACE}{number}{RESET}{frame}");
    }
    let name_end =
        line.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '<' | '>'))).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let is_type = name.chars().next().is_some_and(char::is_alphabetic) && (rest.is_empty() || rest.starts_with(": "));
    if is_type {
        return match rest.strip_prefix(": ") {
            Some(message) => format!("{TYPE}{name}{RESET}: {PLACE}{message}{RESET}"),
            None => format!("{TYPE}{name}{RESET}"),
        };
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceback_is_coloured_as_cpython_does() {
        let text =
            "Traceback (most recent call last):\n  File \"a.py\", line 3, in f\n    x + 1\n    ~~^~~\nTypeError: no\n";
        let wanted = "Traceback (most recent call last):\n  File \x1b[35m\"a.py\"\x1b[0m, line \x1b[35m3\x1b[0m, in \
                      \x1b[35mf\x1b[0m\n    \x1b[31mx \x1b[0m\x1b[1;31m+\x1b[0m\x1b[31m 1\x1b[0m\n    \
                      \x1b[31m~~\x1b[0m\x1b[1;31m^\x1b[0m\x1b[31m~~\x1b[0m\n\x1b[1;35mTypeError\x1b[0m: \x1b[35mno\x1b[0m\n";
        assert_eq!(traceback(text), wanted);
    }

    #[test]
    fn variables_are_asked_in_order() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_owned())
        };
        assert!(wanted(true, with(&[])));
        assert!(!wanted(false, with(&[])));
        assert!(!wanted(true, with(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")])));
        assert!(wanted(false, with(&[("FORCE_COLOR", "1"), ("TERM", "dumb")])));
        assert!(wanted(false, with(&[("PYTHON_COLORS", "1"), ("NO_COLOR", "1")])));
        assert!(!wanted(true, with(&[("TERM", "dumb")])));
    }
}
