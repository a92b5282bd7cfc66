//! Reading and writing bytes-like objects of any type: what takes the place of CPython's buffer protocol.
//!
//! Natives that want bytes call [`bytes_from`], those that fill a buffer [`writable_len`] and [`write`]. Objects of
//! script classes take part through `__buffer__`.
//!
//! Invariant: no borrowed part of a buffer outlives a call that may run script code; whoever needs that copies.

use super::array_data::Array;
use crate::objects::bytearray::ByteArray;
use crate::objects::memoryview::{self, MemoryView};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::Bytes;
use crate::vm::{R, Value, Vm};

/// The contents of a `bytes` or `bytearray` object (subclasses included), without copying.
#[inline]
pub fn plain<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a [u8]> {
    match v.cast::<Bytes>() {
        Some(b) => Some(b.get(vm).as_bytes()),
        None => v.cast::<ByteArray>().map(|b| b.get(vm).data.as_slice()),
    }
}

/// Whether the value is a `bytes` or `bytearray` object.
pub fn is_plain(v: &Value) -> bool {
    v.is_a::<Bytes>() || v.is_a::<ByteArray>()
}

/// Whether the value offers its bytes at all.
pub fn is_bytes_like(vm: &Vm, v: &Value) -> bool {
    is_plain(v) || v.is_a::<MemoryView>() || v.is_a::<Array>() || vm.special(v, Special::Buffer).is_some()
}

/// The bytes of a native exporter: `bytes`, `bytearray` or `array`.
pub(crate) fn storage<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a [u8]> {
    plain(vm, v).or_else(|| v.cast::<Array>().map(|a| a.get(vm).data.as_slice()))
}

/// Writes into a native exporter; false when it cannot be written or the place is outside.
pub(crate) fn store(vm: &mut Vm, v: &Value, at: usize, bytes: &[u8]) -> bool {
    let end = at.saturating_add(bytes.len());
    if let Some(b) = v.cast::<ByteArray>() {
        let mut b = b.get_mut(vm);
        return b.data.get_mut(at..end).map(|place| place.copy_from_slice(bytes)).is_some();
    }
    match v.cast::<Array>() {
        Some(array) => {
            let mut array = array.get_mut(vm);
            array.data.get_mut(at..end).map(|place| place.copy_from_slice(bytes)).is_some()
        }
        None => false,
    }
}

/// A copy of the contents of any bytes-like object; nothing when it is none.
///
/// # Errors
/// ValueError for a released memory view; what `__buffer__` raises.
pub fn read_buffer(vm: &mut Vm, v: &Value) -> R<Option<Vec<u8>>> {
    if let Some(contents) = storage(vm, v) {
        let size = contents.len();
        vm.check_alloc(size)?;
        return Ok(storage(vm, v).map(<[u8]>::to_vec));
    }
    if let Some(view) = v.cast::<MemoryView>() {
        return memoryview::contents(vm, view).map(Some);
    }
    if vm.special(v, Special::Buffer).is_none() {
        return Ok(None);
    }
    let view = memoryview::from_script(vm, v, memoryview::FULL_READ_ONLY)?;
    let contents = memoryview::contents(vm, &view);
    let released = memoryview::release(vm, &view);
    let contents = contents?;
    released?;
    Ok(Some(contents))
}

/// A copy of the contents of a bytes-like object.
///
/// # Errors
/// TypeError when it is none ("a bytes-like object is required, not 'X'"); as [`read_buffer`].
pub fn bytes_from(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    match read_buffer(vm, v)? {
        Some(contents) => Ok(contents),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("a bytes-like object is required, not '{got}'")))
        }
    }
}

/// A view of a bytes-like object: natives that keep a buffer for a while hold it and release it in the end.
///
/// # Errors
/// TypeError when it is no bytes-like object; as [`read_buffer`].
pub fn view_of(vm: &mut Vm, v: &Value) -> R<Ref<MemoryView>> {
    match memoryview::view(vm, v, memoryview::FULL_READ_ONLY)? {
        Some(view) => Ok(view),
        None => {
            let got = vm.class_name(v);
            Err(vm.type_error(format!("a bytes-like object is required, not '{got}'")))
        }
    }
}

/// The size of a buffer that can be written, in bytes. `who` says whose argument it is ("readinto() argument").
///
/// # Errors
/// TypeError when it is none, or read-only ("… must be read-write bytes-like object, not bytes").
pub fn writable_len(vm: &mut Vm, v: &Value, who: &str) -> R<usize> {
    if let Some(b) = v.cast::<ByteArray>() {
        return Ok(b.get(vm).data.len());
    }
    if let Some(array) = v.cast::<Array>() {
        return Ok(array.get(vm).data.len());
    }
    if let Some(view) = v.cast::<MemoryView>() {
        let shape = memoryview::live(vm, view)?;
        if !shape.readonly && shape.is_c_contiguous() {
            return Ok(shape.size());
        }
    } else if vm.special(v, Special::Buffer).is_some() && !v.is_a::<Bytes>() {
        let view = memoryview::from_script(vm, v, memoryview::WRITABLE)?;
        let shape = memoryview::live(vm, &view)?;
        memoryview::release(vm, &view)?;
        if !shape.readonly {
            return Ok(shape.size());
        }
    }
    let got = vm.class_name(v);
    Err(vm.type_error(format!("{who} must be read-write bytes-like object, not {got}")))
}

/// Writes into a bytes-like object, from byte `at` on.
///
/// # Errors
/// TypeError when it cannot be written; ValueError when it has become too small.
pub fn write(vm: &mut Vm, v: &Value, at: usize, bytes: &[u8]) -> R<()> {
    let done = if let Some(view) = v.cast::<MemoryView>() {
        memoryview::store(vm, view, at, bytes)?
    } else if store(vm, v, at, bytes) {
        true
    } else if vm.special(v, Special::Buffer).is_some() && !is_plain(v) && !v.is_a::<Array>() {
        let view = memoryview::from_script(vm, v, memoryview::WRITABLE)?;
        let done = memoryview::store(vm, &view, at, bytes);
        memoryview::release(vm, &view)?;
        done?
    } else {
        false
    };
    if done { Ok(()) } else { Err(vm.value_error("the buffer has become too small or cannot be written")) }
}
