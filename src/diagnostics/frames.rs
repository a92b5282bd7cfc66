//! The levels of a traceback, each with its source lines.

use super::{anchors, sources};
use crate::compiler::code::Position;
use crate::objects::exceptions::traceback::line_of;
use crate::text::unicode::columns;
use crate::vm::exception::Traceback;
use crate::vm::{Value, Vm};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One level.
struct Level {
    filename: Arc<str>,
    name: Arc<str>,
    line: Option<u32>,
    position: Position,
}

/// This many equal levels in a row are shown; the rest is counted.
const REPEATED: usize = 3;

/// The levels as text, one string each, line breaks included; only the last ones if there is a limit.
pub fn format(vm: &mut Vm, traceback: &Value, limit: Option<usize>) -> Vec<String> {
    let mut levels = Vec::new();
    let mut at = traceback.clone();
    while let Some(tb) = at.cast::<Traceback>() {
        let t = tb.get(vm);
        let code = t.code.get(vm).code.clone();
        let mut position = code.positions.at(t.pc);
        let line = line_of(vm, tb);
        if line != Some(position.line) {
            // A line that a script set belongs to no instruction.
            position = Position { line: line.unwrap_or(0), end_line: line.unwrap_or(0), col: 0, end_col: 0 };
        }
        levels.push(Level { filename: code.filename.clone(), name: code.name.clone(), line, position });
        let next = tb.get(vm).next.clone();
        at = next;
    }
    if let Some(limit) = limit {
        levels.drain(..levels.len().saturating_sub(limit));
    }
    let mut out = Vec::new();
    let mut run = 0usize;
    for (i, level) in levels.iter().enumerate() {
        let same = i > 0 && {
            let before = &levels[i - 1];
            before.filename == level.filename && before.line == level.line && before.name == level.name
        };
        if same {
            run += 1;
        } else {
            push_repeated(&mut out, run);
            run = 1;
        }
        if run <= REPEATED {
            out.push(one(vm, level));
        }
    }
    push_repeated(&mut out, run);
    out
}

fn push_repeated(out: &mut Vec<String>, run: usize) {
    if run > REPEATED {
        let more = run - REPEATED;
        out.push(format!("  [Previous line repeated {more} more time{}]\n", if more == 1 { "" } else { "s" }));
    }
}

fn one(vm: &mut Vm, level: &Level) -> String {
    let line = level.line.map_or_else(|| "None".to_owned(), |n| n.to_string());
    let mut out = format!("  File \"{}\", line {line}, in {}\n", level.filename, level.name);
    let p = &level.position;
    let Some(first) = level.line else { return out };
    let last = p.end_line.max(first);
    // Instructions over very many lines are shown by their first line only.
    let last = if last - first > 500 { first } else { last };
    let mut lines = Vec::new();
    for n in first..=last {
        let text = sources::line(vm, &level.filename, n).unwrap_or_default();
        lines.push(text.trim_end().to_owned());
    }
    if lines.iter().all(String::is_empty) {
        return out;
    }
    let known = p.end_line >= p.line && (p.end_line > p.line || p.end_col > p.col) && last == p.end_line;
    if known {
        out.push_str(&marked(&lines, p));
    } else {
        out.push_str(&format!("    {}\n", lines[0].trim_start()));
    }
    out
}

/// The white space that all lines but the empty ones begin with.
fn common_indent(lines: &[String]) -> usize {
    let mut common: Option<&str> = None;
    for line in lines.iter().filter(|l| !l.trim().is_empty()) {
        let indent = &line[..line.len() - line.trim_start().len()];
        common = Some(match common {
            None => indent,
            Some(c) => {
                let n = c.bytes().zip(indent.bytes()).take_while(|(a, b)| a == b).count();
                &c[..n]
            }
        });
    }
    common.map_or(0, str::len)
}

fn chars_before(line: &str, bytes: usize) -> usize {
    line.char_indices().take_while(|(i, _)| *i < bytes).count()
}

/// Columns on the screen of the first `n` characters.
fn width(line: &str, n: usize) -> usize {
    line.chars().take(n).map(|c| columns(u32::from(c))).sum()
}

fn slice_chars(line: &str, from: usize, to: usize) -> String {
    line.chars().skip(from).take(to.saturating_sub(from)).collect()
}

/// The lines of an instruction with marks under them.
fn marked(original: &[String], p: &Position) -> String {
    let indent = common_indent(original);
    let lines: Vec<&str> = original.iter().map(|l| l.get(indent..).unwrap_or("")).collect();
    let n = lines.len();
    let Some((first, last)) = lines.first().zip(lines.last()) else { return String::new() };
    let dedent = original[0].chars().count() - first.chars().count();
    let start = chars_before(&original[0], p.col as usize).saturating_sub(dedent);
    let end = chars_before(&original[n - 1], p.end_col as usize).saturating_sub(dedent);
    let segment = if n == 1 {
        slice_chars(first, start, end)
    } else {
        let mut parts = vec![slice_chars(first, start, usize::MAX)];
        parts.extend(lines[1..n - 1].iter().map(|l| (*l).to_owned()));
        parts.push(slice_chars(last, 0, end));
        parts.join("\n")
    };
    let found = anchors::extract(&segment);
    let others = !slice_chars(first, 0, start).trim_start().is_empty()
        || !slice_chars(last, end, usize::MAX).trim_end().is_empty();
    let show = !anchors::is_whole_call(&lines, start, end) && (found.is_some() || others);
    let marks = Marks::new(&lines, start, end, found);
    let mut shown: BTreeSet<usize> = [0, n - 1].into();
    if let Some(a) = found {
        for line in [a.left.0, a.right.0] {
            shown.extend(line.saturating_sub(1)..(line + 2).min(n));
        }
    }
    let mut out = String::new();
    let mut before: Option<usize> = None;
    for &line in &shown {
        match before.map(|b| line - b) {
            Some(2) => marks.push(&mut out, line - 1, show),
            Some(gap) if gap > 2 => out.push_str(&format!("    ...<{} lines>...\n", gap - 1)),
            _ => {}
        }
        marks.push(&mut out, line, show);
        before = Some(line);
    }
    out
}

/// What is needed to mark a line. Columns are those of the screen.
struct Marks<'a> {
    lines: &'a [&'a str],
    start: usize,
    end: usize,
    left: (usize, usize),
    right: (usize, usize),
    anchored: bool,
}

impl<'a> Marks<'a> {
    fn new(lines: &'a [&'a str], start: usize, end: usize, anchors: Option<anchors::Anchors>) -> Marks<'a> {
        let last = lines.len().saturating_sub(1);
        let line = |n: usize| lines.get(n).copied().unwrap_or("");
        // The segment's first line begins where the instruction does.
        let on_screen = |(n, column): (usize, usize)| {
            let column = if n == 0 { column + start } else { column };
            (n, width(line(n), column))
        };
        Marks {
            lines,
            start: width(line(0), start),
            end: width(line(last), end),
            left: anchors.map_or((0, 0), |a| on_screen(a.left)),
            right: anchors.map_or((0, 0), |a| on_screen(a.right)),
            anchored: anchors.is_some(),
        }
    }

    fn push(&self, out: &mut String, n: usize, show: bool) {
        let line = self.lines.get(n).copied().unwrap_or("");
        out.push_str("    ");
        out.push_str(line);
        out.push('\n');
        if !show {
            return;
        }
        let spaces = line.chars().take_while(|c| c.is_whitespace()).count();
        let end = if n + 1 == self.lines.len() { self.end } else { width(line, usize::MAX) };
        out.push_str("    ");
        for column in 0..end {
            let mark = if column < spaces || (n == 0 && column < self.start) {
                ' '
            } else if !self.anchored || ((n, column) >= self.left && (n, column) < self.right) {
                '^'
            } else {
                '~'
            };
            out.push(mark);
        }
        out.push('\n');
    }
}
