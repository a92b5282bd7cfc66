//! Making strings, bytes and the simplest containers: constructors, the table of interned strings, cached
//! characters, hashes, and the index of long texts that are not ASCII.
//!
//! Interned strings are compared by address all over the machine. The table owns a count of each; the cycle
//! collector drops those that nobody else holds. Invariant: a string with the `INTERNED` flag is in the table,
//! is exactly a `str`, and is the only one in it with its text.

use super::class::Class;
use super::class::LookupEntry;
use super::dict::Dict;
use super::names::Names;
use super::object::{Kind, Ref, flag};
use super::seq::List;
use super::str::{Bytes, Str, Tuple, count_chars};
use super::value::Value;
use super::{R, Vm};
use crate::text::gutf8::{self, Index};
use crate::text::hash::HashKey;
use crate::text::number::digits::{Digits, decimal_len};
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

/// Texts of fewer bytes are walked rather than indexed.
const INDEXED: usize = 192;
/// How many indices of texts are kept.
const INDICES: usize = 4;

/// The strings that the machine keeps for itself.
pub(super) struct Interner {
    /// Borrowed for one look or one change, during which no other is made.
    table: RefCell<Table>,
    key: HashKey,
    empty: Option<Ref<Str>>,
    empty_bytes: Option<Ref<Bytes>>,
    empty_tuple: Option<Value>,
    /// The strings of one Latin-1 character, made when first needed. Interning takes them for what they say.
    chars: [OnceCell<Value>; 256],
    /// The `bytes` of one byte, made when first needed.
    bytes: [OnceCell<Value>; 256],
    /// The last texts that were indexed, newest first.
    indices: Vec<(Ref<Str>, Arc<Index>)>,
}

/// The interned strings.
struct Table {
    /// Linear probing by hash; `UNDEF` is empty. The length is a power of two.
    slots: Vec<Value>,
    used: usize,
    /// Interned strings at which the next sweep is due.
    sweep_at: usize,
}

impl Interner {
    pub(super) fn new(hash_seed: u64) -> Interner {
        Interner {
            table: RefCell::new(Table { slots: vec![Value::UNDEF; 2048], used: 0, sweep_at: 4096 }),
            key: HashKey::new(hash_seed),
            empty: None,
            empty_bytes: None,
            empty_tuple: None,
            chars: [const { OnceCell::new() }; 256],
            bytes: [const { OnceCell::new() }; 256],
            indices: Vec::new(),
        }
    }
}

impl Table {
    /// The slot of a text, or the empty one where it belongs.
    fn find(&self, vm: &Vm, hash: u64, text: &[u8]) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (hash ^ (hash >> 29)) as usize & mask;
        loop {
            match self.slots[at].cast::<Str>() {
                None => return at,
                Some(s) => {
                    let s = s.get(vm);
                    if s.hash.get() == hash && s.as_bytes() == text {
                        return at;
                    }
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Puts strings with known hashes into a table of this size.
    fn rebuild(&mut self, strings: Vec<Value>, len: usize) {
        self.used = strings.len();
        self.slots = vec![Value::UNDEF; len];
        let mask = len - 1;
        for s in strings {
            let hash = match s.cast::<Str>() {
                // SAFETY: the string is alive, and nothing changes its hash.
                Some(s) => unsafe { (*s.as_ptr()).hash.get() },
                None => continue,
            };
            let mut at = (hash ^ (hash >> 29)) as usize & mask;
            while !self.slots[at].is_undef() {
                at = (at + 1) & mask;
            }
            self.slots[at] = s;
        }
    }

    fn grow(&mut self) {
        if (self.used + 1) * 2 > self.slots.len() {
            let len = self.slots.len() * 2;
            let strings = std::mem::take(&mut self.slots).into_iter().filter(|s| !s.is_undef()).collect();
            self.rebuild(strings, len);
        }
    }
}

impl Vm {
    // ---- strings ----

    /// A string.
    #[inline]
    pub fn new_str(&self, text: &str) -> Ref<Str> {
        self.new_str_bytes(text.as_bytes())
    }

    /// A string, from generalized UTF-8.
    #[inline]
    pub fn new_str_bytes(&self, text: &[u8]) -> Ref<Str> {
        if text.len() <= 2 {
            return self.short_str(text);
        }
        self.heap.alloc_str(self.str_layout(), text, count_chars(text))
    }

    /// A string of the bytes from `start` to `stop` of another one, which begin and end with whole code points.
    #[inline]
    pub fn str_part(&self, s: &Ref<Str>, start: usize, stop: usize) -> Value {
        let text = s.get(self);
        let part = text.as_bytes().get(start..stop).unwrap_or_default();
        if part.len() <= 2 {
            return self.short_str(part).into_value();
        }
        let chars = if text.is_ascii() { part.len() } else { count_chars(part) };
        self.heap.alloc_str(self.str_layout(), part, chars).into_value()
    }

    /// The string with its letters made small or large, if it is ASCII.
    pub fn ascii_cased(&self, s: &Ref<Str>, upper: bool) -> Option<Value> {
        let text = s.get(self);
        if !text.is_ascii() {
            return None;
        }
        if text.byte_len() <= 2 {
            let mut text = text.as_bytes().to_vec();
            if upper {
                text.make_ascii_uppercase()
            } else {
                text.make_ascii_lowercase()
            }
            return Some(self.short_str(&text).into_value());
        }
        let map = |text: &mut [u8]| if upper { text.make_ascii_uppercase() } else { text.make_ascii_lowercase() };
        Some(self.heap.alloc_str_mapped(self.str_layout(), text.as_bytes(), map).into_value())
    }

    /// The strings, joined by another one; none when one of them is something else.
    pub fn joined(&self, separator: &Ref<Str>, items: &[Value]) -> Option<Value> {
        let by = separator.get(self);
        let gaps = items.len().saturating_sub(1);
        let (mut len, mut chars) = (gaps * by.byte_len(), gaps * by.char_len());
        for item in items {
            let part = item.cast::<Str>()?.get(self);
            len += part.byte_len();
            chars += part.char_len();
        }
        if len <= 2 {
            let parts: Vec<&[u8]> =
                items.iter().filter_map(|v| v.cast::<Str>()).map(|s| s.get(self).as_bytes()).collect();
            return Some(self.short_str(&parts.join(by.as_bytes())).into_value());
        }
        let by = by.as_bytes();
        let joined = self.heap.alloc_str_filled(self.str_layout(), len, chars, |out| {
            for (i, item) in items.iter().enumerate() {
                if i > 0 && !by.is_empty() {
                    out.push(by);
                }
                if let Some(part) = item.cast::<Str>() {
                    out.push(part.get(self).as_bytes());
                }
            }
        });
        Some(joined.into_value())
    }

    /// The string of what `write` appends to a buffer, which is used again and again.
    ///
    /// # Errors
    /// What `write` fails with.
    pub fn written<E>(&mut self, write: impl FnOnce(&mut Vm, &mut Vec<u8>) -> Result<(), E>) -> Result<Ref<Str>, E> {
        /// Larger buffers are not kept.
        const MOST_KEPT: usize = 1 << 12;
        let mut out = std::mem::take(&mut self.scratch);
        let result = write(self, &mut out);
        let made = result.map(|()| self.new_str_bytes(&out));
        if out.capacity() <= MOST_KEPT {
            out.clear();
            self.scratch = out;
        }
        made
    }

    /// The decimal digits of an int.
    #[inline]
    pub fn int_str(&self, i: i64) -> Ref<Str> {
        if let 0..=9 = i {
            return Ref::from_value_unchecked(self.latin1_char(b'0' + i as u8));
        }
        let digits = Digits::decimal(i);
        let text = digits.as_bytes();
        self.heap.alloc_str(self.str_layout(), text, text.len())
    }

    /// `repr` of a float.
    pub fn float_str(&self, x: f64) -> Ref<Str> {
        let mut text = Vec::with_capacity(24);
        crate::text::number::float_text::push_repr(&mut text, x);
        self.heap.alloc_str(self.str_layout(), &text, text.len())
    }

    /// Joins the parts of a formatted string: strings and small ints.
    ///
    /// # Errors
    /// MemoryError.
    pub(super) fn join_pieces(&mut self, parts: &[Value]) -> R<Ref<Str>> {
        let (mut len, mut chars) = (0, 0);
        for part in parts {
            if let Some(s) = part.cast::<Str>() {
                let s = s.get(self);
                len += s.byte_len();
                chars += s.char_len();
            } else if let Some(i) = part.as_small_int() {
                let n = decimal_len(i);
                len += n;
                chars += n;
            }
        }
        if len > 1 << 20 {
            self.check_alloc(len)?;
        }
        Ok(self.heap.alloc_str_filled(self.str_layout(), len, chars, |out| {
            for part in parts {
                if let Some(s) = part.cast::<Str>() {
                    out.push(s.get(self).as_bytes());
                } else if let Some(i) = part.as_small_int() {
                    out.push(Digits::decimal(i).as_bytes());
                }
            }
        }))
    }

    /// A string, from the generalized UTF-8 of its parts.
    pub fn new_str_parts(&self, parts: &[&[u8]]) -> Ref<Str> {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        if len <= 2 {
            return self.short_str(&parts.concat());
        }
        let chars = parts.iter().map(|p| count_chars(p)).sum();
        self.heap.alloc_str_parts(self.str_layout(), parts, chars)
    }

    /// A string of two strings, joined.
    #[inline]
    pub fn concat_str(&self, a: &Ref<Str>, b: &Ref<Str>) -> Ref<Str> {
        let (x, y) = (a.get(self), b.get(self));
        if x.byte_len() + y.byte_len() <= 2 {
            return self.new_str_parts(&[x.as_bytes(), y.as_bytes()]);
        }
        let chars = x.char_len() + y.char_len();
        self.heap.alloc_str_pair(self.str_layout(), x.as_bytes(), y.as_bytes(), chars)
    }

    #[inline(always)]
    fn str_layout(&self) -> &super::layout::Layout {
        // SAFETY: the layout of `str` is set first of all and lives as long as the machine.
        unsafe { &*self.kind_layouts[Kind::Str as usize] }
    }

    fn short_str(&self, text: &[u8]) -> Ref<Str> {
        match *text {
            [] => self.empty_str(),
            [b] if b < 0x80 => Ref::from_value_unchecked(self.latin1_char(b)),
            [a @ 0xC2..=0xC3, b] => Ref::from_value_unchecked(self.latin1_char(((a & 3) << 6) | (b & 0x3F))),
            _ => self.heap.alloc_str_parts(self.str_layout(), &[text], count_chars(text)),
        }
    }

    /// The empty string.
    pub fn empty_str(&self) -> Ref<Str> {
        match &self.interner.empty {
            Some(s) => s.clone(),
            None => self.heap.alloc_str_parts(self.str_layout(), &[], 0),
        }
    }

    /// The string of one Latin-1 character.
    #[inline(always)]
    pub(super) fn latin1_char(&self, b: u8) -> Value {
        match self.interner.chars[b as usize].get() {
            Some(made) => made.clone(),
            None => self.first_char(b),
        }
    }

    /// The same, if it was met before.
    #[inline(always)]
    pub(super) fn known_char(&self, b: u8) -> Option<Value> {
        self.interner.chars[b as usize].get().cloned()
    }

    #[cold]
    fn first_char(&self, b: u8) -> Value {
        self.interner.chars[b as usize].get_or_init(|| self.make_char(u32::from(b))).clone()
    }

    /// The cached string of a text that is one Latin-1 character.
    fn char_of(&self, text: &[u8]) -> Option<Ref<Str>> {
        matches!(text, [..0x80] | [0xC2..=0xC3, _]).then(|| self.short_str(text))
    }

    fn make_char(&self, cp: u32) -> Value {
        let mut text = Vec::with_capacity(4);
        gutf8::push(&mut text, cp);
        self.heap.alloc_str_parts(self.str_layout(), &[&text], 1).into()
    }

    /// A string of one code point.
    #[inline]
    pub fn new_char(&self, cp: u32) -> Value {
        if cp < 256 { self.latin1_char(cp as u8) } else { self.make_char(cp) }
    }

    /// Interns the machine's names and makes the empty string and tuple that are shared.
    pub(super) fn fill_names(&mut self) {
        let names = Names::intern_all(self);
        self.names.fill(&names);
        self.interner.empty_tuple = Some(self.empty_tuple());
        self.interner.empty = Some(self.intern(""));
    }

    /// The text of a `str` (or an instance of a subclass), with U+FFFD for lone surrogates; empty for other values.
    pub fn str_of(&self, v: &Value) -> String {
        v.cast::<Str>().map(|s| s.get(self).to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Whether the value is a `str`, of a subclass perhaps, with this text.
    pub fn str_is(&self, v: &Value, text: &str) -> bool {
        v.cast::<Str>().is_some_and(|s| s.get(self).as_bytes() == text.as_bytes())
    }

    // ---- bytes ----

    /// A `bytes` object.
    pub fn new_bytes(&self, bytes: &[u8]) -> Ref<Bytes> {
        self.new_bytes_parts(&[bytes])
    }

    /// A `bytes` object of these parts, joined.
    pub fn new_bytes_parts(&self, parts: &[&[u8]]) -> Ref<Bytes> {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        if len == 0
            && let Some(b) = &self.interner.empty_bytes
        {
            return b.clone();
        }
        if len == 1 {
            let b = parts.iter().find_map(|p| p.first()).copied().unwrap_or_default();
            let shared = self.interner.bytes[b as usize]
                .get_or_init(|| self.heap.alloc_bytes_parts(self.bytes_layout(), &[&[b]]).into_value());
            return Ref::from_value_unchecked(shared.clone());
        }
        self.heap.alloc_bytes_parts(self.bytes_layout(), parts)
    }

    fn bytes_layout(&self) -> &super::layout::Layout {
        // SAFETY: layouts of built-in classes live as long as the machine.
        unsafe { &*self.kind_layouts[Kind::Bytes as usize] }
    }

    /// Makes the empty `bytes` object, which is shared.
    pub(super) fn fill_bytes_cache(&mut self) {
        self.interner.empty_bytes = Some(self.new_bytes(b""));
    }

    // ---- containers ----

    /// A tuple.
    #[inline]
    pub fn tuple(&self, items: Vec<Value>) -> Ref<Tuple> {
        if items.is_empty()
            && let Ok(t) = self.empty_tuple().try_into_ref()
        {
            return t;
        }
        self.heap.alloc_tuple(self.tuple_layout(), items.into_iter())
    }

    /// A tuple of copies of values.
    pub fn tuple_of_copies(&self, items: &[Value]) -> Ref<Tuple> {
        if items.is_empty() {
            return self.tuple(Vec::new());
        }
        self.heap.alloc_tuple(self.tuple_layout(), items.iter().cloned())
    }

    /// A tuple of copies of the values of two sequences, one behind the other; not both are empty.
    pub fn joined_tuple(&self, first: &[Value], second: &[Value]) -> Ref<Tuple> {
        let at = |i: usize| first.get(i).or_else(|| second.get(i - first.len())).cloned();
        let items = (0..first.len() + second.len()).map(|i| at(i).unwrap_or(Value::NONE));
        self.heap.alloc_tuple(self.tuple_layout(), items)
    }

    /// The empty tuple.
    pub fn empty_tuple(&self) -> Value {
        match &self.interner.empty_tuple {
            Some(t) => t.clone(),
            None => self.heap.alloc_tuple(self.tuple_layout(), std::iter::empty()).into(),
        }
    }

    /// A tuple of two.
    #[inline]
    pub fn pair(&self, items: [Value; 2]) -> Value {
        self.heap.alloc_tuple(self.tuple_layout(), items.into_iter()).into()
    }

    /// A tuple of two, which stays in `last` as well: when nobody else holds the one that is there, it is filled anew.
    /// Iterators give their items so, whose pairs mostly do not live longer than one round of a loop.
    #[inline]
    pub fn pair_again(&mut self, last: &mut Value, items: [Value; 2]) -> Value {
        match last.cast::<Tuple>() {
            Some(t) if t.header().is_unique() && t.get(self).items().len() == 2 => {
                for (place, item) in t.get_mut(self).items_mut().iter_mut().zip(items) {
                    *place = item;
                }
            }
            _ => *last = self.pair(items),
        }
        last.clone()
    }

    /// A tuple of some items, at least one.
    #[inline]
    pub fn tuple_of<const N: usize>(&self, items: [Value; N]) -> Value {
        self.heap.alloc_tuple(self.tuple_layout(), items.into_iter()).into()
    }

    /// A tuple of the class, a subclass of `tuple`.
    pub fn tuple_as(&self, class: &Ref<Class>, items: Vec<Value>) -> Ref<Tuple> {
        if class.is(&self.types.tuple) || class.get(self).vtable.kind != Kind::Tuple {
            return self.tuple(items);
        }
        self.heap.alloc_tuple(class.get(self).root_layout(), items.into_iter())
    }

    /// A string of the class, a subclass of `str`.
    pub fn str_as(&self, class: &Ref<Class>, text: &[u8]) -> Ref<Str> {
        if class.is(&self.types.str_) || class.get(self).vtable.kind != Kind::Str {
            return self.new_str_bytes(text);
        }
        self.heap.alloc_str_parts(class.get(self).root_layout(), &[text], count_chars(text))
    }

    /// A `bytes` object of the class, a subclass of `bytes`.
    pub fn bytes_as(&self, class: &Ref<Class>, bytes: &[u8]) -> Ref<Bytes> {
        if class.is(&self.types.bytes) || class.get(self).vtable.kind != Kind::Bytes {
            return self.new_bytes(bytes);
        }
        self.heap.alloc_bytes_parts(class.get(self).root_layout(), &[bytes])
    }

    #[inline(always)]
    fn tuple_layout(&self) -> &super::layout::Layout {
        // SAFETY: the layout of `tuple` is set first of all and lives as long as the machine.
        unsafe { &*self.kind_layouts[Kind::Tuple as usize] }
    }

    /// A list.
    #[inline]
    pub fn list(&self, items: Vec<Value>) -> Ref<List> {
        self.alloc(List { items })
    }

    /// An empty dict.
    pub fn new_dict(&self) -> Ref<Dict> {
        self.alloc(Dict::default())
    }

    // ---- hashes ----

    /// The hash of a string's text; for an instance of a subclass too, whatever its `__hash__`.
    #[inline(always)]
    pub fn str_hash(&self, s: &Ref<Str>) -> u64 {
        let s = s.get(self);
        let hash = s.hash.get();
        if hash != 0 { hash } else { self.compute_hash(s) }
    }

    #[cold]
    fn compute_hash(&self, s: &Str) -> u64 {
        let hash = self.hash_bytes(s.as_bytes());
        s.hash.set(hash);
        hash
    }

    /// The hash of text or bytes.
    pub fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        match self.interner.key.hash(bytes) as u64 {
            // 0 means "not computed yet"; only the empty text keeps it.
            0 if !bytes.is_empty() => 1,
            hash => hash,
        }
    }

    /// The hash of a `bytes` object.
    pub fn bytes_hash(&self, b: &Ref<Bytes>) -> u64 {
        let b = b.get(self);
        if b.hash.get() == 0 {
            b.hash.set(self.hash_bytes(b.as_bytes()));
        }
        b.hash.get()
    }

    // ---- interning ----

    /// The one string with this text that names are compared with by address.
    pub fn intern(&self, text: &str) -> Ref<Str> {
        let hash = self.hash_bytes(text.as_bytes());
        let at = match self.interned(hash, text.as_bytes()) {
            Ok(s) => return s,
            Err(at) => at,
        };
        let text = text.as_bytes();
        let s = match self.char_of(text) {
            Some(shared) => shared,
            None => self.heap.alloc_str_parts(self.str_layout(), &[text], count_chars(text)),
        };
        self.str_hash(&s);
        self.insert_interned(at, &s);
        s
    }

    /// The interned string with a text, or the empty slot where it belongs.
    #[inline]
    fn interned(&self, hash: u64, text: &[u8]) -> Result<Ref<Str>, usize> {
        let table = self.interner.table.borrow();
        let at = table.find(self, hash, text);
        table.slots[at].cast::<Str>().cloned().ok_or(at)
    }

    /// The interned string with the text of `s`, which becomes it if there is none yet.
    #[inline]
    pub fn intern_value(&self, s: &Ref<Str>) -> Ref<Str> {
        if s.header().has_flag(flag::INTERNED) { s.clone() } else { self.intern_slow(s) }
    }

    fn intern_slow(&self, s: &Ref<Str>) -> Ref<Str> {
        let hash = self.str_hash(s);
        let at = match self.interned(hash, s.get(self).as_bytes()) {
            Ok(found) => return found,
            Err(at) => at,
        };
        let s = if let Some(shared) = self.char_of(s.get(self).as_bytes()) {
            self.str_hash(&shared);
            shared
        } else if s.header().layout().is_exact() {
            s.clone()
        } else {
            let copy = {
                let text = s.get(self);
                self.heap.alloc_str_parts(self.str_layout(), &[text.as_bytes()], text.char_len())
            };
            self.str_hash(&copy);
            copy
        };
        self.insert_interned(at, &s);
        s
    }

    /// Makes sure that the system has memory for another name.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub(super) fn check_interner(&mut self) -> R<()> {
        let table = self.interner.table.get_mut();
        let slots = table.slots.len();
        if (table.used + 2) * 2 <= slots {
            return Ok(());
        }
        // While the larger table is made there are the smaller one and a list of the names besides.
        self.check_growth(0, 0, slots * 3, size_of::<Value>())
    }

    fn insert_interned(&self, at: usize, s: &Ref<Str>) {
        s.header().set_flag(flag::INTERNED);
        let mut table = self.interner.table.borrow_mut();
        table.slots[at] = s.value().clone();
        table.used += 1;
        table.grow();
        if table.used > table.sweep_at {
            // Names that scripts make up (`getattr(x, f"…")`) must not pile up until the next collection.
            table.sweep_at = table.used * 2;
            self.gc.request_sweep();
            // The next checkpoint looks.
            self.heap.young.set(usize::MAX / 2);
        }
    }

    /// Drops the interned strings, and the indices of texts, that nobody else refers to.
    pub(super) fn sweep_interned(&mut self) {
        self.interner.indices.retain(|(s, _)| s.header().ref_count() > 1);
        let table = self.interner.table.get_mut();
        let mut dead = Vec::new();
        let mut live = Vec::with_capacity(table.used);
        for s in std::mem::take(&mut table.slots) {
            match s.header() {
                None => {}
                Some(h) if h.ref_count() == 1 => {
                    h.clear_flag(flag::INTERNED);
                    dead.push(s);
                }
                Some(_) => live.push(s),
            }
        }
        let len = (live.len() * 4).next_power_of_two().max(2048);
        table.sweep_at = (live.len() * 2).max(4096);
        table.rebuild(live, len);
        if !dead.is_empty() {
            // The cache knows names by address, and the addresses will be used again.
            self.lookup_cache.iter().for_each(|e| e.set(LookupEntry::EMPTY));
        }
    }

    // ---- code points ----

    /// The index of a text's code points, for texts that are not ASCII and so long that walking is slow.
    pub fn code_point_index(&mut self, s: &Ref<Str>) -> Option<Arc<Index>> {
        let text = s.get(self);
        if text.is_ascii() || text.byte_len() < INDEXED {
            return None;
        }
        if let Some(at) = self.interner.indices.iter().position(|(t, _)| t.is(s)) {
            if at > 0 {
                self.interner.indices.swap(at, at - 1);
            }
            return self.interner.indices.get(at.saturating_sub(1)).map(|(_, i)| i.clone());
        }
        let index = Arc::new(Index::build(s.get(self).as_bytes()));
        self.interner.indices.truncate(INDICES - 1);
        self.interner.indices.insert(0, (s.clone(), index.clone()));
        Some(index)
    }

    /// The code point at a position, if there is one.
    #[inline]
    pub fn char_at(&mut self, s: &Ref<Str>, at: usize) -> Option<u32> {
        let text = s.get(self);
        if text.is_ascii() {
            return text.as_bytes().get(at).map(|&b| u32::from(b));
        }
        if at >= text.char_len() {
            return None;
        }
        let index = self.code_point_index(s);
        gutf8::get(s.get(self).as_bytes(), index.as_deref(), at)
    }

    /// The part of a string between two positions, `start <= stop`.
    pub fn str_slice(&mut self, s: &Ref<Str>, start: usize, stop: usize) -> Ref<Str> {
        let text = s.get(self);
        if start == 0 && stop >= text.char_len() && s.header().layout().is_exact() {
            return s.clone();
        }
        if text.is_ascii() {
            let stop = stop.min(text.byte_len());
            return Ref::from_value_unchecked(self.str_part(s, start, stop));
        }
        let index = self.code_point_index(s);
        let text = s.get(self);
        self.new_str_bytes(gutf8::slice(text.as_bytes(), index.as_deref(), start, stop.min(text.char_len())))
    }
}
