//! Reading from a text stream: decoding ahead, and finding the ends of lines.
//!
//! Invariant: the bytes that `decoded` came from are in `snapshot`, as long as positions can be asked for.

use super::{LONG_SNAPSHOT, TextIo, place::locate, reading};
use crate::modules::io::buffered;
use crate::modules::io::codec::Decoder;
use crate::modules::io::stringio::line_end;
use crate::text::gutf8;
use crate::vm::object::Ref;
use crate::vm::str::{Str, count_chars};
use crate::vm::{R, Raised, Value, Vm};

/// Runs the decoder, which is taken out of the object meanwhile.
pub(super) fn decode(vm: &mut Vm, t: &Ref<TextIo>, input: &[u8], is_final: bool) -> R<Vec<u8>> {
    let (decoder, script) = {
        let mut this = t.get_mut(vm);
        (this.decoder.take(), this.script_decoder.clone())
    };
    let Some(mut decoder) = decoder else { return Err(vm.value_error("reentrant use of a text stream")) };
    let text = decoder.feed(vm, &script, input, is_final);
    t.get_mut(vm).decoder = Some(decoder);
    text
}

pub(super) fn decoder_flags(vm: &Vm, t: &Ref<TextIo>) -> u32 {
    t.get(vm).decoder.as_ref().map_or(0, Decoder::flags)
}

/// Reads one more chunk behind what is left; false at the end of the stream.
fn read_chunk(vm: &mut Vm, t: &Ref<TextIo>) -> R<bool> {
    vm.tick(1)?;
    let (buffer, chunk, keep) = {
        let this = t.get(vm);
        (this.buffer.clone(), this.chunk, this.seekable && !this.iterating)
    };
    let input = next_bytes(vm, &buffer, chunk)?;
    let is_final = input.is_empty();
    drop_consumed(vm, t, keep)?;
    let text = decode(vm, t, &input, is_final)?;
    vm.check_alloc(text.len())?;
    let mut this = t.get_mut(vm);
    if keep {
        this.snapshot.extend_from_slice(&input);
    } else {
        this.snapshot.clear();
    }
    if this.decoded.is_empty() {
        this.decoded = text;
    } else {
        this.decoded.extend_from_slice(&text);
    }
    Ok(!is_final)
}

fn next_bytes(vm: &mut Vm, buffer: &Value, n: usize) -> R<Vec<u8>> {
    if let Some(b) = buffered::exact(vm, buffer)? {
        return buffered::read1(vm, &b, Some(n));
    }
    let name = vm.intern("read1");
    let (method, f) = match vm.get_attr_opt(buffer, &name)? {
        Some(f) => ("read1", f),
        None => ("read", vm.get_attr_str(buffer, "read")?),
    };
    let got = vm.call(&f, &[Value::len(n)])?;
    match crate::objects::bytes::read_buffer(vm, &got)? {
        Some(bytes) => Ok(bytes),
        None => {
            let got = vm.class_name(&got);
            let text = format!("underlying {method}() should have returned a bytes-like object, not '{got}'");
            Err(vm.type_error(text))
        }
    }
}

/// Drops text that was handed out, and the bytes that it came from.
fn drop_consumed(vm: &mut Vm, t: &Ref<TextIo>, keep: bool) -> R<()> {
    let flags = decoder_flags(vm, t);
    let pending = t.get(vm).decoder.as_ref().map_or(0, |d| d.pending.len());
    {
        let mut this = t.get_mut(vm);
        if this.at >= this.decoded.len() {
            this.decoded.clear();
            this.at = 0;
            // The beginning of a character stays: the snapshot starts with it.
            let cut = this.snapshot.len().saturating_sub(pending);
            this.snapshot.drain(..cut);
            if this.snapshot.is_empty() || !keep {
                this.snapshot.clear();
            }
            this.snapshot_flags = flags;
            return Ok(());
        }
        if !keep {
            let at = std::mem::take(&mut this.at);
            this.decoded.drain(..at);
            this.snapshot.clear();
            return Ok(());
        }
        if this.snapshot.len() < LONG_SNAPSHOT {
            return Ok(());
        }
    }
    let place = locate(vm, t)?;
    let mut this = t.get_mut(vm);
    if place.skip == 0 {
        let at = std::mem::take(&mut this.at);
        this.decoded.drain(..at);
        let bytes = place.bytes.min(this.snapshot.len());
        this.snapshot.drain(..bytes);
        this.snapshot_flags = place.flags;
    }
    Ok(())
}

/// Takes bytes of `decoded`.
fn take(vm: &mut Vm, t: &Ref<TextIo>, len: usize) -> Vec<u8> {
    let mut this = t.get_mut(vm);
    if this.at == 0 && len == this.decoded.len() && !this.seekable {
        return std::mem::take(&mut this.decoded);
    }
    let from = this.at;
    let part = this.decoded.get(from..from + len).unwrap_or_default().to_vec();
    this.at = from + len;
    part
}

pub(super) fn read(vm: &mut Vm, t: &Ref<TextIo>, n: Option<usize>) -> R {
    let Some(n) = n else {
        let buffer = t.get(vm).buffer.clone();
        let rest = match buffered::exact(vm, &buffer)? {
            Some(b) => buffered::read(vm, &b, None)?.unwrap_or_default(),
            None => {
                let got = vm.call_method(&buffer, "read", &[])?;
                if got.is_none() {
                    return Err(would_block(vm));
                }
                match crate::objects::bytes::read_buffer(vm, &got)? {
                    Some(bytes) => bytes,
                    None => {
                        let got = vm.class_name(&got);
                        let text = format!("underlying read() should have returned a bytes-like object, not '{got}'");
                        return Err(vm.type_error(text));
                    }
                }
            }
        };
        let text = decode(vm, t, &rest, true)?;
        let flags = decoder_flags(vm, t);
        let mut this = t.get_mut(vm);
        let (at, decoded) = (std::mem::take(&mut this.at), std::mem::take(&mut this.decoded));
        this.snapshot.clear();
        this.snapshot_flags = flags;
        drop(this);
        return Ok(vm.new_str_parts(&[decoded.get(at..).unwrap_or_default(), &text]).into());
    };
    let mut out = Vec::new();
    let mut left = n;
    loop {
        let (len, chars) = {
            let this = t.get(vm);
            let rest = this.decoded.get(this.at..).unwrap_or_default();
            let chars = count_chars(rest);
            if chars > left { (gutf8::byte_offset(rest, left), left) } else { (rest.len(), chars) }
        };
        out.extend_from_slice(&take(vm, t, len));
        left -= chars;
        if left == 0 || !read_chunk(vm, t)? && t.get(vm).at >= t.get(vm).decoded.len() {
            break;
        }
    }
    Ok(vm.new_str_bytes(&out).into())
}

fn would_block(vm: &mut Vm) -> Raised {
    let class = vm.exc.BlockingIOError.clone();
    let text = vm.new_str("Read returned None.").into_value();
    vm.raise_call(&class, &[Value::int32(nix::errno::Errno::EAGAIN as i32), text])
}

/// Reads a line, or up to `limit` characters of it.
pub(super) fn read_line(vm: &mut Vm, t: &Ref<TextIo>, limit: Option<usize>) -> R<Vec<u8>> {
    // Bytes of the line's beginning that are known to hold no line end.
    let mut searched = 0;
    loop {
        let found = {
            let this = t.get(vm);
            let rest = this.decoded.get(this.at..).unwrap_or_default();
            let newlines = this.decoder.as_ref().and_then(|d| d.newlines.as_ref());
            let from = rest.get(searched..).unwrap_or_default();
            let end = line_end(from, newlines, &this.write_newline).map(|end| searched + end);
            // A line end of two characters may be cut in two.
            searched = rest.len().saturating_sub(this.write_newline.len().saturating_sub(1));
            match limit {
                None => end,
                Some(limit) => {
                    let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                    if count_chars(line) >= limit { Some(gutf8::byte_offset(line, limit)) } else { end }
                }
            }
        };
        if let Some(len) = found {
            return Ok(take(vm, t, len));
        }
        let (at, before) = (t.get(vm).at, t.get(vm).decoded.len());
        let more = read_chunk(vm, t)?;
        let this = t.get(vm);
        let left = this.decoded.len() - this.at;
        if !more && left == before.saturating_sub(at) {
            return Ok(take(vm, t, left));
        }
    }
}

pub(super) fn next(vm: &mut Vm, a: &[Value]) -> R {
    let t = vm.this::<TextIo>(a, "__next__")?.clone();
    t.get_mut(vm).iterating = true;
    let exact = vm.class_for::<TextIo>().is_some_and(|c| vm.is_exact(&a[0], &c));
    let line = if exact {
        let t = reading(vm, a)?;
        let line = read_line(vm, &t, None)?;
        vm.new_str_bytes(&line).into_value()
    } else {
        let line = vm.call_method(&a[0], "readline", &[])?;
        if !line.is_a::<Str>() {
            let got = vm.class_name(&line);
            return Err(vm.os_error_plain(&format!("readline() should have returned a str object, not '{got}'")));
        }
        line
    };
    if vm.len(&line)? == 0 {
        t.get_mut(vm).iterating = false;
        return Err(Raised::stop_iteration());
    }
    Ok(line)
}
