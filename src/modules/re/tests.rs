//! Matches and errors that the design turns on; the broad comparison with Python is a script.

use super::engine::{MatchError, Regex, Slots, Subject};
use super::parse::{IGNORECASE, MULTILINE};
use super::template::Piece;

fn find(pattern: &str, flags: u32, text: &str) -> Option<Vec<Option<(usize, usize)>>> {
    let regex = Regex::new(pattern.as_bytes(), false, flags).expect("a good pattern");
    let mut slots = Slots::default();
    let subject = Subject::text(text.as_bytes());
    let found = regex.search_at(&subject, 0, text.len(), false, &mut slots, &mut |_| true).expect("no limit");
    found.then(|| slots.groups().to_vec())
}

fn error(pattern: &str) -> String {
    Regex::new(pattern.as_bytes(), false, 0).expect_err("a bad pattern").full_message()
}

#[test]
fn groups_and_alternatives() {
    assert_eq!(find("(a)|(b)", 0, "xb"), Some(vec![Some((1, 2)), None, Some((1, 2))]));
    assert_eq!(find("(a|)*", 0, "b"), Some(vec![Some((0, 0)), Some((0, 0))]));
    assert_eq!(find("(?:(a)|b)*", 0, "ab"), Some(vec![Some((0, 2)), Some((0, 1))]));
    assert_eq!(find("(a+?)(a*)$", 0, "aaa"), Some(vec![Some((0, 3)), Some((0, 1)), Some((1, 3))]));
}

#[test]
fn what_automata_cannot_do() {
    assert_eq!(find(r"(\w)\1", 0, "abccd"), Some(vec![Some((2, 4)), Some((2, 3))]));
    assert_eq!(find("(?<=é)x(?!y)", 0, "xéxyéx"), Some(vec![Some((7, 8))]));
    assert_eq!(find("a++a", 0, "aaa"), None);
    assert_eq!(find("(?>a|ab)c", 0, "abc"), None);
    assert_eq!(find("(a)?(?(1)b|c)", 0, "ab"), Some(vec![Some((0, 2)), Some((0, 1))]));
    assert_eq!(find("(?!(a)b)a(?=(c))", 0, "abac"), Some(vec![Some((2, 3)), None, Some((3, 4))]));
}

#[test]
fn case_and_lines() {
    assert_eq!(find("straße", IGNORECASE, "STRAẞE"), Some(vec![Some((0, 8))]));
    assert_eq!(find("[k]", IGNORECASE, "\u{212A}"), Some(vec![Some((0, 3))]));
    assert_eq!(find("^b$", MULTILINE, "a\nb\nc"), Some(vec![Some((2, 3))]));
    assert_eq!(find("b$", 0, "b\n"), Some(vec![Some((0, 1))]));
    assert_eq!(find(r"b\Z", 0, "b\n"), None);
}

#[test]
fn messages() {
    assert_eq!(error("(a"), "missing ), unterminated subpattern at position 0");
    assert_eq!(error("a\n**"), "multiple repeat at position 3 (line 2, column 2)");
    assert_eq!(error("(?<=a*)b"), "look-behind requires fixed-width pattern");
    assert_eq!(error("[b-a]"), "bad character range b-a at position 1");
}

#[test]
fn templates() {
    let regex = Regex::new(b"(?P<x>a)(b)", false, 0).expect("a good pattern");
    let pieces = regex.template(br"-\g<x>\2\n", false).expect("a good template");
    let literal = |text: &[u8]| Piece::Literal(text.to_vec());
    assert_eq!(pieces, [literal(b"-"), Piece::Group(1), Piece::Group(2), literal(b"\n")]);
    let error = regex.template(br"\g<3>", false).expect_err("there is no group 3");
    assert_eq!(error.full_message(), "invalid group reference 3 at position 3");
}

#[test]
fn hard_patterns_are_bounded() {
    // An automaton takes over.
    let text = "a".repeat(5000) + "b";
    assert_eq!(find("(a+)+c", 0, &text), None);
    // A back reference leaves only backtracking, which the caller stops.
    let regex = Regex::new(br"(a+)+\1c", false, 0).expect("a good pattern");
    let subject = Subject::text(text.as_bytes());
    let mut left = 1_000_000u64;
    let mut tick = |steps: u64| {
        left = left.saturating_sub(steps);
        left > 0
    };
    let result = regex.search_at(&subject, 0, text.len(), false, &mut Slots::default(), &mut tick);
    assert_eq!(result, Err(MatchError::Interrupted));
}

#[test]
fn nesting_is_limited() {
    let deep = "(".repeat(100_000) + &")".repeat(100_000);
    assert!(Regex::new(deep.as_bytes(), false, 0).is_err());
    let fine = "(?:a".repeat(390) + &")*".repeat(390);
    assert!(Regex::new(fine.as_bytes(), false, 0).is_ok());
}
