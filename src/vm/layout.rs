//! Layouts: what an object's attribute slots mean.
//!
//! Every object points to a layout, and the layout names the class and the attribute that each slot holds.
//! Setting a new attribute moves an instance to the layout that has one name more, so instances that were
//! filled in the same order share a layout. A layout's `id` stands for "this class at this version, with these
//! slots": an inline cache that compares one number has checked everything. When a class changes, all its
//! layouts (and those of its subclasses) get new ids, and all caches miss.

use super::heap::Heap;
use super::object::{Header, VTable};
use std::cell::{Cell, UnsafeCell};
use std::collections::HashMap;

/// Instances with more attributes than this keep them in a dict.
pub const MAX_SLOTS: usize = 250;
/// A class with more layouts than this keeps the attributes of further instances in dicts.
const MAX_LAYOUTS: usize = 512;

/// How an object's attributes are stored. Owned by its class.
pub struct Layout {
    /// Changes whenever anything that an inline cache relies on changes. 0 (which no cache matches) for classes that caches
    /// must leave alone.
    pub(super) id: Cell<u32>,
    /// Where the pointer to the slots is, relative to the header; 0 for objects without slots.
    pub(super) slots_off: i16,
    /// Instances have a `__dict__`.
    pub(super) has_dict: bool,
    /// Slot `fixed` holds a real dict; all other attributes are in it.
    pub(super) dict_mode: bool,
    /// The class has a script-defined `__del__`.
    pub(super) finalizer: Cell<bool>,
    /// Number of slots named by `__slots__`; they come first.
    pub(super) fixed: u16,
    /// Names of the slots after the fixed ones: addresses of interned strings, kept alive by the class.
    names: Vec<usize>,
    index: HashMap<usize, u16, super::PtrHash>,
    next: UnsafeCell<HashMap<usize, *const Layout, super::PtrHash>>,
    /// The class is a built-in one, not a script's subclass.
    exact: Cell<bool>,
    /// The class.
    pub(super) class: *mut Header,
    /// The class again, as a value: what `Vm::class_of` lends out. Not counted.
    pub(super) class_value: std::mem::ManuallyDrop<super::value::Value>,
    /// The payload.
    pub vtable: &'static VTable,
    /// The owner of all memory.
    pub(super) heap: *const Heap,
}

impl Layout {
    /// The first layout of a class.
    pub(super) fn root(
        heap: &Heap,
        class: *mut Header,
        vtable: &'static VTable,
        slots_off: i16,
        fixed: u16,
        has_dict: bool,
    ) -> Layout {
        Layout {
            id: Cell::new(heap.next_layout_id()),
            slots_off,
            has_dict,
            dict_mode: false,
            finalizer: Cell::new(false),
            fixed,
            names: Vec::new(),
            index: HashMap::default(),
            next: UnsafeCell::default(),
            exact: Cell::new(false),
            class,
            class_value: class_value(class),
            vtable,
            heap,
        }
    }

    fn child(&self) -> Layout {
        Layout {
            id: Cell::new(if self.id.get() == 0 { 0 } else { self.heap().next_layout_id() }),
            names: self.names.clone(),
            index: self.index.clone(),
            next: UnsafeCell::default(),
            finalizer: self.finalizer.clone(),
            exact: self.exact.clone(),
            class_value: class_value(self.class),
            ..*self
        }
    }

    /// Whether the class is a built-in one.
    #[inline(always)]
    pub(super) fn is_exact(&self) -> bool {
        self.exact.get()
    }

    pub(super) fn heap(&self) -> &Heap {
        // SAFETY: the heap outlives all layouts.
        unsafe { &*self.heap }
    }

    /// How many slots an object with this layout uses.
    #[inline(always)]
    pub(super) fn slot_count(&self) -> usize {
        self.fixed as usize + if self.dict_mode { 1 } else { self.names.len() }
    }

    /// The slot of an attribute, by the address of its interned name.
    #[inline]
    pub(super) fn slot_of(&self, name: usize) -> Option<usize> {
        if self.names.len() <= 8 {
            self.names.iter().position(|&n| n == name).map(|i| i + self.fixed as usize)
        } else {
            self.index.get(&name).map(|&i| i as usize + self.fixed as usize)
        }
    }

    /// The names of the attribute slots, in order, as addresses of interned strings.
    pub(super) fn names(&self) -> &[usize] {
        &self.names
    }
}

fn class_value(class: *mut Header) -> std::mem::ManuallyDrop<super::value::Value> {
    std::mem::ManuallyDrop::new(super::value::Value::from_ptr(class))
}

/// All layouts of one class.
pub(super) struct Layouts {
    all: UnsafeCell<Vec<*const Layout>>,
    dict_mode: Cell<*const Layout>,
    /// The largest number of slots seen on an instance: what new instances reserve.
    pub(super) hint: Cell<u16>,
    /// All ids are 0: caches cannot be told of all changes that matter.
    uncached: Cell<bool>,
}

impl Layouts {
    #[cold]
    pub(super) fn new(root: Layout) -> Layouts {
        let fixed = root.fixed;
        let root: *const Layout = Box::into_raw(Box::new(root));
        Layouts {
            all: UnsafeCell::new(vec![root]),
            dict_mode: Cell::new(std::ptr::null()),
            hint: Cell::new(fixed),
            uncached: Cell::new(false),
        }
    }

    /// Tells the first layout its class, once that exists.
    pub(super) fn set_class(&mut self, class: *mut Header, exact: bool) {
        // SAFETY: there is only the root layout yet, and `&mut self` makes the access exclusive.
        unsafe {
            let root = self.all()[0].cast_mut();
            (*root).class = class;
            (*root).class_value = class_value(class);
            (*root).exact.set(exact);
        }
    }

    fn all(&self) -> &[*const Layout] {
        // SAFETY: the vector is only changed by `push`, which holds no borrow of it; no `Layouts` is shared
        // between threads.
        unsafe { &*self.all.get() }
    }

    fn push(&self, layout: Layout) -> *const Layout {
        let p: *const Layout = Box::into_raw(Box::new(layout));
        // SAFETY: no reference from `all()` is alive here: each is used up within one statement.
        unsafe { (*self.all.get()).push(p) };
        p
    }

    /// The layout of a new instance.
    #[inline(always)]
    pub(super) fn root(&self) -> *const Layout {
        self.all()[0]
    }

    /// The layout with one more attribute, or the dict-mode layout when there are too many.
    pub(super) fn with(&self, from: &Layout, name: usize) -> *const Layout {
        // SAFETY: `next` is only touched here, and the borrow ends before anything else runs.
        let next = unsafe { &mut *from.next.get() };
        if let Some(&p) = next.get(&name) {
            return p;
        }
        if from.names.len() >= MAX_SLOTS || self.all().len() >= MAX_LAYOUTS {
            return self.dict_layout();
        }
        let mut layout = from.child();
        layout.index.insert(name, layout.names.len() as u16);
        layout.names.push(name);
        self.hint.set(self.hint.get().max(layout.slot_count() as u16));
        let p = self.push(layout);
        next.insert(name, p);
        p
    }

    /// The layout whose instances keep their attributes in a dict.
    pub(super) fn dict_layout(&self) -> *const Layout {
        if self.dict_mode.get().is_null() {
            // SAFETY: layouts live as long as `self`.
            let mut layout = unsafe { &*self.root() }.child();
            layout.dict_mode = true;
            self.hint.set(self.hint.get().max(layout.slot_count() as u16));
            self.dict_mode.set(self.push(layout));
        }
        self.dict_mode.get()
    }

    /// From the next [`renumber`](Self::renumber) on no cache remembers anything of this class.
    pub(super) fn never_cache(&self) {
        self.uncached.set(true);
    }

    /// Whether no cache may remember anything of this class.
    pub(super) fn is_uncached(&self) -> bool {
        self.uncached.get()
    }

    /// Makes all inline caches for the class miss.
    pub(super) fn renumber(&self, finalizer: bool) {
        for &p in self.all() {
            // SAFETY: layouts live as long as `self`.
            let layout = unsafe { &*p };
            layout.id.set(if self.uncached.get() { 0 } else { layout.heap().next_layout_id() });
            layout.finalizer.set(finalizer);
        }
    }
}

impl Drop for Layouts {
    fn drop(&mut self) {
        for &p in self.all() {
            // SAFETY: made by `Box::into_raw`; all instances are gone, since each keeps its class alive.
            drop(unsafe { Box::from_raw(p.cast_mut()) });
        }
    }
}
