//! Codecs by a mapping that the script gives: `charmap_encode`, `charmap_decode`, `charmap_build`.

use super::name_argument;
use crate::objects::bytes::bytes_from;
use crate::objects::str::codec::{on_decode_fault, on_encode_fault};
use crate::text::codecs::{Encoding, Fault, Replacement};
use crate::text::gutf8;
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

pub(super) const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("charmap_build(map, /)", "Make the mapping for encoding from that for decoding.", build),
    NativeDef::new("charmap_encode(str, errors=None, mapping=None, /)", "Encode by a mapping.", encode),
    NativeDef::new("charmap_decode(data, errors=None, mapping=None, /)", "Decode by a mapping.", decode),
];

/// The encoding that stands for a script's mapping where handlers want to know one: it is like none of the Unicode
/// ones, and that is all they ask.
const STAND_IN: Encoding = Encoding::Charmap(usize::MAX);
const UNDEFINED: &str = "character maps to <undefined>";

fn build(vm: &mut Vm, a: &[Value]) -> R {
    let Some(s) = a[0].cast::<Str>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("charmap_build() argument must be str, not {got}")));
    };
    let points: Vec<u32> = gutf8::code_points(s.get(vm).as_bytes()).take(256).collect();
    let map = vm.new_dict();
    for (byte, cp) in points.into_iter().enumerate() {
        map.set_item(vm, Value::len(cp as usize), Value::len(byte))?;
    }
    Ok(map.into_value())
}

fn errors(vm: &mut Vm, a: &[Value], function: &str) -> R<String> {
    match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => name_argument(vm, v, function, "errors"),
        None => Ok("strict".to_owned()),
    }
}

/// What a mapping says of a number; nothing when it does not know it.
fn ask(vm: &mut Vm, mapping: &Value, key: u32) -> R<Option<Value>> {
    vm.tick(1)?;
    match vm.get_item(mapping, &Value::len(key as usize)) {
        Ok(v) => Ok(Some(v).filter(|v| !v.is_none())),
        Err(e) if vm.raised_is(&e, &vm.exc.LookupError) => Ok(None),
        Err(e) => Err(e),
    }
}

fn fault(start: usize, end: usize, bytes: (usize, usize), hopeless: bool) -> Fault {
    Fault { encoding: "charmap".to_owned(), start, end, reason: UNDEFINED.to_owned(), bytes, hopeless }
}

/// Appends the bytes of a code point; false when the mapping has none.
fn encode_one(vm: &mut Vm, mapping: &Value, cp: u32, out: &mut Vec<u8>) -> R<bool> {
    let Some(v) = ask(vm, mapping, cp)? else { return Ok(false) };
    if let Some(b) = v.cast::<Bytes>() {
        out.extend_from_slice(b.get(vm).as_bytes());
        return Ok(true);
    }
    if !vm.is_int(&v) {
        let got = vm.class_name(&v);
        return Err(vm.type_error(format!("character mapping must return integer, bytes or None, not {got}")));
    }
    match vm.as_i64(&v).and_then(|n| u8::try_from(n).ok()) {
        Some(byte) => {
            out.push(byte);
            Ok(true)
        }
        None => Err(vm.type_error("character mapping must be in range(256)")),
    }
}

fn encode(vm: &mut Vm, a: &[Value]) -> R {
    let Some(mapping) = arg(a, 2).filter(|v| !v.is_none()) else {
        let errors = errors(vm, a, "charmap_encode")?;
        let (made, taken) = super::native::encode_text(vm, Encoding::Latin1, &a[0], &errors, "charmap_encode")?;
        return Ok(vm.pair([made, Value::len(taken)]));
    };
    let errors = errors(vm, a, "charmap_encode")?;
    let Some(s) = a[0].cast::<Str>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("charmap_encode() argument 1 must be str, not {got}")));
    };
    let text = s.get(vm).as_bytes().to_vec();
    vm.check_alloc(text.len().saturating_mul(4))?;
    let points: Vec<u32> = gutf8::code_points(&text).collect();
    let mut out = Vec::with_capacity(points.len());
    let mut at = 0;
    while let Some(&cp) = points.get(at) {
        if encode_one(vm, mapping, cp, &mut out)? {
            at += 1;
            continue;
        }
        let mut end = at + 1;
        let mut unused = Vec::new();
        while let Some(&next) = points.get(end)
            && !encode_one(vm, mapping, next, &mut unused)?
        {
            end += 1;
        }
        let bytes = (gutf8::byte_offset(&text, at), gutf8::byte_offset(&text, end));
        let (replacement, resume) = on_encode_fault(vm, STAND_IN, &a[0], &text, fault(at, end, bytes, false), &errors)?;
        match replacement {
            Replacement::Bytes(bytes) => out.extend_from_slice(&bytes),
            Replacement::Text(text_made) => {
                for cp in gutf8::code_points(&text_made) {
                    if !encode_one(vm, mapping, cp, &mut out)? {
                        on_encode_fault(vm, STAND_IN, &a[0], &text, fault(at, end, bytes, true), &errors)?;
                    }
                }
            }
        }
        vm.check_buffer(&out, 0)?;
        at = resume;
    }
    Ok(vm.pair([vm.new_bytes(&out).into_value(), Value::len(points.len())]))
}

fn decode(vm: &mut Vm, a: &[Value]) -> R {
    let errors = errors(vm, a, "charmap_decode")?;
    let Some(mapping) = arg(a, 2).filter(|v| !v.is_none()) else {
        let (made, taken, _) = super::native::decode_bytes(vm, Encoding::Latin1, &a[0], &errors, true)?;
        return Ok(vm.pair([made, Value::len(taken)]));
    };
    let data = bytes_from(vm, &a[0])?;
    vm.check_alloc(data.len().saturating_mul(4))?;
    let object = if a[0].is_a::<Bytes>() { a[0].clone() } else { Value::UNDEF };
    let table: Option<Vec<u32>> =
        mapping.cast::<Str>().map(|s| gutf8::code_points(s.get(vm).as_bytes()).take(256).collect());
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        let found = match &table {
            Some(table) => match table.get(usize::from(byte)).filter(|&&cp| cp != 0xFFFE) {
                Some(&cp) => {
                    gutf8::push(&mut out, cp);
                    true
                }
                None => false,
            },
            None => decode_one(vm, mapping, byte, &mut out)?,
        };
        if found {
            at += 1;
            continue;
        }
        let (text, resume) =
            on_decode_fault(vm, STAND_IN, &object, &data, fault(at, at + 1, (at, at + 1), false), &errors)?;
        out.extend_from_slice(&text);
        vm.check_buffer(&out, 0)?;
        at = resume;
    }
    Ok(vm.pair([vm.new_str_bytes(&out).into_value(), Value::len(data.len())]))
}

/// Appends what a byte stands for; false when the mapping does not know it.
fn decode_one(vm: &mut Vm, mapping: &Value, byte: u8, out: &mut Vec<u8>) -> R<bool> {
    let Some(v) = ask(vm, mapping, u32::from(byte))? else { return Ok(false) };
    if let Some(s) = v.cast::<Str>() {
        let text = s.get(vm).as_bytes();
        if gutf8::single(text) == Some(0xFFFE) {
            return Ok(false);
        }
        out.extend_from_slice(text);
        return Ok(true);
    }
    if !vm.is_int(&v) {
        return Err(vm.type_error("character mapping must return integer, None or str"));
    }
    match vm.as_i64(&v).and_then(|n| u32::try_from(n).ok()).filter(|&cp| cp <= gutf8::MAX_CODE_POINT) {
        Some(0xFFFE) => Ok(false),
        Some(cp) => {
            gutf8::push(out, cp);
            Ok(true)
        }
        None => Err(vm.type_error("character mapping must be in range(0x110000)")),
    }
}
