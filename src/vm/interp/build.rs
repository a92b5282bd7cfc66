//! Building and taking apart containers, functions and formatted strings.

use super::super::dict::Dict;
use super::super::function::{CodeObject, Function};
use super::super::keys::exact_str;
use super::super::object::Ref;
use super::super::seq::{List, SliceObject};
use super::super::set::Set;
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::{R, Vm};
use crate::compiler::code::CodeFlags;
use crate::compiler::opcodes::{CONVERSION_SHIFT, FLAG_JOINED};

/// Takes `n` consecutive temps.
///
/// # Safety
/// So many registers begin at `first`.
pub(super) unsafe fn take_run(first: *mut Value, n: usize) -> Vec<Value> {
    // SAFETY: the caller's promise.
    (0..n).map(|i| unsafe { std::mem::replace(&mut *first.add(i), Value::UNDEF) }).collect()
}

impl Vm {
    /// A tuple of `n` consecutive temps, which are taken.
    ///
    /// # Safety
    /// So many registers begin at `first`.
    pub(super) unsafe fn build_tuple(&mut self, first: *mut Value, n: usize) -> Value {
        if n == 0 {
            return self.empty_tuple();
        }
        let class = &self.types.tuple;
        let layout = class.get(self).layouts.root();
        // SAFETY: the caller's promise; layouts live as long as their class.
        unsafe {
            let items = (0..n).map(|i| std::mem::replace(&mut *first.add(i), Value::UNDEF));
            self.heap.alloc_tuple(&*layout, items).into()
        }
    }

    pub(super) fn build_set(&mut self, items: Vec<Value>) -> R {
        let set = self.alloc(Set::default());
        for v in items {
            set.add(self, v)?;
        }
        Ok(set.into())
    }

    /// A dict of keys and values in turn.
    pub(super) fn build_map(&mut self, items: Vec<Value>) -> R {
        let d = self.alloc(Dict::with_capacity(items.len() / 2));
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            let hash = self.hash_key(&key)?;
            d.set_item_hashed(self, hash, key, value)?;
        }
        Ok(d.into())
    }

    /// A text of `n` consecutive temps, which are dropped.
    ///
    /// # Safety
    /// So many registers begin at `first`.
    pub(super) unsafe fn build_string(&mut self, first: *mut Value, n: usize) -> R {
        // SAFETY: the caller's promise, and nothing else touches them meanwhile.
        let parts = unsafe { std::slice::from_raw_parts_mut(first, n) };
        let joined = self.join_pieces(parts);
        parts.iter_mut().for_each(|p| *p = Value::UNDEF);
        joined.map(Ref::into_value)
    }

    pub(super) fn build_slice(&mut self, items: Vec<Value>) -> Value {
        let mut items = items.into_iter();
        let mut next = || items.next().unwrap_or(Value::NONE);
        let (start, stop, step) = (next(), next(), next());
        self.alloc(SliceObject { start, stop, step }).into()
    }

    #[inline(always)]
    pub(super) fn list_append_op(&mut self, list: &Value, v: Value) -> R<()> {
        match list.cast::<List>() {
            Some(l) => l.clone().push(self, v),
            None => Ok(()),
        }
    }

    pub(super) fn set_add_op(&mut self, set: &Value, v: Value) -> R<()> {
        if let Some(s) = set.cast::<Set>() {
            s.add(self, v)?;
        }
        Ok(())
    }

    pub(super) fn map_add_op(&mut self, d: &Value, key: Value, v: Value) -> R<()> {
        if let Some(d) = d.cast::<Dict>() {
            let hash = self.hash_key(&key)?;
            d.set_item_hashed(self, hash, key, v)?;
        }
        Ok(())
    }

    pub(super) fn list_extend_op(&mut self, list: &Value, iterable: &Value) -> R<()> {
        if self.special(iterable, super::super::special::Special::Iter).is_none()
            && self.special(iterable, super::super::special::Special::GetItem).is_none()
        {
            let name = self.class_name(iterable);
            return Err(self.type_error(format!("Value after * must be an iterable, not {name}")));
        }
        let items = self.collect(iterable)?;
        if let Some(l) = list.cast::<List>() {
            l.make_room(self, items.len())?;
            l.get_mut(self).items.extend(items);
        }
        Ok(())
    }

    pub(super) fn set_update_op(&mut self, set: &Value, iterable: &Value) -> R<()> {
        match set.cast::<Set>() {
            Some(s) => crate::objects::set::update(self, s, iterable),
            None => Ok(()),
        }
    }

    /// `d.update(mapping)` for a mapping: a dict, or anything with `keys`.
    fn update_from_mapping(&mut self, d: &Ref<Dict>, m: &Value, unique: bool, f: &Value) -> R<()> {
        if let Some(src) = m.cast::<Dict>()
            && crate::objects::dict::iterates_plainly(self, m)
        {
            let items: Vec<(u64, Value, Value)> =
                src.get(self).iter_hashed().map(|(h, k, v)| (h, k.clone(), v.clone())).collect();
            for (hash, k, v) in items {
                if unique {
                    self.check_keyword(d, &k, f)?;
                }
                d.set_item_hashed(self, hash, k, v)?;
            }
            return Ok(());
        }
        let name = self.intern("keys");
        let keys = self.get_attr(m, &name)?;
        let keys = self.call(&keys, &[])?;
        for k in self.collect(&keys)? {
            let v = self.get_item(m, &k)?;
            if unique {
                self.check_keyword(d, &k, f)?;
            }
            d.set_item(self, k, v)?;
        }
        Ok(())
    }

    fn check_keyword(&mut self, d: &Ref<Dict>, k: &Value, f: &Value) -> R<()> {
        if !k.is_a::<Str>() {
            return Err(self.type_error("keywords must be strings"));
        }
        if d.get_item(self, k)?.is_some() {
            let (f, k) = (self.callable_name(f), self.str_of(k));
            return Err(self.type_error(format!("{f} got multiple values for keyword argument '{k}'")));
        }
        Ok(())
    }

    pub(super) fn dict_update_op(&mut self, d: &Value, m: &Value) -> R<()> {
        let Some(d) = d.cast::<Dict>().cloned() else { return Ok(()) };
        self.require_mapping(m, |name, _| format!("'{name}' object is not a mapping"))?;
        self.update_from_mapping(&d, m, false, &Value::NONE)
    }

    pub(super) fn dict_merge_op(&mut self, d: &Value, m: &Value, f: &Value) -> R<()> {
        let Some(d) = d.cast::<Dict>().cloned() else { return Ok(()) };
        let f2 = f.clone();
        self.require_mapping(m, |name, vm| {
            format!("{} argument after ** must be a mapping, not {name}", vm.callable_name(&f2))
        })?;
        self.update_from_mapping(&d, m, true, f)
    }

    fn require_mapping(&mut self, m: &Value, text: impl FnOnce(&str, &mut Vm) -> String) -> R<()> {
        if m.is_a::<Dict>() {
            return Ok(());
        }
        let keys = self.intern("keys");
        if self.get_attr_opt(m, &keys)?.is_none() {
            let name = self.class_name(m);
            let text = text(&name, self);
            return Err(self.type_error(text));
        }
        Ok(())
    }

    pub(super) fn list_to_tuple(&mut self, l: &Value) -> Value {
        let items = l.cast::<List>().map(|l| std::mem::take(&mut l.get_mut(self).items)).unwrap_or_default();
        self.tuple(items).into()
    }

    // ---- unpacking ----

    /// `a, b, … = v`: exactly `n` values into consecutive registers.
    ///
    /// # Safety
    /// So many registers begin at `first`.
    #[inline(never)]
    pub(super) unsafe fn unpack_op(&mut self, v: &Value, first: *mut Value, n: usize) -> R<()> {
        if let Some(h) = v.header()
            && h.layout().is_exact()
        {
            let items = match (v.cast::<Tuple>(), v.cast::<List>()) {
                (Some(t), _) => Some(t.get(self).items()),
                (_, Some(l)) => Some(&*l.get(self).items),
                _ => None,
            };
            if let Some(items) = items.filter(|items| items.len() == n) {
                for (i, item) in items.iter().enumerate() {
                    // SAFETY: the caller's promise; the old values are dead, so dropping them changes nothing.
                    unsafe { *first.add(i) = item.clone() };
                }
                return Ok(());
            }
        }
        let items = self.unpack_exactly(v, n)?;
        for (i, item) in items.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { *first.add(i) = item };
        }
        Ok(())
    }

    pub(super) fn unpack_pair(&mut self, v: &Value) -> R<(Value, Value)> {
        let items = self.unpack_exactly(v, 2)?;
        let mut items = items.into_iter();
        Ok((items.next().unwrap_or(Value::NONE), items.next().unwrap_or(Value::NONE)))
    }

    fn unpack_exactly(&mut self, v: &Value, n: usize) -> R<Vec<Value>> {
        let exact = v.header().is_some_and(|h| h.layout().is_exact());
        if exact {
            let items = match (v.cast::<Tuple>(), v.cast::<List>()) {
                (Some(t), _) => Some(t.get(self).items().to_vec()),
                (_, Some(l)) => Some(l.get(self).items.clone()),
                _ => None,
            };
            if let Some(items) = items {
                let len = items.len();
                return match len.cmp(&n) {
                    std::cmp::Ordering::Equal => Ok(items),
                    std::cmp::Ordering::Less => {
                        Err(self.value_error(format!("not enough values to unpack (expected {n}, got {len})")))
                    }
                    std::cmp::Ordering::Greater => {
                        Err(self.value_error(format!("too many values to unpack (expected {n}, got {len})")))
                    }
                };
            }
        }
        let it = self.unpack_iter(v)?;
        let mut items = Vec::with_capacity(n.min(64));
        while items.len() < n {
            match self.next(&it)? {
                Some(x) => items.push(x),
                None => {
                    let got = items.len();
                    return Err(self.value_error(format!("not enough values to unpack (expected {n}, got {got})")));
                }
            }
        }
        if self.next(&it)?.is_some() {
            if let Some(d) = v.cast::<Dict>() {
                let len = d.get(self).len();
                return Err(self.value_error(format!("too many values to unpack (expected {n}, got {len})")));
            }
            return Err(self.value_error(format!("too many values to unpack (expected {n})")));
        }
        Ok(items)
    }

    fn unpack_iter(&mut self, v: &Value) -> R {
        use super::super::special::Special;
        if self.special(v, Special::Iter).is_none() && self.special(v, Special::GetItem).is_none() {
            let name = self.class_name(v);
            return Err(self.type_error(format!("cannot unpack non-iterable {name} object")));
        }
        self.iter(v)
    }

    /// `a, *b, c = v`.
    ///
    /// # Safety
    /// As many registers as `counts` says, and one, begin at `first`.
    #[inline(never)]
    pub(super) unsafe fn unpack_ex_op(&mut self, v: &Value, first: *mut Value, counts: u16) -> R<()> {
        let (before, after) = ((counts & 0xff) as usize, (counts >> 8) as usize);
        let it = self.unpack_iter(v)?;
        let mut items = Vec::new();
        while let Some(x) = self.next(&it)? {
            items.push(x);
        }
        if items.len() < before + after {
            let (want, got) = (before + after, items.len());
            return Err(self.value_error(format!("not enough values to unpack (expected at least {want}, got {got})")));
        }
        let tail = items.split_off(items.len() - after);
        let middle = items.split_off(before);
        let middle = self.list(middle).into_value();
        for (i, item) in items.into_iter().chain(std::iter::once(middle)).chain(tail).enumerate() {
            // SAFETY: the caller's promise.
            unsafe { *first.add(i) = item };
        }
        Ok(())
    }

    // ---- functions ----

    pub(super) fn make_function(&mut self, code: &Value) -> Value {
        let Some(code) = code.cast::<CodeObject>().cloned() else { return Value::NONE };
        let running = self.running_function();
        let (globals, builtins) = (running.globals.clone(), running.builtins.clone());
        self.new_function(code, globals, builtins).into()
    }

    /// A function of a code object; its name, docstring and module follow from the code and the globals.
    pub fn new_function(&mut self, code: Ref<CodeObject>, globals: Ref<Dict>, builtins: Ref<Dict>) -> Ref<Function> {
        let module = {
            let name = self.names.__name__.clone();
            globals.get_str(self, &name).unwrap_or(Value::NONE)
        };
        let c = code.get(self);
        let titles = c.titles.get_or_init(|| [&c.code.name, &c.code.qualname].map(|s| self.intern(s).into_value()));
        let [name, qualname] = titles.clone();
        let doc = if c.code.flags.has(CodeFlags::HAS_DOCSTRING) {
            c.consts.first().cloned().unwrap_or(Value::NONE)
        } else {
            Value::NONE
        };
        self.alloc(Function {
            code,
            globals,
            builtins,
            closure: Value::UNDEF,
            defaults: Value::NONE,
            kwdefaults: Value::NONE,
            name,
            qualname,
            doc,
            module,
            annotate: Value::NONE,
            annotations: Value::UNDEF,
            type_params: Value::UNDEF,
        })
    }

    pub(super) fn set_func_attr(&mut self, f: &Value, v: Value, which: u16) -> R<()> {
        let Some(f) = f.cast::<Function>() else { return Ok(()) };
        let v = if which == 4 {
            // name, value, … of string annotations
            let items = v.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
            let d = self.new_dict();
            for pair in items.chunks_exact(2) {
                d.set_item(self, pair[0].clone(), pair[1].clone())?;
            }
            d.into_value()
        } else {
            v
        };
        let mut f = f.get_mut(self);
        let place = match which {
            0 => &mut f.defaults,
            1 => &mut f.kwdefaults,
            2 => &mut f.annotate,
            3 => &mut f.closure,
            _ => &mut f.annotations,
        };
        let old = std::mem::replace(place, v);
        drop(f);
        drop(old);
        Ok(())
    }

    // ---- formatting ----

    #[inline(never)]
    pub(super) fn format_op(&mut self, flags: u8, v: Value, spec: Value) -> R {
        let v = match (flags >> CONVERSION_SHIFT) & 3 {
            0 => v,
            1 => self.str(&v)?.into_value(),
            2 => self.repr(&v)?.into_value(),
            _ => self.ascii(&v)?.into_value(),
        };
        if spec.is_undef() {
            if exact_str(&v).is_some() || v.is_small_int() && flags & FLAG_JOINED != 0 {
                return Ok(v);
            }
            if v.is_small_int() || v.is_small_float() {
                return Ok(self.repr(&v)?.into_value());
            }
            let empty = self.empty_str().into_value();
            return Ok(self.format(&v, &empty)?.into_value());
        }
        Ok(self.format(&v, &spec)?.into_value())
    }

    pub(super) fn build_interpolation(&mut self, v: Value, text: Value, spec: Value, conversion: u16) -> R {
        let conversion = match conversion {
            0 => Value::NONE,
            1 => self.new_str("s").into_value(),
            2 => self.new_str("r").into_value(),
            _ => self.new_str("a").into_value(),
        };
        Ok(crate::objects::template::make_interpolation(self, v, text, conversion, spec))
    }

    pub(super) fn build_template(&mut self, strings: Value, fields: Value) -> R {
        Ok(crate::objects::template::make_template(self, strings, fields))
    }
}
