//! What to say about an error besides its message: a label for its place, other places that explain it, a likely fix.
//!
//! The message itself is CPython's and stays as it is. Advice follows from the message and from the tokens around
//! the place; where nothing useful is known, the label is empty and there are no notes.

use crate::ast::Span;
use crate::error::SyntaxError;
use crate::lexer::{Kind, Token, lex};
use crate::position::LineIndex;

/// Advice about one error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Said at the error's place.
    pub label: String,
    /// Other places, each with a label.
    pub related: Vec<(Span, String)>,
    /// The likely fix, one sentence each.
    pub notes: Vec<String>,
}

/// What a message begins with, what is said at its place, and the likely fix.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "invalid syntax. Perhaps you forgot a comma?",
        "two expressions stand side by side here",
        "put a comma between them, or an operator",
    ),
    (
        "invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
        "'=' does not compare",
        "write '==' to compare, ':=' to assign within an expression",
    ),
    (
        "invalid syntax. Is this intended to be part of the string?",
        "the string ended before this",
        "escape the quotation mark inside the string with a backslash, or use the other kind around it",
    ),
    ("Missing parentheses in call to", "a call needs parentheses", "put parentheses around the arguments"),
    ("expected ':'", "':' is missing here", "end the line that opens a block with ':'"),
    ("expected '('", "'(' is missing here", "a function has parentheses after its name, even without parameters"),
    ("cannot assign to attribute here", "this '=' assigns", "write '==' to compare"),
    ("cannot assign to subscript here", "this '=' assigns", "write '==' to compare"),
    ("cannot assign to True", "a constant cannot be given a value", "write '==' to compare, or choose another name"),
    ("cannot assign to False", "a constant cannot be given a value", "write '==' to compare, or choose another name"),
    ("cannot assign to None", "a constant cannot be given a value", "write '==' to compare, or choose another name"),
    (
        "cannot assign to function call",
        "a call gives a value; nothing can be stored in it",
        "write '==' to compare, or swap the two sides",
    ),
    ("cannot assign to literal", "a literal always has its own value", "write '==' to compare, or swap the two sides"),
    ("cannot assign to __debug__", "'__debug__' is fixed when the program starts", ""),
    (
        "cannot assign to",
        "nothing can be stored in this",
        "the left side of '=' must be a name, an attribute, a subscript, or a list of them",
    ),
    ("cannot delete", "this cannot be deleted", "names, attributes and subscripts can be deleted"),
    ("only single target (not ", "an annotation belongs to one name", "annotate each name in a statement of its own"),
    (
        "illegal target for annotation",
        "this cannot be annotated",
        "a name, an attribute or a subscript can be annotated",
    ),
    (
        "positional argument follows keyword argument",
        "this argument has no name",
        "put arguments without names before those with names",
    ),
    (
        "positional patterns follow keyword patterns",
        "this pattern has no name",
        "put patterns without names before those with names",
    ),
    (
        "parameter without a default follows parameter with a default",
        "this parameter has no default",
        "give it a default, or move it before those that have one",
    ),
    ("keyword argument repeated", "given a second time", "leave one of the two out"),
    ("Generator expression must be parenthesized", "stands beside other arguments", "put parentheses around it"),
    (
        "expression cannot contain assignment, perhaps you meant",
        "only a name can be given a value in a call",
        "write '==' to compare",
    ),
    (
        "unterminated string literal",
        "the string begins here and has no end on this line",
        "close it with the same quotation mark, or use three for text over several lines",
    ),
    (
        "unterminated triple-quoted string literal",
        "the string begins here and never ends",
        "close it with the same three quotation marks",
    ),
    (
        "unterminated f-string literal",
        "the string begins here and has no end on this line",
        "close it with the same quotation mark, or use three for text over several lines",
    ),
    (
        "unterminated t-string literal",
        "the string begins here and has no end on this line",
        "close it with the same quotation mark, or use three for text over several lines",
    ),
    (
        "unterminated triple-quoted",
        "the string begins here and never ends",
        "close it with the same three quotation marks",
    ),
    (
        "unexpected character after line continuation character",
        "after a backslash the line must end",
        "take away what follows the backslash, spaces included",
    ),
    ("unexpected EOF while parsing", "the text ends in the middle of a statement", ""),
    ("unmatched ", "no bracket is open that this could close", "take it away, or open the bracket it belongs to"),
    (
        "closing parenthesis ",
        "this closes another kind of bracket",
        "close brackets in the reverse order of their opening",
    ),
    (
        "unexpected indent",
        "this line stands further in than the one before, which opens no block",
        "take the white space away, or end the line before with ':' if it opens a block",
    ),
    (
        "unindent does not match any outer indentation level",
        "no open block begins at this column",
        "line it up with the block that it belongs to",
    ),
    (
        "inconsistent use of tabs and spaces in indentation",
        "tabs and spaces are mixed, so how far in this is depends on the width of a tab",
        "use spaces alone",
    ),
    (
        "expected an indented block",
        "this should stand further in",
        "indent the block by four spaces; 'pass' is a block that does nothing",
    ),
    (
        "expected 'except' or 'finally' block",
        "'try' must be followed by one of them",
        "add 'except SomeError:' with what to do, or 'finally:'",
    ),
    (
        "expected 'else' after 'if' expression",
        "the value for the other case is missing",
        "write 'A if condition else B'",
    ),
    (
        "expected expression before 'if'",
        "a statement cannot be the value",
        "write an 'if' statement on lines of its own",
    ),
    (
        "expected expression after 'else'",
        "a statement cannot be the value",
        "write an 'if' statement on lines of its own",
    ),
    (
        "expected one or more exception types",
        "name what is to be caught",
        "write 'except Exception:' for nearly everything",
    ),
    (
        "default 'except:' must be last",
        "this catches everything, so what follows is never reached",
        "move it to the end",
    ),
    ("multiple exception types must be parenthesized", "several types with a name", "write 'except (A, B) as e:'"),
    (
        "cannot have both 'except' and 'except*'",
        "one kind of 'except' for each 'try'",
        "use 'except*' everywhere to handle groups, or 'except' everywhere",
    ),
    ("'elif' block follows an 'else' block", "'else' was the last case", "move 'else' to the end"),
    (
        "'return' outside function",
        "there is no function to return from",
        "leave a script with sys.exit(); or indent the line into the function",
    ),
    (
        "'return' with value in async generator",
        "an async generator gives values with 'yield' alone",
        "write 'return' without a value",
    ),
    ("'yield' outside function", "only functions can yield", "put it into a function"),
    ("'yield from' outside function", "only functions can yield", "put it into a function"),
    (
        "'yield from' inside async function",
        "'yield from' takes no async iterators",
        "write 'async for x in ...: yield x'",
    ),
    ("'break' outside loop", "there is no loop to leave", "indent it into the loop; 'return' leaves a function"),
    ("'continue' not properly in loop", "there is no loop to continue", "indent it into the loop"),
    (
        "'await' outside async function",
        "only an async function can await",
        "write 'async def' for the function around it",
    ),
    ("'await' outside function", "there is nothing here that could wait", "put it into an 'async def' function"),
    (
        "'async for' outside async function",
        "only an async function can await",
        "write 'async def' for the function around it",
    ),
    (
        "'async with' outside async function",
        "only an async function can await",
        "write 'async def' for the function around it",
    ),
    (
        "asynchronous comprehension outside of an asynchronous function",
        "only an async function can await",
        "write 'async def' for the function around it",
    ),
    ("duplicate argument", "the name is used a second time", "choose another name for one of the two"),
    ("duplicate type parameter", "the name is used a second time", "choose another name for one of the two"),
    (
        "no binding for nonlocal",
        "no function around this one has the name",
        "assign it in the outer function first, or say 'global' for a module's name",
    ),
    (
        "nonlocal declaration not allowed at module level",
        "a module has no function around it",
        "leave it out: names of the module are its own",
    ),
    (
        "from __future__ imports must occur at the beginning of the file",
        "too late: the text before is read already",
        "move it to the top; only comments and the docstring may stand before it",
    ),
    ("future feature", "unknown feature", ""),
    (
        "import * only allowed at module level",
        "a function must know its names",
        "import the names you need, or the module",
    ),
    (
        "trailing comma not allowed without surrounding parentheses",
        "the list goes on after this comma",
        "take the comma away, or put parentheses around the names",
    ),
    (
        "Did you mean to use 'from ... import ...' instead?",
        "the words are in another order",
        "write 'from MODULE import NAME'",
    ),
    ("Expected one or more names after 'import'", "which names?", "name what to import"),
    (
        "invalid decimal literal",
        "a number ends before a letter",
        "put a space or an operator between, or begin the name with a letter",
    ),
    ("invalid hexadecimal literal", "not a hexadecimal digit", "the digits are 0 to 9 and a to f"),
    ("invalid binary literal", "not a binary digit", "the digits are 0 and 1"),
    ("invalid octal literal", "not an octal digit", "the digits are 0 to 7"),
    ("invalid digit", "not a digit of this base", ""),
    (
        "leading zeros in decimal integer literals are not permitted",
        "a number does not begin with 0",
        "take the zeros away, or write 0o for an octal number",
    ),
    (
        "invalid non-printable character",
        "a character that cannot be seen",
        "delete it and type the space or letter again",
    ),
    (
        "bytes can only contain ASCII literal characters",
        "not an ASCII character",
        "write the text as a string and encode it: 'text'.encode()",
    ),
    ("cannot mix bytes and nonbytes literals", "bytes and text side by side", "make both the same kind"),
    ("f-string: expecting '}'", "the field goes on here", "close the field with '}'"),
    ("f-string: single '}' is not allowed", "no field is open", "write '}}' for a brace"),
    (
        "f-string: valid expression required before '}'",
        "the field is empty",
        "put an expression between the braces, or write '{{}}' for the braces themselves",
    ),
    ("f-string: empty expression not allowed", "the field is empty", "put an expression between the braces"),
    ("f-string: expecting '=', or '!', or ':', or '}'", "the expression ended before this", ""),
    ("f-string", "in this field", ""),
    ("(unicode error)", "the string cannot be read", "double the backslash, or put r before the string (r'C:\\new')"),
    ("(value error)", "the string cannot be read", "double the backslash, or put r before the string"),
    (
        "named arguments must follow bare *",
        "a star alone says that names follow",
        "name parameters after the star, or take it away",
    ),
    ("bare * has associated type comment", "", ""),
    ("* argument may appear only once", "a second star", "take one of the two away"),
    ("/ must be ahead of *", "'/' ends the positional parameters, so it comes first", ""),
    ("at least one argument must precede /", "nothing stands before '/'", "take it away, or put a parameter before it"),
    ("arguments cannot follow var-keyword argument", "'**' takes all that is left", "move it to the end"),
    (
        "var-positional argument cannot have default value",
        "'*' takes what is left, perhaps nothing",
        "take the default away",
    ),
    (
        "var-keyword argument cannot have default value",
        "'**' takes what is left, perhaps nothing",
        "take the default away",
    ),
    ("expected argument value expression", "the value is missing", ""),
    ("expected default value expression", "the value is missing", ""),
    ("expression expected after dictionary key and ':'", "the value is missing", "write a value, or leave the key out"),
    ("':' expected after dictionary key", "the key has no value", "write 'key: value'; a set has no ':' at all"),
    ("cannot use a starred expression in a dictionary value", "a star makes several values of one", ""),
    ("cannot use assignment expressions with", "':=' stores into a name alone", "use '=' in a statement of its own"),
    ("'tuple' is an illegal expression for augmented assignment", "", "change each name in a statement of its own"),
    ("wildcard makes remaining patterns unreachable", "this matches everything", "move it to the end"),
    (
        "name capture '",
        "a name matches everything",
        "move it to the end; to compare with a value write it with a dot (module.NAME)",
    ),
    ("multiple assignments to name", "the name is bound a second time", "choose another name for one of the two"),
    ("too many statically nested blocks", "", "move the inner blocks into a function"),
    ("too many nested parentheses", "", "give parts of the expression names"),
    ("invalid character", "this character has no meaning outside of strings", ""),
    ("expected 'in'", "'in' is missing here", "write 'for x in xs:'"),
    ("'in' expected after for-loop variables", "'in' is missing here", "write 'for x in xs:'"),
    ("cannot use starred expression here", "a star makes several values of one", "put it into brackets: [*xs]"),
    ("can't use starred expression here", "a star makes several values of one", "put it into brackets: [*xs]"),
    ("multiple starred expressions in assignment", "only one of the targets can take what is left", "keep one star"),
    (
        "starred assignment target must be in a list or tuple",
        "there is nothing to share with",
        "write '*xs, = ...' to make a list",
    ),
    ("assignment expression cannot", "", "use another name"),
    ("source code string cannot contain null bytes", "a byte 0", "the file is no text, or was damaged"),
];

/// Letters that look like others, and what was probably meant.
const LOOKALIKES: &[(&str, char)] = &[
    ("\u{201c}\u{201d}\u{201e}\u{ff02}\u{ab}\u{bb}", '"'),
    ("\u{2018}\u{2019}\u{201a}\u{ff07}\u{b4}", '\''),
    ("\u{ff08}", '('),
    ("\u{ff09}", ')'),
    ("\u{3010}\u{ff3b}", '['),
    ("\u{3011}\u{ff3d}", ']'),
    ("\u{ff5b}", '{'),
    ("\u{ff5d}", '}'),
    ("\u{ff0c}\u{3001}", ','),
    ("\u{ff1a}", ':'),
    ("\u{ff1b}", ';'),
    ("\u{3002}\u{ff0e}", '.'),
    ("\u{ff1d}", '='),
    ("\u{ff0b}", '+'),
    ("\u{2212}\u{2013}\u{2014}\u{ff0d}", '-'),
    ("\u{d7}\u{ff0a}", '*'),
    ("\u{f7}\u{ff0f}", '/'),
    ("\u{ff1c}", '<'),
    ("\u{ff1e}", '>'),
    ("\u{ff03}", '#'),
];

/// Advice about an error of `source`.
pub fn advise(source: &str, error: &SyntaxError) -> Advice {
    let mut advice = Advice { related: error.related.clone(), notes: error.notes.clone(), ..Advice::default() };
    let message = error.message.as_str();
    if let Some((_, label, note)) = TABLE.iter().find(|(start, ..)| message.starts_with(start)) {
        advice.label = (*label).to_owned();
        advice.notes.extend((!note.is_empty()).then(|| (*note).to_owned()));
    }
    let lexed = lex(source, crate::lexer::Kind::StartExec);
    let around = Around { source, tokens: &lexed.tokens, at: error.span.start };
    around.specific(message, error, &mut advice);
    advice
}

/// The text around an error.
struct Around<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: u32,
}

impl Around<'_> {
    fn specific(&self, message: &str, error: &SyntaxError, advice: &mut Advice) {
        let quoted = message.split('\'').nth(1).unwrap_or("");
        if message.ends_with("was never closed") {
            self.never_closed(message, advice);
        } else if message == "invalid syntax" {
            self.plain(error, advice);
        } else if message.starts_with("invalid character") {
            let meant = LOOKALIKES.iter().find(|(all, _)| quoted.chars().any(|c| all.contains(c)));
            if let Some((_, c)) = meant {
                advice.notes.push(format!("it looks like {c} and is another character: type {c} instead"));
            }
        } else if let Some(what) = message.strip_prefix("expected an indented block after ") {
            let what = what.rsplit_once(" on line ").map_or(what, |w| w.0);
            self.header_line(message, &format!("the block of this {what} is missing"), advice);
        } else if message.starts_with("expected 'except' or 'finally'") {
            self.before(|t| t.kind == Kind::Try, "this 'try' handles nothing yet", advice);
        } else if message.starts_with("duplicate argument") || message.starts_with("duplicate type parameter") {
            self.first_name(quoted, &[Kind::Def, Kind::Lambda, Kind::Class], "first used here", advice);
        } else if message.starts_with("keyword argument repeated") {
            let name = message.rsplit(": ").next().unwrap_or("");
            self.first_in_call(name, advice);
        } else if message.contains("prior to global declaration")
            || message.contains("before global declaration")
            || message.contains("prior to nonlocal declaration")
            || message.contains("before nonlocal declaration")
        {
            advice.label = "the declaration comes too late".to_owned();
            advice.notes.push("move it to the beginning of the function".to_owned());
            self.first_name(quoted, &[Kind::Def], "used here before", advice);
        } else if message.contains("is parameter and global") || message.contains("is parameter and nonlocal") {
            advice.label = "a parameter belongs to the function".to_owned();
            self.first_name(quoted, &[Kind::Def], "the parameter", advice);
        } else if message.starts_with("multiple assignments to name") {
            self.first_name(quoted, &[Kind::Case], "bound here first", advice);
        } else if message.contains("outside async function") || message.contains("outside of an asynchronous") {
            self.before(|t| t.kind == Kind::Def, "this function is not async", advice);
        } else if message.starts_with("unindent does not match") {
            self.levels(advice);
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
