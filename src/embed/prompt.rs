//! What a prompt needs of the interpreter: compiling and running one input, and the time between inputs.
//!
//! An input may hold several statements, as pasted text does; the value of the last is shown. It is the coroutine of a
//! task on the program's loop, so `await` and `asyncio.create_task` work in it, and what it started goes on while the
//! user types: see [`Vm::prompt_wait`].

use super::run::Refusal;
use crate::compiler::{self, CompileOptions};
use crate::diagnostics::report::SyntaxReport;
use crate::event_loop::top_level;
use crate::modules::sys::hooks;
use crate::vm::function::CodeObject;
use crate::vm::generator::Generator;
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use apy_grammar::ast::Mod;

impl Vm {
    /// Compiles one input: the statements before the last, and the last, whose value is shown.
    ///
    /// # Errors
    /// The report about a text that is no program; warnings turned into errors.
    pub fn prompt_compile(&mut self, text: &str, filename: &str) -> Result<Vec<Ref<CodeObject>>, Refusal> {
        let refused = |e| Refusal::Syntax(Box::new(SyntaxReport::new(filename, text, e, true)));
        crate::diagnostics::sources::remember(self, filename, text);
        let arena = bumpalo::Bump::new();
        let parsed = apy_grammar::parse(&arena, text, apy_grammar::Mode::Exec).map_err(refused)?;
        let Mod::Module(body) = parsed.module else { return Ok(Vec::new()) };
        let Some((_, before)) = body.split_last() else { return Ok(Vec::new()) };
        let options =
            CompileOptions { as_coroutine: true, ..self.options_for(filename, super::SourceKind::Interactive) };
        let mut parts = vec![Mod::Interactive(&body[before.len()..])];
        if !before.is_empty() {
            parts.insert(0, Mod::Module(before));
        }
        let mut codes = Vec::new();
        let mut warnings = parsed.warnings;
        for part in parts {
            let mode = if matches!(part, Mod::Interactive(_)) { compiler::Mode::Single } else { compiler::Mode::Exec };
            let options = CompileOptions { mode, ..options.clone() };
            let output = compiler::compile(&part, text, &options).map_err(refused)?;
            warnings.extend(output.warnings);
            codes.push(self.new_code(output.code));
        }
        for w in &warnings {
            self.syntax_warning(w, text, filename).map_err(Refusal::Raised)?;
        }
        Ok(codes)
    }

    /// Runs a compiled input in `__main__`.
    ///
    /// # Errors
    /// What it raises; KeyboardInterrupt when it was interrupted, after what it awaited was cancelled.
    pub fn prompt_run(&mut self, codes: &[Ref<CodeObject>]) -> R<()> {
        top_level::note_failures(self);
        let globals = self.main_globals()?;
        for code in codes {
            let result = self.run_code(code, &globals, Value::UNDEF)?;
            if let Some(g) = result.cast::<Generator>() {
                top_level::run(self, g)?;
            }
        }
        Ok(())
    }

    /// Runs the program's loop until `ready` says that there is an input; [`StopHandle::wake`](super::StopHandle::wake)
    /// makes it ask. A task that fails meanwhile, with nobody waiting for it, is reported on standard error.
    ///
    /// # Errors
    /// SystemExit and KeyboardInterrupt of what runs on the loop.
    pub fn prompt_wait(&mut self, ready: impl FnMut() -> bool) -> R<()> {
        top_level::serve(self, ready, |vm, task, exception| {
            let name = vm.call_method(task, "get_name", &[]).map(|n| vm.str_of(&n)).unwrap_or_default();
            let color = hooks::colors_wanted(vm);
            let text = crate::diagnostics::traceback::format_colored(vm, exception, color)?;
            let path = crate::diagnostics::awaits::describe(vm, exception, color);
            let path = path.map_or_else(String::new, |p| format!("\n{p}"));
            crate::modules::sys::write_stderr(vm, &format!("Task {} failed:\n{text}{path}", Quoted(&name)))
        })
    }

    /// The text of an attribute of `sys` that a prompt shows: `ps1`, `ps2`. They are made if they are missing.
    pub fn prompt_text(&mut self, name: &str, otherwise: &str) -> String {
        if let Some(v) = crate::modules::sys::module_attr(self, name) {
            if v.is_a::<Str>() {
                return self.str_of(&v);
            }
            return match self.str(&v) {
                Ok(s) => self.str_of(s.value()),
                Err(_) => otherwise.to_owned(),
            };
        }
        let v = self.new_str(otherwise).into_value();
        crate::modules::sys::set_module_attr(self, name, v);
        otherwise.to_owned()
    }
}

/// A name in quotation marks.
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "'{}'", self.0)
    }
}
