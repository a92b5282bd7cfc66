//! Transports as scripts see them. What happens when a descriptor is ready is in `transport`.

use super::transport::{self, Delivery, Kind, Ready, Transport};
use super::transport_write::{self, Source};
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::str::Bytes;
use crate::vm::{R, Value, Vm, system};
use nix::libc;

/// Bytes that may wait before the protocol is told to pause.
const HIGH_WATER: usize = 64 * 1024;

/// The base classes of the transports of sockets, of pipes that are read and of pipes that are written.
///
/// # Errors
/// None in a sound build.
pub fn classes(vm: &mut Vm) -> R<[Ref<Class>; 3]> {
    // Errors name a method by the class whose table it is in.
    let mut make = |module: &str, name: &str, tables: &[&'static [NativeDef]]| {
        let flags = class_flag::BASE | class_flag::WEAKREF | class_flag::MUTABLE;
        let c = vm.define_class_with_dict::<Transport>(module, name, None, flags)?;
        vm.extend_class(&c, METHODS, ATTRS);
        for table in tables {
            vm.extend_class(&c, table, &[]);
        }
        Ok(c)
    };
    Ok([
        make("asyncio.selector_events", "_SelectorSocketTransport", &[READING, WRITING])?,
        make("asyncio.unix_events", "_UnixReadPipeTransport", &[READING])?,
        make("asyncio.unix_events", "_UnixWritePipeTransport", &[WRITING])?,
    ])
}

fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<Transport>> {
    vm.this::<Transport>(a, "transport").cloned()
}

fn blank() -> Transport {
    Transport {
        kind: Kind::Socket,
        event_loop: Value::NONE,
        file: Value::NONE,
        protocol: Value::NONE,
        delivery: Delivery::Bytes,
        server: Value::NONE,
        extra: Value::NONE,
        empty_waiter: Value::UNDEF,
        fd: -1,
        buffer: Vec::new(),
        sent: 0,
        paused: false,
        reading: false,
        closing: false,
        eof: false,
        lost: 0,
        ignored: 0,
        connected: false,
        protocol_paused: false,
        drain: false,
        high: HIGH_WATER,
        low: HIGH_WATER / 4,
        source: None,
        write_armed: false,
    }
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(vm.alloc_as(&class, blank()).into())
    }),
    NativeDef::new("__init__(self, loop, file, protocol, extra, server, kind)", "", init),
    NativeDef::new("_start(self)", "Tell the protocol, and begin to read.", |vm, a| {
        let t = this(vm, a)?;
        t.get_mut(vm).connected = true;
        let protocol = t.get(vm).protocol.clone();
        vm.call_method(&protocol, "connection_made", &[a[0].clone()])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_begin(self)", "Begin to watch the descriptor.", |vm, a| {
        let t = this(vm, a)?;
        let this = t.get(vm);
        if this.closing || this.lost > 0 {
            return Ok(Value::NONE);
        }
        let reads = this.kind != Kind::WritePipe;
        t.get_mut(vm).reading = reads;
        transport::register(vm, &t)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_call_connection_lost(self, exc)", "", |vm, a| {
        let t = this(vm, a)?;
        transport::lose(vm, &t, a[1].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_force_close(self, exc)", "", |vm, a| {
        let t = this(vm, a)?;
        transport::force_close(vm, &t, a[1].clone())?;
        Ok(Value::NONE)
    }),
    NativeDef::new("close(self)", "Close the transport; buffered data is written first.", |vm, a| {
        let t = this(vm, a)?;
        transport::close(vm, &t)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("is_closing(self)", "Whether the transport is closing or closed.", |vm, a| {
        let t = this(vm, a)?;
        Ok(Value::bool(t.get(vm).closing))
    }),
    NativeDef::new("set_protocol(self, protocol)", "Set a new protocol.", |vm, a| {
        let t = this(vm, a)?;
        transport_write::flush(vm, &t)?;
        let delivery = transport::delivery_for(vm, &a[1])?;
        let old = {
            let mut this = t.get_mut(vm);
            this.delivery = delivery;
            this.connected = true;
            std::mem::replace(&mut this.protocol, a[1].clone())
        };
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("get_protocol(self)", "Return the current protocol.", |vm, a| {
        Ok(this(vm, a)?.get(vm).protocol.clone())
    }),
    NativeDef::new("get_extra_info(self, name, default=None)", "Get optional transport information.", |vm, a| {
        let t = this(vm, a)?;
        let extra = t.get(vm).extra.clone();
        let default = arg_or_none(a, 2).clone();
        vm.call_method(&extra, "get", &[a[1].clone(), default])
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", describe),
];

/// What those have that are read.
const READING: &[NativeDef] = &[
    NativeDef::new("is_reading(self)", "Whether the transport is receiving.", |vm, a| {
        let t = this(vm, a)?;
        let this = t.get(vm);
        Ok(Value::bool(!this.closing && !this.paused))
    }),
    NativeDef::new("pause_reading(self)", "Pause the receiving end.", |vm, a| {
        let t = this(vm, a)?;
        if !t.get(vm).closing {
            t.get_mut(vm).paused = true;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("resume_reading(self)", "Resume the receiving end.", |vm, a| {
        let t = this(vm, a)?;
        if t.get(vm).closing || !t.get(vm).paused {
            return Ok(Value::NONE);
        }
        t.get_mut(vm).paused = false;
        // What came meanwhile was reported, and will not be again.
        transport::look_soon(vm, &t, Ready { read: true, write: false, end: true });
        Ok(Value::NONE)
    }),
];

/// What those have that are written.
const WRITING: &[NativeDef] = &[
    NativeDef::new("write(self, data)", "Write some data bytes to the transport.", write),
    NativeDef::new(
        "writelines(self, list_of_data)",
        "Write a list (or any iterable) of data bytes to the transport.",
        |vm, a| {
            let t = this(vm, a)?;
            if t.get(vm).eof {
                return Err(vm.runtime_error("Cannot call writelines() after write_eof()"));
            }
            if !t.get(vm).empty_waiter.is_undef() {
                return Err(vm.runtime_error("unable to writelines; sendfile is in progress"));
            }
            if t.get(vm).kind == Kind::WritePipe {
                let empty = vm.new_bytes(b"").into_value();
                let data = vm.call_method(&empty, "join", &[a[1].clone()])?;
                write_value(vm, &t, &data)?;
                return Ok(Value::NONE);
            }
            if !vm.truth(&a[1])? {
                return Ok(Value::NONE);
            }
            let mut all = Vec::new();
            for part in vm.collect(&a[1])? {
                if !crate::objects::bytes::is_bytes_like(vm, &part) {
                    if !vm.truth(&part)? {
                        continue;
                    }
                    let got = vm.class_name(&part);
                    return Err(vm.type_error(format!("memoryview: a bytes-like object is required, not '{got}'")));
                }
                let bytes = crate::objects::bytes::bytes_from(vm, &part)?;
                vm.check_alloc(bytes.len())?;
                all.extend(bytes);
            }
            transport_write::write(vm, &t, Source::Slice(&all))?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("write_eof(self)", "Close the write end of the transport.", |vm, a| {
        let t = this(vm, a)?;
        transport_write::flush(vm, &t)?;
        let this = t.get(vm);
        if this.closing || this.eof {
            return Ok(Value::NONE);
        }
        if this.kind == Kind::WritePipe {
            transport::close(vm, &t)?;
            return Ok(Value::NONE);
        }
        let (fd, empty) = (this.fd as i32, this.pending().is_empty());
        t.get_mut(vm).eof = true;
        if empty && let Err(e) = system::shutdown(fd, libc::SHUT_WR) {
            return Err(vm.os_error(&e, None));
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("can_write_eof(self)", "Whether the transport supports write_eof().", |_, _| Ok(Value::TRUE)),
    NativeDef::new("abort(self)", "Close the transport immediately.", |vm, a| {
        let t = this(vm, a)?;
        transport::force_close(vm, &t, Value::NONE)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("get_write_buffer_size(self)", "Return the current size of the write buffer.", |vm, a| {
        let t = this(vm, a)?;
        transport_write::flush(vm, &t)?;
        Ok(Value::len(t.get(vm).pending().len()))
    }),
    NativeDef::new(
        "get_write_buffer_limits(self)",
        "Get the high and low watermarks for write flow control.",
        |vm, a| {
            let t = this(vm, a)?;
            let (low, high) = (Value::len(t.get(vm).low), Value::len(t.get(vm).high));
            Ok(vm.pair([low, high]))
        },
    ),
    NativeDef::new(
        "set_write_buffer_limits(self, high=None, low=None)",
        "Set the high- and low-water limits for write flow control.",
        |vm, a| {
            set_limits(vm, a)?;
            let t = this(vm, a)?;
            transport_write::pause_protocol(vm, &t)?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("_set_write_buffer_limits(self, high=None, low=None)", "", |vm, a| {
        set_limits(vm, a)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_make_empty_waiter(self)", "A future that is done once everything is written.", |vm, a| {
        let t = this(vm, a)?;
        transport_write::flush(vm, &t)?;
        if !t.get(vm).empty_waiter.is_undef() {
            return Err(vm.runtime_error("Empty waiter is already set"));
        }
        let l = t.get(vm).event_loop.clone();
        let f = super::future::create_future(vm, &l)?;
        if t.get(vm).pending().is_empty() {
            super::future::set_result(vm, &f, Value::NONE)?;
        }
        t.get_mut(vm).empty_waiter = f.clone();
        Ok(f)
    }),
    NativeDef::new("_reset_empty_waiter(self)", "", |vm, a| {
        let t = this(vm, a)?;
        let old = std::mem::replace(&mut t.get_mut(vm).empty_waiter, Value::UNDEF);
        drop(old);
        Ok(Value::NONE)
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_loop", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).event_loop.clone())),
    GetSetDef::new("_protocol", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).protocol.clone())),
    GetSetDef::new("_sock", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).file.clone())),
    GetSetDef::with_set(
        "_pipe",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).file.clone()),
        |vm, v, new| {
            let t = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut t.get_mut(vm).file, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::new("_server", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).server.clone())),
    GetSetDef::new("_extra", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).extra.clone())),
    GetSetDef::new("_closing", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).closing))),
    GetSetDef::new("_paused", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).paused))),
    GetSetDef::new("_eof", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).eof))),
    GetSetDef::new("_conn_lost", "", |vm, v| {
        let n = this(vm, std::slice::from_ref(v))?.get(vm).lost;
        Ok(vm.int(i64::from(n)))
    }),
    GetSetDef::new("_sock_fd", "", |vm, v| {
        let fd = this(vm, std::slice::from_ref(v))?.get(vm).fd;
        Ok(vm.int(fd))
    }),
    GetSetDef::new("_fileno", "", |vm, v| {
        let fd = this(vm, std::slice::from_ref(v))?.get(vm).fd;
        Ok(vm.int(fd))
    }),
    GetSetDef::new("_protocol_paused", "", |vm, v| {
        Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).protocol_paused))
    }),
];

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let t = this(vm, a)?;
    let fd = super::loop_object::descriptor(vm, &a[2])?;
    let delivery = transport::delivery_for(vm, &a[3])?;
    let extra = match &a[4] {
        v if v.is_none() => vm.new_dict().into_value(),
        v => v.clone(),
    };
    let kind = match vm.str_of(&a[6]).as_str() {
        "read" => Kind::ReadPipe,
        "write" => Kind::WritePipe,
        _ => Kind::Socket,
    };
    let drain =
        kind == Kind::ReadPipe && nix::sys::stat::fstat(fd).is_ok_and(|s| s.st_mode & libc::S_IFMT == libc::S_IFCHR);
    let mut this = t.get_mut(vm);
    this.fd = i64::from(fd);
    this.event_loop = a[1].clone();
    this.file = a[2].clone();
    this.protocol = a[3].clone();
    this.delivery = delivery;
    this.extra = extra;
    this.server = a[5].clone();
    this.kind = kind;
    this.drain = drain;
    Ok(Value::NONE)
}

/// `transport.write(data)` of a native transport.
///
/// # Errors
/// TypeError when the data is not bytes-like; as [`transport_write::write`].
pub fn write_value(vm: &mut Vm, t: &Ref<Transport>, data: &Value) -> R<()> {
    if let Some(b) = data.cast::<Bytes>() {
        return transport_write::write(vm, t, Source::Bytes(b));
    }
    if !crate::objects::bytes::is_bytes_like(vm, data) {
        if t.get(vm).kind == Kind::WritePipe {
            let class = vm.exc.AssertionError.clone();
            let shown = vm.repr_string(data)?;
            return Err(vm.raise_text(&class, &shown));
        }
        let got = vm.plain_class_name(data);
        return Err(
            vm.type_error(format!("data argument must be a bytes, bytearray, or memoryview object, not '{got}'"))
        );
    }
    let bytes = crate::objects::bytes::bytes_from(vm, data)?;
    transport_write::write(vm, t, Source::Slice(&bytes))
}

fn write(vm: &mut Vm, a: &[Value]) -> R {
    let t = this(vm, a)?;
    write_value(vm, &t, &a[1])?;
    Ok(Value::NONE)
}

fn set_limits(vm: &mut Vm, a: &[Value]) -> R<()> {
    let t = this(vm, a)?;
    transport_write::flush(vm, &t)?;
    let number = |vm: &mut Vm, v: Option<&Value>| match v.filter(|v| !v.is_none()) {
        Some(v) => vm.index_i64(v).map(Some),
        None => Ok(None),
    };
    let (high, low) = (number(vm, arg(a, 1))?, number(vm, arg(a, 2))?);
    let high = match (high, low) {
        (Some(h), _) => h,
        (None, Some(l)) => l.saturating_mul(4),
        (None, None) => HIGH_WATER as i64,
    };
    let low = low.unwrap_or(high.div_euclid(4));
    let (Ok(h), Ok(l)) = (usize::try_from(high), usize::try_from(low)) else {
        return Err(vm.value_error(format!("high ({high}) must be >= low ({low}) must be >= 0")));
    };
    if h < l {
        return Err(vm.value_error(format!("high ({high}) must be >= low ({low}) must be >= 0")));
    }
    let mut this = t.get_mut(vm);
    this.high = h;
    this.low = l;
    Ok(())
}

fn describe(vm: &mut Vm, a: &[Value]) -> R {
    let t = this(vm, a)?;
    transport_write::flush(vm, &t)?;
    let class = vm.plain_class_name(&a[0]);
    let this = t.get(vm);
    let mut parts = vec![class];
    if this.file.is_none() {
        parts.push("closed".to_owned());
    } else if this.closing {
        parts.push("closing".to_owned());
    }
    parts.push(format!("fd={}", this.fd));
    let open = this.event_loop.cast::<super::core::EventLoop>().is_some_and(|l| !l.get(vm).closed);
    let waiting = this.pending().len();
    match this.kind {
        Kind::Socket if open => {
            let polling = this.reading && !this.paused && this.source.is_some();
            parts.push(format!("read={}", if polling { "polling" } else { "idle" }));
            let state = if waiting > 0 { "polling" } else { "idle" };
            parts.push(format!("write=<{state}, bufsize={waiting}>"));
        }
        Kind::ReadPipe if open && !this.file.is_none() => {
            parts.push(if this.reading && !this.paused { "polling" } else { "idle" }.to_owned());
        }
        Kind::WritePipe if open && !this.file.is_none() => {
            parts.push(if waiting > 0 { "polling" } else { "idle" }.to_owned());
            parts.push(format!("bufsize={waiting}"));
        }
        _ if this.file.is_none() => parts.push("closed".to_owned()),
        _ => parts.push("open".to_owned()),
    }
    if this.kind == Kind::Socket && this.file.is_none() {
        parts.pop();
    }
    Ok(vm.new_str(&format!("<{}>", parts.join(" "))).into())
}
