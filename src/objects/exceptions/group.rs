//! `BaseExceptionGroup` and `ExceptionGroup`.
//!
//! Fields: message, exceptions (a tuple). Splitting recurses under the native depth limit, as groups nest.

use super::{allocate, arguments, field, this};
use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::exception::{Exception, Raised};
use crate::vm::function::Method;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::seq::List;
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", |vm, args| {
        let e = this(vm, args.pos, "__init__")?.clone();
        super::no_keywords(vm, e.value(), args)?;
        super::set_args(vm, &e, args.pos.get(1..).unwrap_or_default());
        Ok(Value::NONE)
    }),
    NativeDef::new("__str__(self, /)", "Return str(self).", str_group),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr_group),
    NativeDef::new("derive(self, excs, /)", "Make a group like this one of other exceptions.", |vm, a| {
        let e = this(vm, a, "derive")?.clone();
        let message = field(vm, &e, 0);
        let class = vm.exc.BaseExceptionGroup.value().clone();
        vm.call(&class, &[message, arg_or_none(a, 1).clone()])
    }),
    NativeDef::new("split(self, matcher_value, /)", "Split into the matching part and the rest.", |vm, a| {
        let e = this(vm, a, "split")?.clone();
        let matcher = Matcher::new(vm, arg_or_none(a, 1))?;
        let (matched, rest) = split(vm, e.value(), &matcher, true)?;
        Ok(vm.tuple(vec![matched, rest]).into())
    }),
    NativeDef::new("subgroup(self, matcher_value, /)", "The part of the group that matches.", |vm, a| {
        let e = this(vm, a, "subgroup")?.clone();
        let matcher = Matcher::new(vm, arg_or_none(a, 1))?;
        Ok(split(vm, e.value(), &matcher, false)?.0)
    }),
    NativeDef::new("__class_getitem__(cls, object, /)", "See PEP 585", |vm, a| {
        crate::objects::generic_alias::class_getitem(vm, a)
    }),
];

const GETSETS: &[GetSetDef] = &[
    GetSetDef::with_set("message", "exception message", |vm, v| super::fields::get(vm, v, 0), read_only),
    GetSetDef::with_set("exceptions", "nested exceptions", |vm, v| super::fields::get(vm, v, 1), read_only),
];

fn read_only(vm: &mut Vm, _: &Value, _: Option<Value>) -> R<()> {
    Err(vm.attribute_error_text("readonly attribute"))
}

/// The class that the machine's own table cannot hold, as it has two bases.
#[derive(Default)]
struct Groups {
    exception_group: Option<Ref<Class>>,
}

/// Adds the methods and makes `ExceptionGroup`.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let base = vm.exc.BaseExceptionGroup.clone();
    vm.extend_class(&base, METHODS, GETSETS);
    let spec = ClassSpec {
        name: "ExceptionGroup",
        bases: vec![base, vm.exc.Exception.clone()],
        meta: None,
        flags: class_flag::BASE | class_flag::EXCEPTION,
        slots: 0,
        dict: true,
    };
    let class = vm.new_class(spec, None)?;
    vm.state::<Groups>().exception_group = Some(class);
    Ok(())
}

/// `ExceptionGroup`.
pub fn exception_group_class(vm: &mut Vm) -> Ref<Class> {
    match vm.state::<Groups>().exception_group.clone() {
        Some(c) => c,
        None => vm.exc.BaseExceptionGroup.clone(),
    }
}

/// The exceptions of a group; `None` when the value is no group.
pub fn members(vm: &mut Vm, v: &Value) -> Option<Vec<Value>> {
    let e = v.cast::<Exception>()?;
    if !vm.is_instance(v, &vm.exc.BaseExceptionGroup) {
        return None;
    }
    let t = field(vm, e, 1);
    Some(t.cast::<Tuple>().map_or_else(Vec::new, |t| t.get(vm).items().to_vec()))
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let rest = args.pos.get(1..).unwrap_or_default();
    let [message, list] = rest else {
        return Err(
            vm.type_error(format!("BaseExceptionGroup.__new__() takes exactly 2 arguments ({} given)", rest.len()))
        );
    };
    if !message.is_a::<Str>() {
        let text = format!("BaseExceptionGroup.__new__() argument 1 must be str, not {}", vm.class_name(message));
        return Err(vm.type_error(text));
    }
    let sequence = list.is_a::<List>()
        || list.is_a::<Tuple>()
        || (vm.special(list, Special::GetItem).is_some() && !list.is_a::<crate::vm::dict::Dict>());
    if !sequence {
        return Err(vm.type_error("second argument (exceptions) must be a sequence"));
    }
    let items = vm.collect(list)?;
    if items.is_empty() {
        return Err(vm.value_error("second argument (exceptions) must be a non-empty sequence"));
    }
    let mut nested_base = false;
    for (i, item) in items.iter().enumerate() {
        if !item.is_a::<Exception>() {
            return Err(vm.value_error(format!("Item {i} of second argument (exceptions) is not an exception")));
        }
        nested_base |= !vm.is_instance(item, &vm.exc.Exception);
    }
    let mut pos = args.pos.to_vec();
    if let Some(class) = args.pos.first().and_then(|c| c.cast::<Class>()) {
        let group = exception_group_class(vm);
        if class.is(&vm.exc.BaseExceptionGroup) {
            if !nested_base {
                pos[0] = group.into_value();
            }
        } else if nested_base && class.is(&group) {
            return Err(vm.type_error("Cannot nest BaseExceptions in an ExceptionGroup"));
        } else if nested_base && class.is_subclass(vm, &vm.exc.Exception) {
            let name = class.get(vm).display_name();
            return Err(vm.type_error(format!("Cannot nest BaseExceptions in '{name}'")));
        }
    }
    let e = allocate(vm, "BaseExceptionGroup", &Args::positional(&pos))?;
    let tuple = vm.tuple(items).into_value();
    e.get_mut(vm).extra = vec![message.clone(), tuple];
    Ok(e.into())
}

fn str_group(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__str__")?.clone();
    let message = field(vm, &e, 0);
    let text = vm.str(&message)?.get(vm).as_bytes().to_vec();
    let n = members(vm, e.value()).map_or(0, |m| m.len());
    let tail = format!(" ({n} sub-exception{})", if n == 1 { "" } else { "s" });
    Ok(vm.new_str_parts(&[&text, tail.as_bytes()]).into())
}

fn repr_group(vm: &mut Vm, a: &[Value]) -> R {
    let e = this(vm, a, "__repr__")?.clone();
    let name = vm.class_name(e.value());
    let message = field(vm, &e, 0);
    let given_list = arguments(vm, &e).get(1).is_some_and(|v| v.is_a::<List>());
    let shown = if given_list {
        let items = members(vm, e.value()).unwrap_or_default();
        vm.list(items).into_value()
    } else {
        field(vm, &e, 1)
    };
    vm.guarded(|vm| {
        let message = vm.repr(&message)?.get(vm).as_bytes().to_vec();
        let list = vm.repr(&shown)?.get(vm).as_bytes().to_vec();
        Ok(vm.new_str_parts(&[name.as_bytes(), b"(", &message, b", ", &list, b")"]).into())
    })
}

/// What `split` looks for.
pub enum Matcher {
    /// Instances of a class or of one of a tuple of classes.
    Type(Value),
    /// What a function says yes to.
    Predicate(Value),
    /// These very exceptions.
    Identity(Vec<u64>),
}

impl Matcher {
    /// The matcher that a script gave.
    ///
    /// # Errors
    /// TypeError for what is neither exception classes nor a function.
    pub fn new(vm: &mut Vm, v: &Value) -> R<Matcher> {
        let class_like = |vm: &Vm, v: &Value| vm.is_exception_class(v);
        if class_like(vm, v) {
            return Ok(Matcher::Type(v.clone()));
        }
        if let Some(t) = v.cast::<Tuple>()
            && t.get(vm).items().iter().all(|k| class_like(vm, k))
        {
            return Ok(Matcher::Type(v.clone()));
        }
        if !v.is_a::<Class>() && (v.is_a::<Method>() || vm.is_callable(v)) {
            return Ok(Matcher::Predicate(v.clone()));
        }
        Err(vm.type_error("expected an exception type, a tuple of exception types, or a callable (other than a class)"))
    }

    fn matches(&self, vm: &mut Vm, e: &Value) -> R<bool> {
        match self {
            Matcher::Type(kind) => Ok(vm.exception_matches(e, kind)),
            Matcher::Predicate(f) => {
                let answer = vm.call(f, std::slice::from_ref(e))?;
                vm.truth(&answer)
            }
            Matcher::Identity(ids) => Ok(ids.contains(&e.bits())),
        }
    }
}

/// Splits a group into what matches and (when `want_rest`) what does not; `None` for an empty part.
///
/// # Errors
/// What `derive` and the predicate raise.
pub fn split(vm: &mut Vm, e: &Value, matcher: &Matcher, want_rest: bool) -> R<(Value, Value)> {
    if matcher.matches(vm, e)? {
        return Ok((e.clone(), Value::NONE));
    }
    let Some(items) = members(vm, e) else {
        return Ok((Value::NONE, if want_rest { e.clone() } else { Value::NONE }));
    };
    vm.tick(1)?;
    vm.guarded(|vm| {
        let (mut matched, mut rest) = (Vec::new(), Vec::new());
        for item in &items {
            let (m, r) = split(vm, item, matcher, want_rest)?;
            matched.extend((!m.is_none()).then_some(m));
            rest.extend((!r.is_none()).then_some(r));
        }
        Ok((subset(vm, e, matched)?, subset(vm, e, rest)?))
    })
}

/// A group like `original` of fewer exceptions, with its traceback, cause, context and notes.
fn subset(vm: &mut Vm, original: &Value, items: Vec<Value>) -> R {
    if items.is_empty() {
        return Ok(Value::NONE);
    }
    let list = vm.list(items).into_value();
    let new = vm.call_method(original, "derive", &[list])?;
    if !vm.is_instance(&new, &vm.exc.BaseExceptionGroup) {
        return Err(vm.type_error("derive must return an instance of BaseExceptionGroup"));
    }
    let (Some(from), Some(to)) = (original.cast::<Exception>(), new.cast::<Exception>()) else { return Ok(new) };
    let source = from.get(vm);
    let (traceback, context, cause) = (source.traceback.clone(), source.context.clone(), source.cause.clone());
    let mut target = to.get_mut(vm);
    let old = (
        std::mem::replace(&mut target.traceback, traceback),
        std::mem::replace(&mut target.context, context),
        std::mem::replace(&mut target.cause, cause),
    );
    // A cause was set, if only None.
    target.suppress_context = true;
    drop(target);
    drop(old);
    let notes = vm.intern("__notes__");
    if let Some(n) = vm.get_attr_opt(original, &notes)?
        && (n.is_a::<List>() || n.is_a::<Tuple>())
    {
        let copy = vm.collect(&n)?;
        let copy = vm.list(copy).into_value();
        vm.set_attr(&new, &notes, copy)?;
    }
    Ok(new)
}

/// `BaseExceptionGroup("", exceptions)`.
///
/// # Errors
/// None when all are exceptions.
pub fn anonymous(vm: &mut Vm, exceptions: Vec<Value>) -> R {
    let class = vm.exc.BaseExceptionGroup.value().clone();
    let (text, list) = (vm.empty_str().into(), vm.list(exceptions).into_value());
    vm.call(&class, &[text, list])
}

/// The group that stands for a plain exception where `except*` looks at it.
///
/// # Errors
/// What making it raises.
pub fn wrapped(vm: &mut Vm, exception: &Value) -> R {
    let class = vm.exc.BaseExceptionGroup.value().clone();
    let (text, one) = (vm.empty_str().into(), vm.tuple(vec![exception.clone()]).into_value());
    vm.call(&class, &[text, one])
}

/// All exceptions in a group that are no groups themselves.
///
/// # Errors
/// RecursionError for groups nested too deeply.
pub fn leaves(vm: &mut Vm, e: &Value, out: &mut Vec<u64>) -> R<()> {
    let Some(items) = members(vm, e) else {
        out.push(e.bits());
        return Ok(());
    };
    vm.guarded(|vm| {
        for item in &items {
            leaves(vm, item, out)?;
        }
        Ok(())
    })
}

/// The error for a `split` override that gives no pair.
pub(super) fn bad_split(vm: &mut Vm, e: &Value, result: &Value) -> Raised {
    let name = vm.class_name(e);
    match result.cast::<Tuple>() {
        Some(t) => {
            let n = t.get(vm).items().len();
            vm.type_error(format!("{name}.split must return a 2-tuple, got tuple of size {n}"))
        }
        None => vm.type_error(format!("{name}.split must return a tuple, not {}", vm.class_name(result))),
    }
}
