//! The cache behind `functools.lru_cache`.
//!
//! A bounded cache keeps its results in a slab whose entries are linked by age, so that a hit and an eviction both
//! take constant time. Invariant: `map` leads each key to its entry, and every entry in use is in the list once,
//! except while a key that is being dropped is still compared by script code.

use super::functools::descriptor_get;
use crate::heap_object;
use crate::objects::class::slots::INSTANCE_DICT;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

/// How much is kept.
#[derive(Clone, Copy, PartialEq)]
enum Limit {
    /// Everything.
    Unbounded,
    /// So many results; 0 means none at all.
    At(usize),
}

/// No entry.
const END: usize = usize::MAX;

/// One result in the list of ages.
struct Entry {
    key: Value,
    result: Value,
    older: usize,
    newer: usize,
}

/// The results of a bounded cache, linked from the oldest to the newest.
struct Ages {
    entries: Vec<Entry>,
    free: Vec<usize>,
    oldest: usize,
    newest: usize,
}

impl Default for Ages {
    fn default() -> Ages {
        Ages { entries: Vec::new(), free: Vec::new(), oldest: END, newest: END }
    }
}

impl Trace for Ages {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for e in &self.entries {
            e.key.trace(tracer);
            e.result.trace(tracer);
        }
    }
    fn clear(&mut self) {
        *self = Ages::default();
    }
}

impl Ages {
    /// Takes an entry out of the list; it stays in the slab.
    fn unlink(&mut self, at: usize) {
        let Some(e) = self.entries.get(at) else { return };
        let (older, newer) = (e.older, e.newer);
        match self.entries.get_mut(older) {
            Some(o) => o.newer = newer,
            None => self.oldest = newer,
        }
        match self.entries.get_mut(newer) {
            Some(n) => n.older = older,
            None => self.newest = older,
        }
    }

    /// Puts an entry that is not in the list at its young end.
    fn link(&mut self, at: usize) {
        let newest = self.newest;
        if let Some(e) = self.entries.get_mut(at) {
            (e.older, e.newer) = (newest, END);
        }
        match self.entries.get_mut(newest) {
            Some(n) => n.newer = at,
            None => self.oldest = at,
        }
        self.newest = at;
    }

    /// A hit: the result, which is the newest from now on.
    fn touch(&mut self, at: usize) -> Option<Value> {
        let result = self.entries.get(at)?.result.clone();
        if self.newest != at {
            self.unlink(at);
            self.link(at);
        }
        Some(result)
    }

    /// Adds a result as the newest and tells where it is.
    fn push(&mut self, key: Value, result: Value) -> usize {
        let entry = Entry { key, result, older: END, newer: END };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.link(at);
        at
    }

    /// Removes the oldest result: its key and itself.
    fn pop_oldest(&mut self) -> Option<(Value, Value)> {
        let at = self.oldest;
        if at >= self.entries.len() {
            return None;
        }
        self.unlink(at);
        self.free.push(at);
        let e = &mut self.entries[at];
        Some((std::mem::replace(&mut e.key, Value::UNDEF), std::mem::replace(&mut e.result, Value::UNDEF)))
    }
}

heap_object! {
    /// `functools._lru_cache_wrapper`.
    pub struct Cache {
        func: Value,
        info_type: Value,
        /// Leads a key to its result (unbounded) or to the number of its entry.
        map: Ref<Dict>,
        ages: Ages,
        hits: u64,
        misses: u64,
        typed: bool,
    }
    skip { limit: Limit }
    external = |this| this.ages.entries.capacity() * size_of::<Entry>();
}

heap_object! {
    /// The arguments of a call as a key: hashed once only.
    pub struct Key { parts: Vec<Value>, hash: u64 }
}

heap_object! {
    /// Separates positional from keyword arguments in keys; equal to nothing else.
    pub struct KeywordMark {}
}

#[derive(Default)]
struct State {
    mark: Option<Value>,
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw(
        "__new__(cls, user_function, maxsize, typed, cache_info_type)",
        "Create and return a new object.",
        cache_new,
    ),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Call self as a function.", cache_call),
    NativeDef::new(
        "__get__(self, instance, owner=None, /)",
        "Return an attribute of instance, which is of type owner.",
        descriptor_get,
    ),
    NativeDef::new("cache_info(self, /)", "Report cache statistics", cache_info),
    NativeDef::new("cache_clear(self, /)", "Clear the cache and cache statistics", cache_clear),
    NativeDef::new("__reduce__(self, /)", "", |vm, a| vm.get_attr_str(&a[0], "__qualname__")),
    NativeDef::new("__copy__(self, /)", "", |_, a| Ok(a[0].clone())),
    NativeDef::new("__deepcopy__(self, memo, /)", "", |_, a| Ok(a[0].clone())),
];

const KEY_METHODS: &[NativeDef] = &[
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let hash = vm.this::<Key>(a, "__hash__")?.get(vm).hash;
        Ok(vm.int(hash as i64))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", key_equal),
];

/// Makes the classes and gives the wrapper's.
///
/// # Errors
/// None in a sound build.
pub(super) fn define(vm: &mut Vm) -> R<Ref<Class>> {
    let flags = class_flag::BASE | class_flag::WEAKREF;
    let cache = vm.define_class_with_dict::<Cache>("functools", "_lru_cache_wrapper", None, flags)?;
    vm.extend_class(&cache, METHODS, &[INSTANCE_DICT]);
    let key = vm.define_class::<Key>("functools", "_lru_cache_key", None, class_flag::NO_NEW)?;
    vm.extend_class(&key, KEY_METHODS, &[]);
    vm.define_class::<KeywordMark>("functools", "_lru_cache_mark", None, class_flag::NO_NEW)?;
    let mark = vm.alloc(KeywordMark {}).into_value();
    vm.state::<State>().mark = Some(mark);
    Ok(cache)
}

fn cache_new(vm: &mut Vm, args: &Args<'_>) -> R {
    const NAMES: [&str; 4] = ["user_function", "maxsize", "typed", "cache_info_type"];
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let given = args.pos.get(1..).unwrap_or_default();
    let count = given.len() + args.kw_names.len();
    if count > NAMES.len() {
        return Err(vm.type_error(format!("lru_cache() takes at most 4 arguments ({count} given)")));
    }
    let mut bound = [Value::UNDEF, Value::UNDEF, Value::UNDEF, Value::UNDEF];
    bound[..given.len()].clone_from_slice(given);
    for (k, v) in args.keywords() {
        let name = vm.str_of(k);
        match NAMES.iter().position(|n| *n == name) {
            Some(i) if bound[i].is_undef() => bound[i] = v.clone(),
            Some(i) => {
                let text = format!("argument for lru_cache() given by name ('{name}') and position ({})", i + 1);
                return Err(vm.type_error(text));
            }
            None => return Err(vm.type_error(format!("lru_cache() got an unexpected keyword argument '{name}'"))),
        }
    }
    if let Some(i) = bound.iter().position(Value::is_undef) {
        let text = format!("lru_cache() missing required argument '{}' (pos {})", NAMES[i], i + 1);
        return Err(vm.type_error(text));
    }
    let [func, maxsize, typed, info_type] = bound;
    if !vm.is_callable(&func) {
        return Err(vm.type_error("the first argument must be callable"));
    }
    let typed = vm.truth(&typed)?;
    let limit = if maxsize.is_none() {
        Limit::Unbounded
    } else if vm.is_int(&maxsize) || vm.special(&maxsize, Special::Index).is_some() {
        Limit::At(usize::try_from(vm.index_i64(&maxsize)?).unwrap_or(0))
    } else {
        return Err(vm.type_error("maxsize should be integer or None"));
    };
    let map = vm.new_dict();
    let cache = Cache { func, info_type, map, ages: Ages::default(), hits: 0, misses: 0, typed, limit };
    Ok(vm.alloc_as(&class, cache).into())
}

/// The key of a call. A single plain int or string is its own key.
fn make_key(vm: &mut Vm, args: &Args<'_>, typed: bool) -> R {
    let given = args.pos.get(1..).unwrap_or_default();
    if let [only] = given
        && !typed
        && args.kw_names.is_empty()
        && (vm.is_exact(only, &vm.types.int) || vm.is_exact(only, &vm.types.str_))
    {
        return Ok(only.clone());
    }
    let mut parts = given.to_vec();
    if !args.kw_names.is_empty() {
        parts.extend(vm.state::<State>().mark.clone());
        for (k, v) in args.keywords() {
            parts.push(k.clone());
            parts.push(v.clone());
        }
    }
    if typed {
        let classes = given.iter().chain(args.kw_values).map(|v| vm.class_of(v).value().clone());
        parts.extend(classes.collect::<Vec<_>>());
    }
    let tuple = vm.tuple(parts.clone()).into_value();
    let hash = vm.hash(&tuple)?;
    Ok(vm.alloc(Key { parts, hash }).into())
}

fn key_equal(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Key>(a, "__eq__")?.get(vm);
    let Some(other) = arg_or_none(a, 1).cast::<Key>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let other = other.get(vm);
    if this.hash != other.hash || this.parts.len() != other.parts.len() {
        return Ok(Value::bool(false));
    }
    let pairs: Vec<(Value, Value)> = this.parts.iter().cloned().zip(other.parts.iter().cloned()).collect();
    for (x, y) in &pairs {
        if !vm.equal(x, y)? {
            return Ok(Value::bool(false));
        }
    }
    Ok(Value::bool(true))
}

fn cache_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = vm.this::<Cache>(args.pos, "__call__")?.clone();
    let c = this.get(vm);
    let (func, limit, typed, map) = (c.func.clone(), c.limit, c.typed, c.map.clone());
    let pass = Args { pos: args.pos.get(1..).unwrap_or_default(), ..*args };
    if limit == Limit::At(0) {
        this.get_mut(vm).misses += 1;
        return vm.call_kw(&func, &pass);
    }
    let key = make_key(vm, args, typed)?;
    if let Some(found) = map.get_item(vm, &key)? {
        let result = match limit {
            Limit::Unbounded => Some(found),
            Limit::At(_) => entry_number(vm, &found).and_then(|at| this.get_mut(vm).ages.touch(at)),
        };
        if let Some(result) = result {
            this.get_mut(vm).hits += 1;
            return Ok(result);
        }
    }
    this.get_mut(vm).misses += 1;
    let result = vm.call_kw(&func, &pass)?;
    match limit {
        Limit::Unbounded => map.set_item(vm, key, result.clone())?,
        Limit::At(most) => store(vm, &this, &map, key, &result, most)?,
    }
    Ok(result)
}

fn entry_number(vm: &Vm, v: &Value) -> Option<usize> {
    usize::try_from(vm.as_i64(v)?).ok()
}

/// Keeps a new result, at the expense of the oldest when the cache is full.
fn store(vm: &mut Vm, this: &Ref<Cache>, map: &Ref<Dict>, key: Value, result: &Value, most: usize) -> R<()> {
    // The function may have called itself with the same arguments.
    if map.get_item(vm, &key)?.is_some() {
        return Ok(());
    }
    if map.get(vm).len() >= most {
        let oldest = this.get_mut(vm).ages.pop_oldest();
        if let Some((old_key, old_result)) = oldest {
            // Not there: script code that compared keys emptied the cache meanwhile.
            if map.remove(vm, &old_key)?.is_none() {
                return Ok(());
            }
            drop(old_result);
        }
    }
    let at = this.get_mut(vm).ages.push(key.clone(), result.clone());
    map.set_item(vm, key, Value::len(at))
}

fn cache_info(vm: &mut Vm, a: &[Value]) -> R {
    let c = vm.this::<Cache>(a, "cache_info")?.get(vm);
    let size = c.map.get(vm).len();
    let (info_type, hits, misses, limit) = (c.info_type.clone(), c.hits, c.misses, c.limit);
    let most = match limit {
        Limit::Unbounded => Value::NONE,
        Limit::At(n) => Value::len(n),
    };
    let (hits, misses) = (vm.int_from(hits), vm.int_from(misses));
    vm.call(&info_type, &[hits, misses, most, Value::len(size)])
}

fn cache_clear(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<Cache>(a, "cache_clear")?;
    let map = this.get(vm).map.clone();
    let mut c = this.get_mut(vm);
    (c.hits, c.misses) = (0, 0);
    let ages = std::mem::take(&mut c.ages);
    drop(c);
    let results = map.get_mut(vm).take();
    drop((ages, results));
    Ok(Value::NONE)
}
