//! Keys, from the bytes that a terminal sends.
//!
//! Bytes that were read and not used yet are kept: they are what the next line begins with, or what a script gets that
//! reads standard input itself.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long what could be the beginning of a key's sequence is waited for, in milliseconds.
const SEQUENCE: i32 = 500;

const PASTE_END: &[u8] = b"\x1b[201~";

/// What was pressed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    Char(char),
    /// With Ctrl; the letter is a small one.
    Ctrl(char),
    /// With Alt.
    Alt(char),
    Enter,
    AltEnter,
    Tab,
    BackTab,
    Backspace,
    AltBackspace,
    Delete,
    WordDelete,
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    /// Ctrl-Home.
    First,
    /// Ctrl-End.
    Last,
    PageUp,
    PageDown,
    Escape,
    /// A text that the terminal says was pasted.
    Paste(String),
    /// A key that means nothing here.
    Other,
}

/// What the keyboard gives.
#[derive(Debug)]
pub enum Event {
    Key(Key),
    /// Somebody rang the bell; whether SIGINT did.
    Bell {
        interrupted: bool,
    },
    /// There is no terminal any more.
    End,
}

/// The first key of some bytes, and how many of them it takes; `None` while there may be more of it.
pub fn decode(bytes: &[u8]) -> Option<(Key, usize)> {
    let first = *bytes.first()?;
    Some(match first {
        0x1b => return escape(bytes),
        b'\r' | b'\n' => (Key::Enter, 1),
        b'\t' => (Key::Tab, 1),
        0x08 | 0x7f => (Key::Backspace, 1),
        0 => (Key::Ctrl(' '), 1),
        0x01..=0x1a => (Key::Ctrl(char::from(first - 1 + b'a')), 1),
        0x1c..=0x1f => (Key::Ctrl(char::from(first + 0x40)), 1),
        _ => return character(bytes).map(|(c, n)| (c.map_or(Key::Other, Key::Char), n)),
    })
}

/// The character that bytes begin with and its length; no character where they are no UTF-8.
pub fn character(bytes: &[u8]) -> Option<(Option<char>, usize)> {
    let length = match *bytes.first()? {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Some((None, 1)),
    };
    match std::str::from_utf8(bytes.get(..length.min(bytes.len()))?) {
        Ok(text) => Some((text.chars().next(), length)),
        Err(e) if e.error_len().is_none() => None,
        Err(_) => Some((None, 1)),
    }
}

fn escape(bytes: &[u8]) -> Option<(Key, usize)> {
    match *bytes.get(1)? {
        b'[' => sequence(bytes),
        b'O' => {
            let key = match *bytes.get(2)? {
                b'M' => Key::Enter,
                last => named(last, 1),
            };
            Some((key, 3))
        }
        b'\r' | b'\n' => Some((Key::AltEnter, 2)),
        0x08 | 0x7f => Some((Key::AltBackspace, 2)),
        0x1b => {
            // Alt with a key that is a sequence itself.
            let (key, length) = escape(bytes.get(1..)?)?;
            let key = match key {
                Key::Left => Key::WordLeft,
                Key::Right => Key::WordRight,
                other => other,
            };
            Some((key, length + 1))
        }
        _ => {
            let (c, length) = character(bytes.get(1..)?)?;
            Some((c.map_or(Key::Other, |c| Key::Alt(c.to_ascii_lowercase())), length + 1))
        }
    }
}

/// `ESC [`, numbers, a letter.
fn sequence(bytes: &[u8]) -> Option<(Key, usize)> {
    if *bytes.get(2)? == b'[' {
        // Function keys of the Linux console.
        bytes.get(3)?;
        return Some((Key::Other, 4));
    }
    let end = 2 + bytes.get(2..)?.iter().position(|b| (0x40..=0x7e).contains(b) || *b == b'$')?;
    let text = std::str::from_utf8(bytes.get(2..end)?).unwrap_or("");
    let mut numbers = text.split(';').map(|n| n.parse::<u32>().unwrap_or(1));
    let (first, modifier) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
    let length = end + 1;
    let key = match bytes.get(end) {
        Some(b'~') if first == 200 => {
            let rest = bytes.get(length..)?;
            let at = rest.windows(PASTE_END.len()).position(|w| w == PASTE_END)?;
            let text = String::from_utf8_lossy(rest.get(..at)?).replace("\r\n", "\n").replace('\r', "\n");
            return Some((Key::Paste(text), length + at + PASTE_END.len()));
        }
        Some(b'~') => match (first, modifier) {
            (1 | 7, 1) => Key::Home,
            (4 | 8, 1) => Key::End,
            (1 | 7, _) => Key::First,
            (4 | 8, _) => Key::Last,
            (3, 1) => Key::Delete,
            (3, _) => Key::WordDelete,
            (5, _) => Key::PageUp,
            (6, _) => Key::PageDown,
            _ => Key::Other,
        },
        Some(b'Z') => Key::BackTab,
        Some(last) => named(*last, modifier),
        None => Key::Other,
    };
    Some((key, length))
}

fn named(last: u8, modifier: u32) -> Key {
    match (last, modifier) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', 1 | 2) => Key::Right,
        (b'D', 1 | 2) => Key::Left,
        (b'C' | b'c', _) => Key::WordRight,
        (b'D' | b'd', _) => Key::WordLeft,
        (b'H', 1 | 2) => Key::Home,
        (b'F', 1 | 2) => Key::End,
        (b'H', _) => Key::First,
        (b'F', _) => Key::Last,
        _ => Key::Other,
    }
}

/// Bytes that were typed and not used yet.
#[derive(Clone, Default)]
pub struct Typed(Arc<Mutex<VecDeque<u8>>>);

impl Typed {
    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes at most so many bytes, and none behind the end of a line.
    pub fn take_line(&self, most: usize) -> Vec<u8> {
        let mut bytes = self.lock();
        let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')).map_or(bytes.len(), |i| i + 1);
        bytes.drain(..end.min(most)).map(|b| if b == b'\r' { b'\n' } else { b }).collect()
    }

    /// Puts text before what was typed.
    pub fn put_back(&self, text: &str) {
        let mut bytes = self.lock();
        text.bytes().rev().for_each(|b| bytes.push_front(b));
    }
}

/// The keyboard of the terminal that is standard input.
pub struct Keyboard {
    typed: Typed,
    bell: UnixStream,
}

enum Filled {
    Bytes,
    Bell { interrupted: bool },
    Nothing,
    End,
}

impl Keyboard {
    /// `bell`: bytes there are events, too.
    pub fn new(typed: Typed, bell: UnixStream) -> Keyboard {
        Keyboard { typed, bell }
    }

    /// Whether a key is there already, so that drawing can wait.
    pub fn has_more(&self) -> bool {
        !self.typed.lock().is_empty() || {
            let mut fds = [PollFd::new(std::io::stdin().as_raw_fd(), PollFlags::POLLIN)];
            matches!(poll(&mut fds, 0), Ok(1..))
        }
    }

    /// The next event.
    pub fn next(&mut self) -> Event {
        self.event(decode)
    }

    /// The next character as it is, whatever the key means.
    pub fn literal(&mut self) -> Event {
        self.event(|bytes| character(bytes).map(|(c, n)| (c.map_or(Key::Other, Key::Char), n)))
    }

    fn event(&mut self, decode: impl Fn(&[u8]) -> Option<(Key, usize)>) -> Event {
        loop {
            let (decoded, begun) = {
                let mut bytes = self.typed.lock();
                let bytes = bytes.make_contiguous();
                (decode(bytes), !bytes.is_empty() && !bytes.starts_with(b"\x1b[200~"))
            };
            if let Some((key, length)) = decoded {
                self.typed.lock().drain(..length);
                return Event::Key(key);
            }
            match self.fill(if begun { SEQUENCE } else { -1 }) {
                Filled::Bytes => {}
                Filled::Bell { interrupted } => return Event::Bell { interrupted },
                Filled::End => return Event::End,
                Filled::Nothing if begun => {
                    let mut bytes = self.typed.lock();
                    let first = bytes.pop_front();
                    let escaped = if first == Some(0x1b) { bytes.pop_front() } else { None };
                    return Event::Key(match (first, escaped) {
                        (Some(0x1b), None) => Key::Escape,
                        (Some(0x1b), Some(b)) => Key::Alt(char::from(b)),
                        _ => Key::Other,
                    });
                }
                Filled::Nothing => {}
            }
        }
    }

    /// Reads what is there, or waits for it.
    fn fill(&mut self, milliseconds: i32) -> Filled {
        let stdin = std::io::stdin().as_raw_fd();
        let mut fds = [PollFd::new(stdin, PollFlags::POLLIN), PollFd::new(self.bell.as_raw_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, milliseconds) {
            Ok(0) => return Filled::Nothing,
            Err(Errno::EINTR) => return self.fill(milliseconds),
            Err(_) => return Filled::End,
            Ok(_) => {}
        }
        let ready = |fd: &PollFd| fd.revents().is_some_and(|r| !r.is_empty());
        if ready(&fds[0]) {
            let mut buffer = [0; 4096];
            return match nix::unistd::read(stdin, &mut buffer) {
                Ok(0) => Filled::End,
                Ok(n) => {
                    self.typed.lock().extend(buffer.iter().take(n));
                    Filled::Bytes
                }
                Err(Errno::EINTR | Errno::EAGAIN) => self.fill(milliseconds),
                Err(_) => Filled::End,
            };
        }
        Filled::Bell { interrupted: self.quiet() }
    }

    /// Forgets that the bell was rung; tells whether SIGINT did.
    pub fn quiet(&mut self) -> bool {
        // Each byte is the number of a signal, or 0. The bell does not block.
        let (mut bytes, mut interrupted) = ([0; 64], false);
        while let Ok(n @ 1..) = std::io::Read::read(&mut self.bell, &mut bytes) {
            interrupted |= bytes.iter().take(n).any(|b| i32::from(*b) == nix::libc::SIGINT);
        }
        interrupted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_keys() {
        for (bytes, key) in [
            ("a", Key::Char('a')),
            ("\u{4f60}", Key::Char('\u{4f60}')),
            ("\x01", Key::Ctrl('a')),
            ("\x1f", Key::Ctrl('_')),
            ("\r", Key::Enter),
            ("\x1b[A", Key::Up),
            ("\x1bOB", Key::Down),
            ("\x1b[1;5C", Key::WordRight),
            ("\x1b\x1b[D", Key::WordLeft),
            ("\x1b[3~", Key::Delete),
            ("\x1b[3;5~", Key::WordDelete),
            ("\x1b[H", Key::Home),
            ("\x1b[4~", Key::End),
            ("\x1b[1;5H", Key::First),
            ("\x1bf", Key::Alt('f')),
            ("\x1b\r", Key::AltEnter),
            ("\x1b[15;2~", Key::Other),
            ("\x1b[[A", Key::Other),
            ("\x1b[200~a\rb\x1b[A\x1b[201~", Key::Paste("a\nb\x1b[A".to_owned())),
        ] {
            let followed = format!("{bytes}x");
            assert_eq!(decode(followed.as_bytes()), Some((key, bytes.len())), "{bytes:?}");
        }
    }

    #[test]
    fn a_part_is_waited_for() {
        for bytes in [&b"\x1b"[..], b"\x1b[", b"\x1b[1;", b"\x1bO", b"\xe4\xbd", b"\x1b[200~text\x1b[201"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
        assert_eq!(decode(b"\xff"), Some((Key::Other, 1)));
        assert_eq!(decode(b"\xe4x"), Some((Key::Other, 1)));
    }

    #[test]
    fn lines_typed_ahead_are_given_one_by_one() {
        let typed = Typed::default();
        typed.lock().extend(b"one\rtwo\nrest");
        assert_eq!(typed.take_line(100), b"one\n");
        assert_eq!(typed.take_line(2), b"tw");
        assert_eq!(typed.take_line(100), b"o\n");
        assert_eq!(typed.take_line(100), b"rest");
        assert_eq!(typed.take_line(100), b"");
    }
}
