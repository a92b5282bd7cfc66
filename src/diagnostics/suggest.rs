//! "Did you mean": near names for an exception about a wrong one.

use crate::objects::exceptions::field;
use crate::text::suggestions::suggest;
use crate::vm::dict::Dict;
use crate::vm::exception::{Exception, Traceback};
use crate::vm::object::Ref;
use crate::vm::special::Special;
use crate::vm::str::{Str, Tuple};
use crate::vm::{Value, Vm};

/// What is added to the exception's text; empty when there is nothing to suggest.
///
/// Whatever goes wrong while looking for names is dropped: the report matters more.
pub fn hint(vm: &mut Vm, e: &Value) -> String {
    let Some(x) = e.cast::<Exception>().cloned() else { return String::new() };
    let exc = &vm.exc;
    let (is_attribute, is_name, is_import) = (
        vm.is_instance(e, &exc.AttributeError),
        vm.is_instance(e, &exc.NameError),
        vm.is_instance(e, &exc.ImportError),
    );
    if is_attribute {
        let (name, obj) = (text(vm, &x, 0), field(vm, &x, 1));
        let Some(name) = name.filter(|_| !obj.is_undef()) else { return String::new() };
        let names = dir(vm, &obj);
        return mean(nearest(&name, visible(&name, names)));
    }
    if is_import {
        let (Some(name), Some(module)) = (text(vm, &x, 3), text(vm, &x, 1)) else { return String::new() };
        let key = vm.intern(&module);
        let Some(m) = vm.modules.clone().get_str(vm, &key) else { return String::new() };
        let names = dir(vm, &m);
        return mean(nearest(&name, visible(&name, names)));
    }
    if is_name {
        let Some(name) = text(vm, &x, 0) else { return String::new() };
        let traceback = x.get(vm).traceback.clone();
        let names = scope(vm, &traceback);
        let found = of_self(vm, &x, &name).or_else(|| nearest(&name, names));
        let mut out = mean(found.clone());
        if is_standard_module(vm, &name) {
            out.push_str(if found.is_some() { " Or did you" } else { ". Did you" });
            out.push_str(&format!(" forget to import '{name}'?"));
        }
        return out;
    }
    String::new()
}

/// An attribute of the object whose method ran.
fn of_self(vm: &mut Vm, e: &Ref<Exception>, name: &str) -> Option<String> {
    let this = e.get(vm).extra.get(1).filter(|v| !v.is_undef()).cloned()?;
    vm.get_attr_str(&this, name).ok().map(|_| format!("self.{name}"))
}

fn mean(found: Option<String>) -> String {
    found.map_or_else(String::new, |s| format!(". Did you mean: '{s}'?"))
}

fn text(vm: &mut Vm, e: &Ref<Exception>, at: usize) -> Option<String> {
    let v = field(vm, e, at);
    v.cast::<Str>().map(|s| s.get(vm).to_string_lossy().into_owned())
}

fn nearest(wrong: &str, names: Vec<String>) -> Option<String> {
    let found = suggest(wrong.as_bytes(), names.iter().map(String::as_bytes))?;
    std::str::from_utf8(found).ok().map(str::to_owned)
}

/// Private names are only suggested for private ones.
fn visible(wrong: &str, names: Vec<String>) -> Vec<String> {
    if wrong.starts_with('_') {
        return names;
    }
    names.into_iter().filter(|n| !n.starts_with('_')).collect()
}

/// The names that `dir()` gives, sorted.
fn dir(vm: &mut Vm, v: &Value) -> Vec<String> {
    let Some(f) = vm.special(v, Special::Dir) else { return Vec::new() };
    let listed = vm.call_special(&f, v, &[]).and_then(|l| vm.collect(&l));
    let mut names: Vec<String> = match listed {
        Ok(items) => items.iter().filter(|n| n.is_a::<Str>()).map(|n| vm.str_of(n)).collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names.dedup();
    names
}

/// The names that the innermost code of a traceback can see: its variables, globals, builtins.
fn scope(vm: &mut Vm, traceback: &Value) -> Vec<String> {
    let mut last = None;
    let mut at = traceback.clone();
    while let Some(tb) = at.cast::<Traceback>() {
        last = Some(tb.clone());
        let next = tb.get(vm).next.clone();
        at = next;
    }
    let Some(tb) = last else { return Vec::new() };
    let t = tb.get(vm);
    let code = t.code.get(vm).code.clone();
    let mut names: Vec<String> =
        code.varnames().chain(code.cellvars()).chain(&code.freevars).map(|n| n.to_string()).collect();
    let globals = t.globals.clone();
    for d in [globals.cast::<Dict>().cloned(), Some(vm.builtins.clone())].into_iter().flatten() {
        names.extend(d.get(vm).iter().filter(|(k, _)| k.is_a::<Str>()).map(|(k, _)| vm.str_of(k)));
    }
    names
}

fn is_standard_module(vm: &mut Vm, name: &str) -> bool {
    let Some(list) = vm.loaded_attr("sys", "stdlib_module_names") else { return false };
    let name = vm.intern(name).into_value();
    match list.cast::<Tuple>() {
        Some(t) => t.get(vm).items().iter().any(|n| n.is(&name)),
        None => vm.contains(&list, &name).unwrap_or(false),
    }
}
