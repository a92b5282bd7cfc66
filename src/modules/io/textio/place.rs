//! Positions of a text stream: where in the bytes a character lies, and how to come back to it.
//!
//! A position is one number that says where the bytes begin, in which state the decoder was there, and how far to go on.

use super::{TextIo, open, read::decode, read::decoder_flags, write::forget_ahead, write::pass_on};
use crate::bigint::BigInt;
use crate::modules::io::errors::unsupported;
use crate::modules::io::fileio;
use crate::text::codecs::Encoding;
use crate::text::gutf8;
use crate::vm::native::{arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, count_chars};
use crate::vm::{R, Value, Vm};

/// Where the next character lies, from the start of the snapshot.
pub(super) struct Place {
    /// A point at which the decoder holds nothing back.
    pub(super) bytes: usize,
    /// The decoder's state there.
    pub(super) flags: u32,
    /// How many bytes to decode from there, and how many characters of them to skip.
    feed: usize,
    pub(super) skip: usize,
    /// The end of the input must be told to the decoder.
    need_eof: bool,
}

/// Decodes the snapshot once more, byte by byte, until the characters handed out are there.
pub(super) fn locate(vm: &mut Vm, t: &Ref<TextIo>) -> R<Place> {
    let (snapshot, flags, mut decoder, script, wanted) = {
        let this = t.get(vm);
        let consumed = this.decoded.get(..this.at).unwrap_or_default();
        let Some(decoder) = this.decoder.clone() else { return Err(vm.value_error("reentrant use of a text stream")) };
        if decoder.now == Some(Encoding::Utf8) && this.snapshot.starts_with(consumed) {
            // What was handed out is what was read.
            let bytes = consumed.len();
            let flags = if decoder.newlines.is_some() { this.snapshot_flags & !1 } else { this.snapshot_flags };
            return Ok(Place { bytes, flags, feed: 0, skip: 0, need_eof: false });
        }
        (this.snapshot.clone(), this.snapshot_flags, decoder, this.script_decoder.clone(), count_chars(consumed))
    };
    let saved = if decoder.start.is_none() { Some(vm.call_method(&script, "getstate", &[])?) } else { None };
    if decoder.start.is_none() {
        vm.call_method(&script, "reset", &[])?;
    }
    decoder.set_flags(flags);
    let mut clean = Place { bytes: 0, flags, feed: 0, skip: wanted, need_eof: false };
    let mut chars = 0;
    for (i, b) in snapshot.iter().enumerate() {
        if chars >= wanted && clean.skip == 0 {
            break;
        }
        if chars > wanted {
            break;
        }
        chars += count_chars(&decoder.feed(vm, &script, &[*b], false)?);
        let held = !decoder.pending.is_empty() || decoder.newlines.as_ref().is_some_and(|n| n.pending_cr);
        if !held && chars <= wanted {
            clean = Place { bytes: i + 1, flags: decoder.flags(), feed: 0, skip: wanted - chars, need_eof: false };
        } else {
            clean.feed = i + 1 - clean.bytes;
        }
        if chars >= wanted && clean.skip > 0 {
            break;
        }
    }
    clean.need_eof = chars < wanted;
    if clean.skip == 0 {
        clean.feed = 0;
    }
    if let Some(state) = saved {
        vm.call_method(&script, "setstate", &[state])?;
    }
    Ok(clean)
}

pub(super) fn tell(vm: &mut Vm, a: &[Value]) -> R {
    let t = open(vm, a)?;
    if !t.get(vm).seekable {
        return Err(unsupported(vm, "underlying stream is not seekable"));
    }
    if t.get(vm).iterating {
        return Err(vm.os_error_plain("telling position disabled by next() call"));
    }
    pass_on(vm, &t)?;
    let buffer = t.get(vm).buffer.clone();
    vm.call_method(&a[0], "flush", &[])?;
    let at = vm.call_method(&buffer, "tell", &[])?;
    if t.get(vm).snapshot.is_empty() {
        return Ok(at);
    }
    let place = locate(vm, &t)?;
    let at = vm.index_i64(&at)?;
    let start = at.saturating_sub(t.get(vm).snapshot.len() as i64).saturating_add(place.bytes as i64);
    if place.flags & 1 == 0 && place.skip == 0 && (place.flags == 0 || start > 0) {
        // At a plain position the decoder's state follows from the position.
        return Ok(vm.int(start));
    }
    let mut cookie = BigInt::from_i64(start);
    for (value, shift) in [
        (i64::from(place.flags), 64),
        (place.feed as i64, 128),
        (place.skip as i64, 192),
        (i64::from(place.need_eof), 256),
    ] {
        if let Some(part) = BigInt::from_i64(value).shl(shift) {
            cookie = &cookie + &part;
        }
    }
    Ok(vm.big_int(cookie))
}

/// The parts of a position.
fn unpack(vm: &mut Vm, cookie: &Value) -> R<Option<[u64; 5]>> {
    let Some(big) = vm.as_big_int(cookie) else { return Ok(None) };
    if big.is_negative() {
        let shown = vm.repr_string(cookie)?;
        return Err(vm.value_error(format!("negative seek position {shown}")));
    }
    let bytes = match big.to_bytes(40, true, false) {
        Ok(b) => b,
        Err(_) => return Err(vm.overflow_error("Python int too large to convert to C long")),
    };
    let mut parts = [0; 5];
    for (part, eight) in parts.iter_mut().zip(bytes.chunks_exact(8)) {
        *part = eight.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
    }
    Ok(Some(parts))
}

pub(super) fn seek(vm: &mut Vm, a: &[Value]) -> R {
    let t = open(vm, a)?;
    if !t.get(vm).seekable {
        return Err(unsupported(vm, "underlying stream is not seekable"));
    }
    let whence = fileio::whence_arg(vm, arg(a, 2))?;
    let mut cookie = arg_or_none(a, 1).clone();
    let buffer = t.get(vm).buffer.clone();
    match whence {
        0 => {}
        1 | 2 => {
            let zero = vm.equal(&cookie, &Value::int32(0))?;
            if !zero {
                let what = if whence == 1 { "cur" } else { "end" };
                return Err(unsupported(vm, &format!("can't do nonzero {what}-relative seeks")));
            }
            if whence == 1 {
                vm.call_method(&a[0], "flush", &[])?;
                cookie = vm.call_method(&a[0], "tell", &[])?;
            } else {
                vm.call_method(&a[0], "flush", &[])?;
                forget_ahead(vm, &t);
                let at = vm.call_method(&buffer, "seek", &[Value::int32(0), Value::int32(2)])?;
                let start = vm.as_i64(&at) == Some(0);
                settle(vm, &t, start)?;
                return Ok(at);
            }
        }
        _ => return Err(vm.value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
    }
    let cookie = vm.index(&cookie)?;
    let Some([start, flags, feed, skip, need_eof]) = unpack(vm, &cookie)? else {
        return Err(vm.type_error("an integer is required"));
    };
    vm.call_method(&a[0], "flush", &[])?;
    let position = vm.int_from(start);
    vm.call_method(&buffer, "seek", std::slice::from_ref(&position))?;
    forget_ahead(vm, &t);
    settle(vm, &t, start == 0 && flags == 0)?;
    if flags != 0
        && let Some(d) = &mut t.get_mut(vm).decoder
    {
        d.set_flags(flags as u32);
    }
    let now = decoder_flags(vm, &t);
    t.get_mut(vm).snapshot_flags = now;
    if skip > 0 {
        let input = vm.call_method(&buffer, "read", &[Value::len(feed as usize)])?;
        let Some(b) = input.cast::<Bytes>() else {
            return Err(vm.type_error("underlying read() should have returned a bytes object"));
        };
        let input = b.get(vm).as_bytes().to_vec();
        let text = decode(vm, &t, &input, need_eof != 0)?;
        if (count_chars(&text) as u64) < skip {
            return Err(vm.os_error_plain("can't restore logical file position"));
        }
        let mut this = t.get_mut(vm);
        this.at = gutf8::byte_offset(&text, skip as usize);
        this.decoded = text;
        this.snapshot = input;
    }
    Ok(cookie)
}

/// Sets encoder and decoder for a position: only at the start of a stream may there be a byte order mark.
pub(super) fn settle(vm: &mut Vm, t: &Ref<TextIo>, start: bool) -> R<()> {
    let (decoder, encoder) = {
        let mut this = t.get_mut(vm);
        this.iterating = false;
        this.started = !start;
        if let Some(d) = &mut this.decoder {
            d.reset();
            if !start && d.start == Some(Encoding::Utf8Sig) {
                d.now = Some(Encoding::Utf8);
            }
        }
        (this.script_decoder.clone(), this.script_encoder.clone())
    };
    for (codec, state) in [(decoder, None), (encoder, Some(i32::from(!start)))] {
        if codec.is_none() {
            continue;
        }
        match state {
            Some(n) if n != 0 => vm.call_method(&codec, "setstate", &[Value::int32(0)])?,
            _ => vm.call_method(&codec, "reset", &[])?,
        };
    }
    Ok(())
}
