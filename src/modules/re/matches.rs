//! `re.Match`: the groups of one match.

use super::objects::{Match, contents, group_value, position, shown};
use super::replace;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::{R, Value, Vm};

pub(super) const METHODS: &[NativeDef] = &[
    NativeDef::raw("group(self, *args)", "Return subgroup(s) of the match by indices or names.", group),
    NativeDef::new("__getitem__(self, key, /)", "Return self[key].", |vm, a| {
        let m = vm.this::<Match>(a, "__getitem__")?;
        named_group(vm, m, arg_or_none(a, 1))
    }),
    NativeDef::new(
        "groups(self, default=None)",
        "Return a tuple containing all the subgroups of the match, from 1.",
        |vm, a| {
            let m = vm.this::<Match>(a, "groups")?;
            let this = m.get(vm);
            let n = this.pattern.get(vm).regex.groups() as usize;
            let data = &this.target.get(vm).data;
            let items = (1..=n).map(|i| group_value(vm, data, &this.slots, i, arg_or_none(a, 1))).collect();
            Ok(vm.tuple(items).into())
        },
    ),
    NativeDef::new(
        "groupdict(self, default=None)",
        "Return a dictionary containing all the named subgroups of the match, keyed by the subgroup name.",
        groupdict,
    ),
    NativeDef::new(
        "start(self, group=0, /)",
        "Return index of the start of the substring matched by group.",
        |vm, a| Ok(span(vm, a, "start")?.0),
    ),
    NativeDef::new("end(self, group=0, /)", "Return index of the end of the substring matched by group.", |vm, a| {
        Ok(span(vm, a, "end")?.1)
    }),
    NativeDef::new(
        "span(self, group=0, /)",
        "For match object m, return the 2-tuple (m.start(group), m.end(group)).",
        |vm, a| {
            let (start, end) = span(vm, a, "span")?;
            Ok(vm.pair([start, end]))
        },
    ),
    NativeDef::new(
        "expand(self, template)",
        "Return the string obtained by doing backslash substitution on the template.",
        |vm, a| {
            let m = vm.this::<Match>(a, "expand")?;
            replace::expand(vm, m, arg_or_none(a, 1))
        },
    ),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", repr),
    NativeDef::new("__copy__(self, /)", "", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__deepcopy__(self, memo, /)", "", |_, a| Ok(arg_or_none(a, 0).clone())),
    NativeDef::new("__class_getitem__(cls, item, /)", "See PEP 585", |vm, a| {
        vm.generic_alias(arg_or_none(a, 0), arg_or_none(a, 1))
    }),
];

pub(super) const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("string", "The string passed to match() or search().", |vm, v| {
        let m = this(vm, v)?;
        Ok(m.get(vm).target.get(vm).string.clone())
    }),
    GetSetDef::new("re", "The regular expression object.", |vm, v| {
        let m = this(vm, v)?;
        Ok(m.get(vm).pattern.value().clone())
    }),
    GetSetDef::new("pos", "The index into the string at which the RE engine started looking for a match.", |vm, v| {
        let m = this(vm, v)?;
        Ok(Value::len(m.get(vm).target.get(vm).pos))
    }),
    GetSetDef::new("endpos", "The index into the string beyond which the RE engine will not go.", |vm, v| {
        let m = this(vm, v)?;
        Ok(Value::len(m.get(vm).target.get(vm).endpos))
    }),
    GetSetDef::new("lastindex", "The integer index of the last matched capturing group.", |vm, v| {
        let m = this(vm, v)?;
        Ok(m.get(vm).slots.last_index().map_or(Value::NONE, |i| vm.int(i64::from(i))))
    }),
    GetSetDef::new("lastgroup", "The name of the last matched capturing group.", |vm, v| {
        let m = this(vm, v)?;
        let this = m.get(vm);
        let name = this.slots.last_index().and_then(|i| this.pattern.get(vm).regex.group_name(i));
        Ok(name.map_or(Value::NONE, |n| vm.new_str_bytes(n).into()))
    }),
    GetSetDef::new("regs", "", |vm, v| {
        let m = this(vm, v)?.clone();
        let n = m.get(vm).pattern.get(vm).regex.groups() as usize;
        let mut pairs = Vec::with_capacity(n + 1);
        for i in 0..=n {
            let (start, end) = span_of(vm, &m, i);
            pairs.push(vm.pair([start, end]));
        }
        Ok(vm.tuple(pairs).into())
    }),
];

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<Match>> {
    match v.cast::<Match>() {
        Some(m) => Ok(m),
        None => Err(vm.type_error("expected a match object")),
    }
}

/// The number of the group that a number or a name means.
fn group_index(vm: &mut Vm, m: &Ref<Match>, key: &Value) -> R<usize> {
    let most = i64::from(m.get(vm).pattern.get(vm).regex.groups());
    let found = if vm.is_int(key) || vm.special(key, Special::Index).is_some() {
        let i = vm.index(key)?;
        vm.as_i64(&i)
    } else {
        let m = m.get(vm);
        let is_text = key.is_a::<crate::vm::str::Str>();
        let name = contents(vm, key);
        m.pattern.get(vm).regex.group_index(name).filter(|_| is_text).map(i64::from)
    };
    match found.filter(|i| (0..=most).contains(i)) {
        Some(i) => Ok(i as usize),
        None => Err(vm.index_error("no such group")),
    }
}

fn named_group(vm: &mut Vm, m: &Ref<Match>, key: &Value) -> R {
    let index = group_index(vm, m, key)?;
    let this = m.get(vm);
    Ok(group_value(vm, &this.target.get(vm).data, &this.slots, index, &Value::NONE))
}

fn group(vm: &mut Vm, args: &Args<'_>) -> R {
    let m = vm.this::<Match>(args.pos, "group")?;
    if !args.kw_names.is_empty() {
        return Err(vm.type_error("re.Match.group() takes no keyword arguments"));
    }
    match args.pos.get(1..).unwrap_or_default() {
        [] => named_group(vm, m, &Value::int32(0)),
        [key] => named_group(vm, m, key),
        keys => {
            let mut items = Vec::with_capacity(keys.len());
            for key in keys {
                items.push(named_group(vm, m, key)?);
            }
            Ok(vm.tuple(items).into())
        }
    }
}

fn groupdict(vm: &mut Vm, a: &[Value]) -> R {
    let m = vm.this::<Match>(a, "groupdict")?;
    let regex = m.get(vm).pattern.get(vm).regex.clone();
    let dict = vm.new_dict();
    for (name, index) in regex.names() {
        let name = vm.new_str_bytes(name).into_value();
        let this = m.get(vm);
        let value = group_value(vm, &this.target.get(vm).data, &this.slots, *index as usize, arg_or_none(a, 1));
        dict.set_item(vm, name, value)?;
    }
    Ok(dict.into())
}

/// Start and end of a group in characters; both -1 where it took no part.
fn span_of(vm: &mut Vm, m: &Ref<Match>, index: usize) -> (Value, Value) {
    let this = m.get(vm);
    let (slot, data) = (this.slots.group(index), this.target.get(vm).data.clone());
    match slot {
        Some((start, end)) => {
            let (start, end) = (position(vm, &data, start), position(vm, &data, end));
            (Value::len(start), Value::len(end))
        }
        None => (Value::int32(-1), Value::int32(-1)),
    }
}

fn span(vm: &mut Vm, a: &[Value], method: &str) -> R<(Value, Value)> {
    let m = vm.this::<Match>(a, method)?;
    let index = match crate::vm::native::arg(a, 1) {
        Some(key) => group_index(vm, m, key)?,
        None => 0,
    };
    Ok(span_of(vm, m, index))
}

fn repr(vm: &mut Vm, a: &[Value]) -> R {
    let m = vm.this::<Match>(a, "__repr__")?;
    let this = m.get(vm);
    let (bytes, data) = (this.slots.group(0).unwrap_or_default(), this.target.get(vm).data.clone());
    let (start, end) = (position(vm, &data, bytes.0), position(vm, &data, bytes.1));
    let mut text = format!("<re.Match object; span=({start}, {end}), match=").into_bytes();
    text.extend(shown(vm, &data, bytes.0, bytes.1));
    text.push(b'>');
    Ok(vm.new_str_bytes(&text).into())
}
