//! Errors and warnings that no script code can catch where they happen: failing finalizers, coroutines that were
//! never awaited, warnings of the machine.

use super::class::Class;
use super::exception::{Exception, Raised};
use super::function::Module;
use super::generator::Generator;
use super::object::Ref;
use super::value::Value;
use super::{R, Vm};

impl Vm {
    /// An attribute of a loaded module; `None` when either is missing. Nothing is imported.
    pub fn loaded_attr(&mut self, module: &str, name: &str) -> Option<Value> {
        let (module, name) = (self.intern(module), self.intern(name));
        let m = self.modules.clone().get_str(self, &module)?;
        let dict = m.cast::<Module>()?.get(self).dict.clone();
        dict.get_str(self, &name)
    }

    /// Reports an exception that cannot go anywhere (`sys.unraisablehook`). `message` replaces
    /// "Exception ignored in".
    pub fn unraisable(&mut self, e: Raised, object: &Value, message: Option<&str>) {
        if e.is_halt() {
            // The request stands; the next checkpoint of ordinary code meets it again.
            self.heap.interrupt();
            return;
        }
        let e = self.exception_value(e);
        let Some(hook) = self.loaded_attr("sys", "unraisablehook") else { return };
        let Some(make) = self.loaded_attr("sys", "UnraisableHookArgs") else { return };
        let message = message.map_or(Value::NONE, |m| self.new_str(m).into_value());
        let class = self.class_of(&e).value().clone();
        let tb = e.cast::<Exception>().map_or(Value::NONE, |x| x.get(self).traceback.clone());
        let fields = self.tuple(vec![class, e.clone(), tb, message, object.clone()]).into_value();
        let result = match self.call(&make, &[fields]) {
            Ok(args) => self.call(&hook, &[args]),
            Err(e) => Err(e),
        };
        if let Err(e) = result {
            // The hook itself failed: there is nobody left to tell but the plain stream.
            drop(e);
        }
    }

    /// Adds the traceback entry of a generator that was never started to an exception thrown into it.
    pub(super) fn with_generator_traceback(&mut self, g: &Ref<Generator>, e: Raised) -> Raised {
        let func = self.gen_function(g);
        let (code, globals) = {
            let f = func.get(self);
            (f.code.clone(), f.globals.value().clone())
        };
        if let Some(x) = e.0.cast::<Exception>() {
            let next = x.get(self).traceback.clone();
            let line = code.get(self).code.first_line;
            let tb = super::exception::Traceback {
                next,
                code,
                globals,
                frame: Value::UNDEF,
                pc: 0,
                line,
                depth: 0,
                task: Value::UNDEF,
            };
            let tb = self.alloc(tb).into_value();
            let old = std::mem::replace(&mut x.get_mut(self).traceback, tb);
            drop(old);
        }
        e
    }

    /// Warns through the `warnings` module, or directly on standard error before that is loaded.
    ///
    /// # Errors
    /// The warning itself, where a filter turns it into an error.
    pub fn warn(&mut self, category: &Ref<Class>, text: &str, stack_level: i32) -> R<()> {
        self.warn_about(category, text, stack_level, Value::NONE)
    }

    /// As [`warn`](Self::warn), of an object, whose making the warning may tell of.
    ///
    /// # Errors
    /// The warning itself, where a filter turns it into an error.
    pub fn warn_about(&mut self, category: &Ref<Class>, text: &str, stack_level: i32, source: Value) -> R<()> {
        let warn = crate::modules::import::import_module(self, "warnings")?;
        let text = self.new_str(text).into_value();
        let level = Value::int32(stack_level);
        self.call_method(&warn, "warn", &[text, category.value().clone(), level, source]).map(drop)
    }

    /// Warns of a coroutine that was never awaited, at the innermost line that is not the standard library's: frames
    /// that are left let their values go earlier than CPython's do, so the library may be on its way out.
    ///
    /// # Errors
    /// The warning itself, where a filter turns it into an error.
    pub fn warn_of_coroutine(&mut self, text: &str, source: Value) -> R<()> {
        let is_library =
            |vm: &Vm, n: usize| vm.code_at(n).map(|(c, _)| c.get(vm).code.filename.starts_with("<stdlib>"));
        let scripts = (0..).map_while(|n| is_library(self, n)).position(|library| !library);
        let category = self.exc.RuntimeWarning.clone();
        self.warn_about(&category, text, 1 + scripts.unwrap_or(0) as i32, source)
    }

    /// "coroutine 'f' was never awaited".
    pub(super) fn warn_never_awaited(&mut self, g: &Ref<Generator>) {
        let name = self.gen_qualname(g);
        let mut text = format!("coroutine '{}' was never awaited", self.str_of(&name));
        let origin = g.get(self).extra.as_ref().and_then(|e| e.origin.clone());
        if let Some(origin) = origin {
            self.append_origin(&origin, &mut text);
        }
        if let Err(e) = self.warn_of_coroutine(&text, g.value().clone()) {
            self.unraisable(e, g.value(), None);
        }
    }

    /// Where the coroutine was made, most recent call last.
    fn append_origin(&mut self, origin: &Value, text: &mut String) {
        let Some(frames) = self.tuple_clone(origin) else { return };
        text.push_str("\nCoroutine created at (most recent call last)");
        for frame in frames.iter().rev() {
            let Some(parts) = self.tuple_clone(frame) else { continue };
            if let [file, line, name] = parts.as_slice() {
                let line = self.as_i64(line).unwrap_or(0);
                let file = self.str_of(file);
                text.push_str(&format!("\n  File \"{file}\", line {line}, in {}", self.str_of(name)));
                let source = u32::try_from(line).ok().and_then(|n| crate::diagnostics::sources::line(self, &file, n));
                if let Some(source) = source.as_deref().map(str::trim).filter(|s| !s.is_empty()) {
                    text.push_str(&format!("\n    {source}"));
                }
            }
        }
    }

    /// `sys.get_coroutine_origin_tracking_depth()`.
    pub fn coroutine_origin_depth(&self) -> usize {
        self.thread.origin_depth
    }

    /// `sys.set_coroutine_origin_tracking_depth(n)`.
    pub fn set_coroutine_origin_depth(&mut self, n: usize) {
        self.thread.origin_depth = n;
    }

    /// Notes in a new coroutine who made it.
    #[cold]
    pub(super) fn note_coroutine_origin(&mut self, v: &Value) {
        let depth = self.thread.origin_depth;
        let mut frames = Vec::new();
        let running: Vec<_> = self.running().take(depth).collect();
        for f in running {
            let code = f.code.get(self).code.clone();
            let line = code.positions.at(f.pc).line;
            let parts = vec![
                self.new_str(&code.filename).into_value(),
                self.int(i64::from(line)),
                self.new_str(&code.name).into_value(),
            ];
            frames.push(self.tuple(parts).into_value());
        }
        let origin = self.tuple(frames).into_value();
        if let Some(g) = v.cast::<Generator>() {
            self.gen_extra(g, |e| e.origin = Some(origin));
        }
    }
}

impl Vm {
    /// The exception for what the text machinery refuses.
    #[cold]
    pub fn text_error(&mut self, e: crate::text::TextError) -> Raised {
        let name = e.kind.name();
        let class = self.exception_types().into_iter().find(|(n, _)| *n == name).map(|(_, c)| c);
        let class = class.unwrap_or_else(|| self.exc.ValueError.clone());
        self.raise_text(&class, &e.message)
    }
}
