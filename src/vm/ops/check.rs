//! `isinstance` and `issubclass`, with the hooks of metaclasses, unions, tuples, and objects that only look like
//! classes.

use crate::vm::class::Class;
use crate::vm::function::Native;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::Tuple;
use crate::vm::value::Value;
use crate::vm::{R, Vm};

const INSTANCE_TEXT: &str = "isinstance() arg 2 must be a type, a tuple of types, or a union";
const SUBCLASS_TEXT: &str = "issubclass() arg 2 must be a class, a tuple of classes, or a union";

impl Vm {
    /// `isinstance(v, kind)`.
    ///
    /// # Errors
    /// TypeError when `kind` is no class, tuple of classes or union; what hooks raise.
    pub fn is_instance_of(&mut self, v: &Value, kind: &Value) -> R<bool> {
        if self.class_of(v).value().is(kind) {
            return Ok(true);
        }
        if self.is_exact(kind, &self.types.type_) {
            return self.plain_is_instance(v, kind);
        }
        if let Some(items) = self.alternatives(kind)? {
            return self.guarded(|vm| {
                for k in &items {
                    if vm.is_instance_of(v, k)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            });
        }
        match self.special(kind, Special::InstanceCheck) {
            Some(f) if !self.is_types_own(&f, Special::InstanceCheck) => {
                let result = self.guarded(|vm| vm.call_special(&f, kind, std::slice::from_ref(v)))?;
                self.truth(&result)
            }
            _ => self.plain_is_instance(v, kind),
        }
    }

    /// Whether a hook is the one of `type`, which does what the machine does without it.
    fn is_types_own(&self, f: &Value, special: Special) -> bool {
        f.is_a::<Native>() && self.class_special(&self.types.type_, special).is_some_and(|own| own.is(f))
    }

    /// The parts of a tuple or union.
    fn alternatives(&mut self, kind: &Value) -> R<Option<Vec<Value>>> {
        if let Some(t) = kind.cast::<Tuple>() {
            return Ok(Some(t.get(self).items().to_vec()));
        }
        let class = self.class_of(kind);
        if class.get(self).is_heap() || class.get(self).name.get(self).as_bytes() != b"Union" {
            return Ok(None);
        }
        let args = self.names.__args__.clone();
        let args = self.get_attr(kind, &args)?;
        let mut items = self.tuple_clone(&args).unwrap_or_default();
        for item in &mut items {
            if item.is_none() {
                *item = self.types.none_type.value().clone();
            }
        }
        Ok(Some(items))
    }

    /// `type.__instancecheck__(kind, v)`.
    ///
    /// # Errors
    /// TypeError when `kind` is nothing like a class; what reading `__class__` and `__bases__` raises.
    pub fn plain_is_instance(&mut self, v: &Value, kind: &Value) -> R<bool> {
        if let Some(class) = kind.cast::<Class>() {
            if self.is_instance(v, class) {
                return Ok(true);
            }
            // Only a class that redefines `__class__` can say otherwise.
            if self.has_standard_class(self.class_of(v)) {
                return Ok(false);
            }
            let name = self.names.__class__.clone();
            let claimed = self.get_attr_opt(v, &name)?;
            return Ok(match claimed.as_ref().and_then(|c| c.cast::<Class>()) {
                Some(c) if !c.is(self.class_of(v)) => c.is_subclass(self, class),
                _ => false,
            });
        }
        if self.bases_of(kind)?.is_none() {
            return Err(self.type_error(INSTANCE_TEXT));
        }
        let name = self.names.__class__.clone();
        match self.get_attr_opt(v, &name)? {
            Some(class) => self.derives(&class, kind),
            None => Ok(false),
        }
    }

    /// `__bases__` of something like a class.
    fn bases_of(&mut self, v: &Value) -> R<Option<Vec<Value>>> {
        if let Some(c) = v.cast::<Class>() {
            let bases = c.get(self).bases.clone();
            return Ok(self.tuple_clone(&bases));
        }
        let name = self.names.__bases__.clone();
        let bases = self.get_attr_opt(v, &name)?;
        Ok(bases.and_then(|b| self.tuple_clone(&b)))
    }

    /// Whether something like a class has another among its bases, or theirs.
    fn derives(&mut self, derived: &Value, class: &Value) -> R<bool> {
        if derived.is(class) {
            return Ok(true);
        }
        let Some(bases) = self.bases_of(derived)? else { return Ok(false) };
        self.tick(1)?;
        self.guarded(|vm| {
            for b in &bases {
                if vm.derives(b, class)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// `issubclass(derived, kind)`.
    ///
    /// # Errors
    /// TypeError when one of them is no class; what hooks raise.
    pub fn is_subclass_of(&mut self, derived: &Value, kind: &Value) -> R<bool> {
        if self.is_exact(kind, &self.types.type_) {
            return if derived.is(kind) { Ok(true) } else { self.plain_is_subclass(derived, kind) };
        }
        if let Some(items) = self.alternatives(kind)? {
            if !kind.is_a::<Tuple>() && self.bases_of(derived)?.is_none() {
                return Err(self.type_error("issubclass() arg 1 must be a class"));
            }
            return self.guarded(|vm| {
                for k in &items {
                    if vm.is_subclass_of(derived, k)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            });
        }
        match self.special(kind, Special::SubclassCheck) {
            Some(f) if !self.is_types_own(&f, Special::SubclassCheck) => {
                let result = self.guarded(|vm| vm.call_special(&f, kind, std::slice::from_ref(derived)))?;
                self.truth(&result)
            }
            _ => self.plain_is_subclass(derived, kind),
        }
    }

    /// `type.__subclasscheck__(kind, derived)`.
    ///
    /// # Errors
    /// TypeError when one of them is nothing like a class; what reading `__bases__` raises.
    pub fn plain_is_subclass(&mut self, derived: &Value, kind: &Value) -> R<bool> {
        if let (Some(d), Some(k)) = (derived.cast::<Class>(), kind.cast::<Class>()) {
            return Ok(d.is_subclass(self, k));
        }
        if self.bases_of(derived)?.is_none() {
            return Err(self.type_error("issubclass() arg 1 must be a class"));
        }
        if self.bases_of(kind)?.is_none() {
            return Err(self.type_error(SUBCLASS_TEXT));
        }
        self.derives(derived, kind)
    }

    /// Whether an exception class or tuple of them (`except …`) covers an exception.
    pub fn exception_matches(&self, exception: &Value, kind: &Value) -> bool {
        match kind.cast::<Tuple>() {
            Some(t) => t.get(self).items().iter().any(|k| self.exception_matches_class(exception, k)),
            None => self.exception_matches_class(exception, kind),
        }
    }

    fn exception_matches_class(&self, exception: &Value, kind: &Value) -> bool {
        kind.cast::<Class>().is_some_and(|c: &Ref<Class>| self.is_instance(exception, c))
    }
}
