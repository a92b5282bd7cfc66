//! `count`, `cycle` and `repeat`.

use super::{class, make, stop};
use crate::heap_object;
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::ops::BinOp;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `count`.
    pub struct Count { next: Value, step: Value }
}

heap_object! {
    /// `cycle`.
    pub struct Cycle {
        /// `UNDEF` once all items are saved.
        source: Value,
        saved: Vec<Value>,
        at: usize,
    }
    external = |this| this.saved.capacity() * size_of::<Value>();
}

heap_object! {
    /// `repeat`.
    pub struct Repeat {
        object: Value,
        /// `None`: for ever.
        left: Option<usize>,
    }
}

const COUNT: &[NativeDef] = &[
    NativeDef::new("__new__(cls, start=0, step=1)", "Create and return a new object.", count_new),
    NativeDef::new("__next__(self, /)", "Implement next(self).", count_next),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", count_repr),
];

const CYCLE: &[NativeDef] = &[
    NativeDef::new("__new__(cls, iterable, /)", "Create and return a new object.", |vm, a| {
        let source = vm.iter(&a[1])?;
        make(vm, a, Cycle { source, saved: Vec::new(), at: 0 })
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", cycle_next),
];

const REPEAT: &[NativeDef] = &[
    NativeDef::new("__new__(cls, object, times=None)", "Create and return a new object.", |vm, a| {
        let left = match arg(a, 2) {
            Some(v) => Some(usize::try_from(vm.index_i64(v)?).unwrap_or(0)),
            None => None,
        };
        make(vm, a, Repeat { object: a[1].clone(), left })
    }),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let this = vm.this::<Repeat>(a, "__next__")?;
        match this.get(vm).left {
            Some(0) => return stop(),
            Some(n) => this.get_mut(vm).left = Some(n - 1),
            None => {}
        }
        Ok(this.get(vm).object.clone())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let this = vm.this::<Repeat>(a, "__repr__")?.get(vm);
        let (object, left) = (this.object.clone(), this.left);
        let text = vm.guarded(|vm| vm.repr(&object))?;
        let name = vm.class_name(&a[0]);
        let tail = left.map_or_else(|| ")".to_owned(), |n| format!(", {n})"));
        Ok(vm.new_str_parts(&[name.as_bytes(), b"(", text.get(vm).as_bytes(), tail.as_bytes()]).into())
    }),
    NativeDef::new(
        "__length_hint__(self, /)",
        "Private method returning an estimate of len(list(it)).",
        |vm, a| match vm.this::<Repeat>(a, "__length_hint__")?.get(vm).left {
            Some(n) => Ok(Value::len(n)),
            None => Err(vm.type_error("len() of unsized object")),
        },
    ),
];

/// Makes the classes.
pub(super) fn define(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    class::<Count>(vm, module, "count", COUNT)?;
    class::<Cycle>(vm, module, "cycle", CYCLE)?;
    class::<Repeat>(vm, module, "repeat", REPEAT)?;
    Ok(())
}

fn is_number(vm: &Vm, v: &Value) -> bool {
    vm.is_int(v)
        || [Special::Index, Special::Int, Special::Float, Special::Complex]
            .into_iter()
            .any(|s| vm.special(v, s).is_some())
        || vm.is_instance(v, &vm.types.complex)
}

fn count_new(vm: &mut Vm, a: &[Value]) -> R {
    let next = arg(a, 1).cloned().unwrap_or(Value::int32(0));
    let step = arg(a, 2).cloned().unwrap_or(Value::int32(1));
    if !is_number(vm, &next) || !is_number(vm, &step) {
        return Err(vm.type_error("a number is required"));
    }
    make(vm, a, Count { next, step })
}

fn count_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Count>(a, "__next__")?;
    let (next, step) = (this.get(vm).next.clone(), this.get(vm).step.clone());
    let after = vm.binary(BinOp::Add, &next, &step)?;
    let old = std::mem::replace(&mut this.get_mut(vm).next, after);
    drop(old);
    Ok(next)
}

fn count_repr(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Count>(a, "__repr__")?.get(vm);
    let (next, step) = (this.next.clone(), this.step.clone());
    let name = vm.class_name(&a[0]);
    let next = vm.repr(&next)?;
    if vm.is_int(&step) && vm.as_i64(&step) == Some(1) {
        return Ok(vm.new_str_parts(&[name.as_bytes(), b"(", next.get(vm).as_bytes(), b")"]).into());
    }
    let step = vm.repr(&step)?;
    let parts: [&[u8]; 6] =
        [name.as_bytes(), b"(", next.get(vm).as_bytes(), b", ", step.get(vm).as_bytes(), b")"];
    Ok(vm.new_str_parts(&parts).into())
}

fn cycle_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Cycle>(a, "__next__")?;
    let source = this.get(vm).source.clone();
    if !source.is_undef() {
        if let Some(item) = vm.next(&source)? {
            this.get_mut(vm).saved.push(item.clone());
            return Ok(item);
        }
        this.get_mut(vm).source = Value::UNDEF;
    }
    let mut c = this.get_mut(vm);
    let at = c.at;
    let Some(item) = c.saved.get(at).cloned() else { return stop() };
    c.at = if at + 1 == c.saved.len() { 0 } else { at + 1 };
    Ok(item)
}
