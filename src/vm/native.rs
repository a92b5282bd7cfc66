//! How native code is described and called: signatures, binding of arguments, native attributes.
//!
//! A native function is an ordinary Rust `fn` with a script signature beside it:
//!
//! ```ignore
//! pub const METHODS: &[NativeDef] = &[
//!     NativeDef::new("insert(self, index, object, /)", "Insert object before index.", list_insert),
//!     NativeDef::raw("print(*args, sep=' ', end='\\n', file=None, flush=False)", "…", builtin_print),
//! ];
//! fn list_insert(vm: &mut Vm, a: &[Value]) -> R { … }
//! fn builtin_print(vm: &mut Vm, args: &Args) -> R { … }
//! ```
//!
//! A flat function gets its arguments in the order of the signature. Missing optional ones are absent at the
//! end or [`Value::UNDEF`] in the middle: read them with [`arg`]. `*args` arrives as one tuple, `**kw` as one
//! dict. A raw function gets positional and keyword arguments as they were passed. A signature that ends with
//! ` -> coroutine` is that of a function whose calls give coroutines.

mod script_errors;

use super::call_errors::{plural, unexpected_keyword};
use super::class::Class;
use super::dict::Dict;
use super::function::{Native, NativeCode};
use super::object::{Object, Ref};
use super::str::{Str, Tuple};
use super::value::Value;
use super::{R, Vm};

/// A native function with flat arguments.
pub type FlatFn = fn(&mut Vm, &[Value]) -> R;
/// A native function that takes its arguments as passed.
pub type RawFn = fn(&mut Vm, &Args<'_>) -> R;

/// Arguments as they were passed.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    /// The positional ones.
    pub pos: &'a [Value],
    /// The values of the keyword arguments.
    pub kw_values: &'a [Value],
    /// Their names: as many `str`s.
    pub kw_names: &'a [Value],
}

impl<'a> Args<'a> {
    /// Only positional arguments.
    pub fn positional(pos: &'a [Value]) -> Args<'a> {
        Args { pos, kw_values: &[], kw_names: &[] }
    }

    /// The keyword arguments.
    pub fn keywords(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        self.kw_names.iter().zip(self.kw_values)
    }
}

/// What a [`NativeDef`] runs.
#[derive(Clone, Copy)]
pub enum NativeImpl {
    /// Flat arguments.
    Flat(FlatFn),
    /// Arguments as passed.
    Raw(RawFn),
    /// Something that the loop does itself where it can; the function serves all other callers.
    Machine(MachineFn, FlatFn),
    /// Something that gives an awaitable. Where its call is awaited at once, the first function is asked before:
    /// what it gives is the result of the awaiting, `None` that there must be an awaitable.
    Awaited(NowFn, FlatFn),
}

/// Natives that the loop knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MachineFn {
    /// `generator.send(value)`, `coroutine.send(value)`.
    Send,
    /// `next(iterator)`, `generator.__next__()`: one argument.
    Next,
    /// `list.append(item)`.
    Append,
    /// `len(obj)`.
    Len,
}

/// What an awaited call comes to, when it need not wait.
pub type NowFn = fn(&mut Vm, &[Value]) -> R<Option<Value>>;

/// The description of a native function.
pub struct NativeDef {
    /// `name(parameters)`.
    pub signature: &'static str,
    /// `__doc__`.
    pub doc: &'static str,
    /// What it runs.
    pub run: NativeImpl,
    /// Fewest positional arguments of a call without keywords.
    min: u8,
    /// Most of them; more, or keywords, or `*args`, go through the binder. 255: always the binder.
    max: u8,
    /// Where the name ends.
    name_len: u8,
    /// What a class makes of it.
    pub(super) flavor: Flavor,
    /// See [`NativeDef::of_heap_type`].
    of_heap_type: bool,
}

/// What becomes of a native function in a class.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// `__new__`: a function that takes the class.
    New,
    /// A class method.
    Class,
    /// A static method.
    Static,
    /// A special method, which CPython wraps.
    Wrapper,
    /// Any other method.
    Method,
}

impl NativeDef {
    /// A function with flat arguments.
    pub const fn new(signature: &'static str, doc: &'static str, f: FlatFn) -> NativeDef {
        let (min, max) = count(signature);
        NativeDef::made(signature, doc, NativeImpl::Flat(f), min, max)
    }

    /// A function that takes its arguments as passed.
    pub const fn raw(signature: &'static str, doc: &'static str, f: RawFn) -> NativeDef {
        NativeDef::made(signature, doc, NativeImpl::Raw(f), 0, 255)
    }

    /// A function that the loop does itself where it can.
    pub const fn machine(signature: &'static str, doc: &'static str, m: MachineFn, f: FlatFn) -> NativeDef {
        let (min, max) = count(signature);
        NativeDef::made(signature, doc, NativeImpl::Machine(m, f), min, max)
    }

    /// A function that gives an awaitable, unless it is awaited at once and need not wait.
    pub const fn awaited(signature: &'static str, doc: &'static str, now: NowFn, f: FlatFn) -> NativeDef {
        let (min, max) = count(signature);
        NativeDef::made(signature, doc, NativeImpl::Awaited(now, f), min, max)
    }

    const fn made(signature: &'static str, doc: &'static str, run: NativeImpl, min: u8, max: u8) -> NativeDef {
        let name_len = name_len(signature);
        let flavor = flavor(signature, name_len as usize);
        NativeDef { signature, doc, run, min, max, name_len, flavor, of_heap_type: false }
    }

    /// A method with positional parameters only that CPython calls with the class that defines it. Such calls may pass
    /// keywords to it, so wrong arguments are told of as for functions that take some.
    pub const fn of_heap_type(mut self) -> NativeDef {
        self.of_heap_type = true;
        self
    }

    /// Whether so many positional arguments are passed on just as they are.
    #[inline(always)]
    pub(super) fn fits(&self, argc: usize) -> bool {
        argc >= self.min as usize && argc <= self.max as usize && self.max != 255
    }

    /// The Rust function, when so many positional arguments are passed on just as they are.
    #[inline]
    pub(super) fn flat(&self, argc: usize) -> Option<FlatFn> {
        match self.run {
            NativeImpl::Flat(f) | NativeImpl::Machine(_, f) | NativeImpl::Awaited(_, f) if self.fits(argc) => Some(f),
            _ => None,
        }
    }

    /// The function's name.
    pub fn name(&self) -> &'static str {
        &self.signature[..self.name_len as usize]
    }

    /// The parameters, as `inspect` wants them (`__text_signature__`).
    pub fn parameters(&self) -> &'static str {
        let signature = without_result(self.signature);
        if signature.len() > self.name_len as usize { &signature[self.name_len as usize..] } else { "()" }
    }

    /// Whether its calls give coroutines, as those of an `async def` function do.
    pub fn gives_coroutine(&self) -> bool {
        matches!(self.run, NativeImpl::Awaited(..)) || without_result(self.signature).len() < self.signature.len()
    }
}

/// A signature without the mark of functions whose calls give coroutines.
fn without_result(signature: &'static str) -> &'static str {
    signature.strip_suffix(" -> coroutine").unwrap_or(signature)
}

/// The length of the name in a signature.
const fn name_len(signature: &str) -> u8 {
    let s = signature.as_bytes();
    let mut i = 0;
    while i < s.len() && s[i] != b'(' {
        i += 1;
    }
    assert!(i < 256, "a name is shorter");
    i as u8
}

/// Counts the parameters of a signature: fewest and most positional ones.
const fn count(signature: &str) -> (u8, u8) {
    let s = signature.as_bytes();
    let mut i = 0;
    while i < s.len() && s[i] != b'(' {
        i += 1;
    }
    i += 1;
    let (mut min, mut max) = (0, 0);
    let (mut depth, mut quote) = (0, 0u8);
    // What the parameter being read is like.
    let (mut first, mut optional, mut seen, mut keyword_only, mut variadic) = (0u8, false, false, false, false);
    while i < s.len() {
        let b = s[i];
        if quote != 0 {
            if b == quote {
                quote = 0;
            }
        } else if b == b'\'' || b == b'"' {
            quote = b;
        } else if b == b'(' || b == b'[' || b == b'{' {
            depth += 1;
        } else if depth > 0 && (b == b')' || b == b']' || b == b'}') {
            depth -= 1;
        } else if depth == 0 && (b == b',' || b == b')') {
            if seen {
                if first == b'*' {
                    keyword_only = true;
                } else if first != b'/' && !keyword_only {
                    max += 1;
                    if !optional {
                        min += 1;
                    }
                } else if first != b'/' && !optional {
                    // A required keyword-only parameter: the binder must look.
                    variadic = true;
                }
            }
            (first, optional, seen) = (0, false, false);
            if b == b')' {
                break;
            }
        } else if b == b'=' {
            optional = true;
        } else if b != b' ' {
            if !seen {
                first = b;
                seen = true;
            } else if first == b'*' {
                // `*args` or `**kw`, not a lone `*`.
                variadic = true;
            }
        }
        i += 1;
    }
    if variadic { (0, 255) } else { (min, max) }
}

/// Reads a native attribute.
pub type Getter = fn(&mut Vm, &Value) -> R;
/// Sets a native attribute, or deletes it when there is no value.
pub type Setter = fn(&mut Vm, &Value, Option<Value>) -> R<()>;

/// The description of a native attribute.
pub struct GetSetDef {
    /// Its name.
    pub name: &'static str,
    /// `__doc__`.
    pub doc: &'static str,
    /// Reads it.
    pub get: Getter,
    /// Sets it, or deletes it when there is no value. `None`: read-only.
    pub set: Option<Setter>,
}

impl GetSetDef {
    /// A read-only attribute.
    pub const fn new(name: &'static str, doc: &'static str, get: Getter) -> GetSetDef {
        GetSetDef { name, doc, get, set: None }
    }

    /// An attribute that can be set.
    pub const fn with_set(name: &'static str, doc: &'static str, get: Getter, set: Setter) -> GetSetDef {
        GetSetDef { name, doc, get, set: Some(set) }
    }
}

/// Argument `i` of a flat native function, if it was given.
#[inline(always)]
pub fn arg(a: &[Value], i: usize) -> Option<&Value> {
    a.get(i).filter(|v| !v.is_undef())
}

/// Argument `i`, or `None` (the script's) when it was not given.
#[inline(always)]
pub fn arg_or_none(a: &[Value], i: usize) -> &Value {
    const NONE: &Value = &Value::NONE;
    arg(a, i).unwrap_or(NONE)
}

/// One parameter of a parsed signature.
struct Param {
    name: &'static str,
    kind: ParamKind,
    optional: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum ParamKind {
    PositionalOnly,
    Normal,
    KeywordOnly,
    VarArgs,
    VarKeywords,
}

impl Param {
    fn is_named(&self) -> bool {
        !matches!(self.kind, ParamKind::VarArgs | ParamKind::VarKeywords)
    }

    fn takes_keyword(&self) -> bool {
        matches!(self.kind, ParamKind::Normal | ParamKind::KeywordOnly)
    }
}

/// A native function about to be called, as error messages see it.
struct NativeCall {
    params: Vec<Param>,
    /// Its name, with that of its class.
    shown: String,
    /// How many parameters messages do not count.
    hidden: usize,
    /// A special method of a built-in class.
    wrapper: bool,
    /// No keyword argument can be meant for it, whatever its parameters are.
    positional_only: bool,
}

impl NativeCall {
    fn positional(&self) -> usize {
        positional(&self.params)
    }

    fn required(&self) -> usize {
        required(&self.params)
    }
}

/// How many parameters can be given by position.
fn positional(params: &[Param]) -> usize {
    params.iter().filter(|p| matches!(p.kind, ParamKind::PositionalOnly | ParamKind::Normal)).count()
}

/// How many of these must be given.
fn required(params: &[Param]) -> usize {
    params.iter().take(positional(params)).filter(|p| !p.optional).count()
}

fn parse_signature(signature: &'static str) -> Vec<Param> {
    let signature = without_result(signature);
    let inner = signature.find('(').map_or("", |i| signature[i + 1..].trim_end().trim_end_matches(')'));
    // Defaults may contain commas and brackets, so split with care; a default that ends in `)` lost its last
    // one above, which does not matter.
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut start) = (0, None, 0);
    for (i, c) in inner.char_indices() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(inner[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim());
    let mut params: Vec<Param> = Vec::new();
    let mut keyword_only = false;
    for part in parts.into_iter().filter(|p| !p.is_empty()) {
        match part {
            "/" => params.iter_mut().for_each(|p| p.kind = ParamKind::PositionalOnly),
            "*" => keyword_only = true,
            _ => {
                let (name, optional) = match part.split_once('=') {
                    Some((n, _)) => (n.trim(), true),
                    None => (part, false),
                };
                let (name, kind) = if let Some(n) = name.strip_prefix("**") {
                    (n, ParamKind::VarKeywords)
                } else if let Some(n) = name.strip_prefix('*') {
                    keyword_only = true;
                    (n, ParamKind::VarArgs)
                } else if keyword_only {
                    (name, ParamKind::KeywordOnly)
                } else {
                    (name, ParamKind::Normal)
                };
                params.push(Param { name: name.strip_prefix('$').unwrap_or(name), kind, optional });
            }
        }
    }
    params
}

impl Vm {
    /// Calls a native function.
    ///
    /// # Errors
    /// What the function raises, and TypeError when the arguments do not fit its signature.
    #[inline]
    pub(super) fn call_native(&mut self, native: &Ref<Native>, args: &Args<'_>) -> R {
        match &native.get(self).code {
            NativeCode::Static(def) => {
                let def: &'static NativeDef = def;
                match def.run {
                    NativeImpl::Flat(f) | NativeImpl::Machine(_, f) | NativeImpl::Awaited(_, f) => {
                        if args.kw_names.is_empty() && def.fits(args.pos.len()) {
                            f(self, args.pos)
                        } else {
                            self.call_bound(native, def, f, args)
                        }
                    }
                    NativeImpl::Raw(f) => f(self, args),
                }
            }
            NativeCode::Host(f, _) => {
                let f = f.clone();
                f(self, args)
            }
        }
    }

    #[cold]
    fn call_bound(&mut self, native: &Ref<Native>, def: &'static NativeDef, f: FlatFn, args: &Args<'_>) -> R {
        let bound = self.bind_native(native, def, args)?;
        f(self, &bound)
    }

    /// Sorts the arguments of a call into the places of a signature.
    fn bind_native(&mut self, native: &Ref<Native>, def: &'static NativeDef, args: &Args<'_>) -> R<Vec<Value>> {
        let params = parse_signature(def.signature);
        let owner = native.get(self).owner.clone();
        let shown = match owner.cast::<Class>() {
            Some(c) if matches!(def.name(), "__new__" | "__init__") => c.get(self).display_name(),
            Some(c) => format!("{}.{}", c.get(self).display_name(), def.name()),
            // Functions of modules are named with them where no position can be told.
            None => match owner.cast::<Str>() {
                Some(module) if !self.str_is(module.value(), "builtins") => {
                    format!("{}.{}", self.str_of(module.value()), def.name())
                }
                _ => def.name().to_owned(),
            },
        };
        let call = NativeCall {
            shown,
            // `self` is not counted in messages.
            hidden: usize::from(owner.is_a::<Class>()),
            wrapper: self.class_of(native.value()).is(&self.types.wrapper_descriptor),
            positional_only: !def.of_heap_type && params.iter().all(|p| p.kind == ParamKind::PositionalOnly),
            params,
        };
        if self.is_like_script(&owner) {
            let name = match owner.cast::<Class>() {
                Some(c) => format!("{}.{}", c.get(self).display_name(), def.name()),
                None => def.name().to_owned(),
            };
            self.check_like_script(&call.params, &name, args)?;
        }
        self.bind_call(&call, args)
    }

    /// Sorts the arguments of a built-in class's construction into the places of the signature of its `__init__`, whose
    /// native takes them as passed.
    ///
    /// # Errors
    /// TypeError when they do not fit.
    #[cold]
    pub fn bind_init(&mut self, class: &str, signature: &'static str, args: &Args<'_>) -> R<Vec<Value>> {
        let params = parse_signature(signature);
        let call = NativeCall { shown: class.to_owned(), hidden: 1, wrapper: true, positional_only: false, params };
        self.bind_call(&call, args)
    }

    fn bind_call(&mut self, call: &NativeCall, args: &Args<'_>) -> R<Vec<Value>> {
        self.check_native_counts(call, args)?;
        let n_pos = call.positional();
        let mut bound = vec![Value::UNDEF; call.params.len()];
        for (slot, v) in bound.iter_mut().zip(args.pos.iter().take(n_pos)) {
            *slot = v.clone();
        }
        let mut extra: Option<Ref<Dict>> = None;
        for (i, p) in call.params.iter().enumerate() {
            match p.kind {
                ParamKind::VarArgs => bound[i] = self.tuple(args.pos.iter().skip(n_pos).cloned().collect()).into(),
                ParamKind::VarKeywords => {
                    let d = self.new_dict();
                    bound[i] = d.value().clone();
                    extra = Some(d);
                }
                _ => {}
            }
        }
        let mut refused = None;
        for (name, value) in args.keywords() {
            let text = self.str_of(name);
            let at = call.params.iter().position(|p| p.name == text && p.takes_keyword());
            match (at, &extra) {
                (Some(at), _) if bound[at].is_undef() => bound[at] = value.clone(),
                (None, Some(d)) => d.clone().set_item(self, name.clone(), value.clone())?,
                (at, _) => refused = refused.or(Some((text, at))),
            }
        }
        // A missing argument is told before one that nobody takes.
        self.check_native_missing(call, &bound, args.pos.len())?;
        match refused {
            None => Ok(bound),
            Some((text, at)) => Err(self.refused_keyword(call, &text, at)),
        }
    }

    /// The number of arguments, before any of them is looked at.
    fn check_native_counts(&mut self, call: &NativeCall, args: &Args<'_>) -> R<()> {
        let (given, keywords) = (args.pos.len(), args.kw_names.len());
        if call.positional_only {
            if keywords > 0 {
                let text = if call.wrapper {
                    format!("wrapper {}() takes no keyword arguments", short(&call.shown))
                } else {
                    format!("{}() takes no keyword arguments", call.shown)
                };
                return Err(self.type_error(text));
            }
            if given > call.positional() {
                return Err(self.arity_error(call, given));
            }
            return Ok(());
        }
        let has = |kind| call.params.iter().any(|p| p.kind == kind);
        let (varargs, varkeywords) = (has(ParamKind::VarArgs), has(ParamKind::VarKeywords));
        let all = call.params.iter().filter(|p| p.is_named()).count().saturating_sub(call.hidden);
        let (own, most) = (given.saturating_sub(call.hidden), call.positional().saturating_sub(call.hidden));
        let name = short(&call.shown);
        if !varargs && !varkeywords && own + keywords > all {
            if call.params.iter().all(|p| p.kind == ParamKind::PositionalOnly) && all == 0 {
                return Err(self.type_error(format!("{name}() takes no arguments")));
            }
            if keywords == 0 && matches!(name, "int" | "str") {
                return Err(self.type_error(format!("{name} expected at most {all} arguments, got {own}")));
            }
            let what = if own == 0 { "keyword " } else { "" };
            if most > 0 || all > 0 || own == 0 {
                let given = own + keywords;
                let text = format!("{name}() takes at most {all} {what}argument{} ({given} given)", plural(all));
                return Err(self.type_error(text));
            }
        }
        if own > most && !varargs {
            let exactly = if call.required() < call.positional() { "at most" } else { "exactly" };
            let text = match most {
                0 => format!("{name}() takes no positional arguments"),
                _ => format!("{name}() takes {exactly} {most} positional argument{} ({own} given)", plural(most)),
            };
            return Err(self.type_error(text));
        }
        Ok(())
    }

    /// TypeError for a parameter without a value that needs one.
    fn check_native_missing(&mut self, call: &NativeCall, bound: &[Value], given: usize) -> R<()> {
        let missing = |(i, p): &(usize, &Param)| bound[*i].is_undef() && !p.optional;
        let Some((i, p)) = call.params.iter().enumerate().find(missing) else { return Ok(()) };
        let name = short(&call.shown);
        let text = match p.kind {
            ParamKind::PositionalOnly => return Err(self.arity_error(call, given)),
            ParamKind::Normal => {
                let at = (i + 1).saturating_sub(call.hidden);
                format!("{name}() missing required argument '{}' (pos {at})", p.name)
            }
            _ => format!("{name}() missing required keyword-only argument '{}'", p.name),
        };
        Err(self.type_error(text))
    }

    /// The error for a keyword argument that has no parameter, or whose parameter (number `at`) has a value already.
    fn refused_keyword(&mut self, call: &NativeCall, text: &str, at: Option<usize>) -> super::Raised {
        let name = short(&call.shown);
        if let Some(at) = at {
            let place = (at + 1).saturating_sub(call.hidden);
            return self.type_error(format!("argument for {name}() given by name ('{text}') and position ({place})"));
        }
        let names: Vec<&str> = call.params.iter().filter(|p| p.takes_keyword()).map(|p| p.name).collect();
        self.unexpected_native_keyword(name, text, &names)
    }

    /// TypeError for a keyword argument of a native function that is none of `names`, with the closest one.
    #[cold]
    pub fn unexpected_native_keyword(&mut self, function: &str, text: &str, names: &[&str]) -> super::Raised {
        self.type_error(unexpected_keyword(function, text, names))
    }

    /// The error for too few or too many positional arguments.
    fn arity_error(&mut self, call: &NativeCall, given: usize) -> super::Raised {
        let shown = &call.shown;
        let (required, most) =
            (call.required().saturating_sub(call.hidden), call.positional().saturating_sub(call.hidden));
        let given = given.saturating_sub(call.hidden);
        let name = if call.wrapper && most < 2 { String::new() } else { format!("{} ", short(shown)) };
        let positional_only = call.positional_only;
        let text = if positional_only && required == most && !call.wrapper && most < 2 {
            match most {
                0 => format!("{shown}() takes no arguments ({given} given)"),
                _ => format!("{shown}() takes exactly one argument ({given} given)"),
            }
        } else if positional_only && required == most {
            format!("{name}expected {most} argument{}, got {given}", plural(most))
        } else if positional_only && given < required {
            format!("{name}expected at least {required} argument{}, got {given}", plural(required))
        } else if positional_only {
            format!("{name}expected at most {most} argument{}, got {given}", plural(most))
        } else {
            let how = if required == most { "exactly" } else { "at least" };
            format!("{}() takes {how} {required} positional argument{} ({given} given)", short(shown), plural(required))
        };
        self.type_error(text)
    }

    /// A native function of a module.
    pub fn native_function(&mut self, module: &str, def: &'static NativeDef) -> Value {
        let owner = self.intern(module).into();
        self.alloc_as(&self.types.builtin_function.clone(), Native { owner, code: NativeCode::Static(def) }).into()
    }

    /// Argument `i` as an object with payload `T`.
    ///
    /// # Errors
    /// TypeError when it is something else.
    #[inline]
    pub fn this<'a, T: Object>(&mut self, a: &'a [Value], method: &str) -> R<&'a Ref<T>> {
        match a.first().and_then(|v| v.cast::<T>()) {
            Some(r) => Ok(r),
            None => Err(self.wrong_receiver::<T>(a.first(), method)),
        }
    }

    #[cold]
    fn wrong_receiver<T: Object>(&mut self, v: Option<&Value>, method: &str) -> super::Raised {
        let wanted = self.class_for::<T>().map_or_else(|| "object".to_owned(), |c| c.get(self).display_name());
        let text = match v {
            Some(v) => format!(
                "descriptor '{method}' for '{wanted}' objects doesn't apply to a '{}' object",
                self.class_name(v)
            ),
            None => format!("unbound method {wanted}.{method}() needs an argument"),
        };
        self.type_error(text)
    }
}

/// The part of a qualified name that argument errors show.
fn short(shown: &str) -> &str {
    shown.rsplit('.').next().unwrap_or(shown)
}

/// Whether `text` has `part` at `at`.
const fn has_at(text: &[u8], at: usize, part: &[u8]) -> bool {
    if text.len() < at + part.len() {
        return false;
    }
    let mut i = 0;
    while i < part.len() {
        if text[at + i] != part[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// What a class makes of a native function with this signature, whose name is so long.
const fn flavor(signature: &str, name_len: usize) -> Flavor {
    let s = signature.as_bytes();
    if name_len == 7 && has_at(s, 0, b"__new__") {
        Flavor::New
    } else if has_at(s, name_len, b"(cls") {
        Flavor::Class
    } else if !has_at(s, name_len, b"(self") {
        Flavor::Static
    } else if name_len >= 4 && has_at(s, 0, b"__") && has_at(s, name_len - 2, b"__") && is_slot_name(s, name_len) {
        Flavor::Wrapper
    } else {
        Flavor::Method
    }
}

/// Whether a native method of this name is a `wrapper_descriptor` (`slot wrapper`) in CPython.
const fn is_slot_name(signature: &[u8], name_len: usize) -> bool {
    let mut i = 0;
    while i < NOT_SLOTS.len() {
        if NOT_SLOTS[i].len() == name_len && has_at(signature, 0, NOT_SLOTS[i].as_bytes()) {
            return false;
        }
        i += 1;
    }
    true
}

/// Special methods that are plain methods in CPython.
const NOT_SLOTS: &[&str] = &[
    "__reduce__",
    "__reduce_ex__",
    "__getnewargs__",
    "__sizeof__",
    "__format__",
    "__dir__",
    "__reversed__",
    "__contains__",
    "__class_getitem__",
    "__length_hint__",
    "__setstate__",
    "__getstate__",
    "__copy__",
    "__deepcopy__",
    "__enter__",
    "__exit__",
    "__round__",
    "__trunc__",
    "__floor__",
    "__ceil__",
    "__complex__",
    "__bytes__",
    "__instancecheck__",
    "__subclasscheck__",
    "__getformat__",
    "__subclasses__",
    "__prepare__",
    "__set_name__",
];

/// The text of a string value, for natives that were given one.
pub fn str_bytes<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a [u8]> {
    v.cast::<Str>().map(|s| s.get(vm).as_bytes())
}

/// The items of a tuple value.
pub fn tuple_items<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a [Value]> {
    v.cast::<Tuple>().map(|t| t.get(vm).items())
}
