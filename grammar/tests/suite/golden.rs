//! Errors and trees as CPython 3.14 has them. `tests/suite/common/golden.py` rewrites the expectations.

use crate::common::{dump::dump, outcome, records};
use apy_grammar::{Mode, parse};
use bumpalo::Bump;

#[test]
fn errors() {
    let mut wrong = String::new();
    let records = records(include_str!("data/errors.txt"));
    assert!(records.len() > 400, "the golden file is there");
    for (source, expected) in records {
        let got = outcome(&source);
        if got != expected {
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
