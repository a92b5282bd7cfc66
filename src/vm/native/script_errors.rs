//! Calls that do not fit the signature of a native which stands for a function of a script: CPython has it in Python, so
//! the error is told as for such a function, with `self` among the arguments.

use super::{Args, NativeDef, Param, ParamKind, parse_signature, positional, required};
use crate::vm::call_errors;
use crate::vm::class::{Class, class_flag};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

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

    /// The error of a call of a native that takes its arguments as passed, if there is one. `class` is the one whose
    /// method it is.
    ///
    /// # Errors
    /// TypeError when the arguments do not fit the signature.
    #[cold]
    pub fn check_script_call(&mut self, class: &str, signature: &'static str, args: &Args<'_>) -> R<()> {
        let name = signature.split('(').next().unwrap_or_default();
        self.check_like_script(&parse_signature(signature), &format!("{class}.{name}"), args)
    }

    /// As [`check_script_call`](Self::check_script_call), for a method that is called through its class, without an
    /// object of it.
    #[cold]
    pub(in crate::vm) fn check_without_receiver(
        &mut self,
        class: &Ref<Class>,
        def: &NativeDef,
        args: &Args<'_>,
    ) -> R<()> {
        if !self.is_like_script(class.value()) {
            return Ok(());
        }
        let class = class.get(self).display_name();
        self.check_script_call(&class, def.signature, args)
    }

    /// The error of a call, if there is one; `name` is the function's.
    #[cold]
    pub(super) fn check_like_script(&mut self, params: &[Param], name: &str, args: &Args<'_>) -> R<()> {
        let (given, positional) = (args.pos.len(), positional(params));
        let has = |kind| params.iter().any(|p| p.kind == kind);
        let mut filled: Vec<bool> = (0..params.len()).map(|i| i < given.min(positional)).collect();
        for (key, _) in args.keywords() {
            let key = self.str_of(key);
            match params.iter().position(|p| p.name == key && p.takes_keyword()) {
                Some(at) if filled[at] => {
                    return Err(self.type_error(format!("{name}() got multiple values for argument '{key}'")));
                }
                Some(at) => filled[at] = true,
                None if has(ParamKind::VarKeywords) => {}
                None => {
                    let names: Vec<&str> = params.iter().filter(|p| p.takes_keyword()).map(|p| p.name).collect();
                    return Err(self.type_error(call_errors::unexpected_keyword(name, &key, &names)));
                }
            }
        }
        if given > positional && !has(ParamKind::VarArgs) {
            let keyword_only = params.iter().zip(&filled).filter(|(p, f)| p.kind == ParamKind::KeywordOnly && **f);
            let text = call_errors::too_many(name, [required(params), positional], given, keyword_only.count());
            return Err(self.type_error(text));
        }
        for (kind, word) in [(false, "positional"), (true, "keyword-only")] {
            let missing = params.iter().zip(&filled).filter(|(p, filled)| {
                !**filled && !p.optional && p.is_named() && (p.kind == ParamKind::KeywordOnly) == kind
            });
            let missing: Vec<&str> = missing.map(|(p, _)| p.name).collect();
            if !missing.is_empty() {
                return Err(self.type_error(call_errors::missing(name, word, &missing)));
            }
        }
        Ok(())
    }
}
