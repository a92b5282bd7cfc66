//! UTF-8.

use super::{Decoded, Fault, Replacement};
use crate::text::gutf8;

pub(super) fn decode<E>(
    bytes: &[u8],
    is_final: bool,
    name: &str,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let error = match std::str::from_utf8(rest) {
            Ok(_) => {
                out.extend_from_slice(rest);
                return Ok(Decoded::all(out, bytes.len()));
            }
            Err(error) => error,
        };
        let good = error.valid_up_to();
        out.extend_from_slice(rest.get(..good).unwrap_or(&[]));
        let start = at + good;
        let (end, reason) = match error.error_len() {
            None if !is_final => return Ok(Decoded::all(out, start)),
            None => (bytes.len(), "unexpected end of data"),
            Some(len) => {
                let first = bytes.get(start).copied().unwrap_or(0);
                let starts = matches!(first, 0xC2..=0xF4);
                (start + len, if starts { "invalid continuation byte" } else { "invalid start byte" })
            }
        };
        let (replacement, resume) = on_fault(Fault::new(name, start, end, reason))?;
        out.extend_from_slice(&replacement);
        at = resume.min(bytes.len());
    }
}

/// Surrogates are all that has no encoding; a run of them is one fault.
pub(super) fn encode<E>(
    text: &[u8],
    on_fault: &mut dyn FnMut(Fault) -> Result<(Replacement, usize), E>,
) -> Result<Vec<u8>, E> {
    let mut out = Vec::with_capacity(text.len());
    let (mut at, mut byte) = (0, 0);
    loop {
        let rest = text.get(byte..).unwrap_or(&[]);
        let good = match std::str::from_utf8(rest) {
            Ok(_) => {
                out.extend_from_slice(rest);
                return Ok(out);
            }
            Err(error) => error.valid_up_to(),
        };
        let (head, tail) = rest.split_at(good);
        out.extend_from_slice(head);
        let start = at + gutf8::count(head);
        let run = gutf8::code_points(tail).take_while(|&cp| gutf8::is_surrogate(cp)).count();
        let run = run.max(1);
        let first = byte + good;
        let byte_end = first + gutf8::byte_offset(tail, run);
        let mut fault = Fault::new("utf-8", start, start + run, "surrogates not allowed");
        fault.bytes = (first, byte_end);
        let (replacement, resume) = on_fault(fault.clone())?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(replacement) if gutf8::as_str(&replacement).is_some() => {
                out.extend_from_slice(&replacement);
            }
            Replacement::Text(_) => {
                on_fault(Fault { hopeless: true, ..fault })?;
            }
        }
        byte = super::resume_at(text, resume, (start + run, byte_end));
        at = resume;
    }
}
