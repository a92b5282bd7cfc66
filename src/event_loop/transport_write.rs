//! Writing to a transport: at once what the system takes, the rest when there is room, with the protocol told to pause.
//!
//! Small pieces wait until the callback is over that writes them (see `vm::held`): what it writes in several pieces costs
//! one call of the system and is one packet. With sixteen lines under way on a connection, a server that answers line by
//! line takes a tenth of the time.

use super::core::EventLoop;
use super::future;
use super::transport::{
    COMPACT, Kind, READ, Ready, Transport, arm_write, fatal_forced, look_soon, lose, pipe_reader_gone, report_error,
    tell, unregister,
};
use crate::vm::object::Ref;
use crate::vm::str::Bytes;
use crate::vm::{R, Value, Vm, system};
use std::io;

/// The largest write, in bytes, that is held back for more to follow.
const PIECE: usize = 4 * 1024;
/// What is held back is sent from so many bytes on.
const HELD: usize = 16 * 1024;
/// The largest write, in bytes, that goes out together with what is held back: it is copied for that.
const JOINED: usize = 64 * 1024;
/// So many writes after the connection was lost are silent.
const SILENT_WRITES: u32 = 5;

/// Bytes to be written: a native's own, or those of an object that nobody changes, which go without a copy.
pub enum Source<'a> {
    /// Bytes.
    Slice(&'a [u8]),
    /// An object.
    Bytes(&'a Ref<Bytes>),
}

impl Source<'_> {
    fn get<'v>(&'v self, vm: &'v Vm) -> &'v [u8] {
        match self {
            Source::Slice(bytes) => bytes,
            Source::Bytes(b) => b.get(vm).as_bytes(),
        }
    }
}

/// Writes bytes, or keeps what the system does not take yet. Small pieces are held back until the callback is over that
/// writes them (see `vm::held`): what it writes in several pieces costs one call of the system, and is one packet.
///
/// # Errors
/// RuntimeError after `write_eof`; what the protocol's `pause_writing` must let out of the loop.
pub fn write(vm: &mut Vm, t: &Ref<Transport>, source: Source<'_>) -> R<()> {
    let (this, bytes) = (t.get(vm), source.get(vm));
    if this.eof {
        return Err(vm.runtime_error("Cannot call write() after write_eof()"));
    }
    if !this.empty_waiter.is_undef() {
        return Err(vm.runtime_error("unable to write; sendfile is in progress"));
    }
    if bytes.is_empty() {
        return Ok(());
    }
    if this.lost > 0 || (this.kind == Kind::WritePipe && this.closing) {
        let pipe = this.kind == Kind::WritePipe;
        let n = if pipe { this.ignored } else { this.lost };
        if n >= SILENT_WRITES {
            let text = if this.kind == Kind::Socket {
                "socket.send() raised exception."
            } else {
                "pipe closed by peer or os.write(pipe, data) raised exception."
            };
            let text = vm.new_str(text).into_value();
            super::call_apy(vm, "base_events", "_warn", &[text])?;
        }
        let mut this = t.get_mut(vm);
        *(if pipe { &mut this.ignored } else { &mut this.lost }) = n.saturating_add(1);
        return Ok(());
    }
    if let Some(bytes) = joined(vm, t, &source) {
        let full = bytes.len() >= HELD;
        vm.hold_back(t.value().clone(), bytes, send_held);
        return if full { flush_held(vm) } else { Ok(()) };
    }
    if vm.holds_back() {
        flush_held(vm)?;
        return write(vm, t, source);
    }
    write_now(vm, t, source)
}

/// What is held back for the transport, with these bytes; `None` where they must not be held back, or not yet.
fn joined(vm: &mut Vm, t: &Ref<Transport>, source: &Source<'_>) -> Option<Vec<u8>> {
    let this = t.get(vm);
    let runs = this.event_loop.cast::<EventLoop>().is_some_and(|l| l.get(vm).thread.is_some());
    if !runs || this.kind != Kind::Socket || this.high < HELD || !this.pending().is_empty() {
        return None;
    }
    let len = source.get(vm).len();
    let mut bytes = match vm.holds_back() {
        false if len <= PIECE => vm.spare_held(),
        true if vm.holds_back_for(t.value()) && len <= JOINED => vm.take_held()?.1,
        _ => return None,
    };
    bytes.extend_from_slice(source.get(vm));
    Some(bytes)
}

/// Sends what is held back, if it is this transport's.
///
/// # Errors
/// As [`write`].
pub fn flush(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    if vm.holds_back_for(t.value()) { flush_held(vm) } else { Ok(()) }
}

/// Sends what is held back.
///
/// # Errors
/// As [`write`].
pub fn flush_held(vm: &mut Vm) -> R<()> {
    let Some((owner, bytes)) = vm.take_held() else { return Ok(()) };
    let result = match owner.cast::<Transport>() {
        Some(t) if t.get(vm).lost == 0 => write_now(vm, t, Source::Slice(&bytes)),
        _ => Ok(()),
    };
    vm.reuse_held(bytes);
    result
}

/// Sends what is held back where no script code may run. What cannot be sent is left for the loop, as is the failure.
fn send_held(vm: &mut Vm, owner: &Value, bytes: &[u8]) {
    let Some(t) = owner.cast::<Transport>().filter(|t| t.get(vm).lost == 0) else { return };
    let sent = send(t.get(vm).kind, t.get(vm).fd as i32, bytes).unwrap_or(0);
    let rest = bytes.get(sent..).unwrap_or_default();
    if rest.is_empty() {
        return;
    }
    let mut this = t.get_mut(vm);
    this.sent = 0;
    this.buffer = rest.to_vec();
    drop(this);
    look_soon(vm, t, Ready { read: false, write: true, end: false });
}

/// Writes without holding back.
fn write_now(vm: &mut Vm, t: &Ref<Transport>, source: Source<'_>) -> R<()> {
    let (this, bytes) = (t.get(vm), source.get(vm));
    let mut sent = 0;
    if this.pending().is_empty() {
        match send(this.kind, this.fd as i32, bytes) {
            Ok(n) if n >= bytes.len() => return Ok(()),
            Ok(n) => sent = n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return write_failed(vm, t, &e),
        }
        arm_write(vm, t)?;
    }
    vm.check_alloc(source.get(vm).len() - sent)?;
    let rest = source.get(vm).get(sent..).unwrap_or_default().to_vec();
    let mut this = t.get_mut(vm);
    if this.pending().is_empty() {
        this.sent = 0;
        this.buffer = rest;
    } else {
        this.buffer.extend_from_slice(&rest);
    }
    drop(this);
    pause_protocol(vm, t)
}

fn send(kind: Kind, fd: i32, bytes: &[u8]) -> io::Result<usize> {
    loop {
        let sent = match kind {
            Kind::Socket => system::send(fd, bytes, nix::libc::MSG_NOSIGNAL),
            _ => system::write(fd, bytes),
        };
        match sent {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn write_failed(vm: &mut Vm, t: &Ref<Transport>, e: &io::Error) -> R<()> {
    let kind = t.get(vm).kind;
    if kind == Kind::WritePipe {
        let mut this = t.get_mut(vm);
        this.lost = this.lost.saturating_add(1);
        this.ignored = 1;
    }
    let e = vm.os_error(e, None);
    fatal_forced(vm, t, e, &format!("Fatal write error on {} transport", kind.word()), kind == Kind::WritePipe)
}

/// There is room for writing.
pub fn write_ready(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    if t.get(vm).lost > 0 {
        return Ok(());
    }
    loop {
        let this = t.get(vm);
        if this.pending().is_empty() {
            break;
        }
        match send(this.kind, this.fd as i32, this.pending()) {
            Ok(n) => {
                let mut this = t.get_mut(vm);
                this.sent += n;
                if this.sent >= this.buffer.len() {
                    this.buffer.clear();
                    this.sent = 0;
                    if this.buffer.capacity() > READ {
                        this.buffer.shrink_to(COMPACT);
                    }
                } else if this.sent >= COMPACT && this.sent * 2 >= this.buffer.len() {
                    let sent = std::mem::take(&mut this.sent);
                    this.buffer.drain(..sent);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe && this.kind == Kind::WritePipe => {
                // CPython's loop looks for the end before it writes, and has no number of an error then.
                return pipe_reader_gone(vm, t);
            }
            Err(e) => {
                let mut this = t.get_mut(vm);
                this.buffer.clear();
                this.sent = 0;
                drop(this);
                let waiter = std::mem::replace(&mut t.get_mut(vm).empty_waiter, Value::UNDEF);
                let kind = t.get(vm).kind;
                let raised = vm.os_error(&e, None);
                let exception = vm.exception_value(raised);
                if !waiter.is_undef() {
                    future::set_exception(vm, &waiter, exception.clone())?;
                }
                if kind == Kind::WritePipe {
                    let mut this = t.get_mut(vm);
                    this.lost += 1;
                    this.ignored = 1;
                }
                let raised = vm.raise(exception);
                let text = format!("Fatal write error on {} transport", kind.word());
                return fatal_forced(vm, t, raised, &text, kind == Kind::WritePipe);
            }
        }
    }
    resume_protocol(vm, t)?;
    if !t.get(vm).pending().is_empty() {
        return arm_write(vm, t);
    }
    let waiter = t.get(vm).empty_waiter.clone();
    if !waiter.is_undef() {
        super::task_object::set_result_unless_cancelled(vm, &waiter, Value::NONE)?;
    }
    let this = t.get(vm);
    if this.closing {
        unregister(vm, t);
        return lose(vm, t, Value::NONE);
    }
    if this.eof && this.kind == Kind::Socket {
        // The peer may be gone already.
        let _ = system::shutdown(this.fd as i32, nix::libc::SHUT_WR);
    }
    Ok(())
}

fn flow_failed(vm: &mut Vm, t: &Ref<Transport>, result: R<()>, method: &str) -> R<()> {
    match result {
        Err(e) if !super::leaves_loop(vm, &e) => {
            let text = vm.new_str(&format!("protocol.{method}() failed")).into_value();
            report_error(vm, t, e, text)
        }
        other => other,
    }
}

/// Tells the protocol to pause when too much waits.
///
/// # Errors
/// What must leave the loop.
pub fn pause_protocol(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    let this = t.get(vm);
    if this.pending().len() <= this.high || this.protocol_paused {
        return Ok(());
    }
    t.get_mut(vm).protocol_paused = true;
    let result = tell(vm, t, "pause_writing", &[]).map(drop);
    flow_failed(vm, t, result, "pause_writing")
}

/// Tells the protocol to go on when little waits.
///
/// # Errors
/// What must leave the loop.
pub fn resume_protocol(vm: &mut Vm, t: &Ref<Transport>) -> R<()> {
    let this = t.get(vm);
    if !this.protocol_paused || this.pending().len() > this.low {
        return Ok(());
    }
    t.get_mut(vm).protocol_paused = false;
    let result = tell(vm, t, "resume_writing", &[]).map(drop);
    flow_failed(vm, t, result, "resume_writing")
}
