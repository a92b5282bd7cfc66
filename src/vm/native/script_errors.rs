//! Calls that do not fit the signature of a native which stands for a function of a script: CPython has it in Python, so
//! the error is told as for such a function, with `self` among the arguments.

use super::{Args, NativeCall, ParamKind};
use crate::vm::class::{Class, class_flag};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// Words in a row: `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`.
fn row(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [a, b] => format!("{a} and {b}"),
        [many @ .., last] => format!("{}, and {last}", many.join(", ")),
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

impl Vm {
    /// Whether a native stands for a function of a script: a method of a class that scripts may change, or a function
    /// of a module inside of a package.
    pub(super) fn is_like_script(&self, owner: &Value) -> bool {
        match (owner.cast::<Class>(), owner.cast::<Str>()) {
            (Some(c), _) => {
                let c = c.get(self);
                c.has(class_flag::MUTABLE) && !c.has(class_flag::EXCEPTION)
            }
            (None, Some(module)) => self.str_of(module.value()).contains('.'),
            _ => false,
        }
    }

    /// The error of a call, if there is one; `name` is the function's.
    #[cold]
    pub(super) fn check_like_script(&mut self, call: &NativeCall, name: &str, args: &Args<'_>) -> R<()> {
        let (given, positional) = (args.pos.len(), call.positional());
        let has = |kind| call.params.iter().any(|p| p.kind == kind);
        let mut filled: Vec<bool> = (0..call.params.len()).map(|i| i < given.min(positional)).collect();
        for (key, _) in args.keywords() {
            let key = self.str_of(key);
            match call.params.iter().position(|p| p.name == key && p.takes_keyword()) {
                Some(at) if filled[at] => {
                    return Err(self.type_error(format!("{name}() got multiple values for argument '{key}'")));
                }
                Some(at) => filled[at] = true,
                None if has(ParamKind::VarKeywords) => {}
                None => {
                    return Err(self.type_error(format!("{name}() got an unexpected keyword argument '{key}'")));
                }
            }
        }
        if given > positional && !has(ParamKind::VarArgs) {
            let required = call.required();
            let takes = match positional - required {
                0 => format!("{positional} positional argument{}", plural(positional)),
                _ => format!("from {required} to {positional} positional argument{}", plural(positional)),
            };
            let were = if given == 1 { "was" } else { "were" };
            return Err(self.type_error(format!("{name}() takes {takes} but {given} {were} given")));
        }
        for (kind, word) in [(false, "positional"), (true, "keyword-only")] {
            let missing = call.params.iter().zip(&filled).filter(|(p, filled)| {
                !**filled && !p.optional && p.is_named() && (p.kind == ParamKind::KeywordOnly) == kind
            });
            let missing: Vec<&str> = missing.map(|(p, _)| p.name).collect();
            if !missing.is_empty() {
                let (n, names) = (missing.len(), row(&missing));
                let text = format!("{name}() missing {n} required {word} argument{}: {names}", plural(n));
                return Err(self.type_error(text));
            }
        }
        Ok(())
    }
}
