//! Text to bytes and back for scripts: `str.encode`, `bytes.decode`, `str(b, encoding)`, and the codecs module.
//!
//! The encodings themselves are in `text::codecs`; what scripts registered (search functions, error handlers) is
//! kept here, per interpreter. A built-in encoding runs natively; its faults go to a built-in handler unless a
//! script has registered one under the same name.

use crate::objects::bytes;
use crate::text::codecs::{
    self, CodecError, Decoded, Encoding, Fault, Handler, Replacement, decode_with_handler, encode_with_handler,
    normalize_name,
};
use crate::text::gutf8;
use crate::vm::exception::{Exception, Raised};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;

/// What scripts have registered.
#[derive(Default)]
pub struct Registry {
    /// Functions that are asked for encodings.
    pub search: Vec<Value>,
    /// Error handlers by name.
    pub handlers: HashMap<String, Value>,
    /// What the search functions found.
    pub found: HashMap<String, Value>,
}

/// The encoding that a name means; UTF-8 when none is given.
fn native(name: Option<&str>) -> Option<Encoding> {
    match name {
        None | Some("utf-8" | "utf8" | "UTF-8") => Some(Encoding::Utf8),
        Some(name) => Encoding::named(name),
    }
}

/// `text.encode(encoding, errors)`.
///
/// # Errors
/// UnicodeEncodeError, LookupError for an unknown encoding or handler, what scripts' codecs raise.
pub fn encode(vm: &mut Vm, s: &Ref<Str>, encoding: Option<&str>, errors: Option<&str>) -> R {
    match native(encoding) {
        Some(e) => encode_native(vm, s, e, errors.unwrap_or("strict")),
        None => by_script(vm, s.value(), encoding.unwrap_or("utf-8"), errors, true),
    }
}

/// Encodes with a built-in encoding.
///
/// # Errors
/// As [`encode`].
pub fn encode_native(vm: &mut Vm, s: &Ref<Str>, encoding: Encoding, errors: &str) -> R {
    let text = s.get(vm);
    let as_is = match encoding {
        Encoding::Utf8 => text.to_str().is_some(),
        Encoding::Latin1 | Encoding::Ascii => text.is_ascii(),
        _ => false,
    };
    let most = if as_is { 1 } else { most_larger(encoding, errors) };
    vm.check_alloc(text.byte_len().saturating_mul(most))?;
    if as_is {
        return Ok(vm.new_bytes(s.get(vm).as_bytes()).into());
    }
    let text = s.get(vm).as_bytes().to_vec();
    vm.tick(text.len() >> 8)?;
    let object = s.value().clone();
    let made =
        codecs::encode(encoding, &text, &mut |fault| on_encode_fault(vm, encoding, &object, &text, fault, errors))?;
    Ok(vm.new_bytes(&made).into())
}

/// How many times larger than what is encoded or decoded the buffers become that this takes, at most.
fn most_larger(encoding: Encoding, errors: &str) -> usize {
    let longest = match encoding {
        Encoding::Utf8 | Encoding::Ascii => 1,
        Encoding::Latin1 => 2,
        _ => 4,
    };
    // A byte becomes an escape of four, a character of two bytes a reference of six.
    1 + if errors == "strict" { longest } else { 4 }
}

/// Says what takes the place of text that cannot be encoded.
///
/// # Errors
/// What the handler raises; LookupError when there is none of the name.
pub fn on_encode_fault(
    vm: &mut Vm,
    encoding: Encoding,
    object: &Value,
    text: &[u8],
    fault: Fault,
    errors: &str,
) -> R<(Replacement, usize)> {
    vm.tick(1)?;
    let Some(handler) = script_handler(vm, errors) else {
        let result = Handler::named(errors).and_then(|h| encode_with_handler(h, encoding, fault, text));
        return result.map_err(|e| codec_error(vm, e, object));
    };
    let error = vm.unicode_encode_error(&fault.encoding, object, fault.start, fault.end, &fault.reason);
    if fault.hopeless {
        return Err(error);
    }
    let error = vm.exception_value(error);
    let answer = vm.call(&handler, &[error])?;
    let parts = vm.tuple_clone(&answer).unwrap_or_default();
    if let [replacement, at] = parts.as_slice()
        && vm.is_int(at)
    {
        let made = match (replacement.cast::<Str>(), replacement.cast::<Bytes>()) {
            (Some(s), _) => Some(Replacement::Text(s.get(vm).as_bytes().to_vec())),
            (_, Some(b)) => Some(Replacement::Bytes(b.get(vm).as_bytes().to_vec())),
            _ => None,
        };
        if let Some(made) = made {
            let resume = resume(vm, at, gutf8::count(text))?;
            return Ok((made, resume));
        }
    }
    Err(vm.type_error("encoding error handler must return (str/bytes, int) tuple"))
}

/// Where a handler wants to go on.
fn resume(vm: &mut Vm, at: &Value, length: usize) -> R<usize> {
    let asked = vm.index_i64(at)?;
    let from_start = if asked < 0 { asked.saturating_add(length as i64) } else { asked };
    match usize::try_from(from_start).ok().filter(|&at| at <= length) {
        Some(at) => Ok(at),
        None => Err(vm.index_error(format!("position {asked} from error handler out of bounds"))),
    }
}

/// `data.decode(encoding, errors)` for a bytes-like object.
///
/// # Errors
/// UnicodeDecodeError, LookupError for an unknown encoding or handler, what scripts' codecs raise.
pub fn decode(vm: &mut Vm, v: &Value, encoding: Option<&str>, errors: Option<&str>) -> R {
    match native(encoding) {
        Some(e) => Ok(decode_native(vm, v, e, errors.unwrap_or("strict"), true)?.0),
        None => by_script(vm, v, encoding.unwrap_or("utf-8"), errors, false),
    }
}

/// Decodes a bytes-like object with a built-in encoding: the text, and what else the decoder says of it.
///
/// # Errors
/// As [`decode`].
pub fn decode_native(
    vm: &mut Vm,
    v: &Value,
    encoding: Encoding,
    errors: &str,
    is_final: bool,
) -> R<(Value, usize, Option<bool>)> {
    if let Some(size) = bytes::plain(vm, v).map(<[u8]>::len) {
        vm.check_alloc(size)?;
        let contents = bytes::plain(vm, v).unwrap_or_default();
        let as_is = match encoding {
            Encoding::Utf8 => std::str::from_utf8(contents).is_ok(),
            Encoding::Latin1 | Encoding::Ascii => contents.is_ascii(),
            _ => false,
        };
        if as_is {
            return Ok((vm.new_str_bytes(contents).into(), contents.len(), None));
        }
    }
    let contents = bytes::bytes_from(vm, v)?;
    vm.check_alloc(contents.len().saturating_mul(most_larger(encoding, errors)))?;
    vm.tick(contents.len() >> 8)?;
    let object = if v.is_a::<Bytes>() { v.clone() } else { Value::UNDEF };
    let decoded = codecs::decode(encoding, &contents, is_final, &mut |fault| {
        on_decode_fault(vm, encoding, &object, &contents, fault, errors)
    })?;
    let Decoded { text, consumed, little_endian, note } = decoded;
    if let Some(note) = note {
        let category = vm.exc.DeprecationWarning.clone();
        vm.warn(&category, &note.message(), 1)?;
    }
    Ok((vm.new_str_bytes(&text).into(), consumed, little_endian))
}

/// Says what takes the place of bytes that cannot be decoded. `object` is the bytes object, `UNDEF` to make one.
///
/// # Errors
/// What the handler raises; LookupError when there is none of the name.
pub fn on_decode_fault(
    vm: &mut Vm,
    encoding: Encoding,
    object: &Value,
    contents: &[u8],
    fault: Fault,
    errors: &str,
) -> R<(Vec<u8>, usize)> {
    vm.tick(1)?;
    let Some(handler) = script_handler(vm, errors) else {
        let result = Handler::named(errors).and_then(|h| decode_with_handler(h, encoding, fault, contents));
        return result.map_err(|e| {
            let object = if object.is_undef() { vm.new_bytes(contents).into_value() } else { object.clone() };
            codec_error(vm, e, &object)
        });
    };
    let object = if object.is_undef() { vm.new_bytes(contents).into_value() } else { object.clone() };
    let error = vm.unicode_decode_error(&fault.encoding, &object, fault.start, fault.end, &fault.reason);
    let error = vm.exception_value(error);
    let answer = vm.call(&handler, &[error])?;
    let parts = vm.tuple_clone(&answer).unwrap_or_default();
    if let [replacement, at] = parts.as_slice()
        && let Some(s) = replacement.cast::<Str>()
        && vm.is_int(at)
    {
        let text = s.get(vm).as_bytes().to_vec();
        let resume = resume(vm, at, contents.len())?;
        return Ok((text, resume));
    }
    Err(vm.type_error("decoding error handler must return (str, int) tuple"))
}

/// A handler that a script registered.
fn script_handler(vm: &mut Vm, errors: &str) -> Option<Value> {
    if errors == "strict" && vm.state::<Registry>().handlers.is_empty() {
        return None;
    }
    vm.state::<Registry>().handlers.get(errors).cloned()
}

/// The exception for a codec's failure.
pub fn codec_error(vm: &mut Vm, e: CodecError, object: &Value) -> Raised {
    match e {
        CodecError::Decode(f) => vm.unicode_decode_error(&f.encoding, object, f.start, f.end, &f.reason),
        CodecError::Encode(f) => vm.unicode_encode_error(&f.encoding, object, f.start, f.end, &f.reason),
        CodecError::Other(e) => vm.text_error(e),
    }
}

// ---- encodings of scripts ----

/// What the registered search functions know of an encoding.
///
/// # Errors
/// LookupError when they know nothing; TypeError when they answer with something else than a tuple of four.
pub fn search(vm: &mut Vm, encoding: &str) -> R {
    let normal =
        if encoding.is_ascii() { encoding.to_ascii_lowercase().replace(' ', "_") } else { normalize_name(encoding) };
    if let Some(v) = vm.state::<Registry>().found.get(&normal) {
        return Ok(v.clone());
    }
    let name = vm.new_str(&normal.replace('-', "_")).into_value();
    for function in vm.state::<Registry>().search.clone() {
        let answer = vm.call(&function, std::slice::from_ref(&name))?;
        if answer.is_none() {
            continue;
        }
        if vm.tuple_clone(&answer).is_none_or(|parts| parts.len() != 4) {
            return Err(vm.type_error("codec search functions must return 4-tuples"));
        }
        vm.state::<Registry>().found.insert(normal, answer.clone());
        return Ok(answer);
    }
    Err(vm.lookup_error(format!("unknown encoding: {encoding}")))
}

/// Encodings between bytes and bytes or text and text, which `str.encode` and `bytes.decode` refuse.
pub fn is_transform(encoding: &str) -> bool {
    matches!(
        normalize_name(encoding).as_str(),
        "hex"
            | "hex_codec"
            | "base64"
            | "base_64"
            | "base64_codec"
            | "rot13"
            | "rot_13"
            | "zip"
            | "zlib"
            | "zlib_codec"
            | "bz2"
            | "bz2_codec"
            | "uu"
            | "uu_codec"
            | "quopri"
            | "quoted_printable"
            | "quopri_codec"
    )
}

/// Runs a codec that scripts registered, for text.
fn by_script(vm: &mut Vm, v: &Value, encoding: &str, errors: Option<&str>, encoding_it: bool) -> R {
    let verb = if encoding_it { "encode" } else { "decode" };
    let refused = format!("'{encoding}' is not a text encoding; use codecs.{verb}() to handle arbitrary codecs");
    if is_transform(encoding) {
        return Err(vm.lookup_error(refused));
    }
    let info = search(vm, encoding)?;
    let flag = vm.intern("_is_text_encoding");
    if let Some(flag) = vm.get_attr_opt(&info, &flag)?
        && !vm.truth(&flag)?
    {
        return Err(vm.lookup_error(refused));
    }
    let made = run_codec(vm, &info, v, errors, encoding_it)?;
    let right = if encoding_it { made.is_a::<Bytes>() } else { made.is_a::<Str>() };
    if right {
        return Ok(made);
    }
    let (got, wanted) = (vm.class_name(&made), if encoding_it { "bytes" } else { "str" });
    Err(vm.type_error(format!(
        "'{encoding}' {verb}r returned '{got}' instead of '{wanted}'; use codecs.{verb}() to {verb} to arbitrary types"
    )))
}

/// Calls the encoder or decoder of a codec that is described by a tuple; gives its result without the length.
///
/// # Errors
/// What the codec raises; TypeError when it gives no pair.
pub fn run_codec(vm: &mut Vm, info: &Value, v: &Value, errors: Option<&str>, encoding_it: bool) -> R {
    let at = Value::int32(i32::from(!encoding_it));
    let f = vm.get_item(info, &at)?;
    let mut args = vec![v.clone()];
    args.extend(errors.map(|e| vm.new_str(e).into_value()));
    let answer = vm.call(&f, &args)?;
    match vm.tuple_clone(&answer).as_deref() {
        Some([made, _]) => Ok(made.clone()),
        _ => {
            let what = if encoding_it { "encoder" } else { "decoder" };
            Err(vm.type_error(format!("{what} must return a tuple (object, integer)")))
        }
    }
}

/// The exception payload of a `UnicodeError`'s value, for natives that play the part of error handlers.
pub fn as_unicode_error<'a>(vm: &Vm, v: &'a Value) -> Option<&'a Ref<Exception>> {
    v.cast::<Exception>().filter(|_| vm.is_instance(v, &vm.exc.UnicodeError))
}
