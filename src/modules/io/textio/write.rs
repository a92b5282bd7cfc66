//! Writing to a text stream: encoding, and when what waits is handed on.
//!
//! Invariant: nothing is written before what was read ahead is given up.

use super::{CHUNK, TextIo};
use crate::modules::io::buffered;
use crate::modules::io::errors::unsupported;
use crate::modules::io::stringio::replace_newlines;
use crate::text::codecs::Encoding;
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Vm};

fn encode(vm: &mut Vm, t: &Ref<TextIo>, s: &Ref<Str>) -> R<Vec<u8>> {
    let (native, script, errors) = {
        let this = t.get(vm);
        let plain = match this.native {
            Some(Encoding::Utf8) => s.get(vm).to_str().is_some(),
            Some(Encoding::Latin1 | Encoding::Ascii) => s.get(vm).is_ascii(),
            _ => false,
        };
        if plain {
            return Ok(s.get(vm).as_bytes().to_vec());
        }
        (this.native, this.script_encoder.clone(), this.errors.clone())
    };
    let made = match native {
        None => vm.call_method(&script, "encode", &[s.value().clone()])?,
        Some(encoding) => {
            let started = t.get(vm).started;
            let little = cfg!(target_endian = "little");
            let encoding = match encoding {
                Encoding::Utf16(None) if started => Encoding::Utf16(Some(little)),
                Encoding::Utf32(None) if started => Encoding::Utf32(Some(little)),
                Encoding::Utf8Sig if started => Encoding::Utf8,
                other => other,
            };
            crate::objects::str::codec::encode_native(vm, s, encoding, &errors)?
        }
    };
    match made.cast::<Bytes>() {
        Some(b) => Ok(b.get(vm).as_bytes().to_vec()),
        None => {
            let got = vm.class_name(&made);
            Err(vm.type_error(format!("encoder should return a bytes object, not '{got}'")))
        }
    }
}

pub(super) fn write(vm: &mut Vm, t: &Ref<TextIo>, s: &Ref<Str>) -> R<()> {
    let buffer = t.get(vm).buffer.clone();
    let can = match buffered::exact(vm, &buffer)? {
        Some(b) => buffered::writes(vm, &b),
        None => true,
    };
    if !can {
        return Err(unsupported(vm, "not writable"));
    }
    let bytes = s.get(vm).as_bytes();
    let has_newline = memchr::memchr(b'\n', bytes).is_some();
    let has_cr = t.get(vm).line_buffering && memchr::memchr(b'\r', bytes).is_some();
    let replaced = if has_newline && !t.get(vm).write_newline.is_empty() {
        let text = replace_newlines(bytes, &t.get(vm).write_newline);
        vm.new_str_bytes(&text)
    } else {
        s.clone()
    };
    let encoded = encode(vm, t, &replaced)?;
    vm.tick(encoded.len() / 1024)?;
    let (flush_now, through) = {
        let mut this = t.get_mut(vm);
        this.started |= !encoded.is_empty();
        if this.waiting.is_empty() && encoded.len() >= CHUNK {
            this.waiting = encoded;
        } else {
            this.waiting.extend_from_slice(&encoded);
        }
        let flush_now = this.line_buffering && (has_newline || has_cr);
        (flush_now, this.write_through || this.waiting.len() >= this.chunk)
    };
    if flush_now || through {
        pass_on(vm, t)?;
    }
    if flush_now {
        vm.call_method(&buffer, "flush", &[])?;
    }
    let ahead = !t.get(vm).decoded.is_empty() || !t.get(vm).snapshot.is_empty();
    if ahead {
        forget_ahead(vm, t);
    }
    Ok(())
}

/// Gives up what was read ahead.
pub(super) fn forget_ahead(vm: &mut Vm, t: &Ref<TextIo>) {
    let mut this = t.get_mut(vm);
    this.decoded.clear();
    this.snapshot.clear();
    this.at = 0;
    this.snapshot_flags = 0;
    if let Some(d) = &mut this.decoder {
        d.reset();
    }
}

/// Hands encoded text to the buffer.
pub(super) fn pass_on(vm: &mut Vm, t: &Ref<TextIo>) -> R<()> {
    if t.get(vm).waiting.is_empty() {
        return Ok(());
    }
    let (buffer, waiting) = {
        let mut this = t.get_mut(vm);
        (this.buffer.clone(), std::mem::take(&mut this.waiting))
    };
    let result = match buffered::exact(vm, &buffer)? {
        Some(b) => buffered::write(vm, &b, &waiting),
        None => {
            let bytes = vm.new_bytes(&waiting).into_value();
            vm.call_method(&buffer, "write", &[bytes]).map(drop)
        }
    };
    if result.is_ok() {
        // The room is used again.
        let mut empty = waiting;
        empty.clear();
        let mut this = t.get_mut(vm);
        if this.waiting.is_empty() && empty.capacity() <= CHUNK * 4 {
            this.waiting = empty;
        }
    }
    result
}
