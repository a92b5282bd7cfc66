//! `_contextvars`: context variables, contexts, tokens.
//!
//! The values of a context are a dict that copies of the context share until one of them changes: whoever changes a
//! dict that others refer to takes a copy first.
//!
//! A task of the event loop has such a dict in place of a context until somebody asks for the context or changes it,
//! which few do. While it is stepped, the task itself stands where the thread's context does; see [`run_task`].

use crate::event_loop::task::Task;
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::CmpOp;
use crate::vm::seq::{DictIter, DictPart};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `ContextVar`.
    pub struct ContextVar { name: Value, default: Value }
}

heap_object! {
    /// `Context`.
    pub struct Context { vars: Ref<Dict>, entered: bool }
}

heap_object! {
    /// `Token`; `old` is `UNDEF` where the variable had no value.
    pub struct Token { var: Ref<ContextVar>, context: Value, old: Value, used: bool }
}

heap_object! {
    /// What `Token.old_value` is where there was none.
    pub struct Missing {}
}

/// What this interpreter has of contexts.
#[derive(Default)]
struct Contexts {
    missing: Option<Value>,
}

const FUNCTIONS: &[NativeDef] =
    &[NativeDef::new("copy_context()", "Return a copy of the current Context object.", |vm, _| copy_current(vm))];

const VAR_METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, name, /, *, default=None)", "Create and return a new object.", var_new),
    NativeDef::new(
        "get(self, default=None, /)",
        "Return a value for the context variable for the current context.",
        var_get,
    ),
    NativeDef::new(
        "set(self, value, /)",
        "Call to set a new value for the context variable in the current context.",
        var_set,
    ),
    NativeDef::new(
        "reset(self, token, /)",
        "Reset the context variable to what it was before the token was made.",
        |vm, a| {
            let var = vm.this::<ContextVar>(a, "reset")?;
            reset(vm, var, arg_or_none(a, 1))
        },
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", var_repr),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(arg_or_none(a, 0), arg_or_none(a, 1))
    }),
];

const VAR_GETSETS: &[GetSetDef] = &[GetSetDef::new("name", "", |vm, v| match v.cast::<ContextVar>() {
    Some(var) => Ok(var.get(vm).name.clone()),
    None => Ok(Value::NONE),
})];

const CONTEXT_METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", context_new),
    NativeDef::raw("run(self, callable, /, *args, **kwargs)", "Call a function in the context.", context_run),
    NativeDef::new("copy(self, /)", "Return a shallow copy of the context object.", |vm, a| {
        let c = vm.this::<Context>(a, "copy")?;
        let vars = c.get(vm).vars.clone();
        Ok(vm.alloc(Context { vars, entered: false }).into())
    }),
    NativeDef::new(
        "get(self, key, default=None, /)",
        "Return the value for `key` if it has one here, else `default`.",
        |vm, a| Ok(context_value(vm, a, "get")?.unwrap_or_else(|| arg_or_none(a, 2).clone())),
    ),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", |vm, a| {
        match context_value(vm, a, "__getitem__")? {
            Some(v) => Ok(v),
            None => Err(vm.key_error(arg_or_none(a, 1))),
        }
    }),
    NativeDef::new("__contains__(self, key, /)", "Return bool(key in self).", |vm, a| {
        Ok(context_value(vm, a, "__contains__")?.is_some().into())
    }),
    NativeDef::new("__len__(self, /)", "Return len(self).", |vm, a| {
        let vars = this_vars(vm, a, "__len__")?;
        Ok(Value::len(vars.get(vm).len()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| iterate(vm, a, DictPart::Keys)),
    NativeDef::new("keys(self, /)", "Return the context's variables.", |vm, a| iterate(vm, a, DictPart::Keys)),
    NativeDef::new("values(self, /)", "Return the variables' values.", |vm, a| iterate(vm, a, DictPart::Values)),
    NativeDef::new("items(self, /)", "Return the variables with their values.", |vm, a| {
        iterate(vm, a, DictPart::Items)
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| context_compare(vm, a, CmpOp::Eq)),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", |vm, a| context_compare(vm, a, CmpOp::Ne)),
];

const TOKEN_METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", |vm, _| {
        Err(vm.runtime_error("Tokens can only be created by ContextVars"))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", token_repr),
    NativeDef::new("__enter__(self, /)", "Enter into Token context manager.", |vm, a| {
        vm.this::<Token>(a, "__enter__")?;
        Ok(arg_or_none(a, 0).clone())
    }),
    NativeDef::new(
        "__exit__(self, type, value, traceback, /)",
        "Exit from Token context manager, restore the variable.",
        |vm, a| {
            let token = vm.this::<Token>(a, "__exit__")?;
            let var = token.get(vm).var.clone();
            reset(vm, &var, token.value())
        },
    ),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(arg_or_none(a, 0), arg_or_none(a, 1))
    }),
];

const TOKEN_GETSETS: &[GetSetDef] = &[
    GetSetDef::new("var", "", |vm, v| match v.cast::<Token>() {
        Some(t) => Ok(t.get(vm).var.value().clone()),
        None => Ok(Value::NONE),
    }),
    GetSetDef::new("old_value", "", |vm, v| {
        let old = v.cast::<Token>().map_or(Value::NONE, |t| t.get(vm).old.clone());
        if old.is_undef() { Ok(vm.state::<Contexts>().missing.clone().unwrap_or(Value::NONE)) } else { Ok(old) }
    }),
];

const MISSING_METHODS: &[NativeDef] =
    &[NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.new_str("<Token.MISSING>").into()))];

/// Makes the classes, if that has not been done.
fn classes(vm: &mut Vm) -> R<[Ref<Class>; 3]> {
    if let (Some(a), Some(b), Some(c)) =
        (vm.class_for::<ContextVar>(), vm.class_for::<Context>(), vm.class_for::<Token>())
    {
        return Ok([a, b, c]);
    }
    let var = vm.define_class::<ContextVar>("_contextvars", "ContextVar", None, class_flag::WEAKREF)?;
    vm.extend_class(&var, VAR_METHODS, VAR_GETSETS);
    let context = vm.define_class::<Context>("_contextvars", "Context", None, class_flag::WEAKREF)?;
    vm.extend_class(&context, CONTEXT_METHODS, &[]);
    let token = vm.define_class::<Token>("_contextvars", "Token", None, 0)?;
    vm.extend_class(&token, TOKEN_METHODS, TOKEN_GETSETS);
    let missing = vm.define_class::<Missing>("Token", "MISSING", None, class_flag::NO_NEW)?;
    vm.extend_class(&missing, MISSING_METHODS, &[]);
    let missing = vm.alloc(Missing {}).into_value();
    vm.state::<Contexts>().missing = Some(missing.clone());
    let name = vm.intern("MISSING");
    vm.set_class_attr(&token, &name, missing);
    let hash = vm.names.__hash__.clone();
    for class in [&context, &token] {
        vm.set_class_attr(class, &hash, Value::NONE);
    }
    Ok([var, context, token])
}

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let [var, context, token] = classes(vm)?;
    let module = vm.new_module("_contextvars", FUNCTIONS);
    vm.module_set(&module, "ContextVar", var.into_value());
    vm.module_set(&module, "Context", context.into_value());
    vm.module_set(&module, "Token", token.into_value());
    Ok(module.into())
}

// ---- contexts ----

/// The context in force; an empty one comes into being when there is none yet.
fn current(vm: &mut Vm) -> R<Ref<Context>> {
    let held = vm.thread_context().clone();
    if let Some(c) = held.cast::<Context>() {
        return Ok(c.clone());
    }
    let c = match held.cast::<Task>() {
        Some(t) => {
            let c = of_task(vm, t)?;
            c.get_mut(vm).entered = true;
            c
        }
        None => {
            classes(vm)?;
            let vars = vm.new_dict();
            vm.alloc(Context { vars, entered: true })
        }
    };
    drop(vm.set_thread_context(c.value().clone()));
    Ok(c)
}

/// The values of the context in force, if there is one.
fn in_force(vm: &Vm) -> Option<Ref<Dict>> {
    let held = vm.thread_context();
    let held = held.cast::<Task>().map_or(held, |t| &t.get(vm).context);
    match held.cast::<Context>() {
        Some(c) => Some(c.get(vm).vars.clone()),
        None => held.cast::<Dict>().cloned(),
    }
}

/// The context in force as tasks keep it until somebody asks for it: its values.
///
/// # Errors
/// None in a sound build.
pub fn snapshot(vm: &mut Vm) -> R {
    if let Some(vars) = in_force(vm) {
        return Ok(vars.into_value());
    }
    let c = current(vm)?;
    Ok(c.get(vm).vars.value().clone())
}

/// A copy of the current context.
///
/// # Errors
/// None in a sound build.
pub fn copy_current(vm: &mut Vm) -> R {
    let vars = match in_force(vm) {
        Some(vars) => vars,
        None => current(vm)?.get(vm).vars.clone(),
    };
    Ok(vm.alloc(Context { vars, entered: false }).into())
}

/// The context of a task that may have values in its place.
fn of_task(vm: &mut Vm, t: &Ref<Task>) -> R<Ref<Context>> {
    let held = t.get(vm).context.clone();
    if let Some(c) = held.cast::<Context>() {
        return Ok(c.clone());
    }
    classes(vm)?;
    let vars = match held.cast::<Dict>() {
        Some(vars) => vars.clone(),
        None => vm.new_dict(),
    };
    let c = vm.alloc(Context { vars, entered: false });
    let old = std::mem::replace(&mut t.get_mut(vm).context, c.value().clone());
    drop(old);
    Ok(c)
}

/// The context of a task.
///
/// # Errors
/// None in a sound build.
pub fn task_context(vm: &mut Vm, t: &Ref<Task>) -> R {
    if vm.thread_context().is(t.value()) {
        return Ok(current(vm)?.into_value());
    }
    let held = t.get(vm).context.clone();
    if held.is_a::<Dict>() { Ok(of_task(vm, t)?.into_value()) } else { Ok(held) }
}

/// Runs a step of a task in the task's context.
///
/// # Errors
/// As [`run_in`].
pub fn run_task<T>(vm: &mut Vm, t: &Ref<Task>, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    let held = t.get(vm).context.clone();
    if !held.is_a::<Dict>() {
        return run_in(vm, &held, f);
    }
    settle(vm)?;
    let before = vm.set_thread_context(t.value().clone());
    let result = f(vm);
    let after = vm.set_thread_context(before);
    if let Some(c) = after.cast::<Context>() {
        c.get_mut(vm).entered = false;
    }
    result
}

/// Has the thread's context be one, not a task: another one is to be entered, and what stands before it must not change.
fn settle(vm: &mut Vm) -> R<()> {
    if vm.thread_context().is_a::<Task>() { current(vm).map(drop) } else { Ok(()) }
}

/// Gives the current context the values of another one.
///
/// # Errors
/// None in a sound build.
pub fn adopt(vm: &mut Vm, context: &Value) -> R<()> {
    let Some(from) = context.cast::<Context>() else { return Ok(()) };
    let vars = from.get(vm).vars.clone();
    let c = current(vm)?;
    let old = std::mem::replace(&mut c.get_mut(vm).vars, vars);
    drop(old);
    Ok(())
}

/// Whether an object is a context, and not one that only has its methods.
pub fn is_context(v: &Value) -> bool {
    v.is_a::<Context>()
}

/// Runs `f` in a context.
///
/// # Errors
/// RuntimeError when the context is entered already; TypeError when it is none; what `f` raises.
pub fn run_in<T>(vm: &mut Vm, context: &Value, f: impl FnOnce(&mut Vm) -> R<T>) -> R<T> {
    let Some(c) = context.cast::<Context>().cloned() else {
        let class = vm.class_name(context);
        return Err(vm.type_error(format!("a Context was expected, got '{class}'")));
    };
    if c.get(vm).entered {
        let shown = vm.repr_string(context)?;
        return Err(vm.runtime_error(format!("cannot enter context: {shown} is already entered")));
    }
    settle(vm)?;
    c.get_mut(vm).entered = true;
    let before = vm.set_thread_context(c.value().clone());
    let result = f(vm);
    drop(vm.set_thread_context(before));
    c.get_mut(vm).entered = false;
    result
}

fn context_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let cls = vm.class_arg(arg_or_none(args.pos, 0))?;
    if args.pos.len() > 1 || !args.kw_names.is_empty() {
        return Err(vm.type_error("Context() does not accept any arguments"));
    }
    let vars = vm.new_dict();
    Ok(vm.alloc_as(&cls, Context { vars, entered: false }).into())
}

fn context_run(vm: &mut Vm, args: &Args<'_>) -> R {
    let context = vm.this::<Context>(args.pos, "run")?.value().clone();
    let Some(function) = args.pos.get(1).cloned() else {
        return Err(vm.type_error("run() missing 1 required positional argument"));
    };
    let pos = args.pos.get(2..).unwrap_or_default();
    run_in(vm, &context, |vm| vm.call_kw(&function, &Args { pos, ..*args }))
}

fn this_vars(vm: &mut Vm, a: &[Value], method: &str) -> R<Ref<Dict>> {
    let c = vm.this::<Context>(a, method)?;
    Ok(c.get(vm).vars.clone())
}

/// The value of the variable in argument 1.
fn context_value(vm: &mut Vm, a: &[Value], method: &str) -> R<Option<Value>> {
    let vars = this_vars(vm, a, method)?;
    let key = arg_or_none(a, 1);
    if !key.is_a::<ContextVar>() {
        let shown = vm.repr_string(key)?;
        return Err(vm.type_error(format!("a ContextVar key was expected, got {shown}")));
    }
    vars.get_item(vm, key)
}

fn iterate(vm: &mut Vm, a: &[Value], part: DictPart) -> R {
    let vars = this_vars(vm, a, "__iter__")?;
    Ok(vm.alloc(DictIter::over(vm, vars, part, false)).into())
}

fn context_compare(vm: &mut Vm, a: &[Value], op: CmpOp) -> R {
    let mine = this_vars(vm, a, "__eq__")?;
    let Some(other) = arg_or_none(a, 1).cast::<Context>() else { return Ok(Value::NOT_IMPLEMENTED) };
    let theirs = other.get(vm).vars.clone();
    vm.rich_compare(mine.value(), theirs.value(), op)
}

/// Changes the value of a variable in a context; none takes it out.
fn change(vm: &mut Vm, context: &Ref<Context>, var: &Ref<ContextVar>, value: Option<Value>) -> R<()> {
    let shared = !context.get(vm).vars.header().is_unique();
    if shared {
        let copy = context.get(vm).vars.get(vm).copy();
        let copy = vm.alloc(copy);
        let old = std::mem::replace(&mut context.get_mut(vm).vars, copy);
        drop(old);
    }
    let vars = context.get(vm).vars.clone();
    match value {
        Some(v) => vars.set_item(vm, var.value().clone(), v),
        None => vars.remove(vm, var.value()).map(drop),
    }
}

// ---- variables ----

fn var_new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(arg_or_none(a, 0))?;
    let name = arg_or_none(a, 1).clone();
    if !name.is_a::<Str>() {
        return Err(vm.type_error("context variable name must be a str"));
    }
    let default = arg(a, 2).cloned().unwrap_or(Value::UNDEF);
    Ok(vm.alloc_as(&cls, ContextVar { name, default }).into())
}

fn var_get(vm: &mut Vm, a: &[Value]) -> R {
    let var = vm.this::<ContextVar>(a, "get")?;
    if let Some(vars) = in_force(vm)
        && let Some(v) = vars.get_item(vm, var.value())?
    {
        return Ok(v);
    }
    if let Some(v) = arg(a, 1) {
        return Ok(v.clone());
    }
    let default = var.get(vm).default.clone();
    if !default.is_undef() {
        return Ok(default);
    }
    let class = vm.exc.LookupError.clone();
    Err(vm.raise_value(&class, var.value().clone()))
}

fn var_set(vm: &mut Vm, a: &[Value]) -> R {
    let var = vm.this::<ContextVar>(a, "set")?;
    let context = current(vm)?;
    let vars = context.get(vm).vars.clone();
    let old = vars.get_item(vm, var.value())?.unwrap_or(Value::UNDEF);
    drop(vars);
    change(vm, &context, var, Some(arg_or_none(a, 1).clone()))?;
    Ok(vm.alloc(Token { var: var.clone(), context: context.into_value(), old, used: false }).into())
}

fn reset(vm: &mut Vm, var: &Ref<ContextVar>, v: &Value) -> R {
    let Some(token) = v.cast::<Token>() else {
        let shown = vm.repr_string(v)?;
        return Err(vm.type_error(format!("expected an instance of Token, got {shown}")));
    };
    let context = current(vm)?;
    let t = token.get(vm);
    let (used, own, here) = (t.used, t.var.is(var), t.context.is(context.value()));
    let old = t.old.clone();
    if used {
        let shown = vm.repr_string(v)?;
        return Err(vm.runtime_error(format!("{shown} has already been used once")));
    }
    if !own || !here {
        let shown = vm.repr_string(v)?;
        let kind = if own { "in a different Context" } else { "by a different ContextVar" };
        return Err(vm.value_error(format!("{shown} was created {kind}")));
    }
    token.get_mut(vm).used = true;
    change(vm, &context, var, if old.is_undef() { None } else { Some(old) })?;
    Ok(Value::NONE)
}

fn var_repr(vm: &mut Vm, a: &[Value]) -> R {
    let var = vm.this::<ContextVar>(a, "__repr__")?;
    let v = var.get(vm);
    let (name, default) = (v.name.clone(), v.default.clone());
    let name = vm.repr_string(&name)?;
    let address = var.address();
    let text = if default.is_undef() {
        format!("<ContextVar name={name} at {address:#x}>")
    } else {
        if !vm.enter_repr(var.value()) {
            return Ok(vm.new_str("...").into());
        }
        let shown = vm.repr_string(&default);
        vm.leave_repr(var.value());
        format!("<ContextVar name={name} default={} at {address:#x}>", shown?)
    };
    Ok(vm.new_str(&text).into())
}

fn token_repr(vm: &mut Vm, a: &[Value]) -> R {
    let token = vm.this::<Token>(a, "__repr__")?;
    let t = token.get(vm);
    let (var, used) = (t.var.value().clone(), if t.used { " used" } else { "" });
    let var = vm.repr_string(&var)?;
    Ok(vm.new_str(&format!("<Token{used} var={var} at {:#x}>", token.address())).into())
}
