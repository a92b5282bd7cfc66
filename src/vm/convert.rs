//! Calls of built-in classes with positional arguments, which the loop makes without the detour of `type.__call__`.
//!
//! What the classes do is in `objects`; here is only which of their functions is called. Invariant: a class is called
//! here only if its metaclass is `type` and its native `__new__` does everything.

use super::class::Class;
use super::function::Native;
use super::native::Args;
use super::object::Ref;
use super::special::Special;
use super::value::Value;
use super::{R, Vm};

impl Vm {
    /// Calls the class that comes first with the arguments that follow; nothing when that is not for this place.
    pub(super) fn call_builtin_class(&mut self, call: &[Value]) -> Option<R> {
        let class = call.first()?.cast::<Class>()?;
        if class.get(self).is_heap() {
            return None;
        }
        if let [_, v] = call {
            let t = &self.types;
            if class.is(&t.str_) {
                return Some(self.str(v).map(Ref::into_value));
            }
            if class.is(&t.int) {
                return Some(crate::objects::int::int_from_object(self, v));
            }
            if class.is(&t.type_) {
                return Some(Ok(self.class_of(v).value().clone()));
            }
        }
        self.call_native_new(class, call)
    }

    fn call_native_new(&mut self, class: &Ref<Class>, call: &[Value]) -> Option<R> {
        if class.is(&self.types.type_) || !self.class_of(class.value()).is(&self.types.type_) {
            return None;
        }
        let init = self.class_special(class, Special::Init)?;
        if !self.is_objects_own(&init, Special::Init) {
            return None;
        }
        let new = self.class_special(class, Special::New)?;
        if new.is(&self.object_new) {
            return None;
        }
        let native = new.cast::<Native>()?;
        Some(self.guarded(|vm| vm.call_native(native, &Args::positional(call))))
    }
}
