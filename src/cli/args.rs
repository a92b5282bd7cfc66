//! The arguments of the process, read.
//!
//! Order matters as in CPython: options come first, the first word that is none names the program, and everything
//! behind it belongs to the program. Not here: doing anything.

use super::table::{self, Id, OPTIONS, SHELLS, SUBCOMMANDS};
use anyhow::{Result, anyhow, bail};
use apy::embed::Switches;
use apy::text::suggestions::suggest;

/// What is to be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Program {
    File(String),
    Text(String),
    Module(String),
    /// Standard input, named `-` or not at all.
    Stdin {
        named: bool,
    },
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Run(Program),
    Prompt,
    Disassemble(Program),
    Completions(String),
    Help,
    Version,
}

/// A command line.
#[derive(Debug)]
pub struct Command {
    pub action: Action,
    /// `sys.argv`.
    pub argv: Vec<String>,
    pub warnings: Vec<String>,
    pub switches: Switches,
    /// Leave out the first line of the file.
    pub skip_line: bool,
}

/// Reads the arguments; `exists` tells whether there is a file of a name, which a subcommand gives way to.
#[cold]
pub fn parse(args: Vec<String>, exists: impl Fn(&str) -> bool) -> Result<Command> {
    let mut command = Command {
        action: Action::Run(Program::Stdin { named: false }),
        argv: vec![String::new()],
        warnings: Vec::new(),
        switches: Switches::default(),
        skip_line: false,
    };
    let mut rest = Rest { args, at: 0 };
    if options(&mut command, &mut rest)? {
        return Ok(command);
    }
    let Some(word) = rest.next() else { return Ok(command) };
    if word == "-" {
        command.action = Action::Run(Program::Stdin { named: true });
    } else if SUBCOMMANDS.iter().any(|s| s.name == word) && !exists(&word) {
        return subcommand(command, &word, rest);
    } else {
        command.action = Action::Run(Program::File(word.clone()));
    }
    command.argv = rest.argv(word);
    Ok(command)
}

/// The arguments that are not read yet.
struct Rest {
    args: Vec<String>,
    at: usize,
}

impl Rest {
    fn next(&mut self) -> Option<String> {
        let arg = self.args.get(self.at).cloned();
        self.at += usize::from(arg.is_some());
        arg
    }

    fn argv(mut self, first: String) -> Vec<String> {
        let at = self.at.min(self.args.len());
        std::iter::once(first).chain(self.args.drain(at..)).collect()
    }
}

/// Reads options; true when one of them says what to run, so that nothing may follow.
#[cold]
fn options(command: &mut Command, rest: &mut Rest) -> Result<bool> {
    while let Some(arg) = rest.args.get(rest.at).cloned() {
        if arg == "-" || !arg.starts_with('-') {
            return Ok(false);
        }
        rest.at += 1;
        if arg == "--" {
            return Ok(false);
        }
        let finished = match arg.strip_prefix("--") {
            Some(name) => {
                let found = table::by_name(name).ok_or_else(|| unknown_long(name))?;
                apply(command, found.id, String::new())?
            }
            None => letters(command, rest, arg.get(1..).unwrap_or_default())?,
        };
        if finished {
            let name = match &command.action {
                Action::Run(Program::Text(_)) => "-c",
                Action::Run(Program::Module(_)) => "-m",
                _ => return Ok(true),
            };
            let rest = Rest { args: std::mem::take(&mut rest.args), at: rest.at };
            command.argv = rest.argv(name.to_owned());
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads one-letter options that stand together: `-qW error`.
fn letters(command: &mut Command, rest: &mut Rest, letters: &str) -> Result<bool> {
    for (i, letter) in letters.char_indices() {
        let found = table::by_letter(letter).ok_or_else(|| unknown_letter(letter, letters))?;
        if found.value.is_empty() {
            if apply(command, found.id, String::new())? {
                return Ok(true);
            }
            continue;
        }
        let attached = letters.get(i + letter.len_utf8()..).unwrap_or_default();
        let value = if attached.is_empty() {
            rest.next().ok_or_else(|| anyhow!("argument expected for the -{letter} option"))?
        } else {
            attached.to_owned()
        };
        return apply(command, found.id, value);
    }
    Ok(false)
}

/// Does what an option says; true when it names the program, or makes one unnecessary.
fn apply(command: &mut Command, id: Id, value: String) -> Result<bool> {
    let switches = &mut command.switches;
    match id {
        Id::Text => command.action = Action::Run(Program::Text(value)),
        Id::Module => command.action = Action::Run(Program::Module(value)),
        Id::Help => command.action = Action::Help,
        Id::Version => command.action = Action::Version,
        Id::Quiet => switches.quiet = true,
        Id::Inspect => switches.inspect = true,
        Id::Unbuffered => switches.unbuffered = true,
        Id::Warning => command.warnings.push(value),
        Id::Optimize => switches.optimize = switches.optimize.saturating_add(1),
        Id::IgnoreEnvironment => switches.ignore_environment = true,
        Id::SafePath => switches.safe_path = true,
        Id::Isolated => {
            switches.isolated = true;
            switches.ignore_environment = true;
            switches.safe_path = true;
        }
        Id::SkipLine => command.skip_line = true,
        Id::Extra => {
            let (name, value) = match value.split_once('=') {
                Some((n, v)) => (n.to_owned(), Some(v.to_owned())),
                None => (value, None),
            };
            switches.dev_mode |= name == "dev";
            switches.extra.push((name, value));
        }
        Id::Accepted => {}
    }
    Ok(matches!(id, Id::Text | Id::Module | Id::Help | Id::Version))
}

fn subcommand(mut command: Command, word: &str, mut rest: Rest) -> Result<Command> {
    if options(&mut command, &mut rest)? {
        if word == "dis"
            && let Action::Run(program) = command.action.clone()
        {
            command.action = Action::Disassemble(program);
        }
        return Ok(command);
    }
    let operand = if word == "repl" { None } else { rest.next() };
    match (word, operand) {
        ("repl", _) => {
            if let Some(extra) = rest.next() {
                bail!(
                    "'apy repl' takes no arguments, but there is '{extra}'; apy -i FILE gives a prompt after a program"
                );
            }
            command.action = Action::Prompt;
            command.argv = rest.argv(String::new());
        }
        ("completions", Some(shell)) => {
            if !SHELLS.contains(&shell.as_str()) {
                let hint = did_you_mean(&shell, SHELLS.iter().copied());
                bail!("no completions for '{shell}'{hint}; there are some for bash, zsh and fish");
            }
            command.action = Action::Completions(shell);
        }
        ("completions", None) => bail!("which shell? apy completions bash, zsh or fish"),
        (_, None) => bail!("argument expected for 'apy {word}': a file"),
        (_, Some(file)) => {
            let program = if file == "-" { Program::Stdin { named: true } } else { Program::File(file.clone()) };
            command.action = if word == "dis" { Action::Disassemble(program) } else { Action::Run(program) };
            command.argv = rest.argv(file);
        }
    }
    Ok(command)
}

/// What options that have only a letter would be called.
const WORDS: &[(&str, char)] = &[
    ("command", 'c'),
    ("dev", 'X'),
    ("inspect", 'i'),
    ("interactive", 'i'),
    ("isolated", 'I'),
    ("module", 'm'),
    ("optimize", 'O'),
    ("quiet", 'q'),
    ("unbuffered", 'u'),
    ("warnings", 'W'),
];

fn unknown_long(name: &str) -> anyhow::Error {
    let plain = name.split('=').next().unwrap_or(name);
    let longs = OPTIONS.iter().map(|o| o.long).filter(|l| !l.is_empty());
    let word = nearest(plain, longs.chain(WORDS.iter().map(|w| w.0)));
    let hint = word.map(|word| match WORDS.iter().find(|w| w.0 == word) {
        Some((_, 'X')) => "; did you mean -X dev?".to_owned(),
        Some((_, letter)) => format!("; did you mean -{letter}?"),
        None => format!("; did you mean --{word}?"),
    });
    let hint = hint.unwrap_or_default();
    anyhow!("unknown option --{name}{hint}")
}

fn unknown_letter(letter: char, all: &str) -> anyhow::Error {
    // A long option with one dash, or a letter in the other case.
    if let Some(name) = nearest(all, OPTIONS.iter().map(|o| o.long).filter(|l| !l.is_empty())).filter(|_| all.len() > 2)
    {
        return anyhow!("unknown option -{all}; did you mean --{name}?");
    }
    let other: String =
        if letter.is_lowercase() { letter.to_uppercase().collect() } else { letter.to_lowercase().collect() };
    let hint = OPTIONS
        .iter()
        .find(|o| !o.help.is_empty() && other.chars().eq([o.short]))
        .map(|o| format!("; did you mean -{}?", o.short))
        .unwrap_or_default();
    anyhow!("unknown option -{letter}{hint}")
}

/// The nearest of some words, if one is near.
pub fn nearest<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let words: Vec<&str> = words.collect();
    let letters = |w: &str| {
        let mut all: Vec<char> = w.chars().collect();
        all.sort_unstable();
        all
    };
    if words.contains(&wrong) {
        return words.into_iter().find(|w| *w == wrong);
    }
    match suggest(wrong.as_bytes(), words.iter().map(|w| w.as_bytes())) {
        Some(found) => words.into_iter().find(|w| w.as_bytes() == found),
        // The right letters in another order.
        None => words.into_iter().find(|w| letters(w) == letters(wrong)),
    }
}

fn did_you_mean<'a>(wrong: &str, words: impl Iterator<Item = &'a str>) -> String {
    nearest(wrong, words).map(|w| format!(" (did you mean '{w}'?)")).unwrap_or_default()
}

/// What a word could have meant that is no file: a subcommand.
pub fn subcommand_like(word: &str) -> Option<&'static str> {
    nearest(word, SUBCOMMANDS.iter().map(|s| s.name)).filter(|name| *name != word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Command> {
        parse(args.iter().map(|a| (*a).to_owned()).collect(), |name| name == "dis")
    }

    fn run(args: &[&str]) -> Command {
        read(args).expect("these arguments are right")
    }

    #[test]
    fn the_first_word_names_the_program() {
        let c = run(&["-q", "-W", "error", "a.apy", "-x", "b"]);
        assert_eq!(c.action, Action::Run(Program::File("a.apy".into())));
        assert_eq!(c.argv, ["a.apy", "-x", "b"]);
        assert_eq!(c.warnings, ["error"]);
        assert!(c.switches.quiet);
        assert_eq!(run(&["-", "x"]).argv, ["-", "x"]);
        assert_eq!(run(&[]).argv, [""]);
    }

    #[test]
    fn letters_stand_together_and_take_values() {
        let c = run(&["-uic", "print(1)", "-q"]);
        assert_eq!(c.action, Action::Run(Program::Text("print(1)".into())));
        assert_eq!(c.argv, ["-c", "-q"]);
        assert!(c.switches.unbuffered && c.switches.inspect && !c.switches.quiet);
        assert_eq!(run(&["-cpass"]).action, Action::Run(Program::Text("pass".into())));
        assert!(run(&["-Xdev", "a"]).switches.dev_mode);
        assert_eq!(run(&["-OO", "a"]).switches.optimize, 2);
    }

    #[test]
    fn subcommands_give_way_to_files() {
        assert_eq!(run(&["run", "a.apy", "b"]).argv, ["a.apy", "b"]);
        assert_eq!(run(&["dis", "x"]).action, Action::Run(Program::File("dis".into())));
        assert_eq!(run(&["completions", "zsh"]).action, Action::Completions("zsh".into()));
        assert_eq!(run(&["repl", "-q"]).action, Action::Prompt);
    }

    #[test]
    fn mistakes_get_a_suggestion() {
        let text = |args: &[&str]| read(args).err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(text(&["--verison"]), "unknown option --verison; did you mean --version?");
        assert_eq!(text(&["--hlep"]), "unknown option --hlep; did you mean --help?");
        assert_eq!(text(&["--quiet"]), "unknown option --quiet; did you mean -q?");
        assert_eq!(text(&["-help"]), "");
        assert_eq!(text(&["-w", "error"]), "unknown option -w; did you mean -W?");
        assert_eq!(text(&["-c"]), "argument expected for the -c option");
        assert_eq!(
            text(&["completions", "bas"]),
            "no completions for 'bas' (did you mean 'bash'?); there are some for bash, zsh and fish"
        );
        assert_eq!(subcommand_like("rn"), Some("run"));
    }

    #[test]
    fn the_help_fits_a_screen() {
        let help = table::help();
        assert!(help.lines().count() <= 24, "{} lines", help.lines().count());
        assert!(help.lines().all(|l| l.chars().count() < 90));
    }
}
