//! Attributes: reading, setting and deleting them, as Python's data model says.
//!
//! Here: the ways in, plain objects, classes and modules. Descriptors are in `attr/descriptor`, what inline caches
//! may remember in `attr/cache`. Names are interned strings everywhere (see [`Vm::attr_name`]): they are compared by
//! address.
//!
//! Invariant: no reference into an object is held while a descriptor or hook runs; whatever they change, the answer
//! is one that some order of events explains.

mod cache;
mod descriptor;

pub(super) use cache::{CacheHit, SetHit};

use super::class::Class;
use super::exception::{Exception, Raised};
use super::function::{Module, Native};
use super::object::Ref;
use super::special::Special;
use super::str::{Str, Tuple};
use super::value::Value;
use super::{R, Vm};

impl Vm {
    /// The interned name that a script gave as a value (`getattr(x, name)`).
    ///
    /// # Errors
    /// TypeError when it is no string.
    pub fn attr_name(&mut self, name: &Value) -> R<Ref<Str>> {
        match name.cast::<Str>() {
            Some(s) => {
                self.check_interner()?;
                Ok(self.intern_value(s))
            }
            None => Err(self.type_error(format!("attribute name must be string, not '{}'", self.class_name(name)))),
        }
    }

    // ---- reading ----

    /// `o.name`.
    ///
    /// # Errors
    /// AttributeError; what descriptors and hooks raise.
    pub fn get_attr(&mut self, o: &Value, name: &Ref<Str>) -> R {
        match self.find_attr(o, name) {
            Ok(Some(v)) => Ok(v),
            Ok(None) => Err(self.no_attribute(o, name)),
            Err(e) => Err(self.with_attribute_context(e, o, name)),
        }
    }

    /// Notes name and object on an AttributeError that a hook or getter raised without them.
    #[cold]
    fn with_attribute_context(&mut self, raised: Raised, o: &Value, name: &Ref<Str>) -> Raised {
        if self.raised_is(&raised, &self.exc.AttributeError)
            && let Some(e) = raised.0.cast::<Exception>()
            && e.get(self).extra.iter().all(|x| x.is_undef() || x.is_none())
        {
            e.get_mut(self).extra = vec![name.value().clone(), o.clone()];
        }
        raised
    }

    /// `o.name` with a name that need not be interned.
    ///
    /// # Errors
    /// As [`get_attr`](Self::get_attr).
    pub fn get_attr_str(&mut self, o: &Value, name: &str) -> R {
        let name = self.intern(name);
        self.get_attr(o, &name)
    }

    /// `getattr(o, name, None)`, with nothing in place of `None`.
    ///
    /// # Errors
    /// What descriptors and hooks raise, AttributeError excepted.
    pub fn get_attr_opt(&mut self, o: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        match self.find_attr(o, name) {
            Err(e) if self.raised_is(&e, &self.exc.AttributeError) => Ok(None),
            found => found,
        }
    }

    /// `o.name`, hooks included; nothing where the machine itself would raise AttributeError.
    fn find_attr(&mut self, o: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        let found = match self.override_of(o, Special::GetAttribute) {
            None => self.find_by_kind(o, name),
            Some(hook) => self.call_special(&hook, o, &[name.value().clone()]).map(Some),
        };
        let error = match found {
            Ok(Some(v)) => return Ok(Some(v)),
            Ok(None) => None,
            Err(e) if self.raised_is(&e, &self.exc.AttributeError) => Some(e),
            Err(e) => return Err(e),
        };
        match (self.special(o, Special::GetAttr), error) {
            (Some(fallback), _) => self.call_special(&fallback, o, &[name.value().clone()]).map(Some),
            (None, Some(e)) => Err(e),
            (None, None) => Ok(None),
        }
    }

    /// The script's or a native type's own version of a hook that `object`, `type` and `module` have too.
    pub(super) fn override_of(&self, o: &Value, special: Special) -> Option<Value> {
        self.class_override(self.class_of(o), special)
    }

    /// As [`override_of`](Self::override_of), for instances of a class.
    #[inline]
    pub(super) fn class_override(&self, class: &Ref<Class>, special: Special) -> Option<Value> {
        let bit = match special {
            Special::GetAttribute => 1,
            Special::SetAttr => 2,
            Special::DelAttr => 4,
            _ => 0,
        };
        let known = &class.get(self).standard_hooks;
        if known.get() & bit != 0 {
            return None;
        }
        let found = self.find_override(class, special);
        if found.is_none() && !class.get(self).layouts.is_uncached() {
            known.set(known.get() | bit);
        }
        found
    }

    /// Whether `__class__` of the class's instances is what `object` says.
    #[inline]
    pub(super) fn has_standard_class(&self, class: &Ref<Class>) -> bool {
        const BIT: u8 = 8;
        let known = &class.get(self).standard_hooks;
        known.get() & BIT != 0 || {
            let name = &self.names.__class__;
            let (own, standard) = (self.lookup(class, name), self.lookup(&self.types.object, name));
            let is_standard = own.is_some_and(|own| standard.is_some_and(|s| s.is(&own)))
                && self.class_override(class, Special::GetAttribute).is_none();
            if is_standard && !class.get(self).layouts.is_uncached() {
                known.set(known.get() | BIT);
            }
            is_standard
        }
    }

    #[inline(never)]
    fn find_override(&self, class: &Ref<Class>, special: Special) -> Option<Value> {
        let found = self.class_special(class, special)?;
        if found.is_a::<Native>() {
            let standard = [&self.types.object, &self.types.type_, &self.types.module];
            let has = |c: &Ref<Class>| self.class_special(c, special).is_some_and(|s| s.is(&found));
            // A class may have been given the hook of a class that it does not derive from.
            if standard.iter().any(|c| has(c) && class.is_subclass(self, c)) {
                return None;
            }
        }
        Some(found)
    }

    fn find_by_kind(&mut self, o: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        if let Some(class) = o.cast::<Class>() {
            return self.find_type_attr(class, name);
        }
        match self.find_plain_attr(o, name)? {
            None if o.is_a::<Module>() => self.find_module_fallback(o, name),
            found => Ok(found),
        }
    }

    /// `object.__getattribute__(o, name)`.
    ///
    /// # Errors
    /// AttributeError; what descriptors raise.
    pub fn generic_get_attr(&mut self, o: &Value, name: &Ref<Str>) -> R {
        match self.find_plain_attr(o, name)? {
            Some(v) => Ok(v),
            None => Err(self.no_attribute_plain(o, name)),
        }
    }

    /// `module.__getattribute__(o, name)`: a module's `__getattr__` is asked last.
    ///
    /// # Errors
    /// AttributeError; what descriptors and `__getattr__` raise.
    pub fn module_get_attr(&mut self, o: &Value, name: &Ref<Str>) -> R {
        match self.find_by_kind(o, name)? {
            Some(v) => Ok(v),
            None => Err(self.no_attribute(o, name)),
        }
    }

    fn find_plain_attr(&mut self, o: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        let class = self.class_of(o);
        let Some(raw) = self.lookup(class, name) else {
            return Ok(self.namespace_attr(o, name));
        };
        let class = class.clone();
        if self.is_read_first(&raw) {
            return self.bind(&raw, o, &class).map(Some);
        }
        if let Some(v) = self.namespace_attr(o, name) {
            return Ok(Some(v));
        }
        self.bind(&raw, o, &class).map(Some)
    }

    /// What the object's own namespace has.
    #[inline]
    pub(super) fn namespace_attr(&self, o: &Value, name: &Ref<Str>) -> Option<Value> {
        match o.cast::<Module>() {
            Some(m) => m.get(self).dict.get_str(self, name),
            None => match o.cast::<Class>() {
                Some(c) => self.own_class_attr(c, name),
                None => self.own_attr(o, name),
            },
        }
    }

    /// `type.__getattribute__(class, name)`.
    ///
    /// # Errors
    /// AttributeError; what descriptors raise.
    pub fn type_get_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>) -> R {
        match self.find_type_attr(class, name)? {
            Some(v) => Ok(v),
            None => Err(self.no_attribute(class.value(), name)),
        }
    }

    fn find_type_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>) -> R<Option<Value>> {
        let o = class.value();
        let meta = self.class_of(o);
        let from_meta = self.lookup(meta, name);
        if let Some(raw) = &from_meta
            && self.is_read_first(raw)
        {
            let meta = meta.clone();
            return self.bind(raw, o, &meta).map(Some);
        }
        if let Some(raw) = self.lookup(class, name) {
            return self.bind(&raw, &Value::UNDEF, class).map(Some);
        }
        match from_meta {
            Some(raw) => {
                let meta = self.class_of(o).clone();
                self.bind(&raw, o, &meta).map(Some)
            }
            None => Ok(None),
        }
    }

    fn find_module_fallback(&mut self, o: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        match self.namespace_attr(o, &self.names.__getattr__) {
            Some(f) => self.call(&f, &[name.value().clone()]).map(Some),
            None => Ok(None),
        }
    }

    /// Looks an attribute up for a call, without making a bound method: the callable, and the object to pass first
    /// or `UNDEF`.
    ///
    /// # Errors
    /// As [`get_attr`](Self::get_attr).
    pub fn load_method(&mut self, o: &Value, name: &Ref<Str>) -> R<(Value, Value)> {
        let class = self.class_of(o);
        if self.class_override(class, Special::GetAttribute).is_none() {
            if let Some(c) = o.cast::<Class>() {
                if let Some(raw) = self.lookup(c, name)
                    && self.lookup(class, name).is_none_or(|m| !self.is_data_descriptor(&m))
                    && let Some(f) = self.class_method_function(&raw)
                {
                    return Ok((f, o.clone()));
                }
            } else if let Some(raw) = self.lookup(class, name) {
                if self.is_method_function(&raw) {
                    return match self.namespace_attr(o, name) {
                        Some(own) => Ok((own, Value::UNDEF)),
                        None => Ok((raw, o.clone())),
                    };
                }
                if let Some(f) = self.class_method_function(&raw)
                    && self.namespace_attr(o, name).is_none()
                {
                    return Ok((f, class.value().clone()));
                }
            }
        }
        Ok((self.get_attr(o, name)?, Value::UNDEF))
    }

    /// `o.name(*args)`.
    ///
    /// # Errors
    /// AttributeError; what the call raises.
    pub fn call_method(&mut self, o: &Value, name: &str, args: &[Value]) -> R {
        let name = self.intern(name);
        self.call_method_interned(o, &name, args)
    }

    /// `o.name(*args)` with an interned name.
    ///
    /// # Errors
    /// AttributeError; what the call raises.
    pub fn call_method_interned(&mut self, o: &Value, name: &Ref<Str>, args: &[Value]) -> R {
        let (f, receiver) = self.load_method(o, name)?;
        if receiver.is_undef() { self.call(&f, args) } else { self.call_with_first(&f, receiver, args) }
    }

    // ---- setting and deleting ----

    /// `o.name = value`.
    ///
    /// # Errors
    /// AttributeError; what descriptors and hooks raise.
    pub fn set_attr(&mut self, o: &Value, name: &Ref<Str>, value: Value) -> R<()> {
        match self.override_of(o, Special::SetAttr) {
            None => self.change_by_kind(o, name, Some(value)),
            Some(hook) => self.call_special(&hook, o, &[name.value().clone(), value]).map(drop),
        }
    }

    /// `o.name = value` with a name that need not be interned.
    ///
    /// # Errors
    /// As [`set_attr`](Self::set_attr).
    pub fn set_attr_str(&mut self, o: &Value, name: &str, value: Value) -> R<()> {
        let name = self.intern(name);
        self.set_attr(o, &name, value)
    }

    /// `del o.name`.
    ///
    /// # Errors
    /// AttributeError; what descriptors and hooks raise.
    pub fn del_attr(&mut self, o: &Value, name: &Ref<Str>) -> R<()> {
        match self.override_of(o, Special::DelAttr) {
            None => self.change_by_kind(o, name, None),
            Some(hook) => self.call_special(&hook, o, &[name.value().clone()]).map(drop),
        }
    }

    fn change_by_kind(&mut self, o: &Value, name: &Ref<Str>, value: Option<Value>) -> R<()> {
        match o.cast::<Class>() {
            Some(class) => self.type_set_attr(class, name, value),
            None => self.generic_set_attr(o, name, value),
        }
    }

    /// `object.__setattr__(o, name, value)`, or `object.__delattr__(o, name)` when there is no value.
    ///
    /// # Errors
    /// AttributeError; what descriptors raise.
    pub fn generic_set_attr(&mut self, o: &Value, name: &Ref<Str>, value: Option<Value>) -> R<()> {
        let class = self.class_of(o);
        let raw = self.lookup(class, name);
        if let Some(raw) = &raw
            && self.is_data_descriptor(raw)
        {
            return self.descriptor_set(raw, o, value);
        }
        if let Some(m) = o.cast::<Module>() {
            let dict = m.get(self).dict.clone();
            return match value {
                Some(v) => {
                    dict.check_growth(self)?;
                    dict.set_str(self, name, v);
                    Ok(())
                }
                None if dict.del_str(self, name).is_some() => Ok(()),
                None => Err(self.no_attribute_plain(o, name)),
            };
        }
        if self.has_instance_dict(o) {
            return match value {
                Some(v) => self.set_own_attr(o, name, v),
                None if self.del_own_attr(o, name) => Ok(()),
                None => Err(self.no_attribute_plain(o, name)),
            };
        }
        let (class, attr) = (self.class_name(o), self.str_of(name.value()));
        let text = match raw {
            Some(_) => format!("'{class}' object attribute '{attr}' is read-only"),
            None if self.override_of(o, Special::SetAttr).is_some() => {
                format!("'{class}' object has no attribute '{attr}'")
            }
            None => format!("'{class}' object has no attribute '{attr}' and no __dict__ for setting new attributes"),
        };
        match raw {
            Some(_) => Err(self.attribute_error_text(text)),
            None => Err(self.attribute_error(text, name, o)),
        }
    }

    /// Whether the object has a `__dict__` for attributes.
    pub fn has_instance_dict(&self, o: &Value) -> bool {
        o.is_a::<Module>() || o.header().is_some_and(|h| h.layout().has_dict)
    }

    /// `type.__setattr__(class, name, value)`, or `type.__delattr__(class, name)` when there is no value.
    ///
    /// # Errors
    /// TypeError for a built-in class; AttributeError; what descriptors of the metaclass raise.
    pub fn type_set_attr(&mut self, class: &Ref<Class>, name: &Ref<Str>, value: Option<Value>) -> R<()> {
        if !class.get(self).is_mutable() {
            let (class, attr) = (self.type_name(class), self.quoted(name));
            return Err(self.type_error(format!("cannot set {attr} attribute of immutable type '{class}'")));
        }
        let meta = self.class_of(class.value());
        if let Some(raw) = self.lookup(meta, name)
            && self.is_data_descriptor(&raw)
        {
            return self.descriptor_set(&raw, class.value(), value);
        }
        match value {
            Some(v) => self.set_class_attr(class, name, v),
            None => match self.del_class_attr(class, name) {
                Some(old) => drop(old),
                None => return Err(self.no_attribute(class.value(), name)),
            },
        }
        Ok(())
    }

    // ---- errors ----

    /// A raised AttributeError that knows the name and the object.
    #[cold]
    pub fn attribute_error(&mut self, text: impl AsRef<str>, name: &Ref<Str>, o: &Value) -> Raised {
        let class = self.exc.AttributeError.clone();
        let text = self.new_str(text.as_ref()).into_value();
        let e = self.new_exception(&class, vec![text]);
        e.get_mut(self).extra = vec![name.value().clone(), o.clone()];
        Raised(e.into_value())
    }

    /// A raised ImportError, or one of a subclass; its extra fields are `msg`, `name`, `path`, `name_from`.
    #[cold]
    pub fn import_error(
        &mut self,
        class: &Ref<Class>,
        text: impl AsRef<str>,
        name: Value,
        path: Value,
        name_from: Value,
    ) -> Raised {
        let text = self.new_str(text.as_ref()).into_value();
        let e = self.new_exception(class, vec![text.clone()]);
        e.get_mut(self).extra = vec![text, name, path, name_from];
        Raised(e.into_value())
    }

    /// The AttributeError for an attribute that is missing, whatever the object.
    #[cold]
    pub fn no_attribute(&mut self, o: &Value, name: &Ref<Str>) -> Raised {
        let attr = self.str_of(name.value());
        let text = if let Some(class) = o.cast::<Class>() {
            format!("type object '{}' has no attribute '{attr}'", self.type_name(class))
        } else if o.is_a::<Module>() {
            self.no_module_attribute(o, name, &attr)
        } else {
            return self.no_attribute_plain(o, name);
        };
        self.attribute_error(text, name, o)
    }

    #[cold]
    fn no_attribute_plain(&mut self, o: &Value, name: &Ref<Str>) -> Raised {
        let text = format!("'{}' object has no attribute '{}'", self.class_name(o), self.str_of(name.value()));
        self.attribute_error(text, name, o)
    }

    /// The text for a module's missing attribute, which tells apart modules that are still being imported.
    fn no_module_attribute(&mut self, o: &Value, name: &Ref<Str>, attr: &str) -> String {
        let Some(module) = self.namespace_attr(o, &self.names.__name__).filter(|n| n.is_a::<Str>()) else {
            return format!("module has no attribute '{attr}'");
        };
        let module = self.str_of(&module);
        let plain = format!("module '{module}' has no attribute '{attr}'");
        let Some(spec) = self.namespace_attr(o, &self.names.__spec__).filter(|s| !s.is_none()) else { return plain };
        let hidden = self.names._uninitialized_submodules.clone();
        if let Ok(Some(list)) = self.get_attr_opt(&spec, &hidden)
            && matches!(self.contains(&list, name.value()), Ok(true))
        {
            return format!(
                "cannot access submodule '{attr}' of module '{module}' (most likely due to a circular import)"
            );
        }
        let initializing = self.names._initializing.clone();
        if !matches!(self.get_attr_opt(&spec, &initializing), Ok(Some(v)) if v.is_true()) {
            return plain;
        }
        match self.namespace_attr(o, &self.names.__file__).filter(|f| f.is_a::<Str>()) {
            Some(file) => format!(
                "partially initialized module '{module}' from '{}' has no attribute '{attr}' (most likely due to a \
                 circular import)",
                self.str_of(&file)
            ),
            None => format!(
                "partially initialized module '{module}' has no attribute '{attr}' (most likely due to a circular \
                 import)"
            ),
        }
    }

    /// A name between quotes, as `repr` shows it.
    pub(super) fn quoted(&self, name: &Ref<Str>) -> String {
        crate::text::repr::str_repr_string(name.get(self).as_bytes())
    }

    /// The items of a tuple, cloned; `None` for other values.
    pub fn tuple_clone(&self, v: &Value) -> Option<Vec<Value>> {
        v.cast::<Tuple>().map(|t| t.get(self).items().to_vec())
    }
}
