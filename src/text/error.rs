//! The one error type of this folder: which exception a script sees, and its text.
//!
//! The codecs have a richer error of their own (`codecs::CodecError`), because a script can read
//! its position back; everything else ends here. Invariant: the message is CPython's, word for word.

use std::fmt;

/// The exception class that a failed operation raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ValueError`
    Value,
    /// `TypeError`
    Type,
    /// `OverflowError`
    Overflow,
    /// `ZeroDivisionError`
    ZeroDivision,
    /// `KeyError`
    Key,
    /// `IndexError`
    Index,
    /// `LookupError`
    Lookup,
    /// `MemoryError`
    Memory,
    /// `struct.error`
    Struct,
    /// `binascii.Error`
    Binascii,
}

impl Kind {
    /// The class's name as a traceback shows it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Value => "ValueError",
            Kind::Type => "TypeError",
            Kind::Overflow => "OverflowError",
            Kind::ZeroDivision => "ZeroDivisionError",
            Kind::Key => "KeyError",
            Kind::Index => "IndexError",
            Kind::Lookup => "LookupError",
            Kind::Memory => "MemoryError",
            Kind::Struct => "struct.error",
            Kind::Binascii => "binascii.Error",
        }
    }
}

/// A failed operation: the exception's class and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The exception class.
    pub kind: Kind,
    /// The exception's text.
    pub message: String,
}

impl TextError {
    /// An error of the given class.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        TextError { kind, message: message.into() }
    }

    /// A `ValueError`.
    pub fn value(message: impl Into<String>) -> Self {
        Self::new(Kind::Value, message)
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(Kind::Type, message)
    }

    /// An `OverflowError`.
    pub fn overflow(message: impl Into<String>) -> Self {
        Self::new(Kind::Overflow, message)
    }

    /// A `MemoryError`, which has no text.
    pub fn memory() -> Self {
        Self::new(Kind::Memory, "")
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for TextError {}

/// What most functions of this folder return.
pub type Result<T> = std::result::Result<T, TextError>;
