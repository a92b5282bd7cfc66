//! `sub`, `subn` and `expand`: putting other text where a pattern matched.

use super::engine::Slots;
use super::objects::{Match, Pattern, Target, contents, for_all, re_error, slice};
use super::template::Piece;
use crate::vm::object::Ref;
use crate::vm::str::{Bytes, Str};
use crate::vm::{R, Value, Vm};

/// What a match is replaced by.
enum Replacement {
    /// Always the same.
    Literal(Value),
    /// A template with groups.
    Template(Vec<Piece>),
    /// What the function returns.
    Function(Value),
}

/// The text of a template, and whether it is bytes.
fn template_text(vm: &mut Vm, v: &Value) -> R<(Vec<u8>, bool)> {
    if !v.is_a::<Str>() && !v.is_a::<Bytes>() {
        if vm.class_name(v) == "bytearray" {
            let class = vm.types.bytes.value().clone();
            let copy = vm.call(&class, std::slice::from_ref(v))?;
            return Ok((contents(vm, &copy).to_vec(), true));
        }
        let class = vm.class_name(v);
        return Err(vm.type_error(format!("decoding to str: need a bytes-like object, {class} found")));
    }
    Ok((contents(vm, v).to_vec(), v.is_a::<Bytes>()))
}

impl Replacement {
    fn new(vm: &mut Vm, p: &Ref<Pattern>, v: &Value) -> R<Replacement> {
        if vm.is_callable(v) {
            return Ok(Replacement::Function(v.clone()));
        }
        let (text, is_bytes) = template_text(vm, v)?;
        if !text.contains(&b'\\') {
            return Ok(Replacement::Literal(v.clone()));
        }
        let regex = p.get(vm).regex.clone();
        match regex.template(&text, is_bytes) {
            Ok(pieces) => Ok(Replacement::Template(pieces)),
            Err(e) => Err(re_error(vm, e, v)),
        }
    }
}

/// Text being put together, and of how many items, for messages.
struct Output {
    text: Vec<u8>,
    items: usize,
    is_bytes: bool,
}

impl Output {
    fn push(&mut self, vm: &mut Vm, part: &[u8]) -> R<()> {
        vm.check_buffer(&self.text, part.len())?;
        self.text.extend_from_slice(part);
        Ok(())
    }

    /// Copies a part of the target.
    fn push_part(&mut self, vm: &mut Vm, data: &Value, start: usize, end: usize) -> R<()> {
        vm.check_buffer(&self.text, end.saturating_sub(start))?;
        self.text.extend_from_slice(contents(vm, data).get(start..end).unwrap_or_default());
        Ok(())
    }

    /// Adds what a script gave: a string of the right kind.
    fn push_value(&mut self, vm: &mut Vm, v: &Value) -> R<()> {
        let fits = if self.is_bytes { v.is_a::<Bytes>() } else { v.is_a::<Str>() };
        if !fits {
            if self.is_bytes && matches!(vm.class_name(v).as_str(), "bytearray" | "memoryview") {
                let class = vm.types.bytes.value().clone();
                let copy = vm.call(&class, std::slice::from_ref(v))?;
                return self.push_value(vm, &copy);
            }
            let (class, at) = (vm.class_name(v), self.items);
            let wanted = if self.is_bytes { "a bytes-like object" } else { "str instance" };
            return Err(vm.type_error(format!("sequence item {at}: expected {wanted}, {class} found")));
        }
        self.items += 1;
        vm.check_buffer(&self.text, contents(vm, v).len())?;
        self.text.extend_from_slice(contents(vm, v));
        Ok(())
    }

    fn push_template(&mut self, vm: &mut Vm, data: &Value, slots: &Slots, pieces: &[Piece]) -> R<()> {
        for piece in pieces {
            match piece {
                Piece::Literal(text) => self.push(vm, text)?,
                Piece::Group(index) => {
                    if let Some((start, end)) = slots.group(*index as usize) {
                        self.push_part(vm, data, start, end)?;
                    }
                }
            }
        }
        self.items += 1;
        Ok(())
    }

    fn finish(self, vm: &Vm) -> Value {
        if self.is_bytes { vm.new_bytes(&self.text).into() } else { vm.new_str_bytes(&self.text).into() }
    }
}

/// Replaces matches, and says how many.
///
/// # Errors
/// What is wrong with the arguments; what a function raises.
pub(super) fn substitute(
    vm: &mut Vm,
    p: &Ref<Pattern>,
    replacement: &Value,
    string: &Value,
    count: Option<&Value>,
) -> R<(Value, usize)> {
    let most = count.map_or(Ok(0), |v| vm.index_i64(v))?;
    let replacement = Replacement::new(vm, p, replacement)?;
    let target = Target::new(vm, p, string, None, None)?;
    let (data, len) = (target.get(vm).data.clone(), target.get(vm).end);
    let mut out = Output { text: Vec::new(), items: 0, is_bytes: data.is_a::<Bytes>() };
    let (mut last, mut n) = (0, 0usize);
    if most >= 0 {
        for_all(vm, p, &target, |vm, slots, (start, end)| {
            if last < start {
                out.push_part(vm, &data, last, start)?;
                out.items += 1;
            }
            last = end;
            n += 1;
            match &replacement {
                Replacement::Literal(v) => out.push_value(vm, v)?,
                Replacement::Template(pieces) => out.push_template(vm, &data, &slots, pieces)?,
                Replacement::Function(f) => {
                    let m = vm.alloc(Match { pattern: p.clone(), target: target.clone(), slots }).into_value();
                    let v = vm.call(f, &[m])?;
                    if !v.is_none() {
                        out.push_value(vm, &v)?;
                    }
                }
            }
            Ok(most == 0 || n < most as usize)
        })?;
    }
    if n == 0 {
        return Ok((slice(vm, &data, 0, len), 0));
    }
    out.push_part(vm, &data, last, len)?;
    Ok((out.finish(vm), n))
}

/// `Match.expand`.
///
/// # Errors
/// What is wrong with the template.
pub(super) fn expand(vm: &mut Vm, m: &Ref<Match>, template: &Value) -> R {
    let (text, is_bytes) = template_text(vm, template)?;
    let regex = m.get(vm).pattern.get(vm).regex.clone();
    let pieces = match regex.template(&text, is_bytes) {
        Ok(p) => p,
        Err(e) => return Err(re_error(vm, e, template)),
    };
    let (data, slots) = (m.get(vm).target.get(vm).data.clone(), m.get(vm).slots.clone());
    let mut out = Output { text: Vec::new(), items: 0, is_bytes };
    if let [Piece::Literal(text)] = pieces.as_slice() {
        out.push(vm, text)?;
        return Ok(out.finish(vm));
    }
    if is_bytes != data.is_a::<Bytes>() {
        let (wanted, got) = if is_bytes { ("a bytes-like object", "str") } else { ("str instance", "bytes") };
        return Err(vm.type_error(format!("sequence item 0: expected {wanted}, {got} found")));
    }
    out.push_template(vm, &data, &slots, &pieces)?;
    Ok(out.finish(vm))
}
