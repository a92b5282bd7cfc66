//! `_hashlib`: hash objects and keyed hashes.
//!
//! The algorithms are in [`state`]; what is made of them without speed in mind (`new` with its keywords, `file_digest`,
//! `HMAC` objects) is apy code in `hashlib` and `hmac`.

mod blake;
pub mod state;

use crate::heap_object;
use crate::objects::bytes::read_buffer;
use crate::vm::class::class_flag;
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use state::{Hmac, State};

heap_object! {
    /// A hash of fixed size.
    pub struct Hash {}
    skip { state: State }
    external = |_this| 256;
}

heap_object! {
    /// A hash whose caller says how long the digest is.
    pub struct XofHash {}
    skip { state: State }
    external = |_this| 256;
}

/// Declares a constructor of one algorithm.
macro_rules! constructor {
    ($name:literal) => {
        NativeDef::new(
            concat!("openssl_", $name, "(data=b'', *, usedforsecurity=True, string=None)"),
            concat!("Returns a ", $name, " hash object; optionally initialized with a string"),
            |vm, a| make(vm, $name, first_data(a)),
        )
    };
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "new(name, data=b'', *, usedforsecurity=True, string=None)",
        "Return a new hash object using the named algorithm.",
        |vm, a| {
            let Some(name) = a[0].cast::<Str>() else {
                let got = vm.class_name(&a[0]);
                return Err(vm.type_error(format!("new() argument 'name' must be str, not {got}")));
            };
            let name = vm.str_of(name.value());
            make(vm, &name, arg(a, 1).or(arg(a, 3).filter(|v| !v.is_none())))
        },
    ),
    constructor!("md5"),
    constructor!("sha1"),
    constructor!("sha224"),
    constructor!("sha256"),
    constructor!("sha384"),
    constructor!("sha512"),
    constructor!("sha3_224"),
    constructor!("sha3_256"),
    constructor!("sha3_384"),
    constructor!("sha3_512"),
    constructor!("shake_128"),
    constructor!("shake_256"),
    NativeDef::new(
        "pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None)",
        "Password based key derivation function 2 (PKCS #5 v2.0) with HMAC as pseudorandom function.",
        pbkdf2_hmac,
    ),
    NativeDef::new("hmac_digest(key, msg, digest)", "Single-shot HMAC.", |vm, a| {
        let name = vm.str_of(&a[2]);
        let fresh = fresh(vm, &name)?;
        let (key, message) = (data_of(vm, &a[0])?, data_of(vm, &a[1])?);
        let mut h = Hmac::new(&fresh, &key);
        h.update(&message);
        Ok(vm.new_bytes(&h.digest()).into())
    }),
    NativeDef::new(
        "compare_digest(a, b, /)",
        "Return 'a == b' in a time that does not tell where they differ.",
        compare_digest,
    ),
    NativeDef::new("get_fips_mode()", "Whether only approved algorithms are allowed: never.", |_, _| {
        Ok(Value::int32(0))
    }),
];

const HASH: &[NativeDef] = &[
    NativeDef::new("update(self, obj, /)", "Update this hash object's state with the provided string.", |vm, a| {
        let hash = vm.this::<Hash>(a, "update")?.clone();
        let data = data_of(vm, &a[1])?;
        hash.get_mut(vm).state.update(&data);
        Ok(Value::NONE)
    }),
    NativeDef::new("digest(self, /)", "Return the digest value as a bytes object.", |vm, a| {
        let digest = vm.this::<Hash>(a, "digest")?.get(vm).state.digest(0);
        Ok(vm.new_bytes(&digest).into())
    }),
    NativeDef::new("hexdigest(self, /)", "Return the digest value as a string of hexadecimal digits.", |vm, a| {
        let digest = vm.this::<Hash>(a, "hexdigest")?.get(vm).state.digest(0);
        Ok(hex(vm, &digest))
    }),
    NativeDef::new("copy(self, /)", "Return a copy of the hash object.", |vm, a| {
        let state = vm.this::<Hash>(a, "copy")?.get(vm).state.clone();
        let class = vm.class_of(&a[0]).clone();
        Ok(vm.alloc_as(&class, Hash { state }).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let name = vm.this::<Hash>(a, "__repr__")?.get(vm).state.name();
        shown(vm, &a[0], name, "HASH")
    }),
];

const HASH_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("digest_size", "", |vm, v| Ok(Value::len(this(vm, v)?.get(vm).state.digest_size()))),
    GetSetDef::new("block_size", "", |vm, v| Ok(Value::len(this(vm, v)?.get(vm).state.block_size()))),
    GetSetDef::new("name", "algorithm name.", |vm, v| {
        let name = this(vm, v)?.get(vm).state.name();
        Ok(vm.intern(name).into())
    }),
];

const XOF: &[NativeDef] = &[
    NativeDef::new("update(self, obj, /)", "Update this hash object's state with the provided string.", |vm, a| {
        let hash = vm.this::<XofHash>(a, "update")?.clone();
        let data = data_of(vm, &a[1])?;
        hash.get_mut(vm).state.update(&data);
        Ok(Value::NONE)
    }),
    NativeDef::new("digest(self, /, length)", "Return the digest value as a bytes object.", |vm, a| {
        let digest = stretched(vm, a, "digest")?;
        Ok(vm.new_bytes(&digest).into())
    }),
    NativeDef::new(
        "hexdigest(self, /, length)",
        "Return the digest value as a string of hexadecimal digits.",
        |vm, a| {
            let digest = stretched(vm, a, "hexdigest")?;
            Ok(hex(vm, &digest))
        },
    ),
    NativeDef::new("copy(self, /)", "Return a copy of the hash object.", |vm, a| {
        let state = vm.this::<XofHash>(a, "copy")?.get(vm).state.clone();
        let class = vm.class_of(&a[0]).clone();
        Ok(vm.alloc_as(&class, XofHash { state }).into())
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let name = vm.this::<XofHash>(a, "__repr__")?.get(vm).state.name();
        shown(vm, &a[0], name, "HASHXOF")
    }),
];

const XOF_ATTRS: &[GetSetDef] = &[
    GetSetDef::new("digest_size", "", |vm, v| {
        vm.this::<XofHash>(std::slice::from_ref(v), "digest_size")?;
        Ok(Value::int32(0))
    }),
    GetSetDef::new("block_size", "", |vm, v| {
        let size = vm.this::<XofHash>(std::slice::from_ref(v), "block_size")?.get(vm).state.block_size();
        Ok(Value::len(size))
    }),
    GetSetDef::new("name", "algorithm name.", |vm, v| {
        let name = vm.this::<XofHash>(std::slice::from_ref(v), "name")?.get(vm).state.name();
        Ok(vm.intern(name).into())
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("_hashlib", FUNCTIONS);
    let hash = match vm.class_for::<Hash>() {
        Some(c) => c,
        None => {
            let c = vm.define_class::<Hash>("_hashlib", "HASH", None, class_flag::NO_NEW)?;
            vm.extend_class(&c, HASH, HASH_ATTRS);
            let x = vm.define_class::<XofHash>("_hashlib", "HASHXOF", None, class_flag::NO_NEW)?;
            vm.extend_class(&x, XOF, XOF_ATTRS);
            blake::define(vm)?;
            c
        }
    };
    vm.module_set(&module, "HASH", hash.into_value());
    if let Some(x) = vm.class_for::<XofHash>() {
        vm.module_set(&module, "HASHXOF", x.into_value());
    }
    for class in blake::classes(vm) {
        let name = class.get(vm).display_name();
        vm.module_set(&module, &name, class.into_value());
    }
    Ok(module.into())
}

fn this<'a>(vm: &mut Vm, v: &'a Value) -> R<&'a Ref<Hash>> {
    vm.this::<Hash>(std::slice::from_ref(v), "name")
}

fn first_data(a: &[Value]) -> Option<&Value> {
    arg(a, 0).or(arg(a, 2).filter(|v| !v.is_none()))
}

/// The data that a hash reads.
///
/// # Errors
/// TypeError for text and for what has no buffer.
pub(super) fn data_of(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    if v.is_a::<Str>() {
        return Err(vm.type_error("Strings must be encoded before hashing"));
    }
    match read_buffer(vm, v)? {
        Some(data) => {
            vm.tick(data.len() / 16)?;
            Ok(data)
        }
        None => Err(vm.type_error("object supporting the buffer API required")),
    }
}

fn fresh(vm: &mut Vm, name: &str) -> R<State> {
    match state::find(name) {
        Some(state) => Ok(state),
        None => Err(vm.value_error(format!("unsupported hash type {name}"))),
    }
}

fn make(vm: &mut Vm, name: &str, data: Option<&Value>) -> R {
    let mut state = fresh(vm, name)?;
    if let Some(v) = data {
        let data = data_of(vm, v)?;
        state.update(&data);
    }
    Ok(match state {
        State::Shake128(_) | State::Shake256(_) => vm.alloc(XofHash { state }).into(),
        _ => vm.alloc(Hash { state }).into(),
    })
}

fn stretched(vm: &mut Vm, a: &[Value], method: &str) -> R<Vec<u8>> {
    let hash = vm.this::<XofHash>(a, method)?.clone();
    let length = vm.index_i64(&a[1])?;
    let Ok(length) = usize::try_from(length) else { return Err(vm.value_error("length must not be negative")) };
    vm.check_alloc(length)?;
    vm.tick(length / 64)?;
    Ok(hash.get(vm).state.digest(length))
}

/// The bytes as hexadecimal digits.
pub(super) fn hex(vm: &mut Vm, bytes: &[u8]) -> Value {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied().unwrap_or(b'0');
    let text: Vec<u8> = bytes.iter().flat_map(|&b| [digit(b >> 4), digit(b & 15)]).collect();
    vm.new_str_bytes(&text).into()
}

fn shown(vm: &mut Vm, v: &Value, name: &str, class: &str) -> R {
    let address = crate::vm::class_ops::address(v);
    Ok(vm.new_str(&format!("<{name} _hashlib.{class} object @ {address:#x}>")).into())
}

fn pbkdf2_hmac(vm: &mut Vm, a: &[Value]) -> R {
    let Some(name) = a[0].cast::<Str>() else {
        let got = vm.class_name(&a[0]);
        return Err(vm.type_error(format!("pbkdf2_hmac() argument 'hash_name' must be str, not {got}")));
    };
    let name = vm.str_of(name.value());
    let fresh = fresh(vm, &name)?;
    let password = crate::objects::bytes::bytes_from(vm, &a[1])?;
    let salt = crate::objects::bytes::bytes_from(vm, &a[2])?;
    let rounds = vm.index_i64(&a[3])?;
    let Some(rounds) = u64::try_from(rounds).ok().filter(|n| *n > 0) else {
        return Err(vm.value_error("iteration value must be greater than 0."));
    };
    let length = match arg(a, 4).filter(|v| !v.is_none()) {
        None => fresh.digest_size(),
        Some(v) => match usize::try_from(vm.index_i64(v)?) {
            Ok(n) if n > 0 => n,
            _ => return Err(vm.value_error("key length must be greater than 0.")),
        },
    };
    vm.check_alloc(length)?;
    let key = state::pbkdf2(&fresh, &password, &salt, rounds, length, |done| vm.tick(done))?;
    Ok(vm.new_bytes(&key).into())
}

fn compare_digest(vm: &mut Vm, a: &[Value]) -> R {
    let (x, y) = match (a[0].cast::<Str>(), a[1].cast::<Str>()) {
        (Some(x), Some(y)) => {
            let (x, y) = (x.get(vm).as_bytes().to_vec(), y.get(vm).as_bytes().to_vec());
            if !x.is_ascii() || !y.is_ascii() {
                return Err(vm.type_error("comparing strings with non-ASCII characters is not supported"));
            }
            (x, y)
        }
        _ => match (read_buffer(vm, &a[0])?, read_buffer(vm, &a[1])?) {
            (Some(x), Some(y)) => (x, y),
            (None, None) => {
                let (x, y) = (vm.class_name(&a[0]), vm.class_name(&a[1]));
                let text = format!("unsupported operand types(s) or combination of types: '{x}' and '{y}'");
                return Err(vm.type_error(text));
            }
            (x, _) => {
                let got = vm.class_name(&a[usize::from(x.is_some())]);
                return Err(vm.type_error(format!("a bytes-like object is required, not '{got}'")));
            }
        },
    };
    let differing = x.iter().zip(&y).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    Ok(Value::bool(std::hint::black_box(differing) == 0 && x.len() == y.len()))
}
