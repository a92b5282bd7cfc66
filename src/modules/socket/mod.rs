//! `_socket`: sockets and names, for `socket`, which is written in apy.
//!
//! `object` is the class, `address` converts addresses, `resolve` asks for names, `errors` has the exceptions. Here
//! is making the module, with its constants.

pub mod address;
pub mod errors;
pub mod object;
pub mod resolve;

use crate::vm::class::class_flag;
use crate::vm::native::{NativeDef, arg};
use crate::vm::system;
use crate::vm::{R, Value, Vm};
use nix::libc;
use object::{DefaultTimeout, Socket};

const CONSTANTS: &[(&str, i32)] = &[
    ("AF_UNSPEC", libc::AF_UNSPEC),
    ("AF_UNIX", libc::AF_UNIX),
    ("AF_INET", libc::AF_INET),
    ("AF_INET6", libc::AF_INET6),
    ("SOCK_STREAM", libc::SOCK_STREAM),
    ("SOCK_DGRAM", libc::SOCK_DGRAM),
    ("SOCK_RAW", libc::SOCK_RAW),
    ("SOCK_RDM", libc::SOCK_RDM),
    ("SOCK_SEQPACKET", libc::SOCK_SEQPACKET),
    ("SOCK_NONBLOCK", libc::SOCK_NONBLOCK),
    ("SOCK_CLOEXEC", libc::SOCK_CLOEXEC),
    ("SOL_SOCKET", libc::SOL_SOCKET),
    ("SOL_IP", 0),
    ("SOL_TCP", 6),
    ("SOL_UDP", 17),
    ("SO_DEBUG", libc::SO_DEBUG),
    ("SO_REUSEADDR", libc::SO_REUSEADDR),
    ("SO_REUSEPORT", libc::SO_REUSEPORT),
    ("SO_KEEPALIVE", libc::SO_KEEPALIVE),
    ("SO_DONTROUTE", libc::SO_DONTROUTE),
    ("SO_BROADCAST", libc::SO_BROADCAST),
    ("SO_LINGER", libc::SO_LINGER),
    ("SO_OOBINLINE", libc::SO_OOBINLINE),
    ("SO_SNDBUF", libc::SO_SNDBUF),
    ("SO_RCVBUF", libc::SO_RCVBUF),
    ("SO_SNDLOWAT", libc::SO_SNDLOWAT),
    ("SO_RCVLOWAT", libc::SO_RCVLOWAT),
    ("SO_SNDTIMEO", libc::SO_SNDTIMEO),
    ("SO_RCVTIMEO", libc::SO_RCVTIMEO),
    ("SO_ERROR", libc::SO_ERROR),
    ("SO_TYPE", libc::SO_TYPE),
    ("SO_ACCEPTCONN", libc::SO_ACCEPTCONN),
    #[cfg(target_os = "linux")]
    ("SO_DOMAIN", libc::SO_DOMAIN),
    #[cfg(target_os = "linux")]
    ("SO_PROTOCOL", libc::SO_PROTOCOL),
    #[cfg(target_os = "linux")]
    ("SO_BINDTODEVICE", libc::SO_BINDTODEVICE),
    #[cfg(target_os = "linux")]
    ("SO_PRIORITY", libc::SO_PRIORITY),
    #[cfg(target_os = "linux")]
    ("SO_MARK", libc::SO_MARK),
    #[cfg(target_os = "linux")]
    ("SO_PEERCRED", libc::SO_PEERCRED),
    #[cfg(target_os = "linux")]
    ("SO_PASSCRED", libc::SO_PASSCRED),
    ("SOMAXCONN", libc::SOMAXCONN),
    ("SHUT_RD", libc::SHUT_RD),
    ("SHUT_WR", libc::SHUT_WR),
    ("SHUT_RDWR", libc::SHUT_RDWR),
    ("MSG_OOB", libc::MSG_OOB),
    ("MSG_PEEK", libc::MSG_PEEK),
    ("MSG_DONTROUTE", libc::MSG_DONTROUTE),
    ("MSG_DONTWAIT", libc::MSG_DONTWAIT),
    ("MSG_EOR", libc::MSG_EOR),
    ("MSG_TRUNC", libc::MSG_TRUNC),
    ("MSG_CTRUNC", libc::MSG_CTRUNC),
    ("MSG_WAITALL", libc::MSG_WAITALL),
    ("MSG_NOSIGNAL", libc::MSG_NOSIGNAL),
    #[cfg(target_os = "linux")]
    ("MSG_MORE", libc::MSG_MORE),
    #[cfg(target_os = "linux")]
    ("MSG_ERRQUEUE", libc::MSG_ERRQUEUE),
    ("IPPROTO_IP", libc::IPPROTO_IP),
    ("IPPROTO_HOPOPTS", 0),
    ("IPPROTO_ICMP", libc::IPPROTO_ICMP),
    ("IPPROTO_IGMP", libc::IPPROTO_IGMP),
    ("IPPROTO_IPIP", libc::IPPROTO_IPIP),
    ("IPPROTO_TCP", libc::IPPROTO_TCP),
    ("IPPROTO_UDP", libc::IPPROTO_UDP),
    ("IPPROTO_IPV6", libc::IPPROTO_IPV6),
    ("IPPROTO_ICMPV6", libc::IPPROTO_ICMPV6),
    ("IPPROTO_RAW", libc::IPPROTO_RAW),
    ("IP_TOS", libc::IP_TOS),
    ("IP_TTL", libc::IP_TTL),
    ("IP_MULTICAST_IF", libc::IP_MULTICAST_IF),
    ("IP_MULTICAST_TTL", libc::IP_MULTICAST_TTL),
    ("IP_MULTICAST_LOOP", libc::IP_MULTICAST_LOOP),
    ("IP_ADD_MEMBERSHIP", libc::IP_ADD_MEMBERSHIP),
    ("IP_DROP_MEMBERSHIP", libc::IP_DROP_MEMBERSHIP),
    ("IPV6_V6ONLY", libc::IPV6_V6ONLY),
    ("IPV6_UNICAST_HOPS", libc::IPV6_UNICAST_HOPS),
    ("IPV6_MULTICAST_HOPS", libc::IPV6_MULTICAST_HOPS),
    ("IPV6_MULTICAST_IF", libc::IPV6_MULTICAST_IF),
    ("IPV6_MULTICAST_LOOP", libc::IPV6_MULTICAST_LOOP),
    ("TCP_NODELAY", libc::TCP_NODELAY),
    ("TCP_MAXSEG", libc::TCP_MAXSEG),
    ("TCP_KEEPINTVL", libc::TCP_KEEPINTVL),
    ("TCP_KEEPCNT", libc::TCP_KEEPCNT),
    #[cfg(target_os = "linux")]
    ("TCP_KEEPIDLE", libc::TCP_KEEPIDLE),
    #[cfg(target_os = "linux")]
    ("TCP_CORK", libc::TCP_CORK),
    #[cfg(target_os = "linux")]
    ("TCP_USER_TIMEOUT", libc::TCP_USER_TIMEOUT),
    #[cfg(target_os = "linux")]
    ("TCP_QUICKACK", libc::TCP_QUICKACK),
    #[cfg(target_os = "linux")]
    ("TCP_DEFER_ACCEPT", libc::TCP_DEFER_ACCEPT),
    #[cfg(target_os = "linux")]
    ("TCP_FASTOPEN", libc::TCP_FASTOPEN),
    #[cfg(target_os = "linux")]
    ("TCP_INFO", libc::TCP_INFO),
    ("AI_PASSIVE", libc::AI_PASSIVE),
    ("AI_CANONNAME", libc::AI_CANONNAME),
    ("AI_NUMERICHOST", libc::AI_NUMERICHOST),
    ("AI_NUMERICSERV", libc::AI_NUMERICSERV),
    ("AI_ADDRCONFIG", libc::AI_ADDRCONFIG),
    ("AI_ALL", libc::AI_ALL),
    ("AI_V4MAPPED", libc::AI_V4MAPPED),
    ("EAI_AGAIN", libc::EAI_AGAIN),
    ("EAI_BADFLAGS", libc::EAI_BADFLAGS),
    ("EAI_FAIL", libc::EAI_FAIL),
    ("EAI_FAMILY", libc::EAI_FAMILY),
    ("EAI_MEMORY", libc::EAI_MEMORY),
    ("EAI_NODATA", libc::EAI_NODATA),
    ("EAI_NONAME", libc::EAI_NONAME),
    ("EAI_OVERFLOW", libc::EAI_OVERFLOW),
    ("EAI_SERVICE", libc::EAI_SERVICE),
    ("EAI_SOCKTYPE", libc::EAI_SOCKTYPE),
    ("EAI_SYSTEM", libc::EAI_SYSTEM),
    ("NI_DGRAM", libc::NI_DGRAM),
    ("NI_MAXHOST", 1025),
    ("NI_MAXSERV", 32),
    ("NI_NAMEREQD", libc::NI_NAMEREQD),
    ("NI_NOFQDN", libc::NI_NOFQDN),
    ("NI_NUMERICHOST", libc::NI_NUMERICHOST),
    ("NI_NUMERICSERV", libc::NI_NUMERICSERV),
    ("INADDR_ANY", 0),
    ("INADDR_LOOPBACK", 0x7f00_0001),
    ("INADDR_NONE", -1),
    ("INADDR_BROADCAST", -1),
];

const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new("socketpair(family=1, type=1, proto=0, /)", "Create a pair of connected sockets.", |vm, a| {
        let mut numbers = [libc::AF_UNIX, libc::SOCK_STREAM, 0];
        for (at, n) in numbers.iter_mut().enumerate() {
            if let Some(v) = arg(a, at).filter(|v| !v.is_none()) {
                *n = vm.index_i64(v)? as i32;
            }
        }
        match system::socketpair(numbers[0], numbers[1], numbers[2]) {
            Ok([x, y]) => Ok(vm.pair([Value::int32(x), Value::int32(y)])),
            Err(e) => Err(vm.os_error(&e, None)),
        }
    }),
    NativeDef::new("dup(fd, /)", "Duplicate a socket's descriptor.", |vm, a| {
        let fd = vm.index_i64(&a[0])? as i32;
        let done = nix::fcntl::fcntl(fd, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(0));
        match done {
            Ok(fd) => Ok(Value::int32(fd)),
            Err(e) => Err(crate::modules::io::errors::os_failure(vm, e, None)),
        }
    }),
    NativeDef::new("close(fd, /)", "Close a socket's descriptor.", |vm, a| {
        let fd = vm.index_i64(&a[0])? as i32;
        match system::close(fd) {
            Ok(()) => Ok(Value::NONE),
            Err(e) => Err(vm.os_error(&e, None)),
        }
    }),
    NativeDef::new("getdefaulttimeout()", "Return the default timeout in seconds, or None.", |vm, _| {
        let t = vm.state::<DefaultTimeout>().0;
        Ok(if t < 0.0 { Value::NONE } else { vm.float(t) })
    }),
    NativeDef::new("setdefaulttimeout(timeout, /)", "Set the default timeout of new sockets.", |vm, a| {
        let t = object::timeout_arg(vm, &a[0])?;
        vm.state::<DefaultTimeout>().0 = t;
        Ok(Value::NONE)
    }),
];

/// Makes the module.
///
/// # Errors
/// None in a sound build.
pub fn module(vm: &mut Vm) -> R<Value> {
    let m = vm.new_module("_socket", FUNCTIONS);
    for def in resolve::FUNCTIONS {
        let f = vm.native_function("_socket", def);
        vm.module_set(&m, def.name(), f);
    }
    for (name, n) in CONSTANTS {
        let n = match *name {
            "INADDR_NONE" | "INADDR_BROADCAST" => 0xffff_ffff,
            _ => i64::from(*n),
        };
        let n = vm.int(n);
        vm.module_set(&m, name, n);
    }
    let class = match vm.class_for::<Socket>() {
        Some(c) => c,
        None => {
            let c = vm.define_class::<Socket>("_socket", "socket", None, class_flag::BASE | class_flag::WEAKREF)?;
            vm.extend_class(&c, object::METHODS, object::ATTRS);
            c
        }
    };
    vm.module_set(&m, "socket", class.value().clone());
    vm.module_set(&m, "SocketType", class.into_value());
    let [gai, h] = errors::classes(vm)?;
    vm.module_set(&m, "gaierror", gai.into_value());
    vm.module_set(&m, "herror", h.into_value());
    let (timeout, error) = (vm.exc.TimeoutError.value().clone(), vm.exc.OSError.value().clone());
    vm.module_set(&m, "timeout", timeout);
    vm.module_set(&m, "error", error);
    vm.module_set(&m, "has_ipv6", Value::TRUE);
    Ok(m.into())
}
