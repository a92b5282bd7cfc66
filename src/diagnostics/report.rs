//! Pictures of syntax errors: the line, what is wrong in it, why, and the likely fix.
//!
//! CPython's one-line message is the headline, so it can be searched for. Which advice there is follows from the
//! grammar's `advise`; here it is drawn. The text that is drawn is not the source itself: lines end where Python ends
//! them, what a terminal would obey is replaced, and very long lines are cut around what matters.

use crate::embed::room::with_room;
use apy_grammar::ast::Span;
use apy_grammar::{LineIndex, SyntaxError, advise, further_errors, keyword_suggestion};
use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use std::ops::Range;

/// Errors of one text that are shown.
const MOST: usize = 10;
/// Lines with more characters are cut.
const LONG: usize = 150;
/// How much of a cut line stands before what matters, and how much is shown in all.
const BEFORE: usize = 50;
const SHOWN: usize = 110;
const TAB: usize = 4;

/// How a report is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// With lines of box-drawing characters; otherwise of ASCII.
    pub unicode: bool,
}

/// A text that was refused.
#[derive(Debug)]
pub struct SyntaxReport {
    filename: String,
    source: String,
    errors: Vec<SyntaxError>,
}

impl SyntaxReport {
    /// A report about a text, with the error that the parser or the compiler found first. `whole` says that the text is
    /// a program's, in which further errors can be looked for: by the parser, and by the compiler where that is content.
    pub fn new(filename: &str, source: &str, first: SyntaxError, whole: bool) -> SyntaxReport {
        let errors = if whole { further_errors(source, first, MOST, check) } else { vec![first] };
        SyntaxReport { filename: filename.to_owned(), source: source.to_owned(), errors }
    }

    /// The errors, that of CPython first.
    pub fn errors(&self) -> &[SyntaxError] {
        &self.errors
    }

    /// The headlines: exception and message, as CPython prints them.
    pub fn headlines(&self) -> Vec<String> {
        self.errors.iter().map(|e| format!("{}: {}", e.kind.name(), self.message(e))).collect()
    }

    /// Whether more text could make a program of it.
    pub fn incomplete(&self) -> bool {
        self.errors.first().is_some_and(|e| e.incomplete)
    }

    /// The message of an error, with the keyword that was probably meant.
    fn message(&self, error: &SyntaxError) -> String {
        match keyword_suggestion(&self.source, error, compiles) {
            Some((_, keyword)) => format!("invalid syntax. Did you mean '{keyword}'?"),
            None => error.message.clone(),
        }
    }

    /// All errors, drawn.
    pub fn render(&self, style: Style) -> String {
        let mut out = String::new();
        for error in &self.errors {
            out.push_str(&self.draw(error, style));
        }
        out
    }

    fn draw(&self, error: &SyntaxError, style: Style) -> String {
        let mut advice = advise(&self.source, error);
        let mut span = error.span;
        let suggested = keyword_suggestion(&self.source, error, compiles);
        if let Some((place, keyword)) = &suggested {
            span = *place;
            advice.label = format!("did you mean '{keyword}'?");
            advice.notes.clear();
            advice.related.clear();
        }
        let mut places = vec![span];
        places.extend(advice.related.iter().map(|(span, _)| *span));
        let (drawn, ranges) = Drawn::new(&self.source, &places);
        let colors = if style.color { [Color::Red, Color::Cyan] } else { [Color::Primary; 2] };
        let Some(primary) = ranges.first().cloned() else { return String::new() };
        let file = self.filename.as_str();
        let config = Config::default()
            .with_color(style.color)
            .with_char_set(if style.unicode { CharSet::Unicode } else { CharSet::Ascii })
            .with_index_type(IndexType::Char)
            .with_tab_width(TAB);
        let mut report = Report::build(ReportKind::Custom(error.kind.name(), colors[0]), (file, primary.clone()))
            .with_config(config)
            .with_message(self.message(error));
        // Labels that go back in the text would make a picture of their own.
        let mut labels = Vec::with_capacity(ranges.len());
        let start = primary.start;
        let label = Label::new((file, primary)).with_color(colors[0]).with_priority(1);
        // A label without a text would not be drawn.
        let label = label.with_message(if advice.label.is_empty() { "here" } else { &advice.label });
        labels.push((start, label));
        for ((_, text), range) in advice.related.iter().zip(ranges.iter().skip(1)) {
            let label = Label::new((file, range.clone())).with_message(text).with_color(colors[1]);
            labels.push((range.start, label));
        }
        labels.sort_by_key(|(start, _)| *start);
        report.add_labels(labels.into_iter().map(|(_, label)| label));
        for note in &advice.notes {
            report.add_help(note);
        }
        let mut bytes = Vec::new();
        // Writing into memory does not fail.
        let _ = report.finish().write((file, Source::from(drawn.text)), &mut bytes);
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if !style.color {
            text = without_escapes(&text);
        }
        // A line that was cut has other columns than the source.
        let index = LineIndex::new(&self.source);
        if let Some((line, column)) = drawn.moved {
            let (_, true_column) = index.line_column(&self.source, span.start.min(self.source.len() as u32));
            let place = |column: usize| format!("{file}:{line}:{column} ]");
            text = text.replacen(&place(column), &place(true_column as usize + 1), 1);
        }
        // Spaces at line ends are an accident of drawing.
        let mut out = String::new();
        for line in text.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// The text without what colours it: some of that is written even if no colours are asked for.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, part) in text.split('\u{1b}').enumerate() {
        let end = if i == 0 { 0 } else { part.find('m').map_or(0, |m| m + 1) };
        out.push_str(part.get(end..).unwrap_or(""));
    }
    out
}

/// What parser or compiler have against a text. One that there is no room for is not looked into.
fn check(code: &str) -> Result<(), SyntaxError> {
    with_room(code.len(), 0, || {
        let arena = bumpalo::Bump::new();
        let parsed = apy_grammar::parse(&arena, code, apy_grammar::Mode::Exec)?;
        compile(&parsed, code)
    })
    .unwrap_or(Ok(()))
}

/// Whether the compiler takes a corrected piece of code.
fn compiles(code: &str) -> bool {
    with_room(code.len(), 0, || {
        let arena = bumpalo::Bump::new();
        let Ok(parsed) = apy_grammar::parse(&arena, code, apy_grammar::Mode::Exec) else { return true };
        compile(&parsed, code).is_ok()
    })
    .unwrap_or(false)
}

fn compile(parsed: &apy_grammar::Parsed<'_>, code: &str) -> Result<(), SyntaxError> {
    let options =
        crate::compiler::CompileOptions { top_level_await: true, ..crate::compiler::CompileOptions::new("<string>") };
    crate::compiler::compile(&parsed.module, code, &options).map(drop)
}

/// The text to be drawn.
struct Drawn {
    text: String,
    /// Line and column of the first place, from 1, where its line was cut.
    moved: Option<(usize, usize)>,
}

impl Drawn {
    /// The drawn text, and the places in it, in characters.
    fn new(source: &str, places: &[Span]) -> (Drawn, Vec<Range<usize>>) {
        let index = LineIndex::new(source);
        let mut lines: Vec<Vec<char>> = (1..=index.line_count() as u32)
            .map(|n| index.line_text(source, n).chars().map(visible).collect())
            .collect();
        // Line and columns of each place; places over several lines end with their first.
        let mut found: Vec<(usize, usize, usize)> = Vec::new();
        for span in places {
            let start = span.start.min(source.len() as u32);
            let (mut line, mut column) = index.line_column(source, start);
            let length = |n: u32| lines.get((n as usize).saturating_sub(1)).map_or(0, Vec::len);
            if column == 0 && start > 0 && length(line) == 0 && start as usize == source.len() {
                // The end of the text: the last line that has something.
                while line > 1 && length(line) == 0 {
                    line -= 1;
                }
                column = length(line) as u32;
            }
            let (end_line, end_column) = index.line_column(source, span.end.clamp(start, source.len() as u32));
            let column = (column as usize).min(length(line));
            let mut end = if end_line == line { end_column as usize } else { length(line) };
            if end <= column {
                end = column + 1;
            }
            found.push((line as usize - 1, column, end));
        }
        let before = found.first().copied();
        crop(&mut lines, &mut found);
        let after = found.first().copied();
        let moved = after.filter(|_| before != after).map(|(line, column, _)| (line + 1, column + 1));
        let mut starts = Vec::with_capacity(lines.len());
        let mut text = String::with_capacity(source.len());
        let mut at = 0;
        for (i, line) in lines.iter().enumerate() {
            starts.push(at);
            text.extend(line);
            // A place behind the end of a line needs something to stand under.
            let behind = found.iter().filter(|f| f.0 == i).map(|f| f.2).max().unwrap_or(0).saturating_sub(line.len());
            text.extend(std::iter::repeat_n(' ', behind));
            text.push('\n');
            at += line.len() + behind + 1;
        }
        let ranges = found
            .iter()
            .map(|(line, start, end)| {
                let base = starts.get(*line).copied().unwrap_or(0);
                base + start..base + end
            })
            .collect();
        (Drawn { text, moved }, ranges)
    }
}

/// Cuts lines that are too long for a terminal around the places in them.
fn crop(lines: &mut [Vec<char>], found: &mut [(usize, usize, usize)]) {
    for (number, line) in lines.iter_mut().enumerate() {
        if line.len() <= LONG || !found.iter().any(|f| f.0 == number) {
            continue;
        }
        let first = found.iter().filter(|f| f.0 == number).map(|f| f.1).min().unwrap_or(0);
        let from = first.saturating_sub(BEFORE);
        let to = (from + SHOWN).min(line.len());
        let cut_end = to < line.len();
        *line = line.get(from..to).unwrap_or_default().to_vec();
        if from > 0
            && let Some(c) = line.first_mut()
        {
            *c = '…';
        }
        if cut_end {
            line.push('…');
        }
        let longest = line.len();
        for f in found.iter_mut().filter(|f| f.0 == number) {
            f.1 = f.1.saturating_sub(from).min(longest.saturating_sub(1));
            f.2 = f.2.saturating_sub(from).clamp(f.1 + 1, longest.max(f.1 + 1));
        }
    }
}

/// A character as it is drawn: what a terminal would obey, or what ends lines for others than Python, is replaced.
fn visible(c: char) -> char {
    match c {
        '\t' => c,
        '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        c if c.is_control() => '\u{fffd}',
        // Marks that turn the direction of writing would move everything behind them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        // Nothing can stand under what has no width.
        '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}
