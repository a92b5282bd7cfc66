//! The registry of error handlers, and the built-in ones as functions of an exception.

use crate::objects::bytes::bytes_from;
use crate::objects::str::codec::Registry;
use crate::text::codecs::{
    CodecError, Encoding, Fault, Handler, Replacement, decode_with_handler, encode_with_handler,
};
use crate::text::gutf8;
use crate::vm::exception::{Exception, Raised};
use crate::vm::native::NativeDef;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};

pub(super) const REGISTRY: &[NativeDef] = &[
    NativeDef::new(
        "register_error(errors, handler, /)",
        "Register the error handler under the name: it gets an exception and returns the replacement and where to go on.",
        |vm, a| {
            let name = handler_name(vm, &a[0], "register_error() argument 1")?;
            if !vm.is_callable(&a[1]) {
                return Err(vm.type_error("handler must be callable"));
            }
            let old = vm.state::<Registry>().handlers.insert(name, a[1].clone());
            drop(old);
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("_unregister_error(errors, /)", "Un-register the error handler with the name.", |vm, a| {
        let name = handler_name(vm, &a[0], "_unregister_error() argument")?;
        if builtin(&name).is_some() {
            return Err(vm.value_error(format!("cannot un-register built-in error handler '{name}'")));
        }
        let old = vm.state::<Registry>().handlers.remove(&name);
        Ok(Value::bool(old.is_some()))
    }),
    NativeDef::new("lookup_error(name, /)", "Return the error handler with the name.", |vm, a| {
        let name = handler_name(vm, &a[0], "lookup_error() argument")?;
        if let Some(f) = vm.state::<Registry>().handlers.get(&name) {
            return Ok(f.clone());
        }
        if let Some((_, f)) = vm.state::<Functions>().0.iter().find(|(n, _)| *n == name) {
            return Ok(f.clone());
        }
        let Some(def) = builtin(&name) else {
            return Err(vm.lookup_error(format!("unknown error handler name '{name}'")));
        };
        let f = vm.native_function("_codecs", def);
        vm.state::<Functions>().0.push((name, f.clone()));
        Ok(f)
    }),
];

/// The built-in handlers that were asked for.
#[derive(Default)]
struct Functions(Vec<(String, Value)>);

const HANDLERS: &[NativeDef] = &[
    NativeDef::new("strict_errors(exception, /)", "Raises the error.", |vm, a| {
        if !a[0].is_a::<Exception>() {
            return Err(vm.type_error("codec must pass exception instance"));
        }
        Err(vm.raise(a[0].clone()))
    }),
    NativeDef::new("ignore_errors(exception, /)", "Leaves out what is wrong.", |vm, a| handle(vm, a, Handler::Ignore)),
    NativeDef::new("replace_errors(exception, /)", "Puts a mark in the place of what is wrong.", |vm, a| {
        handle(vm, a, Handler::Replace)
    }),
    NativeDef::new("backslashreplace_errors(exception, /)", "Escapes what is wrong.", |vm, a| {
        handle(vm, a, Handler::BackslashReplace)
    }),
    NativeDef::new("xmlcharrefreplace_errors(exception, /)", "Puts XML character references.", |vm, a| {
        handle(vm, a, Handler::XmlCharRefReplace)
    }),
    NativeDef::new("namereplace_errors(exception, /)", "Puts names of characters.", |vm, a| {
        handle(vm, a, Handler::NameReplace)
    }),
    NativeDef::new("surrogateescape(exception, /)", "Carries bytes over as surrogates.", |vm, a| {
        handle(vm, a, Handler::SurrogateEscape)
    }),
    NativeDef::new("surrogatepass(exception, /)", "Lets surrogates pass.", |vm, a| {
        handle(vm, a, Handler::SurrogatePass)
    }),
];

/// The function for a handler's name.
fn builtin(name: &str) -> Option<&'static NativeDef> {
    HANDLERS.iter().find(|def| def.name().strip_suffix("_errors").unwrap_or(def.name()) == name)
}

fn handler_name(vm: &mut Vm, v: &Value, what: &str) -> R<String> {
    if v.is_a::<Str>() {
        return Ok(vm.str_of(v));
    }
    let got = vm.class_name(v);
    Err(vm.type_error(format!("{what} must be str, not {got}")))
}

fn unknown(vm: &mut Vm, v: &Value) -> Raised {
    let got = vm.class_name(v);
    vm.type_error(format!("don't know how to handle {got} in error callback"))
}

/// What an exception tells of a fault: its object and where it is.
fn fault_of(vm: &mut Vm, e: &Value, length: usize) -> R<Fault> {
    let clip = |n: i64| usize::try_from(n).unwrap_or(0).min(length);
    let start = vm.get_attr_str(e, "start")?;
    let end = vm.get_attr_str(e, "end")?;
    let (start, end) = (clip(vm.index_i64(&start)?), clip(vm.index_i64(&end)?));
    let reason = vm.get_attr_str(e, "reason")?;
    let name = vm.intern("encoding");
    let encoding = vm.get_attr_opt(e, &name)?.unwrap_or(Value::NONE);
    Ok(Fault {
        encoding: vm.str_of(&encoding),
        start,
        end: end.max(start),
        reason: vm.str_of(&reason),
        bytes: (start, end.max(start)),
        hopeless: false,
    })
}

fn handle(vm: &mut Vm, a: &[Value], handler: Handler) -> R {
    let e = &a[0];
    let decoding = vm.is_instance(e, &vm.exc.UnicodeDecodeError);
    let encoding = vm.is_instance(e, &vm.exc.UnicodeEncodeError);
    let translating = vm.is_instance(e, &vm.exc.UnicodeTranslateError);
    let fits = match handler {
        Handler::Ignore | Handler::Replace | Handler::BackslashReplace => decoding || encoding || translating,
        Handler::XmlCharRefReplace | Handler::NameReplace => encoding,
        _ => decoding || encoding,
    };
    if !fits {
        return Err(unknown(vm, e));
    }
    let object = vm.get_attr_str(e, "object")?;
    if decoding {
        let data = bytes_from(vm, &object)?;
        let fault = fault_of(vm, e, data.len())?;
        let codec = Encoding::named(&fault.encoding).unwrap_or(Encoding::Ascii);
        return match decode_with_handler(handler, codec, fault, &data) {
            Ok((text, at)) => Ok(vm.pair([vm.new_str_bytes(&text).into_value(), Value::len(at)])),
            Err(error) => Err(given_up(vm, error, e)),
        };
    }
    let Some(s) = object.cast::<Str>() else {
        return Err(vm.type_error("object attribute must be str"));
    };
    let text = s.get(vm).as_bytes().to_vec();
    let mut fault = fault_of(vm, e, gutf8::count(&text))?;
    let offset = |at: usize| gutf8::byte_offset(&text, at);
    fault.bytes = (offset(fault.start), offset(fault.end));
    if translating && handler == Handler::Replace {
        let marks = gutf8::from_code_points(std::iter::repeat_n(0xFFFD, fault.end - fault.start));
        return Ok(vm.pair([vm.new_str_bytes(&marks).into_value(), Value::len(fault.end)]));
    }
    let codec = Encoding::named(&fault.encoding).unwrap_or(Encoding::Ascii);
    vm.check_alloc((fault.end - fault.start).saturating_mul(16))?;
    match encode_with_handler(handler, codec, fault, &text) {
        Ok((replacement, at)) => {
            let made = match replacement {
                Replacement::Text(text) => vm.new_str_bytes(&text).into_value(),
                Replacement::Bytes(bytes) => vm.new_bytes(&bytes).into_value(),
            };
            Ok(vm.pair([made, Value::len(at)]))
        }
        Err(error) => Err(given_up(vm, error, e)),
    }
}

/// The error when a handler does not cope: the exception that it was given.
fn given_up(vm: &mut Vm, error: CodecError, e: &Value) -> Raised {
    match error {
        CodecError::Other(error) => vm.text_error(error),
        CodecError::Decode(_) | CodecError::Encode(_) => vm.raise(e.clone()),
    }
}
