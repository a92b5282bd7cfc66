//! Descriptors that the loop watches, and the one place where it blocks.
//!
//! Watching is level-triggered, as `add_reader` promises, over a poll that reports edges: a descriptor that was
//! reported is armed again before the next poll.

use super::transport::Ready;
use crate::vm::Value;
use crate::vm::spin::Spin;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

const WAKER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;

/// Marks tokens of sources; below it lie a source's number and the number of times that the place was used before.
const SOURCE: usize = 1 << 62;
/// Bits of a source's place.
const PLACE: u32 = 32;

/// What is to be done.
pub enum Due {
    /// One direction of a descriptor is ready: its handle.
    Watch(Value),
    /// A source is ready.
    Source(Value, Ready),
}

/// A descriptor that belongs to a native object, which is told of edges.
struct Source {
    object: Value,
    fd: i32,
    /// How often the place was used before.
    age: usize,
}

/// The handles of a descriptor.
#[derive(Default)]
struct Watch {
    reader: Option<Value>,
    writer: Option<Value>,
}

impl Watch {
    fn interest(&self) -> Option<Interest> {
        match (self.reader.is_some(), self.writer.is_some()) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        }
    }
}

/// The watched descriptors of a loop.
///
/// The handles in it are not shown to the cycle collector: the loop keeps what it watches alive until told
/// otherwise.
pub struct Reactor {
    poll: Poll,
    events: Events,
    bell: Arc<Bell>,
    watches: HashMap<i32, Watch>,
    /// Reported since the last poll, to be armed again.
    reported: Vec<i32>,
    /// Descriptors of native objects.
    sources: Vec<Source>,
    /// Free places in `sources`.
    free: Vec<usize>,
}

/// Ends a reactor's wait from another thread.
pub struct Bell {
    waker: Waker,
    /// One of the states below: what the reactor does.
    state: AtomicU8,
    spin: Spin,
}

/// It waits in the system, or not at all: only the system can tell it.
const ASLEEP: u8 = 0;
/// It looks whether the bell rings.
const LOOKING: u8 = 1;
/// The bell rang while it looked.
const RUNG: u8 = 2;

impl Bell {
    /// Ends the present wait, or the next one.
    pub fn ring(&self) {
        if self.state.compare_exchange(LOOKING, RUNG, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            // A reactor that is closed by now hears nothing, and needs not.
            let _ = self.waker.wake();
        }
    }

    /// Whether it rings within a moment.
    fn rings(&self) -> bool {
        self.state.store(LOOKING, Ordering::SeqCst);
        self.spin.look(|| self.state.load(Ordering::Relaxed) == RUNG);
        self.state.swap(ASLEEP, Ordering::SeqCst) == RUNG
    }
}

/// The part that works without the interpreter's lock.
pub struct Waiting<'a> {
    poll: &'a mut Poll,
    events: &'a mut Events,
    /// Looked at before sleeping.
    bell: Option<&'a Bell>,
}

impl Waiting<'_> {
    /// Blocks until something happens or the time is over. An interruption by a signal is no error.
    ///
    /// # Errors
    /// What the system reports.
    pub fn wait(self, mut timeout: Option<Duration>) -> io::Result<()> {
        if timeout != Some(Duration::ZERO) && self.bell.is_some_and(Bell::rings) {
            timeout = Some(Duration::ZERO);
        }
        match self.poll.poll(self.events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            other => other,
        }
    }
}

impl Reactor {
    /// A reactor and what ends its waits.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<(Reactor, Arc<Bell>)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let bell = Arc::new(Bell { waker, state: AtomicU8::new(ASLEEP), spin: Spin::default() });
        let events = Events::with_capacity(EVENTS);
        Ok((
            Reactor {
                poll,
                events,
                bell: bell.clone(),
                watches: HashMap::new(),
                reported: Vec::new(),
                sources: Vec::new(),
                free: Vec::new(),
            },
            bell,
        ))
    }

    /// Its own descriptor, which is ready for reading when a watched one is ready, or its bell rang.
    pub fn descriptor(&self) -> i32 {
        self.poll.as_raw_fd()
    }

    /// Whether any descriptor is watched.
    pub fn watches(&self) -> bool {
        !self.watches.is_empty() || self.sources.len() > self.free.len()
    }

    /// Arms what was reported, and gives the part that blocks. `expects` says that the bell may ring soon.
    pub fn prepare(&mut self, expects: bool) -> Waiting<'_> {
        for fd in std::mem::take(&mut self.reported) {
            if let Some(interest) = self.watches.get(&fd).and_then(Watch::interest) {
                // A descriptor that was closed meanwhile reports nothing any more; that is the owner's affair.
                let _ = self.poll.registry().reregister(&mut SourceFd(&fd), token(fd), interest);
            }
        }
        Waiting { poll: &mut self.poll, events: &mut self.events, bell: expects.then_some(&*self.bell) }
    }

    /// Shows what the last poll reported, in its order.
    pub fn due(&mut self, mut show: impl FnMut(Due)) {
        for event in &self.events {
            let Token(n) = event.token();
            if event.token() == WAKER {
                continue;
            }
            if n & SOURCE != 0 {
                if let Some(s) = self.source(n) {
                    let ready = Ready {
                        read: event.is_readable() || event.is_read_closed() || event.is_error(),
                        write: event.is_writable() || event.is_write_closed() || event.is_error(),
                        end: event.is_read_closed() || event.is_error(),
                    };
                    show(Due::Source(s.object.clone(), ready));
                }
                continue;
            }
            let Ok(fd) = i32::try_from(n) else { continue };
            self.reported.push(fd);
            let Some(watch) = self.watches.get(&fd) else { continue };
            let failed = event.is_error();
            let reads = event.is_readable() || event.is_read_closed() || failed;
            let writes = event.is_writable() || event.is_write_closed() || failed;
            let reader = watch.reader.iter().filter(|_| reads);
            let writer = watch.writer.iter().filter(|_| writes);
            for handle in reader.chain(writer) {
                show(Due::Watch(handle.clone()));
            }
        }
        self.events.clear();
    }

    fn source(&self, token: usize) -> Option<&Source> {
        let (at, age) = (token & ((1 << PLACE) - 1), (token & !SOURCE) >> PLACE);
        self.sources.get(at).filter(|s| s.age == age && !s.object.is_undef())
    }

    /// Watches the descriptor of a native object for edges: for reading, or else for writing; gives the source's
    /// number.
    ///
    /// # Errors
    /// When the system cannot watch it.
    pub fn add_source(&mut self, fd: i32, object: Value, read: bool) -> io::Result<usize> {
        let at = match self.free.pop() {
            Some(at) => at,
            None => {
                self.sources.push(Source { object: Value::UNDEF, fd: -1, age: 0 });
                self.sources.len() - 1
            }
        };
        let Some(s) = self.sources.get_mut(at) else { return Err(io::ErrorKind::Other.into()) };
        let id = SOURCE | s.age << PLACE | at;
        // The end of a pipe for writing reports only that nobody reads any more.
        let interest = if read { Interest::READABLE } else { Interest::WRITABLE };
        match self.poll.registry().register(&mut SourceFd(&fd), Token(id), interest) {
            Ok(()) => {
                s.object = object;
                s.fd = fd;
                Ok(id)
            }
            Err(e) => {
                self.free.push(at);
                Err(e)
            }
        }
    }

    /// Changes what a source is watched for.
    ///
    /// # Errors
    /// When the system cannot watch it.
    pub fn watch_source(&mut self, id: usize, fd: i32, read: bool, write: bool) -> io::Result<()> {
        let interest = match (read, write) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (true, false) => Interest::READABLE,
            _ => Interest::WRITABLE,
        };
        self.poll.registry().reregister(&mut SourceFd(&fd), Token(id), interest)
    }

    /// Stops watching a source; gives its object.
    pub fn remove_source(&mut self, id: usize, fd: i32) -> Option<Value> {
        self.source(id)?;
        let at = id & ((1 << PLACE) - 1);
        // A closed descriptor cannot be taken out any more.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd));
        let s = self.sources.get_mut(at)?;
        s.age = (s.age + 1) & ((1 << (61 - PLACE)) - 1);
        self.free.push(at);
        Some(std::mem::replace(&mut s.object, Value::UNDEF))
    }

    /// The object whose source a descriptor is. It looks at all of them: for what goes wrong.
    pub fn owner(&self, fd: i32) -> Option<Value> {
        self.sources.iter().find(|s| s.fd == fd && !s.object.is_undef()).map(|s| s.object.clone())
    }

    /// Whether callbacks wait for a descriptor.
    pub fn is_watched(&self, fd: i32) -> bool {
        self.watches.contains_key(&fd)
    }

    /// Watches a descriptor; gives the handle that did so before.
    ///
    /// # Errors
    /// When the system cannot watch it.
    pub fn add(&mut self, fd: i32, writer: bool, handle: Value) -> io::Result<Option<Value>> {
        let watch = self.watches.entry(fd).or_default();
        let before = watch.interest();
        let old = if writer { watch.writer.replace(handle) } else { watch.reader.replace(handle) };
        let after = watch.interest();
        let registry = self.poll.registry();
        let result = match (before, after) {
            (None, Some(i)) => registry.register(&mut SourceFd(&fd), token(fd), i),
            (Some(b), Some(a)) if a != b => registry.reregister(&mut SourceFd(&fd), token(fd), a),
            _ => Ok(()),
        };
        match result {
            Ok(()) => Ok(old),
            Err(e) => {
                if before.is_none() {
                    self.watches.remove(&fd);
                }
                Err(e)
            }
        }
    }

    /// Stops watching one direction; gives the handle.
    pub fn remove(&mut self, fd: i32, writer: bool) -> Option<Value> {
        let watch = self.watches.get_mut(&fd)?;
        let old = if writer { watch.writer.take() } else { watch.reader.take() };
        let interest = watch.interest();
        let registry = self.poll.registry();
        // As above: a closed descriptor cannot be taken out any more.
        match interest {
            None => {
                let _ = registry.deregister(&mut SourceFd(&fd));
                self.watches.remove(&fd);
            }
            Some(i) => {
                let _ = registry.reregister(&mut SourceFd(&fd), token(fd), i);
            }
        }
        old
    }
}

fn token(fd: i32) -> Token {
    Token(fd as u32 as usize)
}
