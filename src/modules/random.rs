//! `_random`: the Mersenne Twister as a class, for the script part of `random`.

use crate::bigint::BigInt;
use crate::heap_object;
use crate::text::mt19937::{MersenneTwister, STATE_WORDS};
use crate::vm::class::class_flag;
use crate::vm::native::{Args, NativeDef, arg_or_none};
use crate::vm::{R, Value, Vm};
use std::io::Read;

heap_object! {
    /// `_random.Random`.
    pub struct Random {}
    skip { twister: MersenneTwister }
    external = |_this| STATE_WORDS * 4;
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "Create and return a new object.", |vm, args| {
        let cls = vm.class_arg(arg_or_none(args.pos, 0))?;
        let twister = MersenneTwister::from_words(&entropy());
        Ok(vm.alloc_as(&cls, Random { twister }).into())
    }),
    NativeDef::raw("__init__(self, seed=None, /)", "Initialize self.", init),
    NativeDef::new("random(self, /)", "random() -> x in the interval [0, 1).", |vm, a| {
        let r = vm.this::<Random>(a, "random")?;
        let x = r.get_mut(vm).twister.random();
        Ok(vm.float(x))
    }),
    NativeDef::new("seed(self, n=None, /)", "Start the sequence that belongs to a seed.", |vm, a| {
        vm.this::<Random>(a, "seed")?;
        seed(vm, a)
    }),
    NativeDef::new(
        "getrandbits(self, k, /)",
        "getrandbits(k) -> x.  Generates an int with k random bits.",
        getrandbits,
    ),
    NativeDef::new("getstate(self, /)", "getstate() -> tuple containing the current state.", |vm, a| {
        let r = vm.this::<Random>(a, "getstate")?;
        let words = r.get(vm).twister.state();
        let words = words.into_iter().map(|w| vm.int(i64::from(w))).collect();
        Ok(vm.tuple(words).into())
    }),
    NativeDef::new("setstate(self, state, /)", "setstate(state) -> None.  Restores generator state.", setstate),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let class = match vm.class_for::<Random>() {
        Some(c) => c,
        None => {
            let c = vm.define_class::<Random>("_random", "Random", None, class_flag::BASE)?;
            vm.extend_class(&c, METHODS, &[]);
            c
        }
    };
    let module = vm.new_module("_random", &[]);
    vm.module_set(&module, "Random", class.into_value());
    Ok(module.into())
}

/// Words that nobody can foresee; the clock where the system gives none.
fn entropy() -> Vec<u32> {
    let mut bytes = [0u8; 64];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    if read.is_err() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        for (slot, b) in bytes.iter_mut().zip(now.to_le_bytes().into_iter().chain(std::process::id().to_le_bytes())) {
            *slot = b;
        }
    }
    bytes.chunks_exact(4).map(|c| c.iter().fold(0, |word, &b| (word << 8) | u32::from(b))).collect()
}

fn init(vm: &mut Vm, args: &Args<'_>) -> R {
    vm.this::<Random>(args.pos, "__init__")?;
    let plain = vm.class_of(arg_or_none(args.pos, 0)).get(vm).has(class_flag::HEAP);
    if !args.kw_names.is_empty() && !plain {
        return Err(vm.type_error("Random() takes no keyword arguments"));
    }
    if args.pos.len() > 2 {
        let n = args.pos.len() - 1;
        return Err(vm.type_error(format!("Random expected at most 1 argument, got {n}")));
    }
    seed(vm, args.pos)
}

fn seed(vm: &mut Vm, a: &[Value]) -> R {
    let r = vm.this::<Random>(a, "seed")?;
    let v = arg_or_none(a, 1);
    let twister = if v.is_none() {
        MersenneTwister::from_words(&entropy())
    } else if vm.is_int(v) {
        match vm.as_i64(v) {
            Some(n) => MersenneTwister::from_i64(n),
            None => MersenneTwister::from_int(&vm.as_big_int(v).unwrap_or(BigInt::from_i64(0))),
        }
    } else {
        let hash = vm.hash(v)?;
        MersenneTwister::from_int(&BigInt::from(hash))
    };
    r.get_mut(vm).twister = twister;
    Ok(Value::NONE)
}

fn getrandbits(vm: &mut Vm, a: &[Value]) -> R {
    let r = vm.this::<Random>(a, "getrandbits")?;
    let k = vm.index(arg_or_none(a, 1))?;
    let k = match vm.as_i64(&k) {
        Some(k) if k < 0 => return Err(vm.value_error("Cannot convert negative int")),
        Some(k) => k as u64,
        None => {
            let big = vm.as_big_int(&k).unwrap_or(BigInt::from_i64(0));
            if big.is_negative() {
                return Err(vm.value_error("Cannot convert negative int"));
            }
            match big.to_u64() {
                Some(k) => k,
                None => return Err(vm.overflow_error("Python int too large for C uint64_t")),
            }
        }
    };
    if k <= 64 {
        let bits = r.get_mut(vm).twister.bits_u64(k as u32);
        return Ok(vm.int_from(bits));
    }
    vm.check_alloc(usize::try_from(k / 8).unwrap_or(usize::MAX).saturating_mul(2))?;
    vm.tick((k / 64) as usize)?;
    let bits = r.get_mut(vm).twister.bits(k);
    Ok(vm.big_int(bits))
}

fn setstate(vm: &mut Vm, a: &[Value]) -> R {
    let r = vm.this::<Random>(a, "setstate")?;
    let Some(items) = vm.tuple_clone(arg_or_none(a, 1)) else {
        return Err(vm.type_error("state vector must be a tuple"));
    };
    if items.len() != STATE_WORDS + 1 {
        return Err(vm.value_error("state vector is the wrong size"));
    }
    let mut words = Vec::with_capacity(items.len());
    for v in &items {
        if !vm.is_int(v) {
            return Err(vm.type_error("an integer is required"));
        }
        let n = vm.as_big_int(v).unwrap_or(BigInt::from_i64(0));
        if n.is_negative() {
            return Err(vm.overflow_error("can't convert negative value to unsigned int"));
        }
        match n.to_u64() {
            Some(n) => words.push(n as u32),
            None => return Err(vm.overflow_error("Python int too large to convert to C unsigned long")),
        }
    }
    match MersenneTwister::from_state(&words) {
        Some(twister) => {
            r.get_mut(vm).twister = twister;
            Ok(Value::NONE)
        }
        None => Err(vm.value_error("invalid state")),
    }
}
