//! `_operator`: the operators as functions, and the callables `itemgetter`, `attrgetter` and `methodcaller`.
//!
//! What the operators do is in `vm::ops`; here they only get names. Invariant: the three getters never change once
//! made.

use super::import::import_module;
use crate::heap_object;
use crate::vm::dict::Dict;
use crate::vm::function::Native;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::ops::{BinOp, CmpOp, UnOp};
use crate::vm::special::Special;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};
use std::ops::ControlFlow;

macro_rules! functions {
    (binary $($b:literal $bdoc:literal $bop:ident)*; inplace $($i:literal $idoc:literal $iop:ident)*;
     compare $($c:literal $cdoc:literal $cop:ident)*; unary $($u:literal $udoc:literal $uop:ident)*;
     $($rest:expr),* $(,)?) => {
        const FUNCTIONS: &[NativeDef] = &[
            $(NativeDef::new(concat!($b, "(a, b, /)"), $bdoc, |vm, a| vm.binary(BinOp::$bop, &a[0], &a[1])),)*
            $(NativeDef::new(concat!($i, "(a, b, /)"), $idoc, |vm, a| vm.inplace(BinOp::$iop, &a[0], &a[1])),)*
            $(NativeDef::new(concat!($c, "(a, b, /)"), $cdoc, |vm, a| vm.rich_compare(&a[0], &a[1], CmpOp::$cop)),)*
            $(NativeDef::new(concat!($u, "(a, /)"), $udoc, |vm, a| vm.unary(UnOp::$uop, &a[0])),)*
            $($rest,)*
        ];
    };
}

functions! {
    binary
        "add" "Same as a + b." Add
        "sub" "Same as a - b." Sub
        "mul" "Same as a * b." Mul
        "matmul" "Same as a @ b." MatMul
        "truediv" "Same as a / b." TrueDiv
        "floordiv" "Same as a // b." FloorDiv
        "mod" "Same as a % b." Mod
        "pow" "Same as a ** b." Pow
        "lshift" "Same as a << b." LShift
        "rshift" "Same as a >> b." RShift
        "and_" "Same as a & b." And
        "or_" "Same as a | b." Or
        "xor" "Same as a ^ b." Xor;
    inplace
        "iadd" "Same as a += b." Add
        "isub" "Same as a -= b." Sub
        "imul" "Same as a *= b." Mul
        "imatmul" "Same as a @= b." MatMul
        "itruediv" "Same as a /= b." TrueDiv
        "ifloordiv" "Same as a //= b." FloorDiv
        "imod" "Same as a %= b." Mod
        "ipow" "Same as a **= b." Pow
        "ilshift" "Same as a <<= b." LShift
        "irshift" "Same as a >>= b." RShift
        "iand" "Same as a &= b." And
        "ior" "Same as a |= b." Or
        "ixor" "Same as a ^= b." Xor;
    compare
        "lt" "Same as a < b." Lt
        "le" "Same as a <= b." Le
        "eq" "Same as a == b." Eq
        "ne" "Same as a != b." Ne
        "gt" "Same as a > b." Gt
        "ge" "Same as a >= b." Ge;
    unary
        "neg" "Same as -a." Neg
        "pos" "Same as +a." Pos
        "inv" "Same as ~a." Invert
        "invert" "Same as ~a." Invert
        "abs" "Same as abs(a)." Abs;
    NativeDef::new("truth(a, /)", "Return True if a is true, False otherwise.", |vm, a| {
        Ok(Value::bool(vm.truth(&a[0])?))
    }),
    NativeDef::new("not_(a, /)", "Same as not a.", |vm, a| Ok(Value::bool(!vm.truth(&a[0])?))),
    NativeDef::new("is_(a, b, /)", "Same as a is b.", |_, a| Ok(Value::bool(a[0].is(&a[1])))),
    NativeDef::new("is_not(a, b, /)", "Same as a is not b.", |_, a| Ok(Value::bool(!a[0].is(&a[1])))),
    NativeDef::new("is_none(a, /)", "Same as a is None.", |_, a| Ok(Value::bool(a[0].is_none()))),
    NativeDef::new("is_not_none(a, /)", "Same as a is not None.", |_, a| Ok(Value::bool(!a[0].is_none()))),
    NativeDef::new("index(a, /)", "Same as a.__index__()", |vm, a| vm.index(&a[0])),
    NativeDef::new("concat(a, b, /)", "Same as a + b, for a and b sequences.", |vm, a| {
        check_concat(vm, &a[0], &a[1])?;
        vm.binary(BinOp::Add, &a[0], &a[1])
    }),
    NativeDef::new("iconcat(a, b, /)", "Same as a += b, for a and b sequences.", |vm, a| {
        check_concat(vm, &a[0], &a[1])?;
        vm.inplace(BinOp::Add, &a[0], &a[1])
    }),
    NativeDef::new("contains(a, b, /)", "Same as b in a (note reversed operands).", |vm, a| {
        Ok(Value::bool(vm.contains(&a[0], &a[1])?))
    }),
    NativeDef::new("getitem(a, b, /)", "Same as a[b].", |vm, a| vm.get_item(&a[0], &a[1])),
    NativeDef::new("setitem(a, b, c, /)", "Same as a[b] = c.", |vm, a| {
        vm.set_item(&a[0], a[1].clone(), a[2].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("delitem(a, b, /)", "Same as del a[b].", |vm, a| {
        vm.del_item(&a[0], &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("countOf(a, b, /)", "Return the number of items in a which are, or which equal, b.", count_of),
    NativeDef::new("indexOf(a, b, /)", "Return the first index of b in a.", index_of),
    NativeDef::new(
        "length_hint(obj, default=0, /)",
        "Return an estimate of the number of items in obj.\n\nThis is useful for presizing containers when building \
         from an iterable.\n\nIf the object supports len(), the result will be exact.\nOtherwise, it may over- or \
         under-estimate by an arbitrary amount.",
        length_hint,
    ),
    NativeDef::raw("call(obj, /, *args, **kwargs)", "Same as obj(*args, **kwargs).", call),
    NativeDef::new(
        "_compare_digest(a, b, /)",
        "Return 'a == b', in a time that does not depend on where they differ.",
        compare_digest,
    ),
}

heap_object! {
    /// `itemgetter`.
    pub struct ItemGetter { items: Vec<Value> }
}

heap_object! {
    /// `attrgetter`.
    pub struct AttrGetter {
        /// The dotted names as given.
        names: Vec<Value>,
        /// Each as a list of interned names.
        paths: Vec<Vec<Ref<Str>>>,
    }
}

heap_object! {
    /// `methodcaller`.
    pub struct MethodCaller { name: Ref<Str>, args: Vec<Value>, kw_names: Vec<Value>, kw_values: Vec<Value> }
}

const ITEM_GETTER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, item, /, *items)", "Create and return a new object.", item_new),
    NativeDef::raw("__call__(self, obj, /)", "Call self as a function.", item_call),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", item_repr),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling", item_reduce),
];

const ATTR_GETTER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, attr, /, *attrs)", "Create and return a new object.", attr_new),
    NativeDef::raw("__call__(self, obj, /)", "Call self as a function.", attr_call),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", attr_repr),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling", attr_reduce),
];

const METHOD_CALLER: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, name, /, *args, **kwargs)", "Create and return a new object.", method_new),
    NativeDef::raw("__call__(self, obj, /)", "Call self as a function.", method_call),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", method_repr),
    NativeDef::new("__reduce__(self, /)", "Return state information for pickling", method_reduce),
];

const NO_ATTRS: &[GetSetDef] = &[];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_operator", FUNCTIONS);
    let item = vm.define_class::<ItemGetter>("operator", "itemgetter", None, 0)?;
    vm.extend_class(&item, ITEM_GETTER, NO_ATTRS);
    let attr = vm.define_class::<AttrGetter>("operator", "attrgetter", None, 0)?;
    vm.extend_class(&attr, ATTR_GETTER, NO_ATTRS);
    let method = vm.define_class::<MethodCaller>("operator", "methodcaller", None, 0)?;
    vm.extend_class(&method, METHOD_CALLER, NO_ATTRS);
    for (name, class) in [("itemgetter", item), ("attrgetter", attr), ("methodcaller", method)] {
        vm.module_set(&module, name, class.into_value());
    }
    Ok(module.into())
}

// ---- functions ----

/// Whether the object can be indexed by position and is no mapping of the built-in kind.
fn looks_like_sequence(vm: &Vm, v: &Value) -> bool {
    !v.is_a::<Dict>() && vm.special(v, Special::GetItem).is_some()
}

/// `concat` takes sequences only, though `+` would do for more.
fn check_concat(vm: &mut Vm, a: &Value, b: &Value) -> R<()> {
    let native = vm.special(a, Special::Add).is_some_and(|f| f.is_a::<Native>());
    if looks_like_sequence(vm, a) && (native || looks_like_sequence(vm, b)) {
        return Ok(());
    }
    let class = vm.class_name(a);
    Err(vm.type_error(format!("'{class}' object can't be concatenated")))
}

/// An iterator for a search; what has none is refused with the text of `in`'s older form.
fn search_iter(vm: &mut Vm, v: &Value) -> R {
    if !vm.is_iterable(v) {
        let class = vm.class_name(v);
        return Err(vm.type_error(format!("argument of type '{class}' is not iterable")));
    }
    vm.iter(v)
}

fn count_of(vm: &mut Vm, a: &[Value]) -> R {
    let it = search_iter(vm, &a[0])?;
    let mut n = 0usize;
    vm.for_each(&it, |vm, item| {
        n += usize::from(vm.equal(&item, &a[1])?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Value::len(n))
}

fn index_of(vm: &mut Vm, a: &[Value]) -> R {
    let it = search_iter(vm, &a[0])?;
    let mut at = 0usize;
    while let Some(item) = vm.next(&it)? {
        if vm.equal(&item, &a[1])? {
            return Ok(Value::len(at));
        }
        at += 1;
    }
    Err(vm.value_error("sequence.index(x): x not in sequence"))
}

fn length_hint(vm: &mut Vm, a: &[Value]) -> R {
    let default = match a.get(1).filter(|v| !v.is_undef()) {
        Some(v) => vm.index_i64(v)?,
        None => 0,
    };
    // The hint itself is never negative, so a marker tells whether there was one.
    let hint = vm.length_hint(&a[0], usize::MAX)?;
    Ok(if hint == usize::MAX { vm.int(default) } else { Value::len(hint) })
}

fn call(vm: &mut Vm, args: &Args<'_>) -> R {
    match args.pos.split_first() {
        Some((f, pos)) => vm.call_kw(f, &Args { pos, ..*args }),
        None => Err(vm.type_error("call expected at least 1 argument, got 0")),
    }
}

/// The bytes of an operand of `_compare_digest`; text must be ASCII.
fn digest_bytes(vm: &mut Vm, v: &Value) -> R<Option<Vec<u8>>> {
    if let Some(s) = v.cast::<Str>() {
        if !s.get(vm).is_ascii() {
            return Err(vm.type_error("comparing strings with non-ASCII characters is not supported"));
        }
        return Ok(Some(s.get(vm).as_bytes().to_vec()));
    }
    if let Some(b) = v.cast::<Bytes>() {
        return Ok(Some(b.get(vm).as_bytes().to_vec()));
    }
    Ok(crate::objects::bytearray::contents(vm, v))
}

fn compare_digest(vm: &mut Vm, a: &[Value]) -> R {
    let same_kind = a[0].is_a::<Str>() == a[1].is_a::<Str>();
    let (x, y) = if same_kind { (digest_bytes(vm, &a[0])?, digest_bytes(vm, &a[1])?) } else { (None, None) };
    let (Some(x), Some(y)) = (x, y) else {
        let (p, q) = (vm.class_name(&a[0]), vm.class_name(&a[1]));
        return Err(vm.type_error(format!("unsupported operand types(s) or combination of types: '{p}' and '{q}'")));
    };
    // Every byte is looked at, whatever came before.
    let differences = x.iter().zip(&y).fold(u8::from(x.len() != y.len()), |d, (a, b)| d | (a ^ b));
    Ok(Value::bool(std::hint::black_box(differences) == 0))
}

// ---- what the getters share ----

/// The arguments of a constructor of getters: at least one and no keywords.
fn getter_args<'a>(vm: &mut Vm, args: &Args<'a>, name: &str) -> R<&'a [Value]> {
    let given = args.pos.get(1..).unwrap_or_default();
    if !args.kw_names.is_empty() {
        return Err(vm.type_error(format!("{name}() takes no keyword arguments")));
    }
    if given.is_empty() {
        return Err(vm.type_error(format!("{name} expected 1 argument, got 0")));
    }
    Ok(given)
}

/// The one object that a getter is called with.
fn subject<'a>(vm: &mut Vm, args: &Args<'a>, name: &str) -> R<&'a Value> {
    let given = getter_args_or_empty(args);
    if !args.kw_names.is_empty() && (name != "methodcaller" || given.len() == 1) {
        return Err(vm.type_error(format!("{name}() takes no keyword arguments")));
    }
    match given {
        [one] => Ok(one),
        _ => Err(vm.type_error(format!("{name} expected 1 argument, got {}", given.len()))),
    }
}

fn getter_args_or_empty<'a>(args: &Args<'a>) -> &'a [Value] {
    args.pos.get(1..).unwrap_or_default()
}

/// One result is given as it is, several as a tuple.
fn one_or_tuple(vm: &Vm, mut found: Vec<Value>) -> Value {
    match found.pop() {
        Some(only) if found.is_empty() => only,
        Some(last) => {
            found.push(last);
            vm.tuple(found).into_value()
        }
        None => vm.empty_tuple(),
    }
}

/// `Class(arguments)` with the reprs of the arguments, keywords last.
fn call_repr(vm: &mut Vm, this: &Value, items: &[Value], keywords: &[(Value, Value)]) -> R {
    let name = vm.full_class_name(this);
    if !vm.enter_repr(this) {
        return Ok(vm.new_str(&format!("{name}(...)")).into_value());
    }
    let text = vm.guarded(|vm| {
        let mut out = format!("{name}(").into_bytes();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b", ");
            }
            let r = vm.repr(item)?;
            out.extend_from_slice(r.get(vm).as_bytes());
        }
        for (k, v) in keywords {
            let r = vm.repr(v)?;
            let k = vm.str(k)?;
            out.extend_from_slice(b", ");
            out.extend_from_slice(k.get(vm).as_bytes());
            out.push(b'=');
            out.extend_from_slice(r.get(vm).as_bytes());
        }
        out.push(b')');
        Ok(out)
    });
    vm.leave_repr(this);
    let text = text?;
    Ok(vm.new_str_bytes(&text).into_value())
}

/// `(type(self), arguments)`.
fn reduce_to_call(vm: &Vm, this: &Value, items: Vec<Value>) -> Value {
    let class = vm.class_of(this).value().clone();
    let items = vm.tuple(items).into_value();
    vm.tuple(vec![class, items]).into_value()
}

// ---- itemgetter ----

fn item_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let items = getter_args(vm, args, "itemgetter")?.to_vec();
    Ok(vm.alloc_as(&class, ItemGetter { items }).into())
}

fn item_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = vm.this::<ItemGetter>(args.pos, "__call__")?;
    let obj = subject(vm, args, "itemgetter")?;
    if let [only] = this.get(vm).items.as_slice() {
        let only = only.clone();
        return vm.get_item(obj, &only);
    }
    let items = this.get(vm).items.clone();
    let mut found = Vec::with_capacity(items.len());
    for item in &items {
        found.push(vm.get_item(obj, item)?);
    }
    Ok(one_or_tuple(vm, found))
}

fn item_repr(vm: &mut Vm, a: &[Value]) -> R {
    let items = vm.this::<ItemGetter>(a, "__repr__")?.get(vm).items.clone();
    call_repr(vm, &a[0], &items, &[])
}

fn item_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let items = vm.this::<ItemGetter>(a, "__reduce__")?.get(vm).items.clone();
    Ok(reduce_to_call(vm, &a[0], items))
}

// ---- attrgetter ----

fn attr_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let names = getter_args(vm, args, "attrgetter")?.to_vec();
    let mut paths = Vec::with_capacity(names.len());
    for name in &names {
        let Some(s) = name.cast::<Str>() else {
            return Err(vm.type_error("attribute name must be a string"));
        };
        let parts: Vec<Ref<Str>> =
            s.get(vm).as_bytes().split(|&b| b == b'.').map(|part| vm.new_str_bytes(part)).collect();
        paths.push(parts.iter().map(|part| vm.intern_value(part)).collect());
    }
    Ok(vm.alloc_as(&class, AttrGetter { names, paths }).into())
}

fn attr_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = vm.this::<AttrGetter>(args.pos, "__call__")?;
    let obj = subject(vm, args, "attrgetter")?;
    let paths = this.get(vm).paths.clone();
    let mut found = Vec::with_capacity(paths.len());
    for path in &paths {
        let mut v = obj.clone();
        for name in path {
            v = vm.get_attr(&v, name)?;
        }
        found.push(v);
    }
    Ok(one_or_tuple(vm, found))
}

fn attr_repr(vm: &mut Vm, a: &[Value]) -> R {
    let names = vm.this::<AttrGetter>(a, "__repr__")?.get(vm).names.clone();
    call_repr(vm, &a[0], &names, &[])
}

fn attr_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let names = vm.this::<AttrGetter>(a, "__reduce__")?.get(vm).names.clone();
    Ok(reduce_to_call(vm, &a[0], names))
}

// ---- methodcaller ----

fn method_new(vm: &mut Vm, args: &Args<'_>) -> R {
    let class = vm.class_arg(arg_or_none(args.pos, 0))?;
    let Some((name, rest)) = getter_args_or_empty(args).split_first() else {
        return Err(vm.type_error("methodcaller needs at least one argument, the method name"));
    };
    let Some(name) = name.cast::<Str>() else {
        return Err(vm.type_error("method name must be a string"));
    };
    let name = vm.intern_value(name);
    let payload = MethodCaller {
        name,
        args: rest.to_vec(),
        kw_names: args.kw_names.to_vec(),
        kw_values: args.kw_values.to_vec(),
    };
    Ok(vm.alloc_as(&class, payload).into())
}

fn method_call(vm: &mut Vm, args: &Args<'_>) -> R {
    let this = vm.this::<MethodCaller>(args.pos, "__call__")?;
    let obj = subject(vm, args, "methodcaller")?;
    let m = this.get(vm);
    let (name, mut pos) = (m.name.clone(), m.args.clone());
    let (kw_names, kw_values) = (m.kw_names.clone(), m.kw_values.clone());
    let (f, receiver) = vm.load_method(obj, &name)?;
    if !receiver.is_undef() {
        pos.insert(0, receiver);
    }
    vm.call_kw(&f, &Args { pos: &pos, kw_values: &kw_values, kw_names: &kw_names })
}

/// Keyword arguments: names and values.
type Keywords = Vec<(Value, Value)>;

/// The name and the positional arguments, and the keyword arguments.
fn method_parts(vm: &mut Vm, a: &[Value], method: &str) -> R<(Vec<Value>, Keywords)> {
    let m = vm.this::<MethodCaller>(a, method)?.get(vm);
    let pos = std::iter::once(m.name.value().clone()).chain(m.args.iter().cloned()).collect();
    let keywords = m.kw_names.iter().cloned().zip(m.kw_values.iter().cloned()).collect();
    Ok((pos, keywords))
}

fn method_repr(vm: &mut Vm, a: &[Value]) -> R {
    let (pos, keywords) = method_parts(vm, a, "__repr__")?;
    call_repr(vm, &a[0], &pos, &keywords)
}

fn method_reduce(vm: &mut Vm, a: &[Value]) -> R {
    let (mut pos, keywords) = method_parts(vm, a, "__reduce__")?;
    if keywords.is_empty() {
        return Ok(reduce_to_call(vm, &a[0], pos));
    }
    // Pickle passes no keywords, so a `partial` carries them.
    let functools = import_module(vm, "functools")?;
    let partial = vm.get_attr_str(&functools, "partial")?;
    let class = vm.class_of(&a[0]).value().clone();
    let rest = pos.split_off(1);
    pos.insert(0, class);
    let (kw_names, kw_values): (Vec<Value>, Vec<Value>) = keywords.into_iter().unzip();
    let maker = vm.call_kw(&partial, &Args { pos: &pos, kw_values: &kw_values, kw_names: &kw_names })?;
    let rest = vm.tuple(rest).into_value();
    Ok(vm.tuple(vec![maker, rest]).into_value())
}
