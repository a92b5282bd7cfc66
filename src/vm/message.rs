//! Messages of sockets with ancillary data: `sendmsg(2)`, `recvmsg(2)`, and the sizes of such data. Everything else
//! about sockets is in [`super::system`].
//!
//! Invariant: control buffers are made of whole words, so that the system's headers are aligned in them.

use super::system::Address;
use nix::libc;
use std::io;
use std::mem::MaybeUninit;

/// One piece of ancillary data: level, type, contents.
pub type Ancillary = (i32, i32, Vec<u8>);

/// A message that has been received.
pub struct Message {
    /// Bytes of data.
    pub len: usize,
    /// What came with them.
    pub ancillary: Vec<Ancillary>,
    /// The system's flags about the message.
    pub flags: i32,
    /// The sender.
    pub address: Address,
}

/// The length of ancillary data with its header (`CMSG_LEN`).
pub fn ancillary_len(len: u32) -> usize {
    // SAFETY: takes a number only.
    (unsafe { libc::CMSG_LEN(len) }) as usize
}

/// The room that ancillary data takes (`CMSG_SPACE`).
pub fn ancillary_space(len: u32) -> usize {
    // SAFETY: takes a number only.
    (unsafe { libc::CMSG_SPACE(len) }) as usize
}

/// Words that have room for as many bytes.
fn words(bytes: usize) -> Vec<u64> {
    vec![0; bytes.div_ceil(8)]
}

/// A header for data, control bytes (`room` of them) and an address.
fn header(data: &mut libc::iovec, control: &mut [u64], room: usize) -> libc::msghdr {
    // SAFETY: all zeros are a valid `msghdr`: null pointers and numbers.
    let mut h: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    h.msg_iov = data;
    h.msg_iovlen = 1;
    if room > 0 {
        h.msg_control = control.as_mut_ptr().cast();
        h.msg_controllen = room as _;
    }
    h
}

/// `sendmsg(2)`.
///
/// # Errors
/// The system's.
pub fn send(fd: i32, bytes: &[u8], ancillary: &[Ancillary], flags: i32, to: Option<&Address>) -> io::Result<usize> {
    let room = ancillary.iter().map(|(_, _, data)| ancillary_space(data.len() as u32)).sum();
    let mut control = words(room);
    let mut data = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut h = header(&mut data, &mut control, room);
    if let Some(to) = to {
        let (name, len) = to.parts();
        h.msg_name = name.cast_mut().cast();
        h.msg_namelen = len;
    }
    // SAFETY: the header describes `control`, which has room for every piece with its header and padding, in the order
    // in which the pieces are written; the data of each is copied into the room that its own length made.
    let n = unsafe {
        let mut at = libc::CMSG_FIRSTHDR(&raw const h);
        for (level, kind, piece) in ancillary {
            if at.is_null() {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            (*at).cmsg_level = *level;
            (*at).cmsg_type = *kind;
            (*at).cmsg_len = ancillary_len(piece.len() as u32) as _;
            std::ptr::copy_nonoverlapping(piece.as_ptr(), libc::CMSG_DATA(at), piece.len());
            at = libc::CMSG_NXTHDR(&raw const h, at);
        }
        libc::sendmsg(fd, &raw const h, flags)
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// `recvmsg(2)` with `room` bytes for ancillary data.
///
/// # Errors
/// The system's.
pub fn receive(fd: i32, buffer: &mut [u8], room: usize, flags: i32) -> io::Result<Message> {
    let mut control = words(room);
    let mut data = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut h = header(&mut data, &mut control, room);
    let mut n = 0;
    let address = Address::written(|name, len| {
        h.msg_name = name.cast();
        h.msg_namelen = len;
        // SAFETY: the header describes the buffer, the words for ancillary data and the room for an address.
        n = unsafe { libc::recvmsg(fd, &raw mut h, flags) };
        h.msg_namelen
    });
    let len = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
    Ok(Message { len, ancillary: pieces(&h), flags: h.msg_flags, address })
}

/// The ancillary data that a filled header describes; of a piece that was cut off, as much as is there.
fn pieces(h: &libc::msghdr) -> Vec<Ancillary> {
    let mut all = Vec::new();
    let end = (h.msg_control as usize).saturating_add(h.msg_controllen);
    // SAFETY: the system filled the control bytes that the header describes and says how many; the macros stay within
    // them, and no more of a piece is read than lies before their end.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(h);
        while !at.is_null() {
            let (head, data) = (*at, libc::CMSG_DATA(at));
            let whole = head.cmsg_len.saturating_sub(ancillary_len(0));
            let len = whole.min(end.saturating_sub(data as usize));
            let bytes = std::slice::from_raw_parts(data, len).to_vec();
            all.push((head.cmsg_level, head.cmsg_type, bytes));
            at = libc::CMSG_NXTHDR(h, at);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no sendmsg")]
    fn descriptors_travel() {
        let [a, b] = super::super::system::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0).unwrap();
        let piece = (libc::SOL_SOCKET, libc::SCM_RIGHTS, a.to_ne_bytes().to_vec());
        assert_eq!(send(a, b"hello", std::slice::from_ref(&piece), 0, None).unwrap(), 5);
        let mut buffer = [0; 8];
        let got = receive(b, &mut buffer, ancillary_space(4), 0).unwrap();
        assert_eq!((got.len, &buffer[..5]), (5, &b"hello"[..]));
        let [(level, kind, data)] = got.ancillary.as_slice() else { panic!("one piece") };
        assert_eq!((*level, *kind, data.len()), (libc::SOL_SOCKET, libc::SCM_RIGHTS, 4));
        let twin = i32::from_ne_bytes(data.as_slice().try_into().unwrap());
        send(twin, b"x", &[], 0, None).unwrap();
        assert_eq!(receive(b, &mut buffer, 0, 0).unwrap().len, 1);
        for fd in [a, b, twin] {
            super::super::system::close(fd).unwrap();
        }
    }
}
