//! The options and subcommands: one table that parsing, help, suggestions and completions share.

/// What an option means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Id {
    Text,
    Module,
    Quiet,
    Inspect,
    Unbuffered,
    Warning,
    Extra,
    Optimize,
    IgnoreEnvironment,
    Isolated,
    SafePath,
    SkipLine,
    Help,
    Version,
    /// Known to CPython, and nothing to change here.
    Accepted,
}

/// An option.
pub struct Opt {
    pub id: Id,
    /// `-x`; `\0` for none.
    pub short: char,
    /// `--word`; empty for none.
    pub long: &'static str,
    /// The name of its value; empty for options without one.
    pub value: &'static str,
    /// One line; empty for what the help does not list.
    pub help: &'static str,
}

const fn opt(id: Id, short: char, long: &'static str, value: &'static str, help: &'static str) -> Opt {
    Opt { id, short, long, value, help }
}

/// All options, in the order of the help.
pub const OPTIONS: &[Opt] = &[
    opt(Id::Text, 'c', "", "TEXT", "run the text; what follows are its arguments"),
    opt(Id::Module, 'm', "", "MODULE", "run a module as a script; what follows are its arguments"),
    opt(Id::Inspect, 'i', "", "", "afterwards give a prompt in the program's namespace"),
    opt(Id::Quiet, 'q', "", "", "no greeting at the prompt"),
    opt(Id::Unbuffered, 'u', "", "", "standard output is not buffered"),
    opt(Id::Warning, 'W', "", "FILTER", "how to treat a warning: error, ignore, default, ... (repeatable)"),
    opt(Id::Extra, 'X', "", "NAME[=VALUE]", "a switch; -X dev shows more warnings and debugs asyncio"),
    opt(Id::Optimize, 'O', "", "", "leave out assert statements; twice: docstrings, too"),
    opt(Id::IgnoreEnvironment, 'E', "", "", "ignore APYPATH and the PYTHON* variables"),
    opt(Id::SafePath, 'P', "", "", "do not look for modules beside the script"),
    opt(Id::Isolated, 'I', "", "", "isolated: -E and -P"),
    opt(Id::SkipLine, 'x', "", "", ""),
    opt(Id::Version, 'V', "version", "", "print the version"),
    opt(Id::Help, 'h', "help", "", "print this"),
    opt(Id::Help, '?', "", "", ""),
    opt(Id::Accepted, 'B', "", "", ""),
    opt(Id::Accepted, 'R', "", "", ""),
    opt(Id::Accepted, 'S', "", "", ""),
    opt(Id::Accepted, 'b', "", "", ""),
    opt(Id::Accepted, 'd', "", "", ""),
    opt(Id::Accepted, 's', "", "", ""),
    opt(Id::Accepted, 'v', "", "", ""),
];

/// A word that says what to do, where a file would stand.
pub struct Subcommand {
    pub name: &'static str,
    /// What it is followed by.
    pub value: &'static str,
    pub help: &'static str,
}

/// All subcommands.
pub const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { name: "run", value: "FILE", help: "run a script (as without the word)" },
    Subcommand { name: "repl", value: "", help: "the interactive prompt" },
    Subcommand { name: "dis", value: "FILE", help: "print the bytecode of a script" },
    Subcommand { name: "completions", value: "SHELL", help: "print completions for bash, zsh or fish" },
];

/// The shells that completions are made for.
pub const SHELLS: &[&str] = &["bash", "zsh", "fish"];

/// The option with this letter.
pub fn by_letter(letter: char) -> Option<&'static Opt> {
    OPTIONS.iter().find(|o| o.short == letter)
}

/// The option with this long name.
pub fn by_name(name: &str) -> Option<&'static Opt> {
    OPTIONS.iter().find(|o| !o.long.is_empty() && o.long == name)
}

/// The text of `--help`.
pub fn help() -> String {
    let mut out = String::from("usage: apy [options] [FILE | -c TEXT | -m MODULE | -] [arg] ...\n\n");
    let mut row = |left: String, help: &str| {
        out.push_str(&format!("  {left:<18}{help}\n"));
    };
    for s in SUBCOMMANDS {
        row(format!("{} {}", s.name, s.value), s.help);
    }
    for o in OPTIONS.iter().filter(|o| !o.help.is_empty()) {
        let long = if o.long.is_empty() { String::new() } else { format!(", --{}", o.long) };
        let value = if o.value.is_empty() { String::new() } else { format!(" {}", o.value) };
        row(format!("-{}{long}{value}", o.short), o.help);
    }
    out.push_str(
        "\nexamples:  apy                      the prompt; or standard input, if no terminal\n           \
         apy chat.apy 8080        run chat.apy with one argument\n           \
         apy -c 'print(6 * 7)'    run a line\n",
    );
    out
}
