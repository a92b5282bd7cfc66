//! `select`: `select`, `poll` and, on Linux, `epoll`.

use crate::event_loop::loop_object::descriptor;
use crate::heap_object;
use crate::modules::io::errors::os_failure;
use crate::vm::class::class_flag;
use crate::vm::native::{NativeDef, arg, arg_or_none};
use crate::vm::object::Ref;
use crate::vm::system;
use crate::vm::{R, Value, Vm};
use nix::libc;
use nix::sys::epoll::{EpollCreateFlags, EpollEvent, EpollFlags, EpollOp};
use std::io;
use std::time::{Duration, Instant};

heap_object! {
    /// `select.poll` objects.
    pub struct Poll {}
    skip { entries: Vec<(i32, i16)> }
    external = |this| this.entries.capacity() * 8;
}

heap_object! {
    /// `select.epoll` objects.
    pub struct Epoll { fd: i64 }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        if self.fd >= 0 {
            let _ = system::close(self.fd as i32);
        }
    }
}

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "select(rlist, wlist, xlist, timeout=None, /)",
        "Wait until one or more file descriptors are ready for some kind of I/O.",
        select,
    ),
    NativeDef::new("poll()", "Return a polling object.", |vm, _| {
        let class = poll_class(vm)?;
        Ok(vm.alloc_as(&class, Poll { entries: Vec::new() }).into())
    }),
];

/// When a wait of so many seconds is over; `None`: never.
fn deadline(vm: &mut Vm, seconds: &Value) -> R<Option<Instant>> {
    if seconds.is_none() {
        return Ok(None);
    }
    if vm.as_float(seconds).is_none() && !vm.is_int(seconds) {
        return Err(vm.type_error("timeout must be a float or None"));
    }
    let s = crate::objects::float::to_f64(vm, seconds)?;
    if s < 0.0 {
        return Err(vm.value_error("timeout must be non-negative"));
    }
    Ok(Duration::try_from_secs_f64(s).ok().and_then(|d| Instant::now().checked_add(d)))
}

fn milliseconds(until: Option<Instant>) -> i32 {
    match until {
        Some(u) => {
            let left = u.saturating_duration_since(Instant::now());
            i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
        }
        None => -1,
    }
}

/// Polls until something happens or the time is over; signals are served meanwhile.
fn poll_until(vm: &mut Vm, entries: &mut [(i32, i16, i16)], until: Option<Instant>) -> R<usize> {
    loop {
        let left = milliseconds(until);
        match vm.unlocked(|| system::poll(entries, left)) {
            Ok(0) if until.is_none_or(|u| Instant::now() < u) => {}
            Ok(n) => return Ok(n),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => vm.checkpoint()?,
            Err(e) => return Err(vm.os_error(&e, None)),
        }
    }
}

fn select(vm: &mut Vm, a: &[Value]) -> R {
    let until = deadline(vm, arg_or_none(a, 3))?;
    let mut lists = Vec::new();
    let mut entries: Vec<(i32, i16, i16)> = Vec::new();
    let wanted = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];
    for (list, events) in a.iter().take(3).zip(wanted) {
        let items = vm.collect(list)?;
        for v in &items {
            let fd = file_number(vm, v)?;
            entries.push((fd, events, 0));
        }
        lists.push(items);
    }
    poll_until(vm, &mut entries, until)?;
    if entries.iter().any(|e| e.2 & libc::POLLNVAL != 0) {
        return Err(os_failure(vm, nix::errno::Errno::EBADF, None));
    }
    let answers = [libc::POLLIN | libc::POLLHUP | libc::POLLERR, libc::POLLOUT | libc::POLLERR, libc::POLLPRI];
    let mut at = entries.iter();
    let mut out = Vec::new();
    for (items, bits) in lists.into_iter().zip(answers) {
        let mut ready = Vec::new();
        for v in items {
            if at.next().is_some_and(|e| e.2 & bits != 0) {
                ready.push(v);
            }
        }
        out.push(vm.list(ready).into_value());
    }
    Ok(vm.tuple(out).into())
}

/// The number of a descriptor, or of an object with `fileno()`, with the messages of `select`.
fn file_number(vm: &mut Vm, v: &Value) -> R<i32> {
    let fileno = vm.names.fileno.clone();
    if !vm.is_int(v) && vm.get_attr_opt(v, &fileno)?.is_none() {
        return Err(vm.type_error("argument must be an int, or have a fileno() method."));
    }
    let n = match vm.as_i64(v) {
        Some(n) => n,
        None => return descriptor(vm, v),
    };
    match i32::try_from(n).ok().filter(|n| *n >= 0) {
        Some(fd) => Ok(fd),
        None => Err(vm.value_error(format!("file descriptor cannot be a negative integer ({n})"))),
    }
}

const POLL: &[NativeDef] = &[
    NativeDef::new("register(self, fd, eventmask=7, /)", "Register a file descriptor.", |vm, a| {
        let p = vm.this::<Poll>(a, "register")?.clone();
        let fd = file_number(vm, &a[1])?;
        let events = mask(vm, arg(a, 2), 7)?;
        let mut this = p.get_mut(vm);
        match this.entries.iter_mut().find(|e| e.0 == fd) {
            Some(e) => e.1 = events,
            None => this.entries.push((fd, events)),
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("modify(self, fd, eventmask, /)", "Change what is watched.", |vm, a| {
        let p = vm.this::<Poll>(a, "modify")?.clone();
        let fd = file_number(vm, &a[1])?;
        let events = mask(vm, arg(a, 2), 7)?;
        let found = p.get_mut(vm).entries.iter_mut().find(|e| e.0 == fd).map(|e| e.1 = events).is_some();
        if found { Ok(Value::NONE) } else { Err(os_failure(vm, nix::errno::Errno::ENOENT, None)) }
    }),
    NativeDef::new("unregister(self, fd, /)", "Stop watching a file descriptor.", |vm, a| {
        let p = vm.this::<Poll>(a, "unregister")?.clone();
        let fd = file_number(vm, &a[1])?;
        let before = p.get(vm).entries.len();
        p.get_mut(vm).entries.retain(|e| e.0 != fd);
        if p.get(vm).entries.len() == before {
            return Err(vm.key_error(&Value::int32(fd)));
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("poll(self, timeout=None, /)", "Wait for events; the timeout is in milliseconds.", |vm, a| {
        let p = vm.this::<Poll>(a, "poll")?.clone();
        let until = match arg(a, 1).filter(|v| !v.is_none()) {
            Some(v) => {
                let ms = crate::objects::float::to_f64(vm, v)?;
                if ms < 0.0 {
                    None
                } else {
                    Duration::try_from_secs_f64(ms / 1e3).ok().and_then(|d| Instant::now().checked_add(d))
                }
            }
            None => None,
        };
        let mut entries: Vec<_> = p.get(vm).entries.iter().map(|&(fd, events)| (fd, events, 0)).collect();
        poll_until(vm, &mut entries, until)?;
        let mut ready = Vec::new();
        for (fd, _, happened) in entries.into_iter().filter(|e| e.2 != 0) {
            ready.push(vm.pair([Value::int32(fd), Value::int32(i32::from(happened as u16))]));
        }
        Ok(vm.list(ready).into())
    }),
];

fn mask(vm: &mut Vm, v: Option<&Value>, default: i16) -> R<i16> {
    match v {
        Some(v) => {
            let n = vm.index_i64(v)?;
            match u16::try_from(n) {
                Ok(n) => Ok(n as i16),
                Err(_) => Err(vm.overflow_error("Python int too large to convert to C unsigned short")),
            }
        }
        None => Ok(default),
    }
}

const EPOLL: &[NativeDef] = &[
    NativeDef::new("__new__(cls, sizehint=-1, flags=0)", "", |vm, a| {
        let class = vm.class_arg(&a[0])?;
        match nix::sys::epoll::epoll_create1(EpollCreateFlags::EPOLL_CLOEXEC) {
            Ok(fd) => Ok(vm.alloc_as(&class, Epoll { fd: i64::from(fd) }).into()),
            Err(e) => Err(os_failure(vm, e, None)),
        }
    }),
    NativeDef::new("fileno(self)", "Return the epoll file descriptor.", |vm, a| {
        let e = epoll(vm, a)?;
        Ok(vm.int(e.get(vm).fd))
    }),
    NativeDef::new("close(self)", "Close the epoll file descriptor.", |vm, a| {
        let e = vm.this::<Epoll>(a, "close")?.clone();
        let fd = std::mem::replace(&mut e.get_mut(vm).fd, -1);
        if fd >= 0 {
            let _ = system::close(fd as i32);
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("register(self, fd, eventmask=7)", "Register a file descriptor.", |vm, a| {
        control(vm, a, EpollOp::EpollCtlAdd)
    }),
    NativeDef::new("modify(self, fd, eventmask)", "Change what is watched.", |vm, a| {
        control(vm, a, EpollOp::EpollCtlMod)
    }),
    NativeDef::new("unregister(self, fd)", "Stop watching a file descriptor.", |vm, a| {
        control(vm, a, EpollOp::EpollCtlDel)
    }),
    NativeDef::new("poll(self, timeout=None, maxevents=-1)", "Wait for events; the timeout is in seconds.", |vm, a| {
        let e = epoll(vm, a)?;
        let until = match arg(a, 1).filter(|v| !v.is_none()) {
            Some(v) => {
                let s = crate::objects::float::to_f64(vm, v)?;
                if s < 0.0 {
                    None
                } else {
                    Duration::try_from_secs_f64(s).ok().and_then(|d| Instant::now().checked_add(d))
                }
            }
            None => None,
        };
        let most = match arg(a, 2) {
            Some(v) => vm.index_i64(v)?,
            None => -1,
        };
        if most < -1 || most == 0 {
            return Err(vm.value_error(format!("maxevents must be greater than 0, got {most}")));
        }
        let most = usize::try_from(most).unwrap_or(1024).min(65536);
        let mut events = vec![EpollEvent::empty(); most];
        let n = loop {
            let (fd, left) = (e.get(vm).fd as i32, milliseconds(until));
            match vm.unlocked(|| nix::sys::epoll::epoll_wait(fd, &mut events, left as isize)) {
                Ok(0) if until.is_none_or(|u| Instant::now() < u) => {}
                Ok(n) => break n,
                Err(nix::errno::Errno::EINTR) => vm.checkpoint()?,
                Err(x) => return Err(os_failure(vm, x, None)),
            }
        };
        let mut ready = Vec::new();
        for event in events.iter().take(n) {
            let (fd, bits) = (vm.int(event.data() as i64), vm.int(i64::from(event.events().bits() as u32)));
            ready.push(vm.pair([fd, bits]));
        }
        Ok(vm.list(ready).into())
    }),
    NativeDef::new("__enter__(self)", "", |vm, a| {
        epoll(vm, a)?;
        Ok(a[0].clone())
    }),
    NativeDef::new("__exit__(self, exc_type=None, exc_value=None, traceback=None)", "", |vm, a| {
        vm.call_method(&a[0], "close", &[])
    }),
];

fn epoll(vm: &mut Vm, a: &[Value]) -> R<Ref<Epoll>> {
    let e = vm.this::<Epoll>(a, "epoll")?.clone();
    if e.get(vm).fd < 0 {
        return Err(vm.value_error("I/O operation on closed epoll object"));
    }
    Ok(e)
}

fn control(vm: &mut Vm, a: &[Value], op: EpollOp) -> R {
    let e = epoll(vm, a)?;
    let fd = file_number(vm, &a[1])?;
    let bits = match arg(a, 2) {
        Some(v) => vm.index_i64(v)? as u32 as i32,
        None => 7,
    };
    let mut event = EpollEvent::new(EpollFlags::from_bits_truncate(bits), fd as u64);
    let event = if op == EpollOp::EpollCtlDel { None } else { Some(&mut event) };
    match nix::sys::epoll::epoll_ctl(e.get(vm).fd as i32, op, fd, event) {
        Ok(()) => Ok(Value::NONE),
        Err(x) => Err(os_failure(vm, x, None)),
    }
}

const CONSTANTS: &[(&str, i64)] = &[
    ("POLLIN", libc::POLLIN as i64),
    ("POLLPRI", libc::POLLPRI as i64),
    ("POLLOUT", libc::POLLOUT as i64),
    ("POLLERR", libc::POLLERR as i64),
    ("POLLHUP", libc::POLLHUP as i64),
    ("POLLNVAL", libc::POLLNVAL as i64),
    ("POLLRDHUP", libc::POLLRDHUP as i64),
    ("POLLRDNORM", libc::POLLRDNORM as i64),
    ("POLLRDBAND", libc::POLLRDBAND as i64),
    ("POLLWRNORM", libc::POLLWRNORM as i64),
    ("POLLWRBAND", libc::POLLWRBAND as i64),
    ("PIPE_BUF", 4096),
    ("EPOLLIN", 0x1),
    ("EPOLLPRI", 0x2),
    ("EPOLLOUT", 0x4),
    ("EPOLLERR", 0x8),
    ("EPOLLHUP", 0x10),
    ("EPOLLRDHUP", 0x2000),
    ("EPOLLEXCLUSIVE", 1 << 28),
    ("EPOLLONESHOT", 1 << 30),
    ("EPOLLET", 1 << 31),
    ("EPOLL_CLOEXEC", libc::EPOLL_CLOEXEC as i64),
];

fn poll_class(vm: &mut Vm) -> R<Ref<crate::vm::class::Class>> {
    if let Some(c) = vm.class_for::<Poll>() {
        return Ok(c);
    }
    let c = vm.define_class::<Poll>("select", "poll", None, class_flag::NO_NEW)?;
    vm.extend_class(&c, POLL, &[]);
    Ok(c)
}

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("select", FUNCTIONS);
    for (name, n) in CONSTANTS {
        let n = vm.int(*n);
        vm.module_set(&m, name, n);
    }
    let class = match vm.class_for::<Epoll>() {
        Some(c) => c,
        None => {
            let c = vm.define_class::<Epoll>("select", "epoll", None, class_flag::BASE)?;
            vm.extend_class(&c, EPOLL, &[]);
            c
        }
    };
    vm.module_set(&m, "epoll", class.into_value());
    let error = vm.exc.OSError.value().clone();
    vm.module_set(&m, "error", error);
    Ok(m.into())
}
