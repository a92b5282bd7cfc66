//! The methods of `object`, which every value has.

use super::reduce;
use super::type_methods::merge_class_names;
use super::{proxy, qualified_name};
use crate::vm::class::{Class, class_flag};
use crate::vm::class_ops::address;
use crate::vm::function::Module;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", new),
    NativeDef::raw("__init__(self, /, *args, **kwargs)", "Initialize self.", init_object),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let text = default_repr(vm, arg_or_none(a, 0))?;
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__str__(self, /)", "Return str(self).", |vm, a| Ok(vm.repr(arg_or_none(a, 0))?.into())),
    NativeDef::new("__format__(self, format_spec, /)", "Default object formatter.", format),
    NativeDef::new("__hash__(self, /)", "Return hash(self).", |vm, a| {
        Ok(vm.int(vm.identity_hash(arg_or_none(a, 0)) as i64))
    }),
    NativeDef::new("__eq__(self, value, /)", "Return self==value.", |_, a| {
        Ok(if arg_or_none(a, 0).is(arg_or_none(a, 1)) { Value::TRUE } else { Value::NOT_IMPLEMENTED })
    }),
    NativeDef::new("__ne__(self, value, /)", "Return self!=value.", ne),
    NativeDef::new("__lt__(self, value, /)", "Return self<value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__le__(self, value, /)", "Return self<=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__gt__(self, value, /)", "Return self>value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__ge__(self, value, /)", "Return self>=value.", |_, _| Ok(Value::NOT_IMPLEMENTED)),
    NativeDef::new("__getattribute__(self, name, /)", "Return getattr(self, name).", |vm, a| {
        let name = vm.attr_name(arg_or_none(a, 1))?;
        vm.generic_get_attr(arg_or_none(a, 0), &name)
    }),
    NativeDef::new("__setattr__(self, name, value, /)", "Implement setattr(self, name, value).", |vm, a| {
        let name = vm.attr_name(arg_or_none(a, 1))?;
        refuse_classes(vm, arg_or_none(a, 0), "__setattr__")?;
        vm.generic_set_attr(arg_or_none(a, 0), &name, Some(arg_or_none(a, 2).clone()))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__delattr__(self, name, /)", "Implement delattr(self, name).", |vm, a| {
        let name = vm.attr_name(arg_or_none(a, 1))?;
        refuse_classes(vm, arg_or_none(a, 0), "__delattr__")?;
        vm.generic_set_attr(arg_or_none(a, 0), &name, None)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__dir__(self, /)", "Default dir() implementation.", dir),
    NativeDef::new("__sizeof__(self, /)", "Size of object in memory, in bytes.", |vm, a| {
        let class = vm.class_of(arg_or_none(a, 0)).clone();
        let class = class.get(vm);
        Ok(Value::len(16 + class.payload_size() + 8 * class.fixed_slots()))
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| reduce::reduce(vm, arg_or_none(a, 0), 0)),
    NativeDef::new("__reduce_ex__(self, protocol, /)", "Helper for pickle.", reduce::reduce_ex),
    NativeDef::new("__getstate__(self, /)", "Helper for pickle.", |vm, a| {
        reduce::get_state(vm, arg_or_none(a, 0), false)
    }),
    NativeDef::raw(
        "__init_subclass__(cls, /)",
        "This method is called when a class is subclassed.\n\nThe default implementation does nothing. It may be\n\
         overridden to extend subclasses.\n",
        init_subclass,
    ),
    NativeDef::new(
        "__subclasshook__(cls, object, /)",
        "Abstract classes can override this to customize issubclass().\n\nThis is invoked early on by \
         abc.ABCMeta.__subclasscheck__().\nIt should return True, False or NotImplemented.  If it returns\n\
         NotImplemented, the normal algorithm is used.  Otherwise, it\noverrides the normal algorithm (and the \
         outcome is cached).\n",
        |_, _| Ok(Value::NOT_IMPLEMENTED),
    ),
];

const GETSETS: &[GetSetDef] =
    &[GetSetDef::with_set("__class__", "the object's class", |vm, v| Ok(vm.class_of(v).value().clone()), set_class)];

/// Adds the methods.
///
/// # Errors
/// None.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    let object = vm.types.object.clone();
    vm.extend_class(&object, METHODS, GETSETS);
    vm.object_new = vm.class_special(&object, Special::New).unwrap_or(Value::UNDEF);
    vm.object_init = vm.class_special(&object, Special::Init).unwrap_or(Value::UNDEF);
    let name = vm.intern("__doc__");
    let doc = vm.new_str(
        "The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new \
         featureless\ninstance that has no instance attributes and cannot be given any.\n",
    );
    vm.set_class_attr(&object, &name, doc.into());
    Ok(())
}

fn new(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((class, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("object.__new__(): not enough arguments"));
    };
    let Some(class) = class.cast::<Class>() else {
        let text = format!("object.__new__(X): X is not a type object ({})", vm.class_name(class));
        return Err(vm.type_error(text));
    };
    if class.get(vm).payload_kind() != crate::vm::object::Kind::Instance {
        let name = class.get(vm).display_name();
        return Err(vm.type_error(format!("object.__new__({name}) is not safe, use {name}.__new__()")));
    }
    vm.object_new(class, &Args { pos: rest, ..*args })
}

fn init_object(vm: &mut Vm, args: &Args<'_>) -> R {
    let Some((this, rest)) = args.pos.split_first() else {
        return Err(vm.type_error("descriptor '__init__' of 'object' object needs an argument"));
    };
    let class = vm.class_of(this).clone();
    vm.object_init_check(&class, &Args { pos: rest, ..*args })?;
    Ok(Value::NONE)
}

/// `<module.Class object at 0x…>`.
///
/// # Errors
/// None of its own.
pub fn default_repr(vm: &mut Vm, v: &Value) -> R<String> {
    let class = vm.class_of(v).clone();
    let name = qualified_name(vm, &class)?;
    Ok(format!("<{name} object at {:#x}>", address(v)))
}

fn format(vm: &mut Vm, a: &[Value]) -> R {
    let (this, spec) = (arg_or_none(a, 0), arg_or_none(a, 1));
    let Some(text) = spec.cast::<crate::vm::str::Str>() else {
        let text = format!("__format__() argument must be str, not {}", vm.class_name(spec));
        return Err(vm.type_error(text));
    };
    if text.get(vm).byte_len() > 0 {
        let text = format!("unsupported format string passed to {}.__format__", vm.class_name(this));
        return Err(vm.type_error(text));
    }
    Ok(vm.str(this)?.into())
}

fn ne(vm: &mut Vm, a: &[Value]) -> R {
    let (this, other) = (arg_or_none(a, 0), arg_or_none(a, 1));
    let Some(eq) = vm.special(this, Special::Eq) else { return Ok(Value::NOT_IMPLEMENTED) };
    let result = vm.call_special(&eq, this, std::slice::from_ref(other))?;
    if result.is_not_implemented() {
        return Ok(result);
    }
    Ok((!vm.truth(&result)?).into())
}

/// `object.__setattr__` must not go round the checks of `type.__setattr__`.
fn refuse_classes(vm: &mut Vm, this: &Value, method: &str) -> R<()> {
    if !this.is_a::<Class>() {
        return Ok(());
    }
    let text = format!("can't apply this {method} to {} object", vm.class_name(this));
    Err(vm.type_error(text))
}

fn dir(vm: &mut Vm, a: &[Value]) -> R {
    let this = arg_or_none(a, 0);
    let names = vm.new_dict();
    let (dict, class) = (vm.intern("__dict__"), vm.intern("__class__"));
    if let Some(d) = vm.get_attr_opt(this, &dict)?
        && let Some(d) = proxy::as_dict(vm, &d)
    {
        let keys: Vec<Value> = d.get(vm).iter().map(|(k, _)| k.clone()).collect();
        for k in keys {
            names.set_item(vm, k, Value::NONE)?;
        }
    }
    if let Some(c) = vm.get_attr_opt(this, &class)?
        && let Some(c) = c.cast::<Class>()
    {
        merge_class_names(vm, &names, c)?;
    }
    vm.collect(names.value()).map(|keys| vm.list(keys).into())
}

fn init_subclass(vm: &mut Vm, args: &Args<'_>) -> R {
    let shown = args.pos.first().and_then(|c| c.cast::<Class>()).map(|c| c.get(vm).display_name());
    let shown = shown.unwrap_or_else(|| "object".to_owned());
    if !args.kw_names.is_empty() {
        return Err(vm.type_error(format!("{shown}.__init_subclass__() takes no keyword arguments")));
    }
    if args.pos.len() > 1 {
        let n = args.pos.len() - 1;
        return Err(vm.type_error(format!("{shown}.__init_subclass__() takes no arguments ({n} given)")));
    }
    Ok(Value::NONE)
}

fn set_class(vm: &mut Vm, this: &Value, value: Option<Value>) -> R<()> {
    let Some(value) = value else { return Err(vm.type_error("can't delete __class__ attribute")) };
    let Some(new) = value.cast::<Class>() else {
        let text = format!("__class__ must be set to a class, not '{}' object", vm.class_name(&value));
        return Err(vm.type_error(text));
    };
    let old = vm.class_of(this).clone();
    let modules = this.is_a::<Module>() && new.is_subclass(vm, &vm.types.module);
    let both_heap = old.get(vm).is_heap() && new.get(vm).is_heap();
    if !modules && !both_heap {
        return Err(vm.type_error("__class__ assignment only supported for mutable types or ModuleType subclasses"));
    }
    if old.is(new) {
        return Ok(());
    }
    if new.get(vm).has(class_flag::METACLASS) && !old.get(vm).has(class_flag::METACLASS)
        || !vm.try_change_class(this, new)
    {
        let text = layout_text(vm, new, &old);
        return Err(vm.type_error(text));
    }
    Ok(())
}

fn layout_text(vm: &Vm, new: &Ref<Class>, old: &Ref<Class>) -> String {
    format!(
        "__class__ assignment: '{}' object layout differs from '{}'",
        new.get(vm).display_name(),
        old.get(vm).display_name()
    )
}
