//! Methods of `str` that look for other texts: finding, splitting, replacing, joining.

use super::{exact, part_of, text_arg};
use crate::text::algorithms::{self as alg, Flavor};
use crate::text::gutf8;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::new(
        "find(self, sub, start=None, end=None, /)",
        "Return the lowest index in the string where substring sub is found, or -1.",
        |vm, a| find(vm, a, "find", false, false),
    ),
    NativeDef::new(
        "rfind(self, sub, start=None, end=None, /)",
        "Return the highest index in the string where substring sub is found, or -1.",
        |vm, a| find(vm, a, "rfind", true, false),
    ),
    NativeDef::new(
        "index(self, sub, start=None, end=None, /)",
        "Return the lowest index in the string where substring sub is found; raise ValueError when it is not.",
        |vm, a| find(vm, a, "index", false, true),
    ),
    NativeDef::new(
        "rindex(self, sub, start=None, end=None, /)",
        "Return the highest index in the string where substring sub is found; raise ValueError when it is not.",
        |vm, a| find(vm, a, "rindex", true, true),
    ),
    NativeDef::new(
        "count(self, sub, start=None, end=None, /)",
        "Return the number of non-overlapping occurrences of substring sub.",
        count,
    ),
    NativeDef::new(
        "startswith(self, prefix, start=None, end=None, /)",
        "Return True if the string starts with the specified prefix, False otherwise.",
        |vm, a| affix(vm, a, "startswith", <[u8]>::starts_with),
    ),
    NativeDef::new(
        "endswith(self, suffix, start=None, end=None, /)",
        "Return True if the string ends with the specified suffix, False otherwise.",
        |vm, a| affix(vm, a, "endswith", <[u8]>::ends_with),
    ),
    NativeDef::new(
        "replace(self, old, new, /, count=-1)",
        "Return a copy with all occurrences of substring old replaced by new.",
        replace,
    ),
    NativeDef::new(
        "split(self, /, sep=None, maxsplit=-1)",
        "Return a list of the substrings in the string, using sep as the separator string.",
        |vm, a| split(vm, a, false),
    ),
    NativeDef::new(
        "rsplit(self, /, sep=None, maxsplit=-1)",
        "Return a list of the substrings in the string, splitting from the right.",
        |vm, a| split(vm, a, true),
    ),
    NativeDef::new("splitlines(self, /, keepends=False)", "Return a list of the lines in the string.", splitlines),
    NativeDef::new(
        "partition(self, sep, /)",
        "Partition the string into three parts using the given separator.",
        |vm, a| partition(vm, a, false),
    ),
    NativeDef::new(
        "rpartition(self, sep, /)",
        "Partition the string into three parts using the last occurrence of the given separator.",
        |vm, a| partition(vm, a, true),
    ),
    NativeDef::new(
        "removeprefix(self, prefix, /)",
        "Return a str with the given prefix string removed if present.",
        remove_prefix,
    ),
    NativeDef::new(
        "removesuffix(self, suffix, /)",
        "Return a str with the given suffix string removed if present.",
        remove_suffix,
    ),
    NativeDef::new("join(self, iterable, /)", "Concatenate any number of strings.", join),
];

/// A bound of a search.
///
/// # Errors
/// TypeError when it is neither `None` nor an integer.
pub(crate) fn bound(vm: &mut Vm, v: Option<&Value>) -> R<Option<i64>> {
    let Some(v) = v.filter(|v| !v.is_none()) else { return Ok(None) };
    if !vm.is_int(v) && vm.special(v, Special::Index).is_none() {
        return Err(vm.type_error("slice indices must be integers or None or have an __index__ method"));
    }
    vm.index_clamped(v).map(Some)
}

/// The stretch of a text that a search covers.
struct Window {
    /// Where it begins, in bytes.
    from: usize,
    /// Where it ends, in bytes.
    to: usize,
    /// Where it begins, in code points.
    first: usize,
}

/// The window that arguments `at` and `at + 1` give; none when nothing, not even the empty text, is in it.
fn window(vm: &mut Vm, s: &Ref<Str>, a: &[Value], at: usize) -> R<Option<Window>> {
    let (start, end) = (bound(vm, arg(a, at))?, bound(vm, arg(a, at + 1))?);
    let text = s.get(vm);
    let (start, end) = alg::clip(start, end, text.char_len());
    if start > end {
        return Ok(None);
    }
    if text.is_ascii() {
        return Ok(Some(Window { from: start, to: end, first: start }));
    }
    if start == 0 && end == text.char_len() {
        return Ok(Some(Window { from: 0, to: text.byte_len(), first: 0 }));
    }
    let index = vm.code_point_index(s);
    let bytes = s.get(vm).as_bytes();
    let offset = |at| match &index {
        Some(index) => index.byte_offset(bytes, at),
        None => gutf8::byte_offset(bytes, at),
    };
    Ok(Some(Window { from: offset(start), to: offset(end), first: start }))
}

impl Window {
    fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        text.get(self.from..self.to).unwrap_or_default()
    }
}

fn find(vm: &mut Vm, a: &[Value], name: &str, last: bool, must: bool) -> R {
    let s = vm.this::<Str>(a, name)?;
    let sub = text_arg(vm, &a[1], name, 1)?;
    vm.charge((s.get(vm).byte_len() + sub.get(vm).byte_len()) >> 8);
    let found = window(vm, s, a, 2)?.and_then(|w| {
        let text = s.get(vm);
        let hay = w.of(text.as_bytes());
        let needle = sub.get(vm).as_bytes();
        let byte = if last { alg::rfind(hay, needle) } else { alg::find(hay, needle) }?;
        let before = if text.is_ascii() { byte } else { gutf8::count(hay.get(..byte)?) };
        Some(w.first + before)
    });
    match found {
        Some(at) => Ok(Value::len(at)),
        None if must => Err(vm.value_error("substring not found")),
        None => Ok(Value::int32(-1)),
    }
}

fn count(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "count")?;
    let sub = text_arg(vm, &a[1], "count", 1)?;
    vm.charge((s.get(vm).byte_len() + sub.get(vm).byte_len()) >> 8);
    let n = match window(vm, s, a, 2)? {
        Some(w) => alg::count(w.of(s.get(vm).as_bytes()), sub.get(vm).as_bytes(), Flavor::Text),
        None => 0,
    };
    Ok(Value::len(n))
}

fn affix(vm: &mut Vm, a: &[Value], name: &str, test: fn(&[u8], &[u8]) -> bool) -> R {
    let s = vm.this::<Str>(a, name)?;
    let window = window(vm, s, a, 2)?;
    let holds = |vm: &Vm, sub: &Ref<Str>| {
        window.as_ref().is_some_and(|w| test(w.of(s.get(vm).as_bytes()), sub.get(vm).as_bytes()))
    };
    if let Some(sub) = a[1].cast::<Str>() {
        return Ok(Value::bool(holds(vm, sub)));
    }
    let Some(items) = a[1].cast::<Tuple>() else {
        let got = vm.class_name(&a[1]);
        return Err(vm.type_error(format!("{name} first arg must be str or a tuple of str, not {got}")));
    };
    for i in 0.. {
        let Some(item) = items.get(vm).items().get(i).cloned() else { break };
        let Some(sub) = item.cast::<Str>() else {
            let got = vm.class_name(&item);
            return Err(vm.type_error(format!("tuple for {name} must only contain str, not {got}")));
        };
        if holds(vm, sub) {
            return Ok(Value::TRUE);
        }
    }
    Ok(Value::FALSE)
}

/// How many, at most; none for all.
pub(crate) fn limit(vm: &mut Vm, v: Option<&Value>) -> R<Option<usize>> {
    match v {
        Some(v) => Ok(usize::try_from(vm.index_i64(v)?).ok()),
        None => Ok(None),
    }
}

/// Checks that replacing will not make too much. `sizes` are those of the text, the old part and the new one.
///
/// # Errors
/// MemoryError, OverflowError.
pub(crate) fn check_replace(
    vm: &mut Vm,
    sizes: (usize, usize, usize),
    found: impl FnOnce(&Vm) -> usize,
    most: Option<usize>,
) -> R<()> {
    let (hay, old, new) = sizes;
    if new <= old {
        return Ok(());
    }
    let found = found(vm).min(most.unwrap_or(usize::MAX));
    let total = found.checked_mul(new - old).and_then(|grown| grown.checked_add(hay));
    match total.filter(|&total| total <= isize::MAX as usize) {
        Some(total) => vm.check_alloc(total),
        None => Err(vm.overflow_error("replace string is too long")),
    }
}

fn replace(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "replace")?;
    let old = text_arg(vm, &a[1], "replace", 1)?;
    let new = text_arg(vm, &a[2], "replace", 2)?;
    let most = limit(vm, arg(a, 3))?;
    let sizes = (s.get(vm).byte_len(), old.get(vm).byte_len(), new.get(vm).byte_len());
    vm.tick(sizes.0 >> 10)?;
    let counted = |vm: &Vm| alg::count(s.get(vm).as_bytes(), old.get(vm).as_bytes(), Flavor::Text);
    check_replace(vm, sizes, counted, most)?;
    let (hay, from, to) = (s.get(vm).as_bytes(), old.get(vm).as_bytes(), new.get(vm).as_bytes());
    if most == Some(0) || from == to || alg::find(hay, from).is_none() {
        return Ok(exact(vm, s));
    }
    match alg::replace(hay, from, to, most, Flavor::Text, usize::MAX) {
        Some(text) => Ok(vm.new_str_bytes(&text).into()),
        None => Err(vm.memory_error("")),
    }
}

fn split(vm: &mut Vm, a: &[Value], right: bool) -> R {
    let s = vm.this::<Str>(a, if right { "rsplit" } else { "split" })?;
    let sep = match arg(a, 1) {
        None => None,
        Some(v) if v.is_none() => None,
        Some(v) => match v.cast::<Str>() {
            Some(sep) => Some(sep),
            None => {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("must be str or None, not {got}")));
            }
        },
    };
    let most = limit(vm, arg(a, 2))?;
    if sep.is_some_and(|sep| sep.get(vm).byte_len() == 0) {
        return Err(vm.value_error("empty separator"));
    }
    vm.tick(s.get(vm).byte_len() >> 10)?;
    check_pieces(vm, s.get(vm).byte_len(), most, |vm| {
        let hay = s.get(vm).as_bytes();
        let mut n = 0;
        match sep {
            Some(sep) => alg::each_piece(hay, sep.get(vm).as_bytes(), most, |_, _| n += 1),
            None if s.get(vm).is_ascii() => alg::each_ascii_word(hay, |_, _| n += 1),
            None => n = alg::most_words(hay, Flavor::Text),
        }
        n
    })?;
    let hay = s.get(vm).as_bytes();
    let whole = hay.len();
    // The text itself where it is one piece, as for `part_of`.
    let piece = |from: usize, to: usize| if to - from == whole { exact(vm, s) } else { vm.str_part(s, from, to) };
    let mut items = Vec::new();
    let list = match (sep.map(|sep| sep.get(vm).as_bytes()), right) {
        (Some(sep), false) => {
            if let [byte] = sep
                && most.is_none()
                && hay.len() > 64
            {
                items.reserve_exact(memchr::memchr_iter(*byte, hay).count() + 1);
            }
            alg::each_piece(hay, sep, most, |from, to| items.push(piece(from, to)));
            vm.list(items)
        }
        (None, false) if most.is_none() && s.get(vm).is_ascii() => {
            items.reserve(hay.len() / 12 + 4);
            alg::each_ascii_word(hay, |from, to| items.push(piece(from, to)));
            vm.list(items)
        }
        _ => vm.list(other_split(vm, s, sep, most, right)),
    };
    vm.tick(list.get(vm).items.len() >> 4)?;
    Ok(list.into())
}

/// Asks for permission to make the pieces of a text of so many bytes, which may take much more memory than the text. They
/// are counted where they may be too many; a text that is cut `most` times at most gives one more.
///
/// # Errors
/// MemoryError.
pub(crate) fn check_pieces(vm: &mut Vm, size: usize, most: Option<usize>, count: impl FnOnce(&Vm) -> usize) -> R<()> {
    const LONG: usize = 1 << 20;
    /// What a piece takes besides its characters: an object, and its places in the list and in what becomes the list.
    const PIECE: usize = 64;
    let left = vm.memory_limit().map_or(usize::MAX, |limit| limit.saturating_sub(vm.memory_used()));
    if size < LONG.min(left / PIECE) {
        return Ok(());
    }
    let pieces = count(vm).min(most.map_or(usize::MAX, |n| n.saturating_add(1)));
    vm.check_alloc(size.saturating_add(pieces.saturating_mul(PIECE)))
}

/// The pieces of the less common ways to split.
fn other_split(vm: &Vm, s: &Ref<Str>, sep: Option<&Ref<Str>>, most: Option<usize>, right: bool) -> Vec<Value> {
    let hay = s.get(vm).as_bytes();
    let pieces = match (sep.map(|sep| sep.get(vm).as_bytes()), right) {
        (Some(sep), false) => alg::split(hay, sep, most),
        (Some(sep), true) => alg::rsplit(hay, sep, most),
        (None, false) => alg::split_whitespace(hay, most, Flavor::Text),
        (None, true) => alg::rsplit_whitespace(hay, most, Flavor::Text),
    };
    pieces.iter().map(|p| part_of(vm, s, p)).collect()
}

fn splitlines(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "splitlines")?;
    let keep = match arg(a, 1) {
        Some(v) => vm.truth(v)?,
        None => false,
    };
    vm.tick(s.get(vm).byte_len() >> 8)?;
    check_pieces(vm, s.get(vm).byte_len(), None, |vm| {
        let text = s.get(vm);
        if !text.is_ascii() {
            return alg::most_lines(text.as_bytes(), Flavor::Text);
        }
        let mut n = 0;
        alg::each_ascii_line(text.as_bytes(), keep, |_, _| n += 1);
        n
    })?;
    let text = s.get(vm);
    if text.is_ascii() {
        let (hay, whole) = (text.as_bytes(), text.byte_len());
        let mut items = Vec::new();
        alg::each_ascii_line(hay, keep, |from, to| {
            items.push(if to - from == whole { exact(vm, s) } else { vm.str_part(s, from, to) });
        });
        return Ok(vm.list(items).into());
    }
    let lines = alg::split_lines(text.as_bytes(), keep, Flavor::Text);
    let items = lines.iter().map(|p| part_of(vm, s, p)).collect();
    Ok(vm.list(items).into())
}

fn separator<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<Str>> {
    let Some(sep) = v.cast::<Str>() else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("must be str, not {got}")));
    };
    if sep.get(vm).byte_len() == 0 {
        return Err(vm.value_error("empty separator"));
    }
    Ok(sep)
}

fn partition(vm: &mut Vm, a: &[Value], last: bool) -> R {
    let s = vm.this::<Str>(a, if last { "rpartition" } else { "partition" })?;
    let sep = separator(vm, &a[1])?;
    let (hay, needle) = (s.get(vm).as_bytes(), sep.get(vm).as_bytes());
    let found = if last { alg::rpartition(hay, needle) } else { alg::partition(hay, needle) };
    let parts = match found {
        Some((before, after)) => {
            [vm.str_part(s, 0, before.len()), exact(vm, sep), vm.str_part(s, hay.len() - after.len(), hay.len())]
        }
        None => {
            let empty = vm.empty_str().into_value();
            if last { [empty.clone(), empty, exact(vm, s)] } else { [exact(vm, s), empty.clone(), empty] }
        }
    };
    Ok(vm.tuple_of(parts))
}

fn remove_prefix(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "removeprefix")?;
    let Some(prefix) = a[1].cast::<Str>() else { return Err(not_text(vm, "removeprefix", &a[1])) };
    let text = s.get(vm).as_bytes();
    Ok(part_of(vm, s, text.strip_prefix(prefix.get(vm).as_bytes()).unwrap_or(text)))
}

fn remove_suffix(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "removesuffix")?;
    let Some(suffix) = a[1].cast::<Str>() else { return Err(not_text(vm, "removesuffix", &a[1])) };
    let text = s.get(vm).as_bytes();
    Ok(part_of(vm, s, text.strip_suffix(suffix.get(vm).as_bytes()).unwrap_or(text)))
}

fn not_text(vm: &mut Vm, method: &str, v: &Value) -> crate::vm::exception::Raised {
    let got = super::shown_type(vm, v);
    vm.type_error(format!("{method}() argument must be str, not {got}"))
}

/// The items of what `join` was given.
///
/// # Errors
/// TypeError when it cannot be iterated over.
pub(crate) fn join_items(vm: &mut Vm, iterable: &Value) -> R<Vec<Value>> {
    if is_plain_sequence(vm, iterable) {
        return vm.collect(iterable);
    }
    match vm.iter(iterable) {
        Ok(it) => vm.collect(&it),
        Err(e) if vm.raised_is(&e, &vm.exc.TypeError) => Err(vm.type_error("can only join an iterable")),
        Err(e) => Err(e),
    }
}

/// Whether it is exactly a list or tuple: subclasses may iterate in their own way.
fn is_plain_sequence(vm: &Vm, v: &Value) -> bool {
    vm.is_exact(v, &vm.types.list) || vm.is_exact(v, &vm.types.tuple)
}

fn join(vm: &mut Vm, a: &[Value]) -> R {
    let s = vm.this::<Str>(a, "join")?;
    let given = &a[1];
    if !is_plain_sequence(vm, given) {
        let items = join_items(vm, given)?;
        let list = vm.list(items).into_value();
        return join_sequence(vm, s, &list);
    }
    join_sequence(vm, s, given)
}

/// The items of a list or tuple.
fn sequence<'a>(vm: &'a Vm, v: &'a Value) -> &'a [Value] {
    match (v.cast::<List>(), v.cast::<Tuple>()) {
        (Some(l), _) => &l.get(vm).items,
        (_, Some(t)) => t.get(vm).items(),
        _ => &[],
    }
}

/// Joins the items of a list or tuple. Nothing that runs here could change it.
fn join_sequence(vm: &mut Vm, s: &Ref<Str>, given: &Value) -> R {
    let items = sequence(vm, given);
    if let [one] = items
        && vm.is_exact(one, &vm.types.str_)
    {
        return Ok(one.clone());
    }
    let (count, sep) = (items.len(), s.get(vm).byte_len());
    let mut total = sep.checked_mul(count.saturating_sub(1));
    for (i, item) in items.iter().enumerate() {
        let Some(part) = item.cast::<Str>() else {
            let got = vm.class_name(item);
            return Err(vm.type_error(format!("sequence item {i}: expected str instance, {got} found")));
        };
        total = total.and_then(|n| n.checked_add(part.get(vm).byte_len()));
    }
    let Some(total) = total.filter(|&n| n <= isize::MAX as usize) else {
        return Err(vm.overflow_error("join() result is too long for a Python string"));
    };
    vm.check_alloc(total)?;
    vm.tick(count >> 2)?;
    // Finalizers may have run just now, so the items are looked at again.
    match vm.joined(s, sequence(vm, given)) {
        Some(joined) => Ok(joined),
        None => Err(vm.type_error("sequence changed size during join")),
    }
}
