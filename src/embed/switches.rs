//! What the command line switches on and off, as `sys.flags` and `sys._xoptions` show it.

/// The switches of an interpreter.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Switches {
    /// `-i`: a prompt follows the program.
    pub inspect: bool,
    /// The program is the prompt.
    pub interactive: bool,
    /// `-q`: no greeting.
    pub quiet: bool,
    /// `-u`: what is written to the standard streams passes on at once.
    pub unbuffered: bool,
    /// `-O` is 1 (no `assert`), `-OO` is 2 (no docstrings either).
    pub optimize: u8,
    /// `-X dev`: all warnings, and asyncio in debug mode.
    pub dev_mode: bool,
    /// `-E`: environment variables change nothing.
    pub ignore_environment: bool,
    /// `-I`.
    pub isolated: bool,
    /// `-P`: the script's folder is not on `sys.path`.
    pub safe_path: bool,
    /// The names and values given with `-X`.
    pub extra: Vec<(String, Option<String>)>,
}
