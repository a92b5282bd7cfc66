//! Text and bytes objects: their bytes lie in the object itself, after the fields.
//!
//! Text is generalized UTF-8: UTF-8 that may also encode surrogates, each by itself. A string that is all
//! ASCII is indexed directly; for other text `Vm` keeps an index of code points, built when first needed.

use super::heap::Heap;
use super::layout::Layout;
use super::object::{Header, Kind, Object, Ref, Trace, Tracer, traces_nothing};
use super::value::Value;
use std::cell::Cell;

/// The payload of `str`.
#[repr(C)]
pub struct Str {
    /// 0 until computed.
    pub(super) hash: Cell<u64>,
    len: usize,
    chars: usize,
}

/// The payload of `bytes`.
#[repr(C)]
pub struct Bytes {
    /// 0 until computed.
    pub(super) hash: Cell<u64>,
    len: usize,
}

traces_nothing!(Str, Bytes);

impl Object for Str {
    const KIND: Kind = Kind::Str;
}

impl Object for Bytes {
    const KIND: Kind = Kind::Bytes;
}

/// The bytes behind a payload of type `T` at `this`.
#[inline(always)]
unsafe fn tail<'a, T>(this: &T, len: usize) -> &'a [u8] {
    let start = this as *const T as usize + size_of::<T>();
    // SAFETY: the caller says that `len` bytes follow the payload in the same block.
    unsafe { std::slice::from_raw_parts(start as *const u8, len) }
}

impl Str {
    /// The text in generalized UTF-8.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: every `Str` is made by `alloc_str`, with its bytes behind it.
        unsafe { tail(self, self.len) }
    }

    /// The text, if it holds no lone surrogates.
    #[inline]
    pub fn to_str(&self) -> Option<&str> {
        if self.is_ascii() {
            // SAFETY: ASCII is UTF-8.
            return Some(unsafe { std::str::from_utf8_unchecked(self.as_bytes()) });
        }
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The text, with U+FFFD for lone surrogates.
    pub fn to_string_lossy(&self) -> std::borrow::Cow<'_, str> {
        match self.to_str() {
            Some(s) => s.into(),
            None => String::from_utf8_lossy(self.as_bytes()),
        }
    }

    /// Whether every character is ASCII.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.len == self.chars
    }

    /// Length in code points.
    #[inline(always)]
    pub fn char_len(&self) -> usize {
        self.chars
    }

    /// Length in bytes of UTF-8.
    #[inline(always)]
    pub fn byte_len(&self) -> usize {
        self.len
    }
}

impl Bytes {
    /// The bytes.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: every `Bytes` is made by `alloc_bytes`, with its bytes behind it.
        unsafe { tail(self, self.len) }
    }
}

impl Ref<Str> {
    /// The text, without borrowing the machine.
    ///
    /// Texts never change, but for `s += t` where the only count is that of the variable: it is borrowed exclusively
    /// then, and here somebody else has one.
    #[inline(always)]
    pub fn pinned(&self) -> &[u8] {
        // SAFETY: the handle keeps the string alive; see above why nobody changes it.
        unsafe { (*self.as_ptr()).as_bytes() }
    }
}

/// Whether all bytes are ASCII: for texts that are mostly short.
#[inline]
pub fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |seen, b| seen | b) < 0x80;
    };
    if bytes.len() > 64 {
        return bytes.is_ascii();
    }
    let (words, _) = bytes.as_chunks::<8>();
    let seen = words.iter().fold(u64::from_ne_bytes(*last), |seen, w| seen | u64::from_ne_bytes(*w));
    seen & HIGH == 0
}

/// Counts the code points of generalized UTF-8.
#[inline]
pub fn count_chars(bytes: &[u8]) -> usize {
    if is_ascii(bytes) { bytes.len() } else { count_chars_slowly(bytes) }
}

#[inline(never)]
fn count_chars_slowly(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count()
}

/// Where the text of a new string is written; it takes no more than it has room for.
pub(super) struct Filler {
    at: *mut u8,
    left: usize,
}

impl Filler {
    /// Appends bytes.
    #[inline(always)]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(self.left);
        // SAFETY: at least `n` bytes are left; the source is another object.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, n);
            self.at = self.at.add(n);
        }
        self.left -= n;
    }
}

impl Heap {
    /// A string of `len` bytes, `chars` code points, that `fill` writes; bytes that it leaves out are zeros.
    #[inline(always)]
    pub(super) fn alloc_str_filled(
        &self,
        layout: &Layout,
        len: usize,
        chars: usize,
        fill: impl FnOnce(&mut Filler),
    ) -> Ref<Str> {
        let p = self.allocate(layout, Kind::Str, size_of::<Str>() + len);
        // SAFETY: the block has room for the fields and `len` bytes.
        unsafe {
            let payload = Header::payload::<Str>(p);
            payload.write(Str { hash: Cell::new(0), len, chars });
            let mut filler = Filler { at: payload.add(1).cast::<u8>(), left: len };
            fill(&mut filler);
            if filler.left > 0 {
                std::ptr::write_bytes(filler.at, 0, filler.left);
            }
        }
        Ref::from_value_unchecked(Value::from_ptr(p))
    }

    /// A string. `chars` is its length in code points.
    #[inline(always)]
    pub(super) fn alloc_str(&self, layout: &Layout, text: &[u8], chars: usize) -> Ref<Str> {
        let p = self.allocate(layout, Kind::Str, size_of::<Str>() + text.len());
        // SAFETY: the block has room for the fields and the text.
        unsafe {
            let payload = Header::payload::<Str>(p);
            payload.write(Str { hash: Cell::new(0), len: text.len(), chars });
            std::ptr::copy_nonoverlapping(text.as_ptr(), payload.add(1).cast::<u8>(), text.len());
        }
        Ref::from_value_unchecked(Value::from_ptr(p))
    }

    /// An ASCII string whose bytes are those of another one, each changed by `map`, which gives ASCII for ASCII.
    #[inline(always)]
    pub(super) fn alloc_str_mapped(&self, layout: &Layout, text: &[u8], map: impl FnOnce(&mut [u8])) -> Ref<Str> {
        let s = self.alloc_str(layout, text, text.len());
        // SAFETY: nobody else knows the string yet.
        unsafe {
            let payload = s.as_ptr();
            map(std::slice::from_raw_parts_mut(payload.add(1).cast::<u8>(), text.len()));
        }
        s
    }

    /// A string of these parts, joined. `chars` is their length in code points.
    pub(super) fn alloc_str_parts(&self, layout: &Layout, parts: &[&[u8]], chars: usize) -> Ref<Str> {
        let len = parts.iter().map(|p| p.len()).sum();
        self.alloc_str_filled(layout, len, chars, |out| parts.iter().for_each(|part| out.push(part)))
    }

    /// A string of two parts. `chars` is their length in code points.
    #[inline(always)]
    pub(super) fn alloc_str_pair(&self, layout: &Layout, a: &[u8], b: &[u8], chars: usize) -> Ref<Str> {
        self.alloc_str_filled(layout, a.len() + b.len(), chars, |out| {
            out.push(a);
            out.push(b);
        })
    }

    /// A bytes object of these parts, joined.
    pub(super) fn alloc_bytes_parts(&self, layout: &Layout, parts: &[&[u8]]) -> Ref<Bytes> {
        let len = parts.iter().map(|p| p.len()).sum();
        let p = self.allocate(layout, Kind::Bytes, size_of::<Bytes>() + len);
        // SAFETY: the block has room for the fields and `len` bytes.
        unsafe {
            let payload = Header::payload::<Bytes>(p);
            payload.write(Bytes { hash: Cell::new(0), len });
            let mut at = payload.add(1).cast::<u8>();
            for part in parts {
                std::ptr::copy_nonoverlapping(part.as_ptr(), at, part.len());
                at = at.add(part.len());
            }
        }
        Ref::from_value_unchecked(Value::from_ptr(p))
    }

    /// Appends to a string that has no other reference, in its own block, if there is room.
    ///
    /// `target` must be an exact, uninterned `str` with a count of one.
    #[inline]
    pub(super) fn append_in_place(&self, target: &Value, more: &[u8], more_chars: usize) -> bool {
        let p = target.ptr();
        // SAFETY: the only reference is the caller's, and capacity is checked before writing.
        unsafe {
            let payload = Header::payload::<Str>(p);
            let len = (*payload).len;
            if size_of::<Str>() + len + more.len() > Heap::payload_capacity(p) {
                return false;
            }
            let at = payload.add(1).cast::<u8>().add(len);
            std::ptr::copy_nonoverlapping(more.as_ptr(), at, more.len());
            (*payload).len += more.len();
            (*payload).chars += more_chars;
            (*payload).hash.set(0);
        }
        true
    }

    /// A string with room to grow: for `s += t` in a loop.
    pub(super) fn alloc_str_growing(&self, layout: &Layout, a: &[u8], b: &[u8], chars: usize) -> Ref<Str> {
        let len = a.len() + b.len();
        let room = len + len / 4 + 16;
        let p = self.allocate(layout, Kind::Str, size_of::<Str>() + room);
        // SAFETY: the block has room for the fields and both parts.
        unsafe {
            let payload = Header::payload::<Str>(p);
            payload.write(Str { hash: Cell::new(0), len, chars });
            let at = payload.add(1).cast::<u8>();
            std::ptr::copy_nonoverlapping(a.as_ptr(), at, a.len());
            std::ptr::copy_nonoverlapping(b.as_ptr(), at.add(a.len()), b.len());
        }
        Ref::from_value_unchecked(Value::from_ptr(p))
    }
}

/// The payload of `tuple`: the items follow the length.
#[repr(C)]
pub struct Tuple {
    len: usize,
}

impl Object for Tuple {
    const KIND: Kind = Kind::Tuple;
}

impl Tuple {
    /// The items.
    #[inline(always)]
    pub fn items(&self) -> &[Value] {
        let start = self as *const Tuple as usize + size_of::<Tuple>();
        // SAFETY: every `Tuple` is made by `alloc_tuple`, with its items behind it.
        unsafe { std::slice::from_raw_parts(start as *const Value, self.len) }
    }

    pub(super) fn items_mut(&mut self) -> &mut [Value] {
        let start = self as *mut Tuple as usize + size_of::<Tuple>();
        // SAFETY: as above; `&mut self` makes it exclusive.
        unsafe { std::slice::from_raw_parts_mut(start as *mut Value, self.len) }
    }
}

impl Trace for Tuple {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        for v in self.items() {
            tracer.value(v);
        }
    }

    fn clear(&mut self) {
        for v in self.items_mut() {
            *v = Value::UNDEF;
        }
        self.len = 0;
    }
}

impl Drop for Tuple {
    fn drop(&mut self) {
        for v in self.items_mut() {
            // SAFETY: each item is dropped once; the block is freed without looking at them again.
            unsafe { std::ptr::drop_in_place(v) };
        }
    }
}

impl Heap {
    /// A tuple that takes over `items`.
    #[inline]
    pub(super) fn alloc_tuple(&self, layout: &Layout, items: impl ExactSizeIterator<Item = Value>) -> Ref<Tuple> {
        let len = items.len();
        let p = self.allocate(layout, Kind::Tuple, size_of::<Tuple>() + len * size_of::<Value>());
        // SAFETY: the block has room for `len` items; `len` grows as they are written, so that a panic in the
        // iterator leaves a shorter tuple.
        unsafe {
            let payload = Header::payload::<Tuple>(p);
            payload.write(Tuple { len: 0 });
            let at = payload.add(1).cast::<Value>();
            for (i, item) in items.take(len).enumerate() {
                at.add(i).write(item);
                (*payload).len = i + 1;
            }
        }
        Ref::from_value_unchecked(Value::from_ptr(p))
    }
}
