//! Methods of `bytes` and `bytearray` that look for other bytes: finding, splitting, replacing, joining.

use super::shared::{like, own, part_of, same};
use super::{byte_of, bytes_from, read_buffer};
use crate::objects::str::is_index;
use crate::objects::str::search::{bound, check_pieces, check_replace, join_items, limit};
use crate::text::algorithms::{self as alg, Flavor};
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::{Bytes, Tuple};
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new(
        "find(self, sub, start=None, end=None, /)",
        "Return the lowest index where subsection sub is found, or -1.",
        |vm, a| find(vm, a, false, false),
    ),
    NativeDef::new(
        "rfind(self, sub, start=None, end=None, /)",
        "Return the highest index where subsection sub is found, or -1.",
        |vm, a| find(vm, a, true, false),
    ),
    NativeDef::new(
        "index(self, sub, start=None, end=None, /)",
        "Return the lowest index where subsection sub is found; raise ValueError when it is not.",
        |vm, a| find(vm, a, false, true),
    ),
    NativeDef::new(
        "rindex(self, sub, start=None, end=None, /)",
        "Return the highest index where subsection sub is found; raise ValueError when it is not.",
        |vm, a| find(vm, a, true, true),
    ),
    NativeDef::new(
        "count(self, sub, start=None, end=None, /)",
        "Return the number of non-overlapping occurrences of subsection sub.",
        count,
    ),
    NativeDef::new(
        "startswith(self, prefix, start=None, end=None, /)",
        "Return True if the object starts with the specified prefix, False otherwise.",
        |vm, a| affix(vm, a, "startswith", <[u8]>::starts_with),
    ),
    NativeDef::new(
        "endswith(self, suffix, start=None, end=None, /)",
        "Return True if the object ends with the specified suffix, False otherwise.",
        |vm, a| affix(vm, a, "endswith", <[u8]>::ends_with),
    ),
    NativeDef::new(
        "replace(self, old, new, count=-1, /)",
        "Return a copy with all occurrences of subsection old replaced by new.",
        replace,
    ),
    NativeDef::new(
        "split(self, /, sep=None, maxsplit=-1)",
        "Return a list of the sections in the bytes, using sep as the delimiter.",
        |vm, a| split(vm, a, false),
    ),
    NativeDef::new(
        "rsplit(self, /, sep=None, maxsplit=-1)",
        "Return a list of the sections in the bytes, splitting from the right.",
        |vm, a| split(vm, a, true),
    ),
    NativeDef::new("splitlines(self, /, keepends=False)", "Return a list of the lines in the bytes.", splitlines),
    NativeDef::new("partition(self, sep, /)", "Partition the bytes into three parts.", |vm, a| partition(vm, a, false)),
    NativeDef::new("rpartition(self, sep, /)", "Partition the bytes into three parts, from the right.", |vm, a| {
        partition(vm, a, true)
    }),
    NativeDef::new("removeprefix(self, prefix, /)", "Return the bytes without the given prefix.", |vm, a| {
        let prefix = bytes_from(vm, &a[1])?;
        let contents = own(vm, a);
        Ok(part_of(vm, a, contents.strip_prefix(prefix.as_slice()).unwrap_or(contents)))
    }),
    NativeDef::new("removesuffix(self, suffix, /)", "Return the bytes without the given suffix.", |vm, a| {
        let suffix = bytes_from(vm, &a[1])?;
        let contents = own(vm, a);
        Ok(part_of(vm, a, contents.strip_suffix(suffix.as_slice()).unwrap_or(contents)))
    }),
    NativeDef::new("join(self, iterable_of_bytes, /)", "Concatenate any number of bytes objects.", join),
];

/// What is looked for: bytes, or one byte given as a number.
fn needle(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    if let Some(contents) = read_buffer(vm, v)? {
        return Ok(contents);
    }
    if is_index(vm, v) {
        return Ok(vec![byte_of(vm, v, "byte")?]);
    }
    let got = vm.class_name(v);
    Err(vm.type_error(format!("argument should be integer or bytes-like object, not '{got}'")))
}

/// The stretch that arguments 2 and 3 give, if anything can be found in it.
fn window(vm: &mut Vm, a: &[Value]) -> R<Option<(usize, usize)>> {
    let (start, end) = (bound(vm, arg(a, 2))?, bound(vm, arg(a, 3))?);
    let (start, end) = alg::clip(start, end, own(vm, a).len());
    Ok((start <= end).then_some((start, end)))
}

fn find(vm: &mut Vm, a: &[Value], last: bool, must: bool) -> R {
    let sub = needle(vm, &a[1])?;
    let window = window(vm, a)?;
    vm.tick((own(vm, a).len() + sub.len()) >> 8)?;
    let found = window.and_then(|(start, end)| {
        let hay = own(vm, a).get(start..end)?;
        let at = if last { alg::rfind(hay, &sub) } else { alg::find(hay, &sub) }?;
        Some(start + at)
    });
    match found {
        Some(at) => Ok(Value::len(at)),
        None if must => Err(vm.value_error("subsection not found")),
        None => Ok(Value::int32(-1)),
    }
}

fn count(vm: &mut Vm, a: &[Value]) -> R {
    let sub = needle(vm, &a[1])?;
    vm.charge((own(vm, a).len() + sub.len()) >> 8);
    let n = match window(vm, a)? {
        Some((start, end)) => alg::count(own(vm, a).get(start..end).unwrap_or_default(), &sub, Flavor::Bytes),
        None => 0,
    };
    Ok(Value::len(n))
}

fn affix(vm: &mut Vm, a: &[Value], name: &str, test: fn(&[u8], &[u8]) -> bool) -> R {
    let window = window(vm, a)?;
    let holds = |vm: &Vm, part: &[u8]| {
        window.is_some_and(|(start, end)| own(vm, a).get(start..end).is_some_and(|hay| test(hay, part)))
    };
    if let Some(items) = a[1].cast::<Tuple>() {
        for item in items.get(vm).items().to_vec() {
            let part = bytes_from(vm, &item)?;
            if holds(vm, &part) {
                return Ok(Value::TRUE);
            }
        }
        return Ok(Value::FALSE);
    }
    match read_buffer(vm, &a[1])? {
        Some(part) => Ok(Value::bool(holds(vm, &part))),
        None => {
            let got = vm.class_name(&a[1]);
            Err(vm.type_error(format!("{name} first arg must be bytes or a tuple of bytes, not {got}")))
        }
    }
}

fn replace(vm: &mut Vm, a: &[Value]) -> R {
    let old = bytes_from(vm, &a[1])?;
    let new = bytes_from(vm, &a[2])?;
    let most = limit(vm, arg(a, 3))?;
    let size = own(vm, a).len();
    vm.tick(size >> 10)?;
    check_replace(vm, (size, old.len(), new.len()), |vm| alg::count(own(vm, a), &old, Flavor::Bytes), most)?;
    match alg::replace(own(vm, a), &old, &new, most, Flavor::Bytes, usize::MAX) {
        Some(made) if made == own(vm, a) => Ok(same(vm, a)),
        Some(made) => Ok(like(vm, &a[0], &made)),
        None => Err(vm.memory_error("")),
    }
}

fn split(vm: &mut Vm, a: &[Value], right: bool) -> R {
    let sep = match arg(a, 1).filter(|v| !v.is_none()) {
        Some(v) => Some(bytes_from(vm, v)?),
        None => None,
    };
    let most = limit(vm, arg(a, 2))?;
    if sep.as_ref().is_some_and(Vec::is_empty) {
        return Err(vm.value_error("empty separator"));
    }
    let size = own(vm, a).len();
    vm.tick(size >> 8)?;
    check_pieces(vm, size, most, |vm| {
        let mut n = 0;
        match &sep {
            Some(sep) => alg::each_piece(own(vm, a), sep, most, |_, _| n += 1),
            None => n = alg::most_words(own(vm, a), Flavor::Bytes),
        }
        n
    })?;
    let hay = own(vm, a);
    let pieces = match (&sep, right) {
        (Some(sep), false) => alg::split(hay, sep, most),
        (Some(sep), true) => alg::rsplit(hay, sep, most),
        (None, false) => alg::split_whitespace(hay, most, Flavor::Bytes),
        (None, true) => alg::rsplit_whitespace(hay, most, Flavor::Bytes),
    };
    Ok(vm.list(pieces.iter().map(|p| part_of(vm, a, p)).collect()).into())
}

fn splitlines(vm: &mut Vm, a: &[Value]) -> R {
    let keep = match arg(a, 1) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    let size = own(vm, a).len();
    vm.tick(size >> 8)?;
    check_pieces(vm, size, None, |vm| alg::most_lines(own(vm, a), Flavor::Bytes))?;
    let lines = alg::split_lines(own(vm, a), keep, Flavor::Bytes);
    Ok(vm.list(lines.iter().map(|p| part_of(vm, a, p)).collect()).into())
}

fn partition(vm: &mut Vm, a: &[Value], last: bool) -> R {
    let sep = bytes_from(vm, &a[1])?;
    if sep.is_empty() {
        return Err(vm.value_error("empty separator"));
    }
    let hay = own(vm, a);
    let found = if last { alg::rpartition(hay, &sep) } else { alg::partition(hay, &sep) };
    let parts = match found {
        Some((before, after)) => {
            let middle = if vm.is_exact(&a[1], &vm.types.bytes) && a[0].is_a::<Bytes>() {
                a[1].clone()
            } else {
                like(vm, &a[0], &sep)
            };
            vec![like(vm, &a[0], before), middle, like(vm, &a[0], after)]
        }
        None if last => vec![like(vm, &a[0], b""), like(vm, &a[0], b""), same(vm, a)],
        None => vec![same(vm, a), like(vm, &a[0], b""), like(vm, &a[0], b"")],
    };
    Ok(vm.tuple(parts).into())
}

fn join(vm: &mut Vm, a: &[Value]) -> R {
    let items = join_items(vm, &a[1])?;
    if let [one] = items.as_slice()
        && a[0].is_a::<Bytes>()
        && vm.is_exact(one, &vm.types.bytes)
    {
        return Ok(one.clone());
    }
    let separator = own(vm, a).to_vec();
    let mut out = Vec::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(&separator);
        }
        if let Some(part) = super::plain(vm, item) {
            let total = out.len().saturating_add(part.len()).saturating_add(separator.len());
            if total > out.capacity() {
                vm.check_alloc(total.saturating_mul(2))?;
            }
            out.extend_from_slice(super::plain(vm, item).unwrap_or_default());
            continue;
        }
        match read_buffer(vm, item)? {
            Some(part) => {
                vm.check_buffer(&out, part.len())?;
                out.extend_from_slice(&part);
            }
            None => {
                let got = vm.class_name(item);
                return Err(vm.type_error(format!("sequence item {i}: expected a bytes-like object, {got} found")));
            }
        }
    }
    vm.tick(items.len() >> 2)?;
    Ok(like(vm, &a[0], &out))
}
