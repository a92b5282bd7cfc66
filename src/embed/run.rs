//! Compiling and running source text: what `exec`, `eval`, imports and hosts share.

use super::room::with_room;
use crate::compiler::{self, CompileOptions};
use crate::diagnostics::report::SyntaxReport;
use crate::event_loop::top_level;
use crate::modules::stdlib::StdlibModule;
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::function::{CodeObject, Module};
use crate::vm::generator::Generator;
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// What a source text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// A module, or text for `exec`.
    Module,
    /// The main script, or `-c` text: it may `await` at the top level.
    Main,
    /// An expression.
    Expression,
    /// One input at a prompt.
    Interactive,
}

/// Why a text was not compiled.
pub enum Refusal {
    /// It is no program.
    Syntax(Box<SyntaxReport>),
    /// Something else was raised: a warning turned into an error.
    Raised(Raised),
}

/// As [`Refusal`], before a report is made of it.
enum Unfit {
    Wrong {
        error: Box<apy_grammar::SyntaxError>,
        text: String,
        /// It is the text of a program, in which there may be more errors.
        whole: bool,
        /// The parser accepted it; the compiler did not.
        parsed: bool,
    },
    Raised(Raised),
}

/// What the compiler compiles a text of this kind for.
fn mode_of(kind: SourceKind) -> compiler::Mode {
    match kind {
        SourceKind::Module | SourceKind::Main => compiler::Mode::Exec,
        SourceKind::Expression => compiler::Mode::Eval,
        SourceKind::Interactive => compiler::Mode::Single,
    }
}

/// The error of a script that is no text says which file it is.
fn named(mut error: apy_grammar::SyntaxError, filename: &str, kind: SourceKind) -> apy_grammar::SyntaxError {
    if kind == SourceKind::Main && !filename.starts_with('<') && error.message.starts_with("Non-UTF-8 code") {
        error.message = error.message.replacen(" on line ", &format!(" in file {filename} on line "), 1);
    }
    error
}

impl Vm {
    /// Compiles source text.
    ///
    /// # Errors
    /// SyntaxError and its kin; warnings turned into errors.
    pub fn compile_source(&mut self, source: &[u8], filename: &str, kind: SourceKind) -> R<Ref<CodeObject>> {
        let options = self.options_for(filename, kind);
        self.compile_with(source, filename, kind, options)
    }

    /// The compiler's options for a text of this kind.
    pub(super) fn options_for(&mut self, filename: &str, kind: SourceKind) -> CompileOptions {
        CompileOptions {
            top_level_await: matches!(kind, SourceKind::Main | SourceKind::Interactive),
            optimize: self.state::<super::Switches>().optimize,
            mode: mode_of(kind),
            ..CompileOptions::new(filename)
        }
    }

    /// As [`compile_source`](Self::compile_source), with the compiler's options.
    ///
    /// # Errors
    /// SyntaxError and its kin; warnings turned into errors.
    pub fn compile_with(
        &mut self,
        source: &[u8],
        filename: &str,
        kind: SourceKind,
        options: CompileOptions,
    ) -> R<Ref<CodeObject>> {
        let options = CompileOptions { mode: mode_of(kind), ..options };
        let refusal = match self.checked(source, filename, kind, &options) {
            Ok(code) => return Ok(code),
            Err(refusal) => refusal,
        };
        match refusal {
            Unfit::Raised(e) => Err(e),
            Unfit::Wrong { error, text, parsed, .. } => Err(self.refused(&error, &text, filename, (kind, parsed))),
        }
    }

    /// The code of a module that the binary carries: the one it was built with, unless `-O` wants another.
    ///
    /// # Errors
    /// As [`compile_source`](Self::compile_source).
    pub fn carried_code(&mut self, module: &StdlibModule, filename: &str) -> R<Ref<CodeObject>> {
        if self.state::<super::Switches>().optimize == 0
            && let Some(code) = module.code()
        {
            return Ok(self.new_code(code));
        }
        self.compile_source(module.source.as_bytes(), filename, SourceKind::Main)
    }

    /// Compiles source text as [`compile_source`](Self::compile_source), and gives a report that can be drawn instead
    /// of a SyntaxError.
    ///
    /// # Errors
    /// The report; warnings turned into errors.
    pub fn check_source(
        &mut self,
        source: &[u8],
        filename: &str,
        kind: SourceKind,
    ) -> Result<Ref<CodeObject>, Refusal> {
        let options = self.options_for(filename, kind);
        self.checked(source, filename, kind, &options).map_err(|unfit| match unfit {
            Unfit::Raised(e) => Refusal::Raised(e),
            Unfit::Wrong { error, text, whole, .. } => {
                Refusal::Syntax(Box::new(SyntaxReport::new(filename, &text, *error, whole)))
            }
        })
    }

    fn checked(
        &mut self,
        source: &[u8],
        filename: &str,
        kind: SourceKind,
        options: &CompileOptions,
    ) -> Result<Ref<CodeObject>, Unfit> {
        let wrong = |error, text: &str, whole, parsed| Unfit::Wrong {
            error: Box::new(error),
            text: text.to_owned(),
            whole,
            parsed,
        };
        let text = match apy_grammar::decode(source) {
            Ok(t) => t,
            Err(e) => return Err(wrong(named(e, filename, kind), &String::from_utf8_lossy(source), false, false)),
        };
        if kind == SourceKind::Main {
            // Texts that `exec` runs have the same names as the program's, and are not quoted.
            crate::diagnostics::sources::remember(self, filename, &text);
        }
        let mode = match kind {
            SourceKind::Module | SourceKind::Main => apy_grammar::Mode::Exec,
            SourceKind::Expression => apy_grammar::Mode::Eval,
            SourceKind::Interactive => apy_grammar::Mode::Single,
        };
        let made = with_room(text.len(), self.native_stack_left(), || {
            let arena = bumpalo::Bump::new();
            let parsed = apy_grammar::parse(&arena, &text, mode).map_err(|e| (e, false))?;
            let output = compiler::compile(&parsed.module, &text, options).map_err(|e| (e, true))?;
            Ok((output.code, parsed.warnings, output.warnings))
        });
        let (code, parsers, compilers) = match made {
            Some(Ok(made)) => made,
            Some(Err((e, parsed))) => return Err(wrong(e, &text, mode == apy_grammar::Mode::Exec, parsed)),
            None => return Err(Unfit::Raised(self.memory_error(""))),
        };
        for w in parsers.iter().chain(&compilers) {
            self.syntax_warning(w, &text, filename).map_err(Unfit::Raised)?;
        }
        Ok(self.new_code(code))
    }

    fn refused(
        &mut self,
        e: &apy_grammar::SyntaxError,
        source: &str,
        filename: &str,
        (kind, parsed): (SourceKind, bool),
    ) -> Raised {
        use crate::objects::exceptions::syntax_error::SyntaxPlace;
        use apy_grammar::Quoted;
        let lines = apy_grammar::LineIndex::new(source);
        let at = e.location(source, &lines);
        let mut text = source.split_inclusive('\n').nth(at.line.saturating_sub(1) as usize).map(str::to_owned);
        let more = source.split_inclusive('\n').nth(at.line as usize).is_some();
        if parsed {
            // The compiler has no text: the line is the file's, if there is one.
            text = text.filter(|_| std::path::Path::new(filename).is_file());
        } else if e.quoted == Quoted::Bare || e.quoted == Quoted::BareIfRead && more {
            if let Some(text) = text.as_mut() {
                text.truncate(text.trim_end_matches(['\n', '\r']).len());
            }
        } else if matches!(kind, SourceKind::Module | SourceKind::Main)
            && let Some(text) = text.as_mut().filter(|t| !t.ends_with('\n'))
        {
            // The parser ends a file's last line.
            text.push('\n');
        }
        let place = SyntaxPlace {
            filename,
            line: at.line,
            column: at.offset,
            text: text.as_deref(),
            end_line: at.end_line,
            end_column: at.end_offset,
        };
        self.syntax_error(e.kind.name(), &e.message, &place)
    }

    pub(super) fn syntax_warning(&mut self, w: &apy_grammar::Warning, source: &str, filename: &str) -> R<()> {
        let lines = apy_grammar::LineIndex::new(source);
        let (line, _) = lines.line_column(source, w.span.start);
        let category = self.exc.SyntaxWarning.clone();
        let module = crate::modules::import::import_module(self, "warnings")?;
        let (text, file) = (self.new_str(&w.message).into_value(), self.new_str(filename).into_value());
        let line = Value::len(line as usize);
        self.call_method(&module, "warn_explicit", &[text, category.into_value(), file, line]).map(drop)
    }

    /// Runs module-level code with these globals; `namespace` is the mapping of its names where it is another
    /// one (`UNDEF`: none). Code that awaits at its top level gives a coroutine.
    ///
    /// # Errors
    /// What the code raises.
    pub fn run_code(&mut self, code: &Ref<CodeObject>, globals: &Ref<Dict>, namespace: Value) -> R {
        let builtins = self.builtins_of(globals);
        let function = self.new_function(code.clone(), globals.clone(), builtins);
        self.run_in_namespace(&function, namespace)
    }

    /// The builtins that code with these globals uses; they are entered as `__builtins__`.
    pub fn builtins_of(&mut self, globals: &Ref<Dict>) -> Ref<Dict> {
        let name = self.names.__builtins__.clone();
        match globals.get_str(self, &name) {
            Some(v) => {
                if let Some(m) = v.cast::<crate::vm::function::Module>() {
                    return m.get(self).dict.clone();
                }
                if let Some(d) = v.cast::<Dict>() {
                    return d.clone();
                }
                self.builtins.clone()
            }
            None => {
                let builtins = self.builtins.clone();
                globals.set_str(self, &name, builtins.value().clone());
                builtins
            }
        }
    }

    /// The globals of `__main__`.
    ///
    /// # Errors
    /// What importing it raises (nothing, normally: it exists).
    pub fn main_globals(&mut self) -> R<Ref<Dict>> {
        let name = self.intern("__main__");
        let modules = self.modules.clone();
        if let Some(m) = modules.get_str(self, &name)
            && let Some(m) = m.cast::<crate::vm::function::Module>()
        {
            return Ok(m.get(self).dict.clone());
        }
        let m = self.bare_module("__main__");
        modules.set_str(self, &name, m.value().clone());
        // The main program sees the module of the builtins, others its namespace.
        let (key, builtins) = (self.names.__builtins__.clone(), self.intern("builtins"));
        let globals = m.get(self).dict.clone();
        if let Some(b) = modules.get_str(self, &builtins) {
            globals.set_str(self, &key, b);
        }
        Ok(globals)
    }

    /// Runs statements in `__main__`.
    ///
    /// # Errors
    /// SyntaxError; what the code raises.
    pub fn exec(&mut self, source: &str) -> R<()> {
        self.exec_file(source.as_bytes(), "<string>")
    }

    /// Runs the text of a file in `__main__`. Code that awaits at its top level runs on the program's loop, which
    /// lives until [`finish`](Self::finish).
    ///
    /// # Errors
    /// SyntaxError; what the code raises.
    pub fn exec_file(&mut self, source: &[u8], filename: &str) -> R<()> {
        let code = self.compile_source(source, filename, SourceKind::Main)?;
        self.exec_code(&code)
    }

    /// Runs code in `__main__`.
    fn exec_code(&mut self, code: &Ref<CodeObject>) -> R<()> {
        let globals = self.main_globals()?;
        let result = self.run_code(code, &globals, Value::UNDEF)?;
        if let Some(g) = result.cast::<Generator>() {
            top_level::run(self, g)?;
        }
        Ok(())
    }

    /// Runs the main script: `__main__` knows its file, and exit handlers run afterwards (see
    /// [`finish`](Self::finish)).
    ///
    /// # Errors
    /// SyntaxError; what the code raises.
    pub fn exec_main(&mut self, source: &[u8], filename: &str) -> R<()> {
        self.set_main_file(filename)?;
        let code = self.compile_source(source, filename, SourceKind::Main)?;
        self.exec_main_code(&code)
    }

    /// Gives `__main__` the name of its file, if it is from one or from standard input.
    ///
    /// # Errors
    /// None in a sound build.
    pub fn set_main_file(&mut self, filename: &str) -> R<()> {
        if !filename.starts_with('<') || filename.starts_with("<std") {
            let globals = self.main_globals()?;
            let (name, file) = (self.names.__file__.clone(), self.new_str(filename).into_value());
            globals.set_str(self, &name, file);
            let cached = self.names.__cached__.clone();
            globals.set_str(self, &cached, Value::NONE);
        }
        Ok(())
    }

    /// Runs the code of the main script, as [`exec_main`](Self::exec_main) does.
    ///
    /// # Errors
    /// What the code raises.
    pub fn exec_main_code(&mut self, code: &Ref<CodeObject>) -> R<()> {
        let result = self.exec_code(code);
        // Before anything is said of an exception, as `asyncio.run` does; a prompt that follows goes on with the loop.
        if self.prompt_follows() {
            return result;
        }
        let closed = top_level::close(self);
        result.and(closed)
    }

    /// Whether the command line asked for a prompt after the script (`-i`).
    fn prompt_follows(&mut self) -> bool {
        let Some(flags) = self.loaded_attr("sys", "flags") else { return false };
        self.get_attr_str(&flags, "inspect").and_then(|v| self.truth(&v)).unwrap_or(false)
    }

    /// Runs a module as the main script (`-m`).
    ///
    /// # Errors
    /// ImportError; what the code raises.
    pub fn exec_module(&mut self, name: &str) -> R<()> {
        let (source, filename) = self.find_main_module(name)?;
        self.exec_main(&source, &filename)
    }

    /// Finds the module that is to be the main script, and prepares `__main__` and `sys.argv` for it. Gives its text
    /// and the name of its file.
    ///
    /// # Errors
    /// ImportError.
    pub fn find_main_module(&mut self, name: &str) -> R<(Vec<u8>, String)> {
        let (source, filename, full) = crate::modules::import::find_source(self, name)?;
        crate::modules::import::describe_main(self, &full, &filename)?;
        crate::modules::sys::set_program(self, &filename)?;
        Ok((source, filename))
    }

    /// Writes out what `sys.stdout` and `sys.stderr` hold back.
    ///
    /// # Errors
    /// What their `flush` raises.
    pub fn flush_streams(&mut self) -> R<()> {
        crate::modules::sys::flush_all(self)
    }

    /// The end of the program: the loop of code that awaited at its top level, threads, exit handlers, the names of
    /// `__main__`, the last finalizers, the streams.
    ///
    /// # Errors
    /// What flushing standard output raises; everything else is reported as unraisable.
    pub fn finish(&mut self) -> R<()> {
        if let Err(e) = top_level::close(self) {
            self.unraisable(e, &Value::NONE, None);
        }
        crate::modules::thread::wait_at_exit(self);
        crate::modules::atexit::run(self);
        self.close_threads();
        self.leave_modules()?;
        self.flush_streams()
    }

    /// Lets go of the script's own modules. What only they hold is finalized while its globals still have their
    /// names; the modules that something else keeps alive are emptied after that, the last one first.
    fn leave_modules(&mut self) -> R<()> {
        for name in ["last_exc", "last_type", "last_value", "last_traceback"] {
            if crate::modules::sys::module_attr(self, name).is_some() {
                crate::modules::sys::set_module_attr(self, name, Value::NONE);
            }
        }
        let [class, ..] = crate::objects::weakref::classes(self);
        let modules = self.modules.clone();
        let mut left = Vec::new();
        let entries: Vec<_> = modules.get(self).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        for (name, module) in entries {
            let Some(m) = module.cast::<Module>() else { continue };
            let dict = m.get(self).dict.clone();
            let file = dict
                .get_str(self, &self.names.__file__)
                .and_then(|f| f.cast::<Str>().map(|f| f.get(self).to_string_lossy().into_owned()));
            let main = name.cast::<Str>().is_some_and(|n| n.get(self).to_str() == Some("__main__"));
            if main || file.is_some_and(|f| !f.starts_with("<stdlib>")) {
                left.push(self.new_weakref(&class, &module, Value::UNDEF)?);
                modules.remove(self, &name)?;
            }
        }
        self.checkpoint()?;
        self.collect_at_end();
        self.checkpoint()?;
        let mut emptied = false;
        for w in left.into_iter().rev() {
            let Some(module) = self.weak_target(&w) else { continue };
            if let Some(m) = module.cast::<Module>() {
                let dict = m.get(self).dict.clone();
                let old = dict.get_mut(self).take();
                drop(old);
                emptied = true;
            }
            self.checkpoint()?;
        }
        if emptied {
            self.collect_garbage();
        }
        self.checkpoint()
    }

    /// Evaluates an expression in `__main__`.
    ///
    /// # Errors
    /// SyntaxError; what the expression raises.
    pub fn eval(&mut self, source: &str) -> R {
        let code = self.compile_source(source.as_bytes(), "<string>", SourceKind::Expression)?;
        let globals = self.main_globals()?;
        self.run_code(&code, &globals, Value::UNDEF)
    }

    /// A script function that runs a closure of the host.
    pub fn host_function(
        &mut self,
        name: &str,
        f: impl Fn(&mut Vm, &crate::vm::native::Args<'_>) -> R + Send + Sync + 'static,
    ) -> Value {
        use crate::vm::function::{Native, NativeCode};
        let owner = self.intern("__main__").into_value();
        let code = NativeCode::Host(std::sync::Arc::new(f), name.into());
        self.alloc_as(&self.types.builtin_function.clone(), Native { owner, code }).into()
    }
}
