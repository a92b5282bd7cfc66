//! A terminal as small as it can be: what is on its screen, and where the cursor stands, after some output.
//!
//! It knows what the prompt uses; anything else is an error of the test.

/// The screen, row by row; a wide character is followed by an empty cell.
pub struct Terminal {
    rows: usize,
    columns: usize,
    cells: Vec<Vec<String>>,
    /// Row and column.
    pub cursor: (usize, usize),
    /// What has scrolled away.
    pub above: Vec<String>,
}

impl Terminal {
    pub fn new(rows: usize, columns: usize) -> Terminal {
        let cells = vec![vec![" ".to_owned(); columns]; rows];
        Terminal { rows, columns, cells, cursor: (0, 0), above: Vec::new() }
    }

    /// The text of the rows, without what is empty at their ends; without empty rows at the end.
    pub fn text(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.cells.iter().map(|r| r.concat().trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn line_feed(&mut self) {
        if self.cursor.0 + 1 < self.rows {
            self.cursor.0 += 1;
            return;
        }
        let gone = self.cells.remove(0);
        self.above.push(gone.concat().trim_end().to_owned());
        self.cells.push(vec![" ".to_owned(); self.columns]);
    }

    fn put(&mut self, c: char) {
        let wide = match c {
            '\u{300}'..='\u{36f}' => 0,
            '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{9fff}' | '\u{ff00}'..='\u{ff60}' => 2,
            _ => 1,
        };
        let (row, column) = self.cursor;
        if wide == 0 {
            self.cells[row][column.saturating_sub(1)].push(c);
            return;
        }
        if column + wide > self.columns {
            self.cursor.1 = 0;
            self.line_feed();
        }
        let (row, column) = self.cursor;
        self.cells[row][column] = c.to_string();
        if wide == 2 {
            self.cells[row][column + 1] = String::new();
        }
        self.cursor.1 += wide;
    }

    /// Takes output.
    pub fn write(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\r' => self.cursor.1 = 0,
                '\n' => self.line_feed(),
                '\x07' => {}
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['), "only CSI sequences are used");
                    let mut numbers = String::new();
                    let last = loop {
                        match chars.next() {
                            Some(c) if c.is_ascii_alphabetic() => break c,
                            Some(c) => numbers.push(c),
                            // The rest has not come yet.
                            None => return,
                        }
                    };
                    self.command(last, &numbers);
                }
                c => {
                    assert!(!c.is_control(), "{c:?}");
                    self.put(c);
                }
            }
        }
    }

    fn command(&mut self, last: char, numbers: &str) {
        let n: usize = numbers.parse().unwrap_or(1);
        match last {
            'A' => self.cursor.0 = self.cursor.0.saturating_sub(n),
            'B' => self.cursor.0 = (self.cursor.0 + n).min(self.rows - 1),
            'C' => self.cursor.1 = (self.cursor.1 + n).min(self.columns - 1),
            'H' => self.cursor = (0, 0),
            'K' => {
                let (row, column) = self.cursor;
                self.cells[row].iter_mut().skip(column).for_each(|c| " ".clone_into(c));
            }
            'J' => {
                let (row, column) = if numbers == "2" { (0, 0) } else { self.cursor };
                self.cells[row].iter_mut().skip(column).for_each(|c| " ".clone_into(c));
                self.cells.iter_mut().skip(row + 1).flatten().for_each(|c| " ".clone_into(c));
            }
            'm' | 'h' | 'l' => {}
            _ => panic!("a sequence that is not used: {numbers}{last}"),
        }
    }
}
