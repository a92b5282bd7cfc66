//! Callables and what they are made of: functions, native functions, methods, cells, modules, code objects.

use super::class::Class;
use super::dict::Dict;
use super::native::{Args, NativeDef};
use super::object::{Kind, Object, Ref, Trace, Tracer, traces_nothing};
use super::str::Str;
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::{Code, CodeFlags};
use crate::compiler::opcodes::Instr;
use crate::heap_object;
use std::cell::{Cell, OnceCell};
use std::sync::Arc;

/// An inline cache. What the fields mean depends on the instruction.
#[derive(Clone, Copy)]
pub(super) struct InlineCache {
    /// The layout's id or the dict's keys version that must match.
    pub id: u32,
    /// A slot or entry number, or what kind of hit it is.
    pub index: u32,
    /// The bits of a value that the class keeps alive while `id` stands, or a layout's address.
    pub value: u64,
}

impl InlineCache {
    /// The id is one that no layout and no dict ever has; 0 will not do, since those that must not be cached have it.
    pub const EMPTY: InlineCache = InlineCache { id: u32::MAX, index: 0, value: 0 };
}

/// The payload of `code`: shared code with this interpreter's constants and caches.
pub struct CodeObject {
    /// The constants.
    pub(super) consts: Box<[Value]>,
    /// The names, interned.
    pub(super) names: Box<[Value]>,
    /// The code itself.
    pub code: Arc<Code>,
    pub(super) caches: Box<[Cell<InlineCache>]>,
    /// First of the instructions: what the loop reads.
    pub(super) instrs: *const Instr,
    pub(super) nregs: u16,
    pub(super) first_temp: u16,
    /// How many parameters there are, `*args` and `**kwargs` among them.
    pub(super) params: u16,
    /// Positional parameters, when a call with just that many positional arguments needs nothing else: no
    /// defaults to fill in, no `*args`, no generator to make. 255 when it does.
    pub(super) simple_args: u8,
    /// The same for functions that make generators too.
    pub(super) exact_args: u8,
    /// A call with `simple_args` arguments leaves locals unset.
    pub(super) has_unset: bool,
    /// The address of the code object itself is its identity; a replaced one (`co_replace`) has its own.
    pub(super) makes_generator: bool,
    /// `__name__` and `__qualname__` of its functions, once one was made.
    pub(super) titles: OnceCell<[Value; 2]>,
}

impl Trace for CodeObject {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.consts.trace(tracer);
        self.names.trace(tracer);
        if let Some(titles) = self.titles.get() {
            titles.iter().for_each(|v| tracer.value(v));
        }
    }
    fn clear(&mut self) {}
}

impl Object for CodeObject {
    const KIND: Kind = Kind::Code;
    fn external(&self) -> usize {
        (self.consts.len() + self.names.len()) * 8 + self.caches.len() * size_of::<InlineCache>()
    }
}

impl CodeObject {
    pub(super) fn new(code: Arc<Code>, consts: Vec<Value>, names: Vec<Value>) -> CodeObject {
        let generator = CodeFlags::GENERATOR | CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR;
        let makes_generator = code.flags.has(generator);
        let plain = code.kwonlyargcount == 0
            && !code.flags.has(CodeFlags::VARARGS | CodeFlags::VARKEYWORDS)
            && code.argcount < 255;
        let exact_args = if plain { code.argcount as u8 } else { 255 };
        CodeObject {
            consts: consts.into(),
            names: names.into(),
            caches: vec![Cell::new(InlineCache::EMPTY); code.caches.len()].into(),
            instrs: code.instrs.as_ptr(),
            nregs: code.nregs,
            first_temp: code.first_temp,
            params: code.param_count() as u16,
            simple_args: if makes_generator { 255 } else { exact_args },
            exact_args,
            has_unset: code.first_temp > u16::from(exact_args),
            makes_generator,
            titles: OnceCell::new(),
            code,
        }
    }

    /// The code's flags.
    #[inline(always)]
    pub(super) fn flags(&self) -> CodeFlags {
        self.code.flags
    }

    /// An inline cache.
    ///
    /// # Safety
    /// `at` is below the number of caches: the verifier checks it for every instruction.
    #[inline(always)]
    pub(super) unsafe fn cache(&self, at: usize) -> InlineCache {
        // SAFETY: the caller's promise.
        unsafe { self.caches.get_unchecked(at) }.get()
    }

    /// Fills an inline cache.
    #[inline(always)]
    pub(super) fn set_cache(&self, at: usize, cache: InlineCache) {
        self.caches[at].set(cache);
    }

    /// The interned name of an index.
    pub(super) fn name(&self, index: usize) -> Ref<Str> {
        Ref::from_value_unchecked(self.names[index].clone())
    }

    /// The bits of the name that an inline cache is about.
    #[inline(always)]
    pub(super) fn cache_name_bits(&self, cache: usize) -> u64 {
        self.names[self.code.caches[cache].name as usize].bits()
    }

    /// The name that an inline cache is about.
    pub(super) fn cache_name(&self, cache: usize) -> Ref<Str> {
        self.name(self.code.caches[cache].name as usize)
    }
}

heap_object! {
    /// The payload of a script function.
    pub struct Function {
        /// Its code.
        pub code: Ref<CodeObject>,
        /// Its module's namespace.
        pub globals: Ref<Dict>,
        /// The namespace of builtins.
        pub builtins: Ref<Dict>,
        /// A tuple of cells, or `UNDEF`.
        pub closure: Value,
        /// A tuple or `None`.
        pub defaults: Value,
        /// A dict or `None`.
        pub kwdefaults: Value,
        /// `__name__`.
        pub name: Value,
        /// `__qualname__`.
        pub qualname: Value,
        /// `__doc__`.
        pub doc: Value,
        /// `__module__`.
        pub module: Value,
        /// `__annotate__`, or `None`.
        pub annotate: Value,
        /// `__annotations__` once computed or set, else `UNDEF`.
        pub annotations: Value,
        /// `__type_params__`: a tuple, or `UNDEF` for none.
        pub type_params: Value,
    }
    kind = Function;
}

heap_object! {
    /// The payload of a cell: a variable shared by closures.
    pub struct CellObject {
        /// The contents; `UNDEF` when empty.
        pub value: Value,
    }
    kind = Cell;
}

heap_object! {
    /// The payload of a bound method.
    pub struct Method {
        /// `__func__`.
        pub func: Value,
        /// `__self__`.
        pub receiver: Value,
    }
    kind = Method;
}

heap_object! {
    /// The payload of a module.
    pub struct Module {
        /// Its namespace.
        pub dict: Ref<Dict>,
    }
    kind = Module;
}

/// A function given by the host program.
pub type HostFn = dyn Fn(&mut Vm, &Args<'_>) -> R + Send + Sync;

/// What a native function runs.
#[derive(Clone)]
pub enum NativeCode {
    /// A function of apy itself.
    Static(&'static NativeDef),
    /// A closure of the host program.
    Host(Arc<HostFn>, Arc<str>),
}

traces_nothing!(NativeCode);

heap_object! {
    /// The payload of a native function: a function of a module, or a method not bound yet.
    pub struct Native {
        /// The module's name (a function), or the class (a method).
        pub owner: Value,
        /// What it runs.
        pub code: NativeCode,
    }
    kind = Native;
}

/// A native attribute of a class.
#[derive(Clone, Copy)]
pub enum AttrCode {
    /// Computed by native code.
    GetSet(&'static super::native::GetSetDef),
    /// One of the `__slots__`: its number.
    Slot(u16),
}

traces_nothing!(AttrCode);

heap_object! {
    /// The payload of a native attribute of a class (`getset_descriptor`, `member_descriptor`).
    pub struct GetSet {
        /// The class.
        pub owner: Ref<Class>,
        /// The name.
        pub name: Ref<Str>,
        /// What it does.
        pub code: AttrCode,
    }
    kind = GetSet;
}

heap_object! {
    /// The payload of `property`.
    pub struct Property {
        /// `fget`, or `None`.
        pub get: Value,
        /// `fset`, or `None`.
        pub set: Value,
        /// `fdel`, or `None`.
        pub del: Value,
        /// `__doc__`.
        pub doc: Value,
        /// `__name__`, or `UNDEF`.
        pub name: Value,
        /// The doc came from the getter.
        pub getter_doc: bool,
    }
    kind = Property;
}

heap_object! {
    /// The payload of `classmethod`.
    pub struct ClassMethod {
        /// `__func__`.
        pub func: Value,
    }
    kind = ClassMethod;
}

heap_object! {
    /// The payload of `staticmethod`.
    pub struct StaticMethod {
        /// `__func__`.
        pub func: Value,
    }
    kind = StaticMethod;
}
