//! Methods of `str` that look at or change single characters, and those that fill to a width.

use super::{exact, part_of, text_arg};
use crate::text::algorithms::{self as alg, Flavor, Justify, Side, Translation};
use crate::text::gutf8;
use crate::text::unicode::{self, case};
use crate::vm::dict::Dict;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new("upper(self, /)", "Return a copy of the string converted to uppercase.", |vm, a| {
        mapped(vm, a, "upper", case::upper)
    }),
    NativeDef::new("lower(self, /)", "Return a copy of the string converted to lowercase.", |vm, a| {
        mapped(vm, a, "lower", case::lower)
    }),
    NativeDef::new(
        "casefold(self, /)",
        "Return a version of the string suitable for caseless comparisons.",
        |vm, a| mapped(vm, a, "casefold", case::casefold),
    ),
    NativeDef::new("capitalize(self, /)", "Return a capitalized version of the string.", |vm, a| {
        mapped(vm, a, "capitalize", case::capitalize)
    }),
    NativeDef::new("title(self, /)", "Return a version of the string where each word is titlecased.", |vm, a| {
        mapped(vm, a, "title", case::title)
    }),
    NativeDef::new(
        "swapcase(self, /)",
        "Convert uppercase characters to lowercase and lowercase to uppercase.",
        |vm, a| mapped(vm, a, "swapcase", case::swapcase),
    ),
    NativeDef::new(
        "isalpha(self, /)",
        "Return True if the string is an alphabetic string, False otherwise.",
        |vm, a| tested(vm, a, "isalpha", |t| unicode::all(t, unicode::is_alpha)),
    ),
    NativeDef::new(
        "isalnum(self, /)",
        "Return True if the string is an alpha-numeric string, False otherwise.",
        |vm, a| tested(vm, a, "isalnum", |t| unicode::all(t, unicode::is_alnum)),
    ),
    NativeDef::new("isdecimal(self, /)", "Return True if the string is a decimal string, False otherwise.", |vm, a| {
        tested(vm, a, "isdecimal", |t| unicode::all(t, unicode::is_decimal))
    }),
    NativeDef::new("isdigit(self, /)", "Return True if the string is a digit string, False otherwise.", |vm, a| {
        tested(vm, a, "isdigit", |t| unicode::all(t, unicode::is_digit))
    }),
    NativeDef::new("isnumeric(self, /)", "Return True if the string is a numeric string, False otherwise.", |vm, a| {
        tested(vm, a, "isnumeric", |t| unicode::all(t, unicode::is_numeric))
    }),
    NativeDef::new(
        "isspace(self, /)",
        "Return True if the string is a whitespace string, False otherwise.",
        |vm, a| tested(vm, a, "isspace", |t| unicode::all(t, unicode::is_space)),
    ),
    NativeDef::new("islower(self, /)", "Return True if the string is a lowercase string, False otherwise.", |vm, a| {
        tested(vm, a, "islower", unicode::text_is_lower)
    }),
    NativeDef::new(
        "isupper(self, /)",
        "Return True if the string is an uppercase string, False otherwise.",
        |vm, a| tested(vm, a, "isupper", unicode::text_is_upper),
    ),
    NativeDef::new(
        "istitle(self, /)",
        "Return True if the string is a title-cased string, False otherwise.",
        |vm, a| tested(vm, a, "istitle", unicode::text_is_title),
    ),
    NativeDef::new("isprintable(self, /)", "Return True if all characters in the string are printable.", |vm, a| {
        tested(vm, a, "isprintable", unicode::text_is_printable)
    }),
    NativeDef::new(
        "isidentifier(self, /)",
        "Return True if the string is a valid identifier, False otherwise.",
        |vm, a| tested(vm, a, "isidentifier", unicode::text_is_identifier),
    ),
    NativeDef::new(
        "isascii(self, /)",
        "Return True if all characters in the string are ASCII, False otherwise.",
        |vm, a| tested(vm, a, "isascii", <[u8]>::is_ascii),
    ),
    NativeDef::new("strip(self, chars=None, /)", "Return a copy without leading and trailing whitespace.", |vm, a| {
        strip(vm, a, "strip", Side::Both)
    }),
    NativeDef::new("lstrip(self, chars=None, /)", "Return a copy without leading whitespace.", |vm, a| {
        strip(vm, a, "lstrip", Side::Left)
    }),
    NativeDef::new("rstrip(self, chars=None, /)", "Return a copy without trailing whitespace.", |vm, a| {
        strip(vm, a, "rstrip", Side::Right)
    }),
    NativeDef::new("center(self, width, fillchar=' ', /)", "Return a centered string of length width.", |vm, a| {
        justify(vm, a, "center", Justify::Center)
    }),
    NativeDef::new(
        "ljust(self, width, fillchar=' ', /)",
        "Return a left-justified string of length width.",
        |vm, a| justify(vm, a, "ljust", Justify::Left),
    ),
    NativeDef::new(
        "rjust(self, width, fillchar=' ', /)",
        "Return a right-justified string of length width.",
        |vm, a| justify(vm, a, "rjust", Justify::Right),
    ),
    NativeDef::new("zfill(self, width, /)", "Pad a numeric string with zeros on the left.", zfill),
    NativeDef::new(
        "expandtabs(self, /, tabsize=8)",
        "Return a copy where all tab characters are expanded using spaces.",
        expandtabs,
    ),
    NativeDef::new(
        "translate(self, table, /)",
        "Replace each character in the string using the given translation table.",
        translate,
    ),
    NativeDef::new(
        "maketrans(x, y=None, z=None, /)",
        "Return a translation table usable for str.translate().",
        maketrans,
    ),
];

fn mapped(vm: &mut Vm, a: &[Value], name: &str, map: fn(&[u8]) -> Vec<u8>) -> R {
    let s = vm.this::<Str>(a, name)?;
    let len = s.get(vm).byte_len();
    vm.check_alloc(len)?;
    vm.tick(len >> 10)?;
    if let "lower" | "upper" | "casefold" = name
        && let Some(made) = vm.ascii_cased(s, name == "upper")
    {
        return Ok(made);
    }
    Ok(vm.new_str_bytes(&map(s.get(vm).as_bytes())).into())
}

fn tested(vm: &mut Vm, a: &[Value], name: &str, test: fn(&[u8]) -> bool) -> R {
    let s = vm.this::<Str>(a, name)?;
    vm.charge(s.get(vm).byte_len() >> 7);
    Ok(Value::bool(test(s.get(vm).as_bytes())))
}

fn strip(vm: &mut Vm, a: &[Value], name: &str, side: Side) -> R {
    let s = vm.this::<Str>(a, name)?;
    let set = match arg(a, 1).filter(|v| !v.is_none()) {
        None => None,
        Some(v) => match v.cast::<Str>() {
            Some(set) => Some(set),
            None => return Err(vm.type_error(format!("{name} arg must be None or str"))),
        },
    };
    let text = s.get(vm);
    if text.is_ascii() && set.is_none_or(|set| set.get(vm).is_ascii() && set.get(vm).byte_len() <= 16) {
        let (start, end) = alg::strip_ascii(text.as_bytes(), set.map(|set| set.get(vm).as_bytes()), side);
        return Ok(if end - start == text.byte_len() { exact(vm, s) } else { vm.str_part(s, start, end) });
    }
    let set = set.map(|set| set.get(vm).as_bytes());
    let part = alg::strip(s.get(vm).as_bytes(), set, side, Flavor::Text);
    Ok(part_of(vm, s, part))
}

fn justify(vm: &mut Vm, a: &[Value], name: &str, how: Justify) -> R {
    let s = vm.this::<Str>(a, name)?;
    let width = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    let fill = match arg(a, 2) {
        None => u32::from(b' '),
        Some(v) => {
            let Some(fill) = v.cast::<Str>() else {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("The fill character must be a unicode character, not {got}")));
            };
            match gutf8::single(fill.get(vm).as_bytes()) {
                Some(cp) => cp,
                None => return Err(vm.type_error("The fill character must be exactly one character long")),
            }
        }
    };
    let length = s.get(vm).char_len();
    if width <= length {
        return Ok(exact(vm, s));
    }
    let filled = (width - length).saturating_mul(gutf8::encoded_len(fill));
    vm.check_alloc(filled.saturating_add(s.get(vm).byte_len()))?;
    let text = alg::justify(s.get(vm).as_bytes(), length, width, fill, how, Flavor::Text);
    Ok(vm.new_str_bytes(&text).into())
}

fn zfill(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "zfill")?;
    let width = usize::try_from(vm.index_i64(&a[1])?).unwrap_or(0);
    let length = s.get(vm).char_len();
    if width <= length {
        return Ok(exact(vm, s));
    }
    vm.check_alloc(width.saturating_add(s.get(vm).byte_len()))?;
    Ok(vm.new_str_bytes(&alg::zfill(s.get(vm).as_bytes(), length, width)).into())
}

/// A width of tabs.
///
/// # Errors
/// TypeError, OverflowError.
pub(crate) fn tab_size(vm: &mut Vm, v: Option<&Value>) -> R<i64> {
    match v {
        Some(v) => super::c_int(vm, v),
        None => Ok(8),
    }
}

fn expandtabs(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "expandtabs")?;
    let size = tab_size(vm, arg(a, 1))?;
    let text = s.get(vm).as_bytes();
    let tabs = memchr::memchr_iter(b'\t', text).count();
    let most = tabs.saturating_mul(size.max(0) as usize).saturating_add(text.len());
    if tabs == 0 {
        return Ok(exact(vm, s));
    }
    vm.check_alloc(most)?;
    match alg::expand_tabs(s.get(vm).as_bytes(), size, Flavor::Text, usize::MAX) {
        Some(text) => Ok(vm.new_str_bytes(&text).into()),
        None => Err(vm.overflow_error("new string is too long")),
    }
}

// ---- translate ----

/// What a table says of a code point.
fn translation(vm: &mut Vm, table: &Value, cp: u32) -> R<Translation> {
    let key = Value::int32(cp as i32);
    let found = match vm.get_item(table, &key) {
        Ok(v) => v,
        Err(e) if vm.raised_is(&e, &vm.exc.LookupError) => return Ok(Translation::Keep),
        Err(e) => return Err(e),
    };
    if found.is_none() {
        return Ok(Translation::Delete);
    }
    if let Some(s) = found.cast::<Str>() {
        return Ok(Translation::Text(s.get(vm).as_bytes().to_vec()));
    }
    if vm.is_int(&found) {
        let cp = vm.as_i64(&found).and_then(|n| u32::try_from(n).ok()).filter(|&cp| cp <= gutf8::MAX_CODE_POINT);
        return match cp {
            Some(cp) => Ok(Translation::Char(cp)),
            None => Err(vm.value_error("character mapping must be in range(0x110000)")),
        };
    }
    Err(vm.type_error("character mapping must return integer, None or str"))
}

fn translate(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "translate")?;
    let text = s.get(vm).as_bytes().to_vec();
    // ASCII characters are asked for once: tables are functions of the character.
    let mut known: Vec<Option<Translation>> = vec![None; 128];
    let mut grown = 0usize;
    let result = alg::translate_text(&text, |cp| {
        if let Some(Some(t)) = known.get(cp as usize)
            && !matches!(t, Translation::Text(_))
        {
            return Ok(t.clone());
        }
        let t = translation(vm, &a[1], cp)?;
        if let Translation::Text(more) = &t {
            grown = grown.saturating_add(more.len());
            vm.check_alloc(grown)?;
        }
        vm.tick(1)?;
        if let Some(slot) = known.get_mut(cp as usize) {
            *slot = Some(t.clone());
        }
        Ok(t)
    })?;
    Ok(vm.new_str_bytes(&result).into())
}

fn maketrans(vm: &mut Vm, a: &[Value]) -> R {
    let made = vm.new_dict();
    let Some(y) = arg(a, 1) else {
        return maketrans_of_dict(vm, &a[0], made);
    };
    let Some(x) = a[0].cast::<Str>() else {
        return Err(vm.type_error("first maketrans argument must be a string if there is a second argument"));
    };
    let y = text_arg(vm, y, "maketrans", 2)?;
    let z = match arg(a, 2) {
        Some(z) => Some(text_arg(vm, z, "maketrans", 3)?),
        None => None,
    };
    if x.get(vm).char_len() != y.get(vm).char_len() {
        return Err(vm.value_error("the first two maketrans arguments must have equal length"));
    }
    let from = gutf8::code_points(x.get(vm).as_bytes());
    let pairs: Vec<(u32, u32)> = from.zip(gutf8::code_points(y.get(vm).as_bytes())).collect();
    for (from, to) in pairs {
        made.set_item(vm, Value::int32(from as i32), Value::int32(to as i32))?;
    }
    let gone: Vec<u32> = z.map_or(Vec::new(), |z| gutf8::code_points(z.get(vm).as_bytes()).collect());
    for cp in gone {
        made.set_item(vm, Value::int32(cp as i32), Value::NONE)?;
    }
    Ok(made.into())
}

fn maketrans_of_dict(vm: &mut Vm, x: &Value, made: Ref<Dict>) -> R {
    let Some(given) = x.cast::<Dict>().filter(|_| vm.is_exact(x, &vm.types.dict)) else {
        return Err(vm.type_error("if you give only one argument to maketrans it must be a dict"));
    };
    let items: Vec<(Value, Value)> = given.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value) in items {
        let key = match key.cast::<Str>() {
            Some(s) => match gutf8::single(s.get(vm).as_bytes()) {
                Some(cp) => Value::int32(cp as i32),
                None => return Err(vm.value_error("string keys in translatetable must be of length 1")),
            },
            None if vm.is_int(&key) => key,
            None => return Err(vm.type_error("keys in translate table mustbe strings or integers")),
        };
        made.set_item(vm, key, value)?;
    }
    Ok(made.into())
}
