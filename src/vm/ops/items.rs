//! Items: `o[k]`, `o[k] = v`, `del o[k]`, `x in o`.

use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::function::ClassMethod;
use crate::vm::object::Kind;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::value::Value;
use crate::vm::{R, Vm};

/// The position that an index means in a sequence of this length.
#[inline(always)]
fn position(i: i64, len: usize) -> Option<usize> {
    let at = if i < 0 { i.checked_add(len as i64)? } else { i };
    usize::try_from(at).ok().filter(|&at| at < len)
}

impl Vm {
    /// `o[key]`.
    ///
    /// # Errors
    /// TypeError when the object has no items; what `__getitem__` raises.
    #[inline]
    pub fn get_item(&mut self, o: &Value, key: &Value) -> R {
        if let (Some(i), Some(h)) = (key.as_small_int(), o.header())
            && h.layout().is_exact()
        {
            let item = match h.kind {
                Kind::List => o.cast::<List>().and_then(|l| {
                    let items = &l.get(self).items;
                    items.get(position(i, items.len())?)
                }),
                Kind::Tuple => o.cast::<Tuple>().and_then(|t| {
                    let items = t.get(self).items();
                    items.get(position(i, items.len())?)
                }),
                _ => None,
            };
            if let Some(item) = item {
                return Ok(item.clone());
            }
        }
        self.get_item_slow(o, key)
    }

    fn get_item_slow(&mut self, o: &Value, key: &Value) -> R {
        if self.is_exact(o, &self.types.dict)
            && let Some(d) = o.cast::<Dict>()
        {
            return match d.get_item(self, key)? {
                Some(v) => Ok(v),
                None => Err(self.key_error(key)),
            };
        }
        if let Some(f) = self.special(o, Special::GetItem) {
            return self.guarded(|vm| vm.call_special(&f, o, std::slice::from_ref(key)));
        }
        if let Some(class) = o.cast::<Class>() {
            return self.class_item(o, class.get(self).display_name(), key);
        }
        Err(self.type_error(format!("'{}' object is not subscriptable", self.class_name(o))))
    }

    /// `C[key]`, by `__class_getitem__`.
    fn class_item(&mut self, o: &Value, name: String, key: &Value) -> R {
        if o.is(self.types.type_.value()) {
            // `type` cannot have the method itself: all classes would seem to have it.
            return self.generic_alias(o, key);
        }
        let method = self.names.__class_getitem__.clone();
        match self.get_attr_opt(o, &method)? {
            Some(f) if !f.is_none() => self.guarded(|vm| vm.call(&f, std::slice::from_ref(key))),
            _ => Err(self.type_error(format!("type '{name}' is not subscriptable"))),
        }
    }

    /// `origin[key]` as `list.__class_getitem__` makes it for any class: a `types.GenericAlias`.
    ///
    /// # Errors
    /// TypeError when there are no generic aliases (yet).
    pub fn generic_alias(&mut self, origin: &Value, key: &Value) -> R {
        let raw = self.class_special(&self.types.list, Special::ClassGetItem);
        match raw.as_ref().and_then(|r| r.cast::<ClassMethod>()) {
            Some(c) => {
                let f = c.get(self).func.clone();
                self.guarded(|vm| vm.call_with_first(&f, origin.clone(), std::slice::from_ref(key)))
            }
            None => Err(self.type_error("type 'type' is not subscriptable")),
        }
    }

    /// `o[key] = value`.
    ///
    /// # Errors
    /// TypeError when items cannot be set; what `__setitem__` raises.
    #[inline]
    pub fn set_item(&mut self, o: &Value, key: Value, value: Value) -> R<()> {
        if let (Some(i), Some(l)) = (key.as_small_int(), o.cast::<List>())
            && l.header().layout().is_exact()
            && let Some(at) = position(i, l.get(self).items.len())
        {
            let old = std::mem::replace(&mut l.get_mut(self).items[at], value);
            drop(old);
            return Ok(());
        }
        self.set_item_slow(o, key, value)
    }

    fn set_item_slow(&mut self, o: &Value, key: Value, value: Value) -> R<()> {
        if self.is_exact(o, &self.types.dict)
            && let Some(d) = o.cast::<Dict>()
        {
            return d.set_item(self, key, value);
        }
        match self.special(o, Special::SetItem) {
            Some(f) => self.guarded(|vm| vm.call_special(&f, o, &[key, value])).map(drop),
            None => {
                self.sequence_index(o, &key)?;
                let class = self.class_name(o);
                Err(self.type_error(format!("'{class}' object does not support item assignment")))
            }
        }
    }

    /// `del o[key]`.
    ///
    /// # Errors
    /// TypeError when items cannot be deleted; what `__delitem__` raises.
    pub fn del_item(&mut self, o: &Value, key: &Value) -> R<()> {
        match self.special(o, Special::DelItem) {
            Some(f) => self.guarded(|vm| vm.call_special(&f, o, std::slice::from_ref(key))).map(drop),
            None => {
                // Two words for the same, as in CPython: one is that of sequences.
                let how = if self.sequence_index(o, key)? { "doesn't" } else { "does not" };
                let class = self.class_name(o);
                Err(self.type_error(format!("'{class}' object {how} support item deletion")))
            }
        }
    }

    /// Whether the key is an index of what CPython takes for a sequence.
    ///
    /// # Errors
    /// IndexError for an index that no sequence can have; what `__index__` raises.
    #[cold]
    fn sequence_index(&mut self, o: &Value, key: &Value) -> R<bool> {
        let c = self.class_of(o).get(self);
        let sequence = c.is_heap()
            || c.has(class_flag::SEQUENCE)
            || matches!(c.payload_kind(), Kind::Str | Kind::Bytes | Kind::Set | Kind::FrozenSet);
        if !sequence || !self.is_int(key) && self.special(key, Special::Index).is_none() {
            return Ok(false);
        }
        crate::objects::str::item_index(self, key).map(|_| true)
    }

    /// `item in container`.
    ///
    /// # Errors
    /// TypeError when the container is none; what `__contains__`, iteration and comparison raise.
    pub fn contains(&mut self, container: &Value, item: &Value) -> R<bool> {
        if self.is_exact(container, &self.types.dict)
            && let Some(d) = container.cast::<Dict>()
        {
            return Ok(d.get_item(self, item)?.is_some());
        }
        if let Some(h) = container.header()
            && h.layout().is_exact()
        {
            match h.kind {
                Kind::Str => {
                    if let (Some(s), Some(part)) = (container.cast::<Str>(), item.cast::<Str>()) {
                        let (text, part) = (s.get(self).as_bytes(), part.get(self).as_bytes());
                        self.charge((text.len() + part.len()) >> 8);
                        return Ok(crate::text::algorithms::find(text, part).is_some());
                    }
                }
                Kind::Tuple => {
                    if let Some(t) = container.cast::<Tuple>() {
                        self.charge(t.get(self).items().len() / 16);
                        for at in 0.. {
                            let Some(v) = t.get(self).items().get(at) else { return Ok(false) };
                            let same = match self.equal_plainly(v, item) {
                                Some(same) => same,
                                None => {
                                    let v = v.clone();
                                    self.tick(1)?;
                                    self.equal(&v, item)?
                                }
                            };
                            if same {
                                return Ok(true);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        match self.special(container, Special::Contains) {
            Some(f) if f.is_none() => {
                Err(self.type_error(format!("'{}' object is not a container", self.class_name(container))))
            }
            Some(f) => {
                let result = self.guarded(|vm| vm.call_special(&f, container, std::slice::from_ref(item)))?;
                self.truth(&result)
            }
            None => self.contains_by_iteration(container, item),
        }
    }

    /// Whether iteration over the container comes by an equal item.
    ///
    /// # Errors
    /// TypeError when it cannot be iterated over; what iteration and comparison raise.
    pub fn contains_by_iteration(&mut self, container: &Value, item: &Value) -> R<bool> {
        let it = match self.iter(container) {
            Ok(it) => it,
            Err(e) if self.raised_is(&e, &self.exc.TypeError) => {
                let class = self.class_name(container);
                return Err(self.type_error(format!("argument of type '{class}' is not a container or iterable")));
            }
            Err(e) => return Err(e),
        };
        while let Some(v) = self.next(&it)? {
            if self.equal(&v, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
