//! Encoding and decoding for text streams: names, one-shot calls, and the incremental decoder with its newlines.

use crate::objects::str::codec;
use crate::text::codecs::{self, Decoded, Encoding};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// Encodes text.
///
/// # Errors
/// UnicodeEncodeError; LookupError; what scripts' codecs raise.
pub fn encode(vm: &mut Vm, s: &Ref<Str>, encoding: &str, errors: &str) -> R<Vec<u8>> {
    let made = codec::encode(vm, s, Some(encoding), Some(errors))?;
    Ok(made.cast::<Bytes>().map(|b| b.get(vm).as_bytes().to_vec()).unwrap_or_default())
}

/// The encoding of the locale, which is always this one; by the name that the system gives it.
pub const LOCALE: &str = "UTF-8";

/// Checks the name of an encoding that a script gave.
///
/// # Errors
/// TypeError, ValueError; LookupError when there is no such encoding.
pub fn encoding_name(vm: &mut Vm, v: &Value, what: &str) -> R<String> {
    let Some(s) = v.cast::<Str>() else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{what} must be str or None, not {got}")));
    };
    let text = s.get(vm).to_string_lossy().into_owned();
    if text.contains('\0') {
        return Err(vm.value_error("embedded null character"));
    }
    if text == "locale" {
        return Ok(LOCALE.to_owned());
    }
    if Encoding::named(&text).is_none() {
        if codec::is_transform(&text) {
            return Err(vm.lookup_error(format!("'{text}' is not a text encoding")));
        }
        codec::search(vm, &text)?;
    }
    Ok(text)
}

/// Bits of [`Newlines::seen`].
mod newline {
    pub const CR: u8 = 1;
    pub const LF: u8 = 2;
    pub const CRLF: u8 = 4;
}

/// Recognizes line ends of all three kinds in text that comes in pieces.
#[derive(Clone, Debug, Default)]
pub struct Newlines {
    /// Turn them all into `\n`.
    pub translate: bool,
    /// A `\r` at the end of the last piece is held back.
    pub pending_cr: bool,
    /// The kinds met.
    pub seen: u8,
}

impl Newlines {
    /// The next piece.
    pub fn feed(&mut self, mut text: Vec<u8>, is_final: bool) -> Vec<u8> {
        if self.pending_cr && (!text.is_empty() || is_final) {
            text.insert(0, b'\r');
            self.pending_cr = false;
        }
        if !is_final && text.last() == Some(&b'\r') {
            text.pop();
            self.pending_cr = true;
        }
        let Some(first) = memchr::memchr(b'\r', &text) else {
            if self.seen & newline::LF == 0 && memchr::memchr(b'\n', &text).is_some() {
                self.seen |= newline::LF;
            }
            return text;
        };
        if memchr::memchr(b'\n', &text[..first]).is_some() {
            self.seen |= newline::LF;
        }
        let mut out = if self.translate { text[..first].to_vec() } else { Vec::new() };
        let mut at = first;
        while let Some(&b) = text.get(at) {
            let mut put = b;
            if b == b'\r' {
                put = b'\n';
                if text.get(at + 1) == Some(&b'\n') {
                    self.seen |= newline::CRLF;
                    at += 1;
                } else {
                    self.seen |= newline::CR;
                }
            } else if b == b'\n' {
                self.seen |= newline::LF;
            }
            if self.translate {
                out.push(put);
            }
            at += 1;
        }
        if self.translate { out } else { text }
    }

    /// The attribute `newlines`.
    pub fn value(&self, vm: &mut Vm) -> Value {
        let kinds = [(newline::CR, "\r"), (newline::LF, "\n"), (newline::CRLF, "\r\n")];
        let met: Vec<Value> =
            kinds.iter().filter(|(bit, _)| self.seen & bit != 0).map(|(_, s)| vm.intern(s).into_value()).collect();
        match met.as_slice() {
            [] => Value::NONE,
            [one] => one.clone(),
            _ => vm.tuple(met).into(),
        }
    }
}

/// What a decoder remembers between pieces.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The encoding at the start of the stream; nothing for one of a script's.
    pub start: Option<Encoding>,
    /// The encoding as it is now: the byte order is known after the first bytes.
    pub now: Option<Encoding>,
    /// The error handler.
    pub errors: String,
    /// The beginning of a character.
    pub pending: Vec<u8>,
    /// Line ends, where they are recognized.
    pub newlines: Option<Newlines>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(encoding: Option<Encoding>, errors: &str, newlines: Option<Newlines>) -> Decoder {
        Decoder { start: encoding, now: encoding, errors: errors.to_owned(), pending: Vec::new(), newlines }
    }

    /// Back to the start of the stream.
    pub fn reset(&mut self) {
        self.now = self.start;
        self.pending.clear();
        if let Some(n) = &mut self.newlines {
            n.pending_cr = false;
        }
    }

    /// The state as a number, for positions.
    pub fn flags(&self) -> u32 {
        let order = match self.now {
            _ if self.now == self.start => 0,
            Some(Encoding::Utf16(Some(big)) | Encoding::Utf32(Some(big))) => 2 | (u32::from(big) << 2),
            _ => 2,
        };
        u32::from(self.newlines.as_ref().is_some_and(|n| n.pending_cr)) | order
    }

    /// Back to a state that [`flags`](Self::flags) gave.
    pub fn set_flags(&mut self, flags: u32) {
        self.reset();
        if flags & 2 != 0 {
            let little = flags & 4 != 0;
            self.now = match self.start {
                Some(Encoding::Utf16(None)) => Some(Encoding::Utf16(Some(little))),
                Some(Encoding::Utf32(None)) => Some(Encoding::Utf32(Some(little))),
                Some(Encoding::Utf8Sig) => Some(Encoding::Utf8),
                other => other,
            };
        }
        if let Some(n) = &mut self.newlines {
            n.pending_cr = flags & 1 != 0;
        }
    }

    /// Decodes the next piece. `script` is the decoder object of a script's encoding.
    ///
    /// # Errors
    /// UnicodeDecodeError; what scripts' codecs and handlers raise.
    pub fn feed(&mut self, vm: &mut Vm, script: &Value, input: &[u8], is_final: bool) -> R<Vec<u8>> {
        vm.tick(input.len() / 1024)?;
        let text = match self.now {
            Some(encoding) => self.decode(vm, encoding, input, is_final)?,
            None => {
                let bytes = vm.new_bytes(input).into_value();
                let text = vm.call_method(script, "decode", &[bytes, is_final.into()])?;
                match text.cast::<Str>() {
                    Some(s) => s.get(vm).as_bytes().to_vec(),
                    None => {
                        let got = vm.class_name(&text);
                        return Err(vm.type_error(format!("decoder should return a string result, not '{got}'")));
                    }
                }
            }
        };
        Ok(match &mut self.newlines {
            Some(n) => n.feed(text, is_final),
            None => text,
        })
    }

    fn decode(&mut self, vm: &mut Vm, encoding: Encoding, input: &[u8], is_final: bool) -> R<Vec<u8>> {
        if self.pending.is_empty() {
            let as_is = match encoding {
                Encoding::Utf8 => std::str::from_utf8(input).is_ok(),
                Encoding::Latin1 | Encoding::Ascii => input.is_ascii(),
                _ => false,
            };
            if as_is {
                return Ok(input.to_vec());
            }
        }
        let mut all = std::mem::take(&mut self.pending);
        all.extend_from_slice(input);
        let errors = self.errors.clone();
        let Decoded { text, consumed, little_endian, .. } = codecs::decode(encoding, &all, is_final, &mut |fault| {
            codec::on_decode_fault(vm, encoding, &Value::UNDEF, &all, fault, &errors)
        })?;
        self.pending = all.get(consumed..).unwrap_or_default().to_vec();
        if consumed > 0 {
            self.now = Some(match (encoding, little_endian) {
                (Encoding::Utf16(None), Some(l)) => Encoding::Utf16(Some(l)),
                (Encoding::Utf32(None), Some(l)) => Encoding::Utf32(Some(l)),
                (Encoding::Utf8Sig, _) => Encoding::Utf8,
                (other, _) => other,
            });
        }
        Ok(text)
    }
}
