//! Modes of parsing, warnings, incomplete input, decoding, positions.

use apy_grammar::ast::{ExprKind, Mod, StmtKind};
use apy_grammar::{LineIndex, Mode, decode, parse};
use bumpalo::Bump;

fn message(source: &str, mode: Mode) -> Option<(String, bool)> {
    parse(&Bump::new(), source, mode).err().map(|e| (e.message, e.incomplete))
}

fn warnings(source: &str) -> Vec<String> {
    let arena = Bump::new();
    parse(&arena, source, Mode::Exec).expect("the source is right").warnings.into_iter().map(|w| w.message).collect()
}

#[test]
fn eval() {
    let arena = Bump::new();
    let parsed = parse(&arena, "a, b # c\n\n", Mode::Eval).expect("an expression");
    let Mod::Expression(e) = parsed.module else { panic!("{parsed:?}") };
    assert!(matches!(e.kind, ExprKind::Tuple { parenthesized: false, .. }));
    for bad in ["", "a = 1", "pass", "a; b", "yield", "*a", "a\nb", " a"] {
        assert!(message(bad, Mode::Eval).is_some(), "{bad:?}");
    }
}

#[test]
fn single() {
    let arena = Bump::new();
    let parsed = parse(&arena, "a; b\n", Mode::Single).expect("a line");
    let Mod::Interactive([a, b]) = parsed.module else { panic!("{parsed:?}") };
    assert!(matches!((a.kind, b.kind), (StmtKind::Expr(_), StmtKind::Expr(_))));
    let two = "multiple statements found while compiling a single statement".to_owned();
    assert_eq!(message("a\nb\n", Mode::Single), Some((two, false)));
    assert_eq!(message("if a:\n  b\n\n", Mode::Single), None);
}

#[test]
fn incomplete() {
    for source in
        ["(", "f(a,\n", "'''a", "f'''{", "if a:\n", "def f():\n", "@a\n", "try:\n  a\n", "a = \\\n", "class A:"]
    {
        assert_eq!(message(source, Mode::Single).map(|m| m.1), Some(true), "{source:?}");
    }
    for source in ["a b", "a b (", "'a", ")", "a =\n", "if a\n", "def f(:\n", "1 +\n", "a\n  b\n"] {
        assert_eq!(message(source, Mode::Single).map(|m| m.1), Some(false), "{source:?}");
    }
}

#[test]
fn warns() {
    let escape = |c: &str| {
        format!(
            "\"\\{c}\" is an invalid escape sequence. Such sequences will not work in the future. \
             Did you mean \"\\\\{c}\"? A raw string is also an option."
        )
    };
    assert_eq!(warnings(r#""\d\e""#), [escape("d")]);
    assert_eq!(warnings(r#"f"\{a}\w""#), [escape("{"), escape("w")]);
    assert_eq!(warnings(r#"b"\400""#), [escape("400").replace("invalid escape", "invalid octal escape")]);
    assert_eq!(warnings("a = 1if b else 2"), ["invalid decimal literal"]);
    assert!(warnings(r#"r"\d" "\n\\" f"{a}""#).is_empty());
}

#[test]
fn decodes() {
    let text = |bytes: &[u8]| decode(bytes).map(|t| t.into_owned()).map_err(|e| e.message);
    assert_eq!(text(b"\xEF\xBB\xBFa"), Ok("a".into()));
    assert_eq!(text("é".as_bytes()), Ok("é".into()));
    assert_eq!(text(b"# -*- coding: latin-1 -*-\n\xE9"), Ok("# -*- coding: latin-1 -*-\né".into()));
    assert_eq!(
        text(b"\n# vim: set fileencoding=iso-8859-15 :\n\xA4"),
        Ok("\n# vim: set fileencoding=iso-8859-15 :\n€".into())
    );
    assert_eq!(text(b"# coding: nope\n"), Err("unknown encoding: nope".into()));
    assert_eq!(text(b"\xEF\xBB\xBF# coding: latin-1\n"), Err("encoding problem: iso-8859-1 with BOM".into()));
    assert_eq!(text(b"a\0b"), Err("source code cannot contain null bytes".into()));
    let unknown = "Non-UTF-8 code starting with '\\xe9' on line 2, but no encoding declared; see \
                   https://peps.python.org/pep-0263/ for details";
    assert_eq!(text(b"a\na = '\xE9'"), Err(unknown.into()));
    let ascii = "'ascii' codec can't decode byte 0xe9 in position 16: ordinal not in range(128)";
    assert_eq!(text(b"# coding: ascii\n\xE9"), Err(ascii.into()));
    assert_eq!(text(b"a\n\n# coding: nope\n"), Ok("a\n\n# coding: nope\n".into()));
}

#[test]
fn line_breaks() {
    let arena = Bump::new();
    for source in ["if a:\r\n  b\r\n'''c\r\nd'''", "if a:\r  b\r'''c\rd'''", "if a:\n  b\n'''c\nd'''"] {
        let parsed = parse(&arena, source, Mode::Exec).expect("all line breaks are alike");
        let Mod::Module([_, last]) = parsed.module else { panic!("{parsed:?}") };
        let StmtKind::Expr(e) = last.kind else { panic!("{last:?}") };
        let ExprKind::Constant(apy_grammar::ast::Constant::Str { value, .. }) = e.kind else { panic!("{e:?}") };
        assert_eq!(value, b"c\nd");
        assert_eq!(LineIndex::new(source).line(last.span.start), 3);
    }
}

#[test]
fn positions() {
    let source = "aé\nb😀c\r\n\rd";
    let lines = LineIndex::new(source);
    assert_eq!(lines.line_count(), 4);
    let at = |needle: &str| source.find(needle).expect("it is there") as u32;
    assert_eq!(lines.line_column(source, at("c")), (2, 2));
    assert_eq!(lines.line_column_bytes(at("c")), (2, 5));
    assert_eq!(lines.line_column(source, at("d")), (4, 0));
    assert_eq!(lines.line_text(source, 2), "b😀c");
    assert_eq!(lines.line_text(source, 9), "");
}
