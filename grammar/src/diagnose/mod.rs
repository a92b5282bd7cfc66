//! Explaining a text that the grammar refuses.
//!
//! CPython words its errors in a second pass of a backtracking parser, with extra rules for usual mistakes. What it
//! says depends on the order in which that parser tries its rules, so this module is such a parser, too: it builds no
//! tree worth keeping, it only finds the first rule that has something to say. It runs on refused texts alone, from
//! the beginning of the top-level statement that was refused.
//!
//! As in CPython there are two passes. The first, without the rules for mistakes, finds how far the text makes sense;
//! the second looks for mistakes. All functions return `Ok(None)` for "does not match", with the position anywhere.
//!
//! Invariant: depth is bounded by [`MAX_DEPTH`] and results are remembered, so no text overflows the stack or takes
//! more than linear time for each rule.

mod arguments;
mod atoms;
mod compound;
mod expressions;
mod params;
mod patterns;
mod simple;
mod strings;
mod targets;
mod tree;

use crate::Mode;
use crate::ast::Span;
use crate::error::{End, ErrorKind, SyntaxError};
use crate::lexer::{Kind, Lexed, Token, unclosed};
use std::collections::HashMap;
use tree::X;

/// The deepest nesting of rules. Each level of brackets takes about fifteen, and each rule a few hundred bytes of stack.
const MAX_DEPTH: u32 = 3600;

/// Why the diagnosis ends.
enum Stop {
    /// It found what is wrong.
    Raised(Box<SyntaxError>),
    /// It came to where the tokens are wrong.
    Tokens(Box<SyntaxError>),
    /// The text nests too deeply to tell.
    TooDeep,
}

/// `Some` if the rule matches.
type P<T = X> = Result<Option<T>, Stop>;

/// Unwraps a match, or returns "does not match".
macro_rules! need {
    ($e:expr) => {
        match $e? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}
use need;

/// Rules whose results are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Rule {
    /// Binary operators of one level.
    Binary(u8),
    InvalidNamed,
    Expression,
    StarExpression,
    NamedExpression,
    Disjunction,
    Conjunction,
    Inversion,
    Comparison,
    Factor,
    AwaitPrimary,
    Primary,
    Atom,
    Strings,
    StarTarget,
    TargetWithStarAtom,
    SingleTarget,
    TPrimary,
    DelTarget,
    Arguments,
    ForIf,
    SimpleStmt,
    Block,
    Closed,
    Genexp,
    TypeParam,
    LambdaParams,
    Params,
}

impl Rule {
    /// Whether CPython remembers it, too.
    fn is_shared(self) -> bool {
        !matches!(
            self,
            Rule::NamedExpression
                | Rule::Comparison
                | Rule::Atom
                | Rule::SingleTarget
                | Rule::ForIf
                | Rule::Genexp
                | Rule::LambdaParams
                | Rule::Params
        )
    }
}

struct Peg<'t> {
    source: &'t str,
    tokens: &'t [Token],
    /// For each token, how many brackets are open after it.
    levels: Vec<u16>,
    lexed: &'t Lexed,
    /// Where the last compound statement begins that was read to its end.
    statement: u32,
    pos: usize,
    /// How many tokens have been looked at.
    fill: usize,
    /// Whether the rules for mistakes are tried.
    invalid: bool,
    depth: u32,
    /// Results by rule and position. Where CPython remembers, too, it does not distinguish the passes within a pass
    /// (`expression_without_invalid`), and that decides what is found: so those rules share one entry.
    memo: HashMap<(Rule, u32, bool), (Option<X>, u32)>,
}

/// Finds the error in a text that was refused at the byte offset `at`.
pub(crate) fn diagnose(source: &str, lexed: &Lexed, at: u32, mode: Mode) -> SyntaxError {
    let tokens = &lexed.tokens[..];
    let (from, compound) = if mode == Mode::Exec { statement_start(tokens, at) } else { (1, 1) };
    let statement = tokens.get(compound).map_or(0, |t| t.span.start);
    let tokens = tokens.get(from..).unwrap_or(&[]);
    let mut peg = Peg {
        source,
        levels: levels(tokens),
        tokens,
        lexed,
        statement,
        pos: 0,
        fill: 0,
        invalid: false,
        depth: 0,
        memo: HashMap::new(),
    };
    let mut error = peg.run(at, mode);
    error.statement = peg.statement;
    error
}

/// The index of the first token of the top-level statement that the offset `at` belongs to, or of the one before if
/// the offset is at a statement's beginning; and that of the last compound statement before it.
fn statement_start(tokens: &[Token], at: u32) -> (usize, usize) {
    let (mut start, mut depth) = (1, 0usize);
    let (mut compound, mut indented) = (1, false);
    let mut decorated = false;
    for i in 1..tokens.len() {
        let token = tokens[i];
        if token.span.start >= at && i > 1 {
            break;
        }
        match token.kind {
            Kind::Indent => {
                depth += 1;
                indented = true;
            }
            Kind::Dedent => depth = depth.saturating_sub(1),
            _ => {}
        }
        let line_begins = matches!(tokens[i - 1].kind, Kind::Newline | Kind::Dedent);
        if depth == 0 && line_begins && !matches!(token.kind, Kind::Dedent | Kind::Indent) {
            let continues = matches!(token.kind, Kind::Elif | Kind::Else | Kind::Except | Kind::Finally);
            if !continues && !decorated {
                if std::mem::take(&mut indented) {
                    compound = start;
                }
                start = i;
            }
            decorated = token.kind == Kind::At;
        }
        if i == 1 {
            decorated = token.kind == Kind::At;
        }
    }
    (start, compound)
}

fn levels(tokens: &[Token]) -> Vec<u16> {
    let mut level = 0u16;
    let count = |t: &Token| {
        match t.kind {
            Kind::LParen | Kind::LBracket | Kind::LBrace | Kind::WithParen => level = level.saturating_add(1),
            Kind::RParen | Kind::RBracket | Kind::RBrace => level = level.saturating_sub(1),
            _ => {}
        }
        level
    };
    tokens.iter().map(count).collect()
}

impl<'t> Peg<'t> {
    fn run(&mut self, at: u32, mode: Mode) -> SyntaxError {
        let last = match self.pass(mode) {
            Err(Stop::Raised(error)) => return self.choose(*error),
            // If the text made sense up to here, the flag says whether there could be more of it.
            Err(Stop::Tokens(error)) => return *error,
            Err(Stop::TooDeep) => return self.too_deep(at),
            Ok(_) => self.fill.saturating_sub(1),
        };
        let incomplete = self.at_end(last) && mode != Mode::Eval;
        self.invalid = true;
        self.memo.clear();
        let mut error = match self.pass(mode) {
            Err(Stop::Raised(error)) => self.choose(*error),
            Err(Stop::Tokens(error)) => *error,
            Err(Stop::TooDeep) => self.too_deep(at),
            Ok(_) => {
                let error = self.generic(last, mode);
                if error.kind == ErrorKind::Indentation { error } else { self.choose(error) }
            }
        };
        error.incomplete = incomplete;
        error
    }

    fn choose(&self, error: SyntaxError) -> SyntaxError {
        let last = self.token(self.fill.saturating_sub(1)).span.start;
        choose(self.source, error, last, self.lexed)
    }

    fn pass(&mut self, mode: Mode) -> P<()> {
        self.pos = 0;
        match mode {
            Mode::Exec => self.file(),
            Mode::Eval => self.eval(),
            Mode::Single => self.single(),
        }
    }

    /// The error when no rule has anything to say: at the last token that the first pass looked at.
    fn generic(&self, last: usize, mode: Mode) -> SyntaxError {
        let token = self.token(last);
        // A file ends with a line break, whether its text does or not; other texts do not.
        let ends = mode != Mode::Exec
            && self.tokens.get(last).is_some_and(|t| t.kind == Kind::Newline && t.span.start == t.span.end);
        match token.kind {
            Kind::Indent => self.error_at(ErrorKind::Indentation, "unexpected indent", token),
            Kind::Dedent => self.error_at(ErrorKind::Indentation, "unexpected unindent", token),
            _ if ends => self.at_no_place(token),
            Kind::EndMarker => self.at_no_place(token),
            _ => self.error_at(ErrorKind::Syntax, "invalid syntax", token),
        }
    }

    /// The end of the text has no place of its own at all.
    fn at_no_place(&self, token: Token) -> SyntaxError {
        let mut error = self.error_at(ErrorKind::Syntax, "invalid syntax", token);
        let before = self.source.get(..error.span.start as usize).unwrap_or("");
        let line = before.rfind('\n').map_or(0, |i| i as u32 + 1);
        error.span = Span::new(line, line);
        error.at_layout = true;
        error.end = End::Span;
        error
    }

    /// The error when the text nests too deeply to look for a better one: where the grammar refused it.
    fn too_deep(&self, at: u32) -> SyntaxError {
        let index = self.tokens.partition_point(|t| t.span.start < at);
        if let Some(failure) = &self.lexed.failure
            && self.token(index).kind == Kind::Error
        {
            return failure.error.clone();
        }
        SyntaxError::new(ErrorKind::Syntax, "invalid syntax", self.token(index).span)
    }

    fn error_at(&self, kind: ErrorKind, message: impl Into<String>, token: Token) -> SyntaxError {
        let mut error = SyntaxError::new(kind, message, token.span);
        if matches!(token.kind, Kind::Indent | Kind::Dedent | Kind::EndMarker) {
            let at = token.span.start;
            let at_end = at as usize == self.source.len();
            let start = at - u32::from(at_end && self.source.ends_with(['\n', '\r']));
            error.span = Span::new(start, at);
            error.at_layout = !at_end;
            error.end = End::Nowhere;
        }
        error
    }

    /// Whether only layout follows the token at `index`.
    fn at_end(&self, index: usize) -> bool {
        self.tokens
            .get(index..)
            .unwrap_or(&[])
            .iter()
            .all(|t| matches!(t.kind, Kind::Dedent | Kind::EndMarker | Kind::EndInBrackets))
    }

    // Tokens.

    fn token(&self, index: usize) -> Token {
        let end = Token { kind: Kind::EndMarker, span: Span::default() };
        let mut token = self.tokens.get(index).or(self.tokens.last()).copied().unwrap_or(end);
        if token.kind == Kind::Newline && token.span.start == token.span.end {
            // The line break that the end of the text stands for.
            token.span.end += 1;
        }
        if token.kind == Kind::Newline && index > 0 && index < self.tokens.len() {
            // A comment before the line break belongs to it.
            let before = Span::new(self.tokens[index - 1].span.end, token.span.start);
            if let Some(hash) = self.text(before).find('#') {
                token.span.start = before.start + hash as u32;
            }
        }
        token
    }

    fn text(&self, span: Span) -> &'t str {
        self.source.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The kind of the token at hand. Soft keywords are names here: rules decide.
    fn kind(&mut self) -> Result<Kind, Stop> {
        self.kind_at(0)
    }

    /// The kind of the token `ahead` further on.
    fn kind_at(&mut self, ahead: usize) -> Result<Kind, Stop> {
        let index = (self.pos + ahead).min(self.tokens.len().saturating_sub(1));
        let kind = self.token(index).kind;
        if index >= self.fill {
            self.fill = index + 1;
        }
        if kind == Kind::EndInBrackets
            && let Some(bracket) = self.lexed.open.last()
        {
            return Err(Stop::Tokens(Box::new(unclosed(bracket))));
        }
        if kind == Kind::Error
            && let Some(failure) = &self.lexed.failure
        {
            return Err(Stop::Tokens(Box::new(failure.error.clone())));
        }
        Ok(match kind {
            Kind::Match | Kind::Case | Kind::Type => Kind::Name,
            Kind::WithParen => Kind::LParen,
            kind => kind,
        })
    }

    fn span(&self) -> Span {
        self.token(self.pos).span
    }

    /// The end of the token before the one at hand.
    fn end(&self) -> u32 {
        self.token(self.pos.saturating_sub(1)).span.end
    }

    fn is(&mut self, kind: Kind) -> Result<bool, Stop> {
        Ok(self.kind()? == kind)
    }

    /// Takes a token of this kind.
    fn eat(&mut self, kind: Kind) -> P<Span> {
        if self.kind()? != kind {
            return Ok(None);
        }
        let span = self.span();
        self.pos += 1;
        Ok(Some(span))
    }

    /// Takes a token of this kind if there is one.
    fn option(&mut self, kind: Kind) -> Result<bool, Stop> {
        Ok(self.eat(kind)?.is_some())
    }

    /// Takes a name that reads `word`.
    fn eat_soft(&mut self, word: &str) -> P<Span> {
        if self.kind()? != Kind::Name || self.text(self.span()) != word {
            return Ok(None);
        }
        self.eat(Kind::Name)
    }

    /// Takes a token that must be there.
    fn force(&mut self, kind: Kind, message: &str) -> Result<Span, Stop> {
        match self.eat(kind)? {
            Some(span) => Ok(span),
            None => Err(self.raised(ErrorKind::Syntax, message, self.span())),
        }
    }

    /// Runs a rule; if it does not match, the position is as before.
    fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> P<T>) -> P<T> {
        let mark = self.pos;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Stop::TooDeep);
        }
        let result = rule(self);
        self.depth -= 1;
        if !matches!(result, Ok(Some(_))) {
            self.pos = mark;
        }
        result
    }

    /// Whether a rule matches here, without moving.
    fn look<T>(&mut self, rule: impl FnOnce(&mut Self) -> P<T>) -> Result<bool, Stop> {
        let mark = self.pos;
        let found = self.attempt(rule)?.is_some();
        self.pos = mark;
        Ok(found)
    }

    /// Tries a rule for a mistake. It can only raise: whatever it matches, the position is as before.
    fn mistake<T>(&mut self, rule: impl FnOnce(&mut Self) -> P<T>) -> Result<(), Stop> {
        if self.invalid {
            let mark = self.pos;
            self.attempt(rule)?;
            self.pos = mark;
        }
        Ok(())
    }

    /// Runs a rule whose result is remembered.
    fn memo(&mut self, rule: Rule, body: impl FnOnce(&mut Self) -> P) -> P {
        let key = (rule, self.pos as u32, self.invalid && !rule.is_shared());
        if let Some((result, end)) = self.memo.get(&key) {
            self.pos = *end as usize;
            return Ok(result.clone());
        }
        let result = self.attempt(body)?;
        self.memo.insert(key, (result.clone(), self.pos as u32));
        Ok(result)
    }

    /// `rule` once or more, separated by commas; a comma after the last is left alone.
    fn separated<T>(&mut self, mut rule: impl FnMut(&mut Self) -> P<T>) -> P<Vec<T>> {
        let mut items = Vec::new();
        loop {
            let mark = self.pos;
            if !items.is_empty() && !self.option(Kind::Comma)? {
                break;
            }
            match self.attempt(&mut rule)? {
                Some(item) => items.push(item),
                None => {
                    self.pos = mark;
                    break;
                }
            }
        }
        Ok((!items.is_empty()).then_some(items))
    }

    /// `rule` any number of times.
    fn many<T>(&mut self, mut rule: impl FnMut(&mut Self) -> P<T>) -> Result<Vec<T>, Stop> {
        let mut items = Vec::new();
        while let Some(item) = self.attempt(&mut rule)? {
            items.push(item);
        }
        Ok(items)
    }

    // Errors.

    fn raised(&self, kind: ErrorKind, message: impl Into<String>, span: Span) -> Stop {
        Stop::Raised(Box::new(SyntaxError::new(kind, message, span)))
    }

    /// An error at a known place.
    fn raise<T>(&self, span: Span, message: impl Into<String>) -> P<T> {
        Err(self.raised(ErrorKind::Syntax, message, span))
    }

    /// An error at the last token looked at.
    fn raise_last<T>(&self, message: impl Into<String>) -> P<T> {
        let token = self.token(self.fill.saturating_sub(1));
        Err(Stop::Raised(Box::new(self.error_at(ErrorKind::Syntax, message, token))))
    }

    /// An error from `span` up to the last character looked at.
    fn raise_from<T>(&self, span: Span, message: impl Into<String>) -> P<T> {
        let end = self.token(self.fill.saturating_sub(1)).span.end.saturating_sub(1).max(span.start);
        self.raise(Span::new(span.start, end), message)
    }

    /// An error at the token at hand.
    fn raise_here<T>(&mut self, message: impl Into<String>) -> P<T> {
        self.kind()?;
        self.raise(self.span(), message)
    }

    /// If a line break without an indented block follows, that is the error.
    fn block_missing(&mut self, what: &str, opener: Span) -> P<()> {
        need!(self.eat(Kind::Newline));
        if self.is(Kind::Indent)? {
            return Ok(None);
        }
        let line = crate::position::line_number(self.source, opener.start as usize);
        let message = format!("expected an indented block after {what} on line {line}");
        let last = self.token(self.fill.saturating_sub(1));
        Err(Stop::Raised(Box::new(self.error_at(ErrorKind::Indentation, message, last))))
    }
}

/// Chooses between an error of the parser and what is wrong with the tokens after it. `last` is where the last token
/// stands that the parser looked at.
pub(crate) fn choose(source: &str, error: SyntaxError, last: u32, lexed: &Lexed) -> SyntaxError {
    // Inside an f-string the error of an expression explains the error of the text around it, not the reverse.
    if lexed.in_fstring {
        return error;
    }
    match &lexed.failure {
        Some(failure) if !failure.soft => return failure.error.clone(),
        _ => {}
    }
    // A bracket that is never closed is the better explanation of an error on a later line.
    let line = |at: u32| crate::position::line_number(source, at as usize);
    match lexed.open.last() {
        Some(bracket) if line(last) > line(bracket.at) => unclosed(bracket),
        _ => error,
    }
}
