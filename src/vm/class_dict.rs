//! The attributes of a class, and how those of built-in classes come into being.
//!
//! Built-in classes have some thousand methods, of which a program uses few. What their classes are to have is only
//! noted while the interpreter is made; the objects and the dict are made when somebody first looks for an attribute
//! there. Nobody can tell the difference: every way to the dict leads through [`Vm::class_dict`], and what is made
//! counts as made with the interpreter.
//!
//! Invariant: while something is noted only, the dict is empty and no reference to it exists.

use super::Vm;
use super::class::Class;
use super::dict::Dict;
use super::function::{AttrCode, ClassMethod, GetSet, Native, NativeCode, StaticMethod};
use super::native::{Flavor, GetSetDef, NativeDef};
use super::object::{Object, Ref, Trace, Tracer, flag};
use super::str::Str;
use super::value::Value;
use std::cell::{Cell, UnsafeCell};

/// What a class is to have.
enum Note {
    Methods(&'static [NativeDef]),
    Attributes(&'static [GetSetDef]),
    /// An attribute that exists already.
    Value(Ref<Str>, Value),
    /// `__doc__`, by the class's name, unless there is one.
    Doc(DocOf),
}

/// Tells what the class of a name says of itself.
pub type DocOf = fn(&str) -> Option<&'static str>;

/// The attributes of a class.
pub(super) struct ClassDict {
    dict: UnsafeCell<Dict>,
    notes: UnsafeCell<Vec<Note>>,
    /// The dict has all that there is.
    made: Cell<bool>,
}

impl ClassDict {
    /// No attributes; `lazy`: those to come may be noted.
    pub(super) fn new(lazy: bool) -> ClassDict {
        ClassDict { dict: UnsafeCell::default(), notes: UnsafeCell::default(), made: Cell::new(!lazy) }
    }

    /// The dict of a class that was made complete, or nothing else is to be made of.
    #[inline(always)]
    fn dict(&self) -> &Dict {
        // SAFETY: it is only changed through `&mut self` and, while no reference to it exists, by `make_class_dict`.
        unsafe { &*self.dict.get() }
    }

    /// The dict as far as it has been made.
    pub(super) fn so_far(&mut self) -> &mut Dict {
        self.dict.get_mut()
    }

    /// Bytes that it takes.
    pub(super) fn external(&self) -> usize {
        self.dict().external()
    }

    /// Whether attributes may be noted.
    fn is_lazy(&self) -> bool {
        !self.made.get()
    }

    /// Whether it has this method or value, or will have.
    pub(super) fn has(&self, hash: u64, name: &Ref<Str>) -> bool {
        if self.made.get() {
            return self.dict().get_hashed(hash, name.value()).is_some();
        }
        // SAFETY: notes are only changed where nobody looks at them.
        unsafe { &*self.notes.get() }.iter().any(|note| match note {
            Note::Methods(methods) => {
                // SAFETY: the string is alive, and strings never change.
                let text = unsafe { (*name.as_ptr()).as_bytes() };
                methods.iter().any(|m| m.name().as_bytes() == text)
            }
            Note::Value(n, _) => n.is(name),
            Note::Attributes(_) | Note::Doc(_) => false,
        })
    }

    /// Puts a whole dict in its place; gives the one before.
    pub(super) fn replace(&mut self, dict: Dict) -> Dict {
        self.made.set(true);
        self.notes.get_mut().clear();
        std::mem::replace(self.dict.get_mut(), dict)
    }
}

impl Trace for ClassDict {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.dict().trace(tracer);
        // SAFETY: notes are only changed where nothing is traced.
        for note in unsafe { &*self.notes.get() } {
            if let Note::Value(name, value) = note {
                name.trace(tracer);
                value.trace(tracer);
            }
        }
    }
    fn clear(&mut self) {
        self.notes.get_mut().clear();
        self.dict.get_mut().clear();
    }
}

impl Vm {
    /// The attributes of exactly this class, in order.
    #[inline(always)]
    pub fn class_dict<'a>(&'a self, class: &'a Ref<Class>) -> &'a Dict {
        let dict = &class.get(self).dict;
        if !dict.made.get() {
            self.make_class_dict(class);
        }
        dict.dict()
    }

    /// The same, to be changed. [`class_changed`](Self::class_changed) must be told of changes.
    pub(super) fn with_class_dict<T>(&mut self, class: &Ref<Class>, change: impl FnOnce(&mut Dict) -> T) -> T {
        self.class_dict(class);
        change(class.get_mut(self).dict.so_far())
    }

    /// Adds native methods and attributes to a class.
    pub fn extend_class(&mut self, class: &Ref<Class>, methods: &'static [NativeDef], getsets: &'static [GetSetDef]) {
        if !methods.is_empty() {
            self.note(class, Note::Methods(methods));
        }
        if !getsets.is_empty() {
            self.note(class, Note::Attributes(getsets));
        }
    }

    /// Gives a class a `__doc__`, if it comes to have none otherwise.
    pub fn doc_class(&mut self, class: &Ref<Class>, doc: DocOf) {
        self.note(class, Note::Doc(doc));
    }

    /// Notes an attribute that a class is to have; gives it back when somebody has looked already.
    pub(super) fn note_class_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>, value: Value) -> Option<Value> {
        if !class.get(self).dict.is_lazy() {
            return Some(value);
        }
        self.note(class, Note::Value(name.clone(), value));
        None
    }

    /// Notes what a class is to have, or makes it at once when somebody has looked already.
    fn note(&mut self, class: &Ref<Class>, note: Note) {
        if class.get(self).dict.is_lazy() {
            return class.get_mut(self).dict.notes.get_mut().push(note);
        }
        let mut dict = std::mem::take(class.get_mut(self).dict.so_far());
        self.make_noted(class, note, &mut dict, false);
        *class.get_mut(self).dict.so_far() = dict;
        self.class_changed(class);
    }

    /// Makes what is noted. No cache knows of the class's attributes yet, so none must be told.
    #[cold]
    #[inline(never)]
    fn make_class_dict(&self, class: &Ref<Class>) {
        let this = &class.get(self).dict;
        // SAFETY: nobody else refers to the notes: what is called below looks at no class's attributes.
        let notes = std::mem::take(unsafe { &mut *this.notes.get() });
        let room = notes.iter().map(|n| match n {
            Note::Methods(m) => m.len(),
            Note::Attributes(a) => a.len(),
            Note::Value(..) | Note::Doc(_) => 1,
        });
        let mut dict = Dict::default();
        dict.reserve(room.sum());
        self.heap.uncounted(|| {
            for note in notes {
                self.make_noted(class, note, &mut dict, true);
            }
        });
        self.heap.adjust(0, dict.external());
        // SAFETY: the dict was empty, and nobody has a reference to it: it is only reached through `class_dict` once it
        // is made, and nothing is traced here.
        unsafe { *this.dict.get() = dict };
        this.made.set(true);
    }

    /// Puts what a note says into a dict; `permanent`: it is never let go of, and the collector need not look at it.
    fn make_noted(&self, class: &Ref<Class>, note: Note, dict: &mut Dict, permanent: bool) {
        let keep = |v: Value| {
            if let Some(h) = v.header().filter(|_| permanent) {
                h.set_flag(flag::PERMANENT);
            }
            v
        };
        match note {
            Note::Methods(methods) => {
                for def in methods {
                    let name = self.intern(def.name());
                    let method = keep(self.native_method(class, def));
                    dict.put_str(self.str_hash(&name), &name, method);
                }
            }
            Note::Attributes(attributes) => {
                for def in attributes {
                    let name = self.intern(def.name);
                    let code = AttrCode::GetSet(def);
                    let attribute = self.alloc(GetSet { owner: class.clone(), name: name.clone(), code });
                    dict.put_str(self.str_hash(&name), &name, keep(attribute.into()));
                }
            }
            Note::Value(name, value) => {
                dict.put_str(self.str_hash(&name), &name, value);
            }
            Note::Doc(doc) => {
                let name = &self.names.__doc__;
                if dict.get_hashed(self.str_hash(name), name.value()).is_none() {
                    let doc = doc(&class.get(self).display_name());
                    let doc = doc.map_or(Value::NONE, |doc| self.new_str(doc).into_value());
                    dict.put_str(self.str_hash(name), name, doc);
                }
            }
        }
    }

    fn native_method(&self, class: &Ref<Class>, def: &'static NativeDef) -> Value {
        let native = Native { owner: class.value().clone(), code: NativeCode::Static(def) };
        let types = &self.types;
        let class = match def.flavor {
            Flavor::New | Flavor::Static => &types.builtin_function,
            Flavor::Class => &types.classmethod_descriptor,
            Flavor::Wrapper => &types.wrapper_descriptor,
            Flavor::Method => &types.method_descriptor,
        };
        let func: Value = self.alloc_as(class, native).into();
        match def.flavor {
            Flavor::Class => self.alloc(ClassMethod { func }).into(),
            Flavor::Static => self.alloc(StaticMethod { func }).into(),
            _ => func,
        }
    }
}
