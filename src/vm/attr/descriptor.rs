//! Descriptors: what an attribute of a class becomes when it is read, set or deleted through an instance.
//!
//! The native kinds (functions, native methods, `property`, `classmethod`, `staticmethod`, native attributes and
//! `__slots__`) are handled here without calling anything; everything else goes by its class's `__get__`, `__set__`
//! and `__delete__`.

use crate::vm::class::Class;
use crate::vm::function::{
    AttrCode, ClassMethod, Function, GetSet, Method, Native, NativeCode, Property, StaticMethod,
};
use crate::vm::native::Args;
use crate::vm::native::FlatFn;
use crate::vm::object::{Kind, Ref};
use crate::vm::special::Special;
use crate::vm::value::Value;
use crate::vm::{R, Vm};

/// Calls with a receiver and at most so many other arguments need no allocation.
const FEW: usize = 5;

impl Vm {
    /// Whether the object's class is the built-in one that belongs to its kind, or inherits the special method from
    /// it unchanged.
    fn inherits(&self, v: &Value, special: Special, builtin: &Ref<Class>) -> bool {
        let class = self.class_of(v);
        if class.is(builtin) {
            return true;
        }
        match (self.class_special(class, special), self.class_special(builtin, special)) {
            (Some(a), Some(b)) => a.is(&b),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether an attribute of a class goes before the instance's own: it has `__set__` or `__delete__`.
    #[inline]
    pub fn is_data_descriptor(&self, raw: &Value) -> bool {
        match raw.kind() {
            None => false,
            Some(Kind::Property | Kind::GetSet) => true,
            Some(Kind::Function | Kind::Native | Kind::Method | Kind::Str | Kind::Int | Kind::Float | Kind::Bytes)
                if raw.header().is_some_and(|h| h.layout().is_exact()) =>
            {
                false
            }
            _ => {
                let class = self.class_of(raw);
                self.class_special(class, Special::Set).is_some()
                    || self.class_special(class, Special::Delete).is_some()
            }
        }
    }

    /// Whether an attribute of a class goes before the instance's own when it is read: a data descriptor that also
    /// has `__get__`.
    #[inline]
    pub(super) fn is_read_first(&self, raw: &Value) -> bool {
        if !self.is_data_descriptor(raw) {
            return false;
        }
        matches!(raw.kind(), Some(Kind::Property | Kind::GetSet))
            || self.class_special(self.class_of(raw), Special::Get).is_some()
    }

    /// Whether it becomes a method when read through an instance: calls may pass the instance themselves.
    #[inline]
    pub(in crate::vm) fn is_method_function(&self, raw: &Value) -> bool {
        match raw.kind() {
            Some(Kind::Function) => true,
            Some(Kind::Native) => self.is_native_method(raw),
            _ => false,
        }
    }

    /// Whether a native function takes the object that it is read through.
    #[inline]
    fn is_native_method(&self, raw: &Value) -> bool {
        !self.class_of(raw).is(&self.types.builtin_function)
    }

    /// The function of a `classmethod`, when it is one that needs no binding of its own.
    pub(super) fn class_method_function(&self, raw: &Value) -> Option<Value> {
        let c = raw.cast::<ClassMethod>()?;
        if !self.inherits(raw, Special::Get, &self.types.classmethod) {
            return None;
        }
        let f = c.get(self).func.clone();
        matches!(f.kind(), Some(Kind::Function | Kind::Native)).then_some(f)
    }

    /// `type(raw).__get__(raw, o, class)`: what an attribute found in a class is when read through `o`, or through
    /// the class itself when `o` is `UNDEF`.
    ///
    /// # Errors
    /// What getters and `__get__` raise; TypeError when a native attribute belongs to another class.
    pub fn bind(&mut self, raw: &Value, o: &Value, class: &Ref<Class>) -> R {
        let Some(kind) = raw.kind() else { return Ok(raw.clone()) };
        match kind {
            Kind::Function if !o.is_undef() => {
                Ok(self.alloc_as(&self.types.method, Method { func: raw.clone(), receiver: o.clone() }).into())
            }
            Kind::Function => Ok(raw.clone()),
            Kind::Native if o.is_undef() => Ok(raw.clone()),
            Kind::Native => Ok(self.bind_native_method(raw, o)),
            Kind::GetSet => self.read_native(raw, o),
            Kind::Property if self.inherits(raw, Special::Get, &self.types.property) => self.read_property(raw, o),
            Kind::StaticMethod if self.inherits(raw, Special::Get, &self.types.staticmethod) => {
                Ok(raw.cast::<StaticMethod>().map_or(Value::NONE, |s| s.get(self).func.clone()))
            }
            Kind::ClassMethod if self.inherits(raw, Special::Get, &self.types.classmethod) => {
                Ok(self.bind_class_method(raw, class))
            }
            _ => match self.special(raw, Special::Get) {
                None => Ok(raw.clone()),
                Some(get) => {
                    let o = if o.is_undef() { Value::NONE } else { o.clone() };
                    self.call_special(&get, raw, &[o, class.value().clone()])
                }
            },
        }
    }

    fn bind_native_method(&self, raw: &Value, o: &Value) -> Value {
        let class = self.class_of(raw);
        let method = Method { func: raw.clone(), receiver: o.clone() };
        if class.is(&self.types.method_descriptor) || class.is(&self.types.classmethod_descriptor) {
            self.alloc_as(&self.types.builtin_method, method).into()
        } else if class.is(&self.types.wrapper_descriptor) {
            self.alloc_as(&self.types.method_wrapper, method).into()
        } else {
            raw.clone()
        }
    }

    fn bind_class_method(&self, raw: &Value, class: &Ref<Class>) -> Value {
        let Some(c) = raw.cast::<ClassMethod>() else { return Value::NONE };
        let func = c.get(self).func.clone();
        let native = func.is_a::<Native>();
        let method = Method { func, receiver: class.value().clone() };
        let class = if native { &self.types.builtin_method } else { &self.types.method };
        self.alloc_as(class, method).into()
    }

    fn read_property(&mut self, raw: &Value, o: &Value) -> R {
        let Some(p) = raw.cast::<Property>() else { return Ok(raw.clone()) };
        if o.is_undef() || o.is_none() {
            return Ok(raw.clone());
        }
        let get = p.get(self).get.clone();
        if get.is_none() || get.is_undef() {
            return Err(self.property_error(raw, o, "getter"));
        }
        self.call(&get, std::slice::from_ref(o))
    }

    #[cold]
    fn property_error(&mut self, raw: &Value, o: &Value, what: &str) -> crate::vm::exception::Raised {
        let class = self.class_of(o).get(self).qualname.clone();
        let class = self.quoted(&class);
        let name = raw.cast::<Property>().map(|p| p.get(self).name.clone()).unwrap_or(Value::UNDEF);
        let text = match name.cast::<crate::vm::str::Str>() {
            Some(name) => format!("property {} of {class} object has no {what}", self.quoted(name)),
            None => format!("property of {class} object has no {what}"),
        };
        self.attribute_error_text(text)
    }

    fn read_native(&mut self, raw: &Value, o: &Value) -> R {
        let Some(g) = raw.cast::<GetSet>() else { return Ok(raw.clone()) };
        if o.is_undef() {
            return Ok(raw.clone());
        }
        self.check_native_owner(g, o)?;
        match g.get(self).code {
            AttrCode::GetSet(def) => self.guarded(|vm| (def.get)(vm, o)),
            AttrCode::Slot(n) => {
                let v = self.slot(o, n as usize);
                if v.is_undef() {
                    let name = g.get(self).name.clone();
                    let (class, attr) = (self.full_class_name(o), self.str_of(name.value()));
                    let text = format!("'{class}' object has no attribute '{attr}'");
                    return Err(self.attribute_error(text, &name, o));
                }
                Ok(v)
            }
        }
    }

    /// Native attributes read the payload, so the object must have it.
    fn check_native_owner(&mut self, g: &Ref<GetSet>, o: &Value) -> R<()> {
        let this = g.get(self);
        if self.is_instance(o, &this.owner) {
            return Ok(());
        }
        let text = format!(
            "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
            self.str_of(this.name.value()),
            this.owner.get(self).display_name(),
            self.class_name(o)
        );
        Err(self.type_error(text))
    }

    /// `type(raw).__set__(raw, o, value)`, or `__delete__` when there is no value; `raw` is a data descriptor.
    ///
    /// # Errors
    /// AttributeError when it cannot be set or deleted; what setters raise.
    pub fn descriptor_set(&mut self, raw: &Value, o: &Value, value: Option<Value>) -> R<()> {
        let special = if value.is_some() { Special::Set } else { Special::Delete };
        match raw.kind() {
            Some(Kind::GetSet) => return self.change_native(raw, o, value),
            Some(Kind::Property) if self.inherits(raw, special, &self.types.property) => {
                return self.change_property(raw, o, value);
            }
            _ => {}
        }
        let Some(f) = self.special(raw, special) else {
            return Err(self.attribute_error_text(special.name()));
        };
        match value {
            Some(v) => self.call_special(&f, raw, &[o.clone(), v]).map(drop),
            None => self.call_special(&f, raw, std::slice::from_ref(o)).map(drop),
        }
    }

    fn change_property(&mut self, raw: &Value, o: &Value, value: Option<Value>) -> R<()> {
        let Some(p) = raw.cast::<Property>() else { return Ok(()) };
        let p = p.get(self);
        let (f, what) = if value.is_some() { (p.set.clone(), "setter") } else { (p.del.clone(), "deleter") };
        if f.is_none() || f.is_undef() {
            return Err(self.property_error(raw, o, what));
        }
        match value {
            Some(v) => self.call(&f, &[o.clone(), v]).map(drop),
            None => self.call(&f, std::slice::from_ref(o)).map(drop),
        }
    }

    fn change_native(&mut self, raw: &Value, o: &Value, value: Option<Value>) -> R<()> {
        let Some(g) = raw.cast::<GetSet>() else { return Ok(()) };
        self.check_native_owner(g, o)?;
        match g.get(self).code {
            AttrCode::GetSet(def) => match def.set {
                Some(set) => self.guarded(|vm| set(vm, o, value)),
                None => {
                    let this = g.get(self);
                    let text = format!(
                        "attribute '{}' of '{}' objects is not writable",
                        self.str_of(this.name.value()),
                        this.owner.get(self).display_name()
                    );
                    Err(self.attribute_error_text(text))
                }
            },
            AttrCode::Slot(n) => {
                let deleting = value.is_none();
                let old = self.set_slot(o, n as usize, value.unwrap_or(Value::UNDEF));
                if deleting && old.is_undef() {
                    let name = self.str_of(g.get(self).name.value());
                    return Err(self.attribute_error_text(name));
                }
                Ok(())
            }
        }
    }

    // ---- calling what was looked up raw ----

    /// Binds a special method, as [`special`](Vm::special) gives it, to its object and calls it.
    ///
    /// # Errors
    /// What binding and the call raise.
    #[inline]
    pub fn call_special(&mut self, f: &Value, this: &Value, args: &[Value]) -> R {
        if args.len() <= 2
            && let Some(flat) = self.flat_method(f, args.len() + 1)
        {
            self.enter_native()?;
            let result = match args {
                [a] => flat(self, &[this.clone(), a.clone()]),
                [a, b] => flat(self, &[this.clone(), a.clone(), b.clone()]),
                _ => flat(self, std::slice::from_ref(this)),
            };
            self.leave_native();
            return result;
        }
        if self.is_method_function(f) {
            return self.call_with_first(f, this.clone(), args);
        }
        self.call_special_slow(f, this, args)
    }

    /// The Rust function behind a native method, when a call with so many arguments, the object included, needs
    /// nothing else.
    #[inline]
    pub(in crate::vm) fn flat_method(&self, f: &Value, argc: usize) -> Option<FlatFn> {
        let native = f.cast::<Native>()?;
        if !self.is_native_method(f) {
            return None;
        }
        match &native.get(self).code {
            NativeCode::Static(def) => def.flat(argc),
            NativeCode::Host(..) => None,
        }
    }

    #[cold]
    fn call_special_slow(&mut self, f: &Value, this: &Value, args: &[Value]) -> R {
        let class = self.class_of(this).clone();
        let bound = self.bind(f, this, &class)?;
        self.call(&bound, args)
    }

    /// Calls `f(first, *args)`.
    ///
    /// # Errors
    /// What the call raises.
    #[inline]
    pub fn call_with_first(&mut self, f: &Value, first: Value, args: &[Value]) -> R {
        if args.len() <= FEW {
            let mut all = [const { Value::UNDEF }; FEW + 1];
            all[0] = first;
            all[1..=args.len()].clone_from_slice(args);
            return self.call_few(f, &all[..=args.len()]);
        }
        let mut all = Vec::with_capacity(args.len() + 1);
        all.push(first);
        all.extend_from_slice(args);
        self.call_few(f, &all)
    }

    #[inline(always)]
    fn call_few(&mut self, f: &Value, args: &[Value]) -> R {
        match f.cast::<Native>() {
            Some(native) => {
                // The callee may be replaced while it runs.
                let native = native.clone();
                self.guarded(|vm| vm.call_native(&native, &Args::positional(args)))
            }
            None => self.call(f, args),
        }
    }

    /// Whether a value is a plain script function.
    #[inline(always)]
    pub fn is_function(&self, v: &Value) -> bool {
        v.is_a::<Function>()
    }
}
