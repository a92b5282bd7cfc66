//! `sendmsg`, `recvmsg` and `recvmsg_into`: messages with ancillary data.
//!
//! Buffers of scripts are gathered into one, and scattered from one: natives hold no references into them.

use super::address;
use super::object::{Socket, address_arg, c_int, int_arg, this, wait_and_call};
use crate::modules::io::buffer::Target;
use crate::objects::bytes::bytes_from;
use crate::vm::message::{self, Ancillary, Message};
use crate::vm::native::arg;
use crate::vm::object::Ref;
use crate::vm::str::Tuple;
use crate::vm::{R, Value, Vm};

/// The items of an argument that must be iterable.
fn items(vm: &mut Vm, v: &Value, text: &str) -> R<Vec<Value>> {
    if vm.special(v, crate::vm::special::Special::Iter).is_none()
        && vm.special(v, crate::vm::special::Special::GetItem).is_none()
    {
        return Err(vm.type_error(text));
    }
    vm.collect(v)
}

/// `sendmsg(buffers, ancdata=(), flags=0, address=None)`.
pub fn send(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let mut data = Vec::new();
    for part in items(vm, &a[1], "sendmsg() argument 1 must be an iterable")? {
        let part = bytes_from(vm, &part)?;
        vm.check_alloc(part.len())?;
        data.extend(part);
    }
    let ancillary = match arg(a, 2) {
        Some(v) => ancillary_arg(vm, v)?,
        None => Vec::new(),
    };
    let flags = c_int(vm, arg(a, 3), 0)?;
    let to = match arg(a, 4).filter(|v| !v.is_none()) {
        Some(v) => Some(address_arg(vm, &s, v, "sendmsg")?),
        None => None,
    };
    let n = wait_and_call(vm, &s, true, |fd| message::send(fd, &data, &ancillary, flags, to.as_ref()))?;
    Ok(Value::len(n))
}

fn ancillary_arg(vm: &mut Vm, v: &Value) -> R<Vec<Ancillary>> {
    const WHERE: &str = "[sendmsg() ancillary data items]() argument must be";
    let mut all = Vec::new();
    for piece in items(vm, v, "sendmsg() argument 2 must be an iterable")? {
        let Some(parts) = piece.cast::<Tuple>().map(|t| t.get(vm).items().to_vec()) else {
            let got = vm.class_name(&piece);
            return Err(vm.type_error(format!("{WHERE} 3-item tuple, not {got}")));
        };
        let [level, kind, data] = parts.as_slice() else {
            return Err(vm.type_error(format!("{WHERE} tuple of length 3, not {}", parts.len())));
        };
        let (level, kind) = (c_int(vm, Some(level), 0)?, c_int(vm, Some(kind), 0)?);
        let data = bytes_from(vm, data)?;
        if i32::try_from(data.len()).is_err() {
            return Err(vm.os_error_plain("ancillary data item too large"));
        }
        all.push((level, kind, data));
    }
    Ok(all)
}

/// `recvmsg(bufsize, ancbufsize=0, flags=0)`.
pub fn receive(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let Ok(size) = usize::try_from(vm.index_i64(&a[1])?) else {
        return Err(vm.value_error("negative buffer size in recvmsg()"));
    };
    let (message, buffer) = take(vm, &s, a, size)?;
    let data = vm.new_bytes(buffer.get(..message.len).unwrap_or_default()).into_value();
    answer(vm, data, message)
}

/// `recvmsg_into(buffers, ancbufsize=0, flags=0)`.
pub fn receive_into(vm: &mut Vm, a: &[Value]) -> R {
    let s = this(vm, a)?;
    let mut targets = Vec::new();
    for part in items(vm, &a[1], "recvmsg_into() argument 1 must be an iterable")? {
        match Target::of(vm, &part, "recvmsg_into") {
            Ok(t) => targets.push(t),
            Err(e) if vm.raised_is(&e, &vm.exc.TypeError.clone()) => {
                return Err(
                    vm.type_error("recvmsg_into() argument 1 must be an iterable of single-segment read-write buffers")
                );
            }
            Err(e) => return Err(e),
        }
    }
    let size = targets.iter().fold(0usize, |n, t| n.saturating_add(t.len));
    let (message, buffer) = take(vm, &s, a, size)?;
    let mut rest = buffer.get(..message.len).unwrap_or_default();
    for target in &targets {
        let (part, behind) = rest.split_at(target.len.min(rest.len()));
        target.fill(vm, part)?;
        rest = behind;
    }
    answer(vm, Value::len(message.len), message)
}

/// Receives at most `size` bytes; the other arguments are those of both methods.
fn take(vm: &mut Vm, s: &Ref<Socket>, a: &[Value], size: usize) -> R<(Message, Vec<u8>)> {
    let Some(room) = u32::try_from(int_arg(vm, arg(a, 2), 0)?).ok().filter(|n| i32::try_from(*n).is_ok()) else {
        return Err(vm.value_error("invalid ancillary data buffer length"));
    };
    let flags = c_int(vm, arg(a, 3), 0)?;
    vm.check_alloc(size)?;
    vm.check_alloc(room as usize)?;
    let mut buffer = vec![0; size];
    let message = wait_and_call(vm, s, false, |fd| message::receive(fd, &mut buffer, room as usize, flags))?;
    Ok((message, buffer))
}

fn answer(vm: &mut Vm, data: Value, message: Message) -> R {
    let mut list = Vec::with_capacity(message.ancillary.len());
    for (level, kind, bytes) in message.ancillary {
        let items = vec![Value::int32(level), Value::int32(kind), vm.new_bytes(&bytes).into_value()];
        list.push(vm.tuple(items).into_value());
    }
    let list = vm.list(list).into_value();
    let address = address::to_value(vm, &message.address)?;
    Ok(vm.tuple(vec![data, list, Value::int32(message.flags), address]).into())
}
