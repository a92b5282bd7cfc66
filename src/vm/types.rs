//! The classes that the machine knows by heart, and how they come into being.

use super::class::{Class, ClassSpec, class_flag};
use super::exception::Exception;
use super::function::*;
use super::object::{Header, Kind, Object, Ref, VTable, VTableOf};
use super::seq::{DictIter, List, RangeObject, SeqIter, SliceObject};
use super::str::{Bytes, Str, Tuple};
use super::value::Value;
use super::{R, Vm};
use std::any::TypeId;

macro_rules! core_types {
    ($($field:ident $name:literal $payload:ty, $flags:expr;)*) => {
        /// The built-in classes that the machine itself uses.
        #[allow(missing_docs)]
        pub struct Types { $(pub $field: Ref<Class>,)* }

        impl Types {
            #[cold]
            pub(super) fn all(class: &Ref<Class>) -> Types {
                Types { $($field: class.clone(),)* }
            }
        }

        impl Vm {
            /// Makes the classes, those of the bootstrap excepted.
            #[cold]
            pub(super) fn make_core_types(&mut self) {
                $(
                    if !matches!($name, "object" | "type" | "str" | "tuple") {
                        let class = self.native_class($name, VTableOf::<$payload>::VTABLE, $flags);
                        self.types.$field = class;
                    }
                    let layout = self.types.$field.get(self).layouts.root();
                    match <$payload as Object>::KIND {
                        Kind::Other => {
                            self.native_layouts.insert(TypeId::of::<$payload>(), layout);
                        }
                        kind => self.kind_layouts[kind as usize] = layout,
                    }
                )*
            }
        }
    };
}

const BASE: u32 = class_flag::BASE;
const SELF: u32 = class_flag::MATCH_SELF;
const WEAK: u32 = class_flag::WEAKREF;

// Where several classes share a payload, the last one is what `Vm::alloc` makes.
core_types! {
    object "object" super::instance::Instance, BASE;
    type_ "type" Class, BASE | WEAK | class_flag::METACLASS;
    str_ "str" Str, BASE | SELF;
    int "int" super::numbers::Int, BASE | SELF;
    float "float" super::numbers::Float, BASE | SELF;
    bytes "bytes" Bytes, BASE | SELF;
    list "list" List, BASE | SELF | class_flag::SEQUENCE;
    tuple "tuple" Tuple, BASE | SELF | class_flag::SEQUENCE;
    dict "dict" super::dict::Dict, BASE | SELF | class_flag::MAPPING;
    set "set" super::set::Set, BASE | SELF | WEAK;
    frozenset "frozenset" super::set::FrozenSet, BASE | SELF | WEAK;
    range "range" RangeObject, class_flag::SEQUENCE;
    slice "slice" SliceObject, 0;
    function "function" Function, WEAK;
    method_descriptor "method_descriptor" Native, 0;
    wrapper_descriptor "wrapper_descriptor" Native, 0;
    classmethod_descriptor "classmethod_descriptor" Native, 0;
    builtin_function "builtin_function_or_method" Native, WEAK;
    builtin_method "builtin_function_or_method" Method, WEAK;
    method_wrapper "method-wrapper" Method, 0;
    method "method" Method, WEAK;
    module "module" Module, BASE | WEAK;
    cell "cell" CellObject, 0;
    code "code" CodeObject, WEAK;
    coroutine "coroutine" super::generator::Generator, WEAK | class_flag::NO_NEW;
    async_generator "async_generator" super::generator::Generator, WEAK | class_flag::NO_NEW;
    generator "generator" super::generator::Generator, WEAK | class_flag::NO_NEW;
    property "property" Property, BASE;
    classmethod "classmethod" ClassMethod, BASE;
    staticmethod "staticmethod" StaticMethod, BASE;
    member_descriptor "member_descriptor" GetSet, 0;
    getset_descriptor "getset_descriptor" GetSet, 0;
    traceback "traceback" super::exception::Traceback, 0;
    frame "frame" super::frame_object::FrameObject, 0;
    none_type "NoneType" super::numbers::Nothing, 0;
    not_implemented_type "NotImplementedType" super::numbers::Nothing, 0;
    ellipsis_type "ellipsis" super::numbers::Nothing, 0;
    str_iterator "str_iterator" SeqIter, 0;
    str_ascii_iterator "str_ascii_iterator" SeqIter, 0;
    tuple_iterator "tuple_iterator" SeqIter, 0;
    range_iterator "range_iterator" SeqIter, 0;
    list_iterator "list_iterator" SeqIter, 0;
    dict_value_iterator "dict_valueiterator" DictIter, 0;
    dict_item_iterator "dict_itemiterator" DictIter, 0;
    dict_key_iterator "dict_keyiterator" DictIter, 0;
}

impl Vm {
    fn native_class(&mut self, name: &str, vtable: &'static VTable, flags: u32) -> Ref<Class> {
        let dict = matches!(name, "function" | "classmethod" | "staticmethod");
        let spec = ClassSpec { name, bases: Vec::new(), meta: None, flags, slots: 0, dict };
        match self.new_class(spec, Some(vtable)) {
            Ok(c) => c,
            Err(_) => unreachable!("a class with one base has an order"),
        }
    }

    /// `bool`, and whatever else derives from a core class.
    pub(super) fn make_derived_types(&mut self) -> R<()> {
        let spec = ClassSpec {
            name: "bool",
            bases: vec![self.types.int.clone()],
            meta: None,
            flags: SELF,
            slots: 0,
            dict: false,
        };
        self.bool_class = self.new_class(spec, None)?;
        Ok(())
    }

    /// Defines a built-in class with a native payload; `base` is `object` when absent. Its methods come from
    /// [`Vm::extend_class`]. `module` is what `__module__` says.
    ///
    /// # Errors
    /// TypeError when the base cannot be one.
    pub fn define_class<T: Object>(
        &mut self,
        module: &str,
        name: &str,
        base: Option<&Ref<Class>>,
        flags: u32,
    ) -> R<Ref<Class>> {
        let spec =
            ClassSpec { name, bases: base.into_iter().cloned().collect(), meta: None, flags, slots: 0, dict: false };
        self.define::<T>(module, spec)
    }

    /// As [`define_class`](Self::define_class), with an instance `__dict__` for plain instances too.
    ///
    /// # Errors
    /// TypeError when the base cannot be one.
    pub fn define_class_with_dict<T: Object>(
        &mut self,
        module: &str,
        name: &str,
        base: Option<&Ref<Class>>,
        flags: u32,
    ) -> R<Ref<Class>> {
        let spec =
            ClassSpec { name, bases: base.into_iter().cloned().collect(), meta: None, flags, slots: 0, dict: true };
        self.define::<T>(module, spec)
    }

    #[cold]
    fn define<T: Object>(&mut self, module: &str, spec: ClassSpec<'_>) -> R<Ref<Class>> {
        let class = self.new_class(spec, Some(VTableOf::<T>::VTABLE))?;
        let layout = class.get(self).layouts.root();
        match T::KIND {
            Kind::Other => {
                self.native_layouts.entry(TypeId::of::<T>()).or_insert(layout);
            }
            kind => {
                let first = &mut self.kind_layouts[kind as usize];
                if first.is_null() {
                    *first = layout;
                }
                // SAFETY: layouts live as long as their classes, and built-in classes are immortal.
                let owner = unsafe { (**first).vtable.type_id };
                assert!(owner == TypeId::of::<T>(), "{kind:?} belongs to another payload type");
            }
        }
        if module != "builtins" {
            let value = self.intern(module).into();
            let name = self.names.__module__.clone();
            self.set_class_attr(&class, &name, value);
        }
        Ok(class)
    }

    /// The class whose plain instances have the payload `T`.
    pub fn class_for<T: Object>(&self) -> Option<Ref<Class>> {
        let layout = match T::KIND {
            Kind::Other => *self.native_layouts.get(&TypeId::of::<T>())?,
            kind => self.kind_layouts[kind as usize],
        };
        if layout.is_null() {
            return None;
        }
        // SAFETY: layouts live as long as their classes, and built-in classes are immortal.
        unsafe {
            let class = (*layout).class;
            Header::inc(class);
            Some(Ref::from_value_unchecked(Value::from_ptr(class)))
        }
    }

    /// A new object of the class that belongs to the payload.
    ///
    /// # Panics
    /// When no class was defined for the payload: a mistake in apy itself.
    #[inline]
    pub fn alloc<T: Object>(&self, payload: T) -> Ref<T> {
        let layout = match T::KIND {
            Kind::Other => self.native_layouts[&TypeId::of::<T>()],
            kind => self.kind_layouts[kind as usize],
        };
        // SAFETY: as for `class_for`.
        self.heap.alloc(unsafe { &*layout }, payload)
    }

    /// A new object of a given class, which must have (a subclass's version of) the payload `T`; the payload
    /// is dropped and the plain class used when it has not.
    #[inline]
    pub fn alloc_as<T: Object>(&self, class: &Ref<Class>, payload: T) -> Ref<T> {
        let c = class.get(self);
        if c.vtable.type_id != TypeId::of::<T>() {
            return self.alloc(payload);
        }
        // SAFETY: layouts live as long as their class.
        self.heap.alloc(unsafe { &*c.layouts.root() }, payload)
    }

    /// The class of a value.
    #[inline(always)]
    pub fn class_of<'a>(&'a self, v: &'a Value) -> &'a Ref<Class> {
        match v.header() {
            // SAFETY: the word is the class's, and `Ref` is a transparent wrapper of a value.
            Some(h) => unsafe { &*(&raw const h.layout().class_value).cast::<Ref<Class>>() },
            None => {
                if v.is_small_int() {
                    &self.types.int
                } else if v.is_small_float() {
                    &self.types.float
                } else {
                    self.constant_class(v)
                }
            }
        }
    }

    fn constant_class(&self, v: &Value) -> &Ref<Class> {
        if v.as_bool().is_some() {
            &self.bool_class
        } else if v.is_not_implemented() {
            &self.types.not_implemented_type
        } else if v.is(&Value::ELLIPSIS) {
            &self.types.ellipsis_type
        } else {
            &self.types.none_type
        }
    }

    /// The name of the value's class for messages: with its module where a native module defines the class.
    pub fn class_name(&self, v: &Value) -> String {
        self.type_name(self.class_of(v))
    }

    /// The name of a class for messages, as [`class_name`](Self::class_name) gives it.
    pub fn type_name(&self, class: &Ref<Class>) -> String {
        let c = class.get(self);
        let name = c.display_name();
        let scripted = c.is_heap() && !c.has(class_flag::STATIC);
        if scripted || c.has(class_flag::EXCEPTION | class_flag::MUTABLE) {
            return name;
        }
        match self.own_class_attr(class, &self.names.__module__) {
            Some(m) if m.is_a::<Str>() => match self.str_of(&m).as_str() {
                "builtins" => name,
                module => format!("{module}.{name}"),
            },
            _ => name,
        }
    }

    /// The qualified name of a class with its module, but for modules that go without saying.
    pub fn full_type_name(&self, class: &Ref<Class>) -> String {
        let qualname = self.str_of(class.get(self).qualname.value());
        match self.own_class_attr(class, &self.names.__module__).filter(|m| m.is_a::<Str>()) {
            Some(m) => match self.str_of(&m).as_str() {
                "builtins" | "__main__" => qualname,
                module => format!("{module}.{qualname}"),
            },
            None => qualname,
        }
    }

    /// The name of the value's class alone, as a `repr` shows it.
    pub fn plain_class_name(&self, v: &Value) -> String {
        self.class_of(v).get(self).display_name()
    }

    /// Whether the value's class is exactly this one.
    #[inline]
    pub fn is_exact(&self, v: &Value, class: &Ref<Class>) -> bool {
        self.class_of(v).is(class)
    }

    /// `isinstance(v, class)` by the MRO alone.
    #[inline]
    pub fn is_instance(&self, v: &Value, class: &Ref<Class>) -> bool {
        self.class_of(v).is_subclass(self, class)
    }

    /// Makes `object`, `type` and `str`, each of which needs the others.
    pub(super) fn bootstrap_types(heap: &super::heap::Heap) -> [Ref<Class>; 4] {
        use super::layout::{Layout, Layouts};
        // A header that stands in for the class of the first objects.
        let stand_in = Box::leak(Box::new(Header {
            rc: std::cell::Cell::new(super::object::IMMORTAL),
            kind: Kind::Type,
            flags: Default::default(),
            aux: Default::default(),
            layout: std::cell::Cell::new(std::ptr::null()),
        })) as *mut Header;
        let boot = |vtable| Layout::root(heap, stand_in, vtable, 0, 0, false);
        let (class_layout, str_layout) = (boot(VTableOf::<Class>::VTABLE), boot(VTableOf::<Str>::VTABLE));
        let names = ["object", "type", "str", "tuple"];
        let texts = names.map(|n| heap.alloc_str_parts(&str_layout, &[n.as_bytes()], n.len()));
        let vtables =
            [super::instance::vtable(), VTableOf::<Class>::VTABLE, VTableOf::<Str>::VTABLE, VTableOf::<Tuple>::VTABLE];
        let flags = [BASE, BASE | WEAK | class_flag::METACLASS, BASE | SELF, BASE | SELF | class_flag::SEQUENCE];
        let mut made: Vec<Ref<Class>> = Vec::new();
        for i in 0..4 {
            let off = if i == 0 { super::heap::INSTANCE_SLOTS_OFF } else { 0 };
            let layouts = Layouts::new(Layout::root(heap, stand_in, vtables[i], off, 0, false));
            let base = made.first().cloned();
            let class = heap.alloc(&class_layout, Class::bare(texts[i].clone(), base, flags[i], vtables[i], layouts));
            class.header().rc.set(super::object::IMMORTAL);
            made.push(class);
        }
        // SAFETY: the classes are new; nothing else refers to them yet.
        unsafe {
            for (i, class) in made.iter().enumerate() {
                let payload = class.as_ptr();
                (*payload).layouts.set_class(class.value().ptr(), true);
                (*payload).mro.push(class.value().clone());
                if i > 0 {
                    (*payload).mro.push(made[0].value().clone());
                    (*made[0].as_ptr()).subclasses.push(class.value().ptr());
                }
            }
            for class in &made {
                class.header().layout.set((*made[1].as_ptr()).layouts.root());
            }
            for text in &texts {
                text.header().layout.set((*made[2].as_ptr()).layouts.root());
                text.header().rc.set(super::object::IMMORTAL);
            }
        }
        let Ok(array) = <[Ref<Class>; 4]>::try_from(made) else { unreachable!("four were made") };
        array
    }

    /// The names that an exception's class is caught by.
    pub fn is_exception_class(&self, v: &Value) -> bool {
        v.cast::<Class>().is_some_and(|c| c.get(self).has(class_flag::EXCEPTION))
    }

    /// The exception payload of a value, if it is an exception.
    pub fn as_exception<'a>(&self, v: &'a Value) -> Option<&'a Ref<Exception>> {
        v.cast::<Exception>()
    }
}
