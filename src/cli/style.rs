//! Whether to use colours and box-drawing characters.

use apy::diagnostics::report::Style;
use std::io::IsTerminal;

/// How reports on standard error are drawn.
pub fn of_stderr() -> Style {
    Style { color: colors(std::io::stderr().is_terminal()), unicode: unicode() }
}

/// Whether to use colours on a stream: the rules of CPython.
pub fn colors(terminal: bool) -> bool {
    apy::diagnostics::color::wanted(terminal, |name| std::env::var(name).ok())
}

/// Whether the locale has more than ASCII; where nothing says so, it has.
fn unicode() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    if std::env::var("TERM").is_ok_and(|t| t == "dumb") && std::io::stderr().is_terminal() {
        return false;
    }
    match set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")) {
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf") || locale == "c" || locale == "posix"
        }
        None => true,
    }
}
