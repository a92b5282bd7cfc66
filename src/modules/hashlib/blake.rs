//! `blake2b` and `blake2s`, with the keys, salts and tree positions that the others do not have.

use super::state::State;
use super::{data_of, hex};
use crate::bigint::BigInt;
use crate::heap_object;
use crate::objects::bytes::bytes_from;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// `blake2b`
    pub struct Blake2b {}
    skip { state: State }
    external = |_this| 256;
}

heap_object! {
    /// `blake2s`
    pub struct Blake2s {}
    skip { state: State }
    external = |_this| 192;
}

/// Declares the methods of one of the two.
macro_rules! blake {
    ($payload:ident, $methods:ident, $attrs:ident, $new:expr) => {
        const $methods: &[NativeDef] = &[
            NativeDef::new(
                "__new__(cls, data=b'', /, *, digest_size=0, key=b'', salt=b'', person=b'', fanout=1, depth=1, \
                 leaf_size=0, node_offset=0, node_depth=0, inner_size=0, last_node=False, usedforsecurity=True, \
                 string=None)",
                "Return a new BLAKE2 hash object.",
                |vm, a| {
                    let class = vm.class_arg(&a[0])?;
                    let params = params(vm, a, &$new)?;
                    let mut state = ($new.start)(&params);
                    if let Some(v) = arg(a, 1).or(arg(a, 14).filter(|v| !v.is_none())) {
                        let data = data_of(vm, v)?;
                        state.update(&data);
                    }
                    Ok(vm.alloc_as(&class, $payload { state }).into())
                },
            ),
            NativeDef::new("update(self, data, /)", "Update this hash object's state with the provided bytes.", |vm, a| {
                let hash = vm.this::<$payload>(a, "update")?.clone();
                let data = data_of(vm, &a[1])?;
                hash.get_mut(vm).state.update(&data);
                Ok(Value::NONE)
            }),
            NativeDef::new("digest(self, /)", "Return the digest value as a bytes object.", |vm, a| {
                let digest = vm.this::<$payload>(a, "digest")?.get(vm).state.digest(0);
                Ok(vm.new_bytes(&digest).into())
            }),
            NativeDef::new(
                "hexdigest(self, /)",
                "Return the digest value as a string of hexadecimal digits.",
                |vm, a| {
                    let digest = vm.this::<$payload>(a, "hexdigest")?.get(vm).state.digest(0);
                    Ok(hex(vm, &digest))
                },
            ),
            NativeDef::new("copy(self, /)", "Return a copy of the hash object.", |vm, a| {
                let state = vm.this::<$payload>(a, "copy")?.get(vm).state.clone();
                let class = vm.class_of(&a[0]).clone();
                Ok(vm.alloc_as(&class, $payload { state }).into())
            }),
        ];

        const $attrs: &[GetSetDef] = &[
            GetSetDef::new("name", "", |vm, v| {
                let name = vm.this::<$payload>(std::slice::from_ref(v), "name")?.get(vm).state.name();
                Ok(vm.intern(name).into())
            }),
            GetSetDef::new("block_size", "", |vm, v| {
                let n = vm.this::<$payload>(std::slice::from_ref(v), "block_size")?.get(vm).state.block_size();
                Ok(Value::len(n))
            }),
            GetSetDef::new("digest_size", "", |vm, v| {
                let n = vm.this::<$payload>(std::slice::from_ref(v), "digest_size")?.get(vm).state.digest_size();
                Ok(Value::len(n))
            }),
        ];
    };
}

/// What the two differ in.
struct Kind {
    name: &'static str,
    most: usize,
    most_salt: usize,
    offset_bits: u64,
    start: fn(&Params) -> State,
}

const B: Kind = Kind { name: "Blake2b", most: 64, most_salt: 16, offset_bits: 64, start: start_b };
const S: Kind = Kind { name: "Blake2s", most: 32, most_salt: 8, offset_bits: 48, start: start_s };

blake!(Blake2b, B_METHODS, B_ATTRS, B);
blake!(Blake2s, S_METHODS, S_ATTRS, S);

struct Params {
    size: usize,
    key: Vec<u8>,
    salt: Vec<u8>,
    person: Vec<u8>,
    fanout: u8,
    depth: u8,
    leaf_size: u32,
    node_offset: u64,
    node_depth: u8,
    inner_size: usize,
    last_node: bool,
}

/// Starts a hash with all its parameters.
macro_rules! start {
    ($name:ident, $library:ident, $variant:ident) => {
        fn $name(p: &Params) -> State {
            let mut made = $library::Params::new();
            made.hash_length(p.size).key(&p.key).salt(&p.salt).personal(&p.person).fanout(p.fanout);
            made.max_depth(p.depth).max_leaf_length(p.leaf_size).node_offset(p.node_offset);
            made.node_depth(p.node_depth).inner_hash_length(p.inner_size).last_node(p.last_node);
            State::$variant(Box::new(made.to_state()), p.size)
        }
    };
}

start!(start_b, blake2b_simd, Blake2b);
start!(start_s, blake2s_simd, Blake2s);

fn bounded(vm: &mut Vm, v: Option<&Value>, what: &str, most: usize) -> R<Vec<u8>> {
    let Some(v) = v else { return Ok(Vec::new()) };
    let bytes = bytes_from(vm, v)?;
    if bytes.len() > most {
        return Err(vm.value_error(format!("maximum {what} length is {most} bytes")));
    }
    Ok(bytes)
}

fn small(vm: &mut Vm, v: Option<&Value>, default: i64, least: i64, most: i64, text: &str) -> R<i64> {
    let Some(v) = v else { return Ok(default) };
    let n = vm.index(v)?;
    match vm.as_i64(&n).and_then(|n| i32::try_from(n).ok()).map(i64::from) {
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
        Some(n) if n < least || n > most => Err(vm.value_error(text)),
        Some(n) => Ok(n),
    }
}

fn unsigned(vm: &mut Vm, v: Option<&Value>, bits: u64, what: &str, c_type: &str) -> R<u64> {
    let Some(v) = v else { return Ok(0) };
    let n = vm.index(v)?;
    let big = vm.as_big_int(&n).unwrap_or(BigInt::from_i64(0));
    if big.is_negative() {
        return Err(vm.value_error("Cannot convert negative int"));
    }
    match big.to_u64() {
        None => Err(vm.overflow_error(format!("Python int too large for C {c_type}"))),
        Some(n) if bits < 64 && n >> bits != 0 => Err(vm.overflow_error(format!("{what} is too large"))),
        Some(n) => Ok(n),
    }
}

fn params(vm: &mut Vm, a: &[Value], kind: &Kind) -> R<Params> {
    let most = kind.most as i64;
    let size = match arg(a, 2) {
        None => most,
        Some(v) => {
            let n = vm.index_clamped(v)?;
            if !(1..=most).contains(&n) {
                return Err(vm.value_error(format!(
                    "digest_size for {} must be between 1 and {most} bytes, here it is {n}",
                    kind.name
                )));
            }
            n
        }
    };
    let salt = bounded(vm, arg(a, 4), "salt", kind.most_salt)?;
    let person = bounded(vm, arg(a, 5), "person", kind.most_salt)?;
    let fanout = small(vm, arg(a, 6), 1, 0, 255, "fanout must be between 0 and 255")?;
    let depth = small(vm, arg(a, 7), 1, 1, 255, "depth must be between 1 and 255")?;
    let leaf_size = unsigned(vm, arg(a, 8), 32, "leaf_size", "unsigned long")?;
    let node_offset = unsigned(vm, arg(a, 9), kind.offset_bits, "node_offset", "unsigned long long")?;
    let node_depth = small(vm, arg(a, 10), 0, 0, 255, "node_depth must be between 0 and 255")?;
    let inner_size = small(vm, arg(a, 11), 0, 0, most, &format!("inner_size must be between 0 and is {most}"))?;
    let last_node = arg(a, 12).map_or(Ok(false), |v| vm.truth(v))?;
    let key = bounded(vm, arg(a, 3), "key", kind.most)?;
    Ok(Params {
        size: size as usize,
        key,
        salt,
        person,
        fanout: fanout as u8,
        depth: depth as u8,
        leaf_size: leaf_size as u32,
        node_offset,
        node_depth: node_depth as u8,
        inner_size: inner_size as usize,
        last_node,
    })
}

/// Defines the two classes.
///
/// # Errors
/// None in a sound build.
pub fn define(vm: &mut Vm) -> R<()> {
    let b = vm.define_class::<Blake2b>("_blake2", "blake2b", None, class_flag::BASE)?;
    vm.extend_class(&b, B_METHODS, B_ATTRS);
    let s = vm.define_class::<Blake2s>("_blake2", "blake2s", None, class_flag::BASE)?;
    vm.extend_class(&s, S_METHODS, S_ATTRS);
    for (class, kind) in [(b, B), (s, S)] {
        let sizes = [
            ("SALT_SIZE", kind.most_salt),
            ("PERSON_SIZE", kind.most_salt),
            ("MAX_KEY_SIZE", kind.most),
            ("MAX_DIGEST_SIZE", kind.most),
        ];
        for (name, size) in sizes {
            let name = vm.intern(name);
            vm.set_class_attr(&class, &name, Value::len(size));
        }
    }
    Ok(())
}

/// The classes, once defined.
pub fn classes(vm: &Vm) -> Vec<Ref<Class>> {
    [vm.class_for::<Blake2b>(), vm.class_for::<Blake2s>()].into_iter().flatten().collect()
}
