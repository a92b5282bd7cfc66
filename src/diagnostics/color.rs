//! Colours of tracebacks, and when to use them: both are CPython's.

/// Whether to use colours on a stream. The variables are asked in CPython's order: `PYTHON_COLORS`, `NO_COLOR`,
/// `FORCE_COLOR`, `TERM`.
pub fn wanted(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    match variable("PYTHON_COLORS").as_deref() {
        Some("0") => return false,
        Some("1") => return true,
        _ => {}
    }
    let set = |name: &str| variable(name).is_some_and(|v| !v.is_empty());
    if set("NO_COLOR") {
        return false;
    }
    if set("FORCE_COLOR") {
        return true;
    }
    terminal && variable("TERM").is_none_or(|t| t != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_asked_in_order() {
        let with = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_owned())
        };
        assert!(wanted(true, with(&[])));
        assert!(!wanted(false, with(&[])));
        assert!(!wanted(true, with(&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")])));
        assert!(wanted(false, with(&[("FORCE_COLOR", "1"), ("TERM", "dumb")])));
        assert!(wanted(false, with(&[("PYTHON_COLORS", "1"), ("NO_COLOR", "1")])));
        assert!(!wanted(true, with(&[("TERM", "dumb")])));
    }
}
