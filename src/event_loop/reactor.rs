//! Descriptors that the loop watches, and the one place where it blocks.
//!
//! Watching is level-triggered, as `add_reader` promises, over a poll that reports edges: a descriptor that was
//! reported is armed again before the next poll.

use crate::vm::Value;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

const WAKER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;

/// What is to be done for one direction of a descriptor: a key of [`Reactor::handle`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    fd: i32,
    writer: bool,
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
    watches: HashMap<i32, Watch>,
    /// Reported since the last poll, to be armed again.
    reported: Vec<i32>,
}

/// The part that works without the interpreter's lock.
pub struct Waiting<'a> {
    poll: &'a mut Poll,
    events: &'a mut Events,
}

impl Waiting<'_> {
    /// Blocks until something happens or the time is over. An interruption by a signal is no error.
    ///
    /// # Errors
    /// What the system reports.
    pub fn wait(self, timeout: Option<Duration>) -> io::Result<()> {
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
    /// A reactor and what wakes it.
    ///
    /// # Errors
    /// When the system has no descriptors left.
    pub fn new() -> io::Result<(Reactor, Arc<Waker>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let events = Events::with_capacity(EVENTS);
        Ok((Reactor { poll, events, watches: HashMap::new(), reported: Vec::new() }, waker))
    }

    /// Whether any descriptor is watched.
    pub fn watches(&self) -> bool {
        !self.watches.is_empty()
    }

    /// Arms what was reported, and gives the part that blocks.
    pub fn prepare(&mut self) -> Waiting<'_> {
        for fd in std::mem::take(&mut self.reported) {
            if let Some(interest) = self.watches.get(&fd).and_then(Watch::interest) {
                // A descriptor that was closed meanwhile reports nothing any more; that is the owner's affair.
                let _ = self.poll.registry().reregister(&mut SourceFd(&fd), token(fd), interest);
            }
        }
        Waiting { poll: &mut self.poll, events: &mut self.events }
    }

    /// What the last poll reported.
    pub fn due(&mut self) -> Vec<Due> {
        let mut due = Vec::new();
        for event in &self.events {
            let Token(n) = event.token();
            if event.token() == WAKER {
                continue;
            }
            let Ok(fd) = i32::try_from(n) else { continue };
            self.reported.push(fd);
            let failed = event.is_error();
            if event.is_readable() || event.is_read_closed() || failed {
                due.push(Due { fd, writer: false });
            }
            if event.is_writable() || event.is_write_closed() || failed {
                due.push(Due { fd, writer: true });
            }
        }
        self.events.clear();
        due
    }

    /// The handle that is to run.
    pub fn handle(&self, due: Due) -> Option<Value> {
        let watch = self.watches.get(&due.fd)?;
        if due.writer { watch.writer.clone() } else { watch.reader.clone() }
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
