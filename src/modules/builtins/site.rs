//! `exit`, `quit`, `help`, `copyright`, `credits` and `license`: what CPython's `site` adds to the builtins.
//!
//! The texts of `help` are made by the module `_sitebuiltins`, which is written in apy.

use crate::heap_object;
use crate::modules::sys::module_attr;
use crate::vm::class::class_flag;
use crate::vm::function::Module;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `exit` and `quit`.
    pub struct Quitter { name: Value }
}

heap_object! {
    /// The payload of `copyright`, `credits` and `license`.
    pub struct Printer { name: Value }
}

heap_object! {
    /// The payload of `help`.
    pub struct Helper {}
}

/// What a terminal sends for the end of the input.
const EOF: &str = "Ctrl-D (i.e. EOF)";

const CREDITS: &str = "Made by the apy developers, after the language of the Python community.";
const LICENSE: &str = "apy is licensed under MIT or Apache-2.0, as you choose.";

const QUITTER: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let name = vm.this::<Quitter>(a, "__repr__")?.get(vm).name.clone();
        let text = format!("Use {}() or {EOF} to exit", vm.str_of(&name));
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__call__(self, /, code=None)", "Raise SystemExit with the code.", |vm, a| {
        let class = vm.exc.SystemExit.clone();
        Err(vm.raise_call(&class, &[arg_or_none(a, 1).clone()]))
    }),
    NativeDef::new("__reduce__(self, /)", "Helper for pickle.", |vm, a| {
        // Who reads it has such an object already.
        let name = vm.this::<Quitter>(a, "__reduce__")?.get(vm).name.clone();
        let find = vm.loaded_attr("builtins", "eval").unwrap_or(Value::NONE);
        let arguments = vm.tuple(vec![name]).into_value();
        Ok(vm.tuple(vec![find, arguments]).into())
    }),
];

const QUITTER_FIELDS: &[GetSetDef] = &[
    GetSetDef::new("name", "", |vm, v| {
        let this = vm.this::<Quitter>(std::slice::from_ref(v), "name")?;
        Ok(this.get(vm).name.clone())
    }),
    GetSetDef::new("eof", "", |vm, _| Ok(vm.intern(EOF).into())),
];

const PRINTER: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", printed),
    NativeDef::new("__call__(self, /)", "Print the text.", |vm, a| {
        let text = printed(vm, a)?;
        let print = vm.loaded_attr("builtins", "print").unwrap_or(Value::NONE);
        vm.call(&print, &[text])
    }),
];

const HELPER: &[NativeDef] = &[
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, _| {
        let text = "Type help() for interactive help, or help(object) for help about object.";
        Ok(vm.new_str(text).into())
    }),
    NativeDef::raw("__call__(self, /, *args, **kwargs)", "Print what an object is and how it is used.", help),
];

/// Makes the objects.
///
/// # Errors
/// None in a sound build.
#[cold]
pub fn init(vm: &mut Vm, module: &Ref<Module>) -> R<()> {
    let home = "_sitebuiltins";
    let quitter = vm.define_class::<Quitter>(home, "Quitter", None, class_flag::NO_NEW)?;
    vm.extend_class(&quitter, QUITTER, QUITTER_FIELDS);
    let printer = vm.define_class::<Printer>(home, "_Printer", None, class_flag::NO_NEW)?;
    vm.extend_class(&printer, PRINTER, &[]);
    let helper = vm.define_class::<Helper>(home, "_Helper", None, class_flag::NO_NEW)?;
    vm.extend_class(&helper, HELPER, &[]);
    for name in ["exit", "quit"] {
        let payload = Quitter { name: vm.intern(name).into() };
        let object = vm.alloc_as(&quitter, payload).into_value();
        vm.module_set(module, name, object);
    }
    for name in ["copyright", "credits", "license"] {
        let payload = Printer { name: vm.intern(name).into() };
        let object = vm.alloc_as(&printer, payload).into_value();
        vm.module_set(module, name, object);
    }
    let object = vm.alloc_as(&helper, Helper {}).into_value();
    vm.module_set(module, "help", object);
    Ok(())
}

fn printed(vm: &mut Vm, a: &[Value]) -> R {
    let name = vm.this::<Printer>(a, "__repr__")?.get(vm).name.clone();
    Ok(match vm.str_of(&name).as_str() {
        "copyright" => module_attr(vm, "copyright").unwrap_or(Value::NONE),
        "credits" => vm.intern(CREDITS).into(),
        _ => vm.intern(LICENSE).into(),
    })
}

fn help(vm: &mut Vm, a: &Args<'_>) -> R {
    let module = crate::modules::import::import_module(vm, "_sitebuiltins")?;
    let show = vm.get_attr_str(&module, "show")?;
    let rest = Args { pos: a.pos.get(1..).unwrap_or_default(), ..*a };
    vm.call_kw(&show, &rest)
}
