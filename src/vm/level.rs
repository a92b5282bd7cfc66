//! Levels: the running stack as scripts see it, where a chain of generators counts as its parts.
//!
//! Generators that await each other share a frame. The one that runs is in it; each of the others stands at an `Await`
//! and is found by the link of what it awaits. So nothing is to be done for the levels while the chain runs.

use super::Vm;
use super::frame::{Frame, ThreadState, frame_flag};
use super::function::{CodeObject, Function};
use super::generator::{GenState, Generator, gen_flag};
use super::object::{Header, Object, Ref};
use super::value::Value;

/// A running frame, or one of the generators of a running chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// How many frames there are up to its own.
    pub depth: usize,
    /// The generator, or null.
    pub generator: *mut Header,
}

/// A level as the key of a map: its depth, and the address of its generator.
pub(super) type LevelKey = (usize, usize);

impl Level {
    pub(super) fn key(self) -> LevelKey {
        (self.depth, self.generator as usize)
    }
}

/// A counted handle of an object that a frame or generator runs.
///
/// # Safety
/// `payload` is that of an object that is alive.
pub(super) unsafe fn handle_of<T: Object>(payload: *const T) -> Ref<T> {
    let p = Header::of_payload(payload);
    // SAFETY: the caller's promise.
    unsafe {
        Header::inc(p);
        Ref::from_value_unchecked(Value::from_ptr(p))
    }
}

impl ThreadState {
    /// The frame with so many up to it, itself included.
    pub(super) fn frame_at(&self, depth: usize) -> Option<&Frame> {
        if depth == 0 { None } else { self.nth(self.depth().checked_sub(depth)?) }
    }

    /// What runs in the frame at a depth.
    pub(super) fn level_at(&self, depth: usize) -> Option<Level> {
        Some(Level { depth, generator: self.frame_at(depth)?.generator })
    }

    /// The one that runs.
    pub(super) fn level(&self) -> Option<Level> {
        self.level_at(self.depth())
    }

    /// What called, resumed or awaits a level.
    pub(super) fn level_below(&self, level: Level) -> Option<Level> {
        let f = self.frame_at(level.depth)?;
        if !level.generator.is_null() && level.generator != f.root {
            // SAFETY: the generators of a running chain are alive, and each but the root is linked to what awaits it.
            let parent = unsafe { (*Header::payload::<Generator>(level.generator)).link };
            if !parent.is_null() {
                return Some(Level { generator: parent, ..level });
            }
        }
        self.level_at(level.depth - 1)
    }

    /// From the one that runs on.
    pub(super) fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        std::iter::successors(self.level(), |level| self.level_below(*level))
    }

    /// Code and function of a level, and the instruction that it is at.
    pub(super) fn at(&self, level: Level) -> Option<(*const CodeObject, *const Function, u32)> {
        let f = self.frame_at(level.depth)?;
        if f.generator == level.generator {
            // SAFETY: the frame's `pc` is in its code.
            let pc = unsafe { f.pc.offset_from((*f.code).instrs) as u32 };
            return Some((f.code, f.func, pc.saturating_sub(1)));
        }
        // SAFETY: the generators of a running chain are alive, and so are their functions.
        unsafe {
            let g = &*Header::payload::<Generator>(level.generator);
            Some(((*g.func.as_ptr()).code.as_ptr(), g.func.as_ptr(), g.current_pc()))
        }
    }

    /// A register of a level.
    pub(super) fn register(&self, level: Level, at: u16) -> Option<&Value> {
        let f = self.frame_at(level.depth)?;
        // SAFETY: the code of running levels is alive, and so are their registers.
        unsafe {
            if f.generator == level.generator {
                return (at < (*f.code).nregs).then(|| &*f.regs.add(at as usize));
            }
            (*Header::payload::<Generator>(level.generator)).registers().get(at as usize)
        }
    }

    /// Notes a level's frame object.
    pub(super) fn observe(&mut self, level: Level, object: Value) {
        let above = self.depth() - level.depth;
        // SAFETY: there is a frame at that depth.
        unsafe { (*self.frame.sub(above)).flags |= frame_flag::OBSERVED };
        self.frame_objects.insert(level.key(), object);
    }

    /// A level of the frame at a depth that has a frame object.
    pub(super) fn observed(&self, depth: usize) -> Option<Level> {
        let (&(depth, generator), _) = self.frame_objects.range((depth, 0)..=(depth, usize::MAX)).next()?;
        Some(Level { depth, generator: std::ptr::with_exposed_provenance_mut(generator) })
    }
}

impl Vm {
    /// The root of the running chain that a generator belongs to.
    ///
    /// # Safety
    /// `g` is a generator object.
    pub(super) unsafe fn chain_running(&self, mut g: *mut Header) -> Option<*mut Header> {
        // SAFETY: the caller's promise; those that await it are alive, because one that dies unlinks what it awaits.
        unsafe {
            loop {
                let this = &*Header::payload::<Generator>(g);
                if this.state() == GenState::Running {
                    return Some(g);
                }
                if this.flags & gen_flag::LINKED == 0 {
                    return None;
                }
                g = this.link;
            }
        }
    }
}
