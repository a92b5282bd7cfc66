//! Trial deletion: which objects nothing outside the heap holds, directly or through others.

use crate::vm::Vm;
use crate::vm::heap::{GcIndex, Heap};
use crate::vm::object::{Header, IMMORTAL, Tracer, flag};
use crate::vm::value::Value;

/// An object known to be reachable. All others have one more than the count that is left, so that a table without
/// entries is made of zeros, which cost nothing until they are touched.
const REACHED: u32 = 0;
/// Nothing outside the heap is known to hold the object.
const NONE_LEFT: u32 = 1;

/// Shows the references that a live object owns.
pub(super) fn trace(v: &Value, visit: &mut dyn FnMut(*mut Header)) {
    if v.is_object() {
        // SAFETY: the value keeps the object alive.
        unsafe { Heap::trace(v.ptr(), &mut Tracer { visit }) };
    }
}

/// Whether objects of the kind refer to nothing but their class.
fn is_leaf(p: *mut Header) -> bool {
    // SAFETY: the caller walks over live objects.
    let h = unsafe { &*p };
    h.kind.is_leaf() && h.layout().slots_off == 0
}

/// Whether the object was made with the interpreter.
#[inline(always)]
fn is_permanent(p: *mut Header) -> bool {
    // SAFETY: the caller walks over live objects.
    unsafe { (*p).has_flag(flag::PERMANENT) }
}

/// Whether the collector looks at an object at all.
pub(super) fn is_container(p: *mut Header) -> bool {
    !is_leaf(p)
}

impl Vm {
    /// The containers that cannot be reached. Nothing is changed.
    pub(super) fn find_unreachable(&mut self) -> Vec<*mut Header> {
        let heap = &*self.heap;
        let index = heap.gc_index();
        // Without memory to look, nothing is found.
        let room = index.len() * size_of::<u32>() + heap.containers() * 3 * size_of::<*mut Header>();
        if Vec::<u8>::new().try_reserve_exact(room).is_err() {
            return Vec::new();
        }
        let mut counts = vec![0_u32; index.len()];
        let frozen = (!self.gc.frozen.is_empty()).then_some(&self.gc.frozen);
        heap.for_each(|p| {
            if is_permanent(p) {
                return;
            }
            // SAFETY: `for_each` gives live objects.
            let rc = unsafe { (*p).rc.get() };
            let held = rc >= IMMORTAL || frozen.is_some_and(|f| f.contains(&(p as usize)));
            if !held {
                counts[GcIndex::of(p)] = rc + 1;
            }
        });
        heap.for_each(|p| {
            if is_permanent(p) {
                return;
            }
            let mut visit = |q: *mut Header| {
                let count = &mut counts[GcIndex::of(q)];
                // Less than none left would mean that a reference was shown twice.
                if *count > NONE_LEFT {
                    *count -= 1;
                }
            };
            if is_leaf(p) {
                // SAFETY: as above.
                visit(unsafe { (*p).layout().class });
            } else {
                // SAFETY: as above.
                unsafe { Heap::trace(p, &mut Tracer { visit: &mut visit }) };
            }
        });
        self.spread(&mut counts);
        let mut garbage = Vec::new();
        heap.for_each(|p| {
            if !is_permanent(p) && counts[GcIndex::of(p)] == NONE_LEFT && is_container(p) {
                garbage.push(p);
            }
        });
        garbage
    }

    /// Marks all that can be reached from objects with a count left.
    fn spread(&self, counts: &mut [u32]) {
        let mut work: Vec<*mut Header> = Vec::new();
        self.heap.for_each(|p| {
            if !is_permanent(p) && counts[GcIndex::of(p)] != NONE_LEFT && is_container(p) {
                counts[GcIndex::of(p)] = REACHED;
                work.push(p);
                // The stack is emptied here, so it stays as small as the depth of what one root reaches.
                while let Some(q) = work.pop() {
                    let mut visit = |r: *mut Header| {
                        let count = &mut counts[GcIndex::of(r)];
                        if *count == NONE_LEFT {
                            *count = REACHED;
                            if is_container(r) {
                                work.push(r);
                            }
                        }
                    };
                    // SAFETY: only live objects are reached.
                    unsafe { Heap::trace(q, &mut Tracer { visit: &mut visit }) };
                }
            }
        });
    }
}
