//! Addresses: from what scripts write to what the system wants, and back.

use super::resolve;
use crate::modules::posix::path::{fs_bytes, fs_str};
use crate::vm::str::{Str, Tuple};
use crate::vm::system::Address;
use crate::vm::{R, Value, Vm};
use nix::libc;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest path of a Unix socket.
const UNIX_PATH: usize = 108;

/// The first two bytes of an address.
fn head(family: i32, len: usize) -> [u8; 2] {
    if cfg!(target_os = "linux") { (family as u16).to_ne_bytes() } else { [len as u8, family as u8] }
}

/// An IPv4 address.
pub fn inet(ip: Ipv4Addr, port: u16) -> Address {
    let mut b = Vec::with_capacity(16);
    b.extend(head(libc::AF_INET, 16));
    b.extend(port.to_be_bytes());
    b.extend(ip.octets());
    b.extend([0; 8]);
    Address::from_bytes(&b)
}

/// An IPv6 address.
pub fn inet6(ip: Ipv6Addr, port: u16, flow: u32, scope: u32) -> Address {
    let mut b = Vec::with_capacity(28);
    b.extend(head(libc::AF_INET6, 28));
    b.extend(port.to_be_bytes());
    b.extend(flow.to_be_bytes());
    b.extend(ip.octets());
    b.extend(scope.to_ne_bytes());
    Address::from_bytes(&b)
}

/// What a script sees of an address.
///
/// # Errors
/// None at present.
pub fn to_value(vm: &mut Vm, a: &Address) -> R {
    let b = a.bytes();
    match a.family() {
        libc::AF_INET if b.len() >= 8 => {
            let ip = Ipv4Addr::new(b[4], b[5], b[6], b[7]);
            let host = vm.new_str(&ip.to_string()).into_value();
            Ok(vm.pair([host, Value::int32(i32::from(u16::from_be_bytes([b[2], b[3]])))]))
        }
        libc::AF_INET6 if b.len() >= 28 => {
            let mut octets = [0; 16];
            octets.copy_from_slice(&b[8..24]);
            let scope = u32::from_ne_bytes([b[24], b[25], b[26], b[27]]);
            let flow = u32::from_be_bytes([b[4], b[5], b[6], b[7]]);
            let mut text = ip6_text(Ipv6Addr::from(octets));
            if scope != 0 {
                match crate::vm::system::interface_name(scope) {
                    Some(n) => text.push_str(&format!("%{}", String::from_utf8_lossy(&n))),
                    None => text.push_str(&format!("%{scope}")),
                }
            }
            let host = vm.new_str(&text).into_value();
            let port = Value::int32(i32::from(u16::from_be_bytes([b[2], b[3]])));
            let items = vec![host, port, vm.int(i64::from(flow)), vm.int(i64::from(scope))];
            Ok(vm.tuple(items).into())
        }
        libc::AF_UNIX => {
            let path = b.get(2..).unwrap_or_default();
            if path.first() == Some(&0) && path.len() > 1 {
                return Ok(vm.new_bytes(path).into());
            }
            let path = path.split(|&c| c == 0).next().unwrap_or_default();
            fs_str(vm, path)
        }
        0 => Ok(Value::NONE),
        family => {
            let rest = vm.new_bytes(b.get(2..).unwrap_or_default()).into_value();
            Ok(vm.pair([Value::int32(family), rest]))
        }
    }
}

/// The usual text of an IPv6 address.
pub fn ip6_text(ip: Ipv6Addr) -> String {
    ip.to_string()
}

fn port_of(vm: &mut Vm, v: &Value, method: &str) -> R<u16> {
    let n = vm.index(v)?;
    match vm.as_i64(&n).and_then(|n| u16::try_from(n).ok()) {
        Some(p) => Ok(p),
        None => Err(vm.overflow_error(format!("{method}(): port must be 0-65535."))),
    }
}

/// A host name as the system wants it.
///
/// # Errors
/// TypeError when it is no text; UnicodeError when it cannot be written in ASCII.
pub fn host_bytes(vm: &mut Vm, v: &Value) -> R<Vec<u8>> {
    if let Some(s) = v.cast::<Str>() {
        let b = s.get(vm).as_bytes();
        if b.is_ascii() {
            return Ok(b.to_vec());
        }
        let idna = vm.intern("idna").into_value();
        let encoded = vm.call_method(v, "encode", &[idna])?;
        return crate::objects::bytes::bytes_from(vm, &encoded);
    }
    if crate::objects::bytes::is_bytes_like(vm, v) {
        return crate::objects::bytes::bytes_from(vm, v);
    }
    let got = vm.class_name(v);
    Err(vm.type_error(format!("str, bytes or bytearray expected, not {got}")))
}

/// The address that a script means.
///
/// # Errors
/// TypeError and OverflowError for a wrong form, `gaierror` for an unknown host.
pub fn from_value(vm: &mut Vm, family: i32, v: &Value, method: &str) -> R<Address> {
    match family {
        libc::AF_UNIX => unix(vm, v),
        libc::AF_INET => {
            let Some(items) = tuple_items(vm, v) else {
                let got = vm.class_name(v);
                return Err(vm.type_error(format!("{method}(): AF_INET address must be tuple, not {got}")));
            };
            let [host, port] = items.as_slice() else {
                return Err(vm.type_error("AF_INET address must be a pair (host, port)"));
            };
            let port_value = port.clone();
            let host = host_bytes(vm, host)?;
            let port = port_of(vm, &port_value, method)?;
            let a = resolve::host_address(vm, &host, family)?;
            let b = a.bytes();
            match b.get(4..8) {
                Some(o) => Ok(inet(Ipv4Addr::new(o[0], o[1], o[2], o[3]), port)),
                None => Err(vm.os_error_plain("unsupported address family")),
            }
        }
        libc::AF_INET6 => inet6_from(vm, v, method),
        _ => Err(vm.os_error_plain(&format!("{method}(): bad family"))),
    }
}

fn inet6_from(vm: &mut Vm, v: &Value, method: &str) -> R<Address> {
    let Some(items) = tuple_items(vm, v) else {
        let got = vm.class_name(v);
        return Err(vm.type_error(format!("{method}(): AF_INET6 address must be tuple, not {got}")));
    };
    if !(2..=4).contains(&items.len()) {
        return Err(vm.type_error("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])"));
    }
    let host = host_bytes(vm, &items[0])?;
    let port = port_of(vm, &items[1], method)?;
    let number = |vm: &mut Vm, at: usize| -> R<u32> {
        match items.get(at) {
            Some(v) => Ok(vm.index_i64(v)? as u32),
            None => Ok(0),
        }
    };
    let (flow, scope) = (number(vm, 2)?, number(vm, 3)?);
    if flow > 0xf_ffff {
        return Err(vm.overflow_error(format!("{method}(): flowinfo must be 0-1048575.")));
    }
    let a = resolve::host_address(vm, &host, libc::AF_INET6)?;
    let mut octets = [0; 16];
    let b = a.bytes();
    let Some(o) = b.get(8..24) else { return Err(vm.os_error_plain("unsupported address family")) };
    octets.copy_from_slice(o);
    let own = b.get(24..28).map_or(0, |s| u32::from_ne_bytes([s[0], s[1], s[2], s[3]]));
    Ok(inet6(Ipv6Addr::from(octets), port, flow, if scope == 0 { own } else { scope }))
}

fn tuple_items(vm: &mut Vm, v: &Value) -> Option<Vec<Value>> {
    v.cast::<Tuple>().map(|t| t.get(vm).items().to_vec())
}

fn unix(vm: &mut Vm, v: &Value) -> R<Address> {
    let path = if v.is_a::<Str>() { fs_bytes(vm, v)?.0 } else { crate::objects::bytes::bytes_from(vm, v)? };
    let mut b = head(libc::AF_UNIX, 2 + path.len()).to_vec();
    let is_abstract = cfg!(target_os = "linux") && path.first() == Some(&0);
    if path.len() > UNIX_PATH || (!is_abstract && path.len() == UNIX_PATH) {
        return Err(vm.os_error_plain("AF_UNIX path too long"));
    }
    b.extend(&path);
    if !is_abstract && !path.is_empty() {
        b.push(0);
    }
    Ok(Address::from_bytes(&b))
}
