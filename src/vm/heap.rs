//! The heap of one interpreter: size-class pages, large blocks, the memory account, and freeing.
//!
//! Small objects live in 64 KB pages of equal blocks; a page's address is a block's address with the low bits
//! cleared. Larger ones come from the system, one by one. Freeing is iterative: an object that dies while
//! another is being taken apart waits in `dead`. Finalizers never run here; they queue in `finalizers` and the
//! VM runs them at its next safe point.
//!
//! Everything is behind shared references and cells: values are dropped everywhere, and each drop finds the
//! heap through the object's layout.

mod queues;
mod walk;

use super::layout::Layout;
use super::object::{Header, IMMORTAL, Kind, Object, Ref, flag};
use super::value::Value;
use std::alloc;
use std::cell::{Cell, UnsafeCell};
use std::collections::HashMap;

const PAGE: usize = 64 * 1024;
/// So many pages are taken from the system at once, which touches none of them.
const CHUNK: usize = 16;
/// Room for the page's own data, at its start.
const PAGE_HEAD: usize = 64;
/// So many bytes of blocks are put on a free list at once.
const CARVED: usize = 4096;
/// The largest block that lives in a page.
const MAX_SMALL: usize = 4096;
const CLASSES: usize = 34;
/// The largest block that is put into a page. Under Miri and sanitizers every object is a block of the system's, so
/// that they see its end.
const IN_PAGES: usize = if cfg!(miri) { 0 } else { MAX_SMALL };

/// What free blocks are filled with in builds with assertions.
const SPOILT: u8 = 0xD5;

/// Below it, nobody asks whether the system has memory left.
const FIRST_WATERMARK: usize = 16 << 20;
/// So deep objects are taken apart within each other when there is no memory to note those that wait.
const MOST_NESTED: u8 = 100;

/// Block sizes: steps of 16 to 256, then four steps for each doubling.
const SIZES: [u16; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let mut i = 0;
    while i < 16 {
        sizes[i] = (i as u16 + 1) * 16;
        i += 1;
    }
    let mut size = 256;
    while i < CLASSES {
        let step = if size < 512 {
            64
        } else if size < 1024 {
            128
        } else if size < 2048 {
            256
        } else {
            512
        };
        size += step;
        sizes[i] = size;
        i += 1;
    }
    sizes
};

/// From size (in units of 16 bytes, rounded up) to class.
const CLASS_OF: [u8; MAX_SMALL / 16 + 1] = {
    let mut table = [0; MAX_SMALL / 16 + 1];
    let mut units = 1;
    let mut class = 0;
    while units <= MAX_SMALL / 16 {
        while (SIZES[class] as usize) < units * 16 {
            class += 1;
        }
        table[units] = class as u8;
        units += 1;
    }
    table
};

struct PageHead {
    block: u32,
    class: u8,
    /// 16 when every block starts with a prefix, else 0.
    prefix: u8,
    /// How many blocks have been used or put on the free list; the memory behind them has not been touched.
    carved: u16,
    /// Where the page's part of the collector's table begins, while the collector looks.
    gc_base: u32,
    /// 2^32 divided by the size of a block, rounded up: a block's number is found by multiplying.
    reciprocal: u32,
}

/// Whether [`GcIndex::of`] finds the numbers of all blocks of this size.
const fn numbers_are_exact(size: u16) -> bool {
    // What the reciprocal is too large by must not add up to a block.
    let size = size as u64;
    let error = (1_u64 << 32).div_ceil(size) * size - (1 << 32);
    error * (PAGE as u64) < 1 << 32
}

const _: () = {
    let mut i = 0;
    while i < CLASSES {
        assert!(numbers_are_exact(SIZES[i]));
        i += 1;
    }
};

/// The collector's numbering of objects; see [`Heap::gc_index`].
pub(super) struct GcIndex {
    len: usize,
}

impl GcIndex {
    /// One more than the greatest number.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of a live object.
    #[inline(always)]
    pub(super) fn of(p: *mut Header) -> usize {
        // SAFETY: the caller passes live objects, which lie in pages or behind large heads.
        unsafe {
            if (*p).has_flag(flag::LARGE) {
                let shift = LARGE_HEAD + if (*p).has_flag(flag::PREFIX) { 16 } else { 0 };
                return (*p.byte_sub(shift).cast::<LargeHead>()).index as usize;
            }
            let page = (p as usize & !(PAGE - 1)) as *mut PageHead;
            let offset = (p as usize & (PAGE - 1)) - PAGE_HEAD;
            (*page).gc_base as usize + ((offset * (*page).reciprocal as usize) >> 32)
        }
    }
}

/// The prefix of a large block.
struct LargeHead {
    size: usize,
    /// Its place in `Heap::large`.
    index: u32,
    /// From this head to the object's header.
    shift: u32,
}

const LARGE_HEAD: usize = 16;

/// What a free block holds: the next one.
#[repr(C)]
struct FreeBlock {
    rc: u32,
    kind: Kind,
    next: *mut FreeBlock,
}

/// The slots of an instance that outgrew its block, or of an object with a prefix.
pub(super) type SlotsPtr = *mut Value;

/// What is told of weak references whose object died; it says whether there is a callback.
pub(super) type DeadWeakref = fn(*mut Header) -> bool;

/// See the module's documentation.
pub struct Heap {
    /// Counts down at calls and back-edges; at zero the VM looks for something to do (see `Vm::checkpoint`).
    pub(super) ticks: Cell<i32>,
    free: [Cell<*mut FreeBlock>; CLASSES],
    free_prefixed: [Cell<*mut FreeBlock>; CLASSES],
    /// The pages whose blocks have not all been carved, by class; those with prefixes stand behind the others.
    filling: [Cell<*mut PageHead>; 2 * CLASSES],
    pages: UnsafeCell<Vec<*mut PageHead>>,
    /// What the pages were cut from.
    chunks: UnsafeCell<Vec<*mut u8>>,
    large: UnsafeCell<Vec<*mut LargeHead>>,
    bytes: Cell<usize>,
    /// Objects alive that refer to nothing but their class.
    leaves: Cell<usize>,
    /// All other objects alive.
    containers: Cell<usize>,
    /// Allocations of containers since the last collection, and how many start the next.
    pub(super) young: Cell<usize>,
    pub(super) threshold: Cell<usize>,
    limit: Cell<usize>,
    /// Above it the VM looks whether the system has memory left; never above `limit`.
    watermark: Cell<usize>,
    /// How deep objects are being taken apart for want of memory to note them.
    nested: Cell<u8>,
    /// Largest value of `bytes` so far.
    peak: Cell<usize>,
    dead: UnsafeCell<Vec<*mut Header>>,
    draining: Cell<bool>,
    /// Objects whose finalizers must run, with the count that keeps them alive.
    finalizers: UnsafeCell<Vec<Value>>,
    /// Weak reference objects, by the address of what they refer to.
    weak: UnsafeCell<HashMap<usize, Vec<*mut Header>, super::PtrHash>>,
    /// Weak references with callbacks whose object died.
    callbacks: UnsafeCell<Vec<Value>>,
    layout_id: Cell<u32>,
    /// Why `ticks` was set to zero.
    pub(super) pending: Cell<bool>,
    /// The ticks that were left when it was set to zero: nobody has used them.
    pub(super) unused: Cell<i32>,
    /// Called with a weak reference whose object died; says whether it has a callback.
    pub(super) on_dead_weakref: Cell<Option<DeadWeakref>>,
}

impl Heap {
    pub(super) fn new() -> Heap {
        Heap {
            ticks: Cell::new(0),
            free: [const { Cell::new(std::ptr::null_mut()) }; CLASSES],
            free_prefixed: [const { Cell::new(std::ptr::null_mut()) }; CLASSES],
            filling: [const { Cell::new(std::ptr::null_mut()) }; 2 * CLASSES],
            pages: UnsafeCell::default(),
            chunks: UnsafeCell::default(),
            large: UnsafeCell::default(),
            bytes: Cell::new(0),
            leaves: Cell::new(0),
            containers: Cell::new(0),
            young: Cell::new(0),
            threshold: Cell::new(20_000),
            limit: Cell::new(usize::MAX),
            watermark: Cell::new(FIRST_WATERMARK),
            nested: Cell::new(0),
            peak: Cell::new(0),
            dead: UnsafeCell::default(),
            draining: Cell::new(false),
            finalizers: UnsafeCell::default(),
            weak: UnsafeCell::default(),
            callbacks: UnsafeCell::default(),
            layout_id: Cell::new(0),
            pending: Cell::new(false),
            unused: Cell::new(0),
            on_dead_weakref: Cell::new(None),
        }
    }

    pub(super) fn next_layout_id(&self) -> u32 {
        // After 2^32 changes ids stop at 0, which no cache matches: slower, never wrong. `u32::MAX` is the id of
        // empty caches.
        const LAST: u32 = u32::MAX - 1;
        match self.layout_id.get() {
            LAST => 0,
            n => {
                self.layout_id.set(n + 1);
                n + 1
            }
        }
    }

    /// Bytes in use: objects and what they own.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The most bytes that were in use at once.
    pub fn peak(&self) -> usize {
        self.peak.get().max(self.bytes.get())
    }

    /// The number of live objects.
    pub fn objects(&self) -> usize {
        self.leaves.get() + self.containers.get()
    }

    /// The number of live objects that the cycle collector cares for.
    pub(super) fn containers(&self) -> usize {
        self.containers.get()
    }

    /// The most bytes that may be in use.
    pub fn limit(&self) -> usize {
        self.limit.get()
    }

    pub(super) fn set_limit(&self, bytes: usize) {
        self.limit.set(bytes);
        self.set_watermark(self.watermark.get());
    }

    /// The bytes in use at which the VM looks again whether the system has memory left.
    pub(super) fn watermark(&self) -> usize {
        self.watermark.get()
    }

    pub(super) fn set_watermark(&self, bytes: usize) {
        self.watermark.set(bytes.min(self.limit.get()));
    }

    /// Corrects the account when what an object owns changed its size.
    #[inline]
    pub(super) fn adjust(&self, before: usize, after: usize) {
        if after > before {
            self.pay(after - before);
            self.charge(after - before);
        } else {
            self.bytes.set(self.bytes.get().saturating_sub(before - after));
        }
    }

    /// Filling much memory takes time: ticks in proportion. Whether there are any left is seen at the next checkpoint.
    #[inline]
    fn pay(&self, n: usize) {
        const FREE: usize = 1024;
        if n >= FREE {
            self.ticks.set(self.ticks.get().saturating_sub((n / 256).min(1 << 30) as i32));
        }
    }

    #[inline]
    fn charge(&self, n: usize) {
        let total = self.bytes.get().saturating_add(n);
        self.bytes.set(total);
        if total > self.watermark.get() {
            self.interrupt();
        }
    }

    /// Makes the VM look for pending work at its next call or back-edge.
    pub(super) fn interrupt(&self) {
        self.pending.set(true);
        let left = self.ticks.get();
        if left > 0 {
            self.unused.set(self.unused.get().saturating_add(left));
            self.ticks.set(0);
        }
    }

    // ---- allocation ----

    /// A block of a page.
    #[inline(always)]
    fn small_block(&self, class: usize, prefix: bool) -> *mut u8 {
        let list = if prefix { &self.free_prefixed[class] } else { &self.free[class] };
        let mut p = list.get();
        if p.is_null() {
            self.new_page(class, prefix);
            p = list.get();
        }
        // SAFETY: free blocks are linked through valid pointers of this heap's pages.
        list.set(unsafe { (*p).next });
        self.charge(SIZES[class] as usize);
        p.cast()
    }

    /// Counts an object that comes to life.
    #[inline(always)]
    fn count_new(&self, leaf: bool) {
        if leaf {
            self.leaves.set(self.leaves.get() + 1);
        } else {
            self.young.set(self.young.get() + 1);
            self.containers.set(self.containers.get() + 1);
        }
    }

    /// What the closure makes does not count as new: it belongs to the interpreter, and is only made late.
    pub(super) fn uncounted(&self, make: impl FnOnce()) {
        let (leaves, containers, young) = (self.leaves.get(), self.containers.get(), self.young.get());
        // Nor does it take of what scripts may have: making it must not be what exceeds a limit.
        let bytes = self.bytes.get();
        make();
        self.bytes.set(bytes);
        self.leaves.set(leaves);
        self.containers.set(containers);
        self.young.set(young);
    }

    #[inline(always)]
    fn count_dead(&self, leaf: bool) {
        let count = if leaf { &self.leaves } else { &self.containers };
        count.set(count.get() - 1);
    }

    /// Puts more blocks on a free list: as many as one page of the system holds, so that memory is touched as it is
    /// needed.
    #[cold]
    fn new_page(&self, class: usize, prefix: bool) {
        let size = SIZES[class] as usize;
        let count = (PAGE - PAGE_HEAD) / size;
        let filling = &self.filling[class + if prefix { CLASSES } else { 0 }];
        let mut page = filling.get();
        // SAFETY: pages live as long as the heap; nobody holds references to their heads.
        if page.is_null() || unsafe { (*page).carved } as usize >= count {
            page = self.fresh_page(class, prefix);
            filling.set(page);
        }
        let list = if prefix { &self.free_prefixed[class] } else { &self.free[class] };
        // SAFETY: all writes stay within the page, behind what was carved before.
        unsafe {
            let from = (*page).carved as usize;
            let to = (from + (CARVED / size).max(1)).min(count);
            let base = page.cast::<u8>().add(PAGE_HEAD + (*page).prefix as usize);
            let mut next = list.get();
            for i in (from..to).rev() {
                let block = base.add(i * size).cast::<FreeBlock>();
                block.write(FreeBlock { rc: 0, kind: Kind::Free, next });
                next = block;
            }
            list.set(next);
            (*page).carved = to as u16;
        }
    }

    fn fresh_page(&self, class: usize, prefix: bool) -> *mut PageHead {
        // SAFETY: neither list is borrowed elsewhere.
        let (pages, chunks) = unsafe { (&mut *self.pages.get(), &mut *self.chunks.get()) };
        let at = pages.len() % CHUNK;
        if at == 0 {
            let layout = alloc::Layout::from_size_align(CHUNK * PAGE, PAGE).expect("a constant layout");
            // SAFETY: the layout has a size.
            let chunk = unsafe { alloc::alloc(layout) };
            if chunk.is_null() {
                alloc::handle_alloc_error(layout);
            }
            chunks.push(chunk);
        }
        // SAFETY: page number `at` of the last chunk has not been used; it is large enough for its head.
        unsafe {
            let page = chunks[chunks.len() - 1].add(at * PAGE).cast::<PageHead>();
            page.write(PageHead {
                block: u32::from(SIZES[class]),
                class: class as u8,
                prefix: if prefix { 16 } else { 0 },
                carved: 0,
                gc_base: 0,
                reciprocal: (1_u64 << 32).div_ceil(u64::from(SIZES[class])) as u32,
            });
            pages.push(page);
            page
        }
    }

    #[cold]
    fn large_block(&self, size: usize, prefix: bool) -> *mut u8 {
        let shift = LARGE_HEAD + if prefix { 16 } else { 0 };
        let total = size.saturating_add(shift);
        let Ok(layout) = alloc::Layout::from_size_align(total, 16) else {
            alloc::handle_alloc_error(alloc::Layout::new::<u8>())
        };
        // SAFETY: the layout has a size; writes stay within the block; `large` is not borrowed elsewhere.
        unsafe {
            let p = alloc::alloc(layout);
            if p.is_null() {
                alloc::handle_alloc_error(layout);
            }
            let large = &mut *self.large.get();
            p.cast::<LargeHead>().write(LargeHead { size: total, index: large.len() as u32, shift: shift as u32 });
            large.push(p.cast());
            self.pay(total);
            self.charge(total);
            // Filling it is work, which natives that make large objects pay for here.
            let work = i32::try_from(total / 1024).unwrap_or(i32::MAX / 2);
            self.ticks.set(self.ticks.get().saturating_sub(work).max(i32::MIN / 2));
            p.add(shift)
        }
    }

    /// Allocates an object of `size` payload bytes; the caller writes the payload before anything else runs.
    #[inline(always)]
    pub(super) fn allocate(&self, layout: &Layout, kind: Kind, size: usize) -> *mut Header {
        let total = size + size_of::<Header>();
        if total > IN_PAGES || layout.slots_off < 0 {
            return self.allocate_otherwise(layout, kind, total);
        }
        self.count_new(kind.is_leaf() && layout.slots_off == 0);
        let p = self.small_block(CLASS_OF[total.div_ceil(16)] as usize, false).cast::<Header>();
        Heap::begin(p, layout, kind, 0, 0)
    }

    /// Writes the header of a new object.
    #[inline(always)]
    fn begin(p: *mut Header, layout: &Layout, kind: Kind, flags: u8, room: u16) -> *mut Header {
        // SAFETY: the block is large enough; the class outlives its objects because each counts it.
        unsafe {
            p.write(Header {
                rc: Cell::new(1),
                kind,
                flags: Cell::new(flags),
                aux: Cell::new(room),
                layout: Cell::new(layout),
            });
            Header::inc(layout.class);
        }
        p
    }

    /// The same for large objects, and for those with a prefix.
    #[inline(never)]
    fn allocate_otherwise(&self, layout: &Layout, kind: Kind, total: usize) -> *mut Header {
        let prefix = layout.slots_off < 0;
        self.count_new(kind.is_leaf() && layout.slots_off == 0);
        let (mut flags, mut room) = (0, 0);
        let p = if total + if prefix { 16 } else { 0 } <= IN_PAGES {
            self.small_block(CLASS_OF[(total + if prefix { 16 } else { 0 }).div_ceil(16)] as usize, prefix)
        } else {
            flags |= flag::LARGE;
            self.large_block(total, prefix)
        };
        let p = p.cast::<Header>();
        if prefix {
            flags |= flag::PREFIX;
            let mut slots: SlotsPtr = std::ptr::null_mut();
            if layout.fixed > 0 {
                // Caches trust that the `__slots__` are there.
                room = layout.fixed;
                slots = self.alloc_slots(room as usize);
            }
            // SAFETY: the block was allocated with room for the prefix.
            unsafe { p.cast::<SlotsPtr>().sub(1).write(slots) };
        }
        Heap::begin(p, layout, kind, flags, room)
    }

    /// Allocates an object with the payload `T`.
    #[inline(always)]
    pub(super) fn alloc<T: Object>(&self, layout: &Layout, payload: T) -> Ref<T> {
        let external = payload.external();
        if external != 0 {
            self.pay(external);
            self.charge(external);
        }
        let p = self.allocate(layout, T::KIND, size_of::<T>());
        // SAFETY: the block was allocated for this payload.
        unsafe { Header::payload::<T>(p).write(payload) };
        Ref::from_value_unchecked(Value::from_ptr(p))
    }

    // ---- freeing ----

    /// Gives up one count.
    ///
    /// # Safety
    /// The caller owns the count; the lock of the object's interpreter is held.
    #[inline(always)]
    pub(super) unsafe fn dec(p: *mut Header) {
        // SAFETY: the caller's promise.
        let rc = unsafe { &(*p).rc };
        let n = rc.get();
        debug_assert!(n > 0, "an object is dropped once more than it is held");
        if n > 1 {
            if n < IMMORTAL {
                rc.set(n - 1);
            }
        } else {
            rc.set(0);
            // SAFETY: nobody refers to the object any more.
            unsafe { Heap::release(p) };
        }
    }

    /// Takes apart an object that nobody refers to.
    #[cold]
    #[inline(never)]
    unsafe fn release(p: *mut Header) {
        // SAFETY: the object is intact until `destroy`; the heap outlives it.
        unsafe {
            let header = &*p;
            let layout = header.layout();
            let heap = layout.heap();
            // Texts and the like hold nothing that could die with them.
            if header.flags.get() == 0 && header.kind.is_plain_leaf() && layout.is_exact() {
                heap.count_dead(true);
                heap.free_small(p);
                Heap::dec(layout.class);
                return;
            }
            if header.kind == Kind::Generator && super::generator::is_spent(p) {
                heap.free_spent_generator(p);
                return;
            }
            if heap.draining.get() {
                let dead = &mut *heap.dead.get();
                if dead.len() == dead.capacity() && dead.try_reserve(1).is_err() {
                    return heap.take_apart_nested(p);
                }
                dead.push(p);
                return;
            }
            heap.draining.set(true);
            heap.take_apart(p);
            while let Some(q) = (*heap.dead.get()).pop() {
                heap.take_apart(q);
            }
            heap.draining.set(false);
        }
    }

    /// Takes an object apart while another is, since there is no memory to note it for later; at great depth it is
    /// given up, which is a leak and no more.
    #[cold]
    unsafe fn take_apart_nested(&self, p: *mut Header) {
        if self.nested.get() < MOST_NESTED {
            self.nested.set(self.nested.get() + 1);
            // SAFETY: as for `release`.
            unsafe { self.take_apart(p) };
            self.nested.set(self.nested.get() - 1);
        }
    }

    /// Destroys an object and puts what it alone held on the stack of the dead, so that they are taken apart one
    /// wholly after the other, as recursion would do it: sequences from their end, all others from their beginning.
    unsafe fn take_apart(&self, p: *mut Header) {
        // SAFETY: as for `destroy`; the stack is not borrowed meanwhile.
        unsafe {
            let header = &*p;
            if header.flags.get() == 0 && header.kind.is_simple() && header.layout().is_exact() {
                let class = header.layout().class;
                match header.kind {
                    Kind::Tuple => std::ptr::drop_in_place(Header::payload::<super::str::Tuple>(p)),
                    Kind::List => {
                        let list = Header::payload::<super::seq::List>(p);
                        self.adjust((*list).external(), 0);
                        std::ptr::drop_in_place(list);
                    }
                    _ => (header.layout().vtable.drop)(p),
                }
                self.count_dead(false);
                self.free_small(p);
                Heap::dec(class);
                return;
            }
            let mark = (*self.dead.get()).len();
            let backwards = matches!((*p).kind, Kind::List | Kind::Tuple);
            self.destroy(p);
            let dead = &mut *self.dead.get();
            if dead.len() > mark + 1 && !backwards {
                dead[mark..].reverse();
            }
        }
    }

    unsafe fn destroy(&self, p: *mut Header) {
        // SAFETY: `p` has no references left, so this is its only user.
        unsafe {
            let header = &*p;
            let layout = header.layout();
            let needs_finalizer = match header.kind {
                Kind::Generator => super::generator::needs_finalizer(p),
                _ => layout.finalizer.get(),
            };
            if needs_finalizer && !header.has_flag(flag::FINALIZED) {
                let waiting = &mut *self.finalizers.get();
                header.rc.set(1);
                // Without memory to note it, it stays alive for good.
                if waiting.len() < waiting.capacity() || waiting.try_reserve(1).is_ok() {
                    waiting.push(Value::from_ptr(p));
                    self.interrupt();
                }
                return;
            }
            if header.has_flag(flag::WEAKREF) {
                self.drop_weak_references(p);
            }
            header.set_flag(flag::DYING);
            let external = (layout.vtable.external)(p);
            if external != 0 {
                self.adjust(external, 0);
            }
            if layout.slots_off != 0 {
                self.drop_slots(p, layout);
            }
            let class = layout.class;
            (layout.vtable.drop)(p);
            self.free_block(p);
            Heap::dec(class);
        }
    }

    /// Frees a generator that has ended, without the generic way's questions.
    ///
    /// # Safety
    /// Nobody refers to it any more, and `is_spent` said yes.
    #[inline]
    unsafe fn free_spent_generator(&self, p: *mut Header) {
        // SAFETY: the caller's promise. The function is dropped last, since it may be the end of much else.
        unsafe {
            let class = (*p).layout().class;
            let func = std::ptr::read(&(*Header::payload::<super::generator::Generator>(p)).func);
            self.free_block(p);
            Heap::dec(class);
            drop(func);
        }
    }

    unsafe fn drop_slots(&self, p: *mut Header, layout: &Layout) {
        // SAFETY: the slots pointer is valid for `aux` slots, of which the layout's first are initialised.
        unsafe {
            let slots = *p.byte_offset(layout.slots_off as isize).cast::<SlotsPtr>();
            if slots.is_null() {
                return;
            }
            for i in 0..layout.slot_count() {
                std::ptr::drop_in_place(slots.add(i));
            }
            if !Heap::slots_are_inline(p, slots) {
                self.free_slots(slots, (*p).aux.get() as usize);
            }
        }
    }

    /// Whether an instance's slots are in its own block.
    #[inline(always)]
    pub(super) fn slots_are_inline(p: *mut Header, slots: SlotsPtr) -> bool {
        slots.cast::<u8>() == p.wrapping_byte_add(INSTANCE_SLOTS).cast::<u8>()
    }

    /// Allocates slots outside an object, all `UNDEF`.
    pub(super) fn alloc_slots(&self, n: usize) -> SlotsPtr {
        let layout = alloc::Layout::array::<Value>(n.max(1)).expect("slot counts are small");
        self.charge(layout.size());
        // SAFETY: the layout has a size.
        let p = unsafe { alloc::alloc(layout) }.cast::<Value>();
        if p.is_null() {
            alloc::handle_alloc_error(layout);
        }
        for i in 0..n {
            // SAFETY: within the allocation.
            unsafe { p.add(i).write(Value::UNDEF) };
        }
        p
    }

    pub(super) unsafe fn free_slots(&self, slots: SlotsPtr, n: usize) {
        let layout = alloc::Layout::array::<Value>(n.max(1)).expect("slot counts are small");
        self.adjust(layout.size(), 0);
        // SAFETY: allocated by `alloc_slots` with the same count.
        unsafe { alloc::dealloc(slots.cast(), layout) };
    }

    /// Frees a block of a page that has no prefix.
    #[inline(always)]
    unsafe fn free_small(&self, p: *mut Header) {
        // SAFETY: the block lies in a page of this heap, and nobody uses it any more.
        unsafe {
            let page = (p as usize & !(PAGE - 1)) as *mut PageHead;
            let list = &self.free[(*page).class as usize];
            let block = p.cast::<FreeBlock>();
            block.write(FreeBlock { rc: 0, kind: Kind::Free, next: list.get() });
            Heap::spoil(block, (*page).block as usize);
            list.set(block);
            self.adjust((*page).block as usize, 0);
        }
    }

    /// Fills what follows a free block's head, in builds with assertions: whoever still reads it finds nonsense at once.
    #[inline(always)]
    unsafe fn spoil(block: *mut FreeBlock, size: usize) {
        if cfg!(debug_assertions) {
            let rest = size - size_of::<FreeBlock>();
            // SAFETY: the block is as large as the caller says, and nobody uses it any more.
            unsafe { block.add(1).cast::<u8>().write_bytes(SPOILT, rest) };
        }
    }

    unsafe fn free_block(&self, p: *mut Header) {
        // SAFETY: the block belongs to this heap, and nobody uses it any more.
        unsafe {
            let header = &*p;
            self.count_dead(header.kind.is_leaf() && header.layout().slots_off == 0);
            if header.has_flag(flag::LARGE) {
                let shift = LARGE_HEAD + if header.has_flag(flag::PREFIX) { 16 } else { 0 };
                let head = p.byte_sub(shift).cast::<LargeHead>();
                let LargeHead { size, index, .. } = head.read();
                let large = &mut *self.large.get();
                large.swap_remove(index as usize);
                if let Some(&moved) = large.get(index as usize) {
                    (*moved).index = index;
                }
                self.adjust(size, 0);
                alloc::dealloc(head.cast(), alloc::Layout::from_size_align_unchecked(size, 16));
            } else {
                let page = (p as usize & !(PAGE - 1)) as *mut PageHead;
                let class = (*page).class as usize;
                if (*page).prefix == 0 {
                    return self.free_small(p);
                }
                let list = &self.free_prefixed[class];
                let block = p.cast::<FreeBlock>();
                block.write(FreeBlock { rc: 0, kind: Kind::Free, next: list.get() });
                Heap::spoil(block, (*page).block as usize - (*page).prefix as usize);
                list.set(block);
                self.adjust((*page).block as usize, 0);
            }
        }
    }

    /// The size that an object's payload may grow to without moving.
    pub(super) unsafe fn payload_capacity(p: *mut Header) -> usize {
        // SAFETY: the object is alive.
        unsafe {
            let total = if (*p).has_flag(flag::LARGE) {
                let shift = LARGE_HEAD + if (*p).has_flag(flag::PREFIX) { 16 } else { 0 };
                (*p.byte_sub(shift).cast::<LargeHead>()).size - shift
            } else {
                let page = (p as usize & !(PAGE - 1)) as *mut PageHead;
                (*page).block as usize - (*page).prefix as usize
            };
            total - size_of::<Header>()
        }
    }
}

/// Where an instance keeps the pointer to its slots.
pub(super) const INSTANCE_SLOTS_OFF: i16 = size_of::<Header>() as i16;
/// Where an instance's inline slots are: after the header and the slots pointer.
pub(super) const INSTANCE_SLOTS: usize = size_of::<Header>() + 8;
