//! Native stack for the parser and the compiler, which recurse as deep as a text nests.
//!
//! Both have bounds on the depth, but what they need at most is more than a host's thread may have left. Invariant: what
//! reads a long text runs where there is room for the deepest.

use std::panic::resume_unwind;
use std::thread;

/// What the deepest text needs, in bytes, in an unoptimized build.
const MOST: usize = 8 << 20;
/// What a byte of text may need: a bracket goes through all rules of expressions.
const PER_BYTE: usize = 12 << 10;
/// So much is there on any thread.
const ALWAYS: usize = 768 << 10;

/// Runs `f`, which reads a text of `length` bytes, on this thread when `left` bytes of its stack are enough, else on one
/// of its own. `None`: there was no thread to be had.
pub fn with_room<T: Send>(length: usize, left: usize, f: impl FnOnce() -> T + Send) -> Option<T> {
    let needed = length.saturating_mul(PER_BYTE).min(MOST);
    if needed <= left.max(ALWAYS) {
        return Some(f());
    }
    thread::scope(|scope| {
        let helper = thread::Builder::new().stack_size(2 * MOST).spawn_scoped(scope, f).ok()?;
        match helper.join() {
            Ok(made) => Some(made),
            Err(panic) => resume_unwind(panic),
        }
    })
}
