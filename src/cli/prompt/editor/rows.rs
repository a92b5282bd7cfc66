//! Which rows of an input are on the screen, and where the cursor is.
//!
//! An input is drawn row by row, its lines behind the prompt and behind the mark of further lines. When it has more rows
//! than the screen, a window of it is drawn that the cursor moves. Only what is seen is laid out; of the rest the rows
//! are counted.
//! Not here: how rows get to the terminal (`screen`), and what the colours are (`paint`).

use crate::cli::prompt::screen::{Cell, Row, width};
use std::ops::Range;

/// As far apart as terminals have their tabs.
const TAB: usize = 8;

/// What is to be drawn.
pub struct Picture<'a> {
    pub text: &'a str,
    /// The byte that the cursor stands before.
    pub cursor: usize,
    /// What stands before the first line.
    pub prompt: &'a [Cell],
    /// What stands before the others.
    pub mark: &'a [Cell],
    /// The pieces of a part of the text in order, and their styles.
    pub styles: &'a dyn Fn(Range<usize>) -> Vec<(Range<usize>, u16)>,
    /// Shown behind the text, as far as its row goes.
    pub hint: &'a str,
    pub hint_style: u16,
    /// The style of what stands for a character that cannot be shown.
    pub odd: u16,
}

/// What is seen of it.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    pub rows: Vec<Row>,
    /// Row and column.
    pub cursor: (usize, usize),
    /// There are no other rows.
    pub whole: bool,
}

/// Cells put into rows.
struct Rows {
    rows: Vec<Row>,
    column: usize,
    columns: usize,
}

impl Rows {
    fn push(&mut self, c: char, style: u16) {
        let wide = width(c);
        if self.column + wide > self.columns {
            self.rows.push(Row::new());
            self.column = 0;
        }
        if let Some(row) = self.rows.last_mut() {
            row.push(Cell { c, style });
        }
        self.column += wide;
    }
}

impl Picture<'_> {
    /// Lays out what fits on a screen of so many rows and columns; `top`, the first row that is seen, moves along with
    /// the cursor.
    pub fn view(&self, (height, columns): (usize, usize), top: &mut usize) -> View {
        let starts: Vec<usize> =
            std::iter::once(0).chain(memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|i| i + 1)).collect();
        let cursor_line = starts.partition_point(|s| *s <= self.cursor).saturating_sub(1);
        let range = |line: usize| {
            let start = starts.get(line).copied().unwrap_or(0);
            start..starts.get(line + 1).map_or(self.text.len(), |next| next - 1)
        };
        let counts: Vec<usize> = (0..starts.len()).map(|line| self.count(line, range(line), columns)).collect();
        let (_, in_line) = self.lay(cursor_line, range(cursor_line), columns);
        let cursor = counts.iter().take(cursor_line).sum::<usize>() + in_line.map_or(0, |(row, _)| row);
        let total: usize = counts.iter().sum();
        let height = height.max(1);
        *top = (*top).min(cursor).max((cursor + 1).saturating_sub(height)).min(total.saturating_sub(height));
        let mut view = View { rows: Vec::new(), cursor: (cursor - *top, 0), whole: total <= height };
        let mut first = 0;
        for (line, count) in counts.iter().enumerate() {
            if first >= top.saturating_add(height) {
                break;
            }
            if first + count > *top {
                let (rows, at) = self.lay(line, range(line), columns);
                if let Some((_, column)) = at {
                    view.cursor.1 = column;
                }
                let left = height - view.rows.len();
                view.rows.extend(rows.into_iter().skip(top.saturating_sub(first)).take(left));
            }
            first += count;
        }
        view
    }

    /// The rows of a line.
    fn count(&self, line: usize, range: Range<usize>, columns: usize) -> usize {
        let text = self.text.get(range.clone()).unwrap_or("");
        let before = if line == 0 { self.prompt } else { self.mark };
        let ends_here = self.cursor == range.end;
        if text.bytes().all(|b| (0x20..0x7f).contains(&b)) && before.iter().all(|c| width(c.c) == 1) {
            let cells = before.len() + text.len();
            // A cursor behind a full row stands in the next one.
            return if ends_here { cells / columns + 1 } else { cells.div_ceil(columns).max(1) };
        }
        self.lay(line, range, columns).0.len()
    }

    /// The rows of a line, and the cursor's row and column if it stands in it.
    fn lay(&self, line: usize, range: Range<usize>, columns: usize) -> (Vec<Row>, Option<(usize, usize)>) {
        let mut out = Rows { rows: vec![Row::new()], column: 0, columns };
        for cell in if line == 0 { self.prompt } else { self.mark } {
            out.push(cell.c, cell.style);
        }
        let text = self.text.get(range.clone()).unwrap_or("");
        let styles = (self.styles)(range.clone());
        let mut piece = 0;
        let mut cursor = None;
        let mut column = 0;
        for (i, c) in text.char_indices() {
            let at = range.start + i;
            while styles.get(piece).is_some_and(|(r, _)| r.end <= at) {
                piece += 1;
            }
            let style = styles.get(piece).filter(|(r, _)| r.contains(&at)).map_or(0, |(_, s)| *s);
            if at == self.cursor {
                let first = if c.is_control() { 1 } else { width(c) };
                let here = (out.rows.len() - 1, out.column);
                cursor = Some(if out.column + first > columns { (out.rows.len(), 0) } else { here });
            }
            match c {
                '\t' => (0..TAB - column % TAB).for_each(|_| out.push(' ', style)),
                '\0'..' ' | '\x7f' => {
                    out.push('^', self.odd);
                    out.push(char::from((c as u8) ^ 0x40), self.odd);
                }
                c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER, self.odd),
                c => out.push(c, style),
            }
            column += if c == '\t' { TAB - column % TAB } else { width(c) };
        }
        if self.cursor == range.end {
            if out.column >= columns {
                out.rows.push(Row::new());
                out.column = 0;
            }
            cursor = Some((out.rows.len() - 1, out.column));
            if range.end == self.text.len() {
                let room = columns - out.column - 1;
                let mut used = 0;
                for c in self.hint.chars() {
                    used += width(c);
                    if used > room {
                        break;
                    }
                    out.push(c, self.hint_style);
                }
            }
        }
        (out.rows, cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Cell> {
        text.chars().map(|c| Cell { c, style: 0 }).collect()
    }

    fn view(text: &str, cursor: usize, size: (usize, usize), top: &mut usize) -> (Vec<String>, (usize, usize)) {
        let (prompt, mark) = (cells(">>> "), cells("... "));
        let picture = Picture {
            text,
            cursor,
            prompt: &prompt,
            mark: &mark,
            styles: &|_| Vec::new(),
            hint: "",
            hint_style: 0,
            odd: 0,
        };
        let view = picture.view(size, top);
        (view.rows.iter().map(|r| r.iter().map(|c| c.c).collect()).collect(), view.cursor)
    }

    #[test]
    fn further_lines_have_a_mark_and_the_cursor_stands_behind_it() {
        let text = "if x:\n    y = '\u{4f60}\u{597d}'\n";
        let rows = [">>> if x:", "...     y = '\u{4f60}\u{597d}'", "... "];
        assert_eq!(view(text, 2, (24, 80), &mut 0), (rows.map(str::to_owned).to_vec(), (0, 6)));
        assert_eq!(view(text, 6, (24, 80), &mut 0).1, (1, 4));
        assert_eq!(view(text, text.find("'\n").unwrap_or(0), (24, 80), &mut 0).1, (1, 4 + 9 + 4));
        assert_eq!(view(text, text.len(), (24, 80), &mut 0).1, (2, 4));
    }

    #[test]
    fn rows_end_where_the_screen_does() {
        let seen = |text: &str, cursor| view(text, cursor, (24, 8), &mut 0);
        assert_eq!(seen("abcdef", 4), (vec![">>> abcd".to_owned(), "ef".to_owned()], (1, 0)));
        assert_eq!(seen("abcd", 4), (vec![">>> abcd".to_owned(), String::new()], (1, 0)));
        assert_eq!(seen("abcd\nx", 6), (vec![">>> abcd".to_owned(), "... x".to_owned()], (1, 5)));
        assert_eq!(seen("abc\u{4f60}", 3), (vec![">>> abc".to_owned(), "\u{4f60}".to_owned()], (1, 0)));
        assert_eq!(seen("e\u{301}a", 3).1, (0, 5));
        assert_eq!(seen("\x01", 1), (vec![">>> ^A".to_owned()], (0, 6)));
        assert_eq!(view("\tx", 1, (24, 80), &mut 0), (vec![format!(">>> {}x", " ".repeat(8))], (0, 12)));
    }

    #[test]
    fn of_tall_texts_the_rows_at_the_cursor_are_seen() {
        let text = (0..100).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n");
        let mut top = 0;
        let mut at = |cursor: &str| {
            let (rows, at) = view(&text, text.find(cursor).unwrap_or(text.len()), (10, 80), &mut top);
            assert_eq!(rows.len(), 10);
            (rows[0].clone(), at)
        };
        assert_eq!(at("the end"), ("... line 90".to_owned(), (9, 11)));
        assert_eq!(at("line 95"), ("... line 90".to_owned(), (5, 4)));
        assert_eq!(at("line 50"), ("... line 50".to_owned(), (0, 4)));
        assert_eq!(at("line 55"), ("... line 50".to_owned(), (5, 4)));
        assert_eq!(at("line 60"), ("... line 51".to_owned(), (9, 4)));
        assert_eq!(at("line 0"), (">>> line 0".to_owned(), (0, 4)));
    }
}
