//! What is said of arguments that do not fit the parameters of a script's function, in CPython's words. Natives that
//! stand for such functions use the same texts.

/// The ending of a noun that is counted.
pub(super) fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// Names in a row: `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`.
fn row<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'{}'", n.as_ref())).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [most @ .., last] => format!("{}, and {last}", most.join(", ")),
    }
}

/// Parameters of a kind (`positional`, `keyword-only`) that have no value.
pub(super) fn missing<T: AsRef<str>>(function: &str, kind: &str, names: &[T]) -> String {
    let n = names.len();
    format!("{function}() missing {n} required {kind} argument{}: {}", plural(n), row(names))
}

/// More positional arguments than parameters, of which there are `most`, and `least` without a default; `keyword_only`
/// others were given by name.
pub(super) fn too_many(function: &str, [least, most]: [usize; 2], given: usize, keyword_only: usize) -> String {
    let takes = match least == most {
        true => format!("{most} positional argument{}", plural(most)),
        false => format!("from {least} to {most} positional arguments"),
    };
    let given = match keyword_only {
        0 if given == 1 => "1 was".to_string(),
        0 => format!("{given} were"),
        n => {
            format!("{given} positional argument{} (and {n} keyword-only argument{}) were", plural(given), plural(n))
        }
    };
    format!("{function}() takes {takes} but {given} given")
}

/// A keyword that is no parameter's name, with the name that may have been meant.
pub(super) fn unexpected_keyword(function: &str, keyword: &str, names: &[&str]) -> String {
    let mut text = format!("{function}() got an unexpected keyword argument '{keyword}'");
    if let Some(s) = crate::text::suggestions::suggest(keyword.as_bytes(), names.iter().map(|n| n.as_bytes())) {
        text.push_str(&format!(". Did you mean '{}'?", String::from_utf8_lossy(s)));
    }
    text
}
