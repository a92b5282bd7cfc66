//! `array`: sequences of numbers or characters of one C type.
//!
//! The payload is in `objects::bytes::array_data`, for memory views look into it. `items` converts items, `sequence`
//! has subscripts, operators and the iterator, `methods` what changes an array and what turns it into something
//! else; here are construction and pickling.

mod items;
mod methods;
mod sequence;

use crate::objects::bytes::array_data::Array;
use crate::objects::bytes::{self, items as primitives};
use crate::text::gutf8;
use crate::text::struct_pack::{self, Field, TYPE_CODES, array_item_size};
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

const FUNCTIONS: &[NativeDef] = &[NativeDef::new(
    "_array_reconstructor(arraytype, typecode, mformat_code, items, /)",
    "Internal. Used for pickling support.",
    reconstruct,
)];

const CONSTRUCTION: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", array_new),
    NativeDef::new("__reduce_ex__(self, value, /)", "Return state information for pickling.", reduce_ex),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| vm.generic_alias(&a[0], &a[1])),
];

/// The machine formats of pickled arrays, by number: format character and whether the lowest byte comes first.
const MACHINE_FORMATS: [(u8, bool); 22] = [
    (b'B', true),
    (b'b', true),
    (b'H', true),
    (b'H', false),
    (b'h', true),
    (b'h', false),
    (b'I', true),
    (b'I', false),
    (b'i', true),
    (b'i', false),
    (b'Q', true),
    (b'Q', false),
    (b'q', true),
    (b'q', false),
    (b'f', true),
    (b'f', false),
    (b'd', true),
    (b'd', false),
    // UTF-16 and UTF-32.
    (b'H', true),
    (b'H', false),
    (b'I', true),
    (b'I', false),
];

/// The type codes for the integers of machine formats.
const FITTING: [(u8, char); 8] =
    [(b'B', 'B'), (b'b', 'b'), (b'H', 'H'), (b'h', 'h'), (b'I', 'I'), (b'i', 'i'), (b'Q', 'Q'), (b'q', 'q')];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("array", FUNCTIONS);
    let class = vm.define_class::<Array>(
        "array",
        "array",
        None,
        class_flag::BASE | class_flag::SEQUENCE | class_flag::WEAKREF,
    )?;
    vm.extend_class(&class, CONSTRUCTION, &[]);
    vm.extend_class(&class, sequence::METHODS, &[]);
    vm.extend_class(&class, methods::METHODS, methods::ATTRS);
    let hash = vm.names.__hash__.clone();
    vm.set_class_attr(&class, &hash, Value::NONE);
    let iterator = vm.define_class::<sequence::ArrayIter>("array", "arrayiterator", None, class_flag::NO_NEW)?;
    vm.extend_class(&iterator, sequence::ITERATOR, &[]);
    vm.module_set(&m, "array", class.value().clone());
    vm.module_set(&m, "ArrayType", class.into_value());
    let codes = vm.new_str("bBuwhHiIlLqQfd").into_value();
    vm.module_set(&m, "typecodes", codes);
    let doc = vm.new_str("This module defines an object type which can represent arrays of basic values.").into_value();
    vm.module_set(&m, "__doc__", doc);
    Ok(m.into_value())
}

/// A type code argument, one character that is a code.
fn type_code(vm: &mut Vm, v: &Value) -> R<(char, usize)> {
    let Some(s) = v.cast::<Str>() else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("array() argument 1 must be a unicode character, not {got}")));
    };
    let text = s.get(vm);
    let Some(cp) = gutf8::single(text.as_bytes()) else {
        let length = text.char_len();
        let message = format!("array() argument 1 must be a unicode character, not a string of length {length}");
        return Err(vm.type_error(message));
    };
    let code = char::from_u32(cp).unwrap_or('\0');
    match array_item_size(code) {
        Some(size) => Ok((code, size)),
        None => Err(vm.value_error(format!("bad typecode (must be {TYPE_CODES})"))),
    }
}

fn array_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("array.array.__new__(): not enough arguments"));
    };
    let class = vm.class_arg(class)?;
    let plain = vm.class_for::<Array>().is_some_and(|own| own.is(&class));
    if plain && !args.kw_names.is_empty() {
        return Err(vm.type_error("array.array() takes no keyword arguments"));
    }
    let (code, source) = match rest {
        [] => return Err(vm.type_error("array() takes at least 1 argument (0 given)")),
        [code] => (code, None),
        [code, source] => (code, Some(source)),
        _ => {
            let message = format!("array() takes at most 2 arguments ({} given)", rest.len());
            return Err(vm.type_error(message));
        }
    };
    let (code, size) = type_code(vm, code)?;
    if code == 'u' {
        let category = vm.exc.DeprecationWarning.clone();
        vm.warn(&category, "The 'u' type code is deprecated and will be removed in Python 3.16", 1)?;
    }
    let data = match source {
        Some(source) => initial_items(vm, code, size, source)?,
        None => Vec::new(),
    };
    Ok(vm.alloc_as(&class, Array::new(code, size, data)).into())
}

/// The items that an initializer gives.
fn initial_items(vm: &mut Vm, code: char, size: usize, source: &Value) -> R<Vec<u8>> {
    if let Some(s) = source.cast::<Str>() {
        if !items::is_text(code) {
            let message = format!("cannot use a str to initialize an array with typecode '{code}'");
            return Err(vm.type_error(message));
        }
        vm.check_alloc(s.get(vm).char_len().saturating_mul(4))?;
        return Ok(items::from_text(s.get(vm).as_bytes()));
    }
    if let Some(other) = source.cast::<Array>() {
        let theirs = other.get(vm).code;
        if items::is_text(theirs) && !items::is_text(code) {
            let message = format!("cannot use a unicode array to initialize an array with typecode '{code}'");
            return Err(vm.type_error(message));
        }
        if theirs == code {
            let size = other.get(vm).data.len();
            vm.check_alloc(size)?;
            return Ok(other.get(vm).data.clone());
        }
    }
    if bytes::is_plain(source) {
        let data = bytes::bytes_from(vm, source)?;
        check_whole(vm, data.len(), size)?;
        return Ok(data);
    }
    items_of_iterable(vm, code, source)
}

/// The items that an iterable gives one by one.
fn items_of_iterable(vm: &mut Vm, code: char, source: &Value) -> R<Vec<u8>> {
    let mut data = Vec::new();
    vm.for_each(source, |vm, v| {
        // Doubling the room is what may be too much.
        if data.len() == data.capacity() {
            vm.check_alloc(data.len().saturating_mul(2))?;
        }
        items::push(vm, code, &v, &mut data)?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(data)
}

fn check_whole(vm: &mut Vm, length: usize, item_size: usize) -> R<()> {
    if length.is_multiple_of(item_size.max(1)) {
        return Ok(());
    }
    Err(vm.value_error("bytes length not a multiple of item size"))
}

// ---- pickling ----

/// The number of the machine format that an array's items are in.
fn machine_format(code: char) -> usize {
    let (code, little) = match code {
        'u' | 'w' => return if cfg!(target_endian = "little") { 20 } else { 21 },
        'l' => (b'q', cfg!(target_endian = "little")),
        'L' => (b'Q', cfg!(target_endian = "little")),
        'b' | 'B' => (code as u8, true),
        _ => (code as u8, cfg!(target_endian = "little")),
    };
    MACHINE_FORMATS.iter().position(|&f| f == (code, little)).unwrap_or(0)
}

fn reduce_ex(vm: &mut Vm, a: &[Value]) -> R {
    let array = vm.this::<Array>(a, "__reduce_ex__")?.clone();
    if !vm.is_int(&a[1]) {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("__reduce_ex__ argument should be an integer, not {got}")));
    }
    let protocol = vm.index_clamped(&a[1])?;
    let name = vm.names.__dict__.clone();
    let dict = vm.get_attr_opt(&a[0], &name)?.unwrap_or(Value::NONE);
    let class = vm.class_of(&a[0]).value().clone();
    let code = array.get(vm).code;
    let shown = vm.new_str(code.encode_utf8(&mut [0; 4])).into_value();
    if protocol < 3 {
        let all = items::all(vm, &array)?;
        let all = vm.list(all).into_value();
        let parts = vm.pair([shown, all]);
        return Ok(vm.tuple(vec![class, parts, dict]).into());
    }
    let maker = match vm.loaded_attr("array", "_array_reconstructor") {
        Some(f) => f,
        None => vm.native_function("array", &FUNCTIONS[0]),
    };
    let data = vm.new_bytes(&array.get(vm).data).into_value();
    let parts = vm.tuple(vec![class, shown, Value::len(machine_format(code)), data]).into_value();
    Ok(vm.tuple(vec![maker, parts, dict]).into())
}

fn reconstruct(vm: &mut Vm, a: &[Value]) -> R {
    let Some(class) = a[0].cast::<Class>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("first argument must be a type object, not {got}")));
    };
    let own = vm.class_for::<Array>();
    if !own.is_some_and(|own| class.is_subclass(vm, &own)) {
        let name = class.get(vm).display_name();
        return Err(vm.type_error(format!("{name} is not a subtype of array.array")));
    }
    let (mut code, mut size) = match type_code(vm, &a[1]) {
        Err(e) if vm.raised_is(&e, &vm.exc.ValueError) => {
            return Err(vm.value_error("second argument must be a valid type code"));
        }
        other => other?,
    };
    let number = vm.index_i64(&a[2])?;
    let format = usize::try_from(number).ok().and_then(|n| MACHINE_FORMATS.get(n).map(|f| (n, *f)));
    let Some((number, (format, little))) = format else {
        return Err(vm.value_error("third argument must be a valid machine format code."));
    };
    let Some(data) = a[3].cast::<Bytes>() else {
        let got = vm.class_name(&a[3]);
        return Err(vm.type_error(format!("fourth argument should be bytes, not {got}")));
    };
    let data = data.get(vm).as_bytes().to_vec();
    vm.check_alloc(data.len().saturating_mul(4))?;
    vm.tick(data.len() >> 4)?;
    let made = if number == machine_format(code) {
        data
    } else if number >= 18 {
        from_unicode_format(vm, code, &data, number)?
    } else {
        let width = struct_field(format).size;
        whole_items(vm, data.len(), width)?;
        // Integers keep the width that they were pickled with.
        let fitting = FITTING.iter().find(|(f, _)| *f == format).map(|(_, code)| *code);
        code = fitting.unwrap_or(code);
        size = array_item_size(code).unwrap_or(size);
        let mut made = Vec::with_capacity(data.len() / width * size);
        for part in data.chunks_exact(width) {
            let v = primitives::to_script(vm, struct_pack::unpack(&struct_field(format), part, little));
            items::push(vm, code, &v, &mut made)?;
        }
        made
    };
    whole_items(vm, made.len(), size)?;
    Ok(vm.alloc_as(class, Array::new(code, size, made)).into())
}

fn whole_items(vm: &mut Vm, length: usize, width: usize) -> R<()> {
    if length.is_multiple_of(width) {
        return Ok(());
    }
    Err(vm.value_error("string length not a multiple of item size"))
}

fn struct_field(code: u8) -> Field {
    let size = match code {
        b'b' | b'B' => 1,
        b'h' | b'H' => 2,
        b'i' | b'I' | b'f' => 4,
        _ => 8,
    };
    Field { code, offset: 0, size }
}

/// The items of characters that were pickled in UTF-16 or UTF-32.
fn from_unicode_format(vm: &mut Vm, code: char, data: &[u8], number: usize) -> R<Vec<u8>> {
    if !items::is_text(code) {
        return Err(vm.type_error(format!("cannot use a str to initialize an array with typecode '{code}'")));
    }
    use crate::text::codecs::{Encoding, decode_named};
    let little = Some(number.is_multiple_of(2));
    let encoding = if number < 20 { Encoding::Utf16(little) } else { Encoding::Utf32(little) };
    match decode_named(encoding, data, "strict") {
        Ok(text) => Ok(items::from_text(&text)),
        Err(e) => {
            let object = vm.new_bytes(data).into_value();
            Err(crate::objects::str::codec::codec_error(vm, e, &object))
        }
    }
}

/// The payload of a subclass or plain array as a value, for methods that give a new one.
fn plain_array(vm: &Vm, array: &Ref<Array>, data: Vec<u8>) -> Value {
    let this = array.get(vm);
    vm.alloc(Array::new(this.code, this.item_size, data)).into()
}
