//! From the text of a pattern to its tree.
//!
//! Groups that are open stand on an explicit stack, so that nesting costs no native stack; they
//! may be `MAX_DEPTH` deep. Messages and positions of errors are those of Python's `re`.

use super::ast::{At, Category, Greed, Mode, Node, Set, UNBOUNDED, Width};
pub use super::token::{ErrorKind, ReError};
use super::token::{Escape, Token, Tokenizer, category_set, encode, number, quoted};

/// How deep groups may be nested.
pub const MAX_DEPTH: usize = 400;

/// Ignore case.
pub const IGNORECASE: u32 = 2;
/// Cases and words depend on the locale (bytes only; taken as ASCII).
pub const LOCALE: u32 = 4;
/// `^` and `$` match at lines.
pub const MULTILINE: u32 = 8;
/// `.` matches newlines.
pub const DOTALL: u32 = 16;
/// Unicode rules: what text patterns have anyway.
pub const UNICODE: u32 = 32;
/// White space and comments in the pattern do not count.
pub const VERBOSE: u32 = 64;
/// Accepted, without effect here.
pub const DEBUG: u32 = 128;
/// ASCII rules.
pub const ASCII: u32 = 256;

const TYPE_FLAGS: u32 = ASCII | LOCALE | UNICODE;
const GLOBAL_FLAGS: u32 = DEBUG;
const MAX_LOOK_BEHIND: u64 = u32::MAX as u64;
const MAX_GROUPS: u32 = 1_073_741_823;

/// A pattern that has been read.
#[derive(Debug)]
pub struct Parsed {
    /// The tree.
    pub root: Node,
    /// The flags given, those in the pattern, and UNICODE where it is implied.
    pub flags: u32,
    /// How many capturing groups there are.
    pub groups: u32,
    /// The names of groups, in the order of their numbers.
    pub names: Vec<(Vec<u8>, u32)>,
    /// Texts of `FutureWarning`s.
    pub warnings: Vec<String>,
    /// The groups in the order in which they close.
    pub close_order: Vec<u32>,
}

enum Kind {
    Root,
    Group { index: Option<u32>, atomic: bool },
    Look { ahead: bool, negate: bool, outermost_behind: bool },
    Conditional { group: u32, yes: Option<Node> },
}

/// A group that is not closed yet.
struct Frame {
    kind: Kind,
    start: usize,
    done: Vec<Node>,
    items: Vec<Node>,
    flags: u32,
    verbose: bool,
}

struct Parser {
    tokens: Tokenizer,
    stack: Vec<Frame>,
    top: Frame,
    /// The flags of the whole pattern.
    flags: u32,
    groups: u32,
    names: Vec<(Vec<u8>, u32)>,
    widths: Vec<Option<Width>>,
    /// Groups that a conditional names before they are known, with the place.
    expected: Vec<(u32, usize)>,
    /// The number of groups when the outermost look-behind was entered.
    behind_groups: Option<u32>,
    warnings: Vec<String>,
    close_order: Vec<u32>,
}

/// Reads a pattern: generalized UTF-8, or bytes.
pub fn parse(pattern: &[u8], is_bytes: bool, flags: u32) -> Result<Parsed, ReError> {
    let tokens = Tokenizer::new(pattern, is_bytes)?;
    let top = Frame {
        kind: Kind::Root,
        start: 0,
        done: Vec::new(),
        items: Vec::new(),
        flags: implied(flags, is_bytes),
        verbose: flags & VERBOSE != 0,
    };
    let mut parser = Parser {
        tokens,
        stack: Vec::new(),
        top,
        flags,
        groups: 0,
        names: Vec::new(),
        widths: vec![None],
        expected: Vec::new(),
        behind_groups: None,
        warnings: Vec::new(),
        close_order: Vec::new(),
    };
    parser.run()
}

fn implied(flags: u32, is_bytes: bool) -> u32 {
    if !is_bytes && flags & ASCII == 0 { flags | UNICODE } else { flags }
}

fn check_flags(flags: u32, is_text: bool) -> Result<(), ReError> {
    let msg = if is_text {
        if flags & LOCALE != 0 {
            "cannot use LOCALE flag with a str pattern"
        } else if flags & ASCII != 0 && flags & UNICODE != 0 {
            "ASCII and UNICODE flags are incompatible"
        } else {
            return Ok(());
        }
    } else if flags & UNICODE != 0 {
        "cannot use UNICODE flag with a bytes pattern"
    } else if flags & LOCALE != 0 && flags & ASCII != 0 {
        "ASCII and LOCALE flags are incompatible"
    } else {
        return Ok(());
    };
    Err(ReError::plain(ErrorKind::Value, msg))
}

/// One node for a list of them.
fn sequence(mut items: Vec<Node>) -> Node {
    match items.len() {
        1 => items.pop().unwrap_or(Node::Sequence(Vec::new())),
        _ => Node::Sequence(items),
    }
}

fn flag_of(letter: u32) -> Option<u32> {
    Some(match char::from_u32(letter)? {
        'i' => IGNORECASE,
        'L' => LOCALE,
        'm' => MULTILINE,
        's' => DOTALL,
        'x' => VERBOSE,
        'a' => ASCII,
        'u' => UNICODE,
        _ => return None,
    })
}

impl Parser {
    fn run(&mut self) -> Result<Parsed, ReError> {
        while let Some(token) = self.tokens.peek() {
            if token.is('|') {
                self.tokens.get()?;
                self.next_alternative()?;
            } else if token.is(')') {
                if matches!(self.top.kind, Kind::Root) {
                    check_flags(self.flags, self.tokens.is_text)?;
                    return Err(self.tokens.error("unbalanced parenthesis", 0));
                }
                self.tokens.get()?;
                self.close()?;
            } else {
                self.tokens.get()?;
                self.item(token)?;
            }
        }
        if !matches!(self.top.kind, Kind::Root) {
            return Err(self.tokens.error_at("missing ), unterminated subpattern", self.top.start));
        }
        check_flags(self.flags, self.tokens.is_text)?;
        if let Some(&(group, pos)) = self.expected.iter().find(|(group, _)| *group > self.groups) {
            return Err(self.tokens.error_at(format!("invalid group reference {group}"), pos));
        }
        let root = self.finish_alternatives();
        Ok(Parsed {
            root,
            flags: implied(self.flags, !self.tokens.is_text),
            groups: self.groups,
            names: std::mem::take(&mut self.names),
            warnings: std::mem::take(&mut self.warnings),
            close_order: std::mem::take(&mut self.close_order),
        })
    }

    fn mode(&self) -> Mode {
        Mode {
            ignore_case: self.top.flags & IGNORECASE != 0,
            ascii: !self.tokens.is_text || self.top.flags & UNICODE == 0,
        }
    }

    fn next_alternative(&mut self) -> Result<(), ReError> {
        let items = std::mem::take(&mut self.top.items);
        if let Kind::Conditional { yes, .. } = &mut self.top.kind {
            if yes.is_some() {
                // The position is that of the bar.
                let pos = self.tokens.tell().saturating_sub(1);
                return Err(self.tokens.error_at("conditional backref with more than two branches", pos));
            }
            *yes = Some(sequence(items));
            return Ok(());
        }
        if matches!(self.top.kind, Kind::Root) {
            self.top.verbose = self.flags & VERBOSE != 0;
        }
        self.top.done.push(sequence(items));
        Ok(())
    }

    /// The content of the group on top, which loses it.
    fn finish_alternatives(&mut self) -> Node {
        let last = sequence(std::mem::take(&mut self.top.items));
        let mut done = std::mem::take(&mut self.top.done);
        if done.is_empty() {
            return last;
        }
        done.push(last);
        Node::Alternatives(done)
    }

    fn open(&mut self, kind: Kind, start: usize, flags: u32, verbose: bool) -> Result<(), ReError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(ReError::plain(ErrorKind::Recursion, "maximum recursion depth exceeded"));
        }
        let frame = Frame { kind, start, done: Vec::new(), items: Vec::new(), flags, verbose };
        self.stack.push(std::mem::replace(&mut self.top, frame));
        Ok(())
    }

    fn close(&mut self) -> Result<(), ReError> {
        let content = self.finish_alternatives();
        let Some(outer) = self.stack.pop() else {
            return Err(self.tokens.error("unbalanced parenthesis", 1));
        };
        let frame = std::mem::replace(&mut self.top, outer);
        let node = match frame.kind {
            Kind::Root => return Err(self.tokens.error("unbalanced parenthesis", 1)),
            Kind::Group { index: Some(index), .. } => {
                let width = content.width(&self.widths);
                if let Some(slot) = self.widths.get_mut(index as usize) {
                    *slot = Some(width);
                }
                self.close_order.push(index);
                Node::Group(index, Box::new(content))
            }
            Kind::Group { index: None, atomic: true } => Node::Atomic(Box::new(content)),
            // A list even of one, so that it may be repeated whatever is in it.
            Kind::Group { index: None, atomic: false } => Node::Sequence(vec![content]),
            Kind::Look { ahead, negate, outermost_behind } => {
                if outermost_behind {
                    self.behind_groups = None;
                }
                self.look(content, ahead, negate)?
            }
            Kind::Conditional { group, yes } => {
                let (yes, no) = match yes {
                    Some(yes) => (yes, content),
                    None => (content, Node::Sequence(Vec::new())),
                };
                Node::Conditional { group, yes: Box::new(yes), no: Box::new(no) }
            }
        };
        self.top.items.push(node);
        Ok(())
    }

    fn look(&self, content: Node, ahead: bool, negate: bool) -> Result<Node, ReError> {
        let empty = matches!(&content, Node::Sequence(items) if items.is_empty());
        if negate && empty {
            return Ok(Node::Fail);
        }
        let behind = if ahead {
            None
        } else {
            let (low, high) = content.width(&self.widths);
            if low != high {
                return Err(ReError::plain(ErrorKind::Pattern, "look-behind requires fixed-width pattern"));
            }
            if low > MAX_LOOK_BEHIND {
                return Err(ReError::plain(ErrorKind::Pattern, "looks too much behind"));
            }
            Some(low as u32)
        };
        Ok(Node::Look { node: Box::new(content), behind, negate })
    }

    fn item(&mut self, token: Token) -> Result<(), ReError> {
        let c = match token {
            Token::Escape(c) => return self.escaped(c),
            Token::Char(c) => c,
        };
        if self.top.verbose {
            if matches!(c, 9..=13 | 32) {
                return Ok(());
            }
            if c == '#' as u32 {
                while let Some(token) = self.tokens.get()? {
                    if token.is('\n') {
                        break;
                    }
                }
                return Ok(());
            }
        }
        let multiline = self.top.flags & MULTILINE != 0;
        let node = match char::from_u32(c) {
            Some('[') => self.set()?,
            Some('(') => return self.parenthesis(),
            Some('*' | '+' | '?' | '{') => return self.repeat(c),
            Some('.') => Node::Any(self.top.flags & DOTALL != 0),
            Some('^') => Node::At(if multiline { At::LineStart } else { At::Start }),
            Some('$') => Node::At(if multiline { At::LineEnd } else { At::LastLineEnd }),
            _ => Node::Literal(c, self.mode()),
        };
        self.top.items.push(node);
        Ok(())
    }

    fn escaped(&mut self, c: u32) -> Result<(), ReError> {
        let ascii = self.mode().ascii;
        let node = match char::from_u32(c) {
            Some('A') => Node::At(At::Start),
            Some('Z' | 'z') => Node::At(At::End),
            Some('b') => Node::At(At::Boundary(ascii)),
            Some('B') => Node::At(At::NotBoundary(ascii)),
            Some(digit @ '1'..='9') => self.numbered(digit)?,
            _ => match self.tokens.escape(c)? {
                Escape::Literal(value) => Node::Literal(value, self.mode()),
                Escape::Category(category, negate) => Node::Set(Box::new(category_set(category, negate, self.mode()))),
            },
        };
        self.top.items.push(node);
        Ok(())
    }

    /// `\1` to `\99`, or three octal digits.
    fn numbered(&mut self, digit: char) -> Result<Node, ReError> {
        let mut text = String::from(digit);
        text.push_str(&self.tokens.take_while(1, |c| c.is_ascii_digit())?);
        if text.len() == 2 && text.bytes().all(super::token::is_octal) {
            let third = self.tokens.take_while(1, super::token::is_octal)?;
            if !third.is_empty() {
                text.push_str(&third);
                return Ok(Node::Literal(self.tokens.octal(&text)?, self.mode()));
            }
        }
        let group = text.parse().unwrap_or(u32::MAX);
        if group > self.groups {
            return Err(self.tokens.error(format!("invalid group reference {text}"), text.len()));
        }
        self.backreference(group, text.len() + 1)
    }

    fn backreference(&mut self, group: u32, before: usize) -> Result<Node, ReError> {
        if self.widths.get(group as usize).copied().flatten().is_none() {
            return Err(self.tokens.error("cannot refer to an open group", before));
        }
        self.check_look_behind(group)?;
        Ok(Node::Backreference(group, self.mode()))
    }

    fn check_look_behind(&self, group: u32) -> Result<(), ReError> {
        let Some(known) = self.behind_groups else { return Ok(()) };
        if self.widths.get(group as usize).copied().flatten().is_none() {
            return Err(self.tokens.error("cannot refer to an open group", 0));
        }
        if group > known {
            return Err(self.tokens.error("cannot refer to group defined in the same lookbehind subpattern", 0));
        }
        Ok(())
    }

    fn repeat(&mut self, c: u32) -> Result<(), ReError> {
        let here = self.tokens.tell();
        let (min, max) = match char::from_u32(c) {
            Some('*') => (0, UNBOUNDED),
            Some('+') => (1, UNBOUNDED),
            Some('?') => (0, 1),
            _ => match self.bounds(here)? {
                Some(bounds) => bounds,
                None => {
                    let mode = self.mode();
                    self.top.items.push(Node::Literal(c, mode));
                    return Ok(());
                }
            },
        };
        // The position is that of the quantifier.
        match self.top.items.last() {
            None | Some(Node::At(_)) => return Err(self.tokens.error_at("nothing to repeat", here - 1)),
            Some(Node::Repeat { .. }) => return Err(self.tokens.error_at("multiple repeat", here - 1)),
            Some(_) => {}
        }
        let greed = if self.tokens.take('?')? {
            Greed::Lazy
        } else if self.tokens.take('+')? {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        if let Some(node) = self.top.items.pop() {
            self.top.items.push(Node::Repeat { node: Box::new(node), min, max, greed });
        }
        Ok(())
    }

    /// What stands behind a brace; `None` if it is no quantifier.
    fn bounds(&mut self, here: usize) -> Result<Option<(u32, u32)>, ReError> {
        if self.tokens.peek().is_some_and(|token| token.is('}')) {
            return Ok(None);
        }
        let low = self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())?;
        let high = if self.tokens.take(',')? {
            self.tokens.take_while(usize::MAX, |c| c.is_ascii_digit())?
        } else {
            low.clone()
        };
        if !self.tokens.take('}')? {
            self.tokens.seek(here)?;
            return Ok(None);
        }
        let value = |text: &str, missing: u32| -> Result<u32, ReError> {
            if text.is_empty() {
                return Ok(missing);
            }
            match text.parse() {
                Ok(value) if value < UNBOUNDED => Ok(value),
                _ => Err(ReError::plain(ErrorKind::Overflow, "the repetition number is too large")),
            }
        };
        let (min, max) = (value(&low, 0)?, value(&high, UNBOUNDED)?);
        if max < min {
            return Err(self.tokens.error_at("min repeat greater than max repeat", here));
        }
        Ok(Some((min, max)))
    }

    fn set(&mut self) -> Result<Node, ReError> {
        let here = self.tokens.tell() - 1;
        if self.tokens.peek().is_some_and(|token| token.is('[')) {
            self.warnings.push(format!("Possible nested set at position {}", self.tokens.tell()));
        }
        let negate = self.tokens.take('^')?;
        let mut set = Set { negate, ranges: Vec::new(), categories: Vec::new(), mode: self.mode() };
        let mut first = true;
        loop {
            let token = self.set_token(here)?;
            if token.is(']') && !first {
                break;
            }
            self.warn_set_operation(token, first);
            first = false;
            let low = self.set_item(token)?;
            if !self.tokens.take('-')? {
                add_to_set(&mut set, low);
                continue;
            }
            let end = self.set_token(here)?;
            if end.is(']') {
                add_to_set(&mut set, low);
                set.ranges.push(('-' as u32, '-' as u32));
                break;
            }
            if end.is('-') {
                self.warnings.push(format!("Possible set difference at position {}", self.tokens.tell() - 2));
            }
            let before = self.tokens.tell() - end.len();
            let high = self.set_item(end)?;
            match (low, high) {
                (Escape::Literal(low), Escape::Literal(high)) if low <= high => set.ranges.push((low, high)),
                _ => {
                    // As written: escapes of several characters count by their first two.
                    let msg = format!("bad character range {}-{}", shown(token), shown(end));
                    let pos = before + end.len() - (token.len() + 1 + end.len());
                    let shift = self.tokens.tell() - before - end.len();
                    return Err(self.tokens.error_at(msg, pos + shift));
                }
            }
        }
        Ok(Node::Set(Box::new(set)))
    }

    fn set_token(&mut self, here: usize) -> Result<Token, ReError> {
        match self.tokens.get()? {
            Some(token) => Ok(token),
            None => Err(self.tokens.error_at("unterminated character set", here)),
        }
    }

    fn set_item(&mut self, token: Token) -> Result<Escape, ReError> {
        match token {
            Token::Char(c) => Ok(Escape::Literal(c)),
            Token::Escape(c) => self.tokens.set_escape(c),
        }
    }

    fn warn_set_operation(&mut self, token: Token, first: bool) {
        let Token::Char(c) = token else { return };
        if first || self.tokens.peek() != Some(token) {
            return;
        }
        let what = match char::from_u32(c) {
            Some('-') => "difference",
            Some('&') => "intersection",
            Some('~') => "symmetric difference",
            Some('|') => "union",
            _ => return,
        };
        self.warnings.push(format!("Possible set {what} at position {}", self.tokens.tell() - 1));
    }

    fn parenthesis(&mut self) -> Result<(), ReError> {
        let start = self.tokens.tell() - 1;
        if !self.tokens.take('?')? {
            return self.open_group(None, start);
        }
        let Some(token) = self.tokens.get()? else {
            return Err(self.tokens.error("unexpected end of pattern", 0));
        };
        let c = match token {
            Token::Char(c) => c,
            Token::Escape(_) => 0,
        };
        let (flags, verbose) = (self.top.flags, self.top.verbose);
        match char::from_u32(c) {
            Some('P') => self.named(start),
            Some(':') => self.open(Kind::Group { index: None, atomic: false }, start, flags, verbose),
            Some('>') => self.open(Kind::Group { index: None, atomic: true }, start, flags, verbose),
            Some('#') => loop {
                match self.tokens.get()? {
                    None => return Err(self.tokens.error_at("missing ), unterminated comment", start)),
                    Some(token) if token.is(')') => return Ok(()),
                    Some(_) => {}
                }
            },
            Some('=' | '!') => {
                let kind = Kind::Look { ahead: true, negate: c == '!' as u32, outermost_behind: false };
                self.open(kind, start, flags, verbose)
            }
            Some('<') => self.look_behind(start),
            Some('(') => self.conditional(start),
            Some('-') => self.inline_flags(c, start),
            Some(_) if flag_of(c).is_some() => self.inline_flags(c, start),
            _ => Err(self.tokens.error(format!("unknown extension ?{}", shown(token)), token.len() + 1)),
        }
    }

    fn look_behind(&mut self, start: usize) -> Result<(), ReError> {
        let Some(token) = self.tokens.get()? else {
            return Err(self.tokens.error("unexpected end of pattern", 0));
        };
        if !token.is('=') && !token.is('!') {
            return Err(self.tokens.error(format!("unknown extension ?<{}", shown(token)), token.len() + 2));
        }
        let outermost_behind = self.behind_groups.is_none();
        if outermost_behind {
            self.behind_groups = Some(self.groups);
        }
        let kind = Kind::Look { ahead: false, negate: token.is('!'), outermost_behind };
        self.open(kind, start, self.top.flags, self.top.verbose)
    }

    fn open_group(&mut self, name: Option<Vec<u32>>, start: usize) -> Result<(), ReError> {
        let index = self.groups + 1;
        if index >= MAX_GROUPS {
            return Err(self.tokens.error("too many groups", 0));
        }
        if let Some(name) = name {
            let encoded = encode(&name);
            if let Some((_, old)) = self.names.iter().find(|(known, _)| *known == encoded) {
                let msg = format!("redefinition of group name {} as group {index}; was group {old}", quoted(&name));
                return Err(self.tokens.error(msg, name.len() + 1));
            }
            self.names.push((encoded, index));
        }
        self.groups = index;
        self.widths.push(None);
        self.open(Kind::Group { index: Some(index), atomic: false }, start, self.top.flags, self.top.verbose)
    }

    fn named(&mut self, start: usize) -> Result<(), ReError> {
        if self.tokens.take('<')? {
            let name = self.tokens.take_until('>', "group name")?;
            self.tokens.check_group_name(&name, 1)?;
            return self.open_group(Some(name), start);
        }
        if self.tokens.take('=')? {
            let name = self.tokens.take_until(')', "group name")?;
            let group = self.group_named(&name)?;
            let node = self.backreference(group, name.len() + 1)?;
            self.top.items.push(node);
            return Ok(());
        }
        match self.tokens.get()? {
            None => Err(self.tokens.error("unexpected end of pattern", 0)),
            Some(token) => Err(self.tokens.error(format!("unknown extension ?P{}", shown(token)), token.len() + 2)),
        }
    }

    fn group_named(&self, name: &[u32]) -> Result<u32, ReError> {
        self.tokens.check_group_name(name, 1)?;
        let encoded = encode(name);
        match self.names.iter().find(|(known, _)| *known == encoded) {
            Some((_, index)) => Ok(*index),
            None => Err(self.tokens.error(format!("unknown group name {}", quoted(name)), name.len() + 1)),
        }
    }

    fn conditional(&mut self, start: usize) -> Result<(), ReError> {
        let name = self.tokens.take_until(')', "group name")?;
        let group = match number(&name) {
            None => self.group_named(&name)?,
            Some(0) => return Err(self.tokens.error("bad group number", name.len() + 1)),
            Some(group) => {
                if group >= MAX_GROUPS {
                    let digits: String = name.iter().filter_map(|&c| char::from_u32(c)).collect();
                    let digits = digits.trim_start_matches('0');
                    return Err(self.tokens.error(format!("invalid group reference {digits}"), name.len() + 1));
                }
                if !self.expected.iter().any(|(known, _)| *known == group) {
                    self.expected.push((group, self.tokens.tell() - name.len() - 1));
                }
                group
            }
        };
        self.check_look_behind(group)?;
        self.open(Kind::Conditional { group, yes: None }, start, self.top.flags, self.top.verbose)
    }

    /// The next token of a list of flags, which must go on or end in one of `ends`.
    fn flag_token(&mut self, missing: &str, ends: &[char]) -> Result<u32, ReError> {
        let Some(token) = self.tokens.get()? else {
            return Err(self.tokens.error(missing, 0));
        };
        if let Token::Char(c) = token
            && (flag_of(c).is_some() || ends.iter().any(|&end| end as u32 == c))
        {
            return Ok(c);
        }
        let alphabetic = matches!(token, Token::Char(c) if crate::text::unicode::is_alpha(c));
        Err(self.tokens.error(if alphabetic { "unknown flag" } else { missing }, token.len()))
    }

    fn inline_flags(&mut self, first: u32, start: usize) -> Result<(), ReError> {
        let (mut on, mut off) = (0, 0);
        let mut c = first;
        while let Some(flag) = flag_of(c) {
            if self.tokens.is_text && flag == LOCALE {
                return Err(self.tokens.error("bad inline flags: cannot use 'L' flag with a str pattern", 0));
            }
            if !self.tokens.is_text && flag == UNICODE {
                return Err(self.tokens.error("bad inline flags: cannot use 'u' flag with a bytes pattern", 0));
            }
            on |= flag;
            if flag & TYPE_FLAGS != 0 && on & TYPE_FLAGS != flag {
                return Err(self.tokens.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0));
            }
            c = self.flag_token("missing -, : or )", &[')', '-', ':'])?;
        }
        if c == ')' as u32 {
            return self.global_flags(on, start);
        }
        if on & GLOBAL_FLAGS != 0 {
            return Err(self.tokens.error("bad inline flags: cannot turn on global flag", 1));
        }
        if c == '-' as u32 {
            c = self.flag_token("missing flag", &[])?;
            while let Some(flag) = flag_of(c) {
                if flag & TYPE_FLAGS != 0 {
                    let msg = "bad inline flags: cannot turn off flags 'a', 'u' and 'L'";
                    return Err(self.tokens.error(msg, 0));
                }
                off |= flag;
                c = self.flag_token("missing :", &[':'])?;
            }
        }
        if on & off != 0 {
            return Err(self.tokens.error("bad inline flags: flag turned on and off", 1));
        }
        let base = if on & TYPE_FLAGS != 0 { self.top.flags & !TYPE_FLAGS } else { self.top.flags };
        let verbose = (self.top.verbose || on & VERBOSE != 0) && off & VERBOSE == 0;
        self.open(Kind::Group { index: None, atomic: false }, start, (base | on) & !off, verbose)
    }

    fn global_flags(&mut self, on: u32, start: usize) -> Result<(), ReError> {
        self.flags |= on;
        if !matches!(self.top.kind, Kind::Root) || !self.top.done.is_empty() || !self.top.items.is_empty() {
            return Err(self.tokens.error_at("global flags not at the start of the expression", start));
        }
        self.top.flags = implied(self.flags, !self.tokens.is_text);
        if self.flags & ASCII != 0 {
            self.top.flags &= !UNICODE;
        }
        self.top.verbose = self.flags & VERBOSE != 0;
        Ok(())
    }
}

fn add_to_set(set: &mut Set, item: Escape) {
    match item {
        Escape::Literal(c) => set.ranges.push((c, c)),
        Escape::Category(category, negate) => set.categories.push((category, negate)),
    }
}

fn shown(token: Token) -> String {
    let (prefix, c) = match token {
        Token::Char(c) => ("", c),
        Token::Escape(c) => ("\\", c),
    };
    format!("{prefix}{}", char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Whether a category matches a code point.
pub(super) fn in_category(category: Category, c: u32, ascii: bool) -> bool {
    use crate::text::unicode;
    match (category, ascii) {
        (Category::Digit, true) => (48..=57).contains(&c),
        (Category::Space, true) => matches!(c, 9..=13 | 32),
        (Category::Word, true) => c == 95 || u8::try_from(c).is_ok_and(|byte| byte.is_ascii_alphanumeric()),
        (Category::Digit, false) => unicode::is_decimal(c),
        (Category::Space, false) => unicode::is_space(c),
        (Category::Word, false) => c == 95 || unicode::is_alnum(c),
    }
}
