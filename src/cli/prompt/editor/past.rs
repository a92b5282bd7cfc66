//! Earlier inputs: going back to them, searching in them, and the file that keeps them.

use rustyline::Config;
use rustyline::history::{FileHistory, History, SearchDirection};
use std::path::PathBuf;

/// Inputs that are kept.
const MOST: usize = 10_000;

/// The inputs of this session and, where there is a file, of those before.
pub struct Past {
    inputs: FileHistory,
    file: Option<PathBuf>,
    loaded: bool,
    /// The input that is looked at, and what was typed before; none: the line is a new one.
    at: Option<usize>,
    draft: String,
}

impl Past {
    /// # Errors
    /// What rustyline refuses.
    pub fn new() -> rustyline::Result<Past> {
        let config = Config::builder().max_history_size(MOST)?.history_ignore_dups(true)?.build();
        let file = match std::env::var_os("PYTHON_HISTORY") {
            Some(path) if path.is_empty() => None,
            Some(path) => Some(path.into()),
            None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".apy_history")),
        };
        Ok(Past { inputs: FileHistory::with_config(&config), file, loaded: false, at: None, draft: String::new() })
    }

    /// Reads the file, the first time.
    pub fn load(&mut self) {
        if !std::mem::replace(&mut self.loaded, true)
            && let Some(file) = &self.file
        {
            // The first session has none.
            let _ = self.inputs.load(file);
        }
    }

    /// Adds an input.
    pub fn add(&mut self, text: &str) {
        if !text.is_empty()
            && self.inputs.add(text).unwrap_or(false)
            && let Some(file) = &self.file
        {
            // A history that cannot be kept is no reason to stop.
            let _ = self.inputs.append(file);
        }
    }

    /// A new line is begun.
    pub fn restart(&mut self) {
        self.at = None;
    }

    fn get(&self, index: usize) -> Option<String> {
        self.inputs.get(index, SearchDirection::Reverse).ok().flatten().map(|found| found.entry.into_owned())
    }

    /// The input before the one that is looked at; `now` is what is being edited.
    pub fn earlier(&mut self, now: &str) -> Option<String> {
        let index = self.at.unwrap_or(self.inputs.len()).checked_sub(1)?;
        self.go(index, now)
    }

    /// The input behind it, at last what was being typed.
    pub fn later(&mut self) -> Option<String> {
        let index = self.at? + 1;
        if index < self.inputs.len() {
            return self.go(index, "");
        }
        self.at = None;
        Some(std::mem::take(&mut self.draft))
    }

    /// The first input.
    pub fn first(&mut self, now: &str) -> Option<String> {
        self.go(0, now)
    }

    /// What was being typed before inputs were looked at.
    pub fn last(&mut self) -> Option<String> {
        self.at.take().map(|_| std::mem::take(&mut self.draft))
    }

    fn go(&mut self, index: usize, now: &str) -> Option<String> {
        let text = self.get(index)?;
        if self.at.is_none() {
            now.clone_into(&mut self.draft);
        }
        self.at = Some(index);
        Some(text)
    }

    /// The nearest input that holds a text, from one on; `None`: from the last on.
    pub fn search(&self, term: &str, from: Option<usize>, back: bool) -> Option<(usize, String, usize)> {
        let last = self.inputs.len().checked_sub(1)?;
        let from = from.unwrap_or(last);
        if from > last || term.is_empty() {
            return None;
        }
        let direction = if back { SearchDirection::Reverse } else { SearchDirection::Forward };
        let found = self.inputs.search(term, from, direction).ok().flatten()?;
        Some((found.idx, found.entry.into_owned(), found.pos))
    }

    /// The input that a search ended at is looked at.
    pub fn found(&mut self, index: usize, now: &str) {
        self.go(index, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_gone_through_and_the_draft_comes_back() {
        let mut past = Past::new().expect("the settings are right");
        past.file = None;
        for input in ["one", "two", "two", "three"] {
            past.add(input);
        }
        assert_eq!(past.earlier("draft").as_deref(), Some("three"));
        assert_eq!(past.earlier("three").as_deref(), Some("two"));
        assert_eq!(past.earlier("two").as_deref(), Some("one"));
        assert_eq!(past.earlier("one"), None);
        assert_eq!(past.later().as_deref(), Some("two"));
        assert_eq!(past.last().as_deref(), Some("draft"));
        assert_eq!(past.later(), None);
        assert_eq!(past.search("o", None, true).map(|f| f.0), Some(1));
        assert_eq!(past.search("o", Some(0), true).map(|f| f.1).as_deref(), Some("one"));
        assert_eq!(past.search("r", Some(0), false).map(|f| f.0), Some(2));
        assert_eq!(past.search("x", None, true), None);
    }
}
