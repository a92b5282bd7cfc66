//! The `%` operator of `str`, `bytes` and `bytearray`: fetching arguments and turning objects into the primitives
//! that `text::percent` lays out.

use crate::objects::bytes;
use crate::objects::{float, int};
use crate::text::algorithms::Flavor;
use crate::text::format_spec::Int;
use crate::text::gutf8;
use crate::text::number::digits::{Digits, push_decimal};
use crate::text::percent::{self, Amount, Directive, Flags, Layout, Piece, Step};
use crate::vm::exception::Raised;
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str, Tuple};
use crate::vm::{R, Value, Vm};

/// `format % args` for a string.
///
/// # Errors
/// What the arguments' conversions raise; TypeError and ValueError when they do not fit the format.
pub fn format_str(vm: &mut Vm, format: &Ref<Str>, args: &Value) -> R {
    vm.written(|vm, out| write_all(vm, out, format.pinned(), args, Flavor::Text)).map(Ref::into_value)
}

/// Where arguments come from.
struct Arguments<'a> {
    /// The one argument, or the tuple of them.
    given: &'a Value,
    /// The value of the last key.
    looked_up: Option<Value>,
    /// How many there are.
    count: usize,
    next: usize,
    /// Keys are looked up in the one argument.
    mapping: bool,
}

impl<'a> Arguments<'a> {
    fn new(vm: &Vm, given: &'a Value, flavor: Flavor) -> Arguments<'a> {
        if let Some(items) = given.cast::<Tuple>() {
            let count = items.get(vm).items().len();
            return Arguments { given, looked_up: None, count, next: 0, mapping: false };
        }
        let plain = given.is_small_int() || given.is_a::<Str>() || flavor == Flavor::Bytes && bytes::is_plain(given);
        let mapping = !plain && vm.special(given, Special::GetItem).is_some();
        Arguments { given, looked_up: None, count: 1, next: 0, mapping }
    }

    fn take(&mut self, vm: &mut Vm) -> R {
        let at = self.next;
        if at >= self.count {
            return Err(vm.text_error(percent::not_enough_arguments()));
        }
        self.next += 1;
        if let Some(v) = &self.looked_up {
            return Ok(v.clone());
        }
        let item = self.given.cast::<Tuple>().and_then(|t| t.get(vm).items().get(at));
        Ok(item.unwrap_or(self.given).clone())
    }

    /// Makes the value of a key the only argument.
    fn look_up(&mut self, vm: &mut Vm, key: &[u8], flavor: Flavor) -> R<()> {
        if !self.mapping {
            return Err(vm.text_error(percent::needs_mapping()));
        }
        let key = match flavor {
            Flavor::Text => vm.new_str_bytes(key).into_value(),
            Flavor::Bytes => vm.new_bytes(key).into_value(),
        };
        self.looked_up = Some(vm.get_item(self.given, &key)?);
        self.count = 1;
        self.next = 0;
        Ok(())
    }

    /// The argument for the `*` of a width.
    fn star(&mut self, vm: &mut Vm) -> R<i64> {
        let v = self.star_value(vm)?;
        match vm.index_i64(&v)? {
            i64::MIN => {
                let class = vm.exc.OverflowError.clone();
                Err(vm.raise_text(&class, "width too big"))
            }
            n => Ok(n),
        }
    }

    /// The argument for the `*` of a precision, which is an `int` of C.
    fn precision_star(&mut self, vm: &mut Vm) -> R<i64> {
        let v = self.star_value(vm)?;
        match vm.as_i64(&v).and_then(|n| i32::try_from(n).ok()) {
            Some(n) => Ok(i64::from(n)),
            None => {
                let class = vm.exc.OverflowError.clone();
                Err(vm.raise_text(&class, "Python int too large to convert to C int"))
            }
        }
    }

    fn star_value(&mut self, vm: &mut Vm) -> R {
        let v = self.take(vm)?;
        if vm.is_int(&v) { Ok(v) } else { Err(vm.text_error(percent::star_wants_int())) }
    }
}

/// Formats all of a template.
///
/// # Errors
/// As [`format_str`].
pub fn format_all(vm: &mut Vm, format: &[u8], args: &Value, flavor: Flavor) -> R<Vec<u8>> {
    let mut out = Vec::with_capacity(format.len());
    write_all(vm, &mut out, format, args, flavor)?;
    Ok(out)
}

fn write_all(vm: &mut Vm, out: &mut Vec<u8>, format: &[u8], args: &Value, flavor: Flavor) -> R<()> {
    let mut arguments = Arguments::new(vm, args, flavor);
    let mut pieces = percent::pieces(format, flavor);
    loop {
        match pieces.step() {
            Step::Literal(text) => {
                out.extend_from_slice(text);
                continue;
            }
            Step::Short(code) => {
                vm.tick(1)?;
                let v = arguments.take(vm)?;
                if !plainly(vm, out, code, &v, flavor) {
                    let layout = Layout { flags: Flags::default(), width: 0, precision: None, code };
                    convert(vm, out, &v, &layout, flavor)?;
                }
                continue;
            }
            Step::Other => {}
        }
        if pieces.wants_mapping() && !arguments.mapping {
            return Err(vm.text_error(percent::needs_mapping()));
        }
        let Some(piece) = pieces.next() else { break };
        match piece {
            Ok(Piece::Literal(text)) => out.extend_from_slice(text),
            Ok(Piece::Percent) => out.push(b'%'),
            Ok(Piece::Directive(directive)) => {
                one(vm, out, &directive, &mut arguments, flavor)?;
                vm.tick(1)?;
            }
            Err(e) => {
                if let Some(key) = pieces.broken_key() {
                    arguments.look_up(vm, key, flavor)?;
                }
                return Err(vm.text_error(e));
            }
        }
    }
    if arguments.next < arguments.count && !arguments.mapping {
        return Err(vm.text_error(percent::not_all_converted(flavor)));
    }
    Ok(())
}

fn one(
    vm: &mut Vm,
    out: &mut Vec<u8>,
    directive: &Directive<'_>,
    arguments: &mut Arguments<'_>,
    flavor: Flavor,
) -> R<()> {
    if let Some(key) = directive.key {
        arguments.look_up(vm, key, flavor)?;
    }
    let width = match directive.width {
        Amount::Star => Some(arguments.star(vm)?),
        _ => None,
    };
    let precision = match directive.precision {
        Amount::Star => Some(arguments.precision_star(vm)?),
        _ => None,
    };
    let v = arguments.take(vm)?;
    if !directive.is_known(flavor) {
        return Err(vm.text_error(directive.unsupported(flavor)));
    }
    let layout = match directive.layout(width, precision) {
        Ok(layout) => layout,
        Err(e) => {
            let e = vm.text_error(e);
            return Err(before_layout(vm, e, directive, &v, flavor));
        }
    };
    if layout.width > FEW {
        if let Err(e) = vm.check_buffer(out, layout.width.saturating_mul(3)) {
            return Err(before_layout(vm, e, directive, &v, flavor));
        }
        vm.tick(layout.width / 64)?;
    }
    convert(vm, out, &v, &layout, flavor)
}

/// An argument that cannot be converted is told of before there is no memory for the width.
#[cold]
fn before_layout(vm: &mut Vm, e: Raised, directive: &Directive<'_>, v: &Value, flavor: Flavor) -> Raised {
    if !vm.raised_is(&e, &vm.exc.MemoryError) {
        return e;
    }
    let code = u8::try_from(directive.code).unwrap_or(0);
    let layout = Layout { flags: directive.flags, width: 0, precision: None, code };
    convert(vm, &mut Vec::new(), v, &layout, flavor).err().unwrap_or(e)
}

/// Appends what needs neither a layout nor a call; false where it does.
#[inline]
fn plainly(vm: &Vm, out: &mut Vec<u8>, code: u8, v: &Value, flavor: Flavor) -> bool {
    if flavor == Flavor::Bytes {
        return false;
    }
    match (code, v.as_small_int()) {
        (b'x', Some(i)) => out.extend_from_slice(Digits::power_radix(i, 4).as_bytes()),
        (_, Some(i)) => push_decimal(out, i),
        (b's', None) => match v.cast::<Str>() {
            Some(s) if vm.is_exact(v, &vm.types.str_) && s.get(vm).byte_len() <= FEW => {
                out.extend_from_slice(s.get(vm).as_bytes());
            }
            _ => return false,
        },
        _ => return false,
    }
    true
}

/// Appends one argument.
fn convert(vm: &mut Vm, out: &mut Vec<u8>, v: &Value, layout: &Layout, flavor: Flavor) -> R<()> {
    match layout.code {
        b's' | b'r' | b'a' | b'b' => texts(vm, out, v, layout, flavor),
        b'c' => {
            let unit = character(vm, v, flavor)?;
            percent::format_char(out, unit, layout, flavor);
            Ok(())
        }
        b'd' | b'i' | b'u' | b'o' | b'x' | b'X' => integer(vm, out, v, layout, flavor),
        _ => real(vm, out, v, layout, flavor),
    }
}

/// So many bytes more need no question whether there is memory for them.
const FEW: usize = 1 << 10;

fn texts(vm: &mut Vm, out: &mut Vec<u8>, v: &Value, layout: &Layout, flavor: Flavor) -> R<()> {
    if let (b's' | b'r', Flavor::Text, Some(i)) = (layout.code, flavor, v.as_small_int()) {
        percent::format_text(out, Digits::decimal(i).as_bytes(), layout, flavor);
        return Ok(());
    }
    let text = match (layout.code, flavor) {
        (b's', Flavor::Text) => vm.str(v)?,
        (b'r', Flavor::Text) => vm.repr(v)?,
        (b'a', _) | (b'r', Flavor::Bytes) => vm.ascii(v)?,
        _ => {
            let contents = object_bytes(vm, v, flavor)?;
            vm.check_buffer(out, contents.len())?;
            percent::format_text(out, &contents, layout, flavor);
            return Ok(());
        }
    };
    let more = text.get(vm).byte_len();
    if more > FEW {
        vm.check_buffer(out, more)?;
    }
    percent::format_text(out, text.get(vm).as_bytes(), layout, flavor);
    Ok(())
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

fn integer(vm: &mut Vm, out: &mut Vec<u8>, v: &Value, layout: &Layout, flavor: Flavor) -> R<()> {
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
    check_precision(vm, out, layout)?;
    let made = match vm.as_i64(&n) {
        // No word has too many digits.
        Some(n) => percent::format_int(out, Int::Small(n), layout, 0),
        None => {
            let max_digits = vm.state::<int::MaxStrDigits>().0;
            let big = vm.as_big_int(&n).unwrap_or_default();
            vm.tick_digits(big.bit_length())?;
            percent::format_int(out, Int::Big(&big), layout, max_digits)
        }
    };
    made.map_err(|e| vm.text_error(e))
}

fn real(vm: &mut Vm, out: &mut Vec<u8>, v: &Value, layout: &Layout, flavor: Flavor) -> R<()> {
    check_precision(vm, out, layout)?;
    let x = match float::to_f64(vm, v) {
        Ok(x) => x,
        Err(e) if flavor == Flavor::Bytes && vm.raised_is(&e, &vm.exc.TypeError) => {
            return Err(wrong(vm, layout.code, v, flavor));
        }
        Err(e) => return Err(e),
    };
    percent::format_float(out, x, layout);
    Ok(())
}

fn check_precision(vm: &mut Vm, out: &[u8], layout: &Layout) -> R<()> {
    match layout.precision {
        Some(n) if n > FEW => {
            vm.check_alloc(out.len().saturating_add(n.saturating_mul(5)))?;
            vm.tick(n / 64)
        }
        _ => Ok(()),
    }
}
