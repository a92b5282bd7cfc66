//! Colours of tracebacks, and when to use them: both are CPython's.
//!
//! Not here: exceptions' last lines and headings (`traceback`), the path through tasks (`awaits`).

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

/// Ends a colour.
pub const RESET: &str = "\x1b[0m";
/// File names, line numbers, frames, messages.
pub const PLACE: &str = "\x1b[35m";
/// Names of exceptions.
pub const TYPE: &str = "\x1b[1;35m";
const RANGE: &str = "\x1b[31m";
/// What failed.
pub const HIGHLIGHT: &str = "\x1b[1;31m";

/// One level of a traceback with colours: what CPython colours, in its colours.
///
/// It works on the text, so that the text itself is made in one place.
pub fn level(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out = String::with_capacity(text.len() * 2);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if at > 0 {
            out.push('\n');
        }
        // Only the first line is a place; what follows are lines of source, which may look like one.
        if at == 0 {
            out.push_str(&place(line));
            at += 1;
            continue;
        }
        let marks = lines.get(at + 1).filter(|l| is_marks(l));
        match marks {
            Some(marks) => {
                out.push_str(&format!("{}\n{}", under(line, marks, false), under(marks, marks, true)));
                at += 2;
            }
            None => {
                out.push_str(line);
                at += 1;
            }
        }
    }
    out
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

/// `  File "…", line …, in …`; other lines as they are.
fn place(line: &str) -> String {
    let found = line.strip_prefix("  File \"").and_then(|rest| rest.rsplit_once("\", line "));
    let Some((file, rest)) = found else { return line.to_owned() };
    let (number, frame) = rest.split_once(", in ").map_or((rest, None), |(n, f)| (n, Some(f)));
    let frame = frame.map_or_else(String::new, |f| format!(", in {PLACE}{f}{RESET}"));
    format!("  File {PLACE}\"{file}\"{RESET}, line {PLACE}{number}{RESET}{frame}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_coloured_as_cpython_does() {
        let wanted = "  File \x1b[35m\"a.py\"\x1b[0m, line \x1b[35m3\x1b[0m, in \x1b[35mf\x1b[0m\n    \
                      \x1b[31mx \x1b[0m\x1b[1;31m+\x1b[0m\x1b[31m 1\x1b[0m\n    \
                      \x1b[31m~~\x1b[0m\x1b[1;31m^\x1b[0m\x1b[31m~~\x1b[0m\n";
        assert_eq!(level("  File \"a.py\", line 3, in f\n    x + 1\n    ~~^~~\n"), wanted);
        // A source line that looks like a place is none.
        let text = "  File \"a\", line 1, in f\n      File \"b\", line 2, in g\n";
        assert_eq!(level(text).matches(PLACE).count(), 3);
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
