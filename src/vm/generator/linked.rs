//! Generators inside a chain: going back to the one that awaits them; and the state of async generators.
//!
//! Invariant: a linked generator's parent stands at an `Await` of it.

use super::{GenState, Generator, gen_flag};
use crate::vm::Vm;
use crate::vm::frame::frame_flag;
use crate::vm::object::{Header, Ref};
use crate::vm::value::Value;

impl Vm {
    /// The running generator of a chain returns `v` to the one that awaits it, which goes on.
    ///
    /// # Safety
    /// The running generator is linked, and stands at a `Return`: nothing is left in its temps, and it awaits
    /// nobody.
    #[inline]
    pub(in crate::vm) unsafe fn end_awaited(&mut self, v: Value) {
        // SAFETY: the caller's promise. The parent's register keeps the generator alive until it is taken out.
        unsafe {
            let frame = self.thread.frame;
            let g = (*frame).generator;
            let this = Header::payload::<Generator>(g);
            if (*frame).flags & frame_flag::OBSERVED != 0 {
                self.generator_left(true);
            }
            (*this).state = GenState::Closed;
            let regs = Generator::regs(this);
            for i in (0..(*(*frame).code).first_temp as usize).rev() {
                *regs.add(i) = Value::UNDEF;
            }
            (*this).handled = Value::INHERITED;
            (*this).flags &= !gen_flag::LINKED;
            let parent = (*this).link;
            (*this).link = std::ptr::null_mut();
            (*frame).chain = (*frame).chain.saturating_sub(1);
            self.switch_to(parent);
            let i = *(*frame).pc;
            *(*frame).regs.add(i.b() as usize) = Value::UNDEF;
            *(*frame).regs.add(i.a() as usize) = v;
            (*frame).pc = (*frame).pc.add(1);
        }
    }

    /// Suspends the running generator of a chain at `pc`, and makes the one that awaits it the running one, as the
    /// item of an async generator does.
    ///
    /// # Safety
    /// The running generator is linked; what was its parent's `Await` is finished next.
    pub(in crate::vm) unsafe fn suspend_linked(&mut self, pc: u32) {
        // SAFETY: the caller's promise.
        unsafe {
            let frame = self.thread.frame;
            let this = Header::payload::<Generator>((*frame).generator);
            if (*frame).flags & frame_flag::OBSERVED != 0 {
                self.generator_left(false);
            }
            (*this).pc = pc;
            (*this).state = GenState::Suspended;
            (*this).handled = std::mem::replace(&mut self.thread.handled, Value::UNDEF);
            (*this).flags &= !gen_flag::LINKED;
            let parent = (*this).link;
            (*this).link = std::ptr::null_mut();
            (*frame).chain = (*frame).chain.saturating_sub(1);
            self.switch_to(parent);
        }
    }
}

/// Async generators: what `asend` and its like keep on the generator.
impl Vm {
    fn has_gen_flag(&self, g: &Ref<Generator>, bit: u8) -> bool {
        g.get(self).flags & bit != 0
    }

    fn put_gen_flag(&mut self, g: &Ref<Generator>, bit: u8, on: bool) {
        let mut g = g.get_mut(self);
        g.flags = if on { g.flags | bit } else { g.flags & !bit };
    }

    /// Whether an `asend`, `athrow` or `aclose` is under way.
    pub fn agen_busy(&self, g: &Ref<Generator>) -> bool {
        self.has_gen_flag(g, gen_flag::BUSY | gen_flag::LINKED)
    }

    /// Says whether an `asend`, `athrow` or `aclose` is under way.
    pub fn set_agen_busy(&mut self, g: &Ref<Generator>, on: bool) {
        self.put_gen_flag(g, gen_flag::BUSY, on);
    }

    /// Whether the generator was closed or has ended.
    pub fn agen_closed(&self, g: &Ref<Generator>) -> bool {
        self.has_gen_flag(g, gen_flag::CLOSING)
    }

    /// Notes that the generator was closed or has ended.
    pub fn set_agen_closed(&mut self, g: &Ref<Generator>) {
        self.put_gen_flag(g, gen_flag::CLOSING, true);
    }

    /// Notes the first iteration; true when it is the first.
    pub fn agen_first_use(&mut self, g: &Ref<Generator>) -> bool {
        let first = !self.has_gen_flag(g, gen_flag::HOOKED);
        self.put_gen_flag(g, gen_flag::HOOKED, true);
        first
    }

    /// Whether the last yield was an item of an async generator; asking resets it.
    pub fn take_async_item(&mut self) -> bool {
        std::mem::take(&mut self.thread.async_item)
    }

    /// `sys.get_asyncgen_hooks()`: first iteration and finalizer, `None` where unset.
    pub fn asyncgen_hooks(&self) -> [Value; 2] {
        self.thread.asyncgen_hooks.clone()
    }

    /// `sys.set_asyncgen_hooks()`.
    pub fn set_asyncgen_hooks(&mut self, hooks: [Value; 2]) {
        let old = std::mem::replace(&mut self.thread.asyncgen_hooks, hooks);
        drop(old);
    }
}
