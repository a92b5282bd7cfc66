//! Codecs of one byte a character: ASCII, Latin-1 and the code pages of `single_tables`.

use super::single_tables::PAGES;
use super::{Decoded, Fault, single_tables};
use crate::text::gutf8;

pub(super) fn push_if(cp: u32, limit: u32, out: &mut Vec<u8>) -> bool {
    let fits = cp < limit;
    if fits {
        out.push(cp as u8);
    }
    fits
}

pub(super) fn decode_latin1(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_ascii() {
        return bytes.to_vec();
    }
    gutf8::from_code_points(bytes.iter().map(|&b| u32::from(b)))
}

pub(super) fn decode_ascii<E>(
    bytes: &[u8],
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let good = rest.iter().position(|&b| b >= 0x80).unwrap_or(rest.len());
        out.extend_from_slice(rest.get(..good).unwrap_or(&[]));
        at += good;
        if at >= bytes.len() {
            return Ok(Decoded::all(out, bytes.len()));
        }
        let (replacement, resume) = on_fault(Fault::new("ascii", at, at + 1, "ordinal not in range(128)"))?;
        out.extend_from_slice(&replacement);
        at = resume.min(bytes.len());
    }
}

pub(super) fn decode_charmap<E>(
    bytes: &[u8],
    page: usize,
    on_fault: &mut dyn FnMut(Fault) -> Result<(Vec<u8>, usize), E>,
) -> Result<Decoded, E> {
    let upper: Vec<char> = single_tables::HALVES.get(page).map_or("", |half| half).chars().collect();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        if b < 0x80 {
            out.push(b);
            at += 1;
            continue;
        }
        match upper.get(usize::from(b & 0x7F)) {
            Some(&c) if c != '\u{FFFE}' => {
                gutf8::push(&mut out, c as u32);
                at += 1;
            }
            _ => {
                let fault = Fault::new("charmap", at, at + 1, "character maps to <undefined>");
                let (replacement, resume) = on_fault(fault)?;
                out.extend_from_slice(&replacement);
                at = resume.min(bytes.len());
            }
        }
    }
    Ok(Decoded::all(out, bytes.len()))
}

pub(super) fn encode_charmap_one(cp: u32, page: usize, out: &mut Vec<u8>) -> bool {
    if cp < 0x80 {
        out.push(cp as u8);
        return true;
    }
    debug_assert!(page < PAGES.len());
    let half = single_tables::HALVES.get(page).map_or("", |half| half);
    match half.chars().position(|c| c as u32 == cp && cp != 0xFFFE) {
        Some(at) => {
            out.push(0x80 + at as u8);
            true
        }
        None => false,
    }
}
