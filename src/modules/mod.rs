//! The native parts of the standard library, and how modules come into being.
//!
//! Each file makes one module: `pub fn module(vm) -> R<Value>`. The table [`NATIVE`] names them; `import` finds
//! them there, beside the modules written in apy that the binary carries ([`stdlib`]).

use crate::vm::function::Module;
use crate::vm::native::NativeDef;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

pub mod abc;
pub mod array;
pub mod asyncio;
pub mod atexit;
pub mod binascii;
pub mod bisect;
pub mod builtins;
pub mod codecs;
pub mod collections;
pub mod contextvars;
pub mod errno;
pub mod functools;
pub mod gc;
pub mod hashlib;
pub mod heapq;
pub mod import;
pub mod import_lock;
pub mod interpreters;
pub mod io;
pub mod itertools;
pub mod json;
pub mod lru_cache;
pub mod math;
pub mod multiprocessing;
pub mod operator;
pub mod posix;
pub mod queue;
pub mod random;
pub mod re;
pub mod select;
pub mod signal;
pub mod socket;
pub mod stdlib;
pub mod string;
pub mod r#struct;
pub mod sys;
pub mod thread;
pub mod time;
pub mod typing;
pub mod unicodedata;
pub mod weakref;

/// Makes a native module.
pub type ModuleInit = fn(&mut Vm) -> R<Value>;

/// The native modules.
pub const NATIVE: &[(&str, ModuleInit)] = &[
    ("_abc", abc::module),
    ("_asyncio", asyncio::module),
    ("_bisect", bisect::module),
    ("_codecs", codecs::module),
    ("_collections", collections::module),
    ("_contextvars", contextvars::module),
    ("_functools", functools::module),
    ("_hashlib", hashlib::module),
    ("_heapq", heapq::module),
    ("_interpreters", interpreters::module),
    ("_io", io::module),
    ("_json", json::module),
    ("_multiprocessing", multiprocessing::module),
    ("_operator", operator::module),
    ("_posixsubprocess", posix::spawn::module),
    ("_queue", queue::module),
    ("_random", random::module),
    ("_re", re::objects::module),
    ("_signal", signal::module),
    ("_socket", socket::module),
    ("_string", string::module),
    ("_struct", r#struct::module),
    ("_thread", thread::module),
    ("_typing", typing::module),
    ("posix", posix::module),
    ("_weakref", weakref::module),
    ("array", array::module),
    ("atexit", atexit::module),
    ("binascii", binascii::module),
    ("contextvars", contextvars::module),
    ("errno", errno::module),
    ("gc", gc::module),
    ("itertools", itertools::module),
    ("math", math::module),
    ("select", select::module),
    ("time", time::module),
    ("unicodedata", unicodedata::module),
];

/// Makes `builtins` and `sys`, which every script needs.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm, settings: sys::Settings) -> R<()> {
    builtins::init(vm)?;
    sys::init(vm, settings)
}

impl Vm {
    /// A new module object with the usual attributes, not entered in `sys.modules`.
    pub fn bare_module(&mut self, name: &str) -> Ref<Module> {
        let dict = self.new_dict();
        let module = self.alloc(Module { dict: dict.clone() });
        let name = self.intern(name).into_value();
        let names = &self.names;
        let (n, doc, package, loader, spec) = (
            names.__name__.clone(),
            names.__doc__.clone(),
            names.__package__.clone(),
            names.__loader__.clone(),
            names.__spec__.clone(),
        );
        dict.set_str(self, &n, name);
        for attr in [doc, package, loader, spec] {
            dict.set_str(self, &attr, Value::NONE);
        }
        module
    }

    /// A new native module with these functions.
    pub fn new_module(&mut self, name: &str, functions: &'static [NativeDef]) -> Ref<Module> {
        let module = self.bare_module(name);
        for def in functions {
            let f = self.native_function(name, def);
            self.module_set(&module, def.name(), f);
        }
        module
    }

    /// Sets an attribute of a module.
    pub fn module_set(&mut self, module: &Ref<Module>, name: &str, value: Value) {
        let dict = module.get(self).dict.clone();
        let name = self.intern(name);
        dict.set_str(self, &name, value);
    }
}
