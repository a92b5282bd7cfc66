//! `strptime` in the C locale, with the leniency of CPython's: white space matches any run of
//! it, letters match in either case, and shorter readings of numbers are tried where longer ones
//! lead nowhere.

use super::civil::{days_from_civil, days_in_month, is_leap, weekday, year_day};
use super::{DAYS, MONTHS};
use crate::text::repr::str_repr_string;
use crate::text::{Result, TextError};
use std::collections::HashSet;

/// What was read: fields with their defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The year, 1900 if not given (1904 to make a 29 February valid is undone).
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 61.
    pub second: i64,
    /// 0 is Monday.
    pub weekday: i64,
    /// 1 to 366.
    pub year_day: i64,
    /// 0 for UTC and GMT, else -1.
    pub is_dst: i64,
    /// Millionths of a second.
    pub microsecond: i64,
    /// Seconds east of UTC, and millionths of a second more.
    pub offset: Option<(i64, i64)>,
    /// The zone's name as it was given.
    pub zone: Option<String>,
}

/// A part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Space,
    Char(char),
    Field(char),
}

fn value(message: String) -> TextError {
    TextError::value(message)
}

/// Composite directives spelled out.
fn expansion(c: char) -> Option<&'static str> {
    Some(match c {
        'c' => "%a %b %d %H:%M:%S %Y",
        'D' | 'x' => "%m/%d/%y",
        'F' => "%Y-%m-%d",
        'T' | 'X' => "%H:%M:%S",
        'R' => "%H:%M",
        'r' => "%I:%M:%S %p",
        'n' | 't' => " ",
        _ => return None,
    })
}

fn tokens(format: &str, whole: &str, out: &mut Vec<Token>) -> Result<()> {
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            if out.last() != Some(&Token::Space) {
                out.push(Token::Space);
            }
            continue;
        }
        if c != '%' {
            out.push(Token::Char(c));
            continue;
        }
        let shown = || str_repr_string(whole.as_bytes());
        let Some(mut c) = chars.next() else { return Err(value(format!("stray % in format {}", shown()))) };
        if c == 'O' && chars.peek().is_some_and(|c| "demwyCHIMSp".contains(*c)) {
            c = chars.next().unwrap_or(c);
        }
        match c {
            '%' => out.push(Token::Char('%')),
            'h' => out.push(Token::Field('b')),
            'e' => out.push(Token::Field('d')),
            'k' => out.push(Token::Field('H')),
            'l' => out.push(Token::Field('I')),
            'P' => out.push(Token::Field('p')),
            'a' | 'A' | 'b' | 'B' | 'd' | 'f' | 'G' | 'H' | 'I' | 'j' | 'm' | 'M' | 'p' | 'S' | 'u' | 'U' | 'V'
            | 'w' | 'W' | 'y' | 'Y' | 'z' | 'Z' => out.push(Token::Field(c)),
            _ => match expansion(c) {
                Some(inner) => tokens(inner, whole, out)?,
                None => return Err(value(format!("'{c}' is a bad directive in format {}", shown()))),
            },
        }
    }
    Ok(())
}

fn digits_at(text: &[char], at: usize, count: usize) -> Option<i64> {
    let part = text.get(at..at + count)?;
    part.iter().try_fold(0i64, |n, c| c.to_digit(10).map(|d| n * 10 + i64::from(d)))
}

/// Numbers of at most `most` digits in a range, longest first; a blank may stand for a leading zero.
fn number(text: &[char], at: usize, most: usize, range: (i64, i64), blank: bool, out: &mut Vec<(usize, i64)>) {
    for count in (1..=most).rev() {
        if let Some(n) = digits_at(text, at, count)
            && (range.0..=range.1).contains(&n)
        {
            out.push((count, n));
        }
    }
    if blank
        && text.get(at) == Some(&' ')
        && let Some(n) = digits_at(text, at + 1, 1)
        && n >= range.0
    {
        out.push((2, n));
    }
}

fn name(text: &[char], at: usize, names: &[&str], length: usize, out: &mut Vec<(usize, i64)>) {
    for (i, name) in names.iter().enumerate() {
        let name = name.get(..length.min(name.len())).unwrap_or(name);
        if word(text, at, name) {
            out.push((name.len(), i as i64));
        }
    }
    out.sort_by_key(|found| std::cmp::Reverse(found.0));
}

fn word(text: &[char], at: usize, word: &str) -> bool {
    let len = word.chars().count();
    text.get(at..at + len).is_some_and(|part| part.iter().zip(word.chars()).all(|(a, b)| a.eq_ignore_ascii_case(&b)))
}

/// The readings of a directive at a place: how many characters, and the value.
fn readings(c: char, text: &[char], at: usize) -> Vec<(usize, i64)> {
    let mut out = Vec::new();
    match c {
        'd' => number(text, at, 2, (1, 31), true, &mut out),
        'H' => number(text, at, 2, (0, 23), true, &mut out),
        'I' => number(text, at, 2, (1, 12), true, &mut out),
        'j' => number(text, at, 3, (1, 366), false, &mut out),
        'm' => number(text, at, 2, (1, 12), false, &mut out),
        'M' => number(text, at, 2, (0, 59), false, &mut out),
        'S' => number(text, at, 2, (0, 61), false, &mut out),
        'U' | 'W' => number(text, at, 2, (0, 53), false, &mut out),
        // A week 00 is not read as one number, a week 0 is, and refused later.
        'V' => {
            number(text, at, 2, (1, 53), false, &mut out);
            out.extend(digits_at(text, at, 1).filter(|n| *n == 0).map(|n| (1, n)));
        }
        'w' => number(text, at, 1, (0, 6), false, &mut out),
        'u' => number(text, at, 1, (1, 7), false, &mut out),
        'y' => out.extend(digits_at(text, at, 2).map(|n| (2, n))),
        'Y' | 'G' => out.extend(digits_at(text, at, 4).map(|n| (4, n))),
        'f' => {
            for count in (1..=6).rev() {
                if let Some(n) = digits_at(text, at, count) {
                    out.push((count, n * 10i64.pow(6 - count as u32)));
                }
            }
        }
        'a' => name(text, at, &DAYS, 3, &mut out),
        'A' => name(text, at, &DAYS, 9, &mut out),
        'b' => name(text, at, &MONTHS, 3, &mut out),
        'B' => name(text, at, &MONTHS, 9, &mut out),
        'p' => name(text, at, &["am", "pm"], 2, &mut out),
        'Z' => name(text, at, &["utc", "gmt"], 3, &mut out),
        'z' => out.extend(offset_lengths(text, at).into_iter().map(|len| (len, 0))),
        _ => {}
    }
    out
}

/// How many characters an offset from UTC may take, longest first.
fn offset_lengths(text: &[char], at: usize) -> Vec<usize> {
    if text.get(at) == Some(&'Z') {
        return vec![1];
    }
    let mut out = Vec::new();
    if !matches!(text.get(at), Some('+' | '-')) || digits_at(text, at + 1, 2).is_none() {
        return out;
    }
    let colon = |at: usize| usize::from(text.get(at) == Some(&':'));
    let sixty = |at: usize| digits_at(text, at, 2).is_some_and(|n| n < 60);
    let mut end = at + 3;
    end += colon(end);
    if !sixty(end) {
        return out;
    }
    end += 2;
    out.push(end - at);
    let seconds = end + colon(end);
    if sixty(seconds) {
        end = seconds + 2;
        out.push(end - at);
        if text.get(end) == Some(&'.') {
            for count in 1..=6 {
                if digits_at(text, end + 1, count).is_some() {
                    out.push(end + 1 + count - at);
                }
            }
        }
    }
    out.reverse();
    out
}

/// The choices open at one token.
struct Choice {
    /// Where the token starts in the text.
    at: usize,
    /// Readings not tried yet, the next one last.
    left: Vec<(usize, i64)>,
    /// The one being tried.
    taken: (usize, i64),
}

/// Finds readings for all tokens, and where they end.
fn solve(tokens: &[Token], text: &[char]) -> Option<(Vec<Choice>, usize)> {
    let mut trail: Vec<Choice> = Vec::with_capacity(tokens.len());
    // Places from which a token is known to lead nowhere: without them some formats take ages.
    let mut dead: HashSet<(usize, usize)> = HashSet::new();
    let mut at = 0;
    loop {
        let Some(&token) = tokens.get(trail.len()) else { return Some((trail, at)) };
        let mut left = match token {
            _ if dead.contains(&(trail.len(), at)) => Vec::new(),
            Token::Char(c) => {
                let same = text.get(at).is_some_and(|d| *d == c || d.to_lowercase().eq(c.to_lowercase()));
                if same { vec![(1, 0)] } else { Vec::new() }
            }
            Token::Space => {
                let run = text.get(at..).unwrap_or(&[]).iter().take_while(|c| c.is_whitespace()).count();
                (1..=run).rev().map(|len| (len, 0)).collect()
            }
            Token::Field(c) => readings(c, text, at),
        };
        left.reverse();
        trail.push(Choice { at, left, taken: (0, 0) });
        loop {
            let place = trail.len().checked_sub(1)?;
            let choice = trail.last_mut()?;
            if let Some(next) = choice.left.pop() {
                choice.taken = next;
                at = choice.at + next.0;
                break;
            }
            dead.insert((place, choice.at));
            trail.pop();
        }
    }
}

/// Reads a time.
///
/// # Errors
/// `ValueError` for a format that is none, text that does not match it, and impossible dates.
pub fn strptime(text: &str, format: &str) -> Result<Parsed> {
    let mut list = Vec::new();
    tokens(format, format, &mut list)?;
    let chars: Vec<char> = text.chars().collect();
    let Some((trail, end)) = solve(&list, &chars) else {
        let (text, format) = (str_repr_string(text.as_bytes()), str_repr_string(format.as_bytes()));
        return Err(value(format!("time data {text} does not match format {format}")));
    };
    if end < chars.len() {
        let rest: String = chars.iter().skip(end).collect();
        return Err(value(format!("unconverted data remains: {rest}")));
    }
    let mut fields = Fields::default();
    for (token, choice) in list.iter().zip(&trail) {
        if let Token::Field(c) = token {
            let (len, n) = choice.taken;
            fields.take(*c, n, chars.get(choice.at..choice.at + len).unwrap_or(&[]));
        }
    }
    fields.finish()
}

/// Fields as they were found.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    iso_year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    hour12: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    microsecond: i64,
    weekday: Option<i64>,
    year_day: Option<i64>,
    week: Option<(i64, bool)>,
    iso_week: Option<i64>,
    offset: Option<(i64, i64)>,
    zone: Option<String>,
}

impl Fields {
    fn take(&mut self, c: char, n: i64, text: &[char]) {
        match c {
            'y' => self.year = Some(if n <= 68 { 2000 + n } else { 1900 + n }),
            'Y' => self.year = Some(n),
            'G' => self.iso_year = Some(n),
            'm' => self.month = Some(n),
            'b' | 'B' => self.month = Some(n + 1),
            'd' => self.day = Some(n),
            'H' => self.hour = n,
            'I' => self.hour12 = Some(n),
            'p' => self.afternoon = Some(n == 1),
            'M' => self.minute = n,
            'S' => self.second = n,
            'f' => self.microsecond = n,
            'a' | 'A' => self.weekday = Some(n),
            'w' => self.weekday = Some((n + 6) % 7),
            'u' => self.weekday = Some(n - 1),
            'j' => self.year_day = Some(n),
            'U' => self.week = Some((n, false)),
            'W' => self.week = Some((n, true)),
            'V' => self.iso_week = Some(n),
            'z' => self.offset = Some(offset(text)),
            _ => self.zone = Some(text.iter().collect()),
        }
    }

    fn check(&self) -> Result<()> {
        const DAYS_OF_WEEK: &str = "a weekday directive ('%A', '%a', '%w', or '%u')";
        let fail = |message: String| Err(value(message));
        if self.iso_year.is_some() {
            if self.year_day.is_some() {
                return fail(
                    "Day of the year directive '%j' is not compatible with ISO year directive '%G'. Use '%Y' instead."
                        .to_owned(),
                );
            }
            if self.iso_week.is_none() || self.weekday.is_none() {
                return fail(format!(
                    "ISO year directive '%G' must be used with the ISO week directive '%V' and {DAYS_OF_WEEK}."
                ));
            }
        } else if self.iso_week.is_some() {
            if self.year.is_none() || self.weekday.is_none() {
                return fail(format!(
                    "ISO week directive '%V' must be used with the ISO year directive '%G' and {DAYS_OF_WEEK}."
                ));
            }
            return fail(
                "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead."
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn finish(self) -> Result<Parsed> {
        self.check()?;
        let hour = match (self.hour12, self.afternoon) {
            (Some(n), Some(true)) => n % 12 + 12,
            (Some(n), Some(false)) => n % 12,
            (Some(n), None) => n % 12,
            (None, _) => self.hour,
        };
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        // A leap day without a year is checked against a leap year.
        let leap_day = self.year.is_none() && self.iso_year.is_none() && (month, day) == (2, 29);
        let mut year = self.year.unwrap_or(if leap_day { 1904 } else { 1900 });
        let mut number = self.year_day;
        if let (None, Some(day_of_week)) = (number, self.weekday) {
            let found = match (self.week, self.iso_year, self.iso_week) {
                (Some((week, monday)), _, _) if self.year.is_some() => {
                    Some((year, day_from_week(year, week, day_of_week, monday)))
                }
                (_, Some(iso_year), Some(week)) => {
                    let first = |year: i64| {
                        let fourth = days_from_civil(year, 1, 4);
                        fourth - weekday(fourth)
                    };
                    let days = first(iso_year) + (week - 1) * 7;
                    if week < 1 || days >= first(iso_year + 1) {
                        return Err(value(format!("Invalid week: {week}")));
                    }
                    let date = super::gm_time((days + day_of_week) * 86_400).unwrap_or_default();
                    Some((date.year, date.year_day))
                }
                _ => None,
            };
            if let Some((of, n)) = found {
                year = of;
                number = Some(n);
                if n <= 0 {
                    year -= 1;
                    number = Some(n + 365 + i64::from(is_leap(year)));
                }
            }
        }
        let number = match number {
            None => {
                if day > days_in_month(year, month) {
                    let most = days_in_month(year, month);
                    let place = format!("for month {month} in year {year}");
                    return Err(value(format!("day {day} must be in range 1..{most} {place}")));
                }
                year_day(year, month, day)
            }
            Some(n) => {
                let days = days_from_civil(year, 1, 1) + n - 1;
                if let Some(date) = super::gm_time(days * 86_400) {
                    (year, month, day) = (date.year, date.month, date.day);
                }
                n
            }
        };
        let days = days_from_civil(year, month, day);
        let zone = self.zone;
        Ok(Parsed {
            weekday: self.weekday.unwrap_or_else(|| weekday(days)),
            year: if leap_day { 1900 } else { year },
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            year_day: number,
            is_dst: if zone.is_some() { 0 } else { -1 },
            microsecond: self.microsecond,
            offset: self.offset,
            zone,
        })
    }
}

/// The number in the year of a day given by its week, counted from the year's first Monday or Sunday.
fn day_from_week(year: i64, week: i64, day_of_week: i64, monday: bool) -> i64 {
    let mut first = weekday(days_from_civil(year, 1, 1));
    let mut day = day_of_week;
    if !monday {
        first = (first + 1) % 7;
        day = (day + 1) % 7;
    }
    let before_first_week = (7 - first) % 7;
    if week == 0 { 1 + day - first } else { 1 + before_first_week + 7 * (week - 1) + day }
}

/// Seconds and millionths of an offset that `offset_lengths` has measured.
fn offset(text: &[char]) -> (i64, i64) {
    let digits: Vec<i64> = text.iter().filter_map(|c| c.to_digit(10)).map(i64::from).collect();
    let pair = |at: usize| digits.get(at).zip(digits.get(at + 1)).map_or(0, |(a, b)| a * 10 + b);
    let seconds = pair(0) * 3600 + pair(2) * 60 + pair(4);
    let micros = (6..12).fold(0, |n, at| n * 10 + digits.get(at).copied().unwrap_or(0));
    if text.first() == Some(&'-') { (-seconds, -micros) } else { (seconds, micros) }
}
