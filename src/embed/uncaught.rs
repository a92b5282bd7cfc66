//! Exceptions that nothing caught: exit statuses, `sys.excepthook`.

use crate::diagnostics::traceback;
use crate::modules::sys;
use crate::vm::exception::Raised;
use crate::vm::{Value, Vm};

impl Vm {
    /// Does with an exception what CPython does with one that leaves the program: `SystemExit` gives the exit status
    /// and its message goes to standard error; others go to `sys.excepthook` and give 1.
    pub fn report_uncaught(&mut self, e: Raised) -> i32 {
        if e.is_halt() {
            return 1;
        }
        let value = self.exception_value(e);
        match self.system_exit(&value) {
            Some(status) => status,
            None => self.report_value(&value),
        }
    }

    /// As [`report_uncaught`](Self::report_uncaught), but `SystemExit` is an exception like others: the program is
    /// looked into afterwards.
    pub fn report_all(&mut self, e: Raised) -> i32 {
        if e.is_halt() {
            return 1;
        }
        let value = self.exception_value(e);
        self.report_value(&value)
    }

    fn report_value(&mut self, value: &Value) -> i32 {
        self.note_last(value);
        // What was printed before comes first; a stream that is broken is reported at the end of the program.
        let _ = self.flush_streams();
        let Some(hook) = sys::module_attr(self, "excepthook") else {
            let text = self.traceback_text(value);
            let _ = sys::write_stderr(self, &format!("sys.excepthook is missing\n{text}"));
            return 1;
        };
        let class = self.class_of(value).value().clone();
        let tb = self.get_attr_str(value, "__traceback__").unwrap_or(Value::NONE);
        let first = sys::hooks::is_first_hook(self, &hook);
        let hooked = self.call(&hook, &[class, value.clone(), tb]);
        if first && hooked.is_ok() {
            // A hook of the program's own prints what it likes.
            let _ = sys::hooks::write_path(self, value);
        }
        if let Err(second) = hooked {
            if second.is_halt() {
                return 1;
            }
            let second = self.exception_value(second);
            if let Some(status) = self.system_exit(&second) {
                return status;
            }
            let (hook_text, text) = (self.traceback_text(&second), self.traceback_text(value));
            let text = format!("Error in sys.excepthook:\n{hook_text}\nOriginal exception was:\n{text}");
            let _ = sys::write_stderr(self, &text);
        }
        1
    }

    /// The exit status of a `SystemExit`, whose message is printed; nothing for other exceptions.
    fn system_exit(&mut self, value: &Value) -> Option<i32> {
        let status = sys::exit_status(self, value)?;
        if let Some(message) = sys::exit_message(self, value) {
            let _ = self.flush_streams();
            let _ = sys::write_stderr(self, &format!("{message}\n"));
        }
        Some(status)
    }

    /// `sys.last_exc` and its older relatives.
    fn note_last(&mut self, value: &Value) {
        let class = self.class_of(value).value().clone();
        let tb = self.get_attr_str(value, "__traceback__").unwrap_or(Value::NONE);
        for (name, v) in [("last_exc", value), ("last_type", &class), ("last_value", value), ("last_traceback", &tb)] {
            sys::set_module_attr(self, name, v.clone());
        }
    }

    fn traceback_text(&mut self, value: &Value) -> String {
        traceback::format_exception(self, value).unwrap_or_default()
    }
}
