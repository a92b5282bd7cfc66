//! Descriptors: opening, reading, writing, duplicating, pipes, terminals.

use super::files::mode_arg;
use super::path::{self, Takes, fd_arg};
use super::stat::dir_fd;
use crate::modules::io::buffer::{self, Target};
use crate::modules::io::errors::{os_failure, system};
use crate::modules::io::fileio::whence_of;
use crate::modules::sys::structseq::{self, StructSeq, field};
use crate::vm::native::{NativeDef, arg};
use crate::vm::{R, Value, Vm};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag};
use nix::libc::AT_FDCWD;

/// The functions of this file.
pub const FUNCTIONS: &[NativeDef] = &[
    NativeDef::new(
        "open(path, flags, mode=511, *, dir_fd=None)",
        "Open a file for low level IO.  Returns a file descriptor (integer).",
        |vm, a| {
            let p = path::path_arg(vm, &a[0], "open", "path", Takes::default())?;
            let flags = vm.index_i64(&a[1])?;
            let flags = OFlag::from_bits_truncate(flags as i32) | OFlag::O_CLOEXEC;
            let (mode, dir) = (mode_arg(vm, arg(a, 2), 0o777)?, dir_fd(vm, arg(a, 3))?);
            crate::modules::sys::event(vm, "open", &[a[0].clone(), Value::NONE, Value::int32(flags.bits())])?;
            let fd = system(vm, Some(&p.object), || {
                nix::fcntl::openat(dir.unwrap_or(AT_FDCWD), p.path.as_path(), flags, mode)
            })?;
            Ok(Value::int32(fd))
        },
    ),
    NativeDef::new("close(fd)", "Close a file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        match vm.unlocked(|| nix::unistd::close(fd)) {
            Ok(()) | Err(Errno::EINTR) => Ok(Value::NONE),
            Err(e) => Err(os_failure(vm, e, None)),
        }
    }),
    NativeDef::new(
        "closerange(fd_low, fd_high, /)",
        "Closes all file descriptors in [fd_low, fd_high), ignoring errors.",
        |vm, a| {
            let (low, high) = (fd_arg(vm, &a[0])?, fd_arg(vm, &a[1])?);
            for fd in low.max(0)..high {
                vm.tick(1)?;
                // Numbers that are not open are passed over.
                let _ = nix::unistd::close(fd);
            }
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("read(fd, length, /)", "Read from a file descriptor.  Returns a bytes object.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let length = vm.index_i64(&a[1])?;
        let Ok(length) = usize::try_from(length) else { return Err(os_failure(vm, Errno::EINVAL, None)) };
        let length = length.min(0x7fff_f000);
        vm.check_alloc(length)?;
        let mut bytes = vec![0; length];
        let n = system(vm, None, || nix::unistd::read(fd, &mut bytes))?;
        Ok(vm.new_bytes(bytes.get(..n).unwrap_or_default()).into())
    }),
    NativeDef::new("readinto(fd, buffer, /)", "Read into a buffer object from a file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let target = Target::of(vm, &a[1], "readinto")?;
        let mut bytes = vec![0; target.len];
        let n = system(vm, None, || nix::unistd::read(fd, &mut bytes))?;
        let n = target.fill(vm, bytes.get(..n).unwrap_or_default())?;
        Ok(Value::len(n))
    }),
    NativeDef::new("write(fd, data, /)", "Write a bytes object to a file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let bytes = buffer::bytes_like(vm, &a[1])?;
        let n = system(vm, None, || nix::unistd::write(fd, &bytes))?;
        Ok(Value::len(n))
    }),
    NativeDef::new(
        "pread(fd, length, offset, /)",
        "Read a number of bytes from a file descriptor starting at a particular offset.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let (length, offset) = (vm.index_i64(&a[1])?, vm.index_i64(&a[2])?);
            let Ok(length) = usize::try_from(length) else { return Err(os_failure(vm, Errno::EINVAL, None)) };
            vm.check_alloc(length)?;
            let mut bytes = vec![0; length];
            let n = system(vm, None, || nix::sys::uio::pread(fd, &mut bytes, offset))?;
            Ok(vm.new_bytes(bytes.get(..n).unwrap_or_default()).into())
        },
    ),
    NativeDef::new(
        "pwrite(fd, buffer, offset, /)",
        "Write bytes to a file descriptor starting at a particular offset.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let bytes = buffer::bytes_like(vm, &a[1])?;
            let offset = vm.index_i64(&a[2])?;
            let n = system(vm, None, || nix::sys::uio::pwrite(fd, &bytes, offset))?;
            Ok(Value::len(n))
        },
    ),
    NativeDef::new(
        "lseek(fd, position, how, /)",
        "Set the position of a file descriptor.  Return the new position.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let (position, how) = (vm.index_i64(&a[1])?, vm.index_i64(&a[2])?);
            let whence = whence_of(vm, how)?;
            let at = system(vm, None, || nix::unistd::lseek(fd, position, whence))?;
            Ok(vm.int(at))
        },
    ),
    NativeDef::new("dup(fd, /)", "Return a duplicate of a file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let new = system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(0)))?;
        Ok(Value::int32(new))
    }),
    NativeDef::new("dup2(fd, fd2, inheritable=True)", "Duplicate file descriptor.", |vm, a| {
        let (fd, fd2) = (fd_arg(vm, &a[0])?, fd_arg(vm, &a[1])?);
        let inheritable = match arg(a, 2) {
            Some(v) => vm.truth(v)?,
            None => true,
        };
        let new = system(vm, None, || nix::unistd::dup2(fd, fd2))?;
        if !inheritable {
            set_inheritable(vm, new, false)?;
        }
        Ok(Value::int32(new))
    }),
    NativeDef::new("pipe()", "Create a pipe.", |vm, _| {
        let (r, w) = system(vm, None, || nix::unistd::pipe2(OFlag::O_CLOEXEC))?;
        Ok(vm.pair([Value::int32(r), Value::int32(w)]))
    }),
    NativeDef::new("pipe2(flags, /)", "Create a pipe with flags set atomically.", |vm, a| {
        let flags = vm.index_i64(&a[0])?;
        let (r, w) = system(vm, None, || nix::unistd::pipe2(OFlag::from_bits_truncate(flags as i32)))?;
        Ok(vm.pair([Value::int32(r), Value::int32(w)]))
    }),
    NativeDef::new("isatty(fd, /)", "Return True if the fd is connected to a terminal.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        Ok(nix::unistd::isatty(fd).unwrap_or(false).into())
    }),
    NativeDef::new("ttyname(fd, /)", "Return the name of the terminal device connected to 'fd'.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let name = system(vm, None, || nix::unistd::ttyname(fd))?;
        path::fs_value(vm, name.as_os_str(), false)
    }),
    NativeDef::new(
        "device_encoding(fd)",
        "Return a string describing the encoding of a terminal's file descriptor.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let terminal = nix::unistd::isatty(fd).unwrap_or(false);
            Ok(if terminal { vm.intern("utf-8").into() } else { Value::NONE })
        },
    ),
    NativeDef::new(
        "ftruncate(fd, length, /)",
        "Truncate a file, specified by file descriptor, to a specific length.",
        |vm, a| {
            let (fd, length) = (fd_arg(vm, &a[0])?, vm.index_i64(&a[1])?);
            system(vm, None, || nix::unistd::ftruncate(fd, length))?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("fsync(fd)", "Force write of fd to disk.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        system(vm, None, || nix::unistd::fsync(fd))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("fdatasync(fd)", "Force write of fd to disk without forcing update of metadata.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        system(vm, None, || nix::unistd::fsync(fd))?;
        Ok(Value::NONE)
    }),
    NativeDef::new("get_inheritable(fd, /)", "Get the close-on-exe flag of the specified file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let flags = system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_GETFD))?;
        Ok((flags & FdFlag::FD_CLOEXEC.bits() == 0).into())
    }),
    NativeDef::new(
        "set_inheritable(fd, inheritable, /)",
        "Set the inheritable flag of the specified file descriptor.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let on = vm.truth(&a[1])?;
            set_inheritable(vm, fd, on)?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new("get_blocking(fd, /)", "Get the blocking mode of the file descriptor.", |vm, a| {
        let fd = fd_arg(vm, &a[0])?;
        let flags = system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_GETFL))?;
        Ok((flags & OFlag::O_NONBLOCK.bits() == 0).into())
    }),
    NativeDef::new(
        "set_blocking(fd, blocking, /)",
        "Set the blocking mode of the specified file descriptor.",
        |vm, a| {
            let fd = fd_arg(vm, &a[0])?;
            let on = vm.truth(&a[1])?;
            let flags = system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_GETFL))?;
            let mut flags = OFlag::from_bits_truncate(flags);
            flags.set(OFlag::O_NONBLOCK, !on);
            system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_SETFL(flags)))?;
            Ok(Value::NONE)
        },
    ),
    NativeDef::new(
        "get_terminal_size(fd=1, /)",
        "Return the size of the terminal window as (columns, lines).",
        terminal_size,
    ),
];

/// `os.terminal_size`.
pub static TERMINAL_SIZE: StructSeq = StructSeq {
    module: "os",
    name: "terminal_size",
    doc: "A tuple of (columns, lines) for holding terminal window size",
    visible: 2,
    unnamed: 0,
    fields: &[
        field::<0>("columns", "width of the terminal window in characters"),
        field::<1>("lines", "height of the terminal window in characters"),
    ],
    constructible: true,
};

fn set_inheritable(vm: &mut Vm, fd: i32, on: bool) -> R<()> {
    let flag = if on { FdFlag::empty() } else { FdFlag::FD_CLOEXEC };
    system(vm, None, || nix::fcntl::fcntl(fd, FcntlArg::F_SETFD(flag))).map(drop)
}

fn terminal_size(vm: &mut Vm, a: &[Value]) -> R {
    let fd = match arg(a, 0) {
        Some(v) => fd_arg(vm, v)?,
        None => 1,
    };
    if let Err(e) = nix::fcntl::fcntl(fd, FcntlArg::F_GETFD) {
        return Err(os_failure(vm, e, None));
    }
    let size = match fd {
        0 => rustix::termios::tcgetwinsize(std::io::stdin()),
        1 => rustix::termios::tcgetwinsize(std::io::stdout()),
        2 => rustix::termios::tcgetwinsize(std::io::stderr()),
        // The same device by its name: the number itself is no handle.
        _ => match std::fs::File::open(format!("/proc/self/fd/{fd}")) {
            Ok(f) => rustix::termios::tcgetwinsize(f),
            Err(_) => Err(rustix::io::Errno::NOTTY),
        },
    };
    match size {
        Ok(s) => {
            let class = structseq::define(vm, &TERMINAL_SIZE)?;
            let values = vec![Value::int32(i32::from(s.ws_col)), Value::int32(i32::from(s.ws_row))];
            Ok(structseq::make(vm, &class, values))
        }
        Err(e) => Err(os_failure(vm, Errno::from_i32(e.raw_os_error()), None)),
    }
}
