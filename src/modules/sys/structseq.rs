//! Tuples with named fields, as `sys.version_info`, `os.stat_result` and `time.struct_time` are.
//!
//! The visible fields are the tuple's items; fields beyond them lie in the object's slots. Invariant: an object of
//! such a class has exactly as many items as the class has visible fields.

use crate::vm::class::{Class, ClassSpec, class_flag};
use crate::vm::dict::Dict;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

/// What a class of such tuples is like.
pub struct StructSeq {
    /// `__module__`.
    pub module: &'static str,
    /// `__name__`.
    pub name: &'static str,
    /// `__doc__`.
    pub doc: &'static str,
    /// How many fields are items.
    pub visible: usize,
    /// How many of the items have no attribute.
    pub unnamed: usize,
    /// The attributes, made by [`field`]: first those that name the items in `repr`.
    pub fields: &'static [GetSetDef],
    /// Scripts may make objects by calling the class.
    pub constructible: bool,
}

impl StructSeq {
    /// How many fields there are, those beyond the items included.
    pub fn total(&self) -> usize {
        self.fields.len() + self.unnamed
    }
}

/// The attribute for field `I`.
pub const fn field<const I: usize>(name: &'static str, doc: &'static str) -> GetSetDef {
    GetSetDef::new(name, doc, get_field::<I>)
}

fn get_field<const I: usize>(vm: &mut Vm, v: &Value) -> R {
    Ok(field_value(vm, v, I))
}

fn field_value(vm: &Vm, v: &Value, at: usize) -> Value {
    let Some(t) = v.cast::<Tuple>() else { return Value::NONE };
    let items = t.get(vm).items();
    let found = match items.get(at) {
        Some(item) => item.clone(),
        None => vm.slot_value(v, at - items.len()),
    };
    if found.is_undef() { Value::NONE } else { found }
}

/// The classes made so far, with their descriptions.
#[derive(Default)]
struct Known(Vec<(Ref<Class>, &'static StructSeq)>);

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, sequence, dict={})", "Create and return a new object.", new),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__reduce__(self, /)", "", reduce),
    NativeDef::new(
        "__replace__(self, /, **changes)",
        "Return a copy of the structure with new values for the specified fields.",
        replace,
    ),
];

/// Makes the class, or gives the one made before.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm, this: &'static StructSeq) -> R<Ref<Class>> {
    if let Some((c, _)) = vm.state::<Known>().0.iter().find(|(_, s)| std::ptr::eq(*s, this)) {
        return Ok(c.clone());
    }
    let spec = ClassSpec {
        name: this.name,
        bases: vec![vm.types.tuple.clone()],
        meta: None,
        flags: class_flag::SEQUENCE | if this.constructible { 0 } else { class_flag::NO_NEW },
        slots: this.total() - this.visible,
        dict: false,
    };
    let class = vm.new_class(spec, None)?;
    vm.extend_class(&class, METHODS, this.fields);
    let names: Vec<Value> =
        this.fields.iter().take(this.visible - this.unnamed).map(|f| vm.intern(f.name).into_value()).collect();
    let attrs = [
        ("__module__", vm.intern(this.module).into_value()),
        ("__doc__", vm.new_str(this.doc).into_value()),
        ("n_fields", Value::len(this.total())),
        ("n_sequence_fields", Value::len(this.visible)),
        ("n_unnamed_fields", Value::len(this.unnamed)),
        ("__match_args__", vm.tuple(names).into_value()),
    ];
    for (name, value) in attrs {
        let name = vm.intern(name);
        vm.set_class_attr(&class, &name, value);
    }
    vm.state::<Known>().0.push((class.clone(), this));
    Ok(class)
}

/// An object of such a class from all its fields.
pub fn make(vm: &mut Vm, class: &Ref<Class>, mut values: Vec<Value>) -> Value {
    let visible = description(vm, class).map_or(values.len(), |s| s.visible);
    let hidden = values.split_off(visible.min(values.len()));
    let v = vm.tuple_as(class, values).into_value();
    for (i, h) in hidden.into_iter().enumerate() {
        drop(vm.set_slot_value(&v, i, h));
    }
    v
}

fn description(vm: &mut Vm, class: &Ref<Class>) -> Option<&'static StructSeq> {
    let known = vm.state::<Known>().0.iter().find(|(c, _)| c.is(class)).map(|(_, s)| *s);
    // An instance of a subclass cannot exist, as the classes are no bases.
    known
}

fn described(vm: &mut Vm, v: &Value) -> R<&'static StructSeq> {
    let class = vm.class_of(v).clone();
    match description(vm, &class) {
        Some(s) => Ok(s),
        None => Err(vm.type_error("not an object with named fields")),
    }
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let class = vm.class_arg(&a[0])?;
    let Some(this) = description(vm, &class) else {
        return Err(vm.type_error("not a class with named fields"));
    };
    let shown = format!("{}.{}", this.module, this.name);
    if !this.constructible {
        return Err(vm.type_error(format!("cannot create '{shown}' instances")));
    }
    let Some(sequence) = arg(a, 1) else {
        return Err(vm.type_error("structseq() missing required argument 'sequence' (pos 1)"));
    };
    if !vm.is_iterable(sequence) {
        return Err(vm.type_error("constructor requires a sequence"));
    }
    let extra = arg(a, 2).cloned();
    let extra = match extra {
        None => None,
        Some(d) => match d.try_into_ref::<Dict>() {
            Ok(d) => Some(d),
            Err(_) => return Err(vm.type_error(format!("{shown}() takes a dict as second arg, if any"))),
        },
    };
    let mut values = vm.collect(sequence)?;
    let (given, least, most) = (values.len(), this.visible, this.total());
    if given < least || given > most {
        let text = if least == most {
            format!("{shown}() takes a {least}-sequence ({given}-sequence given)")
        } else if given < least {
            format!("{shown}() takes an at least {least}-sequence ({given}-sequence given)")
        } else {
            format!("{shown}() takes an at most {most}-sequence ({given}-sequence given)")
        };
        return Err(vm.type_error(text));
    }
    let mut used = 0;
    for i in given..most {
        let name = this.fields.get(i - this.unnamed).map_or("", |f| f.name);
        let name = vm.intern(name);
        let found = extra.as_ref().and_then(|d| d.get_str(vm, &name));
        used += usize::from(found.is_some());
        values.push(found.unwrap_or(Value::NONE));
    }
    if let Some(d) = &extra
        && d.get(vm).len() > used
    {
        return Err(vm.type_error(format!("{shown}() got duplicate or unexpected field name(s)")));
    }
    Ok(make(vm, &class, values))
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let this = described(vm, &a[0])?;
    let items = vm.tuple_clone(&a[0]).unwrap_or_default();
    let mut text = match this.module {
        "builtins" => format!("{}(", this.name),
        module => format!("{module}.{}(", this.name),
    }
    .into_bytes();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            text.extend_from_slice(b", ");
        }
        let name = this.fields.get(i).map_or("", |f| f.name);
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        let shown = vm.guarded(|vm| vm.repr(item))?;
        text.extend_from_slice(shown.get(vm).as_bytes());
    }
    text.push(b')');
    Ok(vm.new_str_bytes(&text).into())
}

fn reduce(vm: &mut Vm, a: &[Value]) -> R {
    let this = described(vm, &a[0])?;
    let items = vm.tuple_clone(&a[0]).unwrap_or_default();
    let hidden = vm.new_dict();
    for i in this.visible..this.total() {
        if let Some(f) = this.fields.get(i - this.unnamed) {
            let (name, value) = (vm.intern(f.name), field_value(vm, &a[0], i));
            hidden.set_str(vm, &name, value);
        }
    }
    let class = vm.class_of(&a[0]).value().clone();
    let items = vm.tuple(items).into_value();
    let args = vm.pair([items, hidden.into()]);
    Ok(vm.pair([class, args]))
}

fn replace(vm: &mut Vm, a: &[Value]) -> R {
    let this = described(vm, &a[0])?;
    let class = vm.class_of(&a[0]).clone();
    let Some(changes) = arg(a, 1).and_then(|c| c.cast::<Dict>()).cloned() else { return Ok(a[0].clone()) };
    if this.unnamed > 0 && !changes.get(vm).is_empty() {
        let text =
            format!("__replace__() is not supported for {}.{} because it has unnamed field(s)", this.module, this.name);
        return Err(vm.type_error(text));
    }
    let mut values: Vec<Value> = (0..this.total()).map(|i| field_value(vm, &a[0], i)).collect();
    let items: Vec<(Value, Value)> = changes.get(vm).iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut unknown = Vec::new();
    for (key, value) in items {
        let name = vm.str_of(&key);
        match this.fields.iter().position(|f| f.name == name) {
            Some(i) => values[i] = value,
            None => unknown.push(key),
        }
    }
    if !unknown.is_empty() {
        let list = vm.list(unknown).into_value();
        let shown = vm.repr_string(&list)?;
        return Err(vm.value_error(format!("Got unexpected field name(s): {shown}")));
    }
    Ok(make(vm, &class, values))
}
