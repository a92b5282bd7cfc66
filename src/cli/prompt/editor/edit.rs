//! The text being edited, and what keys do to it.
//!
//! The text and the movements in it are rustyline's line buffer. Here: moving by lines, taking changes back, and what was
//! cut out.

use rustyline::line_buffer::{ChangeListener, DeleteListener, Direction, LineBuffer, WordAction};
use rustyline::{At, Movement, Word};

/// The longest text that is taken over from elsewhere; the memory is the system's until it is used.
const LONGEST: usize = 16 << 20;
/// So many changes can be taken back.
const UNDO: usize = 500;
/// So many pieces that were cut out are kept.
const KILLS: usize = 60;

/// What the last key did, as far as the next one cares.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Did {
    #[default]
    Other,
    Insert,
    Kill,
    /// Put back the piece with this number, counted from the last; the text begins there.
    Yank {
        from: usize,
        piece: usize,
    },
}

/// A text with a cursor.
pub struct Edit {
    line: LineBuffer,
    did: Did,
    /// Where the text was before, and its cursor.
    before: Vec<(String, usize)>,
    /// The column that moving by lines keeps to.
    column: Option<usize>,
}

/// Pieces that were cut out.
#[derive(Default)]
pub struct Kills(Vec<String>);

/// Hears what is deleted.
#[derive(Default)]
struct Deleted(Vec<(String, Direction)>);

impl DeleteListener for Deleted {
    fn delete(&mut self, _: usize, string: &str, direction: Direction) {
        self.0.push((string.to_owned(), direction));
    }
}

impl ChangeListener for Deleted {
    fn insert_char(&mut self, _: usize, _: char) {}

    fn insert_str(&mut self, _: usize, _: &str) {}

    fn replace(&mut self, _: usize, _: &str, _: &str) {}
}

impl Edit {
    pub fn new() -> Edit {
        Edit { line: LineBuffer::with_capacity(LONGEST), did: Did::Other, before: Vec::new(), column: None }
    }

    pub fn text(&self) -> &str {
        self.line.as_str()
    }

    pub fn cursor(&self) -> usize {
        self.line.pos()
    }

    pub fn before_cursor(&self) -> &str {
        self.text().get(..self.cursor()).unwrap_or("")
    }

    pub fn after_cursor(&self) -> &str {
        self.text().get(self.cursor()..).unwrap_or("")
    }

    /// Remembers the text, which is about to change.
    fn changes(&mut self, did: Did) {
        if did != Did::Insert || self.did != Did::Insert {
            if self.before.len() == UNDO {
                self.before.remove(0);
            }
            self.before.push((self.text().to_owned(), self.cursor()));
        }
        self.did = did;
        self.column = None;
    }

    /// Another text, which is no change of this one.
    pub fn set(&mut self, text: &str, cursor: usize) {
        self.changes(Did::Other);
        self.line.update(text, cursor.min(text.len()), &mut Deleted::default());
    }

    /// Puts text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        self.changes(if text.chars().nth(1).is_none() && !text.contains([' ', '\n']) {
            Did::Insert
        } else {
            Did::Other
        });
        self.put(text);
    }

    fn put(&mut self, text: &str) {
        let at = self.cursor();
        self.line.insert_str(at, text, &mut Deleted::default());
        self.line.set_pos(at + text.len());
    }

    /// Puts text in the place of what stands between a byte and the cursor.
    pub fn replace_from(&mut self, from: usize, text: &str) {
        self.changes(Did::Other);
        let end = self.cursor();
        if from <= end && self.text().is_char_boundary(from) {
            self.line.delete_range(from..end, &mut Deleted::default());
            self.line.set_pos(from);
            self.put(text);
        }
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> bool {
        let Some((text, cursor)) = self.before.pop() else { return false };
        self.line.update(&text, cursor, &mut Deleted::default());
        (self.did, self.column) = (Did::Other, None);
        true
    }

    fn moved(&mut self) -> bool {
        (self.did, self.column) = (Did::Other, None);
        true
    }

    pub fn left(&mut self) -> bool {
        self.line.move_backward(1) && self.moved()
    }

    pub fn right(&mut self) -> bool {
        self.line.move_forward(1) && self.moved()
    }

    pub fn word_left(&mut self) -> bool {
        self.line.move_to_prev_word(Word::Emacs, 1) && self.moved()
    }

    pub fn word_right(&mut self) -> bool {
        self.line.move_to_next_word(At::AfterEnd, Word::Emacs, 1) && self.moved()
    }

    pub fn home(&mut self) {
        self.line.move_home();
        self.moved();
    }

    pub fn end(&mut self) {
        self.line.move_end();
        self.moved();
    }

    pub fn first(&mut self) {
        self.line.move_buffer_start();
        self.moved();
    }

    pub fn last(&mut self) {
        self.line.move_buffer_end();
        self.moved();
    }

    /// So many lines up, in the same column; false when there is none above.
    pub fn up(&mut self, lines: usize) -> bool {
        let before = self.before_cursor();
        let Some(mut end) = before.rfind('\n') else { return false };
        let column = self.column.unwrap_or_else(|| before.get(end + 1..).unwrap_or("").chars().count());
        let start_of = |end: usize| before.get(..end).and_then(|b| b.rfind('\n')).map_or(0, |i| i + 1);
        let mut start = start_of(end);
        for _ in 1..lines {
            if start == 0 {
                break;
            }
            end = start - 1;
            start = start_of(end);
        }
        self.set_column(start, end, column);
        true
    }

    /// So many lines down, in the same column; false when there is none below.
    pub fn down(&mut self, lines: usize) -> bool {
        let before = self.before_cursor();
        let line = before.rfind('\n').map_or(0, |i| i + 1);
        let column = self.column.unwrap_or_else(|| before.get(line..).unwrap_or("").chars().count());
        let text = self.text();
        let next = |from: usize| text.get(from..).and_then(|t| t.find('\n')).map(|i| from + i + 1);
        let Some(mut start) = next(self.cursor()) else { return false };
        for _ in 1..lines {
            let Some(further) = next(start) else { break };
            start = further;
        }
        let end = next(start).map_or(text.len(), |i| i - 1);
        self.set_column(start, end, column);
        true
    }

    fn set_column(&mut self, start: usize, end: usize, column: usize) {
        let line = self.text().get(start..end).unwrap_or("");
        let at = line.char_indices().nth(column).map_or(end, |(i, _)| start + i);
        self.line.set_pos(at);
        self.did = Did::Other;
        self.column = Some(column);
    }

    /// Deletes without keeping.
    pub fn delete(&mut self, what: &Movement) -> bool {
        self.changes(Did::Other);
        self.line.kill(what, &mut Deleted::default()) || self.nothing()
    }

    /// Cuts out.
    pub fn kill(&mut self, what: &Movement, kills: &mut Kills) -> bool {
        let goes_on = self.did == Did::Kill;
        self.changes(Did::Kill);
        let mut deleted = Deleted::default();
        if !self.line.kill(what, &mut deleted) {
            return self.nothing();
        }
        if !goes_on {
            kills.0.push(String::new());
            if kills.0.len() > KILLS {
                kills.0.remove(0);
            }
        }
        if let Some(last) = kills.0.last_mut() {
            for (text, direction) in deleted.0 {
                match direction {
                    Direction::Forward => last.push_str(&text),
                    Direction::Backward => last.insert_str(0, &text),
                }
            }
        }
        true
    }

    /// Nothing changed after all.
    fn nothing(&mut self) -> bool {
        self.before.pop();
        false
    }

    /// Puts in what was cut out last.
    pub fn yank(&mut self, kills: &Kills) -> bool {
        let Some(text) = kills.0.last() else { return false };
        let from = self.cursor();
        self.changes(Did::Yank { from, piece: 0 });
        self.put(text);
        true
    }

    /// Puts in what was cut out before that, in its place.
    pub fn yank_another(&mut self, kills: &Kills) -> bool {
        let Did::Yank { from, piece } = self.did else { return false };
        let piece = (piece + 1) % kills.0.len().max(1);
        let Some(text) = kills.0.iter().rev().nth(piece) else { return false };
        self.replace_from(from, text);
        self.did = Did::Yank { from, piece };
        true
    }

    pub fn transpose_chars(&mut self) -> bool {
        self.changes(Did::Other);
        self.line.transpose_chars(&mut Deleted::default()) || self.nothing()
    }

    pub fn transpose_words(&mut self) -> bool {
        self.changes(Did::Other);
        self.line.transpose_words(1, &mut Deleted::default()) || self.nothing()
    }

    /// Changes the letters of the word at the cursor.
    pub fn edit_word(&mut self, how: WordAction) -> bool {
        self.changes(Did::Other);
        self.line.edit_word(how, &mut Deleted::default()) || self.nothing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str) -> Edit {
        let mut e = Edit::new();
        e.insert(text);
        e
    }

    #[test]
    fn lines_are_moved_by_in_a_column() {
        let mut e = edit("first line\nab\nthird line");
        assert!(e.up(1));
        assert_eq!(e.before_cursor(), "first line\nab");
        assert!(e.up(1));
        assert_eq!(e.after_cursor(), "\nab\nthird line");
        assert!(!e.up(1));
        assert!(e.down(5));
        assert_eq!(e.after_cursor(), "");
        assert!(!e.down(1));
        e.home();
        assert!(e.up(2));
        assert_eq!(e.cursor(), 0);
    }

    #[test]
    fn what_was_cut_out_is_put_back() {
        let mut e = edit("one two three");
        let mut kills = Kills::default();
        let word = Movement::BackwardWord(1, Word::Emacs);
        assert!(e.kill(&word, &mut kills) && e.kill(&word, &mut kills));
        assert_eq!(e.text(), "one ");
        e.home();
        assert!(e.kill(&Movement::EndOfLine, &mut kills));
        assert!(e.yank(&kills));
        assert_eq!(e.text(), "one ");
        assert!(e.yank_another(&kills));
        assert_eq!(e.text(), "two three");
        e.home();
        assert!(!e.yank_another(&kills));
    }

    #[test]
    fn changes_are_taken_back() {
        let mut e = edit("");
        for c in ["a", "b", " ", "c"] {
            e.insert(c);
        }
        assert!(e.delete(&Movement::BackwardChar(1)));
        let seen: Vec<String> = std::iter::from_fn(|| e.undo().then(|| e.text().to_owned())).collect();
        assert_eq!(seen, ["ab c", "ab ", "ab", ""]);
    }

    #[test]
    fn completions_replace_what_was_typed() {
        let mut e = edit("x = pri + 1");
        for _ in 0..4 {
            e.left();
        }
        e.replace_from(4, "print");
        assert_eq!((e.text(), e.cursor()), ("x = print + 1", 9));
    }
}
