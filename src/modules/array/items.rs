//! Script values for the items of an array, and back.

use crate::objects::bytes::array_data::Array;
use crate::objects::bytes::items;
use crate::text::struct_pack::{array_item_size, pack_array_float, pack_array_int, unpack_array_item};
use crate::text::{gutf8, struct_pack};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

/// Whether the items are characters.
pub(super) fn is_text(code: char) -> bool {
    matches!(code, 'u' | 'w')
}

/// Appends the item that a value becomes.
///
/// # Errors
/// TypeError for values of another kind, OverflowError for those out of range; what `__index__` and `__float__`
/// raise.
pub(super) fn push(vm: &mut Vm, code: char, v: &Value, out: &mut Vec<u8>) -> R<()> {
    let size = array_item_size(code).unwrap_or(1);
    let mut item = [0; 8];
    let place = item.get_mut(..size).unwrap_or(&mut []);
    let done = match code {
        'u' | 'w' => {
            let cp = character(vm, v)?;
            place.copy_from_slice(&cp.to_ne_bytes());
            Ok(())
        }
        'f' | 'd' => {
            let x = crate::objects::float::to_f64(vm, v)?;
            pack_array_float(x, place)
        }
        _ => {
            let n = vm.index(v)?;
            let (small, negative) = match vm.as_i64(&n) {
                Some(n) => (Some(i128::from(n)), n < 0),
                None => {
                    let big = vm.as_big_int(&n).unwrap_or_default();
                    (big.to_i128(), big.is_negative())
                }
            };
            // What no C `long` holds is refused before the item's own range is looked at.
            let word = match code {
                'b' | 'B' | 'h' | 'H' | 'i' if vm.as_i64(&n).is_none() => Some("long"),
                'I' if !negative && small.is_none_or(|n| n > i128::from(u64::MAX)) => Some("unsigned long"),
                _ => None,
            };
            if let Some(word) = word {
                return Err(vm.overflow_error(format!("Python int too large to convert to C {word}")));
            }
            pack_array_int(code, small, negative, place)
        }
    };
    match done {
        Ok(()) => {
            out.extend_from_slice(place);
            Ok(())
        }
        Err(e) => Err(vm.text_error(e)),
    }
}

fn character(vm: &mut Vm, v: &Value) -> R<u32> {
    let Some(s) = v.cast::<Str>() else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("array item must be a unicode character, not {got}")));
    };
    let text = s.get(vm);
    match gutf8::single(text.as_bytes()) {
        Some(cp) => Ok(cp),
        None => {
            let length = text.char_len();
            let message = format!("array item must be a unicode character, not a string of length {length}");
            Err(vm.type_error(message))
        }
    }
}

/// Item `at`; nothing when the array has become shorter.
///
/// # Errors
/// ValueError for a number that is no character.
pub(super) fn item(vm: &mut Vm, array: &Ref<Array>, at: usize) -> R<Option<Value>> {
    let this = array.get(vm);
    let size = this.item_size;
    let Some(part) = at.checked_mul(size).and_then(|start| this.data.get(start..start + size)) else {
        return Ok(None);
    };
    match (unpack_array_item(this.code, part), is_text(this.code)) {
        (struct_pack::Value::Int(n), true) => match u32::try_from(n).ok().filter(|&cp| cp <= gutf8::MAX_CODE_POINT) {
            Some(cp) => Ok(Some(vm.new_char(cp))),
            None => Err(vm.value_error(format!("character U+{n:x} is not in range [U+0000; U+10ffff]"))),
        },
        (v, _) => Ok(Some(items::to_script(vm, v))),
    }
}

/// All items.
///
/// # Errors
/// As [`item`]; MemoryError.
pub(super) fn all(vm: &mut Vm, array: &Ref<Array>) -> R<Vec<Value>> {
    let len = array.get(vm).len();
    vm.check_alloc(len.saturating_mul(size_of::<Value>()))?;
    let mut values = Vec::with_capacity(len);
    for at in 0..len {
        if at % 64 == 0 {
            vm.tick(16)?;
        }
        values.extend(item(vm, array, at)?);
    }
    Ok(values)
}

/// The text of an array of characters.
///
/// # Errors
/// As [`item`].
pub(super) fn text(vm: &mut Vm, array: &Ref<Array>) -> R<Vec<u8>> {
    let this = array.get(vm);
    let mut out = Vec::with_capacity(this.len());
    for part in this.data.chunks_exact(4) {
        let cp = part.try_into().map_or(0, u32::from_ne_bytes);
        if cp > gutf8::MAX_CODE_POINT {
            return Err(vm.value_error(format!("character U+{cp:x} is not in range [U+0000; U+10ffff]")));
        }
        gutf8::push(&mut out, cp);
    }
    Ok(out)
}

/// The items that a text becomes.
pub(super) fn from_text(text: &[u8]) -> Vec<u8> {
    gutf8::code_points(text).flat_map(u32::to_ne_bytes).collect()
}
