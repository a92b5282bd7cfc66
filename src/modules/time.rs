//! `time`: clocks, sleeping, calendar time.
//!
//! The calendar and the two formatters are in `text::time_format`.

use super::sys::structseq::{self, StructSeq, field};
use crate::text::time_format::{self, BrokenDown, Zone};
use crate::vm::exception::Raised;
use crate::vm::function::Module;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::str::Str;
use crate::vm::{R, Value, Vm};
use nix::time::{ClockId, clock_getres, clock_gettime};
use std::time::Duration;

static STRUCT_TIME: StructSeq = StructSeq {
    module: "time",
    name: "struct_time",
    doc: "The time value as returned by gmtime(), localtime(), and strptime(), and accepted by asctime(), mktime() and \
          strftime(). May be considered as a sequence of 9 integers.",
    visible: 9,
    unnamed: 0,
    fields: &[
        field::<0>("tm_year", "year, for example, 1993"),
        field::<1>("tm_mon", "month of year, range [1, 12]"),
        field::<2>("tm_mday", "day of month, range [1, 31]"),
        field::<3>("tm_hour", "hours, range [0, 23]"),
        field::<4>("tm_min", "minutes, range [0, 59]"),
        field::<5>("tm_sec", "seconds, range [0, 61])"),
        field::<6>("tm_wday", "day of week, range [0, 6], Monday is 0"),
        field::<7>("tm_yday", "day of year, range [1, 366]"),
        field::<8>("tm_isdst", "1 if summer time is in effect, 0 if not, and -1 if unknown"),
        field::<9>("tm_zone", "abbreviation of timezone name"),
        field::<10>("tm_gmtoff", "offset from UTC in seconds"),
    ],
    constructible: true,
};

/// The time zone, once looked up.
#[derive(Default)]
struct CurrentZone(Option<Zone>);

/// A clock as a float of seconds and as an int of nanoseconds.
macro_rules! clock {
    ($name:literal, $ns:literal, $doc:literal, $id:expr) => {
        [
            NativeDef::new($name, $doc, |vm, _| {
                let ns = read(vm, $id)?;
                Ok(vm.float(ns as f64 / 1e9))
            }),
            NativeDef::new($ns, $doc, |vm, _| {
                let ns = read(vm, $id)?;
                Ok(vm.int(ns))
            }),
        ]
    };
}

const CLOCKS: &[[NativeDef; 2]] = &[
    clock!("time()", "time_ns()", "Return the current time since the Epoch.", ClockId::CLOCK_REALTIME),
    clock!("monotonic()", "monotonic_ns()", "Monotonic clock, cannot go backward.", ClockId::CLOCK_MONOTONIC),
    clock!("perf_counter()", "perf_counter_ns()", "Performance counter for benchmarking.", ClockId::CLOCK_MONOTONIC),
    clock!(
        "process_time()",
        "process_time_ns()",
        "Process time for profiling: sum of the kernel and user-space CPU time.",
        ClockId::CLOCK_PROCESS_CPUTIME_ID
    ),
    clock!(
        "thread_time()",
        "thread_time_ns()",
        "Thread time for profiling: sum of the kernel and user-space CPU time.",
        ClockId::CLOCK_THREAD_CPUTIME_ID
    ),
];

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("sleep(seconds, /)", "Delay execution for a given number of seconds.", sleep),
    NativeDef::new(
        "gmtime(seconds=None, /)",
        "Convert seconds since the Epoch to a time tuple expressing UTC.",
        |vm, a| {
            let seconds = seconds_or_now(vm, a)?;
            match time_format::gm_time(seconds) {
                Some(mut t) => {
                    t.zone = Some("GMT".to_owned());
                    t.offset = Some(0);
                    struct_time(vm, t)
                }
                None => Err(too_large(vm)),
            }
        },
    ),
    NativeDef::new(
        "localtime(seconds=None, /)",
        "Convert seconds since the Epoch to a time tuple expressing local time.",
        |vm, a| {
            let seconds = seconds_or_now(vm, a)?;
            let t = local(vm, seconds)?;
            struct_time(vm, t)
        },
    ),
    NativeDef::new("mktime(tuple, /)", "Convert a time tuple in local time to seconds since the Epoch.", mktime),
    NativeDef::new(
        "asctime(tuple=None, /)",
        "Convert a time tuple to a string, e.g. 'Sat Jun 06 16:26:11 1998'.",
        |vm, a| {
            let t = tuple_or_now(vm, arg(a, 0), "asctime")?;
            Ok(vm.new_str(&ascii_time(&t)).into())
        },
    ),
    NativeDef::new(
        "ctime(seconds=None, /)",
        "Convert a time in seconds since the Epoch to a string in local time.",
        |vm, a| {
            let seconds = seconds_or_now(vm, a)?;
            let t = local(vm, seconds)?;
            Ok(vm.new_str(&ascii_time(&t)).into())
        },
    ),
    NativeDef::new(
        "strftime(format, tuple=None, /)",
        "Convert a time tuple to a string according to a format specification.",
        strftime,
    ),
    NativeDef::new(
        "strptime(data_string, format='%a %b %d %H:%M:%S %Y', /)",
        "Parse a string to a time tuple according to a format specification.",
        strptime,
    ),
    NativeDef::new("_strptime(data_string, format, /)", "All that a text tells of a date, for datetime.", |vm, a| {
        let p = parsed(vm, a)?;
        let fields = [p.year, p.month, p.day, p.hour, p.minute, p.second, p.microsecond];
        let mut items: Vec<Value> = fields.into_iter().map(|n| vm.int(n)).collect();
        items.push(match p.offset {
            Some((seconds, microseconds)) => {
                let pair = [vm.int(seconds), vm.int(microseconds)];
                vm.pair(pair)
            }
            None => Value::NONE,
        });
        items.push(p.zone.map_or(Value::NONE, |zone| vm.new_str(&zone).into_value()));
        Ok(vm.tuple(items).into())
    }),
    NativeDef::new("tzset()", "Initialize, or reinitialize, the local timezone.", |vm, _| {
        vm.state::<CurrentZone>().0 = None;
        let name = vm.intern("time");
        let modules = vm.modules.clone();
        if let Some(module) = modules.get_str(vm, &name).and_then(|m| m.try_into_ref::<Module>().ok()) {
            set_zone(vm, &module)?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("get_clock_info(name, /)", "Get information of the specified clock.", clock_info),
    NativeDef::new("clock_gettime(clk_id, /)", "Return the time of the specified clock clk_id as a float.", |vm, a| {
        let id = clock_id(vm, arg_or_none(a, 0))?;
        let ns = read(vm, id)?;
        Ok(vm.float(ns as f64 / 1e9))
    }),
    NativeDef::new(
        "clock_gettime_ns(clk_id, /)",
        "Return the time of the specified clock clk_id as nanoseconds.",
        |vm, a| {
            let id = clock_id(vm, arg_or_none(a, 0))?;
            let ns = read(vm, id)?;
            Ok(vm.int(ns))
        },
    ),
    NativeDef::new(
        "clock_getres(clk_id, /)",
        "Return the resolution (precision) of the specified clock clk_id.",
        |vm, a| {
            let id = clock_id(vm, arg_or_none(a, 0))?;
            let ns = resolution(vm, id)?;
            Ok(vm.float(ns as f64 / 1e9))
        },
    ),
];

const CLOCK_IDS: &[(&str, i32)] = &[
    ("CLOCK_REALTIME", 0),
    ("CLOCK_MONOTONIC", 1),
    ("CLOCK_PROCESS_CPUTIME_ID", 2),
    ("CLOCK_THREAD_CPUTIME_ID", 3),
    ("CLOCK_MONOTONIC_RAW", 4),
    ("CLOCK_BOOTTIME", 7),
    ("CLOCK_TAI", 11),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let module = vm.new_module("time", FUNCTIONS);
    for def in CLOCKS.iter().flatten() {
        let f = vm.native_function("time", def);
        vm.module_set(&module, def.name(), f);
    }
    let class = structseq::define(vm, &STRUCT_TIME)?;
    vm.module_set(&module, "struct_time", class.into_value());
    vm.module_set(&module, "_STRUCT_TM_ITEMS", Value::int32(11));
    for (name, id) in CLOCK_IDS {
        vm.module_set(&module, name, Value::int32(*id));
    }
    set_zone(vm, &module)?;
    Ok(module.into())
}

// ---- clocks ----

fn system_error(vm: &mut Vm, e: nix::errno::Errno) -> Raised {
    let class = vm.exc.OSError.clone();
    let args = [Value::int32(e as i32), vm.new_str(e.desc()).into_value()];
    vm.raise_call(&class, &args)
}

/// A clock in nanoseconds.
fn read(vm: &mut Vm, id: ClockId) -> R<i64> {
    match clock_gettime(id) {
        Ok(t) => Ok(t.tv_sec().saturating_mul(1_000_000_000).saturating_add(t.tv_nsec())),
        Err(e) => Err(system_error(vm, e)),
    }
}

fn resolution(vm: &mut Vm, id: ClockId) -> R<i64> {
    match clock_getres(id) {
        Ok(t) => Ok(t.tv_sec().saturating_mul(1_000_000_000).saturating_add(t.tv_nsec())),
        Err(e) => Err(system_error(vm, e)),
    }
}

fn clock_id(vm: &mut Vm, v: &Value) -> R<ClockId> {
    let id = vm.index_i64(v)?;
    Ok(ClockId::from_raw(i32::try_from(id).unwrap_or(i32::MAX)))
}

fn clock_info(vm: &mut Vm, a: &[Value]) -> R {
    let name = vm.str_of(arg_or_none(a, 0));
    let (shown, id) = match name.as_str() {
        "time" => ("CLOCK_REALTIME", ClockId::CLOCK_REALTIME),
        "monotonic" | "perf_counter" => ("CLOCK_MONOTONIC", ClockId::CLOCK_MONOTONIC),
        "process_time" => ("CLOCK_PROCESS_CPUTIME_ID", ClockId::CLOCK_PROCESS_CPUTIME_ID),
        "thread_time" => ("CLOCK_THREAD_CPUTIME_ID", ClockId::CLOCK_THREAD_CPUTIME_ID),
        _ => return Err(vm.value_error("unknown clock")),
    };
    let ns = resolution(vm, id)?;
    let real = name == "time";
    let items = vec![
        (vm.intern("implementation"), vm.new_str(&format!("clock_gettime({shown})")).into_value()),
        (vm.intern("monotonic"), Value::bool(!real)),
        (vm.intern("adjustable"), Value::bool(real)),
        (vm.intern("resolution"), vm.float(ns as f64 / 1e9)),
    ];
    Ok(crate::objects::namespace::new_namespace(vm, items))
}

fn sleep(vm: &mut Vm, a: &[Value]) -> R {
    const LONGEST: f64 = 9_223_372_036.0;
    let v = arg_or_none(a, 0);
    let seconds = match vm.as_float(v) {
        Some(x) => x,
        None if vm.is_int(v) || vm.special(v, crate::vm::special::Special::Index).is_some() => {
            let i = vm.index(v)?;
            crate::objects::int::to_f64(vm, &i).unwrap_or(f64::INFINITY)
        }
        None => {
            let class = vm.class_name(v);
            return Err(vm.type_error(format!("'{class}' object cannot be interpreted as an integer or float")));
        }
    };
    if seconds.is_nan() {
        return Err(vm.value_error("Invalid value NaN (not a number)"));
    }
    if seconds.abs() > LONGEST {
        return Err(vm.overflow_error("timestamp out of range for C PyTime_t"));
    }
    if seconds < 0.0 {
        return Err(vm.value_error("sleep length must be non-negative"));
    }
    vm.sleep(Duration::from_secs_f64(seconds))?;
    Ok(Value::NONE)
}

// ---- the time zone ----

fn zone(vm: &mut Vm) -> Zone {
    if let Some(z) = &vm.state::<CurrentZone>().0 {
        return z.clone();
    }
    let z = match std::env::var("TZ") {
        Ok(name) if name.is_empty() => Zone::named("UTC"),
        Ok(name) => Zone::named(name.trim_start_matches(':')).or_else(|| Zone::named("UTC")),
        Err(_) => None,
    };
    let z = z.unwrap_or_else(Zone::system);
    vm.state::<CurrentZone>().0 = Some(z.clone());
    z
}

/// Sets the module's attributes that tell the zone, from what is in force in January and in July.
fn set_zone(vm: &mut Vm, module: &crate::vm::object::Ref<Module>) -> R<()> {
    const HALF_YEAR: i64 = 181 * 86_400;
    let z = zone(vm);
    let now = read(vm, ClockId::CLOCK_REALTIME)?.div_euclid(1_000_000_000);
    let year = time_format::gm_time(now).map_or(1970, |t| t.year);
    let new_year = time_format::days_from_civil(year, 1, 1) * 86_400;
    let (january, _, january_name) = z.at(new_year);
    let (july, _, july_name) = z.at(new_year + HALF_YEAR);
    // South of the equator January has summer time.
    let (standard, summer, names) = if january > july {
        (july, january, [july_name, january_name])
    } else {
        (january, july, [january_name, july_name])
    };
    let names = names.map(|n| vm.new_str(&n).into_value());
    let values = [
        ("timezone", vm.int(-standard)),
        ("altzone", vm.int(-summer)),
        ("daylight", Value::int32(i32::from(standard != summer))),
        ("tzname", vm.pair(names)),
    ];
    for (name, value) in values {
        vm.module_set(module, name, value);
    }
    Ok(())
}

// ---- calendar time ----

fn too_large(vm: &mut Vm) -> Raised {
    system_error(vm, nix::errno::Errno::EOVERFLOW)
}

/// Whole seconds from an optional argument.
fn seconds_or_now(vm: &mut Vm, a: &[Value]) -> R<i64> {
    const OUT_OF_RANGE: &str = "timestamp out of range for platform time_t";
    let v = arg_or_none(a, 0);
    if v.is_none() {
        return Ok(read(vm, ClockId::CLOCK_REALTIME)?.div_euclid(1_000_000_000));
    }
    if let Some(x) = vm.as_float(v) {
        if x.is_nan() {
            return Err(vm.value_error("Invalid value NaN (not a number)"));
        }
        let x = x.floor();
        if !(-9.2e18..=9.2e18).contains(&x) {
            return Err(vm.overflow_error(OUT_OF_RANGE));
        }
        return Ok(x as i64);
    }
    let i = vm.index(v)?;
    match vm.as_i64(&i) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error(OUT_OF_RANGE)),
    }
}

fn local(vm: &mut Vm, seconds: i64) -> R<BrokenDown> {
    let z = zone(vm);
    match time_format::local_time(seconds, &z) {
        Some(t) => Ok(t),
        None => Err(too_large(vm)),
    }
}

fn struct_time(vm: &mut Vm, t: BrokenDown) -> R {
    let class = structseq::define(vm, &STRUCT_TIME)?;
    let numbers = [t.year, t.month, t.day, t.hour, t.minute, t.second, t.weekday, t.year_day, t.is_dst];
    let mut values: Vec<Value> = numbers.into_iter().map(|n| vm.int(n)).collect();
    values.push(t.zone.map_or(Value::NONE, |z| vm.new_str(&z).into()));
    values.push(t.offset.map_or(Value::NONE, |o| vm.int(o)));
    Ok(structseq::make(vm, &class, values))
}

/// The fields of a time tuple, not checked.
fn from_tuple(vm: &mut Vm, v: &Value, function: &str) -> R<BrokenDown> {
    let Some(items) = vm.tuple_clone(v) else {
        return Err(vm.type_error("Tuple or struct_time argument required"));
    };
    if items.len() != 9 {
        return Err(vm.type_error(format!("{function}(): illegal time tuple argument")));
    }
    let mut n = [0i64; 9];
    for (slot, item) in n.iter_mut().zip(&items) {
        let i = vm.index(item)?;
        let Some(i) = vm.as_i64(&i) else {
            return Err(vm.overflow_error("Python int too large to convert to C long"));
        };
        if i > i64::from(i32::MAX) {
            return Err(vm.overflow_error("signed integer is greater than maximum"));
        }
        if i < i64::from(i32::MIN) {
            return Err(vm.overflow_error("signed integer is less than minimum"));
        }
        *slot = i;
    }
    let [year, month, day, hour, minute, second, weekday, year_day, is_dst] = n;
    let (mut zone, mut offset) = (None, None);
    let class = structseq::define(vm, &STRUCT_TIME)?;
    if vm.is_exact(v, &class) {
        let (z, o) = (vm.get_attr_str(v, "tm_zone")?, vm.get_attr_str(v, "tm_gmtoff")?);
        zone = z.is_a::<Str>().then(|| vm.str_of(&z));
        offset = vm.as_i64(&o);
    }
    Ok(BrokenDown { year, month, day, hour, minute, second, weekday, year_day, is_dst, offset, zone })
}

/// Brings the fields into their ranges where 0 stands for the first, and refuses what lies outside.
fn check(vm: &mut Vm, t: &mut BrokenDown) -> R<()> {
    for field in [&mut t.month, &mut t.day, &mut t.year_day] {
        if *field == 0 {
            *field = 1;
        }
    }
    let ranges = [
        (t.month, 1, 12, "month out of range"),
        (t.day, 1, 31, "day of month out of range"),
        (t.hour, 0, 23, "hour out of range"),
        (t.minute, 0, 59, "minute out of range"),
        (t.second, 0, 61, "seconds out of range"),
        (t.weekday, -1, i64::MAX, "day of week out of range"),
        (t.year_day, 1, 366, "day of year out of range"),
    ];
    for (n, least, most, text) in ranges {
        if !(least..=most).contains(&n) {
            return Err(vm.value_error(text));
        }
    }
    t.weekday = t.weekday.rem_euclid(7);
    Ok(())
}

/// The checked fields of a time tuple, or the local time now.
fn tuple_or_now(vm: &mut Vm, v: Option<&Value>, function: &str) -> R<BrokenDown> {
    match v {
        Some(v) => {
            let mut t = from_tuple(vm, v, function)?;
            check(vm, &mut t)?;
            Ok(t)
        }
        None => {
            let now = read(vm, ClockId::CLOCK_REALTIME)?.div_euclid(1_000_000_000);
            local(vm, now)
        }
    }
}

fn ascii_time(t: &BrokenDown) -> String {
    let names = time_format::strftime("%a %b", t);
    format!("{names}{:3} {:02}:{:02}:{:02} {}", t.day, t.hour, t.minute, t.second, t.year)
}

fn mktime(vm: &mut Vm, a: &[Value]) -> R {
    let t = from_tuple(vm, arg_or_none(a, 0), "mktime")?;
    let z = zone(vm);
    match time_format::make_time(&t, &z) {
        Some(seconds) => Ok(vm.float(seconds as f64)),
        None => Err(vm.overflow_error("mktime argument out of range")),
    }
}

fn strftime(vm: &mut Vm, a: &[Value]) -> R {
    let format = arg_or_none(a, 0);
    if !format.is_a::<Str>() {
        let class = vm.class_name(format);
        return Err(vm.type_error(format!("strftime() argument 1 must be str, not {class}")));
    }
    let format = vm.str_of(format);
    let mut t = tuple_or_now(vm, arg(a, 1), "strftime")?;
    if t.zone.is_none() {
        // The zone's name follows from what the tuple says of summer time.
        let z = zone(vm);
        if let Some(seconds) = time_format::make_time(&t, &z) {
            let (offset, _, name) = z.at(seconds);
            t.zone = Some(name);
            t.offset = Some(offset);
        }
    }
    vm.tick(format.len())?;
    Ok(vm.new_str(&time_format::strftime(&format, &t)).into())
}

fn parsed(vm: &mut Vm, a: &[Value]) -> R<time_format::Parsed> {
    let mut texts = [String::new(), "%a %b %d %H:%M:%S %Y".to_owned()];
    for (i, text) in texts.iter_mut().enumerate() {
        let Some(v) = arg(a, i) else { continue };
        if !v.is_a::<Str>() {
            let class = vm.class_of(v).value().clone();
            let shown = vm.repr_string(&class)?;
            return Err(vm.type_error(format!("strptime() argument {i} must be str, not {shown}")));
        }
        *text = vm.str_of(v);
    }
    let [text, format] = texts;
    vm.tick(text.len() + format.len())?;
    time_format::strptime(&text, &format).map_err(|e| vm.text_error(e))
}

fn strptime(vm: &mut Vm, a: &[Value]) -> R {
    let p = parsed(vm, a)?;
    let t = BrokenDown {
        year: p.year,
        month: p.month,
        day: p.day,
        hour: p.hour,
        minute: p.minute,
        second: p.second,
        weekday: p.weekday,
        year_day: p.year_day,
        is_dst: p.is_dst,
        offset: p.offset.map(|(seconds, _)| seconds),
        zone: p.zone,
    };
    struct_time(vm, t)
}
