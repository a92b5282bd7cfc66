//! Pictures of errors: tracebacks as CPython prints them, the source texts they quote, reports of syntax errors.

pub mod anchors;
pub mod awaits;
pub mod color;
pub mod frames;
pub mod report;
pub mod sources;
pub mod suggest;
pub mod traceback;
