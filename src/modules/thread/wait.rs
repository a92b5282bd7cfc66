//! Queues of threads that wait for something a script's object will do: release, put, end.
//!
//! A queue belongs to an object and changes under the interpreter's lock alone, so there are no races in it. Who
//! wakes a thread need not give it anything: the thread looks again. After [`FAIR`] it is given what it waits for
//! by name, so that others cannot overtake it for ever.

use crate::vm::object::{Object, Ref};
use crate::vm::threads::Parker;
use crate::vm::{R, Value, Vm};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// From then on a waiting thread may not be overtaken.
const FAIR: Duration = Duration::from_millis(1);
/// `threading.TIMEOUT_MAX`, in seconds.
pub const TIMEOUT_MAX: f64 = 9_223_372_036.0;

/// A thread that waits.
pub struct Waiter {
    parker: Arc<Parker>,
    since: Instant,
    given: AtomicBool,
    /// It has been woken, and has not looked yet.
    woken: AtomicBool,
}

/// Threads that wait, in the order of arrival.
#[derive(Default)]
pub struct WaitQueue(VecDeque<Arc<Waiter>>);

impl WaitQueue {
    /// Wakes the first thread. True: it has waited long, and what it waits for is its own now.
    pub fn wake_first(&mut self) -> bool {
        let Some(w) = self.0.front() else { return false };
        let fair = w.since.elapsed() >= FAIR;
        w.given.store(fair, Ordering::Relaxed);
        w.parker.notify();
        if fair {
            self.0.pop_front();
        }
        fair
    }

    /// Wakes the first thread that is asleep, for one thing more that is there.
    pub fn wake_next(&mut self) {
        if let Some(parker) = self.next_asleep() {
            parker.notify();
        }
    }

    /// As [`wake_next`](Self::wake_next), where the caller does the waking.
    pub fn next_asleep(&mut self) -> Option<Arc<Parker>> {
        let w = self.0.iter().find(|w| !w.woken.load(Ordering::Relaxed))?;
        w.woken.store(true, Ordering::Relaxed);
        Some(w.parker.clone())
    }

    /// Wakes all threads.
    pub fn wake_all(&mut self) {
        for w in self.0.drain(..) {
            w.parker.notify();
        }
    }

    /// How many threads wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn remove(&mut self, w: &Arc<Waiter>) {
        self.0.retain(|q| !Arc::ptr_eq(q, w));
    }
}

/// How long to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Not at all.
    Now,
    /// As long as it takes.
    Forever,
    /// To this time.
    At(Instant),
}

impl Until {
    /// From `blocking` and `timeout` of `acquire`.
    ///
    /// # Errors
    /// ValueError, OverflowError, TypeError.
    pub fn of_acquire(vm: &mut Vm, blocking: Option<&Value>, timeout: Option<&Value>) -> R<Until> {
        let blocking = match blocking {
            Some(v) => vm.truth(v)?,
            None => true,
        };
        let seconds = match timeout {
            Some(v) => crate::objects::float::to_f64(vm, v)?,
            None => -1.0,
        };
        if !blocking {
            return if seconds == -1.0 {
                Ok(Until::Now)
            } else {
                Err(vm.value_error("can't specify a timeout for a non-blocking call"))
            };
        }
        if seconds < 0.0 && seconds != -1.0 {
            return Err(vm.value_error("timeout value must be a non-negative number"));
        }
        if seconds == -1.0 { Ok(Until::Forever) } else { Until::seconds(vm, seconds) }
    }

    /// So many seconds from now.
    ///
    /// # Errors
    /// OverflowError, ValueError.
    pub fn seconds(vm: &mut Vm, seconds: f64) -> R<Until> {
        if seconds.is_nan() {
            return Err(vm.value_error("Invalid value NaN (not a number)"));
        }
        if seconds > TIMEOUT_MAX {
            return Err(vm.overflow_error("timestamp out of range for C PyTime_t"));
        }
        if seconds <= 0.0 {
            return Ok(Until::Now);
        }
        let at = Instant::now().checked_add(Duration::from_secs_f64(seconds));
        Ok(at.map_or(Until::Forever, Until::At))
    }
}

/// Waits until `ready` says true, or until the thread is given what it waits for; false when the time is over.
/// `ready` takes what it finds. The first look is the caller's.
///
/// # Errors
/// What signals and stop requests raise; what was given by then goes on to `give_back`.
pub fn wait<T: Object>(
    vm: &mut Vm,
    object: &Ref<T>,
    queue: fn(&mut T) -> &mut WaitQueue,
    until: Until,
    mut ready: impl FnMut(&mut Vm) -> bool,
    give_back: impl FnOnce(&mut Vm),
) -> R<bool> {
    let end = match until {
        Until::Now => return Ok(false),
        Until::Forever => None,
        Until::At(t) => Some(t),
    };
    let me = Arc::new(Waiter {
        parker: vm.parker(),
        since: Instant::now(),
        given: AtomicBool::new(false),
        woken: AtomicBool::new(false),
    });
    queue(&mut object.get_mut(vm)).0.push_back(me.clone());
    let result = loop {
        vm.park(end);
        me.woken.store(false, Ordering::Relaxed);
        if let Err(e) = vm.checkpoint() {
            if me.given.load(Ordering::Relaxed) {
                give_back(vm);
            }
            break Err(e);
        }
        if me.given.load(Ordering::Relaxed) || ready(vm) {
            break Ok(true);
        }
        if end.is_some_and(|t| Instant::now() >= t) {
            break Ok(false);
        }
    };
    let mut this = object.get_mut(vm);
    let queue = queue(&mut this);
    queue.remove(&me);
    if !matches!(result, Ok(true)) || me.woken.load(Ordering::Relaxed) {
        // What it was woken for may be there still.
        queue.wake_next();
    }
    drop(this);
    result
}
