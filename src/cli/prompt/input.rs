//! What a whole input is, and how far in its next line begins. The parser decides.

use apy_grammar::ast::Mod;
use apy_grammar::{Mode, parse};

/// How far in a block stands.
const STEP: usize = 4;

/// Whether Enter at the end of the text runs it: it is a program, or wrong in a way that more text cannot mend. A block
/// ends with an empty line.
pub fn is_complete(text: &str) -> bool {
    if text.trim().is_empty() {
        return true;
    }
    let arena = bumpalo::Bump::new();
    match parse(&arena, text, Mode::Exec) {
        Err(e) => !e.incomplete,
        Ok(parsed) => {
            let Mod::Module(body) = parsed.module else { return true };
            let block = body.last().is_some_and(|s| s.kind.is_compound());
            // A pasted block followed by a line at its own level is complete as it is.
            !block || text.rsplit('\n').next().is_some_and(|last| text.contains('\n') && last.trim().is_empty())
        }
    }
}

/// The white space that the line after `before` begins with.
pub fn next_indent(before: &str) -> String {
    let line = before.rsplit('\n').next().unwrap_or("");
    let indent = line.len() - line.trim_start().len();
    let code = code_of(line);
    let words = code.trim_start();
    let leaves = ["return", "pass", "break", "continue", "raise"].iter().any(|w| {
        words.strip_prefix(w).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    });
    let indent = if code.ends_with([':', '(', '[', '{']) {
        indent + STEP
    } else if leaves {
        indent.saturating_sub(STEP)
    } else {
        indent
    };
    " ".repeat(indent)
}

/// A line without its comment. A `#` inside a string cuts too much, which only costs an indentation.
fn code_of(line: &str) -> &str {
    line.split('#').next().unwrap_or("").trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_decides() {
        for text in ["", "1 + 1", "x = (1,\n 2)", "if x:\n    y\n", "def f(): pass\n", "x = = 1", "a\nb", "'''a\nb'''"]
        {
            assert!(is_complete(text), "{text:?}");
        }
        for text in
            ["if x:", "if x:\n    y", "(1,", "'''abc", "def f(): pass", "@d", "x = \\\n", "for i in x:\n    f(\n"]
        {
            assert!(!is_complete(text), "{text:?}");
        }
    }

    #[test]
    fn blocks_stand_further_in() {
        assert_eq!(next_indent("if x:"), "    ");
        assert_eq!(next_indent("if x:\n    y = 1"), "    ");
        assert_eq!(next_indent("def f():\n    return 1"), "");
        assert_eq!(next_indent("x = ["), "    ");
        assert_eq!(next_indent("if x:  # why"), "    ");
    }
}
