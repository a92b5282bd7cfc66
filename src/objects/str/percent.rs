//! The `%` operator of `str`, `bytes` and `bytearray`: fetching arguments and turning objects into the primitives
//! that `text::percent` lays out.

use crate::objects::bytes;
use crate::objects::{float, int};
use crate::text::algorithms::Flavor;
use crate::text::format_spec::Int;
use crate::text::gutf8;
use crate::text::percent::{self, Amount, Directive, Layout, Piece};
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// `format % args` for a string.
///
/// # Errors
/// What the arguments' conversions raise; TypeError and ValueError when they do not fit the format.
pub fn format_str(vm: &mut Vm, format: &Ref<Str>, args: &Value) -> R {
    let text = format.get(vm).as_bytes().to_vec();
    let made = format_all(vm, &text, args, Flavor::Text)?;
    Ok(vm.new_str_bytes(&made).into())
}

/// Where arguments come from.
struct Arguments {
    /// The items of a tuple, or the one argument.
    items: Vec<Value>,
    next: usize,
    /// What keys are looked up in.
    mapping: Option<Value>,
}

impl Arguments {
    fn new(vm: &Vm, args: &Value, flavor: Flavor) -> Arguments {
        if let Some(items) = vm.tuple_clone(args) {
            return Arguments { items, next: 0, mapping: None };
        }
        let plain = args.is_a::<Str>() || flavor == Flavor::Bytes && bytes::is_plain(args);
        let mapping = !plain && vm.special(args, Special::GetItem).is_some();
        Arguments { items: vec![args.clone()], next: 0, mapping: mapping.then(|| args.clone()) }
    }

    fn take(&mut self, vm: &mut Vm) -> R {
        match self.items.get(self.next) {
            Some(v) => {
                self.next += 1;
                Ok(v.clone())
            }
            None => Err(vm.text_error(percent::not_enough_arguments())),
        }
    }

    /// Makes the value of a key the only argument.
    fn look_up(&mut self, vm: &mut Vm, key: &[u8], flavor: Flavor) -> R<()> {
        let Some(mapping) = self.mapping.clone() else { return Err(vm.text_error(percent::needs_mapping())) };
        let key = match flavor {
            Flavor::Text => vm.new_str_bytes(key).into_value(),
            Flavor::Bytes => vm.new_bytes(key).into_value(),
        };
        self.items = vec![vm.get_item(&mapping, &key)?];
        self.next = 0;
        Ok(())
    }

    /// The argument for a `*`.
    fn star(&mut self, vm: &mut Vm) -> R<i64> {
        let v = self.take(vm)?;
        if !vm.is_int(&v) {
            return Err(vm.text_error(percent::star_wants_int()));
        }
        vm.index_i64(&v)
    }
}

/// Formats all of a template.
///
/// # Errors
/// As [`format_str`].
pub fn format_all(vm: &mut Vm, format: &[u8], args: &Value, flavor: Flavor) -> R<Vec<u8>> {
    let mut arguments = Arguments::new(vm, args, flavor);
    let mut out = Vec::with_capacity(format.len());
    for piece in percent::pieces(format, flavor) {
        match piece {
            Ok(Piece::Literal(text)) => out.extend_from_slice(text),
            Ok(Piece::Percent) => out.push(b'%'),
            Ok(Piece::Directive(directive)) => {
                let made = one(vm, &directive, &mut arguments, flavor)?;
                vm.check_alloc(out.len().saturating_add(made.len()))?;
                vm.tick(1)?;
                out.extend_from_slice(&made);
            }
            Err(e) => return Err(vm.text_error(e)),
        }
    }
    if arguments.next < arguments.items.len() && arguments.mapping.is_none() {
        return Err(vm.text_error(percent::not_all_converted(flavor)));
    }
    Ok(out)
}

fn one(vm: &mut Vm, directive: &Directive<'_>, arguments: &mut Arguments, flavor: Flavor) -> R<Vec<u8>> {
    if let Some(key) = directive.key {
        arguments.look_up(vm, key, flavor)?;
    }
    let width = match directive.width {
        Amount::Star => Some(arguments.star(vm)?),
        _ => None,
    };
    let precision = match directive.precision {
        Amount::Star => Some(arguments.star(vm)?),
        _ => None,
    };
    let v = arguments.take(vm)?;
    if !directive.is_known(flavor) {
        return Err(vm.text_error(directive.unsupported(flavor)));
    }
    let layout = match directive.layout(width, precision) {
        Ok(layout) => layout,
        Err(e) => return Err(vm.text_error(e)),
    };
    vm.check_alloc(layout.width.saturating_mul(3))?;
    vm.tick(layout.width / 64)?;
    match layout.code {
        b's' | b'r' | b'a' | b'b' => texts(vm, &v, &layout, flavor),
        b'c' => {
            let unit = character(vm, &v, flavor)?;
            Ok(percent::format_char(unit, &layout, flavor))
        }
        b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => integer(vm, &v, &layout, flavor),
        _ => real(vm, &v, &layout, flavor),
    }
}

fn texts(vm: &mut Vm, v: &Value, layout: &Layout, flavor: Flavor) -> R<Vec<u8>> {
    let text = match (layout.code, flavor) {
        (b's', Flavor::Text) => vm.str(v)?,
        (b'r', Flavor::Text) => vm.repr(v)?,
        (b'a', _) | (b'r', Flavor::Bytes) => vm.ascii(v)?,
        _ => {
            let contents = object_bytes(vm, v, flavor)?;
            return Ok(percent::format_text(&contents, layout, flavor));
        }
    };
    Ok(percent::format_text(text.get(vm).as_bytes(), layout, flavor))
}

/// The bytes of an argument of `%s` in a bytes format.
fn object_bytes(vm: &mut Vm, v: &Value, flavor: Flavor) -> R<Vec<u8>> {
    if let Some(b) = v.cast::<Bytes>()
        && vm.is_exact(v, &vm.types.bytes)
    {
        return Ok(b.get(vm).as_bytes().to_vec());
    }
    let name = vm.names.__bytes__.clone();
    let class = vm.class_of(v).clone();
    if let Some(f) = vm.lookup(&class, &name) {
        let made = vm.guarded(|vm| vm.call_special(&f, v, &[]))?;
        return match made.cast::<Bytes>() {
            Some(b) => Ok(b.get(vm).as_bytes().to_vec()),
            None => {
                let got = vm.class_name(&made);
                Err(vm.type_error(format!("__bytes__ returned non-bytes (type {got})")))
            }
        };
    }
    if bytes::is_bytes_like(vm, v) {
        return bytes::bytes_from(vm, v);
    }
    Err(wrong(vm, b's', v, flavor))
}

fn wrong(vm: &mut Vm, code: u8, v: &Value, flavor: Flavor) -> Raised {
    let got = vm.class_name(v);
    vm.text_error(percent::wrong_type(code, &got, flavor))
}

/// An object's integer, where the format's own error takes the place of a TypeError.
fn or_wrong_type(vm: &mut Vm, result: R, code: u8, v: &Value, flavor: Flavor) -> R {
    match result {
        Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => Err(wrong(vm, code, v, flavor)),
        other => other,
    }
}

fn character(vm: &mut Vm, v: &Value, flavor: Flavor) -> R<u32> {
    if flavor == Flavor::Text
        && let Some(s) = v.cast::<Str>()
    {
        let text = s.get(vm);
        return match gutf8::single(text.as_bytes()) {
            Some(cp) => Ok(cp),
            None => {
                let length = text.char_len();
                Err(vm.text_error(percent::wrong_char_length(length, "str", flavor)))
            }
        };
    }
    if flavor == Flavor::Bytes
        && let Some(contents) = bytes::plain(vm, v)
    {
        return match *contents {
            [byte] => Ok(u32::from(byte)),
            _ => {
                let length = contents.len();
                let kind = if v.is_a::<Bytes>() { "bytes" } else { "bytearray" };
                Err(vm.text_error(percent::wrong_char_length(length, kind, flavor)))
            }
        };
    }
    let n = vm.index(v);
    let n = or_wrong_type(vm, n, b'c', v, flavor)?;
    let unit = match vm.as_i64(&n) {
        Some(n) => percent::char_of_int(Int::Small(n), flavor),
        None => {
            let big = vm.as_big_int(&n).unwrap_or_default();
            percent::char_of_int(Int::Big(&big), flavor)
        }
    };
    unit.map_err(|e| vm.text_error(e))
}

fn integer(vm: &mut Vm, v: &Value, layout: &Layout, flavor: Flavor) -> R<Vec<u8>> {
    let code = layout.code;
    let n = if vm.is_int(v) {
        v.clone()
    } else if matches!(code, b'o' | b'x' | b'X') {
        let n = vm.index(v);
        or_wrong_type(vm, n, code, v, flavor)?
    } else {
        let number = vm.as_float(v).is_some()
            || [Special::Int, Special::Index, Special::Float].into_iter().any(|s| vm.special(v, s).is_some());
        if !number {
            return Err(wrong(vm, code, v, flavor));
        }
        let n = int::int_from_object(vm, v);
        or_wrong_type(vm, n, code, v, flavor)?
    };
    let max_digits = vm.state::<int::MaxStrDigits>().0;
    vm.check_alloc(layout.precision.unwrap_or(0).saturating_mul(5))?;
    vm.tick(layout.precision.unwrap_or(0) / 64)?;
    let made = match vm.as_i64(&n) {
        Some(n) => percent::format_int(Int::Small(n), layout, max_digits),
        None => {
            let big = vm.as_big_int(&n).unwrap_or_default();
            vm.tick_digits(big.bit_length())?;
            percent::format_int(Int::Big(&big), layout, max_digits)
        }
    };
    made.map_err(|e| vm.text_error(e))
}

fn real(vm: &mut Vm, v: &Value, layout: &Layout, flavor: Flavor) -> R<Vec<u8>> {
    vm.check_alloc(layout.precision.unwrap_or(0).saturating_mul(5))?;
    vm.tick(layout.precision.unwrap_or(0) / 64)?;
    let x = match float::to_f64(vm, v) {
        Ok(x) => x,
        Err(e) if flavor == Flavor::Bytes && vm.raised_is(&e, &vm.exc.TypeError) => {
            return Err(wrong(vm, layout.code, v, flavor));
        }
        Err(e) => return Err(e),
    };
    Ok(percent::format_float(x, layout))
}
