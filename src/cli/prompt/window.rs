//! Inputs with more rows than the screen: what of them is drawn, so that a key is answered at once.
//!
//! The editor draws the whole text with every key, and then moves the cursor up by as many rows as lie between the end
//! of the text and the cursor. Of a tall text only the rows around the cursor can be seen, so that only those are
//! drawn: the last ones, from which the cursor comes right by itself, or, further up, those from the cursor's row on,
//! which stands at the top of the screen, where moving up ends.
//! Not here: colours, and what the text means.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

/// As far apart as tabs are in the editor.
const TAB: usize = 4;

/// What is known about the drawing of one input.
#[derive(Default)]
pub struct Window {
    /// The prompt before the first row, as it is drawn, and its columns.
    prompt: Mutex<(String, usize)>,
    /// The input has more rows than the screen.
    tall: AtomicBool,
    /// So many drawings more stand below a list of candidates.
    below: AtomicU8,
}

/// How a tall text is drawn.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Written before it.
    pub before: String,
    /// The bytes of the text that are drawn.
    pub from: usize,
    pub to: usize,
}

impl Window {
    /// A new input begins.
    pub fn reset(&self) {
        self.tall.store(false, Ordering::SeqCst);
        self.below.store(0, Ordering::SeqCst);
    }

    /// The prompt that is drawn next, and how.
    pub fn prompt(&self, prompt: &str, drawn: &str) {
        let columns = prompt.chars().map(width).sum();
        *self.prompt.lock().unwrap_or_else(PoisonError::into_inner) = (drawn.to_owned(), columns);
    }

    /// Candidates may be listed below the input.
    pub fn lists(&self) {
        self.below.store(2, Ordering::SeqCst);
    }

    /// Whether the input has more rows than the screen, so that each key draws it anew.
    pub fn is_tall(&self) -> bool {
        self.tall.load(Ordering::SeqCst)
    }

    /// What to draw of a text with the cursor at a byte of it, on a screen of so many rows and columns; `None` for all
    /// of it.
    pub fn part(&self, text: &str, cursor: usize, (rows, columns): (usize, usize)) -> Option<Part> {
        let listed = self.below.load(Ordering::SeqCst);
        self.below.store(listed.saturating_sub(1), Ordering::SeqCst);
        // Most inputs are short: nothing is counted for them.
        if rows < 4 || columns < 8 || text.len() < rows {
            self.tall.store(false, Ordering::SeqCst);
            return None;
        }
        let (prompt, width) = self.prompt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let starts = row_starts(text, width, columns);
        if starts.len() < rows {
            self.tall.store(false, Ordering::SeqCst);
            return None;
        }
        let was_tall = self.tall.swap(true, Ordering::SeqCst);
        let row = starts.partition_point(|start| *start <= cursor).saturating_sub(1);
        let below = starts.len() - 1 - row;
        let end_of = |row: usize| match starts.get(row) {
            // The line break before a row is not drawn with the row above it.
            Some(start) => start - usize::from(text.as_bytes().get(start.wrapping_sub(1)) == Some(&b'\n')),
            None => text.len(),
        };
        if below + 1 < rows {
            if !was_tall {
                // The first time it is drawn whole: what scrolls away can be looked at.
                return None;
            }
            let count = if listed > 0 { (rows / 2).max(below + 1) } else { rows - 1 };
            let first = starts.len() - count.min(starts.len());
            return Some(Part { before: "\r\x1b[J".to_owned(), from: starts[first], to: text.len() });
        }
        let scroll = if was_tall { String::new() } else { "\n".repeat(rows - 1) };
        let prompt = if row == 0 { prompt.as_str() } else { "" };
        Some(Part { before: format!("{scroll}\x1b[H\x1b[J{prompt}"), from: starts[row], to: end_of(row + rows - 1) })
    }
}

/// Where the rows of a text begin on a screen of so many columns, the first behind a prompt; in bytes.
fn row_starts(text: &str, prompt: usize, columns: usize) -> Vec<usize> {
    let mut starts = vec![0];
    let mut column = prompt;
    for (i, c) in text.char_indices() {
        if c == '\n' {
            starts.push(i + 1);
            column = 0;
            continue;
        }
        let wide = if c == '\t' { TAB - column % TAB } else { width(c) };
        column += wide;
        if column > columns {
            starts.push(i);
            column = wide;
        }
    }
    starts
}

fn width(c: char) -> usize {
    if c.is_ascii() { 1 } else { apy::text::unicode::columns(u32::from(c)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(n: usize) -> String {
        (0..n).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn rows_end_where_the_screen_does() {
        assert_eq!(row_starts("abcdefghij", 4, 8), [0, 4]);
        assert_eq!(row_starts("ab\ncd", 4, 8), [0, 3]);
        assert_eq!(row_starts("\u{4f60}\u{4f60}\u{4f60}", 3, 8), [0, 6]);
        assert_eq!(row_starts("", 4, 8), [0]);
    }

    #[test]
    fn short_texts_are_drawn_whole() {
        let window = Window::default();
        window.prompt(">>> ", ">>> ");
        assert_eq!(window.part(&lines(9), 3, (10, 80)), None);
        assert!(!window.is_tall());
    }

    #[test]
    fn of_tall_texts_the_rows_at_the_cursor_are_drawn() {
        let window = Window::default();
        window.prompt(">>> ", ">>> ");
        let text = lines(100);
        // The first drawing is whole.
        assert_eq!(window.part(&text, text.len(), (10, 80)), None);
        assert!(window.is_tall());
        let drawn = |cursor: usize| window.part(&text, cursor, (10, 80)).map(|p| text[p.from..p.to].to_owned());
        let expected =
            |range: std::ops::Range<usize>| Some(range.map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n"));
        assert_eq!(drawn(text.len()), expected(91..100));
        assert_eq!(drawn(text.find("line 92").unwrap_or(0)), expected(91..100));
        assert_eq!(drawn(text.find("line 90").unwrap_or(0)), expected(90..99));
        assert_eq!(drawn(text.find("line 50").unwrap_or(0) + 2), expected(50..59));
        assert_eq!(drawn(0), expected(0..9));
        window.reset();
        assert!(!window.is_tall());
    }
}
