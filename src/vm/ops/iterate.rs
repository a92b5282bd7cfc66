//! Iteration: `iter`, `next`, loops of natives, and the iterator over `__getitem__`.

use crate::compiler::code::CodeFlags;
use crate::heap_object;
use crate::vm::dict::Dict;
use crate::vm::function::Function;
use crate::vm::generator::{GenStep, Generator};
use crate::vm::native::NativeDef;
use crate::vm::object::{Kind, Ref};
use crate::vm::seq::{DictIter, DictPart, List, RangeObject, SeqIter, SeqSource};
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::value::Value;
use crate::vm::{R, Raised, Vm};
use std::ops::ControlFlow;

/// The most room that a length hint reserves in advance.
const MOST_HINTED: usize = 1 << 16;

heap_object! {
    /// The iterator over an object that has `__getitem__` but no `__iter__`.
    pub struct ItemIter {
        /// The object; `UNDEF` at the end.
        seq: Value,
        /// The next index.
        at: i64,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", item_iter_iter),
    NativeDef::new("__next__(self, /)", "Implement next(self).", item_iter_next),
    NativeDef::new(
        "__length_hint__(self, /)",
        "Private method returning an estimate of len(list(it)).",
        item_iter_hint,
    ),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling.", item_iter_reduce),
    NativeDef::new("__setstate__(self, state, /)", "Set state information for unpickling.", item_iter_setstate),
];

/// Makes the class of the iterator over `__getitem__`.
#[cold]
pub(in crate::vm) fn init(vm: &mut Vm) -> R<()> {
    let class = vm.define_class::<ItemIter>("builtins", "iterator", None, 0)?;
    vm.extend_class(&class, METHODS, &[]);
    Ok(())
}

fn item_iter_iter(vm: &mut Vm, a: &[Value]) -> R {
    Ok(vm.this::<ItemIter>(a, "__iter__")?.value().clone())
}

fn item_iter_next(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ItemIter>(a, "__next__")?;
    let (seq, at) = (it.get(vm).seq.clone(), it.get(vm).at);
    if seq.is_undef() {
        return Err(Raised::stop_iteration());
    }
    if at == i64::MAX {
        return Err(vm.overflow_error("iter index too large"));
    }
    let index = vm.int(at);
    match vm.get_item(&seq, &index) {
        Ok(v) => {
            it.get_mut(vm).at = at + 1;
            Ok(v)
        }
        Err(e) if vm.raised_is(&e, &vm.exc.IndexError) || vm.raised_is(&e, &vm.exc.StopIteration) => {
            it.get_mut(vm).seq = Value::UNDEF;
            Err(Raised::stop_iteration())
        }
        Err(e) => Err(e),
    }
}

fn item_iter_hint(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ItemIter>(a, "__length_hint__")?;
    let (seq, at) = (it.get(vm).seq.clone(), it.get(vm).at);
    if seq.is_undef() {
        return Ok(Value::int32(0));
    }
    if vm.special(&seq, Special::Len).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let len = vm.len(&seq)? as i64;
    Ok(vm.int(len.saturating_sub(at).max(0)))
}

fn item_iter_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ItemIter>(a, "__reduce__")?;
    let (seq, at) = (it.get(vm).seq.clone(), it.get(vm).at);
    let builtins = vm.builtins.clone();
    let name = vm.intern("iter");
    let iter = builtins.get_str(vm, &name).unwrap_or(Value::NONE);
    let parts = if seq.is_undef() {
        let empty = vm.empty_tuple();
        vec![iter, vm.tuple(vec![empty]).into_value()]
    } else {
        vec![iter, vm.tuple(vec![seq]).into_value(), vm.int(at)]
    };
    Ok(vm.tuple(parts).into_value())
}

fn item_iter_setstate(vm: &mut Vm, a: &[Value]) -> R {
    let it = vm.this::<ItemIter>(a, "__setstate__")?;
    let at = vm.index_i64(&a[1])?.max(0);
    if !it.get(vm).seq.is_undef() {
        it.get_mut(vm).at = at;
    }
    Ok(Value::NONE)
}

impl Vm {
    /// Whether `iter` would try: it may still fail.
    pub fn is_iterable(&self, v: &Value) -> bool {
        match self.special(v, Special::Iter) {
            Some(f) => !f.is_none(),
            None => self.special(v, Special::GetItem).is_some() && !v.is_a::<Dict>(),
        }
    }

    /// `iter(v)`.
    ///
    /// # Errors
    /// TypeError when it cannot be iterated over; what `__iter__` raises.
    pub fn iter(&mut self, v: &Value) -> R {
        if let Some(h) = v.header()
            && h.layout().is_exact()
            && let Some(it) = self.builtin_iter(v, h.kind)
        {
            return Ok(it);
        }
        if let Some(flat) = self.flat_special(v, Special::Iter, 1) {
            self.enter_native()?;
            let result = flat(self, std::slice::from_ref(v));
            self.leave_native();
            // What a native gives is an iterator.
            return result;
        }
        match self.special(v, Special::Iter) {
            Some(f) if !f.is_none() => {
                if let Some(generator) = self.own_generator(&f, v) {
                    return Ok(generator);
                }
                let it = self.guarded(|vm| vm.call_special(&f, v, &[]))?;
                if self.special(&it, Special::Next).is_none() {
                    let class = self.class_name(&it);
                    return Err(self.type_error(format!("iter() returned non-iterator of type '{class}'")));
                }
                Ok(it)
            }
            None if self.is_iterable(v) => Ok(self.alloc(ItemIter { seq: v.clone(), at: 0 }).into()),
            _ => Err(self.type_error(format!("'{}' object is not iterable", self.class_name(v)))),
        }
    }

    /// What a method of an object gives, if it is a generator function without further parameters.
    fn own_generator(&mut self, f: &Value, this: &Value) -> Option<Value> {
        let f = f.cast::<Function>()?;
        // SAFETY: the function keeps its code alive, and nothing changes either meanwhile.
        let code = unsafe { &*(*f.as_ptr()).code.as_ptr() };
        if !code.makes_generator
            || code.exact_args != 1
            || code.flags().has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
        {
            return None;
        }
        let mut this = this.clone();
        // SAFETY: the function has one parameter, which is taken and left unset.
        Some(unsafe { self.new_generator(f.clone(), &raw mut this) })
    }

    /// The iterators that are made most often, without a call.
    fn builtin_iter(&self, v: &Value, kind: Kind) -> Option<Value> {
        match kind {
            Kind::List => {
                let source = SeqSource::List(v.cast::<List>()?.clone());
                Some(self.alloc_as(&self.types.list_iterator, SeqIter { source, at: 0 }).into())
            }
            Kind::Tuple if self.is_exact(v, &self.types.tuple) => {
                let source = SeqSource::Tuple(v.cast::<Tuple>()?.clone());
                Some(self.alloc_as(&self.types.tuple_iterator, SeqIter { source, at: 0 }).into())
            }
            Kind::Range => {
                let r = v.cast::<RangeObject>()?.get(self);
                let (next, step) = (r.start.as_small_int()?, r.step.as_small_int()?);
                let left = r.len.as_small_int()? as u64;
                // `SeqIter` adds the step once more than it uses the result, wrapping around.
                let source = SeqSource::Range { next, step, left };
                Some(self.alloc_as(&self.types.range_iterator, SeqIter { source, at: 0 }).into())
            }
            Kind::Dict if self.is_exact(v, &self.types.dict) => {
                let dict = v.cast::<Dict>()?;
                let it = DictIter::over(self, dict.clone(), DictPart::Keys, false);
                Some(self.alloc_as(&self.types.dict_key_iterator, it).into())
            }
            Kind::Str => Some(self.str_iterator(v.cast::<Str>()?)),
            Kind::SeqIter | Kind::DictIter => Some(v.clone()),
            _ => None,
        }
    }

    /// The iterator over a string.
    pub fn str_iterator(&self, s: &Ref<Str>) -> Value {
        let class = if s.get(self).is_ascii() { &self.types.str_ascii_iterator } else { &self.types.str_iterator };
        self.alloc_as(class, SeqIter { source: SeqSource::Str(s.clone()), at: 0 }).into()
    }

    /// The next item of an iterator, or nothing at its end.
    ///
    /// # Errors
    /// TypeError when it is no iterator; what `__next__` raises, StopIteration excepted.
    #[inline]
    pub fn next(&mut self, it: &Value) -> R<Option<Value>> {
        self.tick(1)?;
        if let Some(it) = it.cast::<SeqIter>() {
            return Ok(SeqIter::advance(it, self));
        }
        if let Some(g) = it.cast::<Generator>()
            && !self.gen_flags(g).has(CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR)
        {
            return match self.gen_send(g, Value::NONE) {
                Ok(GenStep::Yielded(v)) => Ok(Some(v)),
                Ok(GenStep::Returned(_)) => Ok(None),
                Err(e) => self.end_is_none(Err(e)),
            };
        }
        if let Some(flat) = self.flat_special(it, Special::Next, 1) {
            self.enter_native()?;
            let result = flat(self, std::slice::from_ref(it));
            self.leave_native();
            return match result {
                Ok(v) => Ok(Some(v)),
                Err(e) => self.end_is_none(Err(e)),
            };
        }
        match self.special(it, Special::Next) {
            Some(f) => {
                let result = self.guarded(|vm| vm.call_special(&f, it, &[]));
                self.end_is_none(result)
            }
            None => Err(self.type_error(format!("'{}' object is not an iterator", self.class_name(it)))),
        }
    }

    /// Calls `f` with each item until it says `Break`.
    ///
    /// # Errors
    /// What iteration and `f` raise.
    pub fn for_each(&mut self, iterable: &Value, mut f: impl FnMut(&mut Vm, Value) -> R<ControlFlow<()>>) -> R<()> {
        let it = self.iter(iterable)?;
        while let Some(item) = self.next(&it)? {
            if f(self, item)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All items.
    ///
    /// # Errors
    /// What iteration raises; MemoryError when they are too many.
    pub fn collect(&mut self, iterable: &Value) -> R<Vec<Value>> {
        if let Some(h) = iterable.header()
            && h.layout().is_exact()
        {
            if let Some(l) = iterable.cast::<List>() {
                self.check_growth(0, 0, l.get(self).items.len(), size_of::<Value>())?;
                return Ok(l.get(self).items.clone());
            }
            if self.is_exact(iterable, &self.types.tuple)
                && let Some(t) = iterable.cast::<Tuple>()
            {
                self.check_growth(0, 0, t.get(self).items().len(), size_of::<Value>())?;
                return Ok(t.get(self).items().to_vec());
            }
        }
        let it = self.iter(iterable)?;
        let hint = self.length_hint(iterable, 8)?.min(MOST_HINTED);
        let mut items = Vec::with_capacity(hint);
        while let Some(item) = self.next(&it)? {
            if items.len() == items.capacity() {
                self.check_alloc(items.len() * 2 * size_of::<Value>())?;
            }
            items.push(item);
        }
        Ok(items)
    }
}
