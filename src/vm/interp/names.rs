//! Names, globals, cells, imports and the frame's namespace.

use super::super::dict::Dict;
use super::super::exception::{Exception, Raised};
use super::super::frame::Frame;
use super::super::function::{CellObject, InlineCache, Module};
use super::super::object::Ref;
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::{R, Vm};

impl Vm {
    /// A keys version for inline caches; numbers are used once.
    pub(crate) fn dict_version(&mut self, d: &Ref<Dict>) -> u32 {
        let v = d.get(self).keys_version();
        if v != 0 {
            return v;
        }
        let v = self.next_keys_version;
        if v == u32::MAX {
            return 0;
        }
        self.next_keys_version = v + 1;
        d.get(self).set_keys_version(v);
        v
    }

    /// LoadGlobal on a cache miss.
    #[inline(never)]
    pub(super) fn load_global(&mut self, cache: usize) -> R {
        let name = self.running_code().cache_name(cache);
        let (g, b) = (self.running_function().globals.clone(), self.running_function().builtins.clone());
        // Globals and builtins that are instances of subclasses of dict are asked as mappings.
        if !g.header().layout().is_exact() || !b.header().layout().is_exact() {
            return self.load_global_by_item(&g, &b, &name);
        }
        let hash = self.str_hash(&name);
        if let Some(at) = g.get(self).find_str(hash, name.value()) {
            let id = self.dict_version(&g);
            self.running_code().caches[cache].set(InlineCache { id, index: at as u32, value: 0 });
            if let Some(v) = g.get(self).value_at(at) {
                return Ok(v.clone());
            }
        }
        if let Some(at) = b.get(self).find_str(hash, name.value()) {
            let (id, other) = (self.dict_version(&g), self.dict_version(&b));
            if other != 0 {
                self.running_code().caches[cache].set(InlineCache { id, index: at as u32, value: u64::from(other) });
            }
            if let Some(v) = b.get(self).value_at(at) {
                return Ok(v.clone());
            }
        }
        Err(self.undefined_name(&name))
    }

    fn load_global_by_item(&mut self, g: &Ref<Dict>, b: &Ref<Dict>, name: &Ref<Str>) -> R {
        for d in [g, b] {
            match self.get_item(d.value(), name.value()) {
                Ok(v) => return Ok(v),
                Err(e) if self.raised_is(&e, &self.exc.KeyError.clone()) => {}
                Err(e) => return Err(e),
            }
        }
        Err(self.undefined_name(name))
    }

    #[cold]
    pub(super) fn undefined_name(&mut self, name: &Ref<Str>) -> Raised {
        let text = format!("name '{}' is not defined", name.get(self).to_string_lossy());
        self.name_error(text, name)
    }

    /// A NameError with its `name` attribute. Whoever reports it may want to look at the object whose method runs:
    /// its attribute may have been meant.
    #[cold]
    pub(super) fn name_error(&mut self, text: String, name: &Ref<Str>) -> Raised {
        let class = self.exc.NameError.clone();
        let text = self.new_str(&text).into_value();
        let this = self.running_self();
        let e: Ref<Exception> = self.new_exception(&class, vec![text]);
        e.get_mut(self).extra = [Some(name.value().clone()), this].into_iter().flatten().collect();
        Raised(e.into_value())
    }

    /// The variable `self` of the running function.
    fn running_self(&mut self) -> Option<Value> {
        let code = &self.running_code().code;
        if !code.varnames().chain(&code.freevars).any(|n| **n == *"self") {
            return None;
        }
        let locals = self.current_locals().ok()?;
        let name = self.intern("self");
        locals.cast::<Dict>()?.clone().get_str(self, &name)
    }

    /// The error for an unbound local or cell in a register.
    #[cold]
    pub(super) fn unbound_local(&mut self, register: u16) -> Raised {
        let code = self.running_code();
        // SAFETY: `pc` was stored before, and is in the code.
        let pc = unsafe { (*self.thread.frame).pc.offset_from(code.instrs) } as u32;
        let name = code.code.register_name(register, pc.saturating_sub(1)).cloned();
        let name = name.map_or_else(String::new, |n| n.to_string());
        let name = self.intern(&name);
        if name.is(&self.names.__class__) {
            // The cell of a class body, where nobody can have put anything: for CPython it is not there at all.
            return self.undefined_name(&name);
        }
        let text = format!(
            "cannot access local variable '{}' where it is not associated with a value",
            name.get(self).to_string_lossy()
        );
        // Unlike a NameError, it does not know the name.
        let class = self.exc.UnboundLocalError.clone();
        self.raise_text(&class, &text)
    }

    /// The error for an empty free variable.
    #[cold]
    pub(super) fn unbound_free(&mut self, free: u16) -> Raised {
        let name = self.free_name(free);
        let text = format!(
            "cannot access free variable '{}' where it is not associated with a value in enclosing scope",
            name.get(self).to_string_lossy()
        );
        self.name_error(text, &name)
    }

    fn free_name(&mut self, free: u16) -> Ref<Str> {
        let name = self.running_code().code.freevars.get(free as usize).map_or_else(String::new, |n| n.to_string());
        self.intern(&name)
    }

    pub(super) fn store_global(&mut self, cache: usize, v: Value) {
        let g = self.running_function().globals.clone();
        let name = self.running_code().cache_name(cache);
        g.set_str(self, &name, v);
        let hash = self.str_hash(&name);
        if let Some(at) = g.get(self).find_str(hash, name.value()) {
            let id = self.dict_version(&g);
            self.running_code().caches[cache].set(InlineCache { id, index: at as u32, value: 0 });
        }
    }

    pub(super) fn delete_global(&mut self, cache: usize) -> R<()> {
        let name = self.running_code().cache_name(cache);
        let g = self.running_function().globals.clone();
        match g.del_str(self, &name) {
            Some(_) => Ok(()),
            None => Err(self.undefined_name(&name)),
        }
    }

    /// The mapping of the running frame's names: its own, or the globals.
    pub(super) fn frame_namespace(&mut self) -> Value {
        // SAFETY: something runs.
        let aux = unsafe { &(*self.thread.frame).aux };
        // SAFETY: as above.
        let in_generator = unsafe { !(*self.thread.frame).generator.is_null() };
        if in_generator || aux.is_undef() { self.running_function().globals.value().clone() } else { aux.clone() }
    }

    fn own_namespace(&self) -> Option<Value> {
        // SAFETY: something runs.
        let f = unsafe { &*self.thread.frame };
        if !f.generator.is_null() || f.aux.is_undef() { None } else { Some(f.aux.clone()) }
    }

    pub(super) fn load_name(&mut self, cache: usize) -> R {
        if let Some(ns) = self.own_namespace() {
            let name = self.running_code().cache_name(cache);
            if let Some(v) = self.mapping_get(&ns, &name)? {
                return Ok(v);
            }
        }
        self.load_global(cache)
    }

    /// `mapping[name]`, `None` when it is missing.
    fn mapping_get(&mut self, ns: &Value, name: &Ref<Str>) -> R<Option<Value>> {
        if let Some(d) = ns.cast::<Dict>()
            && d.header().layout().is_exact()
        {
            return Ok(d.get_str(self, name));
        }
        match self.get_item(ns, name.value()) {
            Ok(v) => Ok(Some(v)),
            Err(e) if self.raised_is(&e, &self.exc.KeyError.clone()) => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) fn store_name(&mut self, cache: usize, v: Value) -> R<()> {
        let Some(ns) = self.own_namespace() else {
            self.store_global(cache, v);
            return Ok(());
        };
        let name = self.running_code().cache_name(cache);
        if let Some(d) = ns.cast::<Dict>()
            && d.header().layout().is_exact()
        {
            d.set_str(self, &name, v);
            return Ok(());
        }
        self.set_item(&ns, name.into_value(), v)
    }

    pub(super) fn delete_name(&mut self, cache: usize) -> R<()> {
        let Some(ns) = self.own_namespace() else { return self.delete_global(cache) };
        let name = self.running_code().cache_name(cache);
        match self.del_item(&ns, name.value()) {
            Err(e) if self.raised_is(&e, &self.exc.KeyError.clone()) => Err(self.undefined_name(&name)),
            other => other,
        }
    }

    pub(super) fn load_from_dict_or_globals(&mut self, d: Value, name: usize) -> R {
        let name = self.running_code().name(name);
        if let Some(v) = self.mapping_get(&d, &name)? {
            return Ok(v);
        }
        let (g, b) = (self.running_function().globals.clone(), self.running_function().builtins.clone());
        if !g.header().layout().is_exact() || !b.header().layout().is_exact() {
            return self.load_global_by_item(&g, &b, &name);
        }
        match g.get_str(self, &name).or_else(|| b.get_str(self, &name)) {
            Some(v) => Ok(v),
            None => Err(self.undefined_name(&name)),
        }
    }

    // ---- cells ----

    /// The contents of a cell.
    #[inline(always)]
    pub(super) fn cell_value(&self, cell: &Value) -> Value {
        cell.cast::<CellObject>().map_or(Value::UNDEF, |c| c.get(self).value.clone())
    }

    /// Replaces the contents of a cell.
    #[inline(always)]
    pub(super) fn set_cell(&mut self, cell: &Value, v: Value) -> Value {
        match cell.cast::<CellObject>() {
            Some(c) => {
                let c = c.clone();
                std::mem::replace(&mut c.get_mut(self).value, v)
            }
            None => v,
        }
    }

    /// Cell number `i` of the running function's closure.
    #[inline(always)]
    pub(super) fn free_cell<'a>(&self, frame: *const Frame, i: u16) -> &'a Value {
        const NONE: &Value = &Value::UNDEF;
        // SAFETY: the function is alive while its frame exists, and its closure does not change while it runs.
        unsafe {
            match (*(*frame).func).closure.cast::<Tuple>() {
                Some(t) => (*t.as_ptr()).items().get(i as usize).unwrap_or(NONE),
                None => NONE,
            }
        }
    }

    pub(super) fn load_from_dict_or_deref(&mut self, d: Value, free: u16, cell: &Value) -> R {
        let name = self.free_name(free);
        if let Some(v) = self.mapping_get(&d, &name)? {
            return Ok(v);
        }
        let v = self.cell_value(cell);
        if v.is_undef() { Err(self.unbound_free(free)) } else { Ok(v) }
    }

    pub(super) fn load_from_dict_or_cell(&mut self, d: Value, register: u16, cell: &Value) -> R {
        let name = self.running_code().code.register_name(register, 0).map_or_else(String::new, |n| n.to_string());
        let name = self.intern(&name);
        if let Some(v) = self.mapping_get(&d, &name)? {
            return Ok(v);
        }
        let v = self.cell_value(cell);
        if v.is_undef() { Err(self.unbound_local(register)) } else { Ok(v) }
    }

    // ---- imports ----

    pub(super) fn import_name_op(&mut self, name: u16, level: Value, from: Value) -> R {
        let name = self.running_code().name(name as usize);
        let builtins = self.running_function().builtins.clone();
        let import = self.names.__import__.clone();
        let Some(f) = builtins.get_str(self, &import) else {
            return Err(self.import_error_text("__import__ not found"));
        };
        let globals = self.running_function().globals.value().clone();
        let locals = self.own_namespace().unwrap_or(Value::NONE);
        self.call(&f, &[name.into_value(), globals, locals, from, level])
    }

    pub(super) fn import_from_op(&mut self, module: &Value, name: u16) -> R {
        let name = self.running_code().name(name as usize);
        if let Some(v) = self.get_attr_opt(module, &name)? {
            return Ok(v);
        }
        crate::modules::import::import_from_missing(self, module, &name)
    }

    pub(super) fn import_star_op(&mut self, module: &Value) -> R<()> {
        let ns = self.frame_namespace();
        crate::modules::import::import_star(self, module, &ns)
    }

    /// `__annotations__` in the frame's namespace.
    pub(super) fn setup_annotations(&mut self) -> R<()> {
        let ns = self.frame_namespace();
        let name = self.names.__annotations__.clone();
        if self.mapping_get(&ns, &name)?.is_none() {
            let d = self.new_dict().into_value();
            self.set_item(&ns, name.into_value(), d)?;
        }
        Ok(())
    }

    pub(super) fn load_build_class(&mut self) -> R {
        let builtins = self.running_function().builtins.clone();
        let name = self.names.__build_class__.clone();
        match builtins.get_str(self, &name) {
            Some(v) => Ok(v),
            None => Err(self.name_error("__build_class__ not found".to_owned(), &name)),
        }
    }

    /// A fixed object of `LoadCommon`.
    pub(super) fn common_constant(&mut self, which: u16) -> Value {
        match which {
            0 => self.exc.AssertionError.value().clone(),
            1 => self.exc.NotImplementedError.value().clone(),
            2 => self.types.tuple.value().clone(),
            n => {
                let name = self.intern(if n == 3 { "all" } else { "any" });
                let b = self.builtins.clone();
                b.get_str(self, &name).unwrap_or(Value::NONE)
            }
        }
    }

    /// The module payload of a value, if it is one.
    pub fn as_module<'a>(&self, v: &'a Value) -> Option<&'a Ref<Module>> {
        v.cast::<Module>()
    }
}
