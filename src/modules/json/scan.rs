//! Reading JSON: the object that `make_scanner` makes.
//!
//! Where no value stands, StopIteration tells the place; the script part makes the message of it.

use super::{Mistake, byte_offset, mistake, position, read_string, text_arg};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::dict::Dict;
use crate::vm::exception::Raised;
use crate::vm::native::{GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use std::collections::HashMap;

heap_object! {
    /// `_json.Scanner`: the settings of a decoder.
    pub struct Scanner {
        strict: bool,
        object_hook: Value,
        object_pairs_hook: Value,
        parse_float: Value,
        parse_int: Value,
        parse_constant: Value,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls, context)", "JSON scanner object", new),
    NativeDef::new("__call__(self, string, idx)", "Call self as a function.", call),
];

fn scanner<'a>(vm: &'a Vm, v: &'a Value) -> Option<&'a Scanner> {
    v.cast::<Scanner>().map(|s| s.get(vm))
}

macro_rules! shown {
    ($name:literal, $field:ident) => {
        GetSetDef::new($name, "", |vm, v| Ok(scanner(vm, v).map_or(Value::NONE, |s| s.$field.clone())))
    };
}

const GETSETS: &[GetSetDef] = &[
    GetSetDef::new("strict", "strict", |vm, v| Ok(scanner(vm, v).is_some_and(|s| s.strict).into())),
    shown!("object_hook", object_hook),
    shown!("object_pairs_hook", object_pairs_hook),
    shown!("parse_float", parse_float),
    shown!("parse_int", parse_int),
    shown!("parse_constant", parse_constant),
];

/// The class, made when first asked for.
pub(super) fn class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = vm.class_for::<Scanner>() {
        return Ok(c);
    }
    let c = vm.define_class::<Scanner>("_json", "Scanner", None, class_flag::BASE)?;
    vm.extend_class(&c, METHODS, GETSETS);
    Ok(c)
}

fn new(vm: &mut Vm, a: &[Value]) -> R {
    let cls = vm.class_arg(arg_or_none(a, 0))?;
    let context = arg_or_none(a, 1);
    let strict = vm.get_attr_str(context, "strict")?;
    let scanner = Scanner {
        strict: vm.truth(&strict)?,
        object_hook: vm.get_attr_str(context, "object_hook")?,
        object_pairs_hook: vm.get_attr_str(context, "object_pairs_hook")?,
        parse_float: vm.get_attr_str(context, "parse_float")?,
        parse_int: vm.get_attr_str(context, "parse_int")?,
        parse_constant: vm.get_attr_str(context, "parse_constant")?,
    };
    Ok(vm.alloc_as(&cls, scanner).into())
}

fn call(vm: &mut Vm, a: &[Value]) -> R {
    let settings = vm.this::<Scanner>(a, "__call__")?.clone();
    let s = text_arg(vm, arg_or_none(a, 1))?;
    let at = vm.index_i64(arg_or_none(a, 2))?;
    let Ok(at) = usize::try_from(at) else {
        return Err(vm.value_error("idx cannot be negative"));
    };
    if at >= s.get(vm).char_len() {
        return Err(vm.stop_iteration(Value::len(at)));
    }
    let at = byte_offset(vm, s.value(), at);
    let mut reader = Reader { s, settings, keys: HashMap::new() };
    let (value, end) = reader.value(vm, at)?;
    let end = position(vm, reader.s.value(), end);
    Ok(vm.pair([value, Value::len(end)]))
}

/// Reads one text.
struct Reader {
    s: Ref<Str>,
    settings: Ref<Scanner>,
    /// Keys seen so far, so that equal ones are the same object.
    keys: HashMap<Vec<u8>, Value>,
}

impl Reader {
    fn byte(&self, vm: &Vm, at: usize) -> Option<u8> {
        self.s.get(vm).as_bytes().get(at).copied()
    }

    fn skip_space(&self, vm: &Vm, at: usize) -> usize {
        let rest = self.s.get(vm).as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count()
    }

    fn wrong<T>(&self, vm: &mut Vm, text: &str, at: usize) -> R<T> {
        Err(mistake(vm, &self.s, Mistake { text: text.to_owned(), at }))
    }

    fn nothing(&self, vm: &mut Vm, at: usize) -> Raised {
        let at = position(vm, self.s.value(), at);
        vm.stop_iteration(Value::len(at))
    }

    fn has(&self, vm: &Vm, at: usize, word: &str) -> bool {
        self.s.get(vm).as_bytes().get(at..).is_some_and(|rest| rest.starts_with(word.as_bytes()))
    }

    /// The value at a place, and where it ends.
    fn value(&mut self, vm: &mut Vm, at: usize) -> R<(Value, usize)> {
        vm.tick(1)?;
        let Some(first) = self.byte(vm, at) else { return Err(self.nothing(vm, at)) };
        let word = match first {
            b'"' => {
                let (text, end) = self.string(vm, at + 1)?;
                return Ok((vm.new_str_bytes(&text).into(), end));
            }
            b'{' => return vm.guarded(|vm| self.object(vm, at + 1)),
            b'[' => return vm.guarded(|vm| self.array(vm, at + 1)),
            b'n' => ("null", Value::NONE),
            b't' => ("true", Value::TRUE),
            b'f' => ("false", Value::FALSE),
            _ => {
                if let Some(found) = self.number(vm, at)? {
                    return Ok(found);
                }
                let name = match first {
                    b'N' => "NaN",
                    b'I' => "Infinity",
                    _ => "-Infinity",
                };
                if !self.has(vm, at, name) {
                    return Err(self.nothing(vm, at));
                }
                let f = self.settings.get(vm).parse_constant.clone();
                let text = vm.new_str(name).into_value();
                return Ok((vm.call(&f, &[text])?, at + name.len()));
            }
        };
        if self.has(vm, at, word.0) { Ok((word.1, at + word.0.len())) } else { Err(self.nothing(vm, at)) }
    }

    fn string(&mut self, vm: &mut Vm, begin: usize) -> R<(Vec<u8>, usize)> {
        let strict = self.settings.get(vm).strict;
        match read_string(self.s.get(vm).as_bytes(), begin, strict) {
            Ok((text, end)) => {
                vm.tick(text.len() / 16)?;
                Ok((text, end))
            }
            Err(m) => Err(mistake(vm, &self.s, m)),
        }
    }

    /// A number, if one stands there.
    fn number(&mut self, vm: &mut Vm, at: usize) -> R<Option<(Value, usize)>> {
        let text = self.s.get(vm).as_bytes();
        let Some((end, whole)) = number_end(text, at) else { return Ok(None) };
        let text = text.get(at..end).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default().to_owned();
        vm.tick(text.len() / 16)?;
        let settings = self.settings.get(vm);
        let f = if whole { settings.parse_int.clone() } else { settings.parse_float.clone() };
        if whole && f.is(vm.types.int.value()) {
            if let Ok(n) = text.parse::<i64>() {
                return Ok(Some((vm.int(n), end)));
            }
        } else if !whole
            && f.is(vm.types.float.value())
            && let Ok(x) = text.parse::<f64>()
        {
            return Ok(Some((vm.float(x), end)));
        }
        let text = vm.new_str(&text).into_value();
        Ok(Some((vm.call(&f, &[text])?, end)))
    }

    fn array(&mut self, vm: &mut Vm, at: usize) -> R<(Value, usize)> {
        let mut items = Vec::new();
        let mut at = self.skip_space(vm, at);
        if self.byte(vm, at) == Some(b']') {
            return Ok((vm.list(items).into(), at + 1));
        }
        loop {
            let (value, end) = self.value(vm, at)?;
            items.push(value);
            let comma = self.skip_space(vm, end);
            match self.byte(vm, comma) {
                Some(b']') => return Ok((vm.list(items).into(), comma + 1)),
                Some(b',') => {}
                _ => return self.wrong(vm, "Expecting ',' delimiter", comma),
            }
            at = self.skip_space(vm, comma + 1);
            if self.byte(vm, at) == Some(b']') {
                return self.wrong(vm, "Illegal trailing comma before end of array", comma);
            }
        }
    }

    /// The key at a place, as the object that stands for all equal ones.
    fn key(&mut self, vm: &mut Vm, at: usize) -> R<(Value, usize)> {
        if self.byte(vm, at) != Some(b'"') {
            return self.wrong(vm, "Expecting property name enclosed in double quotes", at);
        }
        let (text, end) = self.string(vm, at + 1)?;
        if let Some(known) = self.keys.get(&text) {
            return Ok((known.clone(), end));
        }
        let key = vm.new_str_bytes(&text).into_value();
        self.keys.insert(text, key.clone());
        Ok((key, end))
    }

    fn object(&mut self, vm: &mut Vm, at: usize) -> R<(Value, usize)> {
        let wants_pairs = !self.settings.get(vm).object_pairs_hook.is_none();
        let mut pairs = Vec::new();
        let dict = vm.new_dict();
        let mut at = self.skip_space(vm, at);
        if self.byte(vm, at) == Some(b'}') {
            return self.finish(vm, dict, pairs, at + 1);
        }
        loop {
            let (key, end) = self.key(vm, at)?;
            let colon = self.skip_space(vm, end);
            if self.byte(vm, colon) != Some(b':') {
                return self.wrong(vm, "Expecting ':' delimiter", colon);
            }
            let start = self.skip_space(vm, colon + 1);
            let (value, end) = self.value(vm, start)?;
            if wants_pairs {
                pairs.push(vm.pair([key, value]));
            } else {
                dict.set_item(vm, key, value)?;
            }
            let comma = self.skip_space(vm, end);
            match self.byte(vm, comma) {
                Some(b'}') => return self.finish(vm, dict, pairs, comma + 1),
                Some(b',') => {}
                _ => return self.wrong(vm, "Expecting ',' delimiter", comma),
            }
            at = self.skip_space(vm, comma + 1);
            if self.byte(vm, at) == Some(b'}') {
                return self.wrong(vm, "Illegal trailing comma before end of object", comma);
            }
        }
    }

    /// Gives an object to the hooks.
    fn finish(&mut self, vm: &mut Vm, dict: Ref<Dict>, pairs: Vec<Value>, end: usize) -> R<(Value, usize)> {
        let settings = self.settings.get(vm);
        let (pairs_hook, hook) = (settings.object_pairs_hook.clone(), settings.object_hook.clone());
        if !pairs_hook.is_none() {
            let pairs = vm.list(pairs).into_value();
            return Ok((vm.call(&pairs_hook, &[pairs])?, end));
        }
        let value = dict.into_value();
        if hook.is_none() { Ok((value, end)) } else { Ok((vm.call(&hook, &[value])?, end)) }
    }
}

fn digits_end(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Where the number at a place ends, and whether it is an integer.
fn number_end(text: &[u8], at: usize) -> Option<(usize, bool)> {
    let first = if text.get(at) == Some(&b'-') { at + 1 } else { at };
    let mut end = match text.get(first)? {
        b'0' => first + 1,
        b'1'..=b'9' => digits_end(text, first),
        _ => return None,
    };
    let mut whole = true;
    if text.get(end) == Some(&b'.') {
        let stop = digits_end(text, end + 1);
        if stop > end + 1 {
            (end, whole) = (stop, false);
        }
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let start = if matches!(text.get(end + 1), Some(b'+' | b'-')) { end + 2 } else { end + 1 };
        let stop = digits_end(text, start);
        if stop > start {
            (end, whole) = (stop, false);
        }
    }
    Some((end, whole))
}
