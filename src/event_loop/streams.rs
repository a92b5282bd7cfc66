//! `StreamReader` and the protocol that feeds it. Reading is done by native coroutines, which do not suspend when
//! what they want has already come. The writer is in `stream_writer`.
//!
//! Invariant: one coroutine at a time waits for data; the reader's buffer holds what no coroutine took yet.

use super::core::EventLoop;
use super::coroutine::{self, NativeCoroutine, Next, Op, Sender};
use super::stream_writer::{self, Writer};
use super::{future, gather};
use crate::heap_object;
use crate::vm::class::{Class, class_flag};
use crate::vm::exception::Raised;
use crate::vm::native::{GetSetDef, NativeDef, arg, arg_or_none};
use crate::vm::object::{Ref, Trace, Tracer};
use crate::vm::ops::CmpOp;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;

/// From so many bytes in one read on, bytes go straight into a reader's buffer.
pub const BULK: usize = 128 * 1024;

/// The limit of readers when none is given, in bytes.
pub const LIMIT: usize = 64 * 1024;

heap_object! {
    /// The payload of `asyncio.StreamReader`.
    pub struct Reader {
        /// What came and was not taken; bytes before `start` were taken.
        pub buffer: Vec<u8>,
        /// See `buffer`.
        pub start: usize,
        /// `limit`; of a float, its whole part.
        pub limit: usize,
        /// So much makes the transport pause: twice the limit.
        pub most: usize,
        /// `limit` where it is a float, else `None`.
        pub float_limit: Value,
        /// The end was met.
        pub eof: bool,
        /// The transport was told to pause.
        pub paused: bool,
        /// The loop.
        pub event_loop: Value,
        /// The future of the coroutine that waits, or that coroutine where it has none, or `None`.
        pub waiter: Value,
        /// What is raised instead of reading, or `None`.
        pub exception: Value,
        /// The transport, or `None`.
        pub transport: Value,
        /// Where it was made, in debug mode; else `None`.
        pub source_traceback: Value,
    }
    kind = StreamReader;
    external = |this| this.buffer.capacity();
}

heap_object! {
    /// The payload of `asyncio.StreamReaderProtocol`.
    pub struct StreamProtocol {
        /// The loop.
        pub event_loop: Value,
        /// The reader, or `None`.
        pub reader: Value,
        /// `client_connected_cb`, or `None`.
        pub callback: Value,
        /// The transport, or `None`.
        pub transport: Value,
        /// The writer given to the callback, or `None`.
        pub writer: Value,
        /// The task of the callback, or `None`.
        pub task: Value,
        /// Done when the connection is lost; or `UNDEF`.
        pub closed: Value,
        /// Who waits for room in the transport's buffer.
        pub drainers: VecDeque<Value>,
        /// The transport is full.
        pub paused: bool,
        /// The connection is lost.
        pub lost: bool,
        /// The connection is encrypted.
        pub over_ssl: bool,
    }
    kind = StreamProtocol;
}

impl Reader {
    /// What can be read.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// How many bytes may come without growing the buffer.
    pub fn room(&self) -> usize {
        self.buffer.capacity() - self.buffer.len()
    }

    /// A buffer that took much, and now only a little, gives memory back.
    pub fn settle_for_less(&mut self) {
        if self.buffer.capacity() > 4 * LIMIT {
            self.buffer.shrink_to(LIMIT);
        }
    }

    /// Drops bytes from the front.
    fn consume(&mut self, n: usize) {
        self.start += n;
        if self.start >= self.buffer.len() {
            self.start = 0;
            self.buffer.clear();
            if self.buffer.capacity() > 16 * LIMIT {
                self.buffer.shrink_to(8 * LIMIT);
            }
        } else if self.start > LIMIT {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

/// A coroutine of a stream, and who resumes it.
pub type Who<'a> = (&'a Ref<NativeCoroutine>, Sender);

/// What a reading coroutine wants. The frequent ones, `read(n)` and `readline()`, have operations of their own.
pub enum Want {
    /// `async for`.
    NextLine,
    /// `readuntil(…)`: the separators, shortest first.
    Until(Vec<Vec<u8>>),
    /// `readexactly(n)`.
    Exactly(usize),
    /// `read()`: what came so far.
    All(Vec<u8>),
    /// `read(n)` and, where the flag is set, `readexactly(n)` with a size that is no small int.
    Unusual(Value, bool),
    /// `readuntil(…)` with separators some of which are no bytes.
    Unfit(Value),
}

/// What a coroutine of a stream does.
pub enum StreamOp {
    /// Reads; the number says up to where no separator was found.
    Read(Ref<Reader>, Want, usize),
    /// `writer.drain()`; whether it has let others run.
    Drain(Ref<Writer>, bool),
    /// `protocol._drain_helper()`.
    DrainHelper(Ref<StreamProtocol>),
    /// `writer.wait_closed()`.
    WaitClosed(Ref<Writer>),
}

impl StreamOp {
    /// `__qualname__`.
    pub fn name(&self) -> &'static str {
        match self {
            StreamOp::Read(_, Want::NextLine, _) => "StreamReader.__anext__",
            StreamOp::Read(_, Want::Until(_) | Want::Unfit(_), _) => "StreamReader.readuntil",
            StreamOp::Read(_, Want::Exactly(_) | Want::Unusual(_, true), _) => "StreamReader.readexactly",
            StreamOp::Read(..) => "StreamReader.read",
            StreamOp::Drain(..) => "StreamWriter.drain",
            StreamOp::DrainHelper(_) => "FlowControlMixin._drain_helper",
            StreamOp::WaitClosed(_) => "StreamWriter.wait_closed",
        }
    }
}

impl Trace for StreamOp {
    fn trace(&self, tracer: &mut Tracer<'_>) {
        match self {
            StreamOp::Read(r, want, _) => {
                r.trace(tracer);
                if let Want::Unusual(v, _) | Want::Unfit(v) = want {
                    v.trace(tracer);
                }
            }
            StreamOp::Drain(w, _) | StreamOp::WaitClosed(w) => w.trace(tracer),
            StreamOp::DrainHelper(p) => p.trace(tracer),
        }
    }
    fn clear(&mut self) {}
}

/// A coroutine of a stream.
///
/// # Errors
/// None in a sound build.
pub fn start(vm: &mut Vm, op: StreamOp) -> R {
    coroutine::new(vm, Op::Stream(Some(Box::new(op))))
}

/// What a coroutine does first.
///
/// # Errors
/// What it raises.
pub fn begin(vm: &mut Vm, op: &mut StreamOp, who: Who<'_>) -> R<Next> {
    match op {
        StreamOp::Read(r, want, searched) => {
            let r = r.clone();
            check_exception(vm, &r)?;
            read_more(vm, &r, want, searched, who)
        }
        StreamOp::Drain(w, _) => {
            let w = w.clone();
            let next = stream_writer::begin_drain(vm, &w)?;
            if let (StreamOp::Drain(_, paused), Next::Pause) = (op, &next) {
                *paused = true;
            }
            Ok(next)
        }
        StreamOp::DrainHelper(p) => {
            let p = p.clone();
            stream_writer::begin_drain_helper(vm, &p)
        }
        StreamOp::WaitClosed(w) => {
            let w = w.clone();
            stream_writer::begin_wait_closed(vm, &w)
        }
    }
}

/// What a coroutine does with the outcome of what it awaited.
///
/// # Errors
/// What it raises.
pub fn go_on(vm: &mut Vm, op: &mut StreamOp, f: &Value, outcome: R, who: Who<'_>) -> R<Next> {
    match op {
        StreamOp::Read(r, want, searched) => {
            let r = r.clone();
            waited(vm, &r, outcome)?;
            read_more(vm, &r, want, searched, who)
        }
        StreamOp::Drain(w, paused) => {
            let w = w.clone();
            if std::mem::take(paused) {
                outcome?;
                return stream_writer::drain_now(vm, &w);
            }
            stream_writer::end_drain(vm, &w, f, outcome)
        }
        StreamOp::DrainHelper(p) => {
            let p = p.clone();
            stream_writer::end_drain_helper(vm, &p, f, outcome)
        }
        StreamOp::WaitClosed(_) => outcome.map(|_| Next::Return(Value::NONE)),
    }
}

// ---- reading ----

/// Refuses to read what has failed.
fn check_exception(vm: &mut Vm, r: &Ref<Reader>) -> R<()> {
    let e = &r.get(vm).exception;
    if e.is_none() {
        return Ok(());
    }
    let e = e.clone();
    Err(vm.raise(e))
}

/// The wait of a reader's coroutine is over.
fn waited(vm: &mut Vm, r: &Ref<Reader>, outcome: R) -> R<()> {
    let old = std::mem::replace(&mut r.get_mut(vm).waiter, Value::NONE);
    drop(old);
    outcome.map(drop)
}

/// The start of `reader.read(n)`.
///
/// # Errors
/// What the reader failed with; RuntimeError where another coroutine waits.
pub fn begin_read(vm: &mut Vm, r: &Ref<Reader>, n: usize, who: Who<'_>) -> R<Next> {
    check_exception(vm, r)?;
    read_some(vm, r, n, who)
}

/// How `reader.read(n)` goes on after a wait.
///
/// # Errors
/// What interrupted the wait; as [`begin_read`].
pub fn go_on_reading(vm: &mut Vm, r: &Ref<Reader>, n: usize, outcome: R, who: Who<'_>) -> R<Next> {
    waited(vm, r, outcome)?;
    read_some(vm, r, n, who)
}

/// The start of `reader.readline()`.
///
/// # Errors
/// ValueError for a line that is too long; as [`begin_read`].
pub fn begin_line(vm: &mut Vm, r: &Ref<Reader>, searched: &mut usize, who: Who<'_>) -> R<Next> {
    check_exception(vm, r)?;
    read_line(vm, r, searched, who)
}

/// How `reader.readline()` goes on after a wait.
///
/// # Errors
/// What interrupted the wait; as [`begin_line`].
pub fn go_on_with_line(vm: &mut Vm, r: &Ref<Reader>, searched: &mut usize, outcome: R, who: Who<'_>) -> R<Next> {
    waited(vm, r, outcome)?;
    read_line(vm, r, searched, who)
}

fn read_some(vm: &mut Vm, r: &Ref<Reader>, n: usize, who: Who<'_>) -> R<Next> {
    let this = r.get(vm);
    if this.bytes().is_empty() && !this.eof {
        return wait_for_data(vm, r, "read", who);
    }
    taken(vm, r, n).map(Next::Return)
}

fn read_line(vm: &mut Vm, r: &Ref<Reader>, searched: &mut usize, who: Who<'_>) -> R<Next> {
    match line(vm, r, searched)? {
        Some(line) => Ok(Next::Return(line)),
        None => wait_for_data(vm, r, "readuntil", who),
    }
}

/// Takes up to `n` bytes, after which more may come.
fn taken(vm: &mut Vm, r: &Ref<Reader>, n: usize) -> R {
    let v = take(vm, r, n);
    resume_transport(vm, r)?;
    Ok(v)
}

/// Takes a line, or what is left at the end; nothing where neither is there.
fn line(vm: &mut Vm, r: &Ref<Reader>, searched: &mut usize) -> R<Option<Value>> {
    let newline: [&[u8]; 1] = [b"\n"];
    let line = match find(vm, r, &newline, searched) {
        Ok(Found::Wait) => return Ok(None),
        Ok(Found::Bytes(v)) => v,
        Ok(Found::End(partial)) => partial,
        Err(Missed { text, consumed }) => {
            {
                let mut this = r.get_mut(vm);
                let all = this.bytes().len();
                let n = if this.bytes().get(consumed) == Some(&b'\n') { consumed + 1 } else { all };
                this.consume(n);
            }
            resume_transport(vm, r)?;
            return Err(vm.value_error(text));
        }
    };
    resume_transport(vm, r)?;
    Ok(Some(line))
}

fn read_more(vm: &mut Vm, r: &Ref<Reader>, want: &mut Want, searched: &mut usize, who: Who<'_>) -> R<Next> {
    match want {
        Want::NextLine => match line(vm, r, searched)? {
            Some(line) if vm.len(&line)? == 0 => {
                let class = vm.exc.StopAsyncIteration.clone();
                let e = vm.new_exception(&class, Vec::new()).into_value();
                Err(vm.raise(e))
            }
            Some(line) => Ok(Next::Return(line)),
            None => wait_for_data(vm, r, "readuntil", who),
        },
        Want::Until(separators) => {
            let separators: Vec<&[u8]> = separators.iter().map(Vec::as_slice).collect();
            match find(vm, r, &separators, searched) {
                Ok(Found::Wait) => wait_for_data(vm, r, "readuntil", who),
                Ok(Found::Bytes(v)) => {
                    resume_transport(vm, r)?;
                    Ok(Next::Return(v))
                }
                Ok(Found::End(partial)) => incomplete(vm, partial, Value::NONE),
                Err(Missed { text, consumed }) => {
                    let text = vm.new_str(text).into_value();
                    let e = exception(vm, "LimitOverrunError", &[text, Value::len(consumed)])?;
                    Err(e)
                }
            }
        }
        Want::Exactly(n) => {
            let n = *n;
            if r.get(vm).bytes().len() < n {
                if r.get(vm).eof {
                    let partial = take(vm, r, usize::MAX);
                    return incomplete(vm, partial, Value::len(n));
                }
                return wait_for_data(vm, r, "readexactly", who);
            }
            taken(vm, r, n).map(Next::Return)
        }
        Want::All(all) => {
            loop {
                let this = r.get(vm);
                if this.bytes().is_empty() {
                    break;
                }
                let n = this.bytes().len();
                vm.check_alloc(n)?;
                all.extend_from_slice(r.get(vm).bytes());
                r.get_mut(vm).consume(n);
                resume_transport(vm, r)?;
            }
            if !r.get(vm).eof {
                return wait_for_data(vm, r, "read", who);
            }
            let v = vm.new_bytes(all).into_value();
            all.clear();
            Ok(Next::Return(v))
        }
        Want::Unusual(n, exactly) => {
            let (n, exactly) = (n.clone(), *exactly);
            if !exactly && vm.compare(&n, &Value::int32(0), CmpOp::Lt)? {
                *want = Want::All(Vec::new());
                return read_more(vm, r, want, searched, who);
            }
            read_unusual(vm, r, &n, exactly, who)
        }
        Want::Unfit(separators) => {
            let separators = separators.clone();
            read_unfit(vm, r, &separators, who)
        }
    }
}

/// `read(n)` or `readexactly(n)` of a size that may be anything.
#[cold]
fn read_unusual(vm: &mut Vm, r: &Ref<Reader>, n: &Value, exactly: bool, who: Who<'_>) -> R<Next> {
    let zero = Value::int32(0);
    if exactly && vm.compare(n, &zero, CmpOp::Lt)? {
        return Err(vm.value_error("readexactly size can not be less than zero"));
    }
    if vm.compare(n, &zero, CmpOp::Eq)? {
        return Ok(Next::Return(vm.new_bytes(b"").into()));
    }
    let have = Value::len(r.get(vm).bytes().len());
    let wanting = if exactly { vm.compare(&have, n, CmpOp::Lt)? } else { have.is(&zero) };
    match (wanting, r.get(vm).eof) {
        (true, true) if exactly => {
            let partial = take(vm, r, usize::MAX);
            incomplete(vm, partial, n.clone())
        }
        (true, false) => wait_for_data(vm, r, if exactly { "readexactly" } else { "read" }, who),
        _ => {
            let n = crate::objects::slice::slice_index(vm, n)?;
            taken(vm, r, usize::try_from(n).unwrap_or(0)).map(Next::Return)
        }
    }
}

/// `readuntil(…)` that must fail, which it does once there are bytes to look at.
#[cold]
fn read_unfit(vm: &mut Vm, r: &Ref<Reader>, separators: &Value, who: Who<'_>) -> R<Next> {
    let items = match separators.cast::<Tuple>() {
        Some(t) => t.get(vm).items().to_vec(),
        None => vec![separators.clone()],
    };
    let mut shortest = usize::MAX;
    let mut unfit = None;
    for v in items {
        shortest = shortest.min(vm.len(&v)?);
        if unfit.is_none() && crate::objects::bytes::bytes_from(vm, &v).is_err() {
            unfit = Some(vm.class_name(&v));
        }
    }
    let text = match shortest {
        usize::MAX => "Separator should contain at least one element",
        0 => "Separator should be at least one-byte string",
        _ => {
            let this = r.get(vm);
            if this.bytes().len() >= shortest {
                let unfit = unfit.unwrap_or_default();
                let text = format!("argument should be integer or bytes-like object, not '{unfit}'");
                return Err(vm.type_error(text));
            }
            if !this.eof {
                return wait_for_data(vm, r, "readuntil", who);
            }
            let partial = take(vm, r, usize::MAX);
            return incomplete(vm, partial, Value::NONE);
        }
    };
    Err(vm.value_error(text))
}

/// `read(n)` that is awaited at once, where there are bytes.
fn read_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let r = this(vm, a)?;
    let Some(n @ 1..) = arg(a, 1).and_then(Value::as_small_int) else { return Ok(None) };
    let this = r.get(vm);
    if !this.exception.is_none() || this.bytes().is_empty() {
        return Ok(None);
    }
    taken(vm, &r, n as usize).map(Some)
}

/// `readline()` that is awaited at once, where a line is there.
fn line_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let r = this(vm, a)?;
    let this = r.get(vm);
    if !this.exception.is_none() || this.bytes().is_empty() {
        return Ok(None);
    }
    line(vm, &r, &mut 0)
}

/// `readexactly(n)` that is awaited at once, where so many bytes are there.
fn exactly_now(vm: &mut Vm, a: &[Value]) -> R<Option<Value>> {
    let r = this(vm, a)?;
    let Some(n @ 0..) = arg(a, 1).and_then(Value::as_small_int) else { return Ok(None) };
    let this = r.get(vm);
    if !this.exception.is_none() || this.bytes().len() < n as usize {
        return Ok(None);
    }
    taken(vm, &r, n as usize).map(Some)
}

/// Takes up to `n` bytes.
fn take(vm: &mut Vm, r: &Ref<Reader>, n: usize) -> Value {
    let bytes = r.get(vm).bytes();
    let n = n.min(bytes.len());
    let v = vm.new_bytes(bytes.get(..n).unwrap_or_default()).into_value();
    r.get_mut(vm).consume(n);
    v
}

/// What [`find`] met.
enum Found {
    /// Bytes up to and with a separator.
    Bytes(Value),
    /// The end, with what is left.
    End(Value),
    /// Neither.
    Wait,
}

/// The limit was passed.
struct Missed {
    text: &'static str,
    consumed: usize,
}

/// Looks for the separator that ends first.
fn find(vm: &mut Vm, r: &Ref<Reader>, separators: &[&[u8]], searched: &mut usize) -> Result<Found, Missed> {
    let this = r.get(vm);
    let (bytes, limit) = (this.bytes(), this.limit);
    let shortest = separators.first().map_or(1, |s| s.len());
    let longest = separators.last().map_or(1, |s| s.len());
    if bytes.len().saturating_sub(*searched) >= shortest {
        let mut best: Option<(usize, usize)> = None;
        let rest = bytes.get(*searched..).unwrap_or_default();
        for s in separators {
            let found = if let [b] = s { memchr::memchr(*b, rest) } else { memchr::memmem::find(rest, s) };
            if let Some(at) = found {
                let (start, end) = (*searched + at, *searched + at + s.len());
                if best.is_none_or(|(_, e)| end < e) {
                    best = Some((start, end));
                }
            }
        }
        if let Some((start, end)) = best {
            if start > limit {
                let text = "Separator is found, but chunk is longer than limit";
                return Err(Missed { text, consumed: start });
            }
            let v = vm.new_bytes(bytes.get(..end).unwrap_or_default()).into_value();
            r.get_mut(vm).consume(end);
            return Ok(Found::Bytes(v));
        }
        *searched = (bytes.len() + 1).saturating_sub(longest);
        if *searched > limit {
            let text = "Separator is not found, and chunk exceed the limit";
            return Err(Missed { text, consumed: *searched });
        }
    }
    if this.eof {
        return Ok(Found::End(take(vm, r, usize::MAX)));
    }
    Ok(Found::Wait)
}

/// An exception of `asyncio.exceptions`.
fn exception(vm: &mut Vm, class: &str, args: &[Value]) -> R<Raised> {
    let m = crate::modules::import::import_module(vm, "asyncio.exceptions")?;
    let class = vm.get_attr_str(&m, class)?;
    let e = vm.call(&class, args)?;
    Ok(vm.raise(e))
}

fn incomplete(vm: &mut Vm, partial: Value, expected: Value) -> R<Next> {
    Err(exception(vm, "IncompleteReadError", &[partial, expected])?)
}

/// The wait of a coroutine that found too little.
fn wait_for_data(vm: &mut Vm, r: &Ref<Reader>, method: &str, (c, sender): Who<'_>) -> R<Next> {
    let this = r.get(vm);
    if !this.waiter.is_none() {
        return Err(waits_already(vm, method));
    }
    if this.paused {
        let transport = this.transport.clone();
        r.get_mut(vm).paused = false;
        vm.call_method(&transport, "resume_reading", &[])?;
    }
    if let Some(l) = r.get(vm).event_loop.cast::<EventLoop>()
        && let Some(task) = coroutine::stepped_task(vm, l, sender)
    {
        r.get_mut(vm).waiter = c.value().clone();
        return Ok(Next::Asleep(task));
    }
    let l = r.get(vm).event_loop.clone();
    let f = future::create_future(vm, &l)?;
    r.get_mut(vm).waiter = f.clone();
    Ok(Next::Wait(f))
}

#[cold]
fn waits_already(vm: &mut Vm, method: &str) -> Raised {
    vm.runtime_error(format!("{method}() called while another coroutine is already waiting for incoming data"))
}

fn resume_transport(vm: &mut Vm, r: &Ref<Reader>) -> R<()> {
    let this = r.get(vm);
    if !this.paused || this.bytes().len() > this.limit {
        return Ok(());
    }
    let transport = this.transport.clone();
    r.get_mut(vm).paused = false;
    vm.call_method(&transport, "resume_reading", &[]).map(drop)
}

// ---- feeding ----

fn wake(vm: &mut Vm, r: &Ref<Reader>) -> R<()> {
    let f = std::mem::replace(&mut r.get_mut(vm).waiter, Value::NONE);
    if let Some(c) = f.cast::<NativeCoroutine>() {
        return coroutine::wake(vm, c);
    }
    if f.is_none() || gather::is_cancelled(vm, &f)? {
        return Ok(());
    }
    future::set_result(vm, &f, Value::NONE)
}

/// Bytes have come.
///
/// # Errors
/// What pausing the transport raises.
pub fn feed(vm: &mut Vm, r: &Ref<Reader>, bytes: &[u8]) -> R<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    vm.check_alloc(bytes.len())?;
    {
        let mut this = r.get_mut(vm);
        if this.start > 0 && this.buffer.len() + bytes.len() > this.buffer.capacity() {
            let start = std::mem::take(&mut this.start);
            this.buffer.drain(..start);
        }
        this.buffer.extend_from_slice(bytes);
        if bytes.len() >= BULK {
            // More of that size is to be expected, and can then be read without a detour.
            this.buffer.reserve(2 * BULK);
        }
    }
    fed(vm, r)
}

/// Bytes were put into a reader's buffer.
///
/// # Errors
/// As [`feed`].
pub fn fed(vm: &mut Vm, r: &Ref<Reader>) -> R<()> {
    wake(vm, r)?;
    let this = r.get(vm);
    if this.transport.is_none() || this.paused || this.bytes().len() <= this.most {
        return Ok(());
    }
    let transport = this.transport.clone();
    match vm.call_method(&transport, "pause_reading", &[]) {
        Ok(_) => {
            r.get_mut(vm).paused = true;
            Ok(())
        }
        Err(e) if vm.raised_is(&e, &vm.exc.NotImplementedError) => {
            // It cannot, so the memory is not bounded.
            let old = std::mem::replace(&mut r.get_mut(vm).transport, Value::NONE);
            drop(old);
            Ok(())
        }
        Err(e) => Err(e),
    }
}

/// The end has come.
///
/// # Errors
/// None in a sound build.
pub fn feed_eof(vm: &mut Vm, r: &Ref<Reader>) -> R<()> {
    r.get_mut(vm).eof = true;
    wake(vm, r)
}

/// Reading is to raise from now on.
///
/// # Errors
/// None in a sound build.
pub fn set_exception(vm: &mut Vm, r: &Ref<Reader>, e: &Value) -> R<()> {
    let (old, f) = {
        let mut this = r.get_mut(vm);
        (std::mem::replace(&mut this.exception, e.clone()), std::mem::replace(&mut this.waiter, Value::NONE))
    };
    drop(old);
    let f = waiting_future(vm, f)?;
    if f.is_none() || gather::is_cancelled(vm, &f)? {
        return Ok(());
    }
    future::set_exception(vm, &f, e.clone())
}

/// The future that a reader's waiter stands for, or `None`.
fn waiting_future(vm: &mut Vm, waiter: Value) -> R {
    match waiter.cast::<NativeCoroutine>() {
        Some(c) => coroutine::disturb(vm, c),
        None => Ok(waiter),
    }
}

/// A reader whose method no class of a script's replaces.
///
/// # Errors
/// None in a sound build.
pub fn native_reader(vm: &mut Vm, reader: &Value, method: &str) -> R<Option<Ref<Reader>>> {
    let Some(r) = reader.cast::<Reader>().cloned() else { return Ok(None) };
    if !r.is_of_builtin_class() {
        let base = reader_class(vm)?;
        if super::sync::overrides(vm, reader, &base, method) {
            return Ok(None);
        }
    }
    Ok(Some(r))
}

/// Bytes have come for a protocol.
///
/// # Errors
/// As [`feed`].
pub fn received(vm: &mut Vm, p: &Ref<StreamProtocol>, bytes: &[u8]) -> R<()> {
    let reader = p.get(vm).reader.clone();
    match native_reader(vm, &reader, "feed_data")? {
        Some(r) => feed(vm, &r, bytes),
        None if reader.is_none() => Ok(()),
        None => {
            let data = vm.new_bytes(bytes).into_value();
            vm.call_method(&reader, "feed_data", &[data]).map(drop)
        }
    }
}

// ---- what scripts see of readers ----

/// `asyncio.StreamReader`.
///
/// # Errors
/// None in a sound build.
pub fn reader_class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = vm.class_for::<Reader>() {
        return Ok(c);
    }
    let c = vm.define_class_with_dict::<Reader>(
        "asyncio.streams",
        "StreamReader",
        None,
        class_flag::BASE | class_flag::WEAKREF | class_flag::MUTABLE,
    )?;
    vm.extend_class(&c, METHODS, ATTRS);
    Ok(c)
}

/// The native base of `asyncio.StreamReaderProtocol`.
///
/// # Errors
/// None in a sound build.
pub fn protocol_class(vm: &mut Vm) -> R<Ref<Class>> {
    if let Some(c) = vm.class_for::<StreamProtocol>() {
        return Ok(c);
    }
    let c = vm.define_class_with_dict::<StreamProtocol>(
        "asyncio.streams",
        "StreamReaderProtocol",
        None,
        class_flag::BASE | class_flag::WEAKREF | class_flag::MUTABLE,
    )?;
    stream_writer::extend_protocol(vm, &c);
    Ok(c)
}

fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<Reader>> {
    vm.this::<Reader>(a, "StreamReader").cloned()
}

const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let reader = Reader {
            buffer: Vec::new(),
            start: 0,
            limit: LIMIT,
            most: 2 * LIMIT,
            float_limit: Value::NONE,
            eof: false,
            paused: false,
            event_loop: Value::NONE,
            waiter: Value::NONE,
            exception: Value::NONE,
            transport: Value::NONE,
            source_traceback: Value::NONE,
        };
        Ok(vm.alloc_as(&class, reader).into())
    }),
    NativeDef::new("__init__(self, limit=65536, loop=None)", "", |vm, a| {
        let r = this(vm, a)?;
        let limit = match arg(a, 1) {
            Some(v) if vm.compare(v, &Value::int32(0), CmpOp::Le)? => {
                return Err(vm.value_error("Limit cannot be <= 0"));
            }
            Some(v) => v.clone(),
            None => Value::len(LIMIT),
        };
        let float = vm.is_exact(&limit, &vm.types.float).then(|| vm.as_float(&limit)).flatten();
        let (limit, most, float_limit) = match float {
            Some(x) => (x as usize, (x * 2.0) as usize, limit),
            None => {
                let n = vm.index_i64(&limit)? as usize;
                (n, n.saturating_mul(2), Value::NONE)
            }
        };
        let l = match arg(a, 2).filter(|v| !v.is_none()) {
            Some(l) => l.clone(),
            None => super::get_event_loop(vm)?,
        };
        let tb = if super::core::debug_of(vm, &l)? { future::source_traceback(vm)? } else { Value::NONE };
        let mut this = r.get_mut(vm);
        this.limit = limit;
        this.most = most;
        this.float_limit = float_limit;
        this.event_loop = l;
        this.source_traceback = tb;
        Ok(Value::NONE)
    }),
    NativeDef::awaited("read(self, n=-1)", "Read up to n bytes, or with -1 until the end.", read_now, |vm, a| {
        let r = this(vm, a)?;
        let want = match arg(a, 1).map(|v| (v, v.as_small_int())) {
            Some((_, Some(0))) => Want::Exactly(0),
            Some((_, Some(n @ 1..))) => return coroutine::new(vm, Op::Read(r, n as usize)),
            None | Some((_, Some(_))) => Want::All(Vec::new()),
            Some((v, None)) => Want::Unusual(v.clone(), false),
        };
        start(vm, StreamOp::Read(r, want, 0))
    }),
    NativeDef::awaited("readline(self)", "Read one line.", line_now, |vm, a| {
        let r = this(vm, a)?;
        coroutine::new(vm, Op::ReadLine(r, 0))
    }),
    NativeDef::awaited("readexactly(self, n)", "Read exactly n bytes.", exactly_now, |vm, a| {
        let r = this(vm, a)?;
        let want = match a[1].as_small_int() {
            Some(n @ 0..) => Want::Exactly(n as usize),
            _ => Want::Unusual(a[1].clone(), true),
        };
        start(vm, StreamOp::Read(r, want, 0))
    }),
    NativeDef::new("readuntil(self, separator=b'\\n') -> coroutine", "Read until a separator is found.", |vm, a| {
        let r = this(vm, a)?;
        let want = match arg(a, 1) {
            None => Want::Until(vec![b"\n".to_vec()]),
            Some(v) => separators(vm, v).map_or_else(|| Want::Unfit(v.clone()), Want::Until),
        };
        start(vm, StreamOp::Read(r, want, 0))
    }),
    NativeDef::new("__aiter__(self)", "", |_, a| Ok(a[0].clone())),
    NativeDef::new("__anext__(self)", "", |vm, a| {
        let r = this(vm, a)?;
        start(vm, StreamOp::Read(r, Want::NextLine, 0))
    }),
    NativeDef::new("at_eof(self)", "Return True if the buffer is empty and feed_eof() was called.", |vm, a| {
        let r = this(vm, a)?;
        let this = r.get(vm);
        Ok(Value::bool(this.eof && this.bytes().is_empty()))
    }),
    NativeDef::new("feed_data(self, data)", "Give the reader bytes.", |vm, a| {
        let r = this(vm, a)?;
        if r.get(vm).eof {
            return Err(vm.raise_text(&vm.exc.AssertionError.clone(), "feed_data after feed_eof"));
        }
        let bytes = match crate::objects::bytes::bytes_from(vm, &a[1]) {
            Ok(bytes) => bytes,
            Err(_) if !vm.truth(&a[1])? => return Ok(Value::NONE),
            Err(_) => {
                let all = crate::objects::bytearray::new(vm, Vec::new()).into_value();
                vm.call_method(&all, "extend", &[a[1].clone()])?;
                crate::objects::bytes::bytes_from(vm, &all)?
            }
        };
        feed(vm, &r, &bytes)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("feed_eof(self)", "Tell the reader of the end.", |vm, a| {
        let r = this(vm, a)?;
        feed_eof(vm, &r)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("set_exception(self, exc)", "Have reading raise.", |vm, a| {
        let r = this(vm, a)?;
        set_exception(vm, &r, &a[1])?;
        Ok(Value::NONE)
    }),
    NativeDef::new("exception(self)", "What reading raises, or None.", |vm, a| {
        Ok(this(vm, a)?.get(vm).exception.clone())
    }),
    NativeDef::new("set_transport(self, transport)", "Give the reader its transport.", |vm, a| {
        let r = this(vm, a)?;
        if !r.get(vm).transport.is_none() {
            return Err(vm.raise_text(&vm.exc.AssertionError.clone(), "Transport already set"));
        }
        r.get_mut(vm).transport = a[1].clone();
        Ok(Value::NONE)
    }),
    NativeDef::new("_wakeup_waiter(self)", "", |vm, a| {
        let r = this(vm, a)?;
        wake(vm, &r)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_maybe_resume_transport(self)", "", |vm, a| {
        let r = this(vm, a)?;
        resume_transport(vm, &r)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let r = this(vm, a)?;
        let this = r.get(vm);
        let (n, eof, limit, paused) = (this.bytes().len(), this.eof, this.limit, this.paused);
        let (waiter, e, transport) = (this.waiter.clone(), this.exception.clone(), this.transport.clone());
        let waiter = waiting_future(vm, waiter)?;
        let mut parts = vec!["StreamReader".to_owned()];
        if n > 0 {
            parts.push(format!("{n} bytes"));
        }
        if eof {
            parts.push("eof".to_owned());
        }
        let float_limit = r.get(vm).float_limit.clone();
        if !float_limit.is_none() {
            parts.push(format!("limit={}", vm.repr_string(&float_limit)?));
        } else if limit != LIMIT {
            parts.push(format!("limit={limit}"));
        }
        for (name, v) in [("waiter", waiter), ("exception", e), ("transport", transport)] {
            if !v.is_none() {
                parts.push(format!("{name}={}", vm.repr_string(&v)?));
            }
        }
        if paused {
            parts.push("paused".to_owned());
        }
        Ok(vm.new_str(&format!("<{}>", parts.join(" "))).into())
    }),
];

/// The separators of `readuntil`, shortest first, if they are fit for it.
fn separators(vm: &mut Vm, v: &Value) -> Option<Vec<Vec<u8>>> {
    let items = match v.cast::<Tuple>() {
        Some(t) => t.get(vm).items().to_vec(),
        None => vec![v.clone()],
    };
    let mut all = Vec::with_capacity(items.len());
    for v in &items {
        all.push(crate::objects::bytes::bytes_from(vm, v).ok()?);
    }
    all.sort_by_key(Vec::len);
    let shortest = all.first()?;
    if shortest.is_empty() { None } else { Some(all) }
}

fn put(slot: &mut Value, new: Option<Value>) -> Value {
    std::mem::replace(slot, new.unwrap_or(Value::NONE))
}

const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("_buffer", "", |vm, v| {
        let bytes = this(vm, std::slice::from_ref(v))?.get(vm).bytes().to_vec();
        Ok(crate::objects::bytearray::new(vm, bytes).into())
    }),
    GetSetDef::new("_limit", "", |vm, v| {
        let r = this(vm, std::slice::from_ref(v))?;
        let this = r.get(vm);
        Ok(if this.float_limit.is_none() { Value::len(this.limit) } else { this.float_limit.clone() })
    }),
    GetSetDef::new("_eof", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).eof))),
    GetSetDef::new("_paused", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).paused))),
    GetSetDef::new("_loop", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).event_loop.clone())),
    GetSetDef::new("_exception", "", |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).exception.clone())),
    GetSetDef::new("_source_traceback", "", |vm, v| {
        Ok(this(vm, std::slice::from_ref(v))?.get(vm).source_traceback.clone())
    }),
    GetSetDef::with_set(
        "_waiter",
        "",
        |vm, v| {
            let waiter = this(vm, std::slice::from_ref(v))?.get(vm).waiter.clone();
            waiting_future(vm, waiter)
        },
        |vm, v, new| {
            let r = this(vm, std::slice::from_ref(v))?;
            let old = put(&mut r.get_mut(vm).waiter, new);
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_transport",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).transport.clone()),
        |vm, v, new| {
            let r = this(vm, std::slice::from_ref(v))?;
            let old = put(&mut r.get_mut(vm).transport, new);
            drop(old);
            Ok(())
        },
    ),
];

/// `arg_or_none` for callers of this file's neighbours.
pub(super) fn given(a: &[Value], at: usize) -> Value {
    arg_or_none(a, at).clone()
}
