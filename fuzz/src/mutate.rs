//! Where inputs come from: scripts from disk, changed by lines, tokens and bytes.
//!
//! Most changes keep a script nearly right, so that it gets past the parser; a few make it long, deep or garbled.

use crate::generate::program;
use std::fs;
use std::path::{Path, PathBuf};

/// Inputs longer than this are cut.
const LONGEST: usize = 40_000;
/// Seeds longer than this are used in parts.
const SEED: usize = 6_000;

/// A small generator of random numbers (xorshift64*).
pub struct Rng(u64);

impl Rng {
    /// One whose numbers follow from the seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `n`; 0 when there is none.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let x = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        if n == 0 { 0 } else { (x % n as u64) as usize }
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// Pieces that lead into corners.
const PIECES: &[&str] = &[
    "None",
    "True",
    "...",
    "0",
    "-1",
    "1",
    "10**9",
    "1e308",
    "1e-320",
    "-0.0",
    "float('nan')",
    "1j",
    "''",
    "'x'",
    "'é'",
    "'\\ud800'",
    "b'\\x00'",
    "()",
    "[]",
    "{}",
    "set()",
    "(1,)",
    "[[]]",
    "object()",
    "type",
    "int",
    "str",
    "list",
    "dict",
    "tuple",
    "super()",
    "self",
    "__class__",
    "lambda: 0",
    "lambda *a, **k: a",
    "yield",
    "yield 1",
    "await x",
    "x := 1",
    "*x",
    "**x",
    "x.__dict__",
    "x.__class__",
    "x[0]",
    "x[::-1]",
    "x()",
    "not",
    "is",
    "in",
    "and",
    "or",
    "if",
    "else",
    "for",
    "while",
    "try:",
    "except:",
    "except* ValueError:",
    "finally:",
    "with x:",
    "async",
    "def f():",
    "class C:",
    "return",
    "raise",
    "del x",
    "global x",
    "nonlocal x",
    "import gc",
    "from x import *",
    "match x:",
    "case _:",
    "pass",
    "break",
    "continue",
    "assert 0",
    "@property",
    "f'{x!r:>{y}}'",
    "t'{x}'",
    "rb'\\xff'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ";",
    "=",
    "+=",
    "==",
    "<",
    ">>",
    "**",
    "//",
    "@",
    "->",
    "\\\n",
    "\n",
    "\t",
    "    ",
    "#",
    "\"\"\"",
    "'",
    "\0",
    "\u{feff}",
    "gc.collect()",
    "x.__init__()",
    "iter(x)",
    "next(x)",
    "list(x)",
    "repr(x)",
    "hash(x)",
    "sorted(x)",
    "len(x)",
    "exec('x')",
    "eval('x')",
    "compile('x', '', 'exec')",
    "globals()",
    "locals()",
    "vars()",
    "dir()",
    "isinstance(x, y)",
    "type('T', (x,), {})",
    "x.__bases__ = (y,)",
    "x.__class__ = y",
    "x.__code__ = y.__code__",
    "x.__dict__ = {}",
    "x.throw(ValueError)",
    "x.send(None)",
    "x.close()",
    "memoryview(b'abc')",
    "bytearray(3)",
    "range(10**18)",
];

/// The scripts that inputs are made of.
pub struct Corpus {
    seeds: Vec<String>,
    tokens: Vec<String>,
}

impl Corpus {
    /// Reads all scripts below some folders.
    pub fn load(dirs: &[PathBuf]) -> Corpus {
        let mut seeds = Vec::new();
        for dir in dirs {
            collect(dir, &mut seeds);
        }
        if seeds.is_empty() {
            seeds.push("x = [1, 2]\nfor y in x:\n    print(y)\n".to_owned());
        }
        let mut tokens: Vec<String> = seeds.iter().flat_map(|s| tokens(s)).map(str::to_owned).collect();
        tokens.sort();
        tokens.dedup();
        tokens.retain(|t| t.len() < 200);
        Corpus { seeds, tokens }
    }

    /// The next input.
    pub fn next(&mut self, rng: &mut Rng) -> Vec<u8> {
        let made = rng.below(3) == 0;
        let mut text = if made { program(rng) } else { self.seed(rng) };
        // What is made from the grammar is strange enough as it is.
        for _ in 0..if made { rng.below(2) } else { 1 + rng.below(6) } {
            text = self.change(text, rng);
        }
        let mut data = text.into_bytes();
        data.truncate(LONGEST);
        if rng.below(20) == 0 {
            for _ in 0..=rng.below(4) {
                let at = rng.below(data.len());
                if let Some(b) = data.get_mut(at) {
                    *b = rng.below(256) as u8;
                }
            }
        }
        data
    }

    fn seed(&self, rng: &mut Rng) -> String {
        let Some(seed) = rng.pick(&self.seeds) else { return String::new() };
        if seed.len() <= SEED {
            return seed.clone();
        }
        // A run of whole top-level blocks.
        let starts: Vec<usize> = seed
            .match_indices('\n')
            .map(|(i, _)| i + 1)
            .filter(|&i| seed[i..].starts_with(|c: char| c.is_alphabetic() || c == '@'))
            .collect();
        let from = rng.pick(&starts).copied().unwrap_or(0);
        let to = starts.iter().copied().find(|&i| i > from + SEED / 2).unwrap_or(seed.len());
        seed[from..to].to_owned()
    }

    fn change(&self, text: String, rng: &mut Rng) -> String {
        match rng.below(12) {
            0..=4 => self.change_token(&text, rng),
            5..=9 => self.change_line(&text, rng),
            10 => repeat(&text, rng),
            _ => {
                let mut at = rng.below(text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                text[..at].to_owned()
            }
        }
    }

    fn piece(&self, rng: &mut Rng) -> String {
        let found =
            if rng.below(3) == 0 { rng.pick(&self.tokens).cloned() } else { rng.pick(PIECES).map(|p| (*p).to_owned()) };
        found.unwrap_or_default()
    }

    fn change_token(&self, text: &str, rng: &mut Rng) -> String {
        let mut parts = tokens(text);
        if parts.is_empty() {
            return self.piece(rng);
        }
        let (a, b) = (rng.below(parts.len()), rng.below(parts.len()));
        let new = self.piece(rng);
        match rng.below(6) {
            0 => drop(parts.remove(a)),
            1 => parts.insert(a, &new),
            2 => parts.swap(a, b),
            3 => {
                let copy = parts[b];
                parts[a] = copy;
            }
            _ => parts[a] = &new,
        }
        parts.concat()
    }

    fn change_line(&self, text: &str, rng: &mut Rng) -> String {
        let mut lines: Vec<&str> = text.split('\n').collect();
        let (a, b) = (rng.below(lines.len()), rng.below(lines.len()));
        let other = self.seed(rng);
        let theirs: Vec<&str> = other.split('\n').collect();
        match rng.below(6) {
            0 => drop(lines.remove(a)),
            1 => lines.swap(a, b),
            2 => lines.insert(a, lines[b]),
            3 => {
                let (low, high) = (a.min(b), (a.max(b)).min(a.min(b) + 12));
                let run: Vec<&str> = lines[low..high].to_vec();
                let at = rng.below(lines.len());
                lines.splice(at..at, run);
            }
            4 => {
                let from = rng.below(theirs.len());
                let to = (from + 1 + rng.below(15)).min(theirs.len());
                lines.splice(a..a, theirs[from..to].iter().copied());
            }
            _ => {
                // The statement, with the indentation of its new neighbours.
                let line = rng.pick(&theirs).copied().unwrap_or_default();
                let indent: String = lines[a].chars().take_while(|c| *c == ' ').collect();
                let new = format!("{indent}{}", line.trim_start());
                return [&lines[..a], &[new.as_str()], &lines[a..]].concat().join("\n");
            }
        }
        lines.join("\n")
    }
}

/// Makes a piece of the text, or one that opens something, very long.
fn repeat(text: &str, rng: &mut Rng) -> String {
    const OPENERS: &[&str] = &[
        "(",
        "[",
        "{",
        "-",
        "not ",
        "lambda: ",
        "x.",
        "x[",
        "x(",
        "f'{",
        "1+",
        "x if x else ",
        "x and ",
        "x, ",
        "*",
        "await ",
        "x = ",
        "x: ",
        "if x: ",
        "elif x:\n pass\n",
        "@x\n",
        "\n ",
        "else:\n",
        "with x: ",
        "x < ",
        "** ",
        "yield ",
        ";",
        "'' ",
        "case x | ",
        "(x := ",
        "global x\n",
        "try:\n ",
        "\\\n",
        "0",
        "é",
        "\"\"\"",
    ];
    let parts = tokens(text);
    let at = rng.below(parts.len());
    let times = [3, 30, 120, 300, 5_000][rng.below(5)];
    let unit = if rng.below(3) > 0 {
        rng.pick(OPENERS).copied().unwrap_or_default()
    } else {
        parts.get(at).copied().unwrap_or_default()
    };
    let before: String = parts.iter().take(at).copied().collect();
    let after: String = parts.iter().skip(at).copied().collect();
    format!("{before}{}{after}", unit.repeat(times.min(LONGEST / unit.len().max(1))))
}

/// Names, numbers, single other characters, and the spaces between them.
fn tokens(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let same: fn(char) -> bool = match first {
            c if c.is_alphanumeric() || c == '_' => |c| c.is_alphanumeric() || c == '_',
            ' ' => |c| c == ' ',
            _ => |_| false,
        };
        let len = rest.find(|c| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (token, tail) = rest.split_at(len);
        out.push(token);
        rest = tail;
    }
    out
}

fn collect(dir: &Path, seeds: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, seeds);
        } else if path.extension().is_some_and(|e| e == "apy" || e == "py")
            && let Ok(text) = fs::read_to_string(&path)
        {
            seeds.push(text);
        }
    }
}
