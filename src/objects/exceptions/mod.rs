//! Exceptions as scripts see them: construction, attributes, texts, groups, tracebacks.
//!
//! The classes themselves are made by `vm::exception`. What a class adds to `BaseException` is kept in
//! `Exception::extra`, in the order that the class's file states. Natives raise most exceptions without running
//! `__init__`; [`field`] then derives the fields from `args`.

pub mod base;
pub mod fields;
pub mod group;
pub mod matching;
pub mod os_error;
pub mod syntax_error;
pub mod traceback;
pub mod unicode;

pub use matching::{except_star_match, prep_reraise_star};

use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Exception;
use crate::vm::native::Args;
use crate::vm::object::Ref;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

/// Adds the methods of all exception classes.
///
/// # Errors
/// None in practice.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    base::init(vm);
    fields::init(vm);
    os_error::init(vm);
    syntax_error::init(vm);
    unicode::init(vm);
    group::init(vm)?;
    traceback::init(vm);
    Ok(())
}

/// The exception that a native method was called on.
///
/// # Errors
/// TypeError when it is none.
pub fn this<'a>(vm: &mut Vm, a: &'a [Value], method: &str) -> R<&'a Ref<Exception>> {
    vm.this::<Exception>(a, method)
}

/// The arguments of an exception.
pub fn arguments(vm: &Vm, e: &Ref<Exception>) -> Vec<Value> {
    match e.get(vm).args.cast::<Tuple>() {
        Some(t) => t.get(vm).items().to_vec(),
        None => Vec::new(),
    }
}

/// A field that the class adds; `UNDEF` when unset.
pub fn field(vm: &mut Vm, e: &Ref<Exception>, at: usize) -> Value {
    let extra = &e.get(vm).extra;
    if !extra.is_empty() {
        return extra.get(at).cloned().unwrap_or(Value::UNDEF);
    }
    implied_fields(vm, e).get(at).cloned().unwrap_or(Value::UNDEF)
}

/// Sets a field that the class adds; `UNDEF` unsets it.
pub fn set_field(vm: &mut Vm, e: &Ref<Exception>, at: usize, value: Value) {
    let mut extra = std::mem::take(&mut e.get_mut(vm).extra);
    if extra.is_empty() {
        extra = implied_fields(vm, e);
    }
    if extra.len() <= at {
        extra.resize(at + 1, Value::UNDEF);
    }
    let old = std::mem::replace(&mut extra[at], value);
    e.get_mut(vm).extra = extra;
    drop(old);
}

/// The fields of an exception that a native raised, which no `__init__` has filled in.
fn implied_fields(vm: &mut Vm, e: &Ref<Exception>) -> Vec<Value> {
    let args = arguments(vm, e);
    let v = e.value();
    if vm.is_instance(v, &vm.exc.StopIteration) {
        vec![args.first().cloned().unwrap_or(Value::NONE)]
    } else if vm.is_instance(v, &vm.exc.SystemExit) {
        vec![match args.as_slice() {
            [] => Value::NONE,
            [code] => code.clone(),
            _ => e.get(vm).args.clone(),
        }]
    } else if vm.is_instance(v, &vm.exc.ImportError) || vm.is_instance(v, &vm.exc.SyntaxError) {
        match args.as_slice() {
            [msg] => vec![msg.clone()],
            _ => vec![Value::UNDEF],
        }
    } else {
        vec![Value::UNDEF]
    }
}

/// Makes an exception object for `__new__(cls, …)`.
///
/// # Errors
/// TypeError when the class is no exception class.
pub fn allocate(vm: &mut Vm, owner: &str, args: &Args<'_>) -> R<Ref<Exception>> {
    let Some((class, rest)) = args.pos.split_first() else {
        return Err(vm.type_error(format!("{owner}.__new__(): not enough arguments")));
    };
    let Some(class) = class.cast::<Class>() else {
        let text = format!("{owner}.__new__(X): X is not a type object ({})", vm.class_name(class));
        return Err(vm.type_error(text));
    };
    if !class.get(vm).has(class_flag::EXCEPTION) {
        let name = class.get(vm).display_name();
        return Err(vm.type_error(format!("{owner}.__new__({name}): {name} is not a subtype of {owner}")));
    }
    let e = vm.new_exception(class, rest.to_vec());
    e.get_mut(vm).extra = vec![Value::UNDEF];
    Ok(e)
}

/// Refuses keyword arguments, as most exception classes do.
///
/// # Errors
/// TypeError when there are some.
pub fn no_keywords(vm: &mut Vm, this: &Value, args: &Args<'_>) -> R<()> {
    if args.kw_names.is_empty() {
        return Ok(());
    }
    let text = format!("{}() takes no keyword arguments", vm.class_name(this));
    Err(vm.type_error(text))
}

/// Takes the known keyword arguments of an `__init__`, each as a field.
///
/// # Errors
/// TypeError for others.
pub fn keyword_fields(vm: &mut Vm, e: &Ref<Exception>, class: &str, args: &Args<'_>, known: &[(&str, usize)]) -> R<()> {
    for (name, value) in args.keywords() {
        let text = vm.str_of(name);
        let Some((_, at)) = known.iter().find(|(n, _)| *n == text) else {
            return Err(vm.type_error(format!("{class}() got an unexpected keyword argument '{text}'")));
        };
        set_field(vm, e, *at, value.clone());
    }
    Ok(())
}

/// Sets `args` from the positional arguments of an `__init__`.
pub fn set_args(vm: &mut Vm, e: &Ref<Exception>, args: &[Value]) {
    let args = vm.tuple(args.to_vec()).into_value();
    let old = std::mem::replace(&mut e.get_mut(vm).args, args);
    drop(old);
}

/// Defines attributes that are fields: read as `None` when unset, writable, deletable.
#[macro_export]
macro_rules! exception_fields {
    ($($name:literal $at:expr),* $(,)?) => {
        &[$($crate::vm::native::GetSetDef::with_set(
            $name,
            concat!("exception ", $name),
            |vm, v| $crate::objects::exceptions::fields::get(vm, v, $at),
            |vm, v, x| $crate::objects::exceptions::fields::set(vm, v, $at, x),
        )),*]
    };
}
