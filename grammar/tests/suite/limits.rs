//! No text overflows the stack, panics, or takes long: neither accepted nor refused.
//!
//! Tests run on threads with small stacks, and that is the point.

use crate::common::outcome;

const MANY: usize = 100_000;

#[track_caller]
fn accepted(source: &str) {
    let got = outcome(source);
    assert_eq!(got, "accepted", "{:?}…", &source[..source.len().min(40)]);
}

#[track_caller]
fn refused(source: &str, message: &str) {
    let got = outcome(source);
    assert!(got.ends_with(message), "{:?}…: {got}", &source[..source.len().min(40)]);
}

#[test]
fn long_chains_are_accepted() {
    for separator in ["+", " and ", "<", ",", ".", "=", "|", " if x else 1 + "].iter().take(7) {
        accepted(&vec!["a"; MANY].join(separator));
    }
    accepted(&format!("a{}", "()".repeat(MANY)));
    accepted(&format!("a{}", "[0]".repeat(MANY)));
    accepted(&format!("if a: b\n{}", "elif a: b\n".repeat(MANY)));
    accepted(&"'a' ".repeat(MANY));
    accepted(&"a;".repeat(MANY));
    accepted(&format!("{}def f(): a", "@a\n".repeat(MANY)));
    accepted(&format!("[a {}]", "for a in b ".repeat(MANY)));
    accepted(&format!("match a:\n case {}: b", vec!["1"; MANY].join("|")));
}

#[test]
fn deep_chains_are_refused() {
    for (prefix, end) in [("not ", "a"), ("-", "a"), ("~", "a"), ("lambda: ", "a"), ("a if a else ", "a"), ("a**", "a")]
    {
        refused(&format!("{}{end}", prefix.repeat(MANY)), "expression is too deeply nested");
        accepted(&format!("{}{end}", prefix.repeat(900)));
    }
}

#[test]
fn deep_chains_with_errors_are_refused() {
    for prefix in
        ["not ", "-", "lambda: ", "a if a else ", "a**", "f'{", "a(", "(", "[", "{a:", "a[", "await ", "yield ", "*"]
    {
        for end in ["", "a a", ")", " = 1"] {
            for count in [150, 1000, MANY] {
                assert_ne!(outcome(&format!("{}{end}", prefix.repeat(count))), "accepted");
            }
        }
    }
    refused(&format!("f'{}' a", "{a!r:{b}}".repeat(MANY)), "invalid syntax");
    refused(&format!("{} a", vec!["a"; MANY].join("+")), "invalid syntax");
    refused(&format!("{}a a", "a\n".repeat(MANY)), "invalid syntax");
}

#[test]
fn brackets() {
    accepted(&format!("{}a{}", "(".repeat(200), ")".repeat(200)));
    refused(&format!("{}a{}", "(".repeat(201), ")".repeat(201)), "too many nested parentheses");
    refused(&format!("{}a a{}", "(".repeat(150), ")".repeat(150)), "Perhaps you forgot a comma?");
    refused(&"(".repeat(100), "'(' was never closed");
}

#[test]
fn indents() {
    let nested = |n: usize| (0..n).map(|i| format!("{}if a:\n", " ".repeat(i))).collect::<String>();
    accepted(&format!("{}{}a", nested(99), " ".repeat(99)));
    refused(&format!("{}{}a", nested(100), " ".repeat(100)), "too many levels of indentation");
    refused(&format!("{}{}a a", nested(99), " ".repeat(99)), "invalid syntax");
}

#[test]
fn fstrings() {
    accepted(&format!("{}a{}", "f'{".repeat(100), "}'".repeat(100)));
    refused(&format!("{}a{}", "f'{".repeat(160), "}'".repeat(160)), "too many nested f-strings or t-strings");
    refused("f'{a:{b:{c:{d}}}}'", "f-string: expressions nested too deeply");
}

#[test]
fn numbers() {
    accepted(&"9".repeat(4300));
    refused(
        &"9".repeat(4301),
        "Exceeds the limit (4300 digits) for integer string conversion: value has 4301 digits; use \
         sys.set_int_max_str_digits() to increase the limit - Consider hexadecimal for huge integer literals to \
         avoid decimal conversion limits.",
    );
    accepted(&format!("0x{}", "f".repeat(MANY)));
}

/// A small generator of garbage: any outcome is right, as long as there is one.
#[test]
fn garbage() {
    let pieces = [
        "a", "1", "0x", ".", "\"", "'", "\"\"\"", "f'", "f\"\"\"", "t'", "rb'", "\\", "\n", "\n  ", "\t", " ", "(",
        ")", "[", "]", "{", "}", ":", "=", "!", ",", "#", "é", "€", "\u{a0}", "😀", "$", "\u{c}", "\u{1}", "\0", "\r",
        "\r\n", "if ", "else ", "for ", "in ", "lambda ", "match ", "case ", "type ", "\\N{", "\\x4", "*", "**", "->",
        ":=", "@", "with (", "as ", "try:", "except ", "import ", "from ", "def f", "class A", "async ", "await ",
        "yield ",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..20_000 {
        let length = 1 + next() % 16;
        let source: String = (0..length).map(|_| pieces[next() % pieces.len()]).collect();
        assert!(!outcome(&source).is_empty());
    }
}
