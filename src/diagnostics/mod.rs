//! Pictures of errors: tracebacks as CPython prints them, and the source texts they quote.

pub mod anchors;
pub mod frames;
pub mod sources;
pub mod suggest;
pub mod traceback;
