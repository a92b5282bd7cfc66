//! `strftime` as the C library of Linux does it in the C locale, flags and widths included.

use super::civil::{BrokenDown, is_leap, seconds_from_civil};
use super::{DAYS, MONTHS};

/// The year and week number of ISO 8601: a week belongs to the year that its Thursday is in.
fn iso_week(t: &BrokenDown) -> (i64, i64) {
    let thursday = t.year_day - t.weekday + 3;
    let days = 365 + i64::from(is_leap(t.year));
    let (year, day) = if thursday < 1 {
        (t.year - 1, thursday + 365 + i64::from(is_leap(t.year - 1)))
    } else if thursday > days {
        (t.year + 1, thursday - days)
    } else {
        (t.year, thursday)
    };
    (year, (day - 1) / 7 + 1)
}

/// What stands between the percent sign and the letter.
#[derive(Clone, Copy, Default)]
struct Modifier {
    pad: Option<char>,
    upper: bool,
    swap: bool,
    width: Option<usize>,
}

impl Modifier {
    fn number(&self, n: i64, width: usize, pad: char) -> String {
        let pad = self.pad.unwrap_or(pad);
        let width = if pad == '-' { 0 } else { self.width.unwrap_or(width) };
        let sign = if n < 0 { "-" } else { "" };
        let digits = n.unsigned_abs().to_string();
        let missing = width.saturating_sub(digits.len() + sign.len());
        match pad {
            '_' => " ".repeat(missing) + sign + &digits,
            _ => format!("{sign}{}{digits}", "0".repeat(missing)),
        }
    }

    fn text(&self, text: &str) -> String {
        let mut text = if self.upper {
            text.to_uppercase()
        } else if self.swap {
            text.chars()
                .map(|c| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() })
                .collect()
        } else {
            text.to_owned()
        };
        let missing = self.width.unwrap_or(0).saturating_sub(text.len());
        if missing > 0 {
            let fill = if self.pad == Some('0') { "0" } else { " " };
            text.insert_str(0, &fill.repeat(missing));
        }
        text
    }
}

/// The longest field that a width may ask for.
const MAX_WIDTH: usize = 1024;

/// Formats calendar fields; directives that do not exist stay as they are.
pub fn strftime(format: &str, t: &BrokenDown) -> String {
    let mut out = String::with_capacity(format.len() * 2);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let mut m = Modifier::default();
        let mut chars = tail.char_indices().skip(1).peekable();
        let mut letter = None;
        while let Some((i, c)) = chars.next() {
            match c {
                '-' | '_' | '0' if m.width.is_none() => m.pad = Some(c),
                '^' => m.upper = true,
                '#' => m.swap = true,
                '0'..='9' => {
                    let digit = c.to_digit(10).unwrap_or(0) as usize;
                    m.width = Some((m.width.unwrap_or(0) * 10 + digit).min(MAX_WIDTH));
                }
                'E' | 'O' if chars.peek().is_some() => {}
                _ => {
                    letter = Some((i, c));
                    break;
                }
            }
        }
        let Some((i, c)) = letter else {
            out.push_str(tail);
            return out;
        };
        let (directive, behind) = tail.split_at(i + c.len_utf8());
        match field(c, t, &m) {
            Some(text) => out.push_str(&text),
            None => out.push_str(directive),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// One directive's text; `None` if there is no such directive.
fn field(c: char, t: &BrokenDown, m: &Modifier) -> Option<String> {
    let day =
        |len: usize| DAYS.get(t.weekday.rem_euclid(7) as usize).map_or("?", |d| d.get(..len.min(d.len())).unwrap_or(d));
    let month = |len: usize| {
        usize::try_from(t.month - 1)
            .ok()
            .and_then(|i| MONTHS.get(i))
            .map_or("?", |d| d.get(..len.min(d.len())).unwrap_or(d))
    };
    let hour12 = if t.hour % 12 == 0 { 12 } else { t.hour % 12 };
    let sunday_based = (t.weekday + 1) % 7;
    let nested = |format: &str| Some(m.text(&strftime(format, t)));
    Some(match c {
        'a' => m.text(day(3)),
        'A' => m.text(day(9)),
        'b' | 'h' => m.text(month(3)),
        'B' => m.text(month(9)),
        'c' => return nested("%a %b %e %H:%M:%S %Y"),
        'C' => m.number(t.year.div_euclid(100), 0, '0'),
        'd' => m.number(t.day, 2, '0'),
        'D' | 'x' => return nested("%m/%d/%y"),
        'e' => m.number(t.day, 2, '_'),
        'F' => return nested("%Y-%m-%d"),
        'g' => m.number(iso_week(t).0.rem_euclid(100), 2, '0'),
        'G' => m.number(iso_week(t).0, 0, '0'),
        'H' => m.number(t.hour, 2, '0'),
        'I' => m.number(hour12, 2, '0'),
        'j' => m.number(t.year_day, 3, '0'),
        'k' => m.number(t.hour, 2, '_'),
        'l' => m.number(hour12, 2, '_'),
        'm' => m.number(t.month, 2, '0'),
        'M' => m.number(t.minute, 2, '0'),
        'n' => "\n".to_owned(),
        'p' => m.text(if t.hour < 12 { "AM" } else { "PM" }),
        'P' => m.text(if t.hour < 12 { "am" } else { "pm" }),
        'r' => return nested("%I:%M:%S %p"),
        'R' => return nested("%H:%M"),
        's' => m.number(seconds_from_civil(t) - t.offset.unwrap_or(0), 1, '0'),
        'S' => m.number(t.second, 2, '0'),
        't' => "\t".to_owned(),
        'T' | 'X' => return nested("%H:%M:%S"),
        'u' => m.number(t.weekday + 1, 1, '0'),
        'U' => m.number((t.year_day - 1 + 7 - sunday_based) / 7, 2, '0'),
        'V' => m.number(iso_week(t).1, 2, '0'),
        'w' => m.number(sunday_based, 1, '0'),
        'W' => m.number((t.year_day - 1 + 7 - t.weekday) / 7, 2, '0'),
        'y' => m.number(t.year.rem_euclid(100), 2, '0'),
        'Y' => m.number(t.year, 0, '0'),
        'z' => {
            let offset = t.offset.unwrap_or(0);
            let sign = if offset < 0 { '-' } else { '+' };
            let minutes = offset.abs() / 60;
            format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        'Z' => m.text(t.zone.as_deref().unwrap_or("")),
        '%' => "%".to_owned(),
        _ => return None,
    })
}
