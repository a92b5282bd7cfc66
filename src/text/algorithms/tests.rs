//! The methods' cores, against what CPython's methods give.

use super::Flavor::{Bytes, Text};
use super::*;

fn strings(pieces: Vec<&[u8]>) -> Vec<String> {
    pieces.into_iter().map(|p| String::from_utf8_lossy(p).into_owned()).collect()
}

#[test]
fn splitting() {
    assert_eq!(strings(split(b"a,b,,c", b",", None)), ["a", "b", "", "c"]);
    assert_eq!(strings(split(b"a,b,,c", b",", Some(1))), ["a", "b,,c"]);
    assert_eq!(strings(rsplit(b"a,b,,c", b",", Some(1))), ["a,b,", "c"]);
    assert_eq!(strings(split(b"aaa", b"aa", None)), ["", "a"]);
    assert_eq!(strings(rsplit(b"aaa", b"aa", None)), ["a", ""]);
    assert_eq!(strings(split_whitespace(b"  a  b c  ", Some(1), Text)), ["a", "b c  "]);
    assert_eq!(strings(rsplit_whitespace(b"  a  b c  ", Some(1), Text)), ["  a  b", "c"]);
    assert_eq!(strings(split_whitespace("a\u{3000}b\u{1f}c".as_bytes(), None, Text)), ["a", "b", "c"]);
    assert_eq!(strings(split_whitespace(b"a\x1fb", None, Bytes)), ["a\x1fb"]);
    assert!(split_whitespace(b"  ", None, Text).is_empty());
    assert_eq!(strings(split_lines("a\r\nb\u{2028}c\x0bd\n".as_bytes(), false, Text)), ["a", "b", "c", "d"]);
    assert_eq!(strings(split_lines(b"a\r\n\nb\x0bc\r", true, Bytes)), ["a\r\n", "\n", "b\x0bc\r"]);
    assert_eq!(partition(b"a=b=c", b"="), Some((&b"a"[..], &b"b=c"[..])));
    assert_eq!(rpartition(b"a=b=c", b"="), Some((&b"a=b"[..], &b"c"[..])));
}

#[test]
fn stripping() {
    assert_eq!(strip("\u{a0} é \n".as_bytes(), None, Side::Both, Text), "é".as_bytes());
    assert_eq!(strip("éaxé".as_bytes(), Some("éa".as_bytes()), Side::Both, Text), b"x");
    assert_eq!(strip(b"xxaxx", Some(b"x"), Side::Left, Bytes), b"axx");
    assert_eq!(strip(b"xxaxx", Some(b"x"), Side::Right, Bytes), b"xxa");
    assert_eq!(strip(b"xx", Some(b"x"), Side::Both, Bytes), b"");
    assert_eq!(strip(b"\xff\xfea", Some(b"\xff\xfe"), Side::Both, Bytes), b"a");
}

#[test]
fn searching() {
    assert_eq!(find(b"abcabc", b"ca"), Some(2));
    assert_eq!(rfind(b"abcabc", b"bc"), Some(4));
    assert_eq!(count("aéa".as_bytes(), b"", Text), 4);
    assert_eq!(count(b"aaaa", b"aa", Bytes), 2);
    assert_eq!(clip(Some(-3), Some(-1), 10), (7, 9));
    assert_eq!(clip(Some(5), None, 3), (5, 3));
    assert_eq!(clip(Some(i64::MIN), Some(i64::MAX), 3), (0, 3));
    let all = usize::MAX;
    assert_eq!(replace("aé".as_bytes(), b"", b"-", None, Text, all).unwrap(), "-a-é-".as_bytes());
    assert_eq!(replace("aé".as_bytes(), b"", b"-", Some(2), Text, all).unwrap(), "-a-é".as_bytes());
    assert_eq!(replace(b"aXbXc", b"X", b"--", Some(1), Bytes, all).unwrap(), b"a--bXc");
    assert_eq!(replace(b"aaa", b"aa", b"", None, Bytes, all).unwrap(), b"a");
    assert_eq!(replace(b"xxxx", b"x", b"yyyy", None, Bytes, 10), None);
}

#[test]
fn layout() {
    let center = |text: &[u8], width| justify(text, text.len(), width, 0x2A, Justify::Center, Text);
    assert_eq!(center(b"ab", 5), b"**ab*");
    assert_eq!(center(b"a", 4), b"*a**");
    assert_eq!(center(b"abc", 2), b"abc");
    assert_eq!(zfill(b"-12", 3, 5), b"-0012");
    assert_eq!(zfill(b"+", 1, 1), b"+");
    assert_eq!(expand_tabs(b"a\tbc\t\n\td", 4, Text, 100).unwrap(), b"a   bc  \n    d");
    assert_eq!(expand_tabs(b"a\tb", 0, Text, 100).unwrap(), b"ab");
    assert_eq!(expand_tabs(b"a\tb", i64::MAX, Text, 100), None);
    assert_eq!(repeat(b"ab", 3, 10).unwrap(), b"ababab");
    assert_eq!(repeat(b"ab", i64::MAX, 10), None);
    assert_eq!(repeat(b"ab", -1, 10).unwrap(), b"");
}

#[test]
fn ascii_case() {
    assert_eq!(bytes_title(b"hello wORLD's"), b"Hello World'S");
    assert_eq!(bytes_capitalize(b"hELLO"), b"Hello");
    assert_eq!(bytes_swapcase(b"aB1\xe9"), b"Ab1\xe9");
    assert!(bytes_is_title(b"Ab Cd") && !bytes_is_title(b"AB") && !bytes_is_title(b"1"));
    assert!(bytes_is_lower(b"a1") && !bytes_is_lower(b"1") && bytes_is_upper(b"A") && bytes_is_space(b" \x0b"));
    assert_eq!(translate_bytes(b"abc", None, b"b"), b"ac");
}
