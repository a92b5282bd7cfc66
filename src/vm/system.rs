//! System calls that the safe libraries do not offer for plain descriptor numbers: sockets with any kind of address,
//! socket options by number, name resolution.
//!
//! Scripts deal in descriptor numbers, so these functions take numbers. A wrong number gives an error of the
//! system, never undefined behaviour. Signals are in [`super::signals`].

use nix::libc;
use rustix::net;
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU8, Ordering};

/// Makes all threads of the process allocate from one arena of the C library's. A thread's own arena grows by a system
/// call for every 4 KB, and what it frees helps no other. For a program's first lines: it changes what is the process's.
pub fn share_arena() {
    // SAFETY: takes numbers only.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
}

/// The size of the largest address.
const STORAGE: usize = size_of::<libc::sockaddr_storage>();

/// An address as the system lays it out.
#[derive(Clone, Copy)]
pub struct Address {
    storage: libc::sockaddr_storage,
    len: usize,
}

impl Address {
    /// An address from its bytes; longer ones are cut off.
    pub fn from_bytes(bytes: &[u8]) -> Address {
        let mut a = Address::empty();
        let len = bytes.len().min(STORAGE);
        // SAFETY: `len` is at most the storage's size, all bytes of which may be written, and any bytes are a valid
        // `sockaddr_storage`, which is made of integers.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), (&raw mut a.storage).cast(), len) };
        a.len = len;
        a
    }

    fn empty() -> Address {
        // SAFETY: all zeros are a valid `sockaddr_storage`, which is made of integers.
        Address { storage: unsafe { MaybeUninit::zeroed().assume_init() }, len: 0 }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the storage was zeroed before the system wrote into it, so all its bytes are initialised, and
        // `len` is at most its size.
        unsafe { std::slice::from_raw_parts((&raw const self.storage).cast(), self.len.min(STORAGE)) }
    }

    /// Its family.
    pub fn family(&self) -> i32 {
        if self.len < 2 { 0 } else { i32::from(self.storage.ss_family) }
    }

    /// Where it lies, and its length, for a call of the system.
    pub(super) fn parts(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        (self.ptr(), self.len as libc::socklen_t)
    }

    /// Lets `call` write an address into the room that it is told of; it gives the length.
    pub(super) fn written(call: impl FnOnce(*mut libc::sockaddr, libc::socklen_t) -> libc::socklen_t) -> Address {
        let mut a = Address::empty();
        a.len = (call((&raw mut a.storage).cast(), STORAGE as libc::socklen_t) as usize).min(STORAGE);
        a
    }

    fn ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// Lets `call` fill an address.
    fn filled(
        call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_long,
    ) -> io::Result<(i64, Address)> {
        let mut a = Address::empty();
        let mut len = STORAGE as libc::socklen_t;
        let n = call((&raw mut a.storage).cast(), &raw mut len);
        if n < 0 {
            return Err(io::Error::last_os_error());
        }
        a.len = (len as usize).min(STORAGE);
        Ok((n, a))
    }
}

/// What a system call gave: a number, or with -1 an error.
fn outcome<T: Into<i64>>(n: T) -> io::Result<i64> {
    let n = n.into();
    if n < 0 { Err(io::Error::last_os_error()) } else { Ok(n) }
}

fn outcome_size(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// `socket(2)`, closed when another program is executed.
///
/// # Errors
/// The system's.
pub fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<i32> {
    // SAFETY: takes numbers only.
    outcome(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }).map(|fd| fd as i32)
}

/// `socketpair(2)`, closed when another program is executed.
///
/// # Errors
/// The system's.
pub fn socketpair(family: i32, kind: i32, protocol: i32) -> io::Result<[i32; 2]> {
    let mut fds = [0; 2];
    // SAFETY: the array has room for two numbers.
    outcome(unsafe { libc::socketpair(family, kind | libc::SOCK_CLOEXEC, protocol, fds.as_mut_ptr()) })?;
    Ok(fds)
}

/// `accept4(2)`: the new descriptor and the peer's address.
///
/// # Errors
/// The system's.
pub fn accept(fd: i32, flags: i32) -> io::Result<(i32, Address)> {
    // SAFETY: `filled` gives room for an address, and its size.
    let (n, a) = Address::filled(|a, len| i64::from(unsafe { libc::accept4(fd, a, len, flags | libc::SOCK_CLOEXEC) }))?;
    Ok((n as i32, a))
}

/// `bind(2)`.
///
/// # Errors
/// The system's.
pub fn bind(fd: i32, a: &Address) -> io::Result<()> {
    // SAFETY: the address is valid for its length.
    outcome(unsafe { libc::bind(fd, a.ptr(), a.len as libc::socklen_t) }).map(drop)
}

/// `connect(2)`.
///
/// # Errors
/// The system's.
pub fn connect(fd: i32, a: &Address) -> io::Result<()> {
    // SAFETY: the address is valid for its length.
    outcome(unsafe { libc::connect(fd, a.ptr(), a.len as libc::socklen_t) }).map(drop)
}

/// `listen(2)`.
///
/// # Errors
/// The system's.
pub fn listen(fd: i32, backlog: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    outcome(unsafe { libc::listen(fd, backlog) }).map(drop)
}

/// `shutdown(2)`.
///
/// # Errors
/// The system's.
pub fn shutdown(fd: i32, how: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    outcome(unsafe { libc::shutdown(fd, how) }).map(drop)
}

/// `getsockname(2)`, or `getpeername(2)` of the peer.
///
/// # Errors
/// The system's.
pub fn name(fd: i32, peer: bool) -> io::Result<Address> {
    Address::filled(|a, len| {
        // SAFETY: `filled` gives room for an address, and its size.
        i64::from(unsafe { if peer { libc::getpeername(fd, a, len) } else { libc::getsockname(fd, a, len) } })
    })
    .map(|(_, a)| a)
}

/// A descriptor for `rustix`, whose calls need no detour over libc. (There, each is a point where threads may be
/// cancelled, which takes longer than the rest of it.)
fn descriptor<'a>(fd: i32) -> io::Result<BorrowedFd<'a>> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is not -1, which is all that memory safety asks for; see the module's documentation about others.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// `recv(2)`.
///
/// # Errors
/// The system's.
pub fn recv(fd: i32, buffer: &mut [u8], flags: i32) -> io::Result<usize> {
    let flags = net::RecvFlags::from_bits_retain(flags as u32);
    let (_, n) = net::recv(descriptor(fd)?, buffer, flags)?;
    Ok(n)
}

/// `recvfrom(2)`.
///
/// # Errors
/// The system's.
pub fn recv_from(fd: i32, buffer: &mut [u8], flags: i32) -> io::Result<(usize, Address)> {
    let (n, a) = Address::filled(|a, len| {
        // SAFETY: the buffer may be written for its length, and `filled` gives room for an address, and its size.
        unsafe { libc::recvfrom(fd, buffer.as_mut_ptr().cast(), buffer.len(), flags, a, len) as libc::c_long }
    })?;
    Ok((n as usize, a))
}

/// `send(2)`.
///
/// # Errors
/// The system's.
pub fn send(fd: i32, bytes: &[u8], flags: i32) -> io::Result<usize> {
    Ok(net::send(descriptor(fd)?, bytes, net::SendFlags::from_bits_retain(flags as u32))?)
}

/// `sendto(2)`.
///
/// # Errors
/// The system's.
pub fn send_to(fd: i32, bytes: &[u8], flags: i32, a: &Address) -> io::Result<usize> {
    // SAFETY: the bytes and the address may be read for their lengths.
    outcome_size(unsafe {
        libc::sendto(fd, bytes.as_ptr().cast(), bytes.len(), flags, a.ptr(), a.len as libc::socklen_t)
    })
}

/// `read(2)`.
///
/// # Errors
/// The system's.
pub fn read(fd: i32, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer may be written for its length.
    outcome_size(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// `read(2)` behind what a buffer holds, as far as its capacity goes.
///
/// # Errors
/// The system's.
pub fn read_behind(fd: i32, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let room = buffer.spare_capacity_mut();
    // SAFETY: the room may be written for its length; as much of it as the system says has been written.
    unsafe {
        let n = outcome_size(libc::read(fd, room.as_mut_ptr().cast(), room.len()))?;
        buffer.set_len(buffer.len() + n);
        Ok(n)
    }
}

/// `write(2)`.
///
/// # Errors
/// The system's.
pub fn write(fd: i32, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes may be read for their length.
    outcome_size(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

/// `close(2)`.
///
/// # Errors
/// The system's; the descriptor is gone all the same.
pub fn close(fd: i32) -> io::Result<()> {
    // SAFETY: takes a number only. Descriptors that natives own are not given out to scripts as numbers, or their
    // owners expect that a script may close them.
    outcome(unsafe { libc::close(fd) }).map(drop)
}

/// Sets an option of a socket.
///
/// # Errors
/// The system's.
pub fn set_option(fd: i32, level: i32, name: i32, value: &[u8]) -> io::Result<()> {
    // SAFETY: the value may be read for its length.
    outcome(unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), value.len() as libc::socklen_t) })
        .map(drop)
}

/// Reads an option of a socket; gives the length.
///
/// # Errors
/// The system's.
pub fn get_option(fd: i32, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    let mut len = value.len() as libc::socklen_t;
    // SAFETY: the value may be written for its length.
    outcome(unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut len) })?;
    Ok((len as usize).min(value.len()))
}

/// An option of a socket that is a number.
///
/// # Errors
/// The system's.
pub fn int_option(fd: i32, level: i32, name: i32) -> io::Result<i32> {
    let mut value = [0; 4];
    get_option(fd, level, name, &mut value)?;
    Ok(i32::from_ne_bytes(value))
}

/// The error that waits on a socket (0: none).
///
/// # Errors
/// The system's.
pub fn pending_error(fd: i32) -> io::Result<i32> {
    int_option(fd, libc::SOL_SOCKET, libc::SO_ERROR)
}

/// Sets whether calls on a descriptor wait.
///
/// # Errors
/// The system's.
pub fn set_blocking(fd: i32, on: bool) -> io::Result<()> {
    let mut flag = libc::c_int::from(!on);
    // SAFETY: the call reads one number.
    outcome(unsafe { libc::ioctl(fd, libc::FIONBIO, &raw mut flag) }).map(drop)
}

/// Waits until a descriptor can be read or written, or has failed; false when the time (in milliseconds, -1: for
/// ever) is over.
///
/// # Errors
/// The system's, interruption by a signal included.
pub fn wait_ready(fd: i32, writing: bool, milliseconds: i32) -> io::Result<bool> {
    let events = if writing { libc::POLLOUT } else { libc::POLLIN };
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one entry is given.
    outcome(unsafe { libc::poll(&raw mut entry, 1, milliseconds) }).map(|n| n > 0)
}

/// Waits for many descriptors: `(descriptor, events)` becomes `(descriptor, what happened)`; gives how many did.
///
/// # Errors
/// The system's, interruption by a signal included.
pub fn poll(entries: &mut [(i32, i16, i16)], milliseconds: i32) -> io::Result<usize> {
    let mut raw: Vec<libc::pollfd> =
        entries.iter().map(|&(fd, events, _)| libc::pollfd { fd, events, revents: 0 }).collect();
    // SAFETY: as many entries are given as the call is told.
    let n = outcome(unsafe { libc::poll(raw.as_mut_ptr(), raw.len() as libc::nfds_t, milliseconds) })?;
    for (entry, r) in entries.iter_mut().zip(&raw) {
        entry.2 = r.revents;
    }
    Ok(n as usize)
}

// ---- names ----

/// One answer of [`resolve`].
pub struct Resolved {
    /// The family.
    pub family: i32,
    /// The kind of socket.
    pub kind: i32,
    /// The protocol.
    pub protocol: i32,
    /// The canonical name, for the first answer and if it was asked for.
    pub canonical: Option<Vec<u8>>,
    /// The address.
    pub address: Address,
}

/// Why a name was not resolved.
pub enum ResolveError {
    /// An `EAI_…` number.
    Name(i32),
    /// The system's error.
    System(io::Error),
}

fn resolve_error(code: i32) -> ResolveError {
    if code == libc::EAI_SYSTEM { ResolveError::System(io::Error::last_os_error()) } else { ResolveError::Name(code) }
}

/// The text of an `EAI_…` number.
pub fn resolve_error_text(code: i32) -> String {
    // SAFETY: the function gives a constant text for every number.
    unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned()
}

/// `getaddrinfo(3)`; `hints` are family, kind, protocol and flags.
///
/// # Errors
/// See [`ResolveError`].
pub fn resolve(host: Option<&CStr>, service: Option<&CStr>, hints: [i32; 4]) -> Result<Vec<Resolved>, ResolveError> {
    // SAFETY: all zeros are a valid `addrinfo`: null pointers and numbers.
    let mut wanted: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    [wanted.ai_family, wanted.ai_socktype, wanted.ai_protocol, wanted.ai_flags] = hints;
    let mut first = std::ptr::null_mut();
    let text = |s: Option<&CStr>| s.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: the texts end with a null byte or are absent; the list is freed below.
    let code = unsafe { libc::getaddrinfo(text(host), text(service), &raw const wanted, &raw mut first) };
    if code != 0 {
        return Err(resolve_error(code));
    }
    let mut all = Vec::new();
    let mut at: *const libc::addrinfo = first;
    // SAFETY: the list is valid until it is freed, and ends with a null pointer.
    while let Some(entry) = unsafe { at.as_ref() } {
        let len = (entry.ai_addrlen as usize).min(STORAGE);
        let bytes = if entry.ai_addr.is_null() {
            &[]
        } else {
            // SAFETY: the system promises an address of that length.
            unsafe { std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), len) }
        };
        let canonical = if entry.ai_canonname.is_null() {
            None
        } else {
            // SAFETY: a text that ends with a null byte.
            Some(unsafe { CStr::from_ptr(entry.ai_canonname) }.to_bytes().to_vec())
        };
        all.push(Resolved {
            family: entry.ai_family,
            kind: entry.ai_socktype,
            protocol: entry.ai_protocol,
            canonical,
            address: Address::from_bytes(bytes),
        });
        at = entry.ai_next;
    }
    // SAFETY: the list came from `getaddrinfo` and is freed once.
    unsafe { libc::freeaddrinfo(first) };
    Ok(all)
}

/// `getnameinfo(3)`: the host's and the service's name.
///
/// # Errors
/// See [`ResolveError`].
pub fn name_of(a: &Address, flags: i32) -> Result<(Vec<u8>, Vec<u8>), ResolveError> {
    let (mut host, mut service) = ([0u8; 1025], [0u8; 32]);
    // SAFETY: the address is valid for its length, the buffers may be written for theirs.
    let code = unsafe {
        libc::getnameinfo(
            a.ptr(),
            a.len as libc::socklen_t,
            host.as_mut_ptr().cast(),
            host.len() as libc::socklen_t,
            service.as_mut_ptr().cast(),
            service.len() as libc::socklen_t,
            flags,
        )
    };
    if code != 0 {
        return Err(resolve_error(code));
    }
    let text = |b: &[u8]| b.split(|&c| c == 0).next().unwrap_or_default().to_vec();
    Ok((text(&host), text(&service)))
}

/// The number of a service (`getservbyname`), in host order.
pub fn service_port(name: &CStr, protocol: Option<&CStr>) -> Option<u16> {
    // SAFETY: the texts end with a null byte. The answer lies in a place that the next call overwrites; it is read
    // at once.
    let entry = unsafe { libc::getservbyname(name.as_ptr(), protocol.map_or(std::ptr::null(), CStr::as_ptr)).as_ref() };
    entry.map(|e| u16::from_be(e.s_port as u16))
}

/// The number of a protocol (`getprotobyname`).
pub fn protocol_number(name: &CStr) -> Option<i32> {
    // SAFETY: as in `service_port`.
    unsafe { libc::getprotobyname(name.as_ptr()).as_ref() }.map(|e| e.p_proto)
}

/// The number of a network interface; 0 when there is none of the name.
pub fn interface_number(name: &CString) -> u32 {
    // SAFETY: the text ends with a null byte.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}

/// The name of a network interface.
pub fn interface_name(number: u32) -> Option<Vec<u8>> {
    let mut name = [0u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size that the call asks for.
    let found = unsafe { libc::if_indextoname(number, name.as_mut_ptr().cast()) };
    (!found.is_null()).then(|| name.split(|&c| c == 0).next().unwrap_or_default().to_vec())
}

/// Which of the descriptors 0, 1 and 2 were closed when the process began: a bit for each.
static CLOSED: AtomicU8 = AtomicU8::new(0);

extern "C" fn note_closed() {
    for fd in 0..3 {
        // SAFETY: asking for the flags of a number that may be no descriptor only fails.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1 {
            CLOSED.fetch_or(1 << fd, Ordering::Relaxed);
        }
    }
}

/// Before `main` Rust's runtime opens what is closed of the first three descriptors on `/dev/null`; only what runs still
/// earlier can tell. The system calls what stands in this section first of all.
// SAFETY: the section holds addresses of functions of the C ABI, which this is; it needs nothing of the runtime.
#[used]
#[cfg_attr(
    any(target_os = "linux", target_os = "android", target_os = "freebsd"),
    unsafe(link_section = ".init_array")
)]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static NOTE_CLOSED: extern "C" fn() = note_closed;

/// Whether a standard descriptor (0, 1 or 2) was closed when the process began. Under Miri the input counts as closed:
/// it cannot be asked for its position there.
pub fn closed_at_start(fd: u8) -> bool {
    if cfg!(miri) && fd == 0 {
        return true;
    }
    CLOSED.load(Ordering::Relaxed) & 1u8.checked_shl(u32::from(fd)).unwrap_or(0) != 0
}

/// All network interfaces: number and name.
///
/// # Errors
/// The system's.
pub fn interfaces() -> io::Result<Vec<(u32, Vec<u8>)>> {
    // SAFETY: takes nothing.
    let first = unsafe { libc::if_nameindex() };
    if first.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut all = Vec::new();
    let mut at = first;
    // SAFETY: the list is valid until it is freed; it ends with an entry of number 0 and without a name.
    unsafe {
        while (*at).if_index != 0 && !(*at).if_name.is_null() {
            all.push(((*at).if_index, CStr::from_ptr((*at).if_name).to_bytes().to_vec()));
            at = at.add(1);
        }
        libc::if_freenameindex(first);
    }
    Ok(all)
}

/// The name of the service on a port (`getservbyport`).
pub fn service_name(port: u16, protocol: Option<&CStr>) -> Option<Vec<u8>> {
    let port = i32::from(port.to_be());
    // SAFETY: as in `service_port`; the name ends with a null byte.
    unsafe {
        let entry = libc::getservbyport(port, protocol.map_or(std::ptr::null(), CStr::as_ptr)).as_ref()?;
        Some(CStr::from_ptr(entry.s_name).to_bytes().to_vec())
    }
}
