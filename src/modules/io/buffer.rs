//! Bytes-like arguments of streams: reading them, and filling those that can be changed.

use crate::objects::bytes;
use crate::vm::{R, Value, Vm};

pub use crate::objects::bytes::bytes_from as bytes_like;

/// A buffer to fill.
pub struct Target {
    object: Value,
    /// Its length in bytes.
    pub len: usize,
}

impl Target {
    /// The buffer of an object.
    ///
    /// # Errors
    /// TypeError when it has none that can be changed.
    pub fn of(vm: &mut Vm, v: &Value, method: &str) -> R<Target> {
        let len = bytes::writable_len(vm, v, &format!("{method}() argument"))?;
        Ok(Target { object: v.clone(), len })
    }

    /// Puts bytes at its start; what does not fit is cut off.
    ///
    /// # Errors
    /// ValueError when it has become too small meanwhile.
    pub fn fill(&self, vm: &mut Vm, bytes: &[u8]) -> R<usize> {
        let n = bytes.len().min(self.len);
        bytes::write(vm, &self.object, 0, bytes.get(..n).unwrap_or_default())?;
        Ok(n)
    }
}
