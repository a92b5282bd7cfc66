//! Output that is held back for a moment, so that pieces written one after the other go out together.
//!
//! Who holds something back sends it as soon as the callback that wrote it is over. The machine sees to it that nobody
//! can tell the difference: what is held back goes out before this thread waits for anything, before another thread
//! runs, and at each checkpoint, so at the latest after some thousand calls and loop iterations.

use super::{Value, Vm};

/// Sends bytes of an owner. It runs between two instructions and in the middle of natives, so it must not run script
/// code, and leaves for later what cannot be sent.
pub type SendNow = fn(&mut Vm, &Value, &[u8]);

/// The largest buffer, in bytes, that is kept for the next time.
const KEPT: usize = 64 * 1024;

/// What is held back.
pub(super) struct Held {
    /// Whose it is; `UNDEF`: nothing is held back, and the buffer is empty.
    owner: Value,
    bytes: Vec<u8>,
    send: SendNow,
}

impl Default for Held {
    fn default() -> Held {
        Held { owner: Value::UNDEF, bytes: Vec::new(), send: |_, _, _| {} }
    }
}

impl Vm {
    /// Whether anything is held back.
    #[inline]
    pub fn holds_back(&self) -> bool {
        !self.held.owner.is_undef()
    }

    /// Whether something of this owner's is held back.
    pub fn holds_back_for(&self, owner: &Value) -> bool {
        self.held.owner.is(owner)
    }

    /// Holds bytes back, where nothing is held back yet.
    pub fn hold_back(&mut self, owner: Value, bytes: Vec<u8>, send: SendNow) {
        debug_assert!(!self.holds_back(), "one owner at a time");
        self.held = Held { owner, bytes, send };
    }

    /// Takes what is held back. The bytes' buffer comes back by [`Vm::reuse_held`].
    pub fn take_held(&mut self) -> Option<(Value, Vec<u8>)> {
        if !self.holds_back() {
            return None;
        }
        let owner = std::mem::replace(&mut self.held.owner, Value::UNDEF);
        Some((owner, std::mem::take(&mut self.held.bytes)))
    }

    /// An empty buffer for what is to be held back.
    pub fn spare_held(&mut self) -> Vec<u8> {
        if self.holds_back() { Vec::new() } else { std::mem::take(&mut self.held.bytes) }
    }

    /// Gives a buffer back, for the next bytes.
    pub fn reuse_held(&mut self, mut buffer: Vec<u8>) {
        if !self.holds_back() && buffer.capacity() <= KEPT {
            buffer.clear();
            self.held.bytes = buffer;
        }
    }

    /// Sends what is held back, before something happens that could tell that it was.
    #[inline]
    pub fn send_held(&mut self) {
        if self.holds_back() {
            self.send_held_now();
        }
    }

    #[cold]
    fn send_held_now(&mut self) {
        let send = self.held.send;
        if let Some((owner, bytes)) = self.take_held() {
            send(self, &owner, &bytes);
            self.reuse_held(bytes);
        }
    }
}
