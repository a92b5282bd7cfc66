//! What `sys` tells about the interpreter: versions, numbers, flags.

use super::structseq::{self, StructSeq, field};
use crate::embed::Switches;
use crate::objects::int::DEFAULT_MAX_STR_DIGITS;
use crate::vm::class::Class;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// The version of the language that apy speaks.
pub const VERSION: [i32; 3] = [3, 14, 0];

/// `sys.hexversion`.
pub const HEX_VERSION: i32 = (VERSION[0] << 24) | (VERSION[1] << 16) | (VERSION[2] << 8) | 0xf0;

/// `sys.version`.
pub fn version_text() -> String {
    let [a, b, c] = VERSION;
    format!("{a}.{b}.{c} (apy {}) [Rust]", env!("CARGO_PKG_VERSION"))
}

static VERSION_INFO: StructSeq = StructSeq {
    module: "sys",
    name: "version_info",
    doc: "sys.version_info\n\nVersion information as a named tuple.",
    visible: 5,
    unnamed: 0,
    fields: &[
        field::<0>("major", "Major release number"),
        field::<1>("minor", "Minor release number"),
        field::<2>("micro", "Patch release number"),
        field::<3>("releaselevel", "'alpha', 'beta', 'candidate', or 'final'"),
        field::<4>("serial", "Serial release number"),
    ],
    constructible: false,
};

static FLAGS: StructSeq = StructSeq {
    module: "sys",
    name: "flags",
    doc: "sys.flags\n\nFlags provided through command line arguments or environment vars.",
    visible: 18,
    unnamed: 0,
    fields: &[
        field::<0>("debug", "-d"),
        field::<1>("inspect", "-i"),
        field::<2>("interactive", "-i"),
        field::<3>("optimize", "-O or -OO"),
        field::<4>("dont_write_bytecode", "-B"),
        field::<5>("no_user_site", "-s"),
        field::<6>("no_site", "-S"),
        field::<7>("ignore_environment", "-E"),
        field::<8>("verbose", "-v"),
        field::<9>("bytes_warning", "-b"),
        field::<10>("quiet", "-q"),
        field::<11>("hash_randomization", "-R"),
        field::<12>("isolated", "-I"),
        field::<13>("dev_mode", "-X dev"),
        field::<14>("utf8_mode", "-X utf8"),
        field::<15>("warn_default_encoding", "-X warn_default_encoding"),
        field::<16>("safe_path", "-P"),
        field::<17>("int_max_str_digits", "-X int_max_str_digits"),
        field::<18>("gil", "-X gil"),
        field::<19>("thread_inherit_context", "-X thread_inherit_context"),
        field::<20>("context_aware_warnings", "-X context_aware_warnings"),
    ],
    constructible: false,
};

static FLOAT_INFO: StructSeq = StructSeq {
    module: "sys",
    name: "float_info",
    doc: "sys.float_info\n\nA named tuple holding information about the float type.",
    visible: 11,
    unnamed: 0,
    fields: &[
        field::<0>("max", "maximum representable finite float"),
        field::<1>("max_exp", "maximum int e such that radix**(e-1) is representable"),
        field::<2>("max_10_exp", "maximum int e such that 10**e is representable"),
        field::<3>("min", "minimum positive normalized float"),
        field::<4>("min_exp", "minimum int e such that radix**(e-1) is a normalized float"),
        field::<5>("min_10_exp", "minimum int e such that 10**e is a normalized float"),
        field::<6>("dig", "maximum number of decimal digits that are faithfully represented"),
        field::<7>("mant_dig", "mantissa digits"),
        field::<8>("epsilon", "difference between 1 and the next representable float"),
        field::<9>("radix", "radix of exponent"),
        field::<10>("rounds", "rounding mode used for arithmetic operations"),
    ],
    constructible: true,
};

static INT_INFO: StructSeq = StructSeq {
    module: "sys",
    name: "int_info",
    doc: "sys.int_info\n\nA named tuple that holds information about the internal representation of integers.",
    visible: 4,
    unnamed: 0,
    fields: &[
        field::<0>("bits_per_digit", "size of a digit in bits"),
        field::<1>("sizeof_digit", "size in bytes of a digit"),
        field::<2>("default_max_str_digits", "maximum string conversion digits limitation"),
        field::<3>("str_digits_check_threshold", "minimum positive value for int_max_str_digits"),
    ],
    constructible: true,
};

static HASH_INFO: StructSeq = StructSeq {
    module: "sys",
    name: "hash_info",
    doc: "hash_info\n\nA named tuple providing parameters used for computing hashes.",
    visible: 9,
    unnamed: 0,
    fields: &[
        field::<0>("width", "width of the type used for hashing, in bits"),
        field::<1>("modulus", "prime number giving the modulus on which the hash function is based"),
        field::<2>("inf", "value to be used for hash of a positive infinity"),
        field::<3>("nan", "value to be used for hash of a nan"),
        field::<4>("imag", "multiplier used for the imaginary part of a complex number"),
        field::<5>("algorithm", "name of the algorithm for hashing of str, bytes and memoryviews"),
        field::<6>("hash_bits", "internal output size of hash algorithm"),
        field::<7>("seed_bits", "seed size of hash algorithm"),
        field::<8>("cutoff", "small string optimization cutoff"),
    ],
    constructible: true,
};

static THREAD_INFO: StructSeq = StructSeq {
    module: "sys",
    name: "thread_info",
    doc: "sys.thread_info\n\nA named tuple holding information about the thread implementation.",
    visible: 3,
    unnamed: 0,
    fields: &[
        field::<0>("name", "name of the thread implementation"),
        field::<1>("lock", "name of the lock implementation"),
        field::<2>("version", "name and version of the thread library"),
    ],
    constructible: true,
};

static ASYNCGEN_HOOKS: StructSeq = StructSeq {
    module: "builtins",
    name: "asyncgen_hooks",
    doc: "A named tuple of the hooks of asynchronous generators.",
    visible: 2,
    unnamed: 0,
    fields: &[
        field::<0>("firstiter", "called when an asynchronous generator is first iterated"),
        field::<1>("finalizer", "called when it is about to be finalized"),
    ],
    constructible: true,
};

static UNRAISABLE: StructSeq = StructSeq {
    module: "builtins",
    name: "UnraisableHookArgs",
    doc: "UnraisableHookArgs\n\nType used to pass arguments to sys.unraisablehook.",
    visible: 5,
    unnamed: 0,
    fields: &[
        field::<0>("exc_type", "Exception type"),
        field::<1>("exc_value", "Exception value"),
        field::<2>("exc_traceback", "Exception traceback"),
        field::<3>("err_msg", "Error message"),
        field::<4>("object", "Object causing the exception"),
    ],
    constructible: true,
};

/// The class of `sys.unraisablehook`'s argument.
///
/// # Errors
/// None in a sound build.
pub fn unraisable_class(vm: &mut Vm) -> R<Ref<Class>> {
    structseq::define(vm, &UNRAISABLE)
}

/// `sys.get_asyncgen_hooks()`.
///
/// # Errors
/// None in a sound build.
pub fn asyncgen_hooks(vm: &mut Vm) -> R {
    let class = structseq::define(vm, &ASYNCGEN_HOOKS)?;
    let hooks = vm.asyncgen_hooks().to_vec();
    Ok(structseq::make(vm, &class, hooks))
}

fn made(vm: &mut Vm, this: &'static StructSeq, values: Vec<Value>) -> R {
    let class = structseq::define(vm, this)?;
    Ok(structseq::make(vm, &class, values))
}

/// `sys.version_info`.
///
/// # Errors
/// None in a sound build.
pub fn version_info(vm: &mut Vm) -> R {
    let [a, b, c] = VERSION.map(Value::int32);
    let level = vm.intern("final").into_value();
    made(vm, &VERSION_INFO, vec![a, b, c, level, Value::int32(0)])
}

/// `sys.flags`.
///
/// # Errors
/// None in a sound build.
pub fn flags(vm: &mut Vm, switches: &Switches) -> R {
    let mut values = vec![Value::int32(0); 21];
    let int = |on: bool| Value::int32(i32::from(on));
    for (at, value) in [
        (1, int(switches.inspect)),
        (2, int(switches.inspect || switches.interactive)),
        (3, Value::int32(i32::from(switches.optimize))),
        (7, int(switches.ignore_environment)),
        (10, int(switches.quiet)),
        (12, int(switches.isolated)),
        // Nothing is ever written.
        (4, Value::int32(1)),
        (11, Value::int32(1)),
        (13, switches.dev_mode.into()),
        (14, Value::int32(1)),
        (16, switches.safe_path.into()),
        (17, Value::len(DEFAULT_MAX_STR_DIGITS)),
        (18, Value::int32(1)),
        (19, Value::int32(0)),
        (20, Value::int32(0)),
    ] {
        values[at] = value;
    }
    made(vm, &FLAGS, values)
}

/// `sys._xoptions`.
pub fn extra_options(vm: &mut Vm, switches: &Switches) -> Value {
    let dict = vm.new_dict();
    for (name, value) in &switches.extra {
        let name = vm.intern(name);
        let value = match value {
            Some(v) => vm.new_str(v).into_value(),
            None => Value::TRUE,
        };
        dict.set_str(vm, &name, value);
    }
    dict.into_value()
}

/// The other tuples, with their names in `sys`.
///
/// # Errors
/// None in a sound build.
pub fn numbers(vm: &mut Vm) -> R<Vec<(&'static str, Value)>> {
    let int = Value::int32;
    let values = vec![
        vm.float(f64::MAX),
        int(f64::MAX_EXP),
        int(f64::MAX_10_EXP),
        vm.float(f64::MIN_POSITIVE),
        int(f64::MIN_EXP),
        int(f64::MIN_10_EXP),
        int(15),
        int(53),
        vm.float(f64::EPSILON),
        int(2),
        int(1),
    ];
    let float_info = made(vm, &FLOAT_INFO, values)?;
    let int_info = made(vm, &INT_INFO, vec![int(30), int(4), Value::len(DEFAULT_MAX_STR_DIGITS), int(640)])?;
    let (modulus, algorithm) = (vm.int((1 << 61) - 1), vm.intern("rapidhash").into_value());
    let values = vec![int(64), modulus, int(314_159), int(0), int(1_000_003), algorithm, int(64), int(64), int(0)];
    let hash_info = made(vm, &HASH_INFO, values)?;
    let (name, lock) = (vm.intern("pthread").into_value(), vm.intern("mutex").into_value());
    let thread_info = made(vm, &THREAD_INFO, vec![name, lock, Value::NONE])?;
    Ok(vec![("float_info", float_info), ("int_info", int_info), ("hash_info", hash_info), ("thread_info", thread_info)])
}

/// `sys.implementation`.
pub fn implementation(vm: &mut Vm, version: &Value) -> Value {
    let arch = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let items = [
        ("name", vm.intern("apy").into_value()),
        ("cache_tag", Value::NONE),
        ("version", version.clone()),
        ("hexversion", Value::int32(HEX_VERSION)),
        ("_multiarch", vm.new_str(&arch).into_value()),
        ("supports_isolated_interpreters", Value::TRUE),
    ];
    let items = items.into_iter().map(|(name, value)| (vm.intern(name), value)).collect();
    crate::objects::namespace::new_namespace(vm, items)
}
