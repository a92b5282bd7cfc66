//! The payload of `array.array`: it is here and not in the module, because memory views look into it.

use crate::heap_object;
use crate::vm::object::Ref;
use crate::vm::{R, Vm};
use std::sync::Arc;

heap_object! {
    /// Items of one C type, one behind the other in the machine's byte order.
    pub struct Array { }
    skip {
        /// The type code.
        pub code: char,
        /// The bytes of an item.
        pub item_size: usize,
        /// The items.
        pub data: Vec<u8>,
        /// Shared with each memory view.
        pub exports: Arc<()>,
    }
    external = |this| this.data.capacity();
}

impl Array {
    /// An array of whole items.
    pub fn new(code: char, item_size: usize, data: Vec<u8>) -> Array {
        Array { code, item_size, data, exports: Arc::new(()) }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.data.len() / self.item_size.max(1)
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

/// Makes sure that the array may change its size.
///
/// # Errors
/// BufferError while memory views of it exist.
pub fn check_resizable(vm: &mut Vm, array: &Ref<Array>) -> R<()> {
    if Arc::strong_count(&array.get(vm).exports) > 1 {
        return Err(vm.buffer_error("cannot resize an array that is exporting buffers"));
    }
    Ok(())
}
