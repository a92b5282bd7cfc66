//! `_typing`: type parameters, type aliases and `Generic`.
//!
//! What needs the rules of the `typing` module (checks, substitution) is asked of it, as CPython's natives do. The
//! bound, constraints, default and value written in the new syntax are functions that run when first asked for.

use crate::heap_object;
use crate::objects::class::{caller_globals, import_module};
use crate::objects::descriptors::read_only;
use crate::objects::generic_alias::{make_alias, tuple_items};
use crate::objects::union;
use crate::vm::class::{Class, class_flag};
use crate::vm::function::Function;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::{Str, Tuple};
use crate::vm::{R, Value, Vm};

heap_object! {
    /// Something that is computed when first asked for.
    pub struct Lazy {
        /// The value; `UNDEF` until known.
        pub value: Value,
        /// The function that computes it; `UNDEF` when the value was given.
        pub evaluate: Value,
    }
}

heap_object! {
    /// The payload of `TypeVar`.
    pub struct TypeVar {
        /// `__name__`.
        pub name: Value,
        /// `__bound__`: `None` for none.
        pub bound: Ref<Lazy>,
        /// `__constraints__`: a tuple.
        pub constraints: Ref<Lazy>,
        /// `__default__`: `UNDEF` for none.
        pub default: Ref<Lazy>,
        /// `__covariant__`.
        pub covariant: bool,
        /// `__contravariant__`.
        pub contravariant: bool,
        /// `__infer_variance__`.
        pub infer: bool,
    }
}

heap_object! {
    /// The payload of `ParamSpec`.
    pub struct ParamSpec {
        /// `__name__`.
        pub name: Value,
        /// `__bound__`.
        pub bound: Value,
        /// `__default__`.
        pub default: Ref<Lazy>,
        /// `__covariant__`.
        pub covariant: bool,
        /// `__contravariant__`.
        pub contravariant: bool,
        /// `__infer_variance__`.
        pub infer: bool,
    }
}

heap_object! {
    /// The payload of `TypeVarTuple`.
    pub struct TypeVarTuple {
        /// `__name__`.
        pub name: Value,
        /// `__default__`.
        pub default: Ref<Lazy>,
    }
}

heap_object! {
    /// The payload of `ParamSpecArgs` and `ParamSpecKwargs`.
    pub struct ParamSpecPart {
        /// `__origin__`.
        pub origin: Value,
        /// Whether it is the keyword part.
        pub keywords: bool,
    }
}

heap_object! {
    /// The payload of `TypeAliasType`.
    pub struct TypeAliasType {
        /// `__name__`.
        pub name: Value,
        /// `__type_params__`: a tuple.
        pub params: Value,
        /// `__value__`.
        pub value: Ref<Lazy>,
    }
}

heap_object! {
    /// The payload of `NoDefault`'s class.
    pub struct NoDefault {}
}

heap_object! {
    /// The payload of a function that gives a known value (`evaluate_bound` of a bound that was given).
    pub struct ConstEvaluator {
        /// The value.
        pub value: Value,
    }
}

/// The classes and `NoDefault`, which there is one of.
#[derive(Default)]
struct Typing {
    no_default: Option<Value>,
    kwargs_class: Option<Ref<Class>>,
    generic: Option<Ref<Class>>,
}

const INVALID: &str = "__mro_entries__(self, bases, /)";

macro_rules! shared_methods {
    ($type:ident, $shown:literal, $($more:expr),* $(,)?) => {
        &[
            NativeDef::new(INVALID, "Refuses.", |vm, _| {
                Err(vm.type_error(concat!("Cannot subclass an instance of ", $shown)))
            }),
            NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
                Ok(vm.this::<$type>(a, "__reduce__")?.get(vm).name.clone())
            }),
            NativeDef::new("has_default(self, /)", "Whether a default was given.", |vm, a| {
                let lazy = vm.this::<$type>(a, "has_default")?.get(vm).default.clone();
                let lazy = lazy.get(vm);
                Ok((!(lazy.value.is_undef() && lazy.evaluate.is_undef())).into())
            }),
            $($more,)*
        ]
    };
}

macro_rules! attr {
    ($name:literal, $type:ident, |$vm:ident, $p:ident| $body:expr) => {
        GetSetDef::with_set(
            $name,
            "",
            |$vm, v| {
                let object = $vm.this::<$type>(std::slice::from_ref(v), $name)?.clone();
                let $p = object.get($vm);
                $body
            },
            read_only,
        )
    };
}

const OR: NativeDef = NativeDef::new("__or__(self, value, /)", "Return self|value.", |vm, a| {
    union::from_items(vm, &[arg_or_none(a, 0).clone(), arg_or_none(a, 1).clone()])
});
const ROR: NativeDef = NativeDef::new("__ror__(self, value, /)", "Return value|self.", |vm, a| {
    union::from_items(vm, &[arg_or_none(a, 1).clone(), arg_or_none(a, 0).clone()])
});

/// What a variable's `repr` begins with.
fn variance_sign(infer: bool, covariant: bool, contravariant: bool) -> &'static str {
    match (infer, covariant, contravariant) {
        (true, ..) => "",
        (_, true, _) => "+",
        (_, _, true) => "-",
        _ => "~",
    }
}

const TYPE_VAR: &[NativeDef] = shared_methods![
    TypeVar,
    "TypeVar",
    NativeDef::raw(
        "__new__(cls, name, *constraints, bound=None, default=typing.NoDefault, covariant=False, contravariant=False, infer_variance=False)",
        "Type variable.",
        new_type_var,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let t = vm.this::<TypeVar>(a, "__repr__")?.get(vm);
        let text = format!("{}{}", variance_sign(t.infer, t.covariant, t.contravariant), vm.str_of(&t.name));
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__typing_subst__(self, arg, /)", "Helper for substitution.", |vm, a| {
        ask_typing(vm, "_typevar_subst", a)
    }),
    NativeDef::new("__typing_prepare_subst__(self, alias, args, /)", "Helper for substitution.", prepare_type_var),
    OR,
    ROR,
];

const TYPE_VAR_ATTRS: &[GetSetDef] = &[
    attr!("__name__", TypeVar, |_vm, p| Ok(p.name.clone())),
    attr!("__covariant__", TypeVar, |_vm, p| Ok(p.covariant.into())),
    attr!("__contravariant__", TypeVar, |_vm, p| Ok(p.contravariant.into())),
    attr!("__infer_variance__", TypeVar, |_vm, p| Ok(p.infer.into())),
    attr!("__bound__", TypeVar, |vm, p| {
        let lazy = p.bound.clone();
        force(vm, &lazy)
    }),
    attr!("__constraints__", TypeVar, |vm, p| {
        let lazy = p.constraints.clone();
        force(vm, &lazy)
    }),
    attr!("__default__", TypeVar, |vm, p| {
        let lazy = p.default.clone();
        force_default(vm, &lazy)
    }),
    attr!("evaluate_bound", TypeVar, |vm, p| {
        let lazy = p.bound.clone();
        evaluator(vm, &lazy)
    }),
    attr!("evaluate_constraints", TypeVar, |vm, p| {
        let lazy = p.constraints.clone();
        evaluator(vm, &lazy)
    }),
    attr!("evaluate_default", TypeVar, |vm, p| {
        let lazy = p.default.clone();
        evaluator(vm, &lazy)
    }),
    crate::objects::class::slots::INSTANCE_DICT,
];

const PARAM_SPEC: &[NativeDef] = shared_methods![
    ParamSpec,
    "ParamSpec",
    NativeDef::raw(
        "__new__(cls, name, *, bound=None, default=typing.NoDefault, covariant=False, contravariant=False, infer_variance=False)",
        "Parameter specification variable.",
        new_param_spec,
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let t = vm.this::<ParamSpec>(a, "__repr__")?.get(vm);
        let text = format!("{}{}", variance_sign(t.infer, t.covariant, t.contravariant), vm.str_of(&t.name));
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__typing_subst__(self, arg, /)", "Helper for substitution.", |vm, a| {
        ask_typing(vm, "_paramspec_subst", a)
    }),
    NativeDef::new("__typing_prepare_subst__(self, alias, args, /)", "Helper for substitution.", |vm, a| {
        ask_typing(vm, "_paramspec_prepare_subst", a)
    }),
    OR,
    ROR,
];

const PARAM_SPEC_ATTRS: &[GetSetDef] = &[
    attr!("__name__", ParamSpec, |_vm, p| Ok(p.name.clone())),
    attr!("__bound__", ParamSpec, |_vm, p| Ok(p.bound.clone())),
    attr!("__covariant__", ParamSpec, |_vm, p| Ok(p.covariant.into())),
    attr!("__contravariant__", ParamSpec, |_vm, p| Ok(p.contravariant.into())),
    attr!("__infer_variance__", ParamSpec, |_vm, p| Ok(p.infer.into())),
    attr!("__default__", ParamSpec, |vm, p| {
        let lazy = p.default.clone();
        force_default(vm, &lazy)
    }),
    attr!("evaluate_default", ParamSpec, |vm, p| {
        let lazy = p.default.clone();
        evaluator(vm, &lazy)
    }),
    GetSetDef::new("args", "Represents positional arguments.", |vm, v| Ok(part(vm, v, false))),
    GetSetDef::new("kwargs", "Represents keyword arguments.", |vm, v| Ok(part(vm, v, true))),
    crate::objects::class::slots::INSTANCE_DICT,
];

const TYPE_VAR_TUPLE: &[NativeDef] = shared_methods![
    TypeVarTuple,
    "TypeVarTuple",
    NativeDef::raw("__new__(cls, name, *, default=typing.NoDefault)", "Type variable tuple.", new_type_var_tuple),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        Ok(vm.this::<TypeVarTuple>(a, "__repr__")?.get(vm).name.clone())
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| iterate_unpacked(vm, arg_or_none(a, 0))),
    NativeDef::new("__typing_subst__(self, arg, /)", "Refuses.", |vm, _| {
        Err(vm.type_error("Substitution of bare TypeVarTuple is not supported"))
    }),
    NativeDef::new("__typing_prepare_subst__(self, alias, args, /)", "Helper for substitution.", |vm, a| {
        ask_typing(vm, "_typevartuple_prepare_subst", a)
    }),
];

const TYPE_VAR_TUPLE_ATTRS: &[GetSetDef] = &[
    attr!("__name__", TypeVarTuple, |_vm, p| Ok(p.name.clone())),
    attr!("__default__", TypeVarTuple, |vm, p| {
        let lazy = p.default.clone();
        force_default(vm, &lazy)
    }),
    attr!("evaluate_default", TypeVarTuple, |vm, p| {
        let lazy = p.default.clone();
        evaluator(vm, &lazy)
    }),
    crate::objects::class::slots::INSTANCE_DICT,
];

const PART: &[NativeDef] = &[
    NativeDef::new("__new__(cls, origin)", "Part of a ParamSpec.", |vm, a| {
        let class = vm.class_arg(arg_or_none(a, 0))?;
        let keywords = vm.state::<Typing>().kwargs_class.clone().is_some_and(|k| class.is_subclass(vm, &k));
        Ok(vm.alloc_as(&class, ParamSpecPart { origin: arg_or_none(a, 1).clone(), keywords }).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let p = vm.this::<ParamSpecPart>(a, "__repr__")?.get(vm);
        let (origin, tail) = (p.origin.clone(), if p.keywords { "kwargs" } else { "args" });
        let name = match origin.cast::<ParamSpec>() {
            Some(s) => vm.str_of(&s.get(vm).name),
            None => vm.repr_string(&origin)?,
        };
        Ok(vm.new_str(&format!("{name}.{tail}")).into())
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |vm, a| {
        let (Some(x), Some(y)) = (arg_or_none(a, 0).cast::<ParamSpecPart>(), arg_or_none(a, 1).cast::<ParamSpecPart>())
        else {
            return Ok(Value::NOT_IMPLEMENTED);
        };
        if x.get(vm).keywords != y.get(vm).keywords {
            return Ok(Value::NOT_IMPLEMENTED);
        }
        let (x, y) = (x.get(vm).origin.clone(), y.get(vm).origin.clone());
        Ok(vm.equal(&x, &y)?.into())
    }),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        let origin = vm.this::<ParamSpecPart>(a, "__hash__")?.get(vm).origin.clone();
        let h = vm.hash(&origin)?;
        Ok(vm.int(h as i64))
    }),
    NativeDef::new(INVALID, "Refuses.", |vm, a| {
        let text = format!("Cannot subclass an instance of {}", vm.class_name(arg_or_none(a, 0)));
        Err(vm.type_error(text))
    }),
];

const PART_ATTRS: &[GetSetDef] = &[attr!("__origin__", ParamSpecPart, |_vm, p| Ok(p.origin.clone()))];

const ALIAS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, name, value, *, type_params=())", "Type alias.", new_alias),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        Ok(vm.this::<TypeAliasType>(a, "__repr__")?.get(vm).name.clone())
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        Ok(vm.this::<TypeAliasType>(a, "__reduce__")?.get(vm).name.clone())
    }),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", |vm, a| {
        let t = vm.this::<TypeAliasType>(a, "__getitem__")?.clone();
        let params = t.get(vm).params.clone();
        if tuple_items(vm, &params).is_empty() {
            return Err(vm.type_error("Only generic type aliases are subscriptable"));
        }
        Ok(make_alias(vm, t.into(), arg_or_none(a, 1).clone()))
    }),
    NativeDef::new("__iter__(self, /)", "Implement iter(self).", |vm, a| iterate_unpacked(vm, arg_or_none(a, 0))),
    OR,
    ROR,
];

const ALIAS_ATTRS: &[GetSetDef] = &[
    attr!("__name__", TypeAliasType, |_vm, p| Ok(p.name.clone())),
    attr!("__type_params__", TypeAliasType, |_vm, p| Ok(p.params.clone())),
    attr!("__parameters__", TypeAliasType, |_vm, p| Ok(p.params.clone())),
    attr!("__value__", TypeAliasType, |vm, p| {
        let lazy = p.value.clone();
        force(vm, &lazy)
    }),
    attr!("evaluate_value", TypeAliasType, |vm, p| {
        let lazy = p.value.clone();
        evaluator(vm, &lazy)
    }),
    crate::objects::class::slots::INSTANCE_DICT,
];

const NO_DEFAULT: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, /, *args, **kwargs)", "The class of NoDefault.", |vm, args| {
        if args.pos.len() > 1 || !args.kw_names.is_empty() {
            return Err(vm.type_error("NoDefaultType takes no arguments"));
        }
        Ok(no_default(vm))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| Ok(vm.intern("typing.NoDefault").into())),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, _| Ok(vm.intern("NoDefault").into())),
];

const CONST_EVALUATOR: &[NativeDef] = &[
    NativeDef::new("__call__(self, format=1)", "The value, or its text.", call_const_evaluator),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let value = vm.this::<ConstEvaluator>(a, "__repr__")?.get(vm).value.clone();
        let text = format!("<constevaluator {}>", vm.repr_string(&value)?);
        Ok(vm.new_str(&text).into())
    }),
];

const GENERIC: &[NativeDef] = &[
    NativeDef::raw("__class_getitem__(cls, /, *args, **kwargs)", "Parameterizes a generic class.", |vm, args| {
        ask_typing_kw(vm, "_generic_class_getitem", args)
    }),
    NativeDef::raw("__init_subclass__(cls, /, *args, **kwargs)", "Function to initialize subclasses.", |vm, args| {
        ask_typing_kw(vm, "_generic_init_subclass", args)
    }),
];

const FUNCTIONS: &[NativeDef] =
    &[NativeDef::new("_idfunc(x, /)", "Return the argument.", |_, a| Ok(arg_or_none(a, 0).clone()))];

/// Makes the classes, which the machine needs even when nobody imports the module.
///
/// # Errors
/// None in practice.
pub fn init(vm: &mut Vm) -> R<()> {
    let weak = class_flag::WEAKREF;
    vm.define_class::<Lazy>("_typing", "lazy", None, class_flag::NO_NEW)?;
    let class = vm.define_class_with_dict::<TypeVar>("typing", "TypeVar", None, weak)?;
    vm.extend_class(&class, TYPE_VAR, TYPE_VAR_ATTRS);
    let class = vm.define_class_with_dict::<ParamSpec>("typing", "ParamSpec", None, weak)?;
    vm.extend_class(&class, PARAM_SPEC, PARAM_SPEC_ATTRS);
    let class = vm.define_class_with_dict::<TypeVarTuple>("typing", "TypeVarTuple", None, weak)?;
    vm.extend_class(&class, TYPE_VAR_TUPLE, TYPE_VAR_TUPLE_ATTRS);
    let class = vm.define_class::<ParamSpecPart>("typing", "ParamSpecArgs", None, weak)?;
    vm.extend_class(&class, PART, PART_ATTRS);
    let kwargs = vm.define_class::<ParamSpecPart>("typing", "ParamSpecKwargs", None, weak)?;
    vm.extend_class(&kwargs, PART, PART_ATTRS);
    let class = vm.define_class_with_dict::<TypeAliasType>("typing", "TypeAliasType", None, weak)?;
    vm.extend_class(&class, ALIAS, ALIAS_ATTRS);
    let class = vm.define_class::<NoDefault>("builtins", "NoDefaultType", None, 0)?;
    vm.extend_class(&class, NO_DEFAULT, &[]);
    let class = vm.define_class::<ConstEvaluator>("_typing", "_ConstEvaluator", None, class_flag::NO_NEW)?;
    vm.extend_class(&class, CONST_EVALUATOR, &[]);
    let generic = make_generic(vm)?;
    let no_default = vm.alloc(NoDefault {}).into_value();
    let state = vm.state::<Typing>();
    state.kwargs_class = Some(kwargs);
    state.no_default = Some(no_default);
    state.generic = Some(generic);
    Ok(())
}

/// `Generic` has no payload of its own, so that scripts can mix it with any class.
fn make_generic(vm: &mut Vm) -> R<Ref<Class>> {
    let spec = crate::vm::class::ClassSpec {
        name: "Generic",
        bases: Vec::new(),
        meta: None,
        flags: class_flag::BASE,
        slots: 0,
        dict: false,
    };
    let class = vm.new_class(spec, None)?;
    let (name, module) = (vm.names.__module__.clone(), vm.intern("typing").into_value());
    vm.set_class_attr(&class, &name, module);
    vm.extend_class(&class, GENERIC, &[]);
    Ok(class)
}

/// The module.
///
/// # Errors
/// None in practice.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("_typing", FUNCTIONS);
    let classes = [
        ("TypeVar", vm.class_for::<TypeVar>()),
        ("ParamSpec", vm.class_for::<ParamSpec>()),
        ("TypeVarTuple", vm.class_for::<TypeVarTuple>()),
        ("ParamSpecArgs", vm.class_for::<ParamSpecPart>()),
        ("ParamSpecKwargs", vm.state::<Typing>().kwargs_class.clone()),
        ("TypeAliasType", vm.class_for::<TypeAliasType>()),
        ("Union", vm.class_for::<union::Union>()),
        ("Generic", vm.state::<Typing>().generic.clone()),
    ];
    for (name, class) in classes {
        if let Some(class) = class {
            vm.module_set(&m, name, class.into());
        }
    }
    let value = no_default(vm);
    vm.module_set(&m, "NoDefault", value);
    Ok(m.into())
}

/// `typing.NoDefault`.
pub fn no_default(vm: &mut Vm) -> Value {
    vm.state::<Typing>().no_default.clone().unwrap_or(Value::NONE)
}

fn ask_typing(vm: &mut Vm, function: &str, args: &[Value]) -> R {
    ask_typing_kw(vm, function, &Args::positional(args))
}

fn ask_typing_kw(vm: &mut Vm, function: &str, args: &Args<'_>) -> R {
    let typing = import_module(vm, "typing")?;
    let f = vm.get_attr_str(&typing, function)?;
    vm.call_kw(&f, args)
}

// ---- lazy values ----

fn known(vm: &mut Vm, value: Value) -> Ref<Lazy> {
    vm.alloc(Lazy { value, evaluate: Value::UNDEF })
}

fn computed(vm: &mut Vm, evaluate: Value) -> Ref<Lazy> {
    vm.alloc(Lazy { value: Value::UNDEF, evaluate })
}

fn force(vm: &mut Vm, lazy: &Ref<Lazy>) -> R {
    let (value, evaluate) = (lazy.get(vm).value.clone(), lazy.get(vm).evaluate.clone());
    if !value.is_undef() {
        return Ok(value);
    }
    if evaluate.is_undef() {
        return Ok(Value::NONE);
    }
    let value = vm.call(&evaluate, &[Value::int32(1)])?;
    lazy.get_mut(vm).value = value.clone();
    Ok(value)
}

fn force_default(vm: &mut Vm, lazy: &Ref<Lazy>) -> R {
    let l = lazy.get(vm);
    if l.value.is_undef() && l.evaluate.is_undef() {
        return Ok(no_default(vm));
    }
    force(vm, lazy)
}

fn evaluator(vm: &mut Vm, lazy: &Ref<Lazy>) -> R {
    let (value, evaluate) = (lazy.get(vm).value.clone(), lazy.get(vm).evaluate.clone());
    if !evaluate.is_undef() {
        return Ok(evaluate);
    }
    let nothing =
        value.is_undef() || value.is_none() || value.cast::<Tuple>().is_some_and(|t| t.get(vm).items().is_empty());
    Ok(if nothing { Value::NONE } else { vm.alloc(ConstEvaluator { value }).into() })
}

fn call_const_evaluator(vm: &mut Vm, a: &[Value]) -> R {
    let value = vm.this::<ConstEvaluator>(a, "__call__")?.get(vm).value.clone();
    let format = match arg(a, 1) {
        Some(f) => vm.index_i64(f)?,
        None => 1,
    };
    // 4 asks for the source text.
    if format != 4 {
        return Ok(value);
    }
    let lib = import_module(vm, "annotationlib")?;
    let type_repr = vm.get_attr_str(&lib, "type_repr")?;
    if !value.is_a::<Tuple>() {
        return vm.call(&type_repr, &[value]);
    }
    let mut parts = Vec::new();
    for item in tuple_items(vm, &value) {
        let text = vm.call(&type_repr, &[item])?;
        parts.push(vm.str_of(&text));
    }
    let text = if parts.len() == 1 { format!("({},)", parts[0]) } else { format!("({})", parts.join(", ")) };
    Ok(vm.new_str(&text).into())
}

// ---- constructors ----

/// The keyword arguments of a type parameter's constructor.
struct Options {
    name: Value,
    bound: Value,
    default: Value,
    covariant: bool,
    contravariant: bool,
    infer: bool,
}

fn options(vm: &mut Vm, args: &Args<'_>, function: &str, variance: bool) -> R<(Options, Vec<Value>)> {
    let mut o = Options {
        name: Value::UNDEF,
        bound: Value::NONE,
        default: Value::UNDEF,
        covariant: false,
        contravariant: false,
        infer: false,
    };
    let mut rest = args.pos.get(1..).unwrap_or_default().to_vec();
    if !rest.is_empty() {
        o.name = rest.remove(0);
    }
    for (key, value) in args.keywords() {
        match vm.str_of(key).as_str() {
            "name" if o.name.is_undef() => o.name = value.clone(),
            "default" => o.default = value.clone(),
            "bound" if variance => o.bound = value.clone(),
            "covariant" if variance => o.covariant = vm.truth(value)?,
            "contravariant" if variance => o.contravariant = vm.truth(value)?,
            "infer_variance" if variance => o.infer = vm.truth(value)?,
            other => {
                return Err(vm.type_error(format!("{function}() got an unexpected keyword argument '{other}'")));
            }
        }
    }
    if o.name.is_undef() {
        return Err(vm.type_error(format!("{function}() missing required argument 'name' (pos 1)")));
    }
    if !o.name.is_a::<Str>() {
        let text = format!("{function}() argument 'name' must be str, not {}", vm.class_name(&o.name));
        return Err(vm.type_error(text));
    }
    if o.default.is(&no_default(vm)) {
        o.default = Value::UNDEF;
    }
    if o.covariant && o.contravariant {
        return Err(vm.value_error("Bivariant types are not supported."));
    }
    if o.infer && (o.covariant || o.contravariant) {
        return Err(vm.value_error("Variance cannot be specified with infer_variance."));
    }
    if !o.bound.is_none() && !o.bound.is_a::<Class>() {
        let text = vm.new_str("Bound must be a type.").into_value();
        o.bound = ask_typing(vm, "_type_check", &[o.bound.clone(), text])?;
    }
    Ok((o, rest))
}

/// Sets `__module__` of a new object to that of the running code.
fn set_module(vm: &mut Vm, v: &Value) {
    let key = vm.names.__name__.clone();
    let Some(module) = caller_globals(vm).and_then(|g| g.get_str(vm, &key)) else { return };
    let name = vm.names.__module__.clone();
    if let Some(d) = vm.materialize_dict(v) {
        d.set_str(vm, &name, module);
    }
}

fn new_type_var(vm: &mut Vm, args: &Args<'_>) -> R {
    let (o, constraints) = options(vm, args, "typevar", true)?;
    if constraints.len() == 1 {
        return Err(vm.type_error("A single constraint is not allowed"));
    }
    if !constraints.is_empty() && !o.bound.is_none() {
        return Err(vm.type_error("Constraints cannot be combined with bound=..."));
    }
    let tuple = vm.tuple(constraints).into_value();
    let (bound, constraints, default) = (known(vm, o.bound), known(vm, tuple), known(vm, o.default));
    let t = TypeVar {
        name: o.name,
        bound,
        constraints,
        default,
        covariant: o.covariant,
        contravariant: o.contravariant,
        infer: o.infer,
    };
    let t = vm.alloc(t).into_value();
    set_module(vm, &t);
    Ok(t)
}

fn new_param_spec(vm: &mut Vm, args: &Args<'_>) -> R {
    let (o, rest) = options(vm, args, "paramspec", true)?;
    if !rest.is_empty() {
        let n = rest.len() + 1;
        return Err(vm.type_error(format!("paramspec() takes exactly 1 positional argument ({n} given)")));
    }
    let default = known(vm, o.default);
    let p = ParamSpec {
        name: o.name,
        bound: o.bound,
        default,
        covariant: o.covariant,
        contravariant: o.contravariant,
        infer: o.infer,
    };
    let p = vm.alloc(p).into_value();
    set_module(vm, &p);
    Ok(p)
}

fn new_type_var_tuple(vm: &mut Vm, args: &Args<'_>) -> R {
    let (o, rest) = options(vm, args, "typevartuple", false)?;
    if !rest.is_empty() {
        let n = rest.len() + 1;
        return Err(vm.type_error(format!("typevartuple() takes exactly 1 positional argument ({n} given)")));
    }
    let default = known(vm, o.default);
    let t = vm.alloc(TypeVarTuple { name: o.name, default }).into_value();
    set_module(vm, &t);
    Ok(t)
}

fn new_alias(vm: &mut Vm, a: &[Value]) -> R {
    let (name, value) = (arg_or_none(a, 1), arg_or_none(a, 2).clone());
    if !name.is_a::<Str>() {
        let text = format!("typealias() argument 'name' must be str, not {}", vm.class_name(name));
        return Err(vm.type_error(text));
    }
    let params = arg(a, 3).cloned().unwrap_or_else(|| vm.empty_tuple());
    if !params.is_a::<Tuple>() {
        return Err(vm.type_error("type_params must be a tuple"));
    }
    for p in tuple_items(vm, &params) {
        if !(p.is_a::<TypeVar>() || p.is_a::<ParamSpec>() || p.is_a::<TypeVarTuple>()) {
            let text = format!("Expected a type param, got {}", vm.repr_string(&p)?);
            return Err(vm.type_error(text));
        }
    }
    let value = known(vm, value);
    let t = vm.alloc(TypeAliasType { name: name.clone(), params, value }).into_value();
    set_module(vm, &t);
    Ok(t)
}

fn part(vm: &mut Vm, origin: &Value, keywords: bool) -> Value {
    let p = ParamSpecPart { origin: origin.clone(), keywords };
    match vm.state::<Typing>().kwargs_class.clone().filter(|_| keywords) {
        Some(class) => vm.alloc_as(&class, p).into(),
        None => vm.alloc(p).into(),
    }
}

/// Gives `Unpack[v]` once.
fn iterate_unpacked(vm: &mut Vm, v: &Value) -> R {
    let typing = import_module(vm, "typing")?;
    let unpack = vm.get_attr_str(&typing, "Unpack")?;
    let unpacked = vm.get_item(&unpack, v)?;
    let t = vm.tuple(vec![unpacked]).into_value();
    vm.iter(&t)
}

fn prepare_type_var(vm: &mut Vm, a: &[Value]) -> R {
    let t = vm.this::<TypeVar>(a, "__typing_prepare_subst__")?.clone();
    let (alias, args) = (arg_or_none(a, 1), arg_or_none(a, 2));
    let params = vm.get_attr_str(alias, "__parameters__")?;
    let params = tuple_items(vm, &params);
    let Some(at) = params.iter().position(|p| p.is(t.value())) else {
        return Err(vm.value_error("sequence.index(x): x not in sequence"));
    };
    let mut items = tuple_items(vm, args);
    if at < items.len() {
        return Ok(args.clone());
    }
    if at == items.len() {
        let lazy = t.get(vm).default.clone();
        let default = force_default(vm, &lazy)?;
        if !default.is(&no_default(vm)) {
            items.push(default);
            return Ok(vm.tuple(items).into());
        }
    }
    let shown = vm.str(alias)?;
    let text = format!(
        "Too few arguments for {}; actual {}, expected at least {}",
        vm.str_of(shown.value()),
        items.len(),
        at + 1
    );
    Err(vm.type_error(text))
}

// ---- what the machine's intrinsics make ----

/// The type parameter `name` of `def f[name: bound]`; the functions compute the bound or the constraints.
pub fn make_type_var(
    vm: &mut Vm,
    name: Value,
    evaluate_bound: Option<Value>,
    evaluate_constraints: Option<Value>,
) -> Value {
    let bound = match evaluate_bound {
        Some(f) => computed(vm, f),
        None => known(vm, Value::NONE),
    };
    let constraints = match evaluate_constraints {
        Some(f) => computed(vm, f),
        None => {
            let empty = vm.empty_tuple();
            known(vm, empty)
        }
    };
    let default = known(vm, Value::UNDEF);
    let t = TypeVar { name, bound, constraints, default, covariant: false, contravariant: false, infer: true };
    let t = vm.alloc(t).into_value();
    set_module(vm, &t);
    t
}

/// The type parameter of `def f[**name]`.
pub fn make_param_spec(vm: &mut Vm, name: Value) -> Value {
    let default = known(vm, Value::UNDEF);
    let p = ParamSpec { name, bound: Value::NONE, default, covariant: false, contravariant: false, infer: true };
    let p = vm.alloc(p).into_value();
    set_module(vm, &p);
    p
}

/// The type parameter of `def f[*name]`.
pub fn make_type_var_tuple(vm: &mut Vm, name: Value) -> Value {
    let default = known(vm, Value::UNDEF);
    let t = vm.alloc(TypeVarTuple { name, default }).into_value();
    set_module(vm, &t);
    t
}

/// What `type name[params] = value` makes; the function computes the value.
pub fn make_type_alias(vm: &mut Vm, name: Value, params: Value, evaluate: Value) -> Value {
    let params = if params.is_a::<Tuple>() { params } else { vm.empty_tuple() };
    let value = computed(vm, evaluate);
    let t = vm.alloc(TypeAliasType { name, params, value }).into_value();
    set_module(vm, &t);
    t
}

/// Gives a type parameter the function that computes its default.
pub fn set_type_param_default(vm: &mut Vm, param: &Value, evaluate: Value) {
    let lazy = computed(vm, evaluate);
    if let Some(t) = param.cast::<TypeVar>() {
        t.get_mut(vm).default = lazy;
    } else if let Some(t) = param.cast::<ParamSpec>() {
        t.get_mut(vm).default = lazy;
    } else if let Some(t) = param.cast::<TypeVarTuple>() {
        t.get_mut(vm).default = lazy;
    }
}

/// Sets `__type_params__` of a new function.
pub fn set_function_type_params(vm: &mut Vm, function: &Value, params: Value) {
    if let Some(f) = function.cast::<Function>() {
        f.get_mut(vm).type_params = params;
    }
}

/// `Generic[*params]`, the last base of a class with type parameters.
///
/// # Errors
/// What the `typing` module raises.
pub fn subscript_generic(vm: &mut Vm, params: &Value) -> R {
    let Some(generic) = vm.state::<Typing>().generic.clone() else {
        return Err(vm.system_error("Generic is not ready"));
    };
    let mut unpacked = Vec::new();
    for p in tuple_items(vm, params) {
        if p.is_a::<TypeVarTuple>() {
            let it = iterate_unpacked(vm, &p)?;
            unpacked.extend(vm.collect(&it)?);
        } else {
            unpacked.push(p);
        }
    }
    let key = vm.tuple(unpacked).into_value();
    ask_typing(vm, "_generic_class_getitem", &[generic.into_value(), key])
}
