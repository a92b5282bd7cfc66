//! The built-in codecs as objects: what `lookup` gives for them.

use crate::heap_object;
use crate::objects::bytes;
use crate::objects::str::codec::{decode_native, encode_native};
use crate::text::codecs::{self, Encoding, normalize_name};
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Raised, Value, Vm};

/// A built-in codec.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Codec {
    /// Between text and bytes.
    Text(Encoding),
    /// Bytes as hexadecimal digits.
    Hex,
    /// Bytes as base 64, in lines.
    Base64,
    /// Letters moved by thirteen places.
    Rot13,
}

/// Bytes in a line of base 64.
const LINE: usize = 57;

heap_object! {
    /// One direction of a codec, callable: `f(input, errors="strict")` gives the result and the length taken.
    pub struct CodecFunction { }
    skip { codec: Codec, encoding_it: bool }
}

/// The classes, and what was made already.
#[derive(Default)]
struct State {
    info: Option<Ref<Class>>,
    made: Vec<(Codec, Value)>,
}

const FUNCTION: &[NativeDef] = &[NativeDef::new("__call__(self, input, errors='strict')", "Run the codec.", call)];

const INFO: &[GetSetDef] = &[
    GetSetDef::new("name", "The codec's name.", |vm, v| {
        let name = codec_of(vm, v).map_or("", Codec::name);
        Ok(vm.new_str(name).into())
    }),
    GetSetDef::new("encode", "", |vm, v| vm.get_item(v, &Value::int32(0))),
    GetSetDef::new("decode", "", |vm, v| vm.get_item(v, &Value::int32(1))),
    GetSetDef::new("incrementalencoder", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("incrementaldecoder", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("streamreader", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("streamwriter", "", |_, _| Ok(Value::NONE)),
    GetSetDef::new("_is_text_encoding", "", |vm, v| {
        Ok(Value::bool(codec_of(vm, v).is_none_or(|c| matches!(c, Codec::Text(_)))))
    }),
];

#[cold]
pub(super) fn init(vm: &mut Vm) -> R<()> {
    let function = vm.define_class::<CodecFunction>("_codecs", "CodecFunction", None, class_flag::NO_NEW)?;
    vm.extend_class(&function, FUNCTION, &[]);
    let tuple = vm.types.tuple.clone();
    let info = vm.define_class::<Tuple>("_codecs", "NativeCodecInfo", Some(&tuple), class_flag::NO_NEW)?;
    vm.extend_class(&info, &[], INFO);
    vm.state::<State>().info = Some(info);
    Ok(())
}

fn codec_of(vm: &Vm, info: &Value) -> Option<Codec> {
    let first = info.cast::<Tuple>()?.get(vm).items().first()?;
    first.cast::<CodecFunction>().map(|f| f.get(vm).codec)
}

/// The tuple that describes a codec; always the same one.
pub(super) fn info(vm: &mut Vm, codec: Codec) -> R {
    let state = vm.state::<State>();
    if let Some((_, v)) = state.made.iter().find(|(c, _)| *c == codec) {
        return Ok(v.clone());
    }
    let class = state.info.clone();
    let [encode, decode] = [true, false].map(|encoding_it| vm.alloc(CodecFunction { codec, encoding_it }).into_value());
    let items = vec![encode, decode, Value::NONE, Value::NONE];
    let made = match class {
        Some(class) => vm.tuple_as(&class, items).into_value(),
        None => vm.tuple(items).into_value(),
    };
    vm.state::<State>().made.push((codec, made.clone()));
    Ok(made)
}

fn call(vm: &mut Vm, a: &[Value]) -> R {
    let this = vm.this::<CodecFunction>(a, "__call__")?.get(vm);
    let (codec, encoding_it) = (this.codec, this.encoding_it);
    let errors = match arg(a, 2).filter(|v| !v.is_none()) {
        Some(v) => super::name_argument(vm, v, "codec", "errors")?,
        None => "strict".to_owned(),
    };
    let (made, taken) = codec.run(vm, &a[1], &errors, encoding_it)?;
    Ok(vm.pair([made, Value::len(taken)]))
}

impl Codec {
    /// The codec that a name means.
    pub(super) fn named(name: &str) -> Option<Codec> {
        if let Some(encoding) = Encoding::named(name) {
            return Some(Codec::Text(encoding));
        }
        match normalize_name(name).as_str() {
            "hex" | "hex_codec" => Some(Codec::Hex),
            "base64" | "base_64" | "base64_codec" => Some(Codec::Base64),
            "rot13" | "rot_13" => Some(Codec::Rot13),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Codec::Text(encoding) => encoding.name(),
            Codec::Hex => "hex",
            Codec::Base64 => "base64",
            Codec::Rot13 => "rot13",
        }
    }

    /// Runs it: the result, and how much of the input was taken.
    ///
    /// # Errors
    /// TypeError for input of the wrong kind; what the codec and its error handler raise.
    pub(super) fn run(self, vm: &mut Vm, v: &Value, errors: &str, encoding_it: bool) -> R<(Value, usize)> {
        match (self, encoding_it) {
            (Codec::Text(encoding), true) => {
                let name = encoding.name().replace('-', "_");
                encode_text(vm, encoding, v, errors, &format!("{name}_encode"))
            }
            (Codec::Text(encoding), false) => {
                let (made, taken, _) = decode_bytes(vm, encoding, v, errors, true)?;
                Ok((made, taken))
            }
            (Codec::Rot13, _) => {
                let Some(s) = v.cast::<Str>() else {
                    let got = vm.class_name(v);
                    return Err(vm.type_error(format!("rot13 codec takes str, not {got}")));
                };
                let made = codecs::rot13(s.get(vm).as_bytes());
                Ok((vm.new_str_bytes(&made).into(), s.get(vm).char_len()))
            }
            (Codec::Hex | Codec::Base64, _) => self.transform(vm, v, errors, encoding_it),
        }
    }

    fn transform(self, vm: &mut Vm, v: &Value, errors: &str, encoding_it: bool) -> R<(Value, usize)> {
        let data = bytes::bytes_from(vm, v)?;
        if errors != "strict" {
            return Err(vm.assertion_error(""));
        }
        vm.check_alloc(data.len().saturating_mul(2))?;
        vm.tick(data.len() >> 8)?;
        let made = match (self, encoding_it) {
            (Codec::Hex, true) => codecs::to_hex(&data).into_bytes(),
            (_, true) => data.chunks(LINE).flat_map(|line| [codecs::to_base64(line), vec![b'\n']].concat()).collect(),
            (Codec::Hex, false) => unhex(vm, &data)?,
            (_, false) => match codecs::from_base64(&data, false) {
                Ok(made) => made,
                Err(e) => return Err(binascii_error(vm, &e.message)),
            },
        };
        Ok((vm.new_bytes(&made).into(), data.len()))
    }
}

/// Digits in pairs, with nothing between them.
fn unhex(vm: &mut Vm, digits: &[u8]) -> R<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    if !digits.len().is_multiple_of(2) {
        return Err(binascii_error(vm, "Odd-length string"));
    }
    let made: Option<Vec<u8>> = digits
        .chunks_exact(2)
        .map(|pair| match *pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect();
    match made {
        Some(made) => Ok(made),
        None => Err(binascii_error(vm, "Non-hexadecimal digit found")),
    }
}

/// `binascii.Error` if that module is loaded, its base class otherwise.
fn binascii_error(vm: &mut Vm, text: &str) -> Raised {
    let class = vm.loaded_attr("binascii", "Error").and_then(|v| v.cast::<Class>().cloned());
    match class {
        Some(class) => vm.raise_text(&class, text),
        None => vm.value_error(text),
    }
}

/// Encodes a text; `function` is the name in the error for anything else.
///
/// # Errors
/// TypeError when it is no text; what the error handler raises.
pub(super) fn encode_text(
    vm: &mut Vm,
    encoding: Encoding,
    v: &Value,
    errors: &str,
    function: &str,
) -> R<(Value, usize)> {
    let Some(s) = v.cast::<Str>() else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{function}() argument 1 must be str, not {got}")));
    };
    let made = encode_native(vm, s, encoding, errors)?;
    Ok((made, s.get(vm).char_len()))
}

/// Decodes bytes: the text, how many were taken, and the byte order found. The escape codecs take text as well.
///
/// # Errors
/// TypeError when it is no bytes-like object; what the error handler raises.
pub(super) fn decode_bytes(
    vm: &mut Vm,
    encoding: Encoding,
    v: &Value,
    errors: &str,
    is_final: bool,
) -> R<(Value, usize, Option<bool>)> {
    if matches!(encoding, Encoding::UnicodeEscape | Encoding::RawUnicodeEscape)
        && let Some(s) = v.cast::<Str>()
    {
        let utf8 = encode_native(vm, s, Encoding::Utf8, "strict")?;
        return decode_native(vm, &utf8, encoding, errors, is_final);
    }
    decode_native(vm, v, encoding, errors, is_final)
}
