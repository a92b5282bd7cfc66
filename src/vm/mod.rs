//! The machine: values, heap, classes, frames and the loop that runs bytecode.
//!
//! [`Vm`] is the token of the token rule (see [`object`]): whoever holds `&mut Vm` holds the interpreter's lock
//! and may run script code. Natives are plain functions of `&mut Vm`.
//!
//! This is the only part of apy with `unsafe` code.

pub mod attr;
pub mod call;
mod call_errors;
pub mod class;
mod class_dict;
pub mod class_ops;
mod convert;
pub mod dict;
pub mod exception;
pub mod frame;
pub mod frame_object;
pub mod function;
pub mod gc;
pub mod generator;
pub mod heap;
pub mod held;
pub mod instance;
mod interp;
mod keys;
pub mod layout;
mod level;
pub mod limits;
pub mod message;
pub mod names;
pub mod native;
pub mod numbers;
pub mod object;
pub mod ops;
pub mod report;
pub mod seq;
pub mod set;
pub mod signals;
pub mod spawn;
pub mod special;
pub mod spin;
pub mod stack;
pub mod str;
pub mod system;
#[cfg(test)]
mod tests;
pub mod text;
pub mod threads;
pub mod types;
pub mod value;
mod zeroed;

use class::{Class, LOOKUP_CACHE, LookupEntry};
use dict::Dict;
use exception::ExceptionTypes;
pub use exception::Raised;
use heap::Heap;
use layout::Layout;
use names::Names;
use object::{Kind, Ref};
use std::any::{Any, TypeId};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};
use types::Types;
pub use value::Value;

/// What everything that may raise gives.
pub type R<T = Value> = Result<T, Raised>;

/// Hashes addresses.
#[derive(Default, Clone, Copy)]
pub struct PtrHasher(u64);

impl Hasher for PtrHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

/// For maps whose keys are addresses.
pub type PtrHash = BuildHasherDefault<PtrHasher>;

/// The heap's owner.
pub(crate) struct HeapBox(NonNull<Heap>);

impl Deref for HeapBox {
    type Target = Heap;
    #[inline(always)]
    fn deref(&self) -> &Heap {
        // SAFETY: made from a box in `Vm::new`, freed in `Drop` of `Vm`.
        unsafe { self.0.as_ref() }
    }
}

/// How `await` drives native objects without making iterators and exceptions; the event loop provides it.
#[derive(Clone, Copy)]
pub struct NativeAwait {
    /// Whether the object can be driven as it is; an error where it must not be awaited.
    pub accepts: fn(&mut Vm, &Value) -> R<bool>,
    /// Resumes an object that can be, and gives `None` for others.
    pub resume: fn(&mut Vm, &Value) -> Option<R<generator::GenStep>>,
}

/// A hasher for keys that are hashes already.
#[derive(Default)]
struct TypeIdHasher(u64);

impl Hasher for TypeIdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*b);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

/// One interpreter's state. See the module's documentation.
pub struct Vm {
    /// The built-in classes.
    pub types: Types,
    /// The built-in exception classes.
    pub exc: ExceptionTypes,
    /// `bool`.
    pub bool_class: Ref<Class>,
    /// `super`.
    pub super_class: Ref<Class>,
    /// `object.__new__`.
    pub(crate) object_new: Value,
    /// `object.__init__`.
    pub(crate) object_init: Value,
    /// Names that the machine looks up.
    pub names: Names,
    kind_layouts: [*const Layout; Kind::COUNT],
    native_layouts: HashMap<TypeId, *const Layout, BuildHasherDefault<TypeIdHasher>>,
    lookup_cache: zeroed::Zeroed<Cell<LookupEntry>, LOOKUP_CACHE>,
    /// The last tuple of two small ints that was hashed, as bits, and its hash.
    last_pair: Cell<([u64; 2], u64)>,
    attr_cache: interp::AttrCache,
    interner: text::Interner,
    /// See [`Vm::written`].
    scratch: Vec<u8>,
    next_keys_version: u32,
    /// The thread that holds the lock, or was the last to hold it.
    thread: frame::ThreadState,
    /// The others.
    parked: Vec<Option<frame::ThreadState>>,
    lock: Arc<threads::Lock>,
    /// See [`Vm::wake_soon`].
    bells: Vec<threads::Bell>,
    held: held::Held,
    machine: Weak<threads::Machine>,
    /// `builtins.__dict__`.
    pub builtins: Ref<Dict>,
    /// `sys.modules`.
    pub modules: Ref<Dict>,
    /// States of native modules; what is asked for often comes to stand in front.
    state: Vec<(TypeId, Box<dyn Any>)>,
    native_await: Option<NativeAwait>,
    limits: limits::Limits,
    shared: Arc<limits::Shared>,
    gc: gc::Collector,
    /// See [`Vm::retire`].
    retired: frame::Retired,
    /// Last, so that it goes last: the other fields hold values.
    pub(crate) heap: HeapBox,
}

// SAFETY: a machine is only touched by the thread that holds its lock (see `threads`); everything it points to
// belongs to it alone, and values cannot leave that thread (they are not `Send`).
unsafe impl Send for Vm {}

impl Vm {
    /// A machine with the built-in classes, but without their methods, builtins or modules.
    #[cold]
    pub(crate) fn new(hash_seed: u64) -> Box<Vm> {
        let heap = HeapBox(NonNull::from(Box::leak(Box::new(Heap::new()))));
        let [object, type_, str_, tuple] = Vm::bootstrap_types(&heap);
        let mut types = Types::all(&object);
        types.type_ = type_;
        types.str_ = str_;
        types.tuple = tuple;
        // SAFETY: the classes are immortal, and layouts live as long as their classes.
        let (str_layout, tuple_layout) =
            unsafe { ((*types.str_.as_ptr()).layouts.root(), (*types.tuple.as_ptr()).layouts.root()) };
        // SAFETY: as above.
        let empty = heap.alloc_str_parts(unsafe { &*str_layout }, &[], 0);
        // Until dicts exist; replaced before anything looks at it.
        let placeholder: Ref<Dict> = Ref::from_value_unchecked(object.value().clone());
        let mut kind_layouts = [std::ptr::null(); Kind::COUNT];
        kind_layouts[Kind::Str as usize] = str_layout;
        kind_layouts[Kind::Tuple as usize] = tuple_layout;
        let mut vm = Box::new(Vm {
            exc: ExceptionTypes::all(&object),
            bool_class: object.clone(),
            super_class: object.clone(),
            object_new: Value::UNDEF,
            object_init: Value::UNDEF,
            names: Names::all(&empty),
            types,
            kind_layouts,
            native_layouts: HashMap::default(),
            attr_cache: interp::AttrCache::default(),
            // SAFETY: all zeros are an empty entry.
            lookup_cache: unsafe { zeroed::Zeroed::new() },
            // Bits of no small ints.
            last_pair: Cell::new(([Value::UNDEF.bits(); 2], 0)),
            interner: text::Interner::new(hash_seed),
            scratch: Vec::new(),
            next_keys_version: 1,
            thread: frame::ThreadState::new(),
            parked: Vec::new(),
            lock: threads::Lock::held(),
            bells: Vec::new(),
            held: held::Held::default(),
            machine: Weak::new(),
            builtins: placeholder.clone(),
            modules: placeholder,
            state: Vec::new(),
            native_await: None,
            limits: limits::Limits::default(),
            shared: Arc::new(limits::Shared::default()),
            gc: gc::Collector::default(),
            retired: frame::Retired::default(),
            heap,
        });
        vm.fill_names();
        vm.make_core_types();
        let made = vm
            .make_derived_types()
            .and_then(|()| vm.make_exception_types())
            .and_then(|()| ops::init_iterators(&mut vm));
        assert!(made.is_ok(), "the built-in classes fit together");
        vm.builtins = vm.new_dict();
        vm.modules = vm.new_dict();
        vm.enable_weak_references();
        vm.fill_bytes_cache();
        vm
    }

    /// Sets how `await` drives native objects.
    pub fn set_native_await(&mut self, how: NativeAwait) {
        self.native_await = Some(how);
    }

    /// Per-interpreter state of a native module, made when first asked for.
    pub fn state<T: Default + 'static>(&mut self) -> &mut T {
        let id = TypeId::of::<T>();
        let at = match self.state.iter().position(|(t, _)| *t == id) {
            Some(0) => 0,
            Some(at) => {
                self.state.swap(at, at - 1);
                at - 1
            }
            None => {
                self.state.push((id, Box::new(T::default())));
                self.state.len() - 1
            }
        };
        match self.state[at].1.downcast_mut::<T>() {
            Some(t) => t,
            None => unreachable!("the key is the type"),
        }
    }

    /// What other threads can reach of this interpreter.
    pub fn shared(&self) -> Arc<limits::Shared> {
        self.shared.clone()
    }

    /// A code object for code that the compiler made: constants become values, names are interned.
    pub fn new_code(&mut self, code: Arc<crate::compiler::code::Code>) -> Ref<function::CodeObject> {
        let consts: Vec<Value> = code.consts.iter().map(|c| self.constant(c)).collect();
        let names: Vec<Value> = code.names.iter().map(|n| self.intern(n).into_value()).collect();
        self.alloc(function::CodeObject::new(code, consts, names))
    }

    /// The value of a constant.
    fn constant(&mut self, c: &crate::compiler::code::Const) -> Value {
        use crate::compiler::code::Const;
        match c {
            Const::None => Value::NONE,
            Const::Bool(b) => Value::bool(*b),
            Const::Ellipsis => Value::ELLIPSIS,
            Const::Int(i) => self.int(*i),
            Const::BigInt { negative, digits, radix } => {
                let big = crate::bigint::BigInt::parse(digits, *radix).unwrap_or_default();
                self.big_int(if *negative { -&big } else { big })
            }
            Const::Float(f) => self.float(*f),
            Const::Complex(re, im) => crate::objects::complex::new_complex(self, *re, *im),
            Const::Str(s) => self.constant_str(s),
            Const::Bytes(b) => self.new_bytes(b).into(),
            Const::Tuple(items) => {
                let items: Vec<Value> = items.iter().map(|c| self.constant(c)).collect();
                if items.is_empty() { self.empty_tuple() } else { self.tuple(items).into() }
            }
            Const::FrozenSet(items) => {
                let items: Vec<Value> = items.iter().map(|c| self.constant(c)).collect();
                set::frozen_constant(self, items)
            }
            Const::Code(code) => self.new_code(code.clone()).into(),
        }
    }

    /// A string constant; those that look like names are interned, as in CPython.
    fn constant_str(&mut self, s: &[u8]) -> Value {
        let name_like = s.len() <= 64 && s.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
        match std::str::from_utf8(s) {
            Ok(text) if name_like => self.intern(text).into(),
            _ => self.new_str_bytes(s).into(),
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.state.clear();
        // From here on counts no longer matter, so the fields that hold values may be dropped in any order.
        self.heap.tear_down();
    }
}

impl Drop for HeapBox {
    fn drop(&mut self) {
        self.free_memory();
        // SAFETY: made from a box in `Vm::new`; this is the last field of the machine to be dropped.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
