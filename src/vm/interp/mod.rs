//! The interpreter loop.
//!
//! Every opcode has a handler (their meaning stands in `compiler::opcodes`); `dispatch` says how one goes on to the
//! next. Rules that the handlers keep:
//!
//! * `pc` points to the next instruction; before anything that can run script code or look at frames, it is
//!   stored in the frame (full handlers begin with that).
//! * An output register is written so that an old value is dropped: dead temps hold no pointers, so that is also right
//!   for them.
//! * A consumed input is taken, which leaves `UNDEF`, so that unwinding may drop every temp it sees.
//! * Quick handlers look at tags and kinds only; everything else is in outlined functions of the other files here.
//! * Whatever pushes or pops a frame leaves to `Vm::run`, which reads the machine's variables anew, or moves them all.

mod access;
mod arith;
mod build;
mod calls;
mod dispatch;
mod flow;
mod handlers;
mod names;
mod patterns;
mod slices;
mod unwind;

use super::exception::Raised;
use super::value::Value;
use super::{R, Vm};
pub(super) use access::AttrCache;
use dispatch::Exit;
use handlers::TABLE;
use unwind::Unwound;

/// What a handler that changed frames wants next.
pub(super) enum Next {
    /// Go on with the running frame, which may be another one.
    Reload,
    /// Leave the native loop with this value.
    Leave(Value),
}

impl Vm {
    /// Runs the topmost frame (which has the `ENTRY` flag) until it is left. With `raised`, the exception
    /// arises at the instruction before the frame's `pc`.
    ///
    /// # Errors
    /// What the code raises; the frame is gone then.
    pub(super) fn run(&mut self, raised: Option<Raised>) -> R {
        let mut pending = raised;
        loop {
            if let Some(e) = pending.take()
                && let Unwound::Leave(e) = self.unwind(e)
            {
                return Err(e);
            }
            let raised = loop {
                // SAFETY: a frame runs; its `pc` is in its code (the verifier has checked that no path leaves it).
                let exit = unsafe {
                    let frame = self.thread.frame;
                    let (pc, regs) = ((*frame).pc, (*frame).regs);
                    TABLE[(*pc).op_byte() as usize](self, pc.wrapping_add(1), regs, frame)
                };
                match exit {
                    // What a drop may have made due: finalizers run before the next statement.
                    Exit::Reload => {
                        if self.heap.pending.get()
                            && let Err(e) = self.checkpoint()
                        {
                            break e;
                        }
                    }
                    Exit::Leave => return Ok(std::mem::replace(&mut self.thread.passed, Value::UNDEF)),
                    Exit::Raised => break Raised(std::mem::replace(&mut self.thread.passed, Value::UNDEF)),
                }
            };
            pending = Some(raised);
        }
    }
}
