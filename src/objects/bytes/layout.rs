//! Methods of `bytes` and `bytearray` that look at or change single bytes, and those that fill to a width.

use super::shared::{like, own, part_of, same};
use super::{bytes_from, plain};
use crate::objects::str::shape::tab_size;
use crate::text::algorithms::{self as alg, Flavor, Justify, Side};
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::Bytes;
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new("upper(self, /)", "Return a copy with all ASCII characters converted to uppercase.", |vm, a| {
        mapped(vm, a, <[u8]>::to_ascii_uppercase)
    }),
    NativeDef::new("lower(self, /)", "Return a copy with all ASCII characters converted to lowercase.", |vm, a| {
        mapped(vm, a, <[u8]>::to_ascii_lowercase)
    }),
    NativeDef::new(
        "capitalize(self, /)",
        "Return a copy with only its first character capitalized (ASCII).",
        |vm, a| mapped(vm, a, alg::bytes_capitalize),
    ),
    NativeDef::new("title(self, /)", "Return a titlecased version, words start with uppercase characters.", |vm, a| {
        mapped(vm, a, alg::bytes_title)
    }),
    NativeDef::new(
        "swapcase(self, /)",
        "Return a copy with uppercase and lowercase ASCII characters exchanged.",
        |vm, a| mapped(vm, a, alg::bytes_swapcase),
    ),
    NativeDef::new("isalpha(self, /)", "Return True if all characters are ASCII letters.", |vm, a| {
        tested(vm, a, |b| alg::all_bytes(b, u8::is_ascii_alphabetic))
    }),
    NativeDef::new("isalnum(self, /)", "Return True if all characters are ASCII letters or digits.", |vm, a| {
        tested(vm, a, |b| alg::all_bytes(b, u8::is_ascii_alphanumeric))
    }),
    NativeDef::new("isdigit(self, /)", "Return True if all characters are ASCII digits.", |vm, a| {
        tested(vm, a, |b| alg::all_bytes(b, u8::is_ascii_digit))
    }),
    NativeDef::new("isspace(self, /)", "Return True if all characters are whitespace.", |vm, a| {
        tested(vm, a, alg::bytes_is_space)
    }),
    NativeDef::new("islower(self, /)", "Return True if all cased characters are lowercase.", |vm, a| {
        tested(vm, a, alg::bytes_is_lower)
    }),
    NativeDef::new("isupper(self, /)", "Return True if all cased characters are uppercase.", |vm, a| {
        tested(vm, a, alg::bytes_is_upper)
    }),
    NativeDef::new("istitle(self, /)", "Return True if the bytes are titlecased.", |vm, a| {
        tested(vm, a, alg::bytes_is_title)
    }),
    NativeDef::new("isascii(self, /)", "Return True if all bytes are ASCII.", |vm, a| tested(vm, a, <[u8]>::is_ascii)),
    NativeDef::new(
        "strip(self, bytes=None, /)",
        "Strip leading and trailing bytes contained in the argument.",
        |vm, a| strip(vm, a, Side::Both),
    ),
    NativeDef::new("lstrip(self, bytes=None, /)", "Strip leading bytes contained in the argument.", |vm, a| {
        strip(vm, a, Side::Left)
    }),
    NativeDef::new("rstrip(self, bytes=None, /)", "Strip trailing bytes contained in the argument.", |vm, a| {
        strip(vm, a, Side::Right)
    }),
    NativeDef::new(
        "center(self, width, fillchar=b' ', /)",
        "Return the bytes centered in a field of the width.",
        |vm, a| justify(vm, a, "center", Justify::Center),
    ),
    NativeDef::new(
        "ljust(self, width, fillchar=b' ', /)",
        "Return the bytes left-justified in a field of the width.",
        |vm, a| justify(vm, a, "ljust", Justify::Left),
    ),
    NativeDef::new(
        "rjust(self, width, fillchar=b' ', /)",
        "Return the bytes right-justified in a field of the width.",
        |vm, a| justify(vm, a, "rjust", Justify::Right),
    ),
    NativeDef::new("zfill(self, width, /)", "Pad a numeric string with zeros on the left.", zfill),
    NativeDef::new("expandtabs(self, /, tabsize=8)", "Return a copy where tabs are expanded using spaces.", expandtabs),
    NativeDef::new(
        "translate(self, table, /, delete=b'')",
        "Return a copy with each character mapped by the given translation table.",
        translate,
    ),
    NativeDef::new(
        "maketrans(frm, to, /)",
        "Return a translation table usable for the bytes or bytearray translate method.",
        maketrans,
    ),
];

fn mapped(vm: &mut Vm, a: &[Value], map: fn(&[u8]) -> Vec<u8>) -> R {
    let size = own(vm, a).len();
    vm.check_alloc(size)?;
    vm.tick(size >> 10)?;
    Ok(like(vm, &a[0], &map(own(vm, a))))
}

fn tested(vm: &mut Vm, a: &[Value], test: fn(&[u8]) -> bool) -> R {
    Ok(Value::bool(test(own(vm, a))))
}

fn strip(vm: &mut Vm, a: &[Value], side: Side) -> R {
    let set = match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => Some(bytes_from(vm, v)?),
        None => None,
    };
    let part = alg::strip(own(vm, a), set.as_deref(), side, Flavor::Bytes);
    Ok(part_of(vm, a, part))
}

fn justify(vm: &mut Vm, a: &[Value], name: &str, how: Justify) -> R {
    let width = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    let fill = match arg(a, 2) {
        None => b' ',
        Some(v) => match plain(vm, v) {
            Some([byte]) => *byte,
            Some(other) => {
                let len = other.len();
                let kind = if v.is_a::<Bytes>() { "bytes" } else { "bytearray" };
                return Err(vm.type_error(format!(
                    "{name}(): argument 2 must be a byte string of length 1, not a {kind} object of length {len}"
                )));
            }
            None => {
                let got = crate::objects::str::shown_type(vm, v);
                return Err(vm.type_error(format!("{name}() argument 2 must be a byte string of length 1, not {got}")));
            }
        },
    };
    let length = own(vm, a).len();
    if width <= length {
        return Ok(same(vm, a));
    }
    vm.check_alloc(width)?;
    let made = alg::justify(own(vm, a), length, width, u32::from(fill), how, Flavor::Bytes);
    Ok(like(vm, &a[0], &made))
}

fn zfill(vm: &mut Vm, a: &[Value]) -> R {
    let width = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    let length = own(vm, a).len();
    if width <= length {
        return Ok(same(vm, a));
    }
    vm.check_alloc(width)?;
    Ok(like(vm, &a[0], &alg::zfill(own(vm, a), length, width)))
}

fn expandtabs(vm: &mut Vm, a: &[Value]) -> R {
    let size = tab_size(vm, arg(a, 1))?;
    let contents = own(vm, a);
    let tabs = memchr::memchr_iter(b'\t', contents).count();
    let most = tabs.saturating_mul(size.max(0) as usize).saturating_add(contents.len());
    vm.check_alloc(most)?;
    match alg::expand_tabs(own(vm, a), size, Flavor::Bytes, usize::MAX) {
        Some(made) => Ok(like(vm, &a[0], &made)),
        None => Err(vm.overflow_error("result too long")),
    }
}

fn translate(vm: &mut Vm, a: &[Value]) -> R {
    let table: Option<[u8; 256]> = if a[1].is_none() {
        None
    } else {
        match <[u8; 256]>::try_from(bytes_from(vm, &a[1])?) {
            Ok(table) => Some(table),
            Err(_) => return Err(vm.value_error("translation table must be 256 characters long")),
        }
    };
    let delete = match arg(a, 2) {
        Some(v) => bytes_from(vm, v)?,
        None => Vec::new(),
    };
    let made = alg::translate_bytes(own(vm, a), table.as_ref(), &delete);
    if made == own(vm, a) {
        return Ok(same(vm, a));
    }
    Ok(like(vm, &a[0], &made))
}

fn maketrans(vm: &mut Vm, a: &[Value]) -> R {
    let (from, to) = (bytes_from(vm, &a[0])?, bytes_from(vm, &a[1])?);
    if from.len() != to.len() {
        return Err(vm.value_error("maketrans arguments must have same length"));
    }
    let mut table: Vec<u8> = (0..=255).collect();
    for (from, to) in from.iter().zip(to) {
        if let Some(place) = table.get_mut(usize::from(*from)) {
            *place = to;
        }
    }
    Ok(vm.new_bytes(&table).into())
}
