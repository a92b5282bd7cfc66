//! Where the loop waits: with its reactor, or with a selector that a script gave it.

use super::core::{Entry, EventLoop, time_of};
use super::handle::Handle;
use super::reactor::{Due, Reactor};
use super::report;
use super::transport::Transport;
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};
use std::time::Duration;

/// Poll is never asked to wait longer, in seconds.
const LONGEST_WAIT: f64 = 24.0 * 3600.0;
/// `selectors.EVENT_READ`.
const READABLE: i32 = 1;

/// Polls, and blocks until the next timer is due where nothing is ready.
pub fn wait(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    // Requests that are served from here on may be what the caller, which looked before, waits for.
    let served = vm.requests_served();
    if vm.has_pending() {
        // Finalizers may make the loop ready.
        vm.checkpoint()?;
    }
    let this = l.get(vm);
    let idle = this.ready.is_empty() && !this.stopping && vm.requests_served() == served;
    if !this.plain.waiting {
        return select(vm, l, idle);
    }
    if !idle && this.reactor.as_ref().is_none_or(|r| !r.watches()) {
        // Nothing can have happened outside that the queue does not show: other threads put their calls into it.
        return vm.tick(1);
    }
    if !idle && this.polled {
        // What was just reported leads to one iteration more, before which nothing is asked.
        l.get_mut(vm).polled = false;
        return vm.tick(1);
    }
    let mut timeout = match this.timers.next_time() {
        _ if !idle => Some(0.0),
        Some(when) => {
            let now = time_of(vm, l)?;
            Some((when - now).clamp(0.0, LONGEST_WAIT))
        }
        None => {
            report::check_deadlock(vm, l)?;
            None
        }
    };
    if vm.requests_served() != served {
        timeout = Some(0.0);
    }
    if timeout == Some(0.0) && l.get(vm).reactor.as_ref().is_none_or(|r| !r.watches()) {
        return vm.tick(1);
    }
    ensure_reactor(vm, l)?;
    let Some(mut reactor) = l.get_mut(vm).reactor.take() else { return Ok(()) };
    let duration = timeout.map(Duration::from_secs_f64);
    let waiting = reactor.prepare(l.get(vm).outside > 0);
    let polled = match l.get(vm).waker.clone() {
        Some(waker) if timeout != Some(0.0) => {
            l.get_mut(vm).blocked = true;
            let polled = vm.unlocked_until(&waker, || waiting.wait(duration)).unwrap_or(Ok(()));
            l.get_mut(vm).blocked = false;
            polled
        }
        _ => waiting.wait(duration),
    };
    put_due(vm, l, reactor);
    if let Err(e) = polled {
        return Err(vm.os_error(&e, None));
    }
    // Signals and requests of other threads have their say before callbacks run.
    vm.checkpoint()
}

/// Queues what the reactor's last poll reported, and puts the reactor back.
fn put_due(vm: &mut Vm, l: &Ref<EventLoop>, mut reactor: Box<Reactor>) {
    let mut ready = std::mem::take(&mut l.get_mut(vm).ready);
    let before = ready.len();
    reactor.due(|due| match due {
        Due::Source(object, what) => {
            if let Some(t) = object.cast::<Transport>() {
                ready.push_back(Entry::Io(t.clone(), what));
            }
        }
        Due::Watch(handle) => {
            if let Some(h) = handle.cast::<Handle>().filter(|h| !h.get(vm).cancelled) {
                ready.push_back(Entry::Handle(h.clone()));
            }
        }
    });
    let mut this = l.get_mut(vm);
    this.polled = ready.len() > before;
    this.ready = ready;
    this.reactor = Some(reactor);
}

/// Has the loop wait with a selector of the script's. It watches one descriptor for the loop: the reactor's own, which is
/// ready for reading when anything that the reactor watches is.
///
/// # Errors
/// OSError when the system has no descriptors left; what the selector's `register` raises.
pub fn use_selector(vm: &mut Vm, l: &Ref<EventLoop>, selector: Value) -> R<()> {
    ensure_reactor(vm, l)?;
    let Some(fd) = l.get(vm).reactor.as_ref().map(|r| r.descriptor()) else { return Ok(()) };
    let (fd, read) = (vm.int(i64::from(fd)), Value::int32(READABLE));
    vm.call_method(&selector, "register", &[fd, read])?;
    l.get_mut(vm).selector = selector.clone();
    let name = vm.intern("_selector").into_value();
    vm.call_method(l.value(), "__setattr__", &[name, selector]).map(drop)
}

/// Takes the reactor's own descriptor out of what a selector reported, and has what the reactor reports done.
fn reported(vm: &mut Vm, l: &Ref<EventLoop>, events: Value) -> R {
    let Some(mut reactor) = l.get_mut(vm).reactor.take() else { return Ok(events) };
    let own = i64::from(reactor.descriptor());
    let polled = reactor.prepare(false).wait(Some(Duration::ZERO));
    put_due(vm, l, reactor);
    if let Err(e) = polled {
        return Err(vm.os_error(&e, None));
    }
    let mut others = Vec::new();
    for event in vm.collect(&events)? {
        let key = vm.get_item(&event, &Value::int32(0))?;
        let fd = vm.get_attr_str(&key, "fd")?;
        if vm.as_i64(&fd) != Some(own) {
            others.push(event);
        }
    }
    Ok(vm.list(others).into_value())
}

/// Waits with the `_selector` that a script put into the loop.
fn select(vm: &mut Vm, l: &Ref<EventLoop>, idle: bool) -> R<()> {
    let timeout = match l.get(vm).timers.next_time() {
        _ if !idle => vm.int(0),
        Some(when) => {
            let now = time_of(vm, l)?;
            vm.float((when - now).clamp(0.0, LONGEST_WAIT))
        }
        None => Value::NONE,
    };
    let selector = vm.get_attr_str(l.value(), "_selector")?;
    let mut events = vm.call_method(&selector, "select", &[timeout])?;
    if !l.get(vm).selector.is_undef() {
        events = reported(vm, l, events)?;
    }
    vm.call_method(l.value(), "_process_events", &[events])?;
    // Calls that other threads left for this one may be what the selector was woken for.
    vm.checkpoint()
}

/// Makes the reactor if there is none.
///
/// # Errors
/// OSError when the system has no descriptors left.
pub fn ensure_reactor(vm: &mut Vm, l: &Ref<EventLoop>) -> R<()> {
    if l.get(vm).reactor.is_some() {
        return Ok(());
    }
    match Reactor::new() {
        Ok((reactor, bell)) => {
            let mut this = l.get_mut(vm);
            this.reactor = Some(Box::new(reactor));
            this.waker = Some(std::sync::Arc::new(move || bell.ring()));
            Ok(())
        }
        Err(e) => Err(vm.os_error(&e, None)),
    }
}
