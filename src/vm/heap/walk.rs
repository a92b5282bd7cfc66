//! Walking over all objects, for the cycle collector, and the heap's end.

use super::{CHUNK, GcIndex, Heap, PAGE, PAGE_HEAD, PageHead, SlotsPtr};
use crate::vm::object::{Header, IMMORTAL, Kind, Tracer};
use crate::vm::value::Value;
use std::alloc;

impl Heap {
    /// Calls `f` for every live object. `f` must not allocate or free.
    pub(in crate::vm) fn for_each(&self, mut f: impl FnMut(*mut Header)) {
        // SAFETY: pages and large blocks are valid; free blocks are marked by their kind.
        unsafe {
            for &page in &*self.pages.get() {
                let PageHead { block, prefix, carved, .. } = *page;
                let base = page.cast::<u8>().add(PAGE_HEAD + prefix as usize);
                for i in 0..carved as usize {
                    let p = base.add(i * block as usize).cast::<Header>();
                    if (*p).kind != Kind::Free {
                        f(p);
                    }
                }
            }
            for &head in &*self.large.get() {
                f(head.byte_add((*head).shift as usize).cast::<Header>());
            }
        }
    }

    /// Numbers all places where objects can be, for [`GcIndex::of`]; valid until the next allocation.
    pub(in crate::vm) fn gc_index(&self) -> GcIndex {
        // SAFETY: pages are valid, and nobody holds references to their heads.
        unsafe {
            let pages = &*self.pages.get();
            let mut len = (*self.large.get()).len();
            for &page in pages {
                (*page).gc_base = len as u32;
                len += (*page).carved as usize;
            }
            GcIndex { len }
        }
    }

    /// Shows all references that an object owns.
    pub(in crate::vm) unsafe fn trace(p: *mut Header, tracer: &mut Tracer<'_>) {
        // SAFETY: the object is alive.
        unsafe {
            let layout = (*p).layout();
            (tracer.visit)(layout.class);
            if layout.slots_off != 0 {
                let slots = *p.byte_offset(layout.slots_off as isize).cast::<SlotsPtr>();
                if !slots.is_null() {
                    for i in 0..layout.slot_count() {
                        tracer.value(&*slots.add(i));
                    }
                }
            }
            (layout.vtable.trace)(p, tracer);
        }
    }

    /// Makes an unreachable object give up its references.
    pub(in crate::vm) unsafe fn clear(p: *mut Header) {
        // SAFETY: the collector holds a count, and no script can reach the object.
        unsafe {
            let layout = (*p).layout();
            let heap = layout.heap();
            if layout.slots_off != 0 {
                let slots = *p.byte_offset(layout.slots_off as isize).cast::<SlotsPtr>();
                if !slots.is_null() {
                    for i in 0..layout.slot_count() {
                        *slots.add(i) = Value::UNDEF;
                    }
                }
            }
            let before = (layout.vtable.external)(p);
            (layout.vtable.clear)(p);
            heap.adjust(before, (layout.vtable.external)(p));
        }
    }

    /// Drops all payloads; afterwards values of this heap may be dropped, but not used. The memory stays until
    /// [`free_memory`](Self::free_memory).
    pub(in crate::vm) fn tear_down(&self) {
        let mut all = Vec::new();
        self.for_each(|p| {
            // SAFETY: the object is alive; immortal objects are not freed by what follows.
            unsafe { (*p).rc.set(IMMORTAL) };
            all.push(p);
        });
        // Nothing is freed any more, so these may go at any time before the memory does.
        drop((self.take_callbacks(), self.take_finalizers()));
        // SAFETY: nobody uses the table; weak references find nothing to take themselves out of.
        unsafe { (*self.weak.get()).clear() };
        for &p in &all {
            // SAFETY: all objects are intact yet. Generators look at each other and at their code when they die.
            unsafe {
                if (*p).kind == Kind::Generator {
                    crate::vm::generator::abandon(p);
                }
            }
        }
        // Classes last: everything else needs its layout.
        // SAFETY: each object is destroyed once, and its block is freed with the pages.
        unsafe {
            for pass in [false, true] {
                for &p in &all {
                    if ((*p).kind == Kind::Type) != pass {
                        continue;
                    }
                    let layout = (*p).layout();
                    if layout.slots_off != 0 {
                        self.drop_slots(p, layout);
                    }
                    if !pass {
                        (layout.vtable.drop)(p);
                    }
                }
            }
            for &p in all.iter().filter(|&&p| (*p).kind == Kind::Type) {
                crate::vm::class::drop_class_payload(p);
            }
        }
    }

    /// Gives the memory back.
    pub(in crate::vm) fn free_memory(&self) {
        // SAFETY: `tear_down` has dropped all payloads, and no value is left.
        unsafe {
            let layout = alloc::Layout::from_size_align_unchecked(CHUNK * PAGE, PAGE);
            (*self.pages.get()).clear();
            for chunk in std::mem::take(&mut *self.chunks.get()) {
                alloc::dealloc(chunk, layout);
            }
            for head in std::mem::take(&mut *self.large.get()) {
                let size = (*head).size;
                alloc::dealloc(head.cast(), alloc::Layout::from_size_align_unchecked(size, 16));
            }
        }
    }
}
