//! `StreamWriter`, and the methods of the protocol between a transport and its streams.

use super::coroutine::Next;
use super::streams::{self, Reader, StreamOp, StreamProtocol, given};
use super::transport::Transport;
use super::{future, gather, transport_object};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::native::{GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;

heap_object! {
    /// The payload of `asyncio.StreamWriter`.
    pub struct Writer {
        /// The transport.
        pub transport: Value,
        /// The protocol.
        pub protocol: Value,
        /// The reader of the connection, or `None`.
        pub reader: Value,
        /// The loop.
        pub event_loop: Value,
    }
    kind = StreamWriter;
}

/// The native base of `asyncio.StreamWriter`.
///
/// # Errors
/// None in a sound build.
pub fn class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = vm.class_for::<Writer>() {
        return Ok(c);
    }
    let c = vm.define_class_with_dict::<Writer>(
        "asyncio.streams",
        "StreamWriter",
        None,
        class_flag::BASE | class_flag::WEAKREF | class_flag::MUTABLE,
    )?;
    vm.extend_class(&c, METHODS, ATTRS);
    Ok(c)
}

fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<Writer>> {
    vm.this::<Writer>(a, "StreamWriter").cloned()
}

fn pass_on(vm: &mut Vm, a: &[Value], method: &str, args: &[Value]) -> R {
    let t = this(vm, a)?.get(vm).transport.clone();
    vm.call_method(&t, method, args)
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let w = Writer { transport: Value::NONE, protocol: Value::NONE, reader: Value::NONE, event_loop: Value::NONE };
        Ok(vm.alloc_as(&class, w).into())
    }),
    NativeDef::new("__init__(self, transport, protocol, reader, loop)", "", |vm, a| {
        let w = this(vm, a)?;
        let mut this = w.get_mut(vm);
        this.transport = a[1].clone();
        this.protocol = a[2].clone();
        this.reader = a[3].clone();
        this.event_loop = a[4].clone();
        Ok(Value::NONE)
    }),
    NativeDef::new("write(self, data)", "Write data, as far as the system takes it at once.", |vm, a| {
        let t = this(vm, a)?.get(vm).transport.clone();
        match t.cast::<Transport>() {
            Some(t) => {
                transport_object::write_value(vm, t, &a[1])?;
                Ok(Value::NONE)
            }
            None => vm.call_method(&t, "write", &[a[1].clone()]),
        }
    }),
    NativeDef::new("writelines(self, data)", "Write a list (or any iterable) of bytes.", |vm, a| {
        pass_on(vm, a, "writelines", &[a[1].clone()])
    }),
    NativeDef::new("write_eof(self)", "Close the write end after flushing buffered data.", |vm, a| {
        pass_on(vm, a, "write_eof", &[])
    }),
    NativeDef::new("can_write_eof(self)", "Whether write_eof() is supported.", |vm, a| {
        pass_on(vm, a, "can_write_eof", &[])
    }),
    NativeDef::new("close(self)", "Close the stream.", |vm, a| pass_on(vm, a, "close", &[])),
    NativeDef::new("is_closing(self)", "Whether the stream is closed or closing.", |vm, a| {
        pass_on(vm, a, "is_closing", &[])
    }),
    NativeDef::new("get_extra_info(self, name, default=None)", "Access optional transport information.", |vm, a| {
        pass_on(vm, a, "get_extra_info", &[a[1].clone(), given(a, 2)])
    }),
    NativeDef::awaited("drain(self)", "Wait until it is appropriate to resume writing.", drained, |vm, a| {
        let w = this(vm, a)?;
        streams::start(vm, StreamOp::Drain(w, false))
    }),
    NativeDef::new("wait_closed(self) -> coroutine", "Wait until the stream is closed.", |vm, a| {
        let w = this(vm, a)?;
        streams::start(vm, StreamOp::WaitClosed(w))
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let w = this(vm, a)?;
        let (t, r) = (w.get(vm).transport.clone(), w.get(vm).reader.clone());
        let class = vm.plain_class_name(&a[0]);
        let mut text = format!("<{class} transport={}", vm.repr_string(&t)?);
        if !r.is_none() {
            text.push_str(&format!(" reader={}", vm.repr_string(&r)?));
        }
        text.push('>');
        Ok(vm.new_str(&text).into())
    }),
];

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("transport", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).transport.clone())),
    GetSetDef::with_set(
        "_transport",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).transport.clone()),
        |vm, v, new| {
            let w = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut w.get_mut(vm).transport, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::new("_protocol", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).protocol.clone())),
    GetSetDef::new("_reader", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).reader.clone())),
    GetSetDef::new("_loop", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).event_loop.clone())),
];

// ---- draining ----

/// `writer.drain()` that is awaited at once, where nothing speaks against writing on.
fn drained(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let this = vm.this::<Writer>(a, "StreamWriter")?.get(vm);
    let well = this.reader.is_none() || this.reader.cast::<Reader>().is_some_and(|r| r.get(vm).exception.is_none());
    let open = this.transport.cast::<Transport>().is_some_and(|t| !t.get(vm).closing);
    let room = this.protocol.cast::<StreamProtocol>().is_some_and(|p| !p.get(vm).lost && !p.get(vm).paused);
    Ok((well && open && room).then_some(Value::NONE))
}

/// The start of `writer.drain()`.
///
/// # Errors
/// What the reader failed with; ConnectionResetError.
pub fn begin_drain(vm: &mut Vm, w: &Ref<Writer>) -> R<Next> {
    let (reader, t) = (w.get(vm).reader.clone(), w.get(vm).transport.clone());
    if !reader.is_none() {
        let e = match reader.cast::<Reader>() {
            Some(r) => r.get(vm).exception.clone(),
            None => vm.call_method(&reader, "exception", &[])?,
        };
        if !e.is_none() {
            return Err(vm.raise(e));
        }
    }
    let closing = match t.cast::<Transport>() {
        Some(t) => t.get(vm).closing,
        None => {
            let v = vm.call_method(&t, "is_closing", &[])?;
            vm.truth(&v)?
        }
    };
    if closing {
        // The protocol shall hear of the loss before it is asked.
        return Ok(Next::Pause);
    }
    drain_now(vm, w)
}

/// What `writer.drain()` does once the protocol may be asked.
///
/// # Errors
/// ConnectionResetError.
pub fn drain_now(vm: &mut Vm, w: &Ref<Writer>) -> R<Next> {
    let protocol = w.get(vm).protocol.clone();
    match protocol.cast::<StreamProtocol>() {
        Some(p) => begin_drain_helper(vm, p),
        None => {
            let coro = vm.call_method(&protocol, "_drain_helper", &[])?;
            Ok(Next::Wait(gather::ensure_future(vm, &coro, None)?))
        }
    }
}

/// The end of `writer.drain()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_drain(vm: &mut Vm, w: &Ref<Writer>, f: &Value, outcome: R) -> R<Next> {
    let protocol = w.get(vm).protocol.clone();
    match protocol.cast::<StreamProtocol>() {
        Some(p) => end_drain_helper(vm, p, f, outcome),
        None => outcome.map(|_| Next::Return(Value::NONE)),
    }
}

/// The start of `protocol._drain_helper()`.
///
/// # Errors
/// ConnectionResetError.
pub fn begin_drain_helper(vm: &mut Vm, p: &Ref<StreamProtocol>) -> R<Next> {
    let this = p.get(vm);
    if this.lost {
        let class = vm.exc.ConnectionResetError.clone();
        return Err(vm.raise_text(&class, "Connection lost"));
    }
    if !this.paused {
        return Ok(Next::Return(Value::NONE));
    }
    let l = this.event_loop.clone();
    let f = future::create_future(vm, &l)?;
    p.get_mut(vm).drainers.push_back(f.clone());
    Ok(Next::Wait(f))
}

/// The end of `protocol._drain_helper()`.
///
/// # Errors
/// What interrupted the wait.
pub fn end_drain_helper(vm: &mut Vm, p: &Ref<StreamProtocol>, f: &Value, outcome: R) -> R<Next> {
    drop(super::sync::take_out(&mut p.get_mut(vm).drainers, f));
    outcome.map(|_| Next::Return(Value::NONE))
}

/// The start of `writer.wait_closed()`.
///
/// # Errors
/// What the connection was lost with.
pub fn begin_wait_closed(vm: &mut Vm, w: &Ref<Writer>) -> R<Next> {
    let protocol = w.get(vm).protocol.clone();
    let closer = vm.call_method(&protocol, "_get_close_waiter", &[w.value().clone()])?;
    Ok(Next::Wait(gather::ensure_future(vm, &closer, None)?))
}

// ---- the protocol ----

fn protocol(vm: &mut Vm, a: &[Value]) -> R<Ref<StreamProtocol>> {
    vm.this::<StreamProtocol>(a, "StreamReaderProtocol").cloned()
}

/// Gives the class its methods.
pub fn extend_protocol(vm: &mut Vm, class: &Ref<Class>) {
    vm.extend_class(class, PROTOCOL, PROTOCOL_ATTRS);
}

const PROTOCOL: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let p = StreamProtocol {
            event_loop: Value::NONE,
            reader: Value::NONE,
            callback: Value::NONE,
            transport: Value::NONE,
            writer: Value::NONE,
            task: Value::NONE,
            closed: Value::UNDEF,
            drainers: VecDeque::new(),
            paused: false,
            lost: false,
            over_ssl: false,
        };
        Ok(vm.alloc_as(&class, p).into())
    }),
    NativeDef::new("__init__(self, stream_reader, client_connected_cb=None, loop=None)", "", |vm, a| {
        let p = protocol(vm, a)?;
        let l = match arg(a, 3).filter(|v| !v.is_none()) {
            Some(l) => l.clone(),
            None => super::get_event_loop(vm)?,
        };
        let closed = future::create_future(vm, &l)?;
        let mut this = p.get_mut(vm);
        this.reader = a[1].clone();
        this.callback = given(a, 2);
        this.event_loop = l;
        this.closed = closed;
        Ok(Value::NONE)
    }),
    NativeDef::new("connection_made(self, transport)", "Called when a connection is made.", |vm, a| {
        let p = protocol(vm, a)?;
        let t = a[1].clone();
        let reader = p.get(vm).reader.clone();
        if !reader.is_none() {
            vm.call_method(&reader, "set_transport", std::slice::from_ref(&t))?;
        }
        let ssl = vm.intern("sslcontext").into_value();
        let ssl = vm.call_method(&t, "get_extra_info", &[ssl])?;
        {
            let mut this = p.get_mut(vm);
            this.transport = t.clone();
            this.over_ssl = !ssl.is_none();
        }
        let callback = p.get(vm).callback.clone();
        if !callback.is_none() {
            super::call_apy(vm, "streams", "_client_connected", &[a[0].clone(), t, reader, callback])?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("connection_lost(self, exc)", "Called when the connection is lost or closed.", connection_lost),
    NativeDef::new("data_received(self, data)", "Called when some data is received.", |vm, a| {
        let p = protocol(vm, a)?;
        let bytes = crate::objects::bytes::bytes_from(vm, &a[1])?;
        streams::received(vm, &p, &bytes)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("eof_received(self)", "Called when the other end calls write_eof() or equivalent.", |vm, a| {
        let p = protocol(vm, a)?;
        let (reader, ssl) = (p.get(vm).reader.clone(), p.get(vm).over_ssl);
        match streams::native_reader(vm, &reader, "feed_eof")? {
            Some(r) => streams::feed_eof(vm, &r)?,
            None if reader.is_none() => {}
            None => drop(vm.call_method(&reader, "feed_eof", &[])?),
        }
        // Encrypted connections cannot be half closed.
        Ok(Value::bool(!ssl))
    }),
    NativeDef::new(
        "pause_writing(self)",
        "Called when the transport's buffer is over the high-water mark.",
        |vm, a| {
            let p = protocol(vm, a)?;
            p.get_mut(vm).paused = true;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "resume_writing(self)",
        "Called when the transport's buffer is below the low-water mark.",
        |vm, a| {
            let p = protocol(vm, a)?;
            p.get_mut(vm).paused = false;
            let all: Vec<Value> = p.get(vm).drainers.iter().cloned().collect();
            for f in all {
                if !gather::is_done(vm, &f)? {
                    future::set_result(vm, &f, Value::NONE)?;
                }
            }
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("_drain_helper(self)", "", |vm, a| {
        let p = protocol(vm, a)?;
        streams::start(vm, StreamOp::DrainHelper(p))
    }),
    NativeDef::new("_get_close_waiter(self, stream)", "", |vm, a| {
        let f = protocol(vm, a)?.get(vm).closed.clone();
        Ok(if f.is_undef() { Value::NONE } else { f })
    }),
    NativeDef::new("_replace_transport(self, transport)", "", |vm, a| {
        let p = protocol(vm, a)?;
        let old = std::mem::replace(&mut p.get_mut(vm).transport, a[1].clone());
        drop(old);
        Ok(Value::NONE)
    }),
];

fn connection_lost(vm: &mut Vm, a: &[Value]) -> R {
    let p = protocol(vm, a)?;
    let exception = a[1].clone();
    let reader = p.get(vm).reader.clone();
    let method = if exception.is_none() { "feed_eof" } else { "set_exception" };
    match (streams::native_reader(vm, &reader, method)?, exception.is_none()) {
        (Some(r), true) => streams::feed_eof(vm, &r)?,
        (Some(r), false) => streams::set_exception(vm, &r, &exception)?,
        (None, _) if reader.is_none() => {}
        (None, true) => drop(vm.call_method(&reader, "feed_eof", &[])?),
        (None, false) => drop(vm.call_method(&reader, "set_exception", std::slice::from_ref(&exception))?),
    }
    let closed = p.get(vm).closed.clone();
    if !closed.is_undef() && !gather::is_done(vm, &closed)? {
        if exception.is_none() {
            future::set_result(vm, &closed, Value::NONE)?;
        } else {
            future::set_exception(vm, &closed, exception.clone())?;
            // Who does not ask for the end need not hear of it.
            super::unretrieved::forget(vm, &closed);
        }
    }
    p.get_mut(vm).lost = true;
    if p.get(vm).paused {
        let all: Vec<Value> = p.get(vm).drainers.iter().cloned().collect();
        for f in all {
            if gather::is_done(vm, &f)? {
                continue;
            }
            if exception.is_none() {
                future::set_result(vm, &f, Value::NONE)?;
            } else {
                future::set_exception(vm, &f, exception.clone())?;
            }
        }
    }
    let old = {
        let mut this = p.get_mut(vm);
        [
            std::mem::replace(&mut this.reader, Value::NONE),
            std::mem::replace(&mut this.writer, Value::NONE),
            std::mem::replace(&mut this.task, Value::NONE),
            std::mem::replace(&mut this.transport, Value::NONE),
        ]
    };
    drop(old);
    Ok(Value::NONE)
}

macro_rules! slot {
    ($name:literal, $field:ident) => {
        GetSetDef::with_set(
            $name,
            "",
            |vm, v| {
                let v = protocol(vm, std::slice::from_ref(v))?.get(vm).$field.clone();
                Ok(if v.is_undef() { Value::NONE } else { v })
            },
            |vm, v, new| {
                let p = protocol(vm, std::slice::from_ref(v))?;
                let old = std::mem::replace(&mut p.get_mut(vm).$field, new.unwrap_or(Value::NONE));
                drop(old);
                Ok(())
            },
        )
    };
}

const PROTOCOL_ATTRS: &[GetSetDef] = &[
    slot!("_loop", event_loop),
    slot!("_stream_reader", reader),
    slot!("_transport", transport),
    slot!("_stream_writer", writer),
    slot!("_task", task),
    slot!("_closed", closed),
    slot!("_client_connected_cb", callback),
    GetSetDef::new("_paused", "", |vm, v| Ok(Value::bool(protocol(vm, std::slice::from_ref(v))?.get(vm).paused))),
    GetSetDef::new("_over_ssl", "", |vm, v| Ok(Value::bool(protocol(vm, std::slice::from_ref(v))?.get(vm).over_ssl))),
    GetSetDef::new("_connection_lost", "", |vm, v| {
        Ok(Value::bool(protocol(vm, std::slice::from_ref(v))?.get(vm).lost))
    }),
];
