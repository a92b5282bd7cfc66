//! `itertools`: all of it, natively.
//!
//! `simple` has the iterators over single sources, `select` those that choose among items, `combine` products and
//! combinations, `group` those that look at several items at once, `tee` the copies of an iterator.
//!
//! As everywhere, nothing is borrowed while a source is asked for its next item: each `__next__` takes out what it
//! needs, and writes back afterwards.

mod combine;
mod group;
mod select;
mod simple;
mod tee;

use crate::vm::class::{Class, class_flag};
use crate::vm::function::Module;
use crate::vm::native::{Args, NativeDef};
use crate::vm::object::{Object, Ref};
use crate::vm::{R, Value, Vm};

/// `__iter__` of every iterator here.
const ITER: NativeDef = NativeDef::new("__iter__(self, /)", "Implement iter(self).", |_, a| Ok(a[0].clone()));

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("itertools", tee::FUNCTIONS);
    simple::init(vm, &module)?;
    select::init(vm, &module)?;
    combine::init(vm, &module)?;
    group::init(vm, &module)?;
    tee::init(vm, &module)?;
    Ok(module.into())
}

/// Makes a class of the module.
fn add_class<T: Object>(vm: &mut Vm, module: &Ref<Module>, name: &str, methods: &'static [NativeDef]) -> R<()> {
    let class = vm.define_class::<T>("itertools", name, None, class_flag::BASE)?;
    vm.extend_class(&class, methods, &[]);
    // What `__new__` says is what the class is for.
    if let Some(new) = methods.first() {
        let (name, doc) = (vm.names.__doc__.clone(), vm.new_str(new.doc).into_value());
        vm.set_class_attr(&class, &name, doc);
    }
    vm.module_set(module, name, class.into_value());
    Ok(())
}

/// The class and the arguments of a `__new__` that takes no keywords; those are for the `__init__` of subclasses.
fn positional<'a>(vm: &mut Vm, args: &Args<'a>, name: &str, least: usize, most: usize) -> R<(Ref<Class>, &'a [Value])> {
    let Some((class, given)) = args.pos.split_first() else {
        return Err(vm.type_error(format!("{name}.__new__(): not enough arguments")));
    };
    let class = vm.class_arg(class)?;
    if !args.kw_names.is_empty() && !class.get(vm).is_heap() {
        return Err(vm.type_error(format!("{name}() takes no keyword arguments")));
    }
    if given.len() < least || given.len() > most {
        let (bound, n) = match (least == most, given.len() < least) {
            (true, _) => ("", least),
            (false, true) => ("at least ", least),
            (false, false) => ("at most ", most),
        };
        let plural = if n == 1 { "" } else { "s" };
        return Err(vm.type_error(format!("{name} expected {bound}{n} argument{plural}, got {}", given.len())));
    }
    Ok((class, given))
}
