//! Errors and trees as CPython 3.14 has them. `tests/suite/common/golden.py` rewrites the expectations.

use crate::common::{dump::dump, outcome, records};
use apy_grammar::{Mode, parse};
use bumpalo::Bump;

/// Whether the outcome is the expected one. Where CPython gives no end of the place, any end will do.
fn agrees(expected: &str, got: &str) -> bool {
    let split = |text: &str| -> (String, String, String) {
        let mut parts = text.splitn(3, ' ');
        let mut next = || parts.next().unwrap_or("").to_owned();
        (next(), next(), next())
    };
    let (want, have) = (split(expected), split(got));
    let place = if want.1.contains('-') { have.1 == want.1 } else { have.1.split('-').next() == Some(&want.1) };
    want.0 == have.0 && want.2 == have.2 && place
}

#[test]
fn errors() {
    let mut wrong = String::new();
    let records = records(include_str!("data/errors.txt"));
    assert!(records.len() > 400, "the golden file is there");
    for (source, expected) in records {
        let got = outcome(&source);
        if !agrees(&expected, &got) {
            wrong += &format!("{source:?}\n  expected {expected}\n  got      {got}\n");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn trees() {
    for (source, expected) in records(include_str!("data/trees.txt")) {
        let arena = Bump::new();
        let parsed = parse(&arena, &source, Mode::Exec).unwrap_or_else(|error| panic!("{source:?}: {error}"));
        assert_eq!(dump(&source, &parsed.module), expected, "{source:?}");
    }
}
