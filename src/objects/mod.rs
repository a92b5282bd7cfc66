//! The built-in types: one file (or folder) for each, with its methods in tables.
//!
//! Payloads that the machine itself reads are in `vm`; everything a script can ask of them is here. Safe Rust
//! throughout.

use crate::vm::class::Class;
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Vm};

pub mod asyncgen;
pub mod bytearray;
pub mod bytes;
pub mod cell;
pub mod class;
pub mod code;
pub mod complex;
pub mod constants;
pub mod descriptors;
pub mod dict;
pub mod exceptions;
pub mod float;
pub mod frame;
pub mod function;
pub mod generator;
pub mod generic_alias;
pub mod int;
pub mod iterators;
pub mod list;
pub mod memoryview;
pub mod module;
pub mod namespace;
pub mod native_function;
pub mod range;
pub mod set;
pub mod slice;
pub mod str;
pub mod super_object;
pub mod template;
pub mod tuple;
pub mod union;
pub mod weakref;

/// Whether a class has a method from `base` itself: no class between the two defines its own.
///
/// Subclasses with an `__init__` (or `__new__`) of their own may be called with keywords that the base refuses.
pub(crate) fn inherits(vm: &Vm, class: &Ref<Class>, base: &Ref<Class>, method: &Ref<Str>) -> bool {
    match (vm.lookup(class, method), vm.lookup(base, method)) {
        (Some(found), Some(own)) => found.is(&own),
        (found, own) => found.is_none() == own.is_none(),
    }
}

/// Gives all built-in classes their methods. `object` and `type` come first: the others inherit.
///
/// # Errors
/// None in a sound build: the tables fit the classes.
#[cold]
pub fn init(vm: &mut Vm) -> R<()> {
    class::init(vm)?;
    exceptions::init(vm)?;
    descriptors::init(vm)?;
    function::init(vm)?;
    native_function::init(vm)?;
    cell::init(vm)?;
    code::init(vm)?;
    frame::init(vm)?;
    module::init(vm)?;
    namespace::init(vm)?;
    super_object::init(vm)?;
    constants::init(vm)?;
    int::init(vm)?;
    float::init(vm)?;
    complex::init(vm)?;
    str::init(vm)?;
    bytes::init(vm)?;
    bytearray::init(vm)?;
    memoryview::init(vm)?;
    list::init(vm)?;
    tuple::init(vm)?;
    dict::init(vm)?;
    set::init(vm)?;
    range::init(vm)?;
    slice::init(vm)?;
    iterators::init(vm)?;
    generator::init(vm)?;
    asyncgen::init(vm)?;
    generic_alias::init(vm)?;
    union::init(vm)?;
    crate::modules::typing::init(vm)?;
    template::init(vm)?;
    weakref::init(vm)?;
    class::docs::fill_docs(vm);
    Ok(())
}
