//! Transports over descriptors: sockets and the ends of pipes. The state, reading and closing; writing is in
//! `transport_write`, the methods that scripts call are in `transport_object`.
//!
//! A transport is registered with the reactor once, edge-triggered: it reads until the system has no more, and asks to
//! hear of room for writing only after a write was refused. Bytes for a native stream protocol go straight into its
//! reader. Invariant: at most one `connection_lost` is scheduled, and it is the last call to the protocol.

use super::core::{Entry, EventLoop};
use super::streams::{self, Reader, StreamProtocol};
use super::transport_write::{self, write_ready};
use super::{future, polling, report, sync};
use crate::heap_object;
use crate::vm::exception::Raised;
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::{R, Value, Vm, system};
use std::io;

/// What one read takes at most, in bytes.
pub(super) const READ: usize = 256 * 1024;
/// Bytes that were written are cut off the buffer's front from here on.
pub(super) const COMPACT: usize = 64 * 1024;

/// What a transport's descriptor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A connected socket.
    Socket,
    /// The reading end of a pipe.
    ReadPipe,
    /// The writing end of a pipe.
    WritePipe,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        if self == Kind::Socket { "socket" } else { "pipe" }
    }
}

impl Trace for Kind {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

/// How bytes come to the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// Into the reader of a native stream protocol.
    Stream,
    /// By `data_received`.
    Bytes,
    /// By `get_buffer` and `buffer_updated`.
    Buffer,
}

impl Trace for Delivery {
    fn trace(&self, _: &mut Tracer<'_>) {}
    fn clear(&mut self) {}
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// Reading, or learning of the end.
    pub read: bool,
    /// Writing, or learning of a failure.
    pub write: bool,
    /// The peer has closed its side: reading goes on until the end is met, which is reported only once.
    pub end: bool,
}

heap_object! {
    /// The payload of transports.
    pub struct Transport {
        /// See [`Kind`].
        pub kind: Kind,
        /// The loop; `None` once the connection is lost.
        pub event_loop: Value,
        /// The socket or the file; `None` once closed.
        pub file: Value,
        /// The protocol; `None` once the connection is lost.
        pub protocol: Value,
        /// See [`Delivery`].
        pub delivery: Delivery,
        /// The server that accepted the connection, or `None`.
        pub server: Value,
        /// What `get_extra_info` knows: a dict.
        pub extra: Value,
        /// The future of a `sendfile` that waits for the buffer to become empty, or `UNDEF`.
        pub empty_waiter: Value,
        /// The descriptor.
        pub fd: i64,
        /// Bytes to be written; those before `sent` are written.
        pub buffer: Vec<u8>,
        /// See `buffer`.
        pub sent: usize,
        /// Reading is paused by `pause_reading`.
        pub paused: bool,
        /// Reading goes on: neither the end was met nor closing has begun.
        pub reading: bool,
        /// `close` was called, or the connection failed.
        pub closing: bool,
        /// `write_eof` was called.
        pub eof: bool,
        /// Times that the connection was found lost.
        pub lost: u32,
        /// Writes to a pipe that failed or were ignored.
        pub ignored: u32,
        /// `connection_made` was called.
        pub connected: bool,
        /// The protocol was told to pause writing.
        pub protocol_paused: bool,
        /// A full read says nothing about whether more is there: read until the system refuses.
        pub drain: bool,
        /// The write limits.
        pub high: usize,
        /// See `high`.
        pub low: usize,
        /// Its number in the reactor.
        pub source: Option<usize>,
        /// The reactor reports room for writing.
        pub write_armed: bool,
    }
    kind = Transport;
    external = |this| this.buffer.capacity();
}

impl Transport {
    /// Bytes that wait to be written.
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.sent..).unwrap_or_default()
    }
}

/// The native loop of a transport.
pub fn loop_of(vm: &Vm, t: &Ref<Transport>) -> Option<Ref<EventLoop>> {
    t.get(vm).event_loop.cast::<EventLoop>().cloned()
}

/// Finds out how bytes come to a protocol.
pub fn delivery_for(vm: &mut Vm, protocol: &Value) -> R<Delivery> {
    if protocol.is_a::<StreamProtocol>() {
        let base = streams::protocol_class(vm)?;
        if !sync::overrides(vm, protocol, &base, "data_received") {
            return Ok(Delivery::Stream);
        }
    }
    if protocol.is_none() {
        return Ok(Delivery::Bytes);
    }
    let m = crate::modules::import::import_module(vm, "asyncio.protocols")?;
    let class = vm.get_attr_str(&m, "BufferedProtocol")?;
    Ok(if vm.is_instance_of(protocol, &class)? { Delivery::Buffer } else { Delivery::Bytes })
}

/// Registers the descriptor with the loop's reactor, if it is not yet.
///
/// # Errors
/// OSError when the descriptor cannot be watched.
pub fn register(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    if t.get(vm).source.is_some() {
        return Ok(());
    }
    let Some(l) = loop_of(vm, t) else { return Ok(()) };
    polling::ensure_reactor(vm, &l)?;
    let (fd, read) = (t.get(vm).fd as i32, t.get(vm).kind != Kind::WritePipe);
    let added = match &mut l.get_mut(vm).reactor {
        Some(r) => r.add_source(fd, t.value().clone(), read),
        None => return Ok(()),
    };
    match added {
        Ok(id) => {
            let mut this = t.get_mut(vm);
            this.source = Some(id);
            this.write_armed = !read;
            Ok(())
        }
        Err(e) => Err(vm.os_error(&e, None)),
    }
}

pub(super) fn unregister(vm: &mut Vm, t: &Ref<Transport>) {
    let Some(id) = t.get_mut(vm).source.take() else { return };
    let fd = t.get(vm).fd as i32;
    if let Some(l) = loop_of(vm, t) {
        let old = l.get_mut(vm).reactor.as_mut().and_then(|r| r.remove_source(id, fd));
        drop(old);
    }
}

/// Asks to hear when there is room for writing.
pub(super) fn arm_write(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    register(vm, t)?;
    let this = t.get(vm);
    let (Some(id), false) = (this.source, this.write_armed) else { return Ok(()) };
    let (fd, read) = (this.fd as i32, this.kind != Kind::WritePipe);
    let Some(l) = loop_of(vm, t) else { return Ok(()) };
    let done = match &mut l.get_mut(vm).reactor {
        Some(r) => r.watch_source(id, fd, read, true),
        None => return Ok(()),
    };
    if let Err(e) = done {
        return Err(vm.os_error(&e, None));
    }
    t.get_mut(vm).write_armed = true;
    Ok(())
}

/// Has the loop look at the descriptor in the next iteration, whatever the reactor says.
pub fn look_soon(vm: &mut Vm, t: &Ref<Transport>, ready: Ready) {
    if let Some(l) = loop_of(vm, t) {
        l.get_mut(vm).ready.push_back(Entry::Io(t.clone(), ready));
    }
}

/// Calls a method of the protocol.
pub(super) fn tell(vm: &mut Vm, t: &Ref<Transport>, method: &str, args: &[Value]) -> R {
    let protocol = t.get(vm).protocol.clone();
    vm.call_method(&protocol, method, args)
}

// ---- reading ----

/// The descriptor is ready.
///
/// # Errors
/// SystemExit, KeyboardInterrupt, and what stops the interpreter.
pub fn on_ready(vm: &mut Vm, t: &Ref<Transport>, ready: Ready) -> R<()> {
    let this = t.get(vm);
    if this.kind == Kind::WritePipe {
        // As CPython's loop, which looks for the end before it writes.
        if ready.read {
            return pipe_reader_gone(vm, t);
        }
        return if ready.write && !this.pending().is_empty() { write_ready(vm, t) } else { Ok(()) };
    }
    if ready.read && this.reading && !this.paused {
        read_ready(vm, t, ready.end)?;
    }
    if ready.write && !t.get(vm).pending().is_empty() {
        write_ready(vm, t)?;
    }
    Ok(())
}

/// Reads; sockets by the call of their own, which costs the system less.
fn receive(kind: Kind, fd: i32, buffer: &mut [u8]) -> io::Result<usize> {
    if kind == Kind::Socket { system::recv(fd, buffer, 0) } else { system::read(fd, buffer) }
}

fn read_ready(vm: &mut Vm, t: &Ref<Transport>, end: bool) -> R<()> {
    if t.get(vm).lost > 0 {
        return Ok(());
    }
    if t.get(vm).delivery == Delivery::Buffer {
        return read_into_buffer(vm, t, end);
    }
    if let Some(r) = bulk_reader(vm, t) {
        return read_bulk(vm, t, &r, end);
    }
    let Some(l) = loop_of(vm, t) else { return Ok(()) };
    let mut scratch = std::mem::take(&mut l.get_mut(vm).scratch);
    if scratch.is_empty() {
        scratch = vec![0; READ];
    }
    let (fd, kind) = (t.get(vm).fd as i32, t.get(vm).kind);
    let read = loop {
        match receive(kind, fd, &mut scratch) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => break other,
        }
    };
    let result = match read {
        Ok(0) => on_eof(vm, t),
        Ok(n) => {
            if end || n == scratch.len() || t.get(vm).drain {
                look_soon(vm, t, Ready { read: true, write: false, end });
            }
            deliver(vm, t, scratch.get(..n).unwrap_or_default())
        }
        Err(e) => read_failed(vm, t, &e),
    };
    l.get_mut(vm).scratch = scratch;
    result
}

/// The reader of a connection that brings much at a time: its buffer has room for a whole read.
fn bulk_reader(vm: &Vm, t: &Ref<Transport>) -> Option<Ref<Reader>> {
    let this = t.get(vm);
    if this.delivery != Delivery::Stream {
        return None;
    }
    let r = this.protocol.cast::<StreamProtocol>()?.get(vm).reader.cast::<Reader>()?;
    (r.is_of_builtin_class() && r.get(vm).room() >= streams::BULK).then(|| r.clone())
}

/// Reads straight into a reader's buffer.
fn read_bulk(vm: &mut Vm, t: &Ref<Transport>, r: &Ref<Reader>, end: bool) -> R<()> {
    let (fd, drain) = (t.get(vm).fd as i32, t.get(vm).drain);
    let (read, full) = {
        let mut this = r.get_mut(vm);
        let room = this.room();
        let read = loop {
            match system::read_behind(fd, &mut this.buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let full = matches!(read, Ok(n) if n == room);
        if matches!(read, Ok(n) if n < COMPACT) {
            this.settle_for_less();
        }
        (read, full)
    };
    match read {
        Ok(0) => on_eof(vm, t),
        Ok(_) => {
            if end || full || drain {
                look_soon(vm, t, Ready { read: true, write: false, end });
            }
            let result = streams::fed(vm, r);
            settle(vm, t, result, "Fatal error: protocol.data_received() call failed.")
        }
        Err(e) => read_failed(vm, t, &e),
    }
}

fn read_failed(vm: &mut Vm, t: &Ref<Transport>, e: &io::Error) -> R<()> {
    if e.kind() == io::ErrorKind::WouldBlock {
        return Ok(());
    }
    let e = vm.os_error(e, None);
    let text = format!("Fatal read error on {} transport", t.get(vm).kind.word());
    fatal(vm, t, e, &text)
}

/// The other side has closed: in debug mode, that is logged.
fn tell_end(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    if loop_of(vm, t).is_some_and(|l| l.get(vm).debug) {
        let pipe = t.get(vm).kind != Kind::Socket;
        super::call_apy(vm, "selector_events", "_tell_end", &[t.value().clone(), Value::bool(pipe)])?;
    }
    Ok(())
}

fn deliver(vm: &mut Vm, t: &Ref<Transport>, bytes: &[u8]) -> R<()> {
    let result = if t.get(vm).delivery == Delivery::Stream {
        let protocol = t.get(vm).protocol.clone();
        match protocol.cast::<StreamProtocol>() {
            Some(p) => streams::received(vm, p, bytes),
            None => Ok(()),
        }
    } else {
        let data = vm.new_bytes(bytes).into_value();
        tell(vm, t, "data_received", &[data]).map(drop)
    };
    settle(vm, t, result, "Fatal error: protocol.data_received() call failed.")
}

/// Lets through what must leave the loop; everything else ends the connection.
fn settle(vm: &mut Vm, t: &Ref<Transport>, result: R<()>, text: &str) -> R<()> {
    match result {
        Err(e) if !super::leaves_loop(vm, &e) => fatal(vm, t, e, text),
        other => other,
    }
}

fn read_into_buffer(vm: &mut Vm, t: &Ref<Transport>, end: bool) -> R<()> {
    let target = match get_buffer(vm, t) {
        Ok(v) => v,
        Err(e) => return settle(vm, t, Err(e), "Fatal error: protocol.get_buffer() call failed."),
    };
    let len = match crate::objects::bytes::writable_len(vm, &target, "get_buffer() result") {
        Ok(n) => n,
        Err(e) => return settle(vm, t, Err(e), "Fatal error: protocol.get_buffer() call failed."),
    };
    let mut bytes = vec![0; len.min(READ)];
    match receive(t.get(vm).kind, t.get(vm).fd as i32, &mut bytes) {
        Ok(0) => on_eof(vm, t),
        Ok(n) => {
            if end || n == bytes.len() || t.get(vm).drain {
                look_soon(vm, t, Ready { read: true, write: false, end });
            }
            let written = crate::objects::bytes::write(vm, &target, 0, bytes.get(..n).unwrap_or_default());
            let result = written.and_then(|()| tell(vm, t, "buffer_updated", &[Value::len(n)]).map(drop));
            settle(vm, t, result, "Fatal error: protocol.buffer_updated() call failed.")
        }
        Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(()),
        Err(e) => {
            let e = vm.os_error(&e, None);
            fatal(vm, t, e, "Fatal read error on socket transport")
        }
    }
}

fn get_buffer(vm: &mut Vm, t: &Ref<Transport>) -> R {
    let target = tell(vm, t, "get_buffer", &[Value::int32(-1)])?;
    if vm.len(&target)? == 0 {
        return Err(vm.runtime_error("get_buffer() returned an empty buffer"));
    }
    Ok(target)
}

fn on_eof(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    tell_end(vm, t)?;
    t.get_mut(vm).reading = false;
    if t.get(vm).kind == Kind::ReadPipe {
        t.get_mut(vm).closing = true;
        unregister(vm, t);
        let (l, protocol) = (t.get(vm).event_loop.clone(), t.get(vm).protocol.clone());
        let call_soon = vm.get_attr_str(&l, "call_soon")?;
        let eof = vm.get_attr_str(&protocol, "eof_received")?;
        vm.call(&call_soon, &[eof])?;
        return schedule_lost(vm, t, Value::NONE);
    }
    let kept = tell(vm, t, "eof_received", &[]).and_then(|v| vm.truth(&v));
    match kept {
        // The writing side stays open.
        Ok(true) => Ok(()),
        Ok(false) => close(vm, t),
        Err(e) => settle(vm, t, Err(e), "Fatal error: protocol.eof_received() call failed."),
    }
}

// ---- the end ----

/// Nobody reads the pipe any more.
pub(super) fn pipe_reader_gone(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    let this = t.get(vm);
    if this.lost > 0 || this.closing && this.pending().is_empty() {
        return Ok(());
    }
    tell_end(vm, t)?;
    let exception = if t.get(vm).pending().is_empty() {
        Value::NONE
    } else {
        let class = vm.exc.BrokenPipeError.clone();
        vm.new_exception(&class, Vec::new()).into_value()
    };
    force_close(vm, t, exception)
}

/// Closes: what waits is written first.
///
/// # Errors
/// RuntimeError when the loop is closed.
pub fn close(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    transport_write::flush(vm, t)?;
    if t.get(vm).closing {
        return Ok(());
    }
    {
        let mut this = t.get_mut(vm);
        this.closing = true;
        this.reading = false;
    }
    if !t.get(vm).pending().is_empty() {
        return Ok(());
    }
    t.get_mut(vm).lost += 1;
    unregister(vm, t);
    schedule_lost(vm, t, Value::NONE)
}

pub(super) fn report_error(vm: &mut Vm, t: &Ref<Transport>, e: Raised, text: Value) -> R<()> {
    let exception = vm.exception_value(e);
    let (l, protocol) = (t.get(vm).event_loop.clone(), t.get(vm).protocol.clone());
    let pairs =
        [("message", text), ("exception", exception.clone()), ("transport", t.value().clone()), ("protocol", protocol)];
    let context = super::named_values(vm, &pairs);
    report::tell_of(vm, &l, &exception, &context)
}

/// The connection failed.
fn fatal(vm: &mut Vm, t: &Ref<Transport>, e: Raised, text: &str) -> R<()> {
    fatal_forced(vm, t, e, text, false)
}

pub(super) fn fatal_forced(vm: &mut Vm, t: &Ref<Transport>, e: Raised, text: &str, again: bool) -> R<()> {
    let exception = vm.exception_value(e);
    let os_error = vm.exc.OSError.clone();
    if !vm.is_instance(&exception, &os_error) {
        let raised = vm.raise(exception.clone());
        let text = vm.new_str(text).into_value();
        report_error(vm, t, raised, text)?;
    }
    if again {
        t.get_mut(vm).lost = 0;
    }
    force_close(vm, t, exception)
}

/// Closes at once; what waits is lost.
///
/// # Errors
/// RuntimeError when the loop is closed.
pub fn force_close(vm: &mut Vm, t: &Ref<Transport>, exception: Value) -> R<()> {
    transport_write::flush(vm, t)?;
    if t.get(vm).lost > 0 {
        return Ok(());
    }
    {
        let mut this = t.get_mut(vm);
        this.buffer = Vec::new();
        this.sent = 0;
        this.closing = true;
        this.reading = false;
        this.lost += 1;
    }
    let waiter = std::mem::replace(&mut t.get_mut(vm).empty_waiter, Value::UNDEF);
    if !waiter.is_undef() {
        let class = vm.exc.ConnectionError.clone();
        let text = vm.new_str("Connection is closed by peer").into_value();
        let e = vm.new_exception(&class, vec![text]).into_value();
        future::set_exception(vm, &waiter, e)?;
    }
    unregister(vm, t);
    schedule_lost(vm, t, exception)
}

fn schedule_lost(vm: &mut Vm, t: &Ref<Transport>, exception: Value) -> R<()> {
    let f = vm.get_attr_str(t.value(), "_call_connection_lost")?;
    let l = t.get(vm).event_loop.clone();
    vm.call_method(&l, "call_soon", &[f, exception]).map(drop)
}

/// Tells the protocol that the connection is lost, and closes the descriptor.
///
/// # Errors
/// What `connection_lost` raises.
pub fn lose(vm: &mut Vm, t: &Ref<Transport>, exception: Value) -> R<()> {
    unregister(vm, t);
    let told = if t.get(vm).connected { tell(vm, t, "connection_lost", &[exception]).map(drop) } else { Ok(()) };
    let (file, server) = {
        let mut this = t.get_mut(vm);
        this.buffer = Vec::new();
        this.sent = 0;
        (std::mem::replace(&mut this.file, Value::NONE), std::mem::replace(&mut this.server, Value::NONE))
    };
    let closed = if file.is_none() { Ok(()) } else { vm.call_method(&file, "close", &[]).map(drop) };
    let old = {
        let mut this = t.get_mut(vm);
        (std::mem::replace(&mut this.protocol, Value::NONE), std::mem::replace(&mut this.event_loop, Value::NONE))
    };
    drop(old);
    if !server.is_none() {
        vm.call_method(&server, "_detach", &[t.value().clone()])?;
    }
    told.and(closed)
}
