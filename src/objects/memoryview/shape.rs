//! What a memory view sees of its buffer: offset, format, dimensions. Plain arithmetic, no objects.
//!
//! Invariant: every item that a shape describes lies inside the buffer that the view was made of; views of
//! views only ever narrow.

use crate::objects::slice::Span;
use std::sync::Arc;

/// Most dimensions that a view can have.
pub const MAX_DIMENSIONS: usize = 64;

/// The layout of a view.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Where the first item is, in bytes.
    pub offset: usize,
    /// The format of an item.
    pub format: Arc<str>,
    /// The bytes of an item.
    pub item_size: usize,
    /// The number of items along each dimension.
    pub dims: Vec<usize>,
    /// The distance between items along each dimension, in bytes.
    pub strides: Vec<isize>,
    /// Nothing can be written.
    pub readonly: bool,
}

impl Shape {
    /// A row of items.
    pub fn row(format: &str, item_size: usize, size: usize, readonly: bool) -> Shape {
        Shape {
            offset: 0,
            format: Arc::from(format),
            item_size,
            dims: vec![size / item_size.max(1)],
            strides: vec![item_size as isize],
            readonly,
        }
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.dims.iter().product()
    }

    /// The bytes of all items.
    pub fn size(&self) -> usize {
        self.items() * self.item_size
    }

    fn is_dense(&self, dims: impl Iterator<Item = (usize, isize)>) -> bool {
        let mut expected = self.item_size as isize;
        for (n, stride) in dims {
            if n > 1 && stride != expected {
                return false;
            }
            expected = expected.saturating_mul(n as isize);
        }
        true
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = (usize, isize)> + '_ {
        self.dims.iter().copied().zip(self.strides.iter().copied())
    }

    /// Whether the items lie one behind the other, the last index running fastest.
    pub fn is_c_contiguous(&self) -> bool {
        self.items() == 0 || self.is_dense(self.pairs().rev())
    }

    /// Whether the items lie one behind the other, the first index running fastest.
    pub fn is_f_contiguous(&self) -> bool {
        self.items() == 0 || self.is_dense(self.pairs())
    }

    /// Where each item is, the last index running fastest, or the first one.
    pub fn offsets(&self, first_fastest: bool) -> Vec<usize> {
        let mut all = vec![self.offset];
        let pairs: Vec<(usize, isize)> =
            if first_fastest { self.pairs().rev().collect() } else { self.pairs().collect() };
        for (n, stride) in pairs {
            all = all
                .iter()
                .flat_map(|&at| (0..n).map(move |i| at.wrapping_add_signed(stride.wrapping_mul(i as isize))))
                .collect();
        }
        all
    }

    /// Where the item with an index of as many numbers as there are dimensions is.
    pub fn place(&self, index: &[usize]) -> usize {
        index
            .iter()
            .zip(&self.strides)
            .fold(self.offset, |at, (&i, &stride)| at.wrapping_add_signed(stride.wrapping_mul(i as isize)))
    }

    /// The part that a slice of the first dimension selects.
    pub fn narrowed(&self, span: &Span) -> Shape {
        let mut shape = self.clone();
        if let (Some(n), Some(stride)) = (shape.dims.first_mut(), shape.strides.first_mut()) {
            if span.len > 0 {
                shape.offset = self.offset.wrapping_add_signed(stride.wrapping_mul(span.start as isize));
            }
            *n = span.len;
            *stride = stride.wrapping_mul(span.step as isize);
        }
        shape
    }

    /// The same bytes with other dimensions, for a view whose items lie one behind the other.
    pub fn reshaped(&self, format: &str, item_size: usize, dims: Vec<usize>) -> Shape {
        let mut strides = Vec::with_capacity(dims.len());
        let mut stride = item_size as isize;
        for &n in dims.iter().rev() {
            strides.push(stride);
            stride = stride.saturating_mul(n as isize);
        }
        strides.reverse();
        Shape { offset: self.offset, format: Arc::from(format), item_size, dims, strides, readonly: self.readonly }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_strides() {
        let row = Shape::row("B", 1, 6, true);
        let table = row.reshaped("B", 1, vec![2, 3]);
        assert!(table.is_c_contiguous() && !table.is_f_contiguous());
        assert_eq!(table.offsets(false), [0, 1, 2, 3, 4, 5]);
        assert_eq!(table.offsets(true), [0, 3, 1, 4, 2, 5]);
        assert_eq!(table.place(&[1, 2]), 5);
    }

    #[test]
    fn slices_narrow() {
        let row = Shape::row("H", 2, 12, false);
        let back = row.narrowed(&Span::new((i64::MAX, i64::MIN, -2), 6));
        assert_eq!(back.offsets(false), [10, 6, 2]);
        assert!(!back.is_c_contiguous());
        assert_eq!(row.narrowed(&Span::new((2, 2, 1), 6)).items(), 0);
    }
}
