//! Calling a class: `type.__call__`, `object.__new__` and `object.__init__`.
//!
//! The interpreter loop runs script-defined `__init__`s in frames of its own; what it does not know by heart comes
//! here.

use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::function::{Function, Native, StaticMethod};
use crate::vm::native::Args;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

impl Vm {
    /// Calls a class as its metaclass `type` does: `__new__`, then `__init__` when that gave an instance.
    ///
    /// # Errors
    /// What `__new__` and `__init__` raise; TypeError for arguments that nobody takes, for abstract classes and
    /// for an `__init__` that returns something.
    pub fn instantiate(&mut self, class: &Ref<Class>, args: &Args<'_>) -> R {
        if class.is(&self.types.type_) {
            if let ([v], []) = (args.pos, args.kw_names) {
                return Ok(self.class_of(v).value().clone());
            }
            if args.pos.len() != 3 {
                return Err(self.type_error("type() takes 1 or 3 arguments"));
            }
        }
        if let Some(obj) = self.instantiate_builtin(class, args) {
            return obj;
        }
        let obj = match self.class_special(class, Special::New) {
            Some(new) if !new.is(&self.object_new) => self.call_new(class, &new, args)?,
            _ => self.object_new(class, args)?,
        };
        if !self.is_instance(&obj, class) {
            return Ok(obj);
        }
        let made = self.class_of(&obj).clone();
        let object_init = self.object_init.clone();
        match self.class_special(&made, Special::Init) {
            Some(init) if !init.is(&object_init) => {
                let result = self.call_special_kw(&init, &obj, args)?;
                if !result.is_none() {
                    return Err(self.init_returned(&result));
                }
            }
            _ => self.object_init_check(&made, args)?,
        }
        Ok(obj)
    }

    /// An instance of a built-in class whose native `__new__` does everything; nothing for other classes.
    fn instantiate_builtin(&mut self, class: &Ref<Class>, args: &Args<'_>) -> Option<R> {
        if class.get(self).is_heap() {
            return None;
        }
        if !self.class_special(class, Special::Init)?.is(&self.object_init) {
            return None;
        }
        let new = self.class_special(class, Special::New)?;
        if new.is(&self.object_new) || !new.is_a::<Native>() {
            return None;
        }
        Some(self.call_kw_with_first(&new, class.value(), args))
    }

    /// The TypeError for an `__init__` that returned something.
    #[cold]
    pub fn init_returned(&mut self, result: &Value) -> Raised {
        self.type_error(format!("__init__() should return None, not '{}'", self.class_name(result)))
    }

    /// Calls a `__new__` that was found in a class.
    ///
    /// # Errors
    /// What it raises.
    pub fn call_new(&mut self, class: &Ref<Class>, new: &Value, args: &Args<'_>) -> R {
        let f = match new.cast::<StaticMethod>() {
            Some(s) => s.get(self).func.clone(),
            None if new.is_a::<Native>() || new.is_a::<Function>() => new.clone(),
            None => self.bind(new, &Value::UNDEF, class)?,
        };
        self.call_kw_with_first(&f, class.value(), args)
    }

    /// Calls `f` with one more argument in front.
    ///
    /// # Errors
    /// What the call raises.
    pub fn call_kw_with_first(&mut self, f: &Value, first: &Value, args: &Args<'_>) -> R {
        let (kw_values, kw_names) = (args.kw_values, args.kw_names);
        let first = first.clone();
        match args.pos {
            [] => self.call_kw(f, &Args { pos: &[first], kw_values, kw_names }),
            [a] => self.call_kw(f, &Args { pos: &[first, a.clone()], kw_values, kw_names }),
            [a, b] => self.call_kw(f, &Args { pos: &[first, a.clone(), b.clone()], kw_values, kw_names }),
            many => {
                let mut pos = Vec::with_capacity(many.len() + 1);
                pos.push(first);
                pos.extend_from_slice(many);
                self.call_kw(f, &Args { pos: &pos, kw_values, kw_names })
            }
        }
    }

    /// Calls a raw special method with arguments as passed.
    ///
    /// # Errors
    /// What the call raises.
    pub fn call_special_kw(&mut self, f: &Value, this: &Value, args: &Args<'_>) -> R {
        let binds_plainly =
            f.is_a::<Function>() || (f.is_a::<Native>() && !self.is_exact(f, &self.types.builtin_function));
        if binds_plainly {
            return self.call_kw_with_first(f, this, args);
        }
        let class = self.class_of(this).clone();
        let bound = self.bind(f, this, &class)?;
        self.call_kw(&bound, args)
    }

    /// `object.__new__`: a plain instance.
    ///
    /// # Errors
    /// TypeError for arguments that neither `__new__` nor `__init__` takes, abstract classes, and classes whose
    /// instances are made otherwise.
    pub fn object_new(&mut self, class: &Ref<Class>, args: &Args<'_>) -> R {
        if !args.pos.is_empty() || !args.kw_names.is_empty() {
            self.object_new_check(class)?;
        }
        if class.get(self).flags & (class_flag::ABSTRACT | class_flag::NO_NEW) != 0 {
            return Err(self.cannot_instantiate(class));
        }
        match self.plain_instance(class) {
            Some(v) => Ok(v),
            None => Err(self.type_error(format!("cannot create '{}' instances", class.get(self).display_name()))),
        }
    }

    #[cold]
    fn object_new_check(&mut self, class: &Ref<Class>) -> R<()> {
        let (new, init) = (self.object_new.clone(), self.object_init.clone());
        if self.class_special(class, Special::New).is_some_and(|f| !f.is(&new)) {
            return Err(self.type_error("object.__new__() takes exactly one argument (the type to instantiate)"));
        }
        if self.class_special(class, Special::Init).is_some_and(|f| f.is(&init)) {
            return Err(self.type_error(format!("{}() takes no arguments", class.get(self).display_name())));
        }
        Ok(())
    }

    /// What `object.__init__` does: nothing, but it complains of arguments that nobody took.
    ///
    /// # Errors
    /// TypeError for such arguments.
    pub fn object_init_check(&mut self, class: &Ref<Class>, args: &Args<'_>) -> R<()> {
        if args.pos.is_empty() && args.kw_names.is_empty() {
            return Ok(());
        }
        let (new, init) = (self.object_new.clone(), self.object_init.clone());
        if self.class_special(class, Special::Init).is_some_and(|f| !f.is(&init)) {
            return Err(self.type_error("object.__init__() takes exactly one argument (the instance to initialize)"));
        }
        if self.class_special(class, Special::New).is_some_and(|f| f.is(&new)) {
            return Err(self.type_error(format!(
                "{}.__init__() takes exactly one argument (the instance to initialize)",
                class.get(self).display_name()
            )));
        }
        Ok(())
    }

    #[cold]
    fn cannot_instantiate(&mut self, class: &Ref<Class>) -> Raised {
        let shown = class.get(self).display_name();
        if class.get(self).has(class_flag::NO_NEW) {
            return self.type_error(format!("cannot create '{shown}' instances"));
        }
        let attr = self.intern("__abstractmethods__");
        let names = self.lookup(class, &attr).unwrap_or(Value::NONE);
        let mut texts = Vec::new();
        match self.collect(&names) {
            Ok(items) => texts.extend(items.iter().map(|v| self.str_of(v))),
            Err(e) => return e,
        }
        texts.sort();
        self.type_error(format!(
            "Can't instantiate abstract class {shown} without an implementation for abstract method{} '{}'",
            if texts.len() == 1 { "" } else { "s" },
            texts.join("', '")
        ))
    }
}
