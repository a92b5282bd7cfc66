//! An exception as text, the way CPython prints one that nobody caught.
//!
//! Everything that script code could spoil (a failing `__str__`, strange notes) is replaced by a fixed text: a
//! report never fails for that.

use super::color::{HIGHLIGHT, PLACE, RESET, TYPE};
use super::{color, frames, sources, suggest};
use crate::objects::class::type_attrs::module_of;
use crate::objects::exceptions::{field, group};
use crate::vm::exception::Exception;
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

/// Members of a group that are shown.
const MOST_MEMBERS: usize = 15;
/// Groups within groups that are shown.
const MOST_DEPTH: usize = 10;
/// Exceptions of a chain that are shown.
const MOST_CHAINED: usize = 1000;

const CAUSE: &str = "\nThe above exception was the direct cause of the following exception:\n\n";
const CONTEXT: &str = "\nDuring handling of the above exception, another exception occurred:\n\n";

/// The whole report: traceback, chained exceptions, groups, notes.
///
/// # Errors
/// The interpreter is being stopped.
pub fn format_exception(vm: &mut Vm, e: &Value) -> R<String> {
    format_colored(vm, e, false)
}

/// [`format_exception`], with CPython's colours if they are wanted.
///
/// # Errors
/// The interpreter is being stopped.
pub fn format_colored(vm: &mut Vm, e: &Value, color: bool) -> R<String> {
    sources::forget_files(vm);
    let mut report = Report { out: String::new(), color, marks: true, depth: 0, need_close: false, seen: Vec::new() };
    report.chain(vm, e)?;
    Ok(report.out)
}

/// [`format_exception`] with the first source line of each level and without marks, as CPython prints what cannot be
/// raised anywhere.
///
/// # Errors
/// The interpreter is being stopped.
pub fn format_unmarked(vm: &mut Vm, e: &Value) -> R<String> {
    sources::forget_files(vm);
    let mut report =
        Report { out: String::new(), color: false, marks: false, depth: 0, need_close: false, seen: Vec::new() };
    report.one(vm, e)?;
    Ok(report.out)
}

/// The last lines alone: class, text, notes.
///
/// # Errors
/// The interpreter is being stopped.
pub fn format_exception_only(vm: &mut Vm, e: &Value) -> R<String> {
    Ok(only(vm, e, false)?.concat())
}

/// The levels of a traceback.
///
/// # Errors
/// None at present.
pub fn format_traceback(vm: &mut Vm, traceback: &Value) -> R<String> {
    sources::forget_files(vm);
    Ok(frames::format(vm, traceback, None).concat())
}

/// A report being written.
struct Report {
    out: String,
    color: bool,
    /// With marks under the source lines.
    marks: bool,
    /// How many groups deep.
    depth: usize,
    /// The frame around the innermost group is still open.
    need_close: bool,
    seen: Vec<u64>,
}

impl Report {
    fn indent(&self) -> String {
        " ".repeat(2 * self.depth)
    }

    /// Writes lines, inside the frame of the group if there is one.
    fn emit(&mut self, text: &str, margin: char) {
        if self.depth == 0 {
            self.out.push_str(text);
            return;
        }
        let indent = self.indent();
        for line in text.split_inclusive('\n') {
            self.out.push_str(&indent);
            self.out.push(margin);
            self.out.push(' ');
            self.out.push_str(line);
        }
    }

    /// An exception after the ones that led to it.
    fn chain(&mut self, vm: &mut Vm, e: &Value) -> R<()> {
        let mut parts = vec![(e.clone(), "")];
        let mut at = e.clone();
        while let Some(x) = at.cast::<Exception>() {
            self.seen.push(at.bits());
            let p = x.get(vm);
            let (next, text) = if !p.cause.is_none() {
                (p.cause.clone(), CAUSE)
            } else if !p.context.is_none() && !p.suppress_context {
                (p.context.clone(), CONTEXT)
            } else {
                break;
            };
            if self.seen.contains(&next.bits()) || parts.len() >= MOST_CHAINED {
                break;
            }
            parts.push((next.clone(), text));
            at = next;
        }
        for (e, link) in parts.iter().rev() {
            self.one(vm, e)?;
            if !link.is_empty() {
                self.emit(link, '|');
            }
        }
        Ok(())
    }

    fn one(&mut self, vm: &mut Vm, e: &Value) -> R<()> {
        let traceback = e.cast::<Exception>().map_or(Value::NONE, |x| x.get(vm).traceback.clone());
        match group::members(vm, e) {
            Some(members) if self.depth <= MOST_DEPTH => self.group(vm, e, &traceback, &members),
            Some(_) => {
                self.emit(&format!("... (max_group_depth is {MOST_DEPTH})\n"), '|');
                Ok(())
            }
            None => {
                if !traceback.is_none() {
                    self.emit("Traceback (most recent call last):\n", '|');
                    self.levels(vm, &traceback);
                }
                self.last_lines(vm, e)
            }
        }
    }

    fn levels(&mut self, vm: &mut Vm, traceback: &Value) {
        let limit = limit(vm);
        for level in frames::format(vm, traceback, limit) {
            let level = match (self.marks, self.color) {
                (false, _) => level.split_inclusive('\n').take(2).collect(),
                (true, true) => color::level(&level),
                (true, false) => level,
            };
            self.emit(&level, '|');
        }
    }

    fn last_lines(&mut self, vm: &mut Vm, e: &Value) -> R<()> {
        for line in only(vm, e, self.color)? {
            self.emit(&line, '|');
        }
        Ok(())
    }

    fn group(&mut self, vm: &mut Vm, e: &Value, traceback: &Value, members: &[Value]) -> R<()> {
        let top = self.depth == 0;
        if top {
            self.depth = 1;
        }
        if !traceback.is_none() {
            self.emit("Exception Group Traceback (most recent call last):\n", if top { '+' } else { '|' });
            self.levels(vm, traceback);
        }
        self.last_lines(vm, e)?;
        self.need_close = false;
        let shown = if members.len() <= MOST_MEMBERS { members.len() } else { MOST_MEMBERS + 1 };
        for (i, member) in members.iter().take(shown).enumerate() {
            let last = i + 1 == shown;
            if last {
                // A group that comes last closes the frame for all of them.
                self.need_close = true;
            }
            let cut = i >= MOST_MEMBERS;
            let title = if cut { "...".to_owned() } else { (i + 1).to_string() };
            let lead = if i == 0 { "+-" } else { "  " };
            let line = format!("{}{lead}+---------------- {title} ----------------\n", self.indent());
            self.out.push_str(&line);
            self.depth += 1;
            if cut {
                let more = members.len() - MOST_MEMBERS;
                self.emit(&format!("and {more} more exception{}\n", if more == 1 { "" } else { "s" }), '|');
            } else {
                vm.guarded(|vm| self.chain(vm, member))?;
            }
            if last && self.need_close {
                let line = format!("{}+------------------------------------\n", self.indent());
                self.out.push_str(&line);
                self.need_close = false;
            }
            self.depth -= 1;
        }
        if top {
            self.depth = 0;
        }
        Ok(())
    }
}

/// How many levels are wanted (`sys.tracebacklimit`): the last ones.
fn limit(vm: &mut Vm) -> Option<usize> {
    let limit = vm.loaded_attr("sys", "tracebacklimit").filter(|l| !l.is_none())?;
    vm.as_i64(&limit).map(|n| usize::try_from(n).unwrap_or(0))
}

/// Runs something that script code may spoil.
fn or_else(vm: &mut Vm, result: R<Ref<Str>>, otherwise: &str) -> R<String> {
    match result {
        Ok(s) => Ok(vm.str_of(s.value())),
        Err(e) if e.is_halt() => Err(e),
        Err(_) => Ok(otherwise.to_owned()),
    }
}

/// A piece of a line in its colour.
fn paint(wanted: bool, color: &str, text: &str) -> String {
    if wanted { format!("{color}{text}{RESET}") } else { text.to_owned() }
}

/// Class and text, notes.
fn only(vm: &mut Vm, e: &Value, color: bool) -> R<Vec<String>> {
    let class = vm.class_of(e).clone();
    let qualname = vm.str_of(class.get(vm).qualname.value());
    let name = match module_of(vm, &class) {
        m if m.is_a::<Str>() => match vm.str_of(&m).as_str() {
            "builtins" | "__main__" => qualname,
            module => format!("{module}.{qualname}"),
        },
        _ => format!("<unknown>.{qualname}"),
    };
    let mut out = Vec::new();
    if vm.is_instance(e, &vm.exc.SyntaxError) && e.is_a::<Exception>() {
        syntax_error(vm, e, &name, color, &mut out)?;
    } else {
        let result = vm.str(e);
        let mut text = or_else(vm, result, "<exception str() failed>")?;
        let hint = suggest::hint(vm, e);
        text.push_str(&hint);
        let name = paint(color, TYPE, &name);
        out.push(match text.as_str() {
            "" => format!("{name}\n"),
            text => format!("{name}: {}\n", paint(color, PLACE, text)),
        });
    }
    notes(vm, e, &mut out)?;
    Ok(out)
}

fn notes(vm: &mut Vm, e: &Value, out: &mut Vec<String>) -> R<()> {
    let attr = vm.names.__notes__.clone();
    let notes = match vm.get_attr_opt(e, &attr) {
        Ok(Some(n)) if !n.is_none() => n,
        Err(e) if e.is_halt() => return Err(e),
        Ok(_) => return Ok(()),
        Err(_) => {
            out.push("Ignored error getting __notes__\n".to_owned());
            return Ok(());
        }
    };
    let items = match (notes.cast::<List>(), notes.cast::<Tuple>()) {
        (Some(l), _) => l.get(vm).items.clone(),
        (_, Some(t)) => t.get(vm).items().to_vec(),
        _ => {
            let result = vm.repr(&notes);
            let text = or_else(vm, result, "<__notes__ repr() failed>")?;
            out.push(format!("{text}\n"));
            return Ok(());
        }
    };
    for note in items {
        let result = vm.str(&note);
        let text = or_else(vm, result, "<note str() failed>")?;
        out.extend(text.split('\n').map(|line| format!("{line}\n")));
    }
    Ok(())
}

/// File, line, text and marks of a syntax error.
fn syntax_error(vm: &mut Vm, e: &Value, name: &str, color: bool, out: &mut Vec<String>) -> R<()> {
    let Some(x) = e.cast::<Exception>().cloned() else { return Ok(()) };
    let [msg, filename, line, offset, text, end_line, end_offset] = [0, 1, 2, 3, 4, 5, 6].map(|at| field(vm, &x, at));
    let shown = |vm: &mut Vm, v: &Value| -> R<Option<String>> {
        if v.is_undef() || v.is_none() {
            return Ok(None);
        }
        let result = vm.str(v);
        or_else(vm, result, "<unprintable>").map(Some)
    };
    let file = shown(vm, &filename)?;
    let line_text = shown(vm, &line)?;
    let mut suffix = String::new();
    match (&line_text, &file) {
        (Some(l), f) => {
            let file = format!("\"{}\"", f.as_deref().unwrap_or("<string>"));
            out.push(format!("  File {}, line {}\n", paint(color, PLACE, &file), paint(color, PLACE, l)));
        }
        (None, Some(f)) => suffix = format!(" ({f})"),
        (None, None) => {}
    }
    if let (Some(_), Some(text)) = (&line_text, text.cast::<Str>()) {
        let text = text.get(vm).to_string_lossy().into_owned();
        let same_line = vm.as_i64(&line) == vm.as_i64(&end_line);
        let numbers = [&offset, &end_offset].map(|v| vm.as_i64(v));
        out.extend(syntax_marks(&text, numbers, same_line, color));
    }
    let msg = shown(vm, &msg)?.filter(|m| !m.is_empty());
    let msg = msg.as_deref().unwrap_or("<no detail available>");
    out.push(format!("{}: {}{suffix}\n", paint(color, TYPE, name), paint(color, PLACE, msg)));
    Ok(())
}

/// The line of a syntax error and the marks under it; `offset` and the end count characters from 1.
fn syntax_marks(text: &str, [offset, end]: [Option<i64>; 2], same_line: bool, color: bool) -> Vec<String> {
    let right = text.trim_end_matches('\n');
    let left = right.trim_start_matches([' ', '\n', '\u{c}']);
    let mut out = vec![format!("    {left}\n")];
    let Some(mut offset) = offset else { return out };
    let length = right.chars().count() as i64;
    let spaces = length - left.chars().count() as i64;
    let mut end = if same_line { end.filter(|e| *e != 0).unwrap_or(offset) } else { length.saturating_add(1) };
    let all = text.chars().count() as i64;
    if offset > all.saturating_add(1) {
        offset = all.saturating_add(1);
    }
    end = end.min(all.saturating_add(2));
    if offset >= end || end < 0 {
        end = offset.saturating_add(1);
    }
    let (from, to) = (offset - 1 - spaces, end - 1 - spaces);
    if from >= 0 {
        // Tabs keep the marks in line.
        let space: String = left.chars().take(from as usize).map(|c| if c.is_whitespace() { c } else { ' ' }).collect();
        let space = format!("{space}{}", " ".repeat((from as usize).saturating_sub(space.chars().count())));
        let width = (to - from).max(1) as usize;
        out.push(format!("    {space}{}\n", paint(color, HIGHLIGHT, &"^".repeat(width))));
        if color {
            let part = |from: usize, n: usize| left.chars().skip(from).take(n).collect::<String>();
            let (from, to) = (from as usize, from as usize + width);
            let marked = format!("{HIGHLIGHT}{}{RESET}", part(from, width));
            out[0] = format!("    {}{marked}{}\n", part(0, from), part(to, usize::MAX));
        }
    }
    out
}
