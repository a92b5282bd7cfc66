//! `_socket.socket`: a descriptor with a timeout. What is built on it (`makefile`, enums, `with`) is written in apy.
//!
//! Invariant: every call that may wait goes through [`wait_and_call`], which gives up the interpreter's lock while it
//! waits and honours the timeout.

use super::address;
use crate::heap_object;
use crate::modules::io::buffer::Target;
use crate::modules::io::errors::os_failure;
use crate::objects::bytes::bytes_from;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::system::{self, Address};
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::libc;
use std::io;
use std::time::{Duration, Instant};

/// No call asks for more at once.
const MOST: usize = 0x7fff_f000;

heap_object! {
    /// The payload of sockets.
    pub struct Socket {
        /// The descriptor; -1 when closed.
        pub fd: i64,
        /// `family`.
        pub family: i64,
        /// `type`.
        pub kind: i64,
        /// `proto`.
        pub protocol: i64,
        /// Seconds that calls may wait; negative: for ever.
        pub timeout: f64,
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Ok(fd) = i32::try_from(self.fd)
            && fd >= 0
        {
            // Nobody is there who could hear of a failure.
            let _ = system::close(fd);
        }
    }
}

/// `socket.setdefaulttimeout`; negative: none.
pub struct DefaultTimeout(pub f64);

impl Default for DefaultTimeout {
    fn default() -> DefaultTimeout {
        DefaultTimeout(-1.0)
    }
}

pub(super) fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<Socket>> {
    vm.this::<Socket>(a, "socket").cloned()
}

fn fd_of(vm: &mut Vm, s: &Ref<Socket>) -> i32 {
    // What is done to this socket may show what was sent to it, or by it.
    vm.send_held();
    s.get(vm).fd as i32
}

fn raised<T>(vm: &mut Vm, result: io::Result<T>) -> R<T> {
    result.map_err(|e| vm.os_error(&e, None))
}

/// Waits until the socket is ready, as long as its timeout allows, and makes the call; the one way of blocking.
///
/// # Errors
/// TimeoutError; the system's errors; what signal handlers raise.
pub fn wait_and_call<T: Send>(
    vm: &mut Vm,
    s: &Ref<Socket>,
    writing: bool,
    mut call: impl FnMut(i32) -> io::Result<T> + Send,
) -> R<T> {
    let timeout = s.get(vm).timeout;
    let deadline = deadline(timeout);
    loop {
        let fd = fd_of(vm, s);
        if timeout > 0.0 {
            wait(vm, fd, writing, deadline)?;
        }
        let done = if timeout == 0.0 { call(fd) } else { vm.unlocked(|| call(fd)) };
        match done {
            Ok(v) => return Ok(v),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => vm.checkpoint()?,
            // The system said ready, and it was not.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && timeout > 0.0 => {}
            Err(e) => return Err(vm.os_error(&e, None)),
        }
    }
}

/// When a timeout (in seconds; negative: never) that begins now is over.
fn deadline(timeout: f64) -> Option<Instant> {
    let d = Duration::try_from_secs_f64(timeout).ok()?;
    Instant::now().checked_add(d)
}

/// Waits until a descriptor is ready.
fn wait(vm: &mut Vm, fd: i32, writing: bool, deadline: Option<Instant>) -> R<()> {
    loop {
        let left = match deadline {
            Some(d) => {
                let left = d.saturating_duration_since(Instant::now());
                i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
            }
            None => -1,
        };
        match vm.unlocked(|| system::wait_ready(fd, writing, left)) {
            Ok(true) => return Ok(()),
            Ok(false) if deadline.is_some_and(|d| Instant::now() >= d) => {
                let class = vm.exc.TimeoutError.clone();
                return Err(vm.raise_text(&class, "timed out"));
            }
            Ok(false) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => vm.checkpoint()?,
            Err(e) => return Err(vm.os_error(&e, None)),
        }
    }
}

/// Seconds from a script's timeout; negative for `None`.
///
/// # Errors
/// ValueError and TypeError.
pub fn timeout_arg(vm: &mut Vm, v: &Value) -> R<f64> {
    if v.is_none() {
        return Ok(-1.0);
    }
    let t = crate::objects::float::to_f64(vm, v)?;
    if t < 0.0 {
        return Err(vm.value_error("Timeout value out of range"));
    }
    if t.is_nan() {
        return Err(vm.value_error("Invalid value NaN (not a number)"));
    }
    if t > 9_223_372_036.0 {
        return Err(vm.overflow_error("timestamp too large to convert to C PyTime_t"));
    }
    Ok(t)
}

pub(super) fn int_arg(vm: &mut Vm, v: Option<&Value>, default: i64) -> R<i64> {
    match v {
        Some(v) => vm.index_i64(v),
        None => Ok(default),
    }
}

pub(super) fn c_int(vm: &mut Vm, v: Option<&Value>, default: i32) -> R<i32> {
    let n = int_arg(vm, v, i64::from(default))?;
    match i32::try_from(n) {
        Ok(n) => Ok(n),
        Err(_) => Err(vm.overflow_error("signed integer is greater than maximum")),
    }
}

fn size_arg(vm: &mut Vm, v: &Value, method: &str) -> R<usize> {
    let n = vm.index_i64(v)?;
    match usize::try_from(n) {
        Ok(n) => {
            vm.check_alloc(n.min(MOST))?;
            Ok(n.min(MOST))
        }
        Err(_) => Err(vm.value_error(format!("negative buffersize in {method}"))),
    }
}

/// Gives the class its methods.
pub const METHODS: &[NativeDef] = &[
    NativeDef::raw("__new__(cls, *args, **kwargs)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        let blank = Socket { fd: -1, family: -1, kind: -1, protocol: -1, timeout: -1.0 };
        Ok(vm.alloc_as(&class, blank).into())
    }),
    NativeDef::new("__init__(self, family=-1, type=-1, proto=-1, fileno=None)", "", init),
    NativeDef::new("fileno(self, /)", "Return the integer file descriptor of the socket.", |vm, a| {
        let s = this(vm, a)?;
        Ok(vm.int(s.get(vm).fd))
    }),
    NativeDef::new("__del__(self, /)", "", |vm, a| {
        let fd = this(vm, a)?.get(vm).fd;
        // Without the module nobody has set a filter, and the standard one drops the warning.
        if fd >= 0 && vm.loaded_attr("warnings", "warn").is_some() {
            let shown = vm.repr_string(&a[0])?;
            let category = vm.exc.ResourceWarning.clone();
            vm.warn_about(&category, &format!("unclosed {shown}"), 1, a[0].clone())?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("detach(self, /)", "Give up the descriptor without closing it, and return it.", |vm, a| {
        let s = this(vm, a)?;
        let fd = std::mem::replace(&mut s.get_mut(vm).fd, -1);
        Ok(vm.int(fd))
    }),
    NativeDef::new("close(self, /)", "Close the socket.", |vm, a| {
        let s = this(vm, a)?;
        let fd = std::mem::replace(&mut s.get_mut(vm).fd, -1);
        if fd >= 0 {
            match vm.unlocked(|| system::close(fd as i32)) {
                // What the peer did does not matter any more.
                Err(e) if !matches!(e.raw_os_error(), Some(libc::ECONNRESET | libc::EINTR)) => {
                    return Err(vm.os_error(&e, None));
                }
                _ => {}
            }
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("bind(self, address, /)", "Bind the socket to a local address.", |vm, a| {
        let s = this(vm, a)?;
        let at = address_arg(vm, &s, &a[1], "bind")?;
        let done = system::bind(fd_of(vm, &s), &at);
        raised(vm, done)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("listen(self, backlog=128, /)", "Enable a server to accept connections.", |vm, a| {
        let s = this(vm, a)?;
        let backlog = c_int(vm, arg(a, 1), 128)?.max(0);
        let done = system::listen(fd_of(vm, &s), backlog);
        raised(vm, done)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_accept(self, /)", "Accept a connection: descriptor and address.", |vm, a| {
        let s = this(vm, a)?;
        let (fd, from) = wait_and_call(vm, &s, false, |fd| system::accept(fd, 0))?;
        let from = address::to_value(vm, &from)?;
        Ok(vm.pair([Value::int32(fd), from]))
    }),
    NativeDef::new("connect(self, address, /)", "Connect the socket to a remote address.", |vm, a| {
        let s = this(vm, a)?;
        match connect(vm, &s, &a[1], "connect")? {
            0 => Ok(Value::NONE),
            n => Err(os_failure(vm, Errno::from_i32(n), None)),
        }
    }),
    NativeDef::new("connect_ex(self, address, /)", "As connect, but returns an error code.", |vm, a| {
        let s = this(vm, a)?;
        Ok(Value::int32(connect(vm, &s, &a[1], "connect_ex")?))
    }),
    NativeDef::new("recv(self, bufsize, flags=0, /)", "Receive up to bufsize bytes from the socket.", |vm, a| {
        let s = this(vm, a)?;
        let n = size_arg(vm, &a[1], "recv")?;
        let flags = c_int(vm, arg(a, 2), 0)?;
        let mut buffer = vec![0; n];
        let n = wait_and_call(vm, &s, false, |fd| system::recv(fd, &mut buffer, flags))?;
        Ok(vm.new_bytes(buffer.get(..n).unwrap_or_default()).into())
    }),
    NativeDef::new("recv_into(self, buffer, nbytes=0, flags=0)", "Receive into a buffer.", |vm, a| {
        let s = this(vm, a)?;
        let (target, n, flags) = into_args(vm, a, "recv_into")?;
        let mut buffer = vec![0; n];
        let n = wait_and_call(vm, &s, false, |fd| system::recv(fd, &mut buffer, flags))?;
        let n = target.fill(vm, buffer.get(..n).unwrap_or_default())?;
        Ok(Value::len(n))
    }),
    NativeDef::new("recvfrom(self, bufsize, flags=0, /)", "Receive data and the sender's address.", |vm, a| {
        let s = this(vm, a)?;
        let n = size_arg(vm, &a[1], "recvfrom")?;
        let flags = c_int(vm, arg(a, 2), 0)?;
        let mut buffer = vec![0; n];
        let (n, from) = wait_and_call(vm, &s, false, |fd| system::recv_from(fd, &mut buffer, flags))?;
        let from = address::to_value(vm, &from)?;
        let data = vm.new_bytes(buffer.get(..n).unwrap_or_default()).into_value();
        Ok(vm.pair([data, from]))
    }),
    NativeDef::new(
        "recvfrom_into(self, buffer, nbytes=0, flags=0)",
        "Receive into a buffer, with the sender.",
        |vm, a| {
            let s = this(vm, a)?;
            let (target, n, flags) = into_args(vm, a, "recvfrom_into")?;
            let mut buffer = vec![0; n];
            let (n, from) = wait_and_call(vm, &s, false, |fd| system::recv_from(fd, &mut buffer, flags))?;
            let n = target.fill(vm, buffer.get(..n).unwrap_or_default())?;
            let from = address::to_value(vm, &from)?;
            Ok(vm.pair([Value::len(n), from]))
        },
    ),
    NativeDef::new("send(self, data, flags=0, /)", "Send data; return how many bytes were sent.", |vm, a| {
        let s = this(vm, a)?;
        let data = bytes_from(vm, &a[1])?;
        let flags = c_int(vm, arg(a, 2), 0)?;
        let n = wait_and_call(vm, &s, true, |fd| system::send(fd, &data, flags))?;
        Ok(Value::len(n))
    }),
    NativeDef::new("sendall(self, data, flags=0, /)", "Send all of the data.", send_all),
    NativeDef::raw("sendto(self, data, flags_or_address, address=None, /)", "Send data to an address.", send_to),
    NativeDef::new(
        "sendmsg(self, buffers, ancdata=(), flags=0, address=None, /)",
        "Send the buffers, with ancillary data.",
        super::message::send,
    ),
    NativeDef::new(
        "recvmsg(self, bufsize, ancbufsize=0, flags=0, /)",
        "Receive data, ancillary data, flags and the sender's address.",
        super::message::receive,
    ),
    NativeDef::new(
        "recvmsg_into(self, buffers, ancbufsize=0, flags=0, /)",
        "As recvmsg(), but into buffers; the number of bytes takes the place of the data.",
        super::message::receive_into,
    ),
    NativeDef::new("shutdown(self, how, /)", "Shut down the reading side, the writing side, or both.", |vm, a| {
        let s = this(vm, a)?;
        let how = c_int(vm, arg(a, 1), 0)?;
        let done = system::shutdown(fd_of(vm, &s), how);
        raised(vm, done)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("getsockname(self, /)", "Return the address of the local endpoint.", |vm, a| {
        let s = this(vm, a)?;
        let name = system::name(fd_of(vm, &s), false);
        let name = raised(vm, name)?;
        address::to_value(vm, &name)
    }),
    NativeDef::new("getpeername(self, /)", "Return the address of the remote endpoint.", |vm, a| {
        let s = this(vm, a)?;
        let name = system::name(fd_of(vm, &s), true);
        let name = raised(vm, name)?;
        address::to_value(vm, &name)
    }),
    NativeDef::new("setblocking(self, flag, /)", "Set the socket to blocking or non-blocking.", |vm, a| {
        let s = this(vm, a)?;
        let on = vm.truth(&a[1])?;
        set_timeout(vm, &s, if on { -1.0 } else { 0.0 })?;
        Ok(Value::NONE)
    }),
    NativeDef::new("getblocking(self, /)", "Whether calls on the socket may wait.", |vm, a| {
        let s = this(vm, a)?;
        Ok(Value::bool(s.get(vm).timeout != 0.0))
    }),
    NativeDef::new("settimeout(self, timeout, /)", "Set a timeout on socket operations.", |vm, a| {
        let s = this(vm, a)?;
        let t = timeout_arg(vm, &a[1])?;
        set_timeout(vm, &s, t)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("gettimeout(self, /)", "Return the timeout in seconds, or None.", |vm, a| {
        let s = this(vm, a)?;
        timeout_value(vm, &s)
    }),
    NativeDef::new("getsockopt(self, level, option, buffersize=0, /)", "Get a socket option.", get_option),
    NativeDef::raw("setsockopt(self, level, option, value, optlen=0, /)", "Set a socket option.", set_option),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let s = this(vm, a)?;
        let this = s.get(vm);
        let text = format!(
            "<socket object, fd={}, family={}, type={}, proto={}>",
            this.fd, this.family, this.kind, this.protocol
        );
        Ok(vm.new_str(&text).into())
    }),
];

fn timeout_value(vm: &mut Vm, s: &Ref<Socket>) -> R {
    let t = s.get(vm).timeout;
    Ok(if t < 0.0 { Value::NONE } else { vm.float(t) })
}

/// The attributes.
pub const ATTRS: &[GetSetDef] = &[
    GetSetDef::new("family", "the socket family", |vm, v| {
        let s = this(vm, std::slice::from_ref(v))?;
        Ok(vm.int(s.get(vm).family))
    }),
    GetSetDef::new("type", "the socket type", |vm, v| {
        let s = this(vm, std::slice::from_ref(v))?;
        Ok(vm.int(s.get(vm).kind))
    }),
    GetSetDef::new("proto", "the socket protocol", |vm, v| {
        let s = this(vm, std::slice::from_ref(v))?;
        Ok(vm.int(s.get(vm).protocol))
    }),
    GetSetDef::new("timeout", "the socket timeout", |vm, v| {
        let s = this(vm, std::slice::from_ref(v))?;
        timeout_value(vm, &s)
    }),
];

fn init(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let mut family = int_arg(vm, arg(a, 1), -1)?;
    let mut kind = int_arg(vm, arg(a, 2), -1)?;
    let mut protocol = int_arg(vm, arg(a, 3), -1)?;
    let fd = match arg(a, 4).filter(|v| !v.is_none()) {
        Some(v) => {
            let n = vm.index_i64(v)?;
            let Some(fd) = i32::try_from(n).ok().filter(|fd| *fd >= 0) else {
                return Err(vm.value_error("negative file descriptor"));
            };
            let name = system::name(fd, false);
            let name = raised(vm, name)?;
            if family == -1 {
                family = i64::from(name.family());
            }
            if kind == -1 {
                let n = system::int_option(fd, libc::SOL_SOCKET, libc::SO_TYPE);
                kind = i64::from(raised(vm, n)?);
            }
            if protocol == -1 {
                protocol = i64::from(system::int_option(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).unwrap_or(0));
            }
            fd
        }
        None => {
            let number = |n: i64, default: i32| if n == -1 { default } else { n as i32 };
            let (f, k, p) = (number(family, libc::AF_INET), number(kind, libc::SOCK_STREAM), number(protocol, 0));
            (family, kind, protocol) = (i64::from(f), i64::from(k), i64::from(p));
            let fd = system::socket(f, k, p);
            raised(vm, fd)?
        }
    };
    let default = vm.state::<DefaultTimeout>().0;
    let flags = i64::from(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
    let timeout = if kind & i64::from(libc::SOCK_NONBLOCK) != 0 { 0.0 } else { default };
    let old = {
        let mut this = s.get_mut(vm);
        this.family = family;
        this.kind = kind & !flags;
        this.protocol = protocol;
        this.timeout = timeout;
        std::mem::replace(&mut this.fd, i64::from(fd))
    };
    if old >= 0 && old != i64::from(fd) {
        let _ = system::close(old as i32);
    }
    if timeout >= 0.0 {
        set_timeout(vm, &s, timeout)?;
    }
    Ok(Value::NONE)
}

fn set_timeout(vm: &mut Vm, s: &Ref<Socket>, t: f64) -> R<()> {
    let done = system::set_blocking(fd_of(vm, s), t < 0.0);
    raised(vm, done)?;
    s.get_mut(vm).timeout = t;
    Ok(())
}

pub(super) fn address_arg(vm: &mut Vm, s: &Ref<Socket>, v: &Value, method: &str) -> R<Address> {
    let family = s.get(vm).family as i32;
    address::from_value(vm, family, v, method)
}

/// Connects; gives an error number (0: connected).
fn connect(vm: &mut Vm, s: &Ref<Socket>, to: &Value, method: &str) -> R<i32> {
    let to = address_arg(vm, s, to, method)?;
    let (fd, timeout) = (fd_of(vm, s), s.get(vm).timeout);
    let done = vm.unlocked(|| system::connect(fd, &to));
    let Err(e) = done else { return Ok(0) };
    let code = e.raw_os_error().unwrap_or(libc::EIO);
    let waits = match code {
        libc::EINTR => {
            vm.checkpoint()?;
            timeout != 0.0
        }
        libc::EINPROGRESS => timeout > 0.0,
        _ => false,
    };
    if !waits {
        return Ok(code);
    }
    wait(vm, fd, true, deadline(timeout))?;
    let pending = system::pending_error(fd);
    match raised(vm, pending)? {
        libc::EISCONN => Ok(0),
        n => Ok(n),
    }
}

fn into_args(vm: &mut Vm, a: &[Value], method: &str) -> R<(Target, usize, i32)> {
    let target = Target::of(vm, &a[1], method)?;
    let n = int_arg(vm, arg(a, 2), 0)?;
    let flags = c_int(vm, arg(a, 3), 0)?;
    let Ok(n) = usize::try_from(n) else {
        return Err(vm.value_error(format!("negative buffersize in {method}")));
    };
    if n > target.len {
        return Err(vm.value_error("buffer too small for requested bytes"));
    }
    let n = if n == 0 { target.len } else { n };
    Ok((target, n.min(MOST), flags))
}

fn send_all(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let data = bytes_from(vm, &a[1])?;
    let flags = c_int(vm, arg(a, 2), 0)?;
    // The timeout is for all of it.
    let timeout = s.get(vm).timeout;
    let end = deadline(timeout);
    let mut at = 0;
    while let Some(rest) = data.get(at..).filter(|r| !r.is_empty() || at == 0) {
        if timeout > 0.0 {
            let fd = fd_of(vm, &s);
            wait(vm, fd, true, end)?;
        }
        let fd = fd_of(vm, &s);
        match vm.unlocked(|| system::send(fd, rest, flags)) {
            Ok(n) => at += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => vm.checkpoint()?,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock && timeout > 0.0 => {}
            Err(e) => return Err(vm.os_error(&e, None)),
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok(Value::NONE)
}

fn send_to(vm: &mut Vm, args: &Args<'_>) -> R {
    let s = this(vm, args.pos)?;
    let (data, flags, to) = match args.pos {
        [_, data, to] => (data, 0, to),
        [_, data, flags, to] => (data, c_int(vm, Some(flags), 0)?, to),
        other => {
            let n = other.len().saturating_sub(1);
            return Err(vm.type_error(format!("sendto() takes 2 or 3 arguments ({n} given)")));
        }
    };
    let data = bytes_from(vm, data)?;
    let to = address_arg(vm, &s, to, "sendto")?;
    let n = wait_and_call(vm, &s, true, |fd| system::send_to(fd, &data, flags, &to))?;
    Ok(Value::len(n))
}

fn get_option(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let (level, name) = (c_int(vm, arg(a, 1), 0)?, c_int(vm, arg(a, 2), 0)?);
    let size = int_arg(vm, arg(a, 3), 0)?;
    let fd = fd_of(vm, &s);
    if size == 0 {
        let n = system::int_option(fd, level, name);
        return Ok(Value::int32(raised(vm, n)?));
    }
    let Some(size) = usize::try_from(size).ok().filter(|n| *n <= 1024) else {
        return Err(vm.os_error_plain("getsockopt buflen out of range"));
    };
    let mut buffer = vec![0; size];
    let n = system::get_option(fd, level, name, &mut buffer);
    let n = raised(vm, n)?;
    Ok(vm.new_bytes(buffer.get(..n).unwrap_or_default()).into())
}

fn set_option(vm: &mut Vm, args: &Args<'_>) -> R {
    let s = this(vm, args.pos)?;
    let (level, name, value) = match args.pos {
        [_, level, name, value] => (c_int(vm, Some(level), 0)?, c_int(vm, Some(name), 0)?, value),
        [_, level, name, value, len] if value.is_none() => {
            let n = vm.index_i64(len)?;
            let zeros = vec![0; usize::try_from(n).unwrap_or(0).min(1024)];
            let (level, name) = (c_int(vm, Some(level), 0)?, c_int(vm, Some(name), 0)?);
            let done = system::set_option(fd_of(vm, &s), level, name, &zeros);
            raised(vm, done)?;
            return Ok(Value::NONE);
        }
        _ => return Err(vm.type_error("setsockopt() takes 3 or 4 arguments")),
    };
    let bytes = if vm.special(value, crate::vm::special::Special::Index).is_some() {
        c_int(vm, Some(value), 0)?.to_ne_bytes().to_vec()
    } else {
        bytes_from(vm, value)?
    };
    let done = system::set_option(fd_of(vm, &s), level, name, &bytes);
    raised(vm, done)?;
    Ok(Value::NONE)
}
