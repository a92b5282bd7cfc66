//! Heap objects: the header every one starts with, typed handles, and the token discipline.
//!
//! **The token rule.** A payload is reached through a handle *and the VM*: `list.get(vm)` borrows the VM
//! shared, `list.get_mut(vm)` borrows it exclusively. Everything that can run script code needs `&mut Vm`, so
//! the borrow checker itself proves that no native holds a reference into a container across such a call.
//!
//! Not here: where objects are allocated (`heap`), what they look like to scripts (`layout`, `class`).

use super::Vm;
use super::layout::Layout;
use super::value::Value;
use std::any::TypeId;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// What kind of payload an object has. Hot types have kinds of their own, so that checking is one byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A free block (never seen through a value).
    Free,
    /// `str`.
    Str,
    /// `bytes`.
    Bytes,
    /// A big `int`.
    Int,
    /// A `float` without an inline form.
    Float,
    /// `complex`.
    Complex,
    /// `list`.
    List,
    /// `tuple`.
    Tuple,
    /// `dict`.
    Dict,
    /// `set`.
    Set,
    /// `frozenset`.
    FrozenSet,
    /// `range`.
    Range,
    /// `slice`.
    Slice,
    /// A class.
    Type,
    /// A script function.
    Function,
    /// A native function or an unbound native method.
    Native,
    /// A method bound to its object.
    Method,
    /// `module`.
    Module,
    /// A variable shared by closures.
    Cell,
    /// `code`.
    Code,
    /// A generator, coroutine or async generator.
    Generator,
    /// An instance of a script-defined class (no native payload).
    Instance,
    /// An exception.
    Exception,
    /// `property`.
    Property,
    /// `classmethod`.
    ClassMethod,
    /// `staticmethod`.
    StaticMethod,
    /// A native attribute (getset or member descriptor).
    GetSet,
    /// The iterator of a list, tuple or range: what a `for` loop knows by heart.
    SeqIter,
    /// The iterator of a dict or one of its views.
    DictIter,
    /// `zip`.
    Zip,
    /// `enumerate`.
    Enumerate,
    /// An event loop.
    EventLoop,
    /// `asyncio.Task`.
    Task,
    /// `asyncio.Future`.
    Future,
    /// `asyncio.Handle`.
    Handle,
    /// A coroutine of native code.
    NativeCoroutine,
    /// `asyncio.Lock`.
    Lock,
    /// `asyncio.Queue` and its kin.
    Queue,
    /// `asyncio.StreamReader`.
    StreamReader,
    /// `asyncio.StreamWriter`.
    StreamWriter,
    /// `asyncio.StreamReaderProtocol`.
    StreamProtocol,
    /// A transport.
    Transport,
    /// Everything else; told apart by the payload's Rust type.
    Other,
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = Kind::Other as usize + 1;

    /// Whether payloads of this kind hold no references.
    #[inline(always)]
    pub(super) const fn is_leaf(self) -> bool {
        matches!(self, Kind::Str | Kind::Bytes | Kind::Int | Kind::Float | Kind::Complex)
    }

    /// Whether objects of the built-in class of this kind are freed by dropping their payload, in whatever order its
    /// parts are held, and giving their block back.
    #[inline(always)]
    pub(super) const fn is_simple(self) -> bool {
        matches!(self, Kind::Tuple | Kind::List | Kind::Range | Kind::SeqIter | Kind::Cell)
    }

    /// Whether payloads of this kind hold nothing at all outside the object.
    #[inline(always)]
    pub(super) const fn is_plain_leaf(self) -> bool {
        matches!(self, Kind::Str | Kind::Bytes | Kind::Float)
    }
}

/// Bits of [`Header::flags`].
pub mod flag {
    /// Weak references to the object exist.
    pub const WEAKREF: u8 = 1;
    /// Its finalizer has run.
    pub const FINALIZED: u8 = 2;
    /// It has a 16-byte prefix whose second word points to its attribute slots.
    pub const PREFIX: u8 = 4;
    /// It was too large for a page.
    pub const LARGE: u8 = 8;
    /// A string in the interner's table.
    pub const INTERNED: u8 = 16;
    /// It is being freed.
    pub const DYING: u8 = 32;
    /// Made with the interpreter: the collector takes it for reachable, and does not look into it.
    pub const PERMANENT: u8 = 64;
}

/// What every heap object starts with: 16 bytes.
#[repr(C)]
pub struct Header {
    /// Count of references; with the top bit set the object is immortal.
    pub(super) rc: Cell<u32>,
    /// The kind of payload.
    pub kind: Kind,
    /// See [`flag`].
    pub(super) flags: Cell<u8>,
    /// Belongs to the kind (an instance's number of slots).
    pub(super) aux: Cell<u16>,
    /// The class and the attribute slots.
    pub(super) layout: Cell<*const Layout>,
}

const _: () = assert!(size_of::<Header>() == 16);

/// From this count on an object is never freed.
pub(super) const IMMORTAL: u32 = 0x8000_0000;

impl Header {
    /// Counts up; a count that reaches the top bit stays there for ever.
    ///
    /// # Safety
    /// `p` points to a live object of an interpreter whose lock this thread holds.
    #[inline(always)]
    pub(super) unsafe fn inc(p: *const Header) {
        // SAFETY: the caller's promise.
        let rc = unsafe { &(*p).rc };
        let n = rc.get();
        debug_assert!(n > 0, "an object is held that has been freed");
        if (n as i32) >= 0 {
            rc.set(n + 1);
        }
    }

    /// The object's layout.
    #[inline(always)]
    pub fn layout(&self) -> &Layout {
        // SAFETY: a live object keeps its class alive, and the class its layouts.
        unsafe { &*self.layout.get() }
    }

    /// How many references there are (a large number for immortal objects).
    pub fn ref_count(&self) -> u32 {
        self.rc.get()
    }

    /// Whether a bit of [`flag`] is set.
    #[inline(always)]
    pub fn has_flag(&self, f: u8) -> bool {
        self.flags.get() & f != 0
    }

    pub(super) fn set_flag(&self, f: u8) {
        self.flags.set(self.flags.get() | f);
    }

    pub(super) fn clear_flag(&self, f: u8) {
        self.flags.set(self.flags.get() & !f);
    }

    /// The payload, which follows the header.
    #[inline(always)]
    pub(super) fn payload<T>(p: *mut Header) -> *mut T {
        p.wrapping_add(1) as *mut T
    }
}

/// Shows a payload's references to the cycle collector.
///
/// Implement it through [`heap_object!`](crate::heap_object) only: showing a reference twice would let the
/// collector free what is in use.
pub trait Trace {
    /// Calls the tracer once for each counted reference that this owns.
    fn trace(&self, tracer: &mut Tracer<'_>);
    /// Gives all references up, to break a cycle; the object is never used again.
    fn clear(&mut self);
}

/// What [`Trace::trace`] reports to.
pub struct Tracer<'a> {
    pub(super) visit: &'a mut dyn FnMut(*mut Header),
}

impl Tracer<'_> {
    /// Reports one reference.
    #[inline]
    pub fn value(&mut self, v: &Value) {
        if v.is_object() {
            (self.visit)(v.ptr());
        }
    }
}

/// The payload of a heap object.
///
/// Implement it with [`heap_object!`](crate::heap_object).
pub trait Object: Trace + Sized + 'static {
    /// The kind. One of its own belongs to one payload type, which the definition of its class checks.
    const KIND: Kind = Kind::Other;

    /// Bytes owned outside the object itself; charged to the interpreter's memory account.
    fn external(&self) -> usize {
        0
    }

    /// Whether an object has this payload.
    #[inline(always)]
    fn is(header: &Header) -> bool {
        if matches!(Self::KIND, Kind::Other) {
            header.kind as u8 == Kind::Other as u8 && header.layout().vtable.type_id == TypeId::of::<Self>()
        } else {
            header.kind as u8 == Self::KIND as u8
        }
    }
}

/// What the heap must know of a payload type.
pub struct VTable {
    pub(super) type_id: TypeId,
    pub(super) kind: Kind,
    /// Size of the payload.
    pub(super) size: usize,
    pub(super) drop: unsafe fn(*mut Header),
    pub(super) trace: unsafe fn(*mut Header, &mut Tracer<'_>),
    pub(super) clear: unsafe fn(*mut Header),
    pub(super) external: unsafe fn(*mut Header) -> usize,
}

/// Carries the vtable of a payload type as a constant.
pub(super) struct VTableOf<T>(PhantomData<T>);

impl<T: Object> VTableOf<T> {
    pub(super) const VTABLE: &'static VTable = &VTable {
        type_id: TypeId::of::<T>(),
        kind: T::KIND,
        size: size_of::<T>(),
        // SAFETY: called once, by the heap, when the object dies.
        drop: |p| unsafe { std::ptr::drop_in_place(Header::payload::<T>(p)) },
        // SAFETY: called by the collector on live objects.
        trace: |p, t| unsafe { (*Header::payload::<T>(p)).trace(t) },
        // SAFETY: called by the collector on unreachable objects that it holds.
        clear: |p| unsafe { (*Header::payload::<T>(p)).clear() },
        // SAFETY: called by the heap on live objects.
        external: |p| unsafe { (*Header::payload::<T>(p)).external() },
    };
}

/// A counted handle to an object whose payload is a `T`.
#[repr(transparent)]
pub struct Ref<T>(Value, PhantomData<T>);

impl<T> Ref<T> {
    /// Wraps a value that the caller knows to have the payload.
    #[inline(always)]
    pub(super) fn from_value_unchecked(v: Value) -> Ref<T> {
        Ref(v, PhantomData)
    }

    /// The untyped value.
    #[inline(always)]
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The untyped value.
    #[inline(always)]
    pub fn into_value(self) -> Value {
        self.0
    }

    /// A number that tells objects apart while they live (`id`).
    #[inline(always)]
    pub fn address(&self) -> usize {
        self.0.ptr() as usize
    }

    /// Whether both are the same object.
    #[inline(always)]
    pub fn is(&self, other: &Ref<T>) -> bool {
        self.0.is(&other.0)
    }

    /// The object's header.
    #[inline(always)]
    pub fn header(&self) -> &Header {
        // SAFETY: the handle owns a count of a live object.
        unsafe { &*self.0.ptr() }
    }
}

impl<T: Object> Ref<T> {
    /// The payload. The VM stays borrowed, so no script code can run meanwhile.
    #[inline(always)]
    pub fn get<'a>(&'a self, _vm: &'a Vm) -> &'a T {
        // SAFETY: the payload was checked when the handle was made; exclusive access needs `&mut Vm`.
        unsafe { &*Header::payload::<T>(self.0.ptr()) }
    }

    /// The payload, to change it. The VM stays borrowed exclusively.
    #[inline(always)]
    pub fn get_mut<'a>(&'a self, vm: &'a mut Vm) -> Mut<'a, T> {
        // SAFETY: as for `get`; `&mut Vm` proves that no other reference to any payload exists.
        let payload = unsafe { &mut *Header::payload::<T>(self.0.ptr()) };
        Mut { before: payload.external(), payload, vm }
    }

    /// Whether the object's class is a built-in one, not a script's subclass.
    #[inline]
    pub fn is_of_builtin_class(&self) -> bool {
        self.header().layout().is_exact()
    }

    #[inline(always)]
    pub(super) fn as_ptr(&self) -> *mut T {
        Header::payload::<T>(self.0.ptr())
    }
}

impl<T> Clone for Ref<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        Ref(self.0.clone(), PhantomData)
    }
}

impl<T> From<Ref<T>> for Value {
    #[inline(always)]
    fn from(r: Ref<T>) -> Value {
        r.0
    }
}

impl<T> std::fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Exclusive access to a payload; when it ends, the memory account learns how much the payload grew.
pub struct Mut<'a, T: Object> {
    payload: &'a mut T,
    before: usize,
    vm: &'a mut Vm,
}

impl<T: Object> Deref for Mut<'_, T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.payload
    }
}

impl<T: Object> DerefMut for Mut<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.payload
    }
}

impl<T: Object> Drop for Mut<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let after = self.payload.external();
        if after != self.before {
            self.vm.heap.adjust(self.before, after);
        }
    }
}

impl Trace for Value {
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.value(self);
    }
    fn clear(&mut self) {
        *self = Value::UNDEF;
    }
}

impl<T> Trace for Ref<T> {
    #[inline(always)]
    fn trace(&self, tracer: &mut Tracer<'_>) {
        tracer.value(&self.0);
    }
    fn clear(&mut self) {
        // A typed handle must stay typed; the cycle is broken at the untyped references of its members.
    }
}

impl<T: Trace> Trace for Option<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        if let Some(x) = self {
            x.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = None;
    }
}

impl<T: Trace> Trace for Vec<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for x in self {
            x.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Vec::new();
    }
}

impl<T: Trace> Trace for std::collections::VecDeque<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for x in self {
            x.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Default::default();
    }
}

impl<T: Trace> Trace for Box<[T]> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for x in self {
            x.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Box::new([]);
    }
}

impl<T: Trace> Trace for Box<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        (**self).trace(tracer);
    }
    fn clear(&mut self) {
        (**self).clear();
    }
}

impl<K, V: Trace, S: Default> Trace for std::collections::HashMap<K, V, S> {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for x in self.values() {
            x.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<A: Trace, B: Trace> Trace for (A, B) {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.0.trace(tracer);
        self.1.trace(tracer);
    }
    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }
}

macro_rules! traces_nothing {
    ($($t:ty),*) => {$(
        impl Trace for $t {
            #[inline(always)]
            fn trace(&self, _: &mut Tracer<'_>) {}
            fn clear(&mut self) {}
        }
    )*};
}
pub(super) use traces_nothing;

traces_nothing!(
    (),
    bool,
    char,
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    String,
    &'static str,
    Box<str>,
    std::time::Instant,
    std::fs::File
);

impl<T> Trace for std::sync::Arc<T> {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

/// Makes a struct the payload of heap objects. Every field must be [`Trace`].
///
/// ```ignore
/// heap_object! {
///     /// `itertools.count`.
///     pub struct Count { next: Value, step: Value }
/// }
/// ```
/// Optional trailers: `skip { field: Type, … }` after the fields lists fields that hold no references and are not
/// `Trace`; `kind = Name;` gives a hot type a [`Kind`](crate::vm::object::Kind) of its own; `external = |self_| expr`
/// gives the bytes owned outside the object.
#[macro_export]
macro_rules! heap_object {
    ($(#[$m:meta])* $v:vis struct $name:ident { $($(#[$fm:meta])* $fv:vis $f:ident : $t:ty),* $(,)? }
     $(skip { $($(#[$sm:meta])* $sv:vis $s:ident : $st:ty),* $(,)? })?
     $(kind = $kind:ident;)?
     $(external = |$self_:ident| $ext:expr;)?) => {
        $(#[$m])*
        $v struct $name {
            $($(#[$fm])* $fv $f: $t,)*
            $($($(#[$sm])* $sv $s: $st,)*)?
        }
        impl $crate::vm::object::Trace for $name {
            #[allow(unused_variables)]
            fn trace(&self, tracer: &mut $crate::vm::object::Tracer<'_>) {
                $($crate::vm::object::Trace::trace(&self.$f, tracer);)*
            }
            fn clear(&mut self) {
                $($crate::vm::object::Trace::clear(&mut self.$f);)*
            }
        }
        impl $crate::vm::object::Object for $name {
            $(const KIND: $crate::vm::object::Kind = $crate::vm::object::Kind::$kind;)?
            $(fn external(&self) -> usize { let $self_ = self; $ext })?
        }
    };
}
