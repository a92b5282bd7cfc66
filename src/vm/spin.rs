//! Looking for a moment before sleeping.
//!
//! Waking a thread that sleeps on another processor costs tens of microseconds, most of all on virtual machines, where
//! a processor without work is given back to the host. Whoever expects an answer sooner than that looks for it first, for
//! no longer than a wake-up takes, so at most it costs twice what sleeping at once costs (Karlin et al., "Competitive
//! randomized algorithms for nonuniform problems"). Where looking was in vain, it is left out more and more often.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// About what it takes to wake a thread on another processor.
const MOMENT: Duration = Duration::from_micros(30);
/// Pauses between two looks at the clock.
const PAUSES: u32 = 8;

/// Whether looking is worth it in one place of waiting.
#[derive(Default)]
pub struct Spin {
    /// Waits that sleep at once from now on.
    skip: AtomicU8,
    /// How many they were after the last time that looking was in vain.
    skipped: AtomicU8,
    /// There is another processor that what is waited for can happen on.
    useful: OnceLock<bool>,
}

impl Spin {
    /// Looks whether `ready` becomes true within the time that a wake-up would take.
    pub fn look(&self, ready: impl Fn() -> bool) -> bool {
        let skip = self.skip.load(Ordering::Relaxed);
        if skip > 0 {
            self.skip.store(skip - 1, Ordering::Relaxed);
            return false;
        }
        if !*self.useful.get_or_init(|| std::thread::available_parallelism().is_ok_and(|n| n.get() > 1)) {
            return false;
        }
        let begin = Instant::now();
        while begin.elapsed() < MOMENT {
            for _ in 0..PAUSES {
                if ready() {
                    self.skipped.store(0, Ordering::Relaxed);
                    return true;
                }
                std::hint::spin_loop();
            }
        }
        let skipped = self.skipped.load(Ordering::Relaxed).saturating_mul(2).saturating_add(1);
        self.skipped.store(skipped, Ordering::Relaxed);
        self.skip.store(skipped, Ordering::Relaxed);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_never_comes_is_looked_for_less_often() {
        let spin = Spin::default();
        let several = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        assert_eq!(spin.look(|| true), several);
        let looked = AtomicU8::new(0);
        let mut rounds = 0;
        for _ in 0..100 {
            looked.store(0, Ordering::Relaxed);
            assert!(!spin.look(|| {
                looked.store(1, Ordering::Relaxed);
                false
            }));
            rounds += u32::from(looked.load(Ordering::Relaxed));
        }
        // The waits 1, 3, 7, 15, 31 and 63.
        assert_eq!(rounds, if several { 6 } else { 0 });
    }
}
