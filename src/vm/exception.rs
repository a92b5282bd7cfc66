//! Exceptions: the payload, the hierarchy, raising from native code, tracebacks.

use super::class::{Class, ClassSpec, class_flag};
use super::function::CodeObject;
use super::object::{Kind, Ref, VTableOf};
use super::value::Value;
use super::{R, Vm};
use crate::heap_object;

/// A raised exception on its way to a handler.
///
/// Carries the exception object, or one of the constants `STOP_ITERATION` (a plain `StopIteration` that nobody
/// has looked at yet) and `HALT` (the interpreter is being stopped; no handler sees it).
#[derive(Debug)]
#[must_use]
pub struct Raised(pub(super) Value);

impl Raised {
    /// The end of an iteration, without making an exception object.
    pub const fn stop_iteration() -> Raised {
        Raised(Value::STOP_ITERATION)
    }

    pub(super) const fn halt() -> Raised {
        Raised(Value::HALT)
    }

    /// The exception object, where there is one already.
    pub fn exception(&self) -> Option<&Ref<Exception>> {
        self.0.cast::<Exception>()
    }

    /// Whether the interpreter is being stopped.
    pub fn is_halt(&self) -> bool {
        self.0.is(&Value::HALT)
    }
}

heap_object! {
    /// The payload of exceptions.
    pub struct Exception {
        /// `args`: a tuple.
        pub args: Value,
        /// `__traceback__`, or `None`.
        pub traceback: Value,
        /// `__context__`, or `None`.
        pub context: Value,
        /// `__cause__`, or `None`.
        pub cause: Value,
        /// `__suppress_context__`.
        pub suppress_context: bool,
        /// What the class adds (`StopIteration.value`, `OSError.errno`, …), in the class's own order; `UNDEF`
        /// where unset.
        pub extra: Vec<Value>,
    }
    kind = Exception;
}

heap_object! {
    /// The payload of `traceback`: one level.
    pub struct Traceback {
        /// `tb_next`, or `None`.
        pub next: Value,
        /// The code that ran.
        pub code: Ref<CodeObject>,
        /// Its globals (for `tb_frame`).
        pub globals: Value,
        /// The frame object, once made; else `UNDEF`.
        pub frame: Value,
        /// The number of the instruction.
        pub pc: u32,
        /// `tb_lineno` once set by a script, else 0: then it follows from `pc`.
        pub line: u32,
        /// How many frames there were; 0 where that is not known.
        pub depth: u32,
        /// What is known of the task that ended by the exception with this as its outermost level, or `UNDEF`: see
        /// `event_loop::origin`.
        pub task: Value,
    }
}

macro_rules! exceptions {
    ($($name:ident : $base:ident),* $(,)?) => {
        /// The built-in exception classes.
        #[allow(non_snake_case, missing_docs)]
        pub struct ExceptionTypes { pub BaseException: Ref<Class>, $(pub $name: Ref<Class>,)* }

        impl ExceptionTypes {
            pub(super) fn all(class: &Ref<Class>) -> ExceptionTypes {
                ExceptionTypes { BaseException: class.clone(), $($name: class.clone(),)* }
            }
        }

        impl Vm {
            /// Makes the classes.
            #[cold]
            pub(super) fn make_exception_types(&mut self) -> R<()> {
                let object = self.types.object.clone();
                self.exc.BaseException = self.exception_class("BaseException", &object)?;
                self.kind_layouts[Kind::Exception as usize] = self.exc.BaseException.get(self).layouts.root();
                $(
                    let base = self.exc.$base.clone();
                    self.exc.$name = self.exception_class(stringify!($name), &base)?;
                )*
                Ok(())
            }

            /// The built-in exception classes that are names of `builtins`.
            pub fn exception_types(&self) -> Vec<(&'static str, Ref<Class>)> {
                vec![("BaseException", self.exc.BaseException.clone()), $((stringify!($name), self.exc.$name.clone()),)*]
            }
        }
    };
}

exceptions! {
    Exception: BaseException, BaseExceptionGroup: BaseException, GeneratorExit: BaseException,
    KeyboardInterrupt: BaseException, SystemExit: BaseException,
    ArithmeticError: Exception, AssertionError: Exception, AttributeError: Exception, BufferError: Exception,
    EOFError: Exception, ImportError: Exception, LookupError: Exception, MemoryError: Exception,
    NameError: Exception, OSError: Exception, ReferenceError: Exception, RuntimeError: Exception,
    StopAsyncIteration: Exception, StopIteration: Exception, SyntaxError: Exception, SystemError: Exception,
    TypeError: Exception, ValueError: Exception, Warning: Exception,
    FloatingPointError: ArithmeticError, OverflowError: ArithmeticError, ZeroDivisionError: ArithmeticError,
    ModuleNotFoundError: ImportError, IndexError: LookupError, KeyError: LookupError,
    UnboundLocalError: NameError,
    BlockingIOError: OSError, ChildProcessError: OSError, ConnectionError: OSError, FileExistsError: OSError,
    FileNotFoundError: OSError, InterruptedError: OSError, IsADirectoryError: OSError,
    NotADirectoryError: OSError, PermissionError: OSError, ProcessLookupError: OSError, TimeoutError: OSError,
    BrokenPipeError: ConnectionError, ConnectionAbortedError: ConnectionError,
    ConnectionRefusedError: ConnectionError, ConnectionResetError: ConnectionError,
    NotImplementedError: RuntimeError, PythonFinalizationError: RuntimeError, RecursionError: RuntimeError,
    IndentationError: SyntaxError, TabError: IndentationError, _IncompleteInputError: SyntaxError,
    UnicodeError: ValueError, UnicodeDecodeError: UnicodeError, UnicodeEncodeError: UnicodeError,
    UnicodeTranslateError: UnicodeError,
    BytesWarning: Warning, DeprecationWarning: Warning, EncodingWarning: Warning, FutureWarning: Warning,
    ImportWarning: Warning, PendingDeprecationWarning: Warning, ResourceWarning: Warning, RuntimeWarning: Warning,
    SyntaxWarning: Warning, UnicodeWarning: Warning, UserWarning: Warning,
}

macro_rules! raisers {
    ($($(#[$m:meta])* $method:ident $class:ident;)*) => {
        impl Vm {
            $(
                $(#[$m])*
                #[doc = concat!("A raised `", stringify!($class), "` with this text.")]
                #[cold]
                pub fn $method(&mut self, text: impl AsRef<str>) -> Raised {
                    let class = self.exc.$class.clone();
                    self.raise_text(&class, text.as_ref())
                }
            )*
        }
    };
}

raisers! {
    type_error TypeError; value_error ValueError; index_error IndexError; runtime_error RuntimeError;
    overflow_error OverflowError; zero_division_error ZeroDivisionError; attribute_error_text AttributeError;
    name_error_text NameError; recursion_error RecursionError; memory_error MemoryError; system_error SystemError;
    assertion_error AssertionError; not_implemented_error NotImplementedError; buffer_error BufferError;
    lookup_error LookupError; reference_error ReferenceError; eof_error EOFError; import_error_text ImportError;
    unicode_error UnicodeError;
}

impl Vm {
    fn exception_class(&mut self, name: &str, base: &Ref<Class>) -> R<Ref<Class>> {
        let spec = ClassSpec {
            name,
            bases: vec![base.clone()],
            meta: None,
            flags: class_flag::BASE | class_flag::EXCEPTION,
            slots: 0,
            dict: true,
        };
        self.new_class(spec, Some(VTableOf::<Exception>::VTABLE))
    }

    /// A new exception class of a native module (`json.JSONDecodeError`, …).
    ///
    /// # Errors
    /// TypeError when the base is no exception class.
    pub fn define_exception(&mut self, module: &str, name: &str, base: &Ref<Class>) -> R<Ref<Class>> {
        let class = self.exception_class(name, base)?;
        let module = self.intern(module).into();
        let attr = self.names.__module__.clone();
        self.set_class_attr(&class, &attr, module);
        Ok(class)
    }

    /// An exception object with these arguments, made without running `__new__` or `__init__`.
    pub fn new_exception(&mut self, class: &Ref<Class>, args: Vec<Value>) -> Ref<Exception> {
        let args = self.tuple(args).into_value();
        let e = Exception {
            args,
            traceback: Value::NONE,
            context: Value::NONE,
            cause: Value::NONE,
            suppress_context: false,
            extra: Vec::new(),
        };
        self.alloc_as(class, e)
    }

    /// A raised exception of this class with one text argument.
    #[cold]
    pub fn raise_text(&mut self, class: &Ref<Class>, text: &str) -> Raised {
        let text = self.new_str(text).into_value();
        let e = self.new_exception(class, vec![text]);
        Raised(e.into_value())
    }

    /// A raised exception of this class with one argument (`KeyError(key)`).
    #[cold]
    pub fn raise_value(&mut self, class: &Ref<Class>, argument: Value) -> Raised {
        let e = self.new_exception(class, vec![argument]);
        Raised(e.into_value())
    }

    /// `KeyError(key)`.
    #[cold]
    pub fn key_error(&mut self, key: &Value) -> Raised {
        let class = self.exc.KeyError.clone();
        self.raise_value(&class, key.clone())
    }

    /// A raised exception that exists already. Its traceback and context stay as they are.
    #[cold]
    pub fn raise(&mut self, exception: Value) -> Raised {
        if exception.is_a::<Exception>() {
            Raised(exception)
        } else {
            self.type_error("exceptions must derive from BaseException")
        }
    }

    /// An exception made by calling its class, as scripts do.
    pub fn raise_call(&mut self, class: &Ref<Class>, args: &[Value]) -> Raised {
        match self.call(class.value(), args) {
            Ok(e) => self.raise(e),
            Err(e) => e,
        }
    }

    /// `StopIteration(value)`; no object is made when the value is `None`.
    pub fn stop_iteration(&mut self, value: Value) -> Raised {
        if value.is_none() {
            return Raised::stop_iteration();
        }
        let class = self.exc.StopIteration.clone();
        let e = self.new_exception(&class, vec![value.clone()]);
        e.get_mut(self).extra = vec![value];
        Raised(e.into_value())
    }

    /// The exception object of something raised.
    pub fn exception_value(&mut self, raised: Raised) -> Value {
        if raised.0.is(&Value::STOP_ITERATION) {
            let class = self.exc.StopIteration.clone();
            let e = self.new_exception(&class, Vec::new());
            e.get_mut(self).extra = vec![Value::NONE];
            return e.into_value();
        }
        if raised.is_halt() {
            let class = self.exc.SystemExit.clone();
            return self.new_exception(&class, Vec::new()).into_value();
        }
        raised.0
    }

    /// Whether what was raised is an instance of this class. Never true for a halt.
    pub fn raised_is(&self, raised: &Raised, class: &Ref<Class>) -> bool {
        if raised.0.is(&Value::STOP_ITERATION) {
            return self.exc.StopIteration.is_subclass(self, class);
        }
        !raised.is_halt() && self.is_instance(&raised.0, class)
    }

    /// Turns the end of an iteration into `None`.
    ///
    /// # Errors
    /// Every exception but `StopIteration`.
    #[inline]
    pub fn end_is_none(&self, result: R) -> R<Option<Value>> {
        match result {
            Ok(v) => Ok(Some(v)),
            Err(e) if e.0.is(&Value::STOP_ITERATION) => Ok(None),
            Err(e) if self.raised_is(&e, &self.exc.StopIteration) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// `StopIteration.value` of a raised `StopIteration`.
    pub fn stop_value(&mut self, raised: Raised) -> Value {
        if raised.0.is(&Value::STOP_ITERATION) {
            return Value::NONE;
        }
        match raised.0.cast::<Exception>() {
            Some(e) => match e.get(self).extra.first() {
                Some(v) if !v.is_undef() => v.clone(),
                _ => Value::NONE,
            },
            None => Value::NONE,
        }
    }

    /// Calls a function as an `except` block would that handles the exception.
    pub fn while_handling<T>(&mut self, e: &Value, f: impl FnOnce(&mut Vm) -> T) -> T {
        let saved = std::mem::replace(&mut self.thread.handled, e.clone());
        let result = f(self);
        let e = std::mem::replace(&mut self.thread.handled, saved);
        drop(e);
        result
    }

    /// Sets the context of an exception to what the running generator itself handles, if anything.
    pub(super) fn chain_own_context(&mut self, exception: &Value) {
        if self.thread.handled.is_object() {
            self.chain_context(exception);
        }
    }

    /// Sets `__context__` of a new exception to the handled one, as raising inside a handler does, unless that
    /// would make a circle.
    pub(super) fn chain_context(&mut self, exception: &Value) {
        let handled = self.handled();
        self.chain_to(exception, handled);
    }

    fn chain_to(&mut self, exception: &Value, handled: Value) {
        if !handled.is_object() || handled.is(exception) {
            return;
        }
        let Some(e) = exception.cast::<Exception>() else { return };
        // Break a circle: somewhere up the chain the new exception itself, unless nothing else refers to it.
        let known = exception.header().is_some_and(|h| h.ref_count() > 1);
        let mut o = if known { handled.clone() } else { Value::NONE };
        let mut slow = handled.clone();
        let mut step = 0u32;
        while let Some(x) = o.cast::<Exception>() {
            let next = x.get(self).context.clone();
            if next.is(exception) {
                let old = std::mem::replace(&mut x.get_mut(self).context, Value::NONE);
                drop(old);
                break;
            }
            step += 1;
            if step.is_multiple_of(2) {
                let s = slow.cast::<Exception>().map_or(Value::NONE, |s| s.get(self).context.clone());
                slow = s;
                if slow.is(&next) {
                    break;
                }
            }
            o = next;
        }
        self.charge(step as usize / 4);
        let old = std::mem::replace(&mut e.get_mut(self).context, handled);
        drop(old);
    }
}
