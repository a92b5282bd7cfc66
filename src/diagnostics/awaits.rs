//! The path of awaits through tasks, told below the traceback of an exception that went from one task to another: who
//! awaited whom, where, and where each task was created.
//!
//! It is read off the traceback: its levels tell the lines, and `event_loop::origin` marks where a task begins. An
//! exception that stayed in one task has no such path.

use super::color::{PLACE, RESET, TYPE};
use super::sources;
use crate::compiler::opcodes::Op;
use crate::event_loop::origin::{self, Origin};
use crate::objects::exceptions::group;
use crate::vm::exception::{Exception, Traceback};
use crate::vm::function::CodeObject;
use crate::vm::object::Ref;
use crate::vm::{Value, Vm};

/// Longer paths lose their middle.
const MOST_STEPS: usize = 20;
/// Members of a group that are told.
const MOST_MEMBERS: usize = 15;
/// Groups within groups that are told, and exceptions of a chain.
const MOST_DEPTH: usize = 10;
/// Characters of a source line that are quoted.
const MOST_QUOTED: usize = 72;

/// A line of code in the path.
struct Place {
    file: String,
    line: u32,
    function: String,
    source: String,
    /// It awaits; otherwise it took a result, or raised.
    awaits: bool,
}

/// The levels of a traceback that belong to one task, or to code outside of tasks.
struct Part {
    task: Option<Origin>,
    /// The innermost level that is not the library's, if there is one.
    place: Option<Place>,
}

/// One line of the story.
enum Step {
    Task { depth: usize, name: String, what: String, made: Option<Place> },
    Event { depth: usize, text: &'static str, subject: String, place: Option<Place> },
}

/// The path, or nothing for an exception that stayed in one task.
pub fn describe(vm: &mut Vm, e: &Value, color: bool) -> Option<String> {
    let mut story = Story { steps: Vec::new(), seen: Vec::new(), tasks: 0 };
    story.tell(vm, e, 0, None);
    if story.tasks < 2 {
        return None;
    }
    let mut out = "Path of awaits through tasks (most recent last):\n".to_owned();
    let n = story.steps.len();
    for (i, step) in story.steps.iter().enumerate() {
        if n > MOST_STEPS && i >= MOST_STEPS / 2 && i < n - MOST_STEPS / 2 {
            if i == MOST_STEPS / 2 {
                out.push_str(&format!("  ... {} more lines ...\n", n - MOST_STEPS / 2 * 2));
            }
            continue;
        }
        step.write(&mut out, color);
    }
    Some(out)
}

struct Story {
    steps: Vec<Step>,
    seen: Vec<u64>,
    tasks: usize,
}

impl Story {
    /// Tells of one exception, then of the one that it came from. `handler` is how the one before came from it.
    fn tell(&mut self, vm: &mut Vm, e: &Value, depth: usize, handler: Option<&'static str>) {
        let Some(x) = e.cast::<Exception>().cloned() else { return };
        if self.seen.contains(&e.bits()) || self.seen.len() > MOST_DEPTH * MOST_MEMBERS {
            return;
        }
        self.seen.push(e.bits());
        let members: Vec<Value> = group::members(vm, e).unwrap_or_default();
        let traceback = x.get(vm).traceback.clone();
        let parts = parts(vm, &traceback);
        let kind = vm.class_name(e);
        let crossed = parts.iter().any(|p| p.task.is_some());
        // An exception that was handled where it was raised says nothing about tasks.
        if crossed {
            let group = self.has_tasks(vm, &members);
            let end = match kind.as_str() {
                _ if group => ("waited for", "a group of tasks".to_owned()),
                "CancelledError" => ("was cancelled", String::new()),
                _ => ("raised", kind.clone()),
            };
            self.parts(vm, parts, depth, &kind, handler, end);
        }
        if depth < MOST_DEPTH {
            for member in members.iter().take(MOST_MEMBERS) {
                self.tell(vm, member, depth + usize::from(crossed) * 2, None);
            }
        }
        let x = x.get(vm);
        let (next, how) = if !x.cause.is_none() {
            (x.cause.clone(), "because of")
        } else if !x.suppress_context {
            (x.context.clone(), "while handling")
        } else {
            return;
        };
        vm.guarded(|vm| {
            self.tell(vm, &next, depth, Some(how).filter(|_| crossed));
            Ok(())
        })
        .unwrap_or(());
    }

    /// Tells of the parts of one exception's traceback; `end` is what happened in the last.
    fn parts(
        &mut self,
        vm: &mut Vm,
        parts: Vec<Part>,
        depth: usize,
        kind: &str,
        handler: Option<&'static str>,
        end: (&'static str, String),
    ) {
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            let next = parts.peek().and_then(|p| p.task.as_ref()).map(|t| t.name.clone());
            let outside = part.task.is_none();
            if let Some(task) = part.task {
                self.tasks += 1;
                let what = match task.coroutine.as_str() {
                    "" => String::new(),
                    "<module>" => "top-level code".to_owned(),
                    name => format!("{name}()"),
                };
                let made = task.made.and_then(|(code, pc)| place(vm, &code, pc, None));
                self.steps.push(Step::Task { depth, name: task.name, what, made });
            }
            let (text, subject) = match (next, handler, &part.place) {
                (Some(task), Some(how), _) if outside => (how, format!("{kind} of {task}")),
                // Code outside of tasks runs the loop.
                (Some(_), None, _) if outside => continue,
                (Some(task), _, Some(p)) if p.awaits => ("awaited", task),
                (Some(task), ..) => ("took the result of", task),
                (None, ..) => end.clone(),
            };
            self.steps.push(Step::Event { depth: depth + 1, text, subject, place: part.place });
        }
    }

    /// Whether members of a group ended tasks.
    fn has_tasks(&self, vm: &Vm, members: &[Value]) -> bool {
        members.iter().any(|m| {
            let tb = m.cast::<Exception>().and_then(|x| x.get(vm).traceback.cast::<Traceback>().cloned());
            tb.is_some_and(|tb| origin::of(vm, &tb).is_some())
        })
    }
}

/// Divides a traceback where tasks begin.
fn parts(vm: &mut Vm, traceback: &Value) -> Vec<Part> {
    let mut parts: Vec<(Option<Origin>, Vec<Ref<Traceback>>)> = Vec::new();
    let mut at = traceback.clone();
    while let Some(tb) = at.cast::<Traceback>().cloned() {
        let task = origin::of(vm, &tb);
        if task.is_some() || parts.is_empty() {
            parts.push((task, Vec::new()));
        }
        if let Some((_, levels)) = parts.last_mut() {
            levels.push(tb.clone());
        }
        at = tb.get(vm).next.clone();
    }
    let mut out = Vec::with_capacity(parts.len());
    for (task, levels) in parts {
        let own = levels.iter().rfind(|tb| !origin::is_library(vm, &tb.get(vm).code)).or(levels.last()).cloned();
        let place = own.and_then(|tb| {
            let t = tb.get(vm);
            let (code, pc) = (t.code.clone(), t.pc);
            let line = crate::objects::exceptions::traceback::line_of(vm, &tb);
            place(vm, &code, pc, line)
        });
        out.push(Part { task, place });
    }
    out
}

/// What stands at an instruction.
fn place(vm: &mut Vm, code: &Ref<CodeObject>, pc: u32, line: Option<u32>) -> Option<Place> {
    let code = code.get(vm).code.clone();
    let line = line.unwrap_or_else(|| code.positions.at(pc).line);
    let op = code.instrs.get(pc as usize).and_then(|i| i.op());
    let source = sources::line(vm, &code.filename, line).unwrap_or_default();
    let mut source = source.trim().to_owned();
    if source.chars().count() > MOST_QUOTED {
        source = source.chars().take(MOST_QUOTED - 3).chain("...".chars()).collect();
    }
    Some(Place {
        file: short(&code.filename),
        line,
        function: code.name.to_string(),
        source,
        awaits: matches!(op, Some(Op::Await)),
    })
}

/// A path as seen from the current folder.
fn short(filename: &str) -> String {
    let here = std::env::current_dir().ok();
    let below =
        here.and_then(|h| std::path::Path::new(filename).strip_prefix(h).ok().map(std::path::Path::to_path_buf));
    below.map_or_else(|| filename.to_owned(), |p| p.to_string_lossy().into_owned())
}

impl Step {
    fn write(&self, out: &mut String, color: bool) {
        let paint = |color_code: &str, text: &str| {
            if color && !text.is_empty() { format!("{color_code}{text}{RESET}") } else { text.to_owned() }
        };
        let at = |p: &Place, verb: &str| {
            let place = paint(PLACE, &format!("{}:{}", p.file, p.line));
            let source = if p.source.is_empty() { String::new() } else { format!(": {}", p.source) };
            format!("{verb} {place} in {}{source}", paint(PLACE, &p.function))
        };
        match self {
            Step::Task { depth, name, what, made } => {
                out.push_str(&"  ".repeat(depth + 1));
                out.push_str(&paint(TYPE, name));
                if !what.is_empty() {
                    out.push_str(&format!(": {what}"));
                }
                if let Some(p) = made {
                    out.push_str(&at(p, ", created at"));
                }
            }
            Step::Event { depth, text, subject, place } => {
                out.push_str(&"  ".repeat(depth + 1));
                out.push_str(text);
                if !subject.is_empty() {
                    out.push_str(&format!(" {}", paint(TYPE, subject)));
                }
                if let Some(p) = place {
                    out.push_str(&at(p, " at"));
                }
            }
        }
        out.push('\n');
    }
}
