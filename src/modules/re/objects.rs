//! `_re`: patterns, matches and scanners as scripts see them.
//!
//! The engine works on bytes and byte offsets; here they become texts and positions in characters. What is searched
//! is kept as a [`Target`], which all matches in it share.

use super::engine::{MatchError, ReError, Regex, Slots, Subject};
use super::replace;
use super::token::ErrorKind;
use crate::heap_object;
use crate::text::gutf8;
use crate::text::repr::{bytes_repr, str_repr};
use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::limits::request;
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::sync::Arc;
use std::sync::atomic::Ordering;

heap_object! {
    /// `re.Pattern`.
    pub struct Pattern {
        /// What it was compiled from.
        pub source: Value,
    }
    skip {
        /// The compiled form.
        pub regex: Arc<Regex>,
    }
    external = |this| this.regex.names().len() * 32 + 1024;
}

heap_object! {
    /// A text that is searched, and which part of it. `start` and `end` are byte offsets, `pos` and `endpos` the same in
    /// characters.
    pub struct Target {
        /// What the script passed.
        pub string: Value,
        /// The same as a `str` or `bytes`.
        pub data: Value,
        /// See above.
        pub start: usize,
        /// See above.
        pub end: usize,
        /// See above.
        pub pos: usize,
        /// See above.
        pub endpos: usize,
    }
}

heap_object! {
    /// `re.Match`.
    pub struct Match {
        /// The pattern that matched.
        pub pattern: Ref<Pattern>,
        /// Where it matched.
        pub target: Ref<Target>,
    }
    skip {
        /// The groups, as byte offsets.
        pub slots: Slots,
    }
    external = |this| this.slots.groups().len() * 24;
}

heap_object! {
    /// A scanner, and the iterator of `finditer`: the place where the next search begins, `None` at the end.
    pub struct Scanner { pattern: Ref<Pattern>, target: Ref<Target> }
    skip { next: Option<(usize, bool)> }
}

/// What the script part of `re` gives, and the classes with shared payloads.
#[derive(Default)]
struct Classes {
    error: Option<Value>,
    warn: Option<Value>,
    iterator: Option<Ref<Class>>,
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("compile(pattern, flags=0, /)", "Compile a pattern.", |vm, a| {
        let flags = arg(a, 1).map_or(Ok(0), |v| vm.index_i64(v))?;
        compile(vm, arg_or_none(a, 0), flags)
    }),
    NativeDef::new("_set_classes(error, flags, warn, /)", "Take the classes of the module re.", |vm, a| {
        let (error, warn) = (arg_or_none(a, 0).clone(), arg_or_none(a, 2).clone());
        let classes = vm.state::<Classes>();
        let old = (classes.error.replace(error), classes.warn.replace(warn));
        drop(old);
        Ok(Value::NONE)
    }),
];

const PATTERN_METHODS: &[NativeDef] = &[
    NativeDef::new(
        "match(self, string, pos=0, endpos=sys.maxsize)",
        "Matches zero or more characters at the beginning of the string.",
        |vm, a| one(vm, a, How::Match),
    ),
    NativeDef::new(
        "fullmatch(self, string, pos=0, endpos=sys.maxsize)",
        "Matches against all of the string.",
        |vm, a| one(vm, a, How::Full),
    ),
    NativeDef::new(
        "search(self, string, pos=0, endpos=sys.maxsize)",
        "Scan through string looking for a match, and return a corresponding match object instance.",
        |vm, a| one(vm, a, How::Search),
    ),
    NativeDef::new(
        "findall(self, string, pos=0, endpos=sys.maxsize)",
        "Return a list of all non-overlapping matches of pattern in string.",
        findall,
    ),
    NativeDef::new(
        "finditer(self, string, pos=0, endpos=sys.maxsize)",
        "Return an iterator over all non-overlapping matches for the RE pattern in string.",
        |vm, a| {
            let class = vm.state::<Classes>().iterator.clone();
            scanner(vm, a, class)
        },
    ),
    NativeDef::new("scanner(self, string, pos=0, endpos=sys.maxsize)", "Return a scanner over the string.", |vm, a| {
        scanner(vm, a, None)
    }),
    NativeDef::new("split(self, string, maxsplit=0)", "Split string by the occurrences of pattern.", split),
    NativeDef::new(
        "sub(self, repl, string, count=0)",
        "Replace the leftmost non-overlapping occurrences of pattern.",
        |vm, a| {
            let pattern = vm.this::<Pattern>(a, "sub")?;
            let (text, _) = replace::substitute(vm, pattern, arg_or_none(a, 1), arg_or_none(a, 2), arg(a, 3))?;
            Ok(text)
        },
    ),
    NativeDef::new(
        "subn(self, repl, string, count=0)",
        "Return the tuple (new_string, number_of_subs_made).",
        |vm, a| {
            let pattern = vm.this::<Pattern>(a, "subn")?;
            let (text, n) = replace::substitute(vm, pattern, arg_or_none(a, 1), arg_or_none(a, 2), arg(a, 3))?;
            Ok(vm.pair([text, Value::len(n)]))
        },
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", pattern_repr),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let p = vm.this::<Pattern>(a, "__hash__")?;
        let (source, flags) = (p.get(vm).source.clone(), p.get(vm).regex.flags());
        let hash = vm.hash(&source)?;
        Ok(vm.int((hash ^ u64::from(flags).rotate_left(17)) as i64))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| pattern_compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| pattern_compare(vm, a, CmpOp::Ne)),
    NativeDef::new("__copy__(self, /)", "", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__deepcopy__(self, memo, /)", "", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        let p = vm.this::<Pattern>(a, "__reduce__")?;
        let (source, flags) = (p.get(vm).source.clone(), vm.int(i64::from(p.get(vm).regex.flags())));
        let Some(make) = vm.loaded_attr("re", "_unpickle") else {
            return Err(vm.type_error("cannot pickle 're.Pattern' object"));
        };
        let args = vm.pair([source, flags]);
        Ok(vm.pair([make, args]))
    }),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(arg_or_none(a, 0), arg_or_none(a, 1))
    }),
];

const PATTERN_GETSETS: &[GetSetDef] = &[
    GetSetDef::new("pattern", "The pattern string from which the RE object was compiled.", |vm, v| {
        let p = pattern(vm, v)?;
        Ok(p.get(vm).source.clone())
    }),
    GetSetDef::new("flags", "The regex matching flags.", |vm, v| {
        let p = pattern(vm, v)?;
        Ok(vm.int(i64::from(p.get(vm).regex.flags())))
    }),
    GetSetDef::new("groups", "The number of capturing groups in the pattern.", |vm, v| {
        let p = pattern(vm, v)?;
        Ok(vm.int(i64::from(p.get(vm).regex.groups())))
    }),
    GetSetDef::new("groupindex", "A dictionary mapping group names to group numbers.", |vm, v| {
        let p = pattern(vm, v)?;
        let regex = p.get(vm).regex.clone();
        let names = vm.new_dict();
        for (name, index) in regex.names() {
            let (name, index) = (vm.new_str_bytes(name).into_value(), vm.int(i64::from(*index)));
            names.set_item(vm, name, index)?;
        }
        Ok(crate::objects::class::proxy::of_mapping(vm, names.into_value()))
    }),
];

const SCANNER_METHODS: &[NativeDef] = &[
    NativeDef::new("match(self, /)", "Match at the place where the last match ended.", |vm, a| {
        advance(vm, a, How::Match)
    }),
    NativeDef::new("search(self, /)", "Search from the place where the last match ended.", |vm, a| {
        advance(vm, a, How::Search)
    }),
];

const SCANNER_GETSETS: &[GetSetDef] = &[GetSetDef::new("pattern", "", |vm, v| match v.cast::<Scanner>() {
    Some(s) => Ok(s.get(vm).pattern.value().clone()),
    None => Ok(Value::NONE),
})];

const ITERATOR_METHODS: &[NativeDef] = &[
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__next__(self, /)", "Implement next(self).", |vm, a| {
        let found = advance(vm, a, How::Search)?;
        if found.is_none() { Err(Raised::stop_iteration()) } else { Ok(found) }
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    if vm.class_for::<Pattern>().is_none() {
        let class = vm.define_class::<Pattern>("re", "Pattern", None, class_flag::NO_NEW | class_flag::WEAKREF)?;
        vm.extend_class(&class, PATTERN_METHODS, PATTERN_GETSETS);
        let class = vm.define_class::<Match>("re", "Match", None, class_flag::NO_NEW)?;
        vm.extend_class(&class, super::matches::METHODS, super::matches::GETSETS);
        let class = vm.define_class::<Scanner>("_sre", "SRE_Scanner", None, class_flag::NO_NEW)?;
        vm.extend_class(&class, SCANNER_METHODS, SCANNER_GETSETS);
        let class = vm.define_class::<Scanner>("builtins", "callable_iterator", None, class_flag::NO_NEW)?;
        vm.extend_class(&class, ITERATOR_METHODS, &[]);
        vm.state::<Classes>().iterator = Some(class);
        vm.define_class::<Target>("_re", "Target", None, class_flag::NO_NEW)?;
    }
    let module = vm.new_module("_re", FUNCTIONS);
    for (name, class) in [("Pattern", vm.class_for::<Pattern>()), ("Match", vm.class_for::<Match>())] {
        if let Some(class) = class {
            vm.module_set(&module, name, class.into_value());
        }
    }
    Ok(module.into())
}

fn pattern<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<Pattern>> {
    match v.cast::<Pattern>() {
        Some(p) => Ok(p),
        None => Err(vm.type_error("expected a compiled pattern")),
    }
}

// ---- compiling ----

fn compile(vm: &mut Vm, source: &Value, flags: i64) -> R {
    let (data, is_bytes) = data_of(vm, source)?;
    let bytes = contents(vm, &data).to_vec();
    vm.tick(bytes.len())?;
    let regex = match Regex::new(&bytes, is_bytes, flags as u32) {
        Ok(r) => Arc::new(r),
        Err(e) => return Err(re_error(vm, e, source)),
    };
    if !regex.warnings().is_empty()
        && let Some(warn) = vm.state::<Classes>().warn.clone()
    {
        for text in regex.warnings() {
            let text = vm.new_str(text).into_value();
            vm.call(&warn, &[text])?;
        }
    }
    Ok(vm.alloc(Pattern { source: source.clone(), regex }).into())
}

/// The exception for what is wrong with a pattern or a template.
pub(super) fn re_error(vm: &mut Vm, e: ReError, source: &Value) -> Raised {
    match e.kind {
        ErrorKind::Value => vm.value_error(e.msg),
        ErrorKind::Overflow => vm.overflow_error(e.msg),
        ErrorKind::Recursion => vm.recursion_error(e.msg),
        ErrorKind::Index => vm.index_error(e.msg),
        ErrorKind::Pattern => {
            let Some(class) = vm.state::<Classes>().error.clone() else { return vm.value_error(e.full_message()) };
            let text = vm.new_str(&e.msg).into_value();
            let args = match e.pos {
                Some(pos) => vec![text, source.clone(), Value::len(pos)],
                None => vec![text],
            };
            match vm.call(&class, &args) {
                Ok(error) => vm.raise(error),
                Err(e) => e,
            }
        }
    }
}

fn pattern_repr(vm: &mut Vm, a: &[Value]) -> R {
    const FLAGS: &[(u32, &str)] = &[
        (2, "re.IGNORECASE"),
        (4, "re.LOCALE"),
        (8, "re.MULTILINE"),
        (16, "re.DOTALL"),
        (32, "re.UNICODE"),
        (64, "re.VERBOSE"),
        (128, "re.DEBUG"),
        (256, "re.ASCII"),
    ];
    const CHARSETS: u32 = 4 | 32 | 256;
    const SHOWN: usize = 200;
    let p = vm.this::<Pattern>(a, "__repr__")?;
    let (source, mut flags) = (p.get(vm).source.clone(), p.get(vm).regex.flags());
    if source.is_a::<Str>() && flags & CHARSETS == 32 {
        flags &= !32;
    }
    let shown = vm.repr(&source)?;
    let end = gutf8::byte_offset(shown.get(vm).as_bytes(), SHOWN);
    let mut text = b"re.compile(".to_vec();
    text.extend_from_slice(shown.get(vm).as_bytes().get(..end).unwrap_or_default());
    let mut names: Vec<String> = Vec::new();
    for (bit, name) in FLAGS {
        if flags & bit != 0 {
            names.push((*name).to_owned());
            flags &= !bit;
        }
    }
    if flags != 0 {
        names.push(format!("{flags:#x}"));
    }
    if !names.is_empty() {
        text.extend_from_slice(b", ");
        text.extend_from_slice(names.join("|").as_bytes());
    }
    text.push(b')');
    Ok(vm.new_str_bytes(&text).into())
}

fn pattern_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let p = vm.this::<Pattern>(a, "__eq__")?;
    let Some(q) = arg_or_none(a, 1).cast::<Pattern>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let same = {
        let (x, y) = (&p.get(vm).regex, &q.get(vm).regex);
        x.flags() == y.flags() && x.is_bytes() == y.is_bytes()
    };
    let (x, y) = (p.get(vm).source.clone(), q.get(vm).source.clone());
    let equal = same && vm.equal(&x, &y)?;
    Ok((equal == (op == CmpOp::Eq)).into())
}

// ---- targets ----

/// A value as `str` or `bytes`, and whether it is the latter.
fn data_of(vm: &mut Vm, v: &Value) -> R<(Value, bool)> {
    if v.is_a::<Str>() {
        return Ok((v.clone(), false));
    }
    if v.is_a::<Bytes>() {
        return Ok((v.clone(), true));
    }
    if vm.special(v, Special::Buffer).is_some() || matches!(vm.class_name(v).as_str(), "bytearray" | "memoryview") {
        let class = vm.types.bytes.value().clone();
        let data = vm.call(&class, std::slice::from_ref(v))?;
        if data.is_a::<Bytes>() {
            return Ok((data, true));
        }
    }
    let class = vm.class_name(v);
    Err(vm.type_error(format!("expected string or bytes-like object, got '{class}'")))
}

/// The bytes of a `str` or `bytes`.
pub(super) fn contents<'a>(vm: &'a Vm, data: &'a Value) -> &'a [u8] {
    match data.cast::<Str>() {
        Some(s) => s.get(vm).as_bytes(),
        None => data.cast::<Bytes>().map_or(&[], |b| b.get(vm).as_bytes()),
    }
}

impl Target {
    /// The target of a call.
    ///
    /// # Errors
    /// TypeError when the string is none, or not of the pattern's kind; what the positions raise.
    pub(super) fn new(
        vm: &mut Vm,
        p: &Ref<Pattern>,
        string: &Value,
        pos: Option<&Value>,
        endpos: Option<&Value>,
    ) -> R<Ref<Target>> {
        let pos = pos.map_or(Ok(0), |v| vm.index_i64(v))?;
        let endpos = endpos.map_or(Ok(i64::MAX), |v| vm.index_i64(v))?;
        let (data, is_bytes) = data_of(vm, string)?;
        match (p.get(vm).regex.is_bytes(), is_bytes) {
            (true, false) => return Err(vm.type_error("cannot use a bytes pattern on a string-like object")),
            (false, true) => return Err(vm.type_error("cannot use a string pattern on a bytes-like object")),
            _ => {}
        }
        let len = match data.cast::<Str>() {
            Some(s) => s.get(vm).char_len(),
            None => contents(vm, &data).len(),
        };
        let clamp = |n: i64| usize::try_from(n.max(0)).unwrap_or(usize::MAX).min(len);
        let (pos, endpos) = (clamp(pos), clamp(endpos));
        let start = byte_offset(vm, &data, pos);
        let end = byte_offset(vm, &data, endpos);
        Ok(vm.alloc(Target { string: string.clone(), data, start, end, pos, endpos }))
    }
}

/// The byte offset of a position.
pub(in crate::modules) fn byte_offset(vm: &mut Vm, data: &Value, pos: usize) -> usize {
    let Some(s) = data.cast::<Str>() else { return pos };
    let text = s.get(vm);
    if text.is_ascii() || pos == 0 {
        return pos;
    }
    if pos >= text.char_len() {
        return text.byte_len();
    }
    match vm.code_point_index(s) {
        Some(index) => index.byte_offset(s.get(vm).as_bytes(), pos),
        None => gutf8::byte_offset(s.get(vm).as_bytes(), pos),
    }
}

/// The position of a byte offset.
pub(in crate::modules) fn position(vm: &mut Vm, data: &Value, byte: usize) -> usize {
    let Some(s) = data.cast::<Str>() else { return byte };
    if s.get(vm).is_ascii() {
        return byte;
    }
    match vm.code_point_index(s) {
        Some(index) => index.code_point_index(s.get(vm).as_bytes(), byte),
        None => gutf8::count(s.get(vm).as_bytes().get(..byte).unwrap_or_default()),
    }
}

/// A part of a target as a `str` or `bytes`.
pub(super) fn slice(vm: &Vm, data: &Value, start: usize, end: usize) -> Value {
    let bytes = contents(vm, data);
    if start == 0 && end == bytes.len() && (vm.is_exact(data, &vm.types.str_) || vm.is_exact(data, &vm.types.bytes)) {
        return data.clone();
    }
    let part = bytes.get(start..end).unwrap_or_default();
    if data.is_a::<Str>() { vm.new_str_bytes(part).into() } else { vm.new_bytes(part).into() }
}

/// A group of a match; `default` where it took no part.
pub(super) fn group_value(vm: &Vm, data: &Value, slots: &Slots, index: usize, default: &Value) -> Value {
    match slots.group(index) {
        Some((start, end)) => slice(vm, data, start, end),
        None => default.clone(),
    }
}

// ---- matching ----

/// Where a match must stand.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum How {
    /// At the place.
    Match,
    /// From the place to the end.
    Full,
    /// From the place on.
    Search,
}

/// Matches once. With `not_empty`, an empty match at `from` does not count.
///
/// # Errors
/// What stops the interpreter; MemoryError.
pub(super) fn find(
    vm: &mut Vm,
    p: &Ref<Pattern>,
    target: &Ref<Target>,
    from: usize,
    how: How,
    not_empty: bool,
) -> R<Option<Slots>> {
    const STOPPING: u32 = request::STOP | request::INTERRUPT;
    loop {
        let (shared, fuel) = (vm.shared(), vm.fuel());
        let mut slots = Slots::default();
        let mut spent = 0u64;
        let result = {
            let mut tick = |n: u64| {
                spent = spent.saturating_add(n);
                shared.requests.load(Ordering::Relaxed) & STOPPING == 0 && fuel.is_none_or(|f| spent <= f)
            };
            let t = target.get(vm);
            let subject = match t.data.cast::<Str>() {
                Some(s) if s.get(vm).is_ascii() => Subject::ascii(s.get(vm).as_bytes()),
                Some(s) => Subject::text(s.get(vm).as_bytes()),
                None => Subject::bytes(contents(vm, &t.data)),
            };
            let regex = &p.get(vm).regex;
            match how {
                How::Match => regex.match_at(&subject, from, t.end, not_empty, &mut slots, &mut tick),
                How::Full => regex.fullmatch_at(&subject, from, t.end, &mut slots, &mut tick),
                How::Search => regex.search_at(&subject, from, t.end, not_empty, &mut slots, &mut tick),
            }
        };
        vm.tick(usize::try_from(spent).unwrap_or(usize::MAX).saturating_add(1))?;
        match result {
            Ok(found) => return Ok(found.then_some(slots)),
            // If the script goes on after all, the match begins anew.
            Err(MatchError::Interrupted) => vm.checkpoint()?,
            Err(MatchError::OutOfMemory) => return Err(vm.memory_error("")),
        }
    }
}

/// Goes through all matches of a target that do not overlap, until `f` gives false.
///
/// # Errors
/// As [`find`]; what `f` raises.
pub(super) fn for_all(
    vm: &mut Vm,
    p: &Ref<Pattern>,
    target: &Ref<Target>,
    mut f: impl FnMut(&mut Vm, Slots, (usize, usize)) -> R<bool>,
) -> R<()> {
    let mut from = target.get(vm).start;
    let mut not_empty = false;
    while let Some(slots) = find(vm, p, target, from, How::Search, not_empty)? {
        let Some((start, end)) = slots.group(0) else { break };
        from = end;
        not_empty = start == end;
        if !f(vm, slots, (start, end))? {
            break;
        }
    }
    Ok(())
}

fn one(vm: &mut Vm, a: &[Value], how: How) -> R {
    let p = vm.this::<Pattern>(a, "match")?;
    let target = Target::new(vm, p, arg_or_none(a, 1), arg(a, 2), arg(a, 3))?;
    let from = target.get(vm).start;
    match find(vm, p, &target, from, how, false)? {
        Some(slots) => Ok(vm.alloc(Match { pattern: p.clone(), target, slots }).into()),
        None => Ok(Value::NONE),
    }
}

fn empty_like(vm: &Vm, data: &Value) -> Value {
    if data.is_a::<Str>() { vm.empty_str().into() } else { vm.new_bytes(b"").into() }
}

fn findall(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Pattern>(a, "findall")?;
    let target = Target::new(vm, p, arg_or_none(a, 1), arg(a, 2), arg(a, 3))?;
    let data = target.get(vm).data.clone();
    let empty = empty_like(vm, &data);
    let groups = p.get(vm).regex.groups() as usize;
    let mut found = Vec::new();
    for_all(vm, p, &target, |vm, slots, _| {
        found.push(match groups {
            0 | 1 => group_value(vm, &data, &slots, groups, &empty),
            _ => {
                let items = (1..=groups).map(|i| group_value(vm, &data, &slots, i, &empty)).collect();
                vm.tuple(items).into()
            }
        });
        Ok(true)
    })?;
    Ok(vm.list(found).into())
}

fn split(vm: &mut Vm, a: &[Value]) -> R {
    let p = vm.this::<Pattern>(a, "split")?;
    let most = arg(a, 2).map_or(Ok(0), |v| vm.index_i64(v))?;
    let target = Target::new(vm, p, arg_or_none(a, 1), None, None)?;
    let (data, len) = (target.get(vm).data.clone(), target.get(vm).end);
    let groups = p.get(vm).regex.groups() as usize;
    let (mut parts, mut last, mut n) = (Vec::new(), 0, 0);
    if most >= 0 {
        for_all(vm, p, &target, |vm, slots, (start, end)| {
            parts.push(slice(vm, &data, last, start));
            for i in 1..=groups {
                parts.push(group_value(vm, &data, &slots, i, &Value::NONE));
            }
            last = end;
            n += 1;
            Ok(most == 0 || n < most)
        })?;
    }
    parts.push(slice(vm, &data, last, len));
    Ok(vm.list(parts).into())
}

fn scanner(vm: &mut Vm, a: &[Value], class: Option<Ref<Class>>) -> R {
    let p = vm.this::<Pattern>(a, "scanner")?;
    let target = Target::new(vm, p, arg_or_none(a, 1), arg(a, 2), arg(a, 3))?;
    let next = Some((target.get(vm).start, false));
    let scanner = Scanner { pattern: p.clone(), target, next };
    Ok(match class {
        Some(class) => vm.alloc_as(&class, scanner).into(),
        None => vm.alloc(scanner).into(),
    })
}

/// The scanner's next match, or `None`.
fn advance(vm: &mut Vm, a: &[Value], how: How) -> R {
    let scanner = vm.this::<Scanner>(a, "search")?;
    let s = scanner.get(vm);
    let Some((from, not_empty)) = s.next else { return Ok(Value::NONE) };
    let (p, target) = (s.pattern.clone(), s.target.clone());
    let found = find(vm, &p, &target, from, how, not_empty)?;
    let span = found.as_ref().and_then(|slots| slots.group(0));
    scanner.get_mut(vm).next = span.map(|(start, end)| (end, start == end));
    match found {
        Some(slots) => Ok(vm.alloc(Match { pattern: p, target, slots }).into()),
        None => Ok(Value::NONE),
    }
}

/// What a `str` or `bytes` looks like in a message, cut to some characters.
pub(super) fn shown(vm: &Vm, data: &Value, start: usize, end: usize) -> Vec<u8> {
    const SHOWN: usize = 50;
    let part = contents(vm, data).get(start..end).unwrap_or_default();
    let text = if data.is_a::<Str>() { str_repr(part) } else { bytes_repr(part).into_bytes() };
    let cut = gutf8::byte_offset(&text, SHOWN);
    text.get(..cut).unwrap_or_default().to_vec()
}
