//! `_thread.lock` and `_thread.RLock`.
//!
//! Both are changed under the interpreter's lock alone, so taking a free one is a look at a field.

use super::wait::{Until, WaitQueue, wait};
use crate::heap_object;
use crate::vm::native::{NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

heap_object! {
    /// The payload of `_thread.lock`.
    #[derive(Default)]
    pub struct Lock { locked: bool }
    skip { queue: WaitQueue }
}

heap_object! {
    /// The payload of `_thread.RLock`.
    #[derive(Default)]
    pub struct RLock {
        /// The thread that has it, or 0.
        owner: u64,
        count: usize,
    }
    skip { queue: WaitQueue }
}

/// The owner of an `RLock` that is on its way to a thread that waited.
const GIVEN: u64 = u64::MAX;

/// Takes a lock; false when the time is over.
///
/// # Errors
/// What signals and stop requests raise.
pub fn acquire(vm: &mut Vm, l: &Ref<Lock>, until: Until) -> R<bool> {
    if !l.get(vm).locked {
        l.get_mut(vm).locked = true;
        return Ok(true);
    }
    let lock = l.clone();
    let ready = |vm: &mut Vm| !std::mem::replace(&mut lock.get_mut(vm).locked, true);
    wait(
        vm,
        l,
        |this| &mut this.queue,
        until,
        ready,
        |vm| {
            release(vm, l);
        },
    )
}

/// Lets a lock go; false when it was free.
pub fn release(vm: &mut Vm, l: &Ref<Lock>) -> bool {
    let mut this = l.get_mut(vm);
    let was = this.locked;
    this.locked = was && this.queue.wake_first();
    was
}

fn lock<'a>(vm: &mut Vm, a: &'a [Value], method: &str) -> R<&'a Ref<Lock>> {
    vm.this::<Lock>(a, method)
}

fn lock_acquire(vm: &mut Vm, a: &[Value]) -> R {
    let l = lock(vm, a, "acquire")?;
    let until = Until::of_acquire(vm, arg(a, 1), arg(a, 2))?;
    Ok(acquire(vm, l, until)?.into())
}

fn lock_release(vm: &mut Vm, a: &[Value]) -> R {
    let l = lock(vm, a, "release")?;
    if !release(vm, l) {
        return Err(vm.runtime_error("release unlocked lock"));
    }
    Ok(Value::NONE)
}

fn lock_locked(vm: &mut Vm, a: &[Value]) -> R {
    Ok(lock(vm, a, "locked")?.get(vm).locked.into())
}

/// The methods of `_thread.lock`.
pub const LOCK_METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls)", "Create and return a new object.", |vm, a| {
        let cls = vm.class_arg(&a[0])?;
        Ok(vm.alloc_as(&cls, Lock::default()).into())
    }),
    NativeDef::new("acquire(self, blocking=True, timeout=-1)", "Lock the lock.", lock_acquire),
    NativeDef::new("acquire_lock(self, blocking=True, timeout=-1)", "An obsolete synonym of acquire().", lock_acquire),
    NativeDef::new("release(self, /)", "Release the lock.", lock_release),
    NativeDef::new("release_lock(self, /)", "An obsolete synonym of release().", lock_release),
    NativeDef::new("locked(self, /)", "Return whether the lock is in the locked state.", lock_locked),
    NativeDef::new("locked_lock(self, /)", "An obsolete synonym of locked().", lock_locked),
    NativeDef::new("__enter__(self, /)", "Lock the lock.", |vm, a| {
        let l = lock(vm, a, "__enter__")?;
        Ok(acquire(vm, l, Until::Forever)?.into())
    }),
    NativeDef::new("__exit__(self, exc_type, exc_value, exc_tb, /)", "Release the lock.", lock_release),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let l = lock(vm, a, "__repr__")?;
        let (state, class) = (if l.get(vm).locked { "locked" } else { "unlocked" }, vm.full_class_name(&a[0]));
        let text = format!("<{state} {class} object at {:#x}>", l.address());
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("_at_fork_reinit(self, /)", "Make the lock a new one.", |vm, a| {
        let l = lock(vm, a, "_at_fork_reinit")?;
        l.get_mut(vm).locked = false;
        Ok(Value::NONE)
    }),
];

fn rlock<'a>(vm: &mut Vm, a: &'a [Value], method: &str) -> R<&'a Ref<RLock>> {
    vm.this::<RLock>(a, method)
}

fn acquire_again(vm: &mut Vm, l: &Ref<RLock>, until: Until, count: usize) -> R<bool> {
    let me = vm.thread_ident();
    let mut this = l.get_mut(vm);
    if this.owner == me {
        this.count = this.count.saturating_add(count);
        return Ok(true);
    }
    let free = this.owner == 0;
    if free {
        (this.owner, this.count) = (me, count);
    }
    drop(this);
    if free {
        return Ok(true);
    }
    let lock = l.clone();
    let ready = |vm: &mut Vm| {
        let mut this = lock.get_mut(vm);
        let free = this.owner == 0;
        if free {
            this.owner = me;
        }
        free
    };
    let got = wait(vm, l, |this| &mut this.queue, until, ready, |vm| release_all(vm, l))?;
    if got {
        let mut this = l.get_mut(vm);
        (this.owner, this.count) = (me, count);
    }
    Ok(got)
}

fn release_all(vm: &mut Vm, l: &Ref<RLock>) {
    let mut this = l.get_mut(vm);
    this.count = 0;
    this.owner = if this.queue.wake_first() { GIVEN } else { 0 };
}

fn rlock_release(vm: &mut Vm, a: &[Value]) -> R {
    let l = rlock(vm, a, "release")?;
    let me = vm.thread_ident();
    let this = l.get(vm);
    if this.owner != me {
        return Err(vm.runtime_error("cannot release un-acquired lock"));
    }
    if this.count > 1 {
        l.get_mut(vm).count -= 1;
    } else {
        release_all(vm, l);
    }
    Ok(Value::NONE)
}

/// The methods of `_thread.RLock`.
pub const RLOCK_METHODS: &[NativeDef] = &[
    NativeDef::new("__new__(cls)", "Create and return a new object.", |vm, a| {
        let cls = vm.class_arg(&a[0])?;
        Ok(vm.alloc_as(&cls, RLock::default()).into())
    }),
    NativeDef::new("acquire(self, blocking=True, timeout=-1)", "Lock the lock.", |vm, a| {
        let l = rlock(vm, a, "acquire")?;
        let until = Until::of_acquire(vm, arg(a, 1), arg(a, 2))?;
        Ok(acquire_again(vm, l, until, 1)?.into())
    }),
    NativeDef::new("release(self, /)", "Release the lock.", rlock_release),
    NativeDef::new(
        "locked(self, /)",
        "Return a boolean indicating whether this object is locked right now.",
        |vm, a| Ok((rlock(vm, a, "locked")?.get(vm).owner != 0).into()),
    ),
    NativeDef::new("__enter__(self, /)", "Lock the lock.", |vm, a| {
        let l = rlock(vm, a, "__enter__")?;
        Ok(acquire_again(vm, l, Until::Forever, 1)?.into())
    }),
    NativeDef::new("__exit__(self, exc_type, exc_value, exc_tb, /)", "Release the lock.", rlock_release),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let l = rlock(vm, a, "__repr__")?;
        let class = vm.full_class_name(&a[0]);
        let this = l.get(vm);
        let state = if this.owner == 0 { "unlocked" } else { "locked" };
        let (owner, count) = (this.owner, this.count);
        let text = format!("<{state} {class} object owner={owner} count={count} at {:#x}>", l.address());
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("_is_owned(self, /)", "For internal use by threading.Condition.", |vm, a| {
        let me = vm.thread_ident();
        Ok((rlock(vm, a, "_is_owned")?.get(vm).owner == me).into())
    }),
    NativeDef::new("_recursion_count(self, /)", "For internal use by reentrancy checks.", |vm, a| {
        let me = vm.thread_ident();
        let this = rlock(vm, a, "_recursion_count")?.get(vm);
        Ok(Value::len(if this.owner == me { this.count } else { 0 }))
    }),
    NativeDef::new("_release_save(self, /)", "For internal use by threading.Condition.", |vm, a| {
        let l = rlock(vm, a, "_release_save")?;
        let this = l.get(vm);
        if this.owner == 0 {
            return Err(vm.runtime_error("cannot release un-acquired lock"));
        }
        let (count, owner) = (Value::len(this.count), vm.int(this.owner as i64));
        release_all(vm, l);
        Ok(vm.pair([count, owner]))
    }),
    NativeDef::new("_acquire_restore(self, state, /)", "For internal use by threading.Condition.", |vm, a| {
        let l = rlock(vm, a, "_acquire_restore")?;
        let parts = vm.tuple_clone(&a[1]).unwrap_or_default();
        let count = match parts.first() {
            Some(v) => vm.index_i64(v)?,
            None => return Err(vm.type_error("_acquire_restore() argument 1 must be a tuple")),
        };
        acquire_again(vm, l, Until::Forever, usize::try_from(count).unwrap_or(1))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_at_fork_reinit(self, /)", "Make the lock a new one.", |vm, a| {
        let l = rlock(vm, a, "_at_fork_reinit")?;
        let mut this = l.get_mut(vm);
        (this.owner, this.count) = (0, 0);
        Ok(Value::NONE)
    }),
];
