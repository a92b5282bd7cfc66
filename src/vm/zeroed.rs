//! Tables of zeros that take memory only where they are touched.
//!
//! Caches whose empty entries are zeros are mostly empty in small programs. The C library fills smaller blocks with zeros
//! itself, which touches all of them; what is large enough comes from the system as it is.

use std::alloc::{self, Layout};
use std::ops::Deref;
use std::ptr::NonNull;

/// From this size on, memory comes from the system. What is not used of it is not touched either.
const LARGE: usize = 256 << 10;

/// A table that began with zeros.
pub(super) struct Zeroed<T, const N: usize>(NonNull<[T; N]>);

impl<T, const N: usize> Zeroed<T, N> {
    const LAYOUT: Layout = {
        let own = Layout::new::<[T; N]>();
        let size = if own.size() < LARGE { LARGE } else { own.size() };
        match Layout::from_size_align(size, own.align()) {
            Ok(layout) => layout,
            Err(_) => panic!("a table is smaller"),
        }
    };

    /// A table of zeros.
    ///
    /// # Safety
    /// All zeros are a valid `T`.
    pub(super) unsafe fn new() -> Zeroed<T, N> {
        // SAFETY: the layout has a size.
        let table = unsafe { alloc::alloc_zeroed(Self::LAYOUT) };
        match NonNull::new(table.cast()) {
            Some(table) => Zeroed(table),
            None => alloc::handle_alloc_error(Self::LAYOUT),
        }
    }
}

impl<T, const N: usize> Deref for Zeroed<T, N> {
    type Target = [T; N];
    #[inline(always)]
    fn deref(&self) -> &[T; N] {
        // SAFETY: the memory is large enough, lives as long as `self`, and its zeros were valid.
        unsafe { self.0.as_ref() }
    }
}

impl<T, const N: usize> std::ops::DerefMut for Zeroed<T, N> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T; N] {
        // SAFETY: as for `deref`, and `&mut self` makes the access exclusive.
        unsafe { self.0.as_mut() }
    }
}

impl<T, const N: usize> Drop for Zeroed<T, N> {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout; the entries are valid and nobody uses them any more.
        unsafe {
            if std::mem::needs_drop::<T>() {
                self.0.drop_in_place();
            }
            alloc::dealloc(self.0.as_ptr().cast(), Self::LAYOUT);
        }
    }
}
