//! Payloads of lists, ranges, slices and their iterators.

use super::dict::Dict;
use super::object::{Kind, Object, Ref, Trace, Tracer};
use super::str::{Str, Tuple};
use super::value::Value;
use super::{R, Vm};
use crate::heap_object;
use crate::text::gutf8;

/// The payload of `list`.
#[derive(Default)]
pub struct List {
    /// The items.
    pub items: Vec<Value>,
}

const _: () = assert!(size_of::<List>() == 24);

impl List {
    /// Lets go of items that were taken out of a list, the last one first: finalizers show the order.
    #[inline]
    pub fn let_go(mut items: Vec<Value>) {
        while let Some(item) = items.pop() {
            drop(item);
        }
    }
}

impl Trace for List {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        self.items.trace(tracer);
    }
    fn clear(&mut self) {
        self.items = Vec::new();
    }
}

impl Ref<List> {
    /// Appends an item.
    ///
    /// # Errors
    /// MemoryError when the system has no memory for a longer list.
    #[inline]
    pub fn push(&self, vm: &mut Vm, item: Value) -> R<()> {
        self.make_room(vm, 1)?;
        self.get_mut(vm).items.push(item);
        Ok(())
    }

    /// Makes sure that there is room for so many more items.
    ///
    /// # Errors
    /// MemoryError when the system has no memory for a longer list.
    #[inline]
    pub fn make_room(&self, vm: &mut Vm, more: usize) -> R<()> {
        let items = &self.get(vm).items;
        let (len, room) = (items.len(), items.capacity());
        if room - len >= more { Ok(()) } else { self.grow(vm, len, room, more) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, vm: &mut Vm, len: usize, room: usize, more: usize) -> R<()> {
        if let Err(e) = vm.check_growth(len, room, more, size_of::<Value>()) {
            // What does not go twice over may still go.
            if self.get_mut(vm).items.try_reserve_exact(more.saturating_add(len / 8)).is_err() {
                return Err(e);
            }
        }
        Ok(())
    }
}

impl Object for List {
    const KIND: Kind = Kind::List;
    fn external(&self) -> usize {
        self.items.capacity() * size_of::<Value>()
    }
}

heap_object! {
    /// The payload of `range`: its parameters are ints of any size.
    pub struct RangeObject {
        /// `start`.
        pub start: Value,
        /// `stop`.
        pub stop: Value,
        /// `step`, never 0.
        pub step: Value,
        /// The number of items.
        pub len: Value,
    }
    kind = Range;
}

heap_object! {
    /// The payload of `slice`.
    pub struct SliceObject {
        /// `start`.
        pub start: Value,
        /// `stop`.
        pub stop: Value,
        /// `step`.
        pub step: Value,
    }
    kind = Slice;
}

/// What a [`SeqIter`] walks over.
pub enum SeqSource {
    /// A list, which may grow and shrink meanwhile.
    List(Ref<List>),
    /// A tuple.
    Tuple(Ref<Tuple>),
    /// A string; the position is one of bytes.
    Str(Ref<Str>),
    /// A range of ints that all fit `i64`: the next one, the step, how many are left.
    Range {
        /// The next number.
        next: i64,
        /// The difference to the one after.
        step: i64,
        /// How many are left.
        left: u64,
    },
    /// Nothing any more.
    Done,
}

impl Trace for SeqSource {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            SeqSource::List(l) => l.trace(tracer),
            SeqSource::Tuple(t) => t.trace(tracer),
            SeqSource::Str(s) => s.trace(tracer),
            SeqSource::Range { .. } | SeqSource::Done => {}
        }
    }
    fn clear(&mut self) {
        *self = SeqSource::Done;
    }
}

heap_object! {
    /// The payload of the iterators over lists, tuples, strings and ranges.
    pub struct SeqIter {
        /// What it walks over.
        pub source: SeqSource,
        /// The next position (lists, tuples and strings).
        pub at: usize,
    }
    kind = SeqIter;
}

/// Which part of the items a [`DictIter`] gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DictPart {
    /// Keys.
    Keys,
    /// Values.
    Values,
    /// Pairs.
    Items,
}

super::object::traces_nothing!(DictPart);

heap_object! {
    /// The payload of the iterators over a dict's keys, values and items.
    pub struct DictIter {
        /// The dict; `None` when exhausted.
        pub dict: Option<Ref<Dict>>,
        /// The next position.
        pub at: usize,
        /// `Dict::changes` when the iteration began.
        pub changes: u32,
        /// `Dict::len` when the iteration began.
        pub len: usize,
        /// What it gives.
        pub part: DictPart,
        /// It goes backwards.
        pub reverse: bool,
        /// The pair that it gave last, or `UNDEF`.
        pub last: Value,
    }
    kind = DictIter;
}

heap_object! {
    /// The payload of `zip`.
    pub struct Zip {
        /// The iterators.
        pub its: Box<[Value]>,
        /// They must end together.
        pub strict: bool,
        /// The pair that it gave last, or `UNDEF`.
        pub last: Value,
    }
    kind = Zip;
}

heap_object! {
    /// The payload of `enumerate`.
    pub struct Enumerate {
        /// The iterator.
        pub it: Value,
        /// The next number: an int of any size.
        pub count: Value,
        /// What it gave last, or `UNDEF`.
        pub last: Value,
    }
    kind = Enumerate;
}

impl SeqIter {
    /// The next item, for natives.
    pub fn step(this: &Ref<SeqIter>, vm: &mut Vm) -> Option<Value> {
        SeqIter::advance(this, vm)
    }

    /// The next item, if this is not the end; no script code runs.
    #[inline]
    pub(super) fn advance(this: &Ref<SeqIter>, vm: &mut Vm) -> Option<Value> {
        // SAFETY: `&mut Vm` makes the access exclusive; the source is another object than the iterator.
        let it = unsafe { &mut *this.as_ptr() };
        match &mut it.source {
            SeqSource::Range { next, step, left } => {
                if *left == 0 {
                    return None;
                }
                *left -= 1;
                let v = *next;
                *next = v.wrapping_add(*step);
                Some(vm.int(v))
            }
            SeqSource::List(l) => {
                if let Some(v) = l.get(vm).items.get(it.at) {
                    it.at += 1;
                    return Some(v.clone());
                }
                it.source = SeqSource::Done;
                None
            }
            SeqSource::Tuple(t) => {
                if let Some(v) = t.get(vm).items().get(it.at) {
                    it.at += 1;
                    return Some(v.clone());
                }
                it.source = SeqSource::Done;
                None
            }
            SeqSource::Str(s) => {
                let text = s.get(vm).as_bytes();
                if let Some(&b) = text.get(it.at)
                    && b < 0x80
                {
                    it.at += 1;
                    return Some(vm.latin1_char(b));
                }
                if let Some((cp, len)) = gutf8::decode_at(text, it.at) {
                    it.at += len;
                    return Some(vm.new_char(cp));
                }
                it.source = SeqSource::Done;
                None
            }
            SeqSource::Done => None,
        }
    }
}

impl DictIter {
    /// At the first item, or behind the last one of an iterator that goes backwards.
    pub fn over(vm: &Vm, dict: Ref<Dict>, part: DictPart, reverse: bool) -> DictIter {
        let d = dict.get(vm);
        let (changes, len) = (d.changes(), d.len());
        let at = if reverse { d.end() } else { 0 };
        DictIter { dict: Some(dict), at, changes, len, part, reverse, last: Value::UNDEF }
    }

    /// The next item.
    ///
    /// # Errors
    /// RuntimeError when the dict's keys changed during the iteration.
    pub fn advance(this: &Ref<DictIter>, vm: &mut Vm) -> super::R<Option<Value>> {
        let it = this.get(vm);
        let Some(d) = it.dict.clone() else { return Ok(None) };
        let (at, part, reverse) = (it.at, it.part, it.reverse);
        let dict = d.get(vm);
        if dict.changes() != it.changes {
            let text = if dict.len() != it.len {
                "dictionary changed size during iteration"
            } else {
                "dictionary keys changed during iteration"
            };
            // The iterator stays broken: CPython's does too.
            this.get_mut(vm).len = usize::MAX;
            return Err(vm.runtime_error(text));
        }
        let found = if reverse { dict.previous_entry(at) } else { dict.next_entry(at) };
        let Some((next, k, v)) = found else {
            let old = this.get_mut(vm).dict.take();
            drop(old);
            return Ok(None);
        };
        let item = match part {
            DictPart::Keys => k.clone(),
            DictPart::Values => v.clone(),
            DictPart::Items => {
                let pair = [k.clone(), v.clone()];
                let mut last = std::mem::replace(&mut this.get_mut(vm).last, Value::UNDEF);
                let pair = vm.pair_again(&mut last, pair);
                this.get_mut(vm).last = last;
                pair
            }
        };
        this.get_mut(vm).at = next;
        Ok(Some(item))
    }
}
