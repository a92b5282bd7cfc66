//! `_codecs`: the registry of encodings, and encoding and decoding by name.
//!
//! `str.encode` and `bytes.decode` do not come here: they are in `objects::str::codec`, which also keeps what scripts
//! register. `native` describes the built-in codecs to scripts, `each` has the functions of single encodings,
//! `charmap` those of mappings, `handlers` the registry of error handlers.

mod charmap;
mod each;
mod handlers;
mod native;

use crate::objects::str::codec::{self, Registry};
use crate::objects::str::{named_text, shown_type, text_arg};
use crate::vm::native::{NativeDef, arg};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use native::Codec;

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "encode(obj, encoding='utf-8', errors='strict')",
        "Encodes obj using the codec registered for encoding.",
        |vm, a| by_name(vm, a, true),
    ),
    NativeDef::new(
        "decode(obj, encoding='utf-8', errors='strict')",
        "Decodes obj using the codec registered for encoding.",
        |vm, a| by_name(vm, a, false),
    ),
    NativeDef::new("lookup(encoding, /)", "Looks up a codec in the registry and returns its description.", |vm, a| {
        let name = text_arg(vm, &a[0], "lookup", 1)?;
        let name = vm.str_of(name.value());
        match Codec::named(&name) {
            Some(codec) => native::info(vm, codec),
            None => codec::search(vm, &name),
        }
    }),
    NativeDef::new("register(search_function, /)", "Register a codec search function.", |vm, a| {
        if !vm.is_callable(&a[0]) {
            return Err(vm.type_error("argument must be callable"));
        }
        vm.state::<Registry>().search.push(a[0].clone());
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "unregister(search_function, /)",
        "Unregister a codec search function and forget what the functions found.",
        |vm, a| {
            let registry = vm.state::<Registry>();
            if let Some(at) = registry.search.iter().position(|f| f.is(&a[0])) {
                let old = (registry.search.remove(at), std::mem::take(&mut registry.found));
                drop(old);
            }
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("_forget_codec(encoding, /)", "Forget what the search functions found for an encoding.", |vm, a| {
        let name = vm.str_of(&a[0]);
        let old = vm.state::<Registry>().found.remove(&name);
        drop(old);
        Ok(Value::NONE)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    native::init(vm)?;
    let module = vm.new_module("_codecs", FUNCTIONS);
    for def in handlers::REGISTRY.iter().chain(each::FUNCTIONS).chain(charmap::FUNCTIONS) {
        let f = vm.native_function("_codecs", def);
        vm.module_set(&module, def.name(), f);
    }
    Ok(module.into())
}

/// An argument that is the name of an encoding or of an error handler.
///
/// # Errors
/// TypeError when it is no text.
fn name_argument(vm: &mut Vm, v: &Value, function: &str, name: &str) -> R<String> {
    if v.is_a::<Str>() {
        return Ok(vm.str_of(v));
    }
    let got = shown_type(vm, v);
    Err(vm.type_error(format!("{function}() argument '{name}' must be str or None, not {got}")))
}

fn by_name(vm: &mut Vm, a: &[Value], encoding_it: bool) -> R {
    let verb = if encoding_it { "encode" } else { "decode" };
    let name = named_text(vm, arg(a, 1), verb, "encoding")?.unwrap_or_else(|| "utf-8".to_owned());
    let errors = named_text(vm, arg(a, 2), verb, "errors")?;
    if let Some(codec) = Codec::named(&name) {
        return Ok(codec.run(vm, &a[0], errors.as_deref().unwrap_or("strict"), encoding_it)?.0);
    }
    let info = codec::search(vm, &name)?;
    codec::run_codec(vm, &info, &a[0], errors.as_deref(), encoding_it)
}
