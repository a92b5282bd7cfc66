//! `tee`: several iterators over what one iterator gives.
//!
//! The copies share a queue of the items that not all of them have taken. Each copy's position is a cell that the
//! queue knows weakly, so that a copy which dies no longer holds items back.

use super::{ITER, positional};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

heap_object! {
    /// What the copies share.
    pub struct TeeQueue {
        it: Value,
        items: VecDeque<Value>,
        /// The position of the first item in `items`.
        base: u64,
        /// The iterator is being asked.
        running: bool,
    }
    skip {
        positions: Vec<Weak<Cell<u64>>>,
    }
    external = |this| (this.items.capacity() + this.positions.capacity()) * size_of::<Value>();
}
heap_object! {
    /// The payload of `_tee`.
    pub struct Tee {
        queue: Ref<TeeQueue>,
    }
    skip {
        position: Rc<Cell<u64>>,
    }
}

pub(super) const FUNCTIONS: &[NativeDef] =
    &[NativeDef::new("tee(iterable, n=2, /)", "Returns a tuple of n independent iterators.", |vm, a| {
        let n = match arg(a, 1) {
            Some(v) => vm.index_i64(v)?,
            None => 2,
        };
        let Ok(n) = usize::try_from(n) else { return Err(vm.value_error("n must be >= 0")) };
        vm.check_alloc(n.saturating_mul(64))?;
        if n == 0 {
            return Ok(vm.empty_tuple());
        }
        let Some(class) = vm.class_for::<Tee>() else { return Ok(vm.empty_tuple()) };
        let first = from_iterable(vm, &class, &a[0])?;
        let mut copies = vec![first.value().clone()];
        while copies.len() < n {
            vm.tick(1)?;
            let copy = copy_of(vm, &class, &first).into_value();
            copies.push(copy);
        }
        Ok(vm.tuple(copies).into())
    })];

const TEE: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, iterable, /)", "Iterator wrapped to make it copyable.", |vm, args| {
        let (class, given) = positional(vm, args, "_tee", 1, 1)?;
        Ok(from_iterable(vm, &class, &given[0])?.into())
    }),
    ITER,
    NativeDef::new("__next__(self, /)", "Implement next(self).", tee_next),
    NativeDef::new("__copy__(self, /)", "Returns an independent iterator.", |vm, a| {
        let this = vm.this::<Tee>(a, "__copy__")?.clone();
        let class = vm.class_of(&a[0]).clone();
        Ok(copy_of(vm, &class, &this).into())
    }),
];

pub(super) fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    let class = vm.define_class::<Tee>("itertools", "_tee", None, class_flag::BASE | class_flag::WEAKREF)?;
    vm.extend_class(&class, TEE, &[]);
    vm.module_set(module, "_tee", class.into_value());
    let class = vm.define_class::<TeeQueue>("itertools", "_tee_dataobject", None, class_flag::NO_NEW)?;
    vm.module_set(module, "_tee_dataobject", class.into_value());
    Ok(())
}

fn from_iterable(vm: &mut Vm, class: &Ref<Class>, iterable: &Value) -> R<Ref<Tee>> {
    let it = vm.iter(iterable)?;
    if let Some(other) = it.cast::<Tee>() {
        return Ok(copy_of(vm, class, other));
    }
    let position = Rc::new(Cell::new(0));
    let queue = vm.alloc(TeeQueue {
        it,
        items: VecDeque::new(),
        base: 0,
        running: false,
        positions: vec![Rc::downgrade(&position)],
    });
    Ok(vm.alloc_as(class, Tee { queue, position }))
}

fn copy_of(vm: &mut Vm, class: &Ref<Class>, tee: &Ref<Tee>) -> Ref<Tee> {
    let queue = tee.get(vm).queue.clone();
    let position = Rc::new(Cell::new(tee.get(vm).position.get()));
    {
        let mut q = queue.get_mut(vm);
        if q.positions.len() == q.positions.capacity() {
            q.positions.retain(|p| p.strong_count() > 0);
        }
        q.positions.push(Rc::downgrade(&position));
    }
    vm.alloc_as(class, Tee { queue, position })
}

fn tee_next(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Tee>(a, "__next__")?;
    let (queue, position) = (this.get(vm).queue.clone(), this.get(vm).position.clone());
    let at = position.get();
    let q = queue.get(vm);
    let offset = at.saturating_sub(q.base) as usize;
    let item = match q.items.get(offset) {
        Some(v) => v.clone(),
        None => {
            if q.running {
                return Err(vm.runtime_error("cannot re-enter the tee iterator"));
            }
            let it = q.it.clone();
            queue.get_mut(vm).running = true;
            let next = vm.next(&it);
            let mut q = queue.get_mut(vm);
            q.running = false;
            let Some(v) = next? else { return Err(Raised::stop_iteration()) };
            q.items.push_back(v.clone());
            v
        }
    };
    position.set(at + 1);
    if offset == 0 || at.is_multiple_of(64) {
        trim(vm, &queue);
    }
    Ok(item)
}

/// Drops the items that all copies have taken.
fn trim(vm: &mut Vm, queue: &Ref<TeeQueue>) {
    let mut q = queue.get_mut(vm);
    let least = q.positions.iter().filter_map(Weak::upgrade).map(|p| p.get()).min().unwrap_or(q.base);
    let n = (least.saturating_sub(q.base) as usize).min(q.items.len());
    let gone: Vec<Value> = q.items.drain(..n).collect();
    q.base += n as u64;
    drop(q);
    drop(gone);
}
