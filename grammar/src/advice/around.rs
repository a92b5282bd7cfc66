//! Advice that needs a look at the text around an error: where a bracket was opened, a name used first.
//!
//! Not here: what follows from the message alone (`messages`).

use super::Advice;
use super::messages::LOOKALIKES;
use crate::ast::Span;
use crate::error::SyntaxError;
use crate::lexer::{Kind, Token};
use crate::position::LineIndex;

/// Which messages a rule is for.
enum Test {
    Is(&'static str),
    Starts(&'static str),
    Ends(&'static str),
    Has(&'static str),
}

impl Test {
    fn holds(&self, message: &str) -> bool {
        match self {
            Test::Is(text) => message == *text,
            Test::Starts(text) => message.starts_with(text),
            Test::Ends(text) => message.ends_with(text),
            Test::Has(text) => message.contains(text),
        }
    }
}

/// What to look for.
#[derive(Clone, Copy)]
enum Rule {
    /// Where a bracket that is still open should have been closed.
    Unclosed,
    /// What stands there, where nothing better is known.
    Plain,
    /// The usual character that one looks like.
    Lookalike,
    /// The line that opens the block that is missing.
    Header,
    /// The last token of this kind before the error.
    Before(Kind, &'static str),
    /// The first use of the quoted name since the last of these keywords.
    FirstName(&'static [Kind], &'static str),
    /// The same for a name behind a colon.
    NamedFirst(&'static [Kind], &'static str),
    /// What is said at the place, a likely fix, and the first use of the quoted name in the function.
    SaidFirst(&'static str, &'static str, &'static str),
    /// The first argument of the name behind a colon.
    FirstInCall,
    /// The columns at which blocks are open.
    Levels,
}

const LATE: Rule =
    Rule::SaidFirst("the declaration comes too late", "move it to the beginning of the function", "used here before");
const PARAMETER: Rule = Rule::SaidFirst("a parameter belongs to the function", "", "the parameter");
const NOT_ASYNC: Rule = Rule::Before(Kind::Def, "this function is not async");
const NAMES: &[Kind] = &[Kind::Def, Kind::Lambda, Kind::Class];

/// The first rule whose test holds counts.
const RULES: &[(Test, Rule)] = &[
    (Test::Ends("was never closed"), Rule::Unclosed),
    (Test::Is("invalid syntax"), Rule::Plain),
    (Test::Starts("invalid character"), Rule::Lookalike),
    (Test::Starts("expected an indented block after "), Rule::Header),
    (Test::Starts("expected 'except' or 'finally'"), Rule::Before(Kind::Try, "this 'try' handles nothing yet")),
    (Test::Starts("duplicate argument"), Rule::FirstName(NAMES, "first used here")),
    (Test::Starts("duplicate type parameter"), Rule::FirstName(NAMES, "first used here")),
    (Test::Starts("keyword argument repeated"), Rule::FirstInCall),
    (Test::Has("prior to global declaration"), LATE),
    (Test::Has("before global declaration"), LATE),
    (Test::Has("prior to nonlocal declaration"), LATE),
    (Test::Has("before nonlocal declaration"), LATE),
    (Test::Has("is parameter and global"), PARAMETER),
    (Test::Has("is parameter and nonlocal"), PARAMETER),
    (
        Test::Has("is nonlocal and global"),
        Rule::SaidFirst(
            "the name cannot belong to both",
            "leave one of the two declarations out",
            "declared here first",
        ),
    ),
    (Test::Starts("multiple assignments to name"), Rule::FirstName(&[Kind::Case], "bound here first")),
    (Test::Starts("attribute name repeated"), Rule::NamedFirst(&[Kind::Case], "looked at here first")),
    (Test::Has("outside async function"), NOT_ASYNC),
    (Test::Has("outside of an asynchronous"), NOT_ASYNC),
    (Test::Starts("unindent does not match"), Rule::Levels),
];

/// The text around an error.
pub(super) struct Around<'a> {
    pub source: &'a str,
    pub tokens: &'a [Token],
    /// Where the error begins.
    pub at: u32,
}

impl Around<'_> {
    /// Adds what the first rule for the message finds in the text.
    pub(super) fn advise(&self, error: &SyntaxError, advice: &mut Advice) {
        let message = error.message.as_str();
        let quoted = message.split('\'').nth(1).unwrap_or("");
        let Some((_, rule)) = RULES.iter().find(|(test, _)| test.holds(message)) else { return };
        match *rule {
            Rule::Unclosed => self.never_closed(message, advice),
            Rule::Plain => self.plain(error, advice),
            Rule::Lookalike => {
                if let Some((_, c)) = LOOKALIKES.iter().find(|(all, _)| quoted.chars().any(|c| all.contains(c))) {
                    advice.notes.push(format!("it looks like {c} and is another character: type {c} instead"));
                }
            }
            Rule::Header => {
                let what = message.strip_prefix("expected an indented block after ").unwrap_or(message);
                let what = what.rsplit_once(" on line ").map_or(what, |w| w.0);
                self.header_line(message, &format!("the block of this {what} is missing"), advice);
            }
            Rule::Before(kind, label) => self.before(|t| t.kind == kind, label, advice),
            Rule::FirstName(since, label) => self.first_name(quoted, since, label, advice),
            Rule::NamedFirst(since, label) => {
                self.first_name(message.rsplit(": ").next().unwrap_or(""), since, label, advice);
            }
            Rule::SaidFirst(said, note, label) => {
                said.clone_into(&mut advice.label);
                advice.notes.extend((!note.is_empty()).then(|| note.to_owned()));
                self.first_name(quoted, &[Kind::Def], label, advice);
            }
            Rule::FirstInCall => self.first_in_call(message.rsplit(": ").next().unwrap_or(""), advice),
            Rule::Levels => self.levels(advice),
        }
    }

    fn text(&self, span: Span) -> &str {
        self.source.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    fn never_closed(&self, message: &str, advice: &mut Advice) {
        advice.label = "opened here".to_owned();
        let closing = match message.chars().nth(1) {
            Some('[') => ']',
            Some('{') => '}',
            _ => ')',
        };
        advice.notes.push(format!("add the missing '{closing}'"));
        // A line that begins a statement cannot be inside brackets: what is missing stands before it.
        let begins = |t: &&Token| {
            matches!(
                t.kind,
                Kind::Def
                    | Kind::Class
                    | Kind::Import
                    | Kind::Return
                    | Kind::While
                    | Kind::Try
                    | Kind::Raise
                    | Kind::Pass
            ) && t.span.start > self.at
        };
        let Some(next) = self.tokens.iter().position(|t| begins(&t)) else { return };
        let first_of_line = self.tokens.get(next.wrapping_sub(1)).is_some_and(|before| {
            let between = Span::new(before.span.end, self.tokens[next].span.start);
            before.span.start >= self.at && self.text(between).contains('\n')
        });
        if first_of_line && let Some(before) = self.tokens.get(next - 1) {
            let end = before.span.end;
            advice.related.push((Span::new(end.saturating_sub(1), end), format!("'{closing}' may belong behind this")));
        }
    }

    /// A plain `invalid syntax`: says what stands there.
    fn plain(&self, error: &SyntaxError, advice: &mut Advice) {
        let Some(at) = self.tokens.iter().position(|t| t.span.start >= error.span.start && !is_start(t.kind)) else {
            return;
        };
        let token = self.tokens[at];
        let text = self.text(token.span);
        let before = self.tokens.get(at.wrapping_sub(1)).map_or("", |t| self.text(t.span));
        advice.label = match token.kind {
            Kind::EndMarker | Kind::EndInBrackets => "the text ends too early".to_owned(),
            Kind::Newline => "the line ends too early".to_owned(),
            Kind::Indent | Kind::Dedent => "not expected here".to_owned(),
            _ if text.is_empty() => "not expected here".to_owned(),
            Kind::Else | Kind::Elif => format!("'{text}' belongs to no 'if' here"),
            Kind::Except | Kind::Finally => format!("'{text}' belongs to no 'try' here"),
            k if k.is_keyword() => format!("'{text}' cannot stand here"),
            _ => format!("{} cannot stand here", shown(text)),
        };
        let next = self.tokens.get(at + 1).map_or("", |t| self.text(t.span));
        let note = match (before, text, next) {
            (_, "=", "=") | ("=", "=", _) => "write '==' without a space",
            (_, "+", "+") | ("+", "+", _) | ("+", _, "\n") if before == "+" || text == "+" => {
                "there is no '++': write 'x += 1'"
            }
            (_, "!", _) => "write 'not' for negation, '!=' to compare",
            (_, "?", _) => "write 'A if condition else B'",
            (_, "&", "&") | ("&", "&", _) => "write 'and'",
            (_, "|", "|") | ("|", "|", _) => "write 'or'",
            (_, "$", _) => "names have no '$'",
            ("def" | "class", ..) if token.kind.is_keyword() => "keywords cannot be names: choose another",
            _ if token.kind == Kind::Equal && is_word(before) && self.tokens[at - 1].kind.is_keyword() => {
                "keywords cannot be names: choose another"
            }
            _ => "",
        };
        advice.notes.extend((!note.is_empty()).then(|| note.to_owned()));
    }

    /// Labels the line that the message names.
    fn header_line(&self, message: &str, label: &str, advice: &mut Advice) {
        let Some(number) = message.rsplit_once("line ").and_then(|m| m.1.parse::<u32>().ok()) else { return };
        let start = LineIndex::new(self.source).line_start(number);
        let line = self.source.get(start as usize..).and_then(|t| t.lines().next()).unwrap_or("");
        let indent = (line.len() - line.trim_start().len()) as u32;
        let span = Span::new(start + indent, start + line.trim_end().len() as u32);
        if span.end > span.start {
            advice.related.push((span, label.to_owned()));
        }
    }

    /// Labels the last token before the error that satisfies the test.
    fn before(&self, test: impl Fn(&Token) -> bool, label: &str, advice: &mut Advice) {
        if let Some(t) = self.tokens.iter().rev().find(|t| t.span.start < self.at && test(t)) {
            advice.related.push((t.span, label.to_owned()));
        }
    }

    /// Labels the first use of a name before the error, after the last of some keywords.
    fn first_name(&self, name: &str, since: &[Kind], label: &str, advice: &mut Advice) {
        let start = self.tokens.iter().rposition(|t| t.span.start < self.at && since.contains(&t.kind)).unwrap_or(0);
        let rest = self.tokens.get(start..).unwrap_or(&[]);
        if let Some(t) = rest.iter().find(|t| t.span.start < self.at && self.text(t.span) == name) {
            advice.related.push((t.span, label.to_owned()));
        }
    }

    /// Labels the first argument of this name in the call around the error.
    fn first_in_call(&self, name: &str, advice: &mut Advice) {
        let mut depth = 0i32;
        let mut found = None;
        for (i, t) in self.tokens.iter().enumerate().rev().skip_while(|(_, t)| t.span.start >= self.at) {
            match t.kind {
                Kind::RParen | Kind::RBracket | Kind::RBrace => depth += 1,
                Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::WithParen if depth == 0 => break,
                Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::WithParen => depth -= 1,
                _ => {}
            }
            let assigned = self.tokens.get(i + 1).is_some_and(|t| t.kind == Kind::Equal);
            if depth == 0 && assigned && self.text(t.span) == name {
                found = Some(t.span);
            }
        }
        advice.related.extend(found.map(|span| (span, "given here first".to_owned())));
    }

    /// Says which indentations are open where a line matches none of them.
    fn levels(&self, advice: &mut Advice) {
        let index = LineIndex::new(self.source);
        let line = index.line(self.at);
        let width = |n: u32| {
            let text = index.line_text(self.source, n);
            (!text.trim().is_empty()).then(|| text.len() - text.trim_start().len())
        };
        let Some(own) = width(line) else { return };
        let mut open: Vec<usize> = Vec::new();
        for n in (1..line).rev() {
            let Some(w) = width(n) else { continue };
            if open.last().is_none_or(|last| w < *last) {
                open.push(w);
            }
            if w == 0 {
                break;
            }
        }
        open.reverse();
        let open = open.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        advice.notes.push(format!("the line is indented by {own}; open blocks are at {open}"));
    }
}

fn is_start(kind: Kind) -> bool {
    matches!(kind, Kind::StartExec | Kind::StartEval | Kind::StartSingle)
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// A token for a sentence.
fn shown(text: &str) -> String {
    let first = text.lines().next().unwrap_or("");
    let cut: String = first.chars().take(20).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { format!("'{cut}'") }
}
