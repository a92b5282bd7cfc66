//! Names and addresses: `getaddrinfo` and its relatives, and the functions that convert addresses.

use super::address;
use super::errors::{gai_error, resolve_failure};
use crate::vm::message;
use crate::vm::native::{NativeDef, arg};
use crate::vm::system::{self, Address, Resolved};
use crate::vm::{R, Value, Vm};
use nix::libc;
use std::ffi::CString;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::ffi::OsStringExt;

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "getaddrinfo(host, port, family=0, type=0, proto=0, flags=0)",
        "Resolve host and port into a list of address tuples.",
        |vm, a| {
            let query = Query::new(vm, a)?;
            let found = vm.unlocked(|| query.run());
            answer(vm, found)
        },
    ),
    NativeDef::new("getnameinfo(sockaddr, flags, /)", "Get host and port for a sockaddr.", getnameinfo),
    NativeDef::new("gethostname()", "Return the current host name.", |vm, _| {
        let name = crate::modules::io::errors::system(vm, None, nix::unistd::gethostname)?;
        Ok(vm.new_str(&name.to_string_lossy()).into())
    }),
    NativeDef::new("gethostbyname(hostname, /)", "Return the IP address of a host.", |vm, a| {
        let host = address::host_bytes(vm, &a[0])?;
        let found = host_address(vm, &host, libc::AF_INET)?;
        let v = address::to_value(vm, &found)?;
        vm.get_item(&v, &Value::int32(0))
    }),
    NativeDef::new("gethostbyname_ex(hostname, /)", "Return the host name, aliases and addresses.", |vm, a| {
        let host = address::host_bytes(vm, &a[0])?;
        let query = Query::of(Some(host), None, [libc::AF_INET, libc::SOCK_STREAM, 0, libc::AI_CANONNAME]);
        let found = match vm.unlocked(|| query.run()) {
            Ok(f) => f,
            Err(e) => return Err(resolve_failure(vm, e)),
        };
        let name = found.first().and_then(|f| f.canonical.clone()).unwrap_or_default();
        let mut ips = Vec::new();
        for f in &found {
            let v = address::to_value(vm, &f.address)?;
            ips.push(vm.get_item(&v, &Value::int32(0))?);
        }
        let items = vec![vm.new_str_bytes(&name).into(), vm.list(Vec::new()).into(), vm.list(ips).into()];
        Ok(vm.tuple(items).into())
    }),
    NativeDef::new("getservbyname(servicename, protocolname=None, /)", "Return the port of a service.", |vm, a| {
        let name = c_text(vm, &a[0])?;
        let protocol = match arg(a, 1).filter(|v| !v.is_none()) {
            Some(v) => Some(c_text(vm, v)?),
            None => None,
        };
        match system::service_port(&name, protocol.as_deref()) {
            Some(p) => Ok(Value::int32(i32::from(p))),
            None => Err(vm.os_error_plain("service/proto not found")),
        }
    }),
    NativeDef::new("getservbyport(port, protocolname=None, /)", "Return the service name of a port.", |vm, a| {
        let n = vm.index(&a[0])?;
        let Some(port) = vm.as_i64(&n).and_then(|n| u16::try_from(n).ok()) else {
            return Err(vm.overflow_error("getservbyport: port must be 0-65535."));
        };
        let protocol = match arg(a, 1).filter(|v| !v.is_none()) {
            Some(v) => Some(c_text(vm, v)?),
            None => None,
        };
        match system::service_name(port, protocol.as_deref()) {
            Some(name) => Ok(vm.new_str_bytes(&name).into()),
            None => Err(vm.os_error_plain("port/proto not found")),
        }
    }),
    NativeDef::new("gethostbyaddr(host, /)", "Return the host name, aliases and addresses of a host.", gethostbyaddr),
    NativeDef::new("sethostname(name, /)", "Set the host name.", |vm, a| {
        let name = crate::modules::posix::path::fspath(vm, &a[0])?;
        let name = std::ffi::OsString::from_vec(crate::modules::posix::path::fs_bytes(vm, &name)?.0);
        crate::modules::io::errors::system(vm, None, || nix::unistd::sethostname(&name))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("if_nameindex()", "Return a list of network interface information tuples.", |vm, _| {
        let all = match system::interfaces() {
            Ok(all) => all,
            Err(e) => return Err(vm.os_error(&e, None)),
        };
        let mut list = Vec::with_capacity(all.len());
        for (n, name) in all {
            let parts = [vm.int(i64::from(n)), crate::modules::posix::path::fs_str(vm, &name)?];
            list.push(vm.pair(parts));
        }
        Ok(vm.list(list).into())
    }),
    NativeDef::new("CMSG_LEN(length, /)", "Return the length of ancillary data with its header.", |vm, a| {
        ancillary_size(vm, &a[0], "CMSG_LEN", message::ancillary_len)
    }),
    NativeDef::new("CMSG_SPACE(length, /)", "Return the room that ancillary data takes in a buffer.", |vm, a| {
        ancillary_size(vm, &a[0], "CMSG_SPACE", message::ancillary_space)
    }),
    NativeDef::new("getprotobyname(name, /)", "Return the protocol number for the named protocol.", |vm, a| {
        let name = c_text(vm, &a[0])?;
        match system::protocol_number(&name) {
            Some(p) => Ok(Value::int32(p)),
            None => Err(vm.os_error_plain("protocol not found")),
        }
    }),
    NativeDef::new("if_nametoindex(oname, /)", "Return the interface index of a name.", |vm, a| {
        let name = c_text(vm, &a[0])?;
        match system::interface_number(&name) {
            0 => Err(vm.os_error_plain("no interface with this name")),
            n => Ok(vm.int(i64::from(n))),
        }
    }),
    NativeDef::new("if_indextoname(if_index, /)", "Return the interface name of an index.", |vm, a| {
        let n = vm.index_i64(&a[0])?;
        match u32::try_from(n).ok().and_then(system::interface_name) {
            Some(name) => Ok(vm.new_str_bytes(&name).into()),
            None => Err(vm.os_error(&std::io::Error::from_raw_os_error(libc::ENXIO), None)),
        }
    }),
    NativeDef::new(
        "inet_aton(ip_addr, /)",
        "Convert an IP address in string format to 32-bit packed form.",
        |vm, a| {
            let text = String::from_utf8_lossy(&address::host_bytes(vm, &a[0])?).into_owned();
            match aton(&text) {
                Some(n) => Ok(vm.new_bytes(&n.to_be_bytes()).into()),
                None => Err(vm.os_error_plain("illegal IP address string passed to inet_aton")),
            }
        },
    ),
    NativeDef::new(
        "inet_ntoa(packed_ip, /)",
        "Convert packed 32-bit form to an IP address in string format.",
        |vm, a| {
            let b = crate::objects::bytes::bytes_from(vm, &a[0])?;
            match <[u8; 4]>::try_from(b.as_slice()) {
                Ok(o) => Ok(vm.new_str(&Ipv4Addr::from(o).to_string()).into()),
                Err(_) => Err(vm.os_error_plain("packed IP wrong length")),
            }
        },
    ),
    NativeDef::new("inet_pton(af, ip, /)", "Convert an IP address from string format to packed form.", inet_pton),
    NativeDef::new("inet_ntop(af, packed_ip, /)", "Convert a packed IP address to string format.", inet_ntop),
    NativeDef::new("htons(integer, /)", "Convert a 16-bit unsigned integer from host to network order.", |vm, a| {
        swap16(vm, &a[0])
    }),
    NativeDef::new("ntohs(integer, /)", "Convert a 16-bit unsigned integer from network to host order.", |vm, a| {
        swap16(vm, &a[0])
    }),
    NativeDef::new("htonl(integer, /)", "Convert a 32-bit unsigned integer from host to network order.", |vm, a| {
        swap32(vm, &a[0])
    }),
    NativeDef::new("ntohl(integer, /)", "Convert a 32-bit unsigned integer from network to host order.", |vm, a| {
        swap32(vm, &a[0])
    }),
];

/// The size of so much ancillary data; neither may be larger than a `socklen_t` that is kept signed.
fn ancillary_size(vm: &mut Vm, v: &Value, name: &str, size: fn(u32) -> usize) -> R {
    let n = vm.index(v)?;
    let Some(n) = vm.as_i64(&n) else {
        return Err(vm.overflow_error("Python int too large to convert to C ssize_t"));
    };
    let most = i32::MAX as usize;
    let fits = u32::try_from(n).ok().filter(|n| *n as usize <= most).map(size).filter(|n| *n <= most);
    match fits {
        Some(n) => Ok(Value::len(n)),
        None => Err(vm.overflow_error(format!("{name}() argument out of range"))),
    }
}

/// Asks for the name of an address. The system's call that also tells aliases writes into one place for all threads;
/// the one used here has none to tell.
fn gethostbyaddr(vm: &mut Vm, a: &[Value]) -> R {
    let host = address::host_bytes(vm, &a[0])?;
    let at = host_address(vm, &host, libc::AF_UNSPEC)?;
    match vm.unlocked(|| system::name_of(&at, libc::NI_NAMEREQD)) {
        Ok((name, _)) => {
            let ip = address::to_value(vm, &at)?;
            let ip = vm.get_item(&ip, &Value::int32(0))?;
            let items = vec![vm.new_str_bytes(&name).into(), vm.list(Vec::new()).into(), vm.list(vec![ip]).into()];
            Ok(vm.tuple(items).into())
        }
        Err(_) => {
            let [_, class] = super::errors::classes(vm)?;
            let text = vm.new_str("Unknown host").into_value();
            Err(vm.raise_call(&class, &[Value::int32(1), text]))
        }
    }
}

/// A number for the network, as far as it fits a C type.
fn unsigned<T: TryFrom<i64>>(vm: &mut Vm, v: &Value, name: &str) -> R<T> {
    let n = vm.index(v)?;
    let n = vm.as_i64(&n).unwrap_or(i64::MAX);
    if n < 0 {
        return Err(vm.value_error("Cannot convert negative int"));
    }
    T::try_from(n).map_err(|_| vm.overflow_error(format!("Python int too large for C {name}")))
}

fn swap16(vm: &mut Vm, v: &Value) -> R {
    let n: u16 = unsigned(vm, v, "uint16_t")?;
    Ok(Value::int32(i32::from(n.to_be())))
}

fn swap32(vm: &mut Vm, v: &Value) -> R {
    let n: u32 = unsigned(vm, v, "uint32_t")?;
    Ok(vm.int(i64::from(n.to_be())))
}

fn c_text(vm: &mut Vm, v: &Value) -> R<CString> {
    let b = address::host_bytes(vm, v)?;
    CString::new(b).map_err(|_| vm.value_error("embedded null character"))
}

/// IPv4 in the forms of old: one to four numbers, decimal, octal or hexadecimal.
fn aton(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split('.').collect();
    let mut n: u64 = 0;
    let count = parts.len();
    if count > 4 {
        return None;
    }
    for (i, p) in parts.iter().enumerate() {
        let (digits, radix) = match p.strip_prefix("0x").or_else(|| p.strip_prefix("0X")) {
            Some(h) => (h, 16),
            None if p.len() > 1 && p.starts_with('0') => (&p[1..], 8),
            None => (*p, 10),
        };
        if digits.starts_with('+') {
            return None;
        }
        let part = u64::from_str_radix(digits, radix).ok()?;
        let bytes = if i + 1 == count { 5 - count } else { 1 };
        if part >= 1 << (8 * bytes) {
            return None;
        }
        n = (n << (8 * bytes)) | part;
    }
    u32::try_from(n).ok()
}

fn inet_pton(vm: &mut Vm, a: &[Value]) -> R {
    let family = vm.index_i64(&a[0])? as i32;
    let text = String::from_utf8_lossy(&address::host_bytes(vm, &a[1])?).into_owned();
    let packed = match family {
        libc::AF_INET => text.parse::<Ipv4Addr>().ok().map(|ip| ip.octets().to_vec()),
        libc::AF_INET6 => text.parse::<Ipv6Addr>().ok().map(|ip| ip.octets().to_vec()),
        _ => return Err(vm.os_error(&std::io::Error::from_raw_os_error(libc::EAFNOSUPPORT), None)),
    };
    match packed {
        Some(b) => Ok(vm.new_bytes(&b).into()),
        None => Err(vm.os_error_plain("illegal IP address string passed to inet_pton")),
    }
}

fn inet_ntop(vm: &mut Vm, a: &[Value]) -> R {
    let family = vm.index_i64(&a[0])? as i32;
    let b = crate::objects::bytes::bytes_from(vm, &a[1])?;
    let text = match family {
        libc::AF_INET => <[u8; 4]>::try_from(b.as_slice()).map(|o| Ipv4Addr::from(o).to_string()),
        libc::AF_INET6 => <[u8; 16]>::try_from(b.as_slice()).map(|o| address::ip6_text(Ipv6Addr::from(o))),
        _ => return Err(vm.value_error(format!("unknown address family {family}"))),
    };
    match text {
        Ok(t) => Ok(vm.new_str(&t).into()),
        Err(_) => Err(vm.value_error("invalid length of packed IP address string")),
    }
}

/// A question to the resolver, which can be asked on any thread.
pub struct Query {
    host: Option<CString>,
    service: Option<CString>,
    hints: [i32; 4],
}

/// What the resolver answers.
pub type Found = Result<Vec<Resolved>, system::ResolveError>;

impl Query {
    fn of(host: Option<Vec<u8>>, service: Option<Vec<u8>>, hints: [i32; 4]) -> Query {
        let text = |b: Option<Vec<u8>>| b.and_then(|b| CString::new(b).ok());
        Query { host: text(host), service: text(service), hints }
    }

    /// From the arguments of `getaddrinfo`.
    ///
    /// # Errors
    /// TypeError and OSError for arguments of wrong kinds.
    pub fn new(vm: &mut Vm, a: &[Value]) -> R<Query> {
        let host = match &a[0] {
            v if v.is_none() => None,
            v if v.is_a::<crate::vm::str::Str>() || crate::objects::bytes::is_bytes_like(vm, v) => {
                Some(address::host_bytes(vm, v)?)
            }
            _ => return Err(vm.type_error("getaddrinfo() argument 1 must be string or None")),
        };
        let service = match &a[1] {
            v if v.is_none() => None,
            v if vm.is_int(v) => match vm.as_i64(v) {
                Some(n) => Some(n.to_string().into_bytes()),
                None => return Err(vm.overflow_error("Python int too large to convert to C long")),
            },
            v if v.is_a::<crate::vm::str::Str>() || crate::objects::bytes::is_bytes_like(vm, v) => {
                Some(address::host_bytes(vm, v)?)
            }
            _ => return Err(vm.os_error_plain("Int or String expected")),
        };
        for text in [&host, &service].into_iter().flatten() {
            if text.contains(&0) {
                return Err(vm.value_error("embedded null character"));
            }
        }
        let mut hints = [0; 4];
        for (slot, at) in hints.iter_mut().zip(2..) {
            if let Some(v) = arg(a, at) {
                *slot = vm.index_i64(v)? as i32;
            }
        }
        Ok(Query::of(host, service, hints))
    }

    /// Asks; this blocks.
    ///
    /// # Errors
    /// See [`system::ResolveError`].
    pub fn run(&self) -> Found {
        system::resolve(self.host.as_deref(), self.service.as_deref(), self.hints)
    }
}

/// What a script gets of the resolver's answer.
///
/// # Errors
/// `gaierror`.
pub fn answer(vm: &mut Vm, found: Found) -> R {
    let found = match found {
        Ok(f) => f,
        Err(e) => return Err(resolve_failure(vm, e)),
    };
    let mut list = Vec::with_capacity(found.len());
    for f in &found {
        let canonical = vm.new_str_bytes(f.canonical.as_deref().unwrap_or_default()).into_value();
        let a = address::to_value(vm, &f.address)?;
        let items = vec![Value::int32(f.family), Value::int32(f.kind), Value::int32(f.protocol), canonical, a];
        list.push(vm.tuple(items).into_value());
    }
    Ok(vm.list(list).into())
}

/// The address of a host, as methods of sockets resolve it.
///
/// # Errors
/// `gaierror`.
pub fn host_address(vm: &mut Vm, host: &[u8], family: i32) -> R<Address> {
    let text = String::from_utf8_lossy(host).into_owned();
    match (text.as_str(), family) {
        ("", libc::AF_INET) => return Ok(address::inet(Ipv4Addr::UNSPECIFIED, 0)),
        ("", libc::AF_INET6) => return Ok(address::inet6(Ipv6Addr::UNSPECIFIED, 0, 0, 0)),
        ("255.255.255.255" | "<broadcast>", libc::AF_INET) => return Ok(address::inet(Ipv4Addr::BROADCAST, 0)),
        ("255.255.255.255" | "<broadcast>", _) => return Err(vm.os_error_plain("address family mismatched")),
        (_, libc::AF_INET) => {
            if let Ok(ip) = text.parse::<Ipv4Addr>() {
                return Ok(address::inet(ip, 0));
            }
        }
        (_, libc::AF_INET6) => {
            if let Ok(ip) = text.parse::<Ipv6Addr>() {
                return Ok(address::inet6(ip, 0, 0, 0));
            }
        }
        _ => {}
    }
    if host.contains(&0) {
        return Err(vm.value_error("embedded null character"));
    }
    let query = Query::of(Some(host.to_vec()), None, [family, 0, 0, 0]);
    match vm.unlocked(|| query.run()) {
        Ok(found) => match found.first() {
            Some(f) => Ok(f.address),
            None => Err(gai_error(vm, libc::EAI_NONAME)),
        },
        Err(e) => Err(resolve_failure(vm, e)),
    }
}

fn getnameinfo(vm: &mut Vm, a: &[Value]) -> R {
    let Some(items) = vm.tuple_clone(&a[0]) else {
        return Err(vm.type_error("getnameinfo() argument 1 must be a tuple"));
    };
    if !(2..=4).contains(&items.len()) {
        return Err(vm.type_error("getnameinfo(): illegal sockaddr argument"));
    }
    let flags = vm.index_i64(&a[1])? as i32;
    let host = address::host_bytes(vm, &items[0])?;
    let port = vm.index_i64(&items[1])?;
    let query = Query::of(
        Some(host),
        Some(port.to_string().into_bytes()),
        [libc::AF_UNSPEC, libc::SOCK_DGRAM, 0, libc::AI_NUMERICHOST],
    );
    let found = match vm.unlocked(|| query.run()) {
        Ok(f) => f,
        Err(e) => return Err(resolve_failure(vm, e)),
    };
    let Some(first) = found.first() else { return Err(gai_error(vm, libc::EAI_NONAME)) };
    if first.family == libc::AF_INET && items.len() != 2 {
        return Err(vm.os_error_plain("IPv4 sockaddr must be 2 tuple"));
    }
    let at = first.address;
    match vm.unlocked(|| system::name_of(&at, flags)) {
        Ok((host, service)) => {
            let (h, s) = (vm.new_str_bytes(&host).into_value(), vm.new_str_bytes(&service).into_value());
            Ok(vm.pair([h, s]))
        }
        Err(e) => Err(resolve_failure(vm, e)),
    }
}
